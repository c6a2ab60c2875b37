"""Runs a job's units in processes of this machine."""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.connection
import sys
from collections import Counter, deque
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any

from koodrive import InvalidArgument
from koodrive.fleet._task import Progress, Settings, Task, collect
from koodrive.fleet._unit import TokenFor, UnitResult
from koodrive.fleet._work import Folder, pending_units

#: Windows waits for 63 things at once, and some are Python's own.
MOST_WORKERS = 60 if sys.platform == "win32" else 1 << 16

#: So often a unit may lose its worker.
_MOST_LOSSES = 5


def processes(
    work: Folder,
    workers: int,
    *,
    settings: Settings = None,
    token_for: TokenFor | None = None,
    max_requests_per_second: int | None = None,
    progress: Progress = None,
) -> list[UnitResult]:
    """Run all pending units in so many processes of this machine, and return their results.

    A worker that dies is replaced, and its unit is run again. A program must call this below
    ``if __name__ == "__main__":``, for the processes import its main module.

    Args:
        work: The work folder.
        workers: How many processes, on Windows at most 60.
        settings: The arguments of koodrive.Client; without them, Client.from_env() is used.
        token_for: As for run_unit(); a function of a module, for it is pickled.
        max_requests_per_second: Of all workers together: each gets its share.
        progress: Called with each result as it comes, in this thread.

    Raises:
        InvalidArgument: An argument breaks a rule, or a unit is damaged; then all others were run.
        RuntimeError: A unit lost its worker again and again.
        KooDriveError: A client can't be made of the settings.
    """
    if workers > MOST_WORKERS:
        raise InvalidArgument(f"workers: must be at most {MOST_WORKERS}")
    task = Task(work, workers, settings, token_for, max_requests_per_second)
    return collect(_run(task, deque(pending_units(work)), workers), progress)


def _run(task: Task, units: deque[str], count: int) -> Iterator[UnitResult | None]:
    # A fork of a process with threads may hang; a new interpreter does not.
    context = multiprocessing.get_context("spawn")
    losses: Counter[str] = Counter()
    refused: list[InvalidArgument] = []
    working: dict[Connection, str] = {}
    idle: list[Connection] = []
    with contextlib.ExitStack() as processes:
        while units or working:
            while units and len(working) < count:
                connection = idle.pop() if idle else _start(context, task, processes)
                working[connection] = units.popleft()
                with contextlib.suppress(OSError):  # It died idle: seen below, as any death.
                    connection.send(working[connection])
            ready = multiprocessing.connection.wait(list(working))
            for connection in [one for one in working if one in ready]:
                unit = working.pop(connection)
                try:
                    result = connection.recv()
                except (EOFError, OSError):
                    losses[unit] += 1
                    if losses[unit] == _MOST_LOSSES:
                        raise RuntimeError(
                            f"unit {unit} lost its worker {_MOST_LOSSES} times"
                        ) from None
                    units.append(unit)
                    continue
                idle.append(connection)
                if isinstance(result, InvalidArgument):
                    refused.append(result)
                elif isinstance(result, BaseException):
                    raise result
                else:
                    yield result
    if refused:
        raise refused[0]


def _start(context: Any, task: Task, processes: contextlib.ExitStack) -> Connection:
    ours: Connection
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(task, theirs), daemon=True)
    process.start()
    theirs.close()
    # The other way round: without its pipe a worker ends, when its unit is done.
    processes.callback(process.join)
    processes.callback(ours.close)
    return ours


def _work(task: Task, connection: Connection) -> None:
    """Run units until there are no more, or nobody asks for them."""
    while True:
        try:
            unit = connection.recv()
        except (EOFError, OSError, KeyboardInterrupt):
            return
        try:
            result: object = task(unit)
        except BaseException as error:
            result = error
        try:
            connection.send(result)
        except OSError:
            return
