"""What every service does with intake messages, whatever they are about: refuse, park, repeat an answer, obey an operator.

A ``Desk`` turns what became of one message into one ``Unit`` of the batch. Which facts are true is not its business.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from contracts.base import business_day
from contracts.intake import ParkedDiscard, ParkedRetry
from contracts.operations import OperationsEvent, ParkedDiscarded, ParkedRetried
from contracts.possible import AHEAD_SECONDS_MAX
from contracts.problems import problem as words_of
from contracts.receipts import Problem
from contracts.roles import frozen
from eventlog import schema
from eventlog.bounds import SourceBounds, beyond, roles_of
from eventlog.box import opened
from eventlog.cache import Shelved
from eventlog.inbox.failures import Failure, failure_of
from eventlog.intake import (
    PARKED_REMEDY,
    Fault,
    Parsed,
    ReceiptValue,
    Seen,
    answer,
    parked_problem,
    read_intake,
    read_name,
    replay_receipt,
    says_the_same,
    seen_before,
)
from eventlog.log import InboxEntry, Log, NewEvent, Unit
from eventlog.parking import park, parked_row, parked_with, stream_of_parked
from eventlog.quota import Quota, Sent, sent_by
from eventlog.wire import Incoming

__all__ = ["AHEAD_SECONDS_MAX", "STANDS_ALREADY", "STANDS_OTHERWISE", "Batch", "Desk", "Item", "problem"]

OVER_QUOTA = words_of("over-quota", "")

STANDS_ALREADY = words_of("stands-already", "")
STANDS_OTHERWISE = words_of("stands-otherwise", "")
"""Of an act that says what is so: it is accepted, and leads to no event. A report that does may be recorded all the same."""


@dataclass(frozen=True, slots=True)
class Item:
    """One message to settle. held_id or parked_id: the side-table row that it comes from, instead of the stream.

    stored_ns: when the stream took it in; None where nobody knows.
    """

    subject: str
    raw: bytes
    sequence: int
    header_id: str | None = None
    held_id: str | None = None
    parked_id: str | None = None
    stored_ns: int | None = None

    @classmethod
    def of(cls, message: Incoming) -> Item:
        return cls(message.subject, message.payload, message.sequence, message.message_id, stored_ns=message.stored_ns)

    @property
    def fresh(self) -> bool:
        return self.held_id is None and self.parked_id is None

    def redelivers(self, seen: Seen) -> bool:
        """Whether it is the very message that was seen: it stands at the same place, and stood there when that was recorded.

        On a stream that was made anew another message may stand there, and whoever sent it waits for an answer.
        """
        if self.sequence != seen.sequence or self.stored_ns is None or seen.recorded_at is None:
            return self.sequence == seen.sequence
        return self.stored_ns <= datetime.fromisoformat(seen.recorded_at).timestamp() * 1e9


@dataclass(slots=True)
class Batch:
    """What is known while a batch is decided. units and sources run parallel; erase: sequences with plain identity.

    blocked: streams that stand still behind a parked message. versions: of the streams that were loaded or written to.
    needs: unit index → what its message waits for. provided: what this batch has brought that others may wait for. released:
    rows of held messages that this batch has taken up, whatever becomes of them. documents: by their stream.
    sent: by source, what counts for its quota.
    """

    seen: dict[tuple[str, str], Seen] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    blocked: set[str] = field(default_factory=set)
    units: list[Unit] = field(default_factory=list)
    sources: list[Item] = field(default_factory=list)
    erase: list[int] = field(default_factory=list)
    needs: dict[int, str] = field(default_factory=dict)
    provided: list[str] = field(default_factory=list)
    released: set[str] = field(default_factory=set)
    documents: dict[str, Shelved[Any]] = field(default_factory=dict)
    sent: dict[str, Sent] = field(default_factory=dict)

    def add(self, item: Item, unit: Unit) -> None:
        """Add what a message came to; the side-table row that it came from goes with it."""
        if item.held_id is not None:
            unit.deletes.append((schema.held, item.held_id))
        if item.parked_id is not None:
            unit.deletes.append((schema.parked, item.parked_id))
        self.units.append(unit)
        self.sources.append(item)


class Desk:
    """service: whose receipts these are. quota: of each source. known: roles and bounds by principal."""

    def __init__(
        self, service: str, log: Log, quota: Quota | None = None, known: Mapping[str, SourceBounds] | None = None
    ) -> None:
        self.service = service
        self._log = log
        self._quota = quota or Quota()
        self._known = known or {}

    def within_quota(self, connection: Connection, batch: Batch, items: Sequence[Item]) -> list[Item]:
        """Those that their sources may still send. What goes beyond is answered and erased, and nothing of it is kept."""
        counted = [item for item in items if item.fresh and item.stored_ns is not None]
        if not counted:
            return list(items)
        sent = sent_by(connection, {_source_of(item) for item in counted})
        before = {source: each.until for source, each in sent.items()}
        beyond = {id(item) for item in counted if not self._counts(batch, item, sent[_source_of(item)])}
        batch.sent = {source: each for source, each in sent.items() if each.until != before[source]}
        return [item for item in items if id(item) not in beyond]

    def _counts(self, batch: Batch, item: Item, sent: Sent) -> bool:
        if sent.takes(len(item.raw), item.sequence, item.stored_ns or 0, self._quota):
            return True
        batch.erase.append(item.sequence)
        if sent.answered:
            named = read_name(item.subject, item.raw, item.sequence, item.header_id)
            now = self._log.clock.now()
            receipt = answer(self.service, sent.source, named, "refused", now, problems=(OVER_QUOTA,))
            batch.add(item, Unit(receipts=[receipt]))
        return False

    def read(self, connection: Connection, batch: Batch, items: Iterable[Item]) -> list[tuple[Item, Parsed]]:
        """Parse each by itself; settle what cannot be read, and return the rest. Fills ``batch.seen``."""
        read = [(item, self._read(item)) for item in items]
        keys = {(r.origin, r.message_id if isinstance(r, Fault) else r.message.id) for _, r in read} - batch.seen.keys()
        batch.seen.update(seen_before(connection, keys))
        parsed: list[tuple[Item, Parsed]] = []
        for item, found in read:
            if isinstance(found, Fault):
                self.settle_fault(batch, item, found)
            else:
                parsed.append((item, found))
        return parsed

    def _read(self, item: Item) -> Parsed | Fault:
        try:
            found = read_intake(self.service, item.subject, item.raw, item.sequence, item.header_id)
        except Exception as error:
            if failure_of(error) is not Failure.MESSAGE:
                raise
            what = f"{type(error).__name__} while reading"
            why = problem("", "rule-failed", what, "an operator will look at it; nothing is lost")
            origin = item.subject.split(".")[1]
            return Fault(origin, f"seq-{item.sequence}", "parked", (why,), item.sequence, item.subject, item.raw)
        if isinstance(found, Fault):
            return found
        roles = frozen(found.origin, roles_of(self._known, found.origin))
        if roles is not None:
            found = replace(found, roles=roles)
        if not item.fresh:
            return found
        why_not = self._beyond(found)
        return found if why_not is None else refused(found, why_not)

    def _beyond(self, parsed: Parsed) -> Problem | None:
        """Why a message that has just come is not taken, well-formed as it is. What was taken once is not asked again."""
        message, now = parsed.message, self._log.clock.now()
        if message.time > now + timedelta(seconds=AHEAD_SECONDS_MAX):
            return words_of("time-ahead", "time")
        bounds = self._known.get(parsed.origin)
        return None if bounds is None else beyond(bounds, message, parsed.value["data"], business_day(now))

    def receipt(self, parsed: Parsed, outcome: Any, *, warnings: Sequence[Problem] = (), **more: Any) -> ReceiptValue:
        """An answer. What was accepted and led to no event changed nothing: it is said that it stands already."""
        message = parsed.message
        if outcome == "accepted" and not (more.get("events") or more.get("repeated") or STANDS_OTHERWISE in warnings):
            warnings = (*warnings, STANDS_ALREADY)
        more["warnings"] = warnings
        return answer(self.service, parsed.origin, message.id, outcome, self._log.clock.now(), kind=message.type, **more)

    # --- outcomes -------------------------------------------------------------------------------------------------------

    def accept(
        self,
        batch: Batch,
        item: Item,
        parsed: Parsed,
        content: bytes,
        unit: Unit,
        stream: str,
        event_id: str | None,
        receipt: ReceiptValue,
    ) -> None:
        """Complete and add the unit of an accepted message."""
        key = (parsed.origin, parsed.message.id)
        unit.receipts.append(receipt)
        unit.inbox = InboxEntry(*key, content, "accepted", parsed.sequence, event_id, stream)
        batch.seen[key] = Seen("accepted", parsed.sequence, content, None, event_id, stream)
        batch.add(item, unit)

    def refuse(self, batch: Batch, item: Item, parsed: Parsed, problems: tuple[Problem, ...], content: bytes) -> None:
        self._conclude(batch, item, parsed.sequence, content, self.receipt(parsed, "refused", problems=problems))

    def settle_fault(self, batch: Batch, item: Item, fault: Fault) -> None:
        now = self._log.clock.now()
        key = (fault.origin, fault.message_id)
        receipt = answer(self.service, *key, fault.outcome, now, kind=fault.type, problems=fault.problems)
        if fault.erase and item.fresh:
            batch.erase.append(fault.sequence)
        if fault.outcome == "refused":
            self._conclude(batch, item, fault.sequence, hashlib.sha256(fault.raw).digest(), receipt)
        elif (seen := batch.seen.get(key)) is None:
            self.set_aside(batch, item, key, fault.problems[0], None, receipt)
        elif item.fresh and not item.redelivers(seen):
            if seen.settled or not says_the_same(seen.raw, item.raw):
                receipt = answer(self.service, *key, "refused", now, kind=fault.type, problems=(*fault.problems, reused(seen)))
            batch.add(item, Unit(receipts=[{**receipt, "repeated": receipt["outcome"] == "parked"}]))

    def _conclude(self, batch: Batch, item: Item, sequence: int, content: bytes, receipt: ReceiptValue) -> None:
        """Settle a refused message for ever, unless its id was settled before: then only the answer is given."""
        key = (receipt["source"], receipt["id"])
        seen = batch.seen.get(key)
        if seen is None or not item.fresh:
            batch.seen[key] = Seen("refused", sequence, content, None, None, None)
            batch.add(item, Unit(inbox=InboxEntry(*key, content, "refused", sequence), receipts=[receipt]))
        elif not item.redelivers(seen):
            batch.add(item, Unit(receipts=[receipt]))

    def settle_seen(self, connection: Connection, batch: Batch, item: Item, parsed: Parsed, content: bytes, seen: Seen) -> None:
        """A message that was there before: silence for a redelivery, the same answer for a repeat, a refusal for another."""
        if not item.fresh:
            # Set aside here while another instance settled it: there is nothing left to decide.
            if _still_aside(connection, item):
                batch.add(item, Unit())
            return
        if item.redelivers(seen):
            return
        if seen.content != content if seen.settled else not says_the_same(seen.raw, item.raw):
            told = (reused(seen), *((seen.why,) if seen.why else ()))
            batch.add(item, Unit(receipts=[self.receipt(parsed, "refused", problems=told)]))
            return
        receipt = replay_receipt(connection, seen, self._log.clock.now())
        if receipt is None:
            events = (seen.event_id,) if seen.event_id else ()
            problems = (seen.why,) if seen.why else ()
            receipt = self.receipt(parsed, seen.outcome, events=events, problems=problems, repeated=True)
        batch.add(item, Unit(receipts=[receipt]))

    def set_aside(
        self, batch: Batch, item: Item, key: tuple[str, str], why: Problem, blocks: str | None, receipt: ReceiptValue | None
    ) -> None:
        """Park a message. A retry that fails again changes nothing: the message stays where it was."""
        if item.parked_id is not None:
            return
        clock = self._log.clock
        unit = park(
            self._log.new_id(),
            clock,
            origin=key[0],
            message_id=key[1],
            sequence=item.sequence,
            subject=item.subject,
            raw=item.raw,
            code=why.code,
            problem=why.problem,
            blocks=blocks,
            effective_on=business_day(clock.now()).isoformat(),
        )
        if receipt is not None:
            unit.receipts.append(receipt)
        told = parked_problem(why.code, why.problem)
        batch.seen[key] = Seen("parked", item.sequence, None, None, None, None, raw=item.raw, why=told)
        batch.add(item, unit)

    # --- operators ------------------------------------------------------------------------------------------------------

    def retry(
        self, connection: Connection, batch: Batch, item: Item, parsed: Parsed, content: bytes, data: ParkedRetry
    ) -> list[Item]:
        """Record the act; return the parked messages to settle now: the one named and those that wait behind it."""
        rows = parked_with(connection, data.parked)
        if not rows:
            self._refuse_unknown(batch, item, parsed, content)
            return []
        batch.blocked -= {row.blocks for row in rows}
        event = ParkedRetried(parked=data.parked, by=data.by, reason=data.reason, outcome="retried")
        self._operate(connection, batch, item, parsed, content, data.parked, event)
        return [
            Item(row.subject, opened(connection, row.raw, row.parked_id), row.sequence, parked_id=row.parked_id) for row in rows
        ]

    def discard(
        self, connection: Connection, batch: Batch, item: Item, parsed: Parsed, content: bytes, data: ParkedDiscard
    ) -> None:
        """Record the act, delete the bytes, tell the source."""
        row = parked_row(connection, data.parked)
        if row is None:
            self._refuse_unknown(batch, item, parsed, content)
            return
        event = ParkedDiscarded(parked=data.parked, by=data.by, reason=data.reason)
        unit = self._operate(connection, batch, item, parsed, content, data.parked, event)
        unit.deletes.append((schema.parked, data.parked))
        if row.subject.startswith("intake."):
            why = problem("", "discarded", "an operator has discarded the message", "ask the operator of this service")
            unit.receipts.append(
                answer(self.service, row.origin, row.message_id, "refused", self._log.clock.now(), problems=(why,))
            )

    def _operate(
        self,
        connection: Connection,
        batch: Batch,
        item: Item,
        parsed: Parsed,
        content: bytes,
        parked_id: str,
        event: OperationsEvent,
    ) -> Unit:
        stream = stream_of_parked(parked_id)
        if stream not in batch.versions:
            batch.versions[stream] = len(self._log.load(connection, [stream])[stream])
        message = parsed.message
        event_id = self._log.new_id()
        day = message.effectiveon.isoformat()
        cause = f"{parsed.origin}/{message.id}"
        unit = Unit(
            events=[NewEvent(stream, event, day, event_id, message.id, cause, parsed.origin)],
            expects={stream: batch.versions[stream]},
        )
        batch.versions[stream] += 1
        receipt = self.receipt(parsed, "accepted", events=(event_id,))
        self.accept(batch, item, parsed, content, unit, stream, event_id, receipt)
        return unit

    def _refuse_unknown(self, batch: Batch, item: Item, parsed: Parsed, content: bytes) -> None:
        unknown = problem("data.parked", "not-parked", "no message is parked under this id", "see `hongling parked list`")
        self.refuse(batch, item, parsed, (unknown,), content)


def _still_aside(connection: Connection, item: Item) -> bool:
    """Whether the side-table row that an item comes from is still there."""
    held, parked = schema.held.c.hold_id, schema.parked.c.parked_id
    query = select(parked).where(parked == item.parked_id) if item.held_id is None else select(held).where(held == item.held_id)
    return connection.execute(query).first() is not None


def refused(parsed: Parsed, *problems: Problem) -> Fault:
    """A well-formed message that is refused before anything is decided."""
    at = parsed.sequence, parsed.subject, parsed.raw
    return Fault(parsed.origin, parsed.message.id, "refused", problems, *at, type=parsed.message.type)


_WHAT_NOW = {
    "accepted": "that one is recorded and stands; correct it by a fact-corrected message, or give this one a new id",
    "refused": "that one was refused and recorded nothing; give the mended message a new id",
    "waiting": "that one still waits; withdraw or correct it by a message of its own, or give this one a new id",
    "parked": PARKED_REMEDY,
}


def reused(seen: Seen) -> Problem:
    """That a message came under the id of another one, what became of that one, and what to do now."""
    what = f"this id was used for a message that says something else ({seen.outcome})"
    return problem("id", "id-reused", what, _WHAT_NOW.get(seen.outcome, "give this message a new id"))


def problem(field_name: str, code: str, what: str, remedy: str) -> Problem:
    """One problem of a receipt."""
    return Problem(field=field_name, code=code, problem=what, remedy=remedy)


def _source_of(item: Item) -> str:
    return item.subject.split(".")[1]
