"""A warp of the inputs: the distribution function of Kumaraswamy, column by column.

    w(x) = 1 - (1 - x^a)^b

maps the unit interval onto itself and rises throughout; ``a = b = 1`` leaves
everything as it is. With a prior around that, a Gaussian process learns where a
function changes fast (Snoek et al. 2014, Input Warping for Bayesian Optimization
of Non-Stationary Functions, with the beta distribution, which has no closed form;
Cowen-Rivers et al. 2022, HEBO: Pushing the Limits of
Sample-Efficient Hyperparameter Optimisation, with this one).
"""

from __future__ import annotations

from math import log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from luthier.errors import InvalidInput

Array = NDArray[np.float64]

EDGE = 1e-9
"""No derivative is taken nearer to 0 or 1, where some are infinite."""


class Warped(NamedTuple):
    """Warped coordinates and the derivatives of each, all of shape ``(n, p)``.

    Attributes
    ----------
    value : ndarray
        ``w(x)``.
    by_x : ndarray
        Derivative by the coordinate; positive.
    by_log_a, by_log_b : ndarray
        Derivatives by the logarithms of the shapes, of each column's own.
    """

    value: Array
    by_x: Array
    by_log_a: Array
    by_log_b: Array


def kumaraswamy(X: Array, log_a: Array, log_b: Array) -> Warped:
    """Warp each column of the unit cube by its own shapes.

    Parameters
    ----------
    X : ndarray, shape (n, p)
        In [0, 1].
    log_a, log_b : ndarray, shape (p,)
        Logarithms of both shapes; zeros leave a column as it is.

    Returns
    -------
    Warped
        The values are exact to the ends; the derivatives at the ends are those at `EDGE` from
        them.

    Raises
    ------
    InvalidInput
        If a coordinate lies outside of the unit interval.
    """
    if not ((X >= 0) & (X <= 1)).all():
        raise InvalidInput("X", X, "coordinates in [0, 1]")
    a, b = np.exp(log_a), np.exp(log_b)
    value = -np.expm1(b * _logarithms(X, a)[2])
    inner = np.clip(X, EDGE, 1.0 - EDGE)
    log_x, log_power, log_rest = _logarithms(inner, a)
    rising = a * b * np.exp(log_power + (b - 1.0) * log_rest)
    by_log_b = -b * log_rest * np.exp(b * log_rest)
    return Warped(value, rising / inner, rising * log_x, by_log_b)


def _logarithms(X: Array, a: Array) -> tuple[Array, Array, Array]:
    """Return the logarithms of x, x^a and 1 - x^a, without losing digits near an end."""
    with np.errstate(divide="ignore"):
        log_x = np.log(X)
        log_power = a * log_x
        small = log_power < -log(2)
        log_rest = np.where(small, np.log1p(-np.exp(log_power)), np.log(-np.expm1(log_power)))
    return log_x, log_power, log_rest
