"""A deployment's folder with real stores, filled by driving the services' own handlers: no broker, no clock, no processes.

``Office`` takes intake messages as the broker would deliver them, lets the registry settle them, carries its new events to
allowance and talent, and recalculates after a policy. ``ask`` runs the ``hongling`` command on it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import typer
from sqlalchemy import select
from typer.testing import CliRunner, Result

from console import conflicts, explain, finance, history, parked, policies, talent, trace, whatif
from console.demo_data import Labelled, made_up_resident_id
from console.deployment import Deployment
from console.policies import policy_message
from console.sealing import load_public_key, seal
from console.topology import SERVICES
from contracts.base import utc_text
from eventlog import schema
from eventlog.box import Box
from eventlog.database import Database
from eventlog.desk import Item
from eventlog.ids import FixedClock, SeededEntropy
from eventlog.log import Log
from eventlog.wire import event_message
from eventlog.workdays import WorkCalendar
from services.allowance import app as allowance_app
from services.allowance.handlers import AllowanceIntake, Recalculation, RegistryEvents, work_metadata
from services.allowance.policy import read_policy
from services.registry import app as registry_app
from services.registry.decider import Rules
from services.registry.handlers import RegistryIntake
from services.registry.vault import KeyRing, Vault, vault_metadata
from services.registry.views import registry_views
from services.talent import app as talent_app
from services.talent.handlers import Talent

__all__ = ["POLICIES", "Office", "ask", "ask_json", "command", "office"]

POLICIES = Path(__file__).parents[2] / "policies"
START = datetime(2021, 1, 4, 1, 0, tzinfo=UTC)
COUNTY = "211224"
PAGE = 500


def _command() -> typer.Typer:
    app = typer.Typer()
    for module in (explain, history, finance, policies, talent, parked, conflicts, trace, whatif):
        module.register(app)
    return app


command = _command()
"""The commands that are tested here, without the rest of ``hongling``."""


def ask(office: Office, *words: str, lang: str = "en") -> Result:
    """Run a command on the office's folder."""
    return CliRunner().invoke(command, [*words, "--data", str(office.folder), "--lang", lang])


def ask_json(office: Office, *words: str, lang: str = "en") -> Any:
    """Run a command that must succeed, and return its JSON."""
    result = ask(office, *words, "--json", lang=lang)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@dataclass(frozen=True, slots=True)
class Posted:
    """What a message came to. outcome: of its last receipt; event_id: of the event that it caused."""

    source: str
    id: str
    outcome: str
    event_id: str | None
    person_ref: str | None
    problems: tuple[str, ...]


