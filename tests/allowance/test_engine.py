"""The allowance engine: each rule, each setting, the money, and what must hold whatever the facts are.

All workers, amounts and dates here are made up, except Changtu county's published figures.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any, get_args
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.allowance import Decision, Line, Predicate
from contracts.certificate_life import spans_of_all
from contracts.particulars import (
    Certificate,
    CertificateChange,
    CheckedItem,
    EngagementEnd,
    EngagementStart,
    InspectionResult,
    Particulars,
    RatingResult,
    Recognition,
    Registration,
    RegistrationStatus,
    Transfer,
)
from contracts.policy import PolicyDocument, Rounding, Settings
from contracts.registration_life import closed_spans
from services.allowance.engine import (
    UNKNOWN_WORD_SUFFIX,
    KnownFact,
    PolicyInForce,
    choose_policy,
    covers,
    decide_year,
    division_of,
    rounded,
    unknown_words,
    years_touched,
)
from services.allowance.policy import read_policy
from services.allowance.settings_text import NUMBER_OF

POLICIES = Path(__file__).parents[2] / "policies"
YEAR = 2021


# The world of these tests -----------------------------------------------------------------------------------------------


def event_id(number: int) -> str:
    return str(UUID(int=number))


def known(number: int, day: str, particulars: Particulars, source: str = "") -> KnownFact:
    return KnownFact(event_id(number), date.fromisoformat(day), particulars, source)


def registered(division: str = "320102", civil_servant: bool = False) -> KnownFact:
    return known(1, "2019-01-01", Registration(division=division, civil_servant=civil_servant))


def starts(
    number: int,
    day: str,
    key: str = "e1",
    category: str = "secretary",
    full_time: bool = True,
    source: str = "",
    channel: str | None = None,
) -> KnownFact:
    said = EngagementStart.model_validate(
        {
            "engagement": key,
            "category": category,
            "unit": "unit 7",
            "post": "post",
            "full_time": full_time,
            "entry_channel": channel,
        }
    )
    return known(number, day, said, source)


def ends(number: int, day: str, key: str = "e1", source: str = "") -> KnownFact:
    return known(number, day, EngagementEnd(engagement=key, reason="resigned"), source)


def certified(number: int, day: str, grade: str = "junior", expires: str | None = None, issuer: str = "320102") -> KnownFact:
    expires_on = date.fromisoformat(expires) if expires else None
    return known(number, day, Certificate(number=f"c{number}", grade=grade, issuer=issuer, expires_on=expires_on))


def recognised(number: int, day: str, division: str, certificate: int = 3) -> KnownFact:
    """A recognition of the certificate with that fact's number."""
    return known(number, day, Recognition(number=f"c{certificate}", division=division))


def rated(rating: str = "competent", day: str = "2022-01-10", year: int = YEAR, number: int = 50) -> KnownFact:
    return known(number, day, RatingResult(year=year, rating=rating))


def inspected(outcome: str = "passed", day: str = "2021-11-01", year: int = YEAR, number: int = 60) -> KnownFact:
    said = InspectionResult.model_validate({"year": year, "outcome": outcome})
    return known(number, day, said)


def changed(number: int, what: str, day: str, grade: str | None = None, certificate: int = 3) -> KnownFact:
    """A change of the certificate with that fact's number."""
    said = CertificateChange.model_validate(
        {"key": f"k{number}", "number": f"c{certificate}", "change": what, "grade": grade, "reason": "made up"}
    )
    return known(number, day, said)


def closed(number: int, day: str) -> KnownFact:
    return known(number, day, RegistrationStatus(key=f"s{number}", status="closed", reason="left"))


def reopened(number: int, day: str) -> KnownFact:
    return known(number, day, RegistrationStatus(key=f"s{number}", status="reopened", reason="returned"))


def moved(number: int, day: str, division: str = "320104") -> KnownFact:
    return known(number, day, Transfer(key=f"t{number}", division=division))


WORKER = (registered(), starts(2, "2019-01-01"), certified(3, "2019-05-01"), inspected(), rated())
"""A full-time secretary, junior, engaged all year, inspected and rated competent."""


def but(*changed: KnownFact, without: str = "") -> tuple[KnownFact, ...]:
    """WORKER with facts of the same id replaced, others added, and those of a kind left out."""
    facts = {fact.event_id: fact for fact in WORKER if fact.particulars.kind != without}
    return tuple((facts | {fact.event_id: fact for fact in changed}).values())


RULES: dict[str, dict[str, Any]] = {
    "category": {"rule": "category", "among": ["secretary", "recruited"], "clause": "1"},
    "engaged": {"rule": "engaged", "clause": "2"},
    "certificate": {"rule": "certificate", "clause": "3"},
    "inspection": {"rule": "inspection", "clause": "4"},
    "rating": {"rule": "rating", "at_least": "competent", "clause": "5"},
}
BASE: dict[str, Any] = {
    "name": "base",
    "zh": "津贴",
    "clause": "7",
    "period": "annual",
    "by": ["grade"],
    "amounts": [
        {"grade": "junior", "amount_fen": 120000},
        {"grade": "intermediate", "amount_fen": 240000},
        {"grade": "senior", "amount_fen": 360000},
    ],
    "paid_by": "county",
}


def line(**changes: Any) -> dict[str, Any]:
    return BASE | changes


def flat(amount_fen: int, **changes: Any) -> dict[str, Any]:
    return line(by=[], amounts=[{"amount_fen": amount_fen}], **changes)


def document(rules: Sequence[dict[str, Any]] | None = None, lines: Sequence[dict[str, Any]] = (BASE,), **changes: Any) -> Any:
    plain: dict[str, Any] = {
        "document": "test-1",
        "title": "试行办法",
        "division": "320100",
        "issued_on": "2021-01-01",
        "effective": {"first_day": "2021-01-01", "last_day": "2021-12-31"},
        "source": "made up for a test",
        "vocabulary": {
            "ratings": [{"word": word, "zh": word} for word in ("excellent", "competent", "basic", "incompetent")],
            "grades": [{"word": word, "zh": word} for word in ("junior", "intermediate", "senior")],
            "categories": [{"word": word, "zh": word} for word in ("secretary", "deputy_secretary", "recruited", "instructor")],
        },
        "eligibility": list(rules if rules is not None else RULES.values()),
        "payers": [{"name": name, "zh": name} for name in ("province", "city", "county")],
        "lines": list(lines),
    }
    return PolicyDocument.model_validate(plain | changes)


def published(number: int = 900, **changes: Any) -> PolicyInForce:
    return PolicyInForce(event_id(number), document(**changes))


def decide(facts: Sequence[KnownFact], year: int = YEAR, **changes: Any) -> Decision:
    decision = decide_year(facts, (published(**changes),), year)
    assert decision is not None
    return decision


def setting(**values: Any) -> dict[str, Any]:
    return {"settings": values}


def predicate(decision: Decision, name: str) -> Predicate:
    return next(each for each in decision.predicates if each.name == name)


def only_line(decision: Decision) -> Line:
    assert len(decision.lines) == 1
    return decision.lines[0]


def shares_of(line: Line) -> dict[str, int]:
    return {share.payer: share.amount_fen for share in line.shares}


def unmet(decision: Decision) -> list[str]:
    return [each.name for each in decision.predicates if not each.met]


def load(name: str) -> PolicyInForce:
    return PolicyInForce(event_id(800), read_policy((POLICIES / name).read_text(encoding="utf-8")))


# Granted and denied, two-sided ----------------------------------------------------------------------------------------------


def test_a_worker_who_meets_every_predicate_is_granted_the_amount_of_the_grade() -> None:
    """Given all five conditions, then the yearly amount of the grade, its arithmetic, clause and payer."""
    decision = decide(WORKER)
    assert (decision.decision, decision.amount_fen, decision.division) == ("granted", 120000, "320102")
    assert only_line(decision).arithmetic == "120000 fen x 12/12 months = 120000 fen"
    assert only_line(decision).clause == "7"
    assert decision.policy.clause == "7"
    assert shares_of(only_line(decision)) == {"county": 120000}


def test_every_predicate_is_listed_with_what_was_required_and_found_even_if_the_first_one_denies() -> None:
    """An instructor with nothing on file but a rating: all five predicates are judged, and the refusal cites the first."""
    decision = decide((registered(), starts(2, "2021-03-01", category="instructor"), rated("basic")))
    assert decision.decision == "denied"
    assert decision.amount_fen == 0
    assert decision.lines == ()
    assert decision.payers == ()
    assert [(each.name, each.required, each.found, each.met) for each in decision.predicates] == [
        ("category", "secretary or recruited", "instructor", False),
        ("engaged", "engaged in 2021", "since 2021-03-01: 10 months", True),
        ("certificate", "held in 2021", "none", False),
        ("inspection", "passed", "none", False),
        ("rating", "competent or above", "basic", False),
    ]
    assert decision.policy.clause == "1"


def test_a_decision_freezes_the_facts_that_it_used_and_no_others() -> None:
    """The rating of another year and the engagement that ended before are not looked at."""
    other = (
        rated("excellent", year=2020, day="2021-01-10", number=51),
        starts(70, "2010-01-01", "old"),
        ends(71, "2012-01-01", "old"),
    )
    decision = decide((*WORKER, *other))
    assert {used.fact for used in decision.facts} == {fact.event_id for fact in WORKER}
    assert [used.effective_on for used in decision.facts] == sorted(fact.effective_on for fact in WORKER)


def test_each_predicate_names_the_facts_that_it_looked_at() -> None:
    decision = decide(but(ends(4, "2021-06-30")))
    assert predicate(decision, "engaged").facts == (event_id(2), event_id(4))
    assert predicate(decision, "certificate").facts == (event_id(3),)
    assert predicate(decision, "rating").facts == (event_id(50),)


def test_without_a_registration_nothing_is_decided() -> None:
    assert decide_year(but(without="registration")[1:], (published(),), YEAR) is None


def test_without_a_policy_for_the_division_and_year_nothing_is_decided() -> None:
    assert decide_year(WORKER, (published(division="330000"),), YEAR) is None
    assert decide_year((*WORKER, rated(year=2022, number=51)), (published(),), 2022) is None


