"""One person in two files: the duplicate's ends, its facts go on in the survivor's, where their sources can correct them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given as any_of
from hypothesis import settings
from hypothesis import strategies as st

from contracts import intake
from contracts.particulars import EngagementStart, InspectionResult, Particulars, RatingResult, Registration, Transfer
from contracts.registry import FactAbsorbed, FactCorrected, FactOrigin, FileAbsorbed, PersonMerged, Standing
from eventlog.decider import Rejected
from services.registry.decider import (
    Command,
    Happened,
    Merge,
    Worker,
    decide_merge,
    evolve,
    facts_to_take,
    standing_facts,
    standings_of,
)
from services.registry.decider import merging as module
from tests.registry.example import (
    PERSON,
    REF,
    REGISTRY,
    WORKING,
    act,
    applied,
    certificate,
    change,
    closed,
    correct,
    ids,
    origin,
    record,
    registered,
    reopened,
    stamp,
    state_of,
    step,
    transferred,
    withdraw,
)
from tests.support import event_id

OTHER = "p" + "1" * 26
THIRD = "p" + "2" * 26
SURVIVOR = (registered(60), record(61, RatingResult(year=2023, rating="excellent"), "2024-01-20"))
"""In the file of ``OTHER``; the duplicate is that of ``REF``."""


def merge_of(duplicate: Worker, n: int = 90, into: str = OTHER, ref: str = REF) -> Merge:
    own = stamp(n, "2025-03-01", source="operator")
    taken = len(facts_to_take(duplicate))
    return Merge(
        replace(own, person_ref=ref, more_ids=tuple(event_id(0x9000 + n * 0x100 + place) for place in range(taken + 1))),
        into,
        "one person",
    )


def merged(duplicate: Worker, survivor: Worker, **how: Any) -> tuple[list[Happened], list[Happened]]:
    """(events of the duplicate's file, events of the survivor's)."""
    command = merge_of(duplicate, **how)
    end, absorbed, taken = decide_merge(command, duplicate, survivor)
    own = command.stamp
    return (
        [Happened(own.event_id, own.effective_on, end)],
        [
            Happened(own.more_ids[0], own.effective_on, absorbed),
            *(Happened(each.event_id, each.effective_on, each.event) for each in taken),
        ],
    )


def goes_on(duplicate: Worker, survivor: Worker, **how: Any) -> tuple[Worker, Worker]:
    ends, absorbs = merged(duplicate, survivor, **how)
    for each in ends:
        duplicate = evolve(duplicate, each)
    for each in absorbs:
        survivor = evolve(survivor, each)
    return duplicate, survivor


def stands(state: Worker) -> dict[str, Particulars]:
    return {slot: says for slot, (fact, _) in state.standing.items() if fact and (says := state.facts[fact].says) is not None}


def refused(duplicate: Worker, survivor: Worker, code: str, field: str, **how: Any) -> None:
    with pytest.raises(Rejected) as caught:
        decide_merge(merge_of(duplicate, **how), duplicate, survivor)
    assert [(p.code, p.field) for p in caught.value.problems] == [(code, field)]


def test_the_duplicates_file_ends_and_empties_every_slot() -> None:
    """So that nobody who follows the standings takes a fact for true in two files."""
    duplicate = state_of(*WORKING)
    [end], _ = merged(duplicate, state_of(*SURVIVOR))
    assert isinstance(end.event, PersonMerged)
    assert (end.event.into, end.event.reason) == (OTHER, "one person")
    assert end.event.standings == tuple(Standing(slot=slot, fact=None) for slot in sorted(duplicate.standing))
    ended, _ = goes_on(duplicate, state_of(*SURVIVOR))
    assert stands(ended) == {}


@pytest.mark.parametrize("late", [*WORKING, applied(20), withdraw(20, 2)])
def test_nothing_is_recorded_in_a_merged_file(late: Command) -> None:
    ended, _ = goes_on(state_of(*WORKING), state_of(*SURVIVOR))
    own = replace(late, stamp=replace(late.stamp, origin=origin(99)))
    with pytest.raises(Rejected) as caught:
        REGISTRY.decide(own, ended)
    assert [p.code for p in caught.value.problems] == ["merged"]


def test_the_survivors_file_says_which_files_ended_in_it() -> None:
    """Also those that had ended in the duplicate before."""
    _, first = goes_on(state_of(*WORKING), state_of(*SURVIVOR))
    _, [absorbed, *_] = merged(first, state_of(registered(70)), n=91, into=THIRD, ref=OTHER)
    assert isinstance(absorbed.event, FileAbsorbed)
    assert absorbed.event.files == (OTHER, REF)


def test_what_stands_is_taken_over_with_the_message_that_first_brought_it() -> None:
    """On its own day; the registration, its transfers and closings stay behind: the survivor has their own."""
    file = (*WORKING, transferred(6, "2024-01-01", "320104"), closed(7, "2024-02-01"), reopened(8, "2024-03-01"))
    _, [_, *taken] = merged(state_of(*file), state_of(*SURVIVOR))
    assert [
        (each.event.particulars.kind, str(each.effective_on)) for each in taken if isinstance(each.event, FactAbsorbed)
    ] == [
        ("engagement-start", "2020-02-01"),
        ("rating", "2024-01-10"),
        ("rating", "2025-01-09"),
        ("inspection", "2024-12-20"),
    ]
    first = taken[0].event
    assert isinstance(first, FactAbsorbed)
    assert (first.fact, first.absorbed_from, first.absorbs) == (origin(2), REF, ids(2)[0])
    _, survivor = goes_on(state_of(*file), state_of(*SURVIVOR))
    assert set(stands(survivor)) == {"registration", "engagement-start/hr/e1", "rating/2023", "rating/2024", "inspection/2024"}


def test_a_fact_is_taken_over_as_it_reads_now() -> None:
    """Corrected, with the correction's time, under the first message's name; withdrawn, not at all."""
    basic = RatingResult(year=2024, rating="basic")
    file = (*WORKING, correct(6, 4, basic, "2025-01-20", source="operator"), withdraw(7, 5))
    _, [_, *taken] = merged(state_of(*file), state_of(*SURVIVOR))
    [event] = [e.event for e in taken if isinstance(e.event, FactAbsorbed) and e.event.particulars == basic]
    assert event.fact == FactOrigin(source="hr", id="m4", occurred_at=origin(6).occurred_at)
    assert event.absorbs == ids(4)[0]
    assert not any(isinstance(e.event, FactAbsorbed) and isinstance(e.event.particulars, InspectionResult) for e in taken)


def test_facts_of_both_files_contradict_each_other_by_the_rule() -> None:
    """Of two ratings for a year the one that was recorded later stands, whichever file it comes from."""
    _, survivor = goes_on(state_of(*WORKING), state_of(*SURVIVOR))
    fact, rivals = survivor.standing["rating/2023"]
    assert (fact, len(rivals)) == (ids(61)[0], 1)
    earlier = state_of(registered(60), record(61, RatingResult(year=2023, rating="basic"), "2024-01-20", minute=0))
    _, other = goes_on(state_of(*WORKING), earlier)
    assert stands(other)["rating/2023"] == RatingResult(year=2023, rating="competent")


def test_a_fact_that_was_taken_over_is_corrected_by_its_event_in_the_survivors_file() -> None:
    """The handler finds it by ``absorbed``; the slot is still its source's own."""
    _, survivor = goes_on(state_of(*WORKING), state_of(*SURVIVOR))
    here = survivor.absorbed[ids(2)[0]]
    moved = EngagementStart(engagement="e1", category="recruited", unit="u", post="p")
    fix = replace(correct(95, 2, moved), corrects=here)
    [event] = REGISTRY.decide(fix, survivor)
    assert isinstance(event.event, FactCorrected)
    assert [s.slot for s in event.event.standings] == ["engagement-start/hr/e1"]
    [found] = [k for k in standing_facts(evolve(survivor, event)) if k.says == moved]
    assert found.source == "hr"


