"""Streams of Arrow as Python hands them around: in capsules, by ctypes alone."""

from __future__ import annotations

import ctypes
from ctypes import PYFUNCTYPE, byref, c_char_p, c_size_t, c_void_p, py_object
from typing import Any, Callable, Protocol

from koodrive._errors import check
from koodrive._library import ArrowArrayStream, ArrowArrayStreamPointer, ErrorPointer


class SupportsArrowStream(Protocol):
    """A table that exports Arrow streams."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        """Hand out a capsule."""


def _python(name: str, result: Any, *arguments: Any) -> Any:
    """A function of Python itself. Those of ctypes.pythonapi are everybody's to declare."""
    return PYFUNCTYPE(result, *arguments)((name, ctypes.pythonapi))


_allocate = _python("PyMem_RawCalloc", c_void_p, c_size_t, c_size_t)
_new_capsule = _python("PyCapsule_New", py_object, c_void_p, c_void_p, c_void_p)
_get_pointer = _python("PyCapsule_GetPointer", c_void_p, py_object, c_char_p)

#: What a stream's capsule is called.
_NAME = ctypes.create_string_buffer(b"arrow_array_stream")


def _new_destructor() -> Any:
    # A capsule that goes is passed as an address: it can't be made an object again. And it may go
    # after this module, whose names are gone then: what is needed is bound here.
    get_pointer = _python("PyCapsule_GetPointer", c_void_p, c_void_p, c_void_p)
    free = _python("PyMem_RawFree", None, c_void_p)
    release = ctypes.CFUNCTYPE(None, c_void_p)
    stream_at = ArrowArrayStream.from_address
    name = ctypes.addressof(_NAME)

    def destroy(capsule: int) -> None:
        place = get_pointer(capsule, name)
        try:
            released_by = stream_at(place).release
            if released_by:  # Nobody has taken the stream.
                release(released_by)(place)
        finally:
            free(place)

    return ctypes.CFUNCTYPE(None, c_void_p)(destroy)


_DESTRUCTOR = _new_destructor()
for _kept in (_NAME, _DESTRUCTOR):  # A capsule that outlives this module still points to them.
    _python("Py_IncRef", None, py_object)(_kept)


def stream_in(capsule: object) -> Any:
    """A pointer to the stream in a capsule, which must stay alive meanwhile."""
    return ctypes.cast(_get_pointer(capsule, _NAME.value), ArrowArrayStreamPointer)


def capsule_of(table: object) -> object:
    """A capsule with the stream of a table."""
    export: Callable[[], object] | None = getattr(table, "__arrow_c_stream__", None)
    if export is None:
        kind = type(table).__name__
        raise TypeError(f"table: must export Arrow streams (__arrow_c_stream__), {kind} does not")
    return export()


def new_capsule(fill: Callable[..., int], source: Any) -> object:
    """A capsule with a stream that a function of the library makes of something."""
    size = (ctypes.sizeof(ArrowArrayStream),)
    destructor = (ctypes.cast(_DESTRUCTOR, c_void_p),)
    # One step for Python: no signal handler, which may raise, comes between memory and capsule.
    [capsule] = map(
        _new_capsule, map(_allocate, (1,), size), (ctypes.addressof(_NAME),), destructor
    )
    error = ErrorPointer()
    check(fill(source, stream_in(capsule), byref(error)), error)
    return capsule
