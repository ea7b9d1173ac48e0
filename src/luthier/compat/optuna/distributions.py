"""What a parameter's value is chosen from, as in ``optuna.distributions``."""

from __future__ import annotations

import json
import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from numbers import Real
from typing import Any

from luthier.formats.optuna.params import highest, labels, param_of
from luthier.space.base import Param
from luthier.space.params import Categorical, Float, Int

__all__ = [
    "BaseDistribution",
    "CategoricalDistribution",
    "DiscreteUniformDistribution",
    "FloatDistribution",
    "IntDistribution",
    "IntLogUniformDistribution",
    "IntUniformDistribution",
    "LogUniformDistribution",
    "UniformDistribution",
    "check_distribution_compatibility",
    "distribution_to_json",
    "json_to_distribution",
]


class BaseDistribution(ABC):
    """Base of all distributions. Two are equal if they are of one class with equal settings."""

    @cached_property
    def _param(self) -> Param:
        """The parameter that it is to Luthier."""
        return param_of(self)

    def to_external_repr(self, param_value_in_internal_repr: float) -> Any:
        """Return the value that a number stands for."""
        return param_value_in_internal_repr

    @abstractmethod
    def to_internal_repr(self, param_value_in_external_repr: Any) -> float:
        """Return the number that stands for a value."""

    @abstractmethod
    def single(self) -> bool:
        """Tell whether there is only one value."""

    @abstractmethod
    def _contains(self, param_value_in_internal_repr: float) -> bool:
        """Tell whether a number stands for one of the values."""

    def _asdict(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if not key.startswith("_")}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BaseDistribution):
            return NotImplemented
        return type(self) is type(other) and self._asdict() == other._asdict()

    def __hash__(self) -> int:
        return hash((type(self), *sorted(self._asdict().items())))

    def __repr__(self) -> str:
        settings = ", ".join(f"{key}={value}" for key, value in sorted(self._asdict().items()))
        return f"{type(self).__name__}({settings})"


class _Number(BaseDistribution):
    low: float
    high: float
    log: bool
    step: float | None

    def to_internal_repr(self, param_value_in_external_repr: Any) -> float:
        """Return the number as a float.

        Raises
        ------
        ValueError
            If it is none, or not positive on a logarithmic scale.
        """
        given = param_value_in_external_repr
        try:
            value = float(given)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{given!r} is no number") from error
        if math.isnan(value) or (self.log and value <= 0):
            raise ValueError(f"{given!r} is no value of {self!r}")
        return value


class FloatDistribution(_Number):
    """A real number in ``[low, high]``.

    Parameters
    ----------
    low, high : float
        Bounds, both included.
    log : bool, default False
        Search on a logarithmic scale.
    step : float, optional
        Only ``low, low + step, ...``.
    """

    def __init__(
        self, low: float, high: float, log: bool = False, step: float | None = None
    ) -> None:
        if log and step is not None:
            raise ValueError(f"step={step!r}: not together with log=True")
        if low > high:
            raise ValueError(f"low={low!r}, high={high!r}: low may not exceed high")
        if log and low <= 0:
            raise ValueError(f"low={low!r}: positive with log=True")
        if step is not None and step <= 0:
            raise ValueError(f"step={step!r}: a positive number")
        if step is not None:
            high = _last(low, high, step)
        self.step = None if step is None else float(step)
        self.low = float(low)
        self.high = float(high)
        self.log = log

    def single(self) -> bool:
        """Tell whether there is only one value."""
        return self.low == self.high or (self.step is not None and self.high - self.low < self.step)

    def _contains(self, param_value_in_internal_repr: float) -> bool:
        value = param_value_in_internal_repr
        if not self.low <= value <= self.high:
            return False
        if self.step is None:
            return True
        place = (value - self.low) / self.step
        return abs(place - round(place)) < 1e-8


