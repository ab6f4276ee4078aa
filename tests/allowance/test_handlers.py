"""What becomes of registry events, policies and an operator's acts here; and recalculations that survive."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.allowance import EntitlementAdjusted, EntitlementDecided, FactHeard, PolicyPublished
from contracts.particulars import (
    CertificateChange,
    CheckedItem,
    InspectionResult,
    Particulars,
    Recognition,
    RegistrationStatus,
    Transfer,
)
from eventlog import schema
from eventlog.bounds import SourceBounds
from eventlog.database import Database
from eventlog.desk import Item
from eventlog.heard import gaps
from eventlog.log import partition_of
from services.allowance import handlers as module
from services.allowance.decider import Hear
from services.allowance.decider import decide as real_decide
from services.allowance.handlers import RegistryEvents
from services.allowance.views import EntitlementView, entitlement, entitlement_payer, statement, worker
from tests.allowance.bench import AllowanceBench as Bench
from tests.allowance.example import CHANGTU, hear, policy_text, registered
from tests.allowance.histories import histories
from tests.eventlog.fakes import FakeIncoming
from tests.support import RegistryBench, event_id, run, sealed
from tests.telling import as_told

YEAR = 2021


@pytest.fixture
def bench(database: Database) -> Bench:
    return Bench(database)


@pytest.fixture
def lite(sqlite_url: str, open_database: Callable[[str], Database]) -> Bench:
    return Bench(open_database(sqlite_url))


def engaged(registry: RegistryBench, key: str, id: str) -> Item:
    data = {"person": {"source_key": key}, "engagement": f"e-{key}", "category": "secretary", "unit": "u", "post": "p"}
    return registry.message("engagement-started", data, id=id, on="2020-06-01")


PEOPLE = 4


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryBench]:
    """A registry that was told about four workers, of whom one was rated wrong and corrected, and of one rating withdrawn."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('registry') / 'log.db'}")
    made = RegistryBench(database)
    for n in range(1, PEOPLE + 1):
        key = f"w-{n}"
        made.settle(made.registers(n, id=f"reg-{n}", key=key, on="2020-06-01"), engaged(made, key, f"start-{n}"),
                    made.rates(YEAR, "excellent", id=f"rate-{n}", person={"source_key": key}, on="2022-01-10"))  # fmt: skip
    made.settle(made.corrects("rate-2", {"kind": "rating", "year": YEAR, "rating": "competent"}, id="fix-2", on="2022-01-10"))
    made.settle(made.withdraws("rate-3", id="gone-3", on="2022-01-10"))
    made.settle(Item("intake.hr.registry.annual-rating-recorded", b"not json", 999))
    yield made
    database.close()


@pytest.fixture(scope="module")
def told(registry: RegistryBench) -> list[Item]:
    """Its events as they stand on the stream: 12 facts, a correction, a withdrawal, and one parked message."""
    items = registry.stream_items()
    assert len(items) == 3 * PEOPLE + 3
    return items


@pytest.fixture(scope="module")
def refs(registry: RegistryBench) -> list[str]:
    """The four people's references."""
    found = {r.id: r.person_ref for r in registry.receipts}
    return [str(found[f"reg-{n}"]) for n in range(1, PEOPLE + 1)]


@pytest.fixture(scope="module")
def expected(refs: list[str]) -> dict[tuple[str, int], int]:
    return {(refs[0], YEAR): 100_000, (refs[1], YEAR): 50_001, (refs[2], YEAR): 0, (refs[3], YEAR): 100_000}


# --- hearing ------------------------------------------------------------------------------------------------------------


def test_registry_events_are_recorded_and_decided_on(
    bench: Bench, told: list[Item], expected: dict[tuple[str, int], int]
) -> None:
    """Facts in our own log with their cause, decisions behind them, and the read models in the same transaction."""
    bench.publish(policy_text())
    bench.hear(*told)
    assert bench.owed() == expected
    heard = [e for e in bench.events if isinstance(e.event, FactHeard)]
    assert len(heard) == 3 * PEOPLE + 2, "the registry's parked message is nobody's fact"
    assert all(e.causation_id == e.event.payload()["heard"] for e in heard)
    granted = next(e for e in bench.events if isinstance(e.event, EntitlementDecided))
    assert granted.effective_on == f"{YEAR}-12-31"
    assert len(bench.rows(worker)) == PEOPLE
    assert {e.stream for e in heard} == {f"worker-{row.person_ref}" for row in bench.rows(worker)}


