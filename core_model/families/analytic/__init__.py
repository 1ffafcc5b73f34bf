"""Closed-form shapes: known answers against which renderer, window and meshes are tested."""
