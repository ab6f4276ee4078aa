"""Events of the talent service, on ``talent.<partition>.<event>``. Names and shapes are the storage format.

A candidacy begins with a nomination and goes through its stages in order: nominated, screened, admitted, then placed or
removed. Every event of it carries the candidacy, so that a reader needs no earlier one to know which pool it is about.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from contracts.base import (
    AsRecorded,
    BusinessDay,
    Category,
    DivisionCode,
    EntryChannel,
    EventId,
    Key,
    LogEvent,
    OwnEvent,
    PersonRef,
)
from contracts.particulars import Particulars
from contracts.registry import FactOrigin, Standing
from contracts.standard import Competency, Degree, LadderName, Major, QualificationStandard, Title

__all__ = [
    "Candidacy",
    "CandidateAdmitted",
    "CandidateEvent",
    "CandidateFlagged",
    "CandidateNominated",
    "CandidatePlaced",
    "CandidateProfiled",
    "CandidateRemoved",
    "CandidateScreened",
    "CompetencyRating",
    "CriterionResult",
    "FactHeard",
    "NominatedBy",
    "Profile",
    "RemovalReason",
    "StandardCited",
    "StandardPublished",
    "TalentEvent",
    "YearMonth",
]

NominatedBy = Literal["organisation_recommended", "reserve_recommended", "everyday_acquaintance"]
"""组织择优推荐、后备干部推荐、日常了解."""
RemovalReason = Literal["withdrew", "no_longer_qualified", "disciplined", "left", "retired", "died", "other"]
YearMonth = Annotated[str, StringConstraints(pattern=r"^(19|20)[0-9]{2}-(0[1-9]|1[0-2])$")]
"""A month, written YYYY-MM."""

Count = Annotated[int, Field(strict=True, ge=0, le=100)]


class CompetencyRating(OwnEvent):
    """score: 1 to 5, 5 the best."""

    competency: Competency
    score: Annotated[int, Field(strict=True, ge=1, le=5)]


class Profile(OwnEvent):
    """The particulars that a screening asks and the registry does not hold; what is not known is left out.

    age_years: full years on the day of the report (the date of birth is not taken). listed_post_years: years in the posts
    that the standard lists.
    """

    age_years: Annotated[int, Field(strict=True, ge=16, le=100)] | None = None
    degree: Degree | None = None
    majors: tuple[Major, ...] = ()
    party_joined_on: YearMonth | None = None
    enterprise_years: Count | None = None
    title: Title | None = None
    departments: Count | None = None
    listed_post_years: Count | None = None
    healthy: Annotated[bool, Field(strict=True)] | None = None
    competencies: tuple[CompetencyRating, ...] = ()


class Candidacy(OwnEvent):
    """nomination: the event with which it began. pool: the source's own key for the pool."""

    nomination: EventId
    division: DivisionCode
    ladder: LadderName
    pool: Key


class CriterionResult(OwnEvent):
    """One criterion, two-sided. facts: ids of the events looked at: the registry's, or the profile's."""

    name: str
    required: str
    found: str
    met: bool
    facts: tuple[EventId, ...]
    clause: str


class StandardCited(OwnEvent):
    """event: the talent event that published it."""

    event: EventId
    document: str
    revision: int


class FactHeard(LogEvent):
    """A registry event, recorded in this service's own words so that its history replays alone.

    heard: the registry event's id, and position its position there. particulars: what the fact says (None for a
    withdrawal). standings: which fact stands in which slot from now on.
    """

    TYPE: ClassVar[str] = "talent.fact-heard.v1"
    person_ref: PersonRef
    heard: EventId
    heard_type: str
    position: int
    origin: FactOrigin
    particulars: Particulars | None
    standings: tuple[Standing, ...]


class StandardPublished(LogEvent):
    """A qualification standard. text: the author's YAML, byte for byte; document: what was read from it."""

    TYPE: ClassVar[str] = "talent.standard-published.v1"
    document: Annotated[QualificationStandard, AsRecorded()]
    text: str
    text_sha256: str


class _Candidate(LogEvent):
    person_ref: PersonRef
    origin: FactOrigin
    candidacy: Candidacy


class CandidateNominated(_Candidate):
    """提名入库. The event's own id is the candidacy's ``nomination``."""

    TYPE: ClassVar[str] = "talent.candidate-nominated.v1"
    nominated_by: NominatedBy


class CandidateProfiled(LogEvent):
    """The whole particulars as of the event's effective date; an earlier profile is not merged into it."""

    TYPE: ClassVar[str] = "talent.candidate-profiled.v1"
    person_ref: PersonRef
    origin: FactOrigin
    profile: Profile


class CandidateScreened(_Candidate):
    """资格审查: every criterion of the standard in force, and the result. digest: SHA-256 over day, standard and criteria."""

    TYPE: ClassVar[str] = "talent.candidate-screened.v1"
    result: Literal["passed", "failed"]
    standard: StandardCited
    criteria: tuple[CriterionResult, ...]
    digest: str


class CandidateAdmitted(_Candidate):
    """入库. quota: seats of the ladder in this division (None: no limit); taken: seats taken, this one included."""

    TYPE: ClassVar[str] = "talent.candidate-admitted.v1"
    standard: StandardCited
    quota: int | None
    taken: int


class CandidateFlagged(LogEvent):
    """The registry's facts have changed: screened again by the same standard, the candidate fails, or passes again.

    screened_on: the day that the criteria were looked at. because: the registry event that led to it. digest: as of a
    screening, over the criteria only.
    """

    TYPE: ClassVar[str] = "talent.candidate-flagged.v1"
    person_ref: PersonRef
    candidacy: Candidacy
    result: Literal["failed", "passed"]
    standard: StandardCited
    screened_on: BusinessDay
    criteria: tuple[CriterionResult, ...]
    because: EventId
    digest: str


class CandidateRemoved(_Candidate):
    """出库."""

    TYPE: ClassVar[str] = "talent.candidate-removed.v1"
    reason: RemovalReason


class CandidatePlaced(_Candidate):
    """任用 into a post, from the event's effective date. engagement: the key under which the registry is told of it."""

    TYPE: ClassVar[str] = "talent.candidate-placed.v1"
    engagement: Key
    category: Category
    unit: str
    post: str
    full_time: bool
    entry_channel: EntryChannel | None = None


CandidateEvent = (
    CandidateNominated
    | CandidateProfiled
    | CandidateScreened
    | CandidateAdmitted
    | CandidateFlagged
    | CandidateRemoved
    | CandidatePlaced
)
TalentEvent = (
    FactHeard
    | StandardPublished
    | CandidateNominated
    | CandidateProfiled
    | CandidateScreened
    | CandidateAdmitted
    | CandidateFlagged
    | CandidateRemoved
    | CandidatePlaced
)
