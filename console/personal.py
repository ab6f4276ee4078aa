"""What every command about personal data shares: who asks and why, the act that is recorded first, and the vault.

The order is the rule: the operator's act is published, the registry's receipt and its event are awaited, and only then is
anything decrypted. Whatever goes wrong before that ends the command with nothing shown.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from cryptography.exceptions import InvalidTag
from pydantic import BaseModel, ValidationError
from sqlalchemy import Connection

from console.context import DIFFERENCE, UNREACHABLE, WRONG, Context, fail, run_async
from console.parked import masked
from console.publishing import Message, fact_message, send, show_receipt
from contracts import intake
from contracts.base import business_day
from contracts.intake import INTAKE_BYTES_MAX
from contracts.problems import problems_of
from contracts.receipts import Receipt
from contracts.registry import (
    FactCorrected,
    FileAbsorbed,
    PersonalDataUnmasked,
    PersonErased,
    PersonMerged,
    StandingEvent,
    WorkerRegistered,
)
from contracts.roles import DESK, OPERATOR
from eventlog.ids import SystemClock, SystemEntropy
from eventlog.log import Log, Recorded
from services.registry.attachments import Attachments
from services.registry.decider import stream_of
from services.registry.vault import KeyRing, Purpose, Vault

__all__ = [
    "ReasonOption",
    "attachments_if_kept",
    "check_act",
    "check_words",
    "dossier_key",
    "erased_in",
    "files_of",
    "key_of",
    "keys_folder",
    "merged_into",
    "out_file",
    "publish_act",
    "record_unmasking",
    "standing_identity",
    "the_attachments",
    "the_vault",
]

WORDS_CHARACTERS_MAX = 200
ATTACHMENTS_VARIABLE = "HONGLING_REGISTRY_ATTACHMENTS"

ReasonOption = Annotated[str, typer.Option("--reason", help="why; recorded for ever", show_default=False)]


# --- who and why ------------------------------------------------------------------------------------------------------


def check_words(*given: tuple[str, str]) -> None:
    """(option, text) of what is recorded for ever in plain text. Ends the command with 2 if it holds personal data."""
    for option, text in given:
        if not 1 <= len(text.strip()) <= WORDS_CHARACTERS_MAX:
            fail(WRONG, f"{option} has 1 to {WORDS_CHARACTERS_MAX} characters; it is recorded for ever")
        if masked(text) != text:
            fail(WRONG, f"{option} holds a number that looks like personal data; it is recorded for ever, so leave it out")


# --- acts -------------------------------------------------------------------------------------------------------------


def act_message(fact: str, data: Mapping[str, Any], on: date, at: datetime, source: str = OPERATOR) -> Message:
    """A person's message of an act. Each act is one of its own, so its id is new."""
    return fact_message(source, "registry", fact, data, on, at)


def check_act(ctx: Context, model: type[BaseModel], data: Mapping[str, Any]) -> None:
    """Check an act's data as the registry would. Ends the command with 2, naming fields and repeating nothing."""
    try:
        model.model_validate(data)
    except ValidationError as error:
        problems = problems_of(error, lang="zh" if ctx.lang == "zh" else "en")
        fail(WRONG, "\n".join(f"{p.field}: {p.problem}; {p.remedy}" for p in problems))


def publish_act(ctx: Context, fact: str, model: type[BaseModel], data: Mapping[str, Any], on: date | None = None) -> Receipt:
    """Check an act, publish it, and return its receipt. Ends the command with 2 or 3."""
    check_act(ctx, model, data)
    at = SystemClock().now()
    source = ctx.who(OPERATOR, DESK)
    message = act_message(fact, data, on or business_day(at), at, source)
    if len(message.message) > INTAKE_BYTES_MAX:
        fail(WRONG, f"this makes a message of {len(message.message)} bytes, the limit is {INTAKE_BYTES_MAX}; write less")
    return run_async(send(ctx, source, "registry", message))


def record_unmasking(ctx: Context, person_ref: str, fields: Sequence[str], reason: str) -> Recorded:
    """Have it recorded that somebody is shown these fields. Returns the event, read back; otherwise ends the command."""
    asked = tuple(dict.fromkeys(fields))
    data = {"person": {"person_ref": person_ref}, "fields": asked, "reason": reason.strip()}
    receipt = publish_act(ctx, "personal-data-unmasked", intake.PersonalDataUnmasked, data)
    if receipt.outcome != "accepted":
        show_receipt(ctx, receipt)
        raise typer.Exit(DIFFERENCE)
    with ctx.log("registry") as log, log.database.read.connect() as connection:
        recorded = log.find(connection, receipt.events[0]) if receipt.events else None
    if recorded is None or not _is_of(recorded, person_ref, asked, receipt.source):
        fail(DIFFERENCE, f"message {receipt.id} was accepted, but its event is not in the registry's log; nothing is shown")
    return recorded


