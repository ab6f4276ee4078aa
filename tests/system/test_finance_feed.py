"""docs/finance_consumer.py itself, against the real broker: from zero, killed anywhere, and told what is missing."""

from __future__ import annotations

import ast
import asyncio
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest

from console.deployment import connect
from contracts.allowance import AllowanceEvent
from contracts.base import utc_text
from contracts.operations import MessageParked, ParkedDiscarded, ParkedRetried, ProposalEvent
from contracts.payment import PaymentEvent
from services.allowance.ledger import month_of, next_month
from services.allowance.ledger_views import trial_balance
from services.allowance.payment_views import payouts
from tests.system.conftest import Office, start
from tests.system.payment_office import CHECKER, MAKER, act, books, done, instruction, prepare_and_check, results, sealed

ROOT = Path(__file__).parents[2]
CONSUMER = ROOT / "docs" / "finance_consumer.py"
CONTRACT = ROOT / "docs" / "finance-feed.md"
FIRST, SECOND = "cashier/2021-a", "cashier/2021-b"
LINES_MAX = 54
KILLS = 6
DEADLY = """
import os, runpy, signal, sys
left, path = int(sys.argv[1]), sys.argv[2]
def each(frame, event, argument):
    global left
    if event == "line":
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return each
sys.settrace(lambda frame, event, argument: each if frame.f_code.co_filename == path else None)
sys.argv = sys.argv[2:]
runpy.run_path(path, run_name="__main__")
"""
"""Runs a file and kills its process, as the operating system would, before the so manieth line of it."""


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """What a feed may carry: two runs, returns before and after the settlement, a recovery, a closing, a correction."""
    for made in start(tmp_path_factory.mktemp("feed")):
        made.asked("policy", "publish", "policies/changtu-2021.yaml")
        workers = [made.worker(f"w-{number}", "excellent" if number % 3 else "good") for number in range(12)]
        made.publish(*(message for messages in workers for message in messages))
        made.settle()
        pay(made, FIRST, returned={2, 5})
        lines = {line.number: line.amount_fen for line in sealed(made, FIRST).lines}
        done(made, results(made, FIRST, (7, "returned", lines[7]), file="b"))
        pay(made, SECOND)
        withdraw(made, workers[0][-1].message_id)
        recover(made, "hr:w-0")
        month = month_of(utc_text(datetime.now(UTC)))
        done(made, act(made, "reviewer", "period-closed", month=month, by=CHECKER))
        withdraw(made, workers[1][-1].message_id)
        yield made


def pay(office: Office, name: str, returned: Collection[int] = ()) -> None:
    prepare_and_check(office, name)
    done(office, instruction(office, name))
    lines = sealed(office, name).lines
    said = [(line.number, "returned" if line.number in returned else "settled", line.amount_fen) for line in lines]
    done(office, results(office, name, *said, file="a" if name == FIRST else "c"))


def withdraw(office: Office, rating: str) -> None:
    data = {"withdraws": {"id": rating}, "reason": "误报"}
    office.publish(office.fact("appraisal", "fact-withdrawn", data, time="2022-04-01T00:00:00Z"))
    office.settle()


def recover(office: Office, who: str) -> None:
    """What was overpaid is asked back, and a part of it is given back."""
    person = {"person_ref": office.asked("history", who)["person_ref"]}
    done(office, act(office, "cashier", "recovery-demanded", person=person, payer="county", by=MAKER, reason="has left"))
    given = {"person": person, "recovery": "county-1", "amount_fen": 40_000, "by": MAKER}
    done(office, act(office, "cashier", "recovery-paid", **given))
    office.settle()


