"""What is worth finishing when no trial may begin any more."""

from __future__ import annotations

from math import isfinite

from luthier.model.history import History
from luthier.model.trial import FrozenTrial
from luthier.schedulers.reading import Key, Reading


def worth_finishing(history: History, reading: Reading) -> int | None:
    """Return the paused trial that should be trained to its end, None if none is worth it.

    It is the best one of those that went farthest, unless a complete trial was as good at that
    step; with several objectives it is the first that none of them dominates. As long as a trial
    runs, nothing is decided: it may turn out to be the best.

    Parameters
    ----------
    history : History
    reading : Reading
        What trials are compared by.
    """
    paused = [trial for trial in history.paused if _key(trial, reading) is not None]
    if not paused or history.running:
        return None
    far = max(_last_step(trial) for trial in paused)
    here = {t.number: key for t in paused if _last_step(t) == far and (key := _key(t, reading))}
    rivals = [key for trial in history.complete if (key := _key(trial, reading, far)) is not None]
    for number, key in sorted(here.items(), key=lambda item: (item[1], item[0])):
        if not any(_as_good(rival, key) for rival in rivals):
            return number
    return None


def _last_step(trial: FrozenTrial) -> int:
    last = trial.reports.last
    return -1 if last is None else last.step


def _key(trial: FrozenTrial, reading: Reading, up_to: int | None = None) -> Key | None:
    """Return what a trial is compared by: its last report up to a step, if it says something."""
    for report in reversed(trial.reports):
        if up_to is None or report.step <= up_to:
            key = reading.key(report.metrics)
            return key if key is not None and all(map(isfinite, key)) else None
    return None


def _as_good(one: Key, other: Key) -> bool:
    """Tell whether one dominates the other or equals it; limits come before losses."""
    if one[0] != other[0]:
        return one[0] < other[0]
    return all(a <= b for a, b in zip(one, other, strict=True))
