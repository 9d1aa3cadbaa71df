"""Volumes in the formats of other programs, opened by these programs' own libraries."""

import shutil
import subprocess

import numpy as np
import pytest
import tifffile
import zarr

from xct4d.config import VolumeFile
from xct4d.io.ome_writer import VolumeWriter
from xct4d.io.volumes import load_volume
from xct4d.io.voxels import load_voxels
from xct4d.quantities import ATTENUATION, BY_NAME
from xct4d.stages.convert import convert
from xct4d.units import WORLD, Scale

TIMES = (0.0, 0.25, 1.0)
SHAPE = (4, 6, 8)  # z, y, x
SCALE = Scale(4.0, 10.0)  # mm per world unit, seconds


def field(t, *components):
    return np.random.default_rng(round(100 * t)).uniform(0, 2, (*components, *SHAPE)).astype(np.float32)


def volumes(folder, names=("mixed", "displacement", "logarithmic_strain"), scale=SCALE):
    made = {}
    for name in names:
        quantity = BY_NAME.get(name, ATTENUATION)
        for t in reversed(TIMES):
            made[name, t] = folder / name / f"t{t:.4f}.zarr"
            with VolumeWriter(made[name, t], SHAPE, quantity=quantity, scale=scale) as volume:
                volume[:, :, :] = field(t, *quantity.shape)
    return made


def image(path):
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkIOXML import vtkXMLImageDataReader

    reader = vtkXMLImageDataReader()
    reader.SetFileName(str(path))
    reader.Update()
    data = reader.GetOutput()
    arrays = {
        data.GetPointData().GetArrayName(i): vtk_to_numpy(data.GetPointData().GetArray(i))
        for i in range(data.GetPointData().GetNumberOfArrays())
    }
    return data, arrays


def test_vtk_opens_the_volumes_of_every_time(tmp_path):
    pytest.importorskip("vtkmodules", reason="VTK is not installed (pip install vtk)")
    convert(volumes(tmp_path), "vtk", tmp_path / "out", SCALE)
    listed = (tmp_path / "out/mixed.pvd").read_text()
    for t in TIMES:
        assert f'file="mixed/t{t:.4f}.vti"' in listed
        assert f'timestep="{10 * t}"' in listed
        data, arrays = image(tmp_path / f"out/mixed/t{t:.4f}.vti")
        assert data.GetDimensions() == (8, 6, 4)
        assert data.GetSpacing() == pytest.approx((1.0, 8 / 6, 2.0))
        assert data.GetOrigin() == pytest.approx((-3.5, -4 + 4 / 6, -3.0))
        assert np.allclose(arrays["mixed"].reshape(SHAPE), field(t) / 4)
    _, arrays = image(tmp_path / "out/displacement/t0.2500.vti")
    assert np.allclose(arrays["displacement"].reshape(*SHAPE, 3), np.moveaxis(field(0.25, 3) * 4, 0, -1))
    _, arrays = image(tmp_path / "out/logarithmic_strain/t0.2500.vti")
    assert np.allclose(arrays["logarithmic_strain_yz"].reshape(SHAPE), field(0.25, 6)[3])


def test_imagej_opens_a_hyperstack_over_time(tmp_path):
    convert(volumes(tmp_path), "imagej", tmp_path / "out", SCALE)
    with tifffile.TiffFile(tmp_path / "out/mixed.tif") as file:
        assert file.is_imagej
        assert file.series[0].axes == "TZYX"
        assert np.allclose(file.asarray(), [field(t) / 4 for t in TIMES])
        about = file.imagej_metadata
        assert about["unit"] == "mm"
        assert about["spacing"] == pytest.approx(2.0)
        assert about["finterval"] == pytest.approx(5.0)
        assert (about["xorigin"], about["zorigin"]) == pytest.approx((3.5, 1.5))  # voxels from the first one's centre to the box's
        assert about["min"] == 0
        assert about["max"] == pytest.approx(max(field(t).max() for t in TIMES) / 4)
        assert "1/mm" in about["Info"]
        steps, length = file.pages[0].tags["XResolution"].value
        assert steps / length == pytest.approx(1.0)
    with tifffile.TiffFile(tmp_path / "out/displacement.tif") as file:
        assert file.series[0].axes == "TZCYX"
        assert np.allclose(file.asarray(), [field(t, 3).swapaxes(0, 1) * 4 for t in TIMES])


