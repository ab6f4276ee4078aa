"""The registry put together: the only place where its parts meet."""

from __future__ import annotations

import asyncio

from faststream import FastStream

from contracts import operations, registry
from eventlog.codec import Codec
from eventlog.database import Database
from eventlog.ids import SystemClock, SystemEntropy
from eventlog.log import Log
from eventlog.logging import get_log
from eventlog.service import Bindings, ConsumerSpec, Service, open_broker
from services.registry.decider import Rules
from services.registry.handlers import RegistryIntake
from services.registry.settings import Settings
from services.registry.vault import KeyRing, Vault, vault_metadata
from services.registry.views import StandingView

__all__ = ["CODEC", "bindings", "create_app", "open_log", "provision_store"]

SERVICE = "registry"
EXPIRE_EVERY_SECONDS = 1.0

CODEC = Codec(
    (
        registry.WorkerRegistered,
        registry.EngagementStarted,
        registry.EngagementEnded,
        registry.CertificateIssued,
        registry.AnnualRatingRecorded,
        registry.InspectionConcluded,
        registry.FactCorrected,
        registry.FactWithdrawn,
        operations.MessageParked,
        operations.ParkedRetried,
        operations.ParkedDiscarded,
    )
)


def open_log(database: Database) -> Log:
    """The registry's log with its read models."""
    return Log(SERVICE, database, CODEC, SystemClock(), SystemEntropy(), (StandingView(),))


def provision_store(database: Database) -> None:
    """Create the registry's tables. Safe to repeat; needs the owner's rights."""
    open_log(database).create()
    with database.write.begin() as connection:
        vault_metadata.create_all(connection)


def create_app(settings: Settings) -> FastStream:
    """Return the application; running it connects. Raises FileNotFoundError or ValueError if a key is missing or wrong."""
    database = Database(settings.database_url)
    log = open_log(database)
    logger = get_log(SERVICE)
    service = Service(SERVICE, log, database, open_broker(settings.nats_url, SERVICE, settings.nats_password, logger), logger)
    vault = Vault(KeyRing.read(settings.keys), SystemEntropy())
    return service.app(bindings(service, vault, settings.rules, settings.hold_seconds, settings.correctors))


def bindings(service: Service, vault: Vault, rules: Rules, hold_seconds: int, correctors: frozenset[str]) -> Bindings:
    """What the registry brings to a service, whatever broker that runs on."""

    async def erase(sequence: int) -> None:
        await service.erase("INTAKE", sequence)

    intake = RegistryIntake(
        service.log, vault, rules, hold_seconds=hold_seconds, correctors=correctors, erase=erase, wake=service.wake
    )

    async def expire() -> None:
        while True:
            await asyncio.sleep(EXPIRE_EVERY_SECONDS)
            await asyncio.to_thread(intake.expire)

    return Bindings([ConsumerSpec("INTAKE", SERVICE, intake.handle)], [expire])
