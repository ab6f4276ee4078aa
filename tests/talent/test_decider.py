"""Nominated, screened, admitted, placed or removed: in this order only; and a flag that follows the facts in any order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given as any_of
from hypothesis import settings
from hypothesis import strategies as st

from contracts.talent import (
    Candidacy,
    CandidateAdmitted,
    CandidateFlagged,
    CandidateNominated,
    CandidatePlaced,
    CandidateProfiled,
    CandidateRemoved,
    CandidateScreened,
    CriterionResult,
    FactHeard,
    StandardCited,
)
from eventlog.decider import Rejected, StandsOtherwise, fold
from services.talent.decider import (
    Admitted,
    Around,
    Command,
    Happened,
    Hear,
    Member,
    Nominated,
    Placed,
    Removed,
    Screened,
    decide,
    decider,
    evolve,
    needs,
    replay,
    seat_of,
    standing_facts,
    stream_of,
)
from tests.specs import Given, given
from tests.support import NOW, event_id
from tests.talent.example import (
    AROUND,
    DIVISION,
    FULL,
    READY,
    REF,
    STANDARD_EVENT,
    admit,
    around,
    certified,
    changed,
    closed,
    engaged,
    hear,
    inspected,
    moved,
    nominate,
    origin,
    place,
    profiled,
    rated,
    recognised,
    registered,
    remove,
    reopened,
    screen,
    standard_text,
    withdrawn,
)

CANDIDACY = Candidacy(nomination=event_id(101), division=DIVISION, ladder="near-term", pool="pool-1")
CITED = StandardCited(event=STANDARD_EVENT, document="standard-1", revision=1)


def after(*commands: Command, by: Around = AROUND) -> list[Happened]:
    """The events of these commands, one after the other."""
    made, events = decider(by, [event_id(700)]), list[Happened]()
    for command in commands:
        events += made.decide(command, fold(made, events))
    return events


def on_file(*commands: Command, by: Around = AROUND) -> Given[Command, Happened, Member]:
    return given(decider(by, [event_id(700)]), after(*commands, by=by))


def state(*commands: Command, by: Around = AROUND) -> Member:
    return replay(after(*commands, by=by))


def screened(*commands: Command, by: Around = AROUND) -> CandidateScreened:
    found = [e.event for e in after(*commands, by=by) if isinstance(e.event, CandidateScreened)]
    return found[-1]


def flags(*commands: Command, by: Around = AROUND) -> list[tuple[str, list[str]]]:
    """(result, unmet criteria) of each flag."""
    found = [e.event for e in after(*commands, by=by) if isinstance(e.event, CandidateFlagged)]
    return [(flag.result, [c.name for c in flag.criteria if not c.met]) for flag in found]


def unmet(event: CandidateScreened | CandidateFlagged) -> dict[str, tuple[str, str]]:
    return {c.name: (c.required, c.found) for c in event.criteria if not c.met}


PASSED = (*READY, screen())
IN = (*PASSED, admit())


# --- hearing ------------------------------------------------------------------------------------------------------------


def test_a_heard_fact_is_recorded_with_its_cause() -> None:
    """The registry's event in our own words."""
    command = registered()
    on_file().when(command).then(
        Happened(
            event_id(1),
            date(2020, 6, 1),
            FactHeard(
                person_ref=REF, heard=event_id(1), heard_type="registry.a-fact.v1", position=1, origin=command.origin,
                particulars=command.particulars, standings=command.standings,
            ),
        )
    )  # fmt: skip


def test_a_fact_that_was_heard_is_not_recorded_again() -> None:
    on_file(registered()).when(registered()).nothing()


def test_a_withdrawn_fact_does_not_stand() -> None:
    """And the others do."""
    known = state(registered(), certified(), withdrawn(9, certified()))
    assert [type(fact.says).__name__ for fact in standing_facts(known)] == ["Registration"]


# --- nomination ---------------------------------------------------------------------------------------------------------


