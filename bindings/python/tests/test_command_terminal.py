"""What the command line prints for people: on their terminals nothing moves, and columns stay."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_command import delete
from test_command_listing import run

from conftest import DEVICE, USER, Sandbox, StartSandbox
from koodrive import fleet
from koodrive.fleet.__main__ import main as fleet_main

HOSTILE = "locked\n\x1b[2J\u202eyes\x9b0m\\"
SHOWN = "locked\\n\\x1b[2J\\u202eyes\\x9b0m\\\\"
REFUSED = {"status": 403, "body": json.dumps({"code": 15000999, "msg": HOSTILE})}


def refuse(sandbox: Sandbox, **match: int) -> None:
    sandbox.set_faults({"match": match, "fault": {"status": REFUSED}})


def assert_is_safe(text: str) -> None:
    assert all(line.isprintable() for line in text.split("\n")), text


@pytest.mark.parametrize(
    ("arguments", "refused"),
    [
        (["devices"], {}),
        (["scopes", "--device", DEVICE], {}),
        (["delete", "--device", DEVICE, "--all", "--yes"], {}),
        # The deletion itself, and the look after it.
        (["delete", "--device", DEVICE, "--all", "--yes"], {"from": 3}),
        (["delete", "--device", DEVICE, "--all", "--yes"], {"from": 4}),
        (["delete", "--device", DEVICE, "--all", "--yes", "-vv"], {"from": 3}),
    ],
)
def test_texts_of_the_service_move_no_terminal(
    start_sandbox: StartSandbox, arguments: list[str], refused: dict[str, int]
) -> None:
    sandbox = start_sandbox(scopes={"users": {USER: {DEVICE: ["1"]}}})
    refuse(sandbox, **refused)
    status, output, complaints = run(sandbox, *arguments)
    assert status == 3
    assert SHOWN in output + complaints
    assert_is_safe(output)
    assert_is_safe(complaints)


def test_names_of_files_move_no_terminal(sandbox: Sandbox, tmp_path: Path) -> None:
    names = [HOSTILE, f"{HOSTILE}.jsonl"]
    for name in names:
        (tmp_path / name).write_text("no id\n")
    given = [str(tmp_path / name) for name in names]
    none = str(tmp_path / "none" / f"{HOSTILE}.csv")
    for arguments in [
        ["--device", "d", given[0]],
        ["--table", given[0]],
        ["--table", given[1]],
        ["--device", "d", "--journal", str(tmp_path), none],
        ["--device", "d", "--output", none],
        ["--device", HOSTILE],
    ]:
        status, output, complaints = delete(sandbox, *arguments, ids="1\n")
        assert (status, output) == (2, "")
        assert_is_safe(complaints)


def test_a_fleet_moves_no_terminal(
    sandbox: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    sandbox.use(monkeypatch)
    table, work = tmp_path / "ids.csv", tmp_path / "work"
    table.write_text("user_id,device_id,scope_id\nb,d,1\n")
    fleet.prepare(table, work)
    refuse(sandbox)
    assert fleet_main(["run", str(work), "--workers", "1"]) == 3
    assert fleet_main(["status", str(tmp_path / HOSTILE)]) == 2
    (work / "STOP").write_text(HOSTILE)
    assert fleet_main(["resume", str(work)]) == 0
    (work / "STOP").write_text(HOSTILE)
    assert fleet_main(["run", str(work), "--workers", "1"]) == 3
    output, complaints = capfd.readouterr()
    assert complaints.count(SHOWN) == 3
    assert_is_safe(output)
    assert_is_safe(complaints)


def test_columns_stay_whatever_stands_in_them(start_sandbox: StartSandbox) -> None:
    long_id = "7" * 100
    hangul = "\u1112\u1161\u11ab\u1100\u1173\u11af"  # As macOS writes it: two syllables.
    scopes = [
        {"scopeId": "1", "localPath": "/a", "targetFolderPath": "/" + "x" * 80},
        {"scopeId": "2", "localPath": "/" + "y" * 80, "targetFolderPath": "/" + "\u9501" * 40},
        {"scopeId": "3", "localPath": "/DCIM\\Other", "targetFolderPath": f"/{hangul}"},
        {"scopeId": long_id, "localPath": "/b", "targetFolderPath": "/e\u0301"},
    ]
    sandbox = start_sandbox(scopes={"users": {USER: {DEVICE: scopes}}})
    status, output, _ = run(sandbox, "scopes", "--device", DEVICE)
    assert status == 0
    _, *rows, _ = output.splitlines()
    time = "2025-09-15T06:14:48.630Z"
    assert [row[100:].split(time)[1] for row in rows] == [
        f"  /{'x' * 56}...  /a",
        f"  /{chr(0x9501) * 28}...  /{'y' * 80}",
        f"  /{hangul}{' ' * 55}  /DCIM\\Other",
        f"  /e\u0301{' ' * 58}  /b",
    ]
    assert rows[3].startswith(f"{long_id}  ")
