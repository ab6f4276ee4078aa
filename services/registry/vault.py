"""Personal data: opened here, encrypted here, and nowhere else.

Three secrets, all from outside the database: the private key that intake seals to (JWE, RFC 7516), the wrapping keys for the
per-person data keys (AES-256-GCM), and the index key (HMAC-SHA-256) by which a person is found again.

A person has a random key for each *purpose*: one for who they are, one for their dossier. A field is AES-256-GCM under such a
key, with ``<event id>/<field>/<key version>`` as associated data (``<event id>/dossier/<field>/<key version>`` for the
dossier), so that a ciphertext cannot be moved to another event, field or purpose. Deleting a person's keys makes all of it
unreadable; ``erasure`` says which rows those are.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from pydantic import BaseModel, ValidationError
from sqlalchemy import CheckConstraint, Column, Connection, Integer, LargeBinary, MetaData, Row, String, Table, select, update

from contracts.base import DIGEST_CHARS, PERSON_REF_CHARS, STATE_CHARS_MAX, WORD_CHARS_MAX, Fact
from contracts.intake import DossierContent, Identity
from contracts.problems import problems_of
from contracts.receipts import Problem
from contracts.registry import EncryptedFields, EncryptedIdentity
from eventlog.bulk import one_of
from eventlog.canonical import canonical
from eventlog.columns import hold_alike
from eventlog.database import Database
from eventlog.decider import Rejected
from eventlog.ids import Entropy
from eventlog.log import Unit

__all__ = [
    "ERASABLE",
    "RETIRED_SEALS",
    "Erasure",
    "IndexState",
    "KeyRing",
    "Purpose",
    "RetiredSeal",
    "Vault",
    "erasure",
    "index_state",
    "person_erasing",
    "person_index",
    "person_key",
    "read_index_state",
    "rewrap_page",
    "vault_metadata",
    "version_of_kind",
]

Purpose = Literal["identity", "dossier"]
"""What a key of a person is for. Each purpose has a key of its own, and all of them go with the person."""

M = TypeVar("M", bound=BaseModel)

RETIRED_SEALS = "seal-retired.jwks"
"""The file of the private keys that seals were made to before."""
REWRAP_PAGE = 500
"""Keys of one transaction: nobody waits longer for the lock than that takes."""

vault_metadata = MetaData()

person_key = Table(
    "person_key",
    vault_metadata,
    Column("person_ref", String(PERSON_REF_CHARS), primary_key=True),
    Column("purpose", String(WORD_CHARS_MAX), primary_key=True),
    Column("key_version", Integer, nullable=False),
    Column("wrapped", LargeBinary, nullable=False, comment="nonce and AES-256-GCM of the person's key under the wrapping key"),
    comment="Not part of the log: deleting a row erases the person's data while the log still verifies.",
)

person_index = Table(
    "person_index",
    vault_metadata,
    Column("value", String(DIGEST_CHARS), primary_key=True, comment="HMAC-SHA-256, full length, hex"),
    Column("kind", String(STATE_CHARS_MAX), nullable=False),
    Column("person_ref", String(PERSON_REF_CHARS), nullable=False, index=True),
    comment="Finds a person by resident ID or by a source's own key, without holding either.",
)

person_erasing = Table(
    "person_erasing",
    vault_metadata,
    Column("value", String(DIGEST_CHARS), primary_key=True, comment="as it stood in person_index"),
    Column("person_ref", String(PERSON_REF_CHARS), primary_key=True),
    comment="By what an erased person's messages on INTAKE are found; a row goes when they were looked for.",
)
index_state = Table(
    "person_index_state",
    vault_metadata,
    Column("id", Integer, primary_key=True),
    Column("current", Integer, nullable=False, comment="version of the index key that people are looked up under"),
    Column("next", Integer, nullable=True, comment="entries are being made under this one too"),
    Column("previous", Integer, nullable=True, comment="entries under this one are being taken away"),
    Column("after", String(DIGEST_CHARS), nullable=False, comment="entries up to here have been made under the next one"),
    CheckConstraint("id = 1", name="person_index_state_single_row"),
    comment="Where a change of the index key stands; no row: there is one key.",
)
hold_alike(vault_metadata)

ERASABLE = (person_key, person_index, person_erasing)
"""Tables whose deleted rows must not be found in any file of the database."""


@dataclass(frozen=True, slots=True)
class IndexState:
    """Which version of the index key people are looked up under, and how far a change to the next one is (``reindexing``)."""

    current: int = 1
    next: int | None = None
    previous: int | None = None
    after: str = ""

    @property
    def under_way(self) -> bool:
        return self.next is not None or self.previous is not None

    @property
    def step(self) -> tuple[int | None, ...]:
        """What whoever decides goes by, without how far it is."""
        return self.current, self.next, self.previous


def read_index_state(connection: Connection) -> IndexState:
    row = connection.execute(select(index_state)).one_or_none()
    return IndexState() if row is None else IndexState(row.current, row.next, row.previous, row.after)


def version_of_kind(kind: str) -> int:
    """Of the index key of an entry, which its kind says: ``resident-id`` for the first, ``resident-id/2`` for the second."""
    return int(kind.partition("/")[2] or 1)


@dataclass(frozen=True, slots=True)
class RetiredSeal:
    """A private key that a newer one took the place of. until: seals to it are opened if they came before."""

    key: OKPKey
    until: datetime


@dataclass(frozen=True)
class KeyRing:
    """The registry's secrets. wrapping: version → 32 bytes; the highest version wraps new keys. retired: by kid.

    index: the first; later_index: version → 32 bytes of those that came after it, on top of which each is used.
    credential: signs certificates as credentials (Ed25519); None in a folder that was made before there was one.
    """

    seal: OKPKey
    index: bytes
    wrapping: Mapping[int, bytes]
    credential: OKPKey | None = None
    later_index: Mapping[int, bytes] = field(default_factory=dict)
    retired: Mapping[str, RetiredSeal] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> KeyRing:
        """Read ``seal-private.jwk``, ``index.key``, ``wrapping-<n>.key`` (32 bytes as hex), and of ``index-<n>.key``,
        ``credential-private.jwk`` and ``seal-retired.jwks`` what is there.

        Raises FileNotFoundError or ValueError, naming the file."""
        wrapping, later = (
            {int(path.stem.split("-")[1]): _key_of(path) for path in folder.glob(f"{name}-*.key")}
            for name in ("wrapping", "index")
        )
        if not wrapping:
            raise FileNotFoundError(f"no wrapping-<n>.key in {folder}")
        seal = OKPKey.import_key(json.loads((folder / "seal-private.jwk").read_text()))
        signing = _signing_key_of(folder / "credential-private.jwk")
        return cls(seal, _key_of(folder / "index.key"), wrapping, signing, later, _retired(folder / RETIRED_SEALS))


def _retired(path: Path) -> dict[str, RetiredSeal]:
    """A JWK Set of private keys; ``exp`` of each says until when, in seconds since 1970."""
    if not path.exists():
        return {}
    try:
        found = [
            (OKPKey.import_key(each), datetime.fromtimestamp(each["exp"], UTC)) for each in json.loads(path.read_text())["keys"]
        ]
    except (ValueError, TypeError, KeyError, AttributeError, JoseError):
        # Nothing of the text is repeated, nor chained: these are private keys.
        raise ValueError(f"{path.name} is not a JWK Set of private keys with exp") from None
    return {key.thumbprint(): RetiredSeal(key, until) for key, until in found}


def _numbered(folder: Path, name: str) -> dict[int, bytes]:
    return {int(path.stem.split("-")[1]): _key_of(path) for path in folder.glob(f"{name}-*.key")}


def _signing_key_of(path: Path) -> OKPKey | None:
    if not path.exists():
        return None
    try:
        key = OKPKey.import_key(json.loads(path.read_text()))
    except (ValueError, TypeError, KeyError, AttributeError, JoseError):
        # Nothing of the text is repeated, nor chained: it is a private key.
        raise ValueError(f"{path.name} is not a JWK") from None
    if not key.is_private or key.curve_name != "Ed25519":
        raise ValueError(f"{path.name} must hold a private Ed25519 key")
    return key


def _key_of(path: Path) -> bytes:
    key = bytes.fromhex(path.read_text().strip())
    if len(key) != 32:
        raise ValueError(f"{path.name} must hold 32 bytes as 64 hex digits")
    return key


class SealedReference(Fact):
    """What names a known person inside a seal: the resident ID is enough."""

    resident_id: str
    name: str | None = None
    phone: str | None = None
    bank_account: str | None = None


class Vault:
    """Opens seals, encrypts fields, wraps keys, computes index values.

    reread: reads the secrets again, when a key turns up that was wrapped with one made since; None: they stay as they are.
    """

    def __init__(self, keys: KeyRing, entropy: Entropy, reread: Callable[[], KeyRing] | None = None) -> None:
        self._entropy = entropy
        self._reread = reread
        self._index_state = IndexState()
        self._take(keys)

    def _take(self, keys: KeyRing) -> None:
        self._keys = keys
        # Before the version: another thread may wrap in between.
        self._wrap = {version: AESGCM(key) for version, key in keys.wrapping.items()}
        self._version = max(keys.wrapping)

    def refresh(self) -> None:
        """Read the secrets again: a key that was retired counts as retired though nobody has used the new one yet."""
        if self._reread is not None:
            self._take(self._reread())

    @property
    def version(self) -> int:
        """Of the wrapping key that wraps new keys."""
        return self._version

    # --- seals --------------------------------------------------------------------------------------------------

    def open_identity(self, sealed: str, field: str, at: datetime | None = None) -> Identity:
        """Open a registration's identity. Raises Rejected; its problems never repeat what was inside.

        at: when the message came; one that comes after its key's time is refused. None: it was taken in before.
        """
        return self._read(Identity, sealed, field, at)

    def open_resident_id(self, sealed: str, field: str, at: datetime | None = None) -> str:
        """Open a reference to a person. The check character is not asked: an unknown number just finds nobody."""
        return self._read(SealedReference, sealed, field, at).resident_id.strip().upper()

    def open_dossier(self, sealed: str, field: str, at: datetime | None = None) -> DossierContent:
        """Open the content of a dossier entry. Raises Rejected; its problems never repeat what was inside."""
        return self._read(DossierContent, sealed, field, at, "the content")

    def _read(self, model: type[M], sealed: str, field: str, at: datetime | None, what: str = "the identity") -> M:
        plain = self._open(sealed, field, at, what)
        try:
            return model.model_validate_json(plain)
        except ValidationError as error:
            raise Rejected(*(_inside(p, field) for p in problems_of(error, ""))) from None

    def _open(self, sealed: str, field: str, at: datetime | None, what: str) -> bytes:
        retired = self._retired_for(sealed)
        if retired is not None and at is not None and at > retired.until:
            raise Rejected(
                Problem(
                    field=field,
                    code="seal-retired",
                    problem=f"{what} is sealed to a key that was taken back on {retired.until.date().isoformat()}",
                    remedy="take the registry's new public key, and send it anew under a new id",
                )
            )
        key = self._keys.seal if retired is None else retired.key
        try:
            opened = jwe.decrypt_compact(sealed, key, algorithms=["ECDH-ES", "A256GCM"])
        except (JoseError, InvalidTag, ValueError, KeyError, TypeError):
            problem = Problem(
                field=field,
                code="seal-unreadable",
                problem=f"{what} is not sealed to this registry's public key",
                remedy="seal it with the key that the registry publishes (JWE, ECDH-ES, A256GCM)",
            )
            raise Rejected(problem) from None
        return opened.plaintext or b""

    def _retired_for(self, sealed: str) -> RetiredSeal | None:
        """The key of before that a seal names; the secrets are read again for one that is not known."""
        kid = _kid_of(sealed)
        if kid is None or kid == self._keys.seal.thumbprint():
            return None
        if kid not in self._keys.retired and self._reread is not None:
            self._take(self._reread())
        return self._keys.retired.get(kid)

    # --- finding people -----------------------------------------------------------------------------------------

    def use(self, state: IndexState) -> None:
        """Look people up as a change of the index key stands. Raises FileNotFoundError for a key that is not there yet."""
        newest = max(state.current, state.next or 0)
        if newest > 1 and newest not in self._keys.later_index and self._reread is not None:
            self._take(self._reread())
        for version in range(2, newest + 1):
            if version not in self._keys.later_index:
                raise FileNotFoundError(f"index-{version}.key is not in the folder of the registry's keys; bring it back")
        self._index_state = state

    def index_of_resident_id(self, resident_id: str) -> str:
        return self._values(_resident_id_text(resident_id), self._index_state.current)[-1]

    def index_of_key(self, source: str, key: str) -> str:
        return self._values(_source_key_text(source, key), self._index_state.current)[-1]

    def any_of_resident_id(self, resident_id: str) -> list[str]:
        """Its values under every index key that there has been: an entry has one of them, or two while keys change."""
        return self._values(_resident_id_text(resident_id), self._newest)

    def any_of_key(self, source: str, key: str) -> list[str]:
        return self._values(_source_key_text(source, key), self._newest)

    def entries(self, value: str, kind: str, person_ref: str) -> list[dict[str, Any]]:
        """The rows of ``person_index`` for a value under the current key: itself, and its twin while there is a next one."""
        name, state = kind.partition("/")[0], self._index_state
        versions = {state.current: value}
        if state.next is not None:
            versions[state.next] = self.under(value, state.next)
        return [
            {"value": each, "kind": name if version == 1 else f"{name}/{version}", "person_ref": person_ref}
            for version, each in versions.items()
        ]

    def under(self, value: str, version: int) -> str:
        """The value under a key, from that under the key before it."""
        return hmac.digest(self._keys.later_index[version], value.encode(), "sha256").hex()

    @property
    def _newest(self) -> int:
        version = 1
        while version + 1 in self._keys.later_index:
            version += 1
        return version

    def _values(self, text: str, upto: int) -> list[str]:
        """The value under each key, from the first on."""
        values = [self._first(text)]
        for version in range(2, upto + 1):
            values.append(self.under(values[-1], version))
        return values

    def _first(self, text: str) -> str:
        return hmac.digest(self._keys.index, text.encode(), "sha256").hex()

    # --- fields -------------------------------------------------------------------------------------------------

    def new_key(self, person_ref: str, purpose: Purpose = "identity") -> tuple[bytes, dict[str, Any]]:
        """A fresh data key for a person and a purpose, and its row for ``person_key``."""
        key, nonce = self._entropy.bytes(32), self._entropy.bytes(12)
        data = _wrap_data(person_ref, purpose, self._version)
        wrapped = nonce + self._wrap[self._version].encrypt(nonce, key, data)
        return key, {"person_ref": person_ref, "purpose": purpose, "key_version": self._version, "wrapped": wrapped}

    def keys_of(self, connection: Connection, person_refs: Iterable[str], purpose: Purpose = "identity") -> dict[str, bytes]:
        """The data keys of these people for a purpose, as far as they were made and have not been erased."""
        chosen = one_of(connection, person_key.c.person_ref, list(person_refs)), person_key.c.purpose == purpose
        query = select(person_key).where(*chosen)
        return {row.person_ref: self._unwrapped(row) for row in connection.execute(query)}

    def _unwrapped(self, row: Row[Any]) -> bytes:
        if row.key_version not in self._wrap and self._reread is not None:
            self._take(self._reread())
        data = _wrap_data(row.person_ref, row.purpose, row.key_version)
        return self._wrap[row.key_version].decrypt(row.wrapped[:12], row.wrapped[12:], data)

    def rewrapped(self, row: Row[Any]) -> dict[str, Any]:
        """The columns of a row of ``person_key`` with the same key under the newest wrapping key."""
        nonce, data = self._entropy.bytes(12), _wrap_data(row.person_ref, row.purpose, self._version)
        wrapped = nonce + self._wrap[self._version].encrypt(nonce, self._unwrapped(row), data)
        return {"key_version": self._version, "wrapped": wrapped}

    def encrypt(self, key: bytes, event_id: str, fields: Mapping[str, str]) -> EncryptedIdentity:
        """Encrypt identity fields for one event. key: of the purpose identity."""
        return EncryptedIdentity(
            key_version=self._version, fields=self._sealed(key, event_id, fields, "identity"), mark=self.mark(key, fields)
        )

    def decrypt(self, key: bytes, event_id: str, identity: EncryptedIdentity) -> dict[str, str]:
        """The fields in plain. Raises InvalidTag if anything was moved or changed."""
        return _opened(key, event_id, identity.fields, "identity", identity.key_version)

    def encrypt_fields(
        self, key: bytes, event_id: str, fields: Mapping[str, str], purpose: Literal["dossier"] = "dossier"
    ) -> EncryptedFields:
        """Encrypt fields of another purpose for one event. key: of that purpose."""
        return EncryptedFields(purpose=purpose, key_version=self._version, fields=self._sealed(key, event_id, fields, purpose))

    def decrypt_fields(self, key: bytes, event_id: str, encrypted: EncryptedFields) -> dict[str, str]:
        """The fields in plain. Raises InvalidTag if anything was moved or changed."""
        return _opened(key, event_id, encrypted.fields, encrypted.purpose, encrypted.key_version)

    def _sealed(self, key: bytes, event_id: str, fields: Mapping[str, str], purpose: Purpose) -> dict[str, str]:
        cipher = AESGCM(key)
        encrypted = {}
        for name, value in sorted(fields.items()):
            nonce = self._entropy.bytes(12)
            sealed = cipher.encrypt(nonce, value.encode(), _field_data(event_id, purpose, name, self._version))
            encrypted[name] = base64.b64encode(nonce + sealed).decode()
        return encrypted

    def content_mark(self, fields: Mapping[str, Any]) -> str:
        """Equal for equal identities, whoever they are of: to see that a message says the same as before."""
        return self._first(f"content\0{canonical(dict(fields)).decode()}")

    def reference_mark(self, resident_id: str) -> str:
        """The same for a reference. Under the first key for ever, like that one: a repeat is told whenever it comes."""
        return self._first(_resident_id_text(resident_id))

    def mark(self, key: bytes, fields: Mapping[str, str]) -> str:
        """Equal for equal identities of one person; without the person's key it tells nothing."""
        own = {name: value for name, value in fields.items() if name != "source_key"}
        return hmac.digest(hashlib.sha256(b"mark" + key).digest(), canonical(own), "sha256").hex()[:32]


