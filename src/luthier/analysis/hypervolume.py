"""How far a study with several objectives has come, as one number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from luthier.errors import InvalidInput
from luthier.model.history import History
from luthier.numerics.hypervolume import hypervolume, infer_reference


def hypervolume_of(
    history: History, reference: Sequence[float] | None = None
) -> NDArray[np.float64]:
    """Return the hypervolume that the trials have dominated, after each one that ended.

    Parameters
    ----------
    history : History
        Trials without a result, or beyond a limit, add nothing.
    reference : sequence of float, optional
        One value for each objective, as the study measures it: the worst that still counts.
        By default a tenth of the front's range beyond the front's worst, see
        `luthier.numerics.hypervolume.infer_reference`; it moves with the front, so state
        one to compare studies.

    Returns
    -------
    array of shape ``(len(history.ended),)``
        Never falls; zero until a trial counts.

    Raises
    ------
    InvalidInput
        If the reference is not one finite number for each objective.
    """
    problem = history.problem
    if reference is not None and np.shape(reference) != (len(problem.objectives),):
        names = ", ".join(objective.name for objective in problem.objectives)
        raise InvalidInput("reference", reference, f"one number for each of {names}")
    progress = np.zeros(len(history.ended))
    counting = np.flatnonzero(history.eligible)
    if not len(counting):
        return progress
    losses = history.losses
    if reference is None:
        bound = infer_reference(losses[counting])
    else:
        bound = np.asarray(reference) * problem.signs
    front = np.empty((0, len(bound)))
    for index in counting:
        point = losses[index]
        if not (front <= point).all(axis=1).any():
            front = np.vstack([front[~(point <= front).all(axis=1)], point])
            progress[index] = hypervolume(front, bound)
    return np.maximum.accumulate(progress)
