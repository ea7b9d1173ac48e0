"""Trials whose process died: found, and handed back to be started again."""

from __future__ import annotations

import time

from luthier.model.events import Released, Told
from luthier.model.history import History
from luthier.model.trial import TrialState
from luthier.study.journal import Journal
from luthier.study.owner import host, is_dead

MAX_FUTILE = 10
"""A trial that was lost so often in a row is not started again: it may be what kills its process.

One that came to a newer checkpoint was not lost.
"""

LOOK_AGAIN = 1.0
"""Seconds between two looks at the same owner."""


class Leases:
    """Watches over the trials that other processes run.

    Parameters
    ----------
    journal : Journal
        The study's log.
    owner : str
        Who watches; its own trials are not looked at.
    """

    def __init__(self, journal: Journal, owner: str) -> None:
        self._journal = journal
        self._owner = owner
        self._looked: dict[str, float] = {}

    def release_lost(self, history: History, moment: float) -> bool:
        """Hand back, at a moment, the trials of owners that died; tell whether there were any."""
        dead = {owner for owner in history.running_of if self._is_dead(owner, history)}
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

    def _is_dead(self, owner: str, history: History) -> bool:
        if owner == self._owner:
            return False
        now = time.monotonic()
        if now - self._looked.get(owner, -LOOK_AGAIN) < LOOK_AGAIN:
            return False
        about = history.owners[owner].about
        silence = None
        if about.get("host") != host():
            silence = self._journal.storage.beats(self._journal.study).get(owner)
        if is_dead(owner, about, silence):
            return True
        self._looked[owner] = now
        return False
