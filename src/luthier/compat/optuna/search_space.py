"""What trials have in common, as in ``optuna.search_space``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from luthier.compat.optuna._base_trial import TrialState
from luthier.compat.optuna._frozen_trial import FrozenTrial
from luthier.compat.optuna.distributions import BaseDistribution

if TYPE_CHECKING:
    from luthier.compat.optuna._study import Study

__all__ = ["IntersectionSearchSpace", "intersection_search_space"]


def intersection_search_space(
    trials: Iterable[FrozenTrial], include_pruned: bool = False
) -> dict[str, BaseDistribution]:
    """Return the parameters that all complete trials chose from the same distribution, by name.

    Parameters
    ----------
    trials : iterable of FrozenTrial
        The trials.
    include_pruned : bool, default False
        Whether pruned trials count, too.
    """
    states = {TrialState.COMPLETE, *([TrialState.PRUNED] if include_pruned else [])}
    common: dict[str, BaseDistribution] | None = None
    for trial in trials:
        if trial.state in states:
            own = trial.distributions
            kept = own if common is None else common
            common = {name: dist for name, dist in kept.items() if own.get(name) == dist}
    return dict(sorted((common or {}).items()))


class IntersectionSearchSpace:
    """The same for a study.

    Parameters
    ----------
    include_pruned : bool, default False
        Whether pruned trials count, too.
    """

    def __init__(self, include_pruned: bool = False) -> None:
        self._include_pruned = include_pruned

    def calculate(self, study: Study) -> dict[str, BaseDistribution]:
        """Return the parameters that all complete trials of a study have in common."""
        return intersection_search_space(study.get_trials(deepcopy=False), self._include_pruned)
