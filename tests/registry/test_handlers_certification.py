"""Certification from intake bytes to receipts: every step, early and late, in one batch and in many, on both databases."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import count, permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.registry import CertificationApplied, CertificationStandardPublished, EligibilityReviewed
from eventlog import schema
from eventlog.database import Database
from eventlog.desk import Item
from services.registry.numbers import certificate_number
from services.registry.views import application, due
from tests.support import RegistryBench, resident_id, sealed

TEXT = (Path(__file__).parents[2] / "standards" / "example-certification.yaml").read_text(encoding="utf-8")
OTHER = TEXT.replace("notice_working_days: 3", "notice_working_days: 5")
KEY = {"source_key": "w-1"}
NUMBER = certificate_number("320102", 2025, 1)


@pytest.fixture
def bench(sqlite_url: str, open_database: Callable[[str], Database]) -> RegistryBench:
    return RegistryBench(open_database(sqlite_url))


def standard(bench: RegistryBench, text: str = TEXT, id: str = "std-1") -> Item:
    return bench.message("certification-standard-published", {"text": text}, id=id, source="policy", on="2025-01-01")


def step(bench: RegistryBench, fact: str, on: str, id: str | None = None, **data: Any) -> Item:
    """A step of application ``a1`` of the person with key ``w-1``; its id is the fact's name, if not said."""
    source, person = data.pop("source", "hr"), data.pop("person", KEY)
    return bench.message(fact, {"person": person, "application": "a1"} | data, id=id or fact, on=on, source=source)


def worker(bench: RegistryBench) -> list[Item]:
    engaged = {"person": KEY, "engagement": "e1", "category": "secretary", "unit": "u", "post": "p"}
    return [
        standard(bench),
        bench.registers(on="2020-01-06"),
        bench.message("engagement-started", engaged, id="start-1", on="2020-02-01"),
    ]


def stages(bench: RegistryBench) -> list[Item]:
    """All five, without the deadline: the notice ends on 18 February 2025."""
    findings = [{"criterion": "trained", "hours": 30}, {"criterion": "recommended", "confirmed": True}]
    return [
        step(bench, "certification-applied", "2025-02-03", grade="junior", issuer="320102"),
        step(bench, "eligibility-reviewed", "2025-02-05", findings=findings),
        step(bench, "training-tested", "2025-02-10", hours=24, score=60),
        step(bench, "panel-reviewed", "2025-02-12", scores=[60, 70, 80]),
        step(bench, "notice-opened", "2025-02-13"),
    ]


def objection(bench: RegistryBench, on: str = "2025-02-14") -> Item:
    return step(bench, "objection-raised", on, objection="o1", grounds="made up")


def resolution(bench: RegistryBench, outcome: str = "dismissed", on: str = "2025-02-20") -> Item:
    return step(bench, "objection-resolved", on, objection="o1", outcome=outcome, finding="made up")


def types(bench: RegistryBench) -> list[str]:
    return [e.type.split(".")[1] for e in bench.events]


def outcomes_of(bench: RegistryBench, id: str) -> list[str]:
    return [outcome for name, outcome in bench.outcomes if name == id]


# --- standards --------------------------------------------------------------------------------------------------------


def test_a_standard_is_published_and_judges_what_is_applied_for_in_the_same_batch(database: Database) -> None:
    bench = RegistryBench(database)
    bench.settle(*worker(bench), *stages(bench)[:1])
    published, *_, applied = bench.events
    assert isinstance(published.event, CertificationStandardPublished)
    assert (published.stream, published.version, published.effective_on) == ("standards", 1, "2025-01-01")
    assert published.event.text == TEXT
    assert isinstance(applied.event, CertificationApplied)
    assert applied.event.standard.event == published.event_id


def test_a_standard_that_cannot_be_read_is_refused_at_its_line_and_column(bench: RegistryBench) -> None:
    bench.settle(standard(bench, TEXT.replace("notice_working_days: 3", "notice_working_days: none")))
    [receipt] = bench.receipts
    assert (receipt.outcome, len(receipt.problems)) == ("refused", 1)
    line = next(n for n, text in enumerate(TEXT.splitlines(), 1) if "notice_working_days: 3" in text)
    assert receipt.problems[0].field.startswith(f"data.text:{line}:")
    assert bench.events == []


