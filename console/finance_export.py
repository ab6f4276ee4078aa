"""``hongling finance accounts`` and ``export``: a sealed run as the bank's file.

The order is the rule. The payouts are compared with the seal; everybody's account is looked for; the reading is recorded in
the registry's log; only then are names and accounts decrypted, and compared with those that were sealed; the file is made, read
back and compared with the seal once more; its digest is recorded with the run, and it is written last. Whatever goes wrong,
there is no file, and the bank can be given no other than the last.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta, timezone
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from cryptography.exceptions import InvalidTag

from console.bank_faults import BankFileError
from console.bank_iso import write_pain
from console.bank_lines import Format, Order, Payment
from console.bank_sheets import write_csv, write_xlsx
from console.context import DIFFERENCE, WRONG, Context, DataOption, JsonOption, LangOption, context, fail
from console.finance_acts import (
    RunArgument,
    accepted,
    busy,
    named_run,
    run_of,
    snapshot,
    tell,
    today,
)
from console.finance_instruct import fail_on_faults, read_back
from console.finance_payees import (
    Payees,
    changed_payees,
    end_for_changed,
    end_for_missing,
    look_up,
    missing_text,
    moved,
)
from console.finance_people import FIELDS, Missing, OnFile, Payee, Why, decrypted, record_export
from console.finance_words import STAGES
from console.people import business_day_of
from console.personal import check_words, out_file, the_vault
from console.words import safe, yuan
from contracts import intake
from contracts.names import UNKNOWN
from contracts.roles import CASHIER
from eventlog.ids import SystemClock
from services.allowance.payment_views import SealBroken, SealedList, sealed_list, standing_list
from services.registry.vault import Vault

__all__ = ["register"]

SHANGHAI = timezone(timedelta(hours=8))
SHOWN_MAX = 50
PURPOSE_CHARACTERS_MAX = 60
"""Of what each payee reads; banks cut more."""
NAME_CHARACTERS_MAX = 140
ACCOUNT_CHARACTERS_MAX = 34
_CNAPS = re.compile("[0-9]{12}")
_ACCOUNT = re.compile("[0-9A-Za-z-]{1,34}")


def register(group: typer.Typer) -> None:
    for command in (accounts, export):
        group.command()(command)


# --- who can be paid ----------------------------------------------------------------------------------------------------


def accounts(run: RunArgument, data: DataOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """Which payouts of a run cannot be exported: no name or account is on file. Nothing is decrypted; 1 if there are."""
    ctx = context(data, as_json, lang)
    with ctx.log("allowance") as log, snapshot(log.database) as connection:
        found = run_of(ctx, connection, run)
        lines = standing_list(connection, found["run"])
    missing = look_up(ctx, lines).missing
    answer = {"run": found["run"], "payouts": len(lines), "missing": [asdict(each) for each in missing]}
    ctx.show(answer, lambda: missing_text(ctx, len(lines), missing))
    if missing:
        raise typer.Exit(DIFFERENCE)


# --- export -------------------------------------------------------------------------------------------------------------


def export(
    run: RunArgument,
    format: Annotated[str, typer.Option("--format", help=f"one of: {', '.join(get_args(Format))}", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="a new file; only its owner can read it", show_default=False)],
    reason: Annotated[str, typer.Option("--reason", help="why; recorded for ever", show_default=False)],
    purpose: Annotated[
        str | None, typer.Option("--purpose", help="what each payee reads; else the year's allowance", show_default=False)
    ] = None,
    debtor_name: Annotated[str | None, typer.Option("--debtor-name", help="pain.001: who pays", show_default=False)] = None,
    debtor_account: Annotated[
        str | None, typer.Option("--debtor-account", help="pain.001: from which account", show_default=False)
    ] = None,
    debtor_agent: Annotated[
        str | None,
        typer.Option("--debtor-agent", help="pain.001: its bank's CNAPS code (联行号)", show_default=False),
    ] = None,
    execution_date: Annotated[
        str | None, typer.Option("--execution-date", help="pain.001: YYYY-MM-DD; else today", show_default=False)
    ] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Write the bank's file of a sealed run: names and accounts are joined only now, and that is recorded first."""
    ctx = context(data, as_json, lang)
    check_words(("--reason", reason))
    debtor = _debtor(ctx, format, debtor_name, debtor_account, debtor_agent, execution_date)
    _check_place(ctx, out)
    sealed = _sealed(ctx, run)
    text = purpose or f"{sealed.year}年度红领津贴"
    if not (1 <= len(text) <= PURPOSE_CHARACTERS_MAX and text.isprintable()):
        wanted = f"--purpose 应为 1 至 {PURPOSE_CHARACTERS_MAX} 个可见字符"
        fail(WRONG, ctx.say(wanted, f"--purpose has 1 to {PURPOSE_CHARACTERS_MAX} characters that can be printed"))
    vault = the_vault(ctx)
    now = look_up(ctx, sealed.lines)
    end_for_missing(ctx, sealed.run, sealed.count, now.missing)
    before = _before(ctx, sealed, now)
    recorded = record_export(ctx, f"payment-run {sealed.run}", sealed.count, sealed.list_sha256, reason.strip())
    payees = _decrypted(ctx, vault, now.ready)
    unread = [(line, payees[line.person_ref]) for line in sealed.lines]
    missing = [Missing(line.payout, line.person_ref, why) for line, why in unread if not isinstance(why, Payee)]
    end_for_missing(ctx, sealed.run, sealed.count, missing)
    changed = changed_payees(ctx, vault, sealed, before, payees) if before else []
    if changed:
        end_for_changed(ctx, sealed.run, changed)
    created = SystemClock().now().astimezone(SHANGHAI).isoformat(timespec="seconds")
    order = Order(sealed.run, text, tuple(_payments(sealed, payees)), **debtor, created_at=created)
    content = _content(format, order)
    _compare(ctx, content, sealed)
    _record_file(ctx, sealed, format, hashlib.sha256(content).hexdigest(), recorded.event_id)
    out_file(out, content)
    answer = {
        "run": sealed.run, "file": str(out), "format": format, "message_id": sealed.run, "count": sealed.count,
        "total_fen": sealed.total_fen, "list_sha256": sealed.list_sha256, "file_sha256": hashlib.sha256(content).hexdigest(),
        "event_id": recorded.event_id, "fields": list(FIELDS), "written": True, "same_account": _same_account(order.payments),
        "odd_names": [each.payout for each in order.payments if UNKNOWN in each.name],
    }  # fmt: skip
    ctx.show(answer, lambda: _exported_text(ctx, answer))


