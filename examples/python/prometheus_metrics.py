"""Counts for Prometheus what happens in runs: python prometheus_metrics.py DEVICE ID..."""

import logging
import sys
from functools import partial

from prometheus_client import Counter, Gauge, Histogram, generate_latest

import koodrive

SECONDS = Histogram("koodrive_request_seconds", "Requests, by HTTP status", ["status"])
EVENTS = Counter("koodrive_events", "What else happened, by kind", ["kind"])
monitor = koodrive.Monitor()
for name in ("done", "total", "requests_sent", "retries", "throttles"):
    gauge = Gauge(f"koodrive_run_{name}", f"Monitor.{name} of the latest run")
    gauge.set_function(partial(getattr, monitor, name))


class Metrics(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        fields = vars(record)
        if fields.get("kind") == "REQUEST":
            SECONDS.labels(fields["http_status"] or "none").observe(fields["duration_ms"] / 1000)
        elif "kind" in fields:
            EVENTS.labels(fields["kind"]).inc()


logger = logging.getLogger("koodrive")
logger.addHandler(Metrics())
logger.setLevel(logging.DEBUG)
try:
    with koodrive.Client.from_env() as client:
        client.delete_scopes(sys.argv[1], sys.argv[2:], monitor=monitor)
finally:
    print(generate_latest().decode())  # a service would start_http_server(8000) instead
