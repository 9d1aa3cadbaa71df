"""trust: how far the data determine the motion, and how well the motion explains each projection in between."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from xct4d.config import Trust
from xct4d.directions import Direction
from xct4d.fields.flatfield import FlatField
from xct4d.fields.velocity import VelocityField
from xct4d.io import prepared, strict_json
from xct4d.io.atomic import atomic_folder
from xct4d.io.prepared import Frames
from xct4d.motion.expected_residual import expected_residual
from xct4d.motion.path import COARSEST, SOLIDITY_WEIGHT, fineness
from xct4d.motion.posterior import FINENESS, MOST_TIMES, Posterior
from xct4d.motion.projections import Projections, projections_between
from xct4d.motion.scans import baked_volumes
from xct4d.motion.sequence import SequenceFit
from xct4d.progress import say, track
from xct4d.selection import evenly_spaced


def trust(
    settings: Trust,
    frames_folders: Mapping[str, Path],
    canonicals: Mapping[Direction, Path],
    velocity: Path,
    output: Path,
    *,
    seed: int = 0,
) -> None:
    """Write fitted.safetensors, sample_<k>.safetensors (samples of the motion's posterior), and trust.json.

    frames_folders: prepared projections of each state. canonicals, velocity:
    output folders of these stages, of the finest level. trust.json holds for
    each time of the sequence the normalised residual: what the carried scans
    leave of its projections, root mean square, over what the scans leave of
    their own. About 1 where the motion is right; what is larger was not
    explained. Raises InputError where an input cannot be read.
    """
    scans = baked_volumes(canonicals)
    frames = {state: prepared.load(folder) for state, folder in frames_folders.items()}
    field, flat_field = VelocityField.load(velocity / "field.safetensors"), FlatField.load(velocity / "flatfield.safetensors")
    sequence = projections_between(frames["between"], flat_field.level) if "between" in frames else []
    record = {"times": [p.time for p in sequence], "normalised_residual": normalised_residual(scans, frames, canonicals, sequence, field)}
    if sequence:
        say(f"trust: the sequence's residual is {np.median(record['normalised_residual']):.2f} times that of the scans")
    fitted = field.refined(COARSEST) if field.resolution != COARSEST else field
    base = fitted.control.detach().double().numpy()
    some = [sequence[k] for k in evenly_spaced(len(sequence), MOST_TIMES)]
    fit = SequenceFit(scans, some, base, field.law, FINENESS, bending_weight=0.0, solidity_weight=SOLIDITY_WEIGHT)
    posterior, random, samples = Posterior(fit, base), np.random.default_rng(seed), []
    with track("trust: samples", settings.samples) as progress:
        for _ in range(settings.samples):
            samples.append(posterior.sample(random))
            progress.advance()
    with atomic_folder(output) as folder:
        save_motions(folder, fitted, samples)
        (folder / "trust.json").write_text(strict_json.dumps(record))


def save_motions(folder: Path, fitted: VelocityField, samples: list[np.ndarray]) -> None:
    """Write fitted.safetensors and sample_<k>.safetensors. samples: differences of control points from the fitted motion."""
    fitted.save(folder / "fitted.safetensors")
    base = fitted.control.detach().clone()
    for k, difference in enumerate(samples):
        with torch.no_grad():
            fitted.control.copy_(base + torch.from_numpy(difference.astype(np.float32)))
        fitted.save(folder / f"sample_{k}.safetensors")


def normalised_residual(
    scans: tuple[np.ndarray, np.ndarray],
    frames: Mapping[str, Frames],
    canonicals: Mapping[Direction, Path],
    sequence: list[Projections],
    field: VelocityField,
) -> list[float]:
    """Of each time of the sequence: what is left of its projections, over what the right motion would leave."""
    if not sequence:
        return []
    seen = fineness(COARSEST)
    motion = field.control.detach().double().numpy()
    fit = SequenceFit(scans, sequence, np.zeros_like(motion), field.law, seen, bending_weight=0.0)
    return (fit.residual_by_time(motion) / expected_residual(scans, frames, canonicals, sequence, field.law, seen)).tolist()
