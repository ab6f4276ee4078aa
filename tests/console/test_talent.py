"""``hongling talent``: what the office that keeps the pool sees."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from console.talent import act_message, standard_message
from console.talent_words import TalentWords
from contracts.intake import parse
from services.talent.standard import read_standard
from tests.console.support import Office, ask, ask_json, command, office
from tests.talent.example import EXAMPLE, FULL, standard_text

PROFILE = FULL.model_dump(mode="json")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A standard, and three workers: one in the pool and flagged, one who failed the screening, one nobody nominated."""
    with office(tmp_path_factory.mktemp("talent")) as office_:
        text = standard_text(on="2021-01-01")
        message = standard_message(text, read_standard(text), office_.at("2021-02-01").clock.now())
        office_.deliver(message.subject, message.message)
        first, second, _ = (office_.register(number) for number in (1, 2, 3))
        person = {"source_key": "K001"}
        certificate = {"person": person, "number": "C-1", "grade": "senior", "issuer": "320100"}
        office_.post("certificate-issued", certificate, effective="2021-01-15", id="cert-1")
        office_.rate(1, "excellent", year=2020, effective="2021-01-20")
        for ref in (first, second):
            more = {"division": "320102", "nominated_by": "reserve_recommended", "ladder": "near-term", "pool": "pool-1"}
            act(office_, "nominated", ref, "2021-02-01", **more)
        act(office_, "profiled", first, "2021-02-01", **PROFILE)
        act(office_, "screened", first, "2021-02-01")
        act(office_, "screened", second, "2021-02-01")
        act(office_, "admitted", first, "2021-02-01")
        failed = {"person": person, "year": 2021, "outcome": "failed"}
        office_.at("2021-06-01").post("inspection-concluded", failed, effective="2021-06-01", id="failed-1")
        yield office_


def act(office_: Office, fact: str, ref: str, on: str, **data: Any) -> None:
    message = act_message(fact, {"person": {"person_ref": ref}, **data}, date.fromisoformat(on), office_.clock.now())
    office_.deliver(message.subject, message.message)
    assert office_.posted("talent", "operator", message.message_id).outcome == "accepted"


def check(tmp_path: Path, text: str, *options: str) -> tuple[int, str]:
    path = tmp_path / "standard.yaml"
    path.write_text(text, encoding="utf-8")
    result = CliRunner().invoke(command, ["talent", "standard", "check", str(path), "--lang", "en", *options])
    return result.exit_code, result.stdout


def test_a_good_standard_passes(tmp_path: Path) -> None:
    """Exit code 0, without any deployment."""
    assert check(tmp_path, EXAMPLE.read_text(encoding="utf-8")) == (0, "0 errors, 0 warnings\n")


def test_an_error_is_named_at_its_line_and_key(tmp_path: Path) -> None:
    """Exit code 2; line, column, key and remedy stand in the text and in the JSON."""
    wrong = standard_text().replace("at_least: bachelor", "at_least: batchelor")
    code, text = check(tmp_path, wrong)
    assert code == 2
    assert ":12:30 error criteria[1].at_least: batchelor is not a value of at_least; write one of" in text
    found = json.loads(check(tmp_path, wrong, "--json")[1])
    assert (found["ok"], [(p["line"], p["key"]) for p in found["problems"]]) == (False, [(12, "criteria[1].at_least")])


