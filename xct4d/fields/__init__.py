"""The model of a scan that deforms, as fields over the box [-1, 1]^3; nothing here knows of projections or stages.

A canonical field of attenuation for each scan (density.py: hash grid and MLP;
baked.py: the same as a volume), the velocity whose flow carries both to any
time (velocity.py), the weight of one against the other (mixers/), the level of
the flat field (flatfield.py), and all of them together (evolution.py), loaded
from the folders of a `TrainedModel` (trained_model.py). conservation.py has the
law by which moving material keeps its attenuation or its mass, carried.py both
scans carried to a time by it. material.py says what counts as material,
occupancy.py which cells of the box hold it.
"""
