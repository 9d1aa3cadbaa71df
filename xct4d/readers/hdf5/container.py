"""An HDF5 file as checked values: texts, numbers with units, and links that may not leave the dataset's folder or be dead."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np

from xct4d.errors import InputError
from xct4d.io.paths import refuse_special, safe_path

with contextlib.suppress(ImportError):
    import hdf5plugin  # noqa: F401 - where it is installed: decoders of LZ4, bitshuffle, Blosc

DAMAGE = (OSError, KeyError, RuntimeError, ValueError, TypeError, OverflowError, MemoryError)  # what h5py raises
MOST_NUMBERS = 10_000_000  # in a list of angles and the like

MM = {
    "m": 1e3, "meter": 1e3, "metre": 1e3, "meters": 1e3, "metres": 1e3, "cm": 10.0, "mm": 1.0, "millimeter": 1.0, "millimetre": 1.0,
    "um": 1e-3, "µm": 1e-3, "μm": 1e-3, "micron": 1e-3, "microns": 1e-3, "micrometer": 1e-3, "micrometre": 1e-3, "nm": 1e-6,
}  # fmt: skip
DEGREES = {
    "deg": 1.0,
    "degree": 1.0,
    "degrees": 1.0,
    "nx_angle": 1.0,
    "°": 1.0,
    "rad": 180 / math.pi,
    "radian": 180 / math.pi,
    "radians": 180 / math.pi,
}
SECONDS = {"s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0, "ms": 1e-3, "us": 1e-6, "min": 60.0}


class Container:
    """One open file. `folder` is the dataset's, out of which no link may lead."""

    def __init__(self, file: h5py.File, path: Path, folder: Path):
        self.file, self.path, self.folder = file, path, folder

    def where(self, name: str) -> str:
        return f"{self.path}: {name}"

    def has(self, name: str) -> bool:
        """Whether there is something under a name, be it a link that is dead."""
        parent, _, last = name.rpartition("/")
        try:
            group = self.file[parent] if parent else self.file
            return isinstance(group, h5py.Group) and group.get(last, getlink=True) is not None
        except DAMAGE:
            return False

    def data(self, name: str) -> h5py.Dataset:
        """The dataset under a name. Raises InputError where it is missing, a dead link, one out of the folder, or no dataset."""
        linked = self._check_links(name)
        try:
            found = self.file[name]
        except DAMAGE as error:
            raise self._missing(name, linked, error) from None
        if not isinstance(found, h5py.Dataset):
            raise InputError("is a group, not numbers", where=self.where(name))
        if found.is_virtual:
            for source in found.virtual_sources():
                if source.file_name != ".":
                    self._existing(source.file_name, name)
        return found

    def numbers(self, name: str, units: dict[str, float] | None = None, default_unit: float = 1.0) -> np.ndarray:
        """Numbers as one list: [n] float64, in mm, degrees or seconds by their attribute `units`.

        units: factor of each name that a unit may have; default_unit: the factor
        where the attribute is missing. Raises InputError where something is no
        finite number, or the unit is none of these.
        """
        found = self.data(name)
        factor = 1.0 if units is None else self._factor(found, name, units, default_unit)
        if found.dtype.kind not in "iuf" or found.size > MOST_NUMBERS:
            raise InputError(f"must be numbers, not {self._shown(found)}", where=self.where(name))
        try:
            with np.errstate(over="ignore"):  # said below
                values = np.atleast_1d(np.asarray(found[()], dtype=np.float64)).ravel() * factor
        except DAMAGE as error:
            raise InputError(f"cannot be read ({_line(error)})", where=self.where(name), fix="copy the file again") from None
        if not np.isfinite(values).all():
            raise InputError("holds a value that is not finite", where=self.where(name))
        return values

    def number(self, name: str, units: dict[str, float] | None = None, default_unit: float = 1.0) -> float:
        """The number under a name. Raises InputError as `numbers` does, or where there are several that differ."""
        values = self.numbers(name, units, default_unit)
        if len(values) == 0 or np.ptp(values) > 1e-9 * abs(values[0]):
            raise InputError(f"must be one number, not {len(values)} different ones", where=self.where(name))
        return float(values[0])

    def text(self, name: str) -> str | None:
        """A text without the NULs behind it; None where there is none. Raises nothing."""
        try:
            value = np.atleast_1d(self.file[name][()]).ravel()[0]
        except (*DAMAGE, IndexError):
            return None
        value = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        return value.split("\0")[0].strip() if isinstance(value, str) else None

    def groups(self, depth: int) -> Iterator[str]:
        """Names of the groups in this file down to a depth, without those that a link leads to."""
        yield from _groups(self.file, "", depth)

    def frame(self, name: str, index: tuple, size: tuple[int, int], where: str) -> np.ndarray:
        """One image [height, width] float32 of a stack whose links `data` has checked. Raises InputError where it cannot be read or is not finite."""
        try:
            image = np.asarray(self.file[name][index], dtype=np.float32)
        except DAMAGE as error:
            what = _line(error)
            fix = "pip install hdf5plugin" if "filter" in what.lower() else "copy the file again"
            raise InputError(f"{name} cannot be read ({what})", where=where, fix=fix) from None
        if image.shape != size[::-1]:
            raise InputError(f"{name} has images of another shape, {image.shape}", where=where)
        if not np.isfinite(image).all():
            raise InputError(f"{name} holds NaN or infinite pixels", where=where, fix="set them to a neighbour's value")
        return image

    def _check_links(self, name: str) -> list[str]:
        """The files to which links on the way to a name lead. Raises InputError where one is not there, or not in the folder."""
        linked = []
        parts = [part for part in name.split("/") if part]
        for i in range(1, len(parts) + 1):
            try:
                parent = self.file["/".join(parts[: i - 1])] if i > 1 else self.file
                link = parent.get(parts[i - 1], getlink=True) if isinstance(parent, h5py.Group) else None
            except DAMAGE:
                break  # said by the caller
            if isinstance(link, h5py.ExternalLink):
                self._existing(link.filename, "/".join(parts[:i]))
                linked.append(link.filename)
        return linked

    def _existing(self, file_name: str, name: str) -> None:
        """Raises InputError where a file that a link or a virtual dataset names is not there, or not in the folder."""
        if Path(file_name).is_absolute():
            fix = "copy that file beside this one, and make the link relative (h5py.ExternalLink)"
            raise InputError(f"is a link to {file_name}, a place on the computer that wrote it", where=self.where(name), fix=fix)
        relative = os.path.join(os.path.relpath(self.path.parent, self.folder), file_name)
        path = safe_path(self.folder, relative, self.where(name))
        try:
            _look(path)
        except OSError as error:
            what = f"which cannot be read ({error.strerror})" if path.exists() else "which is not there"
            raise InputError(f"is a link to {file_name}, {what}", where=self.where(name), fix="copy that file, too") from None

    def _missing(self, name: str, linked: list[str], error: Exception) -> InputError:
        if linked:
            what = f"is a link to {', '.join(linked)}, which cannot be opened ({_line(error)})"
            return InputError(what, where=self.where(name), fix="copy that file again")
        if self.has(name):
            return InputError(f"cannot be opened ({_line(error)})", where=self.where(name), fix="copy the file again")
        return InputError("is missing", where=self.where(name))

    def _factor(self, found: h5py.Dataset, name: str, units: dict[str, float], default: float) -> float:
        try:
            unit = found.attrs.get("units")
        except DAMAGE as error:
            raise InputError(f"has units that cannot be read ({_line(error)})", where=self.where(name)) from None
        unit = np.atleast_1d(unit).ravel()[0] if unit is not None and np.size(unit) else None
        unit = unit.decode("utf-8", "replace") if isinstance(unit, bytes) else unit
        text = str(unit).split("\0")[0].strip().lower() if unit is not None else ""
        if not text:
            return default
        if text not in units:
            raise InputError(f"has the unit {text[:40]!r}", where=self.where(name), fix=f"known are {', '.join(units)}")
        return units[text]

    def _shown(self, found: h5py.Dataset) -> str:
        text = self.text(found.name)
        return repr(text[:40]) if text is not None else f"{found.dtype} of shape {found.shape}"


