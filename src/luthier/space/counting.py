"""Counting the configurations of a space: by arithmetic, or else by listing them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.space.base import Param
from luthier.space.composite import Derived
from luthier.space.constraints import Constraint
from luthier.space.options import finite, finite_options
from luthier.space.params import Float, Int
from luthier.space.structure import Structure
from luthier.space.table import Table
from luthier.space.wiring import parents

MAX_LEAVES = 10**6
"""Spaces with constraints are counted by listing them, up to this many configurations."""
_BLOCK = 2**16  # rows that are listed together
_NOTHING = np.empty(1, object)


def count(structure: Structure) -> int | None:
    """Return how many distinct configurations there are.

    Without constraints this is arithmetic, to any size. With constraints the configurations
    are listed, if there are at most a million without them.

    Returns
    -------
    int or None
        None if there are infinitely many, or too many to be counted.
    """
    total = count_free(structure)
    if total is None or not structure.constraints:
        return total
    if total > MAX_LEAVES:
        return None
    return sum(table.n for table in listed(structure))


def count_free(structure: Structure) -> int | None:
    """Return how many configurations there are without constraints; None if infinitely many.

    Carries along only the values that later conditions look at, and gives up with None where
    those have more than a million combinations.
    """
    last_use: dict[str, int] = {}
    for i, param in enumerate(structure.params.values()):
        for name in _looked_at(structure, param, i):
            last_use[name] = i
    states: dict[tuple[tuple[str, Any], ...], int] = {(): 1}
    for i, (name, param) in enumerate(structure.params.items()):
        after: dict[tuple[tuple[str, Any], ...], int] = {}
        kept = {other for other, last in last_use.items() if last > i}
        for state, number in states.items():
            row = dict(state)
            base = tuple(item for item in state if item[0] in kept)
            if not structure.is_active(name, row):
                values: Iterable[Any] = ()
                after[base] = after.get(base, 0) + number
            elif isinstance(param, Derived):
                values = (param.compute(row),) if name in kept else ()
                if not values:
                    after[base] = after.get(base, 0) + number
            elif param.cardinality is None:
                return None
            elif name not in kept:
                values = ()
                after[base] = after.get(base, 0) + number * param.cardinality
            elif param.cardinality > MAX_LEAVES:
                return None
            else:
                values = finite(structure, name, param)()
            for value in values:
                key = (*base, (name, value))
                after[key] = after.get(key, 0) + number
            if len(after) > MAX_LEAVES:
                return None
        states = after
    return sum(states.values())


def listed(structure: Structure) -> Iterator[Table]:
    """Yield the configurations of a finite space that satisfy its constraints, in tables.

    The order is that of `configurations`, which needs no more memory than one of them, and is
    ten times slower.
    """
    names, due = structure.names, due_rules(structure)
    values = finite_options(structure)

    @cache
    def column(name: str) -> NDArray[Any]:
        return _column(structure.params[name], list(values[name]()))

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


def _column(param: Param, values: list[Any]) -> NDArray[Any]:
    """Return the values as an array of the type that a coder gives."""
    if isinstance(param, Float):
        return np.array(values, np.float64)
    if isinstance(param, Int):
        return np.array(values, np.int64)
    column = np.empty(len(values), object)
    column[:] = values
    return column


def _looked_at(structure: Structure, param: Param, position: int) -> tuple[str, ...]:
    """Return the names that decide about a parameter; a function may look at all before it."""
    if isinstance(param, Derived) and not param.parents:
        return structure.names[:position]
    return parents(param)
