"""An object as flat arrays for compiled functions, with bins that tell which shapes are near a point.

An object is a list of groups. A group is a list of leaves (single shapes or
voxel volumes) in a cell, which may be repeated over a region; a rule tells how
the leaves' densities combine. The cell is divided into bins, and each bin lists
the leaves that overlap it, so that few leaves are evaluated for a point.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from xct4d.compilation import numba
from xct4d.errors import InputError
from xct4d.phantom.shapes import CYLINDER, PARALLELEPIPED, SPHERE, VOXELS, Collection, Leaf, Tessellation

SUM, CLIPPED, GREEDY = range(3)  # rules: the sum; the sum clipped to [0, 1]; the first positive density, else 0
_UNBOUNDED = 1e6  # stands for infinity where a gyroid has no cell
_MOST_BINS = 48  # per axis


# columns of a group and of a leaf
RULE, LOW, HIGH, ORIGIN, BIN, BINS, REPEATS, FIRST = 0, 1, 4, 7, 10, 13, 16, 17
KIND, RHO, OFFSET, SIZE, SHAPE = 0, 1, 2, 3, 6


class Packed(NamedTuple):
    """An object of G groups and L leaves.

    Numbers of one kind share an array, as handing an array to a compiled
    function costs time at every call.
    """

    rule: int  # by which the densities of the groups combine
    smooth: bool  # whether the object has voxels, between whose centres the density varies
    kinked: bool  # whether the rules clip or choose among densities that vary: a ray's density is then only piecewise a cubic
    groups: np.ndarray  # [G, 18]: rule, low and high corner of the region, low corner of the cell, size of a bin, bins per axis, whether it repeats, first bin
    bins: np.ndarray  # int64: the leaves of bin b are bins[bins[b] : bins[b + 1]]
    leaves: np.ndarray  # [L, 6 + PARAMETERS]: kind, density, offset into voxels, nz, ny, nx, parameters
    voxels: np.ndarray  # float32, all volumes one after the other


def pack(tree: Leaf | Collection | Tessellation) -> Packed:
    """Flatten the tree of a parsed object and read its voxels. Raises InputError where collections nest too deep or voxels are bad."""
    rule, described = _groups(tree)
    groups, lists, leaves, volumes = [], [], [], []
    for group_rule, members, cell, region in described:
        (low, high), first = cell, len(lists)
        in_bins, bins = _bins(members, low, high)
        lists += [[len(leaves) + i for i in indices] for indices in in_bins]
        groups.append([group_rule, *region.ravel(), *low, *(high - low) / bins, *bins, region is not cell, first])
        for leaf in members:
            volume = np.zeros((0, 0, 0), np.float32) if leaf.voxels is None else leaf.voxels.read()
            leaves.append([leaf.kind, leaf.rho, sum(v.size for v in volumes), *volume.shape, *leaf.parameters])
            if volume.size:
                volumes.append(volume.ravel())
    counts = [len(indices) for indices in lists]
    starts = np.cumsum([len(lists) + 1, *counts])
    return Packed(
        rule=rule,
        smooth=bool(volumes),
        kinked=bool(volumes) and (rule != SUM or any(group[RULE] != SUM for group in groups)),
        groups=np.array(groups, np.float64),
        bins=np.concatenate([starts, *(np.array(indices, np.int64) for indices in lists)]).astype(np.int64),
        leaves=np.array(leaves, np.float64),
        voxels=volumes[0] if len(volumes) == 1 else np.concatenate(volumes or [np.zeros(1, np.float32)]),
    )


def _groups(tree: Leaf | Collection | Tessellation) -> tuple[int, list[tuple]]:
    """Rule of the root, and for each group: its rule, leaves, cell (low, high), region (the cell itself where it does not repeat)."""
    if isinstance(tree, Leaf):
        return SUM, [_plain(SUM, [tree])]
    if isinstance(tree, Tessellation):
        return SUM, [_repeated(tree)]
    rule = GREEDY if tree.greedy else CLIPPED
    if all(isinstance(member, Leaf) for member in tree.members):
        return SUM, [_plain(rule, tree.members)]
    groups, run = [], []
    for member in [*tree.members, None]:
        if isinstance(member, Leaf):
            run.append(member)
            continue
        if run:  # neighbours in the list: their order matters to the greedy rule
            groups.append(_plain(GREEDY if tree.greedy else SUM, run))
            run = []
        if isinstance(member, Tessellation):
            groups.append(_repeated(member))
        elif member is not None:
            inner_rule, inner = _groups(member)
            if inner_rule != SUM:
                raise InputError("collections nest too deep", where="objects", fix="keep an inner collection to single shapes")
            groups += inner
    return rule, groups


def _plain(rule: int, leaves: list[Leaf]) -> tuple:
    low = np.maximum(np.min([leaf.low for leaf in leaves], axis=0), -_UNBOUNDED)
    high = np.minimum(np.max([leaf.high for leaf in leaves], axis=0), _UNBOUNDED)
    cell = np.array([low, high])
    return rule, leaves, cell, cell


def _repeated(tree: Tessellation) -> tuple:
    return GREEDY, tree.cell.members, np.array([tree.cell_low, tree.cell_high]), np.array([tree.low, tree.high])


def _bins(leaves: list[Leaf], low: np.ndarray, high: np.ndarray) -> tuple[list[list[int]], np.ndarray]:
    """Indices of the leaves in each bin (x slowest, z fastest), and the bins per axis."""
    extent = high - low
    if len(leaves) <= 4 or extent.max() >= _UNBOUNDED:
        return [list(range(len(leaves)))], np.ones(3, np.int64)
    edge = 0.5 * float(np.cbrt(extent.prod() / len(leaves)))
    bins = np.clip(np.ceil(extent / edge), 1, _MOST_BINS).astype(np.int64)
    size = extent / bins
    lists: list[list[int]] = [[] for _ in range(int(bins.prod()))]
    slack = 1e-9 * extent  # a point on a bin's face may be counted to either side
    for index, leaf in enumerate(leaves):
        first = np.clip(np.floor((leaf.low - low - slack) / size), 0, bins - 1).astype(int)
        last = np.clip(np.floor((leaf.high - low + slack) / size), 0, bins - 1).astype(int)
        grid = np.stack(np.meshgrid(*(np.arange(a, b + 1) for a, b in zip(first, last, strict=True)), indexing="ij"), axis=-1).reshape(
            -1, 3
        )
        near = _within_distance(leaf, low + (grid + 0.5) * size, 0.5 * float(np.linalg.norm(size)) + float(slack.max()))
        for i, j, k in grid[near]:
            lists[(i * bins[1] + j) * bins[2] + k].append(index)
    return lists, bins


def _within_distance(leaf: Leaf, points: np.ndarray, within: float) -> np.ndarray:
    """[N] bool: whether a leaf may be nearer than `within` to points [N, 3], the centres of bins that its bounding box overlaps."""
    p = leaf.parameters
    if leaf.kind == SPHERE:
        return np.linalg.norm(points - p[:3], axis=1) <= p[3] + within
    if leaf.kind == CYLINDER:
        along = np.clip((points - p[:3]) @ p[3:6], 0, p[6])
        return np.linalg.norm(points - p[:3] - along[:, None] * p[3:6], axis=1) <= p[7] + within
    return np.ones(len(points), bool)


# The functions below index arrays element by element, as a slice would take longer than the arithmetic.


@numba.njit(cache=True)
def leaf_density(packed, leaf, x, y, z):
    """Density of one leaf at a point of its cell."""
    p = packed.leaves
    kind = p[leaf, KIND]
    if kind == VOXELS:
        return _trilinear(packed.voxels, p, leaf, x, y, z)
    a = SHAPE
    x, y, z = x - p[leaf, a], y - p[leaf, a + 1], z - p[leaf, a + 2]
    if kind == SPHERE:
        within = x * x + y * y + z * z < p[leaf, a + 3] ** 2
    elif kind == CYLINDER:
        along = x * p[leaf, a + 3] + y * p[leaf, a + 4] + z * p[leaf, a + 5]
        x, y, z = x - along * p[leaf, a + 3], y - along * p[leaf, a + 4], z - along * p[leaf, a + 5]
        within = 0.0 <= along <= p[leaf, a + 6] and x * x + y * y + z * z < p[leaf, a + 7] ** 2
    elif kind == PARALLELEPIPED:
        u = p[leaf, a + 3] * x + p[leaf, a + 4] * y + p[leaf, a + 5] * z
        v = p[leaf, a + 6] * x + p[leaf, a + 7] * y + p[leaf, a + 8] * z
        w = p[leaf, a + 9] * x + p[leaf, a + 10] * y + p[leaf, a + 11] * z
        within = 0.0 < u < 1.0 and 0.0 < v < 1.0 and 0.0 < w < 1.0
    else:
        x, y, z = x * p[leaf, a + 3], y * p[leaf, a + 3], z * p[leaf, a + 3]
        value = math.sin(x) * math.cos(y) + math.sin(y) * math.cos(z) + math.sin(z) * math.cos(x)
        within = abs(value) < p[leaf, a + 4]
    return p[leaf, RHO] if within else 0.0


@numba.njit(cache=True)
def _cell_of(x, n, on_faces):
    """Index of the lower neighbour and weight of the upper one, among n voxel centres over [-1, 1], or n points from face to face; clamped outside them."""
    u = (x + 1.0) * 0.5 * (n - 1.0) if on_faces else (x + 1.0) * 0.5 * n - 0.5
    u = min(max(u, 0.0), n - 1.0)
    i = min(int(u), n - 2)
    return i, u - i


@numba.njit(cache=True)
def _trilinear(voxels, leaves, leaf, x, y, z):
    if abs(x) > 1.0 or abs(y) > 1.0 or abs(z) > 1.0:
        return 0.0
    nz, ny, nx = int(leaves[leaf, SIZE]), int(leaves[leaf, SIZE + 1]), int(leaves[leaf, SIZE + 2])
    on_faces = leaves[leaf, SHAPE] > 0.0
    k, w = _cell_of(z, nz, on_faces)
    j, v = _cell_of(y, ny, on_faces)
    i, u = _cell_of(x, nx, on_faces)
    total = 0.0
    for c in range(2):
        for b in range(2):
            at = int(leaves[leaf, OFFSET]) + ((k + c) * ny + j + b) * nx + i
            row = voxels[at] * (1.0 - u) + voxels[at + 1] * u
            total += row * (v if b else 1.0 - v) * (w if c else 1.0 - w)
    return total


@numba.njit(cache=True)
def _locate(x, size, bins, repeats):
    """Bin of a coordinate (from the cell's low corner) along one axis, and the shift from the first cell to its own."""
    i = math.floor(x / size)
    if not repeats:
        return min(max(i, 0), bins - 1), 0.0
    turns = i // bins
    return i - turns * bins, turns * (bins * size)


@numba.njit(cache=True)
def density_at(packed, x, y, z):
    """Density of the object at a point."""
    p = packed.groups
    total = 0.0
    for g in range(len(p)):
        if x < p[g, LOW] or x > p[g, HIGH] or y < p[g, LOW + 1] or y > p[g, HIGH + 1] or z < p[g, LOW + 2] or z > p[g, HIGH + 2]:
            continue
        repeats = p[g, REPEATS] > 0.0
        ny, nz = int(p[g, BINS + 1]), int(p[g, BINS + 2])
        i, shift_x = _locate(x - p[g, ORIGIN], p[g, BIN], int(p[g, BINS]), repeats)
        j, shift_y = _locate(y - p[g, ORIGIN + 1], p[g, BIN + 1], ny, repeats)
        k, shift_z = _locate(z - p[g, ORIGIN + 2], p[g, BIN + 2], nz, repeats)
        index = int(p[g, FIRST]) + (i * ny + j) * nz + k
        value = _group_density(packed, p[g, RULE], index, x - shift_x, y - shift_y, z - shift_z)
        if packed.rule == GREEDY and value > 0.0:
            return value
        total += value
    return total if packed.rule == SUM else min(max(total, 0.0), 1.0)


@numba.njit(cache=True)
def _group_density(packed, rule, index, x, y, z):
    """Density of a group at a point of its cell, given the point's bin."""
    value = 0.0
    for entry in range(packed.bins[index], packed.bins[index + 1]):
        rho = leaf_density(packed, packed.bins[entry], x, y, z)
        if rule == GREEDY and rho > 0.0:
            return rho
        value += rho
    return value if rule == SUM else min(max(value, 0.0), 1.0)
