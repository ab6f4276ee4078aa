"""Streams, durable consumers and principals as data: what ``hongling provision`` makes, and what each user may do.

Nothing else ever declares a stream or a consumer. The names of the services are arguments: this module knows no domain word.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StoreCompression,
    StreamConfig,
)

from eventlog.transport import is_loopback

__all__ = ["ACK_WAIT_SECONDS", "STORE", "Principal", "consumer_config", "covers", "server_config", "stream_config", "tls_block"]

ACK_WAIT_SECONDS = 30
ACK_PENDING_MAX = 5_000
DUPLICATE_WINDOW_SECONDS = 120
MESSAGE_BYTES_MAX = 1024 * 1024
"""More than an intake message may have (64 KiB), so that too large a one still reaches the service and gets its receipt."""
DAY_SECONDS = 24 * 3600


def stream_config(
    name: str,
    subjects: Sequence[str],
    description: str,
    *,
    replicas: int = 1,
    max_age_days: int | None = None,
    bytes_max: int | None = None,
) -> StreamConfig:
    """A file stream that nobody can purge. Single messages are deleted by who has the right to, see ``Principal``.

    bytes_max: beyond them the broker refuses what is published; nothing that nobody has read yet is dropped for it.
    """
    return StreamConfig(
        name=name,
        subjects=list(subjects),
        description=description,
        retention=RetentionPolicy.LIMITS,
        discard=DiscardPolicy.NEW if max_age_days is None or bytes_max is not None else DiscardPolicy.OLD,
        max_bytes=bytes_max,
        max_age=None if max_age_days is None else float(max_age_days * DAY_SECONDS),
        storage=StorageType.FILE,
        num_replicas=replicas,
        duplicate_window=float(DUPLICATE_WINDOW_SECONDS),
        max_msg_size=MESSAGE_BYTES_MAX,
        allow_direct=True,
        allow_atomic=True,
        deny_purge=True,
        # What is kept for some weeks only is not worth the broker's time; the events of years are.
        compression=StoreCompression.S2 if max_age_days is None else StoreCompression.NONE,
    )


def consumer_config(
    name: str, subjects: Sequence[str], description: str, ack_wait_seconds: float = ACK_WAIT_SECONDS
) -> ConsumerConfig:
    """A durable pull consumer with explicit acknowledgement that never gives a message up."""
    return ConsumerConfig(
        durable_name=name,
        description=description,
        deliver_policy=DeliverPolicy.ALL,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=float(ack_wait_seconds),
        max_deliver=-1,
        max_ack_pending=ACK_PENDING_MAX,
        filter_subjects=list(subjects) if len(subjects) > 1 else None,
        filter_subject=subjects[0] if len(subjects) == 1 else None,
    )


STORE = "STORE"
"""The account of the streams. Only a principal that says so logs in to it: whoever provisions."""
_ANSWERED_MANY_TIMES = ("$JS.API.CONSUMER.MSG.NEXT.", "$JS.API.DIRECT.GET.")
"""Requests that one answer does not end: the messages of a pull, and of a batch of direct gets."""
_NOBODY_ANSWERS = "nobody.answers"
_OWN_JETSTREAM = "$JS.API.INFO"
"""A server with JetStream gives every account that has no import of this subject the whole ``$JS.API.>``, answered with "not
enabled for account": each request would be answered twice, and wrongly first. An import that leads nowhere keeps it away."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who connects to the broker, and all that it may do; anything else is denied.

    publish: subjects that it may send to, streams' and requests'; answers: requests that it answers itself, for whoever may
    send them; store: it logs in to the account of the streams, everybody else to an account of its own.
    """

    name: str
    publish: tuple[str, ...]
    answers: tuple[str, ...] = ()
    store: bool = False

    @property
    def account(self) -> str:
        return STORE if self.store else self.name

    @property
    def subscribe(self) -> tuple[str, ...]:
        """What it may listen to: answers to itself, and the requests that it answers."""
        return (">",) if self.store else (f"_INBOX_{self.name}.>", *self.answers)


def covers(pattern: str, subject: str) -> bool:
    """Whether a right of this pattern holds for a subject, which may have wildcards itself (NATS subject matching)."""
    rights, tokens = pattern.split("."), subject.split(".")
    for index, right in enumerate(rights):
        if right == ">":
            return index < len(tokens)
        if index >= len(tokens) or tokens[index] == ">":
            return False
        if right not in ("*", tokens[index]):
            return False
    return len(rights) == len(tokens)


def server_config(
    principals: Sequence[Principal],
    nkeys: Mapping[str, str],
    *,
    store_dir: str,
    listen: str,
    sync_always: bool = False,
    tls_folder: str | None = None,
    extra: str = "",
) -> str:
    """The nats-server configuration: an account for each principal, and what passes between accounts.

    nkeys: public keys by principal; one without a key cannot log in. The server does not check the reply subject of a request,
    and JetStream answers there with the system's rights: so each principal has an account of its own, into which it imports
    exactly what it may send. Whatever reply it names, the answer comes out in that account only. tls_folder: of the server's
    certificate, see ``tls_block``. Raises ValueError if it would listen beyond this machine without one.
    """
    if tls_folder is None and not is_loopback(listen.rpartition(":")[0].strip("[]")):
        raise ValueError(f"a broker that listens on {listen} needs a certificate")
    sync = "sync_interval: always" if sync_always else 'sync_interval: "2m"'
    return (
        f"listen: {json.dumps(listen)}\n"
        f"{'' if tls_folder is None else tls_block(tls_folder, first=True)}"
        f"max_payload: {MESSAGE_BYTES_MAX}\n"
        f"jetstream {{\n  store_dir: {json.dumps(store_dir)}\n  {sync}\n}}\n"
        f"authorization {{timeout: 5}}\n"
        f"accounts {{\n{_accounts(principals, nkeys)}}}\n{extra}"
    )


def tls_block(folder: str, *, first: bool) -> str:
    """Certificates on both sides, with ``tls.crt``, ``tls.key`` and ``ca.crt`` of the folder.

    first: not a word before the handshake, so that nobody in between can say to a client that there is no TLS; routes of a
    cluster know no such thing, and both of their ends insist on TLS by themselves.
    """
    files = {"cert_file": "tls.crt", "key_file": "tls.key", "ca_file": "ca.crt"}
    lines = [f"{name}: {json.dumps(f'{folder}/{file}')}" for name, file in files.items()]
    lines += ["verify: true", 'min_version: "1.3"', *(["handshake_first: true"] if first else [])]
    return "tls {\n" + "".join(f"  {line}\n" for line in lines) + "}\n"


def _accounts(principals: Sequence[Principal], nkeys: Mapping[str, str]) -> str:
    answered = {subject: each.account for each in principals for subject in each.answers}
    users: dict[str, list[str]] = {STORE: []}
    imports: dict[str, list[str]] = {STORE: []}
    exports: dict[str, dict[str, list[str]]] = {STORE: {}}
    for each in principals:
        mine = users.setdefault(each.account, [])
        takes = imports.setdefault(each.account, [] if each.store else [_import(STORE, _NOBODY_ANSWERS, _OWN_JETSTREAM)])
        if each.name in nkeys:
            mine.append(_user(each, nkeys[each.name]))
        for subject in () if each.store else each.publish:
            giver = next((account for pattern, account in answered.items() if covers(pattern, subject)), STORE)
            takes.append(_import(giver, subject))
            exports.setdefault(giver, {}).setdefault(subject, []).append(each.account)
    exports[STORE][_NOBODY_ANSWERS] = [account for account in users if account != STORE]
    text = ""
    for account in users:
        lines = ["jetstream: enabled"] if account == STORE else []
        lines += _listed("users", users[account])
        lines += _listed("exports", [_export(*export) for export in exports.get(account, {}).items()])
        lines += _listed("imports", imports[account])
        text += f"  {json.dumps(account)}: {{\n" + "".join(f"    {line}\n" for line in lines) + "  }\n"
    return text


def _listed(name: str, items: Sequence[str]) -> list[str]:
    return [f"{name}: [", *(f"  {item}" for item in items), "]"] if items else []


def _import(giver: str, subject: str, local: str | None = None) -> str:
    renamed = "" if local is None else f", to: {json.dumps(local)}"
    return f"{{service: {{account: {json.dumps(giver)}, subject: {json.dumps(subject)}}}{renamed}}}"


def _export(subject: str, accounts: Sequence[str]) -> str:
    kind = ', response_type: "Stream"' if subject.startswith(_ANSWERED_MANY_TIMES) else ""
    return f"{{service: {json.dumps(subject)}, accounts: {json.dumps(accounts)}{kind}}}"


def _user(principal: Principal, nkey: str) -> str:
    # The account confines what a principal can reach; its rights inside say the same once more, and name what is denied.
    permissions: dict[str, Any] = {
        "publish": {"allow": list(principal.publish)},
        "subscribe": {"allow": list(principal.subscribe)},
    }
    if principal.answers:
        permissions["allow_responses"] = {"max": 1, "expires": "1m"}
    return f"{{nkey: {nkey}, permissions: {json.dumps(permissions)}}}"