def test_a_known_person_is_nominated() -> None:
    on_file(registered()).when(nominate()).then(
        Happened(
            event_id(101),
            date(2026, 1, 10),
            CandidateNominated(person_ref=REF, origin=origin("a-101"), candidacy=CANDIDACY, nominated_by="reserve_recommended"),
        )
    )


def test_the_same_nomination_again_changes_nothing() -> None:
    """From another message, too, and at any later stage."""
    on_file(registered(), nominate()).when(nominate(201)).nothing()
    on_file(*IN).when(nominate(201)).nothing()


@pytest.mark.parametrize("change", [{"pool": "pool-2"}, {"ladder": "mid-term"}, {"by": "everyday_acquaintance"}])
def test_a_candidate_is_not_nominated_for_something_else(change: Any) -> None:
    on_file(registered(), nominate()).when(nominate(201, **change)).rejected("already-a-candidate", "data.person")


def test_who_was_removed_or_placed_can_be_nominated_again() -> None:
    """A candidacy of its own, not before the end of the other."""
    for ended in ((*IN, remove()), (*IN, place(on="2026-02-20"))):
        (again,) = on_file(*ended).when(nominate(201, "2026-02-21")).events
        assert isinstance(again.event, CandidateNominated)
        assert again.event.candidacy.nomination == event_id(201)
        on_file(*ended).when(nominate(201, "2026-02-01")).rejected("before-the-stage-before", "effectiveon")


# --- what has to come first ---------------------------------------------------------------------------------------------


def test_everything_about_an_unknown_person_waits_for_the_registry() -> None:
    acts = (nominate(), profiled(), screen(), admit(), remove(), place())
    assert {needs(act, Member()) for act in acts} == {"person"}
    assert [needs(act, state(registered())) for act in acts] == [None, "nomination", None, None, None, None]


def test_a_profile_waits_for_the_nomination_and_for_nothing_after_it() -> None:
    assert needs(profiled(), state(registered(), nominate())) is None
    assert needs(profiled(), state(*IN, remove())) is None


# --- stages are not skipped ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "act"),
    [
        ((registered(),), profiled()),
        ((registered(),), screen()),
        ((registered(),), admit()),
        ((registered(),), place()),
        ((registered(),), remove()),
        ((registered(), nominate()), admit()),
        ((registered(), nominate()), place()),
        (PASSED, place()),
    ],
)
def test_a_stage_cannot_be_skipped(before: Sequence[Command], act: Command) -> None:
    on_file(*before).when(act).rejected("stage-skipped", "type")


@pytest.mark.parametrize("act", [profiled(on="2026-02-25"), screen(on="2026-02-25"), admit(on="2026-02-25"), place()])
def test_a_removed_candidate_is_none(act: Command) -> None:
    on_file(*IN, remove()).when(act).rejected("not-a-candidate", "type")


@pytest.mark.parametrize("act", [profiled(on="2026-03-02"), screen(on="2026-03-02"), admit(on="2026-03-02"), remove()])
def test_a_placed_candidate_is_none(act: Command) -> None:
    on_file(*IN, place()).when(act).rejected("not-a-candidate", "type")


def test_an_admitted_candidate_is_not_screened_again() -> None:
    on_file(*IN).when(screen(201, "2026-02-20")).rejected("already-admitted")


@pytest.mark.parametrize(
    ("before", "act"),
    [
        ((*READY,), screen(on="2026-01-09")),
        (PASSED, admit(on="2026-01-31")),
        (IN, place(on="2026-02-09")),
        (IN, remove(on="2026-02-09")),
    ],
)
def test_a_stage_is_not_reached_before_the_one_before(before: Sequence[Command], act: Command) -> None:
    on_file(*before).when(act).rejected("before-the-stage-before", "effectiveon")


