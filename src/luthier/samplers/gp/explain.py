"""Why a point: what the model expects of it, in the user's units."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from luthier.samplers.gp.data import Data, Mask
from luthier.samplers.gp.prior_mean import Surrogate

Array = NDArray[np.float64]

QUANTILES = ndtri((np.arange(32) + 0.5) / 32)
"""Stand for a normal distribution that is carried through a warp."""

NEAREST = 3
"""How many of the earlier trials are named."""


def moments(mean: Array, sd: Array) -> tuple[Array, Array]:
    """Return mean and standard deviation of the mixture of all members, ``(n,)`` each."""
    centre = mean.mean(axis=0)
    return centre, np.sqrt((sd**2).mean(axis=0) + mean.var(axis=0))


def unwarped(z: Array, seen_z: Array, seen_y: Array) -> Array:
    """Return what values on the model's scale are in the units of the observations.

    Between observations the line through its neighbours; below the best and beyond
    the worst the line on through the better and through the worse half.
    """
    order = np.argsort(seen_z, kind="stable")
    zs, first = np.unique(seen_z[order], return_index=True)
    ys = seen_y[order][first]
    if len(zs) == 1:
        return np.full(np.shape(z), ys[0])
    middle = len(zs) // 2
    low = (ys[max(middle, 1)] - ys[0]) / (zs[max(middle, 1)] - zs[0])
    high = (ys[-1] - ys[min(middle, len(zs) - 2)]) / (zs[-1] - zs[min(middle, len(zs) - 2)])
    inside = np.interp(z, zs, ys)
    result = np.where(z < zs[0], ys[0] + low * (z - zs[0]), inside)
    return np.asarray(np.where(z > zs[-1], ys[-1] + high * (z - zs[-1]), result))


def spread(model: Surrogate, losses: Array, x: Array, a: Array, wider: float = 1.0) -> Array:
    """Return equally likely values of the noise-free loss at a point, by all members.

    Each member's standard deviation is taken times `wider`.
    """
    mean, sd = model.predict(x[None], a[None])
    return np.concatenate(
        [
            unwarped(m + wider * s * QUANTILES, z, losses)
            for m, s, z in zip(mean[:, 0], sd[:, 0], model.y, strict=True)
        ]
    )


def expectation(model: Surrogate, data: Data, objective: int, x: Array, a: Array) -> dict[str, Any]:
    """Return the value that is expected at a point, and the interval that holds it in 9 of 10."""
    values = spread(model, data.losses[data.known, objective], x, a)
    low, middle, high = np.quantile(data.problem.signs[objective] * values, (0.05, 0.5, 0.95))
    return {"expected": rounded(middle), "interval": [rounded(low), rounded(high)]}


def exploration(model: Surrogate, best: Array, x: Array, a: Array) -> float:
    """Return which share of the expected improvement stems from uncertainty, in [0, 1].

    EI is ``(best - mean) Phi(z) + sd phi(z)``: what is gained where the mean is right, and
    what is gained because it may be wrong.
    """
    mean, sd = model.predict(x[None], a[None])
    z = (best[:, None] - mean) / sd
    exploit = np.maximum(best[:, None] - mean, 0.0) * ndtr(z)
    explore = sd * np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    total = float((exploit + explore).sum())
    return rounded(float(explore.sum()) / total) if total > 0 else 1.0


def nearest(data: Data, choices: Mask, x: Array) -> list[int]:
    """Return the numbers of the trials most alike in their params, nearest first.

    The distance is that of the unit cube, with 1 between different choices.
    """
    X = data.X[data.known]
    distance = np.where(choices, x != X, X - x)
    order = np.argsort((distance**2).sum(axis=1), kind="stable")[:NEAREST]
    rows = np.flatnonzero(data.known)[order]
    return [data.trials[row].number for row in rows]


def rounded(value: float) -> float:
    """Return six significant digits, as a plain float."""
    return float(f"{float(value):.6g}")
