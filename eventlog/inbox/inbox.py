"""The one protocol of a message: seen? blocked? load, decide, and then hold, refuse, park or accept.

A batch is read, decided and appended as a whole. What fails in it because of one message costs the batch and no more: the
batch is cut until that message is known, and then decided again, with the message parked in its place. Nothing that was
decided after a failure is ever built on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

from pydantic import ValidationError
from sqlalchemy import Connection, select

from contracts.envelope import EventEnvelope
from contracts.hearing import Incoherent
from contracts.intake import ParkedDiscard, ParkedRetry
from contracts.receipts import Problem
from eventlog import schema
from eventlog.decider import Early, Rejected, StandsOtherwise
from eventlog.desk import STANDS_OTHERWISE, Batch, Desk, Item, problem
from eventlog.forgetting import note_erased
from eventlog.heard import GARBAGE, NO_EVENT, Foreign, Heard, save_heard, sort_out
from eventlog.holding import Holding
from eventlog.inbox.failures import Contended, Failure, failure_of, is_conflict
from eventlog.inbox.protocol import Behind, Decided, Entry, Hearing, Room
from eventlog.intake import Parsed, answer, content_of, seen_before
from eventlog.log import BrokenLog, Log, Unit
from eventlog.parking import blocked_streams
from eventlog.quota import save_sent

__all__ = ["CONFLICT_ROUNDS_MAX", "Inbox"]

CONFLICT_ROUNDS_MAX = 20
BATCH_MAX = 10_000
FOLLOWERS_MAX = 100_000
"""Messages that one message may release, or an operator's act bring back, in its own append."""

B = TypeVar("B", bound=Batch)
Key = tuple[Any, ...]


class _Poison(Exception):
    """A message of which it is known that it cannot be settled."""

    def __init__(self, key: Key, why: str) -> None:
        super().__init__(why)
        self.key = key
        self.why = why


@dataclass(slots=True)
class _Attempt:
    """How much is tried in one append. taken, followed: messages that it came to, of those given and of those that followed.

    poison: by key, why a message is parked without being decided. later: what is to be settled next.
    """

    size: int
    follow: int
    poison: Mapping[Key, str]
    keys: list[Key] = field(default_factory=list)
    followed: int = 0
    later: list[Item] = field(default_factory=list)
    again: bool = False
    erase: list[int] = field(default_factory=list)


