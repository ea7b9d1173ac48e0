"""Stop the worst few of those that came as far."""

from __future__ import annotations

from dataclasses import dataclass

from luthier.model.history import History
from luthier.model.problem import Problem
from luthier.model.trial import FrozenTrial
from luthier.schedulers.reading import Reading
from luthier.schedulers.rule import StoppingRule, check_number
from luthier.schedulers.rungs import Every, Rungs, fold_rungs


@dataclass(frozen=True, slots=True)
class Truncation(StoppingRule):
    """Stop a trial that is among the worst percents of all that came to the same interval.

    Parameters
    ----------
    percentage : float
        The share that stops, in percent. Trials that have ended are compared as well.
    metric : str, optional
        What is looked at. None is the first objective.
    direction : {"minimize", "maximize"}, optional
        Which way the metric is better, if it is no objective.
    warmup_steps : int, default 0
        Nothing is stopped before this step.
    interval : int, default 1
        From there on a trial is looked at once in so many steps.
    n_startup_trials : int, default 0
        Nothing is stopped before so many trials are complete.

    Raises
    ------
    InvalidInput
        If a setting is not allowed.

    References
    ----------
    Azure Machine Learning, TruncationSelectionPolicy.
    """

    percentage: float

    def __post_init__(self) -> None:
        StoppingRule.__post_init__(self)
        check_number("Truncation: percentage", self.percentage, 0.0, 100.0)

    def hopeless(
        self, problem: Problem, history: History, trial: FrozenTrial, reading: Reading
    ) -> bool:
        """Tell whether the trial is among the worst."""

        def read(rungs: Rungs) -> bool:
            found = rungs.of(trial.number)
            if found is None:
                return False
            n = len(found[1])
            return found[1].better(trial.number) >= n - int(n * self.percentage / 100)

        ladder = Every(self.warmup_steps, self.interval)
        return fold_rungs(history, "truncation", ladder, reading, read)
