"""Erasing a person, and the certificate of it: what went, what is left and until when, and the proof that it is on record.

A certificate proves itself without any deployment: the event's row, the audit path of RFC 6962 from its leaf, and the root
that the path leads to. The root is not signed; whoever wants more than the certificate's own word compares it with one kept
elsewhere (``hongling verify --json`` and ``hongling status --json`` print it).
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError
from sqlalchemy import Connection, func, select

from console.context import Context
from console.operate import ask_status
from console.topology import INTAKE_DAYS, RECEIPT_DAYS
from contracts.base import utc_text
from contracts.operations import ActConfirmed, ProposalEvent
from contracts.registry import DossierEntryCorrected, DossierEntryRecorded, PersonErased
from contracts.roles import DESK, OPERATOR
from eventlog import schema
from eventlog.eyes import PROPOSALS, replay
from eventlog.forgetting import message_of
from eventlog.inclusion import path_in_log, root_from
from eventlog.log import Log, Recorded, leaf_of
from eventlog.nats import read_stream
from eventlog.relay import cursor_of
from eventlog.scrubbing import wal_horizon
from services.registry.decider import stream_of
from services.registry.erasing import CURSOR
from services.registry.vault import erasure

__all__ = [
    "CERTIFICATE_BYTES_MAX",
    "FORMAT",
    "ROW",
    "Remains",
    "attachments_named",
    "certificate",
    "check_certificate",
    "delivered",
    "left_elsewhere",
    "read_certificate",
    "sealed_messages",
    "what_is_left",
]

FORMAT = "hongling-erasure-certificate/1"
CERTIFICATE_BYTES_MAX = 1024 * 1024
HEARERS = ("allowance", "talent")
"""Services that hear the registry, and may have set aside what names a person."""
UNREAD = ("not-json", "too-large", "too-deep")
"""Codes of messages that are parked unread."""
POLL_SECONDS = 0.1

ROW = (
    "position", "stream", "version", "event_id", "type", "partition", "previous", "effective_on", "recorded_at",
    "correlation_id", "causation_id", "actor", "data",
)  # fmt: skip
"""Of an event, in the certificate: with the log's name everything that its leaf is made of."""


# --- what is left -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Remains:
    """What can still be found where. count: None where nobody can count it. until: the day after which it is gone by itself;
    None: for ever, or until somebody acts."""

    where: str
    what: str
    count: int | None = None
    until: str | None = None

    def payload(self) -> dict[str, Any]:
        return {"where": self.where, "what": self.what, "count": self.count, "until": self.until}


@dataclass(frozen=True, slots=True)
class Delivered:
    """A settled intake message about the person. sequence: where it stood on INTAKE."""

    origin: str
    message_id: str
    sequence: int
    recorded_at: str


def delivered(connection: Connection, refs: Sequence[str], now: datetime) -> list[Delivered]:
    """The messages about these files that can still be on the stream."""
    box = schema.inbox.c
    since = utc_text(now - timedelta(days=INTAKE_DAYS))
    chosen = box.stream.in_([stream_of(ref) for ref in refs]), box.recorded_at >= since
    query = select(box.origin, box.message_id, box.sequence, box.recorded_at).where(*chosen).order_by(box.sequence)
    return [Delivered(*row) for row in connection.execute(query)]


async def sealed_messages(ctx: Context, messages: Sequence[Delivered]) -> Remains | None:
    """Which of these messages still stand on INTAKE, sealed: looked for one by one, by place and id."""
    user = ctx.who(OPERATOR, DESK)
    client = await ctx.client(user)
    found: list[Delivered] = []
    try:
        for each in messages:
            stored = await read_stream(client, "INTAKE", each.sequence - 1, f"_INBOX_{user}", 1)
            # The stream may have been made anew since: then another message stands there.
            if [(s.sequence, message_of(s)) for s in stored] == [(each.sequence, (each.origin, each.message_id))]:
                found.append(each)
    finally:
        await client.close()
    if not found:
        return None
    last = datetime.fromisoformat(max(each.recorded_at for each in found)) + timedelta(days=INTAKE_DAYS)
    what = "messages about the person, identity and dossier sealed to the registry's key; the registry goes on deleting them"
    return Remains("INTAKE stream", what, len(found), last.date().isoformat())


