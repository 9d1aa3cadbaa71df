"""Pixels of PNG and TIFF files, and what is wrong with them in one line."""

import struct
import zlib

import numpy as np
import pytest
import tifffile
import tiny_dataset
from PIL import Image
from preparation import BACKWARD, FORWARD, FRAME, IMAGE, SEQUENCE, complaint, notes, refused, run
from tiny_dataset import HEIGHT, WIDTH

from xct4d.config import Prepare
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


def test_air_shows_through_what_is_transparent(tmp_path):
    """Whatever colour lies behind a pixel that is transparent as a whole; half of one that is so by half."""
    pixels = np.full((HEIGHT, WIDTH, 4), 255, np.uint8)
    pixels[..., :3] = 100
    pixels[3, 3] = (10, 20, 30, 0)
    pixels[5, 6, 3] = 127
    Image.fromarray(pixels).save(tmp_path / "image.png")
    image = read_transmission(tmp_path / "image.png", (WIDTH, HEIGHT), "here")
    assert image[0, 0] == pytest.approx(100 / 255)
    assert image[3, 3] == pytest.approx(1)
    assert image[5, 6] == pytest.approx((128 + 100 * 127 / 255) / 255)


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
    "wrong size": (
        lambda path: Image.fromarray(np.full((WIDTH, HEIGHT), 200, np.uint8)).save(path),
        "has 24 x 32 pixels, its intrinsics are for 32 x 24",
    ),
    "colour": (coloured, "is in colour"),
    "black and white": (lambda path: Image.fromarray(np.full((HEIGHT, WIDTH), True)).save(path), "pixels of type 1"),
    "complex numbers": (lambda path: tifffile.imwrite(path, np.ones((HEIGHT, WIDTH), np.complex64)), "pixels of type complex64"),
    "one bit": (lambda path: tifffile.imwrite(path, np.ones((HEIGHT, WIDTH), bool)), "pixels of type 1"),
    "packed and compressed": (
        lambda path: path.write_bytes(packed_tiff(np.zeros((HEIGHT, WIDTH)), 12, compression=5)),
        "pixels of 12 bits, LZW compressed",
    ),
    "white is 0 at 16 bit": (white_is_zero, "says that white is 0; save it with 0 for black"),
    "more pixels than Pillow expects": (enormous, "has 14000 x 14000 pixels, its intrinsics are for 32 x 24"),
    "several pages": (several_pages, "holds 2 images"),
    "NaN": (floats(np.nan), "NaN"),
    "infinite": (floats(np.inf), "infinite"),
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


# --- every depth

TRUTH = np.linspace(0, 1, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH)