MACRO = """
open(getArgument());
getDimensions(width, height, channels, slices, frames);
getVoxelSize(x, y, z, unit);
getMinAndMax(least, most);
Stack.setPosition(channels, slices, frames);
getStatistics(area, mean);
interval = Stack.getFrameInterval();
print("found", width, height, channels, slices, frames, x, y, z, unit, interval, d2s(most, 5), d2s(mean, 5));
run("Quit");
"""


@pytest.mark.parametrize(("name", "components"), [("mixed", ()), ("displacement", (3,))])
def test_imagej_itself_opens_a_hyperstack(tmp_path, name, components):
    if not (shutil.which("imagej") and shutil.which("xvfb-run")):
        pytest.skip("Debian's imagej and xvfb are not installed")
    convert(volumes(tmp_path, [name]), "imagej", tmp_path / "out", SCALE)
    (tmp_path / "macro.ijm").write_text(MACRO)
    command = ["xvfb-run", "-a", "imagej", "-b", str(tmp_path / "macro.ijm"), str(tmp_path / f"out/{name}.tif")]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("found ")]
    *counts, x, y, z, unit, interval, most, mean = line.split()[1:]
    depth, height, width = SHAPE
    assert list(map(int, counts)) == [width, height, *(components or (1,)), depth, len(TIMES)]
    assert unit == "mm"
    assert [float(value) for value in (x, y, z, interval)] == pytest.approx([1.0, 8 / 6, 2.0, 5.0], abs=1e-3)
    factor = 4 if components else 1 / 4  # world units to mm, 1 / world unit to 1/mm
    last = factor * field(TIMES[-1], *components)[(-1,) * (len(components) + 1)]  # of the last channel, slice and time
    assert float(mean) == pytest.approx(last.mean(), abs=1e-4)
    assert float(most) >= last.max() - 1e-4


def test_a_hyperstack_that_a_tiff_file_cannot_hold_is_divided(tmp_path, monkeypatch):
    monkeypatch.setattr("xct4d.writers.imagej.MOST_BYTES", 2 * 4 * np.prod(SHAPE))
    convert(volumes(tmp_path, ["mixed"]), "imagej", tmp_path / "out", SCALE)
    parts = [tifffile.imread(tmp_path / f"out/mixed_{number}.tif") for number in range(2)]
    assert np.allclose(parts[0], [field(t) / 4 for t in TIMES[:2]])
    assert np.allclose(parts[1].reshape(SHAPE), field(1.0) / 4)


def test_the_reference_program_gets_attenuation_per_world_unit(tmp_path):
    made = volumes(tmp_path, ("mixed", "displacement"))
    convert(made, "npz", tmp_path / "npz", SCALE)
    convert(made, "npy", tmp_path / "npy", SCALE)
    convert(made, "raw", tmp_path / "raw", SCALE)
    assert sorted(path.name for path in (tmp_path / "npz").glob("*.npz")) == [f"mixed_t{t:.4f}.npz" for t in TIMES]
    for t in TIMES:
        assert np.load(tmp_path / f"npz/mixed_t{t:.4f}.npz")["vol"].shape == SHAPE[::-1]
        assert np.allclose(load_voxels(tmp_path / f"npz/mixed_t{t:.4f}.npz"), field(t))
        assert np.array_equal(np.load(tmp_path / f"npy/mixed_t{t:.4f}.npy"), np.load(tmp_path / f"npz/mixed_t{t:.4f}.npz")["vol"])
        raw = VolumeFile(path=f"mixed_t{t:.4f}_4x6x8_float32.raw", shape=SHAPE, dtype="float32")
        assert np.allclose(load_volume(raw, tmp_path / "raw", "here"), field(t))


def test_a_single_time_has_a_place_in_time(tmp_path):
    made = {key: path for key, path in volumes(tmp_path, ["mixed"]).items() if key[1] == 0.25}
    convert(made, "ome-zarr-0.4", tmp_path / "out", SCALE)
    group = zarr.open_group(tmp_path / "out/mixed.zarr", mode="r")
    (scales,) = group.attrs["multiscales"]
    assert scales["axes"][0] == {"name": "t", "type": "time", "unit": "second"}
    assert scales["datasets"][0]["coordinateTransformations"][1]["translation"] == pytest.approx([2.5, -3.0, -4 + 4 / 6, -3.5])
    assert np.allclose(group["0"][:], [field(0.25) / 4])


def test_unknown_units_are_world_units(tmp_path):
    convert(volumes(tmp_path, ["mixed"], WORLD), "imagej", tmp_path / "out", WORLD)
    with tifffile.TiffFile(tmp_path / "out/mixed.tif") as file:
        assert file.imagej_metadata["unit"] == "world unit"
        assert np.allclose(file.asarray(), [field(t) for t in TIMES])
