"""Certification standards: what is read, and each mistake at its line and key with a remedy."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.certification import Criterion, Limit
from contracts.registry import CertificationStandardPublished
from eventlog.documents import DocumentError, DocumentProblem
from services.registry.standard import check_standard, read_standard

EXAMPLE = Path(__file__).parents[2] / "standards" / "example-certification.yaml"
TEXT = """\
document: standard-1
revision: 1
title: 标准
division: 320100
effective_on: 2025-01-01
source: made up for a test
grades:
  - grade: junior
    issuers: [county]
    steward: county
    valid_in: city
    criteria:
      - {name: served, rule: years_served, at_least: 1, clause: 1.10}
      - {name: trained, rule: hours, at_least: 24, clause: 2}
    training: {pass_mark: 60}
    panel: {judges_at_least: 3, pass_mark: 60}
    notice_working_days: 3
  - grade: intermediate
    issuers: [city, province]
    steward: city
    valid_in: anywhere
    validity_years: 5
    promotes_from: junior
    criteria:
      - {name: held, rule: grade_held, grade: junior, years_at_least: 2, clause: 3}
      - {name: rated, rule: ratings, at_least: competent, count: 2, of_last: 3, clause: 4}
      - {name: inspected, rule: inspections, of_last: 2, clause: 5}
      - {name: ability, rule: assessed, at_least: 60, clause: 6}
      - {name: agreed, rule: confirmed, asks: 是否同意, clause: 7}
    training: {hours_at_least: 40, pass_mark: 60}
    panel: {judges_at_least: 5, pass_mark: 70, drop_extremes: true}
    notice_working_days: 5
waivers:
  - {grade: junior, title: social_work, level_at_least: junior, waives: [trained], clause: 8}
  - {grade: intermediate, title: political_work, level_at_least: intermediate, waives: [held, ability], clause: 9}
limits:
  - {rule: inspections_failed, count: 2, of_last: 3, then: revoked, clause: 10}
  - {rule: rated_below, at_least: competent, count: 1, of_last: 2, then: downgraded, clause: 11}
  - {rule: suspended_months, count: 12, then: revoked, clause: 12}
