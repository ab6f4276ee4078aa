"""``hongling policy``: check, publish, list and show policy documents, as the office that writes them sees them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, assert_never

import typer
from rich.console import Console
from rich.table import Table

from console.context import (
    WRONG,
    Context,
    DataOption,
    JsonOption,
    LangOption,
    chosen_language,
    context,
    fail,
)
from console.proposals import confirm_file
from console.publishing import Message, check_document, document_message, publish_document, sound_document
from console.words import Words, day_of, safe, show_table, yuan
from contracts.allowance import PolicyPublished
from contracts.policy import (
    AllowanceLine,
    AmountRow,
    CategoryRule,
    CertificateRule,
    Dimension,
    EngagedRule,
    EntryChannelRule,
    Floor,
    FullTimeRule,
    InspectionRule,
    NotCivilServantRule,
    PolicyDocument,
    RatingRule,
    Rule,
    WithoutAllowanceRule,
)
from contracts.roles import POLICY_OFFICE
from eventlog.log import Recorded
from services.allowance.engine import VALID_IN, categories_paid
from services.allowance.handlers import POLICIES
from services.allowance.policy import PaidByRow, check_policy, policy_rows, read_policy
from services.allowance.settings_text import CHANNEL_TEXT, WITHIN_TEXT, setting_rows

__all__ = ["policy_message", "print_policy", "register"]

policy = typer.Typer(no_args_is_help=True, help="Policy documents: check, publish, confirm, list, show.")

FILE_SUFFIXES = (".yaml", ".yml")

FileArgument = Annotated[Path, typer.Argument(help="YAML file of a policy document", show_default=False)]


def register(app: typer.Typer) -> None:
    app.add_typer(policy, name="policy")


# --- check ------------------------------------------------------------------------------------------------------------


@policy.command()
def check(file: FileArgument, data: DataOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """Say what is wrong or doubtful in a document, at its line and column. Publishes nothing; ends with 2 on errors."""
    check_document(file, check_policy, as_json, lang)


# --- publish ----------------------------------------------------------------------------------------------------------


def policy_message(text: str, document: PolicyDocument, at: datetime, source: str = POLICY_OFFICE) -> Message:
    """The intake message of a document. Its id comes from the text, so that the same text is one message for ever."""
    return document_message("allowance", "policy-published", "policy", text, document.effective.first_day, at, source)


@policy.command()
def publish(
    file: FileArgument,
    again: Annotated[bool, typer.Option("--again", help="its proposal was withdrawn, or its time is over")] = False,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Check a document and propose it; with another principal's confirmation it is published. Safe to repeat."""
    ctx = context(data, as_json, lang)
    publish_document(
        ctx,
        file,
        "allowance",
        check_policy,
        lambda text, at, source: policy_message(text, read_policy(text), at, source),
        again,
    )


