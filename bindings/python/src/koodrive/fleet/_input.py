"""Reads the table that says what to delete."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.dataset

from koodrive import InvalidArgument, Plan
from koodrive._owner import refused_owners

#: The columns of ids, in the order in which units are sorted.
KEYS = ("user_id", "device_id", "scope_id")

#: So many rows are looked at, sorted and held at a time.
CHUNK_ROWS = 1 << 20

SCHEMA = pa.schema([*((name, pa.string()) for name in KEYS), ("tried", pa.bool_())])


def chunks(table: Any, user_id: str | None = None) -> Iterator[pa.Table]:
    """The rows of a table with the columns of SCHEMA, a chunk at a time.

    Rows without a user are the given user's. Raises InvalidArgument, which names file, column and
    row, for what the library would refuse, and for what leaves open whose an id is.
    """
    rows = (rows for source in _sources(table) for rows in _canonical_rows(source))
    if user_id is not None:
        return _rechunked(_with_user(part, user_id) for part in rows)
    return _rechunked(_of_one_kind(rows, _name(table)))


class _Source(NamedTuple):
    """A file, or a stream."""

    name: str
    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]

    def columns(self) -> list[str]:
        """Which columns of SCHEMA it has."""
        return [name for name in SCHEMA.names if name in self.schema.names]


def _sources(table: Any) -> Iterator[_Source]:
    """The files of a table, all with the same columns of SCHEMA, each of them once."""
    first: _Source | None = None
    for source in _opened(table):
        first = first or source
        if source.columns() != first.columns():
            raise InvalidArgument(
                f"{source.name}: has the columns {', '.join(source.columns())}, but {first.name} "
                f"has {', '.join(first.columns())}: files of one table must have the same"
            )
        yield source


def _opened(table: Any) -> Iterator[_Source]:
    name = _name(table)
    if not isinstance(table, (str, os.PathLike)):
        with _reading(name):
            stream = pa.RecordBatchReader.from_stream(table)
        _check_columns(name, stream.schema)
        yield _Source(name, stream.schema, iter(stream))
    elif Path(table).suffix.lower() == ".csv":
        _refuse_partition(name, name)
        with _reading(name), pyarrow.csv.open_csv(table) as file:
            columns = file.schema.names
        # An id that is taken for a number may be rounded.
        schema = pa.schema(
            (column, pa.bool_() if column == "tried" else pa.string()) for column in columns
        )
        _check_columns(name, schema)
        yield _Source(name, schema, _csv_batches(table, schema))
    else:
        with _reading(name):
            dataset = pyarrow.dataset.dataset(table, pa.schema([]), format="parquet")
        if not dataset.files:
            raise InvalidArgument(f"{name}: holds no Parquet file")
        for fragment in dataset.get_fragments():
            _refuse_partition(fragment.path, name)
            with _reading(fragment.path):
                # Its own: by that of another file, integers may become floats.
                schema = fragment.physical_schema
            _check_columns(fragment.path, schema)
            wanted = pa.schema(field for field in schema if field.name in SCHEMA.names)
            yield _Source(fragment.path, wanted, _batches(fragment, wanted))


def _check_columns(name: str, schema: pa.Schema) -> None:
    """Refuse what the library would, before columns that it does not take are left out."""
    try:
        Plan().add_table(schema.empty_table())
    except InvalidArgument as error:
        raise InvalidArgument(f"{name}: {error}") from None


def _batches(fragment: Any, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    yield from fragment.to_batches(schema=schema)


def _csv_batches(path: Any, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    # "NA" and "null" may be ids, too.
    options = pyarrow.csv.ConvertOptions(
        column_types=schema,
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
    )
    with pyarrow.csv.open_csv(path, convert_options=options) as file:
        yield from file


def _name(table: Any) -> str:
    return os.fspath(table) if isinstance(table, (str, os.PathLike)) else "table"


def _refuse_partition(path: str, table: str) -> None:
    """Folders such as user_id=u1 hold ids that are in no file: they are not guessed."""
    given = Path(table).absolute().parts
    for folder in Path(path).absolute().parts[:-1]:
        column, equals, _ = folder.partition("=")
        if equals and (folder not in given or column in SCHEMA.names):
            raise InvalidArgument(
                f"{path}: the folder {folder} says what is in no file: write a table with {column} "
                "as a column"
            )


@contextlib.contextmanager
def _reading(name: str) -> Iterator[None]:
    try:
        yield
    except pa.ArrowInvalid as error:
        raise InvalidArgument(f"{name}: can't be read: {error}") from None


def _canonical_rows(source: _Source) -> Iterator[pa.Table]:
    """The rows of a file as the library takes them."""
    before = 0
    with _reading(source.name):
        for batch in source.batches:
            rows = pa.Table.from_batches([batch]).select(source.columns())
            try:
                # The library judges: what it takes here it takes later, too.
                Plan().add_table(rows)
                rows = _canonical(rows)
                for name, why in refused_owners(rows):
                    raise InvalidArgument(f"{name}: {why}")
            except InvalidArgument as error:
                raise InvalidArgument(
                    f"{source.name}: in the {len(rows)} rows after {before}: {error}"
                ) from None
            yield rows
            before += len(rows)


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


def _with_user(rows: pa.Table, user_id: str) -> pa.Table:
    users = pc.if_else(pc.equal(rows["user_id"], ""), user_id, rows["user_id"])
    return rows.set_column(0, "user_id", users)


def _of_one_kind(tables: Iterator[pa.Table], name: str) -> Iterator[pa.Table]:
    """The same tables, of which all rows have a user or none has one.

    Else the client's user may have an id twice, in two units, of which one finds it deleted.
    """
    kinds = set()
    for rows in tables:
        kinds.update(pc.unique(pc.equal(rows["user_id"], "")).to_pylist())
        if len(kinds) > 1:
            raise InvalidArgument(
                f"{name}: some rows have a user_id and some have none: say whose those are "
                "(user_id=, or --user)"
            )
        yield rows


def _rechunked(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in tables of CHUNK_ROWS."""
    held: list[pa.Table] = []
    count = 0
    for table in tables:
        rest = table
        while len(rest):
            part = rest.slice(0, CHUNK_ROWS - count)
            rest = rest.slice(len(part))
            held.append(part)
            count += len(part)
            if count == CHUNK_ROWS:
                yield pa.concat_tables(held)
                held, count = [], 0
    if held:
        yield pa.concat_tables(held)
