"""The allowance service put together: the only place where its parts meet."""

from __future__ import annotations

from typing import Any

from faststream import FastStream

from contracts import allowance, operations
from eventlog.codec import Codec
from eventlog.database import Database
from eventlog.heard import gaps
from eventlog.ids import SystemClock, SystemEntropy
from eventlog.log import Log
from eventlog.logging import get_log
from eventlog.service import Bindings, ConsumerSpec, Service, open_broker
from services.allowance.handlers import AllowanceIntake, Recalculation, RegistryEvents, recalculations, work_metadata
from services.allowance.settings import Settings
from services.allowance.views import EntitlementView, WorkerView

__all__ = ["CODEC", "bindings", "create_app", "open_log", "provision_store"]

SERVICE = "allowance"

CODEC = Codec(
    (
        allowance.FactHeard,
        allowance.PolicyPublished,
        allowance.EntitlementDecided,
        allowance.EntitlementAdjusted,
        operations.MessageParked,
        operations.ParkedRetried,
        operations.ParkedDiscarded,
    )
)


def open_log(database: Database) -> Log:
    """The allowance log with its read models."""
    return Log(SERVICE, database, CODEC, SystemClock(), SystemEntropy(), (WorkerView(), EntitlementView()))


def provision_store(database: Database) -> None:
    """Create the service's tables. Safe to repeat; needs the owner's rights."""
    open_log(database).create()
    with database.write.begin() as connection:
        work_metadata.create_all(connection)


def create_app(settings: Settings) -> FastStream:
    """Return the application; running it connects."""
    database = Database(settings.database_url)
    log = open_log(database)
    logger = get_log(SERVICE)
    service = Service(SERVICE, log, database, open_broker(settings.nats_url, SERVICE, settings.nats_password, logger), logger)
    return service.app(bindings(service))


def bindings(service: Service) -> Bindings:
    """What the allowance service brings to a service, whatever broker that runs on."""
    log = service.log
    events = RegistryEvents(log, wake=service.wake)
    recalculation = Recalculation(log, wake=service.wake)

    async def erase(sequence: int) -> None:
        await service.erase("INTAKE", sequence)

    intake = AllowanceIntake(log, events, wake=service.wake, recalculate=recalculation.start, erase=erase)

    def details() -> dict[str, Any]:
        with log.database.read.connect() as connection:
            return {"gaps": gaps(connection, "registry"), "recalculating": recalculations(connection)}

    consumers = [
        ConsumerSpec("REGISTRY", SERVICE, events.handle),
        ConsumerSpec("INTAKE", "allowance-intake", intake.handle, 50),
    ]
    return Bindings(consumers, [recalculation.run], details)
