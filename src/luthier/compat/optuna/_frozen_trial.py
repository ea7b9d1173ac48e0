"""The record of a trial, and trials that were not run."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from luthier.compat.optuna._base_trial import BaseTrial, TrialState, checked_constraint
from luthier.compat.optuna.distributions import (
    BaseDistribution,
    check_distribution_compatibility,
    current,
)

_CONSTRAINT = "constraints:"


class _Given(BaseTrial):
    """A trial whose values were given, and which is not part of a running study."""

    _given: Mapping[str, Any]
    _user_attrs: dict[str, Any]
    _system_attrs: dict[str, Any]
    _distributions: dict[str, BaseDistribution]

    def _suggest(self, name: str, distribution: BaseDistribution) -> Any:
        if name not in self._given:
            raise ValueError(
                f"parameter {name!r}: not among the values of this trial, "
                f"{', '.join(map(repr, self._given)) or 'which has none'}"
            )
        value = self._given[name]
        if not distribution._contains(distribution.to_internal_repr(value)):
            warnings.warn(
                f"parameter {name!r}: {value!r} lies outside of {distribution!r}", stacklevel=4
            )
        if name in self._distributions:
            check_distribution_compatibility(self._distributions[name], distribution)
        self._distributions[name] = distribution
        self._used(name, value)
        return value

    def _used(self, name: str, value: Any) -> None:
        """Remember that a value was asked for."""

    def report(self, value: float, step: int) -> None:
        """Do nothing: the trial is not running."""

    def should_prune(self) -> bool:
        """Return False: the trial is not running."""
        return False

    def set_user_attr(self, key: str, value: Any) -> None:
        """Note something on this object."""
        self._user_attrs[key] = value

    def set_constraint(self, key: str, value: float) -> None:
        """Say how far a constraint is exceeded; 0 and less is within it."""
        number = checked_constraint(key, value, self.constraints)
        if number is not None:
            self._system_attrs[f"{_CONSTRAINT}{key}"] = number

    @property
    def constraints(self) -> dict[str, float]:
        """How far each constraint is exceeded."""
        listed = self._system_attrs.get("constraints") or ()
        found = {str(index): value for index, value in enumerate(listed)}
        for key, value in self._system_attrs.items():
            if key.startswith(_CONSTRAINT):
                found[key.removeprefix(_CONSTRAINT)] = value
        return found


class FrozenTrial(_Given):
    """The record of a trial. Changing it changes nothing in the study.

    Parameters
    ----------
    number : int
        From 0.
    state : TrialState
        Where it stands.
    value : float, optional
        The single objective's value; else `values`.
    datetime_start, datetime_complete : datetime, optional
        Local time.
    params, distributions : dict
        Values by name, and what they were chosen from.
    user_attrs, system_attrs : dict
        Notes.
    intermediate_values : dict of int to float
        What was reported, by step.
    trial_id : int
        The number again.
    values : sequence of float, optional
        One value per objective.
    """

    def __init__(
        self,
        number: int,
        state: TrialState,
        value: float | None,
        datetime_start: datetime | None,
        datetime_complete: datetime | None,
        params: dict[str, Any],
        distributions: dict[str, BaseDistribution],
        user_attrs: dict[str, Any],
        system_attrs: dict[str, Any],
        intermediate_values: dict[int, float],
        trial_id: int,
        *,
        values: Sequence[float] | None = None,
    ) -> None:
        if value is not None and values is not None:
            raise ValueError(f"value={value!r}, values={values!r}: only one of them")
        self._number = number
        self.state = state
        self.values = [value] if value is not None else None if values is None else list(values)
        self._datetime_start = datetime_start
        self.datetime_complete = datetime_complete
        self._given: dict[str, Any] = params
        self._distributions = distributions
        self._user_attrs = user_attrs
        self._system_attrs = system_attrs
        self.intermediate_values = intermediate_values
        self._trial_id = trial_id

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FrozenTrial):
            return NotImplemented
        return self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash((self._number, self.state, self._datetime_start, self.datetime_complete))

    def __lt__(self, other: FrozenTrial) -> bool:
        if not isinstance(other, FrozenTrial):
            return NotImplemented
        return self.number < other.number

    def __le__(self, other: FrozenTrial) -> bool:
        if not isinstance(other, FrozenTrial):
            return NotImplemented
        return self.number <= other.number

    def __repr__(self) -> str:
        fields = (
            "number",
            "state",
            "values",
            "datetime_start",
            "datetime_complete",
            "params",
            "user_attrs",
            "system_attrs",
            "intermediate_values",
            "distributions",
        )
        shown = (f"{field}={getattr(self, field)!r}" for field in fields)
        return f"FrozenTrial({', '.join(shown)}, trial_id={self._trial_id}, value=None)"

    @property
    def number(self) -> int:
        """Its number in the study, from 0."""
        return self._number

    @number.setter
    def number(self, value: int) -> None:
        self._number = value

    @property
    def value(self) -> float | None:
        """The single objective's value, None without a result.

        Raises
        ------
        RuntimeError
            If there are several.
        """
        if self.values is None:
            return None
        if len(self.values) > 1:
            raise RuntimeError("the trial has several values: use values")
        return self.values[0]

    @value.setter
    def value(self, value: float | None) -> None:
        self.values = None if value is None else [value]

    @property
    def params(self) -> dict[str, Any]:
        """Values by name."""
        return self._given

    @params.setter
    def params(self, params: dict[str, Any]) -> None:
        self._given = params

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        """What they were chosen from."""
        return self._distributions

    @distributions.setter
    def distributions(self, distributions: dict[str, BaseDistribution]) -> None:
        self._distributions = distributions

    @property
    def user_attrs(self) -> dict[str, Any]:
        """Notes."""
        return self._user_attrs

    @user_attrs.setter
    def user_attrs(self, attrs: dict[str, Any]) -> None:
        self._user_attrs = attrs

    @property
    def system_attrs(self) -> dict[str, Any]:
        """What the interface noted."""
        return self._system_attrs

    @system_attrs.setter
    def system_attrs(self, attrs: Mapping[str, Any]) -> None:
        self._system_attrs = dict(attrs)

    @property
    def datetime_start(self) -> datetime | None:
        """When it began, in local time."""
        return self._datetime_start

    @datetime_start.setter
    def datetime_start(self, moment: datetime | None) -> None:
        self._datetime_start = moment

    @property
    def last_step(self) -> int | None:
        """The largest step that was reported."""
        return max(self.intermediate_values, default=None)

    @property
    def duration(self) -> timedelta | None:
        """How long it took."""
        if self.datetime_start is None or self.datetime_complete is None:
            return None
        return self.datetime_complete - self.datetime_start

    def _validate(self) -> None:
        """Check that it makes sense.

        Raises
        ------
        ValueError
            If it does not.
        """
        if self.datetime_start is None and self.state is not TrialState.WAITING:
            raise ValueError("datetime_start: a moment, unless the trial waits")
        if (self.datetime_complete is not None) is not self.state.is_finished():
            raise ValueError("datetime_complete: a moment if the trial has ended, else None")
        if self.state is TrialState.FAIL and self.values is not None:
            raise ValueError(f"values={self.values!r}: None for a trial that failed")
        if self.state is TrialState.COMPLETE:
            if self.values is None:
                raise ValueError("values: given for a complete trial")
            if any(map(math.isnan, self.values)):
                raise ValueError(f"values={self.values!r}: numbers, none of them NaN")
        if self.params.keys() != self.distributions.keys():
            raise ValueError(
                f"params {list(self.params)} and distributions {list(self.distributions)}: "
                "the same names"
            )
        for name, value in self.params.items():
            distribution = self.distributions[name]
            if not distribution._contains(distribution.to_internal_repr(value)):
                raise ValueError(f"parameter {name!r}: {value!r} lies outside of {distribution!r}")


class FixedTrial(_Given):
    """A trial with given values, to call an objective without a study.

    Parameters
    ----------
    params : dict
        Values by name.
    number : int, default 0
        The trial's number.
    """

    def __init__(self, params: dict[str, Any], number: int = 0) -> None:
        self._given = params
        self._number = number
        self._asked: dict[str, Any] = {}
        self._distributions = {}
        self._user_attrs = {}
        self._system_attrs = {}
        self._datetime_start = datetime.now()

    def _used(self, name: str, value: Any) -> None:
        self._asked[name] = value

    @property
    def params(self) -> dict[str, Any]:
        """Values that were asked for."""
        return self._asked

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        """What they are chosen from elsewhere."""
        return self._distributions

    @property
    def user_attrs(self) -> dict[str, Any]:
        """Notes."""
        return self._user_attrs

    @property
    def system_attrs(self) -> dict[str, Any]:
        """What the interface noted."""
        return self._system_attrs

    @property
    def datetime_start(self) -> datetime | None:
        """When it was made, in local time."""
        return self._datetime_start

    @property
    def number(self) -> int:
        """Its number."""
        return self._number


def create_trial(
    *,
    state: TrialState = TrialState.COMPLETE,
    value: float | None = None,
    values: Sequence[float] | None = None,
    params: dict[str, Any] | None = None,
    distributions: dict[str, BaseDistribution] | None = None,
    user_attrs: dict[str, Any] | None = None,
    system_attrs: dict[str, Any] | None = None,
    intermediate_values: dict[int, float] | None = None,
    constraints: dict[str, float] | None = None,
) -> FrozenTrial:
    """Return the record of a trial, to be added to a study.

    Raises
    ------
    ValueError
        If it makes no sense, such as a complete trial without a value.
    """
    began = None if state is TrialState.WAITING else datetime.now()
    trial = FrozenTrial(
        number=-1,
        state=state,
        value=value,
        datetime_start=began,
        datetime_complete=began if state.is_finished() else None,
        params=params or {},
        distributions={name: current(dist) for name, dist in (distributions or {}).items()},
        user_attrs=user_attrs or {},
        system_attrs=system_attrs or {},
        intermediate_values=intermediate_values or {},
        trial_id=-1,
        values=values,
    )
    for key, number in (constraints or {}).items():
        trial.set_constraint(key, number)
    trial._validate()
    return trial