class IntDistribution(_Number):
    """A whole number in ``[low, high]``.

    Parameters
    ----------
    low, high : int
        Bounds, both included.
    log : bool, default False
        Search on a logarithmic scale.
    step : int, default 1
        Only ``low, low + step, ...``; 1 with `log`.
    """

    def __init__(self, low: int, high: int, log: bool = False, step: int = 1) -> None:
        if log and step != 1:
            raise ValueError(f"step={step!r}: 1 with log=True")
        if low > high:
            raise ValueError(f"low={low!r}, high={high!r}: low may not exceed high")
        if log and low < 1:
            raise ValueError(f"low={low!r}: at least 1 with log=True")
        if step <= 0:
            raise ValueError(f"step={step!r}: a positive number")
        self.log = log
        self.step = int(step)
        self.low = int(low)
        self.high = int(_last(self.low, int(high), self.step))

    def to_external_repr(self, param_value_in_internal_repr: float) -> int:
        """Return the whole number."""
        return int(param_value_in_internal_repr)

    def single(self) -> bool:
        """Tell whether there is only one value."""
        return self.low == self.high

    def _contains(self, param_value_in_internal_repr: float) -> bool:
        value = param_value_in_internal_repr
        assert self.step is not None
        return self.low <= value <= self.high and (value - self.low) % self.step == 0


class CategoricalDistribution(BaseDistribution):
    """One of some choices.

    Parameters
    ----------
    choices : sequence
        At least one. What is no None, bool, int, float or text stands in the log as the text
        that shows it.
    """

    def __init__(self, choices: Sequence[Any]) -> None:
        if len(choices) == 0:
            raise ValueError("choices: at least one")
        self.choices = tuple(choices)

    @cached_property
    def _labels(self) -> tuple[Any, ...]:
        """What stands for the choices in the log."""
        return labels(self.choices)

    def to_external_repr(self, param_value_in_internal_repr: float) -> Any:
        """Return the choice at a place."""
        return self.choices[int(param_value_in_internal_repr)]

    def to_internal_repr(self, param_value_in_external_repr: Any) -> float:
        """Return the place of a choice.

        Raises
        ------
        ValueError
            If it is none.
        """
        given = param_value_in_external_repr
        try:
            return self.choices.index(given)
        except ValueError:
            for place, choice in enumerate(self.choices):
                if _same_choice(given, choice):
                    return place
        raise ValueError(f"{given!r} is none of the choices {self.choices!r}")

    def single(self) -> bool:
        """Tell whether there is only one value."""
        return len(self.choices) == 1

    def _contains(self, param_value_in_internal_repr: float) -> bool:
        return 0 <= int(param_value_in_internal_repr) < len(self.choices)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BaseDistribution):
            return NotImplemented
        if not isinstance(other, CategoricalDistribution):
            return False
        return len(self.choices) == len(other.choices) and all(
            map(_same_choice, self.choices, other.choices)
        )

    __hash__ = BaseDistribution.__hash__


def _deprecated(old: str, new: str) -> None:
    warnings.warn(f"{old} is deprecated: use {new}", FutureWarning, stacklevel=3)


class UniformDistribution(FloatDistribution):
    """Deprecated: `FloatDistribution`."""

    def __init__(self, low: float, high: float) -> None:
        _deprecated("UniformDistribution", "FloatDistribution")
        super().__init__(low, high)


class LogUniformDistribution(FloatDistribution):
    """Deprecated: `FloatDistribution` with ``log=True``."""

    def __init__(self, low: float, high: float) -> None:
        _deprecated("LogUniformDistribution", "FloatDistribution(..., log=True)")
        super().__init__(low, high, log=True)


class DiscreteUniformDistribution(FloatDistribution):
    """Deprecated: `FloatDistribution` with a step."""

    def __init__(self, low: float, high: float, q: float) -> None:
        _deprecated("DiscreteUniformDistribution", "FloatDistribution(..., step=...)")
        super().__init__(low, high, step=q)

    @property
    def q(self) -> float | None:
        """The step."""
        return self.step


