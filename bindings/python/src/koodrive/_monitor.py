"""Watches and cancels a run."""

from __future__ import annotations

from koodrive._handle import Unique, free_with
from koodrive._library import lib


class Monitor(Unique):
    """Watches a run and cancels it, from any thread while the run goes on.

    It serves one run at a time, one after the other: a run resets its counts. A cancelled monitor
    stays cancelled. It can't be copied or pickled.

    >>> monitor = Monitor()
    >>> with koodrive.Client.from_env() as client:
    ...     report = client.delete_scopes("1842812272691451648", ["123"], monitor=monitor)
    >>> monitor.done, monitor.total
    (1, 1)
    """

    def __init__(self) -> None:
        self._handle = lib.koodrive_monitor_new()
        free_with(self._handle, lib.koodrive_monitor_free)

    def cancel(self) -> None:
        """Ask the run to stop: it sends nothing new and ends when the responses under way are in.

        The delete call then raises Cancelled. A second call abandons those responses; their ids
        become UNKNOWN.
        """
        lib.koodrive_monitor_cancel(self._handle)

    @property
    def done(self) -> int:
        """How many ids of the run have their outcome by now."""
        count: int = lib.koodrive_monitor_scopes_done(self._handle)
        return count

    @property
    def total(self) -> int:
        """How many ids the run has; 0 before the first run."""
        count: int = lib.koodrive_monitor_scopes_total(self._handle)
        return count

    @property
    def requests_sent(self) -> int:
        """How many requests the run has sent by now, tries that failed included."""
        count: int = lib.koodrive_monitor_requests_sent(self._handle)
        return count

    @property
    def retries(self) -> int:
        """How often a request of the run had to be sent again by now."""
        count: int = lib.koodrive_monitor_retries(self._handle)
        return count

    @property
    def throttles(self) -> int:
        """How often the service refused a request of the run for its rate by now."""
        count: int = lib.koodrive_monitor_throttles(self._handle)
        return count

    def __repr__(self) -> str:
        return f"<koodrive.Monitor {self.done} of {self.total} ids>"
