"""The rest of the registry from intake bytes to receipts: transfers and certificates, dossiers, appeals, erasure, duplicates,
units and inspections; on both databases, in one batch and in many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from console.sealing import seal_dossier
from contracts.intake import DossierContent
from contracts.registry import DossierEntryCorrected, DossierEntryRecorded, FactCorrected, PersonErased
from eventlog import schema
from eventlog.database import Database
from eventlog.desk import Item
from services.registry import handlers as module
from services.registry.decider import decide as real_decide
from services.registry.vault import person_index, person_key
from services.registry.views import file_end, inspection, unit
from tests.support import PUBLIC_KEY, RegistryBench, events_of, files_with, receipts_of, resident_id, sealed

KEY = {"source_key": "w-1"}
CANARY = "虚构的处分决定"


@pytest.fixture
def bench(sqlite_url: str, open_database: Callable[[str], Database]) -> RegistryBench:
    return RegistryBench(open_database(sqlite_url))


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


# --- messages ---------------------------------------------------------------------------------------------------------


def told(bench: RegistryBench, fact: str, id: str, person: Any = KEY, **data: Any) -> Item:
    """A fact about a person. source, on and time are those of the envelope."""
    envelope = {name: data.pop(name) for name in ("source", "on", "time") if name in data}
    return bench.message(fact, {"person": person} | data, id=id, **envelope)


def certified(bench: RegistryBench, id: str = "cert-1", number: str = "c1", **more: Any) -> Item:
    return told(bench, "certificate-issued", id, number=number, grade="junior", issuer="320102", on="2022-03-01", **more)


def changed(bench: RegistryBench, what: str, id: str, on: str, **more: Any) -> Item:
    return told(bench, "certificate-changed", id, key=id, number="c1", change=what, reason="made up", on=on, **more)


def content(text: str = CANARY) -> str:
    return seal_dossier(DossierContent(title=text, text=text), PUBLIC_KEY)


def entered(bench: RegistryBench, id: str = "entry-1", entry: str = "d1", **more: Any) -> Item:
    more = {"section": "rewards_sanctions", "content": content()} | more
    return told(bench, "dossier-entry-recorded", id, entry=entry, **more)


def mended(bench: RegistryBench, id: str = "mend-1", entry: str = "d1", **more: Any) -> Item:
    more = {"section": "rewards_sanctions", "content": content("更正"), "reason": "typing error"} | more
    return told(bench, "dossier-entry-corrected", id, entry=entry, **more)


def merges(bench: RegistryBench, duplicate: str, survivor: str, id: str = "merge-1") -> Item:
    data = {"survivor": {"person_ref": survivor}, "by": "Zhang", "reason": "one person"}
    return told(bench, "duplicate-confirmed", id, {"person_ref": duplicate}, source="operator", on="2025-03-01", **data)


def erases(bench: RegistryBench, ref: str, id: str = "erase-1") -> Item:
    data = {"by": "Zhang", "reason": "asked for"}
    return told(bench, "person-erased", id, {"person_ref": ref}, source="operator", on="2025-03-01", **data)


def unmasks(bench: RegistryBench, ref: str, id: str = "show-1") -> Item:
    data = {"fields": ["name", "dossier"], "by": "Zhang", "reason": "asked for"}
    return told(bench, "personal-data-unmasked", id, {"person_ref": ref}, source="operator", **data)


def two_files(bench: RegistryBench) -> tuple[str, str]:
    """(duplicate, survivor): one person registered under two numbers, keys w-1 and w-2. The duplicate has facts."""
    bench.settle(
        bench.registers(), bench.registers(2, id="reg-2", key="w-2"), bench.rates(), certified(bench), entered(bench),
        bench.rates(2023, id="rate-2", person={"source_key": "w-2"}),
    )  # fmt: skip
    refs = [receipt.person_ref for receipt in bench.receipts[:2]]
    assert None not in refs
    return str(refs[0]), str(refs[1])


def types(bench: RegistryBench) -> list[str]:
    return [e.type.split(".")[1] for e in bench.events]


def outcomes_of(bench: RegistryBench, id: str) -> list[str]:
    return [outcome for name, outcome in bench.outcomes if name == id]


def found_by(bench: RegistryBench) -> dict[str, int]:
    """person_ref → how many index values find them."""
    people = [row.person_ref for row in bench.rows(person_index)]
    return {ref: people.count(ref) for ref in people}


# --- the registration and certificates --------------------------------------------------------------------------------


@pytest.mark.parametrize("together", [True, False])
def test_a_registration_is_moved_closed_and_reopened(database: Database, together: bool) -> None:
    """Each in an event of its own, in any order: a reopening waits for its closing, a recognition for its certificate."""
    bench = RegistryBench(database)
    items = [
        told(bench, "registration-transferred", "move-1", key="t1", division="320106", recognises=["c1"], on="2024-05-01"),
        told(bench, "registration-reopened", "back-1", key="s2", reason="returned", on="2024-03-01"),
        told(bench, "registration-closed", "left-1", key="s1", reason="left", on="2024-01-31"),
        certified(bench),
        bench.registers(on="2020-01-06"),
    ]
    if together:
        bench.settle(*items)
    else:
        bench.each(*items)
    assert {outcomes_of(bench, id)[-1] for id, _ in bench.outcomes} == {"accepted"}
    assert sorted(types(bench)) == sorted(
        [
            "worker-registered", "certificate-issued", "registration-closed", "registration-reopened",
            "registration-transferred", "certificate-recognised",
        ]
    )  # fmt: skip
    moved, recognised = [e for e in bench.events if e.causation_id == "hr/move-1"]
    assert (moved.version + 1, moved.effective_on) == (recognised.version, "2024-05-01")
    assert bench.rows(schema.held) == []


@pytest.mark.parametrize("together", [True, False])
def test_changes_of_a_certificate_in_any_order_are_all_recorded(database: Database, together: bool) -> None:
    bench = RegistryBench(database)
    items = [
        changed(bench, "reinstated", "on-2", "2023-06-01"),
        changed(bench, "suspended", "off-2", "2023-05-01"),
        changed(bench, "reinstated", "on-1", "2023-03-01"),
        changed(bench, "suspended", "off-1", "2023-02-01"),
        certified(bench),
        bench.registers(on="2020-01-06"),
    ]
    if together:
        bench.settle(*items)
    else:
        bench.each(*items)
    assert {outcomes_of(bench, id)[-1] for id, _ in bench.outcomes} == {"accepted"}
    assert types(bench).count("certificate-changed") == 4
    bench.settle(changed(bench, "downgraded", "bad-1", "2023-07-01"))
    assert bench.codes("bad-1") == ["grade-and-downgrade"]


def test_a_withdrawn_withdrawal_brings_back_what_others_wait_for(bench: RegistryBench) -> None:
    """The certificate stands again: the change that waited for it is recorded."""
    bench.settle(bench.registers(on="2020-01-06"), certified(bench), bench.withdraws("cert-1"))
    bench.settle(changed(bench, "suspended", "off-1", "2023-02-01"))
    assert outcomes_of(bench, "off-1") == ["waiting"]
    bench.settle(bench.withdraws("gone-1", id="gone-2"))
    assert outcomes_of(bench, "off-1") == ["waiting", "accepted"]


# --- dossiers ---------------------------------------------------------------------------------------------------------


def opened(bench: RegistryBench, event: Any) -> dict[str, str]:
    with bench.database.read.connect() as connection:
        [key] = bench.vault.keys_of(connection, [event.event.person_ref], "dossier").values()
    return bench.vault.decrypt_fields(key, event.event_id, event.event.content)


def test_a_dossier_entry_is_encrypted_under_the_persons_key_for_it(database: Database) -> None:
    """One key a person, made with the first entry; a correction has its own ciphertext and names the version before."""
    bench = RegistryBench(database)
    bench.settle(bench.registers(), entered(bench), entered(bench, "entry-2", "d2"))
    bench.settle(mended(bench), entered(bench, "entry-3", "d3"))
    entries = [e for e in bench.events if isinstance(e.event, DossierEntryRecorded | DossierEntryCorrected)]
    assert [opened(bench, e)["title"] for e in entries] == [CANARY, CANARY, "更正", CANARY]
    assert sorted(row.purpose for row in bench.rows(person_key)) == ["dossier", "identity"]
    [fixed] = [e.event for e in entries if isinstance(e.event, DossierEntryCorrected)]
    assert fixed.corrects == entries[0].event_id


def test_a_correction_that_comes_before_its_entry_waits(bench: RegistryBench) -> None:
    bench.each(mended(bench), bench.registers(), entered(bench))
    assert outcomes_of(bench, "mend-1") == ["waiting", "waiting", "accepted"]
    assert bench.rows(schema.held) == []


def test_nothing_of_a_dossier_stands_in_plain_anywhere(bench: RegistryBench, tmp_path: Path) -> None:
    """Neither in the database's files nor in what is published: recorded, corrected, refused or waiting."""
    bench.settle(bench.registers(), entered(bench), mended(bench), entered(bench, "again", content=content()))
    bench.settle(mended(bench, "wait-1", "d9", content=content()))
    assert sorted({outcome for _, outcome in bench.outcomes}) == ["accepted", "refused", "waiting"]
    published = b"".join(item.raw for item in bench.stream_items())
    answered = "".join(receipt.model_dump_json() for receipt in receipts_of(bench.log))
    assert b"dossier-entry-recorded" in published
    for canary in (CANARY, "更正"):
        assert files_with(tmp_path, canary.encode()) == []
        assert canary.encode() not in published
        assert canary not in answered


