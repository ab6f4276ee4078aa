"""The read models: what stands in the files, made into registers, and the same whenever it is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event

from contracts.particulars import (
    Certificate,
    CertificateChange,
    EngagementEnd,
    EngagementStart,
    InspectionResult,
    Particulars,
    RatingResult,
    Recognition,
    Registration,
    RegistrationStatus,
    Transfer,
)
from contracts.registry import (
    Attachment,
    CertificationConcluded,
    EligibilityReviewed,
    InspectionClosed,
    InspectionOpened,
    NoticeOpened,
    ObjectionRaised,
    ObjectionResolved,
    PanelReviewed,
    TrainingTested,
    UnitClosed,
    UnitRegistered,
)
from eventlog import schema
from eventlog.database import Database
from services.registry.numbers import certificate_number
from services.registry.standard import read_standard
from services.registry.views import (
    applications,
    applications_of,
    conflicts,
    count_register,
    dossier,
    due,
    holders,
    inspection_counts,
    inspections,
    known_at,
    last_serial,
    merged_into,
    register,
    register_as_of,
    steward_on,
    uninspected,
    units,
    view_metadata,
    worker_as_of,
    worker_row,
)
from services.registry.views.person import WorkerRow
from tests.registry.files import SOURCE, Files, person, rows_of

ANNA, BAO, CHEN = person(1), person(2), person(3)
TODAY = date(2026, 3, 1)


@pytest.fixture
def files(database: Database) -> Files:
    return Files(database)


def at(text: str) -> date:
    return date.fromisoformat(text)


def registered(files: Files, ref: str = ANNA, division: str = "320102", on: str = "2020-06-01", **more: Any) -> str:
    event_id = files.fact(ref, Registration(division=division, **more), on)
    files.commit()
    return event_id


def told(files: Files, ref: str, *facts: tuple[Particulars, str]) -> list[str]:
    """Facts of one person, each in a batch of its own."""
    found = []
    for says, on in facts:
        found.append(files.fact(ref, says, on))
        files.commit()
    return found


def row(files: Files, ref: str = ANNA, day: date = TODAY) -> WorkerRow:
    found = files.ask(worker_row, ref, day)
    assert isinstance(found, WorkerRow)
    return found


def people(files: Files, day: date = TODAY, **chosen: Any) -> list[str]:
    return [found.person_ref for found in files.ask(register, day, **chosen)]


def certificate(number: str = "A-1", grade: str = "junior", expires_on: str | None = None) -> Certificate:
    return Certificate(number=number, grade=grade, issuer="320102", expires_on=None if expires_on is None else at(expires_on))


# --- registration -------------------------------------------------------------------------------------------------------


def test_a_worker_is_in_the_register_from_the_day_of_registration(files: Files) -> None:
    """Of the division, and of those above it; not the day before."""
    registered(files, managing_unit="county office")
    for division in ("320102", "320100", "320000", None):
        assert [ANNA] == people(files, at("2020-06-01"), division=division)
    assert [] == people(files, at("2020-05-31"))
    assert [] == people(files, division="320103") + people(files, division="320200") + people(files, division="330000")
    assert ("open", "320102", at("2020-06-01"), "county office") == (
        row(files).status,
        row(files).division,
        row(files).registered_on,
        row(files).managing_unit,
    )
    assert files.ask(worker_row, ANNA, at("2020-05-31")) is None
    assert files.ask(worker_row, BAO, TODAY) is None


def test_a_transfer_counts_from_its_day_also_if_that_is_to_come(files: Files) -> None:
    """The units that it names are the new ones; the others stay."""
    registered(files, managing_unit="old", serving_unit="town")
    told(files, ANNA, (Transfer(key="t-1", division="320200", managing_unit="new"), "2026-05-01"))
    assert ([ANNA], []) == (people(files, division="320102"), people(files, division="320200"))
    assert ([], [ANNA]) == tuple(people(files, at("2026-05-01"), division=division) for division in ("320102", "320200"))
    later = row(files, day=at("2026-05-01"))
    assert ("320200", "new", "town") == (later.division, later.managing_unit, later.serving_unit)


def test_a_closing_counts_from_the_day_after_the_last_one_until_the_reopening(files: Files) -> None:
    """The last day of the registration is still open."""
    registered(files)
    told(
        files,
        ANNA,
        (RegistrationStatus(key="c-1", status="closed", reason="moved_away"), "2023-03-31"),
        (RegistrationStatus(key="r-1", status="reopened", reason="returned"), "2024-02-01"),
    )
    days = [at(text) for text in ("2023-03-31", "2023-04-01", "2024-01-31", "2024-02-01")]
    assert ["open", "closed", "closed", "open"] == [row(files, day=day).status for day in days]
    assert [[ANNA], [], [], [ANNA]] == [people(files, day, status="open") for day in days]
    assert [[], [ANNA], [ANNA], []] == [people(files, day, status="closed") for day in days]
    assert at("2023-03-31") == row(files, day=at("2023-07-01")).closed_on


def test_a_withdrawn_registration_is_in_no_register(files: Files) -> None:
    """And one that was corrected is in that of the right division only."""
    event_id = registered(files)
    files.correct(ANNA, event_id, Registration(division="320103"), "2020-07-01")
    files.commit()
    assert ([], [ANNA]) == (people(files, division="320102"), people(files, division="320103"))
    files.withdraw(ANNA, files.standing(ANNA)["registration"], "2020-07-02")
    files.commit()
    assert [] == people(files)


def test_a_merged_file_is_listed_as_merged_and_the_survivor_holds_the_facts(files: Files) -> None:
    """Also by way of another file; the certificate is the survivor's now, under the number that it had."""
    for ref in (ANNA, BAO, CHEN):
        registered(files, ref)
    told(files, ANNA, (certificate("A-1"), "2022-01-01"), (InspectionResult(year=2025, outcome="passed"), "2025-11-01"))
    for duplicate, survivor in pairwise((ANNA, BAO, CHEN)):
        files.merge(duplicate, survivor, "2026-02-01")
        files.commit()
    assert ([CHEN], [ANNA, BAO]) == (people(files), people(files, status="merged"))
    assert (BAO, CHEN) == (row(files).merged_into, row(files, BAO).merged_into)
    assert [BAO, ANNA] == files.ask(merged_into, CHEN)
    assert [(CHEN, 1), (ANNA, 0), (BAO, 0)] == [(h["person_ref"], h["stands"]) for h in files.ask(holders, "A-1")]
    assert [] == files.ask(uninspected, "320102", 2025, TODAY)
    held = row(files, CHEN).certificate
    assert held is not None
    assert "A-1" == held.number


