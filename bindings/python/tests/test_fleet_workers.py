"""How a job's workers are run, whatever one of them meets."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_fleet import rows_of, settings_for, table_of

from conftest import Sandbox, StartSandbox
from koodrive import InvalidArgument, fleet
from koodrive.fleet.__main__ import main
from koodrive.fleet._task import Task


@pytest.fixture
def work(tmp_path: Path) -> Path:
    return tmp_path / "work"


@pytest.fixture
def environment(start_sandbox: StartSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that accepts one request of this token, and refuses the next."""
    sandbox = start_sandbox(tokens=[{"value": "secret-token", "requests": 1}])
    sandbox.use(monkeypatch)


def test_a_damaged_unit_does_not_keep_others_from_their_run(sandbox: Sandbox, work: Path) -> None:
    fleet.prepare(table_of(*(("u", f"d{number}", "1") for number in range(5))), work, unit_size=1)
    damaged = work / "units" / f"{fleet.pending_units(work)[0]}.parquet"
    whole = damaged.read_bytes()
    damaged.write_bytes(b"")
    with pytest.raises(InvalidArgument, match="damaged"):
        fleet.processes(work, 2, settings=settings_for(sandbox))
    assert len(sandbox.ledger()) == 4
    damaged.write_bytes(whole)
    fleet.processes(work, 1, settings=settings_for(sandbox))
    assert [row[3] for row in rows_of(work)] == ["DELETED"] * 5


def test_there_may_be_too_many_workers(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("koodrive.fleet._processes.MOST_WORKERS", 60)
    fleet.prepare(table_of(("u", "d", "1")), work)
    with pytest.raises(InvalidArgument, match="at most 60"):
        fleet.processes(work, 61)


@pytest.mark.usefixtures("environment")
def test_a_shell_hears_why_nothing_runs(work: Path, capfd: pytest.CaptureFixture[str]) -> None:
    fleet.prepare(table_of(*(("u", f"d{number}", "1") for number in range(3))), work, unit_size=1)
    run = ["run", str(work), "--workers", "1"]
    for _ in range(2):  # The second has nothing to do with the token: the file is still there.
        assert main(run) == 3
        said = capfd.readouterr().err
        assert "UNAUTHORIZED" in said
        assert '"resume" removes it' in said
    assert main(["resume", str(work)]) == 0
    (work / "STOP").touch()
    assert main(run) == 3
    assert "does not say why" in capfd.readouterr().err


def test_a_shell_hears_what_is_unfinished(
    sandbox: Sandbox,
    work: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    sandbox.use(monkeypatch)
    monkeypatch.setenv("KOODRIVE_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("KOODRIVE_MAX_OUTAGE_MS", "0")
    sandbox.set_faults("lose_answer")
    fleet.prepare(table_of(("u", "d", "1")), work)
    run = ["run", str(work), "--workers", "1"]
    for _ in range(2):  # The second has nothing to run.
        assert main(run) == 3
        said = capfd.readouterr()
        assert "unfinished: 1 id\n" in said.out
        assert "resume" in said.err
    sandbox.set_faults()
    assert main(["resume", str(work)]) == 0
    assert main(run) == 0
    assert main(run) == 0


def test_workers_find_a_folder_that_is_named_relatively(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    fleet.prepare(table_of(("u", "d", "1")), "work")
    task = Task("work", 1, settings_for(sandbox), None, None)
    (tmp_path / "another").mkdir()
    monkeypatch.chdir(tmp_path / "another")
    result = task(*fleet.pending_units(tmp_path / "work"))
    assert result is not None
    assert result.tally == {"DELETED": 1}


def test_a_cluster_without_workers_is_named(work: Path) -> None:
    distributed = pytest.importorskip("distributed")
    fleet.prepare(table_of(("u", "d", "1")), work)
    options = {"n_workers": 0, "processes": False, "dashboard_address": None}
    with (
        distributed.LocalCluster(**options) as cluster,
        distributed.Client(cluster) as client,
        pytest.raises(InvalidArgument, match=r"no worker.*workers="),
    ):
        fleet.dask(client, work)
    with pytest.raises(InvalidArgument, match="each of 4 workers"):
        fleet.dask(None, work, workers=4, max_requests_per_second=3)
