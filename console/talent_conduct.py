"""``hongling talent conduct``: points, sanctions and honours: the acts that report them, one person's, and lists."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, get_args

import typer
from rich.table import Table

from console.context import DataOption, JsonOption, LangOption, context
from console.cycle_words import CycleWords
from console.people import business_day_of
from console.talent_acting import report
from console.talent_acts import ByDivision, checked_division, show_rows, talent_tables
from console.talent_cycle import OnOption, PersonArgument, ReasonOption, ref_of
from console.words import safe, show_table
from contracts import appraisal_intake as facts
from contracts.appraisal import SANCTION_STEPS
from contracts.appraisal_events import PointsRecorded
from contracts.base import business_day
from eventlog.ids import SystemClock
from services.talent.appraisal_views import conduct_of
from services.talent.conduct import Conduct, Entry, HonourLevel, highest_step
from services.talent.registers import conduct_by_unit, conduct_list

__all__ = ["register"]

conduct = typer.Typer(no_args_is_help=True, help="Points, sanctions and honours.")

EntryOption = Annotated[str, typer.Option("--entry", help="your own key of the entry", show_default=False)]
SourceOption = Annotated[str | None, typer.Option("--entry-source", help="if another source reported it", show_default=False)]


def register(group: typer.Typer) -> None:
    """Add these commands to the group ``talent``."""
    group.add_typer(conduct, name="conduct")


def _report(options: tuple[Any, ...], fact: str, model: Any, person: str, on: str | None, **values: Any) -> None:
    ctx = context(*options)
    report(ctx, fact, model, {"person": {"person_ref": ref_of(ctx, person)}, **values}, on)


@conduct.command()
def points(
    person: PersonArgument,
    count: Annotated[int, typer.Option("--points", help="earned; less than 0: deducted", show_default=False)],
    entry: EntryOption,
    reason: ReasonOption,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Record points that were earned or deducted."""
    options = (data, as_json, lang)
    _report(options, "points-recorded", facts.PointsRecorded, person, on, entry=entry, points=count, reason=reason)


