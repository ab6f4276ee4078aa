"""``hongling talent plan|rotation|secondment|training|mentor|policy|problem|responsibility``, typed on real stores."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from typer.testing import CliRunner, Result

from console import publishing, talent_acts
from console.context import Context
from console.publishing import Message
from console.talent import act_message, standard_message
from console.talent_develop import policy_message
from console.talent_development_words import word
from contracts.development_policy import ACTIVITY_KINDS
from contracts.receipts import Receipt
from eventlog import schema
from services.talent.development_policy import check_policy, read_policy
from services.talent.standard import read_standard
from tests.console.intake_support import codes_of, message_of, rows_of
from tests.console.support import Office, command, office
from tests.talent.developing import POLICY_TEXT
from tests.talent.example import FULL, standard_text

POLICY = POLICY_TEXT.replace("division: 320100", "division: 211200").replace("2025-01-01", "2021-01-01")
STANDARD = standard_text(on="2021-01-01", division="211200")
DIVISION = "211224"


class Desk:
    """An office where an operator types. The clock stands at one real moment, as commands stamp with the real time."""

    def __init__(self, made: Office) -> None:
        self.office = made
        self.office.clock.at = datetime.now(UTC)

    async def send(self, ctx: Context, user: str, service: str, message: Message) -> Receipt:
        """What stands in for the way to the broker and back."""
        await asyncio.to_thread(self.office.deliver, message.subject, message.message)
        table = schema.receipt
        with self.office.talent.database.read.connect() as connection:
            query = select(table.c.data).where(table.c.source == user).order_by(table.c.position.desc())
            found = (Receipt.model_validate_json(data) for data in connection.scalars(query))
            return next(receipt for receipt in found if receipt.id == message.message_id)

    def ask(self, *words: str, lang: str = "en") -> Result:
        return CliRunner().invoke(command, ["talent", *words, "--data", str(self.office.folder), "--lang", lang])

    def asked(self, *words: str, code: int = 0) -> Any:
        result = self.ask(*words, "--json")
        assert code == result.exit_code, result.output
        return json.loads(result.stdout)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A standard and a policy; a secretary since March 2021, screened with a gap; another one with a special certificate."""
    with office(tmp_path_factory.mktemp("development")) as office_:
        made = Desk(office_)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(talent_acts, "send", made.send)
            patch.setattr(publishing, "send", made.send)
            at = office_.clock.now()
            for message in (
                standard_message(STANDARD, read_standard(STANDARD), at), policy_message(POLICY, read_policy(POLICY), at),
            ):  # fmt: skip
                office_.deliver(message.subject, message.message)
            ref, _ = office_.register(1), office_.register(2)
            office_.engage(1, effective="2021-03-01")
            certificate = {"person": {"source_key": "K002"}, "number": "C-2", "grade": "special", "issuer": "210000"}
            office_.post("certificate-issued", certificate, effective="2021-01-15", id="cert-2")
            where = {"division": DIVISION, "nominated_by": "reserve_recommended", "ladder": "near-term", "pool": "pool-1"}
            profile = FULL.model_dump(mode="json") | {"competencies": []}
            for fact, more in (("nominated", where), ("profiled", profile), ("screened", {})):
                day = datetime(2021, 2, 1, tzinfo=UTC).date()
                act = act_message(fact, {"person": {"person_ref": ref}, **more}, day, office_.clock.now())
                office_.deliver(act.subject, act.message)
                assert office_.posted("talent", "operator", act.message_id).outcome == "accepted"
            yield made


def test_a_policy_is_checked_at_its_line_and_published_once(desk: Desk, tmp_path: Path) -> None:
    assert check_policy(POLICY_TEXT) == ()
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY.replace("categories: [secretary]", "categories: [secretery]", 1), encoding="utf-8")
    result = CliRunner().invoke(command, ["talent", "policy", "check", str(path), "--lang", "en"])
    assert (result.exit_code, "secretery is not a value of categories" in result.stdout) == (2, True)
    path.write_text(POLICY.replace("months: 60", "") + "\n", encoding="utf-8")
    result = CliRunner().invoke(command, ["talent", "policy", "check", str(path), "--lang", "en", "--json"])
    assert [p["code"] for p in json.loads(result.stdout)["problems"]] == ["missing"]
    path.write_text(POLICY.replace("effective_on: 2021-01-01", "effective_on: 2021-01-01\nrevision: 2"), encoding="utf-8")
    assert desk.asked("policy", "publish", str(path))["outcome"] == "accepted"
    assert desk.asked("policy", "publish", str(path))["repeated"]
    assert [row["revision"] for row in desk.asked("policy", "list")["policies"]] == [1, 2]


