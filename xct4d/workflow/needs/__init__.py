"""Memory and time that each stage needs, one module per stage.

Each module has `memory(work)`, the bytes that a job of the stage holds at its
peak beyond the imported program, counted array by array; and
`microseconds(work)`, the time of one CPU core of 2020 that it takes, from the
number of samples, pixels or voxels.
"""
