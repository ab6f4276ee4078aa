"""What the allowance service needs to know from outside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from eventlog.bounds import SOURCES_VARIABLE, SourceBounds, known_in
from eventlog.eyes import EyesSetting, eyes_from, eyes_variables
from eventlog.logging import get_log
from eventlog.quota import QUOTA_VARIABLES, Quota, quota_from
from eventlog.settings import Variable, read_settings, whole_number
from eventlog.transport import TRANSPORT_VARIABLES, Transport, transport_from

__all__ = ["VARIABLES", "Settings", "settings_from"]

HOLD = "HONGLING_ALLOWANCE_HOLD_SECONDS"
EYES = eyes_variables("allowance", ("policy",))

VARIABLES = (
    Variable("HONGLING_NATS_URL", "the broker, tls://host:4222; several with commas"),
    Variable("HONGLING_ALLOWANCE_NATS_SEED_FILE", "file with the nkey seed of principal allowance, which the broker knows"),
    Variable("HONGLING_ALLOWANCE_DATABASE_URL", "sqlite:///path or postgresql://…?sslmode=verify-full&…", secret=True),
    Variable("HONGLING_ALLOWANCE_ASIDE_KEY_FILE", "file with the key of what is held and parked; made with the principals"),
    Variable(HOLD, "how long what version 0.1 has kept of payment waits; nothing new is kept", str(7 * 24 * 3600)),
    *EYES,
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
    hold_seconds: int
    eyes: EyesSetting
    quota: Quota
    known: Mapping[str, SourceBounds]
    log_level: str


def settings_from(environment: Mapping[str, str]) -> Settings:
    """Read the settings. Raises SettingError."""
    values = read_settings(VARIABLES, environment)
    transport = transport_from(values)
    transport.check_database("HONGLING_ALLOWANCE_DATABASE_URL", values["HONGLING_ALLOWANCE_DATABASE_URL"])
    return Settings(
        nats_url=values["HONGLING_NATS_URL"],
        transport=transport,
        nats_seed_file=Path(values["HONGLING_ALLOWANCE_NATS_SEED_FILE"]),
        database_url=values["HONGLING_ALLOWANCE_DATABASE_URL"],
        aside_key_file=Path(values["HONGLING_ALLOWANCE_ASIDE_KEY_FILE"]),
        hold_seconds=whole_number(HOLD, values[HOLD], 1, 366 * 24 * 3600),
        eyes=eyes_from(EYES, values),
        quota=quota_from(values),
        known=known_in(values[SOURCES_VARIABLE.name], get_log("allowance")),
        log_level=values["HONGLING_LOG_LEVEL"],
    )
