"""What every executor promises: run a task on a payload somewhere, and say how it ended.

An executor knows nothing about studies. It is given one *task*, a callable that
takes a payload and a channel, and runs it once per `Job`. Messages that the
task sends over its channel reach the `handler`, always in the thread that calls
`Executor.poll`, so that the study needs no lock.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from luthier.errors import InvalidInput


class Channel(Protocol):
    """The task's line to the process that runs the study."""

    def send(self, message: Any) -> None:
        """Send a message and go on at once."""
        ...

    def ask(self, message: Any) -> Any:
        """Send a message and wait for the handler's answer."""
        ...

    @property
    def stopping(self) -> bool:
        """Whether `Executor.stop` was called for this job (a task may end early by itself)."""
        ...


Task = Callable[[Any, Channel], Any]
"""``task(payload, channel) -> result``. Payload, messages and result are picklable."""

Handler = Callable[[int, Any], Any]
"""``handler(key, message) -> answer``. The answer is dropped for `Channel.send`."""

SCRATCH = "LUTHIER_SCRATCH"
"""Environment variable of workers: the folder for a task's temporary files.

The executor removes it at its end, and with it what killed jobs could not remove themselves.
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one job may use at most.

    Attributes
    ----------
    seconds : float, optional
        Wall time, seconds. When it is over, the job is asked to end, and killed after `grace`.
    memory : int, optional
        Resident memory of the job's process and its children, bytes. Killed at once when over.
    grace : float
        Seconds between the polite request to stop (SIGTERM, `Channel.stopping`) and the kill.

    Raises
    ------
    InvalidInput
        If a limit is not positive, or the grace is negative or not finite.
    """

    seconds: float | None = None
    memory: int | None = None
    grace: float = 5.0

    def __post_init__(self) -> None:
        if self.seconds is not None and not self.seconds > 0:
            raise InvalidInput("Limits: seconds", self.seconds, "a number above 0, or None")
        if self.memory is not None and not self.memory > 0:
            raise InvalidInput("Limits: memory", self.memory, "a number of bytes above 0, or None")
        if not 0 <= self.grace < math.inf:
            raise InvalidInput("Limits: grace", self.grace, "a finite number of seconds, 0 or more")


@dataclass(frozen=True, slots=True)
class Job:
    """One run of the task.

    Attributes
    ----------
    key : int
        Names the job among those running (the trial's number).
    payload : object
        What the task gets.
    limits : Limits
        Enforced by the executor from outside the task.
    """

    key: int
    payload: Any
    limits: Limits = Limits()


Ending = Literal["done", "error", "crash", "timeout", "memory", "stopped", "lost"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended.

    Attributes
    ----------
    key : int
        The job's key.
    ending : str
        ``done``: the task returned. ``error``: the task raised. ``crash``: its process
        died by itself. ``timeout``, ``memory``: killed for its limit. ``stopped``:
        ended by `Executor.stop`. ``lost``: the machine that it ran on went away, or the place
        that it had there; no fault of the job's.
    result : object
        What the task returned: always if done, and also if it returned in its grace after a
        stop or a timeout.
    error : str
        One line that says what happened, if not done.
    traceback : str
        The traceback, if there is one.
    output : str
        The last part of what the job wrote to standard output and standard error.
    seconds : float
        Wall time of the job.
    """

    key: int
    ending: Ending
    result: Any = None
    error: str = ""
    traceback: str = ""
    output: str = ""
    seconds: float = 0.0


@runtime_checkable
class Executor(Protocol):
    """Runs jobs. Used from one thread: `open`, then `start`, `poll` and `stop`, then `close`."""

    @property
    def slots(self) -> int:
        """How many jobs may run at once, at least 1."""
        ...

    def open(self, task: Task, handler: Handler) -> None:
        """Get ready to run `task`. Workers are started here, or at first need.

        Raises
        ------
        ObjectiveError
            If the task cannot be sent to workers.
        ExecutorError
            If workers cannot be started.
        """
        ...

    def start(self, job: Job) -> None:
        """Run a job in a free slot. Never waits for it."""
        ...

    def poll(self, timeout: float | None = None) -> list[Outcome]:
        """Serve messages and return the jobs that ended; wait at most `timeout` seconds for one.

        Returns as soon as at least one job has ended, or an empty list after the timeout.
        None waits as long as jobs are running. An exception of the handler leaves `poll`;
        outcomes that were not returned yet come by the next call.
        """
        ...

    def stop(self, key: int) -> None:
        """Ask a job to end: politely first, by force after its grace. Its outcome comes by `poll`.

        Unknown keys and jobs that have ended already are ignored.
        """
        ...

    def close(self) -> None:
        """Kill what still runs, end the workers, release everything. May be called twice."""
        ...


@runtime_checkable
class HasClock(Protocol):
    """An executor with a time of its own, on which the study that it works for runs too.

    Its tasks may be generator functions that yield how many seconds pass.
    """

    def clock(self) -> float:
        """Return the present time, in seconds since the epoch."""
        ...
