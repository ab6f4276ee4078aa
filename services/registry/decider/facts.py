"""Facts that stand or fall: recorded even if they contradict each other, settled by a rule that arrival does not touch. Pure.

What one fact alone shows to be impossible is refused. What needs another fact that has not come yet is early, not wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, assert_never

from contracts.certificate_life import Span, spans_of_all
from contracts.certification import Words
from contracts.divisions import in_force, level_of
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
from contracts.possible import impossible
from contracts.registry import (
    AnnualRatingRecorded,
    CertificateChanged,
    CertificateIssued,
    CertificateRecognised,
    EncryptedIdentity,
    EngagementEnded,
    EngagementStarted,
    FactCorrected,
    FactWithdrawn,
    InspectionConcluded,
    RecordedFact,
    RegistrationClosed,
    RegistrationReopened,
    RegistrationTransferred,
    Standing,
    WorkerRegistered,
)
from contracts.roles import DESK, OPERATOR
from eventlog.decider import Rejected
from services.registry.decider.worker import (
    Early,
    Known,
    Rules,
    Stamp,
    Worker,
    first_of,
    order_of,
    place_on,
    reject,
    standing_facts,
)
from services.registry.eligibility import grade_standard

__all__ = [
    "Correct",
    "Record",
    "Withdraw",
    "changed_standings",
    "decide_correct",
    "decide_record",
    "decide_withdraw",
    "known_of",
    "leaves_of",
    "outranked",
    "says_the_same",
    "standings_of",
]

REF_SHOWN_CHARS = 4
"""Last characters of a person_ref that are shown to whoever may not see it."""

# --- commands ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Record:
    """also: further facts of the same message and day; their events have the stamp's ``more_ids``."""

    stamp: Stamp
    says: Particulars
    identity: EncryptedIdentity | None = None
    also: tuple[Particulars, ...] = ()


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


# --- what cannot be true ----------------------------------------------------------------------------------------------


def check_particulars(says: Particulars, stamp: Stamp, rules: Rules) -> None:
    """Refuse what one fact alone shows to be impossible; a correction obeys it like the fact itself."""
    found = impossible(says, stamp.effective_on, stamp.received_at)
    if found is not None:
        raise Rejected(found)
    if isinstance(says, Certificate):
        _check_issuer(says, stamp.effective_on, rules)


def _check_issuer(says: Certificate, issued_on: date, rules: Rules) -> None:
    """By the standard that was in force on the day, if there was one that knows the grade; else by the setting."""
    standard = in_force(rules.standards, says.issuer, issued_on)
    grade = None if standard is None else grade_standard(standard[1], says.grade)
    levels = rules.issuers.get(says.grade) if grade is None else grade.issuers
    if levels is not None and level_of(says.issuer) not in levels:
        allowed = " or ".join(levels)
        raise reject(
            "data.issuer",
            "wrong-issuer",
            f"a {says.grade} certificate is issued by a {allowed}, not by a {level_of(says.issuer)}",
            "name the division that issued it, or mend the grade",
        )


def check_context(says: Particulars, stamp: Stamp, state: Worker, rules: Rules) -> None:
    """What a fact about the registration or a certificate needs of the others. Raises Early or Rejected.

    Only facts that change something need anything; all others are taken whatever is on file. Two sources may report the same
    change, and what lies between two changes may come after both of them: a change that only repeats what is so is taken, and
    changes nothing (``contracts.certificate_life``, ``contracts.registration_life``) as long as the other one stands.
    """
    match says:
        case Registration():
            _check_second_registration(stamp, state, rules)
        case Transfer() | RegistrationStatus():
            _check_place(says, stamp, state)
        case CertificateChange():
            _check_change(says, stamp, state, rules)
        case Recognition(number=number) if f"certificate/{number}" not in _slots_taken(state):
            raise _without_certificate(stamp, number)
        case _:
            return


