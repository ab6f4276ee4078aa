"""Documents that somebody publishes as YAML: read, held against those that stand, recorded with their text and its SHA-256."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection

from contracts.base import LogEvent
from contracts.receipts import Problem
from eventlog.cache import Shelf, Shelved
from eventlog.decider import Rejected
from eventlog.desk import Batch, problem
from eventlog.documents import DocumentError
from eventlog.inbox.protocol import Decided, Entry
from eventlog.log import Log, Recorded, Unit

__all__ = ["Documents", "read_text"]

PROBLEMS_SHOWN_MAX = 20

D = TypeVar("D")
K = TypeVar("K")


def read_text(read: Callable[[str], D], text: str) -> tuple[D, str]:
    """The document, and the SHA-256 of its text. Raises Rejected, with the problems at their places in the text."""
    try:
        document = read(text)
    except DocumentError as error:
        raise Rejected(
            *(
                Problem(field=f"data.text:{p.line}:{p.column} {p.key}", code=p.code, problem=p.problem, remedy=p.remedy)
                for p in error.problems[:PROBLEMS_SHOWN_MAX]
            )
        ) from None
    return document, hashlib.sha256(text.encode()).hexdigest()


def _nothing(unit: Unit, event_id: str) -> None:
    pass


@dataclass(frozen=True)
class Documents(Generic[D, K]):
    """All documents of one kind, on one stream: a decision names its version, so that none is made by a stale one.

    read: text → document; raises DocumentError. event: makes the event of document, text and text_sha256. known: event id and
    document → what decisions take. document_of: back again. exists: the code of a refusal. begins: since when it is in force.
    also: adds to the unit what a publication sets going.
    """

    log: Log
    stream: str
    read: Callable[[str], D]
    event: Callable[..., LogEvent]
    known: Callable[[str, D], K]
    document_of: Callable[[K], Any]
    exists: str
    begins: Callable[[D], date]
    also: Callable[[Unit, str], None] = _nothing

    def shelf(self) -> Shelf[K]:
        """All that stand, for a batch to begin with."""
        return Shelf(self.log, self.stream, self._recorded)

    def _recorded(self, recorded: Recorded) -> K:
        event: Any = recorded.event
        return self.known(recorded.event_id, event.document)

    def stream_of(self, connection: Connection, batch: Batch, entry: Entry) -> str:
        return self.stream

    def load(self, connection: Connection, batch: Batch, entries: Sequence[Entry]) -> None:
        """The room has put them into the batch."""

    def is_new(self, connection: Connection, batch: Batch, entry: Entry) -> bool:
        """Whether a message's document would be recorded, and not stand already. Raises Rejected."""
        data: Any = entry.parsed.message.data
        return self._is_new(batch, read_text(self.read, data.text)[0])

    def _is_new(self, batch: Batch, document: D) -> bool:
        standing: Shelved[K] = batch.documents[self.stream]
        same = next((known for each in standing.items if _name(known := self.document_of(each)) == _name(document)), None)
        if same is not None and same != document:
            number, revision, _ = _name(document)
            what = f"document {number} is published already in revision {revision}"
            raise Rejected(problem("data.text", self.exists, what, "raise the revision to publish a changed document"))
        return same is None

    def decide(self, connection: Connection, batch: Batch, entry: Entry, stream: str) -> Decided:
        data: Any = entry.parsed.message.data
        document, mark = read_text(self.read, data.text)
        standing: Shelved[K] = batch.documents[self.stream]
        if not self._is_new(batch, document):
            return Decided(Unit(expects={self.stream: standing.version}))
        event_id = self.log.new_id()
        event = self.event(document=document, text=data.text, text_sha256=mark)
        unit = Unit(
            events=[entry.event(self.stream, event, event_id, self.begins(document))], expects={self.stream: standing.version}
        )
        self.also(unit, event_id)
        batch.documents[self.stream] = Shelved(standing.version + 1, (*standing.items, self.known(event_id, document)))
        return Decided(unit, (event_id,))


def _name(document: Any) -> tuple[str, int, str]:
    return document.document, document.revision, document.division
