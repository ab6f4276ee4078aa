"""Read models of development: posts held, plans, training, secondments, mentors, problems, responsibility lists.

Rebuilt from the log at any time; only queries read them (``services.talent.registers``). Days are text, YYYY-MM-DD.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, get_args

from pydantic import TypeAdapter
from sqlalchemy import Column, Connection, Index, Integer, MetaData, String, Table, Text, and_, delete, select, update

from contracts.base import (
    DAY_CHARS,
    DIVISION_CHARS,
    EVENT_ID_CHARS,
    KEY_CHARS_MAX,
    PERSON_REF_CHARS,
    SHORT_TEXT_CHARS_MAX,
    SLOT_CHARS_MAX,
    SOURCED_KEY_CHARS_MAX,
    STATE_CHARS_MAX,
    WORD_CHARS_MAX,
)
from contracts.development import (
    CourseRecorded,
    MatterEvent,
    MentorAssigned,
    MentorshipEnded,
    PersonDevelopmentEvent,
    PlanActivityAdded,
    PlanActivityMoved,
    PlanAdopted,
    PlanClosed,
    PlanReviewed,
    ProblemClosed,
    ProblemEvidenced,
    ProblemExtended,
    ProblemRaised,
    ProblemReturned,
    ResponsibilityChecked,
    ResponsibilityIssued,
    ResponsibilitySigned,
    ResponsibilityWithdrawn,
    RotationExempted,
    SecondmentEnded,
    SecondmentStarted,
    SessionRecorded,
    TrainingReported,
)
from contracts.particulars import Particulars
from contracts.registration_life import division_on
from contracts.talent import FactHeard
from eventlog.bulk import bulk_insert, bulk_upsert, one_of
from eventlog.canonical import canonical_text
from eventlog.columns import hold_alike
from eventlog.log import Recorded
from services.talent.rotation import posts_of

__all__ = [
    "DevelopmentView",
    "MatterView",
    "PostView",
    "course",
    "development_metadata",
    "mentorship",
    "plan",
    "plan_activity",
    "post_held",
    "problem",
    "responsibility_check",
    "responsibility_item",
    "responsibility_list",
    "rotation_exemption",
    "secondment",
    "session",
    "training_result",
]

development_metadata = MetaData()

PEOPLE_OF_QUERY_MAX = 1_000


def _text(name: str, length: int, **more: Any) -> Column[Any]:
    return Column(name, String(length), **{"nullable": False, **more})


def _day(name: str, *, nullable: bool = False, **more: Any) -> Column[Any]:
    return Column(name, String(DAY_CHARS), nullable=nullable, **more)


def _number(name: str, **more: Any) -> Column[Any]:
    return Column(name, Integer, **{"nullable": False, **more})


def _person(**more: Any) -> Column[Any]:
    return _text("person_ref", PERSON_REF_CHARS, primary_key=True, **more)


# --- posts --------------------------------------------------------------------------------------------------------------

post_fact = Table(
    "post_fact",
    development_metadata,
    _text("event_id", EVENT_ID_CHARS, primary_key=True),
    _day("effective_on"),
    Column("says", Text, nullable=False),
    comment="What the registry's facts about posts and divisions say, those that do not stand too.",
)
post_standing = Table(
    "post_standing",
    development_metadata,
    _person(),
    _text("slot", SLOT_CHARS_MAX, primary_key=True),
    _text("fact", EVENT_ID_CHARS),
    comment="Which of them stands in which slot.",
)
post_held = Table(
    "post_held",
    development_metadata,
    _person(),
    _text("key", SOURCED_KEY_CHARS_MAX, primary_key=True, comment="source/engagement"),
    _text("fact", EVENT_ID_CHARS),
    _text("division", DIVISION_CHARS, comment="of the person's last registration or transfer; empty: none is known"),
    _text("unit", SHORT_TEXT_CHARS_MAX),
    _text("post", SHORT_TEXT_CHARS_MAX),
    _text("category", WORD_CHARS_MAX),
    _number("full_time"),
    _text("entry_channel", WORD_CHARS_MAX, nullable=True),
    _day("since"),
    _day("until", nullable=True),
    comment="Posts that people hold or held, as the facts that stand say.",
)
Index("post_held_division", post_held.c.division, post_held.c.unit)

_KINDS = ("engagement-start", "engagement-end", "registration", "transfer", "registration-status")
_PARTICULARS: TypeAdapter[Particulars] = TypeAdapter(Particulars)


class PostView:
    """Folds the registry's facts about posts."""

    name = "posts"
    tables: Sequence[Table] = (post_fact, post_standing, post_held)

    def apply(self, connection: Connection, events: Sequence[Recorded], tables: Mapping[str, Table]) -> None:
        facts: list[dict[str, Any]] = []
        stands: dict[tuple[str, str], str | None] = {}
        for recorded in events:
            event = recorded.event
            if not isinstance(event, FactHeard):
                continue
            if event.particulars is not None and event.particulars.kind in _KINDS:
                says = canonical_text(event.particulars.model_dump(mode="json"))
                facts.append({"event_id": event.heard, "effective_on": recorded.effective_on, "says": says})
            for change in event.standings:
                if change.slot.partition("/")[0] in _KINDS:
                    stands[event.person_ref, change.slot] = change.fact
        bulk_insert(connection, tables["post_fact"], facts)
        standing = tables["post_standing"]
        for (ref, slot), fact in stands.items():
            if fact is None:
                connection.execute(delete(standing).where(standing.c.person_ref == ref, standing.c.slot == slot))
        rows = [{"person_ref": ref, "slot": slot, "fact": fact} for (ref, slot), fact in stands.items() if fact is not None]
        bulk_upsert(connection, standing, rows)
        touched = sorted({ref for ref, _ in stands})
        for start in range(0, len(touched), PEOPLE_OF_QUERY_MAX):
            _write_posts(connection, tables, touched[start : start + PEOPLE_OF_QUERY_MAX])


