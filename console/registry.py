"""``hongling registry``: what the registration authority does at its own desk. Here the commands are put together.

Acts on registrations are in ``console.registry_acts``, the five stages in ``console.applications``, standards in
``console.certification_standards``, units and inspections in ``console.units``, questions in ``console.registry_queries``,
personal data and dossiers in ``console.privacy``.
"""

from __future__ import annotations

import typer

from console import privacy, registry_acts, registry_queries
from console.applications import application
from console.certification_standards import standard
from console.units import inspection, unit

__all__ = ["register", "registry"]

registry = typer.Typer(
    no_args_is_help=True, help="The registry's own desk: workers, certification, units, inspections, dossiers, personal data."
)
registry_acts.register(registry)
registry.command()(registry_queries.show)
registry.command("list")(registry_queries.list_)
registry.command()(registry_queries.limits)
registry.add_typer(application, name="application")
registry.add_typer(standard, name="standard")
registry.add_typer(unit, name="unit")
registry.add_typer(inspection, name="inspection")
privacy.register(registry)


def register(app: typer.Typer) -> None:
    app.add_typer(registry, name="registry")
