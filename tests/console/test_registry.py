"""``hongling registry``: acts on registrations, engagements, ratings and facts, and the questions about workers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console import personal, publishing
from console.demo_data import made_up_resident_id
from tests.console.desk import Desk, desk

REAL_SEND = publishing.send
"""That of the product: a desk of the tests puts its own registry in its place."""

NAME = "张三"


@pytest.fixture
def at_desk(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path / "data") as made:
        yield made


def identity_file(folder: Path, number: int = 1) -> str:
    path = folder / f"identity-{number}.json"
    plain = {"name": NAME, "resident_id": made_up_resident_id("211299", number), "phone": "13900000000"}
    path.write_text(json.dumps(plain), encoding="utf-8")
    return str(path)


def registered(at_desk: Desk, folder: Path, number: int = 1, *options: str) -> str:
    words = ("registry", "register", "--identity-file", identity_file(folder, number), "--division", "320102")
    receipt = at_desk.asked(*words, "--key", f"D{number}", "--on", "2021-01-01", *options)
    return str(receipt["person_ref"])


# --- acts ---------------------------------------------------------------------------------------------------------------


def test_somebody_is_registered_from_a_file_and_found_by_the_desks_own_key(at_desk: Desk, tmp_path: Path) -> None:
    """The receipt gives the person_ref; shown, the identity is masked, and neither name nor number is in any answer."""
    words = ("registry", "register", "--identity-file", identity_file(tmp_path), "--division", "320102", "--key", "D1")
    told = at_desk.told(*words, "--on", "2021-01-01", "--managing-unit", "某街道党工委")
    assert "accepted" in told
    shown = at_desk.asked("registry", "show", "operator:D1")
    assert shown["person_ref"] in told
    assert ("open", "320102", "某街道党工委") == (shown["status"], shown["division"], shown["managing_unit"])
    number = made_up_resident_id("211299", 1)
    assert {"name": "张*", "resident_id": "*" * 14 + number[-4:], "phone": "*" * 7 + "0000"} == shown["identity"]
    assert NAME not in told + json.dumps(shown, ensure_ascii=False)
    assert number not in told + json.dumps(shown)


def test_the_identity_is_typed_or_read_and_never_an_argument(at_desk: Desk) -> None:
    """Others on the machine see arguments. Wrong identity is refused before anything leaves, by the field's name only."""
    words = ("registry", "register", "--division", "320102")
    number = made_up_resident_id("211299", 2)
    good = at_desk.ask(*words, typed=f"{NAME}\n{number}\n\n")
    assert (0, False) == (good.exit_code, number in good.output)
    wrong = at_desk.ask(*words, typed=f"{NAME}\n360426199101010072\n")
    assert (2, True, False) == (wrong.exit_code, "resident_id" in wrong.output, "360426" in wrong.output)
    nobody = at_desk.ask(*words, typed="")
    assert (2, True) == (nobody.exit_code, "name" in nobody.output)
    for option in ("--name", "--resident-id", "--phone", "--bank-account"):
        assert 2 == at_desk.ask(*words, option, "x").exit_code


def test_a_registration_is_transferred_closed_and_reopened(at_desk: Desk) -> None:
    """Each from its day on; before it, the worker is shown as it was."""
    ref = at_desk.worker(1)
    at_desk.asked("registry", "transfer", ref, "--division", "320104", "--on", "2023-05-01", "--serving-unit", "某社区")
    at_desk.asked("registry", "close", ref, "--reason", "left", "--on", "2024-06-30")
    at_desk.asked("registry", "reopen", ref, "--reason", "returned", "--on", "2025-01-01")

    def status(day: str) -> tuple[Any, ...]:
        shown = at_desk.asked("registry", "show", ref, "--effective", day)
        return shown["status"], shown["division"], shown["serving_unit"]

    assert [
        ("open", "320102", None), ("open", "320104", "某社区"), ("closed", "320104", "某社区"), ("open", "320104", "某社区"),
    ] == [status(day) for day in ("2023-04-30", "2024-06-30", "2024-07-01", "2025-01-01")]  # fmt: skip


def test_an_act_that_cannot_be_is_refused_with_the_remedy(at_desk: Desk) -> None:
    """Exit code 2; the receipt says why, in text and as JSON."""
    ref = at_desk.worker(1)
    words = ("registry", "transfer", ref, "--division", "320104", "--on", "2020-12-31")
    assert ["not-registered"] == [problem["code"] for problem in at_desk.asked(*words, code=2)["problems"]]
    told = at_desk.told(*words, code=2)
    assert "refused" in told
    assert "effectiveon not-registered" in told


