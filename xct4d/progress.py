"""Progress of long work: a line now and then. Jobs run side by side and share a terminal, on which bars would overwrite each other."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

QUIET_SECONDS = 10.0  # between lines
_dataset = ""  # of this process


def name_dataset(name: str) -> None:
    """All progress of this process is that of one dataset: its lines say which, as several run side by side."""
    global _dataset  # noqa: PLW0603 - a process works for one dataset from its start to its end
    _dataset = name


def say(line: str) -> None:
    """Print a line to stderr, after the dataset's name."""
    print(_named(line), file=sys.stderr, flush=True)


def _named(text: str) -> str:
    return f"{_dataset}: {text}" if _dataset else text


class Progress:
    """At most a line per QUIET_SECONDS, and one at the end."""

    def __init__(self, title: str, total: int, done: int):
        self.title, self.total, self.done, self.note = title, total, done, ""
        self._start = self._last = time.monotonic()
        self._pace: tuple[int, float] | None = None  # done, and when, after the first advance

    def advance(self, count: int = 1, note: str = "") -> None:
        self.done += count
        self.note = note or self.note
        now = time.monotonic()
        if self._pace is None:
            self._pace = (self.done, now)  # the first step also compiles: it says nothing of the others
        if now - self._last >= QUIET_SECONDS and self.done < self.total:
            self._last = now
            done, since = self.done - self._pace[0], now - self._pace[1]
            self._print(f"{_clock(since / done * (self.total - self.done))} left" if done else "")

    def finish(self) -> None:
        if self.done >= self.total:
            self._print(_clock(time.monotonic() - self._start))

    def _print(self, clock: str) -> None:
        say(", ".join(filter(None, [f"{self.title}: {self.done}/{self.total}", self.note, clock])))


def _clock(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"


@contextmanager
def track(title: str, total: int, done: int = 0) -> Iterator[Progress]:
    """Yields an object whose advance(count, note) reports; done: what an earlier run did."""
    progress = Progress(title, total, done)
    yield progress
    progress.finish()
