"""A cycle goes from its opening to its conclusion in order; raters count once; conduct counts in its period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given as any_of
from hypothesis import settings
from hypothesis import strategies as st

from contracts.appraisal_events import (
    AppealDecided,
    CycleConcluded,
    CycleOpened,
    CyclePublished,
    CycleScored,
    HonourAwarded,
    Mark,
    PersonEnrolled,
    PointsRecorded,
    RatingGiven,
    RatingsConcluded,
    ResultMeasured,
    ResultsScored,
    SanctionImposed,
)
from contracts.particulars import EngagementEnd, EngagementStart, Registration
from contracts.registry import FactOrigin
from eventlog.decider import fold
from services.talent import appraisal, conduct, marking
from services.talent.acts import Stamp
from services.talent.appraisal import CycleAround, CycleCommand, CycleHappened, CycleState, NotOpened, Reach, final_ratings
from services.talent.conduct import highest_step, in_period
from services.talent.marking import MarkingAround, Ratee, needs_of_marking, place_on, standing_marks
from services.talent.screening import KnownFact
from tests.specs import Given, decided, given
from tests.support import NOW, event_id
from tests.talent.cycle_example import cycle_text, document, ref, roster

CYCLE = "hr/annual-2025"
ME = ref(0)


def stamp(number: int, on: str, person: str = "", source: str = "hr", minute: int | None = None) -> Stamp:
    told = datetime(2026, 1, 6, 8, tzinfo=UTC) + timedelta(minutes=number if minute is None else minute)
    return Stamp(event_id(number), person, FactOrigin(source=source, id=f"m-{number}", occurred_at=told), date.fromisoformat(on), NOW)  # fmt: skip # noqa: E501


# --- a cycle ------------------------------------------------------------------------------------------------------------

OPENED = appraisal.OpenCycle(stamp(1, "2026-01-05"), CYCLE, document(), cycle_text(), "f" * 64)
SCORE = appraisal.Score(stamp(2, "2026-02-01"), CYCLE)
PUBLISH = appraisal.Publish(stamp(3, "2026-02-02"), CYCLE, date(2026, 2, 7))
APPEAL = appraisal.Appeal(stamp(4, "2026-02-03", ref(1)), CYCLE, "hr/s-1", "漏计一项实绩")
CONCLUDE = appraisal.Conclude(stamp(6, "2026-02-08"), CYCLE)


def even(points: int, **more: Any) -> dict[str, Any]:
    return {"ratings": [(role, (100 * points, 100 * points)) for role in (0, 1)], **more}


PEOPLE = [even(95), even(92), *[even(80)] * 4, even(65), even(50), *[even(70)] * 2]
AROUND = CycleAround(roster(PEOPLE))


def upheld(rating: str = "excellent", number: int = 5, person: str = ref(1)) -> appraisal.DecideAppeal:
    return appraisal.DecideAppeal(stamp(number, "2026-02-04", person), CYCLE, "hr/s-1", "upheld", rating, "实绩属实")


def run(*commands: CycleCommand, around: CycleAround = AROUND) -> list[CycleHappened]:
    made, events = appraisal.cycle_decider(around, [event_id(900)]), list[CycleHappened]()
    for command in commands:
        events += decided(made, command, fold(made, events))
    return events


def cycle(*commands: CycleCommand, around: CycleAround = AROUND) -> Given[CycleCommand, CycleHappened, CycleState]:
    return given(appraisal.cycle_decider(around, [event_id(900)]), run(*commands, around=around))


def test_a_cycle_is_opened_with_its_document_as_it_was_written() -> None:
    cycle().when(OPENED).then(
        CycleHappened(
            event_id(1),
            date(2026, 1, 5),
            CycleOpened(cycle=CYCLE, origin=OPENED.stamp.origin, document=document(), text=cycle_text(), text_sha256="f" * 64),
        )
    )
    cycle(OPENED).when(OPENED).nothing()
    other = replace(OPENED, document=document(title="title: 另一个"))
    cycle(OPENED).when(other).rejected("cycle-exists", "data.cycle")


def other(**changed: Any) -> CycleAround:
    return CycleAround(others=(replace(Reach.of("hr/other", document()), **changed),))


@pytest.mark.parametrize(
    ("around", "free"),
    [
        (other(), False),
        (other(division="320000"), False),
        (other(division="320104"), True),
        (other(period="monthly"), True),
        (other(first_day=date(2026, 1, 1), last_day=date(2026, 12, 31)), True),
        (other(scope=document(scope="scope: {categories: [recruited], grades: [senior]}").scope), False),
        (other(scope=document(scope="scope: {categories: [secretary], units: [u-1]}").scope), False),
        (other(scope=document().scope.model_copy(update={"categories": ("instructor",)})), True),
    ],
)
def test_nobody_is_appraised_twice_for_the_same_time(around: CycleAround, free: bool) -> None:
    """Another cycle of the same kind of period, on the same days, whose people may be the same."""
    asked = cycle(around=around).when(OPENED)
    if free:
        assert len(asked.events) == 1
    else:
        asked.rejected("scope-overlaps", "data.text")


def test_a_scoring_records_every_result_in_parts_that_fit_into_an_event() -> None:
    """And scoring again what has not changed records nothing."""
    many = CycleAround(roster([even(80)] * 450))
    events = [happened.event for happened in run(OPENED, SCORE, around=many)[1:]]
    scored, *parts = events
    assert isinstance(scored, CycleScored)
    assert (scored.people, scored.scored, scored.ratings) == (450, 450, 900)
    assert [(part.part, len(part.results)) for part in parts if isinstance(part, ResultsScored)] == [
        (1, 200),
        (2, 200),
        (3, 50),
    ]
    cycle(OPENED, SCORE, around=many).when(SCORE).nothing()
    again = given(appraisal.cycle_decider(AROUND), run(OPENED, SCORE, around=many)).when(SCORE)
    assert len(again.events) == 2


def test_the_stages_come_in_order() -> None:
    """None can be skipped; a stage that was reached is not reached again."""
    cycle().when(SCORE).rejected("no-such-cycle")
    cycle(OPENED).when(PUBLISH).rejected("stage-skipped")
    cycle(OPENED, SCORE).when(APPEAL).rejected("stage-skipped")
    cycle(OPENED, SCORE).when(CONCLUDE).rejected("stage-skipped")
    cycle(OPENED, SCORE, PUBLISH).when(SCORE).rejected("cycle-published")
    cycle(OPENED, SCORE, PUBLISH).when(PUBLISH).nothing()
    cycle(OPENED, SCORE, PUBLISH, CONCLUDE).when(CONCLUDE).nothing()
    for command in (SCORE, PUBLISH, APPEAL):
        cycle(OPENED, SCORE, PUBLISH, CONCLUDE).when(command).rejected("cycle-concluded")


def test_nothing_is_scored_while_ratings_are_still_given() -> None:
    cycle(OPENED).when(appraisal.Score(stamp(2, "2026-01-31"), CYCLE)).rejected("ratings-open", "effectiveon")
    cycle(OPENED, around=CycleAround(roster([]))).when(SCORE).rejected("nobody-enrolled")


def test_what_is_published_is_what_the_ratings_come_to_now() -> None:
    """A rating that came after the scoring makes it stale."""
    changed = CycleAround(roster([even(60), *PEOPLE[1:]]))
    stale = given(appraisal.cycle_decider(changed), run(OPENED, SCORE)).when(PUBLISH)
    stale.rejected("scores-stale")
    (published,) = cycle(OPENED, SCORE).when(PUBLISH).events
    assert published.event == CyclePublished(
        cycle=CYCLE, origin=PUBLISH.stamp.origin, scored=event_id(2), appeals_until=date(2026, 2, 7)
    )


def test_only_the_source_that_opened_a_cycle_or_an_operator_moves_it_on() -> None:
    """Anybody may appeal on a person's behalf."""
    cycle(OPENED).when(replace(SCORE, stamp=stamp(2, "2026-02-01", source="training"))).rejected("not-yours", "data.cycle")
    assert len(cycle(OPENED).when(replace(SCORE, stamp=stamp(2, "2026-02-01", source="operator"))).events) == 2
    assert len(cycle(OPENED, SCORE, PUBLISH).when(replace(APPEAL, stamp=stamp(4, "2026-02-03", ref(1), "union"))).events) == 1


