"""Certification standards on the registry's log: one stream of all of them, read again only when there are new ones."""

from __future__ import annotations

import hashlib
from typing import cast

from contracts.certification import CertificationStandard
from contracts.receipts import Problem
from contracts.registry import CertificationStandardPublished
from eventlog.cache import Shelved
from eventlog.decider import Rejected
from eventlog.documents import DocumentError
from eventlog.log import Recorded
from services.registry.decider.worker import Standard
from services.registry.standard import read_standard

__all__ = ["STANDARDS", "Standards", "publish", "standard_of"]

STANDARDS = "standards"
"""The one stream of all standards."""
PROBLEMS_SHOWN_MAX = 20

Standards = Shelved[Standard]


def standard_of(recorded: Recorded) -> Standard:
    return recorded.event_id, cast(CertificationStandardPublished, recorded.event).document


def publish(text: str, standards: Standards) -> tuple[CertificationStandardPublished, CertificationStandard]:
    """The event of a standard that somebody publishes. Raises Rejected, with the problems at their places in the text."""
    try:
        document = read_standard(text)
    except DocumentError as error:
        raise Rejected(
            *(
                Problem(field=f"data.text:{p.line}:{p.column} {p.key}", code=p.code, problem=p.problem, remedy=p.remedy)
                for p in error.problems[:PROBLEMS_SHOWN_MAX]
            )
        ) from None
    named = (document.document, document.revision, document.division)
    if any(named == (known.document, known.revision, known.division) for _, known in standards.items):
        raise Rejected(
            Problem(
                field="data.text",
                code="standard-exists",
                problem=f"document {document.document} is published already in revision {document.revision}",
                remedy="raise the revision to publish a changed document",
            )
        )
    mark = hashlib.sha256(text.encode()).hexdigest()
    return CertificationStandardPublished(document=document, text=text, text_sha256=mark), document
