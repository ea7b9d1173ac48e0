"""Expected improvement in logarithms, exact where the improvement itself underflows.

With ``z = (best - mean) / sd`` the improvement that a Gaussian prediction promises is
``sd * h(z)``, where ``h(z) = phi(z) + z * Phi(z)`` is the integral of the normal
distribution function from -inf to ``z``. Far below zero ``h`` is a difference of two nearly
equal numbers and soon smaller than any float, so it is computed as ``phi(z) * q(-z)``
with ``q(x) = 1 - x * M(x)``, where ``M`` is Mills' ratio.

References
----------
Ament, Daulton, Eriksson, Balandat, Bakshy (2023), Unexpected improvements to expected
improvement for Bayesian optimization, NeurIPS.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import erfcx, ndtr

from luthier.errors import InvalidInput

Array = NDArray[np.float64]

LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)

_LOWEST = -1e150
"""Stands for everything below it, -inf included, so that ``z * z`` stays finite."""

_FAR = 50.0
"""From here the asymptotic series of `_tail_factor` is exact to rounding."""


class HTerms(NamedTuple):
    """The function h at some points, in logarithms and ratios that do not underflow.

    Attributes
    ----------
    log_h : array
        ``log h(z)``.
    cdf_over_h : array
        ``Phi(z) / h(z)``, the derivative of ``log_h``.
    pdf_over_h : array
        ``phi(z) / h(z)``.
    """

    log_h: Array
    cdf_over_h: Array
    pdf_over_h: Array


def h_terms(z: ArrayLike) -> HTerms:
    """Return the logarithm of ``h(z) = phi(z) + z * Phi(z)`` and what its derivatives need.

    Parameters
    ----------
    z : array of any shape
        Values below -1e150 count as -1e150.

    Returns
    -------
    HTerms
        Arrays of the shape of ``z``. The ratios are exact to about 1e-12, relatively, and
        ``log_h`` to the rounding of its largest part.
    """
    z = np.maximum(np.asarray(z, dtype=np.float64), _LOWEST)
    terms = HTerms(np.empty(z.shape), np.empty(z.shape), np.empty(z.shape))
    body = z > -1.0

    inner = z[body]
    pdf = np.exp(-0.5 * inner * inner - LOG_SQRT_2PI)
    cdf = ndtr(inner)
    h = pdf + inner * cdf
    terms.log_h[body] = np.log(h)
    terms.cdf_over_h[body] = cdf / h
    terms.pdf_over_h[body] = pdf / h

    tail = ~body
    x = -z[tail]
    q = _tail_factor(x)
    terms.log_h[tail] = -0.5 * x * x - LOG_SQRT_2PI + np.log(q)
    terms.cdf_over_h[tail] = (1.0 - q) / (x * q)
    terms.pdf_over_h[tail] = 1.0 / q
    return terms


def log_h(z: ArrayLike) -> Array:
    """Return ``log(phi(z) + z * Phi(z))``, elementwise; see `h_terms`."""
    return h_terms(z).log_h


def log_ei(mean: ArrayLike, sd: ArrayLike, best: ArrayLike) -> Array:
    """Return the logarithm of the expected improvement on ``best``; less is better.

    Parameters
    ----------
    mean, sd : arrays of the same shape
        Of the Gaussian predictions; ``sd`` positive.
    best : float or array that broadcasts to that shape
        The value to improve on.

    Returns
    -------
    array of that shape
        ``log E[max(best - Y, 0)]`` for ``Y ~ N(mean, sd^2)``; finite however small.

    Raises
    ------
    InvalidInput
        If an ``sd`` is not positive.
    """
    z, sd = _standardized(mean, sd, best)
    return np.log(sd) + h_terms(z).log_h


def log_ei_gradient(mean: ArrayLike, sd: ArrayLike, best: ArrayLike) -> tuple[Array, Array, Array]:
    """Return `log_ei` and its derivatives by ``mean`` and by ``sd``.

    Takes and raises the same as `log_ei`.

    Returns
    -------
    value, by_mean, by_sd : arrays of the shape of ``mean``
    """
    z, sd = _standardized(mean, sd, best)
    terms = h_terms(z)
    return np.log(sd) + terms.log_h, -terms.cdf_over_h / sd, terms.pdf_over_h / sd


def _standardized(mean: ArrayLike, sd: ArrayLike, best: ArrayLike) -> tuple[Array, Array]:
    sd = np.asarray(sd, dtype=np.float64)
    if not np.all(sd > 0):
        raise InvalidInput("sd", float(sd.min()), "positive numbers")
    gap = np.asarray(best, dtype=np.float64) - np.asarray(mean, dtype=np.float64)
    return np.asarray(gap / sd), sd


def _tail_factor(x: Array) -> Array:
    """Return ``1 - x * M(x)`` for ``x >= 1``, with Mills' ratio ``M(x) = Phi(-x) / phi(x)``."""
    near = np.minimum(x, _FAR)
    direct = 1.0 - near * math.sqrt(math.pi / 2) * erfcx(near / math.sqrt(2))
    # 1/x^2 - 3/x^4 + 15/x^6 - ...; the first term left out is below 1e-14 of the first.
    u = 1.0 / np.square(np.maximum(x, _FAR))
    series = u * (1 - 3 * u * (1 - 5 * u * (1 - 7 * u * (1 - 9 * u * (1 - 11 * u)))))
    return np.where(x < _FAR, direct, series)
