"""The policies in ``policies/``: a few workers' years under each, worked out by hand, and that together they use the language.

All workers are made up. What is a public fact stands at the head of each document.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import pytest

from contracts.allowance import Decision
from contracts.policy import AllowanceLine, Dimension, Instrument, PolicyDocument, Rounding, Rule, Settings, Within
from services.allowance.engine import KnownFact, PolicyInForce, decide_year
from services.allowance.policy import read_policy
from services.allowance.settings_text import NUMBER_OF, has_effect
from tests.allowance.test_engine import (
    certified,
    changed,
    ends,
    event_id,
    inspected,
    moved,
    rated,
    recognised,
    registered,
    starts,
    unmet,
)

POLICIES = Path(__file__).parents[2] / "policies"
SECRETARY = starts(2, "2019-01-01", channel="internal")
RECRUITED = starts(2, "2019-01-01", category="recruited", channel="recruited")
ON_FILE = {path.stem: read_policy(path.read_text(encoding="utf-8")) for path in sorted(POLICIES.glob("*.yaml"))}


def in_force(*names: str) -> list[PolicyInForce]:
    return [PolicyInForce(event_id(900 + place), ON_FILE[name]) for place, name in enumerate(names)]


def worker(division: str, *facts: KnownFact, year: int = 2022, rating: str = "competent", **how: Any) -> list[KnownFact]:
    """Registered, a full-time secretary since 2019 unless ``facts`` say otherwise, inspected and rated for the year."""
    plain = [
        registered(division, **how),
        starts(2, "2019-01-01"),
        rated(rating, f"{year + 1}-01-10", year),
        inspected("passed", f"{year}-11-01", year),
    ]
    return [*{fact.event_id: fact for fact in [*plain, *facts]}.values()]


def decided(policy: str, facts: Sequence[KnownFact], year: int = 2022, instrument: Any = "allowance") -> Decision:
    decision = decide_year(facts, in_force(*policy.split()), year, instrument)
    assert decision is not None
    return decision


def amounts(decision: Decision) -> dict[str, int]:
    return {line.name: line.amount_fen for line in decision.lines}


def payers(decision: Decision) -> dict[str, int]:
    return {payer.payer: payer.amount_fen for payer in decision.payers}


def refused(decision: Decision) -> tuple[list[str], str]:
    """Which rules are not met, and the clause that is cited."""
    return unmet(decision), decision.policy.clause


# Lianshan: public facts --------------------------------------------------------------------------------------------------


def lianshan(*facts: KnownFact, **how: Any) -> Decision:
    return decided("lianshan-2013", [registered("441825", **how), *facts], 2013)


def test_lianshan_pays_a_full_time_secretary_2000_yuan_a_month_from_the_province() -> None:
    """12 x 2,000 = 24,000 yuan, without a rating or a certificate."""
    decision = lianshan(starts(2, "2010-05-01"))
    assert decision.lines[0].arithmetic == "200000 fen x 12 months = 2400000 fen"
    assert payers(decision) == {"province": 2_400_000}
    assert decision.lines[0].status == "public-fact"


def test_lianshan_pays_a_part_time_secretary_300_yuan_a_month() -> None:
    """From 10 April: 9 x 300 = 2,700 yuan."""
    assert lianshan(starts(2, "2013-04-10", full_time=False)).amount_fen == 270_000


def test_lianshan_follows_a_change_from_full_to_part_time() -> None:
    """6 x 2,000 + 6 x 300 = 13,800 yuan."""
    decision = lianshan(starts(2, "2010-05-01"), ends(3, "2013-06-30"), starts(4, "2013-07-01", "e2", full_time=False))
    assert decision.lines[0].arithmetic == "200000 fen x 6 months + 30000 fen x 6 months = 1380000 fen"


def test_lianshan_pays_one_of_two_posts() -> None:
    assert lianshan(starts(2, "2010-05-01"), starts(4, "2012-07-01", "e2", full_time=False)).amount_fen == 2_400_000


def test_lianshan_excludes_civil_servants_and_whoever_is_no_secretary() -> None:
    assert refused(lianshan(starts(2, "2010-05-01"), civil_servant=True)) == (
        ["not_civil_servant"],
        "unnumbered (exclusions)",
    )
    assert refused(lianshan(starts(2, "2010-05-01", category="recruited"))) == (["category"], "unnumbered (who)")
    later = [registered("441825"), starts(2, "2014-01-01")]
    assert decide_year(later, in_force("lianshan-2013"), 2013) is None


# Suzhou: public facts ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("grade", "fen"), [("junior", 120_000), ("intermediate", 360_000), ("senior", 600_000)])
def test_suzhou_pays_100_300_or_500_yuan_a_month_by_the_certificate(grade: str, fen: int) -> None:
    facts = [registered("320506"), starts(2, "2019-01-01", category="recruited"), certified(3, "2019-05-01", grade)]
    assert decided("suzhou-social-workers", facts, 2021).amount_fen == fen


def test_suzhou_follows_certificate_and_promotion_month_by_month() -> None:
    """Certified in March, promoted in September: 6 x 100 + 4 x 300 = 1,800 yuan; suspended from November: 1,200 yuan."""
    facts = [
        registered("320506"),
        starts(2, "2019-01-01"),
        certified(3, "2021-03-15"),
        certified(4, "2021-09-02", "intermediate"),
    ]
    assert decided("suzhou-social-workers", facts, 2021).amount_fen == 180_000
    suspended = [*facts, changed(5, "suspended", "2021-11-01", certificate=4)]
    assert decided("suzhou-social-workers", suspended, 2021).amount_fen == 120_000
    assert refused(decided("suzhou-social-workers", facts[:2], 2021)) == (["certificate"], "unnumbered (certificate)")


# A strict county ---------------------------------------------------------------------------------------------------------

COUNTY: dict[str, tuple[list[KnownFact], dict[str, int], dict[str, int]]] = {
    "an intermediate secretary, competent: 12 x 400; 333.33 down to the yuan; 70 to 30": (
        worker("980102", certified(3, "2019-05-01", "intermediate")),
        {"post": 480_000, "books": 33_300},
        {"county": 336_000, "town": 144_000 + 33_300},
    ),
    "an excellent deputy: 120 percent of 12 x 200 and of 333.33": (
        worker("980102", starts(2, "2019-01-01", category="deputy_secretary"), certified(3, "2019-05-01"), rating="excellent"),
        {"post": 288_000, "books": 39_900},
        {"county": 201_600, "town": 86_400 + 39_900},
    ),
    "a recruited senior rated basic, left on 20 September: half of 8 x 550, half of 333.33": (
        worker(
            "980102",
            starts(2, "2019-01-01", category="recruited"),
            ends(4, "2022-09-20"),
            certified(3, "2019-05-01", "senior"),
            rating="basic",
        ),
        {"post": 220_000, "books": 16_600},
        {"county": 154_000, "town": 66_000 + 16_600},
    ),
    "promoted in November: the grade of the year's end for all months": (
        worker("980102", certified(3, "2019-05-01"), certified(4, "2022-11-10", "senior")),
        {"post": 720_000, "books": 33_300},
        {"county": 504_000, "town": 216_000 + 33_300},
    ),
    "failed the inspection in May: stopped from June": (
        worker("980102", certified(3, "2019-05-01"), inspected("failed", "2022-05-20", 2022)),
        {"post": 150_000, "books": 33_300},
        {"county": 105_000, "town": 45_000 + 33_300},
    ),
    "begun on 2 March: April to December are whole": (
        worker("980102", starts(2, "2022-03-02"), certified(3, "2019-05-01")),
        {"post": 270_000, "books": 33_300},
        {"county": 189_000, "town": 81_000 + 33_300},
    ),
    "two posts: the earlier one, which is the lower": (
        worker("980102", RECRUITED, starts(5, "2020-01-01", "e2"), certified(3, "2019-05-01")),
        {"post": 300_000, "books": 33_300},
        {"county": 210_000, "town": 90_000 + 33_300},
    ),
}


@pytest.mark.parametrize(("facts", "lines", "paid"), COUNTY.values(), ids=COUNTY.keys())
def test_the_strict_county_pays(facts: list[KnownFact], lines: dict[str, int], paid: dict[str, int]) -> None:
    decision = decided("example-county", facts)
    assert (amounts(decision), payers(decision)) == (lines, paid)


def test_the_strict_county_refuses() -> None:
    """A rating that comes after the end of 2024; a part-time post; a move from a county that has no policy."""
    certificate = certified(3, "2019-05-01")
    late = worker("980102", certificate, rated("competent", "2025-01-02", 2022))
    assert refused(decided("example-county", late)) == (["rating"], "7")
    in_time = worker("980102", certificate, rated("competent", "2024-12-31", 2022))
    assert decided("example-county", in_time).decision == "granted"
    part_time = worker("980102", certificate, starts(2, "2019-01-01", full_time=False))
    assert refused(decided("example-county", part_time)) == (["full_time"], "3")
    came = worker("980103", certificate, moved(7, "2022-06-01", "980102"))
    assert decide_year(came, in_force("example-county"), 2022) is None


# A city with six levels ---------------------------------------------------------------------------------------------------

CITY: dict[str, tuple[list[KnownFact], dict[str, int], dict[str, int]]] = {
    "level five holds in the whole city; 5,400.01 goes up to the jiao, 67 to 33 with the odd fen to the city": (
        worker("980203", certified(3, "2019-05-01", "level_5", issuer="980201"), rating="good"),
        {"base": 540_010, "posts": 120_000},
        {"city": 361_807 + 120_000, "harbour": 178_203},
    ),
    "level four holds in its county, elsewhere by recognition; an instructor has no duty allowance": (
        worker(
            "980201",
            starts(2, "2019-01-01", category="instructor"),
            certified(3, "2019-05-01", "level_4", issuer="980203"),
            recognised(6, "2022-05-02", "980201"),
            rating="excellent",
        ),
        {"base": 480_010},
        {"city": 321_607, "harbour": 158_403},
    ),
    "level six is paid by the province, and what exceeds the cap is taken from the last line": (
        worker("980205", certified(3, "2019-05-01", "level_6", issuer="980000"), rating="excellent"),
        {"base": 960_010, "posts": 39_990},
        {"province": 960_010, "city": 39_990},
    ),
    "the harbour district pays its own; of two posts the later one counts": (
        worker(
            "980205",
            starts(5, "2020-01-01", "e2", "recruited"),
            certified(3, "2019-05-01", "level_4", issuer="980205"),
            rating="basic",
        ),
        {"base": 120_010, "posts": 60_000},
        {"city": 60_000, "harbour": 120_010},
    ),
    "failed the inspection in June: January to May": (
        worker(
            "980203",
            certified(3, "2019-05-01", "level_5", issuer="980201"),
            inspected("failed", "2022-06-10", 2022),
            rating="good",
        ),
        {"base": 225_010, "posts": 50_000},
        {"city": 150_757 + 50_000, "harbour": 74_253},
    ),
    "moved after the rating: the division held when rated pays": (
        worker(
            "980205",
            certified(3, "2019-05-01", "level_5", issuer="980201"),
            rated("good", "2022-07-15", 2022),
            moved(7, "2022-08-01", "980201"),
        ),
        {"base": 540_010, "posts": 120_000},
        {"city": 120_000, "harbour": 540_010},
    ),
    "begun on 2 March: nine months have a first day": (
        worker("980203", starts(2, "2022-03-02"), certified(3, "2019-05-01", "level_5", issuer="980201"), rating="good"),
        {"base": 405_010, "posts": 90_000},
        {"city": 271_357 + 90_000, "harbour": 133_653},
    ),
}


@pytest.mark.parametrize(("facts", "lines", "paid"), CITY.values(), ids=CITY.keys())
def test_the_city_with_six_levels_pays(facts: list[KnownFact], lines: dict[str, int], paid: dict[str, int]) -> None:
    decision = decided("example-lakeside-city", facts)
    assert (amounts(decision), payers(decision)) == (lines, paid)


def test_the_city_with_six_levels_refuses_and_warns() -> None:
    """A certificate of another county; level three; leaving in the year; and an amount below what teachers have."""
    abroad = worker("980201", certified(3, "2019-05-01", "level_4", issuer="980203"), rating="good")
    assert refused(decided("example-lakeside-city", abroad)) == (["certificate"], "3")
    lower = worker("980201", certified(3, "2019-05-01", "level_3", issuer="980201"), rating="good")
    assert refused(decided("example-lakeside-city", lower)) == (["certificate"], "3")
    left = worker("980201", certified(3, "2019-05-01", "level_4", issuer="980201"), ends(4, "2022-10-31"), rating="good")
    assert refused(decided("example-lakeside-city", left)) == (["engaged"], "2")
    instructor = starts(2, "2019-01-01", category="instructor")
    little = worker("980205", instructor, certified(3, "2019-05-01", "level_4", issuer="980205"), rating="basic")
    assert decided("example-lakeside-city", little).warnings == (
        "120010 fen are below the floor teachers of clause 9: 144000 fen",
    )


# A province that adjusts after the fact -------------------------------------------------------------------------------------

PROVINCE: dict[str, tuple[int, list[KnownFact], dict[str, int], dict[str, int]]] = {
    "in 2022 the months from March on: 10/12 of 2,400": (
        2022,
        worker("980203", SECRETARY),
        {"base": 200_000},
        {"province": 200_000},
    ),
    "in 2023 half a year at 3,000, paid by the province, and half at 3,600, shared": (
        2023,
        worker("980203", SECRETARY, year=2023),
        {"base": 330_000},
        {"province": 150_000 + 90_000, "city": 90_000},
    ),
    "in the capital 4,200, from July by the capital, and 1,000 for the excellent": (
        2023,
        worker("980101", SECRETARY, year=2023, rating="excellent"),
        {"base": 420_000, "excellence": 100_000},
        {"province": 210_000 + 100_000, "capital": 210_000},
    ),
    "moved from the capital in April: 4/12 of 2,100 and 8/12 of 1,800": (
        2023,
        worker("980101", RECRUITED, moved(7, "2023-04-10", "980203"), year=2023),
        {"base": 70_000 + 120_000},
        {"province": 70_000 + 30_000 + 45_000, "city": 45_000},
    ),
    "left in February: paid to the end of the year; part time, half the extra": (
        2023,
        worker(
            "980203",
            starts(2, "2019-01-01", full_time=False, channel="internal"),
            ends(4, "2023-02-28"),
            year=2023,
            rating="excellent",
        ),
        {"base": 330_000, "excellence": 50_000},
        {"province": 240_000 + 50_000, "city": 90_000},
    ),
    "failed in November 2022: that year is paid": (
        2022,
        worker("980203", SECRETARY, inspected("failed", "2022-11-01", 2022)),
        {"base": 200_000},
        {"province": 200_000},
    ),
}


@pytest.mark.parametrize(("year", "facts", "lines", "paid"), PROVINCE.values(), ids=PROVINCE.keys())
def test_the_province_pays(year: int, facts: list[KnownFact], lines: dict[str, int], paid: dict[str, int]) -> None:
    decision = decided("example-province", facts, year)
    assert (amounts(decision), payers(decision)) == (lines, paid)


def test_the_province_refuses() -> None:
    """The year after a failed inspection, though the next one is passed in October; a dispatched cadre; a civil servant."""
    failed = worker("980203", SECRETARY, inspected("failed", "2022-11-01", 2022, 61), year=2023)
    assert refused(decided("example-province", failed, 2023)) == (["inspection"], "4")
    dispatched = worker("980203", starts(2, "2019-01-01", channel="dispatched"))
    assert refused(decided("example-province", dispatched)) == (["entry_channel"], "2")
    assert refused(decided("example-province", worker("980203", SECRETARY, civil_servant=True))) == (
        ["not_civil_servant"],
        "6",
    )


# Instruments beside each other in one city ----------------------------------------------------------------------------------

BESIDE = "example-lakeside-city example-work-expense example-part-time"


def test_an_instructor_is_authorised_to_spend_by_the_month_up_to_the_yuan() -> None:
    """15 April to 10 November: the month of leaving counts, 8/12 of 8,000 = 5,333.33, up to 5,334 yuan."""
    facts = [registered("980201"), starts(2, "2022-04-15", category="instructor"), ends(4, "2022-11-10")]
    decision = decided(BESIDE, facts, instrument="work_expense")
    assert (decision.instrument, amounts(decision), payers(decision)) == (
        "work_expense",
        {"expenses": 533_400},
        {"city": 533_400},
    )
    half = [registered("980201"), starts(2, "2019-01-01", category="instructor", full_time=False)]
    assert decided(BESIDE, half, instrument="work_expense").amount_fen == 300_000
    assert decide_year(facts, in_force(*BESIDE.split()), 2022, "part_time") is None


def test_not_in_a_year_in_which_the_instructor_has_the_allowance() -> None:
    instructor = starts(2, "2019-01-01", category="instructor")
    facts = worker("980201", instructor, certified(3, "2019-05-01", "level_4", issuer="980201"), rating="good")
    assert refused(decided(BESIDE, facts, instrument="work_expense")) == (["without_allowance"], "3")


def test_a_part_time_cadre_has_150_yuan_for_each_month_without_the_allowance() -> None:
    """The allowance pays January to May, as the inspection was failed in June: 7 x 150 = 1,050 yuan."""
    cadre = [registered("980201"), starts(2, "2019-01-01", category="part_time", full_time=False)]
    assert payers(decided(BESIDE, cadre, instrument="part_time")) == {"unit": 180_000}
    level_4 = certified(3, "2019-05-01", "level_4", issuer="980201")
    both = worker("980201", level_4, inspected("failed", "2022-06-10", 2022), rating="good")
    assert decided(BESIDE, both).decision == "granted"
    assert amounts(decided(BESIDE, both, instrument="part_time")) == {"allowance": 105_000}


# Together they use the language -----------------------------------------------------------------------------------------------


def test_every_value_of_every_setting_is_that_of_some_invented_policy() -> None:
    """At least four invented ones together; every number is given by one. Each setting has an effect in one that names it."""
    invented = [document for name, document in ON_FILE.items() if name.startswith("example-")]
    assert len(invented) >= 4
    for name, field in Settings.model_fields.items():
        found = {getattr(document.settings, name) for document in invented}
        named = [document for document in invented if name in document.settings.model_fields_set]
        assert any(has_effect(document, name) for document in named), name
        if name in NUMBER_OF.values():
            assert found - {None}, f"no policy gives {name}"
        else:
            assert found == set(get_args(field.annotation)), name


def lines() -> list[AllowanceLine]:
    return [line for document in ON_FILE.values() for line in document.lines]


def test_every_construct_is_in_some_policy() -> None:
    """Rules with all their parts, dimensions, periods, payers with conditions, months, cap, floors, rounding, instruments."""
    documents: list[PolicyDocument] = [*ON_FILE.values()]
    rules = [rule for document in documents for rule in document.eligibility]
    assert {rule.rule for rule in rules} == {
        word for rule in get_args(get_args(Rule)[0]) for word in get_args(rule.model_fields["rule"].annotation)
    }
    assert {getattr(rule, "within", None) for rule in rules} == {"month", "year", None}
    certificates = [rule for rule in rules if rule.rule == "certificate"]
    assert {rule.at_least is None for rule in certificates} == {True, False}
    assert {each.within for rule in certificates for each in rule.valid_in} >= set(get_args(Within)) - {"anywhere"}
    assert {dimension for line in lines() for dimension in line.by} == set(get_args(Dimension))
    assert {(line.period, line.prorated) for line in lines()} == {("annual", True), ("annual", False), ("monthly", True)}
    assert {line.others for line in lines()} == {"gap", "nothing"}
    assert {line.taxable for line in lines()} == {True, False, None}
    entries = [paid_by for line in lines() for paid_by in line.paid_by]
    for condition in ("grade", "division", "last_month", "remainder"):
        assert any(getattr(entry, condition) for entry in entries), condition
    rows = [row for line in lines() for row in line.amounts]
    assert any(row.first_month for row in rows)
    assert any(row.last_month for row in rows)
    assert {document.rounding.to for document in documents} == set(get_args(Rounding.model_fields["to"].annotation))
    assert {document.rounding.how for document in documents} == set(get_args(Rounding.model_fields["how"].annotation))
    assert {document.instrument for document in documents} == set(get_args(Instrument))
    floors = [floor for document in documents for floor in document.floors]
    assert {floor.period for floor in floors} == {"annual", "monthly"}
    assert {bool(floor.lines) for floor in floors} == {True, False}
    assert any(document.cap for document in documents)
    assert any(document.effective.last_day is None for document in documents)
    assert any(document.effective.first_day < document.issued_on for document in documents)


def test_what_is_made_up_says_so_and_what_is_published_says_what() -> None:
    for name, document in ON_FILE.items():
        published = [line for line in document.lines if line.status == "public-fact"]
        assert (document.status == "public-fact") is bool(published) is not name.startswith("example-"), name
        assert document.note, name
        assert document.title_en, name