def packed_tiff(truth, bits, compression=1):
    """A TIFF of one strip, whole numbers of so many bits without gaps (not 16 and 32, whose bytes have an order)."""
    values = np.rint(truth * (2**bits - 1)).astype(np.int64)
    data = b"".join(
        int("".join(f"{v:0{bits}b}" for v in row).ljust(-(-len(row) * bits // 8) * 8, "0"), 2).to_bytes(-(-len(row) * bits // 8), "big")
        for row in values
    )
    height, width = truth.shape
    tags = [
        (256, width),
        (257, height),
        (258, bits),
        (259, compression),
        (262, 1),
        (273, 8 + 2 + 12 * 9 + 4),
        (277, 1),
        (278, height),
        (279, len(data)),
    ]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + struct.pack("<I", 0) + data


def png(truth, bits, rows=None):
    """A grey PNG; rows: after so many its data end, though its head promises all."""
    values = np.rint(truth * (2**bits - 1)).astype(np.int64)[:rows]
    width = -(-truth.shape[1] * bits // 8)
    data = b"".join(b"\0" + int("".join(f"{v:0{bits}b}" for v in row).ljust(width * 8, "0"), 2).to_bytes(width, "big") for row in values)
    head = struct.pack(">IIBBBBB", truth.shape[1], truth.shape[0], bits, 0, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(data)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks)


def read(path, content):
    path.write_bytes(content)
    return read_transmission(path, (WIDTH, HEIGHT), "here")


@pytest.mark.parametrize("bits", [2, 4, 6, 8, 10, 12, 14, 24])
def test_whole_numbers_of_every_depth_of_tiff(tmp_path, bits):
    assert read(tmp_path / "a.tif", packed_tiff(TRUTH, bits)) == pytest.approx(TRUTH, abs=0.51 / (2**bits - 1) + 1e-7)


@pytest.mark.parametrize("bits", [2, 4, 8, 16])
def test_whole_numbers_of_every_depth_of_png(tmp_path, bits):
    assert read(tmp_path / "a.png", png(TRUTH, bits)) == pytest.approx(TRUTH, abs=0.51 / (2**bits - 1) + 1e-7)


@pytest.mark.parametrize(
    "kind", ["uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]
)
@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"byteorder": ">"}, {"rowsperstrip": 5}])
def test_types_that_numpy_users_write(tmp_path, kind, options):
    whole = np.issubdtype(kind, np.integer)
    pixels = (TRUTH * (0.999 if whole else 1.0) * float(np.iinfo(kind).max if whole else 1)).astype(kind)
    tifffile.imwrite(tmp_path / "a.tif", pixels, **options)
    image = read_transmission(tmp_path / "a.tif", (WIDTH, HEIGHT), "here")
    assert image.dtype == np.float32
    assert image == pytest.approx(TRUTH, abs=0.02 if "int8" in kind else 2e-3)


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "tiff_adobe_deflate"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_compressions_by_libtiff(tmp_path, compression, kind):
    pixels = (TRUTH * (1 if kind is np.float32 else np.iinfo(kind).max)).astype(kind)
    Image.fromarray(pixels).save(tmp_path / "a.tif", compression=compression)
    assert read_transmission(tmp_path / "a.tif", (WIDTH, HEIGHT), "here") == pytest.approx(TRUTH, abs=0.005)


def test_a_tiff_in_which_0_is_white(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.rint(255 - TRUTH * 255).astype(np.uint8), photometric="miniswhite")
    assert read_transmission(tmp_path / "a.tif", (WIDTH, HEIGHT), "here") == pytest.approx(TRUTH, abs=0.005)


@pytest.mark.parametrize(
    "content", [png(TRUTH, 8, rows=15), png(TRUTH, 16, rows=23), packed_tiff(TRUTH, 12)[:-30], packed_tiff(TRUTH, 8)[:-1]]
)
def test_a_file_cut_short_is_not_read_as_black_rows(tmp_path, content):
    line = complaint(read, tmp_path / "cut", content)
    assert "cut ends before its pixels do; copy or export it again" in line


def test_a_strip_that_was_never_written(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", TRUTH.astype(np.float32), rowsperstrip=6)
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+b") as file:
        file.pages[0].tags["StripByteCounts"].overwrite([768, 768, 0, 768])
    assert "ends before its pixels do" in complaint(read_transmission, tmp_path / "a.tif", (WIDTH, HEIGHT), "here")


def test_black_rows_that_are_there(tmp_path):
    assert (read(tmp_path / "a.png", png(np.zeros_like(TRUTH), 8)) == 0).all()


# --- values outside [0, 1]


def as_floats(folder, change):
    """The scan's images as float TIFF files."""
    for path in (folder / "images_00").glob("*.png"):
        tifffile.imwrite(path.with_suffix(".tif"), change(np.asarray(Image.open(path)) / 255).astype(np.float32))
        path.unlink()
    text = (folder / FORWARD).read_text()
    (folder / FORWARD).write_text(text.replace(".png", ".tif"))


def noisy(image):
    return image * (1 + 0.01 * np.random.default_rng(0).standard_normal(image.shape)) - 0.001 * (image < 0.3)


def test_noise_of_a_flat_field_correction_is_clipped_and_said(folder, capsys):
    for name in (BACKWARD, SEQUENCE):
        (folder / name).unlink()
    as_floats(folder, noisy)
    frames = run(folder)
    assert frames.image(0).max() == 1
    assert "of the pixels lie outside [0, 1]: they reach from" in notes(folder)[-1]
    assert "are clipped (prepare.outside)" in capsys.readouterr().err
    line = refused(folder, settings=Prepare(target_size=None, outside="refuse"))
    assert f"{FORWARD}: " in line
    assert "lie outside [0, 1]" in line
    assert "prepare.outside: clip" in line


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda image: image * 43000, "flat_field: is 1, but air has transmission 4.3e+04; divide the images by the counts of air"),
        (lambda image: -np.log(image), "look inverted or logarithmic"),
        (lambda image: -image, "the image is black everywhere"),
    ],
)
def test_what_no_noise_explains(folder, change, says):
    for name in (BACKWARD, SEQUENCE):
        (folder / name).unlink()
    as_floats(folder, change)
    assert says in refused(folder)
