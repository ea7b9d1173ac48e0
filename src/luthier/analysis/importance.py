"""How much each parameter matters."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from luthier.space.codec import Codec

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Predict = Callable[[Array, Mask], Array]
"""From points and activity, ``(n, d)`` each, to values, ``(n,)``."""


def total_effects(
    codec: Codec, predict: Predict, rng: np.random.Generator, n: int = 1024
) -> dict[str, float]:
    """Return which share of a function's variance is lost where a parameter is fixed.

    This is Sobol's total effect: of a parameter alone and together with any others, so that shares
    may sum up to more than 1. Points are drawn evenly over the space.

    Parameters
    ----------
    codec : Codec
        Of the space that the function is on.
    predict : callable
        The function.
    rng : numpy.random.Generator
        Draws the points.
    n : int, default 1024
        How many points; the function is asked for ``n`` times the number of parameters, plus one.

    Returns
    -------
    dict of str to float
        By parameter. All 0 where the function is the same everywhere.

    References
    ----------
    Jansen (1999), Analysis of variance designs for model output, Computer Physics Communications
    117. Saltelli et al. (2010), Variance based sensitivity analysis of model output, table 2 (f).
    """
    base = codec.from_uniform(rng.random((n, codec.d)))
    other = codec.from_uniform(rng.random((n, codec.d)))
    values = predict(*codec.snap_with_activity(base))
    variance = float(values.var())
    effects = {}
    for name in dict.fromkeys(column.param for column in codec.columns):
        own = [j for j, column in enumerate(codec.columns) if column.param == name]
        changed = base.copy()
        changed[:, own] = other[:, own]
        differences = values - predict(*codec.snap_with_activity(changed))
        effects[name] = float(np.mean(differences**2) / 2 / variance) if variance else 0.0
    return effects