def test_the_read_models_are_the_last_decisions(bench: Bench, told: list[Item]) -> None:
    """Amounts, payers and how often a year was decided; the statement of the city adds them up."""
    bench.publish(policy_text())
    bench.hear(*told)
    last = {(d.person_ref, d.decision.year): d.decision for d in bench.decided()}
    assert bench.owed() == {key: decision.amount_fen for key, decision in last.items()}
    paid = {(r.person_ref, r.year, r.payer): r.amount_fen for r in bench.rows(entitlement_payer)}
    assert paid == {(*key, p.payer): p.amount_fen for key, decision in last.items() for p in decision.payers}
    assert sorted(row.decisions for row in bench.rows(entitlement)) == [1, 1, 2, 2]
    with bench.log.database.read.connect() as connection:
        assert statement(connection, "320100", YEAR) == {
            "division": "320100", "year": YEAR, "granted": 3, "denied": 1, "total_fen": 250_001, "adjusted": 2,
            "by_payer": [{"payer": "city", "total_fen": 150_000}, {"payer": "county", "total_fen": 100_001}],
            "by_purse": [
                {"payer": "city", "purse": "320100", "total_fen": 150_000},
                {"payer": "county", "purse": "320102", "total_fen": 100_001},
            ],
        }  # fmt: skip
        assert statement(connection, "330000", YEAR)["total_fen"] == 0


def test_an_event_that_comes_twice_is_recorded_once(bench: Bench, told: list[Item]) -> None:
    """In the same batch and in a later one: nothing is written at all."""
    bench.hear(*told, *told)
    before = bench.events
    bench.hear(*told)
    assert bench.events == before


def test_an_event_from_beyond_a_gap_waits_for_the_missing_one(
    bench: Bench, told: list[Item], registry: RegistryBench, expected: dict[tuple[str, int], int]
) -> None:
    """The gap is reported by name; when the missing event comes everything behind it is handled, in order."""
    bench.publish(policy_text())
    missing = told[0]
    bench.hear(*told[1:])
    first = registry.events[0]
    with bench.log.database.read.connect() as connection:
        assert gaps(connection, "registry") == [{"partition": first.partition, "heard": 0, "missing": 1}]
    assert partition_of(first.stream) == first.partition
    assert f"worker-{first.event.payload()['person_ref']}" not in {e.stream for e in bench.events}
    bench.hear(missing)
    with bench.log.database.read.connect() as connection:
        assert gaps(connection, "registry") == []
    assert bench.owed() == expected


_files = count()


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_any_order_repetition_and_batching_ends_in_the_same_amounts(
    tmp_path: Path, told: list[Item], expected: dict[tuple[str, int], int], data: st.DataObject
) -> None:
    """And the policy may come at any moment among them."""
    bench = Bench(Database(f"sqlite:///{tmp_path}/{next(_files)}.db"))
    order = data.draw(st.permutations([*told, *data.draw(st.lists(st.sampled_from(told), max_size=5))]))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(order)), max_size=5)))
    published_after = data.draw(st.integers(0, len(cuts)))
    for turn, (start, end) in enumerate(zip([0, *cuts], [*cuts, len(order)], strict=True)):
        bench.hear(*order[start:end])
        if turn == published_after:
            bench.publish(policy_text())
    assert {key: fen for key, fen in bench.owed().items() if fen} == {key: fen for key, fen in expected.items() if fen}
    total = sum(d.difference_fen for d in bench.decided())
    assert total == sum(expected.values())
    by_payer = sum(p.amount_fen for d in bench.decided() for p in d.differences)
    assert by_payer == total
    bench.log.database.close()


