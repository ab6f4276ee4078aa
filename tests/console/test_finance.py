"""``hongling finance``: statements, the feed, and the proof that nothing of the stream is missing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.demo_data import CHANGTU_GRANTED, CHANGTU_TOTAL_FEN, changtu_2021
from console.finance import Booked, Gap, read_stream
from console.finance_words import possible_division
from console.sealing import load_public_key, seal
from contracts.envelope import EventEnvelope
from eventlog.wire import event_message
from tests.console.support import Office, ask, ask_json, office

TOTALS = ("granted", "denied", "total_fen", "adjusted", "by_payer", "by_purse")


@pytest.fixture(scope="module")
def changtu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """The published case of 2021; in 2023 one more is rated excellent and then corrected to good."""
    with office(tmp_path_factory.mktemp("changtu")) as made:
        made.publish("changtu-2021")
        public_key = load_public_key(made.deployment.public_key)
        made.at("2022-01-05").deliver_all(changtu_2021(lambda fields: seal(fields, public_key), Random(1)))
        made.at("2023-01-05")
        made.register(900)
        made.engage(900)
        made.correct_rating(made.rate(900, "excellent"), "good")
        yield made


def stream(made: Office) -> list[EventEnvelope]:
    """Everything that stands on ALLOWANCE, in order."""
    with made.allowance.database.read.connect() as connection:
        rows = made.allowance.rows(connection, 0, 10_000)
    return [EventEnvelope.model_validate_json(event_message("allowance", row).payload) for row in rows]


# --- statement ------------------------------------------------------------------------------------------------------


def test_the_published_case_comes_out(changtu: Office) -> None:
    """28 of 46 are paid 79,200 yuan, by the county."""
    found = ask_json(changtu, "finance", "statement", "--division", "211224", "--year", "2021", "--known", "2022-12-31")
    payers = [{"payer": "county", "total_fen": CHANGTU_TOTAL_FEN}]
    purses = [{"payer": "county", "purse": "211224", "total_fen": CHANGTU_TOTAL_FEN}]
    assert (CHANGTU_GRANTED, 18, CHANGTU_TOTAL_FEN, 0, payers, purses) == tuple(found[name] for name in TOTALS)


def test_a_fold_of_the_log_equals_the_read_model(changtu: Office) -> None:
    """Asked as known now, the statement folded from the log is the live one, at the same position."""
    live = ask_json(changtu, "finance", "statement", "--division", "211200", "--year", "2021")
    folded = ask_json(changtu, "finance", "statement", "--division", "211200", "--year", "2021", "--known", "2099-01-01")
    assert (live["granted"], live["adjusted"], live["total_fen"]) == (29, 1, CHANGTU_TOTAL_FEN + 240_000)
    assert live | {"known_at": None} == folded | {"known_at": None}


def test_before_the_first_event_nothing_was_owed(changtu: Office) -> None:
    """The position is 0 then, and so is everything else."""
    found = ask_json(changtu, "finance", "statement", "--division", "210000", "--year", "2021", "--known", "2020-12-31")
    assert (found["position"], found["total_fen"], found["by_payer"]) == (0, 0, [])


def test_another_division_owes_nothing(changtu: Office) -> None:
    """A division that contains none of them."""
    assert ask_json(changtu, "finance", "statement", "--division", "320000", "--year", "2021")["total_fen"] == 0


@pytest.mark.parametrize("code", ["000000", "21122", "2112240", "99", "211x24", "160000", "320002", "٣٢٠١٠٢"])
def test_an_impossible_division_is_wrong_input(changtu: Office, code: str) -> None:
    """Exit code 2, and what a code looks like."""
    result = ask(changtu, "finance", "statement", "--division", code, "--year", "2021", "--json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "GB/T 2260" in result.stderr


def test_possible_divisions_are_let_through() -> None:
    """Provinces, prefectures, counties, and counties under a province directly."""
    assert [code for code in ("320000", "320100", "320102", "429004", "110101", "710000") if not possible_division(code)] == []


def test_the_statement_is_a_table_for_people(changtu: Office) -> None:
    """Amounts in yuan."""
    text = ask(changtu, "finance", "statement", "--division", "211224", "--year", "2021", lang="zh").stdout
    assert "¥81,600.00" in text
    assert "211224 的 county 负担" in text


# --- feed from the log ----------------------------------------------------------------------------------------------


def test_the_feed_is_the_log_as_json_lines(changtu: Office) -> None:
    """One complete CloudEvent a line, in order; the differences add up to what is owed."""
    result = ask(changtu, "finance", "feed", "--json")
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(events) == 48
    assert sorted(event["position"] for event in events) == [event["position"] for event in events]
    assert sum(event["data"]["difference_fen"] for event in events) == CHANGTU_TOTAL_FEN + 240_000
    stored = {envelope.position: envelope for envelope in stream(changtu)}
    assert [stored[event["position"]] for event in events] == [EventEnvelope.model_validate(event) for event in events]
    assert "48 events" in result.stderr


def test_the_feed_goes_on_where_it_ended(changtu: Office) -> None:
    """Two calls with --limit and --after give what one call gives."""
    whole = ask(changtu, "finance", "feed", "--json").stdout.splitlines()
    first = ask(changtu, "finance", "feed", "--json", "--limit", "20").stdout.splitlines()
    after = json.loads(first[-1])["position"]
    rest = ask(changtu, "finance", "feed", "--json", "--after", str(after)).stdout.splitlines()
    assert (20, whole) == (len(first), first + rest)


def test_reading_the_stream_asks_for_a_state_file(changtu: Office) -> None:
    """Without it the next run could not know what was booked."""
    assert ask(changtu, "finance", "feed", "--from-stream").exit_code == 2
    assert ask(changtu, "finance", "feed", "--state", "x.json").exit_code == 2


# --- completeness ---------------------------------------------------------------------------------------------------


def book(envelopes: list[EventEnvelope], booked: Booked | None = None) -> Booked:
    booked = booked or Booked()
    for envelope in envelopes:
        booked.take(envelope)
    return booked


def test_the_stream_adds_up_to_the_statement(changtu: Office) -> None:
    """Booked from position 0, the sums per year and payer are those of the statement."""
    booked = book(stream(changtu))
    assert (booked.owed, booked.ahead) == ({2021: {"county": CHANGTU_TOTAL_FEN + 240_000}}, {})


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**16))
def test_order_and_repeats_do_not_matter(changtu: Office, seed: int) -> None:
    """A broker may deliver late and twice: the sums and positions come out the same."""
    envelopes, rng = stream(changtu), Random(seed)
    expected = book(envelopes)
    messy = envelopes + rng.sample(envelopes, 20)
    rng.shuffle(messy)
    found = book(messy)
    assert (expected.owed, expected.partitions, {}) == (found.owed, found.partitions, found.ahead)
    assert expected.events == found.events


@settings(max_examples=25, deadline=None)
@given(lost=st.integers(0, 10_000))
def test_a_lost_event_is_never_passed_over(changtu: Office, lost: int) -> None:
    """Whichever is missing: unless it was its partition's last, the gap is named with partition and position."""
    envelopes = stream(changtu)
    missing = envelopes.pop(lost % len(envelopes))
    booked = book(envelopes)
    assert booked.partitions.get(missing.partition, 0) == missing.previous
    later = [e for e in envelopes if e.partition == missing.partition and e.position > missing.position]
    assert bool(later) == (f"partition {missing.partition}:" in booked.missing())
    if later:
        assert f"predecessor {missing.position} is missing" in booked.missing()


