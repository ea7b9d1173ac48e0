"""Coders of choices and of constants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.errors import InvalidParams
from luthier.space.coding import Column, Kind
from luthier.space.params import Categorical, Float, Int
from luthier.space.scales import FloatArray


class ConstantCoder:
    """A number with one value only, at 0.5."""

    uniform = True

    def __init__(self, name: str, param: Float | Int) -> None:
        self.name, self.constant = name, param.low
        kind: Kind = "integer" if isinstance(param, Int) else "continuous"
        self.columns: tuple[Column, ...] = (Column(name, None, kind, 1),)
        self.one_to_value = lambda u: self.constant

    def one_to_unit(self, value: Any) -> float:
        """Return the coordinate of one value."""
        if value != self.constant:
            raise InvalidParams(self.name, value, f"the only value, {self.constant!r}")
        return 0.5

    def to_units(self, values: list[Any]) -> FloatArray:
        """Return the coordinates, shape (n, 1)."""
        return np.array([self.one_to_unit(value) for value in values], np.float64)[:, None]

    def to_values(self, units: FloatArray) -> NDArray[Any]:
        """Return the values, shape (n,)."""
        return np.full(len(units), self.constant)

    def from_uniform(self, p: FloatArray, belief: bool) -> FloatArray:
        """Return the numbers as they are."""
        return p

    def log_belief(self, units: FloatArray) -> FloatArray:
        """Return zeros: nothing can be believed about a constant."""
        return np.zeros(len(units))


class ChoiceCoder:
    """A categorical: one cell for each choice, in the order of the choices."""

    def __init__(self, name: str, param: Categorical) -> None:
        self.name, self.param = name, param
        self.size = len(param.choices)
        self.index = {choice: i for i, choice in enumerate(param.choices)}
        self.choices = np.empty(self.size, object)
        self.choices[:] = [*param.choices]
        live = [self.index[choice] for choice in param.live]
        self.nearest = [min(live, key=lambda j: (abs(i - j), j)) for i in range(self.size)]
        self.live = live
        self.uniform = param.weights is None and not param.retired
        kind: Kind = "ordered" if param.ordered else "categorical"
        edges = live[0] / self.size, (live[-1] + 1) / self.size
        self.columns: tuple[Column, ...] = (Column(name, None, kind, self.size, *edges),)
        self.one_to_value = self._fast_to_value()

    def _position(self, value: Any) -> int:
        try:
            return self.index[value]
        except (KeyError, TypeError):
            allowed = f"one of {list(self.param.choices)!r}"
            raise InvalidParams(self.name, value, allowed) from None

    def one_to_unit(self, value: Any) -> float:
        """Return the coordinate of one value."""
        return (self._position(value) + 0.5) / self.size

    def to_units(self, values: list[Any]) -> FloatArray:
        """Return the coordinates, shape (n, 1)."""
        positions = np.fromiter(map(self._position, values), np.float64, len(values))
        return ((positions + 0.5) / self.size)[:, None]

    def _fast_to_value(self) -> Callable[[float], Any]:
        size = self.size
        # One more, for u = 1.
        choices = [self.param.choices[self.nearest[min(i, size - 1)]] for i in range(size + 1)]
        return lambda u: choices[int(u * size)]

    def to_values(self, units: FloatArray) -> NDArray[Any]:
        """Return the choices, shape (n,), as objects."""
        indices = np.minimum((units[:, 0] * self.size).astype(np.int64), self.size - 1)
        values: NDArray[Any] = self.choices[np.array(self.nearest)[indices]]
        return values

    def from_uniform(self, p: FloatArray, belief: bool) -> FloatArray:
        """Map uniform numbers to the centres of cells drawn by weight or belief."""
        if belief and self.param.belief is not None:
            weights: Sequence[float] = [weight for _, weight in self.param.belief]
        else:
            weights = self.param.weights or [1.0] * self.size
        shares = np.cumsum([weights[i] for i in self.live])
        drawn = np.searchsorted(shares / shares[-1], p[:, 0], side="right")
        positions = np.array(self.live)[np.minimum(drawn, len(self.live) - 1)]
        return ((positions + 0.5) / self.size)[:, None]

    def log_belief(self, units: FloatArray) -> FloatArray:
        """Return the log density of the belief over the unit coordinate, shape (n,)."""
        if self.param.belief is None:
            return np.zeros(len(units))
        weights = np.array([weight for _, weight in self.param.belief])
        indices = np.minimum((units[:, 0] * self.size).astype(np.int64), self.size - 1)
        densities: FloatArray = np.log(weights * self.size / weights.sum())[indices]
        return densities
