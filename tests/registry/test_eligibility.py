"""Eligibility: which standard holds, what each criterion finds, what a reviewer may say, and which hard limits are reached."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.certification import CertificationStandard, CriterionResult, GradeStandard, WaivedCriterion, Words
from contracts.intake import Finding
from contracts.particulars import (
    Certificate,
    CertificateChange,
    EngagementEnd,
    EngagementStart,
    InspectionResult,
    Particulars,
    RatingResult,
    Registration,
    RegistrationStatus,
)
from contracts.registry import EligibilityReviewed, FactOrigin, Title
from services.registry.eligibility import (
    Fact,
    LimitReached,
    grade_standard,
    in_force,
    judge,
    limits_reached,
    may_issue,
    passed,
    problems_of_findings,
    steward_of,
    valid_in,
)
from services.registry.standard import read_standard
from tests.registry.test_standard import EXAMPLE
from tests.support import NOW, event_id

DAY = date(2026, 2, 1)
STANDARD = read_standard(EXAMPLE.read_text(encoding="utf-8"))


def standard(criteria: str = "", waivers: str = "", limits: str = "") -> CertificationStandard:
    """A standard with one grade, senior, and these criteria, waivers and limits."""
    return read_standard(
        "document: standard-1\ntitle: 标准\ndivision: 320100\neffective_on: 2025-01-01\nsource: made up for a test\n"
        "grades:\n  - grade: senior\n    issuers: [city]\n    steward: city\n    valid_in: city\n"
        "    promotes_from: intermediate\n"
        f"    criteria: [{criteria or '{name: agreed, rule: confirmed, asks: 是否同意, clause: 1}'}]\n"
        "    training: {pass_mark: 60}\n    panel: {judges_at_least: 3, pass_mark: 60}\n    notice_working_days: 5\n"
        f"waivers: [{waivers}]\nlimits: [{limits}]\n"
    )


def of(document: CertificationStandard, grade: str = "senior") -> GradeStandard:
    found = grade_standard(document, grade)
    assert found is not None
    return found


def fact(number: int, on: str, says: Particulars, source: str = "hr") -> Fact:
    return Fact(event_id(number), date.fromisoformat(on), says, source)


def results(
    rules: str, facts: Sequence[Fact] = (), findings: Sequence[Finding] = (), day: date = DAY
) -> tuple[CriterionResult, ...]:
    document = standard(rules)
    return judge(document, of(document), facts, findings, (), (), day)


def found(
    rule: str, *facts: Fact, finding: Finding | None = None, day: date = DAY
) -> tuple[str, str, bool, tuple[int, ...]]:  # fmt: skip
    """What one criterion required and found, whether it is met, and the numbers of the facts that were looked at."""
    (result,) = results(f"{{name: it, {rule}, clause: 1.1}}", facts, () if finding is None else (finding,), day)
    assert (result.name, result.clause, result.waived) == ("it", "1.1", None)
    return result.required, result.found, result.met, tuple(int(event.replace("-", ""), 16) for event in result.facts)


# --- years served -------------------------------------------------------------------------------------------------------


def start(number: int, on: str, key: str = "e-1", source: str = "hr") -> Fact:
    says = EngagementStart(engagement=key, category="secretary", unit="unit", post="post")
    return fact(number, on, says, source)


def end(number: int, on: str, key: str = "e-1", source: str = "hr") -> Fact:
    return fact(number, on, EngagementEnd(engagement=key, reason="resigned"), source)


def status(number: int, what: Any, on: str) -> Fact:
    return fact(number, on, RegistrationStatus(key=f"s-{number}", status=what, reason="other"))


@pytest.mark.parametrize(
    ("facts", "shown", "met", "used"),
    [
        ((), "0 full years (0 days)", False, ()),
        # to the day: the third year is full on its anniversary
        ((start(1, "2023-02-01"),), "3 full years (1096 days)", True, (1,)),
        ((start(1, "2023-02-02"),), "2 full years (1095 days)", False, (1,)),
        # the last day of an engagement is served
        ((start(1, "2020-01-01"), end(2, "2022-12-31")), "3 full years (1096 days)", True, (1, 2)),
        ((start(1, "2020-01-01"), end(2, "2022-12-30")), "2 full years (1095 days)", False, (1, 2)),
        # an end that is still to come
        ((start(1, "2023-02-01"), end(2, "2026-06-30")), "3 full years (1096 days)", True, (1,)),
        # two posts at once are served once, one after the other both
        ((start(1, "2024-02-01"), start(2, "2024-02-01", "e-2")), "2 full years (731 days)", False, (1, 2)),
        ((start(1, "2022-01-01"), end(2, "2024-06-30"), start(3, "2024-01-01", "e-2"), end(4, "2025-06-30", "e-2")),
         "3 full years (1277 days)", True, (1, 2, 3, 4)),
        ((start(1, "2019-01-01"), end(2, "2020-12-31"), start(3, "2024-01-01", "e-2"), end(4, "2024-12-31", "e-2")),
         "3 full years (1097 days)", True, (1, 2, 3, 4)),
        # broken times add up: half a year in one and half in another
        ((start(1, "2021-01-01"), end(2, "2023-06-30"), start(3, "2025-07-01", "e-2"), end(4, "2025-12-31", "e-2")),
         "3 full years (1095 days)", True, (1, 2, 3, 4)),
        ((start(1, "2021-01-01"), end(2, "2023-06-30"), start(3, "2025-07-01", "e-2"), end(4, "2025-12-29", "e-2")),
         "2 full years (1093 days)", False, (1, 2, 3, 4)),
        # of two sources with the same key each ends its own
        ((start(1, "2020-01-01"), end(2, "2020-06-30", source="oa")), "6 full years (2223 days)", True, (1,)),
        ((start(1, "2020-01-01"), end(2, "2020-06-30"), start(3, "2023-02-01", source="oa")),
         "3 full years (1278 days)", True, (1, 2, 3)),
        # a registration that is closed ends its engagements, until it is reopened
        ((start(1, "2020-02-01"), status(2, "closed", "2023-01-31")), "3 full years (1096 days)", True, (1, 2)),
        ((start(1, "2020-02-01"), status(2, "closed", "2021-01-31"), status(3, "reopened", "2024-02-01")),
         "3 full years (1097 days)", True, (1, 2, 3)),
        ((start(1, "2020-02-01"), end(2, "2021-01-31"), status(3, "closed", "2021-01-31")),
         "1 full year (366 days)", False, (1, 2)),
        ((start(1, "2023-02-01"), status(2, "closed", "2020-01-31"), status(3, "reopened", "2021-02-01")),
         "3 full years (1096 days)", True, (1,)),
        ((start(1, "2023-02-01"), status(2, "closed", "2026-02-01")), "3 full years (1096 days)", True, (1,)),
        # what says nothing: an end alone, an end before its start, a start to come
        ((end(1, "2025-06-30"),), "0 full years (0 days)", False, ()),
        ((start(1, "2020-01-01"), end(2, "2019-12-31")), "0 full years (0 days)", False, ()),
        ((start(1, "2026-02-01"),), "0 full years (0 days)", False, ()),
    ],
)  # fmt: skip
def test_full_years_in_engagements(facts: Sequence[Fact], shown: str, met: bool, used: tuple[int, ...]) -> None:
    rule = "rule: years_served, at_least: 3"
    assert found(rule, *facts) == ("at least 3 full years in engagements", shown, met, used)


@pytest.mark.parametrize(
    ("day", "shown"), [("2025-02-27", "0 full years (364 days)"), ("2025-02-28", "1 full year (365 days)")]
)
def test_a_year_from_29_february_is_full_on_28_february(day: str, shown: str) -> None:
    """The next year has no such day: the month's end."""
    one = found("rule: years_served, at_least: 1", start(1, "2024-02-29"), day=date.fromisoformat(day))
    assert one[1:3] == (shown, shown.startswith("1"))


