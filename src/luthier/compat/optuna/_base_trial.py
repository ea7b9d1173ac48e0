"""What every trial of Optuna's interface has in common."""

from __future__ import annotations

import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import IntEnum
from functools import lru_cache
from typing import Any

from luthier.compat.optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)


class TrialState(IntEnum):
    """Where a trial stands, with Optuna's names and numbers."""

    RUNNING = 0
    COMPLETE = 1
    PRUNED = 2
    FAIL = 3
    WAITING = 4

    def __str__(self) -> str:
        return f"TrialState.{self.name}"

    def is_finished(self) -> bool:
        """Tell whether it has ended."""
        return self not in (TrialState.RUNNING, TrialState.WAITING)


class BaseTrial(ABC):
    """A trial that an objective can be given."""

    @abstractmethod
    def _suggest(self, name: str, distribution: BaseDistribution) -> Any:
        """Return the value of a parameter."""

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Return a value in ``[low, high]``.

        Parameters
        ----------
        name : str
            Name of the parameter.
        low, high : float
            Bounds, both included.
        step : float, optional
            Only ``low, low + step, ...``; not together with `log`.
        log : bool, default False
            Search on a logarithmic scale.
        """
        value: float = self._suggest(name, _float(low, high, log, step))
        return value

    def suggest_int(
        self, name: str, low: int, high: int, *, step: int = 1, log: bool = False
    ) -> int:
        """Return an integer in ``[low, high]``; arguments as for `suggest_float`."""
        return int(self._suggest(name, _int(low, high, log, step)))

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Return one of `choices`."""
        return self._suggest(name, CategoricalDistribution(choices))

    def suggest_uniform(self, name: str, low: float, high: float) -> float:
        """Return ``suggest_float(name, low, high)``. Deprecated."""
        _deprecated("suggest_uniform", "suggest_float")
        return self.suggest_float(name, low, high)

    def suggest_loguniform(self, name: str, low: float, high: float) -> float:
        """Return ``suggest_float(name, low, high, log=True)``. Deprecated."""
        _deprecated("suggest_loguniform", "suggest_float(..., log=True)")
        return self.suggest_float(name, low, high, log=True)

    def suggest_discrete_uniform(self, name: str, low: float, high: float, q: float) -> float:
        """Return ``suggest_float(name, low, high, step=q)``. Deprecated."""
        _deprecated("suggest_discrete_uniform", "suggest_float(..., step=...)")
        return self.suggest_float(name, low, high, step=q)

    @abstractmethod
    def report(self, value: float, step: int) -> None:
        """Say how the trial goes."""

    @abstractmethod
    def should_prune(self) -> bool:
        """Tell whether the trial should stop now."""

    @abstractmethod
    def set_user_attr(self, key: str, value: Any) -> None:
        """Note something on the trial."""

    @abstractmethod
    def set_constraint(self, key: str, value: float) -> None:
        """Say how far a constraint is exceeded; 0 and less is within it."""

    @property
    @abstractmethod
    def params(self) -> dict[str, Any]:
        """Values by name."""

    @property
    @abstractmethod
    def distributions(self) -> dict[str, BaseDistribution]:
        """What they were chosen from."""

    @property
    @abstractmethod
    def user_attrs(self) -> dict[str, Any]:
        """Notes."""

    @property
    @abstractmethod
    def constraints(self) -> dict[str, float]:
        """How far each constraint is exceeded."""

    @property
    @abstractmethod
    def datetime_start(self) -> datetime | None:
        """When it began, in local time."""

    @property
    @abstractmethod
    def number(self) -> int:
        """Its number in the study, from 0."""


def checked_constraint(key: str, value: Any, before: Mapping[str, float]) -> float | None:
    """Return the value of a constraint, None if it was set before and this one is ignored.

    Raises
    ------
    TypeError
        If it is no number.
    ValueError
        If it is not finite.
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"constraint {key!r}: got {value!r}; allowed: a number") from None
    if not math.isfinite(number):
        raise ValueError(f"constraint {key!r}: got {value!r}; allowed: a finite number")
    if key in before:
        warnings.warn(f"constraint {key!r} is set already: {value!r} is ignored", stacklevel=4)
        return None
    return number


@lru_cache(maxsize=4096, typed=True)
def _cached_float(low: float, high: float, log: bool, step: float | None) -> FloatDistribution:
    return FloatDistribution(low, high, log, step)


@lru_cache(maxsize=4096, typed=True)
def _cached_int(low: int, high: int, log: bool, step: int) -> IntDistribution:
    return IntDistribution(low, high, log, step)


def _float(low: float, high: float, log: bool, step: float | None) -> FloatDistribution:
    try:
        return _cached_float(low, high, log, step)
    except TypeError:  # not hashable, such as an array of one number
        return FloatDistribution(low, high, log, step)


def _int(low: int, high: int, log: bool, step: int) -> IntDistribution:
    try:
        return _cached_int(low, high, log, step)
    except TypeError:
        return IntDistribution(low, high, log, step)


def _deprecated(old: str, new: str) -> None:
    warnings.warn(f"{old} is deprecated: use {new}", FutureWarning, stacklevel=3)
