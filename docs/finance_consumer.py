"""A sample reader of the finance feed, see finance-feed.md: finance_consumer.py tls://HOST:4222 SEED BOOKS.db CA CERT KEY"""

import asyncio
import sqlite3
import ssl
import sys

import nats

MESSAGE = "FROM (SELECT ? AS s, ? AS body) WHERE CASE WHEN json_valid(body) THEN json_type(body, '$.position') = 'integer' END"
BOOKS = """CREATE TABLE IF NOT EXISTS event (position INTEGER PRIMARY KEY, sequence, body, partition AS (body->>'partition'),
 previous AS (body->>'previous'), kind AS (substr(body->>'type', 11)), time AS (body->>'time'), data AS (body->'data')); CREATE
 VIEW IF NOT EXISTS move(of, debit, credit) AS VALUES ('entitlement-decided.v1', 'entitlement', 'payable'), ('late', 'paid',
 'payable'), ('entitlement-adjusted.v1', 'entitlement', 'payable'), ('payout-instructed.v1', 'payable', 'in_transit'),
 ('payout-settled.v1', 'in_transit', 'paid'), ('payout-booked.v1', 'payable', 'paid'), ('payout-returned.v1', 'in_transit',
 'payable'), ('recovery-opened.v1', 'payable', 'recovery'), ('recovery-offset.v1', 'payable', 'recovery'), ('recovery-paid.v1',
 'paid', 'recovery'); CREATE VIEW IF NOT EXISTS closed AS SELECT position, data->>'month' AS month, data FROM event WHERE kind
 = 'period-closed.v1'; CREATE VIEW IF NOT EXISTS transfer AS SELECT position, data->>'person_ref' AS person_ref,
 abs(value->>'amount_fen') AS fen, ifnull(value->>'year', data->'decision'->>'year') AS year, ifnull(value->>'payer',
 data->>'payer') AS payer, iif(value->>'amount_fen' > 0, debit, credit) AS debit, iif(value->>'amount_fen' > 0, credit, debit)
 AS credit, max(strftime('%Y-%m', time, '+8 hours'), ifnull((SELECT strftime('%Y-%m', max(month) || '-01', '+1 month') FROM
 closed WHERE closed.position < event.position), '')) AS month FROM event JOIN move ON of = iif(data->>'settled_before',
 'late', kind), json_each(ifnull(data->'parts', data->'differences')) WHERE data->'decision'->>'instrument' IS NOT
 'work_expense' AND fen <> 0; CREATE VIEW IF NOT EXISTS entry AS SELECT month, debit AS account, payer, fen AS debit, 0 AS
 credit FROM transfer UNION ALL SELECT month, credit, payer, 0, fen FROM transfer; CREATE TABLE IF NOT EXISTS garbage (sequence
 PRIMARY KEY);"""
PROOFS = """SELECT 'is no event', sequence FROM garbage UNION ALL SELECT 'has not its predecessor', position FROM (SELECT *,
 lag(position, 1, 0) OVER (PARTITION BY partition ORDER BY position) AS last FROM event) WHERE previous <> last UNION ALL SELECT
 'not all are here up to', max(position) FROM event HAVING max(position) <> count(*) UNION ALL SELECT
 'is not what its payouts are', position FROM event AS seal WHERE kind = 'run-sealed.v1' AND (data->>'count',
 data->>'total_fen') <> (SELECT sum(n), sum(n * (data->>'amount_fen')) FROM (SELECT *, (kind = 'payout-prepared.v1') - (kind =
 'payout-cancelled.v1') AS n FROM event) AS p WHERE p.data->>'run' = seal.data->>'run' AND p.position < seal.position) UNION ALL
 SELECT 'is not what was closed', month || ' ' || account || ' ' || payer FROM (SELECT * FROM entry UNION ALL SELECT month,
 value->>'account', value->>'payer', -(value->>'debit_fen'), -(value->>'credit_fen') FROM closed, json_each(data->'totals'))
 WHERE month IN (SELECT month FROM closed) GROUP BY month, account, payer HAVING sum(debit) <> 0 OR sum(credit) <> 0"""


async def main(url, seed_file, path, ca=None, *pair):
    (db := sqlite3.connect(path, isolation_level=None)).executescript(BOOKS)  # a transaction for each statement
    if tls := {"tls": ssl.create_default_context(cafile=ca), "tls_handshake_first": True} if ca else {}:
        tls["tls"].load_cert_chain(*pair)
    client = await nats.connect(url, nkeys_seed=seed_file, inbox_prefix=b"_INBOX_finance", **tls)
    stream, (at,) = client.jetstream(), db.execute("SELECT ifnull(max(sequence), 0) FROM event").fetchone()
    try:
        while True:
            found = await stream.get_msg("ALLOWANCE", seq=at + 1, subject=">", direct=True, next=True)
            at, body = found.seq, found.data.decode(errors="replace")
            db.execute(f"INSERT OR IGNORE INTO event SELECT body->>'position', s, body {MESSAGE} = 1", (at, body))
            db.execute(f"INSERT OR IGNORE INTO garbage SELECT s {MESSAGE} IS NOT 1", (at, body))
    except nats.js.errors.NotFoundError:  # the end of the stream
        sys.exit(str(wrong) if (wrong := db.execute(PROOFS).fetchall()) else 0)


asyncio.run(main(*sys.argv[1:]))
