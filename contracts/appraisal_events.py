"""Events of appraisal cycles and of conduct, on ``talent.<partition>.<event>``. Names and shapes are the storage format.

A cycle is named ``<source>/<the source's own key>``. What raters say of one person stands on that person's own stream of the
cycle; the cycle's stream has the stages and the results, in parts of at most ``RESULTS_MAX`` people. Raters are named by a role
of the document and a token: what somebody thinks of a colleague is never stored with who they are.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from contracts.appraisal import AppraisalDocument, SanctionStep, Word
from contracts.base import AsRecorded, BusinessDay, Category, EventId, LogEvent, OwnEvent, PersonRef, Rating, Year
from contracts.registry import FactOrigin

__all__ = [
    "RESULTS_MAX",
    "AppealDecided",
    "AppraisalEvent",
    "ConductEvent",
    "ConductWithdrawn",
    "CycleCancelled",
    "CycleConcluded",
    "CycleEvent",
    "CycleName",
    "CycleOpened",
    "CyclePublished",
    "CycleScored",
    "FinalRating",
    "HonourAwarded",
    "Mark",
    "MarkingEvent",
    "PersonEnrolled",
    "PersonResult",
    "PointsRecorded",
    "RaterToken",
    "RatingGiven",
    "RatingWithdrawn",
    "RatingsConcluded",
    "ResultAppealed",
    "ResultMeasured",
    "ResultsScored",
    "SanctionImposed",
    "SanctionLifted",
]

RESULTS_MAX = 200
"""People in one event of results: about 40 KiB."""

CycleName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}/[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$")]
"""``<source>/<key>``."""
RaterToken = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
"""A rater's token within a role and cycle, such as ``staff-07``. It begins with a letter, so that no person's number fits."""
MarkHundredths = Annotated[int, Field(strict=True, ge=0, le=10_000)]


class Mark(OwnEvent):
    """hundredths: of a point, of 100 points; 9250 is 92.50."""

    item: Word
    hundredths: MarkHundredths


# --- a cycle --------------------------------------------------------------------------------------------------------------


class _Cycle(LogEvent):
    cycle: CycleName
    origin: FactOrigin


class CycleOpened(_Cycle):
    """text: the author's YAML, byte for byte; document: what was read from it."""

    TYPE: ClassVar[str] = "talent.cycle-opened.v1"
    document: Annotated[AppraisalDocument, AsRecorded()]
    text: str
    text_sha256: str


class CycleScored(_Cycle):
    """How many people there are, how many of them have a score, and how many ratings went into it.

    digest: SHA-256 over all results. The results follow in ``results-scored`` events of the same append.
    """

    TYPE: ClassVar[str] = "talent.cycle-scored.v1"
    people: int
    scored: int
    ratings: int
    digest: str


class PersonResult(OwnEvent):
    """score: hundredths of a point; None: no score, ``why`` says what is missing. rank: from 1, within ``group``.

    rating: None without a score. why: what kept the person from a better rating (``quota``, ``tie-at-border``,
    ``barred:<step>``), or from a score (``too-few:<role>``, ``not-measured:<item>``).
    """

    person_ref: PersonRef
    score: Annotated[int, Field(ge=0, le=10_000)] | None
    group: str
    rank: int | None
    rating: Rating | None
    why: tuple[str, ...] = ()


class ResultsScored(LogEvent):
    """A part of the results. scored: the ``cycle-scored`` event; part: from 1."""

    TYPE: ClassVar[str] = "talent.results-scored.v1"
    cycle: CycleName
    scored: EventId
    part: int
    results: tuple[PersonResult, ...]


class CyclePublished(_Cycle):
    """公示. scored: whose results these are. appeals_until: the last day for an appeal."""

    TYPE: ClassVar[str] = "talent.cycle-published.v1"
    scored: EventId
    appeals_until: BusinessDay


class ResultAppealed(_Cycle):
    """申诉. appeal: ``<source>/<key>``. grounds: without naming anybody."""

    TYPE: ClassVar[str] = "talent.result-appealed.v1"
    person_ref: PersonRef
    appeal: CycleName
    grounds: str


class AppealDecided(_Cycle):
    """rating: the new one, if the appeal was upheld."""

    TYPE: ClassVar[str] = "talent.appeal-decided.v1"
    person_ref: PersonRef
    appeal: CycleName
    outcome: Literal["dismissed", "upheld"]
    rating: Rating | None
    reason: str


