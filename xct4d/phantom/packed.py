"""An object as flat arrays, with bins that say which shapes are near a point.

The root of an object is a few groups. A group is a list of leaves under one
rule, in a cell that may repeat; its bins divide the cell, and each lists every
leaf that reaches into it, so a point or a ray meets few leaves.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np

from xct4d.errors import InputError
from xct4d.phantom.shapes import CYLINDER, GYROID, PARALLELEPIPED, SPHERE, Collection, Leaf, Tessellation

SUM, CLIPPED, GREEDY = range(3)  # rules: add; add and clip to [0, 1]; first positive, else 0
_UNBOUNDED = 1e6  # stands for infinity where a gyroid has no cell
_MOST_BINS = 48  # per axis


class Packed(NamedTuple):
    """G groups, B bins, L leaves."""

    rule: int  # of the groups together
    smooth: bool  # whether a leaf varies inside (voxels)
    group_rule: np.ndarray  # [G] int64
    group_bounds: np.ndarray  # [G, 2, 3] region filled
    group_origin: np.ndarray  # [G, 3] low corner of the cell
    group_bin: np.ndarray  # [G, 3] size of a bin
    group_bins: np.ndarray  # [G, 3] int64, bins per cell
    group_repeats: np.ndarray  # [G] bool
    group_first: np.ndarray  # [G] int64, first bin
    bin_first: np.ndarray  # [B + 1] int64, into bin_leaf
    bin_leaf: np.ndarray  # int64
    leaf_kind: np.ndarray  # [L] int64
    leaf_rho: np.ndarray  # [L]
    leaf: np.ndarray  # [L, PARAMETERS]
    leaf_voxels: np.ndarray  # [L, 4] int64: offset, nz, ny, nx
    voxels: np.ndarray  # float32, all volumes one after the other


def pack(tree: Leaf | Collection | Tessellation) -> Packed:
    """Flatten the tree of a parsed object. Raises InputError where collections nest too deep."""
    rule, groups = _groups(tree)
    leaves = [leaf for group in groups for leaf in group[1]]
    fields = {name: [] for name in ("rule", "bounds", "origin", "bin", "bins", "repeats", "first")}
    bin_first, bin_leaf, first_leaf = [0], [], 0
    for group_rule, members, cell, region in groups:
        low, high = cell
        lists, bins = _bins(members, low, high)
        values = (group_rule, region, low, (high - low) / bins, bins, region is not cell, len(bin_first) - 1)
        for name, value in zip(fields, values, strict=True):
            fields[name].append(value)
        for indices in lists:
            bin_leaf.extend(first_leaf + i for i in indices)
            bin_first.append(len(bin_leaf))
        first_leaf += len(members)
    volumes = [leaf.voxels for leaf in leaves if leaf.voxels is not None]
    offsets = iter(np.cumsum([0] + [v.size for v in volumes]))
    return Packed(
        rule, bool(volumes),
        np.array(fields["rule"], np.int64), np.array(fields["bounds"], np.float64), np.array(fields["origin"], np.float64),
        np.array(fields["bin"], np.float64), np.array(fields["bins"], np.int64), np.array(fields["repeats"], np.bool_),
        np.array(fields["first"], np.int64), np.array(bin_first, np.int64), np.array(bin_leaf, np.int64),
        np.array([leaf.kind for leaf in leaves], np.int64), np.array([leaf.rho for leaf in leaves], np.float64),
        np.array([leaf.parameters for leaf in leaves], np.float64),
        np.array([[0] * 4 if leaf.voxels is None else [next(offsets), *leaf.voxels.shape] for leaf in leaves], np.int64),
        np.concatenate([v.ravel() for v in volumes]) if volumes else np.zeros(1, np.float32),
    )  # fmt: skip


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
        grid = np.stack(np.meshgrid(*(np.arange(a, b + 1) for a, b in zip(first, last, strict=True)), indexing="ij"), axis=-1).reshape(-1, 3)
        near = _reaches(leaf, low + (grid + 0.5) * size, 0.5 * float(np.linalg.norm(size)) + float(slack.max()))
        for i, j, k in grid[near]:
            lists[(i * bins[1] + j) * bins[2] + k].append(index)
    return lists, bins


def _reaches(leaf: Leaf, points: np.ndarray, within: float) -> np.ndarray:
    """Whether a leaf may come that near to points [N, 3]; those are centres of bins in its bounding box."""
    p = leaf.parameters
    if leaf.kind == SPHERE:
        return np.linalg.norm(points - p[:3], axis=1) <= p[3] + within
    if leaf.kind == CYLINDER:
        along = np.clip((points - p[:3]) @ p[3:6], 0, p[6])
        return np.linalg.norm(points - p[:3] - along[:, None] * p[3:6], axis=1) <= p[7] + within
    return np.ones(len(points), bool)


@numba.njit(cache=True)
def leaf_density(packed, leaf, x, y, z):
    """Density of one leaf at a point of its cell."""
    kind = packed.leaf_kind[leaf]
    p = packed.leaf[leaf]
    if kind == SPHERE:
        within = (x - p[0]) ** 2 + (y - p[1]) ** 2 + (z - p[2]) ** 2 < p[3] * p[3]
    elif kind == CYLINDER:
        x, y, z = x - p[0], y - p[1], z - p[2]
        along = x * p[3] + y * p[4] + z * p[5]
        within = 0.0 <= along <= p[6] and (x - along * p[3]) ** 2 + (y - along * p[4]) ** 2 + (z - along * p[5]) ** 2 < p[7] * p[7]
    elif kind == PARALLELEPIPED:
        x, y, z = x - p[0], y - p[1], z - p[2]
        u = p[3] * x + p[4] * y + p[5] * z
        v = p[6] * x + p[7] * y + p[8] * z
        w = p[9] * x + p[10] * y + p[11] * z
        within = 0.0 < u < 1.0 and 0.0 < v < 1.0 and 0.0 < w < 1.0
    elif kind == GYROID:
        x, y, z = (x - p[0]) * p[3], (y - p[1]) * p[3], (z - p[2]) * p[3]
        value = math.sin(x) * math.cos(y) + math.sin(y) * math.cos(z) + math.sin(z) * math.cos(x)
        within = abs(value) < p[4]
    else:
        return _trilinear(packed.voxels, packed.leaf_voxels[leaf], x, y, z)
    return packed.leaf_rho[leaf] if within else 0.0


@numba.njit(cache=True)
def _cell_of(x, n):
    """Index of the lower neighbour and weight of the upper one, among n voxel centres over [-1, 1]; clamped outside them."""
    u = min(max((x + 1.0) * 0.5 * n - 0.5, 0.0), n - 1.0)
    i = min(int(u), n - 2)
    return i, u - i


@numba.njit(cache=True)
def _trilinear(voxels, place, x, y, z):
    if abs(x) > 1.0 or abs(y) > 1.0 or abs(z) > 1.0:
        return 0.0
    ny, nx = place[2], place[3]
    k, w = _cell_of(z, place[1])
    j, v = _cell_of(y, ny)
    i, u = _cell_of(x, nx)
    total = 0.0
    for c in range(2):
        for b in range(2):
            at = place[0] + ((k + c) * ny + j + b) * nx + i
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
    total = 0.0
    for g in range(len(packed.group_rule)):
        bounds = packed.group_bounds[g]
        if x < bounds[0, 0] or x > bounds[1, 0] or y < bounds[0, 1] or y > bounds[1, 1] or z < bounds[0, 2] or z > bounds[1, 2]:
            continue
        origin, size, bins, repeats = packed.group_origin[g], packed.group_bin[g], packed.group_bins[g], packed.group_repeats[g]
        i, shift_x = _locate(x - origin[0], size[0], bins[0], repeats)
        j, shift_y = _locate(y - origin[1], size[1], bins[1], repeats)
        k, shift_z = _locate(z - origin[2], size[2], bins[2], repeats)
        index = packed.group_first[g] + (i * bins[1] + j) * bins[2] + k
        value = group_density(packed, g, index, x - shift_x, y - shift_y, z - shift_z)
        if packed.rule == GREEDY and value > 0.0:
            return value
        total += value
    return total if packed.rule == SUM else min(max(total, 0.0), 1.0)


@numba.njit(cache=True)
def group_density(packed, g, index, x, y, z):
    """Density of a group at a point of its cell, given the point's bin."""
    rule = packed.group_rule[g]
    value = 0.0
    for entry in range(packed.bin_first[index], packed.bin_first[index + 1]):
        rho = leaf_density(packed, packed.bin_leaf[entry], x, y, z)
        if rule == GREEDY and rho > 0.0:
            return rho
        value += rho
    return value if rule == SUM else min(max(value, 0.0), 1.0)
