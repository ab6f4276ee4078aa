"""Standards: what is read, each mistake at its line and key with a remedy, and what each criterion judges."""

from __future__ import annotations

from datetime import date
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.talent_words import TalentWords
from contracts.particulars import Certificate, InspectionResult, RatingResult
from contracts.standard import Criterion, QualificationStandard
from contracts.talent import Profile, StandardPublished
from eventlog.documents import DocumentError, DocumentProblem
from services.talent.screening import KnownFact, KnownProfile, criterion_name, passed, screen
from services.talent.standard import check_standard, read_standard
from tests.support import event_id
from tests.talent.example import EXAMPLE, FULL, standard_text

DAY = date(2026, 2, 1)


def problems(text: str) -> list[tuple[int, str, str]]:
    """(line, key, code) of everything that is found."""
    return [(p.line, p.key, p.code) for p in check_standard(text)]


def with_criteria(*rules: str) -> str:
    return standard_text(criteria="criteria:\n" + "".join(f"  - {{{rule}, clause: 1}}\n" for rule in rules))


def found(rule: str, profile: Profile | None = FULL, *facts: KnownFact, day: date = DAY) -> tuple[str, str, bool]:
    """What one criterion required and found, and whether that meets it."""
    standard = read_standard(with_criteria(rule))
    known = [] if profile is None else [KnownProfile(event_id(1), date(2026, 1, 12), ("", "", ""), profile)]
    (result,) = screen(standard, known, facts, day)
    return result.required, result.found, result.met


# --- reading ------------------------------------------------------------------------------------------------------------


def test_the_example_is_a_standard_without_a_doubt() -> None:
    """Every kind of criterion is in it, and what is published is marked."""
    text = EXAMPLE.read_text(encoding="utf-8")
    assert check_standard(text) == ()
    standard = read_standard(text)
    kinds = {get_args(c.model_fields["rule"].annotation)[0] for c in get_args(get_args(Criterion)[0])}
    assert {criterion.rule for criterion in standard.criteria} == kinds
    published = {criterion_name(c) for c in standard.criteria if c.status == "public-fact"}
    assert published == {"age", "degree", "major", "party_years", "title", "departments", "post_years", "health"}
    ages = [c.at_least for c in standard.criteria if c.rule == "age"]
    assert ages == [35]


def test_a_standard_goes_through_its_event_unchanged() -> None:
    standard = read_standard(EXAMPLE.read_text(encoding="utf-8"))
    event = StandardPublished(document=standard, text="", text_sha256="")
    assert StandardPublished.model_validate(event.payload()).document == standard


@pytest.mark.parametrize(
    ("written", "instead", "line", "key", "code"),
    [
        ("division: 320100", "division: 3201", 4, "division", "wrong-value"),
        ("effective_on: 2025-01-01", "effective_on: 2025-02-30", 5, "effective_on", "wrong-value"),
        ("revision: 1", "revision: 1.5", 2, "revision", "float"),
        ("revision: 1", "revison: 1", 2, "revison", "unknown-key"),
        ("title: 标准\n", "", 1, "title", "missing"),
        ("quota: 2", "quota: -2", 8, "ladders[0].quota", "wrong-value"),
        ("name: mid-term", "name: near-term", 9, "ladders[1].name", "duplicate"),
        ("rule: degree", "rule: degrees", 12, "criteria[1].rule", "unknown-value"),
        ("at_least: bachelor", "at_least: batchelor", 12, "criteria[1].at_least", "unknown-value"),
        ("at_least: 35, at_most: 50", "at_least: 50, at_most: 35", 11, "criteria[0].at_most", "reversed"),
        ("at_least: 35, at_most: 50, ", "", 11, "criteria[0].at_least", "missing"),
        ("at_least: 35", "at_least: 35.5", 11, "criteria[0].at_least", "float"),
        ("name: political", "name: politics", 13, "criteria[2].name", "unknown-value"),
        ("at_least: 4,", "at_least: 6,", 13, "criteria[2].at_least", "wrong-value"),
        ("at_least: intermediate", "at_least: middle", 14, "criteria[3].at_least", "unknown-word"),
        ("at_least: competent", "at_least: good", 15, "criteria[4].at_least", "unknown-word"),
        ("count: 1, of_last: 2", "count: 3, of_last: 2", 15, "criteria[4].count", "contradiction"),
        ("clause: 6", "clauses: 6", 16, "criteria[5].clauses", "unknown-key"),
        ("rule: inspections, of_last: 1", "rule: degree, at_least: master", 16, "criteria[5].rule", "duplicate"),
        ("rule: age", "rule: !python/object age", 11, "(document)", "tag"),
    ],
)
def test_each_mistake_is_shown_at_its_line_and_key(written: str, instead: str, line: int, key: str, code: str) -> None:
    text = standard_text()
    assert written in text
    shown = problems(text.replace(written, instead, 1))
    assert (line, key, code) in shown
    with pytest.raises(DocumentError) as caught:
        read_standard(text.replace(written, instead, 1))
    assert all(isinstance(p, DocumentProblem) and p.problem and p.remedy for p in caught.value.problems)


