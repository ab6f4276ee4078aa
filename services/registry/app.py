"""The registry put together: the only place where its parts meet."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import get_args

from faststream import FastStream
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from contracts import operations, registry
from contracts.receipts import Problem
from eventlog.box import Box
from eventlog.codec import Codec
from eventlog.database import Database
from eventlog.eyes import EyesSetting
from eventlog.ids import SystemClock, SystemEntropy
from eventlog.log import Log
from eventlog.logging import get_log
from eventlog.service import Bindings, ConsumerSpec, Service, open_broker
from services.registry.attachments import Attachments
from services.registry.decider import Rules
from services.registry.divisions import check_credit_code, check_division
from services.registry.erasing import ErasureSweep
from services.registry.handlers import EXPORT_PEOPLE, RegistryIntake
from services.registry.keeping import Keeper
from services.registry.settings import Settings
from services.registry.vault import KeyRing, Vault, vault_metadata
from services.registry.views import registry_views

__all__ = ["CODEC", "bindings", "create_app", "open_log", "provision_store"]

SERVICE = "registry"
EXPIRE_EVERY_SECONDS = 1.0
SWEEP_EVERY_SECONDS = 1.0
"""How often it is looked whether somebody was erased."""
KEEP_EVERY_SECONDS = 5.0
"""How often it is looked whether a notice has ended or an inspection was closed."""

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
        registry.RegistrationTransferred,
        registry.RegistrationClosed,
        registry.RegistrationReopened,
        registry.CertificateChanged,
        registry.CertificateRecognised,
        registry.FactAbsorbed,
        registry.FileAbsorbed,
        registry.PersonMerged,
        registry.CertificationApplied,
        registry.EligibilityReviewed,
        registry.TrainingTested,
        registry.PanelReviewed,
        registry.NoticeOpened,
        registry.ObjectionRaised,
        registry.ObjectionResolved,
        registry.CertificationConcluded,
        registry.CertificationStandardPublished,
        registry.DossierEntryRecorded,
        registry.DossierEntryCorrected,
        registry.RatingAppealed,
        registry.RatingAppealDecided,
        registry.PersonalDataUnmasked,
        registry.PersonErased,
        registry.PersonalDataExported,
        registry.UnitRegistered,
        registry.UnitClosed,
        registry.InspectionOpened,
        registry.InspectionClosed,
        operations.MessageParked,
        operations.ParkedRetried,
        operations.ParkedDiscarded,
        *get_args(operations.ProposalEvent),
    )
)


def open_log(database: Database) -> Log:
    """The registry's log with its read models."""
    return Log(SERVICE, database, CODEC, SystemClock(), SystemEntropy(), registry_views())


def provision_store(database: Database) -> None:
    """Create the registry's tables. Safe to repeat; needs the owner's rights."""
    open_log(database).create()
    with database.write.begin() as connection:
        vault_metadata.create_all(connection)


def create_app(settings: Settings) -> FastStream:
    """Return the application; running it connects. Raises FileNotFoundError or ValueError if a key is missing or wrong."""
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
    reread = partial(KeyRing.read, settings.keys)
    vault = Vault(reread(), SystemEntropy(), reread)
    kept = Attachments(settings.attachments, SystemEntropy()) if settings.attachments else None
    return service.app(
        bindings(
            service,
            vault,
            settings.rules,
            settings.hold_seconds,
            settings.correctors,
            settings.divisions,
            kept,
            partial(public_seal, settings.keys),
            settings.eyes,
            settings.export_people,
        )
    )


def public_seal(keys: Path) -> str | None:
    """The public half of the key that opens seals, as it stands in the folder now; None while it cannot be read."""
    try:
        return json.dumps(OKPKey.import_key(json.loads((keys / "seal-public.jwk").read_text())).as_dict(private=False))
    except (OSError, ValueError, JoseError):
        return None


def check_place(division: str, credit_code: str | None, extra: frozenset[str] = frozenset()) -> Problem | None:
    """What is wrong with a unit's or an inspection's division, or a unit's credit code."""
    return check_division(division, extra) or (None if credit_code is None else check_credit_code(credit_code))


def bindings(
    service: Service,
    vault: Vault,
    rules: Rules,
    hold_seconds: int,
    correctors: frozenset[str],
    divisions: frozenset[str] = frozenset(),
    attachments: Attachments | None = None,
    seal_key: Callable[[], str | None] = lambda: None,
    eyes: EyesSetting | None = None,
    export_people: int = EXPORT_PEOPLE,
) -> Bindings:
    """What the registry brings to a service, whatever broker that runs on. divisions: codes newer than the library's.

    attachments: where they are kept, if they are. seal_key: the public key that sources seal to, as JSON.
    """

    async def erase(sequence: int) -> None:
        await service.erase("INTAKE", sequence)

    intake = RegistryIntake(
        service.log,
        vault,
        rules,
        hold_seconds=hold_seconds,
        correctors=correctors,
        erase=erase,
        quota=service.quota,
        known=service.known,
        wake=service.wake,
        check_place=partial(check_place, extra=divisions),
        eyes=eyes,
        export_people=export_people,
    )

    keeper = Keeper(service.log, rules, service.wake)

    async def keep() -> None:
        while True:
            # First, so that it goes on even while the check fails on somebody.
            await intake.release_held()
            await asyncio.to_thread(keeper.run)
            await asyncio.to_thread(vault.refresh)
            await asyncio.sleep(KEEP_EVERY_SECONDS)

    async def expire() -> None:
        while True:
            await asyncio.sleep(EXPIRE_EVERY_SECONDS)
            await asyncio.to_thread(intake.expire)

    erasures = ErasureSweep(service.log, vault, read=service.stored, erase=erase, attachments=attachments)

    async def sweep() -> None:
        while True:
            if deleted := await erasures.run():
                service.logger.info("intake-erased", count=deleted)
            await asyncio.sleep(SWEEP_EVERY_SECONDS)

    return Bindings([ConsumerSpec("INTAKE", SERVICE, intake.handle)], [expire, keep, sweep], seal_key=seal_key)