REFS = tuple(f"p{n:026d}" for n in range(2))


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(one=histories(ref=REFS[0]), other=histories(first=40, ref=REFS[1]), data=st.data())
def test_every_kind_of_fact_in_any_order_and_batching_ends_in_the_same_amounts(
    tmp_path: Path, one: list[Hear], other: list[Hear], data: st.DataObject
) -> None:
    """Certificates and what becomes of them, closings, moves and withdrawals of two workers, as they stand on the stream."""
    items = as_told([*one, *other])
    plain, mixed = (Bench(Database(f"sqlite:///{tmp_path}/{next(_files)}.db")) for _ in range(2))
    plain.publish(policy_text(certificate=True))
    plain.hear(*items)
    order = data.draw(st.permutations([*items, *data.draw(st.lists(st.sampled_from(items), max_size=5))]))
    cut = data.draw(st.integers(0, len(order)))
    mixed.hear(*order[:cut])
    mixed.publish(policy_text(certificate=True))
    mixed.hear(*order[cut:])
    assert {key: fen for key, fen in mixed.owed().items() if fen} == {key: fen for key, fen in plain.owed().items() if fen}
    assert sum(d.difference_fen for d in mixed.decided()) == sum(plain.owed().values())
    for bench in (plain, mixed):
        bench.log.database.close()


@pytest.mark.parametrize(
    "says",
    [
        Transfer(key="t1", division="320104", serving_unit="u"),
        RegistrationStatus(key="s1", status="closed", reason="retired"),
        RegistrationStatus(key="s2", status="reopened", reason="returned"),
        CertificateChange(key="k1", number="c1", change="downgraded", grade="junior", reason="made up"),
        Recognition(number="c1", division="320500"),
        InspectionResult(year=YEAR, outcome="passed", checked=(CheckedItem(item="file_complete", in_order=True),)),
    ],
    ids=lambda says: says.kind,
)
def test_each_new_kind_of_fact_is_recorded_as_it_was_told(bench: Bench, says: Particulars) -> None:
    """On the stream, in our own log, and read back from it."""
    bench.hear(*as_told([registered(), hear(2, says)]))
    heard = [e.event for e in bench.events if isinstance(e.event, FactHeard)]
    assert [event.particulars for event in heard] == [registered().particulars, says]
    assert [slot.slot for slot in heard[1].standings] == [says.slot("hr")]


def test_our_history_replays_without_the_registry(bench: Bench, told: list[Item]) -> None:
    """A second instance that knows the log alone hears the next event and decides the same as one that heard it all."""
    bench.publish(policy_text())
    bench.hear(*told[:8])
    fresh = RegistryEvents(bench.log, wake=lambda: None)
    fresh.settle(told[8:])
    bench.hear(*told)
    assert sum(d.difference_fen for d in bench.decided()) == 250_001
    assert [e.position for e in bench.events] == list(range(1, len(bench.events) + 1))


# --- parked -------------------------------------------------------------------------------------------------------------


class Poison:
    """A rule that fails for one person's n-th event, until it is mended."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *heard: str) -> None:
        self.heard = set(heard)
        monkeypatch.setattr(module, "decide", self)

    def __call__(self, command: Any, state: Any, policies: Any) -> Any:
        named = command.heard if isinstance(command, Hear) else command.person_ref
        if named in self.heard:
            raise ZeroDivisionError("a rule failed")
        return real_decide(command, state, policies)


@pytest.mark.parametrize("together", [True, False])
def test_a_rule_that_fails_parks_one_persons_stream_and_nobody_elses(
    lite: Bench, told: list[Item], registry: RegistryBench, expected: dict[tuple[str, int], int], refs: list[str],
    monkeypatch: pytest.MonkeyPatch, together: bool,
) -> None:  # fmt: skip
    """From that event on, in order; the source is told; the others are decided."""
    lite.publish(policy_text())
    second = registry.events[1]
    Poison(monkeypatch, second.event_id)
    if together:
        lite.hear(*told)
    else:
        for item in told:
            lite.hear(item)
    assert lite.owed() == {key: fen for key, fen in expected.items() if key[0] != refs[0]}
    assert lite.parked() == [(second.event_id, "rule-failed"), (registry.events[2].event_id, "behind-parked")]
    assert [o for o in lite.outcomes if o[1] == "parked"] == [
        ("start-1", "parked", ["rule-failed"]),
        ("rate-1", "parked", ["behind-parked"]),
    ]


def test_a_retry_goes_on_in_order_once_the_rule_is_mended(
    lite: Bench,
    told: list[Item],
    registry: RegistryBench,
    expected: dict[tuple[str, int], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Everything behind it too; afterwards the person goes on like everybody."""
    lite.publish(policy_text())
    poison = Poison(monkeypatch, registry.events[1].event_id)
    lite.hear(*told)
    poison.heard.clear()
    lite.operates("retry", lite.rows(schema.parked)[0].parked_id)
    assert lite.parked() == []
    assert lite.owed() == expected
    heard = [e.event.payload()["position"] for e in lite.events if isinstance(e.event, FactHeard) and e.event.position <= 3]
    assert heard == [1, 2, 3]
    assert [e.type for e in lite.events].count("operations.parked-retried.v1") == 1


