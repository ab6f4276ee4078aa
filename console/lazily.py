"""Groups of commands whose modules are imported when one of them is called, so that a command costs what it needs itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

__all__ = ["Entry", "lazy_group"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One command or group. module: whose ``register`` adds it to a Typer; help: the line that a list of commands shows."""

    module: str
    help: str


class _Commands(dict[str, Any]):
    """name → command, made when it is asked for. Until then an entry stands in its place."""

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        super().__init__(entries)
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            entry: Entry = super().__getitem__(name)
            group = typer.Typer(callback=lambda: None)
            import_module(entry.module).register(group)
            command: Any = get_command(group)
            _offer_as(command)
            self._made |= {each: found for each, found in command.commands.items() if each in self}
        return self._made[name]

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self.keys() else default

    def values(self) -> Any:
        return {name: self[name] for name in self}.values()

    def items(self) -> Any:
        return {name: self[name] for name in self}.items()


def _offer_as(command: Any) -> None:
    """Give ``--as`` to every command that works on a deployment: defined once, and the same everywhere."""
    from console.context import as_option

    for each in getattr(command, "commands", {}).values():
        if getattr(each, "commands", None) is not None:
            _offer_as(each)
        elif any(parameter.name == "data" for parameter in each.params):
            each.params.append(as_option())


def lazy_group(entries: Mapping[str, Entry]) -> type[TyperGroup]:
    """The class of a group of these commands, in this order, for ``typer.Typer(cls=…)``."""

    class LazyGroup(TyperGroup):
        def __init__(self, **settings: Any) -> None:
            super().__init__(**(settings | {"commands": _Commands(entries)}))
            self._listing = False

        def list_commands(self, ctx: Any) -> list[str]:
            return list(self.commands)

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            if self._listing and cmd_name in self.commands:
                # A list shows a line of each, for which none has to be imported.
                return TyperCommand(cmd_name, help=entries[cmd_name].help)
            return super().get_command(ctx, cmd_name)

        def format_help(self, ctx: Any, formatter: Any) -> None:
            self._listing = True
            try:
                super().format_help(ctx, formatter)
            finally:
                self._listing = False

    return LazyGroup
