"""One message never stops anybody else: whatever it raises, wherever, it is parked alone, and an outage parks nothing.

Each service is asked through its whole handler, with the real log on both databases.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from sqlalchemy import Connection, Table, text, update
from sqlalchemy.exc import OperationalError

from contracts.intake import fact_subject
from eventlog import schema
from eventlog.canonical import canonical
from eventlog.database import Database
from eventlog.desk import Item
from eventlog.log import BrokenLog, Log, Recorded
from services.registry.vault import person_key
from tests.allowance import example as allowance
from tests.allowance.bench import AllowanceBench
from tests.allowance.payment_bench import PaymentBench
from tests.support import RegistryBench, event_id, intake_bytes, rows_of, sealed
from tests.talent import example as talent
from tests.talent.developing import PROBLEM, TRAINED
from tests.talent.test_appraisal_handlers import AppraisalBench
from tests.talent.test_development_handlers import DevelopmentBench
from tests.talent.test_handlers import Bench
from tests.talent.test_staffing_handlers import Bench as StaffingBench
from tests.telling import as_told

Act = Callable[[Connection], object]


class Trap:
    """A read model that fails on the events of chosen messages, as a column that is too short would."""

    name = "trap"
    tables: Sequence[Table] = ()

    def __init__(self, log: Log) -> None:
        self.failing: dict[str, Act] = {}
        self.everything: Act | None = None
        with log.database.write.begin() as connection:
            connection.execute(text("CREATE TABLE IF NOT EXISTS trap (v VARCHAR(8), n BIGINT, CHECK (length(v) < 9))"))
        log.views = (*log.views, self)

    def apply(self, connection: Connection, events: Sequence[Recorded], tables: Mapping[str, Table]) -> None:
        for event in events:
            if self.everything is not None:
                self.everything(connection)
            cause = str(event.causation_id).rpartition("/")[2]
            if cause in self.failing and not event.type.startswith("operations."):
                self.failing[cause](connection)


@dataclass
class Office:
    """One service. messages: about three different streams, the second is to be poison. next: of the second's stream."""

    log: Log
    take: Callable[[Sequence[Item]], object]
    messages: list[Item]
    causes: list[str]
    next: Item
    decides: str
    trap: Trap
    retry: Callable[[str], object]

    def parked(self) -> list[tuple[str, str]]:
        rows = rows_of(self.log, schema.parked)
        order = {event_id: place for place, event_id in enumerate(e.event_id for e in rows_of(self.log, schema.event))}
        return [(row.code, row.blocks or "") for row in sorted(rows, key=lambda row: order[row.parked_id])]

    def settled(self) -> set[str]:
        """Causes of everything that was recorded, but for what was parked."""
        rows = rows_of(self.log, schema.event)
        return {str(r.causation_id).rpartition("/")[2] for r in rows if not r.type.startswith("operations.")}


def talent_intake(database: Database) -> Office:
    bench = DevelopmentBench(database)
    bench.take(bench.policy())
    raised = [
        bench.says("problem-raised", PROBLEM.model_copy(update={"problem": f"P-{n}"}), "2026-02-02", f"m-{n}", None)
        for n in (1, 2, 3)
    ]
    shown = {"problem": "P-2", "evidence": ["a" * 64], "says": "已补齐"}
    after = bench.says("problem-evidenced", shown, "2026-02-03", "m-4", None)
    decides = "services.talent.development_handlers.decide_matter"
    return Office(
        bench.log, lambda items: bench.take(*items), raised, ["m-1", "m-2", "m-3"], after, decides, Trap(bench.log),
        lambda parked: bench.operates("retry", parked, "act-9"),
    )  # fmt: skip


def talent_people(database: Database, bench_class: type[Bench] = DevelopmentBench) -> tuple[Bench, list[str]]:
    """Three people of whom the talent service has heard."""
    bench = bench_class(database)
    people = [f"p{n:026d}" for n in (1, 2, 3)]
    bench.hear(*as_told([replace(talent.registered(n), person_ref=ref) for n, ref in enumerate(people, start=1)]))
    return bench, people


