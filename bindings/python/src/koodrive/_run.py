"""Carries out a delete call where the caller can hear signals and look at progress meanwhile."""

from __future__ import annotations

import threading
from typing import Callable

from koodrive._monitor import Monitor
from koodrive._report import Report
from koodrive._signals import Signals

#: How often progress is looked at, in seconds.
_PERIOD = 0.1


def run(call: Callable[[], Report], monitor: Monitor, watch: Callable[[], object] | None) -> Report:
    """Return the call's report or raise its error, calling `watch` now and then in this thread.

    What a signal handler or `watch` raises here meanwhile, KeyboardInterrupt above all, cancels the
    run and is raised when the answers under way are in; a second one does not wait for them.
    """
    signals = Signals(monitor.cancel)
    task = _Task(call)
    try:
        if not signals.take_over() and watch is None:
            return call()
        signals.holding = True
        task.start()
        while not task.ended.wait(_PERIOD if watch else None):
            if watch and not signals.raised:
                signals.let_through(watch)
        if watch and not signals.raised and task.error is None:
            signals.let_through(watch)
        return task.result(signals.raised)
    except BaseException:
        # What came by another way than a signal must not leave before the run has ended either.
        while task.is_alive() and not task.ended.is_set():
            monitor.cancel()
            task.ended.wait()
        raise
    finally:
        # Error, traceback, frame and task would keep each other, and the report, alive.
        task.error = None
        signals.raised = []
        signals.give_back()


class _Task(threading.Thread):
    def __init__(self, call: Callable[[], Report]) -> None:
        super().__init__(name="koodrive")
        self._call = call
        self.ended = threading.Event()
        self._report: Report | None = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self._report = self._call()
        except BaseException as error:
            self.error = error
        finally:
            self.ended.set()

    def result(self, raised: list[BaseException]) -> Report:
        """The report; or else the first that was raised in the caller's thread, or by the call."""
        if raised:
            raise raised[0]
        if self.error is not None:
            raise self.error
        assert self._report is not None, "a call without an error has a report"
        return self._report
