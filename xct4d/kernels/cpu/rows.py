"""Vector B-splines at a point with vector instructions, for CPUs: what shared.bspline computes one number at a time.

The four control points along x, of three components each, lie side by side in
memory: a row of twelve floats. The value at a point is a weighted sum of sixteen
rows. LLVM does not discover this in the scalar code, so its vector instructions
are written out here; it maps vectors of eight and of four floats to whatever
registers the processor has. (A thread of a GPU computes with scalars.)
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from xct4d.compilation import numba
from xct4d.kernels.shared.bspline import locate, slopes, weights

FLOAT, INDEX = ir.FloatType(), ir.IntType(64)
PARTS = (0, 8), (8, 4)  # the two vectors that make a row: first float, number of floats
FAST = ("fast",)  # as numba's fastmath


class Rows:
    """LLVM's instructions on rows of twelve floats, each a vector of eight and one of four."""

    def __init__(self, builder: ir.IRBuilder):
        self._builder = builder

    def packed(self, numbers: list[ir.Value]) -> list[ir.Value]:
        """Twelve scalars as a row."""
        row = []
        for first, size in PARTS:
            part = ir.Constant(ir.VectorType(FLOAT, size), ir.Undefined)
            for place in range(size):
                part = self._builder.insert_element(part, numbers[first + place], ir.IntType(32)(place))
            row.append(part)
        return row

    def per_point(self, four: list[ir.Value]) -> list[ir.Value]:
        """The row that holds four numbers, one for each control point, three times each: once for each component."""
        return self.packed([number for number in four for _ in range(3)])

    def unpacked(self, row: list[ir.Value]) -> list[ir.Value]:
        """A row as twelve scalars."""
        return [
            self._builder.extract_element(part, ir.IntType(32)(place))
            for part, (_, size) in zip(row, PARTS, strict=True)
            for place in range(size)
        ]

    def constant(self, number: ir.Value) -> list[ir.Value]:
        """The row that holds one number twelve times."""
        return self.packed(12 * [number])

    def times(self, a: list[ir.Value], b: list[ir.Value]) -> list[ir.Value]:
        """Products, number by number."""
        return [self._builder.fmul(x, y, flags=FAST) for x, y in zip(a, b, strict=True)]

    def plus(self, a: list[ir.Value], b: list[ir.Value]) -> list[ir.Value]:
        """Sums, number by number."""
        return [self._builder.fadd(x, y, flags=FAST) for x, y in zip(a, b, strict=True)]

    def load(self, start: ir.Value, at: ir.Value) -> list[ir.Value]:
        """The row in memory whose first float has index `at` in the array that starts at pointer `start`."""
        row = []
        for pointer in self._pointers(start, at):
            part = self._builder.load(pointer)
            part.align = 4
            row.append(part)
        return row

    def store(self, row: list[ir.Value], start: ir.Value, at: ir.Value) -> None:
        """Write a row to where `load` reads it."""
        for part, pointer in zip(row, self._pointers(start, at), strict=True):
            self._builder.store(part, pointer).align = 4

    def _pointers(self, start: ir.Value, at: ir.Value) -> list[ir.Value]:
        pointers = [(self._builder.gep(start, [self._builder.add(at, INDEX(first))]), size) for first, size in PARTS]
        return [self._builder.bitcast(pointer, ir.VectorType(FLOAT, size).as_pointer()) for pointer, size in pointers]

    def product(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """Product of two scalars."""
        return self._builder.fmul(a, b, flags=FAST)

    def total(self, numbers: list[ir.Value]) -> ir.Value:
        """Sum of scalars."""
        first, *others = numbers
        for other in others:
            first = self._builder.fadd(first, other, flags=FAST)
        return first


FOUR, THREE, TWELVE = (types.UniTuple(types.float32, count) for count in (4, 3, 12))


def _starts(builder, first, row, layer):
    """(k, j, index) of the sixteen rows that act at a point: control points k along z and j along y of four, index of the first float.

    first: index of the first row's first float; row, layer: floats between neighbours along y and along z.
    """
    for k in range(4):
        for j in range(4):
            yield k, j, builder.add(first, builder.add(builder.mul(row, INDEX(j)), builder.mul(layer, INDEX(k))))


def _data(context, builder, kind, array):
    """Pointer to the first number of an array of numba's type `kind`."""
    return context.make_array(kind)(context, builder, array).data


@intrinsic
def _value(_typing, control, first, row, layer, wx, wy, wz):
    """Value of a spline; first, row, layer as in `_starts`; wx, wy, wz: the four weights along each axis."""

    def generate(context, builder, signature, arguments):
        data = _data(context, builder, signature.args[0], arguments[0])
        x, y, z = (cgutils.unpack_tuple(builder, four, 4) for four in arguments[4:])
        rows, total = Rows(builder), None
        for k, j, at in _starts(builder, *arguments[1:4]):
            weighted = rows.times(rows.constant(rows.product(z[k], y[j])), rows.load(data, at))
            total = weighted if total is None else rows.plus(total, weighted)
        along = rows.unpacked(rows.times(total, rows.per_point(x)))
        return context.make_tuple(builder, signature.return_type, [rows.total(along[component::3]) for component in range(3)])

    return THREE(control, types.int64, types.int64, types.int64, FOUR, FOUR, FOUR), generate


@intrinsic
def _value_and_gradient(_typing, control, first, row, layer, wx, wy, wz, sx, sy, sz):
    """Value and gradient of a spline, as `vector_and_gradient_at` returns them; sx, sy, sz: derivatives of the weights."""

    def generate(context, builder, signature, arguments):
        data = _data(context, builder, signature.args[0], arguments[0])
        x, y, z, dx, dy, dz = (cgutils.unpack_tuple(builder, four, 4) for four in arguments[4:])
        rows = Rows(builder)
        sums = [None, None, None]  # of the sixteen rows: weighted for the value and d/dx, for d/dy, for d/dz
        for k, j, at in _starts(builder, *arguments[1:4]):
            own = rows.load(data, at)
            for which, weight in enumerate((rows.product(z[k], y[j]), rows.product(z[k], dy[j]), rows.product(dz[k], y[j]))):
                part = rows.times(rows.constant(weight), own)
                sums[which] = part if sums[which] is None else rows.plus(sums[which], part)
        plain, sloped = rows.per_point(x), rows.per_point(dx)
        along = [rows.unpacked(rows.times(total, by)) for total, by in zip((sums[0], *sums), (plain, sloped, plain, plain), strict=True)]
        value, *slopes_of = [[rows.total(numbers[component::3]) for component in range(3)] for numbers in along]
        gradient = [slopes_of[axis][component] for component in range(3) for axis in range(3)]
        return context.make_tuple(builder, signature.return_type, [*value, *gradient])

    return TWELVE(control, types.int64, types.int64, types.int64, *(6 * [FOUR])), generate


@intrinsic
def _adjoint(_typing, control, first, row, layer, wx, wy, wz, sx, sy, sz, cotangent, out, out_first):
    """Adjoint of `_value`: adds to the row of each control point in `out`, and returns the point's gradient.

    sx, sy, sz: derivatives of the weights. out_first: as `first`, in the array `out`.
    """

    def generate(context, builder, signature, arguments):
        data = _data(context, builder, signature.args[0], arguments[0])
        target = _data(context, builder, signature.args[11], arguments[11])
        x, y, z, dx, dy, dz = (cgutils.unpack_tuple(builder, four, 4) for four in arguments[4:10])
        g = cgutils.unpack_tuple(builder, arguments[10], 3)
        rows = Rows(builder)
        plain = rows.times(rows.per_point(x), rows.packed(4 * g))  # the weight along x times the cotangent, for each number of a row
        sloped = rows.times(rows.per_point(dx), rows.packed(4 * g))
        sums = [None, None, None]
        for (k, j, at), (_, _, to) in zip(_starts(builder, *arguments[1:4]), _starts(builder, arguments[12], *arguments[2:4]), strict=True):
            own = rows.load(data, at)
            weight = rows.constant(rows.product(z[k], y[j]))
            for axis, factor in enumerate((weight, rows.constant(rows.product(z[k], dy[j])), rows.constant(rows.product(dz[k], y[j])))):
                part = rows.times(factor, own)
                sums[axis] = part if sums[axis] is None else rows.plus(sums[axis], part)
            rows.store(rows.plus(rows.load(target, to), rows.times(weight, plain)), target, to)
        slope = [rows.total(rows.unpacked(rows.times(total, by))) for total, by in zip(sums, (sloped, plain, plain), strict=True)]
        return context.make_tuple(builder, signature.return_type, slope)

    integers = (types.int64, types.int64, types.int64)
    return THREE(control, *integers, *(6 * [FOUR]), THREE, out, types.int64), generate


@numba.njit(fastmath=True)
def vector_at(control, base, n, x, y, z):
    """As shared.bspline.vector_at."""
    i, fx, _ = locate(x, n)
    j, fy, _ = locate(y, n)
    k, fz, _ = locate(z, n)
    first = np.int64(base + 3 * (i + n * (j + n * k)))
    return _value(control, first, np.int64(3 * n), np.int64(3 * n * n), weights(fx), weights(fy), weights(fz))


@numba.njit(fastmath=True)
def vector_and_gradient_at(control, base, n, x, y, z):
    """As shared.bspline.vector_and_gradient_at."""
    i, fx, rx = locate(x, n)
    j, fy, ry = locate(y, n)
    k, fz, rz = locate(z, n)
    first = np.int64(base + 3 * (i + n * (j + n * k)))
    return _value_and_gradient(
        control, first, np.int64(3 * n), np.int64(3 * n * n),
        weights(fx), weights(fy), weights(fz), slopes(fx, rx), slopes(fy, ry), slopes(fz, rz),
    )  # fmt: skip


@numba.njit(fastmath=True)
def vector_adjoint(control, base, n, x, y, z, gx, gy, gz, out, out_base):
    """Adjoint of `vector_at` for the cotangent (gx, gy, gz).

    Adds the control points' gradient to the flat array `out`, where it begins
    at index out_base, and returns the point's gradient, three numbers.
    """
    i, fx, rx = locate(x, n)
    j, fy, ry = locate(y, n)
    k, fz, rz = locate(z, n)
    own = 3 * (i + n * (j + n * k))
    return _adjoint(
        control, np.int64(base + own), np.int64(3 * n), np.int64(3 * n * n),
        weights(fx), weights(fy), weights(fz), slopes(fx, rx), slopes(fy, ry), slopes(fz, rz),
        (gx, gy, gz), out, np.int64(out_base + own),
    )  # fmt: skip
