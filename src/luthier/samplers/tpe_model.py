"""The densities of TPE over parameters that are active together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from luthier.numerics.parzen import Mixture, Points
from luthier.numerics.parzen_split import Split, split, split_by_limits
from luthier.samplers.tpe_axes import Axes
from luthier.samplers.tpe_record import Record

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

SMOOTHING, SMOOTH_FROM = 0.5, 150
"""Least width of the kernels of bad trials, in widths of Scott's rule, reached after so many.

Among few bad trials narrow kernels send proposals to where nobody has been. Among many they
would keep them away from the very region that they should refine.
"""

CURIOSITY = 3.0
"""How readily proposals try other choices than those of good trials.

A wrong choice of a branch, taken early, is the most expensive mistake in a conditional space.
"""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many trials the densities are made of; see `luthier.samplers.tpe.TPE`."""

    share: float
    most_good: int
    most_bad: int

    def good(self, trials: int) -> int:
        """Return how many of so many trials are good."""
        return min(max(2, int(np.ceil(self.share * trials))), self.most_good, trials)


@dataclass(frozen=True, slots=True, eq=False)
class Ratio:
    """Two densities, and how the log of their ratio counts.

    Attributes
    ----------
    good, bad : Mixture
    share : float
        0 for the log ratio itself. Else the share of the good trials: the ratio is then taken
        to the density of all trials, ``1 / (share + (1 - share) * bad / good)``, which counts
        little if almost all trials are good.
    """

    good: Mixture
    bad: Mixture
    share: float = 0.0

    def log(self, points: Points) -> Array:
        """Return how much the points are like the good trials, shape ``(n,)``."""
        log_ratio = self.good.log_density(points) - self.bad.log_density(points)
        if not self.share:
            return log_ratio
        with np.errstate(divide="ignore"):
            mixed: Array = -np.logaddexp(np.log(self.share), np.log1p(-self.share) - log_ratio)
        return mixed


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """What is good in some columns, by the trials in which they were active.

    Attributes
    ----------
    axes : Axes
    ratios : tuple of Ratio
        That of the objectives, and that of the limits if there are any.
    belief_weight : float
        Of the log density of the beliefs.
    good, bad : int
        How many trials the first ratio is made of.
    """

    axes: Axes
    ratios: tuple[Ratio, ...]
    belief_weight: float
    good: int
    bad: int

    def draw(self, rng: np.random.Generator, units: Array) -> None:
        """Write points drawn from the good densities into encoded rows, evenly from each."""
        count, start = len(units), 0
        for i, ratio in enumerate(self.ratios, start=1):
            stop = count * i // len(self.ratios)
            self.axes.put(ratio.good.draw(rng, stop - start), units[start:stop])
            start = stop

    def score(self, units: Array) -> Array:
        """Return how good encoded rows look, shape ``(n,)``; the higher the better."""
        points = self.axes.points(units)
        total = np.zeros(len(units))
        for ratio in self.ratios:
            total += ratio.log(points)
        if self.belief_weight and self.axes.believed:
            total += self.belief_weight * self.axes.log_belief(units)
        return total


def fit(axes: Axes, record: Record, rows: Indices, sizes: Sizes, belief_strength: float) -> Model:
    """Return the model of some columns.

    Parameters
    ----------
    axes : Axes
        Of the columns.
    record : Record
    rows : array of int
        Trials in which they are active.
    sizes : Sizes
    belief_strength : float
        Over the number of trials it is the weight of the beliefs (piBO).
    """
    losses = record.losses[rows]
    count = sizes.good(int((rows < record.ended).sum()))
    weight = belief_strength / max(len(rows), 1)
    if record.violations is None:
        parts = split(losses, count, sizes.most_bad)
        ratios: tuple[Ratio, ...] = (_ratio(axes, record.units, rows, parts),)
    else:
        violations = record.violations[rows]
        both = _splits_with_limits(losses, violations, count, sizes.most_bad)
        parts = both[0]
        ratios = tuple(_ratio(axes, record.units, rows, each, relative=True) for each in both)
    return Model(axes, ratios, weight, len(parts.good), len(parts.bad))


def _ratio(axes: Axes, units: Array, rows: Indices, parts: Split, relative: bool = False) -> Ratio:
    good, bad = (axes.points(units[rows[part]]) for part in (parts.good, parts.bad))
    smoothing = SMOOTHING * min(1.0, len(bad) / SMOOTH_FROM)
    return Ratio(
        Mixture(axes.domain, good, parts.good_weights, curiosity=CURIOSITY),
        Mixture(axes.domain, bad, parts.bad_weights, smoothing=smoothing),
        parts.share if relative else 0.0,
    )


def _splits_with_limits(losses: Array, violations: Array, good: int, most_bad: int) -> list[Split]:
    """Return a split by the losses and one by the limits, or the one that tells anything.

    The good losses are so many that `good` of them are within the limits.
    """
    by_limits = split_by_limits(violations, good, most_bad)
    within = violations == 0
    if not within.any():
        return [by_limits]
    wanted, results = min(good, int(within.sum())), int((~np.isnan(losses[:, 0])).sum())
    by_losses = split(losses, good, most_bad)
    while len(by_losses.good) < results and within[by_losses.good].sum() < wanted:
        good *= 2
        by_losses = split(losses, good, most_bad)
    return [by_losses, by_limits] if len(by_limits.bad) else [by_losses]
