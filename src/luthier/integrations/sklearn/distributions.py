"""scikit-learn's ways to say what may vary, as one space: lists, distributions, alternatives."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.model_selection import ParameterGrid, ParameterSampler

from luthier.errors import InvalidSpace
from luthier.space.base import Param
from luthier.space.composite import Derived
from luthier.space.params import Categorical, Float, Int
from luthier.space.priors import Beta, LogNormal, Normal
from luthier.space.space import Space

ALTERNATIVE = "alternative"
"""The parameter that says which of several dicts a candidate is of."""

TAIL = 1e-6
"""Quantiles are taken from here on, for they may be infinite at 0 and 1."""

SEEDS = 2**31 - 1

LONGEST_LABEL = 60


class Coder(Protocol):
    """A parameter of a space, and what its values mean to an estimator."""

    @property
    def param(self) -> Param:
        """What the sampler chooses."""
        ...

    def value(self, chosen: Any) -> Any:
        """Return what the estimator is given."""
        ...


@dataclass(frozen=True)
class Same:
    """Values that an estimator is given as they are."""

    param: Param

    def value(self, chosen: Any) -> Any:
        """Return the value."""
        return chosen


@dataclass(frozen=True, eq=False)
class Listed:
    """One of some values of any kind: estimators, arrays, functions.

    The study knows each by a label: the value where it is a number, a text or the like; the
    name of its class where it is an estimator; else its `repr`.
    """

    values: tuple[Any, ...]

    @cached_property
    def param(self) -> Categorical:
        """The labels; ordered if the values are numbers that grow or shrink."""
        return Categorical(_labels(self.values), ordered=_monotonic(self.values))

    def value(self, chosen: Any) -> Any:
        """Return the value of a label."""
        return self.values[self.param.index[chosen]]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Listed) or len(self.values) != len(other.values):
            return False
        if self.param != other.param:
            return False
        # Objects are the same only if they are identical: two SVC() may come to differ.
        return all(
            a is b or isinstance(a, str | int | float)
            for a, b in zip(self.values, other.values, strict=True)
        )

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, eq=False)
class Quantile:
    """A distribution that has quantiles: its probability is what is searched."""

    distribution: Any

    @property
    def param(self) -> Float:
        """The probability."""
        return Float(TAIL, 1 - TAIL)

    def value(self, chosen: Any) -> Any:
        """Return the quantile."""
        found = self.distribution.ppf(chosen)
        return found.item() if isinstance(found, np.generic) else found


@dataclass(frozen=True, eq=False)
class Drawn:
    """Anything with a method `rvs`: the seed of a draw is what is chosen, so nothing is learnt."""

    distribution: Any

    @property
    def param(self) -> Int:
        """The seed."""
        return Int(0, SEEDS)

    def value(self, chosen: Any) -> Any:
        """Return the draw."""
        return self.distribution.rvs(random_state=chosen)


Places = Mapping[str, tuple[str | None, Any]]
"""For each name of the estimator: a name of the space and its coder, or None and a value."""


@dataclass(frozen=True)
class Candidates:
    """A space, and the estimator's params that its points stand for.

    Attributes
    ----------
    space : Space
        What is searched.
    alternatives : sequence of mapping, optional
        One for each dict that was given; None for a `Space`, whose points are the params.
    """

    space: Space
    alternatives: Sequence[Places] | None = None

    @property
    def names(self) -> set[str]:
        """The estimator's params that are set."""
        if self.alternatives is None:
            return set(self.space.params)
        return {name for places in self.alternatives for name in places}

    def params(self, point: Mapping[str, Any]) -> dict[str, Any]:
        """Return what `set_params` of the estimator is given."""
        if self.alternatives is None:
            return dict(point)
        found: dict[str, Any] = {}
        for name, (place, meaning) in self.alternatives[point.get(ALTERNATIVE, 0)].items():
            if place is None:
                found[name] = meaning
            elif place in point:
                found[name] = meaning.value(point[place])
        return found


def candidates(given: Any, *, grid: bool = False) -> Candidates:
    """Return the space that scikit-learn's words describe.

    Parameters
    ----------
    given : Space, mapping, or sequence of mappings
        Of each parameter a Luthier parameter, a list of values, or a distribution with a method
        `rvs`. Several mappings are alternatives.
    grid : bool, default False
        Whether every combination is to be tried: distributions are refused.

    Raises
    ------
    TypeError, ValueError
        What `sklearn.model_selection.ParameterGrid` or `ParameterSampler` raises.
    InvalidSpace
        If parameters do not fit together, or a condition is among alternatives.
    """
    if isinstance(given, Space):
        return Candidates(given)
    dicts: list[Mapping[str, Any]] = [given] if isinstance(given, Mapping) else given
    _check(dicts, given, grid)
    if len(dicts) == 1:
        return _one(dicts[0])
    return _several(dicts)


def _check(dicts: Any, given: Any, grid: bool) -> None:
    """Let scikit-learn say what is wrong with lists and distributions."""
    if isinstance(dicts, Iterable) and all(isinstance(one, Mapping) for one in dicts):
        plain: Any = [
            {name: item for name, item in one.items() if not isinstance(item, Param)}
            for one in dicts
        ]
        if isinstance(given, Mapping):
            plain = plain[0]
    else:
        plain = given
    if grid:
        ParameterGrid(plain)
    else:
        ParameterSampler(plain, 1)
        for one in [plain] if isinstance(plain, Mapping) else plain:
            for name, item in one.items():
                if not hasattr(item, "rvs") and not len(list(item)):
                    raise InvalidSpace(f"param_distributions: {name}", item, "at least one value")


