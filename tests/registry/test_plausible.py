"""What can hardly be true is refused or told; what changes nothing is said to stand already."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

import pytest

from contracts.particulars import (
    Certificate,
    CertificateChange,
    EngagementEnd,
    EngagementStart,
    Particulars,
    RatingResult,
    Recognition,
    Registration,
    Transfer,
)
from contracts.problems import CODES
from contracts.refusals import in_language
from eventlog.database import Database
from eventlog.decider import Rejected
from services.registry.decider.plausible import check_age, doubts, doubts_of_age, doubts_of_engagement
from tests.registry.example import RULES, closed, on_file, record, registered, stamp, state_of, transferred
from tests.support import RegistryBench, resident_id

START = EngagementStart(engagement="e1", category="secretary", unit="u", post="p")
END = EngagementEnd(engagement="e1", reason="resigned")
CERTIFICATE = Certificate(number="c1", grade="senior", issuer="320100")


@pytest.fixture
def bench(sqlite_url: str, open_database: Callable[[str], Database]) -> RegistryBench:
    return RegistryBench(open_database(sqlite_url))


@pytest.mark.parametrize(
    ("born", "day", "code"),
    [
        ("2030-01-01", "2021-03-01", "born-later"),
        ("1899-12-31", "1990-03-01", "born-too-early"),
        ("2019-03-01", "2021-03-01", "under-age"),
        ("2005-03-02", "2021-03-01", "under-age"),
    ],
)
def test_somebody_of_an_impossible_age_is_refused(born: str, day: str, code: str) -> None:
    with pytest.raises(Rejected) as found:
        check_age(date.fromisoformat(born), date.fromisoformat(day), "f")
    assert [("f", code)] == [(each.field, each.code) for each in found.value.problems]


@pytest.mark.parametrize(
    ("born", "told"), [("2005-03-01", ["young"]), ("2003-03-01", []), ("1940-03-02", []), ("1940-02-28", ["old"])]
)
def test_an_unlikely_age_is_taken_and_told(born: str, told: list[str]) -> None:
    check_age(date.fromisoformat(born), date(2021, 3, 1), "f")
    assert told == [each.code for each in doubts_of_age(date.fromisoformat(born), date(2021, 3, 1), "f")]


@pytest.mark.parametrize(
    ("says", "told"),
    [
        (RatingResult(year=2020, rating="zzz"), [("data.rating", "doubtful-word")]),
        (RatingResult(year=2020, rating="competent"), []),
        (Certificate(number="c", grade="zzz", issuer="999999"),
         [("data.grade", "doubtful-word"), ("data.issuer", "doubtful-division")]),
        (CertificateChange(key="k", number="c", change="downgraded", grade="zzz", reason="r"),
         [("data.grade", "doubtful-word")]),
        (Registration(division="999999"), [("data.division", "doubtful-division")]),
        (Transfer(key="t", division="999999"), [("data.division", "doubtful-division")]),
        (Recognition(number="c", division="999999"), [("data.division", "doubtful-division")]),
        (Registration(division="320102"), []),
    ],
)  # fmt: skip
def test_a_word_or_a_division_that_nobody_knows_is_told(says: Particulars, told: list[tuple[str, str]]) -> None:
    found = doubts(says, RULES, lambda division: division == "999999")
    assert told == [(each.field, each.code) for each in found]
    for each in found:
        assert CODES[each.code]["zh"] == (in_language(each, "zh").problem, in_language(each, "zh").remedy)


@pytest.mark.parametrize("first", [START, END])
def test_an_engagement_that_ends_before_it_starts_is_told_whichever_comes_second(first: Particulars) -> None:
    """On file it counts as never held, and which of the two came first makes no difference."""
    other = END if first is START else START
    days = {START.kind: "2021-05-01", END.kind: "2021-04-01"}
    state = state_of(registered(), record(2, first, days[first.kind]))
    assert ["ends-before-start"] == [e.code for e in doubts_of_engagement(other, stamp(3, days[other.kind]), state, "hr")]
    assert () == doubts_of_engagement(other, stamp(3, days[first.kind]), state, "hr")


def test_nobody_is_rated_for_a_year_that_has_not_begun() -> None:
    """Dated in it or not: the day may lie ahead, the result may not."""
    on_file(registered()).when(record(2, RatingResult(year=2099, rating="competent"), "2099-01-01")).rejected("date-too-late")
    today = stamp(2).received_at.year
    to_come = record(2, RatingResult(year=today + 1, rating="competent"), f"{today + 1}-01-01")
    on_file(registered()).when(to_come).rejected("year-to-come")


@pytest.mark.parametrize(
    "act",
    [
        lambda n: registered(n),
        lambda n: transferred(n, "2021-01-01", "320104", key="t"),
        lambda n: record(n, closed(9, "2021-01-01").says, "2021-01-01"),
        lambda n: record(n, CertificateChange(key="k", number="c1", change="suspended", reason="r"), "2022-01-01"),
        lambda n: record(n, Recognition(number="c1", division="320102"), "2022-01-01"),
    ],
)
def test_an_act_that_is_given_twice_is_recorded_once(act: Callable[[int], object]) -> None:
    """Under whatever id; said of another day it is another act."""
    before = [registered(1), record(2, CERTIFICATE, "2020-06-01")]
    on_file(*before, act(3)).when(act(4)).nothing()  # type: ignore[arg-type]


# --- as sources see it --------------------------------------------------------------------------------------------------


def test_a_fact_that_repeats_is_answered_that_it_stands_already(bench: RegistryBench) -> None:
    """Accepted, without an event, and in words."""
    bench.settle(bench.registers())
    bench.settle(bench.registers(id="again"))
    first, again = bench.receipts
    assert ("accepted", (), ["stands-already"]) == (again.outcome, again.events, [each.code for each in again.warnings])
    assert () == first.warnings
    assert 1 == len(bench.events)


ENGAGEMENT = {"engagement": "e1", "category": "secretary", "unit": "u", "post": "p"}
REPORTS: Mapping[str, Mapping[str, object]] = {
    "annual-rating-recorded": {"year": 2024, "rating": "excellent"},
    "inspection-concluded": {"year": 2024, "outcome": "passed"},
    "engagement-started": ENGAGEMENT,
    "engagement-ended": {"engagement": "e1", "reason": "resigned"},
    "certificate-issued": {"number": "c1", "grade": "senior", "issuer": "320100"},
}


@pytest.mark.parametrize("fact", REPORTS)
def test_a_report_that_repeats_is_recorded_and_told(bench: RegistryBench, fact: str) -> None:
    """It may outlast what lies between the two and comes later; its sender learns that nothing has changed."""
    says = {"person": {"source_key": "w-1"}, **REPORTS[fact]}
    bench.settle(bench.registers(on="2020-01-01"), bench.message(fact, says, id="first"))
    before = [row[:1] + row[2:] for row in bench.standings()]
    bench.settle(bench.message(fact, says, id="again", time="2025-01-06T08:00:00Z"))
    first, again = bench.receipts[1:]
    assert ([], ["stands-already"]) == tuple([each.code for each in r.warnings] for r in (first, again))
    assert ("accepted", 1) == (again.outcome, len(again.events))
    assert before == [row[:1] + row[2:] for row in bench.standings()]


def test_what_stands_does_not_hang_on_which_of_three_reports_came_first(bench: RegistryBench) -> None:
    """Good, then fair, then good again: the last one stands, although it says what an earlier one said."""
    says = [("one", "excellent", "05"), ("two", "competent", "06"), ("three", "excellent", "07")]
    items = {id: bench.rates(2024, rating, id=id, time=f"2025-01-{day}T08:00:00Z") for id, rating, day in says}
    bench.settle(bench.registers(on="2020-01-01"))
    bench.each(items["one"], items["three"], items["two"])
    assert [("rating/2024", "hr/three")] == [row[:2] for row in bench.standings() if row[0].startswith("rating")]
    assert [[], ["stands-already"], []] == [[each.code for each in receipt.warnings] for receipt in bench.receipts[1:]]


@pytest.mark.parametrize("corrector", ["hr", "operator"])
def test_a_correction_that_ends_an_engagement_before_its_start_is_told(bench: RegistryBench, corrector: str) -> None:
    """Whoever corrects it: the engagement is that of whoever reported it."""
    who = {"person": {"source_key": "w-1"}}
    bench.settle(
        bench.registers(on="2020-01-01"),
        bench.message("engagement-started", {**who, **ENGAGEMENT}, id="start", on="2024-03-01"),
        bench.message("engagement-ended", {**who, "engagement": "e1", "reason": "resigned"}, id="end", on="2024-09-01"),
    )
    end = {"kind": "engagement-end", "engagement": "e1", "reason": "resigned"}
    bench.settle(bench.corrects("end", end, on="2024-02-01", source=corrector, owner="hr"))
    assert ("accepted", ["ends-before-start"]) == (bench.receipts[-1].outcome, [w.code for w in bench.receipts[-1].warnings])


def test_a_warning_goes_with_the_acceptance(bench: RegistryBench) -> None:
    bench.settle(bench.registers(), bench.rates(2023, "zzz", id="odd"))
    assert [("accepted", "doubtful-word")] == [(r.outcome, w.code) for r in bench.receipts for w in r.warnings]


def test_an_engagement_from_before_somebody_could_work_is_refused(bench: RegistryBench) -> None:
    """At the age of two; the registration itself is of a day on which they are grown up."""
    born = int(resident_id(1)[6:10])
    bench.settle(bench.registers())
    data = {"person": {"source_key": "w-1"}, "engagement": "e1", "category": "secretary", "unit": "u", "post": "p"}
    bench.settle(bench.message("engagement-started", data, id="child", on=f"{born + 2}-12-31"))
    assert ("refused", ["under-age"]) == (bench.receipts[-1].outcome, [p.code for p in bench.receipts[-1].problems])
