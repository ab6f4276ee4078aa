"""Four eyes: an act of some weight is proposed by one principal, and takes effect when another has confirmed it.

Which acts those are says the service. Their messages are recorded as they came (``ActProposed``) and lead to nothing. A
confirmation names the proposal by its id and by the digest of what its sender looked at; then the message is decided as if it
came now, and what it leads to is recorded together with the confirmation. Who somebody is says the broker
(``eventlog.intake``): principals are compared, never names.

The first half is pure; the second is what the inbox asks for, for every service the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal, assert_never, cast

from pydantic import ValidationError
from sqlalchemy import Connection

from contracts.intake import ActConfirmed as Confirmed
from contracts.intake import ActWithdrawn as Withdrawn
from contracts.operations import ActConfirmed, ActProposed, ActWithdrawn, ProposalEvent
from contracts.problems import problem
from eventlog.cache import Shelf, Shelved
from eventlog.canonical import digest
from eventlog.decider import Rejected
from eventlog.desk import Batch
from eventlog.inbox.protocol import Behind, Capability, Decided, Entry, Room
from eventlog.intake import again
from eventlog.log import Log, Recorded, Unit
from eventlog.settings import SettingError, Variable, whole_number

__all__ = [
    "PROPOSALS",
    "PROPOSAL_SECONDS",
    "Eyes",
    "EyesSetting",
    "Needed",
    "Proposal",
    "confirm",
    "digest_of",
    "evolve",
    "eyes_from",
    "eyes_variables",
    "propose",
    "replay",
    "withdraw",
]

PROPOSALS = "proposals"
"""The stream of all proposals of a service, and of what became of them."""
PROPOSAL_SECONDS = 30 * 24 * 3600
"""How long a proposal can be confirmed, unless a setting says otherwise."""
PROPOSAL_SECONDS_MAX = 366 * 24 * 3600


# --- pure ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Proposal:
    """One proposal. said: the intake message. by: the principal. settled: None while it waits; then by which event and whom."""

    event_id: str
    said: Mapping[str, Any]
    sha256: str
    by: str
    until: datetime
    settled: Literal["confirmed", "withdrawn"] | None = None
    settled_event: str | None = None
    settled_by: str | None = None

    @property
    def cause(self) -> str:
        """What the events that it leads to name as their cause."""
        return f"{self.by}/{self.said['id']}"


Proposals = Mapping[str, Proposal]


def digest_of(said: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of what a message asks for: type, effective date and data, and not when and under which id it was sent."""
    return digest({name: said[name] for name in ("type", "effectiveon", "data")})


def propose(said: Mapping[str, Any], by: str, now: datetime, seconds: int) -> ActProposed:
    return ActProposed(act=said["type"], said=dict(said), sha256=digest_of(said), by=by, until=now + timedelta(seconds=seconds))


def confirm(found: Proposal | None, sha256: str, by: str, now: datetime) -> ActConfirmed:
    """Raises Rejected: the same principal, another content, too late, settled, unknown."""
    waiting = _waiting(found)
    if by == waiting.by:
        raise Rejected(problem("same-principal", "data.by"))
    if sha256 != waiting.sha256:
        raise Rejected(problem("proposal-differs", "data.sha256"))
    if now >= waiting.until:
        raise Rejected(problem("proposal-expired", "data.proposal"))
    return ActConfirmed(proposal=waiting.event_id, sha256=sha256, by=by)


def withdraw(found: Proposal | None, by: str, reason: str) -> ActWithdrawn:
    """Raises Rejected: another's, settled, unknown."""
    waiting = _waiting(found)
    if by != waiting.by:
        raise Rejected(problem("proposal-not-yours", "data.by"))
    return ActWithdrawn(proposal=waiting.event_id, by=by, reason=reason)


def _waiting(found: Proposal | None) -> Proposal:
    if found is None:
        raise Rejected(problem("proposal-unknown", "data.proposal"))
    if found.settled is not None:
        raise Rejected(problem("proposal-settled", "data.proposal"))
    return found


