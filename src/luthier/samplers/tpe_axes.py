"""The columns of a codec as the domain of a Parzen estimator."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.numerics.parzen import PROBABILITIES, Domain, Points
from luthier.space.coding import Coder, Column
from luthier.space.params import Categorical, Int
from luthier.space.space import Space

Array = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Axes:
    """Some columns of a codec that can vary, sorted into numbers and choices.

    Attributes
    ----------
    numbers, choices : arrays of int
        Places of the columns.
    low, width : arrays of shape ``(len(numbers),)``
        The legal part of the unit interval, which becomes [0, 1] in the domain.
    domain : Domain
    uneven : tuple of (Coder, array of int)
        Parameters whose legal coordinates only their coder knows, and their columns.
    believed : tuple of (Coder, array of int)
        Parameters about which an expert said something.
    """

    numbers: Indices
    choices: Indices
    low: Array
    width: Array
    domain: Domain
    uneven: tuple[tuple[Coder, Indices], ...]
    believed: tuple[tuple[Coder, Indices], ...]

    @property
    def columns(self) -> Indices:
        """Places of all columns in the codec."""
        return np.concatenate([self.numbers, self.choices])

    def part(self, columns: Indices) -> Axes:
        """Return the axes of some columns; those of one parameter stay together."""
        numbers = np.flatnonzero(np.isin(self.numbers, columns))
        choices = np.flatnonzero(np.isin(self.choices, columns))
        return Axes(
            self.numbers[numbers],
            self.choices[choices],
            self.low[numbers],
            self.width[numbers],
            self.domain.part(numbers, choices),
            tuple(item for item in self.uneven if item[1][0] in columns),
            tuple(item for item in self.believed if item[1][0] in columns),
        )

    def points(self, units: Array) -> Points:
        """Return encoded rows, shape ``(n, d)``, as points of the domain."""
        numbers = np.minimum(np.maximum((units[:, self.numbers] - self.low) / self.width, 0.0), 1.0)
        choices = (units[:, self.choices] * self.domain.sizes).astype(np.int64)
        return Points(numbers, np.minimum(choices, self.domain.sizes - 1))

    def put(self, points: Points, units: Array) -> None:
        """Write points into their columns of encoded rows, as coordinates of legal values."""
        units[:, self.numbers] = np.minimum(self.low + points.numbers * self.width, 1.0)
        units[:, self.choices] = (points.choices + 0.5) / self.domain.sizes
        for coder, columns in self.uneven:
            units[:, columns] = coder.to_units(coder.to_values(units[:, columns]).tolist())

    def log_belief(self, units: Array) -> Array:
        """Return the log density of the beliefs at encoded rows, shape ``(n,)``."""
        total = np.zeros(len(units))
        for coder, columns in self.believed:
            total += coder.log_belief(units[:, columns])
        return total


def axes_of(space: Space) -> Axes:
    """Return the axes of all columns that can vary."""
    places: dict[str, Indices] = {
        name: np.array([place for place, _ in group])
        for name, group in groupby(enumerate(space.codec.columns), lambda item: item[1].param)
    }
    free = {name: at for name, at in places.items() if _varies(space, name)}
    columns = space.codec.columns
    varying = [(place, columns[place]) for at in free.values() for place in at]
    numbers = [item for item in varying if item[1].kind != "categorical"]
    choices = [item for item in varying if item[1].kind == "categorical"]
    low = np.array([column.low for _, column in numbers])
    width = np.array([column.high - column.low for _, column in numbers])
    levels = np.array([column.levels or 0 for _, column in numbers]) * width
    return Axes(
        np.array([place for place, _ in numbers], np.intp),
        np.array([place for place, _ in choices], np.intp),
        low,
        width,
        Domain(
            levels,
            _quantiles(space, [column for _, column in numbers]),
            np.array([column.levels for _, column in choices], np.int64),
            tuple(_chances(space, column) for _, column in choices),
        ),
        tuple((space.coders[n], at) for n, at in free.items() if _is_uneven(space, n)),
        tuple(
            (space.coders[n], at)
            for n, at in free.items()
            if getattr(space.params[n], "belief", None) is not None
        ),
    )


def _varies(space: Space, name: str) -> bool:
    param = space.params[name]
    return param.cardinality != 1 and getattr(param, "fixed", None) is None


def _is_uneven(space: Space, name: str) -> bool:
    """Tell whether decoding does more than finding the cell: legal values lie unevenly."""
    param, column = space.params[name], _first(space, name)
    if column.part is not None:
        return True
    if isinstance(param, Categorical):
        return bool(param.retired)
    return isinstance(param, Int) and column.levels is None


def _first(space: Space, name: str) -> Column:
    return space.coders[name].columns[0]


def _quantiles(space: Space, columns: list[Column]) -> Array | None:
    """Return the quantiles of the priors over the legal parts; None if all are uniform."""
    if all(space.coders[column.param].uniform for column in columns):
        return None
    return np.column_stack([_quantiles_of(space, column) for column in columns])


def _quantiles_of(space: Space, column: Column) -> Array:
    param: Any = space.params[column.param]
    coder = space.coders[column.param]
    if coder.uniform:
        return PROBABILITIES
    if isinstance(param, Categorical):  # an ordered one: its choices are cells
        weights = np.array(
            [
                weight if param.proposes(choice) else 0.0
                for choice, weight in zip(
                    param.choices, param.weights or np.ones(len(param.choices)), strict=True
                )
            ]
        )
        shares = np.append(0.0, np.cumsum(weights)) / weights.sum()
        units = np.interp(PROBABILITIES, shares, np.linspace(0.0, 1.0, len(shares)))
    else:
        inner = np.clip(PROBABILITIES, 1e-9, 1 - 1e-9)  # the ends may be infinite
        units = coder.from_uniform(inner[:, None], belief=False)[:, 0]
    units[[0, -1]] = column.low, column.high
    legal: Array = np.clip((units - column.low) / (column.high - column.low), 0.0, 1.0)
    return legal


def _chances(space: Space, column: Column) -> Array | None:
    """Return the prior of the choices, next to nothing for those retired; None if equal."""
    param = space.params[column.param]
    if not isinstance(param, Categorical) or (param.weights is None and not param.retired):
        return None
    weights = np.ones(len(param.choices)) if param.weights is None else np.array(param.weights)
    weights[[param.index[choice] for choice in param.retired]] = 1e-12 * weights.min()
    chances: Array = weights / weights.sum()
    return chances
