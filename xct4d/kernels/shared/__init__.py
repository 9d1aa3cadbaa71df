"""What the kernels of all targets read or call: device functions of one point, layouts of memory, steps in time."""
