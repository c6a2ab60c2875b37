"""Carries out a delete call where the caller can hear signals and look at progress meanwhile."""

from __future__ import annotations

import threading
from typing import Callable

from koodrive._monitor import Monitor
from koodrive._report import Report

#: How often progress is looked at, in seconds.
_PERIOD = 0.1


def run(call: Callable[[], Report], monitor: Monitor, watch: Callable[[], object] | None) -> Report:
    """Return the call's report or raise its error, calling `watch` now and then in this thread.

    What a signal handler or `watch` raises here meanwhile, KeyboardInterrupt above all, cancels the
    run, waits for the answers under way (a second one does not), and goes on with the report as its
    attribute.
    """
    if watch is None and not _hears_signals():
        return call()
    task = _Task(call)
    try:
        task.start()
        while not task.ended.wait(_PERIOD if watch else None):
            if watch:
                watch()
        if watch and task.error is None:
            watch()
        return task.result()
    except BaseException as interruption:
        if interruption is not task.error:
            _stop(task, monitor)
            interruption.report = task.report  # type: ignore[attr-defined]
        raise
    finally:
        # Error, traceback, frame and task would keep each other, and the report, alive.
        task.error = None


def _hears_signals() -> bool:
    """Whether this may be the thread in which Python runs signal handlers: its main thread.

    That is one that `threading` did not start, and not always the one it takes for the main thread:
    another may have imported it first.
    """
    thread = threading.current_thread()
    return thread is threading.main_thread() or isinstance(thread, threading._DummyThread)


class _Task(threading.Thread):
    def __init__(self, call: Callable[[], Report]) -> None:
        super().__init__(name="koodrive")
        self._call = call
        self.ended = threading.Event()
        self.report: Report | None = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.report = self._call()
        except BaseException as error:
            self.report = getattr(error, "report", None)
            self.error = error
        finally:
            self.ended.set()

    def result(self) -> Report:
        if self.error is not None:
            raise self.error
        assert self.report is not None, "a call without an error has a report"
        return self.report


def _stop(task: _Task, monitor: Monitor) -> None:
    """Cancel, and wait until the run has ended; cancel again if interrupted again.

    A task that is not alive has ended, or it has not come as far as the library and then sends
    nothing: the monitor is cancelled already.
    """
    monitor.cancel()
    while task.is_alive() and not task.ended.is_set():
        try:
            task.ended.wait()
        except BaseException:
            monitor.cancel()