def test_another_log_is_refused(changtu: Office) -> None:
    """An event whose back pointer goes behind what was booked belongs to a log that was changed."""
    envelopes = stream(changtu)
    booked = book(envelopes)
    last = next(e for e in reversed(envelopes) if e.previous > 0)
    strange = last.model_copy(update={"position": last.position + 1000, "previous": last.previous})
    with pytest.raises(Gap, match=f"partition {last.partition}: position {last.position + 1000}"):
        booked.take(strange)


def test_payers_that_do_not_add_up_are_refused(changtu: Office) -> None:
    """What is booked is checked: shares and difference must agree."""
    envelopes = stream(changtu)
    index = next(i for i, e in enumerate(envelopes) if e.type == "allowance.entitlement-decided.v1" and e.data["differences"])
    envelopes[index] = envelopes[index].model_copy(update={"data": {**envelopes[index].data, "difference_fen": 1}})
    with pytest.raises(Gap, match="do not add up"):
        book(envelopes)


def test_progress_survives_in_its_file(changtu: Office, tmp_path: Path) -> None:
    """Half is booked, written, read again, and the whole stream then adds only the other half."""
    envelopes, path = stream(changtu), tmp_path / "state.json"
    half = len(envelopes) // 2
    book(envelopes[:half]).write(path)
    found = book(envelopes, Booked.read(path))
    expected = book(envelopes)
    assert (expected.owed, expected.partitions, expected.events) == (found.owed, found.partitions, found.events)
    assert half == found.skipped
    assert replace(found, ahead={}).owed == {2021: {"county": CHANGTU_TOTAL_FEN + 240_000}}


