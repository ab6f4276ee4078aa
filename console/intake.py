"""Facts from files: ``intake check``, ``intake publish``, ``intake template``; and ``intake receipt``, asked for later."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from tempfile import gettempdir
from typing import Annotated, Any

import click
import typer
from rich.markup import escape
from rich.table import Table

from console.client import IntakeClient, PublishFailed, Summary, Unreachable
from console.context import (
    DIFFERENCE,
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
from console.intake_columns import FACTS, fact_type_of
from console.intake_copies import CopyImpossible, check_copy, write_copy
from console.intake_files import IntakeFile, IntakeFileError, Reading, Row, open_intake, write_problems
from console.intake_kept import KeptRows
from console.intake_templates import TAKEOVER_NAMES, write_takeover, write_template
from console.intake_workbooks import HiddenParts
from console.publishing import receipt_text, sealing_key
from console.sealing import load_public_key
from console.topology import principal
from contracts.problems import Lang
from contracts.receipts import RECEIPTS_OF, Outcome, Problem, Receipt
from contracts.refusals import in_language
from contracts.roles import SOURCE

__all__ = ["register"]

SHOWN_MAX = 50
STALL_SECONDS = 60.0
"""How long no receipt may come before the rest is told as unanswered. As long as receipts come, the command waits on."""


class Hidden(StrEnum):
    """What is done with what a workbook hides."""

    take = "take"
    skip = "skip"


FileArgument = Annotated[Path, typer.Argument(help="CSV, XLSX or JSON Lines", exists=True, dir_okay=False, readable=True)]
SourceOption = Annotated[str, typer.Option("--source", help="the integrating system that the facts come from")]
TypeOption = Annotated[str | None, typer.Option("--type", help="kind of fact, unless the file says so", show_default=False)]
SheetOption = Annotated[str | None, typer.Option("--sheet", help="sheet of an XLSX file", show_default=False)]
HiddenOption = Annotated[
    Hidden | None,
    typer.Option(
        "--hidden",
        help="what to do with hidden sheets, rows and columns of a workbook; without it they are named, and nothing is read",
        show_default=False,
    ),
]
AnnotateOption = Annotated[
    Path | None, typer.Option("--annotate", help="write the rows that are wrong, with why, to this file")
]
ErrorsOption = Annotated[
    Path | None,
    typer.Option(
        "--errors",
        help="write a copy of the file (CSV or XLSX) whose first column says what is wrong in each row; it holds the personal "
        "data that the file holds, and only you may read it (0600); an existing file is not overwritten",
        show_default=False,
    ),
]


def _open(
    about: Context,
    file: Path,
    source: str,
    fact: str | None,
    sheet: str | None,
    hidden: Hidden | None,
    *,
    publishes: bool = False,
) -> IntakeFile:
    public_key, id_key = _keys(about)
    kind = None if fact is None else fact_type_of(fact)
    if fact is not None and kind is None:
        fail(WRONG, f"there is no kind of fact {fact}; choose one of: {', '.join(f.short for f in FACTS)}")
    reading = Reading(
        source=source,
        public_key=sealing_key(about, source, public_key) if publishes else load_public_key(public_key),
        id_key=id_key,
        recorded_at=datetime.now(UTC),
        fact=kind,
        sheet=sheet,
        lang="zh" if about.lang == "zh" else "en",
        hidden=None if hidden is None else hidden.value,
    )
    try:
        return open_intake(file, reading)
    except HiddenParts as parts:
        if about.as_json or not (sys.stdin.isatty() and sys.stderr.isatty()):
            fail(WRONG, _line(parts.problem))
        typer.echo(parts.problem.problem, err=True)
        question = about.say("读取(take)还是略过(skip)？", "take or skip them?")
        chosen = typer.prompt(question, type=click.Choice([each.value for each in Hidden]), err=True)
        return open_intake(file, replace(reading, hidden=chosen))
    except IntakeFileError as error:
        fail(WRONG, _line(error.problem))


def _keys(about: Context) -> tuple[Path, bytes]:
    """The registry's public key, to seal with, and the key from which message ids are made."""
    if about.deployment is not None:
        return about.deployment.public_key, about.deployment.id_key
    public, secret = os.environ.get("HONGLING_PUBLIC_KEY"), os.environ.get("HONGLING_MESSAGE_ID_KEY")
    if not public or not secret:
        fail(
            WRONG,
            "choose a deployment with --data, or set HONGLING_PUBLIC_KEY (file of the registry's public JWK) and "
            "HONGLING_MESSAGE_ID_KEY (64 hex digits, the same for every publication of this source)",
        )
    try:
        return Path(public), bytes.fromhex(secret)
    except ValueError:
        fail(WRONG, "HONGLING_MESSAGE_ID_KEY must be hex digits")


