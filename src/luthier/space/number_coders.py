"""Coders of numbers: continuous, whole, and in steps."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.errors import InvalidParams
from luthier.space.base import is_number
from luthier.space.coding import Column, Kind
from luthier.space.grids import Grid
from luthier.space.lines import line
from luthier.space.params import Float, Int
from luthier.space.priors import Beta, LogNormal, Normal, Uniform
from luthier.space.scales import (
    POWERS_OF_TEN,
    FloatArray,
    decimals_each,
    elementwise,
    linear_decimals,
    round_decimals,
    round_decimals_each,
    significant_decimals,
)

_UNBOUNDED_DIGITS = 13


class _NumberCoder(ABC):
    """What the coders of numbers share: priors, beliefs, the column."""

    def __init__(self, name: str, param: Float | Int, kind: Kind, levels: int | None) -> None:
        self.param = param
        self.line = line(param)
        low, high = self._edges()
        self.columns: tuple[Column, ...] = (Column(name, None, kind, levels, low, high),)
        self.uniform = (low, high) == (0.0, 1.0) and isinstance(param.prior, Uniform)

    @abstractmethod
    def _edges(self) -> tuple[float, float]:
        """Return the legal part of the unit interval."""

    def _outside(self, value: Any) -> InvalidParams:
        low, high = self.param.support
        allowed = f"a number from {low!r} to {high!r}"
        return InvalidParams(self.columns[0].param, value, allowed)

    def _numbers(self, values: list[Any]) -> FloatArray:
        """Return the values as an array, or raise for what is no number within the frame."""
        low, high = self.param.support
        try:
            x = np.array(values)
            if x.ndim == 1 and x.dtype.kind in "iuf" and ((x >= low) & (x <= high)).all():
                return x.astype(np.float64)
        except ValueError:
            pass  # lists among the values
        inside = [is_number(value) and low <= value <= high for value in values]
        raise self._outside(values[inside.index(False)])

    def from_uniform(self, p: FloatArray, belief: bool) -> FloatArray:
        """Map uniform numbers to coordinates drawn from the prior, or from the belief."""
        column, prior = self.columns[0], self.param.prior
        if belief and self.param.belief is not None:
            centre, low, high = self._belief()
            y = centre.quantile(p[:, 0], low, high)
            u = self.line.units_of_natural(y)
        elif isinstance(prior, (Uniform, Beta)):
            u = prior.quantile(p[:, 0], column.low, column.high)
        else:
            assert isinstance(prior, (Normal, LogNormal))
            low, high = self._limits(self.line.scale.backward)
            reach = self._reach()
            u = self.line.units(np.clip(prior.quantile(p[:, 0], low, high), *reach))
        return np.clip(u, column.low, column.high)[:, None]

    def _reach(self) -> tuple[float, float]:
        """Return the finite ends in x between which a quantile is representable."""
        low, high = self.param.support
        pad = 0.5 if isinstance(self.param, Int) and self.param.grid() is None else 0.0
        ends = self._limits(self.line.scale.backward)
        return max(ends[0], low - pad), min(ends[1], high + pad)

    def _limits(self, backward: Callable[[float], float]) -> tuple[float, float]:
        """Return the legal ends in x, or in y with the identity; infinite where there are none."""
        column = self.columns[0]
        ends = []
        for edge, whole, infinite in (
            (column.low, 0.0, self.param.outer[0] is None),
            (column.high, 1.0, self.param.outer[1] is None),
        ):
            if infinite and edge == whole:
                ends.append(-math.inf if whole == 0 else math.inf)
            else:
                ends.append(backward(self.line.natural(edge)))
        return ends[0], ends[1]

    def _belief(self) -> tuple[Normal, float, float]:
        around = self.param.belief
        assert around is not None
        sd = around.sd if around.factor is None else math.log(around.factor)
        assert sd is not None
        centre = Normal(self.line.scale.forward(around.value), sd)
        return centre, *self._limits(lambda y: y)

    def log_belief(self, units: FloatArray) -> FloatArray:
        """Return the log density of the belief over the unit coordinate, shape (n,)."""
        if self.param.belief is None:
            return np.zeros(len(units))
        centre, low, high = self._belief()
        u = np.clip(units[:, 0], self.columns[0].low, self.columns[0].high)
        y = np.clip(self.line.naturals(u), low, high)
        return centre.log_density(y, low, high) + self.line.log_slopes(u)


class ContinuousCoder(_NumberCoder):
    """A number without steps. Only a bound itself has the coordinate of the bound."""

    def __init__(self, name: str, param: Float) -> None:
        super().__init__(name, param, "continuous", None)
        low, high = param.support
        scale = self.line.scale
        self.digits: int | None = None
        if scale.decimals is None:
            digits = (_UNBOUNDED_DIGITS,) if param.unbounded else ()
            self.digits = linear_decimals(max(abs(low), abs(high)), *digits)
        self.log_digits: int | None = None
        if param.unbounded and scale.name == "log":
            # An arc tangent leaves fewer digits, the more standard deviations a factor is.
            assert isinstance(param.prior, LogNormal)
            self.log_digits = 12 - max(0, math.ceil(math.log10(param.prior.sd)))
        self.one_to_value = self._fast_to_value()

    def _edges(self) -> tuple[float, float]:
        (low, high), (outer_low, outer_high) = self.param.range, self.param.outer
        return (
            0.0 if self.param.low == outer_low else self.line.unit(low),
            1.0 if self.param.high == outer_high else self.line.unit(high),
        )

    def one_to_unit(self, value: Any) -> float:
        """Return the coordinate of one value."""
        low, high = self.param.support
        if not is_number(value) or not low <= value <= high:
            raise self._outside(value)
        x = float(value)
        u = min(max(self.line.unit(x), 0.0), 1.0)
        column, (first, last) = self.columns[0], self.param.range
        if x == first:
            return column.low
        if x == last:
            return column.high
        if first < x < last:
            if u <= column.low:
                return math.nextafter(column.low, 1.0)
            if u >= column.high:
                return math.nextafter(column.high, 0.0)
        return u

    def to_units(self, values: list[Any]) -> FloatArray:
        """Return the coordinates, shape (n, 1)."""
        return self._units(self._numbers(values))

    def snapped(self, units: FloatArray) -> FloatArray:
        """Return the coordinates of the nearest values, shape (n, 1)."""
        return self._units(self.to_values(units))

    def _units(self, x: FloatArray) -> FloatArray:
        u = np.clip(self.line.units(x), 0.0, 1.0)
        column, (first, last) = self.columns[0], self.param.range
        inside = (first < x) & (x < last)
        u[inside & (u <= column.low)] = math.nextafter(column.low, 1.0)
        u[inside & (u >= column.high)] = math.nextafter(column.high, 0.0)
        u[x == last] = column.high
        u[x == first] = column.low
        return u[:, None]

    def _decimals(self, x: float) -> int:
        if self.digits is not None:
            return self.digits
        if self.log_digits is not None:
            return significant_decimals(x, self.log_digits)
        assert self.line.scale.decimals is not None
        return self.line.scale.decimals(x)

    def _fast_to_value(self) -> Callable[[float], float]:
        """Return the way back for one coordinate, with everything looked up beforehand."""
        first, last = self.param.range
        column, scale = self.columns[0], self.line.scale
        u_low, u_high = column.low, column.high
        start, width = self.line.start, self.line.width
        natural, backward, decimals = self.line.natural, scale.backward, self._decimals
        # Most parameters are bounded and linear, of a common size: for them nothing is called.
        power, digits = 0.0, self.digits
        if self.line.centre is None and digits is not None and 0 <= digits < len(POWERS_OF_TEN):
            power = POWERS_OF_TEN[digits]

        def linear(u: float) -> float:
            if u <= u_low:
                return first
            if u >= u_high:
                return last
            x = round((start + u * width) * power) / power  # as `round_decimals` does it
            return first if x < first else last if x > last else x

        def general(u: float) -> float:
            if u <= u_low:
                return first
            if u >= u_high:
                return last
            x = backward(natural(u))
            x = first if x < first else last if x > last else x
            x = round_decimals(x, decimals(x))
            return first if x < first else last if x > last else x

        return linear if power else general

    def to_values(self, units: FloatArray) -> FloatArray:
        """Return the values, shape (n,)."""
        u = units[:, 0]
        column, (first, last) = self.columns[0], self.param.range
        # Values beyond the legal ends would only be clipped, and may be out of the scale's reach.
        x = self.line.scale.backward_each(self.line.naturals(np.clip(u, column.low, column.high)))
        if self.digits is not None:
            x = round_decimals_each(np.clip(x, first, last), self.digits)
        else:
            x = np.clip(x, first, last)
            if self.log_digits is None:
                x = round_decimals_each(x, decimals_each(self.line.scale, x))
            else:
                x = elementwise(lambda v: round_decimals(v, self._decimals(v)), x)
        x = np.clip(x, first, last)
        x[u >= column.high] = last
        x[u <= column.low] = first
        return x


class RoundedCoder(_NumberCoder):
    """A whole number whose cells have unequal width: on the log scale, or without a bound."""

    def __init__(self, name: str, param: Int) -> None:
        super().__init__(name, param, "integer", None)

    def _edges(self) -> tuple[float, float]:
        (low, high), (outer_low, outer_high) = self.param.range, self.param.outer
        return (
            0.0 if self.param.low == outer_low else self.line.unit(low - 0.5),
            1.0 if self.param.high == outer_high else self.line.unit(high + 0.5),
        )

    def one_to_unit(self, value: Any) -> float:
        """Return the coordinate of one value."""
        low, high = self.param.support
        if not is_number(value) or not low <= value <= high:
            raise self._outside(value)
        return min(max(self.line.unit(float(value)), 0.0), 1.0)

    def to_units(self, values: list[Any]) -> FloatArray:
        """Return the coordinates, shape (n, 1)."""
        return self._units(self._numbers(values))

    def snapped(self, units: FloatArray) -> FloatArray:
        """Return the coordinates of the nearest whole numbers, shape (n, 1)."""
        return self._units(self.to_values(units).astype(np.float64))

    def _units(self, x: FloatArray) -> FloatArray:
        return np.clip(self.line.units(x), 0.0, 1.0)[:, None]

    def one_to_value(self, u: float) -> int:
        """Return the value at one coordinate."""
        first, last = self.param.range
        x = self.line.scale.backward(self.line.natural(u))
        return round(min(max(x, first), last))

    def to_values(self, units: FloatArray) -> NDArray[np.int64]:
        """Return the values, shape (n,)."""
        first, last = self.param.range
        column = self.columns[0]
        u = np.clip(units[:, 0], column.low, column.high)
        x = self.line.scale.backward_each(self.line.naturals(u))
        return np.rint(np.clip(x, first, last)).astype(np.int64)


class CellsCoder(_NumberCoder):
    """A number in steps: cells of equal width."""

    def __init__(self, name: str, param: Float | Int, grid: Grid) -> None:
        self.grid, self.size = grid, grid.size
        self.first, self.last = grid.index(param.low), grid.index(param.high)  # type: ignore[arg-type]
        super().__init__(name, param, "integer", grid.size)
        self.one_to_value = self._fast_to_value()

    def _edges(self) -> tuple[float, float]:
        return self.first / self.size, (self.last + 1) / self.size

    def one_to_unit(self, value: Any) -> float:
        """Return the coordinate of one value."""
        low, high = self.param.support
        if not is_number(value) or not low <= value <= high:
            raise self._outside(value)
        return (self.grid.index(value) + 0.5) / self.size

    def to_units(self, values: list[Any]) -> FloatArray:
        """Return the coordinates, shape (n, 1)."""
        return ((self.grid.indices(self._numbers(values)) + 0.5) / self.size)[:, None]

    def _fast_to_value(self) -> Callable[[float], float]:
        size, first, last, value = self.size, self.first, self.last, self.grid.value

        def cell(u: float) -> float:
            index = int(u * size)
            return value(first if index < first else last if index > last else index)

        return cell

    def to_values(self, units: FloatArray) -> NDArray[Any]:
        """Return the values, shape (n,)."""
        return self.grid.values(self._indices(units))

    def snapped(self, units: FloatArray) -> FloatArray:
        """Return the centres of the cells, shape (n, 1)."""
        centres: FloatArray = (self._indices(units) + 0.5) / self.size
        return centres[:, None]

    def _indices(self, units: FloatArray) -> NDArray[np.int64]:
        return np.clip((units[:, 0] * self.size).astype(np.int64), self.first, self.last)
