"""The part of a plane that points dominate, point by point; less is better."""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import NamedTuple


class Strip(NamedTuple):
    """A stretch of the staircase: what lies under it is not dominated.

    Attributes
    ----------
    left, right : float
        Its ends in the first objective.
    top : float
        Its height in the second one.
    born : float
        Third objective of the point that made it.
    """

    left: float
    right: float
    top: float
    born: float


class Staircase:
    """The border between what points of a plane dominate and what they do not.

    A sweep over three objectives covers the first two with points in the order of the third.

    Parameters
    ----------
    right, top : float
        The reference; every point lies below it in both objectives.

    Attributes
    ----------
    lefts : list of float
        Where the strips begin, from left to right: -inf, then points.
    """

    def __init__(self, right: float, top: float) -> None:
        self.lefts = [-math.inf]
        self._tops = [top]
        self._borns = [-math.inf]
        self._right = right

    @property
    def strips(self) -> list[Strip]:
        """All strips from left to right; their tops fall."""
        return self._between(0, len(self.lefts))

    def cover(self, x: float, y: float, z: float = 0.0) -> list[Strip]:
        """Let a point dominate what is right of ``x`` and above ``y``.

        Returns
        -------
        list of Strip
            The pieces of strips that are now dominated above ``y``, from left to right;
            none if the point itself was dominated. Takes O(log n) and a move of memory,
            plus the number of pieces.
        """
        first = bisect_right(self.lefts, x) - 1
        if self._tops[first] <= y:
            return []
        end = first + 1
        while end < len(self.lefts) and self._tops[end] > y:
            end += 1
        covered = self._between(first, end)
        covered[0] = covered[0]._replace(left=x)
        start = first if self.lefts[first] == x else first + 1  # what is left of x stays
        self.lefts[start:end] = [x]
        self._tops[start:end] = [y]
        self._borns[start:end] = [z]
        return covered

    def _between(self, start: int, end: int) -> list[Strip]:
        rights = [*self.lefts[start + 1 : end + 1], self._right]
        return [
            Strip(*strip)
            for strip in zip(
                self.lefts[start:end],
                rights,
                self._tops[start:end],
                self._borns[start:end],
                strict=False,
            )
        ]
