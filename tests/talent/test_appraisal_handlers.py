"""What becomes of messages about appraisals and conduct: held, decided, refused; the tables, and what the registry is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from console.replay import rebuild_and_compare
from contracts.appraisal_events import CycleConcluded, RatingsConcluded, ResultsScored
from contracts.intake import fact_subject, parse
from contracts.particulars import EngagementStart, Registration
from eventlog import schema
from eventlog.database import Database
from eventlog.desk import Item
from eventlog.relay import Relay, cursor_of
from services.talent import app, marking
from services.talent.appraisal_views import (
    appraisal_cycle,
    appraisal_person,
    appraisal_rating,
    appraisal_result,
    conduct,
    conduct_of,
    cycle_row,
    cycles,
    results,
)
from services.talent.conclusions import RATINGS_RELAY, concluded_of, rating_id_of, read_conclusions
from services.talent.handlers import Talent
from tests.eventlog.fakes import FakePublisher, Notes
from tests.support import intake_bytes, new_log, run
from tests.talent.cycle_example import cycle_text, ref
from tests.talent.example import hear
from tests.talent.test_handlers import HOLD_SECONDS, Bench, _erase
from tests.telling import as_told

CYCLE = "hr/annual-2025"
PEOPLE = 5
UPHELD = {"outcome": "upheld", "rating": "excellent", "reason": "属实"}


class AppraisalBench(Bench):
    """The talent service with all of its read models, and words for messages about appraisals."""

    def __init__(self, database: Database, seed: int = 1) -> None:
        super().__init__(database, seed)
        self.log = new_log(database, "talent", app.CODEC, app.talent_views(), clock=self.clock, seed=seed)
        self.talent = self.new_talent()

    def new_talent(self) -> Talent:
        return Talent(self.log, hold_seconds=HOLD_SECONDS, wake=lambda: None, erase=_erase)

    def says(self, fact: str, id: str, on: str, person: str | None = None, *, source: str = "hr", time: str = "08:00", **data: Any) -> Item:  # fmt: skip # noqa: E501
        said = data if person is None else {"person": {"person_ref": person}, **data}
        raw = intake_bytes(fact, said, id=id, source=source, on=on, time=f"2026-01-06T{time}:00Z")
        return Item(fact_subject(source, "talent", f"intake.{fact}.v1"), raw, next(self.sequence))

    def opens(self, text: str | None = None, id: str = "open-1", key: str = "annual-2025") -> Item:
        return self.says("appraisal-cycle-opened", id, "2026-01-05", cycle=key, text=text or cycle_text())

    def enrols(self, person: str) -> Item:
        return self.says("appraisal-person-enrolled", f"enrol-{person}", "2026-01-05", person, cycle="annual-2025")

    def rates(self, person: str, points: int, role: str = "leader", rater: str = "r-1", **more: Any) -> Item:
        marks = [{"item": item, "hundredths": 100 * points} for item in ("virtue", "ability")]
        id = more.pop("id", f"rate-{person}-{role}-{rater}-{points}")
        data: dict[str, Any] = {"cycle": "annual-2025", "role": role, "rater": rater, "marks": marks}
        return self.says("appraisal-rating-given", id, more.pop("on", "2026-01-10"), person, **data, **more)

    def both(self, person: str, points: int) -> list[Item]:
        return [self.rates(person, points), self.rates(person, points, "staff")]

    def acts(self, fact: str, id: str, on: str, person: str | None = None, **data: Any) -> Item:
        return self.says(f"appraisal-{fact}", id, on, person, cycle="annual-2025", **data)

    def scores(self, id: str = "score-1", **more: Any) -> Item:
        return self.acts("cycle-scored", id, "2026-02-01", **more)

    def publishes_results(self, id: str = "publish-1") -> Item:
        return self.acts("cycle-published", id, "2026-02-02", appeals_until="2026-02-07")

    def stage(self) -> tuple[str, str]:
        with self.log.database.read.connect() as connection:
            row = cycle_row(connection, CYCLE)
        assert row is not None
        return row["stage"], row["since"]

    def ratings(self) -> list[tuple[str, int | None, int | None, str | None]]:
        with self.log.database.read.connect() as connection:
            return [(r["person_ref"], r["score"], r["rank"], r["final"]) for r in results(connection, CYCLE)]


@pytest.fixture
def bench(database: Database) -> AppraisalBench:
    return AppraisalBench(database)


@pytest.fixture
def lite(sqlite_url: str, open_database: Callable[[str], Database]) -> AppraisalBench:
    return AppraisalBench(open_database(sqlite_url))


def told(people: int = PEOPLE) -> list[Item]:
    """The registry's events: everybody is registered and engaged."""
    commands = []
    for number in range(people):
        registration = hear(2 * number + 1, Registration(division="320102"), "2020-06-01")
        says = EngagementStart(engagement=f"e-{number}", category="recruited", unit="u-1", post="p")
        engagement = hear(2 * number + 2, says, "2021-01-01")
        commands += [replace(registration, person_ref=ref(number)), replace(engagement, person_ref=ref(number))]
    return as_told(commands)


