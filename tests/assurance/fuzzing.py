"""Messages with one thing changed, through the whole handler of a service: bytes, protocol, rules, tables."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, event, func, select, text

from contracts.intake import FACT_TYPES, fact_subject
from contracts.receipts import Receipt
from eventlog import schema
from eventlog.database import Database
from eventlog.intake import read_name
from eventlog.log import Log, partition_of
from eventlog.roles import grant_runtime
from services.talent.app import talent_views
from tests.allowance import example as allowance
from tests.allowance.payment_bench import PaymentBench
from tests.contracts.golden import goldens
from tests.contracts.samples import PERSON, samples
from tests.contracts.verdicts import SCHEMAS
from tests.eventlog.fakes import FakeIncoming
from tests.mutator import Mutation, encoded, mutated_once
from tests.support import NOW, RegistryBench, event_id
from tests.talent import example as talent
from tests.talent.cycle_example import cycle_text
from tests.talent.developing import POLICY_TEXT
from tests.talent.test_development_handlers import DevelopmentBench
from tests.telling import as_told

__all__ = ["SERVICES", "Fuzz", "as_runtime_role", "fuzz_of"]

SERVICES = ("registry", "allowance", "talent")
PEOPLE = 8
KEYS = 6
"""Of each kind of thing: few, so that messages meet each other."""
VALID_SHARE = 0.15
EVENTS_SHARE = 0.25
MESSAGES_APART_NS = 10 * 10**9
"""So that no source goes beyond its quota."""
_STANDARDS = Path(__file__).parents[2] / "standards"
TEXTS: dict[str, str] = {
    "intake.policy-published.v1": allowance.CHANGTU,
    "intake.certification-standard-published.v1": (_STANDARDS / "example-certification.yaml").read_text(encoding="utf-8"),
    "intake.qualification-standard-published.v1": talent.standard_text(),
    "intake.development-policy-published.v1": POLICY_TEXT,
    "intake.appraisal-cycle-opened.v1": cycle_text(),
}
"""Documents that are read as such."""

Handler = Callable[[Sequence[FakeIncoming]], Coroutine[Any, Any, None]]


@dataclass
class Fuzz:
    """One service under fuzz. take, hear: its handlers. refs: people it knows. good: of what it accepts whatever came before.

    counted: outcome → answers. unexpected: what was parked because something was raised that nobody thought of.
    """

    service: str
    log: Log
    take: Handler
    hear: Handler | None
    refs: Sequence[str]
    good: tuple[str, Callable[[int], dict[str, Any]]]
    background: Callable[[], object]
    random: Random
    position: int
    last: dict[int, int]
    counted: Counter[str] = field(default_factory=Counter)
    unexpected: list[str] = field(default_factory=list)
    number: int = 0
    answered: int = 0

    def run(self, inputs: int, batch_max: int) -> None:
        """So many inputs, in batches; after each batch a good message, which must be accepted. Raises what a handler raises."""
        while inputs > 0:
            size = min(batch_max, inputs)
            inputs -= size
            events = int(size * EVENTS_SHARE) if self.hear is not None else 0
            self._take(size - events)
            if self.hear is not None:
                self._hear(self.hear, events)
            self.background()

    # --- intake -----------------------------------------------------------------------------------------------------------

    def _take(self, size: int) -> None:
        messages = [self._message() for _ in range(size)]
        good = self._good()
        batch = [*messages, good]
        asyncio.run(self.take(batch))
        ids = {(m.subject.split(".")[1], read_name(m.subject, m.payload, m.sequence, m.message_id)) for m in batch}
        receipts = self._receipts()
        missing = ids - {(receipt.source, receipt.id) for receipt in receipts}
        assert not missing, f"{self.service}: no answer to {sorted(missing)[:5]}"
        (answer,) = (receipt for receipt in receipts if receipt.id == json.loads(good.payload)["id"])
        assert answer.outcome == "accepted", answer
        self.counted.update(receipt.outcome for receipt in receipts)
        self._note_parked(receipts)

    def _note_parked(self, receipts: Sequence[Receipt]) -> None:
        self.unexpected += [
            f"{receipt.type} {receipt.id}: {problem.problem}"
            for receipt in receipts
            for problem in receipt.problems
            if problem.code == "rule-failed"
        ]

    def _message(self) -> FakeIncoming:
        kind = self.random.choice(_TYPES[self.service])
        source = "operator" if self.random.random() < 0.2 else "hr"
        value = self._of_here({**self.random.choice(_SAMPLES[kind]), "id": f"f-{self.number}", "source": source})
        if kind in TEXTS:
            value["data"]["text"] = TEXTS[kind]
        if self.random.random() < VALID_SHARE:
            return self._incoming(fact_subject(source, self.service, kind), encoded(value))
        mutation = mutated_once(value, SCHEMAS[kind], self.random)
        return self._incoming(fact_subject(source, self.service, kind), mutation.raw)

    def _of_here(self, value: dict[str, Any]) -> dict[str, Any]:
        """The sample about one of the people whom the service knows, and one of few things of each kind."""
        raw = encoded(value).replace(PERSON["person_ref"].encode(), self.random.choice(self.refs).encode())
        found: dict[str, Any] = json.loads(raw.replace(b'"k-1"', b'"k-%d"' % self.random.randrange(KEYS)))
        return found

    def _good(self) -> FakeIncoming:
        kind, data = self.good
        envelope = {
            "specversion": "1.0", "id": f"good-{self.number}", "source": "good", "time": "2026-02-01T08:00:00Z",
            "effectiveon": "2026-02-01", "type": f"intake.{kind}.v1", "data": data(self.number),
        }  # fmt: skip
        return self._incoming(fact_subject("good", self.service, f"intake.{kind}.v1"), encoded(envelope))

    def _incoming(self, subject: str, raw: bytes) -> FakeIncoming:
        self.number += 1
        stored = int(NOW.timestamp()) * 10**9 + self.number * MESSAGES_APART_NS
        return FakeIncoming(raw, [], subject, self.number, stored_ns=stored)

    def _receipts(self) -> list[Receipt]:
        table = schema.receipt
        query = select(table.c.position, table.c.data).where(table.c.position > self.answered).order_by(table.c.position)
        with self.log.database.read.connect() as connection:
            rows = connection.execute(query).all()
        self.answered = max((row.position for row in rows), default=self.answered)
        return [Receipt.model_validate_json(row.data) for row in rows]

    # --- another service's events -------------------------------------------------------------------------------------------

    def _hear(self, hear: Handler, size: int) -> None:
        batch = [message for _ in range(size) for message in self._event()]
        asyncio.run(hear(batch))
        heard = schema.heard.c
        with self.log.database.read.connect() as connection:
            found = {row.partition: row.position for row in connection.execute(select(heard.partition, heard.position))}
        assert found == self.last, f"{self.service}: heard of the registry up to {found}, not {self.last}"
        self.counted["heard"] += size
        self._note_parked(self._receipts())

    def _event(self) -> Iterator[FakeIncoming]:
        """A registry event with something changed, and after it the true one."""
        kind = self.random.choice(_EVENTS)
        value = self._told(kind)
        subject = f"registry.{value['partition']:02d}.{kind.split('.')[1]}"
        mutation = mutated_once(value, SCHEMAS["event-envelope"], self.random)
        if not _moves_the_chain(mutation):
            yield self._incoming(subject, mutation.raw)
        yield self._incoming(subject, encoded(value))

    def _told(self, kind: str) -> dict[str, Any]:
        ref = self.random.choice(self.refs)
        data = json.loads(encoded(_GOLDENS[kind]).replace(_GOLDENS[kind]["person_ref"].encode(), ref.encode()))
        self.position += 1
        partition = partition_of(f"worker-{ref}")
        previous, self.last[partition] = self.last.get(partition, 0), self.position
        event = event_id(10**6 + self.position)
        for standing in data["standings"]:
            standing["fact"] = event if standing["fact"] and data.get("particulars") else None
        return {
            "specversion": "1.0", "id": event, "source": "/hongling/registry", "type": kind,
            "subject": f"worker-{ref}", "time": "2026-02-01T08:00:00.000000Z", "effectiveon": "2026-02-01",
            "position": self.position, "partition": partition, "previous": previous, "correlationid": "m-1", "actor": "hr",
            "datacontenttype": "application/json", "data": data,
        }  # fmt: skip


def _moves_the_chain(mutation: Mutation) -> bool:
    """Whether it says of itself that it stands elsewhere in the log, which nobody can tell from one that does."""
    return mutation.path[:1] in (("position",), ("previous",))


_TYPES = {service: sorted(kind for kind, (_, takers) in FACT_TYPES.items() if service in takers) for service in SERVICES}
_SAMPLES = {kind: list(samples(kind, SCHEMAS[kind])) for kind in FACT_TYPES}
_GOLDENS = goldens()
_EVENTS = sorted(kind for kind, data in _GOLDENS.items() if kind.startswith("registry.") and "standings" in data)


# --- the services -----------------------------------------------------------------------------------------------------------


def fuzz_of(service: str, database: Database, seed: int) -> Fuzz:
    """A service on an empty database, with some people on file."""
    return {"registry": _registry, "allowance": _allowance, "talent": _talent}[service](database, Random(f"{service} {seed}"))


def _registry(database: Database, random: Random) -> Fuzz:
    bench = RegistryBench(database)
    bench.settle(*(bench.registers(n, id=f"reg-{n}", key=f"k-{n}", on="2020-06-01") for n in range(1, PEOPLE + 1)))
    refs = [str(receipt.person_ref) for receipt in bench.receipts]

    def unit(number: int) -> dict[str, Any]:
        return {"unit": f"good-{number}", "title": "示例支部", "division": "320102"}

    return Fuzz("registry", bench.log, bench.intake.handle, None, refs, ("unit-registered", unit), lambda: None, random, 0, {},
                answered=len(refs))  # fmt: skip


def _allowance(database: Database, random: Random) -> Fuzz:
    bench = PaymentBench(database)
    refs = [f"p{n:026d}" for n in range(1, PEOPLE + 1)]
    for number in range(1, PEOPLE + 1):
        bench.decide(number, 360_000)
    told = as_told([allowance.registered(n, ref=ref) for n, ref in enumerate(refs, start=1)])
    bench.hear(*told)

    def run(number: int) -> dict[str, Any]:
        return {"run": f"good-{number}", "division": "320102", "payer": "county", "year": 2021}

    def background() -> None:
        bench.recalculate()
        bench.finish()

    return Fuzz("allowance", bench.log, bench.intake.handle, bench.events_handler.handle, refs, ("payment-run-prepared", run),
                background, random, *_chain(told))  # fmt: skip


def _talent(database: Database, random: Random) -> Fuzz:
    bench = DevelopmentBench(database)
    refs = [f"p{n:026d}" for n in range(1, PEOPLE + 1)]
    told = as_told([replace(talent.registered(n), person_ref=ref) for n, ref in enumerate(refs, start=1)])
    bench.hear(*told)
    bench.take(bench.policy(), bench.publishes(talent.standard_text()))
    assert {view.name for view in bench.log.views} == {view.name for view in talent_views()}

    def staff(number: int) -> dict[str, Any]:
        return {"unit": f"good-{number}", "division": "320102", "staff": 10}

    handlers = bench.talent.handle_intake, bench.talent.handle_events
    return Fuzz("talent", bench.log, *handlers, refs, ("unit-staff-reported", staff), bench.talent.expire, random,
                *_chain(told), answered=2)  # fmt: skip


def _chain(told: Sequence[Any]) -> tuple[int, dict[int, int]]:
    """How far these events go: the last position, and that of each partition."""
    envelopes = [json.loads(item.raw) for item in told]
    return len(envelopes), {envelope["partition"]: envelope["position"] for envelope in envelopes}


@contextmanager
def as_runtime_role(database: Database) -> Iterator[None]:
    """The rights of a running service from now on, on PostgreSQL; on SQLite there are none to take."""
    if database.write.dialect.name != "postgresql":
        yield
        return
    role = f"runtime_{uuid4().hex[:12]}"
    with database.write.begin() as connection:
        connection.execute(text(f"CREATE ROLE {role}"))
        grant_runtime(connection, role)

    def assume(connection: Connection) -> None:
        connection.exec_driver_sql(f"SET LOCAL ROLE {role}")

    for engine in (database.write, database.read):
        event.listen(engine, "begin", assume)
    with database.read.connect() as connection:
        assert connection.execute(select(func.current_user())).scalar_one() == role
    yield
    for engine in (database.write, database.read):
        event.remove(engine, "begin", assume)
    with database.write.begin() as connection:
        connection.execute(text(f"DROP OWNED BY {role}"))
        connection.execute(text(f"DROP ROLE {role}"))