@dataclass
class Delivered:
    """One message of the stand-in for the broker."""

    stream: Stream
    sequence: int
    payload: bytes
    subject: str = "allowance.00.x"
    deliveries: int = 1
    message_id: str | None = None
    stored_ns: int = 0

    async def ack(self) -> None:
        self.stream.acknowledged.add(self.sequence)

    async def nak(self, delay_seconds: float) -> None: ...

    async def in_progress(self) -> None: ...


@dataclass
class Stream:
    """A stream with one durable consumer, which gives each message that is not acknowledged, some at a time."""

    payloads: list[bytes]
    acknowledged: set[int] = field(default_factory=set)
    given: int = 0

    async def fetch(self, count_max: int, wait_seconds: float) -> list[Delivered]:
        found = [s for s in range(self.given + 1, len(self.payloads) + 1) if s not in self.acknowledged][:50]
        self.given = found[-1] if found else self.given
        return [Delivered(self, s, self.payloads[s - 1]) for s in found]

    async def check(self) -> SimpleNamespace:
        floor = next((s for s in range(len(self.payloads) + 1) if s + 1 not in self.acknowledged), 0)
        left = self.given - len(self.acknowledged)
        return SimpleNamespace(
            num_pending=len(self.payloads) - self.given, num_ack_pending=left, ack_floor=SimpleNamespace(stream_seq=floor)
        )

    async def close(self) -> None: ...


def payloads(made: Office) -> list[bytes]:
    with made.allowance.database.read.connect() as connection:
        return [event_message("allowance", row).payload for row in made.allowance.rows(connection, 0, 10_000)]


def test_the_stream_is_booked_before_it_is_acknowledged(changtu: Office, tmp_path: Path) -> None:
    """All of it is acknowledged in the end; a second run finds nothing new and books nothing twice."""
    stream_, path = Stream(payloads(changtu)), tmp_path / "state.json"
    asyncio.run(read_stream(stream_, Booked(), path))
    again = Booked.read(path)
    asyncio.run(read_stream(stream_, again, path))
    assert len(stream_.acknowledged) == len(stream_.payloads) == again.events == again.sequence
    assert again.owed == {2021: {"county": CHANGTU_TOTAL_FEN + 240_000}}


def test_what_was_booked_elsewhere_is_not_called_complete(changtu: Office, tmp_path: Path) -> None:
    """A consumer that is further than the state file is a gap, also when nothing is left to read."""
    stream_ = Stream(payloads(changtu))
    asyncio.run(read_stream(stream_, Booked(), tmp_path / "first.json"))
    with pytest.raises(Gap, match=f"up to sequence {len(stream_.payloads)}, this file has booked it up to 0"):
        asyncio.run(read_stream(stream_, Booked(), tmp_path / "second.json"))


def test_a_gap_of_the_stream_is_neither_booked_over_nor_acknowledged(changtu: Office, tmp_path: Path) -> None:
    """The first event of a partition is lost: nothing of that partition is booked, and it is all delivered again."""
    everything = payloads(changtu)
    first = EventEnvelope.model_validate_json(everything[0])
    stream_, path = Stream(everything[1:]), tmp_path / "state.json"
    with pytest.raises(Gap, match=f"partition {first.partition}: after position 0 came position"):
        asyncio.run(read_stream(stream_, Booked(), path))
    assert first.partition not in Booked.read(path).partitions
    kept = sum(EventEnvelope.model_validate_json(p).partition == first.partition for p in stream_.payloads)
    assert len(stream_.payloads) - len(stream_.acknowledged) == kept


@pytest.mark.parametrize(
    "text", ["[]", "{}", "not json", '{"partitions": 1, "owed": {}, "events": 0, "entitlements": 0, "sequence": 0}']
)
def test_a_strange_state_file_is_not_taken_for_a_start_from_zero(tmp_path: Path, text: str) -> None:
    """It is refused; only a file that is not there starts from zero."""
    path = tmp_path / "state.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r".+"):
        Booked.read(path)
    assert Booked() == Booked.read(tmp_path / "none.json")
