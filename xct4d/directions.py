"""The two scans of an experiment and the time of each."""

from __future__ import annotations

from typing import Literal, get_args

Direction = Literal["forward", "backward"]
# Which canonical fields a volume of attenuation is made of: one, or both weighted by the mixing coefficient.
Reconstruction = Literal["mixed", "forward", "backward"]
RECONSTRUCTIONS: tuple[Reconstruction, ...] = get_args(Reconstruction)

# Time of the scan from which each canonical field is reconstructed, in normalised time [0, 1].
SCAN_TIME: dict[Direction, float] = {"forward": 0.0, "backward": 1.0}


def opposite(direction: Direction) -> Direction:
    """The direction that starts from the other scan."""
    return "backward" if direction == "forward" else "forward"
