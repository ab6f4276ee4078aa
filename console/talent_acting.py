"""How an operator's fact about the pool reaches talent: checked as the service would, published, answered by a receipt."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel, TypeAdapter, ValidationError

from console import publishing
from console.context import WRONG, Context, fail, run_async
from console.people import business_day_of, person_ref_of
from console.publishing import Message, send, show_receipt
from contracts.base import PersonRef, business_day
from contracts.intake import INTAKE_BYTES_MAX
from contracts.problems import problems_of
from contracts.roles import DESK, OPERATOR
from eventlog.ids import SystemClock

__all__ = ["PersonArgument", "fact_message", "ref_of", "report", "without_none"]

PersonArgument = Annotated[str, typer.Argument(help="a person_ref, or <source>:<key> such as hr:K001", show_default=False)]

_REF: TypeAdapter[str] = TypeAdapter(PersonRef)


def ref_of(ctx: Context, person: str) -> str:
    """A person_ref as it is, known to the registry or not yet; a source's key is looked up there."""
    try:
        return _REF.validate_python(person)
    except ValidationError:
        return person_ref_of(ctx, person)


def fact_message(fact: str, data: Mapping[str, Any], on: date, at: datetime, source: str = OPERATOR) -> Message:
    """A person's message of a fact. Each is one of its own, so its id is new."""
    return publishing.fact_message(source, "talent", fact, data, on, at)


def without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def report(
    ctx: Context, fact: str, model: type[BaseModel], values: Mapping[str, Any], on: str | date | None, file: Path | None = None
) -> None:
    """Check a fact, publish it, show the receipt. on: its effective date; else today. Ends the command with 2 or 3."""
    at = SystemClock().now()
    day = (business_day_of("--on", on) if not isinstance(on, date) else on) or business_day(at)
    data = without_none(values)
    try:
        model.model_validate(data)
    except ValidationError as error:
        problems = problems_of(error, lang="zh" if ctx.lang == "zh" else "en")
        fail(WRONG, "\n".join(f"{p.field}: {p.problem}; {p.remedy}" for p in problems))
    source = ctx.who(OPERATOR, DESK)
    message = fact_message(fact, data, day, at, source)
    if len(message.message) > INTAKE_BYTES_MAX:
        named = f"{file} makes" if file is not None else "this makes"
        fail(WRONG, f"{named} a message of {len(message.message)} bytes, the limit is {INTAKE_BYTES_MAX}; write less")
    show_receipt(ctx, run_async(send(ctx, source, "talent", message)))
