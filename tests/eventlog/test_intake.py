"""Every class of bad input has one outcome and one code, and nothing personal is ever repeated."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.intake import FACT_TYPES, INTAKE_BYTES_MAX, INTAKE_DEPTH_MAX, INTAKE_VALUES_MAX, message_named, publishing_id
from contracts.receipts import Problem, Receipt
from eventlog.intake import Fault, Parsed, answer, content_of, read_intake, says_the_same
from tests.support import NOW, intake_bytes, resident_id

SUBJECT = "intake.hr.registry.annual-rating-recorded"
RATING: dict[str, Any] = {"person": {"source_key": "w-1"}, "year": 2024, "rating": "excellent"}
ID_LOOKING = resident_id(7)


def good(data: Any = RATING, **more: Any) -> bytes:
    return intake_bytes("annual-rating-recorded", data, **({"id": "m-1"} | more))


def fault(raw: bytes, subject: str = SUBJECT, header_id: str | None = None) -> Fault:
    found = read_intake("registry", subject, raw, 42, header_id)
    assert isinstance(found, Fault)
    return found


def nested(depth: int, inner: str = "1") -> bytes:
    return b"[" * depth + inner.encode() + b"]" * depth


def test_a_good_message_is_parsed() -> None:
    """With its source, its values and where it stood."""
    found = read_intake("registry", SUBJECT, good(), 42)
    assert isinstance(found, Parsed)
    assert (found.origin, found.message.id, found.sequence, found.value["data"]) == ("hr", "m-1", 42, RATING)


@dataclass(frozen=True)
class Case:
    """raw, and what becomes of it. id: under which it is answered."""

    name: str
    raw: bytes
    outcome: str
    code: str
    field: str = ""
    erase: bool = False
    id: str = "m-1"
    subject: str = SUBJECT


CASES = (
    Case("too large", good({**RATING, "rating": "x" * INTAKE_BYTES_MAX}), "parked", "too-large", id="seq-42"),
    Case("not json", b"{not json", "parked", "not-json", id="seq-42"),
    Case("not utf-8", b'{"id": "\xff"}', "parked", "not-json", id="seq-42"),
    Case("empty", b"", "parked", "not-json", id="seq-42"),
    Case("deep nesting", nested(INTAKE_DEPTH_MAX + 1), "parked", "too-deep", id="seq-42"),
    Case("so deep that a parser would break", nested(20_000), "parked", "too-deep", id="seq-42"),
    Case("too many values", good({**RATING, "rating": [0] * INTAKE_VALUES_MAX}), "parked", "too-many-values", id="seq-42"),
    Case("no object", b"[1]", "refused", "wrong-type", id="seq-42"),
    Case("wrong type of a value", good({**RATING, "year": "2024"}), "refused", "wrong-type", "data.year"),
    Case("missing field", good({"person": RATING["person"], "year": 2024}), "refused", "missing", "data.rating"),
    Case("unknown field", good({**RATING, "score": 1}), "refused", "unknown-field", "data.score"),
    Case("unknown attribute", good(extra=1), "refused", "unknown-field", "extra"),
    Case("unknown type of message", good(type="intake.salary-raised.v1"), "refused", "unknown-type", "type"),
    Case("impossible date", good(on="2025-02-29"), "refused", "impossible-date", "effectiveon"),
    Case("impossible time", good(time="2025-01-05T25:00:00Z"), "refused", "impossible-time", "time"),
    Case("time without a zone", good(time="2025-01-05T08:00:00"), "refused", "impossible-time", "time"),
    Case("year out of range", good({**RATING, "year": 1900}), "refused", "out-of-range", "data.year"),
    Case("id of another form", good(id="a b"), "refused", "bad-pattern", "id", id="seq-42"),
    Case("plain name", good({**RATING, "person": {"source_key": "w-1", "name": "虚构人物"}}), "refused", "plain-identity",
         "data.person.name", erase=True),
    Case("plain identity by a Chinese key", good({**RATING, "身份证号": "x"}), "refused", "plain-identity", "data.身份证号",
         erase=True),
    Case("plain identity by ID-looking text", good({**RATING, "rating": ID_LOOKING}), "refused", "plain-identity", erase=True),
    Case("an ID as the message's id", good(id=ID_LOOKING), "refused", "plain-identity", erase=True, id="seq-42"),
    Case("an ID in what is not even JSON", b"{name: x, id: " + ID_LOOKING.encode(), "refused", "plain-identity", erase=True,
         id="seq-42"),
    Case("identity that is not sealed", good({**RATING, "person": {"identity": "plain"}}), "refused", "identity-not-sealed",
         "data.person.identity"),
    Case("person named twice", good({**RATING, "person": {"source_key": "w", "person_ref": "p" + "0" * 26}}), "refused",
         "person-ambiguous", "data.person"),
    Case("wrong source", good(source="training"), "refused", "wrong-source", "source"),
    Case("wrong fact on the subject", good(), "refused", "wrong-subject", "type",
         subject="intake.hr.registry.worker-registered"),
    Case("wrong service", good(), "refused", "wrong-subject", "type", subject="intake.hr.allowance.annual-rating-recorded"),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_bad_input_has_its_outcome_and_code(case: Case) -> None:
    """The id that it is answered under, the field, the remedy, and whether the message is to be erased."""
    found = fault(case.raw, case.subject)
    assert (found.outcome, [p.code for p in found.problems]) == (case.outcome, [case.code])
    assert found.problems[0].field == case.field
    assert found.problems[0].remedy
    assert (found.erase, found.message_id, found.origin, found.sequence) == (case.erase, case.id, "hr", 42)
    assert found.raw == (b"" if case.erase else case.raw), "what is to be erased is not carried on"


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_a_receipt_repeats_nothing_personal(case: Case) -> None:
    """Neither the number nor the name, whatever was wrong with the message."""
    found = fault(case.raw, case.subject)
    receipt = answer("registry", found.origin, found.message_id, found.outcome, NOW, problems=found.problems)
    shown = json.dumps(receipt, ensure_ascii=False)
    assert ID_LOOKING not in shown
    assert "虚构人物" not in shown


def test_two_problems_of_one_message_are_both_named() -> None:
    """So that the source mends them in one go."""
    found = fault(good({"person": RATING["person"], "year": "x", "rating": "优秀"}))
    assert {(p.field, p.code) for p in found.problems} == {("data.year", "wrong-type"), ("data.rating", "bad-pattern")}


def test_an_unreadable_message_is_answered_under_the_id_that_it_was_published_with() -> None:
    """The header's id without the source's prefix, if it has the form of one."""
    assert fault(b"{", header_id="hr/m-9").message_id == "m-9"
    assert fault(b"{", header_id="hr/not an id").message_id == "seq-42"
    assert fault(b"{", header_id=f"hr/{ID_LOOKING}").message_id == "seq-42"


def test_brackets_inside_texts_do_not_count_as_nesting() -> None:
    """A title full of brackets is an odd title and nothing else."""
    assert isinstance(read_intake("registry", SUBJECT, good({**RATING, "rating": '[[{"\\"[[[[[[[[[[[['}), 1), Fault)
    found = fault(good({**RATING, "rating": '[[{"\\"[[[[[[[[[[[['}))
    assert [p.code for p in found.problems] == ["bad-pattern"]


@pytest.mark.parametrize("text", ["电话１３８ ００００ １２３４", f"证{ID_LOOKING[:6]} {ID_LOOKING[6:]}", "320102900113123"])
def test_an_identity_in_a_free_text_is_refused_at_the_door_and_erased(text: str) -> None:
    """The receipt names the field and does not repeat it; nothing of the message is carried on."""
    data = {"person": {"source_key": "w-1"}, "engagement": "e1", "category": "secretary", "unit": text, "post": "p"}
    raw = intake_bytes("engagement-started", data, id="m-1")
    found = fault(raw, "intake.hr.registry.engagement-started")
    assert [(p.field, p.code) for p in found.problems] == [("data.unit", "plain-identity")]
    assert (found.outcome, found.erase, found.raw) == ("refused", True, b"")
    assert text not in str(found.problems)


def test_an_identity_in_what_is_refused_anyhow_is_erased_too() -> None:
    """The message is wrong besides: it must not stand on the stream for all that."""
    found = fault(good({**RATING, "year": "2024", "note": "电话138 0000 1234"}))
    assert [(p.field, p.code) for p in found.problems] == [
        ("data", "plain-identity"),
        ("data.year", "wrong-type"),
        ("data.note", "unknown-field"),
    ]
    assert (found.erase, found.raw) == (True, b"")


@pytest.mark.parametrize("raw", ["{电话：138-0000-1234", f"{{{ID_LOOKING[:6]} {ID_LOOKING[6:]}"])
def test_an_identity_in_what_cannot_be_read_is_not_set_aside(raw: str) -> None:
    """It is refused and erased, as it is written."""
    found = fault(raw.encode())
    assert (found.outcome, found.erase, found.raw) == ("refused", True, b"")


def test_a_resident_id_is_seen_through_escapes() -> None:
    """\\u0039 is a nine: what counts is what the message says."""
    escaped = "".join(f"\\u{ord(c):04x}" for c in ID_LOOKING)
    data = {"person": {"source_key": "w-1"}, "engagement": "e1", "category": "secretary", "unit": "@", "post": "p"}
    raw = intake_bytes("engagement-started", data, id="m-1").replace(b"@", escaped.encode())
    found = read_intake("registry", "intake.hr.registry.engagement-started", raw, 1)
    assert isinstance(found, Fault)


@pytest.mark.parametrize("raw", [good({**RATING, "x": "x" * INTAKE_BYTES_MAX, "id": ID_LOOKING}), nested(13, ID_LOOKING)],
                         ids=["large", "deep"])  # fmt: skip
def test_a_plain_resident_id_is_seen_in_a_message_that_is_too_large_or_too_deep(raw: bytes) -> None:
    """Otherwise it stands in the table of parked messages and on the stream in plain text."""
    assert fault(raw).erase


@given(raw=st.binary(max_size=200))
def test_no_bytes_at_all_make_the_reader_fail(raw: bytes) -> None:
    """Anything is either parsed or answered."""
    assert isinstance(read_intake("registry", SUBJECT, raw, 1), Fault)


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
                    max_leaves=10)  # fmt: skip


@given(
    data=JSON,
    attributes=st.dictionaries(st.sampled_from(["id", "type", "time", "effectiveon", "source", "new"]), JSON, max_size=2),
)
def test_no_json_at_all_makes_the_reader_fail(data: Any, attributes: dict[str, Any]) -> None:
    """Any value in any place is either parsed or answered with problems."""
    raw = json.dumps(json.loads(good()) | attributes | {"data": data}).encode()
    found = read_intake("registry", SUBJECT, raw, 1)
    assert isinstance(found, Fault)
    assert found.problems


def test_content_is_what_a_message_says() -> None:
    """When it was sent and its tracing don't count, nor the order of its fields; everything else does."""
    base = json.loads(good())
    same = [base | {"time": "2026-01-01T00:00:00Z"}, base | {"traceparent": "00-1"}, dict(reversed(base.items()))]
    other = [base | {"effectiveon": "2025-01-06"}, base | {"data": RATING | {"rating": "basic"}}, base | {"correlationid": "c"}]
    assert {content_of(value) for value in same} == {content_of(base)}
    assert len({content_of(value) for value in [base, *other]}) == 4


