"""Identities in plain text: resident IDs, mobile numbers and bank accounts that somebody wrote where text is free.

A text is looked at after NFKC, without format characters, with every kind of decimal digit and the Chinese ones as 0 to 9; a
number may have blanks, hyphens or dots between its digits. What counts, and why little else is caught with it:

- **resident ID**, 18 characters (GB 11643-1999): a province, a day of birth of somebody who can work, and the right check
  character, anywhere in a row of digits; with a wrong one, only if the row is no longer. 15 digits (before 1999): province and
  day of birth, the row no longer, and blanks only where people put them.
- **mobile number**: 11 digits from 13 to 19, after +86 or not, the row no longer, blanks only where people put them, and no
  unit of money or of people behind it. An 11-digit serial number of the same form is caught with it: write its letters.
- **bank account**: 16 to 19 digits, the first from 3 to 9 (no card of China begins otherwise; dates and years do), with the
  right check digit (Luhn, ISO/IEC 7812-1), the row no longer; not a unified social credit code (GB 32100-2015), nor a division,
  a day and a serial number, as offices number their papers. Accounts that are no cards have no check digit, and pass.

Of keys only the first is asked, without blanks: they are opaque, and must not be made from a resident ID.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import date
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel
from stdnum.cn import uscc

from contracts.normal import compatible
from contracts.problems import PROBLEMS_MAX, Lang
from contracts.receipts import Problem
from contracts.resident_id import check_character

__all__ = ["Kind", "identity_in", "identity_in_key", "plain_identities"]

Kind = Literal["resident ID", "mobile number", "bank account"]

BORN_FIRST, BORN_LAST = 1900, 2015
"""Years of birth of people who can stand in the register; later ones are dates of papers. To be moved on every few years."""
DIGITS_MIN = 11
LENGTHS = (11, 13, 15, 16, 17, 18, 19)
"""Digits of the numbers that are looked for, 86 and 0086 before a mobile number included."""
AMOUNT_CHARACTERS = 8
KEY_CHARACTERS_MAX = 256
"""Longer values with a pattern are seals and digests."""

_PROVINCES = frozenset({
    "11", "12", "13", "14", "15", "21", "22", "23", "31", "32", "33", "34", "35", "36", "37", "41", "42", "43", "44",
    "45", "46", "50", "51", "52", "53", "54", "61", "62", "63", "64", "65", "71", "81", "82", "83", "90", "91", "99",
})  # fmt: skip
"""Of GB/T 2260; 90, 91 and 99 were never given out, and stand for made-up people."""
_CHINESE = dict(zip("〇零○一二三四五六七八九", "000123456789", strict=True))
_ROW = re.compile(r"[0-9](?:[ \t\-‐-―−_.·•・/]{0,3}[0-9])*(?:[ \t\-‐-―−]?[xX](?![A-Za-z]))?")
_DIGIT = re.compile(f"[\\d{''.join(_CHINESE)}]")
INVISIBLE = (
    "\xad\u0600-\u0605\u061c\u06dd\u070f\u0890-\u0891\u08e2\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff"
    "\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001"
    "\U000e0020-\U000e007f"
)
"""Format characters (Unicode's category Cf), as a pattern's set."""
_NOT_PLAIN = re.compile(f"(?:[{''.join(_CHINESE)}{INVISIBLE}]|(?![0-9])\\d)+")
_GROUP = re.compile(r"[0-9]+")
_AMOUNT = re.compile(r"\s*(?:[元圆分角万亿人个户次％%]|yuan|fen|RMB|CNY)|\.[0-9]", re.IGNORECASE)
_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_DOUBLED = bytes.maketrans(b"0123456789", b"0246813579")
_DAY = "(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
_NUMBER_OF_PAPER = re.compile(f"[1-8][0-9]{{5}}{_DAY}")
_FORMS = frozenset({
    (3, 4, 4), (3, 8), (7, 4), (4, 4, 3), (3, 3, 5), (5, 4, 4), (5, 8), (5, 3, 5),  # mobile numbers, 86 before them or not
    (6, 6, 3), (6, 9), (6, 2, 2, 2, 3),  # resident IDs of 15 digits
    (6, 10), (6, 11), (6, 12), (6, 13), (8, 8), (8, 11),  # accounts, after their bank's number
})  # fmt: skip
EVEN_DIGITS_MAX = 5
LONG = 40
"""Digits of a group that is longer than anything that is looked for."""
_ZERO = 0x100


def _coded(*lengths: int) -> str:
    return "".join(chr(_ZERO + length) for length in lengths)


_ALONE = re.compile(f"[{_coded(*LENGTHS)}]")
_OF_FORM = re.compile(f"(?=({'|'.join(_coded(*form) for form in sorted(_FORMS))}))")
_EVEN = re.compile(f"([{_coded(*range(1, EVEN_DIGITS_MAX + 1))}])\\1+")
_MAY_BE_RESIDENT_ID = re.compile(f"(?=([1-9][0-9]{{5}}{_DAY}[0-9]{{3}}[0-9X]))")


def identity_in(text: str) -> Kind | None:
    """What a free text holds that should not stand in plain, the worst first; None if there is nothing."""
    # Nearly every text ends here, so this much has to be quick.
    if len(text) < DIGITS_MIN:
        return None
    plain = text if text.isascii() else compatible(text)
    if len(_DIGIT.findall(plain)) < DIGITS_MIN:
        return None
    if not plain.isascii():
        plain = _NOT_PLAIN.sub(_as_plain, plain)
    found: Kind | None = None
    for row in _ROW.finditer(plain):
        if row.end() - row.start() < DIGITS_MIN:
            continue
        for kind in _kinds(plain, row):
            if kind == "resident ID":
                return kind
            found = kind if found != "bank account" else found
    return found


def _as_plain(found: re.Match[str]) -> str:
    """Digits of any script as 0 to 9; what nobody sees goes."""
    return "".join(_CHINESE.get(each) or str(unicodedata.decimal(each, "")) for each in found.group())


def _kinds(text: str, row: re.Match[str]) -> Iterator[Kind]:
    groups = _GROUP.findall(text, *row.span())
    digits = "".join(groups) + ("X" if text[row.end() - 1] in "xX" else "")
    if _has_resident_id(digits) or (len(digits) == 18 and _born(digits[:2], digits[6:14])):
        yield "resident ID"
    # One character a group, so that runs of groups are found by patterns and not by trying each.
    lengths = "".join([chr(_ZERO + min(len(group), LONG)) for group in groups])
    ends: list[int] = []
    for start, end in _numbers(lengths):
        if not ends:
            ends = [group.end() for group in _GROUP.finditer(text, *row.span())]
        kind = _kind("".join(groups[start:end]), text[ends[end - 1] : ends[end - 1] + AMOUNT_CHARACTERS])
        if kind is not None:
            yield kind


def _numbers(lengths: str) -> Iterator[tuple[int, int]]:
    """The runs of groups that people write one number in, if it is as long as one that is looked for: a group alone, groups of
    a known form, groups of one length and a shorter one behind them."""
    for found in _ALONE.finditer(lengths):
        yield found.span()
    for found in _OF_FORM.finditer(lengths):
        yield found.span(1)
    for found in _EVEN.finditer(lengths):
        start, end = found.span()
        each = ord(lengths[start]) - _ZERO
        if each * (end - start) in LENGTHS:
            yield start, end
        behind = ord(lengths[end]) - _ZERO if end < len(lengths) else each
        if behind < each and each * (end - start) + behind in LENGTHS:
            yield start, end + 1


def _kind(digits: str, behind: str) -> Kind | None:
    if len(digits) == 15 and _born(digits[:2], "19" + digits[6:12]):
        return None if _AMOUNT.match(behind) else "resident ID"
    mobile = digits.removeprefix("00").removeprefix("86") if len(digits) in (13, 15) else digits
    if _MOBILE.fullmatch(mobile):
        return None if _AMOUNT.match(behind) else "mobile number"
    if 16 <= len(digits) <= 19 and digits[0] in "3456789" and _has_check_digit(digits):
        return None if uscc.is_valid(digits) or _NUMBER_OF_PAPER.match(digits) else "bank account"
    return None


def _has_check_digit(digits: str) -> bool:
    """Luhn (ISO/IEC 7812-1, annex B). By hand: a library's takes ten times as long, and a text may hold thousands."""
    backwards = digits[::-1].encode()
    return (sum(backwards[::2]) + sum(backwards[1::2].translate(_DOUBLED))) % 10 == len(digits) * ord("0") % 10


def _born(place: str, day: str) -> bool:
    """Whether this can be where and when somebody who works was registered and born."""
    if place not in _PROVINCES or not BORN_FIRST <= int(day[:4]) <= BORN_LAST:
        return False
    try:
        date(int(day[:4]), int(day[4:6]), int(day[6:8]))
    except ValueError:
        return False
    return True


def _has_resident_id(row: str) -> bool:
    """Whether a valid one stands anywhere in a row of digits, which may end in X."""
    return any(
        check_character(number[:17]) == number[17] and _born(number[:2], number[6:14])
        for number in (found.group(1) for found in _MAY_BE_RESIDENT_ID.finditer(row))
    )


def identity_in_key(key: str) -> Kind | None:
    """``resident ID`` if a key was made from one."""
    if len(key) < 18 or len(key) > KEY_CHARACTERS_MAX:
        return None
    rows = re.findall(r"[0-9]{17,}[Xx]?", key)
    return "resident ID" if any(_has_resident_id(row.upper()) for row in rows) else None


# --- where text is free -------------------------------------------------------------------------------------------------


_WORDS = "字 1"


class _Node(NamedTuple):
    """What a value of a schema can hold: text that is free, a key, entries, named parts, parts under names made up."""

    text: bool = False
    key: bool = False
    items: Any = None
    parts: Mapping[str, Any] = {}
    others: Any = None


@lru_cache(maxsize=256)
def _shape(model: type[BaseModel]) -> _Node:
    schema = model.model_json_schema()
    return _node(schema, schema.get("$defs", {}))


def _node(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> _Node:
    """Free is a string to which the schema gives no format or choice, and no pattern that keeps words out."""
    if "$ref" in schema:
        schema = defs[schema["$ref"].rsplit("/", 1)[1]]
    found = [_node(each, defs) for name in ("anyOf", "oneOf", "allOf") for each in schema.get(name, ())]
    kind = schema.get("type")
    if kind == "string" and not {"enum", "const", "format"} & schema.keys():
        free = re.fullmatch(schema.get("pattern", ".*"), _WORDS) is not None
        found.append(_Node(text=free, key=not free))
    items = [schema["items"]] if isinstance(schema.get("items"), dict) else []
    for each in [*items, *schema.get("prefixItems", ())]:
        found.append(_Node(items=_node(each, defs)))
    if parts := schema.get("properties"):
        found.append(_Node(parts={name: _node(each, defs) for name, each in parts.items()}))
    if isinstance(schema.get("additionalProperties"), dict):
        found.append(_Node(others=_node(schema["additionalProperties"], defs)))
    merged = _Node()
    for each in found:
        merged = _merge(merged, each)
    return merged


def _merge(one: _Node | None, other: _Node | None) -> Any:
    if one is None or other is None:
        return one or other
    names = one.parts.keys() | other.parts.keys()
    parts = {name: _merge(one.parts.get(name), other.parts.get(name)) for name in names}
    return _Node(
        one.text or other.text, one.key or other.key, _merge(one.items, other.items), parts, _merge(one.others, other.others)
    )


def plain_identities(model: type[BaseModel] | None, data: Any, lang: Lang = "en") -> tuple[Problem, ...]:
    """The problems of a fact's data: one for each text or key that holds an identity in plain.

    model: of the data, which may be wrong by it; None where nobody knows, and every text is looked at.
    """
    found = dict.fromkeys(_found(_Node() if model is None else _shape(model), data, "data"))
    return tuple(_problem(field, kind, lang) for field, kind in list(found)[:PROBLEMS_MAX])


def _found(node: _Node, value: Any, path: str) -> Iterator[tuple[str, Kind]]:
    if isinstance(value, str):
        kind = identity_in_key(value) if node.key and not node.text else identity_in(value)
        if kind is not None:
            yield path, kind
    elif isinstance(value, Mapping):
        for name, part in value.items():
            # A name that the schema does not know is the sender's: it is not repeated, and looked at like any text.
            yield from _found(
                node.parts.get(name) or node.others or _Node(), part, f"{path}.{name}" if name in node.parts else path
            )
            if name not in node.parts:
                yield from _found(_Node(), name, path)
    elif isinstance(value, list):
        for each in value:
            yield from _found(node.items or _Node(), each, path)


_NAMES: Mapping[Kind, str] = {"resident ID": "身份证号", "mobile number": "手机号码", "bank account": "银行账号"}


def _problem(field: str, kind: Kind, lang: Lang) -> Problem:
    if lang == "zh":
        what, remedy = f"文字中有疑似{_NAMES[kind]}的号码", "请删去：所记录的文字永久保存，身份信息只加密填报在登记中"
    else:
        what = f"the text holds what looks like a {kind}"
        remedy = "leave it out: what is recorded stays for ever; identity goes sealed into the person's registration"
    return Problem(field=field, code="plain-identity", problem=what, remedy=remedy)
