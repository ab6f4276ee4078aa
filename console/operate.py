"""Running and watching: ``up``, ``run``, ``provision``, ``status``."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import nats.errors
import typer
from rich.table import Table
from sqlalchemy.exc import DBAPIError

from console.context import (
    DIFFERENCE,
    UNREACHABLE,
    WRONG,
    Context,
    DataOption,
    JsonOption,
    LangOption,
    context,
    fail,
    run_async,
)
from console.deployment import Deployment, Running
from console.parked import masked
from console.run import run, tell
from console.topology import ADMIN, SERVICES, provision_broker
from console.words import safe
from contracts.base import utc_text
from contracts.roles import AUDITOR, DESK, OPERATOR
from eventlog.database import Database
from eventlog.forgetting import ASIDE
from eventlog.roles import RoleError, grant_reader, grant_runtime
from services.allowance.app import provision_store as provision_allowance
from services.registry.app import provision_store as provision_registry
from services.registry.vault import ERASABLE
from services.talent.app import provision_store as provision_talent

__all__ = ["Roles", "grant_roles", "register"]

STATUS_TIMEOUT_SECONDS = 3.0
PARKED_HOURS_MAX = 24.0
"""How long a message may be parked before ``status`` ends with 1, unless the option says otherwise."""


def up(
    data: Annotated[Path, typer.Option("--data", help="the deployment's folder; made if it is not there")] = Path(
        "hongling-data"
    ),
    as_json: JsonOption = False,
) -> None:
    """Run the broker and all services, embedded, until Ctrl-C.

    With --json one line when they run, and one when they have stopped.
    """

    async def work() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        async with Running(Deployment(data)) as running:
            answer = {"state": "running", "broker": running.url, "data": str(data), "services": list(SERVICES)}
            tell(as_json, answer, f"hongling runs: broker {running.url}, data {data}. Ctrl-C stops it.")
            while not stop.is_set():
                try:
                    await asyncio.wait_for(stop.wait(), 1.0)
                except TimeoutError:
                    name = running.failed()
                    if name is not None:
                        fail(UNREACHABLE, f"{name} has stopped; see {data / 'logs' / f'{name}.log'}")
        tell(as_json, {"state": "stopped"}, "stopped")

    try:
        run_async(work())
    except (RuntimeError, FileNotFoundError) as error:
        fail(UNREACHABLE, str(error))


def provision(
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
    sources: Annotated[str, typer.Option(help="integrating systems, with commas")] = "hr,training,appraisal",
    replicas: Annotated[int, typer.Option(min=1, max=5, help="copies of each stream; 3 in production")] = 1,
    stores: Annotated[bool, typer.Option(help="also create the services' tables")] = True,
    runtime_role: Annotated[
        str | None, typer.Option(help="PostgreSQL role of the services: gets their rights and no more", show_default=False)
    ] = None,
    reader_role: Annotated[
        str | None, typer.Option(help="PostgreSQL role of people: reads all but the keys, changes nothing", show_default=False)
    ] = None,
    desk_role: Annotated[
        str | None, typer.Option(help="PostgreSQL role of who may see names: reads the keys as well", show_default=False)
    ] = None,
    payment_roles: Annotated[
        list[str] | None,
        typer.Option("--payment-role", help="PostgreSQL role of the allowance's database only: reads it", show_default=False),
    ] = None,
) -> None:
    """Create or update streams, consumers and tables. Safe to repeat."""
    names = tuple(name.strip() for name in sources.split(",") if name.strip())
    roles = Roles(runtime_role, reader_role, desk_role, tuple(payment_roles or ()))
    if roles != Roles() and not stores:
        fail(WRONG, "roles need the stores: leave --no-stores out")
    about = context(data, as_json, lang)

    async def work() -> dict[str, Any]:
        client = await about.client(ADMIN)
        try:
            made = await provision_broker(client, names, replicas=replicas)
        finally:
            await client.close()
        return {"created": list(made.created), "updated": list(made.updated)}

    result = run_async(work())
    if stores:
        if about.deployment is not None:
            if roles != Roles():
                fail(WRONG, "an embedded deployment has SQLite, which knows no roles; leave the roles out")
            about.deployment.create_stores()
        else:
            creates = (("registry", provision_registry), ("allowance", provision_allowance), ("talent", provision_talent))
            for service, create in creates:
                _provision_store(about.database_url(service), service, create, roles)
        result["stores"] = list(SERVICES)
    about.show(result, f"created: {', '.join(result['created']) or '-'}\nupdated: {', '.join(result['updated']) or '-'}")


@dataclass(frozen=True, slots=True)
class Roles:
    """Names of PostgreSQL's roles, by what they are for. desk reads the keys too; payment: of the allowance's database only."""

    runtime: str | None = None
    reader: str | None = None
    desk: str | None = None
    payment: tuple[str, ...] = ()

    def readers(self, service: str) -> dict[str, tuple[str, ...]]:
        """Who may only read in a service's database, and which tables not."""
        keys = tuple(table.name for table in ERASABLE)
        found: list[tuple[str | None, tuple[str, ...]]] = [(self.reader, keys), (self.desk, ())]
        found += [(role, keys) for role in self.payment if service == "allowance"]
        return {role: hidden for role, hidden in found if role is not None}


def grant_roles(database: Database, service: str, roles: Roles) -> None:
    """As the owner: the rights of each role in a service's database, whose tables are there. Raises RoleError."""
    if roles.runtime is not None:
        with database.write.begin() as connection:
            grant_runtime(connection, roles.runtime, erasable=[table.name for table in ERASABLE])
    for reader, hidden in roles.readers(service).items():
        with database.write.begin() as connection:
            grant_reader(connection, reader, hidden=hidden)


