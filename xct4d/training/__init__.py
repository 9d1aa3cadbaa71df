"""Training: gradient descent on random rays, for canonical fields, velocity and mixing.

A stage describes itself as a `TrainingTask` (loop/task.py; those that exist are
in tasks/): what it draws in each step (sampling/), the weighted terms of its
loss (losses/), its parameters in groups with a learning rate each, how it
compares itself with held-out projections and what it shows in TensorBoard
(inspection/). `train` (loop/run.py) does the rest: accumulation over
micro-batches where memory is short (memory/), Adam, curves, checkpoints that a
killed run resumes bit for bit.

What is fitted to all data at once lies beside it: the classical reconstruction
of a scan in `xct4d.reconstruction`, the motion in `xct4d.motion`. Files and
folders of a run belong to `xct4d.stages`.
"""
