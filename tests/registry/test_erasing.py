"""What of an erased person stands outside the database: gone after the sweep, whatever happens in between; others' stays."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from contracts.intake import message_named, publishing_id
from eventlog import forgetting
from eventlog.database import Database
from eventlog.desk import Item
from eventlog.ids import SeededEntropy
from eventlog.nats import Stored
from eventlog.relay import cursor_of
from eventlog.wire import BrokerOutage
from services.registry import erasing as module
from services.registry.attachments import TEXT, Attachments
from services.registry.erasing import CURSOR, ErasureSweep
from services.registry.vault import person_erasing
from tests.registry.test_handlers_file import erases, merges, two_files
from tests.support import RegistryBench, resident_id, sealed

KEY = bytes(32)


@dataclass
class Intake:
    """INTAKE as the broker keeps it, by sequence. outage: the next deletion fails. read_count: how many pages were read."""

    messages: dict[int, str] = field(default_factory=dict)
    outage: bool = False
    read_count: int = 0

    def take(self, *items: Item) -> None:
        for item in items:
            source, message_id = item.subject.split(".")[1], item.raw.split(b'"id": "')[1].split(b'"')[0].decode()
            self.messages[item.sequence] = publishing_id(source, message_id, item.raw)

    async def read(self, stream: str, after: int, count_max: int) -> Sequence[Stored]:
        assert stream == "INTAKE"
        self.read_count += 1
        later = sorted(sequence for sequence in self.messages if sequence > after)
        return [Stored(sequence, "intake", self.messages[sequence], b"") for sequence in later[:count_max]]

    async def erase(self, sequence: int) -> None:
        if self.outage:
            self.outage = False
            raise BrokerOutage("nothing was erased")
        self.messages.pop(sequence, None)

    def sweep(self, bench: RegistryBench, attachments: Attachments | None = None) -> ErasureSweep:
        return ErasureSweep(bench.log, bench.vault, read=self.read, erase=self.erase, attachments=attachments)


def bench_with(database: Database) -> tuple[RegistryBench, Intake, str]:
    """Two people with two messages each on the stream, one of the first person's sent again later; the first is erased."""
    bench, intake = RegistryBench(database), Intake()
    first = [bench.registers(), bench.rates()]
    second = [bench.registers(2, id="reg-2", key="w-2"), bench.rates(2023, id="rate-2", person={"source_key": "w-2"})]
    items = [*first, *second, bench.again(first[1])]
    bench.each(*items)
    ref = str(bench.receipts[0].person_ref)
    erasing = erases(bench, ref)
    bench.settle(erasing)
    intake.take(*items, erasing)
    return bench, intake, ref


def swept(sweep: ErasureSweep) -> int:
    return asyncio.run(sweep.run())