# --- a grade held -------------------------------------------------------------------------------------------------------


def certificate(number: int, grade: str, on: str, until: str | None = None) -> Fact:
    expires = None if until is None else date.fromisoformat(until)
    return fact(number, on, Certificate(number=f"C-{number}", grade=grade, issuer="320100", expires_on=expires))


def change(number: int, of: int, what: Any, on: str, grade: str | None = None) -> Fact:
    says = CertificateChange(key=f"k-{number}", number=f"C-{of}", change=what, grade=grade, reason="made up")
    return fact(number, on, says)


@pytest.mark.parametrize(
    ("facts", "shown", "met", "used"),
    [
        ((), "none", False, ()),
        ((certificate(1, "intermediate", "2024-02-01"),), "intermediate valid, 2 full years since 2024-02-01", True, (1,)),
        ((certificate(1, "intermediate", "2024-02-02"),), "intermediate valid, 1 full year since 2024-02-02", False, (1,)),
        ((certificate(1, "special", "2020-05-01"),), "special valid, 5 full years since 2020-05-01", True, (1,)),
        ((certificate(1, "junior", "2020-05-01"),), "junior valid", False, (1,)),
        ((certificate(1, "unheard_of", "2020-05-01"),), "unheard_of valid", False, (1,)),
        ((certificate(1, "intermediate", "2026-02-02"),), "none", False, ()),
        # to its last day, and not beyond
        ((certificate(1, "senior", "2020-01-01", "2026-02-01"),), "senior valid, 6 full years since 2020-01-01", True, (1,)),
        ((certificate(1, "senior", "2020-01-01", "2026-01-31"),), "senior expired", False, (1,)),
        # its life: suspended it is held, but does not speak for anybody on the day
        ((certificate(1, "senior", "2020-01-01"), change(2, 1, "suspended", "2025-12-01")), "senior suspended", False, (1, 2)),
        ((certificate(1, "senior", "2020-01-01"), change(2, 1, "suspended", "2025-02-01"),
          change(3, 1, "reinstated", "2025-12-01")), "senior valid, 6 full years since 2020-01-01", True, (1, 2, 3)),
        ((certificate(1, "senior", "2020-01-01"), change(2, 1, "revoked", "2026-02-01")), "senior revoked", False, (1, 2)),
        ((certificate(1, "senior", "2020-01-01"), change(2, 1, "revoked", "2026-02-02")),
         "senior valid, 6 full years since 2020-01-01", True, (1,)),
        ((certificate(1, "senior", "2020-01-01"), change(2, 1, "downgraded", "2025-12-01", "intermediate")),
         "intermediate valid, 6 full years since 2020-01-01", True, (1, 2)),
        ((certificate(1, "senior", "2020-01-01"), change(2, 1, "downgraded", "2025-12-01", "junior")),
         "junior valid", False, (1, 2)),
        # promoted, or issued again: the years go on
        ((certificate(1, "intermediate", "2021-03-01"), certificate(2, "senior", "2025-03-01"),
          change(3, 1, "superseded", "2025-03-01")), "senior valid, 4 full years since 2021-03-01", True, (1, 2)),
        ((certificate(1, "intermediate", "2022-03-01", "2025-02-28"), certificate(2, "intermediate", "2025-03-01")),
         "intermediate valid, 3 full years since 2022-03-01", True, (1, 2)),
        # a gap, or a lower grade before: they begin anew
        ((certificate(1, "intermediate", "2022-03-01", "2025-02-27"), certificate(2, "intermediate", "2025-03-01")),
         "intermediate valid, 0 full years since 2025-03-01", False, (2,)),
        ((certificate(1, "junior", "2021-03-01"), certificate(2, "intermediate", "2025-03-01"),
          change(3, 1, "superseded", "2025-03-01")), "intermediate valid, 0 full years since 2025-03-01", False, (2,)),
    ],
)  # fmt: skip
def test_a_grade_held_for_years(facts: Sequence[Fact], shown: str, met: bool, used: tuple[int, ...]) -> None:
    """Intermediate or above, valid on the day, for two full years without a gap."""
    rule = "rule: grade_held, grade: intermediate, years_at_least: 2"
    assert found(rule, *facts) == ("intermediate or above for 2 full years, valid on 2026-02-01", shown, met, used)


