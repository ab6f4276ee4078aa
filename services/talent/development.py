"""Plans, exceptions of rotation, secondments, results of training and mentors of one person. Pure: no clock, no I/O.

A part of the person's stream (``services.talent.decider``): its state, what opens each thing and what follows, decide, evolve.
A plan answers the gaps of a screening (一人一策): it is proposed by ``proposal``, adopted by a person, carried on activity by
activity, reviewed, closed; one is open at a time. What a source reports under a key of its own counts as it was written last,
whatever the order in which it came.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import assert_never

from contracts.certificate_life import spans_of_all
from contracts.development import (
    ActivityAdded,
    ActivityMoved,
    Exemption,
    MentorAssigned,
    Mentorship,
    MentorshipEnd,
    MentorshipEnded,
    PersonDevelopmentEvent,
    Plan,
    PlanActivityAdded,
    PlanActivityMoved,
    PlanAdopted,
    PlanClosed,
    PlanClosing,
    PlanReview,
    PlanReviewed,
    PolicyCited,
    RotationExempted,
    Secondment,
    SecondmentEnd,
    SecondmentEnded,
    SecondmentStarted,
    Training,
    TrainingReported,
)
from contracts.development_policy import DevelopmentPolicy
from contracts.divisions import in_force
from contracts.talent import CriterionResult
from contracts.terms import last_day, months_after
from eventlog.decider import already
from services.talent.acts import Stamp, reject
from services.talent.rotation import limit_of, posts_of, tenures
from services.talent.screening import KnownFact

__all__ = [
    "Develop",
    "Development",
    "Known",
    "OpenActivity",
    "OpenPlan",
    "PolicyKnown",
    "Proposed",
    "Said",
    "decide_development",
    "evolve_development",
    "needs_of",
    "opened_by",
    "proposal",
]

Said = (
    Plan
    | ActivityAdded
    | ActivityMoved
    | PlanReview
    | PlanClosing
    | Exemption
    | Secondment
    | SecondmentEnd
    | Training
    | Mentorship
    | MentorshipEnd
)
"""What is said of a person."""

ACTIVITIES_MAX = 40
PLANS_MAX = 200
RECORDS_MAX = 2_000
"""Secondments, exceptions, results and mentorships of one person, of each kind."""

ReportOrder = tuple[str, str]
"""When it was written, and its id: of two reports under one key the greater counts."""


# --- state ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OpenActivity:
    """status: planned, begun, done or dropped. on: the day of the last step. last: what it said."""

    status: str
    on: date
    added_on: date
    last: ActivityMoved | None = None


@dataclass(frozen=True, slots=True)
class OpenPlan:
    """closed: its outcome; None: it is open. on: the day of its last step that others may not come before; last: its words."""

    says: Plan
    adopted_on: date
    review_on: date
    activities: Mapping[str, OpenActivity]
    closed: str | None = None
    on: date = date.min
    last: PlanReview | PlanClosing | None = None


@dataclass(frozen=True, slots=True)
class Seconded:
    """until: its last day, if it has ended; end: what was said then."""

    says: Secondment
    since: date
    until: date | None = None
    end: SecondmentEnd | None = None


@dataclass(frozen=True, slots=True)
class Mentored:
    """until: its last day, if it has ended; end: what was said then."""

    says: Mentorship
    since: date
    until: date | None = None
    end: MentorshipEnd | None = None


@dataclass(frozen=True, slots=True)
class Trained:
    says: Training
    on: date
    order: ReportOrder = field(compare=False)


@dataclass(frozen=True, slots=True)
class Development:
    """What is known beside the candidacy, equal where the same is said, whoever told when. exempt: by engagement. trained: by
    ``source/result``, the report that counts."""

    plans: dict[str, OpenPlan] = field(default_factory=dict)
    exempt: dict[str, tuple[Exemption, date]] = field(default_factory=dict)
    seconded: dict[str, Seconded] = field(default_factory=dict)
    trained: dict[str, Trained] = field(default_factory=dict)
    mentored: dict[str, Mentored] = field(default_factory=dict)

    @property
    def open_plan(self) -> OpenPlan | None:
        return next((plan for plan in self.plans.values() if plan.closed is None), None)


# --- commands ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Develop:
    stamp: Stamp
    says: Said


@dataclass(frozen=True, slots=True)
class PolicyKnown:
    """event_id: of the event that published it."""

    event_id: str
    document: DevelopmentPolicy

    @property
    def cited(self) -> PolicyCited:
        return PolicyCited(event=self.event_id, document=self.document.document, revision=self.document.revision)


@dataclass(frozen=True, slots=True)
class Known:
    """What a decision about development needs beside its state.

    candidate: in the pool, or screened for it; division: theirs there or in the registry, None where nobody has said. standing:
    slot → fact. screening: event, day and criteria of the last one. mentor: the facts of whom a mentorship names.
    """

    candidate: bool = False
    division: str | None = None
    standing: Mapping[str, KnownFact] = field(default_factory=dict)
    screening: tuple[str, date, tuple[CriterionResult, ...]] | None = None
    policies: tuple[PolicyKnown, ...] = ()
    mentor: tuple[KnownFact, ...] = ()

    def policy(self, day: date) -> PolicyKnown | None:
        if self.division is None:
            return None
        found = in_force(((p.event_id, p.document) for p in self.policies), self.division, day)
        return None if found is None else PolicyKnown(*found)


# --- a proposal -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Proposed:
    """An activity that the policy suggests for an unmet criterion; nothing is suggested: kind and titles are empty."""

    gap: CriterionResult
    kind: str
    zh: str
    en: str
    begins_on: date
    ends_on: date


def proposal(criteria: Iterable[CriterionResult], policy: DevelopmentPolicy | None, day: date) -> tuple[Proposed, ...]:
    """What a plan could hold: for each unmet criterion, in the screening's order, each suggestion of the policy."""
    found = []
    for gap in (criterion for criterion in criteria if not criterion.met):
        suggested = [] if policy is None else [s for s in policy.suggestions if s.criterion == gap.name]
        found += [Proposed(gap, s.kind, s.zh, s.en or s.zh, day, months_after(day, s.months)) for s in suggested]
        if not suggested:
            found.append(Proposed(gap, "", "", "", day, day))
    return tuple(found)