def test_a_plan_is_proposed_adopted_and_carried_on(desk: Desk) -> None:
    """From the gaps of the screening to the list of what is overdue."""
    proposed = desk.asked("plan", "propose", "hr:K001", "--on", "2021-03-02")["proposed"]
    assert [(p["criterion"], p["kind"]) for p in proposed][:1] == [("competency_political", "inspection_tour")]
    assert "巡视巡察" in desk.ask("plan", "propose", "hr:K001", "--on", "2021-03-02", lang="zh").stdout
    words = (
        "plan", "adopt", "hr:K001", "--plan", "p-1", "--aim", "补齐短板", "--review", "2021-06-30", "--until", "2021-12-31",
        "--by", "组织部", "--activity", "a-1/training/2021-03-05/2021-05-31/资格培训", "--on", "2021-03-02",
    )  # fmt: skip
    assert desk.asked(*words)["outcome"] == "accepted"
    wrong = [each.replace("a-1/training", "a-1/trainng") for each in words]
    assert "KIND is one of" in desk.ask(*wrong).output
    done = ("plan", "move", "hr:K001", "--plan", "p-1", "--activity", "a-1", "--status", "done", "--on", "2021-05-01")
    refused = desk.asked(*done, code=2)
    assert [p["code"] for p in refused["problems"]] == ["no-evidence"]
    (row,) = desk.asked("plan", "list", "--division", "210000", "--on", "2021-07-01")["plans"]
    assert (row["overdue_activities"], row["review_overdue"]) == (["a-1"], True)
    assert desk.asked(*done, "--note", "结业证在档")["outcome"] == "accepted"
    assert desk.asked("plan", "close", "hr:K001", "--plan", "p-1", "--outcome", "fulfilled", "--on", "2021-12-31")["events"]
    (shown,) = desk.asked("plan", "show", "hr:K001")["plans"]
    assert (shown["status"], [a["status"] for a in shown["activities"]]) == ("fulfilled", ["done"])
    assert "资格培训" in desk.ask("plan", "show", "hr:K001", lang="zh").stdout


def test_who_comes_up_for_rotation_is_listed_until_an_exception(desk: Desk) -> None:
    asked = ("rotation", "list", "--division", DIVISION, "--on", "2025-10-01", "--months", "6")
    (row,) = desk.asked(*asked)["posts"]
    assert (row["due_on"], row["state"], row["engagement"]) == ("2026-02-28", "warning", "hr/K001-e1")
    assert "即将到期" in desk.ask(*asked, lang="zh").stdout
    exempt = ("--engagement", row["engagement"], "--until", "2027-02-28", "--reason", "换届在即", "--on", "2025-10-02")
    assert desk.asked("rotation", "exempt", "hr:K001", *exempt)["outcome"] == "accepted"
    assert desk.asked(*asked)["posts"] == []


def test_secondments_and_mentors_are_listed(desk: Desk) -> None:
    where = ("--unit", "某街道", "--post", "副书记", "--until", "2022-06-30", "--on", "2021-07-01")
    assert desk.asked("secondment", "start", "hr:K001", "--key", "s-1", *where)["outcome"] == "accepted"
    (away,) = desk.asked("secondment", "list", "--division", DIVISION, "--on", "2022-07-01")["secondments"]
    assert (away["real_duties"], away["overdue"]) == (True, True)
    end = ("--key", "s-1", "--outcome", "completed", "--on", "2022-07-02")
    assert desk.asked("secondment", "end", "hr:K001", *end)["outcome"] == "accepted"
    assert desk.asked("secondment", "list", "--division", DIVISION, "--on", "2022-07-03")["secondments"] == []
    teaching = ("--key", "m-1", "--mentor", "hr:K002", "--aim", "带教", "--until", "2022-06-30", "--on", "2021-07-01")
    assert desk.asked("mentor", "assign", "hr:K001", *teaching)["outcome"] == "accepted"
    (mentor,) = desk.asked("mentor", "list", "--division", DIVISION, "--on", "2021-08-01")["mentors"]
    assert (len(mentor["current"]), mentor["over"]) == (1, False)
    over = ("--key", "m-1", "--outcome", "completed", "--on", "2022-06-30")
    assert desk.asked("mentor", "end", "hr:K001", *over)["outcome"] == "accepted"


