"""The exceptions, and how an error of the library becomes one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from koodrive._codes import Status
from koodrive._library import lib, text

if TYPE_CHECKING:
    from koodrive._report import Report


class KooDriveError(Exception):
    """A call failed. There is a subclass for each status.

    >>> import koodrive
    >>> try:
    ...     client = koodrive.Client("https://127.0.0.1", access_token="")
    ... except koodrive.InvalidArgument as error:
    ...     print(error)
    access_token: must not be empty

    Attributes:
        status: Why, as a number with a name.
        report: What became of each id; None if the call was refused before its run began: then
            nothing was sent.
        http_status: The HTTP status of the response behind the error, such as 403.
        service_code: The service's code in that response, such as "13000102".
        request_id: The X-Request-Id of that response, for the service's support.
        retryable: Whether running ``report.unfinished`` later, with nothing changed, may succeed.
    """

    status: Status = Status.INTERNAL

    def __init__(
        self,
        message: str,
        *,
        report: Report | None = None,
        http_status: int | None = None,
        service_code: str | None = None,
        request_id: str | None = None,
        retryable: bool = False,
    ) -> None:
        super().__init__(message)
        self.report = report
        self.http_status = http_status
        self.service_code = service_code
        self.request_id = request_id
        self.retryable = retryable


class InvalidArgument(KooDriveError, ValueError):
    """An argument breaks a rule, which the message names. Nothing was sent, nothing changed."""

    status = Status.INVALID_ARGUMENT


class Unauthorized(KooDriveError):
    """The service does not accept the authorization (HTTP 401).

    Set a new token, then run ``error.report.unfinished``.
    """

    status = Status.UNAUTHORIZED


class Unreachable(KooDriveError, ConnectionError):
    """No connection to the service, or it was lost: name, network, proxy or certificate."""

    status = Status.UNREACHABLE


class TimedOut(KooDriveError, TimeoutError):
    """The run timeout passed, or the last attempt of a request ran into the request timeout."""

    status = Status.TIMED_OUT


class Cancelled(KooDriveError):
    """The monitor was cancelled before all was done."""

    status = Status.CANCELLED


class ServiceError(KooDriveError):
    """The service refused a request as a whole, or failed to carry it out."""

    status = Status.SERVICE


class InvalidResponse(KooDriveError):
    """What came back can't be understood or trusted as a response of the service."""

    status = Status.INVALID_RESPONSE


class InternalError(KooDriveError):
    """A bug in the library. The outcomes in the report are true all the same."""

    status = Status.INTERNAL


class JournalError(KooDriveError, OSError):
    """The journal can't be written: nothing more was sent. The report is true."""

    status = Status.JOURNAL


class ScopesNotDeleted(KooDriveError):
    """The run is complete, but some ids may still exist; see Report.raise_for_failures()."""

    status = Status.OK


_BY_STATUS: dict[Status, type[KooDriveError]] = {
    error.status: error
    for error in (
        InvalidArgument,
        Unauthorized,
        Unreachable,
        TimedOut,
        Cancelled,
        ServiceError,
        InvalidResponse,
        InternalError,
        JournalError,
    )
}


def check(status: int, pointer: Any, report: Report | None = None) -> None:
    """Raise what a failed call of the library says, and free the library's error."""
    if status != Status.OK:
        # No variable here holds it: its traceback would hold that, and both the report.
        raise _taken_from(pointer, Status(status), report)


def _taken_from(pointer: Any, status: Status, report: Report | None) -> KooDriveError:
    error = _BY_STATUS.get(status, KooDriveError)(
        text(lib.koodrive_error_message(pointer)) or "the library does not say why",
        report=report,
        http_status=lib.koodrive_error_http_status(pointer) or None,
        service_code=text(lib.koodrive_error_service_code(pointer)),
        request_id=text(lib.koodrive_error_request_id(pointer)),
        retryable=lib.koodrive_error_is_retryable(pointer),
    )
    error.status = status
    lib.koodrive_error_free(pointer)
    return error