def test_messages_are_of_the_published_language() -> None:
    """The same text is the same message for ever; each act is one of its own."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    text = standard_text()
    messages = [standard_message(text, read_standard(text), at) for _ in range(2)]
    assert messages[0] == messages[1]
    assert parse(messages[0].message).effectiveon == date(2025, 1, 1)
    acts = [act_message("screened", {"person": {"person_ref": "p" + "0" * 26}}, date(2026, 1, 1), at) for _ in range(2)]
    assert acts[0].message_id != acts[1].message_id
    assert {parse(each.message).type for each in acts} == {"intake.candidate-screened.v1"}


def test_every_standard_is_listed(made: Office) -> None:
    (row,) = ask_json(made, "talent", "standard", "list")
    assert (row["document"], row["revision"], row["ladders"]) == ("standard-1", 1, ["near-term", "mid-term"])
    assert "standard-1" in ask(made, "talent", "standard", "list").stdout


def test_the_pool_is_listed_by_stage_a_page_at_a_time(made: Office) -> None:
    everybody = ask_json(made, "talent", "pool", "--division", "320100")["members"]
    assert sorted((m["stage"], m["flagged"]) for m in everybody) == [("admitted", True), ("failed", False)]
    page = ask_json(made, "talent", "pool", "--division", "320100", "--limit", "1")
    assert page["members"] == everybody[:1]
    rest = ask_json(made, "talent", "pool", "--division", "320100", "--limit", "1", "--after", page["after"])
    assert rest["members"] == everybody[1:]
    assert ask_json(made, "talent", "pool", "--division", "320100", "--stage", "placed")["members"] == []
    assert "已入库" in ask(made, "talent", "pool", "--division", "320102", lang="zh").stdout


def test_somebody_is_shown_with_both_sides_and_their_history(made: Office) -> None:
    shown = ask_json(made, "talent", "show", "hr:K001")
    assert (shown["stage"], shown["flagged"]) == ("admitted", True)
    unmet = {c["name"]: (c["required"], c["found"]) for c in shown["criteria"] if not c["met"]}
    assert unmet == {"inspections": ("none failed from 2020 to 2021", "failed 2021")}
    assert [row["says"] for row in shown["history"]] == [
        "nominated for 320102 near-term (recommended from the reserve)",
        "particulars reported",
        "passed the screening by standard standard-1",
        "admitted (seat 1 of 2)",
        "by the registry's facts the standard is not met any more: annual inspections",
    ]
    text = ask(made, "talent", "show", "hr:K001", lang="zh").stdout
    assert "2020至2021年无不合格" in text
    assert "入库（第1席，共2席）" in text


def test_who_was_never_nominated_is_said_to_be_so(made: Office) -> None:
    """Wrong input, as is a stage or a division that does not exist."""
    assert ask(made, "talent", "show", "hr:K003").exit_code == 2
    assert ask(made, "talent", "show", "nobody").exit_code == 2
    assert ask(made, "talent", "pool", "--division", "3201").exit_code == 2
    assert ask(made, "talent", "pool", "--division", "320100", "--stage", "promoted").exit_code == 2


def test_an_act_is_checked_before_it_is_published(made: Office) -> None:
    """By the same schema as the service's, so nothing wrong is sent."""
    told = ask(made, "talent", "profile", "hr:K001", "--degree", "batchelor")
    assert told.exit_code == 2
    assert "degree" in told.output
    assert ask(made, "talent", "profile", "hr:K001", "--competency", "political").exit_code == 2
    assert ask(made, "talent", "remove", "hr:K001", "--reason", "boredom").exit_code == 2
    assert ask(made, "talent", "admit", "hr:K001", "--on", "tomorrow").exit_code == 2
    assert ask(made, "talent", "admit", "hr:K001").exit_code == 3, "nothing runs here to publish to"


def test_a_candidacy_is_traced_across_the_services(made: Office) -> None:
    """From the failed inspection to the flag, and back to the message that brought it."""
    history = ask_json(made, "talent", "show", "hr:K001")["history"]
    flag = ask_json(made, "trace", history[-1]["event_id"])
    assert [cause.get("message", cause.get("type")) for cause in flag["causes"]] == [
        "registry.inspection-concluded.v1", "hr/failed-1",
    ]  # fmt: skip
    led_to = ask_json(made, "trace", flag["causes"][0]["event_id"])["consequences"]
    assert [row["type"] for row in led_to if row["service"] == "talent"] == [
        "talent.fact-heard.v1", "talent.candidate-flagged.v1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "zh"),
    [
        ("open", "有效"),
        ("closed since 2026-02-16", "自2026-02-16起注销"),
        ("reopened on 2026-02-20", "2026-02-20恢复"),
        (
            "senior of 2024-05-01, suspended since 2026-01-15, reinstated on 2026-01-25",
            "高级（2024-05-01取得），2026-01-15起暂停，2026-01-25恢复",
        ),
        ("senior of 2024-05-01, downgraded to junior on 2026-01-15", "高级（2024-05-01取得），2026-01-15降为初级"),
        ("senior of 2024-05-01, revoked on 2026-01-15", "高级（2024-05-01取得），2026-01-15撤销"),
        ("senior of 2024-05-01, superseded on 2026-01-15", "高级（2024-05-01取得），2026-01-15被新证书取代"),
    ],
)
def test_what_has_become_of_a_certificate_or_a_registration_is_told_in_chinese(text: str, zh: str) -> None:
    words = TalentWords("zh")
    assert (words.side(text), words.criterion("registration")) == (zh, "注册登记")