def test_somebody_erased_is_listed_as_erased_and_leaves_no_dossier(files: Files) -> None:
    """The dossier of a file that was merged into theirs goes too; those of others stay."""
    for ref in (ANNA, BAO, CHEN):
        registered(files, ref)
        files.enter(ref, f"e-{ref}", "2024-01-01")
    files.merge(ANNA, BAO, "2026-01-01")
    files.commit()
    assert 2 == len(files.ask(dossier, BAO))
    files.erase(BAO, "2026-02-01")
    files.commit()
    assert ([CHEN], [BAO]) == (people(files), people(files, status="erased"))
    assert [0, 0, 1] == [len(files.ask(dossier, ref)) for ref in (ANNA, BAO, CHEN)]


# --- certificates, engagements, results ---------------------------------------------------------------------------------


def test_the_register_of_a_grade_holds_those_whose_certificate_is_in_force_on_the_day(files: Files) -> None:
    """From the issue to the last day; a suspended one is in force and can be told apart, a downgraded one has its new grade."""
    registered(files)
    told(
        files,
        ANNA,
        (certificate(grade="senior", expires_on="2027-12-31"), "2022-01-01"),
        (CertificateChange(key="s", number="A-1", change="suspended", reason="r"), "2023-01-01"),
        (CertificateChange(key="r", number="A-1", change="reinstated", reason="r"), "2023-06-01"),
        (CertificateChange(key="d", number="A-1", change="downgraded", grade="junior", reason="r"), "2024-01-01"),
    )
    seniors = {day: people(files, at(day), grade="senior") for day in ("2021-12-31", "2022-01-01", "2023-03-01", "2024-01-01")}
    assert {"2021-12-31": [], "2022-01-01": [ANNA], "2023-03-01": [ANNA], "2024-01-01": []} == seniors
    assert [ANNA] == people(files, at("2023-03-01"), grade="senior", certificate_state="suspended")
    assert ([ANNA], []) == tuple(people(files, at(day), grade="junior") for day in ("2027-12-31", "2028-01-01"))
    assert [ANNA] == people(files, at("2028-01-01"), certificate_state="expired")
    held = row(files, day=at("2023-03-01")).certificate
    assert held is not None
    assert ("suspended", at("2023-01-01"), at("2023-05-31"), at("2027-12-31")) == (
        held.state,
        held.since,
        held.until,
        held.expires_on,
    )


def test_the_certificate_that_was_issued_last_speaks_for_somebody(files: Files) -> None:
    """From its issue on, whatever comes of it later; "without end" may be written as the last day that there is."""
    registered(files)
    told(files, ANNA, (certificate("A-2", "senior", "9999-12-31"), "2024-01-01"))
    told(files, ANNA, (certificate("A-1", "junior", "2024-12-31"), "2022-01-01"))
    shown = [row(files, day=at(day)).certificate for day in ("2021-06-01", "2023-06-01", "2024-06-01", "9999-12-31")]
    assert [None, "A-1", "A-2", "A-2"] == [None if held is None else held.number for held in shown]
    assert ([ANNA], []) == (people(files, grade="senior"), people(files, grade="junior"))
    told(files, ANNA, (CertificateChange(key="x", number="A-2", change="revoked", reason="r"), "2024-07-01"))
    assert [[], []] == [people(files, at("2024-08-01"), grade=grade) for grade in ("senior", "junior")]
    assert [ANNA] == people(files, at("2024-08-01"), certificate_state="revoked")


