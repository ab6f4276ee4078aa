"""Running and watching: ``up``, ``run``, ``provision``, ``status``."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from typing import Annotated, Any

import nats.errors
import typer
from rich.table import Table

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
from console.run import serve
from console.topology import ADMIN, OPERATOR, SERVICES, principals, provision_broker
from eventlog.database import Database
from eventlog.settings import SettingError
from eventlog.topology import server_config
from services.allowance.app import provision_store as provision_allowance
from services.registry.app import provision_store as provision_registry

__all__ = ["register"]

STATUS_TIMEOUT_SECONDS = 3.0


def up(
    data: Annotated[Path, typer.Option("--data", help="the deployment's folder; made if it is not there")] = Path(
        "hongling-data"
    ),
) -> None:
    """Run the broker and all services, embedded, until Ctrl-C."""

    async def work() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        async with Running(Deployment(data)) as running:
            typer.echo(f"hongling runs: broker {running.url}, data {data}. Ctrl-C stops it.")
            while not stop.is_set():
                try:
                    await asyncio.wait_for(stop.wait(), 1.0)
                except TimeoutError:
                    name = running.failed()
                    if name is not None:
                        fail(UNREACHABLE, f"{name} has stopped; see {data / 'logs' / f'{name}.log'}")
        typer.echo("stopped")

    try:
        run_async(work())
    except (RuntimeError, FileNotFoundError) as error:
        fail(UNREACHABLE, str(error))


def run(service: Annotated[str, typer.Argument(help=f"one of: {', '.join(SERVICES)}")]) -> None:
    """Run one service in the foreground; settings from HONGLING_* variables."""
    if service not in SERVICES:
        fail(WRONG, f"there is no service {service}; choose one of: {', '.join(SERVICES)}")
    try:
        serve(service)
    except (SettingError, FileNotFoundError, ValueError) as error:
        fail(WRONG, f"{service} cannot start: {error}")
    except (RuntimeError, OSError, nats.errors.Error) as error:
        fail(UNREACHABLE, f"{service} cannot start: {error or type(error).__name__}")


def provision(
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
    sources: Annotated[str, typer.Option(help="integrating systems, with commas")] = "hr,training,appraisal",
    replicas: Annotated[int, typer.Option(min=1, max=5, help="copies of each stream; 3 in production")] = 1,
    stores: Annotated[bool, typer.Option(help="also create the services' tables")] = True,
    broker_config: Annotated[bool, typer.Option(help="only print the nats-server configuration with all users")] = False,
) -> None:
    """Create or update streams, consumers, users and tables. Safe to repeat."""
    names = tuple(name.strip() for name in sources.split(",") if name.strip())
    if broker_config:
        users = principals(names)
        passwords = {p.name: f"$HONGLING_{p.name.upper()}_NATS_PASSWORD" for p in users}
        typer.echo(server_config(users, passwords, store_dir="/data", listen="0.0.0.0:4222", sync_always=True), nl=False)
        return
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
            about.deployment.create_stores()
        else:
            for service, create in (("registry", provision_registry), ("allowance", provision_allowance)):
                database = Database(about.database_url(service))
                create(database)
                database.close()
        result["stores"] = list(SERVICES)
    about.show(result, f"created: {', '.join(result['created']) or '-'}\nupdated: {', '.join(result['updated']) or '-'}")


def status(data: DataOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """Health, lag, positions, parked. Exit code 1 if a service stands still, 3 if one does not answer."""
    about = context(data, as_json, lang)
    answers = run_async(ask_status(about))
    about.show({"services": answers}, lambda: "")
    if not as_json:
        about.out.print(_status_table(about, answers))
        for answer in answers:
            for reason in answer["reasons"]:
                about.out.print(f"{answer['service']}: {reason}", markup=False)
    if any(answer.get("silent") for answer in answers):
        raise typer.Exit(UNREACHABLE)
    if not all(answer["ready"] for answer in answers):
        raise typer.Exit(DIFFERENCE)


async def ask_status(about: Context) -> list[dict[str, Any]]:
    """What each service says of itself; ``silent`` for one that does not answer."""
    client = await about.client(OPERATOR)
    answers = []
    try:
        for service in SERVICES:
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
