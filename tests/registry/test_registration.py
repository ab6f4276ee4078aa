"""Transfers, closings and the life of certificates: given what is on file, when a change comes, then what is recorded.

Changes need what they change, never an order of arrival: what repeats what is so is taken and changes nothing, and what needs
something that has not come waits for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest
from hypothesis import given as any_of
from hypothesis import settings
from hypothesis import strategies as st

from contracts.particulars import Recognition, RegistrationStatus, Transfer
from contracts.registry import (
    CertificateChanged,
    CertificateRecognised,
    RegistrationClosed,
    RegistrationReopened,
    RegistrationTransferred,
    Standing,
)
from eventlog.decider import fold
from services.registry.decider import Command, Early, Happened, Rules, certificate_spans, place_on
from tests.registry.example import (
    COUNTY,
    REF,
    REGISTRY,
    RULES,
    SECRET,
    after,
    by,
    certificate,
    change,
    closed,
    correct,
    ids,
    kinds,
    needs,
    on_file,
    origin,
    record,
    registered,
    reopened,
    state_of,
    transferred,
    withdraw,
)

HELD = (registered(), record(2, certificate(), "2022-03-01"))
"""A junior certificate c1 since 1 March 2022."""


def place(*commands: Command, on: str) -> tuple[str, bool] | None:
    """(division, whether the registration is open) on a day."""
    found = place_on(state_of(*commands), date.fromisoformat(on))
    return None if found is None else (found.division, found.open)


def common(n: int, slot: str) -> dict[str, Any]:
    return {"person_ref": REF, "fact": origin(n), "standings": (Standing(slot=slot, fact=ids(n)[0]),)}


# --- transfers ----------------------------------------------------------------------------------------------------------


def test_a_transfer_is_recorded_and_counts_from_its_day() -> None:
    on_file(registered()).when(transferred(2, "2024-05-01", "320106")).then(
        Happened(
            ids(2)[0],
            date(2024, 5, 1),
            RegistrationTransferred(**common(2, "transfer/hr/t2"), particulars=Transfer(key="t2", division="320106")),
        )
    )
    moved = (registered(), transferred(2, "2024-05-01", "320106"))
    assert (place(*moved, on="2024-04-30"), place(*moved, on="2024-05-01")) == ((COUNTY, True), ("320106", True))


def test_a_transfer_brings_the_recognition_of_certificates_with_it() -> None:
    """Each named certificate once, from the same day, in events of the same message."""
    recognised = Recognition(number="c1", division="320106")
    first, second = on_file(*HELD).when(transferred(3, "2024-05-01", "320106", recognised, recognised)).events
    assert isinstance(first.event, RegistrationTransferred)
    assert second == Happened(
        ids(3)[1],
        date(2024, 5, 1),
        CertificateRecognised(
            person_ref=REF,
            fact=origin(3),
            standings=(Standing(slot="recognition/c1/320106", fact=ids(3)[1]),),
            particulars=recognised,
        ),
    )


def test_a_transfer_waits_for_the_certificate_that_it_recognises() -> None:
    """Nothing of it is recorded before."""
    waiting = transferred(3, "2024-05-01", "320106", Recognition(number="c9", division="320106"))
    assert needs(on_file(*HELD), waiting) == f"certificate:{REF}/c9"


def test_a_recognition_waits_for_its_certificate() -> None:
    """Also for one that stood once, and was withdrawn."""
    recognised = record(4, Recognition(number="c1", division="320106"))
    assert needs(on_file(registered()), recognised) == f"certificate:{REF}/c1"
    assert needs(on_file(*HELD, withdraw(3, 2)), recognised) == f"certificate:{REF}/c1"
    assert len(on_file(*HELD).when(recognised).events) == 1


@pytest.mark.parametrize(
    "make", [lambda on: transferred(2, on, "320106"), lambda on: closed(2, on), lambda on: reopened(2, on)]
)
def test_nobody_is_moved_or_closed_before_they_are_registered(make: Any) -> None:
    """By its own date; when it comes does not matter."""
    on_file(registered(on="2020-01-06")).when(make("2020-01-05")).rejected("not-registered", "effectiveon")


def test_a_transfer_to_the_same_division_is_taken() -> None:
    """It may name other units; and another transfer, dated before it, may come after it."""
    back = (registered(), transferred(3, "2024-09-01", COUNTY), transferred(2, "2024-05-01", "320106"))
    assert (place(*back, on="2024-08-31"), place(*back, on="2024-09-01")) == (("320106", True), (COUNTY, True))


def test_a_transfer_of_a_closed_registration_counts_from_the_reopening_on() -> None:
    """Whichever of the two was reported first: the old division closes, the new one takes over."""
    left, moved, back = closed(2, "2024-04-30"), transferred(3, "2024-05-15", "320106"), reopened(4, "2024-06-01")
    for order in ((left, moved, back), (moved, left, back)):
        assert place(registered(), *order, on="2024-05-20") == ("320106", False)
        assert place(registered(), *order, on="2024-06-01") == ("320106", True)


# --- closing and reopening ----------------------------------------------------------------------------------------------


def test_a_closing_says_the_last_day_and_a_reopening_the_first_one_again() -> None:
    on_file(registered()).when(closed(2, "2024-04-30", "retired")).then(
        Happened(
            ids(2)[0],
            date(2024, 4, 30),
            RegistrationClosed(
                **common(2, "registration-status/hr/s2"),
                particulars=RegistrationStatus(key="s2", status="closed", reason="retired"),
            ),
        )
    )
    [back] = on_file(registered(), closed(2, "2024-04-30")).when(reopened(3, "2024-07-01")).events
    assert isinstance(back.event, RegistrationReopened)
    life = (registered(), closed(2, "2024-04-30"), reopened(3, "2024-07-01"))
    days = ("2020-01-05", "2024-04-30", "2024-05-01", "2024-06-30", "2024-07-01")
    assert [place(*life, on=day) for day in days] == [None, (COUNTY, True), (COUNTY, False), (COUNTY, False), (COUNTY, True)]


def test_a_reopening_waits_for_its_closing() -> None:
    """Not for one that is dated after it."""
    assert needs(on_file(registered()), reopened(3, "2024-07-01")) == f"registration-status:{REF}"
    later = on_file(registered(), closed(2, "2024-09-30"))
    assert needs(later, reopened(3, "2024-07-01")) == f"registration-status:{REF}"


@pytest.mark.parametrize("on", ["2024-04-30", "2024-05-01"])
def test_a_registration_can_be_reopened_before_a_day_is_lost(on: str) -> None:
    """On its last day, or on the day after it: then it was never closed."""
    life = (registered(), closed(2, "2024-04-30"), reopened(3, on))
    assert place(*life, on="2024-05-01") == (COUNTY, True)


def test_a_closing_that_two_sources_report_is_taken_twice() -> None:
    """If one of them takes it back, the other one's word still stands; one reopening reopens."""
    twice = (registered(), closed(2, "2024-04-30"), by(closed(3, "2024-04-30"), "training"))
    assert place(*twice, withdraw(4, 2), on="2024-06-01") == (COUNTY, False)
    assert place(*twice, reopened(4, "2024-05-15"), on="2024-06-01") == (COUNTY, True)


