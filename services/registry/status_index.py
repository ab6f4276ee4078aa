"""Where the status of a certificate's credential stands in the published lists: from the recorded events alone. Pure.

A credential (``services.registry.credential``) never changes, and neither does its place. The place comes from the position, in
the registry's log, of the event that made the certificate read as the credential does: its issue, a correction of it, a
downgrade that has begun, or the withdrawal of what had ended it. When the certificate reads otherwise, there is a new place,
and the old one is left superseded. So nothing has to be kept to give the same answer again, and no place is given twice.

A place tells how many events the registry had recorded by then, which the serial in a certificate's number tells as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from contracts.base import business_day
from contracts.certificate_life import CertificateState, Span, spans_of_all, state_on
from contracts.particulars import Certificate, CertificateChange
from contracts.registry import (
    CertificateChanged,
    CertificateIssued,
    FactAbsorbed,
    FactCorrected,
    FactWithdrawn,
    PersonMerged,
)
from eventlog.log import Recorded
from services.registry.credential import CERTIFICATES_PER_LIST_MAX, CertificateFacts

__all__ = ["TYPES", "Credential", "Place", "credentials_of", "place_of"]

TYPES = tuple(
    kind.TYPE for kind in (CertificateIssued, CertificateChanged, FactCorrected, FactWithdrawn, FactAbsorbed, PersonMerged)
)
"""The events that can concern a certificate."""
PLACES_PER_POSITION = 3
"""A correction can take a change from one certificate to another: both read otherwise at once (0 and 2). And what it says can
begin on a day to come (1)."""

_SLOTS = ("certificate/", "certificate-change/")
_FINAL = ("revoked", "superseded")

Event = CertificateIssued | CertificateChanged | FactCorrected | FactWithdrawn | FactAbsorbed | PersonMerged
Says = Certificate | CertificateChange
Stands = tuple[str, date, Says]


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """number: of the list, from 0. index: in it."""

    number: int
    index: int


def place_of(position: int, rank: int = 0) -> Place:
    """One of the places that an event at a position of the log can give. rank: 0 to ``PLACES_PER_POSITION`` - 1."""
    return Place(*divmod((position - 1) * PLACES_PER_POSITION + rank, CERTIFICATES_PER_LIST_MAX))


@dataclass(frozen=True, slots=True)
class Credential:
    """A certificate's credential on a day. facts: what it says; None: the certificate does not stand any more.

    states: of its place, and of all places that the certificate had before.
    """

    person_ref: str
    number: str
    facts: CertificateFacts | None
    state: CertificateState
    place: Place
    states: Mapping[Place, CertificateState]


@dataclass(frozen=True, slots=True)
class _Touch:
    """An event that concerns one certificate, and all that stands of that one afterwards.

    at_once: the place that it gives when it is recorded. begins: the place that each downgrade gives on a day to come.
    """

    at_once: Place
    begins: Mapping[str, Place]
    recorded_on: date
    stands: tuple[Stands, ...]
    merged: bool


@dataclass(slots=True)
class _File:
    """What stands of the certificates of one person. begins: as in ``_Touch``, of every change that there ever was."""

    said: dict[str, tuple[date, Says]] = field(default_factory=dict)
    begins: dict[str, Place] = field(default_factory=dict)
    standing: dict[str, str | None] = field(default_factory=dict)
    touches: dict[str, list[_Touch]] = field(default_factory=dict)


def credentials_of(events: Iterable[Recorded], day: date) -> list[Credential]:
    """The credential of every certificate that these events tell of, on a day: by person, in the order of first issue.

    events: in the order of the log, whole files only, at least those of ``TYPES``; others are passed over.
    """
    files: dict[str, _File] = {}
    for recorded in events:
        if isinstance(recorded.event, Event):
            _take(files.setdefault(recorded.event.person_ref, _File()), recorded, recorded.event)
    return [
        _credential(ref, number, touches, day)
        for ref, file in files.items()
        for number, touches in file.touches.items()
    ]  # fmt: skip


def _take(file: _File, recorded: Recorded, event: Event) -> None:
    if not isinstance(event, FactWithdrawn | PersonMerged) and isinstance(event.particulars, Certificate | CertificateChange):
        file.said[recorded.event_id] = (date.fromisoformat(recorded.effective_on), event.particulars)
        file.begins[recorded.event_id] = place_of(recorded.position, 1)
    touched: set[str] = set()
    for change in event.standings:
        if change.slot.startswith(_SLOTS):
            touched |= {file.said[fact][1].number for fact in (file.standing.get(change.slot), change.fact) if fact is not None}
            file.standing[change.slot] = change.fact
    on = business_day(datetime.fromisoformat(recorded.recorded_at))
    # Merging empties a whole file, of any number of certificates; none reads as anything afterwards, so no place is taken.
    for rank, number in enumerate(sorted(touched)):
        stands = tuple(
            (fact, *file.said[fact])
            for fact in file.standing.values()
            if fact is not None and file.said[fact][1].number == number
        )
        at_once = place_of(recorded.position, 2 * min(rank, 1))
        touch = _Touch(at_once, file.begins, on, stands, isinstance(event, PersonMerged))
        file.touches.setdefault(number, []).append(touch)


@dataclass(slots=True)
class _Track:
    """What has become of a certificate's credentials so far."""

    place: Place
    facts: CertificateFacts | None = None
    state: CertificateState = "not-yet"
    states: dict[Place, CertificateState] = field(default_factory=dict)

    def gone(self, state: CertificateState) -> None:
        """The certificate does not stand any more."""
        if self.facts is not None and self.state not in _FINAL:
            self.states[self.place] = state
        self.facts, self.state = None, state

    def reads(self, facts: CertificateFacts, state: CertificateState, new: Place) -> None:
        """The certificate reads so now. new: its place, if it needs another one than it has."""
        ended = self.state in _FINAL
        if self.facts is None or facts != self.facts or (ended and state not in _FINAL):
            if self.facts is not None and not ended:
                self.states[self.place] = "superseded"
            self.place = new
        self.facts, self.state = facts, state
        self.states[self.place] = state


