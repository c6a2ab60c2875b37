"""The Python clients: client.py koodrive|requests|httpx|aiohttp --port P --requests N ..."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import resource
import threading
import time
from typing import NamedTuple

DEVICE = "dev-0001"
USER = "4400001234567890"
TOKEN = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

#: The requests of the peers cycle through as many batches as this.
BATCHES = 64


def scope_ids(first: int, count: int) -> list[str]:
    """Ids: the same ones in every client."""
    return [str(10**18 + index * 982_451_653) for index in range(first, first + count)]


class Batch(NamedTuple):
    """One request's ids, and how many of them the server says to be missing."""

    ids: list[str]
    missing: int

    @classmethod
    def of(cls, ids: list[str]) -> Batch:
        return cls(ids, sum(scope_id.endswith("7") for scope_id in ids))


class Work:
    """What the peers do for each request, whatever speaks HTTP."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.url = f"http://127.0.0.1:{arguments.port}/koodrive/ose/v1/backup/device/{DEVICE}/scope"
        count = arguments.ids
        batches = [Batch.of(scope_ids(n * count, count)) for n in range(BATCHES)]
        self.batches = itertools.islice(itertools.cycle(batches), arguments.requests)

    @staticmethod
    def body(batch: Batch) -> bytes:
        return json.dumps({"scopeIdList": batch.ids}, separators=(",", ":")).encode()

    @staticmethod
    def headers() -> dict[str, str]:
        return {
            "Authorization": f"Bearer {TOKEN}",
            "X-User-Id": USER,
            "X-Date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()),
            "Content-Type": "application/json",
        }

    @staticmethod
    def check(status: int, answer: bytes, batch: Batch) -> None:
        parsed = json.loads(answer)
        missing = sum(
            failed["errorCode"] == "15000418"
            and len(failed["scopeId"]) == 19
            and bool(failed["msg"])
            for failed in parsed["failedScopeList"]
        )
        deleted = sum(len(scope_id) == 19 for scope_id in parsed["scopeIdList"])
        assert status == 200
        assert parsed["code"] == 0
        assert missing == batch.missing
        assert deleted + missing == len(batch.ids)


def in_threads(count: int, work) -> None:
    threads = [threading.Thread(target=work) for _ in range(count - 1)]
    for thread in threads:
        thread.start()
    work()
    for thread in threads:
        thread.join()


def requests(arguments: argparse.Namespace):
    import requests

    shared = Work(arguments)

    def work() -> None:
        with requests.Session() as session:
            session.trust_env = False  # no look at proxies and netrc for every request
            for batch in shared.batches:
                answer = session.delete(
                    shared.url, data=shared.body(batch), headers=shared.headers()
                )
                shared.check(answer.status_code, answer.content, batch)

    return lambda: in_threads(arguments.connections, work)


def httpx(arguments: argparse.Namespace):
    import httpx

    shared = Work(arguments)
    client = httpx.Client(trust_env=False)

    def work() -> None:
        for batch in shared.batches:
            answer = client.request(
                "DELETE", shared.url, content=shared.body(batch), headers=shared.headers()
            )
            shared.check(answer.status_code, answer.content, batch)

    return lambda: in_threads(arguments.connections, work)


def aiohttp(arguments: argparse.Namespace):
    import aiohttp

    shared = Work(arguments)

    async def work(session: aiohttp.ClientSession) -> None:
        for batch in shared.batches:
            request = session.delete(shared.url, data=shared.body(batch), headers=shared.headers())
            async with request as answer:
                shared.check(answer.status, await answer.read(), batch)

    async def all_work() -> None:
        async with aiohttp.ClientSession() as session:
            await asyncio.gather(*(work(session) for _ in range(arguments.connections)))

    return lambda: asyncio.run(all_work())


def koodrive(arguments: argparse.Namespace):
    import koodrive

    ids = scope_ids(0, arguments.requests * arguments.ids)
    share = arguments.ids if arguments.calls else len(ids)
    batches = [Batch.of(ids[first : first + share]) for first in range(0, len(ids), share)]
    client = koodrive.Client(
        f"http://127.0.0.1:{arguments.port}",
        user_id=USER,
        access_token=TOKEN,
        max_connections=arguments.connections,
    )
    client.delete_scopes(DEVICE, ids[:1])  # connects

    def work() -> None:
        for batch in batches:
            tally = client.delete_scopes(DEVICE, batch.ids).tally()
            assert tally.get(koodrive.Outcome.NOT_FOUND, 0) == batch.missing
            assert tally.get(koodrive.Outcome.DELETED, 0) == len(batch.ids) - batch.missing

    return work


def peak_kb() -> int:
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("client", choices=["koodrive", "requests", "httpx", "aiohttp"])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--ids", type=int, default=100)
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--calls", action="store_true", help="koodrive: a call for each request")
    arguments = parser.parse_args()
    work = globals()[arguments.client](arguments)
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    work()
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    usage = {
        "wall_s": wall,
        "user_s": after.ru_utime - before.ru_utime,
        "system_s": after.ru_stime - before.ru_stime,
        "peak_kb": peak_kb(),
    }
    print(json.dumps(usage))


if __name__ == "__main__":
    main()
