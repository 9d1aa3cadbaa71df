"""Projections from PNG and TIFF files, one at a time, as transmission."""

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


def read_image(path: Path, size: tuple[int, int], where: object) -> np.ndarray:
    """Transmission [height, width] float32, in [0, 1].

    8 and 16 bit whole numbers span [0, 1]; 32-bit floats are taken as they are.
    Colour is accepted where its channels agree and it is opaque, a TIFF in which
    0 is white at 8 bit only. size: the (width, height) that the intrinsics are
    for. where: file and frame, for messages. Raises InputError where the file is
    missing, damaged, of another size, coloured, or its floats are not in [0, 1].
    """
    try:
        with Image.open(path, formats=_FORMATS) as image:
            if image.size != tuple(size):
                raise InputError(
                    f"{path} has {image.size[0]} x {image.size[1]} pixels, w and h say {size[0]} x {size[1]}", where=where,
                    fix="correct w and h, or the image",
                )  # fmt: skip
            if getattr(image, "n_frames", 1) > 1:
                raise InputError(f"{path} holds {image.n_frames} images", where=where, fix="save one projection per file")
            return _transmission(image, path, where)
    except FileNotFoundError:
        raise InputError(f"there is no file {path}", where=where) from None
    except InputError:
        raise
    except Image.UnidentifiedImageError:
        raise InputError(f"{path} is not a PNG or TIFF image", where=where, fix="convert it") from None
    except _DAMAGE as error:
        raise InputError(f"{path} cannot be read ({getattr(error, 'strerror', None) or error})", where=where, fix="copy or export it again") from None


def _transmission(image: Image.Image, path: Path, where: object) -> np.ndarray:
    layout = image.tile[0][3] if image.tile else ""  # Pillow's raw mode, alone or first of several
    depth = str(layout[0] if isinstance(layout, tuple) else layout)
    if image.format == "TIFF" and image.mode not in _GREY8 and image.tag_v2.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:  # which Pillow heeds at 8 bit only
        raise InputError(f"{path} says that white is 0", where=where, fix="save it with 0 for black")
    if image.mode in _GREY16 or (image.mode == "I" and image.format == "PNG"):  # older Pillow opens 16-bit PNG as I
        return np.asarray(image).astype(np.float32) / 65535
    if image.mode == "F":
        return _checked_floats(np.array(image, dtype=np.float32), path, where)
    if image.mode not in _GREY8 or ("16" in depth and image.mode != "L"):
        raise InputError(f"{path} has pixels of type {depth or image.mode}", where=where, fix="save it as 8 or 16 bit grey, or 32-bit float TIFF")
    return _grey(image, path, where).astype(np.float32) / 255


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
    if not np.isfinite(pixels).all():
        raise InputError(f"{path} holds NaN or infinite pixels", where=where)
    low, high = float(pixels.min()), float(pixels.max())
    if low < 0 or high > 1 + 1e-6:
        raise InputError(
            f"{path} has values from {low:.4g} to {high:.4g}; a transmission lies in [0, 1]", where=where,
            fix="store I/I0, not its logarithm and not counts",
        )  # fmt: skip
    return pixels


def area_average(image: np.ndarray, factor: int) -> np.ndarray:
    """Means of factor x factor blocks: [h, w] -> [h // factor, w // factor] float32; what is left over at the right and below is cut off.

    Intensities are averaged, as a detector with larger pixels would.
    """
    height, width = (n // factor for n in image.shape)
    blocks = image[: height * factor, : width * factor].reshape(height, factor, width, factor)
    return blocks.mean(axis=(1, 3), dtype=np.float32)
