"""Conversion from world units: factors that invert, names of units."""

import pytest

from xct4d.units import LENGTH, NUMBER, PER_LENGTH, SPEED, TIME, WORLD, Dimension, Scale

KNOWN = Scale(unit_mm=3.4, duration_s=8.0)


@pytest.mark.parametrize(
    ("dimension", "factor", "unit", "unknown"),
    [
        (NUMBER, 1.0, "1", "1"),
        (LENGTH, 3.4, "mm", "world unit"),
        (PER_LENGTH, 1 / 3.4, "1/mm", "1/world unit"),
        (TIME, 8.0, "s", "time unit"),
        (SPEED, 3.4 / 8.0, "mm/s", "world unit/time unit"),
        (Dimension(length=2, time=-2), 3.4**2 / 64, "mm^2/s^2", "world unit^2/time unit^2"),
        (Dimension(length=-1, time=-1), 1 / 3.4 / 8.0, "1/mm/s", "1/world unit/time unit"),
    ],
)
def test_each_dimension_has_its_factor_and_unit(dimension, factor, unit, unknown):
    assert KNOWN.factor(dimension) == pytest.approx(factor, rel=1e-15)
    assert KNOWN.factor(dimension.inverse) == pytest.approx(1 / factor, rel=1e-15)
    assert KNOWN.unit(dimension) == unit
    assert WORLD.factor(dimension) == 1.0
    assert WORLD.unit(dimension) == unknown


def test_only_what_is_known_is_converted():
    assert Scale(unit_mm=2.0).factor(SPEED) == 2.0
    assert Scale(unit_mm=2.0).unit(SPEED) == "mm/time unit"
    assert Scale(duration_s=4.0).factor(SPEED) == 0.25
    assert Scale(duration_s=4.0).unit(SPEED) == "world unit/s"


def test_spelling_of_ome_zarr():
    assert (KNOWN.ome_length, KNOWN.ome_time) == ("millimeter", "second")
    assert (WORLD.ome_length, WORLD.ome_time) == (None, None)


@pytest.mark.parametrize("size", [0.0, -1.0, float("nan")])
def test_a_size_that_is_not_positive_is_refused(size):
    with pytest.raises(ValueError, match="unit_mm must be positive"):
        Scale(unit_mm=size)
    with pytest.raises(ValueError, match="duration_s must be positive"):
        Scale(duration_s=size)
