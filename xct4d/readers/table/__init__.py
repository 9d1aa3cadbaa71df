"""A plain table of images and angles: for every scanner that no other reader knows."""
