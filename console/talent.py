"""``hongling talent``: standards, the pool, one person's candidacy, and the acts that an operator publishes about them.

An act is a message like any source's: the talent service answers it with a receipt, which is shown. People are named by
person_ref, or by a source's key where the registry can be asked for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from pydantic import BaseModel, TypeAdapter, ValidationError
from rich.table import Table

from console import (
    talent_conduct,
    talent_cycle,
    talent_develop,
    talent_ledgers,
    talent_profile,
    talent_staffing,
    talent_vacancies,
)
from console.context import WRONG, Context, DataOption, JsonOption, LangOption, context, fail, run_async
from console.people import business_day_of, person_ref_of
from console.publishing import (
    Message,
    check_document,
    document_message,
    fact_message,
    publish_document,
    receipt_on_file,
    send,
    show_receipt,
)
from console.talent_words import TalentWords
from console.words import day_of, safe, show_table
from contracts import intake
from contracts.base import Category, DivisionCode, EntryChannel, PersonRef, business_day
from contracts.problems import problems_of
from contracts.roles import DESK, OPERATOR, POLICY_OFFICE
from contracts.standard import COMPETENCIES, DEGREES, TITLES, QualificationStandard
from contracts.talent import (
    CandidateAdmitted,
    CandidateFlagged,
    CandidateNominated,
    CandidatePlaced,
    CandidateScreened,
    CriterionResult,
    FactHeard,
    NominatedBy,
    RemovalReason,
    StandardPublished,
)
from eventlog import schema
from eventlog.ids import SystemClock
from eventlog.log import Recorded
from services.talent.decider import stream_of
from services.talent.handlers import STANDARDS
from services.talent.placements import SOURCE, message_id_of
from services.talent.standard import check_standard, read_standard
from services.talent.views import STAGES, members

__all__ = ["act_message", "register", "standard_message"]

PAGE_MAX = 1000

talent = typer.Typer(no_args_is_help=True, help="The reserve pool: standards, candidates, and acts about them.")
standard = typer.Typer(no_args_is_help=True, help="Qualification standards: check, publish, list.")
talent.add_typer(standard, name="standard")

FileArgument = Annotated[Path, typer.Argument(help="YAML file of a qualification standard", show_default=False)]
PersonArgument = Annotated[str, typer.Argument(help="a person_ref, or <source>:<key> such as hr:K001", show_default=False)]
OnOption = Annotated[str | None, typer.Option("--on", help="effective date, YYYY-MM-DD; else today", show_default=False)]

_REF: TypeAdapter[str] = TypeAdapter(PersonRef)
_DIVISION: TypeAdapter[str] = TypeAdapter(DivisionCode)


def register(app: typer.Typer) -> None:
    talent_develop.register_on(talent)
    talent_ledgers.register_on(talent)
    talent_cycle.register(talent)
    talent_conduct.register(talent)
    app.add_typer(talent, name="talent")
    for more in (talent_staffing, talent_vacancies, talent_profile):
        more.register(talent)


# --- standards --------------------------------------------------------------------------------------------------------


@standard.command()
def check(file: FileArgument, data: DataOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """Say what is wrong or doubtful in a standard, at its line and column. Publishes nothing; ends with 2 on errors."""
    check_document(file, check_standard, as_json, lang)


def standard_message(text: str, document: QualificationStandard, at: datetime, source: str = POLICY_OFFICE) -> Message:
    """The intake message of a standard. Its id comes from the text, so that the same text is one message for ever."""
    return document_message("talent", "qualification-standard-published", "standard", text, document.effective_on, at, source)


@standard.command()
def publish(file: FileArgument, data: DataOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """Check a standard and publish it. Safe to repeat. Candidates are judged by it when they are screened next."""
    ctx = context(data, as_json, lang)
    publish_document(
        ctx, file, "talent", check_standard, lambda text, at, source: standard_message(text, read_standard(text), at, source)
    )


@standard.command("list")
def list_(data: DataOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """Every published standard, in the order of publication."""
    ctx = context(data, as_json, lang)
    with ctx.log("talent") as log, log.database.read.connect() as connection:
        events = log.load(connection, [STANDARDS])[STANDARDS]
    found = [_standard_row(e, e.event.document) for e in events if isinstance(e.event, StandardPublished)]
    if as_json:
        ctx.show(found)
        return
    table = Table()
    for column in ctx.say(
        "文号,版本,区划,标题,生效,条件,梯队,发布", "document,revision,division,title,effective,criteria,ladders,published"
    ).split(","):
        table.add_column(column, overflow="fold")
    for row in found:
        title = row["title"] if ctx.lang == "zh" else row["title_en"] or row["title"]
        table.add_row(
            safe(row["document"]),
            str(row["revision"]),
            row["division"],
            safe(title),
            row["effective_on"],
            str(len(row["criteria"])),
            safe(", ".join(row["ladders"])),
            day_of(row["recorded_at"]),
        )
    show_table(ctx.out, table)


def _standard_row(recorded: Recorded, document: QualificationStandard) -> dict[str, Any]:
    return {
        "document": document.document,
        "revision": document.revision,
        "division": document.division,
        "title": document.title,
        "title_en": document.title_en,
        "effective_on": document.effective_on.isoformat(),
        "status": document.status,
        "criteria": [criterion.model_dump(mode="json") for criterion in document.criteria],
        "ladders": [ladder.name for ladder in document.ladders],
        "event_id": recorded.event_id,
        "recorded_at": recorded.recorded_at,
    }


# --- the pool ---------------------------------------------------------------------------------------------------------


@talent.command()
def pool(
    division: Annotated[str, typer.Option("--division", help="GB/T 2260 code; those below it too", show_default=False)],
    stage: Annotated[str | None, typer.Option("--stage", help=f"one of: {', '.join(STAGES)}", show_default=False)] = None,
    ladder: Annotated[str | None, typer.Option("--ladder", help="a ladder of the standard", show_default=False)] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=PAGE_MAX, help="of one page")] = 100,
    after: Annotated[str, typer.Option("--after", help="the last person_ref of the page before", show_default=False)] = "",
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Who is in the pool of a division, and at which stage; a page at a time, by person_ref."""
    ctx = context(data, as_json, lang)
    try:
        _DIVISION.validate_python(division)
    except ValidationError:
        fail(WRONG, f"--division {division} is no code of GB/T 2260; write six digits such as 320102")
    if stage is not None and stage not in STAGES:
        fail(WRONG, f"there is no stage {stage}; choose one of: {', '.join(STAGES)}")
    with ctx.log("talent") as log, log.database.read.connect() as connection:
        rows = members(connection, division, stage=stage, ladder=ladder, after=after, limit=limit)
    for row in rows:
        row["flagged"] = bool(row["flagged"])
    following = rows[-1]["person_ref"] if len(rows) == limit else None
    if as_json:
        ctx.show({"division": division, "members": rows, "after": following})
        return
    words = TalentWords(ctx.lang)
    table = Table()
    for column in ctx.say("人员,区划,梯队,阶段,自,标准,注意", "person,division,ladder,stage,since,standard,flag").split(","):
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(
            row["person_ref"],
            row["division"],
            safe(row["ladder"]),
            words.stage(row["stage"]),
            row["since"],
            safe(row["standard"]),
            f"[yellow]{words.flagged}[/yellow]" if row["flagged"] else "",
        )
    show_table(ctx.out, table)
    if following is not None:
        ctx.out.print(ctx.say(f"下一页：--after {following}", f"next page: --after {following}"))


