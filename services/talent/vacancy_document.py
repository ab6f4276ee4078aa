"""Read and check the YAML text of a vacancy. Pure: text in, a document or its problems out, each at its line and key."""

from __future__ import annotations

import types
from collections.abc import Iterator

from contracts import staffing_intake, standard
from contracts.staffing_intake import VacancyDocument, senseless
from eventlog.documents import DocumentProblem, Finding, Format

__all__ = ["check_vacancy", "read_vacancy"]

TEXT_KEYS = frozenset({"vacancy", "unit", "division", "post", "clause", "ladder", "name"})


def read_vacancy(text: str) -> VacancyDocument:
    """Return the document. Raises DocumentError if there is any error."""
    return FORMAT.read(text)


def check_vacancy(text: str) -> tuple[DocumentProblem, ...]:
    """Return everything that is wrong about the text, in order of its place; nothing: it is fine."""
    return FORMAT.check(text)


def _findings_of_sense(document: VacancyDocument) -> Iterator[Finding]:
    for wrong in senseless(document):
        yield Finding(wrong.path, wrong.code, wrong.problem, wrong.remedy)


def _shapes() -> types.ModuleType:
    """The shapes of both modules: the vacancy's own, and those of the criteria."""
    both = types.ModuleType("shapes")
    vars(both).update({**vars(standard), **vars(staffing_intake)})
    return both


FORMAT = Format("vacancy", VacancyDocument, _shapes(), TEXT_KEYS, _findings_of_sense)
