"""A study to look at: what it is, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from luthier.analysis import best
from luthier.analysis.lineage import schedule_of
from luthier.errors import InvalidInput
from luthier.model.history import History
from luthier.model.problem import Direction, Problem
from luthier.model.trial import FrozenTrial, TrialState
from luthier.samplers.base import Recommendation, Recommender
from luthier.space.space import Space
from luthier.storage.base import Storage
from luthier.study.journal import Journal
from luthier.study.telling import state_of

if TYPE_CHECKING:
    import pandas
    import polars


class StudyView:
    """Everything a person wants to know of a study; nothing here writes to it.

    Each answer is read from the storage just then.

    Parameters
    ----------
    journal : Journal
        The study's log.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def __repr__(self) -> str:
        trials = self._journal.history.count
        return f"{type(self).__name__}({self.name!r}, {trials} trials, {self._journal.storage!r})"

    @property
    def name(self) -> str:
        """The study's name in its storage."""
        return self._journal.study

    @property
    def storage(self) -> Storage:
        """Where the log is."""
        return self._journal.storage

    @property
    def history(self) -> History:
        """Everything that happened, read from the storage just now."""
        return self._journal.sync()

    @property
    def problem(self) -> Problem:
        """The problem as it stands: space, objectives, limits, seed."""
        return self.history.problem

    @property
    def space(self) -> Space:
        """What can vary; in a define-by-run study what the trials asked for so far."""
        return self.problem.space

    @property
    def direction(self) -> Direction:
        """Which way the single objective is better."""
        directions = self.directions
        if len(directions) > 1:
            raise InvalidInput("direction", directions, "directions, for several objectives")
        return directions[0]

    @property
    def directions(self) -> list[Direction]:
        """Which way each objective is better."""
        return [objective.direction for objective in self.problem.objectives]

    @property
    def user_attrs(self) -> Mapping[str, Any]:
        """What users noted on the study."""
        return self.history.user_attrs

    @property
    def trials(self) -> list[FrozenTrial]:
        """All trials by number."""
        return self.history.trials

    def get_trials(self, states: Iterable[TrialState | str] | None = None) -> list[FrozenTrial]:
        """Return the trials in some states, by number; all if None."""
        if states is None:
            return self.trials
        wanted = {state_of(state) for state in states}
        return [trial for trial in self.trials if trial.state in wanted]

    @property
    def best_trial(self) -> FrozenTrial:
        """The complete trial with the best value that keeps all limits.

        Raises
        ------
        NoResult
            If there is none yet.
        """
        return best.best_trial(self.history)

    @property
    def best_params(self) -> dict[str, Any]:
        """The params of `best_trial`, as a copy of your own."""
        return dict(self.best_trial.params)

    @property
    def best_value(self) -> float:
        """The value of `best_trial`."""
        value = self.best_trial.value
        assert value is not None  # a trial without a value is not eligible
        return value

    def recommend(self) -> Recommendation | None:
        """Return the trial to use, and what it is expected to reach.

        Where results are noisy, the trial that measured best was lucky, too. This is the
        trial with the best expected value by the sampler's model, or by a Gaussian process
        if the sampler has none, with the interval that holds its true value in nine cases
        of ten.

        Returns
        -------
        Recommendation, optional
            None as long as no trial has a result within the limits.

        Raises
        ------
        InvalidInput
            If the study has several objectives; see `best_trials`.
        """
        history = self.history
        sampler = self._recommender()
        return sampler.recommend(history.problem, history)

    def _recommender(self) -> Recommender:
        from luthier.samplers.gp import GP

        return GP()

    @property
    def best_trials(self) -> list[FrozenTrial]:
        """The Pareto front: complete trials within all limits that no other one beats."""
        return best.best_trials(self.history)

    def export_schedule(self, trial: int | None = None) -> dict[str, list[tuple[int, Any]]]:
        """Return how each param changed in the course of a training, to be followed again.

        Where trials were forked from others, as population-based training does, params change on
        the way. `luthier.analysis.Replay` follows the schedule; it may be written as JSON.

        Parameters
        ----------
        trial : int, optional
            The trial at the training's end. None is `best_trial`.

        Returns
        -------
        dict of str to list of (int, object)
            From which step on a param had which value.

        Raises
        ------
        NoResult
            If there is no best trial yet.
        TrialNotFound
            If there is no such trial.
        """
        history = self.history
        number = best.best_trial(history).number if trial is None else trial
        return schedule_of(history, number)

    def trials_dataframe(self, *, backend: str = "auto") -> pandas.DataFrame | polars.DataFrame:
        """Return one row per trial; see `luthier.study.frames.trials_dataframe`."""
        from luthier.study.frames import trials_dataframe

        return trials_dataframe(self.history, backend=backend)
