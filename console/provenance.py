"""Where each event of a log comes from, proven: the message, the event of this log, or the event of another service behind it.

A row that somebody with a service's password has added by SQL is well formed, has its place in the tree, and folds into the
tables. What it has not got is a cause: no message that the inbox has taken in the same append, no earlier event, no event of
another service's log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from contracts.operations import ActConfirmed, ActProposed, ActWithdrawn, MessageParked
from eventlog import schema
from eventlog.bulk import one_of
from eventlog.eyes import PROPOSALS, Proposal, digest_of
from eventlog.log import Recorded

__all__ = ["Provenance", "unknown_events"]

PAGE = 1000
Key = tuple[str, str]
"""(source, message id)."""


@dataclass(slots=True)
class Provenance:
    """Takes rows as they are read; ``check`` holds a page of them against the inbox.

    foreign: event → its cause, which is no event of this log: to be looked for in the others'. confirmed: once it was needed,
    as ``_confirmations`` finds it.
    """

    foreign: dict[str, str] = field(default_factory=dict)
    confirmed: set[tuple[str, str]] | None = None

    def check(self, connection: Connection, rows: Sequence[Recorded]) -> Iterable[str]:
        """What is wrong with the origin of these events, in words."""
        named = {row.event_id: keys for row in rows if (keys := _messages_of(row))}
        taken = _taken(connection, {key for keys in named.values() for key in keys})
        for row in rows:
            keys = named.get(row.event_id, ())
            unknown = [key for key in keys if key not in taken]
            if unknown:
                yield _said(row, f"names the message {'/'.join(unknown[0])}, which the inbox has not taken")
            elif _own(row) in keys and taken[_own(row)] != row.recorded_at and not self._confirmed(connection, row):
                yield _said(row, f"names the message {row.causation_id}, which was settled in another append")
            elif keys and _own(row) not in keys:
                yield _said(row, f"names the message {'/'.join(keys[0])}, and another cause: {row.causation_id or 'none'}")
        causes = {row.event_id: row.causation_id for row in rows if row.causation_id and "/" not in row.causation_id}
        known = _positions(connection, causes.values())
        for row in rows:
            cause = causes.get(row.event_id)
            if cause is None:
                continue
            if cause not in known:
                self.foreign[row.event_id] = cause
            elif known[cause] >= row.position:
                yield _said(row, f"names a later event as its cause: {cause}")

    def _confirmed(self, connection: Connection, row: Recorded) -> bool:
        """Whether its message was a proposal, and another principal's confirmation is recorded in the event's own append."""
        if self.confirmed is None:
            self.confirmed = _confirmations(connection)
        return (row.causation_id or "", row.recorded_at) in self.confirmed


def _confirmations(connection: Connection) -> set[tuple[str, str]]:
    """(the message that proposed, when it was confirmed) of every proposal that another principal has confirmed."""
    event = schema.event.c
    query = select(event.event_id, event.type, event.data, event.actor, event.recorded_at).where(event.stream == PROPOSALS)
    kinds: dict[str, type[ActProposed | ActConfirmed | ActWithdrawn]] = {
        each.TYPE: each for each in (ActProposed, ActConfirmed, ActWithdrawn)
    }
    made: dict[str, Proposal] = {}
    found = set()
    for row in connection.execute(query.order_by(event.version)):
        said = kinds[row.type].model_validate_json(row.data)
        if isinstance(said, ActProposed):
            made[row.event_id] = Proposal(row.event_id, said.said, said.sha256, row.actor, said.until)
        elif isinstance(said, ActConfirmed):
            proposal = made.get(said.proposal)
            if proposal and row.actor != proposal.by and said.sha256 == digest_of(proposal.said):
                found.add((proposal.cause, row.recorded_at))
    return found


def _said(row: Recorded, what: str) -> str:
    return f"event {row.event_id} ({row.type}) at position {row.position} {what}"


def _own(row: Recorded) -> Key:
    """The message that caused the event."""
    source, _, message_id = (row.causation_id or "").partition("/")
    return source, message_id


def _messages_of(row: Recorded) -> tuple[Key, ...]:
    """Every message that an event names: its cause, and the one that brought its fact (of an absorbed one: long before)."""
    if isinstance(row.event, MessageParked):
        # It was set aside, not taken.
        return ()
    found = [_own(row)] if "/" in (row.causation_id or "") else []
    fact = getattr(row.event, "fact", None)
    source, message_id = getattr(fact, "source", None), getattr(fact, "id", None)
    if isinstance(source, str) and isinstance(message_id, str):
        found.append((source, message_id))
    return tuple(dict.fromkeys(found))


def _taken(connection: Connection, keys: set[Key]) -> dict[Key, str]:
    """message → when it was accepted."""
    by_source: dict[str, list[str]] = {}
    for source, message_id in sorted(keys):
        by_source.setdefault(source, []).append(message_id)
    found: dict[Key, str] = {}
    box = schema.inbox.c
    for source, ids in by_source.items():
        for start in range(0, len(ids), PAGE):
            chosen = box.origin == source, one_of(connection, box.message_id, ids[start : start + PAGE])
            query = select(box.message_id, box.recorded_at).where(*chosen, box.outcome == "accepted")
            found.update(((source, row.message_id), row.recorded_at) for row in connection.execute(query))
    return found


def _positions(connection: Connection, ids: Iterable[str]) -> Mapping[str, int]:
    """event → its position, of those that are in the log."""
    event, wanted = schema.event.c, sorted(set(ids))
    found: dict[str, int] = {}
    for start in range(0, len(wanted), PAGE):
        query = select(event.event_id, event.position).where(one_of(connection, event.event_id, wanted[start : start + PAGE]))
        found.update((row.event_id, row.position) for row in connection.execute(query))
    return found


def unknown_events(connection: Connection, ids: Iterable[str]) -> set[str]:
    """Those of these events that this log has not got."""
    wanted = set(ids)
    return wanted - _positions(connection, wanted).keys()
