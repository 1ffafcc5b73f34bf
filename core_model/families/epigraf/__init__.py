"""EpiGRAF (Skorokhodov et al. 2022): tri-plane GAN trained on patches.

With optional backgrounds; opened from its own files.
"""
