"""Stop what is worse than most complete trials were at the same step."""

from __future__ import annotations

from bisect import insort
from dataclasses import KW_ONLY, dataclass, field
from math import floor

from luthier.errors import InvalidInput
from luthier.model.events import Told
from luthier.model.folding import Happening
from luthier.model.history import History
from luthier.model.problem import Problem
from luthier.model.trial import FrozenTrial, TrialState
from luthier.schedulers.reading import Reading
from luthier.schedulers.rule import StoppingRule, best_so_far, check_int, check_number


@dataclass(frozen=True, slots=True)
class Percentile(StoppingRule):
    """Keep a trial while its best report is within the best percents of complete trials.

    Parameters
    ----------
    percentile : float
        The share that is kept, in percent: 25 keeps the best quarter.
    metric : str, optional
        What is looked at. None is the first objective.
    direction : {"minimize", "maximize"}, optional
        Which way the metric is better, if it is no objective.
    warmup_steps : int, default 0
        Nothing is stopped before this step.
    interval : int, default 1
        From there on a trial is looked at once in so many steps.
    n_startup_trials : int, default 5
        Nothing is stopped before so many trials are complete.
    n_min_trials : int, default 1
        Nor where fewer complete trials reported at this very step.
    averages : bool, default False
        Compare with the averages of the complete trials up to this step instead of their reports
        at it, as Google Vizier's median rule does.

    Raises
    ------
    InvalidInput
        If a setting is not allowed.

    References
    ----------
    Golovin et al. (2017), Google Vizier: A Service for Black-Box Optimization, section 3.2.2.
    Akiba et al. (2019), Optuna: A Next-generation Hyperparameter Optimization Framework.
    """

    percentile: float
    _: KW_ONLY
    n_startup_trials: int = 5
    n_min_trials: int = 1
    averages: bool = False

    def __post_init__(self) -> None:
        StoppingRule.__post_init__(self)
        name = type(self).__name__
        check_number(f"{name}: percentile", self.percentile, 0.0, 100.0)
        check_int(f"{name}: n_min_trials", self.n_min_trials, 1)
        if not isinstance(self.averages, bool):
            raise InvalidInput(f"{name}: averages", self.averages, "True or False")

    def hopeless(
        self, problem: Problem, history: History, trial: FrozenTrial, reading: Reading
    ) -> bool:
        """Tell whether the trial's best report is beyond the percentile."""
        step = trial.reports[-1].step

        def advance(steps: dict[int, Losses], event: Happening) -> None:
            if type(event) is not Told or event.state is not TrialState.COMPLETE:
                return
            total = count = 0.0
            for report in history.trial(event.number).reports:
                loss = reading.loss(report.metrics)
                if loss is not None:
                    total, count = total + loss, count + 1
                    losses = steps.setdefault(report.step, Losses())
                    losses.add(total / count if self.averages else loss)

        def read(steps: dict[int, Losses]) -> float | None:
            losses = steps.get(step)
            if losses is None or len(losses) < self.n_min_trials:
                return None
            return losses.percentile(self.percentile)

        bound = history.fold(("percentile", self.averages, reading), dict, advance, read)
        return bound is not None and best_so_far(trial, reading) > bound


@dataclass(frozen=True, slots=True)
class Median(Percentile):
    """Stop a trial whose best report is worse than the median of complete trials at that step.

    Parameters
    ----------
    metric : str, optional
        What is looked at. None is the first objective.
    direction : {"minimize", "maximize"}, optional
        Which way the metric is better, if it is no objective.
    warmup_steps : int, default 0
        Nothing is stopped before this step.
    interval : int, default 1
        From there on a trial is looked at once in so many steps.
    n_startup_trials : int, default 5
        Nothing is stopped before so many trials are complete.
    n_min_trials : int, default 1
        Nor where fewer complete trials reported at this very step.
    averages : bool, default False
        Compare with the averages of the complete trials up to this step instead of their reports
        at it, as Google Vizier's median rule does.

    Raises
    ------
    InvalidInput
        If a setting is not allowed.

    References
    ----------
    Golovin et al. (2017), Google Vizier: A Service for Black-Box Optimization, section 3.2.2.
    """

    percentile: float = field(default=50.0, init=False)


class Losses:
    """Losses at one step. Many may be added between two questions."""

    __slots__ = ("_new", "_sorted")

    def __init__(self) -> None:
        self._sorted: list[float] = []
        self._new: list[float] = []

    def __len__(self) -> int:
        return len(self._sorted) + len(self._new)

    def add(self, loss: float) -> None:
        """Add one."""
        self._new.append(loss)

    def percentile(self, percent: float) -> float:
        """Return a percentile, interpolated linearly; infinite next to an infinite one."""
        if len(self._new) < 16:
            for loss in self._new:
                insort(self._sorted, loss)
        else:
            self._sorted += self._new
            self._sorted.sort()
        self._new = []
        place = percent / 100 * (len(self._sorted) - 1)
        below = floor(place)
        low = self._sorted[below]
        if place == below:
            return low
        high = self._sorted[below + 1]
        return low if low == high else low + (place - below) * (high - low)