def test_a_worker_is_stewarded_by_the_level_that_the_standard_says_for_their_grade(files: Files) -> None:
    """By the scheme's own rule, if no standard is in force; by the division of registration, if no certificate is."""
    registered(files)
    told(files, ANNA, (certificate(grade="senior"), "2024-01-01"))
    text = (Path(__file__).parents[2] / "standards" / "example-certification.yaml").read_text(encoding="utf-8")
    standard = read_standard(text)
    held, not_yet = row(files), row(files, day=at("2023-12-31"))
    stewards = [
        steward_on(shown, known) for shown, known in ((held, [(ANNA, standard)]), (held, []), (not_yet, [(ANNA, standard)]))
    ]
    assert ["320100", "320100", "320102"] == stewards


def test_who_is_transferred_to_a_city_without_a_standard_is_stewarded_by_that_city(files: Files) -> None:
    """An intermediate worker, by the scheme's own rule: before the certificate is recognised there, and after."""
    registered(files)
    text = (Path(__file__).parents[2] / "standards" / "example-certification.yaml").read_text(encoding="utf-8")
    known = [(ANNA, read_standard(text))]
    told(files, ANNA, (certificate("A-1", "intermediate"), "2022-01-01"))
    told(files, ANNA, (Transfer(key="t-1", division="330106"), "2023-05-01"))
    told(files, ANNA, (Recognition(number="A-1", division="330106"), "2023-07-01"))
    days = ("2023-04-30", "2023-05-01", "2023-07-01")
    assert ["320100", "330100", "330100"] == [steward_on(row(files, day=at(day)), known) for day in days]


def test_a_serial_is_never_given_twice(files: Files) -> None:
    """Not even that of a number that was withdrawn, or is on another issuer's certificate; numbers of other kinds have none."""
    registered(files)
    assert 0 == files.ask(last_serial, "320100", 2026)
    numbers = [certificate_number("320100", 2026, serial) for serial in (1, 7)]
    _, last, _ = told(files, ANNA, *((certificate(number), "2026-01-01") for number in (*numbers, "320100-2026-000099")))
    files.withdraw(ANNA, last, "2026-01-02")
    files.commit()
    assert (7, 0, 0) == tuple(files.ask(last_serial, *of) for of in (("320100", 2026), ("320100", 2025), ("320102", 2026)))
    (holder,) = files.ask(holders, numbers[1])
    assert (ANNA, 0, "320102", "2026-01-01") == (holder["person_ref"], holder["stands"], holder["issuer"], holder["issued_on"])


def test_a_number_that_stood_for_a_moment_was_used(files: Files) -> None:
    """Within one batch, and where a fact of an earlier one stands again before it falls; the last that stood is shown."""
    registered(files)
    first, second = told(
        files, ANNA, (certificate("A-1", "junior"), "2022-01-01"), (certificate("A-1", "senior"), "2022-01-01")
    )
    third = files.fact(ANNA, certificate("A-2"), "2023-01-01")
    for event_id in (third, second, first):
        files.withdraw(ANNA, event_id, "2026-01-02")
    files.commit()
    held = [files.ask(holders, number)[0] for number in ("A-1", "A-2")]
    assert [(0, "junior", first), (0, "junior", third)] == [(h["stands"], h["grade"], h["event_id"]) for h in held]


def test_two_people_may_be_reported_with_one_number(files: Files) -> None:
    """Both are named; when one report is withdrawn, the other stands."""
    for ref in (ANNA, BAO):
        registered(files, ref)
        told(files, ref, (certificate("A-1"), "2022-01-01"))
    assert [(ANNA, 1), (BAO, 1)] == [(h["person_ref"], h["stands"]) for h in files.ask(holders, "A-1")]
    files.withdraw(ANNA, files.standing(ANNA)["certificate/A-1"], "2026-01-02")
    files.commit()
    assert [(BAO, 1), (ANNA, 0)] == [(h["person_ref"], h["stands"]) for h in files.ask(holders, "A-1")]


def test_the_main_post_is_the_longest_of_the_full_time_ones_that_run(files: Files) -> None:
    """An engagement runs to its last day; how many run is told."""
    registered(files)
    shared: dict[str, Any] = {"category": "secretary", "post": "p"}
    told(
        files,
        ANNA,
        (EngagementStart(engagement="e-1", unit="part", full_time=False, **shared), "2020-06-01"),
        (EngagementStart(engagement="e-2", unit="first", **shared), "2021-01-01"),
        (EngagementStart(engagement="e-3", unit="second", **shared), "2022-01-01"),
        (EngagementEnd(engagement="e-2", reason="transferred"), "2022-12-31"),
    )
    shown = [
        (r.engagements, r.post.unit if r.post else None) for r in (row(files, day=at(d)) for d in ("2022-12-31", "2023-01-01"))
    ]
    assert [(3, "first"), (2, "second")] == shown


