"""Run jobs on a virtual clock: thousands of workers and weeks of training in minutes."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Generator
from heapq import heappop, heappush
from typing import Any

from numpy.random import default_rng

from luthier.errors import ExecutorError, InvalidInput
from luthier.executors._slots import count_workers
from luthier.executors._wire import Failure
from luthier.executors.base import Ending, Handler, Job, Outcome, Task


class _Channel:
    """Calls the handler directly, and keeps what it raises."""

    __slots__ = ("_executor", "_key", "handler_error", "stopping")

    def __init__(self, executor: Simulated, key: int) -> None:
        self._executor = executor
        self._key = key
        self.handler_error: Exception | None = None
        self.stopping = False

    def send(self, message: Any) -> None:
        self.ask(message)

    def ask(self, message: Any) -> Any:
        try:
            return self._executor._serve(self._key, message)
        except Exception as error:
            self.handler_error = error
            raise


class _Run:
    """A job and how far it is."""

    __slots__ = (
        "began",
        "channel",
        "dies_at",
        "due",
        "event",
        "job",
        "kill_at",
        "result",
        "returned",
        "steps",
        "told",
        "working",
    )

    def __init__(self, job: Job, channel: _Channel) -> None:
        self.job = job
        self.channel = channel
        self.steps: Generator[float, None, Any] | None = None
        self.began: float | None = None
        self.event = -1  # the number of the event that it waits for; earlier ones are stale
        self.due = math.inf
        self.kill_at = math.inf
        self.dies_at = math.inf
        self.told: Ending | None = None  # why it was told to stop
        self.working = False
        self.returned = False
        self.result: Any = None


class Simulated:
    """Workers on a virtual clock, which jumps from one event to the next.

    A task for it is a generator function: ``yield seconds`` means "this takes so long". Between
    its yields no virtual time passes. A task that yields nothing, a plain function among them,
    takes `seconds`. The same jobs give the same course of events, always.

    Parameters
    ----------
    workers : int, optional
        How many jobs run at once, default 1.
    seconds : float or callable, default 0
        How long a job takes that does not say it itself: a number, or a function of its payload
        (in a study: a ticket with the trial's `number` and `params`).
    delay : float, default 0
        Seconds from handing a job to a worker until it begins there.
    startup : float, default 0
        Seconds that a worker needs to come up, before its first job and after it died.
    mean_life : float, optional
        Workers die at random while they work, after so many seconds on average (exponentially
        distributed): of jobs that take ``d`` seconds a share of ``1 - exp(-d / mean_life)`` is
        lost. Their outcome is a crash. None: no worker dies.
    seed : int, default 0
        Of the deaths.
    thinking : bool, default False
        Whether the time that the caller really needs for its decisions passes on the virtual
        clock too, while workers wait for them. So `busy` tells what share of that many real
        workers it can keep busy; the course of events then depends on the machine.
    begin : float, default 0
        What the clock shows at the beginning, in seconds since the epoch.

    Raises
    ------
    InvalidInput
        If a number is not allowed.

    Notes
    -----
    Limits in seconds are enforced in virtual time, as `Processes` does it in real time; jobs
    with a limit in memory are refused. The clock goes on where it stood when the executor is
    opened again.
    """

    def __init__(
        self,
        workers: int | None = 1,
        *,
        seconds: float | Callable[[Any], float] = 0.0,
        delay: float = 0.0,
        startup: float = 0.0,
        mean_life: float | None = None,
        seed: int = 0,
        thinking: bool = False,
        begin: float = 0.0,
    ) -> None:
        self._slots = count_workers("Simulated: workers", workers, 1)
        self._seconds = seconds if callable(seconds) else _duration("seconds", seconds)
        self._delay = _duration("delay", delay)
        self._startup = _duration("startup", startup)
        if mean_life is not None and not (_duration("mean_life", mean_life) > 0):
            raise InvalidInput("Simulated: mean_life", mean_life, "seconds above 0, or None")
        if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
            raise InvalidInput("Simulated: seed", seed, "an integer from 0 on")
        self._mean_life = mean_life
        self._rng = default_rng(seed)
        self._thinking = thinking
        self._begin = _duration("begin", begin)
        self._now = 0.0
        self._worked = 0.0
        self._orders = 0
        self._cold = self._slots
        self._reset()

    def _reset(self) -> None:
        self._task: Task | None = None
        self._handler: Handler | None = None
        self._events: list[tuple[float, int, _Run]] = []
        self._running: dict[int, _Run] = {}
        self._working = 0
        self._heard = False  # whether a job has said something in this poll
        self._idle_since: float | None = None  # real time, at which the caller began to think

    def __repr__(self) -> str:
        return f"Simulated({self._slots})"

    @property
    def slots(self) -> int:
        """How many jobs run at once."""
        return self._slots

    @property
    def now(self) -> float:
        """Virtual seconds since the beginning."""
        return self._now

    @property
    def worked(self) -> float:
        """Virtual seconds that all workers together have worked until now."""
        return self._worked

    @property
    def busy(self) -> float:
        """Share of the workers' time until now in which they worked, in [0, 1]."""
        return self._worked / (self._slots * self._now) if self._now else 0.0

    def clock(self) -> float:
        """Return what the virtual clock shows, in seconds since the epoch."""
        return round(self._begin + self._now, 6)

    def open(self, task: Task, handler: Handler) -> None:
        """Remember what to run and who answers.

        Raises
        ------
        ExecutorError
            If the executor is open.
        """
        if self._task is not None:
            raise ExecutorError("the executor is open already")
        self._task = task
        self._handler = handler

    def start(self, job: Job) -> None:
        """Hand a job to a free worker; it begins in `poll`, when its delay is over.

        Raises
        ------
        InvalidInput
            If the key is running already, or the job has a limit in memory.
        ExecutorError
            If the executor is not open, or no worker is free.
        """
        if job.limits.memory is not None:
            raise InvalidInput("Simulated: limits", job.limits, "no limit in memory")
        if job.key in self._running:
            raise InvalidInput("Job: key", job.key, "a key that is not running")
        if self._task is None or len(self._running) >= self._slots:
            raise ExecutorError("the executor is not open, or all its workers are taken")
        delay = self._delay
        if self._slots - self._cold <= len(self._running):  # no worker that is up is free
            self._cold -= 1
            delay += self._startup
        run = self._running[job.key] = _Run(job, _Channel(self, job.key))
        self._wake(run, self._now + delay)

    def poll(self, timeout: float | None = None) -> list[Outcome]:
        """Let virtual time pass until a job ends, at most `timeout` virtual seconds of it.

        With a timeout, even an infinite one, and a worker free, it also returns when a job has
        said something: that may free work.
        """
        if self._thinking and self._idle_since is not None:
            self._pass(self._now + time.perf_counter() - self._idle_since)
        until = math.inf if timeout is None else self._now + timeout
        outcome = None
        self._heard = False
        listens = timeout is not None and len(self._running) < self._slots
        while self._events and outcome is None and not (listens and self._heard):
            due, event, run = self._events[0]
            if run.event != event:
                heappop(self._events)  # it waits for something else by now
            elif due > until:
                self._pass(until)
                break
            else:
                heappop(self._events)
                outcome = self._step(run, due)
        if self._thinking:
            self._idle_since = time.perf_counter()
        return [] if outcome is None else [outcome]

    def stop(self, key: int) -> None:
        """Set `Channel.stopping` of a job; it is killed after its grace in virtual time."""
        run = self._running.get(key)
        if run is None:
            return
        run.channel.stopping = True
        run.told = run.told or "stopped"
        run.kill_at = min(run.kill_at, self._now + run.job.limits.grace)
        if run.event >= 0 and run.due > run.kill_at:
            self._wake(run, run.kill_at)

    def close(self) -> None:
        """End what still runs, and forget the task. May be called twice."""
        for run in self._running.values():
            _drop(run)
        self._reset()

    def _serve(self, key: int, message: Any) -> Any:
        assert self._handler is not None
        self._heard = True
        if not self._thinking:
            return self._handler(key, message)
        began = time.perf_counter()
        try:
            return self._handler(key, message)
        finally:
            self._pass(self._now + time.perf_counter() - began)

    def _pass(self, moment: float) -> None:
        if moment > self._now:
            self._worked += self._working * (moment - self._now)
            self._now = moment

    def _wake(self, run: _Run, moment: float) -> None:
        """Let a job wait for a moment, and for nothing else any more."""
        run.event = self._orders = self._orders + 1
        run.due = moment
        heappush(self._events, (moment, run.event, run))

    def _work(self, run: _Run, seconds: float) -> None:
        """Let a job's worker be busy so long, or until something ends it."""
        run.working = True
        self._working += 1
        # What was due while the caller was thinking happens now.
        self._wake(run, max(self._now, min(self._now + seconds, run.kill_at, run.dies_at)))

    def _step(self, run: _Run, due: float) -> Outcome | None:
        """Let a job go on at its moment; return its outcome if it ends."""
        self._pass(due)
        run.event = -1
        if run.working:
            run.working = False
            self._working -= 1
            self._worked -= self._now - due  # while the caller was thinking, it waited
        if run.began is None:
            return self._begin_run(run)
        if due >= run.dies_at:
            self._cold += 1
            return self._cut(run, "crash", "the worker died")
        limit = run.job.limits.seconds
        if limit is not None and due - run.began >= limit and run.told is None:
            run.told = "timeout"
            run.channel.stopping = True
        if due >= run.kill_at:
            return self._cut(run, run.told or "timeout", _reason(run))
        return self._end(run) if run.returned else self._go_on(run)

    def _begin_run(self, run: _Run) -> Outcome | None:
        if run.channel.stopping:
            return self._cut(run, "stopped", "stopped")
        run.began = self._now
        limits = run.job.limits
        if limits.seconds is not None:
            run.kill_at = min(run.kill_at, self._now + limits.seconds + limits.grace)
        if self._mean_life is not None:
            run.dies_at = self._now + float(self._rng.exponential(self._mean_life))
        assert self._task is not None
        try:
            made = self._task(run.job.payload, run.channel)
        except Exception as exception:
            return self._fail(run, exception)
        except BaseException:
            del self._running[run.job.key]
            raise
        if isinstance(made, Generator):
            run.steps = made
            return self._go_on(run, first=True)
        return self._returned(run, made, first=True)

    def _go_on(self, run: _Run, *, first: bool = False) -> Outcome | None:
        """Run the task up to its next yield."""
        assert run.steps is not None
        try:
            given = next(run.steps)
            if (seconds := _finite(given)) is None:
                run.steps.throw(InvalidInput("yield", given, "seconds: a finite number from 0 on"))
                raise ExecutorError("a task went on after it had yielded what is not allowed")
        except StopIteration as end:
            return self._returned(run, end.value, first=first)
        except Exception as exception:
            return self._fail(run, exception)
        except BaseException:
            del self._running[run.job.key]
            raise
        self._check_handler(run)
        self._work(run, seconds)
        return None

    def _returned(self, run: _Run, result: Any, *, first: bool) -> Outcome | None:
        """Take what the task returned; one that did not say how long it takes, takes a while."""
        self._check_handler(run)
        run.returned, run.result = True, result
        if first and run.told is None:
            seconds = self._seconds
            given = seconds(run.job.payload) if callable(seconds) else seconds
            if duration := _duration("seconds", given):
                self._work(run, duration)
                return None
        return self._end(run)

    def _end(self, run: _Run) -> Outcome:
        """Make the outcome of a task that has returned."""
        assert run.began is not None
        del self._running[run.job.key]
        seconds = self._now - run.began
        ending: Ending = run.told or "done"
        return Outcome(run.job.key, ending, run.result, _reason(run), seconds=seconds)

    def _fail(self, run: _Run, exception: Exception) -> Outcome:
        """Make the outcome of a task that raised."""
        self._check_handler(run)
        assert run.began is not None
        del self._running[run.job.key]
        failure = Failure.of(exception, skip=1)
        ending: Ending = run.told or "error"
        return Outcome(run.job.key, ending, None, *failure, seconds=self._now - run.began)

    def _cut(self, run: _Run, ending: Ending, error: str) -> Outcome:
        """Make the outcome of a job that something else has ended."""
        del self._running[run.job.key]
        _drop(run)
        seconds = 0.0 if run.began is None else self._now - run.began
        return Outcome(run.job.key, ending, error=error, seconds=seconds)

    def _check_handler(self, run: _Run) -> None:
        """Raise what the handler raised, whatever the task made of it."""
        if run.channel.handler_error is not None:
            del self._running[run.job.key]
            _drop(run)
            raise run.channel.handler_error


def _reason(run: _Run) -> str:
    limit = run.job.limits.seconds
    if run.told == "timeout":
        return f"ran longer than its limit of {limit:g} seconds"
    return run.told or ""


def _drop(run: _Run) -> None:
    """Close a job's generator; what it does at its end is its own matter."""
    if run.steps is not None:
        with contextlib.suppress(Exception):
            run.steps.close()


def _duration(name: str, given: Any) -> float:
    seconds = _finite(given)
    if seconds is None:
        raise InvalidInput(f"Simulated: {name}", given, "a finite number of seconds, 0 or more")
    return seconds


def _finite(given: Any) -> float | None:
    """Return a time as a float, None if it is no finite number from 0 on."""
    if isinstance(given, bool | str):
        return None
    try:
        seconds = float(given)
    except (TypeError, ValueError, OverflowError):
        return None
    return seconds if 0 <= seconds < math.inf else None
