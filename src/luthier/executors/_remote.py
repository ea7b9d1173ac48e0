"""The study's side of agents on other machines: where they are, and which has which job."""

from __future__ import annotations

import contextlib
import logging
import math
import queue
import sys
import time
from abc import abstractmethod
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from luthier.errors import ExecutorError, InvalidInput, ObjectiveError
from luthier.executors import _wire
from luthier.executors._agent import BYE, LEAVING, Boot, Command, Letter
from luthier.executors._pool import Event, Pool, cannot_load
from luthier.executors.base import Handler, Job, Outcome, Task

log = logging.getLogger("luthier")

_LOST = b"L"  # stands for the frame of an agent that is gone
_ATTEMPTS = 3  # so many agents in a row may be lost before one was ready
_FAREWELL = 2.0  # seconds that agents have to end their jobs when the executor is closed


class Line(Protocol):
    """The way to one agent, and what keeps its place in the cluster."""

    def post(self, command: Command) -> None:
        """Send a command, and go on at once. That the agent is gone is told elsewhere."""
        ...

    def listen(self) -> None:
        """Let what the agent says next come, if it does not come by itself."""
        ...

    def close(self) -> None:
        """End the agent by force, and give its place back."""
        ...


class RemoteWorker:
    """An agent, as the study's process knows it.

    Parameters
    ----------
    slot : int
        Which slot of the executor it fills.
    """

    def __init__(self, slot: int) -> None:
        self.slot = slot
        self.job: Job | None = None
        self.payload = b""
        self.line: Line | None = None
        self.placed = False  # it has a place in the cluster
        self.ready = False  # it can be given jobs
        self.leaving = False  # it takes no further job
        self.loaded = False  # its present worker process has loaded the task

    def send(self, frame: bytes) -> None:
        """Send the answer to a question."""
        self.post(("answer", frame))

    def post(self, command: Command) -> None:
        """Send a command."""
        assert self.line is not None
        self.line.post(command)


Mail = tuple[RemoteWorker, "Sequence[Letter] | str"]
"""Letters of an agent, or how it was lost."""


