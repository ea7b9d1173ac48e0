"""The loop behind `optimize`: keeps an executor busy until the budget is used."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Sequence
from typing import Any

from luthier.errors import InvalidInput, SpaceExhausted, TooManyFailures
from luthier.executors import Executor, Job, Limits, Outcome, Processes
from luthier.executors import make as make_executor
from luthier.model.events import Told
from luthier.model.trial import FrozenTrial, TrialState
from luthier.study.budget import Budget, Meter
from luthier.study.engine import Engine, now
from luthier.study.interrupts import Interrupts
from luthier.study.task import Ending, make_task
from luthier.study.trial import Ticket

log = logging.getLogger("luthier")

LOOK_UP = 1.0
"""Seconds after which the loop looks up from waiting for results."""

KEPT_OUTPUT = 4096
"""Characters of a trial's output, its last ones, that are kept in the log."""


class Loop:
    """One call of `optimize`.

    Parameters
    ----------
    engine : Engine
        Starts trials and writes results.
    objective : callable
        What to run.
    executor : Executor
        Where to run it.
    budget : Budget
        When to stop.
    limits : Limits
        Of each trial.
    retries : int
        How often a failed trial is run again.
    ended : callable
        Called with each ended trial; returns whether to stop.
    """

    def __init__(
        self,
        engine: Engine,
        objective: Callable[..., Any],
        executor: Executor,
        budget: Budget,
        limits: Limits,
        retries: int,
        ended: Callable[[FrozenTrial], bool],
    ) -> None:
        if isinstance(retries, bool) or not isinstance(retries, int) or retries < 0:
            raise InvalidInput("retries", retries, "an integer that is not negative")
        problem = engine.journal.history.problem
        if budget.target is not None and len(problem.objectives) > 1:
            raise InvalidInput("target", budget.target, "None in a study with several objectives")
        self._engine = engine
        self._task = make_task(objective, problem)
        self._executor = executor
        self._budget = budget
        self._limits = limits
        self._retries = retries
        self._ended = ended
        self._meter = Meter(budget, problem)
        self._running: dict[int, int] = {}  # number -> attempt
        self._reason: str | None = None
        self._interrupts = Interrupts()
        self._began = time.monotonic()

    def run(self) -> str:
        """Run trials until something says stop, and return what it was."""
        self._meter.resume(self._engine.journal.sync())
        self._executor.open(self._task, self._serve)
        try:
            with self._interrupts:
                self._fill()
                while self._running:
                    with self._interrupts.allowed():
                        outcomes = self._executor.poll(LOOK_UP)
                    for outcome in outcomes:
                        self._settle(outcome)
                    self._fill()
        finally:
            self._executor.close()
            for number in list(self._running):
                self._engine.release(number, "interrupted")
        if self._meter.gives_up:
            raise TooManyFailures(
                f"{self._meter.failures_in_a_row} trials in a row failed; "
                f"the last one: {self._meter.last_error}"
            )
        assert self._reason is not None  # the loop ends only when something said stop
        return self._reason

    def _fill(self) -> None:
        while len(self._running) < self._executor.slots and not self._stops():
            try:
                claimed = self._engine.claim(self._budget.total_trials)
            except SpaceExhausted as error:
                self._reason = str(error)
                return
            if claimed is None:
                # What runs may yet be handed back; only when nothing does, this is the end.
                if not self._running:
                    total = self._budget.total_trials
                    full = total is not None and self._engine.journal.history.count >= total
                    self._reason = f"{total} trials in all" if full else "nothing left to start"
                return
            self._meter.started += 1
            if isinstance(claimed, Ticket):
                self._running[claimed.number] = claimed.attempt
                self._executor.start(Job(claimed.number, claimed, self._limits))
            else:
                self._meter.ended(claimed)
                if self._ended(claimed):
                    self._reason = "stopped by request"

    def _stops(self) -> bool:
        if self._reason is None:
            if self._meter.gives_up:
                self._reason = "too many failures"
            elif self._interrupts.asked_to_stop:
                self._reason = "interrupted"
            else:
                seconds = time.monotonic() - self._began
                self._reason = self._meter.reason_to_stop(seconds)
        return self._reason is not None

    def _serve(self, number: int, message: tuple[Any, ...]) -> Any:
        with self._interrupts.uninterrupted():
            return self._engine.serve(number, message)

    def _settle(self, outcome: Outcome) -> None:
        attempt = self._running.pop(outcome.key)
        if outcome.ending == "stopped":
            self._engine.release(outcome.key, "interrupted")
            return
        told = _told(outcome)
        if told.state is TrialState.FAILED:
            if attempt <= self._retries:
                log.warning("trial %d failed and is run again: %s", outcome.key, told.error)
                self._meter.started -= 1
                self._engine.release(outcome.key, told.error)
                return
            log.warning("trial %d failed: %s", outcome.key, told.error)
        trial = self._engine.end(told)
        self._meter.ended(trial)
        if self._ended(trial) and self._reason is None:
            self._reason = "stopped by request"


