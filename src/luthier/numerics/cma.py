"""CMA-ES: a normal distribution that moves, grows, shrinks and turns with what it has seen.

Equation numbers are those of Hansen (2016), The CMA Evolution Strategy: A Tutorial,
arXiv:1604.00772.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LEAST_EIGENVALUE = 1e-30
"""Rounding must not turn the covariance into something that is none."""


@dataclass(frozen=True, slots=True, eq=False)
class Rates:
    """How fast CMA-ES learns, for one dimension and population (equations 48 to 58).

    Attributes
    ----------
    weights : array of shape ``(population,)``
        Of the ranks, best first; the positive ones sum to 1, later ones are negative.
    mu : int
        How many are positive.
    mu_eff : float
        How many equally weighted points the positive ones are worth.
    c_1, c_mu, c_c, c_sigma, d_sigma : float
        Learning rates and damping.
    chi : float
        Mean length of a standard normal vector.
    """

    weights: Array
    mu: int
    mu_eff: float
    c_1: float
    c_mu: float
    c_c: float
    c_sigma: float
    d_sigma: float
    chi: float


def default_population(d: int) -> int:
    """Return how many points make a generation in `d` dimensions (equation 48)."""
    return 4 + math.floor(3 * math.log(max(d, 1)))


@lru_cache(maxsize=64)
def rates(d: int, population: int) -> Rates:
    """Return the default rates for `d` dimensions and at least 2 points a generation."""
    mu = population // 2
    raw = np.log((population + 1) / 2) - np.log(np.arange(1, population + 1))
    mu_eff = float(raw[:mu].sum() ** 2 / (raw[:mu] ** 2).sum())
    mu_eff_minus = float(raw[mu:].sum() ** 2 / (raw[mu:] ** 2).sum())
    c_1 = 2 / ((d + 1.3) ** 2 + mu_eff)
    c_mu = min(1 - c_1 - 1e-8, 2 * (mu_eff - 2 + 1 / mu_eff) / ((d + 2) ** 2 + mu_eff))
    bound = min(
        1 + c_1 / c_mu if c_mu > 0 else math.inf,
        1 + 2 * mu_eff_minus / (mu_eff + 2),
        (1 - c_1 - c_mu) / (d * c_mu) if c_mu > 0 else math.inf,
    )
    positive = raw > 0
    weights = np.where(
        positive, raw / raw[positive].sum(), bound * raw / max(-raw[~positive].sum(), 1e-300)
    )
    c_sigma = (mu_eff + 2) / (d + mu_eff + 5)
    return Rates(
        weights=weights,
        mu=mu,
        mu_eff=mu_eff,
        c_1=c_1,
        c_mu=c_mu,
        c_c=(4 + mu_eff / d) / (d + 4 + 2 * mu_eff / d),
        c_sigma=c_sigma,
        d_sigma=1 + 2 * max(0.0, math.sqrt((mu_eff - 1) / (d + 1)) - 1) + c_sigma,
        chi=math.sqrt(d) * (1 - 1 / (4 * d) + 1 / (21 * d**2)),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Learning:
    """Learning rates that follow the ratio of signal to noise.

    Attributes
    ----------
    rate_mean, rate_shape : float
        Factors at most 1 on the steps of the mean and of the covariance.
    mean_step, shape_step : array
        Running averages of the steps, in the distribution's own coordinates.
    mean_square, shape_square : float
        Running averages of their squared lengths.

    References
    ----------
    Nomura, Akimoto and Ono (2023), CMA-ES with Learning Rate Adaptation, arXiv:2304.03473.
    """

    rate_mean: float
    rate_shape: float
    mean_step: Array
    shape_step: Array
    mean_square: float
    shape_square: float


@dataclass(frozen=True, slots=True, eq=False)
class Gaussian:
    """The search distribution, normal with covariance ``sigma**2 * S C S``, S = diag(stretch).

    Attributes
    ----------
    mean : array of shape ``(d,)``
    sigma : float
        The step size.
    covariance : array of shape ``(d, d)``
        C.
    axes, scales : arrays of shape ``(d, d)`` and ``(d,)``
        Eigenvectors of C in columns, and square roots of its eigenvalues.
    stretch : array of shape ``(d,)``
        By how much each coordinate is widened, so that discrete ones keep moving.
    path_sigma, path_c : arrays of shape ``(d,)``
        Evolution paths.
    generation : int
        How many updates there have been.
    learning : Learning, optional
        Present if learning rates adapt to noise.
    """

    mean: Array
    sigma: float
    covariance: Array
    axes: Array
    scales: Array
    stretch: Array
    path_sigma: Array
    path_c: Array
    generation: int = 0
    learning: Learning | None = None

    @classmethod
    def start(cls, mean: Array, sd: Array, *, adapt: bool = False) -> Gaussian:
        """Return a distribution without a past.

        Parameters
        ----------
        mean, sd : arrays of shape ``(d,)``
            Of the coordinates, which are independent.
        adapt : bool, default False
            Whether learning rates shall adapt to noise.
        """
        d = len(mean)
        sigma = float(np.exp(np.log(sd).mean()))
        scales = sd / sigma
        nothing = np.zeros(d)
        return cls(
            mean=mean,
            sigma=sigma,
            covariance=np.diag(scales**2),
            axes=np.eye(d),
            scales=scales,
            stretch=np.ones(d),
            path_sigma=nothing,
            path_c=nothing,
            learning=Learning(1.0, 1.0, nothing, np.zeros((d, d)), 0.0, 0.0) if adapt else None,
        )

    @property
    def sd(self) -> Array:
        """Standard deviations of the coordinates, shape ``(d,)``."""
        deviations: Array = self.sigma * self.stretch * np.sqrt(np.diag(self.covariance))
        return deviations

    def sample(self, normal: Array) -> Array:
        """Return points for standard normal numbers, both of shape ``(n, d)``."""
        points: Array = self.mean + self.sigma * self.stretch * (
            (normal * self.scales) @ self.axes.T
        )
        return points


def updated(before: Gaussian, points: Array, foreign: NDArray[np.bool_] | None = None) -> Gaussian:
    """Return the distribution after one generation (equations 41 to 47).

    Parameters
    ----------
    before : Gaussian
        From which most points were drawn.
    points : array of shape ``(population, d)``
        Best first.
    foreign : array of bool, shape ``(population,)``, optional
        Which points were not drawn from it. Their steps are cut to a plausible length, so
        that points of any origin do no harm (Hansen 2011, Injecting External Solutions Into
        CMA-ES, arXiv:1110.4181).
    """
    population, d = points.shape
    by = rates(d, population)
    whiten = (before.axes / before.scales) @ before.axes.T
    steps = (points - before.mean) / (before.sigma * before.stretch)
    lengths = np.linalg.norm(steps @ whiten, axis=1)
    if foreign is not None and foreign.any():
        longest = math.sqrt(d) + 2 * d / (d + 2)
        cut = np.where(foreign, np.minimum(1.0, longest / np.maximum(lengths, 1e-300)), 1.0)
        steps = steps * cut[:, None]
        lengths = lengths * cut

    step = by.weights[: by.mu] @ steps[: by.mu]
    mean = before.mean + before.sigma * before.stretch * step
    path_sigma = (1 - by.c_sigma) * before.path_sigma + math.sqrt(
        by.c_sigma * (2 - by.c_sigma) * by.mu_eff
    ) * (whiten @ step)
    length = float(np.linalg.norm(path_sigma))
    # A path much longer than expected would tear the covariance apart: then only sigma grows.
    settled = math.sqrt(1 - (1 - by.c_sigma) ** (2 * (before.generation + 2)))
    calm = length / settled < (1.4 + 2 / (d + 1)) * by.chi
    path_c = (1 - by.c_c) * before.path_c
    if calm:
        path_c = path_c + math.sqrt(by.c_c * (2 - by.c_c) * by.mu_eff) * step
    missing = 0.0 if calm else by.c_c * (2 - by.c_c)
    weights = by.weights * np.where(by.weights >= 0, 1.0, d / (lengths**2 + 1e-8))
    covariance = (
        (1 + by.c_1 * missing - by.c_1 - by.c_mu * by.weights.sum()) * before.covariance
        + by.c_1 * np.outer(path_c, path_c)
        + by.c_mu * (steps.T * weights) @ steps
    )
    growth = min(by.c_sigma / by.d_sigma * (length / by.chi - 1), 1.0)
    after = replace(
        before,
        mean=mean,
        sigma=before.sigma * math.exp(growth),
        covariance=covariance,
        path_sigma=path_sigma,
        path_c=path_c,
        generation=before.generation + 1,
    )
    if before.learning is not None:
        after = _slowed(before, after, before.learning, whiten)
    return _decomposed(after)


def _decomposed(state: Gaussian) -> Gaussian:
    """Return the same distribution with the axes and scales of its covariance."""
    squares, axes = np.linalg.eigh((state.covariance + state.covariance.T) / 2)
    squares = np.maximum(squares, LEAST_EIGENVALUE)
    return replace(state, covariance=(axes * squares) @ axes.T, axes=axes, scales=np.sqrt(squares))


def _slowed(before: Gaussian, after: Gaussian, past: Learning, whiten: Array) -> Gaussian:
    """Shorten an update to what its signal is worth, as Learning's reference says."""
    d = len(before.mean)
    step = after.mean - before.mean
    shape = before.sigma**2 * before.covariance
    shape_step = after.sigma**2 * after.covariance - shape
    own_step = whiten @ (step / before.stretch) / before.sigma
    own_shape = whiten @ shape_step @ whiten / (before.sigma**2 * math.sqrt(2))
    mean_average, mean_square, mean_rate = _follow(
        past.mean_step, past.mean_square, past.rate_mean, own_step, memory=0.1
    )
    shape_average, shape_square, shape_rate = _follow(
        past.shape_step, past.shape_square, past.rate_shape, own_shape, memory=0.03
    )
    shape = shape + shape_rate * shape_step
    _, log_volume = np.linalg.slogdet(shape)
    sigma = math.exp(float(log_volume) / (2 * d))
    return replace(
        after,
        mean=before.mean + mean_rate * step,
        # The best step size is inverse to the rate of the mean.
        sigma=sigma * past.rate_mean / mean_rate,
        covariance=shape / sigma**2,
        learning=Learning(
            mean_rate, shape_rate, mean_average, shape_average, mean_square, shape_square
        ),
    )


def _follow(
    average: Array, square: float, rate: float, step: Array, memory: float
) -> tuple[Array, float, float]:
    """Return the running averages with one step more, and the rate that they call for."""
    average = (1 - memory) * average + memory * step
    square = (1 - memory) * square + memory * float((step**2).sum())
    signal = float((average**2).sum())
    noise = square - signal
    ratio = (signal - memory / (2 - memory) * square) / noise if noise > 0 else math.inf
    wanted = min(max(ratio / (1.4 * rate) - 1, -1.0), 1.0)
    return average, square, min(rate * math.exp(min(0.1 * rate, memory) * wanted), 1.0)
