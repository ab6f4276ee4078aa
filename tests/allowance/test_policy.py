"""The policy language: what is read, and that each mistake is shown at its line and key, with a remedy."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal, get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from contracts.allowance import PolicyPublished
from contracts.base import EntryChannel
from contracts.policy import Instrument, PolicyDocument, Rule, Settings, Within
from services.allowance.engine import KnownFact, PolicyInForce, decide_year
from services.allowance.policy import (
    PROBLEMS_MAX,
    TEXT_CHARS_MAX,
    PolicyError,
    PolicyProblem,
    check_policy,
    policy_rows,
    read_policy,
)
from services.allowance.settings_text import (
    CHANNEL_TEXT,
    INSTRUMENT_TEXT,
    NUMBER_OF,
    RULE_TEXT,
    SETTING_TEXT,
    WITHIN_TEXT,
    setting_rows,
)

POLICIES = Path(__file__).parents[2] / "policies"
SHIPPED = sorted(path.name for path in POLICIES.glob("*.yaml"))

GOOD = """\
document: 试〔2021〕3号
title: 试行办法
division: 320100
issued_on: 2021-01-01
effective: {first_day: 2021-01-01, last_day: 2021-12-31}
source: made up for a test
vocabulary:
  ratings:
    - {word: excellent, zh: 优秀}
    - {word: competent, zh: 称职}
    - {word: basic, zh: 基本称职}
  grades:
    - {word: junior, zh: 初级}
    - {word: senior, zh: 高级}
  categories:
    - {word: secretary, zh: 书记}
    - {word: deputy_secretary, zh: 副书记}
    - {word: instructor, zh: 指导员}
eligibility:
  - {rule: category, among: [secretary], clause: 1}
  - {rule: engaged, clause: 2.10}
  - {rule: certificate, clause: 3}
  - {rule: inspection, clause: 4}
  - {rule: rating, at_least: competent, clause: 5}
payers:
  - {name: city, zh: 市}
  - {name: county, zh: 县}
lines:
  - name: base
    zh: 津贴
    clause: 7
    period: annual
    by: [grade, rating]
    amounts:
      - {grade: junior, rating: excellent, amount_fen: 240000}
      - {grade: junior, rating: competent, amount_fen: 120000}
      - {grade: senior, rating: excellent, amount_fen: 480000}
      - {grade: senior, rating: competent, amount_fen: 360000}
    paid_by:
      - shares: [{payer: city, percent: 60}, {payer: county, percent: 40}]
        remainder: county
settings:
  basic: zero