class CycleConcluded(_Cycle):
    """rated: people with a final rating. told: whether the registry is told of them, as it is of a year's."""

    TYPE: ClassVar[str] = "talent.cycle-concluded.v1"
    year: Year
    rated: int
    told: bool


class FinalRating(OwnEvent):
    person_ref: PersonRef
    rating: Rating


class RatingsConcluded(LogEvent):
    """A part of the final ratings, after appeals. The registry is told of each as an annual rating of source ``talent``."""

    TYPE: ClassVar[str] = "talent.ratings-concluded.v1"
    cycle: CycleName
    concluded: EventId
    year: Year
    part: int
    ratings: tuple[FinalRating, ...]


class CycleCancelled(_Cycle):
    TYPE: ClassVar[str] = "talent.cycle-cancelled.v1"
    reason: str


# --- one person in a cycle ------------------------------------------------------------------------------------------------


class _Marking(LogEvent):
    cycle: CycleName
    person_ref: PersonRef
    origin: FactOrigin


class PersonEnrolled(_Marking):
    """Where the person stands by the registry's facts on the last day of the period. grade: ``none`` without a certificate.

    profile: index of the weights that hold for them. facts: the registry's events that say so.
    """

    TYPE: ClassVar[str] = "talent.person-enrolled.v1"
    division: str
    category: Category
    grade: str
    unit: str
    profile: int
    facts: tuple[EventId, ...]


class RatingGiven(_Marking):
    """A rater's marks. Of several by the same rater in the same role the one recorded last at its source counts."""

    TYPE: ClassVar[str] = "talent.rating-given.v1"
    role: Word
    rater: RaterToken
    marks: tuple[Mark, ...]


class RatingWithdrawn(_Marking):
    """Of what the rater has said up to then nothing counts."""

    TYPE: ClassVar[str] = "talent.rating-withdrawn.v1"
    role: Word
    rater: RaterToken
    reason: str


class ResultMeasured(_Marking):
    """What was achieved, in the unit of the item."""

    TYPE: ClassVar[str] = "talent.result-measured.v1"
    item: Word
    achieved: int


# --- conduct --------------------------------------------------------------------------------------------------------------


class _Conduct(LogEvent):
    """entry: ``<source>/<key>``."""

    person_ref: PersonRef
    origin: FactOrigin
    entry: CycleName


class PointsRecorded(_Conduct):
    """积分: earned, or deducted if less than 0."""

    TYPE: ClassVar[str] = "talent.points-recorded.v1"
    points: int
    reason: str


class SanctionImposed(_Conduct):
    """From the event's effective date. until: its last day; None: until it is lifted."""

    TYPE: ClassVar[str] = "talent.sanction-imposed.v1"
    step: SanctionStep
    until: BusinessDay | None = None
    reason: str


class SanctionLifted(_Conduct):
    """The event's effective date is its last day."""

    TYPE: ClassVar[str] = "talent.sanction-lifted.v1"
    reason: str


class HonourAwarded(_Conduct):
    TYPE: ClassVar[str] = "talent.honour-awarded.v1"
    title: str
    level: Literal["unit", "county", "city", "province", "state"]


class ConductWithdrawn(_Conduct):
    """The entry should never have been reported."""

    TYPE: ClassVar[str] = "talent.conduct-withdrawn.v1"
    reason: str


CycleEvent = (
    CycleOpened
    | CycleScored
    | ResultsScored
    | CyclePublished
    | ResultAppealed
    | AppealDecided
    | CycleConcluded
    | RatingsConcluded
    | CycleCancelled
)
MarkingEvent = PersonEnrolled | RatingGiven | RatingWithdrawn | ResultMeasured
ConductEvent = PointsRecorded | SanctionImposed | SanctionLifted | HonourAwarded | ConductWithdrawn
AppraisalEvent = (
    CycleOpened
    | CycleScored
    | ResultsScored
    | CyclePublished
    | ResultAppealed
    | AppealDecided
    | CycleConcluded
    | RatingsConcluded
    | CycleCancelled
    | PersonEnrolled
    | RatingGiven
    | RatingWithdrawn
    | ResultMeasured
    | PointsRecorded
    | SanctionImposed
    | SanctionLifted
    | HonourAwarded
    | ConductWithdrawn
)
"""Every event of this file."""
