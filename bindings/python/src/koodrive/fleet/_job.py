"""What makes a job: the names of its units, and what job.json says of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import NamedTuple

from koodrive import InvalidArgument

_FORMAT = 2
_DIGEST_LENGTH = 16


class UnitName(NamedTuple):
    """The parts of a unit's name."""

    generation: int
    first_row: int
    last_row: int
    digest: str

    @classmethod
    def parse(cls, name: str) -> UnitName:
        """Read a name."""
        parsed: UnitName | None
        try:
            generation, first_row, last_row, digest = name.split("-")
            parsed = cls(int(generation), int(first_row), int(last_row), digest)
        except ValueError:
            parsed = None
        if parsed is None or str(parsed) != name:
            raise InvalidArgument(f"unit: {name!r} is no unit's name")
        return parsed

    def __str__(self) -> str:
        return f"{self.generation}-{self.first_row:012}-{self.last_row:012}-{self.digest}"


class Job(NamedTuple):
    """What job.json says.

    Attributes:
        fingerprint: Of the input.
        row_count: How many ids the input has.
        unit_size: How many ids a unit was to have.
        unit_count: How many units the input was cut into.
        units: Of their names.
    """

    fingerprint: str
    row_count: int
    unit_size: int
    unit_count: int
    units: str

    @classmethod
    def of_units(cls, fingerprint: str, unit_size: int, units: list[UnitName]) -> Job:
        """The job whose input was cut into these units."""
        row_count = units[-1].last_row + 1
        return cls(fingerprint, row_count, unit_size, len(units), _digest_of_names(units))

    @classmethod
    def decode(cls, content: bytes, place: str) -> Job:
        """Read job.json, which is called `place` in messages."""
        try:
            fields = json.loads(content)
            if fields.pop("format") != _FORMAT:
                raise InvalidArgument(f"{place}: is of another version of koodrive")
            job = cls(**fields)
            if list(map(type, job)) != [str, int, int, int, str]:
                raise TypeError
        except (ValueError, KeyError, TypeError, AttributeError):
            raise InvalidArgument(f"{place}: is damaged") from None
        return job

    def encode(self) -> bytes:
        """The content of job.json."""
        return json.dumps({"format": _FORMAT, **self._asdict()}).encode()

    def are_units(self, units: list[UnitName]) -> bool:
        """Whether these, in their order, are the units of the input."""
        return _digest_of_names(units) == self.units

    def complaint(self, units: list[UnitName]) -> str | None:
        """What these, in their order, lack to be the units of the input; None if they are."""
        end = 0
        for unit in units:
            if unit.first_row > end:
                return f"units/: rows {end} to {unit.first_row - 1} are missing"
            if not end <= unit.last_row < self.row_count or unit.first_row < end:
                return f"units/{unit}.parquet: is foreign, or a unit before it is"
            end = unit.last_row + 1
        if end < self.row_count:
            return f"units/: rows {end} to {self.row_count - 1} are missing"
        return None if self.are_units(units) else "units/: are not those that were prepared"


def digest(content: bytes) -> str:
    """What a file's name says of its content."""
    return hashlib.sha256(content).hexdigest()[:_DIGEST_LENGTH]


def _digest_of_names(units: Iterable[UnitName]) -> str:
    return hashlib.sha256("\n".join(map(str, units)).encode()).hexdigest()
