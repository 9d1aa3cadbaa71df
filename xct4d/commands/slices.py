"""`xct4d slices RESULT [WHAT]`: the planes across an axis of a finished result as stacks of images, at any times."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tifffile

from xct4d.commands.shown_values import shown_values
from xct4d.directions import RECONSTRUCTIONS
from xct4d.errors import InputError
from xct4d.geometry.box import voxel_centres
from xct4d.io.atomic import atomic_file
from xct4d.pictures.views import AXES, grid_values
from xct4d.progress import track
from xct4d.result import open_result
from xct4d.units import LENGTH

SLAB = 16  # planes computed at once


def slices(
    result: str | Path,
    what: str | None = None,
    *,
    times: Sequence[float],
    axis: str = "y",
    resolution: int = 200,
    output: str | Path | None = None,
) -> list[Path]:
    """Write a stack of planes for each time, `<what>_<axis>_t<time>.tif`, and return their paths.

    what: as of `commands.film`. times: in [0, 1], exported or not. axis: across
    which the planes lie, from its lower end to its upper one; in an image the
    other axis that comes later in x, y, z points up, as in a film. Planes are of
    resolution x resolution voxels, as many as voxels, float32 in the result's
    units; quantities of the motion are NaN outside solid material. output: a
    folder; None: slices/ in the result. Raises InputError where there is no such
    thing to show.
    """
    opened = open_result(result)
    if outside := [t for t in times if not 0 <= t <= 1]:
        raise InputError(f"times lie from 0 to 1, not at {outside[0]:g}", where="--times")
    if opened.static and any(t > 0 for t in times):
        raise InputError("a dataset of one scan has no time but 0: nothing moves", where="--times")
    if resolution < 1:
        raise InputError(f"must be at least 1, not {resolution}", where="--resolution")
    what = what or opened.model.kinds[0]
    name, _, component = what.partition(".")
    quantity, values = shown_values(opened, name, component)
    folder = opened.folder / "slices" if output is None else Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    across, centres, factor = AXES.index(axis), voxel_centres(resolution), quantity.factor(opened.scale)
    size = 2 / resolution * opened.scale.factor(LENGTH)
    made = []
    with track(f"slices {what}", len(times) * -(-resolution // SLAB)) as progress:
        for t in times:
            parts = []
            for start in range(0, resolution, SLAB):
                axes = [centres] * 3
                axes[across] = centres[start : start + SLAB]
                slab = grid_values(opened.model, values, t, axes, within=name not in RECONSTRUCTIONS)
                parts.append(np.moveaxis(slab, across, 0)[:, ::-1])  # rows from the top
                progress.advance()
            stack = (factor * np.concatenate(parts)).astype(np.float32)
            path = folder / f"{what}_{axis}_t{t:.4f}.tif"
            first = f"{-opened.scale.factor(LENGTH):g} {opened.scale.length_unit}"
            info = f"{quantity.label} ({quantity.unit(opened.scale)}), planes across {axis} from {first} on, t = {t:g}"
            metadata = {"axes": "ZYX", "spacing": size, "unit": opened.scale.length_unit, "Info": info}
            with atomic_file(path) as temporary:
                tifffile.imwrite(temporary, stack, imagej=True, resolution=(1 / size, 1 / size), metadata=metadata)
            made.append(path)
    return made
