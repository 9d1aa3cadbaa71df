"""The masks of a state's projections on disk, written one after the other."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Self

import numpy as np

from xct4d.io.prepared import MASK


class MaskFile:
    """mask.npy [P] bool in an existing folder: which pixels count. It exists only where a projection has a mask."""

    def __init__(self, folder: Path, total: int):
        """total: pixels of all projections together."""
        self._path, self._total = folder / MASK, total
        self._file: BinaryIO | None = None
        self._done = 0  # pixels so far
        self._counted = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    @property
    def left_out(self) -> float:
        """The part of all pixels so far that does not count."""
        return 1 - self._counted / max(self._done, 1)

    def add(self, mask: np.ndarray | None, pixels: int) -> None:
        """The next projection, of so many pixels. mask: [h, w] bool; None where all count."""
        if mask is not None and self._file is None:
            # closed by __exit__; a plain file, as on a full disk a memory map dies by SIGBUS
            self._file = open(self._path, "wb")  # noqa: SIM115
            np.lib.format.write_array_header_2_0(self._file, {"descr": "|b1", "fortran_order": False, "shape": (self._total,)})
            self._file.write(b"\1" * self._done)
        if self._file is not None:
            self._file.write(b"\1" * pixels if mask is None else np.ascontiguousarray(mask).tobytes())
        self._done += pixels
        self._counted += pixels if mask is None else int(mask.sum())
