"""A plugin of triscope: the family `blobs` and the sampler `central`."""
