"""One payment run: its stages in order, by two people, and what the bank answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from contracts.payment import (
    BankAnswered,
    BankFileMatched,
    Break,
    BreakSettled,
    RunCancelled,
    RunChange,
    RunChecked,
    RunCleared,
    RunClosed,
    RunExported,
    RunInstructed,
    RunListed,
    RunPrepared,
    RunSealed,
)
from eventlog.decider import Rejected
from services.allowance.runs import (
    Check,
    Clear,
    Export,
    FilePart,
    Instruct,
    Instructed,
    List,
    Prepare,
    Seal,
    SettleBreak,
    Stamp,
    Stop,
    TakeResults,
    Tally,
    decide,
    missing_break,
)
from tests.allowance.payment_example import COUNTY, FACT, REF, RUN, run_decider
from tests.specs import given

HEX, PAYEES, RECORD = "a" * 64, "e" * 64, "0190e0e0-0000-7000-8000-000000000001"
MAKER, CHECKER = "cashier-1", "reviewer-1"


def by(principal: str) -> dict[str, Any]:
    """What an event says of who did it."""
    return {"run": RUN, "fact": FACT.model_copy(update={"source": principal}), "by": principal}


def stamp(principal: str = MAKER, text: str | None = None) -> Stamp:
    """text: what the message itself says of who does it."""
    return Stamp(RUN, FACT.model_copy(update={"source": principal}), principal if text is None else text)


PREPARE = Prepare(stamp(), COUNTY, "county", 2021)
APPROVE = Check(stamp(CHECKER), "approved", None, 40)
REJECT = Check(stamp(CHECKER), "rejected", "wrong year", 40)
SEAL = Seal(stamp(), 3, 90_000, HEX, 50, "b" * 64, PAYEES, 7)
FILE: dict[str, Any] = {"message_id": "MSG-1", "file_sha256": "c" * 64, "count": 3, "total_fen": 90_000}
MORE: dict[str, Any] = {"format": "csv", "list_sha256": HEX, "payees_sha256": PAYEES, "record": RECORD}
EXPORT = Export(stamp(), **FILE, **MORE)
INSTRUCT = Instruct(stamp(), "MSG-1", "c" * 64, 3, 90_000, HEX)
STOP = Stop(stamp(), "not this month")
RESULTS = TakeResults(stamp(), FilePart("d" * 64, 1, 1, HEX), Tally(lines=3, matched=3, matched_fen=90_000))
BREAK = SettleBreak(stamp(), "unknown/b-9/x", "assigned", "clerk-2", "asked the bank")

PREPARED = RunPrepared(**by(MAKER), division=COUNTY, payer="county", year=2021)
LISTED = RunListed(run=RUN, count=3, total_fen=90_000)
CHECKED = RunChecked(**by(CHECKER), outcome="approved", position=40, changed=0, count=3, total_fen=90_000)
CLEARED = RunCleared(run=RUN, count=3, total_fen=90_000)
SEALED = RunSealed(**by(MAKER), count=3, total_fen=90_000, list_sha256=HEX, position=50, root="b" * 64,
                   payees_sha256=PAYEES, registry_position=7)  # fmt: skip
EXPORTED = RunExported(**by(MAKER), **FILE, **MORE)
INSTRUCTED = RunInstructed(**by(MAKER), **FILE)
REJECTED = RunChecked(**by(CHECKER), outcome="rejected", position=40, changed=0, count=0, total_fen=0, reason="wrong year")
CANCELLED = RunCancelled(**by(MAKER), reason="not this month")
LIFE = [PREPARED, LISTED, CHECKED, CLEARED, SEALED, EXPORTED, INSTRUCTED]
"""The run's events up to the instruction; the n-th stage is reached by the first n."""


# --- stages -------------------------------------------------------------------------------------------------------------


def test_a_run_goes_through_its_stages() -> None:
    """Each by its own act."""
    given(run_decider).when(PREPARE).then(PREPARED)
    given(run_decider, LIFE[:1]).when(List(RUN, 3, 90_000)).then(LISTED)
    given(run_decider, LIFE[:2]).when(APPROVE).then(CHECKED, CLEARED)
    given(run_decider, LIFE[:4]).when(SEAL).then(SEALED)
    given(run_decider, LIFE[:5]).when(EXPORT).then(EXPORTED)
    given(run_decider, LIFE[:6]).when(INSTRUCT).then(INSTRUCTED)


