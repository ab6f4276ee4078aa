"""What a batch costs on a log of 1,000,000 events, against one of 10,000: the same batches on both, in turn."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from benchmarks.commands import open_log, settle_batch
from benchmarks.measure import Figure, paired
from benchmarks.peer import BATCH, worker_ref
from benchmarks.places import STORES, place
from contracts.particulars import RatingResult
from contracts.registry import AnnualRatingRecorded, FactOrigin, Standing
from eventlog.log import Log, NewEvent, Unit
from services.registry.decider import stream_of

__all__ = ["figures"]

LARGE, SMALL = 1_000_000, 10_000
EVENTS_EACH = 4
FILL = 10_000
BATCHES = 5
"""As many ratings a round as the small log has workers, so that files grow alike on both."""


def fill(log: Log, events: int) -> None:
    """Files of four events each, in appends of 10,000: only the size matters here."""
    from benchmarks.peer import NOW

    for start in range(0, events, FILL):
        units = []
        for number in range(start // EVENTS_EACH, (start + FILL) // EVENTS_EACH):
            ref, stream = worker_ref(number), stream_of(worker_ref(number))
            unit = Unit(expects={stream: 0})
            for year in range(2016, 2016 + EVENTS_EACH):
                event_id = log.new_id()
                event = AnnualRatingRecorded(
                    person_ref=ref,
                    fact=FactOrigin(source="appraisal", id=f"old-{number}-{year}", occurred_at=NOW),
                    standings=(Standing(slot=f"rating/{year}", fact=event_id),),
                    particulars=RatingResult(year=year, rating="competent"),
                )
                unit.events.append(NewEvent(stream, event, f"{year + 1}-01-10", event_id, "old", None, "appraisal"))
            units.append(unit)
        log.append(units)


def batches(log: Log, events: int, turn: int) -> float:
    """Milliseconds an event, for batches of 500 ratings of workers who are spread over the whole log."""
    workers = events // EVENTS_EACH
    step = max(1, workers // (BATCH * BATCHES))
    began = time.perf_counter()
    for number in range(BATCHES):
        chosen = [((number * BATCH + n) * step % workers, 2000 + turn, f"new-{turn}-{number}-{n}") for n in range(BATCH)]
        settle_batch(log, chosen)
    return (time.perf_counter() - began) * 1000 / (BATCH * BATCHES)


def _rest(log: Log) -> None:
    """As after a night: PostgreSQL has looked at what was loaded, and is not doing so while we measure."""
    engine = log.database.write
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
            connection.exec_driver_sql("CHECKPOINT")


def figures(rounds: int, tell: Callable[[str], None]) -> Iterator[Figure]:
    """Both databases."""
    for store in STORES:
        with place(store) as where:
            tell(f"growth on {store}: {LARGE:,} events are being appended")
            large, small = open_log(where.fresh()), open_log(where.fresh())
            fill(large, LARGE)
            fill(small, SMALL)
            for log in (large, small):
                _rest(log)
            turns = {LARGE: 0, SMALL: 0}

            def measured(log: Log, events: int, turns: dict[int, int] = turns) -> Callable[[], float]:
                def contestant() -> float:
                    turns[events] += 1
                    return batches(log, events, turns[events])

                return contestant

            contestants = {"with 10,000 events in the log": measured(small, SMALL), "us": measured(large, LARGE)}
            goals = (("1.2 × at most", "with 10,000 events in the log", 1.2),)
            runs = paired(contestants, rounds, tell)
            yield Figure(f"cost of an event with 1,000,000 in the log, {store}", "ms", runs, goals, True, 3)
            large.database.close()
            small.database.close()
