"""What passes by itself: notices that end, inspections that are closed; twice, late, and on two instances at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from contracts.registry import CertificateIssued, CertificationConcluded, InspectionConcluded
from eventlog import schema
from eventlog.database import Database
from eventlog.desk import Item
from services.registry import keeping as module
from services.registry.decider import decide as real_decide
from services.registry.numbers import certificate_number
from services.registry.views import certificate_holder, conflicts, due, inspection_result
from tests.registry.test_handlers_certification import TEXT
from tests.support import RegistryBench


@pytest.fixture
def bench(sqlite_url: str, open_database: Callable[[str], Database]) -> RegistryBench:
    return RegistryBench(open_database(sqlite_url))


@pytest.fixture
def instances(database_url: str, open_database: Callable[[str], Database]) -> Sequence[RegistryBench]:
    """Two of them on one database, with one stream in front of them."""
    first, second = (RegistryBench(open_database(database_url), seed=seed) for seed in (1, 50))
    second.sequence = first.sequence
    return first, second


def meanwhile(bench: RegistryBench, monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Let something happen between this instance's reading and its append, once."""
    real = bench.log.append
    left = [act]

    def append(*args: Any, **more: Any) -> Any:
        if left:
            left.pop()()
        return real(*args, **more)

    monkeypatch.setattr(bench.log, "append", append)


def at(bench: RegistryBench, day: str) -> None:
    """Noon of a day in Shanghai."""
    bench.clock.advance(datetime.fromisoformat(f"{day}T04:00:00").replace(tzinfo=UTC) - bench.clock.now())


# --- notices --------------------------------------------------------------------------------------------------------------


def in_notice(bench: RegistryBench, *people: int, on: str = "2026-02-27") -> None:
    """A published standard, and people of Xuanwu in their notice: three working days after Friday 27 February 2026, of which
    the first is a Saturday that is worked, until 3 March."""
    text = {"text": TEXT}
    bench.settle(bench.message("certification-standard-published", text, id="std-1", source="policy", on="2025-01-01"))
    for number in people:
        bench.settle(*application_of(bench, number, on))


def application_of(bench: RegistryBench, number: int, on: str) -> list[Item]:
    person = {"source_key": f"w-{number}"}
    named = {"person": person, "application": "a1"}
    findings = [{"criterion": "trained", "hours": 30}, {"criterion": "recommended", "confirmed": True}]
    engaged = {"person": person, "engagement": "e1", "category": "secretary", "unit": "u", "post": "p"}
    more: list[tuple[str, Any, str]] = [
        ("engagement-started", engaged, "2020-02-01"),
        ("certification-applied", named | {"grade": "junior", "issuer": "320102"}, "2026-02-02"),
        ("eligibility-reviewed", named | {"findings": findings}, "2026-02-03"),
        ("training-tested", named | {"hours": 24, "score": 60}, "2026-02-04"),
        ("panel-reviewed", named | {"scores": [60, 70, 80]}, "2026-02-05"),
        ("notice-opened", named, on),
    ]
    registered = bench.registers(number, id=f"reg-{number}", key=f"w-{number}", on="2020-01-06")
    return [registered, *(bench.message(fact, data, id=f"{fact}-{number}", on=day) for fact, data, day in more)]


def issued(bench: RegistryBench) -> list[tuple[str, str]]:
    """(number, day of issue) of every certificate, in the order of the log."""
    return [(e.event.particulars.number, e.effective_on) for e in bench.events if isinstance(e.event, CertificateIssued)]


def numbered(serial: int, year: int = 2026) -> str:
    return certificate_number("320102", year, serial)


