"""The loop behind `optimize`: keeps an executor busy until the budget is used."""

from __future__ import annotations

import logging
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import inf
from typing import Any

from luthier.errors import (
    InvalidInput,
    SpaceExhausted,
    StorageFull,
    StorageUnavailable,
    TooManyFailures,
)
from luthier.executors import Executor, HasClock, Job, Limits, Outcome, Processes
from luthier.executors import make as make_executor
from luthier.model.events import Told
from luthier.model.trial import FrozenTrial, TrialState
from luthier.schedulers.base import Done, Wait
from luthier.study.budget import Budget, Meter, is_real
from luthier.study.checkpoints import AtReports
from luthier.study.engine import Engine
from luthier.study.interrupts import TERMINATED, Interrupts
from luthier.study.leases import MAX_FUTILE
from luthier.study.outage import MAX_OUTAGE
from luthier.study.task import Ending, make_task
from luthier.study.ticket import Ticket

log = logging.getLogger("luthier")

LOOK_UP = 1.0
"""Seconds after which the loop looks up from waiting for results."""

KEPT_TRACEBACK = 16_384
"""Characters of a traceback, its last ones, that are kept in the log."""

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
    max_outage : float
        Seconds for which a storage that is away is waited for.
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
        max_outage: float = MAX_OUTAGE,
    ) -> None:
        if not (is_real(max_outage) and max_outage >= 0):
            raise InvalidInput("max_outage", max_outage, "a number of seconds from 0 on")
        if isinstance(retries, bool) or not isinstance(retries, int) or retries < 0:
            raise InvalidInput("retries", retries, "an integer that is not negative")
        problem = engine.journal.history.problem
        if budget.target is not None and len(problem.objectives) > 1:
            raise InvalidInput("target", budget.target, "None in a study with several objectives")
        self._engine = engine
        self._own_clock = executor.clock if isinstance(executor, HasClock) else None
        self._task = make_task(objective, problem, yields=self._own_clock is not None)
        self._executor = executor
        self._budget = budget
        self._limits = limits
        self._retries = retries
        self._ended = ended
        self._price = budget.price
        self._max_outage = max_outage
        self._meter = Meter(budget, problem)
        self._running: set[int] = set()
        self._resumed: set[int] = set()  # those of them that were set aside before
        self._next: dict[int, Ticket] = {}  # attempts that wait for the end of one before
        self._asked_to_end: set[int] = set()
        self._failures: Counter[int] = Counter()
        self._reason: str | None = None
        self._interrupts = Interrupts(limits.grace + 2 * LOOK_UP)
        self._time = self._own_clock or time.monotonic
        self._began = self._time()

    def run(self) -> str:
        """Run trials until something says stop, and return what it was."""
        engine, outages = self._engine, self._engine.journal.outages
        real = engine.clock, engine.keeper
        patience = outages.patience, outages.gives_up
        if self._own_clock is not None:
            engine.clock, engine.keeper = self._own_clock, AtReports()
        outages.patience = self._max_outage
        outages.gives_up = lambda: self._interrupts.urgent
        engine.plan = self._budget.plan(engine.clock())
        try:
            return self._run()
        finally:
            engine.clock, engine.keeper = real
            outages.patience, outages.gives_up = patience

    def _run(self) -> str:
        self._meter.resume(self._engine.journal.sync())
        self._executor.open(self._task, self._serve)
        try:
            with self._interrupts:
                self._fill()
                while self._running or self._reason is None:
                    with self._interrupts.allowed():
                        if not self._running:
                            time.sleep(LOOK_UP)  # the scheduler waits for other processes
                        outcomes = self._executor.poll(self._patience())
                    self._settle(outcomes)
                    self._fill(synced=bool(outcomes))
                    self._end_what_runs()
        except (StorageUnavailable, StorageFull):
            self._engine.journal.outages.patience = 0.0  # it was waited for long enough
            self._interrupts.raise_if_urgent()
            raise
        finally:
            self._hand_back()
        if self._interrupts.terminated:
            raise SystemExit(TERMINATED)
        if self._meter.gives_up:
            raise TooManyFailures(
                f"{self._meter.failures_in_a_row} trials in a row failed; "
                f"the last one: {self._meter.last_error}"
            )
        assert self._reason is not None  # the loop ends only when something said stop
        return self._reason

    def _patience(self) -> float | None:
        """Return for how long to wait for results."""
        if self._own_clock is None:
            return LOOK_UP
        # On a virtual clock nothing happens elsewhere. Reports may free work for idle workers.
        return None if len(self._running) >= self._executor.slots else inf

    def _fill(self, synced: bool = False) -> None:
        while len(self._running) < self._executor.slots and not self._stops():
            if (reason := self._too_little_left()) is not None:
                if not self._running:
                    self._reason = reason
                return
            try:
                claimed = self._engine.claim(
                    self._budget.total_trials, begins=self._meter.may_start, synced=synced
                )
            except SpaceExhausted as error:
                # What runs may yet be paused or handed back, to go on.
                if not self._running:
                    self._reason = str(error)
                return
            if claimed is None or isinstance(claimed, Wait | Done):
                # What runs may yet be paused or handed back; only when nothing does, this is
                # the end.
                if self._running:
                    return
                finished = self._engine.finish() if claimed is None else None
                if finished is None:
                    self._reason = self._nothing_to_start(claimed)
                    return
                log.info("trial %d goes on to its end", finished.number)
                claimed = finished
            if not (claimed.paused if isinstance(claimed, Ticket) else claimed.pauses):
                self._meter.started += 1
            if isinstance(claimed, Ticket):
                self._start(claimed)
            elif claimed.state.final:
                self._meter.ended(claimed)
                self._announce(claimed)

    def _start(self, ticket: Ticket) -> None:
        number = ticket.number
        if number in self._running:
            # This process was taken for dead, and what it lost then still runs here.
            self._next[number] = ticket
            self._executor.stop(number)
            return
        self._running.add(number)
        if ticket.paused:
            self._resumed.add(number)
        self._executor.start(Job(number, ticket, self._limits))

    def _too_little_left(self) -> str | None:
        history = self._engine.journal.history
        return self._meter.too_little_left(history, self._time() - self._began, len(self._running))

    def _end_what_runs(self) -> None:
        """After SIGTERM: ask all trials to save and end, each one once."""
        if not self._interrupts.terminated:
            return
        for number in self._running - self._asked_to_end:
            self._asked_to_end.add(number)
            self._executor.stop(number)

    def _nothing_to_start(self, step: Wait | Done | None) -> str | None:
        """Say why nothing starts while nothing runs here, None if that may change."""
        history = self._engine.journal.history
        if isinstance(step, Done):
            return "the schedule is complete"
        if isinstance(step, Wait):
            if self._engine.runs_elsewhere(history):
                return None
            return "the scheduler waits for results, and no trial runs"
        if not self._meter.may_start:
            return f"{self._budget.n_trials} trials of this call"
        return f"{self._budget.total_trials} trials in all"

    def _stops(self) -> bool:
        """Tell whether no further trial may start, and remember why."""
        if self._reason is None:
            if self._meter.gives_up:
                self._reason = "too many failures"
            elif self._interrupts.asked_to_stop:
                self._reason = "terminated" if self._interrupts.terminated else "interrupted"
            else:
                self._reason = self._meter.reason_to_stop(self._time() - self._began)
        return self._reason is not None

    def _serve(self, number: int, message: tuple[Any, ...]) -> Any:
        with self._interrupts.uninterrupted():
            self._end_what_runs()  # one in this very process looks nowhere else
            if number in self._next and message[0] == "report":
                return True  # what comes from an attempt that is over
            return self._engine.serve(number, message)

    def _settle(self, outcomes: Sequence[Outcome]) -> None:
        """Write down what has ended, all of it before anyone is told."""
        trials = [self._write(outcome) for outcome in outcomes]
        for trial in trials:
            if trial is not None:
                self._announce(trial)

    def _write(self, outcome: Outcome) -> FrozenTrial | None:
        """Write down how a job ended; None if its trial is not over."""
        number = outcome.key
        if (ticket := self._next.pop(number, None)) is not None:
            self._is_over(number)
            self._meter.started -= 1  # it was counted at both starts
            self._start(ticket)
            return None
        end: Ending | None = outcome.result
        if outcome.ending == "stopped" and end is None:
            self._runs_again(outcome, "interrupted")
            return None
        if end is not None and end.preempted and outcome.ending != "timeout":
            log.warning("trial %d was asked to stop and is handed back", number)
            self._runs_again(outcome, "preempted")
            return None
        if outcome.ending == "lost" and self._engine.known(number).futile + 1 < MAX_FUTILE:
            log.warning("trial %d is handed back: %s", number, outcome.error)
            self._runs_again(outcome, outcome.error)
            return None
        told = self._told(outcome)
        if told.state is TrialState.FAILED:
            self._failures[number] += 1
            if self._failures[number] <= self._retries and not self._stops():
                log.warning("trial %d failed and is run again: %s", number, told.error)
                self._runs_again(outcome, told.error)
                return None
            log.warning("trial %d failed: %s", number, told.error)
        trial = self._engine.end(told)
        self._is_over(number)
        if not trial.state.final:
            self._meter.failures_in_a_row = 0
            return None  # it was paused
        self._meter.ended(trial)
        return trial

    def _runs_again(self, outcome: Outcome, reason: str) -> None:
        """Hand back a trial, which counts when it is started again."""
        number = outcome.key
        end: Ending | None = outcome.result
        cost = None if end is None else end.cost
        if cost is None and self._price is not None:
            cost = self._price.of(outcome.seconds, first=False)  # the trial is paid for at its end
        self._engine.release(number, reason, cost or None)
        self._is_over(number)
        self._meter.started -= 1

    def _is_over(self, number: int) -> None:
        for known in (self._running, self._resumed, self._asked_to_end):
            known.discard(number)

    def _told(self, outcome: Outcome) -> Told:
        told = told_of(outcome, self._engine.clock())
        if self._price is None or told.cost is not None:
            return told
        price = self._price.of(outcome.seconds, outcome.key not in self._resumed)
        return replace(told, cost=price)

    def _announce(self, trial: FrozenTrial) -> None:
        if self._ended(trial) and self._reason is None:
            self._reason = "stopped by request"

    def _hand_back(self) -> None:
        """Keep what has ended by now, and hand back the rest, whatever went wrong."""
        self._next.clear()
        try:
            if self._executor.slots > 1:  # a single one has ended nothing that was not seen
                for outcome in self._executor.poll(0):
                    self._write(outcome)
        finally:
            self._executor.close()
            try:
                for number in list(self._running):
                    self._engine.release(number, "interrupted")
            except (StorageUnavailable, StorageFull) as error:
                log.warning("running trials are left to whoever comes next: %s", error)
                self._engine.forsake()


