"""The canonical's encoding and perceptron by tinycudann (tiny-cuda-nn), in half precision, where it is installed.

tinycudann keeps all its parameters in one vector of float32: the weights of the
perceptron's layers, each [outputs, inputs] row by row and padded to multiples
of 16, then the table of the hash grid, which is laid out as ours (FullyFusedMLP
and GridEncoding of tiny-cuda-nn 2). What pads the inputs is zero, and the
padded outputs are thrown away, so padding never counts.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec

import numpy as np
import torch
from torch import Tensor, nn

from xct4d.kernels.hashgrid import FEATURES, HashLayout

PAD = 16
WIDTHS = (16, 32, 64, 128)  # of a fully fused perceptron's layers
# tiny-cuda-nn computes a level's number of nodes in single precision, as exp2(level log2(ratio)) of the
# ratio between the resolutions of two levels. Where a level's resolution is a whole number, rounding may
# add a node to it. The ratio is therefore passed ROUNDED_DOWN steps of single precision lower, which shifts
# grid nodes by a hundredth of a cell at most.
ROUNDED_DOWN = 6
# Error of exp2 on a device, in steps of single precision: twice what CUDA's documentation states.
EXP2_ERROR = 4
# Half precision ends at 65504. Derivatives of a batch are scaled so that none exceeds LARGEST and the sum of
# their sizes does not exceed LARGEST_SUM: tiny-cuda-nn adds them up, multiplied by weights and features, in
# half precision too, and the rest up to 65504 is left for these factors. Derivatives down to a four-millionth
# of LARGEST remain above zero.
LARGEST = 0.25
LARGEST_SUM = 4096.0


def network(layout: HashLayout, width: int, device: torch.device) -> TinyNetwork | None:
    """tinycudann's network for a field on this device.

    None where our own kernels compute the field instead: on the CPU, without
    tinycudann, and where it cannot represent the field or does not load; the
    reason for the last two is printed on stderr.
    """
    if device.type != "cuda" or find_spec("tinycudann") is None:
        return None
    reason = unfit(layout, width)
    if reason is None:
        try:
            return TinyNetwork(layout, width).to(device)
        except (ImportError, OSError, RuntimeError) as error:  # built for other devices, say
            reason = str(error).splitlines()[0]
    print(f"the field is computed without tinycudann: {reason}", file=sys.stderr)
    return None


def unfit(layout: HashLayout, width: int) -> str | None:
    """Why tinycudann cannot represent a field of this layout and width; None where it can."""
    if width not in WIDTHS:
        return f"its layers have {', '.join(map(str, WIDTHS))} neurons, not {width} (canonical.grid.width)"
    scale = scales(layout)
    off = EXP2_ERROR * np.spacing(scale + 1) * (np.arange(layout.levels) > 0)  # exp2(0) is 1 everywhere
    same = (np.ceil(scale - off) + 1 == layout.nodes) & (np.ceil(scale + off) + 1 == layout.nodes)
    dense = layout.nodes**3 <= np.diff(layout.offset)  # where a level is hashed, the number does not count
    if (dense & ~same).any():
        level = int(np.flatnonzero(dense & ~same)[0])
        return f"its level {level} may have another number of nodes than ours (canonical.grid.coarsest, finest, levels)"
    return None


def ratio(layout: HashLayout) -> np.float32:
    """Ratio between the resolutions of two successive levels, as it is passed to tinycudann."""
    found = np.float32(1.0 if layout.levels == 1 else (layout.finest / layout.coarsest) ** (1 / (layout.levels - 1)))
    for _ in range(ROUNDED_DOWN):
        found = np.nextafter(found, np.float32(0))
    return found


def scales(layout: HashLayout) -> np.ndarray:  # [levels] float32
    """Each level's scale as tiny-cuda-nn computes it (grid_scale in its grid.h)."""
    return np.exp2(np.arange(layout.levels, dtype=np.float32) * np.log2(ratio(layout))) * np.float32(layout.coarsest) - np.float32(1)


