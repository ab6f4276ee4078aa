"""The calendar that the registry counts notice periods on: the one that every service shares, ``eventlog.workdays``."""

from __future__ import annotations

from eventlog.workdays import SPAN_DAYS_MAX, WORKING_DAYS_MAX, UnknownYear, WorkCalendar

__all__ = ["SPAN_DAYS_MAX", "WORKING_DAYS_MAX", "UnknownYear", "WorkCalendar"]
