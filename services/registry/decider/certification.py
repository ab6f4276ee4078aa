"""资格认证: the five stages of an application, in order, none left out; the outcome is a certificate or a rejection. Pure.

application → eligibility review → training test → panel review → public notice. A step that comes before the stage it needs
is early and waits for it; a step whose stage is done is refused. Failing a review or a panel ends the application, failing the
test does not: it may be taken again. A notice ends by itself on its last day (``PassDeadline``), unless an objection is open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal, assert_never

from contracts import intake
from contracts.certificate_life import Span
from contracts.certification import STAGES, CertificationStandard, CertificationStandardCited, GradeStandard, Stage
from contracts.divisions import covers
from contracts.particulars import Certificate, CertificateChange, EngagementStart
from contracts.registry import (
    CertificateChanged,
    CertificateIssued,
    CertificationApplied,
    CertificationConcluded,
    EligibilityReviewed,
    NoticeOpened,
    ObjectionRaised,
    ObjectionResolved,
    PanelReviewed,
    Title,
    TrainingTested,
    WorkerEvent,
)
from contracts.terms import last_day
from eventlog.decider import Rejected
from services.registry.decider.facts import Record, record
from services.registry.decider.worker import (
    Application,
    AwaitsNotice,
    AwaitsPanel,
    AwaitsReview,
    AwaitsTest,
    Calendar,
    Concluded,
    Early,
    Happened,
    InNotice,
    Rules,
    Stamp,
    Standard,
    StepTaken,
    UnknownYear,
    Worker,
    certificate_spans,
    not_before,
    place_on,
    reject,
    standing_facts,
)
from services.registry.eligibility import Fact as KnownFact
from services.registry.eligibility import grade_standard, in_force, judge, may_issue, problems_of_findings

__all__ = ["STEPS", "PassDeadline", "Step", "applied", "decide_pass_deadline", "decide_step", "due_for", "evolve_application"]

NEVER = date.max
NOTICE_DAYS_MAX = 400
"""Calendar days of a notice whose last day a source tells."""

Step = (
    intake.CertificationApplied
    | intake.EligibilityReviewed
    | intake.TrainingTested
    | intake.PanelReviewed
    | intake.NoticeOpened
    | intake.ObjectionRaised
    | intake.ObjectionResolved
    | intake.CertificationWithdrawn
)
"""What a source reports of an application."""
LaterStep = (
    intake.EligibilityReviewed
    | intake.TrainingTested
    | intake.PanelReviewed
    | intake.NoticeOpened
    | intake.ObjectionRaised
    | intake.ObjectionResolved
    | intake.CertificationWithdrawn
)
STEPS = (
    intake.CertificationApplied,
    intake.EligibilityReviewed,
    intake.TrainingTested,
    intake.PanelReviewed,
    intake.NoticeOpened,
    intake.ObjectionRaised,
    intake.ObjectionResolved,
    intake.CertificationWithdrawn,
)


@dataclass(frozen=True, slots=True)
class PassDeadline:
    """The scheduled check: the stamp's effective day is today. number: of the certificate that would be issued."""

    stamp: Stamp
    application: str
    number: str


Events = tuple[WorkerEvent, ...]


def decide_step(stamp: Stamp, says: Step, state: Worker, rules: Rules) -> Events:
    """Raises Early, Rejected."""
    if isinstance(says, intake.CertificationApplied):
        return decide_applied(stamp, says, state, rules)
    name = f"{says.application_source or stamp.origin.source}/{says.application}"
    application = state.applications.get(name)
    if application is None:
        raise _early(stamp, name, "application", f"application {says.application}")
    if _was_taken(stamp, says, application, state, rules):
        return ()
    if isinstance(application.at, Concluded):
        raise reject(
            "data.application",
            "application-closed",
            f"the application was {application.at.outcome} on {application.at.on}",
            "complain to the issuer" if isinstance(says, intake.ObjectionRaised) else "a new application may be made",
        )
    return _decide_on(stamp, says, application, state, rules)


