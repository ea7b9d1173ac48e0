"""Progressive successive halving (PASHA)."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

import numpy as np
from numpy.typing import NDArray

from luthier.model.events import Reported, Resumed, Told
from luthier.model.folding import Happening
from luthier.model.history import History
from luthier.model.problem import Direction, Problem
from luthier.model.trial import FrozenTrial
from luthier.schedulers.base import Decision, Resume, Start, Step
from luthier.schedulers.compose import Rule
from luthier.schedulers.halving import check_steps
from luthier.schedulers.reading import Reading, check_metric, reading_of
from luthier.schedulers.rule import check_int
from luthier.schedulers.rungs import Brackets, Rungs, geometric

COMPARED = 32
"""So many of the newest trials at the top rung are compared: all pairs of them are."""

STEPS = 64
"""So many of their common steps, spread evenly."""

NOISE = 90.0
"""The percentile of the differences between crossing curves that counts as noise."""


@dataclass(frozen=True, slots=True)
class Pasha(Rule):
    """Successive halving by promotion that runs longer only where longer runs change the ranking.

    At first there are two rungs. Whenever the ranking of the trials at the top rung is another
    than they had at the one below, a rung is added. So trials run as long as it takes to tell
    them apart. What is at the top waits, paused: when the budget of trials is used up, the best
    of them is trained to its end.

    Two trials count as equal if they differ by no more than the noise: that of trials whose
    curves cross more than once.

    Parameters
    ----------
    min_step : int, default 1
        The first rung.
    max_step : int, optional
        Where trials end by themselves. None: wherever they end.
    eta : int, default 3
        One of so many goes on from each rung.
    metric : str, optional
        What trials are compared by. None is the first objective.
    direction : {"minimize", "maximize"}, optional
        Which way the metric is better, if it is no objective.

    Raises
    ------
    InvalidInput
        If a setting is not allowed.

    References
    ----------
    Bohdal, Balles, Wistuba, Ermis, Archambeau and Zappella (2022), PASHA: Efficient HPO and NAS
    with Progressive Resource Allocation, https://arxiv.org/abs/2207.06940.
    """

    min_step: int = 1
    max_step: int | None = None
    eta: int = 3
    _: KW_ONLY
    metric: str | None = None
    direction: Direction | None = None

    def __post_init__(self) -> None:
        check_steps("Pasha", self.min_step, self.max_step)
        check_int("Pasha: eta", self.eta, 2)
        check_metric("Pasha", self.metric, self.direction)

    def next(self, problem: Problem, history: History) -> Step:
        """Resume the best paused trial that may go on, or begin a new one."""
        number = history.fold(
            (self, problem.objectives),
            lambda: self._start(problem),
            Progress.advance,
            lambda progress: progress.rungs.promotable(self.eta, progress.top),
        )
        return Start() if number is None else Resume(number)

    def decide(self, problem: Problem, history: History, trial: FrozenTrial) -> Decision:
        """Let a trial go on that is among the best at its rung, unless that is the top one."""

        def read(progress: Progress) -> Decision:
            found = progress.rungs.of(trial.number)
            if found is None:
                return Decision.CONTINUE
            rung, standings = found
            best = standings.place(trial.number) < len(standings) // self.eta
            goes_on = (best and rung < progress.top) or progress.rungs.passed(trial.number, rung)
            return Decision.CONTINUE if goes_on else Decision.PAUSE

        key = (self, problem.objectives)
        return history.fold(key, lambda: self._start(problem), Progress.advance, read)

    def reading(self, problem: Problem) -> Reading:
        """Return what counts of a report."""
        return Reading(reading_of(problem, self.metric, self.direction).terms[:1])

    def _start(self, problem: Problem) -> Progress:
        levels = geometric(self.min_step, self.max_step, self.eta)
        return Progress(levels, self.reading(problem))


class Progress:
    """How far trials may run by now, and what that follows from."""

    def __init__(self, levels: tuple[int, ...], reading: Reading) -> None:
        self.rungs = Rungs(Brackets((levels,)), reading)
        self.top = 1
        """The highest rung that trials may come to; beyond the last one they run to their end."""
        self._rungs_in_all = len(levels)
        self._reading = reading
        self._curves: dict[int, dict[int, float]] = {}  # of trials that have not ended
        self._entered: dict[int, dict[int, float]] = {}  # by rung the losses of trials

    def advance(self, event: Happening) -> None:
        """Take in what has happened to a trial."""
        self.rungs.advance(event)
        number = event.number
        if type(event) is Told:
            self._curves.pop(number, None)
        elif type(event) is Resumed:
            kept = -1 if event.step is None else event.step
            curve = self._curves.get(number, {})
            self._curves[number] = {step: loss for step, loss in curve.items() if step <= kept}
        elif type(event) is Reported:
            loss = self._reading.loss(event.metrics)
            if loss is None:
                return
            self._curves.setdefault(number, {})[event.step] = loss
            found = self.rungs.of(number)
            if found is None:
                return
            entered = self._entered.setdefault(found[0], {})
            entered.pop(number, None)  # so that it comes last
            entered[number] = loss
            if found[0] == self.top < self._rungs_in_all and self._ranked_otherwise():
                self.top += 1

    def _ranked_otherwise(self) -> bool:
        below = self._entered.get(self.top - 1, {})
        entered = self._entered[self.top]
        numbers = [number for number in entered if number in below][-COMPARED:]
        if len(numbers) < 2:
            return False
        before = np.array([below[number] for number in numbers])
        after = np.array([entered[number] for number in numbers])
        return rankings_differ(before, after, self._noise(numbers))

    def _noise(self, numbers: list[int]) -> float:
        curves = [self._curves[number] for number in numbers if number in self._curves]
        if len(curves) < 2:
            return 0.0
        common = sorted(set.intersection(*map(set, curves)))
        steps = common[:: -max(1, len(common) // STEPS)][::-1]
        return crossing_noise(np.array([[curve[step] for step in steps] for curve in curves]))


def rankings_differ(before: NDArray[np.float64], after: NDArray[np.float64], noise: float) -> bool:
    """Tell whether trials rank otherwise than before, equal ones apart.

    The trial at each place of the new ranking has to be one of those that were within the noise
    of what stood at this place before (soft ranking, Bohdal et al. 2022, section 4.2).

    Parameters
    ----------
    before, after : arrays of shape ``(n,)``
        Losses of the same trials; infinite ones are equal.
    noise : float
        Up to so much makes no difference.
    """
    ranked, stood = before[np.argsort(after, kind="stable")], np.sort(before)
    with np.errstate(invalid="ignore"):  # inf - inf is NaN, and no difference
        return bool((np.abs(ranked - stood) > noise).any())


def crossing_noise(curves: NDArray[np.float64]) -> float:
    """Return how far apart curves are that cross more than once; 0 if none do.

    Parameters
    ----------
    curves : array of shape ``(n, steps)``
        Losses.
    """
    first, second = np.triu_indices(len(curves), 1)
    with np.errstate(invalid="ignore"):
        apart = np.nan_to_num(curves[first] - curves[second], nan=0.0)
    if not apart.size:
        return 0.0
    signs = np.sign(apart)
    for step in range(1, signs.shape[1]):  # where two meet, the order is still the one before
        signs[:, step] = np.where(signs[:, step] == 0, signs[:, step - 1], signs[:, step])
    crossings = (signs[:, 1:] * signs[:, :-1] < 0).sum(axis=1)
    noisy = np.abs(apart[crossings >= 2, -1])
    noisy = noisy[np.isfinite(noisy)]
    return float(np.percentile(noisy, NOISE)) if noisy.size else 0.0
