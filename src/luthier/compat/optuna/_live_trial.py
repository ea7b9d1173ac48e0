"""The trial that an objective is given."""

from __future__ import annotations

import copy
import warnings
from datetime import datetime
from typing import TYPE_CHECKING, Any

from luthier.compat.optuna._base_trial import BaseTrial, checked_constraint
from luthier.compat.optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    check_distribution_compatibility,
    current,
)
from luthier.formats.optuna.notes import CONSTRAINT
from luthier.model.repeats import ITEM
from luthier.study.trial import Trial as Native

if TYPE_CHECKING:
    from luthier.compat.optuna._study import Study


class Trial(BaseTrial):
    """A running trial. Made by `Study.ask` and `Study.optimize`.

    Parameters
    ----------
    study : Study
        What it belongs to.
    native : luthier.Trial
        What does the work.
    """

    def __init__(self, study: Study, native: Native) -> None:
        self.study = study
        self._native = native
        self._trial_id = native.number
        self._params: dict[str, Any] = {}
        self._distributions: dict[str, BaseDistribution] = {}
        self._constraints: dict[str, float] = {}
        self._reported: dict[int, float] = {}
        self._last = -1  # the native step of the last report
        self._fixed = study._fixed(native.number)
        self._datetime_start = datetime.now()

    def _suggest(self, name: str, distribution: BaseDistribution) -> Any:
        if name in self._params:
            return self._again(name, distribution)
        self.study._remember({name: distribution})
        value = self._value(name, distribution)
        self._params[name] = value
        self._distributions[name] = distribution
        return value

    def _again(self, name: str, distribution: BaseDistribution) -> Any:
        before = self._distributions[name]
        check_distribution_compatibility(before, distribution)
        if before != distribution:
            warnings.warn(
                f"parameter {name!r} was asked for as {before!r} in this trial: its value stays, "
                f"whatever {distribution!r} allows",
                RuntimeWarning,
                stacklevel=4,
            )
        return self._params[name]

    def _value(self, name: str, distribution: BaseDistribution) -> Any:
        if name in self._fixed:
            value = self._fixed[name]
            place = distribution.to_internal_repr(value)
            if distribution._contains(place):
                return self._use(name, distribution, distribution.to_external_repr(place))
            warnings.warn(
                f"parameter {name!r}: {value!r} was queued, and lies outside of {distribution!r}",
                stacklevel=5,
            )
            return self._use(name, distribution, value)
        chosen = self.study.sampler.choose(self.study, self, name, distribution)
        if chosen is not None:
            return self._use(name, distribution, chosen.value)
        value = self._native.suggest(name, distribution._param)
        if isinstance(distribution, CategoricalDistribution):
            return distribution.choices[distribution._labels.index(value)]
        return value

    def _use(self, name: str, distribution: BaseDistribution, value: Any) -> Any:
        """Take a value that was not the sampler's choice."""
        noted = value
        if isinstance(distribution, CategoricalDistribution):
            noted = distribution._labels[int(distribution.to_internal_repr(value))]
        self._native.use(name, distribution._param, noted)
        return value

    def report(self, value: float, step: int) -> None:
        """Say how the trial goes, so that it can be stopped early.

        Parameters
        ----------
        value : float
            The objective's present value.
        step : int
            How far the trial is, or which instance this is about. A step counts once.

        Raises
        ------
        NotImplementedError
            In a study with several objectives.
        TypeError, ValueError
            If the value is no number, or the step no integer from 0 on.
        """
        self._one_objective("report")
        number, at = _checked_report(value, step)
        if at in self._reported:
            warnings.warn(f"step {at} was reported already: {value!r} is ignored", stacklevel=2)
            return
        self._reported[at] = number
        if at > self._last:
            self._last = at
            self._native.report(number, at)
        else:
            # Steps of the log grow: instances that come in no order say which they are.
            self._last += 1
            objective = self.study._native.problem.objectives[0].name
            self._native.report({objective: number, ITEM: at}, self._last)

    def should_prune(self) -> bool:
        """Tell whether the trial should stop now: raise `TrialPruned` if so.

        Raises
        ------
        NotImplementedError
            In a study with several objectives.
        """
        self._one_objective("should_prune")
        custom = self.study._custom_pruner
        if custom is not None:
            return bool(custom.prune(self.study, self.study._record(self.number)))
        return self._native.should_prune()

    def set_user_attr(self, key: str, value: Any) -> None:
        """Note something on the trial: what JSON can say, or in a study in memory anything."""
        self.study._note(key, value, self._native)

    def set_constraint(self, key: str, value: float) -> None:
        """Say how far a constraint is exceeded; 0 and less is within it.

        Raises
        ------
        TypeError, ValueError
            If it is no finite number.
        """
        number = checked_constraint(key, value, self._constraints)
        if number is not None:
            self._constraints[key] = number
            self._native.measure(f"{CONSTRAINT}{key}", number)

    @property
    def constraints(self) -> dict[str, float]:
        """How far each constraint is exceeded."""
        return dict(self._constraints)

    @property
    def params(self) -> dict[str, Any]:
        """Values that were asked for so far."""
        return copy.deepcopy(self._params)

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        """What they were chosen from."""
        return dict(self._distributions)

    @property
    def user_attrs(self) -> dict[str, Any]:
        """Notes."""
        return self.study._notes_on(self.number, self._native.user_attrs)

    @property
    def system_attrs(self) -> dict[str, Any]:
        """What the interface noted."""
        return self.study._record(self.number).system_attrs

    @property
    def datetime_start(self) -> datetime | None:
        """When it began, in local time."""
        return self._datetime_start

    @property
    def number(self) -> int:
        """Its number in the study, from 0."""
        return self._native.number

    def _ask_for(self, distributions: dict[str, BaseDistribution]) -> None:
        for name, distribution in distributions.items():
            self._suggest(name, current(distribution))

    def _one_objective(self, method: str) -> None:
        if len(self.study.directions) > 1:
            raise NotImplementedError(f"{method}: in studies with one objective only")


def _checked_report(value: Any, step: Any) -> tuple[float, int]:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"report: value: got {value!r}; allowed: a number") from None
    try:
        at = int(step)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"report: step: got {step!r}; allowed: an integer") from None
    if at < 0:
        raise ValueError(f"report: step: got {step!r}; allowed: an integer from 0 on")
    return number, at
