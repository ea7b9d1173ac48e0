"""Bending the axes, so that a function changes as fast at one end of them as at the other.

A stationary kernel believes that it does. Where that is wrong, a warp of each axis helps
(`luthier.numerics.kumaraswamy`); its shapes are learnt by the evidence, with a prior around
leaving everything as it is (Snoek et al. 2014, Input Warping for Bayesian Optimization of
Non-Stationary Functions).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from luthier.numerics.ensemble import Ensemble, Gradients, Predictions
from luthier.numerics.evidence import Evidence, Prior
from luthier.numerics.kernels import Kernel
from luthier.numerics.kumaraswamy import Warped, kumaraswamy

Array = NDArray[np.float64]

STEPS = 15
"""Evaluations of the evidence's gradient while the shapes are learnt."""

LARGEST = 1.0
"""Bound of the shapes' logarithms, in both directions."""


@dataclass(frozen=True, slots=True, eq=False)
class Bend:
    """A warp of the numeric columns of points.

    Attributes
    ----------
    columns : list of int
        The p columns that are bent; the others stay.
    log_a, log_b : ndarray, shape (p,)
        Logarithms of the shapes of `kumaraswamy`.
    """

    columns: list[int]
    log_a: Array
    log_b: Array

    def warped(self, X: Array) -> Warped:
        """Return the bent columns and their derivatives, ``(n, p)`` each."""
        return kumaraswamy(X[:, self.columns], self.log_a, self.log_b)

    def __call__(self, X: Array, A: Array) -> Array:
        """Return bent points, ``(n, d)``; columns that are inactive stay as they are."""
        return self._put(X, A, self.warped(X).value)

    def with_slope(self, X: Array, A: Array) -> tuple[Array, Array]:
        """Return bent points and the derivative of each coordinate by what it was."""
        warped = self.warped(X)
        return self._put(X, A, warped.value), self._put(np.ones_like(X), A, warped.by_x)

    def _put(self, X: Array, A: Array, bent: Array) -> Array:
        out = X.copy()
        out[:, self.columns] = np.where(A[:, self.columns] > 0, bent, X[:, self.columns])
        return out


def straight(kernel: Kernel) -> Bend:
    """Return the warp that leaves everything as it is."""
    p = len(kernel.numeric)
    return Bend(kernel.numeric, np.zeros(p), np.zeros(p))


def learn_bend(
    kernel: Kernel, prior: Prior, theta: Array, X: Array, A: Array, y: Array, spread: float
) -> Bend:
    """Return the warp of highest posterior density that is found from no warp.

    Parameters
    ----------
    kernel, prior : Kernel, Prior
        The model.
    theta : ndarray, shape (p + 1,)
        Its hyperparameters, which are held.
    X, A, y : ndarray
        Observations, as `luthier.numerics.evidence.Evidence` takes them.
    spread : float
        Standard deviation of the normal prior of the shapes' logarithms, whose mean is 0.
    """
    from scipy.optimize import minimize

    columns = kernel.numeric
    p = len(columns)
    active = A[:, columns] > 0

    def loss(shapes: Array) -> tuple[float, Array]:
        bend = Bend(columns, shapes[:p], shapes[p:])
        warped = bend.warped(X)
        value, slope = Evidence(kernel, prior, bend(X, A), A, y).by_points(theta)
        by = np.where(active, slope[:, columns], 0.0)
        gradient = np.concatenate(
            [(by * warped.by_log_a).sum(axis=0), (by * warped.by_log_b).sum(axis=0)]
        )
        z = shapes / spread
        return value + 0.5 * float(z @ z), gradient + z / spread

    found = minimize(
        loss,
        np.zeros(2 * p),
        jac=True,
        method="L-BFGS-B",
        bounds=[(-LARGEST, LARGEST)] * (2 * p),
        options={"maxfun": STEPS, "gtol": 1e-1, "ftol": 1e-4},
    )
    return Bend(columns, found.x[:p], found.x[p:])


class Bent:
    """Processes over bent axes.

    Parameters
    ----------
    rest : Ensemble
        Of bent points.
    X : ndarray, shape (n, d)
        The points as they were.
    bend : Bend
        The warp.
    """

    def __init__(self, rest: Ensemble, X: Array, bend: Bend) -> None:
        self.rest, self.X, self.bend = rest, X, bend
        self.A, self.noise, self.y = rest.A, rest.noise, rest.y

    def __len__(self) -> int:
        return len(self.rest)

    @property
    def fitted(self) -> Array:
        """The posterior means at the observed points, ``(m, n)``."""
        return self.rest.fitted

    def mean(self, X: Array, A: Array) -> Array:
        """Predict the means alone, ``(m, k)``."""
        return self.rest.mean(self.bend(X, A), A)

    def predict(self, X: Array, A: Array) -> Predictions:
        """Predict the noise-free functions at points."""
        return self.rest.predict(self.bend(X, A), A)

    def predict_with_gradient(self, X: Array, A: Array) -> Gradients:
        """Predict, with derivatives by the coordinates (zero by choices)."""
        bent, slope = self.bend.with_slope(X, A)
        p = self.rest.predict_with_gradient(bent, A)
        return Gradients(p.mean, p.sd, p.by_mean * slope, p.by_sd * slope)

    def followed_by(self, X: Array, A: Array, noise: float | None = None) -> Bent:
        """Return the processes as if what they expect had been seen at more points."""
        more = self.rest.followed_by(self.bend(X, A), A, noise)
        return Bent(more, np.vstack([self.X, X]), self.bend)