def test_a_grade_may_be_asked_for_without_years() -> None:
    facts = (certificate(1, "intermediate", "2026-02-01"),)
    required, shown, met, _ = found("rule: grade_held, grade: intermediate", *facts)
    assert required == "intermediate or above, valid on 2026-02-01"
    assert (shown, met) == ("intermediate valid, 0 full years since 2026-02-01", True)


# --- ratings and inspections --------------------------------------------------------------------------------------------


def rating(number: int, year: int, word: str, on: str | None = None) -> Fact:
    return fact(number, on or f"{year + 1}-01-10", RatingResult(year=year, rating=word))


@pytest.mark.parametrize(
    ("facts", "shown", "met", "used"),
    [
        ((), "none", False, ()),
        ((rating(1, 2023, "competent"), rating(2, 2025, "excellent")), "competent 2023, excellent 2025", True, (1, 2)),
        ((rating(1, 2023, "basic"), rating(2, 2025, "excellent")), "basic 2023, excellent 2025", False, (1, 2)),
        ((rating(1, 2022, "excellent"), rating(2, 2025, "excellent")), "excellent 2025", False, (2,)),
        ((rating(1, 2026, "excellent", "2026-01-20"), rating(2, 2025, "excellent")), "excellent 2025", False, (2,)),
        ((rating(1, 2024, "competent", "2026-02-02"), rating(2, 2025, "excellent")), "excellent 2025", False, (2,)),
        ((rating(1, 2024, "good"), rating(2, 2025, "excellent")), "good 2024, excellent 2025", False, (1, 2)),
    ],
)
def test_so_many_good_ratings_in_the_last_years(facts: Sequence[Fact], shown: str, met: bool, used: tuple[int, ...]) -> None:
    """Of the calendar years before the day's, as known on it; a word that the standard does not know is no good rating."""
    rule = "rule: ratings, at_least: competent, count: 2, of_last: 3"
    assert found(rule, *facts) == ("competent or above in 2 of the years 2023 to 2025", shown, met, used)


