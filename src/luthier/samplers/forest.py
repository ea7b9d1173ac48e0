"""Model-based search with a random forest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from luthier.model.history import History
from luthier.model.problem import Problem
from luthier.numerics.log_ei import log_ei
from luthier.numerics.variation import mirrored
from luthier.samplers._forest_model import Features, Model, targets
from luthier.samplers._population import (
    Array,
    Rows,
    completed,
    drawn,
    genes,
    one_objective,
    share,
    standing,
    startup,
    unordered,
    whole_number,
)
from luthier.samplers.base import Suggestion
from luthier.space.codec import INACTIVE
from luthier.space.space import Space

STARTS, NEIGHBOURS, ROUNDS = 10, 10, 10
"""Local search: from so many points, among so many neighbours, at most so often."""

EXACT = 64
"""Up to so many trials the forest is grown anew after each; then whenever 3 % more have ended."""


@dataclass(frozen=True, slots=True)
class Forest:
    """Try the point whose improvement a random forest expects to be largest, as SMAC does.

    Trees cope with choices, conditions and plateaus, and grow in milliseconds from thousands
    of trials. The forest learns the logarithm of losses above the best, sees trials that
    failed or broke limits as worse than all others, and holds a point for taken in as far as
    it shares leaves with those that are running. Needs the extra ``forest`` (scikit-learn).

    Parameters
    ----------
    n_startup : int, default 10
        So many trials are drawn evenly before the first forest.
    trees : int, default 10
        Size of the forest.
    candidates : int, default 1000
        Points drawn from the priors that compete, beside those of a local search.
    random_share : float, default 0.1
        Probability that a trial is drawn at random, against what the forest is blind to.

    References
    ----------
    Hutter, Hoos and Leyton-Brown (2011), Sequential Model-Based Optimization for General
    Algorithm Configuration; Lindauer et al. (2022), SMAC3, JMLR 23.
    """

    n_startup: int = 10
    trees: int = 10
    candidates: int = 1000
    random_share: float = 0.1

    def __post_init__(self) -> None:
        whole_number("Forest: n_startup", self.n_startup, 2)
        whole_number("Forest: trees", self.trees, 2)
        whole_number("Forest: candidates", self.candidates, 1)
        share("Forest: random_share", self.random_share)

    def suggest(
        self, problem: Problem, history: History, rng: np.random.Generator, n: int = 1
    ) -> Sequence[Suggestion]:
        """Propose `n` points, each held for taken by those after it."""
        one_objective(self, problem)
        space = problem.space
        if len(history.ended) < self.n_startup or not space.codec.d:
            return startup(problem, history, rng, n)
        rows = np.arange(_fitted_size(len(history.ended)))
        tried = genes(space, history, rows)
        (placed,) = np.nonzero((~np.isnan(tried)).any(axis=1))
        if len(placed) < 2:
            because = "fewer than 2 trials have these parameters"
            return [drawn(problem, rng, because) for _ in range(n)]
        features = history.remember((type(self), space), lambda: Features.of(space))
        model = history.remember(
            (self, space, len(rows)),
            lambda: self._grown(history, rows[placed], tried[placed], features),
        )
        search = _Search(space, features, model, rng)
        taken = _running(space, history)
        best = standing(history, rows).order
        starts = tried[best[np.isin(best, placed)][:STARTS]]
        result: list[Suggestion] = []
        for _ in range(n):
            if rng.random() < self.random_share:
                because = f"a share of {self.random_share} looks where the forest may be blind"
                result.append(drawn(problem, rng, because))
            else:
                point, value = search.best(starts, self.candidates, taken)
                params = space.codec.decode(point[None, :])[0]
                why = {"how": "model", "trials": len(rows), "log_ei": float(f"{value:.4g}")}
                result.append(Suggestion(params, why))
            chosen = space.codec.encode([result[-1].params])
            taken = np.vstack([taken, chosen])
        return result

    def _grown(self, history: History, rows: Rows, points: Array, features: Features) -> Model:
        active = ~np.isnan(points)
        seed = int(history.problem.rng(len(rows), "forest").integers(2**31))
        found = features(np.where(active, points, INACTIVE), active)
        return Model.grown(found, targets(standing(history, rows)), self.trees, seed)


class _Search:
    """Looks for the largest expected improvement among legal points.

    Parameters
    ----------
    space : Space
    features : Features
        Of the space.
    model : Model
    rng : numpy.random.Generator
    """

    def __init__(
        self, space: Space, features: Features, model: Model, rng: np.random.Generator
    ) -> None:
        self._space, self._features, self._model, self._rng = space, features, model, rng

    def best(self, starts: Array, candidates: int, taken: Array) -> tuple[Array, float]:
        """Return the best point found, shape ``(d,)``, and its value.

        Parameters
        ----------
        starts : array of shape ``(s, d)``
            Points near which to look, NaN where inactive.
        candidates : int
            How many points are drawn from the priors.
        taken : array of shape ``(t, d)``
            Points that are being tried.
        """
        codec = self._space.codec
        leaves = self._leaves(taken)
        drawn_points = codec.snap(codec.sample(self._rng, candidates))
        values = self._values(drawn_points, leaves)
        first = np.argsort(-values, kind="stable")[:STARTS]
        known = np.array([completed(start, self._space, self._rng) for start in starts])
        points = np.vstack([drawn_points[first], codec.snap(known)])
        # Points that were tried before are where to look, and no candidates themselves.
        values = np.concatenate([values[first], np.full(len(known), -np.inf)])
        for _ in range(ROUNDS):
            near = self._neighbours(points)
            near_values = self._values(near, leaves)
            near_values[~codec.feasible(near)] = -np.inf
            by_point = near_values.reshape(len(points), NEIGHBOURS)
            place = by_point.argmax(axis=1)
            found = by_point.max(axis=1)
            better = found > values
            if not better.any():
                break
            chosen = near.reshape(len(points), NEIGHBOURS, -1)[np.arange(len(points)), place]
            points = np.where(better[:, None], chosen, points)
            values = np.where(better, found, values)
        winner = int(values.argmax())
        return points[winner], float(values[winner])

    def _neighbours(self, points: Array) -> Array:
        """Return legal points that differ in about one coordinate, `NEIGHBOURS` of each."""
        rng, codec = self._rng, self._space.codec
        near = np.repeat(points, NEIGHBOURS, axis=0)
        fresh = codec.from_uniform(rng.random(near.shape))
        step = mirrored(near + 0.2 * rng.standard_normal(near.shape))
        changed = np.where(unordered(self._space) | (near == INACTIVE), fresh, step)
        n, d = near.shape
        change = rng.random((n, d)) < 1 / (2 * d)
        change[np.arange(n), rng.integers(d, size=n)] = True
        return codec.snap(np.where(change, changed, near))

    def _values(self, points: Array, taken: NDArray[np.int64]) -> Array:
        """Return logarithms of the expected improvement, less for what is taken."""
        leaves = self._leaves(points)
        mean, sd = self._model.predict(leaves)
        values = np.asarray(log_ei(mean, sd, self._model.best))
        if len(taken):
            shared = (leaves[:, None, :] == taken[None, :, :]).mean(axis=2).max(axis=1)
            values = values + np.log1p(-0.999 * shared)
        return values

    def _leaves(self, points: Array) -> NDArray[np.int64]:
        if not len(points):
            return np.empty((0, 0), np.int64)
        return self._model.leaves(self._features(points, self._space.codec.active(points)))


def _running(space: Space, history: History) -> Array:
    """Return the points of running trials that the space can place, shape ``(t, d)``."""
    points = [
        space.codec.encode([trial.params])
        for trial in history.running
        if space.contains(trial.params)
    ]
    return np.vstack([np.empty((0, space.codec.d)), *points])


def _fitted_size(ended: int) -> int:
    """Return how many of the ended trials the forest knows."""
    step = 2 ** int(np.log2(ended / (EXACT / 2))) if ended > EXACT else 1
    return ended // step * step
