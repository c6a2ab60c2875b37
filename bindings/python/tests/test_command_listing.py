"""koodrive devices, koodrive scopes, koodrive delete --all and --table."""

from __future__ import annotations

import csv
import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from test_command import delete, read_all, start

import koodrive
from conftest import DEVICE, PATIENCE, USER, Sandbox, StartSandbox
from koodrive._command.all_scopes import is_below

PHONE = {
    "deviceName": "\u9501 of Li",
    "deviceOS": "Android\x1b[2J",
    "machineCode": "20250911",
    "createTime": "2025-09-15T06:14:48.630Z",
    "scopes": [
        {"scopeId": "1", "moduleCode": "100", "localPath": "/Documents"},
        {
            "scopeId": "2",
            "moduleCode": "101",
            "localPath": "/DCIM/\u9501\u9501",
            "targetFolderPath": "/\u9501",
        },
        {"scopeId": "3", "moduleCode": "101", "localPath": "/DCIM/Winter\n2025"},
        {"scopeId": "4", "moduleCode": "101", "localPath": "/DCIM\\Other"},
        {"scopeId": "5", "moduleCode": "102", "localPath": "/Contacts"},
    ],
}
SCOPES = {"users": {USER: {"7": [], DEVICE: PHONE}, "b": {"d": ["1", "2"]}, "c": {"d": ["1"]}}}
TIME = "2025-09-15T06:14:48.630Z"


@pytest.fixture
def phone(start_sandbox: StartSandbox) -> Sandbox:
    return start_sandbox(scopes=SCOPES)


def run(sandbox: Sandbox, *arguments: str, **options: Any) -> tuple[int, str, str]:
    """Exit status, output and complaints of a command."""
    with start(sandbox, *arguments, **options) as child:
        output, complaints = child.communicate(timeout=PATIENCE)
        return child.returncode, output, complaints


def deleted(sandbox: Sandbox) -> list[str]:
    return [scope for request in sandbox.ledger() for scope in request["deleted"]]


def test_devices_in_a_table_that_is_aligned(phone: Sandbox) -> None:
    assert run(phone, "devices") == (
        0,
        "DEVICE               NAME      OS              MACHINE CODE  BOUND\n"
        f"{DEVICE}  \u9501 of Li  Android\\x1b[2J  20250911      {TIME}\n"
        "7                    -         -               -             -\n"
        "2 devices\n",
        "",
    )


def test_devices_for_programs(phone: Sandbox) -> None:
    status, output, complaints = run(phone, "devices", "--output", "jsonl")
    assert (status, complaints) == (0, "2 devices\n")
    first, second = map(json.loads, output.splitlines())
    assert (first["device_id"], first["name"], first["os"]) == (
        DEVICE,
        PHONE["deviceName"],
        PHONE["deviceOS"],
    )
    assert second == {
        "device_id": "7",
        "name": None,
        "os": None,
        "machine_code": None,
        "created_at": None,
    }
    output = run(phone, "devices", "--user", "b", "--output", "csv")[1]
    assert output == "device_id,name,os,machine_code,created_at\nd,,,,\n"


def test_scopes_in_a_table_that_survives_any_path(phone: Sandbox) -> None:
    status, output, _ = run(phone, "scopes", "--device", DEVICE, "--module", "album")
    assert status == 0
    assert output == (
        "SCOPE  MODULE  ADDED                     TARGET   PATH\n"
        f"2      album   {TIME}  /\u9501      /DCIM/\u9501\u9501\n"
        f"3      album   {TIME}  /backup  /DCIM/Winter\\n2025\n"
        f"4      album   {TIME}  /backup  /DCIM\\Other\n"
        "3 scopes\n"
    )
    assert run(phone, "scopes", "--device", "7")[1].endswith("0 scopes\n")


def test_scopes_for_programs(phone: Sandbox) -> None:
    arguments = ["scopes", "--device", DEVICE, "--output"]
    rows = [json.loads(line) for line in run(phone, *arguments, "jsonl")[1].splitlines()]
    assert [row["scope_id"] for row in rows] == ["1", "2", "3", "4", "5"]
    assert {(row["user_id"], row["device_id"]) for row in rows} == {(USER, DEVICE)}
    # Its columns are those of a table of ids to delete, and more.
    text = run(phone, *arguments, "csv", environment={"PYTHONIOENCODING": "ascii"})[1]
    same = list(csv.DictReader(text.splitlines(keepends=True)))
    assert [row["local_path"] for row in same] == [row["local_path"] for row in rows]


