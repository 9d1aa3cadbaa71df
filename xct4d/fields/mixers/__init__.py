"""The mixing coefficient alpha(x, t), the weight of the backward scan: one file for each way to choose it.

To add a mixer, write its file with a subclass of `Mixer` (base.py), enter it in
registry.py, and add its name to `Mixing.method` in the configuration.
"""
