"""Field + samples → weights → channels: evaluation, compositing, empty space, and the one render loop."""
