"""The made-up people and facts of the demo, and what is said to become of each message."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from random import Random
from typing import Any

import pytest
from pydantic import ValidationError

from console.demo_data import (
    CHANGTU_GRANTED,
    CHANGTU_TOTAL_FEN,
    WINDOW_WORKERS,
    WRONG_KINDS,
    Labelled,
    changtu_2021,
    city,
    made_up_resident_id,
)
from contracts.intake import INTAKE_BYTES_MAX, parse
from contracts.resident_id import check_resident_id, looks_like_resident_id


class _Seal:
    """Stands for sealing: repeatable, of the right form, and remembers what was sealed."""

    def __init__(self) -> None:
        self.sealed: dict[str, Mapping[str, str]] = {}

    def __call__(self, identity: Mapping[str, str]) -> str:
        text = f"e30..AAAA.{len(self.sealed):08}.AAAA"
        self.sealed[text] = dict(identity)
        return text


def _city(seed: int = 1, workers: int = 1_500, **other: Any) -> tuple[list[Labelled], _Seal]:
    seal = _Seal()
    return list(city(seal, Random(seed), workers, **other)), seal


MESSAGES, SEAL = _city()
READABLE = [(json.loads(m.raw), m) for m in MESSAGES if m.expect != "parked"]


def test_the_same_seed_makes_the_same_facts_and_another_makes_others() -> None:
    """A run that failed can be run again."""
    assert _city(7, 200)[0] == _city(7, 200)[0]
    assert not {m.message_id for m in _city(7, 200)[0]} & {m.message_id for m in _city(8, 200)[0]}


def test_changtu_is_the_published_case() -> None:
    """46 applied: 10 excellent and 18 good are paid, 18 are not; 79,200 yuan in all."""
    facts = [json.loads(m.raw) for m in changtu_2021(_Seal(), Random(1))]
    kinds = Counter(fact["type"].split(".")[1] for fact in facts)
    ratings = Counter(fact["data"]["rating"] for fact in facts if "rating" in fact["data"])
    assert kinds == {"worker-registered": 46, "engagement-started": 46, "annual-rating-recorded": 46}
    assert (ratings["excellent"], ratings["good"], sum(ratings.values())) == (10, 18, 46)
    assert ratings["excellent"] + ratings["good"] == CHANGTU_GRANTED
    assert ratings["excellent"] * 360_000 + ratings["good"] * 240_000 == CHANGTU_TOTAL_FEN
    assert {fact["data"]["division"] for fact in facts if "division" in fact["data"]} == {"211224"}


def test_every_message_of_changtu_is_one_that_the_contract_takes() -> None:
    """And stands on its source's own subject, with an id of its own."""
    messages = list(changtu_2021(_Seal(), Random(2)))
    for message in messages:
        read = parse(message.raw)
        assert (read.id, read.source) == (message.message_id, message.source)
        assert message.subject == f"intake.{message.source}.registry.{read.type.split('.')[1]}"
    assert len({message.message_id for message in messages}) == len(messages)


def test_the_contract_refuses_what_is_said_to_be_wrong_and_takes_the_rest() -> None:
    """What only the registry can find (inside the seal, the source, the person's key) passes the contract."""
    found_later = {"bad-resident-id", "wrong-source", "plain-resident-id-as-key", "id-used-again"}
    told_wrong = []
    for message in MESSAGES:
        try:
            parse(message.raw)
            taken = True
        except ValidationError:
            taken = False
        expected = message.expect in ("accepted", "duplicate", "waiting") or message.kind in found_later
        if taken != expected and message.kind != "too-large":
            told_wrong.append(message.kind)
    assert told_wrong == []


def test_a_city_has_about_five_facts_a_worker_from_three_sources() -> None:
    """Between 4 and 7: people join and leave over the years."""
    assert 4 <= len(MESSAGES) / 1_500 <= 7
    assert {m.source for m in MESSAGES} == {"hr", "training", "appraisal"}
    assert all(m.subject.startswith(f"intake.{m.source}.registry.") for m in MESSAGES)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.2])
def test_the_share_of_wrong_messages_is_the_one_asked_for(share: float) -> None:
    """Of all messages, within a tenth."""
    messages, _ = _city(3, 1_000, wrong_share=share)
    wrong = sum(m.kind in WRONG_KINDS for m in messages)
    assert 0.9 * share <= wrong / len(messages) <= 1.1 * share


def test_every_way_of_being_wrong_occurs_and_large_ones_are_few() -> None:
    """With a tenth of wrong messages among those of 2,000 workers."""
    messages, _ = _city(4, 2_000, wrong_share=0.1)
    kinds = Counter(m.kind for m in messages)
    assert set(WRONG_KINDS) <= set(kinds)
    assert all(m.expect == WRONG_KINDS[m.kind][1] for m in messages if m.kind in WRONG_KINDS)
    large = [m for m in messages if len(m.raw) > INTAKE_BYTES_MAX]
    assert {m.kind for m in large} == {"too-large"}
    assert len(large) < 0.003 * len(messages)


def test_a_repeat_is_the_same_bytes_and_comes_after_the_first() -> None:
    """About one in a hundred."""
    first: dict[tuple[str, str], bytes] = {}
    repeats = 0
    for message in MESSAGES:
        key = (message.source, message.message_id)
        if message.kind == "duplicate":
            repeats += 1
            assert first[key] == message.raw
        elif message.kind == "id-used-again":
            assert first[key] != message.raw
        else:
            assert key not in first
            first[key] = message.raw
    assert 0.005 <= repeats / len(MESSAGES) <= 0.015


