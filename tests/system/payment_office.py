"""A cashier, a reviewer and a bank of a running deployment: what the system tests of payment have in common."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection

from contracts.receipts import Receipt
from eventlog.database import Database
from eventlog.log import Log
from services.allowance.app import open_log
from services.allowance.payment_views import SealedList, run, sealed_list
from tests.system.conftest import DEADLINE_SECONDS, Message, Office

__all__ = [
    "CHECKER",
    "COUNTY",
    "MAKER",
    "YEAR",
    "act",
    "books",
    "done",
    "instruction",
    "key",
    "prepare_and_check",
    "prepared",
    "results",
    "sealed",
    "until",
]

COUNTY, YEAR = "211224", 2021
MAKER, CHECKER = "cashier-1", "reviewer-1"


@contextmanager
def books(office: Office) -> Iterator[tuple[Log, Connection]]:
    """The allowance's own store, for reading."""
    database = Database(office.deployment.database_url("allowance"))
    try:
        with database.read.connect() as connection:
            yield open_log(database), connection
    finally:
        database.close()


def act(office: Office, user: str, fact: str, **data: Any) -> Message:
    """A fact of payment, as this user of the broker publishes it."""
    made = office.fact(user, fact, data, "2022-03-01")
    return made._replace(subject=f"intake.{user}.allowance.{fact}")


def done(office: Office, message: Message, outcome: str = "accepted") -> Receipt:
    """Publish it, and wait until it has come to this, whatever it had to wait for."""
    office.publish(message, wait=False)
    return office.receipts(message.subject.split(".")[1], message.message_id, outcome, "allowance")[-1]


def until(office: Office, true: Callable[[Connection], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        with books(office) as (_, connection):
            if true(connection):
                return
        assert time.monotonic() < deadline, true


def reached(office: Office, name: str, stage: str) -> None:
    """Wait until a run is so far: an act that comes before that is refused."""
    until(office, lambda connection: (run(connection, name) or {stage: None})[stage] is not None)


def sealed(office: Office, name: str) -> SealedList:
    with books(office) as (_, connection):
        return sealed_list(connection, name)


def instruction(office: Office, name: str) -> Message:
    """What is told once the bank has the file: its figures are those of the sealed list."""
    found = sealed(office, name)
    return act(office, "cashier", "payment-run-instructed", run=key(name), by=MAKER, **_file(found))


def export(office: Office, name: str) -> Message:
    """What is told when a file was made of the sealed list."""
    found = sealed(office, name)
    said = {"format": "csv", "payees_sha256": found.payees_sha256, "record": "0190e0e0-0000-7000-8000-000000000001"}
    return act(office, "cashier", "payment-run-exported", run=key(name), by=MAKER, **_file(found), **said)


def _file(found: SealedList) -> dict[str, Any]:
    said = {"count": found.count, "total_fen": found.total_fen, "list_sha256": found.list_sha256}
    return {**said, "message_id": f"M-{key(found.run)}", "file_sha256": "f" * 64}


def key(name: str) -> str:
    return name.partition("/")[2]


def results(office: Office, name: str, *lines: tuple[int, str, int], file: str) -> Message:
    """The bank's file: (number of the payout, outcome, fen)."""
    said = [
        {"payout": f"{name}/{number}", "outcome": outcome, "reference": f"{file}-{number}", "amount_fen": fen}
        | ({"reason": "account closed"} if outcome == "returned" else {})
        for number, outcome, fen in lines
    ]
    more: dict[str, Any] = {"file_sha256": file * 64, "part": 1, "parts": 1, "results": said}
    return act(office, "cashier", "payment-results-reported", run=key(name), by=MAKER, **more)


def prepared(name: str) -> dict[str, Any]:
    return {"run": key(name), "division": COUNTY, "payer": "county", "year": YEAR, "by": MAKER}


def prepare_and_check(office: Office, name: str) -> None:
    """A run up to its seal and its export. One that was prepared already is told so again, and goes on."""
    approved = {"run": key(name), "run_source": "cashier", "outcome": "approved", "by": CHECKER}
    done(office, act(office, "cashier", "payment-run-prepared", **prepared(name)))
    reached(office, name, "listed")
    done(office, act(office, "reviewer", "payment-run-checked", **approved))
    reached(office, name, "cleared")
    payees = {"payees_sha256": "e" * 64, "registry_position": 1}
    done(office, act(office, "cashier", "payment-run-sealed", run=key(name), by=MAKER, **payees))
    done(office, export(office, name))