def evolve(state: Proposals, event_id: str, event: ProposalEvent) -> Proposals:
    match event:
        case ActProposed():
            return {**state, event_id: Proposal(event_id, event.said, event.sha256, event.by, event.until)}
        case ActConfirmed():
            return _settled(state, event_id, event, "confirmed")
        case ActWithdrawn():
            return _settled(state, event_id, event, "withdrawn")
        case _:
            assert_never(event)


def _settled(
    state: Proposals, event_id: str, event: ActConfirmed | ActWithdrawn, how: Literal["confirmed", "withdrawn"]
) -> Proposals:
    after = replace(state[event.proposal], settled=how, settled_event=event_id, settled_by=event.by)
    return {**state, event.proposal: after}


def replay(history: Iterable[tuple[str, ProposalEvent]]) -> Proposals:
    """Every proposal after a history of (event id, event)."""
    state: Proposals = {}
    for event_id, event in history:
        state = evolve(state, event_id, event)
    return state


# --- settings -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EyesSetting:
    """acts: words of the service for the acts that need a second principal. seconds: how long one waits for it."""

    acts: frozenset[str] = frozenset()
    seconds: int = PROPOSAL_SECONDS


NOTHING = "none"


def eyes_variables(service: str, acts: Sequence[str]) -> tuple[Variable, Variable]:
    """The settings of a service. acts: all of its acts of which a deployment may ask for four eyes; it does, unless it says."""
    named = ", ".join(acts)
    return (
        Variable(
            f"HONGLING_{service.upper()}_FOUR_EYES",
            f"acts that need a second principal, with commas: {named}; or {NOTHING}",
            ",".join(acts),
        ),
        Variable(
            f"HONGLING_{service.upper()}_PROPOSAL_SECONDS",
            "how long such an act waits for the second principal",
            str(PROPOSAL_SECONDS),
        ),
    )


def eyes_from(variables: tuple[Variable, Variable], values: Mapping[str, str]) -> EyesSetting:
    """Raises SettingError."""
    chosen, seconds = variables
    known = frozenset((chosen.default or "").split(","))
    text = values[chosen.name]
    acts = frozenset(part.strip() for part in text.split(",") if part.strip()) if text != NOTHING else frozenset()
    if acts - known:
        raise SettingError(f"{chosen.name} names {', '.join(sorted(acts - known))}; it knows {', '.join(sorted(known))}")
    return EyesSetting(acts, whole_number(seconds.name, values[seconds.name], 1, PROPOSAL_SECONDS_MAX))


# --- what the inbox asks for --------------------------------------------------------------------------------------------

Needed = Callable[[Connection, Any, Entry], bool]
"""Whether a message needs a second principal (and not, say, what stands already). Raises Rejected for what is wrong anyway."""


class Eyes:
    """A service's four eyes. room: whose inbox. inner: the capability of a message, as if one pair were enough.

    needed: type of fact → whether a message of it needs a second principal; a type that is not there never does.
    """

    def __init__(
        self,
        log: Log,
        room: Room[Any],
        inner: Callable[[Entry], Capability[Any]],
        needed: Mapping[str, Needed],
        seconds: int = PROPOSAL_SECONDS,
    ) -> None:
        self.log = log
        self.room = room
        self.inner = inner
        self.needed = needed
        self.seconds = seconds
        self._shelf: Shelf[tuple[str, ProposalEvent]] = Shelf(log, PROPOSALS, _item)
        self._answers = _Answers(self)
        self._proposing = _Proposing(self)

    def capability(self, entry: Entry) -> Capability[Any]:
        message = entry.parsed.message
        if isinstance(message.data, Confirmed | Withdrawn):
            return self._answers
        return self._proposing if message.type in self.needed else self.inner(entry)

    def standing(self, connection: Connection, batch: Batch) -> Shelved[tuple[str, ProposalEvent]]:
        if PROPOSALS not in batch.documents:
            batch.documents[PROPOSALS] = self._shelf.read(connection)
        found: Shelved[tuple[str, ProposalEvent]] = batch.documents[PROPOSALS]
        return found

    def add(self, connection: Connection, batch: Batch, entry: Entry, unit: Unit, event: ProposalEvent) -> str:
        """Add an event to a unit, and move the batch on. Returns its id."""
        before, event_id = self.standing(connection, batch), self.log.new_id()
        unit.events.append(entry.event(PROPOSALS, event, event_id))
        unit.expects[PROPOSALS] = before.version
        batch.documents[PROPOSALS] = Shelved(before.version + 1, (*before.items, (event_id, event)))
        return event_id


