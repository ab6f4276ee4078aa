"""``hongling finance reconcile``, ``breaks``, ``settle-break`` and ``prove``: the bank's answers held against a run.

A file is read whole before any of it is sent: with one fault in it nothing is. Then it goes to the service in parts, each named
after the file, so that giving the same file again changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from console.bank_faults import BankFileError
from console.bank_lines import Answers, PassedOver, Result, read_file
from console.bank_results import read_list
from console.bank_statements import CAMT, read_camt
from console.context import DIFFERENCE, WRONG, Context, DataOption, JsonOption, LangOption, context, fail, run_async
from console.finance_acts import (
    RunArgument,
    accepted,
    busy,
    can_read,
    digest_id,
    fen_option,
    message_of,
    named_run,
    run_answer,
    run_of,
    run_text,
    send_all,
    snapshot,
    table_of,
    tell,
    wait_for,
)
from console.finance_instruct import fail_on_faults
from console.finance_words import BREAK_STATES, BREAKS, PAYOUT_STAGES
from console.personal import check_act
from console.publishing import Message, show_receipt
from console.words import safe, show_table, yuan
from contracts import intake
from contracts.intake import RESULTS_MAX
from contracts.payment import BankAnswered
from contracts.receipts import Receipt
from contracts.roles import CASHIER, REVIEWER
from services.allowance.payment_views import breaks as break_rows
from services.allowance.payment_views import payouts
from services.allowance.reconciliation import RunProof, Sum, prove_run

__all__ = ["register"]

PART_BYTES_MAX = 48 * 1024
"""Bytes of the results of one message: with what is around them they stay below the limit of the contract."""
SHOWN_MAX = 50
NAMED_MAX = 1_000
"""Movements of a statement that are about something else, which --json names one by one; all are counted."""
FORMATS = ("csv", "camt.053", "camt.054")

OptionalRun = Annotated[str | None, typer.Argument(metavar="[RUN]", help="a run; else all of them", show_default=False)]


def register(group: typer.Typer) -> None:
    group.command()(reconcile)
    group.command("breaks")(breaks)
    group.command("settle-break")(settle_break)
    group.command()(prove)


# --- reconcile ----------------------------------------------------------------------------------------------------------


def reconcile(
    run: RunArgument,
    file: Annotated[Path, typer.Argument(help="the bank's answer: a list (.csv, .xlsx) or .xml", show_default=False)],
    format: Annotated[
        str | None, typer.Option("--format", help=f"one of: {', '.join(FORMATS)}; else as the file begins", show_default=False)
    ] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """对账: match the bank's answer to a run's payouts. Safe to repeat; 1 if something differs, 2 if the file has faults."""
    ctx = context(data, as_json, lang)
    if format is not None and format not in FORMATS:
        fail(
            WRONG,
            ctx.say(
                f"没有 {format} 这种格式；可选：{', '.join(FORMATS)}（工作簿按 csv 读）",
                f"there is no format {format}; choose from: {', '.join(FORMATS)} (a workbook is read like csv)",
            ),
        )
    source, key = named_run(ctx, run)
    try:
        raw = read_file(file)
        answers = _read(raw, format, f"{source}/{key}", _sealed(ctx, run))
    except OSError as error:
        fail(WRONG, ctx.say(f"{file} 无法读取：{error.strerror}", f"{file} cannot be read: {error.strerror}"))
    except BankFileError as error:
        fail_on_faults(ctx, error)
    if not answers.results:
        _show_not_ours(ctx, answers.not_ours)
        counted = _passed_over(ctx, answers) or ctx.say("无", "none")
        fail(
            DIFFERENCE,
            ctx.say(
                f"{file} 中没有批次 {source}/{key} 的内容：{counted}；没有记录任何内容",
                f"nothing in {file} is about run {source}/{key}: {counted}; nothing was recorded",
            ),
        )
    messages = list(_parts(ctx, source, key, hashlib.sha256(raw).hexdigest(), answers.results))
    with busy(ctx.say("正在对账…", "reconciling…")):
        receipts = run_async(send_all(ctx, ctx.who(CASHIER), messages))
    for message in messages:
        accepted(ctx, receipts[message.message_id])
    run = f"{source}/{key}"
    wait_for(ctx, run, ())
    _show_matched(ctx, run, answers, list(receipts.values()))


def _sealed(ctx: Context, run: str) -> Mapping[str, int]:
    """The run's payouts, each with its fen; none where the database cannot be asked."""
    if not can_read(ctx):
        return {}
    with ctx.log("allowance") as log, snapshot(log.database) as connection:
        found = run_of(ctx, connection, run)
        return {each.payout: each.amount_fen for each in payouts(connection, found["run"]) if each.stage != "cancelled"}