def test_rating_and_inspection_are_those_of_the_latest_year_that_are_out_by_the_day(files: Files) -> None:
    """A result that is withdrawn gives way to the year before."""
    registered(files)
    facts = told(
        files,
        ANNA,
        (RatingResult(year=2024, rating="excellent"), "2025-01-10"),
        (RatingResult(year=2025, rating="basic"), "2026-01-10"),
        (InspectionResult(year=2025, outcome="passed"), "2025-11-10"),
    )
    assert ((2025, "basic"), (2025, "passed")) == (row(files).rating, row(files).inspection)
    assert ((2024, "excellent"), None) == (row(files, day=at("2025-11-09")).rating, row(files, day=at("2025-11-09")).inspection)
    files.withdraw(ANNA, facts[1], "2026-01-20")
    files.commit()
    assert (2024, "excellent") == row(files).rating


def test_the_register_is_read_in_pages_without_loss_or_repetition(files: Files) -> None:
    """By division and person, the same whatever the size of a page."""
    for number in range(1, 8):
        files.fact(person(number), Registration(division=f"32010{number % 3 + 1}"), "2020-06-01")
    files.commit()
    whole = [(r.division, r.person_ref) for r in files.ask(register, TODAY, division="320100")]
    assert sorted(whole) == whole
    assert 7 == len(whole) == files.ask(count_register, TODAY, division="320100")
    for limit in (1, 2, 3):
        found: list[tuple[str, str]] = []
        while page := files.ask(register, TODAY, division="320100", after=found[-1] if found else None, limit=limit):
            assert len(page) <= limit
            found += [(r.division, r.person_ref) for r in page]
        assert whole == found
    assert whole == [(r.division, r.person_ref) for r in files.ask(register, TODAY, division="320100", after=("310000", "p"))]


def test_contradictions_are_listed_with_what_stands(files: Files) -> None:
    """Until one side is withdrawn."""
    registered(files)
    first, second = told(
        files,
        ANNA,
        (RatingResult(year=2024, rating="basic"), "2025-01-10"),
        (RatingResult(year=2024, rating="competent"), "2025-01-10"),
    )
    listed = [{"person_ref": ANNA, "slot": "rating/2024", "stands": second, "contradicted_by": [first]}]
    assert listed == files.ask(conflicts)
    files.withdraw(ANNA, second, "2025-02-01")
    files.commit()
    assert [] == files.ask(conflicts)


# --- certification ------------------------------------------------------------------------------------------------------


def reach_notice(files: Files, ref: str, key: str, *, issuer: str = "320102", ends_on: str = "2026-02-20") -> str:
    """An application taken to its public notice, one batch a step."""
    name = files.apply_for(ref, key, "2026-01-05", issuer=issuer)
    files.commit()
    files.of(ref, EligibilityReviewed, "2026-01-12", application=name, result="passed", criteria=())
    files.commit()
    test: dict[str, Any] = {"application": name, "hours": 40, "hours_required": 40, "pass_mark": 60}
    files.of(ref, TrainingTested, "2026-01-20", result="passed", score=80, **test)
    files.of(
        ref, PanelReviewed, "2026-02-01", application=name, result="passed", scores=(80,), mean_hundredths=8000, pass_mark=60
    )
    files.commit()
    files.of(ref, NoticeOpened, "2026-02-10", application=name, working_days=5, ends_on=at(ends_on), calendar="c")
    files.commit()
    return name


def stage_of(files: Files, ref: str = ANNA) -> tuple[str, str]:
    (found,) = files.ask(applications_of, ref, TODAY)
    return found["stage"], found["since"]


def test_an_application_stands_where_it_passed_last(files: Files) -> None:
    """A failed test leaves it where it was; concluded, it keeps stage and reason of its end."""
    registered(files)
    name = files.apply_for(ANNA, "a-1", "2026-01-05", grade="senior", issuer="320100")
    files.commit()
    assert ("application", "2026-01-05") == stage_of(files)
    files.of(ANNA, EligibilityReviewed, "2026-01-12", application=name, result="passed", criteria=())
    test: dict[str, Any] = {"application": name, "hours": 40, "hours_required": 40, "pass_mark": 60}
    files.of(ANNA, TrainingTested, "2026-01-20", result="failed", score=10, **test)
    files.commit()
    assert ("eligibility_review", "2026-01-12") == stage_of(files)
    files.of(ANNA, TrainingTested, "2026-02-20", result="passed", score=70, **test)
    files.of(
        ANNA, CertificationConcluded, "2026-02-25", application=name, outcome="withdrawn", stage="training_test", reason="r"
    )
    files.commit()
    (found,) = files.ask(applications_of, ANNA, TODAY)
    assert ("concluded", "2026-02-25", "withdrawn", "training_test", 4) == (
        found["stage"],
        found["since"],
        found["outcome"],
        found["ended_in"],
        found["days"],
    )