def test_an_appeal_is_made_in_time_by_somebody_with_a_result() -> None:
    before = (OPENED, SCORE, PUBLISH)
    cycle(*before).when(replace(APPEAL, stamp=stamp(4, "2026-02-08", ref(1)))).rejected("too-late", "effectiveon")
    cycle(*before).when(replace(APPEAL, stamp=stamp(4, "2026-02-03", ref(77)))).rejected("not-in-cycle", "data.person")
    cycle(*before, APPEAL).when(APPEAL).nothing()
    cycle(*before, APPEAL).when(replace(APPEAL, appeal="hr/s-2")).rejected("appeal-open")
    cycle(*before, APPEAL).when(replace(APPEAL, grounds="别的")).rejected("appeal-exists")


def test_an_appeal_betters_a_rating_within_the_limit() -> None:
    """One of ten may be excellent and has it; the limit of 20 % leaves one more place, and then none."""
    before = (OPENED, SCORE, PUBLISH, APPEAL)
    (decided,) = cycle(*before).when(upheld()).events
    assert isinstance(decided.event, AppealDecided)
    cycle(*before).when(upheld("good")).rejected("unknown-rating", "data.rating")
    cycle(*before).when(upheld("basic")).rejected("not-better", "data.rating")
    second = replace(APPEAL, stamp=stamp(7, "2026-02-03", ref(2)), appeal="hr/s-2")
    full = (*before, upheld(), second)
    cycle(*full).when(replace(upheld(number=8, person=ref(2)), appeal="hr/s-2")).rejected("above-limit", "data.rating")
    cycle(*before).when(replace(upheld(), appeal="hr/s-9")).rejected("no-such-appeal")
    cycle(*before, upheld()).when(upheld()).nothing()
    cycle(*before, upheld()).when(upheld("competent")).rejected("decided-already")


