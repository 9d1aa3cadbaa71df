"""Section `setup`: the sequence of a scene as another experiment would take it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from xct4d.config.base import Finite, Section


class Setup(Section):
    """The sequence of a scene as another set-up would take it; the two full scans stay those of the scene. none: as in the scene."""

    sources: Annotated[int, Field(ge=1, le=1000)] | None = Field(None, description="projections at each time between the scans")
    first_deg: Finite | None = Field(None, description="azimuth of the first source, degrees from +x towards +y")
    spacing_deg: Annotated[float, Field(gt=0, lt=360)] | None = Field(
        None, description="degrees from each source to the next; none: 180 over the number of sources, where that or first_deg is given"
    )
    times: Annotated[int, Field(ge=3, le=1_000_000)] | None = Field(None, description="equispaced time points, the two scans among them")
    photons: Annotated[float, Field(gt=0, le=1e15)] | None = Field(
        None, description="expected counts per pixel of the sequence where I = 1; the scans keep the scene's"
    )
    exposure: Annotated[float, Field(ge=0, le=1)] | None = Field(
        None, description="length of an exposure of the sequence, as a fraction of the time from scan to scan; 0: sharp"
    )

    @property
    def is_empty(self) -> bool:
        """Whether all is as in the scene."""
        return self == Setup()
