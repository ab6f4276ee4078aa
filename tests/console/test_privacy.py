"""``hongling registry``: personal data are shown only once that is on record, and an erased person is gone for good.

The commands run on a deployment's folder with real stores and the registry's own handlers; only the way to the broker is cut
short: ``send`` hands the message to the handler, as the broker would.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner, Result

from console import personal, privacy, registry
from console.context import Context
from console.dossier import SECTIONS
from console.erasure import ROW, Remains, check_certificate
from console.publishing import Message, receipt_on_file
from console.sealing import load_public_key, seal, seal_dossier
from contracts.intake import DossierContent
from contracts.receipts import Receipt
from contracts.registry import DossierEntryRecorded, PersonalDataUnmasked, PersonErased
from eventlog.database import Database
from eventlog.ids import SeededEntropy, SystemClock
from eventlog.inclusion import path_in_log
from eventlog.log import Recorded
from services.registry.attachments import Attachments
from services.registry.decider import stream_of
from services.registry.vault import erasure, person_key
from tests.console.support import Office, office
from tests.support import NOW, PUBLIC_KEY, RegistryBench, files_with, identity, resident_id

ACT = ("--reason", "核对材料")
SECRET = "虚构的处分决定"
NOTE = "虚构的结业证明\n".encode()
NOTE_DIGEST = hashlib.sha256(NOTE).hexdigest()
LEFT_ON_STREAM = Remains("INTAKE stream", "sealed", 2, "2026-01-01")

app = typer.Typer()
registry.register(app)


class Desk:
    """An office with somebody at its desk. sent: the messages that were published. Nobody in it exists."""

    def __init__(self, office_: Office, folder: Path) -> None:
        self.office = office_
        self.folder = folder
        self.sent: list[Message] = []
        self.last = 0
        self._public = load_public_key(office_.deployment.public_key)

    async def send(self, ctx: Context, user: str, service: str, message: Message) -> Receipt:
        """What stands in for the way to the broker and back."""
        self.sent.append(message)
        await asyncio.to_thread(self.office.deliver, message.subject, message.message, carry=False)
        receipt = receipt_on_file(ctx, service, user, message.message_id)
        assert receipt is not None
        return receipt

    # --- people -------------------------------------------------------------------------------------------------------

    def person(self, **changed: str | None) -> tuple[int, str]:
        """A new person: number and person_ref. changed: fields of the identity that are others, or missing."""
        self.last += 1
        ref = self.register(self.last, **changed).person_ref
        assert ref is not None
        return self.last, ref

    def register(self, number: int, **changed: str | None) -> Any:
        plain = identity(number).model_dump() | changed
        sealed = seal({name: value for name, value in plain.items() if value is not None}, self._public)
        data = {"division": "211224", "person": {"identity": sealed, "source_key": f"K{number}"}}
        return self.office.post("worker-registered", data, effective="2021-01-01", id=f"K{number}-registered")

    def correct(self, number: int, **changed: str) -> None:
        plain = {k: v for k, v in (identity(number).model_dump() | changed).items() if v is not None}
        replacement = {"kind": "registration", "division": "211224"}
        data = {"corrects": {"id": f"K{number}-registered"}, "replacement": replacement, "reason": "误录"}
        data["identity"] = seal(plain, self._public)
        assert self.office.post("fact-corrected", data, effective="2021-01-01", id=f"K{number}-fixed").outcome == "accepted"

    def withdraw(self, message_id: str) -> None:
        data = {"withdraws": {"id": message_id}, "reason": "误报"}
        assert self.office.post("fact-withdrawn", data, effective="2021-01-01", id=f"{message_id}-w").outcome == "accepted"

    # --- asking -------------------------------------------------------------------------------------------------------

    def ask(self, *words: str, lang: str = "en") -> Result:
        options = ["--data", str(self.office.folder), "--lang", lang]
        return CliRunner().invoke(app, ["registry", *words, *options], env={"COLUMNS": "200"})

    def answer(self, *words: str, code: int = 0) -> Any:
        result = self.ask(*words, "--json")
        assert result.exit_code == code, result.output
        return json.loads(result.stdout)

    def add(self, ref: str, entry: str, *more: str, title: str = SECRET, code: int = 0) -> Result:
        result = self.ask("dossier-add", ref, "--section", "rewards_sanctions", "--entry", entry, "--title", title, *more)
        assert result.exit_code == code, result.output
        return result

    def events(self, ref: str) -> list[Recorded]:
        log = self.office.registry
        with log.database.read.connect() as connection:
            return log.load(connection, [stream_of(ref)])[stream_of(ref)]

    def unmaskings(self, ref: str) -> list[tuple[tuple[str, ...], str, str]]:
        found = [each.event for each in self.events(ref)]
        return [(e.fields, e.by, e.reason) for e in found if isinstance(e, PersonalDataUnmasked)]

    @property
    def store(self) -> Attachments:
        return Attachments(self.office.deployment.attachments, SeededEntropy(9))

    def file(self, name: str = "note.txt", content: bytes = NOTE) -> str:
        path = self.folder / name
        path.write_bytes(content)
        return str(path)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("privacy")
    with office(folder / "data") as office_:
        # An operator's message carries the real time, which must not lie in the registry's future.
        office_.clock.at = SystemClock().now()
        yield Desk(office_, folder)


async def nothing_elsewhere(_ctx: Context, _recorded: Any, _wait_seconds: float) -> list[Remains]:
    """No other service runs here."""
    return []


@pytest.fixture
def desk(opened: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    async def on_stream(_ctx: Context, _messages: Any) -> Remains | None:
        return LEFT_ON_STREAM

    monkeypatch.setattr(personal, "send", opened.send)
    monkeypatch.setattr(privacy, "sealed_messages", on_stream)
    monkeypatch.setattr(privacy, "left_elsewhere", nothing_elsewhere)
    # There is no service here that sweeps the stream.
    monkeypatch.setattr(privacy, "SWEEP_WAIT_SECONDS", 0.0)
    opened.sent.clear()
    return opened


# --- unmasking --------------------------------------------------------------------------------------------------------


def test_what_is_asked_for_is_shown_and_the_rest_stays_masked(desk: Desk) -> None:
    """It is on record who was shown which fields, and why, under the event that the answer names."""
    number, ref = desk.person()
    answer = desk.answer("unmask", ref, "--field", "resident_id", "--field", "name", *ACT)
    plain = identity(number)
    assert answer["fields"] == {"name": plain.name, "resident_id": plain.resident_id}
    assert answer["masked"] == {"phone": f"*******{number:04d}", "bank_account": f"************{number:04d}"}
    assert desk.unmaskings(ref) == [(("resident_id", "name"), "operator", "核对材料")]
    assert answer["event_id"] == desk.events(ref)[-1].event_id


def test_a_person_may_be_named_by_a_sources_key(desk: Desk) -> None:
    """In words for people, in either language; what is not on file is said to be so."""
    number, ref = desk.person(phone=None)
    told = desk.ask("unmask", f"hr:K{number}", "--field", "phone", *ACT, lang="zh").stdout
    assert "电话：（未登记）" in told
    assert f"姓名：虚{'*' * (len(identity(number).name) - 1)}" in told
    assert "phone: (not on file)" in desk.ask("unmask", ref, "--field", "phone", *ACT).stdout
    assert len(desk.unmaskings(ref)) == 2


def test_the_identity_that_stands_is_the_one_that_is_shown(desk: Desk) -> None:
    """After a correction the corrected one; after that was withdrawn, the first again."""
    number, ref = desk.person()

    def name() -> str:
        return str(desk.answer("unmask", ref, "--field", "name", *ACT)["fields"]["name"])

    assert name() == identity(number).name
    desk.correct(number, name="虚构更正")
    assert name() == "虚构更正"
    desk.withdraw(f"K{number}-fixed")
    assert name() == identity(number).name


def test_without_a_record_nothing_is_shown(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused, parked, waiting, accepted without an event, or with somebody else's: not one character more than before."""
    number, ref = desk.person()
    _, other = desk.person()
    desk.answer("unmask", other, "--field", "name", *ACT)
    strangers = desk.events(other)[-1].event_id
    registered = desk.events(ref)[0].event_id
    answers: tuple[dict[str, Any], ...] = (
        {"outcome": "refused"},
        {"outcome": "parked"},
        {"outcome": "waiting"},
        {"outcome": "accepted"},
        {"outcome": "accepted", "events": (strangers,)},
        {"outcome": "accepted", "events": (registered,)},
    )
    for given in answers:

        async def send(_ctx: Context, user: str, service: str, message: Message, given: Any = given) -> Receipt:
            # A time that cannot hold the four digits that are looked for below.
            return Receipt(source=user, id=message.message_id, service=service, at=NOW, **given)

        monkeypatch.setattr(personal, "send", send)
        for words in (("unmask", ref, "--field", "name", "--field", "resident_id"), ("dossier", ref, "--unmask")):
            for form in ((), ("--json",)):
                result = desk.ask(*words, *ACT, *form)
                assert result.exit_code in (1, 2), given
                assert identity(number).name not in result.output
                assert resident_id(number)[-4:] not in result.output
    assert desk.unmaskings(ref) == []


