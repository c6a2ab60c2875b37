"""What to delete."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Iterator
from ctypes import byref
from typing import Any

from koodrive import _arguments
from koodrive._arguments import Id
from koodrive._errors import InvalidArgument, check
from koodrive._handle import free_with
from koodrive._library import ErrorPointer, lib


class Plan:
    """Scope ids of any number of devices and users, in the order in which they are added.

    The report of a run has the same order. A plan may be run more than once, and added to after a
    run, but while a run uses it only its length can be read: all else raises RuntimeError.

    >>> plan = Plan()
    >>> plan.add("phone", ["123", "345"], user_id="1505084218764547200")
    >>> plan.add("tablet", range(1000, 1150), user_id="1505084218764547200")
    >>> len(plan), plan.request_count
    (152, 3)
    """

    def __init__(self) -> None:
        self._own(lib.koodrive_plan_new(), lines=[])

    @classmethod
    def _adopt(cls, handle: Any) -> Plan:
        """Make a plan of one that the library made."""
        plan = cls.__new__(cls)
        plan._own(handle, lines=None)
        return plan

    def _own(self, handle: Any, lines: list[bytes] | None) -> None:
        free_with(self, lib.koodrive_plan_free, handle)
        self._handle = handle
        # The ids as they were added, one a line, for the list that a report makes of them; None if
        # only the library knows them.
        self._lines = lines
        self._count: int = lib.koodrive_plan_scope_count(handle)
        self._lock = threading.RLock()
        self._running = False

    def add(self, device_id: Id, scope_ids: Iterable[Id], *, user_id: Id | None = None) -> None:
        """Add scope ids of one device; without a user id, the device of the client's user.

        Ids are str or integers. Raises TypeError for anything else, and InvalidArgument, a
        ValueError, for an id that breaks its rule: 1 to 128 visible ASCII characters, and not
        plainly a damaged number such as "1.8e18". An error adds nothing.
        """
        ids = _arguments.id_list(scope_ids)
        lines = _arguments.lines_of(ids)
        try:
            self._add(device_id, lines, len(ids), user_id)
        except InvalidArgument:
            _arguments.refuse_line_feeds(ids)  # The library can tell only that the count is wrong.
            raise

    def add_lines(self, device_id: Id, text: str | bytes, *, user_id: Id | None = None) -> None:
        r"""Add scope ids that stand one a line in a text, such as a whole file.

        Lines end with a line feed, the last one may do without. The rest is as for add().

        >>> plan = Plan()
        >>> plan.add_lines("phone", "123\n345\n")
        >>> len(plan)
        2
        """
        # A count of 0 is not checked.
        self._add(device_id, _arguments.encode_lines(text), 0, user_id)

    def _add(self, device_id: Id, lines: bytes, count: int, user_id: Id | None) -> None:
        user = None if user_id is None else _arguments.encode_id("user_id", user_id)
        device = _arguments.encode_id("device_id", device_id)
        error = ErrorPointer()
        with self._unused() as handle:
            status = lib.koodrive_plan_add_lines(
                handle, user, device, lines, len(lines), count, byref(error)
            )
            check(status, error)
            self._count = lib.koodrive_plan_scope_count(handle)
            if self._lines is not None and lines:
                self._lines.append(lines)

    @property
    def request_count(self) -> int:
        """How many requests a run takes if no id is repeated and no request tried twice."""
        with self._unused() as handle:
            count: int = lib.koodrive_plan_request_count(handle)
            return count

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        return f"<koodrive.Plan {len(self)} ids>"

    @contextlib.contextmanager
    def _unused(self) -> Iterator[Any]:
        """The library's plan, for one thread at a time."""
        with self._lock:
            if self._running:
                raise RuntimeError("plan: a run uses it; wait until the run has ended")
            yield self._handle

    @contextlib.contextmanager
    def _in_a_run(self) -> Iterator[Any]:
        """The library's plan, for the length of a run."""
        with self._unused() as handle:
            self._running = True
        try:
            yield handle
        finally:
            self._running = False
