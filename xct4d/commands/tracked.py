"""What `xct4d track` makes of a table: columns, curves and lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from xct4d.pictures.curves import Panel
from xct4d.result import Result
from xct4d.units import TIME


@dataclass(frozen=True)
class Found:
    """What is written, drawn and said of a table."""

    columns: dict[str, list]
    panels: list[Panel]
    lines: list[str]
    histograms: dict[str, list] = field(default_factory=dict)  # of regions


def index(result: Result, names: Sequence[str], times: Sequence[float]) -> dict[str, list]:
    """The first columns: names and times of each line, one point after the other."""
    second = result.scale.factor(TIME)
    return {
        "name": [name for name in names for _ in times],
        "t": [float(t) for _ in names for t in times],
        f"time_{result.scale.time_unit.replace(' ', '_')}": [float(t) * second for _ in names for t in times],
    }


def column(values: torch.Tensor) -> list[float]:
    """Values [T, N] in the order of the lines: one point after the other."""
    return values.T.flatten().tolist()


def curves(names: Sequence[str], values: torch.Tensor, deviation: torch.Tensor) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    return {name: (values[:, i].numpy(), deviation[:, i].numpy()) for i, name in enumerate(names)}
