"""Implementations for CUDA devices, by numba-cuda: raw kernels, and the functions of tensors that start them.

Module by module they compute what those of kernels.cpu compute. Sums over many
threads are atomic additions of floats, whose order differs from run to run:
results agree with those of the CPU, but are not equal bit for bit.
"""
