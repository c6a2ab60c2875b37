"""Finds and loads the koodrive library, and declares its functions as include/koodrive.h does."""

from __future__ import annotations

import ctypes
import os
import sys
from ctypes import (
    POINTER,
    c_bool,
    c_char_p,
    c_double,
    c_int32,
    c_size_t,
    c_uint32,
    c_uint64,
    c_void_p,
)
from types import SimpleNamespace
from typing import Any

#: The interface version that this package needs: the same major, at least this minor.
ABI_VERSION = (1, 0)


class ArrowArrayStream(ctypes.Structure):
    """A table on its way from one library to another; its functions are the producer's."""

    _fields_ = (
        ("get_schema", c_void_p),
        ("get_next", c_void_p),
        ("get_last_error", c_void_p),
        ("release", c_void_p),
        ("private_data", c_void_p),
    )


class koodrive_client(ctypes.Structure):  # noqa: N801 - the C names
    """Opaque."""


class koodrive_config(ctypes.Structure):  # noqa: N801
    """Opaque."""


class koodrive_devices(ctypes.Structure):  # noqa: N801
    """Opaque."""


class koodrive_error(ctypes.Structure):  # noqa: N801
    """Opaque."""


class koodrive_event(ctypes.Structure):  # noqa: N801
    """Opaque."""


class koodrive_monitor(ctypes.Structure):  # noqa: N801
    """Opaque."""


class koodrive_plan(ctypes.Structure):  # noqa: N801
    """Opaque."""


class koodrive_result(ctypes.Structure):  # noqa: N801
    """Opaque."""


class koodrive_scopes(ctypes.Structure):  # noqa: N801
    """Opaque."""


ArrowArrayStreamPointer = POINTER(ArrowArrayStream)
ClientPointer = POINTER(koodrive_client)
ConfigPointer = POINTER(koodrive_config)
DevicesPointer = POINTER(koodrive_devices)
ErrorPointer = POINTER(koodrive_error)
EventPointer = POINTER(koodrive_event)
MonitorPointer = POINTER(koodrive_monitor)
PlanPointer = POINTER(koodrive_plan)
ResultPointer = POINTER(koodrive_result)
ScopesPointer = POINTER(koodrive_scopes)

_ErrorPlace = POINTER(ErrorPointer)
_SET_TEXT = (c_int32, [ConfigPointer, c_char_p, _ErrorPlace])
_SET_UINT32 = (c_int32, [ConfigPointer, c_uint32, _ErrorPlace])
_SET_UINT64 = (c_int32, [ConfigPointer, c_uint64, _ErrorPlace])
_STEP = (c_bool, [ResultPointer, POINTER(c_size_t), POINTER(c_size_t)])
_TEXT_AT_INDEX = (c_char_p, [ResultPointer, c_size_t])
_TEXT_OF_DEVICE = (c_char_p, [DevicesPointer, c_size_t])
_TEXT_OF_SCOPE = (c_char_p, [ScopesPointer, c_size_t])

