"""The training loop, which is the same for all tasks.

run.py trains a `TrainingTask` (task.py): gradients over micro-batches
(accumulation.py) that are drawn ahead on a GPU (prefetch.py), Adam
(optimizer.py) over named groups of parameters (parameters.py), each with a
learning rate over the steps (schedule.py).
"""
