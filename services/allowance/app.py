"""The allowance service put together: the only place where its parts meet."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, get_args

from faststream import FastStream
from sqlalchemy import Connection, Table, inspect, select

from contracts import allowance, operations, payment
from eventlog import schema
from eventlog.box import Box
from eventlog.codec import Codec
from eventlog.database import Database
from eventlog.eyes import EyesSetting
from eventlog.forgetting import Forgetting
from eventlog.heard import gaps
from eventlog.ids import SystemClock, SystemEntropy
from eventlog.log import Log, View, append_only_of
from eventlog.logging import get_log
from eventlog.service import Bindings, ConsumerSpec, Service, open_broker
from services.allowance.handlers import (
    AllowanceIntake,
    Recalculation,
    RegistryEvents,
    recalculating,
    recalculations,
    work_metadata,
)
from services.allowance.ledger_views import LedgerView
from services.allowance.payment_views import PaymentView
from services.allowance.payment_work import PaymentWork, working
from services.allowance.payments import HOLD_SECONDS, Payments
from services.allowance.settings import Settings
from services.allowance.views import EntitlementView, WorkerView

__all__ = ["CODEC", "bindings", "create_app", "open_log", "provision_store", "views"]

SERVICE = "allowance"
EXPIRE_EVERY_SECONDS = 1.0
FORGET_EVERY_SECONDS = 1.0
"""How often it is looked whether somebody was erased."""
FILL_EVENTS = 2_000
"""Events that are read at a time to fill a read model."""

CODEC = Codec(
    (
        allowance.FactHeard,
        allowance.PolicyPublished,
        allowance.EntitlementDecided,
        allowance.EntitlementAdjusted,
        *get_args(payment.PaymentEvent),
        operations.MessageParked,
        operations.ParkedRetried,
        operations.ParkedDiscarded,
        *get_args(operations.ProposalEvent),
    )
)


def views() -> tuple[View, ...]:
    """The read models."""
    return (WorkerView(), EntitlementView(), LedgerView(), PaymentView())


def open_log(database: Database) -> Log:
    """The allowance log with its read models."""
    return Log(SERVICE, database, CODEC, SystemClock(), SystemEntropy(), views())


def provision_store(database: Database) -> None:
    """Create the service's tables; fill the read models that an earlier version had not, or had otherwise, from the log.

    Safe to repeat; needs the owner's rights.
    """
    log = open_log(database)
    with database.write.begin() as connection:
        _renew(log, connection)
    log.create()
    with database.write.begin() as connection:
        work_metadata.create_all(connection)


def _renew(log: Log, connection: Connection) -> None:
    """Make read models anew whose tables are missing or have other columns. Appends wait meanwhile."""
    if not inspect(connection).has_table(schema.log_head.name):
        return
    position = connection.execute(select(schema.log_head.c.position).with_for_update()).scalar_one_or_none() or 0
    old = [view for view in log.views if any(_is_outdated(connection, table) for table in view.tables)]
    for view in old:
        for table in view.tables:
            table.drop(connection, checkfirst=True)
            table.create(connection)
        schema.protect_append_only(connection, *append_only_of(view))
    after = 0
    while old and after < position:
        events = log.read(connection, after, FILL_EVENTS)
        for view in old:
            view.apply(connection, events, {table.name: table for table in view.tables})
        after = events[-1].position


def _is_outdated(connection: Connection, table: Table) -> bool:
    found = inspect(connection)
    return not found.has_table(table.name) or {c["name"] for c in found.get_columns(table.name)} != set(table.columns.keys())


def create_app(settings: Settings) -> FastStream:
    """Return the application; running it connects."""
    database = Database(settings.database_url, Box.read(settings.aside_key_file))
    log = open_log(database)
    logger = get_log(SERVICE)
    service = Service(
        SERVICE,
        log,
        database,
        open_broker(settings.nats_url, SERVICE, settings.nats_seed_file, settings.transport, logger),
        logger,
        partial(settings.transport.greet, settings.nats_url),
        quota=settings.quota,
        known=settings.known,
    )
    return service.app(bindings(service, settings.hold_seconds, settings.eyes))


def bindings(service: Service, hold_seconds: int = HOLD_SECONDS, eyes: EyesSetting | None = None) -> Bindings:
    """What the allowance service brings to a service, whatever broker that runs on."""
    log = service.log
    events = RegistryEvents(log, wake=service.wake)
    recalculation = Recalculation(log, wake=service.wake)
    payments = Payments(log, hold_seconds=hold_seconds, recalculating=recalculating, quota=service.quota, known=service.known)
    # The task runs in a thread, and has its own.
    work = PaymentWork(log, Payments(log, hold_seconds=hold_seconds, recalculating=recalculating), wake=service.wake)

    def start() -> None:
        recalculation.start()
        work.start()

    async def erase(sequence: int) -> None:
        await service.erase("INTAKE", sequence)

    intake = AllowanceIntake(log, wake=service.wake, recalculate=start, erase=erase, payments=payments, eyes=eyes)

    async def expire() -> None:
        while True:
            await asyncio.sleep(EXPIRE_EVERY_SECONDS)
            await asyncio.to_thread(payments.holding.expire, service.wake)

    forgetting = Forgetting(log, read=service.stored, erase=erase)

    async def forget() -> None:
        while True:
            if gone := await forgetting.run():
                service.logger.info("erased-swept", count=gone)
            await asyncio.sleep(FORGET_EVERY_SECONDS)

    def details() -> dict[str, Any]:
        with log.database.read.connect() as connection:
            return {
                "gaps": gaps(connection, "registry"),
                "recalculating": recalculations(connection),
                "paying": working(connection),
            }

    consumers = [
        ConsumerSpec("REGISTRY", SERVICE, events.handle),
        ConsumerSpec("INTAKE", "allowance-intake", intake.handle, 50),
    ]
    return Bindings(consumers, [recalculation.run, work.run, expire, forget], details)
