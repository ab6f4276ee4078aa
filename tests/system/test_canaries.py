"""Personal data pass through a whole deployment and are found nowhere in plain text: files, journals, streams, logs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from console.demo_data import made_up_resident_id
from tests.system.conftest import NOBODYS_PLACE, Message, Office, start

CANARIES = 1_000
IN_PLAIN = 20
FIRST = 5_000


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
    needles = [text.encode() for n in range(CANARIES + 2 + IN_PLAIN) for text in (name(n), number_of(n), account(n))]
    assert _found_in_streams(office, needles) == []
    assert _found_in_files(office.deployment.data, needles) == []


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
    return [needle for needle in needles if needle in content]