def test_training_is_recorded_reported_and_seen_in_the_coverage(desk: Desk) -> None:
    course = (
        "c-1",
        "--title",
        "任职培训",
        "--topic",
        "branch-secretary",
        "--level",
        "city",
        "--hours",
        "24",
        "--on",
        "2021-01-01",
    )
    assert desk.asked("training", "course", *course)["outcome"] == "accepted"
    session = ("--course", "c-1", "--division", "211200", "--from", "2021-04-01", "--until", "2021-04-03", "--on", "2021-03-01")
    assert desk.asked("training", "session", "c-1-a", *session)["outcome"] == "accepted"
    duties = ("training", "duties", "--division", DIVISION, "--on", "2021-09-15")
    induction = {row["duty"]: row["state"] for row in desk.asked(*duties)["duties"]}
    assert induction == {"new-secretary": "overdue", "in-term": "due"}
    result = ("--key", "r-1", "--course", "c-1", "--hours", "24", "--outcome", "passed", "--on", "2021-04-03")
    assert desk.asked("training", "report", "hr:K001", *result)["outcome"] == "accepted"
    assert [row["duty"] for row in desk.asked(*duties, "--state", "completed")["duties"]] == ["new-secretary"]
    (unit,) = desk.asked("training", "coverage", "--division", DIVISION, "--on", "2021-09-15")["coverage"]
    assert (unit["due"], unit["completed"], unit["completed_per_myriad"]) == (2, 1, 5000)
    assert "50.00 %" in desk.ask("training", "coverage", "--division", DIVISION, "--on", "2021-09-15").stdout
    (found,) = desk.asked("training", "catalogue")["courses"]
    assert [s["session"] for s in found["sessions"]] == ["operator/c-1-a"]
    time = ("--from", "2021-01-01", "--until", "2021-12-31")
    (hours,) = desk.asked("training", "hours", "--division", DIVISION, *time)["hours"]
    assert (hours["topic"], hours["hours"], hours["people"]) == ("branch-secretary", 24, 1)


def test_a_problem_is_in_the_ledger_from_raised_to_closed(desk: Desk) -> None:
    what = (
        "--division", DIVISION, "--unit", "一村", "--owner", "支部书记", "--found-by", "inspection", "--says", "记录不全",
        "--working-days", "5", "--on", "2024-09-27",
    )  # fmt: skip
    assert desk.asked("problem", "raise", "P-1", *what)["outcome"] == "accepted"
    listed = ("problem", "list", "--division", "210000", "--on", "2024-10-11")
    (row,) = desk.asked(*listed, "--status", "overdue")["problems"]
    assert (row["problem"], row["due_on"], row["days_left"]) == ("operator/P-1", "2024-10-10", -1)
    early = ("--due", "2024-10-31", "--reason", "材料待补", "--by", "督查组", "--on", "2024-10-11")
    assert desk.asked("problem", "extend", "P-1", *early)["outcome"] == "accepted"
    shown = ("--says", "已补齐", "--evidence", "a" * 64, "--on", "2024-10-12")
    assert desk.asked("problem", "evidence", "P-1", *shown)["outcome"] == "accepted"
    assert desk.asked("problem", "return", "P-1", "--reason", "缺签字", "--on", "2024-10-13")["outcome"] == "accepted"
    close = ("problem", "close", "P-1", "--outcome", "rectified", "--by", "督查组", "--on", "2024-11-01")
    assert [p["code"] for p in desk.asked(*close, code=2)["problems"]] == ["no-evidence"]
    assert desk.asked("problem", "evidence", "P-1", "--says", "已签字", *shown[2:4], "--on", "2024-10-14")["events"]
    assert desk.asked(*close)["outcome"] == "accepted"
    (unit,) = desk.asked(*listed, "--by-unit")["units"]
    assert (unit["closed"], unit["late"]) == (1, 1)
    assert "已销号" in desk.ask(*listed, lang="zh").stdout


