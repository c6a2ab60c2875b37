"""What koodrive.fleet takes of tables and of users' tokens."""

from __future__ import annotations

import contextlib
import signal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from test_fleet import rows_of, run, settings_for, table_of

import koodrive
from conftest import USER, Sandbox, StartSandbox
from koodrive import InvalidArgument, fleet
from koodrive.fleet._task import Settings, Task


@pytest.fixture
def work(tmp_path: Path) -> Path:
    return tmp_path / "work"


def write_folder(folder: Path, **files: dict[str, Any]) -> Path:
    """A folder of Parquet files."""
    folder.mkdir()
    for name, columns in files.items():
        pyarrow.parquet.write_table(pa.table(columns), folder / f"{name}.parquet")
    return folder


def test_no_file_of_a_folder_is_read_by_the_types_of_another(tmp_path: Path, work: Path) -> None:
    whole = {"device_id": ["d"], "scope_id": [2**53 + 1]}
    rounded = {"device_id": ["d"], "scope_id": [float(2**53)]}
    for number, (first, second) in enumerate([(whole, rounded), (rounded, whole)]):
        folder = write_folder(tmp_path / str(number), a=first, b=second)
        bad = "b" if second is rounded else "a"
        with pytest.raises(InvalidArgument, match=rf"{bad}\.parquet.*scope_id"):
            fleet.prepare(folder, work)
    texts = {"device_id": ["d"], "scope_id": ["9"]}
    fleet.prepare(write_folder(tmp_path / "good", a=whole, b=texts), work)
    assert [row[2] for row in rows_of(work)] == ["9", str(2**53 + 1)]


def test_all_files_of_a_folder_have_the_same_columns(tmp_path: Path, work: Path) -> None:
    without = {"device_id": ["d"], "scope_id": ["1"]}
    with_user = {**without, "user_id": ["u"]}
    for number, (first, second) in enumerate([(without, with_user), (with_user, without)]):
        folder = write_folder(tmp_path / str(number), a=first, b=second)
        with pytest.raises(InvalidArgument, match=r"b\.parquet: has the columns.*a\.parquet"):
            fleet.prepare(folder, work)


def test_ids_in_the_names_of_folders_are_refused(tmp_path: Path, work: Path) -> None:
    ids = {"device_id": ["d"], "scope_id": ["1"]}
    (tmp_path / "table").mkdir()
    folder = write_folder(tmp_path / "table" / "user_id=u1", a=ids)
    for table in (tmp_path / "table", folder, folder / "a.parquet"):
        with pytest.raises(InvalidArgument, match="user_id=u1"):
            fleet.prepare(table, work)
    # A folder of somebody else's that is only on the way to the table.
    (tmp_path / "run=5").mkdir()
    assert fleet.prepare(write_folder(tmp_path / "run=5" / "table", a=ids), work) == 1


def test_only_an_empty_field_of_a_csv_file_is_no_id(tmp_path: Path, work: Path) -> None:
    names = ["NA", "N/A", "n/a", "-NaN"]
    scopes = ["null", "nan", "NULL", "#N/A"]
    lines = [f"{name},d,{scope}\n" for name, scope in zip(names, scopes)]
    file = tmp_path / "ids.csv"
    file.write_text("user_id,device_id,scope_id\n" + "".join(lines))
    fleet.prepare(file, work)
    assert {row[0] for row in rows_of(work)} == set(names)
    assert {row[2] for row in rows_of(work)} == set(scopes)
    file.write_text('user_id,device_id,scope_id\n,d,1\n"",d,2\n')
    fleet.prepare(file, tmp_path / "without users")
    assert [row[0] for row in rows_of(tmp_path / "without users")] == [None, None]


def test_a_csv_file_says_what_was_tried(tmp_path: Path, work: Path) -> None:
    file = tmp_path / "ids.csv"
    file.write_text("device_id,scope_id,tried\nd,1,true\nd,2,false\n")
    fleet.prepare(file, work)
    assert [row[3] for row in rows_of(work)] == ["UNKNOWN", "NOT_SENT"]
    file.write_text("device_id,scope_id,tried\nd,1,true\nd,2,\n")
    with pytest.raises(InvalidArgument, match="tried"):
        fleet.prepare(file, work)


