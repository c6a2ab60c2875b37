"""Reads the table that says what to delete."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.dataset

from koodrive import InvalidArgument, Plan

#: The columns of ids, in the order in which units are sorted.
KEYS = ("user_id", "device_id", "scope_id")

#: So many rows are looked at, sorted and held at a time.
CHUNK_ROWS = 1 << 20

SCHEMA = pa.schema([*((name, pa.string()) for name in KEYS), ("tried", pa.bool_())])


def chunks(table: Any) -> Iterator[pa.Table]:
    """The rows of a table with the columns of SCHEMA, a chunk at a time.

    Raises InvalidArgument, which names file, column and row, for what the library would refuse.
    """
    name = os.fspath(table) if isinstance(table, (str, os.PathLike)) else "table"
    before = 0
    for rows in _rechunked(_batches(table, name)):
        try:
            # The library judges: what it takes here it takes later, too.
            Plan().add_table(rows)
        except InvalidArgument as error:
            raise InvalidArgument(
                f"{name}: in the {len(rows)} rows after {before}: {error}"
            ) from None
        yield _canonical(rows)
        before += len(rows)


def _batches(table: Any, name: str) -> Iterator[pa.RecordBatch]:
    try:
        if not isinstance(table, (str, os.PathLike)):
            yield from pa.RecordBatchReader.from_stream(table)
        elif Path(table).suffix.lower() == ".csv":
            yield from _csv(table)
        else:
            yield from pyarrow.dataset.dataset(table, format="parquet").to_batches()
    except pa.ArrowInvalid as error:
        raise InvalidArgument(f"{name}: can't be read: {error}") from None


def _csv(path: Any) -> Iterator[pa.RecordBatch]:
    # All as text: an id that is taken for a number may be rounded.
    with pyarrow.csv.open_csv(path) as reader:
        names = reader.schema.names
    types = {column: pa.string() for column in names}
    options = pyarrow.csv.ConvertOptions(column_types=types, strings_can_be_null=True)
    with pyarrow.csv.open_csv(path, convert_options=options) as reader:
        yield from reader


def _rechunked(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Only the columns of SCHEMA, in tables of CHUNK_ROWS."""
    held: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        chosen = batch.select([name for name in SCHEMA.names if name in batch.schema.names])
        while chosen.num_rows:
            part = chosen.slice(0, CHUNK_ROWS - count)
            chosen = chosen.slice(part.num_rows)
            held.append(part)
            count += part.num_rows
            if count == CHUNK_ROWS:
                yield pa.Table.from_batches(held)
                held, count = [], 0
    if held:
        yield pa.Table.from_batches(held)


def _canonical(rows: pa.Table) -> pa.Table:
    """The columns of SCHEMA by their types; no user is an empty text, which is no id."""
    columns = []
    for field in SCHEMA:
        if field.name in rows.schema.names:
            column = rows[field.name]
            if pa.types.is_dictionary(column.type):
                column = column.cast(column.type.value_type)
            column = column.cast(field.type)
        else:
            column = pa.nulls(len(rows), field.type)
        columns.append(pc.fill_null(column, False if field.name == "tried" else ""))
    return pa.table(columns, schema=SCHEMA)
