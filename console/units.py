"""``hongling registry unit`` and ``inspection``: units, and annual inspections (年检) of divisions and of people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, get_args

import typer
from rich.table import Table

from console.acting import DivisionOption, OnOption, PersonArgument, act, check_division, own_name, person_of
from console.context import WRONG, Context, DataOption, JsonOption, LangOption, context, fail
from console.people import business_day_of
from console.personal import check_words
from console.words import Words, safe, show_table
from contracts import intake
from contracts.base import business_day
from contracts.particulars import InspectionResult
from eventlog.ids import SystemClock
from services.registry.divisions import division_title
from services.registry.views import inspection_counts, inspections, uninspected, units

__all__ = ["inspection", "unit"]

PAGE_MAX = 1000

unit = typer.Typer(no_args_is_help=True, help="Units: register, close, list, show.")
inspection = typer.Typer(no_args_is_help=True, help="Annual inspections: open, conclude, close; who is missing.")

KeyArgument = Annotated[str, typer.Argument(metavar="KEY", help="your own key of the unit", show_default=False)]
YearOption = Annotated[int, typer.Option("--year", show_default=False)]
LimitOption = Annotated[int, typer.Option("--limit", min=1, max=PAGE_MAX, help="of one page")]
EffectiveOption = Annotated[
    str | None, typer.Option("--effective", help="who was registered on that day; else today", show_default=False)
]


# --- units --------------------------------------------------------------------------------------------------------------


@unit.command("register")
def register_unit(
    key: KeyArgument,
    title: Annotated[str, typer.Option("--title", help="its name", show_default=False)],
    division: DivisionOption,
    credit_code: Annotated[
        str | None, typer.Option("--credit-code", help="统一社会信用代码, 18 characters", show_default=False)
    ] = None,
    parent: Annotated[str | None, typer.Option("--parent", help="your own key of the unit above", show_default=False)] = None,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Register a unit, or say anew the whole of what is known of it."""
    ctx = context(data, as_json, lang)
    values = {"unit": key, "title": title, "division": division, "credit_code": credit_code, "parent": parent}
    act(ctx, "unit-registered", intake.UnitRegistered, values, on)