def test_rows_without_a_user_are_somebodys(sandbox: Sandbox, tmp_path: Path, work: Path) -> None:
    mixed = table_of((None, "d", "1"), (USER, "d", "1"), ("u", "d", "2"))
    with pytest.raises(InvalidArgument, match="user_id="):
        fleet.prepare(mixed, work, unit_size=1)
    with pytest.raises(InvalidArgument, match="user_id"):
        fleet.prepare(mixed, work, user_id="")
    fleet.prepare(mixed, work, unit_size=1, user_id=int(USER))
    run(work, sandbox)
    assert rows_of(work) == [
        (USER, "d", "1", "DELETED"),
        (USER, "d", "1", "DUPLICATE"),
        ("u", "d", "2", "DELETED"),
    ]
    nobodys = table_of((None, "d", "1"), (None, "d", "2"))
    assert fleet.prepare(nobodys, tmp_path / "nobodys") == 2


def test_a_column_that_is_there_twice_is_refused(tmp_path: Path, work: Path) -> None:
    names = ["device_id", "scope_id", "scope_id"]
    table = pa.table([pa.array(["d"]), pa.array(["1"]), pa.array(["2"])], names=names)
    (tmp_path / "ids.csv").write_text("device_id,scope_id,scope_id\nd,1,2\n")
    pyarrow.parquet.write_table(table, tmp_path / "ids.parquet")
    for source in (table, tmp_path / "ids.csv", tmp_path / "ids.parquet"):
        with pytest.raises(InvalidArgument, match='two columns "scope_id"'):
            fleet.prepare(source, work)


@pytest.mark.parametrize("kind", ["stream", "csv", "parquet"])
def test_misspelt_columns_are_refused(tmp_path: Path, work: Path, kind: str) -> None:
    table = pa.table({"userId": ["u"], "device_id": ["d"], "scope_id": ["1"]})
    given: Any = table
    if kind == "csv":
        given = tmp_path / "ids.csv"
        pyarrow.csv.write_csv(table, given)
    elif kind == "parquet":
        given = tmp_path / "ids.parquet"
        pyarrow.parquet.write_table(table, given)
    with pytest.raises(InvalidArgument, match=r'column "userId", whose name must be "user_id"'):
        fleet.prepare(given, work)


@pytest.mark.parametrize("name", ["user_id", "device_id"])
@pytest.mark.parametrize("value", ["1.84281227269145E+18", "null", "#REF!"])
def test_what_is_plainly_no_owner_is_refused(work: Path, name: str, value: str) -> None:
    rows = {"user_id": ["u", "u"], "device_id": ["d", "d"], "scope_id": ["1", "2"]}
    rows[name][1] = value
    with pytest.raises(InvalidArgument, match=rf"in the 2 rows after 0: {name}: "):
        fleet.prepare(pa.table(rows), work)


def test_a_folder_without_parquet_is_refused(tmp_path: Path, work: Path) -> None:
    (tmp_path / "nothing").mkdir()
    with pytest.raises(InvalidArgument, match="nothing: holds no Parquet file"):
        fleet.prepare(tmp_path / "nothing", work)


def test_what_is_no_token_concerns_that_user(sandbox: Sandbox, work: Path) -> None:
    fleet.prepare(table_of(*((user, "d", "1") for user in "abcd")), work)
    (unit,) = fleet.pending_units(work)
    tokens: dict[str, Any] = {"a": None, "b": b"secret", "c": "", "d": "token of d"}
    with koodrive.Client(**settings_for(sandbox)) as client:
        result = fleet.run_unit(unit, work, client, token_for=tokens.__getitem__)
    assert result is not None
    assert result.tally == {"NOT_SENT": 3, "DELETED": 1}
    assert "returned NoneType" in str(result.error)
    messages = fleet.outcomes(work)["message"].to_pylist()
    assert "returned bytes" in messages[1]
    assert "access_token" in messages[2]
    assert "secret" not in str(messages)
    assert fleet.resume(work) == 3


