"""The API reference's contract, as a Python programmer meets it."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import pytest

import koodrive
from conftest import DEVICE, USER, Sandbox, StartSandbox
from koodrive import Outcome

PAGE_IDS = [
    "123",
    "123",
    "345",
    "1760265745989677312",
    "1752777931588940032",
    "1752990708303704321",
    "1842846715527366528",
]


def test_the_pages_own_example(start_sandbox: StartSandbox) -> None:
    sandbox = start_sandbox(scopes={"users": {USER: {DEVICE: [PAGE_IDS[-1]]}}})
    with sandbox.client() as client:
        report = client.delete_scopes(DEVICE, PAGE_IDS)
    assert report.deleted == ["1842846715527366528"]
    assert report.failures == []
    assert report.tally() == {
        Outcome.DELETED: 1,
        Outcome.NOT_FOUND: 5,
        Outcome.DUPLICATE: 1,
    }
    assert report.request_count == 1
    first = report[0]
    assert (first.scope_id, first.device_id, first.user_id) == ("123", DEVICE, USER)
    assert (first.outcome, first.service_code) == (Outcome.NOT_FOUND, "15000418")
    assert report[-1].service_code is None
    report.raise_for_failures()
    assert repr(report) == "<koodrive.Report 7 ids: 1 DELETED, 5 NOT_FOUND, 1 DUPLICATE>"


def test_a_report_is_a_sequence_of_outcomes(sandbox: Sandbox) -> None:
    with sandbox.client() as client:
        report = client.delete_scopes(DEVICE, range(10, 20))
    assert len(report) == 10
    assert [outcome.scope_id for outcome in report] == [str(i) for i in range(10, 20)]
    assert [outcome.scope_id for outcome in report[2:8:3]] == ["12", "15"]
    assert report[-1] == report[9]
    assert report[3] in report
    assert [outcome.scope_id for outcome in reversed(report)][:2] == ["19", "18"]
    assert report.scope_ids == [str(i) for i in range(10, 20)]
    assert list(report.outcomes) == [1] * 10
    assert report.outcomes.readonly
    for bad in (10, -11, 2**80):
        with pytest.raises(IndexError):
            report[bad]
    with pytest.raises(TypeError):
        report["1"]  # type: ignore[call-overload]


def test_ids_arrive_exactly_as_they_were_given(sandbox: Sandbox) -> None:
    numpy = pytest.importorskip("numpy")
    ids: list[Any] = ["0123", 2**64, -7, numpy.int64(2**63 - 1), numpy.uint8(5), numpy.str_("77")]
    with sandbox.client() as client:
        report = client.delete_scopes(int(DEVICE), ids, user_id=int(USER))
        client.delete_scopes(DEVICE, numpy.arange(3, dtype=numpy.uint64) + 2**53)
    exact = ["0123", "18446744073709551616", "-7", "9223372036854775807", "5", "77"]
    assert report.deleted == exact
    first, second = sandbox.ledger()
    assert first["ids"] == exact
    assert (first["user"], first["device"]) == (USER, DEVICE)
    assert second["ids"] == ["9007199254740992", "9007199254740993", "9007199254740994"]


@pytest.mark.parametrize(
    "iterable",
    [
        ("1", "2"),
        {"1": None, "2": None},
        iter(["1", "2"]),
        (str(i) for i in (1, 2)),
        map(str, (1, 2)),
    ],
    ids=lambda iterable: type(iterable).__name__,
)
def test_any_iterable_holds_ids(sandbox: Sandbox, iterable: Any) -> None:
    with sandbox.client() as client:
        assert client.delete_scopes(DEVICE, iterable).deleted == ["1", "2"]


def test_a_plan_holds_ids_of_many_users_and_devices(sandbox: Sandbox) -> None:
    plan = koodrive.Plan()
    plan.add("phone", range(150))
    plan.add_lines("old phone", b"1\n2", user_id=7)
    plan.add_lines("old phone", "3\n", user_id="7")
    plan.add("phone", ["1000"])
    assert (len(plan), plan.request_count) == (154, 3)
    with sandbox.client() as client:
        report = client.delete_plan(plan)
        plan.add("phone", ["1001"])
        again = client.delete_plan(plan)
    assert len(report.deleted) == len(report) == 154
    assert report.scope_ids[-4:] == ["1", "2", "3", "1000"]
    assert (report[151].device_id, report[151].user_id) == ("old phone", "7")
    assert again.deleted == ["1001"]
    asked = sorted((r["user"], r["device"], len(r["ids"])) for r in sandbox.ledger()[:3])
    assert asked == [(USER, "phone", 51), (USER, "phone", 100), ("7", "old phone", 3)]


def test_nothing_to_do_sends_nothing(sandbox: Sandbox) -> None:
    with sandbox.client() as client:
        for report in (client.delete_scopes(DEVICE, []), client.delete_plan(koodrive.Plan())):
            assert len(report) == report.request_count == len(report.unfinished) == 0
            assert not any([list(report), report[:], report.deleted, report.failures])
            assert report.tally() == {}
            report.raise_for_failures()
    assert sandbox.ledger() == []


def test_rejected_ids_say_why(start_sandbox: StartSandbox) -> None:
    locked = {"error_code": "15000999", "msg": "The scope is locked."}
    sandbox = start_sandbox(rejected_ids={"2": locked})
    with sandbox.client() as client:
        report = client.delete_scopes(DEVICE, ["1", "2", "3"])
    assert report.deleted == ["1", "3"]
    [failure] = report.failures
    assert failure == (
        "2",
        DEVICE,
        USER,
        Outcome.REJECTED,
        "15000999",
        "The scope is locked.",
    )
    with pytest.raises(koodrive.ScopesNotDeleted, match=r"1 of 3 .* 2: REJECTED") as caught:
        report.raise_for_failures()
    assert caught.value.report is report
    assert caught.value.status == koodrive.Status.OK


def test_every_setting_reaches_the_library(start_sandbox: StartSandbox, tmp_path: Path) -> None:
    sandbox = start_sandbox("--tls", str(tmp_path), "--app-id", "app", "--app-secret", "key")
    settings: dict[str, Any] = {
        "user_id": USER,
        "app_id": "app",
        "app_secret": "key",
        "ca_file": tmp_path / "ca.pem",
        "connect_timeout_ms": 20_000,
        "request_timeout_ms": 20_000,
        "run_timeout_ms": 0,
        "max_outage_ms": 0,
        "max_attempts": 1,
        "max_connections": 1,
        "max_requests_per_second": 1000,
    }
    with koodrive.Client(sandbox.url, **settings) as client:
        assert client.delete_scopes(DEVICE, ["1"]).deleted == ["1"]


def test_a_client_from_the_environment(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox.use(monkeypatch)
    with koodrive.Client.from_env() as client:
        assert client.delete_scopes(DEVICE, ["1"]).deleted == ["1"]
    monkeypatch.setenv("KOODRIVE_MAX_ATTEMPTS", "none")
    with pytest.raises(koodrive.InvalidArgument, match="KOODRIVE_MAX_ATTEMPTS"):
        koodrive.Client.from_env()


def test_a_new_token_serves_from_now_on(start_sandbox: StartSandbox) -> None:
    sandbox = start_sandbox(tokens=[{"value": "new"}], authorizations=["Verbatim+new"])
    with sandbox.client() as client:
        with pytest.raises(koodrive.Unauthorized) as caught:
            client.delete_scopes(DEVICE, ["1", "2"])
        assert caught.value.report is not None
        client.set_access_token("new")
        report = client.delete_plan(caught.value.report.unfinished)
        assert report.deleted == report.scope_ids == ["1", "2"]
        client.set_authorization("Verbatim+new")
        assert client.delete_scopes(DEVICE, ["3"]).deleted == ["3"]


def test_numbers_that_a_later_library_adds_are_kept() -> None:
    for kind in (Outcome, koodrive.Status):
        later = kind(99)
        assert isinstance(later, kind)
        assert (later, later.name) == (99, "UNDEFINED_99")
        with pytest.raises(ValueError, match="x"):
            kind("x")  # type: ignore[arg-type]


def test_outcomes_are_plain_data(sandbox: Sandbox) -> None:
    with sandbox.client() as client:
        [outcome] = client.delete_scopes(DEVICE, ["1"])
    assert pickle.loads(pickle.dumps(outcome)) == outcome
    assert json.loads(json.dumps(outcome._asdict()))["outcome"] == 1


def test_a_forked_child_uses_its_copy(sandbox: Sandbox) -> None:
    with sandbox.client() as client:
        client.delete_scopes(DEVICE, ["1"])
        child = os.fork()
        if child == 0:
            deleted = client.delete_scopes(DEVICE, ["2"]).deleted
            os._exit(0 if deleted == ["2"] else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert client.delete_scopes(DEVICE, ["3"]).deleted == ["3"]
