"""Writes to standard error what happens in a run: -v, -vv, --log-format."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import sys
import time
from collections.abc import Iterator
from typing import Any, TextIO

from koodrive._command.output import print_complaint, shown

_LOGGER = logging.getLogger("koodrive")

_FIELDS = (
    "kind",
    "elapsed_ms",
    "user_id",
    "device_id",
    "first_scope_id",
    "scope_count",
    "attempt",
    "http_status",
    "duration_ms",
    "rate",
    "request_id",
)

#: By how often -v was given.
_LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)


@contextlib.contextmanager
def logged(verbosity: int, log_format: str) -> Iterator[None]:
    """Write what happens meanwhile; as JSON all that is written to standard error."""
    level = _LEVELS[min(verbosity, len(_LEVELS) - 1)]
    with contextlib.ExitStack() as stack:
        if log_format == "json" and sys.stderr is not None:
            json_lines = _JsonLines(sys.stderr)
            stack.enter_context(json_lines.instead_of_text())
            stack.enter_context(heard_by(json_lines, level))
        elif verbosity:
            stack.enter_context(heard_by(_Text(), level))
        yield


@contextlib.contextmanager
def heard_by(handler: logging.Handler, level: int) -> Iterator[None]:
    """A handler hears what is logged meanwhile, from a level on."""
    handler.setLevel(level)
    before = _LOGGER.level
    _LOGGER.addHandler(handler)
    _LOGGER.setLevel(min(level, _LOGGER.getEffectiveLevel()))
    try:
        yield
    finally:
        _LOGGER.removeHandler(handler)
        _LOGGER.setLevel(before)


class _Text(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        on_terminal = sys.stderr is not None and sys.stderr.isatty()
        # A bar is drawn again below it.
        clear = "\r\033[K" if on_terminal else ""
        head = f"{_time(record)} {record.levelname:<7}"
        fields = _fields(record)
        parts = [head, fields.pop("kind") or "-"]
        for name, value in fields.items():
            # At 0 ms may be when it happened; the other fields are not given then.
            if value or (name == "elapsed_ms" and value is not None):
                parts.append(f"{name}={value:.1f}" if name == "rate" else f"{name}={value}")
        print_complaint(clear + shown(" ".join([*parts, record.getMessage()])))


class _JsonLines(logging.Handler):
    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream

    def emit(self, record: logging.LogRecord) -> None:
        head = {"time": _time(record), "level": record.levelname, "message": record.getMessage()}
        # If nobody reads it, the exit status says what came of it.
        with contextlib.suppress(OSError):
            print(json.dumps({**head, **_fields(record)}), file=self._stream, flush=True)

    @contextlib.contextmanager
    def instead_of_text(self) -> Iterator[None]:
        """What is written to standard error meanwhile becomes a record, line by line."""
        lines = io.BufferedWriter(_Lines(self))
        stream = io.TextIOWrapper(lines, "utf-8", "backslashreplace", line_buffering=True)
        with stream, contextlib.redirect_stderr(stream):
            yield


class _Lines(io.RawIOBase):
    """Text on its way to standard error. It is no terminal: nobody draws or asks there."""

    def __init__(self, handler: _JsonLines) -> None:
        self._handler = handler
        self._line = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        *lines, self._line = (self._line + bytes(data)).split(b"\n")
        for line in lines:
            self._tell(line)
        return len(data)

    def close(self) -> None:
        line, self._line = self._line, b""
        self._tell(line)
        super().close()

    def _tell(self, line: bytes) -> None:
        message = line.decode().rstrip()
        if not message:
            return
        is_complaint = message.startswith("koodrive: ")
        level = logging.WARNING if is_complaint else logging.INFO
        fields = {"msg": message, "levelno": level, "levelname": logging.getLevelName(level)}
        self._handler.emit(logging.makeLogRecord(fields))


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    return {name: getattr(record, name, None) for name in _FIELDS}


def _time(record: logging.LogRecord) -> str:
    utc = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{utc}.{int(record.msecs):03}Z"
