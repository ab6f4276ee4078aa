"""Divisions: the data know most codes, abolished ones too; a deployment adds what they lack."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.certification import Level
from services.registry.divisions import (
    above,
    check_credit_code,
    check_division,
    covers,
    division_title,
    level_of,
    standing_of,
)

NEVER_GIVEN_OUT = "329999"
codes = st.integers(100_000, 999_999).map(str)
ASKED = [code + number for code in (110_000, 320_000, 320_500, 341_400, 429_000, 500_200) for number in range(300)]
real_codes = st.sampled_from([str(code) for code in ASKED if standing_of(str(code)) != "unknown"])

GOOD_CREDIT_CODE = "91110000600037341L"
"""The example of the library's documentation."""


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "title"),
    [
        ("320000", "江苏省"),
        ("320100", "江苏省南京市"),
        ("320102", "江苏省南京市玄武区"),
        ("211224", "辽宁省铁岭市昌图县"),
        ("110000", "北京市"),
        ("110101", "北京市东城区"),
        ("500229", "重庆市城口县"),
        ("429004", "湖北省仙桃市"),
        ("460400", "海南省儋州市"),
        ("659001", "新疆维吾尔自治区石河子市"),
        ("810000", "香港特别行政区"),
    ],
)
def test_a_title_is_the_full_name_from_the_province_down(code: str, title: str) -> None:
    """What is a level on paper only (市辖区, 省直辖县级行政单位) is left out of it."""
    assert division_title(code) == title
    assert standing_of(code) == "current"


def test_an_abolished_code_keeps_its_last_name() -> None:
    """Facts of its time bear it: 崇文区 was joined to 东城区 in 2010, 巢湖市 was no city after 2011."""
    assert (division_title("110103"), standing_of("110103")) == ("北京市崇文区", "abolished")
    assert (division_title("341400"), standing_of("341400")) == ("安徽省巢湖市", "abolished")


def test_a_code_that_was_given_twice_has_the_name_of_now() -> None:
    """320211 was 郊区 until 1999, and is 滨湖区 since."""
    assert (division_title("320211"), standing_of("320211")) == ("江苏省无锡市滨湖区", "current")


@pytest.mark.parametrize("code", [NEVER_GIVEN_OUT, "990000", "810001", "", "32", "3201020", "32010A", "３20102", "320102\n"])
def test_a_code_that_the_data_lack_has_no_title(code: str) -> None:
    """Nor has what is no code."""
    assert division_title(code) is None
    assert standing_of(code) == "unknown"


# --- the check --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["320000", "320100", "320102", "110103", "429000"])
def test_a_known_code_is_no_problem(code: str) -> None:
    """In force or abolished."""
    assert check_division(code) is None


def test_an_unknown_code_is_a_problem_that_names_field_and_remedy() -> None:
    """Like any other refusal of the registry."""
    problem = check_division(NEVER_GIVEN_OUT, field="data.issuer")
    assert problem is not None
    assert (problem.field, problem.code) == ("data.issuer", "unknown-division")
    assert NEVER_GIVEN_OUT in problem.problem
    assert "operator" in problem.remedy


def test_a_code_that_the_deployment_names_is_known() -> None:
    """New divisions come before the data do; no other code becomes known by it."""
    extra = frozenset({NEVER_GIVEN_OUT})
    assert check_division(NEVER_GIVEN_OUT, extra) is None
    assert check_division("329998", extra) is not None


@given(code=real_codes)
def test_a_title_never_begins_in_the_middle(code: str) -> None:
    """Every known code lies in a province and a city that are known."""
    province = division_title(above(code, "province"))
    assert province is not None
    assert (division_title(code) or "").startswith(province)
    assert standing_of(above(code, "city")) != "unknown"


# --- levels -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "level"), [("320000", "province"), ("320100", "city"), ("320102", "county"), ("110000", "province")]
)
def test_the_level_goes_by_the_zeros(code: str, level: str) -> None:
    """A municipality is a province by its code."""
    assert level_of(code) == level


def test_a_province_covers_what_lies_in_it() -> None:
    """And nothing else; a county covers itself."""
    assert covers("320000", "320102")
    assert covers("320100", "320102")
    assert covers("320102", "320102")
    assert not covers("320100", "320200")
    assert not covers("320102", "320100")
    assert not covers("330000", "320102")


@given(code=real_codes, other=codes, level=st.sampled_from(["province", "city", "county"]))
def test_what_is_above_covers_what_is_below(code: str, other: str, level: Level) -> None:
    """Asking for a level that the code is already above gives the code itself."""
    upper = above(code, level)
    assert covers(upper, code)
    assert covers(upper, other) == (above(other, level_of(upper)) == upper)
    assert level_of(upper) == level or upper == code


# --- credit codes -----------------------------------------------------------------------------------------------------


def test_a_right_credit_code_is_no_problem() -> None:
    """Its check character is that of GB 32100-2015."""
    assert check_credit_code(GOOD_CREDIT_CODE) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (GOOD_CREDIT_CODE[:-1], "18 characters"),
        ("", "18 characters"),
        (GOOD_CREDIT_CODE[:-1] + "M", "check character"),
        ("91110000600037314L", "check character"),
        ("A1110000600037341L", "in that place"),
        ("9111000060003734IL", "in that place"),
        (GOOD_CREDIT_CODE.lower(), "small letters"),
        ("9111 0000 6000 3734 1L", "blanks"),
    ],
)
def test_a_wrong_credit_code_is_a_problem_that_says_why(text: str, told: str) -> None:
    """One that could be read in another way than it would be stored is one, too."""
    problem = check_credit_code(text, field="data.unit")
    assert problem is not None
    assert (problem.field, problem.code) == ("data.unit", "wrong-credit-code")
    assert told in problem.problem


@given(place=st.integers(8, 17), character=st.sampled_from("0123456789ABCDEFGHJKLMNPQRTUWXY"))
def test_a_single_wrong_character_of_a_credit_code_is_noticed(place: int, character: str) -> None:
    """By the check character."""
    wrong = GOOD_CREDIT_CODE[:place] + character + GOOD_CREDIT_CODE[place + 1 :]
    assert (check_credit_code(wrong) is None) == (wrong == GOOD_CREDIT_CODE)


@given(text=st.text(max_size=30))
def test_any_text_can_be_asked_about(text: str) -> None:
    """Neither check fails, whatever a source sends."""
    check_credit_code(text)
    check_division(text)