def test_an_act_is_neither_ancient_nor_far_ahead_nor_recorded_tomorrow() -> None:
    """As the registry takes facts: what it would refuse is refused here first."""
    known = on_file(registered())
    known.when(nominate(on="1949-09-30")).rejected("date-too-early", "effectiveon")
    far = (NOW + timedelta(days=401)).date().isoformat()
    known.when(nominate(on=far)).rejected("date-too-late", "effectiveon")
    early = replace(nominate(), stamp=replace(nominate().stamp, received_at=NOW - timedelta(days=60)))
    known.when(early).rejected("time-in-future", "time")


# --- profiles -----------------------------------------------------------------------------------------------------------


def test_a_profile_is_recorded_whole_and_once() -> None:
    (event,) = on_file(registered(), nominate()).when(profiled()).events
    assert event.event == CandidateProfiled(person_ref=REF, origin=origin("a-102"), profile=FULL)
    on_file(registered(), nominate(), profiled()).when(profiled(202)).nothing()


def test_the_latest_profile_by_the_day_counts() -> None:
    """Whatever the order in which they came, and none from after the day."""
    old, new = profiled(111, "2026-01-15", degree="associate"), profiled(110, "2026-01-20")
    later = profiled(112, "2026-02-02", degree="secondary")
    base = (registered(), certified(), rated(), inspected(), nominate())
    for order in ((old, new, later), (later, new, old)):
        assert screened(*base, *order, screen()).result == "passed"
    assert unmet(screened(*base, new, old, later, screen(on="2026-02-03")))["degree"] == ("bachelor or above", "secondary")


# --- screening ----------------------------------------------------------------------------------------------------------


def test_who_meets_every_criterion_passes() -> None:
    """Each criterion with both sides and the events that it looked at, in the order of the standard."""
    event = screened(*PASSED)
    assert (event.result, event.standard, event.candidacy) == ("passed", CITED, CANDIDACY)
    profile, certificate, rating, inspection = event_id(102), event_id(2), event_id(3), event_id(4)
    assert event.criteria == tuple(
        CriterionResult(name=name, required=required, found=found, met=True, facts=(fact,), clause=str(clause))
        for clause, (name, required, found, fact) in enumerate(
            [
                ("age", "at least 35 years old, at most 50 years old", "41 years old on 2026-01-12", profile),
                ("degree", "bachelor or above", "master", profile),
                ("competency_political", "at least 4 of 5", "4 of 5", profile),
                ("certificate", "intermediate or above, valid on 2026-02-01", "intermediate of 2024-05-01", certificate),
                ("ratings", "competent or above in 1 of the years 2024 to 2025", "competent 2024", rating),
                ("inspections", "none failed from 2025 to 2026", "passed 2025", inspection),
            ],
            start=1,
        )
    )


def test_failing_is_an_answer_with_its_reasons() -> None:
    """An event that one may appeal, not a refusal."""
    event = screened(registered(), rated(rating="basic"), nominate(), profiled(age_years=51, degree="associate"), screen())
    assert event.result == "failed"
    assert unmet(event) == {
        "age": ("at least 35 years old, at most 50 years old", "51 years old on 2026-01-12"),
        "degree": ("bachelor or above", "associate"),
        "certificate": ("intermediate or above, valid on 2026-02-01", "none"),
        "ratings": ("competent or above in 1 of the years 2024 to 2025", "basic 2024"),
    }


def test_what_is_not_known_is_not_met() -> None:
    event = screened(registered(), certified(), rated(), inspected(), nominate(), screen())
    assert {name: found for name, (_, found) in unmet(event).items()} == {
        "age": "not known", "degree": "not known", "competency_political": "not known",
    }  # fmt: skip


def test_a_failed_screening_is_repeated_after_new_particulars() -> None:
    """Asked again without anything new it is the same answer, which is not recorded twice."""
    failed = (registered(), certified(), rated(), inspected(), nominate(), profiled(degree="associate"), screen())
    on_file(*failed).when(screen(201)).nothing()
    (again,) = on_file(*failed, profiled(202, "2026-01-20")).when(screen(203)).events
    assert isinstance(again.event, CandidateScreened)
    assert again.event.result == "passed"


