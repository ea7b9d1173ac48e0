"""Grids: the values of a number that moves in steps, and the index of each."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from luthier.errors import InvalidSpace
from luthier.space.scales import FloatArray

MAX_CELLS = 2**50
"""More equal cells than this cannot be told apart by a double in [0, 1]."""
MAX_INTEGER = 2**53
_MAX_TABLE = 100_000
_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class EvenGrid:
    """``size`` values evenly from low to high, each the double nearest to its exact decimal.

    The i-th value is ``(first + i * stride) / divisor``; whole numbers if `whole`.
    """

    size: int
    first: int
    stride: int
    divisor: int
    whole: bool

    def value(self, index: int) -> float:
        """Return the value at an index: an int on a whole grid, else a float."""
        numerator = self.first + index * self.stride
        return numerator if self.whole else numerator / self.divisor

    def values(self, indices: NDArray[np.int64]) -> NDArray[np.float64] | NDArray[np.int64]:
        """Return the values at indices."""
        last = self.first + (self.size - 1) * self.stride
        if max(abs(self.first), abs(last)) <= MAX_INTEGER and self.divisor <= MAX_INTEGER:
            numerators = self.first + indices * self.stride
            return numerators if self.whole else numerators / self.divisor
        return np.array([self.value(i) for i in indices.tolist()], np.float64)

    def index(self, value: float) -> int:
        """Return the index of the value nearest to `value`."""
        if self.whole:
            return (int(value) - self.first + self.stride // 2) // self.stride
        low, high = self.value(0), self.value(self.size - 1)
        return round((value - low) / (high - low) * (self.size - 1))

    def indices(self, values: FloatArray) -> NDArray[np.int64]:
        """Return the index of each value."""
        if self.whole:
            result: NDArray[np.int64] = (
                values.astype(np.int64) - self.first + self.stride // 2
            ) // self.stride
            return result
        low, high = self.value(0), self.value(self.size - 1)
        return np.rint((values - low) / (high - low) * (self.size - 1)).astype(np.int64)


@dataclass(frozen=True, slots=True)
class TableGrid:
    """A few increasing values, written out."""

    table: tuple[float, ...]

    @property
    def size(self) -> int:
        """How many values."""
        return len(self.table)

    def value(self, index: int) -> float:
        """Return the value at an index."""
        return self.table[index]

    def values(self, indices: NDArray[np.int64]) -> NDArray[np.float64] | NDArray[np.int64]:
        """Return the values at indices."""
        return np.array(self.table)[indices]

    def index(self, value: float) -> int:
        """Return the index of the value nearest to `value`."""
        right = bisect_left(self.table, value)
        if right in (0, self.size):
            return min(right, self.size - 1)
        left = right - 1
        return left if value - self.table[left] < self.table[right] - value else right

    def indices(self, values: FloatArray) -> NDArray[np.int64]:
        """Return the index of each value."""
        return np.array([self.index(value) for value in values.tolist()], np.int64)


Grid = EvenGrid | TableGrid


@lru_cache(maxsize=4096)
def even_grid(kind: str, low: float, high: float, step: float, whole: bool) -> EvenGrid:
    """Return the grid ``low, low + step, ..., high``, computed in exact decimals.

    Raises
    ------
    InvalidSpace
        If `high` is not reached by whole steps, or there are more than 2**50.
    """
    first, last, stride = (Fraction(repr(x)) for x in (low, high, step))
    steps = (last - first) / stride
    count = round(steps)
    if abs(steps - count) > _TOLERANCE or (whole and steps != count):
        below, above = (first + n * stride for n in (math.floor(steps), math.floor(steps) + 1))
        shown = [int(x) if whole else float(x) for x in (below, above)]
        raise InvalidSpace(
            f"{kind}: high",
            high,
            f"low plus whole steps of {step!r}, nearest {shown[0]!r} or {shown[1]!r}",
        )
    if count + 1 > MAX_CELLS:
        raise InvalidSpace(f"{kind}: step", step, "a step that leaves at most 2**50 values")
    width = (last - first) / count if count else Fraction(0)
    divisor = math.lcm(first.denominator, width.denominator)
    return EvenGrid(count + 1, int(first * divisor), int(width * divisor), divisor, whole)


@lru_cache(maxsize=256)
def factor_grid(kind: str, low: float, high: float, factor: float, whole: bool) -> TableGrid:
    """Return the grid ``low, low * factor, low * factor**2, ..., high``.

    Raises
    ------
    InvalidSpace
        If `high` is not reached, or there are more than 100,000 values.
    """
    first, last, stride = (Fraction(repr(x)) for x in (low, high, factor))
    steps = (math.log(high) - math.log(low)) / math.log(factor)
    count = round(steps)
    if count + 1 > _MAX_TABLE:
        allowed = f"a factor that leaves at most {_MAX_TABLE} values"
        raise InvalidSpace(f"{kind}: step", factor, allowed)
    reached = first * stride**count == last if whole else _is_close(steps, count, factor)
    if not reached:
        floor = math.floor(steps)
        shown = [low * factor**floor, low * factor ** (floor + 1)]
        allowed = f"low times a power of the step {factor!r}, nearest {shown[0]!r} or {shown[1]!r}"
        raise InvalidSpace(f"{kind}: high", high, allowed)
    if whole:
        return TableGrid(tuple(int(first * stride**i) for i in range(count + 1)))
    if count < 1000:
        inner = [float(first * stride**i) for i in range(1, count)]
    else:  # exact powers would take thousands of digits each
        inner = [low * math.exp(i / count * math.log(high / low)) for i in range(1, count)]
    return TableGrid((low, *inner, high) if count else (low,))


def _is_close(steps: float, count: int, factor: float) -> bool:
    return abs(steps - count) * math.log(factor) <= _TOLERANCE


def is_on_grid(grid: Grid, value: float, neighbours: Sequence[int] = (-1, 1)) -> bool:
    """Return whether a value differs from a grid value by no more than rounding."""
    index = min(max(grid.index(value), 0), grid.size - 1)
    nearest = grid.value(index)
    beside = [
        abs(grid.value(index + d) - nearest) for d in neighbours if 0 <= index + d < grid.size
    ]
    return abs(value - nearest) <= _TOLERANCE * min(beside, default=abs(nearest))
