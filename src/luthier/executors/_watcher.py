"""The thread that sees everything that happens to the workers."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from typing import cast

from luthier.errors import ExecutorError
from luthier.executors import _wire
from luthier.executors._pool import Ended, Event
from luthier.executors._process import Worker
from luthier.executors.limits import TICK, Leash, MemoryGauge

_EXIT_WAIT = 0.02  # seconds to wait at once for the end of a worker that hung up
_HANG_UP = 1.0  # seconds it may take to end after that
_STOPPED = 10 * TICK  # a thread that wakes up so late was stopped, with its whole process
_QUIT = 2.0  # seconds an idle worker may take to end when the executor is closed


Sink = Callable[[Event[Worker] | Exception], None]
"""Gets what happened, or why nothing more can be seen."""


class Watcher:
    """Reads from the workers, notices their deaths, and holds them to their limits.

    A thread of its own does it, so that limits hold exactly also while the
    study computes. It unpickles nothing and calls nothing of the user's: what
    it sees waits for the thread that polls, in `next_event`.

    Parameters
    ----------
    workers : list of Worker
        Watched as it is at any time. Whoever changes it, or a worker's job, holds `lock`.
    sink : callable, optional
        Gets what happens, in the watcher's thread; an exception if the watcher itself has
        failed, and the workers are dead. Default: `next_event` returns it.
    """

    def __init__(self, workers: list[Worker], sink: Sink | None = None) -> None:
        self.lock = threading.Lock()
        self._events: queue.SimpleQueue[Event[Worker] | Exception] = queue.SimpleQueue()
        self._put = self._events.put if sink is None else sink
        self._workers = workers
        self._closing = False
        self._gauge = MemoryGauge()
        self._thread = threading.Thread(target=self._run, name="luthier-watcher", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Kill the workers that have a job, let the others quit, and return when all are gone."""
        with self.lock:
            self._closing = True
            for worker in self._workers:
                if worker.leash is None and worker.ready:
                    worker.send(_wire.QUIT)
                    worker.expire(_QUIT, "did not quit")
                elif not worker.lost:
                    worker.kill()
        self._thread.join()

    def next_event(self, timeout: float | None = None) -> Event[Worker] | None:
        """Return what happened next; None if nothing does within `timeout` seconds.

        Raises
        ------
        ExecutorError
            If the watcher itself has failed; the workers are dead then.
        """
        try:
            event = self._events.get(timeout=timeout) if timeout != 0 else self._events.get_nowait()
        except queue.Empty:
            return None
        if isinstance(event, Exception):
            raise ExecutorError(f"the workers cannot be watched any more: {event}") from event
        return event

    def _run(self) -> None:
        try:
            self._watch()
        except Exception as error:
            for worker in self._workers:
                if not worker.lost:
                    worker.kill()
                    worker.process.wait()
                    worker.lost = True
            self._put(error)

    def _watch(self) -> None:
        next_look, before = 0.0, time.monotonic()
        while True:
            with self.lock:
                alive = [worker for worker in self._workers if not worker.lost]
                due = min((w.leash.due for w in alive if w.leash is not None), default=math.inf)
                if self._closing and not alive:
                    return
            talking = {w.connection: w for w in alive if not w.hung_up}
            pause = max(0.0, min(TICK, due - time.monotonic()))
            if talking:
                for connection in wait(list(talking), pause):
                    self._read(talking[cast(Connection, connection)])
            else:
                time.sleep(pause)
            now = time.monotonic()
            if now - before > _STOPPED:
                self._was_stopped(now - before)
            before = now
            if now >= min(due, next_look):
                next_look = now + TICK
                self._look(alive, now)

    def _was_stopped(self, seconds: float) -> None:
        """Give back the time that this process stood still: its workers may have waited for it."""
        with self.lock:
            for worker in self._workers:
                if worker.leash is not None:
                    worker.leash.began += seconds

    def _read(self, worker: Worker) -> None:
        """Take one frame of a worker, or notice that it has hung up."""
        try:
            frame = worker.connection.recv_bytes()
        except (EOFError, OSError):
            worker.hung_up = True
            worker.expire(_HANG_UP, "closed its channel to the study")
            self._lose_if_ended(worker, _EXIT_WAIT)
            return
        ended = None
        with self.lock:
            leash = worker.leash
            if frame[:1] in (_wire.DONE, _wire.ERROR):
                worker.leash = None
                ended = _ended(worker, leash)
            elif frame[:1] == _wire.ASK and leash is not None:
                leash.asks()
            elif frame[:1] == _wire.READY:
                worker.ready = True
                worker.expire(math.inf, "")
                if leash is not None:
                    leash.began = time.monotonic()
        self._put(Event(worker, frame, ended))

    def _look(self, workers: list[Worker], now: float) -> None:
        """Check lives and limits. Deaths are looked for, since a fork can keep the pipe open."""
        for worker in workers:
            if not worker.lost:
                self._lose_if_ended(worker)
        with self.lock:
            for worker in workers:
                if not worker.lost:
                    worker.check(now)
            leashes = [worker.leash for worker in workers if worker.leash is not None]
        for leash, resident in self._gauge.measure(leashes, now):
            with self.lock:
                # Measuring takes a while; the worker may have another job by now.
                if any(worker.leash is leash for worker in workers):
                    leash.check_memory(resident)

    def _lose_if_ended(self, worker: Worker, patience: float = 0.0) -> None:
        code = worker.exit_code(patience)
        if code is None:
            return
        while not worker.hung_up and worker.connection.poll():
            self._read(worker)
        if worker.lost:  # by the reading
            return
        death = worker.bury(code)
        with self.lock:
            worker.lost = True
            leash, worker.leash = worker.leash, None
        self._put(Event(worker, None, _ended(worker, leash), death))


def _ended(worker: Worker, leash: Leash | None) -> Ended | None:
    """Say what was seen of the end of a worker's job, None if it has none."""
    if leash is None:
        return None
    return Ended(leash.verdict, leash.reason, leash.seconds, worker.tail())
