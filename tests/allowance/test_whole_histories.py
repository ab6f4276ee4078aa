"""Whatever happens, in whatever order: what is posted is what is recomputed, nobody is paid twice, no account contradicts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from console.replay import rebuild_and_compare
from console.verify import verify_books
from contracts.hearing import Hear
from eventlog.database import Database
from eventlog.desk import Item
from services.allowance import app
from services.allowance.engine import KnownFact
from services.allowance.ledger_views import Which, periods, trial_balance
from services.allowance.payment_views import breaks, payout, recoveries
from services.allowance.policy import read_policy
from services.allowance.reconciliation import unequal_postings
from tests.allowance.example import policy_text
from tests.allowance.histories import YEARS, arrivals, histories
from tests.allowance.oracle import answer
from tests.allowance.payment_bench import PaymentBench, person
from tests.telling import as_told

PEOPLE = 2
PAYERS = ("city", "county")
LAST_YEAR = 2024
Key = tuple[str, str, int]
"""(person_ref, payer, year)."""
_files = count()


@dataclass
class Whole:
    """The allowance service with all its rules. told: the registry's events, in the registry's order."""

    bench: PaymentBench
    told: list[Item]
    documents: list[Any] = field(default_factory=list)
    sent: list[Item] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    months: dict[str, Any] = field(default_factory=dict)

    def send(self, item: Item) -> None:
        self.sent.append(item)
        self.bench.settle(item)

    # --- what may happen, each a step -------------------------------------------------------------------------------------

    def hear(self, start: int, size: int) -> None:
        """A stretch of the registry's events, perhaps again, perhaps before what stands in front of it."""
        self.bench.hear(*self.told[start : start + size])

    def publish(self, excellent: int, overpayment: str, certificate: bool) -> None:
        """One more revision, from the first year on; recalculating is another step."""
        text = policy_text(revision=len(self.documents) + 1, excellent=excellent, certificate=certificate)
        text += f"settings: {{overpayment: {overpayment}}}\n"
        self.documents.append(read_policy(text))
        self.send(self.bench.publishes(text, f"policy-{len(self.documents)}"))

    def run(self, payer: str, year: int, stages: int, returned: int) -> None:
        """A new run, as far as that stage; of its payouts the bank returns every so manieth."""
        name = f"r{len(self.runs)}"
        self.runs.append(name)
        bench = self.bench
        acts: list[Callable[[], Item]] = [
            lambda: bench.prepares(name, payer=payer, year=year, division="320000"),
            lambda: bench.checks(name),
            lambda: bench.seals(name),
            lambda: self.exported(name),
            lambda: self.answers(name, returned),
        ]
        for act in acts[:stages]:
            self.send(act())
            bench.finish()

    def exported(self, name: str) -> Item:
        """The instruction, after the export that it is of."""
        self.send(self.bench.exports(name))
        return self.bench.instructs(name)

    def pay_all(self, size: int, year: int, returned: int) -> None:
        """So many events are heard, everybody is decided, and both payers pay the year."""
        self.hear(0, size)
        self.bench.recalculate()
        for payer in PAYERS:
            self.run(payer, year, 5, returned)

    def overpay(self, year: int, overpayment: str, returned: int) -> None:
        """A year is paid by one policy, a lower one comes, and the next year is paid."""
        self.correct(120_000, overpayment, False)
        self.pay_all(40, year, returned)
        self.correct(60_000, overpayment, False)
        self.pay_all(40, year + 1, returned)

    def correct(self, excellent: int, overpayment: str, certificate: bool) -> None:
        """A policy that is carried through at once."""
        self.publish(excellent, overpayment, certificate)
        self.bench.recalculate()

    def answers(self, name: str, returned: int) -> Item:
        results = [
            self.bench.result(row.number, "returned" if row.number % returned == 0 else "settled", run=name)
            for row in self.bench.standing(name)
        ]
        return self.bench.reports(*results, run=name, file=f"{len(self.sent):064x}")

    def go_on(self, which: int, returned: int) -> None:
        """The next stage of some run, or the bank's answer once more and perhaps another one."""
        if self.runs:
            name = self.runs[which % len(self.runs)]
            for act in (self.bench.checks, self.bench.seals, self.bench.exports, self.bench.instructs):
                self.send(act(name))
            self.send(self.answers(name, returned))

    def cancel(self, which: int) -> None:
        if self.runs:
            self.send(self.bench.cancels(self.runs[which % len(self.runs)]))

    def settle_differences(self) -> None:
        """The bank has contradicted itself: somebody finds out that the books are right."""
        with self.bench.log.database.read.connect() as connection:
            found = breaks(connection, states=("open", "assigned"))
        rows = {row.payout: row for row in self.bench.rows(payout)}
        for each in found:
            if each["kind"] != "missing" and each["payout"] is not None:
                row = rows[each["payout"]]
                paid = row.amount_fen if row.stage in ("instructed", "settled") else 0
                self.send(self.bench.settles_break(each["run"].partition("/")[2], each["key"], paid))

    def demand(self, number: int, payer: str) -> None:
        data: dict[str, Any] = {"person": {"person_ref": person(number)}, "payer": payer, "by": "cashier-1", "reason": "left"}
        self.send(self.bench.fact("recovery-demanded", **data))

    def pay_back(self, number: int, payer: str, fen: int) -> None:
        who = {"person_ref": person(number)}
        self.send(self.bench.fact("recovery-paid", person=who, recovery=f"{payer}-1", amount_fen=fen, by="cashier-1"))

    def close(self, back: int) -> None:
        self.send(self.bench.closes((self.bench.clock.now() - timedelta(days=30 * back)).strftime("%Y-%m")))

    def again(self, which: int) -> None:
        """A message comes once more."""
        if self.sent:
            self.bench.settle(replace(self.sent[which % len(self.sent)], sequence=next(self.bench.sequence)))

    def finish(self) -> None:
        """Everything is heard, everybody decided, every page written."""
        self.hear(0, len(self.told))
        self.bench.recalculate()
        self.bench.finish()

    # --- what must hold -----------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """At every moment: postings as decided last, even books, closed months as they were, money out as the payouts say."""
        with self.bench.log.database.read.connect() as connection:
            assert unequal_postings(connection) == []
            balances = trial_balance(connection)
            assert sum(each.balance_fen for each in balances) == 0
            for month, before in self.months.items():
                assert trial_balance(connection, Which(month=month)) == before, f"{month} is closed"
            for each in periods(connection):
                self.months.setdefault(each["month"], trial_balance(connection, Which(month=each["month"])))
            given_back = sum(each["paid_fen"] for each in recoveries(connection))
            owing = sum(each["owing_fen"] for each in recoveries(connection))
        of = {name: sum(b.balance_fen for b in balances if b.account == name) for name in ("in_transit", "paid", "recovery")}
        out: dict[str, int] = {}
        for row in self.bench.rows(payout):
            out[row.stage] = out.get(row.stage, 0) + row.amount_fen
        assert -of["in_transit"] == out.get("instructed", 0)
        assert -of["paid"] == out.get("settled", 0) - given_back
        assert of["recovery"] == owing

    def moved(self, *accounts: str) -> Iterator[tuple[Key, int]]:
        """What each transfer took from or brought to these accounts, in order: what was granted, or what went out."""
        for row in self.bench.transfers():
            for account, sign in ((row.debit, 1), (row.credit, -1)):
                if account in accounts:
                    yield (row.person_ref, row.payer, row.year), sign * row.amount_fen


