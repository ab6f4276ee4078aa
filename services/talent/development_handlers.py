"""How facts about matters are named, loaded and decided: courses, problems, responsibility lists; and the policies. No rules.

What is about a person stands in their own stream, and is settled with their candidacy (``services.talent.handlers``). A step of
a matter that nobody has opened yet is held until somebody does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from sqlalchemy import Connection

from contracts.development import DevelopmentPolicyPublished
from contracts.development_intake import MatterFact, matter_said
from contracts.development_policy import DevelopmentPolicy
from contracts.workdays import Calendar
from eventlog.cache import Shelved
from eventlog.decider import Early
from eventlog.desk import Batch
from eventlog.inbox.documents import Documents
from eventlog.inbox.protocol import Decided, Entry, told_again
from eventlog.log import Log, Unit
from services.talent.acts import Stamp
from services.talent.development import PolicyKnown
from services.talent.development_policy import read_policy
from services.talent.matters import (
    Absent,
    Matter,
    MatterAct,
    MatterHappened,
    MatterSaid,
    decide_matter,
    evolve_matter,
    matter_of,
    may_say,
    opens,
    replay_matter,
)

__all__ = [
    "DEVELOPMENT_POLICIES",
    "DevelopmentBatch",
    "Matters",
    "Policies",
    "development_policies",
    "made_need",
    "published_policies",
]

DEVELOPMENT_POLICIES = "development-policies"
"""The one stream of all development policies: a decision names its version, so that none is made by a stale one."""

Policies = Shelved[PolicyKnown]


@dataclass(slots=True)
class DevelopmentBatch(Batch):
    """matters: state of each matter that the batch touches, by its stream."""

    matters: dict[str, Matter] = field(default_factory=dict)

    @property
    def policies(self) -> Policies:
        return self.documents[DEVELOPMENT_POLICIES]


def made_need(stream: str, what: str = "") -> str:
    """The need of a message that waits until something is made on a stream."""
    return f"made:{stream}#{what}"


class Matters:
    """Courses, problems and responsibility lists.

    calendar: of working days, for the last day of a problem. closers: sources that may close other sources' problems.
    """

    def __init__(self, log: Log, calendar: Calendar | None, closers: frozenset[str]) -> None:
        self._log = log
        self._calendar = calendar
        self._closers = closers

    def stream_of(self, connection: Connection, batch: DevelopmentBatch, entry: Entry) -> str:
        return matter_of(_said(entry), entry.parsed.origin)

    def load(self, connection: Connection, batch: DevelopmentBatch, entries: Sequence[Entry]) -> None:
        streams = {self.stream_of(connection, batch, entry) for entry in entries} - batch.matters.keys()
        for stream, past in self._log.histories(connection, streams).items():
            batch.versions[stream] = len(past)
            batch.matters[stream] = replay_matter(MatterHappened(*self._log.past(one)[1:]) for one in past)

    def decide(self, connection: Connection, batch: DevelopmentBatch, entry: Entry, stream: str) -> Decided:
        message, says, fact = entry.parsed.message, _said(entry), entry.parsed.fact
        state = batch.matters[stream]
        # What its source may not say at all is refused at once: there is nothing to wait for.
        if isinstance(state, Absent) and not opens(says) and may_say(says, fact, self._closers):
            raise Early(made_need(stream), f"{stream.partition('-')[0]} {stream.partition('-')[2]}")
        event_id = self._log.new_id()
        stamp = Stamp(event_id, "", fact, message.effectiveon, self._log.clock.now())
        policies = batch.policies
        events = decide_matter(MatterAct(stamp, stream, says), state, policies.items, self._calendar, self._closers)
        unit = Unit(expects={stream: batch.versions[stream], DEVELOPMENT_POLICIES: policies.version})
        if events and isinstance(state, Absent):
            batch.provided.append(made_need(stream))
        for event in events:
            unit.events.append(entry.event(stream, event, event_id))
            batch.matters[stream] = evolve_matter(batch.matters[stream], MatterHappened(stamp.on, event))
        batch.versions[stream] += len(events)
        again = told_again(events, state, batch.matters[stream])
        return Decided(unit, tuple(new.event_id for new in unit.events), warnings=again)


def _said(entry: Entry) -> MatterSaid:
    return cast(MatterSaid, matter_said(cast(MatterFact, entry.parsed.message.data)))


def development_policies(log: Log) -> Documents[DevelopmentPolicy, PolicyKnown]:
    """The policies, as they are published."""
    return Documents(
        log,
        DEVELOPMENT_POLICIES,
        read_policy,
        DevelopmentPolicyPublished,
        PolicyKnown,
        lambda known: known.document,
        "policy-exists",
        lambda document: document.effective_on,
    )


def published_policies(log: Log, connection: Connection) -> tuple[PolicyKnown, ...]:
    """Every development policy, in the order of publication."""
    return development_policies(log).shelf().read(connection).items