def test_a_record_of_fewer_fields_does_not_do(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is on record for the name only is not shown the number."""
    number, ref = desk.person()
    desk.answer("unmask", ref, "--field", "name", *ACT)
    recorded = desk.events(ref)[-1].event_id

    async def send(_ctx: Context, user: str, service: str, message: Message) -> Receipt:
        at = SystemClock().now()
        return Receipt(source=user, id=message.message_id, service=service, at=at, outcome="accepted", events=(recorded,))

    monkeypatch.setattr(personal, "send", send)
    result = desk.ask("unmask", ref, "--field", "name", "--field", "resident_id", *ACT)
    assert result.exit_code == 1
    assert resident_id(number) not in result.output
    assert identity(number).name not in result.output


def test_where_nothing_runs_nothing_is_shown(opened: Desk) -> None:
    """Exit code 3: there is no broker to publish to."""
    number, ref = opened.person()
    result = opened.ask("unmask", ref, "--field", "name", *ACT)
    assert result.exit_code == 3
    assert identity(number).name not in result.output


@pytest.mark.parametrize(
    "words",
    [
        ("--field", "address", *ACT),
        ("--field", "dossier", *ACT),
        ("--field", "name", "--reason", ""),
        ("--field", "name", "--reason", "y" * 201),
        ("--field", "name", "--reason", f"身份证 {resident_id(1)}"),
        ("--field", "name"),
    ],
)
def test_who_and_why_must_be_told_and_hold_no_personal_data(desk: Desk, words: tuple[str, ...]) -> None:
    """Nothing is published then: it would stand on record for ever."""
    _, ref = desk.person()
    assert desk.ask("unmask", ref, *words).exit_code == 2
    assert desk.sent == []


# --- the dossier ------------------------------------------------------------------------------------------------------


def test_a_dossier_is_listed_without_a_word_of_what_it_says(desk: Desk) -> None:
    """Section, key, dates, and of an attachment digest, type and size; and listing is not recorded."""
    _, ref = desk.person()
    desk.add(ref, "e-1", "--text", "详情保密", "--begins", "2020-09", "--attach", desk.file(), "--on", "2021-03-01")
    answer = desk.answer("dossier", ref)
    (row,) = answer["entries"]
    assert (row["section"], row["entry"], row["effective_on"], row["versions"]) == (
        "rewards_sanctions", "operator/e-1", "2021-03-01", 1,
    )  # fmt: skip
    assert row["attachments"] == [{"sha256": NOTE_DIGEST, "media_type": "text/plain", "size": len(NOTE)}]
    for told in (json.dumps(answer, ensure_ascii=False), desk.ask("dossier", ref, lang="zh").stdout):
        assert NOTE_DIGEST in told
        for secret in (SECRET, "保密", "2020-09"):
            assert secret not in told
    assert desk.answer("dossier", ref, "--section", "basics")["entries"] == []
    assert desk.unmaskings(ref) == []


def test_a_dossier_says_what_it_says_once_that_is_on_record(desk: Desk) -> None:
    """As it was written; an empty text is nothing."""
    _, ref = desk.person()
    desk.add(ref, "e-1", "--text", "详情", "--begins", "2020-09", "--ends", "2020-12-31")
    desk.add(ref, "e-2", title="[red]另一条")
    answer = desk.answer("dossier", ref, "--unmask", *ACT)
    assert [row["content"] for row in answer["entries"]] == [
        {"title": SECRET, "text": "详情", "begins": "2020-09", "ends": "2020-12-31"},
        {"title": "[red]另一条", "text": None, "begins": None, "ends": None},
    ]
    told = desk.ask("dossier", ref, "--unmask", *ACT).stdout
    assert SECRET in told
    assert "[red]另一条" in told
    assert desk.unmaskings(ref) == [(("dossier",), "operator", "核对材料")] * 2


def test_a_dossier_is_not_unmasked_for_nobody_or_nothing(desk: Desk) -> None:
    """Name and reason are asked for before anything is published; so is a section that exists."""
    _, ref = desk.person()
    for words in (("--unmask",), ("--unmask"), ("--unmask", "--reason", ""), ("--section", "gossip")):
        assert desk.ask("dossier", ref, *words).exit_code == 2
    assert desk.sent == []


def test_nothing_of_an_entry_leaves_the_command_in_plain(desk: Desk) -> None:
    """Neither in the message, nor in any file of the deployment."""
    _, ref = desk.person()
    desk.add(ref, "e-1", "--attach", desk.file())
    assert SECRET not in desk.sent[-1].message.decode()
    for secret in (SECRET, "虚构的结业证明"):
        assert files_with(desk.office.folder, secret.encode()) == []


def test_what_an_entry_says_may_come_from_a_file(desk: Desk) -> None:
    """Others on the machine see what is typed; the file takes the place of the four options."""
    _, ref = desk.person()
    content = desk.file("entry.json", json.dumps({"title": SECRET, "begins": "2019"}).encode())
    words = ("dossier-add", ref, "--section", "basics", "--entry", "e-1", "--content", content)
    assert desk.ask(*words).exit_code == 0
    (row,) = desk.answer("dossier", ref, "--unmask", *ACT)["entries"]
    assert row["content"] == {"title": SECRET, "text": None, "begins": "2019", "ends": None}
    assert desk.ask(*words, "--title", "x").exit_code == 2
    assert desk.ask(*words[:-1], desk.file("bad.json", b"{not json")).exit_code == 2
    assert desk.ask(*words[:-1], str(desk.folder / "nowhere.json")).exit_code == 2


@pytest.mark.parametrize(
    "words",
    [
        ("--section", "gossip", "--entry", "e-1", "--title", SECRET),
        ("--section", "basics", "--entry", "not a key", "--title", SECRET),
        ("--section", "basics", "--entry", "e-1"),
        ("--section", "basics", "--entry", "e-1", "--title", SECRET * 40),
        ("--section", "basics", "--entry", "e-1", "--title", SECRET, "--begins", "last year"),
        ("--section", "basics", "--entry", "e-1", "--title", SECRET, "--on", "soon"),
    ],
)
def test_a_wrong_entry_is_neither_published_nor_stored(desk: Desk, words: tuple[str, ...]) -> None:
    """The fields are named, what stands in them is not repeated."""
    _, ref = desk.person()
    result = desk.ask("dossier-add", ref, *words, "--attach", desk.file())
    assert result.exit_code == 2
    assert SECRET not in result.output
    assert (desk.sent, desk.store.digests_of(ref)) == ([], [])


def test_a_file_that_is_not_kept_is_named(desk: Desk) -> None:
    """Before anything is published or stored."""
    _, ref = desk.person()
    for path in (desk.file("a.exe", b"MZ\x90\x00"), desk.file("empty.txt", b""), str(desk.folder / "nowhere")):
        told = desk.add(ref, "e-1", "--attach", desk.file(), "--attach", path, code=2)
        assert path in told.output
    assert (desk.sent, desk.store.digests_of(ref)) == ([], [])


def test_what_was_stored_for_an_entry_that_is_refused_is_deleted_again(desk: Desk) -> None:
    """But not what another entry names as well."""
    _, ref = desk.person()
    desk.add(ref, "e-1", "--attach", desk.file())
    new = desk.file("new.txt", b"another note")
    told = desk.add(ref, "e-1", "--attach", new, "--attach", desk.file(), code=2)
    assert "entry-known" in told.output
    assert desk.store.digests_of(ref) == [NOTE_DIGEST]


def test_an_entry_is_corrected_as_a_whole(desk: Desk) -> None:
    """What it said before stays recorded; an attachment stays only if that is said, and is not lost by forgetting it."""
    _, ref = desk.person()
    desk.add(ref, "e-1", "--text", "旧", "--attach", desk.file())
    correct = ("dossier-correct", ref, "--entry", "e-1", "--reason", "误录", "--title", "新")
    assert "--keep" in desk.ask(*correct).output
    assert desk.ask(*correct, "--keep", "0" * 64).exit_code == 2
    other = desk.file("second.txt", b"second note")
    assert desk.ask(*correct, "--keep", NOTE_DIGEST, "--attach", other).exit_code == 0
    (row,) = desk.answer("dossier", ref, "--unmask", *ACT)["entries"]
    assert (row["versions"], row["section"], row["content"]["title"], row["content"]["text"]) == (
        2, "rewards_sanctions", "新", None,
    )  # fmt: skip
    assert [a["size"] for a in row["attachments"]] == [len(NOTE), len(b"second note")]
    assert desk.ask(*correct, "--drop-attachments", "--section", "basics").exit_code == 0
    (row,) = desk.answer("dossier", ref)["entries"]
    assert (row["versions"], row["section"], row["attachments"]) == (3, "basics", [])
    assert len([e for e in desk.events(ref) if isinstance(e.event, DossierEntryRecorded)]) == 1


def test_an_entry_that_is_not_there_is_not_corrected(desk: Desk) -> None:
    """Of another source it must be named."""
    _, ref = desk.person()
    told = desk.ask("dossier-correct", ref, "--entry", "e-9", "--reason", "误录", "--title", "x", "--entry-source", "hr")
    assert (told.exit_code, "hr/e-9" in told.output) == (2, True)
    assert desk.sent == []


def test_the_sections_are_listed_in_the_schemes_order(desk: Desk) -> None:
    _, ref = desk.person()
    for place, section in enumerate(reversed(SECTIONS)):
        assert desk.ask("dossier-add", ref, "--section", section, "--entry", f"e-{place}", "--title", "x").exit_code == 0
    assert [row["section"] for row in desk.answer("dossier", ref)["entries"]] == list(SECTIONS)
    assert "奖惩" in desk.ask("dossier", ref, lang="zh").stdout


# --- attachments ------------------------------------------------------------------------------------------------------


def test_an_attachment_comes_out_as_it_went_in(desk: Desk) -> None:
    """Into a new file that only its owner reads, once it is on record."""
    _, ref = desk.person()
    desk.add(ref, "e-1", "--attach", desk.file())
    out = desk.folder / f"{ref}.txt"
    answer = desk.answer("attachment", ref, NOTE_DIGEST, "--out", str(out), *ACT)
    assert out.read_bytes() == NOTE
    assert out.stat().st_mode & 0o777 == 0o600
    assert answer["event_id"] == desk.events(ref)[-1].event_id
    assert desk.unmaskings(ref) == [(("dossier",), "operator", "核对材料")]
    assert desk.ask("attachment", ref, NOTE_DIGEST, "--out", str(out), *ACT).exit_code == 2
    assert len(desk.unmaskings(ref)) == 1


def test_an_attachment_that_nobody_named_or_that_is_lost_is_said_to_be_so(desk: Desk) -> None:
    """Without recording that somebody saw it, since nobody did."""
    _, ref = desk.person()
    desk.add(ref, "e-1", "--attach", desk.file())
    out = ("--out", str(desk.folder / "nothing"), *ACT)
    assert desk.ask("attachment", ref, "0" * 64, *out).exit_code == 2
    assert desk.ask("attachment", ref, "../x", *out).exit_code == 2
    desk.store.discard(ref, NOTE_DIGEST)
    assert desk.ask("attachment", ref, NOTE_DIGEST, *out).exit_code == 1
    assert desk.unmaskings(ref) == []
    assert not (desk.folder / "nothing").exists()


def test_an_attachment_of_somebody_else_is_not_given_out(desk: Desk) -> None:
    """Both attached the same file: each has their own."""
    (_, first), (_, second) = desk.person(), desk.person()
    desk.add(first, "e-1", "--attach", desk.file())
    out = ("--out", str(desk.folder / "other"), *ACT)
    assert desk.ask("attachment", second, NOTE_DIGEST, *out).exit_code == 2


# --- erasing ----------------------------------------------------------------------------------------------------------


def left_of(desk: Desk, ref: str) -> tuple[int, int]:
    """(keys, index entries)."""
    with desk.office.registry.database.read.connect() as connection:
        gone = erasure(connection, ref)
    return len(gone.keys), len(gone.index)


@pytest.fixture
def somebody(desk: Desk) -> tuple[int, str]:
    """A person with an entry and an attachment, and somebody else with the same attachment."""
    number, ref = desk.person()
    desk.add(ref, "e-1", "--attach", desk.file())
    return number, ref


def test_an_erasure_says_first_what_would_go(desk: Desk, somebody: tuple[int, str]) -> None:
    """Without --yes nothing is published and nothing goes."""
    _, ref = somebody
    before = len(desk.sent)
    told = desk.ask("erase", ref, *ACT)
    assert told.exit_code == 2
    assert "2 keys, 2 index entries and 1 attachments" in told.output
    assert "2 个密钥、2 条索引和 1 个附件" in desk.ask("erase", ref, *ACT, lang="zh").output
    assert (len(desk.sent), left_of(desk, ref)) == (before, (2, 2))


def test_an_erased_person_is_gone_for_good(desk: Desk, somebody: tuple[int, str]) -> None:
    """Keys, index entries and attachments; what was encrypted stays in the log, and nobody can read or find it."""
    number, ref = somebody
    answer = desk.answer("erase", ref, *ACT, "--yes")
    assert answer["erased"] == {"keys": 2, "index_entries": 2, "attachments_named": 1, "attachments_deleted": 1}
    assert answer["left"] == {"keys": 0, "index_entries": 0, "attachments": 0}
    assert answer["problems"] == []
    assert (left_of(desk, ref), desk.store.digests_of(ref)) == ((0, 0), [])
    for words in (("unmask", ref, "--field", "name"), ("dossier", ref, "--unmask")):
        result = desk.ask(*words, *ACT)
        assert result.exit_code == 2
        assert identity(number).name not in result.output
    assert desk.unmaskings(ref) == []
    assert desk.ask("unmask", f"hr:K{number}", "--field", "name", *ACT).exit_code == 2
    assert desk.ask("dossier-add", ref, "--section", "basics", "--entry", "e-2", "--title", "x").exit_code == 2
    listed = desk.answer("dossier", ref)
    assert listed["erased"]["event_id"] == answer["event"]["event_id"]
    assert [row["entry"] for row in listed["entries"]] == ["operator/e-1"]


def test_nobody_else_loses_anything(desk: Desk, somebody: tuple[int, str]) -> None:
    """Not the one who attached the same file either."""
    number, other = desk.person()
    desk.add(other, "e-1", "--attach", desk.file())
    desk.answer("erase", somebody[1], *ACT, "--yes")
    assert desk.answer("unmask", other, "--field", "name", *ACT)["fields"] == {"name": identity(number).name}
    out = desk.folder / f"{other}.txt"
    desk.answer("attachment", other, NOTE_DIGEST, "--out", str(out), *ACT)
    assert out.read_bytes() == NOTE


def test_an_erasure_is_recorded_once_and_may_be_repeated(desk: Desk, somebody: tuple[int, str]) -> None:
    """The second time nothing is published; the certificate is of the same event."""
    _, ref = somebody
    first = desk.answer("erase", ref, *ACT, "--yes")
    before = len(desk.sent)
    again = desk.answer("erase", ref, "--reason", "再次")
    assert (again["event"], again["by"], len(desk.sent)) == (first["event"], "operator", before)
    assert again["erased"]["attachments_deleted"] == 0


def test_an_erasure_that_could_not_delete_the_files_is_completed_later(
    desk: Desk, somebody: tuple[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is on record by then, so the command says what is left to do and ends with 3; given again, it does it."""
    _, ref = somebody

    def denied(_self: Attachments, _ref: str) -> int:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Attachments, "delete_of", denied)
        told = desk.ask("erase", ref, *ACT, "--yes")
    assert told.exit_code == 3
    assert "give the command again" in told.output
    assert (left_of(desk, ref), desk.store.digests_of(ref)) == ((0, 0), [NOTE_DIGEST])
    assert desk.answer("erase", ref, *ACT)["erased"]["attachments_deleted"] == 1
    assert desk.store.digests_of(ref) == []


