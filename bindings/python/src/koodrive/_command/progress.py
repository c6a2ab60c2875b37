"""Shows on a terminal how far a run is, at which rate, and how long it will take."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
import time
from collections.abc import Iterator

from koodrive._command.output import print_complaint
from koodrive._progress import Progress

_WIDTH = 30


@contextlib.contextmanager
def on_terminal() -> Iterator[Progress]:
    """What delete_plan() should show progress by: tqdm if it is installed, else a line of ours."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield None
    elif importlib.util.find_spec("tqdm"):
        yield True
    else:
        yield _Line()
        print_complaint("")


class _Line:
    """One line that is written over and over."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        #: How many ids had their outcome at the first look: an earlier run's, by a journal.
        self._first: int | None = None

    def __call__(self, done: int, total: int) -> None:
        if self._first is None:
            self._first = done
        bar = "#" * (_WIDTH * done // max(total, 1))
        print_complaint(
            f"\r[{bar:<{_WIDTH}}] {done} of {total} ids{self._rate(done, total)}\033[K", end=""
        )

    def _rate(self, done: int, total: int) -> str:
        seconds = time.monotonic() - self._began
        new = done - (self._first or 0)
        if new <= 0 or seconds <= 0:
            return ""
        rate = new / seconds
        left = round((total - done) / rate)
        return f", {rate:.0f}/s, {left // 60}:{left % 60:02} left"
