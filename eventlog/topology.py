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

__all__ = ["ACK_WAIT_SECONDS", "Principal", "consumer_config", "server_config", "stream_config"]

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
    erasable: bool = False,
) -> StreamConfig:
    """A file stream that nobody can purge or delete from, unless it is erasable."""
    return StreamConfig(
        name=name,
        subjects=list(subjects),
        description=description,
        retention=RetentionPolicy.LIMITS,
        discard=DiscardPolicy.NEW if max_age_days is None else DiscardPolicy.OLD,
        max_age=None if max_age_days is None else float(max_age_days * DAY_SECONDS),
        storage=StorageType.FILE,
        num_replicas=replicas,
        duplicate_window=float(DUPLICATE_WINDOW_SECONDS),
        max_msg_size=MESSAGE_BYTES_MAX,
        allow_direct=True,
        allow_atomic=True,
        deny_delete=not erasable,
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


@dataclass(frozen=True, slots=True)
class Principal:
    """A user of the broker and all that it may do; anything else is denied. replies: may answer requests."""

    name: str
    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    replies: bool = False


def server_config(
    principals: Sequence[Principal],
    passwords: Mapping[str, str],
    *,
    store_dir: str,
    listen: str,
    sync_always: bool = False,
    extra: str = "",
) -> str:
    """The nats-server configuration with every principal. passwords: by user; ``$NAME`` makes the server read a variable."""
    users = ",\n".join("    " + _user(principal, passwords[principal.name]) for principal in principals)
    sync = "sync_interval: always" if sync_always else 'sync_interval: "2m"'
    return (
        f"listen: {json.dumps(listen)}\n"
        f"max_payload: {MESSAGE_BYTES_MAX}\n"
        f"jetstream {{\n  store_dir: {json.dumps(store_dir)}\n  {sync}\n}}\n"
        f"authorization {{\n  timeout: 5\n  users: [\n{users}\n  ]\n}}\n{extra}"
    )


def _user(principal: Principal, password: str) -> str:
    secret = password if password.startswith("$") else json.dumps(password)
    permissions: dict[str, Any] = {
        "publish": {"allow": list(principal.publish)},
        "subscribe": {"allow": list(principal.subscribe)},
    }
    if principal.replies:
        permissions["allow_responses"] = {"max": 1, "expires": "1m"}
    return f"{{user: {principal.name}, password: {secret}, permissions: {json.dumps(permissions)}}}"
