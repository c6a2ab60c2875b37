"""Tells the logger "koodrive" what happens in a run."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from ctypes import byref
from typing import Any, Callable

from koodrive._handle import free_with
from koodrive._library import ErrorPointer, lib, text
from koodrive._monitor import Monitor

logger = logging.getLogger("koodrive")
_nobody = logging.NullHandler()
# Who configures no logging hears nothing.
logger.addHandler(_nobody)

#: So many events fit between two looks, which are a tenth of a second apart.
_CAPACITY = 10_000


#: Of the kinds that are told at another level than WARNING.
_LEVELS = {
    "REQUEST": logging.DEBUG,
    "RETRY": logging.DEBUG,
    "OUTAGE_ENDED": logging.INFO,
    "CLOCK_CORRECTED": logging.INFO,
}


@contextlib.contextmanager
def logging_of(monitor: Monitor) -> Iterator[Callable[[], object] | None]:
    """What to call now and then during a run, and at its end; None: nothing."""
    if not _is_heard():
        yield None
        return
    # If it watches another run, the run says so itself.
    is_ours = _keep(monitor, _CAPACITY)
    try:
        yield _Log(monitor) if is_ours else None
    finally:
        if is_ours:
            _keep(monitor, 0)


def _keep(monitor: Monitor, capacity: int) -> bool:
    """Let a monitor keep so many events; whether it does."""
    error = ErrorPointer()
    lib.koodrive_monitor_keep_events(monitor._handle, capacity, byref(error))
    if error:
        lib.koodrive_error_free(error)
    return not error


def _is_heard() -> bool:
    """Whether a handler listens to the logger. That of nobody does not count."""
    if not logger.isEnabledFor(logging.WARNING):
        return False
    place: logging.Logger | None = logger
    while place is not None:
        if any(not isinstance(handler, logging.NullHandler) for handler in place.handlers):
            return True
        place = place.parent if place.propagate else None
    return False


class _Log:
    """Logs what has happened since it was last called."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._dropped = 0

    def __call__(self) -> None:
        while event := lib.koodrive_monitor_next_event(self._monitor._handle):
            free = free_with(event, lib.koodrive_event_free)
            try:
                _log_event(event)
            finally:
                free()
        dropped: int = lib.koodrive_monitor_events_dropped(self._monitor._handle)
        if dropped > self._dropped:
            count = dropped - self._dropped
            _log(logging.WARNING, f"{count} events were dropped: they came too fast", {})
            self._dropped = dropped


def _log_event(event: Any) -> None:
    kind = text(lib.koodrive_event_kind_name(lib.koodrive_event_kind(event))) or ""
    level = _LEVELS.get(kind, logging.WARNING)
    if not logger.isEnabledFor(level):
        return
    fields = {
        "kind": kind,
        "user_id": text(lib.koodrive_event_user_id(event)),
        "device_id": text(lib.koodrive_event_device_id(event)),
        "first_scope_id": text(lib.koodrive_event_first_scope_id(event)),
        "request_id": text(lib.koodrive_event_request_id(event)),
        "http_status": lib.koodrive_event_http_status(event) or None,
        "elapsed_ms": lib.koodrive_event_elapsed_ms(event),
        "duration_ms": lib.koodrive_event_duration_ms(event),
        "scope_count": lib.koodrive_event_scope_count(event),
        "attempt": lib.koodrive_event_attempt(event),
        "rate": lib.koodrive_event_rate(event) or None,
    }
    _log(level, text(lib.koodrive_event_message(event)) or "", fields)


def _log(level: int, message: str, fields: dict[str, Any]) -> None:
    """Log, and say what keeps a handler from it as logging does: it must not end the run.

    What a signal handler raises comes to nobody here: a run holds it back until its end.
    """
    try:
        logger.log(level, "%s", message, extra=fields)
    except Exception:
        record = {"name": logger.name, "levelno": level, "msg": message, **fields}
        # Standard error may be closed.
        with contextlib.suppress(Exception):
            _nobody.handleError(logging.makeLogRecord(record))