@pytest.mark.parametrize(
    ("command", "reached", "need"),
    [
        *((APPROVE, n, "listed") for n in (0, 1)),
        *((REJECT, n, "listed") for n in (0, 1)),
        *((SEAL, n, "checked") for n in (0, 1, 2, 3)),
        *((EXPORT, n, "sealed") for n in (0, 1, 2, 3, 4)),
        *((INSTRUCT, n, "exported") for n in (0, 1, 2, 3, 4)),
        *((RESULTS, n, "instructed") for n in (0, 1, 2, 3, 4, 5, 6)),
        *((BREAK, n, "instructed") for n in (0, 5, 6)),
        (STOP, 0, "prepared"),
    ],
)
def test_no_stage_is_skipped(command: Any, reached: int, need: str) -> None:
    """What comes before the stage that it needs is refused, and nothing of it is kept."""
    state = given(run_decider, LIFE[:reached]).state
    with pytest.raises(Rejected) as caught:
        decide(command, state)
    [problem] = caught.value.problems
    assert (problem.field, problem.code) == ("data.run", "step-missing")
    assert problem.problem == f"run {RUN} is not {need} yet"


@pytest.mark.parametrize(
    ("command", "reached"),
    [
        *((PREPARE, n) for n in range(1, 8)),
        *((List(RUN, 3, 90_000), n) for n in range(2, 8)),
        *((APPROVE, n) for n in range(3, 8)),
        *((Clear(RUN), n) for n in (0, 1, 2, 4, 5, 6, 7)),
        *((SEAL, n) for n in (5, 6, 7)),
        *((EXPORT, n) for n in (6, 7)),
        (INSTRUCT, 7),
    ],
)
def test_a_stage_that_is_reached_is_not_reached_again(command: Any, reached: int) -> None:
    """Nothing is recorded a second time."""
    given(run_decider, LIFE[:reached]).when(command).nothing()


@pytest.mark.parametrize("end", [REJECTED, CANCELLED], ids=["rejected", "cancelled"])
@pytest.mark.parametrize("command", [APPROVE, SEAL, INSTRUCT, RESULTS, BREAK], ids=lambda c: type(c).__name__)
def test_nothing_happens_to_a_run_that_has_ended(end: Any, command: Any) -> None:
    given(run_decider, [PREPARED, LISTED, end]).when(command).rejected("run-over", "data.run")


def test_a_key_names_one_run() -> None:
    """The same again is no other; another order under the same key is refused."""
    other = Prepare(stamp(), COUNTY, "city", 2021)
    given(run_decider, [PREPARED]).when(other).rejected("run-exists", "data.run")
    given(run_decider, [PREPARED]).when(Prepare(stamp("cashier-2"), COUNTY, "county", 2021)).rejected("run-exists")


# --- two people ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [MAKER, CHECKER, "Cashier-1\u200b", "复核乙"])
@pytest.mark.parametrize("outcome", ["approved", "rejected"])
def test_who_prepared_a_run_does_not_check_it(text: str, outcome: Any) -> None:
    """Who the broker says it is counts, whatever name the message gives."""
    check = Check(stamp(MAKER, text), outcome, "r", 40)
    given(run_decider, LIFE[:2]).when(check).rejected("checker-is-maker", "source")


def test_two_principals_of_one_name_are_two_people() -> None:
    """Namesakes are told apart by their principals."""
    check = Check(stamp(CHECKER, MAKER), "rejected", "r", 40)
    [checked] = given(run_decider, LIFE[:2]).when(check).events
    assert isinstance(checked, RunChecked)


def test_a_run_is_checked_once() -> None:
    """Another checker, or another outcome, comes too late."""
    for reached in range(3, 7):
        given(run_decider, LIFE[:reached]).when(Check(stamp("reviewer-2"), "approved", None, 40)).rejected("already-checked")
        given(run_decider, LIFE[:reached]).when(REJECT).rejected("already-checked")


def test_a_rejected_run_pays_nothing() -> None:
    """With its reason; told twice, nothing new."""
    given(run_decider, LIFE[:2]).when(REJECT).then(REJECTED)
    given(run_decider, [*LIFE[:2], REJECTED]).when(REJECT).nothing()
    given(run_decider, [*LIFE[:2], REJECTED]).when(STOP).rejected("run-over")


# --- the second look ----------------------------------------------------------------------------------------------------


def change(number: int, before: int, now: int) -> RunChange:
    return RunChange(
        payout=f"{RUN}/{number}", person_ref=REF, prepared_fen=before, due_fen=now, why="due-changed" if now else "nothing-due"
    )


def test_an_approval_leaves_out_what_has_changed_since() -> None:
    """The changes are named, what is left is counted, and the run is cleared when those payouts are cancelled."""
    changes = (change(1, 30_000, 0), change(3, 20_000, 25_000))
    checked = CHECKED.model_copy(update={"changed": 2, "changes": changes, "count": 1, "total_fen": 40_000})
    approve = Check(stamp(CHECKER), "approved", None, 40, changes)
    given(run_decider, LIFE[:2]).when(approve).then(checked)
    cleared = RunCleared(run=RUN, count=1, total_fen=40_000)
    given(run_decider, [*LIFE[:2], checked]).when(Clear(RUN)).then(cleared)
    with pytest.raises(Rejected, match="step-missing"):
        decide(SEAL, given(run_decider, [*LIFE[:2], checked]).state)


