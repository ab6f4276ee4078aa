"""What becomes of messages about units and vacancies, and what the read models answer: on both databases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import count
from typing import Any

import pytest

from console.replay import rebuild_and_compare
from contracts.hearing import Hear
from contracts.intake import fact_subject
from contracts.particulars import EngagementEnd, EngagementStart, Registration, RegistrationStatus, Transfer
from contracts.staffing import UnitStaffReported, VacancyClosed
from eventlog.database import Database
from eventlog.desk import Item
from eventlog.holding import Holding
from eventlog.ids import FixedClock
from services.registry.views import known_at
from services.talent import app, staffing_handlers
from services.talent.figures import figures_of
from services.talent.handlers import Talent
from services.talent.staffing import decide_staffing
from services.talent.staffing_views import (
    leadership_sets,
    ready_by_division,
    staff_reports,
    vacancies,
    vacancy_row,
    workers_on,
)
from tests.support import NOW, events_of, intake_bytes, new_log, receipts_of
from tests.talent.example import hear
from tests.telling import as_told

UNIT = {"unit": "第七党支部", "division": "320102"}
DEGREE = {"rule": "degree", "at_least": "bachelor", "clause": "1"}
VACANCY = {**UNIT, "vacancy": "V-1", "post": "书记", "category": "secretary", "hard": [DEGREE]}
REFS = [f"p{'0' * 24}{letters}" for letters in ("aa", "bb", "cc")]


async def _erase(_sequence: int) -> None:
    """Nothing here is erased."""


class Bench:
    """The talent service without a broker."""

    def __init__(self, database: Database) -> None:
        self.clock = FixedClock(NOW)
        self.log = new_log(database, "talent", app.CODEC, app.talent_views(), clock=self.clock)
        self.talent = Talent(self.log, hold_seconds=3600, wake=lambda: None, erase=_erase)
        self.sequence = count(1)

    def message(self, fact: str, data: dict[str, Any], id: str, on: str = "2026-02-01", hour: int = 8) -> Item:
        raw = intake_bytes(fact, data, id=id, on=on, time=f"2026-02-01T{hour:02}:00:00Z")
        return Item(fact_subject("hr", "talent", f"intake.{fact}.v1"), raw, next(self.sequence))

    def staff(self, number: int, id: str, on: str = "2026-02-01", hour: int = 8, **unit: Any) -> Item:
        return self.message("unit-staff-reported", {**UNIT, **unit, "staff": number}, id, on, hour)

    def hear(self, *commands: Hear) -> None:
        self.talent.hear(as_told(commands))

    @property
    def outcomes(self) -> list[tuple[str, str, list[str]]]:
        return [(r.id, r.outcome, [p.code for p in r.problems]) for r in receipts_of(self.log)]

    def ask(self, query: Any, *words: Any, **more: Any) -> Any:
        with self.log.database.read.connect() as connection:
            return query(connection, *words, **more)


@pytest.fixture
def bench(database: Database) -> Bench:
    return Bench(database)


def facts_of(ref: str, *said: tuple[Any, str], start: int) -> list[Hear]:
    return [replace(hear(start + n, says, on), person_ref=ref) for n, (says, on) in enumerate(said)]


def engaged(key: str, *, unit: str = "第七党支部", full_time: bool = True, category: Any = "secretary") -> EngagementStart:
    return EngagementStart(engagement=key, category=category, unit=unit, post="书记", full_time=full_time)


def county(*more: tuple[Any, str]) -> Sequence[tuple[Any, str]]:
    return ((Registration(division="320102"), "2020-01-01"), (engaged("e-1"), "2020-01-01"), *more)


# --- units --------------------------------------------------------------------------------------------------------------


def test_the_staff_of_a_unit_is_accepted_and_read_for_any_day(bench: Bench) -> None:
    """The later recording for a day replaces the earlier one, also when it comes first; the same again adds nothing."""
    bench.talent.take([bench.staff(120, "m-2", hour=9), bench.staff(100, "m-1", hour=8), bench.staff(150, "m-3", "2026-03-01")])
    bench.talent.take([bench.staff(120, "m-2", hour=9)])
    assert {outcome for _, outcome, _ in bench.outcomes} == {"accepted"}
    assert [e.event.staff for e in events_of(bench.log) if isinstance(e.event, UnitStaffReported)] == [120, 150]
    found = bench.ask(staff_reports, "320100", date(2026, 12, 31))
    assert [(r.on, r.staff) for r in found] == [(date(2026, 2, 1), 120), (date(2026, 3, 1), 150)]
    assert bench.ask(staff_reports, "320100", date(2026, 1, 31)) == []
    assert bench.ask(staff_reports, "330000", date(2026, 12, 31)) == []


def test_a_leadership_model_is_read_as_it_was_set(bench: Bench) -> None:
    posts = [{"post": "书记", "side": "party"}, {"post": "主任", "side": "management"}]
    bench.talent.take([bench.message("leadership-model-set", {**UNIT, "model": "one_person", "posts": posts}, "m-1")])
    (found,) = bench.ask(leadership_sets, "320102", date(2026, 2, 1))
    assert (found.unit, found.model, [p.post for p in found.posts]) == ("第七党支部", "one_person", ["书记", "主任"])
    assert bench.ask(leadership_sets, "320102", date(2026, 2, 1), "第八党支部") == []


def test_what_is_wrong_is_refused_at_its_field(bench: Bench) -> None:
    bench.talent.take([bench.staff(-1, "m-1"), bench.staff(1, "m-2", on="1900-01-01")])
    assert [(id, outcome) for id, outcome, _ in bench.outcomes] == [("m-1", "refused"), ("m-2", "refused")]
    assert [r.problems[0].field for r in receipts_of(bench.log)] == ["data.staff", "effectiveon"]


# --- vacancies ----------------------------------------------------------------------------------------------------------


def test_a_closing_that_comes_first_waits_for_the_description(bench: Bench) -> None:
    """Held with a receipt, then applied in the batch that brings it; in one batch, too."""
    close = bench.message("vacancy-closed", {"vacancy": "V-1", "outcome": "withdrawn"}, "m-2", "2026-03-01")
    bench.talent.take([close])
    assert bench.outcomes == [("m-2", "waiting", [])]
    bench.talent.take([bench.message("vacancy-described", VACANCY, "m-1")])
    assert bench.outcomes[1:] == [("m-1", "accepted", []), ("m-2", "accepted", [])]
    row = bench.ask(vacancy_row, "hr/V-1")
    assert (row.status, row.closed_on, row.from_on, row.hard[0].rule) == ("withdrawn", "2026-03-01", "2026-02-01", "degree")
    second = {**VACANCY, "vacancy": "V-2"}
    filled = {"vacancy": "V-2", "outcome": "filled", "person": {"person_ref": REFS[0]}}
    bench.talent.take([bench.message("vacancy-closed", filled, "m-4"), bench.message("vacancy-described", second, "m-3")])
    assert bench.outcomes[3:] == [("m-3", "accepted", []), ("m-4", "accepted", [])]
    assert [(r.vacancy, r.status, r.person_ref) for r in bench.ask(vacancies, "320100")] == [
        ("hr/V-1", "withdrawn", None), ("hr/V-2", "filled", REFS[0]),
    ]  # fmt: skip
    assert bench.ask(vacancies, "320100", status="open") == []
    assert [r.vacancy for r in bench.ask(vacancies, "320100", after="hr/V-1")] == ["hr/V-2"]


def test_a_description_that_comes_in_between_is_not_missed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another instance records it after the closing was found to lack it, before that is written: nothing waits for ever."""
    other = Talent(bench.log, hold_seconds=3600, wake=lambda: None, erase=_erase)
    described = [bench.message("vacancy-described", VACANCY, "m-1")]
    real = Holding.hold

    def hold(self: Holding, *given: Any) -> None:
        if described:
            other.take([described.pop()])
        real(self, *given)

    monkeypatch.setattr(Holding, "hold", hold)
    bench.talent.take([bench.message("vacancy-closed", {"vacancy": "V-1", "outcome": "withdrawn"}, "m-2")])
    assert bench.outcomes == [("m-1", "accepted", []), ("m-2", "accepted", [])]


