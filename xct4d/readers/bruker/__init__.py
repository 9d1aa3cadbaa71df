"""Bruker (SkyScan): a .log of the scan and a TIFF file for each projection."""
