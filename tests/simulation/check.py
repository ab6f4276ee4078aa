"""What must hold when everything has settled, whatever went wrong; and what the same facts come to when nothing does."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, StaticPool, Table, create_engine, select

from console.replay import decide_again
from console.verify import LogCheck
from contracts.allowance import EntitlementAdjusted, EntitlementDecided, FactHeard
from contracts.operations import OperationsEvent
from contracts.receipts import Receipt
from eventlog import schema
from eventlog.database import sqlite_module
from eventlog.ids import SeededEntropy
from eventlog.log import Log, Recorded
from eventlog.wire import event_message
from services.allowance.views import entitlement, entitlement_payer
from services.registry.vault import Vault, person_index
from services.registry.views import standing
from tests.simulation.bus import Stream
from tests.simulation.workload import Workload
from tests.support import KEYS

__all__ = ["Outcome", "check", "outcome_of"]

FINAL = {"accepted", "refused"}
Name = tuple[str, str]
"""(source, message id)."""


@dataclass
class Told:
    """All that a service's database says."""

    log: Log
    events: list[Recorded]
    receipts: list[Receipt]
    tables: dict[str, list[Any]]


@dataclass
class Outcome:
    """What the facts came to, in words that are the same in every run. settled: message → its final outcome and why."""

    settled: dict[Name, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    standings: set[tuple[str, ...]] = field(default_factory=set)
    owed: dict[tuple[str, int], str] = field(default_factory=dict)


def told(log: Log, *tables: Table) -> Told:
    with log.database.read.connect() as connection:
        receipts = connection.scalars(select(schema.receipt.c.data).order_by(schema.receipt.c.position))
        return Told(
            log,
            log.read(connection, limit=100_000),
            [Receipt.model_validate_json(data) for data in receipts],
            {table.name: list(connection.execute(select(table))) for table in tables},
        )


def both(logs: Mapping[str, Log]) -> tuple[Told, Told]:
    return (
        told(logs["registry"], standing, person_index, schema.held, schema.parked),
        told(logs["allowance"], entitlement, entitlement_payer, schema.held, schema.parked, schema.heard),
    )


# --- what the facts came to ---------------------------------------------------------------------------------------------


def outcome_of(workload: Workload, logs: Mapping[str, Log]) -> Outcome:
    registry, allowance = both(logs)
    names = {e.event_id: str(e.causation_id) for e in (*registry.events, *allowance.events)}
    people = people_of(workload, registry)
    outcome = Outcome()
    for service in (registry, allowance):
        for receipt in service.receipts:
            if receipt.service == service.log.name and receipt.outcome in FINAL and receipt.source != "operator":
                codes = tuple(p.code for p in receipt.problems)
                outcome.settled.setdefault((receipt.source, receipt.id), (receipt.outcome, codes))
    for row in registry.tables["standing"]:
        rivals = sorted(names[rival] for rival in row.contradicted_by.split(",") if rival)
        outcome.standings.add((people.get(row.person_ref, "nobody"), row.slot, names[row.event_id], *rivals))
    for (ref, year), decided in last_decisions(allowance).items():
        if all(predicate.name != "decidable" for predicate in decided.decision.predicates):
            outcome.owed[people.get(ref, "nobody"), year] = in_words(decided.decision.payload(), names)
    return outcome


def people_of(workload: Workload, registry: Told) -> dict[str, str]:
    """person_ref → the number of the person in the workload."""
    vault = Vault(KEYS, SeededEntropy(0))
    values = {vault.index_of_resident_id(known): f"person {n}" for n, known in enumerate(workload.people, start=1)}
    return {row.person_ref: values[row.value] for row in registry.tables["person_index"] if row.value in values}


def last_decisions(allowance: Told) -> dict[tuple[str, int], EntitlementDecided | EntitlementAdjusted]:
    decided = [e.event for e in allowance.events if isinstance(e.event, EntitlementDecided | EntitlementAdjusted)]
    return {(event.person_ref, event.decision.year): event for event in decided}


def in_words(decision: Any, names: Mapping[str, str]) -> str:
    """A decision with each event named by the message that brought it, for its id is another in every run."""

    def worded(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: worded(part) for name, part in value.items()}
        if isinstance(value, list):
            return sorted((worded(part) for part in value), key=lambda part: json.dumps(part, sort_keys=True))
        return names.get(value, value) if isinstance(value, str) else value

    return json.dumps(worded(decision), sort_keys=True, ensure_ascii=False)


# --- invariants ---------------------------------------------------------------------------------------------------------


def check(
    workload: Workload, logs: Mapping[str, Log], streams: Mapping[str, Stream], expected: Outcome, parked_before: bool
) -> list[str]:
    """Everything that does not hold, in words. parked_before: whether rules failed, so that events were heard later."""
    registry, allowance = both(logs)
    problems: list[str] = []
    for service in (registry, allowance):
        problems += [f"{service.log.name}: {problem}" for problem in log_problems(service)]
        problems += [f"{service.log.name}: {problem}" for problem in view_problems(service.log, service.events)]
        problems += stream_problems(service, streams)
    problems += fact_problems(workload, registry, allowance)
    problems += hearing_problems(registry, allowance, parked_before)
    problems += money_problems(allowance)
    found = outcome_of(workload, logs)
    for what in ("settled", "standings", "owed"):
        one, other = getattr(found, what), getattr(expected, what)
        if one != other:
            problems.append(f"{what} differ from those of an undisturbed run: {difference(one, other)}")
    return problems


def difference(found: Any, expected: Any) -> str:
    if isinstance(found, set):
        return f"{sorted(found - expected)} instead of {sorted(expected - found)}"
    keys = [key for key in {**found, **expected} if found.get(key) != expected.get(key)]
    return "; ".join(f"{key}: {found.get(key)} instead of {expected.get(key)}" for key in keys)


def log_problems(service: Told) -> Iterator[str]:
    """Positions, versions, back pointers, leaves, the tree's root, inbox and receipts; and what is left in side tables."""
    check = LogCheck(service.log.name)
    check.take(service.events)
    with service.log.database.read.connect() as connection:
        yield from check.finish(connection).problems


def view_problems(log: Log, events: Sequence[Recorded]) -> Iterator[str]:
    """The read models that were written with the events, held against those of a replay."""
    tables = {table.name: table for view in log.views for table in view.tables}
    with log.database.read.connect() as live, _scratch(log.name).begin() as rebuilt:
        for table in tables.values():
            table.create(rebuilt, checkfirst=True)
            rebuilt.execute(table.delete())
        for view in log.views:
            view.apply(rebuilt, events, tables)
        for table in tables.values():
            if _rows(live, table) != _rows(rebuilt, table):
                yield f"read model {table.name} is not what a replay makes of the log"


_engines: dict[str, Engine] = {}


def _scratch(service: str) -> Engine:
    """A database in memory for a service's replays, kept: making one costs as much as a run."""
    if service not in _engines:
        _engines[service] = create_engine("sqlite://", module=sqlite_module(), poolclass=StaticPool)
    return _engines[service]


def _rows(connection: Connection, table: Table) -> list[Any]:
    return connection.execute(select(table).order_by(*table.primary_key)).all()  # type: ignore[return-value]


def stream_problems(service: Told, streams: Mapping[str, Stream]) -> Iterator[str]:
    """The stream holds every event as it is in the log, and nothing else; every receipt was published."""
    log = service.log.name
    expected = {m.message_id: m.payload for m in (event_message(log, event) for event in service.events)}
    found = {m.message_id: m.payload for m in streams[log.upper()].messages.values()}
    if found != expected:
        yield f"stream {log.upper()} holds {len(found)} events, the log {len(expected)}, or one of them is another"
    receipts = {f"{log}-receipt-{position}" for position in range(1, len(service.receipts) + 1)}
    published = {id for id in streams["RECEIPTS"].ever if id.startswith(f"{log}-")}
    if published != receipts:
        yield f"{log}: receipts published but not recorded {published - receipts}, or never {receipts - published}"


def fact_problems(workload: Workload, registry: Told, allowance: Told) -> Iterator[str]:
    """Each message that the broker confirmed: one final outcome, and one event exactly if it was accepted."""
    for message in workload.messages:
        name = message.subject.split(".")[2]
        service = registry if name == "registry" else allowance
        key = message.message_id
        answers = [r for r in service.receipts if f"{r.source}/{r.id}" == key and r.service == name]
        events = [e for e in service.events if e.causation_id == key and not isinstance(e.event, OperationsEvent)]
        final = Counter(r.outcome for r in answers if r.outcome in FINAL and not r.repeated)
        outcomes = {r.outcome for r in answers}
        if key.split("/")[1] in workload.lonely or message.payload == b"{not json":
            if events or not outcomes or outcomes & FINAL:
                yield f"{key} came to {outcomes} with {len(events)} events, and nothing was to come of it"
        elif len(final) != 1:
            yield f"{key} has {dict(final)} for its final outcome"
        elif final["accepted"]:
            told_of = {id for r in answers if r.outcome == "accepted" for id in r.events}
            if final["accepted"] != 1 or len(events) != 1 or told_of != {events[0].event_id}:
                yield f"{key} was accepted {final['accepted']} times with {len(events)} events"
        elif events:
            yield f"{key} was refused and has {len(events)} events"


def hearing_problems(registry: Told, allowance: Told, parked_before: bool) -> Iterator[str]:
    """Every event about a person was heard once, and in order: in each partition, or at least (after a rule had failed and its
    stream stood still) about each person."""
    facts = [e for e in registry.events if not isinstance(e.event, OperationsEvent)]
    heard = [e for e in allowance.events if isinstance(e.event, FactHeard)]
    if sorted(e.event_id for e in facts) != sorted(_heard_id(e) for e in heard):
        yield f"{len(facts)} facts were told and {len(heard)} heard, or one twice"
    where = {e.event_id: e for e in facts}
    in_order: dict[str, list[int]] = defaultdict(list)
    for event in heard:
        fact = where.get(_heard_id(event))
        if fact is not None:
            in_order[fact.stream if parked_before else str(fact.partition)].append(fact.position)
    yield from (f"heard {positions} out of order" for positions in in_order.values() if positions != sorted(positions))
    last = {e.partition: e.position for e in registry.events}
    if {row.partition: row.position for row in allowance.tables["heard"]} != last:
        yield "the positions that were heard are not the last of their partitions"


def _heard_id(event: Recorded) -> str:
    assert isinstance(event.event, FactHeard)
    return event.event.heard


def money_problems(allowance: Told) -> Iterator[str]:
    """Decisions and adjustments add up to what stands, per worker, year and payer; and would be decided so again."""
    sums: Counter[tuple[str, int]] = Counter()
    by_payer: Counter[tuple[str, int, str]] = Counter()
    for event in (e.event for e in allowance.events):
        if isinstance(event, EntitlementDecided | EntitlementAdjusted):
            key = event.person_ref, event.decision.year
            sums[key] += event.difference_fen
            for part in event.differences:
                by_payer[(*key, part.payer)] += part.amount_fen
    shown = {(row.person_ref, row.year): row.amount_fen for row in allowance.tables["entitlement"]}
    if dict(sums) != shown:
        yield f"the differences add up to {dict(sums)}, the entitlements are {shown}"
    shares = {(r.person_ref, r.year, r.payer): r.amount_fen for r in allowance.tables["entitlement_payer"] if r.amount_fen}
    if {key: fen for key, fen in by_payer.items() if fen} != shares:
        yield "the payers' differences do not add up to their shares"
    _, differing = decide_again(allowance.log)
    if differing:
        yield f"{len(differing)} workers would be decided otherwise now"
