"""Given these events, when this command, then those events: the shape of every decider's tests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

import pytest

from eventlog.decider import Decider, Rejected, StandsOtherwise, fold

__all__ = ["Given", "When", "decided", "given"]

C = TypeVar("C")
E = TypeVar("E")
S = TypeVar("S")


def decided(decider: Decider[C, E, S], command: C, state: S) -> tuple[E, ...]:
    """The events of a command; nothing, also if something else stands."""
    try:
        return decider.decide(command, state)
    except StandsOtherwise:
        return ()


@dataclass(frozen=True, slots=True)
class When(Generic[C, E, S]):
    """A command that meets a state; nothing is decided before the question is asked."""

    decider: Decider[C, E, S]
    state: S
    command: C

    @property
    def events(self) -> tuple[E, ...]:
        """What is decided, for a look at a part of it; nothing, also if something else stands."""
        return decided(self.decider, self.command, self.state)

    def then(self, *expected: E) -> None:
        """Exactly these events are decided; none: it is so already."""
        assert expected == self.decider.decide(self.command, self.state)

    def nothing(self) -> None:
        """Nothing new is decided."""
        self.then()

    def stands_otherwise(self) -> None:
        """Nothing new is decided, and what is on file says something else."""
        with pytest.raises(StandsOtherwise):
            self.decider.decide(self.command, self.state)

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
