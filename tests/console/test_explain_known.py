"""What was known on a day is answered the same for ever after, whatever was heard, corrected or published since."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

from console.explain import explanation, read_file
from console.people import Known, known_at
from contracts.base import utc_text
from contracts.particulars import RatingResult
from contracts.policy import Instrument
from eventlog.canonical import digest
from eventlog.database import Database
from eventlog.ids import FixedClock
from services.allowance.decider import standing_facts
from services.allowance.engine import decide_year
from tests.allowance.bench import AllowanceBench
from tests.allowance.example import REF, certified, changed, engaged, hear, moved, policy_text, rated, registered, withdrawn
from tests.console.support import POLICIES
from tests.support import NOW
from tests.telling import as_told

FIRST = NOW.replace(hour=4) + timedelta(days=2)
"""Noon in Shanghai, after the log was made: its times never go back."""
TOLD = [
    registered(),
    engaged(),
    certified(),
    rated(rating="competent"),
    changed(20, "suspended", "2021-04-01"),
    moved(21, "2021-06-15"),
    hear(22, RatingResult(year=2021, rating="excellent")),
    withdrawn(23, changed(20, "suspended", "2021-04-01").standings[0].slot),
    rated(24, year=2022),
]
"""One fact a day: rated, suspended, moved, rated better, the suspension withdrawn."""


def test_an_answer_as_known_on_a_day_is_the_one_that_was_given_on_that_day(
    sqlite_url: str, open_database: Callable[[str], Database]
) -> None:
    """Nine days with a fact each; then a policy with effect for the past. Every day's answer is given again afterwards, and
    the engine makes the same decision again of what was known on the day."""
    bench = AllowanceBench(open_database(sqlite_url))
    clock = cast(FixedClock, bench.log.clock)
    clock.at = FIRST - timedelta(days=1)
    bench.publish(policy_text(certificate=True))
    given: dict[str, dict[str, Any]] = {}
    digests: dict[str, str | None] = {}

    def decided_again(known: Known) -> str | None:
        """The digest of what the engine makes of the facts and policies known then, and of them alone."""
        with bench.log.database.read.connect() as connection:
            file = read_file(bench.log, connection, REF, known)
        decision = decide_year(standing_facts(file.state), file.policies, 2021)
        return None if decision is None else digest(decision.payload())

    def answer(known: Known, year: int = 2021, instrument: Instrument = "allowance") -> dict[str, Any]:
        with bench.log.database.read.connect() as connection:
            found = explanation(read_file(bench.log, connection, REF, known), year, "en", instrument)
        return {key: part for key, part in found.items() if key not in ("known_at", "parked")}

    items = as_told(TOLD)
    for day, item in enumerate(items):
        clock.at = FIRST + timedelta(days=day)
        bench.hear(item)
        given[clock.at.date().isoformat()] = answer(Known(None))
        decided = [event for event in bench.decided() if event.decision.year == 2021]
        digests[clock.at.date().isoformat()] = decided[-1].digest if decided else None
    clock.at = FIRST + timedelta(days=20)
    bench.publish(policy_text(certificate=True, revision=2, excellent=130_000), "policy-2")
    part_time = (POLICIES / "example-part-time.yaml").read_text(encoding="utf-8")
    part_time = part_time.replace("division: 980200", "division: 320100").replace("2022-01-01", "2021-01-01")
    bench.publish(part_time, "policy-3")

    last = answer(Known(None))
    assert {day: answer(known_at(day)) for day in given} == given
    assert {day: decided_again(known_at(day)) for day in given} == digests
    assert [each["amount_fen"] for each in given.values()] == [0, 0, 0, 50_001, 12_500, 12_500, 25_000, 100_000, 100_000]
    assert (last["amount_fen"], last["difference_fen"]) == (130_000, 30_000)
    assert answer(Known(utc_text(FIRST - timedelta(hours=1))))["missing"][0]["what"] == "registration"
    assert answer(known_at([*given][-1]), instrument="part_time")["decision"] == "undecided"
    assert answer(Known(None), instrument="part_time")["decision"] == "denied"


def test_what_was_known_and_what_is_true_are_two_times(sqlite_url: str, open_database: Callable[[str], Database]) -> None:
    """A rating that is heard two months after its date is not in what was known a day before it was heard."""
    bench = AllowanceBench(open_database(sqlite_url))
    clock = cast(FixedClock, bench.log.clock)
    clock.at = FIRST
    bench.publish(policy_text())
    *before, late = as_told([registered(), engaged(), rated()])
    bench.hear(*before)
    clock.at = FIRST + timedelta(days=60)
    bench.hear(late)

    def decision(known: str) -> str:
        with bench.log.database.read.connect() as connection:
            return str(explanation(read_file(bench.log, connection, REF, known_at(known)), 2021, "zh")["decision"])

    days = [(clock.at + timedelta(days=by)).date().isoformat() for by in (-1, 0)]
    assert [decision(day) for day in days] == ["undecided", "granted"]
