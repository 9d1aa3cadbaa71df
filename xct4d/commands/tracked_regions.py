"""Regions in `xct4d track`: mean, spread and histogram of the strain of their material over time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from xct4d.analysis.regions import Region, box_region, histograms, statistics
from xct4d.analysis.tracking import Followed
from xct4d.commands.tracked import Found, column, curves, index
from xct4d.errors import InputError
from xct4d.io.csv_tables import NamedRows
from xct4d.pictures.curves import Panel
from xct4d.result import Result
from xct4d.units import LENGTH


def box_regions(result: Result, rows: NamedRows) -> list[Region]:
    """Of a table of boxes. Raises InputError for a box that is none, or holds no material."""
    half, regions = result.scale.factor(LENGTH), []
    for row, numbers in enumerate(rows.numbers):
        low, high = np.array(numbers).reshape(3, 2).T
        if not (low < high).all():
            raise InputError("must rise from each _from to its _to", where=rows.where(row))
        if np.abs([low, high]).max() > half:
            raise InputError(
                f"reaches out of the reconstructed box, which ends at {half:g} {result.scale.length_unit} from its centre",
                where=rows.where(row),
            )
        regions.append(box_region(result.model, rows.names[row], low / half, high / half))
    return regions


def regions_found(result: Result, regions: Sequence[Region], times: list[float]) -> Found:
    """Of regions of the material at t = 0."""
    names, counts = [region.name for region in regions], [len(region.points) for region in regions]
    points = torch.from_numpy(np.concatenate([region.points for region in regions])).float()
    followed = Followed.of(result.model.velocity, result.motions, points, times)
    measures = followed.paths.strained()
    found = {name: statistics(followed, counts, name) for name in measures}
    columns = index(result, names, times) | {"points": [count for count in counts for _ in times]}
    for name, own in found.items():
        columns |= {name: column(own.mean), f"{name}_spread": column(own.spread), f"{name}_deviation": column(own.deviation)}
    strain, volume = found["equivalent_strain"], found["jacobian"]
    panels = [
        Panel("mean equivalent strain (%)", curves(names, 100 * strain.mean, 100 * strain.deviation), lowest=0.0),
        Panel("mean change of volume (%)", curves(names, 100 * (volume.mean - 1), 100 * volume.deviation)),
    ]
    lines = [
        f"{name}: {counts[i]} points; at the end mean equivalent strain {strain.mean[-1, i]:.2%} +- {strain.deviation[-1, i]:.2%}, "
        f"spread {strain.spread[-1, i]:.2%}"
        for i, name in enumerate(names)
    ]
    return Found(columns, panels, lines, _histograms(names, counts, times, {name: values.numpy() for name, values in measures.items()}))


def _histograms(names: Sequence[str], counts: Sequence[int], times: Sequence[float], measures: dict[str, np.ndarray]) -> dict[str, list]:
    """A line for each region, measure, time and bin."""
    table: dict[str, list] = {key: [] for key in ("name", "quantity", "t", "from", "to", "part")}
    for quantity, values in measures.items():
        for name, own in zip(names, np.split(values, np.cumsum(counts)[:-1], axis=1), strict=True):
            edges, parts = histograms(own)
            for t, row in zip(times, parts, strict=True):
                for low, high, part in zip(edges[:-1], edges[1:], row, strict=True):
                    for key, value in zip(table, (name, quantity, float(t), float(low), float(high), float(part)), strict=True):
                        table[key].append(value)
    return table
