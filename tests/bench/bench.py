#!/usr/bin/env python3
"""Measures koodrive against a bare socket and the clients that one would use instead.

Called by `make bench`, which builds the library first. Prints the tables; leaves results.json,
results.md and the plots in target/bench, and with --publish beside this file, too.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import counts
import instructions
import measure
import provide
import report

HERE = Path(__file__).resolve().parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds and requests: minutes")
    parser.add_argument("--publish", action="store_true", help="refresh the repository's results")
    arguments = parser.parse_args()
    quick = arguments.quick

    out = provide.OUT
    out.mkdir(parents=True, exist_ok=True)
    provide.build_all()
    clients = provide.clients()
    results: dict[str, Any] = {"machine": measure.machine()}
    others = measure.Others()
    results["timings"] = measure.timings(clients, 3 if quick else 7, scale=0.2 if quick else 1)
    results["startup"] = measure.startup(runs=5 if quick else 21)
    results["taking up"] = measure.taking_up(clients, runs=3 if quick else 7)
    results["planning"] = measure.planning(runs=3 if quick else 9)
    results["listing"] = measure.listing(runs=3 if quick else 7)
    results["tables"] = measure.tables(runs=3 if quick else 7)
    results["growth"] = measure.growth(clients, 1 if quick else 5, largest=5 if quick else 6)
    results["million"] = measure.million(clients)
    results["machine"]["others_percent"] = others.percent()
    results["counts"] = counts.count(clients)
    results["instructions"] = instructions.by_part()

    (out / "results.json").write_text(json.dumps(results, indent=1))
    tables = report.tables(results)
    (out / "results.md").write_text(tables)
    print(tables)
    print(f"bench: these tables and the plots are in {out}")
    subprocess.run([provide.PYTHON, "-B", HERE / "plot.py", out / "results.json", out], check=True)
    if arguments.publish:
        for name in ("results.md", "speed.svg", "growth.svg"):
            shutil.copy(out / name, HERE / name)


if __name__ == "__main__":
    main()
