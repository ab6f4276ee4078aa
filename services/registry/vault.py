"""Personal data: opened here, encrypted here, and nowhere else.

Three secrets, all from outside the database: the private key that intake seals to (JWE, RFC 7516), the wrapping keys for the
per-person data keys (AES-256-GCM), and the index key (HMAC-SHA-256) by which a person is found again.

A field is AES-256-GCM under a random key of this person and purpose, with ``<event id>/<field>/<key version>`` as associated
data, so that a ciphertext cannot be moved to another event or field. Deleting the person's key makes all of them unreadable.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from pydantic import ValidationError
from sqlalchemy import Column, Connection, Integer, LargeBinary, MetaData, String, Table, select

from contracts.base import Fact
from contracts.intake import Identity
from contracts.problems import problems_of
from contracts.receipts import Problem
from contracts.registry import EncryptedIdentity
from eventlog.bulk import one_of
from eventlog.canonical import canonical
from eventlog.decider import Rejected
from eventlog.ids import Entropy

__all__ = ["KeyRing", "Vault", "person_index", "person_key", "vault_metadata"]

PURPOSE = "identity"

vault_metadata = MetaData()

person_key = Table(
    "person_key",
    vault_metadata,
    Column("person_ref", String(32), primary_key=True),
    Column("purpose", String(32), primary_key=True),
    Column("key_version", Integer, nullable=False),
    Column("wrapped", LargeBinary, nullable=False, comment="nonce and AES-256-GCM of the person's key under the wrapping key"),
    comment="Not part of the log: deleting a row erases the person's data while the log still verifies.",
)

person_index = Table(
    "person_index",
    vault_metadata,
    Column("value", String(64), primary_key=True, comment="HMAC-SHA-256, full length, hex"),
    Column("kind", String(16), nullable=False),
    Column("person_ref", String(32), nullable=False, index=True),
    comment="Finds a person by resident ID or by a source's own key, without holding either.",
)


@dataclass(frozen=True)
class KeyRing:
    """The registry's secrets. wrapping: version → 32 bytes; the highest version wraps new keys."""

    seal: OKPKey
    index: bytes
    wrapping: Mapping[int, bytes]

    @classmethod
    def read(cls, folder: Path) -> KeyRing:
        """Read ``seal-private.jwk``, ``index.key`` and ``wrapping-<n>.key`` (32 bytes as hex).

        Raises FileNotFoundError or ValueError, naming the file."""
        wrapping = {}
        for path in folder.glob("wrapping-*.key"):
            wrapping[int(path.stem.split("-")[1])] = _key_of(path)
        if not wrapping:
            raise FileNotFoundError(f"no wrapping-<n>.key in {folder}")
        seal = OKPKey.import_key(json.loads((folder / "seal-private.jwk").read_text()))
        return cls(seal, _key_of(folder / "index.key"), wrapping)


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
    """Opens seals, encrypts fields, wraps keys, computes index values."""

    def __init__(self, keys: KeyRing, entropy: Entropy) -> None:
        self._keys = keys
        self._entropy = entropy
        self._version = max(keys.wrapping)
        self._wrap = {version: AESGCM(key) for version, key in keys.wrapping.items()}

    # --- seals --------------------------------------------------------------------------------------------------

    def open_identity(self, sealed: str, field: str) -> Identity:
        """Open a registration's identity. Raises Rejected; its problems never repeat what was inside."""
        plain = self._open(sealed, field)
        try:
            return Identity.model_validate_json(plain)
        except ValidationError as error:
            raise Rejected(*(_inside(p, field) for p in problems_of(error, ""))) from None

    def open_resident_id(self, sealed: str, field: str) -> str:
        """Open a reference to a person. The check character is not asked: an unknown number just finds nobody."""
        try:
            return SealedReference.model_validate_json(self._open(sealed, field)).resident_id.strip().upper()
        except ValidationError as error:
            raise Rejected(*(_inside(p, field) for p in problems_of(error, ""))) from None

    def _open(self, sealed: str, field: str) -> bytes:
        try:
            opened = jwe.decrypt_compact(sealed, self._keys.seal, algorithms=["ECDH-ES", "A256GCM"])
        except (JoseError, InvalidTag, ValueError, KeyError, TypeError):
            problem = Problem(
                field=field,
                code="seal-unreadable",
                problem="the identity is not sealed to this registry's public key",
                remedy="seal it with the key that the registry publishes (JWE, ECDH-ES, A256GCM)",
            )
            raise Rejected(problem) from None
        return opened.plaintext or b""

    # --- finding people -----------------------------------------------------------------------------------------

    def index_of_resident_id(self, resident_id: str) -> str:
        return self._index(f"resident-id\0{resident_id}")

    def index_of_key(self, source: str, key: str) -> str:
        return self._index(f"source-key\0{source}\0{key}")

    def _index(self, text: str) -> str:
        return hmac.digest(self._keys.index, text.encode(), "sha256").hex()

    # --- fields -------------------------------------------------------------------------------------------------

    def new_key(self, person_ref: str) -> tuple[bytes, dict[str, Any]]:
        """A fresh data key for a person, and its row for ``person_key``."""
        key, nonce = self._entropy.bytes(32), self._entropy.bytes(12)
        wrapped = nonce + self._wrap[self._version].encrypt(nonce, key, _wrap_data(person_ref, self._version))
        return key, {"person_ref": person_ref, "purpose": PURPOSE, "key_version": self._version, "wrapped": wrapped}

    def keys_of(self, connection: Connection, person_refs: Iterable[str]) -> dict[str, bytes]:
        """The data keys of these people, as far as they have not been erased."""
        chosen = one_of(connection, person_key.c.person_ref, list(person_refs)), person_key.c.purpose == PURPOSE
        query = select(person_key).where(*chosen)
        return {
            row.person_ref: self._wrap[row.key_version].decrypt(
                row.wrapped[:12], row.wrapped[12:], _wrap_data(row.person_ref, row.key_version)
            )
            for row in connection.execute(query)
        }

    def encrypt(self, key: bytes, event_id: str, fields: Mapping[str, str]) -> EncryptedIdentity:
        """Encrypt identity fields for one event."""
        cipher = AESGCM(key)
        encrypted = {}
        for name, value in sorted(fields.items()):
            nonce = self._entropy.bytes(12)
            sealed = cipher.encrypt(nonce, value.encode(), _field_data(event_id, name, self._version))
            encrypted[name] = base64.b64encode(nonce + sealed).decode()
        return EncryptedIdentity(key_version=self._version, fields=encrypted, mark=self.mark(key, fields))

    def decrypt(self, key: bytes, event_id: str, identity: EncryptedIdentity) -> dict[str, str]:
        """The fields in plain. Raises InvalidTag if anything was moved or changed."""
        cipher = AESGCM(key)
        plain = {}
        for name, text in identity.fields.items():
            raw = base64.b64decode(text)
            plain[name] = cipher.decrypt(raw[:12], raw[12:], _field_data(event_id, name, identity.key_version)).decode()
        return plain

    def content_mark(self, fields: Mapping[str, Any]) -> str:
        """Equal for equal identities, whoever they are of: to see that a message says the same as before."""
        return self._index(f"content\0{canonical(dict(fields)).decode()}")

    def mark(self, key: bytes, fields: Mapping[str, str]) -> str:
        """Equal for equal identities of one person; without the person's key it tells nothing."""
        own = {name: value for name, value in fields.items() if name != "source_key"}
        return hmac.digest(hashlib.sha256(b"mark" + key).digest(), canonical(own), "sha256").hex()[:32]


def _wrap_data(person_ref: str, version: int) -> bytes:
    return f"{person_ref}/{PURPOSE}/{version}".encode()


def _field_data(event_id: str, name: str, version: int) -> bytes:
    return f"{event_id}/{name}/{version}".encode()


def _inside(problem: Problem, field: str) -> Problem:
    inner = problem.field.removeprefix("data.")
    return problem.model_copy(update={"field": f"{field}.{inner}" if inner else field})
