"""Read and check the YAML text of an appraisal cycle. Pure: text in, a document or its problems out, each at its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from contracts import appraisal as shapes
from contracts.appraisal import AppraisalDocument, WeightProfile
from contracts.base import Category
from eventlog.documents import DocumentProblem, Finding, Format, Path, repeated, unknown_word

__all__ = ["check_cycle", "read_cycle"]

TEXT_KEYS = frozenset(
    {"division", "clause", "document", "title", "title_en", "zh", "en", "source", "note", "name", "measured_in"}
)
LIMIT_PERCENT_USUAL = 20
"""What the schemes that are published allow at most of the best rating."""
OTHER_GRADE = "(another grade)"


def read_cycle(text: str) -> AppraisalDocument:
    """Return the document. Raises DocumentError if there is any error; warnings alone don't keep it from being read."""
    return FORMAT.read(text)


def check_cycle(text: str) -> tuple[DocumentProblem, ...]:
    """Return everything that is wrong or doubtful about the text, in order of its place; nothing: it is fine."""
    return FORMAT.check(text)


# Sense: what a well-formed document may still get wrong ---------------------------------------------------------------------


def _findings_of_sense(document: AppraisalDocument) -> Iterator[Finding]:
    yield from repeated([item.name for item in document.items], ("items",), "name")
    yield from repeated([role.name for role in document.raters], ("raters",), "name")
    yield from repeated([band.rating for band in document.bands], ("bands",), "rating")
    yield from repeated([bar.step for bar in document.bars], ("bars",), "step")
    yield from _findings_of_days(document)
    yield from _findings_of_items(document)
    yield from _findings_of_raters(document)
    yield from _findings_of_weights(document)
    yield from _findings_of_bands(document)


def _findings_of_days(document: AppraisalDocument) -> Iterator[Finding]:
    if document.last_day < document.first_day:
        problem = f"the period ends on {document.last_day}, before it begins"
        yield Finding(("last_day",), "reversed", problem, "exchange the two or correct one")
    if document.last_day.year != document.year:
        problem = f"the period ends in {document.last_day.year}, not in {document.year}"
        yield Finding(("year",), "contradiction", problem, "name the year in which the period ends")
    if document.ratings_until < document.effective_on:
        problem = f"ratings end on {document.ratings_until}, before they begin on {document.effective_on}"
        yield Finding(("ratings_until",), "reversed", problem, "give a later day")


def _findings_of_items(document: AppraisalDocument) -> Iterator[Finding]:
    for place, item in enumerate(document.items):
        if item.part == "quantitative" and item.target is None:
            yield Finding(("items", place, "target"), "missing", f"{item.name} is measured by no target", "add `target:`")
        if item.part == "qualitative" and item.target is not None:
            problem = f"{item.name} is marked by raters, and has a target"
            yield Finding(("items", place, "target"), "contradiction", problem, "remove it, or write `part: quantitative`")


def _findings_of_raters(document: AppraisalDocument) -> Iterator[Finding]:
    if not document.raters:
        if any(item.part == "qualitative" for item in document.items):
            yield Finding(("raters",), "no-raters", "nobody marks the qualitative items", "add `raters:` with percents")
        return
    total = sum(role.percent for role in document.raters)
    if total != 100:
        yield Finding(("raters",), "not-100", f"the raters' percents add up to {total}", "let them add up to 100", at_key=True)