# --- what comes first -------------------------------------------------------------------------------------------------


def needs_of(says: Said, state: Development, known: Known) -> str | None:
    """What has to be there first, as ``opened_by`` names it; None: nothing is missing."""
    match says:
        case ActivityAdded() | ActivityMoved() | PlanReview() | PlanClosing():
            return None if says.plan in state.plans else f"plan/{says.plan}"
        case Exemption():
            slot = f"engagement-start/{says.engagement_source}/{says.engagement}"
            return None if slot in known.standing else slot
        case SecondmentEnd():
            return None if says.secondment in state.seconded else f"secondment/{says.secondment}"
        case MentorshipEnd():
            return None if says.mentorship in state.mentored else f"mentorship/{says.mentorship}"
        case Plan() | Secondment() | Training() | Mentorship():
            return None
        case _:
            assert_never(says)


def opened_by(event: object) -> str | None:
    """What an event brings that others may wait for."""
    match event:
        case PlanAdopted():
            return f"plan/{event.says.plan}"
        case SecondmentStarted():
            return f"secondment/{event.says.secondment}"
        case MentorAssigned():
            return f"mentorship/{event.says.mentorship}"
        case _:
            return None


# --- decide -----------------------------------------------------------------------------------------------------------


def decide_development(command: Develop, state: Development, known: Known) -> tuple[PersonDevelopmentEvent, ...]:
    """Return what the act leads to. Raises Rejected. An act that was done already leads to nothing."""
    stamp, says = command.stamp, command.says
    match says:
        case Plan():
            return _adopt(stamp, says, state, known)
        case ActivityAdded():
            return _add(stamp, says, state)
        case ActivityMoved():
            return _move(stamp, says, state)
        case PlanReview():
            return _review(stamp, says, state)
        case PlanClosing():
            return _close(stamp, says, state)
        case Exemption():
            return _exempt(stamp, says, state, known)
        case Secondment():
            return _second(stamp, says, state)
        case SecondmentEnd():
            return _end_secondment(stamp, says, state)
        case Training():
            return _train(stamp, says, state)
        case Mentorship():
            return _mentor(stamp, says, state, known)
        case MentorshipEnd():
            return _end_mentorship(stamp, says, state)
        case _:
            assert_never(says)


