"""Rows of ids, and how they come into a plan."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import NamedTuple

from koodrive import InvalidArgument, Plan
from koodrive._command.id_file import POSITION, why_not_bare
from koodrive._owner import HINT, why_no_owner

COLUMNS = ("user_id", "device_id", "scope_id")


class Row(NamedTuple):
    """A row of a file, and its line."""

    line: int
    user_id: str
    device_id: str
    scope_id: str


def add_rows(rows: Iterable[Row], plan: Plan) -> None:
    """Add rows to a plan. An error names line and column."""
    known: set[tuple[str, str]] = set()
    checked = (_checked(row) for row in rows)
    groups = itertools.groupby(checked, key=lambda row: (row.user_id, row.device_id))
    for (user_id, device_id), group in groups:
        members = list(group)
        if (user_id, device_id) not in known:
            _check_owner(members[0].line, "user_id", user_id)
            _check_owner(members[0].line, "device_id", device_id)
            known.add((user_id, device_id))
        try:
            plan.add(device_id, [row.scope_id for row in members], user_id=user_id)
        except InvalidArgument as error:
            raise InvalidArgument(_located(str(error), members)) from None


def _checked(row: Row) -> Row:
    for name, value in zip(COLUMNS, row[1:]):
        if not value:
            raise InvalidArgument(f"line {row.line}, column {name}: is empty")
    refused = why_not_bare(row.scope_id)
    if refused:
        raise InvalidArgument(f"line {row.line}, column scope_id: {refused}; {HINT}")
    return row


def _check_owner(line: int, name: str, value: str) -> None:
    refused = why_no_owner(value)
    if refused:
        raise InvalidArgument(f"line {line}, column {name}: {refused}")


def _located(message: str, rows: list[Row]) -> str:
    """A message of the library, with lines and columns in place of positions and arguments."""
    argument = message.split(":", 1)[0]
    if argument in ("user_id", "device_id"):
        return f"line {rows[0].line}, column {message}"
    return POSITION.sub(lambda match: f"line {rows[int(match[1])].line}, column scope_id:", message)
