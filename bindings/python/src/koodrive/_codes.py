"""The numbers of the C interface: what became of an id, and why a call failed."""

from __future__ import annotations

import enum


class _Code(enum.IntEnum):
    """A number of the C interface. One that a later library adds is kept, as UNDEFINED_<n>."""

    @classmethod
    def _missing_(cls, value: object) -> _Code | None:
        if not isinstance(value, int):
            return None
        code = int.__new__(cls, value)
        code._name_ = f"UNDEFINED_{value}"
        code._value_ = value
        return code


class Outcome(_Code):
    """What became of a scope id.

    DELETED, NOT_FOUND and GONE mean that it does not exist now; NOT_SENT, REJECTED and UNKNOWN that
    it may still exist; DUPLICATE that it fares as the id that it repeats.

    >>> Outcome(2).name
    'NOT_FOUND'

    Attributes:
        NOT_SENT: The service never got a whole request with it.
        DELETED: The service said that this run deleted it.
        NOT_FOUND: The service said that it does not exist, and no earlier try can have
            deleted it.
        DUPLICATE: It stands earlier in the plan for the same user and device, and was not sent
            again.
        REJECTED: The service refused it and did not delete it; code and message say why.
        GONE: It does not exist now; whether an earlier try that got no response deleted it is
            not known.
        UNKNOWN: It was sent and no trustworthy response came. Asking again is safe.
    """

    NOT_SENT = 0
    DELETED = 1
    NOT_FOUND = 2
    DUPLICATE = 3
    REJECTED = 4
    GONE = 5
    UNKNOWN = 6


class Status(_Code):
    """How a call ended; each error of :class:`koodrive.KooDriveError` has its own class."""

    OK = 0
    INVALID_ARGUMENT = 1
    UNAUTHORIZED = 2
    UNREACHABLE = 3
    TIMED_OUT = 4
    CANCELLED = 5
    SERVICE = 6
    INVALID_RESPONSE = 7
    INTERNAL = 8
    JOURNAL = 9
