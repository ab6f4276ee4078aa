"""What every command shares: which deployment, how to answer, which language."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, TypeVar

import nats.errors
import typer
from nats.aio.client import Client
from rich.console import Console
from typer.main import get_command

from console.deployment import Deployment, connect
from console.exits import DIFFERENCE, UNREACHABLE, WRONG, fail
from console.language import chosen_language
from console.principals import UnknownPrincipal
from eventlog.box import Box
from eventlog.database import Database, DatabaseMissing
from eventlog.log import Log
from eventlog.settings import SettingError, aside_variable, seed_variable
from eventlog.transport import LOOPBACK, Transport, transport_from

__all__ = [
    "DIFFERENCE",
    "UNREACHABLE",
    "WRONG",
    "Context",
    "DataOption",
    "JsonOption",
    "LangOption",
    "as_option",
    "chosen_language",
    "context",
    "fail",
    "run_async",
]

DEFAULT_DATA = "hongling-data"

DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data", help="folder of an embedded deployment (else HONGLING_DATA, else HONGLING_* variables)", show_default=False
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="answer as JSON")]
LangOption = Annotated[
    str | None, typer.Option("--lang", help="zh or en (else HONGLING_LANG, else the locale)", show_default=False)
]

PRINCIPAL_VARIABLE = "HONGLING_PRINCIPAL"
_ACTING: ContextVar[str | None] = ContextVar("acting", default=None)
"""Who is named by ``--as`` or the variable, of the command that runs."""

T = TypeVar("T")


def _chosen(name: str | None) -> str | None:
    _ACTING.set(name)
    return name


def _acting(
    acting: Annotated[
        str | None,
        typer.Option(
            "--as",
            metavar="NAME",
            envvar=PRINCIPAL_VARIABLE,
            help="act as this principal, whose name is recorded; else as the usual one / 以该名义办理并记录在案",
            callback=_chosen,
            is_eager=True,
            show_default=False,
        ),
    ] = None,
) -> None: ...


@cache
def as_option() -> Any:
    """The parameter ``--as``, for every command that works on a deployment (``console.lazily`` gives it to them)."""
    alone = typer.Typer(add_completion=False)
    alone.command()(_acting)
    option: Any = next(each for each in get_command(alone).params if each.name == "acting")
    option.expose_value = False
    return option


@dataclass
class Context:
    """One command's surroundings. deployment None: everything comes from HONGLING_* variables.

    acting: the principal that ``--as`` or the variable names, if one does.
    """

    deployment: Deployment | None
    as_json: bool
    lang: str
    out: Console
    acting: str | None = None

    def show(self, value: Mapping[str, Any] | list[Any], text: Callable[[], str] | str | None = None) -> None:
        """Print the JSON, or the text for people (markup of rich is allowed in it; escape what comes from data)."""
        if self.as_json:
            sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")
            return
        shown = text() if callable(text) else text
        self.out.print(shown if shown is not None else json.dumps(value, ensure_ascii=False, indent=2))

    def say(self, zh: str, en: str) -> str:
        """The text in the chosen language."""
        return zh if self.lang == "zh" else en

    # --- stores -----------------------------------------------------------------------------------------------------

    def database_url(self, service: str) -> str:
        if self.deployment is not None:
            if not (self.deployment.data / f"{service}.db").exists():
                folder = self.deployment.data
                fail(UNREACHABLE, f"there is no {service}.db in {folder}; run `hongling up --data {folder}` first")
            return self.deployment.database_url(service)
        name = f"HONGLING_{service.upper()}_DATABASE_URL"
        url = os.environ.get(name)
        if not url:
            fail(WRONG, f"choose a deployment: --data DIR, or set HONGLING_DATA, or set {name}")
        with self.settings():
            self.transport.check_database(name, url)
        return url

    def _box(self, service: str) -> Box | None:
        """What opens the bytes that a service has set aside; None where whoever asks has no key of it."""
        if self.deployment is not None:
            path = self.deployment.principals.aside_key_file(service)
            return Box.read(path) if path.exists() else None
        given = os.environ.get(aside_variable(service))
        try:
            return Box.read(Path(given)) if given else None
        except (OSError, ValueError) as error:
            fail(WRONG, f"{aside_variable(service)}: {error}")

    @contextmanager
    def log(self, service: str) -> Iterator[Log]:
        """A service's log, for reading (``log.database.read``). Ends the command with 3 if it cannot be reached."""
        from sqlalchemy.exc import DBAPIError

        database = Database(self.database_url(service), self._box(service))
        # A command loads the services that it asks, and none of the others.
        log: Log = import_module(f"services.{service}.app").open_log(database)
        try:
            with database.read.connect() as connection:
                log.head(connection)
            yield log
        except (DBAPIError, DatabaseMissing) as error:
            reason = error if isinstance(error, DatabaseMissing) else error.orig or type(error).__name__
            fail(UNREACHABLE, f"the {service} database cannot be read: {reason}")
        finally:
            database.close()

    # --- the way there -----------------------------------------------------------------------------------------------

    @contextmanager
    def settings(self) -> Iterator[None]:
        """A wrong setting ends the command with 2, in the chosen language."""
        try:
            yield
        except SettingError as error:
            fail(WRONG, self.say(error.zh, str(error)))

    @property
    def transport(self) -> Transport:
        """An embedded deployment stays on this machine, whatever the variables say of another."""
        if self.deployment is not None:
            return LOOPBACK
        with self.settings():
            return transport_from(os.environ)

    # --- broker -----------------------------------------------------------------------------------------------------

    def broker_url(self) -> str:
        """Ends the command with 3 if nothing runs."""
        if self.deployment is None:
            url = os.environ.get("HONGLING_NATS_URL")
            if not url:
                fail(WRONG, "choose a deployment: --data DIR, or set HONGLING_NATS_URL")
            with self.settings():
                self.transport.broker(url)
            return url
        state = self.deployment.state()
        if state is None:
            fail(
                UNREACHABLE,
                f"nothing runs on {self.deployment.data}; start it with `hongling up --data {self.deployment.data}`",
            )
        return str(state["url"])

    def who(self, *roles: str) -> str:
        """The principal that acts: who is named by ``--as``, else the usual one of the first of these roles.

        Ends the command with 2 if the deployment knows that it has none of them; elsewhere the broker says so.
        """
        if self.acting is None or self.deployment is None:
            return self.acting or roles[0]
        try:
            entry = self.deployment.principals.entry(self.acting)
        except UnknownPrincipal as error:
            fail(WRONG, str(error))
        if not {*entry.roles} & {*roles}:
            has, asked = ", ".join(entry.roles), " / ".join(roles)
            fail(
                WRONG,
                self.say(
                    f"{entry.name} 的角色是 {has}，此事由 {asked} 办理；请换 --as",
                    f"{entry.name} is {has}, and this is for {asked}; name another one by --as",
                ),
            )
        return entry.name

    def seed_file(self, user: str) -> Path:
        """What a principal shows to the broker. Ends the command with 2 if there is none."""
        if self.deployment is not None:
            try:
                return self.deployment.seed_file(user)
            except UnknownPrincipal as error:
                fail(WRONG, str(error))
        name = seed_variable(user)
        path = Path(os.environ.get(name) or fail(WRONG, f"set {name} to the file with the nkey seed of principal {user}"))
        if not os.access(path, os.R_OK):
            fail(WRONG, f"{name} names {path}, which cannot be read; it is the nkey seed of principal {user}")
        return path

    async def client(self, user: str) -> Client:
        """A connection as one of the broker's users. Ends the command with 3 if it cannot be reached."""
        url = self.broker_url()
        seed_file = self.seed_file(user)
        try:
            return await connect(url, user, seed_file, self.transport)
        except (OSError, nats.errors.Error) as error:
            fail(UNREACHABLE, f"the broker at {url} cannot be reached as {user}: {error or type(error).__name__}")


def context(data: Path | None, as_json: bool, lang: str | None) -> Context:
    """Put a command's surroundings together."""
    folder = data or (Path(os.environ["HONGLING_DATA"]) if os.environ.get("HONGLING_DATA") else None)
    deployment = None
    if folder is not None:
        deployment = Deployment(folder)
        if not deployment.exists():
            fail(WRONG, f"{folder} is no deployment; `hongling up --data {folder}` makes one, `make demo` fills one")
    return Context(
        deployment, as_json, chosen_language(lang), Console(highlight=False, soft_wrap=not sys.stdout.isatty()), _ACTING.get()
    )


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's asynchronous part; a broker or setting that is missing ends it with its exit code."""
    import asyncio

    try:
        return asyncio.run(work)
    except (nats.errors.TimeoutError, nats.errors.NoServersError, ConnectionError, nats.errors.NoRespondersError) as error:
        fail(UNREACHABLE, f"the broker or a service did not answer: {error or type(error).__name__}")
    except SettingError as error:
        fail(WRONG, str(error))
