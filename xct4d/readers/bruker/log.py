"""Bruker's .log: keys that differ in case and place from one model to the next, and values with a unit or a count behind them."""

from __future__ import annotations

import math
import re
from datetime import datetime
from pathlib import Path

from xct4d.errors import InputError
from xct4d.readers.ini import IniFile, finite

ACQUISITION, SYSTEM = "Acquisition", "System"
_DATES = ("%d %b %Y %Hh:%Mm:%Ss", "%b %d, %Y %H:%M:%S", "%d %b %Y %H:%M:%S")


class BrukerLog:
    """The keys of one scan."""

    def __init__(self, path: Path):
        """Raises InputError where the file cannot be read, or is no log of a scan."""
        self.path = path
        self.file = IniFile(path)

    def count(self, key: str) -> int:
        return self.file.count(ACQUISITION, key, 100_000)

    def positive(self, key: str) -> float:
        return self.file.positive(ACQUISITION, key)

    def optional(self, key: str, section: str = ACQUISITION) -> float | None:
        """A number, None where the key is missing. Raises InputError where it is no number."""
        return self.file.number(section, key) if self.file.has(section, key) else None

    def word(self, key: str) -> str:
        """The first word of a value in capitals, such as ON of "ON (3)"; empty where it is missing."""
        return self.file.text(ACQUISITION, key, "").upper().split(" ")[0]

    def binning(self) -> tuple[int, int]:
        """Of columns and rows. Raises InputError where it is not spelled as 2x2."""
        text = self.file.text(ACQUISITION, "Camera binning", "1x1")
        match = re.fullmatch(r"(\d+)\s*x\s*(\d+)", text.lower())
        if match is None or 0 in (int(match[1]), int(match[2])):
            raise InputError(f"must be such as 2x2, not {text[:40]!r}", where=self.file.where("Camera binning"))
        return int(match[1]), int(match[2])

    def aspect(self) -> float:
        """Width over height of a pixel of the camera."""
        for key in ("Camera X/Y Ratio", "CameraXYRatio"):
            if self.file.has(SYSTEM, key):
                return self.file.positive(SYSTEM, key)
        return 1.0

    def exposure_s(self) -> float | None:
        """Of a projection, all its frames: "ON (3)" averages three, "OFF (3)" takes one."""
        exposure = self.optional("Exposure (ms)")
        if exposure is None:
            return None
        averaging = self.file.text(ACQUISITION, "Frame Averaging", "OFF")
        match = re.search(r"\((\d+)\)", averaging)
        frames = int(match[1]) if match and averaging.upper().startswith("ON") else 1
        return frames * exposure / 1000 if exposure > 0 else None

    def started(self) -> datetime | None:
        """When the scan began; None where the log does not say it in a spelling that is known."""
        text = " ".join(self.file.text(ACQUISITION, "Study Date and Time", "").split())
        for spelling in _DATES:
            try:
                return datetime.strptime(text, spelling)
            except ValueError:
                continue
        return None

    def reference(self) -> float | None:
        """Counts of air in the images, which are divided by their flats already; None where they are not, or no level is given."""
        text = self.file.text(ACQUISITION, "Reference Intensity", "")
        number = finite(text)
        if text and not number > 0:
            raise InputError(f"must be a positive number, not {text[:40]!r}", where=self.file.where("Reference Intensity"))
        return None if math.isnan(number) or self.word("Flat Field Correction") != "ON" else number
