"""Stop what has not become better for some time."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from luthier.model.history import History
from luthier.model.problem import Problem
from luthier.model.trial import FrozenTrial
from luthier.schedulers.reading import Reading
from luthier.schedulers.rule import StoppingRule, check_int, check_number


@dataclass(frozen=True, slots=True)
class Patience(StoppingRule):
    """Stop a trial whose last reports did not improve on those before.

    Looks at no other trial. ``Patience(5) & Median()`` stops what has stalled and is no good.

    Parameters
    ----------
    patience : int
        So many reports in a row without improvement are too many.
    min_delta : float, default 0.0
        By more than this a report has to be better than the best one before, to count as an
        improvement.
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
    """

    patience: int
    min_delta: float = 0.0

    def __post_init__(self) -> None:
        StoppingRule.__post_init__(self)
        check_int("Patience: patience", self.patience, 1)
        check_number("Patience: min_delta", self.min_delta, 0.0, inf)

    def hopeless(
        self, problem: Problem, history: History, trial: FrozenTrial, reading: Reading
    ) -> bool:
        """Tell whether the trial has stalled."""
        best, stalled = inf, 0
        for report in trial.reports:
            loss = reading.loss(report.metrics)
            if loss is None:
                continue
            if loss < best - self.min_delta:
                best, stalled = loss, 0
            else:
                stalled += 1
        return stalled >= self.patience
