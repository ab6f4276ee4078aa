"""An export of personal data: a stream for each list, and an event each time that it is put into a file."""

from __future__ import annotations

from datetime import date

from contracts import intake
from contracts.registry import PersonalDataExported
from services.registry.app import check_place
from services.registry.decider.places import PlaceEvent, PlaceState, decide_place, evolve_place, initial, stream_of_place
from tests.registry.example import origin, stamp

LIST = "a" * 64
EXPORT = intake.PersonalDataExported(
    purpose="payment-run cashier/2021-a",
    fields=("name", "bank_account"),
    people=28,
    list_sha256=LIST,
    by="clerk-1",
    reason="payroll",
)


def tell(state: PlaceState, n: int) -> tuple[PlaceEvent, ...]:
    return decide_place(stamp(n, "2026-03-01"), EXPORT, state, check_place)


def test_an_export_says_who_took_which_fields_of_how_many_people_and_why() -> None:
    [event] = tell(initial(stream_of_place(EXPORT, "operator")), 1)
    assert event == PersonalDataExported(
        fact=origin(1),
        purpose="payment-run cashier/2021-a",
        fields=("name", "bank_account"),
        people=28,
        list_sha256=LIST,
        by="clerk-1",
        reason="payroll",
    )


def test_each_export_of_a_list_is_recorded_and_each_message_once() -> None:
    """They stand in the stream of the list, whoever takes it and when."""
    assert stream_of_place(EXPORT, "operator") == f"export-{LIST}"
    state = initial(f"export-{LIST}")
    [first] = tell(state, 1)
    state = evolve_place(state, first, date(2026, 3, 1))
    assert tell(state, 1) == ()
    assert len(tell(state, 2)) == 1
