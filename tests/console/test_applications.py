"""``hongling registry application``: the five stages as an office goes through them, and where each application stands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.console.desk import Desk, desk


@pytest.fixture
def at_desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk with the example's standard, and worker hr:K001."""
    with desk(tmp_path / "data") as made:
        made.standard()
        made.worker(1)
        yield made


PERSON = "hr:K001"
APPLY = ("--grade", "junior", "--issuer", "320102")


def test_a_review_shows_both_sides_of_every_criterion(at_desk: Desk) -> None:
    """What the registry answers by itself, and what the findings say; a failed review ends the application, with its reason."""
    at_desk.stage("apply", PERSON, "2025-03-03", *APPLY, "--application", "A-1")
    told = at_desk.told(
        "registry", "application", "review", PERSON, "--finding", "trained=10h", "--on", "2025-03-05", lang="zh"
    )
    for part in (
        "任职满1年",
        "满4年",
        "不少于24学时",
        "10学时",
        "无审查结论",
        "不符合",
        "资格审查未通过（不符合：trained、recommended）",
    ):
        assert part in told
    shown = at_desk.asked("registry", "application", "show", PERSON)
    assert ("operator/A-1", "concluded", "rejected", "eligibility_review") == (
        shown["application"], shown["stage"], shown["outcome"]["outcome"], shown["outcome"]["stage"],
    )  # fmt: skip
    assert "not met: trained, recommended" == shown["outcome"]["reason"]


def test_findings_are_points_hours_or_yes_and_no(at_desk: Desk) -> None:
    """Anything else, a criterion given twice, and evidence of nothing, end the command with 2 before anything is sent."""
    at_desk.stage("apply", PERSON, "2025-03-03", *APPLY)
    review = ("registry", "application", "review", PERSON)
    for wrong, says in (
        (("--finding", "trained=many"), "is not CRITERION=VALUE"),
        (("--finding", "trained"), "is not CRITERION=VALUE"),
        (("--finding", "trained=1h", "--finding", "trained=2h"), "is given twice"),
        (("--evidence", f"trained={'0' * 64}"), "belongs to no finding"),
        (("--finding", "ability=101"), "points"),
        (("--finding", "trained=30h", "--evidence", "trained=abc"), "64 hex digits"),
    ):
        result = at_desk.ask(*review, *wrong)
        assert (2, True) == (result.exit_code, says in result.output), result.output
    digest = "a" * 64
    good = ("--finding", "trained=30h", "--evidence", f"trained={digest}", "--finding", "recommended=是")
    (review_,) = at_desk.stage("review", PERSON, "2025-03-05", *good)["happened"]
    evidence = {each["name"]: each["evidence"] for each in review_["criteria"]}
    assert [digest] == evidence["trained"]


def test_a_title_waives_what_the_standard_allows(at_desk: Desk) -> None:
    """The waived criterion counts as met, and says by which clause."""
    at_desk.stage("apply", PERSON, "2025-03-03", *APPLY, "--title", "social_work=junior")
    told = at_desk.told(
        "registry", "application", "review", PERSON, "--finding", "recommended=yes", "--waive", "trained", "--on", "2025-03-05"
    )
    assert "waived (clause 9.1)" in told
    assert "eligibility review passed" in told
    assert "title held: social work, junior" in at_desk.told("registry", "application", "show", PERSON)
    assert 2 == at_desk.ask("registry", "application", "apply", PERSON, *APPLY, "--title", "social_work").exit_code


def test_the_open_application_need_not_be_named(at_desk: Desk) -> None:
    """With none open, the command says so; a step that names its application waits for the stages before it."""
    none = at_desk.ask("registry", "application", "panel", PERSON, "--score", "80")
    assert (2, True) == (none.exit_code, "has no open application" in none.output)
    words = ("registry", "application", "test", PERSON, "--hours", "24", "--score", "80", "--on", "2025-03-10")
    assert "waiting" == at_desk.asked(*words, "--application", "A-9")["outcome"]
    at_desk.stage("apply", PERSON, "2025-03-03", *APPLY, "--application", "A-9")
    at_desk.stage("review", PERSON, "2025-03-05", "--finding", "trained=30h", "--finding", "recommended=yes")
    assert "training_test" == at_desk.asked("registry", "application", "show", PERSON)["stage"]


def test_a_failed_test_may_be_taken_again(at_desk: Desk) -> None:
    """It leaves the application where it was; both are on file."""
    at_desk.stage("apply", PERSON, "2025-03-03", *APPLY)
    at_desk.stage("review", PERSON, "2025-03-05", "--finding", "trained=30h", "--finding", "recommended=yes")
    (failed,) = at_desk.stage("test", PERSON, "2025-03-10", "--hours", "24", "--score", "59")["happened"]
    assert "training test failed (24 of 24 hours, 59 points, pass mark 60)" in failed["says"]
    at_desk.stage("test", PERSON, "2025-03-20", "--hours", "24", "--score", "60")
    shown = at_desk.asked("registry", "application", "show", PERSON)
    assert ("training_test", ["failed", "passed"]) == (shown["stage"], [each["result"] for each in shown["tests"]])


