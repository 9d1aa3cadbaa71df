"""Progress of long work: a bar with an ETA on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

QUIET_SECONDS = 10.0  # between lines where there is no terminal


class _Lines:
    """Progress for logs: at most a line per QUIET_SECONDS, and one at the end."""

    def __init__(self, title: str, total: int, done: int):
        self.title, self.total, self.done, self.note = title, total, done, ""
        self._first = done
        self._start = self._last = time.monotonic()

    def advance(self, count: int = 1, note: str = "") -> None:
        self.done += count
        self.note = note or self.note
        now = time.monotonic()
        if now - self._last >= QUIET_SECONDS and self.done < self.total:
            self._last = now
            left = (now - self._start) / max(self.done - self._first, 1) * (self.total - self.done)
            self._print(f"{left:.0f} s left")

    def finish(self) -> None:
        if self.done >= self.total:
            self._print(f"{time.monotonic() - self._start:.1f} s")

    def _print(self, clock: str) -> None:
        note = f", {self.note}" if self.note else ""
        print(f"{self.title}: {self.done}/{self.total}{note}, {clock}", file=sys.stderr, flush=True)


class _Bar:
    def __init__(self, progress: Progress, title: str, total: int, done: int):
        self._progress = progress
        self._task = progress.add_task(title, total=total, completed=done, note="")

    def advance(self, count: int = 1, note: str = "") -> None:
        self._progress.update(self._task, advance=count, **({"note": note} if note else {}))


@contextmanager
def track(title: str, total: int, done: int = 0) -> Iterator[_Bar | _Lines]:
    """Yields an object whose advance(count, note) reports; done: what an earlier run did."""
    console = Console(stderr=True)
    if not console.is_terminal:
        lines = _Lines(title, total, done)
        yield lines
        lines.finish()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[note]}"))
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console) as progress:
        yield _Bar(progress, title, total, done)