def consume(office: Office, file: Path, kill_at: int | None = None) -> subprocess.CompletedProcess[str]:
    """Run the consumer to its end, or until it is killed before that line of it."""
    deadly = () if kill_at is None else ("-c", DEADLY, str(kill_at))
    command = [sys.executable, *deadly, str(CONSUMER), office.running.url, str(office.seed_file("finance")), str(file)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def asked(file: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(file)) as db:
        return db.execute(query).fetchall()


@pytest.fixture(scope="module")
def whole(office: Office, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The books of a consumer that nobody has disturbed."""
    file = tmp_path_factory.mktemp("books") / "books.db"
    result = consume(office, file)
    assert (result.returncode, result.stderr) == (0, "")
    return file


def test_the_consumer_books_what_the_ledger_says(office: Office, whole: Path) -> None:
    """From zero: every account of every payer, and every month; a second run finds nothing new."""
    with books(office) as (log, connection):
        expected = [(b.account, b.payer, b.debit_fen, b.credit_fen) for b in trial_balance(connection)]
        head = log.head(connection).position
        stages = {line.stage for line in payouts(connection, FIRST)}
    sums = "SELECT account, payer, sum(debit), sum(credit) FROM entry GROUP BY account, payer"
    assert sorted(asked(whole, sums)) == sorted(expected)
    assert asked(whole, "SELECT count(*), max(position) FROM event") == [(head, head)]
    assert stages == {"settled", "returned"}
    month = month_of(utc_text(datetime.now(UTC)))
    assert asked(whole, "SELECT DISTINCT month FROM entry ORDER BY month") == [(month,), (next_month(month),)]
    assert consume(office, whole).returncode == 0
    assert asked(whole, "SELECT count(*) FROM event") == [(head,)]


def test_the_consumer_survives_kills_and_ends_with_the_same_books(office: Office, whole: Path, tmp_path: Path) -> None:
    """Killed before any of its lines, again and again, it goes on where it was: the same events, the same entries."""
    file, chance = tmp_path / "books.db", random.Random(7)
    (total,) = asked(whole, "SELECT count(*) FROM event")[0]
    reached = []
    for _ in range(KILLS):
        result = consume(office, file, kill_at=chance.randint(1, 5 * total // KILLS))
        assert result.returncode == -signal.SIGKILL, result.stderr
        reached.append(asked(file, "SELECT count(*) FROM event")[0][0] if file.exists() and file.stat().st_size else 0)
    assert 0 < reached[-1] < total, "the kills came in the middle of it"
    assert consume(office, file).returncode == 0
    for query in ("SELECT position, body FROM event ORDER BY position", "SELECT * FROM transfer ORDER BY position, year"):
        assert asked(file, query) == asked(whole, query)


@pytest.mark.parametrize(
    ("act", "said"),
    [
        ("DELETE FROM event WHERE position = 20", "not all are here up to"),
        ("DELETE FROM event WHERE position = 20", "has not its predecessor"),
        ("DELETE FROM event WHERE kind = 'payout-prepared.v1' AND data->>'payout' LIKE '%/3'", "is not what its payouts are"),
        ("UPDATE event SET body = json_set(body, '$.data.total_fen', 1) WHERE kind = 'run-sealed.v1'", "what its payouts are"),
        ("UPDATE event SET body = json_set(body, '$.data.parts[0].amount_fen', 1) WHERE kind = 'payout-settled.v1'",
         "is not what was closed"),
        ("DELETE FROM event WHERE kind = 'recovery-paid.v1'", "is not what was closed"),
    ],
)  # fmt: skip
def test_the_consumer_names_what_is_missing_or_does_not_add_up(
    office: Office, whole: Path, tmp_path: Path, act: str, said: str
) -> None:
    """A gap by the back pointers, a tail by the positions, a payout by the seal, an amount by the closing."""
    file = tmp_path / "books.db"
    file.write_bytes(whole.read_bytes())
    with closing(sqlite3.connect(file)) as db, db:
        db.execute(act)
    result = consume(office, file)
    assert said in result.stderr
    assert result.returncode == 1


@pytest.mark.parametrize("payload", [b"no json", b"[]", b"{}", b'{"position": "x"}', b"\xff\xfe"])
def test_the_consumer_names_garbage_and_books_the_rest(office: Office, whole: Path, tmp_path: Path, payload: bytes) -> None:
    """It goes on to the end, with the same events as before, and says where the garbage stands."""

    async def put() -> int:
        client = await connect(office.running.url, "admin", office.seed_file("admin"))
        answer = await client.jetstream().publish("allowance.00.x", payload)
        await client.close()
        return answer.seq

    sequence = asyncio.run(put())
    result = consume(office, file := tmp_path / "books.db")
    assert f"('is no event', {sequence})" in result.stderr
    assert result.returncode == 1
    assert asked(file, "SELECT count(*) FROM event") == asked(whole, "SELECT count(*) FROM event")
    assert office.asked("stream", "repair", "allowance")["right"]
    assert consume(office, tmp_path / "again.db").returncode == 0


def test_the_consumer_is_as_small_as_it_says() -> None:
    """At most fifty-three lines, three of them for TLS; nothing but the standard library and the broker's client."""
    text = CONSUMER.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LINES_MAX
    imported = {name.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import) for name in node.names}
    assert imported - {"nats"} <= set(sys.stdlib_module_names)


def test_the_contract_names_every_event_that_the_feed_may_carry() -> None:
    """Each type once, in a row of its own, so that nobody meets one that the document does not know."""
    text = CONTRACT.read_text(encoding="utf-8")
    kinds = {event.TYPE for event in (*get_args(AllowanceEvent), *get_args(PaymentEvent))}
    kinds |= {event.TYPE for event in (MessageParked, ParkedRetried, ParkedDiscarded, *get_args(ProposalEvent))}
    assert {kind for kind in kinds if text.count(f"| `{kind}` |") != 1} == set()
