"""Which scan is which: segments from one full scan to the next, each with its sequence."""

from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest

from xct4d.commands.arrange import arrange
from xct4d.errors import InputError


def scan(name, views=100, minutes=None, timed=False):
    projections = [SimpleNamespace(time=0.0 if timed else None)] * views
    started = None if minutes is None else datetime(2026, 1, 1) + timedelta(minutes=minutes)
    acquisition = SimpleNamespace(projections=projections, started=started)
    dataset = SimpleNamespace(acquisitions={"forward": acquisition})
    return SimpleNamespace(description=name, reader=SimpleNamespace(name="nikon"), dataset=dataset, acquisition=acquisition)


def sequence(name):
    return scan(name, views=20, timed=True)


def told(*scans):
    """Names of the scans of each segment: before, sequence, after."""
    return [
        tuple(one and one.description for one in (segment.forward, segment.between, segment.backward)) for segment in arrange(list(scans))
    ]


def test_three_full_scans_are_two_segments_that_share_the_middle_one():
    assert told(scan("a"), scan("b"), scan("c")) == [("a", None, "b"), ("b", None, "c")]
    assert told(scan("a", minutes=9), scan("b", minutes=1), scan("c", minutes=5)) == [("b", None, "c"), ("c", None, "a")]


def test_each_sequence_belongs_between_the_scans_between_which_it_was_named():
    named = [scan("a"), sequence("ab"), scan("b"), scan("c"), sequence("cd"), scan("d")]
    assert told(*named) == [("a", "ab", "b"), ("b", None, "c"), ("c", "cd", "d")]


def test_of_two_scans_the_sequence_may_be_named_anywhere():
    assert told(sequence("s"), scan("a"), scan("b")) == [("a", "s", "b")]
    assert told(scan("a", minutes=2), scan("b", minutes=1), sequence("s")) == [("b", "s", "a")]


@pytest.mark.parametrize(("scans", "says"), [
    ([scan("a"), sequence("s")], "has 1 full scans and 1 sequences"),
    ([scan("a"), scan("b"), sequence("s"), sequence("t")], "has 2 full scans and 2 sequences"),
    ([scan("a"), sequence("s"), sequence("t"), scan("b"), scan("c")], "are 2 sequences between a and b"),
    ([scan("a"), scan("b"), scan("c"), sequence("s")], "has a sequence before the first or after the last full scan"),
    ([scan("a", minutes=9), sequence("s"), scan("b", minutes=1), scan("c", minutes=5)], "are not named in the order of time"),
])  # fmt: skip
def test_what_cannot_be_told_is_refused(scans, says):
    with pytest.raises(InputError, match=says):
        arrange(scans)
