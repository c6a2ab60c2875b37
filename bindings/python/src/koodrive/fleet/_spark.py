"""Runs a job's units on Spark."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from koodrive.fleet._task import Settings, Task
from koodrive.fleet._unit import TokenFor, UnitResult
from koodrive.fleet._work import Folder, pending_units


def spark(
    session: Any,
    work: Folder,
    *,
    settings: Settings = None,
    token_for: TokenFor | None = None,
    max_requests_per_second: int | None = None,
    workers: int | None = None,
) -> list[UnitResult]:
    """Run all pending units on Spark, and return their results.

    The rows that Spark sees are names of units: to run one twice, as it does for retries and
    speculation, deletes nothing twice, and the outcomes say what is sure in spite of it.

    Args:
        session: A pyspark.sql.SparkSession; Spark 3.0 or later.
        work: The work folder, which all executors reach by this name.
        settings: As for dask().
        token_for: As for run_unit().
        max_requests_per_second: Of all cores together: each gets its share.
        workers: By how many cores to divide it: the most that there will be, where Spark asks for
            executors as it needs them. Its default parallelism, if not given.

    Raises:
        InvalidArgument: An argument breaks a rule.
        Exception: What Spark raises for a task that it gives up.
    """
    context = session.sparkContext
    cores = context.defaultParallelism if workers is None else workers
    task = Task(work, cores, settings, token_for, max_requests_per_second)
    units = pending_units(work)
    if not units:
        return []

    def run(names: Iterator[str]) -> Iterator[UnitResult]:
        for name in names:
            result = task(name)
            if result is not None:
                yield result

    results = context.parallelize(units, len(units)).mapPartitions(run).collect()
    return [UnitResult(*result) for result in results]
