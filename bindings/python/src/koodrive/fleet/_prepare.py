"""Sorts the input and cuts it into units."""

from __future__ import annotations

import bisect
import hashlib
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from koodrive import InvalidArgument, Plan, _arguments
from koodrive._arguments import Id
from koodrive.fleet._input import CHUNK_ROWS, KEYS, chunks
from koodrive.fleet._job import Job, UnitName
from koodrive.fleet._work import Folder, Work, encode_unit

#: One key of so many is kept, to cut the whole by.
_SAMPLE = 1 << 10

#: User, device and scope of a row.
Key = tuple[str, str, str]

#: How rows are sorted.
_ORDER = [(name, "ascending") for name in KEYS]


def prepare(table: Any, work: Folder, *, unit_size: int = 10_000, user_id: Id | None = None) -> int:
    """Cut a table into units below a work folder; the number of ids.

    The table has the columns scope_id and device_id, and may have user_id (missing or null in all
    rows: the client's user) and tried (true: a run whose outcome was lost may have deleted the id).
    It is sorted by user and device, and cut where a device ends if that makes units of about
    `unit_size` ids. It may be larger than memory.

    A work folder is one table's. With the same table again only units that are missing or damaged
    are written, whatever `unit_size` says; where the first time was interrupted, it goes on.

    Args:
        table: The path of a Parquet file, of a folder of them or of a CSV file; or anything with
            __arrow_c_stream__, such as a table of pyarrow, polars, pandas or DuckDB.
        work: The work folder; it is made if it is not there.
        unit_size: How many ids a worker takes at once.
        user_id: Whose the rows without a user_id are. It must be given where only some have none.

    Raises:
        InvalidArgument: The input breaks a rule, which is named with file, column and row, or has
            no rows, or the work folder is another table's. Nothing can be deleted of it.
    """
    check_unit_size(unit_size)
    user = None if user_id is None else _checked_user(user_id)
    folder = Work(work)
    # In this order: what is there before a job is none of a job's that somebody makes meanwhile.
    leftover = folder.units()
    known = folder.job()
    if known is None and folder.attempts():
        raise InvalidArgument(f"{folder.place('job.json')}: is missing, but units were begun")
    fingerprint = hashlib.sha256()
    with tempfile.TemporaryDirectory(prefix="koodrive-") as scratch:
        runs = [
            _SortedRun(Path(scratch) / str(number), chunk)
            for number, chunk in enumerate(_hashed(chunks(table, user), fingerprint))
        ]
        row_count = sum(map(len, runs))
        if row_count == 0:
            raise InvalidArgument("table: holds no ids")
        if known is None:
            _begin(folder, runs, fingerprint.hexdigest(), unit_size, leftover)
        elif known.fingerprint == fingerprint.hexdigest():
            _restore(folder, known, runs)
        else:
            raise InvalidArgument(
                f"{folder.name}: is the work folder of another table, or the table has changed"
            )
    return row_count


def _checked_user(user_id: Id) -> str:
    Plan().add("any", ["1"], user_id=user_id)
    return _arguments.encode_id("user_id", user_id).decode()


def check_unit_size(unit_size: int) -> None:
    """Refuse a size that no unit can have."""
    if unit_size < 1:
        raise InvalidArgument("unit_size: must be at least 1")


def _begin(
    work: Work,
    runs: list[_SortedRun],
    fingerprint: str,
    unit_size: int,
    leftover: list[UnitName],
) -> None:
    """Make the folder a job's; units are left over of a time before that was interrupted."""
    tables = cut_units(_numbered(_merged(runs)), unit_size)
    units = [work.write_unit(0, table, fingerprint) for table in tables]
    job = Job.of_units(fingerprint, unit_size, units)
    work.make_folder("attempts")
    meanwhile = work.job()
    if meanwhile is None:
        for foreign in set(leftover).difference(units):
            work.remove(f"units/{foreign}.parquet")
        work.write_job(job)
    elif meanwhile != job:
        raise InvalidArgument(f"{work.name}: somebody else has prepared it meanwhile, otherwise")


def _restore(work: Work, job: Job, runs: list[_SortedRun]) -> None:
    """Write those units of a known job again that are missing or damaged."""
    here = [unit for unit in work.units() if not unit.generation]
    if job.are_units(here) and all(map(work.has_unit, here)):
        return

    def cut() -> Iterator[pa.Table]:
        return cut_units(_numbered(_merged(runs)), job.unit_size)

    names = [encode_unit(0, unit, job.fingerprint)[0] for unit in cut()]
    if not job.are_units(names):
        raise InvalidArgument(
            f"{work.place('units')}: some are missing or damaged, and come out otherwise than "
            "before: take the version of pyarrow that prepared them"
        )
    for name, unit in zip(names, cut()):
        if not work.has_unit(name):
            work.write_unit(0, unit, job.fingerprint)


