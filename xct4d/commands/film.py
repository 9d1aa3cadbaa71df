"""`xct4d film RESULT [WHAT]`: a film of a plane or of a maximum projection of a finished result."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from xct4d.commands.shown_values import shown_values
from xct4d.directions import RECONSTRUCTIONS
from xct4d.errors import InputError
from xct4d.io.atomic import atomic_file
from xct4d.pictures.film import SUFFIXES, Look, write_film
from xct4d.pictures.views import RIGHT_UP, View, clearest_position
from xct4d.progress import track
from xct4d.quantities import ANALYSED, DISPLACEMENT_UNCERTAINTY, Quantity
from xct4d.result import Result, open_result
from xct4d.units import LENGTH, TIME

IMAGES = 49  # of a film
CLIPPED = 99.8  # percentile that has the brightest colour
SHOWN = [*RECONSTRUCTIONS, *(name for name in ANALYSED if name != DISPLACEMENT_UNCERTAINTY.name)]


def film(
    result: str | Path, what: str | None = None, *, axis: str = "y", at: float | None = None, maximum: bool = False, output: str | Path | None = None
) -> Path:  # fmt: skip
    """Write a film over the whole time and return its path.

    what: a reconstruction, or a quantity; None: mixed, or forward without a second scan; of a vector its length is shown, of a
    tensor one component, written as logarithmic_strain.zz. Quantities of the
    motion are shown inside solid material. axis: across which the plane lies,
    or along which the maximum is taken. at: position of the plane in the
    result's unit of length; None: one with contrast, near the centre. output:
    .mp4 or .gif; None: films/<what>_<axis>.mp4 in the result. Raises InputError
    where there is no such thing to show.
    """
    opened = open_result(result)
    if opened.static:
        raise InputError("a dataset of one scan has no film: nothing moves", where=opened.folder)
    what = what or opened.model.kinds[0]
    path = opened.folder / "films" / f"{what}_{'max_' if maximum else ''}{axis}.mp4" if output is None else Path(output)
    if path.suffix not in SUFFIXES:
        raise InputError("is no film", where=path, fix=f"let its name end in {' or '.join(SUFFIXES)}")
    name, _, component = what.partition(".")
    quantity, values = shown_values(opened, name, component)
    view = View(axis, None if maximum else _position(opened, axis, at))
    times = np.linspace(0.0, 1.0, IMAGES).tolist()
    images, factor = [], quantity.factor(opened.scale)
    with track(f"film {what}", len(times)) as progress:
        for t in times:
            images.append(factor * view.image(opened.model, values, t, within=name not in RECONSTRUCTIONS))
            progress.advance()
    moments = [f"t = {t * opened.scale.factor(TIME):.3g} {opened.scale.time_unit}".replace(" time unit", "") for t in times]
    with atomic_file(path) as temporary:
        write_film(temporary, images, moments, _look(opened, view, quantity, name, component, images))
    return path


def _position(result: Result, axis: str, at: float | None) -> float:
    """Of the plane, in world units."""
    if at is None:
        return clearest_position(result.model, axis)
    position = at / result.scale.factor(LENGTH)
    if not abs(position) <= 1:
        unit = f"{result.scale.factor(LENGTH):g} {result.scale.length_unit}"
        raise InputError(f"{at:g} lies outside the box, which ends at {unit} from its centre", where="--at")
    return position


def _look(result: Result, view: View, quantity: Quantity, name: str, component: str, images: list[np.ndarray]) -> Look:
    known = np.concatenate([image[np.isfinite(image)] for image in images])
    low, high = np.percentile(known, [100 - CLIPPED, CLIPPED]).tolist() if known.size else (0.0, 1.0)
    is_length = quantity.components == ("x", "y", "z") and not component
    unit = quantity.unit(result.scale)
    where = (
        f"largest along {view.axis}"
        if view.position is None
        else f"{view.axis} = {view.position * result.scale.factor(LENGTH):.3g} {result.scale.length_unit}"
    )
    return Look(
        half_width=result.scale.factor(LENGTH),
        length_unit=result.scale.length_unit,
        right_up=RIGHT_UP[view.axis],
        label=f"{quantity.label}{component and ' ' + component}" + ("" if unit == "1" else f" ({unit})"),
        colour_map="viridis" if is_length else quantity.display.colour_map,
        limits=(0.0, high or 1.0) if is_length else quantity.display.window(low, high),
        title=f"{result.name}: {name.replace('_', ' ')}{component and ' ' + component}, {where}",
    )
