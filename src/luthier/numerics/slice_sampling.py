"""Drawing hyperparameters from their posterior.

Murray, Adams, MacKay (2010), Elliptical slice sampling, AISTATS, figure 2.
"""

from __future__ import annotations

from math import pi

import numpy as np
from numpy.typing import NDArray

from luthier.numerics.evidence import Evidence, Prior
from luthier.numerics.kernels import Kernel

Array = NDArray[np.float64]

SHRINKS = 40
"""A slice that was cut so often is a point, but for rounding: the chain stays where it is."""


def sample(
    kernel: Kernel,
    prior: Prior,
    X: Array,
    A: Array,
    y: Array,
    starts: Array,
    rng: np.random.Generator,
    steps: int,
) -> Array:
    """Draw hyperparameters from their posterior by elliptical slice sampling, in chains.

    Every step is accepted, and there is nothing to tune, since the priors are normal.
    What the prior puts beyond its bounds counts as lying on them: a chain walks on
    without bounds, and is looked at through `Prior.within`. The chains do not know each
    other, but are computed together.

    Parameters
    ----------
    kernel, prior : Kernel, Prior
        The model.
    X, A, y : ndarray
        Observations, as `luthier.numerics.evidence.Evidence` takes them.
    starts : ndarray, shape (m, p + 1)
        Where the chains begin, best at a mode.
    rng : numpy.random.Generator
        The source of randomness.
    steps : int
        How many steps each chain takes.

    Returns
    -------
    ndarray, shape (m, p + 1)
        The ends of the chains, within the bounds.
    """
    evidence = Evidence(kernel, prior, X, A, y)
    thetas = np.array(starts, dtype=np.float64)
    m = len(thetas)
    levels = evidence.log_likelihoods(prior.within(thetas))
    for _ in range(steps):
        centred = thetas - prior.mean
        across = prior.sd * rng.standard_normal(thetas.shape)
        floors = levels + np.log(1.0 - rng.random(m))
        angles = 2.0 * pi * rng.random(m)
        low, high = angles - 2.0 * pi, angles.copy()
        moving = np.arange(m)
        for _ in range(SHRINKS):
            cos, sin = np.cos(angles[moving, None]), np.sin(angles[moving, None])
            turned = prior.mean + centred[moving] * cos + across[moving] * sin
            reached = evidence.log_likelihoods(prior.within(turned))
            done = reached > floors[moving]
            thetas[moving[done]], levels[moving[done]] = turned[done], reached[done]
            moving = moving[~done]
            if not len(moving):
                break
            # The slice is cut at the angle that failed, on its side of where the chain is.
            below = moving[angles[moving] < 0.0]
            above = moving[angles[moving] >= 0.0]
            low[below], high[above] = angles[below], angles[above]
            angles[moving] = rng.uniform(low[moving], high[moving])
    return prior.within(thetas)