def _was_taken(stamp: Stamp, says: LaterStep, application: Application, state: Worker, rules: Rules) -> bool:
    """Whether the same source has reported this step in the same words, of the same day: decided as it was then, it leads to
    the event that it has led to."""
    for step in application.steps:
        if step.before is None or (step.on, step.event.fact.source) != (stamp.effective_on, stamp.origin.source):
            continue
        try:
            event = _decide_on(stamp, says, step.before, state, rules)[0]
        except (Rejected, Early):
            continue
        if event.model_copy(update={"fact": step.event.fact}) == step.event:
            return True
    return False


def _decide_on(stamp: Stamp, says: LaterStep, application: Application, state: Worker, rules: Rules) -> Events:
    match says:
        case intake.EligibilityReviewed():
            return decide_reviewed(stamp, says, application, state, rules)
        case intake.TrainingTested():
            return decide_tested(stamp, says, application, rules)
        case intake.PanelReviewed():
            return decide_panel(stamp, says, application, rules)
        case intake.NoticeOpened():
            return decide_notice(stamp, says, application, rules)
        case intake.ObjectionRaised():
            return decide_objection(stamp, says, application, rules)
        case intake.ObjectionResolved():
            return decide_resolved(stamp, says, application, rules)
        case intake.CertificationWithdrawn():
            not_before(stamp, application.at.on, "the stage before")
            return (_concluded(stamp, application, "withdrawn", application.at.stage, says.reason),)
        case _:
            assert_never(says)


# --- what a step needs ------------------------------------------------------------------------------------------------


def _early(stamp: Stamp, name: str, stage: Stage, shown: str) -> Early:
    return Early(f"stage:{stamp.person_ref}/{name}/{stage}", shown)


def _needs(stamp: Stamp, application: Application, stage: Stage) -> None:
    """The stage that must be done last: earlier than that, the step waits; later, or dated before it, it is refused."""
    now, needed = STAGES.index(application.at.stage), STAGES.index(stage)
    if now < needed:
        raise _early(stamp, application.name, stage, f"the {stage.replace('_', ' ')} of application {application.name}")
    if now > needed:
        done = STAGES[needed + 1].replace("_", " ")
        raise reject("type", "stage-done", f"the {done} of this application is done", "nothing is to be done")
    not_before(stamp, application.at.on, "the stage before")


def _standard_of(application: Application, rules: Rules) -> tuple[Standard, GradeStandard]:
    """The standard by which the application is judged to its end."""
    found = next(standard for standard in rules.standards if standard[0] == application.standard)
    grade = grade_standard(found[1], application.grade)
    assert grade is not None, "an application is made for a grade of its standard"
    return found, grade


def _concluded(
    stamp: Stamp,
    application: Application,
    outcome: Literal["granted", "rejected", "withdrawn"],
    stage: Stage,
    reason: str,
    certificate: str | None = None,
) -> CertificationConcluded:
    return CertificationConcluded(
        person_ref=stamp.person_ref,
        fact=stamp.origin,
        application=application.name,
        outcome=outcome,
        stage=stage,
        reason=reason,
        certificate=certificate,
    )


# --- application ------------------------------------------------------------------------------------------------------


def decide_applied(stamp: Stamp, says: intake.CertificationApplied, state: Worker, rules: Rules) -> Events:
    name = f"{stamp.origin.source}/{says.application}"
    if name in state.applications:
        first = state.applications[name].steps[0]
        if (first.on, _asked(first.event)) == (stamp.effective_on, (says.grade, says.issuer, _titles(says))):
            return ()
        raise reject("data.application", "application-known", "this key names an earlier application", "give a new key")
    division = _division_of(stamp, says, state)
    (event, document), grade = _standard_for(stamp, says, division, rules)
    promotes = _promoted(stamp, state, document, grade)
    return (
        CertificationApplied(
            person_ref=stamp.person_ref,
            fact=stamp.origin,
            application=name,
            grade=says.grade,
            issuer=says.issuer,
            titles=_titles(says),
            standard=CertificationStandardCited(event=event, document=document.document, revision=document.revision),
            promotes=promotes,
        ),
    )


