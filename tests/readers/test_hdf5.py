"""NXtomo and Data Exchange: the contract of readers, the numbers, real files, and damage in one line."""

import os
from datetime import datetime
from pathlib import Path

import h5py
import hdf5_dataset
import numpy as np
import pytest
import scanned_ball

from xct4d.config import Input, Prepare
from xct4d.errors import InputError
from xct4d.readers.hdf5.reader import Hdf5Reader
from xct4d.stages.prepare import prepare
from xct4d.testing.readers import ReaderTests

DATA = os.environ.get("XCT4D_DATA")
ENTRY = "entry/tomo_entry"


class TestNXtomo(ReaderTests):
    reader = Hdf5Reader()
    counts = {"forward": 6, "backward": 6}
    keys = {"forward": "before/scan.nxs", "backward": "after/scan.nxs"}

    @pytest.fixture
    def folder(self, tmp_path):
        hdf5_dataset.nxtomo(tmp_path / "dataset" / "before" / "scan.nxs", 0.0)
        hdf5_dataset.nxtomo(tmp_path / "dataset" / "after" / "scan.nxs", 1.0)
        return tmp_path / "dataset"


class TestNXtomoWithLinks(ReaderTests):
    """The master file links to the pixels in another."""

    reader = Hdf5Reader()
    counts = {"forward": 6}

    @pytest.fixture
    def folder(self, tmp_path):
        master = hdf5_dataset.nxtomo(tmp_path / "dataset" / "scan.nxs", cone=True)
        with h5py.File(tmp_path / "dataset" / "pixels.h5", "w") as other, h5py.File(master, "a") as file:
            other["images"] = file[f"{ENTRY}/instrument/detector/data"][()]
            del file[f"{ENTRY}/instrument/detector/data"]
            file[f"{ENTRY}/instrument/detector/data"] = h5py.ExternalLink("pixels.h5", "images")
        with h5py.File(master) as file:  # without the space of what was deleted
            rewritten(file, tmp_path / "new.nxs")
        os.replace(tmp_path / "new.nxs", master)
        return tmp_path / "dataset"


def rewritten(file, path):
    with h5py.File(path, "w") as new:
        file.copy("entry", new, expand_external=False)


class TestDataExchange(ReaderTests):
    reader = Hdf5Reader()
    counts = {"forward": 6}

    @pytest.fixture
    def folder(self, tmp_path):
        hdf5_dataset.data_exchange(tmp_path / "dataset" / "scan.h5")
        return tmp_path / "dataset"


def opened(path: Path, **keys):
    return Hdf5Reader().open(path.parent, Input(folder=str(path.parent), forward=path.name, **keys)).forward


@pytest.mark.parametrize("make", [hdf5_dataset.nxtomo, hdf5_dataset.data_exchange])
def test_a_parallel_scan(tmp_path, make):
    """Transmissions as parallel rays give them; the cameras' rays are parallel to a part in thousands."""
    path = make(tmp_path / "scan.h5")
    scan = opened(path)
    assert scan.unit_mm == pytest.approx(32 / 2 * hdf5_dataset.PIXEL_MM)
    for angle, projection in zip(hdf5_dataset.STAGE, scan.projections, strict=True):
        assert projection.load() == pytest.approx(scanned_ball.parallel_transmission(angle), abs=3e-5)
        pose = projection.camera_to_world[0]
        azimuth = -np.deg2rad(angle)
        assert pose[:, 2] == pytest.approx([np.cos(azimuth), np.sin(azimuth), 0], abs=1e-9)
        assert pose[:, 3] == pytest.approx(4000 * pose[:, 2])
        for point in ([0.9, 0.3, -0.5], [-0.8, 0.5, 0.7]):  # where a pixel sees it
            x, y, back = pose[:, :3].T @ (np.array(point) - pose[:, 3])
            column, row = 16 - projection.focal[0] * x / back, 12 + projection.focal[1] * y / back
            across = -np.sin(azimuth) * point[0] + np.cos(azimuth) * point[1]
            assert (column, row) == pytest.approx((16 + 16 * across, 12 - 16 * point[2]), abs=0.005)


def test_a_cone_beam_in_nxtomo(tmp_path):
    scan = opened(hdf5_dataset.nxtomo(tmp_path / "scan.nxs", cone=True), unit_mm=scanned_ball.UNIT_MM)
    assert scan.started == datetime(2022, 10, 15, 13, 48, 39, 357000)
    for k, projection in enumerate(scan.projections):
        assert projection.camera_to_world[0] == pytest.approx(scanned_ball.pose(scanned_ball.STAGE[k]))
        assert (projection.focal, projection.exposure_s) == (pytest.approx((48, 48)), pytest.approx(0.354))
        assert projection.load() == pytest.approx(scanned_ball.transmission(k), abs=3e-5)
    assert scan.notes == ["left out: 1 invalid frames and 0 for alignment"]