def test_a_civil_servant_is_excluded_where_the_policy_says_so() -> None:
    rules = [*RULES.values(), {"rule": "not_civil_servant", "clause": "6"}]
    decision = decide(but(registered(civil_servant=True)), rules=rules)
    assert unmet(decision) == ["not_civil_servant"]
    assert predicate(decision, "not_civil_servant").found == "civil servant"
    assert decide(WORKER, rules=rules).decision == "granted"


def test_a_part_time_worker_is_denied_where_full_time_is_required() -> None:
    rules = [*RULES.values(), {"rule": "full_time", "clause": "6"}]
    decision = decide(but(starts(2, "2019-01-01", full_time=False)), rules=rules)
    assert unmet(decision) == ["full_time"]
    assert predicate(decision, "full_time").found == "part time"


def test_two_posts_that_each_meet_another_rule_do_not_make_one_that_meets_both() -> None:
    """A part-time secretary who is also a full-time instructor holds no full-time secretary's post."""
    rules = [*RULES.values(), {"rule": "full_time", "clause": "6"}]
    both = but(starts(2, "2019-01-01", full_time=False), starts(4, "2019-01-01", "e2", "instructor"))
    assert decide(both, rules=rules).decision == "denied"


def test_only_posts_entered_by_a_listed_channel_count() -> None:
    """Recruited in the open until June, then dispatched; a post of which no channel is known does not count."""
    rules = [*RULES.values(), {"rule": "entry_channel", "among": ["internal", "recruited"], "clause": "6"}]
    facts = but(
        starts(2, "2019-01-01", channel="recruited"), ends(4, "2021-06-30"), starts(5, "2021-07-01", "e2", channel="dispatched")
    )
    decision = decide(facts, rules=rules)
    assert decision.amount_fen == 60000
    found = predicate(decision, "entry_channel")
    assert (found.required, found.found, found.met, found.facts) == ("internal or recruited", "recruited", True, (event_id(2),))
    unknown = decide(WORKER, rules=rules)
    assert (unmet(unknown), predicate(unknown, "entry_channel").found) == (["entry_channel"], "not stated")
    nobody = decide((registered(), rated()), rules=rules)
    assert predicate(nobody, "entry_channel").found == "no post"


def test_a_policy_without_grades_pays_by_rating_alone() -> None:
    """As in Changtu: no category, certificate or inspection is asked for."""
    table = line(
        by=["rating"], amounts=[{"rating": "excellent", "amount_fen": 200}, {"rating": "competent", "amount_fen": 100}]
    )
    facts = (registered(), starts(2, "2019-01-01", category="instructor"), rated("excellent"))
    decision = decide(facts, rules=[RULES["engaged"], RULES["rating"]], lines=[table])
    assert (decision.decision, decision.amount_fen) == ("granted", 200)


def test_without_the_engaged_rule_all_twelve_months_count() -> None:
    decision = decide((registered(), rated()), rules=[RULES["rating"]], lines=[flat(120000)])
    assert decision.amount_fen == 120000
    later = decide((registered(), starts(2, "2021-10-01"), rated()), rules=[RULES["category"]], lines=[flat(120000)])
    assert later.amount_fen == 120000


# Ratings ----------------------------------------------------------------------------------------------------------------


def test_a_rating_word_unknown_to_the_vocabulary_is_denied_and_can_be_recognised() -> None:
    facts = but(rated("good"))
    decision = decide(facts)
    assert unmet(decision) == ["rating"]
    assert predicate(decision, "rating").found == "good (not in the vocabulary)"
    assert predicate(decision, "rating").found.endswith(UNKNOWN_WORD_SUFFIX)
    assert unknown_words(facts, published(), YEAR) == ("rating:good",)
    assert unknown_words(WORKER, published(), YEAR) == ()


def test_a_grade_word_unknown_to_the_vocabulary_does_not_count_and_says_so() -> None:
    facts = but(certified(3, "2019-05-01", "master"))
    decision = decide(facts)
    assert unmet(decision) == ["certificate"]
    assert predicate(decision, "certificate").found == "master (not in the vocabulary)"
    assert unknown_words(facts, published(), YEAR) == ("grade:master",)


def test_unknown_words_are_only_those_that_the_policy_and_year_ask_for() -> None:
    facts = but(certified(3, "2019-05-01", "master"), rated("good"))
    without_certificate = published(rules=[RULES["engaged"], RULES["rating"]], lines=[flat(1)])
    assert unknown_words(facts, without_certificate, YEAR) == ("rating:good",)
    assert unknown_words(facts, published(), 2018) == ()


@pytest.mark.parametrize(("basic", "percent", "amount"), [("zero", None, None), ("reduced", 50, 60000)])
def test_setting_basic_zero_or_reduced(basic: str, percent: int | None, amount: int | None) -> None:
    """A basic rating brings nothing, or a percentage of the lowest qualifying rating's amount."""
    changes = {"basic": basic} | ({"basic_percent": percent} if percent else {})
    decision = decide(but(rated("basic")), **setting(**changes))
    assert (decision.amount_fen if decision.decision == "granted" else None) == amount
    if amount:
        assert only_line(decision).arithmetic == "120000 fen x 12/12 months x 50/100 = 60000 fen"


def test_setting_basic_reduced_takes_the_amount_of_the_lowest_qualifying_rating() -> None:
    table = line(
        by=["rating"], amounts=[{"rating": "excellent", "amount_fen": 900}, {"rating": "competent", "amount_fen": 300}]
    )
    decision = decide(but(rated("basic")), lines=[table], **setting(basic="reduced", basic_percent=10))
    assert decision.amount_fen == 30
    assert decide(but(rated("incompetent")), lines=[table], **setting(basic="reduced", basic_percent=10)).decision == "denied"


def test_setting_basic_listed_pays_its_own_row() -> None:
    rules = [RULES["engaged"], RULES["rating"] | {"at_least": "basic"}]
    table = line(by=["rating"], amounts=[{"rating": "competent", "amount_fen": 300}, {"rating": "basic", "amount_fen": 77}])
    assert decide(but(rated("basic")), rules=rules, lines=[table], **setting(basic="listed")).amount_fen == 77
    assert decide(but(rated("basic")), rules=rules, lines=[table], **setting(basic="zero")).decision == "denied"


@pytest.mark.parametrize(
    ("day", "late", "granted"),
    [
        ("2023-12-31", {"late_rating": "within_years", "late_rating_years": 2}, True),
        ("2024-01-01", {"late_rating": "within_years", "late_rating_years": 2}, False),
        ("2031-01-01", {"late_rating": "always"}, True),
    ],
)
def test_setting_late_rating(day: str, late: dict[str, Any], granted: bool) -> None:
    """A rating that comes years later counts always, or until the end of a stated year."""
    decision = decide(but(rated(day=day)), **setting(**late))
    assert (decision.decision == "granted") is granted
    assert unmet(decision) == ([] if granted else ["rating"])


def test_setting_decided_when_rated_waits_for_the_rating() -> None:
    assert decide_year(but(without="rating"), (published(),), YEAR) is None


def test_setting_decided_when_engaged_decides_before_the_rating() -> None:
    """Without a rating rule an engaged worker is paid; with one, denied until the rating comes."""
    engaged = setting(decided_when="engaged")
    assert decide(but(without="rating"), rules=[RULES["engaged"]], lines=[flat(500)], **engaged).amount_fen == 500
    assert unmet(decide(but(without="rating"), **engaged)) == ["rating"]
    assert decide_year((registered(), starts(2, "2022-01-01")), (published(**engaged),), YEAR) is None


def test_setting_excellent_raised_pays_a_percentage_of_the_tables() -> None:
    """120 percent of each line's amount; what is listed for excellent alone is paid as it is listed."""
    raised = setting(excellent="raised", excellent_percent=120)
    assert only_line(decide(but(rated("excellent")), **raised)).arithmetic == (
        "120000 fen x 12/12 months x 120/100 = 144000 fen"
    )
    assert decide(WORKER, **raised).amount_fen == 120000
    assert decide(but(rated("excellent")), **setting(excellent="listed")).amount_fen == 120000


# Engagement: months, leaving, two posts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counts", "start", "end", "months"),
    [
        ("any_day", "2021-03-31", "2021-06-01", 4),
        ("whole_month", "2021-03-31", "2021-06-01", 2),
        ("first_day", "2021-03-31", "2021-06-01", 3),
        ("whole_month", "2021-03-01", "2021-06-30", 4),
        ("first_day", "2021-03-01", "2021-06-30", 4),
        ("any_day", "2020-01-01", "2022-05-05", 12),
        ("whole_month", "2021-02-01", "2021-02-28", 1),
    ],
)
def test_setting_month_counts_when(counts: str, start: str, end: str, months: int) -> None:
    facts = but(starts(2, start), ends(4, end))
    assert decide(facts, **setting(month_counts_when=counts)).amount_fen == months * 10000


@pytest.mark.parametrize("counts", ["whole_month", "first_day"])
def test_an_engagement_without_a_month_that_counts_is_not_one(counts: str) -> None:
    decision = decide(but(starts(2, "2021-06-10"), ends(4, "2021-06-25")), **setting(month_counts_when=counts))
    assert unmet(decision) == ["engaged"]
    assert predicate(decision, "engaged").found == "2021-06-10 to 2021-06-25: 0 months"


def test_a_change_of_post_within_a_month_does_not_break_it() -> None:
    """From one secretary's post to the next without a gap: twelve whole months; with a gap, eleven."""
    whole = setting(month_counts_when="whole_month")
    moved = but(starts(2, "2019-01-01"), ends(4, "2021-06-15"), starts(5, "2021-06-16", "e2"))
    assert decide(moved, **whole).amount_fen == 120000
    gap = but(starts(2, "2019-01-01"), ends(4, "2021-06-15"), starts(5, "2021-06-17", "e2"))
    assert decide(gap, **whole).amount_fen == 110000


@pytest.mark.parametrize(("leaving", "amount"), [("by_month", 60000), ("nothing", None), ("whole_year", 120000)])
def test_setting_leaving(leaving: str, amount: int | None) -> None:
    """Leaving on 30 June pays six months, nothing, or the whole year."""
    decision = decide(but(ends(4, "2021-06-30")), **setting(leaving=leaving))
    assert (decision.amount_fen if decision.decision == "granted" else None) == amount
    assert unmet(decision) == ([] if amount else ["engaged"])