def padded(count: int) -> int:
    """The next multiple of PAD."""
    return -(-count // PAD) * PAD


def pack(table: Tensor, inner: Tensor, outer: Tensor) -> Tensor:
    """The vector of a field's table [entries, 2], first weights [inputs, width] and last weights [width]."""
    inputs, width = inner.shape
    first, last = inner.new_zeros(width, padded(inputs)), inner.new_zeros(PAD, width)
    first[:, :inputs] = inner.T
    last[0] = outer
    return torch.cat([first.reshape(-1), last.reshape(-1), table.reshape(-1)])


def unpack(vector: Tensor, layout: HashLayout, width: int) -> tuple[Tensor, Tensor, Tensor]:
    """table, inner, outer of a vector that `pack` made or tinycudann trained."""
    first, last, table = vector.split([width * padded(layout.width), PAD * width, layout.entries * FEATURES])
    inner = first.reshape(width, -1)[:, : layout.width].T
    return table.reshape(-1, FEATURES), inner.contiguous(), last[:width]


class _Scaled(torch.autograd.Function):
    """Passes values on; derivatives on the way back are brought into the range of half precision, and the factor is kept."""

    @staticmethod
    def forward(ctx, values, factor):
        ctx.factor = factor
        return values.clone()

    @staticmethod
    def backward(ctx, grad):
        size, tiniest = grad.abs(), torch.finfo(torch.float32).tiny
        factor = torch.minimum(LARGEST / size.max().clamp_min(tiniest), LARGEST_SUM / size.sum().clamp_min(tiniest))
        ctx.factor.copy_(factor.clamp_max(2.0**60))
        return grad * ctx.factor, None


class _Unscaled(torch.autograd.Function):
    """Passes parameters on; their derivatives on the way back lose the factor of `_Scaled`.

    A derivative that left half precision's range all the same becomes zero, so that the others are not lost with it.
    """

    @staticmethod
    def forward(ctx, parameters, factor):
        ctx.factor = factor
        return parameters.view_as(parameters)

    @staticmethod
    def backward(ctx, grad):
        return torch.nan_to_num(grad / ctx.factor, nan=0.0, posinf=0.0, neginf=0.0), None


class TinyNetwork(nn.Module):
    """The output of the MLP, as kernels.hashgrid and kernels.mlp compute it; fields.density makes attenuation of it.

    Half precision ends at 6e-8, and the derivatives of a mean over many rays lie
    below: they are scaled before they enter and scaled back, as float32, where
    they reach the parameters. Every call has a factor of its own, as a step may
    call the field for several things.
    """

    def __init__(self, layout: HashLayout, width: int):
        super().__init__()
        import tinycudann

        self._layout, self._width = layout, width
        self.module = tinycudann.NetworkWithInputEncoding(
            3,
            1,
            {
                "otype": "HashGrid", "n_levels": layout.levels, "n_features_per_level": FEATURES, "log2_hashmap_size": layout.log2_size,
                "base_resolution": layout.coarsest, "per_level_scale": float(ratio(layout)),
            },
            {"otype": "FullyFusedMLP", "activation": "ReLU", "output_activation": "None", "n_neurons": width, "n_hidden_layers": 1},
        )  # fmt: skip
        wanted = width * padded(layout.width) + PAD * width + layout.entries * FEATURES
        if len(self.module.params) != wanted:
            raise RuntimeError(f"it has {len(self.module.params)} parameters for this field, not {wanted}")
        self.module.loss_scale = 1.0  # ours takes its place

    def forward(self, points: Tensor) -> Tensor:  # [N, 3] in [-1, 1] -> [N]
        if len(points) == 0:  # it refuses empty batches
            return points.new_zeros(0) * self.module.params[0]
        factor = torch.ones((), device=points.device)
        parameters = _Unscaled.apply(self.module.params, factor)
        out = torch.func.functional_call(self.module, {"params": parameters}, ((points * 0.5 + 0.5).clamp(0, 1),))
        return _Scaled.apply(out[:, 0].float(), factor)

    @torch.no_grad()
    def take(self, table: Tensor, inner: Tensor, outer: Tensor) -> None:
        """Set the parameters, whose shapes are those of `pack`."""
        self.module.params.copy_(pack(table, inner, outer))

    def give(self) -> tuple[Tensor, Tensor, Tensor]:
        """The parameters: table, inner, outer."""
        return unpack(self.module.params.detach(), self._layout, self._width)
