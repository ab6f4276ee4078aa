"""What the registry knows of one worker: the state, and what every command carries. Pure.

One stream a person. A file is open until it is merged into another or erased; nothing is recorded in it after that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Literal

from contracts.certificate_life import Span, spans_of_all
from contracts.certification import CertificationStandard, Stage
from contracts.particulars import Particulars
from contracts.possible import impossible_day
from contracts.receipts import Problem
from contracts.registration_life import closed_spans, division_on
from contracts.registry import FactOrigin, Title, WorkerEvent
from contracts.workdays import Calendar, UnknownYear
from eventlog.decider import Early, Rejected

__all__ = [
    "FACTS_PER_WORKER_MAX",
    "MESSAGES_PER_WORKER_MAX",
    "Appeal",
    "Application",
    "AwaitsNotice",
    "AwaitsPanel",
    "AwaitsReview",
    "AwaitsTest",
    "Calendar",
    "Concluded",
    "Early",
    "Entry",
    "Erased",
    "Happened",
    "InNotice",
    "Known",
    "Merged",
    "Open",
    "Place",
    "Rules",
    "Stamp",
    "Standard",
    "UnknownYear",
    "Worker",
    "certificate_spans",
    "check_dates",
    "first_of",
    "not_before",
    "order_of",
    "place_on",
    "reject",
    "standing_facts",
    "stream_of",
]

FACTS_PER_WORKER_MAX = 2_000
"""Facts, corrections and withdrawals in one file."""
MESSAGES_PER_WORKER_MAX = 5_000
"""Messages that led to events in one file, of whatever kind."""


def stream_of(person_ref: str) -> str:
    return f"worker-{person_ref}"


# --- state ------------------------------------------------------------------------------------------------------------

Order = tuple[bool, datetime, str, str]


def order_of(origin: FactOrigin) -> Order:
    """Which of two facts stands, the greater: whether its source had the authority, when that recorded it, source, id."""
    return origin.authority, origin.occurred_at, origin.source, origin.id


@dataclass(frozen=True, slots=True)
class Known:
    """One recorded fact, correction or withdrawal. target: the event that it corrects or withdraws.

    says: what it says (None for a withdrawal). reason: of a correction or withdrawal. order: settles contradictions, the
    greatest counts.
    """

    event_id: str
    order: Order
    effective_on: date
    says: Particulars | None
    mark: str
    source: str
    target: str | None
    reason: str = ""

    @property
    def authority(self) -> bool:
        return self.order[0]


@dataclass(frozen=True, slots=True)
class AwaitsReview:
    """on: the day on which the stage was reached; so in all stages."""

    on: date
    stage: Stage = "application"


@dataclass(frozen=True, slots=True)
class AwaitsTest:
    on: date
    stage: Stage = "eligibility_review"


@dataclass(frozen=True, slots=True)
class AwaitsPanel:
    on: date
    stage: Stage = "training_test"


@dataclass(frozen=True, slots=True)
class AwaitsNotice:
    on: date
    stage: Stage = "panel_review"


@dataclass(frozen=True, slots=True)
class InNotice:
    """objections: those that are open, each with its day; resolved: those that were. runs_from: the day after which the working
    days up to ``ends_on`` are counted: that of the opening, or that on which the last objections were resolved.

    While it stands still: days_left, working days that it still has (None: the calendar does not know); stopped_on: since when;
    resumes_on: the latest resolution so far.
    """

    on: date
    ends_on: date
    runs_from: date
    objections: tuple[tuple[str, date], ...] = ()
    resolved: tuple[str, ...] = ()
    days_left: int | None = None
    stopped_on: date | None = None
    resumes_on: date | None = None
    stage: Stage = "public_notice"


@dataclass(frozen=True, slots=True)
class Concluded:
    on: date
    outcome: Literal["granted", "rejected", "withdrawn"]
    stage: Stage


At = AwaitsReview | AwaitsTest | AwaitsPanel | AwaitsNotice | InNotice | Concluded
"""The stage that is done last, and so what the application waits for."""


@dataclass(frozen=True, slots=True)
class StepTaken:
    """A step that was taken. before: the application as it was; None: it began with this."""

    before: Application | None
    on: date
    event: WorkerEvent


@dataclass(frozen=True, slots=True)
class Application:
    """standard: the event that published the standard it is judged by. steps: all that were taken, without their own."""

    name: str
    grade: str
    issuer: str
    titles: tuple[Title, ...]
    standard: str
    promotes: str | None
    at: At
    steps: tuple[StepTaken, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A dossier entry. event_id: of its latest version."""

    event_id: str
    section: str


@dataclass(frozen=True, slots=True)
class Appeal:
    """decision: the day, the outcome, the rating and the reason."""

    year: int
    against: str
    on: date
    grounds: str
    decision: tuple[date, str, str | None, str] | None = None

    @property
    def decided(self) -> bool:
        return self.decision is not None


