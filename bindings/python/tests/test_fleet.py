"""Jobs of koodrive.fleet, run by processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from fleet_ledger import check_against_ledger, existing_scopes, ids_of_users, kill_until_done

import koodrive
from conftest import USER, Sandbox, StartSandbox
from koodrive import InvalidArgument, fleet

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

    assert "2 ids in 1 units" in shell("prepare", "ids.parquet", "work")
    assert "1 of 1 units" in shell("run", "work", "--workers", "1")
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
