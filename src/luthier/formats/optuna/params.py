"""Optuna's distributions as parameters."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from luthier.errors import InvalidInput, InvalidSpace
from luthier.space.base import Param
from luthier.space.params import Categorical, Float, Int


class Read(NamedTuple):
    """A distribution as it stood in a database: what it allows, and what its choices were."""

    param: Param
    labels: tuple[Any, ...] = ()

    def value(self, stored: float) -> Any:
        """Return the value that a number in a database stands for."""
        if self.labels:
            return self.labels[int(stored)]
        return int(stored) if isinstance(self.param, Int) else float(stored)


def param_of(distribution: Any) -> Param:
    """Return the parameter that a distribution is, one of Optuna's own or of its like.

    Raises
    ------
    InvalidSpace
        If it is none that can be searched.
    """
    if hasattr(distribution, "choices"):
        return Categorical(labels(distribution.choices))
    low, high, log = distribution.low, distribution.high, distribution.log
    if type(distribution).__name__.startswith("Int"):
        return Int(low, high, log=log, step=1 if log else distribution.step)
    return Float(low, high, log=log, step=None if low == high else distribution.step)


def labels(choices: Sequence[Any]) -> tuple[Any, ...]:
    """Return what stands for choices in the log: they themselves, or texts that show them.

    A log keeps None, truth values, numbers, texts and tuples of these, where no two are equal.
    """
    try:
        return Categorical(choices).choices
    except (InvalidSpace, TypeError):
        texts = tuple(map(repr, choices))
        if len(set(texts)) == len(texts):
            return texts
        return tuple(f"{index}: {text}" for index, text in enumerate(texts))


def highest(low: float, high: float, step: float) -> float:
    """Return the last of ``low, low + step, ...`` that is not above `high`."""
    first, last, width = (Decimal(str(number)) for number in (low, high, step))
    if (last - first) % width == 0:
        return high
    return float((last - first) // width * width + first)


@lru_cache(maxsize=4096)
def read_distribution(text: str) -> Read:
    """Return the distribution that a text in a database describes.

    Parameters
    ----------
    text : str
        JSON: ``{"name": "FloatDistribution", "attributes": {...}}``, or one of the names before
        version 3.

    Raises
    ------
    InvalidInput
        If it is none, or none that can be searched.
    """
    try:
        data = json.loads(text)
        name, given = data["name"], data["attributes"]
        if name == "CategoricalDistribution":
            # JSON has no tuples; a choice that was a list or tuple is a tuple here.
            known = labels([_tupled(choice) for choice in given["choices"]])
            return Read(Categorical(known), known)
        low, high = given["low"], given["high"]
        log = given.get("log", name in ("LogUniformDistribution", "IntLogUniformDistribution"))
        step = given.get("step", given.get("q"))
        if name.startswith("Int"):
            whole = 1 if log or step is None else int(step)
            return Read(Int(int(low), int(highest(low, high, whole)), log=log, step=whole))
        if name.endswith("Distribution"):
            if step is not None:
                high = highest(low, high, step)
            return Read(Float(low, high, log=log, step=None if low == high else step))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInput("distribution", text, f"one of Optuna's ({error})") from error
    raise InvalidInput("distribution", name, "FloatDistribution, IntDistribution, or Categorical")


def _tupled(choice: Any) -> Any:
    return tuple(map(_tupled, choice)) if isinstance(choice, list) else choice
