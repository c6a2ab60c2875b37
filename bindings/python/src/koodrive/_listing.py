"""What there is: devices, and the scopes that they back up."""

from __future__ import annotations

import enum
from typing import Any, NamedTuple, Union

from koodrive._handle import free_with
from koodrive._library import lib, text


class Module(str, enum.Enum):
    """What a scope backs up. The service may have modules that are not here: those are str.

    >>> Module.ALBUMS == "101"
    True
    """

    FOLDERS = "100"
    ALBUMS = "101"
    ADDRESS_BOOKS = "102"

    __str__ = str.__str__


#: A module, or its code.
ModuleCode = Union[Module, str]


class Device(NamedTuple):
    """A device of a user. What the service says nothing of is None."""

    device_id: str
    name: str | None
    os: str | None
    machine_code: str | None
    #: As the service writes it, such as "2025-09-15T06:14:48.630Z".
    created_at: str | None


class Scope(NamedTuple):
    """A backup scope of a device. What the service says nothing of is None."""

    scope_id: str
    #: "100" folders, "101" an album, "102" an address book: see Module.
    module_code: str | None
    #: What is backed up, on the device.
    local_path: str | None
    #: Where to, on the drive.
    target_folder_path: str | None
    #: As the service writes it, such as "2025-09-15T06:14:48.630Z".
    created_at: str | None
    #: Whose it is.
    device_id: str
    user_id: str


def devices_of(handle: Any) -> list[Device]:
    """The devices of a list of the library's, which is freed."""
    free = free_with(handle, lib.koodrive_devices_free)
    try:
        return [
            Device(
                text(lib.koodrive_devices_device_id(handle, index)) or "",
                text(lib.koodrive_devices_name(handle, index)),
                text(lib.koodrive_devices_os(handle, index)),
                text(lib.koodrive_devices_machine_code(handle, index)),
                text(lib.koodrive_devices_created_at(handle, index)),
            )
            for index in range(lib.koodrive_devices_count(handle))
        ]
    finally:
        free()


def scopes_of(handle: Any) -> list[Scope]:
    """The scopes of a list of the library's, which is freed."""
    free = free_with(handle, lib.koodrive_scopes_free)
    try:
        device_id = text(lib.koodrive_scopes_device_id(handle)) or ""
        user_id = text(lib.koodrive_scopes_user_id(handle)) or ""
        return [
            Scope(
                text(lib.koodrive_scopes_scope_id(handle, index)) or "",
                text(lib.koodrive_scopes_module_code(handle, index)),
                text(lib.koodrive_scopes_local_path(handle, index)),
                text(lib.koodrive_scopes_target_folder_path(handle, index)),
                text(lib.koodrive_scopes_created_at(handle, index)),
                device_id,
                user_id,
            )
            for index in range(lib.koodrive_scopes_count(handle))
        ]
    finally:
        free()
