"""Section `analyse`: volumes of what follows from the motion."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from xct4d.config.base import Section


class Analyse(Section):
    """Volumes of what follows from the motion: the displacement, one OME-Zarr volume per exported time."""

    resolution: Annotated[int, Field(ge=4)] = Field(100, description="voxels per axis")
