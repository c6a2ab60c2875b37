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
from koodrive._handle import Unique, free_with
from koodrive._library import ErrorPointer, lib


class _Content:
    """How much of what the library's plan holds was really added.

    A signal handler may raise after the library has added ids and before add() has returned. Then
    the content is marked as undone, in one step that nothing can interrupt, and the ids are taken
    back when the plan is used next.
    """

    def __init__(self, count: int, chunks: int, before: _Content | None) -> None:
        self.count = count
        #: How many texts of lines they came in.
        self.chunks = chunks
        self.before = before
        self.undone = False

    def settled(self) -> _Content:
        """The latest content that is not undone."""
        content = self
        while content.undone and content.before is not None:
            content = content.before
        return content


class Plan(Unique):
    """Scope ids of any number of devices and users, in the order in which they are added.

    The report of a run has the same order. A plan may be run more than once, and added to after a
    run, but while a run uses it only its length can be read: all else raises RuntimeError. It can't
    be copied or pickled.

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
        free_with(handle, lib.koodrive_plan_free)
        self._handle = handle
        # The ids as they were added, one a line, for the list that a report makes of them; None if
        # only the library knows them.
        self._lines = lines
        self._content = _Content(lib.koodrive_plan_scope_count(handle), 0, None)
        self._lock = threading.RLock()
        self._running = False

    def add(self, device_id: Id, scope_ids: Iterable[Id], *, user_id: Id | None = None) -> None:
        """Add scope ids of one device; without a user id, the device of the client's user.

        Ids are str or integers. Raises TypeError for anything else, and InvalidArgument, a
        ValueError, for an id that breaks its rule: 1 to 128 visible ASCII characters, and not
        plainly a damaged number such as "1.8e18". An add that raises adds nothing, whatever it
        raises: also what a signal handler does.
        """
        added = _Content(0, 0, None)
        try:
            ids = _arguments.id_list(scope_ids)
            lines = _arguments.lines_of(ids)
            try:
                self._add(added, device_id, lines, len(ids), user_id)
            except InvalidArgument:
                # The library can tell only that the count is wrong.
                _arguments.refuse_line_feeds(ids)
                raise
        except BaseException:
            added.undone = True
            raise

    def add_lines(self, device_id: Id, text: str | bytes, *, user_id: Id | None = None) -> None:
        r"""Add scope ids that stand one a line in a text, such as a whole file.

        Lines end with a line feed, the last one may do without. The rest is as for add().

        >>> plan = Plan()
        >>> plan.add_lines("phone", "123\n345\n")
        >>> len(plan)
        2
        """
        added = _Content(0, 0, None)
        try:
            # A count of 0 is not checked.
            self._add(added, device_id, _arguments.encode_lines(text), 0, user_id)
        except BaseException:
            added.undone = True
            raise

    def _add(
        self, added: _Content, device_id: Id, lines: bytes, count: int, user_id: Id | None
    ) -> None:
        user = None if user_id is None else _arguments.encode_id("user_id", user_id)
        device = _arguments.encode_id("device_id", device_id)
        error = ErrorPointer()
        with self._unused() as handle:
            status = lib.koodrive_plan_add_lines(
                handle, user, device, lines, len(lines), count, byref(error)
            )
            check(status, error)
            if self._lines is not None and lines:
                self._lines.append(lines)
            added.count = lib.koodrive_plan_scope_count(handle)
            added.chunks = len(self._lines or ())
            added.before = self._content
            self._content = added

    def mark_tried(self) -> None:
        """Say that a run whose report is lost may have deleted any of the ids held by now.

        Each of them ends as DELETED, GONE or UNKNOWN, and none as NOT_FOUND. The plan of
        `Report.unfinished` knows this of its ids by itself.

        >>> plan = Plan()
        >>> plan.add("phone", ["123", "345"])
        >>> plan.mark_tried()
        """
        error = ErrorPointer()
        with self._unused() as handle:
            check(lib.koodrive_plan_mark_tried(handle, byref(error)), error)

    @property
    def request_count(self) -> int:
        """How many requests a run takes if no id is repeated and no request tried twice."""
        with self._unused() as handle:
            count: int = lib.koodrive_plan_request_count(handle)
            return count

    def __len__(self) -> int:
        return self._content.settled().count

    def __repr__(self) -> str:
        return f"<koodrive.Plan {len(self)} ids>"

    @contextlib.contextmanager
    def _unused(self) -> Iterator[Any]:
        """The library's plan, for one thread at a time, without what was undone."""
        with self._lock:
            if self._running:
                raise RuntimeError("plan: a run uses it; wait until the run has ended")
            self._take_back()
            yield self._handle

    def _take_back(self) -> None:
        """Drop what was undone. Whatever interrupts this, it is done again the next time."""
        content = self._content.settled()
        if lib.koodrive_plan_scope_count(self._handle) > content.count:
            error = ErrorPointer()
            check(lib.koodrive_plan_truncate(self._handle, content.count, byref(error)), error)
        if self._lines is not None:
            del self._lines[content.chunks :]
        self._content = content
        content.before = None

    @contextlib.contextmanager
    def _in_a_run(self) -> Iterator[Any]:
        """The library's plan, for the length of a run."""
        with self._unused() as handle:
            self._running = True
        try:
            yield handle
        finally:
            self._running = False
