"""One payment run: its stages in order, none skipped, and by whom; and what the bank answered. Pure.

Prepared → listed → checked → cleared → sealed → exported → instructed → closed. The person who checks is not the one who
prepared. A fact that comes before the stage that it needs is refused, as is one about a run that has ended: what is done with
money is done on purpose, at the time when somebody does it, and nothing waits to be done by itself. What the payouts of the run
come to is worked out by the caller and given with the command; here is decided whether it may be.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Literal, assert_never

from contracts.payment import (
    BREAKS_SHOWN_MAX,
    CHANGES_SHOWN_MAX,
    BankAnswered,
    BankFileMatched,
    Break,
    BreakSettled,
    LeftOut,
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
from contracts.registry import FactOrigin
from eventlog.decider import Rejected, already
from services.allowance.account import number_of, reject, too_early

__all__ = [
    "Approved",
    "Check",
    "Clear",
    "Cleared",
    "Command",
    "Export",
    "FilePart",
    "Happened",
    "Instruct",
    "Instructed",
    "List",
    "Listed",
    "Order",
    "Over",
    "Prepare",
    "Preparing",
    "Run",
    "RunEvent",
    "Seal",
    "Sealed",
    "SettleBreak",
    "Stamp",
    "Stop",
    "TakeResults",
    "Tally",
    "Unprepared",
    "decide",
    "evolve",
    "is_settled",
    "missing_break",
    "replay",
    "run_name",
    "stream_of_run",
    "tally_by_hand",
]

RunEvent = (
    RunPrepared
    | RunListed
    | RunChecked
    | RunCleared
    | RunSealed
    | RunExported
    | RunInstructed
    | RunCancelled
    | RunClosed
    | BankAnswered
    | BankFileMatched
    | BreakSettled
)


NAMES_SHOWN_MAX = 10
"""Payers that a refusal names."""


def run_name(source: str, key: str) -> str:
    return f"{source}/{key}"


def stream_of_run(run: str) -> str:
    return f"run-{run}"


# --- state ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be paid. maker: the principal that prepared it; position: of the event in the log; day: its effective date.
    without: who is left out, and why."""

    run: str
    division: str
    payer: str
    year: int
    maker: str
    position: int
    day: date
    without: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unprepared:
    """Nobody has prepared it yet."""


@dataclass(frozen=True, slots=True)
class Preparing:
    """Its payouts are being listed."""

    order: Order


@dataclass(frozen=True, slots=True)
class Listed:
    order: Order
    count: int
    total_fen: int


@dataclass(frozen=True, slots=True)
class Approved:
    """Payouts that had changed are being cancelled. count, total_fen: of what is left."""

    order: Order
    checker: str
    count: int
    total_fen: int


@dataclass(frozen=True, slots=True)
class Cleared:
    order: Order
    checker: str
    count: int
    total_fen: int


