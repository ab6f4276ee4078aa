"""What a service answers when it is asked for receipts, on both databases."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from contracts.receipts import ReceiptsAsked, ReceiptsPage
from eventlog import answering
from eventlog.answering import Answering
from eventlog.database import Database
from eventlog.log import Log, Unit
from tests.eventlog.example import example_log
from tests.eventlog.fakes import Notes
from tests.support import NOW, eventually, run

WRONG = ({"ids": ["x" * 129]}, {"ids": ["x"] * 201}, {"after": -1}, {"wait_seconds": 3600}, {"all": 1})


class Client:
    async def subscribe(self, subject: str, queue: str, cb: Any) -> None:
        self.subject = subject


class Bench:
    """A log whose receipts are asked for, in one event loop."""

    def __init__(self, database: Database) -> None:
        self.log: Log = example_log(database)
        self.answering = Answering("example", database, lambda c: self.log.head(c).receipt_position, Notes())

    def answer(self, source: str, *ids: str, **more: Any) -> None:
        at = NOW.isoformat()
        given = {"service": "example", "outcome": "accepted", "at": at, "source": source} | more
        self.log.append([Unit(receipts=[{**given, "id": each} for each in ids])])
        self.answering.wake([source])

    async def ask(self, source: str, **asked: Any) -> ReceiptsPage:
        if self.answering._loop is None:
            await self.answering.start(Client())  # type: ignore[arg-type]
        return ReceiptsPage.model_validate_json(await self.answering.reply(source, ReceiptsAsked(**asked)))


@pytest.fixture
def bench(database: Database) -> Bench:
    return Bench(database)


def ids(page: ReceiptsPage) -> list[str]:
    return [receipt.id for receipt in page.receipts]


def test_each_source_reads_its_own_receipts_from_a_cursor_on(bench: Bench) -> None:
    """Page after page, as often as it likes; the cursor passes those of others."""

    async def work() -> None:
        bench.answer("hr", "a", "b")
        bench.answer("tax", "c")
        bench.answer("hr", "d")
        assert (await bench.ask("hr")).cursor == 4
        for _ in range(2):
            page = await bench.ask("hr", after=1)
            assert (ids(page), page.cursor, page.head) == (["b", "d"], 4, 4)
        assert ids(await bench.ask("tax", after=0)) == ["c"]

    run(work())


def test_a_page_is_bounded_in_receipts_bytes_and_in_what_it_looks_through(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read to the end, whatever the bound, each receipt comes once."""
    bench.answer("tax", *(f"t-{n}" for n in range(7)))
    bench.answer("hr", *(f"h-{n}" for n in range(7)))

    async def read() -> tuple[list[str], int]:
        found: list[str] = []
        cursor = pages = 0
        while True:
            page = await bench.ask("hr", after=cursor)
            found += ids(page)
            cursor, pages = page.cursor, pages + 1
            if cursor == page.head:
                return found, pages

    for bound, value, pages in (("PAGE_RECEIPTS_MAX", 2, 4), ("PAGE_BYTES_MAX", 1, 7), ("SCAN_RECEIPTS_MAX", 3, 5)):
        with monkeypatch.context() as patch:
            patch.setattr(answering, bound, value)
            assert run(read()) == ([f"h-{n}" for n in range(7)], pages), bound
            bench.answering._loop = None


def test_a_request_waits_for_the_next_receipt_of_its_source(bench: Bench) -> None:
    """It is woken by the append, and not by those of others."""

    async def work() -> None:
        end = (await bench.ask("hr")).cursor
        waiting = asyncio.create_task(bench.ask("hr", after=end, wait_seconds=10.0))
        await eventually(lambda: bool(bench.answering._waiting), "the request waits")
        await asyncio.to_thread(bench.answer, "tax", "a")
        await asyncio.to_thread(bench.answer, "hr", "b")
        assert ids(await asyncio.wait_for(waiting, 5)) == ["b"]
        assert not bench.answering._waiting

    run(work())


def test_the_answers_to_a_message_are_found_by_its_id(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """All outcomes, oldest first; what finds no room on the page is left for the next; nobody else's."""
    bench.answer("hr", "a", outcome="waiting", events=["018f0000-0000-7000-8000-000000000001"])
    bench.answer("hr", "a", "b:1._-2")
    bench.answer("tax", "a", outcome="refused", problems=[{"field": "", "code": "c", "problem": '"id":"z"', "remedy": "r"}])

    async def work() -> None:
        page = await bench.ask("hr", ids=("a", "nobody", "b:1._-2"))
        assert [(r.id, r.outcome) for r in page.receipts] == [("a", "waiting"), ("a", "accepted"), ("b:1._-2", "accepted")]
        assert [r.outcome for r in (await bench.ask("tax", ids=("a", "z"))).receipts] == ["refused"]
        monkeypatch.setattr(answering, "PAGE_BYTES_MAX", 1)
        page = await bench.ask("hr", ids=("a", "b:1._-2"))
        assert (ids(page), page.left) == (["a", "a"], ("b:1._-2",))

    run(work())


def test_a_service_says_where_its_receipts_ended_when_it_began(bench: Bench) -> None:
    """Who published while it was away reads from there."""
    bench.answer("hr", "before")

    async def work() -> None:
        await bench.ask("hr")
        bench.answer("hr", "since")
        page = await bench.ask("hr")
        assert (page.started, page.cursor) == (1, 2)
        assert ids(await bench.ask("hr", after=page.started)) == ["since"]

    run(work())


@pytest.mark.parametrize("wrong", WRONG)
def test_a_request_beyond_its_bounds_is_told(bench: Bench, wrong: dict[str, Any]) -> None:
    """And nothing is looked up."""
    told: list[bytes] = []

    class Asked:
        subject = "receipts-of.hr.example"
        data = orjson.dumps(wrong)

        async def respond(self, data: bytes) -> None:
            told.append(data)

    run(bench.answering._answer(Asked()))  # type: ignore[arg-type]
    assert next(iter(wrong)) in orjson.loads(told[0])["error"]
