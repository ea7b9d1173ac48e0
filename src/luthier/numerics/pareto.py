"""Which points no other point beats."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def nondominated(losses: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which rows no other row dominates.

    A row dominates another if it is nowhere larger and somewhere smaller.
    Equal rows do not dominate each other.

    Parameters
    ----------
    losses : array of shape ``(n, m)``
        Less is better; finite.

    Returns
    -------
    array of bool, shape ``(n,)``
    """
    n = len(losses)
    kept = np.zeros(n, dtype=bool)
    # In lexicographic order a row can only be dominated by one before it.
    order = np.lexsort(losses.T[::-1])
    front = np.empty((0, losses.shape[1]))
    for index in order:
        row = losses[index]
        smaller = (front <= row).all(axis=1) & (front < row).any(axis=1)
        if not smaller.any():
            kept[index] = True
            front = np.vstack([front, row])
    return kept
