"""Section `registration`: the motion between the two scans, from which the velocity starts."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from xct4d.config.base import NonNegative, Section


class Registration(Section):
    """Registration of the two scans, and the pace at which the sequence passes from one to the other."""

    bending_weight: NonNegative = Field(
        0.1,
        description="weight of the bending energy; each term of the data is divided by its own residual, so one weight serves all objects",
    )
    law: Literal["attenuation", "mass"] | None = Field(
        None,
        description="what moving material keeps: its attenuation, or its mass (what is compressed becomes denser); by default what the scans say",
    )
