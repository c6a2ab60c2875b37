"""How far a job is."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import pyarrow.compute as pc

from koodrive.fleet._attempt import tally
from koodrive.fleet._folded import folded
from koodrive.fleet._work import Folder, Work


class Status(NamedTuple):
    """How far a job is.

    Attributes:
        unit_count: How many units there are, with those that `resume` made.
        units_done: How many of them have an outcome.
        scope_count: How many ids the input has.
        scopes_done: How many of them are in no unit that waits for an outcome.
        scopes_unfinished: How many of these `resume` would take up.
        tally: How many ids have each outcome, by its name.
        scopes_per_second: From the begin of the first attempt to the end of the last; None if
            none has ended.
        seconds_left: At that rate, until no unit waits.
        is_stopped: Whether the file STOP is there.
    """

    unit_count: int
    units_done: int
    scope_count: int
    scopes_done: int
    scopes_unfinished: int
    tally: dict[str, int]
    scopes_per_second: float | None
    seconds_left: float | None
    is_stopped: bool


def status(work: Folder) -> Status:
    """Look how far a job is. It reads all outcomes: some ten milliseconds a unit."""
    folder = Work(work)
    job = folder.existing_job()
    counts: Counter[str] = Counter()
    times: list[tuple[float, float]] = []
    pending = unfinished = 0
    for unit in folded(folder):
        counts += tally(unit.outcomes)
        times += [(attempt.began, attempt.ended) for attempt in unit.attempts]
        pending += pc.sum(unit.is_pending).as_py()
        unfinished += pc.sum(pc.and_not(unit.outcomes["unfinished"], unit.is_pending)).as_py()
    names = {str(name) for name in folder.units()}
    done = {file.unit for file in folder.attempts() if not file.is_intent}
    rate = _rate(job.row_count - pending, times)
    return Status(
        unit_count=len(names),
        units_done=len(names & done),
        scope_count=job.row_count,
        scopes_done=job.row_count - pending,
        scopes_unfinished=unfinished,
        tally=dict(sorted(counts.items())),
        scopes_per_second=rate,
        seconds_left=pending / rate if rate else None,
        is_stopped=folder.is_stopped(),
    )


def _rate(done: int, times: list[tuple[float, float]]) -> float | None:
    if not times:
        return None
    began = min(began for began, _ in times)
    ended = max(ended for _, ended in times)
    return done / (ended - began) if ended > began else None
