"""``hongling explain``: a decision in sentences that an official can check, and what is missing where there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from console.explain import explanation, read_file
from console.people import Known
from console.words import Words, safe, yuan
from contracts.particulars import (
    CertificateChange,
    CheckedItem,
    InspectionResult,
    Particulars,
    Recognition,
    RegistrationStatus,
    Transfer,
)
from contracts.registry import PersonMerged, Standing
from eventlog.database import Database
from services.allowance.decider import Hear
from services.allowance.policy import read_policy
from tests.allowance.bench import AllowanceBench
from tests.allowance.example import (
    REF,
    certified,
    changed,
    closed,
    engaged,
    hear,
    moved,
    policy_text,
    rated,
    registered,
    reopened,
)
from tests.console.support import POLICIES, Office, ask, ask_json, office
from tests.telling import as_told


@pytest.fixture
def changtu(tmp_path: Path) -> Iterator[Office]:
    """Changtu county's policy is published; K001 is registered and engaged."""
    with office(tmp_path) as made:
        made.publish("changtu-2021")
        made.register(1)
        made.engage(1)
        yield made


def test_yuan_are_written_from_integers() -> None:
    """Fen never go through a float: the largest amount keeps its last fen."""
    texts = [yuan(7_920_000), yuan(5), yuan(-120_000), yuan(0), yuan(2**53 - 1)]
    assert texts == ["¥79,200.00", "¥0.05", "-¥1,200.00", "¥0.00", "¥90,071,992,547,409.91"]


def test_what_comes_from_data_cannot_steer_a_terminal() -> None:
    """Escape sequences, turned text and markup of a unit's name are shown, not obeyed."""
    assert safe("\x1b[31m\u202e[red]村") == "\ufffd[31m\ufffd\\[red]村"


def test_a_grant_is_explained_from_the_facts_to_the_payers(changtu: Office) -> None:
    """The JSON holds each predicate two-sided, the arithmetic, who pays, the policy, and where each fact came from."""
    rated = changtu.at("2022-01-05").rate(1, "excellent")
    found = ask_json(changtu, "explain", "hr:K001", "--year", "2021")
    assert (found["decision"], found["amount_fen"], found["difference_fen"]) == ("granted", 360_000, 360_000)
    rating = found["predicates"][1]
    assert tuple(rating[n] for n in ("name", "required", "found", "met")) == ("rating", "good or above", "excellent", True)
    assert [rated.event_id] == rating["facts"]
    assert found["payers"] == [{"payer": "county", "amount_fen": 360_000}]
    assert found["policy"]["document"] == "changtu-2021"
    used = {fact["kind"]: (fact["source"], fact["message_id"]) for fact in found["facts"]}
    assert used == {
        "registration": ("hr", "K001-registered"),
        "engagement-start": ("hr", "K001-engaged"),
        "rating": ("appraisal", "K001-rated-2021"),
    }
    assert rated.event_id == found["history"][0]["because"]


def test_a_correction_is_told_with_what_it_changed(changtu: Office) -> None:
    """The chain says when, by how much and why, down to the message that corrected the rating."""
    rated = changtu.at("2022-01-05").rate(1, "excellent")
    changtu.at("2025-03-02").correct_rating(rated, "good")
    found = ask_json(changtu, "explain", "hr:K001", "--year", "2021")
    assert [row["difference_fen"] for row in found["history"]] == [360_000, -120_000]
    assert found["history"][0]["event_id"] == found["supersedes"]
    text = ask(changtu, "explain", "hr:K001", "--year", "2021").stdout
    assert "Granted ¥2,400.00 for 2021 under changtu-2021, clause unnumbered (amounts)" in text
    expected = (
        "On 2025-03-02 lowered by ¥1,200.00 to ¥2,400.00 because the rating for 2021 was corrected from excellent to good "
        "(appraisal/K001-rated-2021-c)"
    )
    assert expected in text


def test_the_answer_can_be_asked_as_it_was_known(changtu: Office) -> None:
    """Before the correction was recorded, the first decision held; before any fact, nothing was known."""
    rated = changtu.at("2022-01-05").rate(1, "excellent")
    changtu.at("2025-03-02").correct_rating(rated, "good")
    amounts = {}
    for day in ("2022-01-04", "2022-01-05", "2025-03-01", "2025-03-02"):
        amounts[day] = ask_json(changtu, "explain", "hr:K001", "--year", "2021", "--known", day)["amount_fen"]
    assert amounts == {"2022-01-04": 0, "2022-01-05": 360_000, "2025-03-01": 360_000, "2025-03-02": 240_000}
    moment = ask_json(changtu, "explain", "hr:K001", "--year", "2021", "--known", "2025-03-02T11:59:00+08:00")
    assert moment["amount_fen"] == 360_000