def test_without_a_standard_in_force_nobody_is_screened() -> None:
    """There is none at all, none yet, or none for the place."""
    elsewhere = around(standard_text(division="320200"))
    for by in (Around(), around(standard_text(on="2026-02-02")), elsewhere):
        on_file(*READY, by=by).when(screen()).rejected("no-standard", "effectiveon")


def test_a_ladder_that_the_standard_does_not_have_is_refused() -> None:
    on_file(registered(), nominate(ladder="far-term")).when(screen()).rejected("unknown-ladder", "data.person")


@pytest.mark.parametrize(
    ("texts", "document"),
    [
        ((standard_text(), standard_text(document="county", division="320102", on="2024-01-01")), "county"),
        (
            (standard_text(document="county", division=DIVISION), standard_text(document="above", division="320000")),
            "county",
        ),
        ((standard_text(), standard_text(document="later", on="2026-01-01")), "later"),
        ((standard_text(document="later", on="2026-01-01"), standard_text()), "later"),
        ((standard_text(), standard_text(document="future", on="2026-02-02")), "standard-1"),
        ((standard_text(), standard_text(revision=2)), "standard-1"),
    ],
)
def test_the_nearest_divisions_latest_standard_is_in_force(texts: Sequence[str], document: str) -> None:
    event = screened(*PASSED, by=around(*texts))
    assert event.standard.document == document


def test_a_new_revision_of_the_same_day_supersedes_the_one_before() -> None:
    assert screened(*PASSED, by=around(standard_text(), standard_text(revision=2))).standard.revision == 2


# --- admission ----------------------------------------------------------------------------------------------------------


def test_who_has_passed_is_admitted() -> None:
    on_file(*PASSED).when(admit()).then(
        Happened(
            event_id(104),
            date(2026, 2, 10),
            CandidateAdmitted(person_ref=REF, origin=origin("a-104"), candidacy=CANDIDACY, standard=CITED, quota=2, taken=1),
        )
    )


def test_who_has_failed_is_not_admitted() -> None:
    on_file(registered(), nominate(), screen()).when(admit()).rejected("screening-failed", "data.person")


def test_a_full_ladder_takes_nobody() -> None:
    """Up to the quota, not beyond; a ladder without one takes everybody."""
    full = around(standard_text(), taken=2)
    on_file(*PASSED, by=full).when(admit()).rejected("quota-full", "data.person")
    (last,) = on_file(*PASSED, by=around(standard_text(), taken=1)).when(admit()).events
    assert isinstance(last.event, CandidateAdmitted)
    assert (last.event.taken, last.event.quota) == (2, 2)
    on_file(*PASSED, by=around(standard_text(quota=0))).when(admit()).rejected("quota-full")
    (unlimited,) = on_file(*PASSED, by=around(standard_text(quota=None), taken=10_000)).when(admit()).events
    assert isinstance(unlimited.event, CandidateAdmitted)


def test_a_screening_by_another_standard_than_the_one_in_force_is_not_enough() -> None:
    by = around(standard_text(), standard_text(revision=2, on="2026-02-05"))
    on_file(*PASSED, by=by).when(admit()).rejected("screened-by-another-standard", "data.person")
    assert isinstance(on_file(*PASSED, screen(201, "2026-02-06"), by=by).when(admit()).events[0].event, CandidateAdmitted)


def test_to_be_admitted_twice_is_to_be_admitted() -> None:
    """On the same day; another day is told, and changes nothing."""
    on_file(*IN).when(admit(201, str(IN[-1].stamp.on))).nothing()
    on_file(*IN).when(admit(201, "2026-02-15")).stands_otherwise()


# --- removal and placement ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [(registered(), nominate()), PASSED, IN])
def test_a_candidate_of_any_stage_is_removed_for_a_reason(before: Sequence[Command]) -> None:
    (event,) = on_file(*before).when(remove()).events
    assert event.event == CandidateRemoved(person_ref=REF, origin=origin("a-105"), candidacy=CANDIDACY, reason="withdrew")
    on_file(*before, remove()).when(remove(205)).nothing()


