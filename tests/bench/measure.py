"""Runs clients against servers, interleaved, each process fresh and on a core of its own."""

from __future__ import annotations

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import provide

CORES = sorted(os.sched_getaffinity(0))
#: Of the client with all its threads, and of the server.
CLIENT_CORE, SERVER_CORE = CORES[0], CORES[-1]


class Workload(NamedTuple):
    title: str
    connections: int
    delay_ms: int
    requests: int
    #: Of the clients that take ten times as long.
    requests_of_slow: int


WORKLOADS = {
    "steady": Workload("100 ids a request, 1 connection, no delay", 1, 0, 10_000, 2_000),
    "delay 4": Workload("100 ids a request, 4 connections, 20 ms service", 4, 20, 1_000, 1_000),
    "delay 16": Workload("100 ids a request, 16 connections, 20 ms service", 16, 20, 4_000, 4_000),
}
SLOW = ("Python aiohttp", "Python httpx", "Python requests")

Run = dict[str, float]
Clients = Mapping[str, Sequence[str]]


class Server:
    """The server, on its core, while the block runs."""

    def __init__(self, delay_ms: int = 0) -> None:
        self._command = [str(provide.SERVER), "--delay-ms", str(delay_ms)]

    def __enter__(self) -> int:
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: pin(SERVER_CORE)
        )
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate()


def pin(core: int) -> None:
    os.sched_setaffinity(0, {core})


def run_client(command: Sequence[str], port: int, under: Sequence[str] = (), **options: int) -> Run:
    """Runs a client, maybe under a tool; what it printed."""
    flags = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    return run_program([*under, *command, "--port", str(port), *flags])