def test_a_closing_that_comes_before_the_reopening_between_two_is_not_lost() -> None:
    life = (registered(), closed(2, "2024-04-30"), closed(4, "2024-08-31"), reopened(3, "2024-06-01"))
    assert [place(*life, on=day) for day in ("2024-05-01", "2024-08-31", "2024-09-01")] == [
        (COUNTY, False),
        (COUNTY, True),
        (COUNTY, False),
    ]


# --- certificates -------------------------------------------------------------------------------------------------------


def spans(*commands: Command) -> list[tuple[str, str, str, str]]:
    """(number, state, grade, first day) of every span, in order."""
    return [(s.number, s.state, s.grade, str(s.first)) for s in certificate_spans(state_of(*commands))]


def test_a_change_is_recorded_and_counts_from_its_day() -> None:
    suspended = change(3, "suspended", "2023-05-01")
    on_file(*HELD).when(suspended).then(
        Happened(
            ids(3)[0],
            date(2023, 5, 1),
            CertificateChanged(**common(3, "certificate-change/hr/k3"), particulars=suspended.says),
        )
    )
    life = (*HELD, suspended, change(4, "reinstated", "2023-07-01"), change(5, "revoked", "2024-01-01"))
    assert spans(*life) == [
        ("c1", "valid", "junior", "2022-03-01"),
        ("c1", "suspended", "junior", "2023-05-01"),
        ("c1", "valid", "junior", "2023-07-01"),
        ("c1", "revoked", "junior", "2024-01-01"),
    ]


