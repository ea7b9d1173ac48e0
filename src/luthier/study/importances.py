"""How much each parameter of a study matters, as a Gaussian process sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.analysis.importance import total_effects
from luthier.errors import NoResult
from luthier.model.columns import encoded
from luthier.model.trial import FrozenTrial
from luthier.numerics.blas import single_threaded
from luthier.space.base import Param
from luthier.space.space import Space

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

MOST = 300
"""Of more trials so many are looked at, evenly over the study."""

MEMBERS = 4
"""Draws from what the trials say of the model."""


def importances(
    space: Space, trials: Sequence[FrozenTrial], losses: Sequence[float]
) -> dict[str, float]:
    """Return how much each parameter of a space explains of what trials reached.

    A Gaussian process is fitted to the losses, of which the worse half counts on a logarithmic
    scale; of this the total effects are taken (see `luthier.analysis.importance.total_effects`),
    and scaled so that they sum up to 1.

    Parameters
    ----------
    space : Space
        Parameters that all of the trials have. When they are active is of no interest here.
    trials : sequence of FrozenTrial
        At least two.
    losses : sequence of float
        What each of them reached; less is better.

    Returns
    -------
    dict of str to float
        By parameter, the one that matters most first. Equal shares where the losses are all equal.

    Raises
    ------
    NoResult
        If there are fewer than two trials.
    """
    from luthier.numerics.ensemble import Ensemble
    from luthier.numerics.warping import WARPS
    from luthier.samplers.gp.surrogate import Beliefs, learn, product_kernel

    if len(trials) < 2:
        raise NoResult(f"importances need at least two complete trials; there are {len(trials)}")
    params = {name: _always(param) for name, param in space.params.items()}
    free = Space(params, partial=True)
    chosen = np.unique(np.linspace(0, len(trials) - 1, MOST).astype(int))
    points, activity = encoded(free, [trials[i].params for i in chosen])
    y = np.asarray(losses, dtype=float)[chosen]
    placed = activity.all(axis=1)
    if placed.sum() < 2 or np.ptp(y[placed]) == 0:
        return dict.fromkeys(params, 1 / len(params))
    points, activity, z = points[placed], activity[placed], WARPS["half_log"](y[placed])
    kernel = replace(product_kernel(free.codec, "matern52"), trend=True)
    with single_threaded():
        thetas = learn(kernel, Beliefs().prior(kernel), points, activity, z, MEMBERS, 8)
        model = Ensemble(kernel, thetas, points, activity, z)

        def predict(X: Array, A: Mask) -> Array:
            mean: Array = model.predict(X, A.astype(float)).mean.mean(axis=0)
            return mean

        effects = total_effects(free.codec, predict, np.random.default_rng(0))
    total = sum(effects.values())
    if not total:
        return dict.fromkeys(params, 1 / len(params))
    ranked = sorted(effects.items(), key=lambda item: -item[1])
    return {name: effect / total for name, effect in ranked}


def _always(param: Param) -> Param:
    """Return a parameter without the condition under which it is active."""
    if param.when is None:
        return param
    anything: Any = param  # all of them are dataclasses
    free: Param = replace(anything, when=None)
    return free