"""


def changed(old: str, new: str, text: str = GOOD) -> str:
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the text"
    return text.replace(old, new)


def only(text: str) -> PolicyProblem:
    problems = check_policy(text)
    assert len(problems) == 1, "\n".join(map(str, problems))
    return problems[0]


def shipped(name: str) -> str:
    return (POLICIES / name).read_text(encoding="utf-8")


# What is read -----------------------------------------------------------------------------------------------------------


def test_a_good_policy_has_no_problems_and_is_read_as_written() -> None:
    """Codes and clauses are text without quotes too: 2.10 does not become 2.1."""
    assert check_policy(GOOD) == ()
    document = read_policy(GOOD)
    assert (document.document, document.division) == ("试〔2021〕3号", "320100")
    assert [rule.clause for rule in document.eligibility] == ["1", "2.10", "3", "4", "5"]
    assert document.effective.last_day == date(2021, 12, 31)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_policies_that_come_with_the_product_are_without_error_or_warning(name: str) -> None:
    assert check_policy(shipped(name)) == ()


@pytest.mark.parametrize("name", SHIPPED)
def test_a_document_is_stored_as_json_with_ascii_keys_and_no_fractions_and_round_trips(name: str) -> None:
    document = read_policy(shipped(name))
    value = PolicyPublished(document=document, text="", text_sha256="0" * 64).payload()["document"]
    assert PolicyDocument.model_validate(json.loads(json.dumps(value))) == document

    def leaves(part: object) -> list[object]:
        if isinstance(part, dict):
            assert all(isinstance(key, str) and key.isascii() for key in part)
            return [leaf for each in part.values() for leaf in leaves(each)]
        return [leaf for each in part for leaf in leaves(each)] if isinstance(part, list) else [part]

    assert {type(leaf) for leaf in leaves(value)} <= {str, int, bool, type(None)}


def test_changtu_says_what_is_a_public_fact_and_what_is_not() -> None:
    document = read_policy(shipped("changtu-2021.yaml"))
    assert {rating.word for rating in document.vocabulary.ratings if rating.status == "public-fact"} == {"excellent", "good"}
    assert [line.status for line in document.lines] == ["public-fact"]
    assert "not publish the notice's number" in (document.note or "")


def test_the_example_city_calls_nothing_a_public_fact() -> None:
    assert "public-fact" not in shipped("example-city.yaml")
    assert read_policy(shipped("example-city.yaml")).status == "example"


def test_paid_by_may_name_a_single_payer() -> None:
    """``paid_by: city`` is one payer who always pays all of it."""
    short = (
        GOOD[: GOOD.index("    paid_by:")]
        + "    paid_by: city\n  - "
        + GOOD[GOOD.index("name: base") :].replace("base", "more")
    )
    paid_by = read_policy(short).lines[0].paid_by
    assert [(share.payer, share.percent) for each in paid_by for share in each.shares] == [("city", 100)]


def test_settings_that_are_left_out_have_their_stated_defaults() -> None:
    assert read_policy(changed("settings:\n  basic: zero\n", "")).settings == Settings()


def test_an_error_carries_all_problems_and_a_warning_alone_does_not_keep_a_policy_from_being_read() -> None:
    with pytest.raises(PolicyError) as raised:
        read_policy(changed("basic: zero", "basic: nil"))
    assert [problem.code for problem in raised.value.problems] == ["unknown-setting-value"]
    warned = changed("      - {grade: senior, rating: competent, amount_fen: 360000}\n", "")
    assert only(warned).severity == "warning"
    assert len(read_policy(warned).lines[0].amounts) == 3


# Each mistake at its place ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mistake:
    """old is replaced by new; the problem stands on the line of ``at`` (which then begins at its column)."""

    old: str
    new: str
    at: str
    key: str
    code: str
    remedy: str
    severity: Literal["error", "warning"] = "error"


MISTAKES = {
    "a misspelt key": Mistake(
        "title: 试行办法", "title: 试行办法\ntitel_en: Rules", "titel_en", "titel_en", "unknown-key", "did you mean title_en?"
    ),
    "a misspelt rule": Mistake(
        "rule: inspection", "rule: inspektion", "inspektion", "eligibility[3].rule", "unknown-value", "'inspection'"
    ),
    "an unknown setting": Mistake(
        "basic: zero", "basik: zero", "basik", "settings.basik", "unknown-key", "did you mean basic?"
    ),
    "an unknown setting value": Mistake(
        "basic: zero", "basic: nil", "nil", "settings.basic", "unknown-setting-value", "'zero', 'reduced' or 'listed'"
    ),
    "yuan with a decimal point": Mistake(
        "amount_fen: 240000", "amount_fen: 2400.00", "2400.00", "lines[0].amounts[0].amount_fen", "float", "write 240000 if"
    ),
    "yuan in quotes": Mistake(
        "amount_fen: 240000", "amount_fen: '2400.5'", "'2400.5'", "lines[0].amounts[0].amount_fen", "float", "write 240050 if"
    ),
    "an amount in words": Mistake(
        "amount_fen: 240000", "amount_fen: many", "many", "lines[0].amounts[0].amount_fen", "float", "write whole fen"
    ),
    "a hexadecimal amount": Mistake(
        "amount_fen: 240000", "amount_fen: 0x1F", "0x1F", "lines[0].amounts[0].amount_fen", "float", "write whole fen"
    ),
    "a negative amount": Mistake(
        "amount_fen: 240000", "amount_fen: -5", "-5", "lines[0].amounts[0].amount_fen", "wrong-value", "correct the value"
    ),
    "an amount beyond the limit": Mistake(
        "amount_fen: 240000",
        "amount_fen: 24000000000",
        "24000000000",
        "lines[0].amounts[0].amount_fen",
        "wrong-value",
        "correct the value",
    ),
    "a fractional percentage": Mistake(
        "percent: 60", "percent: 60.5", "60.5", "lines[0].paid_by[0].shares[0].percent", "float", "write a whole number"
    ),
    "a date as a number": Mistake(
        "issued_on: 2021-01-01", "issued_on: 20210101", "20210101", "issued_on", "wrong-value", "YYYY-MM-DD"
    ),
    "a day that does not exist": Mistake(
        "issued_on: 2021-01-01", "issued_on: 2021-02-30", "2021-02-30", "issued_on", "wrong-value", "YYYY-MM-DD"
    ),
    "a key given twice": Mistake(
        "source: made",
        "division: 320102\nsource: made",
        "division: 320102",
        "division",
        "duplicate-key",
        "the first is on line 3",
    ),
    "a key left out": Mistake("period: annual\n    ", "", "name: base", "lines[0].period", "missing", "add `period:` here"),
    "an anchor": Mistake("source: made", "source: &a made", "&a", "(document)", "anchor", "write the value out"),
    "an alias": Mistake("source: made up for a test", "source: *a", "*a", "(document)", "anchor", "write the value out"),
    "a tag": Mistake("source: made", "source: !!str made", "!!str", "(document)", "tag", "write the value out"),
    "a period reversed": Mistake(
        "last_day: 2021-12-31", "last_day: 2020-12-31", "2020-12-31", "effective.last_day", "reversed", "exchange the two days"
    ),
    "a rating outside of the vocabulary": Mistake(
        "at_least: competent",
        "at_least: good",
        "good",
        "eligibility[4].at_least",
        "unknown-word",
        "excellent, competent, basic",
    ),
    "a grade outside of the vocabulary": Mistake(
        "certificate, clause",
        "certificate, at_least: master, clause",
        "master",
        "eligibility[2].at_least",
        "unknown-word",
        "junior",
    ),
    "a category outside of the vocabulary": Mistake(
        "among: [secretary]",
        "among: [secretary, recruited]",
        "recruited",
        "eligibility[0].among[1]",
        "unknown-word",
        "vocabulary.categories",
    ),
    "a grade of the payers outside of the vocabulary": Mistake(
        "      - shares:",
        "      - {grade: master, shares: [{payer: city, percent: 100}]}\n      - shares:",
        "master",
        "lines[0].paid_by[0].grade",
        "unknown-word",
        "junior, senior",
    ),
    "a rule listed twice": Mistake(
        "  - {rule: engaged, clause: 2.10}",
        "  - {rule: engaged, clause: 2.10}\n  - {rule: engaged, clause: 9}",
        "engaged, clause: 9",
        "eligibility[2].rule",
        "duplicate",
        "keep one",
    ),
    "a word listed twice": Mistake(
        "    - {word: senior, zh: 高级}",
        "    - {word: senior, zh: 高级}\n    - {word: junior, zh: 低级}",
        "junior, zh: 低级",
        "vocabulary.grades[2].word",
        "duplicate",
        "keep one",
    ),
    "an unknown payer": Mistake(
        "{payer: city, percent: 60}",
        "{payer: town, percent: 60}",
        "town",
        "lines[0].paid_by[0].shares[0].payer",
        "unknown-payer",
        "city",
    ),
    "shares that don't add up": Mistake(
        "percent: 60", "percent: 50", "[{payer: city", "lines[0].paid_by[0].shares", "shares", "make them add up to 100"
    ),
    "nobody for the remainder": Mistake(
        "\n        remainder: county", "", "shares: [", "lines[0].paid_by[0].remainder", "missing", "add `remainder:`"
    ),
    "a remainder for a stranger": Mistake(
        "remainder: county", "remainder: province", "province", "lines[0].paid_by[0].remainder", "unknown-payer", "city, county"
    ),
    "a remainder for a payer without a share": Mistake(
        "{payer: city, percent: 60}, {payer: county, percent: 40}]",
        "{payer: city, percent: 100}]",
        "county\nsettings",
        "lines[0].paid_by[0].remainder",
        "unknown-payer",
        "write one of city",
    ),
    "payers for some grades only": Mistake(
        "      - shares:",
        "      - grade: junior\n        shares:",
        "paid_by:",
        "lines[0].paid_by",
        "no-payer",
        "without grade and division",
    ),
    "a row without one of its dimensions": Mistake(
        "{grade: junior, rating: excellent, amount_fen: 240000}",
        "{grade: junior, amount_fen: 240000}",
        "{grade: junior, amount_fen: 240000}",
        "lines[0].amounts[0].rating",
        "row-keys",
        "add rating",
    ),
    "a row with a dimension of its own": Mistake(
        "rating: excellent, amount_fen: 240000",
        "rating: excellent, category: secretary, amount_fen: 240000",
        "category: secretary, amount",
        "lines[0].amounts[0].category",
        "row-keys",
        "add category to by",
    ),
    "the same combination twice": Mistake(
        "      - {grade: senior, rating: excellent",
        "      - {grade: junior, rating: competent, amount_fen: 9}\n      - {grade: senior, rating: excellent",
        "{grade: junior, rating: competent, amount_fen: 9}",
        "lines[0].amounts[2]",
        "duplicate",
        "keep one of the two rows",
    ),
    "a rule that contradicts a setting": Mistake(
        "among: [secretary]",
        "among: [secretary, deputy_secretary]",
        "[secretary, deputy_secretary]",
        "eligibility[0].among",
        "contradiction",
        "set deputy_secretary: paid",
    ),
    "basic reduced without its percentage": Mistake(
        "basic: zero", "basic: reduced", "reduced", "settings.basic", "missing", "add `basic_percent:`"
    ),
    "basic listed but not let in": Mistake(
        "basic: zero", "basic: listed", "listed", "settings.basic", "contradiction", "set at_least: basic"
    ),
    "a late rating without its years": Mistake(
        "basic: zero",
        "late_rating: within_years",
        "within_years",
        "settings.late_rating",
        "missing",
        "add `late_rating_years:`",
    ),
    "decided upon engagement without an end": Mistake(
        "{first_day: 2021-01-01, last_day: 2021-12-31}\nsource: made up for a test",
        "{first_day: 2021-01-01}\nsource: made up for a test\nsettings: {decided_when: engaged}",
        "effective:",
        "effective",
        "missing",
        "add `last_day:`",
    ),
    "an eligible combination without an amount": Mistake(
        "      - {grade: senior, rating: competent, amount_fen: 360000}\n",
        "",
        "amounts:",
        "lines[0].amounts",
        "gap",
        "others: nothing",
        "warning",
    ),
    "an amount for a rating that is never eligible": Mistake(
        "      - {grade: senior, rating: excellent",
        "      - {grade: senior, rating: basic, amount_fen: 1}\n      - {grade: senior, rating: excellent",
        "basic, amount_fen: 1",
        "lines[0].amounts[2].rating",
        "unreachable",
        "remove the row",
        "warning",
    ),
    "a payer after one who always pays": Mistake(
        "        remainder: county\n",
        "        remainder: county\n      - {grade: senior, shares: [{payer: city, percent: 100}]}\n",
        "{grade: senior, shares",
        "lines[0].paid_by[1]",
        "unreachable",
        "last",
        "warning",
    ),
    "a payer who pays nothing": Mistake(
        "  - {name: county, zh: 县}",
        "  - {name: county, zh: 县}\n  - {name: town, zh: 镇}",
        "town",
        "payers[2].name",
        "unused",
        "remove it",
        "warning",
    ),
    "a number without its setting": Mistake(
        "basic: zero",
        "basic_percent: 50",
        "basic_percent",
        "settings.basic_percent",
        "no-effect",
        "set basic: reduced",
        "warning",
    ),
    "proration of a monthly line": Mistake(
        "period: annual",
        "period: monthly\n    prorated: false",
        "prorated",
        "lines[0].prorated",
        "no-effect",
        "remove it",
        "warning",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_shown_at_its_line_column_and_key_with_a_remedy(mistake: Mistake) -> None:
    text = changed(mistake.old, mistake.new)
    if mistake.new.endswith("settings: {decided_when: engaged}"):
        text = changed("settings:\n  basic: zero\n", "", text)
    at = text.index(mistake.at)
    assert text.count(mistake.at) == 1, f"{mistake.at!r} doesn't tell the place"
    line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
    problem = only(text)
    assert (problem.key, problem.code, problem.severity) == (mistake.key, mistake.code, mistake.severity)
    assert (problem.line, problem.column) == (line, column)
    assert mistake.remedy in problem.remedy


def test_several_mistakes_are_shown_together_in_order_of_their_place() -> None:
    text = changed(
        "percent: 60", "percent: 60.5", changed("basic: zero", "basic: nil", changed("period: annual", "period: daily"))
    )
    assert [(problem.line, problem.code) for problem in check_policy(text)] == [
        (32, "unknown-value"),
        (40, "float"),
        (43, "unknown-setting-value"),
    ]


@pytest.mark.parametrize(
    ("rule", "needed", "line_by"),
    [("certificate, clause: 3", "certificate", "grade"), ("rating, at_least: competent, clause: 5", "rating", "rating")],
)
def test_amounts_may_only_depend_on_what_a_rule_looks_at(rule: str, needed: str, line_by: str) -> None:
    text = changed(f"  - {{rule: {rule}}}\n", "", changed("settings:\n  basic: zero\n", ""))
    problems = [problem for problem in check_policy(text) if problem.severity == "error"]
    assert [(problem.line, problem.code) for problem in problems] == [(32, "needs-rule")]
    assert f"amounts by {line_by} need the rule {needed}" in problems[0].problem


def test_grades_below_the_certificate_rule_are_unreachable_and_leave_no_gap() -> None:
    problems = check_policy(changed("certificate, clause", "certificate, at_least: senior, clause"))
    assert [(problem.line, problem.code, problem.severity) for problem in problems] == [
        (35, "unreachable", "warning"),
        (36, "unreachable", "warning"),
    ]
    without_rows = changed("certificate, clause", "certificate, at_least: senior, clause")
    for rating, amount in (("excellent", 240000), ("competent", 120000)):
        without_rows = changed(f"      - {{grade: junior, rating: {rating}, amount_fen: {amount}}}\n", "", without_rows)
    assert check_policy(without_rows) == ()


def test_a_policy_may_be_in_effect_for_a_single_day() -> None:
    assert check_policy(changed("last_day: 2021-12-31", "last_day: 2021-01-01")) == ()


def test_a_setting_without_its_rule_has_no_effect_and_warns() -> None:
    text = changed("  - {rule: inspection, clause: 4}\n", "", changed("basic: zero", "failed_inspection: from_next_month"))
    problem = only(text)
    assert (problem.line, problem.key, problem.code) == (42, "settings.failed_inspection", "no-effect")
    assert "no inspection rule" in problem.problem


def test_basic_zero_contradicts_a_rating_rule_that_lets_basic_in() -> None:
    problem = only(changed("at_least: competent", "at_least: basic"))
    assert (problem.line, problem.key, problem.code) == (24, "eligibility[4].at_least", "contradiction")


def test_basic_reduced_must_stand_right_below_the_lowest_rating_that_qualifies() -> None:
    """Otherwise a better rating would be denied while basic is paid."""
    text = changed("basic: zero", "basic: reduced\n  basic_percent: 50")
    assert check_policy(text) == ()
    errors = [
        each for each in check_policy(changed("at_least: competent", "at_least: excellent", text)) if each.severity == "error"
    ]
    assert [(problem.line, problem.code) for problem in errors] == [(43, "contradiction")]


def test_others_nothing_says_that_a_gap_is_meant() -> None:
    text = changed("      - {grade: senior, rating: competent, amount_fen: 360000}\n", "    others: nothing\n")
    assert check_policy(text) == ()


def test_a_division_outside_of_the_policy_is_unreachable() -> None:
    text = changed("by: [grade, rating]", "by: [grade, rating, division]")
    for row in (
        "junior, rating: excellent",
        "junior, rating: competent",
        "senior, rating: excellent",
        "senior, rating: competent",
    ):
        division = "330100" if row == "senior, rating: competent" else "320102"
        text = changed(row, f"{row}, division: {division}", text)
    problem = only(text)
    assert (problem.line, problem.key, problem.code) == (38, "lines[0].amounts[3].division", "unreachable")


def test_at_most_so_many_gaps_are_shown_and_the_rest_counted() -> None:
    words = "".join(f"    - {{word: grade{number}, zh: 级}}\n" for number in range(18))
    problems = check_policy(changed("    - {word: senior, zh: 高级}\n", "    - {word: senior, zh: 高级}\n" + words))
    assert {problem.code for problem in problems} == {"gap"}
    assert len(problems) == 21
    assert [problem.problem for problem in problems if problem.problem.startswith("16 more")] == [
        "16 more combinations have no amount"
    ]


def test_warnings_that_an_error_may_have_brought_about_wait_until_it_is_gone() -> None:
    """A misspelt rating leaves a gap; only the misspelling is shown."""
    text = changed("{grade: senior, rating: competent", "{grade: senior, rating: competant")
    problem = only(text)
    assert (problem.line, problem.key, problem.code) == (38, "lines[0].amounts[3].rating", "unknown-word")
    text = changed("rating: competent, amount_fen: 360000", "rating: excellent, amount_fen: 0.1")
    text = changed("      - {grade: senior, rating: excellent, amount_fen: 480000}\n", "", text)
    assert only(text).code == "float"


# Text that means harm, or is none -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("", "yaml", (1, 1)),
        ("- a\n- b\n", "yaml", (1, 1)),
        ("a: [1\n", "yaml", (2, 1)),
        ("a: b\nc: d: e\n", "yaml", (2, 5)),
        ("a: b\nc", "yaml", (2, 1)),
        ("a: b\nc: [", "yaml", (2, 5)),
        ("a: b\nc: \x01\n", "yaml", (2, 4)),
        ("a: 1\n---\nb: 2\n", "yaml", (2, 1)),
        ('a: "\\U99999999"\n', "yaml", (1, 7)),
        ("a: b\nc: x\u2028y\n", "yaml", (2, 5)),
        ("[" + "a," * 4_000 + "]", "too-many", (1, 8_000)),
        ("a: " + "[" * 40 + "]" * 40, "too-deep", (1, 15)),
        ("a: " + "x" * TEXT_CHARS_MAX, "too-long", (1, 1)),
        ("%YAML 1.1\n---\na: yes\n", "tag", (1, 1)),
    ],
)
def test_a_text_that_cannot_be_read_is_refused_at_its_place(text: str, code: str, place: tuple[int, int]) -> None:
    problem = only(text)
    assert (problem.code, (problem.line, problem.column), problem.severity) == (code, place, "error")


def test_an_escape_cannot_bring_in_a_control_character() -> None:
    problem = only(changed("title: 试行办法", 'title: "a\\0b"'))
    assert (problem.line, problem.column, problem.key, problem.code) == (2, 8, "title", "yaml")


def test_aliases_that_would_expand_beyond_all_bounds_are_refused_unexpanded() -> None:
    """The "billion laughs": ten levels of nine references each."""
    bomb = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 11))
    problems = check_policy(bomb)
    assert {problem.code for problem in problems} == {"anchor"}
    assert problems[0].line == 1


def test_problems_are_bounded_in_number_and_length() -> None:
    problems = check_policy("a: 1\n" * 1000 + "b" * 1000 + ": 1\n")
    assert len(problems) == PROBLEMS_MAX
    assert max(len(problem.key) + len(problem.problem) for problem in problems) < 1000


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200) | st.text(alphabet="ab:-[]{},\n \"'&*!|>#%?0.", max_size=200))
@example("? a\n: b\n? [c]\n: d\n")
@example("{[a]: b}")
def test_whatever_the_text_is_it_is_answered_with_problems(text: str) -> None:
    """No text raises anything, and none of these is a policy."""
    assert any(problem.severity == "error" for problem in check_policy(text))


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(GOOD)), st.integers(0, 12), st.text(alphabet="ab:-[]{},\n \"'0.", max_size=4))
def test_a_policy_with_a_slip_in_it_is_read_or_answered_within_its_lines(at: int, cut: int, put: str) -> None:
    """Cut and put a few characters anywhere: either it is still a policy, or each problem has a place in the text."""
    text = GOOD[:at] + put + GOOD[at + cut :]
    problems = check_policy(text)
    assert all(1 <= problem.line <= text.count("\n") + 1 and problem.column >= 1 for problem in problems)
    if all(problem.severity == "warning" for problem in problems):
        assert read_policy(text)


# For people -------------------------------------------------------------------------------------------------------------------


def test_the_rows_of_a_policy_show_each_amount_with_its_combination_and_payer() -> None:
    rows = policy_rows(read_policy(shipped("example-city.yaml")))
    assert [(row.line, row.combination, row.amount_fen, row.paid_by) for row in rows][2:] == [
        ("base", (("grade", "senior"),), 600000, "city 60 % + county 40 %"),
        ("base", (("grade", "special"),), 960000, "province"),
        ("excellence", (("rating", "excellent"),), 120000, "city"),
        ("duty", (("category", "secretary"), ("full_time", "true")), 20000, "county"),
    ]


def test_every_rule_and_every_value_of_every_setting_has_its_meaning_in_both_languages() -> None:
    """And none is explained that isn't there."""
    assert set(SETTING_TEXT) == set(Settings.model_fields) - set(NUMBER_OF.values())
    assert set(NUMBER_OF) <= set(SETTING_TEXT)
    for setting, text in SETTING_TEXT.items():
        assert set(text.meanings) == set(get_args(Settings.model_fields[setting].annotation))
        for said in (text.question, *text.meanings.values()):
            assert not said.zh.isascii()
            assert said.en.isascii()
    texts = {
        "rule": (RULE_TEXT, [rule.model_fields["rule"].annotation for rule in get_args(get_args(Rule)[0])]),
        "instrument": (INSTRUMENT_TEXT, [Instrument]),
        "within": (WITHIN_TEXT, [Within]),
        "channel": (CHANNEL_TEXT, [EntryChannel]),
    }
    for told, kinds in texts.values():
        assert set(told) == {word for kind in kinds for word in get_args(kind)}
        assert all(not said.zh.isascii() and said.en.isascii() for said in told.values())


def test_the_settings_of_a_policy_are_shown_with_their_numbers_and_defaults_marked() -> None:
    rows = {
        row.setting: row for row in setting_rows(read_policy(changed("basic: zero", "basic: reduced\n  basic_percent: 40")))
    }
    assert (rows["basic"].value, rows["basic"].number, rows["basic"].is_default) == ("reduced", 40, False)
    assert (rows["leaving"].value, rows["leaving"].number, rows["leaving"].is_default) == ("by_month", None, True)
    assert rows["leaving"].meaning.zh.startswith("按在聘月份发放")


def test_a_policy_without_facts_decides_nothing() -> None:
    facts: list[KnownFact] = []
    assert decide_year(facts, [PolicyInForce("00000000-0000-0000-0000-000000000001", read_policy(GOOD))], 2021) is None
