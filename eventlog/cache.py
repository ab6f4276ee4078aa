"""Folded states and documents kept between batches, so that a stream that goes on needs no reading again.

The cache can be wrong about nothing: before each use it asks the log which streams have moved past what it has seen, by
whomever, and forgets those. It is bounded; the least recently used go first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import Connection, select

from eventlog import schema
from eventlog.log import Log, Recorded

__all__ = ["STREAMS_MAX", "Shelf", "Shelved", "StateCache"]

S = TypeVar("S")

STREAMS_MAX = 1500
"""About 10 KiB each with a dozen events: 15 MiB."""


class StateCache(Generic[S]):
    """stream → (version, state). States must not be changed in place by whoever takes them out."""

    def __init__(self, streams_max: int = STREAMS_MAX) -> None:
        self._streams_max = streams_max
        self._states: OrderedDict[str, tuple[int, S]] = OrderedDict()
        self._synced = 0

    def refresh(self, connection: Connection, position: int) -> None:
        """Forget every stream that moved between what was seen last and this position of the log."""
        if position != self._synced and self._states:
            table = schema.event
            moved = select(table.c.stream).where(table.c.position > self._synced, table.c.position <= position).distinct()
            for stream in connection.scalars(moved):
                self._states.pop(stream, None)
        self._synced = position

    def get(self, stream: str) -> tuple[int, S] | None:
        found = self._states.get(stream)
        if found is not None:
            self._states.move_to_end(stream)
        return found

    def keep(self, states: dict[str, tuple[int, S]], seen_position: int, position: int, appended: int) -> None:
        """Take over the states after an append. position: of the log after it; appended: how many events were ours.

        If somebody else appended in between, only what we saw before is kept, and ``refresh`` sorts it out.
        """
        if position - appended != seen_position:
            return
        for stream, entry in states.items():
            self._states[stream] = entry
            self._states.move_to_end(stream)
        self._synced = position
        while len(self._states) > self._streams_max:
            self._states.popitem(last=False)

    def clear(self) -> None:
        self._states.clear()


@dataclass(frozen=True)  # without slots: a frozen generic with slots cannot be made through an alias such as Shelved[int]
class Shelved(Generic[S]):
    """What a stream holds as of a version of it."""

    version: int = 0
    items: tuple[S, ...] = ()


class Shelf(Generic[S]):
    """One stream of documents, read again only when there are new ones. make: a recorded event → an item."""

    def __init__(self, log: Log, stream: str, make: Callable[[Recorded], S]) -> None:
        self._log = log
        self._stream = stream
        self._make = make
        self._known: Shelved[S] = Shelved()

    def read(self, connection: Connection) -> Shelved[S]:
        table = schema.event
        query = select(table.c.version).where(table.c.stream == self._stream).order_by(table.c.version.desc()).limit(1)
        version = connection.execute(query).scalar_one_or_none() or 0
        if version != self._known.version:
            events = self._log.load(connection, [self._stream])[self._stream]
            self._known = Shelved(len(events), tuple(self._make(event) for event in events))
        return self._known