def _ends_before(field_name: str, first: date, last: date) -> None:
    if last < first:
        raise reject(field_name, "dates-reversed", f"{last} is before {first}", "correct one of the two dates")


def _same_key(field_name: str, key: str, what: str) -> None:
    raise reject(field_name, "key-taken", f"{what} {key} is known already, and says something else", "give it another key")


def _room(held: Mapping[str, object], most: int) -> None:
    if len(held) >= most:
        raise reject("data", "too-many", f"there are {most} of these for this person", "report only what changes")


def _adopt(stamp: Stamp, says: Plan, state: Development, known: Known) -> tuple[PersonDevelopmentEvent, ...]:
    there = state.plans.get(says.plan)
    if there is not None:
        if (there.says, there.adopted_on) == (says, stamp.on):
            return ()
        _same_key("data.plan", says.plan, "plan")
    if known.screening is None or not known.candidate or known.division is None:
        raise reject(
            "data.person", "not-a-candidate", "a plan answers a screening of the pool", "have the person screened first"
        )
    event_id, screened_on, criteria = known.screening
    if stamp.on < screened_on:
        raise reject("effectiveon", "before-the-stage-before", f"the screening was on {screened_on}", "give a later day")
    if state.open_plan is not None:
        other = state.open_plan.says.plan
        raise reject("data.plan", "plan-open", f"plan {other} of this person is open", "close it, or add an activity to it")
    _room(state.plans, PLANS_MAX)
    _ends_before("data.review_on", stamp.on, says.review_on)
    _ends_before("data.ends_on", says.review_on, says.ends_on)
    keys = [activity.activity for activity in says.activities]
    names = {criterion.name for criterion in criteria}
    for place, activity in enumerate(says.activities):
        _check_activity(f"data.activities.{place}", activity.begins_on, activity.ends_on, says.ends_on)
        if activity.activity in keys[:place]:
            raise reject(f"data.activities.{place}.activity", "duplicate", "two activities have one key", "rename one")
        for name in activity.criteria:
            if name not in names:
                asked = ", ".join(sorted(names))
                raise reject(
                    f"data.activities.{place}.criteria", "unknown-criterion", f"the screening did not ask for {name}",
                    f"choose among {asked}",
                )  # fmt: skip
    gaps = tuple(criterion for criterion in criteria if not criterion.met)
    return (
        PlanAdopted(
            person_ref=stamp.person_ref, origin=stamp.origin, says=says, division=known.division, screening=event_id, gaps=gaps
        ),
    )


def _check_activity(field_name: str, begins_on: date, ends_on: date, last: date) -> None:
    _ends_before(f"{field_name}.ends_on", begins_on, ends_on)
    if ends_on > last:
        raise reject(f"{field_name}.ends_on", "beyond-the-plan", f"the plan ends on {last}", "end it within the plan")


def _plan(key: str, state: Development, on: date) -> OpenPlan:
    plan = state.plans.get(key)
    if plan is None:
        raise reject("data.plan", "no-such-plan", f"the person has no plan {key}", "adopt it first")
    if on < plan.adopted_on:
        raise reject("effectiveon", "before-the-plan", f"the plan was adopted on {plan.adopted_on}", "give a later day")
    return plan


def _open(plan: OpenPlan) -> None:
    if plan.closed is not None:
        raise reject("data.plan", "plan-closed", f"plan {plan.says.plan} was closed as {plan.closed}", "adopt another plan")


def _add(stamp: Stamp, says: ActivityAdded, state: Development) -> tuple[PersonDevelopmentEvent, ...]:
    plan, activity = _plan(says.plan, state, stamp.on), says.activity
    known = next((a for a in plan.says.activities if a.activity == activity.activity), None)
    if known == activity:
        return already(plan.activities[activity.activity].added_on == stamp.on)
    if known is not None:
        _same_key("data.activity.activity", activity.activity, "activity")
    _open(plan)
    if len(plan.activities) >= ACTIVITIES_MAX:
        raise reject("data.activity", "too-many", f"a plan has at most {ACTIVITIES_MAX} activities", "close it, adopt another")
    _check_activity("data.activity", activity.begins_on, activity.ends_on, plan.says.ends_on)
    return (PlanActivityAdded(person_ref=stamp.person_ref, origin=stamp.origin, says=says),)


