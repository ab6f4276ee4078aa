"""Bytes of messages that are set aside (held, parked), encrypted: nobody checked yet what stands in them.

AES-256-GCM under keys from outside the database, a file for each service. What is kept: ``MARK``, the id of the key (the first
4 bytes of SHA-256 of it), a nonce of 12 bytes, the ciphertext with its tag; associated data: the id of the row, so that no
bytes can be put in another's place. A row without the mark is from before there was a key, and is read as it stands.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection

__all__ = ["KEY_BYTES", "Box", "BoxLocked", "boxed", "opened"]

KEY_BYTES = 32
MARK = b"\x00box1"
"""No message begins with it: NUL is no character of JSON."""
ID_BYTES = 4
NONCE_BYTES = 12
OPTION = "hongling_box"
"""The execution option under which a connection has the box of its database."""


class BoxLocked(RuntimeError):
    """Bytes were sealed with a key that is not here, or were changed since. The text says what to do."""


class Box:
    """keys: of 32 bytes each. All open what they sealed; the last one seals."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise ValueError(f"a box needs keys of {KEY_BYTES} bytes")
        self._ciphers: Mapping[bytes, AESGCM] = {hashlib.sha256(key).digest()[:ID_BYTES]: AESGCM(key) for key in keys}
        self._last = hashlib.sha256(keys[-1]).digest()[:ID_BYTES]

    @classmethod
    def read(cls, path: Path) -> Box:
        """Read a file with a key a line, as 64 hex digits. Raises FileNotFoundError or ValueError, naming it and the remedy."""
        try:
            lines = path.read_text(encoding="ascii").split()
        except FileNotFoundError:
            raise FileNotFoundError(
                f"{path} is not there: the key of what is held and parked; "
                "make it by `hongling principal init DIR` (embedded: `hongling up` makes it), or bring it back from its copy"
            ) from None
        except UnicodeDecodeError:
            lines = []
        try:
            return cls([bytes.fromhex(line) for line in lines])
        except ValueError:
            # Nothing of the text is repeated, nor chained: it is a secret.
            raise ValueError(
                f"{path} must hold a key of {KEY_BYTES} bytes, as {2 * KEY_BYTES} hex digits, on each line"
            ) from None

    def seal(self, plain: bytes, row_id: str) -> bytes:
        # Random, not the run's repeatable entropy: a nonce must never come twice under one key.
        nonce = secrets.token_bytes(NONCE_BYTES)
        return MARK + self._last + nonce + self._ciphers[self._last].encrypt(nonce, plain, row_id.encode())

    def open(self, kept: bytes, row_id: str) -> bytes:
        """Raises BoxLocked."""
        key, rest = kept[len(MARK) : len(MARK) + ID_BYTES], kept[len(MARK) + ID_BYTES :]
        cipher = self._ciphers.get(key)
        if cipher is None:
            raise BoxLocked(f"the bytes of {row_id} are sealed with a key that is not in the file; put it back as a line")
        try:
            return cipher.decrypt(rest[:NONCE_BYTES], rest[NONCE_BYTES:], row_id.encode())
        except (InvalidTag, ValueError):
            raise BoxLocked(f"the bytes of {row_id} are not those that were sealed; compare with a backup") from None


def _box_of(connection: Connection) -> Box | None:
    found = connection.get_execution_options().get(OPTION)
    assert found is None or isinstance(found, Box)
    return found


def boxed(connection: Connection, raw: bytes, row_id: str) -> bytes:
    """The bytes as this database keeps them: sealed, if it was opened with a box."""
    box = _box_of(connection)
    return raw if box is None else box.seal(raw, row_id)


def opened(connection: Connection, kept: bytes, row_id: str) -> bytes:
    """The bytes that a row came to keep. row_id: its primary key. Raises BoxLocked if no key here opens them."""
    if not kept.startswith(MARK):
        return kept
    box = _box_of(connection)
    if box is None:
        raise BoxLocked(f"the bytes of {row_id} are sealed, and the key is not here")
    return box.open(kept, row_id)