def test_a_rating_by_a_word_that_nobody_knows_is_good_for_nothing() -> None:
    """Neither the standard's words have it nor do they have the bound: two unknown words are not alike."""
    document = standard("{name: it, rule: ratings, at_least: competent, count: 1, of_last: 1, clause: 1}")
    document = document.model_copy(update={"words": Words(ratings=("bad", "good"))})
    (result,) = judge(document, of(document), [rating(1, 2025, "excellent")], (), (), (), DAY)
    assert not result.met


def inspection(number: int, year: int, outcome: Any, on: str | None = None) -> Fact:
    return fact(number, on or f"{year}-11-30", InspectionResult(year=year, outcome=outcome))


@pytest.mark.parametrize(
    ("facts", "shown", "met", "used"),
    [
        ((), "none", True, ()),
        ((inspection(1, 2025, "passed"),), "passed 2025", True, (1,)),
        ((inspection(1, 2025, "failed"), inspection(2, 2024, "passed")), "passed 2024, failed 2025", False, (2, 1)),
        ((inspection(1, 2024, "missed"),), "missed 2024", False, (1,)),
        ((inspection(1, 2026, "failed", "2026-01-20"),), "failed 2026", False, (1,)),
        ((inspection(1, 2026, "failed", "2026-02-02"),), "none", True, ()),
        ((inspection(1, 2023, "failed"),), "none", True, ()),
    ],
)
def test_no_inspection_was_failed_or_missed(facts: Sequence[Fact], shown: str, met: bool, used: tuple[int, ...]) -> None:
    """In the day's year and the two before."""
    rule = "rule: inspections, of_last: 2"
    assert found(rule, *facts) == ("none failed or missed from 2024 to 2026", shown, met, used)


# --- answered by a reviewer ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "finding", "required", "shown", "met"),
    [
        ("rule: hours, at_least: 40", {"hours": 40}, "at least 40 hours", "40 hours", True),
        ("rule: hours, at_least: 40", {"hours": 39}, "at least 40 hours", "39 hours", False),
        ("rule: assessed, at_least: 60", {"points": 60}, "at least 60 points", "60 points", True),
        ("rule: assessed, at_least: 60", {"points": 59}, "at least 60 points", "59 points", False),
        ("rule: assessed, at_least: 0", {"points": 0}, "at least 0 points", "0 points", True),
        ("rule: confirmed, asks: 是否推荐", {"confirmed": True}, "是否推荐", "confirmed", True),
        ("rule: confirmed, asks: 是否推荐", {"confirmed": False}, "是否推荐", "not confirmed", False),
    ],
)
def test_a_criterion_that_a_finding_answers(rule: str, finding: dict[str, Any], required: str, shown: str, met: bool) -> None:
    """At the bound and below; without a finding it is not met, whatever it asks for."""
    assert found(rule, finding=Finding(criterion="it", **finding)) == (required, shown, met, ())
    assert found(rule) == (required, "no finding", False, ())
    assert found(rule, finding=Finding(criterion="other", **finding)) == (required, "no finding", False, ())


def test_the_evidence_of_a_finding_stands_in_the_result() -> None:
    finding = Finding(criterion="it", points=80, evidence=("a" * 64, "b" * 64))
    (result,) = results("{name: it, rule: assessed, at_least: 60, clause: 1}", findings=[finding])
    assert result.evidence == ("a" * 64, "b" * 64)


# --- waivers ------------------------------------------------------------------------------------------------------------

POLITICAL = "{grade: senior, title: political_work, level_at_least: intermediate, waives: [trained], clause: 9.1}"
SOCIAL = "{grade: senior, title: social_work, level_at_least: junior, waives: [trained, served], clause: 9.2}"
ASKED = "{name: trained, rule: hours, at_least: 40, clause: 1}, {name: served, rule: years_served, at_least: 3, clause: 2}"


def title(field: Any, level: Any) -> Title:
    return Title(field=field, level=level)


