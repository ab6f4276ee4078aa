"""Every principal against every kind of subject: what docs/security.md shows, and what a test tries on the real server.

The expectation is worked out from ``console.topology`` by NATS's own matching rule; the server is then asked itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from console.topology import SERVICES, consumers, principals, streams
from contracts.intake import FACT_TYPES
from contracts.receipts import RECEIPTS_OF
from eventlog.topology import Principal, covers

__all__ = ["Attempt", "attempts", "may", "permissions_table", "reply_targets", "requests"]

Verb = Literal["publish", "subscribe"]
NAMED_MAX = 3
FACTS_TRIED = 6
STREAM_VERBS = ("CREATE", "UPDATE", "DELETE", "PURGE", "SNAPSHOT", "RESTORE", "LEADER.STEPDOWN")
CONSUMER_VERBS = ("CREATE", "DURABLE.CREATE", "DELETE", "PAUSE", "LEADER.STEPDOWN")
REST_OF_ACK = "1.1.1.1700000000000000000.0"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One row of the matrix. subjects: name of the variant → concrete subject."""

    what: str
    verb: Verb
    subjects: Mapping[str, str]


def may(principal: Principal, verb: Verb, subject: str) -> bool:
    rights = principal.publish if verb == "publish" else principal.subscribe
    return any(covers(right, subject) for right in rights)


def attempts(sources: Sequence[str]) -> Iterator[Attempt]:
    """What anybody might try: everything that somebody may, and what nobody but the admin may."""
    users = [p.name for p in principals(sources)]
    kinds = [(service, kind.split(".")[1]) for kind, (_, services) in FACT_TYPES.items() for service in services]
    for user in users:
        subjects = {f"{fact} for {service}": f"intake.{user}.{service}.{fact}" for service, fact in kinds}
        yield Attempt(f"facts in the name of {user}", "publish", subjects)
    for service in SERVICES:
        yield Attempt(f"events of {service}", "publish", {"": f"{service}.07.something-happened"})
    yield Attempt("receipts", "publish", {user: f"receipts.{user}.accepted" for user in users})
    yield Attempt("answer into the inbox of", "publish", {user: f"_INBOX_{user}.abc.1" for user in users})
    yield Attempt("ask for the status of", "publish", {service: f"status.{service}" for service in SERVICES})
    yield Attempt(
        "ask for the receipts of",
        "publish",
        {f"{user} at {service}": f"{RECEIPTS_OF}.{user}.{service}" for user in users for service in SERVICES},
    )
    yield from _stream_attempts()
    yield from _consumer_attempts(sources)
    server = {
        "account": "$JS.API.INFO", "names": "$JS.API.STREAM.NAMES", "list": "$JS.API.STREAM.LIST",
        "system": "$SYS.REQ.SERVER.PING", "purge of the account": "$JS.API.ACCOUNT.PURGE.STORE",
    }  # fmt: skip
    yield Attempt("ask the server about everything", "publish", server)
    yield Attempt("own and others' inboxes", "subscribe", {user: f"_INBOX_{user}.>" for user in users})
    yield Attempt("answer for the status of", "subscribe", {service: f"status.{service}" for service in SERVICES})
    heard = {f"{user} at {service}": f"{RECEIPTS_OF}.{user}.{service}" for user in users for service in SERVICES}
    yield Attempt("answer for the receipts of", "subscribe", heard)
    listened = [">", "*.>", "intake.>", "receipts.>", "status.*", "_INBOX.>", "$JS.>", "$JS.EVENT.ADVISORY.>", "$SYS.>"]
    listened += [f"{service}.>" for service in SERVICES]
    yield Attempt("listen past the streams", "subscribe", {f"`{subject}`": subject for subject in listened})


