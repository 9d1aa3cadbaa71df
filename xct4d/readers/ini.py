"""INI files as scanners write them: Nikon's .xtekct, Bruker's .log, phoenix's .pca.

Tolerant, as each maker has a dialect: UTF-8 with or without a mark or else
Latin-1, keys and sections in any case, keys that repeat (the last counts), lines
that are no `key=value`, and values that hold "=" or "%".
"""

from __future__ import annotations

import configparser
import math
from pathlib import Path

from xct4d.errors import InputError
from xct4d.io.paths import refuse_special

LARGEST = 8 * 2**20  # bytes; such a file has some thousand


class IniFile:
    """The keys of one file. Keys and sections are found in any case."""

    def __init__(self, path: Path):
        """Raises InputError where the file cannot be read or is no INI."""
        self.path = path
        parser = configparser.ConfigParser(
            interpolation=None, strict=False, allow_no_value=True, delimiters=("=",), comment_prefixes=(";", "#"), default_section="\0"
        )
        try:
            parser.read_string("\n".join(line.strip() for line in read_text(path).split("\n")))  # an indented line would continue the last
        except configparser.Error as error:
            raise InputError(
                f"cannot be read: it is no INI file ({' '.join(str(error).split())})", where=path, fix="copy it from the scanner again"
            ) from None
        self._values = {
            (section.lower(), key.lower()): value or "" for section in parser.sections() for key, value in parser.items(section)
        }

    def text(self, section: str, key: str, default: str | None = None) -> str:
        """A value without spaces around it. Raises InputError where the key is missing and has no default."""
        value = self._values.get((section.lower(), key.lower()), default)
        if value is None:
            raise InputError(f"is missing in [{section}]", where=self.where(key), fix="copy the file from the scanner again")
        return value.strip()

    def has(self, section: str, key: str) -> bool:
        """Whether the key is there and not empty."""
        return bool(self.text(section, key, ""))

    def number(self, section: str, key: str, default: float | None = None) -> float:
        """Raises InputError where the key is missing and has no default, or its value is not a finite number."""
        text = self.text(section, key, None if default is None else repr(default))
        number = finite(text)
        if math.isnan(number):
            raise InputError(f"must be a number, not {text[:40] or 'empty'}", where=self.where(key))
        return number

    def positive(self, section: str, key: str, default: float | None = None) -> float:
        """Raises InputError where the key is missing and has no default, or its value is not a positive number."""
        text = self.text(section, key, None if default is None else repr(default))
        number = finite(text)
        if not number > 0:
            raise InputError(f"must be a positive number, not {text[:40] or 'empty'}", where=self.where(key))
        return number

    def count(self, section: str, key: str, most: int) -> int:
        """A whole number from 1 to `most`. Raises InputError where it is missing or anything else."""
        number = self.number(section, key)
        if number != int(number) or not 1 <= number <= most:
            raise InputError(f"must be a whole number from 1 to {most}, not {number:g}", where=self.where(key))
        return int(number)

    def where(self, key: str) -> str:
        """File and key, for messages."""
        return f"{self.path}: {key}"


def read_text(path: Path) -> str:
    """The text of a scanner's file, lines ending in a line feed: UTF-8 with or without a mark, or else Latin-1.

    Raises InputError where the file cannot be read, holds bytes of no text, or is much too large.
    """
    refuse_special(path, path)
    try:
        if path.stat().st_size > LARGEST:
            raise InputError(f"has {path.stat().st_size} bytes, too many for a scanner's text file", where=path, fix="name the right file")
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror or error})", where=path, fix="copy it from the scanner again") from None
    if b"\0" in content:
        raise InputError("is no text", where=path, fix="copy it from the scanner again")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def finite(text: str) -> float:
    """The number that a text spells; NaN where it spells none, or one that is not finite."""
    try:
        number = float(text)
    except ValueError:
        return math.nan
    return number if math.isfinite(number) else math.nan
