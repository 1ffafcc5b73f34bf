"""Reader of run directories, incremental and tolerant, and the page models that the monitor and the Training
workspace draw.
"""
