"""``hongling finance``: payment runs, from the preview to the seal, and what stands in them.

Preparing, sealing and cancelling are the cashier's, checking is the reviewer's. The second look at a run, with every payout
that has changed since it was prepared, is shown to who checks it, before (``run``) and with the decision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated, Any, get_args

import typer
from sqlalchemy import Connection, select

from console.context import DIFFERENCE, WRONG, Context, DataOption, JsonOption, LangOption, context, fail
from console.explain import YearOption
from console.finance_acts import (
    STEPS,
    PayerOption,
    RunArgument,
    accepted,
    busy,
    can_read,
    check_division,
    named_run,
    run_answer,
    run_of,
    run_text,
    show_run,
    snapshot,
    table_of,
    tell,
    wait_for,
)
from console.finance_payees import end_for_missing, look_up, moved, unpayable
from console.finance_words import BREAK_STATES, BREAKS, LEFT_OUT, PAYOUT_STAGES, STAGES, WHYS
from console.people import person_ref_of
from console.publishing import show_receipt
from console.words import day_of, safe, show_table, yuan
from contracts import intake
from contracts.payment import PayoutPrepared, RunChange, RunChecked, RunPrepared, WhyLeftOut
from contracts.receipts import Receipt
from contracts.roles import CASHIER, REVIEWER
from eventlog import schema
from eventlog.bulk import one_of
from eventlog.log import Log
from services.allowance.handlers import recalculating
from services.allowance.payment_views import PayoutLine, breaks, payouts, sealed_list, standing_list
from services.allowance.payment_views import runs as run_rows
from services.allowance.payment_work import preview as preview_run
from services.allowance.payments import Payments
from services.allowance.runs import stream_of_run
from services.allowance.suspense import suspended

__all__ = ["register"]

WHY_LEFT_OUT = get_args(WhyLeftOut)
SHANGHAI = timezone(timedelta(hours=8))
SHOWN_MAX = 50
"""Rows of a list that people are shown; --json gives all."""
PAGE_MAX = 100_000

DivisionOption = Annotated[
    str, typer.Option("--division", help="GB/T 2260 code, six digits; with all below it", show_default=False)
]
ReasonOption = Annotated[str, typer.Option("--reason", help="why; recorded for ever", show_default=False)]


def register(group: typer.Typer) -> None:
    for command in (preview, prepare, suspense, check, reject, seal, cancel, runs, payouts_of):
        group.command("payouts" if command is payouts_of else command.__name__)(command)
    group.command("approve")(check)
    group.command("run")(run)


# --- before a run -------------------------------------------------------------------------------------------------------


def preview(
    division: DivisionOption,
    payer: PayerOption,
    year: YearOption,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """What a run would pay if it were prepared now. Nothing is recorded."""
    ctx = context(data, as_json, lang)
    check_division(ctx, division)
    with ctx.log("allowance") as log, snapshot(log.database) as connection, busy(ctx.say("正在计算…", "working it out…")):
        found = list(preview_run(log, Payments(log), connection, division, payer, year))
        waits = recalculating(connection)
    total = sum(event.amount_fen for event in found)
    answer: dict[str, Any] = {"division": division, "payer": payer, "year": year, "count": len(found), "total_fen": total}
    answer |= {"recalculating": waits, "payouts": [_previewed(event) for event in found]}
    if as_json:
        ctx.show(answer)
        return
    table = table_of(
        ctx, "序号,人员,区划,金额,其中应税,税务未定", "number,person,division,amount,taxable,tax unknown", (3, 4, 5)
    )
    for number, event in enumerate(found[:SHOWN_MAX], start=1):
        table.add_row(
            str(number), event.person_ref, event.division, yuan(event.amount_fen), yuan(event.taxable_fen),
            yuan(event.tax_unknown_fen),
        )  # fmt: skip
    show_table(ctx.out, table, ctx.say(f"{payer} 应为 {division} 支付 {year} 年", f"{payer} for {division}, {year}"))
    _print_more(ctx, len(found))
    ctx.out.print(ctx.say(f"共 {len(found)} 笔，{yuan(total)}", f"{len(found)} payouts, {yuan(total)}"))
    if waits:
        ctx.out.print(ctx.say("新政策正在重新计算，金额还会变", "a new policy is being applied: the amounts may still change"))


def _previewed(event: PayoutPrepared) -> dict[str, Any]:
    names = ("person_ref", "division", "amount_fen", "taxable_fen", "tax_unknown_fen")
    return {**{name: getattr(event, name) for name in names}, "parts": [part.payload() for part in event.parts]}


def _print_more(ctx: Context, count: int) -> None:
    if count > SHOWN_MAX:
        ctx.out.print(ctx.say(f"……另有 {count - SHOWN_MAX} 行，见 --json", f"… and {count - SHOWN_MAX} more; see --json"))


# --- acts ---------------------------------------------------------------------------------------------------------------


def prepare(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="your own key for it: up to 20 letters, digits and -", show_default=False)
    ],
    division: DivisionOption,
    payer: PayerOption,
    year: YearOption,
    without: Annotated[
        list[str] | None,
        typer.Option("--without", help=f"PERSON=REASON, left out of it; again for each; REASON: {', '.join(WHY_LEFT_OUT)}"),
    ] = None,
    leave_out_missing: Annotated[
        bool, typer.Option("--leave-out-missing", help="leave out whoever has no name or account on file, or was erased")
    ] = False,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """经办: prepare a run of what a payer owes for a year in a division and below. Waits until every payout is listed."""
    ctx = context(data, as_json, lang)
    check_division(ctx, division)
    maker = ctx.who(CASHIER)
    source, slash, key = run.rpartition("/")
    if slash and source != maker:
        fail(
            WRONG,
            ctx.say(
                f"在此编制的批次属于 {maker}：只写批次号，如 {key}",
                f"a run that is prepared here is {maker}'s: give its own key only, such as {key}",
            ),
        )
    left_out = _left_out(ctx, without or [])
    if leave_out_missing:
        with ctx.log("allowance") as log, snapshot(log.database) as connection:
            people = [event.person_ref for event in preview_run(log, Payments(log), connection, division, payer, year)]
        left_out = {**unpayable(ctx, people), **left_out}
    if len(left_out) > intake.LEFT_OUT_MAX:
        many, most = len(left_out), intake.LEFT_OUT_MAX
        en = f"{many} people are left out, at most {most} may be; have their accounts registered first"
        fail(WRONG, ctx.say(f"剔除 {many} 人，最多 {most} 人；请先补登记账号", en))
    said = [{"person_ref": ref, "reason": why} for ref, why in sorted(left_out.items())]
    values = {"run": key, "division": division, "payer": payer, "year": year, "without": said}
    receipt = tell(ctx, maker, "payment-run-prepared", intake.PaymentRunPrepared, values)
    accepted(ctx, receipt)
    show_run(ctx, receipt, wait_for(ctx, f"{maker}/{key}", ("prepared",)))


def _left_out(ctx: Context, said: Sequence[str]) -> dict[str, str]:
    """person_ref → reason, of ``PERSON=REASON``. Exits with 2 if one is neither."""
    found: dict[str, str] = {}
    for each in said:
        person, _, why = each.rpartition("=")
        if why not in WHY_LEFT_OUT:
            choices = ", ".join(WHY_LEFT_OUT)
            en = f"--without {each}: write PERSON=REASON, the reason one of {choices}"
            fail(WRONG, ctx.say(f"--without {each}：须为 人员=原因，原因为 {choices}", en))
        found[person_ref_of(ctx, person)] = why
    return found


def suspense(
    division: DivisionOption,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """暂存: what is due to people whom a run left out, why, and for how many days. 1 if there is anybody."""
    ctx = context(data, as_json, lang)
    check_division(ctx, division)
    with ctx.log("allowance") as log, snapshot(log.database) as connection:
        found = suspended(log, connection, division)
    now = datetime.now(UTC)
    rows = [asdict(each) | {"days": max(0, (now - datetime.fromisoformat(each.since)).days)} for each in found]
    if as_json:
        ctx.show(rows)
    else:
        table = table_of(ctx, "人员,支付方,区划,金额,原因,天数,批次", "person,payer,division,amount,reason,days,run", (3, 5))
        for row in rows[:SHOWN_MAX]:
            amount, why = yuan(row["fen"]), ctx.say(*LEFT_OUT[row["reason"]])
            table.add_row(row["person_ref"], row["payer"], row["division"], amount, why, str(row["days"]), safe(row["run"]))
        show_table(ctx.out, table)
        _print_more(ctx, len(rows))
        total = yuan(sum(each.fen for each in found))
        ctx.out.print(ctx.say(f"暂存 {len(found)} 笔，{total}", f"{len(found)} in suspense, {total}"))
    if found:
        raise typer.Exit(DIFFERENCE)


def check(
    run: RunArgument,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """复核: approve a run. What has changed since it was prepared is shown, and taken out of it."""
    _check(context(data, as_json, lang), run, "approved", None)


def reject(
    run: RunArgument,
    reason: ReasonOption,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """复核: reject a run. Nothing of it is paid; what has changed since it was prepared is shown."""
    _check(context(data, as_json, lang), run, "rejected", reason)


def _check(ctx: Context, run: str, outcome: str, reason: str | None) -> None:
    checker = ctx.who(REVIEWER)
    source, key = named_run(ctx, run, CASHIER)
    run = f"{source}/{key}"
    looked = _second_look(ctx, run)
    values = {"run": key, "run_source": source, "outcome": outcome, "reason": reason}
    receipt = tell(ctx, checker, "payment-run-checked", intake.PaymentRunChecked, values)
    accepted(ctx, receipt)
    found = wait_for(ctx, run, ("listed", "checked"))
    changes, changed = _decided_on(ctx, receipt)
    if outcome == "rejected":
        changes, changed = looked, len(looked)
    answer: dict[str, Any] = {} if found is None else {"run": run_answer(ctx, found, {})}
    answer |= {"changed": changed, "changes": [each.payload() for each in changes]}
    _show_checked(ctx, receipt, found, answer, changes)


def _second_look(ctx: Context, run: str) -> list[RunChange]:
    """What an approval would find changed now; nothing, if the run is not waiting for its check."""
    if not can_read(ctx):
        return []
    with ctx.log("allowance") as log, snapshot(log.database) as connection:
        found = run_of(ctx, connection, run)
        if found["stage"] != "listed":
            return []
        return list(Payments(log).changes_now(connection, found["run"]))


def _decided_on(ctx: Context, receipt: Receipt) -> tuple[Sequence[RunChange], int]:
    """The differences that the approval itself found, and how many there were."""
    if not can_read(ctx) or not receipt.events:
        return (), 0
    with ctx.log("allowance") as log, log.database.read.connect() as connection:
        recorded = log.find(connection, receipt.events[0])
    event = None if recorded is None else recorded.event
    return (event.changes, event.changed) if isinstance(event, RunChecked) else ((), 0)


def _show_checked(
    ctx: Context, receipt: Receipt, found: Mapping[str, Any] | None, answer: Mapping[str, Any], changes: Sequence[RunChange]
) -> None:
    show_receipt(ctx, receipt, answer, "" if found is None else run_text(ctx, found))
    if ctx.as_json or not changes:
        return
    show_table(ctx.out, _changes_table(ctx, changes), ctx.say("编制以来的变动", "what has changed since it was prepared"))
    shown = min(len(changes), SHOWN_MAX)
    if answer["changed"] > shown:
        ctx.out.print(ctx.say(f"共 {answer['changed']} 笔变动", f"{answer['changed']} changes in all"))


def _changes_table(ctx: Context, changes: Sequence[RunChange]) -> Any:
    table = table_of(ctx, "付款,人员,编制金额,现应付,原因", "payout,person,prepared,due now,why", (2, 3))
    for each in changes[:SHOWN_MAX]:
        why = ctx.say(*WHYS[each.why])
        table.add_row(safe(each.payout), each.person_ref, yuan(each.prepared_fen), yuan(each.due_fen), why)
    return table


def seal(run: RunArgument, data: DataOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """封存: fix count, total, list, names and accounts of an approved run, with the root of the log. Nothing is decrypted."""
    ctx = context(data, as_json, lang)
    with ctx.log("allowance") as log, snapshot(log.database) as connection:
        found = run_of(ctx, connection, run)
        lines = standing_list(connection, found["run"])
    payees = look_up(ctx, lines)
    end_for_missing(ctx, found["run"], len(lines), payees.missing)
    values = {"payees_sha256": payees.sha256, "registry_position": payees.position}
    _of_run(ctx, run, "payment-run-sealed", intake.PaymentRunSealed, values)


def cancel(
    run: RunArgument,
    reason: ReasonOption,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Cancel a run before the bank has it: nothing of it is paid."""
    ctx = context(data, as_json, lang)
    _of_run(ctx, run, "payment-run-cancelled", intake.PaymentRunCancelled, {"reason": reason.strip()})


