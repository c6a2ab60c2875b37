"""What became of each id of a run."""

from __future__ import annotations

import ctypes
import itertools
import operator
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from ctypes import byref, c_size_t
from typing import Any, NamedTuple, SupportsIndex, overload

from koodrive._codes import OutcomeStatus
from koodrive._errors import ScopesNotDeleted
from koodrive._handle import free_with
from koodrive._library import lib, text
from koodrive._plan import Plan


class Outcome(NamedTuple):
    """What became of one scope id.

    Attributes:
        scope_id: The id.
        device_id: Its device.
        user_id: Its user: of an id that was added without one, the client's.
        status: What became of it.
        code: The service's code for it, such as "15000418"; None where it named none.
        message: Why, in words; None where there is nothing to say.
    """

    scope_id: str
    device_id: str
    user_id: str
    status: OutcomeStatus
    code: str | None
    message: str | None


class Report(Sequence[Outcome]):
    """The outcomes of a run's ids, in the order in which the ids were added to the plan.

    It outlives the plan and the client. An Outcome is made when it is looked at; all else that
    returns a list or a plan makes a new one each time, too.

    >>> with koodrive.Client.from_env() as client:
    ...     report = client.delete_scopes("1842812272691451648", ["123", "123"])
    >>> report
    <koodrive.Report 2 ids: 1 DELETED, 1 REPEATED>
    >>> report[1].status.name, report[1].code
    ('REPEATED', '15000424')
    """

    def __init__(self, handle: Any, lines: Sequence[bytes] | None) -> None:
        free_with(self, lib.koodrive_result_free, handle)
        self._handle = handle
        self._lines = lines
        count = lib.koodrive_result_count(handle)
        # A copy of the column: a view of the library's memory could outlive it.
        column = ctypes.string_at(lib.koodrive_result_outcomes(handle), 4 * count) if count else b""
        self._statuses = memoryview(column).cast("i")

    @property
    def scope_ids(self) -> list[str]:
        """The ids."""
        if self._lines:
            lines = b"\n".join(text.removesuffix(b"\n") for text in self._lines)
            return lines.decode().split("\n")
        handles = itertools.repeat(self._handle, len(self))
        pointed: Iterator[bytes] = map(lib.koodrive_result_scope_id, handles, range(len(self)))
        return [scope_id.decode() for scope_id in pointed]

    @property
    def statuses(self) -> memoryview:
        """The status of each id as a number, a read-only column that numpy takes as it is."""
        return self._statuses

    @property
    def deleted(self) -> list[str]:
        """The ids that this run deleted, as the service said."""
        is_deleted = map(int(OutcomeStatus.DELETED).__eq__, self._statuses)
        return list(itertools.compress(self.scope_ids, is_deleted))

    @property
    def failures(self) -> list[Outcome]:
        """What may still exist: NOT_SENT, REJECTED and UNKNOWN."""
        return [self._outcome(index) for index in self._steps(lib.koodrive_result_next_failure)]

    @property
    def unfinished(self) -> Plan:
        """What a next run should take up; it may be empty.

        It holds the ids that are NOT_SENT or UNKNOWN, and those that were REJECTED for a reason
        that passes (HTTP 401, 403, 425, 429) or by a run that ended before their last try, their
        users filled in.
        """
        return Plan._adopt(lib.koodrive_result_unfinished(self._handle))

    @property
    def unfinished_scopes(self) -> list[Outcome]:
        """What `unfinished` holds, one by one: to write it down."""
        return [self._outcome(index) for index in self._steps(lib.koodrive_result_next_unfinished)]

    @property
    def request_count(self) -> int:
        """How many requests the run sent, tries that failed included."""
        count: int = lib.koodrive_result_request_count(self._handle)
        return count

    def tally(self) -> dict[OutcomeStatus, int]:
        """How many ids have each status that occurs."""
        tally = {
            status: lib.koodrive_result_tally(self._handle, status) for status in OutcomeStatus
        }
        if sum(tally.values()) < len(self):  # There are some that only a later library knows.
            tally = {OutcomeStatus(n): times for n, times in Counter(self._statuses).items()}
        return {status: times for status, times in sorted(tally.items()) if times}

    def raise_for_failures(self) -> None:
        """Raise ScopesNotDeleted, which carries this report, if some ids may still exist."""
        indices = list(self._steps(lib.koodrive_result_next_failure))
        if indices:
            first = self._outcome(indices[0])
            raise ScopesNotDeleted(
                f"{len(indices)} of {len(self)} ids may still exist, the first is "
                f"{first.scope_id}: {first.status.name}, {first.message}",
                report=self,
                service_code=first.code,
            )

    def __len__(self) -> int:
        return len(self._statuses)

    @overload
    def __getitem__(self, index: SupportsIndex) -> Outcome: ...
    @overload
    def __getitem__(self, index: slice) -> list[Outcome]: ...
    def __getitem__(self, index: SupportsIndex | slice) -> Outcome | list[Outcome]:
        if isinstance(index, slice):
            return [self._outcome(position) for position in range(len(self))[index]]
        position = operator.index(index)
        if not -len(self) <= position < len(self):
            raise IndexError("report index out of range")
        return self._outcome(position % len(self))

    def __iter__(self) -> Iterator[Outcome]:
        return map(self._outcome, range(len(self)))

    def __repr__(self) -> str:
        tally = ", ".join(f"{count} {status.name}" for status, count in self.tally().items())
        return f"<koodrive.Report {len(self)} ids: {tally}>" if self else "<koodrive.Report 0 ids>"

    def _outcome(self, index: int) -> Outcome:
        handle = self._handle
        return Outcome(
            lib.koodrive_result_scope_id(handle, index).decode(),
            lib.koodrive_result_device_id(handle, index).decode(),
            lib.koodrive_result_user_id(handle, index).decode(),
            OutcomeStatus(self._statuses[index]),
            text(lib.koodrive_result_service_code(handle, index)),
            text(lib.koodrive_result_message(handle, index)),
        )

    def _steps(self, step: Callable[..., bool]) -> Iterator[int]:
        """Where a function of the library steps."""
        cursor, index = c_size_t(), c_size_t()
        while step(self._handle, byref(cursor), byref(index)):
            yield index.value
