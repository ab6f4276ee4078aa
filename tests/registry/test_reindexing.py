"""A new index key while the registry runs: at every moment everybody is found, once; whatever it is broken off by."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Connection

from contracts.registry import WorkerRegistered
from eventlog.database import Database
from eventlog.ids import SeededEntropy
from services.registry import reindexing
from services.registry.handlers import RegistryIntake
from services.registry.reindexing import advance, begin
from services.registry.vault import IndexState, Vault, index_state, person_index, read_index_state, version_of_kind
from tests.registry.test_erasing import Bare
from tests.registry.test_handlers_file import erases, merges
from tests.registry.test_scrubbing import runtime
from tests.support import KEYS, RegistryBench, resident_id, sealed

__all__ = ["runtime"]

NEW = replace(KEYS, later_index={2: hashlib.sha256(b"second index key of the tests").digest()})
NEWER = replace(NEW, later_index={**NEW.later_index, 3: hashlib.sha256(b"third").digest()})
PEOPLE = 5


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reindexing, "PAGE_ENTRIES", 3)


def operator() -> Vault:
    """What the command has: it starts when the key is there."""
    return Vault(NEWER, SeededEntropy(9))


def new_bench(database: Database, seed: int = 1) -> RegistryBench:
    """A registry that started before there was a second key, with five people of two entries each."""
    bench = RegistryBench(database, seed=seed, vault=Vault(KEYS, SeededEntropy(seed + 1), lambda: NEWER))
    return bench


def with_people(database: Database) -> RegistryBench:
    bench = new_bench(database)
    bench.each(*(bench.registers(n, id=f"reg-{n}", key=f"w-{n}") for n in range(1, PEOPLE + 1)))
    return bench


def steps(database: Database, version: int = 2) -> Iterator[IndexState]:
    """Every moment of a change of keys, with the state that it leaves."""
    begin(operator(), database, version)
    while True:
        with database.read.connect() as connection:
            yield read_index_state(connection)
        # A process of its own each time: it may be broken off anywhere.
        if advance(operator(), database) is None:
            return


def ref_of(bench: RegistryBench, message_id: str) -> str | None:
    return next(r.person_ref for r in bench.receipts if r.id == message_id and r.outcome == "accepted")


def registered(bench: RegistryBench) -> list[str]:
    return [each.event.person_ref for each in bench.events if isinstance(each.event, WorkerRegistered) and each.version == 1]


def versions(bench: RegistryBench) -> set[int]:
    return {version_of_kind(row.kind) for row in bench.rows(person_index)}


def test_everybody_is_found_at_every_moment_by_each_name_and_nobody_twice(database: Database) -> None:
    """By a source's key, by a sealed resident ID, by a second registration; those who came in between too; twice over."""
    bench = with_people(database)
    moment = 0
    for version in (2, 3):
        for _ in steps(database, version):
            moment += 1
            new = PEOPLE + moment
            bench.each(bench.registers(new, id=f"reg-{new}", key=f"w-{new}"))
            for n in (1, PEOPLE, new):
                about = {"key": {"source_key": f"w-{n}"}, "id": {"identity": sealed({"resident_id": resident_id(n)})}}
                names = [f"{name}-{n}-{moment}" for name in about]
                bench.each(
                    *(bench.rates(2024, id=name, person=person) for name, person in zip(names, about.values(), strict=True))
                )
                bench.each(bench.registers(n, id=f"again-{n}-{moment}", key=None))
                assert {ref_of(bench, name) for name in (*names, f"again-{n}-{moment}")} == {ref_of(bench, f"reg-{n}")}
        assert versions(bench) == {version}
    assert moment > 2 * PEOPLE
    assert len(registered(bench)) == len(set(registered(bench))) == PEOPLE + moment
    assert len(bench.rows(person_index)) == 2 * (PEOPLE + moment)


def test_what_waits_for_somebody_waits_for_them_under_the_new_key(database: Database) -> None:
    """Held before, released by a registration after."""
    bench = with_people(database)
    bench.each(bench.rates(id="early", person={"source_key": "w-9"}))
    list(steps(database))
    bench.each(bench.registers(9, id="reg-9", key="w-9"))
    assert ref_of(bench, "early") == ref_of(bench, "reg-9")


