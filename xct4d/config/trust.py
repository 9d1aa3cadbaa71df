"""Section `trust`: how far the motion is determined."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from xct4d.config.base import Section


class Trust(Section):
    """How far the data determine the motion: samples of its posterior distribution."""

    samples: Annotated[int, Field(ge=2)] = Field(8, description="motions drawn; their spread is the uncertainty of the displacement")
