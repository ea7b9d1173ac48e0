"""The state of a CMA-ES search: what the ended trials make of it, generation by generation."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from luthier.model.history import History
from luthier.numerics import asng, cma
from luthier.numerics.margin import imputed, with_margin
from luthier.samplers._cma_frame import Frame
from luthier.samplers._population import Array, Rows, Standing, standing

Restarts = Literal["none", "ipop", "bipop"]

CONVERGED = 1e-9
"""A standard deviation, of the scaled range, below which nobody can tell points apart."""

EQUAL = 1e-8
"""Losses that differ by less, relative to their size, are the same."""

SPREAD = 0.1
"""The best such share of earlier trials tells how wide a search from the best of them begins."""

NARROWEST = 0.02
"""A search that goes on from other trials begins at least so wide, of the scaled range."""


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """What a search knows after some ended trials.

    Attributes
    ----------
    used : int
        How many ended trials it has seen.
    population : int
        How many more make the next generation.
    gaussian : Gaussian, optional
        Of the moving columns; None if there are none.
    choices : Choices, optional
        Of the columns of choices; None if there are none.
    restart : int
        How often it began anew.
    generation : int
        How many generations it has seen since then.
    recent : tuple of float
        The best losses of the last generations.
    doublings : int
        How often the population was doubled.
    spent : tuple of int
        How many trials went into runs with large and with small populations (BIPOP).
    small : bool
        Whether this run is one with a small population.
    began : bool
        False while no trial of this search has ended: earlier ones tell only where to begin.
    """

    used: int
    population: int
    gaussian: cma.Gaussian | None
    choices: asng.Choices | None
    restart: int = 0
    generation: int = 0
    recent: tuple[float, ...] = ()
    doublings: int = 0
    spent: tuple[int, int] = (0, 0)
    small: bool = False
    began: bool = False

    @property
    def window(self) -> int:
        """So many generations without a change mean convergence (Hansen 2016, section B.3)."""
        d = 1 if self.gaussian is None else len(self.gaussian.mean)
        return 10 + math.ceil(30 * d / self.population)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a search goes through one history.

    Attributes
    ----------
    frame : Frame
        Of the history's space.
    sigma : float
        Standard deviation to begin with, of a uniform coordinate.
    population : int
        Of the first run.
    restarts : {"none", "ipop", "bipop"}
    adapt : bool
        Whether learning rates follow the noise.
    start : tuple of float, optional
        Where to begin, a point of the space.
    """

    frame: Frame
    sigma: float
    population: int
    restarts: Restarts
    adapt: bool
    start: tuple[float, ...] | None = None

    @property
    def key(self) -> Hashable:
        """What tells the plans for one space apart."""
        return self.sigma, self.population, self.restarts, self.adapt, self.start

    def first(self) -> Search:
        """Return the search of a study without ended trials."""
        return self._from(self.frame.mean, self.sigma * self.frame.sd, self.frame.shares)

    def next(self, history: History, state: Search) -> Search | None:
        """Return the search after the next trial or generation; None if it has not ended."""
        if not state.began:
            if state.used == len(history.ended):
                return None
            if "restart" in history.ended[state.used].why:
                return replace(self.opened(history, state.used), began=True)
            return replace(state, used=state.used + 1)
        if state.used + state.population > len(history.ended):
            return None
        return self._restarted(history, self._updated(history, state))

    def opened(self, history: History, used: int) -> Search:
        """Return the search that begins where the first `used` ended trials were best.

        The spread of the best tenth around the best one says how far they have got.
        """
        frame = self.frame
        if self.start is not None:
            point = np.array(self.start)[None, :]
            shares = self._mixed(frame.options_of(point), 0.5)
            mean = point[0, frame.moving]
            return replace(self._from(mean, self.sigma * frame.sd, shares), used=used)
        rows = np.arange(used)
        losses, violations = _placed(history, rows)
        order = Standing(losses, violations).order
        good = order[np.isfinite(losses[order, 0]) & (violations[order] == 0)]
        if not len(good):
            return replace(self.first(), used=used)
        best = good[: max(1, math.floor(SPREAD * used))]
        points, activity = history.encoded()
        active = activity[best] > 0
        mean = np.where(active[0], points[best[0]], np.nan)[frame.moving]
        mean = np.clip(np.where(np.isnan(mean), frame.mean, mean), frame.low, frame.high)
        widest = self.sigma * frame.sd
        sd = widest
        if len(best) > 2:
            apart = (points[best][:, frame.moving] - mean) ** 2
            near = active[:, frame.moving]
            seen = near.sum(axis=0)
            spread = np.sqrt(np.where(near, apart, 0.0).sum(axis=0) / np.maximum(seen, 1))
            sd = np.where(seen > 2, np.clip(spread, NARROWEST * frame.sd, widest), widest)
        options = np.where(active[:, frame.choices], frame.options_of(points[best]), -1)
        shares = self._mixed(options, len(best) / (len(best) + 5))
        return replace(self._from(mean, sd, shares), used=used)

    def _mixed(self, options: NDArray[np.int64], weight: float) -> tuple[Array, ...]:
        """Return prior probabilities of the choices, mixed with what good points chose."""
        mixed = []
        for j, prior in enumerate(self.frame.shares):
            chosen = options[options[:, j] >= 0, j]
            if len(chosen):
                counts = np.bincount(chosen, minlength=len(prior)) / len(chosen)
                prior = (1 - weight) * prior + weight * counts
            mixed.append(prior)
        return tuple(mixed)

    def _from(self, mean: Array, sd: Array, shares: tuple[Array, ...]) -> Search:
        return Search(
            used=0,
            population=self.population,
            gaussian=cma.Gaussian.start(mean, sd, adapt=self.adapt) if len(mean) else None,
            choices=asng.Choices.start(list(shares)) if shares else None,
        )

    @property
    def least(self) -> float:
        """The least probability to leave a value (as in CatCMA with margin)."""
        count = int(self.frame.discrete.sum()) + len(self.frame.choices)
        return float(1 - 0.73 ** (1 / max(count, 1)))

    def _updated(self, history: History, state: Search) -> Search:
        """Return the search after one generation: the next ended trials, whoever asked for them."""
        frame = self.frame
        rows = np.arange(state.used, state.used + state.population)
        found = _placed(history, rows)
        rows = rows[found.order]
        points, activity = (a[rows] for a in history.encoded())
        gaussian, choices = state.gaussian, state.choices
        if gaussian is not None:
            own = np.array([_drawn_from(state, history.ended[row].why) for row in rows.tolist()])
            seen = self._seen(history, state, gaussian, points, activity)
            gaussian = self._kept_inside(cma.updated(gaussian, seen, ~own))
        if choices is not None:
            by = cma.rates(max(len(frame.moving), 1), state.population)
            options = np.where(activity[:, frame.choices] > 0, frame.options_of(points), -1)
            choices = asng.updated(choices, options[: by.mu], by.weights[: by.mu], self.least)
        best = float(found.losses[found.order[0], 0])
        return replace(
            state,
            used=state.used + state.population,
            gaussian=gaussian,
            choices=choices,
            generation=state.generation + 1,
            recent=(*state.recent, best)[-state.window :],
            spent=_added(state.spent, state.small, state.population),
        )

    def _seen(
        self,
        history: History,
        state: Search,
        gaussian: cma.Gaussian,
        points: Array,
        activity: Array,
    ) -> Array:
        """Return points under the normal distribution, with what they do not show imputed.

        A number at its bound was drawn there or beyond, and an inactive one anywhere. Both are
        drawn again from what the distribution says of them: left as they are, they would look
        as if these coordinates had ceased to vary, and the step size of all others would
        shrink with them. Numbers with few values stand in the middle of their cell.
        """
        frame = self.frame
        seen = points[:, frame.moving]
        free = ~frame.discrete
        low = np.where((seen <= frame.low) & free, -np.inf, seen)
        high = np.where((seen >= frame.high) & free, np.inf, seen)
        inactive = activity[:, frame.moving] == 0
        low[inactive], high[inactive] = -np.inf, np.inf
        hidden = low < high
        if not hidden.any():
            return seen
        uniform = history.problem.rng(state.used, "cmaes").random(seen.shape)
        drawn = imputed(gaussian.mean, gaussian.sd, low, high, uniform)
        filled: Array = np.where(hidden, drawn, seen)
        return filled

    def _kept_inside(self, gaussian: cma.Gaussian) -> cma.Gaussian:
        """Return the distribution with its mean in the space, and a margin where it is discrete."""
        which = self.frame.discrete
        mean, stretch = gaussian.mean.copy(), gaussian.stretch.copy()
        mean[~which] = np.clip(mean, self.frame.low, self.frame.high)[~which]
        if which.any():
            low, high = self.frame.cells(mean)
            sd = gaussian.sd[which]
            mean[which], wider = with_margin(mean[which], sd, low, high, self.least)
            stretch[which] *= wider / sd
        return replace(gaussian, mean=mean, stretch=stretch)

    def _restarted(self, history: History, state: Search) -> Search:
        """Return the search as it is, or, if it has converged, a new one elsewhere."""
        if self.restarts == "none" or not self._converged(state):
            return state
        rng = history.problem.rng(state.restart, "cmaes restart")
        codec = history.problem.space.codec
        mean = codec.from_uniform(rng.random((1, codec.d)))[0, self.frame.moving]
        doublings, small = state.doublings + 1, False
        population = self.population * 2**doublings
        sd = self.sigma * self.frame.sd
        if self.restarts == "bipop" and state.restart and state.spent[1] < state.spent[0]:
            # A small run: of any size up to half the large one, and any width (Hansen 2009).
            doublings, small = state.doublings, True
            largest = self.population * 2**doublings
            exponent = rng.random() ** 2
            population = max(4, int(self.population * (largest / 2 / self.population) ** exponent))
            sd = np.maximum(sd * 10 ** (-2 * rng.random()), NARROWEST * self.frame.sd)
        return replace(
            self._from(mean, sd, self.frame.shares),
            used=state.used,
            population=population,
            restart=state.restart + 1,
            doublings=doublings,
            spent=state.spent,
            small=small,
            began=True,
        )

    def _converged(self, state: Search) -> bool:
        """Tell whether more of the same can bring nothing new."""
        if len(state.recent) == state.window and _same(state.recent):
            return True
        if state.gaussian is None:
            return False
        continuous = state.gaussian.sd[~self.frame.discrete]
        scales = state.gaussian.scales
        return bool(
            (len(continuous) and continuous.max() < CONVERGED)
            or state.gaussian.sd.max() > 1e3
            or scales.max() > 1e7 * scales.min()
        )


def _placed(history: History, rows: Rows) -> Standing:
    """Return how good trials are; those that the space cannot place are as bad as failed ones."""
    found = standing(history, rows)
    _, activity = history.encoded()
    lost = (activity[rows] == 0).all(axis=1)
    return Standing(
        np.where(lost[:, None], np.inf, found.losses), np.where(lost, np.inf, found.violations)
    )


def _drawn_from(state: Search, why: Mapping[str, object]) -> bool:
    """Tell whether a trial was drawn from just this distribution."""
    return why.get("restart") == state.restart and why.get("generation") == state.generation


def _same(losses: tuple[float, ...]) -> bool:
    low, high = min(losses), max(losses)
    return low == high or high / 2 - low / 2 <= EQUAL * max(abs(low), abs(high)) / 2


def _added(spent: tuple[int, int], small: bool, trials: int) -> tuple[int, int]:
    return (spent[0], spent[1] + trials) if small else (spent[0] + trials, spent[1])
