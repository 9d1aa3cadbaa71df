"""Where rays run and points lie: camera poses, the rays of pixels, the box [-1, 1]^3 and the grid points in it.

Plain numbers in world units and pixels; nothing here knows of files or fields.
`views.py` has poses and intrinsics, `rays.py` the rays from the source through
the pixels, clipped to the box, `box.py` voxel centres and the order of a
volume's points. The conventions are those of docs/conventions.md.
"""