@pytest.mark.parametrize(
    ("titles", "waive", "waived"),
    [
        ([], ["trained"], {}),
        ([title("political_work", "senior")], [], {}),
        ([title("political_work", "junior")], ["trained"], {}),
        ([title("political_work", "intermediate")], ["trained"], {"trained": ("political_work", "intermediate", "9.1")}),
        ([title("political_work", "senior")], ["trained", "served"], {"trained": ("political_work", "senior", "9.1")}),
        ([title("social_work", "junior")], ["trained", "served"],
         {"trained": ("social_work", "junior", "9.2"), "served": ("social_work", "junior", "9.2")}),
        ([title("political_work", "intermediate"), title("political_work", "senior"), title("social_work", "senior")],
         ["trained"], {"trained": ("political_work", "senior", "9.1")}),
    ],
)  # fmt: skip
def test_a_criterion_is_waived_as_the_standard_allows(
    titles: list[Title], waive: list[str], waived: dict[str, tuple[str, str, str]]
) -> None:
    """For a title of the field, of the level or above, where the reviewer waives it; what was found still stands there."""
    document = standard(ASKED, f"{POLITICAL}, {SOCIAL}")
    for ordered in (titles, titles[::-1]):
        criteria = judge(document, of(document), (), (), waive, ordered, DAY)
        for criterion in criteria:
            expected = waived.get(criterion.name)
            named = None if criterion.waived is None else criterion.waived
            assert (None if named is None else (named.title, named.level, named.clause)) == expected
            assert criterion.met is (expected is not None)
        assert [criterion.found for criterion in criteria] == ["no finding", "0 full years (0 days)"]
        assert passed(criteria) is (len(waived) == 2)


def test_a_waiver_for_another_grade_waives_nothing() -> None:
    """The junior grade's training is waived for a junior title, the intermediate grade's is not."""
    titles = [title("political_work", "junior")]
    waived = {
        grade: [c.waived for c in judge(STANDARD, of(STANDARD, grade), (), (), ["trained"], titles, DAY) if c.name == "trained"]
        for grade in ("junior", "intermediate")
    }
    assert waived == {
        "junior": [WaivedCriterion(title="political_work", level="junior", clause="9.1")],
        "intermediate": [None],
    }


# --- judging as a whole -------------------------------------------------------------------------------------------------

CAREER = (
    start(1, "2016-01-01"), end(2, "2019-12-31"), start(3, "2019-06-01", "e-2"),
    certificate(4, "junior", "2017-05-01", "2020-04-30"), certificate(5, "intermediate", "2020-05-01", "2025-04-30"),
    certificate(6, "senior", "2025-03-01", "2030-02-28"), change(7, 5, "superseded", "2025-03-01"),
    rating(8, 2023, "competent"), rating(9, 2024, "excellent"), rating(10, 2025, "competent"),
    inspection(11, 2024, "passed"), inspection(12, 2025, "passed"), inspection(13, 2026, "missed", "2026-01-30"),
    fact(14, "2016-01-01", Registration(division="320102")),
)  # fmt: skip
FINDINGS = (
    Finding(criterion="trained", hours=60),
    Finding(criterion="ability", points=70),
    Finding(criterion="results", points=69),
    Finding(criterion="mentored", confirmed=True),
)


def test_every_criterion_of_a_grade_is_judged_in_its_order() -> None:
    """Given a career, when it is reviewed for the senior grade of the example, then each criterion says both sides."""
    criteria = judge(STANDARD, of(STANDARD), CAREER, FINDINGS, (), (), DAY)
    assert [(c.name, c.rule, c.found, c.met, c.clause) for c in criteria] == [
        ("served", "years_served", "10 full years (3684 days)", True, "7.1"),
        ("held", "grade_held", "senior valid, 5 full years since 2020-05-01", True, "7.2"),
        ("rated", "ratings", "competent 2023, excellent 2024, competent 2025", True, "7.3"),
        ("excelled", "ratings", "competent 2023, excellent 2024, competent 2025", True, "7.3"),
        ("inspected", "inspections", "passed 2024, passed 2025, missed 2026", False, "7.4"),
        ("trained", "hours", "60 hours", True, "7.5"),
        ("ability", "assessed", "70 points", True, "7.6"),
        ("results", "assessed", "69 points", False, "7.7"),
    ]
    assert not passed(criteria)


def test_a_result_goes_through_its_event_unchanged() -> None:
    criteria = judge(STANDARD, of(STANDARD), CAREER, FINDINGS, ["ability"], [title("political_work", "senior")], DAY)
    assert criteria[6].waived is not None
    event = EligibilityReviewed(
        person_ref="p" + "0" * 26,
        fact=FactOrigin(source="hr", id="m-1", occurred_at=NOW),
        application="hr/a-1",
        result="failed",
        criteria=criteria,
    )
    assert EligibilityReviewed.model_validate(event.payload()).criteria == criteria


@given(st.permutations(CAREER), st.permutations(FINDINGS), st.sampled_from(["junior", "senior", "special"]))
def test_the_order_of_facts_and_findings_does_not_matter(facts: list[Fact], findings: list[Finding], grade: str) -> None:
    """Nor do facts that are not yet true on the day."""
    later = start(99, "2026-02-02", "e-9"), certificate(98, "special", "2026-02-02"), end(97, "2026-02-02", "e-2")
    expected = judge(STANDARD, of(STANDARD, grade), CAREER, FINDINGS, ["trained"], (), DAY)
    assert judge(STANDARD, of(STANDARD, grade), [*facts, *later], findings, ["trained"], (), DAY) == expected
    assert limits_reached(LIMITED, facts, DAY) == limits_reached(LIMITED, CAREER, DAY)