def test_a_notice_passes_on_the_day_after_its_last_one_by_itself_and_once(database: Database) -> None:
    """In Shanghai: it is that day already when it is still the day before in Greenwich."""
    bench = RegistryBench(database)
    in_notice(bench, 1)
    at(bench, "2026-03-03")
    assert bench.keeper.run() == 0
    bench.clock.advance(timedelta(hours=12))
    assert bench.clock.now().isoformat() == "2026-03-03T16:00:00+00:00"
    assert [bench.keeper.run(), bench.keeper.run()] == [1, 0]
    assert issued(bench) == [(numbered(1), "2026-03-04")]


def test_the_day_of_issue_does_not_depend_on_when_the_check_runs(bench: RegistryBench) -> None:
    """Nobody has looked for a year: the number is of the year of issue."""
    in_notice(bench, 1)
    at(bench, "2027-03-01")
    assert bench.keeper.run() == 1
    assert issued(bench) == [(numbered(1), "2026-03-04")]


def test_each_certificate_has_a_number_of_its_own(database: Database) -> None:
    """In one run and in several; a number that another system has used before is not given again."""
    bench = RegistryBench(database)
    in_notice(bench, 1, 2)
    at(bench, "2026-03-04")
    assert bench.keeper.run() == 2
    taken = {"person": {"source_key": "w-1"}, "number": numbered(7), "grade": "junior", "issuer": "320102"}
    bench.settle(bench.message("certificate-issued", taken, id="cert-1", on="2026-03-10"))
    bench.settle(*application_of(bench, 3, "2026-03-05"))
    at(bench, "2026-04-01")
    assert bench.keeper.run() == 1
    assert [number for number, _ in issued(bench)] == [numbered(1), numbered(2), numbered(7), numbered(8)]


def test_a_rejection_uses_no_number(bench: RegistryBench) -> None:
    """The registration was closed meanwhile: the next one has the number."""
    in_notice(bench, 1, 2)
    left = {"person": {"source_key": "w-1"}, "key": "s1", "reason": "left"}
    bench.settle(bench.message("registration-closed", left, id="left-1", on="2026-03-02"))
    at(bench, "2026-03-04")
    assert bench.keeper.run() == 2
    ends = {e.stream: e.event for e in bench.events if isinstance(e.event, CertificationConcluded)}
    assert sorted((end.outcome, end.reason) for end in ends.values()) == [
        ("granted", "no objection is open"),
        ("rejected", "the registration was closed"),
    ]
    assert issued(bench) == [(numbered(1), "2026-03-04")]


