"""Trials in the making: what they say is answered, and how they end is written down."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from luthier.model.events import Event, Noted, Paused, Released, Reported, Suggested, Told
from luthier.model.history import History
from luthier.model.trial import FrozenTrial, Metrics, TrialState
from luthier.samplers.base import Sampler
from luthier.samplers.registry import describe
from luthier.schedulers.base import Decision, Scheduler
from luthier.schedulers.registry import describe as describe_scheduler
from luthier.space.base import Param
from luthier.study.asking import propose_value
from luthier.study.checkpoints import Checkpoints, Keeper, Store, absolute, kept_by
from luthier.study.journal import Journal
from luthier.study.presence import Tools

log = logging.getLogger("luthier")


def now() -> float:
    """Return seconds since the epoch, to the microsecond."""
    return time.time_ns() // 1000 / 1e6


@dataclass(slots=True)
class Run:
    """What is known here of a trial that was started here.

    Attributes
    ----------
    attempt : int
        The attempt that this process answers for.
    decided : Decision, optional
        What shall become of it, when it is not to go on.
    finishing : bool
        Whether it goes on to its end, whatever the scheduler says.
    asked_at : History, optional
        In a define-by-run study: what the sampler knew when the trial began.
    unwritten : dict
        Values that the trial got and the log does not have yet; with the parameter, if new.
    """

    attempt: int
    decided: Decision | None = None
    finishing: bool = False
    asked_at: History | None = None
    unwritten: dict[str, tuple[Any, Param | None]] = field(default_factory=dict)


class Running:
    """Answers trials while they run, and writes down how they end. Nothing here may conflict.

    Parameters
    ----------
    journal : Journal
        The study's log.
    sampler : Sampler
        Proposes params.
    scheduler : Scheduler
        Says which trials go on.
    checkpoints : Checkpoints, optional
        Where trials keep theirs, and which are kept.

    Attributes
    ----------
    clock : callable
        Says when events happen; an executor may bring its own.
    keeper : Keeper
        Knows the checkpoints; an executor on a virtual clock has none.
    """

    def __init__(
        self,
        journal: Journal,
        sampler: Sampler,
        scheduler: Scheduler,
        checkpoints: Checkpoints | None = None,
    ) -> None:
        self.journal = journal
        self.checkpoints = checkpoints or Checkpoints()
        folder = self.checkpoints.folder
        folder = None if folder is None else absolute(folder)
        self._tools = Tools(describe(sampler), describe_scheduler(scheduler), folder)
        self._sampler = sampler
        self._scheduler = scheduler
        self.clock: Callable[[], float] = now
        self.keeper: Keeper = Store(journal, self.checkpoints)
        self._runs: dict[int, Run] = {}  # trials that were started here and have not ended

    @property
    def sampler(self) -> Sampler:
        """What proposes params; may be changed at any time."""
        return self._sampler

    @sampler.setter
    def sampler(self, sampler: Sampler) -> None:
        self._sampler = sampler
        self._tools = self._tools._replace(sampler=describe(sampler))

    @property
    def scheduler(self) -> Scheduler:
        """What says which trials go on; may be changed at any time."""
        return self._scheduler

    @scheduler.setter
    def scheduler(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._tools = self._tools._replace(scheduler=describe_scheduler(scheduler))

    def adopt(self, number: int, attempt: int, *, again: bool = False) -> None:
        """Answer for a running trial that another process started, or this one before it ended.

        With `again` its last report is judged once more, in case the answer to it got lost.
        """
        run = self._runs.get(number)
        if run is not None and run.attempt == attempt and not again:
            return
        history = self.journal.history
        trial = history.trial(number)
        if trial.state is not TrialState.RUNNING or trial.attempt != attempt:
            return
        run = self._begun(number, attempt)
        last = trial.reports.last
        if last is not None and last.step != trial.restored_step:
            self._decide(run, history, trial)

    def stops(self, number: int) -> bool:
        """Tell whether a trial that was started here should not go on."""
        run = self._runs.get(number)
        return run is None or run.decided is not None

    def serve(self, number: int, message: tuple[Any, ...]) -> Any:
        """Answer what a running trial says over its channel."""
        match message:
            case ("used", name, value, param):
                self._uses(number, name, value, param)
                return None
            case ("suggest", name, param):
                seen = self._asked_at(number)
                value = propose_value(self._sampler, seen.problem, seen, number, name, param)
                self._uses(number, name, value, param)
                return value
            case ("report", step, metrics):
                return self._report(number, step, metrics)
            case ("note", key, value):
                return self.journal.append(Noted(number, key, value))
            case ("saved",):
                history = self.journal.sync()
                return self.keeper.saved(number, history, kept_by(self._scheduler, history))
        raise ValueError(f"unknown message {message!r}")

    def end(self, told: Told) -> FrozenTrial:
        """Write down how a trial ended, and return its record.

        One that stops because the scheduler sets it aside is paused. One that gives up here does
        not end if another process runs it by now.
        """
        number, run = told.number, self._runs.get(told.number)
        gives_up = told.state in (TrialState.PRUNED, TrialState.FAILED)
        if gives_up and run is not None and self._was_taken_over(number, run):
            del self._runs[number]
            return self.journal.trial(number)
        if told.state is TrialState.PRUNED and run and run.decided is Decision.PAUSE:
            return self.pause(number, told.metrics, told.cost)
        self._close(number, told)
        history = self.journal.history
        trial = history.trial(number)
        self.keeper.ended(number, history, kept_by(self._scheduler, history))
        if trial.proposed is not None and trial.fixed and trial.attempt:
            for name in trial.fixed:
                if name not in trial.params:
                    log.warning("trial %d never asked for %r, which was queued", number, name)
        return trial

    def pause(self, number: int, metrics: Metrics, cost: float | None) -> FrozenTrial:
        """Set a running trial aside, and return its record."""
        self._close(number, Paused(number, self.clock(), self._attempt(number), metrics, cost))
        return self.journal.trial(number)

    def release(self, number: int, reason: str, cost: float | None = None) -> None:
        """Hand a running trial back, to be started again under its number."""
        self._close(number, Released(number, reason, self._attempt(number), self.clock(), cost))

    def _begun(self, number: int, attempt: int) -> Run:
        """Answer for an attempt of a trial from now on."""
        run = self._runs.get(number)
        if run is None:
            run = self._runs[number] = Run(attempt)
        run.attempt = attempt
        return run

    def _close(self, number: int, event: Event) -> None:
        """Write down the last that happens to a trial here."""
        self.journal.append(*self._suggested(number), event)
        self._runs.pop(number, None)

    def _uses(self, number: int, name: str, value: Any, param: Param | None) -> None:
        run = self._runs.get(number)
        if run is not None:  # else it has ended: nobody will write it down
            run.unwritten[name] = value, param

    def _asked_at(self, number: int) -> History:
        """Return what the sampler knew when a define-by-run trial began."""
        run = self._runs.get(number)
        if run is not None and run.asked_at is not None:
            return run.asked_at
        seen = self.journal.history_at(self.journal.trial(number).at)
        if run is not None:
            run.asked_at = seen
        return seen

    def _report(self, number: int, step: int, metrics: dict[str, float]) -> bool:
        run = self._runs.get(number)
        if run is None:
            return True  # it was told, paused or handed back, and another attempt may be on
        event = Reported(number, step, metrics, run.attempt, self.clock())
        self.journal.append(*self._suggested(number), event)
        history = self.journal.history
        trial = history.trial(number)
        if trial.state is not TrialState.RUNNING or trial.attempt != run.attempt:
            return True  # it was told elsewhere, or handed to another process
        return self._decide(run, history, trial) is not Decision.CONTINUE

    def _decide(self, run: Run, history: History, trial: FrozenTrial) -> Decision:
        """Return what the scheduler says of a trial now, and remember it."""
        decision = self._scheduler.decide(history.problem, history, trial)
        if decision is Decision.PAUSE and run.finishing:
            decision = Decision.CONTINUE
        if decision is not Decision.CONTINUE and run.decided is not Decision.STOP:
            run.decided = decision
        return decision

    def _attempt(self, number: int) -> int:
        """Return the attempt of a trial that was started here, or else the one that is on."""
        run = self._runs.get(number)
        return self.journal.trial(number).attempt if run is None else run.attempt

    def _was_taken_over(self, number: int, run: Run) -> bool:
        """Tell whether a trial that was started here runs in another process by now."""
        trial = self.journal.trial(number)
        return not trial.state.final and trial.attempt > run.attempt

    def _suggested(self, number: int) -> list[Event]:
        run = self._runs.get(number)
        if run is None or not run.unwritten:
            return []
        values, run.unwritten = run.unwritten, {}
        known = self.journal.history.problem.space.params
        new = {
            name: param
            for name, (_, param) in values.items()
            if param is not None and known.get(name) != param
        }
        return [Suggested(number, {name: value for name, (value, _) in values.items()}, new)]
