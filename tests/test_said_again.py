"""What changes nothing is told so, whatever kind of fact it is: enumerated from the facts that the services take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import orjson
import pytest

from contracts.intake import FACT_TYPES
from contracts.receipts import Receipt
from eventlog.database import Database
from eventlog.desk import Item
from eventlog.log import Recorded
from tests.allowance.everything import EverythingBench as Allowance
from tests.registry.everything import EverythingBench as Registry
from tests.talent.everything import EverythingBench as Talent
from tests.telling_again import again, fact_of, otherwise

SERVICES: dict[str, Callable[[Database], Bench]] = {"registry": Registry, "allowance": Allowance, "talent": Talent}

_REPORT = "a report: a later one outranks what was told between the two and is still to come (docs/decisions/0024)"
RECORDED = dict.fromkeys(
    ("training-course-recorded", "training-session-recorded", "training-reported", "responsibility-checked",
     "appraisal-rating-given", "appraisal-rating-withdrawn", "appraisal-result-measured",
     "unit-staff-reported", "leadership-model-set", "vacancy-described", "engagement-started", "engagement-ended",
     "annual-rating-recorded", "inspection-concluded", "certificate-issued", "fact-corrected", "fact-withdrawn"),
    _REPORT,
)  # fmt: skip
"""Facts that are recorded each time, and why; their receipts say all the same that it stands already."""

_DOCUMENT = "a document says itself from when on it is in force; the day of the message counts for nothing"
_MONEY = "what is paid goes by the run's stages, and a month by when it was recorded: the day of the act counts for nothing"
DAYLESS = {
    **dict.fromkeys(("qualification-standard-published", "development-policy-published", "policy-published",
                     "certification-standard-published"), _DOCUMENT),
    **dict.fromkeys(("payment-run-checked", "payment-run-sealed", "payment-run-exported", "payment-run-instructed",
                     "payment-run-cancelled", "payment-results-reported", "break-settled", "recovery-demanded",
                     "period-closed"), _MONEY),
}  # fmt: skip
"""Facts whose day does not count, and why."""

NOT_ALREADY = {
    "recovery-paid": "money that came in: as much again is another payment, until nothing is owed",
    "personal-data-unmasked": "each time somebody sees the data again: every disclosure is on record",
    "personal-data-exported": "each time another file with the data is made: every disclosure is on record",
}
"""Facts that are something new each time, and why: they are accepted without a warning."""

NOT_OF_THIS = {
    "act-confirmed": "an act on what was proposed, not on what somebody says: a second one finds it settled and is refused",
    "act-withdrawn": "as a confirmation",
    "parked-retry": "an operator's act on a message, not on what somebody says: what it finds is another thing each time",
    "parked-discard": "once it is done there is nothing left under that id; it is refused (not-parked), which says so",
}
"""Facts that every service takes and that are about messages."""


class Bench(Protocol):
    def everything(self) -> Iterator[Item]: ...

    def settle(self, item: Item, /) -> object: ...

    @property
    def receipts(self) -> list[Receipt]: ...

    @property
    def events(self) -> list[Recorded]: ...


def facts_of(service: str) -> list[str]:
    """Every kind of fact that a service takes."""
    return sorted(kind.split(".")[1] for kind, (_, services) in FACT_TYPES.items() if service in services)


def answer(bench: Bench, item: Item) -> Receipt:
    bench.settle(item)
    (found,) = (receipt for receipt in bench.receipts[-3:] if receipt.id == orjson.loads(item.raw)["id"])
    return found


def codes(receipt: Receipt) -> list[str]:
    return [each.code for each in (*receipt.problems, *receipt.warnings)]


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_said_again_stands_already(service: str, database: Database) -> None:
    """Under another id, at the same time and later: accepted, told that it stands already, and nothing recorded."""
    bench, seen, wrong = SERVICES[service](database), set[str](), list[tuple[Any, ...]]()
    for number, item in enumerate(bench.everything()):
        fact = fact_of(item)
        first = answer(bench, item)
        assert (first.outcome, bool(first.events)) == ("accepted", True), (fact, first)
        seen.add(fact)
        for turn, envelope in enumerate(({}, {"time": "2026-02-28T08:00:00Z"})):
            before = len(bench.events)
            found = answer(bench, again(item, f"again-{number}-{turn}", 10_000 + 2 * number + turn, **envelope))
            told = (found.outcome, [code for code in codes(found) if not code.startswith("doubtful")])
            expected: list[str] = [] if fact in NOT_ALREADY else ["stands-already"]
            recorded = len(bench.events) - before
            if told != ("accepted", expected) or (recorded and fact not in RECORDED.keys() | NOT_ALREADY.keys()):
                wrong.append((fact, envelope, *told, recorded))
    assert wrong == []
    assert seen == set(facts_of(service)) - NOT_OF_THIS.keys()


def _all_facts() -> list[tuple[str, str]]:
    return [(service, fact) for service in SERVICES for fact in facts_of(service) if fact not in NOT_OF_THIS]


@pytest.mark.parametrize(("service", "fact"), _all_facts())
def test_what_is_said_in_other_words_is_not_told_to_stand_already(
    service: str, fact: str, sqlite_url: str, open_database: Callable[[str], Database]
) -> None:
    """Of another day, or with another reason: it is recorded, refused, or told that something else stands."""
    bench = SERVICES[service](open_database(sqlite_url))
    for item in bench.everything():
        bench.settle(item)
        if fact_of(item) == fact:
            break
    wrong = []
    for what, other in otherwise(item, "other", 10_000).items():
        if what == "effectiveon" and fact in DAYLESS:
            continue
        found = answer(bench, other)
        if "stands-already" in codes(found):
            wrong.append((what, found.outcome, codes(found)))
    assert wrong == []
