"""What a certificate is worth on a day: given its issue, when it is changed, then these spans; and nonsense changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.certificate_life import Issue, Span, spans_of, spans_of_all, state_on, superseding, told
from contracts.particulars import Certificate, CertificateChange, RatingResult
from tests.support import event_id

ISSUED = date(2020, 5, 1)
ISSUE = event_id(1)


def issued(grade: str = "senior", until: str | None = None, number: str = "C1", event: int = 1, on: date = ISSUED) -> Issue:
    expires_on = None if until is None else date.fromisoformat(until)
    return Issue(event_id(event), on, Certificate(number=number, grade=grade, issuer="320100", expires_on=expires_on))


def change(event: int, what: Any, on: str, grade: str | None = None, *, key: str | None = None, number: str = "C1") -> Issue:
    said = CertificateChange(key=key or f"k{event}", number=number, change=what, grade=grade, reason="made up")
    return Issue(event_id(event), date.fromisoformat(on), said)


def life(*changes: Issue, until: str | None = None) -> list[tuple[str, str, str, str | None]]:
    """(state, grade, first day, last day) of each span of a senior certificate of 1 May 2020."""
    spans = spans_of(issued(until=until), changes)
    return [(s.state, s.grade, str(s.first), None if s.last is None else str(s.last)) for s in spans]


# --- given, when, then --------------------------------------------------------------------------------------------------


def test_a_certificate_that_nothing_happens_to_is_valid_without_end() -> None:
    assert life() == [("valid", "senior", "2020-05-01", None)]


def test_it_expires_on_the_day_after_its_last_one() -> None:
    assert life(until="2023-04-30") == [
        ("valid", "senior", "2020-05-01", "2023-04-30"),
        ("expired", "senior", "2023-05-01", None),
    ]


def test_a_suspension_counts_from_its_first_day() -> None:
    assert life(change(2, "suspended", "2021-04-01")) == [
        ("valid", "senior", "2020-05-01", "2021-03-31"),
        ("suspended", "senior", "2021-04-01", None),
    ]


def test_a_reinstatement_ends_a_suspension_on_the_day_before() -> None:
    assert life(change(2, "suspended", "2021-04-01"), change(3, "reinstated", "2021-07-01")) == [
        ("valid", "senior", "2020-05-01", "2021-03-31"),
        ("suspended", "senior", "2021-04-01", "2021-06-30"),
        ("valid", "senior", "2021-07-01", None),
    ]


def test_it_can_be_suspended_again() -> None:
    turns = [change(2, "suspended", "2021-01-01"), change(3, "reinstated", "2021-02-01"), change(4, "suspended", "2021-03-01")]
    assert [state for state, *_ in life(*turns)] == ["valid", "suspended", "valid", "suspended"]


def test_a_downgrade_leaves_it_valid_with_the_lower_grade() -> None:
    assert life(change(2, "downgraded", "2021-04-01", "junior")) == [
        ("valid", "senior", "2020-05-01", "2021-03-31"),
        ("valid", "junior", "2021-04-01", None),
    ]


def test_a_downgrade_of_a_suspended_certificate_leaves_it_suspended() -> None:
    """And it is reinstated with the lower grade."""
    changes = (
        change(2, "suspended", "2021-04-01"),
        change(3, "downgraded", "2021-05-01", "junior"),
        change(4, "reinstated", "2021-06-01"),
    )
    assert life(*changes)[1:] == [
        ("suspended", "senior", "2021-04-01", "2021-04-30"),
        ("suspended", "junior", "2021-05-01", "2021-05-31"),
        ("valid", "junior", "2021-06-01", None),
    ]


@pytest.mark.parametrize("end", ["revoked", "superseded"])
def test_revoked_and_superseded_are_for_ever(end: str) -> None:
    """From a valid certificate, and from a suspended one; nothing that comes after it counts."""
    over = change(9, end, "2021-06-01")
    assert life(over)[-1] == (end, "senior", "2021-06-01", None)
    assert life(change(2, "suspended", "2021-04-01"), over)[-1] == (end, "senior", "2021-06-01", None)
    after = [
        change(10, "reinstated", "2021-07-01"),
        change(11, "suspended", "2021-07-02"),
        change(12, "downgraded", "2021-07-03", "junior"),
        change(13, "revoked", "2021-07-04"),
        change(14, "superseded", "2021-07-05"),
    ]
    assert life(over, *after) == life(over)


@pytest.mark.parametrize("end", ["revoked", "superseded"])
def test_what_is_revoked_or_superseded_does_not_expire(end: str) -> None:
    assert life(change(9, end, "2021-06-01"), until="2023-04-30")[-1] == (end, "senior", "2021-06-01", None)


@pytest.mark.parametrize("end", ["revoked", "superseded"])
def test_an_expired_certificate_can_still_be_revoked_or_superseded(end: str) -> None:
    assert life(change(9, end, "2024-01-01"), until="2023-04-30") == [
        ("valid", "senior", "2020-05-01", "2023-04-30"),
        ("expired", "senior", "2023-05-01", "2023-12-31"),
        (end, "senior", "2024-01-01", None),
    ]


def test_it_expires_while_it_is_suspended() -> None:
    """A reinstatement comes too late then; one on the last day does not."""
    suspended = change(2, "suspended", "2023-04-01")
    assert life(suspended, until="2023-04-30")[1:] == [
        ("suspended", "senior", "2023-04-01", "2023-04-30"),
        ("expired", "senior", "2023-05-01", None),
    ]
    assert life(suspended, change(3, "reinstated", "2023-05-01"), until="2023-04-30") == life(suspended, until="2023-04-30")
    in_time = life(suspended, change(3, "reinstated", "2023-04-30"), until="2023-04-30")
    assert in_time[2:] == [("valid", "senior", "2023-04-30", "2023-04-30"), ("expired", "senior", "2023-05-01", None)]


def test_it_expires_while_it_is_suspended_and_is_revoked_after_that() -> None:
    changes = (change(2, "suspended", "2023-04-01"), change(3, "revoked", "2023-06-01"))
    assert [(state, first) for state, _, first, _ in life(*changes, until="2023-04-30")] == [
        ("valid", "2020-05-01"),
        ("suspended", "2023-04-01"),
        ("expired", "2023-05-01"),
        ("revoked", "2023-06-01"),
    ]


def test_a_certificate_that_expired_before_its_issue_was_never_valid() -> None:
    assert life(until="2020-04-30") == [("expired", "senior", "2020-05-01", None)]


# --- nonsense changes nothing -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "nonsense",
    [
        change(9, "reinstated", "2021-05-01"),
        change(9, "downgraded", "2021-05-01", "senior"),
        change(9, "downgraded", "2021-05-01"),
        change(9, "revoked", "2021-05-01", number="C2"),
        Issue(event_id(9), date(2021, 5, 1), Certificate(number="C1", grade="junior", issuer="320100")),
    ],
    ids=["reinstating what is not suspended", "to the same grade", "to no grade", "another certificate", "no change at all"],
)
def test_what_makes_no_sense_changes_nothing(nonsense: Issue) -> None:
    assert spans_of(issued(), [nonsense]) == spans_of(issued(), [])


def test_suspending_what_is_suspended_changes_nothing() -> None:
    """The first suspension stays what is cited."""
    first = change(2, "suspended", "2021-04-01")
    assert spans_of(issued(), [first, change(3, "suspended", "2021-05-01")]) == spans_of(issued(), [first])


@pytest.mark.parametrize("what", ["suspended", "reinstated", "downgraded"])
def test_what_is_expired_is_not_suspended_reinstated_or_downgraded(what: str) -> None:
    late = change(9, what, "2023-05-01", "junior" if what == "downgraded" else None)
    assert life(late, until="2023-04-30") == life(until="2023-04-30")


@pytest.mark.parametrize(
    ("what", "grade", "begins"),
    [
        ("suspended", None, ("suspended", "senior")),
        ("revoked", None, ("revoked", "senior")),
        ("superseded", None, ("superseded", "senior")),
        ("downgraded", "junior", ("valid", "junior")),
    ],
)
def test_a_change_before_the_issue_counts_from_the_issue_on(what: str, grade: str | None, begins: tuple[str, str]) -> None:
    """There is nothing before the issue: the certificate begins changed."""
    assert life(change(2, what, "2019-01-01", grade)) == [(*begins, "2020-05-01", None)]


def test_a_life_begins_with_an_issue() -> None:
    with pytest.raises(TypeError, match="begins with its issue"):
        spans_of(change(2, "suspended", "2021-04-01"), [])


# --- one day, two changes -----------------------------------------------------------------------------------------------


def test_changes_of_one_day_are_taken_by_their_keys() -> None:
    """Suspended as k1 and reinstated as k2 on one day, it stays valid; the other way round it is suspended."""
    day = "2021-04-01"
    assert life(change(3, "suspended", day, key="k1"), change(2, "reinstated", day, key="k2")) == [
        ("valid", "senior", "2020-05-01", "2021-03-31"),
        ("valid", "senior", "2021-04-01", None),
    ]
    assert life(change(2, "suspended", day, key="k2"), change(3, "reinstated", day, key="k1"))[-1][0] == "suspended"


def test_changes_of_one_day_and_key_are_told_apart_by_what_they_say_and_not_by_who_came_first() -> None:
    """Two sources may use one key. Event ids tell the order of recording; they must not decide the grade."""
    day, key = "2021-04-01", "k"
    one = (change(2, "downgraded", day, "junior", key=key), change(3, "downgraded", day, "intermediate", key=key))
    other = (change(3, "downgraded", day, "junior", key=key), change(2, "downgraded", day, "intermediate", key=key))
    assert life(*one) == life(*other)


# --- what it is good for ------------------------------------------------------------------------------------------------


def test_each_span_names_the_issue_and_every_change_that_has_counted_so_far() -> None:
    changes = [
        change(2, "suspended", "2021-04-01"),
        change(3, "suspended", "2021-05-01"),
        change(4, "downgraded", "2021-06-01", "junior"),
        change(5, "reinstated", "2021-07-01"),
    ]
    facts = [span.facts for span in spans_of(issued(), changes)]
    assert facts == [
        (ISSUE,),
        (ISSUE, event_id(2)),
        (ISSUE, event_id(2), event_id(4)),
        (ISSUE, event_id(2), event_id(4), event_id(5)),
    ]


def test_the_state_on_a_day() -> None:
    """Before the issue there is none; a certificate that nobody knows has none on any day."""
    spans = spans_of(issued(until="2022-04-30"), [change(2, "suspended", "2021-04-01")])
    days = ["2020-04-30", "2020-05-01", "2021-03-31", "2021-04-01", "2022-04-30", "2022-05-01"]
    assert [state_on(spans, "C1", date.fromisoformat(day)) for day in days] == [
        ("not-yet", None),
        ("valid", "senior"),
        ("valid", "senior"),
        ("suspended", "senior"),
        ("suspended", "senior"),
        ("expired", "senior"),
    ]
    assert state_on(spans, "C2", date(2021, 1, 1)) == ("not-yet", None)


def test_of_several_certificates_each_has_the_changes_that_name_it() -> None:
    """In order of their issue, whatever else is among the facts."""
    facts = [
        (one.event_id, one.on, one.says)
        for one in (
            change(5, "revoked", "2021-06-01", number="C2"),
            issued(number="C2", event=2, on=date(2021, 1, 1)),
            issued(),
            change(6, "suspended", "2020-12-01"),
        )
    ]
    spans = spans_of_all([*facts, (event_id(7), date(2021, 1, 10), RatingResult(year=2020, rating="excellent"))])
    assert [(span.number, span.state) for span in spans] == [
        ("C1", "valid"), ("C1", "suspended"), ("C1", "superseded"), ("C2", "valid"), ("C2", "revoked"),
    ]  # fmt: skip


def lives(*issues: Issue) -> list[tuple[str, str, str]]:
    """(number, state, first day) of every span."""
    return [(s.number, s.state, str(s.first)) for s in spans_of_all((one.event_id, one.on, one.says) for one in issues)]


def test_a_certificate_that_is_issued_later_supersedes_the_one_before_it() -> None:
    """From its own issue on, whatever its grade and whoever came first; the life of the earlier one names it."""
    first, second = issued(), issued("junior", number="C2", event=2, on=date(2022, 3, 1))
    expected = [("C1", "valid", "2020-05-01"), ("C1", "superseded", "2022-03-01"), ("C2", "valid", "2022-03-01")]
    assert lives(first, second) == lives(second, first) == expected
    spans = spans_of_all((one.event_id, one.on, one.says) for one in (second, first))
    assert spans[1].facts == (ISSUE, event_id(2))


def test_of_two_certificates_of_one_day_the_greater_number_supersedes_the_other() -> None:
    """By the number, not by who was recorded first."""
    one, other = issued(number="C1", event=9), issued(number="C2", event=2)
    expected = [("C1", "superseded", "2020-05-01"), ("C2", "valid", "2020-05-01")]
    assert lives(one, other) == lives(other, one) == expected


def test_a_certificate_that_was_superseded_does_not_come_back() -> None:
    """Neither when the later one is revoked nor when it expires; one that was revoked before stays revoked."""
    first, second = issued(), issued(number="C2", event=2, on=date(2022, 3, 1), until="2023-02-28")
    revoked = change(5, "revoked", "2022-06-01", number="C2")
    assert lives(first, second, revoked)[1:] == [
        ("C1", "superseded", "2022-03-01"), ("C2", "valid", "2022-03-01"), ("C2", "revoked", "2022-06-01"),
    ]  # fmt: skip
    assert lives(first, second)[-1] == ("C2", "expired", "2023-03-01")
    before = change(6, "revoked", "2021-06-01")
    assert ("C1", "revoked", "2021-06-01") in lives(first, second, before)


def test_what_supersedes_is_told_as_a_change() -> None:
    """For whoever follows the changes of one certificate; two reports of one number are one certificate."""
    first, second = issued(), issued(number="C2", event=2, on=date(2022, 3, 1))
    [end] = superseding([second, first])
    assert (end.event_id, end.on) == (event_id(2), date(2022, 3, 1))
    assert isinstance(end.says, CertificateChange)
    assert (end.says.number, end.says.change) == ("C1", "superseded")
    assert superseding([first]) == superseding([first, issued(event=3, on=date(2021, 1, 1))]) == ()
    with pytest.raises(TypeError, match="begins with its issue"):
        superseding([change(2, "suspended", "2021-04-01")])


def test_what_has_happened_is_told_in_words() -> None:
    issue = issued(until="2024-04-30")
    assert isinstance(issue.says, Certificate)
    changes = [
        change(2, "suspended", "2021-04-01"),
        change(3, "reinstated", "2021-07-01"),
        change(4, "downgraded", "2022-01-01", "junior"),
        change(5, "revoked", "2025-01-01"),
    ]
    spans = spans_of(issue, changes)
    assert told(issue.says, spans) == (
        ", suspended since 2021-04-01, reinstated on 2021-07-01, downgraded to junior on 2022-01-01, revoked on 2025-01-01"
    )
    assert told(issue.says, spans[:2]) == ", suspended since 2021-04-01"
    assert told(issue.says, spans[:1]) == ""
    assert told(issue.says, spans_of(issue, [change(2, "superseded", "2021-04-01")])) == ", superseded on 2021-04-01"


# --- what always holds --------------------------------------------------------------------------------------------------

DAYS = st.dates(date(2020, 1, 1), date(2022, 12, 31))


@st.composite
def histories(draw: st.DrawFn) -> tuple[Issue, list[Issue]]:
    """A certificate and changes of all kinds, sensible or not, some on one day or under one key."""
    until = draw(st.none() | DAYS)
    days = draw(st.lists(DAYS, min_size=1, max_size=4))
    changes = []
    for number in range(2, 2 + draw(st.integers(0, 7))):
        what = draw(
            st.sampled_from(["suspended", "suspended", "reinstated", "reinstated", "downgraded", "revoked", "superseded"])
        )
        grade = draw(st.sampled_from(["senior", "intermediate", "junior"])) if what == "downgraded" else None
        key = draw(st.sampled_from(["k1", "k2", "k3"]))
        changes.append(change(number, what, str(draw(st.sampled_from(days) | DAYS)), grade, key=key))
    return issued(until=None if until is None else str(until)), changes


def seen(spans: Sequence[Span]) -> list[Any]:
    return [(span.state, span.grade, span.first, span.last) for span in spans]


@settings(max_examples=300)
@given(histories())
def test_spans_begin_at_the_issue_and_follow_each_other_without_a_gap(history: tuple[Issue, list[Issue]]) -> None:
    """In order, none empty, none over another, the last one without end: on each day there is exactly one state."""
    issue, changes = history
    spans = spans_of(issue, changes)
    assert (spans[0].first, spans[-1].last) == (issue.on, None)
    assert all(span.last is not None and span.first <= span.last for span in spans[:-1])
    for before, after in pairwise(spans):
        assert before.last is not None
        assert after.first == before.last + timedelta(days=1)
    assert {span.number for span in spans} == {"C1"}


@settings(max_examples=300)
@given(histories(), st.randoms(use_true_random=False))
def test_the_order_of_the_changes_never_matters(history: tuple[Issue, list[Issue]], chance: Any) -> None:
    """Nor does a change that is given twice."""
    issue, changes = history
    mixed = [*changes, *changes[:2]]
    chance.shuffle(mixed)
    assert spans_of(issue, mixed) == spans_of(issue, changes)


@settings(max_examples=300)
@given(histories(), st.permutations(range(2, 10)))
def test_the_order_of_recording_never_matters(history: tuple[Issue, list[Issue]], ids: list[int]) -> None:
    """Which event ids the changes were given has no part in it."""
    issue, changes = history
    renamed = [Issue(event_id(number), one.on, one.says) for number, one in zip(ids, changes, strict=False)]
    assert seen(spans_of(issue, renamed)) == seen(spans_of(issue, changes))


@settings(max_examples=300)
@given(histories())
def test_states_and_grades_follow_from_the_facts_that_a_span_names(history: tuple[Issue, list[Issue]]) -> None:
    """From these alone, the same span comes out again, but for its end: that is another change's."""
    issue, changes = history
    for span in spans_of(issue, changes):
        again = spans_of(issue, [one for one in changes if one.event_id in span.facts])
        assert state_on(again, "C1", span.first) == (span.state, span.grade)
        assert set(span.facts) <= {issue.event_id, *[one.event_id for one in changes]}


