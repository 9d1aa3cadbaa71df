"""The canonical's encoding and perceptron by tinycudann (tiny-cuda-nn), in half precision, where it is installed.

tinycudann keeps all its parameters in one vector of float32: the weights of the
perceptron's layers, each [outputs, inputs] row by row and padded to multiples
of 16, then the table of the hash grid, which is laid out as ours (FullyFusedMLP
and GridEncoding of tiny-cuda-nn 2). What pads the inputs is zero, and the
padded outputs are thrown away, so padding never counts.
"""

from __future__ import annotations

import math
import sys
from importlib.util import find_spec

import torch
from torch import Tensor, nn

from xct4d.kernels.hashgrid import FEATURES, HashLayout

PAD = 16
WIDTHS = (16, 32, 64, 128)  # of a fully fused perceptron's layers
CLEAR = 1e-4  # a dense level whose size hangs on less may come out one node larger in single precision
# The largest derivative that half precision is given. Its sums over a batch stay below
# 65504, and derivatives down to a four-millionth of it above zero.
LARGEST = 0.25


def network(layout: HashLayout, width: int, device: torch.device) -> TinyNetwork | None:
    """tinycudann's network for a field on this device; None where our own kernels serve: on the CPU, where it is
    not installed, and where it cannot be had (which is said on stderr)."""
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
    """Why tinycudann cannot hold such a field, if so."""
    if width not in WIDTHS:
        return f"its layers have {', '.join(map(str, WIDTHS))} neurons, not {width} (canonical.grid.width)"
    for level in range(layout.levels):
        nodes = int(layout.nodes[level])
        dense = nodes**3 <= layout.offset[level + 1] - layout.offset[level]
        exact = (level * growth(layout)) % 1 == 0  # a power of two: no rounding
        if dense and not exact and abs(layout.scale[level] - round(float(layout.scale[level]))) < CLEAR * nodes:
            return f"its level {level} may have another number of nodes than ours (canonical.grid.coarsest, finest, levels)"
    return None


def growth(layout: HashLayout) -> float:
    """log2 of the ratio of two levels' resolutions."""
    return 0.0 if layout.levels == 1 else math.log2(layout.finest / layout.coarsest) / (layout.levels - 1)


def padded(count: int) -> int:
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
    """Passes values on; derivatives on the way back are brought to LARGEST, and the factor is kept."""

    @staticmethod
    def forward(ctx, values, factor):
        ctx.factor = factor
        return values.clone()

    @staticmethod
    def backward(ctx, grad):
        largest = grad.abs().max().clamp_min(torch.finfo(torch.float32).tiny)
        ctx.factor.copy_((LARGEST / largest).clamp_max(2.0**60))
        return grad * ctx.factor, None


class TinyNetwork(nn.Module):
    """log density before the shift, as kernels.hashgrid and kernels.mlp compute it.

    Half precision ends at 6e-8, and the derivatives of a mean over many rays lie
    below: they are scaled before they enter and scaled back, as float32, where
    they reach the parameters.
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
                "base_resolution": layout.coarsest, "per_level_scale": 2.0 ** growth(layout),
            },
            {"otype": "FullyFusedMLP", "activation": "ReLU", "output_activation": "None", "n_neurons": width, "n_hidden_layers": 1},
        )  # fmt: skip
        wanted = width * padded(layout.width) + PAD * width + layout.entries * FEATURES
        if len(self.module.params) != wanted:
            raise RuntimeError(f"it has {len(self.module.params)} parameters for this field, not {wanted}")
        self.module.loss_scale = 1.0  # ours takes its place
        self._factor = torch.ones(())
        self.module.params.register_hook(lambda grad: grad / self._factor)

    def forward(self, points: Tensor) -> Tensor:  # [N, 3] in [-1, 1] -> [N]
        self._factor = self._factor.to(points.device)
        if len(points) == 0:  # it refuses empty batches
            return points.new_zeros(0) * self.module.params[0]
        out = self.module((points * 0.5 + 0.5).clamp(0, 1))
        return _Scaled.apply(out[:, 0].float(), self._factor)

    @torch.no_grad()
    def take(self, table: Tensor, inner: Tensor, outer: Tensor) -> None:
        self.module.params.copy_(pack(table, inner, outer))

    def give(self) -> tuple[Tensor, Tensor, Tensor]:
        """table, inner, outer."""
        return unpack(self.module.params.detach(), self._layout, self._width)