def test_applications_are_listed_by_stage_issuer_and_how_long_they_wait(files: Files) -> None:
    """The longest waiting first; in pages."""
    waiting = [
        (1, "320102", "2026-02-01"),
        (2, "320102", "2026-01-01"),
        (3, "320103", "2026-02-20"),
        (4, "320200", "2026-01-01"),
    ]
    for number, issuer, on in waiting:
        files.fact(person(number), Registration(division=issuer), "2020-06-01")
        files.apply_for(person(number), "a", on, issuer=issuer)
    files.commit()

    def listed(**chosen: Any) -> list[str]:
        return [found["person_ref"] for found in files.ask(applications, "application", TODAY, **chosen)]

    assert [person(2), person(1), person(3)] == listed(division="320100")
    assert [person(2), person(1)] == listed(division="320100", days_min=28)
    assert [person(2)] == listed(division="320100", days_min=29)
    first = files.ask(applications, "application", TODAY, limit=2)[-1]
    after = tuple(first[name] for name in ("issuer", "since", "person_ref", "application"))
    assert [person(3), person(4)] == listed(after=after)
    assert [] == files.ask(applications, "panel_review", TODAY)


def test_a_notice_is_due_the_day_after_its_last_one(files: Files) -> None:
    """The oldest first, and no more than are asked for; concluded, it is due no more."""
    registered(files)
    registered(files, BAO)
    name = reach_notice(files, ANNA, "a-1", ends_on="2026-02-20")
    reach_notice(files, BAO, "b-1", ends_on="2026-02-18")
    assert [] == files.ask(due, at("2026-02-18"))
    found = files.ask(due, at("2026-02-21"))
    assert [("notice", BAO, f"{SOURCE}/b-1", at("2026-02-18")), ("notice", ANNA, name, at("2026-02-20"))] == found
    assert found[:1] == files.ask(due, at("2026-02-21"), 1)
    files.of(
        ANNA,
        CertificationConcluded,
        "2026-02-21",
        application=name,
        outcome="granted",
        stage="public_notice",
        reason="r",
        certificate="A-1",
    )
    files.commit()
    assert found[:1] == files.ask(due, at("2026-02-21"))


def test_nothing_is_due_while_an_objection_is_open(files: Files) -> None:
    """Not before the last of them is resolved, and then on the notice's new last day."""
    registered(files)
    name = reach_notice(files, ANNA, "a-1")
    for objection in ("o-1", "o-2"):
        files.of(ANNA, ObjectionRaised, "2026-02-12", application=name, objection=objection, grounds="g", days_left=3)
    files.commit()
    assert [] == files.ask(due, at("2026-12-31"))
    resolved: dict[str, Any] = {"application": name, "outcome": "dismissed", "finding": "f"}
    files.of(ANNA, ObjectionResolved, "2026-02-24", objection="o-1", **resolved)
    files.commit()
    assert [] == files.ask(due, at("2026-12-31"))
    (open_one,) = files.ask(applications, "public_notice", TODAY)
    assert (1, "2026-02-20", None) == (open_one["objections"], open_one["ends_on"], open_one["due_on"])
    files.of(ANNA, ObjectionResolved, "2026-02-25", objection="o-2", ends_on=at("2026-03-02"), calendar="c", **resolved)
    files.commit()
    assert [at("2026-03-02")] == [found.due_on for found in files.ask(due, at("2026-03-03"))]


# --- dossier, units, inspections ----------------------------------------------------------------------------------------


def test_a_dossier_lists_the_latest_version_of_each_entry(files: Files) -> None:
    """With the number of versions, and what is attached to the latest one; never the content."""
    registered(files)
    attachment = Attachment(sha256="0" * 64, media_type="application/pdf", size=12)
    first = files.enter(ANNA, "e-1", "2024-01-01", attachments=[attachment])
    files.enter(ANNA, "e-2", "2023-01-01")
    files.commit()
    assert [f"{SOURCE}/e-2", f"{SOURCE}/e-1"] == [entry["entry"] for entry in files.ask(dossier, ANNA)]
    assert [attachment.model_dump()] == files.ask(dossier, ANNA)[1]["attachments"]
    second = files.enter_again(ANNA, "e-1", "2024-02-01", first)
    files.commit()
    entry = files.ask(dossier, ANNA, "rewards_sanctions")[1]
    assert (2, "2024-01-01", "2024-02-01", second, []) == tuple(
        entry[name] for name in ("versions", "recorded_on", "changed_on", "event_id", "attachments")
    )
    assert [] == files.ask(dossier, ANNA, "basics")


