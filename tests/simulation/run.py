"""One seed by hand: ``python -m tests.simulation.run 1234`` prints the trace and what does not hold."""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

from eventlog import reconciler
from eventlog.wire import Outgoing, event_message
from services.allowance import handlers as allowance_handlers
from services.allowance.decider import decide as decide_allowance
from services.allowance.policy import read_policy
from services.registry import handlers as registry_handlers
from services.registry.decider import decide as decide_registry
from tests.eventlog.fakes import FakeIncoming
from tests.simulation.check import Outcome, check, outcome_of
from tests.simulation.faults import Faults
from tests.simulation.loop import Stuck
from tests.simulation.store import Store
from tests.simulation.workload import VARIANTS, workload
from tests.simulation.world import World, make_stores, to_first_await

__all__ = ["Result", "Simulator"]

RECONCILE_SECONDS = 1.5
_read_policy = cache(read_policy)


@dataclass
class Result:
    """problems: what did not hold. counts: the faults that happened. trace: a hash of all that did."""

    seed: int
    problems: list[str]
    counts: Counter[str]
    trace: str
    lines: list[str] = field(default_factory=list)

    def report(self) -> str:
        again = f"python -m tests.simulation.run {self.seed}"
        return "\n".join([f"seed {self.seed} (again: {again})", *(f"  {problem}" for problem in self.problems)])


class Simulator:
    """Runs seeds one after the other on the same two stores."""

    def __init__(self, folder: Path) -> None:
        self.stores: dict[str, Store] = make_stores(folder)
        self._undisturbed: dict[int, Outcome] = {}

    def run(self, seed: int, *, lines: bool = False) -> Result:
        variant = seed % VARIANTS
        expected = self.undisturbed(variant)
        world = World(seed, workload(variant), self.stores, [] if lines else None)
        with simulated_rules(world.faults):
            try:
                world.run()
            except Stuck as stuck:
                world.problems.append(str(stuck))
        if not world.problems:
            parked = world.faults.counts["a rule failed"] > 0
            world.problems += check(world.workload, world.logs(), world.bus.streams, expected, parked)
        for name, log in world.logs().items():
            with log.database.read.connect() as connection:
                world.faults.note(f"{name} {log.head(connection)}")
        return Result(seed, world.problems, world.faults.counts, world.faults.trace(), world.lines or [])

    def undisturbed(self, variant: int) -> Outcome:
        """What the facts of this workload come to if they are handled in order and nothing goes wrong."""
        if variant not in self._undisturbed:
            world = World(0, workload(variant), self.stores)
            world.faults.quiet = True
            for store in self.stores.values():
                store.hooks = None
            made = {name: process.make(0) for name, process in world.processes.items()}
            [registry], [events, intake] = (bindings.consumers for _, bindings in made.values())
            with simulated_rules(world.faults):
                for spec, service in ((intake, "allowance"), (registry, "registry")):
                    sent = (m for m in world.workload.messages if m.subject.split(".")[2] == service)
                    to_first_await(spec.handler(_delivered(sent)))
                log = made["registry"][0].log
                with log.database.read.connect() as connection:
                    rows = [event_message("registry", row) for row in log.rows(connection, 0, 10_000)]
                to_first_await(events.handler(_delivered(rows)))
            self._undisturbed[variant] = outcome_of(world.workload, world.logs())
            world.loop.close()
        return self._undisturbed[variant]


def _delivered(messages: Iterable[Outgoing]) -> list[FakeIncoming]:
    return [FakeIncoming(m.payload, [], m.subject, place, 1, m.message_id) for place, m in enumerate(messages, start=1)]


@contextmanager
def simulated_rules(faults: Faults) -> Iterator[None]:
    """Rules that sometimes fail; policies read once, since that is pure and takes longer than a run; and a reconciler that is
    as quick as everything else here."""

    def failing(decide: Any) -> Any:
        def decided(*args: Any) -> Any:
            if faults.happens("a rule failed"):
                raise ZeroDivisionError("a rule failed")
            return decide(*args)

        return decided

    with (
        patch.object(registry_handlers, "decide", failing(decide_registry)),
        patch.object(allowance_handlers, "decide", failing(decide_allowance)),
        patch.object(allowance_handlers, "read_policy", _read_policy),
        patch.object(reconciler, "EVERY_SECONDS", RECONCILE_SECONDS),
    ):
        yield


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="hongling-simulation-") as folder:
        result = Simulator(Path(folder)).run(int(sys.argv[1]), lines=True)
    print(*result.lines, sep="\n")
    print(dict(result.counts), result.trace)
    print(result.report())
    return 1 if result.problems else 0


if __name__ == "__main__":
    sys.exit(main())
