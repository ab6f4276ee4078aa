"""What other services are told by the registry, made up: no registry's rules have a part in it."""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from contracts.base import utc_text
from contracts.hearing import Hear
from eventlog.desk import Item
from eventlog.log import partition_of
from tests.support import NOW

__all__ = ["as_told"]


def as_told(commands: Iterable[Hear]) -> list[Item]:
    """Registry events as they stand on the stream, at positions 1, 2, …: what these commands hear. No registry's rules ask."""
    last: dict[int, int] = {}
    items = []
    for position, command in enumerate(commands, start=1):
        partition = partition_of(f"worker-{command.person_ref}")
        envelope = {
            "specversion": "1.0",
            "id": command.heard,
            "source": "/hongling/registry",
            "type": command.heard_type,
            "subject": f"worker-{command.person_ref}",
            "time": utc_text(NOW),
            "effectiveon": command.effective_on.isoformat(),
            "position": position,
            "partition": partition,
            "previous": last.get(partition, 0),
            "correlationid": command.origin.id,
            "actor": "registry",
            "datacontenttype": "application/json",
            "data": {
                "person_ref": command.person_ref,
                "fact": command.origin.model_dump(mode="json"),
                "particulars": None if command.particulars is None else command.particulars.model_dump(mode="json"),
                "standings": [standing.model_dump(mode="json") for standing in command.standings],
            },
        }
        last[partition] = position
        items.append(Item(f"registry.{partition:02d}.{command.heard_type.split('.')[1]}", orjson.dumps(envelope), position))
    return items
