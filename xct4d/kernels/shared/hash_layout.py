"""Where the levels of a multiresolution hash encoding lie in its table (Mueller et al., ACM TOG 41(4), 2022, section 3).

As in tiny-cuda-nn, so that a table trained by one serves the other: level l
scales [0, 1] by s_l = coarsest * growth^l - 1, shifts it by half a cell, has
ceil(s_l) + 1 nodes per axis, and is dense (every node has an entry of its own)
while that cube fits its share of the table; else nodes are hashed to entries.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

FEATURES = 2  # of a table entry; the kernels unroll them


@dataclass(frozen=True)
class HashLayout:
    """Levels of resolution and where each lies in the table.

    levels: number of levels L. log2_size: logarithm to base 2 of the entries
    that a level has at most. coarsest, finest: nodes per axis of the first and
    the last level; those between follow a geometric sequence.
    """

    levels: int
    log2_size: int
    coarsest: int
    finest: int

    @cached_property
    def scale(self) -> np.ndarray:
        """[L] float32: cells per axis, not rounded."""
        growth = 1.0 if self.levels == 1 else math.exp(math.log(self.finest / self.coarsest) / (self.levels - 1))
        return np.array([self.coarsest * growth**level - 1.0 for level in range(self.levels)], np.float32)

    @cached_property
    def nodes(self) -> np.ndarray:
        """[L] int64: nodes per axis."""
        return np.ceil(self.scale).astype(np.int64) + 1

    @cached_property
    def offset(self) -> np.ndarray:
        """[L + 1] int64: first entry of each level, and the number of entries."""
        size = np.minimum((self.nodes**3 + 7) // 8 * 8, 2**self.log2_size)
        return np.concatenate([[0], np.cumsum(size)])

    @property
    def entries(self) -> int:
        """Entries of the whole table."""
        return int(self.offset[-1])

    @property
    def width(self) -> int:
        """Number of features of an encoded point."""
        return self.levels * FEATURES