def _titles(says: intake.CertificationApplied) -> tuple[Title, ...]:
    return tuple(Title(field=title.field, level=title.level) for title in says.titles)


def _asked(event: WorkerEvent) -> tuple[str, str, tuple[Title, ...]]:
    assert isinstance(event, CertificationApplied)
    return event.grade, event.issuer, event.titles


def _division_of(stamp: Stamp, says: intake.CertificationApplied, state: Worker) -> str:
    """Where the applicant is registered. Raises Rejected if they cannot apply at all, or not to this issuer."""
    place = place_on(state, stamp.effective_on)
    if place is None or not place.open:
        raise reject(
            "data.person", "not-registered", f"the person is not registered on {stamp.effective_on}", "register or reopen first"
        )
    if not covers(says.issuer, place.division):
        raise reject(
            "data.issuer",
            "other-territory",
            f"the person is registered in {place.division}, which {says.issuer} does not cover",
            "name the issuer above that division, or transfer the person first",
        )
    posts = _posts_on(state, stamp.effective_on)
    if posts and all(post.category == "instructor" for post in posts):
        raise reject("data.person", "instructor", "instructors are outside certification", "nothing is to be done")
    running = [a for a in state.applications.values() if not isinstance(a.at, Concluded)]
    if running:
        raise reject(
            "data.person",
            "application-open",
            f"application {running[0].name} is at stage {running[0].at.stage}",
            "conclude or withdraw it first",
        )
    return place.division


def _posts_on(state: Worker, day: date) -> list[EngagementStart]:
    """The engagements that run on a day."""
    ended = {
        slot.removeprefix("engagement-end/"): state.facts[fact].effective_on
        for slot, (fact, _) in state.standing.items()
        if slot.startswith("engagement-end/") and fact is not None
    }
    posts = []
    for slot, (fact, _) in state.standing.items():
        if slot.startswith("engagement-start/") and fact is not None:
            known = state.facts[fact]
            until = ended.get(slot.removeprefix("engagement-start/"), NEVER)
            if isinstance(known.says, EngagementStart) and known.effective_on <= day <= until:
                posts.append(known.says)
    return posts


def _standard_for(
    stamp: Stamp, says: intake.CertificationApplied, division: str, rules: Rules
) -> tuple[Standard, GradeStandard]:
    """The standard of the applicant's division: a special grade is issued by the province, by the city's standard."""
    found = in_force(rules.standards, division, stamp.effective_on)
    if found is None:
        raise reject(
            "effectiveon",
            "no-standard",
            f"no certification standard is in force for {division} on {stamp.effective_on}",
            "ask the office that publishes standards",
        )
    grade = grade_standard(found[1], says.grade)
    if grade is None:
        known = ", ".join(g.grade for g in found[1].grades)
        raise reject(
            "data.grade", "unknown-grade", f"standard {found[1].document} has no grade {says.grade}", f"write one of {known}"
        )
    if not may_issue(grade, says.issuer):
        allowed = " or ".join(grade.issuers)
        raise reject(
            "data.issuer", "wrong-issuer", f"a {says.grade} certificate is issued by a {allowed}", "name such a division"
        )
    return found, grade


def _held_on(state: Worker, day: date) -> tuple[Span, ...]:
    """The certificates that are valid or suspended on a day."""
    return tuple(s for s in certificate_spans(state) if s.covers(day) and s.state in ("valid", "suspended"))


