"""The words of a policy's vocabulary in their order, and which division contains which."""

from __future__ import annotations

from contracts.base import Category
from contracts.policy import CategoryRule, PolicyDocument

__all__ = [
    "BASIC",
    "EXCELLENT",
    "UNKNOWN_WORD_SUFFIX",
    "categories_paid",
    "counted",
    "covers",
    "grade_rank",
    "rating_rank",
    "significant",
]

UNKNOWN_WORD_SUFFIX = " (not in the vocabulary)"
"""Ends what a predicate ``found`` when the fact's word is unknown to the policy; ``unknown_words`` gives the words."""

BASIC = "basic"
"""The rating word that the setting ``basic`` is about (基本称职)."""
EXCELLENT = "excellent"
"""The rating word that the setting ``excellent`` is about (优秀)."""


def rating_rank(document: PolicyDocument, word: str) -> int | None:
    """The place of a rating from the lowest (0) upwards; None: not in the vocabulary."""
    ratings = document.vocabulary.ratings
    for place, rating in enumerate(ratings):
        if rating.word == word:
            return len(ratings) - 1 - place
    return None


def grade_rank(document: PolicyDocument, word: str) -> int | None:
    """The place of a grade from the lowest (0) upwards; None: not in the vocabulary."""
    for place, grade in enumerate(document.vocabulary.grades):
        if grade.word == word:
            return place
    return None


def categories_paid(document: PolicyDocument, rule: CategoryRule) -> tuple[Category, ...]:
    """The rule's categories; the setting ``deputy_secretary`` has the last word on deputies."""
    others = tuple([category for category in rule.among if category != "deputy_secretary"])
    return (*others, "deputy_secretary") if document.settings.deputy_secretary == "paid" else others


def covers(division: str, other: str) -> bool:
    """Whether a GB/T 2260 division is the other one or contains it: 320000 and 320100 contain 320102."""
    digits = significant(division)
    return division[:digits] == other[:digits]


def significant(division: str) -> int:
    """How many digits of a code name its division; the others are zeros."""
    return 2 if division.endswith("0000") else 4 if division.endswith("00") else 6


def counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
