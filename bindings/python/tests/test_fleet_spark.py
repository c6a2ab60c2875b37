"""A job of koodrive.fleet on Spark: `make test-spark`, for it takes 445 MB and a JDK."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from fleet_ledger import check_against_ledger, existing_scopes, ids_of_users, kill_until_done

from conftest import StartSandbox
from koodrive import fleet

pytest.importorskip("pyspark")


def test_nothing_is_lost_whatever_is_killed(start_sandbox: StartSandbox, tmp_path: Path) -> None:
    table = ids_of_users()
    sandbox = start_sandbox(scopes={"users": existing_scopes(table)}, latency_ms=2)
    fleet.prepare(table, tmp_path / "work", unit_size=len(table) // 40)
    driver = [sys.executable, str(Path(__file__).with_name("fleet_spark.py")), "work"]
    kill_until_done(driver, tmp_path, sandbox, workers=b"pyspark.daemon")
    check_against_ledger(tmp_path / "work", table, sandbox)
