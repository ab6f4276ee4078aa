"""Payment without a broker: decisions put into the log, facts as a cashier and a reviewer send them, and the task's pages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from contracts.allowance import EntitlementAdjusted, EntitlementDecided
from contracts.payment import list_digest
from eventlog.database import Database
from eventlog.desk import Item
from eventlog.ids import FixedClock
from eventlog.log import NewEvent, Unit, View
from services.allowance.handlers import recalculating
from services.allowance.ledger_views import LedgerView, payable, transfer, trial_balance
from services.allowance.payment_views import PaymentView, payout, sealed_list
from services.allowance.payment_work import PaymentWork
from services.allowance.payments import Payments
from services.allowance.views import WorkerView
from tests.allowance.bench import AllowanceBench
from tests.allowance.payment_example import COUNTY, adjusted, decided

__all__ = ["CASHIER", "REVIEWER", "PaymentBench", "person"]

CASHIER, REVIEWER = "cashier", "reviewer"
HEX = "a" * 64
PAYEES, RECORD = "e" * 64, "0190e0e0-0000-7000-8000-000000000001"


def person(number: int) -> str:
    """A made-up worker."""
    return f"p{number:026d}"


class PaymentBench(AllowanceBench):
    """One allowance service whose clock stands still until it is moved."""

    def __init__(self, database: Database, seed: int = 1, views: Sequence[View] | None = None) -> None:
        # Not the statement of entitlements: its amounts are put into the log here, not decided.
        super().__init__(database, seed, views or (WorkerView(), LedgerView(), PaymentView()))
        self.work = self.new_work()
        self.decisions: dict[tuple[str, int, str], tuple[str, int, str]] = {}
        self._versions: dict[str, int] = {}
        self._messages = 0

    def new_work(self) -> PaymentWork:
        return PaymentWork(self.log, Payments(self.log, recalculating=recalculating), wake=lambda: None)

    @property
    def clock(self) -> FixedClock:
        assert isinstance(self.log.clock, FixedClock)
        return self.log.clock

    def later(self, days: int) -> None:
        self.clock.advance(timedelta(days=days))

    # --- decisions --------------------------------------------------------------------------------------------------------

    def decide(self, number: int, fen: int, *, year: int = 2021, payer: str = "county", **more: Any) -> None:
        """This payer owes this worker so much for the year from now on."""
        ref = person(number)
        instrument = more.get("instrument", "allowance")
        stream = f"worker-{ref}"
        last, before, place = self.decisions.get((ref, year, instrument), ("", 0, ""))
        event: EntitlementDecided | EntitlementAdjusted = decided(1, fen, year=year, payer=payer, ref=ref, **more)
        if last:
            later = adjusted(1, fen, before, year=year, payer=payer, ref=ref, moved_from=place, **more)
            event = later.model_copy(update={"supersedes": last})
        event_id = self.log.new_id()
        self.decisions[ref, year, instrument] = (event_id, fen, event.decision.division)
        version = self._versions.get(stream, 0)
        new = NewEvent(stream, event, f"{year}-12-31", event_id, "c", None, "allowance")
        assert not self.log.append([Unit(events=[new], expects={stream: version})]).conflicts
        self._versions[stream] = version + 1

    # --- facts --------------------------------------------------------------------------------------------------------------

    def fact(self, kind: str, source: str = CASHIER, id: str | None = None, **data: Any) -> Item:
        """A message; each has an id of its own, if none is given."""
        self._messages += 1
        return self.message(kind, data, id=id or f"m-{self._messages}", source=source)

    def prepares(self, run: str = "a", *, by: str = "cashier-1", division: str = COUNTY, payer: str = "county",
                 year: int = 2021, **more: Any) -> Item:  # fmt: skip
        return self.fact("payment-run-prepared", run=run, division=division, payer=payer, year=year, by=by, **more)

    def checks(self, run: str = "a", outcome: str = "approved", *, by: str = "reviewer-1", **more: Any) -> Item:
        said = {"reason": "wrong"} if outcome == "rejected" else {}
        return self.fact("payment-run-checked", REVIEWER, run=run, run_source=CASHIER, outcome=outcome, by=by, **said, **more)

    def seals(self, run: str = "a", **more: Any) -> Item:
        said: dict[str, Any] = {"payees_sha256": PAYEES, "registry_position": 9}
        return self.fact("payment-run-sealed", run=run, by="cashier-1", **(said | more))

    def exports(self, run: str = "a", **more: Any) -> Item:
        """A file with the figures of the seal; if it is not sealed yet, with those of the payouts that stand."""
        said = {"format": "csv", "payees_sha256": PAYEES, "record": RECORD}
        return self.fact("payment-run-exported", run=run, by="cashier-1", **(self._figures(run) | said | more))

    def cancels(self, run: str = "a", **more: Any) -> Item:
        return self.fact("payment-run-cancelled", run=run, by="cashier-1", reason="not now", **more)

    def instructs(self, run: str = "a", **more: Any) -> Item:
        """Of that file."""
        return self.fact("payment-run-instructed", run=run, by="cashier-1", **(self._figures(run) | more))

    def _figures(self, run: str) -> dict[str, Any]:
        lines = [(row.payout, row.person_ref, row.amount_fen) for row in self.standing(run)]
        said: dict[str, Any] = {
            "count": len(lines) or 1,
            "total_fen": sum(fen for *_, fen in lines) or 1,
            "list_sha256": list_digest(lines),
        }
        return said | {"message_id": f"MSG-{run}", "file_sha256": HEX}

    def reports(self, *results: dict[str, Any], run: str = "a", file: str = "b" * 64, part: int = 1, parts: int = 1,
                **more: Any) -> Item:  # fmt: skip
        return self.fact(
            "payment-results-reported", run=run, by="cashier-1", file_sha256=file, part=part, parts=parts,
            results=list(results), **more,
        )  # fmt: skip

    def result(self, number: int, outcome: str = "settled", *, run: str = "a", fen: int | None = None,
               reference: str | None = None) -> dict[str, Any]:  # fmt: skip
        """One line of the bank about the payout of this number."""
        name = f"{CASHIER}/{run}/{number}"
        [amount] = [row.amount_fen for row in self.rows(payout) if row.payout == name] or [1]
        said = {"payout": name, "outcome": outcome, "reference": reference or f"b-{run}-{number}-{outcome}"}
        return said | {"amount_fen": amount if fen is None else fen} | ({"reason": "closed"} if outcome == "returned" else {})

    def settles_break(self, run: str, key: str, paid_fen: int) -> Item:
        return self.fact(
            "break-settled", REVIEWER, run=run, run_source=CASHIER, key=key, state="settled", owner="clerk-2", note="x",
            paid_fen=paid_fen, by="reviewer-1",
        )  # fmt: skip

    def closes(self, month: str, **more: Any) -> Item:
        return self.fact("period-closed", REVIEWER, month=month, by="reviewer-1", **more)

    # --- doing it -----------------------------------------------------------------------------------------------------------

    def settle(self, *items: Item) -> None:
        for item in items:
            self.intake.settle([item])

    def finish(self) -> int:
        """Every page and every release that there is to do. Returns how many."""
        pages = 0
        while self.work.step():
            pages += 1
            assert pages < 1_000
        return pages

    def pay(self, run: str = "a", outcome: str = "settled", **prepared: Any) -> None:
        """A run from its preparation to the bank's answer."""
        self.settle(self.prepares(run, **prepared))
        self.finish()
        self.settle(self.checks(run))
        self.finish()
        self.settle(self.seals(run), self.exports(run), self.instructs(run))
        self.finish()
        self.settle(self.reports(*(self.result(row.number, outcome, run=run) for row in self.standing(run)), run=run))

    # --- what became of it --------------------------------------------------------------------------------------------------

    def standing(self, run: str = "a") -> list[Any]:
        query = select(payout).where(payout.c.run == f"{CASHIER}/{run}", payout.c.stage != "cancelled")
        with self.log.database.read.connect() as connection:
            return list(connection.execute(query.order_by(payout.c.number)).all())

    def stages(self, run: str = "a") -> list[tuple[int, int, str]]:
        """(number of the worker, fen, stage) of every payout of a run."""
        rows = [row for row in self.rows(payout) if row.run == f"{CASHIER}/{run}"]
        return sorted((int(row.person_ref[1:]), row.amount_fen, row.stage) for row in rows)

    def owed_now(self) -> dict[tuple[int, int], int]:
        """(number of the worker, year) → fen still owed; those that are even are left out."""
        found: dict[tuple[int, int], int] = {}
        for row in self.rows(payable):
            key = (int(row.person_ref[1:]), row.year)
            found[key] = found.get(key, 0) + row.amount_fen
        return {key: fen for key, fen in found.items() if fen}

    def balances(self) -> dict[str, int]:
        """account → balance over all payers."""
        found: dict[str, int] = {}
        with self.log.database.read.connect() as connection:
            for each in trial_balance(connection):
                found[each.account] = found.get(each.account, 0) + each.balance_fen
        return {account: fen for account, fen in found.items() if fen}

    def sealed(self, run: str = "a") -> Any:
        with self.log.database.read.connect() as connection:
            return sealed_list(connection, f"{CASHIER}/{run}")

    def said(self, message: Item | str) -> tuple[str, list[str]]:
        """The outcome and the codes of the last answer to a message."""
        import json

        name = message if isinstance(message, str) else json.loads(message.raw)["id"]
        last = [receipt for receipt in self.receipts if receipt.id == name][-1]
        return last.outcome, [problem.code for problem in last.problems]

    def kinds(self, *types: type) -> list[Any]:
        """The events of these types, in order."""
        return [recorded.event for recorded in self.events if isinstance(recorded.event, types)]

    def transfers(self) -> Sequence[Any]:
        return sorted(self.rows(transfer), key=lambda row: (row.position, row.line))
