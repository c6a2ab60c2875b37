"""Writes tables for people, JSON lines and CSV for programs, and complaints."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Callable, TextIO

#: One long path must not push the columns of all others away.
_WIDEST = 60

#: A row by its columns' names.
Row = Mapping[str, Any]


def write(print_to: Callable[[TextIO], None], instead: Callable[[TextIO], None]) -> list[str]:
    """Print to standard output; what to complain of if that can't be written.

    Then `instead` is printed to standard error.
    """
    try:
        if sys.stdout is None:
            raise OSError("it is closed")
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
        print_to(sys.stdout)
        sys.stdout.flush()
    except BrokenPipeError:
        # Nobody reads on, which changes nothing of what was done.
        _forget_output()
    except OSError as error:
        _forget_output()
        with contextlib.suppress(OSError):
            if sys.stderr is not None:
                instead(sys.stderr)
        return [f"standard output could not be written: {error}"]
    return []


def _forget_output() -> None:
    # Python would complain once more when it flushes at its exit.
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def print_rows(rows: Iterable[Row], columns: Sequence[str], output: str, stream: TextIO) -> None:
    """Print rows for programs."""
    if output == "jsonl":
        for row in rows:
            print(json.dumps({name: row[name] for name in columns}), file=stream)
        return
    stream.reconfigure(encoding="utf-8")  # type: ignore[attr-defined]
    # With the line ends of RFC 4180, which make each of their characters in a field be quoted.
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([row[name] for name in columns] for row in rows)


def print_table(
    lines: Iterable[Sequence[str | None]], stream: TextIO, head: Sequence[str] = ()
) -> None:
    """Print a table for people: columns that are aligned, whatever stands in them."""
    texts = [[_shown(text or "-") for text in line] for line in lines]
    rows = [list(head), *texts] if head else texts
    widths = [min(max(map(_width, column)), _WIDEST) for column in zip(*rows)]
    for row in rows:
        cells = [text + " " * (width - _width(text)) for text, width in zip(row, widths)]
        print("  ".join(cells).rstrip(), file=stream)


def _shown(text: str) -> str:
    """A text without what would move a terminal's cursor or turn its direction."""
    text = text.replace("\\", "\\\\")
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def _width(text: str) -> int:
    """How many columns of a terminal a printable text takes (UAX #11)."""
    if text.isascii():
        return len(text)
    marks = ("Mn", "Me")
    return sum(
        2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
        if unicodedata.category(character) not in marks
    )


def say(text: str) -> None:
    """Tell the user on standard error."""
    print_complaint(f"koodrive: {text}")


def print_complaint(text: str, end: str = "\n") -> None:
    """Print to standard error, if anybody listens; else the exit status says it."""
    with contextlib.suppress(OSError):
        if sys.stderr is not None:
            print(text, end=end, file=sys.stderr, flush=True)
