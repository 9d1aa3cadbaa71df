"""What a log says of long work."""

import pytest

from xct4d import progress


class Clock:
    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def test_the_time_left_does_not_count_the_first_step(clock, capsys):
    """The first step takes 40 s, as it compiles; the others 1 s."""
    with progress.track("canonical", 100) as bar:
        for step in range(31):
            clock.now += 1 if step else 40
            bar.advance(note=f"loss {step}")
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "canonical: 1/100, loss 0",
        "canonical: 11/100, loss 10, 89 s left",
        "canonical: 21/100, loss 20, 79 s left",
        "canonical: 31/100, loss 30, 69 s left",
    ]


def test_a_resumed_run_judges_by_its_own_pace(clock, capsys):
    with progress.track("velocity 9", 1000, done=900) as bar:
        for _ in range(100):
            clock.now += 3
            bar.advance()
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "velocity 9: 904/1000, 5 min left"
    assert lines[-1] == "velocity 9: 1000/1000, 5 min"


def test_work_that_fails_does_not_say_that_it_ended(clock, capsys):
    with pytest.raises(RuntimeError), progress.track("export", 8) as bar:
        clock.now += 60
        bar.advance(2)
        raise RuntimeError
    assert capsys.readouterr().err.splitlines() == ["export: 2/8"]


@pytest.mark.parametrize(("seconds", "text"), [(0.04, "0.0 s"), (9.9, "9.9 s"), (61, "61 s"), (240, "4 min"), (9000, "2 h 30 min")])
def test_clocks(seconds, text):
    assert progress._clock(seconds) == text


def test_lines_say_whose_they_are(clock, capsys, monkeypatch):
    monkeypatch.setattr(progress, "_dataset", "")
    progress.name_dataset("balls")
    with progress.track("canonical forward", 2) as bar:
        bar.advance(2)
    assert capsys.readouterr().err == "balls: canonical forward: 2/2, 0.0 s\n"
