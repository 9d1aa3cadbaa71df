"""Displacement and strain beside digital volume correlation, on the same pair of volumes and scored against the truth.

    python -m benchmarks.strain results/lattice [--window 7] [--spacing 6] [--search 6] [--cores 1]

The folder is the finished result of a scene, with `forward` exported at t = 0
and `backward` at t = 1. These two volumes, each of one scan, are given to spam
(https://www.spam-project.dev, `pip install spam`): registration of the whole,
a search by voxels from there, local correlation in cubic windows, nodes that
contradict their neighbours left out. F at a node is the slope of the plane
through its neighbours' displacements (Geers et al. 1996). This program had the
projections in between as well. Both are compared with the scene's motion at
those nodes in material where spam converged, and this program also where it
did not.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import resource
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.spatial import KDTree

import xct4d
from xct4d.analysis.strain import Deformation
from xct4d.fields.material import is_true_material
from xct4d.geometry.box import voxel_centres
from xct4d.phantom.truth import Phantom

STEP = 1e-4  # world units: of the differences that give the true deformation gradient
CONVERGED = 2  # spam's return status
COHERENT = 0.1  # below it a node moves as its neighbours do, which is the usual test of outliers (Masullo and Theunissen 2016)


@dataclass(frozen=True)
class Motion:
    """What became of material points from t = 0 to t = 1, in world units."""

    displacement: np.ndarray  # [N, 3] x, y, z
    gradient: np.ndarray  # [N, 3, 3] F = dx/dX

    def at(self, which: np.ndarray) -> Motion:
        return Motion(self.displacement[which], self.gradient[which])


def true_motion(phantom: Phantom, points: np.ndarray) -> Motion:
    """Of a scene, at points [N, 3] of t = 0."""
    steps = STEP * np.eye(3)
    columns = [(phantom.flow(points + step, 0.0, 1.0) - phantom.flow(points - step, 0.0, 1.0)) / (2 * STEP) for step in steps]
    return Motion(phantom.flow(points, 0.0, 1.0) - points, np.stack(columns, -1))


def found_motion(result: xct4d.Result, points: np.ndarray) -> Motion:
    """Of a result, at points [N, 3] of t = 0."""
    there, gradient = result.model.flow_with_gradient(torch.from_numpy(points).float(), 0.0, 1.0)
    return Motion(there.double().numpy() - points, gradient.double().numpy())


def correlated(first: np.ndarray, second: np.ndarray, options: argparse.Namespace) -> tuple[np.ndarray, Motion, np.ndarray]:
    """Of spam: (its nodes as indices [N, 3] along z, y, x; their motion; where it converged, outliers left out [N] bool)."""
    import spam.DIC

    window = np.full(3, options.window)
    nodes, _ = spam.DIC.makeGrid(first.shape, options.spacing)
    whole = spam.DIC.registerMultiscale(first, second, 4, margin=first.shape[0] // 16)
    start = whole["Phi"].copy() if whole["returnStatus"] == CONVERGED else np.eye(4)
    guess = spam.DIC.applyRegistrationToPoints(start, (np.array(first.shape) - 1) / 2, nodes, applyF="all", nProcesses=options.cores)
    search = np.array([-options.search, options.search] * 3)
    faintest = 0.02 * first.max()  # of a window's mean: emptier ones are left out
    near, *_ = spam.DIC.pixelSearchLocal(
        first, second, window, search, nodes, PhiField=guess, greyLowThresh=faintest, numProc=options.cores
    )
    phi, status, *_ = spam.DIC.ldic(first, second, nodes, window, PhiField=near, greyThreshold=[faintest, np.inf], processes=options.cores)
    converged = status == CONVERGED
    coherency = spam.DIC.estimateLocalQuadraticCoherency(
        nodes[converged], phi[converged, :3, 3], neighbourRadius=3 * options.spacing, nProcesses=options.cores
    )
    converged[converged] = coherency < COHERENT
    moved = np.where(converged[:, None], phi[:, :3, 3], np.nan)
    gradient = fitted_gradient(nodes, moved, 1.8 * options.spacing)
    return nodes.astype(int), Motion(moved[:, ::-1] * 2 / first.shape[0], gradient[:, ::-1, ::-1]), converged


def fitted_gradient(nodes: np.ndarray, moved: np.ndarray, radius: float) -> np.ndarray:
    """F [N, 3, 3] of displacements [N, 3], each from the plane through those of the nodes within a radius (least squares); NaN where these are too few."""
    known = np.flatnonzero(np.isfinite(moved).all(1))
    gradient = np.full((len(nodes), 3, 3), np.nan)
    for node, near in zip(known, KDTree(nodes[known]).query_ball_point(nodes[known], radius), strict=True):
        places = nodes[known[near]] - nodes[node]
        if np.linalg.matrix_rank(places - places.mean(0)) == 3:
            slopes = np.linalg.lstsq(np.column_stack([np.ones(len(places)), places]), moved[known[near]], rcond=None)[0][1:]
            gradient[node] = np.eye(3) + slopes.T
    return gradient


def errors(found: Motion, true: Motion) -> dict[str, float]:
    """Mean length of the error of displacement, and mean absolute errors of equivalent strain and volume change, of those that are known."""
    strains = [Deformation(torch.from_numpy(np.ascontiguousarray(motion.gradient)).float()) for motion in (found, true)]
    equivalent, jacobian = (
        np.abs(own.numpy() - known.numpy())
        for own, known in ((strains[0].equivalent, strains[1].equivalent), (strains[0].jacobian, strains[1].jacobian))
    )
    return {
        "displacement": float(np.nanmean(np.linalg.norm(found.displacement - true.displacement, axis=1))),
        "equivalent strain": float(np.nanmean(equivalent)),
        "J": float(np.nanmean(jacobian)),
    }


def cpu_seconds() -> float:
    """CPU time of this process and of those that it has started and seen end."""
    own, theirs = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + theirs.ru_utime + theirs.ru_stime


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.strain", description=__doc__.split("\n")[0])
    parser.add_argument("result", type=Path, help="finished result of a scene")
    parser.add_argument("--window", type=int, default=7, help="voxels from a window's centre to its faces (%(default)s)")
    parser.add_argument("--spacing", type=int, default=6, help="voxels between nodes (%(default)s)")
    parser.add_argument("--search", type=int, default=6, help="voxels around the registration of the whole that are searched (%(default)s)")
    parser.add_argument("--cores", type=int, default=1, help="processes of spam (%(default)s)")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    result = xct4d.open(options.result, units="world")
    phantom = Phantom.load(options.result / "simulated" / "scene.yaml")
    first, second = (result.volume(kind, t)[:] for kind, t in (("forward", 0.0), ("backward", 1.0)))
    start = cpu_seconds()
    with contextlib.redirect_stdout(io.StringIO()):
        nodes, dvc, converged = correlated(first, second, options)
    seconds = cpu_seconds() - start
    points = np.ascontiguousarray(voxel_centres(first.shape[0])[nodes][:, ::-1])
    density = phantom.density(points, 0.0)
    material = is_true_material(density, float(density.max()))
    true = true_motion(phantom, points)
    still = Motion(np.zeros_like(points), np.broadcast_to(np.eye(3), (len(points), 3, 3)))
    rows = {"nothing moves": still, "xct4d": found_motion(result, points), "spam": dvc}
    print(
        f"{len(first)}^3 voxels; {material.sum()} nodes in material, spam converged at {(material & converged).sum()} ({seconds:.0f} CPU s)"
    )
    for where, which in {"where spam converged": material & converged, "where it did not": material & ~converged}.items():
        print(f"\n| {which.sum()} nodes {where} | displacement | equivalent strain | J |\n|---|---|---|---|")
        for name, motion in rows.items() if which.any() else ():
            if name != "spam" or "not" not in where:
                print(f"| {name} | " + " | ".join(f"{value:.4f}" for value in errors(motion.at(which), true.at(which)).values()) + " |")


if __name__ == "__main__":
    main()
