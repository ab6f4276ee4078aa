"""``hongling policy``: check, publish, list and show policy documents, as the office that writes them sees them."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, assert_never

import orjson
import typer
from rich.console import Console
from rich.table import Table

from console.client import IntakeClient, PublishFailed, TooLarge, Unreachable
from console.context import (
    UNREACHABLE,
    WRONG,
    Context,
    DataOption,
    JsonOption,
    LangOption,
    chosen_language,
    context,
    fail,
    run_async,
)
from console.topology import POLICY_OFFICE
from console.words import Words, day_of, safe, show_table, yuan
from contracts.allowance import PolicyPublished
from contracts.base import utc_text
from contracts.intake import INTAKE_BYTES_MAX, fact_subject
from contracts.policy import (
    AllowanceLine,
    CategoryRule,
    CertificateRule,
    EngagedRule,
    FullTimeRule,
    InspectionRule,
    NotCivilServantRule,
    PolicyDocument,
    RatingRule,
    Rule,
)
from contracts.receipts import Receipt
from eventlog.documents import DocumentProblem
from eventlog.intake import replay_receipt, seen_before
from eventlog.log import Recorded
from services.allowance.engine import categories_paid
from services.allowance.handlers import POLICIES
from services.allowance.policy import check_policy, policy_rows, read_policy
from services.allowance.settings_text import setting_rows

__all__ = [
    "Message",
    "has_errors",
    "policy_message",
    "problems_text",
    "read_document",
    "receipt_on_file",
    "register",
    "send",
    "show_receipt",
]

ANSWER_SECONDS_MAX = 30.0
TEXT_BYTES_MAX = 1024 * 1024
"""Bytes of a file that is read at all; what a policy may really have is checked after that."""

policy = typer.Typer(no_args_is_help=True, help="Policy documents: check, publish, list, show.")

FileArgument = Annotated[Path, typer.Argument(help="YAML file of a policy document", show_default=False)]


def register(app: typer.Typer) -> None:
    app.add_typer(policy, name="policy")


# --- check ------------------------------------------------------------------------------------------------------------


@policy.command()
def check(file: FileArgument, data: DataOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """Say what is wrong or doubtful in a document, at its line and column. Publishes nothing; ends with 2 on errors."""
    # It asks no deployment, so --data and HONGLING_DATA are left alone.
    ctx = Context(None, as_json, chosen_language(lang), Console(highlight=False, soft_wrap=True))
    problems = check_policy(read_document(file))
    answer = {"file": str(file), "ok": not has_errors(problems), "problems": [asdict(problem) for problem in problems]}
    ctx.show(answer, lambda: problems_text(ctx, file, problems))
    if has_errors(problems):
        raise typer.Exit(WRONG)


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


# --- publish ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Message:
    """One intake message to publish."""

    subject: str
    message_id: str
    message: bytes


def policy_message(text: str, document: PolicyDocument, at: datetime) -> Message:
    """The intake message of a document. Its id comes from the text, so that the same text is one message for ever."""
    kind, message_id = "intake.policy-published.v1", f"policy-{hashlib.sha256(text.encode()).hexdigest()}"
    envelope = {
        "specversion": "1.0",
        "id": message_id,
        "source": POLICY_OFFICE,
        "type": kind,
        "time": utc_text(at),
        "effectiveon": document.effective.first_day.isoformat(),
        "data": {"text": text},
    }
    return Message(fact_subject(POLICY_OFFICE, "allowance", kind), message_id, orjson.dumps(envelope))


@policy.command()
def publish(file: FileArgument, data: DataOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """Check a document and publish it; everybody whom it concerns is calculated again. Safe to repeat."""
    ctx = context(data, as_json, lang)
    text = read_document(file)
    problems = check_policy(text)
    if has_errors(problems):
        answer = {"file": str(file), "ok": False, "problems": [asdict(problem) for problem in problems]}
        ctx.show(answer, lambda: problems_text(ctx, file, problems))
        raise typer.Exit(WRONG)
    message = policy_message(text, read_policy(text), datetime.now(UTC))
    if len(message.message) > INTAKE_BYTES_MAX:
        fail(
            WRONG, f"{file} makes a message of {len(message.message)} bytes, the limit is {INTAKE_BYTES_MAX}; shorten its notes"
        )
    receipt = run_async(send(ctx, POLICY_OFFICE, "allowance", message))
    show_receipt(ctx, receipt)


async def send(ctx: Context, user: str, service: str, message: Message) -> Receipt:
    """Publish one message as a user of the broker, wait for its receipt, and return it. Ends the command with 3 without one.

    A message that was settled before, and that the broker drops as a repeat, gets no new receipt: then the service's own
    copy of it is looked up, where its database can be reached.
    """
    url, password = ctx.broker_url(), ctx.password(user)
    try:
        async with IntakeClient(url, user, password) as client:
            given = receipt_on_file(ctx, service, user, message.message_id)
            summary = await client.publish_and_wait([message], 1.0 if given is not None else ANSWER_SECONDS_MAX)
    except TooLarge as error:
        fail(WRONG, str(error))
    except (Unreachable, PublishFailed) as error:
        fail(UNREACHABLE, str(error))
    receipt = summary.receipts.get(message.message_id) or given or receipt_on_file(ctx, service, user, message.message_id)
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
    ctx.show({**receipt.payload(), **(more or {})}, lambda: _receipt_text(ctx, receipt) + (f"\n{text}" if text else ""))
    if receipt.outcome in ("refused", "parked"):
        raise typer.Exit(WRONG)


def _receipt_text(ctx: Context, receipt: Receipt) -> str:
    names = {
        "accepted": ctx.say("[green]已接受[/green]", "[green]accepted[/green]"),
        "refused": ctx.say("[red]已退回[/red]", "[red]refused[/red]"),
        "waiting": ctx.say("[yellow]等待中[/yellow]", "[yellow]waiting[/yellow]"),
        "parked": ctx.say("[red]已搁置[/red]", "[red]parked[/red]"),
    }
    again = ctx.say("（此前已处理过）", " (it was settled before)") if receipt.repeated else ""
    lines = [f"{names[receipt.outcome]} {safe(receipt.id)}{again}"]
    lines += [ctx.say(f"事件 {each}", f"event {each}") for each in receipt.events]
    lines += [f"{safe(p.field)} {safe(p.code)}: {safe(p.problem)}; {safe(p.remedy)}" for p in receipt.problems]
    return "\n".join(lines)


# --- list and show ----------------------------------------------------------------------------------------------------


@policy.command("list")
def list_(data: DataOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """Every published document, in the order of publication."""
    ctx = context(data, as_json, lang)
    found = [_row(recorded, document) for recorded, document in _published(ctx)]
    if as_json:
        ctx.show(found)
        return
    table = Table()
    for column in ctx.say(
        "文号,版本,区划,标题,生效期,印发,性质,发布", "document,revision,division,title,effective,issued,status,published"
    ).split(","):
        table.add_column(column, overflow="fold")
    words = Words(ctx.lang)
    for row in found:
        title = row["title"] if ctx.lang == "zh" else row["title_en"] or row["title"]
        table.add_row(
            safe(row["document"]),
            str(row["revision"]),
            row["division"],
            safe(title),
            f"{row['first_day']} – {row['last_day'] or '…'}",
            row["issued_on"],
            words.word("status", row["status"]),
            day_of(row["recorded_at"]),
        )
    show_table(ctx.out, table)


def _published(ctx: Context) -> list[tuple[Recorded, PolicyDocument]]:
    with ctx.log("allowance") as log, log.database.read.connect() as connection:
        events = log.load(connection, [POLICIES])[POLICIES]
    return [(each, each.event.document) for each in events if isinstance(each.event, PolicyPublished)]


def _row(recorded: Recorded, document: PolicyDocument) -> dict[str, Any]:
    last = document.effective.last_day
    return {
        "document": document.document,
        "revision": document.revision,
        "division": document.division,
        "title": document.title,
        "title_en": document.title_en,
        "first_day": document.effective.first_day.isoformat(),
        "last_day": None if last is None else last.isoformat(),
        "issued_on": document.issued_on.isoformat(),
        "status": document.status,
        "event_id": recorded.event_id,
        "recorded_at": recorded.recorded_at,
    }


@policy.command()
def show(
    document: Annotated[str, typer.Argument(help="the document's number", show_default=False)],
    revision: Annotated[int | None, typer.Option("--revision", help="else the last one", show_default=False)] = None,
    division: Annotated[
        str | None, typer.Option("--division", help="if two divisions use the number", show_default=False)
    ] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """A published document as an official would recognise it: conditions, amounts, payers, and what each setting means."""
    ctx = context(data, as_json, lang)
    published = _published(ctx)
    named = [each for each in published if each[1].document == document and division in (None, each[1].division)]
    if not named:
        known = ", ".join(dict.fromkeys(each.document for _, each in published)) or ctx.say("没有", "none")
        fail(WRONG, ctx.say(f"没有发布过 {document}；已发布：{known}", f"{document} was not published; published are: {known}"))
    divisions = sorted({each.division for _, each in named})
    if len(divisions) > 1:
        fail(WRONG, f"{document} was published for {', '.join(divisions)}; choose one with --division")
    chosen = [each for each in named if revision in (None, each[1].revision)]
    if not chosen:
        revisions = ", ".join(str(each.revision) for _, each in named)
        fail(WRONG, f"{document} has no revision {revision}; published are: {revisions}")
    recorded, found = max(chosen, key=lambda each: each[1].revision)
    if as_json:
        ctx.show(_shown(recorded, found))
    else:
        _print_policy(ctx, recorded, found)


def _shown(recorded: Recorded, document: PolicyDocument) -> dict[str, Any]:
    assert isinstance(recorded.event, PolicyPublished)
    return {
        **_row(recorded, document),
        "text_sha256": recorded.event.text_sha256,
        "policy": document.model_dump(mode="json"),
        "amounts": [{**asdict(row), "combination": dict(row.combination)} for row in policy_rows(document)],
        "settings": [
            {"setting": row.setting, "value": row.value, "number": row.number, "is_default": row.is_default}
            for row in setting_rows(document)
        ],
    }


# --- a document as text -----------------------------------------------------------------------------------------------


def _print_policy(ctx: Context, recorded: Recorded, document: PolicyDocument) -> None:
    words = Words(ctx.lang, document)
    ctx.out.print("\n".join(_head_lines(words, recorded, document)))
    ctx.out.print(ctx.say("[bold]条件（须全部符合）[/bold]", "[bold]Conditions, all of which must be met[/bold]"))
    for rule in document.eligibility:
        clause = safe(words.clause(rule.clause))
        ctx.out.print(f"  {safe(rule_text(words, document, rule))}" + ctx.say(f"（{clause}）", f" ({clause})"))
    for line in document.lines:
        show_table(ctx.out, _amount_table(words, document, line), _line_title(words, line))
    ctx.out.print(_limits_text(words, document))
    table = Table()
    for column in ctx.say("问题,规定,取值", "question,answer,value").split(","):
        table.add_column(column, overflow="fold")
    for row in setting_rows(document):
        number = f" ({row.number})" if row.number is not None else ""
        default = ctx.say("，缺省", ", default") if row.is_default else ""
        question, meaning = words.say(row.question.zh, row.question.en), words.say(row.meaning.zh, row.meaning.en)
        table.add_row(safe(question), safe(meaning), safe(f"{row.setting}: {row.value}{number}{default}"))
    show_table(ctx.out, table, ctx.say("各项规定", "How the open questions are answered"))


def _head_lines(words: Words, recorded: Recorded, document: PolicyDocument) -> list[str]:
    period = document.effective
    title = words.say(document.title, document.title_en or document.title)
    last = period.last_day.isoformat() if period.last_day else words.say("另行通知", "further notice")
    name, day = safe(document.document), day_of(recorded.recorded_at)
    number, place, issued = document.revision, document.division, document.issued_on
    lines = [
        f"[bold]{safe(title)}[/bold]",
        words.say(
            f"文号 {name}，第 {number} 版，适用区划 {place} 及以下",
            f"document {name}, revision {number}, for {place} and below",
        ),
        words.say(
            f"{issued} 印发，{period.first_day} 至 {last} 有效，{day} 发布（事件 {recorded.event_id}）",
            f"issued {issued}, in effect {period.first_day} to {last}, published {day} (event {recorded.event_id})",
        ),
        words.say("性质：", "status: ") + words.word("status", document.status),
        words.say("出处：", "source: ") + safe(document.source),
    ]
    return lines + ([words.say("说明：", "note: ") + safe(document.note)] if document.note else [])


def rule_text(words: Words, document: PolicyDocument, rule: Rule) -> str:
    """One condition in words: ``annual rating: good or above``."""
    name = words.predicate(rule.rule)
    match rule:
        case CategoryRule():
            among = [words.word("category", each) for each in categories_paid(document, rule)]
            return f"{name}{words.say('：', ': ')}{words.say('、', ', ').join(among)}"
        case CertificateRule(at_least=grade) if grade is not None:
            return f"{name}{words.say('：', ': ')}{_or_above(words, words.word('grade', grade))}"
        case RatingRule():
            return f"{name}{words.say('：', ': ')}{_or_above(words, words.word('rating', rule.at_least))}"
        case CertificateRule() | EngagedRule() | FullTimeRule() | NotCivilServantRule() | InspectionRule():
            return name
        case _:
            assert_never(rule)


def _or_above(words: Words, word: str) -> str:
    return words.say(f"{word}及以上", f"{word} or above")


def _line_title(words: Words, line: AllowanceLine) -> str:
    per = words.say("每年" if line.period == "annual" else "每月", "a year" if line.period == "annual" else "a month")
    clause, status = words.clause(line.clause), words.word("status", line.status)
    name = words.line(line.name)
    return safe(words.say(f"{name}，{per}（{clause}，金额为{status}）", f"{name}, {per} ({clause}, amounts: {status})"))


def _amount_table(words: Words, document: PolicyDocument, line: AllowanceLine) -> Table:
    table = Table()
    for dimension in line.by:
        table.add_column(words.word("dimension", dimension))
    table.add_column(words.say("金额", "amount"), justify="right")
    table.add_column(words.say("支付方", "paid by"), overflow="fold")
    for row in policy_rows(document):
        if row.line != line.name:
            continue
        cells = [safe(_cell(words, dimension, value)) for dimension, value in row.combination]
        table.add_row(*cells, yuan(row.amount_fen), safe(_payers(words, row.paid_by)))
    return table


def _cell(words: Words, dimension: str, value: str) -> str:
    if dimension == "full_time":
        return words.say("专职", "full time") if value == "true" else words.say("兼职", "part time")
    return words.word(dimension, value)


def _payers(words: Words, text: str) -> str:
    """``city 60 % + county 40 %`` with the payers' own names."""
    return re.sub(r"[a-z][a-z0-9_-]*", lambda m: words.payer(m.group()), text)


def _limits_text(words: Words, document: PolicyDocument) -> str:
    units = {"fen": ("分", "fen"), "jiao": ("角", "jiao"), "yuan": ("元", "yuan")}
    ways = {"half_up": ("四舍五入", "half up"), "down": ("舍去尾数", "down"), "up": ("进位", "up")}
    unit, way = words.say(*units[document.rounding.to]), words.say(*ways[document.rounding.how])
    text = words.say(f"每项{way}到{unit}", f"each line is rounded {way} to the {unit}")
    if document.cap is not None:
        most, clause = yuan(document.cap.amount_fen), safe(words.clause(document.cap.clause))
        text += words.say(f"；每人每年最多 {most}（{clause}）", f"; at most {most} a person and year ({clause})")
    return text
