"""Section `analyse`: volumes of what follows from the motion."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from xct4d.config.base import Section
from xct4d.config.region import Region, check_region
from xct4d.quantities import Analysed


class Analyse(Section):
    """Volumes of what follows from the motion, one OME-Zarr volume for each quantity and exported time."""

    quantities: list[Analysed] = Field(
        ["displacement", "displacement_uncertainty", "jacobian", "equivalent_strain"],
        description="displacement (of what is at a place), displacement_uncertainty, lagrangian_displacement (of what was there at first), "
        "velocity, mixing_coefficient, deformation_gradient, jacobian, equivalent_strain, and of the green_lagrange_ and the logarithmic_ "
        "strain its components (_strain), _principal values and _invariants",
        min_length=1,
    )
    resolution: Annotated[int, Field(ge=4)] = Field(100, description="voxels per axis of the whole box")
    region: Region = Field(Region(), description="the part of the box that is written, in world units (the box is [-1, 1]^3)")
    dtype: Literal["float32", "float16"] = Field("float32", description="type of a voxel; float16 has three digits and half the size")

    @field_validator("quantities")
    @classmethod
    def _distinct(cls, quantities: list[Analysed]) -> list[Analysed]:
        if len(set(quantities)) != len(quantities):
            raise ValueError(f"has a value twice: {quantities}")
        return quantities

    @model_validator(mode="after")
    def _region_has_voxels(self):
        check_region(self.region, self.resolution)
        return self
