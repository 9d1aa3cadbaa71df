"""GPU memory that a training takes, and what is made smaller where there is less.

Predicted array by array from the configuration, before any of the arrays
exists; one file for each task, and need.py for what is done about it: first a
step is divided into micro-batches, which give the same gradients in parts; if
that is not enough, the volumes of the two scans are stored with fewer voxels.
Where a prediction falls short, the step runs out of memory and is divided then
(training.loop.accumulation).
"""
