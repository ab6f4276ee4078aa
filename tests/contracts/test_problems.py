"""Problems of a message in the words of a receipt."""

from __future__ import annotations

import json
from itertools import islice, product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts import problems
from contracts.intake import Identity, parse
from contracts.problems import CODES, ERRORS_READ_MAX, PROBLEMS_MAX, Lang, problems_of
from contracts.receipts import Problem

RATING = "intake.annual-rating-recorded.v1"
CORRECTED = "intake.fact-corrected.v1"
GOOD: dict[str, Any] = {"person": {"source_key": "w-1"}, "year": 2024, "rating": "excellent"}


def _problems(data: Any, type: str = RATING, lang: Lang = "en", **attributes: Any) -> tuple[Problem, ...]:
    envelope = {
        "specversion": "1.0", "id": "m-1", "source": "hr", "time": "2025-01-05T08:00:00Z", "effectiveon": "2025-01-04",
        "type": type, "data": data, **attributes,
    }  # fmt: skip
    return _problems_of_raw(json.dumps(envelope).encode(), type, lang)


def _problems_of_raw(raw: bytes, type: str | None = None, lang: Lang = "en") -> tuple[Problem, ...]:
    with pytest.raises(ValidationError) as caught:
        parse(raw)
    return problems_of(caught.value, type, lang)


def _correction(replacement: Any) -> dict[str, Any]:
    return {"corrects": {"id": "m-0"}, "reason": "typing error", "replacement": replacement}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({**GOOD, "year": "2024"}, ("data.year", "wrong-type")),
        ({**GOOD, "year": 20240}, ("data.year", "out-of-range")),
        ({**GOOD, "rating": "优秀"}, ("data.rating", "bad-pattern")),
        ({**GOOD, "score": 1}, ("data.score", "unknown-field")),
        ({"person": GOOD["person"], "year": 2024}, ("data.rating", "missing")),
        ({**GOOD, "person": {"source_key": "w-1", "person_ref": "p" + "0" * 26}}, ("data.person", "person-ambiguous")),
        ({**GOOD, "person": {"source_key": "w-1", "name": "x"}}, ("data.person.name", "plain-identity")),
        ({**GOOD, "person": {"source_key": "w-1", "身份证号": "x"}}, ("data.person.身份证号", "plain-identity")),
        ({**GOOD, "person": {"identity": "x"}}, ("data.person.identity", "identity-not-sealed")),
        ([], ("data", "wrong-type")),
    ],
)  # fmt: skip
def test_each_fault_of_the_data_has_its_field_and_its_stable_code(data: Any, expected: tuple[str, str]) -> None:
    """Integrators program against these codes."""
    assert [(each.field, each.code) for each in _problems(data)] == [expected]


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"effectiveon": "2025-02-30"}, ("effectiveon", "impossible-date")),
        ({"time": "2025-01-05T08:00:00"}, ("time", "impossible-time")),
        ({"time": "yesterday"}, ("time", "impossible-time")),
        ({"type": "intake.rating.v7"}, ("type", "unknown-type")),
        ({"specversion": "0.3"}, ("specversion", "not-allowed-value")),
        ({"source": "HR"}, ("source", "bad-pattern")),
        ({"subject": "x"}, ("subject", "unknown-field")),
    ],
)
def test_each_fault_of_the_envelope_has_its_field_and_its_stable_code(
    attributes: dict[str, Any], expected: tuple[str, str]
) -> None:
    """Integrators program against these codes."""
    assert [(each.field, each.code) for each in _problems(GOOD, **attributes)] == [expected]


_OF_APPLICATION: dict[str, Any] = {"person": GOOD["person"], "application": "a-1"}
_RUN = {"run": "a", "by": "reviewer-1"}
_DECIDED: dict[str, Any] = {"person": GOOD["person"], "appeal": "p-1", "reason": "材料属实"}
_ENTRY: dict[str, Any] = {"person": GOOD["person"], "entry": "d-1", "section": "basics"}


