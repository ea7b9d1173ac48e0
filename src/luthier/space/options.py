"""Options: the values that each parameter takes where a space is counted or gone through."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from luthier.space.base import Param
from luthier.space.composite import SHARES, Derived, Permutation, Simplex, Subset
from luthier.space.courses import Course
from luthier.space.number_coders import CellsCoder
from luthier.space.params import Categorical, Float, Int
from luthier.space.schedule import Schedule
from luthier.space.structure import Structure

Options = Mapping[str, Callable[[], Iterable[Any]]]
"""For each parameter but the derived ones a function that yields its values."""


def finite_options(structure: Structure) -> Options:
    """Return the values of each parameter of a finite structure."""
    return {
        name: finite(structure, name, param)
        for name, param in structure.params.items()
        if not isinstance(param, Derived)
    }


def finite(structure: Structure, name: str, param: Param) -> Callable[[], Iterable[Any]]:
    """Return a function that yields the values of a parameter that has finitely many."""
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
        case Schedule():
            return lambda: _courses(param, None)
    raise AssertionError(param)  # pragma: no cover - only finite parameters come here


def resolved(structure: Structure, name: str, param: Param, points: int) -> list[Any]:
    """Return so many values of a continuous parameter, evenly in its unit coordinate."""
    coder = structure.coders[name]
    if isinstance(param, Simplex):
        return list(_lattice(param.names, max(points - 1, 1)))
    if isinstance(param, Schedule):
        return list(_courses(param, points))
    column = coder.columns[0]
    if isinstance(param, (Float, Int)) and None in (param.low, param.high):
        shares = (np.arange(points) + 0.5) / points
        units = coder.from_uniform(shares[:, None], belief=False)[:, 0]
    else:
        units = np.linspace(column.low, column.high, points)
    return list(dict.fromkeys(map(coder.one_to_value, units.tolist())))


def _courses(param: Schedule, points: int | None) -> Iterator[Course]:
    """Yield the courses of all values of their parts, of a continuous one so many."""
    beneath = Structure(param.searched)

    def values(name: str, part: Param) -> Iterable[Any]:
        if part.cardinality is None and points is not None:
            return resolved(beneath, name, part, points)
        return finite(beneath, name, part)()

    return param.courses(values)


def _lattice(names: tuple[str, ...], parts: int) -> Iterator[dict[str, float]]:
    """Yield all ways to deal equal parts to the names, in billionths that sum to one."""
    for bars in itertools.combinations(range(parts + len(names) - 1), len(names) - 1):
        ends = [-1, *bars, parts + len(names) - 1]
        below = [end - i for i, end in enumerate(ends[1:])]
        # Rounding the running totals instead of the shares keeps the sum exact.
        marks = [0, *(round(SHARES * total / parts) for total in below)]
        yield {name: (marks[i + 1] - marks[i]) / SHARES for i, name in enumerate(names)}
