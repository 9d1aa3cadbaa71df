"""Nikon X-Tek: the scanner's record of its geometry (.xtekct) and TIFF files of counts."""
