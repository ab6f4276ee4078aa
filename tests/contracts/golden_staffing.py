"""Samples of the events about units and vacancies, for ``tests.contracts.golden``."""

from __future__ import annotations

from datetime import UTC, datetime

from contracts.base import LogEvent
from contracts.registry import FactOrigin
from contracts.staffing import (
    LeadershipModelSet,
    SoftRequirement,
    UnitPost,
    UnitStaffReported,
    VacancyClosed,
    VacancyDescribed,
)
from contracts.standard import CompetencyCriterion, DegreeCriterion, RatingsCriterion

__all__ = ["SAMPLES"]

_ORIGIN = FactOrigin(source="hr", id="m-1", occurred_at=datetime(2025, 1, 5, 8, 0, 0, 123456, tzinfo=UTC))

SAMPLES: tuple[LogEvent, ...] = (
    UnitStaffReported(origin=_ORIGIN, unit="第七党支部", division="320102", staff=2600),
    LeadershipModelSet(
        origin=_ORIGIN,
        unit="第七党支部",
        division="320102",
        model="one_person",
        posts=(
            UnitPost(post="书记", side="party", category="secretary"),
            UnitPost(post="主任", side="management", seats=2),
        ),
    ),
    VacancyDescribed(
        origin=_ORIGIN,
        vacancy="hr/V-1",
        unit="第七党支部",
        division="320102",
        post="书记",
        category="secretary",
        full_time=True,
        ladder="near-term",
        hard=(
            DegreeCriterion(rule="degree", at_least="bachelor", clause="1"),
            RatingsCriterion(rule="ratings", at_least="competent", count=2, of_last=3, clause="2", status="public-fact"),
        ),
        soft=(
            SoftRequirement(
                criterion=CompetencyCriterion(rule="competency", name="political", at_least=4, clause="3"), weight=3
            ),
        ),
    ),
    VacancyClosed(origin=_ORIGIN, vacancy="hr/V-1", outcome="filled", person_ref="p0000000000000000000000000a"),
)
