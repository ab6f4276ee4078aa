"""``hongling explain --changes`` and ``--between``: what differs between two decisions, in sentences that add up."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings

from console.differences import difference
from console.reasons import why
from console.words import Words
from contracts.allowance import Decision
from contracts.policy import PolicyDocument
from services.allowance.decider import Decided, void_decision
from services.allowance.engine import KnownFact, decide_year
from tests.allowance.random_years import YEAR, in_force, policies, workers
from tests.console.support import POLICIES, Office, ask, ask_json, office
from tests.console.test_policy_words import decisions

CITY = (POLICIES / "example-city.yaml").read_text(encoding="utf-8")
SECOND = CITY.replace("promotion: by_month ", "promotion: grade_at_year_end ").replace("revision: 1", "revision: 2")
EXPLAIN = ("explain", "hr:K001", "--year", "2021")


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Denied for want of an inspection; granted; rated lower; moved; a new policy; the rating withdrawn. One each month."""
    with office(tmp_path_factory.mktemp("changed")) as made:
        made.publish("example-city")
        made.register(1, division="320102")
        made.engage(1)
        person = {"source_key": "K001"}
        for grade, issuer, day in (("junior", "320102", "2020-03-01"), ("intermediate", "320100", "2021-07-01")):
            data = {"person": person, "number": f"C-{grade}", "grade": grade, "issuer": issuer}
            made.post("certificate-issued", data, effective=day, id=f"cert-{grade}")
        rated = made.at("2022-01-05").rate(1, "excellent")
        inspected = {"person": person, "year": 2021, "outcome": "passed"}
        made.at("2022-02-05").post("inspection-concluded", inspected, effective="2021-11-01", id="inspected")
        made.at("2022-03-05").correct_rating(rated, "competent")
        moved = {"person": person, "key": "t1", "division": "320104"}
        made.at("2022-04-05").post("registration-transferred", moved, effective="2021-10-15", id="moved")
        made.at("2022-05-05").publish(SECOND)
        made.at("2022-06-05").withdraw(rated)
        yield made


def test_each_adjustment_is_told_against_the_decision_before_it(changed: Office) -> None:
    """What changed in the facts, the division, the policy, the conditions, the lines and for the payers."""
    found = ask_json(changed, *EXPLAIN, "--changes")
    told = [each["differs"]["sentences"] for each in found["changes"]]
    assert told[0][:3] == [
        "Granted now, denied before: ¥6,600.00 instead of ¥0.00 (¥6,600.00 more).",
        "Used now: the annual inspection of 2021: passed.",
        'Condition "annual inspection passed" is met now: found now passed on 2021-11-01, before none.',
    ]
    assert told[1] == [
        "The amount is ¥5,400.00 instead of ¥6,600.00 (¥1,200.00 less).",
        "As to the rating for 2021: now competent; before excellent.",
        'Condition "annual rating" is still met: found now competent, before excellent.',
        "extra for the excellent falls away; it was ¥1,200.00 for the year = ¥1,200.00.",
        "To be paid by city budget: ¥1,800.00 instead of ¥3,000.00 (¥1,200.00 less).",
    ]
    assert told[2] == [
        "The amount is the same, ¥5,400.00.",
        "Division 320104 counts for the year now; before it was 320102.",
        "Used now: transfer t1: to division 320104 from 2021-10-15.",
        "To be paid by county budget of 320104: ¥3,600.00 instead of ¥0.00 (¥3,600.00 more).",
        "To be paid by county budget of 320102: ¥0.00 instead of ¥3,600.00 (¥3,600.00 less).",
        "To look at now: moved to 320104 on 2021-10-15: the division held on 2021-12-31 counts for the whole year.",
    ]
    assert told[3][1:3] == [
        "Policy example-city-2021 (revision 2) governs the year now; before it was example-city-2021 (revision 1).",
        "No longer used: certificate C-junior: junior, issued 2020-03-01 by 320102.",
    ]
    assert told[4][:2] == [
        "Denied now, granted before: ¥0.00 instead of ¥6,000.00 (¥6,000.00 less).",
        "Not all that a decision takes stands any more.",
    ]
    assert [each["differs"]["difference_fen"] for each in found["changes"]] == [
        each["difference_fen"] for each in found["changes"]
    ]
    assert found["decided"][0]["decision"] == "denied"


