"""``hongling talent problem|responsibility``: the rectification ledger (问题台账) and responsibility lists (责任清单)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from console.context import WRONG, Context, DataOption, JsonOption, LangOption, context, fail
from console.talent_acts import (
    ByDivision,
    KeyOption,
    NoteOption,
    OnOption,
    asked_day,
    checked_division,
    day_text,
    operate,
    show_rows,
    talent_tables,
)
from console.talent_development_words import word
from services.talent.registers import problems_by_unit, problems_list, responsibility_by_unit, responsibility_lists

__all__ = ["register_on"]

problem = typer.Typer(no_args_is_help=True, help="The rectification ledger (问题台账): raised, evidenced, returned, closed.")
responsibility = typer.Typer(no_args_is_help=True, help="Responsibility lists (责任清单): issued, signed, checked off.")

ProblemArgument = Annotated[str, typer.Argument(help="the problem's key", show_default=False)]
ListArgument = Annotated[str, typer.Argument(help="the list's key", show_default=False)]
EvidenceOption = Annotated[
    list[str] | None, typer.Option("--evidence", help="SHA-256 of an attachment; may be repeated", show_default=False)
]
ITEM_FORM = "KEY/EVERY/TEXT, such as lessons/quarterly/党课; EVERY: monthly, quarterly, half_yearly, yearly"
STATUSES = ("open", "evidenced", "closed", "overdue")


def register_on(talent: typer.Typer) -> None:
    talent.add_typer(problem, name="problem")
    talent.add_typer(responsibility, name="responsibility")


# --- problems -----------------------------------------------------------------------------------------------------------


@problem.command("raise")
def raise_problem(
    key: ProblemArgument,
    division: Annotated[str, typer.Option("--division", help="of the unit, GB/T 2260", show_default=False)],
    unit: Annotated[str, typer.Option("--unit", help="whose problem it is", show_default=False)],
    owner: Annotated[str, typer.Option("--owner", help="the role that answers for it", show_default=False)],
    found_by: Annotated[
        str, typer.Option("--found-by", help="inspection, appraisal, audit, self_check, complaint, other", show_default=False)
    ],
    says: Annotated[str, typer.Option("--says", help="without naming anybody", show_default=False)],
    due: Annotated[str | None, typer.Option("--due", help="its last day", show_default=False)] = None,
    working_days: Annotated[int | None, typer.Option("--working-days", help="instead of --due", show_default=False)] = None,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Raise a problem with its last day: given, in working days, or by the policy."""
    values = {
        "problem": key, "division": division, "unit": unit, "owner": owner, "found_by": found_by, "says": says,
        "due_on": None if due is None else day_text("--due", due), "working_days": working_days,
    }  # fmt: skip
    operate(context(data, as_json, lang), "problem-raised", values, on)


