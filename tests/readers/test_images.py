"""Pixels of PNG and TIFF files, and what is wrong with them in one line."""

import struct
import zlib

import numpy as np
import pytest
import tiny_dataset
from PIL import Image
from preparation import FRAME, IMAGE, refused
from tiny_dataset import HEIGHT, WIDTH

from xct4d.readers.images import read_transmission


@pytest.fixture
def folder(tmp_path):
    return tiny_dataset.make(tmp_path / "dataset")


@pytest.mark.parametrize("kind", ["png8", "png16", "tiff8", "tiff16", "tiff16_big_endian", "tiff_float", "rgb", "rgba"])
def test_image_formats(tmp_path, kind):
    truth = np.linspace(0, 1, HEIGHT * WIDTH, dtype=np.float32).reshape(HEIGHT, WIDTH)
    path = tmp_path / f"image.{'png' if kind in ('png8', 'png16', 'rgb', 'rgba') else 'tif'}"
    eight, sixteen = np.rint(truth * 255).astype(np.uint8), np.rint(truth * 65535).astype(np.uint16)
    if kind == "tiff16_big_endian":
        tifffile = pytest.importorskip("tifffile")
        tifffile.imwrite(path, sixteen, byteorder=">")
    else:
        pixels = {"png8": eight, "tiff8": eight, "png16": sixteen, "tiff16": sixteen, "tiff_float": truth}
        pixels |= {"rgb": np.repeat(eight[..., None], 3, 2), "rgba": np.dstack([eight, eight, eight, np.full_like(eight, 255)])}
        Image.fromarray(pixels[kind]).save(path)
    image = read_transmission(path, (WIDTH, HEIGHT), "here")
    assert image.dtype == np.float32
    assert np.abs(image - truth).max() <= (0.5 / 65535 if "16" in kind else 0 if kind == "tiff_float" else 0.5 / 255) + 1e-7


def coloured(path):
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[..., 0] = 200
    Image.fromarray(pixels).save(path)


def transparent(path):
    pixels = np.full((HEIGHT, WIDTH, 4), 200, np.uint8)
    pixels[3, 3, 3] = 0
    Image.fromarray(pixels).save(path)


def several_pages(path):
    page = Image.fromarray(np.full((HEIGHT, WIDTH), 200, np.uint8))
    page.save(path, format="TIFF", save_all=True, append_images=[page])


def floats(value):
    def write(path):
        pixels = np.full((HEIGHT, WIDTH), 0.9, np.float32)
        pixels[0, 0] = value
        Image.fromarray(pixels).save(path, format="TIFF")

    return write


def damaged(path):
    data = bytearray(path.read_bytes())
    data[60:90] = bytes(30)
    path.write_bytes(data)


def as_folder(path):
    path.unlink()
    path.mkdir()


def unreadable_link(path):
    path.unlink()
    path.symlink_to(path)


def white_is_zero(path):
    Image.fromarray(np.full((HEIGHT, WIDTH), 60000, np.uint16)).save(path, format="TIFF", tiffinfo={262: 0})


def enormous(path):
    """More pixels than Pillow opens by itself: a PNG's head is enough to tell."""
    head = b"IHDR" + struct.pack(">IIBBBBB", 14_000, 14_000, 8, 0, 0, 0, 0)
    chunks = [struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in (head, b"IDAT", b"IEND")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


IMAGES = {
    "missing": (lambda path: path.unlink(), "there is no file"),
    "empty": (lambda path: path.write_bytes(b""), "is not a PNG or TIFF image"),
    "text": (lambda path: path.write_text("not an image at all"), "is not a PNG or TIFF image"),
    "jpeg": (lambda path: Image.fromarray(np.full((HEIGHT, WIDTH), 200, np.uint8)).save(path, format="JPEG"), "is not a PNG or TIFF image"),
    "truncated": (lambda path: path.write_bytes(path.read_bytes()[:90]), "cannot be read"),
    "damaged": (damaged, "cannot be read"),
    "a folder": (as_folder, "cannot be read"),
    "wrong size": (lambda path: Image.fromarray(np.full((WIDTH, HEIGHT), 200, np.uint8)).save(path), "has 24 x 32 pixels, its intrinsics are for 32 x 24"),
    "colour": (coloured, "is in colour"),
    "transparent": (transparent, "transparent"),
    "black and white": (lambda path: Image.fromarray(np.full((HEIGHT, WIDTH), True)).save(path), "pixels of type 1"),
    "32 bit whole numbers": (lambda path: Image.fromarray(np.full((HEIGHT, WIDTH), 7, np.int32)).save(path, format="TIFF"), "pixels of type"),
    "white is 0 at 16 bit": (white_is_zero, "says that white is 0; save it with 0 for black"),
    "more pixels than Pillow expects": (enormous, "has 14000 x 14000 pixels, its intrinsics are for 32 x 24"),
    "several pages": (several_pages, "holds 2 images"),
    "logarithm": (floats(2.5), "values from 0.9 to 2.5; a transmission lies in [0, 1]"),
    "negative": (floats(-0.1), "values from -0.1"),
    "NaN": (floats(np.nan), "NaN"),
    "black": (lambda path: Image.fromarray(np.zeros((HEIGHT, WIDTH), np.uint8)).save(path), "black everywhere"),
}


@pytest.mark.parametrize("case", IMAGES)
def test_image(folder, case):
    spoil, expected = IMAGES[case]
    spoil(folder / IMAGE)
    line = refused(folder)
    assert FRAME in line
    assert expected in line


def test_image_linked_from_elsewhere(folder):
    (folder / IMAGE).rename(folder.parent / "elsewhere.png")
    (folder / IMAGE).symlink_to(folder.parent / "elsewhere.png")
    line = refused(folder)
    assert "frames[2].file_path" in line
    assert "outside the folder" in line


def test_image_linked_to_itself(folder):
    (folder / IMAGE).unlink()
    (folder / IMAGE).symlink_to(folder / IMAGE)
    assert "frames[2]" in refused(folder)
