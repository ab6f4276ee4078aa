"""How the registry opens, names, loads and decides intake messages; ``eventlog.inbox`` settles them. No rules here.

Everything that a message leads to is one ``Unit``; a message that needs what has not come yet is held, and released by the
batch in which that comes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import partial
from typing import Any, cast

from sqlalchemy import Connection, or_, select

from contracts.base import LogEvent
from contracts.intake import (
    CertificationStandardPublished,
    DossierContent,
    DossierEntryCorrected,
    DossierEntryRecorded,
    DuplicateConfirmed,
    EngagementEnded,
    FactCorrected,
    FactId,
    FactWithdrawn,
    Identity,
    Person,
    PersonalDataExported,
    PersonErased,
    RegistrationTransferred,
    WorkerRegistered,
)
from contracts.particulars import PARTICULARS_BY_KIND, EngagementStart, Particulars, Recognition
from contracts.problems import problem as words_of
from contracts.receipts import Problem
from contracts.registry import (
    CertificationApplied,
    CertificationConcluded,
    EligibilityReviewed,
    EncryptedIdentity,
    InspectionOpened,
    NoticeOpened,
    ObjectionRaised,
    PanelReviewed,
    RatingAppealed,
    Standing,
    TrainingTested,
    UnitRegistered,
    WorkerEvent,
)
from contracts.registry import DossierEntryCorrected as EntryCorrected
from contracts.registry import (
    DossierEntryRecorded as EntryRecorded,
)
from contracts.registry import FactCorrected as FactCorrectedEvent
from contracts.resident_id import born_on
from contracts.roles import OPERATOR
from eventlog import schema
from eventlog.bounds import SourceBounds, authority_of
from eventlog.bulk import one_of
from eventlog.cache import StateCache
from eventlog.decider import Early, Rejected, already
from eventlog.desk import STANDS_ALREADY, Batch, Desk, Item, problem
from eventlog.eyes import Eyes, EyesSetting, Needed
from eventlog.holding import Holding, held_item
from eventlog.ids import random_token
from eventlog.inbox.failures import Failure, failure_of
from eventlog.inbox.inbox import Inbox
from eventlog.inbox.protocol import Behind, Capability, Decided, Entry
from eventlog.intake import Parsed, content_of, seen_before
from eventlog.log import Appended, Log, NewEvent, Recorded, Unit
from eventlog.quota import Quota
from eventlog.turns import Turns
from eventlog.wire import Incoming
from services.registry.decider import (
    FILE_ACTS,
    STEPS,
    Act,
    Command,
    Correct,
    Erased,
    Happened,
    Merge,
    Merged,
    Prepared,
    Record,
    Rules,
    Stamp,
    Take,
    Withdraw,
    Worker,
    check_dates,
    decide,
    decide_merge,
    effective_day,
    evolve,
    facts_to_take,
    replay,
    stream_of,
)
from services.registry.decider.facts import outranked, says_the_same
from services.registry.decider.places import (
    PLACE_FACTS,
    PlaceFact,
    PlaceState,
    decide_place,
    evolve_place,
    initial,
    stream_of_place,
)
from services.registry.decider.plausible import check_age, doubts, doubts_of_age, doubts_of_engagement
from services.registry.decider.worker import first_of
from services.registry.standards import STANDARDS, standards
from services.registry.vault import Erasure, IndexState, Purpose, Vault, erasure, person_index, person_key, read_index_state
from services.registry.views import application, certificate_holder

__all__ = ["Item", "RegistryIntake"]

SERVICE = "registry"
MORE_EVENTS_MAX = 21
"""Events that one message can lead to, beside the first: a transfer with the recognition of so many certificates."""
ERASED = problem("data.person", "erased", "this person's data were erased", "ask the registry's operator")
OUTRANKED = words_of("outranked", "")
EXPORT_PEOPLE = 10
"""An export of more people than this is one in bulk, unless a setting says otherwise."""
NEEDS_LOOKED_AT_MAX = 10_000
"""Different needs that ``release`` looks at in one run."""


@dataclass(slots=True)
class RegistryBatch(Batch):
    """What the registry knows while a batch is decided: the stored state, plus what earlier messages of the batch add.

    persons: index value → person_ref. unindexed: values that find nobody any more; asked: values that the database was asked
    for. facts: (source, message id) → (stream, event id). identities: stream → event → what is encrypted in it. keys: of
    (person_ref, purpose). erased: person_refs whose keys are gone; orphans: messages that waited in their files. places: units
    and inspections, by stream. index_state: of the index key.
    A need is ``person:<index value or person_ref>``, ``fact:<source>/<id>``, or what a decider calls early (``provided_by``).
    """

    persons: dict[str, str] = field(default_factory=dict)
    unindexed: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    facts: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    states: dict[str, Worker] = field(default_factory=dict)
    identities: dict[str, dict[str, EncryptedIdentity]] = field(default_factory=dict)
    keys: dict[tuple[str, Purpose], bytes] = field(default_factory=dict)
    erased: set[str] = field(default_factory=set)
    orphans: set[tuple[str, str]] = field(default_factory=set)
    places: dict[str, PlaceState] = field(default_factory=dict)
    without_standards: Rules = field(default_factory=Rules)
    index_state: IndexState = field(default_factory=IndexState)

    @property
    def rules(self) -> Rules:
        """Under the standards that are published by now."""
        return replace(self.without_standards, standards=self.documents[STANDARDS].items)


@dataclass(slots=True)
class Ready(Entry):
    """A parsed message with whatever could be worked out before the database is asked.

    new_keys: made for it, and the batch's once it is recorded: the row of a refused one is never written. gone: what an erasure
    deletes.
    """

    identity: Identity | None = None
    index: str | None = None
    key_index: str | None = None
    dossier: DossierContent | None = None
    new_keys: dict[tuple[str, Purpose], bytes] = field(default_factory=dict)
    gone: Erasure | None = None


class RegistryIntake:
    """The handler of the registry's intake consumer.

    erase: deletes a message from the stream for good. wake: tells the relays that there is something to carry.
    hold_seconds: how long a message waits for what it needs before it is parked. eyes: which acts need a second principal
    (None: none). export_people: those whose data leave in one file by one principal alone, at most.
    """

    whole = False
    own: Mapping[str, Any] = {}

    def __init__(
        self,
        log: Log,
        vault: Vault,
        rules: Rules,
        *,
        hold_seconds: int,
        quota: Quota | None = None,
        known: Mapping[str, SourceBounds] | None = None,
        correctors: frozenset[str],
        erase: Callable[[int], Awaitable[None]],
        wake: Callable[[], None],
        check_place: Callable[[str, str | None], Problem | None] = lambda division, credit_code: None,
        eyes: EyesSetting | None = None,
        export_people: int = EXPORT_PEOPLE,
    ) -> None:
        self._log = log
        self._cache: StateCache[tuple[Worker, dict[str, EncryptedIdentity]]] = StateCache()
        self._vault = vault
        self._rules, self._known = rules, known or {}
        desk = Desk(SERVICE, log, quota, known)
        self._holding = Holding(desk, log, hold_seconds)
        self._correctors = correctors
        self._erase = erase
        self._wake = wake
        self._check_place = check_place
        self._standards = standards(log)
        self._shelf = self._standards.shelf()
        eyes = eyes or EyesSetting()
        acts: dict[str, tuple[str, Needed]] = {
            "standard": ("intake.certification-standard-published.v1", self._standards.is_new),
            "erasure": ("intake.person-erased.v1", self._is_there),
            "export": ("intake.personal-data-exported.v1", partial(_is_bulk, export_people)),
        }
        self._eyes = Eyes(log, self, lambda entry: self, dict(acts[act] for act in eyes.acts), eyes.seconds)
        self._inbox: Inbox[RegistryBatch] = Inbox(log, desk, self._holding, self)
        self._turns = Turns()

    async def handle(self, messages: Sequence[Incoming]) -> None:
        """Settle a batch. Returns after the commit, and after plain identity was erased from the stream."""
        items = [Item.of(m) for m in messages]
        # In the loop's own thread, as a rule: two threads would take the interpreter from each other at every statement (a
        # quarter of the time, measured). What may hang, the database, has time-outs; see docs/decisions/0008.
        erase = await self._turns.take(lambda: self.settle(items), long=self._holding.many())
        self._wake()
        for sequence in erase:
            await self._erase(sequence)

    def settle(self, items: Sequence[Item]) -> list[int]:
        """Settle items in order; those whose streams moved meanwhile are decided again. Returns sequences to erase."""
        return self._inbox.take(items)

    # --- what the inbox asks for ----------------------------------------------------------------------------------------

    def open(self, connection: Connection, position: int) -> RegistryBatch:
        self._cache.refresh(connection, position)
        rules = replace(self._rules, authority=authority_of(self._known))
        state = read_index_state(connection)
        self._vault.use(state)
        return RegistryBatch(documents={STANDARDS: self._shelf.read(connection)}, without_standards=rules, index_state=state)

    def capability(self, entry: Entry) -> Capability[RegistryBatch]:
        return self._eyes.capability(entry)

    def _is_there(self, connection: Connection, batch: RegistryBatch, entry: Entry) -> bool:
        """Whether there is anything to erase."""
        return not isinstance(batch.states[self.stream_of(connection, batch, entry)].ended, Erased)

    def moved(self, connection: Connection, batch: RegistryBatch) -> Iterable[int]:
        return self._arrived(connection, batch)

    def stands(self, connection: Connection, batch: RegistryBatch) -> bool:
        """That the index key is the one that was decided under, and that no entry that goes has got a twin (``reindexing``)."""
        now = read_index_state(connection)
        goes = any(table is person_index for unit in batch.units for table, _ in unit.deletes)
        return now == batch.index_state if goes else now.step == batch.index_state.step

    def keep(self, batch: RegistryBatch, position: int, appended: Appended) -> None:
        assert appended.head is not None
        states = {s: (batch.versions[s], (state, batch.identities.get(s, {}))) for s, state in batch.states.items()}
        self._cache.keep(states, position, appended.head.position, len(appended.events))

    def forget(self) -> None:
        self._cache.clear()

    # --- reading --------------------------------------------------------------------------------------------------------

    def entry(self, item: Item, parsed: Parsed) -> Ready:
        """Open seals and compute index values. Raises Rejected."""
        data = parsed.message.data
        vault = self._vault
        ready = Ready(item, parsed, b"")
        at = self._came_at(item)
        marks: dict[str, str] = {}
        match data:
            case WorkerRegistered():
                ready.identity = vault.open_identity(data.person.identity, "data.person.identity", at)
                ready.index = vault.index_of_resident_id(ready.identity.resident_id)
                marks[data.person.identity] = vault.content_mark(ready.identity.model_dump(mode="json"))
                if data.person.source_key is not None:
                    ready.key_index = vault.index_of_key(parsed.origin, data.person.source_key)
            case FactCorrected() if data.identity is not None:
                ready.identity = vault.open_identity(data.identity, "data.identity", at)
                ready.index = vault.index_of_resident_id(ready.identity.resident_id)
                marks[data.identity] = vault.content_mark(ready.identity.model_dump(mode="json"))
            case _:
                # Amendments name nobody, operators' acts a person_ref; what is for other services does not come here.
                person = getattr(data, "person", None)
                if isinstance(person, Person):
                    ready.index = self._index_of(parsed.origin, person, marks, at)
        if isinstance(data, DossierEntryRecorded | DossierEntryCorrected):
            ready.dossier = vault.open_dossier(data.content, "data.content", at)
            marks[data.content] = vault.content_mark(ready.dossier.model_dump(mode="json"))
        ready.content = content_of(parsed.value, marks)
        return ready

    def _came_at(self, item: Item) -> datetime | None:
        """When a message came; None for one that was taken in, and waited."""
        if not item.fresh:
            return None
        return self._log.clock.now() if item.stored_ns is None else datetime.fromtimestamp(item.stored_ns / 1e9, UTC)

    def _index_of(self, origin: str, person: Person, marks: dict[str, str], at: datetime | None) -> str | None:
        if person.source_key is not None:
            return self._vault.index_of_key(person.key_source or origin, person.source_key)
        if person.identity is not None:
            named = self._vault.open_resident_id(person.identity, "data.person.identity", at)
            marks[person.identity] = self._vault.reference_mark(named)
            return self._vault.index_of_resident_id(named)
        return None

    def resolve(self, connection: Connection, batch: RegistryBatch, entries: Sequence[Entry]) -> None:
        """People by their index values, and the facts that others are about, each in one query."""
        ready = [entry for entry in entries if isinstance(entry, Ready)]
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

    def load(self, connection: Connection, batch: RegistryBatch, entries: Sequence[Entry]) -> None:
        """Every stream and key that the messages touch, each in one query."""
        ready = cast("Sequence[Ready]", entries)
        named = {s for r in ready if (s := self._stream_of(batch, r)) is not None}
        self._bring(connection, batch, named, ahead=True)
        self._load_keys(connection, batch, ready)

    def _bring(self, connection: Connection, batch: RegistryBatch, streams: set[str], *, ahead: bool = False) -> None:
        """Bring the states of these streams into the batch: from the cache, or folded from the log.

        An encrypted identity is kept beside its state, for a correction that must take it out of the index. ahead: for all
        messages at once; a history that cannot be folded is left to the message that needs it, which is parked then.
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
            try:
                happened = [Happened(*self._log.past(each)) for each in history]
                batch.states[stream] = replay(happened)
            except Exception as error:
                if ahead and failure_of(error) is Failure.MESSAGE:
                    continue
                raise
            batch.versions[stream] = len(history)
            batch.identities[stream] = {
                h.event_id: i for h in happened if (i := getattr(h.event, "identity", None)) is not None
            }

    def _load_keys(self, connection: Connection, batch: RegistryBatch, ready: Sequence[Ready]) -> None:
        """The keys that the messages are likely to need, in one query a purpose; ``_key_of`` gets any other."""
        wanted: dict[Purpose, set[str]] = {"identity": set(), "dossier": set()}
        for r in ready:
            stream = self._stream_of(batch, r)
            if stream is None:
                continue
            ref = stream.removeprefix("worker-")
            if r.identity is not None or isinstance(r.parsed.message.data, FactCorrected | FactWithdrawn):
                wanted["identity"].add(ref)
            if r.dossier is not None:
                wanted["dossier"].add(ref)
        for purpose, refs in wanted.items():
            refs = {ref for ref in refs - batch.erased if (ref, purpose) not in batch.keys}
            if refs:
                found = self._vault.keys_of(connection, refs, purpose)
                batch.keys.update(((ref, purpose), key) for ref, key in found.items())

    def _key_of(self, connection: Connection, batch: RegistryBatch, ref: str, purpose: Purpose) -> bytes | None:
        """The person's key; None: there is none, or no more."""
        if (ref, purpose) not in batch.keys and ref not in batch.erased:
            batch.keys.update(((ref, purpose), key) for key in self._vault.keys_of(connection, [ref], purpose).values())
        return batch.keys.get((ref, purpose))

    def _stream_of(self, batch: RegistryBatch, ready: Ready) -> str | None:
        target = _target_of(ready.parsed)
        if target is not None:
            stream, _ = batch.facts.get(target, ("", ""))
            return stream if _of_person(stream) else None
        person = getattr(ready.parsed.message.data, "person", None)
        ref = getattr(person, "person_ref", None) or (batch.persons.get(ready.index) if ready.index else None)
        return stream_of(ref) if ref else None

    # --- settling one message -------------------------------------------------------------------------------------------

    def stream_of(self, connection: Connection, batch: RegistryBatch, entry: Entry) -> str:
        """The stream that a message is decided on. Raises Early, Rejected."""
        parsed = entry.parsed
        data = parsed.message.data
        if (parsed.origin, parsed.message.id) in batch.orphans:
            raise Rejected(ERASED)
        if isinstance(data, CertificationStandardPublished):
            return STANDARDS
        if isinstance(data, PLACE_FACTS):
            return stream_of_place(data, parsed.origin)
        return self._ensure_stream(connection, batch, cast(Ready, entry))

    def decide(self, connection: Connection, batch: RegistryBatch, entry: Entry, stream: str) -> Decided:
        data = entry.parsed.message.data
        if isinstance(data, CertificationStandardPublished):
            decided = self._standards.decide(connection, batch, entry, stream)
            if decided.events:
                _told(batch, entry, stream, decided.events[0])
            return decided
        ready = cast(Ready, entry)
        if isinstance(data, PLACE_FACTS):
            return self._place(connection, batch, ready, data, stream)
        if isinstance(data, DuplicateConfirmed):
            return self._merge(connection, batch, ready, data, stream)
        return self._record(connection, batch, ready, stream)

    def _ensure_stream(self, connection: Connection, batch: RegistryBatch, ready: Ready) -> str:
        """The person's stream, loaded; a registration makes a new one. Raises Early, Rejected."""
        data = ready.parsed.message.data
        stream = self._stream_of(batch, ready)
        if isinstance(data, WorkerRegistered):
            return self._stream_to_register(batch, ready, data, stream)
        if isinstance(data, FactCorrected | FactWithdrawn):
            target = _target_of(ready.parsed)
            name = "corrects" if isinstance(data, FactCorrected) else "withdraws"
            if target is not None and not self._may_amend(ready.parsed, target[0]):
                raise Rejected(problem(f"data.{name}.source", "not-your-fact", "another source reported this fact", "ask it"))
            if target in batch.facts and stream is None:
                raise Rejected(
                    problem(f"data.{name}", "not-a-fact", "that message was about nobody's file", "report what follows it")
                )
            if stream is None and target is not None:
                raise Early(f"fact:{target[0]}/{target[1]}", f"fact {target[0]}/{target[1]}", {})
        if isinstance(data, EngagementEnded):
            self._check_engagement(data, ready.parsed)
        if stream is None:
            raise Early(f"person:{ready.index}", "the person's registration", {})
        if stream not in batch.states:
            self._bring(connection, batch, {stream})
        while isinstance(ended := batch.states[stream].ended, Merged) and not isinstance(data, DuplicateConfirmed):
            # The person goes on in another file, whoever still names this one.
            stream = stream_of(ended.into)
            if stream not in batch.states:
                self._bring(connection, batch, {stream})
        if batch.versions[stream] == 0:
            raise Early(f"person:{stream.removeprefix('worker-')}", "the person's registration", {})
        return stream

    def _may_amend(self, parsed: Parsed, source: str) -> bool:
        """Whether who sends this may change what the source has reported: its own, or anybody's."""
        return source == parsed.origin or parsed.origin in self._correctors or parsed.fact.acts_as(OPERATOR)

    def _check_engagement(self, data: EngagementEnded, parsed: Parsed) -> None:
        """A source ends its own engagements; whoever may correct others' facts, any. Raises Rejected."""
        if data.engagement_source is not None and not self._may_amend(parsed, data.engagement_source):
            raise Rejected(
                problem("data.engagement_source", "not-your-fact", "another source reported this engagement", "ask it")
            )

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

    def _record(self, connection: Connection, batch: RegistryBatch, ready: Ready, stream: str) -> Decided:
        """Decide, and add what was decided. Raises Early, Rejected; the batch is left as it was then."""
        parsed = ready.parsed
        message = parsed.message
        before = batch.states[stream]
        ref = stream.removeprefix("worker-")
        unit: Unit = Unit(expects={stream: batch.versions[stream]})
        stamp = Stamp(self._log.new_id(), ref, parsed.fact, message.effectiveon, self._log.clock.now())
        if isinstance(message.data, (*STEPS, *FILE_ACTS, RegistrationTransferred)):
            stamp = replace(stamp, more_ids=tuple(self._log.new_id() for _ in range(MORE_EVENTS_MAX)))
        identity = self._encrypt(connection, batch, unit, ready, ref, stamp.event_id)
        command = self._command(connection, batch, unit, ready, stamp, identity)
        events = decide(command, before, batch.rules)
        warnings = self._doubts(connection, batch, ready, command)
        if events and isinstance(command, Record | Correct | Withdraw) and says_the_same(command, before):
            # Recorded nevertheless: it may outlast what lies between the two and is still to come.
            warnings += (STANDS_ALREADY,)
        ids = (stamp.event_id, *stamp.more_ids)
        happened = [Happened(ids[place], effective_day(command, event, before), event) for place, event in enumerate(events)]
        unit.events = [self._new_event(stream, each.event, each.effective_on, each.event_id, parsed) for each in happened]
        after = before
        for each in happened:
            after = evolve(after, each)
        if any(s.slot == "registration" for e in events for s in getattr(e, "standings", ())) or ready.key_index is not None:
            self._index(connection, batch, unit, ready, ref, events)
        batch.states[stream] = after
        batch.versions[stream] += len(events)
        if any(each.event_id in after.facts and outranked(each.event_id, after) for each in happened):
            warnings += (OUTRANKED,)
        if events:
            batch.keys.update(ready.new_keys)
            if identity is not None:
                batch.identities[stream] = {**batch.identities.get(stream, {}), stamp.event_id: identity}
            if ready.gone is not None:
                self._forget(connection, batch, ref, ready.gone)
        return self._accept(connection, batch, ready, unit, stream, stamp.event_id, events, warnings)

    def _doubts(self, connection: Connection, batch: RegistryBatch, ready: Ready, command: Command) -> tuple[Problem, ...]:
        """What of a fact is hardly likely. Raises Rejected for what its person's age shows to be impossible."""
        if not isinstance(command, Record | Correct):
            return ()
        day = command.stamp.effective_on
        warnings: tuple[Problem, ...] = ()
        if ready.identity is not None:
            field = "data.identity" if isinstance(command, Correct) else "data.person.identity"
            born = born_on(ready.identity.resident_id)
            check_age(born, day, f"{field}.resident_id")
            warnings = doubts_of_age(born, day, f"{field}.resident_id")
        elif isinstance(command.says, EngagementStart):
            self._check_age(connection, batch, command.stamp)
        state, source = batch.states[stream_of(command.stamp.person_ref)], command.stamp.origin.source
        if isinstance(command, Correct) and command.corrects in state.facts:
            source = first_of(state, state.facts[command.corrects]).source
        warnings += doubts_of_engagement(command.says, command.stamp, state, source)
        unknown = lambda division: self._check_place(division, None) is not None  # noqa: E731
        return (*warnings, *doubts(command.says, batch.rules, unknown))

    def _check_age(self, connection: Connection, batch: RegistryBatch, stamp: Stamp) -> None:
        """Of an engagement from before the registration: the age on that was looked at when it came."""
        state = batch.states[stream_of(stamp.person_ref)]
        registered = state.facts.get(state.standing.get("registration", (None, ()))[0] or "")
        if registered is not None and stamp.effective_on < registered.effective_on:
            resident_id = self._resident_id(connection, batch, stamp.person_ref, registered.event_id)
            if resident_id is not None:
                check_age(born_on(resident_id), stamp.effective_on, "effectiveon")

    def _new_event(self, stream: str, event: LogEvent, on: date, event_id: str, parsed: Parsed) -> NewEvent:
        message = parsed.message
        correlation, cause = message.correlationid or message.id, f"{parsed.origin}/{message.id}"
        return NewEvent(stream, event, on.isoformat(), event_id, correlation, cause, parsed.origin)

    def _command(
        self,
        connection: Connection,
        batch: RegistryBatch,
        unit: Unit,
        ready: Ready,
        stamp: Stamp,
        identity: EncryptedIdentity | None,
    ) -> Command:
        data = ready.parsed.message.data
        match data:
            case FactCorrected():
                target = self._target_in(batch, ready, stamp.person_ref)
                return Correct(stamp, target, _particulars(data.replacement), data.reason, identity)
            case FactWithdrawn():
                return Withdraw(stamp, self._target_in(batch, ready, stamp.person_ref), data.reason)
            case PersonErased() if isinstance(batch.states[stream_of(stamp.person_ref)].ended, Erased):
                return Act(stamp, data)
            case PersonErased():
                files = batch.states[stream_of(stamp.person_ref)].files
                ready.gone = gone = erasure(connection, stamp.person_ref, also=files, units=batch.units)
                unit.deletes += gone.deletes
                unit.inserts += gone.follow_up(stamp.person_ref)
                return Act(stamp, data, Prepared(keys=len(gone.keys), index_entries=len(gone.index)))
            case _ if isinstance(data, STEPS):
                return Take(stamp, data)
            case _ if isinstance(data, FILE_ACTS):
                return Act(stamp, data, self._prepared(connection, batch, unit, ready, stamp))
            case RegistrationTransferred():
                also = tuple(Recognition(number=number, division=data.division) for number in data.recognises)
                return Record(stamp, _particulars(data), also=also)
            case _:
                return Record(stamp, _particulars(data), identity)

    def _prepared(self, connection: Connection, batch: RegistryBatch, unit: Unit, ready: Ready, stamp: Stamp) -> Prepared:
        """The content of a dossier entry, encrypted under the person's key for it, and the entries that merged files hold."""
        if ready.dossier is None:
            return Prepared()
        ref = stamp.person_ref
        key = self._key_of(connection, batch, ref, "dossier")
        if key is None:
            key = self._new_key(unit, ready, ref, "dossier")
        merged = {stream_of(file) for file in batch.states[stream_of(ref)].files}
        self._bring(connection, batch, merged)
        entries = {name: entry for stream in sorted(merged) for name, entry in batch.states[stream].entries.items()}
        fields = {name: value for name, value in ready.dossier.model_dump(mode="json").items() if value}
        same = self._is_on_file(connection, batch, ready, stamp, key, fields)
        return Prepared(self._vault.encrypt_fields(key, stamp.event_id, fields), entries, same=same)

    def _is_on_file(
        self, connection: Connection, batch: RegistryBatch, ready: Ready, stamp: Stamp, key: bytes, fields: dict[str, str]
    ) -> bool:
        """Whether the latest version of this entry says the same, in the same words, of the same day."""
        says = ready.parsed.message.data
        assert isinstance(says, DossierEntryRecorded | DossierEntryCorrected)
        source = getattr(says, "entry_source", None) or stamp.origin.source
        known = batch.states[stream_of(stamp.person_ref)].entries.get(f"{source}/{says.entry}")
        if known is None:
            return False
        mine = (new for unit in batch.units for new in unit.events if new.event_id == known.event_id)
        found: NewEvent | Recorded | None = next(mine, None) or self._log.find(connection, known.event_id)
        event = None if found is None else found.event
        if found is None or not isinstance(event, EntryRecorded | EntryCorrected):
            return False
        attachments = [(each.sha256, each.media_type, each.size) for each in says.attachments]
        return (
            isinstance(says, DossierEntryRecorded) == isinstance(event, EntryRecorded)
            and (found.effective_on, event.section) == (stamp.effective_on.isoformat(), says.section)
            and [(each.sha256, each.media_type, each.size) for each in event.attachments] == attachments
            and getattr(event, "reason", None) == getattr(says, "reason", None)
            and self._vault.decrypt_fields(key, known.event_id, event.content) == fields
        )

    def _new_key(self, unit: Unit, ready: Ready, ref: str, purpose: Purpose) -> bytes:
        key, row = self._vault.new_key(ref, purpose)
        unit.inserts.append((person_key, row))
        ready.new_keys[ref, purpose] = key
        return key

    def _target_in(self, batch: RegistryBatch, ready: Ready, ref: str) -> str:
        """The event that a correction or withdrawal is about; in a merged file, what the survivor took over of it."""
        stream, event_id = batch.facts[_must(_target_of(ready.parsed))]
        while stream != stream_of(ref):
            state = batch.states[stream]
            while (known := state.facts.get(event_id)) is not None and known.target is not None:
                event_id = known.target
            assert isinstance(state.ended, Merged)
            stream = stream_of(state.ended.into)
            event_id = batch.states[stream].absorbed.get(event_id, event_id)
        return event_id

    def _forget(self, connection: Connection, batch: RegistryBatch, ref: str, gone: Erasure) -> None:
        """What the batch holds of a person who is erased. What waits in their file, also under the names of files that were
        merged into it, is refused now: it must not be kept until nobody knows whom it was about."""
        files = (ref, *batch.states[stream_of(ref)].files)
        batch.erased.update(files)
        for file in files:
            batch.identities.pop(stream_of(file), None)
            need = schema.held.c.need
            held = select(schema.held.c.origin, schema.held.c.message_id).where(need.contains(file))
            batch.orphans.update((origin, message_id) for origin, message_id in connection.execute(held))
            batch.orphans.update(_held_by(batch.units[index]) for index, need in batch.needs.items() if file in need)
            batch.provided += self._awaited_in(connection, batch, file)
        for key in [key for key in batch.keys if key[0] in batch.erased]:
            del batch.keys[key]
        for value in gone.index:
            batch.persons.pop(value, None)
            batch.unindexed.add(value)

    def _awaited_in(self, connection: Connection, batch: RegistryBatch, part: str) -> list[str]:
        """What messages wait for in a file or an application (part of their needs) that has ended: it will not come, and they
        are to be decided again now."""
        need = schema.held.c.need
        needs = connection.scalars(select(need).where(need.contains(part, autoescape=True)).distinct())
        return [*needs, *(need for need in batch.needs.values() if part in need)]

    def _encrypt(
        self, connection: Connection, batch: RegistryBatch, unit: Unit, ready: Ready, ref: str, event_id: str
    ) -> EncryptedIdentity | None:
        if ready.identity is None:
            return None
        if batch.versions[stream_of(ref)] == 0:
            key: bytes | None = self._new_key(unit, ready, ref, "identity")
            # Whoever stores the first attachment has to have it, and can write nothing into this database.
            self._new_key(unit, ready, ref, "dossier")
        else:
            key = self._key_of(connection, batch, ref, "identity")
        if key is None:
            raise Rejected(ERASED)
        fields = {name: value for name, value in ready.identity.model_dump(mode="json").items() if value is not None}
        person = getattr(ready.parsed.message.data, "person", None)
        if person is not None and getattr(person, "source_key", None) is not None:
            fields["source_key"] = f"{ready.parsed.origin}/{person.source_key}"
        return self._vault.encrypt(key, event_id, fields)

    def _index(
        self, connection: Connection, batch: RegistryBatch, unit: Unit, ready: Ready, ref: str, events: Sequence[WorkerEvent]
    ) -> None:
        """Let the index follow the registration that stands: its resident ID finds this person, the one before no longer does.

        A source's own key is entered once. Raises Rejected if the resident ID is another person's.
        """
        state = batch.states[stream_of(ref)]
        before = state.standing.get("registration", (None, ()))[0]
        now = next((s.fact for event in events for s in getattr(event, "standings", ()) if s.slot == "registration"), before)
        new = self._index_value(connection, batch, ref, now)
        if now is not None and now not in state.facts:
            # The event to be itself: its own identity, or that of what it corrects.
            target = next((event.corrects for event in events if isinstance(event, FactCorrectedEvent)), None)
            new = ready.index or self._index_value(connection, batch, ref, target)
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
            unit.inserts += [(person_index, row) for row in self._vault.entries(new, "resident-id", ref)]
            batch.persons[new] = ref
            batch.unindexed.discard(new)
            batch.provided += [f"person:{new}", f"person:{ref}"]
        old = self._index_value(connection, batch, ref, before) if before != now else None
        if old is not None and old != new:
            gone = self._resident_id(connection, batch, ref, before)
            assert gone is not None
            unit.deletes += [
                (person_index, value) for value in self._there(connection, batch, self._vault.any_of_resident_id(gone))
            ]
            batch.persons.pop(old, None)
            batch.unindexed.add(old)
        return self._index_key(batch, unit, ready, ref)

    def _there(self, connection: Connection, batch: RegistryBatch, values: Sequence[str]) -> set[str]:
        """Which of these index values have an entry, as the batch has left it so far."""
        found = set(connection.scalars(select(person_index.c.value).where(one_of(connection, person_index.c.value, values))))
        for unit in batch.units:
            found |= {row["value"] for table, row in unit.inserts if table is person_index and row["value"] in values}
            found -= {str(key) for table, key in unit.deletes if table is person_index}
        return found

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
            unit.inserts += [(person_index, row) for row in self._vault.entries(ready.key_index, "source-key", ref)]
            batch.persons[ready.key_index] = ref
            batch.provided.append(f"person:{ready.key_index}")

    def _index_value(self, connection: Connection, batch: RegistryBatch, ref: str, event_id: str | None) -> str | None:
        """The index value of the resident ID that an event stands for: its own, or that of what it corrects."""
        found = self._resident_id(connection, batch, ref, event_id)
        return None if found is None else self._vault.index_of_resident_id(found)

    def _resident_id(self, connection: Connection, batch: RegistryBatch, ref: str, event_id: str | None) -> str | None:
        """The resident ID that an event stands for; None: it stands for none, or the key is gone."""
        stream = stream_of(ref)
        facts, identities = batch.states[stream].facts, batch.identities.get(stream, {})
        while event_id is not None and event_id in facts:
            if event_id in identities:
                key = self._key_of(connection, batch, ref, "identity")
                return None if key is None else self._vault.decrypt(key, event_id, identities[event_id])["resident_id"]
            event_id = facts[event_id].target
        return None

    # --- what is not a fact of one person ---------------------------------------------------------------------------------

    def _place(self, connection: Connection, batch: RegistryBatch, ready: Ready, data: PlaceFact, stream: str) -> Decided:
        """Record what a unit or an inspection has come to. Raises Early, Rejected."""
        parsed = ready.parsed
        if stream not in batch.places:
            state, version = initial(stream), 0
            for past in self._log.histories(connection, {stream}).get(stream, ()):
                _, on, event = self._log.past(past)
                state, version = evolve_place(state, event, on), version + 1
            batch.places[stream], batch.versions[stream] = state, version
        message = parsed.message
        event_id = self._log.new_id()
        stamp = Stamp(event_id, "", parsed.fact, message.effectiveon, self._log.clock.now())
        check_dates(stamp)
        unit: Unit = Unit(expects={stream: batch.versions[stream]})
        events = decide_place(stamp, data, batch.places[stream], self._check_place)
        for event in events:
            unit.events.append(self._new_event(stream, event, message.effectiveon, event_id, parsed))
            batch.places[stream] = evolve_place(batch.places[stream], event, message.effectiveon)
            batch.versions[stream] += 1
            batch.provided += provided_by(event)
        if events:
            _told(batch, ready, stream, event_id)
        return Decided(unit, (event_id,) if events else ())

    def _merge(
        self, connection: Connection, batch: RegistryBatch, ready: Ready, data: DuplicateConfirmed, stream: str
    ) -> Decided:
        """End one file and let its facts go on in another. Raises Early, Rejected; the batch is left as it was then."""
        parsed, message = ready.parsed, ready.parsed.message
        other = stream_of(data.survivor.person_ref)
        self._bring(connection, batch, {other})
        if batch.versions[other] == 0:
            raise Early(f"person:{data.survivor.person_ref}", "the survivor's registration", {})
        if other in batch.blocked:
            raise Behind(other)
        duplicate, survivor = batch.states[stream], batch.states[other]
        if isinstance(duplicate.ended, Merged) and duplicate.ended.into == data.survivor.person_ref:
            already(duplicate.ended == Merged(data.survivor.person_ref, message.effectiveon, data.reason))
            return Decided(Unit(expects={stream: batch.versions[stream]}), (), data.person.person_ref)
        ids = tuple(self._log.new_id() for _ in range(2 + len(facts_to_take(duplicate))))
        stamp = Stamp(ids[0], data.person.person_ref, parsed.fact, message.effectiveon, self._log.clock.now(), ids[1:])
        check_dates(stamp)
        merged, absorbed, taken = decide_merge(Merge(stamp, data.survivor.person_ref, data.reason), duplicate, survivor)
        ended = Happened(ids[0], message.effectiveon, merged)
        goes_on = [
            Happened(ids[1], message.effectiveon, absorbed),
            *(Happened(each.event_id, each.effective_on, each.event) for each in taken),
        ]
        unit: Unit = Unit(expects={stream: batch.versions[stream], other: batch.versions[other]})
        for where, each in ((stream, ended), *((other, each) for each in goes_on)):
            unit.events.append(self._new_event(where, each.event, each.effective_on, each.event_id, parsed))
        for each in goes_on:
            survivor = evolve(survivor, each)
        batch.states[stream], batch.states[other] = evolve(duplicate, ended), survivor
        batch.versions[stream] += 1
        batch.versions[other] += len(goes_on)
        self._follow(connection, batch, unit, data)
        return self._accept(connection, batch, ready, unit, stream, ids[0], [ended.event, *(each.event for each in goes_on)])

    def _follow(self, connection: Connection, batch: RegistryBatch, unit: Unit, data: DuplicateConfirmed) -> None:
        """Whoever looks for the duplicate finds the survivor from now on; what waits for it is decided again there."""
        gone = erasure(connection, data.person.person_ref, units=batch.units)
        chosen = one_of(connection, person_index.c.value, gone.index)
        query = select(person_index.c.value, person_index.c.kind).where(chosen)
        kinds = {row.value: row.kind for row in connection.execute(query)}
        for earlier in batch.units:
            kinds |= {row["value"]: row["kind"] for table, row in earlier.inserts if table is person_index}
        for value in gone.index:
            row = {"value": value, "kind": kinds[value], "person_ref": data.survivor.person_ref}
            unit.deletes.append((person_index, value))
            unit.inserts.append((person_index, row))
            batch.persons[value] = data.survivor.person_ref
        batch.provided += self._awaited_in(connection, batch, data.person.person_ref)

    # --- outcomes -------------------------------------------------------------------------------------------------------

    def _accept(
        self,
        connection: Connection,
        batch: RegistryBatch,
        ready: Ready,
        unit: Unit,
        stream: str,
        event_id: str,
        events: Sequence[WorkerEvent],
        warnings: tuple[Problem, ...] = (),
    ) -> Decided:
        for event in events:
            batch.provided += provided_by(event)
            if isinstance(event, CertificationConcluded):
                batch.provided += self._awaited_in(connection, batch, f":{event.person_ref}/{event.application}/")
        # A fact that said nothing new is corrected like the one that it repeats.
        slot = getattr(ready.parsed.message.data, "slot", None)
        repeated = batch.states[stream].standing.get("" if slot is None else slot(ready.parsed.origin), (None, ()))[0]
        known = event_id if events else repeated
        if known is not None:
            _told(batch, ready, stream, known)
        return Decided(
            unit,
            (event_id,) if events else (),
            stream.removeprefix("worker-"),
            _rivals(events, event_id),
            warnings,
            event_id=known,
        )

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
            elif kind == "person":
                chosen = (person_index.c.value == what) | (person_index.c.person_ref == what)
                if connection.execute(select(person_index.c.value).where(chosen).limit(1)).first() is not None:
                    yield index

    async def release_held(self) -> int:
        """``release``, when it is its turn."""
        return await self._turns.take(self.release, long=self._holding.many())

    def release(self) -> int:
        """Settle the messages whose need was met by what the registry does by itself (``keeping``): a certificate that they
        name, the end of an application. Safe to run at any time and on several instances; not beside ``handle``."""
        held = schema.held
        with self._log.database.read.connect() as connection:
            kinds = [held.c.need.like(f"{kind}:%") for kind in ("certificate", "stage", "objection")]
            needs = connection.scalars(select(held.c.need).where(or_(*kinds)).distinct().limit(NEEDS_LOOKED_AT_MAX)).all()
            met = _met_by_now(connection, needs) if needs else []
            if not met:
                return 0
            query = select(held).where(one_of(connection, held.c.need, met)).order_by(held.c.since, held.c.sequence)
            items = [held_item(connection, row) for row in connection.execute(query)]
        self.settle(items)
        self._wake()
        return len(items)

    def expire(self) -> int:
        """Park the messages that have waited too long. Safe to run at any time and on several instances."""
        return self._holding.expire(self._wake)


