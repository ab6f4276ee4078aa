"""The batch consumer: fetch, hand over, acknowledge. What a batch means is the handler's; that nothing is lost is ours.

The handler commits before it returns, so an acknowledgement always comes after the commit. An outage is waited out in
process, with the batch kept alive by in-progress signs, because a negative ack would let later messages overtake. A batch is
handed over in slices, each committed and acknowledged before the next, and between two of them whatever else the loop has to do
gets its turn: a status, a question about receipts, the relays. Behind an
invariant that is broken nothing is settled any more until somebody has looked and started the service again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

from eventlog.inbox.failures import Failure, failure_of, reason_of
from eventlog.wire import BrokerOutage, ConsumerGone, Feed, Incoming

__all__ = ["Consumer", "Handler"]

Handler = Callable[[Sequence[Incoming]], Awaitable[None]]
"""Settles every message of a batch durably before it returns. A message that it cannot settle is its own to park."""

FETCH_WAIT_SECONDS = 2.0
RETRY_SECONDS_FIRST = 0.1
RETRY_SECONDS_MAX = 10.0
IN_PROGRESS_SECONDS = 10.0
"""Well below the consumers' ack_wait of 30 s."""
SLICE_MESSAGES_MAX = 1000
SLICE_BYTES_MAX = 512 * 1024
"""Of one slice, unless a single message is larger. What a message costs goes by its bytes: a usual fact of 450 takes 0.4 ms,
and one of 64 KiB, whatever it says, no more than 100."""
SLICE_CPU_SECONDS_MAX = 0.4
"""What a slice should take of the loop's thread. After one that took more, such as hundreds of facts about one person, the next
are smaller."""
SLICE_PAUSE_SECONDS = 0.002


class Consumer:
    """name: for the log and the status. failing: why it stands still, or None. handled: messages since the start.

    stopped: an invariant is broken; it stands still for good. cpu_seconds: a clock of what this thread has worked.
    """

    def __init__(
        self,
        name: str,
        feed: Feed,
        handler: Handler,
        log: Any,
        *,
        batch_max: int = 1000,
        cpu_seconds: Callable[[], float] = time.thread_time,
    ) -> None:
        self.name = name
        self.handled = 0
        self.failing: str | None = None
        self.stopped = False
        self._feed = feed
        self._handler = handler
        self._log = log
        self._batch_max = batch_max
        self._cpu_seconds = cpu_seconds
        self._slice_messages = SLICE_MESSAGES_MAX

    async def run(self) -> None:
        """Consume until cancelled, or until an invariant is found broken: ``failing`` says which."""
        pause = RETRY_SECONDS_FIRST
        while not self.stopped:
            try:
                batch = await self._feed.fetch(self._batch_max, FETCH_WAIT_SECONDS)
                self.failing = None
                pause = RETRY_SECONDS_FIRST
            except (ConsumerGone, BrokerOutage, OSError) as error:
                self.failing = str(error)
                self._log.error("consumer-stands-still", consumer=self.name, reason=self.failing, pause_seconds=pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, RETRY_SECONDS_MAX)
                continue
            await self._settle_in_slices(batch)

    async def _settle_in_slices(self, batch: Sequence[Incoming]) -> None:
        loop = asyncio.get_running_loop()
        signed_at, start = loop.time(), 0
        while start < len(batch) and not self.stopped:
            if start:
                await asyncio.sleep(SLICE_PAUSE_SECONDS)
            if loop.time() - signed_at >= IN_PROGRESS_SECONDS:
                signed_at = loop.time()
                await self._sign(batch[start:])
            end, began = self._end_of_slice(batch, start), self._cpu_seconds()
            await self._settle(batch[start:end], batch[start:])
            self._fit(end - start, self._cpu_seconds() - began)
            start = end

    def _end_of_slice(self, batch: Sequence[Incoming], start: int) -> int:
        size = 0
        for place, message in enumerate(batch[start:], start):
            size += len(message.payload)
            if place > start and (size > SLICE_BYTES_MAX or place - start >= self._slice_messages):
                return place
        return len(batch)

    def _fit(self, messages: int, seconds: float) -> None:
        """Set how many messages the next slice may have, by what this one took."""
        if seconds > SLICE_CPU_SECONDS_MAX:
            self._slice_messages = max(1, int(messages * SLICE_CPU_SECONDS_MAX / seconds))
        elif 2 * seconds < SLICE_CPU_SECONDS_MAX:
            self._slice_messages = min(SLICE_MESSAGES_MAX, 2 * self._slice_messages)

    async def _settle(self, batch: Sequence[Incoming], waiting: Sequence[Incoming]) -> None:
        """Hand over until it is settled, then acknowledge each. Cancelled in between, the batch is delivered again.

        waiting: what is kept alive meanwhile, these and those behind them.
        """
        pause = RETRY_SECONDS_FIRST
        while True:
            try:
                await self._alive_while(self._handler(batch), waiting)
                break
            except Exception as error:  # noqa: BLE001 - the handler parks what it can name; the rest must not be lost either
                reason = reason_of(error)
                self.failing = f"{reason} in {self.name}"
                if failure_of(error) is Failure.BROKEN:
                    self.stopped = True
                    self._log.error("consumer-stopped", consumer=self.name, reason=reason, messages=len(batch), exc_info=error)
                    return
                self._log.error("batch-not-settled", consumer=self.name, reason=reason, messages=len(batch), exc_info=error)
            await asyncio.sleep(pause)
            pause = min(pause * 2, RETRY_SECONDS_MAX)
        self.failing = None
        try:
            for message in batch:
                await message.ack()
        except (BrokerOutage, OSError) as error:
            # It is committed: what was not acknowledged is delivered again, and dropped as seen.
            self._log.warning("not-acknowledged", consumer=self.name, reason=str(error))
        self.handled += len(batch)

    async def _alive_while(self, work: Awaitable[None], batch: Sequence[Incoming]) -> None:
        task = asyncio.ensure_future(work)
        while True:
            done, _ = await asyncio.wait({task}, timeout=IN_PROGRESS_SECONDS)
            if done:
                return task.result()
            await self._sign(batch)

    async def _sign(self, batch: Sequence[Incoming]) -> None:
        # A sign that does not arrive costs a repeat at the most; the work goes on.
        with suppress(BrokerOutage, OSError):
            for message in batch:
                await message.in_progress()
