"""Scans in HDF5 files: NeXus NXtomo and APS Data Exchange, which their names do not tell apart."""
