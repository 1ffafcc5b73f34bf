"""Reader of run directories: incremental, tolerant, free of any window.

Used by the monitor and by the training tab.
"""
