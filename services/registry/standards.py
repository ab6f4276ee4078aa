"""Certification standards on the registry's log: one stream of all of them, read again only when there are new ones."""

from __future__ import annotations

from contracts.certification import CertificationStandard
from contracts.registry import CertificationStandardPublished
from eventlog.cache import Shelved
from eventlog.inbox.documents import Documents
from eventlog.log import Log
from services.registry.decider.worker import Standard
from services.registry.standard import read_standard

__all__ = ["STANDARDS", "Standards", "standards"]

STANDARDS = "standards"
"""The one stream of all standards."""

Standards = Shelved[Standard]


def standards(log: Log) -> Documents[CertificationStandard, Standard]:
    """The standards, as they are published."""
    return Documents(
        log,
        STANDARDS,
        read_standard,
        CertificationStandardPublished,
        lambda event_id, document: (event_id, document),
        lambda known: known[1],
        "standard-exists",
        lambda document: document.effective_on,
    )
