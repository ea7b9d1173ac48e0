"""What all executors with workers share: which worker has which job, and what its frames mean."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections import deque
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from luthier.errors import ExecutorError, InvalidInput
from luthier.executors import _wire
from luthier.executors.base import Ending, Handler, Job, Outcome
from luthier.executors.limits import Verdict

_WAIT = 1.0  # seconds at a time, since on Windows Ctrl-C cannot interrupt a wait
_BURST = 0.01  # seconds that `poll` may serve messages beyond its time


class Worker(Protocol):
    """Somebody who does one job at a time, in another process."""

    slot: int
    job: Job | None

    def send(self, frame: bytes) -> None:
        """Send a frame; never fails."""
        ...


W = TypeVar("W", bound=Worker)


class Ended(NamedTuple):
    """What was seen of a job's end from outside of it.

    Attributes
    ----------
    verdict : str, optional
        Why it was made to end, None if it was not.
    reason : str
        The same as a sentence.
    seconds : float
        How long it ran.
    output : str
        The last part of what it printed.
    """

    verdict: Verdict | None
    reason: str
    seconds: float
    output: str


class Event(NamedTuple, Generic[W]):
    """Something that a worker did.

    Attributes
    ----------
    worker : Worker
        Who.
    frame : bytes, optional
        What it sent; None if it died.
    ended : Ended, optional
        If that ends its job.
    death : str
        How it died.
    """

    worker: W
    frame: bytes | None
    ended: Ended | None = None
    death: str = ""


class Pool(ABC, Generic[W]):
    """Hands jobs to workers, in the thread that polls; where they are is for subclasses to say."""

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._handler: Handler | None = None
        self._workers: list[W] = []  # by slot
        self._free: deque[int] = deque()
        self._running: dict[int, W] = {}
        self._outcomes: list[Outcome] = []

    @abstractmethod
    def _next_event(self, timeout: float) -> Event[W] | None:
        """Return what a worker did next, None if none does anything within so many seconds."""

    @abstractmethod
    def _choose(self) -> W:
        """Return a worker for the next job, in a free slot."""

    @abstractmethod
    def _begin(self, worker: W, job: Job, payload: bytes) -> None:
        """Let a worker run a job."""

    def start(self, job: Job) -> None:
        """Send a job to a free worker; one that has died is replaced first.

        Raises
        ------
        InvalidInput
            If the key is running already, or the payload cannot be pickled.
        ExecutorError
            If the executor is not open, no slot is free, or a worker cannot be started.
        """
        if job.key in self._running:
            raise InvalidInput("Job: key", job.key, "a key that is not running")
        if not self._free:
            raise ExecutorError("the executor is not open, or all its slots are taken")
        try:
            payload = _wire.dumps(job.payload)
        except Exception as error:
            raise InvalidInput(
                "Job: payload", job.payload, f"what can be pickled ({error})"
            ) from error
        worker = self._choose()
        self._begin(worker, job, payload)
        self._free.remove(worker.slot)
        self._running[job.key] = worker

    def poll(self, timeout: float | None = None) -> list[Outcome]:
        """Serve messages until a job ends or the time is over, and return the ended jobs."""
        if self._handler is None:
            return []
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        while True:
            left = deadline - time.monotonic()
            wait = bool(self._running) and not self._outcomes and left > 0
            event = self._next_event(min(left, _WAIT) if wait else 0)
            if event is not None:
                self._handle(event)
            elif not wait:
                break
            if self._outcomes:
                deadline = min(deadline, time.monotonic())
            if left < -_BURST:
                break
        outcomes, self._outcomes = self._outcomes, []
        return outcomes

    def _handle(self, event: Event[W]) -> None:
        """Act on what a worker did."""
        worker, frame = event.worker, event.frame
        job = worker.job
        if job is None:
            return  # it started, or it died idle and is replaced when it is needed
        if frame is None:
            self._release(worker, _outcome_of_death(job, event))
            return
        kind = frame[:1]
        if kind in (_wire.SEND, _wire.ASK):
            assert self._handler is not None
            answer = self._handler(job.key, _wire.loads(frame[1:]))
            if kind == _wire.ASK:
                worker.send(_wire.dumps(answer))
        elif kind in (_wire.DONE, _wire.ERROR):
            assert event.ended is not None
            self._release(worker, _outcome_of_return(job, frame, event.ended))
        elif kind == _wire.BROKEN:  # a replacement; it ends itself
            error = cannot_load(_wire.loads(frame[1:]))
            self._release(worker, Outcome(job.key, "crash", error=error))

    def _release(self, worker: W, outcome: Outcome) -> None:
        """Free a worker whose job has ended."""
        del self._running[outcome.key]
        worker.job = None
        self._free.append(worker.slot)
        self._outcomes.append(outcome)


def _outcome_of_return(job: Job, frame: bytes, ended: Ended) -> Outcome:
    """Make the outcome of a task that returned or raised."""
    result: Any = None
    failure = _wire.Failure("", "")
    ending: Ending = "done"
    told = True
    try:
        seconds, told, value = _wire.loads(frame[1:])
    except Exception as exception:
        ending, seconds = "error", ended.seconds
        failure = _wire.Failure.of(exception)
        failure = failure._replace(error=f"the result cannot be unpickled: {failure.error}")
    else:
        if frame[:1] == _wire.DONE:
            result = value
        else:
            ending, failure = "error", value
    if ended.verdict is not None:
        # It may have ended in time, and its frame have waited to be read.
        in_time = not told and seconds <= (job.limits.seconds or math.inf)
        if ended.verdict != "timeout" or not in_time:
            ending = ended.verdict
            failure = failure._replace(error=failure.error or ended.reason)
    return Outcome(job.key, ending, result, *failure, ended.output, seconds)


def _outcome_of_death(job: Job, event: Event[Any]) -> Outcome:
    """Make the outcome of a job whose worker died, by itself or because it was killed."""
    ended = event.ended or Ended(None, "", 0.0, "")
    ending: Ending = "crash"
    error = event.death
    if ended.verdict is not None:
        ending, error = ended.verdict, ended.reason
    return Outcome(job.key, ending, None, error, output=ended.output, seconds=ended.seconds)


def cannot_load(broken: _wire.Broken) -> str:
    """Say that a worker cannot load the task."""
    return f"the objective cannot be loaded in a worker process: {broken.error}"
