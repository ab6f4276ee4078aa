"""The parser of a message and its JSON Schema say the same, whatever is changed in a valid one.

``make test`` looks at some mutations of every schema, ``make assurance`` at all (``HONGLING_ASSURANCE_MUTATIONS`` of each).
"""

from __future__ import annotations

import os
import zlib
from collections import Counter

import pytest

from contracts.intake import FACT_TYPES, INTAKE_BYTES_MAX
from contracts.problems import CODES
from tests.contracts.samples import samples
from tests.contracts.verdicts import RULES, SCHEMAS, allows, differences, mutated, problems_in
from tests.mutator import Mutation, encoded

MUTATIONS = int(os.environ.get("HONGLING_ASSURANCE_MUTATIONS", "40"))
"""Of each schema; there are about 7,000."""
WORDED_THERE = {"too-large", "wrong-source", "not-canonical"}
"""Codes that ``eventlog.intake`` words itself, or that nobody is told."""


def chosen(name: str) -> list[Mutation]:
    """Evenly from all of them, for each schema from another one on."""
    found = list(mutated(name))
    step = max(1, len(found) // MUTATIONS)
    return found[zlib.crc32(name.encode()) % step :: step]


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_parser_and_schema_say_the_same(name: str) -> None:
    """Never is the parser laxer; stricter it is only by a rule that no JSON Schema can tell."""
    counted: Counter[str] = Counter()
    assert list(differences(name, chosen(name), lambda how: counted.update([how]))) == []
    print(f"{name}: {dict(counted)}")
    assert counted["refused by both"]
    assert counted["taken by both"]


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_what_is_mutated_is_valid_at_first(name: str) -> None:
    """By both; else nothing would be said by a refusal."""
    for sample in samples(name, SCHEMAS[name]):
        raw = encoded(sample)
        assert (allows(name, raw), problems_in(name, raw)) == (True, frozenset())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"year":1990', b'"year":true'),
        (b'"year":1990', b'"year":"1990"'),
        (b'"year":1990', b'"year":1990.5'),
        (b'"effectiveon":"2025-01-04"', b'"effectiveon":"2021-W09-1"'),
        (b'"effectiveon":"2025-01-04"', b'"effectiveon":"0000-01-01"'),
        (b'"time":"2025-01-05T08:00:00Z"', b'"time":"20210301"'),
        (b'"time":"2025-01-05T08:00:00Z"', b'"time":"2016-12-31T23:59:60Z"'),
        (b'"time":"2025-01-05T08:00:00Z"', b'"time":"2025-01-05t08:00:00z"'),
        (b'"source":"hr"', b'"source":"hr\\n"'),
    ],
)
def test_both_refuse_what_means_something_else(old: bytes, new: bytes) -> None:
    """Examples of what was once taken by one of them."""
    name = "intake.annual-rating-recorded.v1"
    *_, sample = samples(name, SCHEMAS[name])
    raw = encoded(sample)
    assert old in raw
    assert not allows(name, raw.replace(old, new))
    assert problems_in(name, raw.replace(old, new))


@pytest.mark.parametrize("written", [b"2024.0", b"2.024e3", b"2024E0", b"20240e-1"])
def test_both_take_a_whole_number_however_it_is_written(written: bytes) -> None:
    """For JSON Schema 2024.0 is an integer, and libraries of spreadsheets write it so."""
    name = "intake.annual-rating-recorded.v1"
    *_, sample = samples(name, SCHEMAS[name])
    raw = encoded(sample).replace(b'"year":1990', b'"year":' + written)
    assert (allows(name, raw), problems_in(name, raw)) == (True, frozenset())


def test_every_rule_beyond_the_schema_has_its_words() -> None:
    """A code of its own, in both languages: ``bad-value`` would not say what to mend."""
    assert RULES.keys() - WORDED_THERE <= CODES.keys()
    assert "bad-value" not in RULES


def test_a_rule_of_bytes_is_told_by_the_parser_only() -> None:
    """The schema sees a value; how large it was written, and what stood in it twice, it cannot see."""
    name = sorted(FACT_TYPES)[0]
    raw = encoded(next(samples(name, SCHEMAS[name])))
    for changed, code in (
        (raw + b" " * INTAKE_BYTES_MAX, "too-large"),
        (raw.replace(b'"id":', b'"id":"m-0","id":'), "duplicate-key"),
    ):
        assert allows(name, changed)
        assert problems_in(name, changed) == {code}
