"""koodrive delete --table: files with a row for each id, in and out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from test_command import delete
from test_command_listing import SCOPES, deleted, run

from conftest import DEVICE, USER, Sandbox, StartSandbox


@pytest.fixture
def phone(start_sandbox: StartSandbox) -> Sandbox:
    return start_sandbox(scopes=SCOPES)


def test_a_list_as_csv_is_a_table_to_delete(phone: Sandbox, tmp_path: Path) -> None:
    table = tmp_path / "ids.csv"
    with table.open("w", newline="") as file:
        assert run(phone, "scopes", "--device", DEVICE, "--output", "csv", stdout=file)[0] == 0
    assert delete(phone, "--table", str(table))[0] == 0
    assert len(deleted(phone)) == 5


def test_a_table_for_three_users(phone: Sandbox, tmp_path: Path) -> None:
    table = tmp_path / "ids.csv"
    table.write_text(
        "\ufeffnote,scope_id,device_id,user_id\r\n"
        f'"a, b",2,{DEVICE},{USER}\r\n'
        f"x,3,{DEVICE},{USER}\r\n"
        "\r\n"
        'y," 1 ",d,b\r\n'
        "z,1,d,c\r\n",
        encoding="utf-8",
        newline="",
    )
    said = delete(phone, "--table", str(table))
    assert said == (0, "4 ids: 4 DELETED; requests: 3\n", "")
    assert sorted((request["user"], *request["deleted"]) for request in phone.ledger()) == [
        (USER, "2", "3"),
        ("b", "1"),
        ("c", "1"),
    ]


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_a_table_of_a_spreadsheet(phone: Sandbox, tmp_path: Path, delimiter: str) -> None:
    table = tmp_path / "ids.csv"
    rows = [["User_ID", "device_id", "scope_id", "note"], ["b", "d", "2", "x" * 200_000, ""]]
    head = "sep=|\n" if delimiter == "|" else ""
    table.write_text(head + "".join(delimiter.join(row) + "\n" for row in rows))
    assert delete(phone, "--table", str(table))[0] == 0
    assert deleted(phone) == ["2"]


def test_outcomes_of_a_table_name_the_user(start_sandbox: StartSandbox, tmp_path: Path) -> None:
    locked = {"2": {"error_code": "7", "msg": "locked"}}
    sandbox = start_sandbox(scopes=SCOPES, rejected_ids=locked)
    table, rest = tmp_path / "ids.csv", tmp_path / "rest.csv"
    table.write_text("user_id,device_id,scope_id\nb,d,1\nb,d,2\nc,d,1\n")
    arguments = ["--table", str(table), "--unfinished", str(rest)]
    assert delete(sandbox, *arguments)[:2] == (
        1,
        "b  d  2  REJECTED   7         locked\n3 ids: 2 DELETED 1 REJECTED; requests: 2\n",
    )
    assert rest.read_bytes() == b"user_id,device_id,scope_id\r\n"
    status, output, _ = delete(sandbox, "--table", str(table), "--output", "csv")
    assert status == 1
    assert output.splitlines()[:2] == [
        "scope_id,device_id,user_id,outcome,service_code,message",
        "1,d,b,NOT_FOUND,15000418,The backup scope does not exist.",
    ]


def test_what_is_unfinished_of_a_table_is_a_table(phone: Sandbox, tmp_path: Path) -> None:
    table = tmp_path / "ids.csv"
    table.write_text("scope_id,user_id,device_id\n1,b,d\n1,c,d\n")
    phone.set_faults({"match": {"user": "c"}, "fault": {"status": {"status": 403}}})
    arguments = ["--table", str(table), "--unfinished", str(table)]
    assert delete(phone, *arguments)[0] == 3
    assert table.read_text() == "user_id,device_id,scope_id\nc,d,1\n"
    phone.set_faults()
    assert delete(phone, *arguments)[0] == 0
    assert table.read_text() == "user_id,device_id,scope_id\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "the table is empty"),
        ("1,d,b\n", "line 1: names no column user_id; the first line must name the columns"),
        ("user_id,scope_id\nb,1\n", "line 1: names no column device_id"),
        ("user_id,device_id,scope_id,scope_id\n", "line 1: names the column scope_id more than"),
        ("user_id,device_id,scope_id\nb,d\n", "line 2: has 2 fields, the header has 3"),
        ("user_id,device_id,scope_id\nb,d,1,2\n", "line 2: has 4 fields"),
        ("user_id,device_id,scope_id\nb,d,1\n\nb,,1\n", "line 4, column device_id: is empty"),
        ("user_id,device_id,scope_id\nb,d,1\nb,d,\n", "line 3, column scope_id: is empty"),
        (
            "user_id,device_id,scope_id\nb,d,1\nb,d,1.84285E+18\n",
            'line 3, column scope_id: "1.84285E+18" is damaged',
        ),
        (
            'note,user_id,device_id,scope_id\n"two\nlines",b,d,1\nx,b,1.84281E+18,1\n',
            'line 4, column device_id: "1.84281E+18" is damaged',
        ),
        (
            "user_id,device_id,scope_id\n1.505E+18,d,1\n",
            'line 2, column user_id: "1.505E+18" is damaged',
        ),
        ("user_id,device_id,scope_id\nb,..,1\n", "line 2, column device_id: must not hold"),
        ("user_id,device_id,scope_id\nb,d,1 2\n", "line 2, column scope_id: "),
        ('user_id,device_id,scope_id\nb,d,"=""6"""\n', 'line 2, column scope_id: holds "'),
        ("user_id,device_id,scope_id\nb,d,'7\n", "line 2, column scope_id: holds '"),
        ("user_id,device_id,scope_id\nb,d,=7\n", "line 2, column scope_id: begins with ="),
        ("user_id,device_id,scope_id\nb,d,#REF!\n", "line 2, column scope_id: begins with #"),
        ("user_id,device_id,scope_id\nb,d,TRUE\n", "line 2, column scope_id: holds no digit"),
        ("user_id,device_id,scope_id\n#b,d,1\n", "line 2, column user_id: '#b' is no id"),
        ("user_id,device_id,scope_id\nNULL,d,1\n", "line 2, column user_id: 'NULL' is no id"),
        ("user_id,device_id,scope_id\nb,#N/A,1\n", "line 2, column device_id: '#N/A' is no id"),
        ("PK\x03\x04", "the file is a spreadsheet's own: save it as CSV"),
        ('user_id,device_id,scope_id\nb,d,"1\n', "line 2: is no CSV"),
        ('user_id,device_id,scope_id\nb,d,"1"2\n', "line 2: is no CSV"),
    ],
)
def test_a_bad_table_is_refused_with_its_line(
    phone: Sandbox, tmp_path: Path, content: str, said: str
) -> None:
    table = tmp_path / "ids.csv"
    table.write_text(content)
    status, output, complaints = delete(phone, "--table", str(table))
    assert (status, output) == (2, "")
    assert f"{table}: {said}" in complaints
    assert "Traceback" not in complaints
    assert phone.ledger() == []


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_table_of_another_encoding_is_refused(
    phone: Sandbox, tmp_path: Path, encoding: str
) -> None:
    table = tmp_path / "ids.csv"
    table.write_text("user_id,device_id,scope_id\nb,\u00fc,1\n", encoding=encoding)
    status, _, complaints = delete(phone, "--table", str(table))
    assert status == 2
    assert ("UTF-16" if encoding == "utf-16" else "line 2: is not UTF-8") in complaints
    assert phone.ledger() == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--all", "--yes"], "--device: is needed"),
        (["--device", "d", "--all", "--yes", "ids"], "--all and FILE: only one"),
        (["--device", "d", "--table", "t"], "--device: may not be given beside --table"),
        (["--table", "t", "ids"], "--table and FILE: only one"),
        (["--device", "d", "--all", "--yes", "--path", "DCIM"], '--path: must begin with "/"'),
        (["--device", "d", "--all", "--yes", "--path", "/a/.."], "--path: must hold no segment"),
        (["--device", "d", "--all", "--yes", "--path", "//"], "--path: must name something"),
        (["--device", "d", "--all", "--yes", "--journal", "j"], "--journal: may not be given"),
        (["--device", "d", "--path", "/DCIM"], "--path: may not be given: only --all lists"),
        (["--device", "d", "--yes"], "--yes: may not be given: only --all lists"),
    ],
)
def test_what_does_not_go_together(phone: Sandbox, arguments: list[str], said: str) -> None:
    status, output, complaints = delete(phone, *arguments, ids="1\n")
    assert (status, output) == (2, "")
    assert said in complaints
    assert phone.ledger() == []


