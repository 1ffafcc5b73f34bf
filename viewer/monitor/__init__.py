"""Detached training monitor: a Dear PyGui window of its own that reads run directories and nothing else."""
