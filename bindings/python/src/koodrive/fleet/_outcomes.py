"""The outcome of each id of a job."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from koodrive.fleet._attempt import OUTCOME_SCHEMA
from koodrive.fleet._folded import folded
from koodrive.fleet._input import KEYS
from koodrive.fleet._work import Folder, Work, replacing

_COLUMNS = (*KEYS, *OUTCOME_SCHEMA.names[:-1])

#: As a report's table has them; an id's user is null if it is the client's.
SCHEMA = pa.schema([(name, pa.string()) for name in _COLUMNS])


def outcomes(work: Folder) -> pa.Table:
    """Tell what became of each id of the input, one row each, sorted by user, device and id.

    The columns are user_id (null: the client's user), device_id, scope_id, outcome, service_code
    and message, as in a report. All attempts count: DELETED before NOT_FOUND before GONE before
    DUPLICATE before UNKNOWN before the latest of the rest; NOT_FOUND is GONE where another attempt
    may have deleted the id. What no attempt has sent is NOT_SENT; what one may have sent that has
    not ended is UNKNOWN.

    Raises InvalidArgument where the folder holds no job or a file in it is missing, damaged or
    another job's.
    """
    return pa.Table.from_batches(
        [batch for table in _tables(Work(work)) for batch in table.to_batches()], SCHEMA
    )


def write_outcomes(work: Folder, path: str | os.PathLike[str]) -> int:
    """Write the same as a Parquet file, a unit at a time; how many rows.

    The file is there when it is whole: after an error the path holds what it held before.
    """
    folder = Work(work)
    folder.existing_job()
    count = 0
    with (
        replacing(Path(path)) as temporary,
        pyarrow.parquet.ParquetWriter(temporary, SCHEMA, compression="zstd") as file,
    ):
        for table in _tables(folder):
            file.write_table(table)
            count += len(table)
    return count


def _tables(work: Work) -> Iterator[pa.Table]:
    for unit in folded(work):
        columns = {**_columns(unit.rows), **_columns(unit.outcomes)}
        yield pa.table([columns[name] for name in _COLUMNS], schema=SCHEMA)


def _columns(table: pa.Table) -> dict[str, pa.ChunkedArray]:
    return dict(zip(table.column_names, table.columns))
