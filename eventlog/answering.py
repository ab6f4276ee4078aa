"""``receipts-of.<source>.<service>``: a service answers whoever reports to it what became of its messages.

The broker lets each source send requests under its own name only (``eventlog.topology``), so the name on the subject is who
asks. The receipts come from the service's store: any number of readers of one source each read all of them, as often as they
like. A request is a JSON object, a reply too; ``contracts.receipts.ReceiptsAsked`` and ``ReceiptsPage`` say what is in them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic import ValidationError
from sqlalchemy import ColumnElement, Connection, literal_column, select

from contracts.receipts import RECEIPTS_OF, ReceiptsAsked
from eventlog import schema
from eventlog.database import Database

__all__ = ["Answering"]

PAGE_RECEIPTS_MAX = 1_000
PAGE_BYTES_MAX = 512 * 1024
"""A page ends with the receipt that passes this; the broker's limit of a message is twice as much."""
SCAN_RECEIPTS_MAX = 10_000
"""Receipts of all sources that one page looks through for those of its own."""
RECEIPTS_PER_ID_MAX = 5
"""The last answers to one message. One that was published over and over has as many."""
POLL_SECONDS = 1.0
"""How often a request that waits looks by itself: another instance of the service appends without waking this one."""
REQUESTS_MAX = 256
"""Requests in work at a time, waiting ones included; one more is not answered, and is asked again."""

_Page = tuple[str, int]


class Answering:
    """Answers requests for receipts. ``wake`` it after an append; reading is done in a thread, without the writer's lock."""

    def __init__(
        self,
        service: str,
        database: Database,
        position: Callable[[Connection], int],
        log: Any,
        seal_key: Callable[[], str | None] = lambda: None,
    ) -> None:
        """position: of the last receipt. seal_key: the public key that is sealed to, as JSON, at the moment."""
        self._seal_key = seal_key
        self._service, self._database, self._position, self._log = service, database, position, log
        self._started = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, client: Client) -> None:
        """Listen. Called before the service handles its first message, so that ``started`` lies before its first answer."""
        self._loop = asyncio.get_running_loop()
        self._started = await asyncio.to_thread(self._last)
        await client.subscribe(f"{RECEIPTS_OF}.*.{self._service}", queue=RECEIPTS_OF, cb=self._asked)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def wake(self, sources: Iterable[str]) -> None:
        """Tell the requests that wait for something of these sources. Safe from any thread."""
        if self._loop is not None and self._waiting:
            self._loop.call_soon_threadsafe(self._set, set(sources))

    def _set(self, sources: set[str]) -> None:
        for source in sources:
            for event in self._waiting.get(source, ()):
                event.set()

    async def _asked(self, message: Msg) -> None:
        if len(self._tasks) < REQUESTS_MAX:
            task = asyncio.create_task(self._answer(message))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, message: Msg) -> None:
        source = message.subject.split(".")[1]
        try:
            asked = ReceiptsAsked.model_validate_json(message.data)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
            await message.respond(orjson.dumps({"error": f"{where}: {first['msg']}" if where else first["msg"]}))
            return
        try:
            await message.respond((await self.reply(source, asked)).encode())
        except Exception as error:  # noqa: BLE001 - the store or the broker may be away; who asks, asks again
            self._log.warning("request-unanswered", reason=type(error).__name__)

    async def reply(self, source: str, asked: ReceiptsAsked) -> str:
        """The page asked for, as JSON: at once, or when there is something on it, or after the time that it may wait."""
        if asked.ids:
            return await asyncio.to_thread(self._by_id, source, asked.ids)
        assert self._loop is not None
        deadline = self._loop.time() + asked.wait_seconds
        woken = asyncio.Event()
        self._waiting.setdefault(source, set()).add(woken)
        try:
            while True:
                woken.clear()
                text, count = await asyncio.to_thread(self._after, source, asked.after)
                left = deadline - self._loop.time()
                if count or left <= 0:
                    return text
                with suppress(TimeoutError):
                    await asyncio.wait_for(woken.wait(), min(left, POLL_SECONDS))
        finally:
            self._waiting[source].discard(woken)
            if not self._waiting[source]:
                del self._waiting[source]

    # ------------------------------------------------------------------------------------------------- reading the store

    def _last(self) -> int:
        with self._database.read.connect() as connection:
            return self._position(connection)

    def _after(self, source: str, after: int | None) -> _Page:
        """The next receipts behind a position, and 1 if there are some or more is to be looked through at once."""
        table = schema.receipt
        with self._database.read.connect() as connection:
            # The head is read first: positions are dense and committed in order, so that all up to it can be seen.
            head = self._position(connection)
            if after is None or after >= head:
                return self._page(head, head, ()), int(after is None or after > head)
            to = min(head, after + SCAN_RECEIPTS_MAX)
            rows = connection.execute(
                select(table.c.position, table.c.data)
                .where(table.c.position > after, table.c.position <= to, table.c.source == source)
                .order_by(table.c.position)
                .limit(PAGE_RECEIPTS_MAX)
            ).all()
        taken, bytes_taken = 0, 0
        while taken < len(rows) and bytes_taken < PAGE_BYTES_MAX:
            bytes_taken += len(rows[taken].data)
            taken += 1
        cursor = to if taken == len(rows) < PAGE_RECEIPTS_MAX else rows[taken - 1].position
        return self._page(head, cursor, [row.data for row in rows[:taken]]), int(bool(taken) or cursor < head)

    def _by_id(self, source: str, ids: Sequence[str]) -> str:
        """The last answers to each of these messages, oldest first; ids that found no room on the page are left."""
        table, found, bytes_taken, looked_up = schema.receipt, [], 0, 0
        with self._database.read.connect() as connection:
            head = self._position(connection)
            message_id: ColumnElement[str] = literal_column(schema.receipt_message_id(connection))
            for each in ids:
                if bytes_taken >= PAGE_BYTES_MAX:
                    break
                rows = connection.execute(
                    select(table.c.data)
                    .where(table.c.source == source, message_id == each)
                    .order_by(table.c.position.desc())
                    .limit(RECEIPTS_PER_ID_MAX)
                ).scalars()
                found += list(rows)[::-1]
                bytes_taken, looked_up = sum(map(len, found)), looked_up + 1
        return self._page(head, head, found, ids[looked_up:])

    def _page(self, head: int, cursor: int, receipts: Sequence[str], left: Sequence[str] = ()) -> str:
        """Receipts are stored as the JSON that they are published as, and put in as they are."""
        key = self._seal_key()
        told = "" if key is None else f'"seal_key":{key},'
        return (
            f'{{{told}"service":"{self._service}","started":{self._started},"head":{head},"cursor":{cursor},'
            f'"left":{orjson.dumps(list(left)).decode()},"receipts":[{",".join(receipts)}]}}'
        )
