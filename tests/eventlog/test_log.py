"""The log's behaviour, specified once and held on both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, MetaData, String, Table, delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from eventlog import schema
from eventlog.codec import Codec, UnknownEvent
from eventlog.database import Database, DatabaseMissing
from eventlog.ids import FixedClock, SeededEntropy
from eventlog.log import PARTITIONS, Head, Log, LogFull, Unit, Vanished, leaf_of, partition_of
from eventlog.tree import EMPTY_ROOT, root_of
from tests.eventlog.example import CODEC, Total, example_log, inbox_for, new, note, receipt_for, total
from tests.support import NOW, events_of


@pytest.fixture
def log(database: Database, clock: FixedClock) -> Log:
    return example_log(database, clock=clock)


def head_of(log: Log) -> Head:
    with log.database.read.connect() as connection:
        return log.head(connection)


def count_of(log: Log, table: Table) -> int:
    with log.database.read.connect() as connection:
        return len(connection.execute(select(table)).all())


# --- places -----------------------------------------------------------------------------------------------------------


def test_positions_are_dense_from_one_and_versions_are_dense_in_each_stream(log: Log) -> None:
    """Three units over two streams: positions 1 to 5, versions from 1 in each stream, in the order of the units."""
    log.append([note(log, 0, "a", "a1", "a2"), note(log, 0, "b", "b1"), note(log, 2, "a", "a3")])
    log.append([note(log, 1, "b", "b2")])
    found = [(e.position, e.stream, e.version, e.event.payload()["text"]) for e in events_of(log)]
    assert found == [(1, "a", 1, "a1"), (2, "a", 2, "a2"), (3, "b", 1, "b1"), (4, "a", 3, "a3"), (5, "b", 2, "b2")]


def test_each_event_points_back_at_the_one_before_it_in_its_partition(log: Log) -> None:
    """The back pointer is the position of the partition's last event, 0 for its first, across appends too."""
    for part in range(5):
        log.append([note(log, part, f"s{stream}") for stream in range(12)])
    last = dict.fromkeys(range(PARTITIONS), 0)
    for event in events_of(log):
        assert event.partition == partition_of(event.stream)
        assert event.previous == last[event.partition]
        last[event.partition] = event.position
    assert len([p for p in last.values() if p]) > 4, "the streams must fall into several partitions for this to say anything"


def test_the_root_is_that_of_rfc_6962_over_the_leaves_of_all_rows(log: Log) -> None:
    """At every size the head's root is the tree recomputed from the stored rows alone."""
    assert head_of(log).root == EMPTY_ROOT.hex()
    for size in range(1, 10):
        log.append([note(log, 0, f"s{size}", f"text {size}")])
        with log.database.read.connect() as connection:
            rows = log.rows(connection, 0, 100)
        assert [row.leaf_hash for row in rows] == [leaf_of("example", row) for row in rows]
        assert head_of(log).root == root_of(row.leaf_hash for row in rows).hex()


@pytest.mark.parametrize("column", [c.name for c in schema.event.columns if c.name != "leaf_hash"])
def test_the_leaf_covers_every_column(column: str) -> None:
    """Whatever column of a row is changed, its leaf changes: nothing about an event can be changed unseen."""
    row: dict[str, Any] = {
        "position": 1, "stream": "a", "version": 1, "event_id": "e", "type": "t", "partition": 1, "previous": 0,
        "effective_on": "2025-01-04", "recorded_at": "2025-01-05T08:00:00.000000Z", "correlation_id": "c",
        "causation_id": "d", "actor": "hr", "data": "{}",
    }  # fmt: skip
    changed = row | {column: row[column] + (1 if isinstance(row[column], int) else "x")}
    assert leaf_of("example", row) != leaf_of("example", changed)
    assert leaf_of("example", row) != leaf_of("other", row)


def test_the_row_without_a_cause_is_not_the_row_whose_cause_is_empty(log: Log) -> None:
    """None and "" are two values in the leaf."""
    row = dict.fromkeys(schema.event.columns.keys(), 0) | {"data": "{}", "causation_id": None}
    assert leaf_of("example", row) != leaf_of("example", row | {"causation_id": ""})


def test_recorded_at_never_runs_backwards(log: Log, clock: FixedClock) -> None:
    """When the clock is set back, the log goes on at the time that it has reached."""
    log.append([note(log, 0, "a")])
    clock.advance(timedelta(hours=-1))
    log.append([note(log, 1, "a")])
    clock.advance(timedelta(hours=3))
    log.append([note(log, 2, "a")])
    times = [e.recorded_at for e in events_of(log)]
    assert times[0] == times[1] < times[2]


