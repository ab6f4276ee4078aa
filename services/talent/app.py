"""The talent service put together: the only place where its parts meet."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, get_args

from faststream import FastStream

from contracts import operations, talent
from contracts.appraisal_events import AppraisalEvent
from contracts.development import DevelopmentEvent
from contracts.staffing import StaffingEvent
from eventlog.box import Box
from eventlog.codec import Codec
from eventlog.database import Database
from eventlog.eyes import EyesSetting
from eventlog.forgetting import Forgetting
from eventlog.heard import gaps
from eventlog.ids import SystemClock, SystemEntropy
from eventlog.log import Log, View
from eventlog.logging import get_log
from eventlog.service import Bindings, ConsumerSpec, RelaySpec, Service, open_broker
from eventlog.workdays import WorkCalendar
from services.talent.appraisal_views import AppraisalView, ConductView
from services.talent.conclusions import RATINGS_RELAY, read_conclusions
from services.talent.development_views import DevelopmentView, MatterView, PostView
from services.talent.handlers import Talent
from services.talent.placements import RELAY, read_placements
from services.talent.settings import Settings
from services.talent.staffing_views import StaffingView
from services.talent.views import PoolView

__all__ = ["CODEC", "bindings", "create_app", "open_log", "provision_store", "talent_views"]

SERVICE = "talent"
EXPIRE_EVERY_SECONDS = 1.0
FORGET_EVERY_SECONDS = 1.0
"""How often it is looked whether somebody was erased."""

CODEC = Codec(
    (
        talent.FactHeard,
        talent.StandardPublished,
        talent.CandidateNominated,
        talent.CandidateProfiled,
        talent.CandidateScreened,
        talent.CandidateAdmitted,
        talent.CandidateFlagged,
        talent.CandidateRemoved,
        talent.CandidatePlaced,
        *get_args(AppraisalEvent),
        *get_args(DevelopmentEvent),
        *get_args(StaffingEvent),
        operations.MessageParked,
        operations.ParkedRetried,
        operations.ParkedDiscarded,
        *get_args(operations.ProposalEvent),
    )
)


def open_log(database: Database) -> Log:
    """The talent log with its read models."""
    return Log(SERVICE, database, CODEC, SystemClock(), SystemEntropy(), talent_views())


def talent_views() -> tuple[View, ...]:
    """Every read model of the service."""
    return (PoolView(), PostView(), DevelopmentView(), MatterView(), StaffingView(), AppraisalView(), ConductView())


def provision_store(database: Database) -> None:
    """Create the service's tables. Safe to repeat; needs the owner's rights."""
    open_log(database).create()


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
    return service.app(bindings(service, settings.hold_seconds, settings.closers, settings.eyes))


def bindings(service: Service, hold_seconds: int, closers: frozenset[str], eyes: EyesSetting | None = None) -> Bindings:
    """What the talent service brings to a service, whatever broker that runs on."""
    log = service.log

    async def erase(sequence: int) -> None:
        await service.erase("INTAKE", sequence)

    handlers = Talent(
        log,
        hold_seconds=hold_seconds,
        wake=service.wake,
        erase=erase,
        quota=service.quota,
        known=service.known,
        calendar=WorkCalendar(),
        closers=closers,
        eyes=eyes,
    )

    async def expire() -> None:
        while True:
            await asyncio.sleep(EXPIRE_EVERY_SECONDS)
            await asyncio.to_thread(handlers.expire)

    forgetting = Forgetting(log, read=service.stored, erase=erase)

    async def forget() -> None:
        while True:
            if gone := await forgetting.run():
                service.logger.info("erased-swept", count=gone)
            await asyncio.sleep(FORGET_EVERY_SECONDS)

    def details() -> dict[str, Any]:
        with log.database.read.connect() as connection:
            return {"gaps": gaps(connection, "registry")}

    consumers = [
        ConsumerSpec("REGISTRY", SERVICE, handlers.handle_events),
        ConsumerSpec("INTAKE", "talent-intake", handlers.handle_intake),
    ]
    relays = [RelaySpec(RELAY, "INTAKE", read_placements), RelaySpec(RATINGS_RELAY, "INTAKE", read_conclusions)]
    return Bindings(consumers, [expire, forget], details, relays=relays)
