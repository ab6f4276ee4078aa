"""The key that certificates are signed with as credentials: Ed25519 (RFC 8037), as JWK files (RFC 7517).

``credential-private.jwk`` stays with the registry; ``credential-public.jwk`` is published, and whoever has it can verify a
credential. A new key replaces the private one for good; the public halves of all that there ever were stand in
``credential-public.jwks`` (a JWK Set), so that certificates signed before, and lists signed since, are verified with one file.
``kid`` is the key's SHA-256 thumbprint (RFC 7638).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from services.registry.credential import CURVE

__all__ = [
    "CREDENTIAL_PRIVATE",
    "CREDENTIAL_PUBLIC",
    "CREDENTIAL_SET",
    "add_signing_key",
    "new_signing_key",
    "public_half",
    "replace_signing_key",
]

CREDENTIAL_PRIVATE, CREDENTIAL_PUBLIC = "credential-private.jwk", "credential-public.jwk"
CREDENTIAL_SET = "credential-public.jwks"


def new_signing_key() -> str:
    """Make a private key, as the JSON text of a JWK."""
    key = OKPKey.generate_key(CURVE, parameters={"use": "sig"}, auto_kid=True)
    return json.dumps(key.as_dict(private=True), sort_keys=True)


def public_half(private: str) -> str:
    """The public JWK of a private one, as JSON text. Raises ValueError, repeating nothing, if it is not such a key."""
    try:
        key = OKPKey.import_key(json.loads(private))
        if not key.is_private or key.curve_name != CURVE:
            raise ValueError
    except (ValueError, TypeError, KeyError, AttributeError, JoseError):
        raise ValueError(f"{CREDENTIAL_PRIVATE} must hold a private {CURVE} key (JWK, RFC 8037)") from None
    return json.dumps(key.as_dict(private=False), sort_keys=True)


def add_signing_key(folder: Path, write: Callable[[Path, str], object]) -> list[Path]:
    """Make what is missing of the two files in a folder, by ``write``, and nothing else; return the files made.

    The public half is made from the private one that is there. Raises FileExistsError for a public half alone: it was
    published, and a new key would not be its other half.
    """
    private, public = folder / CREDENTIAL_PRIVATE, folder / CREDENTIAL_PUBLIC
    made = []
    if not private.exists():
        if public.exists():
            raise FileExistsError(f"{folder} holds {CREDENTIAL_PUBLIC} without its private half; bring that back from a copy")
        write(private, new_signing_key())
        made.append(private)
    if not public.exists():
        write(public, public_half(private.read_text()))
        made.append(public)
    return made


def replace_signing_key(folder: Path, write: Callable[[Path, str], object]) -> list[Path]:
    """Make a new key; return the files made. write: replaces a file whole, or makes it.

    First the public half that is there goes into the set, then the private one is replaced, then the set is made whole: what is
    cut off in between is put right by doing it again.
    """
    private, public = folder / CREDENTIAL_PRIVATE, folder / CREDENTIAL_PUBLIC
    _complete(folder, public_half(private.read_text()), write)
    write(private, new_signing_key())
    newest = public_half(private.read_text())
    write(public, newest)
    _complete(folder, newest, write)
    return [private, public, folder / CREDENTIAL_SET]


def _complete(folder: Path, public: str, write: Callable[[Path, str], object]) -> None:
    """Put a public key first into the set of all that there ever were."""
    path, newest = folder / CREDENTIAL_SET, json.loads(public)
    known = json.loads(path.read_text())["keys"] if path.exists() else []
    keys = [newest, *(each for each in known if each["kid"] != newest["kid"])]
    write(path, json.dumps({"keys": keys}, sort_keys=True))
