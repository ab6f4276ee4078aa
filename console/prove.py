"""Replaying and proving: ``replay``, ``verify``."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from console.context import DIFFERENCE, WRONG, Context, DataOption, JsonOption, LangOption, context, fail, run_async
from console.provenance import unknown_events
from console.replay import Comparison, decide_again, rebuild_and_compare, swap
from console.topology import SERVICES
from console.verify import PROBLEMS_MAX, Books, LogCheck, Report, verify_books, verify_stream
from contracts.roles import AUDITOR, OPERATOR

__all__ = ["register", "replay_service", "verify_service"]


@contextmanager
def _bar(about: Context, what: str, total: int) -> Iterator[Any]:
    """A progress bar on a terminal, nothing on a pipe. Yields a function that takes how far it is."""
    if about.as_json or not about.out.is_terminal:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.update(task, completed=done)


def _position(about: Context, service: str) -> int:
    with about.log(service) as log, log.database.read.connect() as connection:
        return log.head(connection).position


def replay_service(about: Context, service: str) -> dict[str, Any]:
    """Rebuild a service's read models beside the live ones and compare."""
    with about.log(service) as log:
        with _bar(about, f"replay {service}", _position(about, service)) as progress:
            result = rebuild_and_compare(log, progress)
        return _replayed(service, result)


def _replayed(service: str, result: Comparison) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "service": service,
        "events": result.events,
        "position": result.position,
        "rows_compared": result.rows,
        "differences": [
            {"table": d.table, "key": list(d.key), "live": d.live, "rebuilt": d.rebuilt} for d in result.differences
        ],
    }
    answer["same"] = not result.differences
    return answer


def decide_service_again(about: Context) -> dict[str, Any]:
    """Decide every worker's years once more from the recorded facts and policies, and compare with what was decided."""
    with about.log("allowance") as log:
        count, differing = decide_again(log)
    return {
        "service": "allowance",
        "workers_decided_again": count,
        "decisions_that_differ": differing[:100],
        "same": not differing,
    }


def verify_service(about: Context, service: str, *, stream: bool = True) -> dict[str, Any]:
    """Check the log and its tree, the read models, and the stream; ``replay`` is what ``replay_service`` answers."""
    with about.log(service) as log:
        check = LogCheck(service)
        with _bar(about, f"verify {service}", _position(about, service)) as progress:
            result = rebuild_and_compare(log, progress, check)
        report = check.report
        problems = [*report.problems, *_strange_causes(about, service, report.provenance.foreign)]
        problems += [f"read model {d.table} differs at {d.key}" for d in result.differences]
        answer: dict[str, Any] = {"service": service, "events": report.events, "root": report.root}
        answer["read_model_rows"] = result.rows
        answer["replay"] = _replayed(service, result)
        if service == "allowance":
            with _bar(about, "verify the books", _position(about, service)) as progress:
                books = verify_books(log, progress)
            answer["books"] = _books(books)
            problems += books.problems
        if stream:

            async def read_back() -> Report:
                user = about.who(OPERATOR, AUDITOR)
                client = await about.client(user)
                try:
                    return await verify_stream(log, client, f"_INBOX_{user}")
                finally:
                    await client.close()

            back = run_async(read_back())
            answer["stream_events"] = back.events
            problems += back.problems
        answer["problems"] = problems
        answer["agrees"] = not problems
    return answer


def _strange_causes(about: Context, service: str, foreign: Mapping[str, str]) -> list[str]:
    """The events whose cause is in none of the logs. Without another service's database there is nobody to ask."""
    left = set(foreign.values())
    for other in SERVICES:
        if not left or other == service:
            continue
        if about.deployment is None and not os.environ.get(f"HONGLING_{other.upper()}_DATABASE_URL"):
            return []
        with about.log(other) as log, log.database.read.connect() as connection:
            left = unknown_events(connection, left)
    named = [(event_id, cause) for event_id, cause in foreign.items() if cause in left]
    return [f"event {event_id} names a cause that is in no log: {cause}" for event_id, cause in named[:PROBLEMS_MAX]]


def _books(books: Books) -> dict[str, Any]:
    first = books.first
    return {
        "closed_months": list(books.closed),
        "transfers": books.transfers,
        "runs": books.runs,
        "first_difference": None if first is None else asdict(first),
        "agree": not books.problems,
    }


