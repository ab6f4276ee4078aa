"""People as columns: what they are read into, and that everybody gets what the engine says for them alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.allowance import Decision
from contracts.particulars import (
    Certificate,
    CertificateChange,
    EngagementEnd,
    EngagementStart,
    InspectionResult,
    RatingResult,
    Registration,
    RegistrationStatus,
    Transfer,
)
from contracts.policy import PolicyDocument
from services.allowance import evaluation
from services.allowance.columns import (
    COLUMNS,
    LATE,
    Columns,
    Words,
    certificate_columns,
    columns_of,
    facts_of,
    post_code,
    post_columns,
    row_of,
)
from services.allowance.engine import KnownFact, decide_year
from services.allowance.evaluation import DENIED, GRANTED, UNDECIDED, Evaluator, Results, evaluate, explain
from tests.allowance.random_years import YEAR, in_force, policies, workers
from tests.support import event_id


def fact(number: int, on: str, says: Any, source: str = "") -> KnownFact:
    return KnownFact(event_id(number), date.fromisoformat(on), says, source)


def engaged(number: int = 2, on: str = "2019-03-01", key: str = "e1", **how: Any) -> KnownFact:
    said = {"engagement": key, "category": "secretary", "unit": "u", "post": "p"} | how
    return fact(number, on, EngagementStart.model_validate(said))


def certified(number: int = 3, on: str = "2019-05-01", grade: str = "junior", key: str = "c1", **how: Any) -> KnownFact:
    return fact(number, on, Certificate.model_validate({"number": key, "grade": grade, "issuer": "320100"} | how))


REGISTERED = fact(1, "2019-01-01", Registration(division="320102"))
RATED = fact(4, "2023-01-10", RatingResult(year=YEAR, rating="competent"))
INSPECTED = fact(5, "2022-11-05", InspectionResult(year=YEAR, outcome="passed"))
USUAL = (REGISTERED, engaged(), certified(), RATED, INSPECTED)


def columns_in(facts: Sequence[KnownFact], words: Words | None = None) -> dict[str, int]:
    """The codes of one worker, without those that are 0."""
    row = row_of(facts, YEAR, words or Words())
    assert row is not None
    return {name: code for name, code in zip(COLUMNS, row, strict=True) if code}


def policy(**changes: Any) -> Any:
    """An invented one: by grade and rating, in twelfths, from two payers."""
    rules = ("engaged", "certificate", "inspection")
    rows = [(grade, rating) for grade in ("junior", "senior") for rating in ("excellent", "competent")]
    said = {
        "document": "example",
        "title": "示例",
        "division": "320100",
        "issued_on": "2021-01-01",
        "effective": {"first_day": "2021-01-01"},
        "source": "made up",
        "vocabulary": {
            "ratings": [{"word": word, "zh": word} for word in ("excellent", "competent", "basic")],
            "grades": [{"word": word, "zh": word} for word in ("junior", "senior")],
        },
        "eligibility": [
            *[{"rule": rule, "clause": "1"} for rule in rules],
            {"rule": "rating", "at_least": "competent", "clause": "2"},
        ],
        "payers": [{"name": "city", "zh": "市"}, {"name": "county", "zh": "县"}],
        "lines": [
            {
                "name": "base",
                "zh": "津贴",
                "clause": "3",
                "period": "annual",
                "by": ["grade", "rating"],
                "amounts": [
                    {"grade": grade, "rating": rating, "amount_fen": 100_000 * number}
                    for number, (grade, rating) in enumerate(rows, start=1)
                ],
                "paid_by": [
                    {"shares": [{"payer": "city", "percent": 60}, {"payer": "county", "percent": 40}], "remainder": "county"}
                ],
            }
        ],
    }  # fmt: skip
    return in_force(PolicyDocument.model_validate(said | changes))


# Reading facts ----------------------------------------------------------------------------------------------------------


def test_a_usual_year_is_a_few_small_codes() -> None:
    """What began before the year has no date, and what is not about the amounts has no column."""
    assert columns_in(USUAL, Words(["320102"], ["junior"], ["competent"])) == {
        "division": 1,
        "rating": 1,
        "rated_on": LATE + 1,
        "post_1": post_code("secretary", True),
        "certificate_1": 1,
        "issuer_1": 2,
        "inspection_1": 1,
        "inspection_1_month": 11,
        "inspection_1_year": 3,
    }


def test_what_happens_within_the_year_has_its_day() -> None:
    """1 March is day 60, 30 June is day 181."""
    facts = (REGISTERED, engaged(on="2022-03-01"), fact(6, "2022-06-30", EngagementEnd(engagement="e1", reason="other")))
    found = columns_in(facts)
    assert (found["post_1_from"], found["post_1_to"]) == (60, 181)


@pytest.mark.parametrize(
    "before",
    [
        [fact(7, "2021-06-01", Transfer(key="m", division="320102"))],
        [fact(7, "2021-06-01", RegistrationStatus(key="a", status="closed", reason="other")),
         fact(8, "2021-08-01", RegistrationStatus(key="b", status="reopened", reason="returned"))],
        [engaged(7, "2018-01-01", "e0"), fact(8, "2018-12-31", EngagementEnd(engagement="e0", reason="other"))],
        [certified(7, "2018-01-01", "senior", "c0", expires_on="2020-12-31")],
        [fact(7, "2021-01-10", RatingResult(year=YEAR - 1, rating="basic"))],
        [fact(7, "2023-01-01", CertificateChange(key="k", number="c1", change="revoked", reason="r"))],
    ],
)  # fmt: skip
def test_what_was_over_before_the_year_or_came_after_it_leaves_no_trace(before: list[KnownFact]) -> None:
    words = Words()
    assert columns_in([*USUAL, *before], words) == columns_in(USUAL, words)


def test_what_lasts_from_before_the_year_is_kept_as_it_then_stood() -> None:
    """Downgraded, suspended, moved and closed in 2021: the year begins with the lower grade, suspended, elsewhere, closed."""
    words = Words(["320102", "320104", "320100"], ["senior", "junior"])
    facts = (
        REGISTERED,
        certified(grade="senior"),
        fact(6, "2021-02-01", CertificateChange(key="a", number="c1", change="downgraded", grade="junior", reason="r")),
        fact(7, "2021-03-01", CertificateChange(key="b", number="c1", change="suspended", reason="r")),
        fact(8, "2021-04-01", Transfer(key="m", division="320104")),
        fact(9, "2021-12-31", RegistrationStatus(key="s", status="closed", reason="left")),
    )
    assert columns_in(facts, words) == {
        "division": 2,
        "certificate_1": 2,
        "suspended_1": 1,
        "issuer_1": 3,
        "closed_1_from": 1,
    }


@pytest.mark.parametrize(
    "odd",
    [
        [engaged(10 + n, f"2022-0{n + 1}-01", f"x{n}") for n in range(3)],
        [certified(10 + n, f"2022-0{n + 1}-01", key=f"x{n}") for n in range(3)],
        [fact(7, "2020-01-01", Registration(division="320104"))],
        [engaged(7, "2020-01-01", "e1")],
        [certified(7, "2020-01-01", key="c1")],
        [certified(7, "2022-05-01", key="c2", expires_on="2022-04-01")],
        [fact(7 + n, "2022-05-01", Transfer(key=f"m{n}", division="320104")) for n in range(2)],
    ],
)
def test_an_irregular_history_fits_no_row_and_is_decided_from_its_facts(odd: list[KnownFact]) -> None:
    """More than there are slots for, or what the registry would not let stand. It is counted."""
    facts = [*USUAL, *odd]
    assert row_of(facts, YEAR, Words()) is None
    found = columns_of([USUAL, facts], YEAR)
    assert list(found.irregular) == [1]
    results = evaluate(found, [policy()], YEAR)
    expected = decide_year(facts, [policy()], YEAR)
    assert expected is not None
    assert int(results.amounts_fen[1]) == expected.amount_fen
    assert explain(results, 1) == expected


def test_facts_made_of_a_row_give_the_row_again() -> None:
    words = Words()
    row = row_of(USUAL, YEAR, words)
    assert row is not None
    assert row_of(facts_of(row, words, YEAR), YEAR, words) == row


@settings(max_examples=200)
@given(workers())
def test_any_row_survives_being_made_into_facts(facts: list[KnownFact]) -> None:
    words = Words()
    row = row_of(facts, YEAR, words)
    if row is not None:
        assert row_of(facts_of(row, words, YEAR), YEAR, words) == row


# Columns that come as arrays --------------------------------------------------------------------------------------------


def days(*texts: str) -> Any:
    return np.array(texts, dtype="datetime64[D]")


def test_columns_may_be_made_of_arrays_as_well_as_of_facts() -> None:
    """Four people: all year, from 15 May, to 30 September, and one who left before the year."""
    words = Words(["320102"], ["junior", "senior"], ["competent"])
    first = days("2019-03-01", "2022-05-15", "2019-03-01", "2019-03-01")
    last = days("NaT", "NaT", "2022-09-30", "2021-09-30")
    four = {name: np.full(4, code) for name, code in columns_in([REGISTERED, RATED, INSPECTED], words).items()}
    four |= post_columns(1, np.full(4, post_code("secretary", True)), first, last, YEAR)
    four |= certificate_columns(
        1, np.array([1, 2, 1, 1]), np.full(4, days("2019-05-01")[0]), np.full(4, np.datetime64("NaT")), YEAR
    )
    results = evaluate(Columns(YEAR, 4, words, four), [policy()], YEAR)
    assert results.amounts_fen.tolist() == [200_000, 400_000 * 8 // 12 + 1, 150_000, 0]
    assert results.payers["city"].tolist() == [120_000, 160_000, 90_000, 0]
    assert results.payers["county"].tolist() == [80_000, 106_667, 60_000, 0]
    assert results.decisions.tolist() == [GRANTED, GRANTED, GRANTED, DENIED]


@pytest.mark.parametrize(
    ("codes", "problem"),
    [
        ({"salary": np.zeros(2, int)}, "no column 'salary'"),
        ({"division": np.zeros(3, int)}, "2 whole numbers"),
        ({"division": np.zeros(2)}, "2 whole numbers"),
        ({"division": np.array([0, 2])}, "from 0 to 1"),
        ({"post_1_from": np.array([-1, 2])}, "from 0 to 366"),
    ],
)
def test_columns_that_mean_nothing_are_refused(codes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Columns(YEAR, 2, Words(["320102"]), codes)


def test_columns_of_another_year_are_refused() -> None:
    with pytest.raises(ValueError, match="read columns of 2023"):
        evaluate(columns_of([USUAL], YEAR), [policy()], 2023)


# Everybody at once ------------------------------------------------------------------------------------------------------


def test_nobody_is_nothing() -> None:
    results = evaluate(columns_of([], YEAR), [policy()], YEAR)
    assert (results.amounts_fen.size, results.asked) == (0, 0)


def test_people_who_are_alike_are_asked_about_once() -> None:
    """A thousand in three divisions that the policy doesn't tell apart, on different days of one month: one case, and one
    question whether their rating settles it."""
    files = [
        [
            fact(1, "2019-01-01", Registration(division=f"32010{2 + number % 3}")),
            engaged(on=f"2022-05-{2 + number % 29:02}"),
            *USUAL[2:],
        ]
        for number in range(1000)
    ]
    results = evaluate(columns_of(files, YEAR), [policy()], YEAR)
    assert results.asked == 2
    assert set(results.amounts_fen.tolist()) == {200_000 * 8 // 12}
    words = results.columns.words.divisions.words
    assert [words[code] for code in results.divisions[:3]] == ["320102", "320103", "320104"]


def test_a_post_within_one_month_is_like_every_other_one_and_none_if_its_days_are_reversed() -> None:
    """From 2 to 4 May, or on 20 May alone: one month of twelve. From 20 to 4 May, as codes can say but facts can't: nothing."""
    words = Words(["320102"], ["junior"], ["competent"])
    code = np.array([post_code("secretary", True)] * 3, np.int16)
    days = {"from": ["2022-05-02", "2022-05-20", "2022-05-20"], "to": ["2022-05-04", "2022-05-20", "2022-05-04"]}
    codes = {f"post_1_{end}": np.array([date.fromisoformat(day).timetuple().tm_yday for day in days[end]]) for end in days}
    usual = columns_of([USUAL] * 3, YEAR, words)
    results = evaluate(Columns(YEAR, 3, words, {**usual.codes, "post_1": code, **codes}), [policy()], YEAR)
    assert results.decisions.tolist() == [GRANTED, GRANTED, DENIED]
    assert results.amounts_fen.tolist() == [16_667, 16_667, 0]