def test_a_withdrawn_rating_takes_the_grant_back(changtu: Office) -> None:
    """Nothing is left to decide on: the year is denied, and the text says that the rating was withdrawn."""
    changtu.withdraw(changtu.rate(1, "excellent"))
    found = ask_json(changtu, "explain", "hr:K001", "--year", "2021")
    assert (found["decision"], found["amount_fen"], found["difference_fen"]) == ("denied", 0, -360_000)
    assert "the rating for 2021 (excellent) was withdrawn" in found["history"][-1]["cause"]
    assert "✗ 可以作出决定" in ask(changtu, "explain", "hr:K001", "--year", "2021", lang="zh").stdout


def test_a_denial_names_the_condition_that_is_not_met(changtu: Office) -> None:
    """Each predicate has a line of its own, with its mark."""
    changtu.rate(1, "competent")
    text = ask(changtu, "explain", "hr:K001", "--year", "2021").stdout
    assert "Denied for 2021 under changtu-2021, clause unnumbered (ratings)" in text
    assert "✓ engaged in the year: required engaged in 2021; found since 2021-01-01: 12 months" in text
    assert "✗ annual rating: required good or above; found competent" in text


def test_officials_read_it_in_chinese(changtu: Office) -> None:
    """Predicates, ratings and payers stand in the policy's own words."""
    changtu.rate(1, "good")
    text = ask(changtu, "explain", "hr:K001", "--year", "2021", lang="zh").stdout
    for part in ("2021 年发放 ¥2,400.00", "✓ 年度考核等次：要求 良好及以上；实际 良好", "县财政 ¥2,400.00", "党组织书记"):
        assert part in text


def test_what_is_missing_is_said_where_nothing_was_decided(tmp_path: Path) -> None:
    """No policy for the division, then no rating for the year: undecided, not denied, and not an error."""
    with office(tmp_path) as made:
        made.register(1)
        first = ask_json(made, "explain", "hr:K001", "--year", "2021")
        made.publish("changtu-2021")
        second = ask_json(made, "explain", "hr:K001", "--year", "2021")
        missing = [[each["what"] for each in found["missing"]] for found in (first, second)]
        assert (first["decision"], first["amount_fen"], missing) == ("undecided", 0, [["policy"], ["rating"]])
        assert "Nothing was decided for 2021: no rating for 2021." in ask(made, "explain", "hr:K001", "--year", "2021").stdout


def test_a_fact_that_allowance_has_not_heard_yet_is_no_denial(changtu: Office) -> None:
    """The registry knows the worker, allowance nothing: the answer says so."""
    data = {"division": "211224", "person": {"identity": changtu.sealed(2), "source_key": "K002"}}
    changtu.post("worker-registered", data, effective="2021-01-01", id="not-carried", carry=False)
    found = ask_json(changtu, "explain", "hr:K002", "--year", "2021")
    assert (found["decision"], [each["what"] for each in found["missing"]]) == ("undecided", ["registration"])
    assert "allowance had heard no fact" in found["missing"][0]["text"]