@dataclass(frozen=True, slots=True)
class Sealed:
    """payees_sha256: None for a seal of before there was one. file_sha256: of the last export; None: there was none."""

    order: Order
    checker: str
    count: int
    total_fen: int
    list_sha256: str
    payees_sha256: str | None = None
    message_id: str | None = None
    file_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """What some lines of the bank come to: counts, and amounts in fen. Of those returned, ``reversed`` had been settled."""

    lines: int = 0
    matched: int = 0
    matched_fen: int = 0
    returned: int = 0
    returned_fen: int = 0
    reversed: int = 0
    reversed_fen: int = 0
    repeated: int = 0
    broken: int = 0

    def plus(self, other: Tally) -> Tally:
        return Tally(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class FileHeard:
    """heard: part → SHA-256 of its results."""

    parts: int
    heard: Mapping[int, str] = field(default_factory=dict)
    tally: Tally = Tally()


BreakSaid = tuple[Literal["assigned", "settled"], str, str]
"""State, owner, note."""


@dataclass(frozen=True, slots=True)
class Instructed:
    """files: the bank's, by SHA-256. breaks: key → what was said of it last. answered: over all files."""

    sealed: Sealed
    message_id: str
    file_sha256: str
    files: Mapping[str, FileHeard] = field(default_factory=dict)
    breaks: Mapping[str, BreakSaid | None] = field(default_factory=dict)
    answered: Tally = Tally()
    closed: bool = False

    @property
    def order(self) -> Order:
        return self.sealed.order

    @property
    def settled(self) -> int:
        return self.answered.matched - self.answered.reversed

    @property
    def unanswered(self) -> int:
        return self.sealed.count - self.settled - self.answered.returned


@dataclass(frozen=True, slots=True)
class Over:
    """It ended before the instruction: nothing of it is paid. by: who ended it, and why."""

    order: Order
    how: Literal["rejected", "cancelled"]
    by: str
    reason: str | None = None


Run = Unprepared | Preparing | Listed | Approved | Cleared | Sealed | Instructed | Over


# --- commands ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stamp:
    """Which run, which message, and who."""

    run: str
    fact: FactOrigin
    by: str


@dataclass(frozen=True, slots=True)
class Prepare:
    """on: the day that the message gives; the event's own, where it is not said. this_year: the running one, in Asia/Shanghai.
    granted: payer → the years in which purses of that name were ever granted to pay something, in the division."""

    stamp: Stamp
    division: str
    payer: str
    year: int
    on: date | None = None
    this_year: int = date.max.year
    granted: Mapping[str, Collection[int]] | None = None
    without: Sequence[LeftOut] = ()


@dataclass(frozen=True, slots=True)
class List:
    """All payouts are recorded: so many, so much."""

    run: str
    count: int
    total_fen: int


@dataclass(frozen=True, slots=True)
class Check:
    """changes: every payout that would come out otherwise now, as of ``position`` of the log."""

    stamp: Stamp
    outcome: Literal["approved", "rejected"]
    reason: str | None
    position: int
    changes: Sequence[RunChange] = ()


@dataclass(frozen=True, slots=True)
class Clear:
    """Every payout that had changed is cancelled."""

    run: str


@dataclass(frozen=True, slots=True)
class Seal:
    """count, total_fen, list_sha256: of the payouts that stand. position, root: of the log. payees_sha256, registry_position:
    of the payees on file, as the message says. changes: payouts that would come out otherwise now than they were approved."""

    stamp: Stamp
    count: int
    total_fen: int
    list_sha256: str
    position: int
    root: str
    payees_sha256: str | None
    registry_position: int | None
    changes: Sequence[RunChange] = ()


@dataclass(frozen=True, slots=True)
class Export:
    """count, total_fen, list_sha256, payees_sha256: of what stands in the file. record: the registry's event of the reading."""

    stamp: Stamp
    format: str
    message_id: str
    file_sha256: str
    count: int
    total_fen: int
    list_sha256: str
    payees_sha256: str
    record: str
    changes: Sequence[RunChange] = ()


@dataclass(frozen=True, slots=True)
class Instruct:
    """count, total_fen, list_sha256: of what stands in the file."""

    stamp: Stamp
    message_id: str
    file_sha256: str
    count: int
    total_fen: int
    list_sha256: str
    changes: Sequence[RunChange] = ()


@dataclass(frozen=True, slots=True)
class Stop:
    """Cancel the run."""

    stamp: Stamp
    reason: str


@dataclass(frozen=True, slots=True)
class FilePart:
    """A part of a bank's file. sha256: of its results."""

    file_sha256: str
    part: int
    parts: int
    sha256: str


@dataclass(frozen=True, slots=True)
class TakeResults:
    """A part of a bank's file, and what its lines come to. missing: the first payouts that nobody has answered then."""

    stamp: Stamp
    part: FilePart
    tally: Tally
    breaks: Sequence[Break] = ()
    missing: Sequence[Break] = ()


@dataclass(frozen=True, slots=True)
class SettleBreak:
    """unanswered: the key names a payout of the run that nobody has answered (a break that nobody needs to report).

    paid_fen: what reached the payee. outcome, amount_fen: what a payout that nobody had answered becomes by it, and its amount.
    """

    stamp: Stamp
    key: str
    state: Literal["assigned", "settled"]
    owner: str
    note: str
    unanswered: bool = False
    paid_fen: int | None = None
    outcome: Literal["settled", "returned"] | None = None
    amount_fen: int | None = None


Command = Prepare | List | Check | Clear | Seal | Export | Instruct | Stop | TakeResults | SettleBreak


# --- decide -----------------------------------------------------------------------------------------------------------


def decide(command: Command, state: Run) -> tuple[RunEvent, ...]:
    """Return what the command leads to; nothing, if it is so already. Raises Rejected."""
    match command:
        case Prepare():
            return _prepare(command, state)
        case List():
            return _list(command, state)
        case Check():
            return _check(command, state)
        case Clear():
            return _clear(command, state)
        case Seal():
            return _seal(command, state)
        case Export():
            return _export(command, state)
        case Instruct():
            return _instruct(command, state)
        case Stop():
            return _stop(command, state)
        case TakeResults():
            return _take_results(command, state)
        case SettleBreak():
            return _settle_break(command, state)
        case _:
            assert_never(command)


def _early(run: str, shown: str) -> Rejected:
    return too_early("data.run", f"run {run} is not {shown} yet")


def _over(state: Over) -> Rejected:
    return reject("data.run", "run-over", f"the run was {state.how}; nothing of it is paid", "prepare another run")


def _prepare(command: Prepare, state: Run) -> tuple[RunEvent, ...]:
    stamp = command.stamp
    if isinstance(state, Unprepared):
        _may_pay(command)
        said = {"division": command.division, "payer": command.payer, "year": command.year}
        return (RunPrepared(run=stamp.run, fact=stamp.fact, by=stamp.by, without=tuple(command.without), **said),)
    order = state.order
    if (order.division, order.payer, order.year, order.maker, order.without) == (
        command.division,
        command.payer,
        command.year,
        stamp.fact.source,
        _reasons(command.without),
    ):
        return already(command.on in (None, order.day))
    raise reject(
        "data.run", "run-exists", "a run of this key was prepared for something else", "give each run a key of its own"
    )


def _reasons(without: Sequence[LeftOut]) -> dict[str, str]:
    return {each.person_ref: each.reason for each in without}


def _may_pay(command: Prepare) -> None:
    """Whether it names money that there is: a mistyped payer would give a run without payouts. Raises Rejected."""
    if len(_reasons(command.without)) < len(command.without):
        raise reject("data.without", "named-twice", "somebody is left out twice", "name each person once")
    if command.year > command.this_year:
        raise reject(
            "data.year",
            "year-not-begun",
            f"{command.year} has not begun; what is due for it is not known yet",
            f"prepare a run for {command.this_year} at the latest",
        )
    if command.granted is None:
        return
    if command.payer not in command.granted:
        names = ", ".join(sorted(command.granted)[:NAMES_SHOWN_MAX])
        raise reject(
            "data.payer",
            "payer-unknown",
            f"no purse of this name was granted anything to pay in {command.division}",
            f"choose among {names}" if names else "look at the division, and whether its policy is published",
        )
    if command.year not in command.granted[command.payer]:
        raise reject(
            "data.year",
            "year-without-grants",
            f"{command.payer} was granted nothing to pay for {command.year} in {command.division}",
            "look at the year; or wait until it is decided",
        )


def _list(command: List, state: Run) -> tuple[RunEvent, ...]:
    if not isinstance(state, Preparing):
        return ()
    return (RunListed(run=command.run, count=command.count, total_fen=command.total_fen),)


def _check(command: Check, state: Run) -> tuple[RunEvent, ...]:
    stamp = command.stamp
    match state:
        case Unprepared() | Preparing():
            raise _early(stamp.run, "listed")
        case Listed():
            return _checked(command, state)
        case Over():
            if (state.how, state.by, command.outcome) == ("rejected", stamp.fact.source, "rejected"):
                return already(state.reason == command.reason)
            raise _over(state)
        case Approved() | Cleared() | Sealed() | Instructed():
            checker = state.sealed.checker if isinstance(state, Instructed) else state.checker
            if (command.outcome, stamp.fact.source) == ("approved", checker):
                return ()
            raise reject(
                "data.run", "already-checked", "the run was approved already", "to stop it before the instruction, cancel it"
            )
        case _:
            assert_never(state)


def _checked(command: Check, state: Listed) -> tuple[RunEvent, ...]:
    stamp = command.stamp
    if stamp.fact.source == state.order.maker:
        raise reject(
            "source",
            "checker-is-maker",
            "the person who prepared a run does not check it",
            "let another person check it (经办、复核分离)",
        )
    approved = command.outcome == "approved"
    changes = tuple(command.changes) if approved else ()
    checked = RunChecked(
        run=stamp.run,
        fact=stamp.fact,
        by=stamp.by,
        outcome=command.outcome,
        position=command.position,
        changed=len(changes),
        changes=changes[:CHANGES_SHOWN_MAX],
        count=state.count - len(changes) if approved else 0,
        total_fen=state.total_fen - sum(change.prepared_fen for change in changes) if approved else 0,
        reason=command.reason,
    )
    if approved and not changes:
        return (checked, RunCleared(run=stamp.run, count=state.count, total_fen=state.total_fen))
    return (checked,)


def _clear(command: Clear, state: Run) -> tuple[RunEvent, ...]:
    if not isinstance(state, Approved):
        return ()
    return (RunCleared(run=command.run, count=state.count, total_fen=state.total_fen),)


def _seal(command: Seal, state: Run) -> tuple[RunEvent, ...]:
    stamp = command.stamp
    match state:
        case Unprepared() | Preparing() | Listed() | Approved():
            raise _early(stamp.run, "checked")
        case Over():
            raise _over(state)
        case Sealed() | Instructed():
            sealed = state.sealed if isinstance(state, Instructed) else state
            return already(sealed.payees_sha256 == command.payees_sha256)
        case Cleared():
            _stands_as_approved(command.changes)
            if state.count == 0:
                raise reject("data.run", "run-empty", "nothing is left to be paid in this run", "cancel it")
            if (command.count, command.total_fen) != (state.count, state.total_fen):
                raise ValueError("the payouts of the run are not those that were approved")
            if command.payees_sha256 is None or command.registry_position is None:
                raise reject(
                    "data.payees_sha256",
                    "payees-not-sealed",
                    "a seal covers the payees' names and accounts",
                    "seal by `hongling finance seal`, which works it out from the registry",
                )
            return (
                RunSealed(
                    run=stamp.run,
                    fact=stamp.fact,
                    by=stamp.by,
                    count=command.count,
                    total_fen=command.total_fen,
                    list_sha256=command.list_sha256,
                    position=command.position,
                    root=command.root,
                    payees_sha256=command.payees_sha256,
                    registry_position=command.registry_position,
                ),
            )
        case _:
            assert_never(state)


def _already_instructed() -> Rejected:
    return reject(
        "data.file_sha256",
        "already-instructed",
        "the bank was given another file for this run",
        "find out which file the bank has; never send two",
    )


def _export(command: Export, state: Run) -> tuple[RunEvent, ...]:
    stamp = command.stamp
    match state:
        case Unprepared() | Preparing() | Listed() | Approved() | Cleared():
            raise _early(stamp.run, "sealed")
        case Over():
            raise _over(state)
        case Instructed():
            if state.file_sha256 == command.file_sha256:
                return already(command.message_id == state.message_id)
            raise _already_instructed()
        case Sealed():
            _compare_with_seal(command, state)
            if command.payees_sha256 != state.payees_sha256:
                raise reject(
                    "data.payees_sha256",
                    "not-the-seal",
                    "names or accounts are not those that were sealed",
                    "cancel the run, and prepare it again: what changed is looked at by the checker",
                )
            if command.file_sha256 == state.file_sha256:
                return already(command.message_id == state.message_id)
            _stands_as_approved(command.changes)
            said = {name: getattr(command, name) for name in Export.__slots__ if name not in ("stamp", "changes")}
            return (RunExported(run=stamp.run, fact=stamp.fact, by=stamp.by, **said),)
        case _:
            assert_never(state)


def _instruct(command: Instruct, state: Run) -> tuple[RunEvent, ...]:
    stamp = command.stamp
    match state:
        case Unprepared() | Preparing() | Listed() | Approved() | Cleared():
            raise _early(stamp.run, "exported")
        case Over():
            raise _over(state)
        case Instructed():
            if (state.message_id, state.file_sha256) == (command.message_id, command.file_sha256):
                return ()
            raise _already_instructed()
        case Sealed():
            _compare_with_seal(command, state)
            _compare_with_export(command, state)
            _stands_as_approved(command.changes)
            return (
                RunInstructed(
                    run=stamp.run,
                    fact=stamp.fact,
                    by=stamp.by,
                    message_id=command.message_id,
                    file_sha256=command.file_sha256,
                    count=state.count,
                    total_fen=state.total_fen,
                ),
            )
        case _:
            assert_never(state)


def _stands_as_approved(changes: Sequence[RunChange]) -> None:
    """What was approved is what is due. Raises Rejected: a correction, a merger, a policy or a difference came after."""
    if changes:
        first = changes[0]
        raise reject(
            "data.run",
            "changed-since-check",
            f"{len(changes)} payouts would come out otherwise now than they were approved; the first is {first.payout}: "
            f"{first.due_fen} fen in place of {first.prepared_fen}",
            "look at `hongling finance run`, cancel the run, and prepare it again: the checker decides anew",
        )


def _compare_with_export(command: Instruct, state: Sealed) -> None:
    if state.file_sha256 is None:
        raise reject("data.run", "not-exported", "the run was never exported", "export it, and give the bank that file")
    if (command.message_id, command.file_sha256) != (state.message_id, state.file_sha256):
        raise reject(
            "data.file_sha256",
            "not-the-export",
            "this is not the file of the run's last export",
            "give the bank the file that was exported last, unchanged, or export the run again",
        )


def _compare_with_seal(command: Export | Instruct, state: Sealed) -> None:
    for name in ("count", "total_fen", "list_sha256"):
        if getattr(command, name) != getattr(state, name):
            raise reject(
                f"data.{name}",
                "not-the-seal",
                f"the file's {name} is not the seal's, {getattr(state, name)}",
                "export the run again, and give the bank that file and no other",
            )


def _stop(command: Stop, state: Run) -> tuple[RunEvent, ...]:
    stamp = command.stamp
    match state:
        case Unprepared():
            raise _early(stamp.run, "prepared")
        case Over():
            if state.how == "cancelled":
                return already(state.reason == command.reason)
            raise _over(state)
        case Instructed():
            raise reject(
                "data.run",
                "run-instructed",
                "the bank was given the instruction",
                "ask the bank to call it back; what it returns is owed again",
            )
        case Preparing() | Listed() | Approved() | Cleared() | Sealed():
            return (RunCancelled(run=stamp.run, fact=stamp.fact, by=stamp.by, reason=command.reason),)
        case _:
            assert_never(state)


# --- the bank's answers


def missing_break(payout: str, amount_fen: int) -> Break:
    """The break of a payout that no file has answered."""
    return Break(
        key=f"missing/{number_of(payout)}",
        kind="missing",
        payout=payout,
        reference=None,
        expected_fen=amount_fen,
        found_fen=None,
    )


def _take_results(command: TakeResults, state: Run) -> tuple[RunEvent, ...]:
    stamp = command.stamp
    if isinstance(state, Over):
        raise _over(state)
    if not isinstance(state, Instructed):
        raise _early(stamp.run, "instructed")
    part = command.part
    heard = state.files.get(part.file_sha256, FileHeard(part.parts))
    if heard.parts != part.parts:
        raise reject(
            "data.parts", "parts-differ", f"this file was said to have {heard.parts} parts", "split the file in one way only"
        )
    if part.part in heard.heard:
        if heard.heard[part.part] == part.sha256:
            return ()
        raise reject(
            "data.part", "part-differs", "this part of the file was reported with other results", "report each part once"
        )
    answered = BankAnswered(
        run=stamp.run,
        fact=stamp.fact,
        by=stamp.by,
        file_sha256=part.file_sha256,
        part=part.part,
        parts=part.parts,
        results_sha256=part.sha256,
        breaks=tuple(command.breaks)[:BREAKS_SHOWN_MAX],
        **{name: getattr(command.tally, name) for name in Tally.__slots__},
    )
    after = _evolved(state, answered)
    events: list[RunEvent] = [answered]
    file = after.files[part.file_sha256]
    if len(file.heard) == file.parts:
        events.append(_matched(stamp.run, part.file_sha256, file, after, command.missing))
    if after.unanswered == 0 and not after.closed:
        events.append(_closed(stamp.run, after))
    return tuple(events)


def _matched(run: str, sha256: str, file: FileHeard, after: Instructed, missing: Sequence[Break]) -> BankFileMatched:
    tally = file.tally
    return BankFileMatched(
        run=run,
        file_sha256=sha256,
        lines=tally.lines,
        matched=tally.matched,
        matched_fen=tally.matched_fen,
        returned=tally.returned,
        returned_fen=tally.returned_fen,
        repeated=tally.repeated,
        broken=tally.broken,
        missing=after.unanswered,
        breaks=tuple(missing)[:BREAKS_SHOWN_MAX],
    )


def _closed(run: str, after: Instructed) -> RunClosed:
    tally = after.answered
    return RunClosed(
        run=run,
        settled=after.settled,
        settled_fen=tally.matched_fen - tally.reversed_fen,
        returned=tally.returned,
        returned_fen=tally.returned_fen,
    )


def _settle_break(command: SettleBreak, state: Run) -> tuple[RunEvent, ...]:
    stamp = command.stamp
    if isinstance(state, Over):
        raise _over(state)
    if not isinstance(state, Instructed):
        raise _early(stamp.run, "instructed")
    if command.key not in state.breaks and not command.unanswered:
        raise reject("data.key", "no-such-break", "the run has no difference of this key", "see the run's differences")
    last = state.breaks.get(command.key)
    if last == (command.state, command.owner, command.note):
        return ()
    if last is not None and last[0] == "settled":
        raise reject("data.key", "break-settled", "this difference is settled already", "nothing is left to do")
    if command.state == "settled" and stamp.fact.source == state.order.maker:
        raise reject(
            "source",
            "settler-is-maker",
            "the person who prepared a run does not settle what differs from it",
            "let another person settle it (经办、复核分离)",
        )
    settled = BreakSettled(
        run=stamp.run,
        fact=stamp.fact,
        by=stamp.by,
        key=command.key,
        state=command.state,
        owner=command.owner,
        note=command.note,
        paid_fen=command.paid_fen,
        outcome=command.outcome,
        amount_fen=command.amount_fen,
    )
    after = _evolved(state, settled)
    ended = command.outcome is not None and after.unanswered == 0 and not after.closed
    return (settled, _closed(stamp.run, after)) if ended else (settled,)


# --- evolve -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Happened:
    """A recorded event with what the row adds to it."""

    position: int
    effective_on: date
    event: RunEvent


def evolve(state: Run, happened: Happened) -> Run:
    """The state after an event. An event that the state does not allow is a broken log, and crashes."""
    event = happened.event
    match event:
        case RunPrepared():
            what = (event.run, event.division, event.payer, event.year, event.fact.source)
            order = Order(*what, happened.position, happened.effective_on, _reasons(event.without))
            return Preparing(order)
        case RunListed():
            assert isinstance(state, Preparing)
            return Listed(state.order, event.count, event.total_fen)
        case RunChecked():
            assert isinstance(state, Listed)
            if event.outcome == "rejected":
                return Over(state.order, "rejected", event.fact.source, event.reason)
            return Approved(state.order, event.fact.source, event.count, event.total_fen)
        case RunCleared():
            assert isinstance(state, Approved)
            return Cleared(state.order, state.checker, event.count, event.total_fen)
        case RunSealed():
            assert isinstance(state, Cleared)
            said = (event.count, event.total_fen, event.list_sha256, event.payees_sha256)
            return Sealed(state.order, state.checker, *said)
        case RunExported():
            assert isinstance(state, Sealed)
            return replace(state, message_id=event.message_id, file_sha256=event.file_sha256)
        case RunInstructed():
            assert isinstance(state, Sealed)
            return Instructed(state, event.message_id, event.file_sha256)
        case RunCancelled():
            assert not isinstance(state, Unprepared | Over)
            return Over(state.order, "cancelled", event.fact.source, event.reason)
        case RunClosed() | BankAnswered() | BankFileMatched() | BreakSettled():
            assert isinstance(state, Instructed)
            return _evolved(state, event)
        case _:
            assert_never(event)


def _evolved(state: Instructed, event: RunClosed | BankAnswered | BankFileMatched | BreakSettled) -> Instructed:
    match event:
        case RunClosed():
            return replace(state, closed=True)
        case BreakSettled():
            breaks = {**state.breaks, event.key: (event.state, event.owner, event.note)}
            return replace(state, breaks=breaks, answered=state.answered.plus(tally_by_hand(event)))
        case BankFileMatched():
            return replace(state, breaks={**dict.fromkeys(each.key for each in event.breaks), **state.breaks})
        case BankAnswered():
            tally = Tally(*(getattr(event, name) for name in Tally.__slots__))
            before = state.files.get(event.file_sha256, FileHeard(event.parts))
            heard = {**before.heard, event.part: event.results_sha256}
            file = FileHeard(event.parts, heard, before.tally.plus(tally))
            return replace(
                state,
                files={**state.files, event.file_sha256: file},
                breaks={**dict.fromkeys(each.key for each in event.breaks), **state.breaks},
                answered=state.answered.plus(tally),
            )
        case _:
            assert_never(event)


def is_settled(state: Run, key: str) -> bool:
    """Whether somebody has said how a difference of the run ended."""
    last = state.breaks.get(key) if isinstance(state, Instructed) else None
    return last is not None and last[0] == "settled"


def tally_by_hand(event: BreakSettled) -> Tally:
    """What settling a difference adds to the bank's answers: a payout that no line of its has settled or returned."""
    if event.outcome is None or event.amount_fen is None:
        return Tally()
    if event.outcome == "settled":
        return Tally(matched=1, matched_fen=event.amount_fen)
    return Tally(returned=1, returned_fen=event.amount_fen)


def replay(history: Iterable[Happened]) -> Run:
    state: Run = Unprepared()
    for happened in history:
        state = evolve(state, happened)
    return state