@pytest.mark.parametrize("what", ["suspended", "reinstated", "revoked", "superseded"])
def test_a_change_waits_for_its_certificate(what: str) -> None:
    """Of this person: another one's number is of no use."""
    assert needs(on_file(*HELD), change(3, what, "2023-05-01", number="c9")) == f"certificate:{REF}/c9"


def test_a_reinstatement_waits_for_its_suspension() -> None:
    """Not for one that is dated after it."""
    assert needs(on_file(*HELD), change(3, "reinstated", "2023-05-01")) == f"certificate-change:{REF}"
    later = on_file(*HELD, change(4, "suspended", "2023-08-01"))
    assert needs(later, change(3, "reinstated", "2023-05-01")) == f"certificate-change:{REF}"


SENIOR = (registered(), record(2, certificate("c1", "senior", "320100", "2027-02-28"), "2022-03-01"))


def test_a_downgrade_names_a_lower_grade() -> None:
    """Below what the certificate has on the day, after earlier downgrades."""
    file = on_file(*SENIOR, change(3, "downgraded", "2023-05-01", "intermediate"))
    assert len(file.when(change(4, "downgraded", "2023-06-01", "junior")).events) == 1
    for grade in ("senior", "special"):
        file.when(change(4, "downgraded", "2023-06-01", grade)).rejected("not-a-downgrade", "data.grade")
    on_file(*SENIOR).when(change(3, "downgraded", "2023-05-01", "senior")).rejected("not-a-downgrade", "data.grade")


def test_words_of_a_grade_that_nobody_knows_are_not_compared() -> None:
    """A certificate that was taken over may have any."""
    strange = (registered(), record(2, certificate("c1", "gold"), "2022-03-01"))
    assert len(on_file(*strange).when(change(3, "downgraded", "2023-05-01", "silver")).events) == 1


@pytest.mark.parametrize(("what", "grade"), [("downgraded", None), ("suspended", "junior"), ("revoked", "junior")])
def test_a_downgrade_and_nothing_else_names_a_grade(what: str, grade: str | None) -> None:
    """In a change, and in its correction."""
    wrong = change(4, what, "2023-05-01", grade)
    on_file(*SENIOR).when(wrong).rejected("grade-and-downgrade", "data.grade")
    file = on_file(*SENIOR, change(3, "suspended", "2023-05-01"))
    file.when(correct(4, 3, wrong.says, "2023-05-01")).rejected("grade-and-downgrade", "data.grade")


@pytest.mark.parametrize("end", ["revoked", "superseded"])
@pytest.mark.parametrize("what", ["suspended", "reinstated", "downgraded", "revoked", "superseded"])
def test_what_is_revoked_or_superseded_is_not_changed_any_more(end: str, what: str) -> None:
    """But the same word once more, from another source, is no contradiction."""
    file = on_file(*SENIOR, change(3, end, "2023-05-01"))
    late = file.when(change(4, what, "2023-06-01", "junior" if what == "downgraded" else None))
    if what == end:
        assert len(late.events) == 1
    else:
        late.rejected("no-such-change", "data.change")


def test_what_has_expired_is_not_suspended_any_more() -> None:
    """It can still be revoked."""
    file = on_file(registered(), record(2, certificate(until="2025-02-28"), "2022-03-01"))
    file.when(change(3, "suspended", "2025-03-01")).rejected("no-such-change", "data.change")
    file.when(change(3, "reinstated", "2025-03-01")).rejected("no-such-change", "data.change")
    assert len(file.when(change(3, "suspended", "2025-02-28")).events) == 1
    assert len(file.when(change(3, "revoked", "2025-03-01")).events) == 1


def test_a_change_before_the_issue_counts_from_the_issue_on() -> None:
    """The day of the issue may be what is wrong; which of the two is not ours to say."""
    assert spans(*HELD, change(3, "suspended", "2021-01-01")) == [("c1", "suspended", "junior", "2022-03-01")]


def test_a_change_that_two_sources_report_is_taken_twice() -> None:
    """If one of them takes it back, the other one's word still stands."""
    twice = (*HELD, change(3, "suspended", "2023-05-01"), by(change(4, "suspended", "2023-05-02"), "training"))
    assert spans(*twice)[1:] == [("c1", "suspended", "junior", "2023-05-01")]
    assert spans(*twice, withdraw(5, 3))[1:] == [("c1", "suspended", "junior", "2023-05-02")]
    lowered = (*SENIOR, change(3, "downgraded", "2023-05-01", "junior"), change(4, "downgraded", "2023-05-02", "junior"))
    assert kinds(after(*lowered))[-1] == "certificate-changed"


