"""Hongling's streams, consumers and principals: who may publish what to whom. docs/security.md shows it as a table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import nats.js.errors
from nats.aio.client import Client
from nats.js.api import ConsumerConfig, StreamConfig

from contracts.intake import FACT_TYPES, fact_subject
from contracts.receipts import RECEIPTS_OF
from contracts.roles import AUDITOR, DESK, OPERATOR, PEOPLE, SOURCE, facts_of, together
from eventlog.topology import ACK_WAIT_SECONDS, Principal, consumer_config, stream_config

__all__ = [
    "ADMIN",
    "FINANCE",
    "ROLES",
    "SERVICES",
    "Provisioned",
    "consumers",
    "principal",
    "principals",
    "provision_broker",
    "streams",
    "usual",
    "why_not",
]

SERVICES = ("registry", "allowance", "talent")
ADMIN = "admin"
TALENT = "talent"
FINANCE = "finance"
ROLES = (ADMIN, *SERVICES, FINANCE, *PEOPLE, SOURCE)
_STREAMS = ("INTAKE", "RECEIPTS", "REGISTRY", "ALLOWANCE", "TALENT", "ADVISORY")
INTAKE_DAYS = 30
INTAKE_STREAM_BYTES_MAX = 16 * 2**30
"""More than one source may send in the days for which they are kept (``eventlog.quota``)."""
INTAKE_STREAM_BYTES_MIN = 64 * 2**20
_NO_ROOM = {10047: "", 10005: "insufficient storage"}
"""The broker's codes for a stream that asks for more than the disk of the server has, or of any server of the cluster; and what
the description says then, where the code has other causes as well."""
RECEIPT_DAYS = 90

_PLACEMENT = fact_subject(TALENT, "registry", "intake.engagement-started.v1")
_ANNUAL_RATING = fact_subject(TALENT, "registry", "intake.annual-rating-recorded.v1")


def streams(replicas: int = 1) -> tuple[StreamConfig, ...]:
    """Every stream. INTAKE and RECEIPTS are kept for a stated time only: the logs keep the facts and the answers."""
    return (
        stream_config(
            "INTAKE",
            ["intake.>"],
            "Facts that integrating systems publish",
            replicas=replicas,
            max_age_days=INTAKE_DAYS,
            bytes_max=INTAKE_STREAM_BYTES_MAX,
        ),
        stream_config(
            "RECEIPTS", ["receipts.>"], "What became of each intake message", replicas=replicas, max_age_days=RECEIPT_DAYS
        ),
        stream_config("REGISTRY", ["registry.>"], "Events of the registration registry", replicas=replicas),
        stream_config("ALLOWANCE", ["allowance.>"], "Events of the allowance service", replicas=replicas),
        stream_config("TALENT", ["talent.>"], "Events of the talent service", replicas=replicas),
        stream_config(
            "ADVISORY",
            ["$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>", "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.>"],
            "Messages that a consumer gave up; there should be none",
            replicas=replicas,
            max_age_days=RECEIPT_DAYS,
        ),
    )


def consumers(sources: Sequence[str], ack_wait_seconds: float = ACK_WAIT_SECONDS) -> tuple[tuple[str, ConsumerConfig], ...]:
    """Every durable consumer, with its stream. ack_wait_seconds: after which an unsettled message is delivered again."""
    made = partial(consumer_config, ack_wait_seconds=ack_wait_seconds)
    answered = dict.fromkeys((*sources, *(role for role in PEOPLE if role != AUDITOR), TALENT))
    return (
        ("INTAKE", made("registry", ["intake.*.registry.>"], "facts for the registry")),
        ("INTAKE", made("allowance-intake", ["intake.*.allowance.>"], "policies and operators' acts")),
        ("INTAKE", made("talent-intake", ["intake.*.talent.>"], "standards, candidates and operators' acts")),
        ("REGISTRY", made("allowance", ["registry.>"], "the registry's events, heard by allowance")),
        ("REGISTRY", made("talent", ["registry.>"], "the registry's events, heard by talent")),
        ("ALLOWANCE", made("finance", ["allowance.>"], "the finance feed")),
        *(("RECEIPTS", made(f"receipts-{s}", [f"receipts.{s}.>"], f"receipts of source {s}")) for s in answered),
    )


def _reads(stream: str, consumer: str) -> tuple[str, ...]:
    return (
        f"$JS.API.CONSUMER.INFO.{stream}.{consumer}",
        f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}",
        f"$JS.ACK.{stream}.{consumer}.>",
    )


def _looks_at(stream: str) -> tuple[str, ...]:
    return (f"$JS.API.STREAM.INFO.{stream}", f"$JS.API.DIRECT.GET.{stream}")


def _stores(service: str) -> tuple[str, ...]:
    return (f"{service}.>", "receipts.>", *_looks_at(service.upper()))


def _reports(name: str, facts: frozenset[str]) -> tuple[str, ...]:
    """The rights of whoever reports: its own facts, and the receipts of these."""
    told = _facts(name, facts)
    asked = sorted({f"{RECEIPTS_OF}.{name}.{subject.split('.')[2]}" for subject in told})
    return (*told, *_reads("RECEIPTS", f"receipts-{name}"), *asked) if told else ()


def _facts(name: str, chosen: frozenset[str]) -> tuple[str, ...]:
    found = []
    for kind, (_, services) in FACT_TYPES.items():
        fact = kind.split(".")[1]
        if fact in chosen:
            found += [f"intake.{name}.{service}.{fact}" for service in services]
    return tuple(found)


_SERVES: Mapping[str, tuple[str, ...]] = {
    "registry": _reads("INTAKE", "registry"),
    "allowance": (*_reads("INTAKE", "allowance-intake"), *_reads("REGISTRY", "allowance")),
    TALENT: (
        *_reads("INTAKE", "talent-intake"),
        *_reads("REGISTRY", "talent"),
        # Placements and annual ratings are told to the registry as a source's facts, and answered like them.
        _PLACEMENT,
        _ANNUAL_RATING,
        *_reads("RECEIPTS", "receipts-talent"),
    ),
}
# DIRECT.GET: to find the messages of an erased person.
_ERASES = ("$JS.API.DIRECT.GET.INTAKE", "$JS.API.STREAM.MSG.DELETE.INTAKE")
_STATUS = tuple(f"status.{service}" for service in SERVICES)
_LOOKS: Mapping[str, tuple[str, ...]] = {
    OPERATOR: (*_STATUS, *(subject for stream in _STREAMS for subject in _looks_at(stream))),
    # Of an erased person's messages it is looked which still stand there.
    DESK: (*_STATUS, *_looks_at("INTAKE")),
    AUDITOR: (
        *_STATUS,
        *(f"{RECEIPTS_OF}.*.{service}" for service in SERVICES),
        *(subject for stream in _STREAMS for subject in _looks_at(stream)),
    ),
}
"""What a role of people may ask, beside its receipts."""


def principal(name: str, *roles: str) -> Principal:
    """What a principal of these roles may do. roles: one of ``ROLES``, or several of people."""
    if roles == (ADMIN,):
        return Principal(name, (">",), store=True)
    if len(roles) == 1 and (service := roles[0]) in SERVICES:
        rights = (*_stores(service), *_SERVES[service], *_ERASES)
        return Principal(name, rights, (f"status.{service}", f"{RECEIPTS_OF}.*.{service}"))
    if roles == (FINANCE,):
        return Principal(name, (*_reads("ALLOWANCE", "finance"), *_looks_at("ALLOWANCE")))
    looks = (subject for role in roles for subject in _LOOKS.get(role, ()))
    return Principal(name, tuple(dict.fromkeys((*_reports(name, facts_of(roles)), *looks))))


def why_not(roles: Sequence[str]) -> str | None:
    """Why one principal cannot have these roles; None if it can."""
    unknown = [role for role in roles if role not in ROLES]
    if unknown or not roles:
        return f"{', '.join(unknown) or 'none'} is no role; known: {', '.join(ROLES)}"
    if len(set(roles)) < len(roles):
        return "a role is named twice"
    if len(roles) > 1 and not set(roles) <= {*PEOPLE}:
        return f"{', '.join(sorted(set(roles) - {*PEOPLE}))} goes with no other role"
    return together(roles)


def usual(sources: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Name and role of those that every deployment has, and of its integrating systems."""
    own = (ADMIN, *SERVICES, FINANCE, *PEOPLE)
    return (*((name, name) for name in own), *((name, SOURCE) for name in sources))