def test_the_key_of_a_dossier_is_made_with_the_registration_and_ends_with_the_file(database: Database) -> None:
    """The command that stores an attachment reads it and writes nothing, and the registry encrypts with the same."""
    bench = RegistryBench(database)
    bench.each(bench.registers(1))
    ref = str(bench.receipts[-1].person_ref)
    ctx = Context(None, False, "en", Console())
    key = personal.dossier_key(ctx, bench.log, bench.vault, ref)
    assert len(bench.rows(person_key)) == 2
    content = seal_dossier(DossierContent(title=SECRET), PUBLIC_KEY)
    entry = {"person": {"person_ref": ref}, "entry": "e-1", "section": "basics", "content": content}
    erasing = {"person": {"person_ref": ref}, "by": "甲", "reason": "本人申请"}
    bench.each(bench.message("dossier-entry-recorded", entry, id="e-1"))
    event = bench.events[-1].event
    assert isinstance(event, DossierEntryRecorded)
    assert bench.vault.decrypt_fields(key, bench.events[-1].event_id, event.content) == {"title": SECRET}
    bench.each(bench.message("person-erased", erasing, id="erase-1", source="operator"))
    with pytest.raises(typer.Exit):
        personal.dossier_key(ctx, bench.log, bench.vault, ref)
    assert bench.rows(person_key) == []


