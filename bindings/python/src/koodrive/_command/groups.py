"""Many scopes in few rows: how many of which module, and of which paths."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from koodrive import Scope

#: How many rows there are, if there are not more modules.
_MOST = 20

#: How many segments of a path may tell groups apart.
_DEEPEST = 8


class Group(NamedTuple):
    """Scopes of one module."""

    size: int
    module_code: str | None
    #: Where they are, for people.
    place: str | None


def grouped(scopes: Iterable[Scope]) -> list[Group]:
    """Groups, of which each scope is in one: no module hides behind a larger one."""
    paths: dict[str | None, list[str | None]] = {}
    for scope in scopes:
        paths.setdefault(scope.module_code, []).append(scope.local_path)
    most = max(_MOST // max(len(paths), 1), 1)
    return [
        Group(count, module, place)
        for module, members in paths.items()
        for place, count in _counted(members, most)
    ]


def _counted(paths: Sequence[str | None], most: int) -> list[tuple[str | None, int]]:
    """How many paths are where, by as much of them as so many rows hold."""
    places = Counter(_place(path, 1) for path in paths)
    for depth in range(2, _DEEPEST + 1):
        deeper = Counter(_place(path, depth) for path in paths)
        if len(deeper) > most:
            break
        places = deeper
    ranked = places.most_common()
    if len(ranked) <= most:
        return ranked
    others = ranked[most - 1 :]
    rest = f"({len(others)} other paths)", sum(count for _, count in others)
    return [*ranked[: most - 1], rest]


def _place(path: str | None, depth: int) -> str | None:
    """A path, or its beginning."""
    segments = [segment for segment in (path or "").split("/") if segment]
    if not segments:
        return path or None
    return "/".join(["", *segments[:depth], *(["..."] if len(segments) > depth else [])])
