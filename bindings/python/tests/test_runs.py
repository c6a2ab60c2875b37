"""Runs that don't go smoothly: errors, cancel, Ctrl-C, threads, garbage collection."""

from __future__ import annotations

import _thread
import contextlib
import gc
import json
import logging
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import koodrive
from conftest import DEVICE, PATIENCE, USER, Sandbox, StartSandbox
from koodrive import Outcome

HANG = {"hang": {"executed": True}}


def in_background(call: Any, *arguments: Any, **keywords: Any) -> Any:
    """A call in another thread, as a future."""
    threads = ThreadPoolExecutor(1)
    future = threads.submit(call, *arguments, **keywords)
    threads.shutdown(wait=False)
    return future


@pytest.mark.parametrize(
    ("fault", "error", "facts"),
    [
        (
            {
                "status": {
                    "status": 403,
                    "body": '{"code": 77, "msg": "secret-token is not for you"}',
                    "content_type": "application/json",
                }
            },
            koodrive.ServiceError,
            {"http_status": 403, "service_code": "77"},
        ),
        ({"status": {"status": 401}}, koodrive.Unauthorized, {"http_status": 401}),
        (
            {"status": {"status": 503}},
            koodrive.ServiceError,
            {"http_status": 503, "retryable": True},
        ),
        ("drop_before", koodrive.Unreachable, {"http_status": None, "retryable": True}),
        (HANG, koodrive.TimedOut, {"http_status": None}),
        ({"body": {"executed": True, "body": "gibberish"}}, koodrive.InvalidResponse, {}),
    ],
)
def test_each_status_has_its_error(
    sandbox: Sandbox, fault: Any, error: type[koodrive.KooDriveError], facts: dict[str, Any]
) -> None:
    sandbox.set_faults(fault)
    client = sandbox.client(max_attempts=1, request_timeout_ms=300)
    with client, pytest.raises(error) as caught:
        client.delete_scopes(DEVICE, ["1", "2"])
    assert type(caught.value) is error
    name = error.__name__.removesuffix("Error").upper()
    assert caught.value.status.name.replace("_", "") == name
    assert {name: getattr(caught.value, name) for name in facts} == facts
    assert "secret-token" not in str(caught.value)
    report = caught.value.report
    assert report is not None
    assert [failure.scope_id for failure in report.failures] == ["1", "2"]
    assert report.deleted == []


def test_what_is_unfinished_can_be_taken_up(sandbox: Sandbox) -> None:
    drop = {"match": {"from": 1, "count": 1}, "fault": {"status": {"status": 401}}}
    sandbox.set_faults(drop)
    with sandbox.client(max_connections=1) as client:
        with pytest.raises(koodrive.Unauthorized) as caught:
            client.delete_scopes(DEVICE, range(250))
        first = caught.value.report
        assert first is not None
        assert len(first.deleted) == 100
        assert [failure.outcome.name for failure in first.failures[99:101]] == [
            "REJECTED",
            "NOT_SENT",
        ]
        plan = first.unfinished
        assert len(plan) == 150
        assert [scope.scope_id for scope in first.unfinished_scopes] == [*map(str, range(100, 250))]
        plan.add("other", ["1000"])
        second = client.delete_plan(plan)
    assert sorted([*first.deleted, *second.deleted], key=int) == [*map(str, range(250)), "1000"]
    assert second[0].user_id == USER
    assert second.scope_ids == second.deleted


def test_what_was_tried_before_is_never_called_not_found(sandbox: Sandbox) -> None:
    sandbox.set_faults({"match": {"count": 1}, "fault": "lose_answer"})
    with sandbox.client(max_attempts=1) as client:
        with pytest.raises(koodrive.Unreachable) as caught:
            client.delete_scopes(DEVICE, ["1"])
        assert caught.value.report is not None
        report = client.delete_plan(caught.value.report.unfinished)
        assert [scope.outcome for scope in report] == [Outcome.GONE]
        plan = koodrive.Plan()
        plan.add(DEVICE, ["1"])
        plan.mark_tried()
        plan.add(DEVICE, ["2"])
        assert client.delete_plan(plan).tally() == {Outcome.GONE: 1, Outcome.DELETED: 1}


