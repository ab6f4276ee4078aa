"""``hongling talent cycle`` and ``conduct``: what the office that appraises sees."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from console.cycle_words import CycleWords, exact_text, hundredths_of, points_text
from console.talent_acting import fact_message
from contracts.intake import parse
from tests.console.intake_support import codes_of, message_of, rows_of
from tests.console.support import Office, ask, ask_json, command, office
from tests.contracts.golden_appraisal import SAMPLES
from tests.talent.cycle_example import EXAMPLE, cycle_text, document

CYCLE = "operator/annual-2021"
_LINES = {
    "division": "division: 211224",
    "effective_on": "effective_on: 2022-01-05",
    "year": "year: 2021",
    "first_day": "first_day: 2021-01-01",
    "last_day": "last_day: 2021-12-31",
    "ratings_until": "ratings_until: 2022-01-31",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A published cycle with two secretaries and one of whom too little is known; one sanction, some points."""
    with office(tmp_path_factory.mktemp("cycle")) as office_:
        refs = [office_.register(number) for number in (1, 2, 3)]
        for number in (1, 2, 3):
            office_.engage(number)
        office_.at("2022-03-01")
        say(office_, "appraisal-cycle-opened", "2022-01-05", cycle="annual-2021", text=cycle_text(**_LINES))
        for ref in refs:
            of_cycle(office_, "person-enrolled", "2022-01-05", ref)
        for ref, points in zip(refs, (95, 90), strict=False):
            for role in ("leader", "staff"):
                marks = [{"item": item, "hundredths": 100 * points} for item in ("virtue", "ability")]
                of_cycle(office_, "rating-given", "2022-01-10", ref, role=role, rater=f"{role}-1", marks=marks)
            of_cycle(office_, "result-measured", "2022-01-10", ref, item="output", achieved=11)
        say(office_, "points-recorded", "2021-05-01", refs[0], entry="p-1", points=5, reason="示例")
        say(office_, "sanction-imposed", "2021-06-01", refs[1], entry="s-1", step="cancel_honours", reason="示例")
        say(office_, "appraisal-cycle-scored", "2022-02-01", cycle="annual-2021")
        say(office_, "appraisal-cycle-published", "2022-02-02", cycle="annual-2021", appeals_until="2022-02-07")
        yield office_


def say(office_: Office, fact: str, on: str, ref: str | None = None, **data: Any) -> None:
    said = data if ref is None else {"person": {"person_ref": ref}, **data}
    message = fact_message(fact, said, date.fromisoformat(on), office_.clock.now())
    office_.deliver(message.subject, message.message)
    assert office_.posted("talent", "operator", message.message_id).outcome == "accepted"


def of_cycle(office_: Office, fact: str, on: str, ref: str, **data: Any) -> None:
    say(office_, f"appraisal-{fact}", on, ref, cycle="annual-2021", **data)


def check(tmp_path: Path, text: str, *options: str) -> tuple[int, str]:
    path = tmp_path / "cycle.yaml"
    path.write_text(text, encoding="utf-8")
    result = CliRunner().invoke(command, ["talent", "cycle", "check", str(path), "--lang", "en", *options])
    return result.exit_code, result.stdout


def test_a_cycle_is_checked_without_any_deployment(tmp_path: Path) -> None:
    """An error is named at its line and key, with a remedy; exit code 2."""
    assert check(tmp_path, EXAMPLE.read_text(encoding="utf-8")) == (0, "0 errors, 0 warnings\n")
    code, text = check(tmp_path, cycle_text().replace("percent: 60}", "percent: 61}"))
    assert code == 2
    assert ":17:1 error raters: the raters' percents add up to 101; let them add up to 100" in text
    found = json.loads(check(tmp_path, cycle_text().replace("percent: 60}", "percent: 61}"), "--json")[1])
    assert (found["ok"], [(p["line"], p["key"], p["code"]) for p in found["problems"]]) == (False, [(17, "raters", "not-100")])


def test_cycles_are_listed_with_their_stage(made: Office) -> None:
    (row,) = ask_json(made, "talent", "cycle", "list", "--division", "210000", "--year", "2021")
    assert (row["cycle"], row["stage"], row["people"]) == (CYCLE, "published", 3)
    assert ask_json(made, "talent", "cycle", "list", "--division", "320000") == []
    assert "已公示" in ask(made, "talent", "cycle", "list", lang="zh").stdout


