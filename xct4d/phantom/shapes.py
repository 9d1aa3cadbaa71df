"""Object descriptions, in the format of the reference program's renderer.

A description is a mapping with `type`: sphere, cube, box, cylinder,
parallelepiped, gyroid, voxel_grid, object_collection, unit_cell or
tessellated_obj_coll. `parse` checks it and returns a tree of the three classes
below; `packed.pack` makes the tree fit for fast evaluation.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xct4d.errors import InputError
from xct4d.io.mapping_files import read_mapping
from xct4d.io.paths import safe_path
from xct4d.io.voxels import RAW_TYPES, Voxels, open_voxels
from xct4d.phantom.description import Description

if TYPE_CHECKING:
    from xct4d.io.ome_voxels import OmeVoxels

SPHERE, PARALLELEPIPED, CYLINDER, GYROID, VOXELS = range(5)
PARAMETERS = 12
SMALLEST = 1e-3  # a gyroid's scale, and a cell's part of what it fills: a ray through more of them takes too long
_LEAVES = ("sphere", "cube", "box", "cylinder", "parallelepiped", "gyroid", "voxel_grid")
_TYPES = (*_LEAVES, "object_collection", "unit_cell", "tessellated_obj_coll")


@dataclass(frozen=True)
class Leaf:
    """One shape of constant density, or a voxel volume."""

    kind: int
    rho: float
    parameters: np.ndarray  # sphere: centre, radius; parallelepiped: origin, 3x3 matrix to unit-cube coordinates;
    #                         cylinder: p0, unit axis, length, radius; gyroid: centre, 1 / scale, thickness;
    #                         voxels: 1 where the outermost values lie on the faces of the box
    low: np.ndarray  # [3] bounding box
    high: np.ndarray
    voxels: Voxels | OmeVoxels | None = None  # over the box [-1, 1]^3


@dataclass(frozen=True)
class Collection:
    """Members whose densities are added and clipped to [0, 1]; greedy: the first positive density in the list counts."""

    members: list[Leaf | Collection | Tessellation]
    greedy: bool


@dataclass(frozen=True)
class Tessellation:
    """A greedy cell repeated over a region; a unit_cell that stands alone is one cell in a region of its own size."""

    cell: Collection
    cell_low: np.ndarray  # [3]
    cell_high: np.ndarray
    low: np.ndarray  # [3] region that is filled
    high: np.ndarray


@dataclass(frozen=True)
class Object:
    """A checked description and its tree."""

    description: dict[str, Any]
    tree: Leaf | Collection | Tessellation
    files: dict[str, Voxels | OmeVoxels] = field(default_factory=dict)  # by their path in the description


def load_object(path: Path, folder: Path | None = None) -> Object:
    """The object in a description (.yaml, .json) or a voxel file (.npy, .npz, .zarr).

    folder: where paths are relative to and may not leave (default: the file's
    own). Raises InputError.
    """
    path = Path(path)
    folder = path.parent if folder is None else Path(folder)
    if path.suffix.lower() == ".raw":
        fix = f"describe it as {{type: voxel_grid, path: {path.relative_to(folder)}, resolution: [nx, ny, nz], dtype: uint16}}"
        raise InputError("a .raw file does not say its size and type", where=path, fix=fix)
    if path.suffix.lower() in (".npy", ".npz", ".zarr"):
        return parse({"type": "voxel_grid", "path": str(path.relative_to(folder))}, source=path, folder=folder)
    return parse(read_mapping(path), source=path, folder=path.parent)


def parse(tree: Any, *, source: object, folder: Path | None) -> Object:
    """The object of a description; of voxel files no more than the header is read.

    source: what to call it in complaints (its file). folder: where voxel files
    lie; None where there can be none. Raises InputError naming source and key.
    """
    files: dict[str, Voxels | OmeVoxels] = {}
    root = _member(Description(tree, f"{source}: "), folder, files)
    if isinstance(root, Leaf) and root.rho < 0:
        raise InputError("is negative, a hole", where=f"{source}: rho", fix="put it in an object_collection, after what it is a hole in")
    return Object(copy.deepcopy(tree), root, files)


def _member(d: Description, folder: Path | None, files: dict[str, Voxels | OmeVoxels]) -> Leaf | Collection | Tessellation:
    kind = d.choice("type", _TYPES)
    if kind == "object_collection":
        return _collection(d, folder, files)
    if kind == "tessellated_obj_coll":
        return _tessellation(d, folder, files)
    if kind == "unit_cell":
        cell, low, high = _unit_cell(d, folder, files)
        return Tessellation(cell, low, high, low, high)
    leaf = _voxel_grid(d, folder, files) if kind == "voxel_grid" else _LEAF[kind](d)
    d.finish()
    return leaf


def _collection(d: Description, folder: Path | None, files: dict[str, Voxels | OmeVoxels]) -> Collection:
    greedy = d.flag("greedy_dens_eval", False)
    members = [
        _member(Description(tree, d.below(f"objects[{i}]")), folder, files) for i, tree in enumerate(d.listed("objects"))
    ]  # fmt: skip
    d.finish()
    return Collection(members, greedy)


def _tessellation(d: Description, folder: Path | None, files: dict[str, Voxels | OmeVoxels]) -> Tessellation:
    uc = Description(d.value("uc"), d.below("uc"))
    uc.choice("type", ("unit_cell",), "unit_cell")
    cell, cell_low, cell_high = _unit_cell(uc, folder, files)
    low, high = _bounds(d)
    for axis, size, extent in zip("xyz", cell_high - cell_low, np.minimum(high - low, 2), strict=True):  # 2: the box
        if size < SMALLEST * extent:
            raise uc.fail(f"{axis}max", f"a cell of {size:g} is too small to fill {extent:g}", f"make it {SMALLEST * extent:g} or larger")
    d.finish()
    return Tessellation(cell, cell_low, cell_high, low, high)


def _unit_cell(d: Description, folder: Path | None, files: dict[str, Voxels | OmeVoxels]) -> tuple[Collection, np.ndarray, np.ndarray]:
    inner = Description(d.value("objects"), d.below("objects"))
    inner.choice("type", ("object_collection",), "object_collection")
    cell = _collection(inner, folder, files)
    low, high = _bounds(d)
    d.finish()
    if any(not isinstance(member, Leaf) for member in cell.members):
        raise d.fail("objects", "a unit cell holds single shapes only, no collections")
    return Collection(cell.members, True), low, high


def _bounds(d: Description) -> tuple[np.ndarray, np.ndarray]:
    low, high = (np.array([d.number(axis + end) for axis in "xyz"]) for end in ("min", "max"))
    for axis, a, b in zip("xyz", low, high, strict=True):
        if b <= a:
            raise d.fail(f"{axis}max", f"must be above {axis}min ({a:g}), not {b:g}")
    return low, high


def _sphere(d: Description) -> Leaf:
    centre, radius = d.vector("center"), d.number("radius", above=0)
    return _leaf(SPHERE, d.number("rho", 1.0), [*centre, radius], centre - radius, centre + radius)


def _cube(d: Description) -> Leaf:
    centre, side = d.vector("center"), d.number("side", above=0)
    return _block(d.number("rho", 1.0), centre - side / 2, np.diag([side] * 3))


def _box(d: Description) -> Leaf:
    centre, sides = d.vector("center"), d.vector("sides", above=0)
    return _block(d.number("rho", 1.0), centre - sides / 2, np.diag(sides))


def _parallelepiped(d: Description) -> Leaf:
    origin = d.vector("origin")
    names = ("v1", "v2", "v3") if d.has("v3") else ("v0", "v1", "v2")  # the reference's reconstruction and its renderer count differently
    edges = np.column_stack([d.vector(key) for key in names])
    if abs(np.linalg.det(edges)) < 1e-12 * np.prod(np.linalg.norm(edges, axis=0)) or not edges.any(axis=0).all():
        raise d.fail(names[0], f"{names[0]}, {names[1]} and {names[2]} lie in one plane", "give three edges that span a volume")
    return _block(d.number("rho", 1.0), origin, edges)


def _block(rho: float, origin: np.ndarray, edges: np.ndarray) -> Leaf:
    corners = origin + np.array([edges @ [i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
    return _leaf(PARALLELEPIPED, rho, [*origin, *np.linalg.inv(edges).ravel()], corners.min(axis=0), corners.max(axis=0))


def _cylinder(d: Description) -> Leaf:
    p0, p1, radius = d.vector("p0"), d.vector("p1"), d.number("radius", above=0)
    length = float(np.linalg.norm(p1 - p0))
    if length == 0:
        raise d.fail("p1", "is the same point as p0")
    axis = (p1 - p0) / length
    extent = radius * np.sqrt(np.maximum(1 - axis**2, 0))  # half that of the end discs along each coordinate
    return _leaf(CYLINDER, d.number("rho", 1.0), [*p0, *axis, length, radius], np.minimum(p0, p1) - extent, np.maximum(p0, p1) + extent)


def _gyroid(d: Description) -> Leaf:
    centre, scale, thickness = d.vector("center"), d.number("scale", least=SMALLEST), d.number("thickness", above=0)
    unbounded = np.full(3, np.inf)
    return _leaf(GYROID, d.number("rho", 1.0), [*centre, 1 / scale, thickness], -unbounded, unbounded)


def _voxel_grid(d: Description, folder: Path | None, files: dict[str, Voxels | OmeVoxels]) -> Leaf:
    name = d.text("path")
    if folder is None:
        raise d.fail("path", "there is no folder that it is relative to")
    path = safe_path(folder, name, d.below("path"))
    voxels: Voxels | OmeVoxels
    if path.suffix.lower() == ".raw":
        nx, ny, nz = d.counts("resolution", 3)
        # the reference's renderer reads and writes z, x, y; its other tools, and `input.*_volume` here, z, y, x
        voxels = open_voxels(path, (nz, nx, ny), d.choice("dtype", RAW_TYPES, "uint8"), axes="zxy")
    elif path.suffix.lower() == ".zarr":
        from xct4d.io.ome_voxels import open_ome_voxels  # imports zarr: only where there is such a volume

        voxels = open_ome_voxels(path)
    else:
        voxels = open_voxels(path)
    files[name] = voxels
    return voxel_leaf(voxels)


def voxel_leaf(voxels: Voxels | OmeVoxels, *, on_faces: bool = False) -> Leaf:
    """The shape that fills the box with a voxel volume.

    on_faces: whether the outermost values lie on the faces of the box, not half
    a voxel within. Densities follow that, line integrals do not: no scene has such a volume.
    """
    return _leaf(VOXELS, 1.0, [float(on_faces)], -np.ones(3), np.ones(3), voxels)


def _leaf(kind: int, rho: float, parameters: list, low: np.ndarray, high: np.ndarray, voxels: Voxels | OmeVoxels | None = None) -> Leaf:
    padded = np.zeros(PARAMETERS)
    padded[: len(parameters)] = parameters
    return Leaf(kind, rho, padded, low, high, voxels)


_LEAF = {
    "sphere": _sphere,
    "cube": _cube,
    "box": _box,
    "cylinder": _cylinder,
    "parallelepiped": _parallelepiped,
    "gyroid": _gyroid,
}


def translated(description: dict[str, Any], by: np.ndarray) -> dict[str, Any] | None:
    """The description moved by a vector [3]; None where the format cannot say it (voxels)."""
    by = np.asarray(by, dtype=np.float64)
    if not by.any():
        return copy.deepcopy(description)
    out = copy.deepcopy(description)
    if out.get("type") == "voxel_grid":
        return None
    for key in ("center", "origin", "p0", "p1"):
        if key in out:
            out[key] = [float(a + b) for a, b in zip(out[key], by, strict=True)]
    for axis, shift in zip("xyz", by, strict=True):
        for end in ("min", "max"):
            if axis + end in out:
                out[axis + end] = float(out[axis + end] + shift)
    for key in ("uc", "objects"):
        inner = out.get(key)
        if inner is None:
            continue
        moved = [translated(i, by) for i in (inner if isinstance(inner, list) else [inner])]
        if any(m is None for m in moved):
            return None
        out[key] = moved if isinstance(inner, list) else moved[0]
    return out
