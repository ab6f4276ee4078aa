"""Read and check the YAML text of a development policy. Pure: text in, a document or its problems out, each at its place."""

from __future__ import annotations

from collections.abc import Iterator

from contracts import development_policy as shapes
from contracts.development_policy import DevelopmentPolicy, Duty
from eventlog.documents import DocumentProblem, Finding, Format, Path, repeated, unknown_word

__all__ = ["check_policy", "read_policy"]

TEXT_KEYS = frozenset({"division", "clause", "document", "title", "title_en", "zh", "en", "source", "note", "name"})


def read_policy(text: str) -> DevelopmentPolicy:
    """Return the document. Raises DocumentError if there is any error; warnings alone don't keep it from being read."""
    return FORMAT.read(text)


def check_policy(text: str) -> tuple[DocumentProblem, ...]:
    """Return everything that is wrong or doubtful about the text, in order of its place; nothing: it is fine."""
    return FORMAT.check(text)


def _findings_of_sense(document: DevelopmentPolicy) -> Iterator[Finding]:
    yield from repeated(document.grades, ("grades",))
    yield from repeated([duty.name for duty in document.training], ("training",), "name")
    for place, duty in enumerate(document.training):
        yield from _findings_of_duty(duty, ("training", place))
    if document.mentoring is not None and document.mentoring.at_least not in document.grades:
        yield unknown_word(("mentoring", "at_least"), document.mentoring.at_least, "grades", document.grades)
    rotation = document.rotation
    if rotation is not None:
        yield from repeated(rotation.categories, ("rotation", "categories"))
        if rotation.warn_months >= rotation.years_at_most * 12:
            problem = f"a warning {rotation.warn_months} months before the limit comes before the post is taken up"
            yield Finding(("rotation", "warn_months"), "contradiction", problem, "lower it")
    parts = (document.rotation, document.mentoring, document.rectification)
    if not document.training and not document.suggestions and all(part is None for part in parts):
        yield Finding((), "empty", "the policy settles nothing", "add rotation, training, mentoring or rectification")


def _findings_of_duty(duty: Duty, path: Path) -> Iterator[Finding]:
    yield from repeated(duty.categories, (*path, "categories"))
    yield from repeated(duty.topics, (*path, "topics"))
    if duty.when == "each_year" and duty.months is not None:
        yield Finding((*path, "months"), "contradiction", "a duty of each year has no months", "remove it, or change `when:`")
    if duty.when != "each_year" and duty.months is None:
        yield Finding((*path, "when"), "missing", f"{duty.name} does not say within how many months", "add `months:`")
    if duty.new_only and duty.when != "on_appointment":
        problem = "only a duty on appointment is for newcomers"
        yield Finding((*path, "new_only"), "contradiction", problem, "remove it, or change `when:`")


FORMAT = Format("development policy", DevelopmentPolicy, shapes, TEXT_KEYS, _findings_of_sense)
