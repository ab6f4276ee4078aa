"""Certificate numbers: made of issuer, year and serial, and a slip of the pen is noticed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from contracts.base import YEAR_FIRST, YEAR_LAST, Key
from contracts.resident_id import looks_like_resident_id
from services.registry.numbers import SERIAL_MAX, certificate_number, check_number

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
NUMBER = "320100-2026-000123-3"

issuers = st.integers(100_000, 999_999).map(str)
years = st.integers(YEAR_FIRST, YEAR_LAST)
serials = st.integers(1, SERIAL_MAX)
numbers = st.builds(certificate_number, issuers, years, serials)
places = st.sampled_from([place for place, character in enumerate(NUMBER) if character != "-"])


def test_a_number_is_division_year_serial_and_a_check_character() -> None:
    """The check character by the library is the one by the standard's definition."""
    assert certificate_number("320100", 2026, 123) == NUMBER
    assert by_hand("3201002026000123") == "3"


def by_hand(digits: str) -> str:
    """ISO 7064 hybrid system MOD 37,36, from its definition."""
    product = 36
    for digit in digits:
        total = (product + int(digit)) % 36 or 36
        product = total * 2 % 37
    return ALPHABET[(37 - product) % 36]


@given(issuer=issuers, year=years, serial=serials)
def test_every_number_is_a_key_that_is_read_back_as_it_is(issuer: str, year: int, serial: int) -> None:
    """And its check character is what the standard says."""
    number = certificate_number(issuer, year, serial)
    assert TypeAdapter(Key).validate_python(number) == number == check_number(number)
    assert number[-1] == by_hand(number[:-2].replace("-", ""))


@given(number=numbers, before=st.text(max_size=3), after=st.text(max_size=3))
def test_no_number_is_taken_for_a_resident_id(number: str, before: str, after: str) -> None:
    """Whatever stands around it, and also with its hyphens left out: a message with it is never refused as plain identity."""
    assert not looks_like_resident_id(number)
    assert not looks_like_resident_id(number.replace("-", ""))
    assert not looks_like_resident_id(f"{before}{number}{after}")


def test_two_certificates_never_share_a_number() -> None:
    """Issuer, year and serial can be read off it."""
    made = {certificate_number(i, y, s) for i in ("320100", "320102") for y in (2025, 2026) for s in (1, 2, SERIAL_MAX)}
    assert len(made) == 12
    assert {n.rsplit("-", 1)[0] for n in made} >= {"320100-2025-000001", "320102-2026-999999"}


@given(number=numbers, place=places, character=st.sampled_from(ALPHABET))
def test_every_single_wrong_character_is_noticed(number: str, place: int, character: str) -> None:
    """In any place, the check character itself included."""
    wrong = number[:place] + character + number[place + 1 :]
    if wrong != number:
        with pytest.raises(ValueError, match=r"certificate number|year|serial|issuer"):
            check_number(wrong)


@given(number=numbers, place=st.integers(0, 15))
def test_exchanged_neighbours_are_noticed_unless_their_values_are_neighbours_too(number: str, place: int) -> None:
    """What MOD 37,36 promises: 1 and 2 exchanged is missed in one case of 36, every other pair never."""
    bare = number.replace("-", "")
    one, two = ALPHABET.index(bare[place]), ALPHABET.index(bare[place + 1])
    if (one - two) % 36 not in (0, 1, 35):
        with pytest.raises(ValueError, match=r"certificate number|year|serial|issuer"):
            check_number(bare[:place] + bare[place + 1] + bare[place] + bare[place + 2 :])


def test_how_many_exchanges_are_missed() -> None:
    """Of all exchanges of neighbours in 2,000 numbers, fewer than one in a hundred."""
    made = missed = 0
    for serial in range(7, SERIAL_MAX, 500):
        bare = certificate_number("320102", 2026, serial).replace("-", "")
        for place in range(16):
            if bare[place] != bare[place + 1]:
                made += 1
                missed += passes(bare[:place] + bare[place + 1] + bare[place] + bare[place + 2 :])
    assert made > 20_000
    assert missed / made < 0.01


def passes(text: str) -> bool:
    try:
        check_number(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("written", [f" {NUMBER}\n", "32010020260001233"])
def test_blanks_around_it_and_missing_hyphens_are_let_pass(written: str) -> None:
    """They say the same number."""
    assert check_number(written) == NUMBER


@given(number=numbers)
def test_small_letters_are_capitals(number: str) -> None:
    """Only the check character may be one."""
    assert check_number(number.lower()) == number


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is written"),
        ("320100-2026-00123-3", "is written"),
        ("320100-2026000123-3", "is written"),
        ("3201-00-2026-000123-3", "is written"),
        ("020100-2026-000123-3", "is written"),
        ("320100-2026-000123-", "is written"),
        ("320100-2026-O00123-3", "is written"),
        ("３20100-2026-000123-3", "is written"),
        ("320100-2026-000123-ı", "is written"),
        ("320100-2026-000123-ß", "is written"),
        ("320100-1989-000123-A", "year must be"),
        ("320100-2101-000123-A", "year must be"),
        ("320100-2026-000000-A", "serial must be"),
        ("320100-2026-000123-4", "check character .* is wrong"),
    ],
)
def test_a_wrong_number_is_refused_with_what_is_wrong(text: str, told: str) -> None:
    """A letter O is not taken for a zero, nor a letter of another alphabet for one of ours: nothing is guessed."""
    with pytest.raises(ValueError, match=told):
        check_number(text)


@pytest.mark.parametrize(
    ("issuer", "year", "serial", "told"),
    [
        ("32010", 2026, 1, "issuer"),
        ("032010", 2026, 1, "issuer"),
        ("３20100", 2026, 1, "issuer"),
        ("320100", YEAR_FIRST - 1, 1, "year"),
        ("320100", YEAR_LAST + 1, 1, "year"),
        ("320100", 2026, 0, "serial"),
        ("320100", 2026, SERIAL_MAX + 1, "serial"),
    ],
)
def test_no_number_is_made_from_what_cannot_stand_in_one(issuer: str, year: int, serial: int, told: str) -> None:
    """A serial beyond the last one is an error, not a longer number."""
    with pytest.raises(ValueError, match=told):
        certificate_number(issuer, year, serial)


@given(text=st.text(max_size=40))
def test_any_text_is_a_number_or_refused(text: str) -> None:
    """And never anything else: what is read is read again as the same."""
    if passes(text):
        assert check_number(check_number(text)) == check_number(text)
