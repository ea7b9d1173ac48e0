"""Who loses a claim lets others pass, so that many writers are no slower than one."""

from __future__ import annotations

import time
from random import SystemRandom

_dice = SystemRandom()  # leaves the user's random numbers alone, and differs in a forked child

SHORTEST, LONGEST = 0.001, 0.1
"""Seconds that losers wait at most: after the first loss, and after many in a row."""


class SteppingBack:
    """Waits after each lost claim, on average twice as long as after the one before it.

    Of eight writers who claim the same word seven are refused, and would meet again at the
    next word: nearly all the work would go into refusals.
    """

    def __init__(self) -> None:
        self._longest = SHORTEST

    def lost(self) -> None:
        """Wait, for a claim was lost."""
        time.sleep(_dice.uniform(0.0, self._longest))
        self._longest = min(2 * self._longest, LONGEST)

    def won(self) -> None:
        """Forget the losses."""
        self._longest = SHORTEST
