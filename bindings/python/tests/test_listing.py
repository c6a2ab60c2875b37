"""What a Python programmer sees of the calls that list."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import koodrive
from conftest import DEVICE, USER, Sandbox, StartSandbox
from koodrive import Module, Outcome

OTHER_DEVICE = "1775406005920779393"
SCOPES = [
    {"scopeId": "1", "moduleCode": "100", "localPath": "/Documents"},
    {
        "scopeId": "2",
        "moduleCode": "101",
        "localPath": "/DCIM/Summer",
        "targetFolderPath": "/backup/a",
        "createTime": "2025-11-03T07:01:40.000Z",
    },
    {"scopeId": "3", "moduleCode": "101", "localPath": "/DCIM/Winter"},
    {"scopeId": "4", "moduleCode": "102", "localPath": "/Contacts"},
]
DEVICES = {
    OTHER_DEVICE: {"deviceName": "Magic v3", "deviceOS": "Android", "scopes": []},
    DEVICE: SCOPES,
}


@pytest.fixture
def client(start_sandbox: StartSandbox) -> Iterator[koodrive.Client]:
    with start_sandbox(scopes={"users": {USER: DEVICES}}).client() as client:
        yield client


def test_devices(client: koodrive.Client) -> None:
    first, second = client.devices()
    assert first == (OTHER_DEVICE, "Magic v3", "Android", None, None)
    assert (second.device_id, second.name) == (DEVICE, None)
    assert client.devices(USER) == [first, second]


def test_scopes(client: koodrive.Client) -> None:
    assert [scope.scope_id for scope in client.scopes(DEVICE)] == ["1", "2", "3", "4"]
    assert client.scopes(OTHER_DEVICE) == []
    for module in (Module.ALBUMS, "101"):
        album, _ = client.scopes(DEVICE, module, user_id=int(USER))
        assert album.module_code == Module.ALBUMS
        assert (album.local_path, album.target_folder_path) == ("/DCIM/Summer", "/backup/a")
        assert album.created_at == "2025-11-03T07:01:40.000Z"
        assert (album.device_id, album.user_id) == (DEVICE, USER)


def test_what_is_chosen_of_a_list_is_deleted(client: koodrive.Client) -> None:
    plan = koodrive.Plan()
    plan.add_scopes(scope for scope in client.scopes(DEVICE) if scope.local_path != "/DCIM/Winter")
    report = client.delete_plan(plan)
    assert [scope.outcome for scope in report] == [Outcome.DELETED] * 3
    assert {scope.user_id for scope in report} == {USER}
    assert [scope.scope_id for scope in client.scopes(DEVICE)] == ["3"]


def test_scopes_are_deleted_for_their_user_whoever_runs_the_plan(
    start_sandbox: StartSandbox,
) -> None:
    sandbox = start_sandbox(scopes={"users": {"a": {"d": ["1"]}, "b": {"d": ["1"]}}})
    plan = koodrive.Plan()
    with sandbox.client(user_id="a") as one, sandbox.client(user_id="b") as other:
        plan.add_scopes(one.scopes("d"))
        other.delete_plan(plan)
        assert one.scopes("d") == []
        assert len(other.scopes("d")) == 1


def test_scopes_of_many_devices_are_added_all_or_none(client: koodrive.Client) -> None:
    plan = koodrive.Plan()
    album = client.scopes(DEVICE, Module.ALBUMS)
    bad = album[0]._replace(scope_id="1.5", device_id=OTHER_DEVICE)
    with pytest.raises(koodrive.InvalidArgument, match="scope_ids"):
        plan.add_scopes([*album, bad])
    assert len(plan) == 0
    with pytest.raises(TypeError, match=r"scopes\[1\]: must be a Scope, not str"):
        plan.add_scopes([album[0], "2"])  # type: ignore[list-item]
    plan.add_scopes([*album, bad._replace(scope_id="5")])
    assert (len(plan), plan.request_count) == (3, 2)


def test_the_services_reason_is_in_the_error(client: koodrive.Client) -> None:
    with pytest.raises(koodrive.ServiceError, match="The device does not exist") as caught:
        client.scopes("unknown")
    assert (caught.value.http_status, caught.value.service_code) == (404, "15000404")
    assert caught.value.request_id
    assert caught.value.report is None
    with pytest.raises(koodrive.ServiceError, match="The user does not exist"):
        client.devices("nobody")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("",), "device_id: "),
        ((DEVICE, ""), "module_code: "),
        ((DEVICE, "1 1"), "module_code: "),
        ((DEVICE, None, ""), "user_id: "),
    ],
)
def test_bad_arguments_are_named(
    client: koodrive.Client, arguments: tuple[Any, ...], named: str
) -> None:
    with pytest.raises(koodrive.InvalidArgument, match=named):
        client.scopes(*arguments)


def test_values_of_a_wrong_type(client: koodrive.Client) -> None:
    with pytest.raises(TypeError, match="module: must be a str"):
        client.scopes(DEVICE, 101)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="device_id"):
        client.scopes(1.5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="monitor: must be a Monitor"):
        client.devices(monitor="m")  # type: ignore[arg-type]
    client.close()
    with pytest.raises(RuntimeError, match="closed"):
        client.devices()


def test_ctrl_c_ends_a_list_at_once(sandbox: Sandbox) -> None:
    sandbox.set_faults({"hang": {"executed": True}})

    def interrupt() -> None:
        sandbox.wait_for_requests(1)
        signal.pthread_kill(main.ident or 0, signal.SIGINT)

    main = threading.current_thread()
    interruption = threading.Thread(target=interrupt)
    interruption.start()
    with sandbox.client() as client, pytest.raises(KeyboardInterrupt):
        client.scopes(DEVICE)
    interruption.join()


def test_a_monitor_ends_a_list_at_once(sandbox: Sandbox) -> None:
    sandbox.set_faults({"hang": {"executed": True}})
    monitor = koodrive.Monitor()

    def cancel() -> None:
        sandbox.wait_for_requests(1)
        monitor.cancel()

    cancellation = threading.Thread(target=cancel)
    cancellation.start()
    with sandbox.client() as client, pytest.raises(koodrive.Cancelled):
        client.devices(monitor=monitor)
    cancellation.join()


def test_any_number_of_scopes(start_sandbox: StartSandbox) -> None:
    sandbox = start_sandbox(scopes={"auto": {"count": 20_000}})
    with sandbox.client() as client:
        scopes = client.scopes(DEVICE)
        plan = koodrive.Plan()
        plan.add_scopes(scopes)
        assert len(plan) == len({scope.scope_id for scope in scopes}) == 20_000
