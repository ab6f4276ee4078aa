"""Facts from files: ``intake check``, ``intake publish``, ``intake template``."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from console.client import IntakeClient, PublishFailed, Unreachable
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
from console.intake_files import (
    FACTS,
    IntakeFile,
    IntakeFileError,
    Reading,
    Row,
    fact_type_of,
    open_intake,
    write_problems,
    write_template,
)
from console.policies import receipt_on_file
from console.sealing import load_public_key
from console.topology import SERVICES
from contracts.receipts import Problem, Receipt

__all__ = ["register"]

SHOWN_MAX = 50
RECEIPT_SECONDS = 120.0

FileArgument = Annotated[Path, typer.Argument(help="CSV, XLSX or JSON Lines", exists=True, dir_okay=False, readable=True)]
SourceOption = Annotated[str, typer.Option("--source", help="the integrating system that the facts come from")]
TypeOption = Annotated[str | None, typer.Option("--type", help="kind of fact, unless the file says so", show_default=False)]
SheetOption = Annotated[str | None, typer.Option("--sheet", help="sheet of an XLSX file", show_default=False)]
AnnotateOption = Annotated[
    Path | None, typer.Option("--annotate", help="write the rows that are wrong, with why, to this file")
]


def _open(about: Context, file: Path, source: str, fact: str | None, sheet: str | None) -> IntakeFile:
    public_key, id_key = _keys(about)
    kind = None if fact is None else fact_type_of(fact)
    if fact is not None and kind is None:
        fail(WRONG, f"there is no kind of fact {fact}; choose one of: {', '.join(f.short for f in FACTS)}")
    reading = Reading(
        source=source,
        public_key=load_public_key(public_key),
        id_key=id_key,
        recorded_at=datetime.now(UTC),
        fact=kind,
        sheet=sheet,
        lang="zh" if about.lang == "zh" else "en",
    )
    try:
        return open_intake(file, reading)
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
    return f"{problem.field}: {problem.problem}; {problem.remedy} [{problem.code}]"


def _rows(opened: IntakeFile) -> Iterator[Row]:
    try:
        yield from opened
    except IntakeFileError as error:
        fail(WRONG, _line(error.problem))


def _as_json(row: Row) -> dict[str, Any]:
    return {"row": row.number, "sheet": row.sheet, "problems": [p.payload() for p in row.problems]}


def check(
    file: FileArgument,
    source: SourceOption = "hr",
    fact: TypeOption = None,
    sheet: SheetOption = None,
    annotate: AnnotateOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Check a file of facts row by row; publish nothing. Exit code 2 if a row is wrong."""
    about = context(data, as_json, lang)
    rows, wrong = 0, []
    for row in _rows(_open(about, file, source, fact, sheet)):
        rows += 1
        if row.problems:
            wrong.append(row)
    if annotate is not None and wrong:
        write_problems(annotate, wrong)
    about.show(
        {"file": file.name, "rows": rows, "wrong": [_as_json(row) for row in wrong]}, lambda: _check_text(about, rows, wrong)
    )
    if wrong:
        raise typer.Exit(WRONG)


def _check_text(about: Context, rows: int, wrong: list[Row]) -> str:
    lines = [about.say(f"共 {rows:,} 行，{len(wrong):,} 行有误。", f"{rows:,} rows, {len(wrong):,} of them wrong.")]
    for row in wrong[:SHOWN_MAX]:
        lines += [about.say(f"第 {row.number} 行  ", f"row {row.number}  ") + escape(_line(p)) for p in row.problems]
    if len(wrong) > SHOWN_MAX:
        lines.append(about.say(f"其余 {len(wrong) - SHOWN_MAX} 行见 --json", f"{len(wrong) - SHOWN_MAX} more rows with --json"))
    return "\n".join(lines)


