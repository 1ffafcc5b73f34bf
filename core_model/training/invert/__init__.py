"""`triscope invert`: the run directory, saved states and pictures about the two stages of `core_model.inversion`."""
