"""The examples that count what happens in runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import koodrive
from conftest import PATIENCE, REPOSITORY, Sandbox

PACKAGES = {
    "prometheus_metrics": "prometheus_client",
    "opentelemetry_metrics": "opentelemetry",
}


def figures(sandbox: Sandbox, example: str, exit_status: int) -> str:
    """What an example counts of a run."""
    pytest.importorskip(PACKAGES[example])
    program = REPOSITORY / "examples" / "python" / f"{example}.py"
    environment = {**sandbox.environment(), "PYTHONPATH": str(Path(koodrive.__file__).parents[1])}
    child = subprocess.run(
        [sys.executable, str(program), "phone", "1", "2"],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )
    assert child.returncode == exit_status
    return child.stdout


@pytest.mark.parametrize(
    ("example", "expected"),
    [
        (
            "prometheus_metrics",
            [
                'koodrive_request_seconds_count{status="500"} 1.0',
                'koodrive_events_total{kind="RETRY"} 1.0',
                "koodrive_run_done 2.0",
                "koodrive_run_requests_sent 2.0",
            ],
        ),
        (
            "opentelemetry_metrics",
            [
                '"koodrive.request.duration"',
                '"http.response.status_code": 500',
                '"kind": "RETRY"',
                '"koodrive.run.ids"',
                '"is": "retried"',
            ],
        ),
    ],
)
def test_metrics_are_of_events_and_counters(
    sandbox: Sandbox, example: str, expected: list[str]
) -> None:
    sandbox.set_faults({"match": {"count": 1}, "fault": {"status": {"status": 500}}})
    counted = figures(sandbox, example, exit_status=0)
    for text in expected:
        assert text in counted


@pytest.mark.parametrize(
    ("example", "expected"),
    [
        ("prometheus_metrics", 'koodrive_request_seconds_count{status="401"} 1.0'),
        ("opentelemetry_metrics", '"http.response.status_code": 401'),
    ],
)
def test_a_run_that_fails_has_metrics(sandbox: Sandbox, example: str, expected: str) -> None:
    sandbox.set_faults({"status": {"status": 401}})
    assert expected in figures(sandbox, example, exit_status=1)
