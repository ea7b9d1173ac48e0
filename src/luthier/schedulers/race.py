"""Race: measure a trial on further folds only as long as it may still be the best."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf, isfinite

from luthier.errors import InvalidInput
from luthier.model.events import Told
from luthier.model.folding import Happening
from luthier.model.history import History
from luthier.model.problem import Objective, Problem
from luthier.model.repeats import confirms, scores
from luthier.model.trial import FrozenTrial, TrialState
from luthier.numerics.paired import spread, worse
from luthier.schedulers.base import Decision, Start, Step
from luthier.schedulers.compose import Rule
from luthier.schedulers.rule import check_int, check_number

Losses = dict[int, float]
"""The score of each fold, turned so that less is better."""


@dataclass(frozen=True, slots=True)
class Race(Rule):
    """Stop a trial as soon as a paired test finds it worse than the best one on the same folds.

    For objectives that average over folds, data sets or seeds, the same for all trials:
    `Trial.folds`, or ``optimize(..., repeats=...)``. That a fold is hard counts for both of a
    pair, so that few folds are enough to tell a bad trial.

    The test is a t-test of the differences. How much differences scatter is estimated from the
    trial's own ones and from those of the trials before. It is made after each fold, and the
    level is divided by the number of times: where scores scatter alike, a trial that is as good
    as the best one is stopped with a probability of at most `p_threshold` in all. Where they have
    heavy tails and folds are many, `Wilcoxon` is the safer test.

    Parameters
    ----------
    p_threshold : float, default 0.05
        The probability of stopping a trial that is as good.
    min_folds : int, default 2
        So many folds have to be shared with the best trial, 2 at least.

    Raises
    ------
    InvalidInput
        If a setting is not allowed, or the study has several objectives.

    References
    ----------
    Maron and Moore (1994), Hoeffding races. Birattari et al. (2002), A racing algorithm for
    configuring metaheuristics. Lopez-Ibanez et al. (2016), The irace package, which races by
    paired t-tests, too.
    """

    p_threshold: float = 0.05
    min_folds: int = 2

    def __post_init__(self) -> None:
        check_number("Race: p_threshold", self.p_threshold, 0.0, 1.0)
        check_int("Race: min_folds", self.min_folds, 2)

    def next(self, problem: Problem, history: History) -> Step:
        """Begin a new trial."""
        _objective(problem)
        return Start()

    def decide(self, problem: Problem, history: History, trial: FrozenTrial) -> Decision:
        """Stop the trial if the test finds it worse than the best complete one."""
        objective = _objective(problem)
        if confirms(trial.user_attrs):
            return Decision.CONTINUE  # its seeds are others than those of the best trial
        own = _losses(trial, objective)

        def advance(standing: Standing, event: Happening) -> None:
            if type(event) is Told and event.state is TrialState.COMPLETE:
                ended = history.trial(event.number)
                if problem.within_limits(ended.metrics) and not confirms(ended.user_attrs):
                    standing.add(event, _losses(ended, objective), objective.sign)

        def read(standing: Standing) -> float:
            return standing.p_value(own, self.min_folds)

        key = ("race", objective, problem.limits)
        p_value = history.fold(key, Standing, advance, read)
        return Decision.STOP if p_value < self.p_threshold else Decision.CONTINUE


@dataclass(slots=True)
class Standing:
    """The best complete trial, and how much differences to the best one have scattered."""

    loss: float = inf
    best: Losses = field(default_factory=dict)
    squares: float = 0.0
    freedom: int = 0

    def add(self, told: Told, losses: Losses, sign: float) -> None:
        """Take into account a trial that is complete."""
        assert told.values is not None  # it is complete
        differences = _differences(losses, self.best)
        if len(differences) > 1:
            self.squares += spread(differences)
            self.freedom += len(differences) - 1
        loss = sign * told.values[0]
        if loss < self.loss:
            self.loss = loss
            self.best = losses

    def p_value(self, losses: Losses, least: int) -> float:
        """Return the p-value of "no worse than the best", times the number of tests to come."""
        shared = [step for step in losses if step in self.best]
        if len(shared) < least or any(not isfinite(self.best[step]) for step in shared):
            return 1.0
        differences = [losses[step] - self.best[step] for step in shared]
        tests = max(1, len(self.best) - least)  # after the last fold there is nothing to save
        return tests * worse(differences, self.squares, self.freedom)


def _objective(problem: Problem) -> Objective:
    if len(problem.objectives) > 1:
        names = [objective.name for objective in problem.objectives]
        raise InvalidInput("Race: objectives", names, "a single one")
    return problem.objectives[0]


def _losses(trial: FrozenTrial, objective: Objective) -> Losses:
    found = scores(trial, objective.name)
    return {
        step: objective.sign * score if score == score else inf  # NaN is worse than all others
        for step, score in found.items()
    }


def _differences(one: Losses, other: Losses) -> list[float]:
    """Return the finite differences at the steps that two trials share."""
    differences = [one[step] - other[step] for step in one if step in other]
    return [difference for difference in differences if isfinite(difference)]
