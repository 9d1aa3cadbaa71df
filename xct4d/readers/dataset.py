"""The one way into a dataset: the reader of its format, long exposures, then the corrections of the configuration."""

from __future__ import annotations

from pathlib import Path

from xct4d.config import Input
from xct4d.readers.corrected import corrected
from xct4d.readers.exposures import exposed
from xct4d.readers.reader import Dataset
from xct4d.readers.registry import reader_of


def open_dataset(folder: str | Path, options: Input) -> Dataset:
    """The dataset in a folder, its geometry and times checked and corrected; pixels stay on disk. Raises InputError naming file and key."""
    return corrected(exposed(reader_of(folder, options).open(Path(folder), options)), options)