def test_a_repeat_is_told_as_one_after_the_change(database: Database) -> None:
    """What a message says is marked under the first key for ever."""
    bench = with_people(database)
    by_id = bench.rates(id="by-id", person={"identity": sealed({"resident_id": resident_id(1)})})
    bench.each(by_id)
    list(steps(database))
    sealed_anew = bench.rates(id="by-id", person={"identity": sealed({"resident_id": resident_id(1)})})
    bench.each(sealed_anew, bench.registers(2, id="reg-2", key="w-2"))
    assert [(r.outcome, r.repeated) for r in bench.receipts[-2:]] == [("accepted", True)] * 2


@pytest.mark.parametrize("moment", range(6))
def test_a_number_that_was_corrected_in_between_finds_nobody(database: Database, moment: int) -> None:
    """Neither under the old key nor under the new one, at whatever moment the correction came."""
    bench = with_people(database)
    for place, _ in enumerate(steps(database)):
        if place == moment:
            changed = {"kind": "registration", "division": "320102"}
            bench.each(bench.corrects("reg-1", changed, identity=sealed(8)))
            assert bench.receipts[-1].outcome == "accepted"
    bench.each(bench.registers(1, id="other", key="w-11"), bench.registers(8, id="same", key=None))
    assert ref_of(bench, "other") != ref_of(bench, "reg-1")
    assert ref_of(bench, "same") == ref_of(bench, "reg-1")


@pytest.mark.parametrize("moment", range(6))
def test_whoever_is_erased_or_merged_in_between_leaves_no_entry(database: Database, moment: int) -> None:
    """And their messages on INTAKE are found under whichever key they were sent."""
    bench, intake = with_people(database), Bare()
    first, second, third = (str(ref_of(bench, f"reg-{n}")) for n in (1, 2, 3))
    wrong = bench.message("annual-rating-recorded", {"person": {"source_key": "w-1"}, "year": 1900, "rating": "x"}, id="wrong")
    bench.each(wrong)
    intake.take(wrong)
    for place, _ in enumerate(steps(database)):
        if place == moment:
            bench.each(erases(bench, first), merges(bench, second, third))
    asyncio.run(intake.sweep(bench).run())
    assert intake.left() == []
    assert {row.person_ref for row in bench.rows(person_index)}.isdisjoint({first, second})
    bench.each(bench.rates(2024, id="merged", person={"source_key": "w-2"}))
    assert ref_of(bench, "merged") == third


@pytest.mark.parametrize("place", range(8))
def test_what_was_decided_before_a_step_is_decided_again_after_it(
    database: Database, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    """Another process takes all that is left between reading and append: what is written is what holds by then."""
    bench = with_people(database)
    moments = steps(database)
    for _ in range(place):
        next(moments, None)
    resolve, slow = RegistryIntake.resolve, iter([True])

    def slowly(self: RegistryIntake, connection: Connection, *rest: object) -> None:
        resolve(self, connection, *rest)  # type: ignore[arg-type]
        if next(slow, False):
            list(moments)

    monkeypatch.setattr(RegistryIntake, "resolve", slowly)
    bench.each(bench.registers(9, id="reg-9", key="w-9"))
    list(moments)
    bench.each(bench.registers(9, id="again", key="w-99"), bench.rates(id="rated", person={"source_key": "w-9"}))
    assert ref_of(bench, "again") == ref_of(bench, "rated") == ref_of(bench, "reg-9")
    assert versions(bench) == {2}


def test_a_change_begins_when_the_one_before_is_done_and_with_the_next_key(database: Database) -> None:
    with_people(database)
    with pytest.raises(ValueError, match="follows key 1"):
        begin(operator(), database, 3)
    begin(operator(), database, 2)
    with pytest.raises(ValueError, match="not done yet"):
        begin(operator(), database, 3)


def test_a_registry_without_the_new_key_waits_for_it(database: Database) -> None:
    """It does not go on under the old one: whoever it registered would be found by nobody."""
    bench = RegistryBench(database, vault=Vault(KEYS, SeededEntropy(2), lambda: KEYS))
    begin(operator(), database, 2)
    with pytest.raises(FileNotFoundError, match=r"index-2\.key"):
        bench.settle(bench.registers())


def test_the_role_that_the_registry_runs_under_may_do_it(
    postgres_url: str, open_database: Callable[[str], Database], runtime: Callable[[list[str]], Database]
) -> None:
    bench = with_people(open_database(postgres_url))
    assert len(list(steps(runtime([])))) > PEOPLE
    assert versions(bench) == {2}
    assert bench.rows(index_state)[0].current == 2