# --- the certificate --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made(opened: Desk) -> Any:
    """A certificate, and its file."""

    async def on_stream(_ctx: Context, _messages: Any) -> Remains | None:
        return LEFT_ON_STREAM

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(personal, "send", opened.send)
        patch.setattr(privacy, "sealed_messages", on_stream)
        patch.setattr(privacy, "left_elsewhere", nothing_elsewhere)
        patch.setattr(privacy, "SWEEP_WAIT_SECONDS", 0.0)
        _, ref = opened.person()
        opened.add(ref, "e-1", "--attach", opened.file())
        file = opened.folder / "certificate.json"
        answer = opened.answer("erase", ref, *ACT, "--yes", "--certificate", str(file))
        assert opened.ask("erase", ref, *ACT, "--certificate", str(file)).exit_code == 2, "it is there already"
    return answer, file


def test_a_certificate_says_what_went_what_is_left_and_where_it_stands(made: Any, opened: Desk) -> None:
    """Of the event as it is recorded; with what the operator must still see to."""
    answer, file = made
    told = json.loads(file.read_text(encoding="utf-8"))
    assert told == {name: value for name, value in answer.items() if name != "problems"}
    recorded = opened.events(told["person_ref"])[-1]
    assert isinstance(recorded.event, PersonErased)
    assert (told["event"]["event_id"], told["event"]["position"]) == (recorded.event_id, recorded.position)
    assert told["event"]["recorded_at"] == recorded.recorded_at
    with opened.office.registry.database.read.connect() as connection:
        assert told["proof"]["tree_size"] <= opened.office.registry.head(connection).position
    assert LEFT_ON_STREAM.payload() in told["remains"]
    assert any("backups" in each["where"] for each in told["remains"])
    assert resident_id(opened.last) not in file.read_text(encoding="utf-8")


