"""What is not on the list is not logged."""

from __future__ import annotations

import json
from typing import Any

import pytest
import structlog

from eventlog.logging import ALLOWED, allow_listed, configure_logging, get_log


def listed(**fields: Any) -> dict[str, Any]:
    return dict(allow_listed(None, "info", dict(fields)))


def test_fields_that_are_not_listed_are_dropped() -> None:
    """Whatever a careless line carries: a name, a payload, a whole event."""
    assert listed(event="e", position=3, name="虚构人物", payload={"resident_id": "x"}, person_ref="p") == {
        "event": "e",
        "position": 3,
    }


def test_an_exception_is_reduced_to_its_type_and_place() -> None:
    """Its text may repeat what was being handled, so it is left out."""
    try:
        raise ValueError("99000019900101001X is wrong")
    except ValueError as error:
        found = listed(event="e", exc_info=error)
    assert found["exception_type"] == "ValueError"
    assert found["where"].startswith("test_an_exception_is_reduced_to_its_type_and_place:")
    assert "990000" not in json.dumps(found)


@pytest.mark.parametrize(
    "name", ["name", "resident_id", "phone", "bank_account", "data", "payload", "raw", "subject", "password"]
)
def test_the_list_names_nothing_that_can_hold_personal_data_or_secrets(name: str) -> None:
    """The list itself is part of the contract."""
    assert name not in ALLOWED


def test_lines_are_json_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """With level, time and service; nothing on standard output; below the level nothing at all."""
    configure_logging("WARNING")
    try:
        log = get_log("registry")
        log.info("quiet")
        log.warning("relay-waits", relay="registry", secret="s3cret", pause_seconds=0.1)
    finally:
        structlog.reset_defaults()
    out, err = capsys.readouterr()
    assert out == ""
    [line] = err.splitlines()
    value = json.loads(line)
    assert value.pop("timestamp").endswith("Z")
    assert value == {
        "event": "relay-waits", "level": "warning", "service": "registry", "relay": "registry", "pause_seconds": 0.1,
    }  # fmt: skip


def test_a_line_that_cannot_be_written_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Logging to a full disk loses the line, not the task that logs it."""

    class Full:
        def write(self, *_text: str) -> int:
            raise OSError(28, "No space left on device")

        flush = write

    configure_logging("WARNING")
    try:
        monkeypatch.setattr("sys.stderr", Full())
        get_log("registry").error("batch-not-settled", reason="database outage")
    finally:
        structlog.reset_defaults()
