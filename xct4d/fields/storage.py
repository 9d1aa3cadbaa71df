"""Fields on disk: safetensors, with their settings in the file's header."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from xct4d.errors import InputError
from xct4d.io.digests import check_file


def write(path: Path, kind: str, settings: dict, tensors: dict[str, Tensor]) -> None:
    """Write a field whole; the caller names a temporary path and renames it.

    The header is one sorted entry, so equal fields are equal files: safetensors
    writes several in any order.
    """
    header = {"xct4d": json.dumps({"kind": kind, "settings": settings}, sort_keys=True)}
    Path(path).write_bytes(save({name: t.detach().contiguous() for name, t in tensors.items()}, header))


def read(path: Path, kind: str) -> tuple[dict, dict[str, Tensor]]:
    """(settings, tensors) of a field. Raises InputError if the file is missing, damaged or another kind."""
    check_file(Path(path))
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {}).get("xct4d", "{}"))
            if header.get("kind") != kind:
                raise InputError(f"holds {header.get('kind', 'no field')}, not {kind}", where=path)
            return header["settings"], {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - a safetensors file is no mapping
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise InputError(f"cannot be read as {kind} ({error})", where=path, fix="delete it and run again") from None
