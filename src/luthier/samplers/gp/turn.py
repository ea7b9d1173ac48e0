"""One call of the sampler: which question is asked of the model, and what it answers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.model.history import History
from luthier.model.problem import Problem
from luthier.numerics.ehvi import cells
from luthier.numerics.pareto import nondominated
from luthier.samplers.base import Suggestion
from luthier.samplers.gp.acquisition import (
    Belief,
    Below,
    Expected,
    HypervolumeImprovement,
    Improvement,
    Part,
    Sum,
)
from luthier.samplers.gp.data import Data, pending
from luthier.samplers.gp.explain import expectation, exploration, moments, nearest, rounded
from luthier.samplers.gp.models import Loss, Models
from luthier.samplers.gp.prior_mean import Surrogate
from luthier.samplers.gp.region import Region, side
from luthier.samplers.gp.search import Arm, Found, Terrain, maximise, neglected, pool
from luthier.samplers.gp.settings import Settings
from luthier.samplers.gp.startup import next_of_sequence, spread_out

Array = NDArray[np.float64]

ENOUGH = 3
"""Results from which on there may be a model before the startup is over."""

ELITE = 5
"""Near so many of the best points the search begins."""

VOLUME = 3
"""Up to so many objectives the gain in hypervolume is computed, beyond them scalarised."""

SEVERAL = 2
"""How many members each model has at most where there are several objectives."""

NOISY = 0.2
"""From this share of noise in what is observed, good points are tried again."""

REPLICATE_EVERY = 15
"""Under noise one suggestion in so many may be a point that was tried before."""


class Turn:
    """Answers one call of `GP.suggest`."""

    def __init__(
        self, settings: Settings, problem: Problem, history: History, rng: np.random.Generator
    ) -> None:
        self.settings = settings
        self.problem = problem
        self.history = history
        self.rng = rng
        self.codec = problem.space.codec
        self.terrain = history.remember(("terrain", problem.space), lambda: Terrain(self.codec))
        paused = tuple(trial for trial in history.paused if trial.reports)[-settings.most :]
        self.data = Data(problem, history, len(history.ended), settings.most, paused)
        self.models = Models(settings, problem, history, self.data)
        self.running, self.running_active = pending(problem, history)

    def next(self, number: int) -> Suggestion:
        """Propose one point, which counts as running for the next."""
        if self.codec.d == 0:
            return Suggestion(self.codec.decode(np.zeros((1, 0)))[0], {"how": "startup"})
        x, why = self._point(number)
        a = self.terrain.legal(x[None].copy())[1]
        self.running = np.vstack([self.running, x[None]])
        self.running_active = np.vstack([self.running_active, a])
        return Suggestion(self.codec.decode(x[None])[0], why)

    def _point(self, number: int) -> tuple[Array, dict[str, Any]]:
        data = self.data
        begun = data.size + len(data.paused) + len(self.running)
        if begun < self.settings.n_startup or (
            # Where many run at once, the first few results are enough to go on with.
            data.size < self.settings.n_startup and data.known.sum() < ENOUGH
        ):
            tried = np.vstack([data.X, self.running])
            x = spread_out(self.problem, self.history, self.terrain, tried, number)
            return x, {"how": "startup"}
        if not len(data.rows):
            x = self.terrain.legal(self.terrain.draw(self.rng, 1))[0][0]
            return x, {"how": "random", "because": "no trial so far had these parameters"}
        if not data.known.any():
            return self._where_possible()
        if (np.ptp(data.losses[data.known], axis=0) == 0).all() and not self.problem.limits:
            x = next_of_sequence(self.problem, self.history, self.terrain, number)
            return x, {"how": "even", "because": "all results so far are equal"}
        try:
            return self._modelled(number)
        except np.linalg.LinAlgError as error:
            x = self.terrain.legal(self.terrain.draw(self.rng, 1))[0][0]
            return x, {"how": "random", "because": f"the model cannot be computed: {error}"}

    def _where_possible(self) -> tuple[Array, dict[str, Any]]:
        """Return the point most likely to give a result, where there is none so far."""
        because = "no trial has a result so far"
        X, A = self.terrain.legal(self.terrain.draw(self.rng, self.settings.effort.drawn))
        chance = self.models.feasibility
        if chance is None:
            return X[0], {"how": "random", "because": because}
        model, bound = chance
        return X[np.argmax(Below(model, bound).value(X, A))], {
            "how": "feasible",
            "because": because,
        }

    def _modelled(self, number: int) -> tuple[Array, dict[str, Any]]:
        objectives = len(self.problem.objectives)
        if objectives > VOLUME:
            weights = self.rng.dirichlet(np.ones(objectives))
            return self._single(number, self.models.scalarised(weights), weights)
        if objectives > 1:
            return self._several(number)
        return self._single(number, self.models.loss(0, self.settings.members))

    def _single(
        self, number: int, loss: Loss, weights: Array | None = None
    ) -> tuple[Array, dict[str, Any]]:
        """Return the point of the largest expected improvement of one loss."""
        data, settings = self.data, self.settings
        model, units = loss
        again = self._again(model, number) if weights is None else None
        if again is not None:
            return again
        eligible = data.eligible[data.known]
        conditions = self._conditions()
        believed = self._with_running(model)
        how: dict[str, Any] = {"how": "model"}
        elite = data.X[data.known][np.argsort(model.fitted.mean(0), kind="stable")[:ELITE]]
        if not eligible.any() and conditions:
            return self._feasible(conditions, elite)
        best = model.fitted[:, eligible].min(axis=1) if eligible.any() else model.fitted.min(axis=1)
        if len(self.running):
            # What is running is believed to reach what is expected of it: improve on that.
            best = np.minimum(best, model.mean(self.running, self.running_active).min(axis=1))
        parts = [*conditions, *self._wishes()]
        arm = self._neglected(number, elite[0])
        if arm is not None:
            mine = arm.rows[: len(data.X)][data.known]
            # What counts is progress on the arm's own best: it need not win at once.
            own = model.fitted[:, mine].min(axis=1) if mine.any() else best
            target = Sum([Improvement(believed, own, units), *parts])
            x = self._best_of_pool(target, elite, arm)
            how = {"how": "explore", **self._named(arm, x)}
        else:
            target = Sum([Improvement(believed, best, units), *parts])
            terrain = self._around(elite[0])
            x = self._fresh(maximise(target, terrain, elite, self.rng, settings.effort))
        a = self.terrain.legal(x[None].copy())[1][0]
        return x, {
            **how,
            **(
                expectation(model, data, 0, x, a)
                if weights is None
                else {"weights": [rounded(w) for w in weights]}
            ),
            "log_ei": rounded(Improvement(believed, best, units).value(x[None], a[None])[0]),
            "explore": exploration(believed, best, x, a),
            "near": nearest(data, self.terrain.choices, x),
        }

    def _best_of_pool(self, target: Part, elite: Array, arm: Arm) -> Array:
        """Return the best of many points of an arm, without climbing.

        Where little is known, climbing ends in the corners.
        """
        effort = self.settings.effort
        X, A = pool(self.terrain, elite, self.rng, effort, arm)
        values = target.value(X, A)
        order = np.argsort(-values, kind="stable")
        return self._fresh(Found(X[order], A[order], values[order]))

    def _named(self, arm: Arm, x: Array) -> dict[str, Any]:
        name = self.codec.columns[arm.column].param
        value = self.codec.decode(x[None])[0].get(name)
        return {"of": name, "value": value if isinstance(value, str | int | float) else str(value)}

    def _feasible(self, conditions: list[Part], elite: Array) -> tuple[Array, dict[str, Any]]:
        """Return the point that is most likely to be within the limits."""
        found = maximise(Sum(conditions), self.terrain, elite, self.rng, self.settings.effort)
        why = {"how": "feasible", "because": "no trial is within all limits so far"}
        return self._fresh(found), why

    def _several(self, number: int) -> tuple[Array, dict[str, Any]]:
        """Return the point of the largest expected gain in hypervolume."""
        data, settings, objectives = self.data, self.settings, len(self.problem.objectives)
        members = min(settings.members, SEVERAL)
        models = [self.models.loss(k, members).model for k in range(objectives)]
        conditions = self._conditions()
        eligible = data.eligible[data.known]
        known = data.X[data.known]
        if not eligible.any() and conditions:
            found = maximise(
                Sum(conditions), self.terrain, known[:ELITE], self.rng, settings.effort
            )
            why = {"how": "feasible", "because": "no trial is within all limits so far"}
            return self._fresh(found), why
        counted = eligible if eligible.any() else np.ones(len(known), dtype=bool)
        means = np.stack([model.fitted[:, counted] for model in models], axis=-1)
        believed = [self._with_running(model) for model in models]
        if len(self.running):
            # What is running is expected to end where the model says, and so fills its place.
            ahead = [model.mean(self.running, self.running_active) for model in models]
            means = np.concatenate([means, np.stack(ahead, axis=-1)], axis=1)
        fronts = [each[nondominated(each)] for each in means]
        open_cells = [
            cells(front, _beyond_the_worst(each)) for front, each in zip(fronts, means, strict=True)
        ]
        target = Sum([HypervolumeImprovement(believed, open_cells), *conditions, *self._cheap()])
        elite = known[counted][nondominated(means[0, : int(counted.sum())])]
        elite = elite[self.rng.permutation(len(elite))[: 2 * ELITE]]
        how: dict[str, Any] = {"how": "model"}
        arm = self._neglected(number, elite[0])
        if arm is not None:
            x = self._best_of_pool(target, elite, arm)
            how = {"how": "explore", **self._named(arm, x)}
        else:
            x = self._fresh(maximise(target, self.terrain, elite, self.rng, settings.effort))
        a = self.terrain.legal(x[None].copy())[1]
        expected = [expectation(model, data, k, x, a[0]) for k, model in enumerate(models)]
        return x, {
            **how,
            "expected": [e["expected"] for e in expected],
            "interval": [e["interval"] for e in expected],
            "log_ehvi": rounded(target.parts[0].value(x[None], a)[0]),
            "near": nearest(data, self.terrain.choices, x),
        }

    def _neglected(self, number: int, best: Array) -> Arm | None:
        """Return the arm that it is the turn of, if any was tried too rarely."""
        every = self.settings.explore_every
        if not every or number % every != every - 1:
            return None
        tried = np.vstack([self.data.X, self.running])
        return neglected(self.terrain, tried, best, self.rng, self.settings.explore_until)

    def _around(self, best: Array) -> Terrain:
        """Return where to look: everywhere, or near the best once there are many results."""
        if self.data.size <= self.settings.most:
            return self.terrain
        losses = self.history.losses[:, 0]
        return Region(self.terrain, best, side(losses, self.settings.most))

    def _with_running(self, model: Surrogate) -> Surrogate:
        if not len(self.running):
            return model
        # Whatever the noise: a second trial of what is running waits for its result.
        return model.followed_by(self.running, self.running_active, noise=0.0)

    def _conditions(self) -> list[Part]:
        """Return the chances of being within the limits, and of having a result at all."""
        found = [self.models.limit(k) for k in range(self.data.excess.shape[1])]
        found.append(self.models.feasibility)
        return [Below(model, bound) for model, bound in filter(None, found)]

    def _cheap(self) -> list[Part]:
        """Return the logarithm of the cost, to be taken off: improvement per unit of cost."""
        cost = self.models.cost
        return [] if cost is None else [Expected(cost[0], -cost[1])]

    def _wishes(self) -> list[Part]:
        """Return what is wanted beside an improvement: low cost, and what an expert believes."""
        parts = self._cheap()
        weight = self._belief_weight()
        if weight:
            parts.append(Belief(self.codec, weight))
        return parts

    def _belief_weight(self) -> float:
        """Return the weight of the expert's beliefs: it fades, and is 0 where they are wrong."""
        data = self.data
        if not self.problem.space.has_beliefs:
            return 0.0
        belief = self.codec.log_belief(data.X[data.known])
        loss = data.losses[data.known, 0]
        if len(loss) >= 8 and np.ptp(belief) > 0:
            ranks = [np.argsort(np.argsort(v, kind="stable")) for v in (belief, loss)]
            if np.corrcoef(ranks[0], ranks[1])[0, 1] > 0.2:
                return 0.0
        return self.settings.belief_strength / max(len(loss), 1)

    def _again(self, model: Surrogate, number: int) -> tuple[Array, dict[str, Any]] | None:
        """Return a good point that was tried before, if noise hides which of them is the best."""
        data = self.data
        if self.problem.avoids_duplicates or number % REPLICATE_EVERY:
            return None
        if float(model.noise.mean()) < NOISY or len(data.rows) < 2 * self.settings.n_startup:
            return None
        X, A = data.X[data.known], data.A[data.known]
        distinct = np.unique(X, axis=0, return_index=True)[1]
        mean, sd = moments(*model.predict(X[distinct], A[distinct]))
        top = np.argsort(mean, kind="stable")[:3]
        if len(top) < 2 or mean[top[1]] - mean[top[0]] > sd[top].max():
            return None
        row = distinct[top[np.argmax(sd[top])]]
        trial = data.trials[np.flatnonzero(data.known)[row]]
        share = rounded(float(model.noise.mean()))
        return X[row], {"how": "replicate", "of": trial.number, "noise": share}

    def _fresh(self, found: Found) -> Array:
        """Return the best point that was not tried, unless noise makes it worth another trial."""
        seen = {row.tobytes() for row in np.vstack([self.data.X, self.running])}
        first: Array = found.X[0]
        for row in found.X:
            if row.tobytes() not in seen:
                fresh: Array = row
                return fresh
        return first


def _beyond_the_worst(losses: Array) -> Array:
    """Return a reference point that all points dominate.

    With one at the ends of the front, nothing that would extend the front is worth a trial.
    """
    span = np.ptp(losses, axis=0)
    beyond: Array = losses.max(axis=0) + 0.1 * np.where(span > 0, span, 1.0)
    return beyond
