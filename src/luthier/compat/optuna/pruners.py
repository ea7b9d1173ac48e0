"""Optuna's pruners: Luthier's schedulers under the names that scripts use."""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import inf, isnan
from typing import TYPE_CHECKING

from luthier.errors import InvalidInput
from luthier.schedulers.base import Scheduler
from luthier.schedulers.full import Full

if TYPE_CHECKING:
    from luthier.compat.optuna._frozen_trial import FrozenTrial
    from luthier.compat.optuna._study import Study

__all__ = [
    "BasePruner",
    "HyperbandPruner",
    "MedianPruner",
    "NopPruner",
    "PatientPruner",
    "PercentilePruner",
    "SuccessiveHalvingPruner",
    "ThresholdPruner",
    "WilcoxonPruner",
]


class BasePruner(ABC):
    """A rule of your own: derive from it, and say in `prune` what stops."""

    @abstractmethod
    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Tell whether a trial that has just reported should stop."""


class _Mapped(BasePruner):
    """A pruner that is a scheduler of Luthier's.

    Attributes
    ----------
    scheduler : Scheduler
        What it is.
    """

    scheduler: Scheduler

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Tell whether a running trial should stop, by its reports so far."""
        history = study._native.history
        record = history.trial(trial.number)
        if not record.reports:
            return False
        decision = self.scheduler.decide(history.problem, history, record)
        return decision.value != "CONTINUE"

    def __repr__(self) -> str:
        return f"{type(self).__name__}: {self.scheduler!r}"


class NopPruner(_Mapped):
    """Stop nothing: `luthier.schedulers.Full`."""

    def __init__(self) -> None:
        self.scheduler = Full()


class MedianPruner(_Mapped):
    """Stop what is worse than the median at its step: `luthier.schedulers.Median`.

    Parameters
    ----------
    n_startup_trials : int, default 5
        Nothing is stopped before so many trials are complete.
    n_warmup_steps : int, default 0
        Nor before this step.
    interval_steps : int, default 1
        From there on a trial is looked at once in so many steps.
    n_min_trials : int, default 1
        Nor where fewer trials reported at this step.
    """

    def __init__(
        self,
        n_startup_trials: int = 5,
        n_warmup_steps: int = 0,
        interval_steps: int = 1,
        *,
        n_min_trials: int = 1,
    ) -> None:
        from luthier.schedulers.percentile import Median

        self.scheduler = Median(
            n_startup_trials=n_startup_trials,
            warmup_steps=n_warmup_steps,
            interval=interval_steps,
            n_min_trials=n_min_trials,
        )


class PercentilePruner(_Mapped):
    """Keep the best percents at each step: `luthier.schedulers.Percentile`.

    Parameters
    ----------
    percentile : float
        How many percent are kept.
    n_startup_trials, n_warmup_steps, interval_steps, n_min_trials : int
        As for `MedianPruner`.
    """

    def __init__(
        self,
        percentile: float,
        n_startup_trials: int = 5,
        n_warmup_steps: int = 0,
        interval_steps: int = 1,
        *,
        n_min_trials: int = 1,
    ) -> None:
        from luthier.schedulers.percentile import Percentile

        self.scheduler = Percentile(
            percentile,
            n_startup_trials=n_startup_trials,
            warmup_steps=n_warmup_steps,
            interval=interval_steps,
            n_min_trials=n_min_trials,
        )


class SuccessiveHalvingPruner(_Mapped):
    """Let one in `reduction_factor` go on from each rung: `luthier.schedulers.SuccessiveHalving`.

    Parameters
    ----------
    min_resource : int or "auto", default "auto"
        The first rung; "auto" is 1.
    reduction_factor : int, default 4
        One of so many goes on.
    min_early_stopping_rate : int, default 0
        So many rungs at the beginning are left out.
    bootstrap_count : int, default 0
        Must be 0: a trial is compared with whoever came to its rung before.
    """

    def __init__(
        self,
        min_resource: str | int = "auto",
        reduction_factor: int = 4,
        min_early_stopping_rate: int = 0,
        bootstrap_count: int = 0,
    ) -> None:
        from luthier.schedulers.rule import check_int
        from luthier.schedulers.successive_halving import SuccessiveHalving

        _no_bootstrap("SuccessiveHalvingPruner", bootstrap_count)
        first = 1 if min_resource == "auto" else min_resource
        check_int("SuccessiveHalvingPruner: min_resource", first, 1)
        check_int("SuccessiveHalvingPruner: reduction_factor", reduction_factor, 2)
        check_int("SuccessiveHalvingPruner: min_early_stopping_rate", min_early_stopping_rate, 0)
        self.scheduler = SuccessiveHalving(
            min_step=int(first) * reduction_factor**min_early_stopping_rate, eta=reduction_factor
        )


