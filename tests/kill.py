#!/usr/bin/env python3
"""Kills the complete examples at random moments and runs them again, until they are done.

kill.py KILLS PROGRAM...: each program deletes the same ids with a journal, against a sandbox of its own. In
the end its report must agree with the sandbox's ledger, and nothing may have been sent again that had its
outcome in the journal. Prints the seed, which the environment's SEED repeats.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

USER, DEVICE = "u", "d"
IDS = [str(number) for number in range(1, 6_001)]
EXISTING = set(IDS[::2])
FINAL = {"DELETED", "NOT_FOUND", "GONE"}


class Sandbox:
    """Half of the ids exist; answers take a moment."""

    def __init__(self, folder: Path) -> None:
        scopes = folder / "scopes.json"
        scopes.write_text(json.dumps({"users": {USER: {DEVICE: sorted(EXISTING)}}}))
        command = [os.environ["KOODRIVE_SANDBOX"], "--scopes", str(scopes), "--latency-ms", "3"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()

    def requests(self) -> list[Any]:
        with urllib.request.urlopen(f"{self.url}/sandbox/ledger") as response:
            return json.load(response)["requests"]

    def end(self) -> None:
        self._process.terminate()
        self._process.communicate()


def final_ids(journal: Path) -> set[str]:
    """The ids that have their outcome in a journal, as far as its lines are whole."""
    final: set[str] = set()
    for line in journal.read_bytes().split(b"\n")[:-1] if journal.exists() else []:
        event = json.loads(line)
        for group in event.get("outcomes", []):
            if group["outcome"] in FINAL:
                for first, last in group["positions"]:
                    final.update(IDS[first : last + 1])
    return final


def torture(program: str, kills: int, chance: random.Random, folder: Path) -> int:
    """How often the program was killed before it was done."""
    journal, ids = folder / "journal", folder / "ids"
    journal.unlink(missing_ok=True)
    ids.write_text("".join(f"{one}\n" for one in IDS))
    sandbox = Sandbox(folder)
    command = [program, "--user", USER, "--device", DEVICE, "--journal", str(journal)]
    command += ["--file", str(ids)]
    environment = {
        **os.environ,
        "KOODRIVE_ENDPOINT": sandbox.url,
        "KOODRIVE_ACCESS_TOKEN": "t",
        "KOODRIVE_MAX_CONNECTIONS": str(chance.choice([1, 4])),
    }
    done = 0
    try:
        for number in range(kills + 1):
            final, sent = final_ids(journal), len(sandbox.requests())
            process = subprocess.Popen(
                command, env=environment, stdout=subprocess.PIPE, text=True, stderr=subprocess.PIPE
            )
            killed = number < kills
            if killed:
                time.sleep(chance.uniform(0, 0.2))
                process.send_signal(signal.SIGKILL)
            output, complaints = process.communicate()
            again = {one for each in sandbox.requests()[sent:] for one in each["ids"]}
            assert not again & final, f"sent again: {sorted(again & final)[:5]}"
            if process.returncode != -signal.SIGKILL:
                assert process.returncode == 0, complaints
                break
            done += 1
        outcomes = {line.split()[0]: line.split()[1] for line in output.splitlines()[:-1]}
        assert outcomes.keys() == set(IDS)
        deleted = {one for each in sandbox.requests() for one in each["deleted"]}
        assert deleted == EXISTING
        for one, outcome in outcomes.items():
            lawful = {"DELETED", "GONE"} if one in EXISTING else {"NOT_FOUND", "GONE"}
            assert outcome in lawful, f"{one} is {outcome}"
    finally:
        sandbox.end()
    return done


def main() -> None:
    kills, programs = int(sys.argv[1]), sys.argv[2:]
    seed = int(os.environ.get("SEED", random.randrange(10**6)))
    print(f"seed {seed}")
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        for program in programs:
            killed = runs = 0
            while killed < kills:
                killed += torture(program, min(12, kills - killed), chance, Path(folder))
                runs += 1
            print(f"{Path(program).name}: killed {killed} times in {runs} runs, no lie")


main()
