"""The command line."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import pytest

import koodrive
from conftest import DEVICE, PATIENCE, USER, Sandbox, StartSandbox


def start(sandbox: Sandbox, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    environment = {**sandbox.environment(), **options.pop("environment", {})}
    environment["PYTHONPATH"] = str(Path(koodrive.__file__).parents[1])
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(
        [sys.executable, *options.pop("python", []), "-m", "koodrive", *arguments],
        env=environment,
        encoding="utf-8",
        **{**streams, **options},
    )


def delete(
    sandbox: Sandbox, *arguments: str, ids: str = "", **options: Any
) -> tuple[int, str, str]:
    """Exit status, output and complaints of koodrive delete."""
    with start(sandbox, "delete", *arguments, **options) as child:
        output, complaints = child.communicate(ids, timeout=PATIENCE)
        return child.returncode, output, complaints


def test_all_gone(start_sandbox: StartSandbox, tmp_path: Path) -> None:
    sandbox = start_sandbox(scopes={"users": {USER: {DEVICE: ["1", "2"]}}})
    ids = tmp_path / "ids"
    ids.write_text("1\n2\n3\n2\n")
    said = delete(sandbox, "--device", DEVICE, str(ids))
    assert said == (0, "4 ids: 2 DELETED 1 NOT_FOUND 1 DUPLICATE; requests: 1\n", "")


def test_some_left_in_a_table(start_sandbox: StartSandbox) -> None:
    sandbox = start_sandbox(
        rejected_ids={
            "22": {"error_code": "15000999", "msg": "locked\n\x1b[2J"},
            "4": {"error_code": "7", "msg": "\u9501"},
        }
    )
    said = delete(sandbox, "--device", DEVICE, "--user", "u", "-", ids="1\n22\n3\n4\n")
    assert said == (
        1,
        "22  REJECTED   15000999  locked\\n\\x1b[2J\n"
        "4   REJECTED   7         \u9501\n"
        "4 ids: 2 DELETED 2 REJECTED; requests: 1\n",
        "",
    )
    assert sandbox.ledger()[0]["user"] == "u"


def test_an_output_that_knows_few_characters(start_sandbox: StartSandbox) -> None:
    sandbox = start_sandbox(rejected_ids={"4": {"error_code": "7", "msg": "\u9501"}})
    said = delete(sandbox, "--device", DEVICE, ids="4", environment={"PYTHONIOENCODING": "ascii"})
    assert said[:2] == (
        1,
        "4  REJECTED   7         \\u9501\n1 id: 1 REJECTED; requests: 1\n",
    )


def test_json_lines_hold_every_id(start_sandbox: StartSandbox) -> None:
    sandbox = start_sandbox(rejected_ids={"2": {"error_code": "7", "msg": "locked"}})
    status, output, summary = delete(sandbox, "--device", "d", "--output", "jsonl", ids="1\n2")
    assert (status, summary) == (1, "2 ids: 1 DELETED 1 REJECTED; requests: 1\n")
    same = {"device_id": "d", "user_id": USER}
    assert [json.loads(line) for line in output.splitlines()] == [
        {"scope_id": "1", **same, "outcome": "DELETED", "service_code": None, "message": None},
        {"scope_id": "2", **same, "outcome": "REJECTED", "service_code": "7", "message": "locked"},
    ]


def test_a_dry_run_sends_nothing(sandbox: Sandbox) -> None:
    ids = "".join(f"{number}\n" for number in range(101))
    said = delete(
        sandbox, "--device", "d", "--dry-run", ids=ids, environment={"KOODRIVE_ENDPOINT": ""}
    )
    assert said == (0, "101 ids in 2 requests; nothing was sent\n", "")
    assert sandbox.ledger() == []
    one = delete(sandbox, "--device", "d", "--dry-run", ids="1\n")
    assert one == (0, "1 id in 1 request; nothing was sent\n", "")


@pytest.mark.parametrize(
    ("arguments", "ids", "named"),
    [
        (["--device", "d"], "1.5\n", "standard input: line 1: scope_ids[0]"),
        (["--device", "d"], "\n# a comment\n1\r\n2 3\n", "line 4: "),
        (["--device", "d"], "1\n\n2\u00a0\n", "line 3: "),
        (["--device", ""], "1\n", "--device: is empty"),
        (["--device", "d", "--user", ""], "1\n", "--user: is empty"),
        ([], "1\n", "--device or --table: is needed"),
        (["--dev", "d"], "1\n", "--dev"),
        (["--device", "d", "--output", "xml"], "1\n", "--output"),
        (["--device", "d", "no such file"], "", "no such file"),
        (["--device", "d", "--unfinished", "no/such/folder"], "1\n", "no/such/folder"),
    ],
)
def test_usage(sandbox: Sandbox, arguments: list[str], ids: str, named: str) -> None:
    status, output, complaints = delete(sandbox, *arguments, ids=ids)
    assert (status, output) == (2, "")
    assert named in complaints
    assert "Traceback" not in complaints
    assert sandbox.ledger() == []


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ('"1842846715527366528"', 'holds "'),
        ("'1842846715527366528", "holds '"),
        ("1842846715527366528'", "holds '"),
        ("phone,1842846715527366528", "holds ,"),
        ("phone;1842846715527366528", "holds ;"),
        ("phone\t1842846715527366528", "holds a tab"),
        ("\t1842846715527366528", "holds a tab"),
        ("scope_id", "holds no digit"),
        ("-", "holds no digit"),
    ],
)
def test_what_is_no_bare_id_is_refused(
    sandbox: Sandbox, tmp_path: Path, line: str, named: str
) -> None:
    file = tmp_path / "ids.csv"
    file.write_text(f"# from a table\n\n1842846715527366528\n{line}\n")
    status, output, complaints = delete(sandbox, "--device", "d", str(file))
    assert (status, output) == (2, "")
    assert complaints.startswith(f"koodrive: {file}: line 4: {named}; give one bare id a line")
    assert sandbox.ledger() == []


def test_a_file_in_utf_16_is_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "ids.txt"
    file.write_text("1\n2\n", encoding="utf-16")
    status, output, complaints = delete(sandbox, "--device", "d", str(file))
    assert (status, output) == (2, "")
    assert "UTF-16" in complaints
    assert sandbox.ledger() == []


def test_a_file_from_windows(sandbox: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "ids.txt"
    file.write_bytes(b"\xef\xbb\xbf# ids\r\n\r\n1  \r\n   \r\n2\t\r\n  # more\r\n3")
    said = delete(sandbox, "--device", "d", str(file))
    assert said == (0, "3 ids: 3 DELETED; requests: 1\n", "")
    assert [request["ids"] for request in sandbox.ledger()] == [["1", "2", "3"]]


@pytest.mark.parametrize("content", ["", "\n", "# nothing\r\n\r\n", "\ufeff"])
def test_a_file_without_ids(sandbox: Sandbox, tmp_path: Path, content: str) -> None:
    file = tmp_path / "ids.txt"
    file.write_text(content, encoding="utf-8", newline="")
    said = delete(sandbox, "--device", "d", str(file))
    assert said == (0, "0 ids; requests: 0\n", "")


def test_not_one_id_existed(start_sandbox: StartSandbox) -> None:
    sandbox = start_sandbox(scopes={"users": {USER: {DEVICE: ["1"]}}})
    status, output, complaints = delete(sandbox, "--device", DEVICE, ids="2\n3\n2\n")
    assert (status, output) == (1, "3 ids: 2 NOT_FOUND 1 DUPLICATE; requests: 1\n")
    assert "not one of the ids existed" in complaints
    assert delete(sandbox, "--device", DEVICE, ids="1\n2\n")[0] == 0


FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")


@FULL
@pytest.mark.parametrize("output", ["table", "jsonl"])
def test_a_report_that_can_not_be_written(start_sandbox: StartSandbox, output: str) -> None:
    sandbox = start_sandbox(rejected_ids={"2": {"error_code": "7", "msg": "locked"}})
    with open("/dev/full", "w") as full:
        status, _, complaints = delete(
            sandbox, "--device", "d", "--output", output, ids="1\n2\n", stdout=full
        )
    assert status == 3
    assert "2  REJECTED   7         locked\n" in complaints
    assert "2 ids: 1 DELETED 1 REJECTED; requests: 1\n" in complaints
    assert "standard output could not be written: " in complaints
    assert "Traceback" not in complaints


@FULL
def test_what_is_unfinished_can_not_be_written(sandbox: Sandbox) -> None:
    sandbox.set_faults({"status": {"status": 401}})
    arguments = ["--device", "d", "--unfinished", "/dev/full"]
    status, _, complaints = delete(sandbox, *arguments, ids="1\n2\n")
    assert status == 3
    assert "what a next run should take up:\n1\n2\n" in complaints
    assert "/dev/full could not be written: " in complaints


@pytest.mark.parametrize("tried", [[], ["--tried"]])
def test_who_takes_up_what_is_unfinished_hears_of_tried(
    sandbox: Sandbox, tmp_path: Path, tried: list[str]
) -> None:
    rest = tmp_path / "rest"
    # It is deleted, and the answer is lost.
    sandbox.set_faults({"match": {"count": 1}, "fault": "lose_answer"}, {"status": {"status": 401}})
    arguments = ["--device", "d", *tried, "--unfinished", str(rest)]
    _, _, complaints = delete(sandbox, *arguments, ids="1\n")
    assert rest.read_text() == "1\n"
    assert f"koodrive: {rest}: holds ids that may be deleted by now: give --tried" in complaints


def test_ids_that_were_tried_are_never_called_not_found(start_sandbox: StartSandbox) -> None:
    sandbox = start_sandbox(scopes={"users": {USER: {"d": ["1"]}}})
    arguments = ["--device", "d", "--tried", "--output", "jsonl"]
    status, output, _ = delete(sandbox, *arguments, ids="1\n2\n")
    outcomes = [json.loads(line)["outcome"] for line in output.splitlines()]
    assert (status, outcomes) == (0, ["DELETED", "GONE"])


def test_a_journal_takes_up_a_run(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.set_faults({"match": {"from": 1}, "fault": {"status": {"status": 401}}})
    ids = "".join(f"{number}\n" for number in range(250))
    arguments = ["--device", "d", "--journal", str(tmp_path / "journal")]
    status, _, complaints = delete(sandbox, *arguments, ids=ids)
    assert (status, "UNAUTHORIZED" in complaints) == (3, True)
    sandbox.set_faults()
    status, output, _ = delete(sandbox, *arguments, ids=ids)
    assert (status, output.splitlines()[-1][:21]) == (0, "250 ids: 250 DELETED;")
    status, _, complaints = delete(sandbox, *arguments, ids="1\n")
    assert (status, "of another plan" in complaints) == (2, True)
    before = (tmp_path / "journal").read_bytes()
    for same in [tmp_path / "journal", tmp_path / "." / "link"]:
        if not same.exists():
            same.symlink_to(tmp_path / "journal")
        status, _, complaints = delete(sandbox, *arguments, "--unfinished", str(same), ids=ids)
        assert (status, "must be two files" in complaints) == (2, True)
    assert (tmp_path / "journal").read_bytes() == before


@FULL
def test_nothing_can_be_written(sandbox: Sandbox) -> None:
    with open("/dev/full", "w") as full:
        status, _, _ = delete(sandbox, "--device", "d", ids="1\n", stdout=full, stderr=full)
    assert status == 3
    assert sandbox.totals()["deleted"] == 1


@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-"])
def test_closed_outputs(sandbox: Sandbox, closed: str) -> None:
    environment = {**os.environ, **sandbox.environment()}
    environment["PYTHONPATH"] = str(Path(koodrive.__file__).parents[1])
    script = f'exec "$0" -m koodrive delete --device d {closed}'
    shell = ["sh", "-c", script, sys.executable]
    child = subprocess.run(
        shell, input=b"1\n", env=environment, capture_output=True, timeout=PATIENCE, check=False
    )
    assert child.returncode == 3
    assert sandbox.totals()["deleted"] == 1
    assert b"Traceback" not in child.stderr
    assert (b"1 id: 1 DELETED; requests: 1\n" in child.stderr) == (closed == ">&-")


def test_a_bad_environment_is_usage(sandbox: Sandbox) -> None:
    bad = {"KOODRIVE_ENDPOINT": "ftp://x"}
    status, _, complaints = delete(sandbox, "--device", "d", ids="1", environment=bad)
    assert status == 2
    assert "KOODRIVE_ENDPOINT" in complaints


def test_an_incomplete_run_is_taken_up_by_the_next(sandbox: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "ids"
    file.write_text("".join(f"{number}\n" for number in range(250)))
    sandbox.set_faults({"match": {"from": 1}, "fault": {"status": {"status": 401}}})
    one = {"KOODRIVE_MAX_CONNECTIONS": "1"}
    both = ["--unfinished", str(file), str(file)]
    status, output, complaints = delete(sandbox, "--device", "d", *both, environment=one)
    assert status == 3
    assert output.endswith("250 ids: 50 NOT_SENT 100 DELETED 100 REJECTED; requests: 2\n")
    assert "the run is incomplete: UNAUTHORIZED: " in complaints
    assert file.read_text().split() == [str(number) for number in range(100, 250)]
    sandbox.set_faults()
    status, output, _ = delete(sandbox, "--device", "d", *both)
    assert (status, output) == (0, "150 ids: 150 DELETED; requests: 2\n")
    assert file.read_text() == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_the_truth(
    sandbox: Sandbox, tmp_path: Path, number: signal.Signals
) -> None:
    sandbox.set_faults({"latency_ms": 500})
    ids, rest = tmp_path / "ids", tmp_path / "rest"
    ids.write_text("".join(f"{number}\n" for number in range(20_000)))
    arguments = ["delete", "--device", "d", "--unfinished", str(rest), str(ids)]
    with start(sandbox, *arguments) as child:
        sandbox.wait_for_requests(1)
        child.send_signal(number)
        output, complaints = child.communicate(timeout=PATIENCE)
    deleted = sandbox.totals()["deleted"]
    summary = output.splitlines()[-1]
    assert child.returncode == 3
    assert summary.startswith(f"20000 ids: {20_000 - deleted} NOT_SENT {deleted} DELETED;")
    assert "waits for the responses under way" in complaints
    assert "interrupted" in complaints
    assert len(rest.read_text().split()) == 20_000 - deleted


@pytest.mark.parametrize(
    ("python", "shown"),
    [
        # Without the environment's packages, of which tqdm is one.
        (["-S"], r"\[#{30}\] 500 of 500 ids, \d+ ids/s, 0:00 left"),
        ([], r"100%.* 500/500 \[.*id/s\]"),
    ],
)
def test_a_terminal_sees_progress(sandbox: Sandbox, python: list[str], shown: str) -> None:
    sandbox.set_faults({"latency_ms": 200})
    ours, theirs = terminal(columns=100)
    ids = "".join(f"{number}\n" for number in range(500))
    one = {"KOODRIVE_MAX_CONNECTIONS": "1"}
    said = delete(sandbox, "--device", "d", ids=ids, stderr=theirs, python=python, environment=one)
    os.close(theirs)
    assert said[:2] == (0, "500 ids: 500 DELETED; requests: 5\n")
    assert re.search(shown, read_all(ours))


def terminal(columns: int) -> tuple[int, int]:
    """A terminal as wide as this: our end of it, and a program's."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    return ours, theirs


def read_all(terminal: int) -> str:
    chunks = []
    with contextlib.suppress(OSError):  # As Linux says that the other end is closed.
        while chunk := os.read(terminal, 4096):
            chunks.append(chunk)
    os.close(terminal)
    return b"".join(chunks).decode()


def test_a_reader_that_left_does_not_change_the_exit_status(sandbox: Sandbox) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    status, _, complaints = delete(sandbox, "--device", "d", ids="1\n", stdout=writer)
    os.close(writer)
    assert (status, complaints) == (0, "")


def test_the_version(sandbox: Sandbox) -> None:
    with start(sandbox, "--version") as child:
        output, _ = child.communicate(timeout=PATIENCE)
    assert output == f"koodrive {koodrive.__version__}\n"
