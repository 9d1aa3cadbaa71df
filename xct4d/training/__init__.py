"""Training: one loop for every stage that fits a field to projections.

A stage describes itself as a `TrainingTask` (task.py): what it draws in each
step, the weighted terms of its loss (losses/), its parameters in groups with a
learning rate each (parameters.py), how it compares itself with held-out
projections and what it shows in TensorBoard. `train` (loop.py) does the rest:
accumulation over micro-batches where memory is short, Adam, curves,
checkpoints that a killed run resumes bit for bit. The tasks that exist are in
tasks/; files and folders of a run belong to `xct4d.stages`.
"""