def _is_of(recorded: Recorded, person_ref: str, fields: Sequence[str], by: str) -> bool:
    match recorded.event:
        case PersonalDataUnmasked() as event:
            return (event.person_ref, event.by) == (person_ref, by) and set(fields) <= set(event.fields)
        case _:
            return False


# --- whose data -------------------------------------------------------------------------------------------------------


def files_of(connection: Connection, log: Log, person_ref: str) -> dict[str, list[Recorded]]:
    """person_ref → events, of this file and of every file that ended in it, directly or not. This one comes first."""
    own = log.load(connection, [stream_of(person_ref)])[stream_of(person_ref)]
    ended = dict.fromkeys(ref for each in own if isinstance(each.event, FileAbsorbed) for ref in each.event.files)
    others = log.load(connection, map(stream_of, ended))
    return {person_ref: own, **{ref: others[stream_of(ref)] for ref in ended}}


def merged_into(events: Sequence[Recorded]) -> str | None:
    """The file in which this person goes on."""
    return next((each.event.into for each in events if isinstance(each.event, PersonMerged)), None)


def erased_in(events: Sequence[Recorded]) -> Recorded | None:
    """The event with which the person became unreadable."""
    return next((each for each in events if isinstance(each.event, PersonErased)), None)


def standing_identity(events: Sequence[Recorded]) -> Recorded | None:
    """The event that holds the identity which stands: the registration's, or the last correction's that brought one."""
    by_id = {each.event_id: each for each in events}
    standing: str | None = None
    for each in events:
        if isinstance(each.event, StandingEvent):
            for change in each.event.standings:
                standing = change.fact if change.slot == "registration" else standing
    while standing is not None:
        found = by_id[standing]
        if isinstance(found.event, WorkerRegistered) or (isinstance(found.event, FactCorrected) and found.event.identity):
            return found
        standing = found.event.corrects if isinstance(found.event, FactCorrected) else None
    return None


# --- secrets and stores -----------------------------------------------------------------------------------------------


def keys_folder(ctx: Context) -> Path:
    """Where the registry's keys are. Ends the command with 2 if nobody says."""
    folder = ctx.deployment.keys if ctx.deployment is not None else Path(os.environ.get("HONGLING_REGISTRY_KEYS", ""))
    if folder == Path():
        fail(WRONG, "personal data are read with the registry's secrets: set HONGLING_REGISTRY_KEYS, or give --data")
    return folder


def the_vault(ctx: Context) -> Vault:
    """The registry's secrets. Ends the command with 2 if they cannot be read."""
    folder = keys_folder(ctx)
    try:
        return Vault(KeyRing.read(folder), SystemEntropy())
    except (OSError, ValueError) as error:
        fail(WRONG, f"the registry's secrets in {folder} cannot be read ({error})")


def attachments_if_kept(ctx: Context) -> Attachments | None:
    """The store of attachments; None if nobody says where it is."""
    if ctx.deployment is not None:
        return Attachments(ctx.deployment.attachments, SystemEntropy())
    folder = os.environ.get(ATTACHMENTS_VARIABLE, "").strip()
    return Attachments(Path(folder), SystemEntropy()) if folder else None


def the_attachments(ctx: Context) -> Attachments:
    """The store of attachments. Ends the command with 2 if nobody says where it is."""
    store = attachments_if_kept(ctx)
    if store is None:
        fail(WRONG, f"attachments are kept in a folder beside the registry: set {ATTACHMENTS_VARIABLE}, or give --data")
    return store


def key_of(ctx: Context, log: Log, vault: Vault, person_ref: str, purpose: Purpose) -> bytes | None:
    """A person's key, if there is one. Ends the command with 2 if the secrets are not those that it was wrapped with."""
    with log.database.read.connect() as connection:
        try:
            return vault.keys_of(connection, [person_ref], purpose).get(person_ref)
        except (InvalidTag, KeyError):
            fail(WRONG, "the person's key was wrapped with other secrets than those given; see HONGLING_REGISTRY_KEYS")


def dossier_key(ctx: Context, log: Log, vault: Vault, person_ref: str) -> bytes:
    """The person's dossier key, which the registry made with the registration. Ends the command with 2 for an erased person."""
    found = key_of(ctx, log, vault, person_ref, "dossier")
    if found is not None:
        return found
    zh = f"{person_ref} 没有档案密钥：档案已终结；若是旧版登记的，请先录入一项不带附件的内容"
    en = f"{person_ref} has no dossier key: the file has ended; one of an older version gets it with an entry without files"
    fail(WRONG, ctx.say(zh, en))


def out_file(path: Path, content: bytes) -> None:
    """Write a new file that only its owner reads. Ends the command with 2 if it is there already, 3 if it cannot be."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        fail(WRONG, f"{path} is there already; choose another name")
    except OSError as error:
        fail(WRONG, f"{path} cannot be written: {error.strerror}")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        fail(UNREACHABLE, f"{path} cannot be written: {error.strerror}")