def test_units_are_found_by_key_division_title_and_credit_code(files: Files) -> None:
    """As they were told last; one that was closed is open again when it is registered again."""
    for number, title, division in ((1, "红旗镇党建办", "320102"), (2, "东风社区", "320103"), (3, "红星集团", "320200")):
        unit = {"unit": f"{SOURCE}/u-{number}", "title": title, "division": division, "credit_code": f"CODE{number}"}
        files.tell(f"unit-{number}", UnitRegistered(fact=files.origin(), parent=f"{SOURCE}/u-0", **unit), "2020-01-01")
    files.tell("unit-2", UnitClosed(fact=files.origin(), unit=f"{SOURCE}/u-2", reason="r"), "2024-12-31")
    files.commit()

    def found(**chosen: Any) -> list[str]:
        return [str(unit["unit"]).rpartition("/")[2] for unit in files.ask(units, **chosen)]

    assert ["u-1", "u-2"] == found(division="320100")
    assert ["u-1", "u-3"] == found(title="红") == found(is_open=True)
    assert ["u-2"] == found(is_open=False) == found(credit_code="CODE2") == found(unit_key=f"{SOURCE}/u-2")
    assert ["u-2", "u-3"] == found(parent=f"{SOURCE}/u-0", after=f"{SOURCE}/u-1")
    again = UnitRegistered(fact=files.origin(), unit=f"{SOURCE}/u-2", title="东风社区党总支", division="320103")
    files.tell("unit-2", again, "2025-06-01")
    files.commit()
    (unit,) = files.ask(units, title="党总支")
    assert (None, None, "2025-06-01") == (unit["closed_on"], unit["credit_code"], unit["since"])


def test_an_inspection_is_open_until_it_is_closed(files: Files) -> None:
    """It can be asked for by division and year."""
    for division in ("320102", "320200"):
        opened = InspectionOpened(
            fact=files.origin(), division=division, year=2025, closes_on=at("2025-12-31"), items=("dues", "file")
        )
        files.tell(f"inspection-{division}", opened, "2025-10-01")
    files.commit()
    closed = InspectionClosed(fact=files.origin(), division="320102", year=2025, rest="missed")
    files.tell("inspection-320102", closed, "2026-01-05")
    files.commit()
    (found,) = files.ask(inspections, division="320100", year=2025)
    assert ("2025-10-01", "2025-12-31", "2026-01-05", "missed", ["dues", "file"]) == tuple(
        found[name] for name in ("opened_on", "closes_on", "closed_on", "rest", "items")
    )
    assert [["320200"], ["320102"], []] == [
        [inspection["division"] for inspection in files.ask(inspections, **chosen)]
        for chosen in ({"is_open": True}, {"is_open": False}, {"after": ("320200", 2025)})
    ]


def test_the_uninspected_are_those_registered_and_open_who_have_no_standing_result(files: Files) -> None:
    """In pages; a withdrawn result makes somebody uninspected again, a closed registration takes them off the list."""
    for number in range(1, 7):
        files.fact(person(number), Registration(division="320102" if number < 6 else "320200"), "2020-06-01")
    files.commit()
    results = told(files, person(1), (InspectionResult(year=2025, outcome="passed"), "2025-11-01"))
    told(files, person(2), (InspectionResult(year=2025, outcome="failed"), "2025-11-01"))
    told(files, person(3), (InspectionResult(year=2024, outcome="passed"), "2024-11-01"))
    told(files, person(5), (RegistrationStatus(key="c", status="closed", reason="retired"), "2025-06-30"))

    def missing(**chosen: Any) -> list[str]:
        return [ref for _, ref in files.ask(uninspected, "320100", 2025, TODAY, **chosen)]

    assert [person(3), person(4)] == missing()
    assert ([person(4)], [person(3)]) == (missing(after=("320102", person(3))), missing(limit=1))
    counts = {"passed": 1, "failed": 1, "missed": 0, "uninspected": 2}
    assert counts == files.ask(inspection_counts, "320100", 2025, TODAY)
    assert person(5) in [ref for _, ref in files.ask(uninspected, "320100", 2025, at("2025-06-30"))]
    files.withdraw(person(1), results[0], "2025-11-20")
    files.commit()
    assert [person(1), person(3), person(4)] == missing()


# --- both times -----------------------------------------------------------------------------------------------------------


def test_a_worker_can_be_asked_for_as_of_both_times(files: Files) -> None:
    """What was true on a day, as far as it was known then."""
    registered(files, ANNA)
    told(files, ANNA, (certificate(), "2022-01-01"))
    before = files.head()
    told(files, ANNA, (Transfer(key="t", division="320200"), "2021-01-01"))
    told(files, ANNA, (CertificateChange(key="x", number="A-1", change="revoked", reason="r"), "2023-01-01"))

    def shown(day: str, position: int | None) -> tuple[str, str]:
        found = files.ask(lambda connection: worker_as_of(files.log, connection, ANNA, at(day), position))
        return found.division, "" if found.certificate is None else found.certificate.state

    assert ("320102", "valid") == shown("2024-01-01", before)
    assert ("320200", "revoked") == shown("2024-01-01", None) == shown("2024-01-01", files.head())
    assert ("320102", "") == shown("2020-06-01", None)
    assert files.ask(lambda connection: worker_as_of(files.log, connection, ANNA, at("2019-01-01"))) is None