def talent_candidates(database: Database) -> Office:
    bench, people = talent_people(database)
    nominated = [bench.nominates(ref, f"m-{n}") for n, ref in enumerate(people, start=1)]
    return Office(
        bench.log, lambda items: bench.take(*items), nominated, ["m-1", "m-2", "m-3"], bench.profiles(people[1], "m-4"),
        "services.talent.handlers.decide", Trap(bench.log), lambda parked: bench.operates("retry", parked, "act-9"),
    )  # fmt: skip


def talent_appraisals(database: Database) -> Office:
    bench, people = talent_people(database, AppraisalBench)
    assert isinstance(bench, AppraisalBench)
    points = [
        bench.says("points-recorded", f"m-{n}", "2026-01-05", ref, entry=f"e-{n}", points=2, reason="made up")
        for n, ref in ((1, people[0]), (2, people[1]), (3, people[2]), (4, people[1]))
    ]
    return Office(
        bench.log, lambda items: bench.take(*items), points[:3], ["m-1", "m-2", "m-3"], points[3],
        "services.talent.conduct.decide_conduct", Trap(bench.log), lambda parked: bench.operates("retry", parked, "act-9"),
    )  # fmt: skip


def talent_staffing(database: Database) -> Office:
    bench = StaffingBench(database)
    said = [bench.staff(100, f"m-{n}", unit=f"u-{n}") for n in (1, 2, 3)]
    return Office(
        bench.log, bench.talent.take, said, ["m-1", "m-2", "m-3"], bench.staff(110, "m-4", hour=9, unit="u-2"),
        "services.talent.staffing_handlers.decide_staffing", Trap(bench.log),
        lambda parked: bench.talent.take([retry_of(parked)]),
    )  # fmt: skip


def retry_of(parked: str) -> Item:
    data = {"parked": parked, "by": "operator-7", "reason": "mended"}
    raw = intake_bytes("parked-retry", data, id="act-9", source="operator")
    return Item(fact_subject("operator", "talent", "intake.parked-retry.v1"), raw, 999)


def talent_events(database: Database) -> Office:
    bench = DevelopmentBench(database)
    people = [f"p{n:026d}" for n in (1, 2, 3)]
    commands = [replace(talent.registered(n), person_ref=ref) for n, ref in enumerate(people, start=1)]
    commands.append(replace(talent.certified(4), person_ref=people[1]))
    items = as_told(commands)
    return Office(
        bench.log, lambda given: bench.hear(*given), items[:3], [event_id(n) for n in (1, 2, 3)], items[3],
        "services.talent.handlers.decide", Trap(bench.log), lambda parked: bench.operates("retry", parked, "act-9"),
    )  # fmt: skip


def allowance_events(database: Database) -> Office:
    bench = AllowanceBench(database)
    people = [f"p{n:026d}" for n in (1, 2, 3)]
    commands = [allowance.registered(n, ref=ref) for n, ref in enumerate(people, start=1)]
    items = as_told([*commands, allowance.engaged(4, ref=people[1])])
    return Office(
        bench.log, lambda given: bench.hear(*given), items[:3], [event_id(n) for n in (1, 2, 3)], items[3],
        "services.allowance.handlers.decide", Trap(bench.log), lambda parked: bench.operates("retry", parked, "act-9"),
    )  # fmt: skip


def allowance_payments(database: Database) -> Office:
    bench = PaymentBench(database)
    bench.decide(1, 10_000)
    prepared = [bench.prepares(run, id=f"m-{n}") for n, run in enumerate("abc", start=1)]
    return Office(
        bench.log, bench.intake.settle, prepared, ["m-1", "m-2", "m-3"], bench.cancels("b", id="m-4"),
        "services.allowance.runs.decide", Trap(bench.log), lambda parked: bench.operates("retry", parked, "act-9"),
    )  # fmt: skip


def registry_people(database: Database) -> tuple[RegistryBench, list[dict[str, str]]]:
    """A registry with three people, and how they are named."""
    bench = RegistryBench(database)
    bench.settle(*(bench.registers(n, id=f"reg-{n}", key=f"w-{n}") for n in (1, 2, 3)))
    return bench, [{"source_key": f"w-{n}"} for n in (1, 2, 3)]


