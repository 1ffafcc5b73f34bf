"""Fields: point → signed distance | density, features, colour; lookup in tri-planes.

SDF-to-density rules; normals.
"""
