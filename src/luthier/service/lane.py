"""One call after the other in a thread, while the event loop stays free."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from time import monotonic
from typing import Any, NamedTuple

TOGETHER = 32
"""Calls that are done in one go, before the loop hears of them: a change of threads costs more
than most calls do."""

PATIENCE = 0.005
"""Seconds after which it hears of those that are done, where calls are slow."""


class _Call(NamedTuple):
    work: Callable[[], Any]
    future: asyncio.Future[Any]


class _Done(NamedTuple):
    future: asyncio.Future[Any]
    result: Any
    error: BaseException | None


class Lane:
    """Does calls in the order they come, one at a time. Used from one event loop.

    Parameters
    ----------
    threads : Executor
        Where they are done; a lane needs one of its threads at a time.
    """

    def __init__(self, threads: Executor) -> None:
        self._threads = threads
        self._waiting: deque[_Call] = deque()
        self._busy = False

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""
        return not self._busy

    def do(self, work: Callable[[], Any]) -> asyncio.Future[Any]:
        """Do a call when its turn comes; it is done even if nobody waits for it any more."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._waiting.append(_Call(work, future))
        if not self._busy:
            self._busy = True
            self._go_on(loop)
        return future

    def _go_on(self, loop: asyncio.AbstractEventLoop) -> None:
        calls = [self._waiting.popleft() for _ in range(min(TOGETHER, len(self._waiting)))]
        if calls:
            self._threads.submit(self._do, calls, loop)
        else:
            self._busy = False

    def _do(self, calls: list[_Call], loop: asyncio.AbstractEventLoop) -> None:
        done: list[_Done] = []
        told = monotonic()
        for work, future in calls:
            try:
                done.append(_Done(future, work(), None))
            except BaseException as error:
                done.append(_Done(future, None, error))
            if (now := monotonic()) - told > PATIENCE:
                loop.call_soon_threadsafe(_deliver, done)
                done, told = [], now
        loop.call_soon_threadsafe(self._finish, done, loop)

    def _finish(self, done: list[_Done], loop: asyncio.AbstractEventLoop) -> None:
        self._go_on(loop)
        _deliver(done)


def _deliver(done: list[_Done]) -> None:
    for future, result, error in done:
        if future.cancelled():
            continue
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
