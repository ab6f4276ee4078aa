"""What allowance knows of one worker, and what a heard fact or a new policy does to it. Pure.

One stream a person: the facts as they were heard, and the decisions made on them. A decision is the engine's result for the
facts that stand and the policies in force (``engine.decide_year``), one for each year and instrument; if it differs from the
last one for these, an event records it, with the difference in fen. So any order and any duplication of the same facts ends in
the same amounts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import assert_never

import msgspec

from contracts.allowance import (
    Decision,
    EntitlementAdjusted,
    EntitlementDecided,
    FactHeard,
    PayerAmount,
    PolicyCited,
    Predicate,
)
from contracts.divisions import Purse, purse_of
from contracts.hearing import Hear, check_told
from contracts.policy import InspectionRule, Instrument
from contracts.registry import Standing
from eventlog.canonical import digest
from services.allowance.engine import KnownFact, PolicyInForce, decide_year, instruments_of, years_touched

__all__ = [
    "DecisionOnFile",
    "Happened",
    "Hear",
    "Recalculate",
    "Worker",
    "decide",
    "differences",
    "evolve",
    "purses_of",
    "replay",
    "standing_facts",
    "stream_of",
]

WorkerEvent = FactHeard | EntitlementDecided | EntitlementAdjusted


def stream_of(person_ref: str) -> str:
    return f"worker-{person_ref}"


# --- state ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Decided:
    """The last decision for a year and instrument. payers: purse → fen."""

    event_id: str
    digest: str
    amount_fen: int
    payers: Mapping[Purse, int]
    division: str
    policy: PolicyCited


@dataclass(frozen=True, slots=True)
class Worker:
    """facts: by registry event id. standing: slot → the fact that stands. decided: by year and instrument."""

    facts: dict[str, KnownFact] = field(default_factory=dict)
    standing: dict[str, str] = field(default_factory=dict)
    heard: set[str] = field(default_factory=set)
    decided: dict[tuple[int, Instrument], Decided] = field(default_factory=dict)


def standing_facts(state: Worker) -> tuple[KnownFact, ...]:
    """The facts that stand, each once."""
    return tuple(state.facts[fact] for fact in dict.fromkeys(state.standing.values()))


# --- commands ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Recalculate:
    """The policies have changed. because: the event that published the new one."""

    person_ref: str
    because: str


Command = Hear | Recalculate


# --- decide -----------------------------------------------------------------------------------------------------------


def decide(command: Command, state: Worker, policies: Sequence[PolicyInForce]) -> tuple[WorkerEvent, ...]:
    """Return what the command leads to: the fact as heard (once), then every decision that changes."""
    match command:
        case Hear():
            if command.heard in state.heard:
                return ()
            check_told(command, state.facts)
            heard = _heard(command)
            after = evolve(state, Happened("", command.effective_on, heard))
            years = _years_of(command.standings, policies)
            return (heard, *decisions(command.person_ref, after, policies, command.heard, years))
        case Recalculate():
            return decisions(command.person_ref, state, policies, command.because, None)
        case _:
            assert_never(command)


def _heard(command: Hear) -> FactHeard:
    return FactHeard(
        person_ref=command.person_ref,
        heard=command.heard,
        heard_type=command.heard_type,
        position=command.position,
        origin=command.origin,
        particulars=command.particulars,
        standings=command.standings,
    )


def _years_of(standings: Iterable[Standing], policies: Sequence[PolicyInForce]) -> frozenset[int] | None:
    """The years that a change of standing can touch; None: any. A rating is about one year; so is an inspection, unless a
    policy lets a failed one stop what comes after it."""
    years = set()
    for standing in standings:
        kind, _, rest = standing.slot.partition("/")
        if kind != "rating" and (kind != "inspection" or any(_stops_later(policy) for policy in policies)):
            return None
        years.add(int(rest))
    return frozenset(years)


def _stops_later(policy: PolicyInForce) -> bool:
    document = policy.document
    return document.settings.failed_inspection != "whole_year" and any(
        isinstance(rule, InspectionRule) for rule in document.eligibility
    )


def decisions(
    person_ref: str, state: Worker, policies: Sequence[PolicyInForce], because: str, only: frozenset[int] | None
) -> tuple[WorkerEvent, ...]:
    """The decisions that differ from those on file, by year, then by instrument. only: the years to look at (None: all)."""
    facts = standing_facts(state)
    years = years_touched(facts, policies)
    due = {*state.decided, *[(year, instrument) for instrument in instruments_of(policies) for year in years]}
    found: list[WorkerEvent] = []
    for year, instrument in sorted(due):
        if only is not None and year not in only:
            continue
        last = state.decided.get((year, instrument))
        decision = decide_year(facts, policies, year, instrument)
        if decision is None:
            if last is None:
                continue
            decision = void_decision(year, last, instrument)
        event = _recorded(person_ref, decision, last, because)
        if event is not None:
            found.append(event)
    return tuple(found)


def _recorded(
    person_ref: str, decision: Decision, last: Decided | None, because: str
) -> EntitlementDecided | EntitlementAdjusted | None:
    """The event of a decision, if it differs from the last one."""
    mark = digest(decision.payload())
    if last is None:
        return EntitlementDecided(
            person_ref=person_ref,
            decision=decision,
            digest=mark,
            difference_fen=decision.amount_fen,
            differences=tuple(p for p in decision.payers if p.amount_fen),
        )
    if mark == last.digest:
        return None
    return EntitlementAdjusted(
        person_ref=person_ref,
        decision=decision,
        digest=mark,
        supersedes=last.event_id,
        because=because,
        difference_fen=decision.amount_fen - last.amount_fen,
        differences=differences(decision, last.payers),
    )


def void_decision(year: int, last: Decided, instrument: Instrument = "allowance") -> Decision:
    """Nothing is left to decide on (the rating or the registration was withdrawn, the policy gone): nothing is owed."""
    missing = Predicate(
        name="decidable",
        required="a registration, a policy in force and the fact that calls for a decision",
        found="not all of them any more",
        met=False,
        facts=(),
        clause=last.policy.clause,
    )
    return Decision(
        year=year,
        instrument=instrument,
        division=last.division,
        decision="denied",
        amount_fen=0,
        predicates=(missing,),
        lines=(),
        payers=(),
        policy=last.policy,
        facts=(),
    )


def differences(now: Decision | DecisionBody, before: Mapping[Purse, int]) -> tuple[PayerAmount, ...]:
    """What each purse owes more (or less) than before, by payer and division; those that owe the same are left out."""
    after = purses_of(now)
    changes = {
        purse: after.get(purse, 0) - before.get(purse, 0)
        for purse in sorted({*after, *before}, key=lambda purse: (purse.payer, purse.division))
    }
    return tuple(
        PayerAmount(payer=purse.payer, amount_fen=change, purse=purse.division) for purse, change in changes.items() if change
    )


def purses_of(decision: Decision | DecisionBody) -> dict[Purse, int]:
    """What each purse owes by a decision, in fen."""
    return {each.of(decision.division): each.amount_fen for each in decision.payers}


# --- evolve -----------------------------------------------------------------------------------------------------------


class PayerOnFile(msgspec.Struct, frozen=True):
    payer: str
    amount_fen: int
    purse: str | None = None

    def of(self, division: str) -> Purse:
        """As of a ``PayerAmount``."""
        return purse_of(self.payer, division) if self.purse is None else Purse(self.purse, self.payer)


class PolicyOnFile(msgspec.Struct, frozen=True):
    event: str
    document: str
    title: str
    clause: str


class DecisionBody(msgspec.Struct, frozen=True):
    year: int
    division: str
    amount_fen: int
    payers: tuple[PayerOnFile, ...]
    policy: PolicyOnFile
    instrument: Instrument = "allowance"


class DecisionOnFile(msgspec.Struct, frozen=True):
    """The part of a recorded decision that later ones need. Reading only this is ten times faster than the whole event."""

    digest: str
    decision: DecisionBody


@dataclass(frozen=True, slots=True)
class Happened:
    """A recorded event with what the row adds to it."""

    event_id: str
    effective_on: date
    event: WorkerEvent | DecisionOnFile


def evolve(state: Worker, happened: Happened) -> Worker:
    """The state after an event. The one before is not changed."""
    after = Worker(dict(state.facts), dict(state.standing), set(state.heard), dict(state.decided))
    _apply(after, happened)
    return after


def replay(history: Iterable[Happened]) -> Worker:
    """The state after a whole history: the same as evolving from the first, without a copy a step."""
    state = Worker({}, {}, set(), {})
    for happened in history:
        _apply(state, happened)
    return state


def _apply(state: Worker, happened: Happened) -> None:
    """Put an event into a state that nobody else holds yet."""
    event = happened.event
    match event:
        case FactHeard():
            state.heard.add(event.heard)
            if event.particulars is not None:
                state.facts[event.heard] = KnownFact(event.heard, happened.effective_on, event.particulars)
            for change in event.standings:
                if change.fact is None:
                    state.standing.pop(change.slot, None)
                else:
                    state.standing[change.slot] = change.fact
                    _name_source(state.facts, change.slot, change.fact)
        case EntitlementDecided() | EntitlementAdjusted() | DecisionOnFile():
            decision = event.decision
            policy = decision.policy
            state.decided[decision.year, decision.instrument] = Decided(
                happened.event_id,
                event.digest,
                decision.amount_fen,
                purses_of(decision),
                decision.division,
                PolicyCited(event=policy.event, document=policy.document, title=policy.title, clause=policy.clause),
            )
        case _:
            assert_never(event)


def _name_source(facts: dict[str, KnownFact], slot: str, fact: str) -> None:
    """An engagement's key is its source's own, and the slot names that source, even if someone else corrected the fact."""
    if slot.startswith("engagement-"):
        facts[fact] = replace(facts[fact], source=slot.split("/")[1])
