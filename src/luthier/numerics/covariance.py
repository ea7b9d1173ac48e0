"""The covariance of any points with observed ones, under several hyperparameters at once.

Squared distances come as one product of matrices: with weights ``w = 1 / l^2``,

    sum_j w_j (x_j - y_j)^2  =  sum_j w_j x_j^2  -  2 sum_j x_j (w_j y_j)  +  sum_j w_j y_j^2

and a choice adds ``w`` less the scalar product of two corners. So no array has
more numbers than settings times points times observed points, however many
columns there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from luthier.numerics.kernels import TREND, correlate
from luthier.numerics.sites import Indices, Sites, View

Array = NDArray[np.float64]


class Part(NamedTuple):
    """What one term adds to a covariance.

    Attributes
    ----------
    rows, columns : ndarray or None
        Where in the covariance; None for everywhere.
    value : ndarray, shape (m, rows, columns)
        What is added.
    slope : ndarray, shape (m, rows, columns)
        Its derivative by the term's squared distance; empty where nobody asked.
    """

    rows: Indices | None
    columns: Indices | None
    value: Array
    slope: Array

    def add_to(self, total: Array) -> None:
        """Add the part to a covariance of shape ``(m, k, n)``, in place."""
        if self.rows is None or self.columns is None:
            total += self.value
        else:
            total[:, self.rows[:, None], self.columns] += self.value

    def of(self, matrices: Array) -> Array:
        """Return the part's rows and columns of matrices of shape ``(..., k, n)``."""
        if self.rows is None or self.columns is None:
            return matrices
        return matrices[..., self.rows[:, None], self.columns]


