"""Writes tables for people, JSON lines and CSV for programs, and complaints."""

from __future__ import annotations

import contextlib
import csv
import itertools
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
    lines: Iterable[Sequence[str | None]],
    stream: TextIO,
    head: Sequence[str] = (),
    ids: int = 1,
) -> None:
    """Print a table for people: columns that are aligned, whatever stands in them.

    The first `ids` columns are as wide as they need to be, and so is the last one.
    """
    texts = [[shown(text or "-") for text in line] for line in lines]
    rows = [list(head), *texts] if head else texts
    last = len(rows[0]) - 1 if rows else 0
    for row in rows:
        row[ids:last] = map(_cut, row[ids:last])
    widths = [max(map(_width, column)) for column in zip(*rows)]
    for row in rows:
        cells = [text + " " * (width - _width(text)) for text, width in zip(row, widths)]
        print("  ".join(cells).rstrip(), file=stream)


def shown(text: str) -> str:
    """A text without what would move a terminal's cursor or turn its direction.

    What is printable stays as it is, so that it can be copied; else backslashes are doubled.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text.replace("\\", "\\\\")
    )


def _cut(text: str) -> str:
    """A printable text that fits its column."""
    if _width(text) <= _WIDEST:
        return text
    widths = itertools.accumulate(map(_width, text))
    return text[: sum(width <= _WIDEST - 3 for width in widths)] + "..."


def _width(text: str) -> int:
    """How many columns of a terminal a printable text takes (UAX #11)."""
    if text.isascii():
        return len(text)
    return sum(map(_width_of_character, text))


def _width_of_character(character: str) -> int:
    is_mark = unicodedata.category(character) in ("Mn", "Me")
    # Vowels and finals of Hangul are drawn into the syllable, which its initial makes wide.
    if is_mark or "\u1160" <= character <= "\u11ff" or "\ud7b0" <= character <= "\ud7ff":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def counted(count: int, noun: str) -> str:
    """So many of something, such as "1 id" or "2 ids"."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def say(text: str) -> None:
    """Tell the user on standard error, also what comes from the service or a file."""
    print_complaint(f"koodrive: {shown(text)}")


def print_complaint(text: str, end: str = "\n") -> None:
    """Print to standard error, if anybody listens; else the exit status says it."""
    with contextlib.suppress(OSError):
        if sys.stderr is not None:
            print(text, end=end, file=sys.stderr, flush=True)
