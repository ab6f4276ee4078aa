"""Personal data are opened and encrypted here, bound to their event and person, and found again without being held."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwe
from joserfc.jwk import OKPKey
from sqlalchemy import create_engine, insert, select

from console.sealing import new_key_pair, public_key_of, seal, seal_dossier
from contracts.intake import DossierContent
from contracts.registry import EncryptedFields, EncryptedIdentity
from eventlog.codec import Codec
from eventlog.database import Database
from eventlog.decider import Rejected
from eventlog.ids import SeededEntropy
from eventlog.log import Log, Unit
from services.registry.vault import KeyRing, Vault, erasure, person_index, person_key, rewrap_page, vault_metadata
from tests.support import KEYS, OPERATIONS, PUBLIC_KEY, RegistryBench, event_id, identity, new_log, resident_id, sealed

FIELDS = {"name": "虚构人物1号", "resident_id": resident_id(1)}
REF, OTHER = "p" + "1" * 26, "p" + "2" * 26


@pytest.fixture
def vault() -> Vault:
    return Vault(KEYS, SeededEntropy(3))


# --- fields -----------------------------------------------------------------------------------------------------------


@given(
    fields=st.dictionaries(st.sampled_from(["name", "resident_id", "phone"]), st.text(st.characters(exclude_categories=["Cs"])))
)
def test_what_was_encrypted_is_what_is_read(fields: dict[str, str]) -> None:
    """Any text in any field."""
    vault = Vault(KEYS, SeededEntropy(3))
    key, _ = vault.new_key(REF)
    assert vault.decrypt(key, event_id(1), vault.encrypt(key, event_id(1), fields)) == fields


def test_ciphertexts_differ_each_time_and_hold_nothing_in_plain(vault: Vault) -> None:
    """A nonce of its own for each field and event."""
    key, _ = vault.new_key(REF)
    first, second = (vault.encrypt(key, event_id(1), FIELDS) for _ in range(2))
    assert all(first.fields[name] != second.fields[name] for name in FIELDS)
    nonces = {base64.b64decode(text)[:12] for found in (first, second) for text in found.fields.values()}
    assert len(nonces) == 4
    assert not any(value in first.model_dump_json() for value in FIELDS.values())


def test_a_ciphertext_cannot_be_moved_to_another_event(vault: Vault) -> None:
    """The event's id is part of what is authenticated."""
    key, _ = vault.new_key(REF)
    with pytest.raises(InvalidTag):
        vault.decrypt(key, event_id(2), vault.encrypt(key, event_id(1), FIELDS))


def test_a_ciphertext_cannot_be_moved_to_another_field_or_version(vault: Vault) -> None:
    """Nor can the name be shown as the number."""
    key, _ = vault.new_key(REF)
    made = vault.encrypt(key, event_id(1), FIELDS)
    swapped = {"name": made.fields["resident_id"], "resident_id": made.fields["name"]}
    for forged in (made.model_copy(update={"fields": swapped}), made.model_copy(update={"key_version": 2})):
        with pytest.raises(InvalidTag):
            vault.decrypt(key, event_id(1), forged)


def test_a_changed_ciphertext_is_noticed(vault: Vault) -> None:
    """Each byte counts."""
    key, _ = vault.new_key(REF)
    made = vault.encrypt(key, event_id(1), {"name": "x"})
    raw = bytearray(base64.b64decode(made.fields["name"]))
    for place in range(len(raw)):
        changed = bytes(byte ^ (place == at) for at, byte in enumerate(raw))
        forged = EncryptedIdentity(key_version=1, fields={"name": base64.b64encode(changed).decode()}, mark=made.mark)
        with pytest.raises(InvalidTag):
            vault.decrypt(key, event_id(1), forged)


def test_another_persons_key_opens_nothing(vault: Vault) -> None:
    """Each person has their own."""
    (key, _), (other, _) = vault.new_key(REF), vault.new_key(OTHER)
    assert key != other
    with pytest.raises(InvalidTag):
        vault.decrypt(other, event_id(1), vault.encrypt(key, event_id(1), FIELDS))


# --- purposes ---------------------------------------------------------------------------------------------------------

ENTRY = {"title": "虚构培训", "text": "结业"}


