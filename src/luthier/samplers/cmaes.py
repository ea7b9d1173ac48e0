"""Covariance matrix adaptation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from luthier.errors import InvalidInput
from luthier.model.history import History
from luthier.model.problem import Problem
from luthier.numerics.blas import single_threaded
from luthier.numerics.cma import default_population
from luthier.samplers._cma_frame import Frame
from luthier.samplers._cma_search import Plan, Restarts, Search
from luthier.samplers._population import (
    Array,
    Child,
    folded,
    offspring,
    one_objective,
    startup,
    transferred,
    whole_number,
    width,
)
from luthier.samplers.base import Suggestion


@dataclass(frozen=True, slots=True)
class CMAES:
    """Adapt a normal distribution, step size and correlations included, to where losses are low.

    For many trials of up to a few hundred parameters, mostly numbers. Numbers with few values
    keep a margin of probability to change (CMA-ES with margin), and unordered choices have
    probabilities of their own that follow the natural gradient (as in CatCMA with margin). Where
    a search converges, another begins elsewhere with a larger population.

    It begins where trials of other samplers were best, as wide as the best of them spread. A
    generation is made of the next trials that end, whoever proposed them and in whatever
    order, so any number of workers is kept busy; steps of points that its distribution did
    not draw are cut to a plausible length. Parameters that are inactive in a trial count as
    drawn at random in it.

    Parameters
    ----------
    population : int, optional
        Trials that make a generation of the first run; ``4 + floor(3 log(d))`` by default.
    sigma0 : float, default 1/6
        Standard deviation to begin with, of the scaled range, in (0, 1].
    x0 : mapping of str to object, optional
        Where to begin, a complete configuration; by default at the best of the trials so far.
    n_startup : int, default 0
        So many trials are drawn evenly before, those of other samplers included; none with `x0`.
        Without any trial it begins in the middle of the priors.
    restarts : {"ipop", "bipop", "none"}, default "ipop"
        After convergence, double the population (IPOP), do so in turn with small runs (BIPOP),
        or go on.
    adapt_rate : bool, default False
        Whether to learn the slower the noisier results are. It pays where noise drowns the
        differences between points and there are many thousands of trials.

    References
    ----------
    Hansen (2016), arXiv:1604.00772; Hamano et al. (2022), arXiv:2205.13482; Hamano et al.
    (2025), arXiv:2504.07884; Hansen (2011), arXiv:1110.4181; Auger and Hansen (2005), A
    Restart CMA Evolution Strategy With Increasing Population Size; Hansen (2009), BIPOP-CMA-ES;
    Nomura et al. (2023), arXiv:2304.03473.
    """

    population: int | None = None
    sigma0: float = 1 / 6
    x0: Mapping[str, Any] | None = None
    n_startup: int = 0
    restarts: Restarts = "ipop"
    adapt_rate: bool = False

    def __post_init__(self) -> None:
        if self.population is not None:
            whole_number("CMAES: population", self.population, 4)
        whole_number("CMAES: n_startup", self.n_startup, 0)
        width("CMAES: sigma0", self.sigma0)
        if self.restarts not in get_args(Restarts):
            raise InvalidInput("CMAES: restarts", self.restarts, "'ipop', 'bipop' or 'none'")

    def suggest(
        self, problem: Problem, history: History, rng: np.random.Generator, n: int = 1
    ) -> Sequence[Suggestion]:
        """Propose `n` points of the distribution that the ended trials have made."""
        one_objective(self, problem)
        if self.x0 is None and len(history.ended) < self.n_startup:
            return startup(problem, history, rng, n)
        known = history.problem.space
        frame = history.remember(("cmaes", known), lambda: Frame.of(known))
        if not len(frame.moving) and not len(frame.choices):
            return startup(problem, history, rng, n)
        plan = self._plan(history, frame)
        # What the frame holds follows from the space.
        key = (type(self), known, plan.key)
        with single_threaded():
            search = folded(history, key, plan.first, lambda state: plan.next(history, state))
        if not search.began:
            search = plan.opened(history, len(history.ended))

        def draw() -> Child:
            point = transferred(_drawn(frame, search, rng), problem.space, known)
            return point, {
                "how": "model",
                "restart": search.restart,
                "generation": search.generation,
                "sd": _typical(search),
            }

        return [offspring(problem, rng, draw) for _ in range(n)]

    def _plan(self, history: History, frame: Frame) -> Plan:
        start = None
        if self.x0 is not None:
            history.problem.space.check(self.x0)
            start = tuple(history.problem.space.codec.encode_one(self.x0))
        d = len(frame.moving) + len(frame.choices)
        return Plan(
            frame=frame,
            sigma=self.sigma0,
            population=self.population or default_population(d),
            restarts=self.restarts,
            adapt=self.adapt_rate,
            start=start,
        )


def _drawn(frame: Frame, search: Search, rng: np.random.Generator) -> Array:
    """Return a point of the search distribution, shape ``(d,)``."""
    moving = np.empty(0)
    if search.gaussian is not None:
        moving = search.gaussian.sample(rng.standard_normal((1, len(frame.moving))))[0]
    options = np.empty(0, np.int64)
    if search.choices is not None:
        options = search.choices.sample(rng.random((1, len(frame.choices))))[0]
    return frame.point(moving, options)


def _typical(search: Search) -> float | None:
    """Return the geometric mean of the standard deviations, with few digits."""
    if search.gaussian is None:
        return None
    return float(f"{np.exp(np.log(search.gaussian.sd).mean()):.3g}")