def test_an_engagement_begun_at_the_desk_is_ended_at_the_desk(at_desk: Desk, tmp_path: Path) -> None:
    """Without naming it, if it is the only one that runs."""
    ref = registered(at_desk, tmp_path)
    post = ("--category", "deputy_secretary", "--unit", "某村", "--post", "副书记", "--part-time")
    (begun,) = at_desk.asked("registry", "engage", ref, *post, "--on", "2021-02-01")["happened"]
    assert "deputy secretary from 2021-02-01 (某村, 副书记, part time)" in begun["says"]
    at_desk.asked("registry", "disengage", ref, "--reason", "term_ended", "--on", "2024-12-31")
    (row,) = at_desk.asked("registry", "show", ref)["engagements"]
    assert ("2021-02-01", "2024-12-31", False) == (row["first_day"], row["last_day"], row["full_time"])
    again = at_desk.ask("registry", "disengage", ref, "--reason", "term_ended")
    assert (2, True) == (again.exit_code, "running are: none" in again.output)


def test_an_engagement_that_a_source_reported_is_ended_at_the_desk_too(at_desk: Desk) -> None:
    """The end names whose engagement it is."""
    ref = at_desk.worker(1)
    at_desk.asked("registry", "disengage", ref, "--reason", "retired", "--on", "2026-06-30")
    ends = {row["engagement"]: row["last_day"] for row in at_desk.asked("registry", "show", ref)["engagements"]}
    assert ends == {"hr/K001-e1": "2026-06-30"}


def test_an_appeal_that_is_upheld_corrects_the_rating(at_desk: Desk) -> None:
    """The one open appeal need not be named; deciding it says what became of the rating."""
    ref = at_desk.worker(1)
    at_desk.asked("registry", "rate", ref, "--year", "2024", "--rating", "basic", "--on", "2025-01-10")
    at_desk.asked("registry", "appeal", ref, "--year", "2024", "--grounds", "漏计实绩", "--on", "2025-01-15")
    decided = at_desk.asked(
        "registry",
        "decide-appeal",
        ref,
        "--outcome",
        "upheld",
        "--rating",
        "competent",
        "--reason",
        "补计",
        "--on",
        "2025-02-01",
    )
    assert ["registry.rating-appeal-decided.v1", "registry.fact-corrected.v1"] == [e["type"] for e in decided["happened"]]
    shown = at_desk.asked("registry", "show", ref)
    assert [(2024, "competent")] == [(row["year"], row["rating"]) for row in shown["ratings"]]
    assert [True] == [row["decided"] for row in shown["appeals"]]
    none = at_desk.ask("registry", "decide-appeal", ref, "--outcome", "dismissed", "--reason", "无")
    assert (2, True) == (none.exit_code, "open are: none" in none.output)


def test_a_fact_is_corrected_by_naming_what_is_wrong_in_it(at_desk: Desk) -> None:
    """The other fields stay as they are; the fact is named by its message or by its event; its day stays unless it is given."""
    ref = at_desk.worker(1)
    rated = at_desk.office.rate(1, "basic", year=2024, effective="2025-01-10")
    fact = f"{rated.source}/{rated.id}"
    at_desk.asked("registry", "correct", fact, "--set", "rating=excellent", "--reason", "录入有误")
    (row,) = at_desk.asked("registry", "show", ref)["ratings"]
    assert ("excellent", "2025-01-10") == (row["rating"], row["on"])
    assert rated.event_id is not None
    at_desk.asked("registry", "correct", rated.event_id, "--set", "rating=competent", "--on", "2025-01-12", "--reason", "再核")
    (row,) = at_desk.asked("registry", "show", ref)["ratings"]
    assert ("competent", "2025-01-12") == (row["rating"], row["on"])


def test_a_correction_keeps_the_kind_of_each_value(at_desk: Desk) -> None:
    """Numbers and yes or no are read as such; null empties a field; an unknown field is named."""
    ref = at_desk.worker(1)
    fact = "hr/K001-engaged"
    at_desk.asked(
        "registry", "correct", fact, "--set", "full_time=false", "--set", "entry_channel=internal", "--reason", "更正"
    )
    (row,) = at_desk.asked("registry", "show", ref)["engagements"]
    assert (False, "internal", "书记") == (row["full_time"], row["entry_channel"], row["post"])
    at_desk.asked("registry", "correct", fact, "--set", "entry_channel=null", "--reason", "更正")
    assert at_desk.asked("registry", "show", ref)["engagements"][0]["entry_channel"] is None
    wrong = at_desk.ask("registry", "correct", fact, "--set", "salary=1", "--reason", "更正")
    assert (2, True) == (wrong.exit_code, "its fields are: engagement, category" in wrong.output)
    assert 2 == at_desk.ask("registry", "correct", fact, "--reason", "更正").exit_code, "nothing is said to be wrong"
    assert 2 == at_desk.ask("registry", "correct", "hr/nothing", "--set", "post=x", "--reason", "更正").exit_code