def test_the_same_entry_sealed_anew_is_the_same_message(bench: RegistryBench) -> None:
    """Published again under its id it gets its answer again; with another content under the same id it is refused."""
    bench.settle(bench.registers(), entered(bench))
    bench.settle(entered(bench))
    assert (bench.receipts[-1].outcome, bench.receipts[-1].repeated) == ("accepted", True)
    bench.settle(entered(bench, content=content("something else")))
    assert bench.codes("entry-1") == ["id-reused"]


def test_a_key_that_was_made_for_a_refused_entry_is_not_used_afterwards(bench: RegistryBench) -> None:
    """Its row was never written: what it had encrypted could never be read again. In the same batch and in another."""
    wrong = entered(bench, "wrong-1", on="1900-01-01")
    bench.settle(bench.registers(), wrong, entered(bench), entered(bench, "wrong-2", "d1", content=content("another")),
                 entered(bench, "entry-2", "d2"))  # fmt: skip
    bench.settle(entered(bench, "entry-3", "d3"))
    assert (bench.codes("wrong-1"), bench.codes("wrong-2")) == (["date-too-early"], ["entry-known"])
    entries = [e for e in bench.events if isinstance(e.event, DossierEntryRecorded)]
    assert [opened(bench, e)["title"] for e in entries] == [CANARY] * 3


