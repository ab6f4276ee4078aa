"""Scores are exact, rounded once as the document says, ranked by a stated rule, and explained item by item."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import floor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.appraisal import AppraisalDocument
from services.talent.scoring import Result, Roster, explain, marked_items, profile_for, results_digest, rounded, score
from tests.talent.cycle_example import document, ref, roster


def even(leader: int, staff: int | None = None, **more: Any) -> dict[str, Any]:
    """Somebody whom one leader and one of the staff gave these points for every item."""
    staff = leader if staff is None else staff
    return {"ratings": [(0, (100 * leader, 100 * leader)), (1, (100 * staff, 100 * staff))], **more}


def told(results: list[Result]) -> list[tuple[int | None, int | None, str | None, tuple[str, ...]]]:
    return [(r.score, r.rank, r.rating, r.why) for r in results]


# --- one score ----------------------------------------------------------------------------------------------------------


def test_roles_items_and_targets_count_by_their_percents() -> None:
    """A secretary: 60 % leader and 40 % staff make the marks; 30, 30 and 40 % the items; 9 of 12 are 75 points."""
    person = {
        "category": "secretary",
        "measured": {"output": 9},
        "ratings": [(0, (9000, 8000)), (1, (7000, 6000)), (1, (8000, 9000))],
    }
    # virtue .6*90+.4*75 = 84; ability .6*80+.4*75 = 78; output 75: .3*84 + .3*78 + .4*75 = 78.60
    assert told(score(document(), roster([person]))) == [(7860, 1, "competent", ())]


def test_more_than_the_target_counts_as_far_as_the_document_allows() -> None:
    """At most 100 % of it, or as much more as it says."""
    person = even(80, category="secretary", measured={"output": 18})
    items = (
        "items:\n  - {name: virtue, zh: 德, part: qualitative}\n  - {name: ability, zh: 能, part: qualitative}\n"
        "  - {name: output, zh: 绩, part: quantitative, target: 12, at_most_percent: 120}\n"
    )
    assert [r.score for r in score(document(), roster([person]))] == [8800]
    assert [r.score for r in score(document(items=items), roster([person]))] == [9600]


@pytest.mark.parametrize(
    ("how", "digits", "expected"),
    [("half_up", 2, 6667), ("down", 2, 6666), ("half_up", 1, 6670), ("half_up", 0, 6700), ("half_even", 2, 6667)],
)
def test_a_score_is_rounded_once_as_the_document_says(how: str, digits: int, expected: int) -> None:
    """Two thirds of 100 points."""
    person = {"ratings": [(0, (6666, 6666)), (0, (6667, 6667)), (0, (6667, 6667)), (1, (6666, 6666)), (1, (6667, 6667)), (1, (6667, 6667))]}  # fmt: skip # noqa: E501
    rounding = f"rounding: {{digits: {digits}, how: {how}}}"
    assert [r.score for r in score(document(rounding=rounding), roster([person]))] == [expected]


@pytest.mark.parametrize(
    ("numerator", "how", "whole"),
    [
        (5, "half_up", 3),
        (5, "half_even", 2),
        (7, "half_even", 4),
        (5, "down", 2),
        (5, "up", 3),
        (4, "up", 2),
        (3, "half_even", 2),
    ],
)
def test_halves_go_where_the_rule_says(numerator: int, how: Any, whole: int) -> None:
    """To the even neighbour by GB/T 8170, up in everyday use."""
    assert rounded(numerator, 2, how) == whole


def test_points_and_honours_of_the_period_add_and_take_away_up_to_a_limit() -> None:
    """0.10 a point, at most 3.00 either way; 1.00 an honour, at most 2.00; the score stays from 0 to 100."""
    people = [even(80, points=5), even(80, points=-5), even(80, points=99), even(80, honours=3), even(99, points=99), even(1, points=-99)]  # fmt: skip # noqa: E501
    assert [r.score for r in score(document(), roster(people))] == [8050, 7950, 8300, 8200, 10_000, 0]


def test_who_lacks_raters_or_a_measurement_has_no_score_and_it_is_said_why() -> None:
    """Nobody is scored as if a missing mark were zero."""
    people = [
        {"ratings": [(0, (9000, 9000))]},
        {},
        even(90, category="secretary"),
        even(90, category="secretary", measured={"output": 12}),
    ]
    assert told(score(document(), roster(people))) == [
        (None, None, None, ("too-few:staff",)),
        (None, None, None, ("too-few:leader", "too-few:staff")),
        (None, None, None, ("not-measured:output",)),
        (9400, 1, "competent", ("quota",)),
    ]


RATERS = "raters:\n  - {{name: leader, zh: 领导, percent: 60}}\n  - {{name: staff, zh: 群众, percent: 40, at_least: 0}}\n"


@pytest.mark.parametrize(("rule", "expected"), [("shared", 8000), ("zero", 4800)])
def test_a_role_that_may_be_absent_leaves_its_percent_to_the_others_or_counts_as_zero(rule: str, expected: int) -> None:
    made = document(raters=RATERS.format(), missing_roles=f"missing_roles: {rule}")
    assert [r.score for r in score(made, roster([{"ratings": [(0, (8000, 8000))]}]))] == [expected]
    assert told(score(made, roster([{}]))) == [(None, None, None, ("too-few:leader",))]


def test_weights_go_by_category_and_grade() -> None:
    """An empty list of a side is for every one."""
    assert [profile_for(document(), c, "senior") for c in ("secretary", "recruited", "instructor")] == [0, 1, None]
    assert [marked_items(document(), n) for n in (0, 1)] == [("virtue", "ability")] * 2


# --- ranks, ties, quota -------------------------------------------------------------------------------------------------


def ranked(made: AppraisalDocument, *people: dict[str, Any]) -> list[tuple[int | None, str | None, tuple[str, ...]]]:
    return [(r.rank, r.rating, r.why) for r in score(made, roster(people))]


def quota(percent: int, limit: int = 100, more: str = "") -> str:
    return f"quota: {{percent: {percent}, limit_percent: {limit}, clause: 3{more}}}"


def test_who_is_equal_shares_a_rank_and_the_next_one_is_left_out() -> None:
    """1, 2, 2, 4."""
    found = ranked(document(), even(80), even(90), even(70), even(80))
    assert [rank for rank, _, _ in found] == [2, 1, 4, 2]


def test_named_items_decide_between_equal_scores() -> None:
    """The one with more virtue comes first."""
    people = [{"ratings": [(role, marks) for role in (0, 1)]} for marks in ((8000, 9000), (9000, 8000), (8000, 9000))]
    assert [rank for rank, _, _ in ranked(document(), *people)] == [1, 1, 1]
    assert [rank for rank, _, _ in ranked(document(ties="ties: {break_by: [virtue]}"), *people)] == [2, 1, 2]
    assert [rank for rank, _, _ in ranked(document(ties="ties: {break_by: [output, ability]}"), *people)] == [1, 3, 1]


def test_only_so_many_get_the_best_rating_and_the_rest_is_told_that_it_was_the_quota() -> None:
    """15 % of 20 are 3 places; a part of a place is no place."""
    people = [even(99 - place) for place in range(9)] + [even(50)] * 11
    found = ranked(document(), *people)
    assert [rating for _, rating, _ in found].count("excellent") == 3
    assert found[2] == (3, "excellent", ())
    assert found[3] == (4, "competent", ("quota",))
    nineteen = ranked(document(), *people[:-1])
    assert [rating for _, rating, _ in nineteen].count("excellent") == 2
    upward = ranked(document(quota=quota(15, 20, ", places: up")), *people[:-1])
    assert [rating for _, rating, _ in upward].count("excellent") == 3


@pytest.mark.parametrize(("rule", "limit", "excellent"), [("none", 100, 1), ("all", 100, 4), ("all", 40, 4), ("all", 30, 1)])
def test_a_tie_for_the_last_places_goes_by_the_stated_rule(rule: str, limit: int, excellent: int) -> None:
    """Two places for the one at the top and three who tie: none of these three gets one, or all do, if the limit allows it."""
    people = [even(99), even(95), even(95), even(95), *[even(60)] * 6]
    found = ranked(document(quota=quota(20, limit, f", at_border: {rule}")), *people)
    assert [rating for _, rating, _ in found].count("excellent") == excellent
    if excellent == 1:
        assert found[1:4] == [(2, "competent", ("tie-at-border",))] * 3


def test_a_sanction_bars_the_best_rating_and_leaves_the_place_to_the_next() -> None:
    """取消评优."""
    people = [even(99, sanctions=["cancel_honours"]), even(95, sanctions=["interview"]), *[even(60)] * 8]
    assert ranked(document(quota=quota(10)), *people)[:2] == [
        (1, "competent", ("barred:cancel_honours",)), (2, "excellent", ()),
    ]  # fmt: skip


def test_each_category_may_have_its_own_ranking_and_quota() -> None:
    people = [even(95), even(93), even(99, category="secretary", measured={"output": 12}), *[even(50)] * 3]
    found = ranked(document(ranked_within="ranked_within: category", quota=quota(20)), *people)
    assert found[:3] == [(1, "excellent", ()), (2, "competent", ("quota",)), (1, "competent", ("quota",))]


# --- explained ----------------------------------------------------------------------------------------------------------


def test_a_score_is_explained_item_by_item() -> None:
    """Every line with its weight, what was found, and what it contributes; their sum is the score."""
    person = {
        "category": "secretary", "measured": {"output": 9}, "points": -2, "honours": 1,
        "ratings": [(0, (9000, 8000)), (1, (7000, 6000)), (1, (8000, 9000))],
    }  # fmt: skip
    told = explain(document(), roster([even(50), person]), ref(1))
    assert [(line.item, line.weight, line.points, line.contributes) for line in told.items] == [
        ("virtue", 30, Fraction(84), Fraction(252, 10)), ("ability", 30, Fraction(78), Fraction(234, 10)),
        ("output", 40, Fraction(75), Fraction(30)),
    ]  # fmt: skip
    assert [(r.role, r.raters, r.percent, r.mean) for r in told.items[0].roles] == [
        ("leader", 1, Fraction(60), Fraction(90)), ("staff", 2, Fraction(40), Fraction(75)),
    ]  # fmt: skip
    assert (told.items[2].achieved, told.items[2].target) == (9, 12)
    assert [(e.name, e.count, e.contributes) for e in told.extras] == [
        ("points", -2, Fraction(-1, 5)), ("honours", 1, Fraction(1)),
    ]  # fmt: skip
    assert (told.exact, told.score, told.clause) == (Fraction(794, 10), 7940, "1")


# --- against a slow oracle ----------------------------------------------------------------------------------------------


def oracle(made: AppraisalDocument, given: Roster, person: int) -> int | None:
    """The score in hundredths, in fractions and the plainest of ways."""
    weights = {w.item: Fraction(w.percent, 100) for w in made.weights[given.profiles[person]].items}
    qualitative = [item.name for item in made.items if item.part == "qualitative"]
    by_role: dict[int, list[Any]] = {role: [] for role in range(len(made.raters))}
    for rated, role, marks in zip(given.rated, given.roles, given.marks, strict=True):
        if rated == person:
            by_role[role].append(marks)
    if any(len(by_role[n]) < role.at_least for n, role in enumerate(made.raters)) or not any(by_role.values()):
        return None
    present = [n for n in by_role if by_role[n]]
    whole = sum(made.raters[n].percent for n in present) if made.missing_roles == "shared" else 100
    total = Fraction(0)
    for item in made.items:
        if item.name not in weights:
            continue
        if item.part == "quantitative":
            if item.name not in given.measured[person]:
                return None
            assert item.target is not None
            points = min(Fraction(given.measured[person][item.name] * 100, item.target), Fraction(item.at_most_percent))
        else:
            place = qualitative.index(item.name)
            points = Fraction(0)
            for n in present:
                mean = Fraction(sum(marks[place] for marks in by_role[n]), 100 * len(by_role[n]))
                points += Fraction(made.raters[n].percent, whole) * mean
        total += weights[item.name] * points
    assert made.points is not None
    assert made.honours is not None
    for rule, count in ((made.points, given.points[person]), (made.honours, given.honours[person])):
        most = rule.at_most_hundredths
        total += Fraction(max(-most, min(most, count * rule.each_hundredths)), 100)
    step = Fraction(10 ** (2 - made.rounding.digits), 100)
    steps = max(total, Fraction(0)) / step
    half = Fraction(1, 2) if made.rounding.how != "down" else Fraction(0)
    up = floor(steps + half)
    if made.rounding.how == "half_even" and steps - floor(steps) == Fraction(1, 2):
        up = floor(steps) + floor(steps) % 2
    return min(10_000, int(up * step * 100))


marks = st.tuples(*[st.integers(0, 10_000)] * 2)
people = st.lists(
    st.fixed_dictionaries({
        "category": st.sampled_from(["secretary", "recruited"]),
        "measured": st.one_of(st.just({}), st.fixed_dictionaries({"output": st.integers(0, 30)})),
        "points": st.integers(-40, 40),
        "honours": st.integers(0, 3),
        "sanctions": st.sampled_from([(), ("cancel_honours",), ("interview",)]),
        "ratings": st.lists(st.tuples(st.integers(0, 1), marks), max_size=7),
    }),
    min_size=1, max_size=6,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    people=people,
    how=st.sampled_from(["half_up", "half_even", "down"]),
    digits=st.integers(0, 2),
    missing=st.sampled_from(["shared", "zero"]),
    data=st.data(),
)
def test_scores_equal_a_slow_oracle_and_do_not_depend_on_any_order(
    people: list[dict[str, Any]], how: str, digits: int, missing: str, data: st.DataObject
) -> None:
    """Ratings in another order, people in another order: the same results, and the explanation comes to the same score."""
    made = document(
        rounding=f"rounding: {{digits: {digits}, how: {how}}}", missing_roles=f"missing_roles: {missing}",
        raters=RATERS.format(), ties="ties: {break_by: [virtue, output]}", quota=quota(34, 50),
    )  # fmt: skip
    columns = roster(people)
    results = score(made, columns)
    assert [r.score for r in results] == [oracle(made, columns, n) for n in range(len(people))]
    assert [explain(made, columns, r.person_ref).score for r in results] == [r.score for r in results]
    order = data.draw(st.permutations(range(len(columns.rated))))
    shuffled = replace(
        columns,
        rated=[columns.rated[n] for n in order],
        roles=[columns.roles[n] for n in order],
        marks=[columns.marks[n] for n in order],
    )
    assert results_digest(score(made, shuffled)) == results_digest(results)
    turn = data.draw(st.permutations(range(len(people))))
    moved = replace(roster([people[n] for n in turn]), people=[ref(n) for n in turn])
    assert results_digest(score(made, moved)) == results_digest(results)