def test_all_messages_of_the_person_go_wherever_they_stand_and_nobody_elses(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that was sent twice, over several pages; and a second look has nothing to do."""
    monkeypatch.setattr(forgetting, "PAGE_MESSAGES", 2)
    bench, intake, _ = bench_with(database)
    sweep = intake.sweep(bench)
    assert swept(sweep) == 4
    assert sorted(map(message_named, intake.messages.values())) == ["hr/rate-2", "hr/reg-2"]
    read = intake.read_count
    assert (swept(sweep), swept(intake.sweep(bench)), intake.read_count) == (0, 0, read)


def test_a_sweep_that_fails_begins_again(database: Database) -> None:
    """The cursor moves only when everything is gone: also after a restart."""
    bench, intake, _ = bench_with(database)
    intake.outage = True
    with pytest.raises(BrokerOutage):
        swept(intake.sweep(bench))
    assert swept(intake.sweep(bench)) == 4
    with bench.database.read.connect() as connection:
        assert cursor_of(connection, CURSOR) == bench.log.head(connection).position


def test_the_files_of_attachments_go_and_others_stay(database: Database, tmp_path: Path) -> None:
    """Though no command deleted them: the erasure came as a message."""
    bench, intake, ref = bench_with(database)
    kept = Attachments(tmp_path / "attachments", SeededEntropy(3))
    other = str(bench.receipts[2].person_ref)
    for each in (ref, other):
        kept.put(each, KEY, b"made up", TEXT)
    swept(intake.sweep(bench, kept))
    assert (kept.digests_of(ref), len(kept.digests_of(other))) == ([], 1)


def test_with_the_person_go_the_messages_of_the_files_that_ended_in_theirs(database: Database) -> None:
    """They were about the same person under another number."""
    bench, intake = RegistryBench(database), Intake()
    duplicate, survivor = two_files(bench)
    intake.messages = {1: "hr/reg-1", 2: "hr/rate-1", 3: "hr/reg-2", 4: "hr/somebody-else"}
    bench.each(merges(bench, duplicate, survivor), erases(bench, survivor))
    swept(intake.sweep(bench))
    assert intake.messages == {4: "hr/somebody-else"}


def test_what_is_recorded_later_is_looked_at_from_there_on(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cursor is kept for a restart when much has passed, though nobody was erased."""
    monkeypatch.setattr(module, "PASSED_MAX", 2)
    bench, intake = RegistryBench(database), Intake()
    sweep = intake.sweep(bench)
    two_files(bench)
    assert swept(sweep) == 0
    with bench.database.read.connect() as connection:
        assert cursor_of(connection, CURSOR) == bench.log.head(connection).position
    ref = str(bench.receipts[0].person_ref)
    intake.messages = {1: "hr/reg-1"}
    bench.settle(erases(bench, ref))
    assert swept(sweep) == 1


# --- found by content ---------------------------------------------------------------------------------------------------


@dataclass
class Bare(Intake):
    """INTAKE with the messages themselves. Whoever publishes by hand gives no ``Nats-Msg-Id``: nor do these."""

    items: dict[int, Item] = field(default_factory=dict)

    def take(self, *items: Item) -> None:
        for item in items:
            self.messages[item.sequence] = ""
            self.items[item.sequence] = item

    async def read(self, stream: str, after: int, count_max: int) -> Sequence[Stored]:
        page = await super().read(stream, after, count_max)
        return [Stored(each.sequence, self.items[each.sequence].subject, "", self.items[each.sequence].raw) for each in page]

    def left(self) -> list[str]:
        return [self.items[at].raw.split(b'"id": "')[1].split(b'"')[0].decode() for at in sorted(self.messages)]


def refused(bench: RegistryBench, id: str, **person: str) -> Item:
    """A message about a person that is refused: the year is out of range."""
    return bench.message("annual-rating-recorded", {"person": person, "year": 1900, "rating": "good"}, id=id)


def test_messages_go_by_their_own_id_and_by_whom_they_name(database: Database) -> None:
    """Without any header; refused ones by the seal, the source's key and the person_ref; others' and unhandled ones stay."""
    bench, intake = RegistryBench(database), Bare()
    items = [bench.registers(), bench.registers(2, id="reg-2", key="w-2")]
    bench.each(*items)
    ref = str(bench.receipts[0].person_ref)
    items += [
        refused(bench, "sealed", identity=sealed({"resident_id": resident_id(1)})),
        bench.registers(1, id="twice", key="w-9"),
        refused(bench, "by-key", source_key="w-1"),
        refused(bench, "by-others-key", source_key="w-1", key_source="training"),
        refused(bench, "by-ref", person_ref=ref),
        refused(bench, "of-another", identity=sealed({"resident_id": resident_id(2)})),
    ]
    bench.each(*items[2:])
    assert {outcome for id, outcome in bench.outcomes if id not in ("reg-1", "reg-2", "twice")} == {"refused"}
    erasing = erases(bench, ref)
    bench.settle(erasing)
    later = refused(bench, "not-handled-yet", source_key="w-1")
    intake.take(*items, erasing, later)
    assert swept(intake.sweep(bench)) == 6
    assert intake.left() == ["reg-2", "by-others-key", "of-another", "not-handled-yet"]
    assert bench.rows(person_erasing) == []


def test_whoever_was_registered_again_keeps_their_messages(database: Database) -> None:
    """The new file is another person to the registry, and its registration has to stay readable."""
    bench, intake = RegistryBench(database), Bare()
    first = bench.registers()
    bench.settle(first)
    erasing = erases(bench, str(bench.receipts[0].person_ref))
    again = bench.registers(id="reg-again")
    doubled = bench.registers(id="doubled", key="w-3")
    bench.each(erasing, again, doubled)
    intake.take(first, erasing, again, doubled)
    swept(intake.sweep(bench))
    assert intake.left() == ["reg-again", "doubled"]