def _of_run(ctx: Context, run: str, fact: str, model: type[Any], values: Mapping[str, Any]) -> None:
    maker = ctx.who(CASHIER)
    source, key = named_run(ctx, run)
    receipt = tell(ctx, maker, fact, model, {"run": key, "run_source": source, **values})
    accepted(ctx, receipt)
    show_run(ctx, receipt, wait_for(ctx, f"{source}/{key}", ()))


# --- looking ------------------------------------------------------------------------------------------------------------


def runs(
    division: Annotated[str | None, typer.Option("--division", help="it and all below it", show_default=False)] = None,
    year: Annotated[int | None, typer.Option("--year", show_default=False)] = None,
    stage: Annotated[str | None, typer.Option("--stage", help=f"one of: {', '.join(STAGES)}", show_default=False)] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Payment runs, in the order in which they were prepared."""
    ctx = context(data, as_json, lang)
    if division is not None:
        check_division(ctx, division)
    if stage is not None and stage not in STAGES:
        fail(
            WRONG,
            ctx.say(
                f"没有 {stage} 这个阶段；可选：{', '.join(STAGES)}",
                f"there is no stage {stage}; choose from: {', '.join(STAGES)}",
            ),
        )
    with ctx.log("allowance") as log, snapshot(log.database) as connection:
        found = [each for each in run_rows(connection, division=division, year=year) if stage in (None, each["stage"])]
        times = _times(connection, found)
    if as_json:
        ctx.show([run_answer(ctx, each, times) for each in found])
        return
    table = table_of(
        ctx, "批次,区划,支付方,年度,阶段,笔数,金额,经办,复核,编制日",
        "run,division,payer,year,stage,count,total,prepared by,checked by,prepared", (5, 6),
    )  # fmt: skip
    for each in found:
        table.add_row(
            safe(each["run"]), each["division"], safe(each["payer"]), str(each["year"]), ctx.say(*STAGES[each["stage"]]),
            str(each["count"] or 0), yuan(each["total_fen"] or 0), safe(each["prepared_by"]), safe(each["checked_by"] or ""),
            day_of(times[each["prepared"]]),
        )  # fmt: skip
    show_table(ctx.out, table)


def _times(connection: Connection, found: Sequence[Mapping[str, Any]]) -> dict[int, str]:
    """position → when it was recorded, of every stage of these runs."""
    positions = [each[step] for each in found for step in STEPS if each[step] is not None]
    event = schema.event.c
    query = select(event.position, event.recorded_at).where(one_of(connection, event.position, positions))
    return {row.position: row.recorded_at for row in connection.execute(query)}


def run(run: RunArgument, data: DataOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """One run: its stages, by whom and when, what its payouts come to, and what is not settled with the bank."""
    ctx = context(data, as_json, lang)
    with ctx.log("allowance") as log, snapshot(log.database) as connection:
        found = run_of(ctx, connection, run)
        times = _times(connection, [found])
        left = breaks(connection, found["run"], states=("open", "assigned"))
        people = _acted(log, connection, found)
        without = _without(log, connection, found["run"])
        looked = (
            Payments(log).changes_now(connection, found["run"]) if found["stage"] in ("listed", "cleared", "sealed") else ()
        )
    answer = run_answer(ctx, found, times)
    for step in answer["stages"]:
        step["by"] = people.get(step["position"])
    answer |= {
        "without": without,
        "breaks": left,
        "changes": [each.payload() for each in looked],
        "changed_payees": _moved(ctx, found),
    }
    if as_json:
        ctx.show(answer)
        return
    _print_run(ctx, found, answer)
    if without:
        table = table_of(ctx, "剔除的人,原因", "left out,reason", ())
        for each in without[:SHOWN_MAX]:
            table.add_row(each["person_ref"], ctx.say(*LEFT_OUT[each["reason"]]))
        show_table(ctx.out, table)
        _print_more(ctx, len(without))
    if looked:
        show_table(ctx.out, _changes_table(ctx, looked), ctx.say("编制以来的变动", "what has changed since it was prepared"))
        _print_more(ctx, len(looked))


def _without(log: Log, connection: Connection, name: str) -> list[dict[str, str]]:
    """Who was left out of a run, and why: what its first event says."""
    stream = stream_of_run(name)
    prepared = [recorded.event for recorded in log.load(connection, [stream])[stream][:1]]
    return [each.payload() for event in prepared if isinstance(event, RunPrepared) for each in event.without]


def _moved(ctx: Context, found: Mapping[str, Any]) -> list[str] | None:
    """The people of a sealed run with another identity on file than was sealed; None: not sealed, or nobody can be asked."""
    if found["stage"] != "sealed" or found["payees_sha256"] is None or not can_read(ctx, "registry"):
        return None
    with ctx.log("allowance") as log, snapshot(log.database) as connection:
        sealed = sealed_list(connection, found["run"])
    try:
        return sorted(moved(ctx, sealed, look_up(ctx, sealed.lines)))
    except ValueError as error:
        fail(
            DIFFERENCE,
            ctx.say("登记处日志与封存的收款人不符；见 hongling verify registry", f"{error}; see `hongling verify registry`"),
        )


def _acted(log: Log, connection: Connection, found: Mapping[str, Any]) -> dict[int, str]:
    """position → who did it, of the run's own events."""
    history = log.load(connection, [f"run-{found['run']}"])[f"run-{found['run']}"]
    return {each.position: by for each in history if (by := getattr(each.event, "by", None)) is not None}


_STEPS: Mapping[str, tuple[str, str]] = {
    "prepared": ("编制", "prepared"),
    "listed": ("列出付款", "payouts listed"),
    "checked": ("复核", "checked"),
    "cleared": ("剔除变动", "changes taken out"),
    "sealed": ("封存", "sealed"),
    "exported": ("导出", "exported"),
    "instructed": ("发送银行", "instructed"),
    "closed": ("办结", "closed"),
    "ended": ("终止", "ended"),
}


_DIGESTS: Mapping[str, tuple[str, str]] = {
    "list_sha256": ("封存名单 SHA-256", "sealed list, SHA-256"),
    "payees_sha256": ("封存收款人 SHA-256", "sealed names and accounts, SHA-256"),
    "exported_sha256": ("最后导出的文件 SHA-256", "file exported last, SHA-256"),
    "file_sha256": ("交银行的文件 SHA-256", "file given to the bank, SHA-256"),
}
_MOVED = ("封存后登记的身份信息有变更", "has another identity on file than when the run was sealed")


def _local(recorded_at: str) -> str:
    """A stored clock time as a clock in Asia/Shanghai shows it."""
    return datetime.fromisoformat(recorded_at).astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")


def _print_run(ctx: Context, found: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
    ctx.out.print(run_text(ctx, found))
    table = table_of(ctx, "步骤,何人,何时,日志位置", "step,by,when,position", (3,))
    for step in answer["stages"]:
        name = ctx.say(*_STEPS[step["stage"]])
        table.add_row(name, safe(step["by"] or ""), _local(step["recorded_at"]), str(step["position"]))
    show_table(ctx.out, table)
    table = table_of(ctx, "付款状态,笔数,金额", "payouts,count,amount", (1, 2))
    for stage, sums in answer["payouts"].items():
        table.add_row(ctx.say(*PAYOUT_STAGES[stage]), str(sums["count"]), yuan(sums["total_fen"]))
    show_table(ctx.out, table)
    for name, words in _DIGESTS.items():
        if answer[name]:
            ctx.out.print(f"{ctx.say(*words)} {answer[name]}")
    for ref in (answer["changed_payees"] or ())[:SHOWN_MAX]:
        ctx.out.print(f"[yellow]{ref}[/yellow] {ctx.say(*_MOVED)}")
    for each in answer["breaks"][:SHOWN_MAX]:
        kind, state = ctx.say(*BREAKS[each["kind"]]), ctx.say(*BREAK_STATES[each["state"]])
        ctx.out.print(f"[yellow]{safe(each['key'])}[/yellow] {kind} ({state}) {safe(each['owner'] or '')}")
    _print_more(ctx, len(answer["breaks"]))


def payouts_of(
    run: RunArgument,
    stage: Annotated[
        list[str] | None, typer.Option("--stage", help=f"of: {', '.join(PAYOUT_STAGES)}; may be repeated", show_default=False)
    ] = None,
    after: Annotated[int, typer.Option("--after", min=0, help="number of the last payout seen")] = 0,
    limit: Annotated[int, typer.Option("--limit", min=1, max=PAGE_MAX, help="of one page")] = 1000,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """A run's payouts in order, without anything personal."""
    ctx = context(data, as_json, lang)
    strange = [each for each in stage or () if each not in PAYOUT_STAGES]
    if strange:
        fail(
            WRONG,
            ctx.say(
                f"付款没有 {strange[0]} 这个状态；可选：{', '.join(PAYOUT_STAGES)}",
                f"there is no stage {strange[0]} of a payout; choose from: {', '.join(PAYOUT_STAGES)}",
            ),
        )
    with ctx.log("allowance") as log, snapshot(log.database) as connection:
        found = run_of(ctx, connection, run)
        lines = payouts(connection, found["run"], stages=tuple(stage or ()), after=after, limit=limit)
    following = lines[-1].number if len(lines) == limit else None
    if as_json:
        ctx.show({"run": found["run"], "payouts": [asdict(line) for line in lines], "after": following})
        return
    table = table_of(
        ctx, "付款,人员,区划,金额,应税,状态,银行流水,原因,重发于",
        "payout,person,division,amount,taxable,stage,bank reference,reason,reissued by", (3, 4),
    )  # fmt: skip
    for line in lines:
        table.add_row(*_payout_cells(ctx, line))
    show_table(ctx.out, table, run_text(ctx, found))
    if following is not None:
        ctx.out.print(ctx.say(f"下一页：--after {following}", f"next page: --after {following}"))


def _payout_cells(ctx: Context, line: PayoutLine) -> list[str]:
    why = line.reason or ""
    why = ctx.say(*WHYS[why]) if why in WHYS else why
    return [
        safe(line.payout), line.person_ref, line.division, yuan(line.amount_fen), yuan(line.taxable_fen),
        ctx.say(*PAYOUT_STAGES[line.stage]), safe(line.answer or ""), safe(why), safe(line.reissued_by or ""),
    ]  # fmt: skip
