"""The key that certificates are signed with as credentials: Ed25519 (RFC 8037), as JWK files (RFC 7517).

``credential-private.jwk`` stays with the registry; ``credential-public.jwk`` is published, and whoever has it can verify a
credential. ``kid`` is the key's SHA-256 thumbprint (RFC 7638).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from services.registry.credential import CURVE

__all__ = ["CREDENTIAL_PRIVATE", "CREDENTIAL_PUBLIC", "add_signing_key", "new_signing_key", "public_half"]

CREDENTIAL_PRIVATE, CREDENTIAL_PUBLIC = "credential-private.jwk", "credential-public.jwk"


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