def _before(ctx: Context, sealed: SealedList, now: Payees) -> dict[str, OnFile | Why]:
    """The sealed identity of everybody who has another now. Ends the command with 1 if the seal does not cover the payees, or
    is not that of the registry's log."""
    if sealed.payees_sha256 is None:
        fail(
            DIFFERENCE,
            ctx.say(
                f"批次 {sealed.run} 的封存不含姓名和账号；请取消，再重新编制、复核和封存",
                f"the seal of {sealed.run} does not cover names and accounts; cancel it, then prepare, check and seal it again",
            ),
        )
    try:
        return moved(ctx, sealed, now)
    except ValueError as error:
        fail(
            DIFFERENCE,
            ctx.say(
                "登记处日志中封存时的姓名和账号与封存不符；没有导出任何内容，见 hongling verify registry",
                f"{error}. Nothing is exported; see `hongling verify registry`",
            ),
        )


def _record_file(ctx: Context, sealed: SealedList, format: str, file_sha256: str, record: str) -> None:
    """Have it recorded which file was made of the run: the bank can be given no other. Otherwise it ends the command."""
    source, key = named_run(ctx, sealed.run)
    said = {name: getattr(sealed, name) for name in ("count", "total_fen", "list_sha256", "payees_sha256")}
    said |= {"format": format, "message_id": sealed.run, "file_sha256": file_sha256, "record": record}
    values = {"run": key, "run_source": source, **said}
    accepted(ctx, tell(ctx, ctx.who(CASHIER), "payment-run-exported", intake.PaymentRunExported, values))


