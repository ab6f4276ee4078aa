"""Names and bank accounts of a run's people, from the registry's vault: who has them, and, once that is on record, in plain.

Whether somebody has an account on file is seen without any key: the fields of an encrypted identity are named. So what is
missing is said before anything is recorded, and nothing is decrypted then. Twenty thousand people are read in pages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

import typer
from cryptography.exceptions import InvalidTag
from sqlalchemy import Connection, select

from console.context import DIFFERENCE, Context, fail
from console.personal import publish_act
from console.proposals import end_for_waiting, open_proposal, same_act
from console.publishing import is_proposed, show_receipt
from contracts import intake
from contracts.base import utc_text
from contracts.names import legible_name
from contracts.registry import EncryptedIdentity, FactCorrected, PersonalDataExported, WorkerRegistered
from contracts.roles import DESK, OPERATOR
from eventlog import schema
from eventlog.bulk import one_of
from eventlog.ids import SystemClock
from eventlog.log import Log, Recorded
from services.registry.vault import Vault
from services.registry.views import file_end, standing

__all__ = ["FIELDS", "Missing", "OnFile", "Payee", "Why", "decrypted", "identities", "missing_fields", "record_export"]

PAGE = 1000
FIELDS = ("name", "bank_account")
"""What a bank is told of a payee, and all that is decrypted."""
EXPORTED = "personal-data-exported"
RELEASE_HOURS = 24
"""How long an export that another principal has released can be made."""

Why = Literal["unknown", "erased", "withdrawn", "no-name", "no-account", "unreadable"]


@dataclass(frozen=True, slots=True)
class OnFile:
    """Where somebody's identity stands: whose file it is now (after a merger another), which event, and what is in it."""

    file: str
    event_id: str
    identity: EncryptedIdentity


@dataclass(frozen=True, slots=True)
class Missing:
    """Somebody who cannot be paid by a file."""

    payout: str
    person_ref: str
    why: Why


@dataclass(frozen=True, slots=True)
class Payee:
    name: str
    account: str


def _pages(items: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), PAGE):
        yield items[start : start + PAGE]


# --- what is on file ----------------------------------------------------------------------------------------------------


def identities(log: Log, connection: Connection, people: Sequence[str]) -> dict[str, OnFile | Why]:
    """person_ref → where the identity is that stands, or why there is none. Nothing is decrypted."""
    found: dict[str, OnFile | Why] = {}
    for page in _pages(people):
        files = _files_now(connection, page)
        stands = _standing(connection, {file for file in files.values() if file is not None})
        known = _with_identity(log, connection, stands)
        for ref in page:
            file = files[ref]
            if file is None:
                found[ref] = "erased"
            elif file not in stands:
                found[ref] = "withdrawn" if _has_file(connection, file) else "unknown"
            else:
                found[ref] = known.get(file, "withdrawn")
    return found


def _files_now(connection: Connection, people: Sequence[str]) -> dict[str, str | None]:
    """person_ref → the file in which the person goes on; None if that was erased."""
    files: dict[str, str | None] = {ref: ref for ref in people}
    asked = dict.fromkeys(people)
    while asked:
        ends = file_end.c
        query = select(ends.person_ref, ends.status, ends.into_ref).where(one_of(connection, ends.person_ref, list(asked)))
        ended = {row.person_ref: row.into_ref if row.status == "merged" else None for row in connection.execute(query)}
        for ref, file in files.items():
            if file in ended:
                files[ref] = ended[file]
        asked = dict.fromkeys(into for into in ended.values() if into is not None)
    return files


def _standing(connection: Connection, files: set[str]) -> dict[str, str]:
    """file → the event that stands for its registration."""
    table = standing.c
    query = select(table.person_ref, table.event_id).where(
        one_of(connection, table.person_ref, list(files)), table.slot == "registration"
    )
    return {row.person_ref: row.event_id for row in connection.execute(query)}


def _has_file(connection: Connection, file: str) -> bool:
    event = schema.event.c
    return connection.execute(select(event.position).where(event.stream == f"worker-{file}").limit(1)).first() is not None


def _with_identity(log: Log, connection: Connection, stands: Mapping[str, str]) -> dict[str, OnFile]:
    """file → the last event, from the one that stands backwards through what it corrects, that brought an identity."""
    found: dict[str, OnFile] = {}
    asked = {event_id: file for file, event_id in stands.items()}
    while asked:
        following: dict[str, str] = {}
        for recorded in _events(log, connection, list(asked)):
            file, event = asked[recorded.event_id], recorded.event
            if isinstance(event, WorkerRegistered | FactCorrected) and event.identity is not None:
                found[file] = OnFile(file, recorded.event_id, event.identity)
            elif isinstance(event, FactCorrected):
                following[event.corrects] = file
        asked = following
    return found