def test_what_was_written_before_there_were_purposes_still_opens(vault: Vault) -> None:
    """An identity's associated data name no purpose, and its key is wrapped as it always was."""
    key, nonce = b"d" * 32, b"n" * 12
    sealed_name = AESGCM(key).encrypt(nonce, "虚构".encode(), f"{event_id(1)}/name/1".encode())
    old = EncryptedIdentity(key_version=1, fields={"name": base64.b64encode(nonce + sealed_name).decode()}, mark="m")
    assert vault.decrypt(key, event_id(1), old) == {"name": "虚构"}
    wrapped = nonce + AESGCM(KEYS.wrapping[1]).encrypt(nonce, key, f"{REF}/identity/1".encode())
    row = {"person_ref": REF, "purpose": "identity", "key_version": 1, "wrapped": wrapped}
    engine = create_engine("sqlite://")
    vault_metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(person_key), [row])
        assert vault.keys_of(connection, [REF]) == {REF: key}


def test_each_purpose_of_a_person_has_a_key_of_its_own(vault: Vault) -> None:
    """Side by side in the database, and asked for by purpose; one cannot be put in the other's place."""
    engine = create_engine("sqlite://")
    vault_metadata.create_all(engine)
    (identity_key, row), (dossier_key, dossier_row) = vault.new_key(REF), vault.new_key(REF, "dossier")
    assert identity_key != dossier_key
    with engine.begin() as connection:
        connection.execute(insert(person_key), [row, dossier_row])
        assert vault.keys_of(connection, [REF]) == {REF: identity_key}
        assert vault.keys_of(connection, [REF], "dossier") == {REF: dossier_key}
        connection.execute(person_key.delete())
        connection.execute(insert(person_key), [row | {"purpose": "dossier"}])
        with pytest.raises(InvalidTag):
            vault.keys_of(connection, [REF], "dossier")


@given(fields=st.dictionaries(st.sampled_from(["title", "text"]), st.text(st.characters(exclude_categories=["Cs"]))))
def test_what_was_encrypted_of_a_dossier_is_what_is_read(fields: dict[str, str]) -> None:
    """Any text in any field; the purpose stands beside it."""
    vault = Vault(KEYS, SeededEntropy(3))
    key, _ = vault.new_key(REF, "dossier")
    made = vault.encrypt_fields(key, event_id(1), fields)
    assert made.purpose == "dossier"
    assert vault.decrypt_fields(key, event_id(1), made) == fields
    assert not any(value in "".join(made.fields.values()) for value in fields.values() if len(value) > 4)


def test_a_field_of_the_dossier_cannot_be_moved(vault: Vault) -> None:
    """Not to another event, field, version or purpose, even under the same key."""
    key, _ = vault.new_key(REF, "dossier")
    made = vault.encrypt_fields(key, event_id(1), ENTRY)
    swapped = {"title": made.fields["text"], "text": made.fields["title"]}
    forged = (made.model_copy(update={"fields": swapped}), made.model_copy(update={"key_version": 2}))
    for each, of in ((made, event_id(2)), *((f, event_id(1)) for f in forged)):
        with pytest.raises(InvalidTag):
            vault.decrypt_fields(key, of, each)
    as_identity = EncryptedIdentity(key_version=made.key_version, fields=made.fields, mark="m")
    with pytest.raises(InvalidTag):
        vault.decrypt(key, event_id(1), as_identity)
    as_dossier = EncryptedFields(key_version=1, fields=vault.encrypt(key, event_id(1), ENTRY).fields)
    with pytest.raises(InvalidTag):
        vault.decrypt_fields(key, event_id(1), as_dossier)


# --- erasing ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def people(database: Database, vault: Vault) -> Log:
    """A log whose side tables hold two people: both purposes and two index entries of one, an identity of the other."""
    log = new_log(database, "registry", Codec(OPERATIONS))
    with database.write.begin() as connection:
        vault_metadata.create_all(connection)
        connection.execute(insert(person_key), [vault.new_key(REF)[1], vault.new_key(REF, "dossier")[1]])
        connection.execute(insert(person_key), [vault.new_key(OTHER)[1]])
        connection.execute(insert(person_index), [index_row("1", REF), index_row("2", REF), index_row("3", OTHER)])
    return log


def index_row(value: str, ref: str) -> dict[str, str]:
    return {"value": value * 64, "kind": "resident-id", "person_ref": ref}


def left(log: Log) -> tuple[set[tuple[str, str]], set[str]]:
    """(person, purpose) of the keys, and the people whom the index finds."""
    with log.database.read.connect() as connection:
        keys = {(row.person_ref, row.purpose) for row in connection.execute(select(person_key))}
        return keys, set(connection.scalars(select(person_index.c.person_ref)))


