"""One made-up worker of Xuanwu (320102), the example standard, and words for every command that the registry's rules take.

Command ``n`` comes in message ``m<n>``, recorded in minute ``n``; its events are ``ids(n)``, in their order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from contracts import intake
from contracts.certification import CertificationStandard
from contracts.particulars import (
    Certificate,
    CertificateChange,
    EngagementStart,
    InspectionResult,
    Particulars,
    RatingResult,
    Registration,
    RegistrationStatus,
    Transfer,
)
from contracts.registry import EncryptedFields, EncryptedIdentity, FactOrigin
from eventlog.decider import fold
from services.registry.calendar import WorkCalendar
from services.registry.decider import (
    Act,
    Command,
    Correct,
    Early,
    Happened,
    PassDeadline,
    Prepared,
    Record,
    Rules,
    Stamp,
    Take,
    Withdraw,
    Worker,
    decider,
)
from services.registry.standard import read_standard
from tests.specs import Given, given
from tests.support import NOW, event_id

__all__ = [
    "APPLICATION",
    "CALENDAR",
    "CITY",
    "COUNTY",
    "ENCRYPTED",
    "FINDINGS",
    "PERSON",
    "REF",
    "REGISTRY",
    "RULES",
    "SECRET",
    "STANDARD",
    "STANDARD_EVENT",
    "STANDARD_TEXT",
    "WORKING",
    "act",
    "after",
    "applied",
    "by",
    "certificate",
    "change",
    "closed",
    "correct",
    "deadline",
    "ids",
    "kinds",
    "needs",
    "notice",
    "objected",
    "on_file",
    "origin",
    "panel",
    "record",
    "registered",
    "reopened",
    "resolved",
    "reviewed",
    "stamp",
    "state_of",
    "step",
    "trained",
    "transferred",
    "withdraw",
]

REF = "p" + "0" * 26
COUNTY, CITY = "320102", "320100"
PERSON = intake.Person(person_ref=REF)
SECRET = EncryptedIdentity(key_version=1, fields={"name": "c2VjcmV0"}, mark="mark-1")
ENCRYPTED = EncryptedFields(key_version=1, fields={"title": "c2VjcmV0"})
STANDARD_TEXT = (Path(__file__).parents[2] / "standards" / "example-certification.yaml").read_text(encoding="utf-8")
STANDARD: CertificationStandard = read_standard(STANDARD_TEXT)
STANDARD_EVENT = event_id(0xABC)
CALENDAR = WorkCalendar()
RULES = Rules(standards=((STANDARD_EVENT, STANDARD),), calendar=CALENDAR)
REGISTRY = decider(RULES)
APPLICATION = "hr/a1"
EVENTS_MAX = 40
"""Events of one command."""


def ids(n: int) -> list[str]:
    """The event ids that command ``n`` may use."""
    return [event_id(n * EVENTS_MAX + place) for place in range(EVENTS_MAX)]


def origin(n: int, source: str = "hr", minute: int | None = None) -> FactOrigin:
    """Of message ``m<n>``, recorded in that minute (the n-th if not said)."""
    at = datetime(2025, 1, 1, tzinfo=NOW.tzinfo) + timedelta(minutes=n if minute is None else minute)
    return FactOrigin(source=source, id=f"m{n}", occurred_at=at)


def stamp(n: int, on: str = "2025-01-10", source: str = "hr", minute: int | None = None) -> Stamp:
    first, *more = ids(n)
    return Stamp(first, REF, origin(n, source, minute), date.fromisoformat(on), NOW, tuple(more))


# --- facts ------------------------------------------------------------------------------------------------------------


def record(n: int, says: Particulars, on: str = "2025-01-10", *also: Particulars, **how: Any) -> Record:
    return Record(stamp(n, on, **how), says, SECRET if isinstance(says, Registration) else None, also)


def correct(n: int, target: int, says: Particulars, on: str = "2025-01-10", **how: Any) -> Correct:
    return Correct(stamp(n, on, **how), ids(target)[0], says, "typing error")


def withdraw(n: int, target: int, on: str = "2025-01-10", **how: Any) -> Withdraw:
    return Withdraw(stamp(n, on, **how), ids(target)[0], "sent in error")


def registered(n: int = 1, on: str = "2020-01-06", division: str = COUNTY, **how: Any) -> Record:
    return record(n, Registration(division=division), on, **how)


def transferred(n: int, on: str, division: str, *also: Particulars, key: str | None = None, **how: Any) -> Record:
    return record(n, Transfer(key=key or f"t{n}", division=division), on, *also, **how)


def closed(n: int, on: str, reason: Any = "left", **how: Any) -> Record:
    return record(n, RegistrationStatus(key=f"s{n}", status="closed", reason=reason), on, **how)


def reopened(n: int, on: str, **how: Any) -> Record:
    return record(n, RegistrationStatus(key=f"s{n}", status="reopened", reason="returned"), on, **how)


def certificate(number: str = "c1", grade: str = "junior", issuer: str = COUNTY, until: str | None = None) -> Certificate:
    expires_on = None if until is None else date.fromisoformat(until)
    return Certificate(number=number, grade=grade, issuer=issuer, expires_on=expires_on)


def change(n: int, what: Any, on: str, grade: str | None = None, *, number: str = "c1", **how: Any) -> Record:
    return record(n, CertificateChange(key=f"k{n}", number=number, change=what, grade=grade, reason="made up"), on, **how)


WORKING = (
    registered(),
    record(2, EngagementStart(engagement="e1", category="secretary", unit="u", post="p"), "2020-02-01"),
    record(3, RatingResult(year=2023, rating="competent"), "2024-01-10"),
    record(4, RatingResult(year=2024, rating="excellent"), "2025-01-09"),
    record(5, InspectionResult(year=2024, outcome="passed"), "2024-12-20"),
)
"""Registered and engaged since 2020, with good results: commands 1 to 5."""

# --- the stages of an application -------------------------------------------------------------------------------------

FINDINGS = (
    intake.Finding(criterion="trained", hours=30),
    intake.Finding(criterion="recommended", confirmed=True),
)
"""What a reviewer has to say about a junior applicant."""


def step(n: int, says: Any, on: str, **how: Any) -> Take:
    return Take(stamp(n, on, **how), says)


def applied(
    n: int = 10, on: str = "2025-02-03", grade: str = "junior", issuer: str = COUNTY, key: str = "a1", **how: Any
) -> Take:
    titles = how.pop("titles", ())
    says = intake.CertificationApplied(person=PERSON, application=key, grade=grade, issuer=issuer, titles=titles)
    return step(n, says, on, **how)


def reviewed(n: int = 11, on: str = "2025-02-05", findings: Iterable[Any] = FINDINGS, key: str = "a1", **how: Any) -> Take:
    waive, source = how.pop("waive", ()), how.pop("of", None)
    says = intake.EligibilityReviewed(
        person=PERSON, application=key, application_source=source, findings=tuple(findings), waive=waive
    )
    return step(n, says, on, **how)


def trained(n: int = 12, on: str = "2025-02-10", hours: int = 24, score: int = 60, key: str = "a1", **how: Any) -> Take:
    return step(n, intake.TrainingTested(person=PERSON, application=key, hours=hours, score=score), on, **how)


def panel(n: int = 13, on: str = "2025-02-12", scores: tuple[int, ...] = (60, 60, 60), key: str = "a1", **how: Any) -> Take:
    return step(n, intake.PanelReviewed(person=PERSON, application=key, scores=scores), on, **how)


def notice(n: int = 14, on: str = "2025-02-13", ends_on: str | None = None, key: str = "a1", **how: Any) -> Take:
    """Three working days after Thursday 13 February 2025: Tuesday the 18th."""
    day = None if ends_on is None else date.fromisoformat(ends_on)
    return step(n, intake.NoticeOpened(person=PERSON, application=key, ends_on=day), on, **how)


def objected(n: int = 15, on: str = "2025-02-14", objection: str = "o1", key: str = "a1", **how: Any) -> Take:
    says = intake.ObjectionRaised(person=PERSON, application=key, objection=objection, grounds="made up")
    return step(n, says, on, **how)


def resolved(n: int = 16, on: str = "2025-02-20", outcome: Any = "dismissed", objection: str = "o1", **how: Any) -> Take:
    ends_on, key = how.pop("ends_on", None), how.pop("key", "a1")
    says = intake.ObjectionResolved(
        person=PERSON,
        application=key,
        objection=objection,
        objection_source=how.pop("raised_by", None),
        outcome=outcome,
        finding="made up",
        ends_on=None if ends_on is None else date.fromisoformat(ends_on),
    )
    return step(n, says, on, **how)


def deadline(n: int = 20, today: str = "2025-02-19", number: str = "n1", application: str = APPLICATION) -> PassDeadline:
    return PassDeadline(stamp(n, today, source="registry"), application, number)


def act(n: int, says: Any, on: str = "2025-01-10", prepared: Prepared | None = None, **how: Any) -> Act:
    return Act(stamp(n, on, **how), says, prepared or Prepared())


# --- what they come to ------------------------------------------------------------------------------------------------


def after(*commands: Command, rules: Rules = RULES) -> list[Happened]:
    """The events that these commands led to, one after the other."""
    made = decider(rules)
    events: list[Happened] = []
    for command in commands:
        events += made.decide(command, fold(made, events))
    return events


def on_file(*commands: Command, rules: Rules = RULES) -> Given[Command, Happened, Worker]:
    return given(decider(rules), after(*commands, rules=rules))


def state_of(*commands: Command, rules: Rules = RULES) -> Worker:
    return fold(decider(rules), after(*commands, rules=rules))


def kinds(events: Iterable[Happened]) -> list[str]:
    """The types of events, without ``registry.`` and version."""
    return [each.event.TYPE.split(".")[1] for each in events]


def needs(file: Given[Command, Happened, Worker], command: Command) -> str:
    """What a command that comes too early waits for."""
    with pytest.raises(Early) as early:
        file.decider.decide(command, file.state)
    assert early.value.shown
    return early.value.need


def by(command: Any, source: str) -> Any:
    """The same command from another source."""
    return replace(command, stamp=replace(command.stamp, origin=command.stamp.origin.model_copy(update={"source": source})))
