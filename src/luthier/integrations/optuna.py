"""Luthier's samplers and schedulers inside Optuna (from version 4 on).

>>> import optuna  # doctest: +SKIP
>>> from luthier.integrations.optuna import LuthierSampler  # doctest: +SKIP
>>> study = optuna.create_study(sampler=LuthierSampler("gp"))  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from luthier.errors import MissingExtra

try:
    from optuna.distributions import BaseDistribution, CategoricalDistribution
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler
    from optuna.study import Study
    from optuna.trial import FrozenTrial, TrialState
except ImportError as error:
    raise MissingExtra("luthier.integrations.optuna", "optuna") from error

from luthier.formats.optuna.params import labels, param_of
from luthier.integrations._optuna_mirror import Mirror
from luthier.samplers.base import Sampler
from luthier.samplers.registry import make as make_sampler
from luthier.schedulers.base import Decision, Scheduler
from luthier.schedulers.registry import make as make_scheduler

__all__ = ["LuthierPruner", "LuthierSampler"]


class LuthierSampler(BaseSampler):  # type: ignore[misc, unused-ignore]  # without Optuna
    """Any sampler of Luthier's as a sampler of Optuna's.

    It proposes all parameters that trials have asked for so far at once, those of branches that a
    trial may not take included. Pruned and running trials, constraints and several objectives
    count.

    Parameters
    ----------
    sampler : Sampler, str or mapping, default "auto"
        The sampler.
    seed : int, optional
        Makes the study repeatable where trials run one after the other.
    constraints_func : callable, optional
        Says of an ended trial how far each constraint is exceeded; or use
        `optuna.trial.Trial.set_constraint`.
    """

    def __init__(
        self,
        sampler: Sampler | str | Mapping[str, Any] = "auto",
        *,
        seed: int | None = None,
        constraints_func: Callable[[FrozenTrial], Sequence[float]] | None = None,
    ) -> None:
        self._sampler = make_sampler(sampler)
        self._constraints_func = constraints_func
        self._mirror = Mirror(seed)

    def __str__(self) -> str:
        return f"LuthierSampler({self._sampler!r})"

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return every parameter that was asked for so far, as it was asked for last."""
        space: dict[str, BaseDistribution] = {}
        for ended in study._get_trials(deepcopy=False, use_cache=True):
            if ended.state in (TrialState.COMPLETE, TrialState.PRUNED):
                space.update(ended.distributions)
        return {name: dist for name, dist in space.items() if not dist.single()}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Propose a point of a space."""
        if not search_space:
            return {}
        return self._propose(study, trial, search_space, together=True)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Propose a value for a parameter that is new, or of another form than before."""
        space = {param_name: param_distribution}
        return self._propose(study, trial, space, together=False)[param_name]

    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Note what the constraints are."""
        if self._constraints_func is None or state not in (TrialState.COMPLETE, TrialState.PRUNED):
            return
        given = tuple(float(value) for value in self._constraints_func(trial))
        if any(value != value for value in given):
            raise ValueError(f"constraints_func: got {given!r}; allowed: numbers")
        study._storage.set_trial_system_attr(trial._trial_id, "constraints", given)

    def _propose(
        self,
        study: Study,
        trial: FrozenTrial,
        space: dict[str, BaseDistribution],
        *,
        together: bool,
    ) -> dict[str, Any]:
        params = {name: param_of(distribution) for name, distribution in space.items()}
        stream = "" if together else next(iter(space))
        with self._mirror.lock:
            history = self._mirror.history(study, but=trial.number)
            point = self._mirror.suggest(self._sampler, history, params, trial.number, stream)
            if together:
                self._mirror.proposed(trial.number, point)
        return {name: _choice(space[name], point[name]) for name in space}


class LuthierPruner(BasePruner):  # type: ignore[misc, unused-ignore]  # without Optuna
    """Any stopping rule of Luthier's as a pruner of Optuna's.

    Optuna cannot pause trials: what would be paused is stopped.

    Parameters
    ----------
    scheduler : Scheduler, str or mapping, default "median"
        The rule.
    """

    def __init__(self, scheduler: Scheduler | str | Mapping[str, Any] = "median") -> None:
        self._scheduler = make_scheduler(scheduler)
        self._mirror = Mirror(0)

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Tell whether a trial that has just reported should stop."""
        if not trial.intermediate_values:
            return False
        with self._mirror.lock:
            history = self._mirror.history(study, but=None, current=trial)
            record = history.trial(self._mirror.number_of(trial.number))
            decision = self._scheduler.decide(history.problem, history, record)
        return decision is not Decision.CONTINUE


def _choice(distribution: BaseDistribution, value: Any) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[labels(distribution.choices).index(value)]
    return value
