"""``hongling finance instruct``: the bank is given a file, and what stands in it counts; what is wrong with one, in words."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from console.bank_faults import BankFileError, Lang
from console.bank_iso import read_pain
from console.bank_lines import Instruction, read_file
from console.bank_sheets import read_instruction
from console.context import DIFFERENCE, WRONG, Context, DataOption, JsonOption, LangOption, context, fail
from console.finance_acts import (
    RunArgument,
    accepted,
    digest_id,
    named_run,
    run_of,
    show_run,
    snapshot,
    tell,
    wait_for,
)
from contracts import intake
from contracts.roles import CASHIER
from services.allowance.payment_views import standing_list

__all__ = ["fail_on_faults", "faults_shown", "read_back", "register"]


def register(group: typer.Typer) -> None:
    group.command()(instruct)


# --- reading a file back ------------------------------------------------------------------------------------------------


def read_back(raw: bytes) -> Instruction:
    """An instruction in any of the formats: which, is seen by how it begins. Raises BankFileError."""
    return read_pain(raw) if raw.lstrip().startswith(b"<") else read_instruction(raw)


def faults_shown(ctx: Context, error: BankFileError) -> str:
    """Every fault of a file: row, field, problem, remedy."""
    lines = []
    lang: Lang = "zh" if ctx.lang == "zh" else "en"
    for each in error.faults:
        where = ctx.say(f"第 {each.row} 行 ", f"row {each.row} ") if each.row else ""
        lines.append(f"{where}{each.field + ': ' if each.field else ''}{each.problem(lang)}; {each.remedy(lang)}")
    if error.count > len(error.faults):
        more = error.count - len(error.faults)
        lines.append(ctx.say(f"……另有 {more} 处", f"… and {more} more"))
    return "\n".join(lines)


def fail_on_faults(ctx: Context, error: BankFileError, code: int = WRONG) -> NoReturn:
    """Show what is wrong with a file, and end the command."""
    if ctx.as_json:
        lang: Lang = "zh" if ctx.lang == "zh" else "en"
        faults = [
            {"row": e.row, "field": e.field, "code": e.code, "problem": e.problem(lang), "remedy": e.remedy(lang)}
            for e in error.faults
        ]
        ctx.show({"ok": False, "faults": faults, "count": error.count})
        raise typer.Exit(code)
    fail(code, faults_shown(ctx, error))


# --- instruct -----------------------------------------------------------------------------------------------------------


def instruct(
    run: RunArgument,
    file: Annotated[Path, typer.Argument(help="the file that the bank is given: .xlsx, .csv or .xml", show_default=False)],
    sha256: Annotated[
        str | None,
        typer.Option("--sha256", help="of the file, as the export showed it; another file is refused", show_default=False),
    ] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """指令: say that the bank is given this file. What stands in the file itself must be what was sealed."""
    ctx = context(data, as_json, lang)
    try:
        raw = read_file(file)
        found = read_back(raw)
    except OSError as error:
        fail(WRONG, ctx.say(f"{file} 无法读取：{error.strerror}", f"{file} cannot be read: {error.strerror}"))
    except BankFileError as error:
        fail_on_faults(ctx, error)
    file_sha256 = hashlib.sha256(raw).hexdigest()
    if sha256 is not None and sha256.strip().casefold() != file_sha256:
        fail(
            DIFFERENCE,
            ctx.say(
                f"这不是导出的那份文件：它的 SHA-256 是 {file_sha256}",
                f"this is not the file that was exported: its SHA-256 is {file_sha256}",
            ),
        )
    with ctx.log("allowance") as log, snapshot(log.database) as connection:
        row = run_of(ctx, connection, run)
        people = {line.payout: line.person_ref for line in standing_list(connection, row["run"])}
    strange = [each.payout for each in found.payments if each.payout not in people]
    if strange or found.message_id != row["run"]:
        what = strange[0] if strange else found.message_id
        fail(
            DIFFERENCE,
            ctx.say(
                f"这不是批次 {row['run']} 的文件：{what} 不属于该批次；没有记录任何内容",
                f"this is not the file of run {row['run']}: {what} does not belong to it; nothing was recorded",
            ),
        )
    source, key = named_run(ctx, run)
    values = {
        "run": key, "run_source": source, "message_id": found.message_id, "file_sha256": file_sha256,
        "count": found.count, "total_fen": found.total_fen, "list_sha256": found.list_sha256(people),
    }  # fmt: skip
    name = digest_id("instructed", row["run"], file_sha256)
    receipt = tell(ctx, ctx.who(CASHIER), "payment-run-instructed", intake.PaymentRunInstructed, values, message_id=name)
    accepted(ctx, receipt)
    show_run(ctx, receipt, wait_for(ctx, f"{source}/{key}", ("sealed",)))