def test_a_document_is_published_once_in_each_revision(bench: RegistryBench) -> None:
    """In the same batch and in another; the same again stands already."""
    bench.settle(standard(bench), standard(bench, OTHER, id="std-2"), standard(bench, id="std-5"))
    bench.settle(standard(bench, OTHER, id="std-3"), standard(bench, "revision: 2\n" + TEXT, id="std-4"))
    assert bench.codes("std-5") == []
    assert bench.codes("std-2") == bench.codes("std-3") == ["standard-exists"]
    assert [e.version for e in bench.events] == [1, 2]
    assert outcomes_of(bench, "std-4") == ["accepted"]


def test_two_instances_that_publish_at_once_agree_on_the_order(
    instances: Sequence[RegistryBench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one decides again: another document of the same revision is refused."""
    first, second = instances
    other = standard(second, OTHER, id="std-2")
    meanwhile(first, monkeypatch, lambda: second.settle(other))
    first.settle(standard(first))
    assert first.outcomes == [("std-2", "accepted"), ("std-1", "refused")]


# --- the stages -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("together", [True, False])
def test_an_application_goes_through_the_five_stages_and_is_granted_by_the_day(database: Database, together: bool) -> None:
    """In one batch and in single ones; each step is answered with its events, the certificate comes by itself."""
    bench = RegistryBench(database)
    items = [*worker(bench), *stages(bench)]
    if together:
        bench.settle(*items)
    else:
        bench.each(*items)
    assert {outcome for _, outcome in bench.outcomes} == {"accepted"}
    assert types(bench)[3:] == [
        "certification-applied", "eligibility-reviewed", "training-tested", "panel-reviewed", "notice-opened",
    ]  # fmt: skip
    assert [bench.keeper.run(), bench.keeper.run()] == [1, 0]
    assert types(bench)[8:] == ["certification-concluded", "certificate-issued"]
    assert [on for slot, _, on, _ in bench.standings() if slot == f"certificate/{NUMBER}"] == ["2025-02-19"]


@pytest.mark.parametrize(
    "person", [KEY, {"identity": sealed({"resident_id": resident_id(1)})}, {"source_key": "w-1", "key_source": "hr"}]
)
def test_a_step_names_the_person_in_any_way(bench: RegistryBench, person: dict[str, str]) -> None:
    bench.settle(*worker(bench))
    bench.settle(step(bench, "certification-applied", "2025-02-03", grade="junior", issuer="320102", person=person))
    assert bench.outcomes[-1] == ("certification-applied", "accepted")


def test_a_step_that_fails_is_answered_with_every_event_of_its_outcome(bench: RegistryBench) -> None:
    """A failed review is a record, not a refusal: somebody may appeal against it."""
    bench.settle(*worker(bench), stages(bench)[0], step(bench, "eligibility-reviewed", "2025-02-05"))
    assert bench.outcomes[-1] == ("eligibility-reviewed", "accepted")
    review, end = bench.events[-2:]
    assert isinstance(review.event, EligibilityReviewed)
    assert (review.event.result, end.type) == ("failed", "registry.certification-concluded.v1")
    assert (review.causation_id, end.causation_id) == ("hr/eligibility-reviewed", "hr/eligibility-reviewed")
    assert bench.rows(application)[0].outcome == "rejected"


def test_what_a_review_may_not_say_is_refused_with_each_place(bench: RegistryBench) -> None:
    """All problems at once, in the receipt of that message alone."""
    findings = [{"criterion": "trained", "points": 3}, {"criterion": "nonsense", "hours": 3}]
    bench.settle(*worker(bench), stages(bench)[0])
    bench.settle(step(bench, "eligibility-reviewed", "2025-02-05", findings=findings, waive=["served"]))
    assert bench.codes("eligibility-reviewed") == ["wrong-kind", "unknown-criterion", "waiver-not-allowed"]


# --- early and late ---------------------------------------------------------------------------------------------------


def test_steps_that_come_backwards_wait_and_follow_each_other_as_soon_as_the_first_is_there(database: Database) -> None:
    """Across batches: each waits for the stage before it, with a receipt, and all are released by one."""
    bench = RegistryBench(database)
    bench.settle(*worker(bench))
    first, *later = stages(bench)
    bench.each(*reversed(later))
    assert [outcome for _, outcome in bench.outcomes[3:]] == ["waiting"] * 4
    assert bench.receipts[3].waiting_for == "application a1"
    bench.settle(first)
    assert types(bench)[3:] == [
        "certification-applied", "eligibility-reviewed", "training-tested", "panel-reviewed", "notice-opened",
    ]  # fmt: skip
    assert bench.rows(schema.held) == []
    assert all(outcomes_of(bench, item)[-1] == "accepted" for item, _ in bench.outcomes)


@pytest.mark.parametrize("order", list(permutations(range(5)))[::7])
def test_the_stages_in_any_order_of_one_batch_are_answered_once(bench: RegistryBench, order: tuple[int, ...]) -> None:
    """Nobody is told to wait for what comes later in the same batch."""
    bench.settle(*worker(bench))
    items = stages(bench)
    bench.settle(*(items[place] for place in order))
    assert sorted(outcome for _, outcome in bench.outcomes[3:]) == ["accepted"] * 5
    assert types(bench)[-1] == "notice-opened"


def test_an_application_that_comes_before_its_person_waits_with_all_its_steps(bench: RegistryBench) -> None:
    published, registered, engaged = worker(bench)
    bench.settle(published)
    bench.each(*stages(bench), engaged)
    assert {outcome for _, outcome in bench.outcomes[1:]} == {"waiting"}
    bench.settle(registered)
    assert types(bench)[-1] == "notice-opened"
    assert bench.rows(schema.held) == []


def test_steps_that_wait_for_a_stage_that_will_not_come_are_told_so_when_the_application_ends(bench: RegistryBench) -> None:
    """The panel waits for a passed test, the resolution for its objection: the applicant gives up."""
    bench.settle(*worker(bench), *stages(bench)[:2], stages(bench)[3], resolution(bench))
    assert (outcomes_of(bench, "panel-reviewed"), outcomes_of(bench, "objection-resolved")) == (["waiting"], ["waiting"])
    bench.settle(step(bench, "certification-withdrawn", "2025-02-11", reason="made up"))
    for id in ("panel-reviewed", "objection-resolved"):
        assert outcomes_of(bench, id) == ["waiting", "refused"]
        assert bench.codes(id) == ["application-closed"]
    assert bench.rows(schema.held) == []


def test_steps_that_wait_in_the_very_batch_in_which_the_application_ends_are_refused_in_it(bench: RegistryBench) -> None:
    bench.settle(*worker(bench), stages(bench)[0], stages(bench)[3], step(bench, "eligibility-reviewed", "2025-02-05"))
    assert outcomes_of(bench, "panel-reviewed") == ["refused"]
    assert bench.rows(schema.held) == []


def test_a_test_that_was_failed_releases_nobody(bench: RegistryBench) -> None:
    """The panel waits on; the second, passed one sets it free."""
    bench.settle(*worker(bench), *stages(bench)[:2], stages(bench)[3])
    bench.settle(step(bench, "training-tested", "2025-02-08", id="failed", hours=24, score=0))
    assert outcomes_of(bench, "panel-reviewed") == ["waiting"]
    bench.settle(stages(bench)[2])
    assert outcomes_of(bench, "panel-reviewed") == ["waiting", "accepted"]


def test_what_the_registry_does_by_itself_releases_what_waits_for_it(bench: RegistryBench) -> None:
    """A recognition of the certificate that is granted, a resolution of an objection that never came."""
    bench.settle(*worker(bench), *stages(bench), resolution(bench))
    bench.settle(bench.message("certificate-recognised", {"person": KEY, "number": NUMBER, "division": "320104"}, id="rec-1"))
    assert bench.outcomes[-2:] == [("objection-resolved", "waiting"), ("rec-1", "waiting")]
    assert bench.intake.release() == 0
    bench.keeper.run()
    assert (bench.intake.release(), bench.intake.release()) == (2, 0)
    assert bench.outcomes[-2:] == [("objection-resolved", "refused"), ("rec-1", "accepted")]
    assert bench.rows(schema.held) == []


def test_a_step_that_is_held_while_another_instance_brings_what_it_needs_is_decided_again(
    instances: Sequence[RegistryBench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would wait for ever: the stage was reached between its reading and its append."""
    first, second = instances
    first.settle(*worker(first), stages(first)[0])
    _, review, test, *_ = stages(second)
    meanwhile(first, monkeypatch, lambda: second.settle(review))
    first.settle(test)
    assert first.outcomes[-2:] == [("eligibility-reviewed", "accepted"), ("training-tested", "accepted")]
    assert first.rows(schema.held) == []


def test_two_instances_that_take_turns_bring_an_application_to_its_end(instances: Sequence[RegistryBench]) -> None:
    first, second = instances
    for place, item in enumerate([*worker(first), *stages(first), objection(first), resolution(first)]):
        instances[place % 2].settle(item)
    assert {outcome for _, outcome in first.outcomes} == {"accepted"}
    assert (second.keeper.run(), first.keeper.run()) == (1, 0)
    assert types(first)[-1] == "certificate-issued"


_places = count()


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_any_order_of_messages_ends_in_the_same_certificate(tmp_path: Path, data: st.DataObject) -> None:
    """In batches of any size, with repeats: all stages, an objection and its end.

    What the review reads is there before it: it is judged by what is known when it is decided, and never again.
    """
    bench = RegistryBench(Database(f"sqlite:///{tmp_path}/{next(_places)}.db"))
    bench.settle(*worker(bench))
    items = [*stages(bench), objection(bench), resolution(bench)]
    order = data.draw(st.permutations(items + data.draw(st.lists(st.sampled_from(items), max_size=3))))
    size = data.draw(st.integers(1, len(order)))
    for start in range(0, len(order), size):
        bench.settle(*order[start : start + size])
    assert bench.rows(schema.held) == []
    assert bench.keeper.run() == 1
    certificates = [s for s in bench.standings() if s[0].startswith("certificate/")]
    assert [(slot, on) for slot, _, on, _ in certificates] == [(f"certificate/{NUMBER}", "2025-02-25")]
    said = {e.causation_id for e in bench.events if e.actor == "hr"}
    assert said == {"hr/reg-1", "hr/start-1", *(f"hr/{json.loads(item.raw)['id']}" for item in items)}
    bench.database.close()


# --- parked -----------------------------------------------------------------------------------------------------------


def test_a_rule_that_fails_on_a_step_parks_that_person_and_nobody_else(
    bench: RegistryBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deadline of somebody who is parked waits too; after the retry everything goes on in its order."""
    from services.registry import handlers as module
    from services.registry.decider import decide as real_decide

    poisoned = {"training-tested"}

    def failing(command: Any, state: Any, rules: Any) -> Any:
        if command.stamp.origin.id in poisoned:
            raise ZeroDivisionError("a rule failed")
        return real_decide(command, state, rules)

    monkeypatch.setattr(module, "decide", failing)
    bench.settle(*worker(bench), *stages(bench), bench.registers(2, id="reg-2", key="w-2"))
    assert [(r.message_id, r.code) for r in bench.rows(schema.parked)] == [
        ("training-tested", "rule-failed"), ("panel-reviewed", "behind-parked"), ("notice-opened", "behind-parked"),
    ]  # fmt: skip
    assert bench.outcomes[-1] == ("reg-2", "accepted")
    assert bench.keeper.run() == 0
    poisoned.clear()
    bench.settle(bench.retries(bench.rows(schema.parked)[0].parked_id))
    assert bench.rows(schema.parked) == []
    assert types(bench)[-1] == "notice-opened"
    assert bench.keeper.run() == 1


def test_the_deadline_of_a_stream_that_stands_still_waits(bench: RegistryBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is listed as due, and passed as soon as the parked message is settled."""
    from services.registry import handlers as module

    bench.settle(*worker(bench), *stages(bench))
    with monkeypatch.context() as broken:
        broken.setattr(module, "decide", lambda *_: 1 / 0)
        bench.settle(objection(bench))
    with bench.database.read.connect() as connection:
        assert len(due(connection, bench.clock.now().date())) == 1
    assert bench.keeper.run() == 0
    bench.settle(bench.retries(bench.rows(schema.parked)[0].parked_id))
    assert (bench.outcomes[-1], bench.keeper.run()) == (("objection-raised", "accepted"), 0)


# --- several instances ------------------------------------------------------------------------------------------------


@pytest.fixture
def instances(database_url: str, open_database: Callable[[str], Database]) -> Sequence[RegistryBench]:
    """Two of them on one database, with one stream in front of them."""
    first, second = (RegistryBench(open_database(database_url), seed=seed) for seed in (1, 50))
    second.sequence = first.sequence
    return first, second


def meanwhile(bench: RegistryBench, monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Let something happen between this instance's reading and its append, once."""
    real = bench.log.append
    left = [act]

    def append(*args: Any, **more: Any) -> Any:
        if left:
            left.pop()()
        return real(*args, **more)

    monkeypatch.setattr(bench.log, "append", append)