@pytest.mark.parametrize(
    ("arguments", "said", "status"),
    [
        (["scopes", "--device", "unknown"], "15000404: The device does not exist.", 3),
        (["devices", "--user", "nobody"], "15000403: The user does not exist.", 3),
        (["scopes"], "--device", 2),
        (
            ["scopes", "--device", "d", "--module", "albums"],
            "--module: 'albums': is album meant?",
            2,
        ),
        (["scopes", "--device", "d", "--module", "1" * 17], "module_code: ", 2),
        (["scopes", "--device", "d", "--module", ""], "--module: is empty", 2),
        (["scopes", "--device", "d", "--module", "\u00fc"], "module_code: ", 2),
        (["devices", "--user", ""], "--user: is empty", 2),
    ],
)
def test_what_can_not_be_listed(
    phone: Sandbox, arguments: list[str], said: str, status: int
) -> None:
    found, output, complaints = run(phone, *arguments)
    assert (found, output) == (status, "")
    assert said in complaints
    assert "Traceback" not in complaints
    assert len(phone.ledger()) == (status == 3)


def test_all_of_a_module_and_a_path_are_deleted_and_looked_for(phone: Sandbox) -> None:
    arguments = ["--device", DEVICE, "--all", "--module", "album", "--path", "/DCIM/", "--yes"]
    status, output, complaints = delete(phone, *arguments)
    assert (status, output) == (0, "2 ids: 2 DELETED; requests: 1\n")
    assert f"2 scopes of device {DEVICE}:\n" in complaints
    assert "/DCIM/Winter\\n2025" in complaints
    assert complaints.endswith("listed once more: none of them is there\n")
    assert deleted(phone) == ["2", "3"]
    status, output, complaints = delete(phone, *arguments)
    assert (status, output) == (1, "")
    assert "the device has no such scopes; nothing was deleted" in complaints


@pytest.mark.parametrize(("answer", "status"), [("y\n", 0), ("yes\n", 0), ("n\n", 2), ("\n", 2)])
def test_a_terminal_is_asked(phone: Sandbox, answer: str, status: int) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, answer.encode())
    arguments = ["delete", "--device", DEVICE, "--all", "--module", "address-book"]
    with start(phone, *arguments, stdin=theirs, stderr=theirs) as child:
        output, _ = child.communicate(timeout=PATIENCE)
    os.close(theirs)
    shown = read_all(ours)
    assert child.returncode == status
    assert "/Contacts" in shown
    assert "Delete it? [y/N]" in shown
    assert deleted(phone) == (["5"] if status == 0 else [])
    assert (output == "") == (status == 2)


def test_all_without_a_terminal_needs_a_yes(phone: Sandbox) -> None:
    status, output, complaints = delete(phone, "--device", DEVICE, "--all")
    assert (status, output) == (2, "")
    assert "--all: there is no terminal to ask on; say --yes" in complaints
    assert phone.ledger() == []


@pytest.mark.parametrize("more", [[], ["--dry-run"], ["--dry-run", "--output", "csv"]])
@pytest.mark.parametrize(
    ("chosen", "status"),
    [
        (["--path", "/dcim"], 1),
        (["--module", "A1"], 1),
        (["--module", "102", "--path", "/x"], 1),
        (["--module", "address-book"], 0),
        ([], 0),
    ],
)
def test_what_may_be_misspelt_does_not_pass_for_done(
    start_sandbox: StartSandbox, chosen: list[str], status: int, more: list[str]
) -> None:
    sandbox = start_sandbox(scopes={"users": {USER: {DEVICE: []}}})
    none = {"status": {"status": 200, "body": '{"code":0,"scopeList":[]}'}}
    sandbox.set_faults(none)  # Also of modules that the sandbox does not have.
    said = delete(sandbox, "--device", DEVICE, "--all", "--yes", *chosen, *more)
    assert said[0] == status
    assert "the device has no such scopes; nothing was deleted" in said[2]


def test_a_module_may_have_any_code(phone: Sandbox) -> None:
    assert run(phone, "scopes", "--device", DEVICE, "--module", "A1")[0] == 3
    assert phone.ledger()[0]["path"].endswith("/scope?moduleCode=A1")


def test_a_dry_run_of_all_deletes_nothing(phone: Sandbox) -> None:
    status, output, complaints = delete(phone, "--device", DEVICE, "--all", "--dry-run")
    assert (status, output.splitlines()[-1]) == (0, "5 scopes")
    assert "/Documents" in output
    assert "this is what would be deleted; nothing was" in complaints
    status, output, _ = delete(phone, "--device", DEVICE, "--all", "--dry-run", "--output", "csv")
    assert (status, len([*csv.reader(output.splitlines(keepends=True))])) == (0, 6)
    assert deleted(phone) == []


def test_an_interrupted_run_is_not_looked_after(phone: Sandbox) -> None:
    phone.set_faults({"match": {"from": 3}, "fault": {"hang": {"executed": True}}})
    arguments = ["delete", "--device", DEVICE, "--all", "--yes"]
    with start(phone, *arguments) as child:
        phone.wait_for_requests(4)
        child.send_signal(signal.SIGINT)
        child.send_signal(signal.SIGTERM)
        output, complaints = child.communicate(timeout=PATIENCE)
    assert child.returncode == 3
    assert output.endswith("5 ids: 5 UNKNOWN; requests: 1\n")
    assert "interrupted" in complaints
    assert "listed once more" not in complaints
    assert len(phone.ledger()) == 4