def _check_second_registration(stamp: Stamp, state: Worker, rules: Rules) -> None:
    standing = state.facts.get(state.standing.get("registration", (None, ()))[0] or "")
    if standing is None:
        return
    may_see = stamp.origin.acts_as(OPERATOR, DESK) or stamp.origin.source == first_of(state, standing).source
    shown = stamp.person_ref if may_see else f"p...{stamp.person_ref[-REF_SHOWN_CHARS:]}"
    raise reject(
        "data.person.identity",
        "already-registered",
        f"a person with this resident ID is registered already, as {shown}",
        "name the person by the sealed resident ID or the person_ref; correct or transfer the registration if it has changed",
    )


def _check_place(says: Transfer | RegistrationStatus, stamp: Stamp, state: Worker) -> None:
    """A reopening waits for its closing. A transfer of a closed registration counts from the reopening on."""
    place = place_on(state, stamp.effective_on)
    if place is None:
        raise reject("effectiveon", "not-registered", f"the person was not registered by {stamp.effective_on}", "mend the date")
    if isinstance(says, RegistrationStatus) and says.status == "reopened" and place.open and not _closed_on(state, stamp):
        raise Early(f"registration-status:{stamp.person_ref}", "the closing of this registration")


def _closed_on(state: Worker, stamp: Stamp) -> bool:
    """Whether the day is the last one of a registration that is closed after it: reopened on it, it was never closed."""
    place = place_on(state, stamp.effective_on + timedelta(days=1))
    return place is not None and not place.open


def _slots_taken(state: Worker) -> set[str]:
    return {slot for slot, (fact, _) in state.standing.items() if fact is not None}


def _without_certificate(stamp: Stamp, number: str) -> Early:
    return Early(f"certificate:{stamp.person_ref}/{number}", f"certificate {number} of this person")


def _check_change(says: CertificateChange, stamp: Stamp, state: Worker, rules: Rules) -> None:
    """A change must make sense on its day; a reinstatement waits for its suspension."""
    if f"certificate/{says.number}" not in _slots_taken(state):
        raise _without_certificate(stamp, says.number)
    facts = [(k.event_id, k.effective_on, k.says) for k in standing_facts(state) if k.says is not None]
    before = [span for span in spans_of_all(facts) if span.number == says.number]
    after = [s for s in spans_of_all([*facts, (stamp.event_id, stamp.effective_on, says)]) if s.number == says.number]
    # A change dated before the issue counts from the issue on.
    now = next((span for span in before if span.covers(stamp.effective_on)), before[0])
    if says.grade is not None and now.state in ("valid", "suspended") and not _is_downgrade(says, now.grade, state, rules):
        raise reject(
            "data.grade",
            "not-a-downgrade",
            f"{says.grade} is not below {now.grade}",
            "name a lower grade, or report a promotion",
        )
    if _course(before) != _course(after) or _repeats(says, now):
        return
    if says.change == "reinstated" and now.state == "valid":
        raise Early(f"certificate-change:{stamp.person_ref}", f"the suspension of certificate {says.number}")
    raise reject(
        "data.change",
        "no-such-change",
        f"on {stamp.effective_on} the certificate is {now.state}: it cannot be {says.change}",
        "look at its history (`hongling certificate show`), mend the change or its date",
    )


def _course(spans: Sequence[Span]) -> list[tuple[date, str, str]]:
    return [(span.first, span.state, span.grade) for span in spans]


def _repeats(says: CertificateChange, now: Span) -> bool:
    """Whether a change says what is so already."""
    if says.change == "downgraded":
        return now.grade == says.grade and now.state in ("valid", "suspended")
    return now.state == says.change


def _is_downgrade(says: CertificateChange, now: str, state: Worker, rules: Rules) -> bool:
    """Whether the grade is below that of now, or is what an earlier downgrade made of a higher one."""
    assert says.grade is not None
    if says.grade != now:
        return _below(says.grade, now, rules)
    issue = state.facts[state.standing[f"certificate/{says.number}"][0] or ""].says
    return isinstance(issue, Certificate) and issue.grade != now


