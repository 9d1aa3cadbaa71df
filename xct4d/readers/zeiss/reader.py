"""Scans of a Zeiss Xradia microscope (.txrm; .xrm holds one image).

A stage angle theta, in degrees, puts the source at the azimuth -theta as seen
from the sample. PixelSize is that at the sample, so a cone beam's detector has
pixels of PixelSize (source to axis + axis to detector) / source to axis. Counts
are divided by the reference images, scaled to each projection's exposure; the
camera's offset is subtracted by the scanner. Proven on public files of a
parallel beam; no public file of a cone beam exists.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xct4d.config import Input
from xct4d.readers.reader import Acquisition
from xct4d.readers.scan_reader import ScanReader


class ZeissReader(ScanReader):
    name = "zeiss"
    looks_for = "*.txrm"

    def describes(self, name: str) -> bool:
        return name.lower().endswith((".txrm", ".xrm"))

    def descriptions(self, folder: Path) -> list[Path]:
        return sorted(path for path in folder.iterdir() if path.suffix.lower() == ".txrm" and not path.name.startswith("."))

    def scan_files(self, description: Path, folder: Path, together: Sequence[Path]) -> list[Path]:
        return [description]

    def scan(self, description: Path, folder: Path, together: Sequence[Path], options: Input) -> Acquisition:
        from xct4d.readers.zeiss.header import header  # brings numpy, which listing files does without
        from xct4d.readers.zeiss.ole import opened
        from xct4d.readers.zeiss.scan import acquisition

        with opened(description) as streams:
            return acquisition(streams, header(streams), options)