def test_who_moves_is_not_denied_by_the_policy_of_the_division_that_was_left() -> None:
    """The old county pays the excellent only; moved in June, somebody competent is paid under the new county's policy."""
    strict = [
        {"rule": "engaged", "clause": "1"},
        {"rule": "certificate", "clause": "1"},
        {"rule": "rating", "at_least": "excellent", "clause": "2"},
    ]
    policies_of_both = [policy(division="320102", eligibility=strict), policy()]
    moved = (*USUAL, fact(7, "2022-06-15", Transfer(key="t1", division="320104")))
    results = evaluate(columns_of([USUAL, moved], YEAR), policies_of_both, YEAR)
    assert results.decisions.tolist() == [DENIED, GRANTED]
    assert results.amounts_fen.tolist() == [0, 200_000]


def test_who_is_not_registered_or_has_no_policy_is_undecided() -> None:
    elsewhere = fact(1, "2019-01-01", Registration(division="110101"))
    results = evaluate(columns_of([USUAL[1:], [elsewhere, *USUAL[1:]], USUAL], YEAR), [policy()], YEAR)
    assert results.decisions.tolist() == [UNDECIDED, UNDECIDED, GRANTED]
    assert [explain(results, person) is None for person in range(3)] == [True, True, False]


def test_an_evaluator_remembers_cases_and_forgets_them_when_the_words_change() -> None:
    """The same codes under other words are other people."""
    evaluator = Evaluator([policy()], YEAR)
    words = Words(grades=["junior"])
    assert evaluator.evaluate(columns_of([USUAL], YEAR, words)).asked == 2
    assert evaluator.evaluate(columns_of([USUAL, USUAL], YEAR, words)).asked == 0
    senior = [certified(grade="senior") if each is USUAL[2] else each for each in USUAL]
    assert evaluator.evaluate(columns_of([senior], YEAR, Words(grades=["senior"]))).amounts_fen.tolist() == [400_000]


