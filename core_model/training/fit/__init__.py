"""`triscope fit`: regress a wysiwyg generator onto procedural heads (SDF and colour at points, then rays, then proposals)."""
