"""The rest of a file, rule by rule: dossier entries, appeals against ratings, who was shown what, and the erasure."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from contracts import intake
from contracts.particulars import RatingResult
from contracts.registry import (
    Attachment,
    DossierEntryCorrected,
    DossierEntryRecorded,
    EncryptedFields,
    FactCorrected,
    PersonalDataUnmasked,
    PersonErased,
    RatingAppealDecided,
    RatingAppealed,
    Standing,
)
from services.registry.decider import Act, Command, Happened, Prepared
from services.registry.decider import file as module
from services.registry.decider.worker import Entry
from tests.registry.example import (
    ENCRYPTED,
    PERSON,
    REF,
    WORKING,
    act,
    applied,
    by,
    closed,
    correct,
    deadline,
    ids,
    kinds,
    needs,
    on_file,
    origin,
    record,
    registered,
    state_of,
    withdraw,
)

SEALED = "a.b.c.d.e"
CONTENT = Prepared(ENCRYPTED)
NEWER = EncryptedFields(key_version=1, fields={"title": "bmV3ZXI="})
KNOWN = intake.KnownPerson(person_ref=REF)
PHOTO = intake.AttachmentNamed(sha256="0" * 64, media_type="image/png", size=10)


def entered(n: int = 10, entry: str = "d1", section: Any = "work_history", **how: Any) -> Act:
    says = intake.DossierEntryRecorded(
        person=PERSON, entry=entry, section=section, content=SEALED, attachments=how.pop("attachments", ())
    )
    return act(n, says, prepared=how.pop("prepared", CONTENT), **how)


def mended(n: int = 11, entry: str = "d1", section: Any = "work_history", **how: Any) -> Act:
    says = intake.DossierEntryCorrected(
        person=PERSON, entry=entry, entry_source=how.pop("of", None), section=section, content=SEALED, reason="typing error"
    )
    return act(n, says, prepared=how.pop("prepared", Prepared(NEWER)), **how)


def appealed(n: int = 10, on: str = "2025-02-01", appeal: str = "a1", year: int = 2024, **how: Any) -> Act:
    return act(n, intake.RatingAppealed(person=PERSON, appeal=appeal, year=year, grounds="made up"), on, **how)


def judged(n: int = 11, on: str = "2025-03-01", appeal: str = "a1", rating: str | None = None, **how: Any) -> Act:
    says = intake.RatingAppealDecided(
        person=PERSON,
        appeal=appeal,
        appeal_source=how.pop("of", None),
        outcome="dismissed" if rating is None else "upheld",
        rating=rating,
        reason="made up",
    )
    return act(n, says, on, **how)


def unmasked(n: int = 10) -> Act:
    return act(n, intake.PersonalDataUnmasked(person=KNOWN, fields=("name", "phone"), by="Zhang", reason="asked for"))


def erased(n: int = 10, on: str = "2025-01-10") -> Act:
    says = intake.PersonErased(person=KNOWN, by="Zhang", reason="asked for")
    return act(n, says, on, Prepared(keys=2, index_entries=3))


# --- dossier ------------------------------------------------------------------------------------------------------------


def test_an_entry_is_recorded_with_its_content_encrypted_and_its_attachments_by_digest() -> None:
    on_file(registered()).when(entered(attachments=(PHOTO,))).then(
        Happened(
            ids(10)[0],
            date(2025, 1, 10),
            DossierEntryRecorded(
                person_ref=REF,
                fact=origin(10),
                entry="hr/d1",
                section="work_history",
                content=ENCRYPTED,
                attachments=(Attachment(sha256="0" * 64, media_type="image/png", size=10),),
            ),
        )
    )


def test_a_corrected_entry_is_a_whole_new_version_that_names_the_one_before() -> None:
    """It may stand in another section; what it read before stays recorded."""
    moved = mended(section="appraisal")
    on_file(registered(), entered()).when(moved).then(
        Happened(
            ids(11)[0],
            date(2025, 1, 10),
            DossierEntryCorrected(
                person_ref=REF,
                fact=origin(11),
                entry="hr/d1",
                section="appraisal",
                corrects=ids(10)[0],
                content=NEWER,
                reason="typing error",
            ),
        )
    )
    [again] = on_file(registered(), entered(), moved).when(mended(12)).events
    assert isinstance(again.event, DossierEntryCorrected)
    assert again.event.corrects == ids(11)[0]


def test_a_correction_of_an_entry_waits_for_the_entry() -> None:
    """Of the source that it names."""
    assert needs(on_file(registered()), mended()) == f"entry:{REF}/hr/d1"
    assert needs(on_file(registered(), entered()), by(mended(), "training")) == f"entry:{REF}/training/d1"
    assert len(on_file(registered(), entered()).when(by(mended(of="hr"), "training")).events) == 1


def test_a_key_names_one_entry() -> None:
    """Of each source; an entry is corrected, never recorded over."""
    file = on_file(registered(), entered())
    file.when(entered(12)).rejected("entry-known", "data.entry")
    assert len(file.when(by(entered(12), "training")).events) == 1


def test_entries_of_a_file_that_was_merged_are_known_too() -> None:
    """They can be corrected here, and their keys are taken."""
    earlier = {"hr/d7": Entry(ids(40)[0], "appraisal")}
    file = on_file(registered())
    file.when(entered(entry="d7", prepared=Prepared(ENCRYPTED, earlier))).rejected("entry-known")
    [event] = file.when(mended(entry="d7", prepared=Prepared(NEWER, earlier))).events
    assert isinstance(event.event, DossierEntryCorrected)
    assert event.event.corrects == ids(40)[0]


def test_a_dossier_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ENTRIES_MAX", 1)
    on_file(registered(), entered()).when(entered(12, "d2")).rejected("too-many", "data.entry")


# --- appeals ------------------------------------------------------------------------------------------------------------


def test_an_appeal_is_made_against_the_rating_that_stands() -> None:
    on_file(*WORKING).when(appealed()).then(
        Happened(
            ids(10)[0],
            date(2025, 2, 1),
            RatingAppealed(person_ref=REF, fact=origin(10), appeal="hr/a1", year=2024, against=ids(4)[0], grounds="made up"),
        )
    )


def test_an_appeal_waits_for_its_rating() -> None:
    """Not for that of another year; one that was withdrawn is none."""
    assert needs(on_file(*WORKING), appealed(year=2022)) == f"rating:{REF}/2022"
    assert needs(on_file(*WORKING, withdraw(6, 4)), appealed()) == f"rating:{REF}/2024"


def test_nobody_appeals_before_the_rating() -> None:
    on_file(*WORKING).when(appealed(on="2025-01-08")).rejected("before-what-it-follows", "effectiveon")


def test_one_appeal_at_a_time_against_a_year() -> None:
    """Decided, another may be made, under a key of its own."""
    open_one = on_file(*WORKING, appealed())
    open_one.when(appealed(12, appeal="a2")).rejected("appeal-open", "data.year")
    assert len(open_one.when(appealed(12, appeal="a2", year=2023)).events) == 1
    decided = on_file(*WORKING, appealed(), judged())
    decided.when(appealed(12)).nothing()
    decided.when(appealed(12, on="2025-03-02")).rejected("appeal-known", "data.appeal")
    assert len(decided.when(appealed(12, appeal="a2", on="2025-03-02")).events) == 1


def test_an_appeal_that_is_dismissed_changes_nothing() -> None:
    file = on_file(*WORKING, appealed())
    file.when(judged()).then(
        Happened(
            ids(11)[0],
            date(2025, 3, 1),
            RatingAppealDecided(
                person_ref=REF, fact=origin(11), appeal="hr/a1", year=2024, outcome="dismissed", reason="made up"
            ),
        )
    )


def test_an_appeal_that_is_upheld_corrects_the_rating_on_the_ratings_own_day() -> None:
    """As if it had always read so: the day of the decision is no part of it."""
    decided, corrected = on_file(*WORKING, appealed()).when(judged(rating="competent")).events
    assert isinstance(decided.event, RatingAppealDecided)
    assert (decided.event.outcome, decided.event.rating, str(decided.effective_on)) == ("upheld", "competent", "2025-03-01")
    assert corrected == Happened(
        ids(11)[1],
        date(2025, 1, 9),
        FactCorrected(
            person_ref=REF,
            fact=origin(11),
            standings=(Standing(slot="rating/2024", fact=ids(11)[1]),),
            corrects=ids(4)[0],
            particulars=RatingResult(year=2024, rating="competent"),
            reason="made up",
        ),
    )


def rating(*commands: Command) -> str:
    state = state_of(*commands)
    says = state.facts[state.standing["rating/2024"][0] or ""].says
    assert isinstance(says, RatingResult)
    return says.rating


def test_what_stands_when_the_appeal_is_decided_is_what_is_corrected() -> None:
    """The source has corrected it since; another source has contradicted it since; it was withdrawn since."""
    basic = RatingResult(year=2024, rating="basic")
    for meanwhile in (
        correct(6, 4, basic, "2025-01-20"),
        record(6, basic, "2025-01-20", source="training"),
        withdraw(6, 4),
    ):
        assert rating(*WORKING, appealed(), meanwhile, judged(rating="competent")) == "competent"


def test_a_decision_waits_for_its_appeal_and_comes_once() -> None:
    file = on_file(*WORKING, appealed())
    assert needs(on_file(*WORKING), judged()) == f"appeal:{REF}/hr/a1"
    assert needs(file, by(judged(), "appraisal")) == f"appeal:{REF}/appraisal/a1"
    assert len(file.when(by(judged(of="hr"), "appraisal")).events) == 1
    file.when(judged(on="2025-01-31")).rejected("before-what-it-follows", "effectiveon")
    on_file(*WORKING, appealed(), judged()).when(judged(12)).nothing()
    on_file(*WORKING, appealed(), judged()).when(judged(12, on="2025-03-02")).rejected("already-decided", "data.appeal")


# --- personal data ------------------------------------------------------------------------------------------------------


def test_who_was_shown_what_and_why_is_recorded() -> None:
    """Each time anew; what was shown is not repeated."""
    [event] = on_file(registered(), unmasked()).when(unmasked(11)).events
    assert event.event == PersonalDataUnmasked(
        person_ref=REF, fact=origin(11), fields=("name", "phone"), by="Zhang", reason="asked for"
    )


def test_an_erasure_says_how_much_was_deleted() -> None:
    on_file(*WORKING).when(erased()).then(
        Happened(
            ids(10)[0],
            date(2025, 1, 10),
            PersonErased(person_ref=REF, fact=origin(10), by="Zhang", reason="asked for", keys=2, index_entries=3),
        )
    )


LATER: tuple[Command, ...] = (
    registered(20),
    record(20, RatingResult(year=2022, rating="basic"), "2023-01-10"),
    correct(20, 4, RatingResult(year=2024, rating="basic")),
    withdraw(20, 4),
    closed(20, "2025-02-01"),
    applied(20),
    entered(20),
    mended(20),
    appealed(20),
    unmasked(20),
    deadline(20),
)


@pytest.mark.parametrize("late", LATER, ids=lambda c: type(getattr(c, "says", c)).__name__)
def test_an_erased_file_takes_nothing_more(late: Command) -> None:
    """Whatever it is; a message that it took before is no news, and erased it is already."""
    file = on_file(*WORKING, erased())
    file.when(erased(20)).nothing()
    file.when(late).rejected("erased", "data.person")
    for known in (*WORKING, erased()):
        file.when(known).nothing()


def test_asking_twice_yields_nothing() -> None:
    acts = (entered(), mended(), appealed(12), judged(13, rating="competent"), unmasked(14))
    file = on_file(*WORKING, *acts)
    for command in (*WORKING, *acts):
        file.when(command).nothing()
    assert kinds(file.when(erased(15)).events) == ["person-erased"]
