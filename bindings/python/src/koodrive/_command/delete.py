"""koodrive delete."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from pathlib import Path
from typing import TextIO

from koodrive import (
    Client,
    InvalidArgument,
    KooDriveError,
    Monitor,
    Outcome,
    Plan,
    Report,
    Scope,
    ScopeOutcome,
)
from koodrive._command import all_scopes, arguments, csv_file, jsonl_file, parquet_file, report_file
from koodrive._command.id_file import IdFile
from koodrive._command.interruption import telling_why_it_waits
from koodrive._command.lists import print_scopes, write_scopes
from koodrive._command.output import (
    counted,
    print_complaint,
    print_rows,
    print_table,
    say,
    write,
)
from koodrive._command.progress import on_terminal
from koodrive._command.rows import COLUMNS, add_rows
from koodrive._command.statuses import ALL_GONE, INCOMPLETE, SOME_LEFT, USAGE

_INTERRUPTED = "it was interrupted"


def delete(options: argparse.Namespace) -> int:
    """Delete what the options say."""
    _check(options)
    if options.all:
        with Client.from_env() as client:
            return _delete_all(client, options)
    plan = _read_plan(options)
    if options.dry_run:
        return _write_dry_run(plan)
    _touch_files(options)
    with Client.from_env() as client:
        return _carry_out(client, plan, options)[0]


def _check(options: argparse.Namespace) -> None:
    """Refuse what does not go together."""
    sources = {
        "--table": options.table is not None,
        "--all": options.all,
        "FILE": options.file is not None,
    }
    given = [name for name, is_given in sources.items() if is_given]
    if len(given) > 1:
        raise InvalidArgument(f"{' and '.join(given)}: only one of them may be given")
    if options.table is not None:
        _refuse(options, "--table", "its columns say whose the scopes are", "device", "user")
    elif options.device is None:
        raise InvalidArgument(f"{'--device' if options.all else '--device or --table'}: is needed")
    if options.all:
        _refuse(options, "--all", "what it lists is new each time", "journal", "tried")
        all_scopes.check(options)
    else:
        _refuse(options, None, "only --all lists", "module", "path", "yes")
    if options.dry_run and report_file.is_file(options.output):
        raise InvalidArgument("--output: no file is written by a --dry-run")
    if options.unfinished and _is_same_file(options.unfinished, options.journal):
        raise InvalidArgument("--unfinished and --journal: must be two files")


def _refuse(options: argparse.Namespace, beside: str | None, why: str, *names: str) -> None:
    for name in names:
        if getattr(options, name) not in (None, False):
            place = f" beside {beside}" if beside else ""
            raise InvalidArgument(f"--{name}: may not be given{place}: {why}")


def _is_same_file(one: str, other: str | None) -> bool:
    return other is not None and os.path.realpath(one) == os.path.realpath(other)


def _delete_all(client: Client, options: argparse.Namespace) -> int:
    scopes = all_scopes.choose(client, options)
    if not scopes:
        return _delete_none(options)
    if options.dry_run:
        say("this is what would be deleted; nothing was")
        return write_scopes(scopes, options.output)
    all_scopes.show(scopes, options.device)
    if not options.yes and not all_scopes.is_confirmed(len(scopes)):
        say("nothing was deleted")
        return USAGE
    _touch_files(options)
    plan = Plan()
    plan.add_scopes(scopes)
    status, was_interrupted = _carry_out(client, plan, options)
    if was_interrupted:
        return status
    return max(status, _look_afterwards(client, options, scopes))


def _delete_none(options: argparse.Namespace) -> int:
    say("the device has no such scopes; nothing was deleted")
    # A path or the code of a module may be misspelt.
    is_sure = options.path is None and options.module in (None, *arguments.MODULES.values())
    status = ALL_GONE if is_sure else SOME_LEFT
    return max(status, write_scopes([], options.output)) if options.dry_run else status


def _look_afterwards(client: Client, options: argparse.Namespace, scopes: list[Scope]) -> int:
    left, complaint = all_scopes.still_there(client, options, scopes)
    if complaint:
        say(complaint)
        return INCOMPLETE
    if left:
        print_complaint(f"listed once more, {counted(len(left), 'scope')} left:")
        if sys.stderr is not None:
            print_scopes(left, sys.stderr)
        return SOME_LEFT
    print_complaint("listed once more: none of them is there")
    return ALL_GONE


def _write_dry_run(plan: Plan) -> int:
    requests = counted(plan.request_count, "request")
    summary = f"{counted(len(plan), 'id')} in {requests}; nothing was sent"

    def print_to(stream: TextIO) -> None:
        print(summary, file=stream)

    for complaint in (complaints := write(print_to, print_to)):
        say(complaint)
    return INCOMPLETE if complaints else ALL_GONE


def _touch_files(options: argparse.Namespace) -> None:
    """Complain now, and not after the run, of what can't be written."""
    if options.unfinished:
        if options.table and report_file.form(options.unfinished) == "parquet":
            parquet_file.check()
        Path(options.unfinished).open("a").close()
    if report_file.is_file(options.output):
        report_file.check(options.output)


def _carry_out(client: Client, plan: Plan, options: argparse.Namespace) -> tuple[int, bool]:
    """The exit status, and whether the run was interrupted."""
    report, trouble = _run(client, plan, options.journal)
    return _tell(report, trouble, options), trouble == _INTERRUPTED


