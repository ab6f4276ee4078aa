"""From messages about matters and policies to appends: courses, problems, responsibility lists, development policies. No rules.

What is about a person stands in their own stream, and is settled with their candidacy (``services.talent.handlers``). A step of
a matter that nobody has opened yet is held until somebody does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import cast

from sqlalchemy import Connection

from contracts.development import DevelopmentPolicyPublished, MatterEvent
from contracts.development_intake import DevelopmentPolicyPublished as PolicyFact
from contracts.development_intake import MatterFact, matter_said
from contracts.receipts import Problem
from contracts.registry import FactOrigin
from contracts.workdays import Calendar
from eventlog.cache import Shelf, Shelved
from eventlog.decider import Rejected
from eventlog.desk import Batch, Desk, Item, problem
from eventlog.documents import DocumentError
from eventlog.holding import Holding, Need
from eventlog.inbox.failures import Failure, failure_of
from eventlog.intake import Parsed
from eventlog.log import Log, NewEvent, Recorded, Unit
from services.talent.acts import Stamp
from services.talent.development import PolicyKnown
from services.talent.development_policy import read_policy
from services.talent.matters import (
    Absent,
    Matter,
    MatterAct,
    MatterHappened,
    decide_matter,
    evolve_matter,
    matter_of,
    may_say,
    opens,
    replay_matter,
)

__all__ = ["DEVELOPMENT_POLICIES", "DevelopmentBatch", "DevelopmentDesk", "Policies", "made_need", "published_policies"]

DEVELOPMENT_POLICIES = "development-policies"
"""The one stream of all development policies: a decision names its version, so that none is made by a stale one."""
PROBLEMS_SHOWN_MAX = 20

Policies = Shelved[PolicyKnown]


@dataclass(slots=True)
class DevelopmentBatch(Batch):
    """matters: state of each matter that the batch touches, by its stream."""

    matters: dict[str, Matter] = field(default_factory=dict)
    policies: Policies = field(default_factory=Policies)


def made_need(stream: str, what: str = "") -> str:
    """The need of a message that waits until something is made on a stream."""
    return f"made:{stream}#{what}"


class DevelopmentDesk:
    """calendar: of working days, for the last day of a problem. closers: sources that may close other sources' problems."""

    def __init__(self, log: Log, desk: Desk, holding: Holding, calendar: Calendar | None, closers: frozenset[str]) -> None:
        self._log = log
        self._desk = desk
        self._holding = holding
        self._calendar = calendar
        self._closers = closers
        self._shelf = Shelf(log, DEVELOPMENT_POLICIES, _policy_of)

    def read_policies(self, connection: Connection) -> Policies:
        return self._shelf.read(connection)

    def bring(self, connection: Connection, batch: DevelopmentBatch, facts: Iterable[tuple[str, MatterFact]]) -> None:
        """Fold the matters that these facts (with their sources) are about."""
        streams = {matter_of(matter_said(data), source) for source, data in facts} - batch.matters.keys()
        for stream, past in self._log.histories(connection, streams).items():
            batch.versions[stream] = len(past)
            batch.matters[stream] = replay_matter(
                MatterHappened(
                    date.fromisoformat(one.effective_on), cast(MatterEvent, self._log.codec.decode(one.type, one.data))
                )
                for one in past
            )

    # --- matters --------------------------------------------------------------------------------------------------------

    def settle_matter(self, batch: DevelopmentBatch, item: Item, parsed: Parsed, content: bytes, data: MatterFact) -> None:
        """Add the unit of a fact about a matter: accepted, held, refused or parked."""
        message, says = parsed.message, matter_said(data)
        stream = matter_of(says, parsed.origin)
        if stream in batch.blocked:
            self._park(batch, item, parsed, "behind-parked", "an earlier event of this matter is parked", stream)
            return
        state = batch.matters[stream]
        # What its source may not say at all is refused at once: there is nothing to wait for.
        if isinstance(state, Absent) and not opens(says) and may_say(says, parsed.origin, self._closers):
            need = Need(made_need(stream), f"{stream.partition('-')[0]} {stream.partition('-')[2]}")
            self._holding.hold(batch, item, parsed, need, {stream: batch.versions[stream]})
            return
        event_id = self._log.new_id()
        origin = FactOrigin(source=parsed.origin, id=message.id, occurred_at=message.time)
        act = MatterAct(Stamp(event_id, "", origin, message.effectiveon, self._log.clock.now()), stream, says)
        try:
            events = decide_matter(act, state, batch.policies.items, self._calendar, self._closers)
        except Rejected as rejected:
            self._desk.refuse(batch, item, parsed, rejected.problems, content)
            return
        except Exception as error:
            if failure_of(error) is not Failure.MESSAGE:
                raise
            self._park(batch, item, parsed, "rule-failed", f"{type(error).__name__} while deciding", stream)
            batch.blocked.add(stream)
            return
        self._add(batch, item, parsed, content, act, events)

    def _add(
        self,
        batch: DevelopmentBatch,
        item: Item,
        parsed: Parsed,
        content: bytes,
        act: MatterAct,
        events: Iterable[MatterEvent],
    ) -> None:
        message, stream = parsed.message, act.matter
        expects = {stream: batch.versions[stream], DEVELOPMENT_POLICIES: batch.policies.version}
        unit = Unit(expects=expects)
        day, cause = message.effectiveon.isoformat(), f"{parsed.origin}/{message.id}"
        for event in events:
            new = NewEvent(stream, event, day, act.stamp.event_id, message.correlationid or message.id, cause, parsed.origin)
            unit.events.append(new)
            if isinstance(batch.matters[stream], Absent):
                batch.provided.append(made_need(stream))
            batch.matters[stream] = evolve_matter(batch.matters[stream], MatterHappened(act.stamp.on, event))
            batch.versions[stream] += 1
        ids = tuple(new.event_id for new in unit.events)
        receipt = self._desk.receipt(parsed, "accepted", events=ids)
        self._desk.accept(batch, item, parsed, content, unit, stream, ids[0] if ids else None, receipt)

    def _park(self, batch: DevelopmentBatch, item: Item, parsed: Parsed, code: str, what: str, blocks: str) -> None:
        why = problem("", code, what, "an operator will look at it; nothing is lost")
        receipt = self._desk.receipt(parsed, "parked", problems=(why,))
        self._desk.set_aside(batch, item, (parsed.origin, parsed.message.id), why, blocks, receipt)

    # --- policies -------------------------------------------------------------------------------------------------------

    def publish(self, batch: DevelopmentBatch, item: Item, parsed: Parsed, content: bytes, data: PolicyFact) -> None:
        """Record a development policy, or refuse it at its lines."""
        try:
            unit, event_id = self._published(batch, parsed, data)
        except Rejected as rejected:
            self._desk.refuse(batch, item, parsed, rejected.problems, content)
            return
        receipt = self._desk.receipt(parsed, "accepted", events=(event_id,))
        self._desk.accept(batch, item, parsed, content, unit, DEVELOPMENT_POLICIES, event_id, receipt)

    def _published(self, batch: DevelopmentBatch, parsed: Parsed, data: PolicyFact) -> tuple[Unit, str]:
        try:
            document = read_policy(data.text)
        except DocumentError as error:
            raise Rejected(
                *(
                    Problem(field=f"data.text:{p.line}:{p.column} {p.key}", code=p.code, problem=p.problem, remedy=p.remedy)
                    for p in error.problems[:PROBLEMS_SHOWN_MAX]
                )
            ) from None
        known = batch.policies
        named = (document.document, document.revision, document.division)
        if any(named == (p.document.document, p.document.revision, p.document.division) for p in known.items):
            raise Rejected(
                problem(
                    "data.text",
                    "policy-exists",
                    f"document {document.document} is published already in revision {document.revision}",
                    "raise the revision to publish a changed document",
                )
            )
        message, event_id = parsed.message, self._log.new_id()
        mark = hashlib.sha256(data.text.encode()).hexdigest()
        event = DevelopmentPolicyPublished(document=document, text=data.text, text_sha256=mark)
        cause = f"{parsed.origin}/{message.id}"
        new = NewEvent(
            DEVELOPMENT_POLICIES, event, document.effective_on.isoformat(), event_id, message.id, cause, parsed.origin
        )
        batch.policies = Policies(known.version + 1, (*known.items, PolicyKnown(event_id, document)))
        return Unit(events=[new], expects={DEVELOPMENT_POLICIES: known.version}), event_id


def published_policies(log: Log, connection: Connection) -> tuple[PolicyKnown, ...]:
    """Every development policy, in the order of publication."""
    return tuple(_policy_of(event) for event in log.load(connection, [DEVELOPMENT_POLICIES])[DEVELOPMENT_POLICIES])


def _policy_of(recorded: Recorded) -> PolicyKnown:
    return PolicyKnown(recorded.event_id, cast(DevelopmentPolicyPublished, recorded.event).document)
