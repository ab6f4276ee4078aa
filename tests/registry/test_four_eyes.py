"""Given standards, erasures and exports in bulk that need four eyes, then one principal alone brings none of them about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from contracts.operations import ActConfirmed, ActProposed
from contracts.registry import CertificationStandardPublished, PersonalDataExported, PersonErased
from eventlog.database import Database
from eventlog.eyes import EyesSetting
from services.registry.vault import person_key
from tests.support import RegistryBench, rows_of

EYES = EyesSetting(frozenset({"standard", "erasure", "export"}))
BULK = 3
STANDARD = (Path(__file__).parents[2] / "standards" / "example-certification.yaml").read_text(encoding="utf-8")


@pytest.fixture
def bench(database: Database) -> RegistryBench:
    made = RegistryBench(database, eyes=EYES, export_people=BULK)
    made.settle(made.registers())
    return made


def act(bench: RegistryBench, fact: str, data: Any, by: str, id: str) -> tuple[str, list[str]]:
    bench.settle(bench.message(fact, data, id=id, source=by, on="2025-01-04"))
    last = bench.receipts[-1]
    return last.outcome, [each.code for each in (*last.problems, *last.warnings)]


def confirm(bench: RegistryBench, by: str, id: str = "c-1") -> tuple[str, list[str]]:
    found = next(each for each in reversed(bench.events) if isinstance(each.event, ActProposed))
    assert isinstance(found.event, ActProposed)
    return act(bench, "act-confirmed", {"proposal": found.event_id, "sha256": found.event.sha256}, by, id)


def erases(bench: RegistryBench) -> Any:
    return {"person": {"person_ref": bench.receipts[0].person_ref}, "reason": "asked for"}


def exports(people: int) -> dict[str, Any]:
    return {"purpose": "payment-run cashier/a", "fields": ["name"], "people": people, "list_sha256": "0" * 64, "reason": "pay"}


def test_nobody_is_erased_by_one_principal(bench: RegistryBench) -> None:
    """The keys stay until another has confirmed it; then they go, and the events name both."""
    assert ("accepted", ["proposed"]) == act(bench, "person-erased", erases(bench), "operator", "e-1")
    assert ("refused", ["same-principal"]) == confirm(bench, "operator", "c-0")
    assert rows_of(bench.log, person_key)
    assert ("accepted", []) == confirm(bench, "reviewer")
    assert not rows_of(bench.log, person_key)
    erased, confirmed = (each.event for each in bench.events[-2:])
    assert isinstance(erased, PersonErased)
    assert isinstance(confirmed, ActConfirmed)
    assert ("operator", "reviewer") == (erased.by, confirmed.by)


def test_an_erasure_is_not_repeated_by_a_second_confirmation(bench: RegistryBench) -> None:
    act(bench, "person-erased", erases(bench), "operator", "e-1")
    confirm(bench, "reviewer")
    assert ("refused", ["proposal-settled"]) == confirm(bench, "reviewer", "c-2")
    assert 1 == sum(isinstance(each.event, PersonErased) for each in bench.events)


def test_an_export_in_bulk_is_released_by_another_principal(bench: RegistryBench) -> None:
    """Of more people than the setting says; fewer are recorded at once, as a look at a single person is."""
    assert ("accepted", []) == act(bench, "personal-data-exported", exports(BULK), "operator", "x-1")
    assert ("accepted", ["proposed"]) == act(bench, "personal-data-exported", exports(BULK + 1), "operator", "x-2")
    assert 1 == sum(isinstance(each.event, PersonalDataExported) for each in bench.events)
    assert ("refused", ["same-principal"]) == confirm(bench, "operator", "c-0")
    assert ("accepted", []) == confirm(bench, "reviewer")
    released = bench.events[-2].event
    assert isinstance(released, PersonalDataExported)
    assert (BULK + 1, "operator") == (released.people, released.by)
    person = {"person": {"person_ref": bench.receipts[0].person_ref}, "fields": ["name"], "reason": "a call"}
    assert ("accepted", []) == act(bench, "personal-data-unmasked", person, "operator", "u-1")


def test_a_certification_standard_waits_for_its_second_reader(bench: RegistryBench) -> None:
    assert ("accepted", ["proposed"]) == act(bench, "certification-standard-published", {"text": STANDARD}, "policy", "s-1")
    assert not [each for each in bench.events if isinstance(each.event, CertificationStandardPublished)]
    assert ("accepted", []) == confirm(bench, "reviewer")
    assert isinstance(bench.events[-2].event, CertificationStandardPublished)


def test_proposal_and_confirmation_may_come_in_one_batch(bench: RegistryBench) -> None:
    """What a batch has proposed is known to the next message of it."""
    first = bench.message("person-erased", erases(bench), id="e-1", source="operator")
    bench.settle(first)
    found = bench.events[-1]
    assert isinstance(found.event, ActProposed)
    said = {"proposal": found.event_id, "sha256": found.event.sha256}
    bench.settle(
        bench.message("act-confirmed", said, id="c-1", source="reviewer"),
        bench.message("act-confirmed", said, id="c-2", source="reviewer"),
    )
    assert 1 == sum(isinstance(each.event, PersonErased) for each in bench.events)
    assert ["proposal-settled"] == bench.codes("c-2")
