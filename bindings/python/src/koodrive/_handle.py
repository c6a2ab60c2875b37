"""Who owns what the library hands out."""

from __future__ import annotations

import weakref
from typing import Any, Callable


def free_with(
    owner: object, free: Callable[[Any], None], pointer: Any
) -> weakref.finalize[Any, Any]:
    """Free what a pointer points to when its owner goes; calling what this returns does it early.

    At the interpreter's exit nothing is freed: a daemon thread may be in the middle of a call.
    """
    if not pointer:
        raise MemoryError
    finalizer = weakref.finalize(owner, free, pointer)
    finalizer.atexit = False
    return finalizer