def everything(bench: AppraisalBench, people: int = PEOPLE) -> list[Item]:
    """A cycle in which people have 95, 90, 85, … points."""
    items = [bench.opens()]
    for number in range(people):
        items += [bench.enrols(ref(number)), *bench.both(ref(number), 95 - 5 * number)]
    return items


# --- a cycle, from its opening to its conclusion ------------------------------------------------------------------------


def test_a_cycle_is_carried_from_its_opening_to_the_ratings(bench: AppraisalBench) -> None:
    """In one batch up to the publication; the tables show where it has come to, and a replay makes the same ones."""
    bench.hear(*told())
    bench.take(*everything(bench), bench.scores(), bench.publishes_results())
    assert {outcome for _, outcome, _ in bench.outcomes} == {"accepted"}
    assert bench.stage() == ("published", "2026-02-02")
    assert bench.ratings() == [
        (ref(0), 9500, 1, "competent"), (ref(1), 9000, 2, "competent"), (ref(2), 8500, 3, "competent"),
        (ref(3), 8000, 4, "competent"), (ref(4), 7500, 5, "competent"),
    ]  # fmt: skip
    bench.take(
        bench.acts("result-appealed", "appeal-1", "2026-02-03", ref(0), appeal="s-1", grounds="漏计一项实绩"),
        bench.acts("appeal-decided", "decide-1", "2026-02-04", ref(0), appeal="s-1", **UPHELD),
        bench.acts("cycle-concluded", "conclude-1", "2026-02-08"),
    )
    assert [outcome for _, outcome, _ in bench.outcomes[-3:]] == ["accepted"] * 3
    assert bench.stage() == ("concluded", "2026-02-08")
    assert bench.ratings()[0] == (ref(0), 9500, 1, "excellent")
    concluded, parts = [e.event for e in bench.events[-2:]]
    assert isinstance(concluded, CycleConcluded)
    assert isinstance(parts, RatingsConcluded)
    assert (concluded.rated, [final.rating for final in parts.ratings]) == (5, ["excellent", *["competent"] * 4])
    assert rebuild_and_compare(bench.log).differences == []


def test_each_message_in_a_batch_of_its_own_comes_to_the_same(bench: AppraisalBench) -> None:
    bench.hear(*told())
    for item in (*everything(bench), bench.scores(), bench.publishes_results()):
        bench.take(item)
    assert [rank for _, _, rank, _ in bench.ratings()] == [1, 2, 3, 4, 5]
    assert bench.stage() == ("published", "2026-02-02")


def test_what_comes_before_what_it_needs_is_held_and_then_counts(bench: AppraisalBench) -> None:
    """Ratings before the enrolment, that before the cycle, and everything before the registry tells of the people."""
    items = everything(bench)
    bench.take(
        *items[1:], *[bench.says("points-recorded", "points-1", "2025-05-01", ref(0), entry="p-1", points=3, reason="示例")]
    )
    assert {outcome for _, outcome, _ in bench.outcomes} == {"waiting"}
    assert {r.waiting_for for r in bench.receipts} == {"cycle hr/annual-2025", "the person's registration"}
    bench.take(items[0])
    registry = told()
    for item in registry[:-1]:
        bench.hear(item)
    last = f"worker-{ref(4)}#an engagement", *[f"ratings-{CYCLE}/{ref(4)}#"] * 2
    assert sorted(row.need.removeprefix("made:") for row in bench.rows(schema.held)) == sorted(last)
    bench.hear(registry[-1])
    assert bench.rows(schema.held) == []
    bench.take(bench.scores())
    assert [score for _, score, _, _ in bench.ratings()] == [9530, 9000, 8500, 8000, 7500]


