"""Counting the configurations of a space: by arithmetic, or else by listing them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.space.base import Param
from luthier.space.composite import Derived
from luthier.space.conditions import AllOf
from luthier.space.expressions import Expression
from luthier.space.listing import as_column, listed
from luthier.space.options import finite
from luthier.space.structure import Structure
from luthier.space.wiring import parents

MAX_LEAVES = 10**6
"""Up to so many configurations are listed, and so many values of one parameter are looked at."""
MAX_STEPS = 100_000
"""So many combinations of values are looked at where a space is counted by arithmetic."""

_Test = Callable[[NDArray[Any]], NDArray[np.bool_]]
_Names = dict[str, tuple[str, ...]]
_Kinds = Sequence[tuple[Any, int]]
_ONE: _Kinds = [(None, 1)]


def count(structure: Structure) -> int | None:
    """Return how many distinct configurations there are.

    Without constraints this is arithmetic, to any size. With constraints the configurations
    are listed, if there are at most a million without them.

    Returns
    -------
    int or None
        None if there are infinitely many, or too many to be counted.
    """
    total = count_free(structure, structure.coders)
    if total is None or not structure.constraints:
        return total
    if total > MAX_LEAVES:
        return None
    return sum(table.n for table in listed(structure))


def is_finite(structure: Structure) -> bool:
    """Return whether there are finitely many configurations, without counting them.

    That is so if no parameter of infinitely many values is ever active, whatever the constraints
    say. Where its conditions are too entangled to find out, it counts as active.
    """
    endless = [name for name, param in structure.params.items() if param.cardinality is None]
    return not endless or count_free(structure, endless) is not None


def count_free(structure: Structure, wanted: Iterable[str]) -> int | None:
    """Return how many configurations some parameters have, whatever the constraints say.

    Goes through the parameters, children soon after their parents, and carries along how many
    configurations there are for each combination of the values that later ones look at. One
    value stands for all that no condition tells apart.

    Parameters
    ----------
    structure : Structure
    wanted : iterable of str
        The parameters. Those that decide about them count as well.

    Returns
    -------
    int or None
        None if there are infinitely many, or if it takes more than `MAX_STEPS` to tell.
    """
    params = structure.params
    looks = _looks(structure, wanted)
    if any(not seen and params[name].cardinality is None for name, seen in looks.items()):
        return None
    users = _users(looks)
    order = _order(looks, users)
    place = {name: i for i, name in enumerate(order)}
    last_use = {name: max(map(place.__getitem__, users[name]), default=-1) for name in order}
    steps = 0
    states: dict[tuple[tuple[str, Any], ...], int] = {(): 1}
    for i, name in enumerate(order):
        param = params[name]
        kinds: _Kinds | None = None
        after: dict[tuple[tuple[str, Any], ...], int] = {}
        for state, number in states.items():
            row = dict(state)
            active = structure.is_active(name, row)
            if not active:
                options = _ONE
            elif isinstance(param, Derived):
                options = [(param.compute(row), 1)]
            else:
                kinds = kinds or _kinds(structure, name, [params[user] for user in users[name]])
                if kinds is None:
                    return None
                options = kinds
            steps += len(options)
            if steps > MAX_STEPS:
                return None
            base = tuple(item for item in state if last_use[item[0]] > i)
            for value, times in options:
                key = (*base, (name, value)) if active and users[name] else base
                after[key] = after.get(key, 0) + number * times
        states = after
    return sum(states.values())


def _looks(structure: Structure, wanted: Iterable[str]) -> _Names:
    """Return at which others the wanted parameters look, and those that decide about them."""
    names = set(wanted)
    looks: _Names = {}
    for position, (name, param) in reversed(list(enumerate(structure.params.items()))):
        if name in names:
            anything = isinstance(param, Derived) and not param.parents
            looks[name] = structure.names[:position] if anything else parents(param)
            names.update(looks[name])
    return dict(reversed(looks.items()))


def _users(looks: _Names) -> _Names:
    """Return for each parameter those that look at it."""
    users: dict[str, list[str]] = {name: [] for name in looks}
    for name, seen in looks.items():
        for parent in seen:
            users[parent].append(name)
    return {name: tuple(those) for name, those in users.items()}


def _order(looks: _Names, users: _Names) -> list[str]:
    """Return the parameters, parents first, in an order in which few are looked at later."""
    unseen = {name: len(seen) for name, seen in looks.items()}
    ready = [name for name in reversed(looks) if not unseen[name]]
    order = []
    while ready:
        order.append(ready.pop())
        for name in users[order[-1]]:
            unseen[name] -= 1
            if not unseen[name]:
                ready.append(name)
    return order


def _kinds(structure: Structure, name: str, users: Sequence[Param]) -> _Kinds | None:
    """Return a value for all those that no user tells apart, and how many these are.

    None if there are too many to look at.
    """
    param = structure.params[name]
    size = param.cardinality
    if size is not None and not users:
        return [(None, size)]
    if size is None or size > MAX_LEAVES:
        return None
    values = list(finite(structure, name, param)())
    tests = [_test(user, name) for user in users]
    if None in tests:
        return [(value, 1) for value in values]
    column = as_column(param, values)
    answers = np.stack([test(column) for test in tests if test is not None], axis=1)
    _, first, times = np.unique(answers, axis=0, return_index=True, return_counts=True)
    return [(values[i], n) for i, n in zip(first.tolist(), times.tolist(), strict=True)]


def _test(user: Param, name: str) -> _Test | None:
    """Return what a parameter wants to know of each value of another; None if the value itself."""
    when = user.when
    if isinstance(user, Derived) and (not user.parents or name in user.parents):
        return None
    if isinstance(when, AllOf):
        asked = [allowed for parent, allowed in when.entries if parent == name]
        return lambda column: np.all([each.accepts_each(column) for each in asked], axis=0)
    if isinstance(when, Expression) and when.names == (name,):
        return lambda column: when.holds_each({name: column}, len(column))
    return None
