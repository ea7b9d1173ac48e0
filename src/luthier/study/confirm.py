"""Measure the best trials again, before one is called the best."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol

from luthier.analysis.best import best_trial
from luthier.analysis.confirmed import Confirmed, candidates, confirmed, losses_of, remaining
from luthier.errors import InvalidInput
from luthier.executors.base import Executor
from luthier.model.history import History
from luthier.model.problem import Direction
from luthier.model.repeats import CONFIRMS, confirms
from luthier.schedulers.base import Scheduler
from luthier.schedulers.full import Full
from luthier.study.budget import is_real
from luthier.study.trial import Trial


class _Measured(Protocol):
    """What is asked of a study here; `luthier.study.study.Study` says what it means."""

    stop_reason: str | None

    @property
    def history(self) -> History: ...

    @property
    def directions(self) -> list[Direction]: ...

    @property
    def scheduler(self) -> Scheduler: ...

    @scheduler.setter
    def scheduler(self, scheduler: Scheduler) -> None: ...

    def enqueue_trial(
        self, params: Mapping[str, Any], *, user_attrs: Mapping[str, Any] | None = None
    ) -> int | None: ...

    def optimize(
        self,
        objective: Callable[[Trial], Any],
        *,
        total_trials: int | None = None,
        n_jobs: int = 1,
        executor: str | Executor | None = None,
    ) -> None: ...


def confirm(
    study: _Measured,
    objective: Callable[[Trial], Any],
    top: int = 3,
    repeats: int = 10,
    *,
    p_threshold: float = 0.05,
    n_jobs: int = 1,
    executor: str | Executor | None = None,
) -> list[Confirmed]:
    """Measure the best trials again, with new seeds, until one proves to be the best.

    The params of each are tried in rounds, as trials of their own that run to their end whatever
    the scheduler. In a round all have the same `Trial.seed`, so that they are compared in pairs;
    an objective that does not use it gives no pairs, but repeats all the same. After each round
    those are given up that a paired t-test finds worse.

    It goes on where it was interrupted: what was measured counts, and so do the rounds of an
    earlier call.

    Parameters
    ----------
    study : _Measured
        A study with one objective.
    objective : callable
        As for `Study.optimize`.
    top : int, default 3
        How many trials, of different params; a single one is measured `repeats` times. Trials
        that were in question in an earlier call are still so.
    repeats : int, default 10
        How often each is measured at most, 2 at least.
    p_threshold : float, default 0.05
        The probability of giving up a trial that is as good as the best one.
    n_jobs, executor
        As for `Study.optimize`.

    Returns
    -------
    list of Confirmed
        The best first. Fewer repeats than asked for are there when one was left, or the work
        was interrupted: ``study.stop_reason`` tells.

    Raises
    ------
    InvalidInput
        If an argument is not allowed, or the study has several objectives.
    NoResult
        If there is no trial to confirm.
    """
    _check(study, top, repeats, p_threshold)
    history = study.history
    best_trial(history)  # says why there is none
    best = {trial.number for trial in candidates(history, top)}
    among = sorted(best | losses_of(history).keys())
    scheduler = study.scheduler
    study.scheduler = Full()
    try:
        while True:
            left, round = remaining(losses_of(study.history), among, repeats, p_threshold)
            if round is None:
                decided = len(left) < min(2, len(among))
                study.stop_reason = "one trial is left" if decided else f"{repeats} repeats"
                break
            if not _measure(study, objective, left, round, n_jobs, executor):
                break
    finally:
        study.scheduler = scheduler
    return confirmed(study.history)


def _measure(
    study: _Measured,
    objective: Callable[[Trial], Any],
    numbers: Collection[int],
    round: int,
    n_jobs: int,
    executor: str | Executor | None,
) -> bool:
    """Run a round, and tell whether it is complete."""
    history = study.history
    measured = losses_of(history)
    queued = {c.trial for t in history.open if (c := confirms(t.user_attrs)) and c.round == round}
    for number in numbers:
        if number not in queued and round not in measured.get(number, {}):
            note = {CONFIRMS: {"trial": number, "round": round}}
            study.enqueue_trial(history.trial(number).params, user_attrs=note)
    # No new trial may begin: only what is queued runs.
    study.optimize(objective, total_trials=0, n_jobs=n_jobs, executor=executor)
    measured = losses_of(study.history)
    return all(round in measured.get(number, {}) for number in numbers)


def _check(study: _Measured, top: int, repeats: int, p_threshold: float) -> None:
    if len(study.directions) > 1:
        raise InvalidInput("confirm", study.directions, "a study with one objective")
    for name, value, least in (("top", top, 1), ("repeats", repeats, 2)):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise InvalidInput(f"confirm: {name}", value, f"an integer from {least} on")
    if not is_real(p_threshold) or not 0 <= p_threshold <= 1:
        raise InvalidInput("confirm: p_threshold", p_threshold, "a number in [0, 1]")