@pytest.mark.parametrize("person", ["hr:K999", "training:K001", "p" + "0" * 26, "K001", "hr:", "320102196001011234"])
def test_an_unknown_person_is_wrong_input(changtu: Office, person: str) -> None:
    """Exit code 2 with a remedy, and nothing on standard output."""
    result = ask(changtu, "explain", person, "--year", "2021", "--json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "hr:K001" in result.stderr or "check source and key" in result.stderr


@pytest.mark.parametrize("option", [("--known", "yesterday"), ("--known", "2021-02-30"), ("--year", "1899")])
def test_an_impossible_time_is_wrong_input(changtu: Office, option: tuple[str, str]) -> None:
    """A day or a year that cannot be ends with 2."""
    assert ask(changtu, "explain", "hr:K001", "--year", "2021", *option).exit_code == 2


def test_the_city_policy_is_explained_with_grades_and_shares(tmp_path: Path) -> None:
    """Several lines, a promotion in mid-year and two payers; all texts of the engine turn into Chinese."""
    with office(tmp_path) as made:
        made.publish("example-city")
        made.register(1, division="320102")
        made.engage(1)
        person = {"source_key": "K001"}
        for grade, issuer, day in (("junior", "320102", "2020-03-01"), ("intermediate", "320100", "2021-07-01")):
            data = {"person": person, "number": f"C-{grade}", "grade": grade, "issuer": issuer}
            made.post("certificate-issued", data, effective=day, id=f"cert-{grade}")
        inspected = {"person": person, "year": 2021, "outcome": "passed"}
        made.post("inspection-concluded", inspected, effective="2021-11-01", id="inspected")
        made.rate(1, "excellent")
        found = ask_json(made, "explain", "hr:K001", "--year", "2021")
        assert (found["decision"], found["amount_fen"]) == ("granted", 660_000)
        assert found["amount_fen"] == sum(payer["amount_fen"] for payer in found["payers"])
        text = ask(made, "explain", "hr:K001", "--year", "2021", lang="zh").stdout
        for part in (
            "✓ 持有有效资格证书：要求 2021年持有；"
            "实际 初级（2020-03-01取得），2021-07-01被新证书取代，其后中级（2021-07-01取得）（第4.3条）",
            "红领津贴：¥2,400.00 × 6/12 + ¥3,600.00 × 6/12 = ¥3,000.00（第5.1条，金额为示例）",
            "专职书记岗位补贴：¥200.00 × 12个月 = ¥2,400.00",
            "✓ 年检合格：要求 合格；实际 合格（2021-11-01）",
        ):
            assert part in text


def test_the_engines_english_leaves_no_word_untranslated() -> None:
    """What the engine can say about conditions, sums and warnings has a Chinese form."""
    words = Words("zh", read_policy((POLICIES / "example-city.yaml").read_text(encoding="utf-8")))
    texts = [
        words.condition("category", "secretary or recruited"),
        words.condition("category", "no post"),
        words.condition("engaged", "engaged to the end of 2021"),
        words.condition("engaged", "2020-01-01 to 2021-06-30; since 2021-08-01, left on 2021-09-01: 8 months"),
        words.condition("engaged", "ended before it began"),
        words.condition("certificate", "senior of 2020-01-01, valid to 2021-05-01, then special of 2021-05-02"),
        words.condition("rating", "competent or above, or basic for 60 percent, by 2022-12-31"),
        words.condition("rating", "basic on 2022-01-05"),
        words.condition("inspection", "passed, or months before a failure stops them"),
        words.condition("inspection", "failed on 2021-06-01: 6 months stopped"),
        words.condition("not_civil_servant", "not a civil servant"),
        words.condition("full_time", "part time"),
        words.arithmetic("(100 fen x 5/12 months + 7 fen x 1 month) x 60/100 = 3 fen (rounded half up to jiao)"),
        words.arithmetic("100 fen for the year = 100 fen, the cap of clause 5.4 leaves 50 fen"),
        words.condition("engaged", "2019-01-01 to 2021-06-30, registration closed after 2021-06-30: 6 months"),
        words.condition("engaged", "since 2021-09-15, registration closed after 2021-06-30, reopened on 2021-09-15: 3 months"),
        words.condition("engaged", "none, registration closed after 2020-12-31"),
        words.condition("certificate", "senior of 2020-01-01, suspended since 2021-04-01, reinstated on 2021-07-01"),
        words.condition("certificate", "senior of 2020-01-01, valid to 2024-01-01, downgraded to junior on 2021-04-01"),
        words.condition("certificate", "senior of 2020-01-01, superseded on 2021-04-01, then special of 2021-04-01"),
        words.condition("certificate", "junior of 2020-01-01, revoked on 2021-04-01"),
        words.warning("two different posts in 3 months: the higher one counts"),
        words.warning("moved to 320105 on 2021-03-01: the division held on 2021-12-31 counts for the whole year"),
        words.warning("the policy is in effect for a part of the year only; it was applied to all of it"),
    ]
    assert [text for text in texts if any("a" <= letter <= "z" for letter in text)] == []


# --- certificates and registrations that change ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("says", "en", "zh"),
    [
        (
            Transfer(key="T1", division="320104", serving_unit="三社区"),
            "transfer T1: to division 320104, serving unit 三社区 from 2021-06-15",
            "转接 T1：自 2021-06-15 起转至区划 320104，服务单位 三社区",
        ),
        (
            RegistrationStatus(key="S1", status="closed", reason="retired"),
            "the closing S1 of the registration: last day 2021-06-15 (retired)",
            "注册登记的注销 S1：登记至 2021-06-15 止（退休）",
        ),
        (
            RegistrationStatus(key="S2", status="reopened", reason="returned"),
            "the reopening S2 of the registration: open again from 2021-06-15 (returned)",
            "注册登记的恢复 S2：自 2021-06-15 起恢复（重新上岗）",
        ),
        (
            CertificateChange(key="K1", number="C1", change="suspended", reason="under inquiry"),
            "the change K1 of certificate C1: suspended from 2021-06-15 (under inquiry)",
            "资格证书 C1 的变更 K1：自 2021-06-15 起暂停（under inquiry）",
        ),
        (
            CertificateChange(key="K2", number="C1", change="downgraded", grade="junior", reason="two failed inspections"),
            "the change K2 of certificate C1: downgraded to junior from 2021-06-15 (two failed inspections)",
            "资格证书 C1 的变更 K2：自 2021-06-15 起降级为初级（two failed inspections）",
        ),
        (
            Recognition(number="C1", division="320500"),
            "the recognition of certificate C1 in 320500: valid there from 2021-06-15",
            "资格证书 C1 在 320500 的认可：自 2021-06-15 起有效",
        ),
        (
            InspectionResult(
                year=2021,
                outcome="failed",
                checked=(CheckedItem(item="file", in_order=True), CheckedItem(item="duty", in_order=False)),
            ),
            "the annual inspection of 2021: failed (not in order: duty)",
            "2021 年年检：不合格（不符：duty）",
        ),
    ],
    ids=["transfer", "closed", "reopened", "suspended", "downgraded", "recognised", "inspected"],
)
def test_every_kind_of_fact_is_told_in_both_languages(says: Particulars, en: str, zh: str) -> None:
    assert [Words(lang).fact(says, date(2021, 6, 15)) for lang in ("en", "zh")] == [en, zh]


