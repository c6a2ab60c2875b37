"""What all attempts of all generations come to, a unit of the input at a time."""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from koodrive.fleet._attempt import (
    Attempt,
    choose,
    fold,
    if_tried,
    not_sent,
    read_attempts,
)
from koodrive.fleet._work import UnitName, Work


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
    generations = _generations(work.units())
    inputs = generations[0] if generations else []
    later = generations[1:]
    ends = [unit.first_row for unit in inputs[1:]] + [work.existing_job().row_count]
    for unit, end in zip(inputs, ends):
        result = _begin(work, unit)
        for generation in later:
            for again in _overlapping(generation, unit.first_row, end):
                result = _add(work, result, again)
        yield result


def _generations(units: list[UnitName]) -> list[list[UnitName]]:
    count = max((unit.generation for unit in units), default=-1) + 1
    generations: list[list[UnitName]] = [[] for _ in range(count)]
    for unit in units:
        generations[unit.generation].append(unit)
    return generations


def _overlapping(generation: list[UnitName], first: int, end: int) -> list[UnitName]:
    """The units that may hold rows from the first to before the end."""
    starts = [unit.first_row for unit in generation]
    low = max(bisect.bisect_right(starts, first) - 1, 0)
    return generation[low : bisect.bisect_left(starts, end)]


def _begin(work: Work, unit: UnitName) -> FoldedUnit:
    rows = work.read_unit(str(unit))
    nothing = FoldedUnit(
        rows,
        not_sent(rows, "no attempt at its unit has ended"),
        pa.repeat(False, len(rows)),
        [],
    )
    return _add(work, nothing, unit)


def _add(work: Work, before: FoldedUnit, unit: UnitName) -> FoldedUnit:
    """What the attempts at a unit add, which holds some of the rows."""
    rows = work.read_unit(str(unit))
    places = pc.index_in(before.rows["row"].combine_chunks(), rows["row"].combine_chunks())
    is_covered = pc.is_valid(places)
    attempts, is_one_lost = read_attempts(work, str(unit))
    outcomes = before.outcomes
    for attempt in attempts:
        outcomes = fold(outcomes, attempt.outcomes.take(places), is_covered)
    if is_one_lost:
        outcomes = choose(is_covered, if_tried(outcomes), outcomes)
    is_pending = before.is_pending if attempts else pc.or_(before.is_pending, is_covered)
    return FoldedUnit(before.rows, outcomes, is_pending, before.attempts + attempts)
