"""The engine against an independent oracle: the same rules written once more, slowly and plainly, day by day."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.policy import Instrument, PolicyDocument
from services.allowance.columns import columns_of
from services.allowance.engine import KnownFact, decide_year
from services.allowance.evaluation import DENIED, GRANTED, UNDECIDED, evaluate
from services.allowance.policy_check import findings_of_sense
from tests.allowance.oracle import Answer, answer
from tests.allowance.random_years import YEAR, in_force, policies, workers


def of_the_engine(
    facts: Sequence[KnownFact], documents: Sequence[PolicyDocument], instrument: Instrument = "allowance"
) -> Answer | None:
    """The engine's decision, in the oracle's words."""
    published = [in_force(document, 900 + number) for number, document in enumerate(documents)]
    decision = decide_year(facts, published, YEAR, instrument)
    if decision is None:
        return None
    return Answer(
        granted=decision.decision == "granted",
        amount_fen=decision.amount_fen,
        lines={line.name: line.amount_fen for line in decision.lines},
        payers={each.payer: each.amount_fen for each in decision.payers},
        division=decision.division,
    )


@settings(max_examples=60, deadline=None)
@given(policies(), policies("part_time"), policies("work_expense"))
def test_the_policies_drawn_are_such_as_the_checker_lets_pass(
    allowance: PolicyDocument, part_time: PolicyDocument, expenses: PolicyDocument
) -> None:
    """Else the property tests would hold engine and oracle against each other on what can never be published."""
    for document in (allowance, part_time, expenses):
        assert [each for each in findings_of_sense(document) if each.severity == "error"] == []


@settings(max_examples=400, deadline=None)
@given(workers(), policies(), policies())
def test_the_oracle_agrees_on_any_worker_under_any_policy(
    facts: list[KnownFact], document: PolicyDocument, other: PolicyDocument
) -> None:
    """What is granted, each line, each payer, and the division: under every setting there is."""
    assert of_the_engine(facts, [document, other]) == answer(facts, [document, other], YEAR)


@settings(max_examples=150, deadline=None)
@given(workers(), policies(), policies("part_time"))
def test_the_oracle_agrees_on_an_instrument_beside_the_allowance(
    facts: list[KnownFact], allowance: PolicyDocument, other: PolicyDocument
) -> None:
    documents = [allowance, other]
    assert of_the_engine(facts, documents, "part_time") == answer(facts, documents, YEAR, "part_time")


@settings(max_examples=80, deadline=None)
@given(st.lists(workers(), min_size=1, max_size=6), policies(), policies())
def test_the_oracle_agrees_on_everybody_at_once(
    files: list[list[KnownFact]], document: PolicyDocument, other: PolicyDocument
) -> None:
    """From columns: the outcome, the amount and each payer."""
    published = [in_force(each, 900 + number) for number, each in enumerate((document, other))]
    results = evaluate(columns_of(files, YEAR), published, YEAR)
    for person, facts in enumerate(files):
        found = answer(facts, [document, other], YEAR)
        outcome = UNDECIDED if found is None else GRANTED if found.granted else DENIED
        assert results.decisions[person] == outcome
        assert int(results.amounts_fen[person]) == (found.amount_fen if found else 0)
        payers = {name: int(fen[person]) for name, fen in results.payers.items() if fen[person]}
        assert payers == (found.payers if found else {})
