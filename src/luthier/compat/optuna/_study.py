"""The study: Optuna's methods, each a few words to ours."""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from luthier.compat.optuna import pruners, samplers
from luthier.compat.optuna._base_trial import TrialState
from luthier.compat.optuna._frozen_trial import FrozenTrial
from luthier.compat.optuna._live_trial import Trial
from luthier.compat.optuna._records import to_add
from luthier.compat.optuna._study_view import StudyView
from luthier.compat.optuna._tell import Verdict, judged
from luthier.compat.optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    current,
)
from luthier.compat.optuna.logging import get_logger
from luthier.errors import InvalidInput
from luthier.formats.optuna.notes import CONSTRAINT, METRIC_NAMES, VALUES
from luthier.model.trial import TrialState as State
from luthier.storage.memory import Memory
from luthier.study.study import Study as NativeStudy
from luthier.study.trial import Trial as Native

if TYPE_CHECKING:
    pass

_log = get_logger("optuna")


class _Loop(threading.local):
    running = False


class Study(StudyView):
    """A study of Luthier's with Optuna's methods. Made by `create_study` and `load_study`.

    Parameters
    ----------
    native : luthier.Study
        What does the work.
    sampler : BaseSampler
        Proposes params.
    pruner : pruner or Scheduler, optional
        Says which trials stop.
    """

    def __init__(
        self, native: NativeStudy, sampler: samplers.BaseSampler, pruner: Any = None
    ) -> None:
        super().__init__(native)
        self._sampler = sampler
        self.pruner = pruner
        self._asking = threading.RLock()
        self._loop = _Loop()
        self._stop_requested = False

    def __getstate__(self) -> dict[str, Any]:
        from luthier.compat.optuna.study import copy_log

        storage = self._native.storage
        if isinstance(storage, Memory):
            kept = type(storage)()
            copy_log(storage, self.study_name, kept, self.study_name)
            log = kept.read(self.study_name)
        else:
            log = None
        where = storage.url if log is None else None
        names = self.study_name, self._sampler, self._pruner
        return {"log": log, "url": where, "names": names, "objects": self._objects}

    def __setstate__(self, state: dict[str, Any]) -> None:
        from luthier.compat.optuna.storages import InMemoryStorage, get_storage
        from luthier.storage.base import Record as Line
        from luthier.study.create import load_study

        name, sampler, pruner = state["names"]
        storage = get_storage(state["url"])
        if state["log"] is not None:
            storage = InMemoryStorage()
            storage.append(name, [Line(text) for text in state["log"]], create=True)
        native = load_study(name, storage=storage, sampler=sampler.native, scheduler="full")
        self.__init__(native, sampler, pruner)  # type: ignore[misc]
        self._objects = state["objects"]

    def __repr__(self) -> str:
        return f"Study({self.study_name!r}, {self._native.history.count} trials)"

    # ---------------------------------------------------------------- what it is

    @property
    def sampler(self) -> samplers.BaseSampler:
        """What proposes params; may be changed at any time."""
        return self._sampler

    @sampler.setter
    def sampler(self, sampler: Any) -> None:
        self._sampler = samplers.made(sampler)
        self._native.sampler = self._sampler.native

    @property
    def pruner(self) -> Any:
        """What says which trials stop; may be changed at any time."""
        return self._pruner

    @pruner.setter
    def pruner(self, pruner: Any) -> None:
        self._pruner = pruners.MedianPruner() if pruner is None else pruner
        self._custom_pruner, self._native.scheduler = pruners.split(self._pruner)

    def set_metric_names(self, metric_names: list[str]) -> None:
        """Name the objectives, for tables and plots.

        Raises
        ------
        ValueError
            If there are not as many names as objectives.
        """
        if len(metric_names) != len(self.directions):
            raise ValueError(
                f"metric_names: got {metric_names!r}; allowed: {len(self.directions)} names"
            )
        self._native.set_user_attr(METRIC_NAMES, list(metric_names))

    def set_user_attr(self, key: str, value: Any) -> None:
        """Note something on the study: what JSON can say, or in a study in memory anything."""
        self._note(key, value, self._native)

    # ---------------------------------------------------------------- ask and tell

    def ask(self, fixed_distributions: dict[str, BaseDistribution] | None = None) -> Trial:
        """Return a trial to run; it belongs to this process until it is told.

        Parameters
        ----------
        fixed_distributions : dict, optional
            Parameters that are asked for at once.
        """
        wanted = {name: current(dist) for name, dist in (fixed_distributions or {}).items()}
        with self._asking:  # two threads would compute the same suggestion
            native = self._native.ask()
            trial = self._live[native.number] = Trial(self, native)
            trial._ask_for(wanted)
        return trial

    def tell(
        self,
        trial: Trial | int,
        values: float | Sequence[float] | None = None,
        state: TrialState | None = None,
        skip_if_finished: bool = False,
    ) -> FrozenTrial:
        """Say how a trial ended, and return its record.

        Parameters
        ----------
        trial : Trial or int
            The trial, or its number.
        values : float or sequence of float, optional
            The result. What is no number, or not one per objective, fails the trial.
        state : TrialState, optional
            COMPLETE, PRUNED or FAIL. Default: by the values.
        skip_if_finished : bool, default False
            Whether it is no error that the trial has ended already.

        Raises
        ------
        ValueError
            If there is no such trial, it does not run, or state and values contradict each other.
        TypeError
            If the trial is neither a trial nor a number.
        """
        number = self._number_of(trial)
        record = self._record(number)
        if skip_if_finished and record.state.is_finished():
            _log.info("trial %d has ended already, and stays %s", number, record.state)
            return record
        if record.state is not TrialState.RUNNING:
            raise ValueError(f"trial {number} is {record.state.name}: only a running one is told")
        verdict = judged(record.intermediate_values, values, state, len(self.directions))
        if verdict.reason and state is TrialState.COMPLETE:
            raise ValueError(verdict.reason)
        if verdict.reason:
            warnings.warn(verdict.reason, stacklevel=2)
        self._end(number, verdict)
        return self._record(number)

    def _end(self, number: int, verdict: Verdict, error: str = "") -> None:
        """Write down how a trial ended."""
        live = self._live.get(number)
        constraints = {} if live is None else live.constraints
        try:
            constraints |= self._constraints(number, verdict)
        finally:
            self._write(number, live, constraints, verdict, error)

    def _write(
        self,
        number: int,
        live: Trial | None,
        constraints: dict[str, float],
        verdict: Verdict,
        error: str,
    ) -> None:
        study = self._native
        if constraints:
            from luthier.formats.optuna.bringing import limit

            limit(study._journal, list(constraints))
        metrics = {f"{CONSTRAINT}{key}": value for key, value in constraints.items()}
        told = number if live is None else live._native
        values = verdict.values
        if verdict.state is not TrialState.COMPLETE or values is None:
            state = State.PRUNED if verdict.state is TrialState.PRUNED else State.FAILED
            study.tell(told, state=state, metrics=metrics, error=error or verdict.reason)
        elif not all(map(math.isfinite, values)):
            # No model can learn from infinity: the trial is infeasible there, and complete here.
            study.set_user_attr(VALUES, values, trial=number)
            study.tell(told, state=State.INFEASIBLE, metrics=metrics)
        else:
            # A constraint that this trial says nothing of is not exceeded by it.
            silent = {bound.metric: 0.0 for bound in study.problem.limits}
            study.tell(told, values, metrics={**silent, **metrics})
        self._live.pop(number, None)

    def _constraints(self, number: int, verdict: Verdict) -> dict[str, float]:
        """Return what the sampler's function says of the constraints."""
        function = self._sampler.constraints_func
        if function is None or verdict.state is TrialState.FAIL:
            return {}
        record = self._record(number)
        record.state, record.values = verdict.state, verdict.values
        found = {str(place): float(value) for place, value in enumerate(function(record))}
        for value in found.values():
            if not math.isfinite(value):
                raise ValueError(f"constraints_func: got {value!r}; allowed: finite numbers")
        return found

    def enqueue_trial(
        self,
        params: dict[str, Any],
        user_attrs: dict[str, Any] | None = None,
        skip_if_exists: bool = False,
    ) -> None:
        """Queue a point to be tried next.

        Parameters
        ----------
        params : dict
            All params or some; the sampler chooses the others.
        user_attrs : dict, optional
            Notes on the trial.
        skip_if_exists : bool, default False
            Queue nothing if a trial with just these params is there already.

        Raises
        ------
        TypeError
            If the params are no dict.
        """
        if not isinstance(params, dict):
            raise TypeError(f"params: got {params!r}; allowed: a dict")
        if skip_if_exists and self._is_there(params):
            _log.info("a trial with params %s is there already: none is queued", params)
            return
        self._native.enqueue_trial(params, user_attrs=user_attrs)

    def add_trial(self, trial: FrozenTrial) -> None:
        """Add a trial that was run elsewhere; samplers learn from it.

        Raises
        ------
        ValueError
            If the record makes no sense, or has another number of values.
        """
        self.add_trials([trial])

    def add_trials(self, trials: Iterable[FrozenTrial]) -> None:
        """Add trials that were run elsewhere; see `add_trial`."""
        given = list(trials)
        for trial in given:
            trial._validate()
            if trial.state is TrialState.RUNNING:
                raise ValueError(f"trial {trial.number} is running: add it when it has ended")
            complete = trial.state is TrialState.COMPLETE
            if complete and len(trial.values or ()) != len(self.directions):
                raise ValueError(
                    f"the trial has values {trial.values!r}; allowed: {len(self.directions)}"
                )
            self._remember(trial.distributions)
        if given:
            from luthier.formats.optuna.bringing import add_trials, limit

            added = [to_add(trial) for trial in given]
            limit(self._native._journal, [key for trial in added for key in trial.constraints])
            add_trials(self._native._journal, added)

    # ---------------------------------------------------------------- the loop

    def optimize(
        self,
        func: Callable[[Trial], Any],
        n_trials: int | None = None,
        timeout: float | None = None,
        n_jobs: int = 1,
        catch: Iterable[type[Exception]] | type[Exception] = (),
        callbacks: Iterable[Callable[[Study, FrozenTrial], None]] | None = None,
        gc_after_trial: bool = False,
        show_progress_bar: bool = False,
    ) -> None:
        """Run trials of an objective.

        Parameters
        ----------
        func : callable
            Gets a `Trial`; returns a number, or one number per objective.
        n_trials : int, optional
            How many. None goes on until something else says stop.
        timeout : float, optional
            Seconds after which no trial is started.
        n_jobs : int, default 1
            Threads; -1 for one per core. For processes see `luthier.Study.optimize`.
        catch : exception types, optional
            With these a trial fails and the study goes on; with others `optimize` ends.
        callbacks : iterable of callable, optional
            Called with the study and each ended trial; may call `stop`.
        gc_after_trial : bool, default False
            Whether to collect garbage after each trial.
        show_progress_bar : bool, default False
            Whether to show how far it is.

        Raises
        ------
        RuntimeError
            If it is called from an objective or callback of this study.
        """
        from luthier.compat.optuna._optimize import Optimization

        if self._loop.running:
            raise RuntimeError("optimize: not from an objective or callback of the same study")
        caught = tuple(catch) if isinstance(catch, Iterable) else (catch,)
        Optimization(
            self, func, n_trials, timeout, caught, tuple(callbacks or ()), gc_after_trial
        ).run(n_jobs, show_progress_bar)

    def stop(self) -> None:
        """Start no more trials in the running `optimize`.

        Raises
        ------
        RuntimeError
            If it is not called from an objective or callback.
        """
        if not self._loop.running:
            raise RuntimeError("stop: in an objective or callback only")
        self._stop_requested = True

    # ---------------------------------------------------------------- helpers

    def _remember(self, distributions: dict[str, BaseDistribution]) -> None:
        """Keep choices that the log holds as texts only."""
        for distribution in distributions.values():
            if isinstance(distribution, CategoricalDistribution):
                labels = distribution._labels
                if labels != distribution.choices:
                    self._forms.choices[labels] = distribution

    def _note(self, key: str, value: Any, on: NativeStudy | Native) -> None:
        number = on.number if isinstance(on, Native) else None
        try:
            on.set_user_attr(key, value)
        except InvalidInput as error:
            if not isinstance(self._native.storage, Memory):
                raise TypeError(str(error)) from error
            self._objects.setdefault(number, {})[key] = value
        else:
            self._objects.get(number, {}).pop(key, None)

    def _is_there(self, params: dict[str, Any]) -> bool:
        return any(
            _same_point(trial.system_attrs.get("fixed_params", trial.params), params)
            for trial in self.get_trials(deepcopy=False)
        )


def _same_point(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(
        _same_value(one[name], value) for name, value in other.items()
    )


def _same_value(there: Any, new: Any) -> bool:
    if not isinstance(new, type(there)):
        return False
    if isinstance(new, int | float):
        both_nan = there != there and new != new
        return both_nan or math.isclose(there, new, rel_tol=1e-5)
    return bool(there == new)
