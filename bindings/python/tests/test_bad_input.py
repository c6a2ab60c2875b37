"""Bad input: the right error, which names the argument, and nothing is sent."""

from __future__ import annotations

import decimal
import time
from typing import Any

import pytest

import koodrive
from conftest import DEVICE, Sandbox
from koodrive import InvalidArgument

SECRET = "hunter2-secret"


class Index:
    """An integer, as far as Python is concerned."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __index__(self) -> Any:
        return self.value


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (1.0, TypeError, r"scope_ids\[1\]: must be a str or an integer, not float"),
        (True, TypeError, r"scope_ids\[1\].*not bool"),
        (None, TypeError, r"scope_ids\[1\].*not NoneType"),
        (b"2", TypeError, r"scope_ids\[1\].*not bytes"),
        (["2"], TypeError, r"scope_ids\[1\].*not list"),
        (decimal.Decimal(2), TypeError, r"scope_ids\[1\].*not Decimal"),
        (Index("2"), TypeError, r"scope_ids\[1\].*not Index"),
        (Index(10**5000), ValueError, r"scope_ids\[1\]"),
        ("", ValueError, r"scope_ids\[1\].*empty"),
        ("2\n3", ValueError, r"scope_ids\[1\].*line feed"),
        ("\n", ValueError, r"scope_ids\[1\].*line feed"),
        ("2\r", ValueError, r"scope_ids\[1\]"),
        ("2\0003", ValueError, r"scope_ids\[1\]"),
        ("\ud800", ValueError, r"scope_ids\[1\].*surrogate"),
        ("\N{SNOWMAN}", ValueError, r"scope_ids\[1\]"),
        ("x" * 129, ValueError, r"scope_ids\[1\].*128"),
        ("1.8e18", ValueError, r"scope_ids\[1\].*damaged"),
        ("1752990708303704300VW5TYWZlSW50ZWdlcg==", ValueError, r"scope_ids\[1\].*damaged"),
    ],
)
def test_a_bad_id_is_named_and_nothing_is_sent(
    sandbox: Sandbox, bad: Any, error: type[Exception], message: str
) -> None:
    plan = koodrive.Plan()
    with sandbox.client() as client:
        for others in (["1", "3"], [1, 3]):
            ids = [others[0], bad, others[1]]
            with pytest.raises(error, match=message) as caught:
                client.delete_scopes(DEVICE, ids)
            assert isinstance(caught.value, (TypeError, InvalidArgument))
            with pytest.raises(error, match=message):
                plan.add(DEVICE, ids)
    assert len(plan) == 0
    assert sandbox.ledger() == []


def test_numpys_inexact_numbers_are_no_ids(sandbox: Sandbox) -> None:
    numpy = pytest.importorskip("numpy")
    with sandbox.client() as client:
        for bad in (numpy.float64(1), numpy.bool_(True), numpy.array([1.0]), numpy.array([[1]])):
            with pytest.raises(TypeError, match=r"scope_ids\[0\]"):
                client.delete_scopes(DEVICE, [bad])
    assert sandbox.ledger() == []


@pytest.mark.parametrize("bad", ["123", b"123", bytearray(b"1"), 123, None, 1.5])
def test_one_id_is_no_list_of_ids(sandbox: Sandbox, bad: Any) -> None:
    with sandbox.client() as client, pytest.raises(TypeError, match=r"scope_ids: must be an iter"):
        client.delete_scopes(DEVICE, bad)
    assert sandbox.ledger() == []


def test_an_iterables_own_error_comes_through(sandbox: Sandbox) -> None:
    def broken() -> Any:
        yield "1"
        raise TypeError("of my own")

    with sandbox.client() as client, pytest.raises(TypeError, match="of my own"):
        client.delete_scopes(DEVICE, broken())
    assert sandbox.ledger() == []


@pytest.mark.parametrize("argument", ["device_id", "user_id"])
@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (1.5, TypeError),
        (True, TypeError),
        (b"1", TypeError),
        ("", ValueError),
        ("1\0002", ValueError),
        ("1\n2", ValueError),
        ("\udcff", ValueError),
        ("x" * 9000, ValueError),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_a_bad_user_or_device_is_named(
    sandbox: Sandbox, argument: str, bad: Any, error: type[Exception]
) -> None:
    arguments: dict[str, Any] = {"device_id": DEVICE, "scope_ids": ["1"], argument: bad}
    with sandbox.client() as client, pytest.raises(error, match=argument):
        client.delete_scopes(**arguments)
    assert sandbox.ledger() == []


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("1\n\n2", ValueError),
        ("\n", ValueError),
        ("1\r\n2\r\n", ValueError),
        (b"1\n\xff", ValueError),
        ("1\n\ud800", ValueError),
        (["1"], TypeError),
        (None, TypeError),
    ],
)
def test_bad_lines_add_nothing(text: Any, error: type[Exception]) -> None:
    plan = koodrive.Plan()
    plan.add_lines(DEVICE, "")
    with pytest.raises(error, match=r"text|scope_ids"):
        plan.add_lines(DEVICE, text)
    assert len(plan) == 0


@pytest.mark.parametrize(
    ("setting", "bad", "error"),
    [
        ("endpoint", "", ValueError),
        ("endpoint", "http://example.com", ValueError),
        ("endpoint", None, TypeError),
        ("endpoint", b"https://example.com", TypeError),
        ("user_id", 1.5, TypeError),
        ("user_id", "a\0b", ValueError),
        ("access_token", f"{SECRET}\n", ValueError),
        ("access_token", f"{SECRET}\0", ValueError),
        ("access_token", f"{SECRET}\ud800", ValueError),
        ("access_token", 7, TypeError),
        ("authorization", "", ValueError),
        ("app_secret", SECRET, TypeError),
        ("app_id", "a", TypeError),
        ("ca_file", "/nowhere/ca.pem", ValueError),
        ("ca_file", 3, TypeError),
        ("proxy", "socks5://localhost", ValueError),
        ("connect_timeout_ms", 0, ValueError),
        ("request_timeout_ms", -1, ValueError),
        ("run_timeout_ms", 2**64, ValueError),
        ("run_timeout_ms", 1.5, TypeError),
        ("max_outage_ms", -1, ValueError),
        ("max_attempts", 2**32 + 1, ValueError),
        ("max_connections", 0, ValueError),
        ("max_connections", True, TypeError),
        ("max_requests_per_second", "7", TypeError),
    ],
)
def test_a_bad_setting_is_named_and_secrets_are_not(
    setting: str, bad: Any, error: type[Exception]
) -> None:
    settings = {"endpoint": "https://127.0.0.1:1", "access_token": "t", setting: bad}
    if setting in ("authorization", "app_secret", "app_id"):
        del settings["access_token"]
    with pytest.raises(error) as caught:
        koodrive.Client(**settings)
    chain: BaseException | None = caught.value
    while chain is not None:
        assert SECRET not in f"{chain} {chain!r} {vars(chain)}"
        chain = chain.__cause__ or chain.__context__
    named = "app_" if setting.startswith("app_") else setting
    assert named in str(caught.value) or setting == "ca_file"


def test_one_authorization_must_be_given() -> None:
    with pytest.raises(InvalidArgument, match="authorization"):
        koodrive.Client("https://127.0.0.1:1")
    with pytest.raises(InvalidArgument, match="only one"):
        koodrive.Client("https://127.0.0.1:1", access_token="a", authorization="b")


def test_ids_need_a_user(sandbox: Sandbox) -> None:
    client = koodrive.Client(sandbox.url, access_token="t")
    with client, pytest.raises(InvalidArgument, match="user") as caught:
        client.delete_scopes(DEVICE, ["1"])
    assert caught.value.report is None
    assert sandbox.ledger() == []


@pytest.mark.parametrize("argument", ["plan", "monitor", "progress"])
def test_arguments_of_another_type_are_named(sandbox: Sandbox, argument: str) -> None:
    plan = koodrive.Plan()
    plan.add(DEVICE, ["1"])
    arguments: dict[str, Any] = {"plan": plan, argument: ["1"]}
    with sandbox.client() as client, pytest.raises(TypeError, match=argument + ": must be a"):
        client.delete_plan(**arguments)
    assert sandbox.ledger() == []


def test_a_closed_client_says_so(sandbox: Sandbox) -> None:
    client = sandbox.client()
    client.close()
    client.close()
    assert repr(client) == "<koodrive.Client closed>"
    for call in (
        lambda: client.delete_scopes(DEVICE, ["1"]),
        lambda: client.delete_plan(koodrive.Plan()),
        lambda: client.set_access_token("t"),
        lambda: client.set_authorization("t"),
        client.__enter__,
    ):
        with pytest.raises(RuntimeError, match="client: it is closed"):
            call()
    assert sandbox.ledger() == []


def test_a_huge_list_is_planned_in_no_time() -> None:
    plan = koodrive.Plan()
    ids = [str(1842846715527000000 + i) for i in range(1_000_000)]
    start = time.process_time()
    plan.add(DEVICE, ids)
    assert len(plan) == 1_000_000
    assert plan.request_count == 10_000
    assert time.process_time() - start < 1