def _write_posts(connection: Connection, tables: Mapping[str, Table], people: Sequence[str]) -> None:
    """The posts of these people anew, from all that stands of them."""
    standing, facts, held = tables["post_standing"], tables["post_fact"], tables["post_held"]
    query = select(standing, facts.c.effective_on, facts.c.says).join_from(standing, facts, standing.c.fact == facts.c.event_id)
    found: dict[str, list[tuple[str, str, date, Particulars]]] = {}
    for row in connection.execute(query.where(one_of(connection, standing.c.person_ref, people))):
        says = _PARTICULARS.validate_json(row.says)
        found.setdefault(row.person_ref, []).append((row.slot, row.fact, date.fromisoformat(row.effective_on), says))
    connection.execute(delete(held).where(one_of(connection, held.c.person_ref, people)))
    rows = []
    for ref, known in found.items():
        place = division_on([each[1:] for each in known], date.max)
        for post in posts_of(sorted(known, key=lambda each: each[0])):
            rows.append(
                {
                    "person_ref": ref,
                    "key": post.key,
                    "fact": post.fact,
                    "division": "" if place is None else place[0],
                    "unit": post.unit,
                    "post": post.post,
                    "category": post.category,
                    "full_time": int(post.full_time),
                    "entry_channel": post.entry_channel,
                    "since": post.since.isoformat(),
                    "until": None if post.until is None else post.until.isoformat(),
                }
            )
    bulk_insert(connection, held, rows)


# --- people -------------------------------------------------------------------------------------------------------------

