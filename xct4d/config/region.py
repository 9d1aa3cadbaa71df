"""A region of interest: the part of the reconstructed box that volumes cover."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field, model_validator

from xct4d.config.base import Section

Inside = Annotated[float, Field(ge=-1, le=1)]
FEWEST = 2  # voxels along an axis: two have a distance, of which every format makes the size of a voxel


class Region(Section):
    """A box inside the reconstructed box [-1, 1]^3, in world units; along an axis that is not named the whole."""

    x: tuple[Inside, Inside] = Field((-1.0, 1.0), description="from, to")
    y: tuple[Inside, Inside] = Field((-1.0, 1.0), description="from, to")
    z: tuple[Inside, Inside] = Field((-1.0, 1.0), description="from, to; z is the rotation axis")

    @property
    def is_whole(self) -> bool:
        return self == Region()

    def block(self, n: int) -> tuple[slice, slice, slice]:
        """Those of n voxels per axis of the whole box whose centres lie in the region: slices along z, y, x."""
        z, y, x = (
            slice(math.ceil((low + 1) * n / 2 - 0.5), math.floor((high + 1) * n / 2 + 0.5)) for low, high in (self.z, self.y, self.x)
        )
        return z, y, x

    def voxels(self, n: int) -> int:
        """How many these are."""
        return math.prod(own.stop - own.start for own in self.block(n))

    @model_validator(mode="after")
    def _rising(self):
        for axis in "xyz":
            low, high = getattr(self, axis)
            if not low < high:
                raise ValueError(f"{axis} must rise, not {[low, high]}")
        return self


def check_region(region: Region, n: int) -> None:
    """Raise ValueError where a region holds fewer than two of n voxels along an axis."""
    for axis, own in zip("zyx", region.block(n), strict=True):
        if own.stop - own.start < FEWEST:
            raise ValueError(
                f"region holds {max(own.stop - own.start, 0)} of {n} voxels along {axis}, not {FEWEST} or more; widen it, or raise the resolution"
            )