def _move(stamp: Stamp, says: ActivityMoved, state: Development) -> tuple[PersonDevelopmentEvent, ...]:
    plan = _plan(says.plan, state, stamp.on)
    activity = plan.activities.get(says.activity)
    if activity is None:
        known = ", ".join(plan.activities)
        raise reject(
            "data.activity", "no-such-activity", f"the plan has no activity {says.activity}; it has {known}", "add it first"
        )
    if (activity.status, activity.on) == (says.status, stamp.on):
        return already(activity.last == says)
    _open(plan)
    if activity.status in ("done", "dropped"):
        raise reject("data.status", "activity-over", f"the activity is {activity.status}", "add another activity")
    if activity.status == says.status:
        raise reject("data.status", "activity-begun", f"the activity was begun on {activity.on}", "say done or dropped")
    if stamp.on < activity.on:
        raise reject("effectiveon", "before-the-step-before", f"its last step was on {activity.on}", "give a later day")
    if says.status == "done" and not says.evidence and says.note is None:
        raise reject(
            "data.evidence", "no-evidence", "nothing shows that it is done", "give evidence, or a note that says where it is"
        )
    if says.status == "dropped" and says.note is None:
        raise reject("data.note", "no-reason", "nothing says why it is dropped", "give a note")
    return (PlanActivityMoved(person_ref=stamp.person_ref, origin=stamp.origin, says=says),)


def _review(stamp: Stamp, says: PlanReview, state: Development) -> tuple[PersonDevelopmentEvent, ...]:
    plan = _plan(says.plan, state, stamp.on)
    if (plan.on, plan.last) == (stamp.on, says):
        return ()
    _open(plan)
    if stamp.on < plan.on:
        raise reject("effectiveon", "before-the-step-before", f"the plan was reviewed on {plan.on}", "give a later day")
    _ends_before("data.next_review_on", stamp.on, says.next_review_on)
    return (PlanReviewed(person_ref=stamp.person_ref, origin=stamp.origin, says=says),)


def _close(stamp: Stamp, says: PlanClosing, state: Development) -> tuple[PersonDevelopmentEvent, ...]:
    plan = _plan(says.plan, state, stamp.on)
    if (plan.closed, plan.on) == (says.outcome, stamp.on):
        return already(plan.last == says)
    _open(plan)
    latest = max([plan.on, *(activity.on for activity in plan.activities.values())])
    if stamp.on < latest:
        raise reject("effectiveon", "before-the-step-before", f"its last step was on {latest}", "give a later day")
    states = [activity.status for activity in plan.activities.values()]
    done, dropped = states.count("done"), states.count("dropped")
    still = len(states) - done - dropped
    if says.outcome == "fulfilled" and (still or not done):
        problem = f"{still} of its activities are open, {done} done"
        raise reject("data.outcome", "not-fulfilled", problem, "say partly or abandoned, or report what was done")
    return (PlanClosed(person_ref=stamp.person_ref, origin=stamp.origin, says=says, done=done, dropped=dropped, open=still),)


def _rotation_policy(known: Known, day: date) -> PolicyKnown:
    found = known.policy(day)
    if found is None:
        where = known.division or "a person without a division"
        raise reject(
            "effectiveon", "no-policy", f"no development policy is in force for {where} on {day}",
            "ask the office that publishes policies, or give a later day",
        )  # fmt: skip
    return found


