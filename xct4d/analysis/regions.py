"""Regions of the material at t = 0, as points that are followed, and what is said of them: mean, spread, histogram."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
import torch
from torch import Tensor

from xct4d.analysis.tracking import Followed, Paths
from xct4d.analysis.uncertainty import attenuation_on_grid
from xct4d.errors import InputError
from xct4d.fields.evolution import Evolution
from xct4d.fields.material import is_solid
from xct4d.geometry.box import grid_points, voxel_centres
from xct4d.io.voxels import load_voxels

PER_AXIS = 20  # points of a box
MOST_POINTS = 8000  # of a label, evenly chosen of its voxels
LABEL_FILES = (".npy", ".npz", ".tif", ".tiff")
BINS = 40  # of a histogram


@dataclass(frozen=True)
class Region:
    """Points [N, 3] (world units) of the material at t = 0."""

    name: str
    points: np.ndarray


def box_region(evolution: Evolution, name: str, low: np.ndarray, high: np.ndarray) -> Region:
    """The solid material between two corners [3] (world units). Raises InputError where there is none."""
    axes = [(low[i] + (high[i] - low[i]) * (np.arange(PER_AXIS) + 0.5) / PER_AXIS) for i in (2, 1, 0)]
    points = grid_points(*axes)
    own = evolution.result(torch.from_numpy(points).float(), 0.0).numpy()
    everywhere = attenuation_on_grid(evolution, 0.0).ravel()  # what is solid is measured by the whole sample
    solid = is_solid(np.concatenate([everywhere, own]))[len(everywhere) :]
    if not solid.any():
        raise InputError("holds no solid material at t = 0", where=name, fix="move or enlarge the box")
    return Region(name, points[solid])


def label_regions(path: Path) -> list[Region]:
    """A region for each whole number above 0 in a volume over the box at t = 0, named by it.

    .npy and the array `vol` of .npz are (x, y, z), .tif is a stack (z, y, x).
    Raises InputError where the file is no such volume or has no labels.
    """
    labels = _volume(path)
    numbers = [number for number in np.unique(labels).tolist() if number > 0]
    if not numbers:
        raise InputError("has no labels: whole numbers above 0", where=path)
    axes = [voxel_centres(n) for n in labels.shape]
    regions = []
    for number in numbers:
        where = np.argwhere(labels == number)
        where = where[np.linspace(0, len(where) - 1, min(len(where), MOST_POINTS)).round().astype(int)]
        regions.append(Region(f"{number:g}", np.stack([axes[axis][where[:, axis]] for axis in (2, 1, 0)], 1)))
    return regions


def _volume(path: Path) -> np.ndarray:
    """Labels [z, y, x]."""
    if not path.is_file():
        raise InputError("does not exist", where=path)
    if path.suffix.lower() in (".npy", ".npz"):
        return load_voxels(path)
    try:
        labels = tifffile.imread(path)
    except (OSError, ValueError, tifffile.TiffFileError) as error:
        raise InputError(f"cannot be read ({error})", where=path) from None
    if labels.ndim != 3:
        raise InputError(f"has the shape {labels.shape}", where=path, fix="give a stack of images: a volume (z, y, x)")
    return labels


@dataclass(frozen=True)
class Statistics:
    """A measure in regions over time, each [T, R]."""

    mean: Tensor
    spread: Tensor  # standard deviation among the points of the region
    deviation: Tensor  # of the mean, among the motions that the data leave open


def statistics(followed: Followed, counts: Sequence[int], measure: str) -> Statistics:
    """Of a measure of `Paths.strained` at the points of regions, one region after the other. Folded material does not count."""

    def means(paths: Paths) -> Tensor:
        return torch.stack([part.nanmean(1) for part in paths.strained()[measure].split(list(counts), 1)], 1)

    values = followed.paths.strained()[measure]
    mean = means(followed.paths)
    square = torch.stack([part.square().nanmean(1) for part in values.split(list(counts), 1)], 1)
    return Statistics(mean, (square - mean.square()).clamp(min=0).sqrt(), followed.deviation(means))


def histograms(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(edges [BINS + 1], the same at all times; parts of the points in each bin [T, BINS]) of values [T, N]."""
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    edges = np.linspace(low, high if high > low else low + 1e-6, BINS + 1)
    return edges, np.stack([np.histogram(row[np.isfinite(row)], edges)[0] / max(np.isfinite(row).sum(), 1) for row in values])
