"""Monotone transformations that make losses easier to model. Less is better throughout.

All take finite doubles of any size, the largest and the smallest included.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import log

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from luthier.errors import InvalidInput

Array = NDArray[np.float64]

EQUAL = 1e-12
"""Values that differ by less than this share of the largest are equal, but for rounding."""

FAR = 1e100
"""Bad losses count as no farther than this from the median, in spreads of the good ones."""


def standardised(y: Array) -> Array:
    """Return values of mean 0 and standard deviation 1; zeros where all are equal.

    Parameters
    ----------
    y : ndarray, shape (n,)
        Finite numbers.

    Raises
    ------
    InvalidInput
        If a number is not finite.
    """
    _check(y)
    # Times a power of two, which costs no digit: nothing overflows as it is squared.
    z = np.ldexp(y, -np.frexp(np.abs(y).max(initial=0.0))[1])
    spread = float(z.std()) if z.size else 0.0
    if spread <= EQUAL:
        return np.zeros_like(z)
    result: Array = (z - z.mean()) / spread
    return result


def tamed(y: Array) -> Array:
    """Return losses with their median at 0, on a scale where the good half has spread 1.

    The spread is the root of the mean square of what lies below the median. Where
    nothing does, the next value above is 1.

    Parameters
    ----------
    y : ndarray, shape (n,)
        Finite numbers.

    Raises
    ------
    InvalidInput
        If a number is not finite.
    """
    _check(y)
    if not y.size:
        return np.zeros(0)
    # A quarter of what is so large that differences might overflow.
    z: Array = y * (0.25 if np.abs(y).max() > 1e300 else 1.0)
    z -= np.median(z)
    good = z[z <= 0]
    largest = float(-good.min())
    if largest > 0:
        unit = largest * float(np.sqrt(np.mean((good / largest) ** 2)))
    elif (z > 0).any():
        unit = float(z[z > 0].min())
    else:
        return z
    with np.errstate(over="ignore"):
        return np.minimum(z / unit, FAR)


def half_rank(y: Array) -> Array:
    """Keep the good half as it is, and give the bad half the quantiles of a normal.

    Song et al. (2024), The Vizier Gaussian Process Bandit Algorithm, arXiv:2408.11527,
    section 3.1. Equal losses stay equal.

    Parameters
    ----------
    y : ndarray, shape (n,)
        Finite numbers.

    Returns
    -------
    ndarray, shape (n,)
        Standardised.
    """
    z = tamed(y)
    bad = z > 0
    ranks = np.unique(z[bad], return_inverse=True)[1] + 1.0
    z[bad] = ndtri(0.5 + 0.5 * (ranks - 0.5) / max(len(ranks), 1))
    return standardised(z)


def half_log(y: Array, strength: float = 1.0) -> Array:
    """Keep the good half as it is, and let the bad half grow like a logarithm.

    Smooth where both meet: ``log(1 + s z) / s`` for ``z > 0``, with strength `s`.

    Parameters
    ----------
    y : ndarray, shape (n,)
        Finite numbers.
    strength : float, default 1.0
        How soon the logarithm bends.

    Returns
    -------
    ndarray, shape (n,)
        Standardised.
    """
    z = tamed(y)
    bad = z > 0
    z[bad] = np.log1p(strength * z[bad]) / strength
    return standardised(z)


def signed_log(y: Array) -> Array:
    """Compress both tails around zero, which stays zero.

    ``asinh(y / t)`` with the median size t of all that is not zero: straight within
    it, a logarithm beyond.

    Parameters
    ----------
    y : ndarray, shape (n,)
        Finite numbers.

    Raises
    ------
    InvalidInput
        If a number is not finite.
    """
    _check(y)
    size = np.abs(y.astype(np.float64))
    known = np.sort(size[size > 0])
    if not known.size:
        return np.zeros_like(size)
    low, high = known[(len(known) - 1) // 2], known[len(known) // 2]
    typical = float(low + (high - low) / 2)
    # asinh(x) is log(2 x) to the last digit there, and the quotient might overflow.
    large = size > 1e8 * typical
    size[large] = np.log(size[large]) + log(2) - log(typical)
    size[~large] = np.arcsinh(size[~large] / typical)
    return np.copysign(size, y)


def _check(y: Array) -> None:
    if not np.isfinite(y).all():
        raise InvalidInput("y", y, "finite numbers")


WARPS: dict[str, Callable[[Array], Array]] = {
    "none": standardised,
    "half_rank": half_rank,
    "half_log": half_log,
    "half_log3": partial(half_log, strength=3.0),
    "half_log01": partial(half_log, strength=0.1),
}
"""Warps of losses by name; each returns values of mean 0 and standard deviation 1."""