def _below(grade: str, other: str, rules: Rules) -> bool:
    """Whether a grade is below another; words that nobody knows are not compared."""
    words = [Words().grades, *(document.words.grades for _, document in rules.standards)]
    known = [order for order in words if grade in order and other in order]
    return not known or any(order.index(grade) < order.index(other) for order in known)


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


def outranked(event_id: str, state: Worker) -> bool:
    """Whether a fact without authority says something else than one with it, which therefore stands."""
    known = state.facts[event_id]
    if known.authority:
        return False
    if known.target is not None:
        leaf = leaves_of(state.facts)[known.target]
        if leaf is not None and leaf.event_id != event_id and leaf.authority:
            return True
    return any(
        event_id in others and fact is not None and state.facts[fact].authority for fact, others in state.standing.values()
    )


_ACTS = (Registration, Transfer, RegistrationStatus, CertificateChange, Recognition)
"""What an office does. Said again under another id it changes nothing. What systems report is recorded each time: which of two
reports stands is settled by when they were made, and a later one that repeats an earlier one may outlast what lies between."""

# --- decide -----------------------------------------------------------------------------------------------------------


def decide_record(command: Record, state: Worker, rules: Rules) -> tuple[RecordedFact, ...]:
    """The event of a fact, and those of what comes with it; nothing, if it says what stands already."""
    stamp, says = command.stamp, command.says
    check_particulars(says, stamp, rules)
    if isinstance(says, _ACTS) and says_the_same(command, state):
        return ()
    also = tuple(dict.fromkeys(command.also))
    for each in (says, *also):
        check_context(each, stamp, state, rules)
    further = [Record(replace(stamp, event_id=stamp.more_ids[place]), each) for place, each in enumerate(also)]
    return (record(command, state, rules), *(record(each, state, rules) for each in further))


def says_the_same(command: Record | Correct | Withdraw, state: Worker) -> bool:
    """A fact sent again under another id, by the source whose fact stands: the same words, day and identity; or a correction or
    withdrawal that counts, by whoever made it."""
    if not isinstance(command, Record):
        return _amends_the_same(command, state)
    if command.also:
        return False
    source = command.stamp.origin.source
    known = state.facts.get(state.standing.get(command.says.slot(source), (None, ()))[0] or "")
    mark = "" if command.identity is None else command.identity.mark
    return known is not None and (known.says, known.effective_on, known.mark, first_of(state, known).source) == (
        command.says, command.stamp.effective_on, mark, source,
    )  # fmt: skip


def _amends_the_same(command: Correct | Withdraw, state: Worker) -> bool:
    target = command.corrects if isinstance(command, Correct) else command.withdraws
    says, stamp = command.says if isinstance(command, Correct) else None, command.stamp
    mark = "" if not isinstance(command, Correct) or command.identity is None else command.identity.mark
    leaf = leaves_of(state.facts).get(target)
    words = (stamp.origin.source, says, stamp.effective_on, command.reason)
    return any(
        (known.source, known.says, known.effective_on, known.reason) == words and mark in ("", known.mark)
        for known in state.facts.values()
        if known.target == target and (leaf is None if says is None else known is leaf)
    )


