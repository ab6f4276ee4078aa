"""``hongling tls …``: the certificates of a deployment whose parts reach each other over a network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from console.context import DIFFERENCE, WRONG, Context, JsonOption, LangOption, chosen_language, fail
from console.deployment import DEFAULT_SOURCES
from console.principals import Principals
from console.tls import Authority, Issued, server_names
from console.topology import usual
from contracts.base import utc_text

__all__ = ["GroupOption", "NamesOption", "make_certificates", "register"]

FolderArgument = Annotated[Path, typer.Argument(help="that of the principals: each finds its certificate beside its seed")]
NamesOption = Annotated[
    list[str] | None,
    typer.Option("--name", help="further name of the broker; registry-db=HOST: of that database", show_default=False),
]
GroupOption = Annotated[
    int | None,
    typer.Option(help="group that may read the databases' keys, where they run as another user", show_default=False),
]

tls_app = typer.Typer(no_args_is_help=True, help="Certificates for the broker, the databases and who connects.")


def make_certificates(
    principals: Principals, names: Sequence[str], group: int | None, renew: Sequence[str] = ()
) -> list[Issued]:
    """Certificates for both kinds of server and for every principal. Raises ValueError."""
    known = [each.name for each in principals.entries()] or [name for name, _ in usual(DEFAULT_SOURCES)]
    servers = server_names(names)
    unknown = [name for name in renew if name not in (*known, *servers)]
    if unknown:
        raise ValueError(f"{', '.join(unknown)}: nobody has this name; known: {', '.join((*servers, *known))}")
    return Authority(principals.folder, group=group).make(known, servers, renew)


@tls_app.command("make")
def make(
    folder: FolderArgument,
    names: NamesOption = None,
    database_group: GroupOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Make an authority, and a certificate for each server and principal. Safe to repeat: who has a good one keeps it.

    Made anew is what ends within 30 days, lacks a name, does not fit its key, or comes from another authority.
    """
    _make(folder, names or (), database_group, (), as_json, lang)


@tls_app.command("renew")
def renew(
    folder: FolderArgument,
    holders: Annotated[
        list[str], typer.Argument(help="whose certificate and key are replaced: broker, registry-db, registry …")
    ],
    database_group: GroupOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Give some another key and certificate before their time. Who has them is restarted, the broker told by SIGHUP."""
    _make(folder, (), database_group, holders, as_json, lang)


@tls_app.command("list")
def listed(folder: FolderArgument, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """Every certificate and when it ends. Exit code 1 if one ends within 30 days: give `tls make`."""
    ctx = _context(as_json, lang)
    authority = Authority(folder)
    try:
        rows = authority.issued()
    except ValueError as error:
        fail(WRONG, f"{folder}: {error}")
    if not rows:
        zh = f"{folder} 中没有证书；请运行 hongling tls make {folder}"
        fail(WRONG, ctx.say(zh, f"{folder} holds no certificate; `hongling tls make {folder}` makes them"))
    table = Table()
    for column in ctx.say("持有者,名称,到期,续期", "holder,names,ends,due").split(","):
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(row.holder, ", ".join(row.names), utc_text(row.ends), ctx.say("是", "yes") if authority.due(row) else "-")
    ctx.show({"certificates": [_shown(row) | {"due": authority.due(row)} for row in rows]}, "")
    if not as_json:
        ctx.out.print(table)
    if any(authority.due(row) for row in rows):
        raise typer.Exit(DIFFERENCE)


def _make(folder: Path, names: Sequence[str], group: int | None, renew: Sequence[str], as_json: bool, lang: str | None) -> None:
    ctx = _context(as_json, lang)
    try:
        made = make_certificates(Principals(folder), names, group, renew)
    except (ValueError, OSError) as error:
        fail(WRONG, ctx.say(f"证书未能生成：{error}", f"no certificates were made: {error}"))
    holders = ", ".join(each.holder for each in made) or "-"
    ctx.show(
        {"folder": str(folder), "made": [_shown(each) for each in made]},
        ctx.say(f"已生成证书：{holders}", f"certificates made: {holders}"),
    )


def _context(as_json: bool, lang: str | None) -> Context:
    """That of a command about a folder, whatever deployment the variables name."""
    return Context(None, as_json, chosen_language(lang), Console(highlight=False, soft_wrap=True))


def _shown(issued: Issued) -> dict[str, Any]:
    return {"holder": issued.holder, "names": list(issued.names), "ends": utc_text(issued.ends)}


def register(app: typer.Typer) -> None:
    app.add_typer(tls_app, name="tls")
