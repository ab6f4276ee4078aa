"""The allowance, the part-time allowance and the authorisation of work expenses: each decided by itself, side by side."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.allowance import Decision, EntitlementAdjusted, EntitlementDecided
from contracts.policy import PolicyDocument
from eventlog.canonical import digest
from services.allowance.decider import DecisionOnFile, Happened, Recalculate, Worker, decide, evolve, replay
from services.allowance.engine import KnownFact, PolicyInForce, choose_policy, decide_year, instruments_of
from tests.allowance import example
from tests.allowance.test_decider import after, allowance
from tests.allowance.test_engine import (
    RULES,
    WORKER,
    YEAR,
    but,
    documents,
    ends,
    event_id,
    flat,
    histories,
    inspected,
    predicate,
    published,
    rated,
    registered,
    starts,
    unmet,
)

GOLDEN = Path(__file__).parents[1] / "contracts" / "golden" / "allowance.entitlement-decided.v1.json"

MAIN = published(900)
EXPENSES = published(
    901,
    instrument="work_expense",
    document="expenses-1",
    rules=[{"rule": "category", "among": ["instructor"], "clause": "2"}, RULES["engaged"]],
    lines=[flat(500000, name="expenses")],
    settings={"decided_when": "engaged"},
)
INSTRUCTOR = (registered(), starts(2, "2020-03-01", category="instructor"))


def part_time(number: int = 902, within: str | None = None, **changes: Any) -> PolicyInForce:
    """30 yuan a month for whoever holds a post part time; within: not beside the allowance."""
    rules: list[dict[str, Any]] = [RULES["engaged"]]
    if within:
        rules.append({"rule": "without_allowance", "within": within, "clause": "6"})
    kind = {"instrument": "part_time", "document": "part-time-1", "settings": {"decided_when": "engaged"}}
    return published(number, rules=rules, lines=[flat(3000, name="months", period="monthly")], **(kind | changes))


def told(events: Iterable[Any]) -> list[tuple[str, int]]:
    """Instrument and difference of each decision."""
    kinds = EntitlementDecided | EntitlementAdjusted
    return [(event.decision.instrument, event.difference_fen) for event in events if isinstance(event, kinds)]


def decided(facts: Sequence[KnownFact], policies: Sequence[PolicyInForce], instrument: Any = "allowance") -> Decision:
    decision = decide_year(facts, policies, YEAR, instrument)
    assert decision is not None
    return decision


# In the engine ----------------------------------------------------------------------------------------------------------


def test_an_instructor_has_an_authorisation_of_work_expenses_and_no_allowance() -> None:
    facts = (*INSTRUCTOR, rated())
    expenses = decided(facts, [MAIN, EXPENSES], "work_expense")
    assert (expenses.instrument, expenses.decision, expenses.amount_fen) == ("work_expense", "granted", 500000)
    main = decided(facts, [MAIN, EXPENSES])
    assert (main.instrument, main.decision) == ("allowance", "denied")


def test_a_policy_for_another_instrument_decides_nothing_about_those_who_hold_no_post_of_its_categories() -> None:
    """Else every secretary would be refused work expenses each year."""
    assert decide_year(WORKER, [MAIN, EXPENSES], YEAR, "work_expense") is None
    both = but(starts(5, "2021-10-01", "e2", "instructor"))
    assert decided(both, [MAIN, EXPENSES], "work_expense").amount_fen == 500000 * 3 // 12
    assert decide_year(but(starts(5, "2022-01-01", "e2", "instructor")), [EXPENSES], YEAR, "work_expense") is None
    assert decide_year((registered(), rated()), [part_time(settings={})], YEAR, "part_time") is None


def test_policies_of_different_instruments_never_stand_in_for_each_other() -> None:
    later = published(903, instrument="part_time", issued_on="2021-06-01", division="320102")
    assert choose_policy([MAIN, later], "320102", YEAR) == MAIN
    assert choose_policy([MAIN, later], "320102", YEAR, "part_time") == later
    assert choose_policy([MAIN, later], "320102", YEAR, "work_expense") is None
    assert instruments_of([later, MAIN, later]) == ("allowance", "part_time")


def test_beside_each_other_both_are_paid_where_no_rule_forbids_it() -> None:
    assert decided(WORKER, [MAIN]).amount_fen == 120000
    assert decided(WORKER, [MAIN, part_time()], "part_time").amount_fen == 36000


def test_not_beside_the_allowance_its_months_do_not_count() -> None:
    """The allowance is stopped from July on by a failed inspection: from then the part-time allowance is paid."""
    main = published(900, settings={"failed_inspection": "from_next_month"})
    facts = but(inspected("failed", "2021-06-15"))
    decision = decided(facts, [main, part_time(within="month")], "part_time")
    assert decided(facts, [main]).amount_fen == 60000
    assert decision.lines[0].arithmetic == "3000 fen x 6 months = 18000 fen"
    found = predicate(decision, "without_allowance")
    assert (found.required, found.found, found.met) == (
        "months that the allowance does not pay",
        "60000 fen under test-1: 6 months",
        True,
    )
    assert {event_id(3), event_id(50), event_id(60)} <= {used.fact for used in decision.facts}


def test_where_the_allowance_pays_every_month_nothing_is_left() -> None:
    decision = decided(WORKER, [MAIN, part_time(within="month")], "part_time")
    assert (unmet(decision), decision.policy.clause) == (["without_allowance"], "6")


@pytest.mark.parametrize(("main", "granted"), [({}, False), ({"settings": {"leaving": "nothing"}}, True)])
def test_not_in_a_year_in_which_the_allowance_pays_anything(main: dict[str, Any], granted: bool) -> None:
    facts = but(ends(4, "2021-03-31"), starts(5, "2021-04-01", "e2", "instructor"), ends(6, "2021-10-31", "e2"))
    decision = decided(facts, [published(900, **main), part_time(within="year")], "part_time")
    assert (decision.decision == "granted") is granted
    assert predicate(decision, "without_allowance").required == "no allowance for 2021"


def test_an_allowance_of_nothing_or_none_at_all_forbids_nothing() -> None:
    nothing = published(900, lines=[flat(0)])
    for policies in ([part_time(within="month")], [nothing, part_time(within="year")]):
        decision = decided(WORKER, policies, "part_time")
        assert decision.amount_fen == 36000
        assert predicate(decision, "without_allowance").found == "no allowance"


def test_denied_for_another_reason_the_rule_says_what_it_found_all_the_same() -> None:
    rules = [RULES["inspection"], {"rule": "without_allowance", "clause": "6"}, RULES["engaged"]]
    other = part_time(settings={"decided_when": "engaged", "failed_inspection": "from_that_month"})
    eligibility = published(rules=rules).document.eligibility
    policy = PolicyInForce(other.event_id, other.document.model_copy(update={"eligibility": eligibility}))
    facts = but(ends(4, "2021-06-30"), inspected("failed", "2021-01-05"))
    decision = decided(facts, [published(900, rules=[RULES["engaged"]], lines=[flat(12)]), policy], "part_time")
    assert unmet(decision) == ["inspection", "without_allowance"]
    assert predicate(decision, "without_allowance").found == "6 fen under test-1: 6 months"


@settings(max_examples=150, deadline=None)
@given(histories(), documents(), st.sampled_from(["month", "year"]))
def test_no_month_is_paid_twice_where_only_one_may_be(facts: list[KnownFact], main: PolicyDocument, within: str) -> None:
    """And the decision follows from the facts that it lists."""
    plain = {"basic": "zero", "excellent": "listed", "moved": "year_end"}
    one_fen_a_month = published(lines=[flat(12)]).document
    changes = {"settings": main.settings.model_copy(update=plain), "lines": one_fen_a_month.lines, "cap": None}
    document = main.model_copy(update=changes | {"rounding": one_fen_a_month.rounding})
    policies = [PolicyInForce(event_id(900), document), part_time(within=within)]
    first = decide_year(facts, policies, YEAR)
    other = decide_year(facts, policies, YEAR, "part_time")
    if other is None:
        return
    months = 0 if first is None else first.amount_fen
    assert other.amount_fen // 3000 + months <= 12
    assert within == "month" or other.amount_fen == 0 or months == 0
    frozen = [KnownFact(used.fact, used.effective_on, used.particulars) for used in other.facts]
    if other.decision == "granted":
        again = decide_year(frozen, policies, YEAR, "part_time")
        assert again is not None
        assert again.amount_fen == other.amount_fen


# In the decider ---------------------------------------------------------------------------------------------------------


def test_each_instrument_has_decisions_and_adjustments_of_its_own() -> None:
    """The part-time policy comes later: nothing about the allowance is decided anew, and the state keeps both."""
    main, other = example.policy(), part_time(effective={"first_day": "2021-01-01", "last_day": "2021-12-31"})
    events = after(example.registered(), example.engaged(), example.rated(), decider=allowance(main))
    state = replay(events)
    added = decide(Recalculate(example.REF, event_id(902)), state, (main, other))
    assert told(added) == [("part_time", 36000)]
    for event in added:
        state = evolve(state, Happened(event_id(77), example.hear(1, None, ()).effective_on, event))
    assert {key: known.amount_fen for key, known in state.decided.items()} == {
        (2021, "allowance"): 100000,
        (2021, "part_time"): 36000,
    }
    assert decide(Recalculate(example.REF, event_id(903)), state, (main, other)) == ()


def test_a_policy_of_an_instrument_that_is_gone_voids_its_decision_only() -> None:
    main, other = example.policy(), part_time()
    events = after(example.registered(), example.engaged(), example.rated(), decider=allowance(main, other))
    voided = decide(Recalculate(example.REF, event_id(904)), replay(events), (main,))
    assert told(voided) == [("part_time", -36000)]


def test_an_allowance_that_is_granted_late_takes_back_what_was_paid_in_its_stead() -> None:
    """Before the rating there is no allowance, so the part-time allowance is paid; with the rating it is netted."""
    policies = (example.policy(), part_time(within="year"))
    events = after(example.registered(), example.engaged(), decider=allowance(*policies))
    assert told(happened.event for happened in events) == [("part_time", 36000)]
    then = decide(example.rated(), replay(events), policies)
    assert told(then) == [("allowance", 100000), ("part_time", -36000)]


# In the log -------------------------------------------------------------------------------------------------------------


def test_a_decision_recorded_before_there_were_instruments_is_one_about_the_allowance_and_keeps_its_digest() -> None:
    """The field is left out of the JSON where it says what it said all along."""
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert "instrument" not in golden["decision"]
    event = EntitlementDecided.model_validate(golden)
    assert event.decision.instrument == "allowance"
    assert digest(event.decision.payload()) == digest(golden["decision"])
    assert digest(event.payload()) == digest(golden)


def test_another_instrument_is_written_down_and_read_back_also_from_the_part_that_is_kept() -> None:
    expenses = decided((*INSTRUCTOR, rated()), [EXPENSES], "work_expense")
    value = expenses.payload()
    assert value["instrument"] == "work_expense"
    assert Decision.model_validate(value) == expenses
    whole = {"digest": "0", "decision": value}
    kept = msgspec.json.decode(json.dumps(whole), type=DecisionOnFile)
    state = evolve(Worker(), Happened(event_id(5), example.hear(1, None, ()).effective_on, kept))
    assert list(state.decided) == [(2021, "work_expense")]
