"""``hongling talent staff``, ``figures``, ``leadership`` and ``vacancy``: what is reported at the desk, and what it answers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from console import talent_acting
from console.context import Context
from console.publishing import Message
from console.staffing_words import StaffingWords
from console.talent import act_message, standard_message
from contracts.receipts import Receipt
from contracts.staffing import LEADERSHIP_MODELS
from eventlog import schema
from services.talent.leadership import REQUIRED
from services.talent.standard import read_standard
from tests.console.support import COUNTY, Office, ask, ask_json, office
from tests.talent.example import FULL, standard_text

EXAMPLE = Path(__file__).parents[2] / "standards" / "example-vacancy.yaml"
DAY = ("--on", "2021-06-30")
VACANCY = f"""\
vacancy: V-1
unit: 一村
division: {COUNTY}
post: 副书记
category: deputy_secretary
effective_on: 2021-06-01
hard:
  - {{rule: degree, at_least: bachelor, clause: 1}}
soft:
  - {{weight: 3, criterion: {{rule: enterprise_years, at_least: 12, clause: 2}}}}
  - {{weight: 1, criterion: {{rule: competency, name: political, at_least: 5, clause: 3}}}}
"""
WRONG_KEY = VACANCY.replace("weight: 3", "wieght: 3")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Four workers of a village, two of them in the pool, and ``send`` led to talent's own handlers."""
    with office(tmp_path_factory.mktemp("staffing")) as office_, pytest.MonkeyPatch.context() as patch:

        async def send(ctx: Context, user: str, service: str, message: Message) -> Receipt:
            await asyncio.to_thread(office_.deliver, message.subject, message.message, carry=False)
            return receipt(office_, user, message.message_id)

        patch.setattr(talent_acting, "send", send)
        text = standard_text(on="2021-01-01", division=COUNTY, criteria="criteria:\n  - {rule: health, clause: 1}\n", quota=9)
        message = standard_message(text, read_standard(text), office_.clock.now())
        office_.deliver(message.subject, message.message)
        refs = [office_.register(number) for number in (1, 2, 3, 4)]
        office_.engage(1, post="书记", entry_channel="dispatched")
        office_.engage(2, category="deputy_secretary", post="副书记", full_time=False)
        office_.engage(3, category="recruited", post="委员", effective="2021-04-01")
        for place, ref in enumerate(refs[:2]):
            act(office_, "nominated", ref, division=COUNTY, nominated_by="reserve_recommended", ladder="near-term", pool="p")
            act(office_, "profiled", ref, **{**FULL.model_dump(mode="json"), "enterprise_years": 6 + 3 * place})
            act(office_, "screened", ref)
            act(office_, "admitted", ref)
        office_.clock.at = datetime.now(UTC)
        yield office_


def act(office_: Office, fact: str, ref: str, **data: Any) -> None:
    message = act_message(fact, {"person": {"person_ref": ref}, **data}, date(2021, 2, 1), office_.clock.now())
    office_.deliver(message.subject, message.message)
    assert office_.posted("talent", "operator", message.message_id).outcome == "accepted"


def receipt(office_: Office, user: str, message_id: str) -> Receipt:
    with office_.talent.database.read.connect() as connection:
        query = schema.receipt.select().with_only_columns(schema.receipt.c.data).where(schema.receipt.c.source == user)
        found = (Receipt.model_validate_json(data) for data in connection.scalars(query))
        return next(each for each in found if each.id == message_id)


