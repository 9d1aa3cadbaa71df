"""Section `evaluate`: scores and figures."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from xct4d.config.base import Section


class Evaluate(Section):
    """Scores and figures."""

    resolution: Annotated[int, Field(ge=8)] = Field(200, description="grid points per axis on which volumes are compared")