def record(command: Record, state: Worker, rules: Rules) -> RecordedFact:
    """The event of a fact that is taken."""
    says = command.says
    stamp = _authorised(command.stamp, says.kind, rules)
    known = known_of(stamp, says, None, command.identity)
    common: dict[str, Any] = {
        "person_ref": stamp.person_ref,
        "fact": stamp.origin,
        "standings": changed_standings(state, known),
    }
    match says:
        case Registration():
            if command.identity is None:
                raise reject("data.person.identity", "missing", "a registration needs the identity", "seal and send it")
            return WorkerRegistered(**common, particulars=says, identity=command.identity)
        case Transfer():
            return RegistrationTransferred(**common, particulars=says)
        case RegistrationStatus(status="closed"):
            return RegistrationClosed(**common, particulars=says)
        case RegistrationStatus():
            return RegistrationReopened(**common, particulars=says)
        case EngagementStart():
            return EngagementStarted(**common, particulars=says)
        case EngagementEnd():
            return EngagementEnded(**common, particulars=says)
        case Certificate():
            return CertificateIssued(**common, particulars=says)
        case CertificateChange():
            return CertificateChanged(**common, particulars=says)
        case Recognition():
            return CertificateRecognised(**common, particulars=says)
        case RatingResult():
            return AnnualRatingRecorded(**common, particulars=says)
        case InspectionResult():
            return InspectionConcluded(**common, particulars=says)
        case _:
            assert_never(says)


def _authorised(stamp: Stamp, kind: str, rules: Rules, *, amends: bool = False) -> Stamp:
    return replace(stamp, origin=rules.origin_of(stamp.origin, kind, amends=amends))


def _not_a_fact(field_name: str, state: Worker) -> Rejected:
    if state.files:
        return reject(
            field_name,
            "not-taken-over",
            "this was recorded in a file that was merged into this one, and did not stand there any more",
            "report the fact anew; a registration is corrected in the surviving file",
        )
    return reject(
        field_name,
        "not-a-fact",
        "this message reported a step or an act, not a fact that stands or falls",
        "report the step that follows it; a dossier entry has a correction of its own",
    )


def decide_correct(command: Correct, state: Worker, rules: Rules) -> FactCorrected:
    stamp, target = command.stamp, state.facts.get(command.corrects)
    if target is None:
        raise _not_a_fact("data.corrects", state)
    if target.says is None:
        raise reject(
            "data.corrects",
            "not-a-fact",
            "this message withdrew a fact, there is nothing to correct",
            "withdraw the withdrawal",
        )
    kind = target.says.kind
    if command.says.kind != kind:
        raise reject(
            "data.replacement.kind", "other-kind", f"the fact is a {kind}, its replacement a {command.says.kind}",
            "withdraw the fact and report the other one",
        )  # fmt: skip
    if command.identity is not None and kind != "registration":
        raise reject("data.identity", "not-allowed", "only a registration carries an identity", "leave it out")
    check_particulars(command.says, stamp, rules)
    stamp = _authorised(stamp, kind, rules, amends=target.authority)
    known = known_of(stamp, command.says, target.event_id, command.identity, target.mark)
    return FactCorrected(
        person_ref=stamp.person_ref,
        fact=stamp.origin,
        standings=changed_standings(state, known),
        corrects=target.event_id,
        particulars=command.says,
        identity=command.identity,
        reason=command.reason,
    )


def decide_withdraw(command: Withdraw, state: Worker, rules: Rules) -> FactWithdrawn:
    stamp, target = command.stamp, state.facts.get(command.withdraws)
    if target is None:
        raise _not_a_fact("data.withdraws", state)
    first = first_of(state, target).says
    assert first is not None
    stamp = _authorised(stamp, first.kind, rules, amends=target.authority)
    return FactWithdrawn(
        person_ref=stamp.person_ref,
        fact=stamp.origin,
        standings=changed_standings(state, known_of(stamp, None, target.event_id, None)),
        withdraws=target.event_id,
        reason=command.reason,
    )


def known_of(
    stamp: Stamp, says: Particulars | None, target: str | None, identity: EncryptedIdentity | None, mark: str = ""
) -> Known:
    origin = stamp.origin
    return Known(
        event_id=stamp.event_id,
        order=order_of(origin),
        effective_on=stamp.effective_on,
        says=says,
        mark=identity.mark if identity is not None else mark,
        source=origin.source,
        target=target,
    )
