"""Reading intake messages: limits first, then form, then who sent it. Every failure has a code, a field and a remedy.

A message that can be read but is wrong is *refused*; one that cannot be read is *parked*. Identity in plain text is refused
by a receipt that does not repeat it, and the message is to be erased from the stream.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import orjson
from pydantic import ValidationError
from sqlalchemy import Connection, select

from contracts.base import EventId, FactOrigin
from contracts.extent import INTAKE_DEPTH_MAX, INTAKE_VALUES_MAX, beyond
from contracts.intake import FACT_TYPES, INTAKE_BYTES_MAX, IntakeMessage, fact_subject, message_named, parse
from contracts.plain_identity import identity_in, plain_identities
from contracts.problems import PROBLEMS_MAX, problems_of
from contracts.problems import problem as problem_of
from contracts.receipts import Outcome, Problem
from contracts.resident_id import looks_like_resident_id
from eventlog import schema
from eventlog.box import opened
from eventlog.bulk import one_of
from eventlog.canonical import canonical

__all__ = [
    "PARKED_REMEDY",
    "Fault",
    "Parsed",
    "Seen",
    "again",
    "answer",
    "content_of",
    "parked_problem",
    "read_intake",
    "read_name",
    "replay_receipt",
    "says_the_same",
    "seen_before",
]

ReceiptValue = dict[str, Any]
_SEALED = re.compile(r"eyJ[\w-]*(\.[\w-]*){4}")
"""A JWE in compact form (RFC 7516 section 7.1)."""
PARKED_REMEDY = (
    "nothing is lost: an operator looks at it (`hongling parked list`) and retries or discards it; "
    "to publish a mended message now, give it a new id"
)
EXACT_MAX = 2**53 - 1
"""The largest integer that JSON carries exactly (RFC 7493)."""
_FRACTION = re.compile(rb"[0-9](?:\.0|[eE])")
"""Where a whole number may be written with a fraction or an exponent."""
_ID_SHAPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


@dataclass(frozen=True, slots=True)
class Parsed:
    """A well-formed message from the source that its subject names. roles: of the source, see ``contracts.roles.frozen``."""

    origin: str
    message: IntakeMessage
    value: dict[str, Any]
    sequence: int
    subject: str
    raw: bytes
    roles: tuple[str, ...] | None = None

    @property
    def fact(self) -> FactOrigin:
        """The message as the events that come of it name it."""
        return FactOrigin(source=self.origin, id=self.message.id, occurred_at=self.message.time, roles=self.roles)


@dataclass(frozen=True, slots=True)
class Fault:
    """A message that is refused or parked unread. erase: it holds personal data that nobody here will use, plain or sealed."""

    origin: str
    message_id: str
    outcome: Literal["refused", "parked"]
    problems: tuple[Problem, ...]
    sequence: int
    subject: str
    raw: bytes
    erase: bool = False
    type: str | None = None


def read_intake(service: str, subject: str, raw: bytes, sequence: int, header_id: str | None = None) -> Parsed | Fault:
    """Read one message that arrived on ``intake.<source>.<service>.<fact>``."""
    origin = subject.split(".")[1]

    def fault(outcome: Literal["refused", "parked"], *problems: Problem, value: Any = None, erase: bool = False) -> Fault:
        kind = value.get("type") if isinstance(value, dict) else None
        known = kind if isinstance(kind, str) and kind in FACT_TYPES else None
        named = _id_of(origin, value, header_id, sequence)
        kept = b"" if erase else raw
        return Fault(origin, named, outcome, problems, sequence, subject, kept, erase or holds_seal(value), known)

    plain = looks_like_resident_id(raw)
    value = _value_of(raw)
    if isinstance(value, Problem):
        plain = plain or identity_in(raw[:INTAKE_BYTES_MAX].decode("utf-8", "replace")) is not None
        # What holds an ID is not set aside with its bytes: it is refused and erased, like any other plain identity.
        return fault("refused", problem_of("plain-identity", ""), erase=True) if plain else fault("parked", value)
    # An ID may hide behind escapes; without any, the text has been searched already.
    if plain or (b"\\u" in raw and looks_like_resident_id(orjson.dumps(value))):
        return fault("refused", problem_of("plain-identity", ""), value=value, erase=True)
    try:
        message = parse(raw)
    except ValidationError as error:
        problems = problems_of(error, str(value.get("type", "")) if isinstance(value, dict) else "")
        if isinstance(value, dict):
            kind = value.get("type")
            known = FACT_TYPES.get(kind) if isinstance(kind, str) else None
            problems = (*plain_identities(known and known[0], value.get("data")), *problems)[:PROBLEMS_MAX]
        erase = any(p.code == "plain-identity" for p in problems)
        return fault("refused", *problems, value=value, erase=erase)
    plain_texts = plain_identities(FACT_TYPES[message.type][0], value["data"])
    if plain_texts:
        return fault("refused", *plain_texts, value=value, erase=True)
    wrong = _wrong_sender(service, origin, subject, message)
    if wrong is not None:
        return fault("refused", wrong, value=value)
    return Parsed(origin, _by_whom(message, origin), value, sequence, subject, raw)


def again(said: Mapping[str, Any], origin: str, sequence: int, subject: str) -> Parsed:
    """A message that was read before, as its source said it then. Raises pydantic.ValidationError."""
    raw = canonical(said)
    return Parsed(origin, _by_whom(parse(raw), origin), dict(said), sequence, subject, raw)


def _by_whom(message: IntakeMessage, origin: str) -> IntakeMessage:
    """The message with the principal that the broker authenticated as who does it, whatever text it gives."""
    if not isinstance(getattr(message.data, "by", None), str):
        return message
    said: IntakeMessage = message.model_copy(update={"data": message.data.model_copy(update={"by": origin})})
    return said


def holds_seal(value: Any) -> bool:
    """Whether somebody's identity is sealed anywhere within a JSON value."""
    if isinstance(value, dict | list):
        return any(map(holds_seal, value.values() if isinstance(value, dict) else value))
    return isinstance(value, str) and _SEALED.fullmatch(value) is not None


