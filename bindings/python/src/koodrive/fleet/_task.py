"""What each scheduler does with a unit, and what they have in common."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping
from typing import Any, Callable, Optional

from koodrive import Client, InvalidArgument, Status
from koodrive.fleet._unit import TokenFor, UnitResult, run_unit
from koodrive.fleet._work import Folder, Work

#: The arguments of koodrive.Client by their names; None: what the worker's environment says.
Settings = Optional[Mapping[str, Any]]

#: Called with each unit's result as it comes.
Progress = Optional[Callable[[UnitResult], object]]

_local = threading.local()


class Task:
    """Deletes a unit in whatever process and thread it is called. It can be pickled."""

    def __init__(
        self,
        work: Folder,
        workers: int,
        settings: Settings,
        token_for: TokenFor | None,
        max_requests_per_second: int | None,
    ) -> None:
        if workers < 1:
            raise InvalidArgument("workers: must be at least 1")
        if max_requests_per_second is not None and max_requests_per_second < workers:
            raise InvalidArgument(
                f"max_requests_per_second: must be at least 1 for each of {workers} workers"
            )
        Work(work).existing_job()
        name = os.fspath(work)
        # Workers may have another current folder.
        self._work = name if "://" in name else os.path.abspath(name)
        self._settings = None if settings is None else dict(settings)
        self._token_for = token_for
        self._rate = max_requests_per_second and max_requests_per_second // workers

    def __call__(self, unit: str) -> UnitResult | None:
        """Run a unit."""
        result = run_unit(unit, self._work, self._client(), token_for=self._token_for)
        if result and result.error and result.error.startswith(Status.UNAUTHORIZED.name):
            _local.made_for = None
        return result

    def __repr__(self) -> str:
        # Schedulers log it, and the settings hold secrets.
        return f"<koodrive.fleet task of {Work(self._work).name}>"

    def _client(self) -> Client:
        """The thread's client: it keeps its connections, and what rate the service allows."""
        wanted = (
            os.getpid(),
            _environment() if self._settings is None else self._settings,
            self._rate,
            # One that had users' tokens keeps the last.
            self._token_for is None,
        )
        if getattr(_local, "made_for", None) != wanted:
            _local.client = self._new_client()
            _local.made_for = wanted
        client: Client = _local.client
        return client

    def _new_client(self) -> Client:
        if self._settings is None:
            return Client.from_env(max_requests_per_second=self._rate)
        rate = {} if self._rate is None else {"max_requests_per_second": self._rate}
        return Client(**{**self._settings, **rate})


def _environment() -> dict[str, str]:
    """What Client.from_env() looks at."""
    return {name: value for name, value in os.environ.items() if name.startswith("KOODRIVE_")}


def collect(results: Iterable[UnitResult | None], progress: Progress) -> list[UnitResult]:
    """Gather the results of units, without those that a file STOP kept from being run."""
    collected = []
    for result in results:
        if result is not None:
            collected.append(result)
            if progress is not None:
                progress(result)
    return collected
