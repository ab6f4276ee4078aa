"""What the registry needs to know from outside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from eventlog.bounds import SOURCES_VARIABLE, SourceBounds, known_in
from eventlog.eyes import EyesSetting, eyes_from, eyes_variables
from eventlog.logging import get_log
from eventlog.quota import QUOTA_VARIABLES, Quota, quota_from
from eventlog.settings import SettingError, Variable, read_settings, whole_number
from eventlog.transport import TRANSPORT_VARIABLES, Transport, transport_from
from services.registry.calendar import WorkCalendar
from services.registry.decider import Rules

__all__ = ["VARIABLES", "Settings", "settings_from"]

EYES = eyes_variables("registry", ("standard", "erasure", "export"))
EXPORT = "HONGLING_REGISTRY_EXPORT_PEOPLE"

VARIABLES = (
    Variable("HONGLING_NATS_URL", "the broker, tls://host:4222; several with commas"),
    Variable("HONGLING_REGISTRY_NATS_SEED_FILE", "file with the nkey seed of principal registry, which the broker knows"),
    Variable("HONGLING_REGISTRY_DATABASE_URL", "sqlite:///path or postgresql://…?sslmode=verify-full&…", secret=True),
    Variable("HONGLING_REGISTRY_ASIDE_KEY_FILE", "file with the key of what is held and parked; made with the principals"),
    Variable(
        "HONGLING_REGISTRY_KEYS",
        "folder with seal-private.jwk, index.key, wrapping-<n>.key, and credential-private.jwk to sign certificates",
    ),
    Variable("HONGLING_REGISTRY_ATTACHMENTS", "folder of the dossiers' attachments, encrypted; without it none are kept", ""),
    Variable("HONGLING_REGISTRY_HOLD_SECONDS", "how long a fact waits for what it needs", str(7 * 24 * 3600)),
    Variable("HONGLING_REGISTRY_CORRECTORS", "sources that may correct others' facts, beside the operators, with commas", ""),
    Variable("HONGLING_REGISTRY_ISSUERS", "JSON: grade to the levels that may issue it; default: the scheme's", ""),
    Variable("HONGLING_REGISTRY_DIVISIONS", "division codes newer than the library's data, with commas", ""),
    *EYES,
    Variable(EXPORT, "an export of the data of more people than this needs a second principal", "10"),
    *QUOTA_VARIABLES,
    SOURCES_VARIABLE,
    *TRANSPORT_VARIABLES,
    Variable("HONGLING_LOG_LEVEL", "DEBUG, INFO, WARNING or ERROR", "INFO"),
)


@dataclass(frozen=True)
class Settings:
    nats_url: str
    transport: Transport
    nats_seed_file: Path
    database_url: str = field(repr=False)
    aside_key_file: Path
    keys: Path
    attachments: Path | None
    hold_seconds: int
    correctors: frozenset[str]
    rules: Rules
    divisions: frozenset[str]
    eyes: EyesSetting
    export_people: int
    quota: Quota
    known: Mapping[str, SourceBounds]
    log_level: str


def settings_from(environment: Mapping[str, str]) -> Settings:
    """Read the settings. Raises SettingError."""
    values = read_settings(VARIABLES, environment)
    transport = transport_from(values)
    transport.check_database("HONGLING_REGISTRY_DATABASE_URL", values["HONGLING_REGISTRY_DATABASE_URL"])
    hold = "HONGLING_REGISTRY_HOLD_SECONDS"
    return Settings(
        nats_url=values["HONGLING_NATS_URL"],
        transport=transport,
        nats_seed_file=Path(values["HONGLING_REGISTRY_NATS_SEED_FILE"]),
        database_url=values["HONGLING_REGISTRY_DATABASE_URL"],
        aside_key_file=Path(values["HONGLING_REGISTRY_ASIDE_KEY_FILE"]),
        keys=Path(values["HONGLING_REGISTRY_KEYS"]),
        attachments=Path(values["HONGLING_REGISTRY_ATTACHMENTS"]) if values["HONGLING_REGISTRY_ATTACHMENTS"] else None,
        hold_seconds=whole_number(hold, values[hold], 1, 366 * 24 * 3600),
        correctors=_listed(values["HONGLING_REGISTRY_CORRECTORS"]),
        rules=replace(_rules(values["HONGLING_REGISTRY_ISSUERS"]), calendar=WorkCalendar()),
        divisions=_listed(values["HONGLING_REGISTRY_DIVISIONS"]),
        eyes=eyes_from(EYES, values),
        export_people=whole_number(EXPORT, values[EXPORT], 0, 10**9),
        quota=quota_from(values),
        known=known_in(values[SOURCES_VARIABLE.name], get_log("registry")),
        log_level=values["HONGLING_LOG_LEVEL"],
    )


def _listed(text: str) -> frozenset[str]:
    return frozenset(part.strip() for part in text.split(",") if part.strip())


def _rules(text: str) -> Rules:
    if not text:
        return Rules()
    try:
        found = json.loads(text)
        return Rules({str(grade): tuple(str(level) for level in levels) for grade, levels in found.items()})
    except (ValueError, AttributeError, TypeError):
        raise SettingError('HONGLING_REGISTRY_ISSUERS must be JSON such as {"senior": ["city"]}') from None