def _stream_attempts() -> Iterator[Attempt]:
    names = [str(config.name) for config in streams()]
    changes = {f"{verb} {name}": f"$JS.API.STREAM.{verb}.{name}" for name in names for verb in STREAM_VERBS}
    yield Attempt("create, change, purge, delete a stream", "publish", changes)
    yield Attempt("erase a message of", "publish", {name: f"$JS.API.STREAM.MSG.DELETE.{name}" for name in names})
    yield Attempt("the state of stream", "publish", {name: f"$JS.API.STREAM.INFO.{name}" for name in names})
    yield Attempt("read any message of (leader)", "publish", {name: f"$JS.API.STREAM.MSG.GET.{name}" for name in names})
    yield Attempt("read any message of (direct)", "publish", {name: f"$JS.API.DIRECT.GET.{name}" for name in names})
    last = {name: f"$JS.API.DIRECT.GET.{name}.{name.lower()}.00.x" for name in names}
    yield Attempt("read the last message of a subject of", "publish", last)


def _consumer_attempts(sources: Sequence[str]) -> Iterator[Attempt]:
    found = [(stream, str(config.durable_name)) for stream, config in consumers(sources)]
    changes = {f"{verb} {c}": f"$JS.API.CONSUMER.{verb}.{s}.{c}" for s, c in found for verb in CONSUMER_VERBS}
    yield Attempt("create, change, delete a consumer", "publish", changes)
    yield Attempt("the state of consumer", "publish", {c: f"$JS.API.CONSUMER.INFO.{s}.{c}" for s, c in found})
    yield Attempt("take messages of consumer", "publish", {c: f"$JS.API.CONSUMER.MSG.NEXT.{s}.{c}" for s, c in found})
    yield Attempt("acknowledge for consumer", "publish", {c: f"$JS.ACK.{s}.{c}.{REST_OF_ACK}" for s, c in found})


def requests(principal: Principal) -> Iterator[tuple[str, bytes]]:
    """Every kind of request that a principal may make and that is answered, with a body that is taken.

    A publication to a stream is one: the stream's word is its answer. Of the facts that a source may report one stands for all.
    """
    facts = [right for right in principal.publish if not right.startswith(("$JS.", "status.", f"{RECEIPTS_OF}."))]
    prefixes = {right.split(".")[0]: right for right in facts}
    for right in (*prefixes.values(), *(right for right in principal.publish if right not in facts)):
        subject = right.replace(">", "00.x" if right in facts else REST_OF_ACK).replace(".*.", ".hr.")
        if ".MSG.NEXT." in right:
            yield subject, b'{"batch":1,"no_wait":true}'
        elif ".DIRECT.GET." in right:
            yield subject, b'{"seq":1}'
        elif ".MSG.DELETE." in right:
            yield subject, b'{"seq":999999}'
        elif right.startswith(f"{RECEIPTS_OF}."):
            yield subject, b"{}"
        else:
            yield subject, b""


def reply_targets(sources: Sequence[str]) -> tuple[str, ...]:
    """Where a forged reply might want to land: everything of the table that is published to, of everybody's facts some."""
    found: list[str] = []
    for attempt in attempts(sources):
        if attempt.verb == "publish":
            subjects = list(attempt.subjects.values())
            found += subjects[:: max(1, len(subjects) // FACTS_TRIED)] if attempt.what.startswith("facts") else subjects
    return tuple(dict.fromkeys((*found, "$SYS.ACCOUNT.STORE.CLAIMS.UPDATE", "_R_.forged.reply")))


def permissions_table(sources: Sequence[str]) -> str:
    """Rows: what is tried; columns: who tries. A cell names what is allowed; a dash is a denial."""
    users = principals(sources)
    lines = ["| Tried | " + " | ".join(f"`{user.name}`" for user in users) + " |", "|---" * (len(users) + 1) + "|"]
    for attempt in attempts(sources):
        cells = [_cell(user, attempt) for user in users]
        lines.append(f"| {attempt.verb}: {attempt.what} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(user: Principal, attempt: Attempt) -> str:
    allowed = [name for name, subject in attempt.subjects.items() if may(user, attempt.verb, subject)]
    if not allowed:
        return "–"
    if len(allowed) == len(attempt.subjects):
        return "yes" if len(allowed) == 1 else "all"
    if len(allowed) <= NAMED_MAX:
        return ", ".join(allowed)
    return f"{len(allowed)} of {len(attempt.subjects)}"
