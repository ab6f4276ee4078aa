"""``hongling talent plan|rotation|secondment|training|mentor|policy``: how people of the pool are developed.

Acts are messages like any source's, answered with a receipt; lists are read from talent's tables as of a day.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from console.context import WRONG, DataOption, JsonOption, LangOption, context, fail
from console.publishing import (
    Message,
    check_document,
    document_message,
    publish_document,
)
from console.talent_acts import (
    ByDivision,
    NoteOption,
    OnOption,
    PersonArgument,
    asked_day,
    checked_division,
    day_text,
    operate,
    ref_of,
    show_rows,
    talent_tables,
)
from console.talent_words import TalentWords
from console.words import day_of
from contracts.development import DevelopmentPolicyPublished
from contracts.development_policy import ACTIVITY_KINDS, DevelopmentPolicy
from contracts.roles import POLICY_OFFICE
from eventlog.workdays import WorkCalendar
from services.talent.decider import Around, known_of, replay, stream_of
from services.talent.development import proposal
from services.talent.development_handlers import DEVELOPMENT_POLICIES, published_policies
from services.talent.development_policy import check_policy, read_policy
from services.talent.handlers import happened
from services.talent.registers import (
    Policies,
    catalogue,
    coverage_of,
    development_of,
    duties_list,
    mentors_by_unit,
    mentors_list,
    plans_list,
    rotation_list,
    secondments_list,
    training_hours,
)

__all__ = ["policy_message", "register_on"]

plan = typer.Typer(no_args_is_help=True, help="One person, one plan (一人一策): proposed, adopted, carried on, closed.")
rotation = typer.Typer(no_args_is_help=True, help="How long posts are held (轮岗), and exceptions.")
secondment = typer.Typer(no_args_is_help=True, help="Secondments (挂职), with real duties or without.")
training = typer.Typer(no_args_is_help=True, help="Courses, results, and what is due (培训信息库).")
mentor = typer.Typer(no_args_is_help=True, help="Mentors (导师) and whom they teach.")
policy = typer.Typer(no_args_is_help=True, help="Development policies: check, publish, list.")

FileArgument = Annotated[Path, typer.Argument(help="YAML file of a development policy", show_default=False)]
PlanOption = Annotated[str, typer.Option("--plan", help="the plan's key", show_default=False)]
ActivityOption = Annotated[str, typer.Option("--activity", help="the activity's key", show_default=False)]
UntilOption = Annotated[str, typer.Option("--until", help="last day, YYYY-MM-DD", show_default=False)]
EvidenceOption = Annotated[
    list[str] | None, typer.Option("--evidence", help="SHA-256 of an attachment; may be repeated", show_default=False)
]
ACTIVITY_FORM = "KEY/KIND/BEGINS/ENDS/TITLE, such as a-1/training/2026-03-01/2026-05-31/资格培训"


def register_on(talent: typer.Typer) -> None:
    for name, group in (
        ("plan", plan), ("rotation", rotation), ("secondment", secondment), ("training", training), ("mentor", mentor),
        ("policy", policy),
    ):  # fmt: skip
        talent.add_typer(group, name=name)


# --- policies -----------------------------------------------------------------------------------------------------------


@policy.command()
def check(file: FileArgument, data: DataOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """Say what is wrong or doubtful in a policy, at its line and column. Publishes nothing; ends with 2 on errors."""
    check_document(file, check_policy, as_json, lang)


def policy_message(text: str, document: DevelopmentPolicy, at: datetime, source: str = POLICY_OFFICE) -> Message:
    """The intake message of a policy. Its id comes from the text, so that the same text is one message for ever."""
    return document_message("talent", "development-policy-published", "development", text, document.effective_on, at, source)


@policy.command()
def publish(file: FileArgument, data: DataOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """Check a policy and publish it. Safe to repeat. It holds from its first day for its division and all below."""
    ctx = context(data, as_json, lang)
    publish_document(
        ctx, file, "talent", check_policy, lambda text, at, source: policy_message(text, read_policy(text), at, source)
    )


@policy.command("list")
def list_policies(data: DataOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """Every published policy, in the order of publication."""
    ctx = context(data, as_json, lang)
    with talent_tables(ctx) as (log, connection):
        events = log.load(connection, [DEVELOPMENT_POLICIES])[DEVELOPMENT_POLICIES]
    rows = [
        {
            **e.event.document.model_dump(mode="json"),
            "event_id": e.event_id,
            "recorded_at": e.recorded_at,
            "duties": len(e.event.document.training),
            "years": None if e.event.document.rotation is None else e.event.document.rotation.years_at_most,
        }
        for e in events
        if isinstance(e.event, DevelopmentPolicyPublished)
    ]
    columns = (
        ("文号", "document", "document"), ("版本", "revision", "revision"), ("区划", "division", "division"),
        ("标题", "title", lambda row: row["title"] if ctx.lang == "zh" else row["title_en"] or row["title"]),
        ("生效", "effective", "effective_on"), ("任职年限", "years in a post", "years"), ("培训任务", "duties", "duties"),
        ("发布", "published", lambda row: day_of(row["recorded_at"])),
    )  # fmt: skip
    show_rows(ctx, {"policies": rows}, rows, columns)


# --- plans --------------------------------------------------------------------------------------------------------------


@plan.command()
def propose(
    person: PersonArgument, on: OnOption = None, data: DataOption = None, as_json: JsonOption = False, lang: LangOption = None
) -> None:
    """What a plan could hold: for each criterion that is unmet, what the policy suggests. A person decides."""
    ctx = context(data, as_json, lang)
    ref, day = ref_of(ctx, person), asked_day(on)
    with talent_tables(ctx) as (log, connection):
        past = log.histories(connection, [stream_of(ref)])[stream_of(ref)]
        state = replay(happened(log, one) for one in past)
        known = known_of(state, Around(policies=published_policies(log, connection)), day)
    if known.screening is None:
        fail(WRONG, ctx.say(f"{ref} 尚未经过资格审查", f"{ref} has not been screened; see `hongling talent screen`"))
    found = known.policy(day)
    proposed = proposal(known.screening[2], None if found is None else found.document, day)
    words = TalentWords(ctx.lang)
    rows = [
        {
            "criterion": p.gap.name,
            "required": p.gap.required,
            "found": p.gap.found,
            "kind": p.kind,
            "title": p.zh if ctx.lang == "zh" else p.en,
            "begins_on": p.begins_on.isoformat(),
            "ends_on": p.ends_on.isoformat(),
        }
        for p in proposed
    ]
    columns = (
        ("短板", "gap", lambda row: words.criterion(row["criterion"])),
        ("要求", "required", lambda row: words.side(row["required"])),
        ("实际", "found", lambda row: words.side(row["found"])),
        ("方式", "activity", "kind"), ("内容", "title", "title"),
        ("起", "from", lambda row: row["begins_on"] if row["kind"] else ""),
        ("止", "to", lambda row: row["ends_on"] if row["kind"] else ""),
    )  # fmt: skip
    document = None if found is None else found.document.document
    answer = {"person_ref": ref, "on": day.isoformat(), "screening": known.screening[0], "document": document, "proposed": rows}
    show_rows(ctx, answer, rows, columns)


def activity_of(text: str) -> dict[str, Any]:
    """An activity as it is written on the command line. Ends the command with 2 if it is not of that form."""
    parts = text.split("/", 4)
    if len(parts) != 5 or parts[1] not in ACTIVITY_KINDS:
        fail(WRONG, f"--activity {text} is not {ACTIVITY_FORM}; KIND is one of: {', '.join(ACTIVITY_KINDS)}")
    key, kind, begins_on, ends_on, title = parts
    return {"activity": key, "kind": kind, "begins_on": begins_on, "ends_on": ends_on, "title": title}


@plan.command()
def adopt(
    person: PersonArgument,
    key: PlanOption,
    aim: Annotated[str, typer.Option("--aim", show_default=False)],
    activity: Annotated[list[str], typer.Option("--activity", help=f"{ACTIVITY_FORM}; may be repeated", show_default=False)],
    review: Annotated[str, typer.Option("--review", help="day of the first review", show_default=False)],
    until: UntilOption,
    by: Annotated[str, typer.Option("--by", help="who adopts it, by role", show_default=False)],
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Adopt a plan for somebody who was screened; it keeps the gaps that it answers."""
    values = {
        "plan": key,
        "aim": aim,
        "adopted_by": by,
        "review_on": day_text("--review", review),
        "ends_on": day_text("--until", until),
        "activities": [activity_of(each) for each in activity],
    }
    operate(context(data, as_json, lang), "plan-adopted", values, on, person)


