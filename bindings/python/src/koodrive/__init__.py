"""Lists KooDrive backup scopes and deletes them in bulk, with one truthful outcome per id.

>>> import koodrive
>>> with koodrive.Client.from_env() as client:
...     report = client.delete_scopes("1842812272691451648", ["123", "345"])
>>> report.deleted
['123', '345']
>>> report.failures
[]

A :class:`Client` lists and deletes; a :class:`Plan` holds ids of many users and devices; a
:class:`Monitor` watches and cancels a run from another thread; a :class:`Report` says what became
of each id. What fails raises a :class:`KooDriveError`, which carries the report of a run that
began. The logger "koodrive" hears what happens in a call: each request at DEBUG, trouble at
WARNING.
"""

from koodrive._client import Client
from koodrive._codes import Outcome, Status
from koodrive._errors import (
    Cancelled,
    InternalError,
    InvalidArgument,
    InvalidResponse,
    JournalError,
    KooDriveError,
    ScopesNotDeleted,
    ServiceError,
    TimedOut,
    Unauthorized,
    Unreachable,
)
from koodrive._library import version as _version
from koodrive._listing import Device, Module, Scope
from koodrive._monitor import Monitor
from koodrive._plan import Plan
from koodrive._report import Report
from koodrive._result import ScopeOutcome

__version__: str = _version()

__all__ = [
    "Cancelled",
    "Client",
    "Device",
    "InternalError",
    "InvalidArgument",
    "InvalidResponse",
    "JournalError",
    "KooDriveError",
    "Module",
    "Monitor",
    "Outcome",
    "Plan",
    "Report",
    "Scope",
    "ScopeOutcome",
    "ScopesNotDeleted",
    "ServiceError",
    "Status",
    "TimedOut",
    "Unauthorized",
    "Unreachable",
    "__version__",
]
