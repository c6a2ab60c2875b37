"""What became of the ids of a unit, as one attempt or several saw it."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from koodrive import InvalidArgument, Outcome
from koodrive._library import lib
from koodrive.fleet._job import digest
from koodrive.fleet._work import AttemptFile, Work, decode, encode

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

#: What is surest comes first. A later NOT_SENT or REJECTED takes nothing back of an UNKNOWN.
_SUREST = pa.array(["DELETED", "NOT_FOUND", "GONE", "DUPLICATE", "UNKNOWN"])

#: From here on the latest counts.
_FIRST_UNSURE = _SUREST.index("UNKNOWN").as_py()

#: Where these are, somebody may have sent the id, and another's NOT_FOUND may be due to that.
_UNSURE = pa.array(["GONE", "UNKNOWN"])

_IF_TRIED = {
    outcome.name: Outcome(lib.koodrive_outcome_if_tried(outcome)).name for outcome in Outcome
}

_NAMES = pa.array(list(_IF_TRIED))


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
    fields = {
        "unit": unit,
        "row_count": len(result.outcomes),
        "began": result.began,
        "ended": result.ended,
        "error": result.error,
    }
    content = encode(result.outcomes, fields)
    work.write(f"attempts/{unit}/{attempt}-{digest(content)}.parquet", content)


def read_attempts(work: Work, unit: str) -> Attempts:
    """Read all attempts at a unit."""
    files = work.attempts(unit)
    ended = [file for file in files if not file.is_intent]
    is_one_lost = bool({file.attempt for file in files} - {file.attempt for file in ended})
    attempts = [_read(work, file) for file in ended]
    return Attempts(sorted(attempts, key=lambda attempt: attempt.ended), is_one_lost)


def _read(work: Work, file: AttemptFile) -> Attempt:
    place = work.place(file.path)
    table, fields = decode(work.read(file.path) or b"", place, file.digest)
    try:
        unit, row_count = fields["unit"], fields["row_count"]
        attempt = Attempt(table, float(fields["began"]), float(fields["ended"]), fields["error"])
        is_known = pc.all(pc.is_in(table["outcome"], value_set=_NAMES), min_count=0).as_py()
    except (pa.ArrowException, KeyError, ValueError, TypeError):
        raise InvalidArgument(f"{place}: is no outcome of koodrive.fleet") from None
    if (unit, row_count) != (file.unit, len(table)):
        raise InvalidArgument(f"{place}: is of another unit")
    if table.schema != OUTCOME_SCHEMA or not is_known:
        raise InvalidArgument(f"{place}: holds outcomes that this koodrive does not know")
    return attempt


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
    """What is sure of outcomes if somebody else may have sent the ids before or meanwhile.

    What that makes UNKNOWN is unfinished: it does no harm to ask again.
    """
    column = outcomes["outcome"]
    meanings = pa.array(list(_IF_TRIED.values()))
    sure = meanings.take(pc.index_in(column, value_set=_NAMES).combine_chunks())
    is_new = pc.and_(pc.equal(sure, "UNKNOWN"), pc.not_equal(column, "UNKNOWN"))
    unfinished = pc.or_(outcomes["unfinished"], is_new)
    columns = [sure, outcomes["service_code"], outcomes["message"], unfinished]
    return pa.table(columns, schema=OUTCOME_SCHEMA)


def fold(nothing: pa.Table, views: list[tuple[pa.Table, pa.Array]]) -> pa.Table:
    """What all attempts at the same rows come to.

    Args:
        nothing: What stands where none says anything.
        views: The outcomes of each attempt, the earliest first, and of which rows it says them.
    """
    outcomes = nothing
    rank = pa.repeat(len(_SUREST) + 1, len(nothing))
    is_unsure = pa.repeat(False, len(nothing))
    for view, is_covered in views:
        new = pc.fill_null(pc.index_in(view["outcome"], value_set=_SUREST), len(_SUREST))
        is_later = pc.and_(pc.equal(new, rank), pc.greater_equal(new, _FIRST_UNSURE))
        is_better = pc.and_(pc.or_(pc.less(new, rank), is_later), is_covered)
        outcomes = choose(is_better, view, outcomes)
        rank = pc.if_else(is_better, new, rank)
        says_unsure = pc.is_in(view["outcome"], value_set=_UNSURE)
        is_unsure = pc.or_(is_unsure, pc.and_(says_unsure, is_covered))
    return choose(is_unsure, if_tried(outcomes), outcomes)


def choose(condition: pa.Array, if_true: pa.Table, if_false: pa.Table) -> pa.Table:
    """Each row of one table or of the other."""
    names = OUTCOME_SCHEMA.names
    columns = [pc.if_else(condition, if_true[name], if_false[name]) for name in names]
    return pa.table(columns, schema=OUTCOME_SCHEMA)


def tally(outcomes: pa.Table) -> Counter[str]:
    """How many ids have each outcome, by its name."""
    counted = pc.value_counts(outcomes["outcome"])
    return Counter({entry["values"]: entry["counts"] for entry in counted.to_pylist()})
