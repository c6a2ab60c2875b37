"""What became of the ids of a unit, as one attempt or several saw it."""

from __future__ import annotations

import json
from collections import Counter
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from koodrive import Outcome
from koodrive._library import lib
from koodrive.fleet._work import Work, encode

#: In the order of the unit's rows.
OUTCOME_SCHEMA = pa.schema(
    [
        ("outcome", pa.string()),
        ("service_code", pa.string()),
        ("message", pa.string()),
        # Whether a next run should take it up.
        ("unfinished", pa.bool_()),
    ]
)

#: What is surest comes first; of all the others the latest counts.
_SUREST = pa.array(["DELETED", "NOT_FOUND", "GONE"])

_IF_TRIED = {
    outcome.name: Outcome(lib.koodrive_outcome_if_tried(outcome)).name for outcome in Outcome
}


class Attempt(NamedTuple):
    """An attempt that ended.

    Attributes:
        outcomes: A table of OUTCOME_SCHEMA.
        began: When, in seconds since 1970.
        ended: When.
        error: Why it left ids, in words.
    """

    outcomes: pa.Table
    began: float
    ended: float
    error: str | None


class Attempts(NamedTuple):
    """All attempts at a unit: those that ended, the earliest first, and whether others did not."""

    ended: list[Attempt]
    is_one_lost: bool


def write_intent(work: Work, unit: str, attempt: str) -> None:
    """Write down that an attempt may send ids of a unit."""
    work.write(f"attempts/{unit}/{attempt}.intent", b"")


def remove_intent(work: Work, unit: str, attempt: str) -> None:
    """Take an intent back: nothing was sent."""
    work.remove(f"attempts/{unit}/{attempt}.intent")


def others(work: Work, unit: str, attempt: str) -> bool:
    """Whether another attempt at a unit may have sent ids."""
    return any(file.is_intent and file.attempt != attempt for file in work.attempts(unit))


def write_attempt(work: Work, unit: str, attempt: str, result: Attempt) -> None:
    """Write down how an attempt ended."""
    fields = {"began": result.began, "ended": result.ended, "error": result.error}
    table = result.outcomes.replace_schema_metadata({"koodrive": json.dumps(fields)})
    work.write(f"attempts/{unit}/{attempt}.parquet", encode(table))


def read_attempts(work: Work, unit: str) -> Attempts:
    """Read all attempts at a unit."""
    files = work.attempts(unit)
    ended = {file.attempt: file for file in files if not file.is_intent}
    is_one_lost = any(file.attempt not in ended for file in files)
    attempts = (_read(work, file.path) for file in ended.values())
    return Attempts(sorted(attempts, key=lambda attempt: attempt.ended), is_one_lost)


def _read(work: Work, path: str) -> Attempt:
    table = work.read_table(path)
    fields = json.loads(table.schema.metadata[b"koodrive"])
    return Attempt(table.replace_schema_metadata(), **fields)


def not_sent(rows: pa.Table, message: str) -> pa.Table:
    """The outcomes of rows of which no attempt sent anything."""
    count = len(rows)
    columns = [
        pc.if_else(rows["tried"], "UNKNOWN", "NOT_SENT"),
        pa.nulls(count, pa.string()),
        pa.repeat(message, count),
        pa.repeat(True, count),
    ]
    return pa.table(columns, schema=OUTCOME_SCHEMA)


def if_tried(outcomes: pa.Table) -> pa.Table:
    """What is sure of outcomes if somebody else may have sent the ids before or meanwhile."""
    column = outcomes["outcome"]
    names = pa.array(list(_IF_TRIED))
    meanings = pa.array(list(_IF_TRIED.values()))
    column = meanings.take(pc.index_in(column, value_set=names).combine_chunks())
    return outcomes.set_column(0, "outcome", column)


def fold(before: pa.Table, after: pa.Table, is_covered: pa.Array) -> pa.Table:
    """What earlier and later outcomes of the same rows come to; the later say nothing of some."""
    old, new = _rank(before), _rank(after)
    are_unsure = pc.and_(pc.equal(new, len(_SUREST)), pc.equal(old, len(_SUREST)))
    is_better = pc.and_(pc.or_(pc.less(new, old), are_unsure), is_covered)
    return choose(is_better, after, before)


def choose(condition: pa.Array, if_true: pa.Table, if_false: pa.Table) -> pa.Table:
    """Each row of one table or of the other."""
    names = OUTCOME_SCHEMA.names
    columns = [pc.if_else(condition, if_true[name], if_false[name]) for name in names]
    return pa.table(columns, schema=OUTCOME_SCHEMA)


def _rank(outcomes: pa.Table) -> pa.ChunkedArray:
    return pc.fill_null(pc.index_in(outcomes["outcome"], value_set=_SUREST), len(_SUREST))


def tally(outcomes: pa.Table) -> Counter[str]:
    """How many ids have each outcome, by its name."""
    counted = pc.value_counts(outcomes["outcome"])
    return Counter({entry["values"]: entry["counts"] for entry in counted.to_pylist()})