@policy.command()
def confirm(file: FileArgument, data: DataOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """Confirm as the reviewer exactly the document that the policy office has proposed.

    It is published, and everybody whom it concerns is calculated again.
    """
    confirm_file(context(data, as_json, lang), file, "allowance")


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
        "文号,版本,区划,待遇,标题,生效期,印发,性质,发布",
        "document,revision,division,instrument,title,effective,issued,status,published",
    ).split(","):
        table.add_column(column, overflow="fold")
    words = Words(ctx.lang)
    for row in found:
        title = row["title"] if ctx.lang == "zh" else row["title_en"] or row["title"]
        table.add_row(
            safe(row["document"]),
            str(row["revision"]),
            row["division"],
            words.instrument(row["instrument"]),
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
    return {**_named(document), "event_id": recorded.event_id, "recorded_at": recorded.recorded_at}


def _named(document: PolicyDocument) -> dict[str, Any]:
    last = document.effective.last_day
    return {
        "document": document.document,
        "revision": document.revision,
        "division": document.division,
        "instrument": document.instrument,
        "title": document.title,
        "title_en": document.title_en,
        "first_day": document.effective.first_day.isoformat(),
        "last_day": None if last is None else last.isoformat(),
        "issued_on": document.issued_on.isoformat(),
        "status": document.status,
    }


@policy.command()
def show(
    document: Annotated[str, typer.Argument(help="the document's number, or a YAML file of one", show_default=False)],
    revision: Annotated[int | None, typer.Option("--revision", help="else the last one", show_default=False)] = None,
    division: Annotated[
        str | None, typer.Option("--division", help="if two divisions use the number", show_default=False)
    ] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """A document as an official would recognise it: conditions, amounts, payers, and what each setting means.

    A file is shown as it would be published; it is asked of no deployment.
    """
    if Path(document).suffix in FILE_SUFFIXES:
        _show_file(Context(None, as_json, chosen_language(lang), Console(highlight=False, soft_wrap=True)), Path(document))
        return
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
        assert isinstance(recorded.event, PolicyPublished)
        ctx.show({**_row(recorded, found), "text_sha256": recorded.event.text_sha256, **_shown(found)})
    else:
        print_policy(ctx, found, recorded)


def _show_file(ctx: Context, file: Path) -> None:
    text = sound_document(ctx, file, check_policy)
    document = read_policy(text)
    if ctx.as_json:
        ctx.show({**_named(document), "text_sha256": hashlib.sha256(text.encode()).hexdigest(), **_shown(document)})
    else:
        print_policy(ctx, document)


def _shown(document: PolicyDocument) -> dict[str, Any]:
    return {
        "policy": document.model_dump(mode="json"),
        "amounts": [{**asdict(row), "combination": dict(row.combination)} for row in policy_rows(document)],
        "settings": [
            {
                "setting": row.setting,
                "value": row.value,
                "number": row.number,
                "is_default": row.is_default,
                "has_effect": row.has_effect,
            }
            for row in setting_rows(document)
        ],
    }


# --- a document as text -----------------------------------------------------------------------------------------------

COLUMNS_MAX = 6
"""Values that go side by side in a table of amounts; a dimension with more goes down the page."""
ACROSS: tuple[Dimension, ...] = ("rating", "full_time", "category", "grade")
"""Which of two or more dimensions goes across the page: the first of these that the table has."""


def print_policy(ctx: Context, document: PolicyDocument, recorded: Recorded | None = None) -> None:
    """Print a document. recorded: the event that published it, if it is published."""
    words = Words(ctx.lang, document)
    ctx.out.print("\n".join(_head_lines(words, document, recorded)))
    ctx.out.print(ctx.say("[bold]条件（须全部符合）[/bold]", "[bold]Conditions, all of which must be met[/bold]"))
    for rule in document.eligibility:
        clause = safe(words.clause(rule.clause))
        ctx.out.print(f"  {safe(rule_text(words, document, rule))}" + ctx.say(f"（{clause}）", f" ({clause})"))
    for line in document.lines:
        table, below = _line_table(words, document, line)
        show_table(ctx.out, table, _line_title(words, line))
        ctx.out.print("".join(f"  {safe(text)}\n" for text in below), end="")
    for floor in document.floors:
        show_table(ctx.out, _amounts_table(words, floor, ()), _floor_title(words, floor))
    ctx.out.print(_limits_text(words, document))
    table = Table()
    for column in ctx.say("问题,规定,取值", "question,answer,value").split(","):
        table.add_column(column, overflow="fold")
    for row in setting_rows(document):
        number = f" ({row.number})" if row.number is not None else ""
        default = ctx.say("，缺省", ", default") if row.is_default else ""
        default += "" if row.has_effect else ctx.say("，本办法不涉及", ", of no effect here")
        question, meaning = words.say(row.question.zh, row.question.en), words.say(row.meaning.zh, row.meaning.en)
        table.add_row(safe(question), safe(meaning), safe(f"{row.setting}: {row.value}{number}{default}"))
    show_table(ctx.out, table, ctx.say("各项规定", "How the open questions are answered"))


def _head_lines(words: Words, document: PolicyDocument, recorded: Recorded | None) -> list[str]:
    period = document.effective
    title = words.say(document.title, document.title_en or document.title)
    last = period.last_day.isoformat() if period.last_day else words.say("另行通知", "further notice")
    name, number, place, issued = safe(document.document), document.revision, document.division, document.issued_on
    published = words.say("尚未发布", "not published")
    if recorded is not None:
        day = day_of(recorded.recorded_at)
        published = words.say(f"{day} 发布（事件 {recorded.event_id}）", f"published {day} (event {recorded.event_id})")
    lines = [
        f"[bold]{safe(title)}[/bold]",
        words.say(
            f"文号 {name}，第 {number} 版，适用区划 {place} 及以下",
            f"document {name}, revision {number}, for {place} and below",
        ),
        words.say(
            f"{issued} 印发，{period.first_day} 至 {last} 有效，{published}",
            f"issued {issued}, in effect {period.first_day} to {last}, {published}",
        ),
        words.say("待遇：", "instrument: ") + words.instrument(document.instrument),
        words.say("性质：", "status: ") + words.word("status", document.status),
        words.say("出处：", "source: ") + safe(document.source),
    ]
    return lines + ([words.say("说明：", "note: ") + safe(document.note)] if document.note else [])


def rule_text(words: Words, document: PolicyDocument, rule: Rule) -> str:
    """One condition in words: ``annual rating: good or above``."""
    name = words.predicate(rule.rule)
    match rule:
        case CategoryRule():
            return _listed(words, name, [words.word("category", each) for each in categories_paid(document, rule)])
        case EntryChannelRule():
            return _listed(words, name, [words.say(CHANNEL_TEXT[each].zh, CHANNEL_TEXT[each].en) for each in rule.among])
        case CertificateRule():
            said = [_or_above(words, words.word("grade", rule.at_least))] if rule.at_least is not None else []
            if document.settings.territory == "required":
                said += _territory(words, rule)
            return _listed(words, name, said) if said else name
        case RatingRule():
            return _listed(words, name, [_or_above(words, words.word("rating", rule.at_least))])
        case WithoutAllowanceRule(within="month"):
            return _listed(words, name, [words.say("红领津贴已发放的月份不计", "months that the allowance pays do not count")])
        case WithoutAllowanceRule():
            return _listed(words, name, [words.say("当年未享受红领津贴", "not in a year in which the allowance pays anything")])
        case EngagedRule() | FullTimeRule() | NotCivilServantRule() | InspectionRule():
            return name
        case _:
            assert_never(rule)


def _listed(words: Words, name: str, said: Sequence[str]) -> str:
    return f"{name}{words.say('：', ': ')}{words.say('、', ', ').join(said)}"


def _or_above(words: Words, word: str) -> str:
    return words.say(f"{word}及以上", f"{word} or above")


def _territory(words: Words, rule: CertificateRule) -> list[str]:
    """Where each grade's certificate holds."""
    told: list[str] = []
    for each in rule.valid_in or VALID_IN:
        where = words.say(WITHIN_TEXT[each.within].zh, WITHIN_TEXT[each.within].en)
        grade = words.word("grade", each.grade) if each.grade else words.say("其他", "others" if told else "any grade")
        told.append(words.say(f"{grade}在{where}有效", f"{grade} valid {where}"))
    return told


# Tables of amounts: as the annex of a notice has them


def _line_title(words: Words, line: AllowanceLine) -> str:
    said = [words.clause(line.clause), words.say(f"金额为{words.word('status', line.status)}", f"amounts: {line.status}")]
    if line.period == "annual" and not line.prorated:
        said.append(words.say("不按月折算", "in full, whatever the months"))
    elif line.period == "annual":
        said.append(words.say("按月折算", "in twelfths, by the months that count"))
    if line.taxable is not None:
        said.append(words.say("计税" if line.taxable else "不计税", "taxable" if line.taxable else "not taxable"))
    return safe(_title(words, words.line(line.name), line.period, said))


def _floor_title(words: Words, floor: Floor) -> str:
    lines = [words.line(name) for name in floor.lines]
    compared = words.say("、", ", ").join(lines) if lines else words.say("全部项目", "all lines")
    said = [words.clause(floor.clause), words.say(f"与{compared}比较，低于时提示", f"{compared} below it: a warning")]
    return safe(_title(words, words.say("对照标准：", "Floor: ") + words.floor(floor.name), floor.period, said))


def _title(words: Words, name: str, period: str, said: Sequence[str]) -> str:
    per = words.say("每年" if period == "annual" else "每月", "a year" if period == "annual" else "a month")
    return words.say(f"{name}，{per}（{'，'.join(said)}）", f"{name}, {per} ({', '.join(said)})")


def _line_table(words: Words, document: PolicyDocument, line: AllowanceLine) -> tuple[Table, list[str]]:
    """The amounts, and what is told below them. Where all rows have the same payers, these stand below."""
    rows = [row for row in policy_rows(document) if row.line == line.name]
    below = []
    if line.others == "nothing":
        below.append(words.say("表中未列的，不发放", "what the table does not list gets nothing"))
    if len(line.by) < 2 or len({row.payers for row in rows}) > 1:
        return _amounts_table(words, line, [_payers(words, row.payers) for row in rows]), below
    return _amounts_table(words, line, ()), [
        words.say("由", "paid by ") + _payers(words, rows[0].payers) + words.say("支付", ""),
        *below,
    ]


def _amounts_table(words: Words, table: AllowanceLine | Floor, payers: Sequence[str]) -> Table:
    """One dimension across and the others down, where that fits; else row by row. payers: of each row, if they are shown."""
    across = next((each for each in ACROSS if each in table.by), None)
    values = list(dict.fromkeys([getattr(row, across) for row in table.amounts])) if across else []
    down = [each for each in table.by if each != across]
    paid_by: dict[tuple[object, ...], set[str]] = {}
    for row, text in zip(table.amounts, payers, strict=False):
        paid_by.setdefault(_key(down, row), set()).add(text)
    keys = {_key(down, row) for row in table.amounts}
    # Where amounts change at different times, most cells would stand empty.
    holes = _is_dated(table) and len(keys) * len(values) > len(table.amounts)
    crowded = len(values) > COLUMNS_MAX or any(len(texts) > 1 for texts in paid_by.values())
    if not down or across is None or holes or crowded:
        return _row_by_row(words, table, payers)
    shown = Table()
    for dimension in down:
        shown.add_column(words.word("dimension", dimension))
    dated = _is_dated(table)
    if dated:
        shown.add_column(words.say("月份", "months"))
    for value in values:
        shown.add_column(_cell(words, across, value), justify="right")
    if payers:
        shown.add_column(words.say("支付方", "paid by"), overflow="fold")
    cells: dict[tuple[object, ...], dict[object, str]] = {}
    for row in table.amounts:
        cells.setdefault(_key(down, row), {})[getattr(row, across)] = yuan(row.amount_fen)
    for key, amounts in cells.items():
        head = [safe(_cell(words, dimension, value)) for dimension, value in zip(down, key, strict=False)]
        months = [_months(words, *key[-2:])] * dated
        shown.add_row(*head, *months, *[amounts.get(value, "—") for value in values], *map(safe, paid_by.get(key, ())))
    return shown


def _key(down: Sequence[Dimension], row: AmountRow) -> tuple[object, ...]:
    """What the rows have in common that go into one row of the table."""
    return (*[getattr(row, each) for each in down], row.first_month, row.last_month)


def _row_by_row(words: Words, table: AllowanceLine | Floor, payers: Sequence[str]) -> Table:
    shown, dated = Table(), _is_dated(table)
    for dimension in table.by:
        shown.add_column(words.word("dimension", dimension))
    if dated:
        shown.add_column(words.say("月份", "months"))
    shown.add_column(words.say("金额", "amount"), justify="right")
    if payers:
        shown.add_column(words.say("支付方", "paid by"), overflow="fold")
    for place, row in enumerate(table.amounts):
        head = [safe(_cell(words, dimension, getattr(row, dimension))) for dimension in table.by]
        months = [_months(words, row.first_month, row.last_month)] * dated
        shown.add_row(*head, *months, yuan(row.amount_fen), *[safe(text) for text in payers[place : place + 1]])
    return shown


def _is_dated(table: AllowanceLine | Floor) -> bool:
    return any(row.first_month or row.last_month for row in table.amounts)


def _months(words: Words, first: object, last: object) -> str:
    if first is None and last is None:
        return words.say("全部", "all")
    if first is None or last is None:
        return words.say(f"{first} 起" if first else f"至 {last}", f"from {first}" if first else f"to {last}")
    return words.say(f"{first} 至 {last}", f"{first} to {last}")


def _cell(words: Words, dimension: str, value: object) -> str:
    if dimension == "full_time":
        return words.say("专职", "full time") if value else words.say("兼职", "part time")
    return words.word(dimension, str(value))


def _payers(words: Words, entries: Sequence[PaidByRow]) -> str:
    """``特级：省财政；其他：市财政 60 % + 县财政 40 %``."""
    others = words.say("其他：", "others: ")
    texts = [others * (place > 0 and entry.is_always) + _entry(words, entry) for place, entry in enumerate(entries)]
    return words.say("；", "; ").join(texts)


def _entry(words: Words, entry: PaidByRow) -> str:
    conditions = [words.word("grade", entry.grade)] if entry.grade else []
    conditions += [words.say(f"区划 {entry.division}", f"division {entry.division}")] if entry.division else []
    if entry.first_month or entry.last_month:
        conditions.append(_months(words, entry.first_month, entry.last_month))
    shares = [words.payer(payer) + (f" {percent} %" if percent < 100 else "") for payer, percent in entry.shares]
    condition = words.say("、", ", ").join(conditions) + words.say("：", ": ") if conditions else ""
    return condition + " + ".join(shares)


def _limits_text(words: Words, document: PolicyDocument) -> str:
    units = {"fen": ("分", "fen"), "jiao": ("角", "jiao"), "yuan": ("元", "yuan")}
    ways = {"half_up": ("四舍五入", "half up"), "down": ("舍去尾数", "down"), "up": ("进位", "up")}
    unit, way = words.say(*units[document.rounding.to]), words.say(*ways[document.rounding.how])
    text = words.say(f"每项{way}到{unit}", f"each line is rounded {way} to the {unit}")
    if document.cap is not None:
        most, clause = yuan(document.cap.amount_fen), safe(words.clause(document.cap.clause))
        text += words.say(f"；每人每年最多 {most}（{clause}）", f"; at most {most} a person and year ({clause})")
    return text
