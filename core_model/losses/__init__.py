"""Losses and the controllers that steer training by them."""
