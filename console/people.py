"""Whom a question is about, and as it was known when: what ``explain``, ``history`` and ``finance`` ask first."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, select

from console.context import WRONG, Context, fail
from contracts.base import Key, PersonRef, SourceName, business_date, utc_text
from eventlog import schema
from eventlog.ids import SystemEntropy
from eventlog.log import Log
from services.registry.decider import stream_of
from services.registry.vault import KeyRing, Vault, person_index

__all__ = ["Known", "business_day_of", "known_at", "person_ref_of", "position_at"]

_REF: TypeAdapter[str] = TypeAdapter(PersonRef)
_SOURCE: TypeAdapter[str] = TypeAdapter(SourceName)
_KEY: TypeAdapter[str] = TypeAdapter(Key)
_SHANGHAI = timezone(timedelta(hours=8))


# --- whom -------------------------------------------------------------------------------------------------------------


def person_ref_of(context: Context, person: str) -> str:
    """The person_ref of ``p…`` or ``<source>:<key>``. Ends the command with 2 if nobody is known by it."""
    if _fits(_REF, person):
        with context.log("registry") as log:
            if not _is_registered(log, person):
                fail(WRONG, _unknown(context, person))
        return person
    source, colon, key = person.partition(":")
    if not (colon and _fits(_SOURCE, source) and _fits(_KEY, key)):
        fail(
            WRONG,
            context.say(
                f"{person} 不是人员的写法；请写 person_ref（p 加 26 位字母数字），或 <来源>:<编号>，例如 hr:K001",
                f"{person} names nobody; write a person_ref (p and 26 letters and digits), or <source>:<key> such as hr:K001",
            ),
        )
    values = Vault(_keys(context), SystemEntropy()).any_of_key(source, key)
    with context.log("registry") as log, log.database.read.connect() as connection:
        known = select(person_index.c.person_ref).where(person_index.c.value.in_(values)).distinct()
        found = connection.execute(known).scalar_one_or_none()
    if found is None:
        fail(WRONG, _unknown(context, person))
    return str(found)


def _fits(adapter: TypeAdapter[str], text: str) -> bool:
    try:
        adapter.validate_python(text)
    except ValidationError:
        return False
    return True


def _is_registered(log: Log, person_ref: str) -> bool:
    event = schema.event.c
    with log.database.read.connect() as connection:
        query = select(event.position).where(event.stream == stream_of(person_ref)).limit(1)
        return connection.execute(query).first() is not None


def _unknown(context: Context, person: str) -> str:
    return context.say(
        f"登记处不认识 {person}；请核对来源和编号，或查看该人登记的回执（`hongling parked list` 可见搁置的消息）",
        f"the registry knows nobody as {person}; check source and key, or the receipt of the person's registration "
        "(`hongling parked list` shows what was set aside)",
    )


def _keys(context: Context) -> KeyRing:
    """The registry's secrets, by which a source's key is looked up. Ends the command with 2 if they cannot be read."""
    folder = context.deployment.keys if context.deployment is not None else Path(os.environ.get("HONGLING_REGISTRY_KEYS", ""))
    if folder == Path():
        fail(WRONG, "a source's key is looked up with the registry's secrets: set HONGLING_REGISTRY_KEYS, or give a person_ref")
    try:
        return KeyRing.read(folder)
    except (OSError, ValueError) as error:
        fail(WRONG, f"the registry's secrets in {folder} cannot be read ({error}); give a person_ref instead")


# --- when -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Known:
    """A moment of recording; what was recorded at it still counts. until: as ``recorded_at`` is stored; None: now."""

    until: str | None

    def includes(self, recorded_at: str) -> bool:
        return self.until is None or recorded_at <= self.until


def known_at(text: str | None) -> Known:
    """``--known``: a date (the end of that day in Asia/Shanghai) or a time (Asia/Shanghai, if it names no zone)."""
    if text is None:
        return Known(None)
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            after = datetime.combine(date.fromisoformat(text), time.min, _SHANGHAI).astimezone(UTC) + timedelta(days=1)
            return Known(utc_text(after - timedelta(microseconds=1)))
        at = datetime.fromisoformat(text)
        return Known(utc_text(at if at.tzinfo is not None else at.replace(tzinfo=_SHANGHAI)))
    except (ValueError, OverflowError):
        fail(WRONG, f"--known {text} is no date or time; write it as 2025-03-02 or 2025-03-02T10:00:00+08:00")


def business_day_of(option: str, text: str | None) -> date | None:
    """An option that is a business date. Ends the command with 2 if it is none."""
    if text is None:
        return None
    try:
        return business_date(text)
    except ValueError:
        fail(WRONG, f"{option} {text} is no date; write it as 2025-03-02")


def position_at(connection: Connection, head: int, known: Known) -> int:
    """The last position recorded at a moment. Positions are dense and times never go back, so it is found by halving."""
    if known.until is None:
        return head
    event = schema.event.c
    low, high = 0, head
    while low < high:
        middle = (low + high + 1) // 2
        at = connection.execute(select(event.recorded_at).where(event.position == middle)).scalar_one()
        low, high = (middle, high) if known.includes(at) else (low, middle - 1)
    return low
