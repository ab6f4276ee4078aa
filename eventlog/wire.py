"""What the machinery needs of a broker, and no more: publish a batch so that it is stored, and fetch what is new.

``eventlog.nats`` does it with JetStream; the simulation in the tests does it with a bus that loses, repeats and reorders.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

__all__ = ["BrokerOutage", "ConsumerGone", "Feed", "Incoming", "Outgoing", "Publisher", "event_message", "receipt_message"]


class BrokerOutage(RuntimeError):
    """The broker did not confirm. Nothing is known of what it stored; publish again with the same ids."""


class ConsumerGone(RuntimeError):
    """The durable consumer, or its stream, does not exist (any more). Someone must provision it."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to store. message_id: the broker drops a repeat of it within its window."""

    subject: str
    message_id: str
    payload: bytes


class Incoming(Protocol):
    """One delivered message. sequence: its place on the stream; deliveries: 1 the first time.

    stored_ns: when the stream took it in, in nanoseconds since 1970; a stream made anew counts its sequences from one again.
    """

    @property
    def subject(self) -> str: ...
    @property
    def payload(self) -> bytes: ...
    @property
    def sequence(self) -> int: ...
    @property
    def deliveries(self) -> int: ...
    @property
    def stored_ns(self) -> int: ...
    @property
    def message_id(self) -> str | None: ...
    async def ack(self) -> None: ...
    async def nak(self, delay_seconds: float) -> None: ...
    async def in_progress(self) -> None: ...


class Publisher(Protocol):
    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """Return when all are stored, in order. Raises BrokerOutage; then some of them may be stored."""
        ...


class Feed(Protocol):
    async def fetch(self, count_max: int, wait_seconds: float) -> Sequence[Incoming]:
        """Return what is there as soon as something is, or nothing after the wait. Raises ConsumerGone, BrokerOutage."""
        ...

    async def close(self) -> None: ...


def event_message(log: str, row: Any) -> Outgoing:
    """A log row as it stands on the stream: CloudEvents 1.0, structured JSON, attributes in the order of the table.

    Every attribute is ASCII without quotes by the contracts' patterns, and ``data`` is canonical JSON already, so the text
    is put together instead of encoded again: the published data are the hashed bytes.
    """
    caused = "" if row.causation_id is None else f'"causationid":"{row.causation_id}",'
    text = (
        f'{{"specversion":"1.0","id":"{row.event_id}","source":"/hongling/{log}","type":"{row.type}",'
        f'"subject":"{row.stream}","time":"{row.recorded_at}","effectiveon":"{row.effective_on}",'
        f'"position":{row.position},"partition":{row.partition},"previous":{row.previous},'
        f'"correlationid":"{row.correlation_id}",{caused}"actor":"{row.actor}",'
        f'"datacontenttype":"application/json","data":{row.data}}}'
    )
    name = row.type.split(".")[1]
    return Outgoing(f"{log}.{row.partition:02d}.{name}", row.event_id, text.encode())


def receipt_message(log: str, row: Any) -> Outgoing:
    """A receipt row as it stands on RECEIPTS. Its id is its place among the service's receipts, so a repeat has the same."""
    receipt_id = f"{log}-receipt-{row.position}"
    text = (
        f'{{"specversion":"1.0","id":"{receipt_id}","source":"/hongling/{log}","type":"receipt.v1",'
        f'"time":"{row.recorded_at}","datacontenttype":"application/json","data":{row.data}}}'
    )
    return Outgoing(f"receipts.{row.source}.{row.outcome}", receipt_id, text.encode())
