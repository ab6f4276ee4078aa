"""The registry's read models and their queries. Written with the events they are made from; rebuilt from the log at any time.

Reading order: ``tables``, ``person`` (what somebody's facts come to, pure), ``facts`` (how facts become rows); then the other
read models with their queries, ``certification``, ``places``, ``entries``; ``people`` (questions about people), ``as_of`` (both
times).
"""

from __future__ import annotations

from eventlog.log import View
from services.registry.views.as_of import known_at, register_as_of, worker_as_of
from services.registry.views.certification import ApplicationView, Due, applications, applications_of, due
from services.registry.views.entries import DossierView, dossier
from services.registry.views.facts import StandingView
from services.registry.views.people import (
    conflicts,
    count_register,
    holders,
    last_serial,
    merged_into,
    register,
    worker_row,
)
from services.registry.views.person import HeldCertificate, Period, Post, Status, WorkerRow, steward_on
from services.registry.views.places import InspectionView, UnitView, inspection_counts, inspections, uninspected, units
from services.registry.views.tables import (
    application,
    certificate_holder,
    dossier_entry,
    fact_on_file,
    file_end,
    inspection,
    inspection_result,
    standing,
    unit,
    view_metadata,
    worker,
)

__all__ = [
    "ApplicationView",
    "DossierView",
    "Due",
    "HeldCertificate",
    "InspectionView",
    "Period",
    "Post",
    "StandingView",
    "Status",
    "UnitView",
    "WorkerRow",
    "application",
    "applications",
    "applications_of",
    "certificate_holder",
    "conflicts",
    "count_register",
    "dossier",
    "dossier_entry",
    "due",
    "fact_on_file",
    "file_end",
    "holders",
    "inspection",
    "inspection_counts",
    "inspection_result",
    "inspections",
    "known_at",
    "last_serial",
    "merged_into",
    "register",
    "register_as_of",
    "registry_views",
    "standing",
    "steward_on",
    "uninspected",
    "unit",
    "units",
    "view_metadata",
    "worker",
    "worker_as_of",
    "worker_row",
]


def registry_views() -> tuple[View, ...]:
    """All of them, as the registry's log keeps them."""
    return (StandingView(), ApplicationView(), UnitView(), InspectionView(), DossierView())
