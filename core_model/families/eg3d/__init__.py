"""EG3D (Chan et al. 2022): tri-plane GAN with a density field and 2D super-resolution; opened from its own
files.
"""
