"""The engine: the one place where sampler, scheduler, log and clock meet."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from typing import Any

from luthier.errors import (
    Conflict,
    EmptySpace,
    InvalidInput,
    InvalidParams,
    InvalidSpace,
    SpaceExhausted,
    TrialNotFound,
)
from luthier.model.columns import point_key
from luthier.model.events import (
    Asked,
    Event,
    Noted,
    Opened,
    Released,
    Reported,
    Resumed,
    Suggested,
    Told,
)
from luthier.model.history import History
from luthier.model.problem import Problem
from luthier.model.serde import plain
from luthier.model.trial import FrozenTrial, Params, TrialState
from luthier.samplers.base import Chooser, Sampler
from luthier.samplers.registry import describe
from luthier.schedulers.base import Decision, Done, Scheduler, Wait
from luthier.space.base import Param
from luthier.study.asking import Proposal, propose, propose_value
from luthier.study.choosing import sampler_choice
from luthier.study.heartbeat import Heartbeat
from luthier.study.journal import Journal
from luthier.study.leases import Leases
from luthier.study.owner import Owner
from luthier.study.trial import Ticket

log = logging.getLogger("luthier")


def now() -> float:
    """Return seconds since the epoch, to the microsecond."""
    return round(time.time(), 6)


class Engine:
    """Starts trials, answers them while they run, and writes down how they end.

    Only `claim` needs the agreement of other workers: it claims a trial's number,
    and when another worker was quicker it reads what that one wrote and decides
    again. Everything else appends.

    Parameters
    ----------
    journal : Journal
        The study's log.
    sampler : Sampler
        Proposes params.
    scheduler : Scheduler
        Says which trials go on.
    """

    def __init__(self, journal: Journal, sampler: Sampler, scheduler: Scheduler) -> None:
        self.journal = journal
        self.sampler = sampler
        self.scheduler = scheduler
        self._owner = Owner()
        self._leases = Leases(journal, self._owner.id)
        self._heartbeat: Heartbeat | None = None
        self._asked_at: dict[int, History] = {}
        self._unwritten: dict[int, dict[str, tuple[Any, Param | None]]] = {}

    @property
    def sampler(self) -> Sampler:
        """What proposes params; may be changed at any time."""
        return self._sampler

    @sampler.setter
    def sampler(self, sampler: Sampler) -> None:
        self._sampler = sampler
        self._spec = describe(sampler)
        self._chosen: str | None = None
        # Our own samplers keep their contract by test; for others it is checked each time.
        self._trusted = type(sampler).__module__.startswith("luthier.samplers.")

    def claim(
        self, below: int | None = None, *, synced: bool = False
    ) -> Ticket | FrozenTrial | None:
        """Start a trial: one handed back, one queued, or a new one numbered under `below`.

        Parameters
        ----------
        below : int, optional
            The study's number of trials ends here.
        synced : bool, default False
            The log was written to just now, and so needs no look at what others wrote.

        Returns
        -------
        Ticket
            What to run.
        FrozenTrial
            A trial that has ended at once, because its result was known.
        None
            Nothing may start now.
        """
        self._open()
        while True:
            history = self.journal.history if synced else self.journal.sync()
            if self._leases.release_lost(history):
                history = self.journal.history
            try:
                return self._claim(history, below)
            except Conflict:
                synced = False

    def _claim(self, history: History, below: int | None) -> Ticket | FrozenTrial | None:
        waiting = history.next_waiting
        if waiting is not None and waiting.attempt:
            return self._restart(waiting, history)
        if waiting is not None:
            return self._begin(history, waiting.number, waiting.fixed)
        if below is not None and history.count >= below:
            return None
        number = history.count
        problem = history.problem
        step = self.scheduler.next(problem, history)
        if isinstance(step, Wait | Done):
            return None
        return self._begin(history, number, None)

    def _restart(self, waiting: FrozenTrial, history: History) -> Ticket:
        number, attempt = waiting.number, waiting.attempt + 1
        resumed = Resumed(number, attempt, self._owner.id, None, now())
        self.journal.append(resumed, claim=f"{number}.{attempt}")
        return self._ticket(history, number)

    def _begin(self, history: History, number: int, fixed: Params | None) -> Ticket | FrozenTrial:
        try:
            proposal = propose(self._sampler, history.problem, history, number, fixed)
        except (EmptySpace, SpaceExhausted, InvalidParams, InvalidSpace) as error:
            if fixed is None:
                raise
            # What a person queued would stand in the way of everything else for ever.
            reason = f"cannot be started: {error}"
            return self.end(Told(number, TrialState.FAILED, error=reason, time=now()))
        if not self._trusted:
            proposal = _checked(proposal, history.problem)
        moment = now()
        by = "user" if proposal.by_user else self._spec
        asked = Asked(
            number, proposal.params, history.version, by, self._owner.id, moment, proposal.why
        )
        claim = str(number) if number == history.count else f"{number}.1"
        known = proposal.known
        reused = [] if known is None else _reused(number, known, moment)
        self.journal.append(asked, *reused, claim=claim)
        if fixed is None:  # a queued point may need another sampler than the space as a whole
            self._announce(proposal.why.get("sampler"), history)
        if known is not None:
            return self.journal.history.trial(number)
        if history.problem.dynamic:
            self._asked_at[number] = history
        return self._ticket(history, number)

    def _announce(self, name: str | None, history: History) -> None:
        """Say it when a sampler that leaves the work to others has chosen another one."""
        if name not in (None, self._chosen) and isinstance(self._sampler, Chooser):
            self._chosen = name
            log.info("sampler: %s", sampler_choice(self._sampler, history))

    def all_known(self) -> bool:
        """Tell whether every point of a finite space has a result."""
        history = self.journal.history
        size = history.problem.space.size
        return size is not None and len({point_key(t.params) for t in history.complete}) >= size

    def known(self, number: int) -> FrozenTrial:
        """Return a trial as last known, after a look at the log if need be.

        Raises
        ------
        TrialNotFound
            If there is none of that number.
        """
        try:
            return self.journal.history.trial(number)
        except TrialNotFound:
            return self.journal.sync().trial(number)

    def _ticket(self, asked_at: History, number: int) -> Ticket:
        trial = self.journal.history.trial(number)
        problem = asked_at.problem
        return Ticket(
            number,
            trial.attempt,
            trial.params if trial.proposed is None else trial.proposed,
            problem.space.params if problem.dynamic else None,
            trial.fixed or {},
            trial.user_attrs,
            trial.why,
        )

    def serve(self, number: int, message: tuple[Any, ...]) -> Any:
        """Answer what a running trial says over its channel."""
        match message:
            case ("used", name, value, param):
                self._unwritten.setdefault(number, {})[name] = (value, param)
                return None
            case ("suggest", name, param):
                if number not in self._asked_at:
                    trial = self.journal.history.trial(number)
                    self._asked_at[number] = self.journal.history_at(trial.at)
                seen = self._asked_at[number]
                value = propose_value(self._sampler, seen.problem, seen, number, name, param)
                self._unwritten.setdefault(number, {})[name] = (value, param)
                return value
            case ("report", step, metrics):
                return self._report(number, step, metrics)
            case ("note", key, value):
                return self.journal.append(Noted(number, key, value))
        raise ValueError(f"unknown message {message!r}")

    def _report(self, number: int, step: int, metrics: dict[str, float]) -> bool:
        trial = self.journal.history.trial(number)
        event = Reported(number, step, metrics, trial.attempt, now())
        self.journal.append(*self._suggested(number), event)
        history = self.journal.history
        trial = history.trial(number)
        if trial.state is not TrialState.RUNNING:
            return True  # it was told elsewhere, or handed to another process
        return self.scheduler.decide(history.problem, history, trial) is not Decision.CONTINUE

    def end(self, told: Told) -> FrozenTrial:
        """Write down how a trial ended, and return its record."""
        number = told.number
        self.journal.append(*self._suggested(number), told)
        self._asked_at.pop(number, None)
        trial = self.journal.history.trial(number)
        if trial.proposed is not None and trial.fixed and trial.attempt:
            for name in trial.fixed:
                if name not in trial.params:
                    log.warning("trial %d never asked for %r, which was queued", number, name)
        return trial

    def release(self, number: int, reason: str) -> None:
        """Hand a running trial back, to be started again under its number."""
        trial = self.journal.history.trial(number)
        event = Released(number, reason, trial.attempt, now())
        self.journal.append(*self._suggested(number), event)

    def _suggested(self, number: int) -> list[Event]:
        values = self._unwritten.pop(number, None)
        if not values:
            return []
        known = self.journal.history.problem.space.params
        new = {
            name: param
            for name, (_, param) in values.items()
            if param is not None and known.get(name) != param
        }
        return [Suggested(number, {name: value for name, (value, _) in values.items()}, new)]

    def _open(self) -> None:
        """Write down, before the first trial, who works with what on the study."""
        if self._owner.pid != os.getpid():
            # A forked process is somebody else, and its parent's threads do not run in it.
            self._owner = Owner()
            self._leases = Leases(self.journal, self._owner.id)
            self._heartbeat = None
        if self._heartbeat is not None:
            return
        opened = Opened(self._owner.id, self._spec, self._owner.about(), now())
        self.journal.append(opened)
        self._heartbeat = Heartbeat(self.journal.storage, self.journal.study, self._owner)


class Direct:
    """The channel of a trial that runs in the study's own process."""

    __slots__ = ("_engine", "_number")

    def __init__(self, engine: Engine, number: int) -> None:
        self._engine = engine
        self._number = number

    def send(self, message: Any) -> None:
        """Serve the message now."""
        self._engine.serve(self._number, message)

    def ask(self, message: Any) -> Any:
        """Serve the message now and return the answer."""
        return self._engine.serve(self._number, message)

    @property
    def stopping(self) -> bool:
        """Nobody stops a trial from outside in its own process."""
        return False


def _checked(proposal: Proposal, problem: Problem) -> Proposal:
    """Return what somebody else's sampler proposed, if the log can keep it."""
    if not problem.dynamic:
        problem.space.check(proposal.params)
    if not isinstance(proposal.why, Mapping):
        raise InvalidInput("suggestion: why", proposal.why, "a mapping")
    return proposal._replace(why=plain(proposal.why, "suggestion: why"))


def _reused(number: int, known: FrozenTrial, moment: float) -> list[Event]:
    return [
        Noted(number, "reused_from", known.number),
        Told(number, known.state, known.values, known.metrics, cost=0.0, time=moment),
    ]
