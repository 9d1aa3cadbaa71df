"""Section `analyse`: the motion on disk."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from xct4d.config.base import Section


class Analyse(Section):
    """What follows from the motion, one OME-Zarr volume per exported time: the displacement."""

    resolution: Annotated[int, Field(ge=4)] = Field(100, description="voxels per axis")