def test_the_ranking_is_shown_best_first_with_what_kept_somebody_back(made: Office) -> None:
    """A page at a time."""
    shown = ask_json(made, "talent", "cycle", "show", "annual-2021")
    assert (shown["people"], shown["scored"], shown["ratings"]) == (3, 2, 4)
    assert [(r["rank"], r["score"], r["rating"], r["why"]) for r in shown["results"]] == [
        (1, 9417, "competent", ["quota"]),
        (2, 9067, "competent", ["barred:cancel_honours"]),
        (None, None, None, ["too-few:leader", "too-few:staff", "not-measured:output"]),
    ]
    page = ask_json(made, "talent", "cycle", "show", CYCLE, "--limit", "1")
    assert (page["results"], page["after"]) == (shown["results"][:1], 1)
    rest = ask_json(made, "talent", "cycle", "show", CYCLE, "--limit", "2", "--after", "1")
    assert rest["results"] == shown["results"][1:]
    text = ask(made, "talent", "cycle", "show", CYCLE, lang="zh").stdout
    assert "排在优秀名额之外" in text
    assert "受“取消评优”限制" in text


def test_a_score_is_explained_item_by_item_and_by_its_place(made: Office) -> None:
    told = ask_json(made, "talent", "cycle", "explain", CYCLE, "hr:K001")
    assert [(line["item"], line["weight_percent"], line["points"], line["contributes"]) for line in told["items"]] == [
        ("virtue", 30, "95", "57/2"), ("ability", 30, "95", "57/2"), ("output", 40, "275/3", "110/3"),
    ]  # fmt: skip
    assert (told["exact"], told["score"], told["rank"], told["of"], told["places"]) == ("565/6", 9417, 1, 2, 0)
    assert (told["rating"], told["why"], told["category"]) == ("competent", ["quota"], "secretary")
    text = ask(made, "talent", "cycle", "explain", CYCLE, "hr:K001", lang="zh").stdout
    assert "合计 94.1666… (565/6)，四舍五入到 2 位小数：94.17" in text
    assert "全体 2 人中第 1 名；优秀名额 0 个" in text
    lacking = ask(made, "talent", "cycle", "explain", CYCLE, "hr:K003").stdout
    assert "no score: too few ratings by leader; too few ratings by staff" in lacking


def test_an_explanation_is_of_what_was_scored_not_of_what_came_later(made: Office) -> None:
    """Points recorded for the period after the publication change neither result nor explanation."""
    (ref,) = [r["person_ref"] for r in ask_json(made, "talent", "cycle", "show", CYCLE)["results"] if r["rank"] == 2]
    before = ask_json(made, "talent", "cycle", "explain", CYCLE, ref)
    say(made, "points-recorded", "2021-07-01", ref, entry="late", points=20, reason="补录")
    assert ask_json(made, "talent", "cycle", "explain", CYCLE, ref) == before


def test_conduct_is_shown_with_the_sanction_that_is_in_force(made: Office) -> None:
    shown = ask_json(made, "talent", "conduct", "show", "hr:K002", "--on", "2021-06-02")
    assert shown["sanction_in_force"] == "cancel_honours"
    assert ask_json(made, "talent", "conduct", "show", "hr:K002", "--on", "2021-05-31")["sanction_in_force"] is None
    (entry,) = ask_json(made, "talent", "conduct", "show", "hr:K001")["entries"]
    assert (entry["entry"], entry["kind"], entry["points"]) == ("operator/p-1", "points-recorded", 5)
    assert "取消评优" in ask(made, "talent", "conduct", "show", "hr:K002", "--on", "2021-06-02", lang="zh").stdout


