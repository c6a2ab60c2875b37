"""Writes the outcome of each id for programs, to a stream or a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TextIO

from koodrive import Report, ScopeOutcome
from koodrive._command import parquet_file
from koodrive._command.output import print_rows


def is_file(output: str) -> bool:
    """Whether the option --output names a file."""
    return form(output) != ""


def check(path: str) -> None:
    """Complain if the file can't be written."""
    if form(path) == "parquet":
        parquet_file.check()
    Path(_part(path)).open("a").close()


def write(report: Report, path: str) -> None:
    """Write the file, in one step."""
    if form(path) == "parquet":
        parquet_file.write(report, _part(path))
    else:
        with open(_part(path), "w", encoding="utf-8", newline="") as file:
            print_report(report, form(path), file)
    os.replace(_part(path), path)


def print_report(report: Report, output: str, stream: TextIO) -> None:
    """Print a row for each id."""
    rows = ({**scope._asdict(), "outcome": scope.outcome.name} for scope in report)
    print_rows(rows, ScopeOutcome._fields, output, stream)


def form(output: str) -> str:
    """The form that a file's name says, such as "csv"; "" if it says none."""
    return Path(output).suffix.lower().removeprefix(".")


def _part(path: str) -> str:
    return f"{path}.part"
