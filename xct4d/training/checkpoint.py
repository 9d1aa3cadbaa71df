"""Checkpoints, from which a killed training run goes on."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from xct4d.io.atomic import atomic_file


class Checkpoint:
    """One file, replaced as a whole each time it is saved."""

    def __init__(self, path: Path, fingerprint: dict):
        """fingerprint: all that the run depends on (settings, seed, inputs). A file with another fingerprint is not resumed but overwritten."""
        self.path = Path(path)
        self._digest = hashlib.sha256(json.dumps(fingerprint, sort_keys=True, default=str).encode()).hexdigest()

    def save(self, step: int, tensors: dict[str, Tensor], history: dict) -> None:
        """Replace the file. step: steps done; tensors: of Adam and the task; history: curves so far. Raises InputError where it cannot be written."""
        header = {"digest": self._digest, "step": str(step), "history": json.dumps(history)}
        with atomic_file(self.path) as temporary:
            temporary.write_bytes(save({name: t.contiguous() for name, t in tensors.items()}, header))

    def load(self) -> tuple[int, dict[str, Tensor], dict] | None:
        """(steps done, tensors, history), or None where there is nothing to resume."""
        try:
            with safe_open(self.path, framework="pt") as file:
                header = file.metadata() or {}
                if header.get("digest") != self._digest:
                    return None
                return int(header["step"]), {k: file.get_tensor(k) for k in file.keys()}, json.loads(header["history"])  # noqa: SIM118
        except (OSError, SafetensorError):
            return None

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, for fingerprints."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def array_digest(array: np.ndarray) -> str:
    """SHA-256 of an array's values in storage order, for fingerprints."""
    return hashlib.sha256(array.tobytes()).hexdigest()