def test_a_register_can_be_asked_for_as_of_both_times(files: Files) -> None:
    """Pages of an earlier knowledge are those of then, and looking at them writes nothing."""
    registered(files, ANNA)
    registered(files, BAO)
    before = files.head()
    told(files, ANNA, (Transfer(key="t", division="320200"), "2021-01-01"))
    registered(files, CHEN)
    rows = files.rows()

    def listed(day: str, position: int | None, **chosen: Any) -> list[str]:
        return [found.person_ref for found in register_as_of(files.log, at(day), position, division="320102", **chosen)]

    assert [ANNA, BAO] == listed("2024-01-01", before)
    assert [BAO, CHEN] == listed("2024-01-01", None) == listed("2024-01-01", files.head())
    assert [ANNA, BAO, CHEN] == listed("2020-12-31", None)
    assert [BAO] == listed("2024-01-01", before, after=("320102", ANNA))
    assert [] == listed("2024-01-01", 0)
    assert rows == files.rows()


# --- what it costs ----------------------------------------------------------------------------------------------------------


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """What is sent to the database meanwhile; many rows of one statement are one."""
    sent: list[str] = []

    def keep(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        sent.append(statement)

    event.listen(engine, "before_cursor_execute", keep)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", keep)


def test_events_cost_nothing_in_read_models_that_they_do_not_concern(files: Files) -> None:
    """Twenty ratings are written with as many statements as one, and touch no other table than those of facts and standing."""
    for number in range(21):
        files.fact(person(number), Registration(division="320102"), "2020-06-01")
    files.commit()
    sent = []
    for numbers in (range(1), range(1, 21)):
        for number in numbers:
            files.fact(person(number), RatingResult(year=2025, rating="competent"), "2026-01-10")
        with statements(files.database.write) as counted:
            files.commit()
        sent.append(counted)
    few, many = sent
    assert len(few) == len(many)
    untouched = set(files.tables()) - {"fact_on_file", "standing"}
    assert [] == [statement for statement in many for name in untouched if f'"{name}"' in statement or f" {name} " in statement]


def test_certificates_of_many_people_are_written_with_as_many_statements_as_of_one(files: Files) -> None:
    """Also if their files were begun in an earlier batch, which has to be read."""
    for number in range(21):
        files.fact(person(number), Registration(division="320102"), "2020-06-01")
    files.commit()
    sent = []
    for numbers in (range(1), range(1, 21)):
        for number in numbers:
            files.fact(person(number), certificate(f"A-{number}", expires_on="2027-01-01"), "2022-01-01")
        with statements(files.database.write) as counted:
            files.commit()
        sent.append(len(counted))
    assert sent[0] == sent[1]


# --- replay equals live -----------------------------------------------------------------------------------------------------

PEOPLE = 4
DIVISIONS = ("320102", "320103", "320200")
FIRST = date(2020, 1, 1)

refs = st.integers(1, PEOPLE).map(person)
some_days = st.integers(0, 2_400).map(lambda number: (FIRST + timedelta(days=number)).isoformat())
keys = st.integers(1, 3).map(lambda number: f"k-{number}")
grades = st.sampled_from(("junior", "senior"))
divisions = st.sampled_from(DIVISIONS)
years = st.sampled_from((2021, 2022))
posts = st.builds(
    EngagementStart, engagement=keys, category=st.just("secretary"), unit=keys, post=keys, full_time=st.booleans()
)
particulars: st.SearchStrategy[Any] = st.one_of(
    st.builds(Registration, division=divisions, managing_unit=st.none() | keys),
    st.builds(Transfer, key=keys, division=divisions, managing_unit=st.none() | keys),
    st.builds(RegistrationStatus, key=keys, status=st.sampled_from(("closed", "reopened")), reason=st.just("other")),
    posts,
    st.builds(EngagementEnd, engagement=keys, reason=st.just("other")),
    st.builds(Certificate, number=keys, grade=grades, issuer=divisions, expires_on=st.none() | some_days.map(at)),
    st.builds(
        CertificateChange,
        key=keys,
        number=keys,
        change=st.sampled_from(("suspended", "reinstated", "downgraded", "revoked", "superseded")),
        grade=grades,
        reason=st.just("r"),
    ),
    st.builds(RatingResult, year=years, rating=st.sampled_from(("basic", "competent"))),
    st.builds(InspectionResult, year=years, outcome=st.sampled_from(("passed", "failed", "missed"))),
)

Step = Callable[[Files], object]


def of_the_open(files: Files, ref: str, act: Callable[[], object]) -> None:
    """An ended file takes nothing more, and a file begins with a registration."""
    if ref not in files.ended:
        if ref not in files.slots:
            files.fact(ref, Registration(division="320102"), "2020-03-01")
        act()


def amend(files: Files, ref: str, which: int, says: Particulars | None, on: str) -> None:
    """Withdraw one of the facts that stand, or correct it, if what it should say is of its kind."""
    standing = sorted(files.standing(ref).values())
    if standing:
        target = standing[which % len(standing)]
        if says is None:
            files.withdraw(ref, target, on)
        elif files.said[target][1].kind == says.kind:
            files.correct(ref, target, says, on)


def act_on_application(files: Files, ref: str, key: str, on: str, what: int) -> None:
    """Some event of an application, begun if need be."""
    name, begun = f"{SOURCE}/{key}", files.__dict__.setdefault("begun", set())
    if (ref, name) not in begun:
        begun.add((ref, name))
        files.apply_for(ref, key, on)
    elif what == 0:
        files.of(ref, EligibilityReviewed, on, application=name, result="passed", criteria=())
    elif what == 1:
        files.of(ref, NoticeOpened, on, application=name, working_days=5, ends_on=at(on), calendar="c")
    elif what == 2:
        files.of(ref, ObjectionRaised, on, application=name, objection="o", grounds="g", days_left=3)
    else:
        files.of(ref, CertificationConcluded, on, application=name, outcome="rejected", stage="application", reason="r")


def tell_place(files: Files, key: str, on: str, division: str, what: int) -> None:
    """A unit or an inspection; its closing only after its beginning."""
    begun = files.__dict__.setdefault("places", set())
    if what % 2 == 0:
        unit = {"fact": files.origin(), "unit": f"{SOURCE}/{key}"}
        closing = what > 2 and key in begun
        begun.add(key)
        event: Any = UnitClosed(**unit, reason="r") if closing else UnitRegistered(**unit, title=key, division=division)
        files.tell(f"unit-{key}", event, on)
    else:
        inspection = {"fact": files.origin(), "division": division, "year": 2021}
        closing = what > 2 and division in begun
        begun.add(division)
        told = InspectionClosed(**inspection, rest="missed") if closing else InspectionOpened(**inspection, closes_on=at(on))
        files.tell(f"inspection-{division}", told, on)


def enter(files: Files, ref: str, key: str, on: str) -> None:
    entered = files.__dict__.setdefault("entered", {})
    if (ref, key) in entered:
        files.enter_again(ref, key, on, entered[ref, key])
    else:
        entered[ref, key] = files.enter(ref, key, on)


@st.composite
def a_step(draw: st.DrawFn) -> Step:
    """One of the things that may happen, with its particulars."""
    ref, other, on, says, number, key = (
        draw(refs),
        draw(refs),
        draw(some_days),
        draw(particulars),
        draw(st.integers(0, 5)),
        draw(keys),
    )
    division = draw(divisions)

    def merge(files: Files) -> None:
        if other not in files.ended and other in files.slots and other != ref:
            files.merge(ref, other, on)

    facts: Step = lambda f: of_the_open(f, ref, lambda: f.fact(ref, says, on))  # noqa: E731
    steps: list[Step] = [
        facts,
        facts,
        facts,
        lambda f: of_the_open(f, ref, lambda: amend(f, ref, number, None, on)),
        lambda f: of_the_open(f, ref, lambda: amend(f, ref, number, says, on)),
        lambda f: of_the_open(f, ref, lambda: merge(f)),
        lambda f: of_the_open(f, ref, lambda: f.erase(ref, on)) if number == 0 else None,
        lambda f: of_the_open(f, ref, lambda: act_on_application(f, ref, key, on, number)),
        lambda f: of_the_open(f, ref, lambda: enter(f, ref, key, on)),
        lambda f: tell_place(f, key, on, division, number),
        lambda f: f.commit(),
        lambda f: f.commit(),
    ]
    return draw(st.sampled_from(steps))


def emptied(database: Database) -> Files:
    """A new log in a database that may hold another."""
    with database.write.begin() as connection:
        view_metadata.drop_all(connection)
        schema.metadata.drop_all(connection)
    return Files(database)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps=st.lists(a_step(), min_size=10, max_size=60), day=some_days, later=some_days)
