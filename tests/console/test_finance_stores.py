"""What finance asks of the stores, on both of them."""

from __future__ import annotations

from collections.abc import Callable

from console.finance_people import OnFile, Payee, decrypted, identities, missing_fields
from console.finance_statement import Asked, statement_lines
from eventlog.database import Database
from tests.allowance.payment_bench import PaymentBench, person
from tests.allowance.payment_example import COUNTY
from tests.support import RegistryBench, identity


def test_a_statement_as_of_a_position_adds_decisions_and_ledger(
    database_url: str, open_database: Callable[[str], Database]
) -> None:
    """One is paid, one came back and is owed again; before the run, both were owed."""
    bench = PaymentBench(open_database(database_url))
    bench.decide(1, 240_000)
    bench.decide(2, 360_000)
    with bench.log.database.read.connect() as connection:
        before = bench.log.head(connection).position
    bench.settle(bench.prepares())
    bench.finish()
    bench.settle(bench.checks(), bench.seals(), bench.exports(), bench.instructs())
    bench.finish()
    bench.settle(bench.reports(bench.result(1), bench.result(2, "returned")))

    def lines(position: int) -> list[tuple[int, int, int, int]]:
        found = statement_lines(bench.log, connection, Asked(COUNTY, 2021), position, live=False)
        by = {line.person_ref: (line.granted_fen, line.paid_fen, line.in_transit_fen, line.owed_fen) for line in found}
        return [by[person(1)], by[person(2)]]

    with bench.log.database.read.connect() as connection:
        assert [(240_000, 0, 0, 240_000), (360_000, 0, 0, 360_000)] == lines(before)
        assert [(240_000, 240_000, 0, 0), (360_000, 0, 0, 360_000)] == lines(bench.log.head(connection).position)


def test_names_and_accounts_are_found_in_pages(database_url: str, open_database: Callable[[str], Database]) -> None:
    """Whoever has them, in plain; and who has none, or is nobody, is told before anything is decrypted."""
    bench = RegistryBench(open_database(database_url))
    bench.settle(*(bench.registers(number, id=f"reg-{number}", key=f"w-{number}") for number in (1, 2, 3)))
    refs = [str(receipt.person_ref) for receipt in bench.receipts]
    nobody = person(9)
    with bench.log.database.read.connect() as connection:
        found = identities(bench.log, connection, [*refs, nobody])
        ready = {ref: one for ref, one in found.items() if isinstance(one, OnFile)}
        plain = decrypted(connection, bench.vault, ready)
    assert [None, None, None, "unknown"] == [missing_fields(found[ref]) for ref in (*refs, nobody)]
    expected = [Payee(identity(n).name, str(identity(n).bank_account)) for n in (1, 2, 3)]
    assert expected == [plain[ref] for ref in refs]
