"""Deletes what a table lists, in units that any number of processes or machines carry out.

An engine (a pool of processes, Dask, Spark, Ray) is the scheduler and nothing else: it may run a
unit twice, at once or again, and lose its workers and its driver. What became of each id is in the
work folder, and it is true whatever the engine does.

    from koodrive import fleet

    if __name__ == "__main__":  # Processes import this file.
        fleet.prepare("ids.parquet", "work")
        fleet.processes("work", 8)
        fleet.write_outcomes("work", "outcomes.parquet")

Each step may be repeated. `status` says how far it is, `resume` takes up what is unfinished, and a
file named STOP in the work folder ends all workers at their next unit. ``python -m koodrive.fleet``
does the same from a shell. It needs pyarrow: ``pip install koodrive[fleet]``.

A work folder is a path, or a URI that pyarrow knows, such as "s3://bucket/folder". A file in it
must be visible to all as soon as it is written.
"""

from koodrive.fleet._dask import dask
from koodrive.fleet._outcomes import outcomes, write_outcomes
from koodrive.fleet._prepare import prepare
from koodrive.fleet._processes import processes
from koodrive.fleet._ray import ray
from koodrive.fleet._resume import resume
from koodrive.fleet._spark import spark
from koodrive.fleet._status import Status, status
from koodrive.fleet._unit import TokenFor, UnitResult, run_unit
from koodrive.fleet._work import pending_units

__all__ = [
    "Status",
    "TokenFor",
    "UnitResult",
    "dask",
    "outcomes",
    "pending_units",
    "prepare",
    "processes",
    "ray",
    "resume",
    "run_unit",
    "spark",
    "status",
    "write_outcomes",
]
