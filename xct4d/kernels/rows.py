"""What `kernels.bspline` computes of a vector spline at a point, twelve numbers at a time: for CPUs.

The four control points along x are twelve floats side by side. A value is the
sum of sixteen such rows with a weight each, and LLVM, which does not find this
in the scalar code, is told so here: its vectors of eight and of four floats
are whatever registers the processor has. On a GPU every thread is scalar.
"""

from __future__ import annotations

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from xct4d.kernels.bspline import locate, slopes, weights

FLOAT, INDEX = ir.FloatType(), ir.IntType(64)
PARTS = (0, 8), (8, 4)  # of a row: first float, number of floats
FAST = ("fast",)  # as numba's fastmath


class Rows:
    """LLVM's instructions on rows of twelve floats, each a vector of eight and one of four."""

    def __init__(self, builder: ir.IRBuilder):
        self._builder = builder

    def of(self, numbers: list[ir.Value]) -> list[ir.Value]:
        """Twelve scalars as a row."""
        row = []
        for first, size in PARTS:
            part = ir.Constant(ir.VectorType(FLOAT, size), ir.Undefined)
            for place in range(size):
                part = self._builder.insert_element(part, numbers[first + place], ir.IntType(32)(place))
            row.append(part)
        return row

    def of_points(self, four: list[ir.Value]) -> list[ir.Value]:
        """A number for each control point, for its three components alike."""
        return self.of([number for number in four for _ in range(3)])

    def numbers(self, row: list[ir.Value]) -> list[ir.Value]:
        return [self._builder.extract_element(part, ir.IntType(32)(place)) for part, (_, size) in zip(row, PARTS, strict=True) for place in range(size)]

    def everywhere(self, number: ir.Value) -> list[ir.Value]:
        return self.of(12 * [number])

    def times(self, a: list[ir.Value], b: list[ir.Value]) -> list[ir.Value]:
        return [self._builder.fmul(x, y, flags=FAST) for x, y in zip(a, b, strict=True)]

    def plus(self, a: list[ir.Value], b: list[ir.Value]) -> list[ir.Value]:
        return [self._builder.fadd(x, y, flags=FAST) for x, y in zip(a, b, strict=True)]

    def loaded(self, start: ir.Value, at: ir.Value) -> list[ir.Value]:
        row = []
        for pointer in self._places(start, at):
            part = self._builder.load(pointer)
            part.align = 4
            row.append(part)
        return row

    def store(self, row: list[ir.Value], start: ir.Value, at: ir.Value) -> None:
        for part, pointer in zip(row, self._places(start, at), strict=True):
            self._builder.store(part, pointer).align = 4

    def _places(self, start: ir.Value, at: ir.Value) -> list[ir.Value]:
        pointers = [(self._builder.gep(start, [self._builder.add(at, INDEX(first))]), size) for first, size in PARTS]
        return [self._builder.bitcast(pointer, ir.VectorType(FLOAT, size).as_pointer()) for pointer, size in pointers]

    def product(self, a: ir.Value, b: ir.Value) -> ir.Value:
        return self._builder.fmul(a, b, flags=FAST)

    def total(self, numbers: list[ir.Value]) -> ir.Value:
        first, *others = numbers
        for other in others:
            first = self._builder.fadd(first, other, flags=FAST)
        return first


FOUR, THREE = types.UniTuple(types.float32, 4), types.UniTuple(types.float32, 3)


def _starts(builder, first, row, layer):
    """(layer, row, index) of the sixteen rows around a point."""
    for k in range(4):
        for j in range(4):
            yield k, j, builder.add(first, builder.add(builder.mul(row, INDEX(j)), builder.mul(layer, INDEX(k))))


def _data(context, builder, kind, array):
    return context.make_array(kind)(context, builder, array).data


@intrinsic
def _value(_typing, control, first, row, layer, wx, wy, wz):
    def generate(context, builder, signature, arguments):
        data = _data(context, builder, signature.args[0], arguments[0])
        x, y, z = (cgutils.unpack_tuple(builder, four, 4) for four in arguments[4:])
        rows, total = Rows(builder), None
        for k, j, at in _starts(builder, *arguments[1:4]):
            weighted = rows.times(rows.everywhere(rows.product(z[k], y[j])), rows.loaded(data, at))
            total = weighted if total is None else rows.plus(total, weighted)
        along = rows.numbers(rows.times(total, rows.of_points(x)))
        return context.make_tuple(builder, signature.return_type, [rows.total(along[component::3]) for component in range(3)])

    return THREE(control, types.int64, types.int64, types.int64, FOUR, FOUR, FOUR), generate


@intrinsic
def _adjoint(_typing, control, first, row, layer, wx, wy, wz, sx, sy, sz, cotangent, out, out_first):
    def generate(context, builder, signature, arguments):
        data = _data(context, builder, signature.args[0], arguments[0])
        gathered = _data(context, builder, signature.args[11], arguments[11])
        x, y, z, dx, dy, dz = (cgutils.unpack_tuple(builder, four, 4) for four in arguments[4:10])
        g = cgutils.unpack_tuple(builder, arguments[10], 3)
        rows = Rows(builder)
        pulled = rows.times(rows.of_points(x), rows.of(4 * g))  # what each number of a row gets of its weight
        sloped = rows.times(rows.of_points(dx), rows.of(4 * g))
        sums = [None, None, None]
        for (k, j, at), (_, _, to) in zip(_starts(builder, *arguments[1:4]), _starts(builder, arguments[12], *arguments[2:4]), strict=True):
            own = rows.loaded(data, at)
            weight = rows.everywhere(rows.product(z[k], y[j]))
            for axis, factor in enumerate((weight, rows.everywhere(rows.product(z[k], dy[j])), rows.everywhere(rows.product(dz[k], y[j])))):
                part = rows.times(factor, own)
                sums[axis] = part if sums[axis] is None else rows.plus(sums[axis], part)
            rows.store(rows.plus(rows.loaded(gathered, to), rows.times(weight, pulled)), gathered, to)
        slope = [rows.total(rows.numbers(rows.times(total, by))) for total, by in zip(sums, (sloped, pulled, pulled), strict=True)]
        return context.make_tuple(builder, signature.return_type, slope)

    integers = (types.int64, types.int64, types.int64)
    return THREE(control, *integers, *(6 * [FOUR]), THREE, out, types.int64), generate


@numba.njit(fastmath=True)
def vector_at(control, base, n, x, y, z):
    """As kernels.bspline.vector_at."""
    i, fx, _ = locate(x, n)
    j, fy, _ = locate(y, n)
    k, fz, _ = locate(z, n)
    first = np.int64(base + 3 * (i + n * (j + n * k)))
    return _value(control, first, np.int64(3 * n), np.int64(3 * n * n), weights(fx), weights(fy), weights(fz))


@numba.njit(fastmath=True)
def vector_adjoint(control, base, n, x, y, z, gx, gy, gz, out, out_base):
    """Adjoint of `vector_at` for the cotangent (gx, gy, gz): adds to the control points' gradient `out`, whose
    numbers begin at out_base, and returns the point's gradient."""
    i, fx, rx = locate(x, n)
    j, fy, ry = locate(y, n)
    k, fz, rz = locate(z, n)
    own = 3 * (i + n * (j + n * k))
    return _adjoint(
        control, np.int64(base + own), np.int64(3 * n), np.int64(3 * n * n),
        weights(fx), weights(fy), weights(fz), slopes(fx, rx), slopes(fy, ry), slopes(fz, rz),
        (gx, gy, gz), out, np.int64(out_base + own),
    )  # fmt: skip