def test_a_message_that_the_duplicate_took_is_no_news_to_the_survivor() -> None:
    _, survivor = goes_on(state_of(*WORKING), state_of(*SURVIVOR))
    for known in WORKING[1:]:
        assert REGISTRY.decide(known, survivor) == ()


def test_what_was_not_taken_over_cannot_be_corrected_any_more() -> None:
    """A registration of the duplicate, or what had been withdrawn: the answer says so."""
    _, survivor = goes_on(state_of(*WORKING, withdraw(6, 5)), state_of(*SURVIVOR))
    for fix in (correct(95, 1, Registration(division="320104")), withdraw(95, 5)):
        with pytest.raises(Rejected) as caught:
            REGISTRY.decide(fix, survivor)
        assert [p.code for p in caught.value.problems] == ["not-taken-over"]


def test_certificates_go_on_with_their_changes() -> None:
    file = (registered(), record(2, certificate(), "2022-03-01"), change(3, "suspended", "2023-01-01"))
    _, survivor = goes_on(state_of(*file), state_of(*SURVIVOR))
    assert {"certificate/c1", "certificate-change/hr/k3"} <= set(stands(survivor))


def test_a_chain_of_files_ends_in_one() -> None:
    """A into B, B into C: the facts of all, each once, and each can be followed back to where it came first."""
    _, second = goes_on(state_of(*WORKING), state_of(*SURVIVOR))
    last = state_of(registered(70), record(71, InspectionResult(year=2022, outcome="passed"), "2022-12-01"))
    ended, third = goes_on(second, last, n=91, into=THIRD, ref=OTHER)
    assert stands(ended) == {}
    assert set(stands(third)) == {
        "registration", "engagement-start/hr/e1", "rating/2023", "rating/2024", "inspection/2024", "inspection/2022",
    }  # fmt: skip
    assert third.files == (OTHER, REF)
    assert third.absorbed[second.absorbed[ids(4)[0]]] in third.facts