def test_an_appeal_does_not_lift_a_sanction() -> None:
    barred = CycleAround(roster([even(80), even(95, sanctions=["cancel_honours"]), *[even(70)] * 8]))
    cycle(OPENED, SCORE, PUBLISH, APPEAL, around=barred).when(upheld()).rejected("barred", "data.rating")


def test_a_cycle_is_concluded_when_every_appeal_is_decided_and_their_time_is_over() -> None:
    """The final ratings are those after the appeals."""
    before = (OPENED, SCORE, PUBLISH, APPEAL)
    cycle(*before).when(CONCLUDE).rejected("appeals-open")
    cycle(*before, upheld()).when(replace(CONCLUDE, stamp=stamp(6, "2026-02-07"))).rejected("appeals-not-over", "effectiveon")
    concluded, told = (happened.event for happened in cycle(*before, upheld()).when(CONCLUDE).events)
    assert isinstance(concluded, CycleConcluded)
    assert (concluded.year, concluded.rated, concluded.told) == (2025, 10, True)
    assert isinstance(told, RatingsConcluded)
    ratings = {final.person_ref: final.rating for final in told.ratings}
    assert [ratings[ref(n)] for n in (0, 1, 2, 6, 7)] == ["excellent", "excellent", "competent", "basic", "incompetent"]