def _events(log: Log, connection: Connection, event_ids: Sequence[str]) -> Iterator[Recorded]:
    table = schema.event
    query = select(table).where(one_of(connection, table.c.event_id, event_ids))
    for row in connection.execute(query):
        yield Recorded(*row, log.codec.decode(row.type, row.data))  # type: ignore[call-arg]


def missing_fields(found: OnFile | Why) -> Why | None:
    """Why somebody cannot be paid by a file, as far as it is seen without a key; None: there is all that it needs."""
    if not isinstance(found, OnFile):
        return found
    if "name" not in found.identity.fields:
        return "no-name"
    return None if "bank_account" in found.identity.fields else "no-account"


# --- the record, and then the plain text ----------------------------------------------------------------------------------


def record_export(ctx: Context, purpose: str, people: int, list_sha256: str, reason: str) -> Recorded:
    """Have it recorded that names and accounts of so many people are put into a file. Returns the event, read back.

    Otherwise it ends the command: nothing is decrypted that is not on record.
    """
    data = {"purpose": purpose, "fields": FIELDS, "people": people, "list_sha256": list_sha256, "reason": reason}
    scope = {name: list(said) if isinstance(said, tuple) else said for name, said in data.items() if name != "reason"}
    released = _released(ctx, scope)
    if released is not None:
        return released
    receipt = publish_act(ctx, EXPORTED, intake.PersonalDataExported, data)
    if receipt.outcome != "accepted":
        show_receipt(ctx, receipt)
        raise typer.Exit(DIFFERENCE)
    if is_proposed(receipt):
        _released(ctx, scope)
    with ctx.log("registry") as log, log.database.read.connect() as connection:
        recorded = log.find(connection, receipt.events[0]) if receipt.events else None
    if recorded is None or not _is_that(recorded.event, data):
        fail(
            DIFFERENCE,
            ctx.say(
                f"消息 {receipt.id} 已接受，但登记处日志中没有其事件；没有导出任何内容",
                f"message {receipt.id} was accepted, but its event is not in the registry's log; nothing is exported",
            ),
        )
    return recorded


def _released(ctx: Context, scope: Mapping[str, Any]) -> Recorded | None:
    """The record of this very export, if another principal has released it within ``RELEASE_HOURS``.

    Ends the command with 1 if it waits for that. scope: purpose, fields, how many people, and the list of them.
    """
    since = utc_text(SystemClock().now() - timedelta(hours=RELEASE_HOURS))
    with ctx.log("registry") as log, log.database.read.connect() as connection:
        waiting = open_proposal(log, ctx.who(OPERATOR, DESK), EXPORTED, scope)
        if waiting is not None:
            end_for_waiting(ctx, "registry", waiting)
        stream = f"export-{scope['list_sha256']}"
        records = log.load(connection, [stream])[stream]
        for each in same_act(log, ctx.who(OPERATOR, DESK), EXPORTED, scope):
            released = next((found for found in records if found.causation_id == each.cause), None)
            if each.settled == "confirmed" and released is not None and released.recorded_at >= since:
                return released
    return None


def _is_that(event: Any, data: Mapping[str, Any]) -> bool:
    return isinstance(event, PersonalDataExported) and all(getattr(event, name) == value for name, value in data.items())


def decrypted(connection: Connection, vault: Vault, found: Mapping[str, OnFile]) -> dict[str, Payee | Why]:
    """person_ref → name and account in plain, or why they cannot be read. Other fields are not decrypted."""
    payees: dict[str, Payee | Why] = {}
    for page in _pages(list(found)):
        keys = vault.keys_of(connection, {found[ref].file for ref in page})
        for ref in page:
            payees[ref] = _payee(vault, keys.get(found[ref].file), found[ref])
    return payees


def _payee(vault: Vault, key: bytes | None, on_file: OnFile) -> Payee | Why:
    if key is None:
        return "erased"
    wanted = {name: on_file.identity.fields[name] for name in FIELDS}
    try:
        plain = vault.decrypt(key, on_file.event_id, on_file.identity.model_copy(update={"fields": wanted}))
    except InvalidTag:
        return "unreadable"
    name = legible_name(plain["name"])
    if not name:
        return "no-name"
    return Payee(name, plain["bank_account"]) if plain["bank_account"] else "no-account"
