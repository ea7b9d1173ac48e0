"""Coders of choices and of constants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from luthier.errors import InvalidParams
from luthier.space.base import listing
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

    def snapped(self, units: FloatArray) -> FloatArray:
        """Return the one coordinate there is, shape (n, 1)."""
        return np.full((len(units), 1), 0.5)

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
        self._index = param.index
        self._live = np.fromiter(map(param.index.__getitem__, param.live), np.int64)
        self._cells = np.empty(self.size, object)
        self._cells[:] = param.choices
        self._meant = np.arange(self.size)
        if param.retired:
            self._meant = _nearest(self._live, self.size)
            self._cells = self._cells[self._meant]
        self.uniform = param.weights is None and not param.retired
        kind: Kind = "ordered" if param.ordered else "categorical"
        edges = int(self._live[0]) / self.size, int(self._live[-1] + 1) / self.size
        self.columns: tuple[Column, ...] = (Column(name, None, kind, self.size, *edges),)
        self.one_to_value = self._fast_to_value()
        self._shares = self._running_shares(param.weights)
        self._believed: FloatArray | None = None
        self._believed_shares = self._shares
        if param.belief is not None:
            self._believed = np.array([weight for _, weight in param.belief], np.float64)
            self._believed_shares = self._running_shares(self._believed)

    def _running_shares(self, weights: ArrayLike | None) -> FloatArray:
        """Return the probability of each live choice together with those before it."""
        given = np.ones(self.size) if weights is None else np.asarray(weights, np.float64)
        sums: FloatArray = np.cumsum(given[self._live])
        shares: FloatArray = sums / sums[-1]
        return shares

    def _position(self, value: Any) -> int:
        try:
            return self._index[value]
        except (KeyError, TypeError):
            allowed = f"one of {listing(self.param.choices)}"
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
        choices = [*self._cells, self._cells[-1]]  # one more, for u = 1
        return lambda u: choices[int(u * size)]

    def _indices(self, units: FloatArray) -> NDArray[np.int64]:
        return np.minimum((units[:, 0] * self.size).astype(np.int64), self.size - 1)

    def to_values(self, units: FloatArray) -> NDArray[Any]:
        """Return the choices, shape (n,), as objects."""
        values: NDArray[Any] = self._cells[self._indices(units)]
        return values

    def snapped(self, units: FloatArray) -> FloatArray:
        """Return the centres of the cells, shape (n, 1)."""
        centres: FloatArray = (self._meant[self._indices(units)] + 0.5) / self.size
        return centres[:, None]

    def from_uniform(self, p: FloatArray, belief: bool) -> FloatArray:
        """Map uniform numbers to the centres of cells drawn by weight or belief."""
        shares = self._believed_shares if belief else self._shares
        drawn = np.searchsorted(shares, p[:, 0], side="right")
        positions = self._live[np.minimum(drawn, len(self._live) - 1)]
        return ((positions + 0.5) / self.size)[:, None]

    def log_belief(self, units: FloatArray) -> FloatArray:
        """Return the log density of the belief over the unit coordinate, shape (n,)."""
        if self._believed is None:
            return np.zeros(len(units))
        weights = self._believed[self._indices(units)]
        densities: FloatArray = np.log(weights * self.size / self._believed.sum())
        return densities


def _nearest(live: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Return for each of so many positions the nearest live one, of two the lower."""
    positions = np.arange(size)
    after = np.searchsorted(live, positions)
    above = live[np.minimum(after, len(live) - 1)]
    below = live[np.maximum(after - 1, 0)]
    nearest: NDArray[np.int64] = np.where(
        np.abs(above - positions) < np.abs(positions - below), above, below
    )
    return nearest
