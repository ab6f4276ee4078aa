"""Whoever adds an event by SQL, with a service's own rights, is found: there is no message behind it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from console.context import context
from console.prove import verify_service
from contracts.payment import RunChecked
from contracts.registry import FactOrigin
from eventlog.log import NewEvent, Unit
from tests.console.finance_desk import FinanceDesk, finance_desk

FORGED_ID = "0190e0e0-0000-7000-8000-0000000000f1"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[FinanceDesk]:
    with finance_desk(tmp_path) as made:
        made.worker(1)
        made.worker(2)
        yield made


def problems(desk: FinanceDesk, service: str) -> list[str]:
    """What `verify` says of a service's log, without its stream."""
    found: list[str] = verify_service(context(desk.office.folder, True, None), service, stream=False)["problems"]
    return found


def approve_by_sql(desk: FinanceDesk, run: str, cause: str | None, fact: FactOrigin) -> None:
    """What the role of the service can do: a row with its place in the log and in the tree, and no message."""
    log = desk.office.allowance
    with log.database.read.connect() as connection:
        version = len(log.load(connection, [f"run-{run}"])[f"run-{run}"])
        position = log.head(connection).position
    event = RunChecked(
        run=run, fact=fact, by="复核乙", outcome="approved", position=position, changed=0, count=2, total_fen=720_000
    )
    new = NewEvent(f"run-{run}", event, "2022-03-01", FORGED_ID, "c", cause, fact.source)
    assert not log.append([Unit(events=[new], expects={f"run-{run}": version})]).conflicts


def an_origin(desk: FinanceDesk, run: str) -> FactOrigin:
    """The message with which another run was really checked."""
    log = desk.office.allowance
    with log.database.read.connect() as connection:
        history = log.load(connection, [f"run-{run}"])[f"run-{run}"]
    return next(each.event.fact for each in history if isinstance(each.event, RunChecked))


def test_a_log_of_real_acts_agrees(desk: FinanceDesk) -> None:
    """Registrations, corrections, decisions, a paid run, two files of one person: each event has its message or its event."""
    desk.sealed("a")
    desk.corrected(2)
    desk.exported("a", "csv", "a.csv")
    desk.instructed("a", "a.csv")
    refs = [desk.office.posted("registry", "hr", f"K00{n}-registered").person_ref for n in (1, 2)]
    merged = {"person": {"person_ref": refs[0]}, "survivor": {"person_ref": refs[1]}, "by": "x", "reason": "同一人"}
    desk.office.post("duplicate-confirmed", merged, effective="2021-01-01", id="m", source="operator")
    assert ([], []) == (problems(desk, "registry"), problems(desk, "allowance"))


@pytest.mark.parametrize("cause", ["none", "a message that never came", "a message of another act", "an event of nobody"])
def test_an_approval_that_was_inserted_by_sql_is_found(desk: FinanceDesk, cause: str) -> None:
    """Whatever it names as its cause."""
    desk.prepared("a")
    desk.asked("check", "a")
    real = an_origin(desk, "cashier/a")
    desk.asked("cancel", "a", "--reason", "暂缓")
    desk.prepared("b")
    desk.office.clock.at += timedelta(seconds=1)
    assert [] == problems(desk, "allowance")
    forged = real.model_copy(update={"id": "never"}) if cause == "a message that never came" else real
    named = {"none": None, "an event of nobody": "0190e0e0-0000-7000-8000-00000000dead"}
    approve_by_sql(desk, "cashier/b", named.get(cause, f"{forged.source}/{forged.id}"), forged)
    assert [each for each in problems(desk, "allowance") if FORGED_ID in each and "names" in each]
