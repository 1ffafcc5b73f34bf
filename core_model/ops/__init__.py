"""Pure tensor functions; no state, no modules."""

import os

# On CPUs torch (LRU_CACHE_CAPACITY) and oneDNN keep a kernel for each size of tensor that was ever computed, 1024 each. Here nearly
# every picture has another number of points, so that such a cache only grows: by 2 MB with each head, to 2 GB. Both are read when the
# first kernel is made.
for _name in ("LRU_CACHE_CAPACITY", "ONEDNN_PRIMITIVE_CACHE_CAPACITY"):
    os.environ.setdefault(_name, "64")