def added_up(moves: Iterator[tuple[Key, int]]) -> dict[Key, int]:
    found: dict[Key, int] = {}
    for key, fen in moves:
        found[key] = found.get(key, 0) + fen
    return {key: fen for key, fen in found.items() if fen}


def highest(moves: Iterator[tuple[Key, int]]) -> dict[Key, int]:
    """The most that it ever came to."""
    now: dict[Key, int] = {}
    most: dict[Key, int] = {}
    for key, fen in moves:
        now[key] = now.get(key, 0) + fen
        most[key] = max(most.get(key, 0), now[key])
    return most


somebody, payer, year = st.integers(1, PEOPLE), st.sampled_from(PAYERS), st.sampled_from(YEARS)
fen, mode = st.integers(1, 9).map(lambda n: n * 12_345), st.sampled_from(["net", "recover"])
steps: st.SearchStrategy[Callable[[Whole], None]] = st.one_of(
    st.builds(lambda start, size: lambda w: w.hear(start, size), st.integers(0, 25), st.integers(1, 15)),
    # Heard, decided and paid; then decided otherwise: so that there is something to net, to recover and to return.
    *[st.builds(lambda size, y, n: lambda w: w.pay_all(size, y, n), st.integers(5, 40), year, st.integers(1, 4))] * 2,
    *[st.builds(lambda f, m, c: lambda w: w.correct(f, m, c), fen, mode, st.booleans())] * 2,
    st.builds(lambda y, m, n: lambda w: w.overpay(y, m, n), st.sampled_from(YEARS[:-1]), mode, st.integers(2, 4)),
    st.builds(lambda f, m, c: lambda w: w.publish(f, m, c), fen, mode, st.booleans()),
    st.just(lambda w: w.bench.recalculating.step()),
    st.builds(lambda p, y, s, n: lambda w: w.run(p, y, s, n), payer, year, st.integers(1, 5), st.integers(1, 3)),
    st.builds(lambda which, n: lambda w: w.go_on(which, n), st.integers(0, 9), st.integers(1, 3)),
    st.builds(lambda which: lambda w: w.cancel(which), st.integers(0, 9)),
    st.builds(lambda n, p: lambda w: w.demand(n, p), somebody, payer),
    st.builds(lambda n, p, f: lambda w: w.pay_back(n, p, f), somebody, payer, st.integers(1, 5_000)),
    st.builds(lambda back: lambda w: w.close(back), st.integers(0, 2)),
    st.builds(lambda days: lambda w: w.bench.later(days), st.integers(1, 40)),
    st.builds(lambda which: lambda w: w.again(which), st.integers(0, 50)),
)