def test_many_notices_pass_in_one_run(bench: RegistryBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page after another."""
    monkeypatch.setattr(module, "PAGE_MAX", 2)
    in_notice(bench, 1, 2, 3, 4, 5)
    at(bench, "2026-03-04")
    assert bench.keeper.run() == 5
    assert [number for number, _ in issued(bench)] == [numbered(serial) for serial in range(1, 6)]


def test_two_instances_that_look_at_once_grant_one_certificate(
    instances: Sequence[RegistryBench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second finds the stream moved on, and nothing to do."""
    first, second = instances
    in_notice(first, 1)
    for each in instances:
        at(each, "2026-03-04")
    meanwhile(first, monkeypatch, second.keeper.run)
    assert (first.keeper.run(), first.keeper.run()) == (0, 0)
    assert issued(first) == [(numbered(1), "2026-03-04")]


def test_two_instances_that_look_at_once_give_no_number_twice(
    instances: Sequence[RegistryBench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They see different people as due: the second one takes the next number."""
    first, second = instances
    in_notice(first, 1, 2)
    for each in instances:
        at(each, "2026-03-04")
    refs = [receipt.person_ref for receipt in first.receipts if receipt.id.startswith("reg-")]
    seen = [refs[0]]
    monkeypatch.setattr(module, "due", lambda *given: [row for row in due(*given) if row.person_ref == seen[0]])

    def other_one() -> None:
        seen[0] = refs[1]
        assert second.keeper.run() == 1
        seen[0] = refs[0]

    meanwhile(first, monkeypatch, other_one)
    assert (first.keeper.run(), first.keeper.run()) == (0, 1)
    assert sorted(number for number, _ in issued(first)) == [numbered(1), numbered(2)]
    assert len({row.person_ref for row in first.rows(certificate_holder)}) == 2


def test_a_rule_that_fails_on_one_person_is_told_and_stops_nobody_else(
    bench: RegistryBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried again at the next run, and raised again until it is mended."""
    in_notice(bench, 1, 2, 3)
    at(bench, "2026-03-04")
    poisoned = [str(receipt.person_ref) for receipt in bench.receipts if receipt.id == "reg-2"]

    def failing(command: Any, state: Any, rules: Any) -> Any:
        if command.stamp.person_ref in poisoned:
            raise ZeroDivisionError("a rule failed")
        return real_decide(command, state, rules)

    monkeypatch.setattr(module, "decide", failing)
    for _ in range(2):
        with pytest.raises(RuntimeError, match=f"on 1 people, {poisoned[0]} first"):
            bench.keeper.run()
        assert len(issued(bench)) == 2
    poisoned.clear()
    assert bench.keeper.run() == 1
    assert len(issued(bench)) == 3


def test_what_was_granted_can_be_withdrawn_by_an_operator(bench: RegistryBench) -> None:
    """By the name under which the registry recorded it, as in the event's cause."""
    in_notice(bench, 1)
    at(bench, "2026-03-04")
    bench.keeper.run()
    cause = next(e.causation_id for e in bench.events if isinstance(e.event, CertificateIssued))
    source, _, name = str(cause).partition("/")
    bench.settle(bench.withdraws(name, id="gone-1", source="operator", owner=source))
    assert bench.outcomes[-1] == ("gone-1", "accepted")
    assert not any(slot.startswith("certificate/") for slot, *_ in bench.standings())
    assert bench.keeper.run() == 0


def test_the_longest_names_there_are_fit_the_log(database: Database) -> None:
    """An application key of 64 characters from a source of 32: what is recorded by itself names it."""
    bench = RegistryBench(database)
    source, key = "s" * 32, "k" * 64
    text = {"text": TEXT}
    bench.settle(bench.message("certification-standard-published", text, id="std-1", source="policy", on="2025-01-01"))
    for item in application_of(bench, 1, "2026-02-27"):
        raw = item.raw.replace(b'"application": "a1"', f'"application": "{key}"'.encode()).replace(
            b'"source": "hr"', f'"source": "{source}"'.encode()
        )
        subject = item.subject.replace("intake.hr.", f"intake.{source}.")
        bench.settle(Item(subject, raw, item.sequence))
    at(bench, "2026-03-04")
    assert bench.keeper.run() == 1
    assert issued(bench) == [(numbered(1), "2026-03-04")]


# --- inspections ------------------------------------------------------------------------------------------------------------


def opens(bench: RegistryBench, division: str = "320102", id: str = "open-1") -> Item:
    data = {"division": division, "year": 2025, "closes_on": "2026-01-31"}
    return bench.message("inspection-opened", data, id=id, on="2025-12-01", time="2025-12-01T00:00:00Z")


def closes(bench: RegistryBench, on: str = "2026-02-02", rest: str = "missed", division: str = "320102") -> Item:
    data = {"division": division, "year": 2025, "rest": rest}
    return bench.message("inspection-closed", data, id=f"close-{division}", on=on)


def inspected(bench: RegistryBench, number: int, outcome: str = "passed", **more: Any) -> Item:
    data = {"person": {"source_key": f"w-{number}"}, "year": 2025, "outcome": outcome}
    envelope = {"on": "2025-12-20", "time": "2025-12-20T00:00:00Z"} | more
    return bench.message("inspection-concluded", data, id=f"inspected-{number}", **envelope)


def people(bench: RegistryBench, *numbers: int, on: str = "2020-01-06", division: str = "320102") -> None:
    bench.settle(*(bench.registers(n, id=f"reg-{n}", key=f"w-{n}", on=on, division=division) for n in numbers))


def results(bench: RegistryBench) -> dict[str, str]:
    """Number of the registration → outcome for 2025 that stands."""
    names = {str(r.person_ref): r.id.removeprefix("reg-") for r in bench.receipts if r.id.startswith("reg-") and r.person_ref}
    return {names[row.person_ref]: row.outcome for row in bench.rows(inspection_result) if row.year == 2025}


@pytest.mark.parametrize("rest", ["missed", "passed"])
def test_the_closing_of_an_inspection_gives_the_rest_their_result(database: Database, rest: str) -> None:
    """Dated as the closing; who has a result keeps it; nothing while it is open; once."""
    bench = RegistryBench(database)
    people(bench, 1, 2, 3)
    bench.settle(opens(bench), inspected(bench, 2, "failed"))
    assert bench.keeper.run() == 0
    bench.settle(closes(bench, rest=rest))
    assert [bench.keeper.run(), bench.keeper.run()] == [2, 0]
    assert results(bench) == {"1": rest, "2": "failed", "3": rest}
    filled = [e for e in bench.events if isinstance(e.event, InspectionConcluded) and e.actor == "registry"]
    assert {e.effective_on for e in filled} == {"2026-02-02"}


def test_only_who_was_registered_there_on_the_day_of_the_closing_is_concerned(bench: RegistryBench) -> None:
    """Not who came later, had left by then, or was registered elsewhere; also who was transferred there."""
    people(bench, 1)
    people(bench, 2, on="2026-02-03")
    people(bench, 3, 4, 5)
    people(bench, 6, division="320106")
    left = {"person": {"source_key": "w-3"}, "key": "s1", "reason": "left"}
    bench.settle(bench.message("registration-closed", left, id="left-3", on="2026-02-01"))
    for number, division in ((4, "320106"), (6, "320102")):
        moved = {"person": {"source_key": f"w-{number}"}, "key": "t1", "division": division}
        bench.settle(bench.message("registration-transferred", moved, id=f"move-{number}", on="2026-02-02"))
    left = {"person": {"source_key": "w-5"}, "key": "s1", "reason": "left"}
    bench.settle(bench.message("registration-closed", left, id="left-5", on="2026-02-02"))
    bench.settle(opens(bench), closes(bench))
    bench.keeper.run()
    assert results(bench) == {"1": "missed", "5": "missed", "6": "missed"}


def test_an_inspection_of_a_city_is_of_all_its_counties(bench: RegistryBench) -> None:
    people(bench, 1)
    people(bench, 2, division="320106")
    people(bench, 3, division="320205")
    bench.settle(opens(bench, "320100"), closes(bench, division="320100"))
    bench.keeper.run()
    assert results(bench) == {"1": "missed", "2": "missed"}


def test_a_closing_of_a_day_to_come_waits_for_that_day(bench: RegistryBench) -> None:
    """Results may still come until then."""
    people(bench, 1)
    bench.settle(opens(bench), closes(bench, "2026-03-20"))
    assert bench.keeper.run() == 0
    at(bench, "2026-03-20")
    assert bench.keeper.run() == 1


def test_a_real_result_that_comes_late_counts(bench: RegistryBench) -> None:
    """Whenever it was recorded, even before the inspection was opened; the other one is shown beside it."""
    people(bench, 1, 2)
    bench.settle(opens(bench), closes(bench))
    assert bench.keeper.run() == 2
    bench.settle(inspected(bench, 1), inspected(bench, 2, "failed", time="2025-01-02T00:00:00Z", on="2025-01-02"))
    assert results(bench) == {"1": "passed", "2": "failed"}
    with bench.database.read.connect() as connection:
        assert {row["slot"] for row in conflicts(connection)} == {"inspection/2025"}
    at(bench, "2026-03-20")
    assert bench.keeper.run() == 0


def test_who_is_reported_late_or_loses_a_result_is_found_when_it_is_looked_again(bench: RegistryBench) -> None:
    """Registered since, but from before the closing; a result withdrawn since. Not at every run: there may be thousands."""
    people(bench, 1)
    bench.settle(opens(bench), inspected(bench, 1), closes(bench))
    assert bench.keeper.run() == 0
    people(bench, 2)
    bench.settle(bench.withdraws("inspected-1"))
    assert bench.keeper.run() == 0
    bench.clock.advance(timedelta(seconds=module.LOOK_AGAIN_SECONDS))
    assert bench.keeper.run() == 2
    assert results(bench) == {"1": "missed", "2": "missed"}


def test_what_was_given_by_mistake_and_withdrawn_is_not_given_again(bench: RegistryBench) -> None:
    """An operator withdraws it by the name under which the registry recorded it."""
    people(bench, 1)
    bench.settle(opens(bench), closes(bench))
    bench.keeper.run()
    [filled] = [e for e in bench.events if isinstance(e.event, InspectionConcluded)]
    source, _, name = str(filled.causation_id).partition("/")
    bench.settle(bench.withdraws(name, id="gone-1", source="operator", owner=source))
    bench.clock.advance(timedelta(seconds=module.LOOK_AGAIN_SECONDS))
    assert bench.keeper.run() == 0
    assert results(bench) == {}


def test_many_are_filled_in_one_run(bench: RegistryBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page after another."""
    monkeypatch.setattr(module, "PAGE_MAX", 2)
    people(bench, 1, 2, 3, 4, 5)
    bench.settle(opens(bench), closes(bench))
    assert bench.keeper.run() == 5


def test_two_instances_that_fill_at_once_give_one_result(
    instances: Sequence[RegistryBench], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = instances
    people(first, 1, 2)
    first.settle(opens(first), closes(first))
    meanwhile(first, monkeypatch, second.keeper.run)
    assert (first.keeper.run(), first.keeper.run(), second.keeper.run()) == (0, 0, 0)
    assert len([e for e in first.events if isinstance(e.event, InspectionConcluded)]) == 2


def test_somebody_whose_stream_stands_still_is_filled_as_soon_as_it_goes_on(
    bench: RegistryBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The inspection is looked at in every run until nobody is left."""
    from services.registry import handlers

    people(bench, 1, 2)
    with monkeypatch.context() as broken:
        broken.setattr(handlers, "decide", lambda *_: 1 / 0)
        bench.settle(bench.rates())
    bench.settle(opens(bench), closes(bench))
    assert (bench.keeper.run(), bench.keeper.run()) == (1, 0)
    bench.settle(bench.retries(bench.rows(schema.parked)[0].parked_id))
    assert bench.keeper.run() == 1


def test_nothing_is_given_to_who_was_merged_or_erased(bench: RegistryBench) -> None:
    people(bench, 1, 2, 3)
    first, second, third = (str(receipt.person_ref) for receipt in bench.receipts)
    why = {"by": "Zhang", "reason": "made up"}
    merge = {"person": {"person_ref": first}, "survivor": {"person_ref": second}} | why
    bench.settle(
        bench.message("duplicate-confirmed", merge, id="merge-1", source="operator"),
        bench.message("person-erased", {"person": {"person_ref": third}} | why, id="erase-1", source="operator"),
        opens(bench), closes(bench),
    )  # fmt: skip
    assert bench.keeper.run() == 1
    assert results(bench) == {"2": "missed"}


def test_what_the_registry_records_by_itself_is_in_its_inbox_like_a_message(bench: RegistryBench) -> None:
    """So that it is told apart, and recorded once, by the same table."""
    people(bench, 1)
    bench.settle(opens(bench), closes(bench))
    bench.keeper.run()
    with bench.database.read.connect() as connection:
        rows = connection.execute(select(schema.inbox).where(schema.inbox.c.origin == "registry")).all()
    assert [(row.event_id, row.outcome) for row in rows] == [(bench.events[-1].event_id, "accepted")]