class IntUniformDistribution(IntDistribution):
    """Deprecated: `IntDistribution`."""

    def __init__(self, low: int, high: int, step: int = 1) -> None:
        _deprecated("IntUniformDistribution", "IntDistribution")
        super().__init__(low, high, step=step)


class IntLogUniformDistribution(IntDistribution):
    """Deprecated: `IntDistribution` with ``log=True``."""

    def __init__(self, low: int, high: int, step: int = 1) -> None:
        _deprecated("IntLogUniformDistribution", "IntDistribution(..., log=True)")
        super().__init__(low, high, log=True, step=step)


_CLASSES = {
    cls.__name__: cls for cls in (FloatDistribution, IntDistribution, CategoricalDistribution)
}


def distribution_to_json(dist: BaseDistribution) -> str:
    """Return a distribution as Optuna's databases keep it."""
    dist = current(dist)
    return json.dumps({"name": type(dist).__name__, "attributes": dist._asdict()})


def json_to_distribution(json_str: str) -> BaseDistribution:
    """Return the distribution that `distribution_to_json` wrote.

    Raises
    ------
    ValueError
        If it is none of the three kinds.
    """
    data = json.loads(json_str)
    found = _CLASSES.get(data.get("name"))
    if found is None:
        raise ValueError(f"{data.get('name')!r} is none of {', '.join(_CLASSES)}")
    made: BaseDistribution = found(**data["attributes"])
    return made


def check_distribution_compatibility(
    dist_old: BaseDistribution, dist_new: BaseDistribution
) -> None:
    """Check that two distributions may be of one parameter.

    Raises
    ------
    ValueError
        If they are of different kinds, on different scales, or have different choices.
    """
    old, new = current(dist_old), current(dist_new)
    if type(old) is not type(new):
        raise ValueError(f"{new!r}: of the same kind as before, {old!r}")
    if isinstance(old, CategoricalDistribution):
        if old != new:
            raise ValueError(f"{new!r}: the same choices as before, {old.choices!r}")
    elif old.log != new.log:  # type: ignore[attr-defined]  # both are numbers
        raise ValueError(f"{new!r}: on the same scale as before, {old!r}")


def current(dist: BaseDistribution) -> BaseDistribution:
    """Return a distribution of a deprecated class as one of today's."""
    if type(dist) in _CLASSES.values():
        return dist
    if isinstance(dist, FloatDistribution):
        return FloatDistribution(dist.low, dist.high, dist.log, dist.step)
    if isinstance(dist, IntDistribution):
        return IntDistribution(int(dist.low), int(dist.high), dist.log, int(dist.step or 1))
    if isinstance(dist, BaseDistribution):
        return dist
    raise ValueError(f"{dist!r}: one of {', '.join(_CLASSES)}")


def of_param(param: Param) -> BaseDistribution:
    """Return a parameter of a study's log as a distribution.

    Raises
    ------
    ValueError
        If it is of a kind that Optuna does not have.
    """
    if isinstance(param, Categorical):
        return CategoricalDistribution(param.live)
    if isinstance(param, Float | Int) and param.low is not None and param.high is not None:
        log = param.scale == "log"
        if isinstance(param, Int):
            return IntDistribution(param.low, param.high, log, 1 if log else param.step)
        return FloatDistribution(param.low, param.high, log, None if log else param.step)
    raise ValueError(f"{param!r} is nothing that Optuna has: use luthier.load_study")


def _same_choice(one: Any, other: Any) -> bool:
    if isinstance(one, Real) and isinstance(other, Real) and math.isnan(one) and math.isnan(other):
        return True
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return list(one) == list(other)  # a log has no lists
    return bool(one == other)


def _last(low: float, high: float, step: float) -> float:
    last = highest(low, high, step)
    if last != high:
        warnings.warn(
            f"[{low}, {high}] is no multiple of step={step}: its end is taken as {last}",
            UserWarning,
            stacklevel=4,
        )
    return last
