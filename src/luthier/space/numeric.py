"""What Float and Int share: bounds, scale, steps, prior, belief, frame."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any, ClassVar

from luthier.errors import InvalidSpace
from luthier.space.base import Param, is_number
from luthier.space.grids import Grid, is_on_grid
from luthier.space.priors import Around, Beta, LogNormal, Normal, Prior, Uniform
from luthier.space.scales import SCALES

MAX_FREE = 2**36
"""An Int without a bound stays below this size, where its cells can be told apart."""
_MAX_LOG_SD = 20.0
_MIN_LOG = 2.2250738585072014e-308  # below it, doubles lose their digits
MAX_DEVIATIONS = 30.0
"""A side without a bound ends this many standard deviations from the mean of its prior."""


class Number(Param):
    """What Float and Int share."""

    __slots__ = ()
    low: Any
    high: Any
    scale: str
    step: Any
    prior: Prior | None
    belief: Around | None
    frame: tuple[Any, Any] | None
    whole: ClassVar[bool]

    @property
    def log(self) -> bool:
        """Whether the scale is logarithmic."""
        return self.scale == "log"

    @property
    def outer(self) -> tuple[Any, Any]:
        """The bounds that define the unit coordinate: the frame, or the bounds themselves."""
        return self.frame or (self.low, self.high)

    @property
    def unbounded(self) -> bool:
        """Whether the unit coordinate has a side without a bound."""
        return None in self.outer

    @abstractmethod
    def grid(self) -> Grid | None:
        """Return the grid of all values within the outer bounds, None if there are no steps."""

    @property
    def support(self) -> tuple[float, float]:
        """The finite bounds of what the codec can represent, also where there is no bound."""
        low, high = self.outer
        if low is not None and high is not None:
            return low, high
        reach_low, reach_high = self._reach()
        return (reach_low if low is None else low), (reach_high if high is None else high)

    def _reach(self) -> tuple[float, float]:
        """Return 30 standard deviations around the mean of the prior."""
        assert isinstance(self.prior, (Normal, LogNormal))
        reach = MAX_DEVIATIONS * self.prior.sd
        ends = [self.prior.mean - reach, self.prior.mean + reach]
        if isinstance(self.prior, LogNormal):
            ends = [math.exp(min(max(end, -700.0), 700.0)) for end in ends]
        if self.whole:
            ends = [math.ceil(max(ends[0], -MAX_FREE)), math.floor(min(ends[1], MAX_FREE))]
            if self.scale == "log":
                ends[0] = max(ends[0], 1)
        return ends[0], ends[1]

    @property
    def range(self) -> tuple[float, float]:
        """The bounds of legal values, where a missing bound is that of `support`."""
        low, high = self.support
        return (low if self.low is None else self.low), (high if self.high is None else self.high)

    def _describe(self) -> str:
        low, high = self.range
        steps = ""
        if self.grid() and self.step not in (None, 1):
            steps = f" {'by factors' if self.log else 'in steps'} of {self.step!r}"
        return f"from {low!r} to {high!r}{steps}"

    def _check_common(self, kind: str, log: bool, scale: str | None) -> str:
        """Check what Float and Int have in common, and return the name of the scale."""
        if scale is not None and not (isinstance(scale, str) and scale in SCALES):
            raise InvalidSpace(f"{kind}: scale", scale, f"one of {', '.join(SCALES)}")
        if not isinstance(log, bool):
            raise InvalidSpace(f"{kind}: log", log, "True or False")
        if log and scale not in (None, "log"):
            raise InvalidSpace(f"{kind}: scale", scale, "'log', since log=True was given too")
        name = "log" if log else scale or "linear"
        if not isinstance(self.prior, (Uniform, Normal, LogNormal, Beta)):
            raise InvalidSpace(f"{kind}: prior", self.prior, "a Uniform, Normal, LogNormal or Beta")
        for side in ("low", "high"):
            if getattr(self, side) is None and not self.prior.unbounded:
                raise InvalidSpace(
                    f"{kind}: {side}", None, "a number; None only with a Normal or LogNormal prior"
                )
        return name

    def _check_frame(self, kind: str) -> None:
        if self.frame is None:
            return
        low, high = self.frame
        if (low is not None and (self.low is None or low > self.low)) or (
            high is not None and (self.high is None or high < self.high)
        ):
            raise InvalidSpace(f"{kind}: frame", self.frame, "bounds around low and high")

    def _check_order(self, kind: str) -> None:
        if None not in (self.low, self.high) and self.low > self.high:
            raise InvalidSpace(f"{kind}: high", self.high, f"at least low, {self.low!r}")

    def _check_scale(self, kind: str) -> None:
        low, high = self.outer
        if self.unbounded:
            expected = "log" if isinstance(self.prior, LogNormal) else "linear"
            if self.scale not in ("linear", expected):
                raise InvalidSpace(
                    f"{kind}: scale", self.scale, f"{expected!r}, the scale of the prior"
                )
            object.__setattr__(self, "scale", expected)
            if isinstance(self.prior, LogNormal) and self.prior.sd > _MAX_LOG_SD:
                allowed = f"sd at most {_MAX_LOG_SD} where a bound is missing"
                raise InvalidSpace(f"{kind}: prior", self.prior, allowed)
            self._check_reach(kind)
        if self.scale == "log" and low is not None and low < _MIN_LOG:
            raise InvalidSpace(f"{kind}: low", low, "a positive number, for scale 'log'")
        if self.scale == "logit" and low <= 0:
            raise InvalidSpace(f"{kind}: low", low, "a number above 0, for scale 'logit'")
        if self.scale in ("reverse_log", "logit") and high >= 1:
            raise InvalidSpace(f"{kind}: high", high, f"a number below 1, for scale {self.scale!r}")
        if isinstance(self.prior, LogNormal) and low is not None and low < 0:
            raise InvalidSpace(f"{kind}: low", low, "at least 0, for a LogNormal prior")

    def _check_reach(self, kind: str) -> None:
        low, high = self._reach()
        for side, bound in zip(("low", "high"), self.outer, strict=True):
            if low > high or (bound is not None and not low <= bound <= high):
                allowed = f"from {low!r} to {high!r}, 30 sd around the mean of its prior"
                raise InvalidSpace(f"{kind}: {side}", bound, allowed)

    def _check_grid(self, kind: str) -> None:
        grid = self.grid()
        if grid is not None and self.frame is not None:
            for side, bound in (("low", self.low), ("high", self.high)):
                if not is_on_grid(grid, bound):
                    raise InvalidSpace(f"{kind}: {side}", bound, "a step of the frame")

    def _check_belief(self, kind: str) -> None:
        if self.belief is None:
            return
        field = f"{kind}: belief"
        if not isinstance(self.belief, Around):
            raise InvalidSpace(field, self.belief, "an Around")
        low, high = self.support
        if not low <= self.belief.value <= high:
            raise InvalidSpace(field, self.belief, f"a value from {low!r} to {high!r}")
        wanted = "factor" if SCALES[self.scale].factor else "sd"
        if getattr(self.belief, wanted) is None:
            raise InvalidSpace(field, self.belief, f"{wanted}=..., for scale {self.scale!r}")

    def knows(self, value: Any) -> bool:
        """Return whether `value` lies in the outer bounds, on a step if there are steps."""
        low, high = self.support
        if not is_number(value) or not low <= value <= high:
            return False
        grid = self.grid()
        return grid is None or is_on_grid(grid, value)