@conduct.command()
def sanction(
    person: PersonArgument,
    step: Annotated[str, typer.Option("--step", help=f"one of: {', '.join(SANCTION_STEPS)}", show_default=False)],
    entry: EntryOption,
    reason: ReasonOption,
    until: Annotated[str | None, typer.Option("--until", help="last day; else until it is lifted", show_default=False)] = None,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Impose a sanction, a step of the ladder, from the day on."""
    last = business_day_of("--until", until)
    values = {"entry": entry, "step": step, "until": None if last is None else last.isoformat(), "reason": reason}
    _report((data, as_json, lang), "sanction-imposed", facts.SanctionImposed, person, on, **values)


@conduct.command()
def lift(
    person: PersonArgument,
    entry: EntryOption,
    reason: ReasonOption,
    entry_source: SourceOption = None,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Lift a sanction; the day is its last one."""
    values = {"entry": entry, "entry_source": entry_source, "reason": reason}
    _report((data, as_json, lang), "sanction-lifted", facts.SanctionLifted, person, on, **values)


@conduct.command()
def honour(
    person: PersonArgument,
    title: Annotated[str, typer.Option("--title", help="of the honour", show_default=False)],
    level: Annotated[str, typer.Option("--level", help=f"one of: {', '.join(get_args(HonourLevel))}", show_default=False)],
    entry: EntryOption,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Record an honour."""
    options = (data, as_json, lang)
    _report(options, "honour-awarded", facts.HonourAwarded, person, on, entry=entry, title=title, level=level)


@conduct.command()
def withdraw(
    person: PersonArgument,
    entry: EntryOption,
    reason: ReasonOption,
    entry_source: SourceOption = None,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Withdraw an entry that should never have been reported."""
    values = {"entry": entry, "entry_source": entry_source, "reason": reason}
    _report((data, as_json, lang), "conduct-withdrawn", facts.ConductWithdrawn, person, on, **values)


@conduct.command()
def show(
    person: PersonArgument,
    on: Annotated[str | None, typer.Option("--on", help="the day asked for; else today", show_default=False)] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Every entry of a person, and the gravest sanction that is in force on a day."""
    ctx = context(data, as_json, lang)
    ref, day = ref_of(ctx, person), business_day_of("--on", on) or business_day(SystemClock().now())
    with ctx.log("talent") as log, log.database.read.connect() as connection:
        entries = conduct_of(connection, [ref]).get(ref, Conduct()).entries
    step = highest_step(entries.values(), day)
    balance = sum(e.says.points for e in entries.values() if isinstance(e.says, PointsRecorded) and not e.withdrawn)
    answer = {
        "person_ref": ref,
        "on": day.isoformat(),
        "points": balance,
        "sanction_in_force": step,
        "entries": [_row(name, entry) for name, entry in entries.items()],
    }
    ctx.show(answer, lambda: "")
    if as_json:
        return
    words = CycleWords(ctx.lang)
    table = Table()
    for column in ctx.say("编号,日期,内容,状态", "entry,date,what,state").split(","):
        table.add_column(column, overflow="fold")
    for name, entry in entries.items():
        table.add_row(safe(name), entry.on.isoformat(), safe(_what(words, entry)), _state(words, entry))
    show_table(ctx.out, table)
    in_force = words.step(step) if step is not None else ctx.say("无", "none")
    ctx.out.print(
        ctx.say(f"积分 {balance}；{day} 有效的处理：{in_force}", f"points {balance}; sanction in force on {day}: {in_force}")
    )


@conduct.command("list")
def list_conduct(
    division: ByDivision,
    since: Annotated[
        str | None, typer.Option("--since", help="points and honours from this day; else from 1 January", show_default=False)
    ] = None,
    by_unit: Annotated[bool, typer.Option("--by-unit", help="counts of each unit")] = False,
    sanctioned: Annotated[bool, typer.Option("--sanctioned", help="only who is under a sanction on the day")] = False,
    on: Annotated[str | None, typer.Option("--on", help="the day asked for; else today", show_default=False)] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Points, honours and sanctions in force of a division's people."""
    ctx = context(data, as_json, lang)
    day = business_day_of("--on", on) or business_day(SystemClock().now())
    first = business_day_of("--since", since) or date(day.year, 1, 1)
    with talent_tables(ctx) as (_, connection):
        rows = conduct_list(connection, checked_division(division), first, day)
    rows = [row for row in rows if row["sanctions"] or not sanctioned]
    head = {"division": division, "since": first.isoformat(), "on": day.isoformat()}
    words = CycleWords(ctx.lang)
    if by_unit:
        units = conduct_by_unit(rows)
        columns: Any = (
            ("单位", "unit", "unit"), ("人数", "people", "people"), ("积分", "points", "points"),
            ("表彰", "honours", "honours"), ("受处理", "sanctioned", "sanctioned"),
        )  # fmt: skip
        show_rows(ctx, {**head, "units": units}, units, columns)
        return
    columns = (
        ("人员", "person", "person_ref"), ("单位", "unit", lambda row: ", ".join(row["units"])), ("积分", "points", "points"),
        ("表彰", "honours", lambda row: ", ".join(row["honours"])),
        ("处理", "sanctions", lambda row: ", ".join(_sanction_text(words, each) for each in row["sanctions"])),
    )  # fmt: skip
    show_rows(ctx, {**head, "people": rows}, rows, columns)


def _sanction_text(words: CycleWords, row: Mapping[str, Any]) -> str:
    last = row["last_day"]
    until = words.say("，至解除", ", until it is lifted") if last is None else words.say(f"，至 {last}", f", until {last}")
    return f"{words.step(row['step'])}{until}"


def _row(name: str, entry: Entry) -> dict[str, Any]:
    says = entry.says.payload()
    kind = entry.says.TYPE.split(".")[1]
    last = entry.last_day
    shown = ("points", "step", "title", "level", "reason")
    more: dict[str, Any] = {key: value for key, value in says.items() if key in shown}
    return {
        "entry": name,
        "kind": kind,
        "on": entry.on.isoformat(),
        **more,
        "last_day": None if last is None else last.isoformat(),
        "withdrawn": entry.withdrawn,
    }


def _what(words: CycleWords, entry: Entry) -> str:
    return words.event(entry.says) or entry.says.TYPE


def _state(words: CycleWords, entry: Entry) -> str:
    if entry.withdrawn:
        return words.say("已撤回", "withdrawn")
    if entry.last_day is not None:
        return words.say(f"至 {entry.last_day}", f"until {entry.last_day}")
    return words.say("有效", "stands")
