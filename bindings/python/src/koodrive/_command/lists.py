"""koodrive devices, koodrive scopes."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import TextIO

from koodrive import Client, Device, Scope
from koodrive._command.arguments import MODULES
from koodrive._command.groups import Group
from koodrive._command.output import counted, print_complaint, print_rows, print_table, say, write
from koodrive._command.statuses import ALL_GONE, INCOMPLETE

_MODULE_NAMES = {module.value: name for name, module in MODULES.items()}

_DEVICE_HEAD = ("DEVICE", "NAME", "OS", "MACHINE CODE", "BOUND")
_SCOPE_HEAD = ("SCOPE", "MODULE", "ADDED", "TARGET", "PATH")


def devices(options: argparse.Namespace) -> int:
    """List the devices of a user."""
    with Client.from_env() as client:
        found = client.devices(options.user)
    return _print(found, Device._fields, _DEVICE_HEAD, "device", options.output)


def scopes(options: argparse.Namespace) -> int:
    """List the scopes of a device."""
    with Client.from_env() as client:
        found = client.scopes(options.device, options.module, options.user)
    return write_scopes(found, options.output)


def write_scopes(found: Sequence[Scope], output: str) -> int:
    """Write scopes to standard output; the exit status."""
    lines = [_line(scope) for scope in found]
    return _print(found, Scope._fields, _SCOPE_HEAD, "scope", output, lines)


def print_groups(groups: Iterable[Group], stream: TextIO) -> None:
    """Print for people how many scopes are where."""
    lines = [(f"{size:>6}", _module_name(code), place) for size, code, place in groups]
    print_table(lines, stream, ("SCOPES", "MODULE", "PATH"))


def print_scopes(found: Iterable[Scope], stream: TextIO) -> None:
    """Print scopes for people."""
    print_table([_line(scope) for scope in found], stream, _SCOPE_HEAD)


def _line(scope: Scope) -> Sequence[str | None]:
    name = _module_name(scope.module_code)
    return scope.scope_id, name, scope.created_at, scope.target_folder_path, scope.local_path


def _module_name(code: str | None) -> str | None:
    return _MODULE_NAMES.get(code or "", code)


def _print(
    found: Sequence[Device] | Sequence[Scope],
    fields: Sequence[str],
    head: Sequence[str],
    name: str,
    output: str,
    lines: Sequence[Sequence[str | None]] | None = None,
) -> int:
    summary = counted(len(found), name)

    def print_to(stream: TextIO) -> None:
        if output == "table":
            print_table(found if lines is None else lines, stream, head)
            print(summary, file=stream)
        else:
            print_rows([row._asdict() for row in found], fields, output, stream)
            print_complaint(summary)

    for complaint in (complaints := write(print_to, lambda _: None)):
        say(complaint)
    return INCOMPLETE if complaints else ALL_GONE
