"""From Python's values to the library's: exactly, or with an error that names the argument."""

from __future__ import annotations

import operator
import os
from collections.abc import Iterable
from typing import Any, SupportsIndex, Union

from koodrive._errors import InvalidArgument
from koodrive._listing import Scope

#: An id: a str, or an integer (numpy's too), which is taken as its decimal digits. Never a float,
#: which may have been rounded.
Id = Union[str, SupportsIndex]

#: A file's path.
FilePath = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]


def encode(name: str, value: object) -> bytes:
    """A text as the library takes it."""
    if not isinstance(value, str):
        raise TypeError(f"{name}: must be a str, not {type(value).__name__}")
    if "\0" in value:
        raise InvalidArgument(f"{name}: must not hold U+0000")
    try:
        return value.encode()
    except UnicodeEncodeError:
        pass  # The error below must not drag this one along: it holds the value, maybe a secret.
    raise InvalidArgument(f"{name}: must not hold a lone surrogate, which is no character")


def encode_id(name: str, value: Id) -> bytes:
    """A user's or a device's id as the library takes it."""
    return encode(name, _id_text(value, name))


def encode_path(name: str, value: FilePath) -> bytes:
    """A file's path as the library takes it."""
    try:
        path = os.fsencode(value)
    except TypeError:
        kind = type(value).__name__
        raise TypeError(f"{name}: must be a str, bytes or os.PathLike, not {kind}") from None
    if b"\0" in path:
        raise InvalidArgument(f"{name}: must not hold U+0000")
    return path


def number(name: str, value: SupportsIndex, bits: int) -> int:
    """A number that fits its C type; ctypes would cut it."""
    try:
        exact = _integer(value)
    except TypeError:
        raise TypeError(f"{name}: must be an integer, not {type(value).__name__}") from None
    if not 0 <= exact < 1 << bits:
        raise InvalidArgument(f"{name}: must be 0 to {(1 << bits) - 1}")
    return exact


def id_list(scope_ids: Iterable[Id]) -> list[Id]:
    """A list of its own of an iterable's ids."""
    if isinstance(scope_ids, (str, bytes, bytearray, memoryview)):
        # They can be iterated over, too: as ids that nobody asked for.
        kind = type(scope_ids).__name__
        raise TypeError(f"scope_ids: must be an iterable of ids, not one {kind}")
    try:
        iterator = iter(scope_ids)
    except TypeError:
        kind = type(scope_ids).__name__
        raise TypeError(f"scope_ids: must be an iterable of ids, not {kind}") from None
    return list(iterator)


def scope_list(scopes: Iterable[Scope]) -> list[Scope]:
    """A list of its own of an iterable's scopes."""
    try:
        listed = list(scopes)
    except TypeError:
        kind = type(scopes).__name__
        raise TypeError(f"scopes: must be an iterable of Scope, not {kind}") from None
    for index, scope in enumerate(listed):
        if not isinstance(scope, Scope):
            raise TypeError(f"scopes[{index}]: must be a Scope, not {type(scope).__name__}")
    return listed


def lines_of(ids: list[Id]) -> bytes:
    """Scope ids one a line."""
    try:
        text = "\n".join(ids)  # type: ignore[arg-type]
    except TypeError:
        text = "\n".join(_id_text(value, "scope_ids", index) for index, value in enumerate(ids))
    try:
        # An empty text holds no line. A lone empty id is one, which the library refuses by name.
        return text.encode() if text or not ids else b"\n"
    except UnicodeEncodeError as error:
        index = text.count("\n", 0, error.start)
        raise InvalidArgument(
            f"scope_ids[{index}] must not hold a lone surrogate, which is no character"
        ) from None


def refuse_line_feeds(ids: list[Id]) -> None:
    """Name the first id that is more than one line."""
    for index, scope_id in enumerate(ids):
        if isinstance(scope_id, str) and "\n" in scope_id:
            raise InvalidArgument(f"scope_ids[{index}] must not hold a line feed")


def encode_lines(text: str | bytes) -> bytes:
    """A text of lines as the library takes it."""
    if isinstance(text, bytes):
        return text
    if not isinstance(text, str):
        raise TypeError(f"text: must be a str or bytes, not {type(text).__name__}")
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise InvalidArgument("text: must not hold a lone surrogate") from None


def _id_text(value: object, name: str, index: int | None = None) -> str:
    if isinstance(value, str):
        return value
    if index is not None:
        name = f"{name}[{index}]"
    try:
        return str(_integer(value))
    except TypeError:
        kind = type(value).__name__
        raise TypeError(f"{name}: must be a str or an integer, not {kind}") from None
    except ValueError:
        raise InvalidArgument(f"{name}: has too many digits") from None


def _integer(value: Any) -> int:
    """The exact number that an integer is; TypeError for anything else."""
    if type(value).__name__ in ("bool", "bool_"):  # Python's and numpy's, which are indices, too.
        raise TypeError
    return int(operator.index(value))
