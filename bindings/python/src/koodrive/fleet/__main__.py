"""The steps of a job from a shell: python -m koodrive.fleet."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Callable

from koodrive import InvalidArgument, KooDriveError, fleet
from koodrive._command.arguments import filled, owner
from koodrive._command.output import counted, print_complaint, shown
from koodrive.fleet._processes import MOST_WORKERS
from koodrive.fleet._work import Work

_DESCRIPTION = """\
Deletes what a table lists, in units that processes carry out:

  python -m koodrive.fleet prepare ids.parquet work
  python -m koodrive.fleet run work
  python -m koodrive.fleet status work
  python -m koodrive.fleet outcomes work outcomes.parquet

Each may be repeated. "resume" makes units of what is unfinished, for another "run". A file STOP in
the work folder ends all workers at their next unit.

Where the service is and who we are comes from the environment, as for the command koodrive.
"""

_RESUME = '"resume" makes units of what is unfinished'


def main(given: Sequence[str] | None = None) -> int:
    """Carry out a command line; the exit status."""
    options = _parser().parse_args(given)
    try:
        status: int = options.carry_out(options)
        return status
    except (InvalidArgument, OSError) as error:
        _say(str(error))
        return 2
    except (KooDriveError, RuntimeError) as error:
        _say(str(error))
        return 3
    except KeyboardInterrupt:
        _say("interrupted")
        return 3


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m koodrive.fleet",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(
        name: str, summary: str, carry_out: Callable[[argparse.Namespace], int]
    ) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=summary, allow_abbrev=False)
        command.set_defaults(carry_out=carry_out)
        return command

    prepare = add("prepare", "cut a table into units", _prepare)
    text = "a Parquet file, a folder of them, or a CSV file"
    prepare.add_argument("table", type=filled, help=text)
    text = "whose the rows without a user_id are"
    prepare.add_argument("--user", metavar="ID", type=owner, help=text)
    resume = add("resume", "make units of what is unfinished", _resume)
    for command in (prepare, resume):
        command.add_argument(
            "--unit-size", type=int, default=10_000, metavar="N", help="ids a unit"
        )
    run = add("run", "run the units that have no outcome, in processes", _run)
    run.add_argument(
        "--workers",
        type=int,
        default=min(os.cpu_count() or 1, MOST_WORKERS),
        metavar="N",
        help="how many processes [one for each processor]",
    )
    run.add_argument(
        "--max-requests-per-second", type=int, metavar="N", help="of all workers together"
    )
    outcomes = add("outcomes", "write one row for each id", _outcomes)
    status = add("status", "say how far it is", _status)
    for command in (prepare, run, status, resume, outcomes):
        command.add_argument("work", type=filled, help="the work folder, or its URI")
    outcomes.add_argument("file", type=_parquet, help="the Parquet file to write")
    return parser


def _parquet(text: str) -> str:
    if Path(text).suffix.lower() in (".csv", ".json", ".jsonl"):
        raise argparse.ArgumentTypeError(f"is written as Parquet: give {Path(text).stem}.parquet")
    return filled(text)


def _prepare(options: argparse.Namespace) -> int:
    count = fleet.prepare(
        options.table, options.work, unit_size=options.unit_size, user_id=options.user
    )
    units = counted(len(fleet.pending_units(options.work)), "unit")
    print(f"{counted(count, 'id')} in {units}; nothing was sent")
    return 0


def _run(options: argparse.Namespace) -> int:
    units = fleet.pending_units(options.work)
    if not units:
        return _nothing_to_run(options.work)
    if _says_stop(options.work):
        return 3
    rate = options.max_requests_per_second
    with _bar(len(units)) as show:
        results = fleet.processes(
            options.work, options.workers, max_requests_per_second=rate, progress=show
        )
    failed = [result for result in results if result.error is not None]
    for result in failed:
        print_complaint(shown(f"unit {result.unit}: {result.error}"))
    ended = f"{len(results)} of {counted(len(units), 'unit')} ended"
    unfinished = sum(result.unfinished for result in results)
    print(f"{ended}, {len(failed)} of them with an error; unfinished: {counted(unfinished, 'id')}")
    is_stopped = _says_stop(options.work)
    if unfinished and not is_stopped:
        _say(_RESUME)
    return 0 if len(results) == len(units) and not failed and not unfinished else 3


def _nothing_to_run(work: str) -> int:
    unfinished = fleet.status(work).scopes_unfinished
    print(f"no unit is left to run; unfinished: {counted(unfinished, 'id')}")
    if not unfinished:
        return 0
    _say(_RESUME)
    return 3


def _says_stop(work: str) -> bool:
    """Whether there is a file STOP; then it is shown."""
    folder = Work(work)
    reason = folder.read("STOP")
    if reason is None:
        return False
    text = reason.decode(errors="replace").strip() or "it does not say why"
    _say(f'stopped by {folder.place("STOP")}: {text}; "resume" removes it')
    return True


@contextlib.contextmanager
def _bar(units: int) -> Iterator[Callable[[fleet.UnitResult], object]]:
    try:
        from tqdm import tqdm
    except ImportError:
        yield lambda _: None
        return
    with tqdm(total=units, unit="unit", disable=None) as bar:
        yield lambda _: bar.update()


def _outcomes(options: argparse.Namespace) -> int:
    count = fleet.write_outcomes(options.work, options.file)
    print(counted(count, "id"))
    return 0


def _status(options: argparse.Namespace) -> int:
    status = fleet.status(options.work)
    print(f"units: {status.units_done} of {status.unit_count}")
    print(f"ids: {status.scopes_done} of {status.scope_count}")
    for name, count in status.tally.items():
        print(f"  {shown(name)}: {count}")
    print(f"unfinished, for resume: {status.scopes_unfinished}")
    if status.scopes_per_second is not None:
        print(
            f"rate: {status.scopes_per_second:.0f} ids a second, {status.seconds_left:.0f} s left"
        )
    if status.is_stopped:
        print("stopped by the file STOP")
    return 0


def _resume(options: argparse.Namespace) -> int:
    count = fleet.resume(options.work, unit_size=options.unit_size)
    print(f"{counted(count, 'id')} to be tried again: run")
    return 0


def _say(text: str) -> None:
    print_complaint(f"koodrive.fleet: {shown(text)}")


if __name__ == "__main__":
    sys.exit(main())
