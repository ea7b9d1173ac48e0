"""Models of everything a study measures: objectives, limits, feasibility and cost."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import cached_property, partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from luthier.model.history import History
from luthier.model.problem import Problem
from luthier.numerics.bending import Bend, Bent, learn_bend, straight
from luthier.numerics.ensemble import Ensemble
from luthier.numerics.kernels import Kernel
from luthier.numerics.pareto import nondominated
from luthier.numerics.warping import WARPS, signed_log
from luthier.samplers.gp.data import Data, Mask
from luthier.samplers.gp.earlier import blended, opinion
from luthier.samplers.gp.prior_mean import Bowl, PriorMean, Shifted, Surrogate, Together
from luthier.samplers.gp.settings import Settings
from luthier.samplers.gp.surrogate import KERNELS, fitted_size, learn

Array = NDArray[np.float64]

DECIDED = 100
"""From so many observations on, hyperparameters are taken at their mode."""

LEARNT_FROM = 150
"""Hyperparameters are learnt from at most so many observations."""

RHO = 0.05
"""Weight of the sum beside the maximum, so that no dominated point is optimal (ParEGO)."""

FEW = 3
"""With fewer observations a cost or a limit is not modelled."""

BENT_FROM = 20
"""From so many observations on axes may be bent: fewer say nothing about it."""

Means = Callable[[Array, Array, Array], PriorMean | None]
"""Gives the prior mean for points, activity and observations."""


class Seen(NamedTuple):
    """What one model learns from.

    Attributes
    ----------
    z : ndarray, shape (n,)
        Observations on the model's scale: mean 0, standard deviation 1.
    rows : ndarray of bool
        Which rows of the data they belong to.
    zero : float
        Where the bound of a limit lies on that scale.
    scale : float
        One unit of that scale, in the units of what was measured or of its logarithm.
    """

    z: Array
    rows: Mask
    zero: float = 0.0
    scale: float = 1.0


class Loss(NamedTuple):
    """The model of an objective.

    Attributes
    ----------
    model : Ensemble
        Members may see the observations on different scales.
    log_units : ndarray, shape (m,)
        Log of what one unit of each member's scale is worth near the best, in a common unit.
    """

    model: Surrogate
    log_units: Array


class Models:
    """What is known of a study, as Gaussian processes over the columns of its space.

    Hyperparameters are learnt at fixed numbers of observations and remembered; the
    processes themselves always see all observations.

    Parameters
    ----------
    settings : Settings
        Kernel, warp and beliefs.
    problem : Problem
        Its space may be narrower than the history's.
    history : History
        What happened.
    data : Data
        The same as arrays, or a part of it.
    """

    def __init__(
        self,
        settings: Settings,
        problem: Problem,
        history: History,
        data: Data,
    ) -> None:
        self.settings = settings
        self.problem = problem
        self.history = history
        self.data = data

    @cached_property
    def kernel(self) -> Kernel:
        """The covariance of all models."""
        s, space = self.settings, self.problem.space

        def make() -> Kernel:
            return replace(KERNELS[s.kernel](space.codec, "matern52"), trend=s.trend)

        return self.history.remember(("kernel", s.kernel, s.trend, space), make)

    @property
    def warps(self) -> tuple[str, ...]:
        """How losses are transformed, each for an equal part of a model's members."""
        several = len(self.problem.objectives) > 1
        return (self.settings.volume_warp,) if several else self.settings.warps

    def loss(self, objective: int, members: int) -> Loss:
        """Model one objective by at most `members`, which share the warps.

        The more was observed, the less the hyperparameters are in doubt, and the dearer each
        member is: from `DECIDED` observations on there is one member for each warp.
        """
        size = fitted_size(self.data.size)
        if size >= DECIDED:
            members = min(members, len(self.warps))
        elif size >= DECIDED // 2:
            members = min(members, 2 * len(self.warps))
        warps = self.warps[:members]
        opinions = self._opinions(objective)
        means = partial(self._prior_mean, opinions)
        bend = self._bend(objective, means)
        parts = []
        for i, warp in enumerate(warps):
            share = len(range(i, members, len(warps)))
            see = partial(_seen_loss, objective=objective, warp=warp)
            parts.append(self._parameters(("loss", objective, warp), see, share, means, bend))
        seen = [_seen_loss(self.data, objective, warp) for warp in warps]
        X, A = self.data.X[self.data.known], self.data.A[self.data.known]
        which = np.repeat(np.arange(len(warps)), [len(part) for part in parts])
        z = np.array([seen[i].z for i in which])
        units = np.log([seen[i].scale for i in which])
        thetas = np.vstack(parts)
        # The warps differ little where it matters, and one mean for all of them will do.
        mean = self._prior_mean(opinions, X, A, z.mean(axis=0))
        rest = z if mean is None else z - mean.mean(X, A)
        model: Ensemble | Bent
        if bend is None:
            model = Ensemble(self.kernel, thetas, X, A, rest)
        else:
            model = Bent(Ensemble(self.kernel, thetas, bend(X, A), A, rest), X, bend)
        return Loss(model if mean is None else Shifted(model, mean), units)

    def _bend(self, objective: int, means: Means) -> Bend | None:
        """Return how the axes are bent, learnt at a fixed number of observations."""
        size, spread = fitted_size(self.data.size), self.settings.bend
        if not spread or size < BENT_FROM or not self.kernel.numeric:
            return None
        see = partial(_seen_loss, objective=objective, warp=self.warps[-1])

        def make() -> Bend:
            prior = self.settings.beliefs.prior(self.kernel)
            X, A, z = self._seen(size, see, means)
            if len(z) == 0:
                return straight(self.kernel)
            theta = learn(self.kernel, prior, X, A, z, 1, 0)[0]
            return learn_bend(self.kernel, prior, theta, X, A, z, spread)

        earlier = self.history.transferred
        key = (self.settings, self.problem.space, ("bend", objective), size, earlier)
        return self.history.remember(key, make)

    def _seen(
        self, size: int, see: Callable[[Data], Seen], means: Means
    ) -> tuple[Array, Array, Array]:
        """Return points, activity, and what of the observations no mean explains."""
        then = self.data.first(size)
        seen = see(then)
        X, A, z = then.X[seen.rows], then.A[seen.rows], seen.z
        mean = means(X, A, z) if len(z) else None
        if mean is not None:
            z = z - mean.mean(X, A)
        if len(z) > LEARNT_FROM:
            # Evenly over the losses: hyperparameters hardly change, and cost n^3.
            order = np.argsort(z, kind="stable")
            kept = np.sort(order[np.linspace(0, len(z) - 1, LEARNT_FROM).round().astype(int)])
            X, A, z = X[kept], A[kept], z[kept]
        return X, A, z

    def _prior_mean(
        self, opinions: tuple[Ensemble, ...], X: Array, A: Array, z: Array
    ) -> PriorMean | None:
        """Return what is expected of an objective beforehand; None for the same of all points."""
        parts: list[PriorMean] = []
        # What is best for one of several objectives is often at an end of the range.
        if self.settings.bowl and len(self.problem.objectives) == 1:
            parts.append(Bowl(self.problem.space.codec, self.settings.bowl))
            z = z - parts[0].mean(X, A)
        if opinions:
            parts.append(blended(opinions, X, A, z))
        return Together(parts) if len(parts) > 1 else parts[0] if parts else None

    def _opinions(self, objective: int) -> tuple[Ensemble, ...]:
        """Return what earlier studies say of an objective."""
        earlier = self.history.transferred
        if not earlier:
            return ()
        prior = self.settings.beliefs.prior(self.kernel)
        space = self.problem.space

        def make() -> tuple[Ensemble, ...]:
            found = (opinion(one, space, objective, self.kernel, prior) for one in earlier)
            return tuple(one for one in found if one is not None)

        return self.history.remember((self.settings, space, "earlier", earlier, objective), make)

    def scalarised(self, weights: Array) -> Loss:
        """Model all objectives as one, the largest weighted distance from the best of each.

        The augmented Tchebycheff function of ParEGO (Knowles 2006, eq. 2), with losses
        scaled to the range of those that no other dominates. The weights are new in each
        suggestion, and so are the hyperparameters: their mode.
        """
        data = self.data
        losses = data.losses[data.known]
        front = losses[nondominated(losses)]
        span = np.ptp(front, axis=0)
        scaled = (losses - front.min(axis=0)) / np.where(span > 0, span, 1.0)
        weighted = weights * scaled
        z = WARPS[self.settings.warps[0]](weighted.max(axis=1) + RHO * weighted.sum(axis=1))
        X, A = data.X[data.known], data.A[data.known]
        thetas = learn(self.kernel, self.settings.beliefs.prior(self.kernel), X, A, z, 1, 0)
        return Loss(Ensemble(self.kernel, thetas, X, A, z), np.zeros(1))

    def limit(self, k: int) -> tuple[Ensemble, float] | None:
        """Model a limited metric; return the model and the bound on its scale."""
        return self._bounded(("limit", k), lambda d: _seen_limit(d, k))

    @property
    def feasibility(self) -> tuple[Ensemble, float] | None:
        """A model of what turns out to be infeasible or fails: 1 where it did, 0 elsewhere.

        None as long as nothing did.
        """
        if not self.data.barred.any():
            return None
        return self._bounded("barred", _seen_barred)

    @property
    def cost(self) -> tuple[Ensemble, float] | None:
        """A model of the logarithm of the cost, and the size of its unit; None if unknown."""
        seen = _seen_cost(self.data)
        if len(seen.z) < FEW or not seen.z.any():
            return None
        return self._learnt("cost", _seen_cost, 1), seen.scale

    def _bounded(
        self, name: Hashable, see: Callable[[Data], Seen]
    ) -> tuple[Ensemble, float] | None:
        seen = see(self.data)
        if len(seen.z) < FEW:
            return None
        return self._learnt(name, see, 1), seen.zero

    def _learnt(self, name: Hashable, see: Callable[[Data], Seen], members: int) -> Ensemble:
        """Return processes over all observations."""
        thetas, seen = self._parameters(name, see, members), see(self.data)
        X, A = self.data.X[seen.rows], self.data.A[seen.rows]
        return Ensemble(self.kernel, list(thetas), X, A, seen.z)

    def _parameters(
        self,
        name: Hashable,
        see: Callable[[Data], Seen],
        members: int,
        means: Means = lambda *_: None,
        bend: Bend | None = None,
    ) -> Array:
        """Return hyperparameters, learnt at a fixed number of observations."""
        size = fitted_size(self.data.size)

        def make() -> Array:
            prior = self.settings.beliefs.prior(self.kernel)
            X, A, z = self._seen(size, see, means)
            if len(z) == 0:
                return np.tile(prior.mean, (members, 1))
            if bend is not None:
                X = bend(X, A)
            return learn(self.kernel, prior, X, A, z, members, self.settings.steps)

        earlier = self.history.transferred
        key = (self.settings, self.problem.space, name, members, size, earlier)
        return self.history.remember(key, make)


