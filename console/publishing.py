"""What commands that publish share: documents that are checked first, one envelope for all messages, and the receipt."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import orjson
import typer
from joserfc.jwk import OKPKey
from rich.console import Console

from console.client import IntakeClient, PublishFailed, TooLarge, Unreachable
from console.context import UNREACHABLE, WRONG, Context, chosen_language, fail, run_async
from console.sealing import load_public_key, take_key
from console.words import safe
from contracts.base import utc_text
from contracts.document_words import in_words
from contracts.intake import INTAKE_BYTES_MAX, fact_subject
from contracts.problems import Lang
from contracts.receipts import Receipt
from contracts.refusals import in_language
from contracts.roles import POLICY_OFFICE
from eventlog.documents import DocumentProblem
from eventlog.ids import SystemClock, SystemEntropy, uuid7
from eventlog.intake import replay_receipt, seen_before

__all__ = [
    "Message",
    "check_document",
    "document_message",
    "fact_message",
    "has_errors",
    "is_proposed",
    "problems_text",
    "publish_document",
    "read_document",
    "receipt_on_file",
    "receipt_text",
    "sealing_key",
    "send",
    "show_receipt",
    "sound_document",
]

ANSWER_SECONDS_MAX = 30.0
TEXT_BYTES_MAX = 1024 * 1024
"""Bytes of a file that is read at all; what a document may really have is checked after that."""

Check = Callable[[str], Sequence[DocumentProblem]]


# --- messages ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Message:
    """One intake message to publish."""

    subject: str
    message_id: str
    message: bytes


def fact_message(
    user: str, service: str, fact: str, data: Mapping[str, Any], on: date, at: datetime, message_id: str | None = None
) -> Message:
    """A user's intake message ``intake.<fact>.v1``. message_id: None for an act of its own, whose id is new."""
    kind = f"intake.{fact}.v1"
    name = message_id or f"{fact}-{uuid7(at, SystemEntropy())}"
    envelope = {
        "specversion": "1.0",
        "id": name,
        "source": user,
        "type": kind,
        "time": utc_text(at.astimezone(UTC)),
        "effectiveon": on.isoformat(),
        "data": data,
    }
    return Message(fact_subject(user, service, kind), name, orjson.dumps(envelope))


def document_message(
    service: str, fact: str, prefix: str, text: str, on: date, at: datetime, source: str = POLICY_OFFICE
) -> Message:
    """The policy office's message of a document. Its id comes from the text, so that the same text is one message for ever."""
    message_id = f"{prefix}-{hashlib.sha256(text.encode()).hexdigest()}"
    return fact_message(source, service, fact, {"text": text}, on, at, message_id)


# --- documents --------------------------------------------------------------------------------------------------------


def read_document(file: Path) -> str:
    """The text of a file that somebody wrote. Ends the command with 2 if it cannot be read."""
    try:
        with file.open("rb") as opened:
            raw = opened.read(TEXT_BYTES_MAX + 1)
    except OSError as error:
        fail(WRONG, f"{file} cannot be read: {error.strerror}")
    if len(raw) > TEXT_BYTES_MAX:
        fail(WRONG, f"{file} has more than {TEXT_BYTES_MAX} bytes; a document is far shorter")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        fail(WRONG, f"{file} is not UTF-8 (byte {error.start}); save it as UTF-8")


def has_errors(problems: Sequence[DocumentProblem]) -> int:
    """How many problems keep the document from being published."""
    return sum(problem.severity == "error" for problem in problems)


def problems_text(ctx: Context, file: Path, problems: Sequence[DocumentProblem]) -> str:
    colour = {"error": "red", "warning": "yellow"}
    name = {"error": ctx.say("错误", "error"), "warning": ctx.say("注意", "warning")}
    lines = [
        f"{safe(file)}:{p.line}:{p.column} [{colour[p.severity]}]{name[p.severity]}[/{colour[p.severity]}] "
        f"{safe(p.key)}: {safe(p.problem)}; {safe(p.remedy)} [dim]({safe(p.code)})[/dim]"
        for p in problems
    ]
    errors = has_errors(problems)
    warnings = len(problems) - errors
    lines.append(ctx.say(f"错误 {errors} 处，注意 {warnings} 处", f"{errors} errors, {warnings} warnings"))
    return "\n".join(lines)


def check_document(file: Path, check: Check, as_json: bool, lang: str | None) -> None:
    """Show what is wrong or doubtful in a document. Asks no deployment. Ends the command with 2 on errors."""
    # --data and HONGLING_DATA are left alone.
    ctx = Context(None, as_json, chosen_language(lang), Console(highlight=False, soft_wrap=True))
    problems = in_language_of(ctx, check(read_document(file)))
    _show_problems(ctx, file, problems)
    if has_errors(problems):
        raise typer.Exit(WRONG)


def sound_document(ctx: Context, file: Path, check: Check) -> str:
    """The text of a document without errors; otherwise they are shown, and the command ends with 2."""
    text = read_document(file)
    problems = check(text)
    if has_errors(problems):
        _show_problems(ctx, file, in_language_of(ctx, problems))
        raise typer.Exit(WRONG)
    return text


def in_language_of(ctx: Context, problems: Sequence[DocumentProblem]) -> list[DocumentProblem]:
    """The problems of a document as the command speaks: places, keys and codes stay."""
    lang: Lang = "zh" if ctx.lang == "zh" else "en"
    return [replace(each, problem=in_words(each.problem, lang), remedy=in_words(each.remedy, lang)) for each in problems]


