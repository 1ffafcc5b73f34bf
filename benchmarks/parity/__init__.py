"""Recorded training phases of EG3D, EpiGRAF and Mimic3D against the phases that triscope trains with."""
