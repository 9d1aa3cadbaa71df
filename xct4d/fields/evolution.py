"""The whole trained model: attenuation and motion at any place and time."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from xct4d.device import HOST
from xct4d.directions import RECONSTRUCTIONS, SCAN_TIME, Direction, Reconstruction
from xct4d.fields import occupancy
from xct4d.fields.conservation import carried_attenuation
from xct4d.fields.density import CHUNK, DensityField
from xct4d.fields.flatfield import FlatField
from xct4d.fields.mixers.base import TrainedMixer
from xct4d.fields.mixers.registry import MIXERS, trained_mixer
from xct4d.fields.trained_model import TrainedModel
from xct4d.fields.velocity import VelocityField
from xct4d.geometry.box import inside_box


class Evolution:
    """mu(x, t) = (1 - alpha) mu0(flow(x, t -> 0)) + alpha mu1(flow(x, t -> 1)).

    Without a second scan there is kind "forward" alone, mu0(flow(x, t -> 0)); a
    static dataset has only that, at t = 0.
    It is computed on the model's device; what comes back lies where the points lie.
    """

    def __init__(self, forward, backward, velocity, mixer, flat_field: FlatField, device: torch.device = HOST):
        """forward, backward: fields with evaluate(points [N, 3]) -> [N]; backward and mixer are None where there is one scan, velocity where static."""
        self._canonical = {"forward": forward, "backward": backward}
        self.velocity = velocity
        self._mixer = mixer
        self._flat_field = flat_field
        self.device = device

    @property
    def static(self) -> bool:
        """Whether nothing moves."""
        return self.velocity is None

    @property
    def scans(self) -> dict[Direction, float]:
        """The scans that there are, with their times."""
        return {direction: time for direction, time in SCAN_TIME.items() if self._canonical[direction] is not None}

    @property
    def kinds(self) -> tuple[Reconstruction, ...]:
        """The reconstructions that there are; the first is the result."""
        return RECONSTRUCTIONS if self.mixes else ("forward",)

    @property
    def mixes(self) -> bool:
        """Whether there are two scans to mix."""
        return len(self.scans) == len(SCAN_TIME)

    @property
    def mixing_is_trained(self) -> bool:
        return isinstance(self._mixer, TrainedMixer)

    @classmethod
    def load(cls, model: TrainedModel, device: torch.device = HOST) -> Evolution:
        """Load from the output folders of the stages. Raises InputError where a file is missing or damaged."""
        forward = DensityField.load(model.forward / "field.safetensors").on(device)
        if not model.moves:
            return cls(forward, None, None, None, FlatField.load(model.forward / "flatfield.safetensors"), device)
        velocity = VelocityField.load(model.velocity / "field.safetensors").to(device)
        if model.backward is None:
            return cls(forward, None, velocity, None, FlatField.load(model.velocity / "flatfield.safetensors"), device)
        if model.mixer is None:
            mixer = MIXERS[model.mixing.method].from_settings(model.mixing)
        else:
            mixer = trained_mixer(model.mixing.method).load(model.mixer / "field.safetensors")
        last = model.velocity if model.mixer is None else model.mixer
        return cls(
            forward,
            DensityField.load(model.backward / "field.safetensors").on(device),
            velocity,
            mixer.to(device),
            FlatField.load(last / "flatfield.safetensors"),
            device,
        )

    @torch.no_grad()
    def flow(self, points: Tensor, start: float, stop: float) -> Tensor:
        """Points [N, 3] carried along the motion from time start to time stop."""
        return self.velocity.flow(points.to(self.device), start, stop).to(points.device)

    @torch.no_grad()
    def flow_with_gradient(self, points: Tensor, start: float, stop: float) -> tuple[Tensor, Tensor]:
        """Points [N, 3] carried from time start to time stop, and dx(stop)/dx(start) [N, 3, 3], by the variational equation of the flow."""
        there, gradient = self.velocity.flow_with_gradient(points.to(self.device), start, stop)
        return there.to(points.device), gradient.to(points.device)

    @torch.no_grad()
    def alpha(self, points: Tensor, t: float) -> Tensor:
        """The weight of the backward canonical at points [N, 3] and time t: [N]."""
        return self._mixer(points.to(self.device), t).to(points.device)

    def flat_field(self, t: float) -> float:
        """f(t); air has transmission exp(-f)."""
        return self._flat_field.level(t)

    @torch.no_grad()
    def cells(self, t: float) -> Tensor:
        """The occupied cells at time t (fields.occupancy): outside of them attenuation of every kind is zero."""
        if self.static:
            return self._canonical["forward"].cells
        return torch.stack(
            [
                occupancy.around(self.flow(occupancy.subcell_centres(self._canonical[direction].cells), scan_time, t))
                for direction, scan_time in self.scans.items()
            ]
        ).any(0)

    @torch.no_grad()
    def attenuation(self, points: Tensor, t: float, kinds: Sequence[Reconstruction]) -> dict[Reconstruction, Tensor]:
        """Attenuation [N] of each kind, per world unit, at points [N, 3] (x, y, z) float32 and time t.

        Zero outside the box. Kinds share their work: mixed costs nothing beside forward and backward.
        """
        out = {kind: points.new_empty(len(points)) for kind in kinds}
        at_once = CHUNK[self.device.type]
        for start in range(0, len(points), at_once):
            part = slice(start, start + at_once)
            for kind, values in self._attenuation(points[part].to(self.device), t, kinds).items():
                out[kind][part] = values
        return out

    def result(self, points: Tensor, t: float) -> Tensor:
        """Attenuation [N] of the result, which is mixed where there are two scans."""
        kind = self.kinds[0]
        return self.attenuation(points, t, [kind])[kind]

    def _attenuation(self, points: Tensor, t: float, kinds: Sequence[Reconstruction]) -> dict[Reconstruction, Tensor]:
        if self.static:
            return {"forward": self._canonical["forward"].evaluate(points)}
        needed = {"forward", "backward"} if "mixed" in kinds else set(kinds)
        density = {}
        for direction, scan_time in self.scans.items():
            if direction in needed:
                carried = carried_attenuation(self._canonical[direction].evaluate, self.velocity, points, t, scan_time)
                density[direction] = inside_box(carried, points)
        if "mixed" in kinds:
            density["mixed"] = torch.lerp(density["forward"], density["backward"], self._mixer(points, t))
        return {kind: density[kind] for kind in kinds}
