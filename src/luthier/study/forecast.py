"""When a study is expected to end, and how many trials it has until then."""

from __future__ import annotations

from math import floor, inf
from typing import NamedTuple

from luthier.model.history import History
from luthier.study.spending import spent


class Forecast(NamedTuple):
    """What is left of a study if it goes on as it does.

    Attributes
    ----------
    trials : int
        That end until then.
    seconds : float
        Until then.
    """

    trials: int
    seconds: float

    def __str__(self) -> str:
        minutes, seconds = divmod(round(self.seconds), 60)
        hours, minutes = divmod(minutes, 60)
        return f"about {self.trials} more trials, {hours}:{minutes:02}:{seconds:02} left"


def forecast(
    history: History,
    ended: int,
    elapsed: float,
    *,
    total_trials: int | None = None,
    seconds_left: float | None = None,
    max_cost: float | None = None,
) -> Forecast | None:
    """Return what is left of a study; None if nothing ends it, or too little is known.

    Parameters
    ----------
    history : History
        As it stands.
    ended : int
        Trials that ended in the time that is taken as the measure.
    elapsed : float
        That time, seconds.
    total_trials : int, optional
        Trials of the study in all.
    seconds_left : float, optional
        What is left of the time it has.
    max_cost : float, optional
        What it may cost in all.
    """
    if not ended or elapsed <= 0:
        return None
    pace = ended / elapsed
    left = inf if total_trials is None else max(0, total_trials - len(history.ended))
    if max_cost is not None:
        so_far = spent(history)
        if so_far.cost > 0 and history.ended:
            each = so_far.cost / len(history.ended)
            left = min(left, max(0.0, max_cost - so_far.cost) / each)
    if seconds_left is not None:
        left = min(left, pace * max(0.0, seconds_left))
    return None if left == inf else Forecast(floor(left + 1e-9), left / pace)


def planned(history: History, now: float) -> Forecast | None:
    """Return what is left of a study that runs, by what its processes have noted that they plan.

    Parameters
    ----------
    history : History
        As it stands.
    now : float
        Seconds since the epoch.
    """
    plans = [
        (opened.time, plan)
        for owner in history.running_of
        if (opened := history.owners.get(owner)) and (plan := opened.about.get("plan"))
    ]
    if not plans:
        return None
    began, plan = min(plans, key=lambda item: item[0])
    ended = sum((trial.ended or 0.0) >= began for trial in history.ended)
    until = plan.get("until")
    return forecast(
        history,
        ended,
        now - began,
        total_trials=plan.get("total_trials"),
        seconds_left=None if until is None else until - now,
        max_cost=plan.get("max_cost"),
    )
