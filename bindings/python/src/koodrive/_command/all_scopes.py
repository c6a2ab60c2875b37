"""koodrive delete --all: lists what there is, chooses, asks, and looks afterwards."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from koodrive import Client, InvalidArgument, KooDriveError, Scope
from koodrive._command.groups import grouped
from koodrive._command.lists import print_groups, print_scopes
from koodrive._command.output import counted, print_complaint, shown

#: How many scopes are shown one by one before the question.
_SHOWN = 20


def check(options: argparse.Namespace) -> None:
    """Refuse what does not go together, before anything is sent."""
    if options.path is not None:
        _check_path(options.path)
    if not options.yes and not options.dry_run and not _can_ask():
        raise InvalidArgument("--all: there is no terminal to ask on; say --yes to delete unasked")


def _can_ask() -> bool:
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def _check_path(path: str) -> None:
    if not path.startswith("/"):
        raise InvalidArgument('--path: must begin with "/"')
    if {".", ".."} & set(path.split("/")):
        raise InvalidArgument('--path: must hold no segment "." or ".."')
    if not _segments(path):
        raise InvalidArgument("--path: must name something below /; without it all are meant")


def choose(client: Client, options: argparse.Namespace) -> list[Scope]:
    """The scopes of the device that are meant."""
    listed = client.scopes(options.device, options.module, options.user)
    if options.path is None:
        return listed
    unclear = sum(not _is_clear(scope.local_path) for scope in listed)
    if unclear:
        print_complaint(f"{unclear} of {len(listed)} scopes have no path to compare: left out")
    return [scope for scope in listed if is_below(scope.local_path, options.path)]


def is_below(path: str | None, prefix: str) -> bool:
    """Whether a path is the prefix, or below it by whole segments."""
    if path is None or not _is_clear(path):
        return False
    wanted = _segments(prefix)
    return _segments(path)[: len(wanted)] == wanted


def _is_clear(path: str | None) -> bool:
    """Whether a path's text tells where it leads."""
    return path is not None and not {".", ".."} & set(path.split("/"))


def _segments(path: str) -> list[str]:
    return [segment for segment in path.split("/") if segment]


def show(scopes: Sequence[Scope], device: str) -> None:
    """Show on standard error what would go, all of it."""
    count = f"{counted(len(scopes), 'scope')} of device {shown(device)}"
    are_many = len(scopes) > _SHOWN
    print_complaint(f"{count} (--dry-run lists each):" if are_many else f"{count}:")
    if sys.stderr is None:
        return
    if are_many:
        print_groups(grouped(scopes), sys.stderr)
    else:
        print_scopes(scopes, sys.stderr)


def is_confirmed(count: int) -> bool:
    """Whether the user says yes."""
    print_complaint(f"Delete {'it' if count == 1 else f'these {count}'}? [y/N] ", end="")
    return sys.stdin.buffer.readline().strip().lower() in (b"y", b"yes")


def still_there(
    client: Client, options: argparse.Namespace, scopes: Sequence[Scope]
) -> tuple[list[Scope], str | None]:
    """Those that are listed once more; or why they can't be listed."""
    asked = {scope.scope_id for scope in scopes}
    try:
        listed = client.scopes(options.device, options.module, options.user)
    except KooDriveError as error:
        return [], f"what still exists could not be listed: {error.status.name}: {error}"
    return [scope for scope in listed if scope.scope_id in asked], None