@dataclass(frozen=True, slots=True)
class Erasure:
    """What has to go for a person to become unreadable. keys: keys of rows of ``person_key``; index: of ``person_index``."""

    keys: tuple[tuple[str, str], ...]
    index: tuple[str, ...]

    @property
    def deletes(self) -> list[tuple[Table, str | tuple[str, ...]]]:
        """The rows, as ``eventlog.log.Unit.deletes`` takes them."""
        return [*((person_key, key) for key in self.keys), *((person_index, value) for value in self.index)]

    def follow_up(self, person_ref: str) -> list[tuple[Table, dict[str, Any]]]:
        """The rows that the follow-up needs, as ``eventlog.log.Unit.inserts`` takes them."""
        return [(person_erasing, {"value": value, "person_ref": person_ref}) for value in self.index]


def erasure(connection: Connection, person_ref: str, units: Sequence[Unit] = (), *, also: Collection[str] = ()) -> Erasure:
    """Every row that a person can be read or found by.

    units: of the batch so far, not committed yet: what they put in goes too, and what they take out is gone already.
    also: the files that were merged into this one, whose keys stayed with them.
    """
    refs = {person_ref, *also}
    key_rows = select(person_key.c.person_ref, person_key.c.purpose)
    index_rows = select(person_index.c.value)
    keys = {tuple(row) for row in connection.execute(key_rows.where(one_of(connection, person_key.c.person_ref, refs)))}
    index = set(connection.scalars(index_rows.where(one_of(connection, person_index.c.person_ref, refs))))
    for unit in units:
        keys -= {key for table, key in unit.deletes if table is person_key}
        index -= {key for table, key in unit.deletes if table is person_index}
        own = [(table, row) for table, row in unit.inserts if row.get("person_ref") in refs]
        keys |= {(row["person_ref"], row["purpose"]) for table, row in own if table is person_key}
        index |= {row["value"] for table, row in own if table is person_index}
    return Erasure(tuple(sorted(keys)), tuple(sorted(index)))


