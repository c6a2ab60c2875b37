"""Tables as Parquet, by pyarrow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from koodrive import InvalidArgument, Outcome, Plan, Report, ScopeOutcome
from koodrive._command.rows import COLUMNS
from koodrive._owner import refused_owners

_READ = (*COLUMNS, "tried")


def _pyarrow() -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise InvalidArgument(
            "Parquet needs pyarrow: pip install pyarrow; or give CSV or JSON lines"
        ) from None
    return pyarrow


def add(path: str, plan: Plan) -> None:
    """Add the ids of a table to a plan, a part of it in memory at a time."""
    pyarrow = _pyarrow()
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            # Columns that are not read may be misspelt.
            Plan().add_table(file.schema_arrow.empty_table())
            if "user_id" not in file.schema_arrow.names:
                raise InvalidArgument("has no column user_id, which says whose the ids are")
            names = [name for name in file.schema_arrow.names if name in _READ]
            schema = pyarrow.schema([file.schema_arrow.field(name) for name in names])
            _check_owners(file)
            batches = file.iter_batches(columns=names)
            plan.add_table(pyarrow.RecordBatchReader.from_batches(schema, batches))
    except pyarrow.ArrowInvalid as error:
        raise InvalidArgument(f"is no Parquet file: {error}") from None


def _check_owners(file: Any) -> None:
    """Refuse users and devices that are plainly none, before any is added."""
    for batch in file.iter_batches(columns=["user_id", "device_id"]):
        for name, why in refused_owners(batch):
            raise InvalidArgument(f"column {name}: {why}")


def write(report: Report, path: str) -> None:
    """Write what became of each id."""
    pyarrow = _pyarrow()
    pyarrow.parquet.write_table(pyarrow.table(report), path)


def write_unfinished(scopes: Sequence[ScopeOutcome], path: str) -> None:
    """Write ids for a next run, which learns from the file which of them were tried."""
    pyarrow = _pyarrow()
    text = pyarrow.string()
    columns = {
        name: pyarrow.array([getattr(scope, name) for scope in scopes], text) for name in COLUMNS
    }
    tried = [scope.outcome == Outcome.UNKNOWN for scope in scopes]
    columns["tried"] = pyarrow.array(tried, pyarrow.bool_())
    pyarrow.parquet.write_table(pyarrow.table(columns), path)


def check() -> None:
    """Complain now, and not after a run, if Parquet can't be written."""
    _pyarrow()