def test_a_check_names_the_first_changes_and_counts_all() -> None:
    """An event has a limit."""
    many = tuple(change(number, 1, 0) for number in range(1, 61))
    listed = RunListed(run=RUN, count=60, total_fen=60)
    [checked] = given(run_decider, [PREPARED, listed]).when(Check(stamp(CHECKER), "approved", None, 40, many)).events
    assert (checked.changed, len(checked.changes), checked.count, checked.total_fen) == (60, 50, 0, 0)


# --- seal and instruction -----------------------------------------------------------------------------------------------


def test_an_empty_run_is_not_sealed() -> None:
    empty = [PREPARED, RunListed(run=RUN, count=0, total_fen=0), CHECKED, RunCleared(run=RUN, count=0, total_fen=0)]
    given(run_decider, empty).when(Seal(stamp(), 0, 0, HEX, 50, "b" * 64, PAYEES, 7)).rejected("run-empty", "data.run")


def test_payouts_that_are_not_those_approved_are_a_broken_invariant() -> None:
    """It crashes: the message is parked and an operator looks."""
    with pytest.raises(ValueError, match="approved"):
        decide(replace(SEAL, total_fen=90_001), given(run_decider, LIFE[:4]).state)


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("count", Instruct(stamp(), "MSG-1", "c" * 64, 2, 90_000, HEX)),
        ("total_fen", Instruct(stamp(), "MSG-1", "c" * 64, 3, 90_001, HEX)),
        ("list_sha256", Instruct(stamp(), "MSG-1", "c" * 64, 3, 90_000, "e" * 64)),
    ],
)
def test_a_file_that_is_not_the_seal_is_refused(field: str, wrong: Instruct) -> None:
    """Count, total and list."""
    given(run_decider, LIFE[:6]).when(wrong).rejected("not-the-seal", f"data.{field}")


def test_the_bank_gets_one_file() -> None:
    other = Instruct(stamp(), "MSG-2", "e" * 64, 3, 90_000, HEX)
    given(run_decider, LIFE).when(other).rejected("already-instructed", "data.file_sha256")


@pytest.mark.parametrize("missing", [{"payees_sha256": None}, {"registry_position": None}])
def test_a_seal_covers_names_and_accounts(missing: dict[str, Any]) -> None:
    given(run_decider, LIFE[:4]).when(replace(SEAL, **missing)).rejected("payees-not-sealed", "data.payees_sha256")


def test_a_file_with_other_names_or_accounts_is_not_exported() -> None:
    other = replace(EXPORT, payees_sha256="9" * 64)
    given(run_decider, LIFE[:5]).when(other).rejected("not-the-seal", "data.payees_sha256")


def test_nothing_is_exported_by_a_seal_that_covers_no_accounts() -> None:
    """Seals of before accounts were covered: the run is cancelled and prepared again."""
    old = SEALED.model_copy(update={"payees_sha256": None, "registry_position": None})
    given(run_decider, [*LIFE[:4], old]).when(EXPORT).rejected("not-the-seal", "data.payees_sha256")


def test_a_file_of_a_run_that_was_never_exported_is_refused() -> None:
    given(run_decider, LIFE[:5]).when(INSTRUCT).rejected("not-exported", "data.run")


@pytest.mark.parametrize("changed", [{"file_sha256": "e" * 64}, {"message_id": "MSG-2"}])
def test_the_bank_gets_the_last_file_that_was_exported(changed: dict[str, Any]) -> None:
    """A file written by hand is refused, and so is an earlier export."""
    given(run_decider, LIFE[:6]).when(replace(INSTRUCT, **changed)).rejected("not-the-export", "data.file_sha256")
    later = replace(EXPORT, file_sha256="e" * 64)
    [again] = given(run_decider, LIFE[:6]).when(later).events
    given(run_decider, [*LIFE[:6], again]).when(INSTRUCT).rejected("not-the-export", "data.file_sha256")
    given(run_decider, LIFE).when(later).rejected("already-instructed", "data.file_sha256")


@pytest.mark.parametrize("reached", range(1, 7))
def test_a_run_may_be_cancelled_until_the_bank_is_instructed(reached: int) -> None:
    given(run_decider, LIFE[:reached]).when(STOP).then(CANCELLED)
    given(run_decider, [*LIFE[:reached], CANCELLED]).when(STOP).nothing()


def test_an_instructed_run_is_not_cancelled() -> None:
    given(run_decider, LIFE).when(STOP).rejected("run-instructed", "data.run")


# --- the bank's answers -------------------------------------------------------------------------------------------------