def test_conduct_is_listed_by_person_and_by_unit(made: Office) -> None:
    """Points of the year up to the day, sanctions in force on it; who has nothing on record is not named."""
    listed = ("talent", "conduct", "list", "--division", "210000", "--on", "2021-06-02")
    people = ask_json(made, *listed)["people"]
    assert sorted((row["points"], [each["step"] for each in row["sanctions"]]) for row in people) == [
        (0, ["cancel_honours"]), (5, []),
    ]  # fmt: skip
    (barred,) = ask_json(made, *listed, "--sanctioned")["people"]
    assert barred["sanctions"] == [
        {"entry": "operator/s-1", "step": "cancel_honours", "since": "2021-06-01", "last_day": None}
    ]  # fmt: skip
    units = ask_json(made, *listed, "--by-unit")["units"]
    assert [(row["people"], row["points"], row["honours"], row["sanctioned"]) for row in units] == [(2, 5, 0, 1)]
    assert units[0]["unit"] in barred["units"]
    assert [row["points"] for row in ask_json(made, *listed, "--since", "2021-05-02")["people"]] == [0, 0]
    assert ask_json(made, *listed[:-1], "2021-04-30")["people"] == []
    assert "取消评优，至解除" in ask(made, *listed, lang="zh").stdout


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["show", "nobody/of-it"], 2),
        (["show", "No Such"], 2),
        (["list", "--division", "3201"], 2),
        (["enrol", CYCLE], 2),
        (["rate", CYCLE, "hr:K001", "--role", "leader", "--rater", "l-1", "--mark", "virtue"], 2),
        (["rate", CYCLE, "hr:K001", "--role", "leader", "--rater", "13900000000", "--mark", "virtue=90"], 2),
        (["explain", CYCLE, "hr:K009"], 2),
        (["measure", CYCLE, "hr:K001", "--item", "output", "--achieved", "9"], 3),
        (["score", CYCLE], 3),
        (["conclude", CYCLE, "--on", "tomorrow"], 2),
    ],
)
def test_wrong_input_ends_with_2_and_an_absent_broker_with_3(made: Office, words: list[str], code: int) -> None:
    assert ask(made, "talent", "cycle", *words).exit_code == code


def test_points_are_read_and_shown_as_people_write_them() -> None:
    """Two digits after the point, never a float."""
    assert [hundredths_of(text) for text in ("92.5", "100", "0.05", "92.555", "x", "NaN", "1e9")] == [
        9250, 10_000, 5, None, None, None, None,
    ]  # fmt: skip
    assert [points_text(n) for n in (9250, 5, -150)] == ["92.50", "0.05", "-1.50"]
    assert [exact_text(Fraction(*n)) for n in ((185, 2), (90, 1), (1, 3))] == ["92.5", "90", "0.3333… (1/3)"]


def test_every_reason_is_said_in_both_languages() -> None:
    made_of, codes = (
        document(),
        ("quota", "tie-at-border", "barred:interview", "too-few:staff", "no-ratings", "not-measured:output"),
    )
    for lang in ("zh", "en"):
        said = CycleWords(lang).why(made_of, codes)
        assert not any(code.partition(":")[0] in said for code in codes if "-" in code)
    chinese = CycleWords("zh").why(made_of, codes)
    assert not [letter for letter in chinese if letter.isascii() and letter.isalpha()]


def test_messages_are_of_the_published_language(made: Office) -> None:
    message = fact_message("appraisal-cycle-scored", {"cycle": "annual-2021"}, date(2022, 2, 1), made.clock.now())
    assert parse(message.message).type == "intake.appraisal-cycle-scored.v1"


def test_ratings_are_reported_by_a_sheet(tmp_path: Path) -> None:
    """Points as people write them become hundredths; a token that is a number, and points with three digits, are told."""
    heading = "考核周期编号,人员标识,评分角色,评分人代号,得分:virtue,得分:ability,评分日期\n"
    who = "annual-2025,p0000000000000000000000000a"
    lines = [f"{who},分管领导,leader-1,92.5,100,2026-01-10", f"{who},互评,13900000000,92.555,80,2026-01-10"]
    first, second = rows_of(tmp_path, heading + "\n".join(lines), "考核评分")
    message = message_of(first)
    assert (first.subject, message["type"]) == ("intake.hr.talent.appraisal-rating-given", "intake.appraisal-rating-given.v1")
    assert message["data"] == {
        "cycle": "annual-2025", "person": {"person_ref": "p0000000000000000000000000a"}, "role": "leader", "rater": "leader-1",
        "marks": [{"item": "virtue", "hundredths": 9250}, {"item": "ability", "hundredths": 10_000}],
    }  # fmt: skip
    assert codes_of([second])[:2] == [(3, "评分人代号", "bad-pattern"), (3, "得分:virtue", "wrong-type")]


def test_every_event_of_a_cycle_and_of_conduct_is_said_in_both_languages() -> None:
    """So that `trace` and `history` say more than a type."""
    for sample in SAMPLES:
        chinese, english = (CycleWords(lang).event(sample) for lang in ("zh", "en"))
        assert english is not None
        assert chinese != english
        assert any(not letter.isascii() for letter in str(chinese))
