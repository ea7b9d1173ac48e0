"""Drawing points under constraints: by rejection, or from a list if feasible ones are rare."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from luthier.errors import EmptySpace
from luthier.space.scales import FloatArray

_FIRST_BATCH = 64
_LARGEST_BATCH = 16_384
_PATIENCE = 50_000
_RAREST = 1e-4

Draw = Callable[[int], tuple[FloatArray, list[NDArray[np.bool_]]]]


def reject(draw: Draw, n: int, names: Sequence[str]) -> FloatArray:
    """Draw points in growing batches and keep the feasible ones until there are `n`.

    Parameters
    ----------
    draw : callable
        From a number to so many points and, for each constraint, which of them satisfy it.
    n : int
        How many are wanted.
    names : sequence of str
        Names of the constraints, for the error.

    Raises
    ------
    EmptySpace
        If after 50,000 draws fewer than one in 10,000 was feasible.
    """
    kept: list[FloatArray] = []
    found = drawn = 0
    held = np.zeros(len(names), np.int64)
    size = max(_FIRST_BATCH, 2 * n)
    while not kept or found < n:
        size = min(size, _LARGEST_BATCH)
        points, satisfied = draw(size)
        good = points[np.logical_and.reduce(satisfied)]
        kept.append(good)
        found += len(good)
        drawn += size
        held += [int(mask.sum()) for mask in satisfied]
        if drawn >= _PATIENCE and found < n and found < drawn * _RAREST:
            counts = "; ".join(
                f"{name} held {times} times"
                for name, times in zip(names, held.tolist(), strict=True)
            )
            raise EmptySpace(f"{found} of {drawn} draws satisfy all constraints: {counts}")
        size *= 2
    return np.concatenate(kept)[:n]