def test_a_closing_that_waits_too_long_is_parked(bench: Bench) -> None:
    bench.talent.take([bench.message("vacancy-closed", {"vacancy": "V-1", "outcome": "withdrawn"}, "m-2")])
    bench.clock.advance(timedelta(seconds=3601))
    assert bench.talent.expire() == 1
    assert [outcome for _, outcome, _ in bench.outcomes] == ["waiting", "parked"]


def test_a_rule_that_fails_parks_its_stream_and_no_other(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(command: Any, state: Any) -> Any:
        if getattr(command.says, "staff", 0) == 13:
            raise ZeroDivisionError
        return decide_staffing(command, state)

    monkeypatch.setattr(staffing_handlers, "decide_staffing", failing)
    bench.talent.take([bench.staff(13, "m-1"), bench.staff(14, "m-2"), bench.staff(15, "m-3", unit="第八党支部")])
    assert bench.outcomes == [
        ("m-1", "parked", ["rule-failed"]), ("m-2", "parked", ["behind-parked"]), ("m-3", "accepted", []),
    ]  # fmt: skip


def test_a_vacancy_is_closed_by_another_source_that_names_its_own(bench: Bench) -> None:
    """An operator closes what hr described."""
    bench.talent.take([bench.message("vacancy-described", VACANCY, "m-1")])
    data = {"vacancy": "V-1", "vacancy_source": "hr", "outcome": "withdrawn"}
    raw = intake_bytes("vacancy-closed", data, id="m-9", source="operator", on="2026-03-01", time="2026-02-02T08:00:00Z")
    bench.talent.take([Item("intake.operator.talent.vacancy-closed", raw, next(bench.sequence))])
    assert [e.event.vacancy for e in events_of(bench.log) if isinstance(e.event, VacancyClosed)] == ["hr/V-1"]


# --- who held which post ------------------------------------------------------------------------------------------------


def test_workers_are_those_of_the_day(bench: Bench) -> None:
    """By division then, without those whose registration was closed or had not begun."""
    moved = Transfer(key="t", division="330100")
    gone = RegistrationStatus(key="s", status="closed", reason="left")
    bench.hear(
        *facts_of(REFS[0], *county(), start=1),
        *facts_of(REFS[1], *county((moved, "2024-01-01")), start=11),
        *facts_of(REFS[2], *county((gone, "2024-06-30")), start=21),
    )
    found = {
        day: [w.person_ref for w in bench.ask(workers_on, "320100", date.fromisoformat(day))]
        for day in ("2019-12-31", "2020-01-01", "2024-01-01", "2024-06-30", "2024-07-01")
    }
    assert found == {
        "2019-12-31": [], "2020-01-01": REFS, "2024-01-01": [REFS[0], REFS[2]], "2024-06-30": [REFS[0], REFS[2]],
        "2024-07-01": [REFS[0]],
    }  # fmt: skip
    assert [w.person_ref for w in bench.ask(workers_on, "330000", date(2024, 1, 1))] == [REFS[1]]


def test_figures_come_from_the_log_as_it_was_known_then(bench: Bench) -> None:
    """A report and an end that came later do not change what was known before; a rebuilt read model is the same."""
    bench.hear(*facts_of(REFS[0], *county(), start=1), *facts_of(REFS[1], *county(), start=11))
    bench.talent.take([bench.staff(200, "m-1")])
    with bench.log.database.read.connect() as connection:
        position = bench.log.head(connection).position
    ended = facts_of(REFS[1], (EngagementEnd(engagement="e-1", reason="retired"), "2026-01-31"), start=31)
    told = as_told([*facts_of(REFS[0], *county(), start=1), *facts_of(REFS[1], *county(), start=11), *ended])
    bench.talent.hear(told)
    bench.talent.take([bench.staff(300, "m-2", hour=9)])
    day = date(2026, 6, 30)

    def share(connection: Any) -> str | None:
        found = figures_of(workers_on(connection, "320102", day), staff_reports(connection, "320102", day), "320102", day)
        return f"{found.party_work.part}/{found.party_work.whole}"

    assert bench.ask(share) == "1/300"
    with known_at(bench.log, position) as connection:
        assert share(connection) == "2/200"
    assert rebuild_and_compare(bench.log).differences == []


def test_the_pool_that_is_ready_is_counted_by_division(bench: Bench) -> None:
    """Nobody is, before somebody was admitted."""
    assert bench.ask(ready_by_division, "320000") == {}
