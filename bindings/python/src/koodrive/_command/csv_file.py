"""Tables of ids as people have them: CSV with a header, from databases and spreadsheets."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterator
from typing import NamedTuple

from koodrive import InvalidArgument, Plan
from koodrive._command.id_file import POSITION, decoded, why_not_bare

COLUMNS = ("user_id", "device_id", "scope_id")

#: What spreadsheets and databases write where there is no id, or around one.
_NO_OWNER = re.compile(r"[#='\"].*|null|none|nan|true|false", re.IGNORECASE)

#: How a spreadsheet says what parts the columns.
_SEPARATOR = re.compile(r"sep=(.)\r?\n")

_HINT = "export the bare ids as text"


class _Row(NamedTuple):
    line: int
    user_id: str
    device_id: str
    scope_id: str


def read_table(content: bytes, plan: Plan) -> None:
    """Add the ids of a table to a plan: all of them, or an error that names line and column."""
    known: set[tuple[str, str]] = set()
    groups = itertools.groupby(_rows(decoded(content)), key=lambda row: (row[1], row[2]))
    for (user_id, device_id), group in groups:
        rows = list(group)
        if (user_id, device_id) not in known:
            _check_owner(rows[0].line, "user_id", user_id)
            _check_owner(rows[0].line, "device_id", device_id)
            known.add((user_id, device_id))
        try:
            plan.add(device_id, [row.scope_id for row in rows], user_id=user_id)
        except InvalidArgument as error:
            raise InvalidArgument(_located(str(error), rows)) from None


def _rows(text: str) -> Iterator[_Row]:
    lines = _lines(text)
    header = next(lines, None)
    if header is None:
        raise InvalidArgument(f"the table is empty: it needs a header with {_needed()}")
    places = _places(*header)
    width = len(header[1])
    for line, fields in lines:
        # Spreadsheets close some rows with commas.
        if len(fields) < width or any(fields[width:]):
            raise InvalidArgument(f"line {line}: has {len(fields)} fields, the header has {width}")
        values = [fields[place].strip(" \t") for place in places]
        for name, value in zip(COLUMNS, values):
            if not value:
                raise InvalidArgument(f"line {line}, column {name}: is empty")
        row = _Row(line, *values)
        refused = why_not_bare(row.scope_id)
        if refused:
            raise InvalidArgument(f"line {line}, column scope_id: {refused}; {_HINT}")
        yield row


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """The fields of each line that is not blank, and its number."""
    # Columns that are passed over may hold anything.
    csv.field_size_limit(len(text) + 1)
    separator = _SEPARATOR.match(text)
    delimiter = separator[1] if separator else _delimiter(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            fields = next(reader, None)
        except csv.Error as error:
            raise InvalidArgument(f"line {line}: is no CSV: {error}") from None
        if fields is None:
            return
        if any(field.strip() for field in fields) and not (separator and line == 1):
            yield line, fields


def _delimiter(text: str) -> str:
    """What parts the columns of the header: spreadsheets of many countries write a semicolon."""
    header = next((line for line in text.splitlines() if line.strip()), "")
    return max(",;\t", key=header.count)


def _places(line: int, header: list[str]) -> list[int]:
    names = [name.strip().lower() for name in header]
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


def _check_owner(line: int, name: str, value: str) -> None:
    """Refuse what is plainly no user's or device's id."""
    if _NO_OWNER.fullmatch(value):
        raise InvalidArgument(f"line {line}, column {name}: {value!r} is no id; {_HINT}")
    # These are numbers as well: what is damaged as a scope id is damaged here, too.
    try:
        Plan().add("device", [value])
    except InvalidArgument as error:
        if " is damaged: " in str(error):
            message = POSITION.sub(f"line {line}, column {name}:", str(error))
            raise InvalidArgument(message) from None


def _located(message: str, rows: list[_Row]) -> str:
    """A message of the library, with lines and columns in place of positions and arguments."""
    argument = message.split(":", 1)[0]
    if argument in ("user_id", "device_id"):
        return f"line {rows[0].line}, column {message}"
    return POSITION.sub(lambda match: f"line {rows[int(match[1])].line}, column scope_id:", message)
