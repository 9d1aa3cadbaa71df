"""A projection of counts in a file of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xct4d.readers.images import read_counts
from xct4d.readers.reader import Projection


@dataclass(frozen=True, kw_only=True)
class CountsProjection(Projection):
    """Counts that the scanner has corrected for its detector already; air has about the value `white`."""

    path: Path
    white: float

    @property
    def image(self) -> Path:
        return self.path.resolve()

    def load(self) -> np.ndarray:
        return read_counts(self.path, self.size, self.where) / np.float32(self.white)