def test_data_exchange_in_sinogram_order(tmp_path):
    scan = opened(hdf5_dataset.data_exchange(tmp_path / "scan.h5", sinograms=True))
    assert len(scan.projections) == 6
    assert scan.projections[4].load() == pytest.approx(scanned_ball.parallel_transmission(120.0), abs=3e-5)


def test_a_stage_that_turns_at_a_stated_speed(tmp_path):
    path = hdf5_dataset.data_exchange(tmp_path / "data" / "scan.h5")
    with h5py.File(path, "a") as file:
        file["measurement/instrument/detector/exposure_time"] = 0.5
        file["process/acquisition/rotation/rotation_speed"] = 6.0
    assert [projection.turn_deg for projection in opened(path).projections] == pytest.approx([3.0] * 6)


def test_the_monitor_divides(tmp_path):
    """The beam decays by a third over the scan."""
    path = hdf5_dataset.nxtomo(tmp_path / "scan.nxs")
    current = np.linspace(300, 200, 13)
    with h5py.File(path, "a") as file:
        data = file[f"{ENTRY}/instrument/detector/data"]
        decayed = (data[()] - scanned_ball.dark()) * (current / current.mean())[:, None, None] + scanned_ball.dark()
        data[...] = np.rint(np.maximum(decayed, 0))
        file[f"{ENTRY}/control/data"] = current
    scan = opened(path)
    assert any("which varies from 0.8 to 1.2 of its mean" in note for note in scan.notes)
    assert scan.projections[0].load() == pytest.approx(scanned_ball.parallel_transmission(0.0), abs=3e-3)
    assert scan.projections[5].load() == pytest.approx(scanned_ball.parallel_transmission(150.0), abs=3e-3)


def test_what_a_file_leaves_out_is_said(tmp_path):
    path = hdf5_dataset.data_exchange(tmp_path / "scan.h5")
    with h5py.File(path, "a") as file:
        del file["exchange/theta"], file["exchange/data_dark"], file["measurement"]
    scan = opened(path)
    for words in ("evenly over 180 degrees, as the definition says", "there are no darks", "no pixel size at the sample is known"):
        assert any(words in note for note in scan.notes)
    assert scan.unit_mm is None
    assert opened(path, unit_mm=2.5).unit_mm == 2.5
    azimuth = -np.deg2rad(30)
    assert scan.projections[1].camera_to_world[0, :, 2] == pytest.approx([np.cos(azimuth), np.sin(azimuth), 0])
    with h5py.File(path, "a") as file:
        del file["exchange/data_white"]
    with pytest.raises(InputError, match="exchange/data_white: says nothing about the counts of air"):
        opened(path).projections[0].load()
    assert opened(path, intensities={"air": 40000}).projections[0].load().max() == pytest.approx(1, abs=0.01)


def test_flats_are_placed_where_they_were_recorded(tmp_path):
    path = hdf5_dataset.data_exchange(tmp_path / "scan.h5")
    with h5py.File(path, "a") as file:
        white = file["exchange/data_white"][()].astype(float)
        white[2:] = (white[2:] - scanned_ball.dark()) * 0.8 + scanned_ball.dark()  # the lamp is weaker at the end
        file["exchange/data_white"][...] = np.rint(white)
        file["process/acquisition/flat_fields/flat_field_mode"] = [np.bytes_(b"Both".ljust(256, b"\0"))]
    for k, projection in enumerate(opened(path).projections):
        expected = scanned_ball.parallel_transmission(hdf5_dataset.STAGE[k]) / (1 - 0.2 * k / 5)
        assert projection.load() == pytest.approx(expected, abs=2e-4)
    with h5py.File(path, "a") as file:
        del file["process"]
        file["exchange/theta_white"] = np.deg2rad([0, 0, 75, 75])
        file["exchange/theta_white"].attrs["units"] = "radian"
    level = 1 - 0.2 * np.array([0, 0.5, 1, 1, 1, 1])  # theta 75 lies between projections 2 and 3: even, 2
    found = [projection.load()[0, 0] for projection in opened(path).projections]
    expected = [scanned_ball.parallel_transmission(angle)[0, 0] for angle in hdf5_dataset.STAGE] / level
    assert found == pytest.approx(expected, abs=2e-4)


def change(name, value, **attributes):
    def apply(file):
        del file[name]
        if value is not None:
            file[name] = value
            if attributes:
                file[name].attrs.update(attributes)

    return apply