def test_paths_that_can_not_be_compared_are_left_out(start_sandbox: StartSandbox) -> None:
    scopes = [{"scopeId": "1", "localPath": "/a/../b"}, {"scopeId": "2", "localPath": "/a/c"}]
    sandbox = start_sandbox(scopes={"users": {USER: {"d": scopes}}})
    status, _, complaints = delete(sandbox, "--device", "d", "--all", "--path", "/a", "--yes")
    assert status == 0
    assert "1 of 2 scopes have no path to compare: left out\n" in complaints
    assert deleted(sandbox) == ["2"]


@pytest.mark.parametrize("arguments", [["--table", "-"], ["--device", "d"]])
def test_a_closed_standard_input_is_usage(phone: Sandbox, arguments: list[str]) -> None:
    shell = ["sh", "-c", 'exec "$0" -m koodrive delete "$@" <&-', sys.executable, *arguments]
    environment = phone.environment()
    environment["PYTHONPATH"] = str(Path(koodrive.__file__).parents[1])
    child = subprocess.run(shell, env=environment, capture_output=True, timeout=60, check=False)
    assert (child.returncode, child.stderr) == (2, b"koodrive: standard input: is closed\n")


def test_what_still_exists_is_said(start_sandbox: StartSandbox) -> None:
    locked = {"4": {"error_code": "15000999", "msg": "locked"}}
    sandbox = start_sandbox(scopes=SCOPES, rejected_ids=locked)
    status, output, complaints = delete(sandbox, "--device", DEVICE, "--all", "--yes")
    assert status == 1
    assert "4  REJECTED" in output
    assert "listed once more, 1 scope left:\n" in complaints
    assert "/DCIM\\Other" in complaints.split("listed once more")[1]


def what_goes(
    start_sandbox: StartSandbox, scopes: list[dict[str, str]], *arguments: str
) -> list[str]:
    """What is shown before the scopes of a device go."""
    sandbox = start_sandbox(scopes={"users": {USER: {"d": scopes}}})
    command = ["--device", "d", "--all", "--yes", *arguments]
    status, output, complaints = delete(sandbox, *command)
    assert (status, output.split(";")[0]) == (0, f"{len(scopes)} ids: {len(scopes)} DELETED")
    head, *rows, last = complaints.splitlines()
    assert head == f"{len(scopes)} scopes of device d (--dry-run lists each):"
    assert last == "listed once more: none of them is there"
    return rows


def numbered(*groups: tuple[str, str, int]) -> list[dict[str, str]]:
    """So many scopes of a module, each at a path with its number."""
    paths = [(module, path, n) for module, path, count in groups for n in range(count)]
    return [
        {"scopeId": str(index), "moduleCode": module, "localPath": path.format(n)}
        for index, (module, path, n) in enumerate(paths)
    ]


def test_many_scopes_are_shown_by_module_and_path(start_sandbox: StartSandbox) -> None:
    scopes = numbered(
        ("100", "/storage/emulated/0/Documents/{}", 1_000),
        ("100", "/storage/emulated/0/\x1bMusic", 1),
        ("101", "/DCIM/Camera", 1),
        ("101", "/DCIM/Camera/{}", 30),
        ("101", "/Pictures/a", 2),
        ("102", "", 1),
    )
    assert what_goes(start_sandbox, scopes) == [
        "SCOPES  MODULE        PATH",
        "  1000  folders       /storage/emulated/0/Documents/...",
        "     1  folders       /storage/emulated/0/\\x1bMusic",
        "    30  album         /DCIM/Camera/...",
        "     2  album         /Pictures/a",
        "     1  album         /DCIM/Camera",
        "     1  address-book  -",
    ]


def test_few_rows_hold_all_scopes(start_sandbox: StartSandbox) -> None:
    scopes = numbered(("100", "/{}/a", 500), ("100", "/7/b/{}", 9), ("101", "/{}", 500))
    rows = what_goes(start_sandbox, scopes)[1:]
    assert len(rows) == 20
    assert sum(int(row.split()[0]) for row in rows) == len(scopes)
    assert rows[0] == "    10  folders  /7/..."
    assert rows[9] == "   491  folders  (491 other paths)"
    assert rows[19] == "   491  album    (491 other paths)"
    rows = what_goes(start_sandbox, scopes[-500:], "--module", "album")
    assert rows[-1] == "   481  album   (481 other paths)"


@pytest.mark.parametrize(
    ("path", "prefix", "expected"),
    [
        ("/DCIM/Camera", "/DCIM", True),
        ("/DCIM", "/DCIM/", True),
        ("/DCIM//Camera/", "/DCIM/Camera", True),
        ("/DCIM Other", "/DCIM", False),
        ("/DCI", "/DCIM", False),
        ("/dcim", "/DCIM", False),
        ("/DCIM/../Documents", "/DCIM", False),
        ("/DCIM/./x", "/DCIM", False),
        (None, "/DCIM", False),
    ],
)
def test_paths_match_by_whole_segments(path: str | None, prefix: str, expected: bool) -> None:
    assert is_below(path, prefix) is expected
