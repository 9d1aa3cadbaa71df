"""Section `export`: attenuation volumes on disk."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from xct4d.config.base import Finite, Fraction, Section
from xct4d.config.region import Region, check_region
from xct4d.directions import RECONSTRUCTIONS, Reconstruction

Format = Literal["vtk", "imagej", "ome-zarr-0.4", "npz", "npy", "raw"]


class Export(Section):
    """Attenuation volumes, one OME-Zarr image per kind and time."""

    times: list[Fraction] = Field([0.0, 0.25, 0.5, 0.75, 1.0], description="times exported", min_length=1)
    kinds: list[Reconstruction] = Field(list(RECONSTRUCTIONS), description="volumes exported for each time", min_length=1)
    resolution: Annotated[int, Field(ge=4)] = Field(200, description="voxels per axis of the whole box")
    region: Region = Field(Region(), description="the part of the box that is exported, in world units (the box is [-1, 1]^3)")
    dtype: Literal["float32", "float16", "uint8", "uint16"] = Field("float32", description="type of a voxel; whole numbers span the window")
    window: tuple[Finite, Finite] | None = Field(
        None,
        description="uint8 and uint16 only: attenuation (per world unit) at the lowest and highest whole number (default: 0 and the volume's maximum)",
    )
    tile: Annotated[int, Field(ge=8)] = Field(128, description="voxels per axis of a tile computed at once")
    series: bool = Field(True, description="also join the times of each kind into one film (t, z, y, x)")

    formats: list[Format] = Field(
        [],
        description="also write the volumes for other programs: vtk (.vti and .pvd, for ParaView), imagej (a TIFF hyperstack over time), "
        "ome-zarr-0.4 (films for viewers that do not read OME-Zarr 0.5), npz, npy and raw (attenuation as the reference program stores it)",
    )

    @model_validator(mode="after")
    def _distinct(self):
        for name in ("times", "kinds", "formats"):
            values = getattr(self, name)
            if len(set(values)) != len(values):
                raise ValueError(f"{name} has a value twice: {values}")
        return self

    @model_validator(mode="after")
    def _region_has_voxels(self):
        check_region(self.region, self.resolution)
        if lost := [name for name in self.formats if name in ("npz", "npy", "raw") and not self.region.is_whole]:
            raise ValueError(f"{lost[0]} cannot say where a region lies; remove it from formats, or remove the region")
        return self

    @model_validator(mode="after")
    def _rising_window(self):
        if self.window is not None and not self.window[0] < self.window[1]:
            raise ValueError(f"window must rise, not {list(self.window)}")
        return self
