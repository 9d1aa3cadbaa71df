"""evaluate: volumes compared slab by slab, held-out projections predicted by the trained model."""

import math

from xct4d.workflow.needs import arrays, costs
from xct4d.workflow.workload import Workload

OCCUPIED = 0.3  # part of a held-out ray's samples that lies in occupied cells
PASSES = 200  # of SIRT over all pixels
RAY_STEP = 2e-3  # microseconds that a ray spends in a voxel
SCORED_PIXELS = 2**18  # of a projection, at most, as in analysis.projection_scores


def memory(work: Workload) -> float:
    classical = 4 * (6 * work.config.evaluate.resolution**3 + 4 * work.prepared_pixels) if work.config.evaluate.classical else 0
    return shown(work) + arrays.true_object(work) + 6 * work.region_voxels + classical  # float32 when read, then bool


def shown(work: Workload) -> float:
    """Without the truth: what evaluate and report have in common."""
    n = work.config.evaluate.resolution
    material = 24 * n**3  # float64 points where the material is, half the box
    return arrays.trained_model(work.config) + 150 * max(arrays.SLAB, n**2) + material + 100 * arrays.MB + arrays.prepared(work)


def microseconds(work: Workload) -> float:
    pixels = work.prepared_pixels / work.projections
    samples = math.sqrt(pixels)  # a ray has as many as the image has pixels along a side
    scored = work.projections if work.config.evaluate.trained_projections else work.held_out
    predicted = scored * min(pixels, SCORED_PIXELS) * samples * OCCUPIED
    passes = PASSES * work.prepared_pixels * work.config.evaluate.resolution if work.config.evaluate.classical else 0
    return (work.scored_times * work.config.evaluate.resolution**3 + predicted) * costs.VOXEL + passes * RAY_STEP
