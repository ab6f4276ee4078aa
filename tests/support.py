"""Made-up people, messages and benches that several suites use. Nobody here exists."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, TypeVar, get_args

from joserfc.jwk import OKPKey
from sqlalchemy import select

from console.sealing import new_key_pair, public_key_of, seal
from contracts.intake import Identity, fact_subject
from contracts.operations import MessageParked, ParkedDiscarded, ParkedRetried, ProposalEvent
from contracts.receipts import Receipt
from contracts.resident_id import check_character
from eventlog import schema
from eventlog.bounds import SourceBounds
from eventlog.box import Box
from eventlog.codec import Codec
from eventlog.database import Database
from eventlog.desk import Item
from eventlog.eyes import EyesSetting
from eventlog.ids import FixedClock, SeededEntropy
from eventlog.log import Log, Recorded, View
from eventlog.quota import Quota
from eventlog.wire import event_message
from services.registry import app as registry_app
from services.registry.calendar import WorkCalendar
from services.registry.decider import Rules
from services.registry.handlers import EXPORT_PEOPLE, RegistryIntake
from services.registry.keeping import Keeper
from services.registry.vault import KeyRing, Vault, vault_metadata
from services.registry.views import registry_views, standing

__all__ = [
    "BOX",
    "KEYS",
    "NOW",
    "OPERATIONS",
    "PUBLIC_KEY",
    "RegistryBench",
    "event_id",
    "eventually",
    "identity",
    "intake_bytes",
    "new_log",
    "resident_id",
    "rows_of",
    "run",
    "sealed",
]

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
OPERATIONS = (MessageParked, ParkedRetried, ParkedDiscarded, *get_args(ProposalEvent))
DEADLINE_SECONDS = 20.0

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end, within a deadline."""

    async def limited() -> T:
        return await asyncio.wait_for(work, DEADLINE_SECONDS)

    return asyncio.run(limited())


