"""Native checkpoints: one safetensors file with its JSON description; where to find them.

`layout` and `locate` import no torch, so that `triscope info` starts at once; `store` does.
"""
