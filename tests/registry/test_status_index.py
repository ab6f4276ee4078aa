"""Where a credential's status stands: the place is never given twice, and what a list has ended stays ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.base import business_day, utc_text
from contracts.certificate_life import CertificateState
from contracts.particulars import Certificate, CertificateChange
from eventlog.log import Recorded
from services.registry.credential import CERTIFICATES_PER_LIST_MAX, CertificateFacts
from services.registry.status_index import PLACES_PER_POSITION, Credential, Place, credentials_of, place_of
from tests.registry.files import Files, person
from tests.support import NOW, event_id

ONE, OTHER = person(1), person(2)


class Ids:
    """What ``Files`` needs of a log."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def new_id(self) -> str:
        return event_id(next(self._numbers))


class Told(Files):
    """Events as they would be recorded, without a log. at: when the next one is."""

    def __init__(self) -> None:
        self.log = Ids()  # type: ignore[assignment]
        self.slots, self.said, self.ended = {}, {}, set()
        self._messages = count(1)
        self.recorded: list[Recorded] = []
        self.at: datetime = NOW

    def tell(self, stream: str, event: Any, on: str, event_id: str | None = None) -> str:
        event_id = event_id or self.log.new_id()
        at, place = utc_text(self.at), len(self.recorded) + 1
        self.recorded.append(Recorded(place, stream, 0, event_id, event.TYPE, 0, 0, on, at, "test", None, "hr", "", b"", event))
        return event_id

    @property
    def today(self) -> date:
        return business_day(self.at)

    def later(self, days: int) -> date:
        self.at += timedelta(days=days)
        return self.today

    def issue(self, number: str = "C-1", grade: str = "senior", on: str = "2026-01-05", ref: str = ONE) -> str:
        return self.fact(ref, Certificate(number=number, grade=grade, issuer="320100"), on)

    def change(self, key: str, change: Any, on: date, number: str = "C-1", grade: str | None = None, ref: str = ONE) -> str:
        says = CertificateChange(key=key, number=number, change=change, grade=grade, reason="r")
        return self.fact(ref, says, on.isoformat())

    def one(self, day: date | None = None, number: str = "C-1", ref: str = ONE) -> Credential:
        found = credentials_of(self.recorded, day or self.today)
        (chosen,) = [each for each in found if (each.number, each.person_ref) == (number, ref)]
        return chosen


def states(credential: Credential) -> list[CertificateState]:
    """Of every place, in the order in which they were given."""
    return [credential.states[place] for place in sorted(credential.states)]


# --- places -------------------------------------------------------------------------------------------------------------


def test_a_list_is_full_when_it_has_all_the_places_that_a_list_can_hold() -> None:
    """Positions go on into the next list, without a gap and without a place given twice."""
    assert Place(0, 0) == place_of(1)
    last = CERTIFICATES_PER_LIST_MAX // PLACES_PER_POSITION
    places = [place_of(position, rank) for position in range(last - 5, last + 5) for rank in range(PLACES_PER_POSITION)]
    before, after = [p for p in places if p.number == 0], [p for p in places if p.number == 1]
    assert (len(places), CERTIFICATES_PER_LIST_MAX - 1) == (len(before) + len(after), before[-1].index)
    assert [*range(before[0].index, CERTIFICATES_PER_LIST_MAX)] == [place.index for place in before]
    assert [*range(len(after))] == [place.index for place in after]


# --- one certificate ----------------------------------------------------------------------------------------------------


def test_a_suspension_and_its_end_leave_the_credential_where_it_is() -> None:
    """The certificate reads the same; only its bit changes."""
    told = Told()
    told.issue()
    place = told.one().place
    told.change("k1", "suspended", told.later(1))
    assert (place, "suspended") == (told.one().place, told.one().state)
    told.change("k2", "reinstated", told.later(1))
    assert (place, ["valid"]) == (told.one().place, states(told.one()))


def test_a_downgrade_gives_a_new_place_from_its_day_on() -> None:
    """Until then the old credential is good; afterwards it is superseded, and the new one says the lower grade."""
    told = Told()
    told.issue()
    before = told.one()
    told.change("k1", "downgraded", told.today + timedelta(days=10), grade="junior")
    assert (before.place, before.facts) == (told.one().place, told.one().facts)
    after = told.one(told.today + timedelta(days=10))
    assert after.facts == CertificateFacts("C-1", "junior", "320100", date(2026, 1, 5))
    assert (True, ["superseded", "valid"]) == (after.place > before.place, states(after))


def test_what_happens_later_leaves_the_place_of_a_downgrade() -> None:
    """It began on a day between two events; the credential that was handed out then is still told of."""
    told = Told()
    told.issue()
    told.change("k1", "downgraded", told.today + timedelta(days=5), grade="junior")
    place = told.one(told.later(7)).place
    told.change("k2", "suspended", told.later(3))
    assert (place, ["superseded", "suspended"]) == (told.one().place, states(told.one()))


def test_a_revocation_that_was_wrong_leaves_the_old_credential_revoked() -> None:
    """A revocation is not reversible to a reader of the standard, so there is a new place once it is withdrawn."""
    told = Told()
    told.issue()
    revoked = told.change("k1", "revoked", told.later(1))
    assert ["revoked"] == states(told.one())
    told.later(1)
    told.withdraw(ONE, revoked, told.today.isoformat())
    assert (["revoked", "valid"], "valid") == (states(told.one()), told.one().state)


