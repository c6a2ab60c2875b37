"""Writes to standard error what happens in a run: -v, -vv, --log-format."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import time
from collections.abc import Iterator
from typing import Callable

from koodrive._command.output import print_complaint

#: A record as a line.
_Form = Callable[[logging.LogRecord], str]

_FIELDS = (
    "kind",
    "http_status",
    "request_id",
    "elapsed_ms",
    "duration_ms",
    "scope_count",
    "attempt",
)

#: By how often -v was given.
_LEVELS = {1: logging.INFO, 2: logging.DEBUG}


@contextlib.contextmanager
def logged(verbosity: int, log_format: str) -> Iterator[None]:
    """Write what happens meanwhile."""
    if not verbosity:
        yield
        return
    logger = logging.getLogger("koodrive")
    before = logger.level
    handler = _Handler(_json if log_format == "json" else _text)
    logger.addHandler(handler)
    logger.setLevel(_LEVELS.get(verbosity, logging.DEBUG))
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


class _Handler(logging.Handler):
    def __init__(self, form: _Form) -> None:
        super().__init__()
        self._form = form

    def emit(self, record: logging.LogRecord) -> None:
        on_terminal = sys.stderr is not None and sys.stderr.isatty()
        # A bar is drawn again below it.
        clear = "\r\033[K" if on_terminal else ""
        print_complaint(clear + self._form(record))


def _time(record: logging.LogRecord) -> str:
    utc = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{utc}.{int(record.msecs):03}Z"


def _text(record: logging.LogRecord) -> str:
    request_id = getattr(record, "request_id", None)
    parts = [_time(record), f"{record.levelname:<7}", getattr(record, "kind", "-")]
    details = {
        "ids": getattr(record, "scope_count", 0),
        "attempt": getattr(record, "attempt", 0),
        "ms": getattr(record, "duration_ms", 0),
        "status": getattr(record, "http_status", None),
        "request": request_id,
    }
    shown = [f"{name}={value}" for name, value in details.items() if value]
    return " ".join([*parts, *shown, record.getMessage()])


def _json(record: logging.LogRecord) -> str:
    fields = {name: getattr(record, name, None) for name in _FIELDS}
    head = {"time": _time(record), "level": record.levelname, "message": record.getMessage()}
    return json.dumps({**head, **fields})
