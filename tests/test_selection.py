import pytest

from xct4d.selection import equally_spaced, evenly_spaced


def test_first_and_last_are_included_and_none_comes_twice():
    assert evenly_spaced(10, 3) == [0, 4, 9]
    assert evenly_spaced(3, 10) == [0, 1, 2]
    assert evenly_spaced(5, 1) == [0]


def test_nothing_of_nothing():
    assert evenly_spaced(0, 3) == evenly_spaced(3, 0) == []


@pytest.mark.parametrize(
    ("count", "expected"), [(1, [0]), (7, list(range(7))), (9, [0, 2, 4, 6, 8]), (21, [0, 4, 8, 12, 16, 20]), (12, [0, 2, 4, 6, 7, 9, 11])]
)
def test_gaps_are_equal_where_they_can_be(count, expected):
    assert equally_spaced(count, 7) == expected