def _read(raw: bytes, format: str | None, run: str, sealed: Mapping[str, int]) -> Answers:
    """The results that a file has. Raises BankFileError."""
    is_xml = raw.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<")
    if format is None:
        format = "camt" if is_xml else "csv"
    if format == "csv":
        return read_list(raw)
    chosen = [message for message in CAMT if message.startswith(format)]
    return read_camt(raw, run, chosen, sealed)


def _parts(ctx: Context, source: str, key: str, sha256: str, results: Sequence[Result]) -> Iterator[Message]:
    """The messages of a file. A part has ``RESULTS_MAX`` results at most, and ``PART_BYTES_MAX`` bytes of them."""
    split = list(_split([_value(each) for each in results]))
    for number, part in enumerate(split, start=1):
        values = {
            "run": key, "run_source": source, "file_sha256": sha256, "part": number, "parts": len(split),
            "results": part,
        }  # fmt: skip
        check_act(ctx, intake.PaymentResultsReported, values)
        name = digest_id("results", source, key, sha256, number, len(split))
        yield message_of(ctx.who(CASHIER), "payment-results-reported", values, message_id=name)


def _value(result: Result) -> dict[str, Any]:
    names = ("payout", "outcome", "reference", "amount_fen", "reason", "unclear")
    return {name: value for name in names if (value := getattr(result, name)) is not None}


