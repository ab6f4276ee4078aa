"""``hongling demo``: the main job on real parts, from published facts to explained amounts that a replay reproduces.

A published case (Changtu county 2021) and a made-up city. Everything runs as in production: the broker with its users, the
services as processes; the demo itself is no more than three integrating systems and an operator.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from random import Random
from typing import Annotated, Any, cast

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from sqlalchemy import Connection, func, select

from console import demo_talent
from console.certification_standards import standard_message
from console.client import IntakeClient
from console.context import DIFFERENCE, WRONG, Context, JsonOption, LangOption, chosen_language, fail, run_async
from console.demo_data import CHANGTU_GRANTED, CHANGTU_TOTAL_FEN, HR, Labelled, Seal, changtu_2021, city
from console.demo_payment import pay
from console.demo_person import KEY, Chapter, changes, chapters
from console.demo_typed import ready_to_type, run_command, typed
from console.deployment import DEFAULT_SOURCES, Deployment, Running
from console.explain import explain_text
from console.operate import ask_status
from console.policies import policy_message
from console.proposals import confirm_message
from console.publishing import send
from console.registry_words import event_text
from console.sealing import load_public_key, seal
from console.topology import SERVICES
from console.words import Words, show_table, yuan
from contracts.allowance import EntitlementAdjusted
from contracts.certificate_life import spans_of_all
from contracts.registry import CertificateChanged, CertificateIssued, RegistryEvent, WorkerEvent
from contracts.roles import POLICY_OFFICE
from eventlog import schema
from eventlog.ids import SystemEntropy
from eventlog.log import Log, Recorded
from services.allowance.policy import read_policy
from services.allowance.views import entitlement, statement
from services.registry.decider import stream_of
from services.registry.standard import read_standard
from services.registry.vault import KeyRing, Vault, person_index
from services.talent.views import members

__all__ = ["register"]

MARK = "made-by-hongling-demo"
BANK = "bank"
"""Folder of the files to and from the bank."""
SEED = 20_231_118
YEARS = (2023, 2024, 2025)
CITY = "320100"
CHANGTU = "211224"
CHUNK = 1_000
SETTLE_SECONDS_MAX = 600.0
CHAPTER_SECONDS_MAX = 60.0
SHOWN = ("registry", "allowance")
"""The services that the city's facts are measured with; talent joins afterwards, and hears everything from the start."""


@dataclass(slots=True)
class Told:
    """What was published: how many messages of each expectation, and when."""

    messages: int = 0
    expected: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0