def _held_by(unit: Unit) -> tuple[str, str]:
    """(source, id) of the message that a unit holds."""
    row = next(row for table, row in unit.inserts if table is schema.held)
    return row["origin"], row["message_id"]


def _met_by_now(connection: Connection, needs: Sequence[str]) -> list[str]:
    """Of these needs, those for a certificate that stands, or within an application that was concluded."""
    holder, over = certificate_holder, application
    named = [need.partition(":")[2].partition("/") for need in needs]
    issued = select(holder.c.person_ref, holder.c.number).where(
        one_of(connection, holder.c.number, {number for _, _, number in named}), holder.c.stands == 1
    )
    there = {f"certificate:{ref}/{number}" for ref, number in connection.execute(issued)}
    concluded = select(over.c.person_ref, over.c.application).where(
        one_of(connection, over.c.person_ref, {ref for ref, _, _ in named}), over.c.stage == "concluded"
    )
    within = tuple(f":{ref}/{name}/" for ref, name in connection.execute(concluded))
    return [need for need in needs if need in there or any(part in need for part in within)]


def _rivals(events: Sequence[WorkerEvent], event_id: str) -> tuple[str, ...]:
    """The facts that a new one contradicts: what stands against it, or what it stands against."""
    found: dict[str, None] = {}
    for event in events:
        for standing in getattr(event, "standings", ()):
            group = (*standing.contradicted_by, standing.fact)
            if standing.contradicted_by and event_id in group:
                found.update((other, None) for other in group if other is not None and other != event_id)
    return tuple(found)