def test_a_list_is_issued_signed_and_checked_off(desk: Desk) -> None:
    what = (
        "--division", DIVISION, "--unit", "一村", "--signer", "支部书记", "--year", "2024", "--item", "lessons/quarterly/党课",
        "--sign-by", "2024-01-31", "--on", "2024-01-02",
    )  # fmt: skip
    assert desk.asked("responsibility", "issue", "L-1", *what)["outcome"] == "accepted"
    check = ("responsibility", "check", "L-1", "--item", "lessons", "--period", "2024-Q1", "--on", "2024-03-30")
    assert [p["code"] for p in desk.asked(*check, code=2)["problems"]] == ["not-signed"]
    listed = ("responsibility", "list", "--division", DIVISION, "--on", "2024-07-01")
    assert [row["unsigned_overdue"] for row in desk.asked(*listed)["lists"]] == [True]
    assert desk.asked("responsibility", "sign", "L-1", "--on", "2024-02-01")["outcome"] == "accepted"
    assert desk.asked(*check)["outcome"] == "accepted"
    (row,) = desk.asked(*listed)["lists"]
    assert (row["done"], row["overdue"]) == (1, 1)
    assert desk.asked(*listed, "--by-unit")["units"] == [
        {"unit": "一村", "lists": 1, "unsigned": 0, "done": 1, "not_done": 0, "overdue": 1}
    ]
    assert "2024-Q1 完成 (2024-03-30)、2024-Q2 逾期" in desk.ask(*listed, lang="zh").stdout
    assert desk.asked("responsibility", "withdraw", "L-1", "--reason", "撤并", "--on", "2024-08-01")["outcome"] == "accepted"
    assert desk.asked(*listed, "--by-unit")["units"] == []


def test_wrong_use_ends_with_2_and_says_what_to_write(desk: Desk) -> None:
    assert "six digits" in desk.ask("plan", "list", "--division", "3201").output
    assert "not one of" in desk.ask("problem", "list", "--division", DIVISION, "--status", "late").output
    assert "not one of" in desk.ask("training", "coverage", "--division", DIVISION, "--by", "sex").output
    assert desk.ask("plan", "propose", "p" + "0" * 26).exit_code == 2
    assert desk.ask("secondment", "list", "--division", DIVISION, "--on", "tomorrow").exit_code == 2
    told = ("--reason", "见 360426199101010071", "--on", "2024-10-13")
    assert "looks like personal data" in desk.ask("problem", "return", "P-1", *told).output


def test_a_persons_history_tells_their_development_in_words(desk: Desk) -> None:
    """Every kind of event that the tests above have brought about, in both languages."""
    told = [row["says"] for row in desk.asked("show", "hr:K001")["history"]]
    assert {
        "plan p-1 adopted (1 activities)", "plan p-1, a-1: done", "plan p-1 closed: fulfilled",
        "mentorship m-1 ended: completed",
        "exception of rotation until 2027-02-28", "seconded with real duties (某街道, 副书记)", "training c-1: 24 h, passed",
    } <= set(told)  # fmt: skip
    assert not [says for says in told if says.startswith("talent.")]
    assert "制定培养计划 p-1（1 项活动，针对" in desk.ask("show", "hr:K001", lang="zh").stdout


def test_every_kind_of_activity_has_a_word_in_both_languages() -> None:
    assert all(not word("zh", kind).isascii() and word("en", kind).isascii() for kind in ACTIVITY_KINDS)


def test_results_and_problems_are_reported_by_a_sheet(tmp_path: Path) -> None:
    """With Chinese headings and words; what is wrong is told at its line and heading."""
    lines = [
        "人员标识,培训结果编号,课程编号,学时,培训结果,培训日期",
        "p0000000000000000000000000a,r-1,c-1,24,合格,2025-06-10",
        "p0000000000000000000000000a,r-2,c-1,二十四,及格,2025-06-10",
    ]
    first, second = rows_of(tmp_path, "\n".join(lines), "培训结果")
    message = message_of(first)
    assert (first.subject, message["type"]) == ("intake.hr.talent.training-reported", "intake.training-reported.v1")
    assert message["data"] == {
        "person": {"person_ref": "p0000000000000000000000000a"}, "result": "r-1", "course": "c-1", "hours": 24,
        "outcome": "passed",
    }  # fmt: skip
    assert {heading for _, heading, _ in codes_of([second])} == {"学时", "培训结果"}
    heading = "问题编号,单位区划,单位,责任岗位,问题来源,问题内容,整改期限,发现日期"
    (found,) = rows_of(tmp_path, f"{heading}\nP-1,320102,一村,支部书记,审计,记录不全,2025-12-31,2025-12-01", "问题台账")
    assert message_of(found)["data"] == {
        "problem": "P-1", "division": "320102", "unit": "一村", "owner": "支部书记", "found_by": "audit", "says": "记录不全",
        "due_on": "2025-12-31",
    }  # fmt: skip
    course = "课程编号,课程名称,培训主题,培训层级,学时,课程日期\nc-1,任职培训,branch-secretary,市级,24,2025-01-01"
    (described,) = rows_of(tmp_path, course, "培训课程")
    assert (message_of(described)["data"]["topic"], message_of(described)["data"]["level"]) == ("branch-secretary", "city")