def _told(outcome: Outcome) -> Told:
    output = outcome.output[-KEPT_OUTPUT:]
    if outcome.ending == "done":
        end: Ending = outcome.result
        return Told(
            outcome.key,
            end.state,
            end.values,
            end.metrics,
            end.error,
            output=output,
            cost=end.cost,
            time=now(),
        )
    return Told(
        outcome.key,
        TrialState.FAILED,
        error=outcome.error,
        traceback=outcome.traceback,
        output=output,
        time=now(),
    )


def choose_executor(
    executor: str | Executor | None,
    n_jobs: int,
    gpus: Sequence[int | str] | None,
    trials_per_gpu: int,
    limits: Limits,
    *,
    command: bool = False,
) -> Executor:
    """Return the executor that the arguments of `optimize` describe.

    Raises
    ------
    InvalidInput
        If they contradict each other.
    """
    if isinstance(n_jobs, bool) or not isinstance(n_jobs, int) or n_jobs == 0 or n_jobs < -1:
        raise InvalidInput("n_jobs", n_jobs, "a positive integer, or -1 for one per core")
    if executor is not None and not isinstance(executor, str):
        if n_jobs != 1 or gpus is not None:
            raise InvalidInput("n_jobs", n_jobs, "1 with an executor of your own: it has its slots")
        return executor
    workers = None if n_jobs == -1 else n_jobs
    if gpus is not None:
        if executor not in (None, "processes"):
            raise InvalidInput("gpus", gpus, f"None with the executor {executor!r}")
        # One job is the default of n_jobs: with GPUs it means as many as they have room for.
        return Processes(None if n_jobs == 1 else workers, gpus=gpus, trials_per_gpu=trials_per_gpu)
    if executor is None:
        # Only worker processes enforce limits, and keep what a command prints with its trial.
        limited = limits.seconds is not None or limits.memory is not None
        executor = "processes" if n_jobs != 1 or limited or command else "inline"
    return make_executor(executor, workers)


_SIZE = re.compile(r"\s*([0-9.]+)\s*([kMGT]?)(i?)B?\s*", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def make_limits(seconds: float | None, memory: int | str | None) -> Limits:
    """Return limits from seconds and bytes or a size such as ``"2GB"`` or ``"512MiB"``.

    Raises
    ------
    InvalidInput
        If one is not positive or cannot be read.
    """
    if seconds is not None and not seconds > 0:
        raise InvalidInput("trial_timeout", seconds, "a positive number of seconds")
    if isinstance(memory, str):
        match = _SIZE.fullmatch(memory)
        if not match:
            raise InvalidInput("trial_memory", memory, "bytes, or a size such as '2GB'")
        base = 1024 if match[3] else 1000
        memory = int(float(match[1]) * base ** _POWERS[match[2].lower()])
    if memory is not None and memory <= 0:
        raise InvalidInput("trial_memory", memory, "a positive number of bytes")
    return Limits(seconds, memory)