def test_events_that_were_published_again_are_retried_in_their_own_order(
    lite: Bench, told: list[Item], registry: RegistryBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where they stand on the stream says nothing then: the reconciler puts what was lost behind what came later."""
    poison = Poison(monkeypatch, registry.events[1].event_id)
    lite.hear(*(replace(item, sequence=1_000 - item.sequence) for item in told))
    poison.heard.clear()
    lite.operates("retry", lite.rows(schema.parked)[0].parked_id)
    heard = [e.event.payload()["position"] for e in lite.events if isinstance(e.event, FactHeard) and e.event.position <= 3]
    assert heard == [1, 2, 3]


def test_a_retry_that_fails_again_leaves_those_behind_it_where_they_are(
    lite: Bench, told: list[Item], registry: RegistryBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing overtakes the event that failed."""
    Poison(monkeypatch, registry.events[1].event_id)
    lite.hear(*told)
    before = lite.parked()
    lite.operates("retry", lite.rows(schema.parked)[0].parked_id)
    assert lite.parked() == before


def test_a_parked_event_that_comes_again_is_not_parked_again(
    lite: Bench, told: list[Item], registry: RegistryBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was heard; it waits for the operator."""
    Poison(monkeypatch, registry.events[1].event_id)
    lite.hear(*told)
    before = lite.parked()
    lite.hear(*told)
    assert lite.parked() == before


def test_a_discarded_event_frees_the_person(
    lite: Bench, told: list[Item], registry: RegistryBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The act is recorded and the bytes are gone."""
    Poison(monkeypatch, registry.events[1].event_id)
    lite.hear(*told[:2])
    lite.operates("discard", lite.rows(schema.parked)[0].parked_id)
    assert lite.parked() == []
    assert lite.events[-1].type == "operations.parked-discarded.v1"
    lite.hear(told[2])
    assert lite.parked() == []


def test_an_event_of_another_language_is_parked(lite: Bench, told: list[Item]) -> None:
    """Its envelope is fine, its data are not what the registry publishes."""
    value = json.loads(told[0].raw)
    value["data"]["particulars"] = {"kind": "salary"}
    lite.hear(replace(told[0], raw=json.dumps(value).encode()))
    assert [code for _, code in lite.parked()] == ["incoherent-event"]


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("fact", event_id(404)),
        ("slot", "rating/soon"),
        ("slot", "engagement-start"),
        ("slot", "rating/2024/" + "x" * 160),
    ],
)
def test_an_event_that_leans_on_what_was_never_told_is_parked(lite: Bench, told: list[Item], field: str, said: str) -> None:
    """It was taken once, and everything that came about the person later was parked in its place. Others go on."""
    value = json.loads(told[0].raw)
    value["data"]["standings"][0][field] = said
    lite.hear(replace(told[0], raw=json.dumps(value).encode()), *told[1:])
    assert [code for _, code in lite.parked() if code != "behind-parked"] == ["incoherent-event"]
    others = {json.loads(item.raw)["data"].get("person_ref") for item in told} - {value["data"]["person_ref"], None}
    assert {e.event.person_ref for e in lite.events if isinstance(e.event, FactHeard)} == others


def test_an_event_about_nobody_is_parked(lite: Bench, told: list[Item]) -> None:
    """A token that no column holds costs neither the service nor anybody else."""
    value = json.loads(told[0].raw)
    value["data"]["person_ref"] = "p" * 70_000
    lite.hear(replace(told[0], raw=json.dumps(value).encode()))
    assert [code for _, code in lite.parked()] == ["incoherent-event"]


def test_what_is_no_event_is_parked_and_the_others_go_on(lite: Bench, told: list[Item]) -> None:
    """Somebody wrote nonsense onto the registry's stream."""
    lite.hear(Item("registry.00.x", b"nonsense", 77), *told)
    assert lite.parked() == [("seq-77", "not-an-event")]
    assert sum(isinstance(e.event, FactHeard) for e in lite.events) == 3 * PEOPLE + 2


