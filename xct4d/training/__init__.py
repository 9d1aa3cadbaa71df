"""Training: how the parameters of the model are found from projections.

Three ways, each for what it is best at:

- Gradient descent on random rays, for canonical fields, velocity and mixing. A
  stage describes itself as a `TrainingTask` (task.py; those that exist are in
  tasks/): what it draws in each step, the weighted terms of its loss (losses/),
  its parameters in groups with a learning rate each (parameters.py), how it
  compares itself with held-out projections and what it shows in TensorBoard.
  `train` (loop.py) does the rest: accumulation over micro-batches where memory
  is short (memory/), Adam, curves, checkpoints that a killed run resumes bit for
  bit.
- The classical reconstruction of a scan in voxels, from which its canonical
  field starts: reconstruction.py, within the visual hull (silhouette.py), run
  and resumed by reconstruction_run.py.
- L-BFGS on all data at once (quasi_newton.py), for the motion: the registration
  of the two scans (registration.py), then all pixels of the sequence
  (sequence.py on projections.py; tasks/path.py for a level of the velocity).

Files and folders of a run belong to `xct4d.stages`.
"""
