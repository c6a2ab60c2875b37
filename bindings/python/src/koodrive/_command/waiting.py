"""Knows why a run waits."""

from __future__ import annotations

import logging
import math
import time
from collections import deque

from koodrive import Monitor

#: How long a run without a further cut of its rate counts as throttled, in seconds: by then the
#: rate has grown well beyond what was refused.
_THROTTLED = 60.0

#: Of how many seconds the rate is that a service allows.
_RECENT = 5.0

#: After how many seconds without an answer a service is called silent.
_SILENT = 5.0


class Waiting(logging.Handler):
    """Knows from the log of a run, and from its monitor, why it waits."""

    def __init__(self, monitor: Monitor) -> None:
        super().__init__()
        self._monitor = monitor
        self._down: tuple[float, str] | None = None
        #: When the rate was cut last, and since when it is what holds requests back.
        self._last_cut = self._limited_since = -math.inf
        #: When requests were let through lately.
        self._accepted: deque[float] = deque()
        #: How many requests have ended, when the last answer came, and whether the last had one.
        self._ended = 0
        self._heard = time.monotonic()
        self._was_answered = False

    def emit(self, record: logging.LogRecord) -> None:
        """Take note of a record of koodrive."""
        kind = getattr(record, "kind", None)
        now = time.monotonic()
        if kind == "REQUEST":
            self._request_ended(now, getattr(record, "http_status", None))
        elif kind == "THROTTLED":
            if not self._is_throttled(now):
                self._limited_since = now
            self._last_cut = now
        elif kind == "OUTAGE_BEGAN":
            self._down = now - getattr(record, "duration_ms", 0) / 1000, _cause(record)
        elif kind == "OUTAGE_ENDED":
            self._down = None
            self._limited_since = now

    def reason(self) -> str:
        """Why it waits, or nothing."""
        now = time.monotonic()
        if self._down is not None:
            since, cause = self._down
            return f"service down for {now - since:.0f} s: {cause}"
        # Who sends nothing need not be answered: it may pause, or write its journal.
        if self._was_answered and self._monitor.requests_sent <= self._ended:
            self._heard = now
        if now - self._heard >= _SILENT:
            return f"no answer for {now - self._heard:.0f} s"
        return self._rate(now) if self._is_throttled(now) else ""

    def _request_ended(self, now: float, status: int | None) -> None:
        self._ended += 1
        self._was_answered = status is not None
        if status is not None:
            self._heard = now
            if status != 429 and status < 500:
                self._accepted.append(now)
        self._forget(now)

    def _is_throttled(self, now: float) -> bool:
        return now - self._last_cut < _THROTTLED

    def _rate(self, now: float) -> str:
        """How many requests are let through, which changes from one cut to the next."""
        self._forget(now)
        since = max(self._limited_since, now - _RECENT)
        accepted = sum(1 for at in self._accepted if at >= since)
        if not accepted or now - since < 1:
            return "throttled"
        rate = accepted / (now - since)
        return f"throttled to {rate:.{0 if rate >= 10 else 1}f} requests/s"

    def _forget(self, now: float) -> None:
        while self._accepted and self._accepted[0] < now - _RECENT:
            self._accepted.popleft()


def _cause(record: logging.LogRecord) -> str:
    """Why the service is down. A status of success is that of a page that is no answer of it."""
    status = getattr(record, "http_status", None)
    if status and status >= 400:
        return f"HTTP {status}"
    return record.getMessage().partition(": ")[2]