def test_what_is_no_event_is_parked_once(lite: Bench) -> None:
    """Also when it is delivered again, because the acknowledgement was lost."""
    for _ in range(2):
        lite.hear(Item("registry.00.x", b"nonsense", 77))
    assert lite.parked() == [("seq-77", "not-an-event")]


def test_the_handler_settles_what_the_consumer_hands_over(lite: Bench, told: list[Item]) -> None:
    """Both handlers, as the consumer calls them."""
    run(lite.events_handler.handle([FakeIncoming(i.raw, [], i.subject, i.sequence) for i in told]))
    policy = lite.publishes(policy_text())
    run(lite.intake.handle([FakeIncoming(policy.raw, [], policy.subject, policy.sequence)]))
    assert len(lite.rows(worker)) == PEOPLE
    assert lite.waiting() == 1


# --- ratings outside the vocabulary ---------------------------------------------------------------------------------------


def test_a_rating_outside_the_vocabulary_is_answered_with_waiting(
    lite: Bench, tmp_path: Path, open_database: Callable[[str], Database]
) -> None:
    """The fact is kept and nothing is paid; its source learns that the policy has no such word. A correction settles it."""
    lite.publish(policy_text())
    registry = RegistryBench(open_database(f"sqlite:///{tmp_path}/registry.db"))
    registry.settle(registry.registers(1, on="2020-06-01"), engaged(registry, "w-1", "start-1"),
                    registry.rates(YEAR, "superb", on="2022-01-10"))  # fmt: skip
    lite.hear(*registry.stream_items())
    [answer] = [r for r in lite.receipts if r.id == "rate-1"]
    rating = registry.events[2]
    assert (answer.outcome, answer.source, answer.service, answer.events) == ("waiting", "hr", "allowance", (rating.event_id,))
    assert [(p.field, p.code) for p in answer.problems] == [("data.rating", "rating-unknown")]
    assert answer.waiting_for
    assert list(lite.owed().values()) == [0]
    after = len(registry.events)
    registry.settle(registry.corrects("rate-1", {"kind": "rating", "year": YEAR, "rating": "excellent"}, on="2022-01-10"))
    lite.hear(*registry.stream_items(after=after))
    assert list(lite.owed().values()) == [100_000]
    assert [r.id for r in lite.receipts if r.outcome == "waiting"] == ["rate-1"]


# --- ratings of a source without authority --------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["training", "appraisal"])
def test_what_is_owed_goes_by_the_rating_of_who_has_the_authority(
    lite: Bench, tmp_path: Path, open_database: Callable[[str], Database], first: str
) -> None:
    """Whichever rating comes first, and with a clock that runs ahead: what stands is the registry's word."""
    lite.publish(policy_text())
    bounds = {"appraisal": SourceBounds(authority=frozenset({"rating"}))}
    registry = RegistryBench(open_database(f"sqlite:///{tmp_path}/registry.db"), known=bounds)
    registry.settle(registry.registers(1, on="2020-06-01"), engaged(registry, "w-1", "start-1"))
    person = {"source_key": "w-1", "key_source": "hr"}
    said = {"appraisal": ("competent", "2026-02-28T08:00:00Z"), "training": ("excellent", "2026-03-01T00:03:20Z")}
    for source in (first, *(said.keys() - {first})):
        word, time = said[source]
        registry.settle(registry.rates(YEAR, word, id=f"{source}-1", source=source, person=person, on="2022-01-10", time=time))
    lite.hear(*registry.stream_items())
    assert list(lite.owed().values()) == [50_001]


# --- policies ---------------------------------------------------------------------------------------------------------------


def test_a_policy_is_recorded_byte_for_byte(bench: Bench) -> None:
    """With what was read from it, effective from its own first day, and a recalculation to come."""
    bench.intake.settle([bench.publishes(CHANGTU)])
    [event] = bench.events
    assert isinstance(event.event, PolicyPublished)
    assert event.event.text == CHANGTU
    assert event.event.text_sha256 == hashlib.sha256(CHANGTU.encode()).hexdigest()
    assert (event.event.document.document, event.effective_on, event.actor) == ("changtu-2021", "2021-01-01", "policy")
    assert bench.outcomes == [("policy-1", "accepted", [])]
    assert bench.receipts[0].events == (event.event_id,)
    assert bench.waiting() == 1


