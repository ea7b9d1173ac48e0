"""The engine: the one place where sampler, scheduler, log and clock meet."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

from luthier.errors import (
    Conflict,
    EmptySpace,
    InvalidParams,
    InvalidSpace,
    SpaceExhausted,
    TrialNotFound,
)
from luthier.model.columns import point_key
from luthier.model.events import Asked, Resumed, Told
from luthier.model.frozen import EMPTY, frozen
from luthier.model.history import History
from luthier.model.trial import FrozenTrial, Params, TrialState
from luthier.samplers.base import Chooser, Sampler
from luthier.schedulers.base import (
    Decision,
    Done,
    Finishing,
    Resume,
    Scheduler,
    Start,
    Stop,
    Wait,
)
from luthier.study.asking import checked, given, paused, propose, reused
from luthier.study.checkpoints import Checkpoints, Store, kept_by
from luthier.study.choosing import sampler_choice
from luthier.study.journal import Journal
from luthier.study.presence import Presence, opened
from luthier.study.running import Running
from luthier.study.snapshots import Restored
from luthier.study.ticket import Ticket

log = logging.getLogger("luthier")

_START = Start()

_OURS = "luthier.samplers."
"""Modules whose samplers need no check."""


class Claimant(NamedTuple):
    """For whom a trial is claimed."""

    owner: str
    request: str | None = None


class Engine(Running):
    """Starts trials: those handed back, queued or paused, and new ones.

    Only `claim` needs the agreement of other workers: it claims a trial's number,
    and when another worker was quicker it reads what that one wrote and decides
    again. Everything else appends.

    Parameters
    ----------
    journal, sampler, scheduler, checkpoints
        As for `Running`.

    Attributes
    ----------
    plan : mapping
        What this process is going to do, in JSON: stands in the log beside who it is.
    """

    def __init__(
        self,
        journal: Journal,
        sampler: Sampler,
        scheduler: Scheduler,
        checkpoints: Checkpoints | None = None,
    ) -> None:
        super().__init__(journal, sampler, scheduler, checkpoints)
        self.plan: Mapping[str, Any] = EMPTY
        self._presence = Presence(journal)
        self._warned = False
        self._announced: tuple[Sampler, str] | None = None

    def claim(
        self,
        below: int | None = None,
        *,
        begins: bool = True,
        synced: bool = False,
        owner: str | None = None,
        request: str | None = None,
    ) -> Ticket | FrozenTrial | Wait | Done | None:
        """Start a trial: one handed back, one queued, one paused, or a new one under `below`.

        Parameters
        ----------
        below : int, optional
            The study's number of trials ends here.
        begins : bool, default True
            Whether other trials may start than those that were paused.
        synced : bool, default False
            The log was written to just now, and so needs no look at what others wrote.
        owner : str, optional
            Who runs the trial, if not this process: somebody that `admit` let in.
        request : str, optional
            Names this claim for good: made again, it gets the trial that it got before.

        Returns
        -------
        Ticket
            What to run.
        FrozenTrial
            A trial that does not run: its result was known, the scheduler has ended it while it
            was paused, or it was lost where it should have ended or paused. Or, as it is by now,
            the trial that the same request got before.
        Wait, Done
            The scheduler starts nothing now, or any more.
        None
            The scheduler would begin a trial, and none may begin.

        Raises
        ------
        InvalidInput
            If the scheduler wants what is not possible.
        """
        if owner is None:
            self._open()
        claimant = Claimant(owner or self._presence.owner, request)
        while True:
            history = self.journal.history if synced else self.journal.sync()
            if request is not None and request in history.requests:
                return history.trial(history.requests[request][0])
            if self._presence.release_lost(history, self.clock):
                history = self.journal.history
            try:
                return self._claim(history, below, begins, claimant)
            except Conflict:
                synced = False

    def finish(
        self, *, owner: str | None = None, request: str | None = None
    ) -> Ticket | FrozenTrial | None:
        """Let a paused trial go on to its end if it is worth it, although none may begin.

        Owner and request are as for `claim`.
        """
        if owner is None:
            self._open()
        claimant = Claimant(owner or self._presence.owner, request)
        scheduler = self._scheduler
        while isinstance(scheduler, Finishing):
            history = self.journal.sync()
            number = scheduler.finish(history.problem, history)
            if number is None:
                break
            with contextlib.suppress(Conflict):  # another process does it: look again
                found = self._restart(history.trial(number), history, claimant)
                self._begun(number, self.journal.trial(number).attempt).finishing = True
                return found
        return None

    def admit(self, owner: str, about: Mapping[str, Any]) -> None:
        """Write down somebody elsewhere for whom trials are claimed here, unless the log has it.

        It lives as long as somebody beats for it in the storage.

        Parameters
        ----------
        owner : str
            Its identity, unique for all times.
        about : mapping
            As of `Owner.about`; its host must not be this machine's.
        """
        if owner not in self.journal.history.owners:
            self.journal.append(opened(owner, about, self._tools, self.clock()))

    def _claim(
        self, history: History, below: int | None, begins: bool, claimant: Claimant
    ) -> Ticket | FrozenTrial | Wait | Done | None:
        waiting = history.next_waiting if begins else None
        if waiting is not None and waiting.attempt:
            return self._restart(waiting, history, claimant)
        if waiting is not None:
            return self._begin(history, waiting.number, waiting.fixed, claimant)
        step = self.scheduler.next(history.problem, history)
        match step:
            case Resume():
                return self._restart(paused(step, history), history, claimant)
            case Stop():
                return self._stop(paused(step, history))
            case Start() if begins and (below is None or history.count < below):
                return self._begin(history, history.count, None, claimant, step)
            case Start():
                return None
        return step

    def _restart(
        self, trial: FrozenTrial, history: History, claimant: Claimant
    ) -> Ticket | FrozenTrial:
        number, attempt = trial.number, trial.attempt + 1
        restored = self.keeper.restored(trial)
        step = None if restored is None else restored.step
        if restored is None and trial.state is TrialState.PAUSED and not self._warned:
            self._warned = True  # the others will do the same
            log.warning("trial %d has no checkpoint to go on from: it begins anew", number)
        owner, request = claimant
        resumed = Resumed(number, attempt, owner, step, self.clock(), request)
        self.journal.append(resumed, claim=f"{number}.{attempt}")
        if trial.state is TrialState.WAITING and (over := self._decided_before(number)):
            return over
        return self._ticket(history, number, restored, paused=trial.state is TrialState.PAUSED)

    def _decided_before(self, number: int) -> FrozenTrial | None:
        """Set a lost trial aside, or end it, if that was decided where its checkpoint is."""
        history = self.journal.history
        trial = history.trial(number)
        last = trial.reports.last
        if last is None or last.step != trial.restored_step:
            return None  # it will report again what it was lost behind
        decision = self.scheduler.decide(history.problem, history, trial)
        if decision is Decision.CONTINUE:
            return None
        self._begun(number, trial.attempt).decided = decision
        told = Told(number, TrialState.PRUNED, None, trial.metrics, time=self.clock())
        return self.end(told)

    def _stop(self, trial: FrozenTrial) -> FrozenTrial:
        """End a paused trial, unless another worker is just resuming it."""
        number = trial.number
        reason, moment = "stopped by the scheduler while it was paused", self.clock()
        told = Told(number, TrialState.PRUNED, None, trial.metrics, reason, time=moment)
        self.journal.append(told, claim=f"{number}.{trial.attempt + 1}")
        history = self.journal.history
        self.keeper.ended(number, history, kept_by(self._scheduler, history))
        return history.trial(number)

    def _begin(
        self,
        history: History,
        number: int,
        fixed: Params | None,
        claimant: Claimant,
        start: Start = _START,
    ) -> Ticket | FrozenTrial:
        restored = None
        if start.fork is not None:
            restored = self.keeper.forked(history.trial(start.fork), start.step)
            if restored is None:
                log.warning("trial %d has no checkpoint to fork trial %d from", start.fork, number)
        try:
            if start.params is not None:
                proposal = given(start.params, history.problem, start.why)
            else:
                proposal = propose(self._sampler, history.problem, history, number, fixed)
        except (EmptySpace, SpaceExhausted, InvalidParams, InvalidSpace) as error:
            if fixed is None:
                raise  # the sampler's or scheduler's fault, or there is nothing left to try
            # What a person queued would stand in the way of everything else for ever.
            reason = f"cannot be started: {error}"
            return self.end(Told(number, TrialState.FAILED, error=reason, time=self.clock()))
        # Our own samplers keep their contract by test; others are checked each time.
        if start.params is None and not type(self._sampler).__module__.startswith(_OURS):
            proposal = checked(proposal, history.problem)
        moment = self.clock()
        by = self._tools.sampler
        if proposal.by_user:
            by = "user"
        elif start.params is not None:
            by = self._tools.scheduler
        known = proposal.known if start.fork is None else None
        asked = Asked(
            number,
            frozen(proposal.params),
            history.version,
            by,
            claimant.owner,
            moment,
            proposal.why,
            start.fork,
            None if restored is None else restored.step,
            claimant.request if known is None else None,
        )
        claim = str(number) if number == history.count else f"{number}.1"
        result = [] if known is None else reused(number, known, moment)
        self.journal.append(asked, *result, claim=claim)
        if fixed is None and (name := proposal.why.get("sampler")) is not None:
            self._announce(name, history)  # a queued point may need another one than the space
        if known is not None:
            return self.journal.trial(number)
        ticket = self._ticket(history, number, restored)
        if history.problem.dynamic:
            self._runs[number].asked_at = history
        return ticket

    def _announce(self, name: str, history: History) -> None:
        """Say it when a sampler that leaves the work to others has chosen another one."""
        if (self._sampler, name) != self._announced and isinstance(self._sampler, Chooser):
            self._announced = self._sampler, name
            log.info("sampler: %s", sampler_choice(self._sampler, history))

    def runs_elsewhere(self, history: History) -> bool:
        """Tell whether other processes run trials of the study."""
        return any(owner != self._presence.owner for owner in history.running_of)

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
            return self.journal.trial(number)
        except TrialNotFound:
            return self.journal.sync().trial(number)

    def _ticket(
        self, asked_at: History, number: int, restored: Restored | None, *, paused: bool = False
    ) -> Ticket:
        trial = self.journal.trial(number)
        problem = asked_at.problem
        self._begun(number, trial.attempt)
        return Ticket(
            number,
            trial.attempt,
            trial.params if trial.proposed is None else trial.proposed,
            problem.space.params if problem.dynamic else None,
            trial.fixed or {},
            trial.user_attrs,
            trial.why,
            trial.metrics,
            self.keeper.folder(number),
            restored,
            trial.parent,
            paused,
        )

    def _open(self) -> None:
        """Write down, before the first trial, who works with what on the study."""
        if self._presence.is_of_parent:
            self.forsake()
            if isinstance(self.keeper, Store):
                self.keeper = Store(self.journal, self.checkpoints)
        self._presence.show(self._tools, self.plan, self.clock)

    def forsake(self) -> None:
        """Become somebody else, to whom no trial belongs; see `Presence.forsake`."""
        self._presence.forsake()
