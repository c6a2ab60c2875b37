"""The command line: koodrive delete."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from koodrive import (
    Client,
    InternalError,
    InvalidArgument,
    KooDriveError,
    Outcome,
    Plan,
    Report,
    ScopeOutcome,
    __version__,
)
from koodrive._id_file import IdFile

_ALL_GONE, _SOME_LEFT, _USAGE, _INCOMPLETE = range(4)

_EPILOG = """\
Where the service is and who we are comes from the environment: KOODRIVE_ENDPOINT, KOODRIVE_USER_ID,
and KOODRIVE_ACCESS_TOKEN, KOODRIVE_AUTHORIZATION, or KOODRIVE_APP_ID with KOODRIVE_APP_SECRET. More
settings: KOODRIVE_CA_FILE, _PROXY, _CONNECT_TIMEOUT_MS, _REQUEST_TIMEOUT_MS, _RUN_TIMEOUT_MS,
_MAX_OUTAGE_MS, _MAX_ATTEMPTS, _MAX_CONNECTIONS, _MAX_REQUESTS_PER_SECOND.

The file holds one bare id a line. Blank lines, trailing blanks, a byte order mark, line ends of
Windows and lines that begin with # are passed over.

Ctrl-C and SIGTERM wait for the responses under way, a second one does not.

