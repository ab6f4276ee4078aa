"""Stored events are upcast on read, through as many versions as it takes, and never dropped."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar

import pytest

from contracts.base import LogEvent
from eventlog.codec import Codec, UnknownEvent


class Moved(LogEvent):
    TYPE: ClassVar[str] = "example.moved.v3"
    to: str
    on: date
    why: str = ""


def to_v2(data: dict[str, Any]) -> dict[str, Any]:
    return {"to": data["where"], "on": data["on"]}


def to_v3(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "to": data["to"].upper()}


CODEC = Codec([Moved], {"example.moved.v1": ("example.moved.v2", to_v2), "example.moved.v2": ("example.moved.v3", to_v3)})
NEWEST = Moved(to="NORTH", on=date(2025, 1, 4))


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("example.moved.v1", '{"where":"north","on":"2025-01-04"}'),
        ("example.moved.v2", '{"to":"north","on":"2025-01-04"}'),
        ("example.moved.v3", '{"to":"NORTH","on":"2025-01-04"}'),
    ],
)
def test_every_version_reads_as_the_newest(kind: str, data: str) -> None:
    """The chain of upcasters is followed to its end; bytes are read like text."""
    assert CODEC.decode(kind, data) == CODEC.decode(kind, data.encode()) == NEWEST
    assert CODEC.knows(kind)


def test_a_field_that_a_newer_program_added_is_passed_by() -> None:
    """Own events tolerate what they don't know, so that two versions of a service can run side by side."""
    assert CODEC.decode("example.moved.v3", '{"to":"NORTH","on":"2025-01-04","new":1}') == NEWEST


def test_an_unknown_type_stops_everything_and_says_what_to_do() -> None:
    """Skipping it would make a wrong state that nobody notices."""
    assert not CODEC.knows("example.moved.v4")
    with pytest.raises(UnknownEvent, match=r"example\.moved\.v4 .*upgrade"):
        CODEC.decode("example.moved.v4", "{}")


def test_an_upcaster_that_leads_nowhere_is_found_at_the_start() -> None:
    """Not years later when such an event is read."""
    with pytest.raises(ValueError, match=r"example\.moved\.v9"):
        Codec([Moved], {"example.moved.v1": ("example.moved.v9", to_v2)})
