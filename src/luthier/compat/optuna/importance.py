"""How much parameters matter, as in ``optuna.importance``."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import TYPE_CHECKING, Any

from luthier.compat.optuna._base_trial import TrialState
from luthier.compat.optuna._frozen_trial import FrozenTrial
from luthier.errors import InvalidInput, NoResult
from luthier.space.space import Space

if TYPE_CHECKING:
    from luthier.compat.optuna._study import Study

__all__ = [
    "BaseImportanceEvaluator",
    "FanovaImportanceEvaluator",
    "MeanDecreaseImpurityImportanceEvaluator",
    "PedAnovaImportanceEvaluator",
    "get_param_importances",
]


class BaseImportanceEvaluator:
    """How importances are computed: by a Gaussian process, whichever of these is chosen.

    Parameters
    ----------
    **settings : object
        Accepted without effect: they are about trees and densities.
    """

    def __init__(self, **settings: Any) -> None:
        self.settings = settings


class FanovaImportanceEvaluator(BaseImportanceEvaluator):
    """Shares of variance, of a Gaussian process instead of a forest."""


class PedAnovaImportanceEvaluator(BaseImportanceEvaluator):
    """Shares of variance, of a Gaussian process instead of a density."""


class MeanDecreaseImpurityImportanceEvaluator(BaseImportanceEvaluator):
    """Shares of variance, of a Gaussian process instead of a forest."""


def get_param_importances(
    study: Study,
    *,
    evaluator: BaseImportanceEvaluator | None = None,
    params: list[str] | None = None,
    target: Callable[[FrozenTrial], float] | None = None,
    normalize: bool = True,
) -> dict[str, float]:
    """Return how much each parameter explains of what trials reached, most first.

    See `luthier.study.importances.importances`.

    Parameters
    ----------
    study : Study
        With at least two complete trials.
    evaluator : BaseImportanceEvaluator, optional
        Accepted without effect.
    params : list of str, optional
        Only these, by the trials that have all of them. Default: those that all trials have.
    target : callable, optional
        What is explained, of a complete trial; less is better. Default: the single objective.
    normalize : bool, default True
        Must be True: shares sum up to 1.

    Raises
    ------
    TypeError
        If the evaluator is none.
    ValueError
        If there are too few trials, or several objectives and no target.
    """
    from luthier.study.importances import importances

    if evaluator is not None and not isinstance(evaluator, BaseImportanceEvaluator):
        raise TypeError(f"evaluator: got {evaluator!r}; allowed: one of this module")
    if not normalize:
        raise InvalidInput("normalize", normalize, "True: shares of variance sum up to 1")
    if target is None and len(study.directions) > 1:
        raise ValueError("target: a function of a trial, in a study with several objectives")
    history = study._native.history
    complete = [t for t in study.get_trials(deepcopy=False) if t.state is TrialState.COMPLETE]
    if params is not None:
        known = {name for trial in complete for name in trial.params}
        for name in params:
            if name not in known:
                raise ValueError(f"params: got {name!r}; allowed: {', '.join(sorted(known))}")
        complete = [trial for trial in complete if set(params) <= trial.params.keys()]
    sign = 1.0 if target is not None else history.problem.signs[0]
    losses = {t.number: sign * (target(t) if target else _value(t)) for t in complete}
    used = [trial for trial in complete if isfinite(losses[trial.number])]
    if len(used) < 2:
        raise NoResult(f"importances need two complete trials or more; there are {len(used)}")
    names = params or [
        name for name in used[0].params if all(name in trial.params for trial in used)
    ]
    if not names:
        return {}
    space = Space({name: history.problem.space.params[name] for name in names}, partial=True)
    records = [history.trial(trial.number) for trial in used]
    return importances(space, records, [losses[trial.number] for trial in used])


def _value(trial: FrozenTrial) -> float:
    assert trial.value is not None  # it is complete
    return trial.value
