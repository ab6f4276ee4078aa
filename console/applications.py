"""``hongling registry application``: the five stages of a certification (资格认证), and where each application stands.

The stages come in their order: application, eligibility review, training test, panel review, public notice. A notice ends by
itself on its last day; nobody grants a certificate by a command. A later step is about the person's open application, unless
another one is named.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Annotated, Any, get_args

import typer
from pydantic import BaseModel
from rich.table import Table

from console.acting import (
    OnOption,
    PersonArgument,
    act,
    check_division,
    check_text,
    criteria_table,
    in_words,
    new_key,
    own_name,
    person_of,
)
from console.context import WRONG, Context, DataOption, JsonOption, LangOption, context, fail
from console.personal import check_words
from console.registry_words import name_of
from console.words import Words, safe, show_table
from contracts import intake
from contracts.base import business_day
from contracts.certification import STAGES, CriterionResult, TitleField, TitleLevel
from contracts.registry import (
    CertificationApplied,
    CertificationConcluded,
    EligibilityReviewed,
    NoticeOpened,
    ObjectionRaised,
    ObjectionResolved,
    PanelReviewed,
    TrainingTested,
)
from eventlog.ids import SystemClock
from eventlog.log import Recorded
from services.registry.decider import stream_of
from services.registry.views import applications, applications_of

__all__ = ["application", "stories_of"]

PAGE_MAX = 1000
_AT = (*STAGES, "concluded")
_HOURS = re.compile(r"([0-9]{1,6})h")

application = typer.Typer(no_args_is_help=True, help="Certification: the five stages of an application, and where each stands.")

NamedOption = Annotated[
    str | None, typer.Option("--application", help="<source>/<key>; else the person's open one", show_default=False)
]


# --- the stages ---------------------------------------------------------------------------------------------------------


@application.command()
def apply(
    person: PersonArgument,
    grade: Annotated[str, typer.Option("--grade", help="a grade of the standard, such as junior", show_default=False)],
    issuer: Annotated[str, typer.Option("--issuer", help="the division that would issue, GB/T 2260", show_default=False)],
    title: Annotated[
        list[str] | None,
        typer.Option(
            "--title",
            help=f"FIELD=LEVEL of a title held: {', '.join(get_args(TitleField))}; {', '.join(get_args(TitleLevel))}",
            show_default=False,
        ),
    ] = None,
    key: Annotated[
        str | None, typer.Option("--application", help="your own key for it; else a new one", show_default=False)
    ] = None,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Stage 1 (个人申报): apply for a grade. The standard in force on the day judges the application to its end."""
    ctx = context(data, as_json, lang)
    values = {
        "person": person_of(ctx, person),
        "application": key or new_key("application"),
        "grade": grade,
        "issuer": issuer,
        "titles": [_title(each) for each in title or ()],
    }
    act(ctx, "certification-applied", intake.CertificationApplied, values, on)


def _title(text: str) -> dict[str, str]:
    field, equals, level = text.partition("=")
    if not equals:
        fail(WRONG, f"--title {text} is not FIELD=LEVEL; write for example political_work=intermediate")
    return {"field": field, "level": level}


def _step(
    ctx: Context, fact: str, model: type[BaseModel], who: tuple[str, str | None], values: Mapping[str, Any], on: str | None
) -> None:
    """Publish a later step of an application. who: the person, and the application if it is named."""
    person = person_of(ctx, who[0])
    source, _, key = (own_name(ctx, who[1]) if who[1] is not None else _open_one(ctx, person["person_ref"])).partition("/")
    act(ctx, fact, model, {"person": person, "application": key, "application_source": source, **values}, on)


def _open_one(ctx: Context, ref: str) -> str:
    """The person's open application; there is one at most. Ends the command with 2 if there is none."""
    with ctx.log("registry") as log, log.database.read.connect() as connection:
        rows = applications_of(connection, ref, _today())
    found = next((row["application"] for row in rows if row["stage"] != "concluded"), None)
    if found is None:
        fail(
            WRONG,
            ctx.say(
                f"{ref} 没有进行中的申报；请用 --application 指明",
                f"{ref} has no open application; name one with --application",
            ),
        )
    return str(found)


def _today() -> date:
    return business_day(SystemClock().now())