def test_a_decision_that_comes_before_its_appeal_waits_for_it(bench: AppraisalBench) -> None:
    """Two systems report them, and one is faster."""
    bench.hear(*told())
    bench.take(*everything(bench), bench.scores(), bench.publishes_results())
    bench.take(bench.acts("appeal-decided", "decide-1", "2026-02-04", ref(0), appeal="s-1", appeal_source="hr", **UPHELD))
    assert (bench.outcomes[-1][1], bench.receipts[-1].waiting_for) == ("waiting", "appeal hr/s-1")
    bench.take(bench.acts("result-appealed", "appeal-1", "2026-02-03", ref(0), appeal="s-1", grounds="漏计一项实绩"))
    assert bench.outcomes[-2:] == [("appeal-1", "accepted", []), ("decide-1", "accepted", [])]
    assert bench.ratings()[0] == (ref(0), 9500, 1, "excellent")


def test_a_wrong_document_is_refused_at_its_line_and_key(lite: AppraisalBench) -> None:
    lite.take(lite.opens(cycle_text().replace("{item: virtue, percent: 50}", "{item: virtue, percent: 60}")))
    (receipt,) = lite.receipts
    (why,) = receipt.problems
    assert (receipt.outcome, why.code, why.field) == ("refused", "not-100", "data.text:26:5 weights[1].items")


def test_two_cycles_do_not_appraise_the_same_people_for_the_same_time(bench: AppraisalBench) -> None:
    """Also within one batch; another quarter or the one that was cancelled is no hindrance."""
    bench.take(bench.opens(), bench.opens(id="open-2", key="again"))
    assert bench.outcomes[-1] == ("open-2", "refused", ["scope-overlaps"])
    bench.take(bench.opens(id="open-3", key="again"))
    assert bench.outcomes[-1] == ("open-3", "refused", ["scope-overlaps"])
    bench.take(
        bench.acts("cycle-cancelled", "cancel-1", "2026-01-10", reason="重新组织"), bench.opens(id="open-4", key="again")
    )
    assert [outcome for _, outcome, _ in bench.outcomes[-2:]] == ["accepted", "accepted"]
    with bench.log.database.read.connect() as connection:
        assert [(row["cycle"], row["stage"]) for row in cycles(connection, "320000")] == [
            ("hr/again", "open"), ("hr/annual-2025", "cancelled"),
        ]  # fmt: skip
        assert cycles(connection, "330000") == cycles(connection, year=2024) == []


def test_two_instances_do_not_open_two_cycles_over_the_same_people(bench: AppraisalBench) -> None:
    """One decides on what the other has made old: it looks again under the lock."""
    other = bench.new_talent()
    first, second = bench.opens(), bench.opens(id="open-2", key="again")
    real_append, raced = bench.log.append, list[bool]()

    def append(*arguments: Any, **named: Any) -> Any:
        if not raced:
            raced.append(True)
            other.take([first])
        return real_append(*arguments, **named)

    bench.log.append = append  # type: ignore[method-assign]
    bench.take(second)
    assert bench.outcomes == [("open-1", "accepted", []), ("open-2", "refused", ["scope-overlaps"])]


def test_a_rating_that_comes_during_a_scoring_is_in_it(bench: AppraisalBench) -> None:
    """Scored on what another instance has made old: it is scored again."""
    bench.hear(*told())
    bench.take(*everything(bench))
    other = bench.new_talent()
    late = bench.rates(ref(4), 99, rater="r-2")
    real_append, raced = bench.log.append, list[bool]()

    def append(*arguments: Any, **named: Any) -> Any:
        if not raced:
            raced.append(True)
            other.take([late])
        return real_append(*arguments, **named)

    bench.log.append = append  # type: ignore[method-assign]
    bench.take(bench.scores())
    assert bench.outcomes[-2:] == [(f"rate-{ref(4)}-leader-r-2-99", "accepted", []), ("score-1", "accepted", [])]
    assert (ref(4), 8220, 4, "competent") in bench.ratings()


def test_a_scoring_before_a_later_rating_is_stale(bench: AppraisalBench) -> None:
    """So is one before a sanction that bars the rating; scored again, it can be published."""
    bench.hear(*told())
    bench.take(*everything(bench), bench.scores())
    bench.take(bench.rates(ref(1), 60, rater="r-2"), bench.publishes_results())
    assert bench.outcomes[-1] == ("publish-1", "refused", ["scores-stale"])
    bench.take(bench.scores("score-2"))
    sanction = {"entry": "s-1", "step": "cancel_honours", "reason": "示例"}
    bench.take(
        bench.says("sanction-imposed", "sanction-1", "2025-06-01", ref(0), **sanction), bench.publishes_results("publish-2")
    )
    assert bench.outcomes[-1] == ("publish-2", "refused", ["scores-stale"])
    bench.take(bench.scores("score-3"), bench.publishes_results("publish-3"))
    assert [outcome for _, outcome, _ in bench.outcomes[-2:]] == ["accepted", "accepted"]
    barred = [row.why for row in bench.rows(appraisal_result) if row.person_ref == ref(0)]
    assert barred == ["barred:cancel_honours"]