class RemotePool(Pool[RemoteWorker]):
    """Jobs on the machines of a cluster; subclasses say how agents get there.

    Parameters
    ----------
    name : str
        Of the subclass, for messages.
    cpus : float
        Cores of each trial.
    capture_output : bool
        Whether to keep what trials print.
    start_timeout : float
        Seconds within which the first agent must be ready.
    per_job : bool
        Whether an agent serves one job only.
    """

    def __init__(
        self, name: str, cpus: float, capture_output: bool, start_timeout: float, per_job: bool
    ) -> None:
        if not 0 < start_timeout < math.inf:
            raise InvalidInput(f"{name}: start_timeout", start_timeout, "seconds above 0")
        if not isinstance(capture_output, bool):
            raise InvalidInput(f"{name}: capture_output", capture_output, "True or False")
        self._threads = max(1, int(cpus))
        self._capture_output = capture_output
        self._start_timeout = start_timeout
        self._per_job = per_job
        super().__init__()

    def _reset(self) -> None:
        super()._reset()
        self._task: Task | None = None
        self._boot: Boot | None = None
        self._inbox: queue.SimpleQueue[Mail] = queue.SimpleQueue()
        self._read: deque[Event[RemoteWorker]] = deque()
        self._silent: list[RemoteWorker] = []
        self._failures = 0

    # ------------------------------------------------------------------ for subclasses

    @abstractmethod
    def _attach(self) -> int:
        """Reach the cluster, start one if need be, and return how many agents it shall have."""

    @abstractmethod
    def _detach(self) -> None:
        """Leave the cluster, and end what `_attach` has started."""

    @abstractmethod
    def _hire(self, worker: RemoteWorker, boot: Boot) -> Line:
        """Ask the cluster for an agent. Its letters go to `_inbox`, as does its loss."""

    @abstractmethod
    def _planned(self) -> int:
        """Return how many jobs will run at once, before the executor is open."""

    @abstractmethod
    def _wanted(self) -> str:
        """Say what each agent needs of the cluster."""

    # ------------------------------------------------------------------ the protocol

    @property
    def slots(self) -> int:
        """How many jobs may run at once: while open, as many as the cluster has places for."""
        if not self._workers:
            return self._planned()
        if self._per_job:
            return len(self._workers)
        return max(1, sum(worker.ready for worker in self._workers))

    def open(self, task: Task, handler: Handler) -> None:
        """Ask the cluster for workers, and wait until the first one has loaded the task.

        Raises
        ------
        ObjectiveError
            If the task cannot be pickled, or not be loaded in a worker.
        ExecutorError
            If the cluster cannot be reached, no worker is ready within `start_timeout`, or the
            executor is open.
        """
        if self._handler is not None:
            raise ExecutorError("the executor is open already")
        self._task, self._handler = task, handler
        try:
            self._boot = self._pack(task)
            for slot in range(self._attach()):
                self._workers.append(RemoteWorker(slot))
                self._free.append(slot)
            if not self._per_job:
                self._place_all(self._workers)
                self._await_first()
        except BaseException:
            self.close()
            raise

    def _pack(self, task: Task) -> Boot:
        try:
            data = _wire.dumps_by_value(task)
        except Exception as error:
            raise ObjectiveError(f"the objective cannot be sent to workers: {error}") from error
        path = [place for place in sys.path if isinstance(place, str)]
        return Boot(
            data, self._threads, self._capture_output, self._start_timeout, list(sys.argv), path
        )

    def _place_all(self, workers: Sequence[RemoteWorker]) -> None:
        """Ask the cluster for the first agents."""
        for worker in workers:
            self._place(worker)

    def _place(self, worker: RemoteWorker) -> None:
        assert self._boot is not None
        worker.line = self._hire(worker, self._boot)
        self._silent.append(worker)

    def _await_first(self) -> None:
        deadline = time.monotonic() + self._start_timeout
        while not any(worker.ready for worker in self._workers):
            left = deadline - time.monotonic()
            if left <= 0:
                raise ExecutorError(
                    f"no worker was ready within {self._start_timeout:g} seconds; each needs "
                    f"{self._wanted()}"
                )
            event = self._next_event(min(left, 1.0))
            if event is not None:
                self._handle(event)

    def _choose(self) -> RemoteWorker:
        """Return a worker that is ready, or else one that will be."""
        free = [self._workers[slot] for slot in self._free]
        return next((worker for worker in free if worker.ready), free[0])

    def _begin(self, worker: RemoteWorker, job: Job, payload: bytes) -> None:
        worker.job, worker.payload = job, payload
        if worker.line is None:
            self._place(worker)
        worker.post(("start", job.key, job.limits, payload))

    def stop(self, key: int) -> None:
        """Ask a job to end: `Channel.stopping`, then the kill after its grace."""
        worker = self._running.get(key)
        if worker is None:
            return
        if worker.placed:
            worker.post(("stop", key))
        else:  # the cluster may let it wait for long
            self._drop(worker)
            self._release(worker, Outcome(key, "stopped", error="stopped"))
            self._renew(worker)

    def close(self) -> None:
        """Kill what runs, give back the cluster's places, and forget everything."""
        hired = [worker for worker in self._workers if worker.line is not None]
        try:
            with contextlib.suppress(ExecutorError):  # the cluster is gone
                self._dismiss([worker for worker in hired if worker.placed])
            for worker in hired:
                self._drop(worker)
        finally:
            if self._handler is not None:
                self._detach()
            self._reset()

    def _dismiss(self, workers: Sequence[RemoteWorker]) -> None:
        """Let agents end their jobs and themselves, if they are quick."""
        left = set(workers)
        for worker in workers:
            worker.post(("quit",))
        deadline = time.monotonic() + _FAREWELL
        while left and (wait := deadline - time.monotonic()) > 0:
            event = self._next_event(wait)
            if event is not None and event.frame in (BYE, _LOST):
                left.discard(event.worker)

    # ------------------------------------------------------------------ what agents say

    def _next_event(self, timeout: float) -> Event[RemoteWorker] | None:
        if self._read:
            return self._read.popleft()
        try:
            worker, mail = self._inbox.get_nowait()
        except queue.Empty:
            for worker in self._silent:
                if worker.line is not None:
                    worker.line.listen()
            self._silent.clear()
            try:
                worker, mail = self._inbox.get(timeout=timeout)
            except (queue.Empty, ValueError):
                return None
        if isinstance(mail, str):
            return Event(worker, _LOST, None, mail)
        if not (mail and mail[-1].frame == BYE):
            self._silent.append(worker)
        self._read.extend(Event(worker, *letter) for letter in mail)
        return self._read.popleft() if self._read else None

    def _handle(self, event: Event[RemoteWorker]) -> None:
        worker, frame = event.worker, event.frame
        if worker is not self._workers[worker.slot] or worker.line is None:
            return  # the last words of somebody who was replaced
        worker.placed = True
        if frame == _wire.READY:
            worker.ready = worker.loaded = True
            self._failures = 0
        elif frame == LEAVING:
            worker.leaving = True
            if worker.job is None:
                self._dismiss_one(worker)
        elif frame in (_LOST, BYE):
            self._lose(worker, event.death)
        elif frame is not None and frame[:1] == _wire.BROKEN:
            self._mend(event, _wire.loads(frame[1:]))
        else:
            if frame is None:
                worker.loaded = False
            super()._handle(event)

    def _fail(self, reason: str) -> None:
        self._failures += 1
        if self._failures >= _ATTEMPTS:
            raise ExecutorError(f"workers cannot be started: {reason}")

    def _mend(self, event: Event[RemoteWorker], broken: _wire.Broken) -> None:
        """Send along what a worker did not find, if that is all it takes."""
        worker = event.worker
        assert self._task is not None
        if _wire.send_by_value(broken.missing):
            self._boot = self._pack(self._task)
            for other in self._workers:
                if other.line is not None and not other.ready:
                    self._drop(other)
                    self._renew(other)
        elif worker.job is None:
            raise ObjectiveError(cannot_load(broken))
        else:
            super()._handle(event)
            self._drop(worker)
            self._renew(worker)

    def _release(self, worker: RemoteWorker, outcome: Outcome) -> None:
        super()._release(worker, outcome)
        if (self._per_job or worker.leaving) and worker.line is not None:
            self._dismiss_one(worker)

    def _dismiss_one(self, worker: RemoteWorker) -> None:
        """Let an agent without a job end; its slot is for a new one."""
        worker.post(("quit",))
        self._renew(worker)

    def _lose(self, worker: RemoteWorker, reason: str) -> None:
        """Ask for another agent in place of one that is gone, whose job goes with it."""
        log.warning("a worker was lost: %s", reason)
        job = worker.job
        loaded = worker.loaded
        self._drop(worker)
        if job is not None:
            self._release(worker, Outcome(job.key, "lost", error=reason))
        if not loaded:
            self._fail(reason)
        self._renew(worker)

    def _drop(self, worker: RemoteWorker) -> None:
        line, worker.line = worker.line, None
        worker.ready = worker.loaded = worker.placed = False
        if line is not None:
            line.close()

    def _renew(self, worker: RemoteWorker) -> None:
        """Put a new agent in the place of one, with the job that it has."""
        new = RemoteWorker(worker.slot)
        self._workers[worker.slot] = new
        if self._per_job and worker.job is None:
            return
        self._place(new)
        if worker.job is not None:
            new.job, new.payload = worker.job, worker.payload
            self._running[new.job.key] = new
            new.post(("start", new.job.key, new.job.limits, new.payload))
