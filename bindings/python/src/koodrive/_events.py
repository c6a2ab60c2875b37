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
# Who configures no logging hears nothing.
logger.addHandler(logging.NullHandler())

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
    error = ErrorPointer()
    # If it watches another run, the run says so itself.
    lib.koodrive_monitor_keep_events(monitor._handle, _CAPACITY, byref(error))
    if error:
        lib.koodrive_error_free(error)
    try:
        yield lambda: _log_all(monitor)
    finally:
        dropped: int = lib.koodrive_monitor_events_dropped(monitor._handle)
        if dropped:
            logger.warning("%d events were dropped: they came too fast", dropped)


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


def _log_all(monitor: Monitor) -> None:
    while event := lib.koodrive_monitor_next_event(monitor._handle):
        free = free_with(event, lib.koodrive_event_free)
        try:
            _log(event)
        finally:
            free()


def _log(event: Any) -> None:
    kind = text(lib.koodrive_event_kind_name(lib.koodrive_event_kind(event))) or ""
    level = _LEVELS.get(kind, logging.WARNING)
    if not logger.isEnabledFor(level):
        return
    fields = {
        "kind": kind,
        "request_id": text(lib.koodrive_event_request_id(event)),
        "http_status": lib.koodrive_event_http_status(event) or None,
        "elapsed_ms": lib.koodrive_event_elapsed_ms(event),
        "duration_ms": lib.koodrive_event_duration_ms(event),
        "scope_count": lib.koodrive_event_scope_count(event),
        "attempt": lib.koodrive_event_attempt(event),
    }
    logger.log(level, "%s", text(lib.koodrive_event_message(event)), extra=fields)
