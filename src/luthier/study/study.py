"""The study: ask, tell, and the loop around both."""

from __future__ import annotations

import contextlib
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from luthier.errors import Conflict, InvalidInput, InvalidParams, SpaceExhausted
from luthier.executors.base import Executor
from luthier.executors.command import Command
from luthier.model.events import Asked, Defined, Enqueued, Event, Noted, Suggested
from luthier.model.serde import plain
from luthier.model.trial import FrozenTrial, TrialState
from luthier.samplers.base import Sampler
from luthier.samplers.registry import make as make_sampler
from luthier.schedulers.base import Scheduler
from luthier.space.base import Param
from luthier.space.space import Space
from luthier.storage.base import Storage
from luthier.storage.memory import Memory
from luthier.study.asking import queueable
from luthier.study.choosing import SamplerChoice, sampler_choice
from luthier.study.engine import Direct, Engine, now
from luthier.study.journal import Journal
from luthier.study.telling import verdict
from luthier.study.trial import Ticket, Trial
from luthier.study.view import StudyView

if TYPE_CHECKING:
    from luthier.study.transfer import Transfer

MAX_REUSED = 1000
"""After so many known results in a row `ask` gives up finding something to run."""


class Study(StudyView):
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
    """

    def __init__(self, journal: Journal, sampler: Sampler, scheduler: Scheduler) -> None:
        super().__init__(journal)
        self._engine = Engine(journal, sampler, scheduler)
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
        )

    @property
    def sampler(self) -> Sampler:
        """What proposes params; may be changed at any time."""
        return self._engine.sampler

    @sampler.setter
    def sampler(self, sampler: Sampler | str | Mapping[str, Any]) -> None:
        self._engine.sampler = make_sampler(sampler)

    @property
    def sampler_choice(self) -> SamplerChoice:
        """Which sampler proposes the next params, and why it is this one."""
        return sampler_choice(self._engine.sampler, self.history)

    # ---------------------------------------------------------------- ask and tell

    def ask(self) -> Trial:
        """Return a trial to run, with params; it belongs to this process until it is told.

        Raises
        ------
        SpaceExhausted
            If every point was tried and points are not repeated.
        EmptySpace
            If no point satisfies the constraints.
        """
        for _ in range(MAX_REUSED):
            claimed = self._engine.claim()
            if isinstance(claimed, FrozenTrial) and self._engine.all_known():
                break
            if isinstance(claimed, Ticket):
                channel = Direct(self._engine, claimed.number)
                return Trial(claimed, self._journal.history.problem, channel)
            if claimed is None:
                raise SpaceExhausted("the scheduler has nothing to start now")
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
        """Say how a trial ended, and return its record.

        The first word counts: telling a trial again changes nothing.

        Parameters
        ----------
        trial : Trial or int
            The trial, or its number.
        values : float, sequence of float, or mapping, optional
            The result: one number, one per objective, or metrics by name.
        state : TrialState or str, optional
            COMPLETE if there are values, else it must be given: PRUNED, INFEASIBLE or FAILED.
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
        known = self._engine.known(_number(trial))
        measured = metrics
        if isinstance(trial, Trial):
            cost = trial.cost if cost is None else cost
            if metrics is None or isinstance(metrics, Mapping):
                measured = {**trial.measured, **(metrics or {})}
        problem = self._journal.history.problem
        told = verdict(problem, known.number, values, state, measured, error, cost, now())
        if told.state is TrialState.COMPLETE and not known.attempt:
            raise InvalidInput("trial", known.number, "a trial that was started; this one waits")
        return self._engine.end(told)

    def enqueue_trial(
        self,
        params: Mapping[str, Any],
        *,
        user_attrs: Mapping[str, Any] | None = None,
        skip_if_exists: bool = False,
    ) -> int | None:
        """Queue a point to be tried next, and return its trial's number.

        Parameters
        ----------
        params : mapping of str to object
            All params or some; the sampler chooses the others.
        user_attrs : mapping, optional
            Notes on the trial.
        skip_if_exists : bool, default False
            Queue nothing, and return None, if a trial with these values is there already.

        Raises
        ------
        InvalidParams
            If a value is not in the space.
        EmptySpace
            If no complete point has these values.
        """
        while True:
            history = self._journal.sync()
            point = dict(params)
            if not history.problem.dynamic:
                point = dict(queueable(history.problem.space, params))
            if skip_if_exists and point and any(_agrees(t, point) for t in history.trials):
                return None
            number = history.count
            attrs = plain(user_attrs or {}, "user_attrs")
            try:
                self._journal.append(Enqueued(number, point, attrs, now()), claim=str(number))
            except Conflict:
                continue
            return number

    def add_trial(
        self,
        params: Mapping[str, Any],
        values: float | Sequence[float] | Mapping[str, float] | None = None,
        *,
        state: TrialState | str = TrialState.COMPLETE,
        metrics: Mapping[str, float] | None = None,
        user_attrs: Mapping[str, Any] | None = None,
        distributions: Mapping[str, Param] | None = None,
    ) -> FrozenTrial:
        """Add a trial that was run elsewhere, with its result; samplers learn from it.

        Parameters
        ----------
        params : mapping of str to object
            A complete configuration.
        values : float, sequence of float, or mapping, optional
            As for `tell`.
        state : TrialState or str, default COMPLETE
            How it ended.
        metrics, user_attrs : mapping, optional
            As for `tell` and `enqueue_trial`.
        distributions : mapping of str to Param, optional
            In a define-by-run study: what the params were chosen from.

        Raises
        ------
        InvalidParams
            If the params are not in the space.
        """
        attrs = plain(user_attrs or {}, "user_attrs")
        while True:
            history = self._journal.sync()
            problem = history.problem
            if problem.dynamic:
                _check_distributions(problem.space, params, distributions)
            else:
                problem.space.check(params)
                params = problem.space.canonical(params)
            number, moment = history.count, now()
            told = verdict(problem, number, values, state, metrics, time=moment)
            events: list[Event] = [
                Asked(number, dict(params), history.version, "user", None, moment)
            ]
            if distributions:
                events.append(Suggested(number, {}, dict(distributions)))
            events += [Noted(number, key, value) for key, value in attrs.items()]
            try:
                self._journal.append(*events, told, claim=str(number))
            except Conflict:
                continue
            return self._journal.history.trial(number)

    def transfer_from(self, *studies: StudyView | str, n_start: int = 5) -> Transfer:
        """Start from what earlier studies found, perhaps on other spaces; see `Transfer`.

        Parameters
        ----------
        *studies : Study or str
            Studies, or names of them in the same storage.
        n_start : int, default 5
            How many points, good there, are queued at most: what unrelated studies may cost.

        Raises
        ------
        InvalidInput
            If a study is this one, has no result, or shares no parameter or no objective.
        """
        from luthier.study.transfer import transfer

        return transfer(self, studies, n_start)

    # ---------------------------------------------------------------- notes and edits

    def set_user_attr(self, key: str, value: Any, *, trial: int | None = None) -> None:
        """Note something on the study, or on one of its trials: anything that JSON can say."""
        if not isinstance(key, str):
            raise InvalidInput("user attribute: key", key, "a text")
        if trial is not None:
            self.history.trial(trial)
        self._journal.append(Noted(trial, key, plain(value, f"user attribute {key!r}")))

    def edit_space(self, space: Space) -> None:
        """Go on with another space; trials so far stay in the model.

        Make the new space from the old one with `Space.add`, `Space.widen`,
        `Space.narrow`, `Space.freeze`, `Space.add_choice`, which keep what the
        old trials mean.

        Raises
        ------
        InvalidInput
            If the study is define-by-run.
        InvalidParams
            If the new space cannot place a trial of the old one.
        """
        history = self.history
        problem = history.problem
        if problem.dynamic:
            raise InvalidInput("edit_space", space, "a study with a declared space")
        space.codec.encode([trial.params for trial in history.trials if trial.attempt])
        self._journal.append(Defined(problem.with_space(space), now()))

    # ---------------------------------------------------------------- the loop

    def optimize(
        self,
        objective: Callable[[Trial], Any],
        n_trials: int | None = None,
        timeout: float | None = None,
        n_jobs: int = 1,
        *,
        total_trials: int | None = None,
        target: float | None = None,
        max_cost: float | None = None,
        patience: int | None = None,
        max_failures: int | None = 10,
        executor: str | Executor | None = None,
        gpus: Sequence[int | str] | None = None,
        trials_per_gpu: int = 1,
        trial_timeout: float | None = None,
        trial_memory: int | str | None = None,
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
            Trials of this call, exactly.
        timeout : float, optional
            Seconds after which no trial is started; those that run are finished.
        n_jobs : int, default 1
            Worker processes; -1 for one per core. 1 runs in this process.
        total_trials : int, optional
            Trials of the study, those before included: a script that is started again goes on
            to the same end.
        target : float, optional
            Stop when the single objective is at least as good.
        max_cost : float, optional
            Stop when the costs told by `Trial.set_cost` sum up to this.
        patience : int, optional
            Stop when so many trials in a row brought no better result.
        max_failures : int, optional
            Give up when so many trials in a row failed. Default 10; None never.
        executor : str or Executor, optional
            Who does the work: "inline", "processes", or an executor of your own.
            Default: inline for one job of a function without limits, processes otherwise.
        gpus : sequence of int or str, optional
            GPUs to spread the workers over, one worker for each slot.
        trials_per_gpu : int, default 1
            Slots of each GPU.
        trial_timeout : float, optional
            Seconds after which a trial is killed and fails.
        trial_memory : int or str, optional
            Bytes (or "2GB") of resident memory above which a trial is killed and fails.
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
        KeyboardInterrupt
            After a second Ctrl-C, when running trials have been handed back. The first one
            lets running trials finish and returns.
        """
        from luthier.study.budget import Budget
        from luthier.study.loop import Loop, choose_executor, make_limits

        budget = Budget(n_trials, total_trials, timeout, target, max_cost, patience, max_failures)
        limits = make_limits(trial_timeout, trial_memory)
        command = isinstance(objective, Command)
        chosen = choose_executor(executor, n_jobs, gpus, trials_per_gpu, limits, command=command)
        outer, self._stop_requested, self.stop_reason = self._stop_requested, False, None
        with contextlib.ExitStack() as stack:
            if show_progress_bar:
                from luthier.study.progress import Progress

                callbacks = [
                    *callbacks,
                    stack.enter_context(Progress(lambda: self.history, budget)),
                ]

            def ended(trial: FrozenTrial) -> bool:
                for callback in callbacks:
                    callback(self, trial)
                return self._stop_requested

            loop = Loop(self._engine, objective, chosen, budget, limits, retries, ended)
            try:
                self.stop_reason = loop.run()
            finally:
                self._stop_requested = outer  # of an optimize around this one

    def stop(self) -> None:
        """Start no more trials in the running `optimize`; for callbacks and objectives."""
        self._stop_requested = True


def _reload(
    storage: Storage,
    study: str,
    callables: Mapping[str, Callable[..., Any]] | None,
    sampler: Sampler,
    scheduler: Scheduler,
) -> Study:
    journal = Journal(storage, study, callables)
    journal.sync()
    return Study(journal, sampler, scheduler)


def _agrees(trial: FrozenTrial, params: Mapping[str, Any]) -> bool:
    return params.items() <= {**trial.params, **(trial.fixed or {})}.items()


def _check_distributions(
    space: Space, params: Mapping[str, Any], distributions: Mapping[str, Param] | None
) -> None:
    known = {**space.params, **(distributions or {})}
    for name, value in params.items():
        if name not in known:
            raise InvalidParams(f"parameter {name!r}", value, "a parameter given in distributions")
    Space({name: known[name] for name in params}).check(params)


def _number(trial: Trial | FrozenTrial | int) -> int:
    if isinstance(trial, Trial | FrozenTrial):
        return trial.number
    try:
        number = operator.index(trial)
    except TypeError:
        number = -1
    if number < 0 or isinstance(trial, bool):
        raise InvalidInput("trial", trial, "a trial, or its number")
    return number
