"""Shows on a terminal how far a run is, at which rate, how long it will take, and why it waits."""

from __future__ import annotations

import contextlib
import logging
import sys
import time
from collections.abc import Iterator
from typing import Callable

from koodrive._command.output import print_complaint

_WIDTH = 30

#: How long a rate is shown after it was found, in seconds.
_SHOW_RATE = 10.0

#: Gets how many ids are done, and of how many.
Show = Callable[[int, int], object]


class Waiting(logging.Handler):
    """Knows from the log why a run waits."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._throttled: tuple[float, str] | None = None
        self._down: tuple[float, str] | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Take note of a record of koodrive."""
        kind = getattr(record, "kind", None)
        if kind == "THROTTLED":
            self._throttled = time.monotonic(), record.getMessage().partition(":")[0]
        elif kind == "OUTAGE_BEGAN":
            status = getattr(record, "http_status", None)
            reason = f"HTTP {status}" if status else record.getMessage().partition(": ")[2]
            self._down = time.monotonic(), reason
        elif kind == "OUTAGE_ENDED":
            self._down = None

    def reason(self) -> str:
        """Why it waits, or nothing."""
        now = time.monotonic()
        if self._down is not None:
            since, reason = self._down
            return f"service down for {now - since:.0f} s: {reason}"
        if self._throttled is not None and now - self._throttled[0] < _SHOW_RATE:
            return self._throttled[1]
        return ""


@contextlib.contextmanager
def on_terminal() -> Iterator[Show | None]:
    """What shows progress: tqdm if it is installed, else a line of ours; none if it is piped."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    waiting = Waiting()
    logger = logging.getLogger("koodrive")
    logger.addHandler(waiting)
    try:
        with _bar(waiting) as show:
            yield show
    finally:
        logger.removeHandler(waiting)


@contextlib.contextmanager
def _bar(waiting: Waiting) -> Iterator[Show]:
    try:
        from tqdm import tqdm
    except ImportError:
        yield _Line(waiting)
        print_complaint("")
        return
    with tqdm(unit="id") as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.set_postfix_str(waiting.reason(), refresh=False)
            bar.update(done - bar.n)
            bar.refresh()

        yield show


class _Line:
    """One line that is written over and over."""

    def __init__(self, waiting: Waiting) -> None:
        self._waiting = waiting
        self._began = time.monotonic()
        #: How many ids had their outcome at the first look: an earlier run's, by a journal.
        self._first: int | None = None

    def __call__(self, done: int, total: int) -> None:
        if self._first is None:
            self._first = done
        bar = "#" * (_WIDTH * done // max(total, 1))
        parts = [f"{done} of {total} ids", self._rate(done, total), self._waiting.reason()]
        line = ", ".join(part for part in parts if part)
        print_complaint(f"\r[{bar:<{_WIDTH}}] {line}\033[K", end="")

    def _rate(self, done: int, total: int) -> str:
        seconds = time.monotonic() - self._began
        new = done - (self._first or 0)
        if new <= 0 or seconds <= 0:
            return ""
        rate = new / seconds
        left = round((total - done) / rate)
        return f"{rate:.0f}/s, {left // 60}:{left % 60:02} left"