def same(decision: Decision | None) -> Any:
    """What of a decision does not name facts, or days before the year."""
    if decision is None:
        return None
    met = [(each.name, each.met, each.clause, each.required) for each in decision.predicates]
    return decision.model_dump(exclude={"predicates", "facts"}) | {"predicates": met}


def check(results: Results, files: Sequence[Sequence[KnownFact]]) -> None:
    for person, facts in enumerate(files):
        expected = decide_year(facts, results.policies, YEAR, results.instrument)
        told = explain(results, person)
        assert same(told) == same(expected)
        if expected is None:
            assert results.decisions[person] == UNDECIDED
            continue
        payers = {each.payer: each.amount_fen for each in expected.payers}
        assert int(results.amounts_fen[person]) == expected.amount_fen
        assert {name: int(fen[person]) for name, fen in results.payers.items() if fen[person]} == payers
        assert results.decisions[person] == (GRANTED if expected.decision == "granted" else DENIED)
        assert results.columns.words.divisions.words[results.divisions[person]] == expected.division


@settings(max_examples=250, deadline=None)
@given(st.lists(workers(), min_size=1, max_size=5), st.lists(policies(), min_size=1, max_size=2))
def test_everybody_gets_what_the_engine_says_for_them_alone(
    files: list[list[KnownFact]], documents: list[PolicyDocument]
) -> None:
    """Amount, payers, outcome and division, and the explanation too but for ids and days before the year."""
    published = [in_force(document, 900 + number) for number, document in enumerate(documents)]
    check(evaluate(columns_of(files, YEAR), published, YEAR), files)


@settings(max_examples=100, deadline=None)
@given(st.lists(workers(), min_size=1, max_size=3), policies(), policies("part_time"))
def test_another_instrument_is_evaluated_beside_the_allowance(
    files: list[list[KnownFact]], allowance: PolicyDocument, other: PolicyDocument
) -> None:
    """A part-time allowance may depend on what the red-collar allowance pays."""
    check(evaluate(columns_of(files, YEAR), [in_force(allowance), in_force(other, 901)], YEAR, "part_time"), files)


@settings(max_examples=60, deadline=None)
@given(st.lists(workers(), min_size=3, max_size=8), policies(), st.integers(1, 4), st.sampled_from([1, 8, 1 << 21]))
def test_chunks_and_tables_of_any_size_make_no_difference(
    files: list[list[KnownFact]], document: PolicyDocument, chunk: int, table: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "CHUNK_PEOPLE", chunk)
        patch.setattr(evaluation, "TABLE_KEYS_MAX", table)
        patch.setattr(evaluation, "CASES_KEPT_MAX", 2)
        check(evaluate(columns_of(files, YEAR), [in_force(document)], YEAR), files)
