"""Trials whose process died: found, and handed back to be started again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import cache

from luthier.model.events import Released, Told
from luthier.model.history import History
from luthier.model.trial import TrialState
from luthier.study.journal import Journal
from luthier.study.owner import HEARTBEAT, is_gone, is_silent

MAX_FUTILE = 10
"""A trial that was lost so often in a row is not started again: it may be what kills its process.

One that came to a newer checkpoint was not lost.
"""

LOOK_AGAIN = 1.0
"""Seconds between two looks at the same owner."""

SURE = 1.5 * HEARTBEAT
"""Seconds for which an owner has to look silent.

Where the storage was away, or its clock was set forward, everybody does until the next heartbeat.
"""


class Leases:
    """Watches over the trials that other processes run.

    Parameters
    ----------
    journal : Journal
        The study's log.
    owner : str
        Who watches; its own trials are not looked at.
    clock : callable, optional
        Returns seconds that nobody sets.
    """

    def __init__(
        self, journal: Journal, owner: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._journal = journal
        self._owner = owner
        self._clock = clock
        self._looked: dict[str, float] = {}
        self._silent: dict[str, float] = {}  # since when owners look silent

    def release_lost(self, history: History, moment: float) -> bool:
        """Hand back, at a moment, the trials of owners that died; tell whether there were any."""
        silences = cache(self._journal.beats)
        dead = {owner for owner in history.running_of if self._is_dead(owner, history, silences)}
        if not dead:
            return False
        for trial in history.running:
            if trial.owner not in dead:
                continue
            if trial.futile + 1 >= MAX_FUTILE:
                error = f"its process died: {trial.futile + 1} attempts in a row came no further"
                end = Told(trial.number, TrialState.FAILED, error=error, time=moment)
                self._journal.append(end)
            else:
                reason = "its process died"
                self._journal.append(Released(trial.number, reason, trial.attempt, moment))
        return True

    def _is_dead(
        self, owner: str, history: History, silences: Callable[[], Mapping[str, float]]
    ) -> bool:
        if owner == self._owner:
            return False
        now = self._clock()
        if now - self._looked.get(owner, -LOOK_AGAIN) < LOOK_AGAIN:
            return False
        about = history.owners[owner].about
        if is_gone(owner, about):
            return True
        self._looked[owner] = now
        if is_silent(about, silences().get(owner)):
            return now - self._silent.setdefault(owner, now) >= SURE
        self._silent.pop(owner, None)
        return False