@unit.command("close")
def close_unit(
    key: KeyArgument,
    reason: Annotated[str, typer.Option("--reason", help="why; recorded for ever", show_default=False)],
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Close a unit."""
    ctx = context(data, as_json, lang)
    check_words(("--reason", reason))
    act(ctx, "unit-closed", intake.UnitClosed, {"unit": key, "reason": reason.strip()}, on)


@unit.command("list")
def list_units(
    division: Annotated[str | None, typer.Option("--division", help="and those below it", show_default=False)] = None,
    title: Annotated[str | None, typer.Option("--title", help="any part of the name", show_default=False)] = None,
    is_open: Annotated[bool | None, typer.Option("--open/--closed", help="else both", show_default=False)] = None,
    limit: LimitOption = 100,
    after: Annotated[str, typer.Option("--after", help="the last unit of the page before", show_default=False)] = "",
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Units by their key, a page at a time."""
    ctx = context(data, as_json, lang)
    check_division(division)
    with ctx.log("registry") as log, log.database.read.connect() as connection:
        rows = units(connection, division=division, title=title, is_open=is_open, after=after, limit=limit)
    following = rows[-1]["unit"] if len(rows) == limit else None
    if as_json:
        ctx.show({"units": rows, "after": following})
        return
    table = Table()
    for column in ctx.say("单位,名称,区划,信用代码,上级,自,撤销", "unit,name,division,credit code,parent,since,closed").split(
        ","
    ):
        table.add_column(column, overflow="fold")
    for row in rows:
        names = ("unit", "title", "division", "credit_code", "parent", "since", "closed_on")
        table.add_row(*(safe(row[name] or "") for name in names))
    show_table(ctx.out, table)
    _print_next(ctx, following)


def _print_next(ctx: Context, following: str | None) -> None:
    if following is not None:
        ctx.out.print(safe(ctx.say(f"下一页：--after {following}", f"next page: --after {following}")))


@unit.command("show")
def show_unit(
    named: Annotated[str, typer.Argument(metavar="UNIT", help="<source>/<key>, or your own key", show_default=False)],
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """One unit, and those directly below it."""
    ctx = context(data, as_json, lang)
    key = own_name(ctx, named)
    with ctx.log("registry") as log, log.database.read.connect() as connection:
        found = units(connection, unit_key=key)
        below = units(connection, parent=key, limit=PAGE_MAX)
    if not found:
        fail(WRONG, ctx.say(f"没有单位 {key}", f"there is no unit {key}; see `hongling registry unit list`"))
    answer = {**found[0], "division_title": division_title(found[0]["division"]), "below": [row["unit"] for row in below]}
    ctx.show(answer, lambda: _unit_text(ctx, answer))


def _unit_text(ctx: Context, unit: dict[str, Any]) -> str:
    place = f"{unit['division']} {unit['division_title'] or ''}".strip()
    lines = [f"[bold]{safe(unit['title'])}[/bold]", ctx.say(f"单位 {unit['unit']}，{place}", f"unit {unit['unit']}, {place}")]
    if unit["credit_code"]:
        lines.append(ctx.say(f"统一社会信用代码 {unit['credit_code']}", f"unified social credit code {unit['credit_code']}"))
    if unit["parent"]:
        lines.append(ctx.say(f"上级 {unit['parent']}", f"below {unit['parent']}"))
    lines.append(ctx.say(f"自 {unit['since']} 起", f"since {unit['since']}"))
    if unit["closed_on"]:
        lines.append(ctx.say(f"{unit['closed_on']} 撤销", f"closed on {unit['closed_on']}"))
    if unit["below"]:
        lines.append(ctx.say("下级：", "units below: ") + ", ".join(unit["below"]))
    return "\n".join([lines[0], *map(safe, lines[1:])])


# --- annual inspections -------------------------------------------------------------------------------------------------


@inspection.command("open")
def open_inspection(
    division: DivisionOption,
    year: YearOption,
    closes_on: Annotated[str, typer.Option("--closes-on", help="its last day, YYYY-MM-DD", show_default=False)],
    item: Annotated[
        list[str] | None, typer.Option("--item", help="a word for what is looked at; may be repeated", show_default=False)
    ] = None,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Open the annual inspection of a division and those below it."""
    ctx = context(data, as_json, lang)
    values = {"division": division, "year": year, "closes_on": closes_on, "items": item}
    act(ctx, "inspection-opened", intake.InspectionOpened, values, on)


_OUTCOMES = get_args(InspectionResult.model_fields["outcome"].annotation)


@inspection.command()
def conclude(
    person: PersonArgument,
    year: YearOption,
    outcome: Annotated[str, typer.Option("--outcome", help=f"one of: {', '.join(_OUTCOMES)}", show_default=False)],
    checked: Annotated[
        list[str] | None,
        typer.Option("--checked", help="ITEM=yes or no: whether it was in order; may be repeated", show_default=False),
    ] = None,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Report the result of one person's annual inspection."""
    ctx = context(data, as_json, lang)
    items = [_checked(each) for each in checked or ()]
    values = {"person": person_of(ctx, person), "year": year, "outcome": outcome, "checked": items}
    act(ctx, "inspection-concluded", intake.InspectionConcluded, values, on)


_IN_ORDER = {"yes": True, "true": True, "是": True, "no": False, "false": False, "否": False}


def _checked(text: str) -> dict[str, Any]:
    item, _, said = text.partition("=")
    if said.lower() not in _IN_ORDER:
        fail(WRONG, f"--checked {text} is not ITEM=yes or ITEM=no; write for example files=yes")
    return {"item": item, "in_order": _IN_ORDER[said.lower()]}


@inspection.command("close")
def close_inspection(
    division: DivisionOption,
    year: YearOption,
    rest: Annotated[str, typer.Option("--rest", help="what those without a result get: missed or passed")] = "missed",
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Close the annual inspection of a division. The registry then gives everybody without a result the one for the rest."""
    ctx = context(data, as_json, lang)
    act(ctx, "inspection-closed", intake.InspectionClosed, {"division": division, "year": year, "rest": rest}, on)


@inspection.command("list")
def list_inspections(
    division: Annotated[str | None, typer.Option("--division", help="and those below it", show_default=False)] = None,
    year: Annotated[int | None, typer.Option("--year", show_default=False)] = None,
    is_open: Annotated[bool | None, typer.Option("--open/--closed", help="else both", show_default=False)] = None,
    limit: LimitOption = 100,
    after: Annotated[str | None, typer.Option("--after", help="DIVISION/YEAR of the page before", show_default=False)] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Annual inspections by division and year, a page at a time."""
    ctx = context(data, as_json, lang)
    check_division(division)
    begin = _after_inspection(after)
    with ctx.log("registry") as log, log.database.read.connect() as connection:
        rows = inspections(connection, division=division, year=year, is_open=is_open, after=begin, limit=limit)
    following = f"{rows[-1]['division']}/{rows[-1]['year']}" if len(rows) == limit else None
    if as_json:
        ctx.show({"inspections": rows, "after": following})
        return
    show_table(ctx.out, _inspections_table(ctx, rows))
    _print_next(ctx, following)


def _after_inspection(text: str | None) -> tuple[str, int]:
    if text is None:
        return "", 0
    division, _, year = text.partition("/")
    if not year.isdecimal():
        fail(WRONG, f"--after {text} is not DIVISION/YEAR; copy it from the page before")
    return division, int(year)


def _inspections_table(ctx: Context, rows: Sequence[dict[str, Any]]) -> Table:
    words = Words(ctx.lang)
    table = Table()
    for column in ctx.say(
        "区划,年度,开始,截止,结束,其余人员,检查项目", "division,year,opened,last day,closed,the rest,items"
    ).split(","):
        table.add_column(column, overflow="fold")
    for row in rows:
        rest = "" if row["rest"] is None else words.word("outcome", row["rest"])
        days = (row["opened_on"], row["closes_on"], row["closed_on"] or "")
        table.add_row(row["division"], str(row["year"]), *days, rest, safe(", ".join(row["items"])))
    return table


def _day(effective: str | None) -> date:
    return business_day_of("--effective", effective) or business_day(SystemClock().now())


@inspection.command()
def missing(
    division: DivisionOption,
    year: YearOption,
    effective: EffectiveOption = None,
    limit: LimitOption = 100,
    after: Annotated[str | None, typer.Option("--after", help="DIVISION/PERSON of the page before", show_default=False)] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Who is registered in a division and has no result for the year yet, a page at a time."""
    ctx = context(data, as_json, lang)
    check_division(division)
    begin: tuple[str, str] | None = None
    if after is not None:
        place, _, ref = after.partition("/")
        begin = place, ref
    with ctx.log("registry") as log, log.database.read.connect() as connection:
        rows = uninspected(connection, division, year, _day(effective), after=begin, limit=limit)
    following = "/".join(rows[-1]) if len(rows) == limit else None
    people = [{"division": place, "person_ref": ref} for place, ref in rows]
    if as_json:
        ctx.show({"division": division, "year": year, "missing": people, "after": following})
        return
    for row in people:
        ctx.out.print(f"{row['division']} {row['person_ref']}")
    if not people:
        ctx.out.print(ctx.say("全部已有结果", "everybody has a result"))
    _print_next(ctx, following)


@inspection.command()
def status(
    division: DivisionOption,
    year: YearOption,
    effective: EffectiveOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """How far the annual inspection of a division has come: how many passed, failed, missed it, or have no result yet."""
    ctx = context(data, as_json, lang)
    check_division(division)
    day = _day(effective)
    with ctx.log("registry") as log, log.database.read.connect() as connection:
        counts = inspection_counts(connection, division, year, day)
        rows = inspections(connection, division=division, year=year, limit=PAGE_MAX)
    answer = {"division": division, "year": year, "effective_on": day.isoformat(), "counts": counts, "inspections": rows}
    ctx.show(answer, lambda: "")
    if as_json:
        return
    names = {"passed": ("合格", "passed"), "failed": ("不合格", "failed"), "missed": ("未参加", "missed")}
    names |= {"uninspected": ("尚无结果", "no result yet")}
    table = Table()
    for name in names:
        table.add_column(ctx.say(*names[name]), justify="right")
    table.add_row(*(f"{counts[name]:,}" for name in names))
    show_table(ctx.out, table, ctx.say(f"{division} {year} 年度年检", f"Annual inspection {year} of {division}"))
    if rows:
        show_table(ctx.out, _inspections_table(ctx, rows))
