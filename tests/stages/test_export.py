"""Exported volumes against the closed form they sample."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import zarr
from evolution_in_closed_form import DriftingBall, StillBall, density
from volumes_on_disk import read_volume

from xct4d.config import Export
from xct4d.errors import InputError
from xct4d.geometry.box import grid_points, voxel_centres
from xct4d.stages.export import export_volumes
from xct4d.units import WORLD, Scale


def expected(n, t):
    c = voxel_centres(n)
    return density(grid_points(c, c, c), t).reshape(n, n, n)


@pytest.mark.parametrize(("n", "tile"), [(20, 8), (24, 128)])
def test_volumes_sample_the_model_at_voxel_centres(tmp_path, n, tile):
    outputs = {kind: tmp_path / kind / "t0.2500.zarr" for kind in ("mixed", "forward", "backward")}
    clipped = export_volumes(DriftingBall(gain=2), Export(resolution=n, tile=tile), 0.25, Scale(5.0), outputs)
    assert clipped == {"mixed": 0, "forward": 0, "backward": 0}
    for kind, gain in (("mixed", 1.25), ("forward", 1), ("backward", 2)):
        volume, attributes = read_volume(outputs[kind])
        assert np.allclose(volume, expected(n, 0.25) * gain / 5, atol=1e-6)
        assert attributes["kind"] == kind
        assert attributes["time"] == 0.25
        assert zarr.open_group(str(outputs[kind]), mode="r").attrs["ome"]["multiscales"][0]["name"] == f"{kind} t0.25"
        assert attributes["unit"] == "1/mm"


def test_tiles_and_shards_do_not_change_the_volume(tmp_path, monkeypatch):
    monkeypatch.setattr("xct4d.io.ome_writer.SHARD_FROM", 64)
    for name, tile in (("sharded", 64), ("whole", 80)):
        export_volumes(DriftingBall(), Export(resolution=80, tile=tile), 0.5, WORLD, {"mixed": tmp_path / name})
    a, b = read_volume(tmp_path / "sharded")[0], read_volume(tmp_path / "whole")[0]
    assert np.array_equal(a, b)
    assert np.allclose(a, expected(80, 0.5), atol=1e-6)


def test_skipping_empty_cells_does_not_change_the_volume(tmp_path, monkeypatch):
    monkeypatch.setattr("xct4d.stages.export.SEARCHED_FROM", 0)
    asked = []

    class Counting(DriftingBall):
        def attenuation(self, points, t, kinds):
            asked.append(len(points))
            return super().attenuation(points, t, kinds)

    outputs = {kind: tmp_path / f"{kind}.zarr" for kind in ("mixed", "backward")}
    export_volumes(Counting(lag=0.8), Export(resolution=40, tile=16), 0.5, WORLD, outputs)
    assert 0 < sum(asked) < 0.2 * 40**3
    export_volumes(DriftingBall(lag=0.8), Export(resolution=40), 0.5, WORLD, {"mixed": tmp_path / "whole.zarr"})
    monkeypatch.undo()
    export_volumes(DriftingBall(lag=0.8), Export(resolution=40), 0.5, WORLD, {"mixed": tmp_path / "every.zarr"})
    sparse, whole, every = (read_volume(tmp_path / f"{name}.zarr")[0] for name in ("mixed", "whole", "every"))
    assert np.array_equal(sparse, every)
    assert np.array_equal(whole, every)
    assert np.count_nonzero(read_volume(outputs["backward"])[0]) > 100


def test_clipping_is_counted_and_said(tmp_path, capsys):
    settings = Export(resolution=16, dtype="uint8", window=(0, 0.5))
    clipped = export_volumes(DriftingBall(), settings, 0.0, WORLD, {"forward": tmp_path / "v.zarr"})
    outside = np.count_nonzero(expected(16, 0.0) > 0.5 * (1 + 0.5 / 255))
    assert clipped == {"forward": outside}
    assert outside > 0
    assert f"{outside} of 4096 forward voxels" in capsys.readouterr().err


def test_whole_numbers_without_a_window_reach_the_maximum(tmp_path):
    settings = Export(resolution=16, dtype="uint16")
    assert export_volumes(DriftingBall(), settings, 0.0, WORLD, {"forward": tmp_path / "v.zarr"}) == {"forward": 0}
    volume, attributes = read_volume(tmp_path / "v.zarr")
    assert attributes["window"] == pytest.approx([0, expected(16, 0.0).max()])
    assert np.allclose(volume, expected(16, 0.0), atol=1e-5)


@pytest.mark.parametrize(
    ("model", "t", "kind", "said"),
    [
        (StillBall(), 0.5, "forward", "export.times: a dataset of one scan has no t = 0.5"),
        (StillBall(), 0.0, "mixed", "export.kinds: a dataset of one scan has no mixed volume"),
        (DriftingBall(), 1.5, "forward", "export.times: 1.5 is outside"),
    ],
)
def test_what_the_model_does_not_have_is_refused(tmp_path, model, t, kind, said):
    with pytest.raises(InputError, match=said):
        export_volumes(model, Export(resolution=8), t, WORLD, {kind: tmp_path / "v.zarr"})
    assert list(tmp_path.iterdir()) == []


def test_static_exports_forward(tmp_path):
    export_volumes(StillBall(), Export(resolution=16), 0.0, WORLD, {"forward": tmp_path / "v.zarr"})
    assert np.allclose(read_volume(tmp_path / "v.zarr")[0], expected(16, 0.0), atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_a_window_without_whole_numbers_is_not_dropped_silently(tmp_path, dtype):
    with pytest.raises(ValueError, match="a window is for whole numbers"):
        export_volumes(DriftingBall(), Export(resolution=8, dtype=dtype, window=(0, 2)), 0.0, WORLD, {"mixed": tmp_path / "v.zarr"})


def test_a_killed_export_leaves_no_volume(tmp_path):
    script = textwrap.dedent("""
        import sys, time
        from pathlib import Path
        from evolution_in_closed_form import DriftingBall
        from xct4d.config import Export
        from xct4d.stages.export import export_volumes
        from xct4d.units import WORLD
        class Slow(DriftingBall):
            count = 0
            def attenuation(self, *rest):
                self.count += 1
                if self.count == 3:
                    print("writing", flush=True)
                    time.sleep(60)
                return super().attenuation(*rest)
        outputs = {kind: Path(sys.argv[1]) / f"{kind}.zarr" for kind in ("mixed", "forward")}
        export_volumes(Slow(), Export(resolution=16, tile=8), 0.5, WORLD, outputs)
    """)
    here = Path(__file__).parents[1]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(here / "support"), str(here.parent)])}
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout.readline() == "writing\n"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert not any((tmp_path / f"{kind}.zarr").exists() for kind in ("mixed", "forward"))
    assert list(tmp_path.iterdir()) != []  # it was writing
    outputs = {kind: tmp_path / f"{kind}.zarr" for kind in ("mixed", "forward")}
    export_volumes(DriftingBall(), Export(resolution=16, tile=8), 0.5, WORLD, outputs)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["forward.zarr", "mixed.zarr"]
    for path in outputs.values():
        assert np.allclose(read_volume(path)[0], expected(16, 0.5), atol=1e-6)