def _findings_of_weights(document: AppraisalDocument) -> Iterator[Finding]:
    names = [item.name for item in document.items]
    for place, profile in enumerate(document.weights):
        path: Path = ("weights", place)
        total = sum(weight.percent for weight in profile.items)
        if total != 100:
            problem = f"the weights add up to {total}"
            yield Finding((*path, "items"), "not-100", problem, "let them add up to 100", at_key=True)
        yield from repeated([weight.item for weight in profile.items], (*path, "items"), "item")
        for at, weight in enumerate(profile.items):
            if weight.item not in names:
                yield unknown_word((*path, "items", at, "item"), weight.item, "items", names)
        for earlier in range(place):
            if _overlap(document.weights[earlier], profile):
                problem = f"somebody may fall under weights {earlier + 1} and {place + 1}"
                yield Finding(path, "overlap", problem, "keep categories or grades of the two apart")
    unused = set(names) - {weight.item for profile in document.weights for weight in profile.items}
    for place, name in enumerate(names):
        if name in unused:
            yield Finding(("items", place), "unused", f"{name} counts for nobody", "give it a weight, or remove it", "warning")
    yield from _findings_of_cover(document)


def _overlap(one: WeightProfile, other: WeightProfile) -> bool:
    categories = not one.categories or not other.categories or bool(set(one.categories) & set(other.categories))
    grades = not one.grades or not other.grades or bool(set(one.grades) & set(other.grades))
    return categories and grades


def _findings_of_cover(document: AppraisalDocument) -> Iterator[Finding]:
    """Whom the scope takes in, and no weights are for."""
    named = {grade for profile in document.weights for grade in profile.grades}
    grades = document.scope.grades or (*sorted(named), OTHER_GRADE)
    for category in document.scope.categories or get_args(Category):
        without = [
            grade
            for grade in grades
            if not any(
                (not p.categories or category in p.categories) and (not p.grades or grade in p.grades) for p in document.weights
            )
        ]
        if without:
            problem = f"no weights are for {category} of {', '.join(without)}"
            yield Finding(("weights",), "uncovered", problem, "add weights for them, or narrow the scope", at_key=True)
    for place, profile in enumerate(document.weights):
        beyond = set(profile.categories) - set(document.scope.categories or profile.categories)
        if beyond:
            problem = f"{', '.join(sorted(beyond))} is outside the scope"
            yield Finding(("weights", place, "categories"), "outside", problem, "remove it, or widen the scope", "warning")


def _findings_of_bands(document: AppraisalDocument) -> Iterator[Finding]:
    bands = document.bands
    for place in range(1, len(bands)):
        if bands[place].at_least >= bands[place - 1].at_least:
            problem = f"{bands[place].rating} begins at {bands[place].at_least}, not below {bands[place - 1].rating}"
            yield Finding(("bands", place, "at_least"), "not-descending", problem, "put the best rating first")
    if bands[-1].at_least != 0:
        problem = f"who has fewer than {bands[-1].at_least} points has no rating"
        yield Finding(("bands", len(bands) - 1, "at_least"), "gap", problem, "let the last band begin at 0")
    quota = document.quota
    if quota.percent > quota.limit_percent:
        problem = f"a quota of {quota.percent} % is above its limit of {quota.limit_percent} %"
        yield Finding(("quota", "percent"), "above-limit", problem, "lower the quota, or raise the limit")
    if quota.limit_percent > LIMIT_PERCENT_USUAL:
        problem = f"published schemes allow {LIMIT_PERCENT_USUAL} % at most"
        yield Finding(("quota", "limit_percent"), "unusual", problem, "make sure that the document says so", "warning")
    ratings = [band.rating for band in bands]
    for place, bar in enumerate(document.bars):
        if bar.rating not in ratings:
            yield unknown_word(("bars", place, "rating"), bar.rating, "bands", ratings)
        elif bar.rating == ratings[-1]:
            problem = f"who can't have {bar.rating} has no rating left"
            yield Finding(("bars", place, "rating"), "contradiction", problem, "name a better rating")
    names = [item.name for item in document.items]
    yield from repeated(document.ties.break_by, ("ties", "break_by"))
    for place, name in enumerate(document.ties.break_by):
        if name not in names:
            yield unknown_word(("ties", "break_by", place), name, "items", names)


FORMAT = Format("cycle", AppraisalDocument, shapes, TEXT_KEYS, _findings_of_sense)
