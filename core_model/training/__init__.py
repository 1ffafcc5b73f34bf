"""Training: what changes weights. `fit` regresses a generator onto heads whose truth is known."""
