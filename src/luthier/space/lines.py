"""Lines: how a number lies in the unit interval.

A value x has a natural coordinate y on its scale; the unit coordinate u runs evenly over y
between the outer bounds. Where a bound is missing, u follows the arc tangent of the distance
from the prior's mean instead, so that all of the line fits into [0, 1].
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from luthier.space.params import Float, Int
from luthier.space.priors import LogNormal, Normal
from luthier.space.scales import SCALES, FloatArray, Scale, elementwise


@dataclass(frozen=True, slots=True)
class Line:
    """The natural coordinate y against the unit coordinate u.

    Attributes
    ----------
    scale : Scale
    start, width : float
        Bounded: ``y = start + u * width``. Unbounded: the same for the arc of y, see `centre`.
    centre : tuple of float, optional
        Mean m and standard deviation s of the unbounded case, where the arc of y is
        ``1/2 + atan((y - m) / (2 s)) / pi``.
    reach : tuple of float
        The ends of y; they keep the unbounded case finite.
    """

    scale: Scale
    start: float
    width: float
    centre: tuple[float, float] | None = None
    reach: tuple[float, float] = (-math.inf, math.inf)

    def unit(self, x: float) -> float:
        """Return u for a value x."""
        y = self.scale.forward(x)
        return ((y if self.centre is None else self._arc(y)) - self.start) / self.width

    def units(self, x: FloatArray) -> FloatArray:
        """Return u for each value x."""
        return self.units_of_natural(self.scale.forward_each(x))

    def units_of_natural(self, y: FloatArray) -> FloatArray:
        """Return u for each y."""
        if self.centre is not None:
            y = elementwise(self._arc, y)
        return (y - self.start) / self.width

    def natural(self, u: float) -> float:
        """Return y for a u."""
        t = self.start + u * self.width
        return t if self.centre is None else self._unarc(t)

    def naturals(self, u: FloatArray) -> FloatArray:
        """Return y for each u."""
        t = self.start + u * self.width
        return t if self.centre is None else elementwise(self._unarc, t)

    def log_slopes(self, u: FloatArray) -> FloatArray:
        """Return ``log(dy / du)`` at each u."""
        if self.centre is None:
            return np.full(len(u), math.log(self.width))
        mean, sd = self.centre
        z = (self.naturals(u) - mean) / sd
        return np.log(2 * math.pi * sd * self.width * (1 + z * z / 4))

    def _arc(self, y: float) -> float:
        assert self.centre is not None
        mean, sd = self.centre
        return 0.5 + math.atan((y - mean) / (2 * sd)) / math.pi

    def _unarc(self, t: float) -> float:
        assert self.centre is not None
        mean, sd = self.centre
        y = mean + 2 * sd * math.tan(math.pi * (t - 0.5))
        return min(max(y, self.reach[0]), self.reach[1])


def line(param: Float | Int) -> Line:
    """Return how a number that has more than one value lies in the unit interval."""
    scale = SCALES[param.scale]
    low, high = param.outer
    pad = 0.0
    if isinstance(param, Int) and param.grid() is None:
        pad = 0.5  # cells reach half a unit to both sides, also on the log scale
    ends = [None if x is None else scale.forward(x) for x in (low, high)]
    if pad:
        ends = [
            None if x is None else scale.forward(x + side * pad)
            for x, side in ((low, -1), (high, 1))
        ]
    grid = param.grid()
    if grid is not None:
        assert ends[0] is not None
        assert ends[1] is not None
        half = (ends[1] - ends[0]) / (grid.size - 1) / 2
        ends = [ends[0] - half, ends[1] + half]
    if param.unbounded:
        assert isinstance(param.prior, (Normal, LogNormal))
        centre = (param.prior.mean, param.prior.sd)
        whole = Line(scale, 0.0, 1.0, centre)
        start, stop = (
            default if end is None else whole._arc(end)
            for end, default in zip(ends, (0.0, 1.0), strict=True)
        )
        least, most = param.support
        reach = scale.forward(least - pad), scale.forward(most + pad)
        return Line(scale, start, stop - start, centre, reach)
    assert ends[0] is not None
    assert ends[1] is not None
    return Line(scale, ends[0], ends[1] - ends[0])
