"""What Python's signal handlers raise during a run is kept until the run has ended."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any, Callable

try:  # Those of signal make enums of each response, which takes longer than a short run.
    import _signal as signals  # type: ignore[import-not-found]
except ImportError:
    import signal as signals

_ALL = tuple(signal.valid_signals())

#: Whether a signal wakes a thread that waits for a lock. On Windows it has to look by itself.
WAKES_WAITERS = sys.platform != "win32"


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """No signal reaches this thread meanwhile, nor ever a thread that is started in here.

    Signals are for the main thread: one that went to another would not wake it, as happens to the
    second of two that come at once. On Windows none goes to another.
    """
    if sys.platform == "win32":
        yield
        return
    before = signals.pthread_sigmask(signal.SIG_BLOCK, _ALL)
    try:
        yield
    finally:
        signals.pthread_sigmask(signal.SIG_SETMASK, before)


class Signals:
    """Stands before the process's signal handlers, which are still called as signals come.

    Python runs them between any two steps of its main thread. What they raise would leave a run in
    its middle, and a second one the handling of the first, and the report would be lost.
    """

    def __init__(self, interrupted: Callable[[], object]) -> None:
        self._interrupted = interrupted
        self._handlers: dict[int, Callable[[int, FrameType | None], Any]] = {}
        #: Whether to keep what is raised, rather than to let it pass.
        self.holding = False
        self.raised: list[BaseException] = []

    def take_over(self) -> bool:
        """Begin; False where no handler runs in this thread."""
        try:
            for number in _ALL:
                handler = signals.getsignal(number)
                if callable(handler):
                    self._handlers[number] = handler
                    signal.signal(number, self._handle)
        except ValueError:  # This is not the main thread.
            self._handlers.clear()
        return bool(self._handlers)

    def give_back(self) -> None:
        """End, unless somebody has set other handlers meanwhile."""
        self.holding = False
        for number, handler in self._handlers.items():
            if signals.getsignal(number) == self._handle:
                signal.signal(number, handler)

    def let_through(self, call: Callable[[], object]) -> None:
        """Call something that a signal may interrupt."""
        try:
            self.holding = False
            call()
            self.holding = True
        except BaseException as error:
            self.holding = True  # First of all: the next signal may be there already.
            self._keep(error)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if not self.holding:
            self._handlers[number](number, frame)
            return
        try:
            self._handlers[number](number, frame)
        except BaseException as error:
            self._keep(error)

    def _keep(self, error: BaseException) -> None:
        self.raised.append(error)
        self._interrupted()


@contextlib.contextmanager
def held_until_end() -> Iterator[None]:
    """What a signal handler raises meanwhile is raised at the end."""
    held = Signals(lambda: None)
    try:
        held.take_over()
        held.holding = True
        yield
    finally:
        held.give_back()
    if held.raised:
        raise held.raised[0]