@application.command()
def review(
    person: PersonArgument,
    finding: Annotated[
        list[str] | None,
        typer.Option("--finding", help="CRITERION=85 (points), =120h (hours) or =yes/no; may be repeated", show_default=False),
    ] = None,
    waive: Annotated[
        list[str] | None,
        typer.Option("--waive", help="a criterion waived for a title that the applicant holds", show_default=False),
    ] = None,
    evidence: Annotated[
        list[str] | None,
        typer.Option("--evidence", help="CRITERION=SHA256 of an attachment of the dossier", show_default=False),
    ] = None,
    named: NamedOption = None,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Stage 2 (资格审查): what was found. The registry answers what it can from its own facts, and says both sides of all."""
    ctx = context(data, as_json, lang)
    values = {"findings": _findings(finding or (), evidence or ()), "waive": waive}
    _step(ctx, "eligibility-reviewed", intake.EligibilityReviewed, (person, named), values, on)


_YES_NO = {"yes": True, "true": True, "是": True, "no": False, "false": False, "否": False}


def _findings(findings: Sequence[str], evidence: Sequence[str]) -> list[dict[str, Any]]:
    """The findings as messages carry them. Ends the command with 2 for what is none."""
    found: dict[str, dict[str, Any]] = {}
    for text in findings:
        name, _, value = text.partition("=")
        hours = _HOURS.fullmatch(value)
        if name in found:
            fail(WRONG, f"--finding {name} is given twice; give one finding for each criterion")
        if hours is not None:
            found[name] = {"criterion": name, "hours": int(hours[1])}
        elif value.lower() in _YES_NO:
            found[name] = {"criterion": name, "confirmed": _YES_NO[value.lower()]}
        elif value.isascii() and value.isdecimal():
            found[name] = {"criterion": name, "points": int(value)}
        else:
            fail(
                WRONG,
                f"--finding {text} is not CRITERION=VALUE; write ability=85 (points), trained=40h (hours) or recommended=yes",
            )
    for text in evidence:
        name, _, digest = text.partition("=")
        if name not in found:
            fail(WRONG, f"--evidence {text} belongs to no finding; write CRITERION=SHA256 of a criterion that has a --finding")
        found[name].setdefault("evidence", []).append(digest)
    return list(found.values())


@application.command("test")
def take_test(
    person: PersonArgument,
    hours: Annotated[int, typer.Option("--hours", help="attended", show_default=False)],
    score: Annotated[int, typer.Option("--score", help="points of 100", show_default=False)],
    named: NamedOption = None,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Stage 3 (培训测试). Only a passed test lets a person go on; a failed one may be taken again."""
    ctx = context(data, as_json, lang)
    _step(ctx, "training-tested", intake.TrainingTested, (person, named), {"hours": hours, "score": score}, on)


@application.command()
def panel(
    person: PersonArgument,
    score: Annotated[list[int], typer.Option("--score", help="of one judge, points of 100; repeated", show_default=False)],
    named: NamedOption = None,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Stage 4 (综合评审): the judges' scores."""
    ctx = context(data, as_json, lang)
    _step(ctx, "panel-reviewed", intake.PanelReviewed, (person, named), {"scores": score}, on)


EndsOption = Annotated[
    str | None,
    typer.Option("--ends-on", help="last day, only for a year that the calendar does not know yet", show_default=False),
]


@application.command()
def notice(
    person: PersonArgument,
    ends_on: EndsOption = None,
    named: NamedOption = None,
    on: Annotated[str | None, typer.Option("--on", help="first day, YYYY-MM-DD; else today", show_default=False)] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Stage 5 (社会公示). The registry counts the working days; the day after the last one the certificate is granted."""
    ctx = context(data, as_json, lang)
    _step(ctx, "notice-opened", intake.NoticeOpened, (person, named), {"ends_on": ends_on}, on)


@application.command("object")
def object_(
    person: PersonArgument,
    grounds: Annotated[str, typer.Option("--grounds", help="without naming anybody; recorded for ever", show_default=False)],
    key: Annotated[
        str | None, typer.Option("--objection", help="your own key for it; else a new one", show_default=False)
    ] = None,
    named: NamedOption = None,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Take an objection (异议): the notice stands still until it is resolved."""
    ctx = context(data, as_json, lang)
    values = {"objection": key or new_key("objection"), "grounds": check_text("--grounds", grounds)}
    _step(ctx, "objection-raised", intake.ObjectionRaised, (person, named), values, on)


@application.command()
def resolve(
    person: PersonArgument,
    outcome: Annotated[str, typer.Option("--outcome", help="dismissed or upheld", show_default=False)],
    finding: Annotated[str, typer.Option("--finding", help="what was found; recorded for ever", show_default=False)],
    objection: Annotated[
        str | None, typer.Option("--objection", help="<source>/<key>, if several are open", show_default=False)
    ] = None,
    ends_on: EndsOption = None,
    named: NamedOption = None,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Resolve an objection. Dismissed: the notice goes on for the days that it had left. Upheld: the application ends."""
    ctx = context(data, as_json, lang)
    ref = person_of(ctx, person)["person_ref"]
    about = own_name(ctx, named) if named is not None else _open_one(ctx, ref)
    source, _, key = (own_name(ctx, objection) if objection is not None else _open_objection(ctx, ref, about)).partition("/")
    values = {
        "objection": key,
        "objection_source": source,
        "outcome": outcome,
        "finding": check_text("--finding", finding),
        "ends_on": ends_on,
    }
    _step(ctx, "objection-resolved", intake.ObjectionResolved, (ref, about), values, on)


def _open_objection(ctx: Context, ref: str, about: str) -> str:
    """The one open objection to an application. Ends the command with 2 if there is not one."""
    story = _stories(ctx, ref).get(about)
    found = [each["objection"] for each in (story or {}).get("objections", ()) if each["outcome"] is None]
    if len(found) != 1:
        known = ", ".join(found) or ctx.say("没有", "none")
        fail(WRONG, ctx.say(f"请用 --objection 指明；未决：{known}", f"say which with --objection; open are: {known}"))
    return str(found[0])


@application.command()
def withdraw(
    person: PersonArgument,
    reason: Annotated[str, typer.Option("--reason", help="why; recorded for ever", show_default=False)],
    named: NamedOption = None,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """The applicant gives up, at any stage."""
    ctx = context(data, as_json, lang)
    check_words(("--reason", reason))
    _step(ctx, "certification-withdrawn", intake.CertificationWithdrawn, (person, named), {"reason": reason.strip()}, on)


# --- one application ----------------------------------------------------------------------------------------------------


@application.command()
def show(
    person: PersonArgument,
    named: Annotated[
        str | None, typer.Option("--application", help="<source>/<key>; else the latest one", show_default=False)
    ] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """One application: every stage with what was required and found, objections, the deadline, the outcome."""
    ctx = context(data, as_json, lang)
    ref = person_of(ctx, person)["person_ref"]
    stories = _stories(ctx, ref)
    if not stories or (named is not None and own_name(ctx, named) not in stories):
        known = ", ".join(stories) or ctx.say("没有", "none")
        fail(WRONG, ctx.say(f"{ref} 没有这项申报；已有：{known}", f"{ref} has no such application; there are: {known}"))
    chosen = own_name(ctx, named) if named is not None else max(stories, key=lambda name: (stories[name]["applied_on"], name))
    answer = {"person_ref": ref, **_aged(stories[chosen], _today())}
    ctx.show(answer, lambda: "")
    if not as_json:
        _print(ctx, Words(ctx.lang), answer)


def _stories(ctx: Context, ref: str) -> dict[str, dict[str, Any]]:
    with ctx.log("registry") as log, log.database.read.connect() as connection:
        return stories_of(log.load(connection, [stream_of(ref)])[stream_of(ref)], Words(ctx.lang))


def stories_of(events: Iterable[Recorded], words: Words) -> dict[str, dict[str, Any]]:
    """name → everything that is on file of an application, by these events of a person's file, in the order of application.

    stage: the one that was passed last, or concluded. ends_on: the last day of the notice; due_on: the same while it runs.
    """
    stories: dict[str, dict[str, Any]] = {}
    for recorded in events:
        event, on = recorded.event, recorded.effective_on
        if isinstance(event, CertificationApplied):
            stories[event.application] = _begun(event, on)
        name = getattr(event, "application", None)
        if name is None or name not in stories:
            continue
        story = stories[name]
        story["history"].append({"event_id": recorded.event_id, "effective_on": on, "says": in_words(words, recorded)})
        _tell(story, recorded)
        story["due_on"] = story["ends_on"] if story["stage"] == "public_notice" and not _unresolved(story) else None
    return stories


def _begun(event: CertificationApplied, on: str) -> dict[str, Any]:
    told = event.payload()
    return {
        **{name: told[name] for name in ("application", "grade", "issuer", "titles", "standard", "promotes")},
        "applied_on": on,
        "stage": "application",
        "since": on,
        "criteria": [],
        "tests": [],
        "panel": None,
        "notice": None,
        "objections": [],
        "ends_on": None,
        "due_on": None,
        "outcome": None,
        "history": [],
    }


def _tell(story: dict[str, Any], recorded: Recorded) -> None:
    """Add what an event says. A stage is reached by passing it."""
    event, on = recorded.event, recorded.effective_on
    told = {"on": on, **{k: v for k, v in event.payload().items() if k not in ("person_ref", "fact", "application")}}
    match event:
        case EligibilityReviewed():
            story["criteria"] = told["criteria"]
            _pass(story, "eligibility_review", event.result, on)
        case TrainingTested():
            story["tests"].append(told)
            _pass(story, "training_test", event.result, on)
        case PanelReviewed():
            story["panel"] = told
            _pass(story, "panel_review", event.result, on)
        case NoticeOpened():
            story |= {"notice": told, "ends_on": told["ends_on"]}
            _pass(story, "public_notice", "passed", on)
        case ObjectionRaised():
            raised = {"objection": event.objection, "raised_on": on, "grounds": event.grounds, "days_left": event.days_left}
            story["objections"].append(raised | {"outcome": None, "finding": None, "resolved_on": None})
        case ObjectionResolved():
            for each in story["objections"]:
                if each["objection"] == event.objection:
                    each |= {"outcome": event.outcome, "finding": event.finding, "resolved_on": on}
            if event.ends_on is not None:
                story["ends_on"] = told["ends_on"]
        case CertificationConcluded():
            story |= {"stage": "concluded", "since": on, "outcome": told}
        case _:
            return


def _pass(story: dict[str, Any], stage: str, result: str, on: str) -> None:
    if result == "passed":
        story |= {"stage": stage, "since": on}


def _unresolved(story: Mapping[str, Any]) -> int:
    return sum(each["outcome"] is None for each in story["objections"])


def _aged(story: Mapping[str, Any], today: date) -> dict[str, Any]:
    days = (today - date.fromisoformat(story["since"])).days
    return {**story, "days": days, "open_objections": _unresolved(story)}


def _print(ctx: Context, words: Words, answer: Mapping[str, Any]) -> None:
    grade, issuer = words.word("grade", answer["grade"]), answer["issuer"]
    ctx.out.print(
        safe(
            ctx.say(
                f"申报 {answer['application']}：人员 {answer['person_ref']}，{grade}，颁证机关 {issuer}",
                f"application {answer['application']}: person {answer['person_ref']}, {grade}, issuer {issuer}",
            )
        )
    )
    stage, since, days = name_of(words, "stage", answer["stage"]), answer["since"], answer["days"]
    standard = answer["standard"]
    lines = [
        ctx.say(f"阶段：{stage}，自 {since} 起 {days} 天", f"stage: {stage}, since {since}, {days} days"),
        ctx.say(
            f"标准：{standard['document']}，第 {standard['revision']} 版",
            f"standard: {standard['document']}, revision {standard['revision']}",
        ),
    ]
    lines += [_title_text(words, each) for each in answer["titles"]]
    if answer["promotes"] is not None:
        lines.append(
            ctx.say(f"晋升，取代证书 {answer['promotes']}", f"a promotion, to supersede certificate {answer['promotes']}")
        )
    if answer["due_on"] is not None:
        lines.append(ctx.say(f"公示至 {answer['due_on']}", f"the notice ends on {answer['due_on']}"))
    lines += [_objection_text(words, each) for each in answer["objections"]]
    for line in lines:
        ctx.out.print(safe(line))
    if answer["criteria"]:
        criteria = [CriterionResult.model_validate(each) for each in answer["criteria"]]
        show_table(ctx.out, criteria_table(words, criteria), ctx.say("资格审查", "Eligibility review"))
    ctx.out.print(ctx.say("[bold]经过[/bold]", "[bold]History[/bold]"))
    for row in answer["history"]:
        ctx.out.print(f"  {row['effective_on']} {safe(row['says'])}")


def _title_text(words: Words, title: Mapping[str, Any]) -> str:
    what, level = name_of(words, "title", title["field"]), name_of(words, "title_level", title["level"])
    return words.say(f"职称：{what}{level}", f"title held: {what}, {level}")


def _objection_text(words: Words, objection: Mapping[str, Any]) -> str:
    name, raised, grounds = objection["objection"], objection["raised_on"], objection["grounds"]
    if objection["outcome"] is None:
        return words.say(f"异议 {name}（{raised}，未决）：{grounds}", f"objection {name} ({raised}, open): {grounds}")
    outcome = name_of(words, "result", objection["outcome"])
    return words.say(
        f"异议 {name}（{raised}）：{grounds}；{outcome}：{objection['finding']}",
        f"objection {name} ({raised}): {grounds}; {outcome}: {objection['finding']}",
    )


# --- many applications --------------------------------------------------------------------------------------------------


@application.command("list")
def list_(
    stage: Annotated[
        str | None, typer.Option("--stage", help=f"one of: {', '.join(_AT)}; else every open one", show_default=False)
    ] = None,
    older_than: Annotated[
        int, typer.Option("--older-than", min=0, help="DAYS: only those at their stage for more than so many days")
    ] = 0,
    division: Annotated[
        str | None, typer.Option("--division", help="of the issuer, and those below it", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=PAGE_MAX, help="of one page")] = 100,
    after: Annotated[str | None, typer.Option("--after", help="where the page before ended", show_default=False)] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Applications by stage, the longest waiting first in each issuer: age, open objections, deadline; a page at a time."""
    ctx = context(data, as_json, lang)
    check_division(division)
    if stage is not None and stage not in _AT:
        fail(WRONG, f"there is no stage {stage}; choose one of: {', '.join(_AT)}")
    stages: tuple[Any, ...] = STAGES if stage is None else (stage,)
    begin = _after(after, stages)
    days_min = older_than + 1 if older_than else 0
    rows: list[dict[str, Any]] = []
    today = _today()
    with ctx.log("registry") as log, log.database.read.connect() as connection:
        for each in stages[stages.index(begin[0]) if begin else 0 :]:
            place = begin[1] if begin and each == begin[0] else None
            left = limit - len(rows)
            if left > 0:
                rows += applications(connection, each, today, division=division, days_min=days_min, after=place, limit=left)
    following = _token(rows[-1]) if len(rows) == limit else None
    if as_json:
        ctx.show({"applications": rows, "after": following})
        return
    _print_list(ctx, rows)
    if following is not None:
        ctx.out.print(ctx.say(f"下一页：--after {following}", f"next page: --after {following}"))


def _token(row: Mapping[str, Any]) -> str:
    return ",".join(str(row[name]) for name in ("stage", "issuer", "since", "person_ref", "application"))


def _after(text: str | None, stages: Sequence[str]) -> tuple[str, tuple[str, str, str, str]] | None:
    """Where the page before ended. Ends the command with 2 if it is none."""
    if text is None:
        return None
    parts = text.split(",")
    if len(parts) != 5 or parts[0] not in stages:
        fail(WRONG, f"--after {text} is no end of a page of this list; copy it from the page before")
    return parts[0], (parts[1], parts[2], parts[3], parts[4])


def _print_list(ctx: Context, rows: Sequence[Mapping[str, Any]]) -> None:
    words = Words(ctx.lang)
    table = Table()
    columns = ctx.say(
        "颁证机关,阶段,自,天数,人员,申报,等级,异议,公示至",
        "issuer,stage,since,days,person,application,grade,objections,notice to",
    )
    for column in columns.split(","):
        table.add_column(column, overflow="fold")
    for row in rows:
        stage = name_of(words, "stage", row["stage"])
        if row["outcome"] is not None:
            stage += words.say("：", ": ") + name_of(words, "result", row["outcome"])
        table.add_row(
            row["issuer"],
            stage,
            row["since"],
            str(row["days"]),
            row["person_ref"],
            safe(row["application"]),
            safe(words.word("grade", row["grade"])),
            f"[yellow]{row['objections']}[/yellow]" if row["objections"] else "",
            row["due_on"] or (ctx.say("暂停", "stands still") if row["objections"] else ""),
        )
    show_table(ctx.out, table)
