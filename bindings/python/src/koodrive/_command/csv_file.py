"""Tables of ids as people have them: CSV with a header, from databases and spreadsheets."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterator
from typing import NamedTuple

from koodrive import InvalidArgument, Plan
from koodrive._command.id_file import decoded

COLUMNS = ("user_id", "device_id", "scope_id")

#: How the library names an id of an addition.
_POSITION = re.compile(r"scope_ids\[(\d+)\]")


class _Row(NamedTuple):
    line: int
    user_id: str
    device_id: str
    scope_id: str


def read_table(content: bytes, plan: Plan) -> None:
    """Add the ids of a table to a plan: all of them, or an error that names line and column."""
    groups = itertools.groupby(_rows(decoded(content)), key=lambda row: (row[1], row[2]))
    for (user_id, device_id), group in groups:
        rows = list(group)
        _refuse_damaged(rows[0].line, "user_id", user_id)
        _refuse_damaged(rows[0].line, "device_id", device_id)
        try:
            plan.add(device_id, [row.scope_id for row in rows], user_id=user_id)
        except InvalidArgument as error:
            raise InvalidArgument(_located(str(error), rows)) from None


def _rows(text: str) -> Iterator[_Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    places: list[int] = []
    width = 0
    while True:
        line = reader.line_num + 1
        try:
            fields = next(reader, None)
        except csv.Error as error:
            raise InvalidArgument(f"line {line}: is no CSV: {error}") from None
        if fields is None:
            break
        if not any(field.strip() for field in fields):
            continue
        if not places:
            places, width = _places(line, fields), len(fields)
            continue
        if len(fields) != width:
            raise InvalidArgument(f"line {line}: has {len(fields)} fields, the header has {width}")
        values = [fields[place].strip(" \t") for place in places]
        for name, value in zip(COLUMNS, values):
            if not value:
                raise InvalidArgument(f"line {line}, column {name}: is empty")
        yield _Row(line, *values)
    if not places:
        raise InvalidArgument(f"the table is empty: it needs a header with {_needed()}")


def _delimiter(text: str) -> str:
    """What parts the columns of the header: spreadsheets of many countries write a semicolon."""
    header = next((line for line in text.splitlines() if line.strip()), "")
    return max(",;\t", key=header.count)


def _places(line: int, header: list[str]) -> list[int]:
    names = [name.strip() for name in header]
    for name in COLUMNS:
        if name not in names:
            raise InvalidArgument(
                f"line {line}: names no column {name}; the first line must name {_needed()}"
            )
        if names.count(name) > 1:
            raise InvalidArgument(f"line {line}: names the column {name} more than once")
    return [names.index(name) for name in COLUMNS]


def _needed() -> str:
    return "the columns " + ", ".join(COLUMNS)


def _refuse_damaged(line: int, name: str, value: str) -> None:
    """Refuse what the library refuses as a damaged scope id: these are numbers as well."""
    try:
        Plan().add("device", [value])
    except InvalidArgument as error:
        if " is damaged: " in str(error):
            message = _POSITION.sub(f"line {line}, column {name}:", str(error))
            raise InvalidArgument(message) from None


def _located(message: str, rows: list[_Row]) -> str:
    """A message of the library, with lines and columns in place of positions and arguments."""
    argument = message.split(":", 1)[0]
    if argument in ("user_id", "device_id"):
        return f"line {rows[0].line}, column {message}"
    return _POSITION.sub(
        lambda match: f"line {rows[int(match[1])].line}, column scope_id:", message
    )
