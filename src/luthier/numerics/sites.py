"""Observed points, prepared to be compared with others by a kernel."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from luthier.numerics.kernels import TREND, Kernel, Term

Array = NDArray[np.float64]
Indices = NDArray[np.intp]


class View(NamedTuple):
    """Points as a kernel sees them, without any hyperparameter.

    Attributes
    ----------
    X, A : ndarray, shape (k, d)
        The points, and 1.0 where a column is active.
    rows : list of ndarray or None
        For each term the points at which its gate is open; None for all.
    coordinates : list of ndarray, shape (rows, p + e + 1)
        For each term its p numeric columns around 0, the e corners of its choices, and a one.
    waves : ndarray, shape (k, 2 p)
        The polynomials of the trend; none without one.
    corners : ndarray, shape (k, e)
        Those of all choices.
    """

    X: Array
    A: Array
    rows: list[Indices | None]
    coordinates: list[Array]
    waves: Array
    corners: Array


class Sites:
    """Observed points, prepared to be compared with others.

    An unordered choice is the corner of a simplex: it has a column for each of its
    values among the observed points, 1.0 where a point has this value. So
    ``1[x = y]`` is a scalar product, also for a value that was never observed.

    Parameters
    ----------
    kernel : Kernel
        Says what is compared.
    X, A : ndarray, shape (n, d)
        Points of the unit cube, and 1.0 where a column is active.

    Attributes
    ----------
    view : View
        The points themselves.
    owners : list of ndarray, shape (e,)
        For each term the choice that each corner belongs to, counted within the term.
    """

    def __init__(self, kernel: Kernel, X: Array, A: Array) -> None:
        self.kernel = kernel
        values = [np.unique(X[:, j]) for j in kernel.choices]
        self._values = np.concatenate([np.zeros(0), *values])
        self._columns = np.repeat(np.array(kernel.choices, dtype=np.intp), [*map(len, values)])
        self.owners = []
        self._taken = []
        for term in kernel.terms:
            order = {j: i for i, j in enumerate(term.choices)}
            corners = np.flatnonzero(np.isin(self._columns, term.choices))
            self.owners.append(np.array([order[int(j)] for j in self._columns[corners]], np.intp))
            self._taken.append(self._places(term, corners))
        self.view = self.see(X, A)

    def _places(self, term: Term, corners: Indices) -> Indices:
        """Return which of all coordinates are those of a term."""
        p = len(self.kernel.numeric)
        numeric = [self.kernel.numeric.index(j) for j in term.numeric]
        return np.array([*numeric, *(p + corners), p + len(self._columns)], np.intp)

    def see(self, X: Array, A: Array) -> View:
        """Return these or other points as the kernel compares them with these."""
        numeric = X[:, self.kernel.numeric] - 0.5
        corners = (X[:, self._columns] == self._values).astype(np.float64)
        everything = np.hstack([numeric, corners, np.ones((len(X), 1))])
        rows: list[Indices | None] = []
        coordinates = []
        for term, taken in zip(self.kernel.terms, self._taken, strict=True):
            at = None if term.gate is None else np.flatnonzero(A[:, term.gate])
            rows.append(at)
            coordinates.append((everything if at is None else everything[at])[:, taken])
        waves = self.kernel.waves(X, A) if self.kernel.trend else np.zeros((len(X), 0))
        return View(X, A, rows, coordinates, waves, corners)

    def trend(self, view: View) -> Array:
        """Return the parts of the trend's covariance, each of weight 1.

        Returns
        -------
        ndarray, shape (3, k, n)
            Of the k points of the view with the n observed ones.
        """
        seen = self.view
        p, q = len(self.kernel.numeric), len(self.kernel.choices)
        parts = np.empty((len(TREND), len(view.X), len(seen.X)))
        np.matmul(view.waves[:, :p] / max(p, 1), seen.waves[:, :p].T, out=parts[0])
        np.matmul(view.waves[:, p:] / max(p, 1), seen.waves[:, p:].T, out=parts[1])
        np.matmul(view.corners / max(q, 1), seen.corners.T, out=parts[2])
        return parts

    @cached_property
    def own_trend(self) -> Array:
        """The trend among the observed points themselves, shape ``(3, n, n)``."""
        return self.trend(self.view)
