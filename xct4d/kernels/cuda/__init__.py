"""The kernels on CUDA devices, by numba-cuda: module by module what the modules of xct4d.kernels compute on the CPU.

Sums over many threads are atomic additions of floats, whose order differs from
run to run: results agree with the CPU's, but are not equal bit for bit.
"""

from xct4d.kernels.cuda import adam, bspline, cells, flow, hashgrid, mlp, placing, segments, trilinear

__all__ = ["adam", "bspline", "cells", "flow", "hashgrid", "mlp", "placing", "segments", "trilinear"]
