"""``hongling talent staff``, ``figures`` and ``leadership``: a unit's staff, the structure figures, and how units are led.

Every question can be asked of any day (``--on``), as far as was known at any moment (``--known``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Annotated, Any

import openpyxl
import typer
from rich.table import Table
from sqlalchemy import Connection

from console.acting import check_division
from console.cells import sheet_cell
from console.context import WRONG, Context, DataOption, JsonOption, LangOption, context, fail
from console.explain import KnownOption
from console.people import Known, business_day_of, known_at, position_at
from console.personal import out_file
from console.staffing_words import StaffingWords
from console.talent_acting import report
from console.words import safe, show_table
from contracts import staffing_intake
from contracts.base import business_day
from contracts.staffing import LEADERSHIP_MODELS
from eventlog.ids import SystemClock
from services.registry.views import known_at as views_known_at
from services.talent.development_views import MatterView, PostView
from services.talent.figures import STAFF_SHARE_LEAST_HUNDREDTHS, YEAR_BANDS, Figures, figures_of
from services.talent.leadership import Gap, UnitLeadership, gaps_of, in_force_of, leadership_of
from services.talent.shares import Share, percent_text
from services.talent.staffing_views import StaffingView, leadership_sets, ready_by_division, staff_reports, workers_on
from services.talent.views import PoolView

__all__ = ["DivisionOption", "connected", "day_of_option", "register"]

WITHIN_MONTHS_MAX = 60
LEAST_HUNDREDTHS_MAX = 10_000

staff = typer.Typer(no_args_is_help=True, help="Staff of units: what party work is a share of.")
leadership = typer.Typer(no_args_is_help=True, help="How units are led, who sits where, which seats are empty.")

DivisionOption = Annotated[str, typer.Option("--division", help="GB/T 2260 code; with those below it", show_default=False)]
OnOption = Annotated[str | None, typer.Option("--on", help="the day asked for, YYYY-MM-DD; else today", show_default=False)]
UnitArgument = Annotated[str, typer.Argument(help="its name, as engagements name it", show_default=False)]


def register(group: typer.Typer) -> None:
    """Add these commands to the group ``talent``."""
    group.command()(figures)
    group.add_typer(staff, name="staff")
    group.add_typer(leadership, name="leadership")


# --- what every question shares -----------------------------------------------------------------------------------------


def day_of_option(on: str | None) -> date:
    return business_day_of("--on", on) or business_day(SystemClock().now())


@contextmanager
def connected(ctx: Context, moment: Known) -> Iterator[Connection]:
    """Talent's read models, as they stand, or as they were known at a moment (which takes a replay up to there)."""
    with ctx.log("talent") as log:
        if moment.until is None:
            with log.database.read.connect() as connection:
                yield connection
            return
        with log.database.read.connect() as connection:
            position = position_at(connection, log.head(connection).position, moment)
        with views_known_at(log, position, (PoolView(), PostView(), StaffingView(), MatterView())) as connection:
            yield connection


# --- staff --------------------------------------------------------------------------------------------------------------


