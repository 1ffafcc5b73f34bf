"""From a picture to a latent: camera, start, losses and the two stages of single-view inversion (A2.3)."""