#: What each function returns and takes.
SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "koodrive_abi_version": (c_uint32, []),
    "koodrive_version": (c_char_p, []),
    "koodrive_error_message": (c_char_p, [ErrorPointer]),
    "koodrive_error_http_status": (c_int32, [ErrorPointer]),
    "koodrive_error_service_code": (c_char_p, [ErrorPointer]),
    "koodrive_error_request_id": (c_char_p, [ErrorPointer]),
    "koodrive_error_is_retryable": (c_bool, [ErrorPointer]),
    "koodrive_error_free": (None, [ErrorPointer]),
    "koodrive_config_new": (ConfigPointer, []),
    "koodrive_config_load_env": (c_int32, [ConfigPointer, _ErrorPlace]),
    "koodrive_config_set_endpoint": _SET_TEXT,
    "koodrive_config_set_user_id": _SET_TEXT,
    "koodrive_config_set_access_token": _SET_TEXT,
    "koodrive_config_set_authorization": _SET_TEXT,
    "koodrive_config_set_app_credentials": (
        c_int32,
        [ConfigPointer, c_char_p, c_char_p, _ErrorPlace],
    ),
    "koodrive_config_set_ca_file": _SET_TEXT,
    "koodrive_config_set_proxy": _SET_TEXT,
    "koodrive_config_set_connect_timeout_ms": _SET_UINT64,
    "koodrive_config_set_request_timeout_ms": _SET_UINT64,
    "koodrive_config_set_run_timeout_ms": _SET_UINT64,
    "koodrive_config_set_max_outage_ms": _SET_UINT64,
    "koodrive_config_set_max_attempts": _SET_UINT32,
    "koodrive_config_set_max_connections": _SET_UINT32,
    "koodrive_config_set_max_requests_per_second": _SET_UINT32,
    "koodrive_config_free": (None, [ConfigPointer]),
    "koodrive_devices_count": (c_size_t, [DevicesPointer]),
    "koodrive_devices_device_id": _TEXT_OF_DEVICE,
    "koodrive_devices_name": _TEXT_OF_DEVICE,
    "koodrive_devices_os": _TEXT_OF_DEVICE,
    "koodrive_devices_machine_code": _TEXT_OF_DEVICE,
    "koodrive_devices_created_at": _TEXT_OF_DEVICE,
    "koodrive_devices_free": (None, [DevicesPointer]),
    "koodrive_scopes_user_id": (c_char_p, [ScopesPointer]),
    "koodrive_scopes_device_id": (c_char_p, [ScopesPointer]),
    "koodrive_scopes_count": (c_size_t, [ScopesPointer]),
    "koodrive_scopes_scope_id": _TEXT_OF_SCOPE,
    "koodrive_scopes_module_code": _TEXT_OF_SCOPE,
    "koodrive_scopes_local_path": _TEXT_OF_SCOPE,
    "koodrive_scopes_target_folder_path": _TEXT_OF_SCOPE,
    "koodrive_scopes_created_at": _TEXT_OF_SCOPE,
    "koodrive_scopes_free": (None, [ScopesPointer]),
    "koodrive_plan_new": (PlanPointer, []),
    "koodrive_plan_add_lines": (
        c_int32,
        [PlanPointer, c_char_p, c_char_p, c_char_p, c_size_t, c_size_t, _ErrorPlace],
    ),
    "koodrive_plan_add_arrow": (c_int32, [PlanPointer, ArrowArrayStreamPointer, _ErrorPlace]),
    "koodrive_plan_mark_tried": (c_int32, [PlanPointer, _ErrorPlace]),
    "koodrive_plan_truncate": (c_int32, [PlanPointer, c_size_t, _ErrorPlace]),
    "koodrive_plan_scope_count": (c_size_t, [PlanPointer]),
    "koodrive_plan_request_count": (c_size_t, [PlanPointer]),
    "koodrive_plan_free": (None, [PlanPointer]),
    "koodrive_monitor_new": (MonitorPointer, []),
    "koodrive_monitor_cancel": (None, [MonitorPointer]),
    "koodrive_monitor_scopes_done": (c_size_t, [MonitorPointer]),
    "koodrive_monitor_scopes_total": (c_size_t, [MonitorPointer]),
    "koodrive_monitor_requests_sent": (c_uint64, [MonitorPointer]),
    "koodrive_monitor_retries": (c_uint64, [MonitorPointer]),
    "koodrive_monitor_throttles": (c_uint64, [MonitorPointer]),
    "koodrive_monitor_keep_events": (c_int32, [MonitorPointer, c_size_t, _ErrorPlace]),
    "koodrive_monitor_next_event": (EventPointer, [MonitorPointer]),
    "koodrive_monitor_events_dropped": (c_size_t, [MonitorPointer]),
    "koodrive_monitor_free": (None, [MonitorPointer]),
    "koodrive_event_kind": (c_int32, [EventPointer]),
    "koodrive_event_kind_name": (c_char_p, [c_int32]),
    "koodrive_event_message": (c_char_p, [EventPointer]),
    "koodrive_event_user_id": (c_char_p, [EventPointer]),
    "koodrive_event_device_id": (c_char_p, [EventPointer]),
    "koodrive_event_first_scope_id": (c_char_p, [EventPointer]),
    "koodrive_event_request_id": (c_char_p, [EventPointer]),
    "koodrive_event_http_status": (c_int32, [EventPointer]),
    "koodrive_event_elapsed_ms": (c_uint64, [EventPointer]),
    "koodrive_event_duration_ms": (c_uint64, [EventPointer]),
    "koodrive_event_scope_count": (c_size_t, [EventPointer]),
    "koodrive_event_attempt": (c_uint32, [EventPointer]),
    "koodrive_event_rate": (c_double, [EventPointer]),
    "koodrive_event_free": (None, [EventPointer]),
    "koodrive_outcome_if_tried": (c_int32, [c_int32]),
    "koodrive_result_count": (c_size_t, [ResultPointer]),
    "koodrive_result_outcomes": (POINTER(c_int32), [ResultPointer]),
    "koodrive_result_tally": (c_size_t, [ResultPointer, c_int32]),
    "koodrive_result_next_failure": _STEP,
    "koodrive_result_next_unfinished": _STEP,
    "koodrive_result_request_count": (c_size_t, [ResultPointer]),
    "koodrive_result_scope_id": _TEXT_AT_INDEX,
    "koodrive_result_device_id": _TEXT_AT_INDEX,
    "koodrive_result_user_id": _TEXT_AT_INDEX,
    "koodrive_result_service_code": _TEXT_AT_INDEX,
    "koodrive_result_message": _TEXT_AT_INDEX,
    "koodrive_result_unfinished": (PlanPointer, [ResultPointer]),
    "koodrive_result_to_arrow": (c_int32, [ResultPointer, ArrowArrayStreamPointer, _ErrorPlace]),
    "koodrive_result_free": (None, [ResultPointer]),
    "koodrive_client_new": (c_int32, [ConfigPointer, POINTER(ClientPointer), _ErrorPlace]),
    "koodrive_client_set_access_token": (c_int32, [ClientPointer, c_char_p, _ErrorPlace]),
    "koodrive_client_set_authorization": (c_int32, [ClientPointer, c_char_p, _ErrorPlace]),
    "koodrive_client_list_devices": (
        c_int32,
        [ClientPointer, c_char_p, MonitorPointer, POINTER(DevicesPointer), _ErrorPlace],
    ),
    "koodrive_client_list_scopes": (
        c_int32,
        [
            ClientPointer,
            c_char_p,
            c_char_p,
            c_char_p,
            MonitorPointer,
            POINTER(ScopesPointer),
            _ErrorPlace,
        ],
    ),
    "koodrive_client_delete_plan": (
        c_int32,
        [ClientPointer, PlanPointer, MonitorPointer, POINTER(ResultPointer), _ErrorPlace],
    ),
    "koodrive_client_delete_plan_journaled": (
        c_int32,
        [ClientPointer, PlanPointer, c_char_p, MonitorPointer, POINTER(ResultPointer), _ErrorPlace],
    ),
    "koodrive_client_free": (None, [ClientPointer]),
}