def test_a_panel_that_fails_ends_the_application(at_desk: Desk) -> None:
    """With the mean, and the mark that it missed."""
    at_desk.stage("apply", PERSON, "2025-03-03", *APPLY)
    at_desk.stage("review", PERSON, "2025-03-03", "--finding", "trained=30h", "--finding", "recommended=yes")
    at_desk.stage("test", PERSON, "2025-03-03", "--hours", "24", "--score", "60")
    told = at_desk.told("registry", "application", "panel", PERSON, *("--score", "50") * 2, "--score", "79", lang="zh")
    assert "综合评审未通过（均分59.67，须60）" in told
    assert "结束于综合评审：未授予" in told


def test_an_objection_stops_the_notice_until_it_is_resolved(at_desk: Desk) -> None:
    """The days that were left are counted anew; only then does the certificate come, by itself."""
    at_desk.panel_passed(PERSON)
    (opened,) = at_desk.stage("notice", PERSON, "2025-03-17")["happened"]
    assert "public notice of 3 working days, to 2025-03-20" in opened["says"]
    at_desk.stage("object", PERSON, "2025-03-18", "--grounds", "实绩不实")
    at_desk.keep()
    shown = at_desk.asked("registry", "application", "show", PERSON)
    assert ("public_notice", 1, None, "2025-03-20") == (
        shown["stage"], shown["open_objections"], shown["due_on"], shown["ends_on"],
    )  # fmt: skip
    assert "open): 实绩不实" in at_desk.told("registry", "application", "show", PERSON)
    at_desk.stage("resolve", PERSON, "2025-03-24", "--outcome", "dismissed", "--finding", "查无实据")
    assert "2025-03-26" == at_desk.asked("registry", "application", "show", PERSON)["due_on"]
    at_desk.keep()
    outcome = at_desk.asked("registry", "application", "show", PERSON)["outcome"]
    assert ("granted", "2025-03-27") == (outcome["outcome"], outcome["on"])
    told = at_desk.told("registry", "application", "show", PERSON, lang="zh")
    assert "不成立：查无实据" in told
    assert f"授予证书 {outcome['certificate']}" in told


def test_of_several_objections_the_one_that_is_meant_has_to_be_named(at_desk: Desk) -> None:
    """An upheld one ends the application."""
    at_desk.panel_passed(PERSON)
    at_desk.stage("notice", PERSON, "2025-03-17")
    none = at_desk.ask("registry", "application", "resolve", PERSON, "--outcome", "upheld", "--finding", "属实")
    assert (2, True) == (none.exit_code, "open are: none" in none.output)
    for key in ("O-1", "O-2"):
        at_desk.stage("object", PERSON, "2025-03-18", "--grounds", "实绩不实", "--objection", key)
    words = ("resolve", PERSON, "2025-03-19", "--outcome", "upheld", "--finding", "属实")
    several = at_desk.ask("registry", "application", *words[:2], *words[3:])
    assert (2, True) == (several.exit_code, "operator/O-1, operator/O-2" in several.output)
    at_desk.stage(*words, "--objection", "O-2")
    outcome = at_desk.asked("registry", "application", "show", PERSON)["outcome"]
    assert ("rejected", "an objection was upheld") == (outcome["outcome"], outcome["reason"])


def test_an_applicant_may_give_up(at_desk: Desk) -> None:
    at_desk.stage("apply", PERSON, "2025-03-03", *APPLY)
    at_desk.stage("withdraw", PERSON, "2025-03-04", "--reason", "另有安排")
    outcome = at_desk.asked("registry", "application", "show", PERSON)["outcome"]
    assert ("withdrawn", "另有安排") == (outcome["outcome"], outcome["reason"])
    again = at_desk.ask("registry", "application", "show", PERSON, "--application", "A-404")
    assert (2, True) == (again.exit_code, "has no such application" in again.output)


def test_applications_are_listed_by_stage_and_age_a_page_at_a_time(at_desk: Desk) -> None:
    """Without a stage, all that are open; the end of a page says where the next one begins, over the stages."""
    for number in (2, 3):
        at_desk.worker(number)
        at_desk.stage("apply", f"hr:K00{number}", f"2025-03-0{number}", *APPLY)
    at_desk.panel_passed(PERSON)
    words = ("registry", "application", "list")
    rows = at_desk.asked(*words)["applications"]
    stages = ["application", "application", "panel_review"]
    assert stages == [row["stage"] for row in rows]
    assert sorted(row["since"] for row in rows[:2]) == [row["since"] for row in rows[:2]]
    page = at_desk.asked(*words, "--limit", "1")
    found = list(page["applications"])
    while page["after"] is not None:
        page = at_desk.asked(*words, "--limit", "1", "--after", page["after"])
        found += page["applications"]
    assert rows == found
    assert 1 == len(at_desk.asked(*words, "--stage", "panel_review")["applications"])
    days = rows[0]["days"]
    assert [1, 0] == [
        len(at_desk.asked(*words, "--stage", "application", "--older-than", str(n))["applications"]) for n in (days - 1, days)
    ]
    assert [] == at_desk.asked(*words, "--division", "330000")["applications"]
    told = at_desk.told(*words, lang="zh")
    assert "综合评审" in told
    assert 2 == at_desk.ask(*words, "--stage", "lost").exit_code
    assert 2 == at_desk.ask(*words, "--after", "x").exit_code