async def left_elsewhere(ctx: Context, recorded: Recorded, wait_seconds: float) -> list[Remains]:
    """Services that have not gone after the person yet, or do not say so; they are given this long."""
    deadline = time.monotonic() + wait_seconds
    while True:
        behind = [each for each in await ask_status(ctx, HEARERS) if not _swept(each, recorded)]
        if not behind or time.monotonic() >= deadline:
            break
        await asyncio.sleep(POLL_SECONDS)
    what = "messages held, parked or on INTAKE that name the person, until the service has heard of it and swept; "
    return [Remains(f"{each['service']} database", what + "give the command again") for each in behind]


def _swept(answer: Mapping[str, Any], recorded: Recorded) -> bool:
    """Whether a service has heard of an erasure and gone after it, by its status."""
    heard = answer.get("heard", {}).get("registry", {}).get(str(recorded.partition), 0)
    return bool(answer.get("forgetting") == 0 and heard >= recorded.position)


def what_is_left(connection: Connection, recorded: Recorded) -> list[Remains]:
    """What the erasure does not reach, told by somebody who knows; ``sealed_messages`` looks at the stream itself."""
    recorded_at = recorded.recorded_at
    receipts = datetime.fromisoformat(recorded_at) + timedelta(days=RECEIPT_DAYS)
    left = [
        Remains("logs and streams", "facts, amounts and candidacies under the person_ref, which finds nobody"),
        Remains("logs and streams", "units, posts and reasons as their authors wrote them, in plain text"),
        Remains("REGISTRY stream and log", "identity and dossier as ciphertext that nobody has the key of"),
        Remains("RECEIPTS stream", "message ids and the person_ref", until=receipts.date().isoformat()),
        Remains(
            "backups of the registry's database",
            "the person's wrapped keys, in every backup made before the erasure: let them run out, or delete them",
        ),
        Remains("disks below databases and broker", "blocks that the file system has freed and not written over yet"),
        *_files_left(connection, recorded.position),
    ]
    return left


def _aside(connection: Connection) -> list[Remains]:
    """Messages that were set aside unread: nobody knows whom they are about, so nobody has swept them."""
    parked = schema.parked.c
    unread = select(func.count()).where(parked.subject.startswith("intake."), parked.code.in_(UNREAD))
    count = connection.execute(unread).scalar_one()
    what = "messages that nobody can read, sealed, and as they came on INTAKE: one of them may be about the person"
    return [Remains("registry database", what, count)] if count else []


def _files_left(connection: Connection, position: int) -> list[Remains]:
    """Where the database and its files can still hold what was deleted."""
    left = _aside(connection)
    if cursor_of(connection, CURSOR) < position:
        what = (
            "the wrapped keys in free space of the database's files, and messages that are held or parked, until the registry "
            "has swept; give the command again"
        )
        left.append(Remains("registry database", what))
    horizon = wal_horizon(connection)
    if horizon is None:
        return left
    gone = "written over" if horizon.recycled else "removed, at a checkpoint after the server has gone on to a later file"
    archive = ", and as long as they are kept in the archive" if horizon.archived else ""
    what = f"the wrapped keys as they were written, in files up to {horizon.file}, until these are {gone}{archive}"
    return [*left, Remains("write-ahead log of the registry's database server (pg_wal)", what)]


# --- the certificate --------------------------------------------------------------------------------------------------


def attachments_named(files: Mapping[str, Sequence[Recorded]]) -> int:
    """How many attachments the entries of these files name, each once a file."""
    named = {
        (ref, attachment.sha256)
        for ref, events in files.items()
        for each in events
        if isinstance(each.event, DossierEntryRecorded | DossierEntryCorrected)
        for attachment in each.event.attachments
    }
    return len(named)


def certificate(
    connection: Connection,
    log: Log,
    recorded: Recorded,
    files: Mapping[str, Sequence[Recorded]],
    attachments: Mapping[str, int],
    remains: Sequence[Remains],
    now: datetime,
) -> dict[str, Any]:
    """The certificate of an erasure, as JSON. attachments: ``deleted`` now, and ``left`` in the store.

    Its ``left`` says what was looked for afterwards and found: all of it has to be 0.
    """
    event = recorded.event
    assert isinstance(event, PersonErased)
    ref, *merged = files
    still = erasure(connection, ref, also=merged)
    head = log.head(connection)

    def proven(of: Recorded) -> dict[str, Any]:
        path = path_in_log(connection, of.position, head.position)
        return {
            "event": {"log": log.name, **{name: getattr(of, name) for name in ROW}},
            "proof": {"tree_size": head.position, "root": head.root, "path": [each.hex() for each in path]},
        }

    second = _confirmation(log, connection, recorded)
    return {
        "format": FORMAT,
        "made_at": utc_text(now.astimezone(UTC)),
        "person_ref": ref,
        "merged_files": merged,
        "by": event.by,
        "reason": event.reason,
        "erased": {
            "keys": event.keys,
            "index_entries": event.index_entries,
            "attachments_named": attachments_named(files),
            "attachments_deleted": attachments["deleted"],
        },
        "left": {"keys": len(still.keys), "index_entries": len(still.index), "attachments": attachments["left"]},
        "remains": [each.payload() for each in remains],
        **proven(recorded),
        **({} if second is None else {"confirmed_by": second.actor, "confirmation": proven(second)}),
    }


