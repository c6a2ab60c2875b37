"""What the logger "koodrive" hears of a run, and the command line's -v."""

from __future__ import annotations

import concurrent.futures
import contextlib
import json
import logging
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Callable

import pytest
from test_command import delete, read_all, start, terminal

import koodrive
from conftest import PATIENCE, USER, Sandbox, StartSandbox
from koodrive._library import lib


def kinds(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.kind for record in caplog.records]  # type: ignore[attr-defined]


def test_each_request_is_a_record(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    sandbox.set_faults({"match": {"count": 1}, "fault": {"status": {"status": 500}}})
    monitor = koodrive.Monitor()
    with caplog.at_level(logging.DEBUG, "koodrive"), sandbox.client() as client:
        client.delete_scopes("d", ["1", "2"], monitor=monitor)
    assert kinds(caplog) == ["REQUEST", "RETRY", "REQUEST"]
    failed, retry, last = caplog.records
    assert failed.levelno == logging.DEBUG
    assert (failed.http_status, failed.attempt, failed.scope_count) == (500, 1, 2)  # type: ignore[attr-defined]
    for record in caplog.records:
        named = (record.user_id, record.device_id, record.first_scope_id)  # type: ignore[attr-defined]
        assert named == (USER, "d", "1")
    assert failed.request_id == retry.request_id is not None  # type: ignore[attr-defined]
    assert "HTTP 500" in retry.getMessage()
    assert (last.http_status, last.attempt) == (200, 2)  # type: ignore[attr-defined]
    assert (monitor.requests_sent, monitor.retries, monitor.throttles) == (2, 1, 0)


def test_levels_are_respected(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    sandbox.set_faults({"status": {"status": 401}})
    with caplog.at_level(logging.INFO, "koodrive"), sandbox.client() as client:
        with pytest.raises(koodrive.Unauthorized):
            client.delete_scopes("d", ["1"])
        with pytest.raises(koodrive.Unauthorized):
            client.devices()
    # Of a list there is only one request, of which its error tells, too.
    assert kinds(caplog) == ["STOPPING", "GIVEN_UP", "GIVEN_UP"]
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


def test_an_outage_and_throttling_are_warnings(
    start_sandbox: StartSandbox, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox = start_sandbox(rate_limit={"per_second": 50, "burst": 1})

    def break_down(done: int, _: int) -> None:
        if done and not sandbox_is_down:
            sandbox_is_down.append(True)
            sandbox.set_faults({"match": {"for_ms": 1000}, "fault": {"status": {"status": 502}}})

    sandbox_is_down: list[bool] = []
    # One attempt and connection, so that it is soon clear that the service is down.
    settings = {"max_connections": 1, "max_attempts": 1}
    with caplog.at_level(logging.INFO, "koodrive"), sandbox.client(**settings) as client:
        client.delete_scopes("d", range(10_000), progress=break_down)
    levels = {record.kind: record.levelname for record in caplog.records}  # type: ignore[attr-defined]
    assert levels["THROTTLED"] == levels["OUTAGE_BEGAN"] == "WARNING"
    assert levels["OUTAGE_ENDED"] == "INFO"
    rates = [record.rate for record in caplog.records if record.kind == "THROTTLED"]  # type: ignore[attr-defined]
    assert all(rate > 0 for rate in rates)


def test_who_no_longer_listens_keeps_no_events(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    monitor = koodrive.Monitor()
    with sandbox.client() as client:
        for level in (logging.DEBUG, logging.ERROR):
            with caplog.at_level(level, "koodrive"):
                client.delete_scopes("d", ["1"], monitor=monitor)
    assert kinds(caplog) == ["REQUEST"]
    assert not lib.koodrive_monitor_next_event(monitor._handle)


class Broken(logging.Handler):
    """Can't write a record, and what else happens then."""

    def __init__(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        super().__init__()
        self._meanwhile = meanwhile

    def emit(self, record: logging.LogRecord) -> None:
        self._meanwhile()
        raise ValueError("the disk is full")


@contextlib.contextmanager
def heard_by(handler: logging.Handler) -> Iterator[None]:
    logger = logging.getLogger("koodrive")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


def test_a_log_that_can_not_be_written_ends_no_run(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with heard_by(Broken()), sandbox.client(max_connections=1) as client:
        report = client.delete_scopes("d", range(300))
        complaints = capsys.readouterr().err
        monkeypatch.setattr(logging, "raiseExceptions", False)
        client.devices()
    assert len(report.deleted) == 300
    assert complaints.count("--- Logging error ---") == 3
    assert "ValueError: the disk is full" in complaints
    assert "the service answered the request" in complaints
    assert capsys.readouterr().err == ""


def test_an_interruption_amid_a_broken_log_is_raised(sandbox: Sandbox) -> None:
    class Expired(Exception):
        report: koodrive.Report

    def expire(*_: object) -> None:
        raise Expired

    before = signal.signal(signal.SIGUSR1, expire)
    handler = Broken(lambda: os.kill(os.getpid(), signal.SIGUSR1))
    try:
        with heard_by(handler), sandbox.client() as client, pytest.raises(Expired) as raised:
            client.delete_scopes("d", range(1_000))
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert len(raised.value.report) == 1_000


def test_a_handler_may_interrupt(sandbox: Sandbox) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with (
        heard_by(Broken(interrupt)),
        sandbox.client() as client,
        pytest.raises(KeyboardInterrupt) as raised,
    ):
        client.delete_scopes("d", range(1_000))
    assert len(raised.value.report) == 1_000  # type: ignore[attr-defined]


SILENT = """\
import koodrive
with koodrive.Client.from_env() as client:
    try:
        client.delete_scopes("d", ["1"])
    except koodrive.Unauthorized:
        print("unauthorized")
"""


def test_who_configures_no_logging_hears_nothing(sandbox: Sandbox) -> None:
    sandbox.set_faults({"status": {"status": 401}})
    environment = {**sandbox.environment(), "PYTHONPATH": str(Path(koodrive.__file__).parents[1])}
    child = subprocess.run(
        [sys.executable, "-c", SILENT],
        env=environment,
        capture_output=True,
        timeout=PATIENCE,
        check=True,
    )
    assert (child.stdout, child.stderr) == (b"unauthorized\n", b"")


def test_v_says_why_it_stops(sandbox: Sandbox) -> None:
    sandbox.set_faults({"status": {"status": 401}})
    status, _, complaints = delete(sandbox, "--device", "d", "-v", ids="1\n")
    assert status == 3
    line = complaints.splitlines()[0]
    assert re.search(r" WARNING STOPPING elapsed_ms=\d+ http_status=401 request_id=\S+ ", line)
    assert "REQUEST" not in line


@pytest.mark.parametrize("verbose", ["-v", "-vv"])
def test_each_failure_says_which_request_when_and_why(sandbox: Sandbox, verbose: str) -> None:
    sandbox.set_faults({"match": {"device": "d"}, "fault": {"status": {"status": 500}}})
    settings = {"KOODRIVE_MAX_ATTEMPTS": "2"}
    _, _, complaints = delete(sandbox, "--device", "d", verbose, ids="7\n8\n", environment=settings)
    fields = (
        rf"user_id={USER} device_id=d first_scope_id=7 scope_count=2 attempt=2"
        r" http_status=500 request_id=\S+ "
    )
    (line,) = (line for line in complaints.splitlines() if " GIVEN_UP " in line)
    assert re.search(rf"Z WARNING GIVEN_UP elapsed_ms=\d+ {fields}not sent again: .* 500", line)
    if verbose == "-vv":
        assert re.search(rf" DEBUG   RETRY elapsed_ms=\d+ {fields}sent again .* 500", complaints)


def test_vv_as_json_answers_which_request_failed(sandbox: Sandbox) -> None:
    sandbox.set_faults({"match": {"count": 1}, "fault": {"status": {"status": 500}}})
    arguments = ["--device", "d", "-vv", "--log-format", "json"]
    status, output, complaints = delete(sandbox, *arguments, ids="1\n")
    assert (status, output) == (0, "1 id: 1 DELETED; requests: 2\n")
    failed, retry, _ = map(json.loads, complaints.splitlines())
    assert (failed["kind"], failed["http_status"], failed["attempt"]) == ("REQUEST", 500, 1)
    assert failed["request_id"] == retry["request_id"]
    assert failed["time"].endswith("Z")
    assert "HTTP 500" in failed["message"]


def json_lines(complaints: str) -> list[dict[str, Any]]:
    """What is written to standard error with --log-format json."""
    lines: list[dict[str, Any]] = [json.loads(line) for line in complaints.splitlines()]
    assert len({tuple(line) for line in lines}) == 1, "all have the same fields"
    return lines


@pytest.mark.parametrize("verbose", [[], ["-v"], ["-vv"]])
def test_as_json_all_of_standard_error_is_json(sandbox: Sandbox, verbose: list[str]) -> None:
    sandbox.set_faults({"status": {"status": 401}})
    # What can't be written there is written to standard error.
    unwritable = ["--output", "jsonl", "--unfinished", "/dev/full"]
    arguments = ["--device", "d", "--log-format", "json", *verbose, *unwritable]
    status, _, complaints = delete(sandbox, *arguments, ids="1\n2\n")
    lines = json_lines(complaints)
    assert status == 3
    kinds = [line["kind"] for line in lines if line["kind"]]
    warnings = ["STOPPING", "GIVEN_UP"]
    assert kinds == (["REQUEST", *warnings] if "-vv" in verbose else warnings)
    said = {line["message"]: line["level"] for line in lines}
    assert said["2 ids: 2 REJECTED; requests: 1"] == said["1"] == said["2"] == "INFO"
    (incomplete,) = (text for text in said if text.startswith("koodrive: the run is incomplete"))
    assert said[incomplete] == "WARNING"


def test_as_json_a_list_that_fails_is_told(sandbox: Sandbox) -> None:
    sandbox.set_faults({"status": {"status": 401}})
    with start(sandbox, "devices", "--log-format", "json") as child:
        _, complaints = child.communicate(timeout=PATIENCE)
    assert child.returncode == 3
    given_up, failed = json_lines(complaints)
    assert given_up["kind"] == "GIVEN_UP"
    assert failed["message"].startswith("koodrive: UNAUTHORIZED: ")


def test_as_json_nothing_is_drawn_or_asked(sandbox: Sandbox) -> None:
    ours, theirs = pty.openpty()
    arguments = ["--device", "d", "--log-format", "json"]
    said = delete(sandbox, *arguments, ids="1\n2\n", stderr=theirs)
    assert said[:2] == (0, "2 ids: 2 DELETED; requests: 1\n")
    with start(sandbox, "delete", *arguments, "--all", stdin=theirs, stderr=theirs) as child:
        child.communicate(timeout=PATIENCE)
    os.close(theirs)
    assert child.returncode == 2
    (refused,) = json_lines(read_all(ours))
    assert "say --yes" in refused["message"]


def test_lists_are_logged_too(sandbox: Sandbox) -> None:
    with start(sandbox, "devices", "-vv") as child:
        _, complaints = child.communicate(timeout=PATIENCE)
    assert re.search(r" DEBUG   REQUEST elapsed_ms=.* attempt=1 http_status=200 ", complaints)


#: One attempt and connection, so that it is soon clear that the service is down.
HASTY = {"KOODRIVE_MAX_CONNECTIONS": "1", "KOODRIVE_MAX_ATTEMPTS": "1"}


def lines_of_a_bar(
    sandbox: Sandbox,
    ids: Path,
    environment: dict[str, str],
    columns: int = 80,
    python: Sequence[str] = (),
    meanwhile: Callable[[], object] = lambda: None,
) -> list[str]:
    """What a terminal shows during a run, one after the other."""
    ids.write_text("".join(f"{number}\n" for number in range(10_000)))
    ours, theirs = terminal(columns)
    arguments = ["delete", "--device", "d", str(ids)]
    with (
        concurrent.futures.ThreadPoolExecutor() as pool,
        start(sandbox, *arguments, stderr=theirs, python=python, environment=environment) as child,
    ):
        # It is read meanwhile: it holds little.
        reading = pool.submit(read_all, ours)
        meanwhile()
        child.communicate(timeout=PATIENCE)
        os.close(theirs)
        shown = reading.result(PATIENCE)
    assert child.returncode == 0
    assert shown.count("\n") == 1, "it is one line"
    texts = [line.strip() for line in shown.replace("\033[K", "").split("\r")]
    lines = [text for text in texts if text]
    assert max(map(len, lines)) < columns, "it does not wrap"
    return lines


#: With the environment's packages, of which tqdm is one, and without.
BARS = [[], ["-S"]]


@pytest.mark.parametrize("python", BARS)
@pytest.mark.parametrize("columns", [80, 40])
def test_a_terminal_sees_why_a_run_waits(
    start_sandbox: StartSandbox, tmp_path: Path, columns: int, python: list[str]
) -> None:
    sandbox = start_sandbox(rate_limit={"per_second": 50, "burst": 1})

    def break_down() -> None:
        sandbox.wait_for_requests(10)
        sandbox.set_faults({"match": {"for_ms": 1000}, "fault": {"status": {"status": 502}}})

    lines = lines_of_a_bar(sandbox, tmp_path / "ids", HASTY, columns, python, break_down)
    down = [re.search(r"service down for \d+ s: HTTP 502\b", line) is not None for line in lines]
    assert any(down)
    back = lines[len(down) - down[::-1].index(True) :]
    throttled = [re.search(r"throttled to ([\d.]+) requests/s", line) for line in back]
    rates = [match[1] for match in throttled if match]
    assert rates, "it is said why it is slow also when the service is back"
    assert float(rates[-1]) <= 60
    assert re.search("10000( of |/)10000|100 ?%", back[-1])
    assert "throttled" not in back[-1]


@pytest.mark.parametrize("python", BARS)
def test_a_terminal_sees_that_nothing_is_answered(
    sandbox: Sandbox, tmp_path: Path, python: list[str]
) -> None:
    sandbox.set_faults({"match": {"from": 3, "count": 1}, "fault": {"hang": {"executed": False}}})
    settings = {"KOODRIVE_MAX_CONNECTIONS": "1", "KOODRIVE_REQUEST_TIMEOUT_MS": "7000"}
    lines = lines_of_a_bar(sandbox, tmp_path / "ids", settings, python=python)
    silent = {match[1] for line in lines if (match := re.search(r"no answer for (\d+) s", line))}
    assert {"5", "6"} <= silent
    assert "no answer" not in lines[-1]


def test_an_interrupted_run_can_be_followed(sandbox: Sandbox) -> None:
    sandbox.set_faults({"latency_ms": 300})
    with start(sandbox, "delete", "--device", "d", "-vv") as child:
        assert child.stdin is not None
        child.stdin.write("".join(f"{number}\n" for number in range(5_000)))
        child.stdin.close()
        child.stdin = None
        sandbox.wait_for_requests(1)
        child.send_signal(signal.SIGINT)
        _, complaints = child.communicate(timeout=PATIENCE)
    assert child.returncode == 3
    assert re.search(r" WARNING STOPPING elapsed_ms=\d+ the run was cancelled", complaints)
    assert complaints.count(" REQUEST ") == len(sandbox.ledger())
