"""The best trials of a history."""

from __future__ import annotations

import numpy as np

from luthier.errors import InvalidInput, NoResult
from luthier.model.history import History
from luthier.model.trial import FrozenTrial, TrialState
from luthier.numerics.pareto import nondominated


def best_trial(history: History) -> FrozenTrial:
    """Return the complete trial with the best value that keeps all limits.

    Among equals it is the one that ended first.

    Raises
    ------
    InvalidInput
        If the study has several objectives.
    NoResult
        If there is no such trial yet.
    """
    if len(history.problem.objectives) > 1:
        raise InvalidInput(
            "best_trial", "a study with several objectives", "best_trials, the Pareto front"
        )
    eligible = np.flatnonzero(history.eligible)
    if not len(eligible):
        raise NoResult(_why_none(history))
    best: FrozenTrial = history.ended[int(eligible[np.argmin(history.losses[eligible, 0])])]
    return best


def best_trials(history: History) -> list[FrozenTrial]:
    """Return the complete trials within all limits that no other one beats, by number.

    With one objective these are the trials that share the best value.
    """
    eligible = np.flatnonzero(history.eligible)
    front = eligible[nondominated(history.losses[eligible])]
    return sorted((history.ended[int(i)] for i in front), key=lambda trial: trial.number)


def _why_none(history: History) -> str:
    if not history.count:
        return "the study has no trial yet"
    if not history.complete:
        none = f"none of the {history.count} trials of the study is complete"
        if history.paused:
            return (
                f"{none}; {len(history.paused)} are paused: study.optimize(objective, n_trials=0) "
                "trains the best of them to its end"
            )
        pruned = len(history.of_state(TrialState.PRUNED))
        if pruned:
            return f"{none}; {pruned} were stopped early: let more trials run, or stop fewer"
        return none
    limits = ", ".join(str(limit) for limit in history.problem.limits)
    return f"none of the {len(history.complete)} complete trials keeps the limits {limits}"