def _confirmation(log: Log, connection: Connection, recorded: Recorded) -> Recorded | None:
    """The event with which another principal confirmed the erasure; None where one was enough."""
    history = log.load(connection, [PROPOSALS])[PROPOSALS]
    found = replay((each.event_id, cast(ProposalEvent, each.event)) for each in history)
    named = {
        each.settled_event for each in found.values() if each.cause == recorded.causation_id and each.settled == "confirmed"
    }
    return next((each for each in history if each.event_id in named), None)


def check_certificate(found: Any, root: str | None = None) -> list[str]:
    """What is wrong with a certificate; nothing, if it holds. root: that it must lead to, kept by whoever asks.

    Needs no deployment. What it cannot show is that nothing was kept in secret: it shows that the erasure is on record.
    """
    try:
        return _problems_of(found, root)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return [f"this is no certificate of an erasure, or it is damaged ({type(error).__name__})"]


def _problems_of(found: Any, root: str | None) -> list[str]:
    if found["format"] != FORMAT:
        return [f"the format is {found['format']}; this program checks {FORMAT}"]
    problems = []
    row, proof, erased = found["event"], found["proof"], found["erased"]
    size, path = proof["tree_size"], [bytes.fromhex(each) for each in proof["path"]]
    leaf = leaf_of(row["log"], {name: row[name] for name in ROW})
    if root_from(leaf, row["position"] - 1, size, path).hex() != proof["root"]:
        problems.append("the event does not stand in the log whose root this is: one of the two was changed")
    if row["type"] != PersonErased.TYPE or row["log"] != "registry":
        problems.append(f"the event is a {row['type']} of log {row['log']}, not an erasure in the registry's log")
    else:
        problems += _event_problems(found, row, erased)
    problems += _confirmation_problems(found) if "confirmed_by" in found else []
    if any(found["left"].values()):
        problems.append(f"something was left: {json.dumps(found['left'])}; give the command again")
    if root is not None and root.strip().lower() != proof["root"]:
        problems.append(f"the root is {proof['root']}, not {root.strip().lower()}")
    return problems


def _confirmation_problems(found: Any) -> list[str]:
    """What is wrong with the second principal's event in a certificate that names one."""
    row, proof = found["confirmation"]["event"], found["confirmation"]["proof"]
    path = [bytes.fromhex(each) for each in proof["path"]]
    leaf = leaf_of(row["log"], {name: row[name] for name in ROW})
    root = root_from(leaf, row["position"] - 1, proof["tree_size"], path).hex()
    if root != found["proof"]["root"] or proof["tree_size"] != found["proof"]["tree_size"]:
        return ["the confirmation does not stand in the log whose root this is: one of the two was changed"]
    try:
        event = ActConfirmed.model_validate_json(row["data"])
    except ValidationError:
        return ["the confirmation's data are no confirmation"]
    if (row["type"], row["log"], event.by) != (ActConfirmed.TYPE, "registry", found["confirmed_by"]):
        return ["the certificate names another second principal than the event that it shows"]
    return ["the same principal has asked for the erasure and confirmed it"] if event.by == found["by"] else []


def _event_problems(found: Any, row: Any, erased: Any) -> list[str]:
    try:
        event = PersonErased.model_validate_json(row["data"])
    except ValidationError:
        return ["the event's data are no erasure"]
    told = (found["person_ref"], found["by"], found["reason"], erased["keys"], erased["index_entries"])
    on_record = (event.person_ref, event.by, event.reason, event.keys, event.index_entries)
    problems = [] if told == on_record else ["the certificate says something else than the event that it is about"]
    if row["stream"] != stream_of(event.person_ref):
        problems.append("the event stands in another person's stream")
    return problems


def read_certificate(path: Path) -> Any:
    """The JSON value of a file. Raises ValueError, OSError."""
    with path.open("rb") as file:
        raw = file.read(CERTIFICATE_BYTES_MAX + 1)
    if len(raw) > CERTIFICATE_BYTES_MAX:
        raise ValueError(f"a certificate has at most {CERTIFICATE_BYTES_MAX} bytes")
    return json.loads(raw)
