"""A feed and a publisher that do what a test tells them, and remember what was asked of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from eventlog.wire import BrokerOutage, Incoming, Outgoing

__all__ = ["FakeFeed", "FakeIncoming", "FakePublisher", "Notes"]


class Notes:
    """A logger that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def error(self, event: str, **fields: Any) -> None:
        self.lines.append((event, fields))

    warning = info = error


@dataclass
class FakeIncoming:
    """One message. acts: what was done with it, written into the list that the test reads."""

    payload: bytes
    acts: list[Any]
    subject: str = "s"
    sequence: int = 1
    deliveries: int = 1
    message_id: str | None = None
    stored_ns: int = 0

    async def ack(self) -> None:
        self.acts.append(("ack", self.payload))

    async def nak(self, delay_seconds: float) -> None:
        self.acts.append(("nak", self.payload))

    async def in_progress(self) -> None:
        self.acts.append(("in-progress", self.payload))


@dataclass
class FakeFeed:
    """Hands over its batches one after the other, raising those that are errors; then nothing comes any more.

    before: runs at each fetch.
    """

    batches: list[Sequence[Incoming] | Exception]
    before: Callable[[], None] = lambda: None

    async def fetch(self, count_max: int, wait_seconds: float) -> Sequence[Incoming]:
        self.before()
        if not self.batches:
            await asyncio.sleep(wait_seconds)
            return []
        batch = self.batches.pop(0)
        if isinstance(batch, Exception):
            raise batch
        return batch

    async def close(self) -> None:
        pass


@dataclass
class FakePublisher:
    """Stores messages. fails: how often it does not confirm, with what it stored by then; before: runs on each call."""

    stored: list[Outgoing] = field(default_factory=list)
    calls: list[list[str]] = field(default_factory=list)
    fails: int = 0
    stores_before_failing: int = 0
    before: Callable[[], None] = lambda: None

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        self.before()
        self.calls.append([m.message_id for m in messages])
        if self.fails > 0:
            self.fails -= 1
            self.stored += messages[: self.stores_before_failing]
            raise BrokerOutage("no word")
        self.stored += messages