@problem.command()
def evidence(
    key: ProblemArgument,
    says: Annotated[str, typer.Option("--says", help="what was done", show_default=False)],
    shown: Annotated[
        list[str], typer.Option("--evidence", help="SHA-256 of an attachment; may be repeated", show_default=False)
    ],
    of_source: KeyOption = None,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Submit evidence that a problem was put right."""
    values = {"problem": key, "problem_source": of_source, "says": says, "evidence": shown}
    operate(context(data, as_json, lang), "problem-evidenced", values, on)


@problem.command("return")
def return_problem(
    key: ProblemArgument,
    reason: Annotated[str, typer.Option("--reason", show_default=False)],
    of_source: KeyOption = None,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Return evidence that does not do: the problem is open again."""
    values = {"problem": key, "problem_source": of_source, "reason": reason}
    operate(context(data, as_json, lang), "problem-returned", values, on)


@problem.command()
def extend(
    key: ProblemArgument,
    due: Annotated[str, typer.Option("--due", help="the new last day", show_default=False)],
    reason: Annotated[str, typer.Option("--reason", show_default=False)],
    by: Annotated[str, typer.Option("--by", help="the role that grants it", show_default=False)],
    of_source: KeyOption = None,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Give a problem a later last day, as often as the policy allows."""
    values = {
        "problem": key, "problem_source": of_source, "due_on": day_text("--due", due), "reason": reason, "granted_by": by,
    }  # fmt: skip
    operate(context(data, as_json, lang), "problem-extended", values, on)


@problem.command()
def close(
    key: ProblemArgument,
    outcome: Annotated[str, typer.Option("--outcome", help="rectified, unfounded or transferred", show_default=False)],
    by: Annotated[str, typer.Option("--by", help="the role that closes it", show_default=False)],
    note: NoteOption = None,
    of_source: KeyOption = None,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Close a problem (销号)."""
    values = {"problem": key, "problem_source": of_source, "outcome": outcome, "closed_by": by, "note": note}
    operate(context(data, as_json, lang), "problem-closed", values, on)


@problem.command("list")
def list_problems(
    division: ByDivision,
    status: Annotated[str | None, typer.Option("--status", help=f"one of: {', '.join(STATUSES)}", show_default=False)] = None,
    by_unit: Annotated[bool, typer.Option("--by-unit", help="counts of each unit")] = False,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """The ledger of a division: what is open, overdue, closed."""
    if status is not None and status not in STATUSES:
        fail(WRONG, f"--status {status} is not one of: {', '.join(STATUSES)}")
    ctx, day = context(data, as_json, lang), asked_day(on)
    with talent_tables(ctx) as (_, connection):
        rows = problems_list(connection, checked_division(division), day, status)
    head = {"division": division, "on": day.isoformat(), "status": status}
    if by_unit:
        units = problems_by_unit(rows)
        columns: Any = (
            ("单位", "unit", "unit"), ("合计", "all", "all"), ("未销号", "open", "open"), ("逾期", "overdue", "overdue"),
            ("已销号", "closed", "closed"), ("逾期销号", "closed late", "late"),
        )  # fmt: skip
        show_rows(ctx, {**head, "units": units}, units, columns)
        return
    columns = (
        ("编号", "problem", "problem"), ("单位", "unit", "unit"), ("责任人", "owner", "owner"),
        ("来源", "found by", "found_by"),
        ("问题", "says", "says"), ("期限", "due", "due_on"), ("剩余天数", "days left", "days_left"),
        ("状态", "status", "status"),
        ("逾期", "overdue", "overdue"),
    )  # fmt: skip
    show_rows(ctx, {**head, "problems": rows}, rows, columns)


# --- responsibility lists ------------------------------------------------------------------------------------------------


def item_of(text: str) -> dict[str, str]:
    """An item as it is written on the command line. Ends the command with 2 if it is not of that form."""
    parts = text.split("/", 2)
    if len(parts) != 3:
        fail(WRONG, f"--item {text} is not {ITEM_FORM}")
    return {"item": parts[0], "every": parts[1], "text": parts[2]}


@responsibility.command()
def issue(
    key: ListArgument,
    division: Annotated[str, typer.Option("--division", help="of the unit, GB/T 2260", show_default=False)],
    unit: Annotated[str, typer.Option("--unit", show_default=False)],
    signer: Annotated[str, typer.Option("--signer", help="the role that signs", show_default=False)],
    year: Annotated[int, typer.Option("--year", show_default=False)],
    item: Annotated[list[str], typer.Option("--item", help=f"{ITEM_FORM}; may be repeated", show_default=False)],
    sign_by: Annotated[str, typer.Option("--sign-by", help="the last day for it", show_default=False)],
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Issue a responsibility list for a year."""
    values = {
        "list": key, "division": division, "unit": unit, "signer": signer, "year": year,
        "items": [item_of(each) for each in item], "sign_by": day_text("--sign-by", sign_by),
    }  # fmt: skip
    operate(context(data, as_json, lang), "responsibility-issued", values, on)


@responsibility.command()
def sign(
    key: ListArgument,
    document: Annotated[str | None, typer.Option("--document", help="SHA-256 of what was signed", show_default=False)] = None,
    of_source: KeyOption = None,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Record that a list was signed (责任书)."""
    values = {"list": key, "list_source": of_source, "document_sha256": document}
    operate(context(data, as_json, lang), "responsibility-signed", values, on)


@responsibility.command()
def check(
    key: ListArgument,
    item: Annotated[str, typer.Option("--item", show_default=False)],
    period: Annotated[str, typer.Option("--period", help="2026-03, 2026-Q1, 2026-H1 or 2026", show_default=False)],
    done: Annotated[bool, typer.Option("--done/--not-done")] = True,
    evidence: EvidenceOption = None,
    note: NoteOption = None,
    of_source: KeyOption = None,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Check an item of a signed list off for a period; again, what is known of it now."""
    values = {
        "list": key, "list_source": of_source, "item": item, "period": period, "result": "done" if done else "not_done",
        "evidence": evidence or [], "note": note,
    }  # fmt: skip
    operate(context(data, as_json, lang), "responsibility-checked", values, on)


@responsibility.command()
def withdraw(
    key: ListArgument,
    reason: Annotated[str, typer.Option("--reason", show_default=False)],
    of_source: KeyOption = None,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Withdraw a list: nothing is due by it any more."""
    values = {"list": key, "list_source": of_source, "reason": reason}
    operate(context(data, as_json, lang), "responsibility-withdrawn", values, on)


def _period_text(ctx: Context, row: Mapping[str, Any], period: str) -> str:
    """A period with its state, and the day of the check that settled it."""
    settled = row["settled"].get(period)
    return f"{period} {word(ctx.lang, row['periods'][period])}" + (f" ({settled})" if settled else "")


@responsibility.command("list")
def list_lists(
    division: ByDivision,
    year: Annotated[int | None, typer.Option("--year", help="else that of the day", show_default=False)] = None,
    by_unit: Annotated[bool, typer.Option("--by-unit", help="counts of each unit")] = False,
    on: OnOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Lists of a division: signed or not, items done, not done and overdue by period."""
    ctx, day = context(data, as_json, lang), asked_day(on)
    with talent_tables(ctx) as (_, connection):
        rows = responsibility_lists(connection, checked_division(division), year or day.year, day)
    head = {"division": division, "on": day.isoformat(), "year": year or day.year}
    if by_unit:
        units = responsibility_by_unit(rows)
        counted: Any = (
            ("单位", "unit", "unit"), ("清单", "lists", "lists"), ("未签订", "not signed", "unsigned"),
            ("完成", "done", "done"),
            ("未完成", "not done", "not_done"), ("逾期", "overdue", "overdue"),
        )  # fmt: skip
        show_rows(ctx, {**head, "units": units}, units, counted)
        return
    items = [
        {**item, "list": row["list"], "unit": row["unit"], "signer": row["signer"], "signed_on": row["signed_on"]}
        for row in rows
        for item in row["items"]
    ]
    columns = (
        ("清单", "list", "list"), ("单位", "unit", "unit"), ("责任人", "signer", "signer"), ("签订", "signed", "signed_on"),
        ("事项", "item", "says"), ("周期", "every", "every"),
        ("进度", "periods", lambda row: "、".join(_period_text(ctx, row, period) for period in row["periods"])),
    )  # fmt: skip
    show_rows(ctx, {**head, "lists": rows}, items, columns)