def test_replay_equals_live_and_registers_equal_files(database: Database, steps: list[Step], day: str, later: str) -> None:
    """Folded in one go, the log gives every row again; and each register holds those whose file says so."""
    files = emptied(database)
    for step in steps:
        step(files)
    files.commit()
    live = files.rows()
    with known_at(files.log, files.head()) as connection:
        rebuilt = {name: rows_of(connection, table) for name, table in files.tables().items()}
    assert live == rebuilt
    for on in (at(day), at(later)):
        known = [found for number in range(1, PEOPLE + 1) if (found := files.ask(worker_row, person(number), on)) is not None]
        for status in ("open", "closed", "merged", "erased"):
            expected = sorted((k for k in known if k.status == status), key=lambda k: (k.division, k.person_ref))
            assert expected == files.ask(register, on, status=status)
            seniors = [
                k
                for k in expected
                if k.certificate and k.certificate.grade == "senior" and k.certificate.state in ("valid", "suspended")
            ]
            assert seniors == files.ask(register, on, status=status, grade="senior")
        for found in known:
            assert found == files.ask(lambda c, ref=found.person_ref, on=on: worker_as_of(files.log, c, ref, on))
        for year in (2021, 2022):
            open_ones = [k for k in known if k.status == "open" and k.division.startswith("3201")]
            results = {
                ref: files.said[fact][1] for ref in files.slots if (fact := files.standing(ref).get(f"inspection/{year}"))
            }
            missing = sorted((k.division, k.person_ref) for k in open_ones if k.person_ref not in results)
            assert missing == files.ask(uninspected, "320100", year, on)
