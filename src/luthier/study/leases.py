"""Trials whose process died: found, and handed back to be started again."""

from __future__ import annotations

import time

from luthier.model.events import Released, Told
from luthier.model.history import History
from luthier.model.trial import FrozenTrial, TrialState
from luthier.study.journal import Journal
from luthier.study.owner import host, is_dead

MAX_ATTEMPTS = 10
"""A trial whose process died so often is not started again: it may be what kills it."""

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

    def release_lost(self, history: History) -> bool:
        """Hand back the running trials of owners that died, and tell whether there were any."""
        lost = [trial for trial in history.open if self._is_lost(trial, history)]
        for trial in lost:
            if trial.attempt >= MAX_ATTEMPTS:
                error = f"its process died in each of {trial.attempt} attempts"
                end = Told(trial.number, TrialState.FAILED, error=error, time=time.time())
                self._journal.append(end)
            else:
                reason = "its process died"
                self._journal.append(Released(trial.number, reason, trial.attempt, time.time()))
        return bool(lost)

    def _is_lost(self, trial: FrozenTrial, history: History) -> bool:
        owner = trial.owner
        if trial.state is not TrialState.RUNNING or owner is None or owner == self._owner:
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