def _exempt(stamp: Stamp, says: Exemption, state: Development, known: Known) -> tuple[PersonDevelopmentEvent, ...]:
    key = f"{says.engagement_source}/{says.engagement}"
    there = state.exempt.get(key)
    if there is not None and there[0] == says:
        return already(there[1] == stamp.on)
    policy = _rotation_policy(known, stamp.on)
    rotation = policy.document.rotation
    if rotation is None:
        raise reject("data", "no-limit", f"policy {policy.document.document} limits no post", "nothing is to be done")
    posts = posts_of((slot, fact.event_id, fact.effective_on, fact.says) for slot, fact in known.standing.items())
    held = next((t for t in tenures(posts, rotation.gap_days) if any(p.key == key for p in t.posts)), None)
    if held is None:
        raise reject("data.engagement", "no-such-post", f"no post is held by engagement {key}", "see `hongling history PERSON`")
    limit_on = limit_of(held, rotation)
    last = last_day(limit_on + timedelta(days=1), rotation.exception_months_at_most)
    if says.until <= limit_on:
        raise reject("data.until", "no-exception", f"the post may be held until {limit_on} anyway", "give a later day")
    if says.until > last:
        raise reject(
            "data.until", "too-long", f"an exception ends by {last}: {rotation.exception_months_at_most} months on",
            "give an earlier day",
        )  # fmt: skip
    _room(state.exempt, RECORDS_MAX)
    return (
        RotationExempted(person_ref=stamp.person_ref, origin=stamp.origin, says=says, policy=policy.cited, limit_on=limit_on),
    )


def _second(stamp: Stamp, says: Secondment, state: Development) -> tuple[PersonDevelopmentEvent, ...]:
    there = state.seconded.get(says.secondment)
    if there is not None:
        if (there.says, there.since) == (says, stamp.on):
            return ()
        _same_key("data.secondment", says.secondment, "secondment")
    _ends_before("data.ends_on", stamp.on, says.ends_on)
    for other in state.seconded.values():
        if other.since <= stamp.on and (other.until is None or other.until >= stamp.on):
            problem = f"the person is seconded as {other.says.secondment} since {other.since}"
            raise reject("data.secondment", "already-seconded", problem, "end that first")
    _room(state.seconded, RECORDS_MAX)
    return (SecondmentStarted(person_ref=stamp.person_ref, origin=stamp.origin, says=says),)


def _end_secondment(stamp: Stamp, says: SecondmentEnd, state: Development) -> tuple[PersonDevelopmentEvent, ...]:
    there = state.seconded.get(says.secondment)
    if there is None:
        raise reject("data.secondment", "no-such-secondment", f"there is no secondment {says.secondment}", "report its start")
    if there.until is not None:
        if there.until == stamp.on:
            return already(there.end == says)
        raise reject("data.secondment", "already-ended", f"it ended on {there.until}", "nothing is to be done")
    _ends_before("effectiveon", there.since, stamp.on)
    return (SecondmentEnded(person_ref=stamp.person_ref, origin=stamp.origin, says=says),)


def _order(stamp: Stamp) -> ReportOrder:
    return stamp.origin.occurred_at.isoformat(), stamp.origin.id


def _train(stamp: Stamp, says: Training, state: Development) -> tuple[PersonDevelopmentEvent, ...]:
    there = state.trained.get(f"{stamp.origin.source}/{says.result}")
    # An older report that comes late says nothing new. A newer one is kept even if it says the same: it outranks what was
    # written in between and is still to come. So any order of the same reports ends in the same result.
    if there is not None and there.order >= _order(stamp):
        return already((there.says, there.on) == (says, stamp.on))
    if there is None:
        _room(state.trained, RECORDS_MAX)
    return (TrainingReported(person_ref=stamp.person_ref, origin=stamp.origin, says=says),)


def _mentor(stamp: Stamp, says: Mentorship, state: Development, known: Known) -> tuple[PersonDevelopmentEvent, ...]:
    there = state.mentored.get(says.mentorship)
    if there is not None:
        if (there.says, there.since) == (says, stamp.on):
            return ()
        _same_key("data.mentorship", says.mentorship, "mentorship")
    if says.mentor == stamp.person_ref:
        raise reject("data.mentor", "own-mentor", "nobody is their own mentor", "name somebody else")
    _ends_before("data.ends_on", stamp.on, says.ends_on)
    policy = _rotation_policy(known, stamp.on)
    mentoring = policy.document.mentoring
    if mentoring is None:
        raise reject("data", "no-mentors", f"policy {policy.document.document} knows no mentors", "publish one that does")
    grades = policy.document.grades
    least = grades.index(mentoring.at_least)
    facts = [(f.event_id, f.effective_on, f.says) for f in known.mentor if f.effective_on <= stamp.on]
    held = [span for span in spans_of_all(facts) if span.covers(stamp.on) and span.state == "valid" and span.grade in grades]
    best = max(held, key=lambda span: (grades.index(span.grade), span.facts[0]), default=None)
    if best is None or grades.index(best.grade) < least:
        found = "none" if best is None else best.grade
        problem = f"a mentor holds a valid certificate of {mentoring.at_least} or above; found {found} on {stamp.on}"
        raise reject("data.mentor", "mentor-not-qualified", problem, "name a mentor who does")
    _room(state.mentored, RECORDS_MAX)
    return (
        MentorAssigned(
            person_ref=stamp.person_ref, origin=stamp.origin, says=says, policy=policy.cited, grade=best.grade,
            certificate=best.facts[0],
        ),
    )  # fmt: skip


