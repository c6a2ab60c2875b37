"""Tables of data tools into plans, and reports as tables of theirs."""

from __future__ import annotations

import copy
import ctypes
import gc
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pandas
import polars
import pyarrow
import pytest

import koodrive
from conftest import DEVICE, USER, Sandbox
from koodrive import InvalidArgument, Outcome, Plan

IDS = ["1842846715527366528", "345", "a-longer-id-than-twelve"]
COLUMNS = {"device_id": ["phone", "phone", "tablet"], "scope_id": IDS}


def rows(plan: Plan) -> list[tuple[str, str, str, bool]]:
    """What a plan holds: a run that is cancelled tells without sending anything."""
    monitor = koodrive.Monitor()
    monitor.cancel()
    client = koodrive.Client("http://127.0.0.1:1", access_token="t", user_id=USER)
    with client:
        try:
            report: koodrive.Report | None = client.delete_plan(plan, monitor=monitor)
        except koodrive.Cancelled as cancelled:
            report = cancelled.report
    assert report is not None
    tried = Outcome.UNKNOWN
    return [(one.user_id, one.device_id, one.scope_id, one.outcome == tried) for one in report]


def expected(ids: list[str] = IDS) -> list[tuple[str, str, str, bool]]:
    return [(USER, device, one, False) for device, one in zip(COLUMNS["device_id"], ids)]


def planned(table: Any) -> list[tuple[str, str, str, bool]]:
    plan = Plan()
    plan.add_table(table)
    assert len(plan) == 3
    return rows(plan)


def cast(kind: Any) -> Any:
    """A table of pyarrow whose ids are of this type."""
    schema = pyarrow.schema([("device_id", kind), ("scope_id", kind)])
    return pyarrow.table(COLUMNS).cast(schema)


def in_duckdb(kind: str = "VARCHAR") -> Any:
    query = "SELECT unnest(?)::{0} AS device_id, unnest(?)::{0} AS scope_id"
    values = [COLUMNS["device_id"], COLUMNS["scope_id"]]
    return duckdb.connect().sql(query.format(kind), params=values)


