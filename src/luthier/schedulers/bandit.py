"""Stop what is farther behind the best than some slack."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from luthier.errors import InvalidInput
from luthier.model.events import Reported
from luthier.model.folding import Happening
from luthier.model.history import History
from luthier.model.problem import Problem
from luthier.model.trial import FrozenTrial
from luthier.schedulers.reading import Reading
from luthier.schedulers.rule import StoppingRule, best_so_far, check_number


@dataclass(frozen=True, slots=True)
class Bandit(StoppingRule):
    """Stop a trial whose best report is worse than the best of all trials by more than a slack.

    All trials count up to the step at hand, running ones too.

    Parameters
    ----------
    slack_factor : float, optional
        The slack as a ratio: with 0.2 and a best accuracy of 0.8, trials under 0.8 / 1.2 = 0.67
        stop; with a best loss of 0.5, trials over 0.5 * 1.2 = 0.6.
    slack_amount : float, optional
        The slack as an amount: with 0.2 and a best accuracy of 0.8, trials under 0.6 stop.
        Just one of the two is given.
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
    Azure Machine Learning, BanditPolicy.
    """

    slack_factor: float | None = None
    slack_amount: float | None = None

    def __post_init__(self) -> None:
        StoppingRule.__post_init__(self)
        if (self.slack_factor is None) == (self.slack_amount is None):
            given = (self.slack_factor, self.slack_amount)
            raise InvalidInput("Bandit: slack_factor, slack_amount", given, "just one of them")
        for name in ("slack_factor", "slack_amount"):
            if getattr(self, name) is not None:
                check_number(f"Bandit: {name}", getattr(self, name), 0.0, inf)

    def hopeless(
        self, problem: Problem, history: History, trial: FrozenTrial, reading: Reading
    ) -> bool:
        """Tell whether the trial is too far behind the best."""
        step = trial.reports[-1].step

        def advance(lowest: dict[int, float], event: Happening) -> None:
            if type(event) is Reported:
                loss = reading.loss(event.metrics)
                if loss is not None:
                    lowest[event.step] = min(lowest.get(event.step, inf), loss)

        def read(lowest: dict[int, float]) -> float:
            return min((loss for at, loss in lowest.items() if at <= step), default=inf)

        best = history.fold(("bandit", reading), dict, advance, read)
        return best_so_far(trial, reading) > best + self._slack(best, reading.terms[0][1])

    def _slack(self, best: float, sign: float) -> float:
        if self.slack_amount is not None:
            return self.slack_amount
        assert self.slack_factor is not None
        # best / (1 + slack) of what is made large, best * (1 + slack) of what is made small; the
        # size of the best, so that a negative one leaves room as well.
        factor = self.slack_factor / (1 + self.slack_factor) if sign < 0 else self.slack_factor
        return abs(best) * factor
