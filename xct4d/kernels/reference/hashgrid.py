"""The hash encoding in plain torch, for tests and benchmarks."""

from __future__ import annotations

import torch
from torch import Tensor

from xct4d.kernels.shared.hash_layout import HashLayout
from xct4d.kernels.shared.hashgrid import PRIME_Y, PRIME_Z


def encode(table: Tensor, points: Tensor, layout: HashLayout) -> Tensor:
    """As kernels.hashgrid.encode; differentiable in the table and the points."""
    unit = points.clamp(-1, 1) * 0.5 + 0.5
    features = []
    for level in range(layout.levels):
        nodes, start = int(layout.nodes[level]), int(layout.offset[level])
        size = int(layout.offset[level + 1]) - start
        p = unit * float(layout.scale[level]) + 0.5
        cell = p.detach().floor()
        f = p - cell
        cell = cell.long()
        total = 0
        for corner in range(8):
            d = torch.tensor([corner & 1, corner >> 1 & 1, corner >> 2 & 1], device=points.device)
            i, j, k = (cell + d).unbind(-1)
            weight = torch.where(d.bool(), f, 1 - f).prod(-1, keepdim=True)
            if nodes**3 <= size:
                index = (i + nodes * (j + nodes * k)) % size
            else:
                index = (i ^ (j * int(PRIME_Y)) ^ (k * int(PRIME_Z))) & (size - 1)
            total = total + weight * table[start + index]
        features.append(total)
    return torch.cat(features, -1)