TABLES: dict[str, Any] = {
    "pyarrow": lambda: pyarrow.table(COLUMNS),
    "pyarrow, a reader": lambda: pyarrow.table(COLUMNS).to_reader(),
    "pyarrow, a batch": lambda: pyarrow.RecordBatch.from_pydict(COLUMNS),
    "pyarrow, large": lambda: cast(pyarrow.large_string()),
    "pyarrow, views": lambda: cast(pyarrow.string_view()),
    "pyarrow, categories": lambda: cast(pyarrow.dictionary(pyarrow.int8(), pyarrow.string())),
    "pyarrow, chunks": lambda: pyarrow.concat_tables(
        pyarrow.table(COLUMNS).slice(row, 1) for row in range(3)
    ),
    "polars": lambda: polars.DataFrame(COLUMNS),
    "polars, categories": lambda: polars.DataFrame(COLUMNS).cast(polars.Categorical),
    "polars, enums": lambda: polars.DataFrame(
        COLUMNS, {"device_id": polars.Enum(["tablet", "phone"]), "scope_id": polars.Enum(IDS)}
    ),
    "polars, a slice": lambda: polars.concat([polars.DataFrame(COLUMNS)] * 2).slice(3),
    "pandas": lambda: pandas.DataFrame(COLUMNS),
    "pandas, strings": lambda: pandas.DataFrame(COLUMNS, dtype="string"),
    "pandas, categories": lambda: pandas.DataFrame(COLUMNS, dtype="category"),
    "pandas, a slice": lambda: pandas.concat([pandas.DataFrame(COLUMNS)] * 2)[3:],
    "duckdb": in_duckdb,
    "duckdb, enums": lambda: in_duckdb(
        "ENUM ('tablet', 'phone', {})".format(", ".join(f"'{one}'" for one in IDS))
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_becomes_a_plan(name: str) -> None:
    assert planned(TABLES[name]()) == expected()


NUMBERS = [1842846715527366528, 345, 7]


@pytest.mark.parametrize("tool", [pyarrow.table, polars.DataFrame, pandas.DataFrame])
def test_integers_are_taken_digit_by_digit(tool: Any) -> None:
    table = tool({"device_id": COLUMNS["device_id"], "scope_id": NUMBERS})
    assert planned(table) == expected([str(number) for number in NUMBERS])


@pytest.mark.parametrize("tool", [pyarrow.table, polars.DataFrame, pandas.DataFrame])
def test_users_and_what_was_tried(tool: Any) -> None:
    columns = {"user_id": ["a", None, "b"], "tried": [True, False, True], "price": [1.5, 2, 3]}
    found = planned(tool({**columns, **COLUMNS}))
    assert [row[0] for row in found] == ["a", USER, "b"]
    assert [row[3] for row in found] == [True, False, True]


@pytest.mark.parametrize("tool", [pyarrow.table, polars.DataFrame, pandas.DataFrame])
@pytest.mark.parametrize(
    ("ids", "why"),
    [
        ([1.0, 2.0], "scope_id: .*floating point"),
        (["1", None], "row 1: scope_id is null"),
        (["1", "1.8e18"], 'row 1: scope_id "1.8e18" is damaged'),
        (["1", ""], 'row 1: scope_id "" is empty'),
        ([[1], [2]], "scope_id: .*nested"),
    ],
)
def test_what_is_refused_adds_nothing(tool: Any, ids: list[Any], why: str) -> None:
    plan = Plan()
    plan.add("phone", ["1"])
    with pytest.raises(InvalidArgument, match=why):
        plan.add_table(tool({"device_id": ["a", "b"], "scope_id": ids}))
    assert len(plan) == 1


def test_what_is_no_table_is_refused() -> None:
    plan = Plan()
    for other in (None, [1, 2], {"scope_id": ["1"]}, "table"):
        with pytest.raises(TypeError, match=f"table: .*{type(other).__name__}"):
            plan.add_table(other)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match='no column "device_id"'):
        plan.add_table(pyarrow.table({"scope_id": ["1"]}))
    assert len(plan) == 0


def test_a_reader_that_raises() -> None:
    schema = pyarrow.schema([("device_id", pyarrow.string()), ("scope_id", pyarrow.string())])

    def batches() -> Iterator[Any]:
        yield pyarrow.RecordBatch.from_pydict({"device_id": ["d"], "scope_id": ["1"]})
        raise OSError("the disk is gone")

    plan = Plan()
    with pytest.raises(InvalidArgument, match="the disk is gone"):
        plan.add_table(pyarrow.RecordBatchReader.from_batches(schema, batches()))
    assert len(plan) == 0
    plan.add("d", ["2"])
    assert [row[2] for row in rows(plan)] == ["2"]


def test_a_stream_is_taken_once() -> None:
    class Once:
        capsule = pyarrow.table(COLUMNS).__arrow_c_stream__()

        def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
            return self.capsule

    plan = Plan()
    plan.add_table(Once())
    with pytest.raises(InvalidArgument, match="released already"):
        plan.add_table(Once())
    assert len(plan) == 3


def test_the_ids_of_the_report_are_those_of_the_table(sandbox: Sandbox) -> None:
    plan = Plan()
    plan.add(DEVICE, ["1", "2"])
    plan.add_table(pyarrow.table(COLUMNS))
    plan.add(DEVICE, ["3"])
    with sandbox.client() as client:
        report = client.delete_plan(plan)
    assert report.scope_ids == report.deleted == ["1", "2", *IDS, "3"]


@pytest.fixture
def report(sandbox: Sandbox) -> koodrive.Report:
    """A report of two ids that were deleted, the second asked for twice."""
    with sandbox.client() as client:
        return client.delete_scopes(DEVICE, ["345", "12", "345"])


OUTCOMES = ["DELETED", "DELETED", "DUPLICATE"]


def as_rows(report: koodrive.Report) -> list[dict[str, Any]]:
    names = ["user_id", "device_id", "scope_id", "outcome", "service_code", "message"]
    fields = [{**one._asdict(), "outcome": one.outcome.name} for one in report]
    return [{name: row[name] for name in names} for row in fields]


def test_a_report_becomes_a_table(report: koodrive.Report) -> None:
    table = pyarrow.table(report)
    assert table.to_pylist() == as_rows(report)
    table.validate(full=True)
    assert set(table.schema.types) == {pyarrow.string()}
    assert polars.DataFrame(table).to_dicts() == as_rows(report)
    assert table.to_pandas()["outcome"].tolist() == OUTCOMES
    counted = duckdb.connect().sql("SELECT outcome, count(*) FROM report GROUP BY 1 ORDER BY 1")
    assert counted.fetchall() == [("DELETED", 2), ("DUPLICATE", 1)]


def test_a_table_outlives_its_report(sandbox: Sandbox) -> None:
    with sandbox.client() as client:
        report = client.delete_scopes(DEVICE, [str(number) for number in range(1000)])
    capsule = report.__arrow_c_stream__()
    reader = pyarrow.RecordBatchReader.from_stream(report)
    del report
    gc.collect()
    table = reader.read_all()
    del reader, capsule
    gc.collect()
    assert table.column("scope_id").to_pylist() == [str(number) for number in range(1000)]


def test_a_report_that_was_pickled_becomes_the_same_table(report: koodrive.Report) -> None:
    for other in (pickle.loads(pickle.dumps(report)), copy.copy(report)):
        assert pyarrow.table(other) == pyarrow.table(report)


def test_an_empty_report_is_an_empty_table(sandbox: Sandbox) -> None:
    with sandbox.client() as client:
        table = pyarrow.table(client.delete_scopes(DEVICE, []))
    assert (table.num_rows, table.num_columns) == (0, 6)


def test_a_report_goes_into_a_plan(report: koodrive.Report) -> None:
    plan = Plan()
    plan.add_table(report)
    assert [row[2] for row in rows(plan)] == ["345", "12", "345"]


def test_a_capsule_that_nobody_takes_is_released(report: koodrive.Report) -> None:
    for _ in range(100):
        report.__arrow_c_stream__()


def test_a_capsule_may_outlive_the_interpreters_modules(tmp_path: Path) -> None:
    program = tmp_path / "late.py"
    program.write_text(
        "import sys, koodrive\n"
        "monitor = koodrive.Monitor()\n"
        "monitor.cancel()\n"
        "client = koodrive.Client('http://127.0.0.1:1', access_token='t', user_id='u')\n"
        "try:\n"
        "    client.delete_scopes('d', ['1'], monitor=monitor)\n"
        "except koodrive.Cancelled as error:\n"
        "    sys.kept = error.report.__arrow_c_stream__()\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(koodrive.__file__).parents[1])}
    child = subprocess.run(
        [sys.executable, str(program)], env=environment, capture_output=True, text=True, check=False
    )
    assert (child.returncode, child.stdout, child.stderr) == (0, "", "")


def test_other_prototypes_do_not_matter(report: koodrive.Report) -> None:
    """ctypes.pythonapi is everybody's."""
    function = ctypes.pythonapi.PyCapsule_GetPointer
    before = function.argtypes
    function.argtypes = [ctypes.c_int]
    try:
        assert pyarrow.table(report).num_rows == 3
    finally:
        function.argtypes = before
