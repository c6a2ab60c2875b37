"""Tables as JSON lines: an object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from koodrive import InvalidArgument
from koodrive._command.id_file import decoded
from koodrive._command.rows import COLUMNS, Row


def rows(content: bytes) -> Iterator[Row]:
    """The rows of a table."""
    for line, text in enumerate(decoded(content).split("\n"), start=1):
        if text.strip():
            fields = _object(line, text)
            yield Row(line, *(_id(line, name, fields.get(name)) for name in COLUMNS))


def _object(line: int, text: str) -> dict[str, Any]:
    try:
        fields = json.loads(text, object_pairs_hook=_without_repeats)
    except ValueError as error:
        raise InvalidArgument(f"line {line}: is no JSON object: {error}") from None
    if not isinstance(fields, dict):
        raise InvalidArgument(f"line {line}: is no JSON object")
    return fields


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("it has a name twice")
    return fields


def _id(line: int, name: str, value: object) -> str:
    if value is None:
        return ""
    # Other numbers may have been rounded.
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return str(value)
    raise InvalidArgument(f"line {line}, column {name}: must be a text or a whole number")