def _one(given: Mapping[str, Any]) -> Candidates:
    coders = {name: _coder(item) for name, item in given.items()}
    conditional = any(getattr(coder.param, "when", None) is not None for coder in coders.values())
    # A grid goes through the names as scikit-learn's does; parents come before their children.
    order = list(coders) if conditional else sorted(coders)
    places: dict[str, tuple[str | None, Any]] = {}
    params: dict[str, Param] = {}
    for name in order:
        coder = coders[name]
        if isinstance(coder, Listed) and len(coder.values) == 1 and not conditional:
            places[name] = None, coder.values[0]
        else:
            places[name] = name, coder
            params[name] = coder.param
    # Computed parameters and conditions are for the space alone.
    return Candidates(Space(params), [places])


def _several(dicts: Sequence[Mapping[str, Any]]) -> Candidates:
    """Make one conditional space; what several dicts say alike is one parameter of all of them."""
    found: dict[str, list[tuple[Coder, list[int], int]]] = {}
    places: list[dict[str, tuple[str | None, Any]]] = [{} for _ in dicts]
    for which, given in enumerate(dicts):
        for name in sorted(given):
            coder = _coder(given[name])
            if getattr(coder.param, "when", None) is not None:
                allowed = "no condition among several dicts: one Space can say all of it"
                raise InvalidSpace(f"{name}: when", coder.param, allowed)
            if isinstance(coder, Listed) and len(coder.values) == 1:
                places[which][name] = None, coder.values[0]
                continue
            versions = found.setdefault(name, [])
            for known, members, index in versions:
                if known == coder:
                    members.append(which)
                    places[which][name] = _inner(name, index), known
                    break
            else:
                versions.append((coder, [which], len(versions)))
                places[which][name] = _inner(name, len(versions) - 1), coder
    params: dict[str, Param] = {ALTERNATIVE: Categorical(range(len(dicts)))}
    for name in sorted(found):
        for coder, members, index in found[name]:
            params[_inner(name, index)] = replace(coder.param, when={ALTERNATIVE: set(members)})  # type: ignore[type-var]
    return Candidates(Space(params), places)


def _inner(name: str, version: int) -> str:
    """Return a name that no parameter of an estimator has, after the first one."""
    return name if not version else f"{name}@{version}"


def _coder(item: Any) -> Coder:
    if isinstance(item, Derived):
        raise InvalidSpace("param_distributions", item, "computed parameters only in a Space")
    if isinstance(item, Param):
        return Same(item)
    if hasattr(item, "rvs"):
        return _distribution(item)
    return Listed(tuple(item))


def _distribution(item: Any) -> Coder:
    """Return SciPy's frozen distribution as a parameter of ours, if there is one."""
    family = getattr(item, "dist", None)
    if family is None or not hasattr(item, "ppf"):
        return Drawn(item)
    try:
        shapes, loc, scale = family._parse_args(*item.args, **item.kwds)
        param = _known(family.name, [float(shape) for shape in shapes], float(loc), float(scale))
    except (TypeError, ValueError):  # shapes that are arrays, or bounds that are not finite
        return Drawn(item)
    return Quantile(item) if param is None else Same(param)


def _known(name: str, shapes: list[float], loc: float, scale: float) -> Param | None:
    match name, shapes:
        case "uniform", []:
            return Float(loc, loc + scale)
        case "loguniform" | "reciprocal", [low, high] if loc == 0:
            return Float(low * scale, high * scale, log=True)
        case "norm", []:
            return Float(prior=Normal(loc, scale))
        case "truncnorm", [low, high]:
            if math.isfinite(low) and math.isfinite(high):
                return Float(loc + low * scale, loc + high * scale, prior=Normal(loc, scale))
        case "lognorm", [sd] if loc == 0:
            return Float(prior=LogNormal(math.log(scale), sd))
        case "beta", [a, b]:
            return Float(loc, loc + scale, prior=Beta(a, b))
        case "randint", [low, high]:
            return Int(int(low + loc), int(high + loc) - 1)
        case "bernoulli", [p] if 0 < p < 1:
            chances = [1 - p, p]
            return Categorical([int(loc), int(loc) + 1], ordered=True, weights=chances)
    return None


def _labels(values: Sequence[Any]) -> list[Any]:
    """Return for each value what JSON can say, all of them distinct."""
    labels: list[Any] = []
    for value in values:
        label = _label(value)
        number = 2
        unique = label
        while any(unique == other for other in labels):
            unique = f"{label} ({number})"
            number += 1
        labels.append(unique)
    return labels


def _label(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return "nan" if math.isnan(value) else value
    if isinstance(value, tuple) and all(isinstance(v, bool | int | str) for v in value):
        return value
    if isinstance(value, BaseEstimator):
        return type(value).__name__
    text = " ".join(repr(value).split())
    return text if len(text) <= LONGEST_LABEL else f"{text[: LONGEST_LABEL - 3]}..."


def _monotonic(values: Sequence[Any]) -> bool:
    numbers = [
        v for v in values if isinstance(v, int | float | np.number) and not isinstance(v, bool)
    ]
    if len(numbers) != len(values) or len(values) < 3:
        return False
    steps = [b - a for a, b in pairwise(numbers)]
    return all(step > 0 for step in steps) or all(step < 0 for step in steps)
