"""Going through the configurations of a space one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from luthier.errors import InvalidInput
from luthier.space.composite import Derived
from luthier.space.counting import is_finite
from luthier.space.listing import due_rules
from luthier.space.options import Options, finite, resolved
from luthier.space.structure import Structure, holds
from luthier.space.table import ABSENT


def configurations(structure: Structure, options: Options) -> Iterator[dict[str, Any]]:
    """Yield every configuration that satisfies the constraints, the last parameter fastest.

    Parameters
    ----------
    structure : Structure
    options : mapping
        For each parameter but the derived ones a function that yields its values.
    """
    names = structure.names
    due = due_rules(structure)

    def at(position: int, row: Mapping[str, Any]) -> Iterator[Any]:
        name = names[position]
        param = structure.params[name]
        if not structure.is_active(name, row):
            return iter((ABSENT,))
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
        if value is not ABSENT:
            row[names[position]] = value
        if not all(holds(rule, row) for rule in due[position + 1]):
            continue
        if position + 1 == len(names):
            yield dict(row)
        else:
            stack.append(at(position + 1, row))


def grid(
    structure: Structure, resolution: int | Mapping[str, int] | None
) -> Iterator[dict[str, Any]]:
    """Yield every configuration, with so many values of each continuous parameter."""
    check_resolution("resolution", resolution)
    options: dict[str, Callable[[], Iterable[Any]]] = {}
    unresolved = []
    for name, param in structure.params.items():
        if isinstance(param, Derived):
            continue
        if param.cardinality is not None:
            options[name] = finite(structure, name, param)
            continue
        points = resolution.get(name) if isinstance(resolution, Mapping) else resolution
        if points is None:
            unresolved.append(name)
            continue
        values = resolved(structure, name, param, points)
        options[name] = values.__iter__
    if isinstance(resolution, Mapping):
        for name in resolution:
            if name not in structure.params:
                raise InvalidInput("resolution", name, "names of parameters of the space")
    if unresolved and not is_finite(structure):  # else none of them is ever active
        allowed = f"a number of points for {', '.join(map(repr, unresolved))}"
        raise InvalidInput("resolution", resolution, allowed)
    return configurations(structure, options)


def check_resolution(field: str, given: object) -> None:
    """Raise `InvalidInput` unless `given` is a resolution, whatever the space."""
    if given is None:
        return
    entries = given if isinstance(given, Mapping) else {None: given}
    for name, points in entries.items():
        if not isinstance(points, int) or isinstance(points, bool) or points < 1:
            place = field if name is None else f"{field} of {name!r}"
            raise InvalidInput(place, points, "a whole number of at least 1")
