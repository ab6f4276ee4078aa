"""What a service brings to the inbox: how its streams are named, loaded and decided, and no more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from contracts.base import LogEvent
from contracts.receipts import Problem
from eventlog.desk import STANDS_ALREADY, Batch, Item
from eventlog.heard import Foreign
from eventlog.intake import Parsed, content_of
from eventlog.log import Appended, NewEvent, Unit

__all__ = ["Behind", "Capability", "Decided", "Entry", "Hearing", "Room", "told_again"]

B = TypeVar("B", bound=Batch)
B_contra = TypeVar("B_contra", bound=Batch, contravariant=True)


class Behind(Exception):
    """A further stream that a message touches stands still behind a parked message, and so the message waits there too."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.stream = stream


@dataclass(slots=True)
class Entry:
    """A message that can be read. content: SHA-256 of what it says."""

    item: Item
    parsed: Parsed
    content: bytes

    @classmethod
    def of(cls, item: Item, parsed: Parsed) -> Entry:
        return cls(item, parsed, content_of(parsed.value))

    def event(self, stream: str, event: LogEvent, event_id: str, on: date | None = None) -> NewEvent:
        """An event that this message has led to. on: since when it is true, if not since the message's own day."""
        message = self.parsed.message
        day = (on or message.effectiveon).isoformat()
        correlation = message.correlationid or message.id
        return NewEvent(stream, event, day, event_id, correlation, f"{self.parsed.origin}/{message.id}", self.parsed.origin)


@dataclass(frozen=True, slots=True)
class Decided:
    """What an accepted message comes to. events: ids that its receipt names, the first one for the inbox unless event_id says.

    stream: where the inbox says that it went, if not to the stream that it was named after. warnings: what is hardly likely.
    """

    unit: Unit
    events: Sequence[str] = ()
    person_ref: str | None = None
    contradicts: Sequence[str] = ()
    warnings: Sequence[Problem] = ()
    event_id: str | None = None
    stream: str | None = None


def told_again(events: Sequence[object], before: object, after: object) -> tuple[Problem, ...]:
    """The warning of a report that is recorded although it says what stands: it outranks what lies between the two and is still
    to come. before, after: the states, which are equal then."""
    return (STANDS_ALREADY,) if events and before == after else ()


class Capability(Protocol[B_contra]):
    """One kind of facts."""

    def stream_of(self, connection: Connection, batch: B_contra, entry: Entry) -> str:
        """The stream that a message is decided on, and that stands still if it is parked. Raises Early, Rejected."""
        ...

    def load(self, connection: Connection, batch: B_contra, entries: Sequence[Entry]) -> None:
        """Bring what these messages are decided on into the batch, in as few queries as can be."""
        ...

    def decide(self, connection: Connection, batch: B_contra, entry: Entry, stream: str) -> Decided:
        """Decide, and move the batch's states on. Raises Rejected, Early or Behind, and has left the batch as it was then."""
        ...


class Room(Protocol[B]):
    """A service's side of the inbox. whole: an append with a conflict is decided again as a whole. own: by subject, how a retry
    settles what the service itself has set aside."""

    whole: bool
    own: Mapping[str, Callable[[Connection, B, Item], None]]

    def open(self, connection: Connection, position: int) -> B:
        """A new batch: what is kept between batches is brought up to this position of the log."""
        ...

    def entry(self, item: Item, parsed: Parsed) -> Entry:
        """Work out whatever needs no database. Raises Rejected."""
        ...

    def resolve(self, connection: Connection, batch: B, entries: Sequence[Entry]) -> None:
        """Find out whom these messages name, before any stream is asked for."""
        ...

    def capability(self, entry: Entry) -> Capability[B]:
        """Whose kind of fact this is. Raises LookupError for what is not taken here."""
        ...

    def moved(self, connection: Connection, batch: B) -> Iterable[int]:
        """Asked under the log's lock if it has moved: units to decide again, beside those whose streams have."""
        ...

    def stands(self, connection: Connection, batch: B) -> bool:
        """Asked under the log's lock in every append: whether what the batch was decided on beside the log still holds."""
        ...

    def keep(self, batch: B, position: int, appended: Appended) -> None:
        """Keep states between batches. position: of the log as the batch saw it."""
        ...

    def forget(self) -> None:
        """Forget what is kept between batches: something was decided on what is not so."""
        ...


class Hearing(Protocol[B_contra]):
    """A room that also hears another service's events."""

    heard_from: str

    def stream_heard(self, foreign: Foreign) -> str | None:
        """The stream of whom an event is about; None: none of this service's business. Raises for what is no event."""
        ...

    def load_heard(self, connection: Connection, batch: B_contra, events: Sequence[Foreign]) -> None: ...

    def hear_event(self, connection: Connection, batch: B_contra, foreign: Foreign, stream: str) -> Unit: ...

    def erased_by(self, foreign: Foreign) -> Sequence[str]:
        """Whom an event has erased: what names them here goes."""
        ...

    def source_of(self, foreign: Foreign) -> tuple[str, str]:
        """(source, message id) of the fact that an event is about. Raises ValidationError, KeyError."""
        ...