def test_a_member_is_placed_into_a_post() -> None:
    """With the key under which the registry is told of the engagement."""
    on_file(*IN).when(place()).then(
        Happened(
            event_id(106),
            date(2026, 3, 1),
            CandidatePlaced(
                person_ref=REF, origin=origin("a-106"), candidacy=CANDIDACY, engagement=f"talent-{event_id(106)}",
                category="secretary", unit="第七党支部", post="书记", full_time=True, entry_channel="dispatched",
            ),
        )
    )  # fmt: skip


def test_a_placement_is_made_once() -> None:
    on_file(*IN, place()).when(place(206)).nothing()
    on_file(*IN, place()).when(place(206, post="副书记")).rejected("already-placed", "data.person")


def test_a_seat_is_taken_from_admission_until_removal_or_placement() -> None:
    seats = [seat_of(state(*commands)) for commands in (PASSED, IN, (*IN, remove()), (*IN, place()))]
    assert seats == [None, (DIVISION, "near-term"), None, None]


# --- the flag -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [PASSED, IN])
def test_a_failed_inspection_flags_a_candidate(before: Sequence[Command]) -> None:
    failed = inspected(20, "failed", 2026, "2026-02-15")
    heard, flag = on_file(*before).when(failed).events
    assert isinstance(heard.event, FactHeard)
    assert isinstance(flag.event, CandidateFlagged)
    assert (flag.event.result, flag.event.because, flag.event.screened_on) == ("failed", event_id(20), date(2026, 2, 15))
    assert unmet(flag.event) == {"inspections": ("none failed from 2025 to 2026", "passed 2025, failed 2026")}
    assert flag.event.standard == CITED


def test_a_withdrawn_certificate_flags_a_candidate() -> None:
    assert flags(*IN, withdrawn(20, certified())) == [("failed", ["certificate"])]


def test_an_expired_certificate_flags_once_a_later_fact_is_heard() -> None:
    expiring = tuple(certified(until="2026-02-05") if command == certified() else command for command in IN)
    assert flags(*expiring) == []
    assert flags(*expiring, rated(20, year=2025, on="2026-02-20")) == [("failed", ["certificate"])]


def test_the_flag_is_lifted_when_the_facts_are_mended() -> None:
    failed = inspected(20, "failed", 2026, "2026-02-15")
    mended = (*IN, failed, withdrawn(21, failed))
    assert flags(*mended) == [("failed", ["inspections"]), ("passed", [])]
    assert isinstance(on_file(*mended).when(place()).events[0].event, CandidatePlaced)


def test_a_candidate_is_flagged_once_for_the_same_reason() -> None:
    """A further fact that has nothing to do with it says nothing new."""
    assert len(flags(*IN, inspected(20, "failed", 2026, "2026-02-15"), engaged())) == 1


def test_a_fact_that_changes_nothing_flags_nobody() -> None:
    assert flags(*IN, engaged(), rated(20, "basic", 2025, "2026-01-15")) == []
    assert flags(registered(), nominate(), screen(), inspected(20, "failed", 2026, "2026-02-15")) == []


def test_a_flagged_candidate_is_neither_admitted_nor_placed() -> None:
    failed = inspected(20, "failed", 2026, "2026-02-05")
    on_file(*PASSED, failed).when(admit()).rejected("flagged", "data.person")
    on_file(*IN, failed).when(place()).rejected("flagged", "data.person")
    on_file(*IN, failed).when(remove()).then(
        Happened(
            event_id(105),
            date(2026, 2, 20),
            CandidateRemoved(person_ref=REF, origin=origin("a-105"), candidacy=CANDIDACY, reason="withdrew"),
        )
    )


def test_a_screening_as_of_a_day_before_the_disqualifying_fact_is_flagged_at_once() -> None:
    """It is passed as of its day, and the flag does not depend on which of the two came first."""
    failed = inspected(20, "failed", 2026, "2026-02-05")
    events = on_file(*READY, failed).when(screen(on="2026-02-01")).events
    assert [type(e.event) for e in events] == [CandidateScreened, CandidateFlagged]
    assert flagged(after(*READY, failed, screen())) == flagged(after(*READY, screen(), failed))


