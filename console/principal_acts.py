"""``hongling principal …``: who is known to the broker, with which credential."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from console.context import WRONG, JsonOption, fail
from console.deployment import DEFAULT_SOURCES
from console.principals import Principals
from console.run import tell

__all__ = ["register"]

MONITORING = 'http: "127.0.0.1:8222"\n'
"""Health of the server, for whoever runs beside it only: it answers everybody who asks."""
CLUSTERING = """server_name: $NATS_SERVER_NAME
cluster {
  name: hongling
  listen: "0.0.0.0:6222"
  authorization {user: route, password: $NATS_CLUSTER_PASSWORD, timeout: 5}
  routes: [$NATS_ROUTE_1, $NATS_ROUTE_2, $NATS_ROUTE_3]
}
"""
"""One file for three servers. Without its password, whoever reaches the port could join, and pass by every permission."""

principal_app = typer.Typer(no_args_is_help=True, help="Who is known to the broker, with which credential.")


@principal_app.command("init")
def init(
    folder: Annotated[Path, typer.Argument(help="made if it is not there: the list, a seed each, configurations")],
    sources: Annotated[str, typer.Option(help="integrating systems, with commas")] = ",".join(DEFAULT_SOURCES),
    as_json: JsonOption = False,
) -> None:
    """Make the principals of a deployment that is not embedded, and the broker's configurations. Safe to repeat.

    Who is there keeps its seed; a new source gets one. Afterwards tell the broker to read its configuration again (SIGHUP).
    """
    principals = Principals(folder)
    known = {each.name for each in principals.entries()}
    try:
        principals.create([name.strip() for name in sources.split(",") if name.strip()])
    except ValueError as error:
        fail(WRONG, str(error))
    write_configs(principals)
    made = [each.name for each in principals.entries() if each.name not in known]
    tell(as_json, {"created": made, "folder": str(folder)}, f"created: {', '.join(made) or '-'}")


def write_configs(principals: Principals) -> None:
    """The configurations for one broker, and for each of three."""
    for name, extra in (("nats.conf", MONITORING), ("cluster.conf", MONITORING + CLUSTERING)):
        principals.write_config(name, store_dir="/data", listen="0.0.0.0:4222", sync_always=True, extra=extra)


def register(app: typer.Typer) -> None:
    app.add_typer(principal_app, name="principal")
