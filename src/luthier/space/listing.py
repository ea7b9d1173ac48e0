"""Listing the configurations of a finite space, many at once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.space.base import Param
from luthier.space.constraints import Constraint
from luthier.space.options import finite_options
from luthier.space.params import Float, Int
from luthier.space.structure import Structure
from luthier.space.table import Table

_BLOCK = 2**16  # rows that are listed together
_NOTHING = np.empty(1, object)


def listed(structure: Structure) -> Iterator[Table]:
    """Yield the configurations of a finite space that satisfy its constraints, in tables.

    The order is that of `configurations`, which needs no more memory than one of them, and is
    ten times slower.
    """
    names, due = structure.names, due_rules(structure)
    values = finite_options(structure)

    @cache
    def column(name: str) -> NDArray[Any]:
        return as_column(structure.params[name], list(values[name]()))

    stack = [(0, _Beginnings(structure, 1, {}))]
    while stack:
        position, table = stack.pop()
        for rule in due[position]:
            table = table.take(np.flatnonzero(table.held(rule)))
        if position == len(names):
            yield table
            continue
        name = names[position]
        if name not in values:  # derived
            stack.append((position + 1, table))
            continue
        active = table.active(name)
        # What is never active may have more values than there is room for.
        options = column(name) if active is None or active.any() else _NOTHING
        size = max(1, _BLOCK // len(options))
        for first in reversed(range(0, table.n, size)):
            rows = np.arange(first, min(first + size, table.n))
            stack.append((position + 1, table.take(rows).times(name, options)))


def due_rules(structure: Structure) -> list[list[Constraint]]:
    """Return which constraints can be judged when 0, 1, 2, ... parameters have values."""
    due: list[list[Constraint]] = [[] for _ in range(len(structure.names) + 1)]
    for rule in structure.constraints:
        names = structure.names if rule.names is None else rule.names
        due[max((structure.names.index(name) + 1 for name in names), default=0)].append(rule)
    return due


class _Beginnings(Table):
    """Configurations as far as their first parameters, of which every column is there."""

    def __init__(self, structure: Structure, n: int, columns: dict[str, NDArray[Any]]) -> None:
        super().__init__(structure, n, columns.__getitem__)
        self._values = columns

    def take(self, rows: NDArray[np.int64]) -> _Beginnings:
        """Return the table of the rows at some indices."""
        columns = {name: column[rows] for name, column in self._values.items()}
        taken = _Beginnings(self.structure, len(rows), columns)
        taken._active = {
            name: None if mask is None else mask[rows] for name, mask in self._active.items()
        }
        return taken

    def times(self, name: str, options: NDArray[Any]) -> _Beginnings:
        """Return the table with a row for every value of the next parameter, where active."""
        active = self.active(name)
        repeats = np.full(self.n, len(options))
        if active is not None:
            repeats[~active] = 1
        rows = np.repeat(np.arange(self.n), repeats)
        first = np.cumsum(repeats) - repeats
        longer = self.take(rows)
        longer._values[name] = options[np.arange(len(rows)) - first[rows]]
        return longer


def as_column(param: Param, values: list[Any]) -> NDArray[Any]:
    """Return the values as an array of the type that a coder gives."""
    if isinstance(param, Float):
        return np.array(values, np.float64)
    if isinstance(param, Int):
        return np.array(values, np.int64)
    column = np.empty(len(values), object)
    column[:] = values
    return column
