"""What the command line refuses of its options, before anything is sent."""

from __future__ import annotations

from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from test_command import delete
from test_command_listing import run

from conftest import DEVICE, Sandbox
from koodrive.fleet.__main__ import main as fleet_main

#: As a spreadsheet leaves them.
DAMAGED = "1.84281227269145E+18"
NO_OWNERS = [
    (DAMAGED, "is damaged: a decimal point or an exponent"),
    ("1842812272691451648.0", "is damaged"),
    ("1752990708303704300VW5TYWZlSW50ZWdlcg==", "is damaged"),
    ("NULL", "'NULL' is no id"),
    ("'1842812272691451648", "is no id"),
    ("", "is empty"),
]


@pytest.mark.parametrize(("owner", "said"), NO_OWNERS)
@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["devices", "--user"], "--user"),
        (["scopes", "--device"], "--device"),
        (["scopes", "--device", DEVICE, "--user"], "--user"),
        (["delete", "--device"], "--device"),
        (["delete", "--device", DEVICE, "--user"], "--user"),
        (["delete", "--all", "--yes", "--device"], "--device"),
        (["delete", "--all", "--yes", "--device", DEVICE, "--user"], "--user"),
    ],
)
def test_what_is_no_owner_is_refused(
    sandbox: Sandbox, arguments: list[str], name: str, owner: str, said: str
) -> None:
    status, output, complaints = run(sandbox, *arguments, owner)
    assert (status, output) == (2, "")
    assert f"{name}: " in complaints
    assert said in complaints
    assert sandbox.ledger() == []


@pytest.mark.parametrize(("owner", "said"), NO_OWNERS[:-1])
def test_so_it_is_wherever_else_it_stands(
    sandbox: Sandbox,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    owner: str,
    said: str,
) -> None:
    environment = {"KOODRIVE_USER_ID": owner}
    status, _, complaints = run(sandbox, "devices", environment=environment)
    assert (status, "koodrive: KOODRIVE_USER_ID: " in complaints) == (2, True)
    assert said in complaints
    table = tmp_path / "ids.parquet"
    for column in ("user_id", "device_id"):
        ids = pyarrow.array(["7", owner])
        for values in (ids, ids.cast(pyarrow.large_string()), ids.dictionary_encode()):
            columns = {"user_id": [1, 1], "device_id": [1, 1], "scope_id": [1, 2], column: values}
            pyarrow.parquet.write_table(pyarrow.table(columns), table)
            status, _, complaints = delete(sandbox, "--table", str(table))
            assert (status, f"{table}: column {column}: " in complaints) == (2, True)
            assert said in complaints
    with pytest.raises(SystemExit, match="2"):
        fleet_main(["prepare", str(table), str(tmp_path / "work"), "--user", owner])
    assert said in capsys.readouterr().err
    assert sandbox.ledger() == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["--device", "d", "--path", ""],
        ["--device", "d", "--module", ""],
        ["--device", "d", "--all", "--yes", "--path", ""],
        ["--device", "d", "--all", "--yes", "--module", ""],
        ["--device", "d", "--journal", ""],
        ["--device", "d", "--unfinished", ""],
        ["--device", "d", "--output", ""],
        ["--device", "d", ""],
        ["--table", ""],
        ["--table", "ids.csv", "--user", ""],
        ["--table", "ids.csv", "--device", ""],
    ],
)
def test_an_empty_option_is_not_an_absent_one(
    sandbox: Sandbox, tmp_path: Path, arguments: list[str]
) -> None:
    (tmp_path / "ids.csv").write_text("user_id,device_id,scope_id\nb,d,1\n")
    status, output, complaints = delete(sandbox, *arguments, ids="1\n", cwd=tmp_path)
    assert (status, output) == (2, "")
    option = arguments[-2] if arguments[-1] == "" and len(arguments) != 3 else "FILE"
    assert f"argument {option}: " in complaints
    assert sandbox.ledger() == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["prepare", "", "work"],
        ["prepare", "ids.csv", ""],
        ["prepare", "ids.csv", "work", "--user", ""],
        ["run", ""],
        ["outcomes", "work", ""],
    ],
)
def test_the_fleet_takes_nothing_empty(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        fleet_main(arguments)
    assert "is empty" in capsys.readouterr().err
