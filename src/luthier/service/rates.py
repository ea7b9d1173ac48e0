"""How often somebody may ask: a bucket of allowances for each caller."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic

CALLERS = 10_000
"""Callers that are remembered; who was quiet longest is forgotten, and begins with a full one."""


class Rates:
    """Allows so many requests a second, and twice as many in one go.

    Parameters
    ----------
    rate : float
        Requests a second for each caller; 0 allows any number.
    clock : callable, optional
        Says the time in seconds.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = monotonic) -> None:
        self._rate = rate
        self._most = 2 * rate
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # allowances, as of when

    def wait(self, caller: str) -> float:
        """Take one allowance; return 0.0, or after how many seconds there is one."""
        if not self._rate:
            return 0.0
        now = self._clock()
        left, then = self._left.pop(caller, (self._most, now))
        left = min(self._most, left + (now - then) * self._rate)
        late = 0.0 if left >= 1 else (1 - left) / self._rate
        self._left[caller] = (left if late else left - 1, now)
        if len(self._left) > CALLERS:
            self._left.popitem(last=False)
        return late
