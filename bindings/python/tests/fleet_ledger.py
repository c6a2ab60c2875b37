"""Kills the workers and the driver of a job, and compares its outcomes with the ledger."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import pyarrow as pa

import koodrive
from conftest import PATIENCE, Sandbox
from koodrive import fleet

KEYS = ["user_id", "device_id", "scope_id"]

#: More than a test needs can be asked for.
COUNT = int(os.environ.get("KOODRIVE_FLEET_IDS", "20000"))


def ids_of_users() -> pa.Table:
    """Ten ids a user, on two devices, in no order."""
    numbers = list(range(COUNT))
    random.Random(1).shuffle(numbers)
    return pa.table(
        {
            "scope_id": [str(10**18 + number) for number in numbers],
            "user_id": [f"user {number // 10}".replace(" ", "-") for number in numbers],
            "device_id": [f"device-{number % 2}" for number in numbers],
        }
    )


def existing_scopes(table: pa.Table) -> dict[str, dict[str, list[str]]]:
    """Two of three of them."""
    scopes: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for user, device, scope in _keys(table):
        if int(scope) % 3:
            scopes[user][device].append(scope)
    return scopes


def _keys(table: pa.Table) -> list[tuple[str, str, str]]:
    return list(zip(*(table[name].to_pylist() for name in KEYS)))


def kill_until_done(
    command: list[str], folder: Path, sandbox: Sandbox, workers: bytes = b"spawn_main"
) -> None:
    """Run the driver of the job in "work" until all is finished, and kill it and its workers.

    Workers are the processes below it whose command line holds the given text.
    """
    chance = random.Random(COUNT)
    work = folder / "work"
    deadline = time.monotonic() + 10 * PATIENCE
    environment = {**sandbox.environment(), "PYTHONPATH": str(Path(koodrive.__file__).parents[1])}
    kills = 0
    while fleet.pending_units(work) or fleet.resume(work):
        assert time.monotonic() < deadline, fleet.status(work)
        with open(folder / "log", "ab") as log:
            driver = subprocess.Popen(
                command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        kills_before = kills
        # Some workers die, then the driver with all of them; at last it may go on to its end.
        while driver.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                driver.wait(chance.uniform(0.2, 1.0))
            alive = [pid for pid in _below(driver.pid) if workers in _read(pid, "cmdline")]
            if kills < 12 and alive:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(chance.choice(alive), signal.SIGKILL)
                kills += 1
            elif kills < 14 and driver.poll() is None:
                os.killpg(driver.pid, signal.SIGKILL)
                kills += 1
        assert driver.wait() == 0 or kills > kills_before, (folder / "log").read_text()[-5000:]
    assert kills > 0, (folder / "log").read_text()


def _below(pid: int) -> list[int]:
    """The processes that a process started, and those that they started."""
    children = [int(child) for child in _read(pid, f"task/{pid}/children").split()]
    return children + [other for child in children for other in _below(child)]


def _read(pid: int, file: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{file}").read_bytes()
    except (FileNotFoundError, ProcessLookupError):  # It has ended.
        return b""


def check_against_ledger(work: Path, table: pa.Table, sandbox: Sandbox) -> None:
    """Compare each row of the outcomes with what the service saw and did."""
    sent: set[tuple[str, str, str]] = set()
    deleted: set[tuple[str, str, str]] = set()
    for request in sandbox.ledger():
        owner = request["user"], request["device"]
        sent.update((*owner, scope) for scope in request["ids"])
        deleted.update((*owner, scope) for scope in request["deleted"])
    asked = set(_keys(table))
    assert sent <= asked, "something was sent that was not asked for"
    outcomes = fleet.outcomes(work)
    rows = list(zip(_keys(outcomes), outcomes["outcome"].to_pylist()))
    assert sorted(key for key, _ in rows) == sorted(asked), "each id has one row"
    lies = [(key, outcome) for key, outcome in rows if not _is_true(outcome, key, sent, deleted)]
    assert lies == []
    finished = {"DELETED", "NOT_FOUND", "GONE"}
    assert {outcome for _, outcome in rows} <= finished


def _is_true(outcome: str, key: tuple[str, str, str], sent: Any, deleted: Any) -> bool:
    existed = bool(int(key[2]) % 3)
    return {
        "DELETED": key in deleted,
        "NOT_FOUND": key in sent and not existed,
        "GONE": key in sent and (key in deleted or not existed),
        "NOT_SENT": key not in sent,
    }.get(outcome, True)