def told_of(outcome: Outcome, moment: float) -> Told:
    """Return the event that ends a trial as its job ended, at a moment."""
    output = outcome.output[-KEPT_OUTPUT:]
    end: Ending | None = outcome.result
    if end is not None:  # also of a trial that was told to stop, and did so in its own way
        return Told(
            outcome.key,
            end.state,
            end.values,
            end.metrics,
            end.error or (outcome.error if end.state is TrialState.FAILED else ""),
            output=output,
            cost=end.cost,
            time=moment,
        )
    return Told(
        outcome.key,
        TrialState.FAILED,
        error=outcome.error,
        traceback=outcome.traceback[-KEPT_TRACEBACK:],
        output=output,
        time=moment,
    )


def choose_executor(
    executor: str | Mapping[str, Any] | Executor | None,
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
    if executor is not None and not isinstance(executor, str | Mapping):
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


_SIZE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([kMGT]?)(i?)B?\s*", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def make_limits(
    seconds: float | None, memory: int | str | None, grace: float = Limits().grace
) -> Limits:
    """Return limits from seconds and bytes or a size such as ``"2GB"`` or ``"512MiB"``.

    Raises
    ------
    InvalidInput
        If one is not positive or cannot be read.
    """
    if seconds is not None and not (is_real(seconds) and 0 < seconds < inf):
        raise InvalidInput("trial_timeout", seconds, "a positive number of seconds")
    size = memory
    if isinstance(memory, str):
        match = _SIZE.fullmatch(memory)
        if not match:
            raise InvalidInput("trial_memory", memory, "bytes, or a size such as '2GB'")
        base = 1024 if match[3] else 1000
        size = int(float(match[1]) * base ** _POWERS[match[2].lower()])
    if size is not None and not (isinstance(size, int) and size > 0 and size is not True):
        raise InvalidInput("trial_memory", memory, "a positive number of bytes, or '2GB'")
    if not (is_real(grace) and 0 <= grace < inf):
        raise InvalidInput("grace", grace, "a number of seconds from 0 on")
    return Limits(seconds, size, grace)