def test_a_suspension_that_comes_before_the_reinstatement_between_two_is_not_lost() -> None:
    life = (
        *HELD,
        change(3, "suspended", "2023-03-01"),
        change(5, "suspended", "2023-05-01"),
        change(4, "reinstated", "2023-04-01"),
    )
    assert [(state, first) for _, state, _, first in spans(*life)[1:]] == [
        ("suspended", "2023-03-01"),
        ("valid", "2023-04-01"),
        ("suspended", "2023-05-01"),
    ]


# --- who may issue ------------------------------------------------------------------------------------------------------


def test_who_may_issue_is_what_the_standard_says_that_was_in_force_on_the_day() -> None:
    """Before there was one, or for a grade that it does not know, what the setting says."""
    event, standard = RULES.standards[0]
    [junior, *others] = standard.grades
    relaxed = standard.model_copy(update={"grades": (junior.model_copy(update={"issuers": ("city",)}), *others)})
    rules = Rules(standards=((event, relaxed),), issuers={"junior": ("county",), "gold": ("province",)})
    file = on_file(registered(), rules=rules)
    for issuer, on, code in (
        ("320100", "2025-01-01", None),
        ("320102", "2025-01-01", "wrong-issuer"),
        ("320102", "2024-12-31", None),
        ("320100", "2024-12-31", "wrong-issuer"),
    ):
        when = file.when(record(2, certificate(issuer=issuer), on))
        if code is None:
            assert len(when.events) == 1
        else:
            when.rejected(code, "data.issuer")
    file.when(record(2, certificate(grade="gold", issuer="320100"), "2025-01-01")).rejected("wrong-issuer")


# --- in any order -------------------------------------------------------------------------------------------------------

DAYS = ("2024-02-01", "2024-04-01", "2024-06-01", "2024-08-01", "2024-10-01", "2024-12-01")


@st.composite
def changes(draw: st.DrawFn) -> list[Command]:
    """Sensible changes: transfers, closings and reopenings in turn, suspensions and reinstatements in turn."""
    commands: list[Command] = []
    statuses = draw(st.integers(0, 5))
    for place in range(statuses):
        commands.append((closed, reopened)[place % 2](10 + place, DAYS[place]))
    for place in range(draw(st.integers(0, 3))):
        commands.append(transferred(20 + place, draw(st.sampled_from(DAYS)), draw(st.sampled_from(["320104", "320105"]))))
    for place in range(draw(st.integers(0, 5))):
        commands.append(change(30 + place, ("suspended", "reinstated")[place % 2], DAYS[place]))
    return commands


def arrived(commands: Sequence[Command]) -> list[Happened]:
    """As at the registry: what is early waits, and is tried again whenever something was recorded."""
    events = after(*HELD)
    waiting = list(commands)
    while waiting:
        for command in waiting:
            try:
                events += REGISTRY.decide(command, fold(REGISTRY, events))
            except Early:
                continue
            waiting.remove(command)
            break
        else:
            raise AssertionError(f"{len(waiting)} wait for ever")
    return events


@settings(max_examples=150)
@any_of(commands=changes(), data=st.data())
def test_changes_in_any_order_end_in_the_same_registration_and_certificates(
    commands: list[Command], data: st.DataObject
) -> None:
    """Nothing is refused, nothing waits for ever, and every day reads the same."""
    expected = fold(REGISTRY, arrived(commands))
    found = fold(REGISTRY, arrived(data.draw(st.permutations(commands))))
    assert certificate_spans(found) == certificate_spans(expected)
    for day in (*DAYS, "2024-03-15", "2024-07-15", "2024-11-15", "2025-06-01"):
        assert place_on(found, date.fromisoformat(day)) == place_on(expected, date.fromisoformat(day))


@settings(max_examples=100)
@any_of(commands=changes())
def test_deciding_a_change_twice_yields_nothing(commands: list[Command]) -> None:
    events = arrived(commands)
    for command in commands:
        assert REGISTRY.decide(command, fold(REGISTRY, events)) == ()


def test_the_identity_is_not_in_a_change() -> None:
    """Only a registration has one."""
    assert all(SECRET.mark not in each.event.model_dump_json() for each in after(*HELD, closed(3, "2024-01-01"))[1:])