@pytest.mark.parametrize("change", ["suspended", "reinstated", "downgraded", "revoked", "superseded"])
def test_every_change_of_a_certificate_has_a_chinese_word(change: Any) -> None:
    assert not Words("zh").word("change", change).isascii()


@pytest.mark.parametrize("reason", ["left", "retired", "died", "moved_away", "mistake", "returned", "other"])
def test_every_reason_of_a_closing_has_a_chinese_word(reason: str) -> None:
    assert not Words("zh").word("reason", reason).isascii()


Explains = Callable[..., dict[str, Any]]


@pytest.fixture
def explains(sqlite_url: str, open_database: Callable[[str], Database]) -> Explains:
    """What is answered about 2021 after allowance has heard these, under a policy that asks for a certificate."""
    bench = AllowanceBench(open_database(sqlite_url))
    bench.publish(policy_text(certificate=True))

    def explained(*commands: Hear, lang: str = "en", year: int = 2021) -> dict[str, Any]:
        bench.hear(*as_told(commands))
        with bench.log.database.read.connect() as connection:
            return explanation(read_file(bench.log, connection, REF, Known(None)), year, lang)

    return explained


FILE = (registered(), engaged(), certified(), rated())


def test_a_suspension_is_the_cause_of_the_adjustment_and_among_its_facts(explains: Explains) -> None:
    found = explains(*FILE, changed(20, "suspended", "2021-04-01"))
    assert [row["difference_fen"] for row in found["history"]] == [100_000, -75_000]
    assert found["history"][1]["cause"] == "the change k20 of certificate c1 was recorded: suspended from 2021-04-01 (made up)"
    assert "the change k20 of certificate c1: suspended from 2021-04-01 (made up)" in [fact["says"] for fact in found["facts"]]
    certificate = next(each for each in found["predicates"] if each["name"] == "certificate")
    assert certificate["found"] == "junior of 2020-06-01, suspended since 2021-04-01"


def test_a_closed_registration_is_explained(explains: Explains) -> None:
    found = explains(*FILE, closed(20, "2021-03-31"), reopened(21, "2021-10-01"), lang="zh")
    assert [row["difference_fen"] for row in found["history"]] == [100_000, -75_000, 25_000]
    assert [row["cause"] for row in found["history"][1:]] == [
        "登记了 注册登记的注销 s20：登记至 2021-03-31 止（离开岗位）",
        "登记了 注册登记的恢复 s21：自 2021-10-01 起恢复（重新上岗）",
    ]


def test_a_transfer_is_explained_with_its_warning(explains: Explains) -> None:
    found = explains(*FILE, moved(20, "2021-06-15"))
    assert (found["division"], found["payers"]) == ("320104", [{"payer": "county", "amount_fen": 100_000}])
    assert found["warnings"] == ["moved to 320104 on 2021-06-15: the division held on 2021-12-31 counts for the whole year"]
    assert found["history"][1]["cause"] == "transfer t20 was recorded: to division 320104 from 2021-06-15"


def test_where_no_policy_holds_after_a_move_the_answer_names_the_new_division(explains: Explains) -> None:
    found = explains(registered(), engaged(), moved(20, "2021-06-15", "330102"), rated())
    assert [each["text"] for each in found["missing"]] == ["no policy for division 330102 and 2021"]


def test_a_file_that_was_merged_says_so(explains: Explains) -> None:
    slots = [command.standings[0].slot for command in FILE]
    merged = replace(hear(30, None, [Standing(slot=slot, fact=None) for slot in slots]), heard_type=PersonMerged.TYPE)
    found = explains(*FILE, merged)
    assert (found["amount_fen"], found["history"][-1]["cause"]) == (
        0,
        "the file was merged into another one of the same person",
    )
