"""What each command takes."""

from __future__ import annotations

import argparse
import difflib
from pathlib import Path
from typing import Callable

from koodrive import Module
from koodrive._owner import why_no_owner

Command = Callable[[argparse.Namespace], int]

DELETE_EPILOG = """
The file holds one bare id a line. Blank lines, trailing blanks, a byte order mark, line ends of
Windows and lines that begin with # are passed over. A table's first line names its columns, of
which user_id, device_id and scope_id are read.

--all lists what the device has, shows it and asks before it deletes; afterwards it lists once more.

Ctrl-C and SIGTERM wait for the responses under way, a second one does not.

Exit status: 0 all gone; 1 some may still exist, or not one of them existed, or nothing has the path
or the module's code; 2 usage, or the answer was no: nothing was deleted; 3 the run is incomplete,
or what became of the ids could not be written or checked.
"""

#: The modules by the names that the command line has for them.
MODULES = {
    "folders": Module.FOLDERS,
    "album": Module.ALBUMS,
    "address-book": Module.ADDRESS_BOOKS,
}


_FORMATS = ("table", "jsonl", "csv")


def for_devices(parser: argparse.ArgumentParser, command: Command) -> None:
    """What `koodrive devices` takes."""
    _add_user(parser, "whose devices they are")
    _add_output(parser, "a table, a JSON object a line, or CSV [table]")
    parser.set_defaults(carry_out=command)


def for_scopes(parser: argparse.ArgumentParser, command: Command) -> None:
    """What `koodrive scopes` takes."""
    _add_device(parser, is_required=True)
    _add_user(parser, "whose device it is")
    _add_module(parser)
    _add_output(parser, "a table, a JSON object a line, or CSV [table]")
    parser.set_defaults(carry_out=command)


def for_delete(parser: argparse.ArgumentParser, command: Command) -> None:
    """What `koodrive delete` takes."""
    _add_device(parser, is_required=False)
    _add_user(parser, "whose device it is")
    parser.add_argument(
        "--table",
        metavar="FILE",
        type=filled,
        help="ids of many users and devices: FILE.parquet, FILE.jsonl, or else CSV",
    )
    parser.add_argument("--all", action="store_true", help="delete all scopes of the device ...")
    _add_module(parser, "... of this module")
    text = "... whose path on it is or is below this"
    parser.add_argument("--path", metavar="PREFIX", type=filled, help=text)
    parser.add_argument("--yes", action="store_true", help="with --all: do not ask")
    parser.add_argument(
        "--tried",
        action="store_true",
        help="a run whose report is lost may have asked for these ids: call none of them NOT_FOUND",
    )
    parser.add_argument(
        "--journal",
        metavar="FILE",
        type=filled,
        help="write down there what is done: the same command again takes up a run that ended",
    )
    parser.add_argument("--dry-run", action="store_true", help="check the ids, delete nothing")
    parser.add_argument(
        "--output",
        metavar="{table,jsonl,csv,FILE}",
        type=_output,
        default="table",
        help="a table of what may still exist; or of every id a JSON object a line, or CSV; or into"
        " FILE.parquet, FILE.jsonl or FILE.csv [table]",
    )
    parser.add_argument(
        "--unfinished",
        metavar="FILE",
        type=filled,
        help="write there the ids that a next run should take up; of a --table, a table, whose form"
        " the name says: .parquet (which also says what was tried), .jsonl, or else CSV",
    )
    text = "scope ids, one a line [standard input]"
    parser.add_argument("file", metavar="FILE", nargs="?", type=filled, help=text)
    parser.set_defaults(carry_out=command)


def for_logging(parser: argparse.ArgumentParser) -> None:
    """What every command takes."""
    parser.add_argument(
        "-v",
        "--verbose",
        action="count",
        default=0,
        help="say on standard error when the service throttles or is down, which requests are given"
        " up, and why; -vv: each request. elapsed_ms is when in the run it happened, a line's time"
        " when it was written: up to 0.1 s later, or more where writing is slow",
    )
    parser.add_argument(
        "--log-format",
        choices=["text", "json"],
        default="text",
        help="json: all that is written to standard error is a JSON object a line, without -v"
        " warnings, too; there is no bar, and no question is asked [text]",
    )


def filled(text: str) -> str:
    """A value that a shell's empty variable must not leave out."""
    if not text:
        raise argparse.ArgumentTypeError("is empty")
    return text


def owner(text: str) -> str:
    """The id of a user or a device."""
    refused = why_no_owner(text)
    if refused:
        raise argparse.ArgumentTypeError(refused)
    return text


def _add_device(parser: argparse.ArgumentParser, is_required: bool) -> None:
    text = "whose scopes they are"
    parser.add_argument("--device", metavar="ID", type=owner, required=is_required, help=text)


def _add_user(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument("--user", metavar="ID", type=owner, help=f"{text} [KOODRIVE_USER_ID]")


def _add_module(parser: argparse.ArgumentParser, beginning: str = "of this module:") -> None:
    names = ", ".join(MODULES)
    text = f"{beginning} {names}, or a code that the service knows [all three]"
    parser.add_argument("--module", metavar="MODULE", type=_module, help=text)


def _module(text: str) -> str:
    """A module's code. A name that is misspelt must not pass for one."""
    code: str | None = MODULES.get(text)
    if code is not None:
        return code
    meant = difflib.get_close_matches(text.lower(), MODULES, n=1, cutoff=0.75)
    if meant:
        raise argparse.ArgumentTypeError(f"{text!r}: is {meant[0]} meant?")
    return filled(text)


def _add_output(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument("--output", choices=_FORMATS, default="table", help=text)


def _output(text: str) -> str:
    """A format, or a file whose name says it."""
    if text not in _FORMATS and Path(text).suffix.lower() not in (".parquet", ".jsonl", ".csv"):
        raise argparse.ArgumentTypeError(
            f"must be table, jsonl, csv, or a file of .parquet, .jsonl or .csv, not {text!r}"
        )
    return text
