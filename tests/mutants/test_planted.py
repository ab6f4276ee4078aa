"""The tests can fail: each planted bug still fits the code, and a few are planted each time; ``make mutants`` plants all."""

from __future__ import annotations

import pytest

from tests.mutants.plant import ROOT, Bug, bugs, plant

QUICK = ("acknowledged before the commit", "a gap is ignored")


@pytest.mark.parametrize("bug", bugs(), ids=lambda bug: bug.name)
def test_a_planted_bug_fits_the_code(bug: Bug) -> None:
    """Else it would be planted nowhere, and a green run would say nothing."""
    text = (ROOT / bug.file).read_text(encoding="utf-8")
    assert text != bug.planted(text)
    assert [] == [test for test in bug.caught_by if not (ROOT / test).exists()]


def test_there_are_twenty_and_each_is_another() -> None:
    """The number that was promised, and no name twice."""
    names = [bug.name for bug in bugs()]
    assert len(names) >= 20
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", QUICK)
def test_a_planted_bug_turns_the_tests_red(name: str) -> None:
    """Two of them, each time."""
    verdict = plant(next(bug for bug in bugs() if bug.name == name))
    assert verdict.caught, verdict.said
