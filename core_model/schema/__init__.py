"""Plain data that crosses processes. Nothing in this package imports torch."""
