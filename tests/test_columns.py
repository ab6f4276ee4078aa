"""What the language lets in fits its columns: every text column of every table, and what the code computes into them."""

from __future__ import annotations

import importlib
import pkgutil
from re import _parser as pattern_parser  # type: ignore[attr-defined]
from typing import Any, get_args

import pytest
from pydantic import TypeAdapter
from sqlalchemy import BigInteger, Boolean, Integer, MetaData, String, Table

import eventlog
import services
from contracts import appraisal, base, development, development_policy, intake, payment
from contracts.envelope import MessageId
from contracts.generate_schemas import event_types
from contracts.particulars import PARTICULARS_BY_KIND
from contracts.problems import CODES
from contracts.registry import DossierSection
from eventlog.workdays import WorkCalendar
from services.allowance.runs import stream_of_run
from services.registry.decider.places import inspection_stream, unit_stream
from services.talent.appraisal import cycle_stream
from services.talent.conduct import conduct_stream
from services.talent.development_handlers import made_need
from services.talent.marking import ratings_stream


def tables() -> dict[str, Table]:
    """Every table of every service, under ``<service>.<name>``."""
    found: dict[str, Table] = {}
    for package in (eventlog, services):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            for each in vars(importlib.import_module(module.name)).values():
                if isinstance(each, MetaData):
                    service = module.name.split(".")[1] if package is services else "eventlog"
                    found |= {f"{service}.{table.name}": table for table in each.tables.values()}
    return found


TABLES = tables()
COLUMNS = [(name, column) for name, table in sorted(TABLES.items()) for column in table.columns]


def longest(kind: Any) -> int:
    """The most characters that a type of the language lets in."""
    if isinstance(kind, int):
        return kind
    if isinstance(kind, tuple):
        return max(map(longest, kind))
    if get_args(kind) and all(isinstance(word, str) for word in get_args(kind)) and "Literal" in str(kind):
        return max(map(len, get_args(kind)))
    made = TypeAdapter(kind).json_schema()
    bounds: list[int] = [made["maxLength"]] if "maxLength" in made else []
    if "pattern" in made:
        bounds.append(int(pattern_parser.parse(made["pattern"]).getwidth()[1]))
    if made.get("format") == "date":
        bounds.append(base.DAY_CHARS)
    return min(bounds)


def sourced(key: Any) -> int:
    """``<source>/<key>``."""
    return longest(base.SourceName) + 1 + longest(key)


DAYS = {"sign_by", "first_day", "last_day", "on", "lifted", "appeals_until", "effective_on"}
WORD, DAY, REF, EVENT, SHORT = base.Grade, base.BusinessDay, base.PersonRef, base.EventId, base.ShortText
DIGEST = intake.Sha256
SOURCED_KEY, SOURCED_MESSAGE = sourced(base.Key), sourced(MessageId)
NAMED_PAYOUT = intake.BankResult.model_fields["payout"].rebuild_annotation()
PAYOUT = longest(base.SourceName) + 1 + longest(intake.RunKey) + 1 + len(str(10**9))

HOLDS: dict[str, Any] = {
    **dict.fromkeys(("person_ref", "owner_ref", "into_ref", "after_person", "mentor"), REF),
    **dict.fromkeys(
        ("event_id", "fact", "record", "because", "corrects", "policy_event", "scored_event", "hold_id", "parked_id"), EVENT
    ),
    **dict.fromkeys(("division", "issuer", "purse"), base.DivisionCode),
    **dict.fromkeys(("grade", "payer", "role", "rater", "item", "ladder", "topic", "category", "final", "rating", "log"), WORD),
    **dict.fromkeys(("unit", "post", "title", "owner", "signer", "aim", "document", "said", "closed_by", "note"), SHORT),
    **dict.fromkeys(("prepared_by", "checked_by", "reason"), SHORT),
    **dict.fromkeys(("list_sha256", "payees_sha256", "exported_sha256", "file_sha256", "seal_root", "root", "value"), DIGEST),
    **dict.fromkeys(("recorded_at", "parked_at", "closed_at"), len("2021-03-01T08:00:00.000000Z")),
    **dict.fromkeys(("course", "session", "result", "problem", "list", "vacancy", "application", "cycle", "run"), SOURCED_KEY),
    **dict.fromkeys(("entry", "parent"), SOURCED_KEY),
    **dict.fromkeys(("plan", "activity", "secondment", "mentorship", "pool", "number", "certificate", "promotes"), base.Key),
    **dict.fromkeys(("maker_source", "checker_source"), WORD),
    **dict.fromkeys(
        ("payout", "reissued_by"), max(PAYOUT, longest(intake.BankResult.model_fields["payout"].rebuild_annotation()))
    ),
    "reference": intake.BankReference,
    "recovery": base.Key,
    "month": payment.Month,
    "period": development.PeriodText,
    "section": DossierSection,
    "message_id": SOURCED_MESSAGE,
    "causation_id": SOURCED_MESSAGE,
    "correlation_id": MessageId,
    "origin": base.SourceName,
    "source": base.SourceName,
    "actor": base.SourceName,
    "credit_code": 18,
    "entry_channel": base.EntryChannel,
    "model": 32,
    "found_by": 32,
    "stream": base.STREAM_CHARS_MAX,
    "blocks": base.STREAM_CHARS_MAX,
    "type": max(len(kind) for kind in [*intake.FACT_TYPES, *(event.TYPE for event in event_types())]),
    "kind": max(len(event.TYPE) for event in event_types()),
    "subject": len("intake..registry.") + longest(base.SourceName) + max(len(kind) for kind in intake.FACT_TYPES),
    "need": base.NEED_CHARS_MAX,
    "slot": base.SLOT_CHARS_MAX,
    **dict.fromkeys(("code",), max(map(len, CODES))),
    **dict.fromkeys(("since", "until"), DAY),
    "ranking": WORD,
    "calendar": len(WorkCalendar().version),
    "series": len("320102-2021"),
    "says": SHORT,
    "standard": EVENT,
    **dict.fromkeys(("level", "every"), (development_policy.TrainingLevel, development.CheckPeriod)),
}
"""Column → what the contracts let into it, wherever it stands."""