def test_an_erasure_takes_every_key_and_index_entry_of_one_person(people: Log) -> None:
    """As one append of the log, and nothing of anybody else."""
    with people.database.read.connect() as connection:
        gone = erasure(connection, REF)
    assert (gone.keys, len(gone.index)) == (((REF, "dossier"), (REF, "identity")), 2)
    people.append([Unit(deletes=gone.deletes)])
    assert left(people) == ({(OTHER, "identity")}, {OTHER})
    with people.database.read.connect() as connection:
        assert erasure(connection, REF).deletes == []


def test_an_erasure_takes_what_the_same_batch_put_in(people: Log, vault: Vault) -> None:
    """A key and an index entry that are not committed yet go too; what the batch took out is not counted twice."""
    third = "p" + "3" * 26
    before = [
        Unit(inserts=[(person_key, vault.new_key(OTHER, "dossier")[1]), (person_index, index_row("4", OTHER))]),
        Unit(inserts=[(person_key, vault.new_key(third)[1]), (person_index, index_row("5", third))]),
        Unit(deletes=[(person_index, "3" * 64)]),
    ]
    with people.database.read.connect() as connection:
        gone = erasure(connection, OTHER, before)
    assert (gone.keys, gone.index) == (((OTHER, "dossier"), (OTHER, "identity")), ("4" * 64,))
    people.append([*before, Unit(deletes=gone.deletes)])
    assert left(people) == ({(REF, "identity"), (REF, "dossier"), (third, "identity")}, {REF, third})


def test_an_erasure_takes_the_keys_of_the_files_that_were_merged_into_it(people: Log) -> None:
    """The duplicate's identity is the same person's."""
    with people.database.read.connect() as connection:
        gone = erasure(connection, OTHER, also=[REF])
    people.append([Unit(deletes=gone.deletes)])
    assert left(people) == (set(), set())


# --- keys -------------------------------------------------------------------------------------------------------------


def test_keys_are_wrapped_in_the_database_and_come_back(vault: Vault) -> None:
    """Only those asked for; one that was deleted does not come back, and with it nothing of the person can be read."""
    engine = create_engine("sqlite://")
    vault_metadata.create_all(engine)
    (key, row), (other, other_row) = vault.new_key(REF), vault.new_key(OTHER)
    assert key not in row["wrapped"]
    with engine.begin() as connection:
        connection.execute(insert(person_key), [row, other_row])
        assert vault.keys_of(connection, [REF]) == {REF: key}
        assert vault.keys_of(connection, [REF, OTHER, "p" + "3" * 26]) == {REF: key, OTHER: other}
        connection.execute(person_key.delete().where(person_key.c.person_ref == REF))
        assert vault.keys_of(connection, [REF]) == {}


def test_a_wrapped_key_cannot_be_given_to_another_person(vault: Vault) -> None:
    """The person is part of what is authenticated."""
    engine = create_engine("sqlite://")
    vault_metadata.create_all(engine)
    _, row = vault.new_key(REF)
    with engine.begin() as connection:
        connection.execute(insert(person_key), row | {"person_ref": OTHER})
        with pytest.raises(InvalidTag):
            vault.keys_of(connection, [OTHER])


def test_after_a_change_of_the_wrapping_key_old_rows_still_open(vault: Vault) -> None:
    """The highest version wraps; every version unwraps."""
    newer = Vault(KeyRing(KEYS.seal, KEYS.index, {**KEYS.wrapping, 2: b"2" * 32}), SeededEntropy(4))
    (old_key, old_row), (new_key, new_row) = vault.new_key(REF), newer.new_key(OTHER)
    assert (old_row["key_version"], new_row["key_version"]) == (1, 2)
    engine = create_engine("sqlite://")
    vault_metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(person_key), [old_row, new_row])
        assert newer.keys_of(connection, [REF, OTHER]) == {REF: old_key, OTHER: new_key}
    made = vault.encrypt(old_key, event_id(1), FIELDS)
    assert newer.decrypt(old_key, event_id(1), made) == FIELDS


# --- finding and comparing ----------------------------------------------------------------------------------------------