def test_a_certificate_proves_itself_without_any_deployment(made: Any, tmp_path: Path) -> None:
    """Also in words, and against a root that was kept elsewhere."""
    answer, file = made
    root = answer["proof"]["root"]

    def check(*words: str) -> Result:
        return CliRunner().invoke(app, ["registry", "erase", "--check", str(file), "--lang", "en", *words])

    found = json.loads(check("--json").stdout)
    assert (found["holds"], found["root"], found["person_ref"]) == (True, root, answer["person_ref"])
    assert "it holds" in check("--root", root.upper()).stdout
    other = check("--root", "0" * 64)
    assert (other.exit_code, root in other.stdout) == (1, True)
    bad = tmp_path / "bad.json"
    bad.write_text("no JSON")
    result = CliRunner().invoke(app, ["registry", "erase", "--check", str(bad)])
    assert result.exit_code == 2


def changed(value: Any) -> Any:
    """The value, changed in the smallest way."""
    if isinstance(value, str):
        return ("1" if value[:1] == "0" else "0") + value[1:]
    return value + 1


@pytest.mark.parametrize(
    "place",
    [
        "person_ref", "by", "reason", "erased/keys", "erased/index_entries", "left/keys", "left/attachments", "format",
        "event/log", "event/position", "event/stream", "event/version", "event/event_id", "event/type", "event/partition",
        "event/previous", "event/effective_on", "event/recorded_at", "event/correlation_id", "event/causation_id",
        "event/actor", "event/data", "proof/root", "proof/path/0",
    ],
)  # fmt: skip
def test_a_certificate_that_was_changed_does_not_hold(made: Any, place: str) -> None:
    """Wherever it was changed in what it certifies."""
    forged = json.loads(json.dumps(made[0]))
    *way, last = [int(part) if part.isdecimal() else part for part in place.split("/")]
    holder = forged
    for step in way:
        holder = holder[step]
    holder[last] = changed(holder[last])
    assert check_certificate(forged) != []
    assert check_certificate(made[0]) == []


