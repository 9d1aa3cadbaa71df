from xct4d.selection import evenly_spaced


def test_first_and_last_are_included_and_none_comes_twice():
    assert evenly_spaced(10, 3) == [0, 4, 9]
    assert evenly_spaced(3, 10) == [0, 1, 2]
    assert evenly_spaced(5, 1) == [0]


def test_nothing_of_nothing():
    assert evenly_spaced(0, 3) == evenly_spaced(3, 0) == []
