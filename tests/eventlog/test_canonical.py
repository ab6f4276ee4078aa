"""Canonical JSON is that of RFC 8785, as an independent library writes it."""

from __future__ import annotations

import hashlib
import string
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from eventlog.canonical import canonical, canonical_text, digest

KEYS = st.text(alphabet=string.printable, max_size=8)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SCALARS = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXTS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=20
)


@settings(max_examples=300)
@given(value=VALUES)
def test_the_bytes_are_those_of_rfc_8785(value: Any) -> None:
    """For ASCII keys, integers within 2^53 and any text, control characters and astral planes included."""
    assert canonical(value) == rfc8785.dumps(value)


@pytest.mark.parametrize(
    "value",
    [
        "".join(map(chr, range(0x20))) + "\x7f\x80\u2028\u2029",
        '\u20ac$\u000f\nA\'B"\\\\"/',
        "𝄞😂汉字",
        {"b": 1, "a": {"d": [], "c": {}}},
        2**53 - 1,
        -(2**53) + 1,
        [None, True, False, 0, -1],
    ],
)
def test_the_hard_cases_are_written_as_rfc_8785_writes_them(value: Any) -> None:
    """Each control character in its own form, nothing else escaped, keys sorted at every depth."""
    assert canonical(value) == rfc8785.dumps(value)


def test_control_characters_have_the_forms_of_the_rfc() -> None:
    """RFC 8785 section 3.2.2.2: the short form where there is one, else lower-case hex."""
    assert canonical_text('\b\t\n\f\r\x00\x1f\x7f"\\/') == '"\\b\\t\\n\\f\\r\\u0000\\u001f\x7f\\"\\\\/"'


@pytest.mark.parametrize("value", [Decimal("1.5"), {1, 2}, b"bytes", object(), {1: "a"}, "\ud800", 2**64])
def test_what_json_cannot_hold_is_refused(value: Any) -> None:
    """Neither silently turned into something else nor half written."""
    with pytest.raises(TypeError):
        canonical(value)


def test_no_field_of_the_published_language_is_a_float() -> None:
    """Money is never one, and their canonical form is not ours to write: no schema knows the type ``number``."""
    schemas = list(Path("contracts/schemas").glob("*.json"))
    assert schemas
    assert not [path.name for path in schemas if '"type": "number"' in path.read_text()]


def test_the_digest_is_the_sha_256_of_those_bytes() -> None:
    """Hex, and independent of the order of the keys."""
    assert digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1}) == hashlib.sha256(b'{"a":2,"b":1}').hexdigest()