def _promoted(stamp: Stamp, state: Worker, document: CertificationStandard, grade: GradeStandard) -> str | None:
    """The certificate that this one would supersede. Raises Rejected if it is not the one that the standard asks for."""
    held = _held_on(state, stamp.effective_on)
    if any(span.state == "suspended" for span in held):
        raise reject(
            "data.person", "certificate-suspended", "the person's certificate is suspended", "have it reinstated first"
        )
    ranks = {word: rank for rank, word in enumerate(document.words.grades)}
    best = max(held, key=lambda span: ranks.get(span.grade, -1), default=None)
    if best is not None and ranks.get(best.grade, -1) >= ranks[grade.grade]:
        raise reject(
            "data.grade", "certificate-held", f"the person holds a {best.grade} certificate", "apply for a higher grade"
        )
    if grade.promotes_from is not None and (best is None or best.grade != grade.promotes_from):
        raise reject(
            "data.grade",
            "grade-not-held",
            f"a {grade.grade} certificate is a promotion from {grade.promotes_from}, which the person does not hold",
            f"apply for {grade.promotes_from} first",
        )
    return None if best is None else best.number


# --- eligibility, test, panel -----------------------------------------------------------------------------------------


def decide_reviewed(
    stamp: Stamp, says: intake.EligibilityReviewed, application: Application, state: Worker, rules: Rules
) -> Events:
    _needs(stamp, application, "application")
    (_, document), grade = _standard_of(application, rules)
    problems = problems_of_findings(document, grade, says.findings, says.waive, application.titles)
    if problems:
        raise Rejected(*problems)
    facts = [KnownFact(k.event_id, k.effective_on, k.says, k.source) for k in standing_facts(state) if k.says is not None]
    criteria = judge(document, grade, facts, says.findings, says.waive, application.titles, stamp.effective_on)
    failed = [criterion.name for criterion in criteria if not criterion.met]
    reviewed = EligibilityReviewed(
        person_ref=stamp.person_ref,
        fact=stamp.origin,
        application=application.name,
        result="failed" if failed else "passed",
        criteria=criteria,
    )
    if not failed:
        return (reviewed,)
    why = "not met: " + ", ".join(failed)
    return reviewed, _concluded(stamp, application, "rejected", "eligibility_review", why)


def decide_tested(stamp: Stamp, says: intake.TrainingTested, application: Application, rules: Rules) -> Events:
    _needs(stamp, application, "eligibility_review")
    _, grade = _standard_of(application, rules)
    training = grade.training
    passed = says.hours >= training.hours_at_least and says.score >= training.pass_mark
    return (
        TrainingTested(
            person_ref=stamp.person_ref,
            fact=stamp.origin,
            application=application.name,
            result="passed" if passed else "failed",
            hours=says.hours,
            hours_required=training.hours_at_least,
            score=says.score,
            pass_mark=training.pass_mark,
        ),
    )


def decide_panel(stamp: Stamp, says: intake.PanelReviewed, application: Application, rules: Rules) -> Events:
    _needs(stamp, application, "training_test")
    _, grade = _standard_of(application, rules)
    panel = grade.panel
    if len(says.scores) < panel.judges_at_least:
        raise reject(
            "data.scores",
            "too-few-judges",
            f"{len(says.scores)} judges, the standard asks for {panel.judges_at_least}",
            "let all of them score",
        )
    mean = mean_hundredths(says.scores, panel.drop_extremes)
    passed = mean >= panel.pass_mark * 100
    reviewed = PanelReviewed(
        person_ref=stamp.person_ref,
        fact=stamp.origin,
        application=application.name,
        result="passed" if passed else "failed",
        scores=says.scores,
        mean_hundredths=mean,
        pass_mark=panel.pass_mark,
    )
    if passed:
        return (reviewed,)
    why = f"panel mean {mean // 100}.{mean % 100:02d} below {panel.pass_mark}"
    return reviewed, _concluded(stamp, application, "rejected", "panel_review", why)


def mean_hundredths(scores: Sequence[int], drop_extremes: bool) -> int:
    """The mean in hundredths of a point, half up; without one highest and one lowest, if they are to be dropped."""
    counted = sorted(scores)[1:-1] if drop_extremes and len(scores) > 2 else list(scores)
    return (200 * sum(counted) + len(counted)) // (2 * len(counted))


# --- public notice ----------------------------------------------------------------------------------------------------


