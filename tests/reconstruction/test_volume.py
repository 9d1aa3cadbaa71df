"""The classical reconstruction that a canonical field starts from: right, resumed bit for bit, its choices from the data."""

from __future__ import annotations

import dataclasses
from dataclasses import replace

import numpy as np
import pytest
import torch
from ball_projections import save

from xct4d.device import HOST
from xct4d.errors import InputError
from xct4d.geometry.corrections import of_sample_at
from xct4d.io import prepared
from xct4d.io.checkpoint import Checkpoint
from xct4d.kernels.projector import project
from xct4d.metrics import correlation
from xct4d.reconstruction import run
from xct4d.reconstruction.silhouette import silhouette_cells, span
from xct4d.reconstruction.volume import Reconstruction, Scan, voxels

VIEWS = 12


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    return prepared.load(save(tmp_path_factory.mktemp("scan") / "prepared", times=[0.0] * VIEWS, held_out=[False] * VIEWS))


def run_to_end(frames, path, at_most=24):
    return run.reconstructed(frames, at_most, Checkpoint(path, {"scan": "ball"}), "test", HOST)


def test_it_predicts_the_projections(frames, tmp_path):
    _, record = run_to_end(frames, tmp_path / "checkpoint")
    scan = Scan.of(frames, HOST)
    assert record["residual"][-1] < 0.1 * float(scan.images.square().mean().sqrt())
    assert record["chosen"] in record["weights"]
    assert len(record["left_out"]) < len(record["weights"])  # the last sweeps are over all projections


def test_a_killed_reconstruction_goes_on_bit_for_bit(frames, tmp_path, monkeypatch):
    undisturbed, record = run_to_end(frames, tmp_path / "undisturbed")
    monkeypatch.setattr(run, "SECONDS", 0.0)
    sweep, swept = Reconstruction.sweep, []

    def killed_after_three(self):
        if len(swept) == 3:
            raise KeyboardInterrupt
        swept.append(1)
        sweep(self)

    monkeypatch.setattr(Reconstruction, "sweep", killed_after_three)
    with pytest.raises(KeyboardInterrupt):
        run_to_end(frames, tmp_path / "killed")
    monkeypatch.setattr(Reconstruction, "sweep", sweep)
    resumed, resumed_record = run_to_end(frames, tmp_path / "killed")
    assert torch.equal(resumed, undisturbed)
    assert resumed_record == record


def test_voxels_follow_the_pixels_up_to_the_most_allowed(frames):
    views = Scan.of(frames, HOST).views
    assert voxels(views, 1000) == pytest.approx(1.15 * 2 / float(4.0 / views.focal.max()), rel=0.5)
    assert voxels(views.downscaled(2), 1000) < voxels(views, 1000)
    assert voxels(views, 16) == 16


def test_the_silhouette_holds_the_object_and_not_the_air(frames):
    scan = Scan.of(frames, HOST)
    cells = silhouette_cells(scan.images.permute(0, 2, 1).numpy(), scan.views)
    volume = Reconstruction(scan, 24)
    while not volume.done:
        volume.sweep()
    found = volume.volume().numpy()
    assert 0 < cells.mean() < 0.8
    columns = span(cells, 24)
    assert ((columns[1] - columns[0]) >= 0).all()
    inside = np.repeat(np.repeat(np.repeat(cells, 24, 0), 24, 1), 24, 2)[12 :: len(cells), 12 :: len(cells), 12 :: len(cells)]
    assert found[inside].sum() > 0.95 * found.sum()


def test_nothing_left_to_train_on_is_one_line(frames, tmp_path):
    none = dataclasses.replace(frames, held_out=np.ones(len(frames), bool))
    with pytest.raises(InputError, match=r"^input\.split: no projection is left to train on"):
        run_to_end(none, tmp_path / "checkpoint")


def test_pixels_that_do_not_count_do_not_change_it(frames, tmp_path):
    """A wire of lead across each projection, elsewhere in each, and where it is masked."""
    pixels, counts = np.array(frames.pixels), np.ones(len(frames.pixels), bool)
    for f in range(len(frames)):
        wire = np.zeros(frames.size(f)[::-1], bool)
        wire[:, (5 * f) % 23 : (5 * f) % 23 + 2] = True
        counts[frames.offset[f] : frames.offset[f + 1]] = ~wire.ravel()
    pixels[~counts] = 0
    leaden = dataclasses.replace(frames, pixels=pixels)
    clean, _ = run_to_end(frames, tmp_path / "clean")
    masked, record = run_to_end(dataclasses.replace(leaden, counts=counts), tmp_path / "masked")
    spoiled, _ = run_to_end(leaden, tmp_path / "leaden")
    assert record["residual"][-1] < 0.01
    assert correlation(masked.numpy(), clean.numpy()) > 0.98
    assert correlation(spoiled.numpy(), clean.numpy()) < 0.9


def test_line_integrals_of_long_exposures_are_weighted_means(frames):
    """Three cameras for each projection: the middle one twice as heavy as the others."""
    three = np.repeat(np.arange(len(frames.views)), 3)
    turned = frames.views[three]
    poses = np.concatenate([of_sample_at(turned.camera_to_world[[v]], 4.0 * (v % 3 - 1), np.zeros(3)) for v in range(len(three))])
    blurred = replace(
        frames, views=replace(turned, camera_to_world=poses), first_view=3 * frames.first_view, time=frames.time[three],
        weight=np.tile([0.25, 0.5, 0.25], len(frames)),
    )  # fmt: skip
    scan, sharp = Scan.of(blurred, HOST), Scan.of(frames, HOST)
    assert np.array_equal(scan.views.camera_to_world, sharp.views.camera_to_world)
    n = 16
    whole = torch.stack([torch.zeros(n, n, dtype=torch.int32), torch.full((n, n), n, dtype=torch.int32)])
    random = torch.Generator().manual_seed(0)
    volume, images = torch.rand(n, n, n, generator=random), torch.rand(scan.images.shape, generator=random)
    made = scan.projected(volume, whole)
    parts = [project(volume, whole, blurred.views[np.arange(k, len(three), 3)]) for k in range(3)]
    assert torch.allclose(made, 0.25 * parts[0] + 0.5 * parts[1] + 0.25 * parts[2], rtol=1e-5, atol=1e-6)
    assert not torch.allclose(made, sharp.projected(volume, whole), rtol=1e-2)
    assert float((made * images).sum()) == pytest.approx(float((volume * scan.back_projected(images, whole)).sum()), rel=1e-4)
    some = scan.some(np.array([1, 4]))
    assert torch.allclose(some.projected(volume, whole), made[[1, 4]])
