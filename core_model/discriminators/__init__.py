"""Discriminators and the augmentation of what they see."""
