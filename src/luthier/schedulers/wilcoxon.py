"""Stop what is worse than the best trial on the same folds or instances."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from luthier.model.events import Told
from luthier.model.folding import Happening
from luthier.model.history import History
from luthier.model.problem import Problem
from luthier.model.repeats import confirms, scores
from luthier.model.trial import FrozenTrial, TrialState
from luthier.schedulers.reading import Reading
from luthier.schedulers.rule import StoppingRule, check_int, check_number


@dataclass(frozen=True, slots=True)
class Wilcoxon(StoppingRule):
    """Stop a trial that a signed-rank test finds worse than the best complete one.

    For objectives that average over folds, data sets or seeds: each step is one of them, the same
    for all trials. The reports of the two trials at the same steps are compared in pairs, so that
    what makes a fold hard does not hide which trial is better. A trial whose average so far is no
    worse than that of the best trial goes on whatever the test says.

    Parameters
    ----------
    p_threshold : float, default 0.1
        The trial stops if the test's p-value is smaller. The test is repeated at each step, so
        that more trials than this share stop by mistake.
    n_startup_steps : int, default 2
        So many steps have to be shared with the best trial.
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
    Akiba et al. (2019), Optuna, whose WilcoxonPruner decides in the same way.
    """

    p_threshold: float = 0.1
    n_startup_steps: int = 2

    def __post_init__(self) -> None:
        StoppingRule.__post_init__(self)
        check_number("Wilcoxon: p_threshold", self.p_threshold, 0.0, 1.0)
        check_int("Wilcoxon: n_startup_steps", self.n_startup_steps, 2)

    def hopeless(
        self, problem: Problem, history: History, trial: FrozenTrial, reading: Reading
    ) -> bool:
        """Tell whether the test finds the trial worse."""
        best = best_complete(problem, history)
        if best is None:
            return False
        own, other = _losses(trial, reading), _losses(history.trial(best), reading)
        shared = [step for step in own if step in other]
        if len(shared) < self.n_startup_steps:
            return False
        if not all(isfinite(loss) for loss in (*own.values(), *other.values())):
            return False
        if sum(own.values()) / len(own) <= sum(other.values()) / len(other):
            return False
        from scipy.stats import wilcoxon

        differences = [own[step] - other[step] for step in shared]
        # Zeros are split between the signs: dropped, they would leave nothing to test where
        # two trials agree.
        test = wilcoxon(differences, alternative="greater", zero_method="zsplit")
        return bool(test.pvalue < self.p_threshold)


def best_complete(problem: Problem, history: History) -> int | None:
    """Return the complete trial within the limits that is best by the first objective."""
    sign = problem.signs[0]

    def advance(best: list[tuple[float, int]], event: Happening) -> None:
        if type(event) is not Told or event.state is not TrialState.COMPLETE:
            return
        values = event.values
        if values is None or not problem.within_limits(event.metrics):
            return
        if confirms(history.trial(event.number).user_attrs):
            return  # its seeds are others than those of the trials to come
        best[:] = [min([*best, (sign * values[0], event.number)])]

    def read(best: list[tuple[float, int]]) -> int | None:
        return best[0][1] if best else None

    key = ("best", problem.objectives, problem.limits)
    return history.fold(key, list, advance, read)


def _losses(trial: FrozenTrial, reading: Reading) -> dict[int, float]:
    name, sign = reading.terms[0]
    return {step: sign * score for step, score in scores(trial, name).items()}
