"""``hongling finance``: recoveries, a worker's account, the trial balance, and the closing of months.

All of it is read from the ledger, which is made of events alone. ``--at`` asks for what stood in it at any earlier moment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection

from console.context import DIFFERENCE, WRONG, Context, DataOption, JsonOption, LangOption, context, fail
from console.finance_acts import (
    PayerOption,
    accepted,
    busy,
    can_read,
    check_division,
    digest_id,
    fen_option,
    snapshot,
    table_of,
    tell,
    today,
)
from console.finance_words import ACCOUNTS
from console.people import known_at, person_ref_of, position_at
from console.publishing import show_receipt
from console.words import Words, day_of, safe, show_table, yuan
from contracts import intake
from contracts.payment import Month
from contracts.roles import CASHIER, REVIEWER
from eventlog.log import Log
from services.allowance.ledger_views import Balance, StatementLine, Which, account_statement, trial_balance
from services.allowance.ledger_views import periods as closed_months
from services.allowance.payment_views import breaks, recoveries
from services.allowance.periods import verify_periods

__all__ = ["register"]

BREAKS_LISTED_MAX = 50
LINES_MAX = 10_000
"""Lines of one account that are shown."""
_MONTH: TypeAdapter[str] = TypeAdapter(Month)

PersonArgument = Annotated[str, typer.Argument(help="a person_ref, or <source>:<key> such as hr:K001", show_default=False)]
AtOption = Annotated[
    str | None, typer.Option("--at", help="as it stood then: YYYY-MM-DD, or a time; else now", show_default=False)
]


def register(group: typer.Typer) -> None:
    group.command()(recover)
    group.command()(recovered)
    group.command("recoveries")(recoveries_of)
    group.command()(account)
    group.command("trial-balance")(trial_balance_of)
    group.command()(close)
    group.command()(periods)


# --- recoveries ---------------------------------------------------------------------------------------------------------


def recover(
    person: PersonArgument,
    payer: PayerOption,
    reason: Annotated[str, typer.Option("--reason", help="why; recorded for ever", show_default=False)],
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """追缴: ask back what a payer has overpaid, instead of netting it from a payment that may never come."""
    ctx = context(data, as_json, lang)
    ref = person_ref_of(ctx, person)
    values = {"person": {"person_ref": ref}, "payer": payer, "reason": reason.strip()}
    receipt = tell(ctx, ctx.who(CASHIER), "recovery-demanded", intake.RecoveryDemanded, values)
    accepted(ctx, receipt)
    found = _recoveries(ctx, person_ref=ref)
    show_receipt(ctx, receipt, {"recoveries": found}, "\n".join(_recovery_text(ctx, each) for each in found))


def recovered(
    person: PersonArgument,
    recovery: Annotated[str, typer.Argument(help="as `finance recoveries` names it, such as county-1", show_default=False)],
    amount: Annotated[str, typer.Option("--amount", help="yuan, such as 1234.05", show_default=False)],
    receipt_number: Annotated[
        str | None,
        typer.Option("--receipt", help="your own number of the payment; needed for a second equal one of the same day"),
    ] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """The worker gave so much back. Given twice on one day it counts once, unless the receipt's number is another."""
    ctx = context(data, as_json, lang)
    fen = fen_option(ctx, "--amount", amount)
    ref = person_ref_of(ctx, person)
    values = {"person": {"person_ref": ref}, "recovery": recovery, "amount_fen": fen}
    name = digest_id("recovery-paid", ref, recovery, fen, receipt_number or today().isoformat())
    receipt = tell(ctx, ctx.who(CASHIER), "recovery-paid", intake.RecoveryPaid, values, message_id=name)
    accepted(ctx, receipt)
    found = _recoveries(ctx, person_ref=ref)
    show_receipt(ctx, receipt, {"recoveries": found}, "\n".join(_recovery_text(ctx, each) for each in found))