EPOCH = date(2015, 1, 1)
engagements = st.lists(st.tuples(st.integers(0, 4100), st.none() | st.integers(0, 4100)), max_size=6)


@given(engagements)
def test_no_day_is_served_twice(times: list[tuple[int, int | None]]) -> None:
    """As many days as somebody was in some engagement before the day; and no full year without 365 of them."""
    facts: list[Fact] = []
    days: set[date] = set()
    for place, (first, last) in enumerate(times):
        began = EPOCH + timedelta(days=first)
        facts.append(replace(start(2 * place, "2015-01-01", f"e-{place}"), effective_on=began))
        ended = DAY if last is None else EPOCH + timedelta(days=last)
        if last is not None:
            facts.append(replace(end(2 * place + 1, "2015-01-01", f"e-{place}"), effective_on=ended))
        days |= {began + timedelta(days=n) for n in range((ended - began).days + 1)}
    served = sorted(day for day in days if day < DAY)
    years, shown = re.findall("[0-9]+", found("rule: years_served, at_least: 1", *facts)[1])
    assert int(shown) == len(served)
    broken = sum((later - earlier).days > 1 for earlier, later in pairwise(served)) + 1
    assert int(years) <= len(served) // 365
    assert int(years) >= len(served) // 366 - broken


# --- what a reviewer may not say ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("findings", "waive", "expected"),
    [
        (FINDINGS[:3], [], []),
        ([Finding(criterion="trained", hours=1)], ["trained"], []),
        ([Finding(criterion="mentored", confirmed=True)], [], [("data.findings.0.criterion", "unknown-criterion")]),
        ([FINDINGS[0], Finding(criterion="served", hours=9)], [], [("data.findings.1.criterion", "answered-by-registry")]),
        ([Finding(criterion="held", confirmed=True)], [], [("data.findings.0.criterion", "answered-by-registry")]),
        ([Finding(criterion="rated", points=9)], [], [("data.findings.0.criterion", "answered-by-registry")]),
        ([Finding(criterion="inspected", points=9)], [], [("data.findings.0.criterion", "answered-by-registry")]),
        ([Finding(criterion="trained", points=40)], [], [("data.findings.0.points", "wrong-kind")]),
        ([Finding(criterion="ability", confirmed=True)], [], [("data.findings.0.confirmed", "wrong-kind")]),
        ([Finding(criterion="ability", hours=9)], [], [("data.findings.0.hours", "wrong-kind")]),
        ([FINDINGS[0], FINDINGS[1], FINDINGS[0]], [], [("data.findings.2.criterion", "duplicate-criterion")]),
        ([], ["ability", "elegance"], [("data.waive.1", "unknown-criterion")]),
        ([], ["ability", "results"], [("data.waive.1", "waiver-not-allowed")]),
        ([], ["ability", "trained", "ability"], [("data.waive.2", "duplicate-criterion")]),
        (
            [Finding(criterion="elegance", points=9), Finding(criterion="served", points=9)],
            ["results"],
            [
                ("data.findings.0.criterion", "unknown-criterion"),
                ("data.findings.1.criterion", "answered-by-registry"),
                ("data.waive.0", "waiver-not-allowed"),
            ],
        ),
    ],
)
def test_what_cannot_be_judged_is_told_at_its_field(
    findings: Sequence[Finding], waive: list[str], expected: list[tuple[str, str]]
) -> None:
    """For the senior grade of the example and the holder of a deputy senior title in political work."""
    titles = [title("political_work", "deputy_senior")]
    problems = problems_of_findings(STANDARD, of(STANDARD), findings, waive, titles)
    assert [(problem.field, problem.code) for problem in problems] == expected
    assert all(problem.problem and problem.remedy for problem in problems)


def test_a_waiver_without_the_title_is_refused() -> None:
    """The very level that the standard names, or above."""
    for level, allowed in (("intermediate", False), ("deputy_senior", True), ("senior", True)):
        problems = problems_of_findings(STANDARD, of(STANDARD), (), ["ability"], [title("political_work", level)])
        assert [problem.code for problem in problems] == ([] if allowed else ["waiver-not-allowed"])


# --- hard limits --------------------------------------------------------------------------------------------------------

