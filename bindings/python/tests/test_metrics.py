"""The examples that count what happens in runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import koodrive
from conftest import PATIENCE, REPOSITORY, Sandbox


@pytest.mark.parametrize(
    ("example", "package", "expected"),
    [
        (
            "prometheus_metrics",
            "prometheus_client",
            [
                'koodrive_request_seconds_count{status="500"} 1.0',
                'koodrive_events_total{kind="RETRY"} 1.0',
            ],
        ),
        (
            "opentelemetry_metrics",
            "opentelemetry",
            ['"koodrive.request.duration"', '"http.response.status_code": 500', '"kind": "RETRY"'],
        ),
    ],
)
def test_metrics_count_requests_and_events(
    sandbox: Sandbox, example: str, package: str, expected: list[str]
) -> None:
    pytest.importorskip(package)
    sandbox.set_faults({"match": {"count": 1}, "fault": {"status": {"status": 500}}})
    program = REPOSITORY / "examples" / "python" / f"{example}.py"
    environment = {**sandbox.environment(), "PYTHONPATH": str(Path(koodrive.__file__).parents[1])}
    child = subprocess.run(
        [sys.executable, str(program), "phone", "1", "2"],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=True,
    )
    for text in expected:
        assert text in child.stdout
