"""The canonical field: attenuation from a multiresolution hash grid and an MLP, which refine a reconstruction in voxels where there is one."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from xct4d.config import HashGrid
from xct4d.fields import occupancy, storage, tiny
from xct4d.kernels.hashgrid import HashLayout, encode
from xct4d.kernels.mlp import perceptron
from xct4d.kernels.trilinear import sample

# Without a reconstruction mu = exp(MLP - SHIFT): an untrained field, whose MLP is near zero, is nearly transparent.
SHIFT = 2.0
# The floor that is added to the reconstruction, as a fraction of its largest attenuation: exp(MLP) multiplies, and could
# otherwise put no material where the reconstruction is zero.
FLOOR = 1e-4
CHUNK = {"cpu": 2**17, "cuda": 2**19}  # points evaluated at once without gradients


class DensityField(nn.Module):
    """mu(x) = exp(MLP(encode(x))) (v(x) + floor) per world unit; zero outside the box and in cells found empty.

    v is the reconstruction that the field starts from, interpolated trilinearly: an untrained field is that volume. Without one,
    mu(x) = exp(MLP(encode(x)) - 2), nearly transparent at first. The MLP has no biases, as tiny-cuda-nn's fully fused one has none.
    A change that came later (`change_by`), also interpolated, is added to either; what would be negative is zero.
    """

    cells: Tensor  # occupied cells, bool
    change: Tensor  # [n, n, n] (z, y, x) at voxel centres; empty where there is none

    def __init__(self, settings: HashGrid, reconstruction: Tensor | None = None):
        """reconstruction: attenuation [n, n, n] (z, y, x) at voxel centres."""
        super().__init__()
        self.settings = settings
        self.layout = HashLayout(settings.levels, settings.log2_size, settings.coarsest, settings.finest)
        self.table = nn.Parameter(torch.empty(self.layout.entries, 2))
        self.inner = nn.Parameter(torch.empty(self.layout.width, settings.width))
        self.outer = nn.Parameter(torch.empty(settings.width))
        self.register_buffer("cells", occupancy.full())
        self.register_buffer("reconstruction", torch.empty(0, 0, 0) if reconstruction is None else reconstruction)
        self.register_buffer("change", torch.empty(0, 0, 0))
        self._floor = 0.0 if reconstruction is None else FLOOR * float(reconstruction.max())
        self.tiny: tiny.TinyNetwork | None = None  # in place of table, inner and outer, where it computes

    def initialise(self, generator: torch.Generator) -> None:
        """Random initial values: table in [-1e-4, 1e-4], weights as Glorot and Bengio (2010); the last layer zero where a reconstruction is refined."""
        with torch.no_grad():
            self.table.uniform_(-1e-4, 1e-4, generator=generator)
            for weight, neurons in ((self.inner, sum(self.inner.shape)), (self.outer, len(self.outer) + 1)):
                bound = (6 / neurons) ** 0.5
                weight.uniform_(-bound, bound, generator=generator)
            if len(self.reconstruction):
                self.outer.zero_()

    def forward(self, points: Tensor) -> Tensor:  # [N, 3] (x, y, z) -> [N]
        """Attenuation at points inside the box; a point outside takes the nearest face's."""
        out = perceptron(encode(self.table, points, self.layout), self.inner, self.outer) if self.tiny is None else self.tiny(points)
        if len(self.reconstruction):
            own = torch.exp(out) * (sample(self.reconstruction, points.clamp(-1, 1)) + self._floor)
        else:
            own = torch.exp(out - SHIFT)
        return (own + sample(self.change, points.clamp(-1, 1))).clamp_min(0) if len(self.change) else own

    @property
    def backend(self) -> str:
        """The library that computes the field: "xct4d" or "tinycudann"."""
        return "xct4d" if self.tiny is None else "tinycudann"

    def on(self, device: torch.device) -> DensityField:
        """This field, moved to a device; by tinycudann from then on where that is faster (fields.tiny)."""
        self.to(device)
        self.tiny = tiny.network(self.layout, self.settings.width, device)
        if self.tiny is not None:
            self.tiny.take(self.table, self.inner, self.outer)
            del self.table, self.inner, self.outer
        return self

    @torch.no_grad()
    def evaluate(self, points: Tensor) -> Tensor:
        """Attenuation at any points [N, 3], zero outside the box and in empty cells; without gradients, in bounded memory."""
        out = points.new_zeros(len(points))
        at_once = CHUNK[points.device.type]
        for part, target in zip(points.split(at_once), out.split(at_once), strict=True):
            occupied = occupancy.inside(self.cells, part)
            target[occupied] = self(part[occupied])
        return out

    def find_empty_cells(self, rng: np.random.Generator) -> None:
        """Set `cells` to those in which the reconstruction has material; in the others the field is zero from then on."""
        self.cells.copy_(occupancy.occupied(partial(sample, self.reconstruction), rng, self.cells.device))

    def change_by(self, change: Tensor, rng: np.random.Generator) -> None:
        """Add a change [n, n, n] (z, y, x) at voxel centres, per world unit, to a field that has none; its cells grow by those that it fills."""
        filled = occupancy.occupied(lambda points: self.evaluate(points) + sample(change, points), rng, self.cells.device)
        self.cells.copy_(self.cells | filled)
        self.change = change

    def save(self, path: Path) -> None:
        """Write the field. Both backends write the same format; the header names the one that computed the field."""
        table, inner, outer = (self.table, self.inner, self.outer) if self.tiny is None else self.tiny.give()
        tensors = {"table": table, "inner": inner, "outer": outer, "cells": self.cells, "reconstruction": self.reconstruction}
        tensors |= {"change": self.change} if len(self.change) else {}
        storage.write(path, "density", {"grid": self.settings.model_dump(), "backend": self.backend}, tensors)

    @classmethod
    def load(cls, path: Path) -> DensityField:
        """Read what `save` wrote, whatever trained it. Raises InputError where it is missing, damaged or holds another kind of field."""
        settings, tensors = storage.read(path, "density")
        reconstruction = tensors["reconstruction"]
        field = cls(HashGrid(**settings["grid"]), reconstruction if len(reconstruction) else None)
        field.change = tensors.setdefault("change", field.change)
        field.load_state_dict(tensors)
        return field