def _end_mentorship(stamp: Stamp, says: MentorshipEnd, state: Development) -> tuple[PersonDevelopmentEvent, ...]:
    there = state.mentored.get(says.mentorship)
    if there is None:
        raise reject("data.mentorship", "no-such-mentorship", f"there is no mentorship {says.mentorship}", "report its start")
    if there.until is not None:
        if there.until == stamp.on:
            return already(there.end == says)
        raise reject("data.mentorship", "already-ended", f"it ended on {there.until}", "nothing is to be done")
    _ends_before("effectiveon", there.since, stamp.on)
    return (MentorshipEnded(person_ref=stamp.person_ref, origin=stamp.origin, says=says),)


# --- evolve -----------------------------------------------------------------------------------------------------------


def evolve_development(state: Development, event: PersonDevelopmentEvent, on: date) -> Development:
    """The state after an event. The one before is not changed."""
    match event:
        case PlanAdopted(says=says):
            planned = {a.activity: OpenActivity("planned", on, on) for a in says.activities}
            return replace(state, plans={**state.plans, says.plan: OpenPlan(says, on, says.review_on, planned, on=on)})
        case PlanActivityAdded(says=added):
            plan = state.plans[added.plan]
            told = plan.says.model_copy(update={"activities": (*plan.says.activities, added.activity)})
            planned = {**plan.activities, added.activity.activity: OpenActivity("planned", on, on)}
            return _with_plan(state, replace(plan, says=told, activities=planned))
        case PlanActivityMoved(says=moved):
            plan = state.plans[moved.plan]
            step = replace(plan.activities[moved.activity], status=moved.status, on=on, last=moved)
            planned = {**plan.activities, moved.activity: step}
            return _with_plan(state, replace(plan, activities=planned))
        case PlanReviewed(says=reviewed):
            plan = state.plans[reviewed.plan]
            return _with_plan(state, replace(plan, review_on=reviewed.next_review_on, on=on, last=reviewed))
        case PlanClosed(says=closed):
            return _with_plan(state, replace(state.plans[closed.plan], closed=closed.outcome, on=on, last=closed))
        case RotationExempted(says=exempted):
            key = f"{exempted.engagement_source}/{exempted.engagement}"
            return replace(state, exempt={**state.exempt, key: (exempted, on)})
        case SecondmentStarted(says=seconded):
            return replace(state, seconded={**state.seconded, seconded.secondment: Seconded(seconded, on)})
        case SecondmentEnded(says=over):
            there = replace(state.seconded[over.secondment], until=on, end=over)
            return replace(state, seconded={**state.seconded, over.secondment: there})
        case TrainingReported(says=trained, origin=origin):
            order = (origin.occurred_at.isoformat(), origin.id)
            return replace(state, trained={**state.trained, f"{origin.source}/{trained.result}": Trained(trained, on, order)})
        case MentorAssigned(says=mentored):
            return replace(state, mentored={**state.mentored, mentored.mentorship: Mentored(mentored, on)})
        case MentorshipEnded(says=parted):
            known = replace(state.mentored[parted.mentorship], until=on, end=parted)
            return replace(state, mentored={**state.mentored, parted.mentorship: known})
        case _:
            assert_never(event)


def _with_plan(state: Development, plan: OpenPlan) -> Development:
    return replace(state, plans={**state.plans, plan.says.plan: plan})