def test_only_a_years_ratings_are_told_to_the_registry() -> None:
    """A quarter's are not."""
    lines = {"period": "period: quarterly", "first_day": "first_day: 2025-10-01"}
    opened = replace(OPENED, document=document(**lines), text=cycle_text(**lines))
    (concluded,) = (happened.event for happened in cycle(opened, SCORE, PUBLISH).when(CONCLUDE).events)
    assert isinstance(concluded, CycleConcluded)
    assert not concluded.told


def test_a_cancelled_cycle_takes_nothing_more() -> None:
    cancel = appraisal.Cancel(stamp(9, "2026-02-03"), CYCLE, "重新组织")
    cycle(OPENED, cancel).when(cancel).nothing()
    cycle(OPENED, cancel).when(SCORE).rejected("cycle-cancelled")
    cycle(OPENED, SCORE, PUBLISH, CONCLUDE).when(cancel).rejected("cycle-concluded")


# --- one person in it ---------------------------------------------------------------------------------------------------


def fact(number: int, says: Any, on: str) -> dict[str, KnownFact]:
    return {says.slot("hr"): KnownFact(event_id(number), date.fromisoformat(on), says)}


def post(number: int, engagement: str, on: str, category: Any = "recruited", unit: str = "u-1", full_time: bool = True) -> Any:
    says = EngagementStart(engagement=engagement, category=category, unit=unit, post="p", full_time=full_time)
    return fact(number, says, on)


STANDING = {**fact(51, Registration(division="320102"), "2020-01-01"), **post(52, "e-1", "2020-01-01")}
CYCLE_OPEN = appraisal.replay_cycle(run(OPENED))
IN_CYCLE = MarkingAround(CYCLE_OPEN, STANDING)
ENROL = marking.Enrol(stamp(11, "2026-01-05", ME), CYCLE)


def gives(number: int = 21, virtue: int = 9000, ability: int = 8000, *, role: str = "leader", rater: str = "l-1", on: str = "2026-01-10", minute: int | None = None) -> marking.Give:  # fmt: skip # noqa: E501
    marks = (Mark(item="virtue", hundredths=virtue), Mark(item="ability", hundredths=ability))
    return marking.Give(stamp(number, on, ME, minute=minute), CYCLE, role, rater, marks)


def marked(
    *commands: marking.MarkingCommand, around: MarkingAround = IN_CYCLE
) -> Given[marking.MarkingCommand, marking.MarkingHappened, Ratee]:
    made, events = marking.marking_decider(around), list[marking.MarkingHappened]()
    for command in commands:
        events += decided(made, command, fold(made, events))
    return given(made, events)


def test_a_person_is_enrolled_where_the_registrys_facts_have_them() -> None:
    """With the facts that say so; said again, nothing is new, and of another day that is told."""
    (enrolled,) = marked().when(ENROL).events
    assert enrolled.event == PersonEnrolled(
        cycle=CYCLE, person_ref=ME, origin=ENROL.stamp.origin, division="320102", category="recruited", grade="none",
        unit="u-1", profile=1, facts=(event_id(51), event_id(52)),
    )  # fmt: skip
    marked(ENROL).when(marking.Enrol(stamp(12, str(ENROL.stamp.on), ME), CYCLE)).nothing()
    marked(ENROL).when(marking.Enrol(stamp(12, "2026-01-09", ME), CYCLE)).stands_otherwise()


