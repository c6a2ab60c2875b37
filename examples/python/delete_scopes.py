"""Deletes backup scopes and says what became of each.

  delete_scopes.py [--user ID] --device ID [ids and --file FILE]... [--device ID ...]
                   [--journal FILE] [--dry-run] [--progress] [--quiet]

Ids are arguments, or stand one a line in FILE ("-": standard input). --user and --device hold for
what comes after them. With --journal the run is written down in FILE, and the same command takes up
one that was killed. Where the service is and who we are comes from the environment:
KOODRIVE_ENDPOINT, KOODRIVE_USER_ID, and KOODRIVE_ACCESS_TOKEN or KOODRIVE_APP_ID with
KOODRIVE_APP_SECRET.

Exit status: 0 all gone, 1 some may still exist, 2 usage, 3 the run is incomplete.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Callable

import koodrive

ALL_GONE, SOME_LEFT, USAGE, INCOMPLETE = range(4)


class UsageError(Exception):
    """What is wrong with the command line."""


def say(text: str) -> None:
    print(text, file=sys.stderr)


def show_progress(done: int, total: int) -> None:
    print(f"\r{done} of {total} ids", end="", file=sys.stderr, flush=True)


def read(path: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError:
        raise UsageError(f"{path}: can't be read") from None


def fill(plan: koodrive.Plan, words: list[str]) -> tuple[set[str], str | None]:
    """Fill the plan from the command line; return the switches that were given, and the journal."""
    user = device = journal = None
    switches = set()
    arguments = iter(words)
    for word in arguments:
        if word in ("--dry-run", "--progress", "--quiet"):
            switches.add(word)
        elif word.startswith("--"):
            value = next(arguments, None)
            if value is None:
                raise UsageError(f"{word}: unknown, or its value is missing")
            if word == "--user":
                user = value
            elif word == "--device":
                device = value
            elif word == "--file":
                add(value, plan.add_lines, user, device, read(value))
            elif word == "--journal":
                journal = value
            else:
                raise UsageError(f"{word}: unknown option")
        else:
            add(word, plan.add, user, device, [word])
    return switches, journal


def add(
    name: str, method: Callable[..., None], user: str | None, device: str | None, ids: object
) -> None:
    """Add ids to the plan; what is wrong with them is said of `name`."""
    if device is None:
        raise UsageError(f"{name}: INVALID_ARGUMENT: device_id: must not be NULL")
    try:
        method(device, ids, user_id=user)
    except koodrive.InvalidArgument as error:
        raise UsageError(f"{name}: {error.status.name}: {error}") from None


def print_table(report: koodrive.Report, only_failures: bool) -> None:
    """Print all ids, or only those that may still exist."""
    scopes = report.failures if only_failures else report
    width = max((len(scope.scope_id) for scope in scopes), default=0)
    for scope in scopes:
        code, message = scope.service_code or "-", scope.message or "-"
        print(f"{scope.scope_id:<{width}}  {scope.outcome.name:<9}  {code:<8}  {message}")


def print_tally(report: koodrive.Report) -> None:
    tally = "".join(f" {count} {outcome.name}" for outcome, count in report.tally().items())
    print(f"{len(report)} ids:{tally}; requests: {report.request_count}")


def run(
    client: koodrive.Client, plan: koodrive.Plan, switches: set[str], journal: str | None
) -> int:
    monitor = koodrive.Monitor()
    # The first Ctrl-C waits for the responses under way, a second one does not. Without this line
    # it does the same, and the run ends with KeyboardInterrupt.
    signal.signal(signal.SIGINT, lambda *_: monitor.cancel())
    progress = show_progress if "--progress" in switches else None
    trouble = None
    try:
        report = client.delete_plan(plan, monitor=monitor, progress=progress, journal=journal)
    except koodrive.KooDriveError as error:
        if error.report is None:
            raise
        report, trouble = error.report, error
    if progress:
        progress(monitor.done, monitor.total)
        say("")
    print_table(report, only_failures="--quiet" in switches)
    print_tally(report)
    if trouble:
        say(f"the run is incomplete: {trouble.status.name}: {trouble}")
        return INCOMPLETE
    return SOME_LEFT if report.failures else ALL_GONE


def main(words: list[str]) -> int:
    if not words:
        say(
            f"usage: {sys.argv[0]} [--user ID] --device ID [ID | --file FILE]... "
            "[--journal FILE] [--dry-run] [--progress] [--quiet]"
        )
        return USAGE
    plan = koodrive.Plan()
    try:
        switches, journal = fill(plan, words)
    except UsageError as error:
        say(str(error))
        return USAGE
    if "--dry-run" in switches:
        print(f"{len(plan)} ids in {plan.request_count} requests; nothing was sent")
        return ALL_GONE
    try:
        client = koodrive.Client.from_env()
    except koodrive.KooDriveError as error:
        say(f"configuration: {error.status.name}: {error}")
        return USAGE
    with client:
        try:
            return run(client, plan, switches, journal)
        except koodrive.KooDriveError as error:
            say(f"the run is incomplete: {error.status.name}: {error}")
            return USAGE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
