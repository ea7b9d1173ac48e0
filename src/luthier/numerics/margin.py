"""Discrete coordinates under a normal distribution: cells that it may not cease to leave.

A number with few values is a continuous coordinate cut into cells. Without help, a normal
distribution that shrinks is caught in one cell for ever; a margin keeps the probability of
leaving it above a bound.

References
----------
Hamano et al. (2022), CMA-ES with Margin, arXiv:2205.13482.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def imputed(mean: Array, sd: Array, low: Array, high: Array, uniform: Array) -> Array:
    """Draw from a normal distribution between bounds, by inversion.

    Parameters
    ----------
    mean, sd : arrays
        Of the distribution.
    low, high : arrays
        The bounds, ``low <= high``; infinite where there are none.
    uniform : array
        In [0, 1): which quantile between the bounds.

    Returns
    -------
    array of the common shape
        In [low, high]. Where no probability is left, the bound nearer to the mean.
    """
    from scipy.special import ndtr, ndtri

    a, b = (low - mean) / sd, (high - mean) / sd
    # Far on the right 1 - p has no digits left, so the right side is mirrored to the left.
    mirrored = a > 0
    left, right = np.where(mirrored, -b, a), np.where(mirrored, -a, b)
    from_, to = ndtr(left), ndtr(right)
    share = np.where(mirrored, 1 - uniform, uniform)
    z = np.clip(ndtri(from_ + share * (to - from_)), left, right)
    z = np.where(to > 0, z, right)
    return np.clip(mean + sd * np.where(mirrored, -z, z), low, high)


def with_margin(
    mean: Array, sd: Array, low: Array, high: Array, least: float
) -> tuple[Array, Array]:
    """Move and widen distributions until each leaves its cell often enough.

    Parameters
    ----------
    mean, sd : arrays of shape ``(d,)``
        Of normal distributions, each within a cell.
    low, high : arrays of shape ``(d,)``
        The bounds of that cell; infinite at an outer one, but not both.
    least : float
        The least probability of leaving the cell, on both sides together; below 1/2.

    Returns
    -------
    mean, sd : arrays of shape ``(d,)``
    """
    from scipy.special import ndtr, ndtri

    outer = np.isinf(low) | np.isinf(high)
    # Outer cells have one way out: the mean comes near enough to it, and the width stays.
    edge = np.where(np.isinf(low), high, low)
    reach = -ndtri(least) * sd
    near = edge + np.clip(mean - edge, -reach, reach)

    # Inner cells: the two probabilities are raised to the bound, and what they gain the middle
    # loses; a mean and width that give just these exist and are unique.
    safe_low, safe_high = np.where(outer, mean - 1, low), np.where(outer, mean + 1, high)
    below = np.maximum(ndtr((safe_low - mean) / sd), least / 2)
    above = np.maximum(ndtr((mean - safe_high) / sd), least / 2)
    middle = np.maximum(ndtr((safe_high - mean) / sd) - ndtr((safe_low - mean) / sd), 1e-12)
    surplus = below + above + middle - 1
    room = below + above + middle - least
    below -= surplus * (below - least / 2) / room
    above -= surplus * (above - least / 2) / room
    z_low, z_high = -ndtri(below), -ndtri(above)
    width = (safe_high - safe_low) / (z_low + z_high)
    raised = (ndtr((safe_low - mean) / sd) < least / 2) | (
        ndtr((mean - safe_high) / sd) < least / 2
    )
    inner_mean = np.where(raised, safe_low + z_low * width, mean)
    inner_sd = np.where(raised, width, sd)
    return np.where(outer, near, inner_mean), np.where(outer, sd, inner_sd)