def decide_notice(stamp: Stamp, says: intake.NoticeOpened, application: Application, rules: Rules) -> Events:
    _needs(stamp, application, "panel_review")
    _, grade = _standard_of(application, rules)
    ends_on, calendar = _last_day(stamp.effective_on, grade.notice_working_days, says.ends_on, rules)
    return (
        NoticeOpened(
            person_ref=stamp.person_ref,
            fact=stamp.origin,
            application=application.name,
            working_days=grade.notice_working_days,
            ends_on=ends_on,
            calendar=calendar,
        ),
    )


def _last_day(start: date, days: int, given: date | None, rules: Rules) -> tuple[date, str]:
    """The day on which so many working days after ``start`` have passed, and the calendar that says so; what the calendar does
    not know is asked for, never guessed."""
    try:
        if days == 0:
            computed, calendar = start, "" if rules.calendar is None else rules.calendar.version
        else:
            known = _calendar(rules, start)
            computed, calendar = known.add_working_days(start, days), known.version
    except UnknownYear as unknown:
        what = f"count {days} working days after {start} by the official arrangement"
        return _given_day(given, start, days, unknown.year, what), "given"
    if given is not None and given != computed:
        raise reject(
            "data.ends_on",
            "not-the-last-day",
            f"{days} working days after {start} end on {computed} by {calendar}",
            "leave it out, or mend it",
        )
    return computed, calendar


def _calendar(rules: Rules, day: date) -> Calendar:
    if rules.calendar is None:
        raise UnknownYear(day.year)
    return rules.calendar


def _given_day(given: date | None, start: date, days_min: int, year: int, how: str) -> date:
    """The last day that the source tells, where the calendar does not know. Raises Rejected without one, or if it cannot be."""
    if given is None:
        raise reject(
            "data.ends_on",
            "calendar-unknown-year",
            f"the calendar of working days does not know {year} yet",
            f"{how} and tell the last day, as YYYY-MM-DD",
        )
    if not start + timedelta(days=days_min) <= given <= start + timedelta(days=NOTICE_DAYS_MAX):
        raise reject(
            "data.ends_on",
            "ends-too-early" if given <= start + timedelta(days=days_min) else "ends-too-late",
            f"the notice has {days_min} working days after {start}, and ends within {NOTICE_DAYS_MAX} days",
            "mend the day",
        )
    return given


def decide_objection(stamp: Stamp, says: intake.ObjectionRaised, application: Application, rules: Rules) -> Events:
    """The notice stands still from the earliest of the objections on, in whatever order they come."""
    _needs(stamp, application, "public_notice")
    at, name = application.at, f"{stamp.origin.source}/{says.objection}"
    assert isinstance(at, InNotice)
    if name in dict(at.objections) or name in at.resolved:
        raise reject("data.objection", "objection-known", "this key names an earlier objection", "give a new key")
    if not at.objections and stamp.effective_on > at.ends_on:
        raise reject("effectiveon", "notice-over", f"the notice ended on {at.ends_on}", "complain to the issuer")
    left = _days_left(max(stamp.effective_on, at.runs_from), at.ends_on, rules)
    if left is not None and at.days_left is not None:
        left = max(left, at.days_left)
    return (
        ObjectionRaised(
            person_ref=stamp.person_ref,
            fact=stamp.origin,
            application=application.name,
            objection=name,
            grounds=says.grounds,
            days_left=left,
        ),
    )


def _days_left(after: date, ends_on: date, rules: Rules) -> int | None:
    try:
        return _calendar(rules, after).working_days_between(after, ends_on)
    except UnknownYear:
        return None