def rewrap_page(vault: Vault, database: Database, limit: int = REWRAP_PAGE) -> int:
    """Wrap the next keys anew, in one short transaction; returns how many, 0 when none is left. Raises InvalidTag, KeyError."""
    with database.write.begin() as connection:
        query = select(person_key).where(person_key.c.key_version < vault.version).limit(limit).with_for_update()
        rows = connection.execute(query).all()
        for row in rows:
            own = person_key.c.person_ref == row.person_ref, person_key.c.purpose == row.purpose
            connection.execute(update(person_key).where(*own).values(**vault.rewrapped(row)))
    return len(rows)


def _opened(key: bytes, event_id: str, fields: Mapping[str, str], purpose: Purpose, version: int) -> dict[str, str]:
    cipher = AESGCM(key)
    plain = {}
    for name, text in fields.items():
        raw = base64.b64decode(text)
        plain[name] = cipher.decrypt(raw[:12], raw[12:], _field_data(event_id, purpose, name, version)).decode()
    return plain


def _kid_of(sealed: str) -> str | None:
    """The key that a seal says it is for (``kid`` of the protected header, RFC 7516 section 4.1.6)."""
    head = sealed.partition(".")[0]
    try:
        found = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))["kid"]
    except (ValueError, TypeError, KeyError):
        return None
    return found if isinstance(found, str) else None


def _resident_id_text(resident_id: str) -> str:
    return f"resident-id\0{resident_id}"


def _source_key_text(source: str, key: str) -> str:
    return f"source-key\0{source}\0{key}"


def _wrap_data(person_ref: str, purpose: Purpose, version: int) -> bytes:
    return f"{person_ref}/{purpose}/{version}".encode()


def _field_data(event_id: str, purpose: Purpose, name: str, version: int) -> bytes:
    # Identities were written before there were other purposes, without naming theirs; they must stay readable.
    named = name if purpose == "identity" else f"{purpose}/{name}"
    return f"{event_id}/{named}/{version}".encode()


def _inside(problem: Problem, field: str) -> Problem:
    inner = problem.field.removeprefix("data.")
    return problem.model_copy(update={"field": f"{field}.{inner}" if inner else field})