def test_a_doubt_keeps_nobody_from_publishing() -> None:
    """A ladder without a seat; a published standard without a published criterion."""
    text = standard_text(quota=0).replace("source:", "status: public-fact\nsource:")
    assert [(p.code, p.severity) for p in check_standard(text)] == [("contradiction", "warning"), ("closed", "warning")]
    assert read_standard(text).ladders[0].quota == 0


def test_a_county_may_have_words_of_its_own() -> None:
    words = "words: {grades: [one, two, three], ratings: [bad, good]}\n"
    text = standard_text().replace("at_least: intermediate", "at_least: two").replace("at_least: competent", "at_least: good")
    assert check_standard(text + words) == ()


@settings(max_examples=150)
@given(st.text(alphabet="documentrevisxl:- {}[]#&*!'\"\n0123456789.", max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    """Whatever is typed: problems with a place, never an exception."""
    for problem in check_standard(text):
        assert problem.line >= 1
        assert problem.remedy


# --- judging ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "changed", "shown", "met"),
    [
        ("rule: age, at_least: 41", {}, "41 years old on 2026-01-12", True),
        ("rule: age, at_least: 42", {}, "41 years old on 2026-01-12", False),
        ("rule: age, at_most: 41", {}, "41 years old on 2026-01-12", True),
        ("rule: age, at_most: 40", {}, "41 years old on 2026-01-12", False),
        ("rule: degree, at_least: master", {}, "master", True),
        ("rule: degree, at_least: doctor", {}, "master", False),
        ("rule: major, among: [law, management]", {}, "management", True),
        ("rule: major, among: [law]", {}, "management", False),
        ("rule: major, among: [law]", {"majors": ()}, "not known", False),
        ("rule: party_years, at_least: 15", {"party_joined_on": "2011-01"}, "15 years", True),
        ("rule: party_years, at_least: 15", {"party_joined_on": "2011-02"}, "14 years", False),
        ("rule: party_years, at_least: 0", {"party_joined_on": "2027-01"}, "0 years", True),
        ("rule: enterprise_years, at_least: 9", {}, "9 years", True),
        ("rule: enterprise_years, at_least: 10", {}, "9 years", False),
        ("rule: title, at_least: intermediate", {}, "intermediate", True),
        ("rule: title, at_least: deputy_senior", {}, "intermediate", False),
        ("rule: title, at_least: none", {"title": None}, "not known", False),
        ("rule: departments, at_least: 3", {}, "3 departments", True),
        ("rule: departments, at_least: 4", {}, "3 departments", False),
        ("rule: post_years, at_least: 5", {}, "5 years", True),
        ("rule: post_years, at_least: 6", {}, "5 years", False),
        ("rule: health", {}, "good", True),
        ("rule: health", {"healthy": False}, "not good", False),
        ("rule: health", {"healthy": None}, "not known", False),
        ("rule: competency, name: innovation, at_least: 4", {}, "4 of 5", True),
        ("rule: competency, name: innovation, at_least: 5", {}, "4 of 5", False),
        ("rule: competency, name: innovation, at_least: 1", {"competencies": ()}, "not known", False),
    ],
)
def test_a_criterion_on_the_particulars(rule: str, changed: dict[str, Any], shown: str, met: bool) -> None:
    """At the bound, beyond it, and without the particular that it asks for."""
    assert found(rule, FULL.model_copy(update=changed))[1:] == (shown, met)
    if "title, at_least: none" not in rule:
        assert found(rule, None)[1:] == ("not known", False)


@pytest.mark.parametrize(("day", "met"), [("2026-07-12", True), ("2026-07-13", False), ("2026-08-01", False)])
def test_particulars_grow_old(day: str, met: bool) -> None:
    """Six months after they were reported, to the day."""
    assert found("rule: current, months_at_most: 6", day=date.fromisoformat(day))[1:] == ("of 2026-01-12", met)


def certificate(number: int, grade: str, on: str, until: str | None = None) -> KnownFact:
    expires = None if until is None else date.fromisoformat(until)
    says = Certificate(number=f"C-{number}", grade=grade, issuer="320100", expires_on=expires)
    return KnownFact(event_id(number), date.fromisoformat(on), says)


@pytest.mark.parametrize(
    ("facts", "shown", "met"),
    [
        ((), "none", False),
        ((certificate(1, "intermediate", "2024-05-01"),), "intermediate of 2024-05-01", True),
        ((certificate(1, "junior", "2024-05-01"),), "junior of 2024-05-01", False),
        ((certificate(1, "junior", "2024-05-01"), certificate(2, "special", "2025-05-01")), "special of 2025-05-01", True),
        ((certificate(1, "special", "2024-05-01"), certificate(2, "junior", "2025-05-01")), "junior of 2025-05-01", False),
        ((certificate(1, "intermediate", "2024-05-01", "2026-02-01"),), "intermediate of 2024-05-01", True),
        ((certificate(1, "intermediate", "2024-05-01", "2026-01-31"),), "none", False),
        ((certificate(1, "intermediate", "2026-02-02"),), "none", False),
        ((certificate(1, "unheard_of", "2024-05-01"),), "unheard_of of 2024-05-01", False),
    ],
)
def test_a_certificate_of_the_grade_is_valid_on_the_day(facts: tuple[KnownFact, ...], shown: str, met: bool) -> None:
    assert found("rule: certificate, at_least: intermediate", None, *facts)[1:] == (shown, met)


def rating(year: int, word: str) -> KnownFact:
    return KnownFact(event_id(year), date(year + 1, 1, 10), RatingResult(year=year, rating=word))


@pytest.mark.parametrize(
    ("ratings", "shown", "met"),
    [
        ((), "none", False),
        (((2023, "competent"), (2025, "excellent")), "competent 2023, excellent 2025", True),
        (((2023, "basic"), (2025, "excellent")), "basic 2023, excellent 2025", False),
        (((2022, "excellent"), (2025, "excellent")), "excellent 2025", False),
        (((2024, "good"), (2025, "excellent")), "good 2024, excellent 2025", False),
    ],
)
def test_so_many_good_ratings_in_the_last_years(ratings: tuple[tuple[int, str], ...], shown: str, met: bool) -> None:
    """The years before the day's; a word that the standard does not know is no good rating."""
    facts = [rating(year, word) for year, word in ratings]
    required, *rest = found("rule: ratings, at_least: competent, count: 2, of_last: 3", None, *facts)
    assert required == "competent or above in 2 of the years 2023 to 2025"
    assert rest == [shown, met]


@pytest.mark.parametrize(
    ("year", "outcome", "shown", "met"),
    [
        (2025, "failed", "failed 2025", False),
        (2026, "failed", "failed 2026", False),
        (2024, "failed", "none", True),
        (2025, "passed", "passed 2025", True),
        (2025, "missed", "missed 2025", True),
    ],
)
def test_no_inspection_was_failed(year: int, outcome: Any, shown: str, met: bool) -> None:
    fact = KnownFact(event_id(1), date(2026, 1, 5), InspectionResult(year=year, outcome=outcome))
    assert found("rule: inspections, of_last: 1", None, fact)[1:] == (shown, met)


def test_only_who_meets_every_criterion_has_passed() -> None:
    standard: QualificationStandard = read_standard(with_criteria("rule: health", "rule: degree, at_least: doctor"))
    known = [KnownProfile(event_id(1), date(2026, 1, 12), ("", "", ""), FULL)]
    criteria = screen(standard, known, (), DAY)
    assert [c.met for c in criteria] == [True, False]
    assert not passed(criteria)


# --- in words -----------------------------------------------------------------------------------------------------------


def test_every_side_of_the_example_is_said_in_chinese() -> None:
    """No English is left over, but for the words of majors, which a standard makes itself."""
    standard = read_standard(EXAMPLE.read_text(encoding="utf-8"))
    facts = [certificate(1, "intermediate", "2024-05-01"), rating(2025, "excellent"),
             KnownFact(event_id(3), date(2026, 1, 5), InspectionResult(year=2025, outcome="passed"))]  # fmt: skip
    known = [KnownProfile(event_id(1), date(2026, 1, 12), ("", "", ""), FULL)]
    words = TalentWords("zh")
    for criteria in (screen(standard, known, facts, DAY), screen(standard, [], [], DAY)):
        for criterion in criteria:
            said = [words.criterion(criterion.name), words.side(criterion.required), words.side(criterion.found)]
            text = " ".join(said).replace("party-affairs", "").replace("management", "")
            assert not [letter for letter in text if letter.isascii() and letter.isalpha()], said
