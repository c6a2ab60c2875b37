"""Runs a job's units on a Dask cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from koodrive.fleet._task import Progress, Settings, Task, collect
from koodrive.fleet._unit import TokenFor, UnitResult
from koodrive.fleet._work import Folder, pending_units


def dask(
    client: Any,
    work: Folder,
    *,
    settings: Settings = None,
    token_for: TokenFor | None = None,
    max_requests_per_second: int | None = None,
    progress: Progress = None,
) -> list[UnitResult]:
    """Run all pending units on a Dask cluster, and return their results.

    A unit whose worker dies is run again by Dask.

    Args:
        client: A dask.distributed.Client.
        work: The work folder, which all workers reach by this name.
        settings: The arguments of koodrive.Client; without them, Client.from_env() is used, with
            the environment of each worker.
        token_for: As for run_unit().
        max_requests_per_second: Of all threads of the cluster together: each gets its share.
        progress: Called with each result as it comes.

    Raises:
        InvalidArgument: An argument breaks a rule, or a unit is damaged.
        Exception: What Dask raises for a task that it gives up.
    """
    from distributed import as_completed

    threads = sum(client.nthreads().values())
    task = Task(work, threads, settings, token_for, max_requests_per_second)

    def results() -> Iterator[UnitResult | None]:
        # Not pure: Dask must not take an earlier result for this one.
        futures = client.map(task, pending_units(work), pure=False, retries=3)
        for _, result in as_completed(futures, with_results=True):
            yield result

    return collect(results(), progress)
