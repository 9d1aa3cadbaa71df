"""The functions in which nearly all computing time goes: one implementation for CPUs, one for CUDA GPUs, one in plain torch.

Rooms. Each module here is the face of one family of functions: public,
documented, differentiable functions of torch tensors, which the rest of the
library calls. A face lists the implementations it calls in a table (dispatch.Twins):
in `cpu` (numba), in `cuda` (numba-cuda, imported when a tensor first lies on a
GPU) and, for tests and benchmarks, in `reference` (plain torch, differentiated
by autograd). What two of these need stands in `shared`: device functions, the
layout of tables, steps in time. Imports run from a face to its implementations
and from these to `shared`, never back.

    adam             a step of the optimizer
    bspline          splines at points; matrices of splines on one axis
    flow             points carried along a velocity field
    hashgrid         multiresolution hash encoding of points
    mlp              a perceptron with one hidden layer
    occupancy        which coarse cells of the box hold material
    projector        line integrals through a volume of voxels, and their transpose
    ray_sampling     stratified samples along rays
    segments         sums over the samples of each ray
    total_variation  a volume denoised without blurring its edges
    trilinear        a volume at points

The fits of the registration and of the sequence run on CPUs on every machine;
what they need alone, `cpu.matching` and `cpu.splatting`, has no face and no twin.

Names. `_name`, with an underscore, is a raw kernel: compiled by numba, started
once for a whole batch, arrays in, arrays changed in place, no checks; only its
own module calls it. The public function `name` of the same module in `cpu` or
`cuda` takes tensors, makes room for the results and starts raw kernels; it checks
nothing and is not differentiated, but for those that say so. `name_adjoint` is its
vector-Jacobian product: it takes the cotangent first. Device functions
(decorated with shared.scalar.scalar) compute one point and are called by raw
kernels only. A face's function `name` calls both through `NAME` and `NAME_ADJOINT`.
"""
