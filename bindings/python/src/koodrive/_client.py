"""Lists and deletes."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterable, Iterator
from ctypes import byref
from types import TracebackType
from typing import Any

from koodrive import _arguments
from koodrive._arguments import FilePath, Id
from koodrive._errors import InvalidArgument, check
from koodrive._events import logging_of
from koodrive._handle import Unique, free_with
from koodrive._library import (
    ClientPointer,
    DevicesPointer,
    ErrorPointer,
    ResultPointer,
    ScopesPointer,
    lib,
)
from koodrive._listing import Device, ModuleCode, Scope, devices_of, scopes_of
from koodrive._monitor import Monitor
from koodrive._plan import Plan
from koodrive._progress import Progress, watching
from koodrive._report import Report
from koodrive._run import run


class Client(Unique):
    """Lists and deletes backup scopes. Any number of threads may use a client at once.

    It can't be copied or pickled: give each process one of its own.

    The logger "koodrive" tells what happens in a call, where a handler listens to it: requests and
    retries at DEBUG; a wrong clock and the end of an outage at INFO; throttling, the beginning of
    an outage and why a run stops at WARNING. Each record has the attributes kind, request_id,
    http_status, elapsed_ms (since the call began), duration_ms, scope_count and attempt.

    >>> with Client.from_env() as client:
    ...     report = client.delete_scopes("1842812272691451648", ["123", "345"])
    >>> report.tally()
    {<Outcome.DELETED: 1>: 2}

    Of the three authorizations, an access token, an Authorization header sent as it is, or an
    application's id and secret, one must be given. What is left out has the library's default;
    include/koodrive.h says what each setting allows.

    Args:
        endpoint: The service's address, such as "https://intl.myhuaweicloud-koodrive.com". Plain
            http is accepted for loopback addresses only.
        user_id: Whose the ids are that are added without a user id.
        access_token: Sent as "Authorization: Bearer <token>".
        authorization: The value of the Authorization header, sent as it is.
        app_id: Signs requests as an application, together with app_secret.
        app_secret: Never sent.
        ca_file: A PEM file of certificates to trust instead of the platform's.
        proxy: "http://[user:password@]host[:port]". The environment's proxies are not used.
        connect_timeout_ms: For name look-up, TCP, proxy and TLS together. Default 10 000.
        request_timeout_ms: From a request's first byte to its whole response. Default 30 000.
        run_timeout_ms: After it a run starts nothing new. Default 0: never.
        max_outage_ms: How long a run waits for a service that worked and is down; 0: not at all.
            Default 60 000.
        max_attempts: How often a request is tried in all, 1 to 100. Default 4.
        max_connections: How many connections each run uses at most, 1 to 1024. Default 4.
        max_requests_per_second: Of all runs of the client together. Default 0: no limit.

    Raises:
        InvalidArgument: (a ValueError) A setting breaks its rule; the message names it.
        TypeError: A setting is of the wrong type.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        user_id: Id | None = None,
        access_token: str | None = None,
        authorization: str | None = None,
        app_id: str | None = None,
        app_secret: str | None = None,
        ca_file: str | os.PathLike[str] | None = None,
        proxy: str | None = None,
        connect_timeout_ms: int | None = None,
        request_timeout_ms: int | None = None,
        run_timeout_ms: int | None = None,
        max_outage_ms: int | None = None,
        max_attempts: int | None = None,
        max_connections: int | None = None,
        max_requests_per_second: int | None = None,
    ) -> None:
        is_application = app_id is not None or app_secret is not None
        if (access_token is not None) + (authorization is not None) + is_application > 1:
            raise InvalidArgument(
                "access_token, authorization, app_id: only one of these authorizations may be given"
            )
        with _config() as config:
            _set(config, "endpoint", _arguments.encode("endpoint", endpoint))
            if user_id is not None:
                _set(config, "user_id", _arguments.encode_id("user_id", user_id))
            if is_application:
                _set(
                    config,
                    "app_credentials",
                    _arguments.encode("app_id", app_id),
                    _arguments.encode("app_secret", app_secret),
                )
            texts = {
                "access_token": access_token,
                "authorization": authorization,
                "ca_file": None if ca_file is None else os.fspath(ca_file),
                "proxy": proxy,
            }
            for name, text in texts.items():
                if text is not None:
                    _set(config, name, _arguments.encode(name, text))
            numbers = {
                ("connect_timeout_ms", 64): connect_timeout_ms,
                ("request_timeout_ms", 64): request_timeout_ms,
                ("run_timeout_ms", 64): run_timeout_ms,
                ("max_outage_ms", 64): max_outage_ms,
                ("max_attempts", 32): max_attempts,
                ("max_connections", 32): max_connections,
                ("max_requests_per_second", 32): max_requests_per_second,
            }
            for (name, bits), value in numbers.items():
                if value is not None:
                    _set(config, name, _arguments.number(name, value, bits))
            self._open(config)

    @classmethod
    def from_env(cls, *, max_requests_per_second: int | None = None) -> Client:
        """Make a client of what the environment says, but for a rate that is given.

        KOODRIVE_ENDPOINT, KOODRIVE_USER_ID, KOODRIVE_ACCESS_TOKEN, KOODRIVE_AUTHORIZATION,
        KOODRIVE_APP_ID with KOODRIVE_APP_SECRET, KOODRIVE_CA_FILE, KOODRIVE_PROXY,
        KOODRIVE_CONNECT_TIMEOUT_MS, KOODRIVE_REQUEST_TIMEOUT_MS, KOODRIVE_RUN_TIMEOUT_MS,
        KOODRIVE_MAX_OUTAGE_MS, KOODRIVE_MAX_ATTEMPTS, KOODRIVE_MAX_CONNECTIONS,
        KOODRIVE_MAX_REQUESTS_PER_SECOND.
        Raises InvalidArgument, which names the variable.
        """
        client = cls.__new__(cls)
        error = ErrorPointer()
        with _config() as config:
            check(lib.koodrive_config_load_env(config, byref(error)), error)
            if max_requests_per_second is not None:
                name = "max_requests_per_second"
                _set(config, name, _arguments.number(name, max_requests_per_second, 32))
            client._open(config)
        return client

    def _open(self, config: Any) -> None:
        self._handle, error = ClientPointer(), ErrorPointer()
        check(lib.koodrive_client_new(config, byref(self._handle), byref(error)), error)
        self._free = free_with(self._handle, lib.koodrive_client_free)
        self._closed = False
        # The threads that have a call in progress, and the lock for all that changes here.
        self._callers: list[int] = []
        self._changed = threading.Condition()

    def devices(self, user_id: Id | None = None, *, monitor: Monitor | None = None) -> list[Device]:
        """List the devices of a user; without a user id, of the client's user.

        The list is whole, or an error is raised. Ctrl-C ends the call at once, as does a monitor.

        >>> with Client.from_env() as client:
        ...     for device in client.devices():
        ...         print(device.device_id, device.name)
        1842812272691451648 Phone 1

        Raises:
            InvalidArgument: A user id breaks its rule, or there is none. Nothing was sent.
            ServiceError: The service refused, such as for a user that it does not know: its code
                is in `service_code`.
            KooDriveError: As for delete_plan(), without a report.
        """
        user = None if user_id is None else _arguments.encode_id("user_id", user_id)
        handle = self._list(lib.koodrive_client_list_devices, DevicesPointer(), (user,), monitor)
        return devices_of(handle)

    def scopes(
        self,
        device_id: Id,
        module: ModuleCode | None = None,
        user_id: Id | None = None,
        *,
        monitor: Monitor | None = None,
    ) -> list[Scope]:
        """List the scopes of a device, of one module or of all three that are known.

        The rest is as for devices().

        >>> with Client.from_env() as client:
        ...     for scope in client.scopes("1842812272691451648", koodrive.Module.ALBUMS):
        ...         print(scope.scope_id, scope.local_path)
        1842846715527000008 /DCIM/Album 9
        """
        asked = (
            None if user_id is None else _arguments.encode_id("user_id", user_id),
            _arguments.encode_id("device_id", device_id),
            None if module is None else _arguments.encode("module", module),
        )
        handle = self._list(lib.koodrive_client_list_scopes, ScopesPointer(), asked, monitor)
        return scopes_of(handle)

    def _list(
        self, call: Any, handle: Any, asked: tuple[bytes | None, ...], monitor: Monitor | None
    ) -> Any:
        """Let the library list; the list is the caller's."""
        watched = _monitor(monitor)
        caller = threading.get_ident()

        def ask() -> Any:
            error = ErrorPointer()
            with self._call(caller) as client:
                status = call(client, *asked, watched._handle, byref(handle), byref(error))
            check(status, error)
            return handle

        with logging_of(watched) as log:
            return run(ask, watched, None, log)

    def delete_scopes(
        self,
        device_id: Id,
        scope_ids: Iterable[Id],
        *,
        user_id: Id | None = None,
        monitor: Monitor | None = None,
        progress: Progress = None,
        journal: FilePath | None = None,
    ) -> Report:
        """Delete scopes of one device; without a user id, of the client's user.

        Ids are str or integers: see Plan.add(). The rest is as for delete_plan().

        >>> with Client.from_env() as client:
        ...     report = client.delete_scopes("phone", range(1, 251), user_id="7")
        >>> len(report.deleted), report.request_count
        (250, 3)
        """
        ended = _Ended()
        try:
            plan = Plan()
            plan.add(device_id, scope_ids, user_id=user_id)
            return self._carry_out(plan, monitor, progress, journal, ended)
        except BaseException as error:
            error.report = ended.report  # type: ignore[attr-defined]
            raise

    def delete_plan(
        self,
        plan: Plan,
        *,
        monitor: Monitor | None = None,
        progress: Progress = None,
        journal: FilePath | None = None,
    ) -> Report:
        """Delete what a plan holds. Return when every id has its outcome.

        Single ids may have failed all the same: see Report.failures, Report.raise_for_failures().

        Ctrl-C cancels the run and waits for the responses under way; a second one does not wait.
        Then it goes on as KeyboardInterrupt, whose attribute `report` is the report (None if the
        run had not begun). The same holds for whatever else a signal handler or `progress` raises.

        Args:
            plan: What to delete.
            monitor: Watches and cancels this run from other threads.
            progress: True shows a tqdm bar if tqdm is installed. A callable gets (done, total), in
                the calling thread, some ten times a second and at the end.
            journal: A file in which the run is written down; it is made if it is not there. The
                same call with the same plan and file takes up a run that ended in any way, also by
                kill or loss of power, and returns the report of the whole plan: ids with a final
                outcome keep it and are not sent again. It holds the ids and never a secret.

        Raises:
            KooDriveError: The run is incomplete; the error's class says why and its `report` what
                became of each id. When the cause is gone, run ``error.report.unfinished``; with a
                journal, make the same call again.
            InvalidArgument: Refused before the run began: ids have no user, the monitor watches
                another run, or the journal is in use, none, damaged, or of another plan or
                endpoint. Nothing was sent, and the file is as it was.
            JournalError: The journal can't be written any more. Nothing more was sent.
            RuntimeError: The client is closed, or another run uses the plan. Nothing was sent.
        """
        ended = _Ended()
        try:
            return self._carry_out(plan, monitor, progress, journal, ended)
        except BaseException as error:
            # Whatever leaves carries it, also a signal that came when all was done.
            error.report = ended.report  # type: ignore[attr-defined]
            raise

    def _carry_out(
        self,
        plan: Plan,
        monitor: Monitor | None,
        progress: Progress,
        journal: FilePath | None,
        ended: _Ended,
    ) -> Report:
        if not isinstance(plan, Plan):
            raise TypeError(f"plan: must be a Plan, not {type(plan).__name__}")
        watched = _monitor(monitor)
        path = None if journal is None else _arguments.encode_path("journal", journal)
        caller = threading.get_ident()
        with watching(progress, watched) as show, logging_of(watched) as log:
            return run(lambda: self._delete(plan, path, watched, caller, ended), watched, show, log)

    def _delete(
        self, plan: Plan, path: bytes | None, monitor: Monitor, caller: int, ended: _Ended
    ) -> Report:
        result, error = ResultPointer(), ErrorPointer()
        with self._call(caller) as client, plan._in_a_run() as planned:
            lines = None if plan._lines is None else tuple(plan._lines)
            rest = (monitor._handle, byref(result), byref(error))
            status = (
                lib.koodrive_client_delete_plan(client, planned, *rest)
                if path is None
                else lib.koodrive_client_delete_plan_journaled(client, planned, path, *rest)
            )
        ended.report = report = Report._adopt(result, lines) if result else None
        check(status, error, report)
        assert report is not None, "a run that succeeds has a result"
        return report

    def set_access_token(self, token: str) -> None:
        """Carry this access token from now on, also in requests of runs under way."""
        self._set_authorization("access_token", token)

    def set_authorization(self, value: str) -> None:
        """Carry this value of the Authorization header from now on, also in runs under way."""
        self._set_authorization("authorization", value)

    def _set_authorization(self, name: str, value: str) -> None:
        setter = getattr(lib, f"koodrive_client_set_{name}")
        encoded, error = _arguments.encode(name, value), ErrorPointer()
        with self._changed:
            self._check_open()
            check(setter(self._handle, encoded, byref(error)), error)

    def close(self) -> None:
        """Refuse new calls, wait for those in progress, close idle connections.

        Closing twice is fine. Raises RuntimeError inside a progress callback of the client's own
        run, which would wait for itself.
        """
        with self._changed:
            if threading.get_ident() in self._callers:
                raise RuntimeError("client: can't be closed inside its own run")
            self._closed = True
            while self._callers:
                self._changed.wait()
            self._free()

    def __enter__(self) -> Client:
        self._check_open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<koodrive.Client {'closed' if self._closed else 'open'}>"

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("client: it is closed")

    @contextlib.contextmanager
    def _call(self, caller: int) -> Iterator[Any]:
        """The library's client, which can't be freed meanwhile."""
        with self._changed:
            self._check_open()
            self._callers.append(caller)
        try:
            yield self._handle
        finally:
            with self._changed:
                self._callers.remove(caller)
                self._changed.notify_all()


class _Ended:
    """The report of a run that has ended, for whatever is raised by then."""

    report: Report | None = None


def _monitor(monitor: Monitor | None) -> Monitor:
    """The monitor that is given, or else a new one."""
    if monitor is None:
        return Monitor()
    if not isinstance(monitor, Monitor):
        raise TypeError(f"monitor: must be a Monitor, not {type(monitor).__name__}")
    return monitor


@contextlib.contextmanager
def _config() -> Iterator[Any]:
    config = lib.koodrive_config_new()
    if not config:
        raise MemoryError
    try:
        yield config
    finally:
        lib.koodrive_config_free(config)


def _set(config: Any, name: str, *values: bytes | int) -> None:
    error = ErrorPointer()
    check(getattr(lib, f"koodrive_config_set_{name}")(config, *values, byref(error)), error)