def _tell(report: Report, trouble: str | None, options: argparse.Namespace) -> int:
    """Say what a run came to."""
    again = "; the same command again takes it up" if options.journal else ""
    complaints = [f"the run is incomplete: {trouble}{again}"] if trouble else []
    is_of_many = options.table is not None
    complaints += _write_report(report, options.output, is_of_many)
    if options.unfinished:
        complaints += _write_unfinished(report, options.unfinished, is_of_many)
        _hint_at_tried(report, options)
    for complaint in complaints:
        say(complaint)
    if complaints:
        return INCOMPLETE
    if report.failures:
        return SOME_LEFT
    if report and not _any_existed(report):
        say("not one of the ids existed: look whether they, the device and the user are right")
        return SOME_LEFT
    return ALL_GONE


def _hint_at_tried(report: Report, options: argparse.Namespace) -> None:
    """Of what this run may have deleted a next one must not say that it never existed."""
    remembers = options.table and report_file.form(options.unfinished) == "parquet"
    if Outcome.UNKNOWN in report.tally() and not remembers:
        say(f"{options.unfinished}: holds ids that may be deleted by now: give --tried with it")


def _read_plan(options: argparse.Namespace) -> Plan:
    path = options.file if options.table is None else options.table
    name = "standard input" if path in (None, "-") else path
    plan = Plan()
    if options.table is None:
        _add_lines(plan, _read(path), name, options)
    else:
        try:
            _add_table(plan, path)
        except InvalidArgument as error:
            raise InvalidArgument(f"{name}: {error}") from None
    if options.tried:
        plan.mark_tried()
    return plan


def _read(path: str | None) -> bytes:
    if path not in (None, "-"):
        return Path(path).read_bytes()
    if sys.stdin is None:
        raise OSError("standard input: is closed")
    return sys.stdin.buffer.read()


def _add_table(plan: Plan, path: str) -> None:
    form = Path(path).suffix.lower()
    if form == ".parquet":
        parquet_file.add(path, plan)
    else:
        rows = jsonl_file.rows if form == ".jsonl" else csv_file.rows
        add_rows(rows(_read(path)), plan)


def _add_lines(plan: Plan, source: bytes, name: str, options: argparse.Namespace) -> None:
    try:
        file = IdFile(source)
    except InvalidArgument as error:
        raise InvalidArgument(f"{name}: {error}") from None
    try:
        plan.add_lines(options.device, file.lines, user_id=options.user)
    except InvalidArgument as error:
        located = file.located(str(error))
        raise InvalidArgument(f"{name}: {located}" if located != str(error) else located) from None


def _any_existed(report: Report) -> bool:
    return bool({Outcome.DELETED, Outcome.GONE} & report.tally().keys())


def _run(client: Client, plan: Plan, journal: str | None) -> tuple[Report, str | None]:
    """The report, and what kept the run from its end."""
    monitor = Monitor()
    try:
        with on_terminal(monitor) as show, telling_why_it_waits():
            report = client.delete_plan(plan, monitor=monitor, progress=show, journal=journal)
            return report, None
    except KooDriveError as error:
        if error.report is None:
            raise
        return error.report, f"{error.status.name}: {error}"
    except KeyboardInterrupt as interruption:
        interrupted: Report | None = getattr(interruption, "report", None)
        if interrupted is None:
            raise
        return interrupted, _INTERRUPTED


def _write_report(report: Report, output: str, is_of_many: bool) -> list[str]:
    """Write what became of the ids; what to complain of, if it can't be written."""
    tally = "".join(f" {count} {outcome.name}" for outcome, count in report.tally().items())
    ids = counted(len(report), "id") + (":" if report else "")
    summary = f"{ids}{tally}; requests: {report.request_count}"

    def print_table_to(stream: TextIO) -> None:
        _print_failures(report, stream, is_of_many)
        print(summary, file=stream)

    def print_rows_to(stream: TextIO) -> None:
        report_file.print_report(report, output, stream)
        print_complaint(summary)

    if not report_file.is_file(output):
        return write(print_table_to if output == "table" else print_rows_to, print_table_to)
    try:
        report_file.write(report, output)
        complaints = []
    except OSError as error:
        complaints = [f"{output} could not be written: {error}"]
    return complaints + write(print_table_to, print_table_to)


def _print_failures(report: Report, stream: TextIO, is_of_many: bool) -> None:
    def line(scope: ScopeOutcome) -> list[str | None]:
        owner = [scope.user_id, scope.device_id] if is_of_many else []
        outcome = f"{scope.outcome.name:<9}"
        return [*owner, scope.scope_id, outcome, f"{scope.service_code or '-':<8}", scope.message]

    ids = 3 if is_of_many else 1
    print_table([line(scope) for scope in report.failures], stream, ids=ids)


def _write_unfinished(report: Report, path: str, is_of_many: bool) -> list[str]:
    """Write what a next run should take up; what to complain of, if it can't be written."""
    left = report.unfinished_scopes
    form = report_file.form(path)

    def print_to(stream: TextIO) -> None:
        if is_of_many:
            rows = (scope._asdict() for scope in left)
            print_rows(rows, COLUMNS, "jsonl" if form == "jsonl" else "csv", stream)
        else:
            stream.writelines(f"{scope.scope_id}\n" for scope in left)

    try:
        if is_of_many and form == "parquet":
            parquet_file.write_unfinished(left, path)
            return []
        with open(path, "w", encoding="utf-8", newline="") as file:
            print_to(file)
    except OSError as error:
        if left:
            print_complaint("koodrive: what a next run should take up:")
            with contextlib.suppress(OSError):
                if sys.stderr is not None:
                    print_to(sys.stderr)
        return [f"{path} could not be written: {error}"]
    return []