def flagged(events: Sequence[Happened]) -> Any:
    """Whether and on what a candidate is flagged now."""
    stage = replay(events).stage
    assert isinstance(stage, Screened | Admitted)
    return stage.flag


# --- certificates that change ---------------------------------------------------------------------------------------------


def certificate(*commands: Command) -> tuple[str, bool, tuple[str, ...]]:
    """What the last screening found about the certificate, whether it is met, and the facts looked at."""
    found = next(c for c in screened(*commands).criteria if c.name == "certificate")
    return found.found, found.met, found.facts


def test_a_suspended_certificate_is_not_valid_and_a_reinstated_one_is() -> None:
    """On the day of the screening; what has happened is told and cited."""
    suspended, back = changed(20, "suspended", "2026-01-15"), changed(21, "reinstated", "2026-01-25")
    facts = (event_id(2), event_id(20))
    assert certificate(*READY, suspended, screen()) == ("intermediate of 2024-05-01, suspended since 2026-01-15", False, facts)
    assert certificate(*READY, suspended, screen(on="2026-01-14")) == ("intermediate of 2024-05-01", True, facts[:1])
    assert certificate(*READY, suspended, back, screen()) == (
        "intermediate of 2024-05-01, suspended since 2026-01-15, reinstated on 2026-01-25",
        True,
        (*facts, event_id(21)),
    )
    assert certificate(*READY, suspended, back, screen(on="2026-01-24"))[:2] == (
        "intermediate of 2024-05-01, suspended since 2026-01-15",
        False,
    )


@pytest.mark.parametrize("what", ["revoked", "superseded"])
def test_a_revoked_or_superseded_certificate_is_not_valid(what: str) -> None:
    assert certificate(*READY, changed(20, what, "2026-01-15"), screen())[:2] == (
        f"intermediate of 2024-05-01, {what} on 2026-01-15",
        False,
    )


def test_a_downgraded_certificate_counts_as_what_it_is_now() -> None:
    downgraded = changed(20, "downgraded", "2026-01-15", "junior")
    assert certificate(*READY, downgraded, screen())[:2] == (
        "intermediate of 2024-05-01, downgraded to junior on 2026-01-15",
        False,
    )


def test_of_two_certificates_the_later_one_counts() -> None:
    """It has superseded the other one, which does not come back when it is suspended."""
    file = (*READY, certified(12, "senior", "2025-05-01"))
    assert certificate(*file, screen())[:2] == ("senior of 2025-05-01", True)
    assert certificate(*file, changed(20, "suspended", "2026-01-15", certificate=12), screen())[:2] == (
        "senior of 2025-05-01, suspended since 2026-01-15",
        False,
    )


def test_a_certificate_that_has_expired_is_none() -> None:
    """Whatever happened to it before."""
    file = (registered(), certified(until="2026-01-20"), rated(), inspected(), nominate(), profiled())
    assert certificate(*file, screen()) == ("none", False, ())
    assert certificate(*file, changed(20, "suspended", "2026-01-15"), screen()) == ("none", False, ())


def test_a_suspension_flags_a_candidate_and_the_reinstatement_lifts_the_flag() -> None:
    turns = (changed(20, "suspended", "2026-02-15"), changed(21, "reinstated", "2026-02-25"))
    assert flags(*IN, *turns) == [("failed", ["certificate"]), ("passed", [])]
    on_file(*IN, turns[0]).when(place()).rejected("flagged", "data.person")


# --- a closed registration ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [PASSED, IN])
def test_a_closed_registration_flags_a_candidate(before: Sequence[Command]) -> None:
    """Whatever the standard asks: it has no such criterion, so there is no clause."""
    heard, flag = on_file(*before).when(closed(20, "2026-02-15")).events
    assert isinstance(heard.event, FactHeard)
    assert isinstance(flag.event, CandidateFlagged)
    assert (flag.event.result, flag.event.because) == ("failed", event_id(20))
    assert [c for c in flag.event.criteria if not c.met] == [
        CriterionResult(
            name="registration", required="open", found="closed since 2026-02-16", met=False, facts=(event_id(20),), clause=""
        )
    ]


