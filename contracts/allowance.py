"""Events of the allowance service, on ``allowance.<partition>.<event>``. Names and shapes are the storage format.

Finance consumes ``entitlement-decided`` and ``entitlement-adjusted``: the sum of ``difference_fen`` over a worker, year and
instrument is what is owed for it (for ``work_expense``: what may be spent), at every position of the log; per payer likewise
with ``differences``. A payer is a purse: a division's budget under a name (``contracts.divisions``). All amounts are integer
fen.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from contracts.base import AsRecorded, BusinessDay, DivisionCode, EventId, Fen, LogEvent, OwnEvent, PersonRef
from contracts.divisions import Purse, purse_of
from contracts.particulars import Particulars
from contracts.policy import Instrument, PolicyDocument
from contracts.registry import FactOrigin, Standing

__all__ = [
    "AllowanceEvent",
    "Decision",
    "EntitlementAdjusted",
    "EntitlementDecided",
    "FactHeard",
    "FactUsed",
    "Line",
    "PayerAmount",
    "PolicyCited",
    "PolicyPublished",
    "Predicate",
]


def _is_none(value: object) -> bool:
    return value is None


class PayerAmount(OwnEvent):
    """payer: a name of the policy's ``payers``. purse: the division whose budget it is.

    None: the one that ``contracts.divisions.purse_of`` says of the payer and the decision's division.
    """

    payer: str
    amount_fen: Fen
    purse: DivisionCode | None = Field(default=None, exclude_if=_is_none)

    def of(self, division: str) -> Purse:
        """Whose money it is. division: the decision's."""
        return purse_of(self.payer, division) if self.purse is None else Purse(self.purse, self.payer)


class Predicate(OwnEvent):
    """One condition, two-sided: what was required and what was found. facts: ids of the registry events looked at."""

    name: str
    required: str
    found: str
    met: bool
    facts: tuple[EventId, ...]
    clause: str


class Line(OwnEvent):
    """One allowance line. arithmetic: how ``amount_fen`` came about, in figures; shares add up to ``amount_fen``.

    status: whether the policy's amount is a public fact or an example.
    """

    name: str
    arithmetic: str
    amount_fen: Fen
    shares: tuple[PayerAmount, ...]
    clause: str
    status: Literal["public-fact", "example"]
    taxable: bool | None = None


class PolicyCited(OwnEvent):
    """The policy that a decision used. event: the allowance event that published it; clause: the one that grants or denies."""

    event: EventId
    document: str
    title: str
    clause: str


class FactUsed(OwnEvent):
    """A fact that a decision looked at, frozen as it stood. fact: the registry event's id."""

    fact: EventId
    effective_on: BusinessDay
    particulars: Particulars


def _is_allowance(instrument: Instrument) -> bool:
    return instrument == "allowance"


class Decision(OwnEvent):
    """What is owed to one worker for one calendar year, and why: a pure function of the facts and the policy.

    Granted exactly if every predicate is met; then ``amount_fen`` is the sum of the lines, and the payers' amounts add up
    to it. Denied: 0 fen, no lines. warnings: things that an official should look at; they change no amount.

    instrument: what is granted; a worker has one decision a year for each. The amount of ``work_expense`` is an authorisation
    to spend and owed to nobody. It is left out of the JSON for the allowance, so that older decisions keep their digests.
    """

    year: int
    instrument: Instrument = Field(default="allowance", exclude_if=_is_allowance)
    division: DivisionCode
    decision: Literal["granted", "denied"]
    amount_fen: Fen
    predicates: tuple[Predicate, ...]
    lines: tuple[Line, ...]
    payers: tuple[PayerAmount, ...]
    policy: PolicyCited
    facts: tuple[FactUsed, ...]
    warnings: tuple[str, ...] = ()


class FactHeard(LogEvent):
    """A registry event, recorded in this service's own words so that its history replays alone.

    heard: the registry event's id, and position its position there. particulars: what the fact says (None for a
    withdrawal). standings: which fact stands in which slot from now on.
    """

    TYPE: ClassVar[str] = "allowance.fact-heard.v1"
    person_ref: PersonRef
    heard: EventId
    heard_type: str
    position: int
    origin: FactOrigin
    particulars: Particulars | None
    standings: tuple[Standing, ...]


class PolicyPublished(LogEvent):
    """A policy document. text: the author's YAML, byte for byte; document: what was read from it."""

    TYPE: ClassVar[str] = "allowance.policy-published.v1"
    document: Annotated[PolicyDocument, AsRecorded()]
    text: str
    text_sha256: str


class EntitlementDecided(LogEvent):
    """The first decision for a worker, year and instrument. digest: SHA-256 of the decision's canonical JSON."""

    TYPE: ClassVar[str] = "allowance.entitlement-decided.v1"
    person_ref: PersonRef
    decision: Decision
    digest: str
    difference_fen: Fen
    differences: tuple[PayerAmount, ...]


class EntitlementAdjusted(LogEvent):
    """A later decision for the same worker, year and instrument. supersedes: the event of the decision before it.

    difference_fen: this decision's amount less that of the superseded one, which may be 0 if only the reasons changed.
    differences: the same per purse, each named, without those that did not change; where the worker has moved, the old county's
    purse has what it owed taken back, and the new one begins. Those that were recorded before payers were purses name none: by
    name, over both divisions. because: the event that led to it.
    """

    TYPE: ClassVar[str] = "allowance.entitlement-adjusted.v1"
    person_ref: PersonRef
    decision: Decision
    digest: str
    supersedes: EventId
    because: EventId
    difference_fen: Fen
    differences: tuple[PayerAmount, ...]


AllowanceEvent = FactHeard | PolicyPublished | EntitlementDecided | EntitlementAdjusted