def publish(
    file: FileArgument,
    source: SourceOption = "hr",
    fact: TypeOption = None,
    sheet: SheetOption = None,
    partial: Annotated[bool, typer.Option("--partial", help="publish the good rows even if others are wrong")] = False,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Publish a file of facts and show what became of each. Publishing it again is harmless.

    Exit code 2 if a row is wrong (then nothing is published, unless --partial) or a fact is refused, 1 if an answer is missing.
    """
    about = context(data, as_json, lang)
    rows = list(_rows(_open(about, file, source, fact, sheet)))
    wrong = [row for row in rows if row.problems]
    if wrong and not partial:
        about.show(
            {"file": file.name, "rows": len(rows), "published": 0, "wrong": [_as_json(r) for r in wrong]},
            lambda: _check_text(about, len(rows), wrong),
        )
        raise typer.Exit(WRONG)
    good = [row for row in rows if not row.problems]

    async def work() -> Any:
        async with IntakeClient(about.broker_url(), source, about.password(source)) as client:
            return await client.publish_and_wait(good, RECEIPT_SECONDS)

    try:
        summary = run_async(work())
    except Unreachable as error:
        fail(UNREACHABLE, str(error))
    except PublishFailed as error:
        fail(UNREACHABLE, f"{error} ({error.published} of {len(good)} are published; publish the file again to go on)")
    # What the broker dropped as a repeat gets no new receipt; the services' own copies tell what became of it.
    on_file = (receipt_on_file(about, service, source, known) for known in sorted(summary.known) for service in SERVICES)
    receipts: list[Receipt] = [*summary.receipts.values(), *(r for r in on_file if r is not None)]
    outcomes = Counter(receipt.outcome for receipt in receipts)
    answer = {
        "file": file.name,
        "rows": len(rows),
        "published": summary.published,
        "outcomes": dict(outcomes),
        "unanswered": len(summary.unanswered),
        "published_before": len(summary.known),
        "wrong": [_as_json(row) for row in wrong],
        "receipts": [receipt.payload() for receipt in receipts],
    }
    about.show(answer, lambda: "")
    if not as_json:
        about.out.print(_outcome_table(about, outcomes, len(summary.unanswered)))
        for receipt in [r for r in receipts if r.problems][:SHOWN_MAX]:
            for problem in receipt.problems:
                about.out.print(f"{receipt.id}: {receipt.outcome}: {_line(problem)}", markup=False)
    if wrong or outcomes["refused"] or outcomes["parked"]:
        raise typer.Exit(WRONG)
    if summary.unanswered:
        raise typer.Exit(DIFFERENCE)


def _outcome_table(about: Context, outcomes: Counter[Any], unanswered: int) -> Table:
    table = Table(title=about.say("回执", "Receipts"))
    names = {"accepted": "已受理", "refused": "被拒绝", "waiting": "等待中", "parked": "已搁置"}
    for name, zh in names.items():
        table.add_column(about.say(zh, name), justify="right")
    table.add_column(about.say("无回执", "unanswered"), justify="right")
    table.add_row(*(f"{outcomes[name]:,}" for name in names), f"{unanswered:,}")
    return table


def template(
    fact: Annotated[str, typer.Argument(help="kind of fact, for example annual-rating-recorded")],
    file: Annotated[Path, typer.Argument(help="file to write: .csv or .xlsx")],
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Write an empty file with the headings of a kind of fact."""
    kind = fact_type_of(fact)
    if kind is None:
        fail(WRONG, f"there is no kind of fact {fact}; choose one of: {', '.join(f.short for f in FACTS)}")
    try:
        headings = write_template(file, kind, "zh" if chosen_language(lang) == "zh" else "en")
    except (OSError, ValueError) as error:
        fail(WRONG, f"no template was written: {error}")
    answer = {"file": str(file), "type": kind, "headings": headings}
    typer.echo(json.dumps(answer, ensure_ascii=False, indent=2) if as_json else str(file))


def register(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="Facts from files: check, publish, template.")
    for command in (check, publish, template):
        group.command()(command)
    app.add_typer(group, name="intake")
