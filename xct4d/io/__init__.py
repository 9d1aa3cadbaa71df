"""The program's own files: prepared projections, volumes, OME-Zarr, and the ways in which every file is read and written.

Outputs appear whole or not at all (`atomic.py`), YAML and JSON are read without
silent loss (`mapping_files.py`), and a path inside a dataset may not leave its
folder (`paths.py`). Formats of scanners and other programs: `xct4d.readers`.
"""