def test_a_policy_that_makes_no_sense_is_refused_with_its_places(bench: Bench) -> None:
    """Line and column of each problem; nothing is recorded."""
    bench.intake.settle(
        [
            bench.publishes("document: [", "p-1"),
            bench.publishes(policy_text().replace("remainder: county", "remainder: province"), "p-2"),
        ]
    )
    assert [(i, outcome) for i, outcome, _ in bench.outcomes] == [("p-1", "refused"), ("p-2", "refused")]
    for receipt in bench.receipts:
        assert receipt.problems
        assert all(p.field.startswith("data.text:") and p.remedy for p in receipt.problems)
    assert (bench.events, bench.waiting()) == ([], 0)


def test_a_document_is_published_once_in_each_revision(bench: Bench) -> None:
    """The same revision again is refused, the next one is taken."""
    bench.intake.settle(
        [
            bench.publishes(policy_text(), "p-1"),
            bench.publishes(policy_text(excellent=1), "p-2"),
            bench.publishes(policy_text(revision=2), "p-3"),
        ]
    )
    assert bench.outcomes == [("p-1", "accepted", []), ("p-2", "refused", ["policy-exists"]), ("p-3", "accepted", [])]
    assert [e.version for e in bench.events] == [1, 2]


def test_a_policy_message_again_gets_its_answer_again(bench: Bench) -> None:
    """A redelivery is silent, a repeat is answered, and another text under the same id is refused."""
    first = bench.publishes(policy_text())
    bench.intake.settle([first, first, replace(first, sequence=50), bench.publishes(policy_text(revision=2))])
    assert bench.outcomes == [
        ("policy-1", "accepted", []),
        ("policy-1", "accepted", []),
        ("policy-1", "refused", ["id-reused"]),
    ]
    assert [r.repeated for r in bench.receipts] == [False, True, False]
    assert len(bench.events) == 1


def test_unreadable_intake_is_answered_here_too(bench: Bench) -> None:
    """Like at the registry."""
    bench.intake.settle([Item("intake.policy.allowance.policy-published", b"{", 5)])
    assert bench.outcomes == [("seq-5", "parked", ["not-json"])]


def test_plain_identity_sent_to_this_service_is_given_up_for_erasure(lite: Bench) -> None:
    """As the registry does it; settle returns the sequences."""
    plain = lite.message("policy-published", {"text": "x", "name": "虚构人物"}, id="p-1", source="policy")
    found: Any = lite.intake.settle([plain])
    assert found == [plain.sequence]


# --- recalculation ----------------------------------------------------------------------------------------------------------


def test_a_policy_that_comes_later_decides_for_everybody(
    bench: Bench, told: list[Item], expected: dict[tuple[str, int], int], refs: list[str]
) -> None:
    """Facts first, policy afterwards; each decision names the policy's event as its cause."""
    bench.hear(*told)
    assert bench.owed() == {}
    bench.publish(policy_text())
    assert bench.owed() == {key: fen for key, fen in expected.items() if fen}
    published = bench.events[3 * PEOPLE + 2]
    assert {e.causation_id for e in bench.events if isinstance(e.event, EntitlementDecided)} == {published.event_id}
    assert bench.waiting() == 0


def test_a_policy_with_effect_for_the_past_adjusts_everybody(bench: Bench, told: list[Item], refs: list[str]) -> None:
    """By the differences, and only those whom it concerns."""
    bench.publish(policy_text())
    bench.hear(*told)
    before = len(bench.decided())
    bench.publish(policy_text(revision=2, excellent=130_000), "policy-2")
    new = bench.decided()[before:]
    assert {d.person_ref: d.difference_fen for d in new} == {refs[0]: 30_000, refs[1]: 0, refs[3]: 30_000} | (
        {refs[2]: 0} if refs[2] in {d.person_ref for d in new} else {}
    )
    assert all(isinstance(d, EntitlementAdjusted) and d.because == bench.events[-len(new) - 1].event_id for d in new)