def replay(
    service: Annotated[str, typer.Argument(help=f"one of: {', '.join(SERVICES)}")],
    diff: Annotated[bool, typer.Option("--diff", help="rebuild beside the live tables and compare (the default)")] = False,
    only_decisions: Annotated[
        bool, typer.Option("--decisions", help="only decide every worker's years again and compare; allowance only")
    ] = False,
    swap_in: Annotated[bool, typer.Option("--swap", help="put the rebuilt read models in place of the live ones")] = False,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Rebuild the read models from the log. Exit code 1 if something differs. Never publishes or pays."""
    if service not in SERVICES:
        fail(WRONG, f"there is no service {service}; choose one of: {', '.join(SERVICES)}")
    if diff and swap_in:
        fail(WRONG, "choose --diff or --swap")
    if only_decisions and service != "allowance":
        fail(WRONG, "only allowance decides entitlements")
    about = context(data, as_json, lang)
    if swap_in:
        with about.log(service) as log:
            events = swap(log)
        about.show({"service": service, "events": events, "swapped": True}, f"{service}: {events} events")
        return
    answer = {} if only_decisions else replay_service(about, service)
    if service == "allowance":
        again = decide_service_again(about)
        answer = {**answer, **again, "same": answer.get("same", True) and again["same"]}
    about.show(answer, lambda: _replay_text(about, answer))
    if not answer["same"]:
        raise typer.Exit(DIFFERENCE)


def _models_text(about: Context, answer: dict[str, Any]) -> str:
    return about.say(
        f"{answer['service']}：重放 {answer['events']:,} 个事件，"
        f"比对 {answer['rows_compared']:,} 行，差异 {len(answer['differences'])} 处。",
        f"{answer['service']}: {answer['events']:,} events replayed, {answer['rows_compared']:,} rows compared, "
        f"{len(answer['differences'])} differences.",
    )


def _replay_text(about: Context, answer: dict[str, Any]) -> str:
    lines = []
    if "events" in answer:
        lines.append(_models_text(about, answer))
    if "workers_decided_again" in answer:
        lines.append(
            about.say(
                f"重新核定 {answer['workers_decided_again']:,} 人，结果不同 {len(answer['decisions_that_differ'])} 人。",
                f"{answer['workers_decided_again']:,} workers decided again, "
                f"{len(answer['decisions_that_differ'])} come out differently.",
            )
        )
    lines += [
        f"  {d['table']} {d['key']}: live {d['live']}, rebuilt {d['rebuilt']}" for d in answer.get("differences", ())[:20]
    ]
    return "\n".join(line.replace("[", "\\[") for line in lines)


def verify(
    service: Annotated[str | None, typer.Argument(help=f"one of: {', '.join(SERVICES)}; left out: all")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="leave the stream out; needs no broker")] = False,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Hold log, tree, read models and stream against each other. Exit code 1 if something differs."""
    if service is not None and service not in SERVICES:
        fail(WRONG, f"there is no service {service}; choose one of: {', '.join(SERVICES)}")
    about = context(data, as_json, lang)
    answers = [verify_service(about, name, stream=not offline) for name in SERVICES if service in (None, name)]
    agrees = all(answer["agrees"] for answer in answers)
    about.show({"agrees": agrees, "services": answers}, lambda: "\n".join(_verify_text(about, answer) for answer in answers))
    if not agrees:
        raise typer.Exit(DIFFERENCE)


def _verify_text(about: Context, answer: dict[str, Any]) -> str:
    stream, books = answer.get("stream_events"), answer.get("books")
    text = about.say(
        f"{answer['service']}：{answer['events']:,} 个事件逐行核验，读模型 {answer['read_model_rows']:,} 行，"
        + (_books_text(about, books) if books is not None else "")
        + (f"流上 {stream:,} 个事件，" if stream is not None else "")
        + ("全部一致。" if answer["agrees"] else f"{len(answer['problems'])} 处不一致：")
        + f"根哈希 {answer['root']}",
        f"{answer['service']}: {answer['events']:,} events checked row by row, {answer['read_model_rows']:,} read-model rows, "
        + (_books_text(about, books) if books is not None else "")
        + (f"{stream:,} events on the stream, " if stream is not None else "")
        + ("all agree. " if answer["agrees"] else f"{len(answer['problems'])} disagree. ")
        + f"Root {answer['root']}",
    )
    return "\n".join([text, *(f"  {problem}" for problem in answer["problems"])]).replace("[", "\\[")


def _books_text(about: Context, books: dict[str, Any]) -> str:
    months = len(books["closed_months"])
    return about.say(
        f"分录 {books['transfers']:,} 笔，已结账 {months} 个月，支付批次 {books['runs']} 个，",
        f"{books['transfers']:,} transfers, {months} closed months, {books['runs']} payment runs, ",
    )


def register(app: typer.Typer) -> None:
    for command in (replay, verify):
        app.command()(command)