def test_json_lines(phone: Sandbox, tmp_path: Path) -> None:
    table = tmp_path / "ids.jsonl"
    rows = [{"user_id": "b", "device_id": "d", "scope_id": n, "note": None} for n in ("1", 2)]
    table.write_text("\n".join(map(json.dumps, rows)) + "\n\n")
    assert delete(phone, "--table", str(table)) == (0, "2 ids: 2 DELETED; requests: 1\n", "")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("1", "is no JSON object"),
        ("{", "is no JSON object"),
        ('{"user_id": "b", "user_id": "c", "device_id": "d", "scope_id": "1"}', "a name twice"),
        ('{"user_id": "b", "scope_id": "1"}', "column device_id: is empty"),
        ('{"user_id": "b", "device_id": null, "scope_id": "1"}', "column device_id: is empty"),
        ('{"user_id": "b", "device_id": "d", "scope_id": 1.5}', "column scope_id: must be a text"),
        ('{"user_id": "b", "device_id": "d", "scope_id": 1e18}', "column scope_id: must be a text"),
        ('{"user_id": "b", "device_id": true, "scope_id": 1}', "column device_id: must be a text"),
        ('{"user_id": "b", "device_id": "d", "scope_id": "1e18"}', 'column scope_id: "1e18"'),
    ],
)
def test_bad_json_lines_are_refused(phone: Sandbox, tmp_path: Path, line: str, said: str) -> None:
    table = tmp_path / "ids.jsonl"
    table.write_text('{"user_id": "b", "device_id": "d", "scope_id": "1"}\n' + line + "\n")
    status, output, complaints = delete(phone, "--table", str(table))
    assert (status, output) == (2, "")
    assert f"{table}: line 2" in complaints
    assert said in complaints
    assert phone.ledger() == []