def recoveries_of(
    division: Annotated[str | None, typer.Option("--division", help="it and all below it", show_default=False)] = None,
    all_: Annotated[bool, typer.Option("--all", help="also what was given back in full")] = False,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """What workers have to give back, and how much is still open."""
    ctx = context(data, as_json, lang)
    if division is not None:
        check_division(ctx, division)
    found = _recoveries(ctx, division=division, open_only=not all_)
    ctx.show(found, lambda: "\n".join(_recovery_text(ctx, each) for each in found) or ctx.say("没有", "none"))


def _recoveries(ctx: Context, **chosen: Any) -> list[dict[str, Any]]:
    with ctx.log("allowance") as log, log.database.read.connect() as connection:
        return recoveries(connection, **chosen)


def _recovery_text(ctx: Context, each: Mapping[str, Any]) -> str:
    asked, offset, paid, owing = (yuan(each[f"{name}_fen"]) for name in ("amount", "offset", "paid", "owing"))
    return ctx.say(
        f"{each['person_ref']} {safe(each['recovery'])}：应追缴 {asked}，冲回 {offset}，已缴回 {paid}，尚欠 {owing}",
        f"{each['person_ref']} {safe(each['recovery'])}: asked {asked}, owed again {offset}, given back {paid}, open {owing}",
    )


# --- accounts -----------------------------------------------------------------------------------------------------------


def _which(log: Log, connection: Connection, at: str | None) -> tuple[Which, str, int]:
    """What is asked for, when that was, and the position of the log then."""
    moment = known_at(at)
    head = log.head(connection)
    if moment.until is None:
        return Which(upto=head.position), head.recorded_at, head.position
    position = position_at(connection, head.position, moment)
    return Which(upto=position), moment.until, position


def account(
    person: PersonArgument,
    at: AtOption = None,
    of: Annotated[str, typer.Option("--account", help=f"one of: {', '.join(ACCOUNTS)}")] = "payable",
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """A worker's account statement: every transfer with the balance after it, what corrects what, and recoveries."""
    ctx = context(data, as_json, lang)
    if of not in ACCOUNTS:
        fail(
            WRONG,
            ctx.say(
                f"没有账户 {of}；可选：{', '.join(ACCOUNTS)}", f"there is no account {of}; choose from: {', '.join(ACCOUNTS)}"
            ),
        )
    ref = person_ref_of(ctx, person)
    with ctx.log("allowance") as log, snapshot(log.database) as connection:
        which, known, position = _which(log, connection, at)
        which = replace(which, person_ref=ref)
        lines = account_statement(connection, of, which, limit=LINES_MAX)
        balances = trial_balance(connection, which)
        owing = recoveries(connection, person_ref=ref) if at is None else []
    answer: dict[str, Any] = {"person_ref": ref, "account": of, "known_at": known, "position": position}
    answer |= {"lines": [asdict(line) for line in lines], "balances": [_balance(each) for each in balances]}
    answer |= {"recoveries": owing}
    if as_json:
        ctx.show(answer)
        return
    _print_lines(ctx, answer, lines)
    for each in owing:
        ctx.out.print(_recovery_text(ctx, each))
    _print_balances(ctx, balances, ctx.say("各账户余额", "balances"))
    ctx.out.print(ctx.say(f"截至 {known}，日志位置 {position}", f"as known at {known}, position {position} of the log"))


def _balance(each: Balance) -> dict[str, Any]:
    return {**asdict(each), "balance_fen": each.balance_fen}


def _print_lines(ctx: Context, answer: Mapping[str, Any], lines: Sequence[StatementLine]) -> None:
    table = table_of(
        ctx, "记账日,会计月,年度,待遇,对方账户,支付方,支付方区划,借方,贷方,余额,更正",
        "recorded,month,year,instrument,against,payer,budget of,debit,credit,balance,corrects", (7, 8, 9),
    )  # fmt: skip
    words = Words(ctx.lang)
    for line in lines:
        month = line.month if line.month == line.own_month else f"{line.month} ({line.own_month})"
        corrects = "" if line.corrects is None else f"{line.corrects_month or ''} {line.corrects[:8]}"
        table.add_row(
            day_of(line.recorded_at), month, str(line.year), words.instrument(line.instrument),
            ctx.say(*ACCOUNTS[line.against]), safe(line.payer), line.purse, yuan(line.debit_fen) if line.debit_fen else "",
            yuan(line.credit_fen) if line.credit_fen else "", yuan(line.balance_fen), corrects,
        )  # fmt: skip
    name = ctx.say(*ACCOUNTS[answer["account"]])
    show_table(ctx.out, table, ctx.say(f"{answer['person_ref']} 的{name}", f"{name} of {answer['person_ref']}"))


# --- trial balance ------------------------------------------------------------------------------------------------------


def trial_balance_of(
    at: AtOption = None,
    month: Annotated[str | None, typer.Option("--month", help="of this accounting month only, YYYY-MM")] = None,
    division: Annotated[str | None, typer.Option("--division", help="it and all below it", show_default=False)] = None,
    payer: Annotated[str | None, typer.Option("--payer", show_default=False)] = None,
    year: Annotated[int | None, typer.Option("--year", help="that the transfers are about", show_default=False)] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """试算平衡: every account of every purse. Debits equal credits, or it ends with 1."""
    ctx = context(data, as_json, lang)
    if month is not None:
        _check_month(ctx, "--month", month)
    if division is not None:
        check_division(ctx, division)
    with ctx.log("allowance") as log, snapshot(log.database) as connection:
        which, known, position = _which(log, connection, at)
        which = replace(which, month=month, division=division, payer=payer, year=year)
        found = trial_balance(connection, which)
    debits, credits = sum(each.debit_fen for each in found), sum(each.credit_fen for each in found)
    answer = {
        "known_at": known, "position": position, "month": month, "division": division, "accounts": [_balance(e) for e in found],
        "debit_fen": debits, "credit_fen": credits, "balanced": debits == credits,
    }  # fmt: skip
    if as_json:
        ctx.show(answer)
    else:
        _print_balances(ctx, found, ctx.say("试算平衡表", "trial balance"))
        text = (f"借方合计 {yuan(debits)}，贷方合计 {yuan(credits)}", f"debits {yuan(debits)}, credits {yuan(credits)}")
        ctx.out.print(ctx.say(*text))
        ctx.out.print(ctx.say(f"截至 {known}，日志位置 {position}", f"as known at {known}, position {position} of the log"))
    if debits != credits:
        raise typer.Exit(DIFFERENCE)


def _print_balances(ctx: Context, found: Sequence[Balance], title: str) -> None:
    table = table_of(ctx, "账户,支付方,支付方区划,借方,贷方,余额", "account,payer,budget of,debit,credit,balance", (3, 4, 5))
    for each in found:
        sums = (each.debit_fen, each.credit_fen, each.balance_fen)
        table.add_row(ctx.say(*ACCOUNTS[each.account]), safe(each.payer), each.purse, *map(yuan, sums))
    show_table(ctx.out, table, title)


def _check_month(ctx: Context, option: str, month: str) -> None:
    try:
        _MONTH.validate_python(month)
    except ValidationError:
        fail(WRONG, ctx.say(f"{option} {month} 不是月份；请写如 2026-03", f"{option} {month} is no month; write it as 2026-03"))


# --- months -------------------------------------------------------------------------------------------------------------


def close(
    month: Annotated[str, typer.Argument(help="YYYY-MM; the months before it first", show_default=False)],
    despite_open: Annotated[bool, typer.Option("--despite-open", help="although something is open, which is shown")] = False,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """结账: nothing is booked in this month any more; its totals and the log's root are fixed. Later bookings fall after it.

    What stands against it (money in transit, differences with the bank) is listed, and ends it with 1 unless --despite-open.
    """
    ctx = context(data, as_json, lang)
    _check_month(ctx, "MONTH", month)
    if can_read(ctx) and not despite_open:
        _end_for_open(ctx)
    receipt = tell(ctx, ctx.who(REVIEWER), "period-closed", intake.PeriodClosed, {"month": month})
    accepted(ctx, receipt)
    found = [each for each in _periods(ctx) if each["month"] == month]
    show_receipt(ctx, receipt, {"periods": found}, "\n".join(_period_text(ctx, each) for each in found))


def _end_for_open(ctx: Context) -> None:
    with ctx.log("allowance") as log, snapshot(log.database) as connection:
        way = [each for each in trial_balance(connection) if each.account == "in_transit" and each.balance_fen]
        left = breaks(connection, states=("open", "assigned"))
    if not way and not left:
        return
    lines = []
    for each in way:
        payer, fen = safe(each.payer), yuan(-each.balance_fen)
        lines.append(ctx.say(f"{payer}（{each.purse}）在途 {fen}", f"{payer} of {each.purse}: {fen} in transit"))
    for one in left[:BREAKS_LISTED_MAX]:
        key = f"{safe(one['run'])} {safe(one['key'])}"
        lines.append(ctx.say(f"差异 {key}", f"difference {key}"))
    en = f"not closed: {len(left)} differences; settle these and try again, or say --despite-open"
    lines.append(ctx.say(f"未结账：差异 {len(left)} 项。处理后重试，或加 --despite-open", en))
    answer = {
        "closed": False, "breaks": [{"run": each["run"], "key": each["key"]} for each in left],
        "in_transit": [{"payer": each.payer, "purse": each.purse, "fen": -each.balance_fen} for each in way],
    }  # fmt: skip
    ctx.show(answer, lambda: "\n".join(lines))
    raise typer.Exit(DIFFERENCE)


def _periods(ctx: Context) -> list[dict[str, Any]]:
    with ctx.log("allowance") as log, log.database.read.connect() as connection:
        return closed_months(connection)


def _period_text(ctx: Context, each: Mapping[str, Any]) -> str:
    return ctx.say(
        f"{each['month']} 已结账：{each['transfers']} 笔分录，{safe(each['closed_by'])}，"
        f"日志位置 {each['position']}，根 {each['root']}",
        f"{each['month']} closed: {each['transfers']} transfers, by {safe(each['closed_by'])}, position {each['position']} of "
        f"the log, root {each['root']}",
    )


def periods(
    verify: Annotated[bool, typer.Option("--verify", help="work every closed month out again from the events")] = False,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """The closed months. --verify replays the ledger and names the first thing that differs (1)."""
    ctx = context(data, as_json, lang)
    found = _periods(ctx)
    if not verify:
        ctx.show(found, lambda: "\n".join(_period_text(ctx, each) for each in found) or ctx.say("没有", "none"))
        return
    with ctx.log("allowance") as log, busy(ctx.say("正在重算…", "working it out again…")):
        checked = verify_periods(log)
    first = None if checked.difference is None else str(checked.difference)
    answer = {"periods": found, "events": checked.events, "transfers": checked.transfers, "difference": first}
    good = ctx.say(
        f"[green]{checked.events} 个事件、{checked.transfers} 笔分录重算一致[/green]",
        f"[green]{checked.events} events and {checked.transfers} transfers come out as recorded[/green]",
    )
    ctx.show(answer, lambda: good if first is None else f"[red]{safe(first)}[/red]")
    if first is not None:
        raise typer.Exit(DIFFERENCE)