def principals(sources: Sequence[str]) -> tuple[Principal, ...]:
    """Every usual user of the broker. sources: the integrating systems of this deployment."""
    return tuple(principal(name, role) for name, role in usual(sources))


@dataclass(frozen=True, slots=True)
class Provisioned:
    """What was made, and what was changed to match the configuration."""

    created: tuple[str, ...]
    updated: tuple[str, ...]


async def provision_broker(
    client: Client, sources: Sequence[str], *, replicas: int = 1, ack_wait_seconds: float = ACK_WAIT_SECONDS
) -> Provisioned:
    """Create or update every stream and consumer. Safe to repeat. Needs the admin's rights."""
    js = client.jetstream(timeout=10)
    created, updated = [], []
    for config in streams(replicas):
        name = str(config.name)
        try:
            # Streams of before refuse deleting for good; nobody may unset that, so it stays.
            config.deny_delete = (await js.stream_info(name)).config.deny_delete
            await _reserve(js.update_stream, config)
            updated.append(name)
        except nats.js.errors.NotFoundError:
            await _reserve(js.add_stream, config)
            created.append(name)
    for stream, consumer in consumers(sources, ack_wait_seconds):
        name = f"{stream}/{consumer.durable_name}"
        try:
            await js.consumer_info(stream, str(consumer.durable_name))
            updated.append(name)
        except nats.js.errors.NotFoundError:
            created.append(name)
        # Create-or-update: a durable whose filter or limits have drifted is brought back, which a subscriber never does.
        await js.add_consumer(stream, consumer)
    return Provisioned(tuple(created), tuple(updated))


async def _reserve(make: Callable[[StreamConfig], Awaitable[Any]], config: StreamConfig) -> None:
    """Make a stream; one with a bound takes half as much until the broker's disk has it."""
    while True:
        try:
            await make(config)
            return
        except nats.js.errors.APIError as error:
            no_room = _NO_ROOM.get(error.err_code or 0, "\0") in (error.description or "")
            if not no_room or not config.max_bytes or config.max_bytes < 2 * INTAKE_STREAM_BYTES_MIN:
                raise
            config.max_bytes //= 2
