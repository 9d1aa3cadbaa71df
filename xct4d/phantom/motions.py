"""How objects move: the reference renderer's deformations, given a course in time.

A motion pulls a point back: the density at x and time t is that of the
undeformed object at X = x + s(t) u(x), where u is the reference program's
displacement and s its time law, s(0) = 0 and s(1) = 1. A composition applies
its motions to x in the order listed, each with its own law. `objects` moves
each object of a collection by its own displacement, in the material sense:
centre(t) = centre(0) + s(t) d.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from xct4d.errors import InputError
from xct4d.phantom.description import Description

# A row is [kind, parameters]: AFFINE 3x4 matrix; SIGMOID axis, amplitude, centre,
# lengthscale; GAUSSIAN amplitudes, sigmas, centre.
AFFINE, SIGMOID, GAUSSIAN = range(3)
WIDTH = 13

SHORTEST = 1e-3  # world units; rays are cut into chords of half a motion's lengthscale, and shorter ones would take for ever

TYPES = ("rigid", "linear", "affine", "sigmoid", "gaussian", "composition", "composed", "objects")


@dataclass(frozen=True)
class Law:
    """Course of a motion in time; s rises from 0 at t = 0 to 1 at t = 1."""

    kind: str = "linear"
    exponent: float = 1.0  # power: s = t^exponent
    start: float = 0.0  # step: s = 3 q^2 - 2 q^3 with q = (t - start) / (end - start), clipped
    end: float = 1.0

    def __call__(self, t: float) -> float:
        if self.kind == "power":
            return t**self.exponent
        if self.kind == "step":
            q = min(max((t - self.start) / (self.end - self.start), 0.0), 1.0)
            return q * q * (3.0 - 2.0 * q)
        return t


@dataclass(frozen=True)
class Part:
    """One motion of a field. `row` holds it at s = 1, as carry.py reads it."""

    kind: int
    row: np.ndarray  # [WIDTH]
    law: Law
    scale: float  # shortest length over which the displacement's gradient changes

    def at(self, t: float) -> np.ndarray:
        s = self.law(t)
        row = self.row.copy()
        if self.kind == AFFINE:  # X = x + s ((M - 1) x + b)
            row[1:13] = s * (row[1:13] - _IDENTITY) + _IDENTITY
        elif self.kind == SIGMOID:
            row[2] *= s
        else:
            row[1:4] *= s
        return row


@dataclass(frozen=True)
class FieldMotion:
    """A displacement field; no parts: nothing moves."""

    parts: list[Part]

    def rows(self, t: float) -> np.ndarray:
        """[K, WIDTH]: the pull-back from time t to 0, for carry.py. Neighbouring affine parts become one."""
        rows: list[np.ndarray] = []
        for part in self.parts:
            row = part.at(t)
            if rows and rows[-1][0] == AFFINE and part.kind == AFFINE:
                row[1:13] = (_square(row) @ _square(rows.pop()))[:3].ravel()
            rows.append(row)
        return np.array(rows).reshape(-1, WIDTH)

    @property
    def straight(self) -> bool:
        """Whether rays stay straight."""
        return all(part.kind == AFFINE for part in self.parts)

    @property
    def scale(self) -> float:
        return min((part.scale for part in self.parts), default=np.inf)


@dataclass(frozen=True)
class ObjectsMotion:
    """Each object of a collection moves by its own displacement."""

    displacements: np.ndarray  # [M, 3]
    law: Law

    def at(self, t: float) -> np.ndarray:
        """[M, 3] displacement of each object from t = 0 to t."""
        return self.law(t) * self.displacements


Motion = FieldMotion | ObjectsMotion
STILL = FieldMotion([])
_IDENTITY = np.eye(3, 4).ravel()


def parse(tree: Any, *, source: object) -> Motion:
    """The motion of a description.

    source: what to call it in complaints, up to its key. Raises InputError
    naming source and key, also where the material would fold over.
    """
    d = Description(tree, str(source))
    kind = d.choice("type", TYPES)
    if kind == "objects":
        motion = ObjectsMotion(d.matrix("displacements", None, 3), _law(d))
        d.finish()
        return motion
    return FieldMotion(_parts(d, kind))


def _parts(d: Description, kind: str) -> list[Part]:
    if kind in ("composition", "composed"):
        key = "motions" if kind == "composition" else "deformations"  # the reference's words for it
        parts = []
        for i, tree in enumerate(d.listed(key)):
            inner = Description(tree, d.below(f"{key}[{i}]"))
            inner_kind = inner.choice("type", TYPES)
            if inner_kind == "objects":
                raise inner.fail("type", "objects cannot be part of a composition", "give it alone")
            parts += _parts(inner, inner_kind)
        d.finish()
        return parts
    part = _FIELDS[kind](d, _law(d))
    d.finish()
    return [part]


def _law(d: Description) -> Law:
    tree = d.value("law", None)
    if tree is None:
        return Law()
    law = Description(tree, d.below("law"))
    kind = law.choice("type", ("linear", "power", "step"))
    if kind == "power":
        out = Law(kind, exponent=law.number("exponent", above=0))
    elif kind == "step":
        out = Law(kind, start=law.number("start"), end=law.number("end"))
        if not 0 <= out.start < out.end <= 1:
            raise law.fail("start", f"must satisfy 0 <= start < end <= 1, not {out.start:g} and {out.end:g}")
    else:
        out = Law()
    law.finish()
    return out


def _rigid(d: Description, law: Law) -> Part:
    return _affine_part(np.column_stack([np.eye(3), d.vector("displacements")]), law)


def _linear(d: Description, law: Law) -> Part:
    xx, yy, zz, yz, xz, xy = d.vector("strains", 6)
    strain = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    _refuse_flat(d, "strains", strain)
    return _affine_part(np.column_stack([np.eye(3) + strain, np.zeros(3)]), law)


def _affine(d: Description, law: Law) -> Part:
    matrix = d.matrix("matrix", 3, 3)
    _refuse_flat(d, "matrix", matrix - np.eye(3))
    return _affine_part(np.column_stack([matrix, np.zeros(3)]), law)


def _sigmoid(d: Description, law: Law) -> Part:
    amplitude, centre, length = d.number("amplitude"), d.number("center"), d.number("lengthscale", least=SHORTEST)
    axis = "xyz".index(d.choice("direction", ("x", "y", "z")))
    if 1 + amplitude / (4 * length) <= 0:  # steepest slope of the logistic function is 1 / 4
        raise _folds(d, "amplitude", f"keep it above {-4 * length:g}, -4 lengthscale")
    return _part(SIGMOID, [axis, amplitude, centre, length], law, length)


def _gaussian(d: Description, law: Law) -> Part:
    amplitudes, sigmas, centre = d.vector("amplitudes"), d.vector("sigmas", least=SHORTEST), d.vector("centers")
    # det(1 + grad u) = 1 - sum_i A_i r_i exp(-r^2 / 2 s_i^2) / s_i^2, least where r points along that vector
    r = np.linspace(0, 4 * sigmas.max(), 4001)[:, None]
    least = 1 - np.max(r[:, 0] * np.linalg.norm(amplitudes / sigmas**2 * np.exp(-(r**2) / (2 * sigmas**2)), axis=1))
    if least <= 0:
        raise _folds(d, "amplitudes", "make them smaller or sigmas larger")
    return _part(GAUSSIAN, [*amplitudes, *sigmas, *centre], law, sigmas.min())


_FIELDS = {"rigid": _rigid, "linear": _linear, "affine": _affine, "sigmoid": _sigmoid, "gaussian": _gaussian}


def _refuse_flat(d: Description, key: str, gradient: np.ndarray) -> None:
    """det(1 + s G) must stay positive for s in [0, 1]: no eigenvalue of G is real and <= -1."""
    values = np.linalg.eigvals(gradient)
    real = values.real[np.abs(values.imag) < 1e-12]
    if (real <= -1 + 1e-12).any():
        raise _folds(d, key, "make the deformation smaller")


def _folds(d: Description, key: str, fix: str) -> InputError:
    return d.fail(key, "folds the material over (the deformation's determinant falls to 0 or below)", fix)


def _affine_part(matrix: np.ndarray, law: Law) -> Part:
    return _part(AFFINE, matrix.ravel().tolist(), law, np.inf)


def _part(kind: int, values: list, law: Law, scale: float) -> Part:
    row = np.zeros(WIDTH)
    row[0] = kind
    row[1 : 1 + len(values)] = values
    return Part(kind, row, law, scale)


def _square(row: np.ndarray) -> np.ndarray:
    return np.vstack([row[1:13].reshape(3, 4), [0, 0, 0, 1]])
