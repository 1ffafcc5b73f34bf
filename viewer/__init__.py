"""Desktop app of triscope.

The process that draws never imports torch; of core_model it imports `schema` only.
"""
