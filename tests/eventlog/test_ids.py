"""Ids are version 7 UUIDs, tokens are long enough, and both repeat exactly with the same clock and seed."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from contracts.base import EventId, PersonRef
from eventlog.ids import FixedClock, SeededEntropy, SystemClock, SystemEntropy, random_token, uuid7
from tests.support import NOW

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Ones:
    """All bits set: whatever is not random shows."""

    def bytes(self, count: int) -> bytes:
        return b"\xff" * count


class Zeros:
    def bytes(self, count: int) -> bytes:
        return bytes(count)


@given(milliseconds=st.integers(0, 2**43), micros=st.integers(0, 999), seed=st.integers(0, 1000))
def test_an_id_is_a_version_7_uuid_that_carries_its_time(milliseconds: int, micros: int, seed: int) -> None:
    """RFC 9562 section 5.7: version 7, the RFC's variant, 48 bits of milliseconds; and it is an EventId of the contracts."""
    at = EPOCH + timedelta(milliseconds=milliseconds, microseconds=micros)
    made = uuid7(at, SeededEntropy(seed))
    read = uuid.UUID(made)
    assert (read.version, read.variant, str(read)) == (7, uuid.RFC_4122, made)
    # A clock time goes through a binary fraction, which may lie a hair below its millisecond: one off, never more.
    assert milliseconds - (read.int >> 80) in (0, 1)
    assert TypeAdapter(EventId).validate_python(made) == made


def test_the_74_other_bits_are_random() -> None:
    """With all-zero and all-one randomness exactly the version and variant bits stay."""
    zeros, ones = (uuid.UUID(uuid7(NOW, source)).int & ((1 << 80) - 1) for source in (Zeros(), Ones()))
    assert (zeros ^ ones).bit_count() == 74
    assert zeros == (0x7 << 76) | (0x2 << 62)


def test_ids_of_later_milliseconds_sort_later() -> None:
    """Whatever the random bits are."""
    assert uuid7(NOW, Ones()) < uuid7(NOW + timedelta(milliseconds=1), Zeros())


def test_the_same_seed_and_clock_give_the_same_ids() -> None:
    """A run can be repeated exactly."""
    first, second = ([uuid7(NOW, source) for _ in range(5)] for source in (SeededEntropy(7), SeededEntropy(7)))
    assert first == second
    assert len(set(first)) == 5


def test_a_token_for_a_person_is_of_the_form_of_the_contracts_and_unlike_any_other() -> None:
    """26 letters and digits behind a p; ten thousand of them all differ."""
    entropy = SystemEntropy()
    tokens = {"p" + random_token(entropy) for _ in range(10_000)}
    assert len(tokens) == 10_000
    assert all(TypeAdapter(PersonRef).validate_python(token) == token for token in list(tokens)[:100])
    assert len({letter for token in tokens for letter in token[1:]}) == 36, "every letter and digit comes up"


def test_the_operating_systems_randomness_is_never_handed_out_twice() -> None:
    """Also across the edge of the pool, and for more than a pool at once."""
    entropy = SystemEntropy()
    taken = [entropy.bytes(1000) for _ in range(40)] + [entropy.bytes(20_000)]
    assert [len(part) for part in taken] == [1000] * 40 + [20_000]
    blocks = [part[i : i + 20] for part in taken for i in range(0, len(part), 20)]
    assert len(set(blocks)) == len(blocks)


def test_the_fixed_clock_moves_only_when_told() -> None:
    """And the system's clock tells aware UTC."""
    clock = FixedClock(NOW)
    assert clock.now() == clock.now() == NOW
    clock.advance(timedelta(seconds=5))
    assert clock.now() == NOW + timedelta(seconds=5)
    assert SystemClock().now().tzinfo is UTC
    assert re.fullmatch(r"[0-9a-f-]{36}", uuid7(SystemClock().now(), SystemEntropy()))
