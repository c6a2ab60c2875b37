"""What to delete."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Iterable, Iterator
from ctypes import byref
from typing import Any, NamedTuple

from koodrive import _arguments, _arrow
from koodrive._arguments import Id
from koodrive._arrow import SupportsArrowStream
from koodrive._errors import InvalidArgument, check
from koodrive._handle import Unique, free_with
from koodrive._library import ErrorPointer, lib
from koodrive._listing import Scope


class _Section(NamedTuple):
    """Ids of one device, as the library takes them."""

    user_id: bytes | None
    device_id: bytes
    lines: bytes
    id_count: int


class _Addition:
    """A call that adds.

    A signal handler may raise after the library has added ids and before the call has returned.
    Then the addition is marked as undone, in one step that nothing can interrupt, and the ids are
    taken back when the plan is used next.
    """

    undone = False


class _Content:
    """How much of what the library's plan holds was really added."""

    def __init__(
        self, count: int, chunks: int, addition: _Addition, before: _Content | None
    ) -> None:
        self.count = count
        #: How many texts of lines they came in.
        self.chunks = chunks
        self.addition = addition
        self.before = before

    def settled(self) -> _Content:
        """The latest content that is not undone."""
        content = self
        while content.addition.undone and content.before is not None:
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
        self._content = _Content(lib.koodrive_plan_scope_count(handle), 0, _Addition(), None)
        self._lock = threading.RLock()
        self._running = False

    def add(self, device_id: Id, scope_ids: Iterable[Id], *, user_id: Id | None = None) -> None:
        """Add scope ids of one device; without a user id, the device of the client's user.

        Ids are str or integers. Raises TypeError for anything else, and InvalidArgument, a
        ValueError, for an id that breaks its rule: 1 to 128 visible ASCII characters, and not
        plainly a damaged number such as "1.8e18". An add that raises adds nothing, whatever it
        raises: also what a signal handler does.
        """
        addition = _Addition()
        try:
            ids = _arguments.id_list(scope_ids)
            section = _section(user_id, device_id, ids)
            try:
                self._add(addition, section)
            except InvalidArgument:
                # The library can tell only that the count is wrong.
                _arguments.refuse_line_feeds(ids)
                raise
        except BaseException:
            addition.undone = True
            raise

    def add_lines(self, device_id: Id, text: str | bytes, *, user_id: Id | None = None) -> None:
        r"""Add scope ids that stand one a line in a text, such as a whole file.

        Lines end with a line feed, the last one may do without. The rest is as for add().

        >>> plan = Plan()
        >>> plan.add_lines("phone", "123\n345\n")
        >>> len(plan)
        2
        """
        addition = _Addition()
        try:
            lines = _arguments.encode_lines(text)
            # A count of 0 is not checked.
            self._add(addition, _Section(*_owner(user_id, device_id), lines, 0))
        except BaseException:
            addition.undone = True
            raise

    def add_scopes(self, scopes: Iterable[Scope]) -> None:
        """Add scopes that Client.scopes() listed: all of them, or those that you choose.

        Each is added for its own user and device, whoever runs the plan. The rest is as for add().

        >>> with koodrive.Client.from_env() as client:
        ...     albums = client.scopes("1842812272691451648", koodrive.Module.ALBUMS)
        >>> plan = Plan()
        >>> plan.add_scopes(scope for scope in albums if scope.local_path != "/DCIM/Camera")
        """
        addition = _Addition()
        try:
            groups = itertools.groupby(_arguments.scope_list(scopes), key=_whose)
            self._add(
                addition,
                *(_section(*whose, [scope.scope_id for scope in group]) for whose, group in groups),
            )
        except BaseException:
            addition.undone = True
            raise

    def add_table(self, table: SupportsArrowStream) -> None:
        """Add the rows of a table that exports Arrow streams: pyarrow, polars, pandas, DuckDB.

        Its columns are found by their names. "scope_id" and "device_id" must be there. "user_id"
        may be missing, or null in some rows: the client's user. "tried", booleans, may be missing:
        true says of an id what mark_tried() says. Other columns are ignored. Ids are texts,
        integers, or categories of these. Raises InvalidArgument, a ValueError that names the
        column and the row, counted from 0, for floats, decimals, missing ids, ids that add()
        refuses, and names that are nearly right, such as "userId"; and TypeError for what is no
        table. The rest is as for add().

        >>> import pyarrow
        >>> plan = Plan()
        >>> table = pyarrow.table({"device_id": ["phone", "tablet"], "scope_id": [123, 345]})
        >>> plan.add_table(table)
        >>> len(plan), plan.request_count
        (2, 2)
        """
        addition = _Addition()
        error = ErrorPointer()
        try:
            capsule = _arrow.capsule_of(table)
            stream = _arrow.stream_in(capsule)
            with self._unused() as handle:
                check(lib.koodrive_plan_add_arrow(handle, stream, byref(error)), error)
                # Only the library knows these ids.
                self._lines = None
                self._note(addition, handle)
        except BaseException:
            addition.undone = True
            raise

    def _add(self, addition: _Addition, *sections: _Section) -> None:
        error = ErrorPointer()
        with self._unused() as handle:
            texts = []
            for user, device, lines, count in sections:
                status = lib.koodrive_plan_add_lines(
                    handle, user, device, lines, len(lines), count, byref(error)
                )
                check(status, error)
                texts += [lines] if lines else []
            if self._lines is not None:
                self._lines += texts
            self._note(addition, handle)

    def _note(self, addition: _Addition, handle: Any) -> None:
        held = lib.koodrive_plan_scope_count(handle)
        chunks = len(self._lines or ())
        self._content = _Content(held, chunks, addition, before=self._content)

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


def _whose(scope: Scope) -> tuple[str, str]:
    return scope.user_id, scope.device_id


def _owner(user_id: Id | None, device_id: Id) -> tuple[bytes | None, bytes]:
    """A user and a device as the library takes them."""
    user = None if user_id is None else _arguments.encode_id("user_id", user_id)
    return user, _arguments.encode_id("device_id", device_id)


def _section(user_id: Id | None, device_id: Id, ids: list[Id]) -> _Section:
    return _Section(*_owner(user_id, device_id), _arguments.lines_of(ids), len(ids))
