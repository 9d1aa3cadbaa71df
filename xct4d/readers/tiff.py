"""Grey TIFF files of every depth: whole numbers of 2 to 64 bits, packed or not, and floats of 16, 32 and 64 bits.

Decoders are tifffile's, and Pillow's (by its libtiff) for compressions that
tifffile leaves to another package. Packed numbers of odd depths, which neither
decodes, are unpacked here.
"""

from __future__ import annotations

import logging
import math
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from xct4d.errors import InputError

DAMAGE = (tifffile.TiffFileError, NotImplementedError)  # what tifffile raises beside what images.py expects
_WORDS = (8, 16, 32, 64)  # depths that fill whole bytes
_BY_LIBTIFF = {"LZW", "JPEG", "PACKBITS", "CCITTRLE", "CCITT_T4", "CCITT_T6", "ZSTD", "WEBP", "LZMA", "OLD_JPEG"}

logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # it warns beside what it raises


def size_and_pages(path: Path) -> tuple[tuple[int, int], int]:
    """((width, height) of the first image, number of images), by the headers alone. Raises what tifffile raises."""
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        return (page.imagewidth, page.imagelength), len(file.pages)


def read_grey_tiff(path: Path, size: tuple[int, int], where: object, number: int | None = None) -> tuple[np.ndarray, int | None] | None:
    """Pixels [height, width] as stored, and the largest number that their depth can hold; None for floats.

    None in place of both where the file is in colour, has a palette or one bit:
    images.py decides about those. size, where: as of images.read_transmission.
    number: of the image, from 0, where the file may hold several.
    Raises InputError where the file is of another size, holds several images,
    ends before its pixels do, or has pixels that mean nothing as intensities.
    """
    with tifffile.TiffFile(path) as file:
        if number is not None and number >= len(file.pages):
            what = f"{path} holds {len(file.pages)} images, not {number + 1}"
            raise InputError(what, where=where, fix="copy or export it again, or correct the number of projections")
        page = file.pages[number or 0]
        if (page.imagewidth, page.imagelength) != tuple(size):
            raise size_mismatch(path, (page.imagewidth, page.imagelength), size, where)
        if number is None and len(file.pages) > 1:
            raise InputError(f"{path} holds {len(file.pages)} images", where=where, fix="save one projection per file")
        page = page.aspage() if hasattr(page, "aspage") else page  # later pages are read as frames, without their own tags
        if page.samplesperpixel != 1 or page.photometric.name not in ("MINISBLACK", "MINISWHITE") or page.bitspersample == 1:
            return None
        if page.photometric.name == "MINISWHITE" and page.bitspersample != 8:
            raise InputError(f"{path} says that white is 0", where=where, fix="save it with 0 for black")
        _refuse_cut(page, path, where)
        pixels = _decoded(page, path, where)
        if pixels.dtype.kind not in "uif":
            raise InputError(f"{path} has pixels of type {pixels.dtype}", where=where, fix="save it as whole numbers or floats")
        if pixels.dtype.kind == "f":
            return pixels, None
        white = 2 ** (page.bitspersample - (pixels.dtype.kind == "i")) - 1  # signed numbers have a bit less
        return (white - pixels if page.photometric.name == "MINISWHITE" else pixels), white


def size_mismatch(path: Path, found: tuple[int, int], size: tuple[int, int], where: object) -> InputError:
    what = f"{path} has {found[0]} x {found[1]} pixels, its intrinsics are for {size[0]} x {size[1]}"
    return InputError(what, where=where, fix="correct the intrinsics (w and h), or the image")


def _refuse_cut(page: tifffile.TiffPage, path: Path, where: object) -> None:
    """What is not there would be read as black rows."""
    ends = [offset + count for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False)]
    expected = math.prod(page.chunked)
    rows = page.imagelength * -(-page.imagewidth * page.bitspersample // 8)
    complete = len(ends) >= expected and all(page.databytecounts) and (page.compression.name != "NONE" or sum(page.databytecounts) >= rows)
    if not complete or max(ends) > path.stat().st_size:
        raise InputError(f"{path} ends before its pixels do", where=where, fix="copy or export it again")


def _decoded(page: tifffile.TiffPage, path: Path, where: object) -> np.ndarray:
    if page.bitspersample in _WORDS and page.compression.name not in _BY_LIBTIFF:
        return page.asarray().reshape(page.imagelength, page.imagewidth)
    if page.bitspersample in _WORDS and page.dtype in (np.uint8, np.uint16, np.float32):
        with Image.open(path, formats=("TIFF",)) as image:
            image.seek(page.index)
            if image.mode == "L" and page.photometric.name == "MINISWHITE":
                return 255 - np.asarray(image)  # which Pillow has inverted
            return np.array(image, dtype=page.dtype)
    if page.compression.name == "NONE" and page.fillorder == 1 and not page.is_tiled:
        return _unpacked(page, path)
    what = f"{path} has pixels of {page.bitspersample} bits, {page.compression.name} compressed"
    raise InputError(what, where=where, fix="save it uncompressed, or with 16 bits")


def _unpacked(page: tifffile.TiffPage, path: Path) -> np.ndarray:
    """Whole numbers of any depth up to 32 bits, packed without gaps; each row begins with a byte."""
    bits, width = page.bitspersample, page.imagewidth
    with path.open("rb") as file:
        strips = []
        for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True):
            file.seek(offset)
            strips.append(file.read(count))
    bytes_per_row = -(-width * bits // 8)
    rows = np.frombuffer(b"".join(strips), np.uint8)[: page.imagelength * bytes_per_row].reshape(page.imagelength, bytes_per_row)
    out = np.empty((page.imagelength, width), np.uint32)
    for i, row in enumerate(rows):  # a row at a time: bits take eight times the memory
        weights = 2 ** np.arange(bits - 1, -1, -1, dtype=np.uint64)
        out[i] = np.unpackbits(row)[: width * bits].reshape(width, bits) @ weights
    return out