class HyperbandPruner(_Mapped):
    """Successive halving that begins at several rungs at once: `luthier.schedulers.Hyperband`.

    Parameters
    ----------
    min_resource : int, default 1
        The first rung.
    max_resource : int or "auto", default "auto"
        Where trials end by themselves; "auto" takes the longest complete trial.
    reduction_factor : int, default 3
        One of so many goes on.
    bootstrap_count : int, default 0
        Must be 0.
    """

    def __init__(
        self,
        min_resource: int = 1,
        max_resource: str | int = "auto",
        reduction_factor: int = 3,
        bootstrap_count: int = 0,
    ) -> None:
        from luthier.schedulers.hyperband import Hyperband

        _no_bootstrap("HyperbandPruner", bootstrap_count)
        if isinstance(max_resource, str) and max_resource != "auto":
            raise InvalidInput("HyperbandPruner: max_resource", max_resource, "a step, or 'auto'")
        longest = None if isinstance(max_resource, str) else max_resource
        self.scheduler = Hyperband(min_resource, longest, reduction_factor)


class PatientPruner(BasePruner):
    """Stop what another pruner would stop, once it got worse for some time.

    Parameters
    ----------
    wrapped_pruner : BasePruner, optional
        The other one. None stops whatever got worse.
    patience : int
        So many reports may go by that are worse than the best one before.
    min_delta : float, default 0.0
        By more than this they have to be worse.
    """

    def __init__(
        self, wrapped_pruner: BasePruner | None, patience: int, min_delta: float = 0.0
    ) -> None:
        from luthier.schedulers.rule import check_int, check_number

        check_int("PatientPruner: patience", patience, 0)
        check_number("PatientPruner: min_delta", min_delta, 0.0, inf)
        self._wrapped = wrapped_pruner
        self._patience = patience
        self._min_delta = min_delta

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Tell whether a trial got worse, and the other pruner would stop it."""
        sign = study._native.problem.signs[0]
        reports = sorted(trial.intermediate_values.items())
        losses = [sign * value for _, value in reports if not isnan(value)]
        before, after = losses[: -self._patience - 1], losses[-self._patience - 1 :]
        if not before or min(before) + self._min_delta >= min(after):
            return False
        return self._wrapped is None or self._wrapped.prune(study, trial)


class ThresholdPruner(_Mapped):
    """Stop what leaves a range: `luthier.schedulers.Threshold`.

    Parameters
    ----------
    lower, upper : float, optional
        The range; at least one of them.
    n_warmup_steps, interval_steps : int
        As for `MedianPruner`.
    """

    def __init__(
        self,
        lower: float | None = None,
        upper: float | None = None,
        n_warmup_steps: int = 0,
        interval_steps: int = 1,
    ) -> None:
        from luthier.schedulers.threshold import Threshold

        if lower is None and upper is None:
            raise TypeError("ThresholdPruner: at least one of lower and upper")
        self.scheduler = Threshold(
            lower, upper, warmup_steps=n_warmup_steps, interval=interval_steps
        )


class WilcoxonPruner(_Mapped):
    """Stop what a test finds worse than the best one: `luthier.schedulers.Wilcoxon`.

    Parameters
    ----------
    p_threshold : float, default 0.1
        The trial stops if the test's p-value is smaller.
    n_startup_steps : int, default 2
        So many instances have to be shared with the best trial.
    """

    def __init__(self, *, p_threshold: float = 0.1, n_startup_steps: int = 2) -> None:
        from luthier.schedulers.wilcoxon import Wilcoxon

        self.scheduler = Wilcoxon(p_threshold, max(n_startup_steps, 2))


def _no_bootstrap(pruner: str, count: int) -> None:
    if count:
        raise InvalidInput(
            f"{pruner}: bootstrap_count",
            count,
            "0: trials are compared with those that came to a rung before, however few",
        )


def split(pruner: object) -> tuple[BasePruner | None, Scheduler]:
    """Return a rule of the user's own, if it is one, and the scheduler that a study gets.

    Raises
    ------
    InvalidInput
        If it is neither a pruner nor a scheduler.
    """
    if isinstance(pruner, _Mapped):
        return None, pruner.scheduler
    if isinstance(pruner, BasePruner):
        return pruner, Full()
    if isinstance(pruner, Scheduler):
        return None, pruner
    raise InvalidInput("pruner", pruner, "one of luthier.compat.optuna.pruners, or a scheduler")
