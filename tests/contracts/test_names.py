"""Names by one rule: what nobody sees goes, what is part of the name stays, what nobody can write is refused."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.intake import Identity
from contracts.names import NAME_CHARACTERS_MAX, UnwritableName, legible_name, normal_name
from contracts.problems import problems_of

RESIDENT_ID = "360426199101010071"


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("\u3000张\u3000三\u3000", "张 三"),
        ("张三\u00a0", "张三"),
        ("张\u200b三", "张三"),
        ("\ufeff张三", "张三"),
        ("张\u0000三\u0007", "张三"),
        ("张\u2060\u200d三", "张三"),
        ("阿里木•买买提", "阿里木·买买提"),
        ("阿里木 ・ 买买提", "阿里木·买买提"),
        ("阿里木‧买买提", "阿里木·买买提"),
        ("阿里木·买买提", "阿里木·买买提"),
        ("Zoe\u0308  Li", "Zoë Li"),
        ("Ａ李", "Ａ李"),  # Full width is a way of writing of its own: NFKC would change it.
        ("\uf92c\ufa0e𠂇", "\uf92c\ufa0e𠂇"),  # Compatibility ideographs of GB 18030, and one beyond the first plane.
        ("\ue864", "\u9fbb"),  # Where GB 18030-2000 kept a character before Unicode had it.
    ],
)
def test_a_name_is_normalised(typed: str, name: str) -> None:
    assert name == normal_name(typed)
    assert name == Identity(name=typed, resident_id=RESIDENT_ID).name


@pytest.mark.parametrize(
    ("typed", "code"),
    [("张\ue000", "name-unwritable"), ("张\U000f0000", "name-unwritable"), ("张\u0378", "name-unwritable"),
     ("\u200b", "name-blank"), ("\u3000\u00a0", "name-blank"), ("\u0958" * NAME_CHARACTERS_MAX, "too-long")],
)  # fmt: skip
def test_what_nobody_can_write_is_refused_in_both_languages(typed: str, code: str) -> None:
    """And nothing of it is repeated."""
    with pytest.raises(ValidationError) as found:
        Identity(name=typed, resident_id=RESIDENT_ID)
    for lang in ("en", "zh"):
        [problem] = problems_of(found.value, None, lang)
        assert ("name", code) == (problem.field, problem.code)
        assert typed not in problem.problem + problem.remedy


@given(st.text(max_size=40))
def test_a_normal_name_stays_as_it_is(typed: str) -> None:
    try:
        name = normal_name(typed)
    except UnwritableName:
        return
    assert name == normal_name(name) == legible_name(typed)
    assert name == name.strip()
    assert not {unicodedata.category(each) for each in name} & {"Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp"}


@given(st.text(alphabet=st.characters(codec="gb18030", categories=["Lo"]), min_size=1, max_size=10))
def test_the_characters_of_gb_18030_are_kept(name: str) -> None:
    """Letters of any script, ideographs among them, are what a name is made of."""
    seen = "".join(each for each in name if each not in "\u115f\u1160\u3164\uffa0")
    if seen and unicodedata.is_normalized("NFC", seen):
        assert seen == normal_name(name)


@given(st.text(max_size=300))
def test_any_recorded_name_is_legible(typed: str) -> None:
    name = legible_name(typed)
    assert len(name) <= NAME_CHARACTERS_MAX
    assert not {unicodedata.category(each) for each in name} & {"Cc", "Cf", "Co", "Cn", "Cs"}