def _split(values: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    part: list[dict[str, Any]] = []
    size = 0
    for value in values:
        more = len(orjson.dumps(value)) + 1
        if part and (len(part) == RESULTS_MAX or size + more > PART_BYTES_MAX):
            yield part
            part, size = [], 0
        part.append(value)
        size += more
    if part:
        yield part


def _passed_over(ctx: Context, answers: Answers) -> str:
    """Why how many movements were passed over, and what they come to; "" if there are none."""
    words = {
        "other": ctx.say("与本批次无关", "about something else"),
        "no-details": ctx.say("没有明细", "without details"),
        "not-booked": ctx.say("尚未入账", "not booked yet"),
    }
    if not answers.not_ours:
        return ""
    counted = ctx.say("，", ", ").join(f"{count} {words[why]}" for why, count in sorted(answers.passed_over.items()))
    debits, credits_ = (yuan(_sum_of(answers.not_ours, side)) for side in ("DBIT", "CRDT"))
    return ctx.say(
        f"{len(answers.not_ours)} 笔不属于本批次，借方 {debits}，贷方 {credits_}（{counted}）",
        f"not ours: {len(answers.not_ours)} entries, debits {debits}, credits {credits_} ({counted})",
    )


def _sum_of(passed: Sequence[PassedOver], side: str) -> int:
    return sum(each.amount_fen or 0 for each in passed if each.side == side)


def _show_not_ours(ctx: Context, passed: Sequence[PassedOver]) -> None:
    """The movements that were passed over, by amount, day and reference; the first ones."""
    if ctx.as_json or not passed:
        return
    sides = {"DBIT": ctx.say("借", "debit"), "CRDT": ctx.say("贷", "credit")}
    table = table_of(ctx, "行,日期,借贷,金额,银行流水", "row,day,side,amount,bank reference", (3,))
    for each in passed[:SHOWN_MAX]:
        amount = "" if each.amount_fen is None else yuan(each.amount_fen)
        table.add_row(str(each.row), safe(each.date), sides[each.side], amount, safe(each.reference))
    show_table(ctx.out, table, ctx.say("不属于本批次", "not ours"))
    if len(passed) > SHOWN_MAX:
        more = len(passed) - SHOWN_MAX
        ctx.out.print(ctx.say(f"……另有 {more} 笔，见 --json", f"… and {more} more; see --json"))


def _show_matched(ctx: Context, run: str, answers: Answers, receipts: Sequence[Receipt]) -> None:
    """What this file came to, what is left open, and the run as it stands. Ends the command with 1 if something is open."""
    answer: dict[str, Any] = {
        "lines": len(answers.results), "passed_over": answers.passed_over, "messages": len(receipts),
        "not_ours": {
            "count": len(answers.not_ours),
            "debits_fen": _sum_of(answers.not_ours, "DBIT"), "credits_fen": _sum_of(answers.not_ours, "CRDT"),
            "entries": [asdict(each) for each in answers.not_ours[:NAMED_MAX]],
        },
    }  # fmt: skip
    if not can_read(ctx):
        ctx.show(answer, ctx.say(f"已报告 {len(answers.results)} 行", f"{len(answers.results)} lines were reported"))
        return
    with ctx.log("allowance") as log, snapshot(log.database) as connection:
        found = run_of(ctx, connection, run)
        left = break_rows(connection, found["run"], states=("open", "assigned"))
        waiting = payouts(connection, found["run"], stages=("prepared", "instructed"))
        events = [log.find(connection, receipt.events[0]) for receipt in receipts if receipt.events]
    tallies = [each.event for each in events if each is not None and isinstance(each.event, BankAnswered)]
    names = ("lines", "matched", "matched_fen", "returned", "returned_fen", "reversed", "repeated", "broken")
    answer |= {name: sum(getattr(each, name) for each in tallies) for name in names}
    answer |= {"missing": len(waiting), "missing_fen": sum(line.amount_fen for line in waiting)}
    answer |= {"breaks": left, "run": run_answer(ctx, found, {})}
    ctx.show(answer, lambda: _matched_text(ctx, answer, _passed_over(ctx, answers), run_text(ctx, found)))
    _show_not_ours(ctx, answers.not_ours)
    if not ctx.as_json:
        _print_breaks(ctx, left)
    if left or waiting:
        raise typer.Exit(DIFFERENCE)


def _matched_text(ctx: Context, answer: Mapping[str, Any], passed_over: str, run: str) -> str:
    matched, returned, missing = (yuan(answer[name]) for name in ("matched_fen", "returned_fen", "missing_fen"))
    lines = [
        ctx.say(
            f"本文件 {answer['lines']} 行：新核销 {answer['matched']} 笔 {matched}，新退回 {answer['returned']} 笔 {returned}，"
            f"重复 {answer['repeated']} 行，差异 {answer['broken']} 行",
            f"{answer['lines']} lines: newly settled {answer['matched']} ({matched}), newly returned {answer['returned']} "
            f"({returned}), known already {answer['repeated']}, different {answer['broken']}",
        ),
        ctx.say(
            f"银行尚未答复 {answer['missing']} 笔 {missing}；未了结差异 {len(answer['breaks'])} 项",
            f"not answered yet: {answer['missing']} ({missing}); open differences: {len(answer['breaks'])}",
        ),
        run,
    ]
    if passed_over:
        lines.insert(1, passed_over)
    return "\n".join(lines)


# --- differences --------------------------------------------------------------------------------------------------------


def breaks(
    run: OptionalRun = None,
    all_: Annotated[bool, typer.Option("--all", help="also those that are settled or were answered since")] = False,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Differences with the bank, each with its state and owner. 1 if one is open or assigned."""
    ctx = context(data, as_json, lang)
    with ctx.log("allowance") as log, snapshot(log.database) as connection:
        name = None if run is None else run_of(ctx, connection, run)["run"]
        found = break_rows(connection, name, states=() if all_ else ("open", "assigned"))
    if as_json:
        ctx.show(found)
    else:
        _print_breaks(ctx, found)
    if any(each["state"] in ("open", "assigned") for each in found):
        raise typer.Exit(DIFFERENCE)


def _print_breaks(ctx: Context, found: Sequence[Mapping[str, Any]]) -> None:
    table = table_of(
        ctx, "批次,差异,种类,封存金额,银行金额,银行流水,状态,责任人,说明",
        "run,key,kind,sealed,bank,bank reference,state,owner,note", (3, 4),
    )  # fmt: skip
    for each in found[:SHOWN_MAX]:
        expected, said = (("" if each[name] is None else yuan(each[name])) for name in ("expected_fen", "found_fen"))
        table.add_row(
            safe(each["run"]), safe(each["key"]), ctx.say(*BREAKS[each["kind"]]), expected, said,
            safe(each["reference"] or ""), ctx.say(*BREAK_STATES[each["state"]]), safe(each["owner"] or ""),
            safe(each["note"] or ""),
        )  # fmt: skip
    if found:
        show_table(ctx.out, table)
    if len(found) > SHOWN_MAX:
        more = len(found) - SHOWN_MAX
        ctx.out.print(ctx.say(f"……另有 {more} 项，见 --json", f"… and {more} more; see --json"))


def settle_break(
    run: RunArgument,
    key: Annotated[str, typer.Argument(help="as `finance breaks` names it", show_default=False)],
    state: Annotated[str, typer.Option("--state", help="assigned or settled", show_default=False)],
    owner: Annotated[str, typer.Option("--owner", help="who looks after it; recorded for ever", show_default=False)],
    note: Annotated[str, typer.Option("--note", help="what is done, or how it ended; recorded for ever", show_default=False)],
    paid: Annotated[
        str | None,
        typer.Option("--paid", help="settled, about a payout: yuan that reached the payee by it in all, 0 for nothing"),
    ] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Give a difference its owner; or say how it ended, as another than who prepared the run: the books follow."""
    ctx = context(data, as_json, lang)
    source, own = named_run(ctx, run)
    values = {
        "run": own, "run_source": source, "key": key, "state": state, "owner": owner.strip(), "note": note.strip(),
        "paid_fen": None if paid is None else fen_option(ctx, "--paid", paid),
    }  # fmt: skip
    receipt = tell(ctx, ctx.who(REVIEWER if state == "settled" else CASHIER), "break-settled", intake.BreakSettled, values)
    accepted(ctx, receipt)
    show_receipt(ctx, receipt)


# --- proof --------------------------------------------------------------------------------------------------------------


def prove(run: RunArgument, data: DataOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """Hold a run against itself wherever it stands: seal, events, tables, ledger, file, bank. 1 if anything differs."""
    ctx = context(data, as_json, lang)
    with ctx.log("allowance") as log, snapshot(log.database) as connection, busy(ctx.say("正在核对…", "proving…")):
        found = run_of(ctx, connection, run)
        proof = prove_run(log, connection, found["run"])
        left = break_rows(connection, found["run"], states=("open", "assigned"))
    answer: dict[str, Any] = {"run": proof.run, "agrees": not proof.differences, "differences": list(proof.differences)}
    answer |= {"seal": _sum(proof.seal), "file": _sum(proof.file), "waiting": proof.waiting, "ledger": dict(proof.ledger)}
    answer |= {name: _sums(getattr(proof, name)) for name in ("events", "tables", "bank")} | {"open_breaks": len(left)}
    if as_json:
        ctx.show(answer)
    else:
        _print_proof(ctx, proof, len(left))
    if proof.differences:
        raise typer.Exit(DIFFERENCE)


def _sum(found: Sum | None) -> dict[str, int] | None:
    return None if found is None else asdict(found)


def _sums(found: Mapping[str, Sum]) -> dict[str, Any]:
    return {stage: asdict(each) for stage, each in sorted(found.items())}


def _print_proof(ctx: Context, proof: RunProof, left: int) -> None:
    table = table_of(ctx, "出处,状态,笔数,金额", "where,stage,count,amount", (2, 3))
    single = ((ctx.say("封存", "seal"), proof.seal), (ctx.say("文件", "file"), proof.file))
    for where, one in single:
        if one is not None:
            table.add_row(where, "", str(one.count), yuan(one.fen))
    many = (("事件", "events", proof.events), ("数据表", "tables", proof.tables), ("银行", "bank", proof.bank))
    for zh, en, sums in many:
        for stage, each in sorted(sums.items()):
            table.add_row(ctx.say(zh, en), ctx.say(*PAYOUT_STAGES[stage]), str(each.count), yuan(each.fen))
    show_table(ctx.out, table, safe(proof.run))
    for text in proof.differences:
        ctx.out.print(f"[red]{safe(text)}[/red]")
    if not proof.differences:
        ctx.out.print(
            ctx.say("[green]账、事件、文件、银行一致[/green]", "[green]ledger = events = file = bank[/green]")
            if proof.file is not None and not proof.events.keys() & {"prepared", "instructed"}
            else ctx.say("[green]目前各处一致[/green]", "[green]all that there is so far agrees[/green]")
        )
    if left:
        ctx.out.print(ctx.say(f"未了结差异 {left} 项，见 finance breaks", f"{left} open differences; see `finance breaks`"))
