"""The engine: the one place where sampler, scheduler, log and clock meet."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Mapping
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
from luthier.model.events import (
    Asked,
    Event,
    Noted,
    Paused,
    Released,
    Reported,
    Resumed,
    Suggested,
    Told,
)
from luthier.model.frozen import EMPTY
from luthier.model.history import History
from luthier.model.trial import FrozenTrial, Metrics, Params, TrialState
from luthier.samplers.base import Chooser, Sampler
from luthier.samplers.registry import describe
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
from luthier.schedulers.registry import describe as describe_scheduler
from luthier.space.base import Param
from luthier.study.asking import checked, given, paused, propose, propose_value, reused
from luthier.study.checkpoints import Checkpoints, Keeper, Store, absolute, kept_by
from luthier.study.choosing import sampler_choice
from luthier.study.journal import Journal
from luthier.study.presence import Presence, Tools, opened
from luthier.study.snapshots import Restored
from luthier.study.ticket import Ticket

log = logging.getLogger("luthier")

_START = Start()


class Claimant(NamedTuple):
    """For whom a trial is claimed."""

    owner: str
    request: str | None = None


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
    checkpoints : Checkpoints, optional
        Where trials keep theirs, and which are kept.

    Attributes
    ----------
    clock : callable
        Says when events happen; an executor may bring its own.
    keeper : Keeper
        Knows the checkpoints; an executor on a virtual clock has none.
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
        self.journal = journal
        self.sampler = sampler
        self.scheduler = scheduler
        self.checkpoints = checkpoints or Checkpoints()
        folder = self.checkpoints.folder
        self._folder = None if folder is None else absolute(folder)
        self.clock: Callable[[], float] = now
        self.keeper: Keeper = Store(journal, self.checkpoints)
        self.plan: Mapping[str, Any] = EMPTY
        self._presence = Presence(journal)
        self._warned = False
        self._finishing: set[int] = set()  # trials that go on to their end
        self._attempts: dict[int, int] = {}  # of the trials that were started here
        self._decided: dict[int, Decision] = {}  # what shall become of them, when not going on
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

    @property
    def scheduler(self) -> Scheduler:
        """What says which trials go on."""
        return self._scheduler

    @scheduler.setter
    def scheduler(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._scheduler_spec = describe_scheduler(scheduler)

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
            if self._presence.release_lost(history, self.clock()):
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
                self._finishing.add(number)
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

    def adopt(self, number: int, attempt: int, *, again: bool = False) -> None:
        """Answer for a running trial that another process started, or this one before it ended.

        With `again` its last report is judged once more, in case the answer to it got lost.
        """
        if self._attempts.get(number) == attempt and not again:
            return
        history = self.journal.history
        trial = history.trial(number)
        if trial.state is not TrialState.RUNNING or trial.attempt != attempt:
            return
        self._attempts[number] = attempt
        last = trial.reports.last
        if last is not None and last.step != trial.restored_step:
            self._decide(history, trial)

    def stops(self, number: int) -> bool:
        """Tell whether a trial that was started here should not go on."""
        return number not in self._attempts or number in self._decided

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
        self._decided[number] = decision
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
        if not self._trusted and start.params is None:
            proposal = checked(proposal, history.problem)
        moment = self.clock()
        by = self._spec
        if proposal.by_user:
            by = "user"
        elif start.params is not None:
            by = self._scheduler_spec
        known = proposal.known if start.fork is None else None
        asked = Asked(
            number,
            proposal.params,
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
        if fixed is None:  # a queued point may need another sampler than the space as a whole
            self._announce(proposal.why.get("sampler"), history)
        if known is not None:
            return self.journal.history.trial(number)
        if history.problem.dynamic:
            self._asked_at[number] = history
        return self._ticket(history, number, restored)

    def _announce(self, name: str | None, history: History) -> None:
        """Say it when a sampler that leaves the work to others has chosen another one."""
        if name not in (None, self._chosen) and isinstance(self._sampler, Chooser):
            self._chosen = name
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
            return self.journal.history.trial(number)
        except TrialNotFound:
            return self.journal.sync().trial(number)

    def _ticket(
        self, asked_at: History, number: int, restored: Restored | None, *, paused: bool = False
    ) -> Ticket:
        trial = self.journal.history.trial(number)
        problem = asked_at.problem
        self._attempts[number] = trial.attempt
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
            case ("saved",):
                history = self.journal.sync()
                return self.keeper.saved(number, history, kept_by(self._scheduler, history))
        raise ValueError(f"unknown message {message!r}")

    def _report(self, number: int, step: int, metrics: dict[str, float]) -> bool:
        attempt = self._attempts.get(number)
        if attempt is None:
            return True  # it was told, paused or handed back, and another attempt may be on
        event = Reported(number, step, metrics, attempt, self.clock())
        self.journal.append(*self._suggested(number), event)
        history = self.journal.history
        trial = history.trial(number)
        if trial.state is not TrialState.RUNNING or trial.attempt != attempt:
            return True  # it was told elsewhere, or handed to another process
        return self._decide(history, trial) is not Decision.CONTINUE

    def _decide(self, history: History, trial: FrozenTrial) -> Decision:
        """Return what the scheduler says of a trial now, and remember it."""
        number = trial.number
        decision = self.scheduler.decide(history.problem, history, trial)
        if decision is Decision.PAUSE and number in self._finishing:
            decision = Decision.CONTINUE
        if decision is not Decision.CONTINUE and self._decided.get(number) is not Decision.STOP:
            self._decided[number] = decision
        return decision

    def end(self, told: Told) -> FrozenTrial:
        """Write down how a trial ended, and return its record.

        One that stops because the scheduler sets it aside is paused. One that gives up here does
        not end if another process runs it by now.
        """
        number = told.number
        gives_up = told.state in (TrialState.PRUNED, TrialState.FAILED)
        if gives_up and self._was_taken_over(number):
            self._forget(number)
            return self.journal.history.trial(number)
        if told.state is TrialState.PRUNED and self._decided.get(number) is Decision.PAUSE:
            return self.pause(number, told.metrics, told.cost)
        self.journal.append(*self._suggested(number), told)
        self._forget(number)
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
        event = Paused(number, self.clock(), self._attempt(number), metrics, cost)
        self.journal.append(*self._suggested(number), event)
        self._forget(number)
        return self.journal.history.trial(number)

    def release(self, number: int, reason: str, cost: float | None = None) -> None:
        """Hand a running trial back, to be started again under its number."""
        event = Released(number, reason, self._attempt(number), self.clock(), cost)
        self.journal.append(*self._suggested(number), event)
        self._forget(number)

    def _attempt(self, number: int) -> int:
        """Return the attempt of a trial that was started here, or else the one that is on."""
        attempt = self._attempts.get(number)
        return self.journal.history.trial(number).attempt if attempt is None else attempt

    def _was_taken_over(self, number: int) -> bool:
        """Tell whether a trial that was started here runs in another process by now."""
        trial = self.journal.history.trial(number)
        return not trial.state.final and trial.attempt > self._attempts.get(number, trial.attempt)

    def _forget(self, number: int) -> None:
        for known in (self._attempts, self._decided, self._asked_at, self._unwritten):
            known.pop(number, None)
        self._finishing.discard(number)

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
        if self._presence.is_of_parent:
            self.forsake()
            if isinstance(self.keeper, Store):
                self.keeper = Store(self.journal, self.checkpoints)
        self._presence.show(self._tools, self.plan, self.clock)

    def forsake(self) -> None:
        """Become somebody else, to whom no trial belongs; see `Presence.forsake`."""
        self._presence.forsake()

    @property
    def _tools(self) -> Tools:
        return Tools(self._spec, self._scheduler_spec, self._folder)
