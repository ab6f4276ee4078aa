"""``hongling talent cycle``: appraisal cycles, from their document to the ratings, and one person's score item by item.

Acts are messages like any source's: the talent service answers each with a receipt, which is shown. A cycle is named
``<source>/<key>``; a key alone is the operator's own. People are named by person_ref, or by a source's key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel, TypeAdapter, ValidationError
from rich.table import Table

from console.client import IntakeClient, PublishFailed, Unreachable
from console.context import (
    UNREACHABLE,
    WRONG,
    Context,
    DataOption,
    JsonOption,
    LangOption,
    context,
    fail,
    run_async,
)
from console.cycle_words import CycleWords, exact_text, hundredths_of, points_text
from console.people import business_day_of, person_ref_of
from console.publishing import Message, check_document, receipt_on_file, sound_document
from console.talent_acting import fact_message, report
from console.words import safe, show_table
from contracts import appraisal_intake as facts
from contracts.appraisal import AppraisalDocument
from contracts.appraisal_events import CycleConcluded, CycleName, CycleOpened, CycleScored, PersonEnrolled
from contracts.base import DivisionCode, PersonRef, business_day
from contracts.receipts import Receipt
from contracts.roles import DESK, OPERATOR
from eventlog.ids import SystemClock
from eventlog.log import Log, Recorded
from services.registry.views import register as registered
from services.talent.appraisal import cycle_stream
from services.talent.appraisal_document import check_cycle, read_cycle
from services.talent.appraisal_views import cycle_row, cycles, results
from services.talent.conclusions import rating_id_of
from services.talent.conduct import ConductHappened, conduct_stream, replay_conduct
from services.talent.marking import MarkingHappened, ratings_stream, replay_marking
from services.talent.placements import SOURCE
from services.talent.rosters import entered, roster_of
from services.talent.scoring import Explanation, places_of
from services.talent.scoring import explain as explain_score

__all__ = ["cycle_of", "ref_of", "register"]

PAGE_MAX = 1_000
PEOPLE_MAX = 1_000_000
ENROLLED_AT_ONCE_MAX = 20_000
ANSWER_SECONDS_MAX = 60.0

cycle = typer.Typer(no_args_is_help=True, help="Appraisal cycles: documents, ratings, results, appeals, conclusion.")

FileArgument = Annotated[Path, typer.Argument(help="YAML file of an appraisal cycle", show_default=False)]
CycleArgument = Annotated[str, typer.Argument(help="<source>/<key>; a key alone is the operator's own", show_default=False)]
PersonArgument = Annotated[str, typer.Argument(help="a person_ref, or <source>:<key> such as hr:K001", show_default=False)]
OnOption = Annotated[str | None, typer.Option("--on", help="effective date, YYYY-MM-DD; else today", show_default=False)]
RoleOption = Annotated[str, typer.Option("--role", help="a role of the document, such as leader", show_default=False)]
RaterOption = Annotated[
    str, typer.Option("--rater", help="a token such as leader-1; never a name or number of a person", show_default=False)
]
ReasonOption = Annotated[str, typer.Option("--reason", show_default=False)]

_REF: TypeAdapter[str] = TypeAdapter(PersonRef)
_CYCLE: TypeAdapter[str] = TypeAdapter(CycleName)
_DIVISION: TypeAdapter[str] = TypeAdapter(DivisionCode)


def register(group: typer.Typer) -> None:
    """Add these commands to the group ``talent``."""
    group.add_typer(cycle, name="cycle")


def cycle_of(ctx: Context, text: str) -> tuple[str, str]:
    """(source, key) of a cycle's name. Ends the command with 2 if it is none."""
    name = text if "/" in text else f"{ctx.who(OPERATOR, DESK)}/{text}"
    try:
        source, _, key = _CYCLE.validate_python(name).partition("/")
    except ValidationError:
        fail(WRONG, f"{text} names no cycle; write <source>/<key> such as hr/annual-2025, or the key of one of your own")
    return source, key


def ref_of(ctx: Context, person: str) -> str:
    """A person_ref as it is, known to the registry or not yet; a source's key is looked up there."""
    try:
        return _REF.validate_python(person)
    except ValidationError:
        return person_ref_of(ctx, person)