def results(part: int = 1, parts: int = 1, *, digest: str = HEX, breaks: Any = (), missing: Any = (), **tally: Any) -> Any:
    return TakeResults(stamp(), FilePart("d" * 64, part, parts, digest), Tally(**tally), breaks, missing)


def answered(part: int = 1, parts: int = 1, *, breaks: Any = (), **tally: int) -> BankAnswered:
    names = Tally.__slots__
    return BankAnswered(
        **by(MAKER), file_sha256="d" * 64, part=part, parts=parts, results_sha256=HEX, breaks=breaks,
        **{name: tally.get(name, 0) for name in names},
    )  # fmt: skip


def matched(missing: int = 0, breaks: Any = (), **tally: int) -> BankFileMatched:
    names = ("lines", "matched", "matched_fen", "returned", "returned_fen", "repeated", "broken")
    return BankFileMatched(
        run=RUN, file_sha256="d" * 64, missing=missing, breaks=breaks, **{name: tally.get(name, 0) for name in names}
    )


def test_a_file_that_answers_everything_closes_the_run() -> None:
    """Settled and returned add up to what was sealed."""
    tally: dict[str, Any] = {"lines": 3, "matched": 2, "matched_fen": 60_000, "returned": 1, "returned_fen": 30_000}
    closed = RunClosed(run=RUN, settled=2, settled_fen=60_000, returned=1, returned_fen=30_000)
    given(run_decider, LIFE).when(results(**tally)).then(answered(**tally), matched(**tally), closed)


def test_a_file_may_come_in_parts_in_any_order() -> None:
    """It is matched when the last part is there."""
    second = answered(2, 2, lines=1, matched=1, matched_fen=30_000)
    given(run_decider, LIFE).when(results(2, 2, lines=1, matched=1, matched_fen=30_000)).then(second)
    missing = missing_break(f"{RUN}/3", 30_000)
    first = results(1, 2, lines=1, matched=1, matched_fen=30_000, missing=(missing,))
    expected = matched(1, (missing,), lines=2, matched=2, matched_fen=60_000)
    given(run_decider, [*LIFE, second]).when(first).then(answered(1, 2, lines=1, matched=1, matched_fen=30_000), expected)


def test_a_part_is_taken_once() -> None:
    """The same again is nothing new; the same part with other results, or of another number of parts, is refused."""
    known = given(run_decider, [*LIFE, answered(1, 2, lines=1, matched=1, matched_fen=30_000)])
    known.when(results(1, 2, lines=1, repeated=1)).nothing()
    known.when(results(1, 2, lines=1, digest="e" * 64)).rejected("part-differs", "data.part")
    known.when(results(2, 3, lines=1)).rejected("parts-differ", "data.parts")


def test_a_run_closes_once_and_a_later_return_still_counts() -> None:
    """Settled, and returned by another file after that."""
    all_settled: dict[str, Any] = {"lines": 3, "matched": 3, "matched_fen": 90_000}
    closed = given(run_decider, LIFE).when(results(**all_settled)).events
    late = TakeResults(
        stamp(), FilePart("f" * 64, 1, 1, HEX),
        Tally(lines=1, returned=1, returned_fen=30_000, reversed=1, reversed_fen=30_000),
    )  # fmt: skip
    events = given(run_decider, [*LIFE, *closed]).when(late).events
    assert [type(event) for event in events] == [BankAnswered, BankFileMatched]
    state = given(run_decider, [*LIFE, *closed, *events]).state
    assert isinstance(state, Instructed)
    assert (state.settled, state.answered.returned, state.unanswered) == (2, 1, 0)


UNKNOWN = Break(key="unknown/b-9/x", kind="unknown", payout=None, reference="b-9", expected_fen=None, found_fen=5)


def test_a_break_is_given_to_somebody_and_settled() -> None:
    """Told twice, nothing new; settled is settled; a difference that nobody found has no owner."""
    broken = [*LIFE, answered(breaks=(UNKNOWN,), lines=1, broken=1)]
    said = {"key": UNKNOWN.key, "owner": "clerk-2", "note": "asked the bank"}
    assigned = BreakSettled(**by(MAKER), state="assigned", **said)
    given(run_decider, broken).when(BREAK).then(assigned)
    given(run_decider, [*broken, assigned]).when(BREAK).nothing()
    settled = BreakSettled(**by(MAKER), state="settled", **said)
    given(run_decider, [*broken, assigned, settled]).when(BREAK).rejected("break-settled", "data.key")
    given(run_decider, LIFE).when(BREAK).rejected("no-such-break", "data.key")


def test_a_missing_payout_that_no_event_named_has_an_owner_too() -> None:
    """There may be more of them than an event holds."""
    command = SettleBreak(stamp(), "missing/2", "assigned", "clerk-2", "asked the bank", unanswered=True)
    assert len(given(run_decider, LIFE).when(command).events) == 1
