"""A random forest of losses over a space: what it sees, what it predicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.errors import MissingExtra
from luthier.numerics.nds import scaled
from luthier.samplers._population import Standing
from luthier.space.space import Space

Array = NDArray[np.float64]

ONE_HOT = 16
"""Unordered choices of at most so many options get a column for each option."""

INACTIVE = -1.0
"""Stands for what is not active: one split tells it from every coordinate."""

LEAST_SHARE = 1e-3
"""The least standard deviation, relative to that of all targets: where all trees agree."""


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """What the trees see of points.

    Attributes
    ----------
    plain : array of int
        Columns that are seen as they are.
    split : tuple of (int, int)
        Columns that are seen option by option, and how many options they have.
    """

    plain: NDArray[np.int64]
    split: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, space: Space) -> Features:
        """Return the features of a space."""
        split = tuple(
            (j, levels)
            for j, column in enumerate(space.codec.columns)
            if column.kind == "categorical" and 2 < (levels := column.levels or 0) <= ONE_HOT
        )
        rest = set(range(space.codec.d)) - {j for j, _ in split}
        return cls(np.array(sorted(rest), np.int64), split)

    def __call__(self, points: Array, active: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Return the features of points of shape ``(n, d)``, shape ``(n, features)``."""
        seen = np.where(active, points, INACTIVE)
        parts = [seen[:, self.plain]]
        for j, levels in self.split:
            option = np.minimum((seen[:, j] * levels).astype(np.int64), levels - 1)
            parts.append((option[:, None] == np.arange(levels)) & active[:, [j]])
        return np.hstack(parts).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """Trees grown on all trials up to some size of the history.

    Attributes
    ----------
    trees : tuple
        Of scikit-learn.
    best : float
        The least target.
    least_sd : float
        Predictions are at least so uncertain.
    """

    trees: tuple[Any, ...]
    best: float
    least_sd: float

    @classmethod
    def grown(cls, features: NDArray[np.float32], targets: Array, trees: int, seed: int) -> Model:
        """Grow a forest.

        Raises
        ------
        MissingExtra
            If scikit-learn is not installed.
        """
        try:
            from sklearn.ensemble import RandomForestRegressor
        except ImportError as error:
            raise MissingExtra("the sampler Forest", "forest") from error
        forest = RandomForestRegressor(
            n_estimators=trees, min_samples_split=3, max_features=5 / 6, random_state=seed
        )
        forest.fit(features, targets)
        grown = tuple(tree.tree_ for tree in forest.estimators_)
        sd = LEAST_SHARE * float(targets.std()) or 1e-9
        return cls(grown, float(targets.min()), sd)

    def leaves(self, features: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return the leaf of each point in each tree, shape ``(n, trees)``."""
        return np.column_stack([tree.apply(features) for tree in self.trees])

    def predict(self, leaves: NDArray[np.int64]) -> tuple[Array, Array]:
        """Return means and standard deviations over the trees, each of shape ``(n,)``."""
        columns = zip(self.trees, leaves.T, strict=True)
        means = np.column_stack([tree.value[leaf, 0, 0] for tree, leaf in columns])
        return means.mean(axis=1), np.maximum(means.std(axis=1), self.least_sd)


def targets(found: Standing) -> Array:
    """Return what the forest learns: logarithms of losses above the best, larger for worse.

    Trials without a result, or beyond the limits, lie behind all others, in their order.
    """
    losses = found.losses[:, 0]
    good = np.isfinite(losses) & (found.violations == 0)
    result = np.empty(len(losses))
    if good.any():
        above = scaled(losses[good])
        above = above - above.min()
        # The median tells the scale: the worst losses of tuning are arbitrarily bad.
        scale = float(np.median(above)) or float(above.max()) or 1.0
        result[good] = np.log(0.01 + above / scale)
    behind = found.order[len(losses) - int((~good).sum()) :]
    low, high = (result[good].min(), result[good].max()) if good.any() else (0.0, 0.0)
    reach = (high - low) or 1.0
    result[behind] = high + reach * np.linspace(0.1, 0.2, len(behind))
    return result