def test_parquet(phone: Sandbox, tmp_path: Path) -> None:
    table = tmp_path / "ids.parquet"
    columns = {"user_id": ["b", None], "device_id": ["d", DEVICE], "scope_id": [1, 2]}
    pyarrow.parquet.write_table(pyarrow.table(columns), table)
    outcomes = tmp_path / "outcomes.parquet"
    said = delete(phone, "--table", str(table), "--output", str(outcomes))
    assert said == (0, "2 ids: 2 DELETED; requests: 2\n", "")
    assert pyarrow.parquet.read_table(outcomes).to_pylist() == [
        {
            "user_id": user,
            "device_id": device,
            "scope_id": scope,
            "outcome": "DELETED",
            "service_code": None,
            "message": None,
        }
        for user, device, scope in [("b", "d", "1"), (USER, DEVICE, "2")]
    ]


def test_what_is_unfinished_may_be_parquet(phone: Sandbox, tmp_path: Path) -> None:
    table = tmp_path / "ids.jsonl"
    table.write_text('{"user_id": "b", "device_id": "d", "scope_id": "1"}\n')
    rest = tmp_path / "rest.parquet"
    # It is deleted, and the answer is lost.
    phone.set_faults({"match": {"count": 1}, "fault": "lose_answer"}, {"status": {"status": 401}})
    assert delete(phone, "--table", str(table), "--unfinished", str(rest))[0] == 3
    assert pyarrow.parquet.read_table(rest).to_pylist() == [
        {"user_id": "b", "device_id": "d", "scope_id": "1", "tried": True}
    ]
    phone.set_faults()
    said = delete(phone, "--table", str(rest), "--unfinished", str(rest))
    assert said[:2] == (0, "1 id: 1 GONE; requests: 1\n")
    assert len(pyarrow.parquet.read_table(rest)) == 0


def test_bad_parquet_is_refused(phone: Sandbox, tmp_path: Path) -> None:
    table = tmp_path / "ids.parquet"
    tables: list[tuple[dict[str, Any], str]] = [
        ({"device_id": ["d"], "scope_id": [1.5]}, "scope_id"),
        ({"device_id": ["d", "d"], "scope_id": ["1", None]}, "scope_id"),
        ({"scope_id": ["1"]}, "device_id"),
        ({"scope_id": ["1"], "device_id": [{"a": "d"}]}, "device_id"),
        ({"scope_id": ["1"], "device_id": [None]}, "device_id"),
        ({"scope_id": ["1"], "device_id": ["d"], "userId": ["u"]}, "userId"),
    ]
    for columns, said in tables:
        if said != "userId":
            columns = {"user_id": ["b"] * len(columns["scope_id"]), **columns}
        pyarrow.parquet.write_table(pyarrow.table(columns), table)
        status, _, complaints = delete(phone, "--table", str(table))
        assert status == 2
        assert f"{table}: " in complaints
        assert said in complaints
    pyarrow.parquet.write_table(pyarrow.table({"scope_id": ["1"], "device_id": ["d"]}), table)
    status, _, complaints = delete(phone, "--table", str(table))
    assert (status, "has no column user_id" in complaints) == (2, True)
    table.write_text("user_id,device_id,scope_id\nb,d,1\n")
    status, _, complaints = delete(phone, "--table", str(table))
    assert (status, f"{table}: is no Parquet file" in complaints) == (2, True)
    assert phone.ledger() == []


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_outcomes_in_a_file(phone: Sandbox, tmp_path: Path, form: str) -> None:
    path = tmp_path / f"outcomes.{form}"
    ids = tmp_path / "ids"
    ids.write_text("1\n9\n")
    command = ["--device", "d", "--user", "b", "--output", str(path), str(ids)]
    assert delete(phone, *command)[:2] == (
        0,
        "2 ids: 1 DELETED 1 NOT_FOUND; requests: 1\n",
    )
    streamed = delete(phone, *command[:5], form, str(ids))[1]
    written = path.read_text(encoding="utf-8")
    assert written.splitlines()[-1] == streamed.splitlines()[-1]
    assert "DELETED" in written
    assert not list(tmp_path.glob("*.part"))


def test_an_output_that_can_not_be_written_sends_nothing(phone: Sandbox, tmp_path: Path) -> None:
    table = tmp_path / "ids.csv"
    table.write_text("user_id,device_id,scope_id\nb,d,1\n")
    for output, said in [
        (str(tmp_path / "none" / "outcomes.csv"), "No such file"),
        ("outcomes.xlsx", "must be table, jsonl, csv, or a file"),
    ]:
        status, _, complaints = delete(phone, "--table", str(table), "--output", output)
        assert (status, said in complaints) == (2, True)
    assert phone.ledger() == []
