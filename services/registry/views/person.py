"""What the standing facts of one person come to: periods for the register, and the row for a day. Pure.

Where the same question is asked by other services, the answer is that of ``contracts``: where somebody is registered and when
not (``registration_life``), what a certificate is worth (``certificate_life``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, NamedTuple

from contracts.base import Category, Grade, Rating
from contracts.certificate_life import Span, spans_of_all
from contracts.certification import CertificationStandard
from contracts.divisions import in_force
from contracts.particulars import (
    Certificate,
    EngagementEnd,
    EngagementStart,
    InspectionResult,
    Particulars,
    RatingResult,
    Registration,
    Transfer,
)
from contracts.registration_life import closed_spans, division_on
from services.registry.eligibility import steward_of

__all__ = [
    "REGISTER_SLOTS",
    "End",
    "HeldCertificate",
    "Period",
    "Post",
    "Stands",
    "Status",
    "WorkerRow",
    "periods_of",
    "steward_on",
    "worker_on",
]

Status = Literal["open", "closed", "merged", "erased"]

REGISTER_SLOTS = frozenset({"registration", "transfer", "registration-status", "certificate", "certificate-change"})
"""The first words of the slots that periods are made from."""

_DAY = timedelta(days=1)


class Stands(NamedTuple):
    """A fact that stands: in which slot, the event that says it, the day from which it counts, and what it says."""

    slot: str
    event_id: str
    on: date
    says: Particulars


class End(NamedTuple):
    """The end of a file. into: as whom a merged person goes on."""

    status: Literal["merged", "erased"]
    on: date
    into: str | None


# --- periods ------------------------------------------------------------------------------------------------------------


class Period(NamedTuple):
    """Days on which registration and certificate stay as they are. last None: no end is known. Empty text: there is none.

    grade: that of a certificate that is valid or suspended. certificate: that one's number, or the last one's.
    """

    first: date
    last: date | None
    division: str
    status: Status
    grade: Grade
    certificate: str
    certificate_state: str


def periods_of(facts: Sequence[Stands], end: End | None = None) -> tuple[Period, ...]:
    """From the registration on, in order and without a gap. A file without registration has no more than its end, if that."""
    registration = _registration(facts)
    if registration is None:
        return () if end is None else (Period(end.on, None, "", end.status, "", "", ""),)
    if len(facts) == 1 and end is None:
        return (_new(registration),)
    says = [(fact.event_id, fact.on, fact.says) for fact in facts]
    closed, spans = closed_spans(says), spans_of_all(says)
    days = {registration.on, *(fact.on for fact in facts if isinstance(fact.says, Transfer)), *(span.first for span in spans)}
    for shut in closed:
        days.add(shut.first)
        if shut.last is not None:
            days.add(shut.last + _DAY)
    if end is not None:
        days.add(end.on)
    found: list[Period] = []
    for day in sorted(day for day in days if day >= registration.on):
        place = division_on(says, day)
        assert place is not None
        status: Status = "closed" if any(shut.covers(day) for shut in closed) else "open"
        held = _held(spans, day)
        period = Period(
            day,
            None,
            place[0],
            end.status if end is not None and end.on <= day else status,
            held.grade if held is not None and held.state in _IN_FORCE else "",
            "" if held is None else held.number,
            "" if held is None else held.state,
        )
        if found and found[-1][2:] == period[2:]:
            continue
        if found:
            found[-1] = found[-1]._replace(last=day - _DAY)
        found.append(period)
    return tuple(found)


def _new(registration: Stands) -> Period:
    """Where nothing has happened since: most batches bring such files."""
    assert isinstance(registration.says, Registration)
    return Period(registration.on, None, registration.says.division, "open", "", "", "")


_IN_FORCE = ("valid", "suspended")


def _held(spans: Iterable[Span], day: date) -> Span | None:
    """The certificate that speaks for somebody on a day: the latest issued, which supersedes the one before it."""
    last: Span | None = None
    for span in spans:  # in order of issue
        if span.covers(day):
            last = span
    return last


def _registration(facts: Iterable[Stands]) -> Stands | None:
    return next((fact for fact in facts if isinstance(fact.says, Registration)), None)


# --- the row for a day ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HeldCertificate:
    """state: on the day, since and until when (None: no end is known). grade: after what downgrades there were."""

    number: str
    grade: Grade
    state: Literal["valid", "suspended", "revoked", "superseded", "expired"]
    since: date
    until: date | None
    issuer: str
    issued_on: date
    expires_on: date | None


@dataclass(frozen=True, slots=True)
class Post:
    """An engagement that runs on the day."""

    category: Category
    unit: str
    post: str
    full_time: bool
    since: date


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """A worker on a day, as far as it is known.

    closed_on: last day of a registration that is closed. post: the main one of the engagements that run (full time before part
    time, then the longest). rating, inspection: of the latest year with a result by the day.
    """

    person_ref: str
    on: date
    status: Status
    division: str
    registered_on: date | None = None
    closed_on: date | None = None
    merged_into: str | None = None
    managing_unit: str | None = None
    posting_unit: str | None = None
    serving_unit: str | None = None
    certificate: HeldCertificate | None = None
    post: Post | None = None
    engagements: int = 0
    rating: tuple[int, Rating] | None = None
    inspection: tuple[int, Literal["passed", "failed", "missed"]] | None = None


def worker_on(person_ref: str, facts: Sequence[Stands], end: End | None, day: date) -> WorkerRow | None:
    """The row; None before the registration, or if there is none."""
    over = end if end is not None and end.on <= day else None
    registration = _registration(facts)
    if registration is None:
        return None if over is None else WorkerRow(person_ref, day, over.status, "", merged_into=over.into)
    if registration.on > day:
        return None
    says = [(fact.event_id, fact.on, fact.says) for fact in facts]
    closed = next((shut for shut in closed_spans(says) if shut.covers(day)), None)
    place = division_on(says, day)
    assert place is not None
    units = _units(registration, facts, day)
    posts = sorted(_posts(facts, day), key=lambda post: (not post.full_time, post.since, post.unit, post.post))
    ratings = [(f.says.year, f.says.rating) for f in facts if isinstance(f.says, RatingResult) and f.on <= day]
    inspections = [(f.says.year, f.says.outcome) for f in facts if isinstance(f.says, InspectionResult) and f.on <= day]
    return WorkerRow(
        person_ref=person_ref,
        on=day,
        status=over.status if over is not None else "open" if closed is None else "closed",
        division=place[0],
        registered_on=registration.on,
        closed_on=None if closed is None else closed.first - _DAY,
        merged_into=None if over is None else over.into,
        managing_unit=units[0],
        posting_unit=units[1],
        serving_unit=units[2],
        certificate=_certificate(facts, says, day),
        post=posts[0] if posts else None,
        engagements=len(posts),
        rating=max(ratings, default=None),
        inspection=max(inspections, default=None),
    )


def _units(registration: Stands, facts: Iterable[Stands], day: date) -> tuple[str | None, str | None, str | None]:
    """Managing, posting and serving unit: a transfer replaces those that it names."""
    moves = [(fact.on, fact.says.key, fact.says) for fact in facts if isinstance(fact.says, Transfer) and fact.on <= day]
    first = registration.says
    assert isinstance(first, Registration)
    managing, posting, serving = first.managing_unit, first.posting_unit, first.serving_unit
    for _, _, move in sorted(moves, key=lambda moved: moved[:2]):
        managing, posting = move.managing_unit or managing, move.posting_unit or posting
        serving = move.serving_unit or serving
    return managing, posting, serving


def _posts(facts: Iterable[Stands], day: date) -> list[Post]:
    """The engagements that run on a day; the slots of a start and its end differ in their first word only."""
    ended = {fact.slot.partition("/")[2]: fact.on for fact in facts if isinstance(fact.says, EngagementEnd)}
    posts = []
    for fact in facts:
        said = fact.says
        if isinstance(said, EngagementStart) and fact.on <= day <= ended.get(fact.slot.partition("/")[2], date.max):
            posts.append(Post(said.category, said.unit, said.post, said.full_time, fact.on))
    return posts


def _certificate(facts: Iterable[Stands], says: Iterable[tuple[str, date, Particulars]], day: date) -> HeldCertificate | None:
    span = _held(spans_of_all(says), day)
    if span is None:
        return None
    issue = next(f for f in facts if isinstance(f.says, Certificate) and f.says.number == span.number)
    assert isinstance(issue.says, Certificate)
    return HeldCertificate(
        number=span.number,
        grade=span.grade,
        state=span.state,
        since=span.first,
        until=span.last,
        issuer=issue.says.issuer,
        issued_on=issue.on,
        expires_on=issue.says.expires_on,
    )


# --- stewardship ----------------------------------------------------------------------------------------------------------


def steward_on(row: WorkerRow, standards: Iterable[tuple[str, CertificationStandard]]) -> str:
    """分级管理: the division that stewards the worker on the row's day; empty if they are registered nowhere.

    By the standard in force where they are registered, and the grade of a certificate that is valid or suspended. standards:
    with the event that published each, in the order of publication.
    """
    found = in_force(standards, row.division, row.on)
    held = row.certificate
    grade = held.grade if held is not None and held.state in _IN_FORCE else None
    return steward_of(None if found is None else found[1], grade, row.division) if row.division else ""
