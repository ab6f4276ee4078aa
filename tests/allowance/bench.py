"""The allowance service without a broker: its own handlers on a database, and words for what is done to it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any

from sqlalchemy import select

from contracts.allowance import EntitlementAdjusted, EntitlementDecided
from contracts.intake import fact_subject
from contracts.receipts import Receipt
from eventlog import schema
from eventlog.database import Database
from eventlog.desk import Item
from eventlog.eyes import EyesSetting
from eventlog.log import Recorded, View
from services.allowance import app
from services.allowance.handlers import AllowanceIntake, Recalculation, RegistryEvents, recalculations, work_metadata
from services.allowance.views import entitlement
from tests.support import events_of, intake_bytes, new_log, receipts_of

__all__ = ["AllowanceBench"]


async def _erase(_sequence: int) -> None:
    """What a service does with the sequences is its wiring; the tests look at what ``settle`` returns."""


class AllowanceBench:
    """One allowance service. seed: of its ids. views: other read models than it has."""

    def __init__(
        self, database: Database, seed: int = 1, views: Sequence[View] | None = None, eyes: EyesSetting | None = None
    ) -> None:
        self.log = new_log(database, "allowance", app.CODEC, app.views() if views is None else views, seed=seed)
        with database.write.begin() as connection:
            work_metadata.create_all(connection)
        self.events_handler = RegistryEvents(self.log, wake=lambda: None)
        self.recalculating = self.new_recalculation()
        self.intake = AllowanceIntake(
            self.log, wake=lambda: None, recalculate=self.recalculating.start, erase=_erase, eyes=eyes
        )
        self.sequence = count(1)

    def new_recalculation(self) -> Recalculation:
        return Recalculation(self.log, wake=lambda: None)

    def hear(self, *items: Item) -> None:
        self.events_handler.settle(items)

    def message(self, fact: str, data: Any, *, id: str, source: str) -> Item:
        subject = fact_subject(source, "allowance", f"intake.{fact}.v1")
        return Item(subject, intake_bytes(fact, data, id=id, source=source), next(self.sequence))

    def publishes(self, text: str, id: str = "policy-1") -> Item:
        return self.message("policy-published", {"text": text}, id=id, source="policy")

    def publish(self, text: str, id: str = "policy-1") -> None:
        """Publish, and recalculate to the end."""
        self.intake.settle([self.publishes(text, id)])
        self.recalculate()

    def recalculate(self) -> int:
        pages = 0
        while self.recalculating.step():
            pages += 1
        return pages

    def operates(self, act: str, parked: str, id: str = "act-1") -> None:
        data = {"parked": parked, "by": "operator-7", "reason": "mended"}
        self.intake.settle([self.message(f"parked-{act}", data, id=id, source="operator")])

    @property
    def receipts(self) -> list[Receipt]:
        return receipts_of(self.log)

    @property
    def outcomes(self) -> list[tuple[str, str, list[str]]]:
        return [(r.id, r.outcome, [p.code for p in r.problems]) for r in self.receipts]

    @property
    def events(self) -> list[Recorded]:
        return events_of(self.log)

    def decided(self) -> list[EntitlementDecided | EntitlementAdjusted]:
        return [e.event for e in self.events if isinstance(e.event, EntitlementDecided | EntitlementAdjusted)]

    def rows(self, table: Any) -> list[Any]:
        with self.log.database.read.connect() as connection:
            return list(connection.execute(select(table)).all())

    def owed(self) -> dict[tuple[str, int], int]:
        return {(row.person_ref, row.year): row.amount_fen for row in self.rows(entitlement)}

    def parked(self) -> list[tuple[str, str]]:
        return [(row.message_id, row.code) for row in self.rows(schema.parked)]

    def waiting(self) -> int:
        with self.log.database.read.connect() as connection:
            return recalculations(connection)