def _show_problems(ctx: Context, file: Path, problems: Sequence[DocumentProblem]) -> None:
    answer = {"file": str(file), "ok": not has_errors(problems), "problems": [asdict(problem) for problem in problems]}
    ctx.show(answer, lambda: problems_text(ctx, file, problems))


def publish_document(
    ctx: Context, file: Path, service: str, check: Check, made: Callable[[str, datetime, str], Message], again: bool = False
) -> None:
    """Check a document, publish it, and show the receipt. Safe to repeat. Ends with 2 on errors.

    again: as a message of its own: the proposal of before was withdrawn, or its time is over.
    """
    source = ctx.who(POLICY_OFFICE)
    message = made(sound_document(ctx, file, check), datetime.now(UTC), source)
    if again:
        message = _anew(message)
    if len(message.message) > INTAKE_BYTES_MAX:
        fail(
            WRONG, f"{file} makes a message of {len(message.message)} bytes, the limit is {INTAKE_BYTES_MAX}; shorten its notes"
        )
    receipt = run_async(send(ctx, source, service, message))
    text = ctx.say(
        f"请另一人查看后执行：hongling proposal confirm {safe(file)}",
        f"then, by another principal who has looked at it: hongling proposal confirm {safe(file)}",
    )
    show_receipt(ctx, receipt, text=text if is_proposed(receipt) else "")


def is_proposed(receipt: Receipt) -> bool:
    """Whether what was sent waits for a second principal."""
    return any(each.code == "proposed" for each in receipt.warnings)


def _anew(message: Message) -> Message:
    name = f"{message.message_id}-{uuid7(SystemClock().now(), SystemEntropy())}"
    return Message(message.subject, name, orjson.dumps({**orjson.loads(message.message), "id": name}))


# --- what becomes of a message ----------------------------------------------------------------------------------------


async def send(ctx: Context, user: str, service: str, message: Message) -> Receipt:
    """Publish one message as a user of the broker, wait for its receipt, and return it. Ends the command with 3 without one.

    A message that was settled before is answered once more.
    """
    url, seed_file = ctx.broker_url(), ctx.seed_file(user)
    try:
        async with IntakeClient(url, user, seed_file, transport=ctx.transport) as client:
            summary = await client.publish_and_wait([message], ANSWER_SECONDS_MAX)
    except TooLarge as error:
        fail(WRONG, str(error))
    except (Unreachable, PublishFailed) as error:
        fail(UNREACHABLE, str(error))
    receipt = summary.receipts.get(message.message_id)
    if receipt is None:
        fail(
            UNREACHABLE,
            f"message {message.message_id} is stored, but {service} has not answered within {ANSWER_SECONDS_MAX:.0f} s; "
            "see `hongling status`, then give the command again: it is safe to repeat",
        )
    return receipt


def receipt_on_file(ctx: Context, service: str, source: str, message_id: str) -> Receipt | None:
    if ctx.deployment is None and not os.environ.get(f"HONGLING_{service.upper()}_DATABASE_URL"):
        return None
    with ctx.log(service) as log, log.database.read.connect() as connection:
        seen = seen_before(connection, [(source, message_id)]).get((source, message_id))
        found = None if seen is None else replay_receipt(connection, seen, datetime.now(UTC))
    return None if found is None else Receipt.model_validate(found)


def show_receipt(ctx: Context, receipt: Receipt, more: Mapping[str, Any] | None = None, text: str = "") -> None:
    """Show an answer; a message that was refused or parked ends the command with 2."""
    ctx.show({**receipt.payload(), **(more or {})}, lambda: receipt_text(ctx, receipt) + (f"\n{text}" if text else ""))
    if receipt.outcome in ("refused", "parked"):
        raise typer.Exit(WRONG)


def receipt_text(ctx: Context, receipt: Receipt) -> str:
    names = {
        "accepted": ctx.say("[green]已接受[/green]", "[green]accepted[/green]"),
        "refused": ctx.say("[red]已退回[/red]", "[red]refused[/red]"),
        "waiting": ctx.say("[yellow]等待中[/yellow]", "[yellow]waiting[/yellow]"),
        "parked": ctx.say("[red]已搁置[/red]", "[red]parked[/red]"),
    }
    again = ctx.say("（此前已处理过）", " (it was settled before)") if receipt.repeated else ""
    lines = [f"{names[receipt.outcome]} {safe(receipt.id)}{again}"]
    lines += [ctx.say(f"事件 {each}", f"event {each}") for each in receipt.events]
    lang: Lang = "zh" if ctx.lang == "zh" else "en"
    for each in (in_language(problem, lang) for problem in receipt.problems):
        lines.append(f"{safe(each.field)} {safe(each.code)}: {safe(each.problem)}; {safe(each.remedy)}")
    for each in (in_language(warning, lang) for warning in receipt.warnings):
        where = f"{safe(each.field)} " if each.field else ""
        lines.append(f"[yellow]{where}{safe(each.code)}: {safe(each.problem)}; {safe(each.remedy)}[/yellow]")
    return "\n".join(lines)


def sealing_key(ctx: Context, source: str, path: Path) -> OKPKey:
    """The key to seal with: the one that the registry tells, if it answers; else that of the file. Raises OSError, ValueError.

    The file of a deployment is the registry's own, and new as soon as the key is.
    """
    if ctx.deployment is not None or not os.environ.get("HONGLING_NATS_URL"):
        return load_public_key(path)

    async def asked() -> dict[str, str] | None:
        async with IntakeClient(ctx.broker_url(), source, ctx.seed_file(source)) as client:
            return await client.seal_key()

    try:
        told = run_async(asked())
    except Unreachable:
        told = None
    return take_key(path, told)
