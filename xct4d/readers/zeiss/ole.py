"""The streams of a Zeiss OLE file as checked values. There is no public specification; names and types are those of real files.

A stream of numbers may have more slots than there are images: the first are
theirs. A text slot ends at its first NUL, with garbage behind.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import olefile

from xct4d.errors import InputError
from xct4d.io.paths import refuse_special

# What olefile raises where a file is damaged.
DAMAGE = (OSError, ValueError, TypeError, LookupError, AttributeError, struct.error, MemoryError, OverflowError, RecursionError)
PIXELS = {3: "<u1", 5: "<u2", 10: "<f4"}  # types of pixels by their number in DataType


class Streams:
    """One open file."""

    def __init__(self, ole: olefile.OleFileIO, path: Path):
        self._ole, self.path = ole, path

    def where(self, name: str) -> str:
        return f"{self.path}: {name}"

    def has(self, name: str) -> bool:
        try:
            return bool(self._ole.exists(name))
        except DAMAGE:
            return False

    def raw(self, name: str) -> bytes:
        """Raises InputError where the stream is missing or cut short."""
        try:
            size = self._ole.get_size(name)
            content = self._ole.openstream(name).read()
        except DAMAGE as error:
            if not self.has(name):
                raise InputError("is missing", where=self.where(name)) from None
            raise InputError(f"cannot be read ({_line(error)})", where=self.where(name), fix="copy the file again") from None
        if len(content) < size:
            raise InputError(f"is cut short: {len(content)} of {size} bytes", where=self.where(name), fix="copy the file again")
        return content

    def numbers(self, name: str, kind: str, count: int) -> np.ndarray:
        """[count] float64, the first numbers of a stream. kind: <i4 or <f4. Raises InputError where there are fewer, or one is not finite."""
        content = self.raw(name)
        found = np.frombuffer(content[: min(len(content) // 4, count) * 4], dtype=kind)
        if len(found) < count:
            raise InputError(f"has {len(found)} numbers for {count}", where=self.where(name), fix="copy the file again")
        values = found.astype(np.float64)
        if not np.isfinite(values).all():
            raise InputError("holds a value that is not finite", where=self.where(name))
        return values

    def integer(self, name: str, default: int | None = None) -> int:
        """Raises InputError where it is missing and has no default."""
        if default is not None and not self.has(name):
            return default
        return int(self.numbers(name, "<i4", 1)[0])

    def number(self, name: str, default: float | None = None) -> float:
        """Raises InputError where it is missing and has no default."""
        if default is not None and not self.has(name):
            return default
        return float(self.numbers(name, "<f4", 1)[0])

    def texts(self, name: str, count: int) -> list[str]:
        """[count] texts of equal slots; empty ones where the stream is missing."""
        if not self.has(name):
            return [""] * count
        content = self.raw(name)
        slot = len(content) // count
        return [content[i * slot : (i + 1) * slot].split(b"\0")[0].decode("latin-1").strip() for i in range(count)]

    def image(self, name: str, size: tuple[int, int], data_type: int) -> np.ndarray:
        """[height, width] float32. Raises InputError where the stream is not of that size, or its type of pixel is unknown."""
        if data_type not in PIXELS:
            raise InputError(f"is {data_type}, a type of pixel that is not known", where=self.where("DataType"), fix=f"known are {PIXELS}")
        content, wanted = self.raw(name), size[0] * size[1] * np.dtype(PIXELS[data_type]).itemsize
        if len(content) != wanted:
            what = f"has {len(content)} bytes, not the {wanted} of {size[0]} x {size[1]} pixels"
            raise InputError(what, where=self.where(name), fix="copy the file again")
        pixels = np.frombuffer(content, PIXELS[data_type]).reshape(size[1], size[0]).astype(np.float32)
        if not np.isfinite(pixels).all():
            raise InputError("holds NaN or infinite pixels", where=self.where(name))
        return pixels


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Streams]:
    """Raises InputError where the file is no OLE file, or cut short."""
    refuse_special(path, path)
    try:
        ole = olefile.OleFileIO(str(path))
    except DAMAGE as error:
        raise InputError(f"cannot be opened as a Zeiss file ({_line(error)})", where=path, fix="copy it again") from None
    with ole:
        yield Streams(ole, path)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