class Covariance:
    """The covariance with n observed points, under m settings of the hyperparameters.

    Parameters
    ----------
    sites : Sites
        The observed points.
    thetas : ndarray, shape (m, p + 1)
        Logarithms of the hyperparameters and of the noise variance, one row a setting.

    Attributes
    ----------
    noise : ndarray, shape (m,)
        Variances of the noise, which is in no covariance here.
    """

    def __init__(self, sites: Sites, thetas: Array) -> None:
        self.sites = sites
        self.kernel = sites.kernel
        found = self.kernel.split(thetas)
        self.noise = found.noise
        self._amplitudes, self._trend = found.amplitudes, found.trend
        self._weights = [lengths**-2 for lengths in found.lengths]
        p = len(self.kernel.numeric)
        # Of each wave of the trend.
        self._wave_weights = found.trend[:, :2].repeat(p, axis=1) / max(p, 1)
        self._against = [self._right(i) for i in range(len(self.kernel.terms))]

    def __len__(self) -> int:
        return len(self.noise)

    def _right(self, i: int) -> Array:
        """Return what a term's coordinates are multiplied with to become squared distances.

        Only ``sum_j w_j x_j^2``, which depends on the other point alone, is left out.
        """
        seen, weights = self.sites.view.coordinates[i], self._weights[i]
        p = len(self.kernel.terms[i].numeric)
        numeric, corners = seen[:, :p].T, seen[:, p:-1].T
        right = np.empty((len(self), seen.shape[1], len(seen)))
        np.multiply(-2.0 * weights[:, :p, None], numeric, out=right[:, :p])
        np.multiply(-weights[:, p + self.sites.owners[i], None], corners, out=right[:, p:-1])
        right[:, -1] = weights[:, :p] @ numeric**2 + weights[:, p:].sum(axis=1, keepdims=True)
        return right

    def parts(self, view: View, slopes: bool = False) -> Iterator[Part]:
        """Yield what each term adds to the covariance of a view with the observed points."""
        for i, term in enumerate(self.kernel.terms):
            left, p = view.coordinates[i], len(term.numeric)
            value = np.matmul(left, self._against[i])
            value += (self._weights[i][:, :p] @ (left[:, :p] ** 2).T)[:, :, None]
            slope = np.empty(value.shape if slopes else 0)
            correlate(self.kernel.correlation, value, slope if slopes else None)
            amplitude = self._amplitudes[:, i, None, None]
            value *= amplitude
            if slopes:
                slope *= amplitude
            yield Part(view.rows[i], self.sites.view.rows[i], value, slope)

    def total(self, view: View, parts: Iterable[Part], trend: Array | None = None) -> Array:
        """Return the covariance of a view with the observed points, from its parts.

        Parameters
        ----------
        view : View
            Of k points.
        parts : iterable of Part
            From `parts` of the view.
        trend : ndarray, shape (3, k, n), optional
            `Sites.trend` of the view, where it is known already.

        Returns
        -------
        ndarray, shape (m, k, n)
        """
        shape = len(self), len(view.X), len(self.sites.view.X)
        if self.kernel.trend:
            trend = self.sites.trend(view) if trend is None else trend
            total = (self._trend @ trend.reshape(len(TREND), shape[1] * shape[2])).reshape(shape)
        else:
            total = np.zeros(shape)
        for part in parts:
            part.add_to(total)
        return total

    def cross(self, view: View, trend: Array | None = None) -> Array:
        """Return the covariance of a view's k points with the observed, ``(m, k, n)``."""
        return self.total(view, self.parts(view), trend)

    def own(self, parts: Iterable[Part] | None = None) -> Array:
        """Return the covariance of the observed points with themselves, ``(m, n, n)``.

        Parameters
        ----------
        parts : iterable of Part, optional
            From `parts` of `Sites.view`, where they are known already.
        """
        view = self.sites.view
        trend = self.sites.own_trend if self.kernel.trend else None
        return self.total(view, self.parts(view) if parts is None else parts, trend)

    def variance(self, view: View) -> Array:
        """Return ``k(x, x)`` of a view's k points, shape ``(m, k)``."""
        total = np.zeros((len(self), len(view.X)))
        for i, term in enumerate(self.kernel.terms):
            gate = 1.0 if term.gate is None else view.A[:, term.gate]
            total += self._amplitudes[:, i, None] * gate
        if self.kernel.trend:
            total += self._wave_weights @ (view.waves**2).T
            if self.kernel.choices:
                total += self._trend[:, -1:]
        return total

    def by_coordinates(
        self, view: View, parts: Iterable[Part], own: Array, factors: Array
    ) -> Array:
        """Return the derivatives of weighted sums of covariances by a view's coordinates.

        Parameters
        ----------
        view : View
            Of k points.
        parts : iterable of Part
            From `parts` of the view, with slopes.
        own : ndarray, shape (c,)
        factors : ndarray, shape (c, m, k, n)
            The weights: sum i of a point x is
            ``own[i] k(x, x) + sum_b factors[i, :, x, b] k(x, x_b)``.

        Returns
        -------
        ndarray, shape (c, m, k, d)
            Zero by choices.
        """
        out = np.zeros((*factors.shape[:3], view.X.shape[1]))
        for i, part in enumerate(parts):
            numeric = list(self.kernel.terms[i].numeric)
            p = len(numeric)
            each = part.of(factors) * part.slope
            # The last coordinate is a one, which sums what is to be multiplied with x.
            sums = _products(each, self.sites.view.coordinates[i])
            slope = view.coordinates[i][:, :p] * sums[..., -1:] - sums[..., :p]
            slope *= 2.0 * self._weights[i][:, None, :p]
            if part.rows is None:
                out[..., numeric] += slope
            else:
                out[:, :, part.rows[:, None], numeric] += slope
        if self.kernel.trend:
            sums = _products(factors, self.sites.view.waves)
            sums += 2.0 * own[:, None, None, None] * view.waves
            sums *= self._wave_weights[:, None] * self.kernel.wave_slopes(view.X, view.A)
            linear, quadratic = np.split(sums, 2, axis=-1)
            out[..., self.kernel.numeric] += linear + quadratic
        return out

    def by_hyperparameters(self, parts: Iterable[Part], W: Array) -> Array:
        """Return ``sum_ab W_ab dK_ab / dtheta`` by the kernel's hyperparameters.

        K is the covariance of the observed points under the first setting. With
        ``G = W o dk/dr^2`` the sum ``sum_ab G_ab (x_a - x_b)^2`` is ``2 (x^2 . G1 - x^T G x)``,
        so that no (n, n, d) array is made.

        Parameters
        ----------
        parts : iterable of Part
            From `parts` of the observed points' own view, with slopes.
        W : ndarray, shape (n, n)
            Symmetric.

        Returns
        -------
        ndarray, shape (p,)
            In the order of the kernel's hyperparameters, which are logarithms.
        """
        out = np.empty(self.kernel.n_parameters)
        for i, part in enumerate(parts):
            mine, x = part.of(W), self.sites.view.coordinates[i]
            p, weights = len(self.kernel.terms[i].numeric), self._weights[i][0]
            owners = self.sites.owners[i]
            Gx = (mine * part.slope[0]) @ x
            forms = np.einsum("ij,ij->j", x, Gx)
            by_numeric = 2.0 * ((x[:, :p] ** 2).T @ Gx[:, -1] - forms[:p])
            alike = np.bincount(owners, weights=forms[p:-1], minlength=len(weights) - p)
            by_weight = np.concatenate([by_numeric, forms[-1] - alike])
            out[self.kernel.lengths[i]] = -2.0 * weights * by_weight
            out[self.kernel.n_lengths + i] = np.vdot(mine, part.value)
        if self.kernel.trend:
            out[-len(TREND) :] = self._trend[0] * np.tensordot(self.sites.own_trend, W, axes=2)
        return out


def _products(factors: Array, right: Array) -> Array:
    """Return ``factors @ right`` as one product of matrices, ``(..., k, n) @ (n, e)``."""
    shape = factors.shape[:-1]
    return (factors.reshape(prod(shape), len(right)) @ right).reshape(*shape, right.shape[1])
