"""Whose matter a fact is comes before when it was recorded: a source without authority cannot stand against one with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given as any_of
from hypothesis import settings
from hypothesis import strategies as st

from contracts.particulars import InspectionResult, Particulars, RatingResult
from contracts.registry import AnnualRatingRecorded, FactOrigin
from eventlog.bounds import SourceBounds, authority_of
from eventlog.database import Database
from eventlog.decider import fold
from eventlog.desk import Item
from services.registry.decider import Command, Correct, Happened, Rules, Withdraw, Worker, decider, leaves_of
from services.registry.decider.facts import outranked
from tests.registry.example import correct, ids, record, registered, withdraw
from tests.support import NOW, RegistryBench

BOUNDS = {"appraisal": SourceBounds(authority=frozenset({"rating"})), "training": SourceBounds(facts=None)}
RULES = Rules(authority=authority_of(BOUNDS))
REGISTRY = decider(RULES)
GOOD, POOR = RatingResult(year=2024, rating="excellent"), RatingResult(year=2024, rating="basic")
PASSED, FAILED = InspectionResult(year=2024, outcome="passed"), InspectionResult(year=2024, outcome="failed")


def file_of(commands: Iterable[Command]) -> Worker:
    events: list[Happened] = []
    for command in commands:
        events += REGISTRY.decide(command, fold(REGISTRY, events))
    return fold(REGISTRY, events)


def stands(state: Worker, slot: str = "rating/2024") -> str | None:
    return state.standing[slot][0]


# --- the rule -----------------------------------------------------------------------------------------------------------


def test_the_rating_of_who_has_the_authority_stands_against_a_later_one() -> None:
    """Whichever came first; the other is kept, and listed as a conflict."""
    facts = (record(2, GOOD, source="appraisal", minute=1), record(3, POOR, source="training", minute=9))
    for order in (facts, facts[::-1]):
        state = file_of([registered(), *order])
        assert state.standing["rating/2024"] == (ids(2)[0], (ids(3)[0],))
        assert outranked(ids(3)[0], state)
        assert not outranked(ids(2)[0], state)


def test_authority_is_for_a_kind_of_fact() -> None:
    """Of an inspection the appraisal office knows as much as anybody: the later recorded one stands."""
    state = file_of(
        [registered(), record(2, PASSED, source="appraisal", minute=1), record(3, FAILED, source="training", minute=9)]
    )
    assert stands(state, "inspection/2024") == ids(3)[0]


def test_without_a_rival_a_fact_needs_no_authority() -> None:
    """A training system's rating stands until the appraisal office says something else, and again once that is withdrawn."""
    alone = [registered(), record(2, POOR, source="training", minute=9)]
    assert stands(file_of(alone)) == ids(2)[0]
    contradicted = [*alone, record(3, GOOD, source="appraisal", minute=1)]
    assert stands(file_of(contradicted)) == ids(3)[0]
    assert stands(file_of([*contradicted, withdraw(4, 3, source="appraisal", minute=2)])) == ids(2)[0]


def test_a_correction_has_at_least_the_authority_of_what_it_corrects() -> None:
    """An operator's correction of the appraisal office's rating stands in its place; that of another fact gains nothing."""
    facts = [registered(), record(2, GOOD, source="appraisal", minute=1), record(3, POOR, source="training", minute=9)]
    better = RatingResult(year=2024, rating="competent")
    assert stands(file_of([*facts, correct(4, 2, better, source="operator", minute=2)])) == ids(4)[0]
    assert stands(file_of([*facts, correct(4, 3, better, source="operator", minute=11)])) == ids(2)[0]


def test_of_two_corrections_the_one_with_authority_counts() -> None:
    """Where the source of a fact and who has the authority correct it both, the latter is right, and the former is told."""
    facts: list[Command] = [registered(), record(2, POOR, source="training", minute=1)]
    facts.append(correct(3, 2, GOOD, source="appraisal", minute=2))
    state = file_of([*facts, correct(4, 2, RatingResult(year=2024, rating="competent"), source="training", minute=9)])
    assert stands(state) == ids(3)[0]
    assert outranked(ids(4)[0], state)


def test_the_authority_is_recorded_with_the_fact() -> None:
    """A replay needs no settings, and what was recorded keeps its rank when they change."""
    (happened,) = REGISTRY.decide(record(2, GOOD, source="appraisal"), file_of([registered()]))
    event = happened.event
    assert isinstance(event, AnnualRatingRecorded)
    assert event.fact.authority
    assert event.payload()["fact"]["authority"] is True
    plain = FactOrigin(source="hr", id="m-1", occurred_at=NOW)
    assert "authority" not in plain.payload(), "what has none is written as it always was"
    assert not FactOrigin.model_validate(plain.payload()).authority