@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        ({}, "not registered on 2025-12-31"),
        (fact(51, Registration(division="320102"), "2020-01-01"), "not engaged on 2025-12-31"),
        (STANDING | fact(53, EngagementEnd(engagement="e-1", reason="resigned"), "2025-12-30"), "not engaged on 2025-12-31"),
        (STANDING | fact(53, EngagementEnd(engagement="e-1", reason="resigned"), "2025-12-31"), "recruited u-1"),
        (STANDING | post(53, "e-2", "2024-01-01", "secretary", "u-2"), "secretary u-2"),
        (STANDING | post(53, "e-2", "2024-01-01", "secretary", "u-2", full_time=False), "recruited u-1"),
        (STANDING | post(53, "e-2", "2026-01-01", "secretary", "u-2"), "recruited u-1"),
    ],
)
def test_where_somebody_stands_is_told_by_what_was_true_on_the_day(standing: dict[str, KnownFact], expected: str) -> None:
    """A full-time post before a part-time one, then the later one; a last day still counts."""
    found = place_on(standing, date(2025, 12, 31))
    assert expected == (found if isinstance(found, str) else f"{found.category} {found.unit}")


@pytest.mark.parametrize(
    "standing",
    [
        fact(51, Registration(division="320104"), "2020-01-01") | post(52, "e-1", "2020-01-01"),
        fact(51, Registration(division="320102"), "2020-01-01") | post(52, "e-1", "2020-01-01", "instructor"),
        fact(51, Registration(division="320102"), "2020-01-01"),
    ],
)
def test_who_is_outside_the_scope_is_not_enrolled(standing: dict[str, KnownFact]) -> None:
    marked(around=MarkingAround(CYCLE_OPEN, standing)).when(ENROL).rejected("not-in-scope", "data.person")


def test_what_has_to_come_first_is_waited_for() -> None:
    """The cycle, then the person and any engagement of theirs, then the enrolment."""
    assert needs_of_marking(gives(), Ratee(), MarkingAround(NotOpened())) == "cycle"
    assert needs_of_marking(ENROL, Ratee(), MarkingAround(CYCLE_OPEN)) == "person"
    registered = fact(51, Registration(division="320102"), "2020-01-01")
    assert needs_of_marking(ENROL, Ratee(), MarkingAround(CYCLE_OPEN, registered)) == "engagement"
    assert needs_of_marking(ENROL, Ratee(), IN_CYCLE) is None
    assert needs_of_marking(gives(), Ratee(), IN_CYCLE) == "enrolment"
    assert needs_of_marking(gives(), marked(ENROL).state, IN_CYCLE) is None


def test_a_rater_marks_every_item_that_is_asked_and_no_other() -> None:
    (given_,) = marked(ENROL).when(gives()).events
    assert isinstance(given_.event, RatingGiven)
    assert [(mark.item, mark.hundredths) for mark in given_.event.marks] == [("virtue", 9000), ("ability", 8000)]
    marked(ENROL).when(replace(gives(), marks=gives().marks[:1])).rejected("mark-missing", "data.marks")
    beyond = (*gives().marks, Mark(item="output", hundredths=1))
    marked(ENROL).when(replace(gives(), marks=beyond)).rejected("not-asked", "data.marks")
    marked(ENROL).when(gives(role="deputy")).rejected("unknown-role", "data.role")


def test_ratings_are_given_in_time_or_by_the_rule_for_late_ones() -> None:
    marked(ENROL).when(gives(on="2026-01-04")).rejected("too-early", "effectiveon")
    marked(ENROL).when(gives(on="2026-02-01")).rejected("late", "effectiveon")
    late = appraisal.replay_cycle(run(replace(OPENED, document=document(late="late: counted"))))
    assert len(marked(ENROL, around=MarkingAround(late, STANDING)).when(gives(on="2026-02-01")).events) == 1
    published = MarkingAround(appraisal.replay_cycle(run(OPENED, SCORE, PUBLISH)), STANDING)
    given(marking.marking_decider(published), []).when(gives()).rejected("cycle-published")


def test_only_the_sources_that_the_document_names_report_ratings() -> None:
    """Beside the one that opened the cycle, and operators; if it names none, every source does."""
    named = replace(OPENED, document=document(late="late: refused\nsources: [appraisal]"))
    around = MarkingAround(appraisal.replay_cycle(run(named)), STANDING)
    for source, taken in (("appraisal", True), ("hr", True), ("operator", True), ("training", False)):
        asked = marked(ENROL, around=around).when(replace(gives(), stamp=stamp(21, "2026-01-10", ME, source)))
        if taken:
            assert len(asked.events) == 1
        else:
            asked.rejected("not-a-source-of-the-cycle", "source")


