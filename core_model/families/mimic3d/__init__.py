"""Mimic3D (Chen et al. 2023): EG3D fork with 3D-aware planes and a detail level; opened from its own files."""