LIMITED = standard(
    limits="{rule: inspections_failed, count: 2, of_last: 3, then: revoked, clause: 10.1},"
    "{rule: rated_below, at_least: competent, count: 1, of_last: 2, then: downgraded, clause: 10.2},"
    "{rule: suspended_months, count: 12, then: revoked, clause: 10.3},"
    "{rule: inspections_failed, count: 1, of_last: 1, then: suspended, clause: 10.4}"
)
HELD = certificate(1, "senior", "2020-01-01")


def reached(*facts: Fact, day: date = DAY) -> list[tuple[str, str]]:
    """(clause, what was found) of every limit that is reached."""
    return [(limit.clause, limit.found) for limit in limits_reached(LIMITED, facts, day)]


def test_a_limit_that_is_reached_is_told_two_sided() -> None:
    """Given two failed inspections of three, when limits are looked at, then the certificate is to be revoked."""
    facts = (HELD, inspection(2, 2023, "failed"), inspection(3, 2024, "passed"), inspection(4, 2025, "failed"))
    assert limits_reached(LIMITED, facts, DAY)[0] == LimitReached(
        rule="inspections_failed",
        certificate="C-1",
        required="fewer than 2 failed from 2023 to 2025",
        found="failed 2023, failed 2025",
        since=date(2025, 11, 30),
        then="revoked",
        clause="10.1",
        facts=(event_id(2), event_id(4)),
    )


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((), []),
        ((inspection(2, 2025, "passed"), rating(3, 2025, "competent")), []),
        # inspections: only failed ones, within the years
        ((inspection(2, 2025, "missed"), inspection(3, 2024, "missed")), []),
        ((inspection(2, 2025, "failed"),), [("10.4", "failed 2025")]),
        ((inspection(2, 2024, "failed"),), []),
        ((inspection(2, 2022, "failed"), inspection(3, 2025, "failed")), [("10.4", "failed 2025")]),
        ((inspection(2, 2023, "failed"), inspection(3, 2024, "failed")), [("10.1", "failed 2023, failed 2024")]),
        # the day's year counts from its result on
        ((inspection(2, 2023, "failed"), inspection(3, 2025, "failed"), inspection(4, 2026, "passed", "2026-01-20")), []),
        ((inspection(2, 2024, "failed"), inspection(3, 2026, "failed", "2026-01-20")),
         [("10.1", "failed 2024, failed 2026"), ("10.4", "failed 2026")]),
        ((inspection(2, 2024, "failed"), inspection(3, 2026, "failed", "2026-02-02")), []),
        # ratings: below the word; one that the standard does not know is below nothing
        ((rating(2, 2025, "basic"),), [("10.2", "basic 2025")]),
        ((rating(2, 2024, "incompetent"),), [("10.2", "incompetent 2024")]),
        ((rating(2, 2023, "incompetent"),), []),
        ((rating(2, 2025, "competent"), rating(3, 2024, "awful")), []),
    ],
)  # fmt: skip
def test_a_limit_by_years(facts: Sequence[Fact], expected: list[tuple[str, str]]) -> None:
    assert reached(HELD, *facts) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ((change(2, 1, "suspended", "2025-02-01"),), [("10.3", "suspended for 12 months since 2025-02-01")]),
        ((change(2, 1, "suspended", "2025-02-02"),), []),
        ((change(2, 1, "suspended", "2024-12-15"), change(3, 1, "downgraded", "2025-06-01", "junior")),
         [("10.3", "suspended for 13 months since 2024-12-15")]),
        ((change(2, 1, "suspended", "2024-02-01"), change(3, 1, "reinstated", "2025-06-01")), []),
        ((change(2, 1, "suspended", "2024-02-01"), change(3, 1, "reinstated", "2025-06-01"),
          change(4, 1, "suspended", "2025-06-02")), []),
        ((change(2, 1, "suspended", "2024-02-01"), change(3, 1, "revoked", "2026-02-01")), []),
    ],
)  # fmt: skip
def test_a_certificate_that_has_been_suspended_for_too_long(facts: Sequence[Fact], expected: list[tuple[str, str]]) -> None:
    """Full months without a break, whatever its grade meanwhile."""
    assert reached(HELD, *facts) == expected


def test_a_long_suspension_is_told_since_the_day_on_which_its_months_were_full() -> None:
    (limit,) = limits_reached(LIMITED, (HELD, change(2, 1, "suspended", "2024-12-15")), DAY)
    assert (limit.required, limit.since) == ("suspended for fewer than 12 months", date(2025, 12, 15))
    assert limit.facts == (event_id(1), event_id(2))


def test_who_holds_no_certificate_reaches_no_limit() -> None:
    """None, a revoked one, an expired one: there is nothing to take."""
    failed = (inspection(2, 2024, "failed"), inspection(3, 2025, "failed"))
    assert reached(*failed) == []
    assert reached(HELD, *failed, change(4, 1, "revoked", "2026-01-15")) == []
    assert reached(certificate(1, "senior", "2020-01-01", "2026-01-31"), *failed) == []