async def eventually(condition: Callable[[], bool], what: str, seconds: float = DEADLINE_SECONDS / 2) -> None:
    """Wait until a condition holds; fail with words at the deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not in time: {what}"
        await asyncio.sleep(0.002)


def event_id(number: int) -> str:
    """A well-formed event id with a number in it."""
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


# --- made-up people ---------------------------------------------------------------------------------------------------

_PRIVATE, _PUBLIC = new_key_pair()
PUBLIC_KEY = public_key_of(_PUBLIC)
KEYS = KeyRing(
    OKPKey.import_key(json.loads(_PRIVATE)),
    hashlib.sha256(b"index key of the tests").digest(),
    {1: hashlib.sha256(b"wrapping key of the tests").digest()},
)


BOX = Box([hashlib.sha256(b"key of what is set aside, of the tests").digest()])


def resident_id(person: int) -> str:
    """A number of the right form that belongs to nobody: the place code 990000 was never given out."""
    first = f"9900001990{1 + person % 12:02d}{1 + person % 28:02d}{person % 1000:03d}"
    return first + check_character(first)


def identity(person: int) -> Identity:
    """The person of this number, as they stand in no register."""
    return Identity(
        name=f"虚构人物{person}号",
        resident_id=resident_id(person),
        phone=f"1990000{person:04d}",
        bank_account=f"99990000{person:08d}",
    )


def sealed(person: int | Mapping[str, str]) -> str:
    return seal(identity(person) if isinstance(person, int) else person, PUBLIC_KEY)


# --- messages ---------------------------------------------------------------------------------------------------------


def intake_bytes(
    fact: str,
    data: Any,
    *,
    id: str,
    source: str = "hr",
    time: str = "2025-01-05T08:00:00Z",
    on: str = "2025-01-04",
    **more: Any,
) -> bytes:
    """An intake message of type ``intake.<fact>.v1``. more: further attributes of the envelope, or other values of them."""
    envelope = {
        "specversion": "1.0", "id": id, "source": source, "time": time, "effectiveon": on,
        "type": f"intake.{fact}.v1", "data": data,
    }  # fmt: skip
    return json.dumps(envelope | more, ensure_ascii=False).encode()


# --- logs -------------------------------------------------------------------------------------------------------------


def new_log(
    database: Database,
    name: str,
    codec: Codec,
    views: Sequence[View] = (),
    *,
    clock: FixedClock | None = None,
    seed: int = 1,
) -> Log:
    """A log with its tables made, a clock that stands still and seeded ids."""
    log = Log(name, database, codec, clock or FixedClock(NOW), SeededEntropy(seed), views)
    log.create()
    return log


def receipts_of(log: Log) -> list[Receipt]:
    with log.database.read.connect() as connection:
        query = select(schema.receipt.c.data).order_by(schema.receipt.c.position)
        return [Receipt.model_validate_json(data) for data in connection.scalars(query)]


def events_of(log: Log) -> list[Recorded]:
    with log.database.read.connect() as connection:
        return log.read(connection, limit=100_000)


def rows_of(log: Log, table: Any) -> list[Any]:
    """Every row of a table, in the order of its key."""
    with log.database.read.connect() as connection:
        return list(connection.execute(select(table).order_by(*table.primary_key.columns)).all())


class RegistryBench:
    """The registry's intake on a database of its own, with a clock that is moved by hand, and words for its messages."""

    def __init__(
        self,
        database: Database,
        *,
        hold_seconds: int = 3600,
        correctors: Sequence[str] = (),
        seed: int = 1,
        quota: Quota | None = None,
        known: Mapping[str, SourceBounds] | None = None,
        vault: Vault | None = None,
        eyes: EyesSetting | None = None,
        export_people: int = EXPORT_PEOPLE,
    ) -> None:
        self.clock = FixedClock(NOW)
        self.database = database
        self.log = new_log(database, "registry", registry_app.CODEC, registry_views(), clock=self.clock, seed=seed)
        with database.write.begin() as connection:
            vault_metadata.create_all(connection)
        self.vault = vault or Vault(KEYS, SeededEntropy(seed + 1))
        self.erased: list[int] = []
        self.sequence = count(1)

        async def erase(sequence: int) -> None:
            self.erased.append(sequence)

        rules = Rules(calendar=WorkCalendar())
        self.keeper = Keeper(self.log, rules, lambda: None)
        self.intake = RegistryIntake(
            self.log,
            self.vault,
            rules,
            hold_seconds=hold_seconds,
            quota=quota,
            correctors=frozenset(correctors),
            known=known,
            erase=erase,
            wake=lambda: None,
            check_place=registry_app.check_place,
            eyes=eyes,
            export_people=export_people,
        )

    # --- messages: each call is a new one on the stream -----------------------------------------------------------------

    def message(self, fact: str, data: Any, *, id: str, source: str = "hr", **more: Any) -> Item:
        raw = intake_bytes(fact, data, id=id, source=source, **more)
        return Item(fact_subject(source, "registry", f"intake.{fact}.v1"), raw, next(self.sequence))

    def again(self, item: Item) -> Item:
        """The same message published once more: it stands at another place on the stream."""
        return replace(item, sequence=next(self.sequence))

    def registers(
        self,
        person: int | Mapping[str, str] = 1,
        *,
        id: str = "reg-1",
        key: str | None = "w-1",
        division: str = "320102",
        **more: Any,
    ) -> Item:
        registrant = {"identity": sealed(person)} | ({} if key is None else {"source_key": key})
        return self.message("worker-registered", {"person": registrant, "division": division}, id=id, **more)

    def rates(
        self, year: int = 2024, rating: str = "excellent", *, id: str = "rate-1", person: Any = None, **more: Any
    ) -> Item:
        data = {"person": person or {"source_key": "w-1"}, "year": year, "rating": rating}
        return self.message("annual-rating-recorded", data, id=id, **more)

    def corrects(
        self, target: str, replacement: Mapping[str, Any], *, id: str = "fix-1", identity: str | None = None, **more: Any
    ) -> Item:
        owner = {"source": more.pop("owner")} if "owner" in more else {}
        data = {"corrects": {"id": target} | owner, "replacement": replacement, "reason": "typing error"}
        return self.message("fact-corrected", data | ({} if identity is None else {"identity": identity}), id=id, **more)

    def withdraws(self, target: str, *, id: str = "gone-1", **more: Any) -> Item:
        owner = {"source": more.pop("owner")} if "owner" in more else {}
        return self.message("fact-withdrawn", {"withdraws": {"id": target} | owner, "reason": "sent in error"}, id=id, **more)

    def retries(self, parked: str, *, id: str = "retry-1") -> Item:
        data = {"parked": parked, "by": "operator-7", "reason": "mended"}
        return self.message("parked-retry", data, id=id, source="operator")

    def discards(self, parked: str, *, id: str = "discard-1") -> Item:
        data = {"parked": parked, "by": "operator-7", "reason": "given up"}
        return self.message("parked-discard", data, id=id, source="operator")

    # --- what became of them --------------------------------------------------------------------------------------------

    def settle(self, *items: Item) -> list[int]:
        return self.intake.settle(items)

    def each(self, *items: Item) -> None:
        """Settle each in a batch of its own."""
        for item in items:
            self.settle(item)

    @property
    def receipts(self) -> list[Receipt]:
        return receipts_of(self.log)

    @property
    def outcomes(self) -> list[tuple[str, str]]:
        return [(receipt.id, receipt.outcome) for receipt in self.receipts]

    def codes(self, message_id: str) -> list[str]:
        """The code of every problem that the last receipt of a message names."""
        last = [receipt for receipt in self.receipts if receipt.id == message_id][-1]
        return [problem.code for problem in last.problems]

    @property
    def events(self) -> list[Recorded]:
        return events_of(self.log)

    def standings(self) -> list[tuple[str, str, str, tuple[str, ...]]]:
        """(slot, id of the message that stands, from when, ids of those that contradict it), from the read model."""
        events = {e.event_id: e for e in self.events}

        def said_by(found: str) -> str:
            return str(events[found].causation_id)

        return sorted(
            (
                row.slot,
                said_by(row.event_id),
                events[row.event_id].effective_on,
                tuple(sorted(map(said_by, filter(None, row.contradicted_by.split(","))))),
            )
            for row in self.rows(standing)
            if row.event_id is not None
        )

    def rows(self, table: Any) -> list[Any]:
        with self.database.read.connect() as connection:
            return list(connection.execute(select(table)).all())

    def stream_items(self, *, after: int = 0) -> list[Item]:
        """The log's events as another service gets them."""
        with self.database.read.connect() as connection:
            outgoing = [event_message("registry", row) for row in self.log.rows(connection, after, 100_000)]
        return [Item(m.subject, m.payload, place) for place, m in enumerate(outgoing, start=after + 1)]


def files_with(folder: Path, needle: bytes) -> list[str]:
    """The names of the files below a folder that hold these bytes."""
    return sorted(p.name for p in folder.rglob("*") if p.is_file() and needle in p.read_bytes())
