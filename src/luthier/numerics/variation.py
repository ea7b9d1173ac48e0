"""How new points of the unit cube come from old ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def swapped(first: Array, second: Array, probability: float, rng: np.random.Generator) -> Array:
    """Return `first` with each coordinate taken from `second` by a probability."""
    child: Array = np.where(rng.random(len(first)) < probability, second, first)
    return child


def mirrored(points: Array) -> Array:
    """Return points folded into [0, 1] as by mirrors at both ends."""
    folded: Array = 1 - np.abs(1 - np.mod(points, 2))
    return folded
