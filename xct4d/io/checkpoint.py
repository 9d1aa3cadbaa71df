"""Checkpoints, from which a killed training run goes on."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
from safetensors.torch import load, save
from torch import Tensor

from xct4d.io.atomic import atomic_file
from xct4d.progress import say

_DIGEST_BYTES = 32
_LENGTH_BYTES = 8  # of a safetensors file: how long its JSON header is, which follows


class Checkpoint:
    """One file, replaced as a whole at each save. It holds the SHA-256 of a safetensors file, then that file."""

    def __init__(self, path: Path, fingerprint: dict):
        """fingerprint: all that the run depends on (settings, seed, inputs). A file with another fingerprint is not resumed but overwritten."""
        self.path = Path(path)
        self._fingerprint = hashlib.sha256(json.dumps(fingerprint, sort_keys=True, default=str).encode()).hexdigest()

    def save(self, step: int, tensors: dict[str, Tensor], history: dict) -> None:
        """Replace the file. step: steps done; tensors: of Adam and the task; history: curves so far. Raises InputError where it cannot be written."""
        header = {"fingerprint": self._fingerprint, "step": str(step), "history": json.dumps(history)}
        content = save({name: t.contiguous() for name, t in tensors.items()}, header)
        with atomic_file(self.path) as temporary, temporary.open("wb") as file:
            file.write(hashlib.sha256(content).digest())
            file.write(content)

    def load(self) -> tuple[int, dict[str, Tensor], dict] | None:
        """(steps done, tensors, history). None where there is no file, or one that cannot be resumed; a printed line then says why."""
        try:
            stored = self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            return self._unused(f"cannot be read ({error.strerror})")
        content = stored[_DIGEST_BYTES:]
        if hashlib.sha256(content).digest() != stored[:_DIGEST_BYTES]:
            return self._unused("is damaged")
        header = _header(content)
        if header["fingerprint"] != self._fingerprint:
            return self._unused("is of other settings or other inputs")
        return int(header["step"]), load(content), json.loads(header["history"])

    def _unused(self, reason: str) -> None:
        say(f"{self.path}: {reason}; training begins anew")


def _header(content: bytes) -> dict[str, str]:
    """The texts in the header of a safetensors file."""
    end = _LENGTH_BYTES + int.from_bytes(content[:_LENGTH_BYTES], "little")
    return json.loads(content[_LENGTH_BYTES:end])["__metadata__"]


def array_digest(array: np.ndarray) -> str:
    """SHA-256 of an array's values in storage order, for fingerprints."""
    return hashlib.sha256(array.tobytes()).hexdigest()
