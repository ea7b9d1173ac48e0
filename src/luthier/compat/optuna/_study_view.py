"""A study to look at, with Optuna's words."""

from __future__ import annotations

import copy
from collections.abc import Container
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from luthier.compat.optuna._base_trial import TrialState
from luthier.compat.optuna._frozen_trial import FrozenTrial
from luthier.compat.optuna._live_trial import Trial
from luthier.compat.optuna._records import Forms, frozen, user_notes
from luthier.errors import NoResult, TrialNotFound
from luthier.formats.optuna.notes import METRIC_NAMES, VALUES
from luthier.model.trial import FrozenTrial as Record
from luthier.model.trial import TrialState as State
from luthier.study.study import Study as NativeStudy

if TYPE_CHECKING:
    import pandas


class StudyDirection(IntEnum):
    """Which way an objective is better, with Optuna's names and numbers."""

    NOT_SET = 0
    MINIMIZE = 1
    MAXIMIZE = 2


class StudyView:
    """What a study is, and what came of it.

    Parameters
    ----------
    native : luthier.Study
        What does the work.
    """

    def __init__(self, native: NativeStudy) -> None:
        self._native = native
        self._forms = Forms(native.storage, native.name)
        self._live: dict[int, Trial] = {}
        self._objects: dict[int | None, dict[str, Any]] = {}

    @property
    def study_name(self) -> str:
        """Its name in the storage."""
        return self._native.name

    @property
    def direction(self) -> StudyDirection:
        """Which way the single objective is better.

        Raises
        ------
        RuntimeError
            If there are several.
        """
        self._one_objective("direction", "directions")
        return self.directions[0]

    @property
    def directions(self) -> list[StudyDirection]:
        """Which way each objective is better."""
        return [StudyDirection[way.upper()] for way in self._native.directions]

    @property
    def user_attrs(self) -> dict[str, Any]:
        """Notes on the study."""
        return self._notes_on(None, self._native.user_attrs)

    @property
    def system_attrs(self) -> dict[str, Any]:
        """What the interface noted on the study."""
        names = self.metric_names
        return {} if names is None else {"study:metric_names": names}

    @property
    def metric_names(self) -> list[str] | None:
        """Names of the objectives, if they were given any."""
        names = self._native.user_attrs.get(METRIC_NAMES)
        return None if names is None else list(names)

    # ---------------------------------------------------------------- what came of it

    @property
    def trials(self) -> list[FrozenTrial]:
        """All trials by number."""
        return self.get_trials()

    def get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """Return the trials in some states, by number; all if None.

        Parameters
        ----------
        deepcopy : bool, default True
            Accepted without effect: records are made anew at each call.
        states : container of TrialState, optional
            Which.
        """
        history = self._native.history
        self._forms.catch_up()
        found = [self._frozen(record, history) for record in history.trials]
        return [trial for trial in found if states is None or trial.state in states]

    @property
    def best_trial(self) -> FrozenTrial:
        """The complete trial with the best value that is within all constraints.

        Raises
        ------
        ValueError
            If there is none yet.
        RuntimeError
            If there are several objectives.
        """
        self._one_objective("best_trial", "best_trials")
        history = self._native.history
        infinite = [t for t in history.of_state(State.INFEASIBLE) if VALUES in t.user_attrs]
        try:
            best = [self._native.best_trial]
        except NoResult:
            if not infinite:
                raise
            best = []
        sign = self._native.problem.signs[0]
        within = [t for t in infinite if history.problem.within_limits(t.metrics)]
        ranked = [(sign * (t.values or t.user_attrs[VALUES])[0], t.number) for t in best + within]
        if not ranked:
            raise NoResult("no complete trial is within all constraints")
        return self._record(min(ranked)[1])

    @property
    def best_params(self) -> dict[str, Any]:
        """The params of `best_trial`."""
        return self.best_trial.params

    @property
    def best_value(self) -> float:
        """The value of `best_trial`."""
        value = self.best_trial.value
        assert value is not None  # it is complete
        return value

    @property
    def best_trials(self) -> list[FrozenTrial]:
        """The Pareto front: complete trials within all constraints that no other one beats."""
        return [self._record(trial.number) for trial in self._native.best_trials]

    def trials_dataframe(
        self,
        attrs: tuple[str, ...] = (
            "number",
            "value",
            "datetime_start",
            "datetime_complete",
            "duration",
            "params",
            "user_attrs",
            "system_attrs",
            "state",
        ),
        multi_index: bool = False,
    ) -> pandas.DataFrame:
        """Return one row per trial (extra ``pandas``).

        Parameters
        ----------
        attrs : tuple of str
            Which attributes of the records become columns.
        multi_index : bool, default False
            Whether ``("params", "x")`` stays a pair; else it is ``params_x``.
        """
        from luthier.compat.optuna._dataframe import trials_dataframe

        return trials_dataframe(self, attrs, multi_index)

    def _frozen(self, record: Record, history: Any) -> FrozenTrial:
        made = frozen(record, self._forms, history, self._objects.get(record.number, {}))
        live = self._live.get(record.number)
        if live is not None and made.state is TrialState.RUNNING:
            # What a trial asked for is written when it reports or ends.
            made.params, made.distributions = live.params, live.distributions
            for key, value in live.constraints.items():
                made.set_constraint(key, value)
        return made

    def _record(self, number: int) -> FrozenTrial:
        history = self._native.history
        self._forms.catch_up()
        return self._frozen(history.trial(number), history)

    def _number_of(self, trial: Trial | int) -> int:
        if isinstance(trial, Trial):
            return trial.number
        if isinstance(trial, bool) or not isinstance(trial, int):
            raise TypeError(f"trial: got {trial!r}; allowed: a trial, or its number")
        try:
            return self._native.history.trial(trial).number
        except TrialNotFound as error:
            raise ValueError(str(error)) from error

    def _fixed(self, number: int) -> dict[str, Any]:
        """Return what a person queued."""
        return dict(self._native._journal.history.trial(number).fixed or {})

    def _notes_on(self, number: int | None, attrs: Any) -> dict[str, Any]:
        return {**copy.deepcopy(user_notes(attrs)), **self._objects.get(number, {})}

    def _one_objective(self, name: str, instead: str) -> None:
        if len(self._native.directions) > 1:
            raise RuntimeError(f"{name}: the study has several objectives; use {instead}")
