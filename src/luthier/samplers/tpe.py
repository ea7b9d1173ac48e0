"""TPE, the tree-structured Parzen estimator."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from luthier.errors import InvalidInput
from luthier.model.history import History
from luthier.model.problem import Problem
from luthier.model.trial import Params
from luthier.samplers.base import Suggestion
from luthier.samplers.tpe_axes import Axes, axes_of
from luthier.samplers.tpe_model import Model, Sizes, fit
from luthier.samplers.tpe_record import Record, record_of, wants_new
from luthier.samplers.tpe_startup import startup
from luthier.space.codec import INACTIVE, Codec

Array = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class TPE:
    """Propose what is frequent among good trials and rare among bad ones.

    The good trials make one density, the bad and the running ones another. Of some points drawn
    from the first the one with the highest ratio of the two is proposed. Parameters that are
    active in the same trials share a density, and each of these parts is decided by its own
    ratio: parents choose the branch, and only then the children in it matter, so that a branch
    with many parameters has no advantage. The first trials fill the space evenly.

    With several objectives whole fronts are good. With limits the ratio of the trials within
    and beyond them counts as well. A pruned trial ranks by its last report behind all complete
    ones; one that failed or was infeasible is bad.

    Parameters
    ----------
    n_startup : int, default 10
        So many trials have to end before the densities are used.
    share : float, default 0.15
        Which share of the trials is good, in (0, 1).
    most_good : int, default 50
        How many trials are good at most.
    most_bad : int, default 300
        How many bad trials are looked at. Of more, three quarters are the newest ones.
    candidates : int, default 64
        How many points are drawn, among which the best is proposed.
    belief_strength : float, default 10.0
        How much experts' beliefs weigh at first: the log density of what they believe is added
        to the log ratio, times this number over the number of trials. 0 ignores them.

    Raises
    ------
    InvalidInput
        If a setting is out of its range.

    References
    ----------
    Bergstra et al. (2011), Algorithms for hyper-parameter optimization, NeurIPS. Watanabe
    (2023), Tree-structured Parzen estimator, arXiv:2304.11127. Watanabe and Hutter (2023),
    c-TPE, arXiv:2211.14411, for limits. Ozaki et al. (2022), Multiobjective tree-structured
    Parzen estimator, JAIR 73. Hvarfner et al. (2022), piBO, arXiv:2204.11051, for beliefs.
    """

    n_startup: int = 10
    share: float = 0.15
    most_good: int = 50
    most_bad: int = 300
    candidates: int = 64
    belief_strength: float = 10.0

    def __post_init__(self) -> None:
        for name, least in (("n_startup", 1), ("most_good", 1), ("most_bad", 4), ("candidates", 1)):
            given = getattr(self, name)
            if isinstance(given, bool) or not isinstance(given, int) or given < least:
                raise InvalidInput(f"TPE: {name}", given, f"a whole number of at least {least}")
        if not 0 < self.share < 1:
            raise InvalidInput("TPE: share", self.share, "a number in (0, 1)")
        if not 0 <= self.belief_strength < math.inf:
            raise InvalidInput("TPE: belief_strength", self.belief_strength, "a number from 0 on")

    def suggest(
        self, problem: Problem, history: History, rng: np.random.Generator, n: int = 1
    ) -> Sequence[Suggestion]:
        """Propose `n` points; each of them counts as bad for those after it."""
        first = history.count
        if len(history.ended) < self.n_startup:
            return [
                startup(problem, history, rng, index, self.n_startup)
                for index in range(first, first + n)
            ]
        axes = history.remember(("tpe: axes", problem.space), lambda: axes_of(problem.space))
        ended = record_of(problem, history)
        pending = [trial.params for trial in history.running]
        found: list[Suggestion] = []
        for _ in range(n):
            record = ended.with_pending(problem.space, pending)
            draws = self._draw(problem.space.codec, axes, record, rng)
            found.append(draws.first(problem, history, pending))
            pending.append(found[-1].params)
        return found

    def _draw(self, codec: Codec, axes: Axes, record: Record, rng: np.random.Generator) -> _Draws:
        """Return points that may be run, the best first."""
        sizes = Sizes(self.share, self.most_good, self.most_bad)
        models = [
            fit(part, record, rows, sizes, self.belief_strength)
            for part, rows in _parts(axes, record.activity)
        ]
        units = np.full((self.candidates, codec.d), INACTIVE)
        scores = np.zeros((self.candidates, len(models)))
        for i, model in enumerate(models):
            model.draw(rng, units)
            score = model.score(units)
            best_first = np.argsort(-score, kind="stable")
            columns = model.axes.columns
            units[:, columns] = units[np.ix_(best_first, columns)]
            scores[:, i] = score[best_first]
        if not codec.space.constraints:
            return _Draws(units, scores, models, "good trials")
        feasible = codec.feasible(units)
        if feasible.any():
            return _Draws(units[feasible], scores[feasible], models, "good trials")
        # The best of each part do not go together: what is drawn as a whole does.
        units = codec.sample(rng, self.candidates)
        active = codec.active(units)
        scores = np.column_stack(
            [np.where(active[:, m.axes.columns[0]], m.score(units), 0.0) for m in models]
        )
        best_first = np.argsort(-scores.sum(axis=1), kind="stable")
        return _Draws(units[best_first], scores[best_first], models, "feasible points")


@dataclass(frozen=True, slots=True, eq=False)
class _Draws:
    """Encoded points that may be run, the best first, and the score of each part."""

    units: Array
    scores: Array
    models: Sequence[Model]
    source: str

    def first(self, problem: Problem, history: History, pending: Sequence[Params]) -> Suggestion:
        """Return the best point that was not tried before, or the best if all were."""
        codec = problem.space.codec
        if wants_new(problem):
            for row in range(len(self.units)):
                params = codec.decode_one(self.units[row].tolist())
                if params not in pending and history.find(params) is None:
                    return Suggestion(params, self._why(codec, row))
        return Suggestion(codec.decode_one(self.units[0].tolist()), self._why(codec, 0))

    def _why(self, codec: Codec, row: int) -> dict[str, object]:
        if not self.models:
            return {"how": "only", "because": "the space has one point"}
        if not any(model.good or model.bad for model in self.models):
            return {"how": "random", "because": "no trial tells anything about these parameters"}
        scores = self.scores[row]
        if len(self.models) > 1:
            active = codec.active(self.units[[row]])[0]
            scores = scores[[active[model.axes.columns[0]] for model in self.models]]
        return {
            "how": "model",
            "log_ratio": round(float(scores.sum()), 4),
            "good": self.models[0].good,
            "bad": self.models[0].bad,
            "drawn_from": self.source,
        }


def _parts(axes: Axes, activity: Array) -> list[tuple[Axes, Indices]]:
    """Return the columns that are active in the same trials, with those trials."""
    columns = axes.columns
    if not len(columns):
        return []
    if activity.all():
        return [(axes, np.arange(len(activity)))]
    active = activity[:, columns] > 0
    together: dict[bytes, list[int]] = {}
    for column, pattern in zip(columns.tolist(), active.T, strict=True):
        together.setdefault(pattern.tobytes(), []).append(column)
    return [
        (axes.part(np.array(group)), np.flatnonzero(activity[:, group[0]]))
        for group in together.values()
    ]