def decide_resolved(stamp: Stamp, says: intake.ObjectionResolved, application: Application, rules: Rules) -> Events:
    _needs(stamp, application, "public_notice")
    at, name = application.at, f"{says.objection_source or stamp.origin.source}/{says.objection}"
    assert isinstance(at, InNotice)
    if name in at.resolved:
        raise reject("data.objection", "already-resolved", "this objection was resolved", "nothing is to be done")
    raised_on = dict(at.objections).get(name)
    if raised_on is None:
        raise Early(f"objection:{stamp.person_ref}/{application.name}/{name}", f"objection {says.objection}")
    not_before(stamp, raised_on, "the objection")
    ends_on: date | None = None
    calendar: str | None = None
    if says.outcome == "dismissed" and len(at.objections) == 1:
        ends_on, calendar = _goes_on(stamp, says, at, rules)
    resolved = ObjectionResolved(
        person_ref=stamp.person_ref,
        fact=stamp.origin,
        application=application.name,
        objection=name,
        outcome=says.outcome,
        finding=says.finding,
        ends_on=ends_on,
        calendar=calendar,
    )
    if says.outcome == "dismissed":
        return (resolved,)
    return resolved, _concluded(stamp, application, "rejected", "public_notice", "an objection was upheld")


def _goes_on(stamp: Stamp, says: intake.ObjectionResolved, at: InNotice, rules: Rules) -> tuple[date, str | None]:
    """The new last day: the working days that were left, counted from the latest of the resolutions."""
    assert at.stopped_on is not None
    start = max(stamp.effective_on, at.resumes_on or stamp.effective_on)
    left = at.days_left
    if left is None:
        left = _days_left(at.stopped_on, at.ends_on, rules)
    if left is None:
        what = f"count the working days after {at.stopped_on} up to {at.ends_on}, then as many after {start},"
        return _given_day(says.ends_on, start, 0, at.ends_on.year, what), "given"
    ends_on, calendar = _last_day(start, left, says.ends_on, rules)
    return ends_on, calendar or None


# --- the outcome ------------------------------------------------------------------------------------------------------


def due_for(state: Worker, application: str, today: date) -> tuple[str, date] | None:
    """(issuer, day of issue) of the certificate that the passing of the deadline brings; None: nothing is due."""
    found = state.applications.get(application)
    if found is None or not isinstance(found.at, InNotice) or found.at.objections or found.at.ends_on >= today:
        return None
    return found.issuer, found.at.ends_on + timedelta(days=1)


def decide_pass_deadline(command: PassDeadline, state: Worker, rules: Rules) -> Events:
    """Grant the certificate, the day after the notice ended; nothing if it has not, or was granted already.

    All events are effective on the day of issue, which does not depend on when the check runs. What may have changed since the
    application is looked at again, and ends in a rejection: the registration, and the certificates that the person holds.
    """
    stamp = command.stamp
    due = due_for(state, command.application, stamp.effective_on)
    if due is None:
        return ()
    application, (_, issued_on) = state.applications[command.application], due
    held = _held_on(state, issued_on)
    why = _obstacle(state, application, held, issued_on, rules)
    if why is not None:
        return (_concluded(stamp, application, "rejected", "public_notice", why),)
    return (
        _concluded(stamp, application, "granted", "public_notice", "no objection is open", command.number),
        *_issued(stamp, application, command.number, issued_on, held, state, rules),
    )


def _obstacle(state: Worker, application: Application, held: Sequence[Span], on: date, rules: Rules) -> str | None:
    """Why the certificate cannot be issued on the day; None: it can."""
    place = place_on(state, on)
    if place is None or not place.open:
        return "the registration was closed"
    if application.promotes is not None and not any(s.number == application.promotes and s.state == "valid" for s in held):
        return f"certificate {application.promotes}, which was to be promoted, is not valid"
    suspended = next((span.number for span in held if span.state == "suspended"), None)
    if suspended is not None:
        return f"certificate {suspended} is suspended"
    (_, document), _ = _standard_of(application, rules)
    ranks = {word: rank for rank, word in enumerate(document.words.grades)}
    higher = [s for s in held if ranks.get(s.grade, -1) >= ranks[application.grade]]
    return f"the person holds {higher[0].grade} certificate {higher[0].number} by now" if higher else None


