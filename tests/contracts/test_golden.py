"""Events that were stored years ago are read today, and written back as they were."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from contracts.generate_schemas import event_types
from eventlog.canonical import canonical
from eventlog.codec import Codec
from services.allowance import app as allowance_app
from services.registry import app as registry_app
from services.talent import app as talent_app
from tests.contracts import golden
from tests.contracts.golden import FOLDER, add_missing, goldens

GOLDENS = goldens()
CODECS: dict[str, tuple[Codec, ...]] = {
    "registry": (registry_app.CODEC,),
    "allowance": (allowance_app.CODEC,),
    "talent": (talent_app.CODEC,),
    "operations": (registry_app.CODEC, allowance_app.CODEC, talent_app.CODEC),
}
"""Who reads events of each name."""


def only_what_was_there(new: Any, old: Any) -> Any:
    """``new`` without the fields that ``old`` doesn't have: what a later version of the class has added."""
    if isinstance(new, dict) and isinstance(old, dict):
        return {name: only_what_was_there(part, old[name]) for name, part in new.items() if name in old}
    if isinstance(new, list) and isinstance(old, list) and len(new) == len(old):
        return [only_what_was_there(*pair) for pair in zip(new, old, strict=True)]
    return new


def test_every_event_type_has_a_golden_file() -> None:
    """A new event is not done without one: run `make golden`."""
    assert {event.TYPE for event in event_types()} <= GOLDENS.keys()


@pytest.mark.parametrize("kind", sorted(GOLDENS))
def test_a_golden_file_is_read_by_those_who_store_such_events(kind: str) -> None:
    """Also of a version that nobody writes any more: an upcaster must lead to the newest."""
    for codec in CODECS[kind.split(".")[0]]:
        assert codec.decode(kind, json.dumps(GOLDENS[kind])).payload()


@pytest.mark.parametrize("event", event_types(), ids=lambda e: e.TYPE)
def test_a_golden_file_of_the_current_version_is_written_back_the_same(event: Any) -> None:
    """The same canonical JSON, except for optional fields that were added since."""
    old = GOLDENS[event.TYPE]
    again = event.model_validate(old).payload()
    assert canonical(only_what_was_there(again, old)) == canonical(old)


def with_old_characters(value: Any) -> Any:
    """Every text that people wrote (it is not ASCII alone), with what was accepted in texts once and is refused now."""
    if isinstance(value, dict):
        return {name: with_old_characters(part) for name, part in value.items()}
    if isinstance(value, list):
        return [with_old_characters(part) for part in value]
    return value + "\x85\u2028\u2029\x00" if isinstance(value, str) and not value.isascii() else value


@pytest.mark.parametrize("kind", sorted(GOLDENS))
def test_a_text_that_would_be_refused_today_is_read_as_it_was_recorded(kind: str) -> None:
    """Reading at the door is strict; reading from the log is what it was, also in a document within an event."""
    old = with_old_characters(GOLDENS[kind])
    for codec in CODECS[kind.split(".")[0]]:
        again = codec.decode(kind, json.dumps(old))
        if again.TYPE == kind:
            assert canonical(only_what_was_there(again.payload(), old)) == canonical(old)


@pytest.mark.parametrize("event", event_types(), ids=lambda e: e.TYPE)
def test_a_field_that_a_newer_program_writes_is_tolerated(event: Any) -> None:
    """Two versions of a service run side by side during an upgrade."""
    assert event.model_validate(GOLDENS[event.TYPE] | {"added_later": 1}) == event.model_validate(GOLDENS[event.TYPE])


@pytest.mark.parametrize("kind", [kind for kind, data in GOLDENS.items() if data.get("particulars")])
def test_a_field_that_a_newer_program_writes_into_the_particulars_is_tolerated(kind: str) -> None:
    """What comes in forbids unknown fields; own events tolerate them."""
    event = next(e for e in event_types() if kind == e.TYPE)
    data = GOLDENS[kind]
    event.model_validate(data | {"particulars": data["particulars"] | {"added_later": 1}})


def test_the_writer_adds_what_is_missing_and_touches_nothing_else(tmp_path: Path) -> None:
    """An edited file stays edited: the tests are to notice it, not the writer to hide it."""
    edited = tmp_path / "operations.parked-retried.v1.json"
    edited.write_text("{}", encoding="utf-8")
    added = add_missing(tmp_path)
    assert len(added) == len(golden.SAMPLES) - 1
    assert edited.read_text(encoding="utf-8") == "{}"
    assert add_missing(tmp_path) == []


def test_samples_and_files_are_one_for_each_type() -> None:
    """No type has two samples, and all files are in the one folder."""
    kinds = [sample.TYPE for sample in golden.SAMPLES]
    assert len(kinds) == len(set(kinds)) == len(event_types())
    assert set(kinds) <= {path.stem for path in FOLDER.glob("*.json")}
