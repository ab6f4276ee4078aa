"""Seal identity and dossier entries to the registry's public key, so that they never stand on a stream in plain text.

What is sealed is a JWE in compact form (RFC 7516 section 7.1) with ``alg`` ECDH-ES and ``enc`` A256GCM (RFC 7518
sections 4.6 and 5.3) to an X25519 key (``kty`` OKP, RFC 8037). Keys are JWK files (RFC 7517); ``kid`` is the key's
SHA-256 thumbprint (RFC 7638), so the registry finds the right private key after a change of keys.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import orjson
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from pydantic import BaseModel

from contracts.intake import DossierContent, Identity

__all__ = [
    "DOSSIER_BYTES_MAX",
    "IDENTITY_BYTES_MAX",
    "KEY_FILE_BYTES_MAX",
    "load_public_key",
    "new_key_pair",
    "public_key_of",
    "seal",
    "seal_dossier",
    "take_key",
]

ALGORITHM = "ECDH-ES"
ENCRYPTION = "A256GCM"
CURVE: Final = "X25519"

IDENTITY_BYTES_MAX = 4096
"""Bytes of the plain JSON: base64 makes 4/3 of them, and the sealed text has to stay under the 8192 of the contract."""
DOSSIER_BYTES_MAX = 24_000
"""Bytes of the plain JSON of a dossier entry: sealed it stays under the 32,768 of the contract, as above. A text of 4,000
Chinese characters has half of them."""
KEY_FILE_BYTES_MAX = 16 * 1024
"""Bytes of a JWK file."""

# Built once: building the registry of allowed algorithms takes a tenth of the time of sealing.
_REGISTRY = jwe.JWERegistry(algorithms=[ALGORITHM, ENCRYPTION])


def seal(identity: Identity | Mapping[str, str], public_key: OKPKey) -> str:
    """Return the identity as a compact JWE that only the holder of the private key can read.

    identity: an ``Identity``, or a mapping of some of its fields (a fact that only names its person needs no more than
    ``{"resident_id": …}``). A mapping's values are the caller's to check, and its
    name to normalise (``contracts.names``; an ``Identity`` has done so). Two seals of one identity differ.

    Raises ValueError if a field is not one of ``Identity``, or if the plain JSON is longer than ``IDENTITY_BYTES_MAX``.
    The message never repeats a value.
    """
    plain = identity.model_dump(exclude_none=True) if isinstance(identity, BaseModel) else dict(identity)
    if not plain or not plain.keys() <= Identity.model_fields.keys():
        raise ValueError("an identity has the fields " + ", ".join(Identity.model_fields) + " and no others")
    raw = orjson.dumps(plain)
    if len(raw) > IDENTITY_BYTES_MAX:
        raise ValueError(f"an identity has at most {IDENTITY_BYTES_MAX} bytes")
    return _sealed(raw, public_key)


def seal_dossier(content: DossierContent, public_key: OKPKey) -> str:
    """Return the content of a dossier entry as a compact JWE that only the holder of the private key can read.

    Raises ValueError if the plain JSON is longer than ``DOSSIER_BYTES_MAX``, without repeating any of it.
    """
    raw = orjson.dumps(content.model_dump(exclude_none=True))
    if len(raw) > DOSSIER_BYTES_MAX:
        raise ValueError(f"the content of an entry has at most {DOSSIER_BYTES_MAX} bytes; put the rest into an attachment")
    return _sealed(raw, public_key)


def _sealed(raw: bytes, public_key: OKPKey) -> str:
    header = {"alg": ALGORITHM, "enc": ENCRYPTION, "kid": public_key.kid}
    return jwe.encrypt_compact(header, raw, public_key, registry=_REGISTRY)


def public_key_of(text: str | bytes) -> OKPKey:
    """Read a public key from the JSON of a JWK. Raises ValueError, with a remedy, if it is not a public X25519 key.

    A private key is refused: a system that only seals must not be able to read what others sealed.
    """
    try:
        value: Any = json.loads(text)
        key = OKPKey.import_key(value)
    except (ValueError, TypeError, KeyError, AttributeError, JoseError):
        # Nothing of the text is repeated, nor chained: it may be a private key.
        raise ValueError("this is not a JWK; ask the registry's operator for its public key file") from None
    if key.curve_name != CURVE:
        raise ValueError(f"the key's curve is {key.curve_name}; sealing needs {CURVE} (RFC 8037)")
    if key.is_private:
        raise ValueError("this is a private key; only the registry may hold it, seal with the public one")
    key.ensure_kid()
    return key


def load_public_key(path: str | Path) -> OKPKey:
    """Read a public key from a JWK file. Raises OSError if it cannot be read, ValueError as ``public_key_of``."""
    with Path(path).open("rb") as file:
        raw = file.read(KEY_FILE_BYTES_MAX + 1)
    if len(raw) > KEY_FILE_BYTES_MAX:
        raise ValueError(f"a key file has at most {KEY_FILE_BYTES_MAX} bytes")
    return public_key_of(raw)


def take_key(path: Path, told: Mapping[str, str] | None) -> OKPKey:
    """The key to seal with: what the registry tells that it opens seals with, else that of the file, which is replaced by it.

    A file that this user may not write stays as it is: the key is told again next time. Raises OSError, ValueError.
    """
    kept = load_public_key(path)
    if told is None:
        return kept
    key = public_key_of(json.dumps(dict(told)))
    if key.kid != kept.kid:
        temporary = path.with_name(f".{path.name}.new")
        with suppress(OSError):
            temporary.write_text(json.dumps(key.as_dict(private=False), sort_keys=True))
            temporary.replace(path)
    return key


def new_key_pair() -> tuple[str, str]:
    """Make a key pair: (private JWK, public JWK), each as JSON text with the same ``kid``.

    The private one belongs to the registry alone; the public one goes to everybody who reports facts.
    """
    key = OKPKey.generate_key(CURVE, parameters={"use": "enc"}, auto_kid=True)
    private, public = key.as_dict(private=True), key.as_dict(private=False)
    return json.dumps(private, sort_keys=True), json.dumps(public, sort_keys=True)
