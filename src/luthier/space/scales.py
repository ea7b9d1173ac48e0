"""Scales: in which coordinate a number is spread evenly, and how it is rounded to decimals.

A double in [0, 1] cannot carry every double of a wider range, so a value that comes out
of the unit coordinate is rounded to a decimal grid that is much coarser than the rounding
errors on the way. A decimal literal of at most 12 significant digits therefore survives the
trip there and back, and comes out as the very double that Python reads for it.

Every function exists for one number and for an array, and both give the same bits.
NumPy's vector routines for ``exp`` and ``log`` may differ from the scalar ones in the last
bit, and from one processor to the next; hence arrays go through `elementwise`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

LINEAR_DIGITS = 14
SIGNIFICANT_DIGITS = 12
_EXACT = 22  # 10**22 is the largest power of ten that a double holds exactly
POWERS_OF_TEN: list[float] = [10.0**k for k in range(_EXACT + 1)]
_POWERS = np.array(POWERS_OF_TEN)
_NEAR_ONE_DECIMALS = 15  # doubles just below 1 are 1.1e-16 apart


def elementwise(function: Callable[[float], float], values: FloatArray) -> FloatArray:
    """Return ``function`` of each value, by the scalar routine."""
    return np.fromiter(map(function, values.tolist()), np.float64, len(values))


def round_decimals(value: float, decimals: int) -> float:
    """Return `value` rounded to so many decimals (negative: to tens, hundreds, ...).

    An integer below 2**53 divided or multiplied by an exact power of ten is rounded once,
    so the result is the double nearest to the decimal number.
    """
    if 0 <= decimals <= _EXACT:
        power = POWERS_OF_TEN[decimals]
        return round(value * power) / power
    if -_EXACT <= decimals < 0:
        power = POWERS_OF_TEN[-decimals]
        return round(value / power) * power
    return round(value, decimals) + 0.0


def round_decimals_each(values: FloatArray, decimals: NDArray[np.int64] | int) -> FloatArray:
    """Return what `round_decimals` gives for each value.

    Parameters
    ----------
    values : ndarray, shape (n,)
    decimals : int or ndarray, shape (n,)
        The same for all, or one for each value.
    """
    if isinstance(decimals, int):
        if 0 <= decimals <= _EXACT:
            power = POWERS_OF_TEN[decimals]
            rounded: FloatArray = np.rint(values * power) / power + 0.0
            return rounded
        return elementwise(lambda value: round_decimals(value, decimals), values)
    if len(values) and decimals.min() >= 0 and decimals.max() <= _EXACT:
        powers = _POWERS[decimals]
        each: FloatArray = np.rint(values * powers) / powers + 0.0
        return each
    pairs = zip(values.tolist(), decimals.tolist(), strict=True)
    return np.fromiter((round_decimals(v, k) for v, k in pairs), np.float64, len(values))


def linear_decimals(largest: float, digits: int = LINEAR_DIGITS) -> int:
    """Return the decimals that give so many significant digits to the bound of largest size."""
    return digits - math.ceil(math.log10(largest)) if largest else digits


def _same(value: float) -> float:
    return value


def _reverse_log(x: float) -> float:
    return -math.log1p(-x)


def _reverse_exp(y: float) -> float:
    return -math.expm1(-y)


def _logit(x: float) -> float:
    return math.log(x) - math.log1p(-x)


def _logistic(y: float) -> float:
    if y <= 0:
        odds = math.exp(y)
        return odds / (1 + odds)
    odds = math.exp(-y)
    return 1 - odds / (1 + odds)


def significant_decimals(x: float, digits: int = SIGNIFICANT_DIGITS) -> int:
    """Return the decimals that leave `digits` significant digits to the positive number `x`."""
    return digits - 1 - math.floor(math.log10(x))


def _reverse_decimals(x: float) -> int:
    # x comes out of rounding errors and can be 1 although its upper bound is below.
    rest = 1 - x
    return min(_NEAR_ONE_DECIMALS, significant_decimals(rest)) if rest > 0 else _NEAR_ONE_DECIMALS


def _logit_decimals(x: float) -> int:
    return significant_decimals(x) if x <= 0.5 else _reverse_decimals(x)


@dataclass(frozen=True, slots=True)
class Scale:
    """An increasing map from a value x to the natural coordinate y in which it is spread evenly.

    Attributes
    ----------
    name : str
    forward, backward : callable
        x to y, and back.
    decimals : callable, optional
        Decimals to keep of a value x; None where they depend only on the bounds.
    factor : bool
        Whether distances in y are logarithms of factors.
    """

    name: str
    forward: Callable[[float], float]
    backward: Callable[[float], float]
    decimals: Callable[[float], int] | None
    factor: bool

    def forward_each(self, x: FloatArray) -> FloatArray:
        """Return y for each x."""
        return x if self.forward is _same else elementwise(self.forward, x)

    def backward_each(self, y: FloatArray) -> FloatArray:
        """Return x for each y."""
        return y if self.backward is _same else elementwise(self.backward, y)


SCALES: dict[str, Scale] = {
    "linear": Scale("linear", _same, _same, None, factor=False),
    "log": Scale("log", math.log, math.exp, significant_decimals, factor=True),
    "reverse_log": Scale("reverse_log", _reverse_log, _reverse_exp, _reverse_decimals, factor=True),
    "logit": Scale("logit", _logit, _logistic, _logit_decimals, factor=True),
}
"""All scales by name."""


def decimals_each(scale: Scale, x: FloatArray) -> NDArray[np.int64]:
    """Return the decimals to keep of each x, for a scale that has no fixed ones."""
    assert scale.decimals is not None
    if scale.decimals is significant_decimals:
        exponents = np.floor(elementwise(math.log10, x)).astype(np.int64)
        return SIGNIFICANT_DIGITS - 1 - exponents
    return np.fromiter(map(scale.decimals, x.tolist()), np.int64, len(x))