@settings(max_examples=300)
@given(histories())
def test_revoked_or_superseded_is_the_end_and_expired_comes_after_the_last_day(history: tuple[Issue, list[Issue]]) -> None:
    issue, changes = history
    assert isinstance(issue.says, Certificate)
    spans = spans_of(issue, changes)
    assert all(span.state not in ("revoked", "superseded") for span in spans[:-1])
    for span in spans:
        if issue.says.expires_on is not None and span.first > issue.says.expires_on:
            assert span.state in ("expired", "revoked", "superseded")
        if span.state == "expired":
            assert issue.says.expires_on is not None
            assert span.first > issue.says.expires_on


@st.composite
def people(draw: st.DrawFn) -> list[Issue]:
    """Up to four certificates of one person, some of one day, with changes of all kinds."""
    days = draw(st.lists(DAYS, min_size=1, max_size=3))
    facts = []
    for number in range(1, 1 + draw(st.integers(1, 4))):
        until = draw(st.none() | DAYS)
        facts.append(
            issued(
                draw(st.sampled_from(["senior", "junior"])),
                None if until is None else str(until),
                number=f"C{number}",
                event=number,
                on=draw(st.sampled_from(days) | DAYS),
            )
        )
    _, changes = draw(histories())
    for place, one in enumerate(changes):
        said = one.says.model_copy(update={"number": f"C{draw(st.integers(1, len(facts)))}"})
        facts.append(Issue(event_id(100 + place), one.on, said))
    return facts


@settings(max_examples=300)
@given(people(), st.randoms(use_true_random=False))
def test_nobody_holds_two_certificates_on_any_day_in_whatever_order_they_are_reported(facts: list[Issue], chance: Any) -> None:
    """Valid or suspended, at most one; and the order of the facts does not matter."""
    spans = spans_of_all((one.event_id, one.on, one.says) for one in facts)
    for day in {span.first for span in spans} | {span.last for span in spans if span.last is not None}:
        assert len([s for s in spans if s.covers(day) and s.state in ("valid", "suspended")]) <= 1
    mixed = list(facts)
    chance.shuffle(mixed)
    assert spans_of_all((one.event_id, one.on, one.says) for one in mixed) == spans