def test_an_interruption_for_a_token_keeps_what_was_done(sandbox: Sandbox, work: Path) -> None:
    fleet.prepare(table_of(*((user, "d", "1") for user in "abc")), work)
    (unit,) = fleet.pending_units(work)

    def token_for(user: str) -> str:
        if user == "b":
            raise KeyboardInterrupt
        return "a-token"

    with koodrive.Client(**settings_for(sandbox)) as client, pytest.raises(KeyboardInterrupt):
        fleet.run_unit(unit, work, client, token_for=token_for)
    assert [row[3] for row in rows_of(work)] == ["DELETED", "NOT_SENT", "NOT_SENT"]
    assert fleet.resume(work) == 2
    assert len(sandbox.ledger()) == 1


def test_an_interruption_waits_until_outcomes_are_written(
    sandbox: Sandbox, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet.prepare(table_of(("u", "d", "1")), work)
    (unit,) = fleet.pending_units(work)

    def interrupt(*_: object) -> bool:
        signal.raise_signal(signal.SIGINT)
        return False

    monkeypatch.setattr("koodrive.fleet._unit.others", interrupt)
    with koodrive.Client(**settings_for(sandbox)) as client, pytest.raises(KeyboardInterrupt):
        fleet.run_unit(unit, work, client)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert [row[3] for row in rows_of(work)] == ["DELETED"]


class ClientThatLosesReports(koodrive.Client):
    """Sends everything, and then fails without a report."""

    def delete_plan(self, *given: Any, **named: Any) -> koodrive.Report:
        super().delete_plan(*given, **named)
        raise koodrive.InternalError("the report is lost")


@pytest.mark.parametrize("token_for", [None, lambda _: "a-token"], ids=["one", "of users"])
def test_an_error_without_a_report_leaves_outcomes_unsure(
    sandbox: Sandbox, work: Path, token_for: fleet.TokenFor | None
) -> None:
    fleet.prepare(table_of(("u", "d", "1")), work)
    (unit,) = fleet.pending_units(work)
    raises = (
        pytest.raises(koodrive.InternalError) if token_for is None else contextlib.nullcontext()
    )
    with ClientThatLosesReports(**settings_for(sandbox)) as client, raises:
        fleet.run_unit(unit, work, client, token_for=token_for)
    assert [row[3] for row in rows_of(work)] == ["UNKNOWN"]
    fleet.resume(work)
    run(work, sandbox)
    assert [row[3] for row in rows_of(work)] == ["GONE"]


def token_of_user(user: str) -> str:
    return f"token of {user}"


def test_a_job_does_not_use_the_token_of_an_earlier_ones_user(
    start_sandbox: StartSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = ["a-token", "token of u", "a new token"]
    sandbox = start_sandbox(tokens=[{"value": token, "requests": 1} for token in tokens])
    results: list[dict[str, int]] = []

    def run_job(settings: Settings, token_for: fleet.TokenFor | None) -> None:
        work = tmp_path / str(len(results))
        fleet.prepare(table_of(("u", "d", str(len(results)))), work)
        (unit,) = fleet.pending_units(work)
        result = Task(work, 1, settings, token_for, None)(unit)
        assert result is not None
        results.append(result.tally)

    run_job(settings_for(sandbox), token_of_user)
    run_job(settings_for(sandbox), None)
    run_job(settings_for(sandbox), None)  # The token has expired.
    sandbox.use(monkeypatch)
    run_job(None, None)
    monkeypatch.setenv("KOODRIVE_ACCESS_TOKEN", tokens[-1])
    run_job(None, None)
    assert results == [{"DELETED": 1}, {"DELETED": 1}, *[{"REJECTED": 1}] * 2, {"DELETED": 1}]
