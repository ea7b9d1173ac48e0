"""Learning curves of many configurations as one Gaussian process.

The loss of a configuration x at a progress s in [0, 1], on a logarithmic scale of steps, is

    f(x, s) = g(x) + h(x, s) + trend

where g says how good a configuration is at any time and h how its curve bends. Both are
Matern-5/2 processes, so that the curve of a configuration is told from its own beginning and
from the curves of configurations like it. The processes are those of `luthier.numerics.kernels`,
with the progress as one column more.

Swersky, Snoek and Adams (2014), Freeze-Thaw Bayesian Optimization, https://arxiv.org/abs/1406.3896,
have the idea; Lin, Ament, Balandat and Bakshy (2024), Scaling Gaussian Processes for Learning Curve
Prediction via Latent Kronecker Structure, https://arxiv.org/abs/2410.09239, show that plain
processes over configuration and step predict curves well.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luthier.numerics.ensemble import Ensemble, Predictions
from luthier.numerics.evidence import Evidence, Prior, fit
from luthier.numerics.kernels import TREND, Kernel, Term
from luthier.numerics.warping import standardised

Array = NDArray[np.float64]

LENGTH, PROGRESS, NOISE = 0.5, 0.5, 3e-3
"""Prior medians: of a length-scale in a space of one column, of that of the progress, and of the
noise variance as a share of that of the losses."""

ITERATIONS = 30
"""Steps of the search for the hyperparameters."""

FINE = 0.1
"""Up to this quantile of the losses their differences count as they are, beyond by their ratio."""


FARTHEST = 1e100
"""No loss counts as farther from the best, in units of the fine ones."""


def progress(steps: ArrayLike, length: float) -> Array:
    """Return how far steps are on a way of so many, in [0, 1]: the first ones count most.

    Parameters
    ----------
    steps : array_like
        From 0 on; what lies beyond the length counts as the end.
    length : float
        The last step.
    """
    done = np.minimum(np.asarray(steps, dtype=np.float64), length)
    result: Array = np.log1p(done) / np.log1p(length)
    return result


def from_best(loss: Array) -> Array:
    """Return losses as the logarithm of their distance from the best, standardised.

    ``log(1 + (y - min y) / u)``, where u is the distance at the quantile `FINE`: curves that
    begin at many times the loss at which they end leave room for the differences near the best,
    which decide.

    Parameters
    ----------
    loss : ndarray, shape (n,)
        Finite losses.
    """
    # A quarter of what is so large that differences might overflow.
    distance = loss * (0.25 if np.abs(loss).max(initial=0.0) > 1e300 else 1.0)
    distance = distance - distance.min(initial=np.inf)
    above = distance[distance > 0]
    if not above.size:
        return np.zeros_like(distance)
    unit = float(np.quantile(distance, FINE)) or float(above.min())
    with np.errstate(over="ignore"):
        ratio = np.minimum(distance / unit, FARTHEST)
    return standardised(np.log1p(ratio))


def curve_kernel(numeric: Sequence[int], choices: Sequence[int], column: int) -> Kernel:
    """Return the covariance of losses.

    Parameters
    ----------
    numeric, choices : sequence of int
        Columns of the configuration: numbers, and choices without order.
    column : int
        Where the progress is.
    """
    still = Term(tuple(numeric), tuple(choices))
    moving = Term((*numeric, column), tuple(choices))
    return Kernel((still, moving), trend=True)


def curve_prior(kernel: Kernel, column: int) -> Prior:
    """Return what is believed of the hyperparameters of a `curve_kernel`."""
    lengths: list[float] = []
    for term in kernel.terms:
        own = log(LENGTH * len(term.columns) ** 0.5)
        lengths += [log(PROGRESS) if j == column else own for j in term.columns]
    n, terms, trend = len(lengths), len(kernel.terms), len(TREND)
    rest = [-log(terms)] * terms + [log(0.3)] * trend
    return Prior(
        mean=np.array([*lengths, *rest, log(NOISE)]),
        sd=np.array([1.0] * (n + terms) + [1.5] * trend + [3.0]),
        low=np.array([log(0.02)] * n + [-9.0] * (terms + trend) + [log(1e-6)]),
        high=np.array([log(50.0)] * n + [6.0] * (terms + trend) + [0.0]),
    )


def learn_curves(kernel: Kernel, prior: Prior, X: Array, A: Array, s: Array, loss: Array) -> Array:
    """Return the most likely hyperparameters, shape ``(p + 1,)``; the data are as in `Curves`."""
    evidence = Evidence(kernel, prior, *_joined(X, A, s), from_best(loss))
    return fit(evidence, [prior.mean], ITERATIONS)


class Curves:
    """Predictions of learning curves.

    Parameters
    ----------
    kernel : Kernel
        A `curve_kernel` with the progress as the last column.
    theta : ndarray, shape (p + 1,)
        Hyperparameters.
    X, A : ndarray, shape (n, d)
        Configurations in the unit cube, and 1.0 where a column is active; one row an observation.
    s : ndarray, shape (n,)
        The progress of each observation.
    loss : ndarray, shape (n,)
        Finite losses.

    Attributes
    ----------
    z : ndarray, shape (n,)
        The losses on the scale of the predictions; see `from_best`.

    Raises
    ------
    numpy.linalg.LinAlgError
        In predictions, if the covariance is not positive definite.
    """

    def __init__(
        self, kernel: Kernel, theta: Array, X: Array, A: Array, s: Array, loss: Array
    ) -> None:
        self.z = from_best(loss)
        self._model = Ensemble(kernel, theta[None], *_joined(X, A, s), self.z)

    def end(self, X: Array, A: Array) -> Predictions:
        """Predict the losses at the end, mean and standard deviation of shape ``(1, k)`` each."""
        return self._model.predict(*_joined(X, A, np.ones(len(X))))

    def believing(self, X: Array, A: Array) -> None:
        """Take what is expected at the end of these configurations for granted."""
        if len(X):
            self._model = self._model.followed_by(*_joined(X, A, np.ones(len(X))), noise=0.0)


def _joined(X: Array, A: Array, s: Array) -> tuple[Array, Array]:
    return np.column_stack([X, s]), np.column_stack([A, np.ones(len(s))])
