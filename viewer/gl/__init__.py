"""OpenGL 3.3 core wrappers.

Every object knows how to free itself, and errors carry the driver's own words.
"""
