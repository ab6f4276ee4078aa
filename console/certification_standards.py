"""``hongling registry standard``: certification standards (资格认证标准): check, publish, list, and show."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, assert_never

import typer
from rich.table import Table

from console.context import WRONG, Context, DataOption, JsonOption, LangOption, context, fail
from console.publishing import (
    Message,
    check_document,
    document_message,
    publish_document,
)
from console.registry_words import name_of
from console.words import Words, day_of, safe, show_table
from contracts.certification import (
    AssessedCriterion,
    CertificationStandard,
    ConfirmedCriterion,
    Criterion,
    GradeHeldCriterion,
    GradeStandard,
    HoursCriterion,
    InspectionsCriterion,
    Limit,
    RatingsCriterion,
    Waiver,
    YearsServedCriterion,
)
from contracts.registry import CertificationStandardPublished
from contracts.roles import POLICY_OFFICE
from eventlog.log import Recorded
from services.registry.standard import check_standard, read_standard
from services.registry.standards import STANDARDS

__all__ = ["published_standards", "standard", "standard_message"]

standard = typer.Typer(no_args_is_help=True, help="Certification standards: check, publish, list, show.")

FileArgument = Annotated[Path, typer.Argument(help="YAML file of a certification standard", show_default=False)]


# --- check and publish --------------------------------------------------------------------------------------------------


@standard.command()
def check(file: FileArgument, data: DataOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """Say what is wrong or doubtful in a standard, at its line and column. Publishes nothing; ends with 2 on errors."""
    check_document(file, check_standard, as_json, lang)


def standard_message(text: str, document: CertificationStandard, at: datetime, source: str = POLICY_OFFICE) -> Message:
    """The intake message of a standard. Its id comes from the text, so that the same text is one message for ever."""
    return document_message(
        "registry", "certification-standard-published", "certification-standard", text, document.effective_on, at, source
    )


@standard.command()
def publish(file: FileArgument, data: DataOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """Check a standard and publish it. Safe to repeat. Applications are judged by the one in force on their first day."""
    ctx = context(data, as_json, lang)
    publish_document(
        ctx, file, "registry", check_standard, lambda text, at, source: standard_message(text, read_standard(text), at, source)
    )


# --- list and show ------------------------------------------------------------------------------------------------------


def published_standards(ctx: Context, upto: int | None = None) -> list[tuple[Recorded, CertificationStandard]]:
    """Every published standard, in the order of publication. upto: only as known at a position of the log."""
    with ctx.log("registry") as log, log.database.read.connect() as connection:
        events = log.load(connection, [STANDARDS])[STANDARDS]
    return [
        (each, each.event.document)
        for each in events
        if isinstance(each.event, CertificationStandardPublished) and (upto is None or each.position <= upto)
    ]


@standard.command("list")
def list_(data: DataOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """Every published standard, in the order of publication."""
    ctx = context(data, as_json, lang)
    found = [_row(recorded, document) for recorded, document in published_standards(ctx)]
    if as_json:
        ctx.show(found)
        return
    words = Words(ctx.lang)
    table = Table()
    for column in ctx.say(
        "文号,版本,区划,标题,生效,性质,等级,发布", "document,revision,division,title,effective,status,grades,published"
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
            words.word("status", row["status"]),
            safe(words.say("、", ", ").join(words.word("grade", grade) for grade in row["grades"])),
            day_of(row["recorded_at"]),
        )
    show_table(ctx.out, table)


def _row(recorded: Recorded, document: CertificationStandard) -> dict[str, Any]:
    return {
        "document": document.document,
        "revision": document.revision,
        "division": document.division,
        "title": document.title,
        "title_en": document.title_en,
        "effective_on": document.effective_on.isoformat(),
        "status": document.status,
        "grades": [grade.grade for grade in document.grades],
        "event_id": recorded.event_id,
        "recorded_at": recorded.recorded_at,
    }


@standard.command()
def show(
    document: Annotated[str, typer.Argument(help="the document's number", show_default=False)],
    revision: Annotated[int | None, typer.Option("--revision", help="else the last one", show_default=False)] = None,
    division: Annotated[
        str | None, typer.Option("--division", help="if two divisions use the number", show_default=False)
    ] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """A published standard: grade by grade who issues it, where it holds, what is required; waivers and hard limits."""
    ctx = context(data, as_json, lang)
    recorded, found = _chosen(ctx, document, revision, division)
    assert isinstance(recorded.event, CertificationStandardPublished)
    if as_json:
        sha256 = recorded.event.text_sha256
        ctx.show({**_row(recorded, found), "text_sha256": sha256, "standard": found.model_dump(mode="json")})
    else:
        _print(ctx, recorded, found)


def _chosen(ctx: Context, document: str, revision: int | None, division: str | None) -> tuple[Recorded, CertificationStandard]:
    """The standard that is named. Ends the command with 2 if there is none, or more than one."""
    published = published_standards(ctx)
    named = [each for each in published if each[1].document == document and division in (None, each[1].division)]
    if not named:
        known = ", ".join(dict.fromkeys(each.document for _, each in published)) or ctx.say("没有", "none")
        fail(WRONG, ctx.say(f"没有发布过 {document}；已发布：{known}", f"{document} was not published; published are: {known}"))
    divisions = sorted({each.division for _, each in named})
    if len(divisions) > 1:
        fail(WRONG, f"{document} was published for {', '.join(divisions)}; choose one with --division")
    chosen = [each for each in named if revision in (None, each[1].revision)]
    if not chosen:
        revisions = ", ".join(str(each.revision) for _, each in named)
        fail(WRONG, f"{document} has no revision {revision}; published are: {revisions}")
    return max(chosen, key=lambda each: each[1].revision)


# --- a standard as text -------------------------------------------------------------------------------------------------


def _print(ctx: Context, recorded: Recorded, document: CertificationStandard) -> None:
    words = Words(ctx.lang)
    ctx.out.print("\n".join(_head_lines(words, recorded, document)))
    show_table(ctx.out, _grades_table(words, document), ctx.say("等级", "Grades"))
    for grade in document.grades:
        title = ctx.say("{}的条件（须全部符合）", "Conditions for {}, all of which must be met")
        show_table(ctx.out, _criteria_table(words, grade), title.format(safe(words.word("grade", grade.grade))))
    if document.waivers:
        show_table(ctx.out, _waivers_table(words, document.waivers), ctx.say("等效认定", "Waivers for titles held"))
    if document.limits:
        show_table(ctx.out, _limits_table(words, document.limits), ctx.say("淘汰硬杠杠", "Hard limits"))


def _head_lines(words: Words, recorded: Recorded, document: CertificationStandard) -> list[str]:
    title = words.say(document.title, document.title_en or document.title)
    name, number, place = safe(document.document), document.revision, document.division
    first, day = document.effective_on, day_of(recorded.recorded_at)
    lines = [
        f"[bold]{safe(title)}[/bold]",
        words.say(
            f"文号 {name}，第 {number} 版，适用区划 {place} 及以下",
            f"document {name}, revision {number}, for {place} and below",
        ),
        words.say(
            f"自 {first} 起有效，{day} 发布（事件 {recorded.event_id}）",
            f"in effect from {first}, published {day} (event {recorded.event_id})",
        ),
        words.say("性质：", "status: ") + words.word("status", document.status),
        words.say("出处：", "source: ") + safe(document.source),
    ]
    return lines + ([words.say("说明：", "note: ") + safe(document.note)] if document.note else [])


def _table(columns: str) -> Table:
    table = Table()
    for column in columns.split(","):
        table.add_column(column, overflow="fold")
    return table


def _grades_table(words: Words, document: CertificationStandard) -> Table:
    table = _table(
        words.say(
            "等级,颁证机关,管理,效力范围,有效年限,晋升自,培训测试,综合评审,公示",
            "grade,issued by,stewarded by,holds in,years valid,promotes from,training test,panel,notice",
        )
    )
    for grade in document.grades:
        table.add_row(
            safe(words.word("grade", grade.grade)),
            words.say("、", ", ").join(name_of(words, "level", level) for level in grade.issuers),
            name_of(words, "level", grade.steward),
            territory_text(words, grade),
            words.say("长期", "no end") if grade.validity_years is None else str(grade.validity_years),
            safe("" if grade.promotes_from is None else words.word("grade", grade.promotes_from)),
            words.say(
                f"{grade.training.hours_at_least}学时，{grade.training.pass_mark}分",
                f"{grade.training.hours_at_least} hours, {grade.training.pass_mark} points",
            ),
            _panel_text(words, grade),
            words.say(f"{grade.notice_working_days}个工作日", f"{grade.notice_working_days} working days"),
        )
    return table


def territory_text(words: Words, grade: GradeStandard) -> str:
    """Where a certificate of a grade holds without recognition."""
    if grade.valid_in == "anywhere":
        return name_of(words, "level", "anywhere")
    level = name_of(words, "level", grade.valid_in)
    return words.say(f"颁证机关所在{level}区域", f"the issuer's {level}")


def _panel_text(words: Words, grade: GradeStandard) -> str:
    panel = grade.panel
    extremes = words.say("，去最高最低分", ", without the extremes") if panel.drop_extremes else ""
    return words.say(
        f"至少{panel.judges_at_least}名评委，{panel.pass_mark}分{extremes}",
        f"{panel.judges_at_least} judges or more, {panel.pass_mark} points{extremes}",
    )


def _criteria_table(words: Words, grade: GradeStandard) -> Table:
    table = _table(words.say("条件,要求,条款,性质", "criterion,required,clause,status"))
    for each in grade.criteria:
        table.add_row(
            safe(each.name),
            safe(requirement(words, each)),
            safe(words.clause(each.clause)),
            words.word("status", each.status),
        )
    return table


def _years(number: int) -> str:
    return f"{number} full year{'' if number == 1 else 's'}"


def requirement(words: Words, criterion: Criterion) -> str:
    """What a criterion asks, in words."""
    match criterion:
        case YearsServedCriterion():
            return words.say(f"任职满{criterion.at_least}年", f"at least {_years(criterion.at_least)} in engagements")
        case GradeHeldCriterion():
            grade, years = words.word("grade", criterion.grade), criterion.years_at_least
            return words.say(f"持有效{grade}及以上证书满{years}年", f"{grade} or above, valid, held for {_years(years)}")
        case RatingsCriterion():
            rating, count, last = words.word("rating", criterion.at_least), criterion.count, criterion.of_last
            return words.say(
                f"近{last}年中有{count}年考核{rating}及以上", f"rated {rating} or above in {count} of the last {last} years"
            )
        case InspectionsCriterion():
            last = criterion.of_last
            return words.say(
                f"当年及近{last}年年检无不合格、无缺检", f"no inspection failed or missed this year and the {last} before"
            )
        case HoursCriterion():
            return words.say(f"不少于{criterion.at_least}学时（审查）", f"at least {criterion.at_least} hours (reviewed)")
        case AssessedCriterion():
            return words.say(f"不低于{criterion.at_least}分（审查）", f"at least {criterion.at_least} points (reviewed)")
        case ConfirmedCriterion():
            return words.say(f"{criterion.asks}（审查）", f"{criterion.asks} (reviewed)")
        case _:
            assert_never(criterion)


def _waivers_table(words: Words, waivers: Sequence[Waiver]) -> Table:
    table = _table(words.say("等级,职称,级别不低于,免,条款", "grade,title,level or above,waives,clause"))
    for each in waivers:
        table.add_row(
            safe(words.word("grade", each.grade)),
            name_of(words, "title", each.title),
            name_of(words, "title_level", each.level_at_least),
            safe(words.say("、", ", ").join(each.waives)),
            safe(words.clause(each.clause)),
        )
    return table


def _limits_table(words: Words, limits: Sequence[Limit]) -> Table:
    table = _table(words.say("情形,后果,条款", "when,then,clause"))
    for each in limits:
        table.add_row(safe(limit_text(words, each)), words.word("change", each.then), safe(words.clause(each.clause)))
    return table


def limit_text(words: Words, limit: Limit) -> str:
    """When a hard limit is reached."""
    match limit.rule:
        case "inspections_failed":
            return words.say(
                f"近{limit.of_last}年年检不合格{limit.count}次", f"failed {limit.count} of the last {limit.of_last} inspections"
            )
        case "rated_below":
            rating = words.word("rating", limit.at_least or "")
            return words.say(
                f"近{limit.of_last}年考核低于{rating}{limit.count}次",
                f"rated below {rating} in {limit.count} of the last {limit.of_last} years",
            )
        case "suspended_months":
            return words.say(f"暂停满{limit.count}个月", f"suspended for {limit.count} months")
        case _:
            assert_never(limit.rule)
