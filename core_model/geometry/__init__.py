"""Cameras, rays, tiles and boxes as tensors."""