def test_a_number_written_otherwise_says_the_same() -> None:
    """2024.0 is 2024: the same message from another library is the same message, not another under its id."""
    whole = good()
    assert b'"year": 2024' in whole
    for written in (b"2024.0", b"2.024e3"):
        other = whole.replace(b'"year": 2024', b'"year": ' + written)
        found = [read_intake("registry", SUBJECT, raw, 1) for raw in (whole, other)]
        assert all(isinstance(each, Parsed) for each in found)
        assert len({content_of(each.value) for each in found if isinstance(each, Parsed)}) == 1
        assert says_the_same(whole, other)


def test_two_seals_of_one_identity_say_the_same() -> None:
    """Marks stand in for sealed parts, wherever in the data they are."""
    one, two = ({"data": {"person": {"identity": seal}}} for seal in ("seal-1", "seal-2"))
    assert content_of(one) != content_of(two)
    assert content_of(one, {"seal-1": "mark"}) == content_of(two, {"seal-2": "mark"})


def test_every_type_of_fact_has_a_service_that_takes_it() -> None:
    """Its own subject is accepted for each of them, as far as the sender goes."""
    for kind, (_, services) in FACT_TYPES.items():
        assert services
        subject = f"intake.hr.{services[0]}.{kind.split('.')[1]}"
        assert fault(good(type=kind, data={}), subject).problems[0].code != "wrong-subject"


