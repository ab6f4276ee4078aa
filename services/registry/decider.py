"""What the registry knows of one worker, and what a fact does to it. Pure: no clock, no randomness, no I/O.

One stream a person. The file is read top-down: the state, the commands, what cannot be true, which fact stands, decide,
evolve. Facts are recorded even if they contradict each other; which one stands is settled by a rule that does not depend on
the order of arrival, and is part of the event (``contracts.registry``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, assert_never

from contracts.particulars import (
    Certificate,
    EngagementEnd,
    EngagementStart,
    InspectionResult,
    Particulars,
    RatingResult,
    Registration,
)
from contracts.receipts import Problem
from contracts.registry import (
    AnnualRatingRecorded,
    CertificateIssued,
    EncryptedIdentity,
    EngagementEnded,
    EngagementStarted,
    FactCorrected,
    FactOrigin,
    FactWithdrawn,
    InspectionConcluded,
    RecordedFact,
    RegistryEvent,
    Standing,
    WorkerRegistered,
)
from eventlog.decider import Decider, Rejected

__all__ = ["FACTS_PER_WORKER_MAX", "Correct", "Record", "Rules", "Withdraw", "Worker", "decider", "replay", "stream_of"]

FACTS_PER_WORKER_MAX = 2_000
EFFECTIVE_FIRST = date(1949, 10, 1)
FUTURE_DAYS_MAX = 400
CLOCK_SKEW_MAX = timedelta(hours=24)


def stream_of(person_ref: str) -> str:
    return f"worker-{person_ref}"


# --- state ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Known:
    """One recorded fact, correction or withdrawal. target: the event that it corrects or withdraws.

    says: what it says (None for a withdrawal). order: settles contradictions, the greatest counts.
    """

    event_id: str
    order: tuple[datetime, str, str]
    effective_on: date
    says: Particulars | None
    mark: str
    source: str
    target: str | None


@dataclass(frozen=True, slots=True)
class Worker:
    """A person's file; empty before registration. standing: slot → (the fact that stands, those that contradict it)."""

    facts: dict[str, Known] = field(default_factory=dict)
    standing: dict[str, tuple[str | None, tuple[str, ...]]] = field(default_factory=dict)


# --- commands ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rules:
    """Settings of the registry that decide what can be true (policy). issuers: grade → levels that may issue it."""

    issuers: dict[str, tuple[str, ...]] = field(
        default_factory=lambda: {
            "special": ("province",),
            "senior": ("city",),
            "intermediate": ("city",),
            "junior": ("county",),
        }
    )


@dataclass(frozen=True, slots=True)
class Stamp:
    """What every command carries. event_id: of the event to be; received_at: when the registry took the message."""

    event_id: str
    person_ref: str
    origin: FactOrigin
    effective_on: date
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Record:
    stamp: Stamp
    says: Particulars
    identity: EncryptedIdentity | None = None


@dataclass(frozen=True, slots=True)
class Correct:
    stamp: Stamp
    corrects: str
    says: Particulars
    reason: str
    identity: EncryptedIdentity | None = None


@dataclass(frozen=True, slots=True)
class Withdraw:
    stamp: Stamp
    withdraws: str
    reason: str


Command = Record | Correct | Withdraw


# --- what cannot be true ----------------------------------------------------------------------------------------------


def _reject(field_name: str, code: str, problem: str, remedy: str) -> Rejected:
    return Rejected(Problem(field=field_name, code=code, problem=problem, remedy=remedy))


def check_dates(stamp: Stamp) -> None:
    """A fact is neither older than the republic nor far in the future, and was not recorded tomorrow."""
    if stamp.effective_on < EFFECTIVE_FIRST:
        raise _reject(
            "effectiveon", "date-too-early", f"before {EFFECTIVE_FIRST}", "give the date on which the fact became true"
        )
    if stamp.effective_on > stamp.received_at.date() + timedelta(days=FUTURE_DAYS_MAX):
        raise _reject(
            "effectiveon", "date-too-late", f"more than {FUTURE_DAYS_MAX} days ahead", "report the fact when its date is near"
        )
    if stamp.origin.occurred_at > stamp.received_at + CLOCK_SKEW_MAX:
        raise _reject("time", "time-in-future", "the recording time is more than 24 hours ahead", "set the source's clock")


def division_level(division: str) -> str:
    """province, city or county, by the zeros of a GB/T 2260 code."""
    return "province" if division.endswith("0000") else "city" if division.endswith("00") else "county"


