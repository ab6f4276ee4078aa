"""Whoever was erased at the registry is forgotten where it is heard: on INTAKE, in what is held and in what is parked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import make_url

from contracts.registry import PersonErased
from eventlog import schema
from eventlog.database import Database
from eventlog.desk import Item
from eventlog.forgetting import Forgetting, about_only, names_any
from eventlog.wire import BrokerOutage
from tests.allowance.bench import AllowanceBench
from tests.registry.test_erasing import Bare
from tests.registry.test_handlers_file import erases, merges, two_files
from tests.support import RegistryBench
from tests.talent.test_handlers import Bench as TalentBench

HOLD_SECONDS = 3600


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[RegistryBench]:
    database = Database(f"sqlite:///{tmp_path / 'registry.db'}")
    yield RegistryBench(database)
    database.close()


def erased(registry: RegistryBench) -> tuple[list[Item], str, str]:
    """(the registry's events, the erased person, another one)."""
    registry.each(registry.registers(), registry.registers(2, id="reg-2", key="w-2"))
    ref, other = (str(receipt.person_ref) for receipt in registry.receipts)
    registry.settle(erases(registry, ref))
    return registry.stream_items(), ref, other


def forget(bench: TalentBench, intake: Bare) -> int:
    return asyncio.run(Forgetting(bench.log, read=intake.read, erase=intake.erase).run())


def ids(bench: TalentBench, table: object) -> list[str]:
    return sorted(row.message_id for row in bench.rows(table))


def with_messages(database: Database, registry: RegistryBench) -> tuple[TalentBench, Bare, list[Item]]:
    """Of the erased and of another person: one parked, one held, one refused; then one that nobody has handled."""
    bench, intake = TalentBench(database), Bare()
    told, ref, other = erased(registry)
    people = {"gone": ref, "kept": other}
    parked = [bench.profiles(who, f"parked-{name}") for name, who in people.items()]
    bench.take(*parked)
    bench.clock.advance(timedelta(seconds=HOLD_SECONDS + 1))
    bench.talent.expire()
    held = [bench.profiles(who, f"held-{name}") for name, who in people.items()]
    bench.take(*held)
    refused = [bench.about("removed", who, f"refused-{name}") for name, who in people.items()]
    bench.take(*refused)
    intake.take(*parked, *held, *refused, bench.about("screened", ref, "unhandled-gone"))
    return bench, intake, told


def test_what_names_the_erased_goes_and_nothing_of_anybody_else(database: Database, registry: RegistryBench) -> None:
    """Held and parked are answered; what nobody handled yet stays; a second look has nothing to do."""
    bench, intake, told = with_messages(database, registry)
    assert forget(bench, intake) == 0, "nobody told it yet"
    bench.hear(*told)
    assert len(bench.rows(schema.forgetting)) == 1
    assert forget(bench, intake) > 0
    assert [each for each in intake.left() if each.endswith("gone")] == ["unhandled-gone"]
    assert {each for each in intake.left() if each.endswith("kept")} == {"held-kept", "parked-kept", "refused-kept"}
    aside = ids(bench, schema.held) + ids(bench, schema.parked)
    assert not [each for each in aside if each.endswith("gone")]
    assert sorted(id for id, outcome, codes in bench.outcomes if codes == ["erased"]) == ["held-gone", "parked-gone"]
    assert bench.rows(schema.forgetting) == []
    assert forget(bench, intake) == 0


def test_no_byte_of_what_was_set_aside_is_left_in_the_database(
    sqlite_url: str, open_database: Callable[[str], Database], registry: RegistryBench
) -> None:
    """In no table, free page or write-ahead log; of another person they stay."""
    bench, intake, told = with_messages(open_database(sqlite_url), registry)
    rows = [*bench.rows(schema.held), *bench.rows(schema.parked)]
    gone, kept = ([bytes(row.raw) for row in rows if row.message_id.endswith(name)] for name in ("gone", "kept"))
    folder = Path(str(make_url(sqlite_url).database)).parent

    def found(needles: list[bytes]) -> bool:
        return any(needle in path.read_bytes() for path in folder.iterdir() if path.is_file() for needle in needles)

    assert gone
    assert found(gone)
    bench.hear(*told)
    forget(bench, intake)
    assert not found(gone)
    assert found(kept)


def test_an_outage_of_the_broker_leaves_it_to_be_done_again(database: Database, registry: RegistryBench) -> None:
    """The note goes only when everything is gone."""
    bench, intake, told = with_messages(database, registry)
    bench.hear(*told)
    intake.outage = True
    with pytest.raises(BrokerOutage):
        forget(bench, intake)
    assert len(bench.rows(schema.forgetting)) == 1
    forget(bench, intake)
    assert bench.rows(schema.forgetting) == []


def test_with_the_person_go_the_files_that_had_been_merged_into_theirs(database: Database, registry: RegistryBench) -> None:
    """The event names them, since whoever hears it does not know who was merged into whom."""
    duplicate, survivor = two_files(registry)
    registry.each(merges(registry, duplicate, survivor), erases(registry, survivor))
    assert [each.event.files for each in registry.events if isinstance(each.event, PersonErased)] == [(duplicate,)]
    bench = TalentBench(database)
    bench.hear(*registry.stream_items())
    assert {row.ref for row in bench.rows(schema.forgetting)} == {duplicate, survivor}


def test_the_allowance_service_forgets_as_well(database: Database, registry: RegistryBench) -> None:
    """A demand to give back, which was refused, goes from the stream; one about somebody else stays."""
    told, ref, other = erased(registry)
    bench, intake = AllowanceBench(database), Bare()
    people = {"gone": ref, "kept": other}
    demands = [
        bench.message(
            "recovery-demanded", {"person": {"person_ref": who}, "payer": "county", "reason": "left"}, id=name, source="cashier"
        )
        for name, who in people.items()
    ]
    for demand in demands:
        bench.intake.settle([demand])
    intake.take(*demands)
    bench.hear(*told)
    asyncio.run(Forgetting(bench.log, read=intake.read, erase=intake.erase).run())
    assert intake.left() == ["kept"]
    assert bench.rows(schema.forgetting) == []


def test_what_is_about_others_too_is_not_taken_from_them() -> None:
    """A bank's file about many names one of them; until it is settled it stays."""
    ref = "p" + "1" * 26
    many = f'{{"data": {{"results": [{{"payout": "1", "note": "{ref}"}}, {{"payout": "2"}}]}}}}'.encode()
    assert names_any(many, {ref})
    assert not about_only(many, {ref})
    assert about_only(f'{{"data": {{"person": {{"person_ref": "{ref}"}}}}}}'.encode(), {ref})
