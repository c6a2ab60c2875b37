"""Signal handlers that raise, again and again, wherever the package is."""

from __future__ import annotations

import contextlib
import itertools
import linecache
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pyarrow
import pytest

import koodrive
from conftest import USER, Sandbox
from koodrive import Outcome

PACKAGE = str(Path(koodrive.__file__).parent)


# What a finalizer raises is printed and forgotten, by Python's rules: it reaches nobody.
FINALIZERS = ("weakref.py", "_weakrefset.py", "unraisableexception.py")


def is_inside(frame: FrameType | None) -> bool:
    """Whether a function of the package is at work and not a finalizer."""
    inside = False
    while frame is not None:
        file = frame.f_code.co_filename
        if file.endswith(FINALIZERS):
            return False
        inside = inside or file.startswith(PACKAGE)
        frame = frame.f_back
    return inside


@contextlib.contextmanager
def bursts(interval: float) -> Iterator[None]:
    """A KeyboardInterrupt every so often, while the package is at work in this thread.

    The time from one to the next begins where the handler ends: on a slow machine, handlers that
    interrupt each other would leave nothing else any time.
    """

    goes_on = True

    def interrupt(_: int, frame: FrameType | None) -> None:
        try:
            if is_inside(frame):
                raise KeyboardInterrupt
        finally:
            if goes_on:
                signal.setitimer(signal.ITIMER_REAL, interval)

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, interval)
    try:
        yield
    finally:
        goes_on = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("interval", [0.000_05, 0.000_2, 0.001, 0.003])
def test_whatever_was_deleted_is_reported(sandbox: Sandbox, interval: float) -> None:
    sandbox.set_faults({"latency_ms": 2})
    reported = interruptions = 0
    with sandbox.client(max_connections=1) as client:
        for round_number in range(40):
            ids = [str(1000 * round_number + number) for number in range(200)]
            report: koodrive.Report | None
            try:
                with bursts(interval):
                    report = client.delete_scopes("d", ids)
            except KeyboardInterrupt as error:
                interruptions += 1
                report = getattr(error, "report", None)
            if report is not None:
                tally = report.tally()
                assert sum(tally.values()) == 200
                assert Outcome.NOT_FOUND not in tally
                # An abandoned request may have been carried out or not.
                reported += tally.get(Outcome.DELETED, 0)
                reported += tally.get(Outcome.UNKNOWN, 0)
    assert interruptions > 0
    assert sandbox.totals()["deleted"] <= reported


@contextlib.contextmanager
def interruption_at(step: int) -> Iterator[None]:
    """A KeyboardInterrupt at one of the lines that the package executes.

    But not at a `with`, which is also traced where it is left: Python runs no signal handler there.
    """
    lines = itertools.count()

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        line = linecache.getline(frame.f_code.co_filename, frame.f_lineno).lstrip()
        if event == "line" and not line.startswith("with ") and next(lines) == step:
            raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


def scope_of(scope_id: str, device_id: str) -> koodrive.Scope:
    return koodrive.Scope(scope_id, None, None, None, None, device_id, USER)


def add_by(method: str, plan: koodrive.Plan, ids: list[str]) -> None:
    if method == "add":
        plan.add("d", ids)
    elif method == "add_table":
        plan.add_table(pyarrow.table({"device_id": ["d"] * len(ids), "scope_id": ids}))
    elif method == "add_lines":
        plan.add_lines("d", "\n".join(ids))
    else:
        plan.add_scopes(scope_of(scope_id, "d") for scope_id in ids)


@pytest.mark.parametrize("method", ["add", "add_lines", "add_scopes", "add_table"])
def test_an_addition_that_raised_added_nothing(sandbox: Sandbox, method: str) -> None:
    plan = koodrive.Plan()
    expected = ["1", "2"]
    plan.add("d", expected)
    for step in itertools.count():
        ids = [str(10 * step + number) for number in range(10, 13)]
        try:
            with interruption_at(step):
                add_by(method, plan, ids)
        except KeyboardInterrupt:
            assert len(plan) == len(expected)
            if step % 3 == 0:
                plan.add("d", ids)
                expected += ids
        else:
            expected += ids
            break
    assert step > 20
    # The first two are the client's user's, who is not known before a run.
    users = 2 if method == "add_scopes" else 1
    assert plan.request_count == users + len(expected) // 100
    with sandbox.client() as client:
        report = client.delete_plan(plan)
    assert report.scope_ids == expected
    assert len(report) == len(expected)
    assert sandbox.totals()["deleted"] == len(expected)


def test_handlers_are_called_and_given_back(sandbox: Sandbox) -> None:
    calls = []
    before = signal.signal(signal.SIGUSR1, lambda number, _: calls.append(number))
    handlers = [signal.getsignal(number) for number in signal.valid_signals()]
    try:
        with sandbox.client() as client:
            client.delete_scopes(
                "d", ["1"], progress=lambda done, _: signal.raise_signal(signal.SIGUSR1)
            )
        assert calls
        assert [signal.getsignal(number) for number in signal.valid_signals()] == handlers
    finally:
        signal.signal(signal.SIGUSR1, before)
