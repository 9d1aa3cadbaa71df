"""The training tasks: what a canonical field, one level of the velocity field and the mixing coefficient are fitted to, and how.

canonical.py, velocity.py and mixing.py are `TrainingTask`s, which the loop
trains on random rays. path.py fits a level of the velocity field to all pixels
of the sequence by L-BFGS, starting from the registration.
"""
