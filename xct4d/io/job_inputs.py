"""Folders among a job's named inputs (snakemake.input), by the state or the direction that they belong to.

An input that the dataset does not have is empty.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xct4d.directions import SCAN_TIME, STATES, Direction, State


def prepared_folders(files: Any) -> dict[State, Path]:
    """The prepared projections: the inputs forward, backward and between, as far as the dataset has them."""
    return {state: Path(getattr(files, state)) for state in STATES if getattr(files, state)}


def canonical_folders(files: Any) -> dict[Direction, Path]:
    """The outputs of the canonical stage: the inputs canonical_forward and canonical_backward, as far as the dataset has them."""
    named = {direction: getattr(files, f"canonical_{direction}") for direction in SCAN_TIME}
    return {direction: Path(folder) for direction, folder in named.items() if folder}