def demo(
    data: Annotated[Path, typer.Option("--data", help="folder to fill; a former demo in it is replaced")] = Path("demo-data"),
    workers: Annotated[int, typer.Option(min=100, max=200_000, help="of the made-up city")] = 20_000,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Run the main job on a real broker and real stores: a published county, a made-up city, explanation, replay, proof."""
    _prepare(data)
    about = Context(
        Deployment(data), as_json, chosen_language(lang), Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    )
    began = time.monotonic()
    ready_to_type()
    answer = run_async(_demo(about, workers, began))
    if as_json:
        about.show(answer)
    if not answer["as_expected"]:
        raise typer.Exit(DIFFERENCE)


def _prepare(data: Path) -> None:
    """Replace a former demo; touch nothing else."""
    if data.exists() and any(data.iterdir()):
        if not (data / MARK).exists():
            fail(WRONG, f"{data} is not a former demo; choose another --data, or remove it yourself")
        if Deployment(data).state() is not None:
            fail(WRONG, f"{data} is running; stop it first")
        shutil.rmtree(data)
    data.mkdir(parents=True, exist_ok=True)
    (data / MARK).touch()
    (data / BANK).mkdir()


async def _demo(about: Context, workers: int, began: float) -> dict[str, Any]:
    assert about.deployment is not None
    answer: dict[str, Any] = {}
    async with Running(about.deployment, services=SHOWN) as running, AsyncExitStack() as stack:
        _say(about, f"broker and services run on {running.url}", f"消息服务器与各服务已在 {running.url} 运行", began)
        key = load_public_key(about.deployment.public_key)
        clients = {
            name: await stack.enter_async_context(IntakeClient(running.url, name, about.deployment.seed_file(name)))
            for name in DEFAULT_SOURCES
        }
        for name in ("changtu-2021", "example-city"):
            await _publish_policy(about, name)

        def sealed(identity: Any) -> str:
            return seal(identity, key)

        _title(about, "1. Changtu county 2021, a published case", "一、昌图县 2021 年（公开案例）")
        told = await _tell(about, clients, changtu_2021(sealed, Random(SEED)), began, in_turn=True)
        await _settle(about)
        answer["changtu"] = _statement(about, CHANGTU, (2021,))[0]
        _show_statements(about, [answer["changtu"]])
        expected = (CHANGTU_GRANTED, CHANGTU_TOTAL_FEN)
        answer["changtu_as_published"] = (answer["changtu"]["granted"], answer["changtu"]["total_fen"]) == expected
        _title(
            about,
            f"2. A made-up city: {workers:,} workers, {YEARS[0]} to {YEARS[-1]}",
            f"二、虚构城市：{workers:,} 人，{YEARS[0]}—{YEARS[-1]} 年",
        )
        told = await _tell(about, clients, city(sealed, Random(SEED + 1), workers, YEARS), began)
        await _settle(about)
        seconds = time.monotonic() - told.seconds
        answer["city"] = _statement(about, CITY, YEARS)
        answer["intake"] = _intake_figures(about, told, seconds)
        _show_statements(about, answer["city"])
        _show_intake(about, answer["intake"], began)
        # Talent comes now, and hears what has happened while the next parts are shown.
        running.start_service("talent")
        _title(about, "3. Explained", "三、逐人说明")
        answer["explained"] = _explain_three(about)
        _title(about, "4. One person's whole way", "四、一个人的完整历程")
        answer["way"] = await _whole_way(about, clients, sealed)
        _title(about, "5. Paid: Changtu 2021", "五、发放：昌图县 2021 年")
        answer["paid"] = await pay(about, CHANGTU, "county", 2021, about.deployment.data / BANK)
        _title(about, "6. The reserve pool, an appraisal, a vacancy", "六、后备人才库、考核、岗位匹配")
        answer["pool"] = await _pool(about, clients, sealed)
        _title(about, "7. Replayed and verified", "七、重放与核验")
        answer["proof"] = await _prove(about)
    answer["seconds"] = round(time.monotonic() - began, 1)
    proven = all(part["same"] for part in answer["proof"]["replay"]) and answer["proof"]["agrees"]
    answer["paid_as_expected"] = _paid_as_expected(answer["paid"])
    shown = (answer["way"]["as_expected"], answer["paid_as_expected"], answer["pool"]["as_expected"])
    answer["as_expected"] = answer["changtu_as_published"] and proven and all(shown)
    _close(about, answer)
    return answer


def _paid_as_expected(paid: dict[str, Any]) -> bool:
    """All but one are settled, that one is owed again and stands in the next run, and every account agrees with it."""
    (settled, settled_fen), (returned, returned_fen) = paid["stages"]["settled"], paid["stages"]["returned"]
    counted = (settled + returned, settled_fen + returned_fen) == (CHANGTU_GRANTED, CHANGTU_TOTAL_FEN)
    balance = paid["balance_fen"]
    booked = (balance["paid"], balance.get("in_transit", 0), sum(balance.values())) == (-settled_fen, 0, 0)
    return counted and booked and paid["reissued"] == (returned, returned_fen) == (1, returned_fen)


# --- publishing -------------------------------------------------------------------------------------------------------


async def _publish_policy(about: Context, name: str) -> None:
    path = Path(__file__).parent.parent / "policies" / f"{name}.yaml"
    text = path.read_text()
    message = policy_message(text, read_policy(text), datetime.now(UTC))
    receipt = await send(about, POLICY_OFFICE, "allowance", message)
    receipt = await confirm_message(about, "allowance", message, receipt)
    if receipt.outcome != "accepted":
        fail(DIFFERENCE, f"policy {name} was not accepted: {receipt.problems}")


async def _tell(
    about: Context, clients: dict[str, IntakeClient], messages: Iterable[Labelled], began: float, *, in_turn: bool = False
) -> Told:
    """Publish as the sources would, each with its own credentials, keeping the order between them by and large.

    in_turn: one source after the other, each when the facts of the one before are settled.
    """
    told = Told(seconds=time.monotonic())
    stream = iter(messages)
    with _progress(about) as progress:
        task = progress.add_task(about.say("发布", "published"), total=None)
        while chunk := await asyncio.to_thread(_take, stream):
            by_source: dict[str, list[Labelled]] = {}
            for message in chunk:
                by_source.setdefault(message.subject.split(".")[1], []).append(message)
                told.expected[message.expect] += 1
            if in_turn:
                for source in DEFAULT_SOURCES:
                    await _drain(clients[source], by_source.get(source, []))
                    await _settle(about)
            else:
                await asyncio.gather(*(_drain(clients[source], batch) for source, batch in by_source.items()))
            told.messages += len(chunk)
            progress.update(task, completed=told.messages)
    _say(about, f"{told.messages:,} facts published", f"已发布 {told.messages:,} 条事实", began)
    return told


def _take(stream: Iterator[Labelled]) -> list[Labelled]:
    return list(islice(stream, CHUNK))


async def _drain(client: IntakeClient, messages: list[Labelled]) -> None:
    async for _ in client.publish(messages):
        pass


async def _settle(about: Context, services: Sequence[str] = SHOWN) -> None:
    """Wait until every message is handled and every event carried."""
    deadline = time.monotonic() + SETTLE_SECONDS_MAX
    with _progress(about) as progress:
        task = progress.add_task(about.say("处理", "settled"), total=None)
        most = 0
        while True:
            answers = await ask_status(about, services)
            left = sum(_left(answer) for answer in answers)
            most = max(most, left)
            progress.update(task, total=most, completed=most - left)
            if left == 0:
                return
            if time.monotonic() > deadline:
                fail(DIFFERENCE, f"not settled after {SETTLE_SECONDS_MAX:.0f} s: {json.dumps(answers)}")
            await asyncio.sleep(0.5 if left < CHUNK else 1.5)


def _left(answer: dict[str, Any]) -> int:
    """What a service still has to do; 1 if it does not say."""
    if answer.get("silent"):
        return 1
    consumers = sum(lag["pending"] + lag["unacknowledged"] for lag in answer["consumers"].values())
    carried = answer["position"] - answer["relayed"] + answer["receipts"] - answer["receipts_relayed"]
    return int(consumers + carried + answer.get("recalculating", 0))


# --- showing ----------------------------------------------------------------------------------------------------------


def _progress(about: Context) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True, disable=about.as_json or not sys.stderr.isatty())


def _say(about: Context, en: str, zh: str, began: float) -> None:
    if not about.as_json:
        about.out.print(f"[{time.monotonic() - began:5.1f} s] {about.say(zh, en)}", markup=False)


def _title(about: Context, en: str, zh: str) -> None:
    if not about.as_json:
        about.out.print(f"\n[bold]{about.say(zh, en)}[/bold]")


def _statement(about: Context, division: str, years: tuple[int, ...]) -> list[dict[str, Any]]:
    with about.log("allowance") as log, log.database.read.connect() as connection:
        head = log.head(connection)
        return [
            {**statement(connection, division, year), "known_at": head.recorded_at, "position": head.position} for year in years
        ]


def _show_statements(about: Context, statements: list[dict[str, Any]]) -> None:
    if about.as_json:
        return
    table = Table()
    for zh, en in (
        ("年度", "year"),
        ("区划", "division"),
        ("核发", "granted"),
        ("不予核发", "denied"),
        ("更正", "adjusted"),
        ("合计", "total"),
        ("支付方", "payer"),
    ):
        table.add_column(about.say(zh, en), justify="right" if en not in ("division", "payer") else "left")
    for row in statements:
        payers = "\n".join(f"{p['payer']} {yuan(p['total_fen'])}" for p in row["by_payer"])
        figures = [f"{row[name]:,}" for name in ("granted", "denied", "adjusted")]
        table.add_row(str(row["year"]), row["division"], *figures, yuan(row["total_fen"]), payers)
    show_table(about.out, table)


def _intake_figures(about: Context, told: Told, seconds: float) -> dict[str, Any]:
    with about.log("registry") as log, log.database.read.connect() as connection:
        table = schema.receipt
        counted = select(table.c.outcome, func.count()).group_by(table.c.outcome)
        outcomes: dict[str, int] = {row[0]: row[1] for row in connection.execute(counted)}
        held = connection.execute(select(func.count()).select_from(schema.held)).scalar_one()
    return {
        "published": told.messages,
        "accepted": outcomes.get("accepted", 0),
        "refused": outcomes.get("refused", 0),
        "parked": outcomes.get("parked", 0),
        "waiting_now": held,
        "seconds": round(seconds, 1),
        "facts_per_second": round(told.messages / seconds),
    }


def _show_intake(about: Context, figures: dict[str, Any], began: float) -> None:
    count = {
        name: f"{figures[name]:,}" for name in ("published", "facts_per_second", "accepted", "refused", "parked", "waiting_now")
    }
    text = (
        f"{count['published']} facts in {figures['seconds']} s, {count['facts_per_second']} a second from intake to allowance "
        f"event; accepted {count['accepted']}, refused {count['refused']}, parked {count['parked']}, "
        f"still waiting {count['waiting_now']}",
        f"{count['published']} 条事实，用时 {figures['seconds']} 秒，自上报到津贴事件每秒 {count['facts_per_second']} 条；"
        f"受理 {count['accepted']}，拒绝 {count['refused']}，搁置 {count['parked']}，等待中 {count['waiting_now']}",
    )
    _say(about, *text, began)


def _explain_three(about: Context) -> list[dict[str, Any]]:
    """One granted, one denied, one adjusted worker of the city."""
    with about.log("allowance") as log, log.database.read.connect() as connection:
        chosen = []
        for kind in ("granted", "denied"):
            query = select(entitlement).where(
                entitlement.c.year == YEARS[1],
                entitlement.c.division.startswith("3201"),
                entitlement.c.decision == kind,
                entitlement.c.decisions == 1,
            )
            row = connection.execute(query.order_by(entitlement.c.position).limit(1)).one_or_none()
            if row is not None:
                chosen.append({"kind": kind, "person_ref": row.person_ref, "year": row.year})
        lowered = _first_lowered(log, connection)
        if lowered is not None:
            chosen.append({"kind": "adjusted", "person_ref": lowered.person_ref, "year": lowered.decision.year})
    for entry in chosen:
        if not about.as_json:
            about.out.print(explain_text(about, entry["person_ref"], entry["year"]))
            about.out.print("")
    return chosen


def _first_lowered(log: Log, connection: Connection) -> EntitlementAdjusted | None:
    """An adjustment that took back something that had been granted, without taking all of it if there is one like that."""
    position, fallback = 0, None
    while events := log.read(connection, position, CHUNK, types=(EntitlementAdjusted.TYPE,)):
        for recorded in events:
            event = recorded.event
            if isinstance(event, EntitlementAdjusted) and event.difference_fen < 0:
                if event.decision.amount_fen:
                    return event
                fallback = fallback or event
        position = events[-1].position
    return fallback


# --- one person -------------------------------------------------------------------------------------------------------


async def _whole_way(about: Context, clients: dict[str, IntakeClient], sealed: Seal) -> dict[str, Any]:
    """Certification from the application to a reinstatement, chapter by chapter; the registry passes the deadlines itself."""
    text = (Path(__file__).parent.parent / "standards" / "example-certification.yaml").read_text(encoding="utf-8")
    message = standard_message(text, read_standard(text), datetime.now(UTC))
    receipt = await send(about, POLICY_OFFICE, "registry", message)
    receipt = await confirm_message(about, "registry", message, receipt)
    if receipt.outcome != "accepted":
        fail(DIFFERENCE, f"the certification standard was not accepted: {receipt.problems}")
    events: list[Recorded] = []
    for chapter in chapters(sealed):
        events = await _live_through(about, clients, chapter, len(events))
    number = [e.event.particulars.number for e in events if isinstance(e.event, CertificateIssued)][-1]
    events = await _live_through(about, clients, changes(number), len(events))
    facts = [
        (e.event_id, date.fromisoformat(e.effective_on), e.event.particulars)
        for e in events
        if isinstance(e.event, CertificateIssued | CertificateChanged)
    ]
    spans = [span for span in spans_of_all(facts) if span.number == number]
    found = [span.state for span in spans]
    return {
        "person_ref": worker_ref(events),
        "certificate": number,
        "events": len(events),
        "life": [{"state": s.state, "grade": s.grade, "first": s.first.isoformat()} for s in spans],
        "as_expected": found[:3] == ["valid", "suspended", "valid"] and spans[0].grade == "intermediate",
    }


async def _live_through(about: Context, clients: dict[str, IntakeClient], chapter: Chapter, seen: int) -> list[Recorded]:
    """Publish a chapter, wait until it is settled and the certificates that it leads to are issued; show what happened."""
    for message in chapter.messages:
        await _drain(clients[message.source], [message])
    deadline = time.monotonic() + CHAPTER_SECONDS_MAX
    while True:
        events = _file_of(about, KEY)
        origins = {event.fact.id for e in events if (event := cast(WorkerEvent, e.event)).fact.source != "registry"}
        issued = sum(isinstance(e.event, CertificateIssued) for e in events)
        if issued >= chapter.certificates and all(m.message_id in origins for m in chapter.messages):
            break
        if time.monotonic() > deadline:
            fail(DIFFERENCE, f"{chapter.en}: not settled after {CHAPTER_SECONDS_MAX:.0f} s")
        await asyncio.sleep(0.2)
    if not about.as_json:
        about.out.print(about.say(chapter.zh, chapter.en), markup=False)
        words = Words(about.lang)
        for recorded in events[seen:]:
            on = date.fromisoformat(recorded.effective_on)
            text = event_text(words, cast(RegistryEvent, recorded.event), on)
            about.out.print(f"  {recorded.effective_on}  {text}", markup=False)
    return events


def _file_of(about: Context, key: str) -> list[Recorded]:
    """What is on file of the person whom the HR system calls by its key; nothing before the registration."""
    assert about.deployment is not None
    values = Vault(KeyRing.read(about.deployment.keys), SystemEntropy()).any_of_key(HR, key)
    with about.log("registry") as log, log.database.read.connect() as connection:
        known = select(person_index.c.person_ref).where(person_index.c.value.in_(values)).distinct()
        ref = connection.execute(known).scalar_one_or_none()
        return [] if ref is None else log.load(connection, [stream_of(ref)])[stream_of(ref)]


def worker_ref(events: list[Recorded]) -> str:
    return events[0].stream.removeprefix("worker-")


# --- the reserve pool -------------------------------------------------------------------------------------------------


async def _pool(about: Context, clients: dict[str, IntakeClient], sealed: Seal) -> dict[str, Any]:
    """Nominated, screened, admitted; appraised, which changes their allowance; matched to a vacancy."""
    folder = _documents()
    keys = [demo_talent.key_of(member) for member in demo_talent.PEOPLE]
    standard = str(folder / "standards" / "example-group.yaml")
    await typed(about, "talent", "standard", "publish", standard)
    # A standard takes effect when another principal has read it and confirms it.
    await typed(about, "proposal", "confirm", standard)
    await typed(about, "talent", "vacancy", "describe", str(folder / "standards" / "example-vacancy.yaml"))
    await _publish(clients, demo_talent.on_file(sealed))
    await _settle(about, SERVICES)
    refs = {key: worker_ref(_file_of(about, key)) for key in keys}
    before = _amounts(about, refs)
    await _publish(clients, demo_talent.nominated(refs))
    await _settle(about, SERVICES)
    await _publish(clients, demo_talent.admitted(_members(about, "passed")))
    await _settle(about, SERVICES)
    await typed(about, "talent", "pool", "--division", demo_talent.POOL_DIVISION)
    cycle = ("talent", "cycle")
    await typed(about, *cycle, "open", str(folder / "cycles" / "example-county-2025.yaml"), "--key", demo_talent.CYCLE)
    await typed(about, *cycle, "enrol", demo_talent.CYCLE, *refs.values(), "--on", "2026-01-05")
    await _publish(clients, demo_talent.appraised(refs))
    await _settle(about, SERVICES)
    await typed(about, *cycle, "score", demo_talent.CYCLE, "--on", "2026-02-01")
    await typed(about, *cycle, "publish", demo_talent.CYCLE, "--appeals-until", "2026-02-09", "--on", "2026-02-02")
    await typed(about, *cycle, "show", demo_talent.CYCLE)
    await typed(about, *cycle, "conclude", demo_talent.CYCLE, "--on", "2026-02-10")
    await _settle(about, SERVICES)
    best = refs[keys[0]]
    await typed(about, "explain", best, "--year", str(demo_talent.YEAR))
    await typed(about, "talent", "vacancy", "match", demo_talent.VACANCY, "--pool", demo_talent.POOL_DIVISION)
    after = _amounts(about, refs)
    granted = sum(1 for fen in after.values() if fen)
    admitted = len(_members(about, "admitted"))
    return {
        "admitted": admitted,
        "best": best,
        "fen_before": sum(before.values()),
        "fen_after": sum(after.values()),
        "granted": granted,
        "as_expected": admitted > 0 and not any(before.values()) and granted == len(refs) - 1,
    }


def _documents() -> Path:
    """The folder of the documents, as somebody types it who stands in the project's."""
    return Path(os.path.relpath(Path(__file__).parent.parent))


async def _publish(clients: dict[str, IntakeClient], messages: Iterable[Labelled]) -> None:
    """Publish in this order, each by its source."""
    for message in messages:
        await _drain(clients[message.source], [message])


def _members(about: Context, stage: str) -> list[str]:
    with about.log("talent") as log, log.database.read.connect() as connection:
        return [row["person_ref"] for row in members(connection, demo_talent.POOL_DIVISION, stage=stage)]


def _amounts(about: Context, refs: Mapping[str, str]) -> dict[str, int]:
    """key → fen of the appraised year; 0 for denied or undecided."""
    with about.log("allowance") as log, log.database.read.connect() as connection:
        c = entitlement.c
        query = select(c.person_ref, c.amount_fen).where(c.year == demo_talent.YEAR, c.person_ref.in_(list(refs.values())))
        found = {row.person_ref: row.amount_fen for row in connection.execute(query)}
    return {key: found.get(ref, 0) for key, ref in refs.items()}


# --- proving ----------------------------------------------------------------------------------------------------------


async def _prove(about: Context) -> dict[str, Any]:
    """Replay and verify what was shown, each service in a process of its own, as an operator would type it."""
    assert about.deployment is not None
    data = str(about.deployment.data)
    # Each in a process of its own. `verify` replays on the way, so that the log is read once.
    verdicts = await asyncio.gather(
        _typed("verify", "allowance", "--data", data, "--json"),
        _typed("verify", "registry", "--data", data, "--json"),
        _typed("verify", "talent", "--data", data, "--json"),
    )
    parts = [part for verdict in verdicts for part in verdict["services"]]
    proof: dict[str, Any] = {
        "replay": [part["replay"] for part in parts],
        "verify": parts,
        "agrees": all(verdict["agrees"] for verdict in verdicts),
    }
    if not about.as_json:
        for part in proof["replay"]:
            about.out.print(
                about.say(
                    f"{part['service']}：重放 {part['events']:,} 个事件，"
                    f"比对 {part['rows_compared']:,} 行，差异 {len(part['differences'])} 处",
                    f"{part['service']}: {part['events']:,} events replayed, {part['rows_compared']:,} rows compared, "
                    f"{len(part['differences'])} differences",
                )
            )
        for part in proof["verify"]:
            about.out.print(
                about.say(
                    f"{part['service']}：日志、哈希树、读模型与流（{part['stream_events']:,} 个事件）"
                    + ("一致" if part["agrees"] else "不一致"),
                    f"{part['service']}: log, tree, read models and stream ({part['stream_events']:,} events) "
                    + ("agree" if part["agrees"] else f"disagree: {part['problems']}"),
                ),
                markup=False,
            )
    return proof


async def _typed(*arguments: str) -> dict[str, Any]:
    code, out, err = await run_command(*arguments)
    if code not in (0, DIFFERENCE):
        fail(DIFFERENCE, f"hongling {' '.join(arguments)} ended with {code}: {err[-500:]}")
    found: dict[str, Any] = json.loads(out)
    return found


def _close(about: Context, answer: dict[str, Any]) -> None:
    if about.as_json:
        return
    assert about.deployment is not None
    data = about.deployment.data
    person = next((e for e in answer["explained"] if e["kind"] == "adjusted"), None)
    about.out.print("")
    verdict = ("as expected", "与预期一致") if answer["as_expected"] else ("NOT as expected", "与预期不符")
    about.out.print(
        about.say(
            f"用时 {answer['seconds']} 秒，{verdict[1]}。接下来可以：",
            f"{answer['seconds']} s, {verdict[0]}. What to type next:",
        )
    )
    commands = [
        f"hongling finance statement --division {CITY} --year {YEARS[-1]} --data {data}",
        f"hongling finance statement --division {CHANGTU} --year 2021 --lines --data {data}",
        f"hongling replay allowance --data {data}",
        f"hongling registry show {answer['way']['person_ref']} --data {data}",
        f"hongling certificate verify {answer['way']['certificate']} --data {data}",
        f"hongling talent cycle explain {demo_talent.CYCLE} {answer['pool']['best']} --data {data}",
        f"hongling talent profile-page {answer['pool']['best']} --out profile.html --data {data}",
        f"hongling conflicts --data {data}",
        f"hongling parked list --data {data}",
        f"hongling up --data {data}",
    ]
    if person is not None:
        commands.insert(0, f"hongling history {person['person_ref']} --data {data}")
        commands.insert(0, f"hongling explain {person['person_ref']} --year {person['year']} --data {data}")
    for command in commands:
        about.out.print(f"  {command}", markup=False, soft_wrap=True)


def register(app: typer.Typer) -> None:
    app.command()(demo)
