"""The document that auditors read says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from console.deployment import DEFAULT_SOURCES
from console.topology import ADMIN, INTAKE_DAYS, RECEIPT_DAYS, principals
from contracts.intake import INTAKE_BYTES_MAX, INTAKE_DEPTH_MAX
from deploy.render import DOCUMENTS, TABLES, between
from eventlog import roles, schema

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/security.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "mark"), [(name, mark) for name, marks in DOCUMENTS.items() for mark in marks])
def test_a_table_in_a_document_is_the_codes_own(name: str, mark: str) -> None:
    """`make render` writes it; somebody changed the code and did not."""
    assert between((ROOT / name).read_text(encoding="utf-8"), mark) == TABLES[mark]()


def test_every_user_of_the_broker_stands_in_the_table_with_all_its_rights() -> None:
    """Read back from the text, not from the function that wrote it."""
    rows = dict(re.findall(r"^\| `([a-z-]+)` \|(.*)$", between(TEXT, "principals") + "\n", re.MULTILINE))
    users = {p.name: {*p.publish, *p.subscribe} for p in principals(DEFAULT_SOURCES)}
    assert {name: set(re.findall(r"`([^`]+)`", row)) for name, row in rows.items()} == users


def test_only_the_admin_can_touch_streams_and_consumers() -> None:
    """What the text claims of all others: no right to create, update, purge or delete, and none that includes one."""
    forbidden = re.compile(r"\.(STREAM|CONSUMER)\.(CREATE|UPDATE|DELETE|PURGE|DURABLE|RESTORE|SNAPSHOT|LEADER|PEER)")
    wide = {">", "$JS.>", "$JS.API.>", "$JS.API.STREAM.>", "$JS.API.CONSUMER.>"}
    for principal in principals(DEFAULT_SOURCES):
        if principal.name != ADMIN:
            assert not [right for right in principal.publish if forbidden.search(right) or right in wide]


def test_the_rights_of_the_runtime_role_are_those_that_are_granted() -> None:
    assert roles.APPEND_RIGHTS == ("SELECT", "INSERT")
    assert {table.name for table in schema.APPEND_ONLY} == {"event", "inbox", "receipt"}
    row = next(line for line in TEXT.splitlines() if line.startswith("| runtime"))
    assert "`event`, `inbox`, `receipt`: SELECT and INSERT." in row
    assert ", ".join(roles.WORK_RIGHTS) in row


def test_the_times_and_limits_that_the_text_names_are_the_codes() -> None:
    assert f"{INTAKE_DAYS} days" in TEXT
    assert f"{RECEIPT_DAYS} days" in TEXT
    assert f"{INTAKE_BYTES_MAX // 1024} KiB a message and {INTAKE_DEPTH_MAX} levels" in TEXT
