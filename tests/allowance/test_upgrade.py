"""A store of an earlier version: provisioning brings its read models to what this version has, from the log."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Table, delete
from sqlalchemy.exc import DBAPIError

from console.replay import rebuild_and_compare
from contracts.allowance import PolicyPublished
from eventlog.database import Database
from eventlog.log import NewEvent, Unit
from services.allowance.app import provision_store
from services.allowance.handlers import POLICIES
from services.allowance.ledger_views import payable, period, transfer
from services.allowance.payment_views import bank_break, payment_run, payout, recovery
from services.allowance.policy import read_policy
from services.allowance.views import entitlement
from tests.allowance.bench import AllowanceBench
from tests.allowance.example import policy_text
from tests.support import RegistryBench

# As version 0.1 made it: before there were instruments.
OLD_ENTITLEMENT = Table(
    "entitlement", MetaData(), Column("person_ref", String(32), primary_key=True), Column("year", Integer, primary_key=True),
    Column("amount_fen", BigInteger, nullable=False),
)  # fmt: skip
LATER = (transfer, payable, period, payment_run, payout, recovery, bank_break)


@pytest.fixture
def old(database: Database, tmp_path: Path, open_database: Callable[[str], Database]) -> AllowanceBench:
    """Somebody with an amount, decided by the earlier version: no ledger, no runs, and an entitlement without instrument."""
    registry = RegistryBench(open_database(f"sqlite:///{tmp_path}/registry.db"))
    engaged = {"person": {"source_key": "w-1"}, "engagement": "e-1", "category": "secretary", "unit": "u", "post": "p"}
    registry.settle(
        registry.registers(1, on="2020-06-01"),
        registry.message("engagement-started", engaged, id="start-1", on="2020-06-01"),
        registry.rates(2021, "excellent", on="2022-01-10"),
    )
    bench = AllowanceBench(database)
    bench.hear(*registry.stream_items())
    bench.publish(policy_text(excellent=50_000))
    with database.write.begin() as connection:
        for table in (*LATER, entitlement):
            table.drop(connection)
        OLD_ENTITLEMENT.create(connection)
    return bench


def test_provisioning_fills_what_an_earlier_version_had_not(old: AllowanceBench) -> None:
    """Dues, ledger and statement are those of the log, and the ledger is protected; asked again, nothing changes."""
    for _ in range(2):
        provision_store(old.log.database)
        assert rebuild_and_compare(old.log).differences == []
        assert sorted((row.payer, row.amount_fen) for row in old.rows(payable)) == [("city", 30_000), ("county", 20_000)]
        assert [(row.year, row.amount_fen) for row in old.rows(entitlement)] == [(2021, 50_000)]
    with pytest.raises(DBAPIError, match="append-only"), old.log.database.write.begin() as connection:
        connection.execute(delete(transfer))


def test_the_service_goes_on_after_it(old: AllowanceBench) -> None:
    """A new policy is carried through on the renewed tables."""
    provision_store(old.log.database)
    old.publish(policy_text(excellent=60_000, revision=2), id="policy-2")
    assert list(old.owed().values()) == [60_000]
    assert rebuild_and_compare(old.log).differences == []


def test_a_document_that_would_be_refused_today_goes_on_deciding(old: AllowanceBench) -> None:
    """A title with U+0085, which an earlier reader of YAML took: refused at the door, read from the log as it was recorded."""
    odd = policy_text(excellent=60_000, revision=2).replace("示例办法", "示例\x85办法\u2028")
    provision_store(old.log.database)
    old.publish(odd, id="refused-today")
    assert ("refused-today", "refused") in [(each.id, each.outcome) for each in old.receipts]
    text = odd.replace("\x85", "").replace("\u2028", "")
    document = read_policy(text).model_dump(mode="json") | {"title": "示例\x85办法\u2028"}
    event = PolicyPublished.model_validate({"document": document, "text": odd, "text_sha256": "0" * 64})
    recorded = NewEvent(POLICIES, event, "2021-01-01", old.log.new_id(), "earlier", None, "operator")
    old.log.append([Unit(events=[recorded], expects={POLICIES: 1})])
    old.new_recalculation()
    old.publish(policy_text(excellent=70_000, revision=3), id="policy-3")
    assert list(old.owed().values()) == [70_000]
    assert rebuild_and_compare(old.log).differences == []
    [_, kept, _] = [each.event.document.title for each in old.events if isinstance(each.event, PolicyPublished)]
    assert "示例\x85办法\u2028" == kept