def test_facts_come_before_their_person_and_corrections_before_what_they_correct() -> None:
    """The disorder that the registry must bear: some of each, and most not."""
    at: dict[str, int] = {}
    keys: dict[str, int] = {}
    for place, (fact, message) in enumerate(READABLE):
        at.setdefault(message.message_id, place)
        person = fact["data"].get("person") if isinstance(fact["data"], dict) else None
        if message.kind == "worker-registered" and isinstance(person, dict):
            keys.setdefault(person["source_key"], place)
    early_facts = early_corrections = corrections = facts = 0
    for place, (fact, message) in enumerate(READABLE):
        if message.kind in ("fact-corrected", "fact-withdrawn"):
            corrections += 1
            early_corrections += at[(fact["data"].get("corrects") or fact["data"]["withdraws"])["id"]] > place
        elif message.kind == "annual-rating-recorded" and "source_key" in fact["data"]["person"]:
            facts += 1
            early_facts += keys[fact["data"]["person"]["source_key"]] > place
    assert 0 < early_corrections < 0.5 * corrections
    assert 0 < early_facts < 0.5 * facts


def test_every_accepted_fact_finds_its_person_and_every_correction_its_fact() -> None:
    """Else it would wait for ever, and not be accepted."""
    keys = {fact["data"]["person"]["source_key"] for fact, m in READABLE if m.kind == "worker-registered"}
    ids = {SEAL.sealed[f["data"]["person"]["identity"]]["resident_id"] for f, m in READABLE if m.kind == "worker-registered"}
    accepted = {(m.source, m.message_id) for _, m in READABLE if m.expect == "accepted"}
    for fact, message in READABLE:
        if message.expect == "accepted" and "person" in fact["data"]:
            person = fact["data"]["person"]
            assert person.get("source_key") in keys or SEAL.sealed[person["identity"]]["resident_id"] in ids
        elif message.expect == "accepted":
            assert (message.source, (fact["data"].get("corrects") or fact["data"]["withdraws"])["id"]) in accepted
        elif message.expect == "waiting":
            assert fact["data"]["person"]["source_key"] not in keys


def test_a_person_is_registered_once_with_an_id_and_a_key_of_their_own() -> None:
    """Every resident ID is valid and its place is one that no county has."""
    identities = [SEAL.sealed[f["data"]["person"]["identity"]] for f, m in READABLE if m.kind == "worker-registered"]
    ids = [identity["resident_id"] for identity in identities]
    assert len(set(ids)) == len(ids) >= 1_500
    assert {check_resident_id(each)[:6] for each in ids} == {"320199", "320198"}


def test_other_sources_name_people_by_the_key_of_hr_and_few_by_a_seal() -> None:
    """About 2 in 100 facts of training and appraisal."""
    ways = Counter("identity" if "identity" in f["data"]["person"] else f["data"]["person"].get("key_source")
                   for f, m in READABLE if m.source != "hr" and m.expect == "accepted" and "person" in f["data"])  # fmt: skip
    assert set(ways) == {"hr", "identity"}
    assert 0.01 <= ways["identity"] / ways.total() <= 0.035


def test_only_what_is_meant_to_leak_holds_a_resident_id() -> None:
    """Everything else has identity in the seal only."""
    leaking = {m.kind for m in MESSAGES if looks_like_resident_id(m.raw.decode(errors="replace"))}
    assert leaking <= {"plain-identity", "plain-resident-id-as-key"}
    assert leaking


def test_a_worker_has_one_rating_a_year_unless_a_contradiction_is_meant() -> None:
    """And it is recorded after its year, by the middle of the year after the last at the latest."""
    ratings: dict[tuple[str, int], list[str]] = defaultdict(list)
    for fact, message in READABLE:
        if message.kind in ("annual-rating-recorded", "contradiction") and message.expect == "accepted":
            person = fact["data"]["person"]
            who = person.get("source_key") or SEAL.sealed[person["identity"]]["resident_id"]
            ratings[who, fact["data"]["year"]].append(message.kind)
            assert fact["time"] < "2026-07"
    assert all(len(kinds) == 1 or "contradiction" in kinds for kinds in ratings.values())


def test_some_ratings_are_a_year_or_two_late() -> None:
    """A rating for 2023 that arrives in 2025 or 2026."""
    ratings = (fact for fact, message in READABLE if (message.kind, message.expect) == ("annual-rating-recorded", "accepted"))
    late = Counter(int(fact["time"][:4]) - fact["data"]["year"] for fact in ratings)
    assert late[1] > 10 * (late[2] + late[3])
    assert late[2] > 0
    assert late[3] > 0


def test_memory_holds_one_window_however_many_workers_there_are() -> None:
    """Ten million workers are begun, not held: the first message comes after one window's seals."""
    seal = _Seal()
    next(city(seal, Random(1), 10_000_000))
    assert len(seal.sealed) < 2 * WINDOW_WORKERS


@pytest.mark.parametrize("wrong", [{"years": ()}, {"years": (2023, 2025)}, {"wrong_share": 0.9}, {"workers": -1}])
def test_what_cannot_be_made_is_refused(wrong: dict[str, Any]) -> None:
    """At once, with the bounds."""
    with pytest.raises(ValueError, match=r"years|workers"):
        list(city(_Seal(), Random(1), **{"workers": 1, **wrong}))


def test_made_up_resident_ids_are_distinct_and_valid() -> None:
    """Over more than one turn of birth dates; the index has its bounds."""
    indexes = [*range(0, 60_000, 7), 13_985_999]
    assert len({check_resident_id(made_up_resident_id("320199", index)) for index in indexes}) == len(indexes)
    for index in (-1, 13_986_000):
        with pytest.raises(ValueError, match="index"):
            made_up_resident_id("320199", index)
