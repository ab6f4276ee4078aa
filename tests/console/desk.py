"""Somebody at the registry's desk: every ``hongling`` command on real stores and the registry's own handlers, without a broker.

``send``, by which an act reaches the registry and its receipt comes back, hands the message to the handler itself. The clock
of the registry stands at one real moment, since commands stamp their messages with the real time.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from typer.testing import CliRunner, Result

from console import personal, publishing
from console.context import Context
from console.main import app
from console.publishing import Message
from contracts.receipts import Receipt
from eventlog import schema
from services.registry.calendar import WorkCalendar
from services.registry.decider import Rules
from services.registry.keeping import Keeper
from tests.console.support import Office

__all__ = ["STANDARD", "Desk", "desk"]

STANDARD = Path(__file__).parents[2] / "standards" / "example-certification.yaml"


class Desk:
    """office: the services behind it. rules: as the registry has them, with the official calendar of working days."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.rules = Rules(calendar=WorkCalendar())
        self.office = Office(folder, seed=seed, rules=self.rules)
        self.office.clock.at = datetime.now(UTC)
        self.folder = folder

    async def send(self, ctx: Context, user: str, service: str, message: Message) -> Receipt:
        """What stands in for the way to the broker and back."""
        await asyncio.to_thread(self.office.deliver, message.subject, message.message, carry=False)
        return self.receipt(user, message.message_id)

    def receipt(self, user: str, message_id: str) -> Receipt:
        """The last answer to a message; one that waits has no other record."""
        table = schema.receipt
        log = self.office.registry
        with log.database.read.connect() as connection:
            query = select(table.c.data).where(table.c.source == user).order_by(table.c.position.desc())
            found = (Receipt.model_validate_json(data) for data in connection.scalars(query))
            return next(receipt for receipt in found if receipt.id == message_id)

    # --- typing -------------------------------------------------------------------------------------------------------

    def ask(self, *words: str, lang: str = "en", typed: str | None = None) -> Result:
        """Run a command on the desk's folder. typed: what it reads."""
        return CliRunner().invoke(app, [*words, "--data", str(self.folder), "--lang", lang], input=typed)

    def asked(self, *words: str, code: int = 0) -> Any:
        """The JSON that a command answers."""
        result = self.ask(*words, "--json")
        assert code == result.exit_code, result.output
        return json.loads(result.stdout)

    def told(self, *words: str, lang: str = "en", code: int = 0) -> str:
        """What a command says to people."""
        result = self.ask(*words, lang=lang)
        assert code == result.exit_code, result.output
        return result.stdout

    def keep(self) -> None:
        """What the registry does by itself once days have passed."""
        Keeper(self.office.registry, self.rules, lambda: None).run()

    # --- what tests begin with ------------------------------------------------------------------------------------------

    def worker(self, number: int, *, division: str = "320102", on: str = "2021-01-01") -> str:
        """Worker ``hr:K<number>``, registered and engaged by hr; return the person_ref."""
        ref = self.office.register(number, division=division, effective=on)
        self.office.engage(number, effective=on)
        return ref

    def standard(self) -> None:
        self.asked("registry", "standard", "publish", str(STANDARD))

    def stage(self, name: str, ref: str, on: str, *options: str) -> Any:
        """A stage of an application, accepted."""
        answer = self.asked("registry", "application", name, ref, "--on", on, *options)
        assert ("accepted", []) == (answer["outcome"], answer["problems"])
        return answer

    def panel_passed(self, ref: str, on: str = "2025-03-03") -> None:
        """A junior application that has passed its panel."""
        self.stage("apply", ref, on, "--grade", "junior", "--issuer", "320102")
        self.stage("review", ref, on, "--finding", "trained=30h", "--finding", "recommended=yes")
        self.stage("test", ref, on, "--hours", "24", "--score", "80")
        self.stage("panel", ref, on, "--score", "80", "--score", "85", "--score", "78")

    def certified(self, ref: str, on: str = "2025-03-03") -> str:
        """A junior certificate, granted when its notice was over; return its number."""
        self.panel_passed(ref, on)
        self.stage("notice", ref, on)
        self.keep()
        outcome = self.asked("registry", "application", "show", ref)["outcome"]
        return str(outcome["certificate"])


@contextmanager
def desk(folder: Path, *, seed: int = 1) -> Iterator[Desk]:
    """A desk on a folder, with ``send`` led to its registry, closed afterwards."""
    made = Desk(folder, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(personal, "send", made.send)
        patch.setattr(publishing, "send", made.send)
        try:
            yield made
        finally:
            made.office.close()
