"""Section `registration`: the motion between the two scans, from which the velocity starts."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from xct4d.config.base import NonNegative, Section


class Registration(Section):
    """Registration of the two scans, and the pace at which the sequence passes from one to the other."""

    bending_weight: NonNegative = Field(
        0.3,
        description="weight of the bending energy of the motion; the data terms that it competes with are each divided by their own residual, "
        "so that one weight serves all objects",
    )
    law: Literal["attenuation", "mass"] | None = Field(
        None,
        description="law of conservation of moving material: attenuation (each point keeps its own) or mass (what is compressed becomes denser); "
        "by default mass where it leaves less than half of the difference between the scans, else attenuation",
    )