plan = Table(
    "plan",
    development_metadata,
    _person(),
    _text("plan", KEY_CHARS_MAX, primary_key=True),
    _text("division", DIVISION_CHARS),
    _text("aim", SHORT_TEXT_CHARS_MAX),
    Column("gaps", Text, nullable=False, comment="names of the criteria that it answers, with commas"),
    _day("adopted_on"),
    _day("review_on"),
    _day("ends_on"),
    _text("status", STATE_CHARS_MAX, comment="open, fulfilled, partly, abandoned"),
    _day("closed_on", nullable=True),
    _text("event_id", EVENT_ID_CHARS, comment="of its adoption"),
)
Index("plan_division_status", plan.c.division, plan.c.status)
plan_activity = Table(
    "plan_activity",
    development_metadata,
    _person(),
    _text("plan", KEY_CHARS_MAX, primary_key=True),
    _text("activity", KEY_CHARS_MAX, primary_key=True),
    _text("kind", WORD_CHARS_MAX),
    _text("title", SHORT_TEXT_CHARS_MAX),
    _day("begins_on"),
    _day("ends_on"),
    _text("status", STATE_CHARS_MAX, comment="planned, begun, done, dropped"),
    _day("moved_on", nullable=True),
    _number("evidence", comment="attachments that show it"),
)
secondment = Table(
    "secondment",
    development_metadata,
    _person(),
    _text("secondment", KEY_CHARS_MAX, primary_key=True),
    _text("unit", SHORT_TEXT_CHARS_MAX),
    _text("post", SHORT_TEXT_CHARS_MAX),
    _number("real_duties"),
    _day("since"),
    _day("ends_on"),
    _day("ended_on", nullable=True),
    _text("outcome", STATE_CHARS_MAX, nullable=True),
)
mentorship = Table(
    "mentorship",
    development_metadata,
    _person(),
    _text("mentorship", KEY_CHARS_MAX, primary_key=True),
    _text("mentor", PERSON_REF_CHARS),
    _text("aim", SHORT_TEXT_CHARS_MAX),
    _text("grade", WORD_CHARS_MAX),
    _day("since"),
    _day("ends_on"),
    _day("ended_on", nullable=True),
    _text("outcome", STATE_CHARS_MAX, nullable=True),
)
Index("mentorship_mentor", mentorship.c.mentor)
rotation_exemption = Table(
    "rotation_exemption",
    development_metadata,
    _person(),
    _text("key", SOURCED_KEY_CHARS_MAX, primary_key=True, comment="source/engagement"),
    _day("granted_on"),
    _day("until"),
    Column("reason", Text, nullable=False),
)
training_result = Table(
    "training_result",
    development_metadata,
    _person(),
    _text("result", SOURCED_KEY_CHARS_MAX, primary_key=True, comment="source/key"),
    _text("course", SOURCED_KEY_CHARS_MAX, comment="source/key"),
    _text("session", SOURCED_KEY_CHARS_MAX, nullable=True),
    _day("effective_on"),
    _number("hours"),
    _text("outcome", STATE_CHARS_MAX),
    _number("score", nullable=True),
    _number("placed", nullable=True),
    _text("event_id", EVENT_ID_CHARS),
)


class DevelopmentView:
    """Folds what happens to people."""

    name = "development"
    tables: Sequence[Table] = (plan, plan_activity, secondment, mentorship, rotation_exemption, training_result)

    def apply(self, connection: Connection, events: Sequence[Recorded], tables: Mapping[str, Table]) -> None:
        results: dict[tuple[str, str], dict[str, Any]] = {}
        for recorded in events:
            event = recorded.event
            if isinstance(event, TrainingReported):
                row = _result_row(recorded, event)
                results[row["person_ref"], row["result"]] = row
            elif isinstance(event, _PERSON_EVENTS):
                _PERSON_FOLDS[type(event)](_Fold(connection, tables, recorded), event)
        bulk_upsert(connection, tables["training_result"], list(results.values()))


_PERSON_EVENTS = get_args(PersonDevelopmentEvent)


class _Fold:
    """One event's changes of the tables."""

    def __init__(self, connection: Connection, tables: Mapping[str, Table], recorded: Recorded) -> None:
        self._connection = connection
        self._tables = tables
        self.on = recorded.effective_on
        self.event_id = recorded.event_id

    def put(self, table: str, **row: Any) -> None:
        bulk_upsert(self._connection, self._tables[table], [row])

    def change(self, table: str, key: Mapping[str, Any], **values: Any) -> None:
        made = self._tables[table]
        chosen = and_(*(made.c[name] == value for name, value in key.items()))
        self._connection.execute(update(made).where(chosen).values(**values))

    def count(self, table: str, key: Mapping[str, Any], column: str) -> None:
        """Add one to a column."""
        self.change(table, key, **{column: self._tables[table].c[column] + 1})