def _credential(ref: str, number: str, touches: Sequence[_Touch], day: date) -> Credential:
    """Follow a certificate from event to event, each from the day on which it was recorded to that of the next one."""
    track = _Track(touches[0].at_once)
    for touch, following in zip(touches, (*touches[1:], None), strict=True):
        until = day if following is None else min(day, following.recorded_on)
        issue = next(((on, says) for _, on, says in touch.stands if isinstance(says, Certificate)), None)
        if issue is None:
            track.gone("superseded" if touch.merged else "revoked")
            continue
        spans = spans_of_all(touch.stands)
        first = min(touch.recorded_on, until)
        for on in (first, *(span.first for span in spans if first < span.first <= until)):
            new = touch.at_once if on == first else _begun(touch, spans, on)
            track.reads(*_reading(number, *issue, spans, on), new)
    return Credential(ref, number, track.facts, track.state, track.place, track.states)


def _reading(
    number: str, issued_on: date, says: Certificate, spans: Sequence[Span], day: date
) -> tuple[CertificateFacts, CertificateState]:
    """What a credential would say on a day, and the certificate's state; before its issue, as it will be issued."""
    state, _ = state_on(spans, number, day)
    _, grade = state_on(spans, number, max(day, issued_on))
    return CertificateFacts(number, grade or says.grade, says.issuer, issued_on, says.expires_on), state


def _begun(touch: _Touch, spans: Sequence[Span], day: date) -> Place:
    """The place that a downgrade gives which begins on a day, some time after it was recorded."""
    downgrades = {fact for fact, _, says in touch.stands if isinstance(says, CertificateChange) and says.grade is not None}
    span = next(span for span in spans if span.covers(day))
    return next((touch.begins[fact] for fact in reversed(span.facts) if fact in downgrades), touch.at_once)
