"""Monotone transformations that make losses easier to model. Less is better throughout."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

Array = NDArray[np.float64]


def standardised(y: Array) -> Array:
    """Return values of mean 0 and standard deviation 1; zeros where all are equal."""
    spread = float(y.std())
    if not spread > 1e-12 * max(1.0, float(np.abs(y).max(initial=0.0))):
        return np.zeros_like(y)
    return (y - y.mean()) / spread


def tamed(y: Array) -> Array:
    """Return losses on a scale where the good half has spread 1 around the median.

    The extreme doubles do not overflow: everything is scaled before it is squared.
    """
    middle = float(np.median(y))
    good = y[y <= middle]
    largest = float(np.abs(good - middle).max(initial=0.0))
    if largest == 0.0:
        # Half of the losses or more are equal and none is better.
        rest = y[y > middle]
        return np.zeros_like(y) if len(rest) == 0 else (y - middle) / float(rest.min() - middle)
    spread = largest * float(np.sqrt(np.mean(((good - middle) / largest) ** 2)))
    return np.clip((y - middle) / spread, -1e100, 1e100)


def half_rank(y: Array) -> Array:
    """Keep the good half as it is, and give the bad half the quantiles of a normal.

    Song et al. (2024), The Vizier Gaussian Process Bandit Algorithm, arXiv:2408.11527,
    section 3.1.
    """
    z = tamed(y)
    bad = z > 0
    if bad.any():
        ranks = np.unique(z[bad], return_inverse=True)[1] + 1.0
        z[bad] = ndtri(0.5 + 0.5 * (ranks - 0.5) / len(ranks))
    return standardised(z)


def half_log(y: Array, strength: float = 1.0) -> Array:
    """Keep the good half as it is, and let the bad half grow like a logarithm.

    Smooth where both meet: ``log(1 + s z) / s`` for ``z > 0``, with strength `s`.
    """
    z = tamed(y)
    bad = z > 0
    z[bad] = np.log1p(strength * z[bad]) / strength
    return standardised(z)


def plain(y: Array) -> Array:
    """Only standardise."""
    largest = float(np.abs(y).max(initial=0.0))
    return standardised(y / largest if largest > 1e100 else y)


def signed_log(y: Array) -> Array:
    """Compress both tails around zero, which stays zero: ``asinh`` of y over its typical size."""
    typical = float(np.median(np.abs(y[y != 0.0]))) if (y != 0.0).any() else 1.0
    return np.arcsinh(y / typical)


WARPS: dict[str, Callable[[Array], Array]] = {
    "none": plain,
    "half_rank": half_rank,
    "half_log": half_log,
    "half_log3": partial(half_log, strength=3.0),
}
