"""``hongling principal …``: who is known to the broker, with which credential."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from console.context import WRONG, Context, DataOption, JsonOption, LangOption, context, fail, run_async
from console.deployment import DEFAULT_SOURCES, Deployment
from console.principals import Entry, Principals
from console.run import tell
from console.tls_acts import GroupOption, NamesOption, make_certificates
from contracts.roles import PEOPLE, SOURCE
from eventlog.topology import tls_block

__all__ = ["register"]

MONITORING = 'http: "127.0.0.1:8222"\n'
"""Health of the server, for whoever runs beside it only: it answers everybody who asks."""
TLS_FOLDER = "/etc/nats"
"""Where the broker's container has its folder of the principals."""
CLUSTERING = f"""server_name: $NATS_SERVER_NAME
cluster {{
  name: hongling
  listen: "0.0.0.0:6222"
  authorization {{user: route, password: $NATS_CLUSTER_PASSWORD, timeout: 5}}
  routes: [$NATS_ROUTE_1, $NATS_ROUTE_2, $NATS_ROUTE_3]
{textwrap.indent(tls_block(TLS_FOLDER, first=False), "  ")}}}
"""
"""One file for three servers. Without its password, whoever has a certificate could join, and pass by every permission."""

GIVEN = (*PEOPLE, SOURCE)
"""Roles that are given to people and integrating systems; the others are parts of the deployment."""

NameArgument = Annotated[str, typer.Argument(help="of the principal", show_default=False)]

principal_app = typer.Typer(no_args_is_help=True, help="Who is known to the broker, with which credential.")


@principal_app.command("init")
def init(
    folder: Annotated[Path, typer.Argument(help="made if it is not there: the list, a seed each, configurations")],
    sources: Annotated[str, typer.Option(help="integrating systems, with commas")] = ",".join(DEFAULT_SOURCES),
    names: NamesOption = None,
    database_group: GroupOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the principals of a deployment that is not embedded, their certificates, and the broker's configurations.

    Safe to repeat.

    Who is there keeps its seed; a new source gets one. Afterwards tell the broker to read its configuration again (SIGHUP).
    """
    principals = Principals(folder)
    known = {each.name for each in principals.entries()}
    try:
        principals.create([name.strip() for name in sources.split(",") if name.strip()])
        make_certificates(principals, names or (), database_group)
    except ValueError as error:
        fail(WRONG, str(error))
    write_configs(principals)
    made = [each.name for each in principals.entries() if each.name not in known]
    tell(as_json, {"created": made, "folder": str(folder)}, f"created: {', '.join(made) or '-'}")


def _changed(ctx: Context, entry: Entry, said: tuple[str, str]) -> None:
    """Let the running broker know at once, and say what became of the principal."""
    deployment = _deployment(ctx)
    state = deployment.state()
    if state is not None:
        deployment.reload_broker(str(state["url"]), int(state["pids"]["broker"]))
        run_async(deployment.provision(str(state["url"])))
    ctx.show(_shown(entry) | {"seed_file": str(deployment.seed_file(entry.name))}, ctx.say(*said))


def _deployment(ctx: Context) -> Deployment:
    if ctx.deployment is None:
        fail(WRONG, "choose a deployment: --data DIR, or set HONGLING_DATA")
    return ctx.deployment


def _shown(entry: Entry) -> dict[str, Any]:
    state = "disabled" if entry.disabled else "active"
    said = {"roles": list(entry.roles), "divisions": list(entry.divisions)}
    return {"name": entry.name, **said, "state": state, "nkey": entry.nkey}


@principal_app.command("add")
def add(
    name: NameArgument,
    role: Annotated[list[str], typer.Option("--role", help=f"one of: {', '.join(GIVEN)}; may be repeated", show_default=False)],
    division: Annotated[
        list[str] | None,
        typer.Option("--division", help="GB/T 2260 code, with all below; else everywhere; may be repeated", show_default=False),
    ] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """A person or an integrating system gets a name and a seed of its own; give the file to its holder."""
    ctx = context(data, as_json, lang)
    strange = [each for each in role if each not in GIVEN]
    if strange:
        fail(WRONG, f"--role {strange[0]} is not one of: {', '.join(GIVEN)}")
    try:
        entry = _deployment(ctx).principals.add(name, *role, divisions=division or ())
    except ValueError as error:
        fail(WRONG, str(error))
    path, roles = _deployment(ctx).seed_file(name), ", ".join(role)
    _changed(ctx, entry, (f"已增加 {name}（{roles}）；凭据文件 {path}", f"{name} is {roles} now; its seed is in {path}"))


@principal_app.command("list")
def listed(data: DataOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """Who is known: name, roles, divisions, state, public key."""
    ctx = context(data, as_json, lang)
    rows = [_shown(each) for each in _deployment(ctx).principals.entries()]
    words = {"active": ctx.say("有效", "active"), "disabled": ctx.say("停用", "disabled")}
    table = Table()
    for column in ctx.say("名称,角色,区划,状态,公钥", "name,roles,divisions,state,public key").split(","):
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(row["name"], ", ".join(row["roles"]), ", ".join(row["divisions"]), words[str(row["state"])], row["nkey"])
    ctx.show({"principals": rows}, "")
    if not as_json:
        ctx.out.print(table)


@principal_app.command("disable")
def disable(name: NameArgument, data: DataOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """Shut a principal out at once; whoever is connected with its seed is disconnected."""
    ctx = context(data, as_json, lang)
    _changed(ctx, _one(ctx, lambda all_: all_.disable(name)), (f"{name} 已停用", f"{name} is disabled"))


@principal_app.command("enable")
def enable(name: NameArgument, data: DataOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """Let a disabled principal in again, with the seed that it has."""
    ctx = context(data, as_json, lang)
    _changed(ctx, _one(ctx, lambda all_: all_.disable(name, False)), (f"{name} 已启用", f"{name} is active"))


@principal_app.command("rotate")
def rotate(name: NameArgument, data: DataOption = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """Give a principal another seed; the one before is worth nothing at once."""
    ctx = context(data, as_json, lang)
    _changed(ctx, _one(ctx, lambda all_: all_.rotate(name)), (f"{name} 的凭据已更换", f"{name} has another seed"))


def _one(ctx: Context, change: Callable[[Principals], Entry]) -> Entry:
    try:
        return change(_deployment(ctx).principals)
    except ValueError as error:
        fail(WRONG, str(error))


def write_configs(principals: Principals) -> None:
    """The configurations for one broker, and for each of three."""
    for name, extra in (("nats.conf", MONITORING), ("cluster.conf", MONITORING + CLUSTERING)):
        principals.write_config(
            name, store_dir="/data", listen="0.0.0.0:4222", sync_always=True, tls_folder=TLS_FOLDER, extra=extra
        )


def register(app: typer.Typer) -> None:
    app.add_typer(principal_app, name="principal")