# --- what cannot be merged ----------------------------------------------------------------------------------------------


def test_a_file_is_not_merged_into_itself() -> None:
    file = state_of(*WORKING)
    refused(file, file, "same-person", "data.survivor", into=REF)


def test_files_that_have_ended_are_not_merged() -> None:
    """Neither away nor into: merged or erased."""
    erased = state_of(registered(), act(2, intake.PersonErased(person=intake.KnownPerson(person_ref=REF), by="Z", reason="r")))
    ended, survivor = goes_on(state_of(*WORKING), state_of(*SURVIVOR))
    for gone in (ended, erased):
        refused(gone, survivor, "file-ended", "data.person")
        refused(survivor, gone, "file-ended", "data.survivor")


def test_what_is_running_in_the_duplicate_is_brought_to_an_end_first() -> None:
    """An application, an appeal: their later steps would find nothing in the other file."""
    running = (*WORKING, applied())
    refused(state_of(*running), state_of(*SURVIVOR), "application-open", "data.person")
    gone = step(11, intake.CertificationWithdrawn(person=PERSON, application="a1", reason="made up"), "2025-02-11")
    assert merged(state_of(*running, gone), state_of(*SURVIVOR))
    appeal = act(10, intake.RatingAppealed(person=PERSON, appeal="p1", year=2024, grounds="made up"), "2025-02-01")
    refused(state_of(*WORKING, appeal), state_of(*SURVIVOR), "appeal-open", "data.person")
    verdict = intake.RatingAppealDecided(person=PERSON, appeal="p1", outcome="dismissed", reason="made up")
    assert merged(state_of(*WORKING, appeal, act(11, verdict, "2025-03-01")), state_of(*SURVIVOR))


def test_the_survivor_may_have_an_application_running() -> None:
    assert merged(state_of(*WORKING), state_of(registered(60), applied(62)))


def test_the_surviving_file_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FACTS_PER_WORKER_MAX", 5)
    refused(state_of(*WORKING), state_of(*SURVIVOR), "too-many-facts", "data.survivor")
    monkeypatch.setattr(module, "FACTS_PER_WORKER_MAX", 6)
    assert merged(state_of(*WORKING), state_of(*SURVIVOR))


# --- always -------------------------------------------------------------------------------------------------------------


@st.composite
def files(draw: st.DrawFn, first: int) -> list[Command]:
    """A registration, some facts of two kinds, and corrections and withdrawals of any of these."""
    commands: list[Command] = [registered(first)]
    for n in range(first + 1, first + 1 + draw(st.integers(0, 5))):
        says = RatingResult(year=draw(st.sampled_from([2023, 2024])), rating=draw(st.sampled_from(["basic", "excellent"])))
        how: dict[str, Any] = {"source": draw(st.sampled_from(["hr", "training"])), "minute": draw(st.integers(1, 5))}
        target = draw(st.sampled_from([None, *range(first + 1, n)]))
        if target is None:
            commands.append(record(n, says, "2025-01-10", **how))
        elif draw(st.booleans()) or not _corrects(commands, target):
            commands.append(withdraw(n, target, **how))
        else:
            commands.append(correct(n, target, says, **how))
    return commands


def _corrects(commands: list[Command], target: int) -> bool:
    return any(hasattr(c, "says") and c.stamp.event_id == ids(target)[0] for c in commands)


@settings(max_examples=150)
@any_of(first=files(1), second=files(30))
def test_the_survivor_reads_as_if_every_standing_fact_had_been_its_own(first: list[Command], second: list[Command]) -> None:
    """The standings in its events are those of the rule over all its facts; nothing that stood is lost."""
    duplicate, survivor = state_of(*first), state_of(*second)
    _, found = goes_on(duplicate, survivor)
    followed = {slot: standing for slot, standing in found.standing.items() if standing != (None, ())}
    assert followed == standings_of(dict(found.facts))
    assert set(stands(found)) == set(stands(duplicate)) | set(stands(survivor))


def test_transfers_are_those_of_the_survivor_alone() -> None:
    """The duplicate's division says nothing: the two registrations were of one person."""
    _, survivor = goes_on(state_of(registered(), transferred(2, "2024-01-01", "320104")), state_of(*SURVIVOR))
    assert not any(isinstance(says, Transfer) for says in stands(survivor).values())
