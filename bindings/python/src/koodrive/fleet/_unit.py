"""Deletes the ids of one unit, and writes down what became of them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Callable, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from koodrive import Client, InvalidArgument, KooDriveError, Plan, Report, Unauthorized
from koodrive._signals import held_until_end
from koodrive.fleet._attempt import (
    OUTCOME_SCHEMA,
    Attempt,
    if_tried,
    not_sent,
    others,
    read_attempts,
    remove_intent,
    tally,
    write_attempt,
    write_intent,
)
from koodrive.fleet._work import Folder, Work

#: Returns the access token to use for a user's ids.
TokenFor = Callable[[str], str]


class UnitResult(NamedTuple):
    """How it went with a unit.

    Attributes:
        unit: Its name.
        tally: How many of its ids have each outcome, by the outcome's name.
        error: What kept the run from its end, in words.
        unfinished: How many of its ids `resume` would take up.
    """

    unit: str
    tally: dict[str, int]
    error: str | None = None
    unfinished: int = 0


def run_unit(
    unit: str, work: Folder, client: Client, *, token_for: TokenFor | None = None
) -> UnitResult | None:
    """Delete the ids of a unit, unless that has been done; None where a file STOP forbids it.

    It may be called again, also while another call is at the same unit anywhere: the outcomes say
    only what is sure in spite of that. If another attempt may have sent ids of the unit, NOT_FOUND
    becomes GONE, and NOT_SENT and REJECTED become UNKNOWN.

    Args:
        unit: One of `pending_units`.
        work: The work folder.
        client: Its user has the ids without a user id.
        token_for: Called with each user id of the unit, returns the access token for it; with "",
            for the client's user. Then a token that is refused (HTTP 401) concerns that user's ids
            only, as does an exception, or what is no str; without it a 401 concerns all, and the
            file STOP is written. No other thread may use the client meanwhile.

    Raises:
        InvalidArgument: The unit is none of the work folder, its file is damaged, or the client has
            no user for ids without one. Nothing was sent.
        OSError: The work folder can't be read or written.
        RuntimeError: The client is closed.
        KeyboardInterrupt: After what was done is written down.
    """
    folder = Work(work)
    earlier = _earlier_result(folder, unit)
    if earlier is not None:
        return earlier
    if folder.is_stopped():
        return None
    rows = folder.read_unit(unit)
    attempt, began = uuid.uuid4().hex, time.time()
    write_intent(folder, unit, attempt)
    # It may have ended since, and `resume` may have taken up what it left.
    earlier = _earlier_result(folder, unit)
    if earlier is not None:
        remove_intent(folder, unit, attempt)
        return earlier
    try:
        ran = list(_delete_all(client, rows, token_for))
    except InvalidArgument:
        remove_intent(folder, unit, attempt)
        raise
    with held_until_end():
        outcomes = pa.concat_tables(map(_outcomes_of, ran))
        # Looked for only now: who came amid this attempt may have been the first to send an id.
        if others(folder, unit, attempt):
            outcomes = if_tried(outcomes)
        errors = [part.error for part in ran if part.error is not None]
        error = _in_words(errors[0]) if errors else None
        ended = Attempt(outcomes, began, time.time(), error)
        write_attempt(folder, unit, attempt, ended)
        if error and token_for is None and isinstance(errors[0], Unauthorized):
            folder.stop(error)
    for found in errors:
        if not isinstance(found, Exception):
            raise found
    return _result(unit, ended)


def _earlier_result(work: Work, unit: str) -> UnitResult | None:
    """The result of an attempt that has ended, if one has."""
    attempts = read_attempts(work, unit).ended
    return _result(unit, attempts[-1]) if attempts else None


def _result(unit: str, attempt: Attempt) -> UnitResult:
    unfinished = pc.sum(attempt.outcomes["unfinished"]).as_py()
    return UnitResult(unit, dict(tally(attempt.outcomes)), attempt.error, unfinished)


class _Part(NamedTuple):
    """What became of some of a unit's rows, and what kept the run from its end."""

    result: Report | pa.Table
    error: BaseException | None = None


def _delete_all(client: Client, rows: pa.Table, token_for: TokenFor | None) -> Iterator[_Part]:
    """Delete rows. Raises InvalidArgument if nothing was sent."""
    if token_for is None:
        yield _delete(client, rows)
        return
    is_interrupted = False
    for user_rows in _by_user(rows):
        if is_interrupted:
            yield _Part(not_sent(user_rows, "the run was interrupted"))
            continue
        part = _delete_of_user(client, user_rows, token_for)
        is_interrupted = part.error is not None and not isinstance(part.error, Exception)
        yield part


def _delete_of_user(client: Client, rows: pa.Table, token_for: TokenFor) -> _Part:
    try:
        _set_token(client, token_for, rows["user_id"][0].as_py() or "")
    except BaseException as error:
        return _Part(not_sent(rows, _in_words(error)), error)
    try:
        return _delete(client, rows)
    except InvalidArgument as error:
        return _Part(not_sent(rows, _in_words(error)), error)
    except BaseException as error:
        return _Part(if_tried(not_sent(rows, _in_words(error))), error)


def _set_token(client: Client, token_for: TokenFor, user: str) -> None:
    try:
        token: object = token_for(user)
    except Exception as error:
        # Its text might hold the token.
        raise InvalidArgument(f"token_for: raised {type(error).__name__}") from None
    if not isinstance(token, str):
        raise InvalidArgument(f"token_for: returned {type(token).__name__}, which is no str")
    client.set_access_token(token)


def _delete(client: Client, rows: pa.Table) -> _Part:
    """Delete rows.

    Raises InvalidArgument if nothing was sent, and anything else if that is not known.
    """
    plan = Plan()
    plan.add_table(rows)
    try:
        return _Part(client.delete_plan(plan))
    except BaseException as error:
        report: Report | None = getattr(error, "report", None)
        if report is None:
            raise
        return _Part(report, error)


def _by_user(rows: pa.Table) -> Iterator[pa.Table]:
    users = rows["user_id"].to_pylist()
    start = 0
    for row in range(1, len(users) + 1):
        if row == len(users) or users[row] != users[start]:
            yield rows.slice(start, row - start)
            start = row


def _outcomes_of(part: _Part) -> pa.Table:
    report = part.result
    if not isinstance(report, Report):
        return report
    table = pa.table(report)
    unfinished = bytearray(len(report))
    for index in report._result.unfinished():
        unfinished[index] = 1
    column = pa.array(unfinished, pa.uint8()).cast(pa.bool_())
    columns = [table["outcome"], table["service_code"], table["message"], column]
    return pa.table(columns, schema=OUTCOME_SCHEMA)


def _in_words(error: BaseException) -> str:
    if isinstance(error, KooDriveError):
        return f"{error.status.name}: {error}"
    return "the run was interrupted" if not isinstance(error, Exception) else type(error).__name__
