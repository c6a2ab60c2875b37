"""Says why a run that is interrupted does not end at once."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

from koodrive._command.output import print_complaint, say

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def telling_why_it_waits() -> Iterator[None]:
    """Meanwhile the first Ctrl-C or SIGTERM is answered."""
    is_told = False

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal is_told
        if not is_told:
            is_told = True
            # A bar may stand in the line.
            print_complaint("")
            say("waits for the responses under way; a second Ctrl-C does not")
        signal.default_int_handler(number, frame)

    # A shell may have had one ignored.
    heard = [one for one in _SIGNALS if signal.getsignal(one) == signal.default_int_handler]
    for number in heard:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in heard:
            signal.signal(number, signal.default_int_handler)