"""


def problems(text: str) -> list[tuple[int, str, str, str]]:
    """(line, key, code, severity) of everything that is found."""
    return [(p.line, p.key, p.code, p.severity) for p in check_standard(text)]


def changed(written: str, instead: str) -> str:
    assert TEXT.count(written) == 1, written
    return TEXT.replace(written, instead)


# --- the example --------------------------------------------------------------------------------------------------------


def test_the_example_is_a_standard_without_a_doubt() -> None:
    """Every kind of criterion and of limit is in it, and no figure of it claims to be published."""
    text = EXAMPLE.read_text(encoding="utf-8")
    assert check_standard(text) == ()
    standard = read_standard(text)
    rules = {get_args(kind.model_fields["rule"].annotation)[0] for kind in get_args(get_args(Criterion)[0])}
    criteria = [criterion for grade in standard.grades for criterion in grade.criteria]
    assert {criterion.rule for criterion in criteria} == rules
    assert {limit.rule for limit in standard.limits} == set(get_args(Limit.model_fields["rule"].annotation))
    assert {standard.status, *(criterion.status for criterion in criteria)} == {"example"}


def test_the_example_says_of_issuers_territory_and_notice_what_the_scheme_says() -> None:
    """Special: by the province, in the whole of it; the others in the issuing city. Notices of 3, 5 or 7 working days."""
    standard = read_standard(EXAMPLE.read_text(encoding="utf-8"))
    assert [(g.grade, g.issuers, g.valid_in) for g in standard.grades] == [
        ("junior", ("county",), "city"),
        ("intermediate", ("city",), "city"),
        ("senior", ("city",), "city"),
        ("special", ("province",), "province"),
    ]
    assert [g.promotes_from for g in standard.grades] == [None, "junior", "intermediate", "senior"]
    assert {g.notice_working_days for g in standard.grades} == {3, 5, 7}


def test_a_standard_goes_through_its_event_unchanged() -> None:
    standard = read_standard(EXAMPLE.read_text(encoding="utf-8"))
    event = CertificationStandardPublished(document=standard, text="", text_sha256="")
    assert CertificationStandardPublished.model_validate(event.payload()).document == standard


def test_a_clause_is_text_even_without_quotes() -> None:
    """1.10 is not 1.1."""
    assert read_standard(TEXT).grades[0].criteria[0].clause == "1.10"


# --- errors -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "instead", "line", "key", "code"),
    [
        # of form
        ("division: 320100", "division: 3201", 4, "division", "wrong-value"),
        ("effective_on: 2025-01-01", "effective_on: 2025-02-30", 5, "effective_on", "wrong-value"),
        ("validity_years: 5", "validity_year: 5", 22, "grades[1].validity_year", "unknown-key"),
        ("steward: city\n", "steward: town\n", 20, "grades[1].steward", "unknown-value"),
        ("rule: inspections,", "rule: inspection,", 27, "grades[1].criteria[2].rule", "unknown-value"),
        ("hours, at_least: 24", "hours, at_least: 2.5", 14, "grades[0].criteria[1].at_least", "float"),
        ("title: social_work", "title: law", 34, "waivers[0].title", "unknown-value"),
        # words
        ("revision: 1\n", "words: {grades: [junior, intermediate, junior]}\n", 2, "words.grades[2]", "duplicate"),
        ("revision: 1\n", "words: {ratings: [basic, competent, basic]}\n", 2, "words.ratings[2]", "duplicate"),
        # grades
        ("grade: intermediate\n", "grade: junior\n", 18, "grades[1].grade", "duplicate"),
        ("grade: intermediate\n", "grade: middle\n", 18, "grades[1].grade", "unknown-word"),
        ("[city, province]", "[city, province, city]", 19, "grades[1].issuers[2]", "duplicate"),
        ("promotes_from: junior", "promotes_from: younger", 23, "grades[1].promotes_from", "unknown-word"),
        ("promotes_from: junior", "promotes_from: intermediate", 23, "grades[1].promotes_from", "reversed"),
        ("promotes_from: junior", "promotes_from: special", 23, "grades[1].promotes_from", "reversed"),
        ("name: agreed", "name: rated", 29, "grades[1].criteria[4].name", "duplicate"),
        ("grade: junior, years", "grade: younger, years", 25, "grades[1].criteria[0].grade", "unknown-word"),
        ("competent, count: 2", "good, count: 2", 26, "grades[1].criteria[1].at_least", "unknown-word"),
        ("count: 2, of_last: 3, clause", "count: 4, of_last: 3, clause", 26, "grades[1].criteria[1].count", "contradiction"),
        ("judges_at_least: 5", "judges_at_least: 4", 31, "grades[1].panel.judges_at_least", "contradiction"),
        # waivers
        ("{grade: junior, title", "{grade: senior, title", 34, "waivers[0].grade", "unknown-grade"),
        ("waives: [trained]", "waives: [trained, ability]", 34, "waivers[0].waives[1]", "unknown-criterion"),
        ("waives: [held, ability]", "waives: [held, held]", 35, "waivers[1].waives[1]", "duplicate"),
        (
            "limits:\n",
            "  - {grade: junior, title: social_work, level_at_least: junior, waives: [served, trained], clause: 9}\nlimits:\n",
            36, "waivers[2].waives[1]", "duplicate",
        ),
        # limits
        ("at_least: competent, count: 1", "count: 1", 38, "limits[1].at_least", "missing"),
        ("count: 2, of_last: 3, then", "count: 2, then", 37, "limits[0].of_last", "missing"),
        ("count: 1, of_last: 2, then", "count: 1, then", 38, "limits[1].of_last", "missing"),
        ("failed, count: 2", "failed, at_least: basic, count: 2", 37, "limits[0].at_least", "contradiction"),
        ("count: 12", "at_least: basic, count: 12", 39, "limits[2].at_least", "contradiction"),
        ("count: 12", "count: 12, of_last: 13", 39, "limits[2].of_last", "contradiction"),
        ("count: 2, of_last: 3, then", "count: 4, of_last: 3, then", 37, "limits[0].count", "contradiction"),
        ("at_least: competent, count: 1", "at_least: good, count: 1", 38, "limits[1].at_least", "unknown-word"),
    ],
)  # fmt: skip
def test_each_mistake_is_shown_at_its_line_and_key(written: str, instead: str, line: int, key: str, code: str) -> None:
    """Before whatever else is wrong because of it further down; and the standard is not read."""
    text = changed(written, instead)
    assert (line, key, code, "error") == problems(text)[0]
    with pytest.raises(DocumentError) as caught:
        read_standard(text)
    assert all(isinstance(p, DocumentProblem) and p.problem and p.remedy for p in caught.value.problems)


def test_a_misspelt_key_is_told_a_key_of_documents_and_none_of_events() -> None:
    """``waived`` is what a result says, not what an author writes."""
    (problem,) = check_standard(changed("waivers:", "waived:"))
    assert problem.remedy == "did you mean waives?"


@pytest.mark.parametrize("judges", [1, 2, 3, 4])
def test_a_panel_may_be_small_where_no_score_is_dropped(judges: int) -> None:
    text = changed(", drop_extremes: true", "").replace("judges_at_least: 5", f"judges_at_least: {judges}")
    assert check_standard(text) == ()


# --- doubts -------------------------------------------------------------------------------------------------------------


def limits(*added: str) -> str:
    return TEXT + "".join(f"  - {{{limit}, clause: 13}}\n" for limit in added)


@pytest.mark.parametrize(
    ("text", "line", "key", "code"),
    [
        (changed("valid_in: city\n", "valid_in: city\n    promotes_from: novice\n")
         + "words: {grades: [novice, junior, intermediate]}\n", 7, "grades", "no-first-certificate"),
        (changed("promotes_from: junior", "promotes_from: novice").replace("grade: junior, years", "grade: novice, years")
         + "words: {grades: [novice, junior, intermediate]}\n", 23, "grades[1].promotes_from", "unreachable"),
        (changed("grade: junior, years", "grade: intermediate, years"), 25, "grades[1].criteria[0].grade", "unreachable"),
        (changed("    promotes_from: junior\n", "").replace("grade: junior, years", "grade: special, years"), 24,
         "grades[1].criteria[0].grade", "unreachable"),
        (changed("    promotes_from: junior\n", ""), 24, "grades[1].criteria[0].grade", "contradiction"),
        (changed("source: made", "status: public-fact\nsource: made"), 6, "status", "contradiction"),
        (changed("at_least: competent, count: 1", "at_least: incompetent, count: 1"), 38, "limits[1].at_least", "unreachable"),
        (changed("count: 12, then: revoked", "count: 12, then: suspended"), 39, "limits[2].then", "no-effect"),
        (limits("rule: suspended_months, count: 12, then: revoked"), 40, "limits[3].rule", "overlap"),
        (limits("rule: suspended_months, count: 24, then: downgraded"), 40, "limits[3].rule", "overlap"),
        (limits("rule: suspended_months, count: 6, then: revoked"), 39, "limits[2].rule", "overlap"),
        (limits("rule: inspections_failed, count: 2, of_last: 2, then: downgraded"), 40, "limits[3].rule", "overlap"),
        (limits("rule: rated_below, at_least: basic, count: 1, of_last: 1, then: suspended"), 40, "limits[3].rule", "overlap"),
        (limits("rule: rated_below, at_least: excellent, count: 1, of_last: 2, then: revoked"), 38, "limits[1].rule",
         "overlap"),
    ],
)  # fmt: skip
def test_a_doubt_is_shown_and_keeps_nobody_from_publishing(text: str, line: int, key: str, code: str) -> None:
    """A grade that nobody reaches, a limit that never matters."""
    assert [(line, key, code, "warning")] == problems(text)
    assert read_standard(text).document == "standard-1"


@pytest.mark.parametrize(
    "added",
    [
        "rule: inspections_failed, count: 3, of_last: 5, then: revoked",
        "rule: inspections_failed, count: 1, of_last: 1, then: suspended",
        "rule: rated_below, at_least: basic, count: 1, of_last: 2, then: revoked",
        "rule: rated_below, at_least: excellent, count: 2, of_last: 2, then: downgraded",
        "rule: suspended_months, count: 6, then: downgraded",
    ],
)
def test_limits_that_lead_further_or_are_reached_otherwise_do_not_overlap(added: str) -> None:
    """Worse after more; the same in a longer time; mildly before the worst."""
    assert check_standard(limits(added)) == ()


def test_what_may_come_of_an_error_is_told_once_there_is_none() -> None:
    """A misspelt word makes a grade unreachable, too: that would send its author astray."""
    text = changed("grade: junior\n", "grade: younger\n").replace("{grade: junior, title", "{grade: younger, title")
    assert [(8, "grades[0].grade", "unknown-word", "error")] == problems(text)


def test_a_county_may_have_words_of_its_own() -> None:
    words = "words: {grades: [one, two], ratings: [bad, good]}\n"
    own = {"junior": "one", "intermediate\n": "two\n", "grade: intermediate,": "grade: two,", "competent": "good"}
    text = TEXT.replace("level_at_least: junior", "level_at_least: senior")
    for written, instead in own.items():
        text = text.replace(written, instead)
    assert check_standard(text + words) == ()


@settings(max_examples=150)
@given(st.text(alphabet="documentrevisxgl:- {}[]#&*!'\"\n0123456789.", max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    """Whatever is typed: problems with a place, never an exception."""
    for problem in check_standard(text):
        assert problem.line >= 1
        assert problem.remedy


LINES = TEXT.splitlines(keepends=True)


@settings(max_examples=100)
@given(st.lists(st.integers(0, len(LINES) - 1), max_size=6), st.integers(0, len(LINES) - 1), st.integers(0, len(LINES) - 1))
def test_no_torn_standard_breaks_the_check(left_out: list[int], one: int, other: int) -> None:
    """Lines left out and lines exchanged: problems, or a standard that has every part that it needs."""
    torn = list(LINES)
    torn[one], torn[other] = torn[other], torn[one]
    text = "".join(line for place, line in enumerate(torn) if place not in left_out)
    if not any(problem.severity == "error" for problem in check_standard(text)):
        assert read_standard(text).grades