@contextlib.contextmanager
def opened(path: Path, folder: Path) -> Iterator[Container]:
    """Raises InputError where the file is no HDF5, cut short, or locked."""
    refuse_special(path, path)
    try:
        _look(path)
        file = h5py.File(path, "r")
    except DAMAGE as error:
        raise InputError(f"cannot be opened as HDF5 ({_line(error)})", where=path, fix="copy it again") from None
    with file:
        try:
            yield Container(file, path, folder)
        except (OSError, RuntimeError, KeyError, UnicodeError) as error:  # wherever it is damaged, h5py raises one of these
            raise InputError(f"is damaged ({_line(error)})", where=path, fix="copy it again") from None


def _look(path: Path) -> None:
    """Raises OSError, with its reason, where a file cannot be read: HDF5's own reasons are of many lines."""
    with path.open("rb") as file:
        file.read(1)


def _groups(group: h5py.Group, name: str, depth: int) -> Iterator[str]:
    for key in group:
        if not isinstance(group.get(key, getlink=True), h5py.HardLink):
            continue
        try:
            inner = group[key]
        except DAMAGE:
            continue
        if isinstance(inner, h5py.Group):
            path = f"{name}/{key}" if name else key
            yield path
            if depth > 1:
                yield from _groups(inner, path, depth - 1)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