class Inbox(Generic[B]):
    """Settles messages for one service. taken_max: intake messages of one append."""

    def __init__(self, log: Log, desk: Desk, holding: Holding, room: Room[B], *, taken_max: int = BATCH_MAX) -> None:
        self._taken_max = taken_max
        self._log = log
        self._desk = desk
        self._holding = holding
        self._room = room

    # --- batches --------------------------------------------------------------------------------------------------------

    def take(self, items: Sequence[Item]) -> list[int]:
        """Settle intake messages in their order. Returns the sequences to erase from the stream. Raises for an outage."""
        return self._settle(items, self._take, self._taken_max)

    def hear(self, items: Sequence[Item]) -> None:
        """Settle another service's events."""
        self._settle(items, self._hear, BATCH_MAX)

    def _settle(
        self, items: Sequence[Item], attempt: Callable[[Sequence[Item], _Attempt], Sequence[Item] | None], size_max: int
    ) -> list[int]:
        rest: Sequence[Item] = items
        erase: list[int] = []
        poison: dict[Key, str] = {}
        size, follow, rounds = size_max, FOLLOWERS_MAX, 0
        while rest:
            now = _Attempt(size, follow, poison)
            try:
                left = attempt(rest, now)
                if left is not None:
                    rest, size, follow, rounds = left, size_max, FOLLOWERS_MAX, 0
                    erase += now.erase
                    continue
            except _Poison as found:
                self._room.forget()
                poison[found.key] = found.why
                if found.key in now.keys:
                    # Those before it are settled with it; those after it are not decided a third time.
                    size = now.keys.index(found.key) + 1
                continue
            except Exception as error:
                self._room.forget()
                if is_conflict(error):
                    rounds += 1
                    if rounds < CONFLICT_ROUNDS_MAX:
                        continue
                elif failure_of(error) is not Failure.MESSAGE:
                    raise
                rounds = 0
                size, follow = self._cut(now, poison, error)
                continue
            # The log moved under it: decide again. Here another instance may have settled one of these at the same moment.
            self._room.forget()
            rounds += 1
            if rounds >= CONFLICT_ROUNDS_MAX:
                raise Contended(f"{len(rest)} messages met conflicts {CONFLICT_ROUNDS_MAX} times")
        return erase

    def _cut(self, now: _Attempt, poison: dict[Key, str], error: BaseException) -> tuple[int, int]:
        """How much to try next, after a failure of which nobody knows whose it is; alone, a message is known."""
        if len(now.keys) > 1:
            return len(now.keys) // 2, now.follow
        if now.followed:
            return 1, now.followed // 2
        if not now.keys or now.keys[0] in poison:
            # Not even a parked message can be written: it is not the message.
            raise BrokenLog(f"a message can be neither settled nor parked ({type(error).__name__})") from error
        poison[now.keys[0]] = f"{type(error).__name__} while settling"
        return 1, now.follow

    def _take(self, items: Sequence[Item], now: _Attempt) -> Sequence[Item] | None:
        """One append. Returns what is left to settle; None: the log moved under it."""
        part, rest = items[: now.size], items[now.size :]
        with self._log.database.read.connect() as connection:
            position, batch = self._open(connection)
            now.keys += [_key(item) for item in part]
            queue: Sequence[Item] = self._desk.within_quota(connection, batch, part)
            while queue:
                more = self._settle_all(connection, batch, queue, now)
                queue = self._followers(batch, [*more, *self._holding.released(connection, batch)], now)
        return self._append(batch, position, now, [*now.later, *rest])

    def _open(self, connection: Connection) -> tuple[int, B]:
        position = self._log.head(connection).position
        batch = self._room.open(connection, position)
        batch.blocked = blocked_streams(connection)
        return position, batch

    def _followers(self, batch: B, items: Sequence[Item], now: _Attempt) -> Sequence[Item]:
        """Those that are settled in the same append. Of the others, held ones come next; parked ones stay where they are."""
        room = max(0, now.follow - now.followed)
        now.followed += len(items[:room])
        for item in items[room:]:
            if item.parked_id is None:
                now.later.append(item)
        return items[:room]

    def _append(
        self, batch: B, position: int, now: _Attempt, rest: Sequence[Item], heard: Heard | None = None
    ) -> Sequence[Item] | None:
        now.erase = batch.erase
        if not batch.units and not batch.sent and (heard is None or not heard.moved):
            return rest
        appended = self._log.append(
            batch.units,
            seen_position=position,
            recheck=lambda connection: self._room.moved(connection, batch),
            whole=self._room.whole,
            also=lambda connection: self._save(connection, batch, heard),
        )
        if appended.head is None:
            return None
        if appended.conflicts:
            self._room.forget()
            return [*(batch.sources[index] for index in appended.conflicts), *rest]
        self._room.keep(batch, position, appended)
        return rest

    def _save(self, connection: Connection, batch: B, heard: Heard | None) -> bool:
        """What stands beside the log, inside the append. False: another instance moved meanwhile."""
        if not self._room.stands(connection, batch):
            return False
        save_sent(connection, list(batch.sent.values()))
        if heard is None:
            return True
        erased = [ref for foreign in heard.ready for ref in self._hearing.erased_by(foreign)]
        if erased:
            note_erased(connection, erased, self._log.clock)
        return save_heard(connection, heard, self._log.clock)

    # --- messages -------------------------------------------------------------------------------------------------------

    def _settle_all(self, connection: Connection, batch: B, items: Sequence[Item], now: _Attempt) -> list[Item]:
        """Settle messages in their order. Returns further ones that they ask for (a retry, which brings events back too)."""
        intake = [item for item in items if item.subject.startswith("intake.")]
        entries = {id(entry.item): entry for entry in self._read(connection, batch, intake, now)}
        events = {id(item): _foreign(item) for item in items if not item.subject.startswith("intake.") and not self._own(item)}
        self._room.resolve(connection, batch, list(entries.values()))
        self._load(connection, batch, [entry for entry in entries.values() if _key(entry.item) not in now.poison])
        self._load_heard(connection, batch, list(events.values()), now)
        more: list[Item] = []
        for item in items:
            if id(item) in entries:
                more += self._settle_one(connection, batch, entries[id(item)], now)
            elif id(item) in events:
                self._settle_event(connection, batch, events[id(item)], now)
            elif self._own(item):
                self._room.own[item.subject](connection, batch, item)
        return more

    def _own(self, item: Item) -> bool:
        return item.subject in self._room.own

    def _read(self, connection: Connection, batch: B, items: Sequence[Item], now: _Attempt) -> list[Entry]:
        """Read each by itself. What cannot be read is settled here."""
        entries = []
        for item, parsed in self._desk.read(connection, batch, items):
            try:
                entries.append(self._room.entry(item, parsed))
            except Rejected as rejected:
                self._desk.refuse(batch, item, parsed, rejected.problems, content_of(parsed.value))
            except Exception as error:
                if _key(item) not in now.poison or failure_of(error) is not Failure.MESSAGE:
                    raise self._poison(_key(item), error) from error
                entries.append(Entry(item, parsed, b""))
        return entries

    def _load(self, connection: Connection, batch: B, entries: Sequence[Entry]) -> None:
        loads: dict[int, tuple[Any, list[Entry]]] = {}
        for entry in entries:
            if isinstance(entry.parsed.message.data, ParkedRetry | ParkedDiscard):
                continue
            capability = self._room.capability(entry)
            loads.setdefault(id(capability), (capability, []))[1].append(entry)
        for capability, chosen in loads.values():
            capability.load(connection, batch, chosen)

    def _settle_one(self, connection: Connection, batch: B, entry: Entry, now: _Attempt) -> list[Item]:
        """What becomes of one message. Returns further ones that it asks for."""
        item, parsed, content = entry.item, entry.parsed, entry.content
        seen = batch.seen.get((parsed.origin, parsed.message.id))
        if seen is not None and (item.fresh or seen.settled):
            # Of what cannot be worked out any more nothing says that it is another message.
            self._desk.settle_seen(connection, batch, item, parsed, content or seen.content or b"", seen)
            return []
        if _key(item) in now.poison:
            self._park_poison(connection, batch, entry, now.poison[_key(item)])
            return []
        match parsed.message.data:
            case ParkedRetry() as data:
                return self._desk.retry(connection, batch, item, parsed, content, data)
            case ParkedDiscard() as data:
                self._desk.discard(connection, batch, item, parsed, content, data)
                return []
            case _:
                return self._decide_one(connection, batch, entry)

    def _decide_one(self, connection: Connection, batch: B, entry: Entry) -> list[Item]:
        item, parsed = entry.item, entry.parsed
        stream: str | None = None
        try:
            capability = self._room.capability(entry)
            stream = capability.stream_of(connection, batch, entry)
            if stream in batch.blocked:
                raise Behind(stream)
            decided = capability.decide(connection, batch, entry, stream)
        except Behind as behind:
            self._park(batch, item, parsed, "behind-parked", "an earlier message about the same is parked", behind.stream)
        except Early as early:
            self._hold(connection, batch, entry, early, stream)
        except StandsOtherwise:
            assert stream is not None, "only a decision on a stream knows what stands there"
            # Its stream must stand where it stood: what stands there may be undone by another instance.
            nothing = Unit(expects={stream: batch.versions[stream]})
            self._accept(batch, entry, Decided(nothing, warnings=(STANDS_OTHERWISE,)), stream)
        except Rejected as rejected:
            self._desk.refuse(batch, item, parsed, rejected.problems, entry.content)
        except Exception as error:
            raise self._poison(_key(item), error) from error
        else:
            self._accept(batch, entry, decided, stream)
        return []

    def _accept(self, batch: B, entry: Entry, decided: Decided, stream: str) -> None:
        receipt = self._desk.receipt(
            entry.parsed,
            "accepted",
            events=decided.events,
            person_ref=decided.person_ref,
            contradicts=decided.contradicts,
            warnings=decided.warnings,
        )
        event_id = decided.event_id or (decided.events[0] if decided.events else None)
        where = decided.stream or stream
        self._desk.accept(batch, entry.item, entry.parsed, entry.content, decided.unit, where, event_id, receipt)

    def _hold(self, connection: Connection, batch: B, entry: Entry, early: Early, stream: str | None) -> None:
        item = entry.item
        if item.held_id is not None and item.held_id not in batch.released:
            held = schema.held.c
            if connection.execute(select(held.need).where(held.hold_id == item.held_id)).scalar_one_or_none() == early.need:
                # It waits for that already, since then, and its source was told so.
                return
        expects = early.expects
        if expects is None:
            # Its stream must stand where it stood: what was needed may have been brought by another instance.
            expects = {stream: batch.versions[stream]} if stream is not None else {}
        self._holding.hold(batch, item, entry.parsed, early, expects)

    # --- another service's events ---------------------------------------------------------------------------------------

    @property
    def _hearing(self) -> Hearing[B]:
        return cast("Hearing[B]", self._room)

    def _hear(self, items: Sequence[Item], now: _Attempt) -> Sequence[Item] | None:
        service = self._hearing.heard_from
        with self._log.database.read.connect() as connection:
            position, batch = self._open(connection)
            heard = sort_out(connection, service, items)
            left = heard.cut(now.size)
            now.keys += [_key_heard(foreign) for foreign in heard.ready]
            batch.seen.update(seen_before(connection, [(service, _unread_id(item)) for item in heard.unreadable]))
            self._load_heard(connection, batch, heard.ready, now)
            for foreign in heard.ready:
                self._settle_event(connection, batch, foreign, now)
            for item in heard.unreadable:
                self._park_unreadable(batch, service, item)
            queue = self._followers(batch, self._holding.released(connection, batch), now)
            while queue:
                more = self._settle_all(connection, batch, queue, now)
                queue = self._followers(batch, [*more, *self._holding.released(connection, batch)], now)
        done = self._append(batch, position, now, now.later if not left else (), heard)
        if done is not None and now.later:
            self._settle(now.later, self._take, self._taken_max)
        # What has been settled is a repeat now, and the rest goes on.
        return None if done is None else items if left else ()

    def _load_heard(self, connection: Connection, batch: B, events: Sequence[Foreign], now: _Attempt) -> None:
        chosen = [foreign for foreign in events if _key_heard(foreign) not in now.poison and self._is_told(foreign)]
        if chosen:
            self._hearing.load_heard(connection, batch, chosen)

    def _is_told(self, foreign: Foreign) -> bool:
        with suppress(Incoherent):
            self._hearing.stream_heard(foreign)
            return True
        return False

    def _settle_event(self, connection: Connection, batch: B, foreign: Foreign, now: _Attempt) -> None:
        """What becomes of one event. One that is about nobody, or of an unknown kind, is none of our business."""
        key = _key_heard(foreign)
        stream: str | None = None
        try:
            stream = self._hearing.stream_heard(foreign)
            if stream is None and key not in now.poison:
                return
            if stream is not None and stream in batch.blocked:
                self._park_event(batch, foreign, "behind-parked", "an earlier event of this person is parked", stream)
                return
            if key in now.poison:
                self._park_event(batch, foreign, "rule-failed", now.poison[key], stream)
                return
            assert stream is not None
            batch.add(foreign.item, self._hearing.hear_event(connection, batch, foreign, stream))
        except Incoherent as incoherent:
            self._park_event(batch, foreign, "incoherent-event", str(incoherent), stream)
        except Exception as error:
            raise self._poison(key, error) from error

    # --- parking --------------------------------------------------------------------------------------------------------

    def _poison(self, key: Key, error: BaseException) -> BaseException:
        """The message is known by which a batch failed, unless the failure is none of a message."""
        if failure_of(error) is not Failure.MESSAGE:
            return error
        return _Poison(key, f"{type(error).__name__} while deciding")

    def _park_poison(self, connection: Connection, batch: B, entry: Entry, what: str) -> None:
        stream = None
        try:
            stream = self._room.capability(entry).stream_of(connection, batch, entry)
        except Exception as error:
            # Before its stream is known nothing stands still behind it.
            if failure_of(error) is not Failure.MESSAGE:
                raise
        self._park(batch, entry.item, entry.parsed, "rule-failed", what, stream)

    def _park(self, batch: B, item: Item, parsed: Parsed, code: str, what: str, blocks: str | None) -> None:
        why = _why(code, what)
        receipt = self._desk.receipt(parsed, "parked", problems=(why,))
        self._desk.set_aside(batch, item, (parsed.origin, parsed.message.id), why, blocks, receipt)
        if blocks is not None:
            batch.blocked.add(blocks)

    def _park_event(self, batch: B, foreign: Foreign, code: str, what: str, blocks: str | None) -> None:
        why, envelope = _why(code, what), foreign.envelope
        receipt = None
        with suppress(ValidationError, KeyError):
            source, message_id = self._hearing.source_of(foreign)
            now = self._log.clock.now()
            receipt = answer(self._desk.service, source, message_id, "parked", now, problems=(why,), events=(envelope.id,))
        self._desk.set_aside(batch, foreign.item, (self._hearing.heard_from, envelope.id), why, blocks, receipt)
        if blocks is not None:
            batch.blocked.add(blocks)

    def _park_unreadable(self, batch: B, service: str, item: Item) -> None:
        key = (service, _unread_id(item))
        if key not in batch.seen:
            self._desk.set_aside(batch, item, key, problem("", GARBAGE, *NO_EVENT), None, None)


def _why(code: str, what: str) -> Problem:
    return problem("", code, what, "an operator will look at it; nothing is lost")


def _foreign(item: Item) -> Foreign:
    return Foreign(item, EventEnvelope.model_validate_json(item.raw))


def _key(item: Item) -> Key:
    """Tells one message in hand from another, whatever it says."""
    return item.held_id, item.parked_id, item.subject, item.sequence


def _key_heard(foreign: Foreign) -> Key:
    return foreign.envelope.partition, foreign.envelope.position


def _unread_id(item: Item) -> str:
    return f"seq-{item.sequence}"
