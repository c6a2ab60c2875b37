"""Shows on a terminal how far a run is, at which rate, how long it will take, and why it waits."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sys
import time
from collections import deque
from collections.abc import Iterator
from typing import Callable

from koodrive import Monitor
from koodrive._command.log import heard_by
from koodrive._command.output import print_complaint
from koodrive._command.waiting import Waiting

#: How wide the bar is, and how wide where there is little room.
_WIDE, _NARROW = 30, 10

#: Of how many looks the rate is: there are some ten a second.
_LOOKS = 100

#: Gets how many ids are done, and of how many.
Show = Callable[[int, int], object]


@contextlib.contextmanager
def on_terminal(monitor: Monitor) -> Iterator[Show | None]:
    """What shows the progress of the monitor's run: tqdm if it is installed, else a line of ours.

    None if standard error is no terminal.
    """
    if sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    waiting = Waiting(monitor)
    # Each answer counts for it.
    with heard_by(waiting, logging.DEBUG), _bar(waiting) as show:
        yield show


@contextlib.contextmanager
def _bar(waiting: Waiting) -> Iterator[Show]:
    try:
        from tqdm import tqdm
    except ImportError:
        try:
            yield _Line(waiting)
        finally:
            print_complaint("")
        return
    with tqdm(unit="id", dynamic_ncols=True) as bar:

        def show(done: int, total: int) -> None:
            if bar.total is None:
                # An earlier run may have done some, by a journal.
                bar.initial = bar.n = bar.last_print_n = done
            bar.total = total
            # What is short of room is cut at its end: why a run waits stands first.
            bar.set_description(waiting.reason() if done < total else "", refresh=False)
            bar.update(done - bar.n)
            bar.refresh()

        yield show


class _Line:
    """One line that is written over and over."""

    def __init__(self, waiting: Waiting) -> None:
        self._waiting = waiting
        #: When it was looked, and how many ids had their outcome then.
        self._looks: deque[tuple[float, int]] = deque(maxlen=_LOOKS)
        self._began = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        # At the first look an earlier run may have done some, by a journal.
        self._looks.append((time.monotonic() if self._looks else self._began, done))
        reason = self._waiting.reason() if done < total else ""
        # In the last column a terminal would wrap.
        text = fitted(done, total, self._rate(), reason, _columns() - 1)
        print_complaint(f"\r{text}\033[K", end="")

    def _rate(self) -> float:
        """Ids a second, lately."""
        (began, before), (now, done) = self._looks[0], self._looks[-1]
        return (done - before) / (now - began) if now > began else 0.0


def fitted(done: int, total: int, rate: float, reason: str, columns: int) -> str:
    """The line, without what is least important if there is no room: the reason stays longest."""
    count = f"{done} of {total} ids"
    speed = f"{rate:.0f} ids/s" if rate else ""
    left = _left(total - done, rate) if rate else ""
    # Whoever answers may have put anything into it.
    reason = reason.encode("ascii", "backslashreplace").decode()

    def line(width: int, *parts: str) -> str:
        bar = f"[{'#' * (width * done // max(total, 1)):<{width}}] " if width else ""
        return bar + ", ".join(part for part in parts if part)

    lines = [
        line(_WIDE, count, speed, left, reason),
        line(_NARROW, count, speed, left, reason),
        line(_NARROW, count, left, reason),
        line(0, count, left, reason),
        line(0, count, reason),
    ]
    shortest = line(0, f"{100 * done // max(total, 1)} %", reason)
    return next((line for line in lines if len(line) <= columns), shortest[:columns])


def _left(ids: int, rate: float) -> str:
    seconds = round(ids / rate)
    return f"{seconds // 60}:{seconds % 60:02} left"


def _columns() -> int:
    """How many columns the terminal of standard error has."""
    try:
        columns = os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError):
        columns = 0
    return columns or shutil.get_terminal_size().columns