def _line(problem: Problem) -> str:
    """One problem in one line. The text of a row's problem begins with its place."""
    return f"{problem.problem}; {problem.remedy} [{problem.code}]"


def _rows(opened: IntakeFile) -> Iterator[Row]:
    try:
        yield from opened
    except IntakeFileError as error:
        fail(WRONG, _line(error.problem))


def _kept(about: Context, rows: Iterable[Row]) -> KeptRows:
    try:
        return KeptRows(rows)
    except OSError as error:
        why = error.strerror or type(error).__name__
        zh = f"读到的行存不进临时目录 {gettempdir()}：{why}；请腾出空间，或用 TMPDIR 指定别处"
        en = f"what was read cannot be kept in {gettempdir()}: {why}; make room there, or name another place by TMPDIR"
        fail(WRONG, about.say(zh, en))


def _as_json(row: Row) -> dict[str, Any]:
    problems = [p.payload() | {"cell": row.cell_of(p)} for p in row.problems]
    return {"row": row.number, "sheet": row.sheet, "problems": problems}


@dataclass(slots=True)
class _Tally:
    """What a reading of the file has met. shown_max: how many wrong rows are kept to be shown; None: all."""

    shown_max: int | None
    rows: int = 0
    wrong: int = 0
    shown: list[Row] = field(default_factory=list)

    def of(self, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            self.rows += 1
            if row.problems:
                self.wrong += 1
                if self.shown_max is None or len(self.shown) < self.shown_max:
                    self.shown.append(row)
            yield row


def _check_errors(about: Context, opened: IntakeFile, errors: Path | None) -> None:
    if errors is not None:
        try:
            check_copy(opened, errors)
        except CopyImpossible as error:
            fail(WRONG, about.say(error.zh, error.en))


def _write_errors(about: Context, opened: IntakeFile, errors: Path, rows: Iterable[Row]) -> str | None:
    """Write the copy with what is wrong. Returns its name; None: there was nothing to tell, or it could not be written."""
    try:
        return errors.name if write_copy(opened, errors, rows) else None
    except CopyImpossible as error:
        typer.echo(about.say(error.zh, error.en), err=True)
    except OSError as error:
        why = error.strerror or type(error).__name__
        typer.echo(about.say(f"副本写不到 {errors}：{why}", f"the copy cannot be written to {errors}: {why}"), err=True)
    return None


def check(
    file: FileArgument,
    source: SourceOption = "hr",
    fact: TypeOption = None,
    sheet: SheetOption = None,
    hidden: HiddenOption = None,
    annotate: AnnotateOption = None,
    errors: ErrorsOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Check a file of facts row by row; publish nothing. Exit code 2 if a row is wrong.

    A file has at most 1,000,000 rows and 1 GiB, a sheet 64 columns, a cell 4,000 characters. The copy of --errors keeps every
    row, sheet and cell; of a workbook it keeps values and number formats, not colours, charts and formulas.
    """
    about = context(data, as_json, lang)
    opened = _open(about, file, source, fact, sheet, hidden)
    _check_errors(about, opened, errors)
    tally = _Tally(None if as_json or annotate is not None else SHOWN_MAX)
    rows = tally.of(_rows(opened))
    copy = None
    if errors is not None:
        copy = _write_errors(about, opened, errors, rows)
    for _ in rows:  # What the copy has not read.
        pass
    if annotate is not None and tally.wrong:
        write_problems(annotate, tally.shown)
    answer = {
        "file": file.name,
        "encoding": opened.encoding,
        "rows": tally.rows,
        "wrong": [_as_json(row) for row in tally.shown],
    }
    about.show(
        answer | ({"errors": copy} if errors is not None else {}), lambda: _check_text(about, tally, opened.encoding, copy)
    )
    if tally.wrong:
        raise typer.Exit(WRONG)


def _check_text(about: Context, tally: _Tally, encoding: str, copy: str | None = None) -> str:
    rows, wrong = tally.rows, tally.wrong
    lines = [about.say(f"共 {rows:,} 行，{wrong:,} 行有误。", f"{rows:,} rows, {wrong:,} of them wrong.")]
    if encoding == "gb18030":
        lines.append(about.say("文件按 GB 18030 读取。", "The file was read as GB 18030."))
    for row in tally.shown[:SHOWN_MAX]:
        lines += [escape(_row_line(row, problem)) for problem in row.problems]
    if wrong > SHOWN_MAX:
        lines.append(about.say(f"其余 {wrong - SHOWN_MAX} 行见 --json", f"{wrong - SHOWN_MAX} more rows with --json"))
    if copy is not None:
        lines.append(
            about.say(
                f"标出错误的副本：{copy}（与原文件一样含个人信息）",
                f"copy with the problems: {copy} (it holds personal data like the original)",
            )
        )
    return "\n".join(lines)


def publish(
    file: FileArgument,
    source: SourceOption = "hr",
    fact: TypeOption = None,
    sheet: SheetOption = None,
    hidden: HiddenOption = None,
    partial: Annotated[bool, typer.Option("--partial", help="publish the good rows even if others are wrong")] = False,
    errors: ErrorsOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Publish a file of facts and show what became of each. Publishing it again is harmless.

    Every row is accounted for: wrong, accepted, refused, waiting, parked or unanswered. Exit code 2 if a row is wrong (then
    nothing is published, unless --partial) or a fact is refused or parked, 3 if an answer is missing, 1 if the rows and what
    became of them do not add up. A row under the id of an earlier one is answered by itself.
    """
    about = context(data, as_json, lang)
    opened = _open(about, file, source, fact, sheet, hidden, publishes=True)
    _check_errors(about, opened, errors)
    tally = _Tally(None if as_json else SHOWN_MAX)
    # Read, sealed and checked once; published, and told of in the copy, from what is kept.
    rows = _kept(about, tally.of(_rows(opened)))
    if tally.wrong and not partial:
        copy = None if errors is None else _write_errors(about, opened, errors, rows)
        wrong = {"file": file.name, "rows": tally.rows, "published": 0, "wrong": [_as_json(r) for r in tally.shown]}
        about.show(
            wrong | ({"errors": copy} if errors is not None else {}), lambda: _check_text(about, tally, opened.encoding, copy)
        )
        raise typer.Exit(WRONG)

    async def work() -> Summary:
        async with IntakeClient(about.broker_url(), source, about.seed_file(source), transport=about.transport) as client:
            return await client.publish_and_wait((row for row in rows if not row.problems), STALL_SECONDS)

    try:
        summary = run_async(work())
    except Unreachable as error:
        fail(UNREACHABLE, str(error))
    except PublishFailed as error:
        good = tally.rows - tally.wrong
        fail(UNREACHABLE, f"{error} ({error.published} of {good} are published; publish the file again to go on)")
    receipts = [*summary.receipts.values(), *summary.more]
    counts = _counts(tally, summary)
    copy = None if errors is None else _write_errors(about, opened, errors, _answered(about, rows, receipts))
    answered = {receipt.id for receipt in receipts if receipt.problems or receipt.warnings}
    told = [row for row in _answered(about, rows, receipts) if row.message_id in answered] if answered else []
    warned = sum(bool(receipt.warnings) for receipt in receipts)
    warnings = Counter(code for receipt in receipts for code in {warning.code for warning in receipt.warnings})
    answer = {
        "file": file.name,
        "rows": tally.rows,
        "published": summary.published,
        "outcomes": dict(summary.outcomes),
        "warned": warned,
        "warnings": dict(sorted(warnings.items())),
        "unanswered": len(summary.unanswered),
        "counts": counts,
        "wrong": [_as_json(row) for row in tally.shown],
        "receipts": [receipt.payload() for receipt in receipts],
        "told": [_as_json(row) for row in told],
    }
    about.show(answer | ({"errors": copy} if errors is not None else {}), lambda: "")
    if not as_json:
        about.out.print(_outcome_table(about, tally.rows, counts, warned))
        for code, count in sorted(warnings.items()):
            text = about.say(f"提示 {code}：{count:,} 行", f"warning {code}: {count:,} rows")
            about.out.print(text, markup=False, style="yellow")
        for row in [*tally.shown, *told][:SHOWN_MAX]:
            for problem in row.problems:
                about.out.print(_row_line(row, problem), markup=False)
        if (left := tally.wrong + len(told) - SHOWN_MAX) > 0:
            about.out.print(about.say(f"其余 {left:,} 行见 --json", f"{left:,} more rows with --json"), markup=False)
        if copy is not None:
            about.out.print(about.say(f"标出错误的副本：{copy}", f"copy with the problems: {copy}"), markup=False)
    _end(about, tally.rows, counts)


def _counts(tally: _Tally, summary: Summary) -> dict[str, int]:
    """How many rows came to what; each row is in one of them."""
    outcomes = summary.outcomes
    found = {str(name): outcomes[name] for name in OUTCOMES}
    return {"wrong": tally.wrong, **found, "unanswered": len(summary.unanswered)}


def _end(about: Context, rows: int, counts: Mapping[str, int]) -> None:
    """The exit code that goes with what became of the rows; 0 only if each was accepted or waits."""
    if counts["unanswered"]:
        text = (
            f"{counts['unanswered']:,} 行在 {STALL_SECONDS:.0f} 秒内没有答复；见 hongling status，然后重新发布，重复无害",
            f"{counts['unanswered']:,} rows have no answer, and none came for {STALL_SECONDS:.0f} s; see `hongling status`, "
            "then publish the file again: it is safe to repeat",
        )
        fail(UNREACHABLE, about.say(*text))
    if counts["wrong"] or counts["refused"] or counts["parked"]:
        raise typer.Exit(WRONG)
    if sum(counts.values()) != rows:
        text = (
            f"文件有 {rows:,} 行，但只有 {sum(counts.values()):,} 行有结果；文件在读取时被改动，请重新发布",
            f"the file has {rows:,} rows, and {sum(counts.values()):,} have an outcome: it was changed while it was read; "
            "publish it again",
        )
        fail(DIFFERENCE, about.say(*text))


OUTCOMES: Mapping[Outcome, str] = {"accepted": "已受理", "refused": "被拒绝", "waiting": "等待中", "parked": "已搁置"}


WARNING = ("已受理，但请核实", "accepted, but check it")


def _answered(about: Context, rows: Iterable[Row], receipts: Iterable[Receipt]) -> Iterator[Row]:
    """The rows, each with what its receipt says, by its message id. A row read again has the id that it had."""
    told = {receipt.id: receipt for receipt in receipts if receipt.problems or receipt.warnings}
    for row in rows:
        receipt = told.get(row.message_id)
        if receipt is None or row.problems:
            yield row
        else:
            outcome = about.say(*WARNING if receipt.outcome == "accepted" else (OUTCOMES[receipt.outcome], receipt.outcome))
            said = (*receipt.problems, *receipt.warnings)
            yield replace(row, problems=tuple(_said(about, row, outcome, each) for each in said))


def _said(about: Context, row: Row, outcome: str, problem: Problem) -> Problem:
    """What a service says of a row, in the asked language, with the row's place in the file."""
    lang: Lang = "zh" if about.lang == "zh" else "en"
    known = in_language(problem, lang)
    return row.told(known.model_copy(update={"problem": f"{outcome}: {known.problem}"}), lang)


def _row_line(row: Row, problem: Problem) -> str:
    return f"{row.sheet}: {_line(problem)}" if row.sheet else _line(problem)


def _outcome_table(about: Context, rows: int, counts: Mapping[str, int], warned: int) -> Table:
    table = Table(title=about.say("回执", "Receipts"))
    names: dict[str, str] = {
        "rows": "行数",
        "wrong": "有误",
        **{str(name): zh for name, zh in OUTCOMES.items()},
        "unanswered": "无回执",
    }
    for name, zh in names.items():
        table.add_column(about.say(zh, name), justify="right")
    table.add_column(about.say("有提示", "with warnings"), justify="right")
    table.add_row(f"{rows:,}", *(f"{counts[name]:,}" for name in names if name != "rows"), f"{warned:,}")
    return table


def receipt(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]…", help="ids of messages", show_default=False)] = None,
    source: SourceOption = "hr",
    file: Annotated[
        Path | None, typer.Option("--file", help="a file with an id in each line", exists=True, dir_okay=False)
    ] = None,
    service: Annotated[
        list[str] | None, typer.Option("--service", help="ask only this service; may be repeated", show_default=False)
    ] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Show what became of messages, by their ids, whenever they were published.

    Exit code 2 if the last answer to one is a refusal or it is parked, 3 if no service knows one or nobody answers.
    """
    about = context(data, as_json, lang)
    wanted = list(dict.fromkeys([*(ids or ()), *([] if file is None else _ids_of(file))]))
    if not wanted:
        fail(WRONG, about.say("请给出消息编号，或用 --file 给出编号文件", "give ids, or a file of ids with --file"))
    may_ask = [right.split(".")[2] for right in principal(source, SOURCE).publish if right.startswith(f"{RECEIPTS_OF}.")]

    async def work() -> tuple[list[Receipt], list[str]]:
        found, silent = [], []
        async with IntakeClient(about.broker_url(), source, about.seed_file(source), transport=about.transport) as client:
            for each in service or may_ask:
                answers = await client.receipts_of(each, wanted)
                found += answers or []
                silent += [each] if answers is None else []
        return found, silent

    try:
        found, silent = run_async(work())
    except Unreachable as error:
        fail(UNREACHABLE, str(error))
    except ValueError as error:
        fail(WRONG, str(error))
    last = {(each.id, each.service): each.outcome for each in found}
    unknown = [each for each in wanted if each not in {id for id, _ in last}]
    about.show(
        {"receipts": [each.payload() for each in found], "unknown": unknown, "silent": silent},
        lambda: "\n".join(receipt_text(about, each) for each in found),
    )
    if silent or unknown:
        text = (
            f"没有答复的服务：{'、'.join(silent) or '无'}；查不到的消息：{'、'.join(unknown[:SHOWN_MAX]) or '无'}",
            f"services that do not answer: {', '.join(silent) or 'none'}; unknown messages: "
            f"{', '.join(unknown[:SHOWN_MAX]) or 'none'}",
        )
        fail(UNREACHABLE, about.say(*text))
    if any(outcome in ("refused", "parked") for outcome in last.values()):
        raise typer.Exit(WRONG)


def _ids_of(file: Path) -> list[str]:
    try:
        return [line.strip() for line in file.read_text("utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        fail(WRONG, f"{file} cannot be read as UTF-8: {error}")


def template(
    fact: Annotated[
        str, typer.Argument(help="kind of fact, such as annual-rating-recorded or 年度考核; takeover (接管): the workbook")
    ],
    file: Annotated[Path, typer.Argument(help="file to write: .csv or .xlsx; takeover: .xlsx")],
    example: Annotated[
        bool, typer.Option("--example", help="with an example row, which is passed over when it is read")
    ] = False,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Write an empty file with the headings of a kind of fact, or the workbook to take over an existing register.

    An XLSX file has a sheet that explains columns, words and limits. The workbook has a sheet each for units, workers,
    engagements, certificates and their changes, ratings, inspections and dossier entries, with an example row of nobody.
    """
    takeover, kind = fact.casefold() in TAKEOVER_NAMES, fact_type_of(fact)
    chosen: Lang = "zh" if chosen_language(lang) == "zh" else "en"
    if kind is None and not takeover:
        fail(WRONG, f"there is no kind of fact {fact}; choose takeover or one of: {', '.join(f.short for f in FACTS)}")
    answer: dict[str, Any] = {"file": str(file)}
    try:
        if takeover:
            answer["sheets"] = write_takeover(file, chosen)
        else:
            answer |= {"type": kind, "headings": write_template(file, str(kind), chosen, example=example)}
    except (OSError, ValueError) as error:
        fail(WRONG, f"no template was written: {error}")
    typer.echo(json.dumps(answer, ensure_ascii=False, indent=2) if as_json else str(file))


def register(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="Facts from files: check, publish, receipt, template.")
    for command in (check, publish, receipt, template):
        group.command()(command)
    app.add_typer(group, name="intake")