@staff.command("report")
def report_staff(
    unit: UnitArgument,
    number: Annotated[int, typer.Argument(min=0, help="staff on the day, all kinds of work together", show_default=False)],
    division: Annotated[str, typer.Option("--division", help="of the unit, GB/T 2260", show_default=False)],
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Report how many people a unit employs on a day."""
    ctx = context(data, as_json, lang)
    values = {"unit": unit, "division": division, "staff": number}
    report(ctx, "unit-staff-reported", staffing_intake.UnitStaffReported, values, on)


# --- figures ------------------------------------------------------------------------------------------------------------


def figures(
    division: DivisionOption,
    on: OnOption = None,
    known: KnownOption = None,
    since: Annotated[
        str | None, typer.Option("--since", help="only secretaries since that day are asked whence", show_default=False)
    ] = None,
    least: Annotated[str, typer.Option("--least", help="percent of staff that party work should reach")] = percent_text(
        STAFF_SHARE_LEAST_HUNDREDTHS
    ),
    xlsx: Annotated[Path | None, typer.Option("--xlsx", help="write them to this new file, too", show_default=False)] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """The structure figures of a division on a day: shares exact to the hundredth of a percent, with what they are made of."""
    ctx = context(data, as_json, lang)
    check_division(division)
    day, moment, first = day_of_option(on), known_at(known), business_day_of("--since", since)
    wanted = _hundredths(least)
    with connected(ctx, moment) as connection:
        workers, reports = workers_on(connection, division, day), staff_reports(connection, division, day)
    found = figures_of(workers, reports, division, day, since=first, least_hundredths=wanted)
    words = StaffingWords(ctx.lang)
    if xlsx is not None:
        out_file(xlsx, _workbook(found, words))
    ctx.show({**figures_json(found), "known_at": moment.until}, lambda: "")
    if not as_json:
        _print_figures(ctx, words, found)


def _hundredths(text: str) -> int:
    """``1``, ``1.5`` or ``1.25`` percent. Ends the command with 2 for anything else."""
    whole, _, part = text.partition(".")
    if not whole.isascii() or not whole.isdecimal() or len(part) > 2 or (part and not (part.isascii() and part.isdecimal())):
        fail(WRONG, f"--least {text} is no percentage; write it as 1 or 1.25")
    found = int(whole) * 100 + int(part.ljust(2, "0"))
    if found > LEAST_HUNDREDTHS_MAX:
        fail(WRONG, f"--least {text} is more than all of the staff; write 100 or less")
    return found


def _share(share: Share) -> dict[str, Any]:
    return {"part": share.part, "whole": share.whole, "percent": share.percent}


def figures_json(found: Figures) -> dict[str, Any]:
    """percent: with two decimals, rounded half up; None: there is no whole."""
    return {
        "division": found.division,
        "on": found.on.isoformat(),
        "workers": found.workers,
        "party_work": {
            **_share(found.party_work),
            "least": percent_text(found.least_hundredths),
            "met": found.party_work_enough,
        },
        "part_time": _share(found.part_time),
        "years": [
            {"from": low, "to": high, **_share(share)} for (low, high), share in zip(YEAR_BANDS, found.bands, strict=True)
        ],
        "months": found.months,
        "categories": [{"category": word, **_share(share)} for word, share in found.categories],
        "secretaries": {
            "since": None if found.since is None else found.since.isoformat(),
            "number": found.secretaries,
            "promoted": _share(found.promoted),
            "from_pool": _share(found.from_pool),
            "promoted_from": [{"category": word, **_share(share)} for word, share in found.origins],
            "entered_by": [{"channel": word, **_share(share)} for word, share in found.entered],
        },
        "units": [
            {
                "unit": unit.unit,
                "division": unit.division,
                "workers": unit.workers,
                "staff": None if unit.report is None else unit.report.staff,
                "reported_for": None if unit.report is None else unit.report.on.isoformat(),
                "event_id": None if unit.report is None else unit.report.event_id,
                "percent": None if unit.share is None else unit.share.percent,
                "met": unit.enough,
            }
            for unit in found.units
        ],
    }


def _figure_rows(found: Figures, words: StaffingWords) -> list[tuple[str, Share]]:
    """Every share with its name."""
    say = words.say
    rows = [
        (say("党务工作者占已报职工", "party workers, of the staff reported"), found.party_work),
        (say("兼职占党务工作者", "part time, of party workers"), found.part_time),
    ]
    rows += [
        (say(f"从事党务工作{words.band(n)}", f"in party work {words.band(n)}"), share) for n, share in enumerate(found.bands)
    ]
    rows += [(words.category(word), share) for word, share in found.categories]
    rows.append((say("书记中由党务岗位提任", "secretaries promoted from party work"), found.promoted))
    rows += [
        (say(f"提任前为{words.category(w)}", f"promoted, before: {words.category(w)}"), share) for w, share in found.origins
    ]
    rows += [(say(f"直接任书记：{words.channel(w)}", f"not promoted: {words.channel(w)}"), share) for w, share in found.entered]
    rows.append((say("书记中来自后备人才库", "secretaries placed by the pool"), found.from_pool))
    return rows


def _unit_rows(found: Figures) -> list[tuple[str, str, int, int | None, str | None, bool | None]]:
    return [
        (
            unit.division,
            unit.unit,
            unit.workers,
            None if unit.report is None else unit.report.staff,
            None if unit.share is None else unit.share.percent,
            unit.enough,
        )
        for unit in found.units
    ]


def _headings(words: StaffingWords) -> tuple[list[str], list[str]]:
    return (
        words.say("指标,人数,总数,百分比", "figure,part,whole,percent").split(","),
        words.say("区划,单位,党务工作者,职工,百分比,达标", "division,unit,party workers,staff,percent,enough").split(","),
    )


def _print_figures(ctx: Context, words: StaffingWords, found: Figures) -> None:
    title = words.say(f"{found.division} 结构指标，{found.on}", f"Structure figures of {found.division} on {found.on}")
    headings, of_units = _headings(words)
    table = Table(*headings)
    for name, share in _figure_rows(found, words):
        table.add_row(name, str(share.part), str(share.whole), "" if share.percent is None else f"{share.percent} %")
    show_table(ctx.out, table, title)
    if found.party_work_enough is not None:
        least = percent_text(found.least_hundredths)
        ctx.out.print(
            words.say(f"要求不低于 {least} %：", f"at least {least} % is asked for: ") + words.met(found.party_work_enough)
        )
    units = Table(*of_units)
    for division, unit, workers, number, percent, enough in _unit_rows(found):
        told = words.say("未报", "not reported") if enough is None else words.met(enough)
        units.add_row(division, safe(unit), str(workers), str(number or ""), percent or "", told)
    show_table(ctx.out, units, words.say("单位", "Units"))


def _workbook(found: Figures, words: StaffingWords) -> bytes:
    """Two sheets. Counts are numbers; a percentage is the text of its two decimals, so that no program rounds it anew."""
    book = openpyxl.Workbook(write_only=True)
    headings, of_units = _headings(words)
    figures_ = [(n, s.part, s.whole, s.percent) for n, s in _figure_rows(found, words)]
    _sheet(book, words.say("结构指标", "figures"), headings, figures_)
    units = [(d, u, w, n, p, None if e is None else words.met(e)) for d, u, w, n, p, e in _unit_rows(found)]
    _sheet(book, words.say("单位", "units"), of_units, units)
    stored = BytesIO()
    book.save(stored)
    return stored.getvalue()


def _sheet(book: Any, title: str, headings: Sequence[str], rows: Sequence[Sequence[str | int | None]]) -> None:
    sheet = book.create_sheet(title)
    sheet.freeze_panes = "A2"
    sheet.column_dimensions["A"].width = sheet.column_dimensions["B"].width = 36
    sheet.append([sheet_cell(sheet, heading, bold=True) for heading in headings])
    for row in rows:
        sheet.append([sheet_cell(sheet, value) for value in row])


# --- leadership ---------------------------------------------------------------------------------------------------------


@leadership.command("set")
def set_model(
    unit: UnitArgument,
    model: Annotated[str, typer.Option("--model", help=f"one of: {', '.join(LEADERSHIP_MODELS)}", show_default=False)],
    division: Annotated[str, typer.Option("--division", help="of the unit, GB/T 2260", show_default=False)],
    post: Annotated[
        list[str],
        typer.Option("--post", help="POST=SIDE, SIDE party or management, then :CATEGORY and :SEATS if known; may be repeated"),
    ],
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Set how a unit is led from a day on, and all of its posts that this is about."""
    ctx = context(data, as_json, lang)
    values = {"unit": unit, "division": division, "model": model, "posts": [_post(each) for each in post]}
    report(ctx, "leadership-model-set", staffing_intake.LeadershipModelSet, values, on)


def _post(text: str) -> dict[str, Any]:
    name, _, more = text.rpartition("=")
    side, *rest = more.split(":")
    if not name or len(rest) > 2:
        fail(WRONG, f"--post {text} is not POST=SIDE[:CATEGORY[:SEATS]]; write for example 书记=party:secretary:1")
    made: dict[str, Any] = {"post": name, "side": side}
    if rest and rest[0]:
        made["category"] = rest[0]
    if len(rest) == 2:
        if not (rest[1].isascii() and rest[1].isdecimal()):
            fail(WRONG, f"--post {text}: {rest[1]} is no number of seats")
        made["seats"] = int(rest[1])
    return made


def _units(connection: Connection, division: str, day: date, unit: str | None = None) -> list[UnitLeadership]:
    models = in_force_of(leadership_sets(connection, division, day, unit), day)
    workers = workers_on(connection, division, day) if models else []
    return [leadership_of(model, workers, day) for model in models]


def unit_json(unit: UnitLeadership) -> dict[str, Any]:
    return {
        "unit": unit.set.unit,
        "division": unit.set.division,
        "model": unit.set.model,
        "since": unit.set.on.isoformat(),
        "event_id": unit.set.event_id,
        "kept": unit.kept,
        "required": unit.required,
        "found": unit.found,
        "posts": [
            {
                "post": post.post,
                "side": post.side,
                "category": post.category,
                "seats": post.seats,
                "empty": post.empty,
                "sitting": [
                    {**asdict(s), "since": s.since.isoformat(), "until": None if s.until is None else s.until.isoformat()}
                    for s in post.sitting
                ],
            }
            for post in unit.posts
        ],
    }


@leadership.command("show")
def show_unit(
    unit: UnitArgument,
    division: DivisionOption,
    on: OnOption = None,
    known: KnownOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """One unit on a day: the model in force, who sits where, and whether that keeps it."""
    ctx = context(data, as_json, lang)
    check_division(division)
    with connected(ctx, known_at(known)) as connection:
        found = _units(connection, division, day_of_option(on), unit)
    if not found:
        text = f"no model was set for {unit} in {division}; see `hongling talent leadership list`"
        fail(WRONG, ctx.say(f"{division} 的 {unit} 没有选拔方式；请查看 `hongling talent leadership list`", text))
    if as_json:
        ctx.show({"units": [unit_json(each) for each in found]})
        return
    words = StaffingWords(ctx.lang)
    for each in found:
        ctx.out.print(_head(words, each))
        table = Table(
            *words.say("职务,方面,类别,席位,任职人员,自,至", "post,side,category,seats,person,since,until").split(",")
        )
        for post in each.posts:
            cells = (safe(post.post), words.side(post.side), words.category(post.category), str(post.seats))
            for s in post.sitting:
                table.add_row(*cells, s.person_ref, str(s.since), "" if s.until is None else str(s.until))
            for _ in range(post.empty):
                table.add_row(*cells, words.say("[red]空缺[/red]", "[red]empty[/red]"), "", "")
        show_table(ctx.out, table)


def _head(words: StaffingWords, unit: UnitLeadership) -> str:
    name = f"{safe(unit.set.unit)} ({unit.set.division})"
    told = words.say("：", ": ")
    kept = f"{words.sides_of_model(unit.required)}{told}{words.kept(unit.kept)} ({safe(words.sides_of_model(unit.found))})"
    return f"[bold]{name}[/bold] {words.model(unit.set.model)}, {words.say('自', 'since')} {unit.set.on}. {kept}"


@leadership.command("list")
def list_units(
    division: DivisionOption,
    model: Annotated[
        str | None, typer.Option("--model", help=f"one of: {', '.join(LEADERSHIP_MODELS)}", show_default=False)
    ] = None,
    on: OnOption = None,
    known: KnownOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Every unit of a division that has a model on a day, and whether it is kept."""
    ctx = context(data, as_json, lang)
    if model is not None and model not in LEADERSHIP_MODELS:
        fail(WRONG, f"there is no model {model}; choose one of: {', '.join(LEADERSHIP_MODELS)}")
    check_division(division)
    with connected(ctx, known_at(known)) as connection:
        found = [each for each in _units(connection, division, day_of_option(on)) if model in (None, each.set.model)]
    if as_json:
        ctx.show({"units": [unit_json(each) for each in found]})
        return
    words = StaffingWords(ctx.lang)
    table = Table(*words.say("区划,单位,选拔方式,自,符合,实际,空缺", "division,unit,model,since,kept,found,empty").split(","))
    for each in found:
        table.add_row(
            each.set.division,
            safe(each.set.unit),
            words.model(each.set.model),
            str(each.set.on),
            words.kept(each.kept),
            safe(words.sides_of_model(each.found)),
            str(sum(post.empty for post in each.posts)),
        )
    show_table(ctx.out, table)


@leadership.command("gaps")
def list_gaps(
    division: DivisionOption,
    within: Annotated[
        int, typer.Option("--within", min=0, max=WITHIN_MONTHS_MAX, help="seats whose holder leaves within so many months, too")
    ] = 0,
    on: OnOption = None,
    known: KnownOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Seats that the pool must be able to fill: empty ones, and those that will be; with how many of the pool are ready."""
    ctx = context(data, as_json, lang)
    check_division(division)
    day = day_of_option(on)
    with connected(ctx, known_at(known)) as connection:
        units, ready = _units(connection, division, day), ready_by_division(connection, division)
    found = gaps_of(units, day, within_months=within, ready=ready)
    if as_json:
        ctx.show({"division": division, "gaps": [_gap_json(gap) for gap in found]})
        return
    words = StaffingWords(ctx.lang)
    headings = words.say("区划,单位,职务,类别,现任,最后一日,库中可用", "division,unit,post,category,held by,last day,ready")
    table = Table(*headings.split(","))
    for gap in found:
        table.add_row(
            gap.division,
            safe(gap.unit),
            safe(gap.post),
            words.category(gap.category),
            gap.person_ref or words.say("空缺", "empty"),
            "" if gap.last_day is None else str(gap.last_day),
            str(gap.ready),
        )
    show_table(ctx.out, table)


def _gap_json(gap: Gap) -> dict[str, Any]:
    return {**asdict(gap), "last_day": None if gap.last_day is None else gap.last_day.isoformat()}