def check_particulars(says: Particulars, effective_on: date, rules: Rules) -> None:
    """Refuse what one fact alone shows to be impossible. Whether facts agree with each other is never a refusal."""
    match says:
        case RatingResult(year=year) if effective_on < date(year, 1, 1):
            raise _reject(
                "effectiveon",
                "result-before-year",
                f"a rating for {year} cannot be dated before it",
                "mend the year or the date",
            )
        case InspectionResult(year=year) if effective_on < date(year, 1, 1):
            raise _reject(
                "effectiveon",
                "result-before-year",
                f"an inspection for {year} cannot be dated before it",
                "mend the year or the date",
            )
        case Certificate(expires_on=expires) if expires is not None and expires < effective_on:
            raise _reject(
                "data.expires_on",
                "expires-before-issue",
                "the certificate expires before its issue",
                "mend one of the two dates",
            )
        case Certificate(grade=grade, issuer=issuer) if division_level(issuer) not in rules.issuers.get(
            grade, ("province", "city", "county")
        ):
            allowed = " or ".join(rules.issuers[grade])
            raise _reject(
                "data.issuer",
                "wrong-issuer",
                f"a {grade} certificate is issued by a {allowed}, not by a {division_level(issuer)}",
                "name the division that issued it, or mend the grade",
            )
        case _:
            return


# --- which fact stands ------------------------------------------------------------------------------------------------


def leaves_of(facts: dict[str, Known]) -> dict[str, Known | None]:
    """For each entry what it has come to: the end of its chain of corrections, or None if it was withdrawn.

    An amendment that was itself withdrawn counts for nothing; of several that count, the one with the greatest order does.
    An amendment is recorded after what it amends, so going backwards meets it first.
    """
    leaves: dict[str, Known | None] = {}
    last: dict[str, Known] = {}
    for event_id, known in reversed(facts.items()):
        amendment = last.get(event_id)
        if amendment is None:
            leaves[event_id] = known
        else:
            leaves[event_id] = None if amendment.says is None else leaves[amendment.event_id]
        counts = leaves[event_id] is not None
        if known.target is not None and counts and (known.target not in last or last[known.target].order < known.order):
            last[known.target] = known
    return leaves


def standings_of(facts: dict[str, Known]) -> dict[str, tuple[str | None, tuple[str, ...]]]:
    """For each slot the fact that stands, and the other facts in it that say something else."""
    leaves = leaves_of(facts)
    candidates: dict[str, list[Known]] = {}
    for known in facts.values():
        leaf = leaves[known.event_id]
        if known.target is None and leaf is not None and leaf.says is not None:
            candidates.setdefault(leaf.says.slot(known.source), []).append(leaf)
    standing: dict[str, tuple[str | None, tuple[str, ...]]] = {}
    for slot, rivals in candidates.items():
        best = max(rivals, key=lambda k: k.order)
        others = (
            tuple(
                sorted(
                    k.event_id for k in rivals if (k.says, k.effective_on, k.mark) != (best.says, best.effective_on, best.mark)
                )
            )
            if len(rivals) > 1
            else ()
        )
        standing[slot] = (best.event_id, others)
    return standing


def changed_standings(state: Worker, known: Known) -> tuple[Standing, ...]:
    """The slots whose standing changes when ``known`` is added."""
    if known.target is None and known.says is not None and known.says.slot(known.source) not in state.standing:
        # The common case, a fact in an empty slot, needs no look at the others.
        return (Standing(slot=known.says.slot(known.source), fact=known.event_id),)
    after = standings_of({**state.facts, known.event_id: known})
    slots = sorted(after.keys() | state.standing.keys())
    return tuple(
        Standing(slot=slot, fact=new[0], contradicted_by=new[1])
        for slot in slots
        if (new := after.get(slot, (None, ()))) != state.standing.get(slot, (None, ()))
    )


# --- decide -----------------------------------------------------------------------------------------------------------


def decide(command: Command, state: Worker, rules: Rules) -> tuple[RegistryEvent, ...]:
    """Return the event that the command causes, none if its fact is on file already, or raise Rejected."""
    stamp = command.stamp
    if any(k.order[1:] == (stamp.origin.source, stamp.origin.id) for k in state.facts.values()):
        return ()
    check_dates(stamp)
    if len(state.facts) >= FACTS_PER_WORKER_MAX:
        raise _reject("", "too-many-facts", f"a worker's file holds at most {FACTS_PER_WORKER_MAX} facts", "ask the operator")
    match command:
        case Record():
            return (decide_record(command, state, rules),)
        case Correct():
            return (decide_correct(command, state, rules),)
        case Withdraw():
            return (decide_withdraw(command, state),)
        case _:
            assert_never(command)


