"""Readers: datasets in the formats of scanners and of other programs.

`reader.py` holds the interface, `registry.py` the table of formats; each format
is a module or a package of its own. What several formats need stands beside
them: image files (`images.py`), which projections are held out (`split.py`),
and times on one axis (`times.py`). A reader imports from `xct4d.io` and floors
below it, and what it needs to list a dataset's files neither torch, numba nor
numpy, as the Snakefile asks for that list on every run.
"""
