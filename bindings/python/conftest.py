"""What all tests share: sandboxes, and clients for them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
_TARGET = REPOSITORY / os.environ.get("CARGO_TARGET_DIR", "target")
_PROGRAM = os.environ.get("KOODRIVE_SANDBOX", str(_TARGET / "debug" / "koodrive-sandbox"))
os.environ.setdefault("KOODRIVE_LIBRARY", str(_TARGET / "release" / "libkoodrive.so"))

if TYPE_CHECKING:
    import koodrive

# A shell that starts this in the background has it ignored, and so would all programs started here.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

USER = "1505084218764547200"
DEVICE = "1842812272691451648"
#: How long a test waits for what must come, on a busy machine.
PATIENCE = 60.0


@dataclass
class Sandbox:
    """A running koodrive-sandbox."""

    url: str

    def client(self, **settings: Any) -> koodrive.Client:
        import koodrive

        chosen = {"user_id": USER, "access_token": "secret-token", **settings}
        return koodrive.Client(self.url, **chosen)

    def environment(self) -> dict[str, str]:
        """This process's environment, with the settings of a client for the sandbox."""
        settings = {
            "KOODRIVE_ENDPOINT": self.url,
            "KOODRIVE_USER_ID": USER,
            "KOODRIVE_ACCESS_TOKEN": "secret-token",
        }
        return {**os.environ, **settings}

    def use(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let clients of this process's environment ask the sandbox."""
        for name, value in self.environment().items():
            monkeypatch.setenv(name, value)

    def ledger(self) -> list[dict[str, Any]]:
        """The requests that arrived."""
        requests: list[dict[str, Any]] = self._ask("ledger")["requests"]
        return requests

    def totals(self) -> dict[str, int]:
        totals: dict[str, int] = self._ask("ledger?summary=1")["totals"]
        return totals

    def set_faults(self, *faults: Any) -> None:
        """Each a fault for every request, or a rule of its own."""
        rules = [rule if "fault" in rule else {"fault": rule} for rule in faults]
        self._ask("faults", json.dumps(rules).encode())

    def wait_for_requests(self, count: int) -> None:
        deadline = time.monotonic() + PATIENCE
        while self.totals()["requests"] < count:
            assert time.monotonic() < deadline, f"{count} requests never came"
            time.sleep(0.01)

    def _ask(self, path: str, body: bytes | None = None) -> Any:
        with urllib.request.urlopen(f"{self.url}/sandbox/{path}", body, PATIENCE) as response:
            return json.loads(response.read() or "null")


StartSandbox = Callable[..., Sandbox]


@contextlib.contextmanager
def _running(*arguments: str) -> Iterator[Sandbox]:
    command = [_PROGRAM, "--until-stdin-closes", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url, "the sandbox did not start; it said why on its standard error"
        yield Sandbox(url)


@pytest.fixture
def start_sandbox(tmp_path: Path) -> Iterator[StartSandbox]:
    """Start sandboxes, with options of --options if given as keywords."""
    with contextlib.ExitStack() as sandboxes:

        def start(*arguments: str, **options: Any) -> Sandbox:
            if options:
                file = tmp_path / "options.json"
                file.write_text(json.dumps(options))
                arguments = ("--options", str(file), *arguments)
            return sandboxes.enter_context(_running(*arguments))

        yield start


@pytest.fixture
def sandbox(start_sandbox: StartSandbox) -> Sandbox:
    """A sandbox in which every id exists until it has been deleted."""
    return start_sandbox()


@pytest.fixture(autouse=True)
def _doctest_sandbox(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    doctest_namespace: dict[str, Any],
) -> None:
    """The examples in docstrings find a sandbox in the environment."""
    if isinstance(request.node, pytest.DoctestItem):
        import koodrive

        doctest_namespace["koodrive"] = koodrive
        for name, value in request.getfixturevalue("sandbox").environment().items():
            monkeypatch.setenv(name, value)
