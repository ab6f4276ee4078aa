"""What the commands of development share: an act that is checked, published and answered, and rows that are listed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Annotated, Any

import typer
from pydantic import BaseModel, TypeAdapter, ValidationError
from rich.table import Table
from sqlalchemy import Connection

from console.context import WRONG, Context, fail, run_async
from console.parked import masked
from console.people import business_day_of, person_ref_of
from console.publishing import fact_message, send, show_receipt
from console.talent_development_words import word
from console.words import safe, show_table
from contracts.base import DivisionCode, PersonRef, business_day
from contracts.development_intake import MATTER_FACTS, PERSON_FACTS
from contracts.intake import INTAKE_BYTES_MAX
from contracts.problems import problems_of
from contracts.roles import DESK, OPERATOR
from eventlog.ids import SystemClock
from eventlog.log import Log

__all__ = [
    "ByDivision",
    "Columns",
    "KeyOption",
    "NoteOption",
    "OnOption",
    "PersonArgument",
    "asked_day",
    "checked_division",
    "day_text",
    "operate",
    "ref_of",
    "show_rows",
    "talent_tables",
]

PersonArgument = Annotated[str, typer.Argument(help="a person_ref, or <source>:<key> such as hr:K001", show_default=False)]
OnOption = Annotated[str | None, typer.Option("--on", help="effective date, YYYY-MM-DD; else today", show_default=False)]
ByDivision = Annotated[str, typer.Option("--division", help="GB/T 2260 code; those below it too", show_default=False)]
NoteOption = Annotated[str | None, typer.Option("--note", help="without naming anybody", show_default=False)]
KeyOption = Annotated[str | None, typer.Option("--of-source", help="whose key it is; else yours", show_default=False)]

FREE_TEXT = frozenset({"aim", "reason", "note", "says", "owner", "signer", "unit", "post", "title"})
"""Fields that people write as they like, recorded for ever in plain text."""
_REF: TypeAdapter[str] = TypeAdapter(PersonRef)
_DIVISION: TypeAdapter[str] = TypeAdapter(DivisionCode)

Columns = Sequence[tuple[str, str, str | Callable[[Mapping[str, Any]], str]]]
"""(Chinese heading, English heading, key of the row or what is shown of it)."""


# --- what is asked ------------------------------------------------------------------------------------------------------


def ref_of(ctx: Context, person: str) -> str:
    """A person_ref as it is, known to the registry or not yet; a source's key is looked up there."""
    try:
        return _REF.validate_python(person)
    except ValidationError:
        return person_ref_of(ctx, person)


def checked_division(division: str) -> str:
    try:
        return _DIVISION.validate_python(division)
    except ValidationError:
        fail(WRONG, f"--division {division} is no code of GB/T 2260; write six digits such as 320102")


def asked_day(on: str | None) -> date:
    """The day of ``--on``, else today."""
    return business_day_of("--on", on) or business_day(SystemClock().now())


def day_text(option: str, text: str) -> str:
    """A day as it is written in a message. Ends the command with 2 if it is none."""
    day = business_day_of(option, text)
    assert day is not None
    return day.isoformat()


@contextmanager
def talent_tables(ctx: Context) -> Iterator[tuple[Log, Connection]]:
    """Talent's log and a connection to its tables."""
    with ctx.log("talent") as log, log.database.read.connect() as connection:
        yield log, connection


# --- acts ---------------------------------------------------------------------------------------------------------------


def operate(ctx: Context, fact: str, values: Mapping[str, Any], on: str | None, person: str | None = None) -> None:
    """Check an act as the service would, publish it, show the receipt. Each act is one of its own."""
    at = SystemClock().now()
    day = business_day_of("--on", on) or business_day(at)
    for name in FREE_TEXT & values.keys():
        if isinstance(values[name], str) and masked(values[name]) != values[name]:
            fail(WRONG, f"--{name} holds a number that looks like personal data; it is recorded for ever, so leave it out")
    data = {name: value for name, value in values.items() if value is not None and value != []}
    if person is not None:
        data = {"person": {"person_ref": ref_of(ctx, person)}, **data}
    model: type[BaseModel] = (PERSON_FACTS | MATTER_FACTS)[fact]
    try:
        model.model_validate(data)
    except ValidationError as error:
        problems = problems_of(error, lang="zh" if ctx.lang == "zh" else "en")
        fail(WRONG, "\n".join(f"{p.field}: {p.problem}; {p.remedy}" for p in problems))
    source = ctx.who(OPERATOR, DESK)
    message = fact_message(source, "talent", fact, data, day, at)
    if len(message.message) > INTAKE_BYTES_MAX:
        fail(WRONG, f"this makes a message of {len(message.message)} bytes, the limit is {INTAKE_BYTES_MAX}; write less")
    show_receipt(ctx, run_async(send(ctx, source, "talent", message)))


# --- lists --------------------------------------------------------------------------------------------------------------


def show_rows(
    ctx: Context, answer: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], columns: Columns, title: str = ""
) -> None:
    """The answer as JSON, or its rows as a table; words of the scheme are shown in the chosen language."""
    if ctx.as_json:
        ctx.show(answer)
        return
    table = Table()
    for zh, en, _ in columns:
        table.add_column(ctx.say(zh, en), overflow="fold")
    for row in rows:
        table.add_row(*(safe(_cell(ctx, row, shown)) for _, _, shown in columns))
    show_table(ctx.out, table, title)
    if not rows:
        ctx.out.print(ctx.say("没有记录", "nothing is listed"))


def _cell(ctx: Context, row: Mapping[str, Any], shown: str | Callable[[Mapping[str, Any]], str]) -> str:
    value = shown(row) if callable(shown) else row[shown]
    if value is None:
        return ""
    if isinstance(value, bool):
        return ctx.say("是", "yes") if value else ctx.say("否", "no")
    return word(ctx.lang, str(value))
