"""The whole trained model: attenuation and motion at any place and time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from xct4d.config import Kind, Mixing
from xct4d.fields import occupancy
from xct4d.fields.density import CHUNK, DensityField
from xct4d.fields.flatfield import FlatField
from xct4d.fields.mixing import make_mixer
from xct4d.fields.velocity import VelocityField
from xct4d.geometry.box import inside_box


class Evolution:
    """mu(x, t) = (1 - alpha) mu0(flow(x, t -> 0)) + alpha mu1(flow(x, t -> 1)).

    A static dataset has the forward canonical alone: only t = 0 and kind "forward" exist.
    """

    def __init__(self, forward, backward, velocity, mixer, flat_field: FlatField):
        """forward, backward: fields with evaluate(points [N, 3]) -> [N]; backward, velocity and mixer are None where static."""
        self._canonical = {"forward": forward, "backward": backward}
        self.velocity = velocity
        self.mixer = mixer
        self._flat_field = flat_field

    @property
    def static(self) -> bool:
        return self._canonical["backward"] is None

    @classmethod
    def load(cls, forward: Path, backward: Path | None, velocity: Path | None, mixing: Mixing, mixer: Path | None) -> Evolution:
        """Load from the output folders of the stages. Raises InputError where one is missing or damaged."""
        first = DensityField.load(Path(forward) / "field.safetensors")
        if backward is None:
            return cls(first, None, None, None, FlatField.load(Path(forward) / "flatfield.safetensors"))
        last = mixer if mixer is not None else velocity
        return cls(
            first,
            DensityField.load(Path(backward) / "field.safetensors"),
            VelocityField.load(Path(velocity) / "field.safetensors"),
            make_mixer(mixing, mixer),
            FlatField.load(Path(last) / "flatfield.safetensors"),
        )

    def flow(self, points: Tensor, start: float, stop: float) -> Tensor:
        """Points [N, 3] carried along the motion from time start to time stop."""
        return self.velocity.flow(points, start, stop)

    def flat_field(self, t: float) -> float:
        """f(t); air has transmission exp(-f)."""
        with torch.no_grad():
            return float(self._flat_field(t))

    @torch.no_grad()
    def cells(self, t: float) -> Tensor:
        """Which cells of the box can hold material at time t (fields.occupancy): all kinds vanish in the others."""
        if self.static:
            return self._canonical["forward"].cells
        return torch.stack(
            [
                occupancy.carried(self._canonical[direction].cells, lambda points, home=home: self.flow(points, home, t))
                for direction, home in (("forward", 0.0), ("backward", 1.0))
            ]
        ).any(0)

    @torch.no_grad()
    def attenuation(self, points: Tensor, t: float, kinds: Sequence[Kind]) -> dict[Kind, Tensor]:
        """Attenuation [N] of each kind, per world unit, at points [N, 3] (x, y, z) float32 and time t.

        Zero outside the box. Kinds share their work: mixed costs nothing beside forward and backward.
        """
        parts = [self._attenuation(part, t, kinds) for part in points.split(CHUNK)]
        return {kind: torch.cat([part[kind] for part in parts]) if parts else torch.empty(0) for kind in kinds}

    def _attenuation(self, points: Tensor, t: float, kinds: Sequence[Kind]) -> dict[Kind, Tensor]:
        if self.static:
            return {"forward": self._canonical["forward"].evaluate(points)}
        needed = {"forward", "backward"} if "mixed" in kinds else set(kinds)
        density = {}
        for direction, home in (("forward", 0.0), ("backward", 1.0)):
            if direction in needed:
                carried = self._canonical[direction].evaluate(self.flow(points, t, home))
                density[direction] = inside_box(carried, points)
        if "mixed" in kinds:
            density["mixed"] = torch.lerp(density["forward"], density["backward"], self.mixer(points, t))
        return {kind: density[kind] for kind in kinds}
