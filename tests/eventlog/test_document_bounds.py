"""A document costs no more than its bounds let it, whatever somebody writes."""

from __future__ import annotations

import pytest

from eventlog.documents import DEPTH_MAX, NODES_MAX, TEXT_CHARS_MAX, Reader

HOSTILE = {
    "too-many": [
        "".join(f"k{n}: v\n" for n in range(NODES_MAX)),
        "x: [" + "1," * NODES_MAX + "]",
        "x:\n" + "- 1\n" * NODES_MAX,
        "? [" + "a," * NODES_MAX + "]\n: b\n",
    ],
    "too-deep": ["[" * (DEPTH_MAX + 1) + "]" * (DEPTH_MAX + 1), "[" * 50_000, "{a: " * 10_000],
    "too-long": ["a: " + "b" * TEXT_CHARS_MAX],
    "anchor": ["a: &x 1\nb: *x\n", "a: &x [1]\nb: [*x, *x, *x]\n"],
    "tag": ["a: !!python/object:os.system x\n", "%YAML 1.1\n---\na: b\n"],
    "yaml": ["a: b\n---\nc: d\n", "a: \x00\n", "a: b\u2028c\n", 'a: "\\U99999999"\n', "a: [", "- just\n- a list\n", ""],
}


@pytest.mark.parametrize(("code", "text"), [(code, text) for code, texts in HOSTILE.items() for text in texts])
def test_what_passes_a_bound_is_refused_at_its_place(code: str, text: str) -> None:
    """One finding names what it is, and nothing is made of the text."""
    reader = Reader("policy", frozenset())
    assert reader.read(text) is None
    assert code in [finding.code for finding in reader.findings]
    assert all(problem.line >= 1 and problem.column >= 1 for problem in reader.problems(reader.findings))


def test_a_text_that_is_refused_is_not_read_on() -> None:
    """Where a bound is passed the parser stops: of a hundred thousand brackets it has seen the first dozen."""
    reader = Reader("policy", frozenset())
    reader.read("[" * 50_000)
    assert reader.problems(reader.findings)[0].column == DEPTH_MAX + 1
