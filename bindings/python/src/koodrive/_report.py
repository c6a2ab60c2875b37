"""What became of each id of a run."""

from __future__ import annotations

import itertools
import operator
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, SupportsIndex, overload

from koodrive._codes import Outcome
from koodrive._errors import ScopesNotDeleted
from koodrive._plan import Plan
from koodrive._result import LibraryResult, ScopeOutcome, StoredResult


class Report(Sequence[ScopeOutcome]):
    """The outcomes of a run's ids, in the order in which the ids were added to the plan.

    It outlives the plan and the client. A ScopeOutcome is made when it is looked at; all else that
    returns a list or a plan makes a new one each time, too. A report can be pickled, and so can an
    error that carries one: it says the same in another process, or years later. A copy of a report
    is the report itself, for it never changes.

    >>> with koodrive.Client.from_env() as client:
    ...     report = client.delete_scopes("1842812272691451648", ["123", "123"])
    >>> report
    <koodrive.Report 2 ids: 1 DELETED, 1 DUPLICATE>
    >>> report[1].outcome.name, report[1].service_code
    ('DUPLICATE', '15000424')
    """

    def __init__(self, result: LibraryResult | StoredResult) -> None:
        self._result = result
        self._outcomes = memoryview(result.outcomes()).cast("i")

    @classmethod
    def _adopt(cls, handle: Any, lines: Sequence[bytes] | None) -> Report:
        """Make a report of a result that the library made."""
        return cls(LibraryResult(handle, lines))

    def __reduce__(self) -> tuple[type[Report], tuple[StoredResult]]:
        """Pickle as plain values."""
        result = self._result
        failed, left = list(result.failures()), list(result.unfinished())
        return type(self), (StoredResult(list(self), failed, left, result.request_count),)

    def __copy__(self) -> Report:
        return self

    def __deepcopy__(self, _: object) -> Report:
        return self

    @property
    def scope_ids(self) -> list[str]:
        """The ids."""
        return self._result.scope_ids()

    @property
    def outcomes(self) -> memoryview:
        """The outcome of each id as a number, a read-only column that numpy takes as it is."""
        return self._outcomes

    @property
    def deleted(self) -> list[str]:
        """The ids that this run deleted, as the service said."""
        is_deleted = map(int(Outcome.DELETED).__eq__, self._outcomes)
        return list(itertools.compress(self.scope_ids, is_deleted))

    @property
    def failures(self) -> list[ScopeOutcome]:
        """What may still exist: NOT_SENT, REJECTED and UNKNOWN."""
        return [self._scope(index) for index in self._result.failures()]

    @property
    def unfinished(self) -> Plan:
        """What a next run should take up; it may be empty.

        It holds the ids that are NOT_SENT, and those that are UNKNOWN or REJECTED for a reason
        that may be otherwise the next time: all but those of which the service itself said that it
        won't delete them. Their users are filled in. The plan remembers which ids are UNKNOWN, as
        by `Plan.mark_tried`. That of a report that was pickled holds those first.
        """
        return self._result.unfinished_plan()

    @property
    def unfinished_scopes(self) -> list[ScopeOutcome]:
        """What `unfinished` holds, one by one: to write it down."""
        return [self._scope(index) for index in self._result.unfinished()]

    @property
    def request_count(self) -> int:
        """How many requests the run sent, tries that failed included."""
        return self._result.request_count

    def tally(self) -> dict[Outcome, int]:
        """How many ids have each outcome that occurs."""
        tally = {outcome: self._result.tally(outcome) for outcome in Outcome}
        if sum(tally.values()) < len(self):  # There are some that only a later library knows.
            tally = {Outcome(n): times for n, times in Counter(self._outcomes).items()}
        return {outcome: times for outcome, times in sorted(tally.items()) if times}

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        """Hand out a table to what imports Arrow streams.

        Such as `pyarrow.table(report)`, or DuckDB with `FROM report`. Its columns are "user_id",
        "device_id", "scope_id", "outcome" (its name), "service_code" and "message", all of them
        texts, whatever schema is requested. Of a report that was pickled pyarrow makes them.

        >>> import pyarrow
        >>> with koodrive.Client.from_env() as client:
        ...     report = client.delete_scopes("1842812272691451648", ["123", "345"])
        >>> pyarrow.table(report).column("outcome").to_pylist()
        ['DELETED', 'DELETED']
        """
        return self._result.arrow_stream()

    def raise_for_failures(self) -> None:
        """Raise ScopesNotDeleted, which carries this report, if some ids may still exist."""
        indices = list(self._result.failures())
        if indices:
            first = self._scope(indices[0])
            raise ScopesNotDeleted(
                f"{len(indices)} of {len(self)} ids may still exist, the first is "
                f"{first.scope_id}: {first.outcome.name}, {first.message}",
                report=self,
                service_code=first.service_code,
            )

    def __len__(self) -> int:
        return len(self._outcomes)

    @overload
    def __getitem__(self, index: SupportsIndex) -> ScopeOutcome: ...
    @overload
    def __getitem__(self, index: slice) -> list[ScopeOutcome]: ...
    def __getitem__(self, index: SupportsIndex | slice) -> ScopeOutcome | list[ScopeOutcome]:
        if isinstance(index, slice):
            return [self._scope(position) for position in range(len(self))[index]]
        position = operator.index(index)
        if not -len(self) <= position < len(self):
            raise IndexError("report index out of range")
        return self._scope(position % len(self))

    def __iter__(self) -> Iterator[ScopeOutcome]:
        return map(self._scope, range(len(self)))

    def __repr__(self) -> str:
        tally = ", ".join(f"{count} {outcome.name}" for outcome, count in self.tally().items())
        return f"<koodrive.Report {len(self)} ids: {tally}>" if self else "<koodrive.Report 0 ids>"

    def _scope(self, index: int) -> ScopeOutcome:
        return self._result.scope(index, Outcome(self._outcomes[index]))
