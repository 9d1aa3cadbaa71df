import xct4d  # noqa: F401 - before numba: it chooses where kernels are kept