def _issued(
    stamp: Stamp, application: Application, number: str, on: date, held: Sequence[Span], state: Worker, rules: Rules
) -> tuple[CertificateIssued | CertificateChanged, ...]:
    """The certificate, and the end of those that it supersedes."""
    _, grade = _standard_of(application, rules)
    expires_on = None if grade.validity_years is None else last_day(on, grade.validity_years * 12)
    certificate = Certificate(number=number, grade=application.grade, issuer=application.issuer, expires_on=expires_on)
    ids = [stamp.event_id, *stamp.more_ids]
    # Whoever else reports this number: what its own five stages have come to is the registry's to say.
    origin = stamp.origin.model_copy(update={"authority": True})
    issued = record(Record(replace(stamp, event_id=ids[1], effective_on=on, origin=origin), certificate), state, rules)
    assert isinstance(issued, CertificateIssued)
    events: list[CertificateIssued | CertificateChanged] = [issued]
    for place, span in enumerate(held):
        says = CertificateChange(
            key=f"{number}-{place + 1}", number=span.number, change="superseded", reason=f"superseded by {number}"
        )
        changed = record(Record(replace(stamp, event_id=ids[2 + place], effective_on=on), says), state, rules)
        assert isinstance(changed, CertificateChanged)
        events.append(changed)
    return tuple(events)


# --- evolve -----------------------------------------------------------------------------------------------------------

LaterEvent = (
    EligibilityReviewed
    | TrainingTested
    | PanelReviewed
    | NoticeOpened
    | ObjectionRaised
    | ObjectionResolved
    | CertificationConcluded
)
ApplicationEvent = CertificationApplied | LaterEvent


def applied(event: CertificationApplied, on: date) -> Application:
    return Application(
        event.application, event.grade, event.issuer, event.titles, event.standard.event, event.promotes, AwaitsReview(on)
    )


def evolve_application(application: Application | None, event: ApplicationEvent, happened: Happened) -> Application:
    """The application after an event."""
    on = happened.effective_on
    if isinstance(event, CertificationApplied):
        return replace(applied(event, on), steps=(StepTaken(None, on, event),))
    assert application is not None, "an application begins with its application"
    taken = StepTaken(replace(application, steps=()), on, event)
    return replace(_moved_on(application, event, on), steps=(*application.steps, taken))


def _moved_on(application: Application, event: LaterEvent, on: date) -> Application:
    at = application.at
    match event:
        case EligibilityReviewed():
            return replace(application, at=AwaitsTest(on)) if event.result == "passed" else application
        case TrainingTested():
            return replace(application, at=AwaitsPanel(on)) if event.result == "passed" else application
        case PanelReviewed():
            return replace(application, at=AwaitsNotice(on)) if event.result == "passed" else application
        case NoticeOpened():
            return replace(application, at=InNotice(on, event.ends_on, runs_from=on))
        case ObjectionRaised():
            assert isinstance(at, InNotice)
            return replace(application, at=_stopped(at, event, on))
        case ObjectionResolved():
            assert isinstance(at, InNotice)
            return replace(application, at=_resolved(at, event, on))
        case CertificationConcluded():
            return replace(application, at=Concluded(on, event.outcome, event.stage))
        case _:
            assert_never(event)


def _stopped(at: InNotice, event: ObjectionRaised, on: date) -> InNotice:
    earliest = max(on, at.runs_from) if at.stopped_on is None else max(min(on, at.stopped_on), at.runs_from)
    return replace(at, objections=(*at.objections, (event.objection, on)), days_left=event.days_left, stopped_on=earliest)


def _resolved(at: InNotice, event: ObjectionResolved, on: date) -> InNotice:
    """While other objections are open, the notice stands still; then it runs from the latest of the resolutions on."""
    still = tuple(objection for objection in at.objections if objection[0] != event.objection)
    resumes_on = max(on, at.resumes_on or on)
    after = replace(at, objections=still, resolved=(*at.resolved, event.objection), resumes_on=resumes_on)
    if still:
        return after
    ends_on = event.ends_on or at.ends_on
    return replace(after, ends_on=ends_on, runs_from=resumes_on, days_left=None, stopped_on=None, resumes_on=None)