def test_a_candidate_whose_registration_is_closed_is_neither_admitted_nor_placed() -> None:
    on_file(*PASSED, closed(20, "2026-02-05")).when(admit()).rejected("flagged", "data.person")
    on_file(*IN, closed(20, "2026-02-15")).when(place()).rejected("flagged", "data.person")


def test_a_reopened_registration_lifts_the_flag() -> None:
    """The result says on which facts."""
    turns = (closed(20, "2026-02-15"), reopened(21, "2026-02-20"))
    assert flags(*IN, *turns) == [("failed", ["registration"]), ("passed", [])]
    lifted = after(*IN, *turns)[-1].event
    assert isinstance(lifted, CandidateFlagged)
    assert [(c.found, c.facts) for c in lifted.criteria if c.name == "registration"] == [
        ("reopened on 2026-02-20", (event_id(20), event_id(21)))
    ]
    assert isinstance(on_file(*IN, *turns).when(place()).events[0].event, CandidatePlaced)


def test_a_withdrawn_closing_lifts_the_flag() -> None:
    assert flags(*IN, closed(20, "2026-02-15"), withdrawn(21, closed(20, "2026-02-15"))) == [
        ("failed", ["registration"]),
        ("passed", []),
    ]


def test_who_is_screened_while_the_registration_is_closed_is_flagged_at_once() -> None:
    """The screening is by the standard, the flag by the registration; one that was closed and reopened before flags nobody."""
    events = on_file(*READY, closed(20, "2026-01-20")).when(screen()).events
    assert [type(e.event) for e in events] == [CandidateScreened, CandidateFlagged]
    assert flags(*READY, closed(20, "2025-01-20"), reopened(21, "2025-03-01"), screen()) == []


def test_a_move_or_a_recognition_flags_nobody() -> None:
    """A candidacy stays in the pool in which it began."""
    assert flags(*IN, moved(20, "2026-02-15"), recognised(21, "2026-02-16")) == []
    assert seat_of(state(*IN, moved(20, "2026-02-15"))) == (DIVISION, "near-term")


# --- in any order -------------------------------------------------------------------------------------------------------

FACTS: tuple[Hear, ...] = (
    certified(),
    certified(12, "senior", "2026-02-14"),
    rated(),
    rated(13, "excellent", 2025, "2026-02-12"),
    inspected(),
    inspected(14, "failed", 2026, "2026-02-15"),
    engaged(),
    changed(15, "suspended", "2026-02-13"),
    changed(16, "reinstated", "2026-02-16"),
    changed(17, "downgraded", "2026-02-17", "junior", 12),
    closed(18, "2026-02-14"),
    reopened(19, "2026-02-18"),
    moved(20, "2026-02-11"),
    recognised(24, "2026-02-11"),
)
GONE: tuple[Hear, ...] = (
    withdrawn(21, certified()),
    withdrawn(22, FACTS[5]),
    withdrawn(23, FACTS[3]),
    withdrawn(25, FACTS[8]),
    withdrawn(26, FACTS[11]),
)


@settings(max_examples=60)
@any_of(facts=st.permutations(FACTS), acts=st.integers(0, len(FACTS)))
def test_facts_before_between_or_after_nomination_and_profile_lead_to_the_same_state(facts: Sequence[Hear], acts: int) -> None:
    """And so to the same screening."""
    mixed: tuple[Command, ...] = (registered(), *facts[:acts], nominate(), profiled(), *facts[acts:])
    expected = state(registered(), *FACTS, nominate(), profiled())
    found = state(*mixed)
    assert (found.facts, found.standing, found.stage, found.profiles) == (
        expected.facts, expected.standing, expected.stage, expected.profiles,
    )  # fmt: skip
    assert (
        screened(*mixed, screen(on="2026-02-20")).criteria
        == screened(registered(), *FACTS, nominate(), profiled(), screen(on="2026-02-20")).criteria
    )