def test_an_official_reads_the_changes_with_what_led_to_each(changed: Office) -> None:
    """Numbered, in Chinese: the cause first, then the differences."""
    lines = ask(changed, *EXPLAIN, "--changes", lang="zh").stdout.splitlines()
    place = next(number for number, line in enumerate(lines) if line.startswith("3. "))
    assert lines[place : place + 6] == [
        "3. 2022-03-05 减少 ¥1,200.00，为 ¥5,400.00，因为2021 年度考核等次由优秀更正为称职 (appraisal/K001-rated-2021-c)",
        "   金额：由 ¥6,600.00 变为 ¥5,400.00（减少 ¥1,200.00）。",
        "   2021 年度考核等次：现为称职，原为优秀。",
        "   “年度考核等次”仍符合：现为称职，原为优秀。",
        "   优秀奖励不再发放，原为 ¥1,200.00（全年） = ¥1,200.00。",
        "   市财政负担由 ¥3,000.00 变为 ¥1,800.00（减少 ¥1,200.00）。",
    ]


def test_any_two_decisions_can_be_compared_by_number_or_event_id(changed: Office) -> None:
    """In either order; what came between them is told with what led to it."""
    history = ask_json(changed, *EXPLAIN)["history"]
    by_number = ask_json(changed, *EXPLAIN, "--between", "4", "2")
    by_id = ask_json(changed, *EXPLAIN, "--between", history[1]["event_id"], history[3]["event_id"])
    assert by_number == by_id
    assert (by_number["first"], by_number["second"]) == (history[1], history[3])
    assert by_number["steps"] == history[2:4]
    assert by_number["differs"]["difference_fen"] == sum(row["difference_fen"] for row in history[2:4]) == -120_000
    text = ask(changed, *EXPLAIN, "--between", "4", "2").stdout
    assert "What differs between the decisions of 2022-02-05 and 2022-04-05" in text
    assert "because the rating for 2021 was corrected from excellent to competent" in text


def test_the_changes_as_known_on_a_day_are_those_until_then(changed: Office) -> None:
    """In April nobody knew of the new policy; before the first decision nothing was decided."""
    now, then = (ask_json(changed, *EXPLAIN, "--changes", *known) for known in ((), ("--known", "2022-04-30")))
    assert then["changes"] == now["changes"][:3]
    assert ask_json(changed, *EXPLAIN, "--changes", "--known", "2022-01-04")["decision"] == "undecided"
    first = ask(changed, *EXPLAIN, "--changes", "--known", "2022-01-31").stdout
    assert "Nothing has changed since." in first


@pytest.mark.parametrize("named", [("2", "7"), ("0", "1"), ("2", "2"), ("yesterday", "1")])
def test_what_is_no_pair_of_decisions_is_wrong_input(changed: Office, named: tuple[str, str]) -> None:
    """Exit code 2, and which decisions there are."""
    result = ask(changed, *EXPLAIN, "--between", *named)
    assert (result.exit_code, result.stdout) == (2, "")
    assert ("write a number or an event id of: 1 (" in result.stderr) != (named == ("2", "2"))


def test_why_not_names_what_is_not_met_and_why_everything(changed: Office) -> None:
    """Whole sentences, first of all, in both languages."""
    denied = ask_json(changed, *EXPLAIN, "--known", "2022-01-31")
    assert denied["why"] == [
        "Clause 4.4 requires that the annual inspection is in order (passed), but none was concluded for the year."
    ]
    text = ask(changed, *EXPLAIN, "--known", "2022-03-31", lang="zh").stdout
    for sentence in (
        "为何发放",
        "职务类别为党组织书记，符合第4.1条（党组织书记、专职党务工作者）。",
        "年度考核等次为称职，符合第4.5条（称职及以上）。",
        "2021 年共 ¥5,400.00，由 市财政 ¥1,800.00、县财政 ¥3,600.00 负担。",
    ):
        assert sentence in text