def _check_place(ctx: Context, out: Path) -> None:
    """Ends the command with 2 if the file is there already, or cannot be written."""
    if out.exists():
        fail(WRONG, ctx.say(f"{out} 已经存在，请换一个文件名", f"{out} is there already; choose another name"))
    if not out.parent.is_dir() or not os.access(out.parent, os.W_OK):
        folder = out.parent
        fail(WRONG, ctx.say(f"{folder} 不能写入，请换一个目录", f"nothing can be written to {folder}; choose another folder"))


def _decrypted(ctx: Context, vault: Vault, ready: Mapping[str, OnFile]) -> dict[str, Payee | Why]:
    """Names and accounts in plain. Ends the command with 2 if the secrets are not those that the keys were wrapped with."""
    with ctx.log("registry") as log, snapshot(log.database) as connection, busy(ctx.say("正在解密…", "decrypting…")):
        try:
            return decrypted(connection, vault, ready)
        except (InvalidTag, KeyError):
            text = "the people's keys were wrapped with other secrets than those given; see HONGLING_REGISTRY_KEYS"
            fail(WRONG, ctx.say("个人密钥不是用所给的主密钥封装的；见 HONGLING_REGISTRY_KEYS", text))


def _debtor(
    ctx: Context, format: str, name: str | None, account: str | None, agent: str | None, day: str | None
) -> dict[str, str]:
    """What pain.001 says of who pays. Ends the command with 2 for an unknown format, or if something is missing or wrong."""
    if format not in get_args(Format):
        fail(
            WRONG,
            ctx.say(
                f"没有 {format} 这种格式；可选：{', '.join(get_args(Format))}",
                f"there is no format {format}; choose from: {', '.join(get_args(Format))}",
            ),
        )
    on = business_day_of("--execution-date", day) or today()
    given = {"--debtor-name": name, "--debtor-account": account, "--debtor-agent": agent}
    if format != "pain.001":
        named = [option for option, value in given.items() if value is not None]
        if named:
            fail(
                WRONG,
                ctx.say(
                    f"{named[0]} 只用于 --format pain.001；{format} 清单由谁付款，银行知道",
                    f"{named[0]} goes with --format pain.001; the bank knows whose list a {format} file is",
                ),
            )
        return {}
    missing = [option for option, value in given.items() if not (value or "").strip()]
    if missing:
        fail(
            WRONG,
            ctx.say(
                f"pain.001 要写明付款人、付款账号和开户行：请给 {', '.join(missing)}",
                f"pain.001 says who pays, from which account at which bank: give {', '.join(missing)}",
            ),
        )
    assert name is not None
    assert account is not None
    assert agent is not None
    if len(name.strip()) > NAME_CHARACTERS_MAX:
        fail(
            WRONG,
            ctx.say(
                f"--debtor-name 最多 {NAME_CHARACTERS_MAX} 个字符",
                f"--debtor-name has at most {NAME_CHARACTERS_MAX} characters",
            ),
        )
    if _ACCOUNT.fullmatch(account) is None:
        fail(
            WRONG,
            ctx.say(
                f"--debtor-account 最多 {ACCOUNT_CHARACTERS_MAX} 个数字和字母",
                f"--debtor-account has at most {ACCOUNT_CHARACTERS_MAX} digits and letters",
            ),
        )
    if _CNAPS.fullmatch(agent) is None:
        fail(
            WRONG,
            ctx.say("--debtor-agent 是开户行联行号，12 位数字", "--debtor-agent is the bank's CNAPS code (联行号), 12 digits"),
        )
    if on < today():
        fail(
            WRONG,
            ctx.say(
                f"--execution-date {on} 已过；请给今天或以后的日期", f"--execution-date {on} is over; give today or a later day"
            ),
        )
    return {
        "debtor_name": name.strip(), "debtor_account": account, "debtor_agent": agent, "execution_date": on.isoformat(),
    }  # fmt: skip