@dataclass(frozen=True, slots=True)
class Open:
    """The file takes facts."""


@dataclass(frozen=True, slots=True)
class Merged:
    into: str
    on: date
    reason: str


@dataclass(frozen=True, slots=True)
class Erased:
    on: date
    reason: str


@dataclass(frozen=True, slots=True)
class Worker:
    """A person's file; empty before registration. standing: slot → (the fact that stands, those that contradict it).

    heard: (source, id) of every message that led to an event here. absorbed: event of a merged file → the event here that took
    it over. files: person_refs of the merged files.
    """

    facts: dict[str, Known] = field(default_factory=dict)
    standing: dict[str, tuple[str | None, tuple[str, ...]]] = field(default_factory=dict)
    applications: dict[str, Application] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)
    appeals: dict[str, Appeal] = field(default_factory=dict)
    absorbed: dict[str, str] = field(default_factory=dict)
    heard: set[tuple[str, str]] = field(default_factory=set)
    files: tuple[str, ...] = ()
    ended: Open | Merged | Erased = Open()


@dataclass(frozen=True, slots=True)
class Happened:
    """A recorded event with what the row adds to it."""

    event_id: str
    effective_on: date
    event: WorkerEvent


def first_of(state: Worker, known: Known) -> Known:
    """The fact at the beginning of a chain of corrections: its source is the one that names the slot."""
    while known.target is not None:
        known = state.facts[known.target]
    return known


def standing_facts(state: Worker) -> tuple[Known, ...]:
    """The facts that stand. A correction is shown with the source of what it corrects, which names its slot."""
    stand = [state.facts[fact] for fact, _ in state.standing.values() if fact is not None]
    return tuple(k if k.target is None else replace(k, source=first_of(state, k).source) for k in stand)


def certificate_spans(state: Worker) -> tuple[Span, ...]:
    """The lives of the person's certificates."""
    return spans_of_all((k.event_id, k.effective_on, k.says) for k in standing_facts(state) if k.says is not None)


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody is registered on a day, and whether they are. since: the day on which it began."""

    division: str
    open: bool
    since: date


def place_on(state: Worker, day: date) -> Place | None:
    """The registration on a day. None: there was none by then."""
    registered = state.facts.get(state.standing.get("registration", (None, ()))[0] or "")
    if registered is None or registered.effective_on > day:
        return None
    facts = [(k.event_id, k.effective_on, k.says) for k in standing_facts(state) if k.says is not None]
    found = division_on(facts, day)
    if found is None:
        return None
    closed = next((span for span in closed_spans(facts) if span.covers(day)), None)
    return Place(found[0], closed is None, registered.effective_on if closed is None else closed.first)


# --- what a decision needs beside the state ---------------------------------------------------------------------------

Standard = tuple[str, CertificationStandard]
"""The event that published it, and the document."""


def _issuers() -> dict[str, tuple[str, ...]]:
    return {"special": ("province",), "senior": ("city",), "intermediate": ("city",), "junior": ("county",)}


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides what can be true (policy). issuers: grade → levels that may issue it, where no standard is in force.

    standards: in the order of publication. calendar None: every notice must be told its last day. authority: source → kinds of
    particulars that are its to say.
    """

    issuers: Mapping[str, tuple[str, ...]] = field(default_factory=_issuers)
    standards: tuple[Standard, ...] = ()
    calendar: Calendar | None = None
    authority: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def origin_of(self, origin: FactOrigin, kind: str, *, amends: bool = False) -> FactOrigin:
        """The origin as it is recorded of a fact of this kind. amends: it is about one that has authority, which passes on."""
        authority = origin.authority or amends or kind in self.authority.get(origin.source, ())
        return origin if authority == origin.authority else origin.model_copy(update={"authority": authority})


@dataclass(frozen=True, slots=True)
class Stamp:
    """What every command carries. event_id: of the first event to be, more_ids: of further ones; received_at: when the registry
    took the message."""

    event_id: str
    person_ref: str
    origin: FactOrigin
    effective_on: date
    received_at: datetime
    more_ids: tuple[str, ...] = ()


def reject(field_name: str, code: str, problem: str, remedy: str) -> Rejected:
    return Rejected(Problem(field=field_name, code=code, problem=problem, remedy=remedy))


def not_before(stamp: Stamp, on: date, what: str) -> None:
    """Raises Rejected if the command is dated before what it follows."""
    if stamp.effective_on < on:
        raise reject("effectiveon", "before-what-it-follows", f"{what} was on {on}", "give a day not before that")
    return None


def check_dates(stamp: Stamp) -> None:
    """Raises Rejected for a day or a time that no fact can have."""
    found = impossible_day(stamp.effective_on, stamp.origin.occurred_at, stamp.received_at)
    if found is not None:
        raise Rejected(found)
