"""Projections from PNG and TIFF files, one at a time, as transmission or as counts."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from xct4d.errors import InputError

Image.MAX_IMAGE_PIXELS = None  # the size is compared with w and h before anything is unpacked; a detector may have more pixels than Pillow expects
_GREY8 = ("L", "LA", "RGB", "RGBA", "P", "PA")
_GREY16 = ("I;16", "I;16L", "I;16B", "I;16N")
_FORMATS = ("PNG", "TIFF")
_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0  # TIFF tag, and its value for bright = 0
_DAMAGE = (OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, OverflowError, struct.error, zlib.error)  # what Pillow raises


def read_transmission(path: Path, size: tuple[int, int], where: object) -> np.ndarray:
    """Transmission [height, width] float32, in [0, 1].

    8 and 16 bit whole numbers span [0, 1]; 32-bit floats are taken as they are.
    Colour is accepted where its channels agree and it is opaque, a TIFF in which
    0 is white at 8 bit only. size: the (width, height) that the intrinsics are
    for. where: file and frame, for messages. Raises InputError where the file is
    missing, damaged, of another size, coloured, or its floats are not in [0, 1].
    """
    pixels, white = _read(path, size, where)
    return _checked_floats(pixels, path, where) if white is None else pixels.astype(np.float32) / white


def read_counts(path: Path, size: tuple[int, int], where: object) -> np.ndarray:
    """The numbers in a file, whatever they mean: [height, width] float32. Arguments and errors as of read_transmission."""
    pixels, _ = _read(path, size, where)
    _refuse_not_finite(pixels, path, where)
    return pixels.astype(np.float32)


def _read(path: Path, size: tuple[int, int], where: object) -> tuple[np.ndarray, int | None]:
    """Pixels [height, width] as stored, and the largest number that their type can hold; None for floats."""
    try:
        with Image.open(path, formats=_FORMATS) as image:
            if image.size != tuple(size):
                raise InputError(
                    f"{path} has {image.size[0]} x {image.size[1]} pixels, its intrinsics are for {size[0]} x {size[1]}", where=where,
                    fix="correct the intrinsics (w and h), or the image",
                )  # fmt: skip
            if getattr(image, "n_frames", 1) > 1:
                raise InputError(f"{path} holds {image.n_frames} images", where=where, fix="save one projection per file")
            return _pixels(image, path, where)
    except FileNotFoundError:
        raise InputError(f"there is no file {path}", where=where) from None
    except InputError:
        raise
    except Image.UnidentifiedImageError:
        raise InputError(f"{path} is not a PNG or TIFF image", where=where, fix="convert it") from None
    except _DAMAGE as error:
        raise InputError(f"{path} cannot be read ({getattr(error, 'strerror', None) or error})", where=where, fix="copy or export it again") from None


def _pixels(image: Image.Image, path: Path, where: object) -> tuple[np.ndarray, int | None]:
    layout = image.tile[0][3] if image.tile else ""  # Pillow's raw mode, alone or first of several
    depth = str(layout[0] if isinstance(layout, tuple) else layout)
    if image.format == "TIFF" and image.mode not in _GREY8 and image.tag_v2.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:  # which Pillow heeds at 8 bit only
        raise InputError(f"{path} says that white is 0", where=where, fix="save it with 0 for black")
    if image.mode in _GREY16 or (image.mode == "I" and image.format == "PNG"):  # older Pillow opens 16-bit PNG as I
        return np.asarray(image), 65535
    if image.mode == "F":
        return np.array(image, dtype=np.float32), None
    if image.mode not in _GREY8 or ("16" in depth and image.mode != "L"):
        raise InputError(f"{path} has pixels of type {depth or image.mode}", where=where, fix="save it as 8 or 16 bit grey, or 32-bit float TIFF")
    return _grey(image, path, where), 255


def _grey(image: Image.Image, path: Path, where: object) -> np.ndarray:
    if image.mode == "L":
        return np.asarray(image)
    pixels = np.asarray(image.convert("RGBA"))
    if (pixels[..., 3] != 255).any():
        raise InputError(f"{path} is partly transparent", where=where, fix="save it as grey without an alpha channel")
    if (pixels[..., :1] != pixels[..., 1:3]).any():
        raise InputError(f"{path} is in colour", where=where, fix="save it as grey")
    return pixels[..., 0]


def _checked_floats(pixels: np.ndarray, path: Path, where: object) -> np.ndarray:
    _refuse_not_finite(pixels, path, where)
    low, high = float(pixels.min()), float(pixels.max())
    if low < 0 or high > 1 + 1e-6:
        raise InputError(
            f"{path} has values from {low:.4g} to {high:.4g}; a transmission lies in [0, 1]", where=where,
            fix="store I/I0, not its logarithm and not counts",
        )  # fmt: skip
    return pixels


def _refuse_not_finite(pixels: np.ndarray, path: Path, where: object) -> None:
    if not np.isfinite(pixels).all():
        raise InputError(f"{path} holds NaN or infinite pixels", where=where)
