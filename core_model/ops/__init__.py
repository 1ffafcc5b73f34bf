"""Pure tensor functions; no state, no modules."""
