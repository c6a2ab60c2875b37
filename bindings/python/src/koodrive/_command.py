"""The command line: koodrive delete."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from koodrive import (
    Client,
    InternalError,
    KooDriveError,
    Outcome,
    Plan,
    Report,
    __version__,
)

_ALL_GONE, _SOME_LEFT, _USAGE, _INCOMPLETE = range(4)

_EPILOG = """\
Where the service is and who we are comes from the environment: KOODRIVE_ENDPOINT, KOODRIVE_USER_ID,
and KOODRIVE_ACCESS_TOKEN, KOODRIVE_AUTHORIZATION, or KOODRIVE_APP_ID with KOODRIVE_APP_SECRET. More
settings: KOODRIVE_CA_FILE, _PROXY, _CONNECT_TIMEOUT_MS, _REQUEST_TIMEOUT_MS, _RUN_TIMEOUT_MS,
_MAX_ATTEMPTS, _MAX_CONNECTIONS, _MAX_REQUESTS_PER_SECOND.

Ctrl-C and SIGTERM wait for the answers under way, a second one does not.

Exit status: 0 all gone, 1 some may still exist, 2 usage, 3 the run is incomplete.
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
    plan = Plan()
    source = sys.stdin.buffer.read() if options.file == "-" else Path(options.file).read_bytes()
    plan.add_lines(options.device, source, user_id=options.user)
    if options.dry_run:
        print(f"{len(plan)} ids in {plan.request_count} requests; nothing was sent")
        return _ALL_GONE
    if options.unfinished:
        Path(options.unfinished).open("a").close()  # Better a complaint now than after the run.
    with Client.from_env() as client:
        report, trouble = _run(client, plan)
        _print_report(report, options.output)
        if options.unfinished:
            trouble = _write_unfinished(report, options.unfinished) or trouble
    if trouble:
        _say(f"the run is incomplete: {trouble}")
        return _INCOMPLETE
    return _SOME_LEFT if report.failures else _ALL_GONE


def _run(client: Client, plan: Plan) -> tuple[Report, str | None]:
    """The report, and what kept the run from its end."""
    on_terminal = sys.stderr.isatty()
    try:
        return client.delete_plan(plan, progress=_show_progress if on_terminal else None), None
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
            print(file=sys.stderr)


def _show_progress(done: int, total: int) -> None:
    bar = "#" * (40 * done // max(total, 1))
    print(f"\r[{bar:<40}] {done} of {total} ids", end="", file=sys.stderr, flush=True)


def _print_report(report: Report, output: str) -> None:
    summary = sys.stdout
    try:
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
        if output == "jsonl":
            summary = sys.stderr
            for outcome in report:
                print(json.dumps({**outcome._asdict(), "status": outcome.status.name}))
        else:
            _print_table(report.failures)
        tally = "".join(f" {count} {status.name}" for status, count in report.tally().items())
        print(f"{len(report)} ids:{tally}; requests: {report.request_count}", file=summary)
        sys.stdout.flush()
    except BrokenPipeError:
        # Nobody reads on; what became of the ids decides the exit status all the same. Python would
        # complain once more when it flushes at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_table(outcomes: Sequence[Outcome]) -> None:
    width = max((len(outcome.scope_id) for outcome in outcomes), default=0)
    for outcome in outcomes:
        message = _printable(outcome.message or "-")
        code = _printable(outcome.code or "-")
        print(f"{outcome.scope_id:<{width}}  {outcome.status.name:<9}  {code:<8}  {message}")


def _printable(text: str) -> str:
    """A text of the service, without what would move a terminal's cursor."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def _write_unfinished(report: Report, path: str) -> str | None:
    """Write what a next run should take up; why not, if it can't be."""
    lines = (f"{scope.scope_id}\n" for scope in report.unfinished_scopes)
    try:
        Path(path).write_text("".join(lines))
    except OSError as error:
        return str(error)
    return None


def _say(text: str) -> None:
    print(f"koodrive: {text}", file=sys.stderr)
