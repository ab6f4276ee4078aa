"""What stands on a stream is a CloudEvent of the published language, and its data are the stored bytes."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from contracts.base import utc_text
from contracts.envelope import EventEnvelope
from eventlog import schema
from eventlog.canonical import canonical
from eventlog.database import Database
from eventlog.log import Log, NewEvent, Unit
from eventlog.wire import event_message, receipt_message
from tests.eventlog.example import Noted, example_log, new, receipt_for

_seeds = count(1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


def rows_of(log: Log, after: int = 0) -> Any:
    with log.database.read.connect() as connection:
        return log.rows(connection, after, 1000)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(TEXTS, min_size=1, max_size=4), caused=st.booleans())
def test_an_event_message_parses_as_an_envelope_with_the_values_of_its_row(
    database: Database, texts: list[str], caused: bool
) -> None:
    """Whatever stands in the data: every attribute comes back equal, and the data are byte for byte what was hashed."""
    log = example_log(database, seed=next(_seeds))
    with log.database.read.connect() as connection:
        start = log.head(connection).position
    stream = f"s-{start}"
    events = [
        NewEvent(stream, Noted(text=text), "2025-01-04", log.new_id(), "corr.1:2-3", "hr/m-1" if caused else None, "hr")
        for text in texts
    ]
    log.append([Unit(events=events, expects={stream: 0})])
    for row, text in zip(rows_of(log, start), texts, strict=True):
        message = event_message("example", row)
        read = EventEnvelope.model_validate_json(message.payload)
        assert (read.id, read.type, read.subject, read.source) == (row.event_id, row.type, row.stream, "/hongling/example")
        assert (utc_text(read.time), read.effectiveon.isoformat()) == (row.recorded_at, row.effective_on)
        assert (read.position, read.partition, read.previous) == (row.position, row.partition, row.previous)
        assert (read.correlationid, read.causationid, read.actor) == (row.correlation_id, row.causation_id, row.actor)
        assert read.data == {"text": text, "amount": 0}
        assert message.payload.endswith(b'"data":' + row.data.encode() + b"}")
        assert row.data.encode() == canonical({"text": text, "amount": 0})
        assert message.message_id == row.event_id
        assert message.subject == f"example.{row.partition:02d}.noted"


def test_an_event_message_is_json_without_anything_that_the_specification_does_not_name(database: Database) -> None:
    """Attribute names of CloudEvents 1.0 are lower case letters and digits; no attribute is null."""
    log = example_log(database)
    log.append([Unit(events=[new(log, "a")], expects={"a": 0})])
    value = json.loads(event_message("example", rows_of(log)[0]).payload)
    assert all(name.isalnum() and name.islower() for name in value)
    assert None not in value.values()
    assert {"specversion", "id", "source", "type"} <= value.keys()


def test_a_receipt_goes_to_its_source_and_outcome_under_an_id_that_a_repeat_has_too(database: Database) -> None:
    """Published twice, the broker drops the second; the data are a Receipt again."""
    log = example_log(database)
    log.append([Unit(receipts=[receipt_for("m-1")])])
    with log.database.read.connect() as connection:
        row = connection.execute(select(schema.receipt)).one()
    message = receipt_message("example", row)
    value = json.loads(message.payload)
    assert (message.subject, message.message_id) == ("receipts.hr.accepted", value["id"])
    assert receipt_message("example", row) == message
    assert receipt_message("other", row).message_id != message.message_id, "services share the stream"
    assert value["data"] == receipt_for("m-1")
    assert value["specversion"] == "1.0"