def cut_units(tables: Iterable[pa.Table], unit_size: int) -> Iterator[pa.Table]:
    """Cut sorted tables, whose rows are numbered, into the rows of units."""
    for table in tables:
        for unit in _cut(table, unit_size):
            user = unit["user_id"]
            user = pc.if_else(pc.equal(user, ""), pa.scalar(None, pa.string()), user)
            yield unit.set_column(0, "user_id", user)


def _hashed(tables: Iterable[pa.Table], fingerprint: Any) -> Iterator[pa.Table]:
    """The same tables, whose rows go into the fingerprint as lines."""
    for table in tables:
        end = pc.if_else(table["tried"], "1\n", "0\n")
        lines = pc.binary_join_element_wise(*(table[name] for name in KEYS), end, "\n")
        for chunk in lines.chunks:
            _, offsets, content = chunk.buffers()
            length = memoryview(offsets).cast("i")[len(chunk)]
            fingerprint.update(memoryview(content)[:length])
        yield table


def _numbered(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same tables with the numbers of their rows."""
    first = 0
    for table in tables:
        end = first + len(table)
        yield table.append_column("row", pa.array(range(first, end), pa.int64()))
        first = end


class _SortedRun:
    """Rows that were sorted and wait in a file."""

    def __init__(self, path: Path, table: pa.Table) -> None:
        table = table.sort_by(_ORDER)
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table.combine_chunks())
        self._path = path
        self._count = len(table)
        keys = _Keys(table)
        self.sample = [keys[row] for row in range(0, len(table), _SAMPLE)]

    def __len__(self) -> int:
        return self._count

    def between(self, low: Key | None, high: Key | None) -> pa.Table:
        """The rows from one key to before another."""
        table = pa.ipc.open_file(pa.memory_map(str(self._path))).read_all()
        keys = _Keys(table)
        first = 0 if low is None else bisect.bisect_left(keys, low)
        end = len(table) if high is None else bisect.bisect_left(keys, high)
        return table.slice(first, end - first)


class _Keys(Sequence[Key]):
    """What the rows of a table are sorted by, for bisect."""

    def __init__(self, table: pa.Table) -> None:
        self._columns = [table[name] for name in KEYS]

    def __len__(self) -> int:
        return len(self._columns[0])

    def __getitem__(self, row: Any) -> Any:
        return tuple(column[row].as_py() for column in self._columns)


def _merged(runs: list[_SortedRun]) -> Iterator[pa.Table]:
    """All rows of the runs in order, about a chunk at a time."""
    sample = sorted(key for run in runs for key in run.sample)
    step = CHUNK_ROWS // _SAMPLE
    borders = [None, *sample[step::step], None]
    for low, high in zip(borders, borders[1:]):
        yield pa.concat_tables(run.between(low, high) for run in runs).sort_by(_ORDER)


def _cut(table: pa.Table, unit_size: int) -> Iterator[pa.Table]:
    """Cut where a device ends; a device of many ids between two different ids."""
    devices = _changes(table, KEYS[:2])
    scopes = _changes(table, KEYS)
    start = 0
    while start < len(table):
        end = _last_up_to(devices, start, start + unit_size)
        if end is None:
            end = _first_from(scopes, start + unit_size, len(table))
        yield table.slice(start, end - start)
        start = end


def _changes(table: pa.Table, names: Iterable[str]) -> list[int]:
    """The rows that differ from the one before in one of the columns, and the end."""
    differs = None
    for name in names:
        column = pc.fill_null(table[name], "").combine_chunks()
        changes = pc.not_equal(column.slice(1), column.slice(0, max(len(column) - 1, 0)))
        differs = changes if differs is None else pc.or_(differs, changes)
    return [*pc.add(pc.indices_nonzero(differs), 1).to_pylist(), len(table)]


def _last_up_to(places: list[int], start: int, limit: int) -> int | None:
    """The last of the places after the start that is no farther than the limit."""
    index = bisect.bisect_right(places, limit) - 1
    return places[index] if index >= 0 and places[index] > start else None


def _first_from(places: list[int], limit: int, end: int) -> int:
    index = bisect.bisect_left(places, limit)
    return places[index] if index < len(places) else end
