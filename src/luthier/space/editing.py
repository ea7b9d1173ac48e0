"""Changing a parameter so that trials from before keep their meaning.

A narrowed number keeps its old bounds as its frame, and a choice that is dropped is retired:
old trials still encode inside the unit cube, and nothing outside is proposed any more.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from luthier.errors import InvalidSpace
from luthier.space.base import Param, is_number, listing
from luthier.space.composite import Composite, Derived
from luthier.space.params import Categorical, Float, Int


def widened(name: str, param: Param, low: Any, high: Any) -> Param:
    """Return the number with lower `low`, higher `high`, or both (None: as it is)."""
    number = _number(name, param, low, high)
    new_low = number.low if low is None else low
    new_high = number.high if high is None else high
    if (low is not None and (number.low is None or low > number.low)) or (
        high is not None and (number.high is None or high < number.high)
    ):
        raise InvalidSpace(f"space.{name}", (low, high), f"bounds beyond {_bounds(number)}")
    frame = number.frame
    if frame is not None:
        frame = (_lower(frame[0], new_low), _upper(frame[1], new_high))
    return _reframed(number, new_low, new_high, frame)


def narrowed(
    name: str, param: Param, low: Any, high: Any, choices: Collection[Any] | None
) -> Param:
    """Return the number with closer bounds, or the categorical with fewer choices."""
    if isinstance(param, Categorical):
        if choices is None or low is not None or high is not None:
            raise InvalidSpace(f"space.{name}", (low, high), "choices=..., for a Categorical")
        if (
            isinstance(choices, str)
            or not isinstance(choices, Collection)
            or not choices
            or not all(map(param.proposes, choices))
        ):
            raise InvalidSpace(f"space.{name}", choices, f"some of {listing(param.live)}")
        kept = frozenset(choices)
        return replace(param, retired=tuple(c for c in param.choices if c not in kept))
    number = _number(name, param, low, high)
    if choices is not None:
        raise InvalidSpace(f"space.{name}", choices, "low=... and high=..., for a number")
    if (low is not None and number.low is not None and low < number.low) or (
        high is not None and number.high is not None and high > number.high
    ):
        raise InvalidSpace(f"space.{name}", (low, high), f"bounds within {_bounds(number)}")
    new_low = number.low if low is None else low
    new_high = number.high if high is None else high
    return _reframed(number, new_low, new_high, number.outer)


def frozen(name: str, param: Param, value: Any) -> Param:
    """Return the parameter with one value only."""
    if isinstance(param, Derived):
        raise InvalidSpace(f"space.{name}", value, "a parameter that is searched")
    param.check(value, name)
    if isinstance(param, Categorical):
        return narrowed(name, param, None, None, [value])
    if isinstance(param, Composite):
        return replace(param, fixed=value)  # type: ignore[type-var]
    return narrowed(name, param, value, value, None)


def with_choice(name: str, param: Param, choice: Any, at: int | None) -> Param:
    """Return the categorical with one more choice, or a retired one back.

    A weight or belief for the new one is the mean of the others'.
    """
    if not isinstance(param, Categorical):
        raise InvalidSpace(f"space.{name}", param, "a Categorical")
    if choice in param.retired:
        return replace(param, retired=tuple(c for c in param.retired if c != choice))
    place = len(param.choices) if at is None else at
    if not isinstance(place, int) or not 0 <= place <= len(param.choices):
        raise InvalidSpace(f"space.{name}: at", at, f"a place from 0 to {len(param.choices)}")
    choices = (*param.choices[:place], choice, *param.choices[place:])
    weights, belief = param.weights, param.belief
    if weights is not None:
        weights = (*weights[:place], sum(weights) / len(weights), *weights[place:])
    if belief is not None:
        mean = sum(weight for _, weight in belief) / len(belief)
        belief = (*belief, (choice, mean))
    return replace(param, choices=choices, weights=weights, belief=belief)


def _number(name: str, param: Param, *bounds: Any) -> Float | Int:
    """Return a parameter that is a number, after a look at the bounds that it shall get."""
    if not isinstance(param, (Float, Int)):
        raise InvalidSpace(f"space.{name}", param, "a Float or an Int")
    for bound in bounds:
        if bound is not None and not is_number(bound):
            raise InvalidSpace(f"space.{name}", bound, "numbers as bounds")
    return param


def _bounds(param: Float | Int) -> str:
    return f"{param.low!r} to {param.high!r}"


def _reframed(param: Float | Int, low: Any, high: Any, frame: Any) -> Param:
    if frame is not None and tuple(frame) == (low, high):
        frame = None
    return replace(param, low=low, high=high, frame=frame)


def _lower(one: Any, other: Any) -> Any:
    return None if one is None or other is None else min(one, other)


def _upper(one: Any, other: Any) -> Any:
    return None if one is None or other is None else max(one, other)