def _seen_loss(data: Data, objective: int, warp: str) -> Seen:
    y = data.losses[data.known, objective]
    z = WARPS[warp](y)
    return Seen(z, data.known, scale=_scale_of_best(y, z))


def _scale_of_best(y: Array, z: Array) -> float:
    """Return what one unit of a warped scale is worth, by the better half, where warps are lines.

    In units of the spread of the better half, so that the losses may be of any size.
    """
    if not len(y):
        return 1.0
    order = np.argsort(y, kind="stable")[: max(2, (len(y) + 1) // 2)]
    rise, run = (
        float(np.ptp(z[order])),
        float(np.ptp(y[order] / max(np.abs(y[order]).max(), 1e-300))),
    )
    return run / rise if rise > 0 and run > 0 else 1.0


def _seen_limit(data: Data, k: int) -> Seen:
    measured = np.isfinite(data.excess[:, k])
    # Ranks would lose where the bound lies; this keeps it, and tames both tails.
    return _scaled(signed_log(data.excess[measured, k]), measured, bound=0.0)


def _seen_barred(data: Data) -> Seen:
    decided = data.barred | data.known
    return _scaled(data.barred[decided].astype(float), decided, bound=0.5)


def _seen_cost(data: Data) -> Seen:
    told = np.isfinite(data.costs)
    return _scaled(np.log(data.costs[told]), told, bound=0.0)


def _scaled(values: Array, rows: Mask, bound: float) -> Seen:
    if len(values) == 0:
        return Seen(values, rows)
    centre, scale = float(values.mean()), float(values.std())
    if not scale > 1e-12:
        # All alike: the prior, of unit scale around what was seen.
        scale = max(abs(bound - centre), 1.0) if bound != centre else 1.0
    return Seen((values - centre) / scale, rows, (bound - centre) / scale, scale)