def test_a_key_that_was_made_for_a_refused_registration_is_not_used_afterwards(bench: RegistryBench) -> None:
    """The next registration in the batch makes its own."""
    bench.settle(bench.registers(on="1900-01-01", id="wrong-1"), bench.registers())
    assert [outcome for _, outcome in bench.outcomes] == ["refused", "accepted"]
    rows = bench.rows(person_key)
    assert {row.person_ref for row in rows} == {bench.receipts[1].person_ref}
    assert sorted(row.purpose for row in rows) == ["dossier", "identity"]


def test_two_instances_that_make_the_first_entry_at_once_use_one_key(
    instances: Sequence[RegistryBench], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = instances
    first.settle(first.registers())
    other = entered(second, "entry-2", "d2")
    meanwhile(first, monkeypatch, lambda: second.settle(other))
    first.settle(entered(first))
    entries = [e for e in first.events if isinstance(e.event, DossierEntryRecorded)]
    assert [opened(first, e)["title"] for e in entries] == [CANARY] * 2
    assert len(first.rows(person_key)) == 2


# --- appeals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("together", [True, False])
def test_an_appeal_that_is_upheld_corrects_the_rating(database: Database, together: bool) -> None:
    """The decision first, then the appeal, then the rating: each waits for what it is about."""
    bench = RegistryBench(database)
    decision = {"appeal": "a1", "outcome": "upheld", "rating": "excellent", "reason": "made up", "on": "2025-03-01"}
    items = [
        told(bench, "rating-appeal-decided", "judged-1", **decision),
        told(bench, "rating-appealed", "appeal-1", appeal="a1", year=2024, grounds="made up", on="2025-02-01"),
        bench.rates(rating="basic"),
        bench.registers(),
    ]
    if together:
        bench.settle(*items)
    else:
        bench.each(*items)
    assert {outcomes_of(bench, id)[-1] for id, _ in bench.outcomes} == {"accepted"}
    assert types(bench)[-2:] == ["rating-appeal-decided", "fact-corrected"]
    [(_, stands, on, rivals)] = [s for s in bench.standings() if s[0] == "rating/2024"]
    assert (stands, on, rivals) == ("hr/judged-1", "2025-01-04", ())
    corrected = bench.events[-1].event
    assert isinstance(corrected, FactCorrected)


# --- who was shown what, and the erasure ------------------------------------------------------------------------------


def test_an_unmasking_is_recorded_before_anything_is_shown(bench: RegistryBench) -> None:
    bench.settle(bench.registers())
    ref = str(bench.receipts[0].person_ref)
    bench.settle(unmasks(bench, ref), unmasks(bench, ref, "show-2"))
    assert types(bench)[1:] == ["personal-data-unmasked"] * 2
    assert bench.receipts[-1].events == (bench.events[-1].event_id,)


@pytest.mark.parametrize("together", [True, False])
def test_an_erasure_deletes_the_keys_and_the_index_and_keeps_the_facts(database: Database, together: bool) -> None:
    """Nobody can read the identity or the dossier any more, nobody finds the person; the log still has every event."""
    bench = RegistryBench(database)
    other = bench.registers(2, id="reg-2", key="w-2")
    items = [bench.registers(), bench.rates(), entered(bench), other]
    if together:
        ref = ""
        bench.settle(*items)
    else:
        bench.each(*items)
    ref = str(bench.receipts[0].person_ref)
    bench.settle(erases(bench, ref))
    [event] = [e.event for e in bench.events if isinstance(e.event, PersonErased)]
    assert (event.keys, event.index_entries, event.by) == (2, 2, "operator")
    assert {row.person_ref for row in bench.rows(person_key)} == {bench.receipts[3].person_ref}
    assert ref not in found_by(bench)
    assert types(bench).count("annual-rating-recorded") == 1
    assert [(row.person_ref, row.status) for row in bench.rows(file_end)] == [(ref, "erased")]


def test_what_is_made_and_erased_in_one_batch_leaves_nothing_behind(bench: RegistryBench) -> None:
    """Registered and erased, with a dossier in between, and registered again: a new person with a key of their own."""
    bench.settle(bench.registers())
    ref = str(bench.receipts[0].person_ref)
    bench.settle(entered(bench), erases(bench, ref), bench.registers(id="reg-2"), entered(bench, "entry-2"))
    again = str(bench.receipts[-1].person_ref)
    assert again not in (ref, "None")
    assert {row.person_ref for row in bench.rows(person_key)} == {again}
    assert found_by(bench) == {again: 2}
    last = bench.events[-1]
    assert isinstance(last.event, DossierEntryRecorded)
    assert opened(bench, last)["title"] == CANARY


def test_facts_that_come_after_the_erasure_are_refused(bench: RegistryBench) -> None:
    """By person_ref; by a correction of what is there. Who is named by a key or a number is not known any more, and waits."""
    bench.settle(bench.registers(), bench.rates())
    ref = str(bench.receipts[0].person_ref)
    bench.settle(erases(bench, ref))
    bench.settle(
        bench.rates(2023, id="rate-2", person={"person_ref": ref}),
        bench.corrects("rate-1", {"kind": "rating", "year": 2024, "rating": "basic"}),
        bench.corrects("reg-1", {"kind": "registration", "division": "320102"}, id="fix-2", identity=sealed(2)),
        bench.withdraws("rate-1"), entered(bench, person={"person_ref": ref}), unmasks(bench, ref),
        erases(bench, ref, "erase-2"), bench.rates(2022, id="rate-3"),
    )  # fmt: skip
    assert outcomes_of(bench, "erase-2") == ["accepted"]
    for id in ("rate-2", "fix-1", "fix-2", "gone-1", "entry-1", "show-1"):
        assert bench.codes(id) == ["erased"]
    assert outcomes_of(bench, "rate-3") == ["waiting"]
    assert bench.rows(person_key) == []


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("merged", [True, False])
def test_what_waits_for_a_person_who_is_erased_is_refused_and_kept_no_longer(
    bench: RegistryBench, together: bool, merged: bool
) -> None:
    """Held messages are kept as they came, sealed content and all; by whatever name, also that of a file that was merged."""
    bench.settle(bench.registers(on="2020-01-06"), bench.registers(2, id="reg-2", key="w-2"))
    ref, other = (str(receipt.person_ref) for receipt in bench.receipts)
    named = mended(bench, "mend-2", person={"person_ref": ref})
    waiting = [mended(bench), changed(bench, "suspended", "off-1", "2024-01-01"), named]
    acts = [merges(bench, ref, other), erases(bench, other)] if merged else [erases(bench, ref)]
    again = bench.registers(id="reg-3", on="2020-01-06")
    if together:
        bench.settle(*waiting, *acts, again)
    else:
        bench.each(*waiting, *acts, again)
    assert bench.rows(schema.held) == []
    for id in ("mend-1", "off-1", "mend-2"):
        assert (outcomes_of(bench, id)[-1], bench.codes(id)) == ("refused", ["erased"])
    [anew] = [receipt for receipt in bench.receipts if receipt.id == "reg-3"]
    assert (anew.outcome, anew.person_ref in (ref, other)) == ("accepted", False)


# --- one person in two files ------------------------------------------------------------------------------------------


def test_a_confirmed_duplicate_ends_and_its_facts_go_on_in_the_survivor(database: Database) -> None:
    """One answer for the act; every slot of the duplicate is empty, the survivor has the facts of both."""
    bench = RegistryBench(database)
    duplicate, survivor = two_files(bench)
    bench.settle(merges(bench, duplicate, survivor))
    assert bench.outcomes[-1] == ("merge-1", "accepted")
    assert types(bench)[-4:] == ["person-merged", "file-absorbed", "fact-absorbed", "fact-absorbed"]
    streams = {e.stream for e in bench.events if e.causation_id == "operator/merge-1"}
    assert streams == {f"worker-{duplicate}", f"worker-{survivor}"}
    assert [slot for slot, *_ in bench.standings()] == ["certificate/c1", "rating/2023", "rating/2024", "registration"]
    assert found_by(bench) == {survivor: 4}
    assert [(row.person_ref, row.into_ref) for row in bench.rows(file_end)] == [(duplicate, survivor)]


def names_of(duplicate: str) -> Sequence[Any]:
    return ({"person_ref": duplicate}, KEY, {"identity": sealed({"resident_id": resident_id(1)})})


@pytest.mark.parametrize("together", [True, False])
def test_facts_that_name_the_duplicate_go_to_the_survivor(bench: RegistryBench, together: bool) -> None:
    """By person_ref, by the source's key, by the sealed number; in the batch of the merge and later."""
    duplicate, survivor = two_files(bench)
    later = [
        bench.rates(2020 + place, id=f"rate-{place + 10}", person=person) for place, person in enumerate(names_of(duplicate))
    ]
    entry = entered(bench, "entry-2", "d2")
    if together:
        bench.settle(merges(bench, duplicate, survivor), *later, entry)
    else:
        bench.each(merges(bench, duplicate, survivor), *later, entry)
    assert {receipt.person_ref for receipt in bench.receipts[-4:]} == {survivor}
    assert {e.stream for e in bench.events[-4:]} == {f"worker-{survivor}"}
    assert bench.outcomes[-1] == ("entry-2", "accepted")


@pytest.mark.parametrize("together", [True, False])
def test_dossier_entries_of_the_duplicate_can_be_corrected_in_the_survivors_file(bench: RegistryBench, together: bool) -> None:
    """Under the survivor's own key; a key that the duplicate used is taken."""
    duplicate, survivor = two_files(bench)
    items = [
        entered(bench, "entry-2", "d2", person={"source_key": "w-2"}),
        merges(bench, duplicate, survivor), mended(bench), mended(bench, "mend-2", content=content("再更正")),
        mended(bench, "mend-3", content=content("再更正")), entered(bench, "entry-3", "d1"),
    ]  # fmt: skip
    if together:
        bench.settle(*items)
    else:
        bench.each(*items)
    first, *fixed = [e for e in bench.events if e.causation_id in ("hr/entry-1", "hr/mend-1", "hr/mend-2", "hr/mend-3")]
    assert [e.event.corrects for e in fixed if isinstance(e.event, DossierEntryCorrected)] == [
        first.event_id,
        fixed[0].event_id,
    ]
    assert [opened(bench, e)["title"] for e in fixed] == ["更正", "再更正"]
    assert bench.codes("entry-3") == ["entry-known"]


def test_a_registration_of_the_duplicates_number_is_a_second_one_of_the_survivor(bench: RegistryBench) -> None:
    """In the batch of the merge too: its key is the survivor's, and nobody was erased."""
    duplicate, survivor = two_files(bench)
    bench.settle(merges(bench, duplicate, survivor), bench.registers(id="reg-3"))
    assert bench.codes("reg-3") == ["already-registered"]
    assert survivor in bench.receipts[-1].problems[0].problem


RATING = {"kind": "rating", "year": 2024, "rating": "basic"}


@pytest.mark.parametrize("together", [True, False])
def test_sources_go_on_correcting_what_was_taken_over(bench: RegistryBench, together: bool) -> None:
    """By the id of the message that brought it, or of a correction of it; what stayed behind cannot be corrected."""
    duplicate, survivor = two_files(bench)
    items = [
        bench.corrects("rate-1", RATING), merges(bench, duplicate, survivor),
        bench.corrects("rate-1", RATING | {"rating": "competent"}, id="fix-2", time="2025-01-07T00:00:00Z"),
        bench.withdraws("cert-1"), bench.corrects("fix-1", RATING, id="fix-3", time="2025-01-08T00:00:00Z"),
        bench.corrects("reg-1", {"kind": "registration", "division": "320104"}, id="fix-4"),
    ]  # fmt: skip
    if together:
        bench.settle(*items)
    else:
        bench.each(*items)
    assert [(slot, stands) for slot, stands, *_ in bench.standings()] == [
        ("rating/2023", "hr/rate-2"), ("rating/2024", "hr/fix-3"), ("registration", "hr/reg-2"),
    ]  # fmt: skip
    assert bench.codes("fix-4") == ["not-taken-over"]
    assert {e.stream for e in bench.events if e.causation_id == "hr/fix-3"} == {f"worker-{survivor}"}


@pytest.mark.parametrize("together", [True, False])
def test_a_chain_of_duplicates_leads_to_the_last_file(database: Database, together: bool) -> None:
    """A into B, B into C: facts, corrections and keys of A arrive in C, whoever names which."""
    bench = RegistryBench(database)
    first, second = two_files(bench)
    bench.settle(bench.registers(3, id="reg-3", key="w-3"))
    third = str(bench.receipts[-1].person_ref)
    items = [
        merges(bench, first, second), merges(bench, second, third, "merge-2"),
        bench.corrects("rate-1", RATING, time="2025-01-07T00:00:00Z"),
        bench.rates(2020, id="rate-9", person={"person_ref": first}), mended(bench, person={"person_ref": first}),
    ]  # fmt: skip
    if together:
        bench.settle(*items)
    else:
        bench.each(*items)
    assert {outcome for _, outcome in bench.outcomes[-5:]} == {"accepted"}
    assert {e.stream for e in bench.events[-3:]} == {f"worker-{third}"}
    assert found_by(bench) == {third: 6}
    bench.settle(erases(bench, first))
    assert bench.rows(person_key) == []
    assert bench.rows(person_index) == []
    assert bench.events[-1].stream == f"worker-{third}"


def test_what_waited_for_the_duplicate_is_decided_in_the_survivors_file(bench: RegistryBench) -> None:
    """The certificate that it names is the survivor's: it comes there later, or is there already."""
    bench.settle(bench.registers(on="2020-01-06"), bench.registers(2, id="reg-2", key="w-2", on="2020-01-06"))
    duplicate, survivor = (str(receipt.person_ref) for receipt in bench.receipts)
    bench.settle(changed(bench, "suspended", "off-1", "2024-01-01"), certified(bench, person={"source_key": "w-2"}))
    recognised = told(bench, "certificate-recognised", "rec-1", number="c9", division="320104")
    bench.settle(recognised)
    assert bench.outcomes[-1] == ("rec-1", "waiting")
    bench.settle(merges(bench, duplicate, survivor))
    assert outcomes_of(bench, "off-1") == ["waiting", "accepted"]
    assert all(duplicate not in row.need for row in bench.rows(schema.held))
    bench.settle(certified(bench, "cert-9", "c9", person={"source_key": "w-2"}))
    assert outcomes_of(bench, "rec-1")[-1] == "accepted"
    assert bench.rows(schema.held) == []


def test_a_merge_that_cannot_be_is_refused_and_changes_nothing(bench: RegistryBench) -> None:
    duplicate, survivor = two_files(bench)
    before = (found_by(bench), len(bench.events))
    bench.settle(merges(bench, duplicate, duplicate, "self-1"))
    bench.settle(merges(bench, duplicate, "p" + "9" * 26, "nobody-1"))
    assert bench.codes("self-1") == ["same-person"]
    assert outcomes_of(bench, "nobody-1") == ["waiting"]
    assert (found_by(bench), len(bench.events)) == before
    bench.settle(merges(bench, duplicate, survivor))
    bench.settle(merges(bench, duplicate, survivor, "again-1"), merges(bench, survivor, duplicate, "back-1"))
    assert (bench.codes("again-1"), bench.codes("back-1")) == ([], ["file-ended"])


def test_a_merge_waits_behind_a_parked_message_of_either_file(bench: RegistryBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order of the survivor's stream is kept as well."""
    duplicate, survivor = two_files(bench)
    poisoned = {"rate-9"}

    def failing(command: Any, state: Any, rules: Any) -> Any:
        if command.stamp.origin.id in poisoned:
            raise ZeroDivisionError("a rule failed")
        return real_decide(command, state, rules)

    monkeypatch.setattr(module, "decide", failing)
    bench.settle(bench.rates(2020, id="rate-9", person={"source_key": "w-2"}), merges(bench, duplicate, survivor))
    assert [(r.message_id, r.blocks) for r in bench.rows(schema.parked)] == [
        ("rate-9", f"worker-{survivor}"), ("merge-1", f"worker-{survivor}"),
    ]  # fmt: skip
    poisoned.clear()
    bench.settle(bench.retries(bench.rows(schema.parked)[0].parked_id))
    assert bench.outcomes[-1] == ("merge-1", "accepted")


def test_a_merge_that_another_instance_overtakes_is_decided_again(
    instances: Sequence[RegistryBench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fact that the duplicate took meanwhile goes on with the others; a later one goes to the survivor."""
    first, second = instances
    duplicate, survivor = two_files(first)
    fact = second.rates(2020, id="rate-9")
    meanwhile(first, monkeypatch, lambda: second.settle(fact))
    first.settle(merges(first, duplicate, survivor))
    assert ("rating/2020", "operator/merge-1", "2025-01-04", ()) in first.standings()
    late = second.rates(2019, id="rate-10")
    second.settle(late)
    assert second.receipts[-1].person_ref == survivor


def test_an_erased_person_is_not_found_through_the_files_that_were_merged(bench: RegistryBench) -> None:
    """All of it in one batch: merged, erased, and named once more by each name."""
    duplicate, survivor = two_files(bench)
    bench.settle(
        merges(bench, duplicate, survivor), erases(bench, survivor),
        bench.rates(2020, id="rate-10", person={"person_ref": duplicate}), bench.rates(2021, id="rate-11"),
    )  # fmt: skip
    assert bench.codes("rate-10") == ["erased"]
    assert outcomes_of(bench, "rate-11") == ["waiting"]
    assert (bench.rows(person_key), bench.rows(person_index)) == ([], [])


# --- units and inspections --------------------------------------------------------------------------------------------


def registers_unit(bench: RegistryBench, id: str = "unit-1", title: str = "虚构街道党工委", **more: Any) -> Item:
    envelope = {name: more.pop(name) for name in ("on", "time", "source") if name in more}
    return bench.message("unit-registered", {"unit": "u1", "title": title, "division": "320102"} | more, id=id, **envelope)


def opens(bench: RegistryBench, id: str = "open-1", **more: Any) -> Item:
    data = {"division": "320102", "year": 2024, "closes_on": "2025-01-31"} | more
    return bench.message("inspection-opened", data, id=id, on="2024-12-01")


def closes(bench: RegistryBench, id: str = "close-1", on: str = "2025-02-01") -> Item:
    return bench.message("inspection-closed", {"division": "320102", "year": 2024}, id=id, on=on)


@pytest.mark.parametrize("together", [True, False])
def test_units_and_inspections_have_streams_of_their_own(database: Database, together: bool) -> None:
    """Closings come first and wait; the read models show both as they are."""
    bench = RegistryBench(database)
    shut = bench.message(
        "unit-closed", {"unit": "u1", "reason": "merged"}, id="shut-1", on="2025-06-30", time="2025-07-01T00:00:00Z"
    )
    items = [shut, closes(bench), registers_unit(bench), opens(bench)]
    if together:
        bench.settle(*items)
    else:
        bench.each(*items)
    assert {outcomes_of(bench, id)[-1] for id, _ in bench.outcomes} == {"accepted"}
    assert sorted({e.stream for e in bench.events}) == ["inspection-320102-2024", "unit-hr/u1"]
    assert [(row.unit, row.closed_on) for row in bench.rows(unit)] == [("hr/u1", "2025-06-30")]
    assert [(row.year, row.closed_on, row.rest) for row in bench.rows(inspection)] == [(2024, "2025-02-01", "missed")]
    assert bench.rows(schema.held) == []


def test_what_is_wrong_with_a_unit_is_told_at_its_field(bench: RegistryBench) -> None:
    bench.settle(registers_unit(bench, division="999999"), registers_unit(bench, "unit-2", credit_code="9" * 18))
    assert (bench.codes("unit-1"), bench.codes("unit-2")) == (["unknown-division"], ["wrong-credit-code"])
    assert bench.events == []


def test_a_unit_told_twice_is_recorded_once(bench: RegistryBench) -> None:
    """Under another id; both are accepted."""
    bench.settle(registers_unit(bench), registers_unit(bench, "unit-2", time="2025-02-01T00:00:00Z"))
    assert [(outcome, len(receipt.events)) for (_, outcome), receipt in zip(bench.outcomes, bench.receipts, strict=True)] == [
        ("accepted", 1), ("accepted", 0),
    ]  # fmt: skip


def test_an_inspection_that_two_instances_open_at_once_is_opened_once(
    instances: Sequence[RegistryBench], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = instances
    other = opens(second, "open-2")
    meanwhile(first, monkeypatch, lambda: second.settle(other))
    first.settle(opens(first))
    assert first.outcomes == [("open-2", "accepted"), ("open-1", "accepted")]
    assert [e.version for e in first.events] == [1]


def test_a_closing_that_is_held_while_another_instance_opens_the_inspection_is_decided_again(
    instances: Sequence[RegistryBench], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = instances
    opening = opens(second)
    meanwhile(first, monkeypatch, lambda: second.settle(opening))
    first.settle(closes(first))
    assert first.outcomes == [("open-1", "accepted"), ("close-1", "accepted")]
    assert first.rows(schema.held) == []


def test_a_rule_that_fails_on_a_unit_parks_that_unit_alone(bench: RegistryBench, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: Any) -> Any:
        raise ZeroDivisionError("a rule failed")

    with monkeypatch.context() as broken:
        broken.setattr(module, "decide_place", failing)
        bench.settle(registers_unit(bench), bench.registers())
    assert [(r.message_id, r.blocks) for r in bench.rows(schema.parked)] == [("unit-1", "unit-hr/u1")]
    bench.settle(registers_unit(bench, "unit-2", "另一个"), opens(bench))
    assert bench.outcomes[-2:] == [("unit-2", "parked"), ("open-1", "accepted")]
    bench.settle(bench.retries(bench.rows(schema.parked)[0].parked_id))
    assert bench.outcomes[-2:] == [("unit-1", "accepted"), ("unit-2", "accepted")]


@pytest.mark.parametrize("together", [True, False])
def test_what_is_about_nobodys_file_is_no_fact_to_withdraw_or_correct(bench: RegistryBench, together: bool) -> None:
    """A unit, an inspection, an operator's act: the answer says so, and everything else goes on."""
    items = [
        registers_unit(bench), opens(bench), bench.withdraws("unit-1"), bench.withdraws("open-1", id="gone-2"),
        bench.corrects("unit-1", RATING), bench.registers(),
    ]  # fmt: skip
    if together:
        bench.settle(*items)
    else:
        bench.each(*items)
    for id in ("gone-1", "gone-2", "fix-1"):
        assert bench.codes(id) == ["not-a-fact"]
    assert bench.outcomes[-1] == ("reg-1", "accepted")


# --- the log ----------------------------------------------------------------------------------------------------------


def test_everything_is_accepted_once_more_in_silence(bench: RegistryBench) -> None:
    """A redelivery of every kind of message records and answers nothing."""
    items = [
        bench.registers(on="2020-01-06"), certified(bench), changed(bench, "suspended", "off-1", "2024-01-01"), entered(bench),
        mended(bench), bench.rates(), registers_unit(bench), opens(bench), closes(bench),
        told(bench, "rating-appealed", "appeal-1", appeal="a1", year=2024, grounds="made up", on="2025-02-01"),
        told(bench, "registration-closed", "left-1", key="s1", reason="left", on="2025-06-30"),
    ]  # fmt: skip
    bench.settle(*items)
    assert {outcome for _, outcome in bench.outcomes} == {"accepted"}
    before = (bench.receipts, bench.events)
    bench.settle(*items)
    bench.each(*(replace(item) for item in items))
    assert (bench.receipts, bench.events) == before
    assert len(events_of(bench.log)) == len(items)
