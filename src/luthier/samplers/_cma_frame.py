"""How the columns of a space are seen by CMA-ES: numbers, numbers with few values, choices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from luthier.space.coding import Column
from luthier.space.space import Space

Array = NDArray[np.float64]

MANY = 256
"""A number with more values than that counts as continuous, a choice with more as a number."""

GRID = 4096
"""So many points find the cells of numbers whose values lie unevenly."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """The columns of a space by kind; those with one value only are left out.

    Attributes
    ----------
    d : int
        Number of columns of the space.
    moving : array of int, shape ``(k,)``
        Columns under the normal distribution.
    low, high : arrays of shape ``(k,)``
        Their legal part.
    discrete : array of bool, shape ``(k,)``
        Which of them have cells.
    edges : array of shape ``(number of discrete ones, most cells + 1)``
        Bounds of the cells, from -inf to inf and then inf.
    mean, sd : arrays of shape ``(k,)``
        Medians of the priors, and how wide they are: 1 for a uniform prior.
    choices : array of int, shape ``(c,)``
        Columns of unordered choices.
    options : tuple of arrays
        Coordinates of the options of each.
    shares : tuple of arrays
        Prior probabilities of the options of each.
    """

    d: int
    moving: NDArray[np.int64]
    low: Array
    high: Array
    discrete: NDArray[np.bool_]
    edges: Array
    mean: Array
    sd: Array
    choices: NDArray[np.int64]
    options: tuple[Array, ...]
    shares: tuple[Array, ...]

    @classmethod
    def of(cls, space: Space) -> Frame:
        """Return the frame of a space."""
        codec = space.codec
        cells = [_cells(space, column) for column in codec.columns]
        quantiles = (np.arange(GRID) + 0.5) / GRID
        prior = codec.from_uniform(np.repeat(quantiles[:, None], codec.d, axis=1))
        chosen = [
            column.kind == "categorical" and 1 < len(found) <= MANY
            for column, found in zip(codec.columns, cells, strict=True)
        ]
        choices = np.flatnonzero(chosen)
        movable = [
            not choice and column.low < column.high and len(found) != 1
            for column, choice, found in zip(codec.columns, chosen, cells, strict=True)
        ]
        moving = np.flatnonzero(movable)
        low = np.array([codec.columns[j].low for j in moving])
        high = np.array([codec.columns[j].high for j in moving])
        discrete = np.array([1 < len(cells[j]) <= MANY for j in moving], np.bool_)
        inner = [(cells[j][1:] + cells[j][:-1]) / 2 for j in moving[discrete]]
        edges = np.full((len(inner), max(map(len, inner), default=0) + 2), np.inf)
        edges[:, 0] = -np.inf
        for row, found in zip(edges, inner, strict=True):
            row[1 : len(found) + 1] = found
        left, middle, right = (round(GRID * q) for q in (0.15866, 0.5, 0.84134))
        return cls(
            d=codec.d,
            moving=moving,
            low=low,
            high=high,
            discrete=discrete,
            edges=edges,
            mean=prior[middle, moving],
            sd=np.maximum((prior[right] - prior[left])[moving] / 0.68268, 1e-3),
            choices=choices,
            options=tuple(cells[j] for j in choices),
            shares=tuple(_shares(prior[:, j], cells[j]) for j in choices),
        )

    def cells(self, moving: Array) -> tuple[Array, Array]:
        """Return the bounds of the cells in which the discrete coordinates of a point lie.

        Parameters
        ----------
        moving : array of shape ``(k,)``
            Coordinates of the moving columns.

        Returns
        -------
        low, high : arrays of shape ``(number of discrete columns,)``
            Infinite where the cell is an outer one.
        """
        place = (self.edges <= moving[self.discrete, None]).sum(axis=1) - 1
        rows = np.arange(len(self.edges))
        return self.edges[rows, place], self.edges[rows, place + 1]

    def options_of(self, points: Array) -> NDArray[np.int64]:
        """Return which option of each choice is the nearest, for points of shape ``(n, d)``."""
        found = np.empty((len(points), len(self.choices)), np.int64)
        for i, (column, options) in enumerate(zip(self.choices, self.options, strict=True)):
            edges = (options[1:] + options[:-1]) / 2
            found[:, i] = np.searchsorted(edges, points[:, column])
        return found

    def point(self, moving: Array, options: NDArray[np.int64]) -> Array:
        """Return a point of the space, NaN in columns with one value, shape ``(d,)``."""
        point = np.full(self.d, np.nan)
        point[self.moving] = np.clip(moving, self.low, self.high)
        for column, coordinates, option in zip(self.choices, self.options, options, strict=True):
            point[column] = coordinates[option]
        return point


def _cells(space: Space, column: Column) -> Array:
    """Return the coordinates of the values of a column, none if it is continuous or they are many.

    Where values lie unevenly, halfway between two coordinates is near enough to where one value
    becomes the other: a margin need not be exact.
    """
    if column.kind == "continuous":
        return np.empty(0)
    if column.part is not None:
        centres = (np.arange(column.levels or 0) + 0.5) / (column.levels or 1)
        return centres[(column.low <= centres) & (centres <= column.high)]
    if column.levels is not None:
        if column.levels > MANY:
            return np.empty(0)
        centres = (np.arange(column.levels) + 0.5) / column.levels
    else:
        centres = column.low + (column.high - column.low) * (np.arange(GRID) + 0.5) / GRID
    coder = space.coders[column.param]
    units = np.unique(coder.to_units(coder.to_values(centres[:, None]).tolist())[:, 0])
    return units if len(units) <= MANY else np.empty(0)


def _shares(prior: Array, options: Array) -> Array:
    """Return how often each option comes up among quantiles of the prior, none of them never."""
    found = np.searchsorted((options[1:] + options[:-1]) / 2, prior)
    counts = np.maximum(np.bincount(found, minlength=len(options)), 1.0)
    shares: Array = counts / counts.sum()
    return shares