HOLDS_IN: dict[str, Any] = {
    "registry.unit.unit": SOURCED_KEY,
    "allowance.payment_run.message_id": intake.MessageName,
    "allowance.bank_break.key": intake.BreakSettled.model_fields["key"].rebuild_annotation(),
    "allowance.payout.answer": intake.BankReference,
    "talent.post_held.key": SOURCED_KEY,
    "talent.rotation_exemption.key": SOURCED_KEY,
    "talent.responsibility_item.item": base.Key,
    "talent.responsibility_check.item": base.Key,
    "talent.pool_member.standard": SHORT,
    "talent.appraisal_cycle.period": appraisal.Period,
    "talent.plan_activity.kind": development_policy.ActivityKind,
    "talent.responsibility_check.result": development.ItemCheck.model_fields["result"].rebuild_annotation(),
    "registry.fact_on_file.kind": max(map(len, PARTICULARS_BY_KIND)),
    "registry.person_index.kind": len("resident-id/99"),
    "allowance.bank_break.kind": payment.Break.model_fields["kind"].rebuild_annotation(),
    "eventlog.compared.stream": len("ALLOWANCE"),
    **{f"eventlog.{table}.since": len("2021-03-01T08:00:00.000000Z") for table in ("held", "ahead", "forgetting")},
    "eventlog.forgetting.ref": base.PersonRef,
    "registry.person_index_state.after": len("0" * 64),
    "eventlog.held.until": len("2021-03-01T08:00:00.000000Z"),
}

OURS = {
    "decision", "debit", "credit", "instrument", "phase", "stage", "state", "status", "outcome", "rest", "certificate_state",
    "ended_in", "why", "purpose", "name", "created", "last_id", "lifted",
}  # fmt: skip
"""Columns of words and names that only the code itself makes."""


def test_every_column_holds_what_the_contracts_let_in() -> None:
    """Its length is at least that of the longest text of its kind."""
    short = []
    for table, column in COLUMNS:
        if not isinstance(column.type, String) or column.type.length is None:
            continue
        kind = HOLDS_IN.get(f"{table}.{column.name}", HOLDS.get(column.name))
        if kind is None:
            kind = DAY if column.name.endswith("_on") or column.name in DAYS else 0 if column.name in OURS else 10**9
        if longest(kind) > column.type.length:
            short.append((table, column.name, column.type.length, longest(kind)))
    assert short == []


def test_every_integer_of_the_language_fits_32_bits_but_money() -> None:
    """So an INTEGER column holds whatever is told or counted; amounts have 64 bits."""
    assert [
        (table, column.name)
        for table, column in COLUMNS
        if isinstance(column.type, Integer) and column.name.endswith("_fen") and not isinstance(column.type, BigInteger)
    ] == []


@pytest.mark.parametrize(("table", "column"), COLUMNS, ids=[f"{table}.{column.name}" for table, column in COLUMNS])
def test_sqlite_holds_every_column_to_its_bounds(table: str, column: Any) -> None:
    """Each text has its check, each 32-bit integer too."""
    checked = {constraint.name for constraint in TABLES[table].constraints}
    bounded = isinstance(column.type, String) or (
        isinstance(column.type, Integer) and not isinstance(column.type, BigInteger | Boolean)
    )
    assert (f"{TABLES[table].name}_{column.name}_fits" in checked) == bounded


# --- what the code computes -----------------------------------------------------------------------------------------------


SOURCE, KEY, REF_MAX = "s" * longest(base.SourceName), "k" * longest(base.Key), "p" + "0" * 26
CYCLE = f"{SOURCE}/{KEY}"


@pytest.mark.parametrize(
    "stream",
    [cycle_stream(CYCLE), ratings_stream(CYCLE, REF_MAX), conduct_stream(REF_MAX), unit_stream(CYCLE), stream_of_run(CYCLE),
     inspection_stream("320102", 2100), f"problem-{CYCLE}", f"session-{CYCLE}", f"vacancy-{CYCLE}", f"export-{'0' * 64}"],
)  # fmt: skip
def test_every_stream_fits_its_column_and_so_does_what_waits_for_it(stream: str) -> None:
    """With the longest source and the longest key: a person's ratings in a cycle were 133 characters for a column of 128."""
    assert len(stream) <= base.STREAM_CHARS_MAX
    assert len(made_need(stream, "x" * base.SLOT_CHARS_MAX)) <= base.NEED_CHARS_MAX


@pytest.mark.parametrize("kind", sorted(PARTICULARS_BY_KIND))
def test_every_slot_fits_its_column(kind: str) -> None:
    """With the longest source and the longest keys."""
    made = PARTICULARS_BY_KIND[kind].model_construct(
        engagement=KEY, engagement_source=SOURCE, number=KEY, key=KEY, division="320102", year=2100
    )
    assert len(made.slot(SOURCE)) <= base.SLOT_CHARS_MAX
