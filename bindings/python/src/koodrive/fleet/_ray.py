"""Runs a job's units on a Ray cluster."""

from __future__ import annotations

from collections.abc import Iterator

from koodrive import InvalidArgument
from koodrive.fleet._task import Progress, Settings, Task, collect
from koodrive.fleet._unit import TokenFor, UnitResult
from koodrive.fleet._work import Folder, pending_units


def ray(
    work: Folder,
    *,
    settings: Settings = None,
    token_for: TokenFor | None = None,
    max_requests_per_second: int | None = None,
    workers: int | None = None,
    progress: Progress = None,
) -> list[UnitResult]:
    """Run all pending units on the Ray cluster that ray.init() connected to.

    Arguments, result and errors are as for dask().
    """
    import ray as engine

    cores = int(engine.cluster_resources().get("CPU", 0)) if workers is None else workers
    if workers is None and not cores:
        raise InvalidArgument("ray: the cluster has no core: wait for one, or give workers=")
    task = Task(work, cores, settings, token_for, max_requests_per_second)

    def run_unit(unit: str) -> UnitResult | None:
        return task(unit)

    # Ray takes functions only.
    run = engine.remote(max_retries=3)(run_unit)

    def results() -> Iterator[UnitResult | None]:
        waiting = [run.remote(unit) for unit in pending_units(work)]
        while waiting:
            done, waiting = engine.wait(waiting)
            yield from engine.get(done)

    return collect(results(), progress)
