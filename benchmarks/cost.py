"""What one message can cost: CPU of the whole handler, for some 25,000 hostile ones near 64 KiB (``benchmarks.hostile``).

Each goes by itself through its service, on SQLite, where one person is registered. Beside the worst is what it takes to read
the same bytes as JSON and look at them with pydantic. Those that cost most are measured again at the end, and the lesser time
counts: a collection of garbage, or somebody else on the machine, is not the message's. Then what a message costs where much
is on file: a person with as many ratings as a file may have, and an appraisal cycle of 5,000 people.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from benchmarks.hostile import Hostile, envelope, hostile_facts
from benchmarks.measure import Figure
from contracts.intake import FACT_TYPES, INTAKE_BYTES_MAX, fact_subject, get_ready, parse
from eventlog.database import Database
from eventlog.desk import Item
from tests.allowance.payment_bench import PaymentBench
from tests.support import BOX, RegistryBench
from tests.talent.cycle_example import ref
from tests.talent.test_appraisal_handlers import AppraisalBench, told

__all__ = ["figures"]

CPU_MS_MAX = 100.0
AGAIN = 100
"""Of the messages that cost most, so many are measured again."""
FACTS_OF_ONE = 1_990
PEOPLE = 5_000
PERSON = {"person": {"source_key": "w-1"}}
Settle = Callable[[Item], object]


def _cpu_ms(work: Callable[[], object]) -> float:
    began = time.thread_time()
    work()
    return 1000 * (time.thread_time() - began)


def _plainly(raw: bytes) -> None:
    with suppress(ValidationError):
        parse(raw)


class Services:
    """All three, each with a database of its own in this folder."""

    def __init__(self, folder: Path) -> None:
        self._databases = [Database(f"sqlite:///{folder / name}.db", BOX) for name in ("registry", "allowance", "talent")]
        registry, allowance, talent = self._databases
        self.registry = RegistryBench(registry)
        self.allowance = PaymentBench(allowance)
        self.talent = AppraisalBench(talent)
        self.settle: Mapping[str, Settle] = {
            "registry": self.registry.settle,
            "allowance": lambda item: self.allowance.intake.settle([item]),
            "talent": self.talent.take,
        }

    def close(self) -> None:
        for database in self._databases:
            database.close()


def figures(rounds: int, tell: Callable[[str], None]) -> Iterator[Figure]:
    """The worst of all hostile messages; then of those about much. rounds: how often the worst are measured again."""
    get_ready()
    with tempfile.TemporaryDirectory(prefix="hlb") as folder:
        services = Services(Path(folder))
        try:
            yield _hostile(services, rounds, tell)
            yield from _grown(services, tell)
        finally:
            services.close()


def _hostile(services: Services, rounds: int, tell: Callable[[str], None]) -> Figure:
    services.registry.settle(services.registry.registers(1))
    costs: list[tuple[float, int, Hostile]] = []
    for number, hostile in enumerate(hostile_facts(PERSON)):
        if len(envelope(hostile, id=f"m-{number}")) <= INTAKE_BYTES_MAX:
            costs.append((_settled(services, hostile, f"m-{number}"), number, hostile))
    costs.sort(reverse=True, key=lambda each: each[:2])
    again = []
    for cost, number, hostile in costs[:AGAIN]:
        repeats = [_settled(services, hostile, f"m-{number}-{turn}") for turn in range(rounds)]
        raw = envelope(hostile, id="m")
        again.append((min([cost, *repeats]), min(_cpu_ms(partial(_plainly, raw)) for _ in range(rounds)), hostile))
    again.sort(reverse=True, key=lambda each: each[:2])
    for worst, _, hostile in again[:10]:
        tell(f"  {worst:5.1f} ms {hostile.kind}: {hostile.how}")
    title = f"the worst of {len(costs):,} hostile messages of all fact types, CPU"
    runs = {"JSON and pydantic, of the same bytes": [again[0][1]], "us": [again[0][0]]}
    return Figure(title, "ms", runs, (("at most", "", CPU_MS_MAX),), True, 1)


def _settled(services: Services, hostile: Hostile, id: str) -> float:
    service = FACT_TYPES[f"intake.{hostile.kind}.v1"][1][0]
    subject = fact_subject("hr", service, f"intake.{hostile.kind}.v1")
    item = Item(subject, envelope(hostile, id=id), next(services.registry.sequence))
    return _cpu_ms(lambda: services.settle[service](item))


def _grown(services: Services, tell: Callable[[str], None]) -> Iterator[Figure]:
    registry = services.registry
    tell(f"one person with {FACTS_OF_ONE:,} ratings")
    registry.settle(registry.registers(2, id="grown", key="w-2"))
    person = {"source_key": "w-2"}
    rated = [registry.rates(2015 + n % 10, id=f"grown-{n}", person=person, on="2025-01-10") for n in range(FACTS_OF_ONE)]
    for start in range(0, FACTS_OF_ONE, 50):
        registry.settle(*rated[start : start + 50])
    one = _cpu_ms(lambda: registry.settle(registry.rates(2024, "basic", id="more-1", person=person)))
    registry.intake.forget()
    anew = _cpu_ms(lambda: registry.settle(registry.rates(2024, "competent", id="more-2", person=person)))
    title = f"a fact about a person with {FACTS_OF_ONE:,} facts, CPU"
    yield Figure(title, "ms", {"read from the log": [anew], "us": [one]}, (("at most", "", CPU_MS_MAX),), True, 1)
    yield from _cycle(services.talent, tell)


def _cycle(talent: AppraisalBench, tell: Callable[[str], None]) -> Iterator[Figure]:
    tell(f"an appraisal cycle of {PEOPLE:,} people")
    _in_slices(talent.hear, told(PEOPLE))
    talent.take(talent.opens())
    _in_slices(talent.take, [talent.enrols(ref(n)) for n in range(PEOPLE)])
    _in_slices(talent.take, [each for n in range(PEOPLE) for each in talent.both(ref(n), 60 + n % 40)])
    scoring = _cpu_ms(lambda: talent.take(talent.scores()))
    publishing = _cpu_ms(lambda: talent.take(talent.publishes_results()))
    runs = {"publishing them": [publishing], "us": [scoring]}
    yield Figure(f"scoring {PEOPLE:,} people, in a thread, CPU", "ms", runs, (), True, 0)


def _in_slices(settle: Callable[..., Any], items: list[Item]) -> None:
    for start in range(0, len(items), 200):
        settle(*items[start : start + 200])
