"""Iso-surfaces of any field: sparse exact extraction, report, attributes, decimation, atlas, files."""