def test_a_revocation_withdrawn_before_its_day_changes_nothing() -> None:
    """No list ever said that the certificate was revoked."""
    told = Told()
    told.issue()
    place = told.one().place
    revoked = told.change("k1", "revoked", told.today + timedelta(days=10))
    told.later(1)
    told.withdraw(ONE, revoked, told.today.isoformat())
    assert (place, ["valid"]) == (told.one(told.later(30)).place, states(told.one()))


def test_a_corrected_certificate_has_a_new_credential() -> None:
    """Whoever has the old file learns that it is superseded."""
    told = Told()
    issued = told.issue()
    told.later(1)
    told.correct(ONE, issued, Certificate(number="C-1", grade="special", issuer="320000"), "2026-01-06")
    found = told.one()
    assert found.facts == CertificateFacts("C-1", "special", "320000", date(2026, 1, 6))
    assert ["superseded", "valid"] == states(found)


def test_a_certificate_that_is_withdrawn_is_revoked_and_stays_so() -> None:
    """Also if it is reported once more: then with a new credential."""
    told = Told()
    issued = told.issue()
    told.later(1)
    told.withdraw(ONE, issued, told.today.isoformat())
    assert (None, ["revoked"]) == (told.one().facts, states(told.one()))
    told.later(1)
    told.issue()
    assert ["revoked", "valid"] == states(told.one())


def test_a_merged_file_leaves_its_credentials_superseded_and_the_survivor_has_new_ones() -> None:
    """The certificate goes on in the other file, with its own place."""
    told = Told()
    told.issue()
    told.later(1)
    told.merge(ONE, OTHER, told.today.isoformat())
    assert (None, ["superseded"]) == (told.one().facts, states(told.one()))
    assert ("valid", ["valid"]) == (told.one(ref=OTHER).state, states(told.one(ref=OTHER)))


def test_two_certificates_that_one_correction_concerns_have_two_places() -> None:
    """A downgrade was reported for the wrong number: both credentials change with one event."""
    told = Told()
    told.issue()
    told.issue("C-2", "senior", "2026-01-06")
    downgraded = told.change("k1", "downgraded", told.later(1), grade="junior")
    right = CertificateChange(key="k1", number="C-2", change="downgraded", grade="junior", reason="r")
    told.correct(ONE, downgraded, right, told.later(1).isoformat())
    first, second = told.one(), told.one(number="C-2")
    assert (["superseded", "superseded", "valid"], ["superseded", "valid"]) == (states(first), states(second))
    assert first.place != second.place
    assert ("senior", "junior") == (first.facts and first.facts.grade, second.facts and second.facts.grade)


def test_before_its_issue_a_certificate_is_not_valid_yet() -> None:
    told = Told()
    told.issue(on="2026-06-01")
    assert ("not-yet", ["not-yet"]) == (told.one().state, states(told.one()))
    assert "valid" == told.one(date(2026, 6, 1)).state


# --- any history --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class History:
    """A random history, and what every list said at every moment of it. given: place → the certificate and what it said."""

    told: Told = field(default_factory=Told)
    facts: list[str] = field(default_factory=list)
    ended: set[Place] = field(default_factory=set)
    given: dict[Place, tuple[str, CertificateFacts]] = field(default_factory=dict)
    keys: Any = field(default_factory=lambda: count(1))

    def look(self) -> None:
        """Hold the lists of now against those of before."""
        found = credentials_of(self.told.recorded, self.told.today)
        assert self.given.keys() <= {place for each in found for place in each.states}, "a list forgot a credential"
        for each in found:
            for place, state in each.states.items():
                if state in ("revoked", "superseded"):
                    self.ended.add(place)
                assert place not in self.ended or state in ("revoked", "superseded"), "a list took back what it had ended"
            if each.facts is not None:
                said = (each.number, each.facts)
                assert said == self.given.setdefault(each.place, said), "a place stands for two readings"


Act = Callable[[History], None]


@st.composite
def an_act(draw: st.DrawFn) -> Act:
    number, offset = draw(st.sampled_from(("C-1", "C-2"))), draw(st.integers(-15, 15))
    what = draw(st.sampled_from(("issue", "suspended", "reinstated", "downgraded", "revoked", "withdraw", "correct", "wait")))
    which, days = draw(st.integers(0, 100)), draw(st.integers(0, 12))

    def act(history: History) -> None:
        told = history.told
        on = told.later(days) + timedelta(days=offset)
        standing = [fact for fact in history.facts if any(fact in facts for facts in told.slots.get(ONE, {}).values())]
        if what == "issue":
            history.facts.append(told.issue(number, "senior", on.isoformat()))
        elif what in ("suspended", "reinstated", "downgraded", "revoked"):
            grade = ("junior", "intermediate")[which % 2] if what == "downgraded" else None
            history.facts.append(told.change(f"k{next(history.keys)}", what, on, number, grade))
        elif what == "withdraw" and standing:
            told.withdraw(ONE, standing[which % len(standing)], on.isoformat())
        elif what == "correct" and standing:
            chosen = standing[which % len(standing)]
            _, says = told.said[chosen]
            assert isinstance(says, Certificate | CertificateChange)
            history.facts.append(told.correct(ONE, chosen, says.model_copy(update={"number": number}), on.isoformat()))

    return act


@given(acts=st.lists(an_act(), min_size=3, max_size=14))
@settings(max_examples=300)
def test_what_a_list_has_ended_stays_ended_whatever_happens(acts: list[Act]) -> None:
    """No later list takes back a revocation or forgets a credential; a place is one reading of one certificate for ever."""
    history = History()
    for act in acts:
        act(history)
        history.look()
    for _ in range(4):
        history.told.later(8)
        history.look()