def read_name(subject: str, raw: bytes, sequence: int, header_id: str | None = None) -> str:
    """The id of a message of which nothing else is read."""
    return _id_of(subject.split(".")[1], _value_of(raw), header_id, sequence)


def _value_of(raw: bytes) -> Any:
    """The JSON value, or the Problem for which it is parked unread: too large, too deep, too many values, not JSON."""
    if len(raw) > INTAKE_BYTES_MAX:
        return _too_large(len(raw))
    # A quick count first: only a message with many brackets can be nested too deeply, or hurt the parser.
    if raw.count(b"{") + raw.count(b"[") > INTAKE_DEPTH_MAX and _deep(raw):
        return problem_of("too-deep", "")
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return problem_of("not-json", "")
    # A quick count first, again: before each value stands one of these, but for the whole.
    if sum(map(raw.count, (b",", b":", b"[", b"{"))) >= INTAKE_VALUES_MAX and (code := beyond(value)) is not None:
        return problem_of(code, "")
    return _exact(value, raw)


def _read(raw: bytes) -> Any:
    """The JSON value, with whole numbers as integers however they are written (1.0, 1e2): they say the same."""
    return _exact(orjson.loads(raw), raw)


def _exact(value: Any, raw: bytes) -> Any:
    return _whole(value) if _FRACTION.search(raw) else value


