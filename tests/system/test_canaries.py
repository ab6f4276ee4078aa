"""Personal data pass through a whole deployment and are found nowhere in plain text: files, streams, logs, exports."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console.demo_data import made_up_resident_id
from console.sealing import load_public_key, seal_dossier
from contracts.intake import DossierContent
from eventlog.database import Database
from eventlog.tree import root_of
from services.registry.app import open_log
from tests.system.conftest import NOBODYS_PLACE, Message, Office, start

CANARIES = 1_000
IN_PLAIN = 20
FIRST = 5_000
ROSTERS = 10
"""Attachments. Each is a list of people, so that all of them stand in one."""
STEM_BYTES = 6
ACT = ("--reason", "核对材料")


def name(number: int) -> str:
    return f"金丝雀{number:05}"


def account(number: int) -> str:
    return f"62229900{number:08}"


def number_of(number: int) -> str:
    return made_up_resident_id(NOBODYS_PLACE, FIRST + number)


def registration(office: Office, number: int) -> Message:
    identity = office.sealed(name=name(number), resident_id=number_of(number), bank_account=account(number))
    data = {"person": {"source_key": f"canary-{number}", "identity": identity}, "division": "211224"}
    return office.fact("hr", "worker-registered", data, "2020-01-01")


def registration_in_plain(office: Office, number: int) -> Message:
    """The mistake: identity beside the seal, not inside it."""
    data = {
        "person": {"source_key": f"plain-{number}"},
        "name": name(number),
        "resident_id": number_of(number),
        "division": "211224",
    }
    return office.fact("hr", "worker-registered", data, "2020-01-01")


def entry(office: Office, number: int, *, plain: bool = False) -> Message:
    """An entry of the dossier that says who it is about; plain: the mistake of not sealing it."""
    content = DossierContent(title=f"{name(number)}的考核", text=f"{number_of(number)}，奖金付至{account(number)}")
    sealed = seal_dossier(content, load_public_key(office.deployment.public_key))
    data = {
        "person": {"source_key": f"canary-{number}", "key_source": "hr"},
        "entry": f"{'plain' if plain else 'entry'}-{number}",
        "section": "appraisal",
        "content": content.model_dump() if plain else sealed,
    }
    return office.fact("appraisal", "dossier-entry-recorded", data)


def roster(number: int) -> bytes:
    people = range(number, CANARIES, ROSTERS)
    return "\n".join(f"{name(n)},{number_of(n)},{account(n)}" for n in people).encode()


def needles(count: int = CANARIES + 2 + IN_PLAIN) -> list[bytes]:
    return [text.encode() for n in range(count) for text in (name(n), number_of(n), account(n))]


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    yield from start(tmp_path_factory.mktemp("canaries"))


def test_a_thousand_people_leave_no_plain_text_behind(office: Office) -> None:
    """Registered, named by sealed ID, corrected, and twenty sent in plain by mistake: no name, ID or account anywhere."""
    people = range(CANARIES)
    good = [registration(office, n) for n in people]
    by_number = {"person": {"identity": office.sealed(resident_id=number_of(3))}, "year": 2021, "outcome": "passed"}
    corrected = {
        "corrects": {"id": good[5].message_id},
        "replacement": {"kind": "registration", "division": "211224"},
        "identity": office.sealed(name=name(CANARIES + 1), resident_id=number_of(CANARIES + 1)),
        "reason": "证件号有误",
    }
    plain = [registration_in_plain(office, CANARIES + 2 + n) for n in range(IN_PLAIN)]
    receipts = office.publish(
        *good,
        office.fact("hr", "inspection-concluded", by_number),
        office.fact("hr", "fact-corrected", corrected, "2020-01-01", time="2022-05-01T00:00:00Z"),
        *plain,
    )
    office.settle()
    outcomes = [receipt.outcome for receipt in receipts.values()]
    assert (outcomes.count("accepted"), outcomes.count("refused")) == (CANARIES + 2, IN_PLAIN)
    assert _found_in_streams(office, needles()) == []
    assert _found_in_files(office.deployment.data, needles()) == []


def test_nor_do_their_dossiers_and_attachments(office: Office, tmp_path: Path) -> None:
    """An entry each, twenty of them in plain by mistake; all of them once more in attachments; and what commands tell."""
    messages = [entry(office, n, plain=n < IN_PLAIN) for n in range(CANARIES)]
    outcomes = [receipt.outcome for receipt in office.publish(*messages).values()]
    assert (outcomes.count("accepted"), outcomes.count("refused")) == (CANARIES - IN_PLAIN, IN_PLAIN)
    for n in range(ROSTERS):
        file = tmp_path / f"roster-{n}.txt"
        file.write_bytes(roster(n))
        content = tmp_path / f"content-{n}.json"
        content.write_text(json.dumps({"title": f"名单：{name(n)}"}), encoding="utf-8")
        words = ("--section", "rewards_sanctions", "--entry", "roster", "--content", str(content), "--attach", str(file))
        assert office.asked("registry", "dossier-add", f"hr:canary-{n}", *words)["outcome"] == "accepted"
    office.settle()
    stored = list((office.deployment.data / "attachments").rglob("*"))
    assert len([path for path in stored if path.is_file()]) == ROSTERS
    assert _found_in_streams(office, needles()) == []
    assert _found_in_files(office.deployment.data, needles()) == []
    answers = {words: office.hongling(*words) for words in _exports(office)}
    assert [words for words, answer in answers.items() if answer.exit_code != 0] == []
    told = "".join(answer.output for answer in answers.values())
    assert "operator/roster" in told
    assert _in(told.encode(), needles()) == []


def _exports(office: Office) -> list[tuple[str, ...]]:
    """What somebody types who is shown something of a person without asking for personal data."""
    person = "hr:canary-3"
    event = office.asked("history", person)["facts"][0]["event_id"]
    plain = (
        ("history", person), ("registry", "show", person), ("registry", "list", "--division", "211224"),
        ("registry", "dossier", person), ("trace", event), ("parked", "list"), ("conflicts",), ("status",),
        ("verify", "registry"),
    )  # fmt: skip
    return [*plain, *((*words, "--json") for words in plain)]


def test_an_operator_is_shown_what_is_on_record_and_erases_it_for_good(office: Office, tmp_path: Path) -> None:
    """Over the real broker: a field, an attachment, then the erasure with its certificate. Nobody else loses anything."""
    ref = office.asked("history", "hr:canary-1")["person_ref"]
    shown = office.asked("registry", "unmask", "hr:canary-1", "--field", "resident_id", *ACT)
    assert shown["fields"] == {"resident_id": number_of(1)}
    assert name(1) not in json.dumps(shown, ensure_ascii=False)
    digest, out = hashlib.sha256(roster(1)).hexdigest(), tmp_path / "roster.txt"
    office.asked("registry", "attachment", ref, digest, "--out", str(out), *ACT)
    assert out.read_bytes() == roster(1)
    file = tmp_path / "certificate.json"
    made = office.asked("registry", "erase", ref, *ACT, "--yes", "--certificate", str(file))
    assert made["erased"] == {"keys": 2, "index_entries": 2, "attachments_named": 1, "attachments_deleted": 1}
    assert made["left"] == {"keys": 0, "index_entries": 0, "attachments": 0}
    office.settle()
    assert "INTAKE stream" not in [each["where"] for each in made["remains"]]
    assert not [each for each in made["remains"] if each["where"] in ("allowance database", "talent database")]
    about = [s.message_id for s in office.stream("INTAKE") if b'"canary-1"' in s.payload or ref.encode() in s.payload]
    assert about == [], "the person's own messages are gone from the stream too"
    assert [s for s in office.stream("INTAKE") if b'"canary-2"' in s.payload]
    assert _certified(office, made) == (made["event"]["data"], made["proof"]["root"])
    assert office.asked("registry", "erase", "--check", str(file), "--root", made["proof"]["root"])["holds"]
    assert office.hongling("registry", "unmask", ref, "--field", "name", *ACT).exit_code == 2
    assert office.hongling("history", "hr:canary-1").exit_code == 2
    assert office.asked("verify", "registry")["agrees"]
    assert office.asked("registry", "unmask", "hr:canary-2", "--field", "name", *ACT)["fields"] == {"name": name(2)}
    assert _found_in_files(office.deployment.data, needles()) == []


def _certified(office: Office, made: dict[str, Any]) -> tuple[str, str]:
    """(data, root) of the event at that place, and of the tree of that size, as the log has them."""
    database = Database(office.deployment.database_url("registry"))
    try:
        log = open_log(database)
        with database.read.connect() as connection:
            rows = log.rows(connection, 0, made["proof"]["tree_size"])
            return rows[made["event"]["position"] - 1].data, root_of(row.leaf_hash for row in rows).hex()
    finally:
        database.close()


def test_the_search_finds_what_is_there(office: Office, tmp_path: Path) -> None:
    """The check above can fail: a planted name is found."""
    (tmp_path / "log.txt").write_text(f"registered {name(7)}")
    assert _found_in_files(tmp_path, [name(7).encode()]) == [("log.txt", name(7))]
    assert office.stream("REGISTRY")


def _found_in_files(folder: Path, needles: list[bytes]) -> list[tuple[str, str]]:
    """Every file below a folder (databases, journals, stream files, logs), with what it holds of the needles."""
    return [
        (path.name, needle.decode())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        for needle in _in(path.read_bytes(), needles)
    ]


def _found_in_streams(office: Office, needles: list[bytes]) -> list[tuple[str, str]]:
    """Every stream, as messages, for what is compressed in the files."""
    return [
        (stream, needle.decode())
        for stream in ("INTAKE", "REGISTRY", "ALLOWANCE", "TALENT", "RECEIPTS")
        for needle in _in(b"\n".join(s.payload + s.subject.encode() for s in office.stream(stream)), needles)
    ]


def _in(content: bytes, needles: list[bytes]) -> list[bytes]:
    """The needles that the content holds. Searched for by what they begin with: thousands share three beginnings."""
    wanted, found = set(needles), set()
    for stem, length in {(needle[:STEM_BYTES], len(needle)) for needle in needles}:
        at = content.find(stem)
        while at >= 0:
            found |= {content[at : at + length]} & wanted
            at = content.find(stem, at + 1)
    return sorted(found)
