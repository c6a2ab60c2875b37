"""Counts that repeat exactly, by public tools: instructions (callgrind), allocations (memcheck) and
system calls (strace), each as the difference between two runs of different length, so that what a
process does once does not count."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from typing import NamedTuple

import provide
from measure import Clients, Server, progress, run_client, run_program

SHORT, LONG = 100, 500  # requests


class Tool(NamedTuple):
    """A tool that writes what it counted to a file."""

    command: Sequence[str]
    #: Finds the number in the file.
    pattern: str
    clients: Sequence[str] | None = None

    def read(self) -> float:
        text = FILE.read_text()
        found = re.search(self.pattern, text, re.MULTILINE)
        if found is None:
            raise SystemExit(f"bench: {self.command[0]}'s output lacks {self.pattern!r}")
        return float(found[1].replace(",", ""))


FILE = provide.OUT / "tool-output"
# Interpreters and Go's runtime are too much for valgrind.
NATIVE = [provide.FLOOR, provide.KOODRIVE_C, provide.SIGNED, provide.LIBCURL]
TOOLS = {
    "instructions": Tool(
        ["valgrind", "--tool=callgrind", f"--callgrind-out-file={FILE}"],
        r"^(?:summary|totals): (\d+)",
        NATIVE,
    ),
    "allocations": Tool(
        ["valgrind", "--leak-check=no", f"--log-file={FILE}"],
        r"total heap usage: ([\d,]+) allocs",
        NATIVE,
    ),
    "syscalls": Tool(
        ["strace", "-f", "-c", "-U", "calls,name", "-o", str(FILE)], r"^\s*(\d+) total"
    ),
}


def count(clients: Clients) -> dict[str, dict[str, float]]:
    """client -> what is counted -> how many a request."""
    results: dict[str, dict[str, float]] = {name: {} for name in clients}
    for what, tool in TOOLS.items():
        if not shutil.which(tool.command[0]):
            progress(f"{what} are left out: '{tool.command[0]}' was not found; please install it")
            continue
        progress(f"counting {what}")
        for name, command in clients.items():
            if tool.clients is None or name in tool.clients:
                results[name][what] = a_request(tool, command)
    if "instructions" in results[provide.KOODRIVE_C]:
        results[provide.KOODRIVE_C]["planning"] = planning(TOOLS["instructions"])
    return results


def a_request(tool: Tool, command: Sequence[str]) -> float:
    counted = []
    for requests in (SHORT, LONG):
        with Server() as port:
            run_client(command, port, tool.command, requests=requests)
        counted.append(tool.read())
    return (counted[1] - counted[0]) / (LONG - SHORT)


def planning(tool: Tool) -> float:
    """For the ids of one request, nothing sent."""
    counted = []
    for requests in (SHORT, LONG):
        run_program([*tool.command, *provide.PLANNING, "--ids", str(requests * 100)])
        counted.append(tool.read())
    return (counted[1] - counted[0]) / (LONG - SHORT)