DETECTOR = f"{ENTRY}/instrument/detector"
BROKEN_NXTOMO = {
    "no pixels": (change(f"{DETECTOR}/data", None), "instrument/detector/data: is missing"),
    "pixels in two dimensions": (change(f"{DETECTOR}/data", np.ones((13, 9))), "must be numbers [frame, row, column], not float64"),
    "pixels in words": (change(f"{DETECTOR}/data", [[[b"a"]]]), "must be numbers [frame, row, column]"),
    "a dead link": (change(f"{DETECTOR}/data", h5py.SoftLink("/nowhere")), "instrument/detector/data: cannot be opened"),
    "a link out": (change(f"{DETECTOR}/data", h5py.ExternalLink("../secret.h5", "x")), "lies outside the folder"),
    "a link to a file that is lost": (change(f"{DETECTOR}/data", h5py.ExternalLink("lost.h5", "x")), "is a link to lost.h5, which is not there"),
    "a link to a beamline's disk": (
        change(f"{DETECTOR}/data", h5py.ExternalLink("/dls/i13/pco.hdf", "x")),
        "is a link to /dls/i13/pco.hdf, a place on the computer that wrote it",
    ),
    "too few keys": (change(f"{DETECTOR}/image_key", [0, 1, 2]), "has 3 keys for 13 frames"),
    "a key that is none": (change(f"{DETECTOR}/image_key", [7.0] * 13), "holds 7, which is no kind of frame"),
    "no projection": (change(f"{DETECTOR}/image_key", [1] * 13), "names no projection (0)"),
    "no angles": (change(f"{ENTRY}/sample/rotation_angle", None), "sample/rotation_angle: is missing"),
    "too few angles": (change(f"{ENTRY}/sample/rotation_angle", [0.0, 1.0]), "has 2 angles for 13 frames"),
    "angles in words": (change(f"{ENTRY}/sample/rotation_angle", "0 to 180"), "must be numbers, not '0 to 180'"),
    "angles that are not finite": (change(f"{ENTRY}/sample/rotation_angle", [np.nan] * 13), "holds a value that is not finite"),
    "angles in an unknown unit": (change(f"{ENTRY}/sample/rotation_angle", [0.0] * 13, units="gon"), "has the unit 'gon'; known are deg"),
    "angles in a group": (lambda file: (change(f"{ENTRY}/sample/rotation_angle", None)(file), file.create_group(f"{ENTRY}/sample/rotation_angle")), "is a group, not numbers"),
    "two scans": (lambda file: file.copy(ENTRY, "entry/second"), "holds 2 scans: entry/second, entry/tomo_entry"),
    "no scan": (change("entry", None), "is neither NeXus NXtomo nor Data Exchange"),
    "pixels that are not finite": (change(f"{DETECTOR}/data", np.full((13, 24, 32), np.nan)), "holds NaN or infinite pixels"),
    "a law that is broken": (
        lambda file: [hdf5_dataset.set_length(file[DETECTOR], f"sample_{axis}_pixel_size", 2.0, "mm") for axis in "xy"],
        "sample_x_pixel_size: is 2 mm, but a detector pixel of 2 mm over the magnification 1.5 is 1.33333 mm: a factor of 1.5",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN_NXTOMO)
def test_a_broken_nxtomo_is_one_line(tmp_path, case):
    apply, says = BROKEN_NXTOMO[case]
    path = hdf5_dataset.nxtomo(tmp_path / "data" / "scan.nxs", cone=True)
    with h5py.File(path, "a") as file:
        apply(file)
    refused(path, says)


BROKEN_EXCHANGE = {
    "too few angles": (change("exchange/theta", [0.0]), "exchange/theta: has 1 angles for 6 projections"),
    "flats of another size": (change("exchange/data_white", np.ones((2, 4, 4))), "data_white: has images of 4 x 4 pixels"),
    "dark flats": (lambda file: file["exchange/data_white"].write_direct(np.zeros((4, 24, 32), np.uint16)), "the flats are no brighter than the darks"),
    "a negative pixel": (change("measurement/instrument/detection_system/objective/resolution", -1.0), "must be positive, not -1000 mm"),
    "an exposure of nothing": (
        lambda file: file.create_dataset("measurement/instrument/detector/exposure_time", data=0.0),
        "exposure_time: must be positive, not 0 s",
    ),
    "an empty stack": (change("exchange/data", np.ones((0, 24, 32))), "must be numbers [theta, y, x], not float64 of shape (0, 24, 32)"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN_EXCHANGE)
def test_a_broken_data_exchange_is_one_line(tmp_path, case):
    apply, says = BROKEN_EXCHANGE[case]
    path = hdf5_dataset.data_exchange(tmp_path / "data" / "scan.h5")
    with h5py.File(path, "a") as file:
        apply(file)
    refused(path, says)


def refused(path, says):
    with pytest.raises(InputError) as caught:
        for projection in opened(path).projections:
            projection.load()
    assert says in str(caught.value)
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)


real = pytest.mark.skipif(DATA is None, reason="XCT4D_DATA does not name the folder of shared data")


@real
def test_a_real_scan_of_a_tooth(tmp_path):
    """APS Data Exchange: 181 angles from 0 to 179 degrees; the axis lies at column 296 of 640, so the centre of mass circles it."""
    folder = Path(DATA) / "aps_tooth_dxfile"
    scan = opened(folder / "tooth.h5")
    assert (len(scan.projections), scan.projections[0].size, scan.unit_mm) == (181, (640, 2), None)
    first, last = (-np.log(np.clip(scan.projections[k].load(), 0.01, 2)).mean(0) for k in (0, 180))
    columns = np.arange(640) + 0.5
    # half a turn later the sample is seen from behind: its centre of mass lies as far on the other side of the axis
    middle = ((first * columns).sum() / first.sum() + (last * columns).sum() / last.sum()) / 2
    assert middle == pytest.approx(296, abs=1.5)  # at 179 degrees, not 180
    azimuth = np.deg2rad(-179)
    assert scan.projections[180].camera_to_world[0, :, 2] == pytest.approx([np.cos(azimuth), np.sin(azimuth), 0], abs=2e-4)
    options = Input(folder=str(folder), split={"method": "interval"}, geometry={"axis_shift_px": 296 - 320})
    prepare(folder, options, Prepare(target_size=None), "forward", tmp_path / "out")


@real
def test_a_real_data_exchange_without_angles():
    path = Path(DATA) / "scanners" / "dxfile_tomopy_cli" / "meta_mock.h5"
    scan = opened(path)
    assert len(scan.projections) == 11
    notes = "\n".join(scan.notes)
    assert "angles are 0 + k 0.05625 degrees, by process/acquisition/rotation" in notes
    assert "num_angles says 6401, but 11 projections are there" in notes
    assert "turns 0.0369 degrees during an exposure, 0.66 of a step" in notes
    assert scan.unit_mm == pytest.approx(25 * 1.18063734e-3)
    assert (scan.started, scan.projections[0].exposure_s) == (datetime(2020, 9, 25, 12, 41, 57), pytest.approx(0.00800413))
    assert scan.projections[10].start_s == pytest.approx(0.5625 / 4.61065574)


@real
def test_a_real_nxtomo_with_measured_angles():
    path = Path(DATA) / "scanners" / "nxtomo_httomo_k11" / "k11_every_tenth.nxs"
    scan = opened(path)
    assert (len(scan.projections), scan.projections[0].size) == (301, (26, 22))
    turned = [np.rad2deg(np.arctan2(*projection.camera_to_world[0, [1, 0], 2])) for projection in scan.projections]
    assert -np.array(turned[:3]) == pytest.approx([89.99511, 90.59632, 91.19904], abs=1e-4)  # of every tenth frame, as measured
    image = scan.projections[0].load()
    counts, _ = scan.projections[0].counts()
    assert counts.mean() == pytest.approx(38314, rel=0.03)
    assert image.mean() == pytest.approx((counts.mean() - 99.2) / (45317 - 99.2), rel=0.02)


@real
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nxtomo_savu_i13/24888_no_data.nxs", "entry1/tomo_entry/instrument/detector/data: is a link to /dls/i13/data/2014"),
        ("nxtomo_httomo_k11/k11-18014_no_data.nxs", "is neither NeXus NXtomo nor Data Exchange"),
    ],
)
def test_real_files_without_their_pixels(name, says):
    with pytest.raises(InputError) as caught:
        opened(Path(DATA) / "scanners" / name)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@real
def test_a_real_file_with_texts_for_lengths(tmp_path):
    """The lengths hold a broken link of the writer, an identifier: said, and the scan is read without them."""
    path = tmp_path / "24888.nxs"
    path.write_bytes((Path(DATA) / "scanners" / "nxtomo_savu_i13" / "24888_no_data.nxs").read_bytes())
    with h5py.File(path, "a") as file:
        del file["entry1/tomo_entry/instrument/detector/data"]
        file["entry1/tomo_entry/instrument/detector/data"] = np.full((111, 3, 4), 900, np.uint16)
    scan = opened(path)
    assert len(scan.projections) == 91
    assert any("x_pixel_size: must be numbers, not 'b2017b74-c39d-478d-b4fe-ab0c5347227c'" in note for note in scan.notes)
    turned = [np.rad2deg(np.arctan2(*projection.camera_to_world[0, [1, 0], 2])) for projection in scan.projections]
    assert -np.unwrap(turned, period=360) == pytest.approx(np.linspace(-89.1, 90.9, 91), abs=0.05)