def test_results_of_many_people_are_recorded_in_parts(lite: AppraisalBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """None is too large for an event; all are in the table."""
    monkeypatch.setattr("services.talent.appraisal.RESULTS_MAX", 2)
    lite.hear(*told())
    lite.take(*everything(lite), lite.scores())
    parts = [e.event for e in lite.events if isinstance(e.event, ResultsScored)]
    assert [(part.part, len(part.results)) for part in parts] == [(1, 2), (2, 2), (3, 1)]
    assert len(lite.ratings()) == 5


def test_another_source_does_not_move_a_cycle_on(lite: AppraisalBench) -> None:
    """It may rate: a cycle's ratings come from wherever people rate."""
    lite.hear(*told())
    lite.take(*everything(lite), lite.rates(ref(0), 90, rater="x-1", id="rate-x", source="training", cycle_source="hr"))
    assert lite.outcomes[-1] == ("rate-x", "accepted", [])
    lite.take(lite.scores(source="training", cycle_source="hr"))
    assert lite.outcomes[-1] == ("score-1", "refused", ["not-yours"])


def test_an_unknown_item_role_or_token_is_refused_with_its_name(lite: AppraisalBench) -> None:
    """A rater's token begins with a letter: a number of a person is none."""
    lite.hear(*told())
    lite.take(*everything(lite))
    lite.take(
        lite.rates(ref(0), 90, role="deputy", id="rate-a"),
        lite.rates(ref(0), 90, rater="13900000000", id="rate-b"),
        lite.rates(ref(0), 101, id="rate-c"),
    )
    found = [(r.id, r.problems[0].field, r.problems[0].code) for r in lite.receipts[-3:]]
    assert sorted(found) == [
        ("rate-a", "data.role", "unknown-role"),
        ("rate-b", "data.rater", "bad-pattern"),
        ("rate-c", "data.marks.0.hundredths", "out-of-range"),
    ]


def test_a_rule_that_fails_stops_one_person_in_one_cycle(lite: AppraisalBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes behind is parked too, others go on, and a retry brings it back in order."""
    lite.hear(*told())
    lite.take(lite.opens(), lite.enrols(ref(0)), lite.enrols(ref(1)))
    real = marking.decide_marking

    def failing(command: Any, *rest: Any) -> Any:
        if command.stamp.person_ref == ref(0):
            raise ZeroDivisionError
        return real(command, *rest)

    monkeypatch.setattr(marking, "decide_marking", failing)
    lite.take(*lite.both(ref(0), 90), *lite.both(ref(1), 80))
    assert sorted(code for _, code in lite.parked()) == ["behind-parked", "rule-failed"]
    assert {row.person_ref for row in lite.rows(appraisal_rating)} == {ref(1)}
    monkeypatch.setattr(marking, "decide_marking", real)
    lite.operates("retry", lite.rows(schema.parked)[0].parked_id)
    assert lite.parked() == []
    assert len(lite.rows(appraisal_rating)) == 4


# --- conduct ------------------------------------------------------------------------------------------------------------


def test_points_sanctions_and_honours_are_on_file(bench: AppraisalBench) -> None:
    """Lifted and withdrawn before they are known of: these wait for the entry."""
    bench.hear(*told(1))
    bench.take(
        bench.says("sanction-lifted", "lift-1", "2025-09-01", ref(0), entry="s-1", reason="整改到位"),
        bench.says("conduct-withdrawn", "gone-1", "2025-09-01", ref(0), entry="p-1", reason="误报"),
    )
    assert [outcome for _, outcome, _ in bench.outcomes] == ["waiting", "waiting"]
    bench.take(
        bench.says("points-recorded", "points-1", "2025-05-01", ref(0), entry="p-1", points=-3, reason="示例"),
        bench.says("sanction-imposed", "sanction-1", "2025-06-01", ref(0), entry="s-1", step="interview", reason="示例"),
        bench.says("honour-awarded", "honour-1", "2025-07-01", ref(0), entry="h-1", title="优秀党务工作者", level="county"),
    )
    assert {outcome for _, outcome, _ in bench.outcomes[2:]} == {"accepted"}
    with bench.log.database.read.connect() as connection:
        entries = conduct_of(connection, [ref(0)])[ref(0)].entries
    assert {name: (entry.lifted, entry.withdrawn) for name, entry in entries.items()} == {
        "hr/p-1": (None, True), "hr/s-1": (date(2025, 9, 1), False), "hr/h-1": (None, False),
    }  # fmt: skip
    assert len(bench.rows(conduct)) == 3
    assert rebuild_and_compare(bench.log).differences == []


def test_points_are_not_zero_and_an_upheld_appeal_names_a_rating(lite: AppraisalBench) -> None:
    lite.take(
        lite.says("points-recorded", "points-1", "2025-05-01", ref(0), entry="p-1", points=0, reason="示例"),
        lite.acts("appeal-decided", "decide-1", "2026-02-04", ref(0), appeal="s-1", outcome="upheld", reason="属实"),
    )
    assert [(r.id, [(p.field, p.code) for p in r.problems]) for r in lite.receipts] == [
        ("points-1", [("data.points", "points-zero")]), ("decide-1", [("data.rating", "rating-if-upheld")]),
    ]  # fmt: skip


# --- what the registry is told ------------------------------------------------------------------------------------------


def concluded(bench: AppraisalBench) -> None:
    bench.hear(*told())
    bench.take(*everything(bench), bench.scores(), bench.publishes_results())
    bench.take(bench.acts("cycle-concluded", "conclude-1", "2026-02-08"))


def test_the_registry_is_told_of_each_rating_once(bench: AppraisalBench) -> None:
    """As a fact of source talent whose id is made from the conclusion and the person; a repeat is the same message."""
    concluded(bench)
    publisher = FakePublisher()
    relay = Relay(RATINGS_RELAY, bench.log.database, read_conclusions, publisher, Notes())
    while run(relay.carry()):
        pass
    messages = [parse(message.payload) for message in publisher.stored]
    assert {message.subject for message in publisher.stored} == {"intake.talent.registry.annual-rating-recorded"}
    said = [(m.data.person.person_ref, m.data.year, m.data.rating) for m in messages]  # type: ignore[union-attr]
    assert said == [(ref(number), 2025, "competent") for number in range(PEOPLE)]
    conclusion = next(e for e in bench.events if isinstance(e.event, CycleConcluded))
    assert [m.id for m in messages] == [rating_id_of(conclusion.event_id, ref(number)) for number in range(PEOPLE)]
    assert concluded_of(messages[0].id) == conclusion.event_id
    assert concluded_of("placed-1") is None
    with bench.log.database.read.connect() as connection:
        assert cursor_of(connection, RATINGS_RELAY) == len(bench.events)
        again, _ = read_conclusions(connection, 0, 1000)
    assert [m.payload for m in again] == [m.payload for m in publisher.stored]


# --- in any order -------------------------------------------------------------------------------------------------------


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_order_and_repetition_of_messages_do_not_matter(open_database: Callable[[str], Database], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:  # fmt: skip # noqa: E501
    """Registry events, enrolments, changed and withdrawn ratings and points, before and after the cycle's opening."""
    bench = AppraisalBench(open_database(f"sqlite:///{tmp_path_factory.mktemp('order') / 'log.db'}"))
    people = [ref(0), ref(1)]
    items: list[Item] = [bench.opens()]
    for place, person in enumerate(people):
        items += [bench.enrols(person), *bench.both(person, 90 - 10 * place)]
        items.append(bench.rates(person, 70, id=f"changed-{place}", time="09:00"))
        marks = {"role": "leader", "rater": "r-9"}
        items.append(bench.rates(person, 10, rater="r-9", id=f"wrong-{place}"))
        items.append(
            bench.acts("rating-withdrawn", f"gone-{place}", "2026-01-11", person, time="10:00", reason="误评", **marks)
        )
        items.append(
            bench.says("points-recorded", f"p-{place}", "2025-05-01", person, entry=f"p-{place}", points=5, reason="示例")
        )
    order: Sequence[Item] = data.draw(st.permutations([*items, *items[:3]]))
    cut = data.draw(st.integers(0, len(order)))
    bench.take(*order[:cut])
    bench.hear(*told(2))
    bench.take(*order[cut:])
    bench.take(bench.scores())
    assert bench.rows(schema.held) == bench.rows(schema.parked) == []
    # 60 % of 70 and 40 % of 90 or 80, and half a point.
    assert bench.ratings() == [(ref(0), 7850, 1, "competent"), (ref(1), 7450, 2, "competent")]
    assert {(row.person_ref, row.category) for row in bench.rows(appraisal_person)} == {(p, "recruited") for p in people}
    assert [row.stage for row in bench.rows(appraisal_cycle)] == ["scored"]
    bench.log.database.close()
