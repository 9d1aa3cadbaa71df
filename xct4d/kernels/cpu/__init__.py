"""Implementations for CPUs: raw kernels compiled by numba, and the functions of tensors that start them."""