def told(made: Office, *words: str, lang: str = "zh") -> str:
    result = ask(made, *words, lang=lang)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def described(made: Office, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("vacancy") / "v.yaml"
    path.write_text(VACANCY, encoding="utf-8")
    assert ask_json(made, "talent", "vacancy", "describe", str(path))["outcome"] == "accepted"
    return "V-1"


# --- staff and figures --------------------------------------------------------------------------------------------------


def test_figures_are_exact_and_name_the_unit_that_was_not_reported(made: Office) -> None:
    """Before the report there is no share of staff; after it there is, as of its day only."""
    before = ask_json(made, "talent", "figures", "--division", COUNTY, *DAY)
    assert (before["workers"], before["party_work"]["percent"], before["units"][0]["staff"]) == (3, None, None)
    report = ("talent", "staff", "report", "一村", "290", "--division", COUNTY, "--on", "2021-03-01")
    assert ask_json(made, *report)["outcome"] == "accepted"
    found = ask_json(made, "talent", "figures", "--division", COUNTY, *DAY)
    assert found["party_work"] == {"part": 3, "whole": 290, "percent": "1.03", "least": "1.00", "met": True}
    assert found["part_time"] == {"part": 1, "whole": 3, "percent": "33.33"}
    early = ask_json(made, "talent", "figures", "--division", COUNTY, "--on", "2021-02-28")
    assert (early["workers"], early["party_work"]["percent"]) == (2, None)
    more = ask_json(made, "talent", "figures", "--division", COUNTY, *DAY, "--least", "1.1")
    assert (more["party_work"]["least"], more["party_work"]["met"]) == ("1.10", False)


def test_figures_are_told_as_they_were_known(made: Office) -> None:
    """Before anything was recorded there was nobody."""
    found = ask_json(made, "talent", "figures", "--division", COUNTY, *DAY, "--known", "2021-01-03")
    assert (found["workers"], found["units"], found["known_at"][:10]) == (0, [], "2021-01-03")


def test_figures_are_told_in_both_languages_and_as_a_sheet(made: Office, tmp_path: Path) -> None:
    """In the sheet, counts are numbers and percentages the text of their two decimals; a file that is there stays."""
    assert "兼职占党务工作者" in told(made, "talent", "figures", "--division", COUNTY, *DAY)
    path = tmp_path / "figures.xlsx"
    english = told(made, "talent", "figures", "--division", COUNTY, *DAY, "--xlsx", str(path), lang="en")
    assert "part time, of party workers" in english
    sheet = openpyxl.load_workbook(path)["figures"]
    assert [[cell.value for cell in row] for row in sheet.iter_rows(min_row=1, max_row=3)][2] == [
        "part time, of party workers", 1, 3, "33.33",
    ]  # fmt: skip
    again = ask(made, "talent", "figures", "--division", COUNTY, *DAY, "--xlsx", str(path))
    assert (again.exit_code, "is there already" in again.output) == (2, True)


@pytest.mark.parametrize(
    "words",
    [
        ("figures", "--division", "2112"),
        ("figures", "--division", COUNTY, "--least", "1,5"),
        ("figures", "--division", COUNTY, "--least", "101"),
        ("figures", "--division", COUNTY, "--on", "tomorrow"),
        ("leadership", "show", "nowhere", "--division", COUNTY),
        ("leadership", "list", "--division", COUNTY, "--model", "many"),
        ("leadership", "set", "一村", "--model", "dispatched", "--division", COUNTY, "--post", "书记"),
        ("leadership", "set", "一村", "--model", "one_person", "--division", COUNTY, "--post", "书记=party"),
        ("vacancy", "match", "V-9"),
        ("vacancy", "close", "V-1", "--outcome", "filled"),
        ("vacancy", "close", "V-1", "--outcome", "filled", "--person", "nobody"),
        ("vacancy", "list", "--division", COUNTY, "--status", "lost"),
    ],
)
def test_wrong_use_ends_with_two_and_says_what_to_do(made: Office, words: tuple[str, ...]) -> None:
    result = ask(made, "talent", *words)
    assert (result.exit_code, bool(result.output.strip())) == (2, True)


# --- leadership ---------------------------------------------------------------------------------------------------------


def test_a_unit_is_shown_with_who_sits_where_and_what_is_empty(made: Office) -> None:
    posts = ("--post", "书记=party:secretary", "--post", "副书记=party:deputy_secretary:2")
    setting = (
        "talent",
        "leadership",
        "set",
        "一村",
        "--model",
        "dispatched",
        "--division",
        COUNTY,
        *posts,
        "--on",
        "2021-01-01",
    )
    assert ask_json(made, *setting)["outcome"] == "accepted"
    (unit,) = ask_json(made, "talent", "leadership", "show", "一村", "--division", COUNTY, *DAY)["units"]
    assert (unit["model"], unit["kept"], unit["found"]) == ("dispatched", False, "1 of 2 dispatched")
    assert [(p["post"], len(p["sitting"]), p["empty"]) for p in unit["posts"]] == [("书记", 1, 0), ("副书记", 1, 1)]
    assert "2人中1人为组织选派" in told(made, "talent", "leadership", "show", "一村", "--division", COUNTY, *DAY)
    assert "委派" in told(made, "talent", "leadership", "list", "--division", COUNTY, *DAY)
    gaps = ask_json(made, "talent", "leadership", "gaps", "--division", COUNTY, *DAY)["gaps"]
    assert [(g["post"], g["person_ref"], g["ready"]) for g in gaps] == [("副书记", None, 2)]
    assert "库中可用" in told(made, "talent", "leadership", "gaps", "--division", COUNTY, "--within", "12", *DAY)
    assert ask_json(made, "talent", "leadership", "list", "--division", COUNTY, "--on", "2020-12-31")["units"] == []


def test_every_model_and_what_it_asks_for_has_words_in_both_languages() -> None:
    for model in LEADERSHIP_MODELS:
        assert StaffingWords("zh").model(model) != StaffingWords("en").model(model)
        assert StaffingWords("zh").sides_of_model(REQUIRED[model]) != REQUIRED[model]


# --- vacancies ----------------------------------------------------------------------------------------------------------


def test_the_example_is_fine_and_a_misspelt_key_is_named_at_its_place(made: Office, tmp_path: Path) -> None:
    assert ask_json(made, "talent", "vacancy", "check", str(EXAMPLE))["ok"]
    path = tmp_path / "v.yaml"
    path.write_text(WRONG_KEY, encoding="utf-8")
    for command in ("check", "describe"):
        result = ask(made, "talent", "vacancy", command, str(path))
        assert result.exit_code == 2
        assert "soft[0].wieght" in result.output
        assert "did you mean weight?" in result.output


def test_the_pool_is_matched_with_reasons(made: Office, described: str) -> None:
    """9 of 12 years are 75, 6 of 12 are 50; 4 of 5 points 80: 305 and 230 of 400 points."""
    found = ask_json(made, "talent", "vacancy", "match", described, *DAY)
    assert (found["looked_at"], found["eligible"]) == (2, 2)
    assert [(m["rank"], m["points"], m["points_max"], m["fit"]) for m in found["matches"]] == [
        (1, 305, 400, "76.25"), (2, 230, 400, "57.50"),
    ]  # fmt: skip
    assert found["matches"][0]["missing"] == ["enterprise_years", "competency_political"]
    text = told(made, "talent", "vacancy", "match", described, *DAY)
    assert "76.25 %" in text
    assert "要求不少于12年，实际9年" in text
    assert len(ask_json(made, "talent", "vacancy", "match", described, "--top", "1", *DAY)["matches"]) == 1
    elsewhere = ask_json(made, "talent", "vacancy", "match", described, "--pool", "330000", *DAY)
    assert (elsewhere["looked_at"], elsewhere["matches"]) == (0, [])


def test_a_vacancy_is_listed_and_closed(made: Office, described: str) -> None:
    (row,) = ask_json(made, "talent", "vacancy", "list", "--division", COUNTY)["vacancies"]
    assert (row["vacancy"], row["status"], row["from_on"]) == ("operator/V-1", "open", "2021-06-01")
    ref = ask_json(made, "talent", "vacancy", "match", described, *DAY)["matches"][0]["person_ref"]
    closing = ("talent", "vacancy", "close", described, "--outcome", "filled", "--person", ref)
    assert ask_json(made, *closing)["outcome"] == "accepted"
    (row,) = ask_json(made, "talent", "vacancy", "list", "--division", COUNTY, "--status", "filled")["vacancies"]
    assert row["person_ref"] == ref
    assert "已补" in told(made, "talent", "vacancy", "list", "--division", COUNTY)