def _result_row(recorded: Recorded, event: TrainingReported) -> dict[str, Any]:
    says, source = event.says, event.origin.source
    return {
        "person_ref": event.person_ref,
        "result": f"{source}/{says.result}",
        "course": f"{source}/{says.course}",
        "session": None if says.session is None else f"{source}/{says.session}",
        "effective_on": recorded.effective_on,
        "hours": says.hours,
        "outcome": says.outcome,
        "score": says.score,
        "placed": says.placed,
        "event_id": recorded.event_id,
    }


def _plan_adopted(fold: _Fold, event: PlanAdopted) -> None:
    says = event.says
    fold.put(
        "plan",
        person_ref=event.person_ref,
        plan=says.plan,
        division=event.division,
        aim=says.aim,
        gaps=",".join(gap.name for gap in event.gaps),
        adopted_on=fold.on,
        review_on=says.review_on.isoformat(),
        ends_on=says.ends_on.isoformat(),
        status="open",
        closed_on=None,
        event_id=fold.event_id,
    )
    for activity in says.activities:
        _put_activity(fold, event.person_ref, says.plan, activity)


def _put_activity(fold: _Fold, ref: str, plan_key: str, activity: Any) -> None:
    fold.put(
        "plan_activity",
        person_ref=ref,
        plan=plan_key,
        activity=activity.activity,
        kind=activity.kind,
        title=activity.title,
        begins_on=activity.begins_on.isoformat(),
        ends_on=activity.ends_on.isoformat(),
        status="planned",
        moved_on=None,
        evidence=0,
    )


def _activity_added(fold: _Fold, event: PlanActivityAdded) -> None:
    _put_activity(fold, event.person_ref, event.says.plan, event.says.activity)


def _activity_moved(fold: _Fold, event: PlanActivityMoved) -> None:
    says = event.says
    key = {"person_ref": event.person_ref, "plan": says.plan, "activity": says.activity}
    fold.change("plan_activity", key, status=says.status, moved_on=fold.on, evidence=len(says.evidence))


def _plan_reviewed(fold: _Fold, event: PlanReviewed) -> None:
    key = {"person_ref": event.person_ref, "plan": event.says.plan}
    fold.change("plan", key, review_on=event.says.next_review_on.isoformat())


def _plan_closed(fold: _Fold, event: PlanClosed) -> None:
    key = {"person_ref": event.person_ref, "plan": event.says.plan}
    fold.change("plan", key, status=event.says.outcome, closed_on=fold.on)


def _exempted(fold: _Fold, event: RotationExempted) -> None:
    says = event.says
    fold.put(
        "rotation_exemption",
        person_ref=event.person_ref,
        key=f"{says.engagement_source}/{says.engagement}",
        granted_on=fold.on,
        until=says.until.isoformat(),
        reason=says.reason,
    )


def _seconded(fold: _Fold, event: SecondmentStarted) -> None:
    says = event.says
    fold.put(
        "secondment",
        person_ref=event.person_ref,
        secondment=says.secondment,
        unit=says.unit,
        post=says.post,
        real_duties=int(says.real_duties),
        since=fold.on,
        ends_on=says.ends_on.isoformat(),
        ended_on=None,
        outcome=None,
    )


def _secondment_ended(fold: _Fold, event: SecondmentEnded) -> None:
    key = {"person_ref": event.person_ref, "secondment": event.says.secondment}
    fold.change("secondment", key, ended_on=fold.on, outcome=event.says.outcome)


def _mentored(fold: _Fold, event: MentorAssigned) -> None:
    says = event.says
    fold.put(
        "mentorship",
        person_ref=event.person_ref,
        mentorship=says.mentorship,
        mentor=says.mentor,
        aim=says.aim,
        grade=event.grade,
        since=fold.on,
        ends_on=says.ends_on.isoformat(),
        ended_on=None,
        outcome=None,
    )


def _mentorship_ended(fold: _Fold, event: MentorshipEnded) -> None:
    key = {"person_ref": event.person_ref, "mentorship": event.says.mentorship}
    fold.change("mentorship", key, ended_on=fold.on, outcome=event.says.outcome)


