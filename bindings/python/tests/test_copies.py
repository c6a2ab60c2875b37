"""Copies and pickles: of what does not change they say the same, of the rest there are none."""

from __future__ import annotations

import copy
import gc
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor
from typing import Any, Callable

import pytest

import koodrive
from conftest import DEVICE, PATIENCE, USER, Sandbox, StartSandbox

COPIES: list[Callable[[Any], Any]] = [
    copy.copy,
    copy.deepcopy,
    *(
        lambda value, protocol=protocol: pickle.loads(pickle.dumps(value, protocol))
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    ),
]


@pytest.fixture
def error(start_sandbox: StartSandbox) -> koodrive.KooDriveError:
    """An error with a report of all kinds of outcomes."""
    sandbox = start_sandbox(
        scopes={"users": {USER: {DEVICE: ["1", "2"]}, "u": {"d": ["4", "5"]}}},
        rejected_ids={"2": {"error_code": "7", "msg": "locked \u9501"}},
    )
    sandbox.set_faults(
        {"match": {"from": 1, "count": 1}, "fault": "lose_answer"},
        {"match": {"from": 2}, "fault": {"status": {"status": 401}}},
    )
    plan = koodrive.Plan()
    plan.add(DEVICE, ["1", "2", "1", "3"])
    plan.add("d", ["4", "5"], user_id="u")
    plan.add(DEVICE, ["1"])
    plan.add("e", ["6"])
    with (
        sandbox.client(max_connections=1) as client,
        pytest.raises(koodrive.Unauthorized) as caught,
    ):
        client.delete_plan(plan)
    return caught.value


def said(report: koodrive.Report) -> list[Any]:
    """All that a report says."""
    return [
        list(report),
        report.scope_ids,
        bytes(report.outcomes),
        report.deleted,
        report.failures,
        report.unfinished_scopes,
        len(report.unfinished),
        report.unfinished.request_count,
        report.request_count,
        report.tally(),
        repr(report),
        report[1],
        report[-1:],
    ]


@pytest.mark.parametrize("duplicate", COPIES)
def test_a_copied_report_says_the_same(
    error: koodrive.KooDriveError, duplicate: Callable[[Any], Any]
) -> None:
    assert error.report is not None
    expected = said(error.report)
    report = duplicate(error.report)
    error.report = None
    gc.collect()
    assert said(report) == expected
    assert said(duplicate(report)) == expected
    with pytest.raises(koodrive.ScopesNotDeleted, match="may still exist"):
        report.raise_for_failures()


@pytest.mark.parametrize("duplicate", COPIES)
def test_a_copied_error_says_the_same(
    error: koodrive.KooDriveError, duplicate: Callable[[Any], Any]
) -> None:
    copied = duplicate(error)
    assert type(copied) is type(error)
    facts = ["status", "http_status", "service_code", "request_id", "retryable"]
    assert [getattr(copied, fact) for fact in facts] == [getattr(error, fact) for fact in facts]
    assert str(copied) == str(error)
    assert error.report is not None
    assert copied.report is not None
    assert said(copied.report) == said(error.report)


def test_what_a_restored_report_leaves_unfinished_can_be_run(
    start_sandbox: StartSandbox, error: koodrive.KooDriveError
) -> None:
    restored: koodrive.Report = pickle.loads(pickle.dumps(error.report))
    with start_sandbox(scopes={"users": {}}).client() as client:
        report = client.delete_plan(restored.unfinished)
    left = {one[:3]: one.outcome for one in restored.unfinished_scopes}
    assert left.keys() == {one[:3] for one in report}
    assert koodrive.Outcome.UNKNOWN in left.values()
    assert koodrive.Outcome.NOT_SENT in left.values()
    never_there = {koodrive.Outcome.NOT_SENT: "NOT_FOUND", koodrive.Outcome.UNKNOWN: "GONE"}
    assert {one[:3]: one.outcome.name for one in report} == {
        key: never_there[outcome] for key, outcome in left.items()
    }


def delete_in_a_pool(environment: dict[str, str], ids: list[str]) -> koodrive.Report:
    with koodrive.Client(
        environment["KOODRIVE_ENDPOINT"],
        user_id=USER,
        access_token=environment["KOODRIVE_ACCESS_TOKEN"],
    ) as client:
        report = client.delete_scopes("d", ids)
    report.raise_for_failures()
    return report


def test_reports_and_errors_come_back_from_a_pool_of_processes(
    start_sandbox: StartSandbox,
) -> None:
    sandbox = start_sandbox(rejected_ids={"3": {"error_code": "7", "msg": "locked"}})
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        good = pool.submit(delete_in_a_pool, sandbox.environment(), ["1", "2"])
        bad = pool.submit(delete_in_a_pool, sandbox.environment(), ["3"])
        assert good.result(PATIENCE).deleted == ["1", "2"]
        with pytest.raises(koodrive.ScopesNotDeleted) as caught:
            bad.result(PATIENCE)
    assert caught.value.report is not None
    assert caught.value.report[0].message == "locked"


def test_what_changes_has_no_copies(sandbox: Sandbox) -> None:
    plan = koodrive.Plan()
    plan.add("d", ["1"])
    with sandbox.client() as client:
        for value in (plan, client, koodrive.Monitor()):
            for duplicate in COPIES:
                with pytest.raises(TypeError, match="can't be copied or pickled"):
                    duplicate(value)
        assert client.delete_plan(plan).deleted == ["1"]


def test_an_object_whose_insides_were_taken_over_stays_alive(sandbox: Sandbox) -> None:
    """Not a use that is meant, but no reason to crash."""
    plan = koodrive.Plan()
    plan.add("d", ["1"])
    other = koodrive.Plan.__new__(koodrive.Plan)
    other.__dict__.update(plan.__dict__)
    del plan
    gc.collect()
    with sandbox.client() as client:
        assert client.delete_plan(other).deleted == ["1"]
