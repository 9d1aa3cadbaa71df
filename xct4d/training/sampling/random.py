"""Random numbers that depend on the seed, the purpose and the step, and on nothing else.

A run that is killed and resumed at step k draws what the undisturbed run drew
at step k, so no generator state has to be kept.
"""

from __future__ import annotations

import zlib

import numpy as np


def generator(seed: int, purpose: str, step: int = 0) -> np.random.Generator:
    """A generator of its own for a step of a purpose (a stage's name, say)."""
    return np.random.Generator(np.random.Philox(key=[(seed << 32) | zlib.crc32(purpose.encode()), step]))