# Over the decisions of the policies on file, and over random ones --------------------------------------------------------


def plain(text: str, document: PolicyDocument) -> str:
    """Without what is data: the documents' numbers, units and posts, reasons."""
    return re.sub(r"unit 7|，post，|（a reason）|level_\d|示\w党〔2022〕\d号", "", text.replace(document.document, ""))


def test_no_sentence_is_left_in_the_other_language() -> None:
    """Why and why not for every case worked out by hand, and the differences of every two of them."""
    cases = decisions()
    for document, decision in cases:
        for sentence in why(Words("zh", document), decision.payload() | {"instrument": decision.instrument}):
            assert not re.search(r"[A-Za-z]{2,}", plain(sentence, document)), sentence
            assert sentence.endswith("。")
        for sentence in why(Words("en", document), decision.payload() | {"instrument": decision.instrument}):
            assert re.sub("[¥×]", "", plain(sentence, document)).isascii(), sentence
            assert sentence.endswith(".")
    for (document, before), (other, after) in permutations(cases, 2):
        if document != other:
            continue
        for sentence in difference(before, after, Words("zh", document), Words("zh", document))["sentences"]:
            assert not re.search(r"[A-Za-z]{2,}", plain(sentence, document)), sentence
            assert sentence.endswith("。")
        for sentence in difference(before, after, Words("en", document), Words("en", document))["sentences"]:
            assert " fen" not in sentence
            assert sentence.endswith(".")


def differ(before: Decision, after: Decision, document: PolicyDocument) -> dict[str, Any]:
    words = Words("en", document)
    found = difference(before, after, words, words)
    assert json.loads(json.dumps(found)) == found
    return found


@settings(max_examples=60, deadline=None)
@given(workers(), workers(), policies())
def test_the_differences_add_up_and_lead_from_one_decision_to_the_other(
    facts: list[KnownFact], others: list[KnownFact], document: PolicyDocument
) -> None:
    """Lines and payers each add up to the whole; applied to the earlier decision they give the later one; there and back."""
    before, after = (decide_year(each, [in_force(document)], YEAR) for each in (facts, others))
    if before is None or after is None:
        return
    found = differ(before, after, document)
    whole = after.amount_fen - before.amount_fen
    assert found["difference_fen"] == whole
    assert sum(each["difference_fen"] for each in found["lines"]) == whole
    assert sum(each["difference_fen"] for each in found["payers"]) == whole
    paid = {each.payer: each.amount_fen for each in before.payers}
    paid |= {each["payer"]: each["after_fen"] for each in found["payers"]}
    assert {payer: fen for payer, fen in paid.items() if fen} == {each.payer: each.amount_fen for each in after.payers}
    used = {fact.fact for fact in before.facts} - {each["before"] for each in found["facts"]}
    assert used | {each["after"] for each in found["facts"]} - {None} == {fact.fact for fact in after.facts}
    back = differ(after, before, document)
    assert len(back["sentences"]) == len(found["sentences"])
    assert len(differ(before, before, document)["sentences"]) == 1


def test_a_year_that_can_be_decided_again_names_only_what_is_not_met() -> None:
    """Void, then decided: the conditions were not judged in between, so those that are met are no news."""
    document, denied = next(each for each in decisions() if each[1].decision == "denied" and len(each[1].predicates) > 2)
    last = Decided("e", "d", denied.amount_fen, {}, denied.division, denied.policy)
    void = void_decision(denied.year, last, denied.instrument)
    found = differ(void, denied, document)
    unmet = [each.name for each in denied.predicates if not each.met]
    assert [each["name"] for each in found["conditions"]] == ["decidable", *unmet]
    assert "The year can be decided again." in found["sentences"]
    assert differ(denied, void, document)["sentences"] == [
        "Denied, as before.",
        "Not all that a decision takes stands any more.",
        *[f"No longer to look at: {Words('en', document).warning(text)}." for text in denied.warnings],
    ]
