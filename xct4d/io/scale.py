"""The units of a dataset, as its prepared projections have them.

Apart from io/prepared.py, so that a new unit is no new code of the trainings,
which compute in world units.
"""

from __future__ import annotations

import json
from pathlib import Path

from xct4d.errors import InputError
from xct4d.io.digests import check_files
from xct4d.units import Scale


def load_scale(folder: Path) -> Scale:
    """What prepared projections say of their units; the pixels are not read. Raises InputError where the record is missing or damaged."""
    folder = Path(folder)
    check_files(folder, ["frames.json"])
    try:
        record = json.loads((folder / "frames.json").read_text())
        return Scale(record["unit_mm"], record["duration_s"])
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"cannot be read ({error})", where=folder, fix="delete it and run prepare again") from None
