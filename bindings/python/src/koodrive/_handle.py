"""Who owns what the library hands out."""

from __future__ import annotations

import weakref
from typing import Any, Callable, NoReturn


def free_with(pointer: Any, free: Callable[[Any], None]) -> weakref.finalize[Any, Any]:
    """Free what a pointer points to when the pointer goes; calling what this returns does it early.

    The pointer is the owner, not the object that holds it: whatever else comes to hold it keeps the
    library's object alive. At the interpreter's exit nothing is freed: a daemon thread may be in
    the middle of a call.
    """
    if not pointer:
        raise MemoryError
    finalizer = weakref.finalize(pointer, free, type(pointer).from_buffer_copy(pointer))
    finalizer.atexit = False
    return finalizer


class Unique:
    """What can't be copied or pickled: its copy would be the same object of the library."""

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """Refuse, for copy and pickle both come here."""
        raise TypeError(f"a koodrive.{type(self).__name__} can't be copied or pickled")
