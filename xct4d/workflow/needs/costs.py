"""Microseconds of one CPU core of 2020 that the elements of the work take."""

HASH_GRID_LEVEL = 0.5  # a training sample, per level of the hash grid
FLOW_SAMPLE = 10.0  # a training sample of velocity or mixing
TRAINED_VOXEL = 0.02  # a voxel of a scan that is trained, in a step: its gradient is cleared, Adam looks at it
VOXEL = 15.0  # a point at which the trained model is evaluated: a voxel of every kind, a held-out ray's sample
SIMULATED_PIXEL = 5.0
READ_PIXEL = 0.5