def _whole(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _whole(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_whole(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) <= EXACT_MAX else value


def _too_large(size: int) -> Problem:
    return Problem(
        field="",
        code="too-large",
        problem=f"the message has {size} bytes, the limit is {INTAKE_BYTES_MAX}",
        remedy="send less; attachments do not travel in facts",
    )


def _deep(raw: bytes) -> bool:
    """Count brackets outside strings; no parser, so no recursion to exhaust."""
    depth, inside, escaped = 0, False, False
    for byte in raw:
        if inside:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                inside = False
        elif byte == 0x22:
            inside = True
        elif byte in b"{[":
            depth += 1
            if depth > INTAKE_DEPTH_MAX:
                return True
        elif byte in b"}]":
            depth -= 1
    return False


def _id_of(origin: str, value: Any, header_id: str | None, sequence: int) -> str:
    """The message's id if it is one, else the one in its publishing id (``contracts.intake.publishing_id``), else where it
    stood."""
    source, _, named = message_named(header_id or "").partition("/")
    candidates = [value.get("id") if isinstance(value, dict) else None, named if source == origin else header_id]
    for found in candidates:
        if isinstance(found, str) and _ID_SHAPE.fullmatch(found) and not looks_like_resident_id(found):
            return found
    return f"seq-{sequence}"


def _wrong_sender(service: str, origin: str, subject: str, message: IntakeMessage) -> Problem | None:
    if message.source != origin:
        return Problem(
            field="source",
            code="wrong-source",
            problem="the envelope names another source than the credentials that published it",
            remedy=f"write {origin}, or publish with the other source's credentials",
        )
    if service not in FACT_TYPES[message.type][1] or fact_subject(origin, service, message.type) != subject:
        return Problem(
            field="type",
            code="wrong-subject",
            problem="this type of fact does not belong on the subject that it came on",
            remedy=f"publish it on {fact_subject(origin, FACT_TYPES[message.type][1][0], message.type)}",
        )
    return None


def content_of(value: Mapping[str, Any], marks: Mapping[str, str] | None = None) -> bytes:
    """SHA-256 of what a message says: without when it was sent and its tracing, and with sealed parts replaced by marks.

    A seal is different each time that the same identity is sealed, so ``marks`` maps it to something that is not.
    """
    said = {name: part for name, part in value.items() if name not in ("time", "traceparent")}
    if marks:
        said["data"] = _unsealed(said["data"], marks)
    return hashlib.sha256(canonical(said)).digest()


def _unsealed(value: Any, marks: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _unsealed(part, marks) for name, part in value.items()}
    return marks.get(value, value) if isinstance(value, str) else value


# --- what was seen before -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Seen:
    """An earlier arrival of a message. content is None for one that is held or parked (it is not settled yet).

    raw: the bytes of one that is held or parked. why: for what it is parked.
    """

    outcome: str
    sequence: int
    content: bytes | None
    receipt_position: int | None
    event_id: str | None
    stream: str | None
    recorded_at: str | None = None
    raw: bytes = b""
    why: Problem | None = None

    @property
    def settled(self) -> bool:
        """Not only held or parked."""
        return self.content is not None


Key = tuple[str, str]
"""(source, message id)."""


def seen_before(connection: Connection, keys: Iterable[Key]) -> dict[Key, Seen]:
    """Which of these messages are settled, held or parked."""
    by_origin: dict[str, list[str]] = {}
    for origin, message_id in keys:
        by_origin.setdefault(origin, []).append(message_id)
    found: dict[Key, Seen] = {}
    for origin, ids in by_origin.items():
        for table, row_id, since, outcome in (
            (schema.held, "hold_id", "since", "waiting"),
            (schema.parked, "parked_id", "parked_at", "parked"),
        ):
            chosen = table.c.origin == origin, one_of(connection, table.c.message_id, ids)
            for aside in connection.execute(select(table).where(*chosen)).mappings():
                why = None if outcome == "waiting" else parked_problem(aside["code"], aside["problem"])
                raw = opened(connection, aside["raw"], aside[row_id])
                found[origin, aside["message_id"]] = Seen(
                    outcome, aside["sequence"], None, None, None, None, aside[since], raw, why
                )
        box = schema.inbox
        for row in connection.execute(select(box).where(box.c.origin == origin, one_of(connection, box.c.message_id, ids))):
            found[origin, row.message_id] = Seen(
                row.outcome, row.sequence, row.content, row.receipt_position, row.event_id, row.stream, row.recorded_at
            )
    return found


def parked_problem(code: str, what: str) -> Problem:
    """Why a message is parked, as its source is told when it asks or publishes again."""
    return Problem(field="", code=code, problem=what, remedy=PARKED_REMEDY)


def says_the_same(one: bytes, other: bytes) -> bool:
    """Whether two messages say the same, as far as can be told unopened: all but their sealed parts, time and tracing.

    A seal differs each time that the same identity is sealed, so two seals at one place are taken for the same.
    """
    if one == other:
        return True
    try:
        first, second = (content_of(_blanked(_read(raw))) for raw in (one, other))
    except (orjson.JSONDecodeError, AttributeError, TypeError, ValueError):
        return False  # One of them is no JSON object.
    return first == second


def _blanked(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _blanked(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_blanked(part) for part in value]
    return "" if isinstance(value, str) and _SEALED.fullmatch(value) else value


def replay_receipt(connection: Connection, seen: Seen, at: datetime) -> ReceiptValue | None:
    """The answer that a settled message had, to be given again to a source that published it again."""
    if seen.receipt_position is None:
        return None
    table = schema.receipt
    data = connection.execute(select(table.c.data).where(table.c.position == seen.receipt_position)).scalar_one()
    found: ReceiptValue = orjson.loads(data)
    return {**found, "repeated": True, "at": _iso(at)}


def answer(
    service: str,
    origin: str,
    message_id: str,
    outcome: Outcome,
    at: datetime,
    *,
    kind: str | None = None,
    problems: Sequence[Problem] = (),
    warnings: Sequence[Problem] = (),
    events: Sequence[EventId] = (),
    person_ref: str | None = None,
    waiting_for: str | None = None,
    until: datetime | None = None,
    contradicts: Sequence[EventId] = (),
    repeated: bool = False,
) -> ReceiptValue:
    """A receipt in this service's name, as the JSON value of a ``contracts.receipts.Receipt`` (a test holds them together).

    One is made for every message, so it is put together instead of validated and dumped: that takes a tenth of the time.
    """
    return {
        "source": origin,
        "id": message_id,
        "service": service,
        "outcome": outcome,
        "at": _iso(at),
        "type": kind,
        "problems": [problem.payload() for problem in problems],
        "warnings": [warning.payload() for warning in warnings],
        "events": list(events),
        "person_ref": person_ref,
        "waiting_for": waiting_for,
        "until": None if until is None else _iso(until),
        "contradicts": list(contradicts),
        "repeated": repeated,
    }


def _iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