Exit status: 0 all gone; 1 some may still exist, or not one of them existed; 2 usage, nothing was
sent; 3 the run is incomplete, or what became of the ids could not be written.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out a command line; the exit status."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _delete(options)
    except (KooDriveError, OSError) as error:
        _say(str(error))
        return _INCOMPLETE if isinstance(error, InternalError) else _USAGE
    except KeyboardInterrupt:
        _say("interrupted")
        return _INCOMPLETE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="koodrive", description="Deletes KooDrive backup scopes.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"koodrive {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    delete = commands.add_parser(
        "delete",
        help="delete scopes of one device",
        description="Deletes scopes of one device and says what may still exist.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    delete.add_argument("--device", metavar="ID", required=True, help="whose scopes they are")
    delete.add_argument("--user", metavar="ID", help="whose device it is [KOODRIVE_USER_ID]")
    delete.add_argument(
        "--tried",
        action="store_true",
        help="a run whose report is lost may have asked for these ids: call none of them NOT_FOUND",
    )
    delete.add_argument(
        "--journal",
        metavar="FILE",
        help="write down there what is done: the same command again takes up a run that ended",
    )
    delete.add_argument("--dry-run", action="store_true", help="check the ids, send nothing")
    delete.add_argument(
        "--output",
        choices=["table", "jsonl"],
        default="table",
        help="a table of what may still exist, or a JSON object a line for every id [table]",
    )
    delete.add_argument(
        "--unfinished", metavar="FILE", help="write there the ids that a next run should take up"
    )
    delete.add_argument(
        "file",
        metavar="FILE",
        nargs="?",
        default="-",
        help="scope ids, one a line [standard input]",
    )
    return parser


def _delete(options: argparse.Namespace) -> int:
    plan = _read_plan(options)
    if options.dry_run:
        print(f"{len(plan)} ids in {plan.request_count} requests; nothing was sent", flush=True)
        return _ALL_GONE
    if options.unfinished and _is_same_file(options.unfinished, options.journal):
        raise InvalidArgument("--unfinished and --journal: must be two files")
    if options.unfinished:
        Path(options.unfinished).open("a").close()  # Better a complaint now than after the run.
    with Client.from_env() as client:
        report, trouble = _run(client, plan, options.journal)
    complaints = [f"the run is incomplete: {trouble}"] if trouble else []
    complaints += _write_report(report, options.output)
    if options.unfinished:
        complaints += _write_unfinished(report, options.unfinished)
    for complaint in complaints:
        _say(complaint)
    if complaints:
        return _INCOMPLETE
    if report.failures:
        return _SOME_LEFT
    if report and not _any_existed(report):
        _say("not one of the ids existed: look whether they, the device and the user are right")
        return _SOME_LEFT
    return _ALL_GONE


def _is_same_file(one: str, other: str | None) -> bool:
    return other is not None and os.path.realpath(one) == os.path.realpath(other)


def _read_plan(options: argparse.Namespace) -> Plan:
    source = sys.stdin.buffer.read() if options.file == "-" else Path(options.file).read_bytes()
    name = "standard input" if options.file == "-" else options.file
    plan = Plan()
    try:
        file = IdFile(source)
    except InvalidArgument as error:
        raise InvalidArgument(f"{name}: {error}") from None
    try:
        plan.add_lines(options.device, file.lines, user_id=options.user)
    except InvalidArgument as error:
        located = file.located(str(error))
        raise InvalidArgument(f"{name}: {located}" if located != str(error) else located) from None
    if options.tried:
        plan.mark_tried()
    return plan


def _any_existed(report: Report) -> bool:
    return bool({Outcome.DELETED, Outcome.GONE} & report.tally().keys())


def _run(client: Client, plan: Plan, journal: str | None) -> tuple[Report, str | None]:
    """The report, and what kept the run from its end."""
    on_terminal = sys.stderr is not None and sys.stderr.isatty()
    try:
        progress = _show_progress if on_terminal else None
        return client.delete_plan(plan, progress=progress, journal=journal), None
    except KooDriveError as error:
        if error.report is None:
            raise
        return error.report, f"{error.status.name}: {error}"
    except KeyboardInterrupt as interruption:
        report: Report | None = getattr(interruption, "report", None)
        if report is None:
            raise
        return report, "it was interrupted"
    finally:
        if on_terminal:
            _print_complaint("")


def _show_progress(done: int, total: int) -> None:
    bar = "#" * (40 * done // max(total, 1))
    print(f"\r[{bar:<40}] {done} of {total} ids", end="", file=sys.stderr, flush=True)


def _write_report(report: Report, output: str) -> list[str]:
    """Write what became of the ids; what to complain of, if it can't be written."""
    try:
        if sys.stdout is None:
            raise OSError("it is closed")
        _print_report(report, output, sys.stdout)
        sys.stdout.flush()
    except BrokenPipeError:
        # Nobody reads on; what became of the ids decides the exit status all the same.
        _forget_output()
    except OSError as error:
        _forget_output()
        with contextlib.suppress(OSError):
            if sys.stderr is not None:
                _print_report(report, "table", sys.stderr)
        return [f"standard output could not be written: {error}"]
    return []


def _forget_output() -> None:
    # Python would complain once more when it flushes at its exit.
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_report(report: Report, output: str, stream: TextIO) -> None:
    stream.reconfigure(errors="backslashreplace")  # type: ignore[attr-defined]
    tally = "".join(f" {count} {outcome.name}" for outcome, count in report.tally().items())
    summary = f"{len(report)} ids:{tally}; requests: {report.request_count}"
    if output == "jsonl":
        for scope in report:
            print(json.dumps({**scope._asdict(), "outcome": scope.outcome.name}), file=stream)
        _print_complaint(summary)
    else:
        _print_table(report.failures, stream)
        print(summary, file=stream)


def _print_table(scopes: Sequence[ScopeOutcome], stream: TextIO) -> None:
    width = max((len(scope.scope_id) for scope in scopes), default=0)
    for scope in scopes:
        message = _printable(scope.message or "-")
        code = _printable(scope.service_code or "-")
        line = f"{scope.scope_id:<{width}}  {scope.outcome.name:<9}  {code:<8}  {message}"
        print(line, file=stream)


def _printable(text: str) -> str:
    """A text of the service, without what would move a terminal's cursor."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def _write_unfinished(report: Report, path: str) -> list[str]:
    """Write what a next run should take up; what to complain of, if it can't be written."""
    lines = "".join(f"{scope.scope_id}\n" for scope in report.unfinished_scopes)
    try:
        Path(path).write_text(lines)
    except OSError as error:
        if lines:
            _print_complaint(f"koodrive: what a next run should take up:\n{lines}", end="")
        return [f"{path} could not be written: {error}"]
    return []


def _say(text: str) -> None:
    _print_complaint(f"koodrive: {text}")


def _print_complaint(text: str, end: str = "\n") -> None:
    # Where nobody listens, the exit status says it.
    with contextlib.suppress(OSError):
        if sys.stderr is not None:
            print(text, end=end, file=sys.stderr, flush=True)
