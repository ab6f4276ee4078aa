"""Given these events, when this command, then those events: the shape of every decider's tests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

import pytest

from eventlog.decider import Decider, Rejected, fold

__all__ = ["Given", "When", "given"]

C = TypeVar("C")
E = TypeVar("E")
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class When(Generic[C, E, S]):
    """A command that meets a state; nothing is decided before the question is asked."""

    decider: Decider[C, E, S]
    state: S
    command: C

    @property
    def events(self) -> tuple[E, ...]:
        """What is decided, for a look at a part of it."""
        return self.decider.decide(self.command, self.state)

    def then(self, *expected: E) -> None:
        """Exactly these events are decided."""
        assert expected == self.events

    def nothing(self) -> None:
        """Nothing new is decided."""
        self.then()

    def rejected(self, code: str, field: str | None = None) -> None:
        """It is the caller's mistake, with this code (and at this field)."""
        with pytest.raises(Rejected) as caught:
            self.decider.decide(self.command, self.state)
        assert [code] == [p.code for p in caught.value.problems]
        if field is not None:
            assert [field] == [p.field for p in caught.value.problems]
        assert all(p.problem and p.remedy for p in caught.value.problems)


@dataclass(frozen=True, slots=True)
class Given(Generic[C, E, S]):
    decider: Decider[C, E, S]
    state: S

    def when(self, command: C) -> When[C, E, S]:
        return When(self.decider, self.state, command)


def given(decider: Decider[C, E, S], events: Iterable[E] = ()) -> Given[C, E, S]:
    """The state that these events lead to."""
    return Given(decider, fold(decider, events))
