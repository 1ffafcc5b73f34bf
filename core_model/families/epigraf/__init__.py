"""EpiGRAF (Skorokhodov et al. 2022): tri-plane GAN trained on patches, with optional backgrounds; opened from
its own files.
"""
