"""What is set aside stands in the database as ciphertext only, and comes out as it was sent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select, update

from contracts.intake import INTAKE_BYTES_MAX, fact_subject
from eventlog import schema
from eventlog.box import MARK, Box, BoxLocked, opened
from eventlog.database import Database
from eventlog.desk import Item
from eventlog.inbox.failures import Failure, failure_of
from tests.support import BOX, RegistryBench, event_id, files_with, intake_bytes

NAME = "虚构人物七号"
SUBJECT = fact_subject("hr", "registry", "intake.annual-rating-recorded.v1")
RATED = {"person": {"source_key": "p-7"}, "year": 2025, "rating": "good"}
UNREADABLE = f"not JSON, and with a name: {NAME}".encode()
TOO_LONG = intake_bytes("annual-rating-recorded", RATED | {"notes": NAME + "x" * INTAKE_BYTES_MAX}, id="long-1")
CORRECTED = {"corrects": {"id": "r-1"}, "replacement": {"kind": "rating", "year": 2025, "rating": "good"}, "reason": NAME}
WAITING = intake_bytes("fact-corrected", CORRECTED, id="early-1")
CORRECTION = fact_subject("hr", "registry", "intake.fact-corrected.v1")


def set_aside(bench: RegistryBench) -> None:
    """One message that nobody can read, one that is too long, one that waits for its person, each with a name in it."""
    bench.settle(Item(SUBJECT, UNREADABLE, 1), Item(SUBJECT, TOO_LONG, 2), Item(CORRECTION, WAITING, 3))


def everything(database: Database) -> bytes:
    """Every value of every table of the log, as the database has it."""
    with database.read.connect() as connection:
        rows = [row for table in schema.metadata.sorted_tables for row in connection.execute(select(table))]
    return b"\n".join(v if isinstance(v, bytes) else str(v).encode() for row in rows for v in row)


def test_no_name_in_what_is_set_aside_is_in_the_database(database: Database) -> None:
    """Neither unreadable, nor over-long, nor waiting: not a value of any table, not a byte of SQLite's files and their log."""
    bench = RegistryBench(database)
    set_aside(bench)
    assert (len(bench.rows(schema.parked)), len(bench.rows(schema.held))) == (2, 1)
    assert NAME.encode() not in everything(database)
    assert all(row.raw.startswith(MARK) for table in (schema.parked, schema.held) for row in bench.rows(table))
    if database.write.dialect.name == "sqlite":
        assert files_with(Path(str(database.write.url.database)).parent, NAME.encode()) == []


def test_what_is_set_aside_comes_out_as_it_was_sent(database: Database) -> None:
    """With the key of the service; what is published again is known for the same."""
    bench = RegistryBench(database)
    set_aside(bench)
    with database.read.connect() as connection:
        parked = [opened(connection, row.raw, row.parked_id) for row in bench.rows(schema.parked)]
        held = [opened(connection, row.raw, row.hold_id) for row in bench.rows(schema.held)]
    assert (sorted(parked), held) == (sorted([UNREADABLE, TOO_LONG]), [WAITING])
    bench.settle(Item(CORRECTION, WAITING, 4))
    assert len(bench.rows(schema.held)) == 1


def test_rows_from_before_there_was_a_key_are_read_as_they_stand(database: Database) -> None:
    """An upgrade loses none of them."""
    bench = RegistryBench(database)
    set_aside(bench)
    with database.write.begin() as connection:
        connection.execute(update(schema.held).values(raw=WAITING))
    with database.read.connect() as connection:
        assert [opened(connection, row.raw, row.hold_id) for row in connection.execute(select(schema.held))] == [WAITING]


def test_without_the_key_nothing_is_read_and_the_service_says_so(
    database: Database, open_database: Callable[[str], Database]
) -> None:
    """It is a broken invariant, which stops, never a fault of the message, which would be parked for it."""
    set_aside(RegistryBench(database))
    for box in (None, Box([b"k" * 32])):
        other = Database(database.read.url.render_as_string(hide_password=False), box)
        with other.read.connect() as connection:
            (row,) = connection.execute(select(schema.held)).all()
            with pytest.raises(BoxLocked, match="key") as caught:
                opened(connection, row.raw, row.hold_id)
        other.close()
        assert failure_of(caught.value) is Failure.BROKEN


def test_bytes_cannot_be_put_in_another_row() -> None:
    """They are bound to the row's id; a changed byte is seen as well."""
    kept = BOX.seal(b"m", event_id(1))
    assert BOX.open(kept, event_id(1)) == b"m"
    for bytes_, row in ((kept, event_id(2)), (kept[:-1] + bytes([kept[-1] ^ 1]), event_id(1)), (kept[:12], event_id(1))):
        with pytest.raises(BoxLocked):
            BOX.open(bytes_, row)


def test_a_new_key_seals_and_the_old_ones_still_open(tmp_path: Path) -> None:
    """A key a line, the last one seals: so a key is replaced."""
    old, new = "11" * 32, "22" * 32
    path = tmp_path / "aside.key"
    path.write_text(f"{old}\n{new}\n")
    both = Box.read(path)
    assert both.open(Box([bytes.fromhex(old)]).seal(b"m", "r"), "r") == b"m"
    assert Box([bytes.fromhex(new)]).open(both.seal(b"m", "r"), "r") == b"m"


@pytest.mark.parametrize("text", ["", "11", "g" * 64, "é" * 64])
def test_a_file_without_a_key_is_named_and_not_repeated(tmp_path: Path, text: str) -> None:
    """So is one that is not there, with what to run."""
    path = tmp_path / "aside.key"
    with pytest.raises(FileNotFoundError, match="hongling principal init"):
        Box.read(path)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"aside\.key must hold") as caught:
        Box.read(path)
    assert caught.value.__cause__ is None
    assert not text or text not in str(caught.value).replace(str(path), "")