def test_a_certificate_cannot_be_made_from_another_event(made: Any, opened: Desk) -> None:
    """Every hash is right, but the event is no erasure, or is somebody else's: it does not hold."""
    log = opened.office.registry
    with log.database.read.connect() as connection:
        head = log.head(connection)
        first = log.read(connection, 0, 1)[0]
        path = [each.hex() for each in path_in_log(connection, first.position, head.position)]
    row = {"log": log.name, **{name: getattr(first, name) for name in ROW}}
    proof = {"tree_size": head.position, "root": head.root, "path": path}
    assert any("not an erasure" in each for each in check_certificate({**made[0], "event": row, "proof": proof}))


@pytest.mark.parametrize("text", ["null", "[]", "{}", '{"format": "hongling-erasure-certificate/1"}', '{"format": []}'])
def test_what_is_no_certificate_is_said_to_be_none(text: str) -> None:
    """Whatever JSON it is."""
    assert len(check_certificate(json.loads(text))) == 1


# --- one person in two files ------------------------------------------------------------------------------------------


def test_a_person_with_two_files_is_asked_for_by_the_one_that_goes_on(desk: Desk) -> None:
    """The duplicate says where the person went; the survivor's dossier has the entries of both."""
    (_, duplicate), (number, survivor) = desk.person(), desk.person()
    desk.add(duplicate, "e-1", "--attach", desk.file())
    desk.add(survivor, "e-1", title="幸存")
    merge(desk, duplicate, survivor)
    for words in (("unmask", duplicate, "--field", "name", *ACT), ("dossier", duplicate), ("erase", duplicate, *ACT, "--yes")):
        told = desk.ask(*words)
        assert (told.exit_code, survivor in told.output) == (2, True)
    shown = desk.answer("dossier", survivor, "--unmask", *ACT)["entries"]
    assert [(row["person_ref"], row["content"]["title"]) for row in shown] == [(duplicate, SECRET), (survivor, "幸存")]
    out = desk.folder / f"{survivor}.txt"
    desk.answer("attachment", survivor, NOTE_DIGEST, "--out", str(out), *ACT)
    assert out.read_bytes() == NOTE
    assert desk.answer("unmask", survivor, "--field", "name", *ACT)["fields"] == {"name": identity(number).name}


def test_erasing_a_person_with_two_files_erases_both(desk: Desk) -> None:
    """Keys, index entries and attachments of either."""
    (_, duplicate), (_, survivor) = desk.person(), desk.person()
    desk.add(duplicate, "e-1", "--attach", desk.file())
    desk.add(survivor, "e-1")
    merge(desk, duplicate, survivor)
    answer = desk.answer("erase", survivor, *ACT, "--yes")
    assert (answer["merged_files"], answer["erased"]["keys"], answer["problems"]) == ([duplicate], 4, [])
    for ref in (duplicate, survivor):
        assert (left_of(desk, ref), desk.store.digests_of(ref)) == ((0, 0), [])


def merge(desk: Desk, duplicate: str, survivor: str) -> None:
    data = {"person": {"person_ref": duplicate}, "survivor": {"person_ref": survivor}, "by": "甲", "reason": "重复"}
    found = desk.office.post("duplicate-confirmed", data, effective="2021-01-01", id=f"dup-{duplicate}", source="operator")
    assert found.outcome == "accepted", found
