"""Other params for a copy of a trial: each moved a little, or drawn anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from luthier.errors import InvalidParams
from luthier.model.trial import Params
from luthier.space.base import Param
from luthier.space.numeric import Number
from luthier.space.params import Categorical
from luthier.space.schedule import Schedule
from luthier.space.space import Space

Move = Callable[[Param, Any], Any]
"""From a param and its value to another value; `ANEW` lets it be drawn."""

ANEW = object()

TRIES = 100
"""So many moves are tried until one keeps the constraints; else the params stay as they are."""


def changeable(space: Space, names: Sequence[str] | None) -> list[str]:
    """Return the params that may change during a training.

    Parameters
    ----------
    space : Space
        What there is.
    names : sequence of str, optional
        Those that a person wants to change. None is all but schedules.
    """
    if names is not None:
        return [name for name in space.coders if name in names]
    return [name for name in space.coders if not isinstance(space.params[name], Schedule)]


def perturbed(
    params: Params,
    space: Space,
    rng: np.random.Generator,
    factors: Sequence[float],
    resample: float,
    names: Sequence[str] | None = None,
) -> Params:
    """Return params a little off: numbers times a factor, ordered choices one further.

    Parameters
    ----------
    params : mapping
        Where to begin.
    space : Space
        The result is in it, and keeps its constraints.
    rng : Generator
    factors : sequence of float
        One of them is drawn for each param.
    resample : float
        The probability that a param is drawn anew.
    names : sequence of str, optional
        The params that may change; None is all but schedules.
    """

    def move(param: Param, value: Any) -> Any:
        factor = factors[int(rng.integers(len(factors)))]
        return ANEW if rng.random() < resample else _moved(param, value, factor)

    return _explored(params, space, rng, names, move)


def resampled(
    params: Params,
    space: Space,
    rng: np.random.Generator,
    names: Sequence[str] | None = None,
) -> Params:
    """Return params drawn anew, those aside that may not change."""
    return _explored(params, space, rng, names, lambda param, value: ANEW)


def _explored(
    params: Params,
    space: Space,
    rng: np.random.Generator,
    names: Sequence[str] | None,
    move: Move,
) -> Params:
    free = set(changeable(space, names))
    for _ in range(TRIES):
        # What becomes active only now has the value that was drawn.
        point = space.codec.sample(rng, 1)[0]
        for name, place in places(space).items():
            param = space.params[name]
            if name not in params or not _legal(param, params[name]):
                continue
            value = move(param, params[name]) if name in free else params[name]
            if value is not ANEW:
                point[place] = space.coders[name].one_to_unit(value)
        found = space.codec.decode_one(point.tolist())
        if space.contains(found):
            return found
    return params if space.contains(params) else space.sample(rng)[0]


def places(space: Space) -> dict[str, slice]:
    """Return the columns of each param in the points of a space's codec."""
    found: dict[str, slice] = {}
    for index, column in enumerate(space.codec.columns):
        start = found[column.param].start if column.param in found else index
        found[column.param] = slice(start, index + 1)
    return found


def _legal(param: Param, value: Any) -> bool:
    """Tell whether a value may still be proposed; the space may have been edited."""
    try:
        param.check(value, "value")
    except InvalidParams:
        return False
    return True


def _moved(param: Param, value: Any, factor: float) -> Any:
    """Return a value a little off; one that has no neighbours stays."""
    if isinstance(param, Number):
        return _moved_number(param, value, factor)
    if isinstance(param, Categorical) and param.ordered:
        live = param.live
        index = live.index(value) + (1 if factor > 1 else -1)
        return live[min(max(index, 0), len(live) - 1)]
    return value


def _moved_number(param: Number, value: Any, factor: float) -> Any:
    low, high = param.range
    scales = low > 0 or high < 0
    target = value * factor if scales else value + (factor - 1) * (high - low)
    up = target > value
    step = param.step or 0
    if param.log and step > 1:  # by factors
        next_one = value * step if up else value / step
    else:
        step = max(step, 1) if param.whole else step
        next_one = value + step if up else value - step
    target = max(target, next_one) if up else min(target, next_one)
    target = min(max(target, low), high)
    return round(target) if param.whole else target
