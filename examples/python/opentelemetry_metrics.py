"""Counts for OpenTelemetry what happens in runs: python opentelemetry_metrics.py DEVICE ID..."""

import logging
import sys
from collections.abc import Iterator

from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, PeriodicExportingMetricReader

import koodrive

provider = MeterProvider([PeriodicExportingMetricReader(ConsoleMetricExporter())])
metrics.set_meter_provider(provider)
meter = metrics.get_meter("koodrive")
durations = meter.create_histogram("koodrive.request.duration", "ms", "Requests")
events = meter.create_counter("koodrive.events", "1", "What else happened")
monitor = koodrive.Monitor()


def ids(_: metrics.CallbackOptions) -> Iterator[metrics.Observation]:
    yield metrics.Observation(monitor.done, {"is": "done"})
    yield metrics.Observation(monitor.total, {"is": "total"})


def requests(_: metrics.CallbackOptions) -> Iterator[metrics.Observation]:
    yield metrics.Observation(monitor.requests_sent, {"is": "sent"})
    yield metrics.Observation(monitor.retries, {"is": "retried"})
    yield metrics.Observation(monitor.throttles, {"is": "throttled"})


meter.create_observable_gauge("koodrive.run.ids", [ids], "1", "Of the latest run")
meter.create_observable_gauge("koodrive.run.requests", [requests], "1", "Of the latest run")


class Metrics(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        fields = vars(record)
        if fields.get("kind") == "REQUEST":
            status = fields["http_status"] or 0
            durations.record(fields["duration_ms"], {"http.response.status_code": status})
        elif "kind" in fields:
            events.add(1, {"kind": fields["kind"]})


logger = logging.getLogger("koodrive")
logger.addHandler(Metrics())
logger.setLevel(logging.DEBUG)
try:
    with koodrive.Client.from_env() as client:
        client.delete_scopes(sys.argv[1], sys.argv[2:], monitor=monitor)
finally:
    provider.shutdown()  # exports what there is