_PERSON_FOLDS: Mapping[type[Any], Callable[[_Fold, Any], None]] = {
    PlanAdopted: _plan_adopted,
    PlanActivityAdded: _activity_added,
    PlanActivityMoved: _activity_moved,
    PlanReviewed: _plan_reviewed,
    PlanClosed: _plan_closed,
    RotationExempted: _exempted,
    SecondmentStarted: _seconded,
    SecondmentEnded: _secondment_ended,
    MentorAssigned: _mentored,
    MentorshipEnded: _mentorship_ended,
}


# --- matters ------------------------------------------------------------------------------------------------------------

course = Table(
    "training_course",
    development_metadata,
    _text("course", SOURCED_KEY_CHARS_MAX, primary_key=True, comment="source/key"),
    _text("title", SHORT_TEXT_CHARS_MAX),
    _text("topic", WORD_CHARS_MAX),
    _text("level", STATE_CHARS_MAX),
    _number("hours"),
    _number("contest"),
)
session = Table(
    "training_session",
    development_metadata,
    _text("session", SOURCED_KEY_CHARS_MAX, primary_key=True, comment="source/key"),
    _text("course", SOURCED_KEY_CHARS_MAX),
    _text("division", DIVISION_CHARS),
    _day("begins_on"),
    _day("ends_on"),
    _number("seats", nullable=True),
    _number("cancelled"),
)
problem = Table(
    "problem",
    development_metadata,
    _text("problem", SOURCED_KEY_CHARS_MAX, primary_key=True, comment="source/key"),
    _text("division", DIVISION_CHARS),
    _text("unit", SHORT_TEXT_CHARS_MAX),
    _text("owner", SHORT_TEXT_CHARS_MAX),
    _text("found_by", WORD_CHARS_MAX),
    Column("says", Text, nullable=False),
    _day("raised_on"),
    _day("due_on"),
    _text("calendar", KEY_CHARS_MAX, comment="that the last day was counted on; empty: it was given"),
    _text("status", STATE_CHARS_MAX, comment="open, evidenced, closed"),
    _number("extensions"),
    _number("returned"),
    _day("closed_on", nullable=True),
    _text("outcome", STATE_CHARS_MAX, nullable=True),
    _number("late", nullable=True, comment="days after the last day"),
    _text("event_id", EVENT_ID_CHARS),
)
Index("problem_division_status", problem.c.division, problem.c.status, problem.c.due_on)
responsibility_list = Table(
    "responsibility_list",
    development_metadata,
    _text("list", SOURCED_KEY_CHARS_MAX, primary_key=True, comment="source/key"),
    _text("division", DIVISION_CHARS),
    _text("unit", SHORT_TEXT_CHARS_MAX),
    _text("signer", SHORT_TEXT_CHARS_MAX),
    _number("year"),
    _day("issued_on"),
    _day("sign_by"),
    _day("signed_on", nullable=True),
    _day("withdrawn_on", nullable=True),
)
Index("responsibility_list_division", responsibility_list.c.division, responsibility_list.c.year)
responsibility_item = Table(
    "responsibility_item",
    development_metadata,
    _text("list", SOURCED_KEY_CHARS_MAX, primary_key=True),
    _text("item", KEY_CHARS_MAX, primary_key=True),
    _number("place"),
    _text("says", SHORT_TEXT_CHARS_MAX),
    _text("every", STATE_CHARS_MAX),
)
responsibility_check = Table(
    "responsibility_check",
    development_metadata,
    _text("list", SOURCED_KEY_CHARS_MAX, primary_key=True),
    _text("item", KEY_CHARS_MAX, primary_key=True),
    _text("period", STATE_CHARS_MAX, primary_key=True),
    _text("result", STATE_CHARS_MAX),
    _day("checked_on"),
    _number("evidence"),
)
hold_alike(development_metadata)


