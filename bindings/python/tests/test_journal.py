"""Runs that are written down and taken up."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import koodrive
from conftest import DEVICE, PATIENCE, USER, Sandbox, StartSandbox
from koodrive import Outcome

STOP = {"match": {"from": 1}, "fault": {"status": {"status": 401}}}


def test_a_run_is_taken_up(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.set_faults(STOP)
    with sandbox.client(max_connections=1) as client:
        with pytest.raises(koodrive.Unauthorized) as caught:
            client.delete_scopes(DEVICE, range(250), journal=tmp_path / "journal")
        assert caught.value.report is not None
        assert len(caught.value.report.deleted) == 100
        sandbox.set_faults()
        for requests in [2, 0]:
            report = client.delete_scopes(DEVICE, range(250), journal=tmp_path / "journal")
            assert report.deleted == [*map(str, range(250))]
            assert report.request_count == requests
    assert sandbox.totals()["deleted"] == 250


@pytest.mark.parametrize("kind", [str, bytes, Path])
def test_paths_of_all_kinds(sandbox: Sandbox, tmp_path: Path, kind: Any) -> None:
    path = str(tmp_path / "journ\u00e4l")
    with sandbox.client() as client:
        client.delete_scopes(DEVICE, ["1"], journal=path.encode() if kind is bytes else kind(path))
    assert Path(path).read_text().startswith('{"koodrive_journal":1,')


def test_files_that_can_not_be_used(sandbox: Sandbox, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.write_text("my notes\n")
    cases: list[tuple[str | Path, str]] = [
        (notes, "no journal"),
        (tmp_path, "directory"),
        (tmp_path / "none" / "journal", "No such file"),
        ("", "journal_path: must not be empty"),
        ("a\0b", "journal: must not hold U\\+0000"),
    ]
    with sandbox.client() as client:
        for journal, words in cases:
            with pytest.raises(koodrive.InvalidArgument, match=words):
                client.delete_scopes(DEVICE, ["1"], journal=journal)
        with pytest.raises(
            TypeError, match=r"journal: must be a str, bytes or os\.PathLike, not int"
        ):
            client.delete_scopes(DEVICE, ["1"], journal=3)  # type: ignore[arg-type]
        client.delete_scopes(DEVICE, ["1"], journal=tmp_path / "journal")
        with pytest.raises(koodrive.InvalidArgument, match="of another plan"):
            client.delete_scopes(DEVICE, ["2"], journal=tmp_path / "journal")
    assert notes.read_text() == "my notes\n"
    assert sandbox.totals()["requests"] == 1


def test_a_journal_that_is_deleted_in_mid_run(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    sandbox.set_faults({"latency_ms": 20})

    def remove(done: int, _: int) -> None:
        if done > 0:
            path.unlink(missing_ok=True)

    with (
        sandbox.client(max_connections=1) as client,
        pytest.raises(koodrive.JournalError) as caught,
    ):
        client.delete_scopes(DEVICE, range(10_000), journal=path, progress=remove)
    assert isinstance(caught.value, OSError)
    assert caught.value.report is not None
    assert len(caught.value.report.deleted) == sandbox.totals()["deleted"] < 10_000


KILLED = """\
import sys
import koodrive

with koodrive.Client.from_env() as client:
    report = client.delete_scopes("d", range(3_000), journal=sys.argv[1])
print(*(scope.outcome.name for scope in report))
"""


def test_a_process_that_is_killed_again_and_again(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    """Its last report tells no lie of any of its runs."""
    odd = [*map(str, range(1, 3_000, 2))]
    sandbox = start_sandbox(scopes={"users": {USER: {"d": odd}}})
    # So slow that it is never done before it is killed.
    sandbox.set_faults({"latency_ms": 200})
    script = [sys.executable, "-c", KILLED, str(tmp_path / "journal")]
    environment = {**sandbox.environment(), "PYTHONPATH": str(Path(koodrive.__file__).parents[1])}
    for kills in range(6):
        requests = sandbox.totals()["requests"]
        with subprocess.Popen(script, env=environment, stdout=subprocess.PIPE) as child:
            sandbox.wait_for_requests(requests + 1 + kills % 3)
            child.send_signal(signal.SIGKILL)
            child.communicate(timeout=PATIENCE)
    ended = subprocess.run(
        script, env=environment, stdout=subprocess.PIPE, encoding="utf-8", check=True
    )
    outcomes = [Outcome[name] for name in ended.stdout.split()]
    assert len(outcomes) == 3_000
    assert set(outcomes[1::2]) <= {Outcome.DELETED, Outcome.GONE}
    assert set(outcomes[0::2]) <= {Outcome.NOT_FOUND, Outcome.GONE}
    assert Outcome.DELETED in outcomes
    assert sandbox.totals()["deleted"] == 1_500
