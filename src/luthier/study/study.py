"""The study: ask, tell, and the loop around both."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from luthier.errors import InvalidInput, SpaceExhausted
from luthier.executors.base import Executor
from luthier.model.trial import FrozenTrial, TrialState
from luthier.samplers.base import Sampler
from luthier.samplers.registry import make as make_sampler
from luthier.schedulers.base import Done, Scheduler, Wait
from luthier.schedulers.registry import make as make_scheduler
from luthier.storage.base import Storage
from luthier.storage.memory import Memory
from luthier.study.by_hand import number_of
from luthier.study.checkpoints import Checkpoints
from luthier.study.choosing import SamplerChoice, sampler_choice
from luthier.study.direct import Direct
from luthier.study.editable import EditableStudy
from luthier.study.engine import Engine
from luthier.study.journal import Journal
from luthier.study.telling import checked_cost, checked_metrics, state_of, verdict
from luthier.study.ticket import Ticket
from luthier.study.trial import Trial

if TYPE_CHECKING:
    from luthier.analysis.confirmed import Confirmed

MAX_REUSED = 1000
"""After so many known results in a row `ask` gives up finding something to run."""


class Study(EditableStudy):
    """A problem and the log of what was tried, with a sampler that says what to try next.

    Made by `luthier.create_study` and `luthier.load_study`. Many `Study`
    objects, in any number of processes, may work on the same study of one
    storage at the same time.

    Parameters
    ----------
    journal : Journal
        The study's log.
    sampler : Sampler
        Proposes params.
    scheduler : Scheduler
        Says which trials go on.
    checkpoints : Checkpoints, optional
        Where trials keep their checkpoints, and which stay.
    """

    def __init__(
        self,
        journal: Journal,
        sampler: Sampler,
        scheduler: Scheduler,
        checkpoints: Checkpoints | None = None,
    ) -> None:
        super().__init__(Engine(journal, sampler, scheduler, checkpoints))
        self._stop_requested = False
        self.stop_reason: str | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        if isinstance(self.storage, Memory):
            raise InvalidInput("study", self, "a study in a storage that other processes can reach")
        return _reload, (
            self._journal.storage,
            self._journal.study,
            self._journal.callables,
            self._engine.sampler,
            self._engine.scheduler,
            self._engine.checkpoints,
        )

    @property
    def sampler(self) -> Sampler:
        """What proposes params; may be changed at any time."""
        return self._engine.sampler

    @sampler.setter
    def sampler(self, sampler: Sampler | str | Mapping[str, Any]) -> None:
        self._engine.sampler = make_sampler(sampler)

    @property
    def scheduler(self) -> Scheduler:
        """What says which trials go on; may be changed at any time."""
        return self._engine.scheduler

    @scheduler.setter
    def scheduler(self, scheduler: Scheduler | str | Mapping[str, Any]) -> None:
        self._engine.scheduler = make_scheduler(scheduler)

    @property
    def sampler_choice(self) -> SamplerChoice:
        """Which sampler proposes the next params, and why it is this one."""
        return sampler_choice(self._engine.sampler, self.history)

    # ---------------------------------------------------------------- ask and tell

    def ask(self) -> Trial:
        """Return a trial to run, with params; it belongs to this process until it is told.

        It may be one that was paused or lost before: it has its old number then, another
        `attempt`, and goes on from `Trial.restored_step`.

        Raises
        ------
        SpaceExhausted
            If every point was tried and points are not repeated, or the scheduler waits for
            results of other trials or has nothing to start any more.
        EmptySpace
            If no point satisfies the constraints.
        """
        for _ in range(MAX_REUSED):
            claimed = self._engine.claim()
            if isinstance(claimed, FrozenTrial) and not claimed.pauses and self._engine.all_known():
                break
            if isinstance(claimed, Ticket):
                channel = Direct(self._engine, claimed.number)
                return Trial(claimed, self._journal.problem, channel)
            if isinstance(claimed, Wait):
                raise SpaceExhausted("the scheduler waits for results of running trials")
            if isinstance(claimed, Done):
                raise SpaceExhausted("the schedule is complete")
        raise SpaceExhausted("the results of all points that were proposed are known already")

    def tell(
        self,
        trial: Trial | FrozenTrial | int,
        values: float | Sequence[float] | Mapping[str, float] | None = None,
        state: TrialState | str | None = None,
        *,
        metrics: Mapping[str, float] | None = None,
        error: str = "",
        cost: float | None = None,
    ) -> FrozenTrial:
        """Say how a trial ended, or that it is set aside, and return its record.

        The first word counts: telling a trial again changes nothing.

        Parameters
        ----------
        trial : Trial or int
            The trial, or its number.
        values : float, sequence of float, or mapping, optional
            The result: one number, one per objective, or metrics by name.
        state : TrialState or str, optional
            COMPLETE if there are values, else it must be given: PRUNED, INFEASIBLE or FAILED.
            PAUSED sets a running trial aside, to be resumed when the scheduler says so; PRUNED
            does too, if it was the scheduler that decided to pause it.
        metrics : mapping of str to float, optional
            What else was measured.
        error : str, default ""
            Why it failed, was infeasible or was pruned.
        cost : float, optional
            What it cost.

        Raises
        ------
        InvalidResult
            If a value is missing, is too many, is no number or not finite. The trial stays open.
        InvalidInput
            If state and values contradict each other.
        TrialNotFound
            If there is no such trial.

        Notes
        -----
        A queued trial that has not started can be told FAILED: so it is taken back.
        """
        known = self._engine.known(number_of(trial))
        measured = metrics
        if isinstance(trial, Trial):
            cost = trial.cost if cost is None else cost
            if metrics is None or isinstance(metrics, Mapping):
                measured = {**trial.measured, **(metrics or {})}
        problem = self._journal.problem
        if state is not None and state_of(state) is TrialState.PAUSED:
            return self._pause(known, values, measured, cost)
        told = verdict(
            problem, known.number, values, state, measured, error, cost, self._engine.clock()
        )
        if told.state is TrialState.COMPLETE and not known.attempt:
            raise InvalidInput("trial", known.number, "a trial that was started; this one waits")
        return self._engine.end(told)

    def _pause(
        self, known: FrozenTrial, values: Any, metrics: Mapping[str, Any] | None, cost: Any
    ) -> FrozenTrial:
        if values is not None:
            raise InvalidInput("values", values, "none for a trial that is PAUSED")
        if known.state is TrialState.WAITING:
            raise InvalidInput("trial", known.number, "a running trial; this one waits")
        if known.state is not TrialState.RUNNING:
            return known
        spent = None if cost is None else checked_cost(cost)
        return self._engine.pause(known.number, checked_metrics(metrics), spent)

    def release(self, trial: Trial | FrozenTrial | int, reason: str = "handed back") -> None:
        """Hand a running trial back unharmed: it is started again under its number.

        Whoever asks next gets it, here or in another process, as its next `attempt`; it goes on
        from its last checkpoint. One that does not run stays as it is.

        Parameters
        ----------
        trial : Trial or int
            The trial, or its number.
        reason : str, default "handed back"
            Stands as `error` in its record until it is started again.

        Raises
        ------
        TrialNotFound
            If there is no such trial.
        """
        if not isinstance(reason, str):
            raise InvalidInput("reason", reason, "a text")
        known = self._engine.known(number_of(trial))
        if known.state is TrialState.RUNNING:
            self._engine.release(known.number, reason, _cost_of(trial))

    # ---------------------------------------------------------------- the loop

    def optimize(
        self,
        objective: Callable[[Trial], Any],
        n_trials: int | None = None,
        timeout: float | None = None,
        n_jobs: int = 1,
        *,
        total_trials: int | None = None,
        repeats: int = 1,
        target: float | None = None,
        cost: float | Mapping[str, float] | None = None,
        max_cost: float | None = None,
        patience: int | None = None,
        max_failures: int | None = 10,
        executor: str | Mapping[str, Any] | Executor | None = None,
        gpus: Sequence[int | str] | None = None,
        trials_per_gpu: int = 1,
        trial_timeout: float | None = None,
        trial_memory: int | str | None = None,
        grace: float = 5.0,
        max_outage: float = 3600.0,
        retries: int = 0,
        callbacks: Sequence[Callable[[Study, FrozenTrial], None]] = (),
        show_progress_bar: bool = False,
    ) -> None:
        """Run trials of an objective until the budget is used; `stop_reason` says which part.

        Parameters
        ----------
        objective : callable
            Gets a `Trial`; returns a number, one number per objective, or metrics by name.
            Raises `luthier.TrialPruned` or `luthier.Infeasible` to end its trial otherwise.
            Any other exception fails the trial, and the study goes on.
        n_trials : int, optional
            Trials of this call, exactly; paused ones that go on do not count.
        timeout : float, optional
            Seconds after which no trial is started, nor before it one that would not end in
            time, by the median of the trials before; those that run are finished.
        n_jobs : int, default 1
            Worker processes; -1 for one per core. 1 runs in this process.
        total_trials : int, optional
            Trials of the study, those before included: a script that is started again goes on
            to the same end.
        repeats : int, default 1
            How often each trial is measured, by `Trial.seed`; its value is the mean.
        target : float, optional
            Stop when the single objective is at least as good.
        cost : float or mapping, optional
            What a trial costs that does not call `Trial.set_cost`: a number for each trial, or
            ``{"per_second": price}`` of its run time.
        max_cost : float, optional
            Stop when the costs of the study's trials sum up to this, or one more trial would
            cost more than is left, by the median of the trials before.
        patience : int, optional
            Stop when so many trials in a row brought no better result.
        max_failures : int, optional
            Give up when so many trials in a row failed. Default 10; None never.
        executor : str or Executor, optional
            Who does the work: "inline", "processes", "simulated", "ray", "dask", "slurm", a mapping
            of such a ``name`` and the executor's options, or an executor of your own.
            Default: inline for one job of a function without limits, processes otherwise.
        gpus : sequence of int or str, optional
            GPUs to spread the workers over, one worker for each slot.
        trials_per_gpu : int, default 1
            Slots of each GPU.
        trial_timeout : float, optional
            Seconds after which a trial is killed and fails.
        trial_memory : int or str, optional
            Bytes (or "2GB") of resident memory above which a trial is killed and fails.
        grace : float, default 5
            Seconds that a trial has to save and end by itself, after its `trial_timeout` and
            when this process gets SIGTERM.
        max_outage : float, default 3600
            Seconds for which a storage that is away, or full, is waited for.
        retries : int, default 0
            How often a failed trial is run again before it counts as failed.
        callbacks : sequence of callable, optional
            Called with the study and each ended trial; may call `stop`.
        show_progress_bar : bool, default False
            Show a live display on standard error.

        Raises
        ------
        TooManyFailures
            If `max_failures` trials in a row failed.
        InvalidInput
            If an argument is not allowed.
        StorageUnavailable, StorageFull
            If the storage was away, or full, for longer than `max_outage`.
        SystemExit
            After SIGTERM, when running trials have saved and were handed back.
        KeyboardInterrupt
            After a second Ctrl-C, when running trials have been handed back. The first one
            lets running trials finish and returns.
        """
        from luthier.executors.command import Command
        from luthier.study.budget import Budget
        from luthier.study.loop import Loop, choose_executor, make_limits
        from luthier.study.task import repeated

        endings = (n_trials, total_trials, timeout, target, max_cost, patience, max_failures)
        budget = Budget(*endings, cost)
        limits = make_limits(trial_timeout, trial_memory, grace)
        command = isinstance(objective, Command)
        chosen = choose_executor(executor, n_jobs, gpus, trials_per_gpu, limits, command=command)
        outer, self._stop_requested, self.stop_reason = self._stop_requested, False, None
        with contextlib.ExitStack() as stack:
            if show_progress_bar:
                from luthier.study.progress import Progress

                bar = stack.enter_context(Progress(lambda: self.history, budget))
                callbacks = [*callbacks, bar]

            def ended(trial: FrozenTrial) -> bool:
                for callback in callbacks:
                    callback(self, trial)
                return self._stop_requested

            function = repeated(objective, repeats)
            running = (limits, retries, ended, max_outage)
            loop = Loop(self._engine, function, chosen, budget, *running)
            try:
                self.stop_reason = loop.run()
            finally:
                self._stop_requested = outer  # of an optimize around this one

    def confirm(
        self, objective: Callable[[Trial], Any], top: int = 3, repeats: int = 10, **running: Any
    ) -> list[Confirmed]:
        """Measure the best trials again, with new seeds, until one proves to be the best.

        Returns what came of it, the best first; see `luthier.study.confirm.confirm`.
        """
        from luthier.study.confirm import confirm

        return confirm(self, objective, top, repeats, **running)

    def stop(self) -> None:
        """Start no more trials in the running `optimize`; for callbacks and objectives."""
        self._stop_requested = True


def _cost_of(trial: Trial | FrozenTrial | int) -> float | None:
    return trial.cost if isinstance(trial, Trial) else None


def _reload(
    storage: Storage,
    study: str,
    callables: Mapping[str, Callable[..., Any]] | None,
    sampler: Sampler,
    scheduler: Scheduler,
    checkpoints: Checkpoints,
) -> Study:
    journal = Journal(storage, study, callables)
    journal.sync()
    return Study(journal, sampler, scheduler, checkpoints)