@settings(max_examples=100)
@any_of(chosen=st.sets(st.sampled_from(range(3, len(FACTS)))), gone=st.sets(st.sampled_from([1, 2, 3, 4])), data=st.data())
def test_the_flag_depends_on_the_facts_not_on_their_order(chosen: set[int], gone: set[int], data: st.DataObject) -> None:
    """Some of the facts, with withdrawals after them; and each is heard once, however often it comes."""
    facts, withdrawals = [FACTS[n] for n in sorted(chosen)], [GONE[n] for n in sorted(gone)]
    late = [*data.draw(st.permutations(facts)), *withdrawals]
    again = data.draw(st.lists(st.sampled_from(late), max_size=3)) if late else []
    assert flagged(after(*IN, *late, *again)) == flagged(after(*IN, *facts, *withdrawals))


ACTS = (
    *READY, screen(), admit(), remove(), place(), *FACTS, *GONE, nominate(201, "2026-02-25", pool="pool-2"),
    profiled(202, "2026-02-26", degree="associate"), screen(203, "2026-02-27"), admit(204, "2026-02-28"),
)  # fmt: skip


@settings(max_examples=150)
@any_of(commands=st.lists(st.sampled_from(ACTS), max_size=14))
def test_to_decide_twice_is_to_decide_once(commands: Sequence[Command]) -> None:
    """Whatever has happened: the same command at once again leads to nothing, or is refused as it was."""
    known = Member()
    for command in (registered(), *commands):
        try:
            events = decide(command, known, AROUND)
        except (Rejected, StandsOtherwise):
            continue
        on = command.effective_on if isinstance(command, Hear) else command.stamp.on
        first = event_id(1) if isinstance(command, Hear) else command.stamp.event_id
        for event in events:
            known = evolve(known, Happened(first, on, event))
        assert decide(command, known, AROUND) == ()


@settings(max_examples=100)
@any_of(commands=st.lists(st.sampled_from(ACTS), max_size=14))
def test_no_sequence_of_commands_reaches_a_stage_without_the_one_before(commands: Sequence[Command]) -> None:
    """Read from the events alone."""
    kept: list[Any] = []
    known = Member()
    for command in (registered(), *commands):
        try:
            events = decide(command, known, AROUND)
        except (Rejected, StandsOtherwise):
            continue
        for event in events:
            known = evolve(known, Happened(event_id(len(kept) + 500), date(2026, 1, 1), event))
            kept.append(event)
    stages = [type(e) for e in kept if not isinstance(e, FactHeard | CandidateProfiled | CandidateFlagged)]
    follows: dict[Any, tuple[Any, ...]] = {
        CandidateNominated: (None, CandidateRemoved, CandidatePlaced),
        CandidateScreened: (CandidateNominated, CandidateScreened),
        CandidateAdmitted: (CandidateScreened,),
        CandidatePlaced: (CandidateAdmitted,),
        CandidateRemoved: (CandidateNominated, CandidateScreened, CandidateAdmitted),
    }
    for before, now in zip([None, *stages], stages, strict=False):
        assert before in follows[now]


def test_each_stage_is_a_state_of_its_own() -> None:
    kinds = [type(state(*c).stage) for c in ((registered(), nominate()), PASSED, IN, (*IN, remove()), (*IN, place()))]
    assert kinds == [Nominated, Screened, Admitted, Removed, Placed]
    assert stream_of(REF) == f"worker-{REF}"


def test_hearing_a_correction_moves_what_stands() -> None:
    """The corrected fact leaves the slot to its correction."""
    better = hear(30, certified(grade="senior").particulars, "2024-05-01", slot="certificate/C-2", fact=30)
    known = state(registered(), certified(), better)
    assert [fact.event_id for fact in standing_facts(known)] == [event_id(1), event_id(30)]
