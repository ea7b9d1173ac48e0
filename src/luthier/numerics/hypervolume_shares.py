"""What each point of a front with three objectives dominates alone, in one sweep.

References
----------
Emmerich, Fonseca (2011), Computing hypervolume contributions in low dimensions:
asymptotically optimal algorithm and complexity results, EMO.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from luthier.numerics.hypervolume_staircase import Staircase, Strip

Array = NDArray[np.float64]


class _Owner:
    """A point of the staircase with the strips, falling to the right, that it alone covers."""

    __slots__ = ("strips", "volume", "y")

    def __init__(self, y: float, strips: Iterable[Strip], z: float) -> None:
        self.y = y
        self.strips = deque(strip._replace(born=z) for strip in strips)
        self.volume = 0.0

    def give_up_right_of(self, x: float, z: float) -> None:
        """Share what lies right of ``x`` from height ``z`` on."""
        while self.strips and self.strips[-1].right > x:
            strip = self.strips.pop()
            shared = strip._replace(left=max(strip.left, x))
            self._close(shared, z)
            if strip.left < x:
                self.strips.append(strip._replace(right=x))

    def give_up_above(self, y: float, z: float) -> None:
        """Share what lies above ``y`` from height ``z`` on."""
        higher = []
        while self.strips and self.strips[0].top > y:
            higher.append(self.strips.popleft())
            self._close(higher[-1], z)
        if higher:
            self.strips.appendleft(Strip(higher[0].left, higher[-1].right, y, z))

    def give_up(self, z: float) -> float:
        """Share everything from height ``z`` on, and return the volume that was covered alone."""
        for strip in self.strips:
            self._close(strip, z)
        self.strips.clear()
        return self.volume

    def _close(self, strip: Strip, z: float) -> None:
        self.volume += (strip.right - strip.left) * (strip.top - self.y) * (z - strip.born)


def shares_of_three(front: Array, reference: Array) -> Array:
    """Return the volume that each point of a front dominates alone.

    Parameters
    ----------
    front : array of shape ``(n, 3)``
        Distinct points below the reference, none of which dominates another.
    reference : array of shape ``(3,)``

    Returns
    -------
    array of shape ``(n,)``
    """
    right, top, end = reference.tolist()
    stairs = Staircase(right, top)
    owners: dict[float, tuple[int, _Owner]] = {}  # by the left end of their strip
    shares = np.zeros(len(front))
    for index in np.lexsort(front.T):
        x, y, z = front[index].tolist()
        covered = stairs.cover(x, y, z)
        for strip in covered:
            if strip.left in owners:
                beaten, owner = owners.pop(strip.left)
                shares[beaten] = owner.give_up(z)
        place = bisect_left(stairs.lefts, x)
        if stairs.lefts[place - 1] in owners:
            owners[stairs.lefts[place - 1]][1].give_up_right_of(x, z)
        if place + 1 < len(stairs.lefts):
            owners[stairs.lefts[place + 1]][1].give_up_above(y, z)
        owners[x] = int(index), _Owner(y, covered, z)
    for index, owner in owners.values():
        shares[index] = owner.give_up(end)
    return shares