def test_where_leaving_matters_the_post_that_lasts_longest_is_among_the_facts() -> None:
    """The secretary's post ended in June; that they stayed on as an instructor is why they have not left."""
    facts = but(ends(4, "2021-06-30"), starts(5, "2020-01-01", "e2", "instructor"))
    decision = decide(facts, **setting(leaving="nothing"))
    assert (decision.decision, decision.amount_fen) == ("granted", 60000)
    assert predicate(decision, "engaged").facts == (event_id(2), event_id(4), event_id(5))
    assert predicate(decide(facts), "engaged").facts == (event_id(2), event_id(4))


def test_leaving_on_the_last_day_of_the_year_is_not_leaving_in_the_year() -> None:
    assert decide(but(ends(4, "2021-12-31")), **setting(leaving="nothing")).amount_fen == 120000


def test_an_engagement_whose_last_day_lies_in_a_later_year_is_not_looked_at() -> None:
    """So that someone who leaves in 2023 has nothing decided anew for 2021."""
    assert decide(but(ends(4, "2023-06-30"))) == decide(WORKER)


def test_an_engagement_that_ends_before_it_starts_is_empty() -> None:
    decision = decide(but(starts(2, "2021-06-01"), ends(4, "2021-05-31")))
    assert {"category", "engaged"} == set(unmet(decision))
    assert predicate(decision, "engaged").found == "ended before it began"


def test_an_engagement_over_before_the_year_is_shown_as_what_was_found() -> None:
    decision = decide(but(ends(4, "2020-12-31")))
    assert predicate(decision, "engaged").found == "2019-01-01 to 2020-12-31: 0 months"


def test_an_end_reported_by_another_source_under_the_same_key_ends_nothing() -> None:
    """Keys are each source's own: ``e1`` of one system is not ``e1`` of another."""
    facts = but(starts(2, "2019-01-01", source="oa"), ends(4, "2021-06-30", source="hr"))
    assert decide(facts).amount_fen == 120000
    assert decide(but(starts(2, "2019-01-01", source="oa"), ends(4, "2021-06-30", source="oa"))).amount_fen == 60000


def test_only_the_months_in_a_paid_category_count() -> None:
    """An instructor until June and a secretary from July is paid six months."""
    facts = but(starts(2, "2019-01-01", category="instructor"), ends(4, "2021-06-30"), starts(5, "2021-07-01", "e2"))
    assert decide(facts).amount_fen == 60000


TWO = line(
    by=["category"], amounts=[{"category": "secretary", "amount_fen": 120000}, {"category": "recruited", "amount_fen": 240000}]
)


@pytest.mark.parametrize(("two_posts", "amount"), [("higher", 240000), ("earlier", 120000), ("later", 240000)])
def test_setting_two_posts_pays_one_of_them(two_posts: str, amount: int) -> None:
    facts = but(starts(5, "2020-01-01", "e2", "recruited"))
    decision = decide(facts, lines=[TWO], **setting(two_posts=two_posts))
    assert decision.amount_fen == amount
    assert decision.warnings == (f"two different posts in 12 months: the {two_posts} one counts",)


def test_setting_two_posts_higher_does_not_go_by_the_date() -> None:
    facts = but(starts(2, "2020-01-01"), starts(5, "2019-01-01", "e2", "recruited"))
    assert decide(facts, lines=[TWO], **setting(two_posts="higher")).amount_fen == 240000
    assert decide(facts, lines=[TWO], **setting(two_posts="later")).amount_fen == 120000


def test_setting_two_posts_higher_compares_what_a_full_year_would_bring() -> None:
    """20,000 fen a month is more than 120,000 fen a year."""
    monthly = line(name="duty", period="monthly", by=["category"], amounts=[{"category": "recruited", "amount_fen": 20000}])
    annual = line(by=["category"], amounts=[{"category": "secretary", "amount_fen": 120000}])
    assert decide(but(starts(5, "2020-01-01", "e2", "recruited")), lines=[annual, monthly]).amount_fen == 240000


def test_two_posts_that_are_paid_alike_need_no_choice_and_no_warning() -> None:
    decision = decide(but(starts(5, "2020-01-01", "e2")))
    assert (decision.amount_fen, decision.warnings) == (120000, ())


def test_the_second_post_counts_only_in_its_months() -> None:
    facts = but(starts(5, "2021-07-01", "e2", "recruited"), ends(6, "2021-09-30", "e2"))
    decision = decide(facts, lines=[TWO])
    assert decision.amount_fen == 120000 * 9 // 12 + 240000 * 3 // 12
    assert only_line(decision).arithmetic == "120000 fen x 9/12 months + 240000 fen x 3/12 months = 150000 fen"


@pytest.mark.parametrize(("deputy", "granted"), [("paid", True), ("unpaid", False)])
def test_setting_deputy_secretary(deputy: str, granted: bool) -> None:
    decision = decide(but(starts(2, "2019-01-01", category="deputy_secretary")), **setting(deputy_secretary=deputy))
    assert (decision.decision == "granted") is granted
    assert unmet(decision) == ([] if granted else ["category"])


# Certificates and promotion ---------------------------------------------------------------------------------------------------


PROMOTED = but(certified(4, "2021-06-20", "intermediate"))