def test_the_log_refuses_to_pass_the_last_position_that_an_envelope_can_carry(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CloudEvents integers have 32 bits: the append fails as a whole and leaves the log as it was."""
    log.append([note(log, 0, "a")])
    monkeypatch.setattr("eventlog.log.POSITION_MAX", 2)
    with pytest.raises(LogFull):
        log.append([note(log, 1, "a", "1", "2")])
    assert head_of(log).position == 1


def test_one_append_has_a_limit(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """More events than the limit are refused before anything is written."""
    monkeypatch.setattr("eventlog.log.EVENTS_PER_APPEND_MAX", 2)
    with pytest.raises(ValueError, match="at most 2"):
        log.append([note(log, 0, "a", "1", "2", "3")])
    assert head_of(log).position == 0


# --- expected versions ------------------------------------------------------------------------------------------------


def test_a_stale_unit_conflicts_alone(log: Log) -> None:
    """Of three units one was decided on an old version: that one is given back, the others are recorded."""
    log.append([note(log, 0, "a", "a1")])
    appended = log.append([note(log, 0, "b"), note(log, 0, "a", "stale"), note(log, 0, "c")])
    assert appended.conflicts == (1,)
    assert [e.stream for e in events_of(log)] == ["a", "b", "c"]


def test_a_unit_that_builds_on_a_stale_one_conflicts_too(log: Log) -> None:
    """The second unit expects the version that the first would have made."""
    log.append([note(log, 0, "a", "a1")])
    appended = log.append([note(log, 0, "a", "stale"), note(log, 1, "a", "on top"), note(log, 0, "b")])
    assert appended.conflicts == (0, 1)
    assert [e.stream for e in events_of(log)] == ["a", "b"]


def test_a_stream_that_was_only_read_is_checked_like_one_that_is_written(log: Log) -> None:
    """A decision made under policies at version 0 is given back when a policy was published meanwhile."""
    log.append([note(log, 0, "policies")])
    unit = note(log, 0, "a")
    unit.expects["policies"] = 0
    assert log.append([unit]).conflicts == (0,)
    unit.expects["policies"] = 1
    assert log.append([unit]).conflicts == ()


def test_whole_means_all_or_nothing(log: Log) -> None:
    """One stale unit undoes them all, and the head stays where it was."""
    log.append([note(log, 0, "a")])
    before = head_of(log)
    appended = log.append([note(log, 0, "b"), note(log, 0, "a")], whole=True)
    assert (appended.events, appended.conflicts, appended.head) == ((), (0, 1), None)
    assert head_of(log) == before


def test_what_comes_along_can_undo_the_append(log: Log) -> None:
    """``also`` that says False undoes everything, its own writes included; anything else commits with the events."""

    def write(connection: Any) -> None:
        connection.execute(insert(schema.relay_cursor).values(name="r", position=1))

    def undo(connection: Any) -> bool:
        write(connection)
        return False

    assert log.append([note(log, 0, "a")], also=undo).head is None
    assert (count_of(log, schema.event), count_of(log, schema.relay_cursor)) == (0, 0)
    assert log.append([note(log, 0, "a")], also=write).conflicts == ()
    assert (count_of(log, schema.event), count_of(log, schema.relay_cursor)) == (1, 1)


def test_versions_need_no_check_while_the_log_stands_where_it_was_read(log: Log) -> None:
    """A unit decided at the head's position is taken without asking; at another position it is checked, and asked about."""
    asked: list[int] = []

    def recheck(_connection: Any) -> list[int]:
        asked.append(1)
        return [0]

    assert log.append([note(log, 0, "a")], seen_position=0, recheck=recheck).conflicts == ()
    assert asked == []
    assert log.append([note(log, 0, "b"), note(log, 0, "c")], seen_position=0, recheck=recheck).conflicts == (0,)
    assert [e.stream for e in events_of(log)] == ["a", "c"]


# --- together or not at all -------------------------------------------------------------------------------------------


def full_unit(log: Log, message_id: str, stream: str, text_: str = "x") -> Unit:
    """A unit that writes everywhere."""
    unit = note(log, 0, stream, text_)
    unit.inbox = inbox_for(message_id)
    unit.receipts = [receipt_for(message_id)]
    unit.inserts = [(schema.parked, parked_row(log, message_id))]
    return unit


def parked_row(log: Log, message_id: str) -> dict[str, Any]:
    return {
        "parked_id": log.new_id(), "origin": "hr", "message_id": message_id, "sequence": 1, "subject": "s", "raw": b"r",
        "code": "c", "problem": "p", "blocks": None, "parked_at": "t",
    }  # fmt: skip


EVERYWHERE = (schema.event, schema.inbox, schema.receipt, schema.parked, total)


def test_events_inbox_receipts_side_tables_and_read_models_commit_together(database: Database) -> None:
    """One append writes all five, and the receipts' positions are dense as well."""
    log = example_log(database, [Total()])
    log.append([full_unit(log, "m-1", "a"), full_unit(log, "m-2", "b")])
    assert [count_of(log, table) for table in EVERYWHERE] == [2, 2, 2, 2, 2]
    assert head_of(log).receipt_position == 2


def test_a_read_model_that_fails_undoes_all_of_it(database: Database) -> None:
    """The view is the last to write: after its failure neither events nor inbox, receipts or side tables are there."""
    log = example_log(database, [Total(fails_on="bad")])
    log.append([full_unit(log, "m-1", "a")])
    before = head_of(log)
    with pytest.raises(RuntimeError, match="the read model failed"):
        log.append([full_unit(log, "m-2", "b"), full_unit(log, "m-3", "c", "bad")])
    assert [count_of(log, table) for table in EVERYWHERE] == [1, 1, 1, 1, 1]
    assert head_of(log) == before


def test_a_message_cannot_be_settled_twice(log: Log) -> None:
    """The inbox's key is the proof: the second append fails as a whole."""
    log.append([full_unit(log, "m-1", "a")])
    with pytest.raises(IntegrityError):
        log.append([full_unit(log, "m-1", "b")])
    assert [e.stream for e in events_of(log)] == ["a"]


def test_a_settled_message_knows_its_answer(log: Log) -> None:
    """The inbox entry points at the receipt that was written with it."""
    log.append([full_unit(log, "m-1", "a"), full_unit(log, "m-2", "b")])
    with log.database.read.connect() as connection:
        rows = connection.execute(select(schema.inbox).order_by(schema.inbox.c.message_id)).all()
    assert [(row.message_id, row.receipt_position) for row in rows] == [("m-1", 1), ("m-2", 2)]


def test_side_tables_are_emptied_before_they_are_filled(log: Log) -> None:
    """A held message that must wait for a second thing is taken out and put in again in one append."""
    first, second = parked_row(log, "m-1"), parked_row(log, "m-1")
    second["parked_id"] = first["parked_id"]
    log.append([Unit(inserts=[(schema.parked, first)])])
    log.append([Unit(deletes=[(schema.parked, first["parked_id"])], inserts=[(schema.parked, second | {"code": "new"})])])
    with log.database.read.connect() as connection:
        assert connection.scalars(select(schema.parked.c.code)).all() == ["new"]


two_part = Table(
    "two_part",
    MetaData(),
    Column("owner", String(8), primary_key=True),
    Column("purpose", String(8), primary_key=True),
    Column("value", String(8), nullable=False),
)


@pytest.fixture
def two_part_rows(log: Log) -> Callable[[], dict[tuple[str, str], str]]:
    """A side table whose key has two columns: two rows of one owner, one of another. Returns what reads it."""
    with log.database.write.begin() as connection:
        two_part.create(connection)
    given = (("a", "x", "1"), ("a", "y", "2"), ("b", "x", "3"))
    rows = [{"owner": owner, "purpose": purpose, "value": value} for owner, purpose, value in given]
    log.append([Unit(inserts=[(two_part, row) for row in rows])])

    def read() -> dict[tuple[str, str], str]:
        with log.database.read.connect() as connection:
            return {(row.owner, row.purpose): row.value for row in connection.execute(select(two_part))}

    return read


def test_side_rows_are_told_apart_by_the_whole_of_their_key(
    log: Log, two_part_rows: Callable[[], dict[tuple[str, str], str]]
) -> None:
    """Rows that share the first part of a key of two are both written, and only the one that is named is taken out."""
    assert two_part_rows() == {("a", "x"): "1", ("a", "y"): "2", ("b", "x"): "3"}
    log.append([Unit(deletes=[(two_part, ("a", "y"))])])
    assert two_part_rows() == {("a", "x"): "1", ("b", "x"): "3"}


def test_a_side_row_may_come_and_go_in_one_append(log: Log, two_part_rows: Callable[[], dict[tuple[str, str], str]]) -> None:
    """What one unit puts in and a later one takes out was never there; its neighbour under the same owner stays."""
    row = {"owner": "b", "purpose": "y", "value": "4"}
    log.append([Unit(inserts=[(two_part, row)]), Unit(deletes=[(two_part, ("b", "y"))])])
    assert two_part_rows() == {("a", "x"): "1", ("a", "y"): "2", ("b", "x"): "3"}


def test_half_a_key_takes_nothing_out(log: Log, two_part_rows: Callable[[], dict[tuple[str, str], str]]) -> None:
    """It would take out more than its caller meant: the append fails as a whole, as does one for a row that is gone."""
    before = two_part_rows()
    with pytest.raises(ValueError, match="shorter"):
        log.append([note(log, 0, "a"), Unit(deletes=[(two_part, "a")])])
    with pytest.raises(Vanished, match="two_part"):
        log.append([note(log, 0, "a"), Unit(deletes=[(two_part, ("a", "z"))])])
    assert two_part_rows() == before
    assert count_of(log, schema.event) == 0


# --- append-only ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", schema.APPEND_ONLY, ids=lambda t: t.name)
def test_the_database_refuses_to_change_what_was_appended(log: Log, table: Table) -> None:
    """UPDATE and DELETE of any row, and TRUNCATE where it exists, fail in the database itself."""
    log.append([full_unit(log, "m-1", "a")])
    column = next(c for c in table.columns if c.name in ("correlation_id", "outcome"))
    attempts: list[Any] = [update(table).values({column.name: "forged"}), delete(table)]
    if log.database.write.dialect.name == "postgresql":
        attempts.append(text(f"TRUNCATE {table.name}"))
    for attempt in attempts:
        with pytest.raises(DBAPIError, match="append-only"), log.database.write.begin() as connection:
            connection.execute(attempt)
    assert count_of(log, table) == 1


def test_a_reader_cannot_write(log: Log) -> None:
    """The engine for queries refuses every change."""
    with pytest.raises(DBAPIError), log.database.read.begin() as connection:
        connection.execute(insert(schema.relay_cursor).values(name="r", position=1))


def test_creating_the_log_again_changes_nothing(log: Log) -> None:
    """Provisioning may be repeated over a log with events."""
    log.append([note(log, 0, "a")])
    before = head_of(log)
    log.create()
    assert head_of(log) == before
    with pytest.raises(DBAPIError, match="append-only"), log.database.write.begin() as connection:
        connection.execute(delete(schema.event))


def test_a_log_of_another_service_is_not_taken_for_ours(log: Log) -> None:
    """A wrong database URL is named, with the remedy."""
    stranger = Log("other", log.database, log.codec, log.clock, log.entropy)
    with pytest.raises(DatabaseMissing, match="hongling provision"), log.database.read.connect() as connection:
        stranger.head(connection)


# --- reading ----------------------------------------------------------------------------------------------------------


def test_reading_pages_by_position_and_narrows_by_type(log: Log) -> None:
    """Pages follow each other without a gap; an upper bound and types narrow them."""
    log.append([note(log, 0, "a", *"12345")])
    with log.database.read.connect() as connection:
        assert [e.position for e in log.read(connection, after=1, limit=2)] == [2, 3]
        assert [e.position for e in log.read(connection, after=1, upto=3)] == [2, 3]
        assert log.read(connection, types=["example.other.v1"]) == []
        assert len(log.read(connection, types=["example.noted.v1"])) == 5


def test_streams_are_loaded_in_order_and_an_unknown_one_is_empty(log: Log) -> None:
    """One query for many streams; each comes back in its order."""
    log.append([note(log, 0, "a", "a1"), note(log, 0, "b", "b1"), note(log, 1, "a", "a2")])
    with log.database.read.connect() as connection:
        loaded = log.load(connection, ["a", "b", "nobody"])
    assert {s: [e.event.payload()["text"] for e in events] for s, events in loaded.items()} == {
        "a": ["a1", "a2"], "b": ["b1"], "nobody": [],
    }  # fmt: skip


def test_more_streams_than_one_query_may_name_are_loaded_all_the_same(log: Log) -> None:
    """2,500 names need three queries; versions are checked as far."""
    log.append([note(log, 0, f"s{n}") for n in range(2500)])
    with log.database.read.connect() as connection:
        assert all(len(events) == 1 for events in log.load(connection, [f"s{n}" for n in range(2500)]).values())
    assert log.append([note(log, 0, f"s{n}") for n in range(2500)]).conflicts == tuple(range(2500))


def test_an_event_is_found_by_its_id(log: Log) -> None:
    """Found with everything about it; an unknown id finds nothing."""
    event = log.append([note(log, 0, "a", "found")]).events[0]
    with log.database.read.connect() as connection:
        assert log.find(connection, event.event_id) == event
        assert log.find(connection, log.new_id()) is None


def test_what_was_appended_reads_back_the_same(log: Log) -> None:
    """The events that an append returns are those that are read later, column by column."""
    unit = Unit(events=[new(log, "a", '字𝄞\u0001"\\', -7)], expects={"a": 0})
    unit.events.append(new(log, "a"))
    assert list(log.append([unit]).events) == events_of(log)


def test_a_stored_event_that_nobody_knows_stops_the_reader(log: Log) -> None:
    """It is never dropped: a program older than the log must not go on."""
    log.append([note(log, 0, "a")])
    older = Log("example", log.database, Codec(()), log.clock, log.entropy)
    with pytest.raises(UnknownEvent, match="upgrade"):
        events_of(older)


# --- writers at once --------------------------------------------------------------------------------------------------

APPENDS_EACH = 125
EVENTS_EACH_APPEND = 8


def test_two_writers_leave_no_gap_and_a_follower_never_skips(
    database_url: str, open_database: Callable[[str], Database]
) -> None:
    """Two writers append 2,000 events, eight at a time; a follower reads by position meanwhile and sees 1, 2, 3, … alone."""
    example_log(open_database(database_url))
    failures: list[BaseException] = []

    def opened(seed: int) -> Log:
        return Log("example", open_database(database_url), CODEC, FixedClock(NOW), SeededEntropy(seed))

    total_events = 2 * APPENDS_EACH * EVENTS_EACH_APPEND

    def write(writer: int) -> None:
        try:
            log = opened(writer + 10)
            for turn in range(APPENDS_EACH):
                log.append([note(log, turn, f"w{writer}-{part}") for part in range(EVENTS_EACH_APPEND)])
        except BaseException as error:  # noqa: BLE001 - the test's thread reports it
            failures.append(error)

    writers = [threading.Thread(target=write, args=(writer,)) for writer in range(2)]
    follower = opened(1)
    for writer in writers:
        writer.start()
    seen: list[int] = []
    while len(seen) < total_events and not failures:
        alive = any(writer.is_alive() for writer in writers)
        with follower.database.read.connect() as connection:
            page = [e.position for e in follower.read(connection, after=len(seen), limit=500)]
        assert page == list(range(len(seen) + 1, len(seen) + 1 + len(page)))
        seen += page
        assert alive or page or len(seen) == total_events, "the writers are done and something is missing"
    for writer in writers:
        writer.join()
    assert failures == []
    assert seen == list(range(1, total_events + 1))
    events = events_of(follower)
    assert all(b.previous < b.position for b in events)
    assert all(a.recorded_at <= b.recorded_at for a, b in pairwise(events))


EVENTS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), min_size=1, max_size=6)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(appends=st.lists(st.tuples(EVENTS, st.sets(st.integers(0, 5))), min_size=1, max_size=4))
def test_any_interleaving_gives_dense_positions_and_versions(log: Log, appends: list[Any]) -> None:
    """However units over a few streams are cut into appends, and whichever of them are stale: no gap anywhere."""
    prefix = f"{head_of(log).position}-"
    versions: dict[str, int] = {}
    expected: list[str] = []
    for units, stale in appends:
        made: list[Unit] = []
        planned, broken = dict(versions), set[str]()
        kept: list[str] = []
        for index, (name, size) in enumerate(units):
            stream = prefix + name
            wrong = index in stale
            made.append(
                Unit(events=[new(log, stream) for _ in range(size)], expects={stream: planned.get(stream, 0) + 9 * wrong})
            )
            if wrong or stream in broken:
                broken.add(stream)
                continue
            planned[stream] = planned.get(stream, 0) + size
            kept += [stream] * size
        appended = log.append(made)
        assert len(appended.events) == len(kept)
        versions = planned
        expected += kept
    with log.database.read.connect() as connection:
        rows = log.rows(connection, int(prefix[:-1]), 100_000)
    assert [row.stream for row in rows] == expected
    assert [row.position for row in rows] == list(range(int(prefix[:-1]) + 1, int(prefix[:-1]) + 1 + len(rows)))
    for stream, last in versions.items():
        assert [row.version for row in rows if row.stream == stream] == list(range(1, last + 1))


def test_identifiers_of_the_greatest_length_that_the_contract_allows_are_stored(log: Log) -> None:
    """A message id of 128 characters makes a causation id of up to 161: both databases must hold it."""
    event = new(log, "a")
    cause = "s" * 32 + "/" + "m" * 128
    unit = Unit(events=[type(event)(event.stream, event.event, event.effective_on, event.event_id, "c" * 128, cause, "s" * 32)])
    unit.expects = {"a": 0}
    log.append([unit])
    assert [e.causation_id for e in events_of(log)] == [cause]