def run_program(command: Sequence[str]) -> Run:
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy") and not name.startswith("KOODRIVE_")
    }
    environment["KOODRIVE_LIBRARY"] = str(provide.LIBRARY)
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    environment["PYTHONPATH"] = str(provide.ROOT / "bindings" / "python" / "src")
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env=environment,
        preexec_fn=lambda: pin(CLIENT_CORE),
    )
    if done.returncode != 0:
        raise SystemExit(f"bench: {' '.join(command)} failed: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def timings(clients: Clients, rounds: int, scale: float) -> dict[str, dict[str, list[Run]]]:
    """All runs: workload -> client -> one run a round, so that runs of a round compare."""
    results: dict[str, dict[str, list[Run]]] = {}
    for key, workload in WORKLOADS.items():
        chosen = [
            name for name in clients if key == "steady" or not name.endswith(provide.VARIANTS)
        ]
        results[key] = {name: [] for name in chosen}
        for number in range(rounds):
            progress(f"{workload.title}, round {number + 1} of {rounds}")
            for name in chosen:
                requests = workload.requests_of_slow if name in SLOW else workload.requests
                requests = int(requests * scale)
                with Server(workload.delay_ms) as port:
                    used = run_client(
                        clients[name], port, requests=requests, connections=workload.connections
                    )
                results[key][name].append(used | {"requests": requests})
    return results


def taking_up(clients: Clients, runs: int) -> list[Run]:
    """A journal of a million ids: its size, and how long it takes to be taken up."""
    progress("taking up a journal")
    journal = provide.IDS.with_name(provide.IDS.name + "-journal")
    results = []
    for _ in range(runs):
        command = [*clients[provide.KOODRIVE_C], "--journal", "2"]
        with Server() as port:
            used = run_client(command, port, requests=10_000, connections=4)
        results.append(used | {"bytes_per_id": journal.stat().st_size / 1e6})
        journal.unlink()
    return results


def startup(runs: int) -> list[Run]:
    progress("loading the library")
    return [run_program([str(provide.OUT / "startup"), str(provide.LIBRARY)]) for _ in range(runs)]


def planning(runs: int) -> dict[str, list[Run]]:
    """Of a million ids, ascending and in no order."""
    progress("planning a million ids")
    programs = {"sorted": provide.PLANNING, "unsorted": provide.PLANNING_UNSORTED}
    return {
        order: [run_program([*program, "--ids", "1000000"]) for _ in range(runs)]
        for order, program in programs.items()
    }


def listing(runs: int) -> list[Run]:
    """Of a device with 100,000 scopes whose paths are long."""
    progress("listing")
    headers = {"Authorization": "Bearer t", "X-User-Id": "u", "X-Date": "20251103T070140Z"}
    path = "koodrive/ose/v1/backup/device/dev-0001/scope?moduleCode=101"
    results = []
    for _ in range(runs):
        with Server() as port:
            request = urllib.request.Request(f"http://127.0.0.1:{port}/{path}", headers=headers)
            with urllib.request.urlopen(request) as response:
                answer = len(response.read())
            command = [str(provide.OUT / "listing"), str(port), "100000"]
            used = run_program(command)
        results.append(used | {"times_the_answer": used["grown_kb"] * 1024 / answer})
    return results


def tables(runs: int) -> list[Run]:
    """Of a million rows, as pyarrow's tables, and of a unit of a fleet."""
    progress("tables")
    command = [str(provide.PYTHON), str(provide.HERE / "python" / "tables.py")]
    results = []
    for _ in range(runs):
        with Server() as port:
            results.append(run_client(command, port))
    return results


def growth(clients: Clients, rounds: int, largest: int) -> dict[str, dict[int, list[Run]]]:
    """What an id costs as runs grow: axis -> size -> runs."""
    sizes = {
        "ids": {10**n: {"requests": 10**n // 100} for n in range(3, largest + 1)},
        "connections": {2**n: {"requests": 2_000, "connections": 2**n} for n in range(7)},
        "devices": {10**n: {"requests": 10**n, "ids": 1, "devices": 10**n} for n in range(largest)},
    }
    results: dict[str, dict[int, list[Run]]] = {
        axis: {size: [] for size in by_size} for axis, by_size in sizes.items()
    }
    for number in range(rounds):
        progress(f"growth, round {number + 1} of {rounds}")
        for axis, by_size in sizes.items():
            for size, options in by_size.items():
                ids = options["requests"] * options.get("ids", 100)
                # Small runs are done again and again, for a clock's sake.
                repeat = max(1, min(1_000, 100_000 // ids))
                with Server() as port:
                    used = run_client(clients[provide.KOODRIVE_C], port, repeat=repeat, **options)
                results[axis][size].append(used | {"ids": ids, "repeat": repeat})
    return results


def million(clients: Clients) -> Run:
    """A million ids at the default number of connections."""
    with Server() as port:
        return run_client(clients[provide.KOODRIVE_C], port, requests=10_000, connections=4)


def machine() -> dict[str, Any]:
    with open("/proc/cpuinfo") as info:
        models = [line.split(":")[1].strip() for line in info if line.startswith("model name")]
    model = models[0] if models else platform.machine()
    return {"cpu": model, "cores": len(CORES), "kernel": platform.release().split("-")[0]}


class Others:
    """How busy other processes, and other virtual machines, keep this one."""

    def __init__(self) -> None:
        self._start = self._seconds()

    @staticmethod
    def _seconds() -> tuple[float, float]:
        with open("/proc/stat") as stat:
            ticks = [int(text) / os.sysconf("SC_CLK_TCK") for text in stat.readline().split()[1:9]]
        idle, waiting = ticks[3:5]
        ours = 0.0
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
            usage = resource.getrusage(who)
            ours += usage.ru_utime + usage.ru_stime
        return sum(ticks) - idle - waiting - ours, sum(ticks)

    def percent(self) -> float:
        """Of the machine's whole time since this was made."""
        busy, total = (now - then for now, then in zip(self._seconds(), self._start))
        return max(0.0, busy / total * 100)


def cpu_us(run: Run) -> float:
    """CPU time a request, in microseconds."""
    return (run["user_s"] + run["system_s"]) / run["requests"] * 1e6


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def progress(what: str) -> None:
    print(f"bench: {what}", file=sys.stderr, flush=True)
