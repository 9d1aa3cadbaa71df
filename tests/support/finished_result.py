"""A finished result with fields and a motion that are known, made without any training."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from xct4d.config import Analyse, Export, HashGrid, Mixing
from xct4d.directions import SCAN_TIME
from xct4d.fields.density import DensityField
from xct4d.fields.flatfield import FlatField
from xct4d.fields.trained_model import TrainedModel
from xct4d.fields.velocity import VelocityField
from xct4d.quantities import ANALYSED, OF_TWO_SCANS
from xct4d.report import result_record
from xct4d.report.result_record import ResultRecord
from xct4d.stages.analyse import analyse
from xct4d.stages.export import export
from xct4d.stages.trust import save_motions
from xct4d.units import Scale

DRIFT = np.array([0.2, -0.1, 0.05])  # world units from t = 0 to t = 1, everywhere: a steady motion
TIMES = (0.0, 0.5, 1.0)
RESOLUTION = 12
RECONSTRUCTIONS = ("mixed", "forward", "backward")
HISTORY = {"step": [0, 10, 20], "loss": [1e-1, 1e-2, 2e-3], "held_out_psnr": [[10, 25.0], [20, 31.5]]}
METRICS = {"resolution": RESOLUTION, "times": [{"time": t, "self_correlation": 0.9 + t / 20} for t in TIMES]}
CONFIGURATION = {"seed": 7, "export": {"resolution": RESOLUTION}}


def canonical(folder: Path, seed: int) -> None:
    """A field of random numbers that differs from place to place."""
    folder.mkdir(parents=True)
    field = DensityField(HashGrid(levels=2, log2_size=8, coarsest=4, finest=8, width=8))
    generator = torch.Generator().manual_seed(seed)
    field.initialise(generator)
    with torch.no_grad():
        field.table.uniform_(-3, 3, generator=generator)
    field.save(folder / "field.safetensors")
    FlatField.constant(1.0).save(folder / "flatfield.safetensors")
    (folder / "history.json").write_text(json.dumps(HISTORY))


def drift(folder: Path) -> None:
    """The velocity field of the steady motion."""
    folder.mkdir(parents=True)
    field = VelocityField(5, 4, longest_step=0.25, solver="midpoint")
    with torch.no_grad():
        field.control[:] = torch.from_numpy(DRIFT)
    field.save(folder / "field.safetensors")
    FlatField.constant(1.0).save(folder / "flatfield.safetensors")
    (folder / "history.json").write_text(json.dumps(HISTORY))


def make(
    results: Path,
    name: str = "balls",
    *,
    static: bool = False,
    scale: Scale = Scale(),  # noqa: B008 - frozen
    shared: str | None = None,
    first_scan: int = 0,
) -> Path:
    """Folder of a dataset's results, all stages beside each other, or of a variant whose canonicals are in the folder of `shared`.

    first_scan: number of the scan at t = 0; equal numbers are equal fields.
    """
    root, home = results / name, results / (shared or name)
    directions = ("forward",) if static else tuple(SCAN_TIME)
    for seed, direction in enumerate(directions, first_scan):
        canonical(home / "canonical" / direction, seed)
    model = TrainedModel(forward=home / "canonical/forward")
    training = {f"canonical {direction}": home / "canonical" / direction for direction in directions}
    if not static:
        drift(root / "velocity/5")
        training["velocity 5"] = root / "velocity/5"
        mixing = Mixing(method="temporal")
        model = TrainedModel(forward=model.forward, backward=home / "canonical/backward", velocity=root / "velocity/5", mixing=mixing)
    times, kinds = ((0.0,), ("forward",)) if static else (TIMES, RECONSTRUCTIONS)
    volumes = {(kind, t): root / "volumes" / kind / f"t{t:.4f}.zarr" for t in times for kind in kinds}
    quantities = () if static else ANALYSED
    derived = {(name, t): root / "motion" / name / f"t{t:.4f}.zarr" for name in quantities for t in times}
    for t in times:
        export(model=model, settings=Export(resolution=RESOLUTION), t=t, scale=scale, outputs={kind: volumes[kind, t] for kind in kinds})
    if not static:
        (root / "trust").mkdir()
        save_motions(
            root / "trust",
            VelocityField.load(root / "velocity/5/field.safetensors"),
            [np.full((4, 5, 5, 5, 3), sign * 0.01) for sign in (1, -1)],
        )
        (root / "trust/trust.json").write_text(json.dumps({"times": [0.25, 0.5, 0.75], "normalised_residual": [1.0, 1.0, 1.0]}))
    for t in times if not static else ():
        outputs = {name: derived[name, t] for name in ANALYSED}
        analyse(model=model, trust=root / "trust", settings=Analyse(resolution=RESOLUTION), t=t, scale=scale, outputs=outputs)
    (root / "evaluation").mkdir()
    (root / "evaluation/metrics.json").write_text(json.dumps(METRICS))
    record = ResultRecord(
        dataset=name, model=model, scale=scale, volumes={**volumes, **derived}, evaluation=root / "evaluation",
        trust=None if static else root / "trust", training=training,
        configuration=CONFIGURATION,
    )  # fmt: skip
    (root / "report").mkdir()
    record.save(root / "report" / result_record.NAME, beside=root / "report")
    return root


def without_second_scan(results: Path, name: str) -> Path:
    """Folder of a result beside that of `name`, as it would be had the dataset no second scan."""
    record = ResultRecord.load(results / name / "report" / result_record.NAME)
    model = TrainedModel(forward=record.model.forward, velocity=record.model.velocity)
    kept = {(own, t): path for (own, t), path in record.volumes.items() if own not in ("mixed", "backward", *OF_TWO_SCANS)}
    root = results / "followed"
    (root / "report").mkdir(parents=True)
    followed = replace(record, dataset="followed", model=model, volumes=kept, trust=None)
    followed.save(root / "report" / result_record.NAME, beside=root / "report")
    return root
