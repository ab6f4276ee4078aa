"""Every kind of fact that the registry takes, each where it changes something. Nobody here exists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from console.sealing import seal_dossier
from contracts.intake import DossierContent
from eventlog.desk import Item
from tests.registry.example import STANDARD_TEXT
from tests.support import PUBLIC_KEY, RegistryBench

__all__ = ["EverythingBench"]

COUNTY = "320102"


class EverythingBench(RegistryBench):
    """One registry, to which three people and a unit are told."""

    service = "registry"

    def told(self, fact: str, on: str, person: Any = None, source: str = "hr", /, **data: Any) -> Item:
        number = next(self.sequence)
        said = data if person is None else {"person": person, **data}
        return self.message(fact, said, id=f"first-{number}", source=source, on=on, time="2025-06-01T08:00:00Z")

    def of(self, fact: str, on: str, /, **data: Any) -> Item:
        """Of the first person."""
        return self.told(fact, on, {"source_key": "w-1"}, **data)

    def ref(self, key: str) -> dict[str, str]:
        found = {receipt.id: receipt.person_ref for receipt in self.receipts}
        return {"person_ref": str(found[f"reg-{key}"])}

    def registered(self, number: int) -> Item:
        return self.registers(number, id=f"reg-{number}", key=f"w-{number}", on="2020-01-06", time="2025-06-01T08:00:00Z")

    def everything(self) -> Iterator[Item]:
        """One after the other: each is decided on what those before it have come to."""
        yield self.told("certification-standard-published", "2025-01-01", None, "policy", text=STANDARD_TEXT)
        yield self.registered(1)
        yield from self._working()
        yield from self._certified()
        yield from self._certificates()
        yield from self._dossier()
        yield from self._places()
        yield from self._moved()
        yield from self._amended()
        yield from self._operated()

    def _working(self) -> Iterator[Item]:
        post = {"engagement": "e1", "category": "secretary", "unit": "u", "post": "p"}
        yield self.of("engagement-started", "2020-02-01", **post)
        yield self.of("engagement-started", "2020-02-01", **post | {"engagement": "e2"})
        yield self.of("engagement-ended", "2024-02-01", engagement="e2", reason="term_ended")
        for year, rating in ((2022, "competent"), (2023, "competent"), (2024, "excellent")):
            yield self.of("annual-rating-recorded", f"{year + 1}-01-09", year=year, rating=rating)
            yield self.of("inspection-concluded", f"{year}-12-20", year=year, outcome="passed")

    def _certified(self) -> Iterator[Item]:
        """Two applications: one is withdrawn, of one an objection is resolved."""
        gone = {"application": "a0"}
        yield self.of("certification-applied", "2025-01-20", **gone, grade="junior", issuer=COUNTY)
        yield self.of("certification-withdrawn", "2025-01-21", **gone, reason="made up")
        this = {"application": "a1"}
        yield self.of("certification-applied", "2025-02-03", **this, grade="junior", issuer=COUNTY)
        findings = [{"criterion": "trained", "hours": 30}, {"criterion": "recommended", "confirmed": True}]
        yield self.of("eligibility-reviewed", "2025-02-05", **this, findings=findings)
        yield self.of("training-tested", "2025-02-10", **this, hours=24, score=60)
        yield self.of("panel-reviewed", "2025-02-12", **this, scores=[60, 70, 80])
        yield self.of("notice-opened", "2025-02-13", **this)
        yield self.of("objection-raised", "2025-02-14", **this, objection="o1", grounds="made up")
        yield self.of("objection-resolved", "2025-02-20", **this, objection="o1", outcome="dismissed", finding="made up")

    def _certificates(self) -> Iterator[Item]:
        yield self.of("certificate-issued", "2022-03-01", number="c1", grade="junior", issuer=COUNTY)
        for key, change, on in (("k1", "suspended", "2022-05-01"), ("k2", "reinstated", "2022-06-01")):
            yield self.of("certificate-changed", on, key=key, number="c1", change=change, reason="made up")
        yield self.of("certificate-recognised", "2022-07-01", number="c1", division="320106")

    def _dossier(self) -> Iterator[Item]:
        first, second = (seal_dossier(DossierContent(title=t, text=t), PUBLIC_KEY) for t in ("虚构", "更正"))
        entry = {"entry": "d1", "section": "rewards_sanctions"}
        yield self.of("dossier-entry-recorded", "2025-03-01", **entry, content=first)
        yield self.of("dossier-entry-corrected", "2025-03-02", **entry, content=second, reason="typing error")
        yield self.of("rating-appealed", "2025-03-03", appeal="p1", year=2024, grounds="made up")
        decided = {"appeal": "p1", "outcome": "upheld", "rating": "competent", "reason": "made up"}
        yield self.of("rating-appeal-decided", "2025-03-04", **decided)

    def _places(self) -> Iterator[Item]:
        yield self.told("unit-registered", "2025-01-01", unit="u-1", title="第七党支部", division=COUNTY)
        yield self.told("unit-closed", "2025-05-01", unit="u-1", reason="dissolved")
        this: dict[str, Any] = {"division": COUNTY, "year": 2025}
        yield self.told("inspection-opened", "2025-01-02", **this, closes_on="2025-12-01", items=["documents"])
        yield self.told("inspection-closed", "2025-12-02", **this, rest="missed")

    def _moved(self) -> Iterator[Item]:
        yield self.of("registration-transferred", "2025-04-01", key="t1", division="320106")
        yield self.of("registration-closed", "2025-05-01", key="s1", reason="left")
        yield self.of("registration-reopened", "2025-05-10", key="s2", reason="returned")

    def _amended(self) -> Iterator[Item]:
        yield self.registered(2)
        yield self.rates(2023, id="rate-2", person={"source_key": "w-2"}, on="2024-01-09", time="2025-06-01T08:00:00Z")
        replacement = {"kind": "rating", "year": 2023, "rating": "basic"}
        mend = {"corrects": {"id": "rate-2"}, "replacement": replacement, "reason": "typing error"}
        yield self.told("fact-corrected", "2024-01-10", **mend)
        yield self.rates(2022, id="rate-3", person={"source_key": "w-2"}, on="2023-01-09", time="2025-06-01T08:00:00Z")
        yield self.told("fact-withdrawn", "2024-01-11", withdraws={"id": "rate-3"}, reason="sent in error")

    def _operated(self) -> Iterator[Item]:
        yield self.registered(3)
        by = {"by": "operator-7", "reason": "asked for"}
        yield self.told("personal-data-unmasked", "2025-06-01", self.ref("2"), "operator", fields=["name"], **by)
        listed = {"purpose": "payment-run cashier/a", "fields": ["name"], "people": 1, "list_sha256": "a" * 64}
        yield self.told("personal-data-exported", "2025-06-01", None, "operator", **listed, **by)
        survivor = self.ref("2")
        yield self.told("duplicate-confirmed", "2025-06-01", self.ref("3"), "operator", survivor=survivor, **by)
        yield self.told("person-erased", "2025-06-02", self.ref("2"), "operator", **by)
