"""What one micro-batch does in each phase of the programs that triscope trains after: EG3D, EpiGRAF, Mimic3D.

Recipes give these functions their networks, latents, labels and schedules; `benchmarks.training_parity` gives
them the recorded ones. A phase yields its terms in the program's order, each to be differentiated before the
next is asked for (so its graph is freed first): gradients add up.
"""