def _item(recorded: Recorded) -> tuple[str, ProposalEvent]:
    return recorded.event_id, cast(ProposalEvent, recorded.event)


@dataclass(frozen=True)
class _Proposing:
    """Acts that need a second principal."""

    eyes: Eyes

    def stream_of(self, connection: Connection, batch: Any, entry: Entry) -> str:
        return self.eyes.inner(entry).stream_of(connection, batch, entry)

    def load(self, connection: Connection, batch: Any, entries: Sequence[Entry]) -> None:
        for entry in entries:
            self.eyes.inner(entry).load(connection, batch, [entry])

    def decide(self, connection: Connection, batch: Any, entry: Entry, stream: str) -> Decided:
        message = entry.parsed.message
        if not self.eyes.needed[message.type](connection, batch, entry):
            return self.eyes.inner(entry).decide(connection, batch, entry, stream)
        unit = Unit()
        event = propose(entry.parsed.value, entry.parsed.origin, self.eyes.log.clock.now(), self.eyes.seconds)
        event_id = self.eyes.add(connection, batch, entry, unit, event)
        return Decided(unit, (event_id,), warnings=(problem("proposed", ""),), stream=PROPOSALS)


@dataclass(frozen=True)
class _Answers:
    """Confirmations and withdrawals."""

    eyes: Eyes

    def stream_of(self, connection: Connection, batch: Any, entry: Entry) -> str:
        return PROPOSALS

    def load(self, connection: Connection, batch: Any, entries: Sequence[Entry]) -> None:
        """Few, and each loads what it is about."""

    def decide(self, connection: Connection, batch: Any, entry: Entry, stream: str) -> Decided:
        standing = self.eyes.standing(connection, batch)
        batch.versions[PROPOSALS] = standing.version
        data: Any = entry.parsed.message.data
        found, by = replay(standing.items).get(data.proposal), entry.parsed.origin
        if isinstance(data, Withdrawn):
            unit = Unit()
            return Decided(unit, (self.eyes.add(connection, batch, entry, unit, withdraw(found, by, data.reason)),))
        event = confirm(found, data.sha256, by, self.eyes.log.clock.now())
        assert found is not None
        decided = self._carry_out(connection, batch, entry, found)
        event_id = self.eyes.add(connection, batch, entry, decided.unit, event)
        first = decided.event_id or (decided.events[0] if decided.events else event_id)
        return replace(decided, events=(*decided.events, event_id), event_id=first, stream=PROPOSALS)

    def _carry_out(self, connection: Connection, batch: Any, entry: Entry, proposal: Proposal) -> Decided:
        """Decide what was proposed, as if it came now. Raises whatever that raises."""
        parsed, room = entry.parsed, self.eyes.room
        try:
            said = again(proposal.said, proposal.by, parsed.sequence, parsed.subject)
        except ValidationError:
            raise Rejected(problem("proposal-outdated", "data.proposal")) from None
        ready = room.entry(entry.item, said)
        room.resolve(connection, batch, [ready])
        capability = self.eyes.inner(ready)
        capability.load(connection, batch, [ready])
        stream = capability.stream_of(connection, batch, ready)
        if stream in batch.blocked:
            raise Behind(stream)
        return capability.decide(connection, batch, ready, stream)
