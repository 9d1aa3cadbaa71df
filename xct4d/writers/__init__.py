"""Volumes in the formats of other programs: VTK, ImageJ, neural_xray. One module per format, one function per module."""
