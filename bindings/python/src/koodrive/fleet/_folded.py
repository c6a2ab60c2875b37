"""What all attempts of all generations come to, a unit of the input at a time."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterator
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from koodrive import InvalidArgument
from koodrive.fleet._attempt import Attempt, choose, fold, if_tried, not_sent, read_attempts
from koodrive.fleet._job import UnitName
from koodrive.fleet._work import Work


class FoldedUnit(NamedTuple):
    """A unit of the input.

    Attributes:
        rows: Its ids.
        outcomes: What became of them.
        is_pending: For each id, whether a unit with it waits for its first outcome.
        attempts: What is known of the attempts.
    """

    rows: pa.Table
    outcomes: pa.Table
    is_pending: pa.Array
    attempts: list[Attempt]


def folded(work: Work) -> Iterator[FoldedUnit]:
    """Go through the units of the input in their order."""
    units = work.units_of_job()
    later = _Later([unit for unit in units if unit.generation])
    for unit in units:
        if not unit.generation:
            yield _fold(work, unit, later.overlapping(unit))


class _Later:
    """The units of later generations. Any of them may hold the same rows as others."""

    def __init__(self, units: list[UnitName]) -> None:
        self._units = sorted(units, key=lambda unit: unit.first_row)
        self._starts = [unit.first_row for unit in self._units]
        #: Where the farthest of the units up to each ends.
        self._reach = list(itertools.accumulate((unit.last_row for unit in self._units), max))

    def overlapping(self, other: UnitName) -> list[UnitName]:
        """The units that may hold rows of another, those of an earlier generation first."""
        low = bisect.bisect_left(self._reach, other.first_row)
        high = bisect.bisect_right(self._starts, other.last_row)
        return sorted(unit for unit in self._units[low:high] if unit.last_row >= other.first_row)


class _Seen(NamedTuple):
    """What one unit says of the rows of another."""

    #: Of each row, whether the unit holds it.
    is_covered: pa.Array
    #: Its attempts, by the other's rows.
    attempts: list[Attempt]
    is_one_lost: bool


def _fold(work: Work, unit: UnitName, later: list[UnitName]) -> FoldedUnit:
    rows = work.read_unit(str(unit))
    outcomes = not_sent(rows, "no attempt at its unit has ended")
    # Only once all is known: what one unit leaves unsure concerns what others say of the row.
    others = ((name, work.read_unit(str(name))) for name in later)
    seen = [_seen(work, rows, *one) for one in ((unit, rows), *others)]
    views = [(attempt.outcomes, one.is_covered) for one in seen for attempt in one.attempts]
    outcomes = fold(outcomes, views)
    is_lost = _any(len(rows), (one.is_covered for one in seen if one.is_one_lost))
    outcomes = choose(is_lost, if_tried(outcomes), outcomes)
    is_pending = _any(len(rows), (one.is_covered for one in seen if not one.attempts))
    return FoldedUnit(rows, outcomes, is_pending, [a for one in seen for a in one.attempts])


def _seen(work: Work, rows: pa.Table, unit: UnitName, held: pa.Table) -> _Seen:
    places = pc.index_in(rows["row"].combine_chunks(), held["row"].combine_chunks())
    attempts, is_one_lost = read_attempts(work, str(unit))
    if any(len(attempt.outcomes) != len(held) for attempt in attempts):
        raise InvalidArgument(f"{work.place(f'attempts/{unit}')}: has not one outcome for each row")
    aligned = [attempt._replace(outcomes=attempt.outcomes.take(places)) for attempt in attempts]
    return _Seen(pc.is_valid(places), aligned, is_one_lost)


def _any(count: int, conditions: Iterator[pa.Array]) -> pa.Array:
    result = pa.repeat(False, count)
    for condition in conditions:
        result = pc.or_(result, condition)
    return result
