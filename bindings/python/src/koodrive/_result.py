"""The outcomes of a run as the library holds them, and as a report that was pickled does."""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Iterator, Sequence
from ctypes import byref, c_size_t
from typing import Any, Callable, NamedTuple

from koodrive import _arrow
from koodrive._codes import Outcome
from koodrive._handle import free_with
from koodrive._library import lib, text
from koodrive._plan import Plan

#: The columns of koodrive_result_to_arrow(), and whether they have nulls.
_COLUMNS = {
    "user_id": False,
    "device_id": False,
    "scope_id": False,
    "outcome": False,
    "service_code": True,
    "message": True,
}


class ScopeOutcome(NamedTuple):
    """What became of one scope id.

    Attributes:
        scope_id: The id.
        device_id: Its device.
        user_id: Its user: of an id that was added without one, the client's.
        outcome: What became of it.
        service_code: The service's code for it, such as "15000418"; None where it named none.
        message: Why, in words; None where there is nothing to say.
    """

    scope_id: str
    device_id: str
    user_id: str
    outcome: Outcome
    service_code: str | None
    message: str | None


class LibraryResult:
    """A result of the library."""

    def __init__(self, handle: Any, lines: Sequence[bytes] | None) -> None:
        free_with(handle, lib.koodrive_result_free)
        self._handle = handle
        self._lines = lines
        self._count: int = lib.koodrive_result_count(handle)
        self.request_count: int = lib.koodrive_result_request_count(handle)

    def outcomes(self) -> bytes:
        """The outcomes' numbers, four bytes each."""
        # A copy: a view of the library's memory could outlive it.
        column = lib.koodrive_result_outcomes(self._handle)
        return ctypes.string_at(column, 4 * self._count) if self._count else b""

    def scope_ids(self) -> list[str]:
        """The ids."""
        if self._lines:
            lines = b"\n".join(text.removesuffix(b"\n") for text in self._lines)
            return lines.decode().split("\n")
        handles = itertools.repeat(self._handle, self._count)
        pointed: Iterator[bytes] = map(lib.koodrive_result_scope_id, handles, range(self._count))
        return [scope_id.decode() for scope_id in pointed]

    def tally(self, outcome: Outcome) -> int:
        """How many ids have this outcome."""
        count: int = lib.koodrive_result_tally(self._handle, outcome)
        return count

    def scope(self, index: int, outcome: Outcome) -> ScopeOutcome:
        """What became of one id."""
        handle = self._handle
        return ScopeOutcome(
            lib.koodrive_result_scope_id(handle, index).decode(),
            lib.koodrive_result_device_id(handle, index).decode(),
            lib.koodrive_result_user_id(handle, index).decode(),
            outcome,
            text(lib.koodrive_result_service_code(handle, index)),
            text(lib.koodrive_result_message(handle, index)),
        )

    def arrow_stream(self) -> Any:
        """All of it as a capsule of a stream."""
        return _arrow.new_capsule(lib.koodrive_result_to_arrow, self._handle)

    def failures(self) -> Iterator[int]:
        """Where ids stand that may still exist."""
        return self._steps(lib.koodrive_result_next_failure)

    def unfinished(self) -> Iterator[int]:
        """Where ids stand that a next run should take up."""
        return self._steps(lib.koodrive_result_next_unfinished)

    def unfinished_plan(self) -> Plan:
        """The same as a plan."""
        return Plan._adopt(lib.koodrive_result_unfinished(self._handle))

    def _steps(self, step: Callable[..., bool]) -> Iterator[int]:
        cursor, index = c_size_t(), c_size_t()
        while step(self._handle, byref(cursor), byref(index)):
            yield index.value


class StoredResult(NamedTuple):
    """All that a result of the library says, in values that can be pickled."""

    scopes: list[ScopeOutcome]
    failed: list[int]
    left: list[int]
    request_count: int

    def outcomes(self) -> bytes:
        """The outcomes' numbers, four bytes each."""
        numbers = (ctypes.c_int32 * len(self.scopes))(*(each.outcome for each in self.scopes))
        return bytes(numbers)

    def scope_ids(self) -> list[str]:
        """The ids."""
        return [each.scope_id for each in self.scopes]

    def tally(self, outcome: Outcome) -> int:
        """How many ids have this outcome."""
        return sum(each.outcome == outcome for each in self.scopes)

    def scope(self, index: int, _: Outcome) -> ScopeOutcome:
        """What became of one id."""
        return self.scopes[index]

    def arrow_stream(self) -> Any:
        """All of it as a capsule of a stream."""
        import pyarrow

        rows = [{**one._asdict(), "outcome": one.outcome.name} for one in self.scopes]
        fields = [pyarrow.field(name, pyarrow.string(), null) for name, null in _COLUMNS.items()]
        return pyarrow.Table.from_pylist(rows, pyarrow.schema(fields)).__arrow_c_stream__()

    def failures(self) -> Iterator[int]:
        """Where ids stand that may still exist."""
        return iter(self.failed)

    def unfinished(self) -> Iterator[int]:
        """Where ids stand that a next run should take up."""
        return iter(self.left)

    def unfinished_plan(self) -> Plan:
        """The same as a plan."""
        plan = Plan()
        scopes = [self.scopes[index] for index in self.left]
        # What is marked as tried has to stand before the rest.
        unknown = [one for one in scopes if one.outcome == Outcome.UNKNOWN]
        _add(plan, unknown)
        plan.mark_tried()
        _add(plan, [one for one in scopes if one.outcome != Outcome.UNKNOWN])
        return plan


def _add(plan: Plan, scopes: list[ScopeOutcome]) -> None:
    for (user, device), group in itertools.groupby(scopes, lambda one: (one[2], one[1])):
        plan.add(device, [one.scope_id for one in group], user_id=user)
