"""A log of a made-up domain, for the suites of the machinery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, ClassVar

from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, insert

from contracts.base import LogEvent
from contracts.receipts import Receipt
from eventlog.codec import Codec
from eventlog.database import Database
from eventlog.ids import FixedClock
from eventlog.log import InboxEntry, Log, NewEvent, Recorded, Unit, View
from tests.support import NOW, OPERATIONS, new_log

__all__ = ["CODEC", "Noted", "Total", "example_log", "new", "note", "receipt_for"]


class Noted(LogEvent):
    TYPE: ClassVar[str] = "example.noted.v1"
    text: str
    amount: int = 0


CODEC = Codec((Noted, *OPERATIONS))

_total_metadata = MetaData()
total = Table(
    "total", _total_metadata, Column("stream", String(64), primary_key=True), Column("position", Integer, primary_key=True)
)


class Total:
    """A read model that remembers every position, and can be made to fail. Unlike a mock it writes, and then is undone."""

    name = "total"
    tables: Sequence[Table] = (total,)

    def __init__(self, *, fails_on: str | None = None) -> None:
        self.fails_on = fails_on

    def apply(self, connection: Connection, events: Sequence[Recorded], tables: Mapping[str, Table]) -> None:
        connection.execute(insert(tables["total"]), [{"stream": e.stream, "position": e.position} for e in events])
        if any(isinstance(e.event, Noted) and e.event.text == self.fails_on for e in events):
            raise RuntimeError("the read model failed")


_ids = count(1)


def example_log(database: Database, views: Sequence[View] = (), *, clock: FixedClock | None = None, seed: int = 1) -> Log:
    return new_log(database, "example", CODEC, views, clock=clock, seed=seed)


def new(log: Log, stream: str, text: str = "x", amount: int = 0) -> NewEvent:
    return NewEvent(stream, Noted(text=text, amount=amount), "2025-01-04", log.new_id(), "corr-1", "hr/m-1", "hr")


def note(log: Log, expected: int, stream: str, *texts: str) -> Unit:
    """A unit that appends these notes to a stream at this version."""
    return Unit(events=[new(log, stream, text) for text in texts or ("x",)], expects={stream: expected})


def receipt_for(message_id: str, source: str = "hr") -> dict[str, Any]:
    return Receipt(source=source, id=message_id, service="example", outcome="accepted", at=NOW).payload()


def inbox_for(message_id: str) -> InboxEntry:
    return InboxEntry("hr", message_id, b"c" * 32, "accepted", next(_ids))
