"""Canonical JSON (RFC 8785) and the hash over it.

Our keys are ASCII and our numbers integers, so a fast encoder with sorted keys gives the very bytes of the RFC; the tests
hold it against a library of the RFC.
"""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

__all__ = ["canonical", "canonical_text", "digest"]


def canonical(value: Any) -> bytes:
    """Return the canonical bytes. Raises TypeError for what JSON cannot hold.

    Not for floats: they are written otherwise than the RFC says. The contracts have none, and a test sees to that.
    """
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=_refuse)


def canonical_text(value: Any) -> str:
    return canonical(value).decode()


def digest(value: Any) -> str:
    """Return the SHA-256 of the canonical JSON, as hex."""
    return hashlib.sha256(canonical(value)).hexdigest()


def _refuse(value: Any) -> Any:
    raise TypeError(f"{type(value).__name__} has no canonical JSON")
