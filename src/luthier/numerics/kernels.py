"""Covariance of functions over numbers, choices, and branches that may be absent.

Points are rows of the unit cube with an activity mask. A kernel is a sum of
terms; each compares some columns and may be gated by the activity of a column:

    k(x, x') = sum_t  s_t^2  g_t(x) g_t(x')  c( r_t^2(x, x') )

    r_t^2 = sum_numeric (x_j - x'_j)^2 / l_j^2  +  sum_choices 1[x_j != x'_j] / l_j^2

with `c` the Matern-5/2 or the Gaussian correlation (Rasmussen and Williams 2006,
eqs. 4.17 and 4.9). Inactive columns hold one constant, so that they do not tell
two points apart; what does is the choice that switched them off. One term over
all columns is the usual product kernel; a root term and one gated term a branch
is the add-tree kernel (Ma and Blaschko 2020, Additive Tree-Structured Covariance
Function for Conditional Parameter Spaces), in which branches share nothing but
the root.

A trend may be added: a linear and a quadratic polynomial in each of the p
numeric columns and an offset for each value of the q choices, all with normal
coefficients whose variances are `w` (Rasmussen and Williams 2006, section 2.7):

    (w_1 / p) sum_j u_j u'_j  +  (w_2 / p) sum_j v_j v'_j  +  (w_3 / q) sum_j 1[x_j = x'_j]

with ``u = sqrt(3) (2 x - 1)`` and ``v = sqrt(5) (6 x^2 - 6 x + 1)``, the Legendre
polynomials of mean 0 and variance 1, which are 0 where a column is inactive.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from luthier.errors import InvalidInput

Array = NDArray[np.float64]
Correlation = Literal["matern52", "gaussian"]

TREND = ("linear", "quadratic", "choices")
"""The parts of a trend, each with a weight of its own."""


@dataclass(frozen=True, slots=True)
class Term:
    """One summand of a kernel.

    Attributes
    ----------
    numeric : tuple of int
        Columns whose difference counts.
    choices : tuple of int
        Columns of which only equality counts.
    gate : int, optional
        The column whose activity switches the term on; None for a term of all points.
    """

    numeric: tuple[int, ...]
    choices: tuple[int, ...] = ()
    gate: int | None = None

    @property
    def columns(self) -> tuple[int, ...]:
        """The columns in the order of their length-scales."""
        return self.numeric + self.choices


class Hyperparameters(NamedTuple):
    """The hyperparameters of several settings by their meaning, no longer as logarithms.

    Attributes
    ----------
    lengths : list of ndarray, shape (m, columns of the term)
        Length-scales, a term each.
    amplitudes : ndarray, shape (m, terms)
        Prior variances ``s_t^2``.
    trend : ndarray, shape (m, 3)
        Weights of the parts of the trend; zeros without one.
    noise : ndarray, shape (m,)
        Variance of the noise.
    """

    lengths: list[Array]
    amplitudes: Array
    trend: Array
    noise: Array


@dataclass(frozen=True)
class Kernel:
    """A sum of terms with one correlation function, and perhaps a trend.

    Its hyperparameters are the logarithms of the length-scales of all terms, one
    after the other, then those of the amplitudes ``s_t^2``, then those of the
    trend's weights. A setting `theta` of a Gaussian process has one number more:
    the logarithm of the noise variance, at last.

    Attributes
    ----------
    terms : tuple of Term
        At least one.
    correlation : {"matern52", "gaussian"}, default "matern52"
        How smooth the function is.
    trend : bool, default False
        Whether a trend is added.

    Raises
    ------
    InvalidInput
        If there is no term, or the correlation is unknown.
    """

    terms: tuple[Term, ...]
    correlation: Correlation = "matern52"
    trend: bool = False

    def __post_init__(self) -> None:
        if not self.terms:
            raise InvalidInput("Kernel: terms", self.terms, "at least one term")
        if self.correlation not in ("matern52", "gaussian"):
            raise InvalidInput("Kernel: correlation", self.correlation, "'matern52' or 'gaussian'")

    @cached_property
    def numeric(self) -> list[int]:
        """Columns whose difference counts in any term."""
        return sorted({j for term in self.terms for j in term.numeric})

    @cached_property
    def choices(self) -> list[int]:
        """Columns of which only equality counts in any term."""
        return sorted({j for term in self.terms for j in term.choices})

    @cached_property
    def lengths(self) -> list[slice]:
        """Where the length-scales of each term are among the hyperparameters."""
        stops = np.cumsum([0, *(len(term.columns) for term in self.terms)]).tolist()
        return [slice(start, stop) for start, stop in pairwise(stops)]

    @property
    def n_lengths(self) -> int:
        """Number of length-scales."""
        return int(self.lengths[-1].stop)

    @property
    def n_parameters(self) -> int:
        """Number of hyperparameters, without the noise."""
        return self.n_lengths + len(self.terms) + (len(TREND) if self.trend else 0)

    def split(self, thetas: Array) -> Hyperparameters:
        """Return what the hyperparameters of several settings are, from their logarithms.

        Parameters
        ----------
        thetas : ndarray, shape (m, n_parameters + 1)

        Raises
        ------
        InvalidInput
            If the shape is another.
        """
        if thetas.ndim != 2 or thetas.shape[1] != self.n_parameters + 1:
            allowed = f"shape (m, {self.n_parameters + 1})"
            raise InvalidInput("thetas", thetas.shape, allowed)
        values = np.exp(thetas)
        first, last = self.n_lengths, self.n_lengths + len(self.terms)
        trend = values[:, last:-1] if self.trend else np.zeros((len(values), len(TREND)))
        lengths = [values[:, place] for place in self.lengths]
        return Hyperparameters(lengths, values[:, first:last], trend, values[:, -1])

    def waves(self, X: Array, A: Array) -> Array:
        """Return the polynomials of the trend in each numeric column.

        Parameters
        ----------
        X, A : ndarray, shape (n, d)
            Points, and 1.0 where a column is active.

        Returns
        -------
        ndarray, shape (n, 2 p)
            The linear ones of the p columns of `numeric`, then the quadratic ones.
        """
        U, active = X[:, self.numeric], A[:, self.numeric]
        linear = 3**0.5 * (2 * U - 1)
        quadratic = 5**0.5 * (6 * U * (U - 1) + 1)
        return np.hstack([linear * active, quadratic * active])

    def wave_slopes(self, X: Array, A: Array) -> Array:
        """Return the derivatives of `waves`, each by its own column, shape ``(n, 2 p)``."""
        U, active = X[:, self.numeric], A[:, self.numeric]
        return np.hstack([2 * 3**0.5 * active, 5**0.5 * (12 * U - 6) * active])


def correlate(correlation: Correlation, squared: Array, slope: Array | None = None) -> None:
    """Turn squared distances into correlations, in place.

    Parameters
    ----------
    correlation : {"matern52", "gaussian"}
        With ``r = sqrt(5 s)`` for a squared distance s, the former is
        ``(1 + r + r^2 / 3) exp(-r)``; the latter is ``exp(-s / 2)``.
    squared : ndarray
        Of any shape; what rounding left below zero counts as zero. Overwritten.
    slope : ndarray, optional
        Of the same shape; filled with the derivative by the squared distance.
    """
    np.maximum(squared, 0.0, out=squared)
    if correlation == "gaussian":
        squared *= -0.5
        np.exp(squared, out=squared)
        if slope is not None:
            np.multiply(squared, -0.5, out=slope)
        return
    squared *= 5.0
    root = np.sqrt(squared)
    squared *= 1.0 / 3.0
    squared += root
    squared += 1.0
    if slope is not None:
        np.add(root, 1.0, out=slope)
        slope *= -5.0 / 6.0
    np.negative(root, out=root)
    decay = np.exp(root, out=root)
    squared *= decay
    if slope is not None:
        slope *= decay
