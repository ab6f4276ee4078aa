"""What the checker finds in a well-formed policy that makes no sense: each at its line, column and key, with a remedy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pytest

from services.allowance.policy import check_policy, read_policy
from services.allowance.policy_check_amounts import Span, uncovered
from tests.allowance.test_policy import GOOD, changed

SETTINGS = "settings:\n  basic: zero\n"
CERTIFICATE = "  - {rule: certificate, clause: 3}"
COUNTY_PAYS = "        remainder: county\n"
SENIOR = "      - {grade: senior, rating: excellent, amount_fen: 480000}\n"
FLOOR = """\
floors:
  - name: scale
    zh: 对照标准
    clause: 9
    period: annual
    by: [grade]
    amounts:
      - {grade: junior, amount_fen: 110000}
      - {grade: senior, amount_fen: 110000}
"""


@dataclass(frozen=True)
class Slip:
    """edits: (old, new), each made once. The only problem stands at ``at``, which is written once in the text then."""

    edits: tuple[tuple[str, str], ...]
    at: str
    key: str
    code: str
    said: str
    remedy: str
    severity: Literal["error", "warning"] = "warning"


def settings(*lines: str) -> tuple[str, str]:
    return "  basic: zero\n", "".join(f"  {line}\n" for line in lines)


OVERLAPS = {
    "two amounts of one combination in the same months": Slip(
        (
            (
                "{grade: senior, rating: competent, amount_fen: 360000}",
                "{grade: senior, rating: competent, last_month: 2021-08, amount_fen: 360000}\n"
                "      - {grade: senior, rating: competent, first_month: 2021-07, amount_fen: 420000}",
            ),
        ),
        "{grade: senior, rating: competent, first_month",
        "lines[0].amounts[4]",
        "overlap",
        "row 4 of this table gives the same combination an amount from 2021-07 to 2021-08 too",
        "end one of the rows",
        "error",
    ),
    "an undated amount beside a dated one": Slip(
        ((SENIOR, SENIOR + "      - {grade: senior, rating: excellent, first_month: 2021-07, amount_fen: 1}\n"),),
        "{grade: senior, rating: excellent, first_month",
        "lines[0].amounts[3]",
        "overlap",
        "from 2021-07 too",
        "end one of the rows",
        "error",
    ),
    "the same months twice": Slip(
        (
            (
                SENIOR,
                "      - {grade: senior, rating: excellent, last_month: 2021-12, amount_fen: 480000}\n"
                "      - {grade: senior, rating: excellent, last_month: 2021-12, amount_fen: 490000}\n",
            ),
        ),
        "{grade: senior, rating: excellent, last_month: 2021-12, amount_fen: 490000}",
        "lines[0].amounts[3]",
        "duplicate",
        "the same combination as row 3",
        "keep one",
        "error",
    ),
    "a category listed twice": Slip(
        (("among: [secretary]", "among: [secretary, secretary]"),),
        "secretary]",
        "eligibility[0].among[1]",
        "duplicate",
        "secretary is listed twice",
        "keep one",
        "error",
    ),
    "a channel listed twice": Slip(
        ((CERTIFICATE, f"{CERTIFICATE}\n  - {{rule: entry_channel, among: [internal, internal], clause: 8}}"),),
        "internal], clause",
        "eligibility[3].among[1]",
        "duplicate",
        "internal is listed twice",
        "keep one",
        "error",
    ),
    "a grade twice in valid_in": Slip(
        (
            (
                "certificate, clause: 3",
                "certificate, clause: 3, "
                "valid_in: [{grade: junior, within: city}, {grade: junior, within: county}, {within: city}]",
            ),
            settings("territory: required"),
        ),
        "junior, within: county",
        "eligibility[2].valid_in[1].grade",
        "duplicate",
        "junior is listed twice",
        "keep one",
        "error",
    ),
    "two floors of one name": Slip(
        ((SETTINGS, SETTINGS + FLOOR + FLOOR.removeprefix("floors:\n").replace("对照", "另一")),),
        "scale\n    zh: 另一",
        "floors[1].name",
        "duplicate",
        "scale is listed twice",
        "keep one",
        "error",
    ),
    "months in the wrong order": Slip(
        (
            (
                "{payer: county, percent: 40}]",
                "{payer: county, percent: 40}]\n        first_month: 2021-07\n        last_month: 2021-03",
            ),
            (COUNTY_PAYS, COUNTY_PAYS + "      - {shares: [{payer: city, percent: 100}]}\n"),
        ),
        "2021-03",
        "lines[0].paid_by[0].last_month",
        "reversed",
        "it ends with 2021-03, before it begins with 2021-07",
        "exchange the two months",
        "error",
    ),
}

GAPS = {
    "months between two amounts": Slip(
        (
            (
                "{grade: senior, rating: competent, amount_fen: 360000}",
                "{grade: senior, rating: competent, last_month: 2021-03, amount_fen: 360000}\n"
                "      - {grade: senior, rating: competent, first_month: 2021-07, amount_fen: 420000}",
            ),
        ),
        "amounts:",
        "lines[0].amounts",
        "gap",
        "grade senior, rating competent is eligible but has no amount from 2021-04 to 2021-06",
        "others: nothing",
    ),
    "a month before the first amount": Slip(
        (("{grade: senior, rating: competent,", "{grade: senior, rating: competent, first_month: 2021-02,"),),
        "amounts:",
        "lines[0].amounts",
        "gap",
        "has no amount in 2021-01",
        "add a row",
    ),
    "months after the last amount of a policy without end": Slip(
        (
            ("first_day: 2021-01-01, last_day: 2021-12-31", "first_day: 2021-01-01"),
            ("{grade: senior, rating: competent,", "{grade: senior, rating: competent, last_month: 2024-12,"),
        ),
        "amounts:",
        "lines[0].amounts",
        "gap",
        "has no amount from 2025-01",
        "add a row",
    ),
    "a grade of which valid_in says nothing": Slip(
        (
            ("certificate, clause: 3", "certificate, valid_in: [{grade: senior, within: city}], clause: 3"),
            settings("territory: required"),
        ),
        "valid_in:",
        "eligibility[2].valid_in",
        "missing",
        "valid_in does not say where junior holds",
        "add a last entry without grade",
        "error",
    ),
}

UNREACHABLE = {
    "an amount for months before the policy": Slip(
        (
            (SENIOR, SENIOR + "      - {grade: senior, rating: excellent, last_month: 2020-12, amount_fen: 1}\n"),
            (SENIOR.strip(), "- {grade: senior, rating: excellent, first_month: 2021-01, amount_fen: 480000}"),
        ),
        "{grade: senior, rating: excellent, last_month",
        "lines[0].amounts[3]",
        "unreachable",
        "it holds to 2020-12, the policy from 2021-01 to 2021-12",
        "correct the months",
    ),
    "a payer for months after the policy": Slip(
        (
            (
                "      - shares: [{payer: city, percent: 60}",
                "      - first_month: 2022-01\n        shares: [{payer: city, percent: 100}]\n"
                "      - shares: [{payer: city, percent: 60}",
            ),
        ),
        "first_month: 2022-01",
        "lines[0].paid_by[0]",
        "unreachable",
        "it holds from 2022-01, the policy from 2021-01 to 2021-12",
        "remove it",
    ),
    "a payer for a grade that is never eligible": Slip(
        (
            ("certificate, clause: 3", "certificate, at_least: senior, clause: 3"),
            ("      - {grade: junior, rating: excellent, amount_fen: 240000}\n", ""),
            ("      - {grade: junior, rating: competent, amount_fen: 120000}\n", ""),
            ("      - shares:", "      - {grade: junior, shares: [{payer: city, percent: 100}]}\n      - shares:"),
        ),
        "junior, shares",
        "lines[0].paid_by[0].grade",
        "unreachable",
        "grade junior is never eligible",
        "remove the entry",
    ),
    "a payer for another city": Slip(
        (("      - shares:", "      - {division: 330100, shares: [{payer: city, percent: 100}]}\n      - shares:"),),
        "330100",
        "lines[0].paid_by[0].division",
        "unreachable",
        "division 330100 is outside of the policy's division 320100",
        "correct or remove",
    ),
    "a payer behind one that holds whenever it would": Slip(
        (
            (
                "      - shares:",
                "      - {division: 320100, shares: [{payer: city, percent: 100}]}\n"
                "      - {division: 320102, grade: senior, shares: [{payer: county, percent: 100}]}\n      - shares:",
            ),
        ),
        "{division: 320102, grade",
        "lines[0].paid_by[1]",
        "unreachable",
        "entry 1 of this list holds whenever this one would",
        "put the entry without a condition last",
    ),
    "an entry of valid_in behind the one for every grade": Slip(
        (
            ("certificate, clause: 3", "certificate, valid_in: [{within: city}, {grade: senior, within: province}], clause: 3"),
            settings("territory: required"),
        ),
        "{grade: senior, within",
        "eligibility[2].valid_in[1]",
        "unreachable",
        "entry 1 of this list is for every grade",
        "put the entry without a grade last",
    ),
    "a line that pays nothing": Slip(
        (
            ("    paid_by:\n", "    paid_by:\n"),
            (
                SETTINGS,
                "  - {name: extra, zh: 另, clause: 8, period: annual, amounts: [{amount_fen: 0}], paid_by: city}\n" + SETTINGS,
            ),
        ),
        "amounts: [{amount_fen: 0}]",
        "lines[1].amounts",
        "unreachable",
        "line extra pays nothing",
        "remove the line",
    ),
}


def test_a_line_that_nobody_can_reach_is_told_beside_its_rows() -> None:
    """All of its amounts are for a rating that is never eligible."""
    line = "  - {name: extra, zh: 另, clause: 8, period: annual, by: [rating], others: nothing, paid_by: city,\n"
    text = changed(SETTINGS, line + "     amounts: [{rating: basic, amount_fen: 5}]}\n" + SETTINGS)
    assert [(problem.key, problem.code) for problem in check_policy(text)] == [
        ("lines[1]", "unreachable"),
        ("lines[1].amounts[0].rating", "unreachable"),
    ]


UNKNOWN = {
    "a grade of valid_in": Slip(
        (
            ("certificate, clause: 3", "certificate, valid_in: [{grade: master, within: city}, {within: city}], clause: 3"),
            settings("territory: required"),
        ),
        "master",
        "eligibility[2].valid_in[0].grade",
        "unknown-word",
        "master is not in vocabulary.grades",
        "write one of junior, senior",
        "error",
    ),
    "deputies who are paid but have no word": Slip(
        (("    - {word: deputy_secretary, zh: 副书记}\n", ""), settings("deputy_secretary: paid")),
        "paid\n",
        "settings.deputy_secretary",
        "unknown-word",
        "deputy_secretary is not in vocabulary.categories",
        "add it to vocabulary.categories",
        "error",
    ),
    "a raised excellent without the word": Slip(
        (
            ("    - {word: excellent, zh: 优秀}\n", ""),
            ("      - {grade: junior, rating: excellent, amount_fen: 240000}\n", ""),
            (SENIOR, ""),
            settings("excellent: raised", "excellent_percent: 120"),
        ),
        "raised",
        "settings.excellent",
        "unknown-word",
        "excellent: raised needs the word excellent",
        "add the word",
        "error",
    ),
    "a floor for a line that is not there": Slip(
        ((SETTINGS, SETTINGS + FLOOR + "    lines: [bonus]\n"),),
        "bonus",
        "floors[0].lines[0]",
        "unknown-line",
        "bonus is no line",
        "write one of base",
        "error",
    ),
    "an instrument": Slip(
        (("division: 320100", "division: 320100\ninstrument: bonus"),),
        "bonus",
        "instrument",
        "unknown-value",
        "bonus is not a value of instrument",
        "'work_expense'",
        "error",
    ),
    "a month that is none": Slip(
        (("rating: competent, amount_fen: 360000", "rating: competent, first_month: 2021-13, amount_fen: 360000"),),
        "2021-13",
        "lines[0].amounts[3].first_month",
        "wrong-value",
        "first_month",
        "in the form",
        "error",
    ),
}

CONTRADICTIONS = {
    "an allowance that excludes itself": Slip(
        ((CERTIFICATE, f"{CERTIFICATE}\n  - {{rule: without_allowance, clause: 8}}"),),
        "{rule: without_allowance",
        "eligibility[3]",
        "contradiction",
        "the red-collar allowance cannot exclude itself",
        "instrument:",
        "error",
    ),
    "a part-time allowance for full-time workers": Slip(
        (
            ("division: 320100", "division: 320100\ninstrument: part_time"),
            (CERTIFICATE, f"{CERTIFICATE}\n  - {{rule: full_time, clause: 8}}"),
        ),
        "{rule: full_time",
        "eligibility[3]",
        "contradiction",
        "a part-time allowance that only full-time workers may have",
        "remove the rule",
        "error",
    ),
    "taxable work expenses": Slip(
        (
            ("division: 320100", "division: 320100\ninstrument: work_expense"),
            ("period: annual", "period: annual\n    taxable: true"),
        ),
        "true",
        "lines[0].taxable",
        "contradiction",
        "nothing to tax",
        "taxable: false",
        "error",
    ),
    "excellent both listed and raised": Slip(
        (settings("excellent: raised", "excellent_percent: 120"),),
        "[grade, rating]",
        "lines[0].by",
        "contradiction",
        "excellent has amounts of its own here",
        "set excellent: listed",
        "error",
    ),
    "a raise without its percentage": Slip(
        (
            settings("excellent: raised"),
            ("by: [grade, rating]", "by: [grade]"),
            ("      - {grade: junior, rating: excellent, amount_fen: 240000}\n", ""),
            ("{grade: junior, rating: competent,", "{grade: junior,"),
            (SENIOR, ""),
            ("{grade: senior, rating: competent,", "{grade: senior,"),
        ),
        "raised",
        "settings.excellent",
        "missing",
        "excellent: raised needs excellent_percent",
        "add `excellent_percent:`",
        "error",
    ),
    "no deputies left to pay": Slip(
        (("among: [secretary]", "among: [deputy_secretary]"),),
        "[deputy_secretary]",
        "eligibility[0].among",
        "contradiction",
        "no category is left",
        "set deputy_secretary: paid",
        "error",
    ),
}

WITHOUT_RATING = (
    ("  - {rule: rating, at_least: competent, clause: 5}\n", ""),
    ("    - {word: excellent, zh: 优秀}\n    - {word: competent, zh: 称职}\n    - {word: basic, zh: 基本称职}\n", ""),
    ("  ratings:\n", ""),
    ("by: [grade, rating]", "by: [grade]"),
    ("      - {grade: junior, rating: excellent, amount_fen: 240000}\n", ""),
    ("{grade: junior, rating: competent,", "{grade: junior,"),
    (SENIOR, ""),
    ("{grade: senior, rating: competent,", "{grade: senior,"),
)
"""GOOD without ratings."""

WITHOUT_EFFECT = {
    "a decision that waits for a rating nobody looks at": Slip(
        (*WITHOUT_RATING, (SETTINGS, "settings: {decided_when: rated}\n")),
        "decided_when",
        "settings.decided_when",
        "needs-rule",
        "a year is decided once there is a rating, which no rule looks at",
        "set decided_when: engaged",
    ),
    "a promotion by a rating nobody looks at": Slip(
        (*WITHOUT_RATING, (SETTINGS, "settings: {decided_when: engaged, promotion: grade_at_rating}\n")),
        "grade_at_rating",
        "settings.promotion",
        "needs-rule",
        "promotion: grade_at_rating needs the rule rating",
        "choose another value of promotion",
        "error",
    ),
    "a move by a rating nobody looks at": Slip(
        (*WITHOUT_RATING, (SETTINGS, "settings: {decided_when: engaged, moved: at_rating}\n")),
        "at_rating",
        "settings.moved",
        "needs-rule",
        "moved: at_rating needs the rule rating",
        "choose another value of moved",
        "error",
    ),
    "excellent without a rating rule": Slip(
        (*WITHOUT_RATING, (SETTINGS, "settings: {decided_when: engaged, excellent: listed}\n")),
        "excellent",
        "settings.excellent",
        "no-effect",
        "there is no rating rule",
        "add the rule rating",
    ),
    "own months of a policy for whole years": Slip(
        (settings("part_year: own_months"),),
        "part_year",
        "settings.part_year",
        "no-effect",
        "the policy is in effect for whole years",
        "remove it",
    ),
    "two posts that are paid alike": Slip(
        (settings("two_posts: later"),),
        "two_posts",
        "settings.two_posts",
        "no-effect",
        "all posts are paid alike",
        "remove it",
    ),
    "overpaid work expenses": Slip(
        (("division: 320100", "division: 320100\ninstrument: work_expense"), settings("overpayment: recover")),
        "overpayment",
        "settings.overpayment",
        "no-effect",
        "work expenses are not paid to a person",
        "remove it",
    ),
    "where a certificate holds, if nobody asks": Slip(
        (("certificate, clause: 3", "certificate, valid_in: [{within: city}], clause: 3"),),
        "valid_in",
        "eligibility[2].valid_in",
        "no-effect",
        "valid_in has no effect with territory: ignored",
        "set territory: required",
    ),
    "territory without a certificate rule": Slip(
        (
            (f"{CERTIFICATE}\n", ""),
            settings("territory: required"),
            ("by: [grade, rating]", "by: [rating]"),
            ("      - {grade: junior, rating: excellent, amount_fen: 240000}\n", ""),
            ("      - {grade: junior, rating: competent, amount_fen: 120000}\n", ""),
            ("{grade: senior, rating: excellent", "{rating: excellent"),
            ("{grade: senior, rating: competent", "{rating: competent"),
            ("  grades:\n    - {word: junior, zh: 初级}\n    - {word: senior, zh: 高级}\n", ""),
        ),
        "territory",
        "settings.territory",
        "no-effect",
        "there is no certificate rule",
        "add the rule certificate",
    ),
    "others where nothing is left out": Slip(
        (("    paid_by:\n", "    others: nothing\n    paid_by:\n"),),
        "others:",
        "lines[0].others",
        "no-effect",
        "every combination has an amount in every month",
        "remove it",
    ),
    "a cap beyond all lines": Slip(
        ((SETTINGS, SETTINGS + "cap: {amount_fen: 480000, clause: 8}\n"),),
        "480000, clause",
        "cap.amount_fen",
        "no-effect",
        "all lines together come to 480000 fen a year at most",
        "correct or remove the cap",
    ),
    "a percentage of a raise that is not chosen": Slip(
        (settings("excellent_percent: 120"),),
        "excellent_percent",
        "settings.excellent_percent",
        "no-effect",
        "no effect with excellent: listed",
        "set excellent: raised",
    ),
    "words that no rule looks at": Slip(
        (("  - {rule: category, among: [secretary], clause: 1}\n", ""),),
        "categories:",
        "vocabulary.categories",
        "unused",
        "nothing looks at vocabulary.categories",
        "add the rule category",
    ),
    "amounts below the floor": Slip(
        ((SETTINGS, SETTINGS + FLOOR.replace("senior, amount_fen: 110000", "senior, amount_fen: 370000")),),
        "amounts:\n      - {grade: junior, amount_fen: 110000}",
        "floors[0].amounts",
        "below-floor",
        "the lines come to 360000 fen a year for grade senior, rating competent, below the floor's 370000",
        "raise the amounts",
    ),
}

SLIPS = OVERLAPS | GAPS | UNREACHABLE | UNKNOWN | CONTRADICTIONS | WITHOUT_EFFECT


@pytest.mark.parametrize("slip", SLIPS.values(), ids=SLIPS.keys())
def test_a_slip_is_shown_at_its_line_column_and_key_with_a_remedy(slip: Slip) -> None:
    text = GOOD
    for old, new in slip.edits:
        text = changed(old, new, text)
    assert text.count(slip.at) == 1, f"{slip.at!r} stands {text.count(slip.at)} times"
    at = text.index(slip.at)
    problems = check_policy(text)
    assert len(problems) == 1, "\n".join(map(str, problems))
    (problem,) = problems
    assert (problem.key, problem.code, problem.severity) == (slip.key, slip.code, slip.severity)
    assert (problem.line, problem.column) == (text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at))
    assert slip.said in problem.problem
    assert slip.remedy in problem.remedy


# What is fine -------------------------------------------------------------------------------------------------------------


def test_amounts_that_follow_one_another_neither_overlap_nor_leave_a_gap() -> None:
    text = changed(
        "{grade: senior, rating: competent, amount_fen: 360000}",
        "{grade: senior, rating: competent, last_month: 2021-06, amount_fen: 360000}\n"
        "      - {grade: senior, rating: competent, first_month: 2021-07, amount_fen: 420000}",
    )
    assert check_policy(text) == ()
    assert [row.first_month for row in read_policy(text).lines[0].amounts] == [None, None, None, None, "2021-07"]


def test_a_policy_that_pays_its_own_months_only_needs_no_amounts_for_the_others() -> None:
    text = changed("{grade: senior, rating: competent,", "{grade: senior, rating: competent, first_month: 2021-07,")
    text = changed("first_day: 2021-01-01, last_day: 2021-12-31", "first_day: 2021-07-01, last_day: 2021-12-31", text)
    assert [problem.code for problem in check_policy(text)] == ["gap"]
    assert check_policy(changed("basic: zero", "part_year: own_months", text)) == ()


def test_a_floor_that_the_amounts_reach_is_without_problems() -> None:
    assert check_policy(changed(SETTINGS, SETTINGS + FLOOR)) == ()
    assert check_policy(changed(SETTINGS, SETTINGS + FLOOR + "    lines: [base]\n")) == ()


def test_a_floor_by_division_or_month_is_left_to_the_decisions() -> None:
    """Who lives where, and when, no table says."""
    dated = FLOOR.replace("{grade: junior, amount_fen: 110000}", "{grade: junior, last_month: 2021-06, amount_fen: 990000}")
    assert check_policy(changed(SETTINGS, SETTINGS + dated)) == ()


def test_a_cap_that_somebody_can_reach_is_without_problems() -> None:
    assert check_policy(changed(SETTINGS, SETTINGS + "cap: {amount_fen: 479999, clause: 8}\n")) == ()


def test_many_combinations_below_a_floor_are_counted() -> None:
    words = "".join(f"    - {{word: grade{number}, zh: 级}}\n" for number in range(18))
    rows = "".join(
        f"      - {{grade: grade{number}, rating: {rating}, amount_fen: 1}}\n"
        for number in range(18)
        for rating in ("excellent", "competent")
    )
    text = changed("    - {word: senior, zh: 高级}\n", "    - {word: senior, zh: 高级}\n" + words)
    text = changed(SENIOR, SENIOR + rows, text)
    floor = "floors:\n  - {name: scale, zh: 标准, clause: 9, period: monthly, amounts: [{amount_fen: 1}]}\n"
    problems = check_policy(changed(SETTINGS, SETTINGS + floor, text))
    assert {problem.code for problem in problems} == {"below-floor"}
    assert len(problems) == 21
    assert "16 more combinations are below the floor" in [problem.problem for problem in problems]


@pytest.mark.parametrize(
    ("parts", "left"),
    [
        ([], [("2021-01", "2021-12")]),
        ([("0000-00", "9999-99")], []),
        ([("2021-01", "2021-12")], []),
        ([("2021-03", "2021-05")], [("2021-01", "2021-02"), ("2021-06", "2021-12")]),
        ([("2021-05", "2021-12"), ("0000-00", "2021-03")], [("2021-04", "2021-04")]),
        ([("2020-01", "2020-12"), ("2021-12", "9999-99")], [("2021-01", "2021-11")]),
        ([("2021-01", "2021-11"), ("2021-02", "2021-03")], [("2021-12", "2021-12")]),
        ([("2022-01", "2022-12")], [("2021-01", "2021-12")]),
    ],
)
def test_the_months_that_no_amount_has_are_found(parts: list[tuple[str, str]], left: list[tuple[str, str]]) -> None:
    found = uncovered(Span("2021-01", "2021-12"), [Span(*part) for part in parts])
    assert [tuple(span) for span in found] == left