def decide_record(command: Record, state: Worker, rules: Rules) -> RecordedFact:
    stamp, says = command.stamp, command.says
    check_particulars(says, stamp.effective_on, rules)
    known = _known(stamp, says, None, command.identity)
    common: dict[str, Any] = {
        "person_ref": stamp.person_ref,
        "fact": stamp.origin,
        "standings": changed_standings(state, known),
    }
    match says:
        case Registration():
            if command.identity is None:
                raise _reject("data.person.identity", "missing", "a registration needs the identity", "seal and send it")
            return WorkerRegistered(**common, particulars=says, identity=command.identity)
        case EngagementStart():
            return EngagementStarted(**common, particulars=says)
        case EngagementEnd():
            return EngagementEnded(**common, particulars=says)
        case Certificate():
            return CertificateIssued(**common, particulars=says)
        case RatingResult():
            return AnnualRatingRecorded(**common, particulars=says)
        case InspectionResult():
            return InspectionConcluded(**common, particulars=says)
        case _:
            assert_never(says)


def decide_correct(command: Correct, state: Worker, rules: Rules) -> FactCorrected:
    stamp, target = command.stamp, state.facts[command.corrects]
    if target.says is None:
        raise _reject(
            "data.corrects",
            "not-a-fact",
            "this message withdrew a fact, there is nothing to correct",
            "withdraw the withdrawal",
        )
    kind = target.says.kind
    if command.says.kind != kind:
        raise _reject(
            "data.replacement.kind", "other-kind", f"the fact is a {kind}, its replacement a {command.says.kind}",
            "withdraw the fact and report the other one",
        )  # fmt: skip
    if command.identity is not None and kind != "registration":
        raise _reject("data.identity", "not-allowed", "only a registration carries an identity", "leave it out")
    check_particulars(command.says, stamp.effective_on, rules)
    known = _known(stamp, command.says, target.event_id, command.identity, target.mark)
    return FactCorrected(
        person_ref=stamp.person_ref,
        fact=stamp.origin,
        standings=changed_standings(state, known),
        corrects=target.event_id,
        particulars=command.says,
        identity=command.identity,
        reason=command.reason,
    )


def decide_withdraw(command: Withdraw, state: Worker) -> FactWithdrawn:
    stamp, target = command.stamp, state.facts[command.withdraws]
    return FactWithdrawn(
        person_ref=stamp.person_ref,
        fact=stamp.origin,
        standings=changed_standings(state, _known(stamp, None, target.event_id, None)),
        withdraws=target.event_id,
        reason=command.reason,
    )


def _known(
    stamp: Stamp, says: Particulars | None, target: str | None, identity: EncryptedIdentity | None, mark: str = ""
) -> Known:
    origin = stamp.origin
    return Known(
        event_id=stamp.event_id,
        order=(origin.occurred_at, origin.source, origin.id),
        effective_on=stamp.effective_on,
        says=says,
        mark=identity.mark if identity is not None else mark,
        source=origin.source,
        target=target,
    )


# --- evolve -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Happened:
    """A recorded event with what the row adds to it."""

    event_id: str
    effective_on: date
    event: RegistryEvent


def evolve(state: Worker, happened: Happened) -> Worker:
    """The state after an event. The one before is not changed."""
    after = Worker(dict(state.facts), dict(state.standing))
    _apply(after, happened)
    return after


def replay(history: Iterable[Happened]) -> Worker:
    """The state after a whole history: the same as evolving from the first, without a copy a step."""
    state = Worker({}, {})
    for happened in history:
        _apply(state, happened)
    return state


def _apply(state: Worker, happened: Happened) -> None:
    """Put an event into a state that nobody else holds yet."""
    event = happened.event
    origin = event.fact
    says: Particulars | None
    target: str | None
    mark = ""
    match event:
        case WorkerRegistered():
            says, target, mark = event.particulars, None, event.identity.mark
        case EngagementStarted() | EngagementEnded() | CertificateIssued() | AnnualRatingRecorded() | InspectionConcluded():
            says, target = event.particulars, None
        case FactCorrected():
            says, target = event.particulars, event.corrects
            mark = event.identity.mark if event.identity is not None else state.facts[event.corrects].mark
        case FactWithdrawn():
            says, target = None, event.withdraws
        case _:
            assert_never(event)
    known = Known(
        event_id=happened.event_id,
        order=(origin.occurred_at, origin.source, origin.id),
        effective_on=happened.effective_on,
        says=says,
        mark=mark,
        source=origin.source,
        target=target,
    )
    state.facts[known.event_id] = known
    for standing in event.standings:
        state.standing[standing.slot] = (standing.fact, standing.contradicted_by)


def decider(rules: Rules) -> Decider[Command, Happened, Worker]:
    """The registry's decider. decide's events become ``Happened`` once they have an id; ids are in the command's stamp."""

    def decide_happened(command: Command, state: Worker) -> tuple[Happened, ...]:
        stamp = command.stamp
        return tuple(Happened(stamp.event_id, stamp.effective_on, event) for event in decide(command, state, rules))

    made: Decider[Command, Happened, Worker] = Decider(Worker(), decide_happened, evolve)
    return made