def registry_facts(database: Database) -> Office:
    bench, people = registry_people(database)
    rated = [bench.rates(id=f"m-{n}", person=person) for n, person in enumerate(people, start=1)]
    return Office(
        bench.log, bench.intake.settle, rated, ["m-1", "m-2", "m-3"], bench.rates(2023, id="m-4", person=people[1]),
        "services.registry.handlers.decide", Trap(bench.log), lambda parked: bench.settle(bench.retries(parked, id="act-9")),
    )  # fmt: skip


OFFICES: dict[str, Callable[[Database], Office]] = {
    "talent-matters": talent_intake,
    "talent-candidates": talent_candidates,
    "talent-appraisals": talent_appraisals,
    "talent-staffing": talent_staffing,
    "talent-events": talent_events,
    "allowance-events": allowance_events,
    "allowance-payments": allowance_payments,
    "registry-facts": registry_facts,
}


@pytest.fixture(params=OFFICES)
def office(request: pytest.FixtureRequest, database: Database) -> Office:
    return OFFICES[request.param](database)


def raises(error: Exception) -> Act:
    def act(_connection: Connection) -> None:
        raise error

    return act


def inserts(**values: object) -> Act:
    return lambda connection: connection.execute(text("INSERT INTO trap (v, n) VALUES (:v, :n)"), {"v": "x", "n": 1} | values)


POISON: dict[str, Act] = {
    "a text that is too long": inserts(v="longer than eight"),
    "an integer out of range": inserts(n=10**30),
    "a lone surrogate": inserts(v="\ud800"),
    "what has no canonical form": lambda connection: canonical({"people": 10**30}),
    "a key that is missing": raises(KeyError(2)),
    "a damaged key": raises(InvalidTag()),
    "an index that is too large": raises(OverflowError()),
}


@pytest.mark.parametrize("act", POISON.values(), ids=POISON.keys())
def test_what_cannot_be_written_is_parked_alone(office: Office, act: Act) -> None:
    """The batch is cut until the message is alone; those before and after it are settled, and its stream stands still."""
    office.trap.failing[office.causes[1]] = act
    office.take(office.messages)
    [(code, blocks)] = office.parked()
    assert (code, bool(blocks)) == ("rule-failed", True)
    assert {office.causes[0], office.causes[2]} <= office.settled()
    assert office.causes[1] not in office.settled()
    office.take([office.next])
    assert office.parked() == [("rule-failed", blocks), ("behind-parked", blocks)]


def test_a_nul_that_only_one_database_refuses_stops_nobody(office: Office) -> None:
    """PostgreSQL takes no U+0000 in a text; SQLite does."""
    office.trap.failing[office.causes[1]] = inserts(v="a\0b")
    office.take(office.messages)
    refused = office.log.database.write.dialect.name == "postgresql"
    assert [code for code, _ in office.parked()] == ["rule-failed"] * refused
    assert {office.causes[0], office.causes[2]} <= office.settled()


def test_every_message_of_a_batch_may_be_poison(office: Office) -> None:
    """Each is parked by itself."""
    office.trap.failing.update((cause, raises(KeyError(1))) for cause in office.causes)
    office.take(office.messages)
    assert [code for code, _ in office.parked()] == ["rule-failed"] * 3


def test_what_is_parked_goes_on_after_a_retry(office: Office) -> None:
    """In its order; a retry that fails again leaves everything where it is."""
    office.trap.failing[office.causes[1]] = raises(KeyError(1))
    office.take([*office.messages, office.next])
    before = office.parked()
    assert [code for code, _ in before] == ["rule-failed", "behind-parked"]
    first = next(row for row in rows_of(office.log, schema.parked) if row.code == "rule-failed")
    office.retry(first.parked_id)
    assert office.parked() == before


def test_a_mended_message_is_settled_by_a_retry(office: Office) -> None:
    office.trap.failing[office.causes[1]] = raises(KeyError(1))
    office.take([*office.messages, office.next])
    office.trap.failing.clear()
    first = next(row for row in rows_of(office.log, schema.parked) if row.code == "rule-failed")
    office.retry(first.parked_id)
    assert office.parked() == []
    assert set(office.causes) <= office.settled()


