"""Runs a job's units on a Dask cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from koodrive import InvalidArgument
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
    workers: int | None = None,
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
        workers: By how many threads to divide it: the most that the cluster will have, where it
            grows. As many as it has now, if not given.
        progress: Called with each result as it comes.

    Raises:
        InvalidArgument: An argument breaks a rule, a unit is damaged, or the cluster has no worker
            and `workers` is not given.
        Exception: What Dask raises for a task that it gives up.
    """
    from distributed import as_completed

    threads = sum(client.nthreads().values()) if workers is None else workers
    if workers is None and not threads:
        raise InvalidArgument("client: its cluster has no worker: wait for one, or give workers=")
    task = Task(work, threads, settings, token_for, max_requests_per_second)

    def results() -> Iterator[UnitResult | None]:
        # Not pure: Dask must not take an earlier result for this one.
        futures = client.map(task, pending_units(work), pure=False, retries=3)
        for _, result in as_completed(futures, with_results=True):
            yield result

    return collect(results(), progress)