# --- one person -------------------------------------------------------------------------------------------------------


@talent.command()
def show(person: PersonArgument, data: DataOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """One person's candidacy: the stage, the last screening with both sides of each criterion, and what has happened."""
    ctx = context(data, as_json, lang)
    ref = _ref_of(ctx, person)
    with ctx.log("talent") as log, log.database.read.connect() as connection:
        events = log.load(connection, [stream_of(ref)])[stream_of(ref)]
        parked = connection.scalars(
            schema.parked.select().with_only_columns(schema.parked.c.parked_id).where(schema.parked.c.blocks == stream_of(ref))
        ).all()
    words = TalentWords(ctx.lang)
    happened = [e for e in events if not isinstance(e.event, FactHeard)]
    if not happened:
        fail(WRONG, ctx.say(f"{ref} 没有提名记录", f"{ref} was never nominated"))
    answer = {"person_ref": ref, **_standing(ctx, happened), "parked": list(parked)}
    answer["history"] = [
        {
            "event_id": e.event_id,
            "type": e.type,
            "effective_on": e.effective_on,
            "recorded_at": e.recorded_at,
            "actor": e.actor,
            "says": words.event(e),
        }
        for e in happened
    ]
    ctx.show(answer, lambda: "")
    if not as_json:
        _print(ctx, words, answer)


def _standing(ctx: Context, happened: list[Recorded]) -> dict[str, Any]:
    """The stage, the screening that counts, and what the registry answered to a placement."""
    answer: dict[str, Any] = {"stage": None, "since": None, "candidacy": None, "flagged": False, "standard": None}
    criteria: tuple[CriterionResult, ...] = ()
    registry = None
    for recorded in happened:
        event = recorded.event
        if isinstance(event, CandidateNominated):
            answer |= {"standard": None, "flagged": False}
            criteria, registry = (), None
        if isinstance(event, CandidateFlagged):
            answer["flagged"] = event.result == "failed"
            changed = {criterion.name: criterion for criterion in event.criteria}
            criteria = tuple(changed.get(criterion.name, criterion) for criterion in criteria)
            continue
        if isinstance(event, CandidateScreened):
            answer["flagged"] = False
            criteria = event.criteria
        if isinstance(event, CandidateScreened | CandidateAdmitted):
            answer["standard"] = event.standard.payload()
        if isinstance(event, CandidatePlaced):
            receipt = receipt_on_file(ctx, "registry", SOURCE, message_id_of(recorded.event_id))
            registry = None if receipt is None else receipt.outcome
        stage = event.result if isinstance(event, CandidateScreened) else recorded.type.split(".")[1].removeprefix("candidate-")
        if stage in STAGES and (candidacy := getattr(event, "candidacy", None)) is not None:
            answer |= {"stage": stage, "since": recorded.effective_on, "candidacy": candidacy.payload()}
    return {**answer, "criteria": [criterion.payload() for criterion in criteria], "registry_answer": registry}


def _print(ctx: Context, words: TalentWords, answer: Mapping[str, Any]) -> None:
    head = [ctx.say(f"人员 {answer['person_ref']}", f"Person {answer['person_ref']}")]
    candidacy = answer["candidacy"]
    if candidacy is not None:
        where = f"{candidacy['division']} {candidacy['ladder']} ({candidacy['pool']})"
        head.append(f"{words.stage(answer['stage'])} {ctx.say('自', 'since')} {answer['since']}, {safe(where)}")
    if answer["flagged"]:
        head.append(f"[yellow]{words.flagged}[/yellow]")
    ctx.out.print(ctx.say("，", ", ").join(head))
    if answer["registry_answer"] is not None:
        told = words.outcome(answer["registry_answer"])
        ctx.out.print(ctx.say(f"登记处对任用的回执：{told}", f"the registry's answer to the placement: {told}"))
    if answer["parked"]:
        ids = ", ".join(answer["parked"])
        ctx.out.print(ctx.say(f"[yellow]有消息被搁置：{ids}[/yellow]", f"[yellow]messages are parked: {ids}[/yellow]"))
    if answer["criteria"]:
        table = Table()
        for column in ctx.say("条件,要求,实际,结论,条款", "criterion,required,found,result,clause").split(","):
            table.add_column(column, overflow="fold")
        for row in answer["criteria"]:
            met = ctx.say("符合", "met") if row["met"] else ctx.say("不符合", "not met")
            colour = "green" if row["met"] else "red"
            sides = [safe(words.side(row[side])) for side in ("required", "found")]
            table.add_row(words.criterion(row["name"]), *sides, f"[{colour}]{met}[/{colour}]", safe(row["clause"]))
        document = safe(answer["standard"]["document"]) if answer["standard"] else ""
        show_table(ctx.out, table, ctx.say(f"资格审查（标准 {document}）", f"Screening by standard {document}"))
    ctx.out.print(ctx.say("[bold]经过[/bold]", "[bold]History[/bold]"))
    for row in answer["history"]:
        ctx.out.print(f"  {row['effective_on']} {safe(row['says'])} [dim]({safe(row['actor'])})[/dim]")


def _ref_of(ctx: Context, person: str) -> str:
    """A person_ref as it is, known to the registry or not yet; a source's key is looked up there."""
    try:
        return _REF.validate_python(person)
    except ValidationError:
        return person_ref_of(ctx, person)


# --- acts -------------------------------------------------------------------------------------------------------------


def act_message(fact: str, data: Mapping[str, Any], on: date, at: datetime, source: str = OPERATOR) -> Message:
    """A person's message of an act. Each act is one of its own, so its id is new."""
    return fact_message(source, "talent", f"candidate-{fact}", data, on, at)


def _act(
    fact: str, model: type[BaseModel], person: str, on: str | None, values: Mapping[str, Any], options: tuple[Any, ...]
) -> None:
    """Check an act as the service would, publish it, show the receipt."""
    ctx = context(*options)
    at = SystemClock().now()
    day = business_day_of("--on", on) or business_day(at)
    data = {"person": {"person_ref": _ref_of(ctx, person)}, **{k: v for k, v in values.items() if v not in (None, [])}}
    try:
        model.model_validate(data)
    except ValidationError as error:
        problems = problems_of(error, lang="zh" if ctx.lang == "zh" else "en")
        fail(WRONG, "\n".join(f"{p.field}: {p.problem}; {p.remedy}" for p in problems))
    source = ctx.who(OPERATOR, DESK)
    receipt = run_async(send(ctx, source, "talent", act_message(fact, data, day, at, source)))
    more: dict[str, Any] = {}
    text = ""
    if fact == "screened" and receipt.outcome == "accepted" and receipt.events:
        with ctx.log("talent") as log, log.database.read.connect() as connection:
            found = log.find(connection, receipt.events[0])
        if found is not None and isinstance(found.event, CandidateScreened):
            words = TalentWords(ctx.lang)
            more = {"result": found.event.result, "criteria": [c.payload() for c in found.event.criteria]}
            text = "\n  ".join(safe(line) for line in [words.event(found), *words.unmet(found.event.criteria)])
    show_receipt(ctx, receipt, more, text)


@talent.command()
def nominate(
    person: PersonArgument,
    division: Annotated[str, typer.Option("--division", help="whose pool it is, GB/T 2260", show_default=False)],
    ladder: Annotated[str, typer.Option("--ladder", help="a ladder of the standard", show_default=False)],
    pool: Annotated[str, typer.Option("--pool", help="your own key of the pool", show_default=False)],
    by: Annotated[str, typer.Option("--by", help=f"one of: {', '.join(get_args(NominatedBy))}", show_default=False)],
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Nominate a person for the pool. Waits, if the registry has not told of the person yet."""
    values = {"division": division, "ladder": ladder, "pool": pool, "nominated_by": by}
    _act("nominated", intake.CandidateNominated, person, on, values, (data, as_json, lang))


@talent.command()
def profile(
    person: PersonArgument,
    age: Annotated[int | None, typer.Option("--age", help="full years on the day", show_default=False)] = None,
    degree: Annotated[str | None, typer.Option("--degree", help=f"one of: {', '.join(DEGREES)}", show_default=False)] = None,
    major: Annotated[list[str] | None, typer.Option("--major", help="may be repeated", show_default=False)] = None,
    party_joined: Annotated[str | None, typer.Option("--party-joined", help="YYYY-MM", show_default=False)] = None,
    enterprise_years: Annotated[int | None, typer.Option("--enterprise-years", show_default=False)] = None,
    title: Annotated[str | None, typer.Option("--title", help=f"one of: {', '.join(TITLES)}", show_default=False)] = None,
    departments: Annotated[int | None, typer.Option("--departments", help="worked in", show_default=False)] = None,
    post_years: Annotated[int | None, typer.Option("--post-years", help="in listed posts", show_default=False)] = None,
    healthy: Annotated[bool | None, typer.Option("--healthy/--not-healthy", show_default=False)] = None,
    competency: Annotated[
        list[str] | None,
        typer.Option("--competency", help=f"NAME=1..5, may be repeated: {', '.join(COMPETENCIES)}", show_default=False),
    ] = None,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Report the particulars that a screening asks for. They are the whole of it, each time; what is left out is not known."""
    values = {
        "age_years": age,
        "degree": degree,
        "majors": major,
        "party_joined_on": party_joined,
        "enterprise_years": enterprise_years,
        "title": title,
        "departments": departments,
        "listed_post_years": post_years,
        "healthy": healthy,
        "competencies": [_competency(each) for each in competency or ()],
    }
    _act("profiled", intake.CandidateProfiled, person, on, values, (data, as_json, lang))


def _competency(text: str) -> dict[str, Any]:
    name, _, score = text.partition("=")
    if not score.isdecimal():
        fail(WRONG, f"--competency {text} is not NAME=SCORE; write for example political=4")
    return {"competency": name, "score": int(score)}


@talent.command()
def screen(
    person: PersonArgument,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Have a candidate judged by the standard in force, on the facts of the day. Failing is an answer, with its reasons."""
    _act("screened", intake.CandidateScreened, person, on, {}, (data, as_json, lang))


@talent.command()
def admit(
    person: PersonArgument,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Admit a candidate who has passed, if the ladder has a seat."""
    _act("admitted", intake.CandidateAdmitted, person, on, {}, (data, as_json, lang))


@talent.command()
def remove(
    person: PersonArgument,
    reason: Annotated[str, typer.Option("--reason", help=f"one of: {', '.join(get_args(RemovalReason))}", show_default=False)],
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Take a candidate out of the pool."""
    _act("removed", intake.CandidateRemoved, person, on, {"reason": reason}, (data, as_json, lang))


@talent.command()
def place(
    person: PersonArgument,
    category: Annotated[str, typer.Option("--category", help=f"one of: {', '.join(get_args(Category))}", show_default=False)],
    unit: Annotated[str, typer.Option("--unit", help="where", show_default=False)],
    post: Annotated[str, typer.Option("--post", help="as what", show_default=False)],
    full_time: Annotated[bool, typer.Option("--full-time/--part-time")] = True,
    entry_channel: Annotated[
        str | None, typer.Option("--entry-channel", help=f"one of: {', '.join(get_args(EntryChannel))}", show_default=False)
    ] = None,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Place a member into a post, from the day on. The registry is told of it as an engagement."""
    values = {"category": category, "unit": unit, "post": post, "full_time": full_time, "entry_channel": entry_channel}
    _act("placed", intake.CandidatePlaced, person, on, values, (data, as_json, lang))
