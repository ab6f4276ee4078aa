"""Random histories of one worker: every kind of fact, some of them withdrawn, without a registry's rules."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from hypothesis import strategies as st

from contracts.particulars import EngagementEnd, InspectionResult, Recognition
from services.allowance.decider import Hear
from tests.allowance.example import certified, changed, closed, engaged, hear, moved, rated, registered, reopened, withdrawn

__all__ = ["YEARS", "arrivals", "histories"]

YEARS = (2021, 2022, 2023)
DAYS = st.dates(date(YEARS[0], 1, 1), date(YEARS[-1], 12, 31)).map(str)
KINDS = ("change", "change", "change", "closed", "reopened", "moved", "certified", "end", "recognised", "inspected")


@st.composite
def _fact(draw: st.DrawFn, n: int, who: dict[str, Any]) -> Hear:
    """Fact n: a change of the certificate, a closing, a reopening, a move, and what else may happen."""
    on, kind = draw(DAYS), draw(st.sampled_from(KINDS))
    makers: dict[str, Callable[[], Hear]] = {
        "closed": lambda: closed(n, on, **who),
        "reopened": lambda: reopened(n, on, **who),
        "moved": lambda: moved(n, on, draw(st.sampled_from(["320102", "320104", "330102"])), **who),
        "certified": lambda: certified(n, "senior", number=f"c{n}", on=on, **who),
        "end": lambda: hear(n, EngagementEnd(engagement="e1", reason="resigned"), on=on, **who),
        "recognised": lambda: hear(n, Recognition(number="c1", division=f"3205{n:02d}"), on=on, **who),
        "inspected": lambda: hear(n, InspectionResult(year=YEARS[0], outcome="failed"), on=on, **who),
        "change": lambda: _change(draw, n, on, who),
    }
    return makers[kind]()


def _change(draw: st.DrawFn, n: int, on: str, who: dict[str, Any]) -> Hear:
    what = draw(st.sampled_from(["suspended", "suspended", "reinstated", "downgraded", "revoked", "superseded"]))
    grade = draw(st.sampled_from(["junior", "senior", "master"])) if what == "downgraded" else None
    return changed(n, what, on, grade, **who)


@st.composite
def histories(draw: st.DrawFn, /, first: int = 1, **who: Any) -> list[Hear]:
    """What the registry tells of a worker, in its order: no two facts in one slot, and withdrawals after what they withdraw.

    first: the number of the first event; there are fewer than 20.
    """
    said = [
        registered(first, **who),
        engaged(first + 1, **who),
        certified(first + 2, draw(st.sampled_from(["junior", "senior"])), **who),
        *[rated(first + 3 + n, draw(st.sampled_from(["excellent", "competent", "basic"])), year, **who)
          for n, year in enumerate(YEARS)],
    ]  # fmt: skip
    slots = {fact.standings[0].slot for fact in said}
    for n in range(first + 6, first + 6 + draw(st.integers(0, 7))):
        fact = draw(_fact(n, who))
        if fact.standings[0].slot not in slots:
            slots.add(fact.standings[0].slot)
            said.append(fact)
    gone = draw(st.lists(st.sampled_from(said), max_size=2, unique_by=lambda fact: fact.heard))
    return [*said, *[withdrawn(first + 16 + n, fact.standings[0].slot, **who) for n, fact in enumerate(gone)]]


@st.composite
def arrivals(draw: st.DrawFn, history: list[Hear]) -> list[Hear]:
    """The same in any order that a registry may have been told it in, some of it twice: a withdrawal comes after its fact."""
    left, arrived = list(history), list[Hear]()
    while left:
        slots = {fact.standings[0].slot for fact in left if fact.particulars is not None}
        ready = [fact for fact in left if fact.particulars is not None or fact.standings[0].slot not in slots]
        chosen = draw(st.sampled_from(ready))
        left.remove(chosen)
        arrived.append(chosen)
        if draw(st.integers(0, 5)) == 0:
            arrived.append(draw(st.sampled_from(arrived)))
    return arrived
