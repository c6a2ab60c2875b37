"""Carries out a call where the caller can hear signals and look at progress meanwhile."""

from __future__ import annotations

import _thread
import threading
from typing import Callable, Generic, TypeVar

from koodrive._monitor import Monitor
from koodrive._signals import WAKES_WAITERS, Signals, held_back

T = TypeVar("T")

#: How often progress is looked at, in seconds.
_PERIOD = 0.1


def run(
    call: Callable[[], T],
    monitor: Monitor,
    watch: Callable[[], object] | None,
    log: Callable[[], object] | None = None,
) -> T:
    """Return what the call returns or raise its error, calling `watch` now and then in this thread.

    What a signal handler or `watch` raises here meanwhile, KeyboardInterrupt above all, cancels the
    run and is raised when the responses under way are in; a second one does not wait for them.
    """
    signals = Signals(monitor.cancel)
    task = _Task(call)
    try:
        if not signals.take_over() and watch is None and log is None:
            return call()
        signals.holding = True
        task.start()
        while not task.wait(_PERIOD if watch or log or not WAKES_WAITERS else None):
            # Not let through: what a signal raised amid logging would keep its locks.
            if log:
                log()
            if watch and not signals.raised:
                signals.let_through(watch)
        if log:
            log()
        if watch and not signals.raised and task.error is None:
            signals.let_through(watch)
        return task.result(signals.raised)
    except BaseException:
        # What came by another way than a signal must not leave before the run has ended either.
        while task.is_alive():
            monitor.cancel()
            task.wait()
        if log:
            log()
        raise
    finally:
        # Error, traceback, frame and task would keep each other, and the result, alive.
        task.error = None
        signals.raised = []
        signals.give_back()


class _Task(Generic[T]):
    """The call, in a thread of its own: a bare one, for many calls are short."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._has_started = self._has_ended = False
        self._running = threading.Lock()
        self._returned: list[T] = []
        self.error: BaseException | None = None

    def start(self) -> None:
        self._running.acquire()
        with held_back():
            _thread.start_new_thread(self._run, ())
            self._has_started = True

    def _run(self) -> None:
        try:
            self._returned.append(self._call())
        except BaseException as error:
            self.error = error
        finally:
            self._has_ended = True
            self._running.release()

    def is_alive(self) -> bool:
        return self._has_started and not self._has_ended

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the end, at most so long; whether it has come."""
        if not self._has_ended:
            self._running.acquire(timeout=-1 if seconds is None else seconds)
        return self._has_ended

    def result(self, raised: list[BaseException]) -> T:
        """What the call returned.

        Or else raises the first that was raised in the caller's thread, or by the call.
        """
        if raised:
            raise raised[0]
        if self.error is not None:
            raise self.error
        return self._returned[0]
