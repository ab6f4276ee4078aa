"""What is shown of a person by default."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.masking import IDENTITY_FIELDS, mask, masked_identity
from contracts.intake import Identity
from tests.support import identity


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("name", "张三", "张*"),
        ("name", "欧阳虚构", "欧***"),
        ("name", "张", "*"),
        ("name", "Ann Example", "A**********"),
        ("resident_id", "99000019900101001X", "**************001X"),
        ("phone", "19900001234", "*******1234"),
        ("phone", "12345", "*****"),
        ("bank_account", "9999000012345678", "************5678"),
        ("bank_account", "12345678", "****5678"),
        ("dossier", "anything", "******"),
        ("title", "x", "******"),
    ],
)
def test_each_field_is_masked_in_its_own_way(field: str, value: str, shown: str) -> None:
    """A name keeps its first character, a number its last four; a short number and anything unknown keeps nothing."""
    assert mask(field, value) == shown


@given(field=st.sampled_from([*IDENTITY_FIELDS, "dossier"]), value=st.text(st.characters(categories=["L", "N"]), min_size=1))
def test_never_more_than_half_is_shown(field: str, value: str) -> None:
    """Whatever the value, at least half of its characters are stars; nothing unknown shows even its length."""
    shown = mask(field, value)
    assert 2 * sum(a == b for a, b in zip(shown, value, strict=False)) <= len(value)
    assert field == "dossier" or len(shown) == len(value)


def test_all_of_an_identity_is_masked_and_nothing_else_is_shown() -> None:
    """Every field that an identity can have is known here; a source's own key beside it is not shown."""
    assert set(Identity.model_fields) == set(IDENTITY_FIELDS)
    plain = identity(1).model_dump(exclude_none=True)
    masked = masked_identity(plain | {"source_key": "hr/w-1"})
    assert list(masked) == list(IDENTITY_FIELDS)
    assert not set(plain.values()) & set(masked.values())
    assert masked_identity({"name": "张三"}) == {"name": "张*"}