def test_the_certificate_that_is_held_is_told_of_and_none_that_it_has_superseded() -> None:
    facts = (HELD, certificate(2, "junior", "2019-01-01"), rating(3, 2025, "basic"))
    assert [limit.certificate for limit in limits_reached(LIMITED, facts, DAY)] == ["C-1"]


def test_a_limit_that_was_acted_on_is_told_no_longer() -> None:
    """Until there is a new reason: what was done before the last failure does not count."""
    failed = inspection(2, 2025, "failed")
    suspended, again = change(3, 1, "suspended", "2025-12-10"), change(4, 1, "reinstated", "2026-01-10")
    assert reached(HELD, failed) == [("10.4", "failed 2025")]
    assert reached(HELD, failed, suspended) == []
    assert reached(HELD, failed, suspended, again) == []
    newer = inspection(5, 2026, "failed", "2026-01-20")
    assert ("10.4", "failed 2026") in reached(HELD, failed, suspended, again, newer)
    assert reached(HELD, failed, change(3, 1, "suspended", "2025-11-29"), change(4, 1, "reinstated", "2026-01-10")) == [
        ("10.4", "failed 2025")
    ]


def test_what_is_suspended_already_is_not_told_to_be_suspended() -> None:
    assert reached(HELD, inspection(2, 2025, "failed"), change(3, 1, "suspended", "2025-06-01")) == []


# --- divisions ----------------------------------------------------------------------------------------------------------


def test_the_standard_of_the_nearest_division_is_in_force() -> None:
    """Of the city's two the later one, in all of its counties; not in another city, and not before its first day."""
    first = standard()
    later = first.model_copy(update={"document": "standard-2", "effective_on": date(2026, 1, 1)})
    county = first.model_copy(update={"document": "county-1", "division": "320115"})
    known = [("e-1", first), ("e-2", later), ("e-3", county)]
    assert in_force(known, "320102", DAY) == ("e-2", later)
    assert in_force(known, "320102", date(2025, 12, 31)) == ("e-1", first)
    assert in_force(known, "320115", DAY) == ("e-3", county)
    assert in_force(known, "320200", DAY) is None
    assert in_force(known, "320102", date(2024, 12, 31)) is None


@pytest.mark.parametrize(
    ("grade", "division", "steward"),
    [("junior", "320102", "320102"), ("intermediate", "320102", "320100"), ("senior", "320100", "320100"),
     ("special", "320102", "320000"), (None, "320102", "320102"), (None, "320100", "320100"),
     ("unheard_of", "320102", "320102")],
)  # fmt: skip
def test_a_worker_is_stewarded_by_the_level_of_the_grade(grade: str | None, division: str, steward: str) -> None:
    """By the scheme's own rule where no standard says otherwise; without a certificate, by the division of registration."""
    other_words = STANDARD.model_copy(update={"grades": ()})
    for standard in (STANDARD, None, other_words):
        assert steward_of(standard, grade, division) == steward


@pytest.mark.parametrize(
    ("grade", "issuer", "may"),
    [("junior", "320102", True), ("junior", "320100", False), ("intermediate", "320100", True), ("senior", "320102", False),
     ("senior", "320000", False), ("special", "320000", True), ("special", "320100", False)],
)  # fmt: skip
def test_only_a_division_of_its_level_issues_a_grade(grade: str, issuer: str, may: bool) -> None:
    """Special: the province; senior and intermediate: the city; junior: the county."""
    assert may_issue(of(STANDARD, grade), issuer) is may


@pytest.mark.parametrize(
    ("grade", "issuer", "division", "holds"),
    [("special", "320000", "320506", True), ("special", "320000", "330106", False), ("senior", "320100", "320115", True),
     ("senior", "320100", "320506", False), ("junior", "320102", "320115", True), ("junior", "320102", "320506", False),
     ("senior", "320100", "320000", False)],
)  # fmt: skip
def test_a_certificate_holds_in_its_territory(grade: str, issuer: str, division: str, holds: bool) -> None:
    """Special in the whole province, the others in the issuing city, also where a county of it issued them."""
    assert valid_in(of(STANDARD, grade), issuer, division) is holds


def test_a_certificate_may_hold_anywhere_or_where_it_was_issued_only() -> None:
    senior = of(STANDARD)
    assert valid_in(senior.model_copy(update={"valid_in": "anywhere"}), "320100", "330106")
    county = senior.model_copy(update={"valid_in": "county"})
    assert not valid_in(county, "320102", "320115")
    # What was issued above that level holds below its issuer.
    assert valid_in(county, "320100", "320115")