@pytest.mark.parametrize(
    ("promotion", "day_of_rating", "amount"),
    [
        ("by_month", "2022-01-10", 120000 * 5 // 12 + 240000 * 7 // 12),
        ("grade_at_year_end", "2022-01-10", 240000),
        ("grade_at_rating", "2021-06-19", 120000),
        ("grade_at_rating", "2021-06-20", 240000),
        ("grade_at_rating", "2022-01-10", 240000),
    ],
)
def test_setting_promotion(promotion: str, day_of_rating: str, amount: int) -> None:
    """Promoted on 20 June: by month (June counts at the new grade, since any day does), at year end, at the rating."""
    facts = (*PROMOTED[:4], PROMOTED[-1], rated(day=day_of_rating))
    assert decide(facts, **setting(promotion=promotion)).amount_fen == amount


@pytest.mark.parametrize(("counts", "months_before"), [("any_day", 5), ("whole_month", 6), ("first_day", 6)])
def test_a_promotion_within_a_month_counts_from_the_month_that_the_new_grade_has(counts: str, months_before: int) -> None:
    decision = decide(PROMOTED, **setting(month_counts_when=counts))
    assert decision.amount_fen == months_before * 10000 + (12 - months_before) * 20000


@pytest.mark.parametrize("promotion", ["grade_at_year_end", "grade_at_rating"])
def test_a_promotion_after_the_year_or_after_leaving_is_without_effect(promotion: str) -> None:
    after_the_year = but(certified(4, "2022-01-05", "senior"))
    assert decide(after_the_year, **setting(promotion=promotion)).amount_fen == 120000
    after_leaving = but(ends(5, "2021-06-30"), certified(4, "2021-07-05", "senior"))
    assert decide(after_leaving, **setting(promotion=promotion)).amount_fen == 60000


def test_a_certificate_counts_from_its_first_month_to_its_last() -> None:
    assert decide(but(certified(3, "2021-03-15"))).amount_fen == 100000
    assert decide(but(certified(3, "2019-03-15", expires="2021-03-15"))).amount_fen == 30000
    decision = decide(but(certified(3, "2019-03-15", expires="2020-12-31")))
    assert unmet(decision) == ["certificate"]
    assert predicate(decision, "certificate").found == "junior of 2019-03-15, valid to 2020-12-31"


def test_a_certificate_that_expired_before_its_issue_was_never_in_force() -> None:
    """Though both days lie in one month."""
    decision = decide(but(certified(3, "2021-03-15", expires="2021-03-10")))
    assert predicate(decision, "certificate").found == "junior of 2021-03-15, valid to 2021-03-10"
    assert unmet(decision) == ["certificate"]


def test_a_certificate_renewed_within_a_month_is_held_all_month() -> None:
    facts = but(certified(3, "2019-03-15", expires="2021-03-15"), certified(4, "2021-03-16"))
    assert decide(facts, **setting(month_counts_when="whole_month")).amount_fen == 120000


def test_the_certificate_issued_last_counts_even_if_the_one_before_was_of_a_higher_grade() -> None:
    """A person holds one certificate at a time: the later one supersedes the one before it."""
    decision = decide(but(certified(4, "2018-01-01", "senior", expires="2021-06-30")))
    assert decision.amount_fen == 120000
    assert predicate(decision, "certificate").facts == (event_id(3),)
    within = decide(but(certified(4, "2018-01-01", "senior"), certified(3, "2021-07-10")))
    assert only_line(within).arithmetic == "360000 fen x 7/12 months + 120000 fen x 5/12 months = 260000 fen"
    assert predicate(within, "certificate").found == "senior of 2018-01-01, superseded on 2021-07-10, then junior of 2021-07-10"


def test_of_two_certificates_of_one_grade_the_later_counts() -> None:
    decision = decide(but(certified(4, "2020-05-01")))
    assert predicate(decision, "certificate").facts == (event_id(4),)


def test_a_known_grade_counts_until_one_of_an_unknown_grade_is_issued() -> None:
    decision = decide(but(certified(4, "2021-05-01", "master")))
    assert (decision.decision, decision.amount_fen) == ("granted", 40000)
    assert unmet(decide(but(certified(4, "2020-05-01", "master")))) == ["certificate"]


def test_a_certificate_that_expires_within_a_month_is_not_held_all_month() -> None:
    facts = but(certified(3, "2019-03-15", expires="2021-03-15"))
    assert decide(facts, **setting(month_counts_when="whole_month")).amount_fen == 20000
    assert decide(facts, **setting(month_counts_when="first_day")).amount_fen == 30000


def test_a_rating_dated_before_its_year_looks_at_the_first_day_of_the_year() -> None:
    facts = but(certified(3, "2021-01-01"), rated(day="2020-12-15"))
    assert decide(facts, **setting(promotion="grade_at_rating")).amount_fen == 120000


def test_a_grade_below_the_lowest_that_counts_is_denied() -> None:
    rules = [*RULES.values()]
    rules[2] = {"rule": "certificate", "at_least": "intermediate", "clause": "3"}
    decision = decide(WORKER, rules=rules)
    assert unmet(decision) == ["certificate"]
    assert (predicate(decision, "certificate").required, predicate(decision, "certificate").found) == (
        "intermediate or above",
        "junior of 2019-05-01",
    )
    assert decide(PROMOTED, rules=rules).amount_fen == 7 * 20000


def test_a_certificate_held_only_in_months_without_engagement_is_not_held() -> None:
    """Left in June, certified in September: no month has both, and the refusal says which one is missing."""
    assert unmet(decide(but(ends(4, "2021-06-30"), certified(3, "2021-09-01")))) == ["certificate"]


# What happens to a certificate ------------------------------------------------------------------------------------------------


def certificate(decision: Decision) -> tuple[str, bool, tuple[str, ...]]:
    """What was found, whether it is met, and the facts, in the predicate about the certificate."""
    found = predicate(decision, "certificate")
    return found.found, found.met, found.facts


def test_a_suspended_certificate_speaks_for_no_month_until_it_is_reinstated() -> None:
    """Suspended on 1 April: three months; reinstated on 1 July: nine. Both facts are named, and what happened."""
    suspended = changed(30, "suspended", "2021-04-01")
    decision = decide(but(suspended))
    assert decision.amount_fen == 30000
    assert certificate(decision) == ("junior of 2019-05-01, suspended since 2021-04-01", True, (event_id(3), event_id(30)))
    decision = decide(but(suspended, changed(31, "reinstated", "2021-07-01")))
    assert decision.amount_fen == 90000
    assert certificate(decision) == (
        "junior of 2019-05-01, suspended since 2021-04-01, reinstated on 2021-07-01",
        True,
        (event_id(3), event_id(30), event_id(31)),
    )
    assert {event_id(3), event_id(30), event_id(31)} <= {used.fact for used in decision.facts}


def test_a_year_through_which_the_certificate_is_suspended_is_denied_and_says_why() -> None:
    decision = decide(but(changed(30, "suspended", "2020-11-01")))
    assert (unmet(decision), decision.policy.clause) == (["certificate"], "3")
    assert predicate(decision, "certificate").required == "held in 2021"
    assert certificate(decision) == ("junior of 2019-05-01, suspended since 2020-11-01", False, (event_id(3), event_id(30)))


@pytest.mark.parametrize("end", ["revoked", "superseded"])
def test_a_revoked_or_superseded_certificate_counts_to_the_month_in_which_it_ends(end: str) -> None:
    decision = decide(but(changed(30, end, "2021-06-10")))
    assert decision.amount_fen == 60000
    assert certificate(decision)[0] == f"junior of 2019-05-01, {end} on 2021-06-10"
    before = decide(but(changed(30, end, "2020-06-10")))
    assert unmet(before) == ["certificate"]
    assert certificate(before)[0] == f"junior of 2019-05-01, {end} on 2020-06-10"


def test_a_downgraded_certificate_pays_its_new_grade_from_then_on() -> None:
    """June still has days at the old grade, of which the highest counts."""
    facts = but(certified(3, "2019-05-01", "senior"), changed(30, "downgraded", "2021-06-10", "junior"))
    decision = decide(facts)
    assert only_line(decision).arithmetic == "360000 fen x 6/12 months + 120000 fen x 6/12 months = 240000 fen"
    assert certificate(decision)[0] == "senior of 2019-05-01, downgraded to junior on 2021-06-10"


def test_a_downgrade_below_the_lowest_grade_that_counts_ends_the_months() -> None:
    rules = [*RULES.values()]
    rules[2] = {"rule": "certificate", "at_least": "intermediate", "clause": "3"}
    facts = but(certified(3, "2019-05-01", "senior"), changed(30, "downgraded", "2021-06-10", "junior"))
    assert decide(facts, rules=rules).amount_fen == 180000
    decision = decide(but(certified(3, "2019-05-01", "senior"), changed(30, "downgraded", "2020-06-10", "junior")), rules=rules)
    assert certificate(decision)[:2] == ("senior of 2019-05-01, downgraded to junior on 2020-06-10", False)


def test_a_downgrade_to_an_unknown_grade_is_no_certificate_and_can_be_recognised() -> None:
    facts = but(changed(30, "downgraded", "2020-06-10", "master"))
    assert certificate(decide(facts))[0] == "master (not in the vocabulary)"
    assert unknown_words(facts, published(), YEAR) == ("grade:master",)
    assert (
        unknown_words(but(certified(3, "2019-05-01", "master"), changed(30, "revoked", "2020-06-10")), published(), YEAR) == ()
    )


def test_while_a_certificate_is_suspended_the_one_before_it_does_not_speak_again() -> None:
    facts = but(
        certified(4, "2020-01-01", "senior"),
        changed(30, "suspended", "2021-04-01", certificate=4),
        changed(31, "reinstated", "2021-07-01", certificate=4),
    )
    decision = decide(facts)
    assert decision.amount_fen == 9 * 30000
    assert certificate(decision)[0] == "senior of 2020-01-01, suspended since 2021-04-01, reinstated on 2021-07-01"


def test_a_promotion_that_supersedes_the_old_certificate_pays_as_one_that_does_not() -> None:
    superseded = changed(30, "superseded", "2021-06-20")
    for counts in ("any_day", "whole_month", "first_day"):
        assert decide((*PROMOTED, superseded), **setting(month_counts_when=counts)).amount_fen == (
            decide(PROMOTED, **setting(month_counts_when=counts)).amount_fen
        )


@pytest.mark.parametrize(("counts", "months"), [("any_day", 12), ("whole_month", 11), ("first_day", 12)])
def test_a_suspension_within_a_month_takes_it_only_where_it_must_be_complete(counts: str, months: int) -> None:
    """From 10 to 20 June, the certificate is held on the month's first and last day, but not on all of them."""
    facts = but(changed(30, "suspended", "2021-06-10"), changed(31, "reinstated", "2021-06-21"))
    assert decide(facts, **setting(month_counts_when=counts)).amount_fen == months * 10000


@pytest.mark.parametrize("promotion", ["grade_at_year_end", "grade_at_rating"])
def test_a_certificate_that_speaks_for_the_whole_year_loses_the_months_of_its_suspension(promotion: str) -> None:
    """And those after its revocation, if the day that decides lies before it. Suspended on that day, it is not held."""
    turn = (changed(30, "suspended", "2021-04-01"), changed(31, "reinstated", "2021-07-01"))
    facts = but(certified(3, "2021-02-01"), *turn)
    assert decide(facts, **setting(promotion=promotion)).amount_fen == 90000
    assert unmet(decide(but(turn[0]), **setting(promotion=promotion))) == ["certificate"]
    revoked = but(rated(day="2021-06-19"), changed(30, "revoked", "2021-09-10"))
    assert decide(revoked, **setting(promotion="grade_at_rating")).amount_fen == 90000
    assert unmet(decide(revoked, **setting(promotion="grade_at_year_end"))) == ["certificate"]


def test_an_expired_certificate_that_was_suspended_before_is_not_held() -> None:
    facts = but(certified(3, "2019-05-01", expires="2021-06-30"), changed(30, "suspended", "2021-03-01"))
    assert decide(facts).amount_fen == 20000
    late = (*facts, changed(31, "reinstated", "2021-08-01"))
    assert decide(late).amount_fen == 20000
    assert certificate(decide(late))[0] == "junior of 2019-05-01, valid to 2021-06-30, suspended since 2021-03-01"


def test_a_change_that_makes_no_sense_is_not_among_the_facts_used() -> None:
    """Reinstated without a suspension, or of a certificate that nobody has."""
    for idle in (changed(30, "reinstated", "2021-04-01"), changed(30, "revoked", "2021-04-01", certificate=9)):
        assert decide(but(idle)) == decide(WORKER)


def test_a_recognition_changes_nothing_where_territory_is_ignored() -> None:
    assert decide(but(recognised(30, "2021-04-01", "320500"))) == decide(WORKER)


REQUIRED = setting(territory="required")


def test_a_certificate_holds_in_its_issuers_city_and_a_special_one_in_the_province() -> None:
    """As the scheme has it, if the policy says nothing else."""
    assert decide(but(certified(3, "2019-05-01", issuer="320104")), **REQUIRED).amount_fen == 120000
    assert unmet(decide(but(certified(3, "2019-05-01", issuer="320505")), **REQUIRED)) == ["certificate"]
    words = {"ratings": [{"word": "competent", "zh": "称职"}], "grades": [{"word": "special", "zh": "特级"}]}
    special = but(certified(3, "2019-05-01", "special", issuer="320500"))
    rules = [RULES["engaged"], RULES["certificate"], RULES["rating"]]
    changes: dict[str, Any] = {"vocabulary": words, "rules": rules, "lines": [flat(12)]}
    assert decide(special, **changes, **REQUIRED).amount_fen == 12
    assert unmet(decide(but(certified(3, "2019-05-01", "special", issuer="330000")), **changes, **REQUIRED)) == ["certificate"]


@pytest.mark.parametrize(
    ("within", "issuer", "holds"),
    [
        ("county", "320102", True),
        ("county", "320104", False),
        ("city", "320104", True),
        ("city", "320500", False),
        ("province", "320500", True),
        ("province", "330102", False),
        ("anywhere", "330102", True),
        ("county", "320100", True),
    ],
)
def test_the_policy_may_say_how_far_a_certificate_holds(within: str, issuer: str, holds: bool) -> None:
    """A city's own certificate holds in all of the city, whatever is said of counties."""
    rules = [RULES["engaged"], RULES["certificate"] | {"valid_in": [{"within": within}]}]
    decision = decide(but(certified(3, "2019-05-01", issuer=issuer)), rules=rules, lines=[flat(12)], **REQUIRED)
    assert (decision.decision == "granted") is holds


def test_a_grade_of_which_valid_in_says_nothing_holds_in_its_issuers_county() -> None:
    rules = [RULES["engaged"], RULES["certificate"] | {"valid_in": [{"grade": "senior", "within": "anywhere"}]}]
    for issuer, holds in (("320102", True), ("320104", False)):
        decision = decide(but(certified(3, "2019-05-01", issuer=issuer)), rules=rules, lines=[flat(12)], **REQUIRED)
        assert (decision.decision == "granted") is holds


def test_a_certificate_that_holds_elsewhere_only_says_so_and_one_that_is_recognised_names_the_recognition() -> None:
    elsewhere = certified(3, "2019-05-01", issuer="320500")
    assert certificate(decide(but(elsewhere), **REQUIRED)) == (
        "junior of 2019-05-01, issued by 320500 and not recognised here in 2021",
        False,
        (event_id(3),),
    )
    facts = but(elsewhere, recognised(30, "2020-04-01", "320102"))
    assert certificate(decide(facts, **REQUIRED)) == (
        "junior of 2019-05-01, recognised here on 2020-04-01",
        True,
        (event_id(3), event_id(30)),
    )
    expired = but(certified(3, "2019-05-01", expires="2020-05-01", issuer="320500"))
    assert certificate(decide(expired, **REQUIRED))[0] == "junior of 2019-05-01, valid to 2020-05-01"


def test_where_territory_matters_the_moves_are_among_the_facts_of_the_certificate() -> None:
    decision = decide(but(moved(30, "2021-06-15")), **REQUIRED)
    assert certificate(decision) == ("junior of 2019-05-01", True, (event_id(3), event_id(30)))


def test_of_two_recognitions_the_earlier_counts() -> None:
    elsewhere = certified(3, "2019-05-01", issuer="320500")
    facts = but(elsewhere, recognised(30, "2021-10-01", "320102"), recognised(31, "2021-04-01", "320100"))
    assert decide(facts, **REQUIRED).amount_fen == 90000


# A closed registration --------------------------------------------------------------------------------------------------------


def engagement(decision: Decision) -> tuple[str, bool, tuple[str, ...]]:
    found = predicate(decision, "engaged")
    return found.found, found.met, found.facts


def test_an_engagement_does_not_count_after_the_last_day_of_the_registration() -> None:
    decision = decide(but(closed(40, "2021-06-30")))
    assert decision.amount_fen == 60000
    assert engagement(decision) == (
        "2019-01-01 to 2021-06-30, registration closed after 2021-06-30: 6 months",
        True,
        (event_id(2), event_id(40)),
    )
    assert event_id(40) in {used.fact for used in decision.facts}


def test_it_counts_again_from_the_day_of_the_reopening() -> None:
    decision = decide(but(closed(40, "2021-06-30"), reopened(41, "2021-09-15")))
    assert decision.amount_fen == 6 * 10000 + 4 * 10000
    assert engagement(decision) == (
        "2019-01-01 to 2021-06-30; since 2021-09-15, registration closed after 2021-06-30, reopened on 2021-09-15: 10 months",
        True,
        (event_id(2), event_id(40), event_id(41)),
    )
    assert predicate(decision, "category").facts == (event_id(2),)


def test_a_year_without_a_registration_is_denied_and_says_so() -> None:
    decision = decide(but(closed(40, "2020-03-31"), reopened(41, "2022-02-01")))
    assert set(unmet(decision)) == {"category", "engaged"}
    assert engagement(decision) == (
        "2019-01-01 to 2020-03-31, registration closed after 2020-03-31: 0 months",
        False,
        (event_id(2), event_id(40)),
    )


def test_an_engagement_that_lies_wholly_outside_the_registration_is_none() -> None:
    decision = decide(but(starts(2, "2021-03-01"), closed(40, "2020-12-31")))
    assert engagement(decision) == ("none, registration closed after 2020-12-31", False, (event_id(2), event_id(40)))


def test_an_engagement_that_ended_with_the_registration_was_not_shortened_by_it() -> None:
    left = but(ends(4, "2021-06-30"))
    assert decide((*left, closed(40, "2021-06-30"))) == decide(left)
    assert decide((*left, closed(40, "2021-07-15"))) == decide(left)


def test_a_registration_reopened_on_the_next_day_was_never_closed() -> None:
    assert decide(but(closed(40, "2021-06-30"), reopened(41, "2021-07-01"))) == decide(WORKER)


def again(decision: Decision, **changes: Any) -> Decision:
    """Decided from nothing but the facts that a decision lists."""
    return decide([KnownFact(used.fact, used.effective_on, used.particulars) for used in decision.facts], **changes)


def test_a_post_begun_after_the_reopening_needs_the_reopening_too() -> None:
    """The old post did not live to see it; without it, the closing would have ended the new one."""
    facts = but(ends(4, "2021-04-15"), closed(40, "2021-03-31"), reopened(41, "2021-05-01"), starts(5, "2021-06-01", "e2"))
    decision = decide(facts)
    assert decision.amount_fen == 3 * 10000 + 7 * 10000
    assert engagement(decision)[2] == (event_id(2), event_id(40), event_id(4), event_id(5), event_id(41))
    assert again(decision).amount_fen == decision.amount_fen


@pytest.mark.parametrize(("leaving", "amount"), [("by_month", 60000), ("nothing", None), ("whole_year", 120000)])
def test_a_closed_registration_ends_the_year_as_leaving_does(leaving: str, amount: int | None) -> None:
    """Whoever leaves has the registration closed: a county's answer about leaving holds for both."""
    decision = decide(but(closed(40, "2021-06-30")), **setting(leaving=leaving))
    assert (decision.amount_fen if decision.decision == "granted" else None) == amount


def test_a_closing_breaks_a_month_that_must_be_complete() -> None:
    facts = but(closed(40, "2021-06-10"), reopened(41, "2021-06-20"))
    assert decide(facts, **setting(month_counts_when="whole_month")).amount_fen == 110000
    assert decide(facts).amount_fen == 120000


def test_a_policy_that_asks_for_no_engagement_does_not_look_at_the_registrations_closing() -> None:
    decision = decide((registered(), rated(), closed(40, "2021-06-30")), rules=[RULES["rating"]], lines=[flat(120000)])
    assert decision.amount_fen == 120000
    assert event_id(40) not in {used.fact for used in decision.facts}


def test_upon_engagement_no_year_is_decided_in_which_the_registration_is_closed() -> None:
    policy = published(effective={"first_day": "2020-01-01", "last_day": "2023-12-31"}, settings={"decided_when": "engaged"})
    facts = (registered(), starts(2, "2019-06-01"), closed(40, "2021-06-30"))
    assert years_touched(facts, [policy]) == (2020, 2021)
    assert decide_year(facts, [policy], 2022) is None


# A transfer -------------------------------------------------------------------------------------------------------------------


BY_PLACE = line(
    by=["division"],
    amounts=[{"division": "320102", "amount_fen": 120000}, {"division": "320104", "amount_fen": 240000}],
    paid_by=[
        {"division": "320102", "shares": [{"payer": "city", "percent": 100}]},
        {"shares": [{"payer": "county", "percent": 100}]},
    ],
)


@pytest.mark.parametrize(
    ("day", "division", "amount", "payer"),
    [
        ("2020-03-01", "320104", 240000, "county"),
        ("2021-06-15", "320104", 240000, "county"),
        ("2021-12-31", "320104", 240000, "county"),
        ("2022-01-01", "320102", 120000, "city"),
    ],
)
def test_the_division_of_31_december_counts_for_the_whole_year(day: str, division: str, amount: int, payer: str) -> None:
    """For the amount and for the payer alike; the transfer is among the facts used."""
    decision = decide(but(moved(30, day)), lines=[BY_PLACE])
    assert (decision.division, decision.amount_fen) == (division, amount)
    assert shares_of(only_line(decision)) == {payer: amount}
    assert (event_id(30) in {used.fact for used in decision.facts}) is (division == "320104")
    assert division_of(but(moved(30, day)), YEAR) == division


def test_by_month_each_county_owes_the_months_that_it_had_the_worker() -> None:
    """Under one name two purses: the one of the division that decides is implied, the other one is named."""
    shared = line(by=[], amounts=[{"amount_fen": 120_000}], paid_by="county")
    decision = decide(but(moved(30, "2021-07-01")), lines=[shared], **setting(moved="by_month"))
    assert [(each.payer, each.amount_fen, each.purse) for each in decision.payers] == [
        ("county", 60_000, "320102"),
        ("county", 60_000, None),
    ]
    assert (decision.division, decision.amount_fen) == ("320104", 120_000)


def test_a_transfer_after_the_last_engaged_day_counts_from_the_next_year() -> None:
    """Left on 30 June, moved on 1 July: the county that had them pays."""
    facts = but(ends(4, "2021-06-30"), moved(30, "2021-07-01"))
    assert decide(facts, lines=[BY_PLACE]) == decide(but(ends(4, "2021-06-30")), lines=[BY_PLACE])
    assert division_of(facts, YEAR + 1) == "320104"
    closing = but(closed(40, "2021-06-30"), moved(30, "2021-07-01"))
    assert decide(closing, lines=[BY_PLACE]).division == "320102"


def test_the_post_that_lasts_longest_is_among_the_facts_of_a_transfer() -> None:
    """Paid as a secretary until June, moved as an instructor in September: it is the instructor's post that makes it count."""
    stayed = starts(5, "2020-01-01", "e2", "instructor")
    decision = decide(but(ends(4, "2021-06-30"), stayed, moved(30, "2021-09-01")), lines=[BY_PLACE])
    assert (decision.division, decision.amount_fen) == ("320104", 120000)
    assert event_id(5) in {used.fact for used in decision.facts}
    assert again(decision, lines=[BY_PLACE]).division == "320104"


def test_a_transfer_on_the_last_engaged_day_counts() -> None:
    assert decide(but(ends(4, "2021-06-30"), moved(30, "2021-06-30")), lines=[BY_PLACE]).division == "320104"


def test_the_last_of_several_transfers_counts_and_a_warning_tells_of_those_in_the_year() -> None:
    facts = but(moved(30, "2020-02-01", "320106"), moved(31, "2021-03-01", "320105"), moved(32, "2021-06-15"))
    decision = decide(facts, lines=[BY_PLACE])
    assert decision.warnings == (
        "moved to 320105 on 2021-03-01, then to 320104 on 2021-06-15: "
        "the division held on 2021-12-31 counts for the whole year",
    )
    assert decide(but(moved(32, "2021-01-01")), lines=[BY_PLACE]).warnings == ()
    denied = decide(but(moved(32, "2021-06-15"), rated("basic")), lines=[BY_PLACE])
    assert (denied.decision, len(denied.warnings)) == ("denied", 1)


def test_the_policy_of_the_division_moved_to_governs_the_year() -> None:
    """Even if there is none: then nothing is decided."""
    policies = [published(901, division="320102"), published(902, division="320104", lines=[flat(7)])]
    decision = decide_year(but(moved(30, "2021-06-15")), policies, YEAR)
    assert decision is not None
    assert (decision.policy.event, decision.amount_fen) == (event_id(902), 7)
    assert decide_year(but(moved(30, "2021-06-15", "330102")), policies, YEAR) is None


def test_who_is_not_registered_belongs_to_no_division() -> None:
    assert division_of((moved(30, "2021-06-15"),), YEAR) is None


# Inspection -----------------------------------------------------------------------------------------------------------------


def test_what_an_inspection_has_checked_changes_nothing() -> None:
    """Its outcome counts."""
    said = InspectionResult(year=YEAR, outcome="passed", checked=(CheckedItem(item="file_complete", in_order=False),))
    assert decide(but(known(60, "2021-11-01", said))).amount_fen == 120000


@pytest.mark.parametrize("outcome", ["failed", "missed"])
@pytest.mark.parametrize(
    ("failed_inspection", "amount"), [("whole_year", None), ("from_next_month", 60000), ("from_that_month", 50000)]
)
def test_setting_failed_inspection(outcome: str, failed_inspection: str, amount: int | None) -> None:
    """Failed or missed on 15 June: the whole year is lost, or the months from July, or from June."""
    decision = decide(but(inspected(outcome, "2021-06-15")), **setting(failed_inspection=failed_inspection))
    assert (decision.amount_fen if decision.decision == "granted" else None) == amount
    assert unmet(decision) == ([] if amount else ["inspection"])


@pytest.mark.parametrize("failed_inspection", ["whole_year", "from_next_month", "from_that_month"])
def test_without_an_inspection_on_file_nothing_is_granted(failed_inspection: str) -> None:
    decision = decide(but(without="inspection"), **setting(failed_inspection=failed_inspection))
    assert unmet(decision) == ["inspection"]
    assert predicate(decision, "inspection").found == "none"


def test_a_failure_that_leaves_no_month_denies() -> None:
    decision = decide(but(inspected("failed", "2021-01-20")), **setting(failed_inspection="from_that_month"))
    assert unmet(decision) == ["inspection"]
    assert predicate(decision, "inspection").found == "failed on 2021-01-20: 12 months stopped"


def test_a_failure_concluded_in_the_next_year_stops_that_one_until_an_inspection_is_passed() -> None:
    """Failed for 2020 in February 2021, passed for 2021 in October: from next month means March to October are lost."""
    facts = but(inspected("failed", "2021-02-10", 2020, 61), inspected("passed", "2021-10-05"))
    assert decide(facts, **setting(failed_inspection="from_next_month")).amount_fen == 4 * 10000
    assert decide(facts, **setting(failed_inspection="from_that_month")).amount_fen == 4 * 10000
    assert decide(facts, **setting(failed_inspection="whole_year")).amount_fen == 120000


def test_of_two_inspections_concluded_on_one_day_the_one_for_the_later_year_rules() -> None:
    """Whatever their ids are: failed for 2020 and passed for 2021 on the same day stops nothing."""
    for failed, passed in ((61, 62), (62, 61)):
        facts = but(
            inspected("failed", "2021-02-10", 2020, failed),
            inspected("passed", "2021-02-10", YEAR, passed),
            without="inspection",
        )
        assert decide(facts, **setting(failed_inspection="from_that_month")).amount_fen == 120000


# Money: lines, shares, cap, rounding ----------------------------------------------------------------------------------------


def test_an_annual_line_that_is_not_prorated_is_paid_in_full_by_the_last_month() -> None:
    facts = (*but(starts(2, "2021-04-01"), certified(4, "2021-06-20", "intermediate")),)
    decision = decide(facts, lines=[line(prorated=False)])
    assert decision.amount_fen == 240000
    assert only_line(decision).arithmetic == "240000 fen for the year = 240000 fen"


def test_a_monthly_line_pays_its_months() -> None:
    decision = decide(but(starts(2, "2021-12-03")), lines=[flat(10000, period="monthly")])
    assert only_line(decision).arithmetic == "10000 fen x 1 month = 10000 fen"
    assert decide(WORKER, lines=[flat(10000, period="monthly")]).amount_fen == 120000


def test_amounts_may_depend_on_all_dimensions_and_the_most_specific_division_counts() -> None:
    key = {"category": "secretary", "grade": "junior", "rating": "competent", "full_time": True}
    table = line(
        by=["category", "grade", "rating", "full_time", "division"],
        amounts=[
            key | {"division": "320000", "amount_fen": 1},
            key | {"division": "320102", "amount_fen": 3},
            key | {"division": "320100", "amount_fen": 2},
            key | {"division": "320102", "rating": "excellent", "amount_fen": 4},
        ],
    )
    assert decide(WORKER, lines=[line(**table, prorated=False)]).amount_fen == 3
    elsewhere = but(registered("320104"))
    assert decide(elsewhere, lines=[line(**table, prorated=False)]).amount_fen == 2
    assert decide(but(rated("excellent")), lines=[line(**table, prorated=False)]).amount_fen == 4
    assert decide(but(starts(2, "2019-01-01", full_time=False)), lines=[line(**table, prorated=False)]).amount_fen == 0


def test_a_combination_without_an_amount_pays_nothing_and_warns_unless_that_is_meant() -> None:
    table = line(amounts=[{"grade": "senior", "amount_fen": 360000}])
    decision = decide(WORKER, lines=[table])
    assert (decision.decision, decision.amount_fen, decision.lines) == ("granted", 0, ())
    assert decision.warnings == ("line base: no amount for grade=junior",)
    assert decide(WORKER, lines=[table | {"others": "nothing"}]).warnings == ()


def test_a_policy_in_effect_for_a_part_of_the_year_is_applied_to_all_of_it_with_a_warning() -> None:
    decision = decide(WORKER, effective={"first_day": "2021-07-01"})
    assert decision.amount_fen == 120000
    assert decision.warnings == ("the policy is in effect for a part of the year only; it was applied to all of it",)


SPLIT = [{"shares": [{"payer": "city", "percent": 33}, {"payer": "county", "percent": 67}], "remainder": "city"}]


def test_shares_are_rounded_down_and_the_rest_goes_to_the_stated_payer() -> None:
    decision = decide(WORKER, lines=[flat(101, paid_by=SPLIT)])
    assert shares_of(only_line(decision)) == {"city": 34, "county": 67}


def test_the_payer_may_depend_on_the_grade_and_follows_a_promotion() -> None:
    paid_by = [
        {"grade": "intermediate", "shares": [{"payer": "province", "percent": 100}]},
        {"shares": [{"payer": "county", "percent": 100}]},
    ]
    decision = decide(PROMOTED, lines=[line(paid_by=paid_by)])
    assert shares_of(only_line(decision)) == {"province": 140000, "county": 50000}
    assert [payer.payer for payer in decision.payers] == ["province", "county"]


def test_the_payer_may_depend_on_the_division() -> None:
    paid_by = [
        {"division": "320102", "shares": [{"payer": "city", "percent": 100}]},
        {"shares": [{"payer": "county", "percent": 100}]},
    ]
    assert shares_of(only_line(decide(WORKER, lines=[line(paid_by=paid_by)]))) == {"city": 120000}
    assert shares_of(only_line(decide(but(registered("320104")), lines=[line(paid_by=paid_by)]))) == {"county": 120000}


def test_parts_under_different_payers_add_up_to_the_line_rounded_once() -> None:
    """103 x 5/12 = 42.92 and 106 x 7/12 = 61.83 fen are together 104.75: 105, of which the first payer's part is 43."""
    table = line(
        amounts=[{"grade": "junior", "amount_fen": 103}, {"grade": "intermediate", "amount_fen": 106}],
        paid_by=[
            {"grade": "intermediate", "shares": [{"payer": "province", "percent": 100}]},
            {"shares": [{"payer": "county", "percent": 100}]},
        ],
    )
    decision = decide(PROMOTED, lines=[table])
    assert shares_of(only_line(decision)) == {"province": 62, "county": 43}
    assert only_line(decision).arithmetic.endswith("= 105 fen (rounded half up to fen)")


@pytest.mark.parametrize(("cap", "amounts"), [(300, [100, 200]), (250, [100, 150]), (60, [60, 0]), (0, [0, 0])])
def test_the_cap_takes_from_the_last_line_first(cap: int, amounts: list[int]) -> None:
    lines = [flat(100, paid_by=SPLIT), flat(200, name="second", paid_by=SPLIT)]
    decision = decide(WORKER, lines=lines, cap={"amount_fen": cap, "clause": "9"})
    assert [each.amount_fen for each in decision.lines] == amounts
    assert decision.amount_fen == sum(share for each in decision.lines for share in shares_of(each).values()) == min(cap, 300)
    assert ("cap of clause 9" in decision.lines[1].arithmetic) is (cap < 300)


def test_below_another_scale_a_decision_carries_a_warning_and_the_same_amount() -> None:
    """A floor of 110 yuan a month, compared with all lines or with those that it names, for the months that count."""
    floor = {"name": "social", "zh": "社区工作者", "clause": "12", "period": "monthly", "amounts": [{"amount_fen": 11000}]}
    lines = [line(), flat(20000, name="extra")]
    assert decide(WORKER, lines=lines, floors=[floor]).warnings == ()
    below = decide(WORKER, lines=lines, floors=[floor | {"lines": ["base"]}])
    assert (below.amount_fen, below.warnings) == (
        140000,
        ("120000 fen are below the floor social of clause 12: 132000 fen",),
    )
    half = decide(but(ends(4, "2021-06-30")), floors=[floor])
    assert half.warnings == ("60000 fen are below the floor social of clause 12: 66000 fen",)
    assert decide(but(rated("basic")), floors=[floor]).warnings == ()


def test_a_floor_has_a_table_of_its_own_and_none_for_whom_it_says_nothing() -> None:
    floor = {
        "name": "scale",
        "zh": "对照标准",
        "clause": "12",
        "period": "annual",
        "by": ["grade"],
        "amounts": [{"grade": "junior", "amount_fen": 120001}, {"grade": "senior", "amount_fen": 1}],
    }
    assert decide(WORKER, floors=[floor]).warnings == ("120000 fen are below the floor scale of clause 12: 120001 fen",)
    assert decide(but(certified(3, "2019-05-01", "senior")), floors=[floor]).warnings == ()
    assert decide(but(certified(3, "2019-05-01", "intermediate")), floors=[floor]).warnings == ()


@pytest.mark.parametrize(
    ("to", "how", "expected"),
    [
        ("fen", "half_up", 1250),
        ("fen", "down", 1249),
        ("fen", "up", 1250),
        ("jiao", "half_up", 1250),
        ("jiao", "down", 1240),
        ("yuan", "half_up", 1200),
        ("yuan", "down", 1200),
        ("yuan", "up", 1300),
    ],
)
def test_rounding_is_exact_integer_arithmetic(to: str, how: str, expected: int) -> None:
    """12.495 yuan: the half fen goes up with half_up, and each unit is its own."""
    assert rounded(12495, 10, Rounding.model_validate({"to": to, "how": how})) == expected


def test_what_is_already_round_stays_as_it_is() -> None:
    for how in ("half_up", "down", "up"):
        assert rounded(12000, 10, Rounding.model_validate({"to": "yuan", "how": how})) == 1200


def test_a_line_is_rounded_as_the_policy_says() -> None:
    decision = decide(but(ends(4, "2021-05-31")), lines=[flat(100000)], rounding={"to": "yuan", "how": "down"})
    assert only_line(decision).arithmetic == "100000 fen x 5/12 months = 41600 fen (rounded down to yuan)"


def test_taxable_and_status_are_carried_to_the_line() -> None:
    decision = decide(WORKER, lines=[line(taxable=True, status="public-fact"), line(name="other")])
    assert [(each.taxable, each.status) for each in decision.lines] == [(True, "public-fact"), (None, "example")]


# Which policy, which years ----------------------------------------------------------------------------------------------------


def test_the_most_specific_division_comes_first_then_the_date_then_the_number_then_the_revision() -> None:
    province = published(1, division="320000", issued_on="2021-09-01")
    city = published(2, division="320100", issued_on="2021-01-01")
    later = published(3, division="320100", issued_on="2021-02-01")
    number = published(4, division="320100", issued_on="2021-02-01", document="test-2", revision=9)
    revised = published(5, division="320100", issued_on="2021-02-01", document="test-2", revision=10)
    ascending = [province, city, later, number, revised]
    for count in range(1, 6):
        for order in permutations(ascending[:count]):
            assert choose_policy(order, "320102", YEAR) == ascending[count - 1]
    assert choose_policy(ascending, "320500", YEAR) == province


def test_two_policies_under_one_number_are_told_apart_by_content_and_not_by_arrival() -> None:
    first_arrival = [published(1, title="A"), published(2, title="B")]
    other_arrival = [published(2, title="A"), published(1, title="B")]
    chosen = [choose_policy(policies, "320102", YEAR) for policies in (first_arrival, other_arrival)]
    assert [policy.document.title for policy in chosen if policy] == ["B", "B"]


@pytest.mark.parametrize(("year", "found"), [(2019, False), (2020, True), (2022, True), (2023, False)])
def test_a_policy_holds_for_every_year_that_its_period_touches(year: int, found: bool) -> None:
    policy = published(effective={"first_day": "2020-12-31", "last_day": "2022-01-01"})
    assert (choose_policy([policy], "320102", year) is not None) is found


@pytest.mark.parametrize(
    ("division", "other", "expected"),
    [
        ("320000", "320102", True),
        ("320100", "320102", True),
        ("320102", "320102", True),
        ("320100", "320200", False),
        ("320102", "320100", False),
        ("320100", "320000", False),
    ],
)
def test_a_division_covers_itself_and_those_below(division: str, other: str, expected: bool) -> None:
    assert covers(division, other) is expected


def test_the_years_touched_are_those_rated() -> None:
    facts = (*WORKER, rated(year=2019, number=51))
    assert years_touched(facts) == (2019, 2021)
    assert years_touched(facts, [published()]) == (2019, 2021)


def test_a_policy_decided_upon_engagement_adds_the_years_engaged_within_its_period() -> None:
    policy = published(effective={"first_day": "2020-01-01", "last_day": "2023-12-31"}, settings={"decided_when": "engaged"})
    assert years_touched((registered(), starts(2, "2019-06-01")), [policy]) == (2020, 2021, 2022, 2023)
    assert years_touched((registered(), starts(2, "2019-06-01"), ends(3, "2021-01-01")), [policy]) == (2020, 2021)
    assert years_touched((registered(),), [policy]) == ()


# Published cases --------------------------------------------------------------------------------------------------------------


def test_changtu_2021_pays_28_of_46_and_79200_yuan() -> None:
    """Public facts: excellent 10 x 3,600 yuan, good 18 x 2,400 yuan, 18 not paid, 79,200 yuan in all."""
    policy = load("changtu-2021.yaml")
    ratings = ["excellent"] * 10 + ["good"] * 18 + ["competent"] * 12 + ["basic"] * 4 + ["incompetent"] * 2
    decisions = []
    for rating in ratings:
        decision = decide_year((registered("211224"), starts(2, "2019-01-01"), rated(rating)), [policy], YEAR)
        assert decision is not None
        decisions.append(decision)
    assert len(decisions) == 46
    assert sum(decision.amount_fen for decision in decisions) == 7_920_000
    assert [decision.amount_fen for decision in decisions if decision.decision == "granted"] == [360000] * 10 + [240000] * 18
    denied = [decision for decision in decisions if decision.decision == "denied"]
    assert len(denied) == 18
    assert {(predicate(each, "rating").required, each.predicates[-1].met) for each in denied} == {("good or above", False)}


def test_the_example_city_pays_three_lines_from_two_budgets() -> None:
    decision = decide_year(but(rated("excellent")), [load("example-city.yaml")], YEAR)
    assert decision is not None
    assert [(each.name, each.amount_fen) for each in decision.lines] == [
        ("base", 240000),
        ("excellence", 120000),
        ("duty", 240000),
    ]
    assert {payer.payer: payer.amount_fen for payer in decision.payers} == {"city": 264000, "county": 336000}
    assert {each.status for each in decision.lines} == {"example"}


def test_a_plain_decision_stays_small_and_round_trips_as_json() -> None:
    decision = decide_year((registered("211224"), starts(2, "2019-01-01"), rated("good")), [load("changtu-2021.yaml")], YEAR)
    assert decision is not None
    text = json.dumps(decision.payload(), ensure_ascii=False, separators=(",", ":"))
    assert len(text.encode()) < 1600
    assert Decision.model_validate(json.loads(text)) == decision


# What always holds ------------------------------------------------------------------------------------------------------------

DAYS = st.dates(date(YEAR, 1, 1), date(YEAR, 12, 31)) | st.dates(date(2019, 1, 1), date(2023, 12, 31))
MONTHS_OF_YEAR = st.integers(1, 12).map(lambda month: f"{YEAR}-{month:02}")
Making = Callable[[int, str], KnownFact]


@st.composite
def certificate_changes(draw: st.DrawFn) -> Making:
    """Of the first certificates of ``histories``, or of one that isn't there."""
    what = draw(st.sampled_from(["suspended", "suspended", "reinstated", "downgraded", "revoked", "superseded"]))
    grade = draw(st.sampled_from(["junior", "intermediate", "master"])) if what == "downgraded" else None
    certificate = draw(st.integers(100, 106))
    return lambda number, day: changed(number, what, day, grade, certificate)


CHANGES: dict[str, st.SearchStrategy[Making]] = {
    "certificate": certificate_changes(),
    "closed": st.just(closed),
    "reopened": st.just(reopened),
    "moved": st.sampled_from(["320102", "320104", "320500"]).map(lambda to: lambda number, day: moved(number, day, to)),
    "recognised": st.tuples(st.sampled_from(["320102", "320100", "320500"]), st.integers(100, 106)).map(
        lambda what: lambda number, day: recognised(number, day, *what)
    ),
}
"""What may happen to a worker's certificate and registration: (a fact's number, its day) → the fact."""


@st.composite
def histories(draw: st.DrawFn) -> list[KnownFact]:
    """Facts of one worker as they may come: several posts, certificates and what becomes of them, closings, moves, inspections,
    words known and unknown."""
    facts = [registered(draw(st.sampled_from(["320102", "320104", "320500"])), draw(st.booleans()))]
    number = 100
    for key in draw(st.lists(st.sampled_from(["e1", "e2", "e3"]), unique=True)):
        category = draw(st.sampled_from(["secretary", "deputy_secretary", "recruited", "instructor"]))
        day = draw(DAYS)
        channel = draw(st.sampled_from([None, "internal", "recruited"]))
        facts.append(starts(number, str(day), key, category, draw(st.booleans()), channel=channel))
        if draw(st.booleans()):
            facts.append(ends(number + 1, str(day + timedelta(days=draw(st.integers(-30, 900)))), key))
        number += 2
    for grade in draw(st.lists(st.sampled_from(["junior", "intermediate", "senior", "master"]), max_size=3)):
        expires = draw(st.none() | DAYS)
        issuer = draw(st.sampled_from(["320102", "320100", "320500"]))
        facts.append(certified(number, str(draw(DAYS)), grade, str(expires) if expires else None, issuer))
        number += 1
    for what in draw(st.lists(st.sampled_from([*CHANGES]), max_size=4)):
        facts.append(draw(CHANGES[what])(number, str(draw(DAYS))))
        number += 1
    for year in draw(st.lists(st.integers(2020, 2022), unique=True)):
        facts.append(inspected(draw(st.sampled_from(["passed", "failed", "missed"])), str(draw(DAYS)), year, number))
        number += 1
    ratings = st.sampled_from(["excellent", "competent", "competent", "basic", "good"])
    facts.append(rated(draw(ratings), str(draw(DAYS))))
    return facts


CHOICES: dict[str, list[str]] = {
    name: [*get_args(field.annotation)]
    for name, field in Settings.model_fields.items()
    if name not in NUMBER_OF.values() and name not in NUMBER_OF
}
"""Every setting, but for those that a number goes with."""
PERIODS = [
    ("2021-01-01", "2021-12-31"),
    ("2021-01-01", "2021-12-31"),
    ("2021-03-15", "2022-06-30"),
    ("2020-01-01", "2021-10-20"),
]


@st.composite
def documents(draw: st.DrawFn) -> PolicyDocument:
    """Policies that the checker accepts, over all settings and rules, with awkward amounts, shares and months."""
    percent = draw(st.integers(1, 99))
    shares = [{"payer": "city", "percent": percent}, {"payer": "county", "percent": 100 - percent}]
    paid_by = [
        {"division": "320104", "shares": [{"payer": draw(st.sampled_from(["city", "county"])), "percent": 100}]},
        {"grade": draw(st.sampled_from(["junior", "senior"])), "shares": [{"payer": "province", "percent": 100}]},
        {"last_month": draw(MONTHS_OF_YEAR), "shares": [{"payer": "province", "percent": 100}]},
        {"shares": shares, "remainder": draw(st.sampled_from(["city", "county"]))},
    ]
    grades = ("junior", "intermediate", "senior")
    amounts: list[dict[str, Any]] = [{"grade": grade, "amount_fen": draw(st.integers(0, 500))} for grade in grades]
    month = draw(st.integers(2, 12))
    raised = [row | {"amount_fen": draw(st.integers(0, 500)), "first_month": f"{YEAR}-{month:02}"} for row in amounts]
    if draw(st.booleans()):
        amounts = [row | {"last_month": f"{YEAR}-{month - 1:02}"} for row in amounts] + raised
    posts = [
        {"category": word, "amount_fen": draw(st.integers(0, 99))} for word in ("secretary", "recruited", "deputy_secretary")
    ]
    lines = [
        line(amounts=amounts, paid_by=paid_by, prorated=draw(st.booleans())),
        line(name="post", by=["category"], amounts=posts, paid_by=paid_by, period=draw(st.sampled_from(["annual", "monthly"]))),
    ]
    chosen: dict[str, Any] = {name: draw(st.sampled_from(values)) for name, values in CHOICES.items()}
    if draw(st.booleans()):
        chosen.update({"basic": "reduced", "basic_percent": draw(st.integers(1, 99))})
    if draw(st.booleans()):
        chosen.update({"excellent": "raised", "excellent_percent": draw(st.integers(101, 300))})
    extra: list[dict[str, Any]] = [{"rule": "full_time", "clause": "6"}] * draw(st.integers(0, 1))
    extra += [{"rule": "entry_channel", "among": ["internal"], "clause": "8"}] * draw(st.sampled_from([0, 0, 1]))
    cap = {"amount_fen": draw(st.integers(0, 800)), "clause": "9"} if draw(st.booleans()) else None
    floor = {"name": "other", "zh": "另一标准", "clause": "10", "period": "annual", "amounts": [{"amount_fen": 300}]}
    rounding = {"to": draw(st.sampled_from(["fen", "jiao"])), "how": draw(st.sampled_from(["half_up", "down", "up"]))}
    valid_in: list[dict[str, Any]] = [
        {"grade": "senior", "within": "province"},
        {"within": draw(st.sampled_from(["county", "city"]))},
    ]
    rules = [RULES["category"], RULES["certificate"] | {"valid_in": valid_in}, RULES["rating"], *extra]
    rules += [RULES["engaged"]] * draw(st.sampled_from([0, 1, 1, 1])) + [RULES["inspection"]] * draw(st.integers(0, 1))
    first_day, last_day = draw(st.sampled_from(PERIODS))
    made: PolicyDocument = document(
        rules=rules,
        lines=lines,
        cap=cap,
        floors=[floor],
        rounding=rounding,
        settings=chosen,
        effective={"first_day": first_day, "last_day": last_day},
    )
    return made


def days_of(month: int) -> list[date]:
    first = date(YEAR, month, 1)
    return [day for day in (first + timedelta(days=n) for n in range(31)) if day.month == month]


def engaged_on(facts: Sequence[KnownFact], day: date) -> bool:
    """Looked up day by day, without months, posts or spans of the engine's own."""
    told = [(fact.event_id, fact.effective_on, fact.particulars) for fact in facts]
    if any(span.covers(day) for span in closed_spans(told)):
        return False
    ended = {said.engagement: fact.effective_on for fact in facts if isinstance(said := fact.particulars, EngagementEnd)}
    return any(
        fact.effective_on <= day <= ended.get(said.engagement, date.max)
        for fact in facts
        if isinstance(said := fact.particulars, EngagementStart)
    )


def certified_on(facts: Sequence[KnownFact], day: date) -> bool:
    """Whether a certificate of a grade that the policy knows is valid on the day."""
    spans = spans_of_all((fact.event_id, fact.effective_on, fact.particulars) for fact in facts)
    return any(span.state == "valid" and span.grade != "master" and span.covers(day) for span in spans)


@settings(max_examples=150, deadline=None)
@given(histories(), st.sampled_from(["any_day", "first_day"]))
def test_the_months_that_are_paid_are_those_that_a_calendar_shows(facts: list[KnownFact], counts: str) -> None:
    """Looked up day by day: engaged while registered, and a certificate valid, on any day of the month or on its first."""
    expected = 0
    for month in range(1, 13):
        days = days_of(month) if counts == "any_day" else [date(YEAR, month, 1)]
        expected += any(engaged_on(facts, day) for day in days) and any(certified_on(facts, day) for day in days)
    rules = [RULES["engaged"], RULES["certificate"]]
    policy = published(
        division="320000", rules=rules, lines=[flat(1000, period="monthly")], settings={"month_counts_when": counts}
    )
    decision = decide_year(facts, [policy], YEAR)
    assert decision is not None
    assert decision.amount_fen == expected * 1000


@settings(max_examples=300, deadline=None)
@given(histories(), documents(), st.randoms(use_true_random=False))
def test_the_order_and_repetition_of_facts_and_policies_never_matter(
    facts: list[KnownFact], policy: PolicyDocument, chance: Any
) -> None:
    """Any order, and any fact given twice, ends in the same decision."""
    policies = [PolicyInForce(event_id(900), policy), published(901, division="320000"), published(902, division="320500")]
    shuffled, repeated = list(policies), [*facts, *facts[:2]]
    chance.shuffle(shuffled)
    chance.shuffle(repeated)
    assert decide_year(repeated, shuffled, YEAR) == decide_year(facts, policies, YEAR)


@settings(max_examples=500, deadline=None)
@given(histories(), documents())
def test_granted_is_every_predicate_met_and_the_money_adds_up(facts: list[KnownFact], policy: PolicyDocument) -> None:
    """Granted exactly if all are met; amount = lines = shares = payers; nothing is negative; the cap holds."""
    decision = decide_year(facts, [PolicyInForce(event_id(900), policy)], YEAR)
    if decision is None:
        there = division_of(facts, YEAR, [PolicyInForce(event_id(900), policy)])
        assert not covers(policy.division, there or "") or policy.settings.decided_when == "engaged"
        return
    assert len(decision.predicates) == len(policy.eligibility)
    assert (decision.decision == "granted") is all(each.met for each in decision.predicates)
    assert decision.amount_fen == sum(each.amount_fen for each in decision.lines)
    assert decision.amount_fen == sum(payer.amount_fen for payer in decision.payers)
    for each in decision.lines:
        assert each.amount_fen == sum(share.amount_fen for share in each.shares)
        assert all(share.amount_fen > 0 for share in each.shares)
    assert decision.amount_fen >= 0
    assert policy.cap is None or decision.amount_fen <= policy.cap.amount_fen
    if decision.decision == "granted":
        assert {each.name for each in decision.lines} == {"base", "post"}
    else:
        assert (decision.amount_fen, decision.lines) == (0, ())


@settings(max_examples=200, deadline=None)
@given(histories(), documents())
def test_a_decision_is_json_that_round_trips_and_lists_each_fact_that_a_predicate_names(
    facts: list[KnownFact], policy: PolicyDocument
) -> None:
    decision = decide_year(facts, [PolicyInForce(event_id(900), policy)], YEAR)
    if decision is not None:
        assert Decision.model_validate(json.loads(json.dumps(decision.payload()))) == decision
        named = {event for each in decision.predicates for event in each.facts}
        assert named <= {used.fact for used in decision.facts} <= {fact.event_id for fact in facts}


@settings(max_examples=300, deadline=None)
@given(histories(), documents())
def test_a_decision_follows_from_the_facts_that_it_used(facts: list[KnownFact], policy: PolicyDocument) -> None:
    """Deciding again from nothing but the frozen facts grants or denies the same, with the same amount."""
    decision = decide_year(facts, [PolicyInForce(event_id(900), policy)], YEAR)
    if decision is not None and decision.decision == "granted":
        frozen = [KnownFact(used.fact, used.effective_on, used.particulars) for used in decision.facts]
        again = decide_year(frozen, [PolicyInForce(event_id(900), policy)], YEAR)
        assert again is not None
        assert (again.decision, again.amount_fen, again.payers) == (decision.decision, decision.amount_fen, decision.payers)


@settings(max_examples=300, deadline=None)
@given(histories(), documents(), st.integers(2022, 2030), st.integers(1, 12))
def test_what_happens_in_later_years_changes_no_earlier_decision(
    facts: list[KnownFact], policy: PolicyDocument, year: int, month: int
) -> None:
    """A new post, a promotion, another year's rating and inspection from 2022 on leave the decision for 2021 as it was."""
    day = f"{year}-{month:02}-15"
    later = [
        starts(500, day, "e9"),
        certified(501, day, "senior"),
        rated("excellent", day, year, 502),
        inspected("failed", day, year, 503),
        closed(504, day),
        reopened(505, f"{year}-{month:02}-20"),
        moved(506, day, "320500"),
        *[changed(410 + n, "suspended", day, certificate=n) for n in range(100, 107)],
        *[changed(510 + n, "revoked", day, certificate=n) for n in range(100, 107)],
    ]
    policies = [PolicyInForce(event_id(900), policy)]
    assert decide_year([*facts, *later], policies, YEAR) == decide_year(facts, policies, YEAR)
