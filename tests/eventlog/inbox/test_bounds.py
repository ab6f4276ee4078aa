"""What a source may write is bounded at the one door, whichever service reads it and whatever the fact is about."""

from __future__ import annotations

from datetime import timedelta

import pytest

from eventlog.database import Database
from eventlog.desk import AHEAD_SECONDS_MAX
from tests.support import NOW, RegistryBench


@pytest.fixture
def bench(database: Database) -> RegistryBench:
    return RegistryBench(database)


def ahead(seconds: int) -> str:
    return (NOW + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def test_a_time_that_has_not_come_is_refused(bench: RegistryBench) -> None:
    """The later time settles a contradiction: one of tomorrow could be replaced by nobody until then."""
    bench.each(bench.registers(), bench.rates(rating="basic", time=ahead(23 * 3600), id="far"), bench.rates())
    assert bench.outcomes == [("reg-1", "accepted"), ("far", "refused"), ("rate-1", "accepted")]
    (refusal,) = (receipt for receipt in bench.receipts if receipt.id == "far")
    assert [(each.field, each.code) for each in refusal.problems] == [("time", "time-ahead")]
    assert ("rating/2024", "hr/rate-1") in [standing[:2] for standing in bench.standings()]


def test_a_clock_may_run_ahead_by_five_minutes(bench: RegistryBench) -> None:
    """No two machines show the same second; beyond that, the message sent again gets the same answer."""
    late = bench.rates(2023, time=ahead(AHEAD_SECONDS_MAX + 1), id="late")
    bench.each(bench.registers(), bench.rates(time=ahead(AHEAD_SECONDS_MAX), id="near"), late, bench.again(late))
    assert bench.outcomes[1:] == [("near", "accepted"), ("late", "refused"), ("late", "refused")]


def test_what_was_taken_is_not_asked_for_its_time_again(bench: RegistryBench) -> None:
    """A message that waits is settled when what it waits for has come, even if the service's clock was put back meanwhile."""
    bench.settle(bench.rates(time=ahead(AHEAD_SECONDS_MAX), id="early"))
    bench.clock.at -= timedelta(hours=2)
    bench.settle(bench.registers())
    assert bench.outcomes == [("early", "waiting"), ("reg-1", "accepted"), ("early", "accepted")]
