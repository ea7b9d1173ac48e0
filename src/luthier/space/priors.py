"""Priors over one number, truncated to its bounds, and what an expert believes about it.

A prior says how values are drawn before anything is known; a belief says where the optimum
is thought to be, and leaves the prior alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from luthier.errors import InvalidSpace
from luthier.space.scales import FloatArray

_LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)
_NARROW = 1e-4


def number(field: str, given: object, allowed: str, accept: Callable[[float], bool]) -> float:
    """Return `given` as a finite float that `accept` holds good, or raise `InvalidSpace`."""
    if isinstance(given, (int, float, np.integer, np.floating)) and not isinstance(given, bool):
        try:
            value = float(given)
        except OverflowError:
            value = math.inf
        if math.isfinite(value) and accept(value):
            return value
    raise InvalidSpace(field, given, allowed)


def _anything(_: float) -> bool:
    return True


def _positive(value: float) -> bool:
    return value > 0


@dataclass(frozen=True, slots=True)
class Uniform:
    """Every part of the scale is equally likely: the default prior."""

    unit: ClassVar[bool] = True
    unbounded: ClassVar[bool] = False

    def quantile(self, p: ArrayLike, low: float, high: float) -> FloatArray:
        """Return the p-quantile between `low` and `high`."""
        return np.clip(low + np.asarray(p, np.float64) * (high - low), low, high)

    def log_density(self, x: ArrayLike, low: float, high: float) -> FloatArray:
        """Return the log density at `x`, minus infinity outside the bounds."""
        x = np.asarray(x, np.float64)
        return np.where((x >= low) & (x <= high), -math.log(high - low), -np.inf)


@dataclass(frozen=True, slots=True)
class Normal:
    """Normal distribution of the value.

    Parameters
    ----------
    mean, sd : float
        Mean and standard deviation, in units of the value; ``sd > 0``.
    """

    mean: float
    sd: float

    unit: ClassVar[bool] = False
    unbounded: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _check_moments(self, "Normal", self.mean, self.sd)

    def quantile(self, p: ArrayLike, low: float = -math.inf, high: float = math.inf) -> FloatArray:
        """Return the p-quantile of the distribution truncated to ``[low, high]``.

        Computed from logarithms of the distribution function on the side of the nearer
        tail, so that a truncation far out in a tail loses no digits.

        Parameters
        ----------
        p : array_like, shape (n,)
            Probabilities in [0, 1].
        low, high : float
            Bounds; infinite where there are none.

        Returns
        -------
        ndarray, shape (n,)
        """
        p = np.asarray(p, np.float64)
        a, b = (low - self.mean) / self.sd, (high - self.mean) / self.sd
        z = _normal_quantile(p, a, b) if a + b <= 0 else -_normal_quantile(1 - p, -b, -a)
        return np.clip(self.mean + self.sd * z, low, high)

    def log_density(
        self, x: ArrayLike, low: float = -math.inf, high: float = math.inf
    ) -> FloatArray:
        """Return the log density at `x` of the distribution truncated to ``[low, high]``."""
        x = np.asarray(x, np.float64)
        a, b = (low - self.mean) / self.sd, (high - self.mean) / self.sd
        z = (x - self.mean) / self.sd
        density = -0.5 * z * z - _LOG_SQRT_2PI - math.log(self.sd) - _log_mass(a, b)
        return np.where((x >= low) & (x <= high), density, -np.inf)


@dataclass(frozen=True, slots=True)
class LogNormal:
    """Normal distribution of the natural logarithm of the value.

    Parameters
    ----------
    mean, sd : float
        Mean and standard deviation of ``log(x)``; ``sd > 0``.
    """

    mean: float
    sd: float

    unit: ClassVar[bool] = False
    unbounded: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _check_moments(self, "LogNormal", self.mean, self.sd)

    def quantile(self, p: ArrayLike, low: float = 0.0, high: float = math.inf) -> FloatArray:
        """Return the p-quantile of the distribution truncated to ``[low, high]``."""
        logs = Normal(self.mean, self.sd).quantile(p, _log(low), _log(high))
        return np.clip(np.exp(logs), low, high)

    def log_density(self, x: ArrayLike, low: float = 0.0, high: float = math.inf) -> FloatArray:
        """Return the log density at `x` of the distribution truncated to ``[low, high]``."""
        x = np.asarray(x, np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.log(x)
            density = Normal(self.mean, self.sd).log_density(logs, _log(low), _log(high)) - logs
        return np.where((x > 0) & (x >= low) & (x <= high), density, -np.inf)


@dataclass(frozen=True, slots=True)
class Beta:
    """Beta distribution over the unit coordinate, that is after the scale.

    Parameters
    ----------
    a, b : float
        Shapes; both positive. ``Beta(1, 1)`` is uniform, ``Beta(5, 2)`` leans to the upper end.
    """

    a: float
    b: float

    unit: ClassVar[bool] = True
    unbounded: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for name, given in (("a", self.a), ("b", self.b)):
            value = number(f"Beta: {name}", given, "a positive number", _positive)
            object.__setattr__(self, name, value)

    def quantile(self, p: ArrayLike, low: float = 0.0, high: float = 1.0) -> FloatArray:
        """Return the p-quantile of the distribution truncated to ``[low, high]``."""
        from scipy.special import betainc, betaincc, betainccinv, betaincinv

        p = np.asarray(p, np.float64)
        below_low, below_high = betainc(self.a, self.b, (low, high))
        above_low, above_high = betaincc(self.a, self.b, (low, high))
        if max(below_high - below_low, above_low - above_high) <= 0:
            # No double tells the ends apart: the density is as good as constant in between.
            return Uniform().quantile(p, low, high)
        if below_high <= above_low:
            x = betaincinv(self.a, self.b, below_low + p * (below_high - below_low))
        else:
            x = betainccinv(self.a, self.b, above_low + p * (above_high - above_low))
        clipped: FloatArray = np.clip(x, low, high)
        return clipped

    def log_density(self, x: ArrayLike, low: float = 0.0, high: float = 1.0) -> FloatArray:
        """Return the log density at `x` of the distribution truncated to ``[low, high]``."""
        from scipy.special import betainc, betaincc, betaln, xlog1py, xlogy

        x = np.asarray(x, np.float64)
        mass = max(
            float(betainc(self.a, self.b, high) - betainc(self.a, self.b, low)),
            float(betaincc(self.a, self.b, low) - betaincc(self.a, self.b, high)),
        )
        density = xlogy(self.a - 1, x) + xlog1py(self.b - 1, -x) - betaln(self.a, self.b)
        return np.where((x >= low) & (x <= high), density - _log(mass), -np.inf)


Prior = Uniform | Normal | LogNormal | Beta
"""A distribution over one number."""


@dataclass(frozen=True, slots=True)
class Around:
    """A belief: the optimum is near a value.

    Parameters
    ----------
    value : float
        The value thought best.
    factor : float, optional
        Give or take this factor; for the scales log, reverse_log (a factor of ``1 - x``)
        and logit (a factor of the odds). Above 1.
    sd : float, optional
        Give or take this much, in units of the value; for the linear scale. Exactly one of
        `factor` and `sd` is given.
    """

    value: float
    factor: float | None = None
    sd: float | None = None

    def __post_init__(self) -> None:
        value = number("Around: value", self.value, "a finite number", _anything)
        object.__setattr__(self, "value", value)
        if (self.factor is None) == (self.sd is None):
            raise InvalidSpace("Around", self, "exactly one of factor and sd")
        if self.factor is not None:
            factor = number("Around: factor", self.factor, "a number above 1", lambda f: f > 1)
            object.__setattr__(self, "factor", factor)
        else:
            sd = number("Around: sd", self.sd, "a positive number", _positive)
            object.__setattr__(self, "sd", sd)


def _check_moments(prior: Normal | LogNormal, kind: str, mean: object, sd: object) -> None:
    allowed = "a finite number"
    object.__setattr__(prior, "mean", number(f"{kind}: mean", mean, allowed, _anything))
    object.__setattr__(prior, "sd", number(f"{kind}: sd", sd, "a positive number", _positive))


def _log(x: float) -> float:
    return math.log(x) if x > 0 else -math.inf


def _normal_quantile(p: FloatArray, a: float, b: float) -> FloatArray:
    """Quantile of the standard normal on [a, b], where a + b <= 0."""
    from scipy.special import log_ndtr, ndtri_exp

    with np.errstate(divide="ignore"):
        logs = np.logaddexp(log_ndtr(a) + np.log1p(-p), log_ndtr(b) + np.log(p))
    # Beyond 1e154 standard deviations even the logarithm overflows: all mass is at b.
    return np.where(np.isneginf(logs) & (p > 0), b, np.clip(ndtri_exp(logs), a, b))


def _log_mass(a: float, b: float) -> float:
    """Log of the probability of [a, b] under the standard normal."""
    from scipy.special import log_ndtr

    if a + b > 0:
        a, b = -b, -a
    middle, width = 0.5 * (a + b), b - a
    if width * max(1.0, abs(middle)) < _NARROW:
        # The density is as good as constant, and a difference of logs would lose all digits.
        return _log(width) - 0.5 * middle * middle - _LOG_SQRT_2PI
    low, high = float(log_ndtr(a)), float(log_ndtr(b))
    # log(exp(high) - exp(low)), Maechler 2012, "Accurately computing log(1 - exp(-|a|))".
    return high + math.log1p(-math.exp(low - high))