def test_the_index_is_keyed_full_length_and_apart_by_kind(vault: Vault) -> None:
    """Who has the table cannot try numbers without the key; a source's key is never taken for a number or another source's."""
    stranger = Vault(KeyRing(KEYS.seal, b"x" * 32, KEYS.wrapping), SeededEntropy(3))
    values = [
        vault.index_of_resident_id("a"), vault.index_of_key("hr", "a"), vault.index_of_key("h", "ra"),
        vault.index_of_key("training", "a"), vault.content_mark({"a": "a"}), stranger.index_of_resident_id("a"),
    ]  # fmt: skip
    assert len(set(values)) == 6
    assert {len(value) for value in values} == {64}
    assert vault.index_of_resident_id("a") == Vault(KEYS, SeededEntropy(9)).index_of_resident_id("a")


def test_a_mark_tells_equal_identities_of_one_person_apart_from_others(vault: Vault) -> None:
    """The source's own key for them is no part of who they are; of two people, equal fields have different marks."""
    (key, _), (other, _) = vault.new_key(REF), vault.new_key(OTHER)
    assert vault.mark(key, FIELDS) == vault.mark(key, FIELDS | {"source_key": "hr/w-1"})
    assert vault.mark(key, FIELDS) != vault.mark(key, FIELDS | {"name": "另一个虚构人物"})
    assert vault.mark(key, FIELDS) != vault.mark(other, FIELDS)


# --- seals ------------------------------------------------------------------------------------------------------------


def test_a_sealed_identity_opens(vault: Vault) -> None:
    """With everything in it; a reference needs the number only, and takes a whole identity too."""
    assert vault.open_identity(sealed(1), "f") == identity(1)
    assert vault.open_resident_id(sealed({"resident_id": resident_id(1).lower()}), "f") == resident_id(1)
    assert vault.open_resident_id(sealed(1), "f") == resident_id(1)


@pytest.mark.parametrize(
    ("inside", "field", "code"),
    [
        ({"resident_id": resident_id(1)}, "f.name", "missing"),
        ({"name": "x" * 101, "resident_id": resident_id(1)}, "f.name", "too-long"),
        ({"name": "x", "resident_id": "123"}, "f.resident_id", "bad-resident-id"),
        ({"name": "x", "resident_id": resident_id(1), "phone": "call me"}, "f.phone", "bad-pattern"),
    ],
)
def test_what_is_wrong_inside_a_seal_is_named_and_not_repeated(
    vault: Vault, inside: dict[str, str], field: str, code: str
) -> None:
    """The field's path goes on inside the seal."""
    with pytest.raises(Rejected) as caught:
        vault.open_identity(sealed(inside), "f")
    assert [(p.field, p.code) for p in caught.value.problems] == [(field, code)]
    assert not any(value in repr(caught.value.problems) for value in inside.values() if len(value) > 2)


def test_sealed_content_of_a_dossier_opens(vault: Vault) -> None:
    """All of it, or as little as a title."""
    full = DossierContent(title="虚构培训", text="共四十学时\n结业", begins="2020-09", ends="2020-12-31")
    for content in (full, DossierContent(title="x")):
        assert vault.open_dossier(seal_dossier(content, PUBLIC_KEY), "data.content") == content


@pytest.mark.parametrize(
    ("inside", "field", "code"),
    [
        ({"text": "秘密之事"}, "f.title", "missing"),
        ({"title": "秘" * 201}, "f.title", "too-long"),
        ({"title": "x", "text": "密" * 4001}, "f.text", "too-long"),
        ({"title": "x", "begins": "很久以前"}, "f.begins", "bad-pattern"),
        ({"title": "x", "places": "秘密之地"}, "f.places", "unknown-field"),
        ({"name": "虚构人物", "resident_id": resident_id(1)}, "f.title", "missing"),
    ],
)
def test_what_is_wrong_inside_a_dossier_entry_is_named_and_not_repeated(
    vault: Vault, inside: dict[str, str], field: str, code: str
) -> None:
    """The field's path goes on inside the seal; not a word of the content comes back."""
    sealed_content = jwe.encrypt_compact(HEADER, json.dumps(inside).encode(), PUBLIC_KEY, algorithms=["ECDH-ES", "A256GCM"])
    with pytest.raises(Rejected) as caught:
        vault.open_dossier(sealed_content, "f")
    assert (field, code) in [(p.field, p.code) for p in caught.value.problems]
    assert not any(value in repr(caught.value.problems) for value in inside.values() if len(value) > 2)


