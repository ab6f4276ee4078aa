"""An event loop without a clock and without luck: time passes only when nothing is left to do, and what runs next is drawn.

Everything that asyncio builds on a loop (tasks, sleeping, time-outs, threads) works on it, so the product's own coroutines run
unchanged. Each callback belongs to an ``Owner``, a process of the simulation; an owner that has crashed never runs again.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from contextvars import Context, ContextVar, copy_context
from itertools import count
from random import Random
from typing import Any, TypeVar, TypeVarTuple, Unpack

__all__ = ["OWNER", "Crashed", "Owner", "SimulatedLoop", "Stuck"]

STEPS_MAX = 200_000
"""Callbacks of one run. A simulation that needs more has gone round in circles."""

THREAD_SECONDS_MAX = 0.02
"""How long a call may wait for its thread."""

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Stuck(AssertionError):
    """The run does not come to an end."""


class Crashed(BaseException):
    """The process is gone. Nothing may catch this, as nothing catches the loss of power."""


class Owner:
    """One life of a process. jobs: what it has given to threads and no thread has begun yet."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.alive = True
        self.jobs: list[Callable[[], None]] = []

    def steps(self) -> bool:
        """Asked before each of its callbacks. False: it has just crashed, or is dead."""
        return self.alive


OWNER: ContextVar[Owner | None] = ContextVar("owner", default=None)


class SimulatedLoop(asyncio.BaseEventLoop):
    """draw: decides which of the ready callbacks runs next."""

    def __init__(self, draw: Random) -> None:
        super().__init__()
        self._draw = draw
        self._now = 0.0
        self._waiting: list[tuple[Owner | None, asyncio.Handle]] = []
        self._timers: list[tuple[float, int, Owner | None, asyncio.TimerHandle]] = []
        self._ties = count()
        self._made: list[asyncio.Task[Any]] = []
        self.steps = 0
        self.errors: list[str] = []
        self.set_exception_handler(self._note)

    def time(self) -> float:
        return self._now

    def _note(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Something that nobody caught: a mistake, unless it was a crash."""
        error = context.get("exception")
        if not isinstance(error, Crashed):
            self.errors.append(f"{context.get('message')}: {error!r}")

    # --- what asyncio asks of a loop ------------------------------------------------------------------------------------

    def call_soon(self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None) -> asyncio.Handle:
        context = copy_context() if context is None else context
        handle = asyncio.Handle(callback, args, self, context)
        self._waiting.append((context.get(OWNER), handle))
        return handle

    def call_soon_threadsafe(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        return self.call_soon(callback, *args, context=context)

    def call_later(
        self, delay: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        context = copy_context() if context is None else context
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, next(self._ties), context.get(OWNER), handle))
        return handle

    def create_task(self, coro: Any, *, name: object = None, context: Context | None = None) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, context=context)
        # A crashed process leaves tasks behind that never end. That is no mistake of anybody's.
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        self._made.append(task)
        return task

    def run_in_executor(self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts) -> asyncio.Future[T]:
        """A thread: the call happens as a whole, at some later moment."""
        future: asyncio.Future[T] = self.create_future()
        owner = OWNER.get()

        def job() -> None:
            if done[0]:
                return
            done[0] = True
            if owner is not None:
                owner.jobs.remove(job)
            try:
                result = func(*args)
            except Crashed:
                return
            except Exception as error:  # noqa: BLE001 - it belongs to whoever waits
                if not future.cancelled():
                    future.set_exception(error)
            else:
                if not future.cancelled():
                    future.set_result(result)

        done = [False]
        if owner is not None:
            owner.jobs.append(job)
        self.call_later(self._draw.random() * THREAD_SECONDS_MAX, job)
        return future

    # --- running --------------------------------------------------------------------------------------------------------

    def _run_once(self) -> None:
        """Run one callback; move the time on if there is none."""
        self.steps += 1
        if self.steps > STEPS_MAX:
            raise Stuck(f"{STEPS_MAX} steps, and no end")
        while self._timers and (not self._waiting or self._timers[0][0] <= self._now):
            when, _, owner, timer = heapq.heappop(self._timers)
            if not timer.cancelled():
                self._now = max(self._now, when)
                self._waiting.append((owner, timer))
        if not self._waiting:
            raise Stuck("nothing is left to do, and the run is not over")
        waiting = self._waiting
        index = self._draw.randrange(len(waiting))
        waiting[index], waiting[-1] = waiting[-1], waiting[index]
        owner, handle = waiting.pop()
        if not handle.cancelled() and (owner is None or owner.steps()):
            handle._run()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run to the end, and clear away what crashed processes have left."""
        try:
            return self.run_until_complete(work)
        finally:
            for task in self._made:
                coroutine = task.get_coro()
                if not task.done() and coroutine is not None:
                    coroutine.close()
            self.close()