def test_what_is_measured_is_what_the_persons_weights_have() -> None:
    secretary = MarkingAround(CYCLE_OPEN, STANDING | post(53, "e-2", "2024-01-01", "secretary"))
    measure = marking.Measure(stamp(31, "2026-01-10", ME), CYCLE, "output", 9)
    (measured,) = marked(ENROL, around=secretary).when(measure).events
    assert isinstance(measured.event, ResultMeasured)
    marked(ENROL).when(measure).rejected("not-asked", "data.item")


def withdraws(number: int, minute: int, rater: str = "l-1") -> marking.Withdraw:
    return marking.Withdraw(stamp(number, "2026-01-12", ME, minute=minute), CYCLE, "leader", rater, "误评")


def test_a_rater_counts_once_with_what_was_said_last() -> None:
    """Not with what came last; and what was withdrawn counts for nothing."""
    state = marked(ENROL, gives(21, 9000, minute=40), gives(22, 7000, minute=30)).state
    assert [mark.hundredths for mark in standing_marks(state)["leader", "l-1"]] == [9000, 8000]
    state = marked(ENROL, withdraws(23, 50), gives(21, 9000, minute=40), gives(24, 9000, rater="l-2")).state
    assert standing_marks(state).keys() == {("leader", "l-2")}


said = st.lists(
    st.tuples(st.integers(0, 59), st.sampled_from(["l-1", "l-2"]), st.one_of(st.none(), st.integers(0, 10_000))),
    max_size=6,
    unique_by=lambda each: each[0],
)


@settings(max_examples=120, deadline=None)
@any_of(said=said, data=st.data())
def test_order_and_repetition_of_ratings_do_not_matter(said: list[tuple[int, str, int | None]], data: st.DataObject) -> None:
    """Given, changed, withdrawn and given again, in any order and twice: the same marks count."""
    commands = [
        withdraws(100 + minute, minute, rater) if mark is None else gives(100 + minute, mark, rater=rater, minute=minute)
        for minute, rater, mark in said
    ]
    shuffled: Sequence[marking.MarkingCommand] = data.draw(st.permutations([*commands, *commands[:2]]))
    expected = {("leader", rater): mark for _, rater, mark in sorted(said, key=lambda each: each[0])}
    found = {rater: marks[0].hundredths for rater, marks in standing_marks(marked(ENROL, *shuffled).state).items()}
    assert found == {rater: mark for rater, mark in expected.items() if mark is not None}


# --- conduct ------------------------------------------------------------------------------------------------------------


def points(number: int, count: int, on: str = "2025-05-01") -> conduct.RecordPoints:
    return conduct.RecordPoints(stamp(number, on, ME), f"hr/p-{number}", count, "示例")


def sanction(number: int, step: Any, on: str, until: str | None = None) -> conduct.ImposeSanction:
    last = None if until is None else date.fromisoformat(until)
    return conduct.ImposeSanction(stamp(number, on, ME), f"hr/s-{number}", step, last, "示例")


def lift(number: int, of: int, on: str) -> conduct.LiftSanction:
    return conduct.LiftSanction(stamp(number, on, ME), f"hr/s-{of}", "整改到位")


HONOUR = conduct.AwardHonour(stamp(70, "2025-07-01", ME), "hr/h-1", "优秀党务工作者", "county")


def behaved(*commands: conduct.ConductCommand) -> Given[conduct.ConductCommand, conduct.ConductHappened, conduct.Conduct]:
    made, events = conduct.conduct_decider(), list[conduct.ConductHappened]()
    for command in commands:
        events += decided(made, command, fold(made, events))
    return given(made, events)


