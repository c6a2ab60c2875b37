"""Jobs of koodrive.fleet, run by processes."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet
import pytest
from fleet_ledger import check_against_ledger, existing_scopes, ids_of_users, kill_until_done

import koodrive
from conftest import USER, Sandbox, StartSandbox
from koodrive import InvalidArgument, fleet
from koodrive.fleet._attempt import OUTCOME_SCHEMA, Attempt, write_attempt
from koodrive.fleet._work import Work

KEYS = ["user_id", "device_id", "scope_id"]


def settings_for(sandbox: Sandbox, **more: Any) -> dict[str, Any]:
    return {"endpoint": sandbox.url, "user_id": USER, "access_token": "a-token", **more}


def run(work: Path, sandbox: Sandbox) -> list[fleet.UnitResult | None]:
    """Run all units in this process."""
    with koodrive.Client(**settings_for(sandbox)) as client:
        return [fleet.run_unit(unit, work, client) for unit in fleet.pending_units(work)]


def rows_of(work: Path) -> list[tuple[str | None, ...]]:
    table = fleet.outcomes(work)
    return list(zip(*(table[name].to_pylist() for name in [*KEYS, "outcome"])))


def table_of(*rows: tuple[Any, ...]) -> pa.Table:
    return pa.table(dict(zip(KEYS, zip(*rows))))


@pytest.fixture
def work(tmp_path: Path) -> Path:
    return tmp_path / "work"


def test_every_row_has_its_outcome(start_sandbox: StartSandbox, work: Path) -> None:
    scopes = {"u": {"d": ["1", "2"], "e": ["3"]}, USER: {"d": ["4"]}}
    sandbox = start_sandbox(scopes={"users": scopes})
    table = table_of(
        ("u", "e", "3"), ("u", "d", "2"), (None, "d", "4"), ("u", "d", "9"), ("u", "d", "2")
    )
    assert fleet.prepare(table, work, user_id=USER) == 5
    run(work, sandbox)
    assert rows_of(work) == [
        (USER, "d", "4", "DELETED"),
        ("u", "d", "2", "DELETED"),
        ("u", "d", "2", "DUPLICATE"),
        ("u", "d", "9", "NOT_FOUND"),
        ("u", "e", "3", "DELETED"),
    ]
    assert fleet.outcomes(work)["service_code"].to_pylist()[3] == "15000418"
    assert fleet.status(work).scopes_unfinished == 0
    assert fleet.resume(work) == 0


def test_a_table_may_be_a_file(sandbox: Sandbox, tmp_path: Path) -> None:
    table = table_of(("u", "d", "1"), ("u", "e", "2"))
    pyarrow.parquet.write_table(table, tmp_path / "ids.parquet")
    (tmp_path / "ids.csv").write_text("device_id,scope_id,user_id,path\nd,1,u,/a\ne,2,u,/b\n")
    folder = tmp_path / "many"
    folder.mkdir()
    for row in range(2):
        pyarrow.parquet.write_table(table.slice(row, 1), folder / f"{row}.parquet")
    for number, source in enumerate([tmp_path / "ids.parquet", tmp_path / "ids.csv", folder]):
        assert fleet.prepare(source, tmp_path / f"work-{number}") == 2
        run(tmp_path / f"work-{number}", sandbox)
        assert [row[:3] for row in rows_of(tmp_path / f"work-{number}")] == [
            ("u", "d", "1"),
            ("u", "e", "2"),
        ]


def test_numbers_are_ids(sandbox: Sandbox, work: Path) -> None:
    table = pa.table(
        {"device_id": pa.array([7], pa.int64()), "scope_id": pa.array([2**63], pa.uint64())}
    )
    fleet.prepare(table, work)
    run(work, sandbox)
    assert rows_of(work) == [(None, "7", str(2**63), "DELETED")]


def test_units_end_where_devices_do(work: Path) -> None:
    rows = [("u", f"d{number % 7}", str(number)) for number in range(70)]
    fleet.prepare(table_of(*rows), work, unit_size=25)
    devices: list[set[str]] = []
    for unit in fleet.pending_units(work):
        table = pyarrow.parquet.read_table(work / "units" / f"{unit}.parquet")
        assert len(table) <= 25
        devices.append(set(table["device_id"].to_pylist()))
    assert len(devices) == 4
    assert sum(map(len, devices)) == 7


def test_a_large_device_is_cut_and_its_repeats_stay_together(sandbox: Sandbox, work: Path) -> None:
    rows = [("u", "d", str(number // 3)) for number in range(90)]
    fleet.prepare(table_of(*rows), work, unit_size=10)
    assert len(fleet.pending_units(work)) > 5
    run(work, sandbox)
    outcomes = [row[3] for row in rows_of(work)]
    assert outcomes == ["DELETED", "DUPLICATE", "DUPLICATE"] * 30


def test_more_than_memory_is_sorted_in_pieces(
    work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = [number * 7919 % 5000 for number in range(5000)]
    rows = [(f"u{number % 3}", f"d{number % 50}", str(number % 4000)) for number in numbers]
    fleet.prepare(table_of(*rows), work, unit_size=300)
    monkeypatch.setattr("koodrive.fleet._input.CHUNK_ROWS", 700)
    monkeypatch.setattr("koodrive.fleet._prepare.CHUNK_ROWS", 700)
    monkeypatch.setattr("koodrive.fleet._prepare._SAMPLE", 16)
    fleet.prepare(table_of(*rows), tmp_path / "in pieces", unit_size=300)
    wanted = [(*row, "NOT_SENT") for row in sorted(rows)]
    assert rows_of(work) == wanted
    assert rows_of(tmp_path / "in pieces") == wanted


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ({"scope_id": ["1"]}, "device_id"),
        ({"device_id": ["d"]}, "scope_id"),
        ({"device_id": ["d", "d"], "scope_id": ["1", None]}, "scope_id"),
        ({"device_id": ["d"], "scope_id": [1.5]}, "scope_id"),
        ({"device_id": ["d"], "scope_id": ["1.8e18"]}, "1.8e18"),
        ({"device_id": ["d"], "scope_id": ["a b"]}, "scope_id"),
        ({"device_id": ["d"], "scope_id": [["1"]]}, "scope_id"),
    ],
)
def test_bad_tables_are_refused(work: Path, table: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InvalidArgument, match=complaint):
        fleet.prepare(pa.table(table), work)
    with pytest.raises(InvalidArgument, match="no job"):
        fleet.pending_units(work)


def test_bad_files_are_named(tmp_path: Path, work: Path) -> None:
    file = tmp_path / "ids.parquet"
    pyarrow.parquet.write_table(table_of(("u", "d", "1"), ("u", "d", "2e18")), file)
    with pytest.raises(InvalidArgument, match=r"ids\.parquet.*scope_id"):
        fleet.prepare(file, work)
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(InvalidArgument, match=r"ids\.parquet: can't be read"):
        fleet.prepare(file, work)
    with pytest.raises(FileNotFoundError, match="none"):
        fleet.prepare(tmp_path / "none.parquet", work)


def test_a_work_folder_is_one_tables(work: Path) -> None:
    table = table_of(("u", "d", "1"), ("u", "d", "2"))
    fleet.prepare(table, work)
    units = fleet.pending_units(work)
    assert fleet.prepare(table, work, unit_size=1) == 2
    assert fleet.pending_units(work) == units
    with pytest.raises(InvalidArgument, match="another table"):
        fleet.prepare(table_of(("u", "d", "1"), ("u", "d", "3")), work)


def test_a_preparation_that_was_interrupted_is_begun_again(sandbox: Sandbox, work: Path) -> None:
    fleet.prepare(table_of(("u", "d", "1")), work)
    (work / "job.json").unlink()
    fleet.prepare(table_of(("u", "d", "2")), work)
    run(work, sandbox)
    assert [request["ids"] for request in sandbox.ledger()] == [["2"]]


def test_damaged_units_send_nothing(sandbox: Sandbox, work: Path) -> None:
    fleet.prepare(table_of(("u", "d", "1"), ("u", "e", "2")), work, unit_size=1)
    one, other = (work / "units" / f"{unit}.parquet" for unit in fleet.pending_units(work))
    whole = one.read_bytes()
    for content in (whole[:-9], other.read_bytes(), b""):
        one.write_bytes(content)
        with pytest.raises(InvalidArgument, match=one.name):
            run(work, sandbox)
    one.unlink()
    one.with_name("0-x.parquet").write_bytes(whole)
    with pytest.raises(InvalidArgument, match="0-x"):
        fleet.pending_units(work)
    assert sandbox.ledger() == []


def test_damaged_jobs_and_outcomes_are_named(sandbox: Sandbox, work: Path) -> None:
    fleet.prepare(table_of(("u", "d", "1")), work)
    run(work, sandbox)
    (outcome,) = work.glob("attempts/*/*.parquet")
    outcome.write_bytes(outcome.read_bytes()[:-1])
    with pytest.raises(InvalidArgument, match=outcome.name):
        fleet.outcomes(work)
    (work / "job.json").write_text("{}")
    with pytest.raises(InvalidArgument, match=r"job\.json"):
        fleet.status(work)


def test_a_unit_is_run_once(sandbox: Sandbox, work: Path) -> None:
    fleet.prepare(table_of(("u", "d", "1")), work)
    (unit,) = fleet.pending_units(work)
    with koodrive.Client(**settings_for(sandbox)) as client:
        results = [fleet.run_unit(unit, work, client) for _ in range(2)]
    assert results == [fleet.UnitResult(unit, {"DELETED": 1})] * 2
    assert len(sandbox.ledger()) == 1


def test_another_attempt_makes_outcomes_unsure(start_sandbox: StartSandbox, work: Path) -> None:
    sandbox = start_sandbox(
        scopes={"users": {"u": {"d": ["1", "2"]}}},
        rejected_ids={"2": {"error_code": "15000999", "msg": "The scope is locked."}},
    )
    fleet.prepare(table_of(("u", "d", "1"), ("u", "d", "2"), ("u", "d", "3")), work)
    (unit,) = fleet.pending_units(work)
    # As a worker leaves it that died: it may have sent all of them.
    folder = work / "attempts" / unit
    folder.mkdir(parents=True)
    (folder / "another.intent").touch()
    assert [row[3] for row in rows_of(work)] == ["UNKNOWN"] * 3
    run(work, sandbox)
    assert [row[3] for row in rows_of(work)] == ["DELETED", "UNKNOWN", "GONE"]


def test_what_is_unfinished_is_taken_up(sandbox: Sandbox, work: Path) -> None:
    rows = [("u", f"d{number % 3}", str(number)) for number in range(30)]
    fleet.prepare(table_of(*rows), work, unit_size=5)
    sandbox.set_faults({"match": {"device": "d1"}, "fault": "lose_answer"})
    with koodrive.Client(**settings_for(sandbox, max_attempts=1, max_outage_ms=0)) as client:
        for unit in fleet.pending_units(work):
            fleet.run_unit(unit, work, client)
    assert {row[3] for row in rows_of(work) if row[1] == "d1"} == {"UNKNOWN"}
    sandbox.set_faults()
    assert fleet.resume(work) == 10
    assert fleet.resume(work) == 0, "they wait for their run"
    assert fleet.status(work).scopes_done == 20
    run(work, sandbox)
    # The first answers were lost: who deleted them is not known.
    assert {row[3] for row in rows_of(work) if row[1] == "d1"} == {"GONE"}
    assert {row[3] for row in rows_of(work) if row[1] != "d1"} == {"DELETED"}
    assert fleet.resume(work) == 0


def test_a_file_stops_the_workers(sandbox: Sandbox, work: Path) -> None:
    fleet.prepare(table_of(("u", "d", "1")), work)
    (work / "STOP").touch()
    assert run(work, sandbox) == [None]
    assert fleet.processes(work, 1, settings=settings_for(sandbox)) == []
    assert fleet.status(work).is_stopped
    assert fleet.resume(work) == 0
    assert run(work, sandbox) != [None]


def test_a_refused_authorization_stops_all(start_sandbox: StartSandbox, work: Path) -> None:
    sandbox = start_sandbox(tokens=[{"value": "another", "requests": 9}])
    fleet.prepare(table_of(("u", "d", "1"), ("u", "e", "2")), work, unit_size=1)
    first, second = run(work, sandbox)
    assert first is not None
    assert first.tally == {"REJECTED": 1}
    assert "UNAUTHORIZED" in str(first.error)
    assert second is None
    assert "UNAUTHORIZED" in (work / "STOP").read_text()


def test_a_users_token_concerns_that_user(start_sandbox: StartSandbox, work: Path) -> None:
    sandbox = start_sandbox(tokens=[{"value": f"token of {user}", "requests": 9} for user in "ac"])
    rows = [(user, "d", str(number)) for user in "abcd" for number in range(2)]
    fleet.prepare(table_of(*rows), work)

    def token_for(user: str) -> str:
        if user == "d":
            raise LookupError("secret of d")
        return f"token of {user}"

    (unit,) = fleet.pending_units(work)
    with koodrive.Client(**settings_for(sandbox)) as client:
        result = fleet.run_unit(unit, work, client, token_for=token_for)
    assert result is not None
    assert "secret" not in repr(result)
    outcomes = {row[0]: row[3] for row in rows_of(work)}
    assert outcomes == {"a": "DELETED", "b": "REJECTED", "c": "DELETED", "d": "NOT_SENT"}
    assert not fleet.status(work).is_stopped
    assert fleet.resume(work) == 4


def test_a_client_without_a_user_sends_nothing(sandbox: Sandbox, work: Path) -> None:
    fleet.prepare(table_of((None, "d", "1")), work)
    (unit,) = fleet.pending_units(work)
    with koodrive.Client(sandbox.url, access_token="t") as client, pytest.raises(InvalidArgument):
        fleet.run_unit(unit, work, client)
    assert sandbox.ledger() == []
    # It left nothing that would make later outcomes unsure.
    run(work, sandbox)
    assert [row[3] for row in rows_of(work)] == ["DELETED"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"workers": 0}, "workers"),
        ({"workers": 4, "max_requests_per_second": 3}, "max_requests_per_second"),
    ],
)
def test_bad_arguments_are_named(work: Path, arguments: dict[str, Any], complaint: str) -> None:
    fleet.prepare(table_of(("u", "d", "1")), work)
    with pytest.raises(InvalidArgument, match=complaint):
        fleet.processes(work, **arguments)
    with pytest.raises(InvalidArgument, match="unit_size"):
        fleet.prepare(table_of(("u", "d", "1")), work, unit_size=0)


def test_the_rate_is_shared(sandbox: Sandbox, work: Path) -> None:
    rows = [("u", f"d{number}", "1") for number in range(40)]
    fleet.prepare(table_of(*rows), work, unit_size=10)
    results = fleet.processes(work, 2, settings=settings_for(sandbox), max_requests_per_second=1000)
    assert sum(result.tally["DELETED"] for result in results) == 40


def test_from_a_shell(sandbox: Sandbox, tmp_path: Path) -> None:
    pyarrow.parquet.write_table(
        table_of(("u", "d", "1"), ("u", "d", "2")), tmp_path / "ids.parquet"
    )

    def shell(*arguments: str) -> str:
        command = [sys.executable, "-m", "koodrive.fleet", *arguments]
        source = str(Path(koodrive.__file__).parents[1])
        environment = {**sandbox.environment(), "PYTHONPATH": source}
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    assert "2 ids in 1 unit;" in shell("prepare", "ids.parquet", "work")
    assert "1 of 1 unit ended" in shell("run", "work", "--workers", "1")
    assert "DELETED: 2" in shell("status", "work")
    assert "2 ids" in shell("outcomes", "work", "outcomes.parquet")
    assert "0 ids" in shell("resume", "work")
    table = pyarrow.parquet.read_table(tmp_path / "outcomes.parquet")
    assert table["outcome"].to_pylist() == ["DELETED"] * 2


PROCESSES = ["-m", "koodrive.fleet", "run", "work", "--workers", "3"]
DASK = [str(Path(__file__).with_name("fleet_dask.py")), "work"]


@pytest.mark.parametrize("driver", [PROCESSES, DASK], ids=["processes", "dask"])
def test_nothing_is_lost_whatever_is_killed(
    start_sandbox: StartSandbox, tmp_path: Path, driver: list[str]
) -> None:
    table = ids_of_users()
    sandbox = start_sandbox(scopes={"users": existing_scopes(table)}, latency_ms=2)
    fleet.prepare(table, tmp_path / "work", unit_size=len(table) // 40)
    kill_until_done([sys.executable, *driver], tmp_path, sandbox)
    check_against_ledger(tmp_path / "work", table, sandbox)


def locked() -> dict[str, str]:
    return {"error_code": "15000999", "msg": "The scope is locked."}


def lose_attempt(work: Path, unit: str) -> None:
    """As a worker leaves a unit that died in it: it may have sent all ids."""
    folder = work / "attempts" / unit
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "another.intent").touch()


def leave_unsent(work: Path, sandbox: Sandbox) -> None:
    """Run all units with a client that nothing answers."""
    with koodrive.Client(
        **{**settings_for(sandbox), "endpoint": "http://127.0.0.1:9"},
        max_attempts=1,
        max_outage_ms=0,
    ) as client:
        for unit in fleet.pending_units(work):
            fleet.run_unit(unit, work, client)


def test_a_worker_that_comes_back_late_makes_later_units_unsure(
    start_sandbox: StartSandbox, work: Path
) -> None:
    sandbox = start_sandbox(scopes={"users": {}})
    fleet.prepare(table_of(("u", "d", "1")), work)
    (unit,) = fleet.pending_units(work)
    leave_unsent(work, sandbox)
    assert fleet.resume(work) == 1
    run(work, sandbox)
    assert [row[3] for row in rows_of(work)] == ["NOT_FOUND"]
    # It had looked before the first attempt ended, and deletes now; it dies before it says so.
    lose_attempt(work, unit)
    assert [row[3] for row in rows_of(work)] == ["GONE"]


def test_a_late_unknown_makes_later_units_unsure(start_sandbox: StartSandbox, work: Path) -> None:
    sandbox = start_sandbox(scopes={"users": {}})
    fleet.prepare(table_of(("u", "d", "1")), work)
    (unit,) = fleet.pending_units(work)
    leave_unsent(work, sandbox)
    fleet.resume(work)
    run(work, sandbox)
    unknown = attempt_of(("UNKNOWN", None, "no answer", True), ended=time.time())
    write_attempt(Work(work), unit, "another", unknown)
    assert [row[3] for row in rows_of(work)] == ["GONE"]
    assert fleet.resume(work) == 0


def test_units_of_one_generation_may_overlap(sandbox: Sandbox, work: Path, tmp_path: Path) -> None:
    rows = [("u", f"d{number}", "1") for number in range(6)]
    fleet.prepare(table_of(*rows), work, unit_size=2)
    leave_unsent(work, sandbox)
    other = tmp_path / "another machine"
    shutil.copytree(work, other)
    # Two at once: neither sees what the other writes.
    assert fleet.resume(work, unit_size=6) == 6
    assert fleet.resume(other, unit_size=2) == 6
    shutil.copytree(other / "units", work / "units", dirs_exist_ok=True)
    assert len(fleet.pending_units(work)) == 4
    run(work, sandbox)
    assert {row[3] for row in rows_of(work)} == {"DELETED"}


def test_a_later_attempt_hides_no_unknown(sandbox: Sandbox, work: Path) -> None:
    fleet.prepare(table_of(("u", "d", "1")), work)
    (unit,) = fleet.pending_units(work)
    sandbox.set_faults({"match": {"device": "d"}, "fault": "lose_answer"})
    with koodrive.Client(**settings_for(sandbox, max_attempts=1, max_outage_ms=0)) as client:
        fleet.run_unit(unit, work, client)
    sandbox.set_faults()
    # Somebody else's, who had begun before and found no network.
    result = attempt_of(NOT_SENT, ended=time.time() + 9)
    write_attempt(Work(work), unit, "another", result)
    assert [row[3] for row in rows_of(work)] == ["UNKNOWN"]
    assert fleet.resume(work) == 1
    run(work, sandbox)
    assert [row[3] for row in rows_of(work)] == ["GONE"]


def test_what_was_rejected_beside_another_is_asked_again(
    start_sandbox: StartSandbox, work: Path
) -> None:
    sandbox = start_sandbox(scopes={"users": {}}, rejected_ids={"1": locked()})
    fleet.prepare(table_of(("u", "d", "1")), work)
    lose_attempt(work, *fleet.pending_units(work))
    run(work, sandbox)
    assert [row[3] for row in rows_of(work)] == ["UNKNOWN"]
    assert fleet.resume(work) == 1
    run(work, sandbox)
    assert [row[3] for row in rows_of(work)] == ["UNKNOWN"]
    assert fleet.resume(work) == 0, "it is rejected for good"


NOT_SENT = ("NOT_SENT", None, "no network", True)


def attempt_of(*outcomes: tuple[str, str | None, str | None, bool], ended: float) -> Attempt:
    columns = [list(column) for column in zip(*outcomes)]
    return Attempt(pa.table(columns, schema=OUTCOME_SCHEMA), ended - 1, ended, None)


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_job_without_one_of_its_units_is_refused(
    sandbox: Sandbox, work: Path, missing: int
) -> None:
    table = table_of(*(("u", f"d{number}", "1") for number in range(3)))
    fleet.prepare(table, work, unit_size=1)
    units = fleet.pending_units(work)
    lost = work / "units" / f"{units[missing]}.parquet"
    whole = lost.read_bytes()
    lost.unlink()
    for look in (fleet.pending_units, fleet.outcomes, fleet.status, fleet.resume):
        with pytest.raises(InvalidArgument, match=f"rows {missing} to {missing} are missing"):
            look(work)
    for content in (None, whole[:-3]):
        if content is not None:
            lost.write_bytes(content)
        fleet.prepare(table, work, unit_size=3)
        assert lost.read_bytes() == whole
    assert fleet.pending_units(work) == units
    run(work, sandbox)
    assert [row[3] for row in rows_of(work)] == ["DELETED"] * 3


def test_a_unit_of_another_job_is_refused(sandbox: Sandbox, work: Path, tmp_path: Path) -> None:
    fleet.prepare(table_of(("u", "d", "1")), work)
    fleet.prepare(table_of(("u", "d", "2")), tmp_path / "other")
    (unit,), (foreign,) = fleet.pending_units(work), fleet.pending_units(tmp_path / "other")
    shutil.copy(tmp_path / "other" / "units" / f"{foreign}.parquet", work / "units")
    another = pytest.raises(InvalidArgument, match=f"{foreign}.*another job")
    with koodrive.Client(**settings_for(sandbox)) as client, another:
        fleet.run_unit(foreign, work, client)
    with pytest.raises(InvalidArgument, match=f"{foreign}.*another job"):
        fleet.pending_units(work)
    (work / "units" / f"{unit}.parquet").unlink()
    with pytest.raises(InvalidArgument, match=f"{foreign}.*another job"):
        fleet.outcomes(work)
    assert sandbox.ledger() == []


def test_a_later_unit_that_was_begun_must_be_there(sandbox: Sandbox, work: Path) -> None:
    fleet.prepare(table_of(("u", "d", "1")), work)
    leave_unsent(work, sandbox)
    fleet.resume(work)
    (unit,) = fleet.pending_units(work)
    run(work, sandbox)
    (work / "units" / f"{unit}.parquet").unlink()
    with pytest.raises(InvalidArgument, match=f"{unit}.*is missing"):
        fleet.outcomes(work)


def test_a_folder_that_lost_its_job_keeps_its_units(sandbox: Sandbox, work: Path) -> None:
    table = table_of(("u", "d", "1"))
    fleet.prepare(table, work)
    run(work, sandbox)
    (work / "job.json").unlink()
    with pytest.raises(InvalidArgument, match=r"job\.json: is missing"):
        fleet.prepare(table, work)
    assert list(work.glob("units/*"))


def test_two_may_prepare_the_same_table_at_once(
    sandbox: Sandbox, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = table_of(*(("u", f"d{number}", "1") for number in range(9)))
    make_folder = Work.make_folder

    def get_ahead(folder: Work, name: str) -> None:
        monkeypatch.setattr(Work, "make_folder", make_folder)
        fleet.prepare(table, work, unit_size=2)
        leave_unsent(work, sandbox)
        assert fleet.resume(work) == 9

    monkeypatch.setattr(Work, "make_folder", get_ahead)
    fleet.prepare(table, work, unit_size=2)
    assert len(fleet.pending_units(work)) == 1
    assert fleet.status(work).unit_count == 6


def test_the_second_of_two_preparations_takes_no_unit_away(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = table_of(*(("u", f"d{number}", "1") for number in range(9)))
    write_unit = Work.write_unit

    def fail_at_first(*_: Any) -> None:
        raise KeyboardInterrupt

    # The first has written all its units when the second begins, and is held up.
    fleet.prepare(table, work, unit_size=2)
    job = (work / "job.json").read_bytes()
    (work / "job.json").unlink()
    monkeypatch.setattr(Work, "write_unit", fail_at_first)
    with pytest.raises(KeyboardInterrupt):
        fleet.prepare(table, work, unit_size=2)
    monkeypatch.setattr(Work, "write_unit", write_unit)
    (work / "job.json").write_bytes(job)
    assert len(fleet.pending_units(work)) == 5


def test_a_table_without_rows_is_refused(work: Path) -> None:
    empty = pa.table({name: pa.array([], pa.string()) for name in KEYS})
    with pytest.raises(InvalidArgument, match="holds no ids"):
        fleet.prepare(empty, work)


def test_outcomes_of_another_unit_or_unknown_ones_are_refused(sandbox: Sandbox, work: Path) -> None:
    fleet.prepare(table_of(("u", "d", "1"), ("u", "e", "2")), work, unit_size=1)
    one, other = fleet.pending_units(work)
    run(work, sandbox)
    (file,) = (work / "attempts" / one).glob("*.parquet")
    strange = work / "attempts" / other / file.name
    shutil.copy(file, strange)
    with pytest.raises(InvalidArgument, match=f"{other}/{file.name}: is of another unit"):
        fleet.outcomes(work)
    strange.unlink()
    for outcomes in (("DELETE", None, None, False),), (NOT_SENT, NOT_SENT):
        write_attempt(Work(work), other, "another", attempt_of(*outcomes, ended=1.0))
        with pytest.raises(InvalidArgument, match=f"attempts/{other}"):
            fleet.status(work)
        for strange in (work / "attempts" / other).glob("another-*"):
            strange.unlink()
    assert [row[3] for row in rows_of(work)] == ["DELETED"] * 2


def test_a_changed_byte_of_an_outcome_is_noticed(sandbox: Sandbox, work: Path) -> None:
    fleet.prepare(table_of(("u", "d", "1")), work)
    run(work, sandbox)
    (file,) = work.glob("attempts/*/*.parquet")
    whole = file.read_bytes()
    for place in range(0, len(whole), 101):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        for look in (fleet.outcomes, fleet.status, fleet.resume):
            with pytest.raises(InvalidArgument, match=file.name):
                look(work)


def test_an_attempt_that_ended_meanwhile_is_not_repeated(
    sandbox: Sandbox, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet.prepare(table_of(("u", "d", "1")), work)
    (unit,) = fleet.pending_units(work)
    read_unit = Work.read_unit

    def run_amid(folder: Work, name: str) -> pa.Table:
        monkeypatch.setattr(Work, "read_unit", read_unit)
        run(work, sandbox)
        return read_unit(folder, name)

    monkeypatch.setattr(Work, "read_unit", run_amid)
    with koodrive.Client(**settings_for(sandbox)) as client:
        assert fleet.run_unit(unit, work, client) == fleet.UnitResult(unit, {"DELETED": 1})
    assert len(sandbox.ledger()) == 1
    assert len(list(work.glob("attempts/*/*.intent"))) == 1


def test_outcomes_that_cannot_be_written_leave_the_file(
    sandbox: Sandbox, work: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    file = folder / "outcomes.parquet"
    with pytest.raises(InvalidArgument, match="no job"):
        fleet.write_outcomes(work, file)
    assert list(folder.iterdir()) == []
    fleet.prepare(table_of(("u", "d", "1"), ("u", "e", "2")), work, unit_size=1)
    run(work, sandbox)
    assert fleet.write_outcomes(work, file) == 2
    written = file.read_bytes()
    outcome = max(work.glob("attempts/*/*.parquet"))
    outcome.write_bytes(b"")
    with pytest.raises(InvalidArgument, match=outcome.name):
        fleet.write_outcomes(work, file)
    assert file.read_bytes() == written
    assert list(folder.iterdir()) == [file]


def test_a_uris_secrets_stay_out_of_messages() -> None:
    with pytest.raises(InvalidArgument) as caught:
        fleet.pending_units("none://key:sec/ret@bucket/work?token=secret")
    assert "ret" not in str(caught.value)
    assert "none://bucket/work" in str(caught.value)
    with pytest.raises(InvalidArgument, match="made of a URI"):
        fleet.pending_units(Path("s3://bucket/work"))


class _HalfWritten:
    """A file system whose files end amid what is written."""

    def __init__(self, files: Any) -> None:
        self._files = files

    def __getattr__(self, name: str) -> Any:
        return getattr(self._files, name)

    @contextlib.contextmanager
    def open_output_stream(self, path: str) -> Iterator[Any]:
        with self._files.open_output_stream(path) as file:

            def write(content: bytes) -> None:
                file.write(content[:1])
                raise OSError("the network is down")

            yield SimpleNamespace(write=write)


def test_a_file_that_was_half_written_elsewhere_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = pyarrow.fs.SubTreeFileSystem(str(tmp_path), pyarrow.fs.LocalFileSystem())
    known = {"half://": _HalfWritten(files), "whole://": files}
    from_uri = lambda uri: (known[uri], "work")  # noqa: E731
    monkeypatch.setattr(pyarrow.fs, "FileSystem", SimpleNamespace(from_uri=from_uri))
    table = table_of(("u", "d", "1"))
    with pytest.raises(OSError, match="network"):
        fleet.prepare(table, "half://")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    fleet.prepare(table, "whole://")
    (unit,) = fleet.pending_units("whole://")
    with pytest.raises(OSError, match="network"):
        write_attempt(Work("half://"), unit, "a", attempt_of(NOT_SENT, ended=1.0))
    assert fleet.pending_units("whole://") == [unit]


def test_a_folder_need_not_be_listable(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Root may list all, so it is told that it may not.
    def refused(*_: Any) -> int:
        raise PermissionError

    monkeypatch.setattr("os.open", refused)
    Work(work).write("units/one", b"1")
    assert (work / "units" / "one").read_bytes() == b"1"


def test_prepare_makes_all_folders(work: Path) -> None:
    fleet.prepare(table_of(("u", "d", "1")), work)
    assert (work / "attempts").is_dir()
