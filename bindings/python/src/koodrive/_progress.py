"""Shows how far a run is."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Callable, Union

from koodrive._monitor import Monitor

#: True: a tqdm bar, if tqdm is installed. A callable gets (done, total).
Progress = Union[bool, Callable[[int, int], object], None]


@contextlib.contextmanager
def watching(progress: Progress, monitor: Monitor) -> Iterator[Callable[[], object] | None]:
    """What to call now and then during a run; None: nothing."""
    if progress is True:
        with _bar() as show:
            yield None if show is None else lambda: show(monitor.done, monitor.total)
    elif progress is None or progress is False:
        yield None
    elif callable(progress):
        yield lambda: progress(monitor.done, monitor.total)
    else:
        kind = type(progress).__name__
        raise TypeError(f"progress: must be a bool or a callable, not {kind}")


@contextlib.contextmanager
def _bar() -> Iterator[Callable[[int, int], object] | None]:
    try:
        from tqdm import tqdm
    except ImportError:
        yield None
        return
    with tqdm(unit="id") as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show
