"""LEAP (LivermorE AI Projector): the text in which it stores a geometry, and TIFF files."""
