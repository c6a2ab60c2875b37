"""What tables cost: a million rows into a plan and out of a result, and a unit of a fleet.

tables.py --port P: figures as JSON. The server says of every tenth id that it does not exist.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import client as peers
import koodrive
import pyarrow as pa
from koodrive import fleet

ROWS = 1_000_000
UNIT = 10_000


def cpu_s(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


def table(ids: list[str], of_type: pa.DataType) -> pa.Table:
    """Devices have a hundred scopes each."""
    devices = [str(10**18 + index // 100) for index in range(len(ids))]
    columns = {"device_id": devices, "scope_id": ids}
    return pa.table({name: pa.array(texts).cast(of_type) for name, texts in columns.items()})


def into_plans(ids: list[str]) -> dict[str, float]:
    """The CPU time of tables, as that of the same ids as lines is 1."""
    text = "\n".join(ids) + "\n"
    lines = cpu_s(lambda: koodrive.Plan().add_lines(peers.DEVICE, text))
    types = {"texts": pa.string(), "views": pa.string_view(), "integers": pa.int64()}
    taken = {}
    for name, of_type in types.items():
        rows = table(ids, of_type)
        taken[name] = cpu_s(lambda rows=rows: koodrive.Plan().add_table(rows)) / lines
    return taken


def out_of_a_result(client: koodrive.Client, ids: list[str]) -> float:
    """In milliseconds."""
    report = client.delete_scopes(peers.DEVICE, ids)
    return cpu_s(lambda: pa.table(report)) * 1000


def unit_of_a_fleet(client: koodrive.Client) -> dict[str, float]:
    """What a unit takes beyond the deletion of its ids: milliseconds, and bytes an id."""
    # Ids at equal distances would take next to no room.
    choose = random.Random(1)
    ids = [str(choose.randrange(10**18, 10**19)) for _ in range(UNIT)]
    rows = table(ids, pa.string())
    plan = koodrive.Plan()
    plan.add_table(rows)
    client.delete_plan(plan)  # connects
    deletion = cpu_s(lambda: client.delete_plan(plan))
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder) / "work"
        fleet.prepare(rows, work, unit_size=len(ids))
        prepared = size(work)
        [unit] = fleet.pending_units(work)
        whole = cpu_s(lambda: fleet.run_unit(unit, work, client))
        written = size(work) - prepared
    return {"unit_ms": (whole - deletion) * 1000, "unit_bytes_per_id": written / len(ids)}


def size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    ids = peers.scope_ids(0, ROWS)
    with koodrive.Client(
        f"http://127.0.0.1:{port}", user_id=peers.USER, access_token=peers.TOKEN
    ) as client:
        result_ms = out_of_a_result(client, ids)
        print(json.dumps(into_plans(ids) | {"result_ms": result_ms} | unit_of_a_fleet(client)))


if __name__ == "__main__":
    main()