def _sealed(ctx: Context, run: str) -> SealedList:
    """The run's list, compared with its seal. Ends the command with 2 if it is not at that stage, 1 if it differs."""
    with ctx.log("allowance") as log, snapshot(log.database) as connection:
        found = run_of(ctx, connection, run)
        if found["stage"] in ("instructed", "closed"):
            fail(
                WRONG,
                ctx.say(
                    f"{found['run']} 的文件已交银行；再交一份会重复付款",
                    f"the bank was given the file of {found['run']} already; a second one would be paid twice",
                ),
            )
        try:
            return sealed_list(connection, found["run"])
        except LookupError:
            fail(
                WRONG,
                ctx.say(
                    f"批次 {found['run']} 未封存（{STAGES[found['stage']][0]}）；请先复核，再封存",
                    f"run {found['run']} is not sealed; it is {found['stage']}: check it, then seal it",
                ),
            )
        except SealBroken as error:
            fail(
                DIFFERENCE,
                ctx.say(
                    f"{error}。没有导出任何内容；见 hongling verify allowance 和 hongling finance prove",
                    f"{error}. Nothing is exported; see `hongling verify allowance` and `hongling finance prove`",
                ),
            )


def _payments(sealed: SealedList, payees: Mapping[str, Payee | Any]) -> list[Payment]:
    return [
        Payment(number, line.payout, line.amount_fen, payees[line.person_ref].account, payees[line.person_ref].name)
        for number, line in enumerate(sealed.lines, start=1)
    ]


def _same_account(payments: Sequence[Payment]) -> list[list[str]]:
    """Payouts that go to one account: two of a married couple, or one person who is there twice."""
    found: dict[str, list[str]] = {}
    for each in payments:
        found.setdefault(each.account, []).append(each.payout)
    return [payouts for payouts in found.values() if len(payouts) > 1]


def _content(format: str, order: Order) -> bytes:
    return {"xlsx": write_xlsx, "csv": write_csv, "pain.001": write_pain}[format](order)


def _compare(ctx: Context, content: bytes, sealed: SealedList) -> None:
    """Read what is to be written, and hold it against the seal. Ends the command with 1 if anything differs."""
    people = {line.payout: line.person_ref for line in sealed.lines}
    try:
        found = read_back(content)
    except BankFileError as error:
        fail_on_faults(ctx, error, DIFFERENCE)
    said = (found.count, found.total_fen, found.list_sha256(people), found.message_id)
    if said != (sealed.count, sealed.total_fen, sealed.list_sha256, sealed.run):
        fail(
            DIFFERENCE,
            ctx.say(
                "文件内容与封存不符，没有写入；请告知开发人员",
                "what would stand in the file is not what was sealed; nothing is written. Tell the developers",
            ),
        )


def _exported_text(ctx: Context, answer: Mapping[str, Any]) -> str:
    total = yuan(answer["total_fen"])
    shared = [", ".join(map(safe, payouts)) for payouts in answer["same_account"][:SHOWN_MAX]]
    warning = ctx.say("[yellow]同一账号收到多笔，请核实：[/yellow]", "[yellow]more than one payout to one account:[/yellow] ")
    odd = [safe(payout) for payout in answer["odd_names"][:SHOWN_MAX]]
    unknown = ctx.say(
        f"[yellow]姓名中有无法书写的字（以 {UNKNOWN} 代替），请更正登记，并告知银行：[/yellow]",
        f"[yellow]names with characters that cannot be written ({UNKNOWN} stands for them); correct the registration and tell "
        "the bank:[/yellow] ",
    )
    told = "".join(f"{warning}{payouts}\n" for payouts in shared) + (f"{unknown}{', '.join(odd)}\n" if odd else "")
    return told + ctx.say(
        f"[green]已导出[/green] {safe(answer['file'])}：{answer['count']} 笔，{total}，与封存一致\n"
        f"文件 SHA-256 {answer['file_sha256']}\n"
        f"[dim]已记录（登记处事件 {answer['event_id']}）；文件含个人信息，交银行后请删除[/dim]",
        f"[green]exported[/green] {safe(answer['file'])}: {answer['count']} payouts, {total}, as sealed\n"
        f"SHA-256 of the file {answer['file_sha256']}\n"
        f"[dim]recorded as event {answer['event_id']} of the registry; the file holds personal data: delete it when the bank "
        "has it[/dim]",
    )
