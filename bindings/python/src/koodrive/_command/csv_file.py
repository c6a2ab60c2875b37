"""Tables as CSV with a header, from databases and spreadsheets."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

from koodrive import InvalidArgument
from koodrive._command.id_file import decoded
from koodrive._command.rows import COLUMNS, Row

#: How a spreadsheet says what parts the columns.
_SEPARATOR = re.compile(r"sep=(.)\r?\n")


def rows(content: bytes) -> Iterator[Row]:
    """The rows of a table."""
    lines = _lines(decoded(content))
    header = next(lines, None)
    if header is None:
        raise InvalidArgument(f"the table is empty: it needs a header with {_needed()}")
    places = _places(*header)
    width = len(header[1])
    for line, fields in lines:
        # Spreadsheets close some rows with commas.
        if len(fields) < width or any(fields[width:]):
            raise InvalidArgument(f"line {line}: has {len(fields)} fields, the header has {width}")
        yield Row(line, *(fields[place].strip(" \t") for place in places))


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
