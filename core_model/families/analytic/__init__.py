"""Shapes with known answers: the bed on which renderer, window and meshes are tested."""