def test_a_cancelled_run_keeps_what_was_answered(sandbox: Sandbox) -> None:
    sandbox.set_faults({"latency_ms": 300})
    monitor = koodrive.Monitor()
    with sandbox.client(max_connections=2) as client:
        future = in_background(client.delete_scopes, DEVICE, range(2000), monitor=monitor)
        sandbox.wait_for_requests(1)
        monitor.cancel()
        with pytest.raises(koodrive.Cancelled) as caught:
            future.result(PATIENCE)
        report = caught.value.report
        assert report is not None
        assert 0 < len(report.deleted) < 2000
        assert set(report.tally()) == {Outcome.DELETED, Outcome.NOT_SENT}
        assert sandbox.totals()["deleted"] == len(report.deleted) == monitor.done
        assert len(report.unfinished) + len(report.deleted) == 2000
        with pytest.raises(koodrive.Cancelled):
            client.delete_scopes(DEVICE, ["1"], monitor=monitor)


def test_a_second_cancel_waits_for_nothing(sandbox: Sandbox) -> None:
    sandbox.set_faults(HANG)
    monitor = koodrive.Monitor()
    with sandbox.client() as client:
        future = in_background(client.delete_scopes, DEVICE, ["1"], monitor=monitor)
        sandbox.wait_for_requests(1)
        monitor.cancel()
        monitor.cancel()
        with pytest.raises(koodrive.Cancelled) as caught:
            future.result(PATIENCE)
    assert caught.value.report is not None
    assert caught.value.report.tally() == {Outcome.UNKNOWN: 1}


def test_a_monitor_watches_one_run_at_a_time(sandbox: Sandbox) -> None:
    sandbox.set_faults(HANG)
    monitor = koodrive.Monitor()
    assert repr(monitor) == "<koodrive.Monitor 0 of 0 ids>"
    with sandbox.client() as client:
        future = in_background(client.delete_scopes, DEVICE, ["1", "2"], monitor=monitor)
        sandbox.wait_for_requests(1)
        assert (monitor.done, monitor.total) == (0, 2)
        with pytest.raises(koodrive.InvalidArgument, match="monitor") as caught:
            client.delete_scopes(DEVICE, ["3"], monitor=monitor)
        assert caught.value.report is None
        monitor.cancel()
        monitor.cancel()
        with pytest.raises(koodrive.Cancelled):
            future.result(PATIENCE)


def test_a_plan_is_used_by_one_run_at_a_time(sandbox: Sandbox) -> None:
    sandbox.set_faults(HANG)
    monitor, plan = koodrive.Monitor(), koodrive.Plan()
    plan.add(DEVICE, ["1", "2"])
    with sandbox.client() as client:
        future = in_background(client.delete_plan, plan, monitor=monitor)
        sandbox.wait_for_requests(1)
        for use in (
            lambda: plan.add(DEVICE, ["3"]),
            lambda: plan.request_count,
            lambda: client.delete_plan(plan),
        ):
            with pytest.raises(RuntimeError, match="plan: a run uses it"):
                use()
        assert len(plan) == 2
        monitor.cancel()
        monitor.cancel()
        with pytest.raises(koodrive.Cancelled):
            future.result(PATIENCE)
    assert plan.request_count == 1
    assert sandbox.totals()["requests"] == 1


def test_close_waits_for_calls_in_progress(sandbox: Sandbox) -> None:
    sandbox.set_faults({"latency_ms": 300})
    client = sandbox.client()
    future = in_background(client.delete_scopes, DEVICE, ["1"])
    sandbox.wait_for_requests(1)
    client.close()
    # The call's thread may still be on its way back to the future.
    assert future.result(PATIENCE).deleted == ["1"]


def test_a_client_is_not_closed_inside_its_own_run(sandbox: Sandbox) -> None:
    def close(done: int, total: int) -> None:
        client.close()

    sandbox.set_faults({"latency_ms": 500})
    with sandbox.client() as client:
        with pytest.raises(RuntimeError, match="inside its own run"):
            client.delete_scopes(DEVICE, ["1"], progress=close)
        assert client.delete_scopes(DEVICE, ["2"]).deleted == ["2"]


def test_progress_is_told_in_the_calling_thread(sandbox: Sandbox) -> None:
    seen: list[tuple[int, int]] = []
    threads = set()

    def progress(done: int, total: int) -> None:
        seen.append((done, total))
        threads.add(threading.get_ident())

    sandbox.set_faults({"latency_ms": 200})
    with sandbox.client(max_connections=1) as client:
        client.delete_scopes(DEVICE, range(300), progress=progress)
    assert seen[-1] == (300, 300)
    assert seen == sorted(seen)
    assert len(seen) > 2
    assert threads == {threading.get_ident()}