def _provision_store(url: str, service: str, create: Callable[[Database], None], roles: Roles) -> None:
    """Create a service's tables as their owner, and give the roles of the running service and of people their rights."""
    database = Database(url)
    try:
        create(database)
        if roles.runtime is not None:
            with database.write.begin() as connection:
                grant_runtime(connection, roles.runtime, erasable=[table.name for table in (*ERASABLE, *ASIDE)])
        for reader, hidden in roles.readers(service).items():
            with database.write.begin() as connection:
                grant_reader(connection, reader, hidden=hidden)
    except RoleError as error:
        fail(WRONG, str(error))
    except DBAPIError as error:
        fail(UNREACHABLE, f"the {service} database cannot be provisioned: {error.orig or type(error).__name__}")
    finally:
        database.close()


def status(
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
    parked_hours: Annotated[
        float, typer.Option("--parked-hours", min=0, help="a message may be parked for so long before the exit code is 1")
    ] = PARKED_HOURS_MAX,
) -> None:
    """Health, lag, positions, and the messages that are parked or held, oldest first.

    Exit code 1 if a service stands still or a message has been parked for longer than --parked-hours, 3 if a service does not
    answer.
    """
    about = context(data, as_json, lang)
    answers = run_async(ask_status(about))
    now = datetime.now(UTC)
    aside = _aside(answers, now)
    due = utc_text(now - timedelta(hours=parked_hours))
    late = [each for each in aside if each["state"] == "parked" and each["since"] < due]
    about.show(
        {"services": answers, "aside": aside, "parked_hours_max": parked_hours, "parked_too_long": len(late)}, lambda: ""
    )
    if not as_json:
        about.out.print(_status_table(about, answers))
        for answer in answers:
            for reason in answer["reasons"]:
                about.out.print(f"{answer['service']}: {reason}", markup=False)
        if aside:
            about.out.print(_aside_table(about, aside))
        if late:
            text = (
                f"{len(late)} 条消息搁置超过 {parked_hours:g} 小时；见 hongling parked list，然后 retry 或 discard",
                f"{len(late)} messages have been parked for more than {parked_hours:g} hours; see `hongling parked list`, then "
                "retry or discard them",
            )
            about.out.print(about.say(*text), markup=False)
    if any(answer.get("silent") for answer in answers):
        raise typer.Exit(UNREACHABLE)
    if late or not all(answer["ready"] for answer in answers):
        raise typer.Exit(DIFFERENCE)


def _aside(answers: Sequence[Mapping[str, Any]], now: datetime) -> list[dict[str, Any]]:
    """The messages that the services have set aside, oldest first; of each service the oldest ones only."""
    found = [
        {
            "service": answer["service"],
            "state": state,
            "message": masked(f"{row['origin']}/{row['message_id']}"),
            "since": row["since"],
            "age_hours": round((now - datetime.fromisoformat(row["since"])).total_seconds() / 3600, 1),
            "code": row.get("code"),
            "parked_id": row.get("parked_id"),
            "until": row.get("until"),
        }
        for answer in answers
        for state, name in (("parked", "oldest_parked"), ("held", "oldest_held"))
        for row in answer.get(name, ())
    ]
    return sorted(found, key=lambda each: str(each["since"]))


def _aside_table(about: Context, aside: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(title=about.say("搁置和等待的消息，最久的在前", "Messages parked and held, oldest first"))
    for column in about.say("小时,状态,服务,消息,原因或期限", "hours,state,service,message,why or until").split(","):
        table.add_column(column, overflow="fold")
    for each in aside:
        state = about.say("搁置", "parked") if each["state"] == "parked" else about.say("等待", "held")
        why = safe(each["code"] or each["until"] or "")
        table.add_row(f"{each['age_hours']:,.1f}", state, each["service"], safe(each["message"]), why)
    return table


async def ask_status(about: Context, services: Sequence[str] = SERVICES) -> list[dict[str, Any]]:
    """What each service says of itself; ``silent`` for one that does not answer."""
    client = await about.client(about.who(OPERATOR, DESK, AUDITOR))
    answers = []
    try:
        for service in services:
            try:
                reply = await client.request(f"status.{service}", b"", timeout=STATUS_TIMEOUT_SECONDS)
                answers.append(json.loads(reply.data))
            except (nats.errors.TimeoutError, nats.errors.NoRespondersError):
                answers.append({"service": service, "ready": False, "silent": True, "reasons": [f"{service} does not answer"]})
    finally:
        await client.close()
    return answers


def _status_table(about: Context, answers: list[dict[str, Any]]) -> Table:
    table = Table(title=about.say("服务状态", "Services"))
    heads = (
        ("服务", "service"), ("就绪", "ready"), ("位置", "position"), ("已转发", "relayed"),
        ("待处理", "pending"), ("等待", "held"), ("搁置", "parked"),
    )  # fmt: skip
    for zh, en in heads:
        table.add_column(about.say(zh, en))
    for answer in answers:
        pending = sum(lag["pending"] + lag["unacknowledged"] for lag in answer.get("consumers", {}).values())
        ready = about.say("是", "yes") if answer["ready"] else about.say("否", "no")
        figures = [str(answer.get(name, "-")) for name in ("position", "relayed")]
        table.add_row(
            answer["service"], ready, *figures, str(pending), str(answer.get("held", "-")), str(answer.get("parked", "-"))
        )
    return table


def register(app: typer.Typer) -> None:
    for command in (up, run, provision, status):
        app.command()(command)
