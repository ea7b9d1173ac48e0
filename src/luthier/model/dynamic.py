"""The space of a define-by-run study: the union of what its trials asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from luthier.errors import InvalidSpace
from luthier.space.base import Param
from luthier.space.params import Categorical, Float, Int
from luthier.space.space import Space


def extended(space: Space, params: Mapping[str, Param]) -> Space:
    """Return a partial space that also has these parameters.

    A parameter that was known in another form takes the new one; what older
    trials used stays encodable.

    Raises
    ------
    InvalidSpace
        If a parameter was of another kind before.
    """
    merged = dict(space.params)
    for name, param in params.items():
        merged[name] = _merged(name, merged[name], param) if name in merged else param
    return Space(merged, partial=True)


def same_form(known: Param, asked: Param) -> bool:
    """Tell whether a parameter of the space, frame and retired choices aside, is the one asked."""
    return _bare(known) == asked


def _bare(param: Param) -> Param:
    if isinstance(param, Float | Int):
        return replace(param, frame=None)
    if isinstance(param, Categorical):
        weights = param.weights
        kept = None if weights is None else weights[: len(param.live)]
        return replace(param, choices=param.live, retired=(), weights=kept)
    return param


def _merged(name: str, old: Param, new: Param) -> Param:
    if type(old) is not type(new):
        raise InvalidSpace(
            f"parameter {name!r}",
            type(new).__name__,
            f"{type(old).__name__}, as in earlier trials of this study",
        )
    if isinstance(new, Float | Int) and isinstance(old, Float | Int):
        bounds = [*_bounds(old), *_bounds(new)]
        if None in bounds:
            return new
        low, high = min(bounds), max(bounds)
        if (low, high) == (new.low, new.high):
            return new
        try:
            return replace(new, frame=(low, high))
        except InvalidSpace:
            # The old bounds make no sense on the new scale (zero on a log scale).
            return new
    if isinstance(new, Categorical) and isinstance(old, Categorical):
        gone = tuple(choice for choice in old.choices if choice not in new.choices)
        if gone:
            # They come last, so that the first choices are those that live on.
            weights = None if new.weights is None else (*new.weights, *[1.0] * len(gone))
            return replace(new, choices=(*new.choices, *gone), retired=gone, weights=weights)
    return new


def _bounds(param: Float | Int) -> tuple[Any, Any]:
    frame = param.frame
    return frame if frame is not None else (param.low, param.high)