def counted(*commands: conduct.ConductCommand) -> tuple[int, int, tuple[str, ...]]:
    found = in_period(behaved(*commands).state.entries.values(), date(2025, 1, 1), date(2025, 12, 31))
    return found.points, found.honours, found.sanctions


def test_points_and_honours_count_in_the_period_of_their_day() -> None:
    """Earned and deducted; what was withdrawn counts for nothing."""
    assert counted(points(61, 5), points(62, -2), points(63, 9, "2024-12-31"), points(64, 9, "2026-01-01"), HONOUR) == (
        3,
        1,
        (),
    )
    withdrawn = conduct.WithdrawConduct(stamp(65, "2025-06-01", ME), "hr/p-61", "误报")
    assert counted(points(61, 5), withdrawn) == (0, 0, ())
    behaved(points(61, 5), withdrawn).when(withdrawn).nothing()


@pytest.mark.parametrize(
    ("commands", "steps"),
    [
        ((sanction(61, "interview", "2025-12-31"),), ("interview",)),
        ((sanction(61, "interview", "2026-01-01"),), ()),
        ((sanction(61, "interview", "2024-01-01", "2024-12-31"),), ()),
        ((sanction(61, "interview", "2024-01-01", "2025-01-01"),), ("interview",)),
        ((sanction(61, "interview", "2024-01-01"), lift(62, 61, "2024-12-31")), ()),
        ((sanction(61, "rectification", "2025-03-01"), sanction(62, "cancel_honours", "2025-02-01")),
         ("cancel_honours", "rectification")),
    ],
)  # fmt: skip
def test_a_sanction_counts_if_it_was_in_force_on_a_day_of_the_period(commands: Any, steps: tuple[str, ...]) -> None:
    assert counted(*commands) == (0, 0, steps)


def test_of_several_sanctions_the_gravest_step_of_the_ladder_is_told() -> None:
    entries = behaved(sanction(61, "rectification", "2025-03-01"), sanction(62, "cancel_honours", "2025-02-01")).state.entries
    assert highest_step(entries.values(), date(2025, 2, 15)) == "cancel_honours"
    assert highest_step(entries.values(), date(2025, 3, 15)) == "rectification"
    assert highest_step(entries.values(), date(2025, 1, 15)) is None


def test_an_entry_says_one_thing_and_is_lifted_once() -> None:
    imposed = sanction(61, "interview", "2025-03-01")
    assert [type(each.event) for each in behaved().when(imposed).events] == [SanctionImposed]
    assert [type(each.event) for each in behaved().when(points(61, 1)).events] == [PointsRecorded]
    assert [type(each.event) for each in behaved().when(HONOUR).events] == [HonourAwarded]
    behaved(imposed).when(imposed).nothing()
    behaved(imposed).when(sanction(61, "transfer_out", "2025-03-01")).rejected("entry-exists", "data.entry")
    behaved().when(sanction(61, "interview", "2025-03-01", "2025-02-01")).rejected("reversed", "data.until")
    behaved(imposed).when(lift(62, 61, "2025-02-01")).rejected("reversed", "effectiveon")
    behaved(imposed, lift(62, 61, "2025-04-01")).when(lift(63, 61, "2025-04-01")).nothing()
    behaved(imposed, lift(62, 61, "2025-04-01")).when(lift(63, 61, "2025-05-01")).rejected("lifted-already")
    behaved(points(61, 1)).when(replace(lift(62, 61, "2025-05-02"), entry="hr/p-61")).rejected("no-sanction")


def test_the_final_ratings_are_those_of_the_results_and_of_the_appeals() -> None:
    state = appraisal.replay_cycle(run(OPENED, SCORE, PUBLISH, APPEAL, upheld()))
    assert isinstance(state, appraisal.Published)
    assert [final_ratings(state)[ref(n)] for n in (0, 1)] == ["excellent", "excellent"]
