"""From intake messages to one append: parse, drop the seen, resolve people, load, decide in order, commit. No rules here.

The steps of a batch are in ``RegistryIntake._settle_once``, top to bottom. Everything that a message leads to is one ``Unit``;
a message that needs what has not come yet is held, and released by the batch in which that comes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, cast

from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from contracts.intake import (
    AnnualRatingRecorded,
    CertificateIssued,
    EngagementEnded,
    EngagementStarted,
    FactCorrected,
    FactId,
    FactWithdrawn,
    Identity,
    InspectionConcluded,
    ParkedDiscard,
    ParkedRetry,
    Person,
    WorkerRegistered,
)
from contracts.particulars import PARTICULARS_BY_KIND, Particulars
from contracts.registry import EncryptedIdentity, FactOrigin, RegistryEvent
from contracts.registry import FactCorrected as FactCorrectedEvent
from eventlog.bulk import one_of
from eventlog.cache import StateCache
from eventlog.decider import Rejected
from eventlog.desk import Batch, Desk, Item, problem
from eventlog.holding import Holding, Need
from eventlog.ids import random_token
from eventlog.intake import Parsed, content_of, seen_before
from eventlog.log import Log, NewEvent, Unit, Vanished
from eventlog.parking import blocked_streams
from eventlog.wire import Incoming
from services.registry.decider import (
    Correct,
    Happened,
    Record,
    Rules,
    Stamp,
    Withdraw,
    Worker,
    decide,
    evolve,
    replay,
    stream_of,
)
from services.registry.vault import Vault, person_index, person_key

__all__ = ["Item", "RegistryIntake"]

SERVICE = "registry"
CONFLICT_ROUNDS_MAX = 20


@dataclass(slots=True)
class RegistryBatch(Batch):
    """What the registry knows while a batch is decided: the stored state, plus what earlier messages of the batch add.

    persons: index value → person_ref. unindexed: values that find nobody any more; asked: values that
    the database was asked for. facts: (source, message id) → (stream,
    event id). A need is ``person:<index value or person_ref>`` or ``fact:<source>/<id>``.
    """

    persons: dict[str, str] = field(default_factory=dict)
    unindexed: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    facts: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    states: dict[str, Worker] = field(default_factory=dict)
    identities: dict[str, dict[str, EncryptedIdentity]] = field(default_factory=dict)
    keys: dict[str, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class Ready:
    """A parsed message with whatever could be worked out before the database is asked."""

    item: Item
    parsed: Parsed
    content: bytes
    identity: Identity | None = None
    index: str | None = None
    key_index: str | None = None


class RegistryIntake:
    """The handler of the registry's intake consumer.

    erase: deletes a message from the stream for good. wake: tells the relays that there is something to carry.
    hold_seconds: how long a message waits for what it needs before it is parked.
    """

    def __init__(
        self,
        log: Log,
        vault: Vault,
        rules: Rules,
        *,
        hold_seconds: int,
        correctors: frozenset[str],
        erase: Callable[[int], Awaitable[None]],
        wake: Callable[[], None],
    ) -> None:
        self._log = log
        self._desk = Desk(SERVICE, log)
        self._cache: StateCache[tuple[Worker, dict[str, EncryptedIdentity]]] = StateCache()
        self._vault = vault
        self._rules = rules
        self._holding = Holding(self._desk, log, hold_seconds)
        self._correctors = correctors
        self._erase = erase
        self._wake = wake

    async def handle(self, messages: Sequence[Incoming]) -> None:
        """Settle a batch. Returns after the commit, and after plain identity was erased from the stream."""
        items = [Item.of(m) for m in messages]
        # In the loop's own thread: two threads would take the interpreter from each other at every statement (measured: a
        # quarter of the time). What may hang, the database, has time-outs; see docs/decisions/0008.
        erase = self.settle(items)
        self._wake()
        for sequence in erase:
            await self._erase(sequence)

    def settle(self, items: Sequence[Item]) -> list[int]:
        """Settle items in order; those whose streams moved meanwhile are decided again. Returns sequences to erase."""
        erase: list[int] = []
        for _ in range(CONFLICT_ROUNDS_MAX):
            try:
                items, found = self._settle_once(items)
            except (IntegrityError, Vanished):
                # Another instance settled one of these messages, or registered one of these people, at the same moment.
                self._cache.clear()
                continue
            erase += found
            if not items:
                return erase
        raise RuntimeError(f"{len(items)} messages met conflicts {CONFLICT_ROUNDS_MAX} times")

    def _settle_once(self, items: Sequence[Item]) -> tuple[Sequence[Item], list[int]]:
        batch = RegistryBatch()
        with self._log.database.read.connect() as connection:
            position = self._log.head(connection).position
            self._cache.refresh(connection, position)
            batch.blocked = blocked_streams(connection)
            queue: Sequence[Item] = items
            while queue:
                ready = self._read_all(connection, batch, queue)
                self._load(connection, batch, ready)
                queue = [more for entry in ready for more in self._settle_one(connection, batch, entry)]
                queue = [*queue, *self._holding.released(connection, batch)]
        if not batch.units:
            return (), batch.erase
        appended = self._log.append(batch.units, seen_position=position, recheck=lambda c: self._arrived(c, batch))
        if appended.conflicts:
            self._cache.clear()
        elif appended.head is not None:
            states = {s: (batch.versions[s], (state, batch.identities.get(s, {}))) for s, state in batch.states.items()}
            self._cache.keep(states, position, appended.head.position, len(appended.events))
        return [batch.sources[index] for index in appended.conflicts], batch.erase

    # --- reading --------------------------------------------------------------------------------------------------------

    def _read_all(self, connection: Connection, batch: RegistryBatch, items: Iterable[Item]) -> list[Ready]:
        """Parse and open each by itself. What cannot be read or opened is settled here; the rest comes back."""
        ready: list[Ready] = []
        for item, parsed in self._desk.read(connection, batch, items):
            try:
                ready.append(self._open(item, parsed))
            except Rejected as rejected:
                self._desk.refuse(batch, item, parsed, rejected.problems, content_of(parsed.value))
        return ready

    def _open(self, item: Item, parsed: Parsed) -> Ready:
        """Open seals and compute index values. Raises Rejected."""
        data = parsed.message.data
        vault = self._vault
        ready = Ready(item, parsed, b"")
        marks: dict[str, str] = {}
        match data:
            case WorkerRegistered():
                ready.identity = vault.open_identity(data.person.identity, "data.person.identity")
                ready.index = vault.index_of_resident_id(ready.identity.resident_id)
                marks[data.person.identity] = vault.content_mark(ready.identity.model_dump(mode="json"))
                if data.person.source_key is not None:
                    ready.key_index = vault.index_of_key(parsed.origin, data.person.source_key)
            case FactCorrected() if data.identity is not None:
                ready.identity = vault.open_identity(data.identity, "data.identity")
                ready.index = vault.index_of_resident_id(ready.identity.resident_id)
                marks[data.identity] = vault.content_mark(ready.identity.model_dump(mode="json"))
            case EngagementStarted() | EngagementEnded() | CertificateIssued() | AnnualRatingRecorded() | InspectionConcluded():
                ready.index = self._index_of(parsed.origin, data.person, marks)
            case _:
                # Amendments and operators' acts name nobody; what is for other services does not come here.
                pass
        ready.content = content_of(parsed.value, marks)
        return ready

    def _index_of(self, origin: str, person: Person, marks: dict[str, str]) -> str | None:
        if person.source_key is not None:
            return self._vault.index_of_key(person.key_source or origin, person.source_key)
        if person.identity is not None:
            index = self._vault.index_of_resident_id(self._vault.open_resident_id(person.identity, "data.person.identity"))
            marks[person.identity] = index
            return index
        return None

    def _load(self, connection: Connection, batch: RegistryBatch, ready: Sequence[Ready]) -> None:
        """Resolve people and facts, then load every stream that the messages touch, each in one query."""
        wanted = {v for r in ready for v in (r.index, r.key_index) if v is not None} - batch.persons.keys()
        if wanted:
            chosen = one_of(connection, person_index.c.value, wanted)
            query = select(person_index.c.value, person_index.c.person_ref).where(chosen)
            found = {row.value: row.person_ref for row in connection.execute(query)}
            batch.asked |= wanted
            batch.persons.update((value, ref) for value, ref in found.items() if value not in batch.unindexed)
        targets = {key for r in ready if (key := _target_of(r.parsed)) is not None} - batch.facts.keys()
        for key, seen in seen_before(connection, targets).items():
            if seen.event_id is not None and seen.stream is not None:
                batch.facts[key] = (seen.stream, seen.event_id)
        self._bring(connection, batch, {s for r in ready if (s := self._stream_of(batch, r)) is not None})
        self._load_keys(connection, batch, ready)

    def _bring(self, connection: Connection, batch: RegistryBatch, streams: set[str]) -> None:
        """Bring the states of these streams into the batch: from the cache, or folded from the log.

        An encrypted identity is kept beside its state, for a correction that must take it out of the index.
        """
        missing = set()
        for stream in streams - batch.states.keys():
            kept = self._cache.get(stream)
            if kept is None:
                missing.add(stream)
                continue
            batch.versions[stream], (batch.states[stream], identities) = kept
            batch.identities[stream] = identities
        for stream, history in self._log.histories(connection, missing).items():
            happened = [
                Happened(
                    p.event_id, date.fromisoformat(p.effective_on), cast(RegistryEvent, self._log.codec.decode(p.type, p.data))
                )
                for p in history
            ]
            batch.states[stream] = replay(happened)
            batch.versions[stream] = len(history)
            batch.identities[stream] = {
                h.event_id: i for h in happened if (i := getattr(h.event, "identity", None)) is not None
            }

    def _load_keys(self, connection: Connection, batch: RegistryBatch, ready: Sequence[Ready]) -> None:
        refs = set()
        for r in ready:
            if r.identity is not None or isinstance(r.parsed.message.data, FactCorrected | FactWithdrawn):
                stream = self._stream_of(batch, r)
                if stream is not None:
                    refs.add(stream.removeprefix("worker-"))
        refs -= batch.keys.keys()
        if refs:
            batch.keys.update(self._vault.keys_of(connection, refs))

    def _stream_of(self, batch: RegistryBatch, ready: Ready) -> str | None:
        target = _target_of(ready.parsed)
        if target is not None:
            found = batch.facts.get(target)
            return found[0] if found else None
        person = getattr(ready.parsed.message.data, "person", None)
        ref = getattr(person, "person_ref", None) or (batch.persons.get(ready.index) if ready.index else None)
        return stream_of(ref) if ref else None

    # --- settling one message -------------------------------------------------------------------------------------------

    def _settle_one(self, connection: Connection, batch: RegistryBatch, ready: Ready) -> list[Item]:
        """Add the unit of one message to the batch. Returns further items that it asks for (a retry)."""
        parsed, item = ready.parsed, ready.item
        seen = batch.seen.get((parsed.origin, parsed.message.id))
        if seen is not None and (item.fresh or seen.settled):
            self._desk.settle_seen(connection, batch, item, parsed, ready.content, seen)
            return []
        data = parsed.message.data
        if isinstance(data, ParkedRetry):
            return self._desk.retry(connection, batch, item, parsed, ready.content, data)
        if isinstance(data, ParkedDiscard):
            self._desk.discard(connection, batch, item, parsed, ready.content, data)
            return []
        stream: str | None = None
        try:
            stream = self._ensure_stream(connection, batch, ready)
            if stream in batch.blocked:
                self._park(batch, ready, "behind-parked", "an earlier message of this person is parked", stream)
                return []
            self._record(connection, batch, ready, stream)
        except Need as need:
            self._holding.hold(batch, item, parsed, need)
        except Rejected as rejected:
            self._desk.refuse(batch, item, parsed, rejected.problems, ready.content)
        except Exception as error:  # noqa: BLE001 - a rule that fails must stop one stream, not all
            self._park(batch, ready, "rule-failed", f"{type(error).__name__} while deciding", stream)
            if stream is not None:
                batch.blocked.add(stream)
        return []

    def _ensure_stream(self, connection: Connection, batch: RegistryBatch, ready: Ready) -> str:
        """The person's stream, loaded; a registration makes a new one. Raises Need, Rejected."""
        data = ready.parsed.message.data
        stream = self._stream_of(batch, ready)
        if isinstance(data, WorkerRegistered):
            return self._stream_to_register(batch, ready, data, stream)
        if isinstance(data, FactCorrected | FactWithdrawn):
            target = _target_of(ready.parsed)
            if target is not None and target[0] != ready.parsed.origin and ready.parsed.origin not in self._correctors:
                name = "corrects" if isinstance(data, FactCorrected) else "withdraws"
                raise Rejected(problem(f"data.{name}.source", "not-your-fact", "another source reported this fact", "ask it"))
            if stream is None and target is not None:
                raise Need(f"fact:{target[0]}/{target[1]}", f"fact {target[0]}/{target[1]}")
        if stream is None:
            raise Need(f"person:{ready.index}", "the person's registration")
        if stream not in batch.states:
            self._bring(connection, batch, {stream})
        if batch.versions[stream] == 0:
            raise Need(f"person:{stream.removeprefix('worker-')}", "the person's registration")
        return stream

    def _stream_to_register(self, batch: RegistryBatch, ready: Ready, data: WorkerRegistered, stream: str | None) -> str:
        known = batch.persons.get(ready.key_index) if ready.key_index else None
        if known is not None and stream != stream_of(known):
            raise Rejected(
                problem(
                    "data.person.source_key",
                    "source-key-taken",
                    "this key names another person",
                    "give each person their own key",
                )
            )
        if stream is not None:
            return stream
        stream = stream_of("p" + random_token(self._log.entropy))
        batch.states[stream] = Worker()
        batch.versions[stream] = 0
        return stream

    def _record(self, connection: Connection, batch: RegistryBatch, ready: Ready, stream: str) -> None:
        """Decide, and add what was decided. Raises Rejected."""
        parsed = ready.parsed
        message = parsed.message
        state = batch.states[stream]
        ref = stream.removeprefix("worker-")
        event_id = self._log.new_id()
        unit: Unit = Unit()
        identity = self._encrypt(batch, unit, ready, ref, event_id)
        origin = FactOrigin(source=parsed.origin, id=message.id, occurred_at=message.time)
        stamp = Stamp(event_id, ref, origin, message.effectiveon, self._log.clock.now())
        events = decide(self._command(batch, ready, stamp, identity), state, self._rules)
        if any(s.slot == "registration" for event in events for s in event.standings) or ready.key_index is not None:
            self._index(connection, batch, unit, ready, ref, events)
        unit.expects = {stream: batch.versions[stream]}
        for event in events:
            unit.events.append(
                NewEvent(
                    stream,
                    event,
                    message.effectiveon.isoformat(),
                    event_id,
                    message.correlationid or message.id,
                    f"{parsed.origin}/{message.id}",
                    parsed.origin,
                )
            )
            state = evolve(state, Happened(event_id, message.effectiveon, event))
            batch.versions[stream] += 1
        batch.states[stream] = state
        if identity is not None:
            batch.identities[stream] = {**batch.identities.get(stream, {}), event_id: identity}
        self._accept(batch, ready, unit, stream, event_id, events)

    def _command(
        self, batch: RegistryBatch, ready: Ready, stamp: Stamp, identity: EncryptedIdentity | None
    ) -> Record | Correct | Withdraw:
        data = ready.parsed.message.data
        match data:
            case FactCorrected():
                return Correct(
                    stamp,
                    batch.facts[_must(_target_of(ready.parsed))][1],
                    _particulars(data.replacement),
                    data.reason,
                    identity,
                )
            case FactWithdrawn():
                return Withdraw(stamp, batch.facts[_must(_target_of(ready.parsed))][1], data.reason)
            case _:
                return Record(stamp, _particulars(data), identity)

    def _encrypt(self, batch: RegistryBatch, unit: Unit, ready: Ready, ref: str, event_id: str) -> EncryptedIdentity | None:
        if ready.identity is None:
            return None
        if ref not in batch.keys:
            if batch.versions[stream_of(ref)] > 0:
                raise Rejected(
                    problem("data.person", "erased", "this person's data were erased", "ask the registry's operator")
                )
            batch.keys[ref], row = self._vault.new_key(ref)
            unit.inserts.append((person_key, row))
        fields = {name: value for name, value in ready.identity.model_dump(mode="json").items() if value is not None}
        person = getattr(ready.parsed.message.data, "person", None)
        if person is not None and person.source_key is not None:
            fields["source_key"] = f"{ready.parsed.origin}/{person.source_key}"
        return self._vault.encrypt(batch.keys[ref], event_id, fields)

    def _index(
        self, connection: Connection, batch: RegistryBatch, unit: Unit, ready: Ready, ref: str, events: Sequence[RegistryEvent]
    ) -> None:
        """Let the index follow the registration that stands: its resident ID finds this person, the one before no longer does.

        A source's own key is entered once. Raises Rejected if the resident ID is another person's.
        """
        state = batch.states[stream_of(ref)]
        before = state.standing.get("registration", (None, ()))[0]
        now = next((s.fact for event in events for s in event.standings if s.slot == "registration"), before)
        new = self._index_value(batch, ref, now)
        if now is not None and now not in state.facts:
            # The event to be itself: its own identity, or that of what it corrects.
            target = next((event.corrects for event in events if isinstance(event, FactCorrectedEvent)), None)
            new = ready.index or self._index_value(batch, ref, target)
        if new is None:
            # An amendment that leaves the identity as it was, or a withdrawal that leaves none: the person stays findable.
            return self._index_key(batch, unit, ready, ref)
        owner = self._owner(connection, batch, new)
        if owner is not None and owner != ref:
            raise Rejected(
                problem(
                    "data.identity", "resident-id-taken", "another person has this resident ID", "check which of them it is"
                )
            )
        if owner is None:
            unit.inserts.append((person_index, {"value": new, "kind": "resident-id", "person_ref": ref}))
            batch.persons[new] = ref
            batch.unindexed.discard(new)
            batch.provided += [f"person:{new}", f"person:{ref}"]
        old = self._index_value(batch, ref, before) if before != now else None
        if old is not None and old != new:
            unit.deletes.append((person_index, old))
            batch.persons.pop(old, None)
            batch.unindexed.add(old)
        return self._index_key(batch, unit, ready, ref)

    def _owner(self, connection: Connection, batch: RegistryBatch, value: str) -> str | None:
        """Whom an index value finds, as the batch has left it so far."""
        if value not in batch.persons and value not in batch.unindexed and value not in batch.asked:
            found = connection.execute(
                select(person_index.c.person_ref).where(person_index.c.value == value)
            ).scalar_one_or_none()
            if found is not None:
                batch.persons[value] = found
        return batch.persons.get(value)

    def _index_key(self, batch: RegistryBatch, unit: Unit, ready: Ready, ref: str) -> None:
        if ready.key_index is not None and ready.key_index not in batch.persons:
            unit.inserts.append((person_index, {"value": ready.key_index, "kind": "source-key", "person_ref": ref}))
            batch.persons[ready.key_index] = ref
            batch.provided.append(f"person:{ready.key_index}")

    def _index_value(self, batch: RegistryBatch, ref: str, event_id: str | None) -> str | None:
        """The index value of the resident ID that an event stands for: its own, or that of what it corrects."""
        stream = stream_of(ref)
        facts, identities = batch.states[stream].facts, batch.identities.get(stream, {})
        while event_id is not None and event_id in facts:
            if event_id in identities:
                plain = self._vault.decrypt(batch.keys[ref], event_id, identities[event_id])
                return self._vault.index_of_resident_id(plain["resident_id"])
            event_id = facts[event_id].target
        return None

    # --- outcomes -------------------------------------------------------------------------------------------------------

    def _accept(
        self,
        batch: RegistryBatch,
        ready: Ready,
        unit: Unit,
        stream: str,
        event_id: str,
        events: Sequence[RegistryEvent],
    ) -> None:
        parsed = ready.parsed
        receipt = self._desk.receipt(
            parsed,
            "accepted",
            events=(event_id,) if events else (),
            person_ref=stream.removeprefix("worker-"),
            contradicts=_rivals(events, event_id),
        )
        batch.facts[parsed.origin, parsed.message.id] = (stream, event_id)
        batch.provided.append(f"fact:{parsed.origin}/{parsed.message.id}")
        self._desk.accept(batch, ready.item, parsed, ready.content, unit, stream, event_id if events else None, receipt)

    def _park(self, batch: RegistryBatch, ready: Ready, code: str, what: str, blocks: str | None) -> None:
        why = problem("", code, what, "an operator will look at it; nothing is lost")
        receipt = self._desk.receipt(ready.parsed, "parked", problems=(why,))
        self._desk.set_aside(batch, ready.item, (ready.parsed.origin, ready.parsed.message.id), why, blocks, receipt)

    # --- held messages --------------------------------------------------------------------------------------------------

    def _arrived(self, connection: Connection, batch: RegistryBatch) -> Iterable[int]:
        """Units that hold a message for something that another instance has brought meanwhile."""
        for index, need in batch.needs.items():
            kind, _, what = need.partition(":")
            if kind == "fact":
                source, _, message_id = what.partition("/")
                seen = seen_before(connection, [(source, message_id)]).get((source, message_id))
                if seen is not None and seen.event_id is not None:
                    yield index
            elif connection.execute(select(person_index.c.value).where(person_index.c.value == what)).first() is not None:
                yield index

    def expire(self) -> int:
        """Park the messages that have waited too long. Safe to run at any time and on several instances."""
        return self._holding.expire(self._wake)


def _rivals(events: Sequence[RegistryEvent], event_id: str) -> tuple[str, ...]:
    """The facts that a new one contradicts: what stands against it, or what it stands against."""
    found: dict[str, None] = {}
    for event in events:
        for standing in event.standings:
            group = (*standing.contradicted_by, standing.fact)
            if standing.contradicted_by and event_id in group:
                found.update((other, None) for other in group if other is not None and other != event_id)
    return tuple(found)


def _target_of(parsed: Parsed) -> tuple[str, str] | None:
    """(source, message id) of the fact that a correction or withdrawal is about."""
    match parsed.message.data:
        case FactCorrected(corrects=FactId() as fact) | FactWithdrawn(withdraws=FactId() as fact):
            return fact.source or parsed.origin, fact.id
        case _:
            return None


def _must(target: tuple[str, str] | None) -> tuple[str, str]:
    if target is None:
        raise ValueError("only corrections and withdrawals have a target")
    return target


def _particulars(data: Any) -> Particulars:
    """The particulars of a fact or a replacement: what it says, without the person."""
    kind = PARTICULARS_BY_KIND[data.kind]
    values = data.__dict__
    said: Particulars = kind(**{name: values[name] for name in kind.__pydantic_fields__})
    return said