def _act(
    options: tuple[Any, ...],
    fact: str,
    model: type[BaseModel],
    name: str,
    on: str | None,
    person: str | None = None,
    **values: Any,
) -> None:
    """Publish one fact about a cycle, and show its receipt."""
    ctx = context(*options)
    source, key = cycle_of(ctx, name)
    said = {"cycle": key, "cycle_source": source, **values}
    if person is not None:
        said["person"] = {"person_ref": ref_of(ctx, person)}
    report(ctx, f"appraisal-{fact}", model, said, on)


# --- documents ------------------------------------------------------------------------------------------------------------


@cycle.command()
def check(file: FileArgument, data: DataOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """Say what is wrong or doubtful in a cycle's document, at its line and column. Opens nothing; ends with 2 on errors."""
    check_document(file, check_cycle, as_json, lang)


@cycle.command("open")
def open_(
    file: FileArgument,
    key: Annotated[str, typer.Option("--key", help="your own key of the cycle", show_default=False)],
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Check a document and open the cycle. Without --on it is open from the document's first day."""
    ctx = context(data, as_json, lang)
    text = sound_document(ctx, file, check_cycle)
    day = business_day_of("--on", on) or read_cycle(text).effective_on
    report(ctx, "appraisal-cycle-opened", facts.AppraisalCycleOpened, {"cycle": key, "text": text}, day, file)


# --- people and ratings ---------------------------------------------------------------------------------------------------


@cycle.command()
def enrol(
    name: CycleArgument,
    people: Annotated[list[str] | None, typer.Argument(help="person_refs, or <source>:<key>", show_default=False)] = None,
    everybody: Annotated[bool, typer.Option("--all", help="whom the registry has engaged in the division")] = False,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Enrol people in a cycle, or all whom the registry has in its division. Who is outside its scope is refused."""
    ctx = context(data, as_json, lang)
    source, key = cycle_of(ctx, name)
    if everybody == bool(people):
        fail(WRONG, "name the people, or say --all")
    chosen = _everybody(ctx, f"{source}/{key}") if everybody else [ref_of(ctx, person) for person in people or ()]
    at = SystemClock().now()
    user = ctx.who(OPERATOR, DESK)
    day = business_day_of("--on", on) or business_day(at)
    messages = [
        fact_message(
            "appraisal-person-enrolled", {"cycle": key, "cycle_source": source, "person": {"person_ref": ref}}, day, at, user
        )
        for ref in chosen
    ]
    receipts = run_async(_send_all(ctx, user, messages))
    _show_enrolled(ctx, len(messages), receipts)


def _everybody(ctx: Context, name: str) -> list[str]:
    """Whom the registry has engaged in the cycle's division on the last day of its period."""
    with ctx.log("talent") as log, log.database.read.connect() as connection:
        row = _row(ctx, cycle_row(connection, name), name)
    found: list[str] = []
    after: tuple[str, str] | None = None
    day = date.fromisoformat(row["last_day"])
    with ctx.log("registry") as log, log.database.read.connect() as connection:
        while len(found) < ENROLLED_AT_ONCE_MAX:
            page = registered(connection, day, division=row["division"], after=after, limit=PAGE_MAX)
            found += [worker.person_ref for worker in page if worker.post is not None]
            if len(page) < PAGE_MAX:
                break
            after = (page[-1].division, page[-1].person_ref)
    return found


async def _send_all(ctx: Context, user: str, messages: Sequence[Message]) -> dict[str, Receipt]:
    try:
        async with IntakeClient(ctx.broker_url(), user, ctx.seed_file(user), transport=ctx.transport) as client:
            summary = await client.publish_and_wait(messages, ANSWER_SECONDS_MAX)
    except (Unreachable, PublishFailed) as error:
        fail(UNREACHABLE, str(error))
    return summary.receipts


def _show_enrolled(ctx: Context, asked: int, receipts: Mapping[str, Receipt]) -> None:
    counts: dict[str, int] = {}
    for receipt in receipts.values():
        counts[receipt.outcome] = counts.get(receipt.outcome, 0) + 1
    reasons: dict[str, int] = {}
    for receipt in receipts.values():
        for problem in receipt.problems:
            reasons[problem.problem] = reasons.get(problem.problem, 0) + 1
    answer = {"asked": asked, "answered": len(receipts), "outcomes": counts, "reasons": reasons}

    def text() -> str:
        head = ctx.say(f"提交 {asked} 人，收到回执 {len(receipts)} 份", f"{asked} people, {len(receipts)} receipts")
        lines = [head, *(f"  {outcome} {count}" for outcome, count in sorted(counts.items()))]
        return "\n".join([*lines, *(f"  {count} × {safe(reason)}" for reason, count in sorted(reasons.items()))])

    ctx.show(answer, text)
    if len(receipts) < asked:
        raise typer.Exit(UNREACHABLE)
    if counts.get("refused") or counts.get("parked"):
        raise typer.Exit(WRONG)


@cycle.command()
def rate(
    name: CycleArgument,
    person: PersonArgument,
    role: RoleOption,
    rater: RaterOption,
    mark: Annotated[list[str], typer.Option("--mark", help="ITEM=POINTS such as virtue=92.5; repeated", show_default=False)],
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Give one rater's marks for one person. Given again by the same rater, the later marks count."""
    marks = [_mark(each) for each in mark]
    options = (data, as_json, lang)
    _act(options, "rating-given", facts.AppraisalRatingGiven, name, on, person, role=role, rater=rater, marks=marks)


def _mark(text: str) -> dict[str, Any]:
    item, _, points = text.partition("=")
    hundredths = hundredths_of(points)
    if hundredths is None:
        fail(WRONG, f"--mark {text} is not ITEM=POINTS; write for example virtue=92.5")
    return {"item": item, "hundredths": hundredths}


@cycle.command("withdraw-rating")
def withdraw_rating(
    name: CycleArgument,
    person: PersonArgument,
    role: RoleOption,
    rater: RaterOption,
    reason: ReasonOption,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Withdraw what a rater has said of a person."""
    values = {"role": role, "rater": rater, "reason": reason}
    options = (data, as_json, lang)
    _act(options, "rating-withdrawn", facts.AppraisalRatingWithdrawn, name, on, person, **values)


@cycle.command()
def measure(
    name: CycleArgument,
    person: PersonArgument,
    item: Annotated[str, typer.Option("--item", help="a quantitative item of the document", show_default=False)],
    achieved: Annotated[int, typer.Option("--achieved", min=0, help="in the item's unit", show_default=False)],
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Report what was achieved of a quantitative item."""
    options = (data, as_json, lang)
    _act(options, "result-measured", facts.AppraisalResultMeasured, name, on, person, item=item, achieved=achieved)


# --- the cycle's own way --------------------------------------------------------------------------------------------------


@cycle.command()
def score(
    name: CycleArgument, on: OnOption = None, data: DataOption = None, as_json: JsonOption = False, lang: LangOption = None
) -> None:
    """Score and rank everybody, of what has come so far. May be repeated until the results are published."""
    _act((data, as_json, lang), "cycle-scored", facts.AppraisalCycleScored, name, on)


@cycle.command()
def publish(
    name: CycleArgument,
    appeals_until: Annotated[str, typer.Option("--appeals-until", help="last day, YYYY-MM-DD", show_default=False)],
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Publish the results; from now on they change by appeals only."""
    until = business_day_of("--appeals-until", appeals_until)
    options = (data, as_json, lang)
    _act(options, "cycle-published", facts.AppraisalCyclePublished, name, on, appeals_until=str(until))


@cycle.command()
def appeal(
    name: CycleArgument,
    person: PersonArgument,
    key: Annotated[str, typer.Option("--appeal", help="your own key of the appeal", show_default=False)],
    grounds: Annotated[str, typer.Option("--grounds", help="without naming anybody", show_default=False)],
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Appeal against a published result."""
    options = (data, as_json, lang)
    _act(options, "result-appealed", facts.AppraisalResultAppealed, name, on, person, appeal=key, grounds=grounds)


@cycle.command()
def decide(
    name: CycleArgument,
    person: PersonArgument,
    key: Annotated[str, typer.Option("--appeal", help="key of the appeal", show_default=False)],
    reason: ReasonOption,
    rating: Annotated[
        str | None, typer.Option("--rating", help="the new one; the appeal is upheld", show_default=False)
    ] = None,
    appeal_source: Annotated[str | None, typer.Option("--appeal-source", help="who appealed", show_default=False)] = None,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Decide an appeal: upheld with a new rating, or dismissed without one."""
    outcome = "dismissed" if rating is None else "upheld"
    values = {"appeal": key, "appeal_source": appeal_source, "outcome": outcome, "rating": rating, "reason": reason}
    _act((data, as_json, lang), "appeal-decided", facts.AppraisalAppealDecided, name, on, person, **values)


@cycle.command()
def conclude(
    name: CycleArgument, on: OnOption = None, data: DataOption = None, as_json: JsonOption = False, lang: LangOption = None
) -> None:
    """Make the ratings final. Those of a year are told to the registry."""
    _act((data, as_json, lang), "cycle-concluded", facts.AppraisalCycleConcluded, name, on)


@cycle.command()
def cancel(
    name: CycleArgument,
    reason: ReasonOption,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Cancel a cycle that is not concluded."""
    _act((data, as_json, lang), "cycle-cancelled", facts.AppraisalCycleCancelled, name, on, reason=reason)


# --- questions ------------------------------------------------------------------------------------------------------------


@cycle.command("list")
def list_(
    division: Annotated[str | None, typer.Option("--division", help="with those below it", show_default=False)] = None,
    year: Annotated[int | None, typer.Option("--year", show_default=False)] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Every cycle, its stage, and how many people it has."""
    ctx = context(data, as_json, lang)
    if division is not None:
        try:
            _DIVISION.validate_python(division)
        except ValidationError:
            fail(WRONG, f"--division {division} is no code of GB/T 2260; write six digits such as 320102")
    with ctx.log("talent") as log, log.database.read.connect() as connection:
        rows = cycles(connection, division, year)
    if as_json:
        ctx.show([{name: value for name, value in row.items() if name not in ("position", "scope")} for row in rows])
        return
    words = CycleWords(ctx.lang)
    table = _table(ctx, "周期,区划,年度,类型,标题,阶段,自,人数", "cycle,division,year,period,title,stage,since,people")
    for row in rows:
        table.add_row(
            safe(row["cycle"]),
            row["division"],
            str(row["year"]),
            words.period(row["period"]),
            safe(row["title"]),
            words.stage(row["stage"]),
            row["since"],
            str(row["people"]),
        )
    show_table(ctx.out, table)


def _table(ctx: Context, zh: str, en: str) -> Table:
    table = Table()
    for column in ctx.say(zh, en).split(","):
        table.add_column(column, overflow="fold")
    return table


def _row(ctx: Context, row: dict[str, Any] | None, name: str) -> dict[str, Any]:
    if row is None:
        fail(WRONG, ctx.say(f"没有考核周期 {name}；见 `hongling talent cycle list`", f"there is no cycle {name}; see `list`"))
    return row


def _opened(log: Log, connection: Any, name: str) -> AppraisalDocument:
    (opened,) = [
        e.event for e in log.load(connection, [cycle_stream(name)])[cycle_stream(name)] if isinstance(e.event, CycleOpened)
    ]
    return opened.document


@cycle.command()
def show(
    name: CycleArgument,
    ranking: Annotated[str | None, typer.Option("--ranking", help="a category or grade", show_default=False)] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=PAGE_MAX, help="of one page")] = 100,
    after: Annotated[int, typer.Option("--after", min=0, help="how many come before the page")] = 0,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """A cycle and its ranking, a page at a time, best first."""
    ctx = context(data, as_json, lang)
    name = "/".join(cycle_of(ctx, name))
    with ctx.log("talent") as log, log.database.read.connect() as connection:
        row = _row(ctx, cycle_row(connection, name), name)
        document = _opened(log, connection, name)
        found = results(connection, name, ranking=ranking, after=after, limit=limit)
        events = log.load(connection, [cycle_stream(name)])[cycle_stream(name)]
    scored = next((e.event for e in reversed(events) if isinstance(e.event, CycleScored)), None)
    following = after + limit if len(found) == limit else None
    answer = {
        **{key: value for key, value in row.items() if key not in ("position", "scope")},
        "people": None if scored is None else scored.people,
        "scored": None if scored is None else scored.scored,
        "ratings": None if scored is None else scored.ratings,
        "results": [{**each, "why": [code for code in each["why"].split(",") if code]} for each in found],
        "after": following,
    }
    ctx.show(answer, lambda: "")
    if not as_json:
        _print_results(ctx, CycleWords(ctx.lang), document, answer)


def _print_results(ctx: Context, words: CycleWords, document: AppraisalDocument, answer: Mapping[str, Any]) -> None:
    title = document.title if ctx.lang == "zh" else document.title_en or document.title
    ctx.out.print(f"{safe(title)} [dim]{safe(answer['cycle'])}[/dim]")
    ctx.out.print(f"{words.stage(answer['stage'])} {ctx.say('自', 'since')} {answer['since']}")
    if answer["scored"] is None:
        return
    counted = ctx.say(
        f"{answer['people']} 人，其中 {answer['scored']} 人有得分，评分 {answer['ratings']} 份",
        f"{answer['people']} people, {answer['scored']} of them with a score, {answer['ratings']} ratings",
    )
    ctx.out.print(counted)
    table = _table(ctx, "名次,排名范围,人员,单位,得分,等次,说明", "rank,within,person,unit,score,rating,why")
    for each in answer["results"]:
        table.add_row(
            "" if each["rank"] is None else str(each["rank"]),
            words.group(each["ranking"]),
            each["person_ref"],
            safe(each["unit"]),
            "" if each["score"] is None else points_text(each["score"]),
            words.rating(each["final"]),
            safe(words.why(document, each["why"])) + (ctx.say("（申诉后）", " (after an appeal)") if _changed(each) else ""),
        )
    show_table(ctx.out, table)
    if answer["after"] is not None:
        ctx.out.print(ctx.say(f"下一页：--after {answer['after']}", f"next page: --after {answer['after']}"))


def _changed(result: Mapping[str, Any]) -> bool:
    return bool(result["final"] != result["rating"])


@cycle.command()
def explain(
    name: CycleArgument,
    person: PersonArgument,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """How one person's score was made, item by item, from the ratings as they were scored; and why this rating."""
    ctx = context(data, as_json, lang)
    name, ref = "/".join(cycle_of(ctx, name)), ref_of(ctx, person)
    with ctx.log("talent") as log, log.database.read.connect() as connection:
        row = _row(ctx, cycle_row(connection, name), name)
        document = _opened(log, connection, name)
        ranked = results(connection, name, limit=PEOPLE_MAX)
        result = next((each for each in ranked if each["person_ref"] == ref), None)
        scored = None if result is None else log.find(connection, row["scored_event"])
        streams = [ratings_stream(name, ref), conduct_stream(ref)]
        loaded = log.load(connection, streams)
        stages = log.load(connection, [cycle_stream(name)])[cycle_stream(name)]
    rating_events, conduct_events = (list(_until(loaded[stream], scored)) for stream in streams)
    enrolled = [e.event for e in rating_events if isinstance(e.event, PersonEnrolled)]
    ratee = replay_marking(MarkingHappened(*_past(e)) for e in rating_events)
    entry = entered(ref, ratee, replay_conduct(ConductHappened(*_past(e)) for e in conduct_events), document)
    if entry is None:
        fail(WRONG, ctx.say(f"{ref} 不在考核周期 {name} 中", f"{ref} is not enrolled in cycle {name}"))
    explained = explain_score(document, roster_of(document, [entry]), ref)
    answer: dict[str, Any] = {"cycle": name, "person_ref": ref, "stage": row["stage"], **_explained(explained)}
    answer |= {"category": enrolled[-1].category, "grade": enrolled[-1].grade, "facts": list(enrolled[-1].facts)}
    if result is not None:
        group = [each for each in ranked if each["ranking"] == result["ranking"]]
        with_score = sum(each["score"] is not None for each in group)
        places, most = places_of(document, with_score)
        answer |= {
            "rank": result["rank"],
            "ranking": result["ranking"],
            "of": with_score,
            "places": places,
            "places_at_most": most,
            "rating": result["rating"],
            "final": result["final"],
            "why": [code for code in result["why"].split(",") if code],
        }
    concluded = next((e.event_id for e in stages if isinstance(e.event, CycleConcluded) and e.event.told), None)
    if concluded is not None:
        receipt = receipt_on_file(ctx, "registry", SOURCE, rating_id_of(concluded, ref))
        answer["registry_answer"] = None if receipt is None else receipt.outcome
    ctx.show(answer, lambda: "")
    if not as_json:
        _print_explained(ctx, CycleWords(ctx.lang), document, explained, answer)


def _until(events: Sequence[Recorded], scored: Recorded | None) -> Iterator[Recorded]:
    """What was on file when the cycle was scored; all of it, if it was not."""
    return (event for event in events if scored is None or event.position < scored.position)


def _past(recorded: Recorded) -> tuple[str, date, Any]:
    return recorded.event_id, date.fromisoformat(recorded.effective_on), recorded.event


def _explained(told: Explanation) -> dict[str, Any]:
    def exact(value: Fraction) -> str:
        return f"{value.numerator}/{value.denominator}" if value.denominator != 1 else str(value.numerator)

    return {
        "clause": told.clause,
        "items": [
            {
                "item": line.item,
                "weight_percent": line.weight,
                "points": exact(line.points),
                "contributes": exact(line.contributes),
                "achieved": line.achieved,
                "target": line.target,
                "roles": [
                    {"role": role.role, "raters": role.raters, "percent": exact(role.percent), "mean": exact(role.mean)}
                    for role in line.roles
                ],
            }
            for line in told.items
        ],
        "extras": [
            {"name": line.name, "count": line.count, "contributes": exact(line.contributes), "clause": line.clause}
            for line in told.extras
        ],
        "exact": None if told.exact is None else exact(told.exact),
        "score": told.score,
        "lacking": list(told.lacking),
    }


def _print_explained(
    ctx: Context, words: CycleWords, document: AppraisalDocument, told: Explanation, answer: Mapping[str, Any]
) -> None:
    table = _table(ctx, "项目,权重,依据,得分,计入", "item,weight,from,points,contributes")
    for line in told.items:
        if line.target is not None:
            found = ctx.say(f"完成 {line.achieved}，目标 {line.target}", f"{line.achieved} of {line.target}")
        else:
            found = ctx.say("；", "; ").join(
                f"{words.named(document, r.role)} {r.raters} × {exact_text(r.mean)} ({exact_text(r.percent)} %)"
                for r in line.roles
            )
        shown = (exact_text(line.points), exact_text(line.contributes))
        table.add_row(safe(words.named(document, line.item)), f"{line.weight} %", safe(found), *shown)
    for extra in told.extras:
        what = ctx.say("积分", "points") if extra.name == "points" else ctx.say("表彰", "honours")
        table.add_row(what, "", str(extra.count), "", exact_text(extra.contributes))
    clause = ctx.say(f"权重依据 {told.clause}", f"weights by clause {told.clause}")
    show_table(ctx.out, table, f"{answer['person_ref']} {safe(clause)}")
    if told.score is None or told.exact is None:
        ctx.out.print(ctx.say("没有得分：", "no score: ") + safe(words.why(document, told.lacking)))
        return
    how = {"half_up": ("四舍五入", "half up"), "half_even": ("四舍六入五成双", "half to even"), "down": ("舍去", "down")}
    rounding = ctx.say(*how[document.rounding.how])
    total = ctx.say(
        f"合计 {exact_text(told.exact)}，{rounding}到 {document.rounding.digits} 位小数："
        f"[bold]{points_text(told.score)}[/bold]",
        f"together {exact_text(told.exact)}, rounded {rounding} to {document.rounding.digits} digits: "
        f"[bold]{points_text(told.score)}[/bold]",
    )
    ctx.out.print(total)
    if "rank" in answer:
        _print_place(ctx, words, document, answer)


def _print_place(ctx: Context, words: CycleWords, document: AppraisalDocument, answer: Mapping[str, Any]) -> None:
    best = words.rating(document.bands[0].rating)
    within = words.group(answer["ranking"])
    ctx.out.print(
        ctx.say(
            f"{within} {answer['of']} 人中第 {answer['rank']} 名；{best}名额 {answer['places']} 个"
            f"（{document.quota.percent} %，依据 {safe(document.quota.clause)}），等次："
            f"[bold]{words.rating(answer['final'])}[/bold]",
            f"rank {answer['rank']} of {answer['of']} ({within}); {answer['places']} places for {best} "
            f"({document.quota.percent} %, clause {safe(document.quota.clause)}); rating: "
            f"[bold]{words.rating(answer['final'])}[/bold]",
        )
    )
    if answer["why"]:
        ctx.out.print(safe(words.why(document, answer["why"])))
    if _changed(answer):
        ctx.out.print(
            ctx.say(f"申诉前：{words.rating(answer['rating'])}", f"before an appeal: {words.rating(answer['rating'])}")
        )