class Office:
    """folder: of the deployment. clock: stands still until ``at`` or ``post`` moves it."""

    def __init__(self, folder: Path, *, seed: int = 1, rules: Rules | None = None) -> None:
        self.folder = folder
        self.deployment = Deployment(folder)
        self.deployment.create()
        self.clock = FixedClock(START)
        self._public_key = load_public_key(self.deployment.public_key)
        entropy = SeededEntropy(seed)
        self._databases = {
            name: Database(self.deployment.database_url(name), Box.read(self.deployment.principals.aside_key_file(name)))
            for name in SERVICES
        }
        self.registry = Log("registry", self._databases["registry"], registry_app.CODEC, self.clock, entropy, registry_views())
        self.allowance = Log(
            "allowance",
            self._databases["allowance"],
            allowance_app.CODEC,
            self.clock,
            entropy,
            allowance_app.views(),
        )
        self.talent = Log("talent", self._databases["talent"], talent_app.CODEC, self.clock, entropy, talent_app.talent_views())
        self.talent.create()
        # Not Deployment.create_stores: its logs begin with the real time, which recorded times never go behind.
        for log, side_tables in ((self.registry, vault_metadata), (self.allowance, work_metadata)):
            log.create()
            with log.database.write.begin() as connection:
                side_tables.create_all(connection)
        self._intake = RegistryIntake(
            self.registry,
            Vault(KeyRing.read(self.deployment.keys), entropy),
            rules or Rules(),
            hold_seconds=3600,
            correctors=frozenset({"operator"}),
            erase=_erase,
            wake=_nothing,
        )
        self._events = RegistryEvents(self.allowance, wake=_nothing)
        self._recalculation = Recalculation(self.allowance, wake=_nothing)
        self._policies = AllowanceIntake(self.allowance, wake=_nothing, recalculate=_nothing, erase=_erase)
        self._talent = Talent(self.talent, hold_seconds=3600, wake=_nothing, erase=_erase, calendar=WorkCalendar())
        self._sequence = 0
        self._carried = 0

    def close(self) -> None:
        for database in self._databases.values():
            database.close()

    # --- time ---------------------------------------------------------------------------------------------------------

    def at(self, day: str) -> Office:
        """Move the clock on to noon (Asia/Shanghai) of a day."""
        self.clock.at = max(self.clock.at, datetime.fromisoformat(f"{day}T04:00:00+00:00"))
        return self

    # --- what comes in ------------------------------------------------------------------------------------------------

    def post(
        self, fact: str, data: dict[str, Any], *, effective: str, id: str, source: str = "hr", carry: bool = True
    ) -> Posted:
        """Deliver one intake message for the registry, recorded by its source just now."""
        self.clock.advance(timedelta(seconds=1))
        envelope = {
            "specversion": "1.0",
            "id": id,
            "source": source,
            "type": f"intake.{fact}.v1",
            "time": utc_text(self.clock.now()),
            "effectiveon": effective,
            "data": data,
        }
        self.deliver(f"intake.{source}.registry.{fact}", orjson.dumps(envelope), carry=carry)
        return self.posted("registry", source, id)

    def deliver(self, subject: str, raw: bytes, *, carry: bool = True) -> None:
        """Deliver bytes as they are, to the service that the subject names."""
        self._sequence += 1
        item = Item(subject, raw, self._sequence)
        if subject.split(".")[2] == "registry":
            self._intake.settle([item])
        elif subject.split(".")[2] == "talent":
            self._talent.take([item])
        else:
            self._policies.settle([item])
        if carry:
            self.carry()

    def deliver_all(self, messages: Iterable[Labelled]) -> None:
        """Deliver generated facts in batches, then carry what the registry recorded."""
        batch: list[Item] = []
        for message in messages:
            self._sequence += 1
            batch.append(Item(message.subject, message.raw, self._sequence))
        for start in range(0, len(batch), PAGE):
            self._intake.settle(batch[start : start + PAGE])
        self.carry()

    def publish(self, policy: str) -> Posted:
        """Publish a document: a name in ``policies/``, or its text."""
        text = (POLICIES / f"{policy}.yaml").read_text(encoding="utf-8") if "\n" not in policy else policy
        self.clock.advance(timedelta(seconds=1))
        message = policy_message(text, read_policy(text), self.clock.now())
        self.deliver(message.subject, message.message)
        return self.posted("allowance", "policy", message.message_id)

    def carry(self) -> None:
        """Let the others hear what the registry recorded, and recalculate what there is to."""
        while True:
            with self.registry.database.read.connect() as connection:
                rows = self.registry.rows(connection, self._carried, PAGE)
            if not rows:
                break
            messages = [(event_message("registry", row), row.position) for row in rows]
            items = [Item(message.subject, message.payload, position) for message, position in messages]
            self._events.settle(items)
            self._talent.hear(items)
            self._carried = rows[-1].position
        while self._recalculation.step():
            pass

    def posted(self, service: str, source: str, id: str) -> Posted:
        """What the last receipt for a message says."""
        log = {"registry": self.registry, "allowance": self.allowance, "talent": self.talent}[service]
        table = schema.receipt
        with log.database.read.connect() as connection:
            query = select(table.c.data).where(table.c.source == source).order_by(table.c.position.desc())
            for text in connection.scalars(query):
                found = json.loads(text)
                if found["id"] == id:
                    events = found["events"]
                    problems = tuple(problem["code"] for problem in found["problems"])
                    first = events[0] if events else None
                    return Posted(source, id, found["outcome"], first, found["person_ref"], problems)
        raise AssertionError(f"{source}/{id} has no receipt")

    # --- a worker -----------------------------------------------------------------------------------------------------

    def sealed(self, number: int) -> str:
        """The sealed identity of worker ``K<number>``."""
        return seal({"name": "张三", "resident_id": made_up_resident_id("211299", number)}, self._public_key)

    def register(self, number: int, *, division: str = COUNTY, effective: str = "2021-01-01") -> str:
        """Register worker ``K<number>`` of hr; return the person_ref."""
        key = f"K{number:03}"
        data = {"division": division, "person": {"identity": self.sealed(number), "source_key": key}}
        found = self.post("worker-registered", data, effective=effective, id=f"{key}-registered")
        assert found.person_ref is not None, found
        return found.person_ref

    def engage(self, number: int, *, effective: str = "2021-01-01", category: str = "secretary", **more: Any) -> Posted:
        key = f"K{number:03}"
        data = {"person": {"source_key": key}, "engagement": f"{key}-e1", "category": category, "unit": "一村", "post": "书记"}
        return self.post("engagement-started", {**data, **more}, effective=effective, id=f"{key}-engaged")

    def rate(
        self,
        number: int,
        rating: str,
        *,
        year: int = 2021,
        effective: str = "2021-12-20",
        id: str = "",
        source: str = "appraisal",
    ) -> Posted:
        key = f"K{number:03}"
        person = {"source_key": key, "key_source": "hr"}
        data = {"person": person, "year": year, "rating": rating}
        return self.post("annual-rating-recorded", data, effective=effective, id=id or f"{key}-rated-{year}", source=source)

    def correct_rating(self, posted: Posted, rating: str, *, year: int = 2021, effective: str = "2021-12-20") -> Posted:
        replacement = {"kind": "rating", "year": year, "rating": rating}
        data = {"corrects": {"id": posted.id}, "replacement": replacement, "reason": "申诉后更正"}
        return self.post("fact-corrected", data, effective=effective, id=f"{posted.id}-c", source=posted.source)

    def withdraw(self, posted: Posted, *, effective: str = "2021-12-20") -> Posted:
        data = {"withdraws": {"id": posted.id}, "reason": "误报"}
        return self.post("fact-withdrawn", data, effective=effective, id=f"{posted.id}-w", source=posted.source)


async def _erase(_: int) -> None:
    """There is no stream to erase from."""


def _nothing() -> None:
    """There is nobody to wake."""


@contextmanager
def office(folder: Path, *, seed: int = 1) -> Iterator[Office]:
    """An office on a folder, closed afterwards."""
    made = Office(folder, seed=seed)
    try:
        yield made
    finally:
        made.close()
