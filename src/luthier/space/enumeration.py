"""Counting and listing the configurations of a space."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from luthier.errors import InvalidInput
from luthier.space.base import Param
from luthier.space.composite import SHARES, Derived, Permutation, Simplex, Subset
from luthier.space.number_coders import CellsCoder
from luthier.space.params import Categorical, Float, Int
from luthier.space.structure import Structure, holds
from luthier.space.wiring import parents

MAX_LEAVES = 10**6
"""Spaces with constraints are counted one by one, up to this many configurations."""
_ABSENT: Any = object()
_Options = Mapping[str, Callable[[], Iterable[Any]]]


def configurations(structure: Structure, options: _Options) -> Iterator[dict[str, Any]]:
    """Yield every configuration that satisfies the constraints, the last parameter fastest.

    Parameters
    ----------
    structure : Structure
    options : mapping
        For each parameter but the derived ones a function that yields its values.
    """
    names = structure.names
    due = _due(structure)

    def at(position: int, row: Mapping[str, Any]) -> Iterator[Any]:
        name = names[position]
        param = structure.params[name]
        if not structure.is_active(name, row):
            return iter((_ABSENT,))
        if isinstance(param, Derived):
            return iter((param.compute(row),))
        return iter(options[name]())

    row: dict[str, Any] = {}
    if not names:
        if structure.satisfied(row):
            yield row
        return
    stack = [at(0, row)]
    while stack:
        position = len(stack) - 1
        row.pop(names[position], None)
        value = next(stack[-1], stack)
        if value is stack:
            stack.pop()
            continue
        if value is not _ABSENT:
            row[names[position]] = value
        if not all(holds(rule, row) for rule in due[position]):
            continue
        if position + 1 == len(names):
            yield dict(row)
        else:
            stack.append(at(position + 1, row))


def count(structure: Structure) -> int | None:
    """Return how many distinct configurations there are.

    Without constraints this is arithmetic, to any size. With constraints the configurations
    are listed, if there are at most a million without them.

    Returns
    -------
    int or None
        None if there are infinitely many, or too many to be counted.
    """
    total = _count_free(structure)
    if total is None or not structure.constraints:
        return total
    if total > MAX_LEAVES:
        return None
    return sum(1 for _ in configurations(structure, finite_options(structure)))


def finite_options(structure: Structure) -> _Options:
    """Return the values of each parameter of a finite structure."""
    return {
        name: _values(structure, name, param)
        for name, param in structure.params.items()
        if not isinstance(param, Derived)
    }


def grid(
    structure: Structure, resolution: int | Mapping[str, int] | None
) -> Iterator[dict[str, Any]]:
    """Yield every configuration, with so many values of each continuous parameter."""
    options: dict[str, Callable[[], Iterable[Any]]] = {}
    unresolved = []
    for name, param in structure.params.items():
        if isinstance(param, Derived):
            continue
        if param.cardinality is not None:
            options[name] = _values(structure, name, param)
            continue
        points = resolution.get(name) if isinstance(resolution, Mapping) else resolution
        if points is None:
            unresolved.append(name)
            continue
        if not isinstance(points, int) or isinstance(points, bool) or points < 1:
            raise InvalidInput(f"resolution of {name!r}", points, "a whole number of at least 1")
        values = _resolved(structure, name, param, points)
        options[name] = values.__iter__
    if isinstance(resolution, Mapping):
        for name in resolution:
            if name not in structure.params:
                raise InvalidInput("resolution", name, "names of parameters of the space")
    if unresolved and _count_free(structure) is None:  # else none of them is ever active
        allowed = f"a number of points for {', '.join(map(repr, unresolved))}"
        raise InvalidInput("resolution", resolution, allowed)
    return configurations(structure, options)


def _due(structure: Structure) -> list[list[Any]]:
    """Return for each position the constraints that can be judged there and not earlier."""
    due: list[list[Any]] = [[] for _ in structure.names]
    for rule in structure.constraints:
        names = structure.names if rule.names is None else rule.names
        if structure.names:
            due[max(map(structure.names.index, names))].append(rule)
    return due


def _values(structure: Structure, name: str, param: Param) -> Callable[[], Iterable[Any]]:
    coder = structure.coders[name]
    if getattr(param, "fixed", None) is not None:
        return lambda: (coder.one_to_value([column.low for column in coder.columns]),)
    match param:
        case Float() | Int():
            if isinstance(coder, CellsCoder):
                first, last, value = coder.first, coder.last, coder.grid.value
                return lambda: map(value, range(first, last + 1))
            if param.low == param.high:
                return lambda: (param.low,)
            return lambda: range(param.low, param.high + 1)  # type: ignore[arg-type,operator]
        case Categorical():
            return lambda: param.live
        case Subset():
            return lambda: itertools.chain.from_iterable(
                itertools.combinations(param.items, size) for size in param.sizes
            )
        case Permutation():
            return lambda: itertools.permutations(param.items)
    raise AssertionError(param)  # pragma: no cover - only finite parameters come here


def _resolved(structure: Structure, name: str, param: Param, points: int) -> list[Any]:
    """Return so many values of a continuous parameter, evenly in its unit coordinate."""
    coder = structure.coders[name]
    if isinstance(param, Simplex):
        return list(_lattice(param.names, max(points - 1, 1)))
    column = coder.columns[0]
    if isinstance(param, (Float, Int)) and None in (param.low, param.high):
        shares = (np.arange(points) + 0.5) / points
        units = coder.from_uniform(shares[:, None], belief=False)[:, 0]
    else:
        units = np.linspace(column.low, column.high, points)
    return list(dict.fromkeys(map(coder.one_to_value, units.tolist())))


def _lattice(names: tuple[str, ...], parts: int) -> Iterator[dict[str, float]]:
    """Yield all ways to deal equal parts to the names, in billionths that sum to one."""
    for bars in itertools.combinations(range(parts + len(names) - 1), len(names) - 1):
        ends = [-1, *bars, parts + len(names) - 1]
        below = [end - i for i, end in enumerate(ends[1:])]
        # Rounding the running totals instead of the shares keeps the sum exact.
        marks = [0, *(round(SHARES * total / parts) for total in below)]
        yield {name: (marks[i + 1] - marks[i]) / SHARES for i, name in enumerate(names)}


def _count_free(structure: Structure) -> int | None:
    """Count without constraints: carry along only the values that later conditions look at."""
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
                values = _values(structure, name, param)()
            for value in values:
                key = (*base, (name, value))
                after[key] = after.get(key, 0) + number
            if len(after) > MAX_LEAVES:
                return None
        states = after
    return sum(states.values())


def _looked_at(structure: Structure, param: Param, position: int) -> tuple[str, ...]:
    """Return the names that decide about a parameter; a function may look at all before it."""
    if isinstance(param, Derived) and not param.parents:
        return structure.names[:position]
    return parents(param)
