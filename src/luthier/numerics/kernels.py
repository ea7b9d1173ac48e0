"""Covariance of functions over numbers, choices, and branches that may be absent.

Points are rows of the unit cube with an activity mask. A kernel is a sum of
terms; each compares some columns and may be gated by the activity of a column:

    k(x, x') = sum_t  s_t^2  g_t(x) g_t(x')  c( r_t^2(x, x') )

    r_t^2 = sum_numeric (x_j - x'_j)^2 / l_j^2  +  sum_choices 1[x_j != x'_j] / l_j^2

with `c` the Matern-5/2 or the Gaussian correlation. Inactive columns hold one
constant, so that they do not tell two points apart; what does is the choice
that switched them off. One term over all columns is the usual product kernel;
a root term and one gated term a branch is the add-tree kernel (Ma and Blaschko
2020, Additive Tree-Structured Covariance Function for Conditional Parameter
Spaces), in which branches share nothing but the root.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

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


@dataclass(frozen=True)
class Kernel:
    """A sum of terms, with one correlation function.

    Its hyperparameters are the logarithms of the length-scales of all terms, one
    after the other, then those of the amplitudes ``s_t^2``.

    Attributes
    ----------
    terms : tuple of Term
        At least one.
    correlation : {"matern52", "gaussian"}
        How smooth the function is.
    """

    terms: tuple[Term, ...]
    correlation: Correlation = "matern52"
    trend: bool = False

    @cached_property
    def numeric(self) -> list[int]:
        """Columns whose difference counts in any term."""
        return sorted({j for term in self.terms for j in term.numeric})

    @cached_property
    def choices(self) -> list[int]:
        """Columns of which only equality counts in any term."""
        return sorted({j for term in self.terms for j in term.choices})

    @property
    def n_lengths(self) -> int:
        """Number of length-scales."""
        return sum(len(term.columns) for term in self.terms)

    @property
    def n_parameters(self) -> int:
        """Number of hyperparameters: length-scales and amplitudes."""
        return self.n_lengths + len(self.terms) + (len(TREND) if self.trend else 0)

    def split(self, parameters: Array) -> list[tuple[Array, float]]:
        """Return length-scales and amplitude of each term, from their logarithms."""
        values = np.exp(parameters)
        parts, start = [], 0
        for i, term in enumerate(self.terms):
            stop = start + len(term.columns)
            parts.append((values[start:stop], float(values[self.n_lengths + i])))
            start = stop
        return parts

    def variance(self, parameters: Array, X: Array, A: Array) -> Array:
        """Return ``k(x, x)`` of each row, shape ``(n,)``."""
        total = np.zeros(len(A))
        for term, (_, amplitude) in zip(self.terms, self.split(parameters), strict=True):
            total += amplitude if term.gate is None else amplitude * A[:, term.gate]
        if self.trend:
            total += np.exp(parameters[-len(TREND) :]) @ self.trend_variance(X, A)
        return total

    def cross(self, parameters: Array, X: Array, A: Array, Y: Array, B: Array) -> Array:
        """Return ``k(x, y)`` for all rows of X (activity A) and Y (activity B), ``(n, m)``."""
        total = np.zeros((len(X), len(Y)))
        for term, (lengths, amplitude) in zip(self.terms, self.split(parameters), strict=True):
            squared = squared_distances(term, lengths, X, Y)
            part = amplitude * correlate(self.correlation, squared)[0]
            total += part if term.gate is None else part * gates(term.gate, A, B)
        if self.trend:
            total += np.tensordot(
                np.exp(parameters[-len(TREND) :]), self.trend_cross(X, A, Y, B), axes=1
            )
        return total

    def waves(self, X: Array, A: Array) -> tuple[Array, Array]:
        """Return the linear and the quadratic Legendre polynomial of each numeric column.

        Both have mean 0 and variance 1 over the unit interval, and are 0 where inactive.
        """
        U, active = X[:, self.numeric], A[:, self.numeric]
        linear = 3**0.5 * (2 * U - 1)
        quadratic = 5**0.5 * (6 * U * (U - 1) + 1)
        return linear * active, quadratic * active

    def wave_slopes(self, X: Array, A: Array) -> tuple[Array, Array]:
        """Return the derivatives of `waves`."""
        U, active = X[:, self.numeric], A[:, self.numeric]
        return 2 * 3**0.5 * active, 5**0.5 * (12 * U - 6) * active

    def trend_cross(self, X: Array, A: Array, Y: Array, B: Array) -> Array:
        """Return the three parts of the trend's covariance, each of unit weight, ``(3, n, m)``."""
        parts = np.zeros((len(TREND), len(X), len(Y)))
        if self.numeric:
            for i, (of_x, of_y) in enumerate(zip(self.waves(X, A), self.waves(Y, B), strict=True)):
                parts[i] = of_x @ of_y.T / len(self.numeric)
        for j in self.choices:
            parts[2] += (X[:, j][:, None] == Y[:, j][None, :]) / len(self.choices)
        return parts

    def trend_variance(self, X: Array, A: Array) -> Array:
        """Return the diagonal of `trend_cross` of points with themselves, ``(3, n)``."""
        parts = np.zeros((len(TREND), len(X)))
        if self.numeric:
            for i, wave in enumerate(self.waves(X, A)):
                parts[i] = (wave * wave).mean(axis=1)
        if self.choices:
            parts[2] = 1.0
        return parts


def squared_distances(term: Term, lengths: Array, X: Array, Y: Array) -> Array:
    """Return the scaled squared distances of a term between rows, shape ``(n, m)``."""
    numeric = list(term.numeric)
    scale = 1.0 / lengths
    Z, V = X[:, numeric] * scale[: len(numeric)], Y[:, numeric] * scale[: len(numeric)]
    squared = (Z * Z).sum(1)[:, None] + (V * V).sum(1)[None, :]
    squared -= 2.0 * (Z @ V.T)
    np.maximum(squared, 0.0, out=squared)
    for j, weight in zip(term.choices, scale[len(numeric) :] ** 2, strict=True):
        squared += weight * (X[:, j][:, None] != Y[:, j][None, :])
    return squared


def gates(column: int, A: Array, B: Array) -> Array:
    """Return 1.0 where a column is active in both rows, shape ``(n, m)``."""
    return np.outer(A[:, column], B[:, column])


def correlate(correlation: Correlation, squared: Array) -> tuple[Array, Array]:
    """Return the correlation at squared distances, and its derivative by the squared distance."""
    if correlation == "gaussian":
        value = np.exp(-0.5 * squared)
        return value, -0.5 * value
    root = np.sqrt(5.0 * squared)
    decay = np.exp(-root)
    slope = (1.0 + root) * decay
    return slope + (5.0 / 3.0) * squared * decay, (-5.0 / 6.0) * slope


def one_term(kinds: Sequence[bool]) -> Kernel:
    """Return the product kernel over columns; `kinds` says which are unordered choices."""
    numeric = tuple(j for j, choice in enumerate(kinds) if not choice)
    return Kernel((Term(numeric, tuple(j for j, choice in enumerate(kinds) if choice)),))
