"""Every kind of fact that the allowance service takes, each where it changes something. Nobody here exists."""

from __future__ import annotations

from collections.abc import Iterator

from eventlog.desk import Item
from services.allowance.payment_views import breaks
from tests.allowance.example import policy_text
from tests.allowance.payment_bench import PaymentBench, person

__all__ = ["EverythingBench"]


class EverythingBench(PaymentBench):
    """One allowance service, a policy, and a few workers to whom something is due."""

    service = "allowance"

    def everything(self) -> Iterator[Item]:
        """One after the other: each is decided on what those before it have come to."""
        yield self.publishes(policy_text())
        self.recalculate()
        for number, fen in ((1, 10_000), (2, 20_000)):
            self.decide(number, fen)
        yield from self._cancelled()
        yield from self._paid()
        yield from self._recovered()
        self.later(31)
        yield self.closes("2026-03")

    def _cancelled(self) -> Iterator[Item]:
        yield self.prepares("no")
        self.finish()
        yield self.checks("no", "rejected")
        self.finish()
        yield self.prepares("stop")
        self.finish()
        yield self.cancels("stop")
        self.finish()

    def _paid(self) -> Iterator[Item]:
        yield self.prepares()
        self.finish()
        yield self.checks()
        self.finish()
        yield self.seals()
        yield self.exports()
        yield self.instructs()
        self.finish()
        yield self.reports(self.result(1), self.result(2, fen=19_999))
        with self.log.database.read.connect() as connection:
            key = breaks(connection, states=("open",))[0]["key"]
        yield self.fact("break-settled", run="a", key=key, state="assigned", owner="clerk-2", note="asked", by="cashier-1")

    def _recovered(self) -> Iterator[Item]:
        self.decide(1, 4_000)
        who = {"person_ref": person(1)}
        yield self.fact("recovery-demanded", person=who, payer="county", reason="left", by="cashier-1")
        yield self.fact("recovery-paid", person=who, recovery="county-1", amount_fen=1_000, by="cashier-1")