def test_an_answer_is_a_receipt() -> None:
    """What is put together by hand is what the contract's own class writes."""
    why = Problem(field="data.year", code="wrong-type", problem="not a number", remedy="send one")
    made = answer(
        "registry", "hr", "m-1", "waiting", NOW, kind="intake.x.v1", problems=(why,), until=NOW, waiting_for="somebody"
    )
    assert Receipt.model_validate(made).payload() == made


def test_the_publishing_id_covers_the_content_and_names_the_message() -> None:
    """The broker drops what has the same one: the same bytes, and nothing else."""
    one, other = publishing_id("hr", "m-1", b"a"), publishing_id("hr", "m-1", b"b")
    assert one != other
    assert one == publishing_id("hr", "m-1", b"a")
    assert {message_named(one), message_named(other), message_named("hr/m-1"), message_named(f"{one}/again")} == {"hr/m-1"}


def test_an_unreadable_message_is_named_by_its_publishing_id_without_the_digest() -> None:
    """Of its own source only; another header that is an id is taken as it is."""
    subject = "intake.hr.registry.worker-registered"
    heads = (publishing_id("hr", "m-1", b"x"), "hr/m-2", "plain-3", "training/m-4")
    found = [read_intake("registry", subject, b"x", 7, head) for head in heads]
    assert [f.message_id for f in found if isinstance(f, Fault)] == ["m-1", "m-2", "plain-3", "seq-7"]
