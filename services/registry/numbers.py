"""Certificate numbers (证书编号): ``<issuer>-<year>-<serial>-<check>``, such as ``320100-2026-000123-C``.

issuer: the division (GB/T 2260, six digits). year: of issue. serial: six digits, from 000001. check: ISO 7064 MOD 37,36 over
the sixteen digits, a digit or capital letter. It catches every single wrong character, and every exchange of two neighbours
whose values are not themselves neighbours (1 and 2); of the exchanges of such neighbours it misses one in 36.

Numbers of other kinds, on certificates taken over, are not for this module.
"""

from __future__ import annotations

import re

from stdnum.iso7064 import mod_37_36

from contracts.base import YEAR_FIRST, YEAR_LAST

__all__ = ["SERIAL_MAX", "certificate_number", "check_number"]

SERIAL_MAX = 999_999
"""Certificates of one issuer in one year."""

_ISSUER = re.compile(r"[1-9][0-9]{5}")
_NUMBER = re.compile(r"([1-9][0-9]{5})(-?)([0-9]{4})\2([0-9]{6})\2([0-9A-Z])")


def certificate_number(issuer: str, year: int, serial: int) -> str:
    """Make a number (a ``Key`` of ``contracts.base``). Raises ValueError naming the part that cannot stand in one."""
    if _ISSUER.fullmatch(issuer) is None:
        raise ValueError("issuer must be a division code of six digits (GB/T 2260)")
    if not YEAR_FIRST <= year <= YEAR_LAST:
        raise ValueError(f"year must be {YEAR_FIRST} to {YEAR_LAST}")
    if not 1 <= serial <= SERIAL_MAX:
        raise ValueError(f"serial must be 1 to {SERIAL_MAX}; number further certificates under another issuer or year")
    body = f"{issuer}-{year}-{serial:06d}"
    return f"{body}-{mod_37_36.calc_check_digit(body.replace('-', ''))}"


def check_number(text: str) -> str:
    """Return the number in its canonical form, or raise ValueError that names the problem.

    Blanks around it, small letters and missing hyphens (all or none) are let pass; nothing else is put right.
    """
    # Some letters outside ASCII have a capital inside it: they would be guessed at.
    found = _NUMBER.fullmatch(text.strip().upper()) if text.isascii() else None
    if found is None:
        raise ValueError(
            "a certificate number is written <division, six digits>-<year>-<six digits>-<check character>; "
            "copy it from the certificate"
        )
    issuer, _, year, serial, check = found.groups()
    number = certificate_number(issuer, int(year), int(serial))
    if number[-1] != check:
        raise ValueError(
            "the check character of the certificate number is wrong (ISO 7064 MOD 37,36); compare it with the certificate"
        )
    return number