@plan.command()
def add(
    person: PersonArgument,
    key: PlanOption,
    activity: Annotated[str, typer.Option("--activity", help=ACTIVITY_FORM, show_default=False)],
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Add an activity to a plan."""
    operate(context(data, as_json, lang), "plan-activity-added", {"plan": key, "activity": activity_of(activity)}, on, person)


@plan.command()
def move(
    person: PersonArgument,
    key: PlanOption,
    activity: ActivityOption,
    status: Annotated[str, typer.Option("--status", help="begun, done or dropped", show_default=False)],
    evidence: EvidenceOption = None,
    note: NoteOption = None,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Say that an activity was begun, done (with evidence or a note) or dropped (with a note)."""
    values = {"plan": key, "activity": activity, "status": status, "evidence": evidence or [], "note": note}
    operate(context(data, as_json, lang), "plan-activity-moved", values, on, person)


@plan.command("review")
def review_plan(
    person: PersonArgument,
    key: PlanOption,
    conclusion: Annotated[str, typer.Option("--conclusion", help="on_track, behind or adjusted", show_default=False)],
    next_review: Annotated[str, typer.Option("--next", help="day of the next review", show_default=False)],
    note: NoteOption = None,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Record a review of a plan."""
    values = {"plan": key, "conclusion": conclusion, "next_review_on": day_text("--next", next_review), "note": note}
    operate(context(data, as_json, lang), "plan-reviewed", values, on, person)


@plan.command()
def close(
    person: PersonArgument,
    key: PlanOption,
    outcome: Annotated[str, typer.Option("--outcome", help="fulfilled, partly or abandoned", show_default=False)],
    note: NoteOption = None,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Close a plan. It is fulfilled when every activity is done or dropped."""
    operate(context(data, as_json, lang), "plan-closed", {"plan": key, "outcome": outcome, "note": note}, on, person)


@plan.command("show")
def show_plans(person: PersonArgument, data: DataOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """A person's plans with their activities."""
    ctx = context(data, as_json, lang)
    ref = ref_of(ctx, person)
    with talent_tables(ctx) as (_, connection):
        plans = development_of(connection, ref)["plans"]
    rows = [{**activity, "plan_status": each["status"]} for each in plans for activity in each["activities"]]
    columns = (
        ("计划", "plan", "plan"), ("状态", "plan is", "plan_status"), ("编号", "activity", "activity"),
        ("方式", "kind", "kind"),
        ("内容", "title", "title"), ("起", "from", "begins_on"), ("止", "to", "ends_on"), ("进度", "status", "status"),
        ("日期", "since", "moved_on"), ("佐证", "evidence", "evidence"),
    )  # fmt: skip
    show_rows(ctx, {"person_ref": ref, "plans": plans}, rows, columns)


@plan.command("list")
def list_plans(
    division: ByDivision,
    status: Annotated[str | None, typer.Option("--status", help="open, fulfilled, partly…", show_default=False)] = None,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Plans of a division: how far they are, which reviews and activities are overdue."""
    ctx, day = context(data, as_json, lang), asked_day(on)
    with talent_tables(ctx) as (_, connection):
        rows = plans_list(connection, checked_division(division), day, status)
    columns = (
        ("人员", "person", "person_ref"), ("计划", "plan", "plan"), ("目标", "aim", "aim"), ("状态", "status", "status"),
        ("完成", "done", lambda row: f"{row['done']}/{row['activities']}"),
        ("逾期活动", "overdue", lambda row: ", ".join(row["overdue_activities"])),
        ("下次评估", "review", "review_on"), ("评估逾期", "review overdue", "review_overdue"),
    )  # fmt: skip
    show_rows(ctx, {"division": division, "on": day.isoformat(), "plans": rows}, rows, columns)


# --- rotation and secondment --------------------------------------------------------------------------------------------


@rotation.command("list")
def list_rotation(
    division: ByDivision,
    months: Annotated[int | None, typer.Option("--months", min=0, max=240, help="who comes up within so many")] = None,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Posts by the day until which they may be held; first those that come up first."""
    ctx, day = context(data, as_json, lang), asked_day(on)
    with talent_tables(ctx) as (log, connection):
        rows = rotation_list(connection, Policies(published_policies(log, connection), day), checked_division(division), months)
    columns = (
        ("人员", "person", "person_ref"), ("单位", "unit", "unit"), ("职务", "post", "post"), ("任职起", "since", "since"),
        ("期限", "limit", "limit_on"), ("延期至", "exception until", "exempt_until"), ("到期", "due", "due_on"),
        ("状态", "state", "state"), ("依据", "by", lambda row: f"{row['document']} {row['clause']}"),
    )  # fmt: skip
    show_rows(ctx, {"division": division, "on": day.isoformat(), "months": months, "posts": rows}, rows, columns)


@rotation.command()
def exempt(
    person: PersonArgument,
    engagement: Annotated[str, typer.Option("--engagement", help="<source>/<key>, see `rotation list`", show_default=False)],
    until: UntilOption,
    reason: Annotated[str, typer.Option("--reason", help="without naming anybody", show_default=False)],
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Grant an exception: the post may be held until that day."""
    source, _, key = engagement.partition("/")
    values = {"engagement": key, "engagement_source": source, "until": day_text("--until", until), "reason": reason}
    operate(context(data, as_json, lang), "rotation-exempted", values, on, person)


SecondmentOption = Annotated[str, typer.Option("--key", help="your own key for it", show_default=False)]


@secondment.command("start")
def start_secondment(
    person: PersonArgument,
    key: SecondmentOption,
    unit: Annotated[str, typer.Option("--unit", show_default=False)],
    post: Annotated[str, typer.Option("--post", show_default=False)],
    until: UntilOption,
    real_duties: Annotated[bool, typer.Option("--real-duties/--in-name", help="挂实职, or in name only")] = True,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Second somebody to a unit."""
    values = {
        "secondment": key, "unit": unit, "post": post, "real_duties": real_duties, "ends_on": day_text("--until", until),
    }  # fmt: skip
    operate(context(data, as_json, lang), "secondment-started", values, on, person)


@secondment.command("end")
def end_secondment(
    person: PersonArgument,
    key: SecondmentOption,
    outcome: Annotated[str, typer.Option("--outcome", help="completed, recalled or broken_off", show_default=False)],
    note: NoteOption = None,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """End a secondment; the day is its last one."""
    operate(context(data, as_json, lang), "secondment-ended", {"secondment": key, "outcome": outcome, "note": note}, on, person)


@secondment.command("list")
def list_secondments(
    division: ByDivision,
    ended: Annotated[bool, typer.Option("--ended", help="those that are over, too")] = False,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Who of a division is seconded, until when, and whether with real duties."""
    ctx, day = context(data, as_json, lang), asked_day(on)
    with talent_tables(ctx) as (_, connection):
        rows = secondments_list(connection, checked_division(division), day, ended=ended)
    columns = (
        ("人员", "person", "person_ref"), ("单位", "unit", "unit"), ("职务", "post", "post"),
        ("挂实职", "real duties", "real_duties"),
        ("起", "since", "since"), ("计划止", "planned end", "ends_on"), ("实际止", "ended", "ended_on"),
        ("逾期", "overdue", "overdue"),
    )  # fmt: skip
    show_rows(ctx, {"division": division, "on": day.isoformat(), "secondments": rows}, rows, columns)


# --- training -----------------------------------------------------------------------------------------------------------


@training.command("course")
def record_course(
    key: Annotated[str, typer.Argument(help="your own key of the course", show_default=False)],
    title: Annotated[str, typer.Option("--title", show_default=False)],
    topic: Annotated[str, typer.Option("--topic", help="a word of the policy", show_default=False)],
    level: Annotated[str, typer.Option("--level", help="province, city, county or unit", show_default=False)],
    hours: Annotated[int, typer.Option("--hours", show_default=False)],
    contest: Annotated[bool, typer.Option("--contest", help="a skills contest")] = False,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Record a course; again under its key, what is known of it now."""
    values = {"course": key, "title": title, "topic": topic, "level": level, "hours": hours, "contest": contest}
    operate(context(data, as_json, lang), "training-course-recorded", values, on)


@training.command("session")
def record_session(
    key: Annotated[str, typer.Argument(help="your own key of the session", show_default=False)],
    course: Annotated[str, typer.Option("--course", help="your key of the course", show_default=False)],
    division: Annotated[str, typer.Option("--division", help="where, GB/T 2260", show_default=False)],
    begins: Annotated[str, typer.Option("--from", help="YYYY-MM-DD", show_default=False)],
    until: UntilOption,
    seats: Annotated[int | None, typer.Option("--seats", show_default=False)] = None,
    cancelled: Annotated[bool, typer.Option("--cancelled")] = False,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Record a session of a course; again under its key, what is known of it now."""
    values = {
        "session": key, "course": course, "division": division, "begins_on": day_text("--from", begins),
        "ends_on": day_text("--until", until), "seats": seats, "cancelled": cancelled,
    }  # fmt: skip
    operate(context(data, as_json, lang), "training-session-recorded", values, on)


@training.command()
def report(
    person: PersonArgument,
    key: Annotated[str, typer.Option("--key", help="your own key of the result", show_default=False)],
    course: Annotated[str, typer.Option("--course", help="your key of the course", show_default=False)],
    hours: Annotated[int, typer.Option("--hours", show_default=False)],
    outcome: Annotated[str, typer.Option("--outcome", help="passed, completed, failed, absent, withdrawn", show_default=False)],
    session: Annotated[str | None, typer.Option("--session", show_default=False)] = None,
    score: Annotated[int | None, typer.Option("--score", help="of 100", show_default=False)] = None,
    placed: Annotated[int | None, typer.Option("--placed", help="place in a contest", show_default=False)] = None,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Report a result of training; again under its key, what is known of it now."""
    values = {
        "result": key, "course": course, "session": session, "hours": hours, "outcome": outcome, "score": score,
        "placed": placed,
    }  # fmt: skip
    operate(context(data, as_json, lang), "training-reported", values, on, person)


@training.command("catalogue")
def show_catalogue(
    topic: Annotated[str | None, typer.Option("--topic", show_default=False)] = None,
    level: Annotated[str | None, typer.Option("--level", show_default=False)] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Courses, with their sessions."""
    ctx = context(data, as_json, lang)
    with talent_tables(ctx) as (_, connection):
        rows = catalogue(connection, topic, level)
    columns = (
        ("课程", "course", "course"), ("名称", "title", "title"), ("主题", "topic", "topic"), ("层级", "level", "level"),
        ("学时", "hours", "hours"), ("竞赛", "contest", "contest"), ("班次", "sessions", lambda row: str(len(row["sessions"]))),
    )  # fmt: skip
    show_rows(ctx, {"courses": rows}, rows, columns)


StateOption = Annotated[
    list[str] | None,
    typer.Option("--state", help="due, overdue, completed, completed_late, lapsed; may be repeated", show_default=False),
]


@training.command()
def duties(
    division: ByDivision,
    state: StateOption = None,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Which training is due, overdue or done, by the policy in force and the facts that stand."""
    ctx, day = context(data, as_json, lang), asked_day(on)
    with talent_tables(ctx) as (log, connection):
        policies = Policies(published_policies(log, connection), day)
        rows = duties_list(connection, policies, checked_division(division), WorkCalendar(), state or ())
    columns = (
        ("人员", "person", "person_ref"), ("单位", "unit", "unit"), ("职务", "post", "post"), ("任务", "duty", "duty"),
        ("起", "from", "begins_on"), ("止", "due", "due_on"),
        ("学时", "hours", lambda row: f"{row['hours']}/{row['hours_at_least']}"),
        ("完成", "completed", "completed_on"), ("状态", "state", "state"),
    )  # fmt: skip
    show_rows(ctx, {"division": division, "on": day.isoformat(), "duties": rows}, rows, columns)


@training.command("coverage")
def show_coverage(
    division: ByDivision,
    by: Annotated[str, typer.Option("--by", help="unit, duty, term or division")] = "unit",
    duty: Annotated[str | None, typer.Option("--duty", help="of one duty only", show_default=False)] = None,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """How far training duties are done, by unit, duty, term or division."""
    ctx, day = context(data, as_json, lang), asked_day(on)
    if by not in ("unit", "duty", "term", "division"):
        fail(WRONG, f"--by {by} is not one of: unit, duty, term, division")
    with talent_tables(ctx) as (log, connection):
        policies = Policies(published_policies(log, connection), day)
        found = duties_list(connection, policies, checked_division(division), WorkCalendar())
    rows = coverage_of([row for row in found if duty in (None, row["duty"])], by)
    columns = (
        ("名称", "name", "name"), ("应完成", "due", "due"), ("已完成", "completed", "completed"),
        ("逾期", "overdue", "overdue"),
        ("完成率", "share", lambda row: f"{row['completed_per_myriad'] // 100}.{row['completed_per_myriad'] % 100:02} %"),
    )  # fmt: skip
    show_rows(ctx, {"division": division, "on": day.isoformat(), "by": by, "coverage": rows}, rows, columns)


@training.command()
def hours(
    division: ByDivision,
    begins: Annotated[str, typer.Option("--from", help="YYYY-MM-DD", show_default=False)],
    until: UntilOption,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Hours and people by topic and level in a time; contests apart."""
    ctx = context(data, as_json, lang)
    first, last = asked_day(day_text("--from", begins)), asked_day(day_text("--until", until))
    with talent_tables(ctx) as (_, connection):
        rows = training_hours(connection, checked_division(division), first, last)
    columns = (
        ("主题", "topic", "topic"), ("层级", "level", "level"), ("竞赛", "contest", "contest"), ("学时", "hours", "hours"),
        ("人数", "people", "people"), ("人次", "results", "results"),
    )  # fmt: skip
    answer = {"division": division, "from": first.isoformat(), "until": last.isoformat(), "hours": rows}
    show_rows(ctx, answer, rows, columns)


# --- mentors ------------------------------------------------------------------------------------------------------------

MentorshipOption = Annotated[str, typer.Option("--key", help="your own key for it", show_default=False)]


@mentor.command()
def assign(
    person: PersonArgument,
    key: MentorshipOption,
    teacher: Annotated[str, typer.Option("--mentor", help="who teaches: a person_ref, or <source>:<key>", show_default=False)],
    aim: Annotated[str, typer.Option("--aim", show_default=False)],
    until: UntilOption,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Give somebody a mentor, who holds the certificate that the policy asks for."""
    ctx = context(data, as_json, lang)
    values: Mapping[str, Any] = {
        "mentorship": key, "mentor": ref_of(ctx, teacher), "aim": aim, "ends_on": day_text("--until", until),
    }  # fmt: skip
    operate(ctx, "mentor-assigned", values, on, person)


@mentor.command("end")
def end_mentorship(
    person: PersonArgument,
    key: MentorshipOption,
    outcome: Annotated[str, typer.Option("--outcome", help="completed or broken_off", show_default=False)],
    note: NoteOption = None,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """End a mentorship; the day is its last one."""
    operate(context(data, as_json, lang), "mentorship-ended", {"mentorship": key, "outcome": outcome, "note": note}, on, person)


@mentor.command("list")
def list_mentors(
    division: ByDivision,
    by_unit: Annotated[bool, typer.Option("--by-unit", help="counts of each unit")] = False,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Mentors of a division's people, whom they teach, and what is past its end."""
    ctx, day = context(data, as_json, lang), asked_day(on)
    if by_unit:
        with talent_tables(ctx) as (_, connection):
            units = mentors_by_unit(connection, checked_division(division), day)
        shown = (
            ("单位", "unit", "unit"), ("被带人数", "taught", "taught"), ("导师", "mentors", "mentors"),
            ("逾期", "overdue", "overdue"),
        )  # fmt: skip
        show_rows(ctx, {"division": division, "on": day.isoformat(), "units": units}, units, shown)
        return
    with talent_tables(ctx) as (log, connection):
        rows = mentors_list(connection, Policies(published_policies(log, connection), day), checked_division(division))
    columns = (
        ("导师", "mentor", "mentor"), ("在带", "teaches", lambda row: ", ".join(row["current"])),
        ("已结束", "ended", "ended"), ("逾期", "overdue", lambda row: ", ".join(row["overdue"])),
        ("超员", "too many", "over"),
    )  # fmt: skip
    show_rows(ctx, {"division": division, "on": day.isoformat(), "mentors": rows}, rows, columns)