def test_a_seal_to_another_registry_is_refused(vault: Vault) -> None:
    """And so is a reference in one, or a dossier entry."""
    other = public_key_of(new_key_pair()[1])
    for opened in (vault.open_identity, vault.open_resident_id, vault.open_dossier):
        with pytest.raises(Rejected) as caught:
            opened(seal({"resident_id": resident_id(1)}, other), "f")
        assert [p.code for p in caught.value.problems] == ["seal-unreadable"]


PART = st.text("ABCDEFGHIJKLMNOPabcdefghijklmnop0123456789-_", max_size=12)


HEADER = {"alg": "ECDH-ES", "enc": "A256GCM"}
HEADERS: tuple[object, ...] = (
    None, [], {"alg": 1}, HEADER, HEADER | {"alg": "dir"}, HEADER | {"epk": 1}, HEADER | {"epk": {}}, HEADER | {"zip": "DEF"},
    HEADER | {"crit": ["x"]}, HEADER | {"epk": {"kty": "OKP", "crv": "X25519", "x": "AA"}},
)  # fmt: skip


@given(parts=st.lists(PART, min_size=5, max_size=5), header=st.sampled_from(HEADERS))
def test_no_text_at_all_in_the_place_of_a_seal_makes_the_vault_fail(parts: list[str], header: object) -> None:
    """Whatever a source sends there is its mistake, not our failure."""
    if header is not None:
        parts[0] = base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
    with pytest.raises(Rejected):
        Vault(KEYS, SeededEntropy(3)).open_identity(".".join(parts), "f")


# --- the ring of keys -----------------------------------------------------------------------------------------------------


def write_keys(folder: Path) -> None:
    (folder / "seal-private.jwk").write_text(new_key_pair()[0])
    (folder / "index.key").write_text("11" * 32)
    (folder / "wrapping-1.key").write_text("22" * 32 + "\n")
    (folder / "wrapping-12.key").write_text("33" * 32)


def test_keys_are_read_from_their_folder(tmp_path: Path) -> None:
    """Every wrapping key by its version."""
    write_keys(tmp_path)
    ring = KeyRing.read(tmp_path)
    assert ring.index == b"\x11" * 32
    assert ring.wrapping == {1: b"\x22" * 32, 12: b"\x33" * 32}
    assert isinstance(ring.seal, OKPKey)


@pytest.mark.parametrize("name", ["seal-private.jwk", "index.key"])
def test_a_key_that_is_missing_is_named(tmp_path: Path, name: str) -> None:
    """By its file."""
    write_keys(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(FileNotFoundError, match=name):
        KeyRing.read(tmp_path)


def test_a_folder_without_a_wrapping_key_is_refused(tmp_path: Path) -> None:
    """Nothing could be encrypted."""
    with pytest.raises(FileNotFoundError, match="wrapping"):
        KeyRing.read(tmp_path)


def test_a_key_of_the_wrong_length_is_refused(tmp_path: Path) -> None:
    """And not padded; the text of the key is not repeated."""
    write_keys(tmp_path)
    (tmp_path / "wrapping-1.key").write_text("ab" * 16)
    with pytest.raises(ValueError, match=r"wrapping-1\.key must hold 32 bytes") as caught:
        KeyRing.read(tmp_path)
    assert "abab" not in str(caught.value)


# --- a new wrapping key -----------------------------------------------------------------------------------------------


def test_everybodys_keys_come_under_the_newest_wrapping_key_while_the_registry_runs(database: Database) -> None:
    """In pages, to be broken off and gone on with; what runs reads its secrets again, and nothing old is left in a row."""
    bench = RegistryBench(database)
    newer = replace(KEYS, wrapping={**KEYS.wrapping, 2: bytes(32)})
    bench.vault = running = Vault(KEYS, SeededEntropy(7), lambda: newer)
    bench.each(*(bench.registers(n, id=f"reg-{n}", key=f"w-{n}") for n in range(1, 6)))
    refs = [str(receipt.person_ref) for receipt in bench.receipts]
    with database.read.connect() as connection:
        before = running.keys_of(connection, refs)
    renewing = Vault(newer, SeededEntropy(8))
    assert [rewrap_page(renewing, database, 6) for _ in range(3)] == [6, 4, 0]
    rows = bench.rows(person_key)
    assert {row.key_version for row in rows} == {2}
    with database.read.connect() as connection:
        assert running.keys_of(connection, refs) == before
        assert Vault(replace(newer, wrapping={2: bytes(32)}), SeededEntropy(9)).keys_of(connection, refs) == before
    assert running.version == 2
