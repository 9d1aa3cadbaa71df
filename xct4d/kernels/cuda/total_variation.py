"""Total variation denoising, on CUDA devices: by torch's own kernels. Right, but not measured on a GPU."""

from __future__ import annotations

from torch import Tensor

from xct4d.kernels.shared import rof


def denoise(volume: Tensor, dual: Tensor, span: Tensor, weight: float, steps: int) -> Tensor:
    """As cpu.total_variation.denoise."""
    return rof.denoise(volume, dual, span, weight, steps)