def provided_by(event: LogEvent) -> list[str]:
    """What a new event brings that others may wait for, as the deciders call it in ``Early``."""
    ref = getattr(event, "person_ref", "")
    standing = [need for each in getattr(event, "standings", ()) for need in _provided_in(ref, each)]
    match event:
        case RatingAppealed():
            return [f"appeal:{ref}/{event.appeal}"]
        case EntryRecorded():
            return [f"entry:{ref}/{event.entry}"]
        case CertificationApplied():
            return [f"stage:{ref}/{event.application}/application"]
        case EligibilityReviewed(result="passed"):
            return [f"stage:{ref}/{event.application}/eligibility_review"]
        case TrainingTested(result="passed"):
            return [f"stage:{ref}/{event.application}/training_test"]
        case PanelReviewed(result="passed"):
            return [f"stage:{ref}/{event.application}/panel_review"]
        case NoticeOpened():
            return [f"stage:{ref}/{event.application}/public_notice"]
        case ObjectionRaised():
            return [f"objection:{ref}/{event.application}/{event.objection}"]
        case UnitRegistered():
            return [f"unit:{event.unit}"]
        case InspectionOpened():
            return [f"inspection:{event.division}/{event.year}"]
        case _:
            return standing


def _provided_in(ref: str, standing: Standing) -> list[str]:
    """What a change of standing brings, whatever kind of event it is in: a withdrawn withdrawal brings a fact back too."""
    what, _, rest = standing.slot.partition("/")
    match what:
        case "certificate" | "rating" if standing.fact is not None:
            return [f"{what}:{ref}/{rest}"]
        case "certificate-change" | "registration-status":
            return [f"{what}:{ref}"]
        case _:
            return []


def _told(batch: RegistryBatch, entry: Entry, stream: str, event_id: str) -> None:
    """An accepted message is known, and corrections and withdrawals of it need not wait any more."""
    parsed = entry.parsed
    batch.facts[parsed.origin, parsed.message.id] = (stream, event_id)
    batch.provided.append(f"fact:{parsed.origin}/{parsed.message.id}")


def _of_person(stream: str) -> bool:
    return stream.startswith("worker-")


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


def _is_bulk(people_max: int, connection: Connection, batch: RegistryBatch, entry: Entry) -> bool:
    data = entry.parsed.message.data
    return isinstance(data, PersonalDataExported) and data.people > people_max