class MatterView:
    """Folds courses, problems and responsibility lists."""

    name = "matters"
    tables: Sequence[Table] = (course, session, problem, responsibility_list, responsibility_item, responsibility_check)

    def apply(self, connection: Connection, events: Sequence[Recorded], tables: Mapping[str, Table]) -> None:
        for recorded in events:
            event = recorded.event
            if isinstance(event, _MATTER_EVENTS):
                _MATTER_FOLDS[type(event)](_Fold(connection, tables, recorded), event, event.matter.partition("-")[2])


_MATTER_EVENTS = get_args(MatterEvent)


def _course(fold: _Fold, event: CourseRecorded, key: str) -> None:
    says = event.says
    fold.put(
        "training_course",
        course=key,
        title=says.title,
        topic=says.topic,
        level=says.level,
        hours=says.hours,
        contest=int(says.contest),
    )


def _session(fold: _Fold, event: SessionRecorded, key: str) -> None:
    says = event.says
    fold.put(
        "training_session",
        session=key,
        course=f"{event.origin.source}/{says.course}",
        division=says.division,
        begins_on=says.begins_on.isoformat(),
        ends_on=says.ends_on.isoformat(),
        seats=says.seats,
        cancelled=int(says.cancelled),
    )


def _raised(fold: _Fold, event: ProblemRaised, key: str) -> None:
    says = event.says
    fold.put(
        "problem",
        problem=key,
        division=says.division,
        unit=says.unit,
        owner=says.owner,
        found_by=says.found_by,
        says=says.says,
        raised_on=fold.on,
        due_on=event.due_on.isoformat(),
        calendar=event.calendar,
        status="open",
        extensions=0,
        returned=0,
        closed_on=None,
        outcome=None,
        late=None,
        event_id=fold.event_id,
    )


def _evidenced(fold: _Fold, event: ProblemEvidenced, key: str) -> None:
    fold.change("problem", {"problem": key}, status="evidenced")


def _returned(fold: _Fold, event: ProblemReturned, key: str) -> None:
    fold.change("problem", {"problem": key}, status="open")
    fold.count("problem", {"problem": key}, "returned")


def _extended(fold: _Fold, event: ProblemExtended, key: str) -> None:
    fold.change("problem", {"problem": key}, due_on=event.says.due_on.isoformat())
    fold.count("problem", {"problem": key}, "extensions")


def _problem_closed(fold: _Fold, event: ProblemClosed, key: str) -> None:
    fold.change("problem", {"problem": key}, status="closed", closed_on=fold.on, outcome=event.says.outcome, late=event.late)


def _issued(fold: _Fold, event: ResponsibilityIssued, key: str) -> None:
    says = event.says
    fold.put(
        "responsibility_list",
        list=key,
        division=says.division,
        unit=says.unit,
        signer=says.signer,
        year=says.year,
        issued_on=fold.on,
        sign_by=says.sign_by.isoformat(),
        signed_on=None,
        withdrawn_on=None,
    )
    for place, item in enumerate(says.items):
        fold.put("responsibility_item", list=key, item=item.item, place=place, says=item.text, every=item.every)


def _signed(fold: _Fold, event: ResponsibilitySigned, key: str) -> None:
    fold.change("responsibility_list", {"list": key}, signed_on=fold.on)


def _withdrawn(fold: _Fold, event: ResponsibilityWithdrawn, key: str) -> None:
    fold.change("responsibility_list", {"list": key}, withdrawn_on=fold.on)


def _checked(fold: _Fold, event: ResponsibilityChecked, key: str) -> None:
    says = event.says
    fold.put(
        "responsibility_check",
        list=key,
        item=says.item,
        period=says.period,
        result=says.result,
        checked_on=fold.on,
        evidence=len(says.evidence),
    )


_MATTER_FOLDS: Mapping[type[Any], Callable[[_Fold, Any, str], None]] = {
    CourseRecorded: _course,
    SessionRecorded: _session,
    ProblemRaised: _raised,
    ProblemEvidenced: _evidenced,
    ProblemReturned: _returned,
    ProblemExtended: _extended,
    ProblemClosed: _problem_closed,
    ResponsibilityIssued: _issued,
    ResponsibilitySigned: _signed,
    ResponsibilityChecked: _checked,
    ResponsibilityWithdrawn: _withdrawn,
}