WORDS: Sequence[Particulars] = (GOOD, POOR, PASSED, FAILED)
SOURCES = ("hr", "training", "appraisal")


@st.composite
def files(draw: st.DrawFn) -> list[Command]:
    """A registration, and facts, corrections and withdrawals of three sources, of which one has authority; times may tie."""
    commands: list[Command] = [registered()]
    targets: list[tuple[int, Particulars | None]] = []
    for n in range(2, 2 + draw(st.integers(2, 7))):
        how: dict[str, Any] = {"source": draw(st.sampled_from(SOURCES)), "minute": draw(st.integers(0, 3))}
        target, said = draw(st.sampled_from([(0, None), *targets]))
        if target == 0:
            said = draw(st.sampled_from(WORDS))
            commands.append(record(n, said, **how))
        elif said is not None and draw(st.booleans()):
            said = draw(st.sampled_from([word for word in WORDS if word.kind == said.kind]))
            commands.append(correct(n, target, said, **how))
        else:
            said = None
            commands.append(withdraw(n, target, **how))
        targets.append((n, said))
    return commands


def in_some_order(draw: Any, commands: Sequence[Command]) -> list[Command]:
    """Any order of arrival that a registry sees: each comes after what it is about (what comes earlier is held)."""
    left, known, ordered = list(commands), set[str](), list[Command]()
    while left:
        chosen = draw(st.sampled_from([c for c in left if _target(c) is None or _target(c) in known]))
        left.remove(chosen)
        known.add(chosen.stamp.event_id)
        ordered.append(chosen)
    return ordered


def _target(command: Command) -> str | None:
    return command.corrects if isinstance(command, Correct) else command.withdraws if isinstance(command, Withdraw) else None


@settings(max_examples=300)
@any_of(commands=files(), data=st.data())
def test_what_stands_does_not_depend_on_the_order_of_arrival(commands: list[Command], data: st.DataObject) -> None:
    """With authority as without: the same facts, corrections and withdrawals end in the same standings and conflicts."""
    filled = {slot: found for slot, found in file_of(commands).standing.items() if found != (None, ())}
    again = file_of(in_some_order(data.draw, commands)).standing
    assert filled == {slot: found for slot, found in again.items() if found != (None, ())}


@settings(max_examples=300)
@any_of(commands=files())
def test_nothing_without_authority_stands_against_what_has_it(commands: list[Command]) -> None:
    """Of whatever has not been withdrawn in a slot."""
    state = file_of(commands)
    leaves = leaves_of(state.facts)
    for slot, (fact, _) in state.standing.items():
        rivals = [
            leaf
            for known in state.facts.values()
            if known.target is None and (leaf := leaves[known.event_id]) is not None and leaf.says is not None
            if leaf.says.slot(known.source) == slot
        ]
        assert fact is None or state.facts[fact].authority == any(leaf.authority for leaf in rivals)


# --- through the whole handler, on both databases -----------------------------------------------------------------------


@pytest.fixture
def bench(database: Database) -> RegistryBench:
    return RegistryBench(database, known=BOUNDS)


def rating(bench: RegistryBench, source: str, word: str, seconds: int) -> Item:
    at = (NOW + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")
    person = {"source_key": "w-1", "key_source": "hr"}
    return bench.rates(rating=word, id=f"{source}-rating", person=person, source=source, time=at)


@pytest.mark.parametrize("first", ["training", "appraisal"])
def test_a_clock_that_runs_ahead_wins_nothing_against_authority(bench: RegistryBench, first: str) -> None:
    """200 seconds ahead of the service's clock is tolerated; the appraisal office's older rating stands all the same, and the
    training system is told so where it comes second."""
    ahead, own = rating(bench, "training", "excellent", 200), rating(bench, "appraisal", "basic", -3600)
    bench.each(bench.registers(), *((ahead, own) if first == "training" else (own, ahead)))
    assert ("rating/2024", "appraisal/appraisal-rating", "2025-01-04", ("training/training-rating",)) in bench.standings()
    told = {receipt.id: [warning.code for warning in receipt.warnings] for receipt in bench.receipts}
    assert told["appraisal-rating"] == []
    assert told["training-rating"] == (["outranked"] if first == "appraisal" else [])
    assert all(receipt.outcome == "accepted" for receipt in bench.receipts)


def test_the_same_rating_as_that_of_authority_is_no_contradiction(bench: RegistryBench) -> None:
    """Nothing is told that nobody needs to look at."""
    bench.each(bench.registers(), rating(bench, "appraisal", "basic", -3600), rating(bench, "training", "basic", 0))
    assert [receipt.warnings for receipt in bench.receipts] == [()] * 3
