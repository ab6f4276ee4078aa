"""Administrative divisions (行政区划代码, GB/T 2260) and unified social credit codes (统一社会信用代码, GB 32100-2015).

The data are those of python-stdnum: codes with the years in which they were in force, abolished ones among them. They are not
the ministry's register, and new codes may be missing: a deployment names those in a setting, which is passed here as ``extra``.

Levels go by the zeros of a code. A municipality (直辖市, such as 110000) is thereby a province; its 110100 (市辖区) is a city
on paper only, with no authority of its own. A county that a province rules directly (省直辖, such as 429004) is a county, of a
429000 that is no authority either. Where such a place issues what others' cities issue, that is policy, said in its standard.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from stdnum import numdb
from stdnum.cn import uscc
from stdnum.exceptions import InvalidChecksum, InvalidLength, ValidationError

from contracts.certification import Level
from contracts.divisions import above, covers, level_of
from contracts.receipts import Problem

__all__ = [
    "Standing",
    "above",
    "check_credit_code",
    "check_division",
    "covers",
    "division_title",
    "level_of",
    "standing_of",
]

Standing = Literal["current", "abolished", "unknown"]
"""Whether a code is in force, was in force once, or is not in the data."""

_CODE = re.compile(r"[1-9][0-9]{5}")
_NAME = re.compile(r"(?:\[([0-9]*)-([0-9]*)\])?(.+)")
_ON_PAPER = re.compile(r"市辖区|县|.*直辖.*")
_CACHE_MAX = 8_192


@lru_cache(maxsize=_CACHE_MAX)
def _look_up(code: str) -> tuple[str, Standing]:
    """The code's own name and standing; of several that bore the code, the one in force, else the last."""
    if _CODE.fullmatch(code) is None:
        return "", "unknown"
    found = {key: value for _, properties in numdb.get("cn/loc").info(code) for key, value in properties.items()}
    name = ""
    for entry in found.get("county", "").split(","):
        shape = _NAME.fullmatch(entry)
        if shape is None:
            continue
        name = shape[3]
        if not shape[2]:
            return name, "current"
    return name, "abolished" if name else "unknown"


def standing_of(code: str) -> Standing:
    """Whether the data have the code in force, as abolished, or not at all."""
    return _look_up(code)[1]


def division_title(code: str) -> str | None:
    """The full Chinese name, province first: 江苏省南京市玄武区. None for a code that the data do not know.

    Of an abolished code, the name that it had last. 市辖区 and the like are left out between a province and a county.
    """
    name, standing = _look_up(code)
    if standing == "unknown":
        return None
    levels: tuple[Level, ...] = ("province", "city")
    higher = [_look_up(above(code, level))[0] for level in levels if above(code, level) != code]
    return "".join([*(title for title in higher if _ON_PAPER.fullmatch(title) is None), name])


def check_division(code: str, extra: frozenset[str] = frozenset(), field: str = "data.division") -> Problem | None:
    """The problem with a code that neither the data nor ``extra`` (a setting of the deployment) know; None if there is none.

    An abolished code is no problem: facts of its time bear it.
    """
    if code in extra or standing_of(code) != "unknown":
        return None
    return Problem(
        field=field,
        code="unknown-division",
        problem=f"no division has the code {code} (GB/T 2260)",
        remedy="mend the code; if it is new, have the operator add it to the registry's further divisions",
    )


def check_credit_code(text: str, field: str = "data.credit_code") -> Problem | None:
    """The problem with a unified social credit code, None if there is none. It is to be written as stored, in 18 characters."""
    try:
        wrong = None if uscc.validate(text) == text else "it has small letters, blanks or hyphens"
    except InvalidLength:
        wrong = "it does not have 18 characters"
    except InvalidChecksum:
        wrong = "its check character is wrong"
    except ValidationError:
        wrong = "it has characters that no such code has in that place"
    if wrong is None:
        return None
    return Problem(
        field=field,
        code="wrong-credit-code",
        problem=f"this is not a unified social credit code (GB 32100-2015): {wrong}",
        remedy="copy the 18 characters from the registration certificate, in capitals and without blanks",
    )