@st.composite
def told(draw: st.DrawFn) -> tuple[list[list[Hear]], list[Hear]]:
    """Each worker's facts, and all of them in an order in which the registry may have been told them."""
    files = [draw(histories(40 * number - 39, ref=person(number))) for number in range(1, PEOPLE + 1)]
    orders = [list(dict.fromkeys(draw(arrivals(file)))) for file in files]
    return files, [fact for order in orders for fact in order]


def standing(file: list[Hear]) -> list[KnownFact]:
    """The facts that nobody has withdrawn."""
    gone = {fact.standings[0].slot for fact in file if fact.particulars is None}
    return [
        KnownFact(fact.heard, fact.effective_on, fact.particulars, "hr")
        for fact in file
        if fact.particulars is not None and fact.standings[0].slot not in gone
    ]


def recomputed(files: list[list[Hear]], documents: list[Any]) -> Iterator[tuple[Key, int]]:
    """What each payer owes each worker for each year, from the facts and the policies alone, by the tests' own oracle."""
    for file in files:
        for year in range(YEARS[0], LAST_YEAR + 1):
            found = answer(standing(file), documents, year)
            for payer, fen in ({} if found is None else found.payers).items():
                yield (file[0].person_ref, payer, year), fen


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(facts=told(), script=st.lists(steps, min_size=10, max_size=20))
def test_the_postings_are_what_is_recomputed_whatever_happens(
    tmp_path: Path, facts: tuple[list[list[Hear]], list[Hear]], script: list[Callable[[Whole], None]]
) -> None:
    """Facts, corrections, policies, runs, returns, recoveries, closings, in any order, twice, or late.

    In the end the sum of the postings is what an independent oracle works out from the facts and the policies, and after a last
    run of every payer and year nobody is owed anything.
    """
    files, order = facts
    bench = PaymentBench(Database(f"sqlite:///{tmp_path}/{next(_files)}.db"), views=app.views())
    whole = Whole(bench, as_told(order))
    try:
        whole.publish(100_000, "net", False)
        for step in script:
            step(whole)
            whole.check()
        whole.finish()
        whole.check()
        expected = added_up(recomputed(files, whole.documents))
        assert added_up(whole.moved("entitlement")) == expected
        pay_the_rest(whole, expected)
        assert bench.parked() == []
        assert verify_books(bench.log).problems == []
        assert rebuild_and_compare(bench.log).differences == []
    finally:
        bench.log.database.close()


def pay_the_rest(whole: Whole, expected: dict[Key, int]) -> None:
    """What no bank has got yet is cancelled, and each payer pays each year once more: nobody is left with a due, or paid twice.

    For each year, what went out less what was given back is never more than the most that was ever due for it. All years of a
    payer together: what went out is what is due, or more, by what was overpaid and nothing covers yet.
    """
    whole.settle_differences()
    for number in range(len(whole.runs)):
        whole.cancel(number)
    whole.bench.finish()
    for payer in PAYERS:
        for year in range(YEARS[0], LAST_YEAR + 1):
            whole.run(payer, year, 5, 99)
    whole.check()
    most = highest(whole.moved("entitlement"))
    out = {key: -fen for key, fen in added_up(whole.moved("in_transit", "paid")).items()}
    for key, fen in out.items():
        assert fen <= most[key], f"{key} was paid {fen} fen, and never more than {most[key]} were due"
    for ref, payer in {key[:2] for key in (*out, *expected)}:
        due, got = (sum(fen for key, fen in each.items() if key[:2] == (ref, payer)) for each in (expected, out))
        assert got >= due, f"{payer} owes {ref} {due - got} fen more"