def test_a_call_outside_the_main_thread_starts_no_other(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []
    start = _thread.start_new_thread

    def note(function: Callable[[], None], arguments: tuple[()]) -> int:
        started.append(function)
        return start(function, arguments)

    monkeypatch.setattr(_thread, "start_new_thread", note)
    # Who hears the log has a thread that tells it; pytest does.
    monkeypatch.setattr(logging.getLogger("koodrive"), "propagate", False)
    with sandbox.client() as client:
        future = in_background(client.delete_scopes, DEVICE, ["1"])
        assert future.result(PATIENCE).deleted == ["1"]
        assert not started
        client.delete_scopes(DEVICE, ["2"])
        assert len(started) == 1, "the main thread stays free for Ctrl-C"


def test_an_exception_in_progress_cancels_and_carries_the_report(sandbox: Sandbox) -> None:
    class Enough(Exception):
        report: koodrive.Report

    def progress(done: int, total: int) -> None:
        if done:
            raise Enough

    sandbox.set_faults({"latency_ms": 200})
    with sandbox.client(max_connections=1) as client, pytest.raises(Enough) as caught:
        client.delete_scopes(DEVICE, range(5000), progress=progress)
    report = caught.value.report
    assert 0 < len(report.deleted) < 5000
    assert sandbox.totals()["deleted"] == len(report.deleted)


def test_a_tqdm_bar(sandbox: Sandbox, capfd: pytest.CaptureFixture[str]) -> None:
    with sandbox.client() as client:
        client.delete_scopes(DEVICE, range(250), progress=True)
    assert "250/250" in capfd.readouterr().err


def test_no_tqdm_no_bar(
    sandbox: Sandbox, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with sandbox.client() as client:
        assert len(client.delete_scopes(DEVICE, ["1"], progress=True).deleted) == 1
    assert capfd.readouterr().err == ""


INTERRUPTED = """
import json, koodrive, sys
with koodrive.Client.from_env() as client:
    try:
        client.delete_scopes("d", range(int(sys.argv[1])))
    except KeyboardInterrupt as error:
        tally = {status.name: count for status, count in error.report.tally().items()}
        print(json.dumps(tally), type(error).__name__)
"""


#: Python then takes the other thread for its main one.
IMPORTED_ELSEWHERE = """
import _thread
imported = _thread.allocate_lock()
imported.acquire()
def elsewhere():
    import threading
    imported.release()
_thread.start_new_thread(elsewhere, ())
imported.acquire()
"""


@contextlib.contextmanager
def to_be_interrupted(
    sandbox: Sandbox, ids: int, before: str = ""
) -> Iterator[subprocess.Popen[str]]:
    """A program that deletes, to send signals to; killed if it outlives the block."""
    environment = sandbox.environment()
    environment["KOODRIVE_MAX_CONNECTIONS"] = "1"
    environment["PYTHONPATH"] = str(Path(koodrive.__file__).parents[1])
    command = [sys.executable, "-c", before + INTERRUPTED, str(ids)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as child:
        try:
            yield child
        finally:
            child.kill()


@pytest.mark.parametrize("before", ["", IMPORTED_ELSEWHERE])
def test_ctrl_c_waits_for_the_answers_under_way(sandbox: Sandbox, before: str) -> None:
    sandbox.set_faults({"latency_ms": 1000})
    with to_be_interrupted(sandbox, 100_000, before) as child:
        sandbox.wait_for_requests(1)
        child.send_signal(signal.SIGINT)
        output, _ = child.communicate(timeout=PATIENCE)
    tally, kind = output.split("} ")
    counts = json.loads(tally + "}")
    assert kind.strip() == "KeyboardInterrupt"
    assert set(counts) == {"DELETED", "NOT_SENT"}
    assert counts["DELETED"] == sandbox.totals()["deleted"] >= 100
    assert sum(counts.values()) == 100_000


def test_a_second_ctrl_c_does_not_wait(sandbox: Sandbox) -> None:
    sandbox.set_faults(HANG)
    with to_be_interrupted(sandbox, 150) as child:
        sandbox.wait_for_requests(1)
        deadline = time.monotonic() + PATIENCE / 2
        # Signals that come too close together are one to Python: press until it has heard two.
        while child.poll() is None and time.monotonic() < deadline:
            child.send_signal(signal.SIGINT)
            time.sleep(0.3)
        output, _ = child.communicate(timeout=PATIENCE)
    assert output == '{"NOT_SENT": 50, "UNKNOWN": 100} KeyboardInterrupt\n'


def test_a_signal_handlers_exception_does_not_lose_the_report(sandbox: Sandbox) -> None:
    class Alarm(Exception):
        report: koodrive.Report

    def ring(*_: object) -> None:
        raise Alarm

    sandbox.set_faults({"latency_ms": 500})
    previous = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with sandbox.client(max_connections=1) as client, pytest.raises(Alarm) as caught:
            client.delete_scopes(DEVICE, range(10_000))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    report = caught.value.report
    assert len(report) == 10_000
    assert len(report.deleted) == sandbox.totals()["deleted"] < 10_000


def test_errors_of_sixteen_threads_do_not_mix(start_sandbox: StartSandbox) -> None:
    users = [f"user-{number}" for number in range(16)]
    sandbox = start_sandbox(
        forbidden_users=users[::4],
        rejected_ids={
            f"{number}": {"error_code": f"77{number}", "msg": "no"} for number in range(16)
        },
    )
    rounds = 30

    def work(client: koodrive.Client, number: int, start: threading.Barrier) -> None:
        user = users[number]
        start.wait(PATIENCE)
        for turn in range(rounds):
            with pytest.raises(koodrive.InvalidArgument) as bad:
                client.delete_scopes(DEVICE, ["1"] * number + [f"{number} {turn}"])
            assert f'scope_ids[{number}] "{number} {turn}"' in str(bad.value)
            if number % 4 == 0:
                with pytest.raises(koodrive.ServiceError) as refused:
                    client.delete_scopes(DEVICE, ["1000"], user_id=user)
                report = refused.value.report
                assert report is not None
                assert refused.value.http_status == 403
            else:
                report = client.delete_scopes(DEVICE, [f"{number}", "1000"], user_id=user)
                assert report[0].service_code == f"77{number}"
            assert {outcome.user_id for outcome in report} == {user}

    start = threading.Barrier(16)
    with sandbox.client() as client, ThreadPoolExecutor(16) as threads:
        for future in [threads.submit(work, client, number, start) for number in range(16)]:
            future.result(PATIENCE)


def test_one_plan_filled_by_many_threads_loses_nothing() -> None:
    plan = koodrive.Plan()

    def fill(number: int) -> None:
        for turn in range(200):
            plan.add(f"device-{number}", [turn])

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(fill, range(8)))
    assert (len(plan), plan.request_count) == (1600, 16)


def test_garbage_collection_in_the_middle_of_runs(sandbox: Sandbox) -> None:
    sandbox.set_faults({"latency_ms": 20})

    def start(number: int) -> koodrive.Report:
        # Nobody but the run itself holds client, plan and monitor.
        return sandbox.client(max_connections=1).delete_scopes(f"device-{number}", range(300))

    with ThreadPoolExecutor(4) as threads:
        futures = [threads.submit(start, number) for number in range(8)]
        while not all(future.done() for future in futures):
            gc.collect()
        reports = [future.result() for future in futures]
    del futures
    gc.collect()
    for number, report in enumerate(reports):
        assert report.deleted == [str(scope) for scope in range(300)]
        assert report[299].device_id == f"device-{number}"


def test_what_a_report_hands_out_outlives_it(sandbox: Sandbox) -> None:
    with sandbox.client() as client:
        report = client.delete_scopes(DEVICE, range(1000))
        outcomes, outcome, unfinished = report.outcomes, report[7], report.unfinished
        del report
        gc.collect()
        client.delete_scopes(DEVICE, range(1000))
        assert list(outcomes) == [1] * 1000
        assert outcome == ("7", DEVICE, USER, Outcome.DELETED, None, None)
        assert len(client.delete_plan(unfinished)) == 0


def test_runs_leave_nothing_behind(sandbox: Sandbox) -> None:
    """A report and its error are gone as soon as nobody holds them, without the collector."""

    def fail() -> None:
        with sandbox.client() as client:
            try:
                client.delete_scopes(DEVICE, ["1"])
            except koodrive.ServiceError as error:
                if error.report is not None:
                    remains.extend(
                        map(weakref.ref, (client, error.report, error.report.unfinished))
                    )

    remains: list[weakref.ref[object]] = []
    sandbox.set_faults({"status": {"status": 403}})
    gc.disable()
    try:
        fail()
        deadline = time.monotonic() + PATIENCE
        # The run's thread may have a last step to take.
        while any(remain() for remain in remains):
            assert time.monotonic() < deadline, remains
            time.sleep(0.01)
    finally:
        gc.enable()
    assert len(remains) == 3


def test_the_interpreter_may_end_in_the_middle_of_a_run(sandbox: Sandbox) -> None:
    sandbox.set_faults(HANG)
    code = """
import koodrive, threading
client = koodrive.Client.from_env()
monitor = koodrive.Monitor()
threading.Thread(
    target=client.delete_scopes, args=("d", ["1"]), kwargs={"monitor": monitor}, daemon=True
).start()
while not monitor.total:
    pass
"""
    environment = sandbox.environment()
    environment["PYTHONPATH"] = str(Path(koodrive.__file__).parents[1])
    command = [sys.executable, "-c", code]
    child = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (child.returncode, child.stderr) == (0, "")