def test_a_withdrawn_fact_is_gone_from_the_worker_and_cannot_be_corrected(at_desk: Desk) -> None:
    ref = at_desk.worker(1)
    rated = at_desk.office.rate(1, "basic", year=2024, effective="2025-01-10")
    fact = f"{rated.source}/{rated.id}"
    at_desk.asked("registry", "withdraw", fact, "--reason", "误报")
    assert [] == at_desk.asked("registry", "show", ref)["ratings"]
    result = at_desk.ask("registry", "correct", fact, "--set", "rating=basic", "--reason", "更正")
    assert (2, True) == (result.exit_code, "was withdrawn" in result.output)


def test_two_files_of_one_person_become_one(at_desk: Desk) -> None:
    """The duplicate's facts go on with the survivor, and whoever asks for the duplicate is told where the person goes on."""
    survivor, duplicate = at_desk.worker(1), at_desk.worker(2)
    at_desk.office.rate(2, "competent", year=2024, effective="2025-01-10")
    answer = at_desk.asked("registry", "merge", duplicate, survivor, "--reason", "同一人")
    assert ["registry.person-merged.v1", "registry.file-absorbed.v1"] == [e["type"] for e in answer["happened"][:2]]
    shown = at_desk.asked("registry", "show", survivor)
    assert ([duplicate], [2024], 2) == (
        shown["merged_files"], [row["year"] for row in shown["ratings"]], len(shown["engagements"]),
    )  # fmt: skip
    gone = at_desk.asked("registry", "show", duplicate)
    assert ("merged", survivor) == (gone["status"], gone["merged_into"])
    assert survivor in at_desk.told("registry", "show", duplicate, lang="zh")


def test_a_number_that_looks_like_personal_data_is_kept_out_of_what_is_recorded_for_ever(at_desk: Desk) -> None:
    """Reasons and grounds stand in the log in plain text; such a number ends the command before anything is sent."""
    ref = at_desk.worker(1)
    phone = "13800000000"
    for words in (
        ("appeal", ref, "--year", "2024", "--grounds", f"致电{phone}"),
        ("withdraw", "hr/K001-engaged", "--reason", f"致电{phone}"),
        ("application", "object", ref, "--grounds", f"致电{phone}"),
    ):
        result = at_desk.ask("registry", *words)
        assert (2, True) == (result.exit_code, "looks like personal data" in result.output)


def test_whoever_waits_is_told_for_what(at_desk: Desk) -> None:
    """A reopening that comes before its closing is held, and says so."""
    ref = at_desk.worker(1)
    told = at_desk.told("registry", "reopen", ref, "--reason", "returned", "--on", "2025-01-01")
    assert "waiting" in told
    assert "it waits for the closing of this registration" in told
    assert "等待：" in at_desk.told("registry", "reopen", ref, "--reason", "returned", "--on", "2025-01-02", lang="zh")


# --- questions ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def register(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Four workers of two counties: one certified and failed at the inspection, one part time, one closed, one far away."""
    with desk(tmp_path_factory.mktemp("register") / "data") as made:
        made.standard()
        first = made.worker(1)
        made.certified(first)
        made.office.register(2, division="320102", effective="2021-01-01")
        made.office.engage(2, effective="2021-01-01", category="part_time", full_time=False)
        closed = made.worker(3, division="320104")
        made.asked("registry", "close", closed, "--reason", "retired", "--on", "2025-12-31")
        made.worker(4, division="330102")
        failed = ("--year", "2025", "--outcome", "failed", "--checked", "files=yes", "--checked", "posts=no")
        made.asked("registry", "inspection", "conclude", first, *failed, "--on", "2025-12-01")
        yield made


def test_the_register_is_listed_by_division_a_page_at_a_time(register: Desk) -> None:
    """Those below a division belong to it; the end of a page is where the next one begins."""
    everybody = register.asked("registry", "list", "--division", "320000", "--effective", "2025-06-01")["workers"]
    assert ["320102", "320102", "320104"] == [row["division"] for row in everybody]
    words = ("registry", "list", "--division", "320000", "--effective", "2025-06-01", "--limit", "2")
    page = register.asked(*words)
    rest = register.asked(*words, "--after", page["after"])
    assert (everybody[:2], everybody[2:], None) == (page["workers"], rest["workers"], rest["after"])