def test_a_recalculation_survives_a_crash_between_two_pages(
    bench: Bench, told: list[Item], expected: dict[tuple[str, int], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new object goes on after the last page that was done; nobody is decided twice or left out."""
    monkeypatch.setattr(module, "RECALCULATION_PAGE", 1)
    bench.hear(*told)
    bench.intake.settle([bench.publishes(policy_text())])
    assert bench.recalculating.step()
    assert bench.recalculating.step()
    assert len(bench.owed()) < 3
    bench.recalculating = bench.new_recalculation()
    assert bench.recalculate() == PEOPLE - 2 + 1, "the pages that were left, and the one that finds nobody"
    assert bench.owed() == {key: fen for key, fen in expected.items() if fen}
    assert len(bench.decided()) == 3
    assert bench.waiting() == 0


def test_a_crash_in_the_middle_of_a_page_repeats_the_page(
    bench: Bench, told: list[Item], expected: dict[tuple[str, int], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Decisions and progress are committed together."""
    bench.hear(*told)
    bench.intake.settle([bench.publishes(policy_text())])

    def crash(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(EntitlementView, "apply", crash)
        with pytest.raises(KeyboardInterrupt):
            bench.recalculating.step()
    assert (bench.owed(), bench.waiting()) == ({}, 1)
    bench.recalculating = bench.new_recalculation()
    bench.recalculate()
    assert bench.owed() == {key: fen for key, fen in expected.items() if fen}


def test_two_policies_at_once_are_both_recalculated(bench: Bench, told: list[Item], refs: list[str]) -> None:
    """The second waits for the first, and in the end everybody is decided under both."""
    bench.hear(*told)
    bench.intake.settle(
        [bench.publishes(policy_text(), "p-1"), bench.publishes(policy_text(revision=2, excellent=130_000), "p-2")]
    )
    assert bench.waiting() == 2
    bench.recalculate()
    assert bench.waiting() == 0
    assert bench.owed()[refs[0], YEAR] == 130_000


def test_a_fact_and_a_policy_at_the_same_moment_end_in_the_same_amounts(
    bench: Bench, told: list[Item], expected: dict[tuple[str, int], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The policy is published between reading and appending: the batch is decided again, under the new policy."""
    real = bench.log.append
    left = [lambda: bench.intake.settle([bench.publishes(policy_text())])]

    def append(*args: Any, **more: Any) -> Any:
        if left:
            left.pop()()
        return real(*args, **more)

    monkeypatch.setattr(bench.log, "append", append)
    bench.hear(*told)
    assert bench.owed() == expected
    first = next(e for e in bench.events if isinstance(e.event, PolicyPublished))
    assert first.position == 1


def test_a_person_whose_stream_stands_still_is_left_out_until_it_goes_on(
    lite: Bench, told: list[Item], registry: RegistryBench, refs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are decided; after the retry the person is, under the policies of then."""
    poison = Poison(monkeypatch, registry.events[2].event_id)
    lite.hear(*told)
    lite.publish(policy_text())
    assert (refs[0], YEAR) not in lite.owed()
    assert lite.owed()[refs[3], YEAR] == 100_000
    poison.heard.clear()
    lite.operates("retry", lite.rows(schema.parked)[0].parked_id)
    assert lite.owed()[refs[0], YEAR] == 100_000


def test_a_policy_that_was_missed_while_the_stream_stood_still_is_made_up_for(
    lite: Bench, told: list[Item], registry: RegistryBench, refs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The parked event was about another year than the one that the policy adjusts."""
    lite.publish(policy_text())
    lite.hear(*told)
    more = registry.rates(2022, "competent", id="rate-1-2022", person={"source_key": "w-1"}, on="2023-01-10")
    after = len(registry.events)
    registry.settle(more)
    last = registry.events[-1]
    poison = Poison(monkeypatch, last.event_id)
    lite.hear(*registry.stream_items(after=after))
    lite.publish(policy_text(revision=2, excellent=130_000), "policy-2")
    poison.heard.clear()
    lite.operates("retry", lite.rows(schema.parked)[0].parked_id)
    assert lite.owed()[refs[0], YEAR] == 130_000


def test_a_rule_that_fails_in_a_recalculation_stops_one_person_and_nobody_else(
    lite: Bench, told: list[Item], refs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it does when hearing."""
    lite.hear(*told)
    Poison(monkeypatch, refs[0])
    lite.publish(policy_text())
    assert set(lite.owed()) == {(refs[1], YEAR), (refs[3], YEAR)}


def test_sealed_identity_never_reaches_this_log(lite: Bench, told: list[Item]) -> None:
    """What the registry's events carry encrypted is not even kept."""
    assert b"identity" in told[0].raw
    lite.hear(*told)
    assert not any("identity" in e.data for e in lite.events)
    assert sealed(1).split(".")[0] not in "".join(e.data for e in lite.events)
    assert event_id(1) not in {e.event_id for e in lite.events}
