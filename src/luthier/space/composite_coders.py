"""Coders of composite parameters: several columns for one value."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.errors import InvalidParams
from luthier.space.coding import Column
from luthier.space.composite import SHARES, Composite, Permutation, Simplex, Subset
from luthier.space.scales import FloatArray


class CompositeCoder(ABC):
    """What they share: rows one by one, and frozen values."""

    uniform = True

    def __init__(self, name: str, param: Composite, columns: Iterable[Column]) -> None:
        self.name, self.param = name, param
        self.columns = tuple(columns)
        if param.fixed is not None:
            units = self._units(param.fixed)
            self.columns = tuple(
                replace(column, low=unit, high=unit)
                for column, unit in zip(self.columns, units, strict=True)
            )

    @abstractmethod
    def _units(self, value: Any) -> list[float]:
        """Return the coordinates of a value that is known to be good."""

    @abstractmethod
    def _value(self, units: list[float]) -> Any:
        """Return the value at a point."""

    def one_to_unit(self, value: Any) -> list[float]:
        """Return the coordinates of one value."""
        if not self.param.knows(value):
            raise InvalidParams(self.name, value, self.param._describe())
        return self._units(value)

    def one_to_value(self, units: list[float]) -> Any:
        """Return the value at one point."""
        fixed = self.param.fixed
        if fixed is not None:
            return dict(fixed) if isinstance(fixed, dict) else fixed
        return self._value(units)

    def to_units(self, values: list[Any]) -> FloatArray:
        """Return the coordinates, shape (n, m)."""
        rows = [self.one_to_unit(value) for value in values]
        return np.array(rows, np.float64).reshape(len(values), len(self.columns))

    def to_values(self, units: FloatArray) -> NDArray[Any]:
        """Return the values, shape (n,), as objects."""
        values = np.empty(len(units), object)
        for i, row in enumerate(units.tolist()):
            values[i] = self.one_to_value(row)
        return values

    def snapped(self, units: FloatArray) -> FloatArray:
        """Return the coordinates of the nearest values, shape (n, m)."""
        return self.to_units(list(self.to_values(units)))

    def from_uniform(self, p: FloatArray, belief: bool) -> FloatArray:
        """Return the numbers as they are."""
        return p

    def log_belief(self, units: FloatArray) -> FloatArray:
        """Return zeros: there is no belief."""
        return np.zeros(len(units))


class SubsetCoder(CompositeCoder):
    """One two-level column for each item: at least one half means chosen.

    Where that gives too few or too many, those nearest to the other side change it, the
    earlier item first. So every subset is reached; uniform numbers draw uniformly if all
    sizes are allowed, or only one.
    """

    param: Subset

    def __init__(self, name: str, param: Subset) -> None:
        super().__init__(
            name, param, (Column(name, str(item), "categorical", 2) for item in param.items)
        )

    def _units(self, value: Any) -> list[float]:
        return [0.75 if item in value else 0.25 for item in self.param.items]

    def _value(self, units: list[float]) -> Any:
        chosen = {i for i, unit in enumerate(units) if unit >= 0.5}
        sizes = self.param.sizes
        if len(chosen) not in sizes:
            size = sizes.start if len(chosen) < sizes.start else sizes.stop - 1
            chosen = set(sorted(range(len(units)), key=lambda i: -units[i])[:size])
        return tuple(item for i, item in enumerate(self.param.items) if i in chosen)


class PermutationCoder(CompositeCoder):
    """Random keys (Bean 1994): one continuous column for each item, and their order decides.

    Neighbouring keys are similar orders, and uniform keys are uniform orders; neither holds
    for a code such as Lehmer's, whose first digit moves all the rest.
    """

    param: Permutation

    def __init__(self, name: str, param: Permutation) -> None:
        super().__init__(
            name, param, (Column(name, str(item), "continuous", None) for item in param.items)
        )

    def _units(self, value: Any) -> list[float]:
        count = len(self.param.items)
        return [(value.index(item) + 0.5) / count for item in self.param.items]

    def _value(self, units: list[float]) -> Any:
        items = self.param.items
        return tuple(items[i] for i in sorted(range(len(items)), key=units.__getitem__))


class SimplexCoder(CompositeCoder):
    """Stick breaking: column i says which fraction of what is left goes to the i-th name.

    Of k names, ``1 - fraction`` of the i-th (from 1) is ``u ** (1 / (k - i))``, so that uniform
    numbers are uniform on the simplex, Dirichlet(1). A small u is a large share: near 0 a
    double has the digits that the high power needs.
    """

    param: Simplex

    def __init__(self, name: str, param: Simplex) -> None:
        columns = (Column(name, each, "continuous", None) for each in param.names[:-1])
        super().__init__(name, param, columns)

    def _units(self, value: Any) -> list[float]:
        shares = [value[name] for name in self.param.names]
        units = []
        for i, share in enumerate(shares[:-1]):
            rest = math.fsum(shares[i + 1 :])
            left = share + rest
            units.append((rest / left) ** (len(shares) - 1 - i) if left > 0 else 1.0)
        return units

    def _value(self, units: list[float]) -> Any:
        names, left, shares = self.param.names, SHARES, {}
        for i, (name, unit) in enumerate(zip(names, units, strict=False)):
            rest = round(left * unit ** (1 / (len(names) - 1 - i)))
            shares[name] = (left - rest) / SHARES
            left = rest
        shares[names[-1]] = left / SHARES
        return shares