def test_the_register_is_chosen_by_grade_status_category_and_certificate(register: Desk) -> None:
    def count(*options: str) -> int:
        return len(register.asked("registry", "list", "--division", "320000", *options)["workers"])

    assert (1, 1) == (count("--grade", "junior"), count("--certificate", "valid"))
    assert (2, 1) == (count("--status", "open"), count("--status", "closed"))
    assert (1, 1, 0) == (count("--category", "part_time"), count("--category", "secretary"), count("--category", "recruited"))
    for wrong in (("--category", "cook"), ("--status", "asleep"), ("--certificate", "lost"), ("--division", "32")):
        assert 2 == register.ask("registry", "list", *wrong).exit_code


def test_the_register_is_shown_as_it_was_known(register: Desk) -> None:
    """Before anything was recorded, nobody was known to be registered, whatever day is asked about."""
    known = ("--known", "2020-01-01", "--effective", "2025-06-01")
    assert [] == register.asked("registry", "list", "--division", "320000", *known)["workers"]
    now = register.asked("registry", "list", "--division", "320000", "--known", "2100-01-01", "--effective", "2025-06-01")
    live = register.asked("registry", "list", "--division", "320000", "--effective", "2025-06-01")
    assert live["workers"] == now["workers"]
    assert 2 == register.ask("registry", "show", "hr:K001", "--known", "2020-01-01").exit_code


def test_a_worker_is_shown_with_steward_certificate_results_and_file(register: Desk) -> None:
    """Steward and territory are those of the standard in force; every row can be read by people, in both languages."""
    shown = register.asked("registry", "show", "hr:K001")
    assert ("320102", "江苏省南京市玄武区") == (shown["steward"], shown["division_title"])
    (certificate,) = shown["certificates"]
    assert ("junior", "valid", "320100", True) == (
        certificate["grade"], certificate["state"], certificate["valid_in"], certificate["holds_here"],
    )  # fmt: skip
    assert [(2025, "failed")] == [(row["year"], row["outcome"]) for row in shown["inspections"]]
    assert [("granted", "concluded")] == [(a["outcome"]["outcome"], a["stage"]) for a in shown["applications"]]
    (reached,) = shown["limits"]
    assert ("inspections_failed", "suspended") == (reached["rule"], reached["then"])
    told = register.told("registry", "show", "hr:K001", lang="zh")
    for part in ("在册", "初级", "有效", "2025 不合格", "达到硬杠杠", "已结束", "授予"):
        assert part in told


def test_before_an_act_the_worker_is_shown_as_it_was(register: Desk) -> None:
    """On the day before the notice ended, the application stood in its notice, and there was no certificate."""
    shown = register.asked("registry", "show", "hr:K001", "--effective", "2025-03-05")
    assert (None, []) == (shown["certificate"], shown["certificates"])
    assert [("public_notice", None)] == [(a["stage"], a["outcome"]) for a in shown["applications"]]
    assert 2 == register.ask("registry", "show", "hr:K001", "--effective", "2020-12-31").exit_code


def test_who_has_reached_a_hard_limit_is_listed_for_the_issuer(register: Desk) -> None:
    """Two-sided, with the clause and what it leads to; before the failed inspection nobody had."""
    (row,) = register.asked("registry", "limits", "--division", "320000", "--effective", "2025-12-02")["limits"]
    assert ("fewer than 1 failed from 2025 to 2025", "failed 2025", "suspended", "2025-12-01", "10.1") == (
        row["required"], row["found"], row["then"], row["since"], row["clause"],
    )  # fmt: skip
    assert [] == register.asked("registry", "limits", "--division", "320000", "--effective", "2025-11-30")["limits"]
    told = register.told("registry", "limits", "--division", "320102", "--effective", "2025-12-02", lang="zh")
    assert "2025至2025年不合格少于1次" in told
    assert "暂停" in told


def test_what_an_inspection_looked_at_is_told(register: Desk) -> None:
    """What was not in order, by the word of its item."""
    rows = register.asked("history", "hr:K001")["facts"]
    assert "the annual inspection of 2025: failed (not in order: posts)" in [row["says"] for row in rows]


def test_nothing_is_published_when_nothing_runs(at_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a broker the command ends with 3."""
    at_desk.worker(1)
    monkeypatch.setattr(personal, "send", REAL_SEND)
    result = at_desk.ask("registry", "rate", "hr:K001", "--year", "2024", "--rating", "competent")
    assert (3, True) == (result.exit_code, "nothing runs" in result.output)
