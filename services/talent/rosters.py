"""From what stands of each person in a cycle to the columns of a scoring. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from contracts.appraisal import AppraisalDocument
from services.talent.conduct import Conduct, InPeriod, in_period
from services.talent.marking import Ratee, standing_marks
from services.talent.scoring import Roster, marked_items

__all__ = ["Entered", "entered", "roster_of"]


NOTHING = InPeriod(0, 0, ())


@dataclass(frozen=True, slots=True)
class Entered:
    """One person. ratings: (role, item → hundredths) of each rater who counts."""

    person_ref: str
    category: str
    grade: str
    profile: int
    ratings: Sequence[tuple[str, Mapping[str, int]]] = ()
    measured: Mapping[str, int] = field(default_factory=dict)
    conduct: InPeriod = field(default=NOTHING)


def entered(person_ref: str, ratee: Ratee, conduct: Conduct, document: AppraisalDocument) -> Entered | None:
    """One person, from the states of their streams. None: they are not enrolled."""
    enrolled = ratee.enrolled
    if enrolled is None:
        return None
    return Entered(
        person_ref,
        enrolled.category,
        enrolled.grade,
        enrolled.profile,
        [(role, {mark.item: mark.hundredths for mark in marks}) for (role, _), marks in sorted(standing_marks(ratee).items())],
        {item: measured.achieved for item, measured in ratee.measured.items()},
        in_period(conduct.entries.values(), document.first_day, document.last_day),
    )


def roster_of(document: AppraisalDocument, people: Iterable[Entered]) -> Roster:
    """The columns, in the order of person_ref. Marks count that cover every item which is asked of the person's weights: those
    given before another enrolment may lack some."""
    chosen = sorted(people, key=lambda each: each.person_ref)
    qualitative = [item.name for item in document.items if item.part == "qualitative"]
    asked = [frozenset(marked_items(document, profile)) for profile in range(len(document.weights))]
    role_of = {role.name: place for place, role in enumerate(document.raters)}
    rated: list[int] = []
    roles: list[int] = []
    marks: list[tuple[int, ...]] = []
    for place, person in enumerate(chosen):
        for role, given in person.ratings:
            if asked[person.profile] <= given.keys():
                rated.append(place)
                roles.append(role_of[role])
                marks.append(tuple([given.get(item, 0) for item in qualitative]))
    return Roster(
        people=[person.person_ref for person in chosen],
        categories=[person.category for person in chosen],
        grades=[person.grade for person in chosen],
        profiles=[person.profile for person in chosen],
        measured=[person.measured for person in chosen],
        points=[person.conduct.points for person in chosen],
        honours=[person.conduct.honours for person in chosen],
        sanctions=[person.conduct.sanctions for person in chosen],
        rated=rated,
        roles=roles,
        marks=marks,
    )
