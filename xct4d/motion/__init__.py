"""The motion, fitted by L-BFGS (quasi_newton.py) to all voxels and all pixels at once.

registration.py finds the steady velocity that carries each scan into the other.
sequence.py compares both scans, carried along the flow, with all pixels of the
sequence (projections.py): first to find the pace of the registered motion, then
to correct its path (path.py, one level of the velocity field) under a prior that
solid material keeps its volume (solidity.py). posterior.py draws motions that
the data leave open.
"""
