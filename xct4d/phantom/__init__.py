"""Phantoms: objects and motions that are known exactly, their projections, and the scenes made of them.

An object is described by shapes (`shapes.py`) or voxels, a motion by formulas
(`motions.py`); line integrals are exact (`crossings.py`, `projector.py`). A
`Phantom` (`truth.py`) is both together, and the truth that volumes are scored by.
"""
