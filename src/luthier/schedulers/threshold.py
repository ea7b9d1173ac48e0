"""Stop what leaves the range that makes sense."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isnan

from luthier.errors import InvalidInput
from luthier.model.history import History
from luthier.model.problem import Problem
from luthier.model.trial import FrozenTrial
from luthier.schedulers.reading import Reading
from luthier.schedulers.rule import StoppingRule, check_number


@dataclass(frozen=True, slots=True)
class Threshold(StoppingRule):
    """Stop a trial whose report lies outside of a range, or is NaN.

    Parameters
    ----------
    lower, upper : float, optional
        The range, both ends allowed; at least one of them.
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

    lower: float | None = None
    upper: float | None = None

    def __post_init__(self) -> None:
        StoppingRule.__post_init__(self)
        if self.lower is None and self.upper is None:
            raise InvalidInput("Threshold: lower, upper", (None, None), "at least one of them")
        for name in ("lower", "upper"):
            if getattr(self, name) is not None:
                check_number(f"Threshold: {name}", getattr(self, name), -inf, inf)
        if self.lower is not None and self.upper is not None and self.lower > self.upper:
            raise InvalidInput("Threshold: lower", self.lower, f"at most upper, {self.upper:g}")

    def hopeless(
        self, problem: Problem, history: History, trial: FrozenTrial, reading: Reading
    ) -> bool:
        """Tell whether the newest report lies outside."""
        value = trial.reports[-1].metrics[reading.terms[0][0]]
        too_low = self.lower is not None and value < self.lower
        too_high = self.upper is not None and value > self.upper
        return isnan(value) or too_low or too_high
