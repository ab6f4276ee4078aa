"""A person's name, by one rule: what a form, a keyboard or a web page adds to it is taken off, what is part of it stays. Pure.

The rule, where the registry opens a sealed identity and in every client before it seals one:

1. Characters that nobody sees are removed: format characters (zero-width spaces and joiners, byte order marks, directions) and
   control characters, but for those that are spaces.
2. Spaces of any width (also U+3000 and U+00A0), tabs and line ends become one space between words, and none at either end.
3. The dot in transliterated names is the middle dot U+00B7, however it was typed (• ‧ ・ ･ ∙ ⋅), without spaces around it.
4. Characters that GB 18030-2000 kept in the private use area and GB 18030-2022 does not become those that it names.
5. Letters with marks are composed (NFC). Not NFKC, which would make other characters of full-width letters. The compatibility
   ideographs that GB 18030 has are kept from NFC, too, which would make others of them: a name stays as it is on the card.
6. What is left of private use, unassigned or a lone surrogate is refused: no bank and no printer knows what it looks like.
"""

from __future__ import annotations

import re
import unicodedata

from pydantic_core import PydanticCustomError

__all__ = ["NAME_CHARACTERS_MAX", "UNKNOWN", "UnwritableName", "legible_name", "normal_name"]

NAME_CHARACTERS_MAX = 100
UNKNOWN = "?"
"""What stands in a file for a character that nobody can write; bank messages have it."""

_DOTS = "•‧・･∙⋅"
_DOT = re.compile(f" *[·{_DOTS}] *")
_SPACES = re.compile(r"\s+")
# Invisible, though Unicode counts them among letters and marks.
_FILLERS = "\u034f\u115f\u1160\u3164\uffa0"
_COMPATIBLE = re.compile("([\uf900-\ufaff\U0002f800-\U0002fa1f]+)")
_GB_18030_2022 = {
    0xE816: "\U00020087", 0xE817: "\U00020089", 0xE818: "\U000200cc", 0xE81E: "\u9fb4", 0xE826: "\u9fb5", 0xE82B: "\u9fb6",
    0xE82C: "\u9fb7", 0xE831: "\U000215d7", 0xE832: "\u9fb8", 0xE83B: "\U0002298f", 0xE843: "\u9fb9", 0xE854: "\u9fba",
    0xE855: "\U000241fe", 0xE864: "\u9fbb",
}  # fmt: skip
_UNWRITABLE = frozenset({"Co", "Cn", "Cs"})


class UnwritableName(PydanticCustomError):
    """What a name cannot hold. The message repeats nothing of it."""


def normal_name(text: str) -> str:
    """The name by the rule above; by it again, the same. Raises UnwritableName."""
    name = _normal(text)
    if any(unicodedata.category(character) in _UNWRITABLE for character in name):
        raise UnwritableName("name_unwritable", "the name holds a character of private use, or one that is not assigned")
    if not name:
        raise UnwritableName("name_blank", "nothing can be seen of the name")
    if len(name) > NAME_CHARACTERS_MAX:  # Some marks take two characters when they are composed.
        raise UnwritableName("string_too_long", "the name is too long", {"max_length": NAME_CHARACTERS_MAX})
    return name


def legible_name(text: str) -> str:
    """A name that was recorded before there was a rule, for a file that must be written: what nobody can write is UNKNOWN."""
    name = _normal(text)[:NAME_CHARACTERS_MAX]
    return "".join(UNKNOWN if unicodedata.category(each) in _UNWRITABLE else each for each in name)


def _normal(text: str) -> str:
    text = _SPACES.sub(" ", text).translate(_GB_18030_2022)
    seen = "".join(each for each in text if unicodedata.category(each) not in ("Cc", "Cf") and each not in _FILLERS)
    # Composing leaves a canonical form alone; what it would turn into another character is not given to it.
    parts = (part if _COMPATIBLE.fullmatch(part) else unicodedata.normalize("NFC", part) for part in _COMPATIBLE.split(seen))
    return _SPACES.sub(" ", _DOT.sub("·", "".join(parts))).strip()
