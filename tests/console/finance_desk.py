"""A finance office without a broker: every ``hongling finance`` command on real stores and the services' own handlers.

``send_all`` and ``send``, by which acts reach the services and their receipts come back, hand each message to the handler
itself, and let allowance do its background work. The clock of the services stands at one real moment, since commands stamp
their messages with the real time. Nobody in it exists.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from typer.testing import CliRunner, Result

from console import finance_acts, finance_reconcile, personal
from console.context import Context
from console.main import app
from console.publishing import Message
from console.sealing import load_public_key, seal
from contracts.receipts import Receipt
from contracts.registry import PersonalDataExported
from eventlog import schema
from eventlog.log import Recorded
from services.allowance.handlers import recalculating
from services.allowance.payment_work import PaymentWork
from services.allowance.payments import Payments
from tests.console.support import COUNTY, Office
from tests.support import identity

__all__ = ["DEBTOR", "FinanceDesk", "finance_desk"]

DEBTOR = ("--debtor-name", "示例县财政局", "--debtor-account", "990000001111", "--debtor-agent", "999999999999")


class FinanceDesk:
    """office: the services behind it. folder: where its files go. sent: how many messages were handed over."""

    def __init__(self, folder: Path, seed: int = 1) -> None:
        self.office = Office(folder / "data", seed=seed)
        self.office.clock.at = datetime.now(UTC)
        self.folder = folder
        self.work = PaymentWork(
            self.office.allowance, Payments(self.office.allowance, recalculating=recalculating), wake=lambda: None
        )
        self.sent = 0

    # --- the way to the services --------------------------------------------------------------------------------------

    async def send_all(self, ctx: Context, user: str, messages: Sequence[Message]) -> dict[str, Receipt]:
        await asyncio.to_thread(self._deliver, messages)
        return {message.message_id: self.receipt("allowance", user, message.message_id) for message in messages}

    async def send(self, ctx: Context, user: str, service: str, message: Message) -> Receipt:
        await asyncio.to_thread(self._deliver, [message])
        return self.receipt(service, user, message.message_id)

    def _deliver(self, messages: Sequence[Message]) -> None:
        for message in messages:
            self.sent += 1
            self.office.deliver(message.subject, message.message, carry=False)
        while self.work.step():
            pass

    def receipt(self, service: str, user: str, message_id: str) -> Receipt:
        table = schema.receipt
        log = {"registry": self.office.registry, "allowance": self.office.allowance}[service]
        with log.database.read.connect() as connection:
            query = select(table.c.data).where(table.c.source == user).order_by(table.c.position.desc())
            found = (Receipt.model_validate_json(data) for data in connection.scalars(query))
            return next(receipt for receipt in found if receipt.id == message_id)

    # --- typing -------------------------------------------------------------------------------------------------------

    def ask(self, *words: str, lang: str = "en") -> Result:
        return CliRunner().invoke(app, ["finance", *words, "--data", str(self.office.folder), "--lang", lang])

    def asked(self, *words: str, code: int = 0) -> Any:
        """The JSON that a command answers."""
        result = self.ask(*words, "--json")
        assert code == result.exit_code, result.output
        return json.loads(result.stdout)

    def told(self, *words: str, lang: str = "en", code: int = 0) -> str:
        """What a command says to people, on both outputs."""
        result = self.ask(*words, lang=lang)
        assert code == result.exit_code, result.output
        return result.output

    # --- what tests begin with ----------------------------------------------------------------------------------------

    def worker(self, number: int, rating: str = "excellent", *, unit: str = "一村", **changed: str | None) -> str:
        """A worker of the county with a bank account. changed: fields of the identity that are others, or None: missing."""
        plain: Mapping[str, str | None] = identity(number).model_dump() | changed
        key = f"K{number:03}"
        sealed = seal(
            {name: v for name, v in plain.items() if v is not None}, load_public_key(self.office.deployment.public_key)
        )
        data = {"division": COUNTY, "person": {"identity": sealed, "source_key": key}}
        posted = self.office.post("worker-registered", data, effective="2021-01-01", id=f"{key}-registered")
        assert posted.person_ref is not None
        self.office.engage(number, unit=unit)
        self.office.rate(number, rating)
        return posted.person_ref

    def corrected(self, number: int, *, again: int = 1, **changed: str) -> str:
        """The registration of this worker is corrected: the identity with these changes. again: for the n-th time."""
        plain = identity(number).model_dump(exclude_none=True) | changed
        sealed = seal(plain, load_public_key(self.office.deployment.public_key))
        key = f"K{number:03}"
        corrects = f"{key}-registered" if again == 1 else f"{key}-fixed-{again - 1}"
        data = {
            "corrects": {"id": corrects}, "replacement": {"kind": "registration", "division": COUNTY}, "reason": "更正",
            "identity": sealed,
        }  # fmt: skip
        posted = self.office.post("fact-corrected", data, effective="2021-01-01", id=f"{key}-fixed-{again}")
        assert posted.person_ref is not None, posted
        return posted.person_ref

    def file(self, name: str) -> Path:
        return self.folder / name

    def prepared(self, run: str, *more: str) -> Any:
        return self.asked("prepare", run, "--division", COUNTY, "--payer", "county", "--year", "2021", *more)

    def sealed(self, run: str) -> Any:
        """A run that was prepared, approved and sealed."""
        self.prepared(run)
        self.asked("check", run)
        return self.asked("seal", run)["run"]

    def exported(self, run: str, format: str, name: str, *more: str) -> Any:
        options = ("--format", format, "--out", str(self.file(name)), "--reason", "代发津贴")
        return self.asked("export", run, *options, *more)

    def instructed(self, run: str, name: str) -> Any:
        return self.asked("instruct", run, str(self.file(name)))["run"]

    def exports(self) -> list[Recorded]:
        """What the registry's log says of exports."""
        with self.office.registry.database.read.connect() as connection:
            events = self.office.registry.read(connection, 0, 10_000)
        return [each for each in events if isinstance(each.event, PersonalDataExported)]


@contextmanager
def finance_desk(folder: Path, *, seed: int = 1) -> Iterator[FinanceDesk]:
    """A desk on a folder, with what it sends led to its services, closed afterwards. Changtu's policy of 2021 is in force."""
    made = FinanceDesk(folder, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finance_acts, "send_all", made.send_all)
        patch.setattr(finance_reconcile, "send_all", made.send_all)
        patch.setattr(personal, "send", made.send)
        made.office.publish("changtu-2021")
        try:
            yield made
        finally:
            made.office.close()
