"""Signal handlers that raise, again and again, wherever the package is."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

import koodrive
from conftest import Sandbox
from koodrive import OutcomeStatus

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
    """A KeyboardInterrupt every so often, while the package is at work in this thread."""

    def interrupt(_: int, frame: FrameType | None) -> None:
        if is_inside(frame):
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, interval, interval)
    try:
        yield
    finally:
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
                assert OutcomeStatus.NOT_FOUND not in tally
                # An abandoned request may have been carried out or not.
                reported += tally.get(OutcomeStatus.DELETED, 0)
                reported += tally.get(OutcomeStatus.UNKNOWN, 0)
    assert interruptions > 0
    assert sandbox.totals()["deleted"] <= reported


@pytest.mark.parametrize("interval", [0.000_05, 0.000_2])
def test_an_addition_that_raised_added_nothing(sandbox: Sandbox, interval: float) -> None:
    plan = koodrive.Plan()
    expected: list[str] = []
    raised = 0
    for round_number in range(400):
        ids = [str(10_000 * round_number + number) for number in range(1 + 7 * round_number)]
        try:
            with bursts(interval):
                plan.add("d", ids) if round_number % 2 else plan.add_lines("d", "\n".join(ids))
        except KeyboardInterrupt:
            raised += 1
        else:
            expected += ids
        assert len(plan) == len(expected)
    assert raised > 0
    requests = plan.request_count
    assert requests == -(-len(expected) // 100)
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
