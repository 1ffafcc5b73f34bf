"""`triscope fit`: regress a wysiwyg generator onto heads of the head pack (SDF and colour at points, then rays, then proposals)."""