# These take long or touch files and the network: other threads run meanwhile. All others hold the
# GIL: they are brief, come one at a time, as the C interface asks, and os.environ stays as it is
# while koodrive_config_load_env() reads it.
_RELEASE_THE_GIL = {
    "koodrive_config_set_ca_file",
    "koodrive_plan_add_arrow",
    "koodrive_plan_add_lines",
    "koodrive_client_new",
    "koodrive_client_list_devices",
    "koodrive_client_list_scopes",
    "koodrive_client_delete_plan",
    "koodrive_client_delete_plan_journaled",
    "koodrive_client_free",
}


def _path() -> str:
    """The library that KOODRIVE_LIBRARY names, else the wheel's, else the system's."""
    named = os.environ.get("KOODRIVE_LIBRARY")
    if named:
        return named
    major = ABI_VERSION[0]
    names = {
        "win32": ("koodrive.dll", "koodrive.dll"),
        "darwin": ("libkoodrive.dylib", f"libkoodrive.{major}.dylib"),
    }
    default = ("libkoodrive.so", f"libkoodrive.so.{major}")
    file, system_name = names.get(sys.platform, default)
    packed = os.path.join(os.path.dirname(__file__), file)
    return packed if os.path.exists(packed) else system_name


def _load(path: str) -> SimpleNamespace:
    """All functions of the library, declared."""
    try:
        holding, releasing = ctypes.PyDLL(path), ctypes.CDLL(path)
    except OSError as error:
        raise ImportError(
            f"the koodrive library can't be loaded: {error}; install the wheel or the library, or "
            "name its file in KOODRIVE_LIBRARY"
        ) from None
    _check_abi_version(path, holding)
    functions = SimpleNamespace()
    for name, (result, arguments) in SIGNATURES.items():
        function = getattr(releasing if name in _RELEASE_THE_GIL else holding, name)
        function.restype, function.argtypes = result, arguments
        setattr(functions, name, function)
    return functions


def _check_abi_version(path: str, library: ctypes.CDLL) -> None:
    try:
        abi_version = library.koodrive_abi_version
    except AttributeError:
        raise ImportError(f"{path}: is not the koodrive library") from None
    abi_version.restype = c_uint32
    packed = abi_version()
    found = (packed >> 16, packed & 0xFFFF)
    if found[0] != ABI_VERSION[0] or found[1] < ABI_VERSION[1]:
        raise ImportError(
            f"{path}: has version {found[0]}.{found[1]} of koodrive's C interface, this package "
            f"needs {ABI_VERSION[0]}.x with x at least {ABI_VERSION[1]}"
        )


lib = _load(_path())


def text(pointed: bytes | None) -> str | None:
    """A text of the library, which is UTF-8 or NULL."""
    return None if pointed is None else pointed.decode()


def version() -> str:
    """The version of the loaded library, such as "0.1.0"."""
    found: bytes = lib.koodrive_version()
    return found.decode()