@pytest.mark.parametrize(
    ("fact", "data", "expected"),
    [
        ("eligibility-reviewed", {**_OF_APPLICATION, "findings": [{"criterion": "years"}]},
         ("data.findings.0", "finding-ambiguous")),
        ("eligibility-reviewed", {**_OF_APPLICATION, "findings": [{"criterion": "x", "hours": 1, "points": 1}]},
         ("data.findings.0", "finding-ambiguous")),
        ("rating-appeal-decided", {**_DECIDED, "outcome": "upheld"}, ("data.rating", "rating-if-upheld")),
        ("rating-appeal-decided", {**_DECIDED, "outcome": "dismissed", "rating": "good"}, ("data.rating", "rating-if-upheld")),
        ("payment-run-checked", {**_RUN, "outcome": "rejected"}, ("data.reason", "reason-if-rejected")),
        ("payment-run-checked", {**_RUN, "run": "a b", "outcome": "approved"}, ("data.run", "bad-pattern")),
        ("payment-results-reported", {**_RUN, "file_sha256": "a" * 64, "part": 2, "parts": 1, "results": []},
         ("data.part", "part-beyond-parts")),
        ("period-closed", {"by": "reviewer-1", "month": "2026-13"}, ("data.month", "bad-pattern")),
        ("panel-reviewed", {**_OF_APPLICATION, "scores": [101]}, ("data.scores.0", "out-of-range")),
        ("panel-reviewed", {**_OF_APPLICATION, "scores": []}, ("data.scores", "too-short")),
        ("person-erased", {"person": {}, "by": "o", "reason": "r"}, ("data.person.person_ref", "missing")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_each_rule_over_several_fields_names_the_one_to_mend(
    fact: str, data: Any, expected: tuple[str, str], lang: Lang
) -> None:
    """What pydantic puts on a whole object is told as the field's that its author looks at; a wrong entry is told once."""
    found = _problems(data, f"intake.{fact}.v1", lang)
    assert [(each.field, each.code) for each in found] == [expected]
    assert found[0].problem.isascii() == (lang == "en")


@pytest.mark.parametrize("content", ["born in 1980", {"title": "t", "text": "x"}, "x" * 40_000])
def test_a_dossier_entry_in_plain_text_has_the_code_by_which_it_is_erased(content: Any) -> None:
    """What a file says about a person is not left on the stream, in whichever wrong form it came."""
    found = _problems({**_ENTRY, "content": content}, "intake.dossier-entry-recorded.v1")
    assert [(each.field, each.code) for each in found] == [("data.content", "plain-identity")]
    assert "title, text" in found[0].remedy


def test_the_fields_of_an_entry_beside_its_seal_are_plain_personal_data_too() -> None:
    """Where a unit has a title of its own, an entry's title is sealed."""
    found = _problems({**_ENTRY, "content": "a..b.c.d", "title": "t"}, "intake.dossier-entry-corrected.v1")
    assert ("data.title", "plain-identity") in [(each.field, each.code) for each in found]


def test_a_path_holds_fields_only_and_no_tag_of_a_union() -> None:
    """A replacement of kind rating has a field rating: one of the two words belongs in the path."""
    found = _problems(_correction({"kind": "rating", "year": "x", "rating": "A", "note": 1}), CORRECTED)
    assert [each.field for each in found] == [
        "data.replacement.year", "data.replacement.rating", "data.replacement.note"]  # fmt: skip


def test_a_wrong_kind_is_the_problem_of_the_kind() -> None:
    """The tag of a union is a field that its author can mend."""
    found = [*_problems(_correction({"kind": "raise"}), CORRECTED), *_problems(_correction({}), CORRECTED)]
    assert [(each.field, each.code) for each in found] == [
        ("data.replacement.kind", "not-allowed-value"), ("data.replacement.kind", "missing")]  # fmt: skip


def test_what_is_no_json_says_where_it_breaks() -> None:
    """The position helps; the text around it could be a person's."""
    found = _problems_of_raw(b'{"id": "110101199003070000" "x"')
    assert [(each.field, each.code) for each in found] == [("", "not-json")]
    assert "line 1 column 29" in found[0].problem


def test_what_is_nested_without_end_is_too_deep() -> None:
    """Not told as bad JSON, which it is not."""
    assert [each.code for each in _problems_of_raw(b"[" * 5000)] == ["too-deep"]


def test_a_wrong_resident_id_is_named_but_not_repeated() -> None:
    """GB 11643-1999: the last character is 1, not 2."""
    with pytest.raises(ValidationError) as caught:
        Identity.model_validate({"name": "甲", "resident_id": "360426199101010072"})
    found = problems_of(caught.value)
    assert [(each.field, each.code) for each in found] == [("resident_id", "bad-resident-id")]
    assert "36042619910101" not in found[0].model_dump_json()


def test_a_message_with_many_faults_is_answered_with_twenty_problems() -> None:
    """The last one says how many are left out: 2 000 unknown fields, less the 19 that are shown."""
    unknown = ("extra_" + "".join(letters) for letters in product("abcdefghijklm", repeat=3))
    found = _problems({**GOOD, **dict.fromkeys(islice(unknown, 2000), 1)})
    assert len(found) == PROBLEMS_MAX
    assert found[-1].code == "more-problems"
    assert "1981" in found[-1].problem


def test_of_very_many_errors_only_the_first_are_put_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a message costs does not go by how much is wrong with it; how much is left out is still told."""
    told: list[str] = []

    def counted(kind: str, *rest: Any) -> Problem:
        told.append(kind)
        return put_in_words(kind, *rest)

    put_in_words = problems._problem_of
    monkeypatch.setattr(problems, "_problem_of", counted)
    unknown = ("extra_" + "".join(letters) for letters in product("abcdefgh", repeat=3))
    found = _problems({**GOOD, **dict.fromkeys(islice(unknown, 2 * ERRORS_READ_MAX), 1)})
    assert len(told) == ERRORS_READ_MAX
    assert (found[-1].code, str(2 * ERRORS_READ_MAX - PROBLEMS_MAX + 1) in found[-1].problem) == ("more-problems", True)


def test_a_field_name_that_could_be_a_person_is_withheld() -> None:
    """A sender that puts an ID or a name where a field's name belongs does not read it in a receipt."""
    found = _problems({**GOOD, "110101199003070000": 1, "张三": 2})
    assert "110101199003070000" not in str(found)
    assert "张三" not in str(found)
    assert {each.code for each in found} == {"unknown-field"}


_SECRET = "Zq7-secret"
_SPOTS = ("id", "source", "time", "effectiveon", "type", "specversion", "data", "correlationid", "subject",
          "data.person", "data.year", "data.rating", "data.extra", "data.person.source_key", "data.person.person_ref",
          "data.person.identity", "data.person.key_source", "data.person.resident_id")  # fmt: skip


@given(
    spot=st.sampled_from(_SPOTS),
    value=st.recursive(
        st.sampled_from([_SECRET, _SECRET * 900, f"{_SECRET}'", f"2025-{_SECRET}"]),
        lambda inner: st.lists(inner, min_size=1, max_size=2) | st.fixed_dictionaries({_SECRET + "1": inner}),
        max_leaves=3,
    ),
    lang=st.sampled_from(("en", "zh")),
)
def test_no_problem_ever_repeats_a_value(spot: str, value: Any, lang: Lang) -> None:
    """Wherever a secret stands in a message, it does not stand in what is said about the message."""
    message: dict[str, Any] = {
        "specversion": "1.0", "id": "m-1", "source": "hr", "time": "2025-01-05T08:00:00Z", "effectiveon": "2025-01-04",
        "type": RATING, "data": json.loads(json.dumps(GOOD)),
    }  # fmt: skip
    *above, leaf = spot.split(".")
    place = message
    for part in above:
        place = place[part]
    place[leaf] = value
    told: tuple[Problem, ...] = ()
    try:
        parse(json.dumps(message).encode())
    except ValidationError as error:
        told = problems_of(error, RATING, lang)
    assert _SECRET not in "".join(each.model_dump_json() for each in told)


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_code_says_what_is_wrong_and_what_to_do_in_both_languages(code: str) -> None:
    """A blank that is filled in one language is filled in the other."""
    for at in (0, 1):
        english, chinese = CODES[code]["en"][at], CODES[code]["zh"][at]
        assert english
        assert chinese
        assert not chinese.isascii()
        assert english.count("{expected}") == chinese.count("{expected}")
