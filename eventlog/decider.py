"""The shape of every decider: what a state is at first, what a command does to it, what an event does to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from contracts.receipts import Problem

__all__ = ["Decider", "Early", "Rejected", "StandsOtherwise", "already", "fold"]

C = TypeVar("C")
E = TypeVar("E")
S = TypeVar("S")


class Rejected(Exception):
    """The caller's mistake: nothing is recorded, and the receipt carries the problems."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(f"{p.field}: {p.code}" for p in problems))
        self.problems = problems


class Early(Exception):
    """It comes too early: what it needs has not come yet, and may. The message is held until somebody brings that.

    need: a text that is compared with what events bring. shown: the same in words. expects: the streams that lack it, and their
    versions; None: it is the message's own stream that lacks it.
    """

    def __init__(self, need: str, shown: str, expects: Mapping[str, int] | None = None) -> None:
        super().__init__(need)
        self.need = need
        self.shown = shown
        self.expects = expects


class StandsOtherwise(Exception):
    """What it says is on file in other words, or of another day, and stays so: nothing is recorded, and its sender is told."""


def already(same: bool) -> tuple[()]:
    """What is so already leads to nothing. same: in these very words, of this day; else raises StandsOtherwise."""
    if not same:
        raise StandsOtherwise
    return ()


@dataclass(frozen=True, slots=True)
class Decider(Generic[C, E, S]):
    """initial: the state before any event. decide: command and state to events. evolve: state and event to state."""

    initial: S
    decide: Callable[[C, S], tuple[E, ...]]
    evolve: Callable[[S, E], S]


def fold(decider: Decider[C, E, S], events: Iterable[E], state: S | None = None) -> S:
    current = decider.initial if state is None else state
    for event in events:
        current = decider.evolve(current, event)
    return current
