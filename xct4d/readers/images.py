"""Projections from PNG and TIFF files, one at a time, as transmission or as counts."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image

from xct4d.errors import InputError
from xct4d.readers import tiff

Image.MAX_IMAGE_PIXELS = (
    None  # the size is compared with the intrinsics before anything is unpacked; a detector may have more pixels than Pillow expects
)
Found = TypeVar("Found")
FEWEST = 0.01  # part of the pixels that a mask must leave
_GREY8 = ("L", "LA", "RGB", "RGBA", "P", "PA")
_GREY16 = ("I;16", "I;16L", "I;16B", "I;16N")
_FORMATS = ("PNG", "TIFF")
_DAMAGE = (  # what Pillow, zlib and tifffile raise
    OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, OverflowError, RuntimeError, struct.error, zlib.error, *tiff.DAMAGE,
)  # fmt: skip


def read_transmission(path: Path, size: tuple[int, int], where: object) -> np.ndarray:
    """Transmission [height, width] float32.

    Whole numbers of any depth span [0, 1], by the largest number of their depth:
    255, 4095 or 65535 at 8, 12 or 16 bits. Floats are taken as they are, and
    noise may lead them outside [0, 1]. Colour is accepted where its channels
    agree, transparency as air (white) that shows through, a TIFF in which 0 is white at 8 bit only. size: the
    (width, height) that the intrinsics are for. where: file and frame, for
    messages. Raises InputError where the file is missing, damaged, cut short, of
    another size or coloured, or has pixels that are not finite.
    """
    pixels, white = _read(path, size, where)
    return _finite(pixels, path, where) if white is None else (pixels.astype(np.float32) / np.float32(white))


def read_grey(path: Path, size: tuple[int, int], where: object, page: int | None = None) -> tuple[np.ndarray, int | None]:
    """The numbers in a file, whatever they mean, [height, width] float32, and the largest that their depth can hold; None for floats.

    page: of a TIFF file with several images, from 0; None where the file must
    hold one. Other arguments and errors as of read_transmission.
    """
    pixels, largest = _read(path, size, where, page)
    return _finite(pixels, path, where), largest


def read_mask(path: Path, size: tuple[int, int], where: object) -> np.ndarray:
    """Which pixels of a projection count, [height, width] bool: those of a mask that are not 0 (nerfstudio's convention: white counts).

    Arguments and errors as of read_transmission, and errors for a mask with
    transparent pixels, which are neither black nor white, and one that leaves
    next to nothing.
    """

    def read() -> np.ndarray | None:
        with Image.open(path, formats=_FORMATS) as image:
            if _is_transparent(image):
                raise InputError(f"{path} has transparent pixels", where=where, fix="save the mask in black and white alone")
            if image.mode != "1":
                return None
            if image.size != tuple(size):
                raise tiff.size_mismatch(path, image.size, size, where)
            return np.array(image)

    found = _reading(read, path, where)
    mask = _read(path, size, where)[0] != 0 if found is None else found
    if mask.mean() < FEWEST:
        raise InputError(
            f"{path} leaves {mask.mean():.2%} of the pixels", where=where, fix="what counts is white in a mask, what does not is black"
        )
    return mask


def _is_transparent(image: Image.Image) -> bool:
    may_be = image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info
    return may_be and bool((np.asarray(image.convert("RGBA"))[..., 3] < 255).any())


def read_size(path: Path, where: object) -> tuple[tuple[int, int], int]:
    """((width, height) of a file's first image, number of its images), by its header alone. Errors as of read_transmission."""

    def look() -> tuple[tuple[int, int], int]:
        if _is_tiff(path):
            return tiff.size_and_pages(path)
        with Image.open(path, formats=_FORMATS) as image:
            return image.size, 1

    return _reading(look, path, where)


def _read(path: Path, size: tuple[int, int], where: object, page: int | None = None) -> tuple[np.ndarray, int | None]:
    """Pixels [height, width] as stored, and the largest number that their depth can hold; None for floats."""

    def read() -> tuple[np.ndarray, int | None]:
        if _is_tiff(path) and (found := tiff.read_grey_tiff(path, size, where, page)) is not None:
            return found
        with Image.open(path, formats=_FORMATS) as image:
            if image.size != tuple(size):
                raise tiff.size_mismatch(path, image.size, size, where)
            return _pixels(image, path, where)

    return _reading(read, path, where)


def _is_tiff(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(4) in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def _reading(read: Callable[[], Found], path: Path, where: object) -> Found:
    """What `read` returns. Raises InputError in place of what a missing or damaged file makes a decoder raise."""
    try:
        return read()
    except FileNotFoundError:
        raise InputError(f"there is no file {path}", where=where) from None
    except InputError:
        raise
    except Image.UnidentifiedImageError:
        raise InputError(f"{path} is not a PNG or TIFF image", where=where, fix="convert it") from None
    except _DAMAGE as error:
        shown = getattr(error, "strerror", None) or error
        raise InputError(f"{path} cannot be read ({shown})", where=where, fix="copy or export it again") from None


def _pixels(image: Image.Image, path: Path, where: object) -> tuple[np.ndarray, int]:
    """Pixels of a PNG, or of a TIFF in colour."""
    layout = image.tile[0][3] if image.tile else ""  # Pillow's raw mode, alone or first of several
    depth = str(layout[0] if isinstance(layout, tuple) else layout)
    if image.mode in _GREY16 or (image.mode == "I" and image.format == "PNG"):  # older Pillow opens 16-bit PNG as I
        pixels, white = np.asarray(image), 65535
    elif image.mode not in _GREY8 or ("16" in depth and image.mode != "L"):
        raise InputError(
            f"{path} has pixels of type {depth or image.mode}", where=where, fix="save it as grey of 8 or 16 bits, or as float TIFF"
        )
    else:
        pixels, white = _grey(image, path, where), 255
    if image.format == "PNG" and not pixels[-1].any():
        _refuse_short_png(path, pixels.shape[0], where)
    return pixels, white


def _grey(image: Image.Image, path: Path, where: object) -> np.ndarray:
    if image.mode == "L":
        return np.asarray(image)
    pixels = np.asarray(image.convert("RGBA"))
    opaque = pixels[..., 3]
    if ((pixels[..., :1] != pixels[..., 1:3]).any(-1) & (opaque > 0)).any():
        raise InputError(f"{path} is in colour", where=where, fix="save it as grey")
    if (opaque == 255).all():
        return pixels[..., 0]
    white = 255 - opaque.astype(np.float32)  # what is transparent lets air be seen
    return white + pixels[..., 0] * (opaque.astype(np.float32) / 255)


def _refuse_short_png(path: Path, height: int, where: object) -> None:
    """Raises InputError where a PNG's compressed data end before its last row: Pillow leaves the rest black without a word."""
    data, position = path.read_bytes(), 8
    packed, interlaced, bits = [], False, 0
    while position + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[position : position + 8])
        body = data[position + 8 : position + 8 + length]
        if kind == b"IHDR":
            width, _, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", body)
            bits = depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour] * width
        elif kind == b"IDAT":
            packed.append(body)
        position += 12 + length
    found = len(zlib.decompressobj().decompress(b"".join(packed)))
    if not interlaced and found < height * (1 + -(-bits // 8)):  # a row begins with a byte that names its filter
        raise InputError(f"{path} ends before its pixels do", where=where, fix="copy or export it again")


def _finite(pixels: np.ndarray, path: Path, where: object) -> np.ndarray:
    with np.errstate(over="ignore"):  # too large for float32 is infinite
        pixels = pixels.astype(np.float32)
    if not np.isfinite(pixels).all():
        raise InputError(f"{path} holds NaN or infinite pixels", where=where, fix="set them to a neighbour's value")
    return pixels
