"""The states of an experiment: the two scans, with the time of each, and the sequence between them."""

from __future__ import annotations

from typing import Literal, get_args

Direction = Literal["forward", "backward"]
# What a dataset has projections of: the scan at t = 0, the scan at t = 1, the sequence between them.
State = Literal["forward", "backward", "between"]
STATES: tuple[State, ...] = get_args(State)

# Which canonical fields a volume of attenuation is made of: one, or both weighted by the mixing coefficient.
Reconstruction = Literal["mixed", "forward", "backward"]
RECONSTRUCTIONS: tuple[Reconstruction, ...] = get_args(Reconstruction)

# Time of the scan from which each canonical field is reconstructed, in normalised time [0, 1].
SCAN_TIME: dict[Direction, float] = {"forward": 0.0, "backward": 1.0}


def opposite(direction: Direction) -> Direction:
    """The direction that starts from the other scan."""
    return "backward" if direction == "forward" else "forward"