@pytest.mark.parametrize("error", [OperationalError("SELECT", {}, Exception("away")), OSError("away")])
def test_an_outage_while_a_rule_decides_parks_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """The batch is handed over again, and then everything is settled in its order."""

    def failing(*_: Any, **__: Any) -> Any:
        raise error

    with monkeypatch.context() as away:
        away.setattr(office.decides, failing)
        with pytest.raises(type(error)):
            office.take(office.messages)
    assert office.parked() == []
    office.take(office.messages)
    assert set(office.causes) <= office.settled()
    assert office.parked() == []


def test_an_outage_while_it_is_written_parks_nothing(office: Office) -> None:
    office.trap.failing[office.causes[1]] = raises(OperationalError("INSERT", {}, Exception("away")))
    with pytest.raises(OperationalError):
        office.take(office.messages)
    assert office.parked() == []
    assert not set(office.causes[1:]) & office.settled()


def test_a_rule_that_fails_parks_its_message_and_no_other(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the decisions after it were built on is decided again without it."""

    def failing(*_: Any, **__: Any) -> Any:
        raise InvalidTag

    with monkeypatch.context() as broken:
        broken.setattr(office.decides, failing)
        office.take(office.messages[:1])
    office.take(office.messages[1:])
    assert [code for code, _ in office.parked()] == ["rule-failed"]
    assert {office.causes[1], office.causes[2]} <= office.settled()


def test_where_not_even_parking_is_possible_everything_stops(office: Office) -> None:
    """Then it is not the message; nothing is recorded, and the consumer says so."""
    office.trap.everything = raises(KeyError(1))
    with pytest.raises(BrokenLog, match="neither settled nor parked"):
        office.take(office.messages)
    assert office.parked() == []


# --- what follows from a message --------------------------------------------------------------------------------------------


def test_a_held_message_that_is_poison_does_not_hold_up_what_it_waited_for(database: Database) -> None:
    """The person is heard of; the message that waited for that is parked."""
    bench = DevelopmentBench(database)
    trap = Trap(bench.log)
    bench.take(bench.policy())
    held = bench.says("training-reported", TRAINED, "2026-01-20", "held-1")
    bench.take(held)
    assert bench.outcomes[-1][:2] == ("held-1", "waiting")
    trap.failing["held-1"] = raises(OverflowError())
    bench.hear(*as_told([talent.registered()]))
    assert [code for _, code in bench.parked()] == ["rule-failed"]
    assert bench.rows(schema.held) == []
    assert any(event.type == "talent.fact-heard.v1" for event in bench.events)
    assert bench.outcomes[-1][:2] == ("held-1", "parked")


# --- keys of people ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [{"wrapped": b"damaged" * 10}, {"key_version": 7}], ids=["damaged", "of another version"])
def test_a_key_that_cannot_be_opened_stops_one_person(database: Database, change: dict[str, Any]) -> None:
    """A damaged row, or one that was wrapped under a key which this process has not been given yet."""
    bench, _ = registry_people(database)
    refs = [receipt.person_ref for receipt in bench.receipts]
    with database.write.begin() as connection:
        connection.execute(update(person_key).where(person_key.c.person_ref == refs[1]).values(**change))
    fresh = RegistryBench(database, seed=5)
    registered = {"kind": "registration", "division": "320104"}
    fixes = [fresh.corrects(f"reg-{n}", registered, id=f"m-{n}", identity=sealed(n)) for n in (1, 2, 3)]
    fresh.settle(*fixes)
    assert sorted(fresh.outcomes[3:]) == [("m-1", "accepted"), ("m-2", "parked"), ("m-3", "accepted")]
    assert [row.blocks for row in fresh.rows(schema.parked)] == [f"worker-{refs[1]}"]
    fresh.settle(fresh.rates(id="m-4", person={"source_key": "w-2"}), fresh.rates(id="m-5", person={"source_key": "w-3"}))
    assert sorted(fresh.outcomes[6:]) == [("m-4", "parked"), ("m-5", "accepted")]
