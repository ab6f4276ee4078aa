"""``hongling finance statement``: what is owed for a year, and line by line what of it was paid; as text, JSON, or a workbook.

Asked for a division and a year it gives the totals, from the read model, or from the log up to a moment. Asked for a worker, a
unit or a payer, or for ``--lines``, it lists every worker: what each payer granted, paid, has on the way and still owes. A
worker's unit is that of the last post which the decision has looked at; names and accounts are in none of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import product
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from rich.table import Table
from sqlalchemy import Connection, exists, func, select

from console.context import WRONG, Context, DataOption, JsonOption, LangOption, context, fail
from console.explain import KnownOption
from console.finance_acts import busy, check_division, snapshot, table_of
from console.finance_workbook import written
from console.people import Known, known_at, person_ref_of, position_at
from console.personal import out_file
from console.words import Words, safe, show_table, yuan
from contracts.allowance import Decision, EntitlementAdjusted, EntitlementDecided
from contracts.base import YEAR_FIRST, YEAR_LAST
from contracts.divisions import Purse, covers
from contracts.particulars import EngagementStart
from contracts.policy import Instrument
from eventlog import schema
from eventlog.bulk import one_of
from eventlog.log import Log
from services.allowance.ledger_views import payable, transfer
from services.allowance.views import below, by_purses, entitlement
from services.allowance.views import statement as live_statement

__all__ = ["Asked", "Line", "register", "statement_at", "statement_lines"]

PAGE_EVENTS = 1000
PAGE_PEOPLE = 1000
SHOWN_MAX = 50
ENTITLEMENTS = (EntitlementDecided.TYPE, EntitlementAdjusted.TYPE)
INSTRUMENTS: tuple[str, ...] = get_args(Instrument)

Key = tuple[str, int, str]
"""person_ref, year, instrument."""


def register(group: typer.Typer) -> None:
    group.command()(statement)


@dataclass(frozen=True, slots=True)
class Asked:
    """Which decisions; what is None is not asked. unit: of the last post that a decision has looked at."""

    division: str | None = None
    year: int | None = None
    instrument: str | None = None
    person_ref: str | None = None
    unit: str | None = None
    payer: str | None = None

    def covers(self, division: str) -> bool:
        return self.division is None or covers(self.division, division)


def statement(
    division: Annotated[
        str | None, typer.Option("--division", help="GB/T 2260 code, six digits; with all below it", show_default=False)
    ] = None,
    year: Annotated[
        int | None, typer.Option("--year", min=YEAR_FIRST, max=YEAR_LAST, help="calendar year", show_default=False)
    ] = None,
    person: Annotated[str | None, typer.Option("--person", help="a person_ref, or <source>:<key>", show_default=False)] = None,
    unit: Annotated[str | None, typer.Option("--unit", help="as the posts name it", show_default=False)] = None,
    payer: Annotated[str | None, typer.Option("--payer", help="a payer of the policies", show_default=False)] = None,
    instrument: Annotated[
        str | None, typer.Option("--instrument", help=f"one of: {', '.join(INSTRUMENTS)}; else all", show_default=False)
    ] = None,
    lines: Annotated[bool, typer.Option("--lines", help="every worker, and what was paid")] = False,
    xlsx: Annotated[Path | None, typer.Option("--xlsx", help="write lines and sums to a new workbook")] = None,
    known: KnownOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """What is owed, by division and year; by worker, unit or payer also what of it was paid."""
    ctx = context(data, as_json, lang)
    moment = known_at(known)
    _check(ctx, division, instrument)
    if all(each is None for each in (division, person, unit, payer)):
        text = "say of whom: --division, --person, --unit or --payer"
        fail(WRONG, ctx.say("请指明查询对象：--division、--person、--unit 或 --payer", text))
    if person is None and unit is None and payer is None and instrument is None and not lines and xlsx is None:
        if division is None or year is None:
            text = "the totals of a division are those of a year: give --year, or ask for --lines"
            fail(WRONG, ctx.say("区划汇总按年度：请给 --year，或用 --lines 查明细", text))
        _totals(ctx, moment, division, year)
        return
    if xlsx is not None and xlsx.exists():
        fail(WRONG, ctx.say(f"{xlsx} 已经存在，请换一个文件名", f"{xlsx} is there already; choose another name"))
    ref = None if person is None else person_ref_of(ctx, person)
    asked = Asked(division, year, instrument, ref, unit, payer)
    with ctx.log("allowance") as log, snapshot(log.database) as connection, busy(ctx.say("正在读取…", "reading…")):
        head = log.head(connection)
        position = position_at(connection, head.position, moment)
        found = statement_lines(log, connection, asked, position, live=moment.until is None)
    at = moment.until or head.recorded_at
    answer: dict[str, Any] = {"asked": asdict(asked), "known_at": at, "position": position}
    answer |= {"lines": [asdict(line) for line in found], "sums": _sums(found)}
    if xlsx is not None:
        out_file(xlsx, written(answer, [asdict(line) for line in found]))
        answer |= {"file": str(xlsx)}
    if as_json:
        ctx.show(answer)
    else:
        _print_lines(ctx, answer, found)


def _check(ctx: Context, division: str | None, instrument: str | None) -> None:
    """Ends the command with 2 if there can be no such division or instrument."""
    if division is not None:
        check_division(ctx, division)
    if instrument is not None and instrument not in INSTRUMENTS:
        known = ", ".join(INSTRUMENTS)
        text = f"there is no instrument {instrument}; choose from: {known}"
        fail(WRONG, ctx.say(f"没有 {instrument} 这种待遇；可选：{known}", text))


# --- totals of a division -----------------------------------------------------------------------------------------------


def _totals(ctx: Context, moment: Known, division: str, year: int) -> None:
    with ctx.log("allowance") as log, snapshot(log.database) as connection:
        head = log.head(connection)
        if moment.until is None:
            answer = live_statement(connection, division, year)
            position, at = head.position, head.recorded_at
        else:
            position, at = position_at(connection, head.position, moment), moment.until
            with busy(ctx.say("正在读取日志…", "reading the log…")):
                answer = statement_at(log, connection, division, year, position)
    answer |= {"known_at": at, "position": position}
    if ctx.as_json:
        ctx.show(answer)
    else:
        _print_totals(ctx, answer)


@dataclass(frozen=True, slots=True)
class _Decided:
    """A decision as it stood, and how often its year was decided until then."""

    person_ref: str
    event_id: str
    decision: Decision
    times: int


def _folded(log: Log, connection: Connection, asked: Asked, position: int) -> dict[Key, _Decided]:
    """The last decisions up to a position, page by page from the first event."""
    last: dict[Key, _Decided] = {}
    after = 0
    while events := log.read(connection, after, PAGE_EVENTS, upto=position, types=ENTITLEMENTS):
        for recorded in events:
            event = recorded.event
            assert isinstance(event, EntitlementDecided | EntitlementAdjusted)
            decision = event.decision
            wanted = (asked.year in (None, decision.year), asked.instrument in (None, decision.instrument))
            if all(wanted) and asked.person_ref in (None, event.person_ref):
                key = (event.person_ref, decision.year, decision.instrument)
                if key not in last and not any(asked.covers(place) for place in _places(decision)):
                    continue
                times = last[key].times + 1 if key in last else 1
                last[key] = _Decided(event.person_ref, recorded.event_id, decision, times)
        after = events[-1].position
    return last


def _places(decision: Decision) -> Iterator[str]:
    """The divisions that a decision, and what purses owe by it, belong to."""
    yield decision.division
    for share in decision.payers:
        yield share.of(decision.division).place(decision.division)


def statement_at(log: Log, connection: Connection, division: str, year: int, position: int) -> dict[str, Any]:
    """The totals as they were at a position of the log."""
    every = _folded(log, connection, Asked(division, year, "allowance"), position).values()
    # Only now: somebody who has moved away is not counted where they were.
    found = [one for one in every if covers(division, one.decision.division)]
    by_purse: dict[Purse, int] = {}
    for one in found:
        for share in one.decision.payers:
            purse = share.of(one.decision.division)
            by_purse[purse] = by_purse.get(purse, 0) + share.amount_fen
    return {
        "division": division,
        "year": year,
        "granted": sum(one.decision.decision == "granted" for one in found),
        "denied": sum(one.decision.decision != "granted" for one in found),
        "total_fen": sum(one.decision.amount_fen for one in found),
        "adjusted": sum(one.times > 1 for one in found),
        **by_purses((purse.payer, purse.division, fen) for purse, fen in by_purse.items()),
    }


def _print_totals(ctx: Context, answer: Mapping[str, Any]) -> None:
    division, year = answer["division"], answer["year"]
    title = ctx.say(f"{division} {year} 年津贴汇总", f"Allowance of {division} for {year}")
    table = Table(show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_row(ctx.say("核定人数", "granted"), str(answer["granted"]))
    table.add_row(ctx.say("不予发放人数", "denied"), str(answer["denied"]))
    table.add_row(ctx.say("其中有过调整", "adjusted at least once"), str(answer["adjusted"]))
    for each in answer["by_purse"]:
        payer, purse = safe(each["payer"]), each["purse"]
        table.add_row(ctx.say(f"{purse} 的 {payer} 负担", f"to be paid by {payer} of {purse}"), yuan(each["total_fen"]))
    table.add_row(ctx.say("[bold]合计[/bold]", "[bold]total[/bold]"), f"[bold]{yuan(answer['total_fen'])}[/bold]")
    show_table(ctx.out, table, title)
    _print_known(ctx, answer)


def _print_known(ctx: Context, answer: Mapping[str, Any]) -> None:
    at, position = answer["known_at"], answer["position"]
    ctx.out.print(ctx.say(f"截至 {at}，日志位置 {position}", f"as known at {at}, position {position} of the log"))


# --- line by line -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    """One purse's share of one decision. granted_fen: of the decision; paid_fen, in_transit_fen, owed_fen, recovery_fen: as the
    ledger has it (below zero owed: overpaid). more_units: of other posts that the decision has looked at. payer, purse: whose
    money it is; empty if nobody has anything to do with it. division: of the decision; of a purse that
    does not pay there: its own.
    """

    person_ref: str
    unit: str
    more_units: str
    division: str
    year: int
    instrument: str
    payer: str
    purse: str
    decision: str
    granted_fen: int
    paid_fen: int
    in_transit_fen: int
    owed_fen: int
    recovery_fen: int
    document: str
    clause: str
    decided: int
    event_id: str


AMOUNTS = tuple(each.name for each in fields(Line) if each.name.endswith("_fen"))
Moved = dict[tuple[str, int, str, Purse], dict[str, int]]
"""(person_ref, year, instrument, purse) → account → debits less credits."""


def statement_lines(log: Log, connection: Connection, asked: Asked, position: int, *, live: bool) -> list[Line]:
    """The lines as of a position of the log, by division, unit and worker. live: that is its head, so the tables know it."""
    decided = _now(log, connection, asked) if live else _folded(log, connection, asked, position)
    moved = _moved(connection, asked, sorted({one.person_ref for one in decided.values()}), position)
    purses: dict[Key, set[Purse]] = {}
    for ref, year, instrument, purse in moved:
        purses.setdefault((ref, year, instrument), set()).add(purse)
    found = [line for key, one in decided.items() for line in _lines_of(one, moved, purses.get(key, set()), asked)]
    return sorted(found, key=lambda e: (e.division, e.unit, e.person_ref, e.year, e.instrument, e.payer, e.purse))


def _now(log: Log, connection: Connection, asked: Asked) -> dict[Key, _Decided]:
    """The decisions that stand, found by the read model and read from the log."""
    table = entitlement.c
    query = select(table.event_id, table.decisions)
    if asked.division is not None:
        within = below(asked.division)
        same = [payable.c[name] == table[name] for name in ("person_ref", "year", "instrument")]
        left = exists().where(*same, payable.c.division.startswith(within, autoescape=True))
        query = query.where(table.division.startswith(within, autoescape=True) | left)
    for name in ("year", "instrument", "person_ref"):
        if getattr(asked, name) is not None:
            query = query.where(table[name] == getattr(asked, name))
    times = {row.event_id: row.decisions for row in connection.execute(query)}
    names = list(times)
    found: dict[Key, _Decided] = {}
    for start in range(0, len(names), PAGE_EVENTS):
        event = schema.event
        columns = select(event.c.event_id, event.c.type, event.c.data)
        chosen = one_of(connection, event.c.event_id, names[start : start + PAGE_EVENTS])
        for event_id, kind, raw in connection.execute(columns.where(chosen)):
            said = log.codec.decode(kind, raw)
            assert isinstance(said, EntitlementDecided | EntitlementAdjusted)
            key = (said.person_ref, said.decision.year, said.decision.instrument)
            found[key] = _Decided(said.person_ref, event_id, said.decision, times[event_id])
    return found


def _moved(connection: Connection, asked: Asked, people: Sequence[str], position: int) -> Moved:
    """What every account has by worker, year, instrument and purse, up to a position."""
    found: Moved = {}
    c = transfer.c
    pages = [people[start : start + PAGE_PEOPLE] for start in range(0, len(people), PAGE_PEOPLE)]
    for page, (column, sign) in product(pages, ((c.debit, 1), (c.credit, -1))):
        keys = (c.person_ref, c.year, c.instrument, c.payer, c.purse, column)
        chosen = (c.position <= position, one_of(connection, c.person_ref, page))
        query = select(*keys, func.sum(c.amount_fen)).where(*chosen).group_by(*keys)
        for name in ("year", "instrument", "payer"):
            if getattr(asked, name) is not None:
                query = query.where(c[name] == getattr(asked, name))
        for ref, year, instrument, payer, purse, account, fen in connection.execute(query):
            sums = found.setdefault((ref, year, instrument, Purse(purse, payer)), {})
            sums[account] = sums.get(account, 0) + sign * int(fen)
    return found


def _lines_of(one: _Decided, moved: Moved, purses: set[Purse], asked: Asked) -> Iterator[Line]:
    """purses: those that the ledger has for it."""
    decision = one.decision
    units = _units(decision)
    if asked.unit is not None and asked.unit not in units[:1]:
        return
    granted = {share.of(decision.division): share.amount_fen for share in decision.payers}
    key = (one.person_ref, decision.year, decision.instrument)
    for purse in sorted({*granted, *purses}) or [Purse("", "")]:
        division = purse.place(decision.division) if purse.payer else decision.division
        if asked.payer not in (None, purse.payer) or not asked.covers(division):
            continue
        sums = moved.get((*key, purse), {})
        yield Line(
            person_ref=one.person_ref,
            unit=units[0] if units else "",
            more_units="、".join(units[1:]),
            division=division,
            year=decision.year,
            instrument=decision.instrument,
            payer=purse.payer,
            purse=purse.division,
            decision=decision.decision,
            granted_fen=granted.get(purse, 0),
            # What goes out is a credit of these two.
            paid_fen=-sums.get("paid", 0),
            in_transit_fen=-sums.get("in_transit", 0),
            owed_fen=-sums.get("payable", 0),
            recovery_fen=sums.get("recovery", 0),
            document=decision.policy.document,
            clause=decision.policy.clause,
            decided=one.times,
            event_id=one.event_id,
        )


def _units(decision: Decision) -> list[str]:
    """The units of the posts that the decision has looked at, the last one first; posts that began after the year are none."""
    posts = [
        (each.effective_on, each.particulars.unit)
        for each in decision.facts
        if isinstance(each.particulars, EngagementStart) and each.effective_on.year <= decision.year
    ]
    return list(dict.fromkeys(unit for _, unit in sorted(posts, reverse=True)))


def _sums(found: Sequence[Line]) -> list[dict[str, Any]]:
    """By division, year, instrument and purse: how many workers, how many of them granted, and every amount."""
    sums: dict[tuple[str, int, str, str, str], dict[str, Any]] = {}
    for line in found:
        key = (line.division, line.year, line.instrument, line.payer, line.purse)
        row = sums.setdefault(key, {"workers": 0, "granted": 0, **dict.fromkeys(AMOUNTS, 0)})
        row["workers"] += 1
        row["granted"] += line.granted_fen > 0
        for name in AMOUNTS:
            row[name] += getattr(line, name)
    names = ("division", "year", "instrument", "payer", "purse")
    return [{**dict(zip(names, key, strict=True)), **sums[key]} for key in sorted(sums)]


# --- showing ------------------------------------------------------------------------------------------------------------

_LINE_ZH = "区划,单位,人员,年度,待遇,支付方,支付方区划,决定,应享,已付,在途,应付余额,待追缴"
_LINE_EN = "division,unit,person,year,instrument,payer,budget of,decision,granted,paid,in transit,owed,to be given back"
_SUM_ZH = "区划,年度,待遇,支付方,支付方区划,人数,其中发放,应享,已付,在途,应付余额,待追缴"
_SUM_EN = "division,year,instrument,payer,budget of,workers,granted to,granted,paid,in transit,owed,to be given back"


def _print_lines(ctx: Context, answer: Mapping[str, Any], found: Sequence[Line]) -> None:
    words = Words(ctx.lang)
    table = table_of(ctx, _LINE_ZH, _LINE_EN, range(8, 13))
    for line in found[:SHOWN_MAX]:
        decision = words.word("decision", line.decision)
        table.add_row(
            line.division, safe(line.unit), line.person_ref, str(line.year), words.instrument(line.instrument),
            safe(line.payer), line.purse, decision, *(yuan(getattr(line, name)) for name in AMOUNTS),
        )  # fmt: skip
    show_table(ctx.out, table)
    if len(found) > SHOWN_MAX:
        more = len(found) - SHOWN_MAX
        ctx.out.print(ctx.say(f"……另有 {more} 行，见 --json 或 --xlsx", f"… and {more} more; see --json or --xlsx"))
    table = table_of(ctx, _SUM_ZH, _SUM_EN, range(5, 12))
    for row in answer["sums"]:
        table.add_row(
            row["division"], str(row["year"]), words.instrument(row["instrument"]), safe(row["payer"]), row["purse"],
            str(row["workers"]),
            str(row["granted"]), *(yuan(row[name]) for name in AMOUNTS),
        )  # fmt: skip
    show_table(ctx.out, table, ctx.say("合计", "sums"))
    _print_known(ctx, answer)
