"""GE / Waygate phoenix: a .pca of the scan and a TIFF file for each projection."""
